/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "engine_fixture.h"

/* Everything a policy can reach by name. A change here is a change of the API. */
static const char golden[] =
    "assert error getmetatable ipairs math moonset next pairs pcall rawequal rawget rawlen require "
    "select setmetatable string table tonumber tostring type utf8 | "
    "math: abs ceil exp floor fmod huge log max maxinteger min mininteger modf sqrt tointeger type "
    "ult | "
    "moonset: affinity_matches api bucket duration event glob has hash intstr json kv list log "
    "metric peer quantity sample selector semver spairs time tolerated untolerated version | "
    "string: byte char find format gmatch gsub len lower match rep reverse sub upper | "
    "table: concat insert move pack remove sort unpack | "
    "utf8: char charpattern codepoint codes len offset";

static void test_golden_names(void **state MOON_UNUSED)
{
    assert_lua("local function names(t)\n"
               "  local list = {}\n"
               "  for k in pairs(t) do list[#list + 1] = k end\n"
               "  return table.concat(list, ' ')\n"
               "end\n"
               "local parts = { names(_ENV) }\n"
               "for _, lib in ipairs { 'math', 'moonset', 'string', 'table', 'utf8' } do\n"
               "  parts[#parts + 1] = lib .. ': ' .. names(_ENV[lib])\n"
               "end\n"
               "return table.concat(parts, ' | ')",
               golden);
}

static void test_golden_libraries(void **state MOON_UNUSED)
{
    assert_lua("local out = {}\n"
               "for _, name in ipairs { 'json', 'list', 'log', 'semver' } do\n"
               "  for k in pairs(moonset[name]) do out[#out + 1] = k end\n"
               "end\n"
               "return table.concat(out, ' ')",
               "decode encode filter find group map max min sum debug error info warn eq lt parse "
               "satisfies");
}

static void test_unknown_globals(void **state MOON_UNUSED)
{
    assert_lua_fails("return tostirng(1)", MOON_FAULT_RUNTIME,
                     "test.lua:1: unknown global 'tostirng' (did you mean 'tostring'?)");
    assert_lua_fails("local x = 1\nprint(x)", MOON_FAULT_RUNTIME, "use moonset.log.info");
    assert_lua_fails("x = 1", MOON_FAULT_RUNTIME,
                     "cannot assign to global 'x': it is read-only; write 'local'");
    assert_lua_fails("pairs = 1", MOON_FAULT_RUNTIME, "read-only");
    assert_lua_fails("return os.time()", MOON_FAULT_RUNTIME, "clock");
    assert_lua_fails("return math.random()", MOON_FAULT_RUNTIME, "moonset.bucket");
    assert_lua_fails("return string.dump(function() end)", MOON_FAULT_RUNTIME, "run time");
    static const char *const gone[] = {
        "load", "loadfile", "dofile", "collectgarbage", "coroutine", "debug", "package", "io",
        "os",   "rawset",   "_G",     "print",          "xpcall",    "warn",
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(gone); i++) {
        char source[64];
        (void)snprintf(source, sizeof(source), "return %s", gone[i]);
        assert_lua_fails(source, MOON_FAULT_RUNTIME, "not available in policies");
    }
}

static void test_frozen_libraries(void **state MOON_UNUSED)
{
    assert_lua_fails("string.rep = nil", MOON_FAULT_RUNTIME, "read-only");
    assert_lua_fails("moonset.list.x = 1", MOON_FAULT_RUNTIME, "read-only");
    assert_lua_fails("table.insert(string, 1)", MOON_FAULT_RUNTIME, "read-only");
    assert_lua_fails("table.move({ 1 }, 1, 1, 1, math)", MOON_FAULT_RUNTIME, "read-only");
    assert_lua_fails("setmetatable(string, {})", MOON_FAULT_RUNTIME, "protected");
    assert_lua("return getmetatable(string)", "false");
    assert_lua("return getmetatable('')", "nil");
    assert_lua("return rawget(string, 'rep')", "nil");
    assert_lua_fails("return ('x'):repp(2)", MOON_FAULT_RUNTIME, "did you mean 'rep'");
}

