/* SPDX-License-Identifier: Apache-2.0
 *
 * validate_kinds.c - the rules of the kinds other than the pod spec they may carry.
 */
#include <stdio.h>

#include "base/map.h"
#include "sim/metadata.h"
#include "sim/selectors.h"
#include "sim/validate.h"

enum {
    DATA_MAX_BYTES = 16 << 20,
    CONFIG_MAX_BYTES = 1 << 20,
    PRIORITY_MAX = 1000000000
};

/* ---- pods ---- */

void moon_sim_validate_pod(const cJSON *obj, const struct moon_sim_rule_ctx *ctx, cJSON *causes)
{
    (void)ctx;
    moon_sim_validate_pod_spec(moon_sim_member(obj, "spec"), "spec", causes);
}

/* Of a pod's spec only images, the deadline and further tolerations may change. */
static cJSON *without_mutable(const cJSON *spec)
{
    static const char *const lists[] = {"containers", "initContainers"};
    cJSON *copy = moon_sim_clone(spec);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(lists); i++) {
        cJSON *container = NULL;
        cJSON_ArrayForEach (container, moon_sim_member(copy, lists[i])) {
            moon_sim_remove(container, "image");
        }
    }
    moon_sim_remove(copy, "activeDeadlineSeconds");
    moon_sim_remove(copy, "tolerations");
    moon_sim_remove(copy, "terminationGracePeriodSeconds");
    return copy;
}

static void validate_tolerations_kept(const cJSON *now, const cJSON *old, cJSON *causes)
{
    const cJSON *before = NULL;
    cJSON_ArrayForEach (before, old) {
        const cJSON *item = NULL;
        bool kept = false;
        cJSON_ArrayForEach (item, now) {
            kept = kept || moon_sim_tree_same(item, before) ||
                   (moon_streq(moon_sim_text(item, "key"), moon_sim_text(before, "key")) &&
                    moon_streq(moon_sim_text(item, "effect"), moon_sim_text(before, "effect")) &&
                    moon_sim_member(before, "tolerationSeconds") != NULL);
        }
        if (!kept) {
            moon_sim_cause_forbidden(causes, "spec.tolerations",
                                     "existing toleration can not be modified except its "
                                     "tolerationSeconds");
            return;
        }
    }
}

void moon_sim_validate_pod_update(const cJSON *obj, const cJSON *old, cJSON *causes)
{
    MOON_AUTOJSON *now_rest = without_mutable(moon_sim_member(obj, "spec"));
    MOON_AUTOJSON *old_rest = without_mutable(moon_sim_member(old, "spec"));
    int now_count = cJSON_GetArraySize(moon_sim_get(obj, "spec.containers"));
    if (now_count != cJSON_GetArraySize(moon_sim_get(old, "spec.containers"))) {
        moon_sim_cause_forbidden(causes, "spec.containers",
                                 "pod updates may not add or remove containers");
        return;
    }
    validate_tolerations_kept(moon_sim_get(obj, "spec.tolerations"),
                              moon_sim_get(old, "spec.tolerations"), causes);
    if (!moon_sim_tree_same(now_rest, old_rest)) {
        moon_sim_cause_forbidden(
            causes, "spec",
            "pod updates may not change fields other than `spec.containers[*].image`,"
            "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "
            "additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to "
            "be set to 1 if it was previously negative)");
    }
}

