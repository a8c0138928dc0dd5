/* SPDX-License-Identifier: Apache-2.0
 *
 * testing_pods.c - the pods of a test: per node "old", "new unready", or what else there is to say.
 */
#include <stdio.h>

#include "policy/glob.h"
#include "policy/testing_priv.h"

enum {
    AGE_S = 24 * 3600,
};

/* The pod under way. What is said of it counts in the end, whatever the order. */
struct pod {
    struct moon_test_given *given;
    cJSON *manifest;
    const cJSON *others; /* of the node */
    const char *revision;
    const char *phase;
    int ready; /* -1: as the phase says */
    int64_t age_s;
    int64_t ready_for_s; /* -1: ever since it was made */
    bool deleting;
    bool lost;
};

/* ---- short words ---- */

static bool take_word(struct pod *p, struct moon_str word)
{
    if (moon_str_is(word, "old")) {
        p->revision = p->given->previous_revision;
    } else if (moon_str_is(word, "new")) {
        p->revision = p->given->revision;
    } else if (moon_str_is(word, "unready")) {
        p->ready = 0;
    } else if (moon_str_is(word, "failed")) {
        p->phase = "Failed";
    } else if (moon_str_is(word, "pending")) {
        p->phase = "Pending";
    } else if (moon_str_is(word, "deleting")) {
        p->deleting = true;
    } else if (moon_str_is(word, "lost")) {
        p->lost = true;
    } else {
        return false;
    }
    return true;
}

static int take_words(struct moon_test_reader *r, const cJSON *json, struct pod *p)
{
    struct moon_str rest = moon_str(json->valuestring);

    while (moon_str_trim(rest).len > 0) {
        struct moon_str word = moon_test_word(&rest);
        if (!take_word(p, word)) {
            return moon_test_wrong(
                r, json,
                "'%.*s' says nothing of a pod; there are old, new, unready, failed, pending, "
                "deleting, lost",
                MOON_STR_ARG(word));
        }
    }
    return 0;
}

/* ---- keys ---- */

static int pod_revision(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    struct pod *p = ctx;
    const char *text = NULL;
    int rc = moon_test_text(r, json, &text);

    if (rc == 0 && !take_word(p, moon_str(text))) {
        p->revision = text;
    }
    return rc;
}

static int pod_ready(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    struct pod *p = ctx;
    bool ready = false;
    int rc = moon_test_bool(r, json, &ready);

    p->ready = ready;
    return rc;
}

static int pod_ready_for(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    return moon_test_seconds(r, json, &((struct pod *)ctx)->ready_for_s);
}

static int pod_age(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    return moon_test_seconds(r, json, &((struct pod *)ctx)->age_s);
}

static int pod_phase(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    return moon_test_text(r, json, &((struct pod *)ctx)->phase);
}

static int pod_deleting(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    return moon_test_bool(r, json, &((struct pod *)ctx)->deleting);
}

static int pod_lost(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    return moon_test_bool(r, json, &((struct pod *)ctx)->lost);
}

static int pod_name(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    const char *text = NULL;
    int rc = moon_test_text(r, json, &text);

    if (rc == 0) {
        moon_test_put_text(((struct pod *)ctx)->manifest, "metadata.name", text);
    }
    return rc;
}

static int pod_reason(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    const char *text = NULL;
    int rc = moon_test_text(r, json, &text);

    if (rc == 0) {
        moon_test_put_text(((struct pod *)ctx)->manifest, "status.reason", text);
    }
    return rc;
}

static cJSON *list_of(cJSON *only)
{
    cJSON *list = cJSON_CreateArray();

    cJSON_AddItemToArray(list, only);
    return list;
}

static void put_image(cJSON *manifest, const char *image)
{
    cJSON *container = cJSON_CreateObject();

    moon_test_put_text(container, "name", "main");
    moon_test_put_text(container, "image", image);
    moon_test_put(manifest, "spec.containers", list_of(container));
}

static int pod_image(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    const char *text = NULL;
    int rc = moon_test_text(r, json, &text);

    if (rc == 0) {
        put_image(((struct pod *)ctx)->manifest, text);
    }
    return rc;
}

