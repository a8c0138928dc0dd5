/* SPDX-License-Identifier: Apache-2.0
 *
 * hook_select.c - may this set's daemon run on these nodes?
 */
#include <lauxlib.h>

#include "policy/hook_each.h"

enum {
    RESULTS = 2,
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

/* The answers of one policy, and of those before it. */
struct asking {
    const struct moon_node *const *nodes;
    struct moon_decision *decisions;
    bool *failed;    /* some policy could not say for this node */
    moon_sym policy; /* its name; owned */
};

/* ---- answers ---- */

static const char must[] = "true, false, \"keep\" or nil, then a reason";

/* The two results on the top. *ret_placement is UNDECIDED for "no opinion". */
static int read_answer(const struct moon_hook_each *h, enum moon_placement *ret_placement,
                       struct moon_str *ret_reason, struct moon_fault *ret)
{
    lua_State *L = h->call.engine->L;

    if (!moon_hook_read_reason(L, -1, ret_reason)) {
        return moon_hook_wrong_answer(&h->call, ret, must, "a %s as reason", luaL_typename(L, -1));
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
        return moon_hook_wrong_answer(&h->call, ret, must, "\"%.40s\"", lua_tostring(L, -2));
    default:
        return moon_hook_wrong_answer(&h->call, ret, must, "a %s", luaL_typename(L, -2));
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

static const struct moon_object *object(const struct moon_hook_each *h, size_t i)
{
    const struct asking *a = h->ctx;

    return &a->nodes[i]->meta;
}

static int take(struct moon_hook_each *h, size_t i, struct moon_fault *ret)
{
    struct asking *a = h->ctx;
    enum moon_placement placement = MOON_PLACEMENT_UNDECIDED;
    struct moon_str reason;

    int rc = read_answer(h, &placement, &reason, ret);
    if (rc == 0) {
        combine(&a->decisions[i], placement, reason, a->policy);
    }
    return rc;
}

static void miss(struct moon_hook_each *h, size_t i)
{
    struct asking *a = h->ctx;

    a->failed[i] = true;
}

void moon_hook_select(struct moon_chain *chain, const struct moon_set_view *set,
                      const struct moon_node *const *nodes, size_t count,
                      struct moon_decision *ret_decisions)
{
    MOON_AUTOFREE bool *failed = moon_new_array(bool, count + 1);

    for (size_t i = 0; i < count; i++) {
        ret_decisions[i].placement = MOON_PLACEMENT_RUN;
    }
    for (size_t i = 0; i < chain->count; i++) {
        struct moon_chain_link *link = &chain->links[i];
        if (!chain->uses[MOON_HOOK_SELECT][i]) {
            continue;
        }
        struct asking asking = {nodes, ret_decisions, failed,
                                moon_intern_cstr(link->version->name)};
        moon_hook_each_ask(&(struct moon_hook_each){
            .call = {.chain = chain, .link = link, .hook = MOON_HOOK_SELECT, .set = set},
            .count = count,
            .results = RESULTS,
            .object = object,
            .take = take,
            .miss = miss,
            .ctx = &asking,
        });
        moon_sym_unref(asking.policy);
    }
    for (size_t i = 0; i < count; i++) {
        if (failed[i]) {
            moon_decision_fini(&ret_decisions[i]);
        }
    }
}