void moon_sim_validate_pod_status(const cJSON *obj, const cJSON *old, cJSON *causes)
{
    const char *restart = moon_sim_text(old, "spec.restartPolicy");
    if (moon_streq(restart, "Always")) {
        return;
    }
    const cJSON *before = NULL;
    cJSON_ArrayForEach (before, moon_sim_get(old, "status.containerStatuses")) {
        const cJSON *now = NULL;
        if (moon_sim_get(before, "state.terminated") == NULL ||
            (moon_streq(restart, "OnFailure") &&
             moon_sim_int(before, "state.terminated.exitCode", 0) != 0)) {
            continue;
        }
        cJSON_ArrayForEach (now, moon_sim_get(obj, "status.containerStatuses")) {
            if (moon_streq(moon_sim_text(now, "name"), moon_sim_text(before, "name")) &&
                moon_sim_get(now, "state.terminated") == NULL) {
                moon_sim_cause_forbidden(causes, "status.containerStatuses[0].state",
                                         "may not be transitioned to non-terminated state");
            }
        }
    }
}

/* ---- daemonsets ---- */

static void validate_expression(const cJSON *expression, int index, cJSON *causes)
{
    char field[96];
    const char *operator= moon_sim_text(expression, "operator");
    int values = cJSON_GetArraySize(moon_sim_member(expression, "values"));
    bool takes = moon_streq(operator, "In") || moon_streq(operator, "NotIn");
    bool takes_none = moon_streq(operator, "Exists") || moon_streq(operator, "DoesNotExist");
    if (!takes && !takes_none) {
        (void)snprintf(field, sizeof(field), "spec.selector.matchExpressions[%d].operator", index);
        moon_sim_cause_invalid_text(causes, field, operator, "not a valid selector operator");
    }
    (void)snprintf(field, sizeof(field), "spec.selector.matchExpressions[%d].values", index);
    if (takes && values == 0) {
        moon_sim_cause_required(causes, field,
                                "must be specified when `operator` is 'In' or 'NotIn'");
    } else if (takes_none && values > 0) {
        moon_sim_cause_forbidden(
            causes, field, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    }
    (void)snprintf(field, sizeof(field), "spec.selector.matchExpressions[%d].key", index);
    moon_sim_validate_label_key(moon_sim_text(expression, "key"), field, causes);
}

static void validate_selector(const cJSON *spec, cJSON *causes)
{
    struct moon_err err;
    const cJSON *selector = moon_sim_member(spec, "selector");
    const cJSON *labels = moon_sim_get(spec, "template.metadata.labels");
    const cJSON *expression = NULL;
    int index = 0;
    moon_sim_validate_labels(moon_sim_member(selector, "matchLabels"), "spec.selector.matchLabels",
                             causes);
    cJSON_ArrayForEach (expression, moon_sim_member(selector, "matchExpressions")) {
        validate_expression(expression, index++, causes);
    }
    MOON_CLEANUP(moon_sim_selector_free_ptr)
    struct moon_sim_selector *parsed = moon_sim_selector_from_tree(selector, &err);
    if (parsed != NULL && !moon_sim_selector_matches_labels(parsed, labels)) {
        moon_sim_cause_invalid_map(causes, "spec.template.metadata.labels", labels,
                                   "`selector` does not match template `labels`");
    }
    if (selector != NULL && selector->child == NULL) {
        moon_sim_cause_invalid_selector(causes, "spec.selector", selector,
                                        "empty selector is invalid for daemonset");
    }
}

/* Percent text to a number; false when it is no percentage. */
static bool parse_percent(const char *text, int64_t *ret)
{
    struct moon_str s = moon_str(text);
    if (s.len < 2 || s.ptr[s.len - 1] != '%') {
        return false;
    }
    s.len--;
    return s.ptr[0] != '+' && moon_parse_i64(s, ret) && *ret >= 0;
}

static void validate_int_or_percent(const cJSON *value, const char *field, bool *ret_zero,
                                    cJSON *causes)
{
    int64_t number = 0;
    if (cJSON_IsString(value)) {
        if (!parse_percent(value->valuestring, &number)) {
            moon_sim_cause_invalid_intstr(
                causes, field, value,
                "a valid percent string must be a numeric string followed by an ending '%' (e.g. "
                "'1%',  or '93%', regex used for validation is '[0-9]+%')");
            *ret_zero = true;
            return;
        }
        if (number > 100) {
            moon_sim_cause_invalid_intstr(causes, field, value, "must not be greater than 100%");
        }
    } else if (moon_sim_to_int(value, &number) && number < 0) {
        moon_sim_cause_invalid_int(causes, field, number, "must be greater than or equal to 0");
    }
    *ret_zero = number == 0;
}

static void validate_strategy(const cJSON *spec, cJSON *causes)
{
    static const char path[] = "spec.updateStrategy.rollingUpdate";
    const cJSON *strategy = moon_sim_member(spec, "updateStrategy");
    const cJSON *rolling = moon_sim_member(strategy, "rollingUpdate");
    const cJSON *unavailable = moon_sim_member(rolling, "maxUnavailable");
    const char *type = moon_sim_text(strategy, "type");
    bool no_unavailable = false;
    bool no_surge = false;
    if (moon_streq(type, "OnDelete")) {
        return;
    }
    if (!moon_streq(type, "RollingUpdate")) {
        MOON_AUTOFREE char *shown =
            moon_asprintf("apps.DaemonSetUpdateStrategy{Type:\"%s\", "
                          "RollingUpdate:(*apps.RollingUpdateDaemonSet)(%s)}",
                          type, rolling == NULL ? "nil" : "0xc000000000");
        moon_sim_cause_unsupported_go(causes, "spec.updateStrategy", shown,
                                      "\"RollingUpdate\", \"OnDelete\"");
        return;
    }
    if (rolling == NULL) {
        moon_sim_cause_required(causes, path, "");
        return;
    }
    validate_int_or_percent(unavailable, "spec.updateStrategy.rollingUpdate.maxUnavailable",
                            &no_unavailable, causes);
    validate_int_or_percent(moon_sim_member(rolling, "maxSurge"),
                            "spec.updateStrategy.rollingUpdate.maxSurge", &no_surge, causes);
    if (!no_unavailable && !no_surge) {
        moon_sim_cause_invalid_intstr(causes, "spec.updateStrategy.rollingUpdate.maxSurge",
                                      moon_sim_member(rolling, "maxSurge"),
                                      "may not be set when maxUnavailable is non-zero");
    } else if (no_unavailable && no_surge) {
        moon_sim_cause_required(causes, "spec.updateStrategy.rollingUpdate.maxUnavailable",
                                "cannot be 0 when maxSurge is 0");
    }
}

static void validate_template(const cJSON *template_, cJSON *causes)
{
    const cJSON *spec = moon_sim_member(template_, "spec");
    const char *restart = moon_sim_text(spec, "restartPolicy");
    moon_sim_validate_labels(moon_sim_get(template_, "metadata.labels"), "spec.template.labels",
                             causes);
    moon_sim_validate_annotations(moon_sim_get(template_, "metadata.annotations"),
                                  "spec.template.annotations", causes);
    moon_sim_validate_pod_spec(spec, "spec.template.spec", causes);
    if (cJSON_GetArraySize(moon_sim_member(spec, "ephemeralContainers")) > 0) {
        moon_sim_cause_forbidden(causes, "spec.template.spec.ephemeralContainers",
                                 "ephemeral containers not allowed in pod template");
    }
    if (!moon_streq(restart, "Always")) {
        moon_sim_cause_unsupported(causes, "spec.template.spec.restartPolicy", restart,
                                   "\"Always\"");
    }
    if (moon_sim_member(spec, "activeDeadlineSeconds") != NULL) {
        moon_sim_cause_forbidden(causes, "spec.template.spec.activeDeadlineSeconds",
                                 "activeDeadlineSeconds in DaemonSet is not Supported");
    }
}

void moon_sim_validate_daemonset(const cJSON *obj, const struct moon_sim_rule_ctx *ctx,
                                 cJSON *causes)
{
    const cJSON *spec = moon_sim_member(obj, "spec");
    (void)ctx;
    validate_selector(spec, causes);
    validate_template(moon_sim_member(spec, "template"), causes);
    moon_sim_validate_not_negative(spec, "minReadySeconds", "spec.minReadySeconds", causes);
    validate_strategy(spec, causes);
    moon_sim_validate_not_negative(spec, "revisionHistoryLimit", "spec.revisionHistoryLimit",
                                   causes);
}

void moon_sim_validate_daemonset_update(const cJSON *obj, const cJSON *old, cJSON *causes)
{
    const cJSON *selector = moon_sim_get(obj, "spec.selector");
    /* A real server checks the spec by itself and once more as a change. */
    moon_sim_validate_daemonset(obj, NULL, causes);
    if (selector == NULL) {
        moon_sim_cause_invalid_text(causes, "spec.selector", "null", "field is immutable");
    } else if (!moon_sim_tree_same(selector, moon_sim_get(old, "spec.selector"))) {
        moon_sim_cause_invalid_selector(causes, "spec.selector", selector, "field is immutable");
    }
}

void moon_sim_validate_daemonset_status(const cJSON *obj, const cJSON *old, cJSON *causes)
{
    static const char *const counters[] = {"currentNumberScheduled", "numberMisscheduled",
                                           "desiredNumberScheduled", "numberReady",
                                           "observedGeneration",     "updatedNumberScheduled",
                                           "numberAvailable",        "numberUnavailable",
                                           "collisionCount"};
    const cJSON *status = moon_sim_member(obj, "status");
    int64_t now = moon_sim_int(status, "collisionCount", 0);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(counters); i++) {
        char field[64];
        (void)snprintf(field, sizeof(field), "status.%s", counters[i]);
        moon_sim_validate_not_negative(status, counters[i], field, causes);
    }
    if (now < moon_sim_int(old, "status.collisionCount", 0)) {
        moon_sim_cause_invalid_int(causes, "status.collisionCount", now, "cannot be decremented");
    }
}

