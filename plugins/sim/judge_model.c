/* SPDX-License-Identifier: Apache-2.0
 *
 * judge_model.c - sets, nodes and pods as they are, kept from the events of the store.
 */
#include "sim/judge_priv.h"

#include "base/time.h"

enum {
    GONE_MAX = 10000 /* names and uids remembered of what is gone */
};

static const char HASH_LABEL[] = "controller-revision-hash";
static const char GENERATION_LABEL[] = "pod-template-generation";

/* ---- life ---- */

void moon_judge_node_free(void *node)
{
    struct judge_node *n = node;
    moon_free(n->name);
    cJSON_Delete(n->labels);
    cJSON_Delete(n->taints);
    moon_free(n);
}

void moon_judge_pod_free(void *pod)
{
    struct judge_pod *p = pod;
    moon_list_remove(&p->link);
    moon_free(p->ns);
    moon_free(p->name);
    moon_free(p->node);
    moon_free(p->owner);
    moon_free(p->hash);
    moon_free(p->generation);
    moon_free(p->images);
    cJSON_Delete(p->labels);
    moon_free(p);
}

/* Its pods stay, without a place. */
static void place_free(void *place)
{
    struct judge_place *p = place;
    moon_list_foreach (it, &p->pods) {
        struct judge_pod *pod = moon_container_of(it, struct judge_pod, link);
        moon_list_remove(&pod->link);
        pod->place = NULL;
    }
    moon_free(p->node);
    moon_free(p);
}

void moon_judge_set_free(void *set)
{
    struct judge_set *s = set;
    moon_map_free(s->places);
    moon_sim_selector_free(s->selector);
    cJSON_Delete(s->tree);
    moon_free(s->ns);
    moon_free(s->name);
    moon_free(s->uid);
    moon_free(s);
}

void moon_judge_revision_free(void *revision)
{
    struct judge_revision *r = revision;
    moon_free(r->owner);
    moon_free(r->hash);
    cJSON_Delete(r->template);
    moon_free(r);
}

/* ---- what a tree says ---- */

static const cJSON *controller_of(const cJSON *tree)
{
    const cJSON *reference = NULL;
    cJSON_ArrayForEach (reference, moon_sim_get(tree, "metadata.ownerReferences")) {
        if (moon_sim_true(reference, "controller")) {
            return reference;
        }
    }
    return NULL;
}

static bool is_set(const cJSON *reference)
{
    return moon_streq(moon_sim_text(reference, "kind"), "DaemonSet") &&
           moon_str_starts(moon_str(moon_sim_text(reference, "apiVersion")), "apps/");
}

static const char *label_of(const cJSON *tree, const char *key)
{
    const cJSON *label = moon_sim_member(moon_sim_get(tree, "metadata.labels"), key);
    return cJSON_IsString(label) ? label->valuestring : "";
}

static const char *annotation_of(const cJSON *tree, const char *key)
{
    const cJSON *value = moon_sim_member(moon_sim_get(tree, "metadata.annotations"), key);
    return cJSON_IsString(value) ? value->valuestring : "";
}

/* ---- places ---- */

static bool node_exists(const struct moon_judge *j, const char *name)
{
    const struct judge_node *node = moon_map_get(j->nodes, moon_str(name));
    return node != NULL && node->exists;
}

static struct judge_place *place_of(struct judge_set *set, const char *node)
{
    struct judge_place *place = moon_map_get(set->places, moon_str(node));
    if (place == NULL) {
        place = moon_new(struct judge_place);
        place->set = set;
        place->node = moon_strdup(node);
        moon_list_init(&place->pods);
        moon_map_set(set->places, moon_str(node), place);
    }
    return place;
}

/* Nothing is there and nothing can come. */
static void drop_if_empty(const struct moon_judge *j, struct judge_place *place)
{
    if (moon_list_is_empty(&place->pods) && !node_exists(j, place->node)) {
        (void)moon_map_remove(place->set->places, moon_str(place->node));
    }
}

