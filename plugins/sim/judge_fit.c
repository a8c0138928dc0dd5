/* SPDX-License-Identifier: Apache-2.0
 *
 * judge_fit.c - may this node have a daemon of this template? Kubernetes' rules, read slowly.
 */
#include "sim/judge_priv.h"

/* ---- node affinity ---- */

static bool is_in(const cJSON *values, const char *text)
{
    return moon_sim_index_of(values, text) >= 0;
}

static bool values_are_legal(const cJSON *values)
{
    const cJSON *value = NULL;
    cJSON_ArrayForEach (value, values) {
        if (!cJSON_IsString(value) || !moon_is_label_value(moon_str(value->valuestring))) {
            return false;
        }
    }
    return true;
}

/* Gt and Lt: both sides are integers, and there is one of them. */
static bool compares(const cJSON *values, const char *label, bool wants_greater)
{
    int64_t has = 0;
    int64_t limit = 0;
    if (cJSON_GetArraySize(values) != 1 || label == NULL ||
        !moon_parse_i64(moon_str(values->child->valuestring), &limit) ||
        !moon_parse_i64(moon_str(label), &has)) {
        return false;
    }
    return wants_greater ? has > limit : has < limit;
}

static bool expression_holds(const cJSON *expression, const struct judge_node *node)
{
    const char *operator= moon_sim_text(expression, "operator");
    const cJSON *values = moon_sim_member(expression, "values");
    const char *label =
        cJSON_GetStringValue(moon_sim_member(node->labels, moon_sim_text(expression, "key")));
    bool has_values = cJSON_GetArraySize(values) > 0;
    if (!values_are_legal(values)) {
        return false;
    }
    if (moon_streq(operator, "In")) {
        return has_values && label != NULL && is_in(values, label);
    }
    if (moon_streq(operator, "NotIn")) {
        return has_values && (label == NULL || !is_in(values, label));
    }
    if (moon_streq(operator, "Exists")) {
        return !has_values && label != NULL;
    }
    if (moon_streq(operator, "DoesNotExist")) {
        return !has_values && label == NULL;
    }
    if (moon_streq(operator, "Gt") || moon_streq(operator, "Lt")) {
        return compares(values, label, moon_streq(operator, "Gt"));
    }
    return false;
}

static bool field_holds(const cJSON *field, const struct judge_node *node)
{
    const char *operator= moon_sim_text(field, "operator");
    const cJSON *values = moon_sim_member(field, "values");
    const char *text = moon_streq(moon_sim_text(field, "key"), "metadata.name") ? node->name : "";
    if (cJSON_GetArraySize(values) != 1) {
        return false;
    }
    return moon_streq(operator, "In")      ? is_in(values, text)
           : moon_streq(operator, "NotIn") ? !is_in(values, text)
                                           : false;
}

static bool term_holds(const cJSON *term, const struct judge_node *node)
{
    const cJSON *expressions = moon_sim_member(term, "matchExpressions");
    const cJSON *fields = moon_sim_member(term, "matchFields");
    const cJSON *one = NULL;
    if (cJSON_GetArraySize(expressions) == 0 && cJSON_GetArraySize(fields) == 0) {
        return false;
    }
    cJSON_ArrayForEach (one, expressions) {
        if (!expression_holds(one, node)) {
            return false;
        }
    }
    cJSON_ArrayForEach (one, fields) {
        if (!field_holds(one, node)) {
            return false;
        }
    }
    return true;
}

static bool affinity_holds(const cJSON *spec, const struct judge_node *node)
{
    const cJSON *required =
        moon_sim_get(spec, "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution");
    const cJSON *term = NULL;
    if (required == NULL) {
        return true;
    }
    cJSON_ArrayForEach (term, moon_sim_member(required, "nodeSelectorTerms")) {
        if (term_holds(term, node)) {
            return true;
        }
    }
    return false;
}

static bool selector_holds(const cJSON *spec, const struct judge_node *node)
{
    const cJSON *wanted = NULL;
    cJSON_ArrayForEach (wanted, moon_sim_member(spec, "nodeSelector")) {
        const char *label = cJSON_GetStringValue(moon_sim_member(node->labels, wanted->string));
        if (!moon_streq(label, wanted->valuestring)) {
            return false;
        }
    }
    return true;
}

/* ---- taints ---- */

static bool tolerates(const cJSON *toleration, const cJSON *taint)
{
    const char *effect = moon_sim_text(toleration, "effect");
    const char *key = moon_sim_text(toleration, "key");
    const char *operator= moon_sim_text(toleration, "operator");
    if ((effect[0] != '\0' && !moon_streq(effect, moon_sim_text(taint, "effect"))) ||
        (key[0] != '\0' && !moon_streq(key, moon_sim_text(taint, "key")))) {
        return false;
    }
    if (moon_streq(operator, "Exists")) {
        return true;
    }
    return (moon_streq(operator, "") || moon_streq(operator, "Equal")) &&
           moon_streq(moon_sim_text(toleration, "value"), moon_sim_text(taint, "value"));
}

/* Every daemon gets these. */
static bool is_always_tolerated(const cJSON *spec, const char *key, const char *effect)
{
    static const char *const table[][2] = {
        {"not-ready", "NoExecute"},
        {"unreachable", "NoExecute"},
        {"disk-pressure", "NoSchedule"},
        {"memory-pressure", "NoSchedule"},
        {"pid-pressure", "NoSchedule"},
        {"unschedulable", "NoSchedule"},
        {"network-unavailable", "NoSchedule"}, /* with the host's network */
    };
    static const char prefix[] = "node.kubernetes.io/";
    size_t count = MOON_ARRAY_SIZE(table) - (moon_sim_true(spec, "hostNetwork") ? 0 : 1);
    if (!moon_str_starts(moon_str(key), prefix)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (moon_streq(key + sizeof(prefix) - 1, table[i][0]) && moon_streq(effect, table[i][1])) {
            return true;
        }
    }
    return false;
}

static bool is_tolerated(const cJSON *spec, const cJSON *taint)
{
    const cJSON *toleration = NULL;
    cJSON_ArrayForEach (toleration, moon_sim_member(spec, "tolerations")) {
        if (tolerates(toleration, taint)) {
            return true;
        }
    }
    return is_always_tolerated(spec, moon_sim_text(taint, "key"), moon_sim_text(taint, "effect"));
}

bool moon_judge_fits(const cJSON *pod_template, const struct judge_node *node, bool *ret_may_stay)
{
    const cJSON *spec = moon_sim_member(pod_template, "spec");
    const char *pinned = moon_sim_text(spec, "nodeName");
    const cJSON *taint = NULL;
    bool fits = true;
    *ret_may_stay = false;
    if (!node->exists || (pinned[0] != '\0' && !moon_streq(pinned, node->name)) ||
        !selector_holds(spec, node) || !affinity_holds(spec, node)) {
        return false;
    }
    *ret_may_stay = true;
    cJSON_ArrayForEach (taint, node->taints) {
        const char *effect = moon_sim_text(taint, "effect");
        bool no_execute = moon_streq(effect, "NoExecute");
        if ((no_execute || moon_streq(effect, "NoSchedule")) && !is_tolerated(spec, taint)) {
            fits = false;
            *ret_may_stay = *ret_may_stay && !no_execute;
        }
    }
    return fits;
}
