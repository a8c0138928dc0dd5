/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "hook_fixture.h"

#define NODE "{\"metadata\":{\"name\":\"n1\",\"uid\":\"n1\",\"resourceVersion\":\"1\"}}"
#define SAYS(word) "return { api = 1, select = function() return true, '" word "' end }"
#define SAYS_WORD                                                                                  \
    "local w = require 'words' return { api = 1, select = function() return true, w end }"

static void offer_file(struct fixture *f, const char *source, const char *path, const char *text)
{
    moon_policies_offer(f->policies, source,
                        &(struct moon_policy_file){.path = path, .text = moon_str(text)}, 1);
}

static const char *says(struct fixture *f, const char *names)
{
    fixture_chain(f, names, NULL, NULL);
    return ask_select(f, NODE);
}

static const char *chain_error(struct fixture *f, const char *names)
{
    static struct moon_err err;
    struct moon_chain *c =
        moon_chain_new(f->policies, &(struct moon_chain_opts){.names = names}, &err);

    moon_chain_free(c);
    return c != NULL ? "" : err.text;
}

/* "name@sha256:<12 digits>" of what is in force. */
struct wanted {
    const char *name;
    char text[128];
};

static void find_version(const struct moon_policy_info *info, void *ctx)
{
    struct wanted *w = ctx;

    if (strcmp(info->name, w->name) == 0) {
        (void)snprintf(w->text, sizeof(w->text), "%s@sha256:%.12s", info->name, info->version);
    }
}

static struct wanted version_of(const struct fixture *f, const char *name)
{
    struct wanted w = {.name = name};

    moon_policies_each(f->policies, find_version, &w);
    return w;
}

static struct fixture *loaded(void **state)
{
    struct fixture *f = *state;

    fixture_load(f);
    fixture_set(f, "{}", "{}");
    return f;
}

static void test_a_bundle_wins_over_a_folder(void **state)
{
    struct fixture *f = *state;

    fixture_write(f, "p", SAYS("folder"));
    (void)loaded(state);
    assert_string_equal(says(f, "p"), "run: folder");
    offer_file(f, "configmap ns/b", "p.lua", SAYS("b"));
    assert_int_equal(f->changes, 1);
    assert_string_equal(says(f, "p"), "run: b");
    assert_non_null(strstr(f->replaced, "p: configmap ns/b instead of "));
    offer_file(f, "configmap ns/a", "p.lua", SAYS("a")); /* by name, whatever came first */
    assert_string_equal(says(f, "p"), "run: b");
    moon_policies_withdraw(f->policies, "configmap ns/b");
    assert_string_equal(says(f, "p"), "run: a");
    moon_policies_withdraw(f->policies, "configmap ns/a");
    moon_policies_withdraw(f->policies, "configmap ns/unknown");
    assert_string_equal(says(f, "p"), "run: folder");
}

static void test_a_bundle_has_its_own_modules(void **state)
{
    struct fixture *f = *state;

    fixture_write(f, "lib/shared", "return 'shared'");
    (void)loaded(state);
    moon_policies_offer(f->policies, "configmap ns/one",
                        (const struct moon_policy_file[]){
                            {.path = "one.lua", .text = moon_str(SAYS_WORD)},
                            {.path = "words", .text = moon_str("return 'one'")},
                        },
                        2);
    moon_policies_offer(f->policies, "configmap ns/two",
                        (const struct moon_policy_file[]){
                            {.path = "two.lua", .text = moon_str(SAYS_WORD)},
                            {.path = "words", .text = moon_str("return 'two'")},
                        },
                        2);
    assert_string_equal(says(f, "one"), "run: one");
    assert_string_equal(says(f, "two"), "run: two");
    offer_file(f, "configmap ns/three", "three.lua", SAYS_WORD);
    assert_non_null(strstr(f->last.text, "words"));
    offer_file(f, "configmap ns/three", "three.lua",
               "require 'lib.shared' return { api = 1, select = function() end }");
    assert_int_equal(f->reports, 2);
    assert_non_null(strstr(f->last.text, "lib.shared"));
}

