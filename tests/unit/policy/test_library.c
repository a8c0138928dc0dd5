/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/log.h"
#include "engine_fixture.h"

static void test_quantity(void **state MOON_UNUSED)
{
    assert_lua("return tostring(moonset.quantity('100m') + moonset.quantity('400m'))", "500m");
    assert_lua("return tostring(moonset.quantity('1Gi') - '512Mi')", "512Mi");
    assert_lua("return tostring(moonset.quantity('100m') * 3)", "300m");
    assert_lua("return tostring(moonset.quantity('1') / 4)", "250m");
    assert_lua("return moonset.quantity('1Gi') == moonset.quantity('1024Mi')", "true");
    assert_lua("return moonset.quantity('1') < moonset.quantity('1001m')", "true");
    assert_lua("return moonset.quantity('1500m'):units()", "2");
    assert_lua("return moonset.quantity('1.5'):milli()", "1500");
    assert_lua_fails("return moonset.quantity('1XB')", MOON_FAULT_RUNTIME, "quantity");
    assert_lua_fails("return moonset.quantity('1') / 0", MOON_FAULT_RUNTIME, "positive");
    assert_lua_fails("return moonset.quantity('1'):unit()", MOON_FAULT_RUNTIME,
                     "did you mean 'units'");
}

static void test_intstr(void **state MOON_UNUSED)
{
    assert_lua("return moonset.intstr('10%', 25, 'up')", "3");
    assert_lua("return moonset.intstr('10%', 25, 'down')", "2");
    assert_lua("return moonset.intstr(4, 25)", "4");
    assert_lua_fails("return moonset.intstr('ten', 25)", MOON_FAULT_RUNTIME, "IntOrString");
}

static void test_time(void **state MOON_UNUSED)
{
    /* 2026-11-28 12:00 UTC, a Saturday */
    assert_lua("local w = moonset.time.window('Sat 14:00-16:00', 'Europe/Berlin')\n"
               "return w:opens_in(1795867200) .. ' ' .. w:closes_in(1795867200 + 3600) .. ' ' .. "
               "tostring(w:is_open(1795867200))",
               "3600 7200 false");
    assert_lua("return moonset.time.window('Sat,Sun'):closes_in(1795867200)", "129600");
    assert_lua("return moonset.time.window('Sat'):opens_in(1795867200)", "0");
    assert_lua("return moonset.time.window('Mon'):closes_in(1795867200)", "0");
    assert_lua("return moonset.time.window('2026-01-01'):opens_in(1795867200)", "nil");
    assert_lua("return moonset.time.window('Mon-Sun'):closes_in(1795867200)", "nil");
    assert_lua("local c = moonset.time.cron('0 3 * * *')\n"
               "return c:next(1795867200) - 1795867200 .. ' ' .. 1795867200 - c:last(1795867200)",
               "54000 32400");
    assert_lua("return moonset.time.cron('0 0 30 2 *'):next(0)", "nil");
    assert_lua(
        "local d = moonset.time.date(1795867200, 'Asia/Tokyo')\n"
        "return d.year .. '-' .. d.month .. '-' .. d.day .. ' ' .. d.hour .. ':' .. d.minute "
        ".. ' ' .. d.second .. d.weekday",
        "2026-11-28 21:0 0Sat");
    assert_lua_fails("moonset.time.window('always')", MOON_FAULT_RUNTIME, "window: \"always\"");
    assert_lua_fails("moonset.time.cron('* * * * *', 'Mars')", MOON_FAULT_RUNTIME, "no time zone");
    assert_lua_fails("moonset.time.date(0, '../x')", MOON_FAULT_RUNTIME, "no time zone");
    assert_lua_fails("moonset.time.window('Mon'):is_opn(0)", MOON_FAULT_RUNTIME, "did you mean");
    assert_lua_fails("moonset.time.now()", MOON_FAULT_RUNTIME, "now");
}

