/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "policy/bundle.h"

static bool find_module(const char *name, struct moon_str *ret_text, void *ctx MOON_UNUSED)
{
    static const char *const modules[][2] = {
        {"lib.answer", "return { answer = 'from a module' }"},
        {"lib.outer", "return require 'lib.answer'"},
        {"lib.circle", "return require 'lib.circle'"},
        {"lib.broken", "return +"},
        {"lib.nothing", "local x = 1"},
    };

    for (size_t i = 0; i < MOON_ARRAY_SIZE(modules); i++) {
        if (moon_streq(modules[i][0], name)) {
            *ret_text = moon_str(modules[i][1]);
            return true;
        }
    }
    return false;
}

static struct moon_version *load(const char *source, struct moon_fault *fault)
{
    struct moon_version_opts opts = {
        .name = "edge-only",
        .source = moon_str(source),
        .modules = {find_module, NULL},
        .budget_scale = 5,
    };

    return moon_version_load(&opts, fault);
}

#define HOOK "select = function() return true end"

static void test_refused(void **state MOON_UNUSED)
{
    static const char *const rows[][2] = {
        {"return {", "edge-only.lua:1:"},
        {"local x = 1\nreturn { api = 1, end }", "edge-only.lua:2:"},
        {"error('at load')", "edge-only.lua:1: at load"},
        {"return 1", "edge-only.lua:1: a policy returns a table, this one a number"},
        {"local x\nreturn {\n  " HOOK "\n}", "edge-only.lua:2: 'api' is missing"},
        {"return {\n  api = 2,\n  " HOOK "\n}", "edge-only.lua:2: 'api' must be 1"},
        {"return {\n  api = '1',\n  " HOOK "\n}", "edge-only.lua:2: 'api' must be 1"},
        {"return { api = 1 }", "the policy has no hook"},
        {"return {\n  api = 1,\n  selct = function() end,\n}",
         "edge-only.lua:3: unknown key 'selct' (did you mean 'select'?)"},
        {"return {\n  api = 1,\n  select = true,\n}",
         "edge-only.lua:3: hook 'select' is a boolean, not a function"},
        {"return {\n  api = 1,\n\n  on_event = function() end,\n}",
         "edge-only.lua:4: the hook on_event needs 'events'"},
        {"return { api = 1, " HOOK ",\n events = { 'pod_failed' } }",
         "edge-only.lua:2: 'events' without the hook on_event"},
        {"return { api = 1, on_event = function() end,\n events = { 'pod_faild' } }",
         "edge-only.lua:2: 'events': unknown event 'pod_faild' (did you mean 'pod_failed'?)"},
        {"return { api = 1, on_event = function() end,\n events = {} }",
         "edge-only.lua:2: 'events' is a list of what on_event is told of"},
        {"return { api = 1, on_event = function() end,\n events = { 1 } }",
         "edge-only.lua:2: 'events' is a list of texts"},
        {"return { api = 1, rank = 1 }", "hook 'rank' is a number, not a function"},
        {"return { api = 1, " HOOK ", 5 }", "no numbered entries"},
        {"return {\n api = 1,\n name = 'other', " HOOK " }",
         "edge-only.lua:3: 'name' is \"other\""},
        {"return { api = 1, " HOOK ",\n replaces = { 'update' } }",
         "edge-only.lua:2: 'replaces' names a hook that this policy does not have"},
        {"return { api = 1, " HOOK ",\n  creates = true }",
         "edge-only.lua:2: 'creates' without the hook update: nobody would make a pod"},
        {"return { api = 1, " HOOK ",\n params = 1 }", "edge-only.lua:2: 'params' is a number"},
        {"return { api = 1, " HOOK ",\n params = { p = {} } }", "parameter 'p': 'type' is missing"},
        {"return { api = 1, " HOOK ", params = { p = { type = 'strnig' } } }",
         "unknown type 'strnig' (did you mean 'string'?)"},
        {"return { api = 1, " HOOK ", params = { p = { type = 'integer', default = 'x' } } }",
         "default: parameter 'p' must be an integer"},
        {"return { api = 1, " HOOK ", params = { p = { type = 'duration', default = 'soon' } } }",
         "a duration such as"},
        {"return { api = 1, " HOOK ", params = { p = { type = 'string', defualt = 'x' } } }",
         "unknown key 'defualt' (did you mean 'default'?)"},
        {"return { api = 1, " HOOK ", params = { p = { type = 'integer', one_of = { 'a' } } } }",
         "parameter 'p': 'one_of' is a list of words, for a string"},
        {"return { api = 1, " HOOK ", params = { p = { type = 'string', one_of = {} } } }",
         "parameter 'p': 'one_of' has 1 to 32 words"},
        {"return { api = 1, " HOOK ", params = { p = { type = 'string', one_of = { 1 } } } }",
         "parameter 'p': 'one_of' is a list of texts"},
        {"return { api = 1, " HOOK ", params = { p = { type = 'string', one_of = { 'a', 'b' },\n"
         "default = 'c' } } }",
         "default: parameter 'p' is one of a, b, not 'c'"},
        {"global = 1 return { api = 1, " HOOK " }", "cannot assign to global 'global'"},
        {"require 'lib.none' return {}", "there is no such module"},
        {"require 'lib.circle' return {}", "a circle"},
        {"require 'lib.broken' return {}", "lib.broken:1:"},
        {"require 'lib.nothing' return {}", "must return a value"},
        {"while true do end", "stopped after"},
        {"local t = {} while true do t[#t + 1] = t end", "stopped"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct moon_fault fault;
        struct moon_version *v = load(rows[i][0], &fault);
        if (v != NULL || strstr(fault.text, rows[i][1]) == NULL) {
            fail_msg("%s\n  gave: %s\n  not:  %s", rows[i][0], v != NULL ? "loaded" : fault.text,
                     rows[i][1]);
        }
    }
}

static void test_kinds_of_faults(void **state MOON_UNUSED)
{
    struct moon_fault fault;

    assert_null(load("return {", &fault));
    assert_int_equal(fault.kind, MOON_FAULT_LOAD);
    assert_null(load("error('x')", &fault));
    assert_int_equal(fault.kind, MOON_FAULT_LOAD);
    assert_null(load("while true do end", &fault));
    assert_int_equal(fault.kind, MOON_FAULT_BUDGET);
}

static void test_a_good_one(void **state MOON_UNUSED)
{
    struct moon_fault fault;
    struct moon_version *v =
        load("-- Words.\nreturn { api = 1, name = 'edge-only', replaces = { 'select' },\n"
             "params = { soak = { type = 'duration', default = '10m', doc = 'how long' },\n"
             "  pools = { type = 'list', default = { 'a', 'b' } } }, " HOOK " }",
             &fault);

    assert_non_null(v);
    assert_true(v->hooks[MOON_HOOK_SELECT]);
    assert_false(v->hooks[MOON_HOOK_UPDATE]);
    assert_true(v->replaces[MOON_HOOK_SELECT]);
    assert_int_equal(v->params.count, 2);
    assert_string_equal(v->params.items[1].name, "soak");
    assert_int_equal(v->params.items[1].fallback->valueint, 600);
    assert_string_equal(v->params.items[1].doc, "how long");
    moon_version_unref(v);
}

/* `sha256sum edge-only.lua` tells the version of a policy that requires nothing. */
static void test_version(void **state MOON_UNUSED)
{
    struct moon_fault fault;
    struct moon_version *v = load("return { api = 1, " HOOK " }", &fault);

    assert_non_null(v);
    assert_string_equal(v->digest,
                        "fc9a317ce7980df188f9750efc17f9762b46c7bc837e5b510732bcc2cc6e11c2");
    moon_version_unref(v);
}

static void test_modules(void **state MOON_UNUSED)
{
    static const char source[] =
        "local m = require 'lib.outer'\n"
        "return { api = 1, select = function() return true, m.answer end }";
    struct moon_fault fault;
    struct moon_version *v = load(source, &fault);

    assert_non_null(v);
    assert_int_equal(moon_map_count(v->modules), 2);
    /* A state that is made anew finds them again. */
    v->engine->stop = MOON_STOP_CPU;
    assert_non_null(moon_version_engine(v, &fault));
    assert_int_equal(v->engine_serial, 2);
    moon_version_unref(v);
}

static void test_too_large(void **state MOON_UNUSED)
{
    enum {
        LARGE = 300 * 1024
    };
    MOON_AUTOFREE char *source = moon_alloc(LARGE + 1);
    struct moon_fault fault;

    memset(source, ' ', LARGE);
    assert_null(load(source, &fault));
    assert_non_null(strstr(fault.text, "larger than 256 KB"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),    cmocka_unit_test(test_kinds_of_faults),
        cmocka_unit_test(test_a_good_one), cmocka_unit_test(test_version),
        cmocka_unit_test(test_modules),    cmocka_unit_test(test_too_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