static void test_a_broken_bundle_changes_nothing(void **state)
{
    struct fixture *f = *state;

    fixture_write(f, "p", SAYS("folder"));
    (void)loaded(state);
    offer_file(f, "configmap ns/a", "p.lua", "return {");
    assert_int_equal(f->reports, 1);
    assert_int_equal(f->changes, 0);
    assert_string_equal(says(f, "p"), "run: folder");
    offer_file(f, "configmap ns/a", "p.lua", SAYS("good"));
    offer_file(f, "configmap ns/a", "p.lua", "return {");
    assert_string_equal(says(f, "p"), "run: good");
    moon_policies_offer(
        f->policies, "configmap ns/a",
        &(struct moon_policy_file){.path = "p.lua", .error = "is binary data, not a text"}, 1);
    assert_int_equal(f->reports, 3);
    assert_string_equal(f->last.text, "is binary data, not a text");
    assert_string_equal(says(f, "p"), "run: good");
}

static void test_a_digest_finds_any_version(void **state)
{
    struct fixture *f = *state;

    fixture_write(f, "p", SAYS("folder"));
    (void)loaded(state);
    struct wanted folder = version_of(f, "p");
    offer_file(f, "configmap ns/a", "p.lua", SAYS("first"));
    struct wanted first = version_of(f, "p");
    offer_file(f, "configmap ns/a", "p.lua", SAYS("second"));
    assert_string_equal(says(f, folder.text), "run: folder");
    assert_string_equal(says(f, first.text), "run: first");
    assert_string_equal(says(f, "p"), "run: second");
    MOON_AUTOFREE char *both = moon_asprintf("p,%s", first.text);
    assert_non_null(strstr(chain_error(f, both), "named twice"));
    const char *unknown = chain_error(f, "p@sha256:000000000000");
    assert_non_null(strstr(unknown, "policy p has no version 000000000000…; there is "));
    assert_non_null(strstr(unknown, strchr(first.text, ':') + 1));
    assert_non_null(strstr(unknown, strchr(folder.text, ':') + 1));
}

static void offer_tested(struct fixture *f, const char *word, const char *expected)
{
    MOON_AUTOFREE char *text =
        moon_asprintf("return { api = 1, select = function() return true, '%s' end }", word);
    MOON_AUTOFREE char *tests = moon_asprintf("nodes: [n1]\ncases:\n- name: it says so\n"
                                              "  expect: { select: { n1: run '%s' } }\n",
                                              expected);

    moon_policies_offer(
        f->policies, "configmap ns/a",
        (const struct moon_policy_file[]){{.path = "p.lua", .text = moon_str(text)},
                                          {.path = "p_test.yaml", .text = moon_str(tests)}},
        2);
}

static void test_the_bundles_own_tests(void **state)
{
    struct fixture *f = loaded(state);

    offer_tested(f, "good", "good");
    assert_string_equal(says(f, "p"), "run: good");
    assert_int_equal(f->reports, 0);
    offer_tested(f, "bad", "good");
    assert_int_equal(f->reports, 1);
    assert_non_null(strstr(f->last.text, "its tests fail: p_test.yaml:"));
    assert_non_null(strstr(f->last.text, "it says so"));
    assert_string_equal(says(f, "p"), "run: good");
    offer_tested(f, "better", "better");
    assert_string_equal(says(f, "p"), "run: better");
    moon_policies_offer(
        f->policies, "configmap ns/a",
        (const struct moon_policy_file[]){{.path = "p.lua", .text = moon_str(SAYS("last"))},
                                          {.path = "p_test.yaml", .text = moon_str("tests: 1")}},
        2);
    assert_int_equal(f->reports, 2);
    assert_string_equal(says(f, "p"), "run: better");
}

