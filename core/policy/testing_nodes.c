/* SPDX-License-Identifier: Apache-2.0
 *
 * testing_nodes.c - the nodes of a test, from their short forms to manifests: one by one, many by a
 * pattern of names, or those that are there changed by a glob.
 */
#include "base/time.h"
#include "policy/glob.h"
#include "policy/testing_priv.h"

enum {
    NODE_AGE_S = 10 * 24 * 3600,
    MAX_DIGITS = 9,
};

/* The node under way. */
struct node {
    struct moon_test_given *given;
    cJSON *manifest;
    size_t number; /* of `count` */
};

#define NODE_FIELD(name, call)                                                                     \
    static int node_##name(struct moon_test_reader *r MOON_UNUSED, const cJSON *json, void *ctx)   \
    {                                                                                              \
        cJSON *node = ((struct node *)ctx)->manifest;                                              \
        return call;                                                                               \
    }
NODE_FIELD(labels, moon_test_take_labels(r, json, node, "metadata.labels"))
NODE_FIELD(annotations, moon_test_take_labels(r, json, node, "metadata.annotations"))
NODE_FIELD(unschedulable, moon_test_take_bool(r, json, node, "spec.unschedulable"))
NODE_FIELD(arch, moon_test_take_text(r, json, node, "status.nodeInfo.architecture"))
NODE_FIELD(os, moon_test_take_text(r, json, node, "status.nodeInfo.operatingSystem"))
NODE_FIELD(kubelet, moon_test_take_text(r, json, node, "status.nodeInfo.kubeletVersion"))
NODE_FIELD(capacity, moon_test_take_labels(r, json, node, "status.capacity"))
NODE_FIELD(allocatable, moon_test_take_labels(r, json, node, "status.allocatable"))
NODE_FIELD(metadata, moon_test_take_part(r, json, node, "metadata"))
NODE_FIELD(spec, moon_test_take_part(r, json, node, "spec"))
NODE_FIELD(status, moon_test_take_part(r, json, node, "status"))

/* Labels whose keys have dots in them. */
static void put_label(cJSON *node, const char *key, const char *value)
{
    MOON_AUTOJSON *patch = cJSON_CreateObject();
    cJSON *labels = cJSON_CreateObject();

    cJSON_AddStringToObject(labels, key, value);
    moon_test_put(patch, "metadata.labels", labels);
    moon_test_merge(node, patch);
}

/* A text, or a list that the nodes of a count are dealt round. */
static int deal_label(struct moon_test_reader *r, const cJSON *json, const struct node *n,
                      const char *key)
{
    int count = cJSON_IsArray(json) ? cJSON_GetArraySize(json) : 0;
    const cJSON *mine =
        count > 0 ? cJSON_GetArrayItem(json, (int)(n->number % (size_t)count)) : json;
    const char *text = NULL;
    int rc = moon_test_text(r, mine, &text);

    if (rc == 0) {
        put_label(n->manifest, key, text);
    }
    return rc;
}

static int node_zone(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    return deal_label(r, json, ctx, "topology.kubernetes.io/zone");
}

static int node_region(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    return deal_label(r, json, ctx, "topology.kubernetes.io/region");
}

static cJSON *put_condition(const struct node *n, const char *type, const char *status)
{
    cJSON *list = cJSON_GetObjectItemCaseSensitive(
        cJSON_GetObjectItemCaseSensitive(n->manifest, "status"), "conditions");
    cJSON *mine = NULL;
    cJSON *item;

    cJSON_ArrayForEach (item, list) {
        if (moon_streq(moon_json_string(item, "type"), type)) {
            mine = item;
        }
    }
    if (mine == NULL) {
        mine = cJSON_CreateObject();
        moon_test_put_text(mine, "type", type);
        moon_test_put_time(mine, "lastTransitionTime", n->given->now_s - NODE_AGE_S);
        cJSON_AddItemToArray(list, mine);
    }
    moon_test_put_text(mine, "status", status);
    return mine;
}

/* { status: Unknown, for: 10m, reason: NodeStatusUnknown } */
struct condition {
    const struct node *node;
    cJSON *manifest; /* once the status is known */
};

static int condition_for(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    const struct condition *c = ctx;
    int64_t seconds = 0;
    int rc = moon_test_seconds(r, json, &seconds);

    moon_test_put_time(c->manifest, "lastTransitionTime", c->node->given->now_s - seconds);
    return rc;
}

static int condition_reason(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    return moon_test_take_text(r, json, ((struct condition *)ctx)->manifest, "reason");
}

static const struct moon_test_field condition_fields[] = {
    {"status", moon_test_skip}, /* has been read */
    {"for", condition_for},
    {"reason", condition_reason},
    {NULL, NULL},
};

