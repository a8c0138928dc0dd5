/* SPDX-License-Identifier: Apache-2.0
 *
 * scheduler_preempt.c - what if some pods were not there?
 *
 * The pods are lifted off the ledger and put back, so that the same questions are asked as when the
 * pod is placed for real.
 */
#include <stdlib.h>

#include "sim/budget.h"
#include "sim/scheduler_filter.h"
#include "sim/scheduler_pick.h"

enum {
    /* So many nodes with an answer are compared, as upstream: a tenth of them, at least 100. */
    CANDIDATES_MIN = 100,
    CANDIDATES_DIVISOR = 10
};

struct search {
    struct moon_ledger *ledger;
    const struct moon_store *budgets;
    const struct moon_played_pod *pod;
    struct moon_topology *topology;
    struct moon_preemption *best;
    size_t found;
};

/* ---- one node ---- */

/* More important pods, then those that have run for longer, come first. */
static int by_importance(const void *a, const void *b)
{
    const struct moon_played_pod *x = (*(struct moon_ledger_pod *const *)a)->pod;
    const struct moon_played_pod *y = (*(struct moon_ledger_pod *const *)b)->pod;
    if (x->priority != y->priority) {
        return x->priority > y->priority ? -1 : 1;
    }
    if (x->started_s != y->started_s) {
        return x->started_s < y->started_s ? -1 : 1;
    }
    return strcmp(x->meta.uid, y->meta.uid);
}

static void lift(struct search *s, struct moon_ledger_pod *p)
{
    moon_ledger_lift(p);
    moon_topology_count(s->topology, p->pod, p->on, -1);
}

static void put_back(struct search *s, struct moon_ledger_pod *p)
{
    moon_ledger_put_back(s->ledger, p);
    moon_topology_count(s->topology, p->pod, p->on, 1);
}

/* An assumed pod cannot be asked to go: it is not there yet. */
static bool is_lesser(const struct search *s, const struct moon_ledger_pod *p)
{
    return !p->is_assumed && p->pod->priority < s->pod->priority;
}

static size_t lift_lesser(struct search *s, struct moon_ledger_node *n,
                          struct moon_ledger_pod **ret)
{
    size_t count = 0;
    moon_list_foreach (it, &n->pods) {
        struct moon_ledger_pod *p = moon_container_of(it, struct moon_ledger_pod, link);
        if (is_lesser(s, p)) {
            lift(s, p);
            ret[count++] = p;
        }
    }
    return count;
}

static bool fits(const struct search *s, const struct moon_ledger_node *n)
{
    return moon_scheduler_filter(s->pod, s->topology, n, NULL) == MOON_FIT_YES;
}

/* ---- budgets ---- */

/* The API server has let this pod go already, and counted it. */
static bool is_disrupted(const struct moon_budget *b, const struct moon_object *pod)
{
    for (size_t i = 0; i < b->disrupted_count; i++) {
        if (strcmp(b->disrupted[i].pod, pod->name) == 0) {
            return true;
        }
    }
    return false;
}

/* Would the end of one more pod break a budget? `left` has what each of them still bears. As
 * upstream, an empty selector guards nobody here. */
static bool breaks_budget(const struct moon_store *budgets, int64_t *left,
                          const struct moon_object *pod)
{
    bool breaks = false;
    size_t pos = 0;
    const struct moon_object *object;
    for (size_t i = 0; (object = moon_store_next(budgets, &pos)) != NULL; i++) {
        const struct moon_budget *b = moon_budget(object);
        if (moon_budget_covers(b, pod) && !moon_selector_is_empty(b->selector) &&
            !is_disrupted(b, pod)) {
            left[i]--;
            breaks = breaks || left[i] < 0;
        }
    }
    return breaks;
}

/* Those that a budget guards come first, so that they are the first to be spared; otherwise the
 * order stays. Returns how many they are. */
static size_t guarded_first(const struct search *s, struct moon_ledger_pod **pods, size_t count)
{
    size_t guarded = 0;
    size_t others = 0;
    size_t pos = 0;
    const struct moon_object *object;
    if (s->budgets == NULL || moon_store_count(s->budgets) == 0) {
        return 0;
    }
    MOON_AUTOFREE int64_t *left = moon_new_array(int64_t, moon_store_count(s->budgets));
    MOON_AUTOFREE struct moon_ledger_pod **rest = moon_new_array(struct moon_ledger_pod *, count);
    for (size_t i = 0; (object = moon_store_next(s->budgets, &pos)) != NULL; i++) {
        left[i] = moon_budget(object)->status.allowed;
    }
    for (size_t i = 0; i < count; i++) {
        if (breaks_budget(s->budgets, left, &pods[i]->pod->meta)) {
            pods[guarded++] = pods[i];
        } else {
            rest[others++] = pods[i];
        }
    }
    for (size_t i = 0; i < others; i++) {
        pods[guarded + i] = rest[i];
    }
    return guarded;
}

/* All lesser pods go, then as many as can be come back, the most important first. *ret holds those
 * that cannot, most important first; all are put back at the end. */