/* What a set uses is not forgotten, however many versions come after it. */
static void test_a_version_in_use_stays(void **state)
{
    struct fixture *f = loaded(state);

    offer_file(f, "configmap ns/a", "p.lua", SAYS("first"));
    struct wanted first = version_of(f, "p");
    assert_string_equal(says(f, "p"), "run: first"); /* the fixture's chain holds it */
    for (int i = 0; i < 8; i++) {
        MOON_AUTOFREE char *text = moon_asprintf("-- %d\n" SAYS("next"), i);
        offer_file(f, "configmap ns/a", "p.lua", text);
    }
    assert_string_equal(chain_error(f, first.text), "");
    assert_string_equal(says(f, "p"), "run: next");
    offer_file(f, "configmap ns/a", "p.lua", SAYS("last"));
    assert_non_null(strstr(chain_error(f, first.text), "has no version"));
}

/* Another folder in place of the one we read, and nothing in it. */
static void test_a_folder_that_is_not_mounted(void **state)
{
    struct fixture *f = *state;
    MOON_AUTOFREE char *aside = moon_asprintf("%s.aside", f->dir);

    fixture_write(f, "p", SAYS("folder"));
    (void)loaded(state);
    assert_int_equal(rename(f->dir, aside), 0);
    moon_policies_reload(f->policies);
    assert_string_equal(says(f, "p"), "run: folder");
    assert_int_equal(mkdir(f->dir, 0700), 0);
    moon_policies_reload(f->policies);
    assert_string_equal(says(f, "p"), "run: folder");
    assert_int_equal(rmdir(f->dir), 0);
    assert_int_equal(rename(aside, f->dir), 0);
    moon_policies_reload(f->policies);
    fixture_remove(f, "p");
    moon_policies_reload(f->policies);
    assert_string_equal(chain_error(f, "p"), "policy p is not known");
}

static void write_tests(struct fixture *f, const char *policy, const char *policies,
                        const char *expected)
{
    MOON_AUTOFREE char *path = moon_asprintf("%s/%s_test.yaml", f->dir, policy);
    MOON_AUTOFREE char *text = moon_asprintf("policies: %s\nnodes:\n"
                                             "  n1: {}\n  n2: { taints: [x:NoExecute] }\n"
                                             "cases:\n- name: a\n  expect: { select: %s }\n",
                                             policies, expected);
    struct moon_err err;

    assert_int_equal(moon_file_write(path, moon_str(text), 0600, &err), 0);
}

/* Nothing is in force yet: neither what is built in, nor what else is in the folder. */
static void test_a_folders_tests_at_the_start(void **state)
{
    struct fixture *f = *state;

    fixture_write(f, "p", "return { api = 1, select = function() return true end }");
    write_tests(f, "p", "p", "{ n1: run, n2: evict }");
    fixture_write(f, "a", "return { api = 1, select = function() return 'keep', 'a' end }");
    write_tests(f, "a", "'a,z'", "{ n1: evict z, n2: evict }");
    fixture_write(f, "z", "return { api = 1, select = function() return false, 'z' end }");
    write_tests(f, "z", "'z,a'", "{ n1: evict z, n2: evict }");
    (void)loaded(state);
    assert_int_equal(f->reports, 0);
    assert_string_equal(says(f, "p"), "run");
    assert_string_equal(says(f, "a"), "keep: a");
    assert_string_equal(says(f, "a,z"), "evict: z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_folders_tests_at_the_start), TEST(test_a_bundle_wins_over_a_folder),
        TEST(test_a_bundle_has_its_own_modules), TEST(test_a_broken_bundle_changes_nothing),
        TEST(test_a_digest_finds_any_version),   TEST(test_the_bundles_own_tests),
        TEST(test_a_version_in_use_stays),       TEST(test_a_folder_that_is_not_mounted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
