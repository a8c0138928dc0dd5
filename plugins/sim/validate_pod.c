/* SPDX-License-Identifier: Apache-2.0
 *
 * validate_pod.c - the rules of pod specs but for their containers.
 */
#include "base/map.h"
#include "sim/field_path.h"
#include "sim/metadata.h"
#include "sim/validate.h"

/* ---- volumes, scheduling ---- */

/* The sources in the order in which a real server looks for them: all but the first are too many.
 */
static void forbid_second_source(const cJSON *volume, const char *path, cJSON *causes)
{
    static const char *const sources[] = {"emptyDir",
                                          "hostPath",
                                          "gitRepo",
                                          "gcePersistentDisk",
                                          "awsElasticBlockStore",
                                          "secret",
                                          "nfs",
                                          "iscsi",
                                          "glusterfs",
                                          "persistentVolumeClaim",
                                          "rbd",
                                          "flexVolume",
                                          "cinder",
                                          "cephfs",
                                          "flocker",
                                          "downwardAPI",
                                          "fc",
                                          "azureFile",
                                          "configMap",
                                          "vsphereVolume",
                                          "quobyte",
                                          "azureDisk",
                                          "photonPersistentDisk",
                                          "projected",
                                          "portworxVolume",
                                          "scaleIO",
                                          "storageos",
                                          "csi",
                                          "ephemeral",
                                          "image"};
    int count = 0;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(sources); i++) {
        struct field field = field_child(path, sources[i]);
        if (moon_sim_member(volume, sources[i]) != NULL && ++count > 1) {
            moon_sim_cause_forbidden(causes, field.text, "may not specify more than 1 volume type");
        }
    }
}

static struct moon_map *validate_volumes(const cJSON *volumes, const char *path, cJSON *causes)
{
    struct moon_map *names = moon_map_new(NULL);
    const cJSON *volume = NULL;
    int index = 0;
    cJSON_ArrayForEach (volume, volumes) {
        struct field at = field_element(path, "volumes", index++);
        struct field field = field_child(at.text, "name");
        const char *name = moon_sim_text(volume, "name");
        if (name[0] == '\0') {
            moon_sim_cause_required(causes, field.text, "");
        } else {
            moon_sim_validate_dns_label(name, field.text, causes);
        }
        if (moon_map_has(names, moon_str(name))) {
            moon_sim_cause_duplicate(causes, field.text, name);
        }
        moon_map_set(names, moon_str(name), NULL);
        forbid_second_source(volume, at.text, causes);
        const cJSON *host_path = moon_sim_member(volume, "hostPath");
        if (host_path != NULL && moon_sim_text(host_path, "path")[0] == '\0') {
            struct field missing = field_child(at.text, "hostPath.path");
            moon_sim_cause_required(causes, missing.text, "");
        }
    }
    return names;
}

static void validate_toleration_value(const cJSON *toleration, const char *at, cJSON *causes)
{
    const char *operator= moon_sim_text(toleration, "operator");
    const char *value = moon_sim_text(toleration, "value");
    struct field field = field_child(at, "operator");
    if (operator[0] == '\0' || moon_streq(operator, "Equal")) {
        if (!moon_is_label_value(moon_str(value))) {
            moon_sim_validate_label_value(value, field.text, causes);
        }
    } else if (!moon_streq(operator, "Exists")) {
        moon_sim_cause_unsupported(causes, field.text, operator, "\"Equal\", \"Exists\"");
    } else if (value[0] != '\0') {
        const cJSON *seconds = moon_sim_member(toleration, "tolerationSeconds");
        MOON_AUTOFREE char *shown = moon_asprintf(
            "core.Toleration{Key:\"%s\", Operator:\"%s\", Value:\"%s\", Effect:\"%s\", "
            "TolerationSeconds:(*int64)(%s)}",
            moon_sim_text(toleration, "key"), operator, value, moon_sim_text(toleration, "effect"),
            seconds == NULL ? "nil" : "0xc000000000");
        moon_sim_cause_invalid_go(causes, field.text, shown,
                                  "value must be empty when `operator` is 'Exists'");
    }
}

static void validate_effect(const char *effect, bool allow_empty, const char *path, cJSON *causes)
{
    struct field field = field_child(path, "effect");
    if (effect[0] == '\0') {
        if (!allow_empty) {
            moon_sim_cause_required(causes, field.text, "");
        }
        return;
    }
    if (!moon_streq(effect, "NoSchedule") && !moon_streq(effect, "PreferNoSchedule") &&
        !moon_streq(effect, "NoExecute")) {
        moon_sim_cause_unsupported(causes, field.text, effect,
                                   "\"NoSchedule\", \"PreferNoSchedule\", \"NoExecute\"");
    }
}