/* ---- nodes ---- */

static void validate_taints(const cJSON *taints, cJSON *causes)
{
    static const char *const effects[] = {"NoSchedule", "PreferNoSchedule", "NoExecute"};
    const cJSON *taint = NULL;
    int index = 0;
    MOON_CLEANUP(moon_map_free_ptr) struct moon_map *seen = moon_map_new(NULL);
    cJSON_ArrayForEach (taint, taints) {
        char field[64];
        const char *effect = moon_sim_text(taint, "effect");
        bool known = false;
        MOON_AUTOFREE char *id = moon_asprintf("%s:%s", moon_sim_text(taint, "key"), effect);
        (void)snprintf(field, sizeof(field), "metadata.taints[%d].key", index);
        moon_sim_validate_label_key(moon_sim_text(taint, "key"), field, causes);
        (void)snprintf(field, sizeof(field), "metadata.taints[%d].value", index);
        moon_sim_validate_label_value(moon_sim_text(taint, "value"), field, causes);
        for (size_t i = 0; i < MOON_ARRAY_SIZE(effects); i++) {
            known = known || moon_streq(effect, effects[i]);
        }
        (void)snprintf(field, sizeof(field), "metadata.taints[%d].effect", index);
        if (effect[0] == '\0') {
            moon_sim_cause_required(causes, field, "");
        } else if (!known) {
            moon_sim_cause_unsupported(causes, field, effect,
                                       "\"NoSchedule\", \"PreferNoSchedule\", \"NoExecute\"");
        }
        (void)snprintf(field, sizeof(field), "metadata.taints[%d]", index++);
        if (moon_map_has(seen, moon_str(id))) {
            MOON_AUTOFREE char *shown = moon_asprintf(
                "core.Taint{Key:\"%s\", Value:\"%s\", Effect:\"%s\", TimeAdded:<nil>}",
                moon_sim_text(taint, "key"), moon_sim_text(taint, "value"), effect);
            moon_sim_cause_duplicate_go(causes, field, shown,
                                        "taints must be unique by key and effect pair");
        }
        moon_map_set(seen, moon_str(id), NULL);
    }
}

