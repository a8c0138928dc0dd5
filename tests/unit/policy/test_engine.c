/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "engine_fixture.h"

/* A script of 20 ms is stopped within two kernel ticks; how late a loaded machine delivers them is
 * not for a test to say, only that it does. */
enum {
    LATE_US = 400 * 1000
};

static void test_endless_loops_are_stopped(void **state MOON_UNUSED)
{
    static const char *const scripts[] = {
        "while true do end",
        "for i = 1, math.huge do end",
        "local function f() return f() end return f()",
        "while true do pcall(function() while true do end end) end",
        "while true do pcall(error, 'x') end",
        "local t = setmetatable({}, { __index = function(t, k) return t[k + 1] end })\n"
        "while true do pcall(function() return t[1] end) end",
        "goto a ::a:: goto b ::b:: goto a",
        "local t = {} for i = 1, 100 do t[i] = i end\n"
        "while true do table.sort(t, function(a, b) return a > b end) end",
        "return ('x'):rep(1000):gsub('x', function() while true do end end)",
        "for _ in pairs(setmetatable({}, { __pairs = function() while true do end end })) do end",
        "return tostring(setmetatable({}, { __tostring = function() while true do end end }))",
        "for i in function() return 1 end do end",
        "local s = ('a'):rep(200) while true do pcall(string.find, s, '.-b') end",
        "local t = {} for i = 1, 5000 do t['k' .. i] = i end while true do pairs(t) end",
        "while true do pcall(pcall, pcall, error) end",
        "local t, a, b = {}, ('x'):rep(60000) .. '0', ('x'):rep(60000) .. '1'\n"
        "for i = 1, 60000 do t[i] = i % 2 == 0 and a or b end table.sort(t)",
        "local t = {} for i = 1, 20000 do t[i] = i end while true do table.insert(t, 1, 0) end",
        "local t = {} for i = 1, 10000 do t['k' .. i] = i end\n"
        "local k repeat k = next(t, k) until false",
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(scripts); i++) {
        assert_lua_fails(scripts[i], MOON_FAULT_BUDGET, "CPU");
        assert_true(last_cpu_us < LATE_US);
    }
}

static void test_a_stop_names_its_line(void **state MOON_UNUSED)
{
    assert_lua_fails("local x = 1\nwhile true do\n  x = x + 1\nend", MOON_FAULT_BUDGET,
                     "test.lua:");
    assert_non_null(strstr(last_fault.traceback, "stack traceback"));
    assert_true(last_fault.cpu_us >= 20000);
}

/* Nothing a script leaves behind runs after the stop. */
static void test_a_stop_stays(void **state MOON_UNUSED)
{
    assert_lua_fails("pcall(function() while true do end end)\nreturn 'went on'", MOON_FAULT_BUDGET,
                     "CPU");
    assert_lua_fails("local ok = pcall(pcall, function() while true do end end)\n"
                     "while true do end",
                     MOON_FAULT_BUDGET, "CPU");
}

static void test_memory_is_capped(void **state MOON_UNUSED)
{
    static const char *const scripts[] = {
        "local t = {} for i = 1, 1e9 do t[i] = {i} end",
        "local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(60000) .. i end",
        "local t = {} while true do pcall(function() for i = 1, 1e9 do t[#t + 1] = {} end end) end",
        "local t = {} for i = 1, 60000 do t[i] = ('x'):rep(60000) .. (i % 2) end table.sort(t)",
        "return ('a'):rep(600):gsub('a', ('x'):rep(60000))",
        "local function f(...) return f(1, ...) end return f()",
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(scripts); i++) {
        const char *text = run_lua(scripts[i]);
        bool memory = last_failed && last_fault.kind == MOON_FAULT_MEMORY;
        bool other = last_failed && (last_fault.kind == MOON_FAULT_BUDGET ||
                                     last_fault.kind == MOON_FAULT_RUNTIME);
        if (!memory && !other) {
            fail_msg("%s gave %s", scripts[i], text);
        }
        assert_true(last_fault.peak_bytes <= MOON_ENGINE_MAX_BYTES + 512 * 1024);
        assert_true(last_cpu_us < LATE_US);
    }
    assert_lua_fails("local s = ('x'):rep(60000) return s .. s", MOON_FAULT_MEMORY, "64 KB");
    assert_lua_fails("local s = ('x'):rep(60000) pcall(function() return s .. s end) return 1",
                     MOON_FAULT_MEMORY, "64 KB");
}