static void note_desired(struct moon_judge *j, struct judge_set *set, int64_t change)
{
    size_t n = set->desired_count;
    int64_t count = (n > 0 ? set->desired[n - 1].count : 0) + change;
    if (n > 0 && set->desired[n - 1].since_ms == moon_judge_now(j)) {
        set->desired[n - 1].count = count; /* many nodes at once are one change */
        return;
    }
    if (n == MOON_JUDGE_DESIRED_MAX) {
        memmove(set->desired, set->desired + 1, (n - 1) * sizeof(set->desired[0]));
        n--;
    }
    set->desired[n] = (struct judge_desired){moon_judge_now(j), count};
    set->desired_count = n + 1;
}

/* A cause for what the controller does here. */
static void excuse(struct judge_place *place)
{
    place->made = 0;
    place->deleted = 0;
}

static void fit(struct moon_judge *j, struct judge_set *set, const struct judge_node *node)
{
    struct judge_place *place = place_of(set, node->name);
    bool did_fit = place->fits;
    place->fits = moon_judge_fits(moon_sim_get(set->tree, "spec.template"), node, &place->may_stay);
    if (place->fits != did_fit) {
        place->fits_since_ms = moon_judge_now(j);
        note_desired(j, set, place->fits ? 1 : -1);
    }
    if (!place->fits) {
        place->is_down = false;
    }
    excuse(place);
    drop_if_empty(j, place);
}

/* ---- nodes ---- */

void moon_judge_node_event(struct moon_judge *j, const struct moon_sim_event *event,
                           const cJSON *tree)
{
    const char *name = event->obj->name;
    struct judge_node *node = moon_map_get(j->nodes, moon_str(name));
    const cJSON *labels = moon_sim_get(tree, "metadata.labels");
    const cJSON *taints = moon_sim_get(tree, "spec.taints");
    bool exists = event->type != MOON_SIM_DELETED;
    if (node != NULL && node->exists == exists && moon_sim_tree_same(node->labels, labels) &&
        moon_sim_tree_same(node->taints, taints)) {
        return;
    }
    if (node == NULL) {
        node = moon_new(struct judge_node);
        node->name = moon_strdup(name);
        moon_map_set(j->nodes, moon_str(name), node);
    }
    if (node->exists != exists) {
        node->exists = exists;
        node->since_ms = moon_judge_now(j);
    }
    cJSON_Delete(node->labels);
    cJSON_Delete(node->taints);
    node->labels = moon_sim_clone(labels);
    node->taints = moon_sim_clone(taints);
    size_t pos = 0;
    void *set = NULL;
    while (moon_map_next(j->sets, &pos, NULL, &set)) {
        fit(j, set, node);
    }
    if (!exists && moon_map_count(j->nodes) > GONE_MAX + moon_map_count(j->pods)) {
        (void)moon_map_remove(j->nodes, moon_str(name));
    }
}

/* ---- sets ---- */

/* A number, or a text that ends in "%". */
static void read_amount(const cJSON *value, int64_t *ret, bool *ret_is_percent)
{
    struct moon_str text = moon_str(cJSON_GetStringValue(value));
    *ret_is_percent = moon_str_ends(text, "%");
    *ret = 0;
    if (*ret_is_percent) {
        (void)moon_parse_i64((struct moon_str){text.ptr, text.len - 1}, ret);
    } else if (value != NULL) {
        (void)moon_sim_to_int(value, ret);
    }
}

static struct judge_spec read_spec(const struct moon_judge *j, const cJSON *tree)
{
    const cJSON *rolling = moon_sim_get(tree, "spec.updateStrategy.rollingUpdate");
    int64_t surge = 0;
    bool is_percent = false;
    struct judge_spec spec = {
        .since_ms = moon_judge_now(j),
        .generation = moon_sim_int(tree, "metadata.generation", 0),
        .is_on_delete = moon_streq(moon_sim_text(tree, "spec.updateStrategy.type"), "OnDelete"),
        .min_ready_s = moon_sim_int(tree, "spec.minReadySeconds", 0),
    };
    read_amount(moon_sim_member(rolling, "maxUnavailable"), &spec.max_unavailable,
                &spec.is_percent);
    read_amount(moon_sim_member(rolling, "maxSurge"), &surge, &is_percent);
    spec.has_surge = !spec.is_on_delete && surge > 0;
    return spec;
}

const struct judge_spec *moon_judge_spec_now(const struct judge_set *set)
{
    moon_assert(set->spec_count > 0);
    return &set->specs[set->spec_count - 1];
}