static void test_semver(void **state MOON_UNUSED)
{
    static const char *const rows[][3] = {
        {"v1.30.2", ">=1.28", "true"},    {"1.30.2", ">=1.28 <1.30", "false"},
        {"1.30.2", "1.30", "true"},       {"1.31.0", "1.30", "false"},
        {"1.30.2", "=1.30.2", "true"},    {"1.30.2", "!=1.30.2", "false"},
        {"1.30.2", "~1.30.1", "true"},    {"1.31.0", "~1.30.1", "false"},
        {"1.31.0", "^1.30", "true"},      {"2.0.0", "^1.30", "false"},
        {"0.3.1", "^0.2", "false"},       {"v1.29.3-gke.100", ">1.29.2", "true"},
        {"1.0.0-rc.1", "<1.0.0", "true"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        MOON_AUTOFREE char *source =
            moon_asprintf("return moonset.semver.satisfies('%s', '%s')", rows[i][0], rows[i][1]);
        assert_lua(source, rows[i][2]);
    }
    assert_lua("return moonset.semver.lt('1.0.0-rc.2', '1.0.0-rc.10')", "true");
    assert_lua("return moonset.semver.lt('1.0.0-1', '1.0.0-a')", "true");
    assert_lua("return moonset.semver.eq('v1.2.3+build', '1.2.3')", "true");
    assert_lua("local v = moonset.semver.parse('v1.2.3-rc.1') return v.major .. v.minor .. v.patch "
               ".. v.pre",
               "123rc.1");
    assert_lua("return moonset.semver.parse('one')", "nil");
    assert_lua_fails("return moonset.semver.lt('x', '1')", MOON_FAULT_RUNTIME, "no version");
    assert_lua_fails("return moonset.semver.satisfies('1', '>>1')", MOON_FAULT_RUNTIME, "no range");
}

/* Never to change: sets that chose their nodes by these numbers would move. */
static void test_hash_is_for_ever(void **state MOON_UNUSED)
{
    assert_lua("return moonset.hash('node-1')", "5031822423860020004");
    assert_lua("return moonset.hash('node-1', 'salt')", "8297944932675949530");
    assert_lua("return moonset.bucket('node-1', 'wave', 100)", "71");
    assert_lua("local n = {} for i = 1, 4000 do local b = moonset.bucket('n' .. i, 's', 4) n[b] = "
               "(n[b] or 0) + 1 end for b = 0, 3 do if n[b] < 900 or n[b] > 1100 then return b end "
               "end return 'even'",
               "even");
    assert_lua_fails("return moonset.bucket('a', 'b', 0)", MOON_FAULT_RUNTIME, "positive");
}

static void test_texts(void **state MOON_UNUSED)
{
    assert_lua("return moonset.duration('1m30s') + moonset.duration(5)", "95");
    assert_lua("return moonset.duration('1ms')", "1");
    assert_lua_fails("return moonset.duration('soon')", MOON_FAULT_RUNTIME, "30s");
    assert_lua("return moonset.glob('gpu-*', 'gpu-7')", "true");
    assert_lua("return moonset.glob('*-?', 'gpu-77')", "false");
    assert_lua("return moonset.glob('*a*b*c', 'xxaxxbxxc')", "true");
    assert_lua("return moonset.glob('', '')", "true");
    assert_lua("return moonset.version ~= '' and moonset.api", "1");
    assert_lua("return tostring(moonset.has('select')) .. tostring(moonset.has('kw'))",
               "truefalse");
    assert_lua_fails("return moonset.kw", MOON_FAULT_RUNTIME, "unknown moonset function 'kw'");
}

static void test_lists(void **state MOON_UNUSED)
{
    assert_lua(
        "return table.concat(moonset.list.map({ 1, 2, 3 }, function(x) return x * x end), ',')",
        "1,4,9");
    assert_lua(
        "return table.concat(moonset.list.filter({ 1, 2, 3 }, function(x) return x ~= 2 end), ',')",
        "1,3");
    assert_lua("return select(2, moonset.list.find({ 'a', 'b' }, function(x) return x == 'b' end))",
               "2");
    assert_lua("return moonset.list.find({}, function() return true end)", "nil");
    assert_lua("return moonset.list.sum({ 1, 2, 3 })", "6");
    assert_lua("return moonset.list.sum({ 'a', 'bb' }, function(s) return #s end)", "3");
    assert_lua("return moonset.list.min({ 3, 1, 2 }) + moonset.list.max({ 3, 1, 2 }) * 10", "31");
    assert_lua("return moonset.list.max({ 'a', 'ccc', 'bb' }, function(s) return #s end)", "ccc");
    assert_lua(
        "local g = moonset.list.group({ 'a1', 'b1', 'a2' }, function(s) return s:sub(1, 1) end)\n"
        "return table.concat(g.a, ',') .. ' ' .. table.concat(g.b, ',')",
        "a1,a2 b1");
    assert_lua("local s = '' for k in moonset.spairs { b = 1, a = 1 } do s = s .. k end return s",
               "ab");
    assert_lua_fails("return moonset.list.map({}, 1)", MOON_FAULT_RUNTIME, "function expected");
}

static void test_json(void **state MOON_UNUSED)
{
    assert_lua("return moonset.json.encode({ b = { 1, 2.5, true }, a = 'x\"y' })",
               "{\"a\":\"x\\\"y\",\"b\":[1,2.5,true]}");
    assert_lua("return moonset.json.encode(0.1)", "0.10000000000000001");
    assert_lua("local t = moonset.json.decode('{\"a\":[1,2,{\"b\":null}],\"c\":1.5}')\n"
               "return #t.a + t.c + (t.a[3].b == nil and 10 or 0)",
               "14.5");
    assert_lua("return math.type(moonset.json.decode('3'))", "integer");
    /* A script's own __pairs is passed over: it would run, and write, in the midst of the text. */
    assert_lua("local t = setmetatable({ a = 1 }, { __pairs = function()\n"
               "  table.concat({ ' \"b\":2' }) return function() end end })\n"
               "return moonset.json.encode({ k = t, l = 2 })",
               "{\"k\":{\"a\":1},\"l\":2}");
    assert_lua("local t = setmetatable({ a = 1 }, { __pairs = moonset.json.encode })\n"
               "return moonset.json.encode({ k = t, l = 2 })",
               "{\"k\":{\"a\":1},\"l\":2}");
    assert_lua_fails("return moonset.json.encode(moonset.time)", MOON_FAULT_RUNTIME,
                     "a function has no JSON form"); /* what is frozen is seen through */
    assert_lua_fails("return moonset.json.decode('{')", MOON_FAULT_RUNTIME, "json.decode");
    assert_lua_fails("return moonset.json.encode({ f = print == nil, g = function() end })",
                     MOON_FAULT_RUNTIME, "");
    assert_lua_fails("return moonset.json.encode({ [1] = 1, a = 2 })", MOON_FAULT_RUNTIME, "keys");
    assert_lua_fails("local t = {} t.t = t return moonset.json.encode(t)", MOON_FAULT_RUNTIME,
                     "deeper");
    assert_lua_fails("return moonset.json.decode(('['):rep(40) .. (']'):rep(40))",
                     MOON_FAULT_RUNTIME, "deeper");
    assert_lua_fails("local t = {} for i = 1, 20 do t[i] = ('x'):rep(60000) end "
                     "return moonset.json.encode(t)",
                     MOON_FAULT_RUNTIME, "longer than 64 KB");
    assert_lua_fails("return moonset.json.encode(1 / 0)", MOON_FAULT_RUNTIME, "infinite");
}

static unsigned lines;
static char last_line[2048];

static void take_line(const char *line, size_t len, void *ctx MOON_UNUSED)
{
    lines++;
    len = len < sizeof(last_line) - 1 ? len : sizeof(last_line) - 1;
    memcpy(last_line, line, len);
    last_line[len] = '\0';
}

static void test_log(void **state MOON_UNUSED)
{
    moon_log_capture(take_line, NULL);
    assert_lua("moonset.log.warn('it is ' .. 7) moonset.log.info {} return 1", "1");
    assert_int_equal(lines, 2);
    assert_non_null(strstr(last_line, "msg=table"));
    assert_non_null(strstr(last_line, "policy=test"));
    lines = 0;
    assert_lua("for i = 1, 100 do moonset.log.info(i) end return 1", "1");
    assert_int_equal(lines, 20);
    moon_log_capture(NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantity),
        cmocka_unit_test(test_intstr),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_semver),
        cmocka_unit_test(test_hash_is_for_ever),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
