/* SPDX-License-Identifier: Apache-2.0
 *
 * hook_select.c - may this set's daemon run on these nodes?
 *
 * Every policy of the chain is asked about all nodes, in batches under one budget; each node is a
 * call of its own, so a node that makes a script fail leaves the others alone.
 */
#include <stdio.h>

#include "policy/policies_priv.h"

enum {
    BATCH_NODES = 4096,
    BATCH_US = 50 * 1000,
    CALL_US = 5 * 1000,
    MAX_STATES = 16, /* of one batch: making them anew takes time, too */
    MAX_REASON = 256,
};

static const char *const placement_names[] = {
    [MOON_PLACEMENT_UNDECIDED] = "undecided",
    [MOON_PLACEMENT_RUN] = "run",
    [MOON_PLACEMENT_KEEP] = "keep",
    [MOON_PLACEMENT_EVICT] = "evict",
};

const char *moon_placement_name(enum moon_placement p)
{
    return placement_names[p];
}

void moon_decision_fini(struct moon_decision *d)
{
    moon_sym_unref(d->reason);
    moon_sym_unref(d->policy);
    *d = (struct moon_decision){0};
}

/* One batch of one policy. */
struct batch {
    struct moon_hook_call call;
    const struct moon_node *const *nodes;
    struct moon_decision *decisions;
    bool *failed; /* some policy could not say for this node */
    size_t count;
    moon_sym policy; /* its name; owned */
    bool told_stop;  /* a budget or memory stop was reported */
};

/* ---- answers ---- */

static int wrong_answer(const struct batch *b, const char *what, struct moon_fault *ret)
{
    const struct moon_engine *e = b->call.engine;

    *ret = (struct moon_fault){.kind = MOON_FAULT_SHAPE, .peak_bytes = e->peak};
    (void)snprintf(ret->text, sizeof(ret->text),
                   "%s.lua: select must return true, false, \"keep\" or nil, then a reason; "
                   "it returned %s",
                   b->call.link->version->name, what);
    return -1;
}

/* The two results on the top. *ret_placement is UNDECIDED for "no opinion". */
static int read_answer(const struct batch *b, enum moon_placement *ret_placement,
                       struct moon_str *ret_reason, struct moon_fault *ret)
{
    lua_State *L = b->call.engine->L;
    char what[96];

    *ret_reason = (struct moon_str){NULL, 0};
    if (lua_type(L, -1) == LUA_TSTRING) {
        ret_reason->ptr = lua_tolstring(L, -1, &ret_reason->len);
        *ret_reason = moon_str_cut(*ret_reason, MAX_REASON);
    } else if (!lua_isnil(L, -1)) {
        (void)snprintf(what, sizeof(what), "a %s as reason", lua_typename(L, lua_type(L, -1)));
        return wrong_answer(b, what, ret);
    }
    switch (lua_type(L, -2)) {
    case LUA_TBOOLEAN:
        *ret_placement = lua_toboolean(L, -2) ? MOON_PLACEMENT_RUN : MOON_PLACEMENT_EVICT;
        return 0;
    case LUA_TNIL:
        *ret_placement = MOON_PLACEMENT_UNDECIDED;
        return 0;
    case LUA_TSTRING:
        if (moon_streq(lua_tostring(L, -2), "keep")) {
            *ret_placement = MOON_PLACEMENT_KEEP;
            return 0;
        }
        (void)snprintf(what, sizeof(what), "\"%.40s\"", lua_tostring(L, -2));
        return wrong_answer(b, what, ret);
    default:
        (void)snprintf(what, sizeof(what), "a %s", lua_typename(L, lua_type(L, -2)));
        return wrong_answer(b, what, ret);
    }
}

/* The most restrictive answer stands, the first of equals; what nobody has an opinion on is run. */
static void combine(struct moon_decision *d, enum moon_placement placement, struct moon_str reason,
                    moon_sym policy)
{
    bool first = d->policy == NULL;

    if (placement == MOON_PLACEMENT_UNDECIDED || (!first && placement <= d->placement)) {
        return;
    }
    d->placement = placement;
    moon_sym_unref(d->reason);
    d->reason = reason.ptr != NULL ? moon_intern(reason) : NULL;
    moon_sym_unref(d->policy);
    d->policy = moon_sym_ref(policy);
}

/* ---- calls ---- */

