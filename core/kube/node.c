/* SPDX-License-Identifier: Apache-2.0
 *
 * node.c - projecting nodes.
 */
#include "kube/node.h"

#include <stdlib.h>

#include "base/time.h"

enum {
    ANNOTATION_BYTES = 1024
};

static struct moon_node *self(struct moon_object *o)
{
    return (struct moon_node *)(void *)o;
}

/* Annotations may be large and are rarely asked for: keep, in order of keys, what still fits. */
static void trim_annotations(struct moon_labels *annotations)
{
    size_t used = 0;
    size_t kept = 0;
    for (size_t i = 0; i < annotations->count; i++) {
        struct moon_label item = annotations->items[i];
        size_t bytes = moon_sym_len(item.key) + moon_sym_len(item.value);
        if (used + bytes <= ANNOTATION_BYTES) {
            used += bytes;
            annotations->items[kept++] = item;
        } else {
            moon_sym_unref(item.key);
            moon_sym_unref(item.value);
        }
    }
    if (kept < annotations->count && kept > 0) {
        annotations->items =
            moon_realloc_array(annotations->items, kept, sizeof(*annotations->items));
    }
    annotations->count = kept;
}

/* A time that nobody can read is no reason to forget who holds the node. */
static void project_drain(struct moon_node *node)
{
    const struct moon_labels *annotations = &node->meta.annotations;
    const char *began = moon_labels_get(annotations, MOON_ANNOTATION_DRAIN_BEGAN);

    node->drained_by = moon_sym_ref(moon_labels_get(annotations, MOON_ANNOTATION_DRAINED_BY));
    if (node->drained_by != NULL && began != NULL &&
        !moon_time_parse(moon_str(began), &node->drain_began_s)) {
        node->drain_began_s = 0;
    }
}

static enum moon_condition_status parse_status(const char *text)
{
    if (moon_streq(text, "True")) {
        return MOON_CONDITION_TRUE;
    }
    return moon_streq(text, "False") ? MOON_CONDITION_FALSE : MOON_CONDITION_UNKNOWN;
}

static int compare_conditions(const void *a, const void *b)
{
    return strcmp(((const struct moon_condition *)a)->type,
                  ((const struct moon_condition *)b)->type);
}

static int project_condition(struct moon_condition *condition, const cJSON *json,
                             struct moon_err *err)
{
    const char *type = moon_json_string(json, "type");
    if (type == NULL) {
        return moon_err_set(err, MOON_E_INVALID, "type is missing");
    }
    int rc = moon_object_time(json, "lastTransitionTime", &condition->since_s, err);
    if (rc != 0) {
        return rc;
    }
    condition->type = moon_intern_cstr(type);
    condition->status = parse_status(moon_json_string(json, "status"));
    condition->reason = moon_object_sym(json, "reason");
    return 0;
}

static int project_conditions(struct moon_node *node, const cJSON *status, struct moon_err *err)
{
    const cJSON *list;
    const cJSON *item;
    if (moon_object_array(status, "conditions", &list, err) != 0) {
        return moon_err_wrap(err, "status");
    }
    node->conditions = moon_new_array(struct moon_condition, (size_t)cJSON_GetArraySize(list));
    cJSON_ArrayForEach (item, list) {
        struct moon_condition *condition = &node->conditions[node->condition_count];
        if (project_condition(condition, item, err) != 0) {
            return moon_err_wrap(err, "status.conditions[%zu]", node->condition_count);
        }
        node->condition_count++;
        if (strcmp(condition->type, "Ready") == 0) {
            node->ready = condition->status == MOON_CONDITION_TRUE;
        }
    }
    if (node->condition_count > 1) {
        qsort(node->conditions, node->condition_count, sizeof(*node->conditions),
              compare_conditions);
    }
    return 0;
}

static int compare_amounts(const void *a, const void *b)
{
    return strcmp(((const struct moon_amount *)a)->resource,
                  ((const struct moon_amount *)b)->resource);
}

static int project_amount(struct moon_amount *amount, const cJSON *json, struct moon_err *err)
{
    const char *text = cJSON_GetStringValue(json);
    if (text == NULL) {
        return moon_err_set(err, MOON_E_INVALID, "%s: not a string", json->string);
    }
    if (moon_quantity_parse(moon_str(text), &amount->quantity, err) != 0) {
        return moon_err_wrap(err, "%s", json->string);
    }
    amount->resource = moon_intern_cstr(json->string);
    return 0;
}

static int project_amounts(const cJSON *status, const char *member, struct moon_amount **ret,
                           size_t *ret_count, struct moon_err *err)
{
    const cJSON *list = moon_json_member(status, member);
    const cJSON *item;
    if (list == NULL) {
        return 0;
    }
    if (!cJSON_IsObject(list)) {
        return moon_err_set(err, MOON_E_INVALID, "status.%s: not an object", member);
    }
    *ret = moon_new_array(struct moon_amount, (size_t)cJSON_GetArraySize(list));
    cJSON_ArrayForEach (item, list) {
        if (project_amount(&(*ret)[*ret_count], item, err) != 0) {
            return moon_err_wrap(err, "status.%s", member);
        }
        (*ret_count)++;
    }
    if (*ret_count > 1) {
        qsort(*ret, *ret_count, sizeof(**ret), compare_amounts);
    }
    return 0;
}

