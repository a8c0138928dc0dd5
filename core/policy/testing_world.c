/* SPDX-License-Identifier: Apache-2.0
 *
 * testing_world.c - what is given, projected as the API server's objects are, and the roll it
 * makes, counted by the rules of the DaemonSet controller (plugins/daemonset/slots.c).
 */
#include <stdlib.h>

#include "policy/testing_priv.h"

static int project(const struct moon_kind *kind, const cJSON *manifest,
                   const struct moon_object **ret, struct moon_err *err)
{
    char *text = cJSON_PrintUnformatted(manifest);
    struct moon_object *object = NULL;
    int rc = moon_object_project(kind, moon_str(text), &object, err);

    cJSON_free(text);
    if (rc == 0 && object == NULL) {
        rc = moon_err_set(err, MOON_E_INVALID,
                          "%s %s: it is not the set's: its controller is "
                          "another",
                          kind->resource->kind, moon_json_string(manifest, "metadata.name"));
    }
    *ret = object;
    return rc;
}

/* ---- objects ---- */

static int make_set(struct moon_test_world *w, const struct moon_test_case *c, struct moon_err *err)
{
    MOON_AUTOJSON *manifest = cJSON_Duplicate(c->given.set, true);
    cJSON *metadata = cJSON_GetObjectItemCaseSensitive(manifest, "metadata");
    cJSON *annotations = cJSON_GetObjectItemCaseSensitive(metadata, "annotations");
    const struct moon_object *object = NULL;

    if (c->policies != NULL && c->policies[0] != '\0') {
        cJSON_AddStringToObject(annotations, "moonset.dev/policies", c->policies);
    }
    if (c->params != NULL) {
        cJSON_AddStringToObject(annotations, "moonset.dev/params", c->params);
    }
    int rc = project(&moon_kind_daemonset, manifest, &object, err);
    if (rc == 0) {
        w->set = moon_daemonset(object);
        if (w->set->strategy_error != NULL) {
            rc = moon_err_set(err, MOON_E_INVALID, "set: %s", w->set->strategy_error);
        }
    }
    return rc;
}

static int compare_nodes(const void *a, const void *b)
{
    const struct moon_node *const *na = a;
    const struct moon_node *const *nb = b;

    return strcmp((*na)->meta.name, (*nb)->meta.name);
}

static void each_node(const struct moon_all_nodes *all,
                      void (*fn)(const struct moon_node *node, void *arg), void *arg)
{
    const struct moon_test_world *w = all->ctx;

    for (size_t i = 0; i < w->node_count; i++) {
        fn(w->nodes[i], arg);
    }
}

static int make_nodes(struct moon_test_world *w, const struct moon_test_given *g,
                      struct moon_err *err)
{
    size_t count = (size_t)cJSON_GetArraySize(g->nodes);
    const cJSON *manifest;

    w->nodes = moon_new_array(const struct moon_node *, count + 1);
    w->all_nodes = (struct moon_all_nodes){each_node, w, &w->sampled};
    w->ranks = moon_new_array(struct moon_rank, count + 1);
    w->mutations = moon_mutations_new();
    w->mutation_of = moon_new_array(struct moon_mutation *, count + 1);
    cJSON_ArrayForEach (manifest, g->nodes) {
        const struct moon_object *object = NULL;
        int rc = project(&moon_kind_node, manifest, &object, err);
        if (rc != 0) {
            return rc;
        }
        w->nodes[w->node_count++] = moon_node(object);
    }
    qsort(w->nodes, w->node_count, sizeof(*w->nodes), compare_nodes);
    return 0;
}

static size_t slot_of(const struct moon_test_world *w, const char *node)
{
    for (size_t i = 0; i < w->slot_count; i++) {
        if (strcmp(w->slots[i].node_name, node) == 0) {
            return i;
        }
    }
    moon_assert_failed("a pod on no node", __FILE__, __LINE__);
}

/* How the set drains the node, as the test says; NULL: it does not. */
static const struct moon_drain *drain_of(struct moon_test_world *w, size_t i,
                                         const struct moon_test_given *g)
{
    const cJSON *json = moon_json_member(g->drains, w->nodes[i]->meta.name);

    if (json == NULL) {
        return NULL;
    }
    w->drains[i] = (struct moon_drain){
        .state = (enum moon_drain_state)moon_json_int(json, "state", 0),
        .since_s = w->nodes[i]->drain_began_s,
        .waits_for = moon_json_string(json, "waits_for"),
    };
    return &w->drains[i];
}

