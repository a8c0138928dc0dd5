/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/hook_each.h"

#include <stdio.h>

enum {
    BATCH_NODES = 4096,
    BATCH_US = 50 * 1000,
    CALL_US = 5 * 1000,
    MAX_STATES = 16, /* of one batch: making them anew takes time, too */
    CACHE_LINE = 64,
    NODE_LINES = 4,
    LABEL_LINES = 3,
    FAR_AHEAD = 16, /* objects */
    NEAR_AHEAD = 8,
};

/* ---- one call ---- */

static void push_object(struct moon_hook_each *h, const struct moon_subject *s)
{
    struct moon_engine *e = h->call.engine;
    void *view =
        s->pod == NULL
            ? moon_views_handle(&e->views, MOON_VIEW_NODE, s->node, 0, NULL)
            : moon_views_handle(&e->views, s->updated ? MOON_VIEW_NEW_POD : MOON_VIEW_OLD_POD,
                                s->pod, 0, s->slot);

    lua_pushlightuserdata(e->L, view);
}

static int run(struct moon_hook_each *h, size_t i, const struct moon_subject *s,
               struct moon_hook_answer *ret_answer, struct moon_fault *ret)
{
    struct moon_engine *e = h->call.engine;
    int args = 2;

    moon_budget_next_call(&e->run);
    lua_pushvalue(e->L, 2);
    if (h->recorder != NULL) {
        lua_pushlightuserdata(e->L, h->recorder(h, i));
        args++;
    }
    push_object(h, s);
    lua_pushlightuserdata(e->L, moon_views_handle(&e->views, MOON_VIEW_SET, h->call.set, 0, NULL));
    int rc = moon_engine_call(e, args, h->results, ret);
    if (rc == 0) {
        rc = h->read(h, ret_answer, ret);
        lua_pop(e->L, h->results);
    }
    moon_views_forget(&e->views);
    return rc;
}

/* The same, and the memo learns from it. */
static int run_traced(struct moon_hook_each *h, size_t i, const struct moon_subject *s,
                      struct moon_hook_answer *ret_answer, struct moon_fault *ret)
{
    struct moon_trace trace = {.memo = h->memo, .subject = s};

    if (h->memo == NULL || !moon_memo_wants_trace(h->memo)) {
        return run(h, i, s, ret_answer, ret);
    }
    h->call.engine->trace = &trace;
    int rc = run(h, i, s, ret_answer, ret);
    h->call.engine->trace = NULL;
    trace.opaque = trace.opaque || moon_engine_is_spent(h->call.engine);
    moon_memo_learn(h->memo, &trace, rc == 0 ? ret_answer : NULL);
    return rc;
}

/* ---- telling ---- */

static void report(struct moon_hook_each *h, const struct moon_subject *s,
                   const struct moon_fault *fault)
{
    const struct moon_object *o = s->pod != NULL ? &s->pod->meta : &s->node->meta;
    MOON_AUTOFREE char *object = moon_asprintf("%s %s", s->pod != NULL ? "pod" : "node", o->name);

    moon_hook_report(&h->call, fault, object);
}

static void miss(struct moon_hook_each *h, size_t i, const struct moon_subject *s,
                 const struct moon_fault *fault)
{
    bool stop = fault->kind == MOON_FAULT_BUDGET || fault->kind == MOON_FAULT_MEMORY;

    h->miss(h, i);
    if (!stop || !h->told_stop) {
        report(h, s, fault);
    }
    h->told_stop = h->told_stop || stop;
}

static const char not_pure[] = "the policy is not pure";

/* The policy answers what it likes: its answers are not kept any more, in no set. */
static void tell_impure(struct moon_hook_each *h, const struct moon_subject *s)
{
    struct moon_version *v = h->call.link->version;
    struct moon_fault fault = {.kind = MOON_FAULT_IMPURE};

    (void)snprintf(
        fault.text, sizeof(fault.text),
        "%s.lua: %s has answered otherwise for the same; it must depend on its arguments "
        "only. Its answers are not kept any more",
        v->name, moon_hook_name(h->call.hook));
    v->impure[h->call.hook] = true;
    moon_memo_give_up(h->memo, not_pure);
    report(h, s, &fault);
}

/* ---- a batch ---- */

static double scale_of(const struct moon_hook_each *h)
{
    return h->call.link->version->budget_scale;
}

/* A state to ask in: after a stop it is a new one, as long as the batch has time left. Positive: it
 * has none; negative: there is none, as *ret says. */
static int begin(struct moon_hook_each *h, struct moon_fault *ret)
{
    uint64_t total = (uint64_t)(BATCH_US * scale_of(h));

    if (h->call.engine != NULL && !moon_engine_is_spent(h->call.engine)) {
        return 0;
    }
    if (h->call.engine != NULL) {
        moon_hook_end(&h->call);
    }
    h->ended = h->ended || h->call.cpu_us >= total || h->states == MAX_STATES;
    if (h->ended) {
        return 1;
    }
    uint64_t left = (uint64_t)((double)(total - h->call.cpu_us) / scale_of(h));
    struct moon_budget budget = {.call_us = CALL_US, .total_us = left > 0 ? left : 1};
    h->states++;
    h->ended = moon_hook_begin(&h->call, budget, ret) != 0;
    return h->ended ? -1 : 0;
}