static int project_status(struct moon_node *node, const cJSON *status, struct moon_err *err)
{
    node->arch = moon_object_sym(status, "nodeInfo.architecture");
    node->os = moon_object_sym(status, "nodeInfo.operatingSystem");
    node->kubelet = moon_object_sym(status, "nodeInfo.kubeletVersion");
    int rc = project_conditions(node, status, err);
    if (rc == 0) {
        rc = project_amounts(status, "capacity", &node->capacity, &node->capacity_count, err);
    }
    if (rc == 0) {
        rc = project_amounts(status, "allocatable", &node->allocatable, &node->allocatable_count,
                             err);
    }
    return rc;
}

/* The old name of the label is still what some clouds set. */
static moon_sym topology(const struct moon_labels *labels, const char *key, const char *old_key)
{
    moon_sym value = moon_labels_get(labels, key);
    return moon_sym_ref(value != NULL ? value : moon_labels_get(labels, old_key));
}

static int project(struct moon_object *o, const cJSON *json, MOON_UNUSED struct moon_str text,
                   struct moon_err *err)
{
    struct moon_node *node = self(o);
    const cJSON *spec = moon_json_member(json, "spec");
    project_drain(node);
    trim_annotations(&o->annotations);
    node->zone = topology(&o->labels, "topology.kubernetes.io/zone",
                          "failure-domain.beta.kubernetes.io/zone");
    node->region = topology(&o->labels, "topology.kubernetes.io/region",
                            "failure-domain.beta.kubernetes.io/region");
    moon_node_field_project(node, json);
    node->unschedulable = moon_json_bool(spec, "unschedulable", false);
    if (moon_taints_from_json(moon_json_member(spec, "taints"), &node->taints, err) != 0) {
        return moon_err_wrap(err, "spec.taints");
    }
    return project_status(node, moon_json_member(json, "status"), err);
}

static void fini_amounts(struct moon_amount *amounts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        moon_sym_unref(amounts[i].resource);
    }
    moon_free(amounts);
}

static void fini(struct moon_object *o)
{
    struct moon_node *node = self(o);
    for (size_t i = 0; i < node->condition_count; i++) {
        moon_sym_unref(node->conditions[i].type);
        moon_sym_unref(node->conditions[i].reason);
    }
    moon_free(node->conditions);
    fini_amounts(node->capacity, node->capacity_count);
    fini_amounts(node->allocatable, node->allocatable_count);
    moon_taints_fini(&node->taints);
    moon_sym_unref(node->arch);
    moon_sym_unref(node->os);
    moon_sym_unref(node->kubelet);
    moon_sym_unref(node->zone);
    moon_sym_unref(node->region);
    moon_sym_unref(node->drained_by);
    moon_node_field_fini(node);
}

static bool same_conditions(const struct moon_node *a, const struct moon_node *b)
{
    if (a->condition_count != b->condition_count) {
        return false;
    }
    for (size_t i = 0; i < a->condition_count; i++) {
        const struct moon_condition *ca = &a->conditions[i];
        const struct moon_condition *cb = &b->conditions[i];
        if (ca->type != cb->type || ca->status != cb->status || ca->reason != cb->reason ||
            ca->since_s != cb->since_s) {
            return false;
        }
    }
    return true;
}

static bool same_amounts(const struct moon_amount *a, size_t count_a, const struct moon_amount *b,
                         size_t count_b)
{
    if (count_a != count_b) {
        return false;
    }
    for (size_t i = 0; i < count_a; i++) {
        if (a[i].resource != b[i].resource || a[i].quantity.format != b[i].quantity.format ||
            moon_quantity_cmp(a[i].quantity, b[i].quantity) != 0) {
            return false;
        }
    }
    return true;
}

static bool same(const struct moon_object *oa, const struct moon_object *ob)
{
    const struct moon_node *a = moon_node(oa);
    const struct moon_node *b = moon_node(ob);
    /* zone and region follow from the labels, ready from the conditions */
    return a->unschedulable == b->unschedulable && a->drained_by == b->drained_by &&
           a->drain_began_s == b->drain_began_s && a->arch == b->arch && a->os == b->os &&
           a->kubelet == b->kubelet && moon_object_same_head(oa, ob) &&
           moon_node_field_same(a, b) && moon_taints_equal(&a->taints, &b->taints) &&
           same_conditions(a, b) &&
           same_amounts(a->capacity, a->capacity_count, b->capacity, b->capacity_count) &&
           same_amounts(a->allocatable, a->allocatable_count, b->allocatable, b->allocatable_count);
}

static const struct moon_json_want spec_reads[] = {
    {.key = "unschedulable"}, {.key = "taints"}, {0}};
static const struct moon_json_want info_reads[] = {
    {.key = "architecture"}, {.key = "operatingSystem"}, {.key = "kubeletVersion"}, {0}};
static const struct moon_json_want condition_reads[] = {
    {.key = "type"}, {.key = "status"}, {.key = "reason"}, {.key = "lastTransitionTime"}, {0}};
static const struct moon_json_want status_reads[] = {
    {.key = "nodeInfo", .members = info_reads},
    {.key = "conditions", .members = condition_reads},
    {.key = "capacity"},
    {.key = "allocatable"},
    {0},
};
static const struct moon_json_want usual_reads[] = {
    MOON_OBJECT_READS_ALL,
    {.key = "spec", .members = spec_reads},
    {.key = "status", .members = status_reads},
    {0},
};

static const struct moon_json_want *reads(void)
{
    return moon_node_field_reads(usual_reads);
}

const struct moon_kind moon_kind_node = {
    .resource = &moon_resource_nodes,
    .size = sizeof(struct moon_node),
    .keep_annotations = true,
    .reads_now = reads,
    .project = project,
    .fini = fini,
    .same = same,
};
