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

/* UNDECIDED stands for "no opinion". */
static int read_placement(const struct moon_hook_each *h, enum moon_placement *ret_placement,
                          struct moon_fault *ret)
{
    lua_State *L = h->call.engine->L;

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

static int read_answer(const struct moon_hook_each *h, struct moon_hook_answer *ret_answer,
                       struct moon_fault *ret)
{
    lua_State *L = h->call.engine->L;
    enum moon_placement placement = MOON_PLACEMENT_UNDECIDED;
    struct moon_str reason;

    if (!moon_hook_read_reason(L, -1, &reason)) {
        return moon_hook_wrong_answer(&h->call, ret, must, "a %s as reason", luaL_typename(L, -1));
    }
    int rc = read_placement(h, &placement, ret);
    if (rc == 0) {
        ret_answer->code = (int)placement;
        ret_answer->reason = reason.ptr != NULL ? moon_intern(reason) : NULL;
    }
    return rc;
}

/* The most restrictive answer stands, the first of equals; what nobody has an opinion on is run. */
static void combine(struct moon_decision *d, const struct moon_hook_answer *answer, moon_sym policy)
{
    enum moon_placement placement = (enum moon_placement)answer->code;
    bool first = d->policy == NULL;

    if (placement == MOON_PLACEMENT_UNDECIDED || (!first && placement <= d->placement)) {
        return;
    }
    d->placement = placement;
    moon_sym_unref(d->reason);
    d->reason = moon_sym_ref(answer->reason);
    moon_sym_unref(d->policy);
    d->policy = moon_sym_ref(policy);
}

static struct moon_subject subject(const struct moon_hook_each *h, size_t i)
{
    const struct asking *a = h->ctx;

    return (struct moon_subject){.node = a->nodes[i], .set = h->call.set};
}

static int give(const struct moon_hook_each *h, size_t i, const struct moon_hook_answer *answer,
                struct moon_fault *ret MOON_UNUSED)
{
    const struct asking *a = h->ctx;

    combine(&a->decisions[i], answer, a->policy);
    return 0;
}

static void miss(const struct moon_hook_each *h, size_t i)
{
    const struct asking *a = h->ctx;

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
            .subject = subject,
            .read = read_answer,
            .give = give,
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