static int take_condition(struct moon_test_reader *r, const cJSON *json, const struct node *n,
                          const char *type)
{
    const cJSON *outer = json;
    const char *status = NULL;

    json = cJSON_IsObject(outer) ? moon_json_member(outer, "status") : outer;

    if (cJSON_IsBool(json)) {
        status = cJSON_IsTrue(json) ? "True" : "False";
    } else if (cJSON_IsString(json) && moon_streq(json->valuestring, "Unknown")) {
        status = json->valuestring;
    } else {
        return moon_test_wrong(r, outer,
                               "true, false or Unknown is wanted, or { status: Unknown, "
                               "for: 10m }");
    }
    struct condition c = {n, put_condition(n, type, status)};
    return cJSON_IsObject(outer) ? moon_test_fields(r, condition_fields, outer, &c) : 0;
}

static int node_ready(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    return take_condition(r, json, ctx, "Ready");
}

/* { DiskPressure: true } */
static int node_conditions(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    int rc = moon_test_mapping(r, json);
    const cJSON *item;

    cJSON_ArrayForEach (item, json) {
        if (rc == 0) {
            size_t mark = moon_test_enter(r, item->string);
            rc = take_condition(r, item, ctx, item->string);
            moon_test_leave(r, mark);
        }
    }
    return rc;
}

static int node_age(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    const struct node *n = ctx;
    int64_t age = 0;
    int rc = moon_test_seconds(r, json, &age);

    moon_test_put_time(n->manifest, "metadata.creationTimestamp", n->given->now_s - age);
    return rc;
}

static int node_deleting(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    const struct node *n = ctx;
    bool deleting = false;
    int rc = moon_test_bool(r, json, &deleting);

    if (deleting) {
        moon_test_put_time(n->manifest, "metadata.deletionTimestamp", n->given->now_s);
    }
    return rc;
}

/* "gpu=true:NoSchedule", as kubectl writes them. */
static cJSON *taint(struct moon_test_reader *r, const cJSON *json)
{
    struct moon_str rest = moon_str(cJSON_GetStringValue(json));
    struct moon_str key_value;
    struct moon_str key;

    if (cJSON_IsObject(json)) {
        return cJSON_Duplicate(json, true);
    }
    if (!cJSON_IsString(json) || !moon_str_split(&rest, ':', &key_value) || key_value.len == 0 ||
        rest.len == 0) {
        (void)moon_test_wrong(r, json,
                              "a taint is written key:Effect or key=value:Effect, Effect being "
                              "NoSchedule, PreferNoSchedule or NoExecute");
        return NULL;
    }
    MOON_AUTOFREE char *effect = moon_str_dup(rest);
    if (moon_effect_parse(effect) == MOON_EFFECT_OTHER) {
        (void)moon_test_wrong(r, json, "there is no effect '%.60s'", effect);
        return NULL;
    }
    cJSON *out = cJSON_CreateObject();
    (void)moon_str_split(&key_value, '=', &key);
    MOON_AUTOFREE char *key_text = moon_str_dup(key);
    moon_test_put_text(out, "key", key_text);
    if (key_value.len > 0) {
        MOON_AUTOFREE char *value = moon_str_dup(key_value);
        moon_test_put_text(out, "value", value);
    }
    moon_test_put_text(out, "effect", effect);
    return out;
}

static int node_taints(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    const struct node *n = ctx;
    MOON_AUTOJSON *list = cJSON_CreateArray();
    const cJSON *item;

    if (!cJSON_IsArray(json)) {
        return moon_test_wrong(r, json, "a list is wanted: [gpu=true:NoSchedule]");
    }
    cJSON_ArrayForEach (item, json) {
        cJSON *one = taint(r, item);
        if (one == NULL) {
            return -1;
        }
        cJSON_AddItemToArray(list, one);
    }
    moon_test_put(n->manifest, "spec.taints", moon_steal(&list));
    return 0;
}

/* ---- drains ---- */

/* { state: draining, for: 10m, waits_for: "web-1 …" } */
struct drain {
    struct node *node;
    cJSON *shown;
    int64_t since_s;
};

static int drain_state(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    const struct drain *d = ctx;
    const char *state = NULL;
    int rc = moon_test_text(r, json, &state);

    for (int i = MOON_DRAIN_DRAINING; rc == 0 && i <= MOON_DRAIN_LIFTED; i++) {
        if (strcmp(state, moon_drain_state_name((enum moon_drain_state)i)) == 0) {
            cJSON_DeleteItemFromObjectCaseSensitive(d->shown, "state");
            cJSON_AddNumberToObject(d->shown, "state", i);
            moon_test_put(d->node->manifest, "spec.unschedulable",
                          cJSON_CreateBool(i != MOON_DRAIN_LIFTED));
            return 0;
        }
    }
    return rc != 0 ? rc : moon_test_wrong(r, json, "draining, drained or lifted is wanted");
}