static void validate_tolerations(const cJSON *tolerations, const char *path, cJSON *causes)
{
    const cJSON *toleration = NULL;
    int index = 0;
    cJSON_ArrayForEach (toleration, tolerations) {
        struct field at = field_element(path, "tolerations", index++);
        struct field operator_field = field_child(at.text, "operator");
        struct field effect_field = field_child(at.text, "effect");
        struct field key_field = field_child(at.text, "key");
        const char *key = moon_sim_text(toleration, "key");
        const char *operator= moon_sim_text(toleration, "operator");
        const char *effect = moon_sim_text(toleration, "effect");
        if (key[0] != '\0') {
            moon_sim_validate_label_key(key, key_field.text, causes);
        } else if (!moon_streq(operator, "Exists")) {
            moon_sim_cause_invalid_text(
                causes, operator_field.text, operator,
                "operator must be Exists when `key` is empty, which means \"match all values and "
                "all keys\"");
        }
        if (moon_sim_member(toleration, "tolerationSeconds") != NULL &&
            !moon_streq(effect, "NoExecute")) {
            moon_sim_cause_invalid_text(
                causes, effect_field.text, effect,
                "effect must be 'NoExecute' when `tolerationSeconds` is set");
        }
        validate_toleration_value(toleration, at.text, causes);
        validate_effect(effect, true, at.text, causes);
    }
}

