/* SPDX-License-Identifier: Apache-2.0
 *
 * daemonset.c - projecting DaemonSets.
 *
 * A part of the spec that cannot be used (a selector, a maxUnavailable) does not fail the whole:
 * the set is kept with the reason beside the part, so that the controller can say so on the set
 * itself.
 */
#include "kube/daemonset.h"

enum {
    /* More than an object can hold. */
    SELECTOR_MAX_BYTES = 16 << 20
};

/* Pods of a time when DaemonSets lived in another group still say so. */
static bool is_group_of_daemonsets(moon_sym api_version)
{
    return api_version == NULL || moon_str_starts(moon_str(api_version), "apps/") ||
           moon_str_starts(moon_str(api_version), "extensions/");
}

bool moon_owner_is_foreign(const struct moon_owner *controller)
{
    if (controller->uid == NULL || moon_streq(controller->kind, "MoonSet")) {
        return false;
    }
    return !moon_streq(controller->kind, "DaemonSet") ||
           !is_group_of_daemonsets(controller->api_version);
}

static struct moon_daemonset *self(struct moon_object *o)
{
    return (struct moon_daemonset *)(void *)o;
}

static void project_selector(struct moon_daemonset *set, const cJSON *spec)
{
    struct moon_err err;
    const cJSON *json = moon_json_member(spec, "selector");
    if (json == NULL) {
        return;
    }
    set->selector = moon_selector_from_json(json, "spec.selector", &err);
    if (set->selector == NULL) {
        set->selector_error = moon_strdup(err.text);
        return;
    }
    set->selects_all = moon_selector_is_empty(set->selector);
}

static int keep_template_text(struct moon_daemonset *set, struct moon_str text,
                              struct moon_err *err)
{
    struct moon_str template;
    if (!moon_json_find(text, MOON_JSON_PATH("spec", "template"), &template) ||
        template.ptr[0] != '{') {
        return moon_err_set(err, MOON_E_INVALID, "spec.template is missing");
    }
    set->template = moon_str_dup(template);
    set->template_len = template.len;
    return 0;
}

static void keep_annotations_text(struct moon_daemonset *set, struct moon_str text)
{
    struct moon_str annotations;

    if (!moon_json_find(text, MOON_JSON_PATH("metadata", "annotations"), &annotations) ||
        annotations.ptr[0] != '{') {
        annotations = moon_str("{}");
    }
    set->annotations = moon_str_dup(annotations);
    set->annotations_len = annotations.len;
}

static int project_tolerations(struct moon_daemonset *set, const cJSON *spec, struct moon_err *err)
{
    struct moon_str template = {set->template, set->template_len};
    struct moon_str text;
    if (moon_tolerations_from_json(moon_json_member(spec, "tolerations"), &set->tolerations, err) !=
        0) {
        return moon_err_wrap(err, "spec.template.spec.tolerations");
    }
    if (set->tolerations.count > 0 &&
        moon_json_find(template, MOON_JSON_PATH("spec", "tolerations"), &text)) {
        moon_tolerations_take_seconds(&set->tolerations, text);
    }
    return 0;
}

static int project_template(struct moon_daemonset *set, const cJSON *template, struct moon_err *err)
{
    const cJSON *spec = moon_json_member(template, "spec");
    const char *node_name = moon_json_string(spec, "nodeName");
    if (moon_labels_from_json(moon_json_get(template, "metadata.labels"), &set->template_labels,
                              err) != 0) {
        return moon_err_wrap(err, "spec.template.metadata.labels");
    }
    if (moon_labels_from_json(moon_json_member(spec, "nodeSelector"), &set->node_selector, err) !=
        0) {
        return moon_err_wrap(err, "spec.template.spec.nodeSelector");
    }
    if (project_tolerations(set, spec, err) != 0) {
        return -(int)err->code;
    }
    if (node_name != NULL && *node_name != '\0') {
        set->node_name = moon_intern_cstr(node_name);
    }
    set->host_network = moon_json_bool(spec, "hostNetwork", false);
    set->affinity = moon_affinity_from_pod_spec(spec);
    return 0;
}

static void project_budget(struct moon_daemonset *set, const cJSON *rolling, const char *member,
                           struct moon_intstr *ret)
{
    struct moon_err err;
    if (moon_intstr_from_json(moon_json_member(rolling, member), ret, &err) != 0 &&
        set->strategy_error == NULL) {
        (void)moon_err_wrap(&err, "spec.updateStrategy.rollingUpdate.%s", member);
        set->strategy_error = moon_strdup(err.text);
    }
}

/* A missing type is what the API server makes of it: RollingUpdate. Served objects always have one,
 * files may not. */
static void project_strategy(struct moon_daemonset *set, const cJSON *spec)
{
    const cJSON *strategy = moon_json_member(spec, "updateStrategy");
    const cJSON *rolling = moon_json_member(strategy, "rollingUpdate");
    const char *type = moon_json_string(strategy, "type");
    if (type == NULL || *type == '\0') {
        type = "RollingUpdate";
    }
    set->strategy_text = moon_intern_cstr(type);
    if (strcmp(type, "RollingUpdate") == 0) {
        set->strategy = MOON_STRATEGY_ROLLING;
    } else if (strcmp(type, "OnDelete") == 0) {
        set->strategy = MOON_STRATEGY_ON_DELETE;
    } else {
        set->strategy = MOON_STRATEGY_OTHER;
    }
    set->has_rolling_update = rolling != NULL;
    project_budget(set, rolling, "maxUnavailable", &set->max_unavailable);
    project_budget(set, rolling, "maxSurge", &set->max_surge);
}