void moon_sim_validate_node(const cJSON *obj, const struct moon_sim_rule_ctx *ctx, cJSON *causes)
{
    (void)ctx;
    validate_taints(moon_sim_get(obj, "spec.taints"), causes);
}

/* The rest of a node's spec is the same? */
static bool is_same_node(const cJSON *obj, const cJSON *old)
{
    static const char *const may_change[] = {"taints", "unschedulable", "configSource"};
    static const char *const may_come[] = {"podCIDR", "podCIDRs", "providerID"};
    MOON_AUTOJSON *now = moon_sim_clone(moon_sim_member(obj, "spec"));
    MOON_AUTOJSON *before = moon_sim_clone(moon_sim_member(old, "spec"));
    for (size_t i = 0; i < MOON_ARRAY_SIZE(may_change); i++) {
        moon_sim_remove(now, may_change[i]);
        moon_sim_remove(before, may_change[i]);
    }
    for (size_t i = 0; i < MOON_ARRAY_SIZE(may_come); i++) {
        if (moon_sim_member(before, may_come[i]) == NULL) {
            moon_sim_remove(now, may_come[i]);
        }
    }
    return moon_sim_tree_same(now, before);
}

/* The cloud's id and the pod network may be set once. */
void moon_sim_validate_node_update(const cJSON *obj, const cJSON *old, cJSON *causes)
{
    static const char *const once[] = {"podCIDRs", "providerID"};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(once); i++) {
        const cJSON *before = moon_sim_member(moon_sim_member(old, "spec"), once[i]);
        const cJSON *now = moon_sim_member(moon_sim_member(obj, "spec"), once[i]);
        if (before != NULL && !moon_sim_tree_same(before, now)) {
            char field[32];
            MOON_AUTOFREE char *detail =
                moon_asprintf("node updates may not change %s except from \"\" to valid",
                              i == 0 ? "podCIDR" : once[i]);
            (void)snprintf(field, sizeof(field), "spec.%s", once[i]);
            moon_sim_cause_forbidden(causes, field, detail);
        }
    }
    if (!is_same_node(obj, old)) {
        moon_sim_cause_forbidden(causes, "[]",
                                 "node updates may only change labels, taints, or capacity (or "
                                 "configSource, if the DynamicKubeletConfig feature gate is "
                                 "enabled)");
    }
}