static void test_metatables(void **state MOON_UNUSED)
{
    assert_lua_fails("setmetatable({}, { __gc = function() end })", MOON_FAULT_RUNTIME, "__gc");
    assert_lua_fails("setmetatable({}, { __mode = 'k' })", MOON_FAULT_RUNTIME, "__mode");
    assert_lua_fails("setmetatable({}, { __close = function() end })", MOON_FAULT_RUNTIME,
                     "__close");
    /* Later changes do not reach what was frozen. */
    assert_lua("local mt = { __index = function() return 'first' end }\n"
               "local t = setmetatable({}, mt)\n"
               "mt.__index = function() return 'second' end\n"
               "mt.__gc = function() end\n"
               "mt.__close = function() end\n"
               "return t.x .. tostring(getmetatable(t) == mt)",
               "firsttrue");
    assert_lua_fails("local mt = {}\n"
                     "local t = setmetatable({}, mt)\n"
                     "mt.__close = function() end\n"
                     "local c <close> = t",
                     MOON_FAULT_RUNTIME, "non-closable");
    assert_lua("local C = {}\nC.__index = C\nlocal o = setmetatable({}, C)\n"
               "function C.hello() return 'hi' end\nreturn o.hello()",
               "hi");
}

static void test_no_addresses(void **state MOON_UNUSED)
{
    assert_lua("return tostring({})", "table");
    assert_lua("return tostring(function() end)", "function");
    assert_lua("return tostring(setmetatable({}, { __tostring = function() return 'me' end }))",
               "me");
    assert_lua("return ('%s %s'):format(pairs, {})", "function table");
    assert_lua_fails("error({})", MOON_FAULT_RUNTIME, "the error raised is a table");
}

static void test_order_of_pairs(void **state MOON_UNUSED)
{
    assert_lua(
        "local out = {}\n"
        "for k in pairs { b = 1, a = 1, [2] = 1, [1] = 1, [-1] = 1, [0.5] = 1, [true] = 1 } do\n"
        "  out[#out + 1] = tostring(k)\n"
        "end\n"
        "return table.concat(out, ' ')",
        "-1 0.5 1 2 a b true");
    assert_lua("local t, out, k = { x = 1, y = 2, 7 }, {}, nil\n"
               "repeat k = next(t, k) out[#out + 1] = tostring(k) until k == nil\n"
               "return table.concat(out, ' ')",
               "1 x y nil");
    assert_lua("local t, n = { a = 1, b = 2, c = 3 }, 0\n"
               "for k in pairs(t) do t.b = nil t.c = nil n = n + 1 end\nreturn n",
               "1");
    assert_lua_fails("for k in pairs { [{}] = 1 } do end", MOON_FAULT_RUNTIME, "no defined order");
}

static void test_pattern_costs(void **state MOON_UNUSED)
{
    assert_lua("return ('a'):rep(60000):find('b')", "nil");
    assert_lua("return ('a'):rep(60000):find('.-.-b', 1, true)", "nil");
    assert_lua("return ('key=value'):match('^(%w+)=(%w+)$')", "key");
    assert_lua("return (('a b c'):gsub('%s+', '-'))", "a-b-c");
    assert_lua_fails("return ('a'):rep(2000):find('.-.-b')", MOON_FAULT_RUNTIME, "too long");
    assert_lua_fails("return ('a'):rep(65535):find('.-b')", MOON_FAULT_RUNTIME, "too long");
    assert_lua_fails("return ('('):rep(65536):find('%b()')", MOON_FAULT_RUNTIME, "too long");
    assert_lua_fails("return ('a'):rep(4000):find('[' .. ('b'):rep(4000) .. ']-c')",
                     MOON_FAULT_RUNTIME, "longer than 256");
    assert_lua_fails("return ('a'):rep(30):find(('a?'):rep(30) .. ('a'):rep(30))",
                     MOON_FAULT_RUNTIME, "too long");
    assert_lua_fails("return ('a'):rep(5000):gsub('^a+b', '')", MOON_FAULT_RUNTIME, "too long");
    /* The brackets of a set do not hide what follows it, nor does an escape. */
    assert_lua_fails("return ('a'):rep(5000):find('[]a]*[^]]*%]*')", MOON_FAULT_RUNTIME,
                     "too long");
    assert_lua("return ('a-b'):find('%-')", "2");
}

