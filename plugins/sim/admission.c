/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/admission.h"

#include <inttypes.h>

/* ---- pressure ---- */

static bool bears_memory_pressure(const struct moon_played_pod *pod)
{
    struct moon_taint taint = {.effect = MOON_EFFECT_NO_SCHEDULE};
    taint.key = moon_intern_cstr("node.kubernetes.io/memory-pressure");
    taint.value = moon_intern_cstr("");
    const struct moon_taints only = {.items = &taint, .count = 1};
    bool is_borne =
        moon_untolerated(&only, &pod->tolerations, 1u << MOON_EFFECT_NO_SCHEDULE) == NULL;
    moon_sym_unref(taint.key);
    moon_sym_unref(taint.value);
    return is_borne;
}

static bool refuses_under_pressure(const struct moon_played_pod *pod,
                                   const struct moon_played_node *node, struct moon_buf *message)
{
    static const enum moon_node_condition types[MOON_PRESSURES] = {
        [MOON_PRESSURE_MEMORY] = MOON_NODE_MEMORY_PRESSURE,
        [MOON_PRESSURE_DISK] = MOON_NODE_DISK_PRESSURE,
        [MOON_PRESSURE_PID] = MOON_NODE_PID_PRESSURE,
    };
    const char *separator = "";
    if (node->orders.pressure == 0 || moon_admission_is_critical(pod)) {
        return false;
    }
    if (node->orders.pressure == 1u << MOON_PRESSURE_MEMORY &&
        (!pod->is_best_effort || bears_memory_pressure(pod))) {
        return false;
    }
    moon_buf_puts(message, "Pod The node had condition: [");
    for (size_t i = 0; i < MOON_PRESSURES; i++) {
        if ((node->orders.pressure & 1u << i) != 0) {
            moon_buf_printf(message, "%s%s", separator, moon_node_condition_name(types[i]));
            separator = " ";
        }
    }
    moon_buf_puts(message, "]. ");
    return true;
}

/* ---- resources ---- */

static int64_t used_of(const struct moon_admitted *others, const char *resource)
{
    int64_t used = 0;
    for (size_t i = 0; i < others->count; i++) {
        used += moon_amounts_get(&others->items[i]->demands->requests, resource);
    }
    return used;
}

static bool lacks(const struct moon_played_pod *pod, const struct moon_played_node *node,
                  const struct moon_admitted *others, const char *resource,
                  struct moon_buf *message)
{
    int64_t wanted = moon_amounts_get(&pod->demands->requests, resource);
    int64_t capacity = moon_amounts_get(&node->allocatable, resource);
    if (wanted == 0) {
        return false;
    }
    int64_t used = used_of(others, resource);
    if (wanted <= capacity - used) {
        return false;
    }
    moon_buf_printf(message,
                    "Pod Node didn't have enough resource: %s, requested: %" PRId64
                    ", used: %" PRId64 ", capacity: %" PRId64,
                    resource, wanted, used, capacity);
    return true;
}

/* Devices the node has never heard of are no reason: somebody else may look after them. */
static bool has_resource(const struct moon_played_node *node, const char *resource)
{
    for (size_t i = 0; i < node->allocatable.count; i++) {
        if (moon_streq(node->allocatable.items[i].name, resource)) {
            return true;
        }
    }
    return false;
}

/* The name of the first resource there is not enough of, in the order the kubelet asks. */
static const char *missing_resource(const struct moon_played_pod *pod,
                                    const struct moon_played_node *node,
                                    const struct moon_admitted *others, struct moon_buf *message)
{
    static const char *const first[] = {"pods", "cpu", "memory", "ephemeral-storage"};
    const struct moon_amounts *requests = &pod->demands->requests;
    if (node->allocatable.count == 0) {
        return NULL; /* it has not said yet */
    }
    for (size_t i = 0; i < MOON_ARRAY_SIZE(first); i++) {
        if (lacks(pod, node, others, first[i], message)) {
            return first[i];
        }
    }
    for (size_t i = 0; i < requests->count; i++) {
        const char *resource = requests->items[i].name;
        if (strchr(resource, '/') != NULL && has_resource(node, resource) &&
            lacks(pod, node, others, resource, message)) {
            return resource;
        }
    }
    return NULL;
}

/* ---- ports ---- */

static bool ports_conflict(const struct moon_demands *a, const struct moon_demands *b)
{
    for (size_t i = 0; i < a->port_count; i++) {
        for (size_t k = 0; k < b->port_count; k++) {
            if (moon_demand_ports_conflict(&a->ports[i], &b->ports[k])) {
                return true;
            }
        }
    }
    return false;
}

static bool has_port_conflict(const struct moon_played_pod *pod, const struct moon_admitted *others)
{
    for (size_t i = 0; i < others->count; i++) {
        if (ports_conflict(pod->demands, others->items[i]->demands)) {
            return true;
        }
    }
    return false;
}

/* ---- all ---- */

static bool refuses(const char *why, const char *text, struct moon_buf *reason,
                    struct moon_buf *message)
{
    moon_buf_puts(reason, why);
    moon_buf_puts(message, text);
    return true;
}

bool moon_admission_refuses(const struct moon_played_pod *pod, const struct moon_played_node *node,
                            const struct moon_admitted *others, struct moon_buf *reason,
                            struct moon_buf *message)
{
    if (node->orders.reject != NULL) {
        moon_buf_puts(message, "Pod was rejected: ");
        return refuses(node->orders.reject, node->orders.reject, reason, message);
    }
    if (refuses_under_pressure(pod, node, message)) {
        return refuses("Evicted", "", reason, message);
    }
    const char *resource = missing_resource(pod, node, others, message);
    if (resource != NULL) {
        moon_buf_puts(reason, "OutOf");
        return refuses(resource, "", reason, message);
    }
    if (pod->affinity != NULL &&
        !moon_affinity_matches(pod->affinity, &node->meta.labels, node->meta.name)) {
        return refuses("NodeAffinity", "Pod Predicate NodeAffinity failed", reason, message);
    }
    if (has_port_conflict(pod, others)) {
        return refuses("NodePorts", "Pod Predicate NodePorts failed", reason, message);
    }
    return false;
}