static void add_spec(struct moon_judge *j, struct judge_set *set, const cJSON *tree)
{
    if (set->spec_count == MOON_JUDGE_SPECS_MAX) {
        set->spec_count--;
        memmove(set->specs, set->specs + 1, set->spec_count * sizeof(set->specs[0]));
    }
    set->specs[set->spec_count++] = read_spec(j, tree);
}

static void link_pod(struct moon_judge *j, struct judge_pod *pod)
{
    struct judge_set *set = moon_judge_owner_of(j, pod);
    moon_assert(pod->place == NULL);
    if (set != NULL) {
        pod->place = place_of(set, pod->node);
        moon_list_append(&pod->place->pods, &pod->link);
    }
}

static struct judge_set *set_new(struct moon_judge *j, const struct moon_sim_obj *obj)
{
    struct judge_set *set = moon_new(struct judge_set);
    size_t pos = 0;
    void *value = NULL;
    set->ns = moon_strdup(obj->ns);
    set->name = moon_strdup(obj->name);
    set->uid = moon_strdup(obj->uid);
    set->places = moon_map_new(place_free);
    moon_map_set(j->sets, moon_str(obj->uid), set);
    while (moon_map_next(j->pods, &pos, NULL, &value)) {
        struct judge_pod *pod = value;
        if (pod->place == NULL) {
            link_pod(j, pod);
        }
    }
    return set;
}

static void forget_set(struct moon_judge *j, const char *uid)
{
    uint64_t *when = moon_new(uint64_t);
    *when = moon_judge_now(j);
    (void)moon_map_remove(j->sets, moon_str(uid));
    if (moon_map_count(j->gone_sets) >= GONE_MAX) {
        moon_map_clear(j->gone_sets);
    }
    moon_map_set(j->gone_sets, moon_str(uid), when);
}

static void refit(struct moon_judge *j, struct judge_set *set)
{
    size_t pos = 0;
    void *node = NULL;
    while (moon_map_next(j->nodes, &pos, NULL, &node)) {
        fit(j, set, node);
    }
}

void moon_judge_set_event(struct moon_judge *j, const struct moon_sim_event *event,
                          const cJSON *tree)
{
    struct moon_err ignored;
    if (event->type == MOON_SIM_DELETED) {
        forget_set(j, event->obj->uid);
        return;
    }
    struct judge_set *set = moon_map_get(j->sets, moon_str(event->obj->uid));
    bool is_new = set == NULL;
    set = is_new ? set_new(j, event->obj) : set;
    bool spec_changed = is_new || moon_sim_int(tree, "metadata.generation", 0) !=
                                      moon_judge_spec_now(set)->generation;
    bool annotated = is_new || !moon_sim_tree_same(moon_sim_get(set->tree, "metadata.annotations"),
                                                   moon_sim_get(tree, "metadata.annotations"));
    j->has_rival |=
        !j->is_acting && !is_new &&
        !moon_sim_tree_same(moon_sim_get(set->tree, "status"), moon_sim_get(tree, "status"));
    cJSON_Delete(set->tree);
    set->tree = moon_sim_clone(tree);
    set->has_policies = annotation_of(tree, "moonset.dev/policies")[0] != '\0';
    set->has_own_budget = moon_streq(annotation_of(tree, "moonset.dev/budget-owner"), "policy");
    if (event->obj->is_deleting && set->deleting_since_ms == 0) {
        set->deleting_since_ms = moon_judge_now(j);
    }
    if (is_new) {
        set->selector = moon_sim_selector_from_tree(moon_sim_get(tree, "spec.selector"), &ignored);
    }
    if (spec_changed) {
        add_spec(j, set, tree);
    }
    if (spec_changed || annotated) {
        refit(j, set);
    }
}

/* ---- revisions ---- */

