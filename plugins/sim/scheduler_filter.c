/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/scheduler_filter.h"

#define UNSCHEDULABLE_TAINT "node.kubernetes.io/unschedulable"
#define HARD_EFFECTS ((1u << MOON_EFFECT_NO_SCHEDULE) | (1u << MOON_EFFECT_NO_EXECUTE))

enum {
    REASON_MAX = 64 * 1024
};

static void tell(struct moon_tally *tally, const char *reason)
{
    if (tally != NULL) {
        moon_tally_add(tally, reason, 1);
    }
}

/* ---- the node ---- */

static bool bears_cordon(const struct moon_played_pod *pod)
{
    struct moon_taint cordon = {.effect = MOON_EFFECT_NO_SCHEDULE};
    cordon.key = moon_intern_cstr(UNSCHEDULABLE_TAINT);
    cordon.value = moon_intern_cstr("");
    const struct moon_taints only = {.items = &cordon, .count = 1};
    bool is_borne = moon_untolerated(&only, &pod->tolerations, HARD_EFFECTS) == NULL;
    moon_sym_unref(cordon.key);
    moon_sym_unref(cordon.value);
    return is_borne;
}

static bool bears_taints(const struct moon_played_pod *pod, const struct moon_played_node *node,
                         struct moon_tally *tally)
{
    const struct moon_taint *taint =
        moon_untolerated(&node->taints, &pod->tolerations, HARD_EFFECTS);
    if (taint == NULL) {
        return true;
    }
    MOON_CLEANUP(moon_buf_fini) struct moon_buf reason = MOON_BUF_INIT(REASON_MAX);
    moon_buf_printf(&reason, "node(s) had taint {%s: %s}, that the pod didn't tolerate", taint->key,
                    taint->value);
    tell(tally, moon_buf_cstr(&reason));
    return false;
}

static bool suits(const struct moon_played_pod *pod, const struct moon_played_node *node,
                  struct moon_tally *tally)
{
    if (node->unschedulable && !bears_cordon(pod)) {
        tell(tally, "node(s) were unschedulable");
        return false;
    }
    if (!bears_taints(pod, node, tally)) {
        return false;
    }
    if (pod->affinity != NULL &&
        !moon_affinity_matches(pod->affinity, &node->meta.labels, node->meta.name)) {
        tell(tally, MOON_REASON_NO_AFFINITY);
        return false;
    }
    return true;
}

/* ---- room ---- */

/* A claim holds its place against pods that are not more important. */
static bool holds_against(const struct moon_ledger_pod *claim, const struct moon_played_pod *pod)
{
    return claim->pod->meta.uid != pod->meta.uid && claim->pod->priority >= pod->priority;
}

static bool is_port_taken(const struct moon_demand_port *port, const struct moon_played_pod *by)
{
    for (size_t i = 0; i < by->demands->port_count; i++) {
        if (moon_demand_ports_conflict(port, &by->demands->ports[i])) {
            return true;
        }
    }
    return false;
}

static bool is_port_free(const struct moon_demand_port *port, const struct moon_played_pod *pod,
                         const struct moon_ledger_node *n)
{
    if (port->host_port == 0) {
        return true;
    }
    moon_list_foreach (it, &n->pods) {
        if (is_port_taken(port, moon_container_of(it, struct moon_ledger_pod, link)->pod)) {
            return false;
        }
    }
    moon_list_foreach (it, &n->claims) {
        const struct moon_ledger_pod *claim = moon_container_of(it, struct moon_ledger_pod, link);
        if (holds_against(claim, pod) && is_port_taken(port, claim->pod)) {
            return false;
        }
    }
    return true;
}

static bool has_ports(const struct moon_played_pod *pod, const struct moon_ledger_node *n,
                      struct moon_tally *tally)
{
    for (size_t i = 0; i < pod->demands->port_count; i++) {
        if (!is_port_free(&pod->demands->ports[i], pod, n)) {
            tell(tally, "node(s) didn't have free ports for the requested pod ports");
            return false;
        }
    }
    return true;
}

