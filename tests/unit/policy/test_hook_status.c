/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "hook_fixture.h"

/* "message | Type=True Reason message; …"; "failed" when a policy has. */
static const char *said(struct fixture *f)
{
    static char out[2048];
    struct moon_buf text = MOON_BUF_INIT(sizeof(out));
    struct moon_status status;

    moon_hook_status(f->chain, &f->view, &f->roll, &status);
    moon_buf_printf(&text, "%s%s |", status.failed ? "failed " : "",
                    status.message != NULL ? status.message : "-");
    for (size_t i = 0; i < status.count; i++) {
        const struct moon_status_condition *c = &status.conditions[i];
        moon_buf_printf(&text, "%s %s=%s %s %s", i > 0 ? ";" : "", c->type,
                        c->status ? "True" : "False", c->reason, c->message);
    }
    (void)snprintf(out, sizeof(out), "%s", moon_buf_cstr(&text));
    moon_buf_fini(&text);
    moon_status_fini(&status);
    return out;
}

static const char *ask(struct fixture *f, const char *body)
{
    MOON_AUTOFREE char *policy = moon_asprintf("status = function(roll, set) %s end", body);

    fixture_policy(f, policy);
    f->roll.revision = "r";
    f->roll.previous_revision = "";
    return said(f);
}

static void test_what_is_said(void **state)
{
    struct fixture *f = *state;
    static const char *const rows[][2] = {
        {"", "- |"},
        {"return {}", "- |"},
        {"return { message = 'wave 2 of ' .. roll.desired }", "wave 2 of 0 |"},
        {"return { conditions = { { type = 'Soaked', status = true } } }",
         "- | Soaked=True PolicySays "},
        {"return { message = 'm', conditions = { { type = 'example.com/A', status = 'False', "
         "reason "
         "= 'Because', message = 'no' }, { type = 'B', status = 'True' } } }",
         "m | example.com/A=False Because no; B=True PolicySays "},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        assert_string_equal(ask(f, rows[i][0]), rows[i][1]);
    }
    assert_int_equal(f->reports, 0);
    assert_true(moon_chain_tells_status(f->chain));
}

static void test_what_cannot_be_said(void **state)
{
    struct fixture *f = *state;
    static const char *const rows[][2] = {
        {"return 'text'", "it returned a string"},
        {"return { text = 'x' }", "it has 'text'"},
        {"return { message = 1 }", "'message' is a number"},
        {"return { message = ('x'):rep(1025) }", "'message' is longer than 1024 bytes"},
        {"return { conditions = true }", "'conditions' is a boolean"},
        {"return { conditions = { 1 } }", "a condition is a number"},
        {"return { conditions = { {} } }", "a type is a name"},
        {"return { conditions = { { type = 'a b' } } }", "a type is a name"},
        {"return { conditions = { { type = 'PolicyHealthy', status = true } } }",
         "the type 'PolicyHealthy' is moonset's own"},
        {"return { conditions = { { type = 'moonset.dev/x', status = true } } }",
         "the type 'moonset.dev/x' is moonset's own"},
        {"return { conditions = { { type = 'A' } } }", "a status is true or false"},
        {"return { conditions = { { type = 'A', status = 'Unknown' } } }",
         "a status is true or false"},
        {"return { conditions = { { type = 'A', status = true, reason = 'two words' } } }",
         "a reason is one word"},
        {"return { conditions = { { type = 'A', status = true }, { type = 'A', status = true } } }",
         "'A' is there twice"},
        {"local c = {} for i = 1, 9 do c[i] = { type = 'T' .. i, status = true } end\n"
         "return { conditions = c }",
         "more than 8 conditions"},
        {"roll:pause('x')", "status records nothing"},
        {"error('oops')", "oops"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        assert_string_equal(ask(f, rows[i][0]), "failed - |");
        assert_int_equal(f->reports, i + 1);
        assert_string_equal(f->last.hook, "status");
        if (strstr(f->last.text, rows[i][1]) == NULL) {
            fail_msg("%s: %s", rows[i][0], f->last.text);
        }
    }
}

static void test_several_policies(void **state)
{
    struct fixture *f = *state;
    fixture_write(f, "a",
                  "return { api = 1, status = function() return { message = 'a', "
                  "conditions = { { type = 'A', status = true } } } end }");
    fixture_write(f, "b",
                  "return { api = 1, status = function() return { message = 'b', "
                  "conditions = { { type = 'B', status = true } } } end }");
    fixture_write(f, "c",
                  "return { api = 1, status = function() return { "
                  "conditions = { { type = 'A', status = true } } } end }");
    fixture_load(f);
    fixture_set(f, "{}", "{}");
    fixture_chain(f, "a,b", NULL, NULL);
    assert_string_equal(said(f), "a; b | A=True PolicySays ; B=True PolicySays ");
    fixture_chain(f, "a,c", NULL, NULL);
    assert_string_equal(said(f), "failed a | A=True PolicySays ");
    assert_string_equal(f->last.policy, "c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_said),
        TEST(test_what_cannot_be_said),
        TEST(test_several_policies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