static int ask(struct batch *b, size_t i, struct moon_fault *ret)
{
    struct moon_engine *e = b->call.engine;
    enum moon_placement placement = MOON_PLACEMENT_UNDECIDED;
    struct moon_str reason;

    moon_budget_next_call(&e->run);
    lua_pushvalue(e->L, 2);
    lua_pushlightuserdata(e->L, moon_views_handle(&e->views, MOON_VIEW_NODE, b->nodes[i], 0, NULL));
    lua_pushlightuserdata(e->L, moon_views_handle(&e->views, MOON_VIEW_SET, b->call.set, 0, NULL));
    int rc = moon_engine_call(e, 2, 2, ret);
    if (rc == 0) {
        rc = read_answer(b, &placement, &reason, ret);
        if (rc == 0) {
            combine(&b->decisions[i], placement, reason, b->policy);
        }
        lua_pop(e->L, 2);
    }
    moon_views_forget(&e->views);
    return rc;
}

static void tell(struct batch *b, size_t i, const struct moon_fault *fault)
{
    MOON_AUTOFREE char *object = moon_asprintf("node %s", b->nodes[i]->meta.name);
    bool stop = fault->kind == MOON_FAULT_BUDGET || fault->kind == MOON_FAULT_MEMORY;

    if (!stop || !b->told_stop) {
        moon_hook_report(&b->call, fault, object);
    }
    b->told_stop = b->told_stop || stop;
}

/* Ask from node `first` on until the end or until the state is spent; returns where it stopped. */
static size_t run_state(struct batch *b, size_t first)
{
    struct moon_fault fault;
    size_t i = first;

    while (i < b->count && !moon_engine_is_spent(b->call.engine)) {
        if (ask(b, i, &fault) != 0) {
            b->failed[i] = true;
            tell(b, i, &fault);
        }
        i++;
    }
    return i;
}

/* After a stop the rest is asked in a new state, as long as the batch has time left. */
static void run_batch(struct batch *b)
{
    uint64_t total = (uint64_t)(BATCH_US * b->call.link->version->budget_scale);
    struct moon_fault fault;
    size_t i = 0;

    for (int states = 0; i < b->count && b->call.cpu_us < total && states < MAX_STATES; states++) {
        double scale = b->call.link->version->budget_scale;
        uint64_t left = (uint64_t)((double)(total - b->call.cpu_us) / scale);
        struct moon_budget budget = {.call_us = CALL_US, .total_us = left > 0 ? left : 1};
        if (moon_hook_begin(&b->call, budget, &fault) != 0) {
            tell(b, i, &fault);
            break;
        }
        i = run_state(b, i);
        moon_hook_end(&b->call);
    }
    moon_hook_count(&b->call, i);
    for (; i < b->count; i++) {
        b->failed[i] = true;
    }
}

static void ask_link(struct moon_chain *chain, struct moon_chain_link *link,
                     const struct moon_set_view *set, struct batch *all)
{
    moon_sym policy = moon_intern_cstr(link->version->name);

    for (size_t at = 0; at < all->count; at += BATCH_NODES) {
        struct batch b = {
            .call = {.chain = chain, .link = link, .hook = MOON_HOOK_SELECT, .set = set},
            .nodes = all->nodes + at,
            .decisions = all->decisions + at,
            .failed = all->failed + at,
            .count = all->count - at < BATCH_NODES ? all->count - at : BATCH_NODES,
            .policy = policy,
        };
        run_batch(&b);
    }
    moon_sym_unref(policy);
}

void moon_hook_select(struct moon_chain *chain, const struct moon_set_view *set,
                      const struct moon_node *const *nodes, size_t count,
                      struct moon_decision *ret_decisions)
{
    MOON_AUTOFREE bool *failed = moon_new_array(bool, count + 1);
    struct batch all = {
        .nodes = nodes, .decisions = ret_decisions, .failed = failed, .count = count};

    for (size_t i = 0; i < count; i++) {
        ret_decisions[i].placement = MOON_PLACEMENT_RUN;
    }
    for (size_t i = 0; i < chain->count; i++) {
        if (chain->uses[MOON_HOOK_SELECT][i]) {
            ask_link(chain, &chain->links[i], set, &all);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (failed[i]) {
            moon_decision_fini(&ret_decisions[i]);
        }
    }
}