/* ---- the small ones ---- */

void moon_sim_validate_controller_revision(const cJSON *obj, const struct moon_sim_rule_ctx *ctx,
                                           cJSON *causes)
{
    (void)ctx;
    if (moon_sim_member(obj, "data") == NULL) {
        moon_sim_cause_required(causes, "data", "data is mandatory");
    }
    moon_sim_validate_not_negative(obj, "revision", "revision", causes);
}

void moon_sim_validate_controller_revision_update(const cJSON *obj, const cJSON *old, cJSON *causes)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf now = MOON_BUF_INIT(DATA_MAX_BYTES);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf before = MOON_BUF_INIT(DATA_MAX_BYTES);
    moon_sim_tree_print(moon_sim_member(obj, "data"), &now);
    moon_sim_tree_print(moon_sim_member(old, "data"), &before);
    /* It is compared byte by byte: another order of keys is a change. */
    if (moon_str_eq(moon_buf_str(&now), moon_buf_str(&before))) {
        return;
    }
    MOON_CLEANUP(moon_buf_fini) struct moon_buf shown = MOON_BUF_INIT(8 * DATA_MAX_BYTES);
    moon_buf_puts(&shown, "runtime.Unknown{TypeMeta:runtime.TypeMeta{APIVersion:\"\", Kind:\"\"}, "
                          "Raw:[]uint8{");
    for (size_t i = 0; i < now.len; i++) {
        moon_buf_printf(&shown, "%s0x%x", i > 0 ? ", " : "", (unsigned char)now.data[i]);
    }
    moon_buf_puts(&shown, "}, ContentEncoding:\"\", ContentType:\"application/json\"}");
    moon_sim_cause_invalid_go(causes, "data", moon_buf_cstr(&shown), "field is immutable");
}