void moon_judge_revision_event(struct moon_judge *j, const struct moon_sim_event *event,
                               const cJSON *tree)
{
    const cJSON *controller = controller_of(tree);
    if (event->type == MOON_SIM_DELETED || !is_set(controller)) {
        (void)moon_map_remove(j->revisions, moon_str(event->obj->uid));
        return;
    }
    struct judge_revision *revision = moon_new(struct judge_revision);
    revision->owner = moon_strdup(moon_sim_text(controller, "uid"));
    revision->hash = moon_strdup(label_of(tree, HASH_LABEL));
    revision->number = moon_sim_int(tree, "revision", 0);
    revision->template = moon_sim_clone(moon_sim_get(tree, "data.spec.template"));
    moon_sim_remove(revision->template, "$patch");
    moon_map_set(j->revisions, moon_str(event->obj->uid), revision);
}

const struct judge_revision *moon_judge_newest(const struct moon_judge *j,
                                               const struct judge_set *set)
{
    const struct judge_revision *newest = NULL;
    size_t pos = 0;
    void *value = NULL;
    while (moon_map_next(j->revisions, &pos, NULL, &value)) {
        const struct judge_revision *revision = value;
        if (moon_streq(revision->owner, set->uid) &&
            (newest == NULL || revision->number > newest->number)) {
            newest = revision;
        }
    }
    return newest;
}

/* ---- pods ---- */

struct judge_set *moon_judge_owner_of(const struct moon_judge *j, const struct judge_pod *pod)
{
    return pod->owner[0] != '\0' ? moon_map_get(j->sets, moon_str(pod->owner)) : NULL;
}

bool moon_judge_is_alive(const struct judge_pod *pod)
{
    return !pod->is_deleting && !pod->is_terminal;
}

bool moon_judge_is_available(const struct moon_judge *j, const struct judge_pod *pod,
                             int64_t min_ready_s)
{
    /* By the pod's own times, or as seen from here: wall clocks are set back. */
    uint64_t seen_ms = moon_judge_now(j) - pod->ready_since_ms;
    return pod->is_ready && (min_ready_s == 0 || seen_ms >= (uint64_t)min_ready_s * 1000 ||
                             pod->ready_s + min_ready_s <= moon_loop_wall_ms(j->loop) / 1000);
}

/* Where it is, or the one node that its affinity names. */
static const char *node_of(const cJSON *tree)
{
    const char *bound = moon_sim_text(tree, "spec.nodeName");
    const cJSON *term = NULL;
    if (bound[0] != '\0') {
        return bound;
    }
    cJSON_ArrayForEach (term, moon_sim_get(tree, "spec.affinity.nodeAffinity."
                                                 "requiredDuringSchedulingIgnoredDuringExecution."
                                                 "nodeSelectorTerms")) {
        const cJSON *field = NULL;
        cJSON_ArrayForEach (field, moon_sim_member(term, "matchFields")) {
            const cJSON *values = moon_sim_member(field, "values");
            if (moon_streq(moon_sim_text(field, "key"), "metadata.name") &&
                moon_streq(moon_sim_text(field, "operator"), "In") &&
                cJSON_GetArraySize(values) == 1 && cJSON_IsString(values->child)) {
                return values->child->valuestring;
            }
        }
    }
    return "";
}

static void read_ready(struct judge_pod *pod, const cJSON *tree)
{
    const cJSON *condition = NULL;
    cJSON_ArrayForEach (condition, moon_sim_get(tree, "status.conditions")) {
        if (moon_streq(moon_sim_text(condition, "type"), "Ready")) {
            pod->is_ready = moon_streq(moon_sim_text(condition, "status"), "True");
            (void)moon_time_parse(moon_str(moon_sim_text(condition, "lastTransitionTime")),
                                  &pod->ready_s);
            return;
        }
    }
}

static char *images_of(const cJSON *tree)
{
    struct moon_buf images = MOON_BUF_INIT(64 << 10);
    const cJSON *container = NULL;
    cJSON_ArrayForEach (container, moon_sim_get(tree, "spec.containers")) {
        moon_buf_printf(&images, "%s%s", images.len > 0 ? "," : "",
                        moon_sim_text(container, "image"));
    }
    return moon_buf_take(&images, NULL);
}

