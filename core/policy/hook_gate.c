/* SPDX-License-Identifier: Apache-2.0
 *
 * hook_gate.c - may pods that serve be disturbed now? All policies of the chain that have a gate
 * are asked, so that all reasons to wait are known; one that says no, or fails, is enough.
 */
#include <lauxlib.h>

#include "policy/policies_priv.h"
#include "policy/roll_priv.h"

enum {
    CALL_US = 20 * 1000,
    RESULTS = 3,
    AGAIN_S = 30, /* of a gate that has no wish */
    MAX_AGAIN_S = 7 * 24 * 3600,
};

void moon_gate_fini(struct moon_gate *g)
{
    moon_free(g->reason);
    moon_sym_unref(g->policy);
    *g = (struct moon_gate){0};
}

/* The first that is closed gives the reason; it opens when the last of them does. */
static void close_gate(struct moon_gate *g, const struct moon_version *v, const char *reason,
                       int64_t again_s)
{
    if (g->closed++ == 0) {
        g->reason = moon_strdup(reason);
        g->policy = moon_intern_cstr(v->name);
    }
    g->again_s = again_s > g->again_s ? again_s : g->again_s;
}

static const char must[] = "true, or false, a reason and the seconds until it is to be asked again";

/* The three results on the top. */
static int take_answer(const struct moon_hook_call *c, struct moon_gate *g, struct moon_fault *ret)
{
    lua_State *L = c->engine->L;
    int is_integer = 1;
    lua_Integer again_s = lua_isnil(L, -1) ? AGAIN_S : lua_tointegerx(L, -1, &is_integer);

    struct moon_str text;

    if (!lua_isboolean(L, -3)) {
        return moon_hook_wrong_answer(c, ret, must, "a %s", luaL_typename(L, -3));
    }
    if (lua_toboolean(L, -3)) {
        return 0;
    }
    if (!moon_hook_read_reason(L, -2, &text) || text.ptr == NULL) {
        return moon_hook_wrong_answer(c, ret, must, "no reason");
    }
    if (!is_integer || again_s < 1) {
        return moon_hook_wrong_answer(c, ret, must, "no number of seconds");
    }
    MOON_AUTOFREE char *reason = moon_str_dup(text);
    close_gate(g, c->link->version, reason, again_s < MAX_AGAIN_S ? again_s : MAX_AGAIN_S);
    return 0;
}

static int ask(struct moon_hook_call *c, struct moon_roll_run *run, struct moon_gate *g,
               struct moon_fault *fault)
{
    if (moon_hook_begin(c, (struct moon_budget){CALL_US, CALL_US}, fault) != 0) {
        return -1;
    }
    int rc = moon_hook_call_with_roll(c, run, RESULTS, fault);
    if (rc == 0) {
        rc = take_answer(c, g, fault);
    }
    if (rc == 0) {
        moon_hook_commit(c);
    }
    moon_hook_end(c);
    moon_hook_count(c, 1, 0);
    return rc;
}

void moon_hook_gate(struct moon_chain *chain, const struct moon_set_view *set,
                    const struct moon_roll *roll, struct moon_gate *ret)
{
    struct moon_roll_run run;
    struct moon_fault fault;

    *ret = (struct moon_gate){0};
    for (size_t i = 0; i < chain->count; i++) {
        struct moon_hook_call call = {
            .chain = chain, .link = &chain->links[i], .hook = MOON_HOOK_GATE, .set = set};
        if (!chain->uses[MOON_HOOK_GATE][i]) {
            continue;
        }
        moon_roll_run_init(&run, set, roll, NULL);
        if (ask(&call, &run, ret, &fault) != 0) {
            moon_hook_report(&call, &fault, "");
            MOON_AUTOFREE char *reason = moon_asprintf("it failed: %s", fault.text);
            close_gate(ret, call.link->version, reason, AGAIN_S);
        }
        moon_roll_run_fini(&run);
    }
}
