/* SPDX-License-Identifier: Apache-2.0
 *
 * scheduler_topology.c - after the plugins InterPodAffinity and PodTopologySpread.
 */
#include "sim/scheduler_topology.h"

#include "base/map.h"

/* One rule with its counts: by value of the topology key, as pointer-sized numbers. */
struct tally {
    struct moon_map *by_value;
    int64_t least; /* of them all, when it is known */
    bool is_least_known;
};

struct moon_topology {
    const struct moon_played_pod *pod;
    const struct moon_demands *demands;
    struct tally *affinity; /* as many as there are terms, and so on */
    struct tally *anti_affinity;
    struct tally *preferred;
    struct tally *spreads;
    struct moon_map *objections; /* "key=value" of domains where others object, to how many */
    bool is_near_somewhere;      /* some pod matches all affinity terms */
};

/* ---- counts ---- */

static struct tally *tallies_new(size_t count)
{
    struct tally *tallies = moon_new_array(struct tally, count + 1);
    for (size_t i = 0; i < count; i++) {
        tallies[i].by_value = moon_map_new(NULL);
    }
    return tallies;
}

static void tallies_free(struct tally *tallies, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        moon_map_free(tallies[i].by_value);
    }
    moon_free(tallies);
}

static int64_t count_of(const struct moon_map *map, const char *value)
{
    return (int64_t)(intptr_t)moon_map_get(map, moon_str(value));
}

static void count(struct moon_map *map, const char *value, int64_t step)
{
    moon_map_set(map, moon_str(value), (void *)(intptr_t)(count_of(map, value) + step));
}

/* The domain of a node; NULL: the node has no such label. */
static moon_sym domain(const struct moon_played_node *node, moon_sym key)
{
    return key != NULL ? moon_labels_get(&node->meta.labels, key) : NULL;
}

static bool is_about(const struct moon_pod_term *term, const struct moon_played_pod *pod)
{
    return moon_pod_term_matches(term, pod->meta.namespace, &pod->meta.labels);
}

static bool are_all_about(const struct moon_pod_terms *terms, const struct moon_played_pod *pod)
{
    for (size_t i = 0; i < terms->count; i++) {
        if (!is_about(&terms->items[i], pod)) {
            return false;
        }
    }
    return terms->count > 0;
}

static void count_term(struct tally *tally, const struct moon_pod_term *term,
                       const struct moon_played_node *node, int64_t step)
{
    moon_sym value = domain(node, term->topology_key);
    if (value != NULL) {
        count(tally->by_value, value, step);
    }
}

/* ---- counting ---- */

/* A pod counts for affinity only when it is what all terms are about. */
static void count_terms(struct moon_topology *t, const struct moon_played_pod *other,
                        const struct moon_played_node *node, int64_t step)
{
    const struct moon_demands *d = t->demands;
    if (are_all_about(&d->affinity, other)) {
        for (size_t i = 0; i < d->affinity.count; i++) {
            count_term(&t->affinity[i], &d->affinity.items[i], node, step);
        }
        t->is_near_somewhere = true;
    }
    for (size_t i = 0; i < d->anti_affinity.count; i++) {
        if (is_about(&d->anti_affinity.items[i], other)) {
            count_term(&t->anti_affinity[i], &d->anti_affinity.items[i], node, step);
        }
    }
    for (size_t i = 0; i < d->preferred.count; i++) {
        if (is_about(&d->preferred.items[i], other)) {
            count_term(&t->preferred[i], &d->preferred.items[i], node, step);
        }
    }
}

static void count_objections(struct moon_topology *t, const struct moon_played_pod *other,
                             const struct moon_played_node *node, int64_t step)
{
    const struct moon_pod_terms *terms = &other->demands->anti_affinity;
    for (size_t i = 0; i < terms->count; i++) {
        moon_sym value = domain(node, terms->items[i].topology_key);
        if (value != NULL && is_about(&terms->items[i], t->pod)) {
            MOON_AUTOFREE char *pair = moon_asprintf("%s=%s", terms->items[i].topology_key, value);
            count(t->objections, pair, step);
        }
    }
}

/* Spreading is over the nodes that the pod could be on at all, if they are in a domain of each
 * constraint of this kind. */
