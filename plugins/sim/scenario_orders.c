/* SPDX-License-Identifier: Apache-2.0
 *
 * scenario_orders.c - steps about nodes, the pods on them and their images: what kubectl does to a
 * node, and the annotations that the simulated kubelets obey (orders.h).
 */
#include "base/map.h"
#include "sim/scenario_play.h"

#define ORDER "sim.moonset.dev/"

enum {
    TRIES_MAX = 20,
    TEXT_MAX = 1 << 20,
};

static bool each_node(struct moon_scenario_run *run, const struct moon_scenario_nodes *nodes,
                      void (*fn)(struct moon_scenario_run *run, const char *ns, const char *name,
                                 const void *ctx),
                      const void *ctx)
{
    const struct moon_scenario_target matching = {.resource = &moon_resource_nodes,
                                                  .selector = nodes->selector};
    if (nodes->selector != NULL) {
        return moon_scenario_each_target(run, &matching, fn, ctx);
    }
    for (size_t i = 0; i < nodes->names.count; i++) {
        fn(run, NULL, nodes->names.items[i], ctx);
    }
    return true;
}

/* ---- nodes ---- */

static char *broken_images(const struct moon_scenario_run *run)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(TEXT_MAX);
    struct moon_str image;
    size_t pos = 0;
    while (moon_map_next(run->broken_images, &pos, &image, NULL)) {
        moon_buf_printf(&text, "%s%.*s", text.len > 0 ? ", " : "", MOON_STR_ARG(image));
    }
    return text.len > 0 ? moon_strdup(moon_buf_cstr(&text)) : NULL;
}

static cJSON *map_or_empty(const cJSON *map)
{
    return map != NULL ? cJSON_Duplicate(map, true) : cJSON_CreateObject();
}

static void set_default(cJSON *map, const char *key, const char *value)
{
    if (cJSON_GetObjectItemCaseSensitive(map, key) == NULL) {
        cJSON_AddStringToObject(map, key, value);
    }
}

static cJSON *node_object(const struct moon_scenario_run *run,
                          const struct moon_scenario_node *node, const char *name)
{
    MOON_AUTOFREE char *broken = broken_images(run);
    cJSON *body = cJSON_CreateObject();
    cJSON_AddStringToObject(body, "apiVersion", "v1");
    cJSON_AddStringToObject(body, "kind", "Node");
    cJSON *metadata = cJSON_AddObjectToObject(body, "metadata");
    cJSON_AddStringToObject(metadata, "name", name);
    cJSON *labels = map_or_empty(node->labels);
    set_default(labels, "kubernetes.io/arch", "amd64");
    set_default(labels, "kubernetes.io/os", "linux");
    set_default(labels, "kubernetes.io/hostname", name);
    cJSON_AddItemToObject(metadata, "labels", labels);
    cJSON *annotations = map_or_empty(node->annotations);
    if (broken != NULL) {
        set_default(annotations, ORDER "missing-images", broken);
    }
    cJSON_AddItemToObject(metadata, "annotations", annotations);
    if (node->taints != NULL) {
        cJSON *spec = cJSON_AddObjectToObject(body, "spec");
        cJSON_AddItemToObject(spec, "taints", cJSON_Duplicate(node->taints, true));
    }
    if (node->allocatable != NULL) {
        cJSON *status = cJSON_AddObjectToObject(body, "status");
        cJSON_AddItemToObject(status, "capacity", cJSON_Duplicate(node->allocatable, true));
        cJSON_AddItemToObject(status, "allocatable", cJSON_Duplicate(node->allocatable, true));
    }
    return body;
}

static void create_node(struct moon_scenario_run *run, const struct moon_scenario_node *node,
                        const char *name)
{
    moon_scenario_send_json(
        run,
        (struct moon_scenario_request){.verb = MOON_VERB_CREATE, .resource = &moon_resource_nodes},
        node_object(run, node, name));
}

int moon_scenario_join_nodes(struct moon_scenario_run *run, const struct moon_scenario_join *join,
                             struct moon_err *err)
{
    for (size_t i = 0; i < join->count; i++) {
        const struct moon_scenario_node *node = &join->items[i];
        if (node->name != NULL) {
            create_node(run, node, node->name);
            moon_scenario_say(run, "node %s joins", node->name);
            continue;
        }
        for (uint64_t n = 1; n <= node->count; n++) {
            MOON_AUTOFREE char *name = moon_asprintf("%s%llu", node->prefix, (unsigned long long)n);
            create_node(run, node, name);
        }
        moon_scenario_say(run, "nodes %s1 to %s%llu join", node->prefix, node->prefix,
                          (unsigned long long)node->count);
    }
    return moon_scenario_finish(run, NULL, err);
}

