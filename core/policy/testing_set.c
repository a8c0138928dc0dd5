/* SPDX-License-Identifier: Apache-2.0
 *
 * testing_set.c - the set of a test and its roll, from their short forms to a manifest; and what
 * nodes and pods share with it.
 *
 * A short key is one place of the manifest; `metadata`, `spec` and `status` are merged into it as
 * they stand, so that a manifest as kubectl prints it is a test's object, too.
 */
#include <stdio.h>

#include "policy/testing_priv.h"

enum {
    SET_AGE_S = 30 * 24 * 3600,
    ROLL_AGE_S = 3600,
};

/* ---- what both have ---- */

/* A label's value; true and 3 are meant as texts. */
static int take_label(struct moon_test_reader *r, const cJSON *value, cJSON *out)
{
    char text[32];

    if (cJSON_IsString(value)) {
        cJSON_AddStringToObject(out, value->string, value->valuestring);
        return 0;
    }
    if (cJSON_IsBool(value)) {
        cJSON_AddStringToObject(out, value->string, cJSON_IsTrue(value) ? "true" : "false");
        return 0;
    }
    if (cJSON_IsNumber(value) && (double)value->valueint == value->valuedouble) {
        (void)snprintf(text, sizeof(text), "%d", value->valueint);
        cJSON_AddStringToObject(out, value->string, text);
        return 0;
    }
    return moon_test_wrong(r, value, "'%.60s': a text is wanted; quote it", value->string);
}

int moon_test_take_labels(struct moon_test_reader *r, const cJSON *json, cJSON *root,
                          const char *path)
{
    MOON_AUTOJSON *texts = cJSON_CreateObject();
    MOON_AUTOJSON *patch = cJSON_CreateObject();
    const cJSON *value;
    int rc = moon_test_mapping(r, json);

    cJSON_ArrayForEach (value, json) {
        if (rc == 0 && cJSON_IsNull(value)) {
            cJSON_AddNullToObject(texts, value->string);
        } else if (rc == 0) {
            rc = take_label(r, value, texts);
        }
    }
    if (rc == 0) {
        moon_test_put(patch, path, moon_steal(&texts));
        moon_test_merge(root, patch);
    }
    return rc;
}

int moon_test_take_part(struct moon_test_reader *r, const cJSON *json, cJSON *root,
                        const char *part)
{
    int rc = moon_test_mapping(r, json);

    if (rc == 0) {
        MOON_AUTOJSON *patch = cJSON_CreateObject();
        cJSON_AddItemToObject(patch, part, cJSON_Duplicate(json, true));
        moon_test_merge(root, patch);
    }
    return rc;
}

int moon_test_take_text(struct moon_test_reader *r, const cJSON *json, cJSON *root,
                        const char *path)
{
    const char *text = NULL;
    int rc = moon_test_text(r, json, &text);

    if (rc == 0) {
        moon_test_put_text(root, path, text);
    }
    return rc;
}

int moon_test_take_bool(struct moon_test_reader *r, const cJSON *json, cJSON *root,
                        const char *path)
{
    bool value = false;
    int rc = moon_test_bool(r, json, &value);

    if (rc == 0) {
        moon_test_put(root, path, cJSON_CreateBool(value));
    }
    return rc;
}

static int put_int(struct moon_test_reader *r, const cJSON *json, cJSON *root, const char *path)
{
    int64_t value = 0;
    int rc = moon_test_int(r, json, &value);

    if (rc == 0) {
        moon_test_put(root, path, cJSON_CreateNumber((double)value));
    }
    return rc;
}

static int put_as_it_is(const cJSON *json, cJSON *root, const char *path)
{
    moon_test_put(root, path, cJSON_Duplicate(json, true));
    return 0;
}

/* ---- the set ---- */

#define SET_FIELD(name, call)                                                                      \
    static int set_##name(struct moon_test_reader *r MOON_UNUSED, const cJSON *json, void *ctx)    \
    {                                                                                              \
        cJSON *set = ((struct moon_test_given *)ctx)->set;                                         \
        return call;                                                                               \
    }
