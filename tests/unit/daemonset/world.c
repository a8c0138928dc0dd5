/* SPDX-License-Identifier: Apache-2.0
 *
 * world.c - what the cluster of the fixture holds: the set, nodes, pods and revisions, and how the
 * watches tell of them.
 */
#include "fixture.h"

#include <stdio.h>

#include "base/time.h"
#include "server.h"

enum {
    TEXT_MAX = 64 << 20
};

/* What a tree, which keeps doubles, can hold. */
static const int64_t EXACT_MAX = 1LL << 53;

/* ---- events of the watches ---- */

static struct moon_object *project(const struct moon_kind *kind, const char *text)
{
    struct moon_object *object;
    struct moon_err err;

    if (moon_object_project(kind, moon_str(text), &object, &err) != 0) {
        fail_msg("%s: %s", err.text, text);
    }
    return object;
}

static struct moon_informer *watch_of(struct fixture *f, struct moon_informer *i,
                                      const struct moon_object *o)
{
    bool stray = f->strays != NULL && o->kind == &moon_kind_pod &&
                 moon_labels_get(&o->labels, MOON_LABEL_HASH) == NULL;

    return stray ? f->strays : i;
}

void put_text(struct fixture *f, struct moon_informer *i, const struct moon_kind *kind,
              const char *text)
{
    struct moon_object *object = project(kind, text);

    if (object != NULL) {
        moon_store_put_event(moon_informer_store(watch_of(f, i, object)), object);
    }
}

void delete_text(struct fixture *f, struct moon_informer *i, const struct moon_kind *kind,
                 const char *text)
{
    struct moon_object *object = project(kind, text);

    if (object != NULL) {
        moon_store_delete_event(moon_informer_store(watch_of(f, i, object)), object->uid,
                                object->version);
        moon_object_unref(object);
    }
}

/* ---- the set ---- */

static const char *usual_strategy = ON_DELETE;

void use_strategy(const char *strategy)
{
    usual_strategy = strategy;
}

