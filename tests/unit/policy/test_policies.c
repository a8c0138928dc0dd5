/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "hook_fixture.h"
#include "io/file.h"
#include "policy/watchdog.h"

#define NODE "{\"metadata\":{\"name\":\"n1\",\"uid\":\"n1\",\"resourceVersion\":\"1\"}}"

static char listed[4096];

static void list_one(const struct moon_policy_info *info, void *ctx MOON_UNUSED)
{
    size_t len = strlen(listed);

    (void)snprintf(listed + len, sizeof(listed) - len, "%s(%s)%s%s ", info->name, info->hooks,
                   info->loaded ? "" : " not loaded", info->error != NULL ? " error" : "");
}

static const char *list(const struct fixture *f)
{
    listed[0] = '\0';
    moon_policies_each(f->policies, list_one, NULL);
    return listed;
}

static void test_stock(void **state)
{
    struct fixture *f = *state;

    fixture_load(f);
    static const char *const stock[] = {
        "node-selection/default(select) ", "tolerations/default(tolerations) ",
        "update/on-delete(update) ",       "update/rolling(update) ",
        "update/canary(mutate) ", /* of the library */
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(stock); i++) {
        assert_non_null(strstr(list(f), stock[i]));
    }
    assert_null(strstr(list(f), ") error"));
    assert_int_equal(f->reports, 0);
}

static const char *chain_error(struct fixture *f, const char *names, const char *params)
{
    static struct moon_err err;
    struct moon_chain_opts opts = {
        .names = names, .params = params, .stock_update = "update/rolling"};
    struct moon_chain *c = moon_chain_new(f->policies, &opts, &err);

    if (c != NULL) {
        moon_chain_free(c);
        return "";
    }
    return err.text;
}

static void test_files_replace_stock(void **state)
{
    struct fixture *f = *state;

    fixture_write(f, "node-selection/default",
                  "return { api = 1, name = 'node-selection/default',\n"
                  "select = function() return false, 'nowhere' end }");
    fixture_write(f, "node-selection/default_test", "this is no policy");
    fixture_write(f, "meta/moonset", "this is no policy");
    fixture_load(f);
    fixture_set(f, "{}", "{}");
    fixture_chain(f, NULL, NULL, NULL);
    assert_string_equal(ask_select(f, NODE), "evict: nowhere");
    assert_int_equal(f->reports, 0);
}

static void test_a_broken_file_leaves_stock_in_force(void **state)
{
    struct fixture *f = *state;

    fixture_write(f, "update/rolling", "return {");
    fixture_load(f);
    assert_int_equal(f->reports, 3); /* and for the two policies that require it */
    assert_int_equal(f->last.fault, MOON_FAULT_LOAD);
    assert_string_equal(chain_error(f, NULL, NULL), "");
    assert_non_null(strstr(list(f), "update/rolling(update) error"));
}

static void test_reload(void **state)
{
    struct fixture *f = *state;

    fixture_write(f, "p", "return { api = 1, select = function() return true, 'one' end }");
    fixture_load(f);
    fixture_set(f, "{}", "{}");
    fixture_chain(f, "p", NULL, NULL);
    MOON_AUTOFREE char *first = moon_strdup(moon_chain_digest(f->chain));
    uint64_t generation = moon_policies_generation(f->policies);
    moon_policies_reload(f->policies);
    assert_int_equal(f->changes, 0);

    fixture_write(f, "p", "return { api = 1, select = function() return true, 'two' end }");
    moon_policies_reload(f->policies);
    assert_int_equal(f->changes, 1);
    assert_int_equal(moon_policies_generation(f->policies), generation + 1);
    /* The chain keeps what it was made of. */
    assert_string_equal(ask_select(f, NODE), "run: one");
    fixture_chain(f, "p", NULL, NULL);
    assert_string_equal(ask_select(f, NODE), "run: two");
    assert_string_not_equal(first, moon_chain_digest(f->chain));

    /* A broken version changes nothing and is told once. */
    fixture_write(f, "p", "return { api = 1, select = function() return true, 'three' end");
    moon_policies_reload(f->policies);
    moon_policies_reload(f->policies);
    assert_int_equal(f->reports, 1);
    assert_int_equal(f->changes, 1);
    assert_non_null(strstr(f->last.text, "p.lua:1:"));
    fixture_chain(f, "p", NULL, NULL);
    assert_string_equal(ask_select(f, NODE), "run: two");

    fixture_remove(f, "p");
    moon_policies_reload(f->policies);
    assert_int_equal(f->changes, 2);
    assert_string_equal(chain_error(f, "p", NULL), "policy p is not known");
}

