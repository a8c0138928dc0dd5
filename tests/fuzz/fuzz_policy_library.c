/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_policy_library.c - what scripts may hand to the library: the first byte chooses the
 * function, the lines after it are its arguments. What is read must be usable.
 */
#include <lauxlib.h>

#include "policy/engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    BUDGET_US = 200 * 1000,
};

/* Called with the lines as a, b and c. */
static const char *const sources[] = {
    "local v = moonset.semver.parse(a)\n"
    "if v then\n"
    "  assert(moonset.semver.eq(a, a) and not moonset.semver.lt(a, a))\n"
    "  if moonset.semver.parse(b) then\n"
    "    assert(not (moonset.semver.lt(a, b) and moonset.semver.lt(b, a)))\n"
    "  end\n"
    "  moonset.semver.satisfies(a, c)\n"
    "end",
    "local w = moonset.time.window(a, b)\n"
    "local now = tonumber(c) or 1800000000\n"
    "local open, closes = w:is_open(now), w:closes_in(now)\n"
    "if open and closes then\n"
    "  assert(closes > 0 and not w:is_open(now + closes))\n"
    "  assert(w:is_open(now + closes - 1))\n"
    "end\n"
    "local opens = w:opens_in(now)\n"
    "assert(open == (opens == 0))\n"
    "if opens then assert(w:is_open(now + opens)) end",
    "local t = moonset.time.cron(a, b)\n"
    "local now = tonumber(c) or 1800000000\n"
    "local next, last = t:next(now), t:last(now)\n"
    "assert(not next or next > now)\n"
    "assert(not last or last <= now)",
    "local s = moonset.selector(a)\n"
    "assert(tostring(moonset.selector(tostring(s))) == tostring(s))",
    "local q = moonset.quantity(a)\n"
    "assert(moonset.quantity(tostring(q)) == q)\n"
    "assert(q - q == moonset.quantity(0))\n"
    "local other = moonset.quantity(b)\n"
    "assert(q + other == other + q)\n"
    "return (q * 3 / 7):milli(), other:units()",
    "return moonset.intstr(a, tonumber(b) // 1 | 0, 'down') <= moonset.intstr(a, tonumber(b) // 1 "
    "| 0, 'up')",
    "return moonset.duration(a)",
    "assert(moonset.glob('*', a) and moonset.glob(a, b) ~= nil)",
    "local v = moonset.json.decode(a)\n"
    "if v ~= nil then\n"
    "  local text = moonset.json.encode(v)\n"
    "  assert(moonset.json.encode(moonset.json.decode(text)) == text)\n"
    "end",
    "return a:find(b), a:gsub(b, c), a:match(b), a:format(b, c), a:rep(3, b)",
    "local d = moonset.time.date(tonumber(a) // 1 | 0, b)\n"
    "assert(d.month >= 1 and d.month <= 12 and d.day >= 1 and d.day <= 31)",
};

struct input {
    const char *source;
    struct moon_str args[3];
};

static int run(lua_State *L)
{
    const struct input *in = lua_touserdata(L, 1);

    lua_settop(L, 0);
    lua_pushfstring(L,
                    "local a, b, c = ...\n"
                    "local function assert(x) if not x then error({}) end end\n%s",
                    in->source);
    moon_engine_load_module(L, "@fuzz", moon_str(lua_tostring(L, 1)));
    for (size_t i = 0; i < 3; i++) {
        lua_pushlstring(L, in->args[i].ptr != NULL ? in->args[i].ptr : "", in->args[i].len);
    }
    lua_call(L, 3, 0);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {0};
    struct moon_fault fault = {0};

    if (size < 1) {
        return 0;
    }
    struct moon_str rest = {(const char *)data + 1, size - 1};
    in.source = sources[data[0] % MOON_ARRAY_SIZE(sources)];
    for (size_t i = 0; i < 3 && moon_str_split(&rest, '\n', &in.args[i]); i++) {
    }
    struct moon_engine *e = moon_engine_new(1);
    e->name = "fuzz";
    moon_engine_enter(e, (struct moon_budget){BUDGET_US, BUDGET_US});
    if (moon_engine_protect(e, run, &in, &fault) != 0) {
        moon_assert(!moon_streq(fault.text, "fuzz: the error raised is a table, not a text"));
    }
    (void)moon_engine_leave(e);
    moon_engine_free(e);
    return 0;
}
