/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/scheduler_score.h"

enum {
    SCORE_MAX = 100, /* of one kind, on the best node */
    SPREAD_WEIGHT = 2
};

/* The kinds whose scale is that of the nodes compared. */
enum kind {
    KIND_PREFERENCE,
    KIND_TAINTS,
    KIND_NEIGHBOURS,
    KIND_CROWD,
};
enum {
    KINDS = KIND_CROWD + 1
};

struct score {
    int64_t raw[KINDS];
    int64_t total;
};

struct range {
    int64_t min;
    int64_t max;
};

/* ---- cpu and memory ---- */

struct use {
    int64_t used;
    int64_t all;
};

static int64_t share_left(struct use u)
{
    return u.all <= 0 || u.used > u.all ? 0 : (u.all - u.used) * SCORE_MAX / u.all;
}

static double share_used(struct use u)
{
    return u.all <= 0 ? 1.0 : (double)u.used / (double)u.all;
}

static int64_t balance(struct use cpu, struct use memory)
{
    double a = share_used(cpu);
    double b = share_used(memory);
    double difference = a > b ? a - b : b - a;
    return a >= 1.0 || b >= 1.0 ? 0 : (int64_t)((1.0 - difference) * SCORE_MAX);
}

/* Least allocated and balanced. */
static int64_t score_room(const struct moon_played_pod *pod, const struct moon_ledger_node *n)
{
    const struct moon_amounts *allocatable = &n->node->allocatable;
    struct use cpu = {n->score_cpu_m + pod->demands->score_cpu_m,
                      moon_amounts_get(allocatable, "cpu")};
    struct use memory = {n->score_memory + pod->demands->score_memory,
                         moon_amounts_get(allocatable, "memory")};
    return (share_left(cpu) + share_left(memory)) / 2 + balance(cpu, memory);
}

/* ---- what is preferred ---- */

static int64_t count_preferences(const struct moon_played_pod *pod,
                                 const struct moon_played_node *node)
{
    int64_t sum = 0;
    for (size_t i = 0; i < pod->demands->preference_count; i++) {
        const struct moon_node_preference *preference = &pod->demands->preferences[i];
        if (moon_affinity_matches(preference->affinity, &node->meta.labels, node->meta.name)) {
            sum += preference->weight;
        }
    }
    return sum;
}

static int64_t count_taints(const struct moon_played_pod *pod, const struct moon_played_node *node)
{
    int64_t count = 0;
    for (size_t i = 0; i < node->taints.count; i++) {
        const struct moon_taints one = {.items = &node->taints.items[i], .count = 1};
        count +=
            moon_untolerated(&one, &pod->tolerations, 1u << MOON_EFFECT_PREFER_NO_SCHEDULE) != NULL
                ? 1
                : 0;
    }
    return count;
}

static struct score raw_score(const struct moon_played_pod *pod,
                              const struct moon_topology *topology,
                              const struct moon_ledger_node *n)
{
    struct score score = {.total = score_room(pod, n)};
    score.raw[KIND_PREFERENCE] = count_preferences(pod, n->node);
    score.raw[KIND_TAINTS] = count_taints(pod, n->node);
    score.raw[KIND_NEIGHBOURS] = moon_topology_preference(topology, n->node);
    score.raw[KIND_CROWD] = moon_topology_crowd(topology, n->node);
    return score;
}

/* ---- one scale ---- */

static struct range range_of(const struct score *scores, size_t count, enum kind kind)
{
    struct range range = {INT64_MAX, 0};
    for (size_t i = 0; i < count; i++) {
        int64_t raw = scores[i].raw[kind];
        bool is_apart = kind == KIND_CROWD && raw < 0; /* in no domain */
        if (!is_apart) {
            range.min = raw < range.min ? raw : range.min;
            range.max = raw > range.max ? raw : range.max;
        }
    }
    return range;
}

/* As each plugin's NormalizeScore has it. */
static int64_t normal(enum kind kind, int64_t raw, struct range range)
{
    switch (kind) {
    case KIND_PREFERENCE:
        return range.max > 0 ? SCORE_MAX * raw / range.max : 0;
    case KIND_TAINTS:
        return range.max > 0 ? SCORE_MAX - SCORE_MAX * raw / range.max : SCORE_MAX;
    case KIND_NEIGHBOURS: {
        int64_t min = range.min < 0 ? range.min : 0;
        return range.max > min ? SCORE_MAX * (raw - min) / (range.max - min) : 0;
    }
    case KIND_CROWD:
        if (raw < 0) {
            return 0;
        }
        return SPREAD_WEIGHT *
               (range.max > 0 ? SCORE_MAX * (range.max + range.min - raw) / range.max : SCORE_MAX);
    }
    return 0;
}

static bool is_better(const struct moon_ledger_node *a, int64_t score_a,
                      const struct moon_ledger_node *b, int64_t score_b)
{
    if (score_a != score_b) {
        return score_a > score_b;
    }
    return a->pod_count != b->pod_count ? a->pod_count < b->pod_count
                                        : strcmp(a->name, b->name) < 0;
}

struct moon_ledger_node *moon_scheduler_best(const struct moon_played_pod *pod,
                                             const struct moon_topology *topology,
                                             struct moon_ledger_node *const *nodes, size_t count)
{
    MOON_AUTOFREE struct score *scores = moon_new_array(struct score, count);
    size_t best = 0;
    moon_assert(count > 0);
    for (size_t i = 0; i < count; i++) {
        scores[i] = raw_score(pod, topology, nodes[i]);
    }
    for (int kind = 0; kind < KINDS; kind++) {
        struct range range = range_of(scores, count, (enum kind)kind);
        for (size_t i = 0; i < count; i++) {
            scores[i].total += normal((enum kind)kind, scores[i].raw[kind], range);
        }
    }
    for (size_t i = 1; i < count; i++) {
        if (is_better(nodes[i], scores[i].total, nodes[best], scores[best].total)) {
            best = i;
        }
    }
    return nodes[best];
}