static int64_t claimed(const struct moon_played_pod *pod, const struct moon_ledger_node *n,
                       const char *name)
{
    int64_t sum = 0;
    moon_list_foreach (it, &n->claims) {
        const struct moon_ledger_pod *claim = moon_container_of(it, struct moon_ledger_pod, link);
        if (holds_against(claim, pod)) {
            sum += moon_amounts_get(&claim->pod->demands->requests, name);
        }
    }
    return sum;
}

static bool has_amount(const struct moon_played_pod *pod, const struct moon_ledger_node *n,
                       const struct moon_amount *want)
{
    int64_t rest = moon_amounts_get(&n->node->allocatable, want->name) -
                   moon_amounts_get(&n->used, want->name) - claimed(pod, n, want->name);
    return want->value <= 0 || want->value <= rest;
}

/* Everything that is missing is told. */
static bool has_room(const struct moon_played_pod *pod, const struct moon_ledger_node *n,
                     struct moon_tally *tally)
{
    const struct moon_amounts *requests = &pod->demands->requests;
    bool is_enough = true;
    for (size_t i = 0; i < requests->count; i++) {
        const char *name = requests->items[i].name;
        if (has_amount(pod, n, &requests->items[i])) {
            continue;
        }
        is_enough = false;
        if (strcmp(name, "pods") == 0) {
            tell(tally, "Too many pods");
        } else {
            MOON_AUTOFREE char *reason = moon_asprintf("Insufficient %s", name);
            tell(tally, reason);
        }
    }
    return is_enough;
}

/* ---- neighbours ---- */

static const struct {
    enum moon_fit fit;
    const char *reasons[2];
} topology_answers[] = {
    [MOON_TOPOLOGY_FITS] = {MOON_FIT_YES, {0}},
    [MOON_TOPOLOGY_SKEWED] = {MOON_FIT_NO,
                              {"node(s) didn't match pod topology spread constraints"}},
    [MOON_TOPOLOGY_NO_LABEL] = {MOON_FIT_NEVER,
                                {"node(s) didn't match pod topology spread constraints (missing "
                                 "required label)"}},
    [MOON_TOPOLOGY_NOT_NEAR] = {MOON_FIT_NEVER,
                                {"node(s) didn't match pod affinity/anti-affinity",
                                 "node(s) didn't match pod affinity rules"}},
    [MOON_TOPOLOGY_TOO_NEAR] = {MOON_FIT_NO,
                                {"node(s) didn't match pod affinity/anti-affinity",
                                 "node(s) didn't match pod anti-affinity rules"}},
    [MOON_TOPOLOGY_OTHERS_OBJECT] = {MOON_FIT_NO,
                                     {"node(s) didn't match pod affinity/anti-affinity",
                                      "node(s) didn't satisfy existing pods anti-affinity rules"}},
};

static enum moon_fit ask_neighbours(const struct moon_topology *topology,
                                    const struct moon_played_node *node, struct moon_tally *tally)
{
    enum moon_topology_answer answer = moon_topology_ask(topology, node);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(topology_answers[answer].reasons); i++) {
        if (topology_answers[answer].reasons[i] != NULL) {
            tell(tally, topology_answers[answer].reasons[i]);
        }
    }
    return topology_answers[answer].fit;
}

enum moon_fit moon_scheduler_filter(const struct moon_played_pod *pod,
                                    const struct moon_topology *topology,
                                    const struct moon_ledger_node *n, struct moon_tally *tally)
{
    if (!suits(pod, n->node, tally)) {
        return MOON_FIT_NEVER;
    }
    if (!has_ports(pod, n, tally) || !has_room(pod, n, tally)) {
        return MOON_FIT_NO;
    }
    return ask_neighbours(topology, n->node, tally);
}