static int pod_restarts(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    int64_t restarts = 0;
    int rc = moon_test_int(r, json, &restarts);

    if (rc == 0) {
        cJSON *status = cJSON_CreateObject();
        moon_test_put_text(status, "name", "main");
        moon_test_put(status, "restartCount", cJSON_CreateNumber((double)restarts));
        moon_test_put(((struct pod *)ctx)->manifest, "status.containerStatuses", list_of(status));
    }
    return rc;
}

static int pod_labels(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    return moon_test_take_labels(r, json, ((struct pod *)ctx)->manifest, "metadata.labels");
}

/* These stand as they are, so they come last; see make_pod. */
static int pod_part(struct moon_test_reader *r, const cJSON *json, void *ctx MOON_UNUSED)
{
    return moon_test_mapping(r, json);
}

static const struct moon_test_field pod_fields[] = {
    {"revision", pod_revision},   {"ready", pod_ready},
    {"ready_for", pod_ready_for}, {"age", pod_age},
    {"phase", pod_phase},         {"deleting", pod_deleting},
    {"lost", pod_lost},           {"name", pod_name},
    {"reason", pod_reason},       {"image", pod_image},
    {"restarts", pod_restarts},   {"labels", pod_labels},
    {"metadata", pod_part},       {"spec", pod_part},
    {"status", pod_part},         {"apiVersion", moon_test_skip},
    {"kind", moon_test_skip},     {NULL, NULL},
};

/* ---- the manifest ---- */

static void put_owner(const struct moon_test_given *g, cJSON *manifest)
{
    cJSON *owner = cJSON_CreateObject();

    moon_test_put_text(owner, "apiVersion", "apps/v1");
    moon_test_put_text(owner, "kind", "DaemonSet");
    moon_test_put_text(owner, "name", moon_json_string(g->set, "metadata.name"));
    moon_test_put_text(owner, "uid", moon_json_string(g->set, "metadata.uid"));
    moon_test_put(owner, "controller", cJSON_CreateBool(true));
    moon_test_put(manifest, "metadata.ownerReferences", list_of(owner));
}

static void begin_pod(const struct moon_test_given *g, cJSON *manifest, const char *node)
{
    const cJSON *labels = moon_json_get(g->set, "spec.template.metadata.labels");

    moon_test_put_text(manifest, "metadata.namespace",
                       moon_json_string(g->set, "metadata.namespace"));
    moon_test_put_text(manifest, "metadata.resourceVersion", "1");
    moon_test_put(manifest, "metadata.labels",
                  labels != NULL ? cJSON_Duplicate(labels, true) : cJSON_CreateObject());
    put_owner(g, manifest);
    moon_test_put_text(manifest, "spec.nodeName", node);
}

static bool is_taken(const cJSON *pods, const char *name)
{
    const cJSON *pod;

    cJSON_ArrayForEach (pod, pods) {
        if (moon_streq(moon_json_string(pod, "metadata.name"), name)) {
            return true;
        }
    }
    return false;
}

/* "agent-n1-old"; of more of them, "agent-n1-old-2". */
static void put_name(const struct pod *p, const char *node)
{
    const char *set = moon_json_string(p->given->set, "metadata.name");
    const char *given = moon_json_string(p->manifest, "metadata.name");
    MOON_AUTOFREE char *name =
        given != NULL ? moon_strdup(given) : moon_asprintf("%s-%s-%s", set, node, p->revision);

    for (int n = 2; given == NULL && is_taken(p->others, name); n++) {
        moon_free(name);
        name = moon_asprintf("%s-%s-%s-%d", set, node, p->revision, n);
    }
    MOON_AUTOFREE char *uid = moon_asprintf("pod-%s-%s", node, name);
    moon_test_put_text(p->manifest, "metadata.name", name);
    moon_test_put_text(p->manifest, "metadata.uid", uid);
}