static void validate_node_requirement(const cJSON *requirement, const char *at, cJSON *causes)
{
    const char *operator= moon_sim_text(requirement, "operator");
    int values = cJSON_GetArraySize(moon_sim_member(requirement, "values"));
    struct field values_field = field_child(at, "values");
    struct field operator_field = field_child(at, "operator");
    struct field key_field = field_child(at, "key");
    if (moon_streq(operator, "In") || moon_streq(operator, "NotIn")) {
        if (values == 0) {
            moon_sim_cause_required(causes, values_field.text,
                                    "must be specified when `operator` is 'In' or 'NotIn'");
        }
    } else if (moon_streq(operator, "Exists") || moon_streq(operator, "DoesNotExist")) {
        if (values > 0) {
            moon_sim_cause_forbidden(
                causes, values_field.text,
                "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
        }
    } else if (moon_streq(operator, "Gt") || moon_streq(operator, "Lt")) {
        if (values != 1) {
            moon_sim_cause_required(
                causes, values_field.text,
                "must be specified single value when `operator` is 'Lt' or 'Gt'");
        }
    } else {
        moon_sim_cause_invalid_text(causes, operator_field.text, operator,
                                    "not a valid selector operator");
    }
    moon_sim_validate_label_key(moon_sim_text(requirement, "key"), key_field.text, causes);
}

static void validate_node_field(const cJSON *requirement, const char *at, cJSON *causes)
{
    const char *key = moon_sim_text(requirement, "key");
    struct field key_field = field_child(at, "key");
    struct field values_field = field_child(at, "values");
    if (!moon_streq(key, "metadata.name")) {
        moon_sim_cause_invalid_text(causes, key_field.text, key, "not a valid field selector key");
    }
    if (cJSON_GetArraySize(moon_sim_member(requirement, "values")) != 1) {
        moon_sim_cause_required(
            causes, values_field.text,
            "must be only one value when `operator` is 'In' or 'NotIn' for node field selector");
    }
}

static void validate_node_term(const cJSON *term, const char *path, cJSON *causes)
{
    const cJSON *requirement = NULL;
    int index = 0;
    cJSON_ArrayForEach (requirement, moon_sim_member(term, "matchExpressions")) {
        struct field at = field_element(path, "matchExpressions", index++);
        validate_node_requirement(requirement, at.text, causes);
    }
    index = 0;
    cJSON_ArrayForEach (requirement, moon_sim_member(term, "matchFields")) {
        struct field at = field_element(path, "matchFields", index++);
        validate_node_field(requirement, at.text, causes);
    }
}

static void validate_node_affinity(const cJSON *affinity, const char *path, cJSON *causes)
{
    static const char required_name[] = "requiredDuringSchedulingIgnoredDuringExecution";
    static const char preferred_name[] = "preferredDuringSchedulingIgnoredDuringExecution";
    const cJSON *required = moon_sim_member(affinity, required_name);
    const cJSON *item = NULL;
    int index = 0;
    struct field at = field_child(path, required_name);
    if (required != NULL &&
        cJSON_GetArraySize(moon_sim_member(required, "nodeSelectorTerms")) == 0) {
        struct field terms = field_child(at.text, "nodeSelectorTerms");
        moon_sim_cause_required(causes, terms.text, "must have at least one node selector term");
    }
    cJSON_ArrayForEach (item, moon_sim_member(required, "nodeSelectorTerms")) {
        struct field term = field_element(at.text, "nodeSelectorTerms", index++);
        validate_node_term(item, term.text, causes);
    }
    index = 0;
    cJSON_ArrayForEach (item, moon_sim_member(affinity, preferred_name)) {
        struct field one = field_element(path, preferred_name, index++);
        struct field weight = field_child(one.text, "weight");
        struct field preference = field_child(one.text, "preference");
        int64_t value = moon_sim_int(item, "weight", 0);
        if (value < 1 || value > 100) {
            moon_sim_cause_invalid_int(causes, weight.text, value, "must be in the range 1-100");
        }
        validate_node_term(moon_sim_member(item, "preference"), preference.text, causes);
    }
}

/* ---- the spec ---- */

static void validate_policies(const cJSON *spec, const char *path, cJSON *causes)
{
    static const char *const restart[] = {"Always", "OnFailure", "Never", NULL};
    static const char *const dns[] = {"ClusterFirstWithHostNet", "ClusterFirst", "Default", "None",
                                      NULL};
    struct field restart_field = field_child(path, "restartPolicy");
    struct field dns_field = field_child(path, "dnsPolicy");
    moon_sim_validate_choice(moon_sim_text(spec, "restartPolicy"), restart, restart_field.text,
                             "\"Always\", \"OnFailure\", \"Never\"", causes);
    moon_sim_validate_choice(moon_sim_text(spec, "dnsPolicy"), dns, dns_field.text,
                             "\"ClusterFirstWithHostNet\", \"ClusterFirst\", \"Default\", \"None\"",
                             causes);
}

/* Names before the deadline's rule, or those behind it. */
static void validate_names(const cJSON *spec, const char *path, bool late, cJSON *causes)
{
    static const struct {
        const char *member;
        void (*check)(const char *, const char *, cJSON *);
        bool late;
    } names[] = {{"serviceAccountName", moon_sim_validate_dns_subdomain, false},
                 {"nodeName", moon_sim_validate_dns_subdomain, false},
                 {"hostname", moon_sim_validate_dns_label, true},
                 {"subdomain", moon_sim_validate_dns_label, true},
                 {"priorityClassName", moon_sim_validate_dns_subdomain, true},
                 {"runtimeClassName", moon_sim_validate_dns_subdomain, true}};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(names); i++) {
        struct field field = field_child(path, names[i].member);
        const char *value = moon_sim_text(spec, names[i].member);
        if (value[0] != '\0' && names[i].late == late) {
            names[i].check(value, field.text, causes);
        }
    }
}

void moon_sim_validate_pod_spec(const cJSON *spec, const char *path, cJSON *causes)
{
    struct field selector = field_child(path, "nodeSelector");
    struct field affinity = field_child(path, "affinity.nodeAffinity");
    struct field deadline = field_child(path, "activeDeadlineSeconds");
    const cJSON *seconds = moon_sim_member(spec, "activeDeadlineSeconds");
    int64_t limit = moon_sim_int(spec, "activeDeadlineSeconds", 0);
    MOON_CLEANUP(moon_map_free_ptr)
    struct moon_map *volumes = validate_volumes(moon_sim_member(spec, "volumes"), path, causes);
    moon_sim_validate_containers(spec, path, volumes, causes);
    validate_policies(spec, path, causes);
    moon_sim_validate_labels(moon_sim_member(spec, "nodeSelector"), selector.text, causes);
    if (moon_sim_true(spec, "hostNetwork")) {
        moon_sim_validate_host_network(spec, path, causes);
    }
    validate_node_affinity(moon_sim_get(spec, "affinity.nodeAffinity"), affinity.text, causes);
    validate_names(spec, path, false, causes);
    if (seconds != NULL && (limit < 1 || limit > INT32_MAX)) {
        moon_sim_cause_invalid(causes, deadline.text, seconds,
                               "must be between 1 and 2147483647, inclusive");
    }
    validate_names(spec, path, true, causes);
    validate_tolerations(moon_sim_member(spec, "tolerations"), path, causes);
}