char *set_text(struct fixture *f)
{
    const struct set_opts *o = &f->opts;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(TEXT_MAX);
    char *status = cJSON_PrintUnformatted(f->status);
    char made[MOON_TIME_TEXT];

    f->set_version = ++f->version;
    moon_buf_printf(&out,
                    "{\"apiVersion\":\"apps/v1\",\"kind\":\"DaemonSet\",\"metadata\":{"
                    "\"name\":\"%s\",\"namespace\":\"" NS "\",\"uid\":\"%s\","
                    "\"creationTimestamp\":\"%s\",\"resourceVersion\":\"%llu\",\"generation\":%lld,"
                    "\"annotations\":{\"%s\":\"%lld\"%s%s}%s},",
                    o->name != NULL ? o->name : "foo", o->uid != NULL ? o->uid : UID,
                    moon_time_format(f->made_s, made), (unsigned long long)f->set_version,
                    (long long)f->generation,
                    o->no_generation ? "none" : MOON_ANNOTATION_GENERATION,
                    (long long)f->template_generation, o->annotations != NULL ? "," : "",
                    o->annotations != NULL ? o->annotations : "",
                    o->deleting ? ",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"" : "");
    moon_buf_printf(&out,
                    "\"spec\":{\"selector\":%s,\"template\":%s,\"updateStrategy\":%s,"
                    "\"minReadySeconds\":%d,\"revisionHistoryLimit\":%d},\"status\":%s}",
                    o->selector != NULL ? o->selector : "{\"matchLabels\":" L1 "}",
                    o->template != NULL ? o->template : TEMPLATE(""),
                    o->strategy != NULL ? o->strategy : usual_strategy, o->min_ready_s,
                    o->history_limit == 0  ? 2
                    : o->history_limit < 0 ? 0
                                           : o->history_limit,
                    status);
    cJSON_free(status);
    return moon_buf_take(&out, NULL);
}

static void send_set(struct fixture *f)
{
    MOON_AUTOFREE char *text = set_text(f);

    put_text(f, f->ds.sets, &moon_kind_daemonset, text);
}

void put_set(struct fixture *f, struct set_opts opts)
{
    f->opts = opts;
    f->template_generation = 1;
    f->made_s = opts.age_s > 0 ? moon_loop_wall_ms(f->loop) / 1000 - opts.age_s : 0;
    if (opts.status != NULL) {
        MOON_AUTOFREE char *text = moon_asprintf("{%s}", opts.status);
        cJSON_Delete(f->status);
        f->status = cJSON_Parse(text);
        assert_non_null(f->status);
    }
    send_set(f);
}

void add_other_set(struct fixture *f, const char *name, const char *selector)
{
    struct set_opts kept = f->opts;
    MOON_AUTOFREE char *uid = moon_asprintf("uid-%s", name);

    f->opts = (struct set_opts){.name = name, .uid = uid, .selector = selector};
    send_set(f);
    f->opts = kept;
}

static bool same_text(const char *a, const char *b)
{
    return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

void change_set(struct fixture *f, struct set_opts opts)
{
    bool template = !same_text(opts.template, f->opts.template);
    bool spec = template || !same_text(opts.strategy, f->opts.strategy) ||
                !same_text(opts.selector, f->opts.selector) ||
                opts.min_ready_s != f->opts.min_ready_s ||
                opts.history_limit != f->opts.history_limit;

    f->opts = opts;
    f->generation += spec;
    f->template_generation += template;
    send_set(f);
}

struct moon_ds_set *set_of(struct fixture *f)
{
    MOON_AUTOFREE char *key = moon_asprintf(NS "/%s", f->opts.name != NULL ? f->opts.name : "foo");

    return moon_map_get(f->ds.by_key, moon_str(key));
}

const char *hash_of(struct fixture *f)
{
    const struct moon_ds_set *set = set_of(f);

    assert_non_null(set->hash);
    return set->hash;
}

void add_set(struct fixture *f, struct set_opts opts)
{
    put_set(f, opts);
    for (int i = 0; i < 10 && !moon_ds_history_is_known(set_of(f)); i++) {
        (void)sync_once(f);
    }
    assert_true(moon_ds_history_is_known(set_of(f)));
    (void)sync_once(f);
    forget_woken(f);
}

/* ---- nodes ---- */

static char *node_text(struct fixture *f, const char *name, const char *labels, const char *spec,
                       const char *status)
{
    return moon_asprintf("{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"%s\","
                         "\"uid\":\"uid-%s\",\"resourceVersion\":\"%llu\",\"labels\":%s},"
                         "\"spec\":{%s},\"status\":{%s}}",
                         name, name, (unsigned long long)++f->version,
                         labels != NULL ? labels : "{}", spec, status);
}

void put_node(struct fixture *f, const char *name, const char *labels, const char *spec,
              const char *status)
{
    MOON_AUTOFREE char *text = node_text(f, name, labels, spec, status);

    moon_map_set(f->nodes, moon_str(name), cJSON_Parse(text));
    put_text(f, f->ds.nodes, &moon_kind_node, text);
}

void add_node(struct fixture *f, const char *name, const char *labels, const char *taints)
{
    MOON_AUTOFREE char *spec = moon_asprintf("\"taints\":%s", taints != NULL ? taints : "[]");

    put_node(f, name, labels, spec, "");
}

void add_nodes(struct fixture *f, int from, int count, const char *labels)
{
    for (int i = from; i < from + count; i++) {
        MOON_AUTOFREE char *name = moon_asprintf("node-%d", i);
        add_node(f, name, labels, NULL);
    }
}

void remove_node(struct fixture *f, const char *name)
{
    MOON_AUTOFREE char *text = node_text(f, name, NULL, "", "");

    (void)moon_map_remove(f->nodes, moon_str(name));
    delete_text(f, f->ds.nodes, &moon_kind_node, text);
}

/* ---- pods ---- */

static cJSON *tree(const char *text)
{
    cJSON *json = cJSON_Parse(text);

    if (json == NULL) {
        fail_msg("not JSON: %s", text);
    }
    return json;
}

const cJSON *object(struct fixture *f, const char *uid)
{
    const cJSON *o = moon_map_get(f->objects, moon_str(uid));

    assert_non_null(o);
    return o;
}

static cJSON *mutable(struct fixture *f, const char *uid)
{
    cJSON *o = moon_map_get(f->objects, moon_str(uid));

    assert_non_null(o);
    return o;
}

static void send_object(struct fixture *f, const char *uid)
{
    cJSON *o = mutable(f, uid);
    bool is_pod = strcmp(moon_json_string(o, "kind"), "Pod") == 0;
    char *text = stamp(f, o);

    put_text(f, is_pod ? f->ds.pods : f->ds.revisions,
             is_pod ? &moon_kind_pod : &moon_kind_revision, text);
    cJSON_free(text);
}

static void add_owner(cJSON *o, const char *owner)
{
    MOON_AUTOFREE char *text =
        moon_asprintf("[{\"apiVersion\":\"apps/v1\",\"kind\":\"DaemonSet\",\"name\":\"foo\","
                      "\"uid\":\"%s\",\"controller\":true,\"blockOwnerDeletion\":true}]",
                      owner);
    cJSON *meta = cJSON_GetObjectItem(o, "metadata");

    cJSON_DeleteItemFromObject(meta, "ownerReferences");
    if (*owner != '\0') {
        cJSON_AddItemToObject(meta, "ownerReferences", tree(text));
    }
}

static void add_ready(struct fixture *f, cJSON *o, bool ready, int age_s)
{
    cJSON *status = cJSON_GetObjectItem(o, "status");

    if (status == NULL) {
        status = cJSON_AddObjectToObject(o, "status");
    }
    cJSON_DeleteItemFromObject(status, "conditions");
    cJSON *condition = cJSON_CreateObject();
    cJSON_AddStringToObject(condition, "type", "Ready");
    cJSON_AddStringToObject(condition, "status", ready ? "True" : "False");
    set_time(f, condition, "lastTransitionTime", age_s);
    cJSON_AddItemToArray(cJSON_AddArrayToObject(status, "conditions"), condition);
}

static void add_spec(cJSON *o, const struct pod_opts *opts)
{
    cJSON *spec = cJSON_AddObjectToObject(o, "spec");

    if (opts->node != NULL) {
        cJSON_AddStringToObject(spec, "nodeName", opts->node);
    }
    if (opts->pin != NULL) {
        MOON_AUTOFREE char *text =
            moon_asprintf("{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":{"
                          "\"nodeSelectorTerms\":[{\"matchFields\":[{\"key\":\"metadata.name\","
                          "\"operator\":\"In\",\"values\":[\"%s\"]}]}]}}}",
                          opts->pin);
        cJSON_AddItemToObject(spec, "affinity", tree(text));
    }
}

const char *add_pod(struct fixture *f, struct pod_opts opts)
{
    MOON_AUTOFREE char *made = moon_asprintf("pod-%03u", ++f->pod_names);
    const char *name = opts.name != NULL ? opts.name : made;
    MOON_AUTOFREE char *text =
        moon_asprintf("{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"%s\","
                      "\"namespace\":\"%s\",\"uid\":\"%s\",\"labels\":%s},\"status\":{}}",
                      name, opts.namespace != NULL ? opts.namespace : NS, name,
                      opts.labels != NULL ? opts.labels : L1);
    cJSON *o = tree(text);
    cJSON *meta = cJSON_GetObjectItem(o, "metadata");

    set_time(f, meta, "creationTimestamp", opts.age_s);
    if (opts.deleting) {
        set_time(f, meta, "deletionTimestamp", 0);
    }
    const char *hash = opts.hash;
    if (hash == NULL && set_of(f) != NULL) {
        hash = set_of(f)->hash;
    }
    if (hash != NULL && *hash != '\0') {
        cJSON_AddStringToObject(cJSON_GetObjectItem(meta, "labels"), MOON_LABEL_HASH, hash);
    }
    if (opts.generation > 0) {
        char generation[16];
        (void)snprintf(generation, sizeof(generation), "%d", opts.generation);
        cJSON_AddStringToObject(cJSON_GetObjectItem(meta, "labels"), MOON_LABEL_GENERATION,
                                generation);
    }
    add_owner(o, opts.owner != NULL ? opts.owner : UID);
    add_spec(o, &opts);
    if (opts.phase != NULL) {
        cJSON_AddStringToObject(cJSON_GetObjectItem(o, "status"), "phase", opts.phase);
    }
    add_ready(f, o, opts.ready, opts.ready_age_s);
    moon_map_set(f->objects, moon_str(name), o);
    const char *uid = moon_json_string(o, "metadata.uid");
    send_object(f, uid);
    return uid;
}

void add_pods(struct fixture *f, const char *node, const char *labels, int count)
{
    for (int i = 0; i < count; i++) {
        (void)add_pod(f, (struct pod_opts){.node = node, .labels = labels});
    }
}

void remove_pod(struct fixture *f, const char *uid)
{
    char *text = stamp(f, mutable(f, uid));

    delete_text(f, f->ds.pods, &moon_kind_pod, text);
    cJSON_free(text);
    moon_map_remove(f->objects, moon_str(uid));
}

void set_ready(struct fixture *f, const char *uid, bool ready)
{
    add_ready(f, mutable(f, uid), ready, 0);
    send_object(f, uid);
}

void set_phase(struct fixture *f, const char *uid, const char *phase)
{
    cJSON *status = cJSON_GetObjectItem(mutable(f, uid), "status");

    if (status == NULL) {
        status = cJSON_AddObjectToObject(mutable(f, uid), "status");
    }
    cJSON_DeleteItemFromObject(status, "phase");
    cJSON_AddStringToObject(status, "phase", phase);
    send_object(f, uid);
}

void set_label(struct fixture *f, const char *uid, const char *key, const char *value)
{
    cJSON *meta = cJSON_GetObjectItem(mutable(f, uid), "metadata");
    cJSON *labels = cJSON_GetObjectItem(meta, "labels");

    cJSON_DeleteItemFromObjectCaseSensitive(labels, key);
    if (value != NULL) {
        cJSON_AddStringToObject(labels, key, value);
    }
    send_object(f, uid);
}

void set_owner(struct fixture *f, const char *uid, const char *owner)
{
    add_owner(mutable(f, uid), owner);
    send_object(f, uid);
}

static bool is_pod_tree(const cJSON *o)
{
    return strcmp(moon_json_string(o, "kind"), "Pod") == 0;
}

void all_ready(struct fixture *f)
{
    cJSON *o;
    size_t pos = 0;

    while (moon_map_next(f->objects, &pos, NULL, (void **)&o)) {
        if (is_pod_tree(o) && moon_json_get(o, "metadata.deletionTimestamp") == NULL) {
            set_ready(f, moon_json_string(o, "metadata.uid"), true);
        }
    }
}

size_t pod_count(struct fixture *f)
{
    cJSON *o;
    size_t pos = 0;
    size_t count = 0;

    while (moon_map_next(f->objects, &pos, NULL, (void **)&o)) {
        count += is_pod_tree(o);
    }
    return count;
}

const char **pods_on(struct fixture *f, const char *node)
{
    static const char *found[8];
    size_t count = 0;
    cJSON *o;
    size_t pos = 0;

    while (moon_map_next(f->objects, &pos, NULL, (void **)&o)) {
        const cJSON *spec = cJSON_GetObjectItem(o, "spec");
        const char *on = spec != NULL ? moon_json_string(spec, "nodeName") : NULL;
        if (on == NULL && spec != NULL) {
            on = moon_affinity_pinned_node(spec);
        }
        if (is_pod_tree(o) && moon_streq(on, node)) {
            assert_true(count < MOON_ARRAY_SIZE(found) - 1);
            found[count++] = moon_json_string(o, "metadata.uid");
        }
    }
    found[count] = NULL;
    return found;
}

/* ---- revisions ---- */

const char *add_revision(struct fixture *f, struct revision_opts opts)
{
    MOON_AUTOFREE char *text = moon_asprintf(
        "{\"apiVersion\":\"apps/v1\",\"kind\":\"ControllerRevision\",\"metadata\":{"
        "\"name\":\"%s\",\"namespace\":\"%s\",\"uid\":\"%s\",\"labels\":%s},"
        "\"revision\":%lld,\"data\":%s}",
        opts.name, opts.namespace != NULL ? opts.namespace : NS, opts.name,
        opts.labels != NULL ? opts.labels : L1, (long long)opts.number,
        opts.data != NULL ? opts.data : "{\"spec\":{\"template\":{\"$patch\":\"replace\"}}}");
    cJSON *o = tree(text);

    if (opts.hash != NULL) {
        cJSON_AddStringToObject(cJSON_GetObjectItem(cJSON_GetObjectItem(o, "metadata"), "labels"),
                                MOON_LABEL_HASH, opts.hash);
    }
    if (opts.number > EXACT_MAX) {
        MOON_AUTOFREE char *number = moon_asprintf("%lld", (long long)opts.number);
        cJSON_DeleteItemFromObject(o, "revision");
        cJSON_AddRawToObject(o, "revision", number);
    }
    add_owner(o, opts.owner != NULL ? opts.owner : UID);
    moon_map_set(f->objects, moon_str(opts.name), o);
    const char *uid = moon_json_string(o, "metadata.uid");
    if (opts.unseen) {
        cJSON_free(stamp(f, o));
    } else {
        send_object(f, uid);
    }
    return uid;
}

size_t revision_count(struct fixture *f)
{
    return moon_map_count(f->objects) - pod_count(f);
}