static bool counts_for_spread(const struct moon_topology *t, const struct moon_played_node *node,
                              bool is_hard)
{
    for (size_t i = 0; i < t->demands->spread_count; i++) {
        const struct moon_spread *spread = &t->demands->spreads[i];
        if (spread->is_hard == is_hard && domain(node, spread->topology_key) == NULL) {
            return false;
        }
    }
    return t->pod->affinity == NULL ||
           moon_affinity_matches(t->pod->affinity, &node->meta.labels, node->meta.name);
}

static void count_spreads(struct moon_topology *t, const struct moon_played_pod *other,
                          const struct moon_played_node *node, int64_t step)
{
    const struct moon_demands *d = t->demands;
    if (d->spread_count == 0 || other->meta.deleted_s != 0 ||
        other->meta.namespace != t->pod->meta.namespace) {
        return;
    }
    for (size_t i = 0; i < d->spread_count; i++) {
        const struct moon_spread *spread = &d->spreads[i];
        if (counts_for_spread(t, node, spread->is_hard) &&
            moon_selector_matches(spread->selector, &other->meta.labels)) {
            count(t->spreads[i].by_value, domain(node, spread->topology_key), step);
            t->spreads[i].is_least_known = false;
        }
    }
}

void moon_topology_count(struct moon_topology *t, const struct moon_played_pod *other,
                         const struct moon_ledger_node *on, int64_t step)
{
    if (on->node != NULL) {
        count_terms(t, other, on->node, step);
        count_objections(t, other, on->node, step);
        count_spreads(t, other, on->node, step);
    }
}

/* An empty domain counts, too: it is the one to go to. */
static void open_domains(struct moon_topology *t, const struct moon_played_node *node)
{
    for (size_t i = 0; i < t->demands->spread_count; i++) {
        const struct moon_spread *spread = &t->demands->spreads[i];
        if (counts_for_spread(t, node, spread->is_hard)) {
            count(t->spreads[i].by_value, domain(node, spread->topology_key), 0);
        }
    }
}

static bool has_rules(const struct moon_demands *d)
{
    return d->affinity.count + d->anti_affinity.count + d->preferred.count + d->spread_count > 0;
}

struct moon_topology *moon_topology_new(const struct moon_ledger *ledger,
                                        const struct moon_played_pod *pod)
{
    struct moon_topology *t = moon_new(struct moon_topology);
    const struct moon_demands *d = pod->demands;
    t->pod = pod;
    t->demands = d;
    t->affinity = tallies_new(d->affinity.count);
    t->anti_affinity = tallies_new(d->anti_affinity.count);
    t->preferred = tallies_new(d->preferred.count);
    t->spreads = tallies_new(d->spread_count);
    t->objections = moon_map_new(NULL);
    moon_list_foreach (it, moon_ledger_anti(ledger)) {
        const struct moon_ledger_pod *p = moon_container_of(it, struct moon_ledger_pod, anti);
        if (p->on->node != NULL) {
            count_objections(t, p->pod, p->on->node, 1);
        }
    }
    const struct moon_ledger_node *n;
    for (size_t pos = 0; has_rules(d) && (n = moon_ledger_next(ledger, &pos)) != NULL;) {
        open_domains(t, n->node);
        moon_list_foreach (it, &n->pods) {
            const struct moon_ledger_pod *p = moon_container_of(it, struct moon_ledger_pod, link);
            count_terms(t, p->pod, n->node, 1);
            count_spreads(t, p->pod, n->node, 1);
        }
    }
    return t;
}

void moon_topology_free(struct moon_topology *t)
{
    const struct moon_demands *d = t->demands;
    tallies_free(t->affinity, d->affinity.count);
    tallies_free(t->anti_affinity, d->anti_affinity.count);
    tallies_free(t->preferred, d->preferred.count);
    tallies_free(t->spreads, d->spread_count);
    moon_map_free(t->objections);
    moon_free(t);
}

/* ---- asking ---- */

static int64_t least(struct tally *tally)
{
    size_t pos = 0;
    void *number;
    if (tally->is_least_known) {
        return tally->least;
    }
    tally->least = INT64_MAX;
    tally->is_least_known = true;
    while (moon_map_next(tally->by_value, &pos, NULL, &number)) {
        int64_t value = (int64_t)(intptr_t)number;
        tally->least = value < tally->least ? value : tally->least;
    }
    return tally->least;
}

