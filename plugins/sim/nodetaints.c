/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/nodetaints.h"

#include "base/time.h"

#define NOT_READY "node.kubernetes.io/not-ready"
#define UNREACHABLE "node.kubernetes.io/unreachable"

struct rule {
    const char *key;
    enum moon_effect effect;
    enum moon_node_condition type;
    enum moon_condition status; /* the taint is there while the condition is like this */
};

static const struct rule rules[] = {
    {NOT_READY, MOON_EFFECT_NO_SCHEDULE, MOON_NODE_READY, MOON_CONDITION_FALSE},
    {UNREACHABLE, MOON_EFFECT_NO_SCHEDULE, MOON_NODE_READY, MOON_CONDITION_UNKNOWN},
    {"node.kubernetes.io/memory-pressure", MOON_EFFECT_NO_SCHEDULE, MOON_NODE_MEMORY_PRESSURE,
     MOON_CONDITION_TRUE},
    {"node.kubernetes.io/disk-pressure", MOON_EFFECT_NO_SCHEDULE, MOON_NODE_DISK_PRESSURE,
     MOON_CONDITION_TRUE},
    {"node.kubernetes.io/pid-pressure", MOON_EFFECT_NO_SCHEDULE, MOON_NODE_PID_PRESSURE,
     MOON_CONDITION_TRUE},
    {"node.kubernetes.io/network-unavailable", MOON_EFFECT_NO_SCHEDULE,
     MOON_NODE_NETWORK_UNAVAILABLE, MOON_CONDITION_TRUE},
    {NOT_READY, MOON_EFFECT_NO_EXECUTE, MOON_NODE_READY, MOON_CONDITION_FALSE},
    {UNREACHABLE, MOON_EFFECT_NO_EXECUTE, MOON_NODE_READY, MOON_CONDITION_UNKNOWN},
};
#define UNSCHEDULABLE "node.kubernetes.io/unschedulable"
/* What is decided for one taint: the rules', and that of a cordoned node. */
#define DECISIONS (MOON_ARRAY_SIZE(rules) + 1)

struct decision {
    const char *key;
    enum moon_effect effect;
    bool is_wanted;
    size_t place; /* in the list; its length when it is not there */
};

static size_t find_taint(const struct moon_taints *taints, const char *key, enum moon_effect effect)
{
    size_t i = 0;
    while (i < taints->count &&
           (taints->items[i].effect != effect || !moon_streq(taints->items[i].key, key))) {
        i++;
    }
    return i;
}

bool moon_nodetaints_evicts(const struct moon_played_node *node)
{
    const struct moon_taints *taints = &node->taints;
    return find_taint(taints, NOT_READY, MOON_EFFECT_NO_EXECUTE) < taints->count ||
           find_taint(taints, UNREACHABLE, MOON_EFFECT_NO_EXECUTE) < taints->count;
}

static void decide(const struct moon_played_node *node, enum moon_nodetaints_evict evict,
                   struct decision all[DECISIONS])
{
    bool may_evict = evict == MOON_NODETAINTS_NOW ||
                     (evict == MOON_NODETAINTS_NOT_NOW && moon_nodetaints_evicts(node));
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rules); i++) {
        const struct rule *rule = &rules[i];
        all[i] =
            (struct decision){.key = rule->key,
                              .effect = rule->effect,
                              .is_wanted = node->conditions[rule->type] == rule->status &&
                                           (rule->effect != MOON_EFFECT_NO_EXECUTE || may_evict),
                              .place = find_taint(&node->taints, rule->key, rule->effect)};
    }
    all[MOON_ARRAY_SIZE(rules)] = (struct decision){
        .key = UNSCHEDULABLE,
        .effect = MOON_EFFECT_NO_SCHEDULE,
        .is_wanted = node->unschedulable,
        .place = find_taint(&node->taints, UNSCHEDULABLE, MOON_EFFECT_NO_SCHEDULE)};
}

static bool is_in(const struct moon_played_node *node, const struct decision *d)
{
    return d->place < node->taints.count;
}

/* From the end of the list on, so that no place moves before it is used. */
static size_t write_removals(const struct moon_played_node *node,
                             const struct decision all[DECISIONS], struct moon_buf *out)
{
    size_t count = 0;
    for (size_t place = node->taints.count; place-- > 0;) {
        for (size_t i = 0; i < DECISIONS; i++) {
            if (all[i].place == place && !all[i].is_wanted) {
                moon_buf_printf(out, ",{\"op\":\"remove\",\"path\":\"/spec/taints/%zu\"}", place);
                count++;
            }
        }
    }
    return count;
}