static void test_modules_are_followed(void **state)
{
    struct fixture *f = *state;

    fixture_write(f, "lib/words", "return { hello = 'one' }");
    fixture_write(f, "p",
                  "local w = require 'lib.words'\n"
                  "return { api = 1, select = function() return true, w.hello end }");
    fixture_load(f);
    fixture_set(f, "{}", "{}");
    fixture_chain(f, "p", NULL, NULL);
    assert_string_equal(ask_select(f, NODE), "run: one");
    fixture_write(f, "lib/words", "return { hello = 'two' }");
    moon_policies_reload(f->policies);
    assert_int_equal(f->changes, 1);
    fixture_chain(f, "p", NULL, NULL);
    assert_string_equal(ask_select(f, NODE), "run: two");
    assert_null(strstr(list(f), "lib"));
}

static void test_choosing(void **state)
{
    struct fixture *f = *state;

    fixture_write(f, "waves", "return { api = 1, update = function() end }");
    fixture_write(f, "other", "return { api = 1, update = function() end }");
    fixture_write(f, "broken", "return {");
    fixture_load(f);
    assert_string_equal(chain_error(f, "waves", NULL), "");
    assert_string_equal(chain_error(f, " waves , node-selection/default ", NULL), "");
    assert_string_equal(chain_error(f, "wavse", NULL),
                        "policy wavse is not known (did you mean 'waves'?)");
    assert_non_null(
        strstr(chain_error(f, "broken", NULL), "policy broken has never loaded: broken.lua:1:"));
    assert_non_null(
        strstr(chain_error(f, "waves,other", NULL), "two policies with the hook update"));
    assert_non_null(strstr(chain_error(f, "waves,waves", NULL), "named twice"));
    assert_non_null(strstr(chain_error(f, "waves,,other", NULL), "empty name"));
    assert_non_null(strstr(chain_error(f, "waves@1.2", NULL), "@sha256:"));
    assert_non_null(strstr(chain_error(f, "waves@sha256:000000000000", NULL), "there is "));
    assert_string_equal(chain_error(f, "waves@sha256:ba42e2329109f1bf", NULL), "");
}

#define WITH_PARAMS                                                                                \
    "return { api = 1, params = { zone = { type = 'string', required = true },\n"                  \
    "  soak = { type = 'duration', default = '1m' }, strict = { type = 'boolean' },\n"             \
    "  share = { type = 'intstr', default = '10%' }, pools = { type = 'list' } },\n"               \
    "  select = function(node, set) local p = set.params\n"                                        \
    "    local names = {} for k in pairs(p) do names[#names + 1] = k end\n"                        \
    "    return true, table.concat({ p.zone, p.soak, tostring(p.strict), p.share,\n"               \
    "      p.pools and #p.pools or 'none', table.concat(names, '+') }, ' ') end }"

static void test_params(void **state)
{
    struct fixture *f = *state;

    fixture_write(f, "p", WITH_PARAMS);
    fixture_load(f);
    fixture_set(f, "{}", "{}");
    fixture_chain(f, "p", "zone: z1\nsoak: 90s\nstrict: true\npools: [a, b]\n", NULL);
    assert_string_equal(ask_select(f, NODE), "run: z1 90 true 10% 2 pools+share+soak+strict+zone");
    MOON_AUTOFREE char *digest = moon_strdup(moon_chain_digest(f->chain));
    fixture_chain(f, "p", "{\"zone\":\"z2\",\"share\":3}", NULL);
    assert_string_equal(ask_select(f, NODE), "run: z2 60 nil 3 none share+soak+zone");
    assert_string_not_equal(digest, moon_chain_digest(f->chain));

    assert_non_null(strstr(chain_error(f, "p", NULL), "parameter 'zone' is required"));
    assert_non_null(strstr(chain_error(f, "p", "zone: 1"), "must be a text"));
    assert_non_null(strstr(chain_error(f, "p", "zone: z\nsoak: later"), "must be a duration"));
    assert_non_null(strstr(chain_error(f, "p", "zone: z\nsaok: 1m"), "did you mean 'soak'"));
    assert_non_null(strstr(chain_error(f, "p", "zone: z\nstrict: 3"), "true or false"));
    assert_non_null(strstr(chain_error(f, "p", "- zone"), "a mapping"));
    assert_non_null(strstr(chain_error(f, "p", "{zone"), "params:"));
}