static void test_garbage_is_no_memory_stop(void **state MOON_UNUSED)
{
    budget_scale = 100; /* it is about memory */
    assert_lua("local n = 0 for i = 1, 500 do local s = ('x'):rep(20000) .. i n = n + #s end "
               "return n > 0",
               "true");
    budget_scale = 1;
}

static void test_recursion_is_an_error(void **state MOON_UNUSED)
{
    (void)run_lua("local function f(n) return 1 + f(n + 1) end return f(1)");
    assert_true(last_failed);
    assert_lua("local function f(n) return n == 0 and 0 or 1 + f(n - 1) end return f(5000)",
               "5000");
    assert_lua_fails("return "
                     "(((((((((((((((((((("
                     "1",
                     MOON_FAULT_RUNTIME, "test.lua:1:");
}

/* The compiler sees no hook. What it makes of a text is looked at when it is done; the size of a
 * bundle bounds how long that takes. */
static void test_compiling_is_bounded(void **state MOON_UNUSED)
{
    enum {
        GOTOS = 30000,
        BOUND_US = 3 * 1000 * 1000
    };
    MOON_CLEANUP(moon_buf_fini) struct moon_buf source = MOON_BUF_INIT(256 * 1024);

    for (int i = 0; i < GOTOS; i++) {
        moon_buf_puts(&source, "goto a ");
    }
    moon_buf_puts(&source, "::a::");
    assert_false(source.overflow);
    assert_lua_fails(moon_buf_cstr(&source), MOON_FAULT_BUDGET, "CPU");
    assert_true(last_cpu_us < BOUND_US);
}

static void test_only_text(void **state MOON_UNUSED)
{
    assert_lua_fails("\x1bLua", MOON_FAULT_RUNTIME, "binary chunk");
    assert_lua("\xef\xbb\xbfreturn 1", "1");
}

static void test_errors_carry_a_traceback(void **state MOON_UNUSED)
{
    assert_lua_fails("local function inner() local t = nil return t.x end\n"
                     "local function outer() inner() end\nouter()",
                     MOON_FAULT_RUNTIME, "test.lua:1: attempt to index a nil value");
    assert_non_null(strstr(last_fault.traceback, "test.lua:2:"));
    assert_null(strstr(last_fault.traceback, "0x"));
}

/* The same state goes on after an ordinary error. */
static void test_a_state_survives_errors(void **state MOON_UNUSED)
{
    struct moon_engine *e = moon_engine_new(1);
    struct moon_fault fault;

    moon_engine_enter(e, (struct moon_budget){20000, 20000});
    for (int i = 0; i < 100; i++) {
        assert_int_equal(moon_engine_compile(e, "@t.lua", moon_str("error('x')"), &fault), 0);
        assert_int_not_equal(moon_engine_call(e, 0, 0, &fault), 0);
        assert_int_equal(lua_gettop(e->L), 1);
    }
    assert_false(moon_engine_is_spent(e));
    (void)moon_engine_leave(e);
    moon_engine_free(e);
}

int main(void)
{
    budget_scale = 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_endless_loops_are_stopped),
        cmocka_unit_test(test_a_stop_names_its_line),
        cmocka_unit_test(test_a_stop_stays),
        cmocka_unit_test(test_memory_is_capped),
        cmocka_unit_test(test_garbage_is_no_memory_stop),
        cmocka_unit_test(test_recursion_is_an_error),
        cmocka_unit_test(test_compiling_is_bounded),
        cmocka_unit_test(test_only_text),
        cmocka_unit_test(test_errors_carry_a_traceback),
        cmocka_unit_test(test_a_state_survives_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
