/* SPDX-License-Identifier: Apache-2.0
 *
 * test_reserve.c - what one process has kept, in the next one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "hook_fixture.h"

#define NODE "{\"metadata\":{\"name\":\"n1\",\"uid\":\"n1\",\"resourceVersion\":\"1\"}}"
#define SAYS(word) "return { api = 1, select = function() return true, '" word "' end }"
#define SOURCE "configmap ns/a"

static struct fixture *loaded(void **state)
{
    struct fixture *f = *state;

    fixture_load(f);
    fixture_set(f, "{}", "{}");
    return f;
}

static void offer(struct fixture *f, const char *text)
{
    moon_policies_offer(f->policies, SOURCE,
                        &(struct moon_policy_file){.path = "p.lua", .text = moon_str(text)}, 1);
}

/* The user decides by these names. */
static void use(struct fixture *f, const char *user, const char *names)
{
    fixture_chain(f, names, NULL, NULL);
    moon_policies_use(f->policies, user, f->chain);
}

static char *save(const struct fixture *f)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(2 * MOON_RESERVE_MAX_BYTES);

    assert_int_equal(moon_policies_save(f->policies, &text), 0);
    return moon_buf_take(&text, NULL);
}

static void restore(struct fixture *f, const char *text)
{
    struct moon_err err;

    if (moon_policies_restore(f->policies, moon_str(text), &err) != 0) {
        fail_msg("%s", err.text);
    }
}