/* It has to be asked. */
static void ask(struct moon_hook_each *h, size_t i, const struct moon_subject *s)
{
    struct moon_hook_answer answer = {0};
    struct moon_fault fault;
    int rc = begin(h, &fault);

    if (rc != 0 && h->memo != NULL) {
        moon_memo_read_everything(h->memo); /* nobody knows what it would have read */
    }
    if (rc > 0) {
        h->miss(h, i);
        return;
    }
    h->asked += rc == 0;
    if (rc < 0 || run_traced(h, i, s, &answer, &fault) != 0 ||
        h->give(h, i, &answer, &fault) != 0) {
        miss(h, i, s, &fault);
    }
    moon_hook_answer_fini(&answer);
}

/* The answer is known, and asked for all the same: is it still the same? */
static void check(struct moon_hook_each *h, size_t i, const struct moon_subject *s,
                  const struct moon_hook_answer *known)
{
    struct moon_hook_answer answer = {0};
    struct moon_hook_answer before;
    struct moon_fault fault;

    moon_hook_answer_copy(known, &before);
    if (begin(h, &fault) != 0) {
        moon_hook_answer_copy(&before, &answer); /* another time */
    } else {
        h->asked++;
        if (run_traced(h, i, s, &answer, &fault) != 0) {
            miss(h, i, s, &fault);
            moon_hook_answer_fini(&before);
            return;
        }
        if (!moon_hook_answer_equal(&answer, &before)) {
            tell_impure(h, s);
        }
    }
    if (h->give(h, i, &answer, &fault) != 0) {
        miss(h, i, s, &fault);
    }
    moon_hook_answer_fini(&answer);
    moon_hook_answer_fini(&before);
}

static void answer_one(struct moon_hook_each *h, size_t i)
{
    struct moon_subject s = h->subject(h, i);
    struct moon_fault fault;
    bool is_due = false;
    const struct moon_hook_answer *known =
        h->memo != NULL ? moon_memo_find(h->memo, &s, &is_due) : NULL;

    if (known == NULL) {
        ask(h, i, &s);
        return;
    }
    h->hits++;
    if (is_due) {
        check(h, i, &s, known);
    } else if (h->give(h, i, known, &fault) != 0) {
        miss(h, i, &s, &fault);
    }
}

static void fetch(const void *from, size_t lines)
{
    for (size_t i = 0; from != NULL && i < lines; i++) {
        __builtin_prefetch((const void *)((uintptr_t)from + i * CACHE_LINE));
    }
}

/* With very many nodes what a known answer costs is waiting for memory: it is fetched ahead, first
 * the node, then the labels it points to. */
static void fetch_ahead(const struct moon_hook_each *h, size_t i)
{
    if (i + FAR_AHEAD < h->count) {
        fetch(h->subject(h, i + FAR_AHEAD).node, NODE_LINES);
    }
    if (i + NEAR_AHEAD < h->count) {
        const struct moon_node *n = h->subject(h, i + NEAR_AHEAD).node;
        fetch(n != NULL ? n->meta.labels.items : NULL, LABEL_LINES);
    }
}

static void run_batch(struct moon_hook_each *h, size_t at, size_t end)
{
    h->told_stop = false;
    h->ended = false;
    h->states = 0;
    h->asked = 0;
    h->hits = 0;
    h->call.cpu_us = 0;
    for (size_t i = at; i < end; i++) {
        fetch_ahead(h, i);
        answer_one(h, i);
    }
    if (h->call.engine != NULL) {
        moon_hook_end(&h->call);
    }
    moon_hook_count(&h->call, h->asked, h->hits);
}

/* The memo of the hook, ready for this set; NULL: none is kept. */
static struct moon_memo *memo_of(const struct moon_hook_each *h)
{
    struct moon_chain_link *link = h->call.link;
    const struct moon_version *v = link->version;
    struct moon_memo **memo = &link->memos[h->call.hook];

    if (h->recorder != NULL || h->call.chain->policies->no_memo) {
        return NULL;
    }
    if (*memo == NULL) {
        *memo = moon_memo_new();
    }
    if (v->impure[h->call.hook]) {
        moon_memo_give_up(*memo, not_pure);
    }
    moon_memo_prepare(*memo, h->call.set, v->engine_serial);
    return *memo;
}

void moon_hook_each_ask(struct moon_hook_each *h)
{
    h->memo = memo_of(h);
    for (size_t at = 0; at < h->count; at += BATCH_NODES) {
        run_batch(h, at, h->count - at < BATCH_NODES ? h->count : at + BATCH_NODES);
    }
}