static int drain_for(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    struct drain *d = ctx;
    int64_t seconds = 0;
    int rc = moon_test_seconds(r, json, &seconds);

    d->since_s = d->node->given->now_s - seconds;
    return rc;
}

static int drain_waits_for(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    return moon_test_take_text(r, json, ((struct drain *)ctx)->shown, "waits_for");
}

static const struct moon_test_field drain_fields[] = {
    {"state", drain_state}, {"for", drain_for}, {"waits_for", drain_waits_for}, {NULL, NULL}};

/* A state, or a mapping: the tested set holds the node. */
static int node_drain(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    struct node *n = ctx;
    const struct moon_test_given *g = n->given;
    const char *name = moon_json_string(n->manifest, "metadata.name");
    MOON_AUTOFREE char *by = moon_asprintf("%s/%s", moon_json_string(g->set, "metadata.namespace"),
                                           moon_json_string(g->set, "metadata.name"));
    MOON_AUTOJSON *annotations = cJSON_CreateObject();
    struct drain d = {.node = n, .since_s = g->now_s};
    char began[MOON_TIME_TEXT];

    cJSON_DeleteItemFromObjectCaseSensitive(g->drains, name);
    d.shown = cJSON_AddObjectToObject(g->drains, name);
    int rc = cJSON_IsString(json) ? drain_state(r, json, &d)
                                  : moon_test_fields(r, drain_fields, json, &d);
    if (rc == 0 && moon_json_member(d.shown, "state") == NULL) {
        return moon_test_wrong(r, json, "state is missing: draining, drained or lifted");
    }
    cJSON_AddStringToObject(annotations, MOON_ANNOTATION_DRAINED_BY, by);
    cJSON_AddStringToObject(annotations, MOON_ANNOTATION_DRAIN_BEGAN,
                            moon_time_format(d.since_s, began));
    return rc != 0 ? rc
                   : moon_test_take_labels(r, annotations, n->manifest, "metadata.annotations");
}

static const struct moon_test_field node_fields[] = {
    {"name", moon_test_skip}, /* has been read */
    {"count", moon_test_skip},
    {"labels", node_labels},
    {"annotations", node_annotations},
    {"taints", node_taints},
    {"ready", node_ready},
    {"unschedulable", node_unschedulable},
    {"zone", node_zone},
    {"region", node_region},
    {"arch", node_arch},
    {"os", node_os},
    {"kubelet", node_kubelet},
    {"capacity", node_capacity},
    {"allocatable", node_allocatable},
    {"conditions", node_conditions},
    {"age", node_age},
    {"deleting", node_deleting},
    {"drain", node_drain},
    {"metadata", node_metadata},
    {"spec", node_spec},
    {"status", node_status},
    {"apiVersion", moon_test_skip},
    {"kind", moon_test_skip},
    {NULL, NULL},
};

static cJSON *new_node(const struct moon_test_given *g, const char *name)
{
    cJSON *node = cJSON_CreateObject();
    MOON_AUTOFREE char *uid = moon_asprintf("node-%s", name);
    struct node ready = {.given = (struct moon_test_given *)(uintptr_t)g, .manifest = node};

    moon_test_put_text(node, "metadata.name", name);
    moon_test_put_text(node, "metadata.uid", uid);
    moon_test_put_text(node, "metadata.resourceVersion", "1");
    moon_test_put_time(node, "metadata.creationTimestamp", g->now_s - NODE_AGE_S);
    put_label(node, "kubernetes.io/hostname", name);
    moon_test_put(node, "spec", cJSON_CreateObject());
    moon_test_put(node, "status.conditions", cJSON_CreateArray());
    (void)put_condition(&ready, "Ready", "True");
    return node;
}

/* One node, new or known, with what `json` says of it. */
static int add_node(struct moon_test_reader *r, struct moon_test_given *g, const char *name,
                    size_t number, const cJSON *json)
{
    cJSON *node = cJSON_GetObjectItemCaseSensitive(g->nodes, name);

    if (node == NULL) {
        if (!moon_is_dns1123_subdomain(moon_str(name))) {
            return moon_test_wrong(r, json, "'%.60s' is no name of a node", name);
        }
        if (cJSON_GetArraySize(g->nodes) >= MOON_TEST_MAX_NODES) {
            return moon_test_wrong(r, json, "more than %d nodes", MOON_TEST_MAX_NODES);
        }
        node = new_node(g, name);
        cJSON_AddItemToObject(g->nodes, name, node);
    }
    if (json == NULL || cJSON_IsNull(json)) {
        return 0;
    }
    struct node n = {.given = g, .manifest = node, .number = number};
    return moon_test_fields(r, node_fields, json, &n);
}