void moon_sim_validate_config_key(const char *key, const char *field, cJSON *causes)
{
    size_t len = strlen(key);
    size_t good = strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._");
    if (len > 253) {
        moon_sim_cause_invalid_text(causes, field, key, "must be no more than 253 characters");
    }
    if (len == 0 || good != len) {
        moon_sim_cause_invalid_text(
            causes, field, key,
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. "
            "'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is "
            "'[-._a-zA-Z0-9]+')");
    }
    if (moon_streq(key, ".") || moon_streq(key, "..")) {
        MOON_AUTOFREE char *detail = moon_asprintf("must not be '%s'", key);
        moon_sim_cause_invalid_text(causes, field, key, detail);
    } else if (moon_str_starts(moon_str(key), "..")) {
        moon_sim_cause_invalid_text(causes, field, key, "must not start with '..'");
    }
}

/* The keys of one map; returns the bytes of its values, as they are when decoded. */
static size_t validate_data(const cJSON *obj, const char *member, bool encoded, cJSON *causes)
{
    const cJSON *item = NULL;
    size_t total = 0;
    cJSON_ArrayForEach (item, moon_sim_member(obj, member)) {
        MOON_AUTOFREE char *field = moon_asprintf("%s[%s]", member, item->string);
        size_t len = cJSON_IsString(item) ? strlen(item->valuestring) : 0;
        total += encoded ? len / 4 * 3 : len;
        moon_sim_validate_config_key(item->string, field, causes);
        if (!encoded && moon_sim_member(moon_sim_member(obj, "binaryData"), item->string) != NULL) {
            moon_sim_cause_invalid_text(causes, field, item->string,
                                        "duplicate of key present in binaryData");
        }
    }
    return total;
}

void moon_sim_validate_config_map(const cJSON *obj, const struct moon_sim_rule_ctx *ctx,
                                  cJSON *causes)
{
    (void)ctx;
    size_t total = validate_data(obj, "data", false, causes);
    total += validate_data(obj, "binaryData", true, causes);
    if (total > CONFIG_MAX_BYTES) {
        moon_sim_cause_too_long(causes, "[]", CONFIG_MAX_BYTES);
    }
}

void moon_sim_validate_secret(const cJSON *obj, const struct moon_sim_rule_ctx *ctx, cJSON *causes)
{
    (void)ctx;
    if (validate_data(obj, "data", true, causes) > CONFIG_MAX_BYTES) {
        moon_sim_cause_too_long(causes, "data", CONFIG_MAX_BYTES);
    }
}

void moon_sim_validate_secret_update(const cJSON *obj, const cJSON *old, cJSON *causes)
{
    moon_sim_validate_immutable(moon_sim_member(obj, "type"), moon_sim_member(old, "type"), "type",
                                causes);
    moon_sim_validate_config_map_update(obj, old, causes);
}

void moon_sim_validate_config_map_update(const cJSON *obj, const cJSON *old, cJSON *causes)
{
    static const char *const maps[] = {"data", "binaryData"};
    if (!moon_sim_true(old, "immutable")) {
        return;
    }
    if (!moon_sim_true(obj, "immutable")) {
        moon_sim_cause_forbidden(causes, "immutable", "field is immutable when `immutable` is set");
    }
    for (size_t i = 0; i < MOON_ARRAY_SIZE(maps); i++) {
        if (!moon_sim_tree_same(moon_sim_member(obj, maps[i]), moon_sim_member(old, maps[i]))) {
            moon_sim_cause_forbidden(causes, maps[i], "field is immutable when `immutable` is set");
        }
    }
}