static size_t find_victims(struct search *s, struct moon_ledger_node *n,
                           struct moon_ledger_pod **ret, size_t *ret_violations)
{
    size_t count = lift_lesser(s, n, ret);
    size_t victims = 0;
    size_t guarded = 0;
    bool is_enough = count > 0 && fits(s, n);
    *ret_violations = 0;
    if (is_enough) {
        qsort(ret, count, sizeof(struct moon_ledger_pod *), by_importance);
        guarded = guarded_first(s, ret, count);
    }
    for (size_t i = 0; i < count; i++) {
        put_back(s, ret[i]);
        if (is_enough && !fits(s, n)) {
            lift(s, ret[i]);
            ret[victims++] = ret[i];
            *ret_violations += i < guarded ? 1 : 0;
        }
    }
    for (size_t i = 0; i < victims; i++) {
        put_back(s, ret[i]);
    }
    if (victims > 0) {
        qsort(ret, victims, sizeof(struct moon_ledger_pod *), by_importance);
    }
    return victims;
}

/* ---- of all nodes ---- */

/* Priorities are made positive, so that few pods are less than many. */
static int64_t sum_of_priorities(const struct moon_preemption *p)
{
    int64_t sum = 0;
    for (size_t i = 0; i < p->victim_count; i++) {
        sum += (int64_t)p->victims[i]->priority + INT32_MAX + 1;
    }
    return sum;
}

/* When the first of the most important victims started. */
static int64_t start_of(const struct moon_preemption *p)
{
    return p->victims[0]->started_s;
}

static bool is_better(const struct moon_preemption *a, const struct moon_preemption *b)
{
    int32_t highest_a = a->victims[0]->priority;
    int32_t highest_b = b->victims[0]->priority;
    int64_t sum_a = sum_of_priorities(a);
    int64_t sum_b = sum_of_priorities(b);
    if (a->violations != b->violations) {
        return a->violations < b->violations;
    }
    if (highest_a != highest_b) {
        return highest_a < highest_b;
    }
    if (sum_a != sum_b) {
        return sum_a < sum_b;
    }
    if (a->victim_count != b->victim_count) {
        return a->victim_count < b->victim_count;
    }
    return start_of(a) > start_of(b);
}

static void consider(struct search *s, struct moon_ledger_node *n)
{
    MOON_AUTOFREE struct moon_ledger_pod **lesser =
        moon_new_array(struct moon_ledger_pod *, n->pod_count + 1);
    size_t violations;
    size_t count = find_victims(s, n, lesser, &violations);
    if (count == 0) {
        return;
    }
    struct moon_preemption found = {
        .on = n, .victim_count = count, .violations = violations, .may_help = true};
    found.victims = moon_new_array(const struct moon_played_pod *, count);
    for (size_t i = 0; i < count; i++) {
        found.victims[i] = lesser[i]->pod;
    }
    s->found++;
    if (s->best->on == NULL || is_better(&found, s->best)) {
        moon_preemption_fini(s->best);
        *s->best = found;
    } else {
        moon_preemption_fini(&found);
    }
}

static size_t enough_candidates(const struct moon_ledger *ledger)
{
    size_t share = moon_ledger_count(ledger) / CANDIDATES_DIVISOR;
    return share > CANDIDATES_MIN ? share : CANDIDATES_MIN;
}

/* Those who go for this pod already have not gone yet: nobody else has to. */
static bool has_to_wait(const struct search *s)
{
    const struct moon_ledger_node *n = moon_ledger_claimed(s->ledger, s->pod);
    if (n == NULL || moon_scheduler_filter(s->pod, s->topology, n, NULL) == MOON_FIT_NEVER) {
        return false;
    }
    moon_list_foreach (it, &n->pods) {
        const struct moon_ledger_pod *p = moon_container_of(it, struct moon_ledger_pod, link);
        if (p->pod->meta.deleted_s != 0 && is_lesser(s, p)) {
            return true;
        }
    }
    return false;
}

static void search_nodes(struct search *s)
{
    size_t enough = enough_candidates(s->ledger);
    size_t pos = 0;
    struct moon_ledger_node *n;
    if (s->pod->pinned != NULL) {
        n = moon_ledger_node(s->ledger, s->pod->pinned);
        if (n != NULL && moon_scheduler_filter(s->pod, s->topology, n, NULL) == MOON_FIT_NO) {
            s->best->may_help = true;
            consider(s, n);
        }
        return;
    }
    while (s->found < enough && (n = moon_ledger_next(s->ledger, &pos)) != NULL) {
        if (moon_scheduler_filter(s->pod, s->topology, n, NULL) == MOON_FIT_NO) {
            s->best->may_help = true;
            consider(s, n);
        }
    }
}

void moon_scheduler_preempt(struct moon_ledger *ledger, const struct moon_store *budgets,
                            const struct moon_played_pod *pod, struct moon_preemption *ret)
{
    struct search s = {.ledger = ledger, .budgets = budgets, .pod = pod, .best = ret};
    *ret = (struct moon_preemption){0};
    if (pod->demands->never_preempts) {
        ret->may_help = true;
        return;
    }
    s.topology = moon_topology_new(ledger, pod);
    if (has_to_wait(&s)) {
        ret->may_help = true;
    } else {
        search_nodes(&s);
    }
    moon_topology_free(s.topology);
}

void moon_preemption_fini(struct moon_preemption *p)
{
    moon_free(p->victims);
    *p = (struct moon_preemption){0};
}