static void project_numbers(struct moon_daemonset *set, const cJSON *spec)
{
    moon_sym generation = moon_labels_get(&set->meta.annotations, MOON_ANNOTATION_GENERATION);
    set->min_ready_s = moon_json_int(spec, "minReadySeconds", 0);
    set->history_limit = moon_json_int(spec, "revisionHistoryLimit", 10);
    set->has_template_generation =
        generation != NULL && moon_parse_i64(moon_str(generation), &set->template_generation);
}

static void project_status(struct moon_daemonset *set, const cJSON *status)
{
    set->status = (struct moon_daemonset_status){
        .desired = moon_json_int(status, "desiredNumberScheduled", 0),
        .current = moon_json_int(status, "currentNumberScheduled", 0),
        .ready = moon_json_int(status, "numberReady", 0),
        .available = moon_json_int(status, "numberAvailable", 0),
        .updated = moon_json_int(status, "updatedNumberScheduled", 0),
        .misscheduled = moon_json_int(status, "numberMisscheduled", 0),
        .unavailable = moon_json_int(status, "numberUnavailable", 0),
        .observed_generation = moon_json_int(status, "observedGeneration", 0),
    };
    set->has_collision_count = cJSON_IsNumber(moon_json_member(status, "collisionCount"));
    set->collision_count = moon_json_int(status, "collisionCount", 0);
}

static void keep_conditions_text(struct moon_daemonset *set, struct moon_str text)
{
    struct moon_str list;

    if (moon_json_find(text, MOON_JSON_PATH("status", "conditions"), &list) && list.len > 2 &&
        list.ptr[0] == '[') {
        set->conditions = moon_str_dup(list);
    }
}

static int project(struct moon_object *o, const cJSON *json, struct moon_str text,
                   struct moon_err *err)
{
    moon_assert(text.len > 0); /* a tree alone cannot give the template as it was written */
    struct moon_daemonset *set = self(o);
    const cJSON *spec = moon_json_member(json, "spec");
    int rc = keep_template_text(set, text, err);
    keep_annotations_text(set, text);
    keep_conditions_text(set, text);
    if (rc == 0) {
        rc = project_template(set, moon_json_member(spec, "template"), err);
    }
    if (rc == 0) {
        project_selector(set, spec);
        project_strategy(set, spec);
        project_numbers(set, spec);
        project_status(set, moon_json_member(json, "status"));
    }
    return rc;
}

static void fini(struct moon_object *o)
{
    struct moon_daemonset *set = self(o);
    moon_selector_free(set->selector);
    moon_free(set->selector_error);
    moon_free(set->template);
    moon_free(set->annotations);
    moon_labels_fini(&set->template_labels);
    moon_sym_unref(set->node_name);
    moon_affinity_free(set->affinity);
    moon_labels_fini(&set->node_selector);
    moon_tolerations_fini(&set->tolerations);
    moon_sym_unref(set->strategy_text);
    moon_free(set->strategy_error);
    moon_free(set->conditions);
}

/* ---- same ---- */

static bool same_selector(const struct moon_daemonset *a, const struct moon_daemonset *b)
{
    if ((a->selector == NULL) != (b->selector == NULL)) {
        return false;
    }
    if (a->selector == NULL) {
        return moon_streq(a->selector_error, b->selector_error);
    }
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text_a = MOON_BUF_INIT(SELECTOR_MAX_BYTES);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text_b = MOON_BUF_INIT(SELECTOR_MAX_BYTES);
    moon_selector_write(a->selector, &text_a);
    moon_selector_write(b->selector, &text_b);
    return !text_a.overflow && moon_str_eq(moon_buf_str(&text_a), moon_buf_str(&text_b));
}

static bool same_intstr(struct moon_intstr a, struct moon_intstr b)
{
    return a.set == b.set && a.is_percent == b.is_percent && a.value == b.value;
}

static bool same_strategy(const struct moon_daemonset *a, const struct moon_daemonset *b)
{
    return a->strategy_text == b->strategy_text && a->has_rolling_update == b->has_rolling_update &&
           same_intstr(a->max_unavailable, b->max_unavailable) &&
           same_intstr(a->max_surge, b->max_surge) &&
           moon_streq(a->strategy_error, b->strategy_error);
}

static bool same_status(const struct moon_daemonset_status *a,
                        const struct moon_daemonset_status *b)
{
    return a->desired == b->desired && a->current == b->current && a->ready == b->ready &&
           a->available == b->available && a->updated == b->updated &&
           a->misscheduled == b->misscheduled && a->unavailable == b->unavailable &&
           a->observed_generation == b->observed_generation;
}

static bool same(const struct moon_object *oa, const struct moon_object *ob)
{
    const struct moon_daemonset *a = moon_daemonset(oa);
    const struct moon_daemonset *b = moon_daemonset(ob);
    /* what is cut from the template follows from its text, the template generation from the
     * annotations */
    return moon_object_same_head(oa, ob) && same_status(&a->status, &b->status) &&
           a->min_ready_s == b->min_ready_s && a->history_limit == b->history_limit &&
           a->has_collision_count == b->has_collision_count &&
           a->collision_count == b->collision_count && same_strategy(a, b) && same_selector(a, b) &&
           a->template_len == b->template_len &&
           memcmp(a->template, b->template, a->template_len) == 0 &&
           a->annotations_len == b->annotations_len &&
           memcmp(a->annotations, b->annotations, a->annotations_len) == 0 &&
           moon_streq(a->conditions, b->conditions);
}

const struct moon_kind moon_kind_daemonset = {
    .resource = &moon_resource_daemonsets,
    .size = sizeof(struct moon_daemonset),
    .keep_annotations = true,
    .project = project,
    .fini = fini,
    .same = same,
};