SET_FIELD(name, moon_test_take_text(r, json, set, "metadata.name"))
SET_FIELD(namespace, moon_test_take_text(r, json, set, "metadata.namespace"))
SET_FIELD(labels, moon_test_take_labels(r, json, set, "metadata.labels"))
SET_FIELD(annotations, moon_test_take_labels(r, json, set, "metadata.annotations"))
SET_FIELD(generation, put_int(r, json, set, "metadata.generation"))
SET_FIELD(min_ready, put_int(r, json, set, "spec.minReadySeconds"))
SET_FIELD(max_unavailable,
          put_as_it_is(json, set, "spec.updateStrategy.rollingUpdate.maxUnavailable"))
SET_FIELD(max_surge, put_as_it_is(json, set, "spec.updateStrategy.rollingUpdate.maxSurge"))
SET_FIELD(node_name, moon_test_take_text(r, json, set, "spec.template.spec.nodeName"))
SET_FIELD(node_selector, moon_test_take_labels(r, json, set, "spec.template.spec.nodeSelector"))
SET_FIELD(affinity, put_as_it_is(json, set, "spec.template.spec.affinity"))
SET_FIELD(host_network, moon_test_take_bool(r, json, set, "spec.template.spec.hostNetwork"))
SET_FIELD(pod_labels, moon_test_take_labels(r, json, set, "spec.template.metadata.labels"))
SET_FIELD(metadata, moon_test_take_part(r, json, set, "metadata"))
SET_FIELD(spec, moon_test_take_part(r, json, set, "spec"))
SET_FIELD(status, moon_test_take_part(r, json, set, "status"))

static int set_strategy(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    cJSON *set = ((struct moon_test_given *)ctx)->set;
    int rc = moon_test_take_text(r, json, set, "spec.updateStrategy.type");

    if (rc == 0 && !moon_streq(json->valuestring, "RollingUpdate")) {
        cJSON_DeleteItemFromObjectCaseSensitive(
            cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(set, "spec"),
                                             "updateStrategy"),
            "rollingUpdate");
    }
    return rc;
}

static int set_image(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    const char *image = NULL;
    int rc = moon_test_text(r, json, &image);

    if (rc == 0) {
        cJSON *containers = cJSON_CreateArray();
        cJSON *container = cJSON_CreateObject();
        cJSON_AddStringToObject(container, "name", "main");
        cJSON_AddStringToObject(container, "image", image);
        cJSON_AddItemToArray(containers, container);
        moon_test_put(((struct moon_test_given *)ctx)->set, "spec.template.spec.containers",
                      containers);
    }
    return rc;
}

static int set_tolerations(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    struct moon_test_given *g = ctx;
    MOON_AUTOJSON *list = cJSON_CreateArray();
    int rc = cJSON_IsArray(json) ? 0 : moon_test_wrong(r, json, "a list is wanted");
    const cJSON *item;

    cJSON_ArrayForEach (item, json) {
        cJSON *one = rc == 0 ? moon_test_toleration(r, item) : NULL;
        rc = rc == 0 && one == NULL ? -1 : rc;
        cJSON_AddItemToArray(list, one);
    }
    if (rc == 0) {
        moon_test_put(g->set, "spec.template.spec.tolerations", moon_steal(&list));
    }
    return rc;
}

int moon_test_skip(struct moon_test_reader *r MOON_UNUSED, const cJSON *json MOON_UNUSED,
                   void *ctx MOON_UNUSED)
{
    return 0;
}

static const struct moon_test_field set_fields[] = {
    {"name", set_name},
    {"namespace", set_namespace},
    {"labels", set_labels},
    {"annotations", set_annotations},
    {"generation", set_generation},
    {"strategy", set_strategy},
    {"max_unavailable", set_max_unavailable},
    {"max_surge", set_max_surge},
    {"min_ready_seconds", set_min_ready},
    {"image", set_image},
    {"pod_labels", set_pod_labels},
    {"node_name", set_node_name},
    {"node_selector", set_node_selector},
    {"affinity", set_affinity},
    {"tolerations", set_tolerations},
    {"host_network", set_host_network},
    {"metadata", set_metadata},
    {"spec", set_spec},
    {"status", set_status},
    {"apiVersion", moon_test_skip},
    {"kind", moon_test_skip},
    {NULL, NULL},
};

int moon_test_take_set(struct moon_test_reader *r, const cJSON *json, void *given)
{
    return moon_test_fields(r, set_fields, json, given);
}