static void put_status(const struct pod *p)
{
    bool ready = p->ready != 0 && moon_streq(p->phase, "Running");
    int64_t made = p->given->now_s - p->age_s;
    int64_t since = p->ready_for_s >= 0 ? p->given->now_s - p->ready_for_s : made;
    cJSON *condition = cJSON_CreateObject();

    moon_test_put_text(condition, "type", "Ready");
    moon_test_put_text(condition, "status", ready ? "True" : "False");
    moon_test_put_time(condition, "lastTransitionTime", since);
    moon_test_put_text(p->manifest, "status.phase", p->phase);
    moon_test_put_time(p->manifest, "status.startTime", made);
    moon_test_put(p->manifest, "status.conditions", list_of(condition));
    moon_test_put_time(p->manifest, "metadata.creationTimestamp", made);
    if (p->deleting) {
        moon_test_put_time(p->manifest, "metadata.deletionTimestamp", p->given->now_s);
    }
}

static int put_parts(struct moon_test_reader *r, const struct pod *p, const cJSON *json)
{
    static const char *const parts[] = {"metadata", "spec", "status"};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < MOON_ARRAY_SIZE(parts); i++) {
        const cJSON *part = moon_json_member(json, parts[i]);
        rc = part != NULL ? moon_test_take_part(r, part, p->manifest, parts[i]) : 0;
    }
    return rc;
}

/* A pod of `json` for a node; NULL: r->err. */
static cJSON *make_pod(struct moon_test_reader *r, struct moon_test_given *g, const cJSON *json,
                       const char *node, const cJSON *others, bool *ret_lost)
{
    MOON_AUTOJSON *manifest = cJSON_CreateObject();
    struct pod p = {.given = g,
                    .manifest = manifest,
                    .others = others,
                    .revision = g->revision,
                    .phase = "Running",
                    .ready = -1,
                    .age_s = AGE_S,
                    .ready_for_s = -1};

    begin_pod(g, manifest, node);
    int rc =
        cJSON_IsString(json) ? take_words(r, json, &p) : moon_test_fields(r, pod_fields, json, &p);
    if (rc != 0) {
        return NULL;
    }
    bool is_old = !moon_streq(p.revision, g->revision);
    if (moon_json_get(manifest, "spec.containers") == NULL) {
        put_image(manifest, is_old ? "example/agent:1" : "example/agent:2");
    }
    moon_test_put_text(manifest, "metadata.labels." MOON_LABEL_HASH, p.revision);
    put_name(&p, node);
    put_status(&p);
    *ret_lost = p.lost;
    return put_parts(r, &p, json) == 0 ? moon_steal(&manifest) : NULL;
}

/* ---- which nodes ---- */

/* What an entry says of a node replaces what an earlier one said. */
static int put_on_node(struct moon_test_reader *r, struct moon_test_given *g, const char *node,
                       const cJSON *json, bool is_known)
{
    const cJSON *one = cJSON_IsArray(json) ? json->child : json;
    MOON_AUTOJSON *list = cJSON_CreateArray();

    cJSON_DeleteItemFromObjectCaseSensitive(g->pods, node);
    if (cJSON_IsNull(json)) {
        return 0;
    }
    while (one != NULL) {
        bool lost = false;
        cJSON *pod = make_pod(r, g, one, node, list, &lost);
        if (pod == NULL) {
            return -1;
        }
        cJSON_AddItemToArray(list, pod);
        if (lost == is_known) {
            return moon_test_wrong(r, one,
                                   is_known ? "the node is there, so the pod is not lost"
                                            : "there is no such node; if that is meant, "
                                              "the pod is lost");
        }
        one = cJSON_IsArray(json) ? one->next : NULL;
    }
    if (!is_known) {
        moon_map_set(g->lost, moon_str(node), NULL);
    }
    cJSON_AddItemToObject(g->pods, node, moon_steal(&list));
    return 0;
}

static int take_entry(struct moon_test_reader *r, struct moon_test_given *g, const cJSON *entry)
{
    struct moon_str pattern = moon_str(entry->string);
    const cJSON *node;
    size_t found = 0;

    if (strpbrk(entry->string, "*?") == NULL) {
        bool is_known = cJSON_HasObjectItem(g->nodes, entry->string) != 0;
        return put_on_node(r, g, entry->string, entry, is_known);
    }
    cJSON_ArrayForEach (node, g->nodes) {
        if (moon_glob(pattern, moon_str(node->string))) {
            int rc = put_on_node(r, g, node->string, entry, true);
            if (rc != 0) {
                return rc;
            }
            found++;
        }
    }
    return found > 0 ? 0 : moon_test_wrong(r, entry, "no node is called '%.60s'", entry->string);
}