/* Another process with the same folder. */
static void restart(struct fixture *f)
{
    MOON_AUTOFREE char *text = save(f);

    fixture_load(f);
    restore(f, text);
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

static void test_a_broken_text(void **state)
{
    struct fixture *f = *state;

    fixture_write(f, "lib/words", "return 'good \"words\"\\n'");
    fixture_write(f, "p",
                  "local w = require 'lib.words'\n"
                  "return { api = 1, select = function() return true, w end }");
    (void)loaded(state);
    use(f, "default/agent", "p");
    fixture_write(f, "p", "return {");
    restart(f);
    assert_string_equal(says(f, "p"), "run: good \"words\"\n");
    fixture_write(f, "p", SAYS("mended"));
    moon_policies_reload(f->policies);
    assert_string_equal(says(f, "p"), "run: mended");
}

static void test_a_broken_bundle_in_place_of_a_file(void **state)
{
    struct fixture *f = *state;

    fixture_write(f, "p", SAYS("folder"));
    (void)loaded(state);
    offer(f, SAYS("bundle"));
    use(f, "default/agent", "p");
    restart(f);
    offer(f, "return {");
    assert_string_equal(says(f, "p"), "run: bundle");
    moon_policies_withdraw(f->policies, SOURCE);
    assert_string_equal(says(f, "p"), "run: folder");
}

static void test_a_digest(void **state)
{
    struct fixture *f = loaded(state);

    offer(f, SAYS("first"));
    use(f, "default/agent", "p");
    MOON_AUTOFREE char *first = moon_strdup(moon_policies_used(f->policies, "default/agent"));
    offer(f, SAYS("second"));
    restart(f);
    assert_non_null(strstr(chain_error(f, first), "policy p is not known")); /* not yet */
    offer(f, SAYS("second"));
    assert_string_equal(says(f, first), "run: first");
    assert_string_equal(says(f, "p"), "run: second");
}

static void test_removed_or_not_mounted(void **state)
{
    struct fixture *f = *state;

    fixture_write(f, "p", SAYS("p"));
    fixture_write(f, "another", SAYS("q"));
    (void)loaded(state);
    use(f, "default/agent", "p");
    MOON_AUTOFREE char *text = save(f);
    fixture_remove(f, "p");
    fixture_load(f);
    restore(f, text);
    assert_string_equal(chain_error(f, "p"), "policy p is not known");
    fixture_remove(f, "another");
    fixture_load(f);
    restore(f, text);
    assert_string_equal(says(f, "p"), "run: p"); /* an empty folder proves nothing */
    fixture_write(f, "another", SAYS("q"));
    moon_policies_reload(f->policies);
    moon_chain_free(moon_steal(&f->chain));
    assert_string_equal(chain_error(f, "p"), "policy p is not known");
}

static void test_bundles_that_cannot_be_read(void **state)
{
    struct fixture *f = loaded(state);

    offer(f, SAYS("bundle"));
    use(f, "default/agent", "p");
    MOON_AUTOFREE char *text = save(f);
    fixture_load(f);
    restore(f, text);
    assert_string_equal(chain_error(f, "p"), "policy p is not known");
    moon_policies_miss_offers(f->policies, true);
    assert_string_equal(says(f, "p"), "run: bundle");
    moon_policies_miss_offers(f->policies, false);
    moon_chain_free(moon_steal(&f->chain));
    assert_string_equal(chain_error(f, "p"), "policy p is not known");
}

static bool is_agent(const char *user, void *ctx)
{
    (void)ctx;
    return strcmp(user, "default/agent") == 0;
}

static void test_users(void **state)
{
    struct fixture *f = loaded(state);

    offer(f, SAYS("one"));
    use(f, "default/agent", "p");
    use(f, "default/other", "p");
    use(f, "default/stock", NULL);
    assert_null(moon_policies_used(f->policies, "default/stock"));
    MOON_AUTOFREE char *one = moon_strdup(moon_policies_used(f->policies, "default/agent"));
    assert_true(moon_str_starts(moon_str(one), "p@sha256:"));
    assert_int_equal(f->uses, 2);
    use(f, "default/agent", "p");
    assert_int_equal(f->uses, 2);
    restart(f);
    assert_string_equal(moon_policies_used(f->policies, "default/agent"), one);
    assert_string_equal(moon_policies_used(f->policies, "default/other"), one);
    moon_policies_keep_users(f->policies, is_agent, NULL);
    assert_null(moon_policies_used(f->policies, "default/other"));
    use(f, "default/agent", NULL);
    assert_null(moon_policies_used(f->policies, "default/agent"));
    MOON_AUTOFREE char *nothing = save(f);
    assert_string_equal(nothing, "{\"versions\":[],\"users\":{}}");
    restore(f, nothing);
}

static void test_what_is_no_good(void **state)
{
    struct fixture *f = loaded(state);
    struct moon_err err;

    restore(f,
            "{\"versions\":[{},{\"name\":\"p\"},{\"name\":\"p\",\"digest\":\"0\",\"place\":\"x\","
            "\"text\":\"return {\"},1],\"users\":{\"a\":1}}");
    restore(f, "{}");
    assert_int_equal(moon_policies_restore(f->policies, moon_str("{"), &err), -MOON_E_INVALID);
    assert_string_equal(chain_error(f, "p"), "policy p is not known");
}

static void test_too_much_of_it(void **state)
{
    struct fixture *f = loaded(state);
    MOON_AUTOFREE char *padding = moon_asprintf("-- %0*d\n" SAYS("large"), 200 * 1024, 0);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(2 * MOON_RESERVE_MAX_BYTES);

    for (int i = 0; i < 6; i++) {
        MOON_AUTOFREE char *path = moon_asprintf("p%d.lua", i);
        MOON_AUTOFREE char *name = moon_asprintf("p%d", i);
        MOON_AUTOFREE char *source = moon_asprintf("configmap ns/%d", i);
        moon_policies_offer(f->policies, source,
                            &(struct moon_policy_file){.path = path, .text = moon_str(padding)}, 1);
        use(f, name, name);
    }
    assert_int_equal(moon_policies_save(f->policies, &text), 3);
    assert_true(text.len < MOON_RESERVE_MAX_BYTES + 1024);
    restore(f, moon_buf_cstr(&text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_broken_text),
        TEST(test_a_broken_bundle_in_place_of_a_file),
        TEST(test_a_digest),
        TEST(test_removed_or_not_mounted),
        TEST(test_bundles_that_cannot_be_read),
        TEST(test_users),
        TEST(test_what_is_no_good),
        TEST(test_too_much_of_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