static struct judge_pod *read_pod(const struct moon_sim_obj *obj, const cJSON *tree)
{
    struct judge_pod *pod = moon_new(struct judge_pod);
    const cJSON *controller = controller_of(tree);
    moon_list_init(&pod->link);
    pod->ns = moon_strdup(obj->ns);
    pod->name = moon_strdup(obj->name);
    pod->node = moon_strdup(node_of(tree));
    pod->owner = moon_strdup(is_set(controller) ? moon_sim_text(controller, "uid") : "");
    pod->has_other_owner = controller != NULL && pod->owner[0] == '\0';
    pod->hash = moon_strdup(label_of(tree, HASH_LABEL));
    pod->generation = moon_strdup(label_of(tree, GENERATION_LABEL));
    pod->images = images_of(tree);
    pod->labels = moon_sim_clone(moon_sim_get(tree, "metadata.labels"));
    pod->is_deleting = obj->is_deleting;
    pod->is_terminal = moon_streq(obj->phase, "Failed") || moon_streq(obj->phase, "Succeeded");
    read_ready(pod, tree);
    return pod;
}

/* What its history says. */
static void inherit(const struct moon_judge *j, struct judge_pod *pod, const struct judge_pod *was)
{
    uint64_t now = moon_judge_now(j);
    pod->seq = was != NULL ? was->seq : j->seq;
    pod->is_made_by_controller =
        was != NULL ? was->is_made_by_controller : j->is_acting && !j->is_late;
    pod->may_surge = was != NULL && was->may_surge;
    pod->owned_seq = was != NULL && moon_streq(was->owner, pod->owner) ? was->owned_seq : j->seq;
    pod->ready_since_ms = was != NULL && was->is_ready ? was->ready_since_ms : now;
    if (was != NULL && pod->owner[0] == '\0') {
        pod->free_since_ms = was->owner[0] != '\0' ? now : was->free_since_ms;
    }
}

/* Did somebody else give the controller a reason? */
static bool is_cause(const struct judge_pod *pod, const struct judge_pod *was)
{
    return (pod->is_deleting && !was->is_deleting) || (pod->is_terminal && !was->is_terminal) ||
           (!pod->is_ready && was->is_ready) || !moon_streq(pod->owner, was->owner) ||
           !moon_sim_tree_same(pod->labels, was->labels);
}

static void unlink_pod(struct moon_judge *j, struct judge_pod *pod)
{
    struct judge_place *place = pod->place;
    moon_list_remove(&pod->link);
    pod->place = NULL;
    if (place != NULL) {
        drop_if_empty(j, place);
    }
}

static void pod_gone(struct moon_judge *j, struct judge_pod *was)
{
    if (!was->is_deleting) {
        if (j->is_acting) {
            moon_judge_on_deleted(j, was);
        } else if (was->place != NULL) {
            excuse(was->place);
        }
    }
    unlink_pod(j, was);
}

static void pod_changed(struct moon_judge *j, struct judge_pod *pod, struct judge_pod *was)
{
    if (j->is_acting && pod->is_deleting && !was->is_deleting) {
        moon_judge_on_deleted(j, was);
    } else if (j->is_acting) {
        moon_judge_on_changed(j, pod, was);
    }
    unlink_pod(j, was);
    link_pod(j, pod);
    if (!j->is_acting && pod->place != NULL && is_cause(pod, was)) {
        excuse(pod->place);
    }
    if (pod->is_ready && !was->is_ready) {
        moon_judge_on_ready(j, pod);
    }
}

void moon_judge_pod_event(struct moon_judge *j, const struct moon_sim_event *event,
                          const cJSON *tree)
{
    const char *uid = event->obj->uid;
    struct judge_pod *was = moon_map_get(j->pods, moon_str(uid));
    if (was != NULL && was->place != NULL) {
        moon_judge_look_at_place(j, was->place);
    }
    if (event->type == MOON_SIM_DELETED) {
        if (was != NULL) {
            pod_gone(j, was);
            (void)moon_map_remove(j->pods, moon_str(uid));
        }
        return;
    }
    struct judge_pod *pod = read_pod(event->obj, tree);
    inherit(j, pod, was);
    if (was != NULL) {
        pod_changed(j, pod, was);
    } else {
        link_pod(j, pod);
        j->has_rival |= !j->is_acting && pod->owner[0] != '\0';
        if (j->is_acting) {
            moon_judge_on_made(j, pod);
        }
        if (pod->is_ready) {
            moon_judge_on_ready(j, pod);
        }
    }
    moon_map_set(j->pods, moon_str(uid), pod);
}
