/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/hook_each.h"

enum {
    BATCH_NODES = 4096,
    BATCH_US = 50 * 1000,
    CALL_US = 5 * 1000,
    MAX_STATES = 16, /* of one batch: making them anew takes time, too */
};

static void *view_of(struct moon_hook_each *h, size_t i)
{
    if (h->view != NULL) {
        return h->view(h, i);
    }
    return moon_views_handle(&h->call.engine->views, MOON_VIEW_NODE, h->object(h, i), 0, NULL);
}

static int ask(struct moon_hook_each *h, size_t i, struct moon_fault *ret)
{
    struct moon_engine *e = h->call.engine;
    int args = 2;

    moon_budget_next_call(&e->run);
    lua_pushvalue(e->L, 2);
    lua_pushlightuserdata(e->L, view_of(h, i));
    if (h->second != NULL) {
        lua_pushlightuserdata(e->L, h->second(h, i));
        args++;
    }
    lua_pushlightuserdata(e->L, moon_views_handle(&e->views, MOON_VIEW_SET, h->call.set, 0, NULL));
    int rc = moon_engine_call(e, args, h->results, ret);
    if (rc == 0) {
        rc = h->take(h, i, ret);
        lua_pop(e->L, h->results);
    }
    moon_views_forget(&e->views);
    return rc;
}

static void tell(struct moon_hook_each *h, size_t i, const struct moon_fault *fault)
{
    const struct moon_object *o = h->object(h, i);
    MOON_AUTOFREE char *object =
        moon_asprintf("%s %s", o->kind == &moon_kind_node ? "node" : "pod", o->name);
    bool stop = fault->kind == MOON_FAULT_BUDGET || fault->kind == MOON_FAULT_MEMORY;

    if (!stop || !h->told_stop) {
        moon_hook_report(&h->call, fault, object);
    }
    h->told_stop = h->told_stop || stop;
}

/* Ask from node `i` on until the end or until the state is spent; returns where it stopped. */
static size_t run_state(struct moon_hook_each *h, size_t i, size_t end)
{
    struct moon_fault fault;

    for (; i < end && !moon_engine_is_spent(h->call.engine); i++) {
        if (ask(h, i, &fault) != 0) {
            h->miss(h, i);
            tell(h, i, &fault);
        }
    }
    return i;
}

/* After a stop the rest is asked in a new state, as long as the batch has time left. */
static void run_batch(struct moon_hook_each *h, size_t begin, size_t end)
{
    double scale = h->call.link->version->budget_scale;
    uint64_t total = (uint64_t)(BATCH_US * scale);
    struct moon_fault fault;
    size_t i = begin;

    h->told_stop = false;
    h->call.cpu_us = 0;
    for (int states = 0; i < end && h->call.cpu_us < total && states < MAX_STATES; states++) {
        uint64_t left = (uint64_t)((double)(total - h->call.cpu_us) / scale);
        struct moon_budget budget = {.call_us = CALL_US, .total_us = left > 0 ? left : 1};
        if (moon_hook_begin(&h->call, budget, &fault) != 0) {
            tell(h, i, &fault);
            break;
        }
        i = run_state(h, i, end);
        moon_hook_end(&h->call);
    }
    moon_hook_count(&h->call, i - begin);
    for (; i < end; i++) {
        h->miss(h, i);
    }
}

void moon_hook_each_ask(struct moon_hook_each *h)
{
    for (size_t at = 0; at < h->count; at += BATCH_NODES) {
        run_batch(h, at, h->count - at < BATCH_NODES ? h->count : at + BATCH_NODES);
    }
}