/* Those of the nodes in order of their names, then those that only pods know. */
static void make_slots(struct moon_test_world *w, const struct moon_test_given *g)
{
    struct moon_str name;
    size_t pos = 0;

    w->slots = moon_new_array(struct moon_roll_slot, w->node_count + moon_map_count(g->lost) + 1);
    w->drains = moon_new_array(struct moon_drain, w->node_count + 1);
    for (size_t i = 0; i < w->node_count; i++) {
        w->slots[w->slot_count++] = (struct moon_roll_slot){
            .node = w->nodes[i],
            .drain = drain_of(w, i, g),
            .node_name = moon_sym_ref(w->nodes[i]->meta.name),
        };
    }
    while (moon_map_next(g->lost, &pos, &name, NULL)) {
        w->slots[w->slot_count++] = (struct moon_roll_slot){.node_name = moon_intern(name)};
    }
}

static int compare_pods(const void *a, const void *b)
{
    const struct moon_test_pod *pa = a;
    const struct moon_test_pod *pb = b;

    return pa->slot != pb->slot ? (pa->slot < pb->slot ? -1 : 1) : moon_pod_order(pa->pod, pb->pod);
}

static int make_pods(struct moon_test_world *w, const struct moon_test_given *g,
                     struct moon_err *err)
{
    const cJSON *list;
    const cJSON *manifest;

    cJSON_ArrayForEach (list, g->pods) {
        w->pods = moon_realloc_array(w->pods, w->pod_count + (size_t)cJSON_GetArraySize(list) + 1,
                                     sizeof(*w->pods));
        cJSON_ArrayForEach (manifest, list) {
            const struct moon_object *object = NULL;
            int rc = project(&moon_kind_pod, manifest, &object, err);
            if (rc != 0) {
                return rc;
            }
            const struct moon_pod *pod = moon_pod(object);
            w->pods[w->pod_count++] = (struct moon_test_pod){
                .pod = pod,
                .slot = slot_of(w, list->string),
                .updated =
                    moon_streq(moon_labels_get(&pod->meta.labels, MOON_LABEL_HASH), g->revision)};
        }
    }
    if (w->pod_count > 0) {
        qsort(w->pods, w->pod_count, sizeof(*w->pods), compare_pods);
    }
    return 0;
}

int moon_test_world_init(struct moon_test_world *w, const struct moon_test_case *c,
                         struct moon_err *err)
{
    *w = (struct moon_test_world){0};
    int rc = make_set(w, c, err);
    rc = rc == 0 ? make_nodes(w, &c->given, err) : rc;
    if (rc == 0) {
        make_slots(w, &c->given);
        rc = make_pods(w, &c->given, err);
    }
    return rc;
}

void moon_test_world_fini(struct moon_test_world *w)
{
    for (size_t i = 0; i < w->node_count; i++) {
        moon_object_unref(&w->nodes[i]->meta);
        moon_rank_fini(&w->ranks[i]);
        moon_mutation_unref(w->mutation_of[i]);
    }
    for (size_t i = 0; i < w->pod_count; i++) {
        moon_object_unref(&w->pods[i].pod->meta);
    }
    for (size_t i = 0; i < w->slot_count; i++) {
        moon_sym_unref(w->slots[i].node_name);
    }
    if (w->set != NULL) {
        moon_object_unref(&w->set->meta);
    }
    moon_free(w->nodes);
    moon_free(w->ranks);
    moon_free(w->mutation_of);
    moon_mutations_free(w->mutations);
    moon_free(w->pods);
    moon_free(w->slots);
    moon_free(w->drains);
}

/* ---- mutations ---- */

static const char *wanted_hash(const struct moon_mutation *m, const struct moon_test_given *g)
{
    if (m == NULL || m->pin == MOON_PIN_CURRENT) {
        return g->revision;
    }
    return m->pin == MOON_PIN_STABLE ? g->previous_revision : m->hash;
}

void moon_test_world_judge(struct moon_test_world *w, const struct moon_test_case *c)
{
    for (size_t i = 0; i < w->pod_count; i++) {
        struct moon_test_pod *p = &w->pods[i];
        bool has_node = p->slot < w->node_count;
        const struct moon_mutation *m = has_node ? w->mutation_of[p->slot] : NULL;
        p->updated = moon_streq(moon_labels_get(&p->pod->meta.labels, MOON_LABEL_HASH),
                                wanted_hash(m, &c->given));
    }
    for (size_t i = 0; w->mutates && i < w->node_count; i++) {
        const struct moon_mutation *m = w->mutation_of[i];
        w->slots[i].held = w->slots[i].wanted && (m == NULL || m->skip != NULL);
    }
}