static void test_sizes(void **state MOON_UNUSED)
{
    assert_lua_fails("return ('').rep('', 1 << 62)", MOON_FAULT_RUNTIME, "longer than 64 KB");
    assert_lua_fails("return ('ab'):rep(40000)", MOON_FAULT_RUNTIME, "longer than 64 KB");
    assert_lua("return #('a'):rep(65536)", "65536");
    assert_lua("return ('ab'):rep(3, '-')", "ab-ab-ab");
    assert_lua("return ('ab'):rep(-1)", "");
    assert_lua_fails("table.move({}, 1, 1 << 60, 2)", MOON_FAULT_RUNTIME, "too many");
    assert_lua_fails("return table.unpack({}, 1, 1e6)", MOON_FAULT_RUNTIME, "more than");
    assert_lua_fails("return table.unpack({}, -(1 << 62), 1 << 62)", MOON_FAULT_RUNTIME,
                     "more than");
    assert_lua_fails("local t = {} for i = 1, 20 do t[i] = ('x'):rep(60000) end "
                     "return table.concat(t)",
                     MOON_FAULT_RUNTIME, "longer than 64 KB");
    assert_lua_fails("local s = ('x'):rep(60000) return string.format('%s%s', s, s)",
                     MOON_FAULT_RUNTIME, "longer than 64 KB");
    assert_lua_fails("return string.format('%p', {})", MOON_FAULT_RUNTIME, "%p");
    assert_lua("return string.format('%-5s|%5.1f|%d|%%|%s', 'ab', 1.25, 3, {})",
               "ab   |  1.2|3|%|table");
}

static void test_tables(void **state MOON_UNUSED)
{
    assert_lua("local t = { 3, 1, 2 } table.sort(t) return table.concat(t, ',')", "1,2,3");
    assert_lua("local t = { 'b3', 'a1', 'b1', 'a2' }\n"
               "table.sort(t, function(x, y) return x:sub(1, 1) < y:sub(1, 1) end)\n"
               "return table.concat(t, ',')",
               "a1,a2,b3,b1");
    assert_lua("local t = {} for i = 1, 100 do t[i] = (i * 37) % 101 end table.sort(t)\n"
               "for i = 2, 100 do if t[i - 1] > t[i] then return i end end return #t",
               "100");
    assert_lua("local t = { 5, 4 } table.sort(t, function() return true end) return #t", "2");
    assert_lua("local t = { 1, 2, 3 } table.insert(t, 1, 0) table.insert(t, 4)\n"
               "return table.concat(t, ',') .. table.remove(t, 1) .. table.remove(t) .. #t",
               "0,1,2,3,4043");
    assert_lua("return tostring(table.remove({}))", "nil");
    assert_lua("return table.concat(table.move({ 1, 2, 3 }, 1, 3, 2), ',')", "1,1,2,3");
    assert_lua("return table.concat(table.move({ 1, 2, 3 }, 2, 3, 1), ',')", "2,3,3");
    assert_lua("return select('#', table.unpack(table.pack(1, nil, 3), 1, 3))", "3");
    assert_lua("return table.concat({ 1, 2.5, 'x' })", "12.5x");
    /* A __len that lies is not believed. */
    assert_lua("local t = setmetatable({ 1 }, { __len = function() return 1 << 60 end })\n"
               "return table.concat(t, ',')",
               "1");
    assert_lua_fails("table.sort { 1, 'x' }", MOON_FAULT_RUNTIME, "compare");
}

static void test_pcall(void **state MOON_UNUSED)
{
    assert_lua("local ok, err = pcall(error, 'no') return tostring(ok) .. err", "falseno");
    assert_lua("return select('#', pcall(function() return 1, 2, 3 end))", "4");
    assert_lua("return (select(2, pcall(error, { code = 7 }))).code", "7");
}

static void test_require(void **state MOON_UNUSED)
{
    assert_lua_fails("return require 'os'", MOON_FAULT_RUNTIME, "only while the policy is loaded");
    assert_lua("return require('moonset').api", "1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_names),    cmocka_unit_test(test_golden_libraries),
        cmocka_unit_test(test_unknown_globals), cmocka_unit_test(test_frozen_libraries),
        cmocka_unit_test(test_metatables),      cmocka_unit_test(test_no_addresses),
        cmocka_unit_test(test_order_of_pairs),  cmocka_unit_test(test_pattern_costs),
        cmocka_unit_test(test_sizes),           cmocka_unit_test(test_tables),
        cmocka_unit_test(test_pcall),           cmocka_unit_test(test_require),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
