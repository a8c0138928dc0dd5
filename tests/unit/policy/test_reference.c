/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine_fixture.h"
#include "policy/bundle.h"
#include "policy/library.h"
#include "policy/reference.h"
#include "policy/reference_priv.h"
#include "policy/signature.h"

/* What an editor and the reference page show stands beside what is registered. */

static void check_signature(const char *whose, const char *name, const char *signature,
                            const char *doc)
{
    if (signature == NULL || strchr(signature, '(') == NULL || strchr(signature, ')') == NULL) {
        fail_msg("%s.%s: its signature is missing", whose, name);
    }
    if (doc == NULL) {
        fail_msg("%s.%s: what it does is missing", whose, name);
    }
}

static void test_fields_of_views(void **state MOON_UNUSED)
{
    for (int kind = MOON_VIEW_NONE + 1; kind < MOON_VIEW_KINDS; kind++) {
        const struct moon_view_class *c = moon_view_class(kind);
        if (c->type == NULL || c->doc == NULL) {
            fail_msg("view %s: .type or .doc is missing", c->name);
        }
        assert_true((c->entries != NULL) == (c->fields == NULL));
        for (const struct moon_view_field *f = c->fields; f != NULL && f->name != NULL; f++) {
            if (f->type == NULL || f->doc == NULL) {
                fail_msg("%s.%s: its type or doc is missing", c->type, f->name);
            }
        }
    }
}

static void check_entries(const char *whose, const struct moon_library_entry *entries)
{
    for (const struct moon_library_entry *e = entries; e != NULL && e->name != NULL; e++) {
        assert_non_null(e->fn);
        check_signature(whose, e->name, e->signature, e->doc);
    }
}

static void test_functions(void **state MOON_UNUSED)
{
    for (size_t i = 0; moon_libraries[i] != NULL; i++) {
        const struct moon_library *library = moon_libraries[i];
        assert_true(library->name == NULL || library->doc != NULL);
        check_entries(library->name != NULL ? library->name : "moonset", library->functions);
    }
    for (size_t i = 0; moon_library_classes[i] != NULL; i++) {
        const struct moon_library_class *class = moon_library_classes[i];
        assert_true(class->type == NULL || class->doc != NULL);
        check_entries(class->name, class->methods);
    }
}

static void test_hooks(void **state MOON_UNUSED)
{
    for (int hook = 0; hook < MOON_HOOKS; hook++) {
        const struct moon_hook_info *info = moon_hook_info(hook);
        assert_non_null(info->name);
        check_signature("hook", info->name, info->signature, info->doc);
        assert_non_null(info->on_failure);
    }
}

static bool is_in_shape(const char *key)
{
    for (const struct moon_shape_field *f = moon_policy_shape.fields; f->name != NULL; f++) {
        struct moon_str name = moon_str(f->name);
        name.len -= moon_str_ends(name, "?");
        if (moon_str_is(name, key)) {
            return true;
        }
    }
    return false;
}

static void test_keys_of_a_policy(void **state MOON_UNUSED)
{
    for (size_t i = 0; i < MOON_POLICY_KEYS; i++) {
        if (!is_in_shape(moon_policy_keys[i])) {
            fail_msg("'%s' is not in moon_policy_shape", moon_policy_keys[i]);
        }
    }
}

/* Types begin with a capital. */
static void test_types_of_hooks(void **state MOON_UNUSED)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf stubs = MOON_BUF_INIT(1 << 20);

    moon_reference_stubs(&stubs);
    for (int hook = 0; hook < MOON_HOOKS; hook++) {
        const char *at = moon_hook_info(hook)->signature;
        while ((at = strpbrk(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")) != NULL) {
            size_t len = strcspn(at, "()<>[]|?,: ");
            MOON_AUTOFREE char *class = moon_asprintf("\n---@class %.*s\n", (int)len, at);
            if (strstr(moon_buf_cstr(&stubs), class) == NULL) {
                fail_msg("%s: nothing is said of %.*s", moon_hook_name(hook), (int)len, at);
            }
            at += len;
        }
    }
}

static bool is_listed(const char *library, const char *name)
{
    for (size_t i = 0; moon_libraries[i] != NULL; i++) {
        const char *own = moon_libraries[i]->name;
        if (!moon_streq(own != NULL ? own : "moonset", library)) {
            continue;
        }
        for (const struct moon_library_entry *e = moon_libraries[i]->functions; e->name != NULL;
             e++) {
            if (moon_streq(e->name, name)) {
                return true;
            }
        }
    }
    return false;
}

/* Nothing comes into `moonset` but by the tables. */
static void test_nothing_else_is_there(void **state MOON_UNUSED)
{
    const char *names = run_lua("local out = {}\n"
                                "local function add(library, t)\n"
                                "  for name, value in pairs(t) do\n"
                                "    if type(value) == 'function' then\n"
                                "      out[#out + 1] = library .. '.' .. name\n"
                                "    elseif type(value) == 'table' then\n"
                                "      add(name, value)\n"
                                "    end\n"
                                "  end\n"
                                "end\n"
                                "add('moonset', moonset)\n"
                                "return table.concat(out, ' ')");
    struct moon_str rest = moon_str(names);
    struct moon_str one;
    size_t count = 0;

    assert_false(last_failed);
    while (moon_str_split(&rest, ' ', &one)) {
        struct moon_str library;
        (void)moon_str_split(&one, '.', &library);
        MOON_AUTOFREE char *whose = moon_str_dup(library);
        MOON_AUTOFREE char *name = moon_str_dup(one);
        if (!is_listed(whose, name)) {
            fail_msg("%s.%s is in no table", whose, name);
        }
        count++;
    }
    assert_true(count > 20);
}

static void test_signatures(void **state MOON_UNUSED)
{
    struct moon_signature s;

    moon_signature_read("<T, U>(list: T[], fn: fun(item: T, i: integer): U?, by: (\"a\"|\"b\")?): "
                        "table<U, T[]>, string?",
                        &s);
    assert_true(moon_str_is(s.generics, "T, U"));
    assert_int_equal(s.arg_count, 3);
    assert_true(moon_str_is(s.args[0].name, "list") && moon_str_is(s.args[0].type, "T[]"));
    assert_true(moon_str_is(s.args[1].type, "fun(item: T, i: integer): U?"));
    assert_false(s.args[1].optional);
    assert_true(moon_str_is(s.args[2].type, "(\"a\"|\"b\")"));
    assert_true(s.args[2].optional);
    assert_int_equal(s.return_count, 2);
    assert_true(moon_str_is(s.returns[0], "table<U, T[]>"));
    assert_true(moon_str_is(s.returns[1], "string?"));
    moon_signature_read("()", &s);
    assert_int_equal(s.arg_count + s.return_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_of_views), cmocka_unit_test(test_functions),
        cmocka_unit_test(test_hooks),           cmocka_unit_test(test_nothing_else_is_there),
        cmocka_unit_test(test_signatures),      cmocka_unit_test(test_keys_of_a_policy),
        cmocka_unit_test(test_types_of_hooks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
