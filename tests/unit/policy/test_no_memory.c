/* SPDX-License-Identifier: Apache-2.0
 *
 * test_no_memory.c - each allocation of a state fails in turn, while a policy is loaded and while
 * its hooks are called: a memory fault or the right answer, and no third thing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "hook_fixture.h"
#include "policy/policies_priv.h"

/* A bit of all that policies do. */
static const char source[] =
    "local names = {}\n"
    "for i = 1, 20 do names['k' .. i] = { i, tostring(i) } end\n"
    "local class = {}\n"
    "class.__index = class\n"
    "function class:text() return ('%s-%d'):format(self.name, #self.name) end\n"
    "return {\n"
    "  api = 1,\n"
    "  replaces = { 'select', 'tolerations' },\n"
    "  params = {\n"
    "    zones = { type = 'list', default = { 'z0', 'z1' }, doc = 'where' },\n"
    "    wait = { type = 'duration', default = '10m' },\n"
    "  },\n"
    "  select = function(node, set)\n"
    "    local object = setmetatable({ name = node.name }, class)\n"
    "    local keys = {}\n"
    "    for key in pairs(node.labels) do keys[#keys + 1] = key end\n"
    "    table.sort(keys, function(a, b) return a > b end)\n"
    "    local text = moonset.json.encode({ keys = keys, n = names.k3, at = object:text() })\n"
    "    local back = moonset.json.decode(text)\n"
    "    local ok, why = pcall(error, 'no ' .. text)\n"
    "    local found = moonset.list.find(set.params.zones, function(z) return z == node.zone end)\n"
    "    local cpu = moonset.quantity('500m') * 3\n"
    "    return moonset.selector('a!=b'):matches(node) and not ok and found == 'z1'\n"
    "      and back.keys[1] == keys[1] and cpu:milli() == 1500, tostring(why):upper()\n"
    "  end,\n"
    "  rank = function(node) return { (node.zone or 'z') .. node.name:sub(1, 1), 2 } end,\n"
    "  tolerations = function(set)\n"
    "    return { { key = 'a', operator = 'Exists' }, { key = set.name, value = 'b' .. #set.name } "
    "}\n"
    "  end,\n"
    "  gate = function(roll, set)\n"
    "    local window = moonset.time.window('Mon-Fri 22:00-06:00', 'UTC')\n"
    "    return false, 'wait ' .. set.params.wait, window:closes_in(roll.now)\n"
    "  end,\n"
    "  update = function(roll)\n"
    "    local zones = roll:count { state = 'outdated', by = 'zone' }\n"
    "    for pod in roll:outdated { order = { 'zone', 'name' }, limit = 2 } do\n"
    "      roll:replace(pod, ('%s of %d'):format(pod.node.zone, zones[pod.node.zone]))\n"
    "    end\n"
    "    roll:again(60, 'a minute')\n"
    "  end,\n"
    "}\n";

static const char node[] =
    "{\"metadata\":{\"name\":\"n1\",\"uid\":\"n1\",\"resourceVersion\":\"1\",\"labels\":"
    "{\"topology.kubernetes.io/zone\":\"z1\",\"a\":\"1\",\"c\":\"2\"}}}";

/* What all hooks answer, one line each. */
static const char *ask_all(struct fixture *f)
{
    static char text[4096];
    struct moon_buf out = MOON_BUF_INIT(sizeof(text) - 1);
    static const char *const ranked[] = {"n1", "n2", NULL};
    struct moon_tolerations list = {0};
    struct moon_err err;

    moon_buf_printf(&out, "%s\n", ask_select(f, node));
    moon_buf_printf(&out, "%s\n", ask_ranks(f, ranked));
    if (moon_hook_tolerations(f->chain, &f->view, &list, &err) == 0) {
        moon_buf_printf(&out, "%zu\n", list.count);
    }
    moon_tolerations_fini(&list);
    moon_buf_printf(&out, "%s\n", ask_gate(f));
    moon_buf_printf(&out, "%s\n", ask_update(f, 3, 0));
    (void)snprintf(text, sizeof(text), "%s", moon_buf_cstr(&out));
    moon_buf_fini(&out);
    return text;
}

static void prepare(struct fixture *f)
{
    fixture_write(f, "test", source);
    fixture_load(f);
    fixture_set(f, "{\"containers\":[]}", "{}");
    fixture_chain(f, "test", NULL, NULL);
    fixture_slot(f, "n1", "O");
    fixture_slot(f, "n2", "O");
}

/* Its state is made anew by the next hook: that is swept, too. */
static void spend(struct fixture *f)
{
    f->chain->links[0].version->engine->stop = MOON_STOP_CPU;
}

/* Refuse `count` allocations from the n-th on, for every n there is. */
static void sweep_calls(struct fixture *f, uint64_t count)
{
    char right[4096];
    uint64_t refused = 1;
    unsigned failures = 0;

    prepare(f);
    (void)snprintf(right, sizeof(right), "%s", ask_all(f));
    if (f->reports > 0) {
        fail_msg("%s", f->last.text);
    }
    assert_non_null(strstr(right, "run: NO "));
    assert_non_null(strstr(right, "replace n2, replace n1"));
    for (uint64_t n = 1; refused > 0; n++) {
        f->reports = 0;
        spend(f);
        moon_engine_refuse(n, count);
        const char *answer = ask_all(f);
        refused = moon_engine_refused();
        moon_engine_refuse(0, 0);
        if (f->reports == 0) {
            assert_string_equal(answer, right);
        } else if (f->last.fault != MOON_FAULT_MEMORY) {
            fail_msg("allocation %d: %s", (int)n, f->last.text);
        }
        failures += f->reports > 0;
        f->reports = 0;
        assert_string_equal(ask_all(f), right); /* in a new state */
        assert_int_equal(f->reports, 0);
    }
    assert_true(failures > 200);
}

/* Lua asks twice for each. */
static void test_calls_with_one_missing(void **state)
{
    sweep_calls(*state, 2);
}

static void test_calls_with_nothing_left(void **state)
{
    sweep_calls(*state, UINT32_MAX);
}

static void sweep_loading(uint64_t count)
{
    struct moon_version_opts opts = {
        .name = "test", .source = moon_str(source), .budget_scale = FIXTURE_BUDGET_SCALE};
    struct moon_fault fault;
    uint64_t refused = 1;
    unsigned failures = 0;

    for (uint64_t n = 1; refused > 0; n++) {
        moon_engine_refuse(n, count);
        struct moon_version *v = moon_version_load(&opts, &fault);
        refused = moon_engine_refused();
        moon_engine_refuse(0, 0);
        if (v == NULL && fault.kind != MOON_FAULT_MEMORY) {
            fail_msg("allocation %d: %s", (int)n, fault.text);
        }
        failures += v == NULL;
        moon_version_unref(v);
    }
    assert_true(failures > 100);
}

static void test_loading_with_one_missing(void **state MOON_UNUSED)
{
    sweep_loading(2);
}

static void test_loading_with_nothing_left(void **state MOON_UNUSED)
{
    sweep_loading(UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loading_with_one_missing),
        cmocka_unit_test(test_loading_with_nothing_left),
        TEST(test_calls_with_one_missing),
        TEST(test_calls_with_nothing_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