/* ---- the roll ---- */

static int roll_revision(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    struct moon_test_given *g = ctx;
    const char *text = NULL;
    int rc = moon_test_text(r, json, &text);

    if (rc == 0) {
        moon_free(g->revision);
        g->revision = moon_strdup(text);
    }
    return rc;
}

static int roll_previous(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    struct moon_test_given *g = ctx;
    const char *text = NULL;
    int rc = moon_test_text(r, json, &text);

    if (rc == 0) {
        moon_free(g->previous_revision);
        g->previous_revision = moon_strdup(text);
    }
    return rc;
}

static int roll_started(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    return moon_test_time(r, json, &((struct moon_test_given *)ctx)->started_s);
}

static int roll_age(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    struct moon_test_given *g = ctx;
    int64_t age = 0;
    int rc = moon_test_seconds(r, json, &age);

    g->started_s = g->now_s - age;
    return rc;
}

static int roll_rolled_back(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    return moon_test_bool(r, json, &((struct moon_test_given *)ctx)->rolled_back);
}

static int roll_patchable(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    bool patchable = true;
    int rc = moon_test_bool(r, json, &patchable);

    ((struct moon_test_given *)ctx)->unpatchable = !patchable;
    return rc;
}

static const struct moon_test_field roll_fields[] = {
    {"patchable", roll_patchable},
    {"revision", roll_revision},
    {"previous_revision", roll_previous},
    {"started", roll_started},
    {"age", roll_age},
    {"rolled_back", roll_rolled_back},
    {NULL, NULL},
};

int moon_test_take_roll(struct moon_test_reader *r, const cJSON *json, void *given)
{
    return moon_test_fields(r, roll_fields, json, given);
}

/* ---- defaults ---- */

void moon_test_given_init(struct moon_test_given *g)
{
    *g = (struct moon_test_given){
        .set = cJSON_CreateObject(),
        .nodes = cJSON_CreateObject(),
        .pods = cJSON_CreateObject(),
        .drains = cJSON_CreateObject(),
        .kv = cJSON_CreateObject(),
        .peers = cJSON_CreateObject(),
        .happening = -1,
        .samples = cJSON_CreateObject(),
        .lost = moon_map_new(NULL),
        .revision = moon_strdup("new"),
        .previous_revision = moon_strdup("old"),
    };
}

void moon_test_given_defaults(struct moon_test_given *g, int64_t now_s)
{
    struct moon_test_reader r = {0};
    MOON_AUTOJSON *image = cJSON_CreateString("example/agent:2");

    g->now_s = now_s;
    g->started_s = now_s - ROLL_AGE_S;
    moon_test_put_text(g->set, "metadata.name", "agent");
    moon_test_put_text(g->set, "metadata.namespace", "default");
    moon_test_put_text(g->set, "metadata.uid", "set-uid");
    moon_test_put_text(g->set, "metadata.resourceVersion", "1");
    moon_test_put(g->set, "metadata.generation", cJSON_CreateNumber(2));
    moon_test_put_time(g->set, "metadata.creationTimestamp", now_s - SET_AGE_S);
    moon_test_put(g->set, "metadata.annotations", cJSON_CreateObject());
    moon_test_put_text(g->set, "spec.selector.matchLabels.app", "agent");
    moon_test_put_text(g->set, "spec.template.metadata.labels.app", "agent");
    moon_test_put_text(g->set, "spec.updateStrategy.type", "RollingUpdate");
    moon_test_put(g->set, "spec.updateStrategy.rollingUpdate.maxUnavailable",
                  cJSON_CreateNumber(1));
    moon_test_put(g->set, "spec.updateStrategy.rollingUpdate.maxSurge", cJSON_CreateNumber(0));
    (void)set_image(&r, image, g);
}

void moon_test_given_fini(struct moon_test_given *g)
{
    cJSON_Delete(g->set);
    cJSON_Delete(g->nodes);
    cJSON_Delete(g->pods);
    cJSON_Delete(g->drains);
    cJSON_Delete(g->kv);
    cJSON_Delete(g->peers);
    moon_free(g->happened_to);
    cJSON_Delete(g->samples);
    moon_map_free(g->lost);
    moon_free(g->revision);
    moon_free(g->previous_revision);
}