int moon_test_take_pods(struct moon_test_reader *r, const cJSON *json, void *given)
{
    const cJSON *entry;
    int rc = cJSON_IsObject(json)
                 ? 0
                 : moon_test_wrong(r, json, "pods are a mapping of nodes: { n1: old, n2: new }");

    cJSON_ArrayForEach (entry, json) {
        if (rc == 0) {
            size_t mark = moon_test_enter(r, entry->string);
            rc = take_entry(r, given, entry);
            moon_test_leave(r, mark);
        }
    }
    return rc;
}

/* ---- tolerations ---- */

static int toleration_parts(struct moon_test_reader *r, const cJSON *json, struct moon_str text,
                            cJSON *out)
{
    struct moon_str effect = text;
    struct moon_str value;
    struct moon_str key;

    (void)moon_str_split(&effect, ':', &value);
    bool has_value = memchr(value.ptr, '=', value.len) != NULL;
    (void)moon_str_split(&value, '=', &key);
    MOON_AUTOFREE char *key_text = moon_str_dup(key);
    MOON_AUTOFREE char *effect_text = effect.len > 0 ? moon_str_dup(effect) : NULL;
    if (moon_effect_parse(effect_text) == MOON_EFFECT_OTHER) {
        return moon_test_wrong(r, json, "there is no effect '%.60s'", effect_text);
    }
    if (!moon_streq(key_text, "*")) {
        moon_test_put_text(out, "key", key_text);
    }
    moon_test_put_text(out, "operator", has_value ? "Equal" : "Exists");
    if (has_value) {
        MOON_AUTOFREE char *value_text = moon_str_dup(value);
        moon_test_put_text(out, "value", value_text);
    }
    if (effect_text != NULL) {
        moon_test_put_text(out, "effect", effect_text);
    }
    return 0;
}

cJSON *moon_test_toleration(struct moon_test_reader *r, const cJSON *json)
{
    struct moon_str rest = moon_str(cJSON_GetStringValue(json));

    if (cJSON_IsObject(json)) {
        return cJSON_Duplicate(json, true);
    }
    struct moon_str text = moon_test_word(&rest);
    if (text.len == 0) {
        (void)moon_test_wrong(r, json,
                              "a toleration is written key:Effect, key=value:Effect or *, and "
                              "perhaps 'for 5m'");
        return NULL;
    }
    MOON_AUTOJSON *out = cJSON_CreateObject();
    if (toleration_parts(r, json, text, out) != 0) {
        return NULL;
    }
    if (rest.len > 0) {
        struct moon_str word = moon_test_word(&rest);
        uint64_t ms = 0;
        if (!moon_str_is(word, "for") || !moon_parse_duration_ms(rest, &ms)) {
            (void)moon_test_wrong(r, json, "after a toleration there may be 'for 5m'");
            return NULL;
        }
        uint64_t seconds = ms / 1000;
        moon_test_put(out, "tolerationSeconds", cJSON_CreateNumber((double)seconds));
    }
    return moon_steal(&out);
}

char *moon_test_toleration_text(const struct moon_toleration *t)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(4096);

    moon_buf_puts(&out, t->key[0] != '\0' ? t->key : "*");
    if (t->op == MOON_TOLERATION_EQUAL) {
        moon_buf_printf(&out, "=%s", t->value);
    } else if (t->op == MOON_TOLERATION_OTHER) {
        moon_buf_printf(&out, " (operator %s) %s", t->op_text, t->value);
    }
    if (t->effect_text[0] != '\0') {
        moon_buf_printf(&out, ":%s", t->effect_text);
    }
    if (t->has_seconds) {
        moon_buf_printf(&out, " for %llds", (long long)t->seconds);
    }
    return moon_buf_take(&out, NULL);
}