/* Two chains share one state, each with its own parameters. */
static void test_params_of_two_sets(void **state)
{
    struct fixture *f = *state;
    struct moon_err err;

    fixture_write(f, "p",
                  "return { api = 1, params = { w = { type = 'string' } },\n"
                  "select = function(n, set) return true, set.params.w end }");
    fixture_load(f);
    fixture_set(f, "{}", "{}");
    fixture_chain(f, "p", "w: one", NULL);
    struct moon_chain_opts opts = {.names = "p", .params = "w: two"};
    struct moon_chain *first = f->chain;
    struct moon_chain *second = moon_chain_new(f->policies, &opts, &err);
    for (int i = 0; i < 3; i++) {
        f->chain = first;
        assert_string_equal(ask_select(f, NODE), "run: one");
        f->chain = second;
        assert_string_equal(ask_select(f, NODE), "run: two");
    }
    f->chain = first;
    moon_chain_free(second);
    assert_string_equal(ask_select(f, NODE), "run: one");
}

static void test_unknown_parameter(void **state)
{
    struct fixture *f = *state;

    fixture_policy(f, "params = { soak = { type = 'duration' } },\n"
                      "select = function(n, set) return set.params.saok end");
    assert_string_equal(ask_select(f, NODE), "undecided");
    assert_non_null(strstr(f->last.text, "no parameter 'saok' (did you mean 'soak'?)"));
}

static void test_check(void **state)
{
    struct fixture *f = *state;
    struct moon_err err;

    fixture_load(f);
    assert_int_equal(
        moon_policies_check(f->policies, "x", "dir/x.lua",
                            MOON_STR_LIT("return { api = 1, select = function() end }"), &err),
        0);
    assert_int_equal(
        moon_policies_check(f->policies, "x", "dir/x.lua", MOON_STR_LIT("return {}"), &err),
        -MOON_E_POLICY);
    assert_non_null(strstr(err.text, "dir/x.lua: x.lua:1: 'api' is missing"));
    assert_null(strstr(list(f), "x("));
}

static void test_missing_folder(void **state MOON_UNUSED)
{
    const char *dirs[] = {"/nonexistent/policies", NULL};
    struct moon_err err;

    assert_null(moon_policies_new(NULL, &(struct moon_policies_opts){.dirs = dirs}, &err));
    assert_non_null(strstr(err.text, "/nonexistent/policies"));
}

/* What the watchdog wrote keeps that version out of force at the next start. */
static void test_quarantine(void **state)
{
    static const char text[] = "return { api = 1, select = function() return true end }";
    struct fixture *f = *state;
    MOON_AUTOFREE char *note = moon_asprintf("%s/policy-watchdog", f->dir);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf content = MOON_BUF_INIT(256);
    const char *dirs[] = {f->dir, NULL};
    struct moon_err err;
    char version[65];

    fixture_write(f, "p", text);
    moon_buf_puts(&content, "policy=p version=");
    moon_buf_puts(&content, "fc9a317ce7980df188f9750efc17f9762b46c7bc837e5b510732bcc2cc6e11c2");
    moon_buf_puts(&content, " hook=select\n");
    assert_int_equal(moon_file_write(note, moon_buf_str(&content), 0600, &err), 0);
    assert_true(moon_watchdog_read(f->dir, version));
    f->policies = moon_policies_new(
        NULL, &(struct moon_policies_opts){.dirs = dirs, .state_dir = f->dir, .watchdog = true},
        &err);
    assert_non_null(f->policies);
    assert_non_null(strstr(chain_error(f, "p", NULL), "could not be stopped"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_stock),
        TEST(test_files_replace_stock),
        TEST(test_a_broken_file_leaves_stock_in_force),
        TEST(test_reload),
        TEST(test_modules_are_followed),
        TEST(test_choosing),
        TEST(test_params),
        TEST(test_params_of_two_sets),
        TEST(test_unknown_parameter),
        TEST(test_check),
        cmocka_unit_test(test_missing_folder),
        TEST(test_quarantine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