void moon_sim_validate_event(const cJSON *obj, const struct moon_sim_rule_ctx *ctx, cJSON *causes)
{
    const char *involved = moon_sim_text(obj, "involvedObject.namespace");
    const char *ns = moon_sim_text(obj, "metadata.namespace");
    (void)ctx;
    /* Events about things without a namespace live in "default". */
    if (involved[0] == '\0' ? !moon_streq(ns, "default") && !moon_streq(ns, "kube-system")
                            : !moon_streq(ns, involved)) {
        moon_sim_cause_invalid_text(causes, "involvedObject.namespace", involved,
                                    "does not match event.namespace");
    }
}

void moon_sim_validate_lease(const cJSON *obj, const struct moon_sim_rule_ctx *ctx, cJSON *causes)
{
    const cJSON *spec = moon_sim_member(obj, "spec");
    const cJSON *duration = moon_sim_member(spec, "leaseDurationSeconds");
    (void)ctx;
    if (duration != NULL && moon_sim_int(spec, "leaseDurationSeconds", 0) <= 0) {
        moon_sim_cause_invalid(causes, "spec.leaseDurationSeconds", duration,
                               "must be greater than 0");
    }
    moon_sim_validate_not_negative(spec, "leaseTransitions", "spec.leaseTransitions", causes);
}

void moon_sim_validate_disruption_budget(const cJSON *obj, const struct moon_sim_rule_ctx *ctx,
                                         cJSON *causes)
{
    const cJSON *spec = moon_sim_member(obj, "spec");
    const cJSON *least = moon_sim_member(spec, "minAvailable");
    const cJSON *most = moon_sim_member(spec, "maxUnavailable");
    bool ignored = false;
    (void)ctx;
    if (least != NULL && most != NULL) {
        moon_sim_cause_invalid(causes, "spec", spec,
                               "minAvailable and maxUnavailable cannot be both set");
    }
    if (least != NULL) {
        validate_int_or_percent(least, "spec.minAvailable", &ignored, causes);
    }
    if (most != NULL) {
        validate_int_or_percent(most, "spec.maxUnavailable", &ignored, causes);
    }
}

void moon_sim_validate_priority_class(const cJSON *obj, const struct moon_sim_rule_ctx *ctx,
                                      cJSON *causes)
{
    const char *name = moon_sim_text(obj, "metadata.name");
    const char *preemption = moon_sim_text(obj, "preemptionPolicy");
    bool is_system =
        moon_streq(name, "system-node-critical") || moon_streq(name, "system-cluster-critical");
    (void)ctx;
    if (moon_str_starts(moon_str(name), "system-") && !is_system) {
        MOON_AUTOFREE char *detail =
            moon_asprintf("priority class names with 'system-' prefix are reserved for system use "
                          "only. error: %s is not a known system priority class",
                          name);
        moon_sim_cause_forbidden(causes, "metadata.name", detail);
    }
    if (!is_system && moon_sim_int(obj, "value", 0) > PRIORITY_MAX) {
        moon_sim_cause_forbidden(causes, "value",
                                 "maximum allowed value of a user defined priority is 1000000000");
    }
    if (preemption[0] != '\0' && !moon_streq(preemption, "PreemptLowerPriority") &&
        !moon_streq(preemption, "Never")) {
        moon_sim_cause_unsupported(causes, "preemptionPolicy", preemption,
                                   "\"PreemptLowerPriority\", \"Never\"");
    }
}

void moon_sim_validate_priority_class_update(const cJSON *obj, const cJSON *old, cJSON *causes)
{
    if (moon_sim_int(obj, "value", 0) != moon_sim_int(old, "value", 0)) {
        moon_sim_cause_forbidden(causes, "value", "may not be changed in an update.");
    }
}