/* "n%02d": what is before and after the number, and how wide it is. */
static bool read_pattern(struct moon_str name, struct moon_str *ret_before, int *ret_width,
                         struct moon_str *ret_after)
{
    size_t i = 0;

    while (i < name.len && name.ptr[i] != '%') {
        i++;
    }
    *ret_before = (struct moon_str){name.ptr, i};
    *ret_width = 0;
    if (i < name.len && i + 1 < name.len && name.ptr[i + 1] == '0') {
        i++;
    }
    if (i + 1 < name.len && name.ptr[i + 1] >= '1' && name.ptr[i + 1] <= '0' + MAX_DIGITS) {
        *ret_width = name.ptr[i + 1] - '0';
        i++;
    }
    if (i + 1 >= name.len || name.ptr[i + 1] != 'd') {
        return false;
    }
    *ret_after = (struct moon_str){name.ptr + i + 2, name.len - i - 2};
    return true;
}

static int add_counted(struct moon_test_reader *r, struct moon_test_given *g, const char *name,
                       const cJSON *json, const cJSON *count_json)
{
    struct moon_str before;
    struct moon_str after;
    int64_t count = 0;
    int width = 0;
    int rc = moon_test_int(r, count_json, &count);

    if (rc == 0 && !read_pattern(moon_str(name), &before, &width, &after)) {
        return moon_test_wrong(
            r, json, "'%.60s': with a count the name has a place for the number: n%%02d", name);
    }
    for (int64_t i = 1; rc == 0 && i <= count; i++) {
        MOON_AUTOFREE char *one = moon_asprintf("%.*s%0*lld%.*s", MOON_STR_ARG(before), width,
                                                (long long)i, MOON_STR_ARG(after));
        rc = add_node(r, g, one, (size_t)i - 1, json);
    }
    return rc;
}

/* A glob changes the nodes that are there. */
static int change_nodes(struct moon_test_reader *r, struct moon_test_given *g, const char *name,
                        const cJSON *json)
{
    const cJSON *node;
    size_t found = 0;

    cJSON_ArrayForEach (node, g->nodes) {
        if (moon_glob(moon_str(name), moon_str(node->string))) {
            int rc = add_node(r, g, node->string, found++, json);
            if (rc != 0) {
                return rc;
            }
        }
    }
    return found > 0 ? 0 : moon_test_wrong(r, json, "no node is called '%.60s'", name);
}

static int take_node(struct moon_test_reader *r, struct moon_test_given *g, const char *name,
                     const cJSON *json)
{
    const cJSON *count = moon_json_member(json, "count");

    if (count != NULL) {
        return add_counted(r, g, name, json, count);
    }
    if (strpbrk(name, "*?") != NULL) {
        return change_nodes(r, g, name, json);
    }
    return add_node(r, g, name, 0, json);
}

/* An element of a list: a name, or a mapping with one. */
static int take_listed(struct moon_test_reader *r, struct moon_test_given *g, const cJSON *item)
{
    const char *name = cJSON_GetStringValue(item);

    if (name != NULL) {
        return take_node(r, g, name, NULL);
    }
    name = moon_json_string(item, "name");
    if (name == NULL) {
        name = moon_json_string(item, "metadata.name");
    }
    if (name == NULL) {
        return moon_test_wrong(r, item, "a node has a name");
    }
    return take_node(r, g, name, item);
}

static int take_named(struct moon_test_reader *r, struct moon_test_given *g, const char *name,
                      const cJSON *item)
{
    if (!cJSON_IsNull(item)) {
        return take_node(r, g, name, item);
    }
    if (cJSON_GetObjectItemCaseSensitive(g->nodes, name) == NULL) {
        return take_node(r, g, name, item); /* `n1:` is a node with nothing to say of */
    }
    cJSON_DeleteItemFromObjectCaseSensitive(g->nodes, name);
    return 0;
}

int moon_test_take_nodes(struct moon_test_reader *r, const cJSON *json, void *given)
{
    const cJSON *item;
    int rc = 0;

    if (!cJSON_IsArray(json) && !cJSON_IsObject(json)) {
        return moon_test_wrong(r, json, "nodes are a mapping of names, or a list");
    }
    cJSON_ArrayForEach (item, json) {
        const char *name = item->string != NULL ? item->string : "[]";
        size_t mark = moon_test_enter(r, name);
        rc = cJSON_IsArray(json) ? take_listed(r, given, item) : take_named(r, given, name, item);
        moon_test_leave(r, mark);
        if (rc != 0) {
            break;
        }
    }
    return rc;
}