static void remove_node(struct moon_scenario_run *run, const char *ns, const char *name,
                        const void *ctx)
{
    (void)ctx;
    moon_scenario_send_json(
        run,
        (struct moon_scenario_request){
            .verb = MOON_VERB_DELETE, .resource = &moon_resource_nodes, .ns = ns, .name = name},
        NULL);
}

/* `ctx`: the value of the annotation, NULL to take it away. */
static void order_down(struct moon_scenario_run *run, const char *ns, const char *name,
                       const void *ctx)
{
    cJSON *map = cJSON_CreateObject();
    cJSON_AddItemToObject(map, ORDER "down",
                          ctx != NULL ? cJSON_CreateString(ctx) : cJSON_CreateNull());
    moon_scenario_patch(run, &moon_resource_nodes, ns, name,
                        moon_scenario_in_metadata("annotations", map));
}

int moon_scenario_play_node(struct moon_scenario_run *run, const struct moon_scenario_args *args,
                            struct moon_err *err)
{
    if (args->join.count > 0) {
        return moon_scenario_join_nodes(run, &args->join, err);
    }
    const struct {
        const struct moon_scenario_nodes *nodes;
        const char *word;
        void (*fn)(struct moon_scenario_run *run, const char *ns, const char *name,
                   const void *ctx);
        const char *ctx;
    } rows[] = {
        {&args->leave, "leaves", remove_node, NULL},
        {&args->down, "goes down", order_down, "true"},
        {&args->up, "comes up again", order_down, NULL},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        if (rows[i].nodes->text != NULL) {
            moon_scenario_say(run, "node %s %s", rows[i].nodes->text, rows[i].word);
            if (!each_node(run, rows[i].nodes, rows[i].fn, rows[i].ctx)) {
                return moon_scenario_no_match(run, rows[i].nodes->text);
            }
        }
    }
    return moon_scenario_finish(run, NULL, err);
}

static void order_cordon(struct moon_scenario_run *run, const char *ns, const char *name,
                         const void *ctx)
{
    const bool *is_cordon = ctx;
    cJSON *body = cJSON_CreateObject();
    cJSON *spec = cJSON_AddObjectToObject(body, "spec");
    cJSON_AddItemToObject(spec, "unschedulable",
                          *is_cordon ? cJSON_CreateTrue() : cJSON_CreateNull());
    moon_scenario_patch(run, &moon_resource_nodes, ns, name, body);
}

int moon_scenario_play_cordon(struct moon_scenario_run *run, const struct moon_scenario_args *args,
                              bool is_cordon, struct moon_err *err)
{
    moon_scenario_say(run, "%scordon %s", is_cordon ? "" : "un", args->nodes.text);
    if (!each_node(run, &args->nodes, order_cordon, &is_cordon)) {
        return moon_scenario_no_match(run, args->nodes.text);
    }
    return moon_scenario_finish(run, NULL, err);
}

/* ---- taints ---- */

static bool is_taint(const cJSON *taint, const struct moon_scenario_taint *t)
{
    return moon_streq(moon_json_string(taint, "key"), t->key) &&
           (t->effect == NULL || moon_streq(moon_json_string(taint, "effect"), t->effect));
}

/* The list with one taint put on (a key and effect stand there once) or taken off. */
static void change_taints(cJSON *list, const struct moon_scenario_taint *t)
{
    for (int i = cJSON_GetArraySize(list) - 1; i >= 0; i--) {
        if (is_taint(cJSON_GetArrayItem(list, i), t)) {
            cJSON_DeleteItemFromArray(list, i);
        }
    }
    if (!t->is_removal) {
        cJSON *taint = cJSON_CreateObject();
        cJSON_AddStringToObject(taint, "key", t->key);
        if (t->value != NULL) {
            cJSON_AddStringToObject(taint, "value", t->value);
        }
        cJSON_AddStringToObject(taint, "effect", t->effect);
        cJSON_AddItemToArray(list, taint);
    }
}