static size_t write_additions(const struct moon_played_node *node,
                              const struct decision all[DECISIONS], int64_t now_s,
                              struct moon_buf *out)
{
    char now[MOON_TIME_TEXT];
    size_t count = 0;
    (void)moon_time_format(now_s, now);
    for (size_t i = 0; i < DECISIONS; i++) {
        if (!all[i].is_wanted || is_in(node, &all[i])) {
            continue;
        }
        bool is_first = node->taints.count == 0 && count == 0;
        moon_buf_printf(out,
                        ",{\"op\":\"add\",\"path\":\"/spec/taints%s\",\"value\":%s{\"key\":\"%s\","
                        "\"effect\":\"%s\",\"timeAdded\":\"%s\"}%s}",
                        is_first ? "" : "/-", is_first ? "[" : "", all[i].key,
                        moon_effect_name(all[i].effect), now, is_first ? "]" : "");
        count++;
    }
    return count;
}

/* A JSON patch leaves the other taints as they are, timeAdded included; the test makes it fail
 * when somebody else has written the node since. What is added goes to the end, so the places of
 * what is removed afterwards hold. */
bool moon_nodetaints_patch(const struct moon_played_node *node, enum moon_nodetaints_evict evict,
                           int64_t now_s, struct moon_buf *out)
{
    struct decision all[DECISIONS];
    decide(node, evict, all);
    moon_buf_printf(out,
                    "[{\"op\":\"test\",\"path\":\"/metadata/resourceVersion\",\"value\":\"%llu\"}",
                    (unsigned long long)node->meta.version);
    size_t count = write_additions(node, all, now_s, out);
    count += write_removals(node, all, out);
    moon_buf_putc(out, ']');
    return count > 0;
}

/* ---- pods ---- */

uint64_t moon_nodetaints_bearing_ms(const struct moon_taints *taints,
                                    const struct moon_tolerations *tolerations)
{
    uint64_t bearing_ms = MOON_BEARS_FOREVER;
    for (size_t i = 0; i < taints->count; i++) {
        const struct moon_taint *taint = &taints->items[i];
        const struct moon_toleration *by = NULL;
        if (taint->effect != MOON_EFFECT_NO_EXECUTE) {
            continue;
        }
        for (size_t k = 0; k < tolerations->count && by == NULL; k++) {
            by = moon_tolerates(&tolerations->items[k], taint) ? &tolerations->items[k] : NULL;
        }
        if (by == NULL || (by->has_seconds && by->seconds <= 0)) {
            return 0;
        }
        if (by->has_seconds && by->seconds < INT64_MAX / 1000 &&
            (uint64_t)by->seconds * 1000 < bearing_ms) {
            bearing_ms = (uint64_t)by->seconds * 1000;
        }
    }
    return bearing_ms;
}

/* ---- conditions ---- */

bool moon_nodetaints_write_unknown(const struct moon_object *node, int64_t now_s,
                                   struct moon_buf *out)
{
    static const enum moon_node_condition types[] = {MOON_NODE_READY, MOON_NODE_MEMORY_PRESSURE,
                                                     MOON_NODE_DISK_PRESSURE,
                                                     MOON_NODE_PID_PRESSURE};
    char now[MOON_TIME_TEXT];
    char created[MOON_TIME_TEXT];
    const char *separator = "";
    (void)moon_time_format(now_s, now);
    (void)moon_time_format(node->created_s, created);
    moon_buf_printf(out, "{\"metadata\":{\"uid\":\"%s\"},\"status\":{\"conditions\":[", node->uid);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(types); i++) {
        enum moon_condition status = moon_played_node(node)->conditions[types[i]];
        if (status == MOON_CONDITION_UNKNOWN) {
            continue;
        }
        moon_buf_printf(out,
                        "%s{\"type\":\"%s\",\"status\":\"Unknown\",\"lastTransitionTime\":\"%s\",",
                        separator, moon_node_condition_name(types[i]), now);
        if (status == MOON_CONDITION_ABSENT) {
            moon_buf_printf(out,
                            "\"lastHeartbeatTime\":\"%s\",\"reason\":\"NodeStatusNeverUpdated\","
                            "\"message\":\"Kubelet never posted node status.\"}",
                            created);
        } else {
            moon_buf_puts(out, "\"reason\":\"NodeStatusUnknown\",\"message\":\"Kubelet stopped "
                               "posting node status.\"}");
        }
        separator = ",";
    }
    moon_buf_puts(out, "]}}");
    return *separator != '\0';
}