/* ---- the roll ---- */

/* A new pod is of use when the policy says so, too; an old one that is ready "in the future" has
 * been so for long. */
static bool is_available(const struct moon_test_world *w, const struct moon_test_pod *p,
                         int64_t now_s)
{
    if (p->updated && p->health != MOON_HEALTH_READY) {
        return false;
    }
    return moon_pod_is_available(p->pod, w->set->min_ready_s, now_s) ||
           (!p->updated && p->pod->ready && p->pod->ready_since_s > now_s);
}

static void put_pod(const struct moon_test_world *w, const struct moon_test_pod *p,
                    struct moon_roll_slot *s, int64_t now_s)
{
    if (moon_pod_is_terminating(p->pod)) {
        s->deleting |= !moon_pod_is_terminal(p->pod);
        return;
    }
    const struct moon_pod **place = p->updated ? &s->new_pod : &s->old_pod;
    if (*place != NULL) {
        s->excess = true;
        return;
    }
    *place = p->pod;
    *(p->updated ? &s->new_available : &s->old_available) = is_available(w, p, now_s);
    *(p->updated ? &s->new_health : &s->old_health) = p->health;
}

static void count_slot(const struct moon_roll_slot *s, struct moon_roll *roll)
{
    bool paired = s->old_pod != NULL && s->new_pod != NULL;
    bool available = s->old_pod != NULL ? s->old_available : s->new_available;

    roll->desired += s->wanted;
    roll->unavailable += s->wanted && (s->excess || paired || !available);
    roll->surging += s->excess || (paired && !s->new_available);
    roll->available += s->node != NULL && available;
    roll->draining += s->drain != NULL && s->drain->state != MOON_DRAIN_LIFTED;
}

/* It needs a pod, and nothing is in the way of one. */
static bool is_vacant(const struct moon_roll_slot *s)
{
    return s->wanted && !s->held && s->old_pod == NULL && s->new_pod == NULL && !s->deleting;
}

static int compare_slots(const void *a, const void *b)
{
    static const struct moon_rank neutral = {0};
    const struct moon_roll_slot *sa = a;
    const struct moon_roll_slot *sb = b;
    int order = moon_rank_compare(sa->rank != NULL ? sa->rank : &neutral,
                                  sb->rank != NULL ? sb->rank : &neutral);

    return order != 0 ? order : strcmp(sa->node_name, sb->node_name);
}

static const char *is_patchable(const struct moon_roll_slot *slot MOON_UNUSED)
{
    return NULL;
}

static const char *is_unpatchable(const struct moon_roll_slot *slot MOON_UNUSED)
{
    return "the revisions differ in more than their images";
}

struct moon_roll moon_test_world_roll(struct moon_test_world *w, const struct moon_test_case *c,
                                      bool creates)
{
    const struct moon_test_given *g = &c->given;
    struct moon_roll_slot *slots = moon_new_array(struct moon_roll_slot, w->slot_count + 1);
    bool rolling = w->set->strategy == MOON_STRATEGY_ROLLING && w->set->has_rolling_update;
    struct moon_roll roll = {
        .started_s = g->started_s,
        .revision = g->revision,
        .previous_revision = g->previous_revision,
        .rolled_back = g->rolled_back,
        .unpatchable = g->unpatchable ? is_unpatchable : is_patchable,
        .slots = slots,
        .count = w->slot_count,
    };

    for (size_t i = 0; i < w->slot_count; i++) {
        slots[i] = w->slots[i];
    }
    for (size_t i = 0; i < w->pod_count; i++) {
        put_pod(w, &w->pods[i], &slots[w->pods[i].slot], g->now_s);
    }
    for (size_t i = 0; i < w->slot_count; i++) {
        count_slot(&slots[i], &roll);
        slots[i].waiting = creates && is_vacant(&slots[i]);
    }
    qsort(slots, w->slot_count, sizeof(*slots), compare_slots);
    roll.max_unavailable =
        rolling ? moon_intstr_scale(w->set->max_unavailable, roll.desired, true) : 0;
    roll.max_surge = rolling ? moon_intstr_scale(w->set->max_surge, roll.desired, true) : 0;
    if (roll.desired > 0 && roll.max_unavailable == 0 && roll.max_surge == 0) {
        roll.max_unavailable = 1;
    }
    return roll;
}