static enum moon_topology_answer ask_spread(const struct moon_topology *t, size_t index,
                                            const struct moon_played_node *node)
{
    const struct moon_spread *spread = &t->demands->spreads[index];
    struct tally *tally = &t->spreads[index];
    moon_sym value = domain(node, spread->topology_key);
    if (!spread->is_hard) {
        return MOON_TOPOLOGY_FITS;
    }
    if (value == NULL) {
        return MOON_TOPOLOGY_NO_LABEL;
    }
    int64_t own = moon_selector_matches(spread->selector, &t->pod->meta.labels) ? 1 : 0;
    int64_t skew = count_of(tally->by_value, value) + own - least(tally);
    return skew > spread->max_skew ? MOON_TOPOLOGY_SKEWED : MOON_TOPOLOGY_FITS;
}

/* The first of pods that want to be near each other may go anywhere. */
static bool is_near(const struct moon_topology *t, const struct moon_played_node *node)
{
    const struct moon_pod_terms *terms = &t->demands->affinity;
    bool are_there = true;
    for (size_t i = 0; i < terms->count; i++) {
        moon_sym value = domain(node, terms->items[i].topology_key);
        if (value == NULL) {
            return false;
        }
        are_there = are_there && count_of(t->affinity[i].by_value, value) > 0;
    }
    return are_there || (!t->is_near_somewhere && are_all_about(terms, t->pod));
}

static bool is_too_near(const struct moon_topology *t, const struct moon_played_node *node)
{
    const struct moon_pod_terms *terms = &t->demands->anti_affinity;
    for (size_t i = 0; i < terms->count; i++) {
        moon_sym value = domain(node, terms->items[i].topology_key);
        if (value != NULL && count_of(t->anti_affinity[i].by_value, value) > 0) {
            return true;
        }
    }
    return false;
}

static bool do_others_object(const struct moon_topology *t, const struct moon_played_node *node)
{
    const struct moon_labels *labels = &node->meta.labels;
    if (moon_map_count(t->objections) == 0) {
        return false;
    }
    for (size_t i = 0; i < labels->count; i++) {
        MOON_AUTOFREE char *pair =
            moon_asprintf("%s=%s", labels->items[i].key, labels->items[i].value);
        if (count_of(t->objections, pair) > 0) {
            return true;
        }
    }
    return false;
}

enum moon_topology_answer moon_topology_ask(const struct moon_topology *t,
                                            const struct moon_played_node *node)
{
    for (size_t i = 0; i < t->demands->spread_count; i++) {
        enum moon_topology_answer answer = ask_spread(t, i, node);
        if (answer != MOON_TOPOLOGY_FITS) {
            return answer;
        }
    }
    if (!is_near(t, node)) {
        return MOON_TOPOLOGY_NOT_NEAR;
    }
    if (is_too_near(t, node)) {
        return MOON_TOPOLOGY_TOO_NEAR;
    }
    return do_others_object(t, node) ? MOON_TOPOLOGY_OTHERS_OBJECT : MOON_TOPOLOGY_FITS;
}

int64_t moon_topology_preference(const struct moon_topology *t, const struct moon_played_node *node)
{
    const struct moon_pod_terms *terms = &t->demands->preferred;
    int64_t sum = 0;
    for (size_t i = 0; i < terms->count; i++) {
        moon_sym value = domain(node, terms->items[i].topology_key);
        if (value != NULL) {
            sum += terms->items[i].weight * count_of(t->preferred[i].by_value, value);
        }
    }
    return sum;
}

int64_t moon_topology_crowd(const struct moon_topology *t, const struct moon_played_node *node)
{
    int64_t sum = 0;
    for (size_t i = 0; i < t->demands->spread_count; i++) {
        const struct moon_spread *spread = &t->demands->spreads[i];
        moon_sym value = domain(node, spread->topology_key);
        if (spread->is_hard) {
            continue;
        }
        if (value == NULL) {
            return -1;
        }
        sum += count_of(t->spreads[i].by_value, value) + spread->max_skew - 1;
    }
    return sum;
}