static void taint_one(struct moon_scenario_run *run, const char *ns, const char *name,
                      const void *ctx)
{
    const struct moon_scenario_args *args = ctx;
    const struct moon_scenario_thing *node = moon_scenario_seen_get(run->seen, "nodes", "", name);
    MOON_AUTOJSON *tree = node != NULL ? moon_sim_obj_tree(node->obj) : NULL;
    const cJSON *old = moon_json_get(tree, "spec.taints");
    cJSON *list = old != NULL ? cJSON_Duplicate(old, true) : cJSON_CreateArray();
    for (size_t i = 0; i < args->taint_count; i++) {
        change_taints(list, &args->taints[i]);
    }
    cJSON *body = cJSON_CreateObject();
    cJSON *spec = cJSON_AddObjectToObject(body, "spec");
    cJSON_AddItemToObject(spec, "taints", list);
    if (node != NULL) { /* somebody else's taint must not get lost */
        cJSON *metadata = cJSON_AddObjectToObject(body, "metadata");
        cJSON_AddStringToObject(metadata, "resourceVersion",
                                moon_json_string(tree, "metadata.resourceVersion"));
    }
    moon_scenario_patch(run, &moon_resource_nodes, ns, name, body);
}

int moon_scenario_play_taint(struct moon_scenario_run *run, const struct moon_scenario_args *args,
                             struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(TEXT_MAX);
    for (size_t i = 0; i < args->taint_count; i++) {
        moon_buf_printf(&text, " %s", args->taint_texts.items[i]);
    }
    moon_scenario_say(run, "taint %s%s", args->nodes.text, moon_buf_cstr(&text));
    int rc = 0;
    for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
        if (!each_node(run, &args->nodes, taint_one, args)) {
            return moon_scenario_no_match(run, args->nodes.text);
        }
        rc = moon_scenario_finish(run, NULL, err);
        if (rc == 0 || err->code != MOON_E_CONFLICT) {
            break;
        }
    }
    return rc;
}

/* ---- pods and images ---- */

int moon_scenario_play_pods(struct moon_scenario_run *run, const struct moon_scenario_args *args,
                            struct moon_err *err)
{
    const struct moon_scenario_thing *t;
    size_t pos = 0;
    size_t count = 0;
    MOON_AUTOJSON *map = cJSON_CreateObject();
    if (args->outcome != NULL) {
        cJSON_AddStringToObject(map, ORDER "outcome", args->outcome);
        cJSON_AddItemToObject(map, ORDER "reason",
                              args->reason != NULL ? cJSON_CreateString(args->reason)
                                                   : cJSON_CreateNull());
    }
    if (args->ready_after != NULL) {
        cJSON_AddStringToObject(map, ORDER "ready-after", args->ready_after);
    }
    while (moon_scenario_seen_next(run->seen, "pods", &pos, &t)) {
        if (strcmp(t->obj->ns, moon_scenario_ns(args->target.ns)) == 0 &&
            (args->target.selector == NULL ||
             moon_selector_matches(args->target.selector, &t->labels)) &&
            (args->on_node == NULL || moon_streq(args->on_node, t->obj->node_name))) {
            moon_scenario_patch(
                run, &moon_resource_pods, args->target.ns, t->obj->name,
                moon_scenario_in_metadata("annotations", cJSON_Duplicate(map, true)));
            count++;
        }
    }
    moon_scenario_say(
        run, "%zu pod%s%s%s: %s%s%s", count, count == 1 ? "" : "s",
        args->on_node != NULL ? " on " : "", args->on_node != NULL ? args->on_node : "",
        args->outcome != NULL ? args->outcome : "ready after", args->ready_after != NULL ? " " : "",
        args->ready_after != NULL ? args->ready_after : "");
    return count > 0 ? moon_scenario_finish(run, NULL, err) : moon_scenario_no_match(run, "pods");
}

static void order_images(struct moon_scenario_run *run, const char *ns, const char *name,
                         const void *ctx)
{
    cJSON *map = cJSON_CreateObject();
    cJSON_AddItemToObject(map, ORDER "missing-images",
                          ctx != NULL ? cJSON_CreateString(ctx) : cJSON_CreateNull());
    moon_scenario_patch(run, &moon_resource_nodes, ns, name,
                        moon_scenario_in_metadata("annotations", map));
}

/* The registry is the same for all nodes, also for those that join later. */
int moon_scenario_play_image(struct moon_scenario_run *run, const struct moon_scenario_args *args,
                             struct moon_err *err)
{
    const struct moon_scenario_target all = {.resource = &moon_resource_nodes};
    if (args->broken != NULL) {
        moon_map_set(run->broken_images, moon_str(args->broken), NULL);
        moon_scenario_say(run, "image %s cannot be pulled any more", args->broken);
    } else {
        (void)moon_map_remove(run->broken_images, moon_str(args->mended));
        moon_scenario_say(run, "image %s can be pulled again", args->mended);
    }
    MOON_AUTOFREE char *list = broken_images(run);
    (void)moon_scenario_each_target(run, &all, order_images, list);
    return moon_scenario_finish(run, NULL, err);
}
