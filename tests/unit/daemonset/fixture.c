/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <stdio.h>

#include "base/metrics.h"
#include "server.h"

enum {
    TEXT_MAX = 64 << 20
};

static struct fixture *the_fixture;

struct fixture *fixture(void)
{
    return the_fixture;
}

/* ---- what the controller calls, caught at the linker ---- */

void __wrap_moon_recorder_event(struct moon_recorder *r, const struct moon_object *object,
                                enum moon_event_type type, const char *reason, const char *fmt, ...)
    MOON_PRINTF(5, 6);
void __wrap_moon_recorder_event(struct moon_recorder *r MOON_UNUSED,
                                const struct moon_object *object,
                                enum moon_event_type type MOON_UNUSED, const char *reason,
                                const char *fmt, ...)
{
    struct fixture *f = the_fixture;
    size_t i = f->event_count % EVENTS_MAX; /* the last ones are kept */
    va_list args;

    assert_true(object->kind == &moon_kind_daemonset);
    (void)snprintf(f->events[i].reason, sizeof(f->events[i].reason), "%s", reason);
    va_start(args, fmt);
    (void)vsnprintf(f->events[i].message, sizeof(f->events[i].message), fmt, args);
    va_end(args);
    f->event_count++;
}

void __wrap_moon_controller_enqueue(struct moon_controller *c, struct moon_str key);
void __wrap_moon_controller_enqueue(struct moon_controller *c MOON_UNUSED, struct moon_str key)
{
    struct fixture *f = the_fixture;

    for (size_t i = 0; i < f->woken_count; i++) {
        if (moon_str_is(key, f->woken[i])) {
            return;
        }
    }
    assert_true(f->woken_count < KEYS_MAX);
    (void)snprintf(f->woken[f->woken_count++], sizeof(f->woken[0]), "%.*s", MOON_STR_ARG(key));
}

void __wrap_moon_controller_enqueue_after(struct moon_controller *c, struct moon_str key,
                                          uint64_t delay_ms);
void __wrap_moon_controller_enqueue_after(struct moon_controller *c MOON_UNUSED,
                                          struct moon_str key MOON_UNUSED,
                                          uint64_t delay_ms MOON_UNUSED)
{
}

struct moon_client_call *__wrap_moon_client_send(struct moon_client *c,
                                                 const struct moon_request *request);
struct moon_client_call *__wrap_moon_client_send(struct moon_client *c MOON_UNUSED,
                                                 const struct moon_request *request)
{
    struct fixture *f = the_fixture;

    assert_true(f->call_count < CALLS_MAX);
    f->calls[f->call_count++] = *request;
    (void)snprintf(f->query, sizeof(f->query), "%s", request->query != NULL ? request->query : "");
    return (struct moon_client_call *)(void *)&f->calls[f->call_count - 1];
}

void __wrap_moon_client_cancel(struct moon_client_call *call);
void __wrap_moon_client_cancel(struct moon_client_call *call MOON_UNUSED)
{
}

/* ---- life ---- */

static void listen_policies(const struct moon_internal *in MOON_UNUSED,
                            void (*on_report)(const struct moon_policy_report *report, void *ctx)
                                MOON_UNUSED,
                            void (*on_changed)(void *ctx) MOON_UNUSED, void *ctx MOON_UNUSED)
{
}

static void free_json(void *json)
{
    cJSON_Delete(json);
}

static void sync_empty(struct moon_informer *i)
{
    moon_store_list_begin(moon_informer_store(i));
    moon_store_list_end(moon_informer_store(i), 1);
}

static void start(struct fixture *f)
{
    struct moon_err err;

    f->loop = moon_loop_new(&(struct moon_loop_opts){.virtual_clock = true}, &err);
    f->client = moon_client_new(f->loop, moon_kubeconfig_for_server("http://127.0.0.1:1"),
                                &(struct moon_client_opts){0}, &err);
    assert_non_null(f->client);
    f->config = moon_config_new();
    f->config->pod_watch = MOON_POD_WATCH_ALL;
    f->in = (struct moon_internal){
        .struct_size = sizeof(f->in),
        .loop = f->loop,
        .config = f->config,
        .client = f->client,
        .apply = moon_apply_new(f->client, &(struct moon_apply_opts){0}),
        .policies =
            moon_policies_new(NULL, &(struct moon_policies_opts){.budget_scale = 100}, &err),
        .listen_policies = listen_policies,
    };
    assert_non_null(f->in.policies);
    f->ds.in = &f->in;
    moon_ds_wake_init(&f->ds);
    sync_empty(f->ds.nodes);
    sync_empty(f->ds.pods);
    sync_empty(f->ds.revisions);
    sync_empty(f->ds.sets);
}

int setup(void **state)
{
    static struct fixture f;

    f = (struct fixture){.version = 100, .creates_left = SIZE_MAX, .alive = true, .generation = 1};
    moon_buf_init(&f.plan_text, TEXT_MAX);
    moon_buf_init(&f.last_body, TEXT_MAX);
    f.objects = moon_map_new(free_json);
    f.status = cJSON_CreateObject();
    the_fixture = &f;
    *state = &f;
    moon_log_setup(MOON_LOG_ERROR, MOON_LOG_LOGFMT, 2);
    start(&f);
    return 0;
}

int teardown(void **state)
{
    struct fixture *f = *state;

    moon_apply_free(f->in.apply);
    f->in.apply = NULL;
    moon_ds_wake_stop(&f->ds);
    moon_policies_free(f->in.policies);
    moon_client_free(f->client);
    moon_config_free(f->config);
    moon_loop_free(f->loop);
    moon_map_free(f->objects);
    cJSON_Delete(f->status);
    moon_buf_fini(&f->plan_text);
    moon_buf_fini(&f->last_body);
    moon_metrics_reset();
    return 0;
}

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
        moon_store_delete_event(moon_informer_store(watch_of(f, i, object)), object);
    }
}

/* ---- the set ---- */

char *set_text(struct fixture *f)
{
    const struct set_opts *o = &f->opts;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(TEXT_MAX);
    char *status = cJSON_PrintUnformatted(f->status);

    moon_buf_printf(&out,
                    "{\"apiVersion\":\"apps/v1\",\"kind\":\"DaemonSet\",\"metadata\":{"
                    "\"name\":\"%s\",\"namespace\":\"" NS "\",\"uid\":\"%s\","
                    "\"resourceVersion\":\"%llu\",\"generation\":%lld,\"annotations\":{"
                    "\"" MOON_ANNOTATION_GENERATION "\":\"%lld\"%s%s}%s},",
                    o->name != NULL ? o->name : "foo", o->uid != NULL ? o->uid : UID,
                    (unsigned long long)++f->version, (long long)f->generation,
                    (long long)f->template_generation, o->annotations != NULL ? "," : "",
                    o->annotations != NULL ? o->annotations : "",
                    o->deleting ? ",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"" : "");
    moon_buf_printf(&out,
                    "\"spec\":{\"selector\":%s,\"template\":%s,\"updateStrategy\":%s,"
                    "\"minReadySeconds\":%d,\"revisionHistoryLimit\":%d},\"status\":%s}",
                    o->selector != NULL ? o->selector : "{\"matchLabels\":" L1 "}",
                    o->template != NULL ? o->template : TEMPLATE(""),
                    o->strategy != NULL ? o->strategy : ON_DELETE, o->min_ready_s,
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
    if (opts.status != NULL) {
        MOON_AUTOFREE char *text = moon_asprintf("{%s}", opts.status);
        cJSON_Delete(f->status);
        f->status = cJSON_Parse(text);
        assert_non_null(f->status);
    }
    send_set(f);
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

static char *node_text(struct fixture *f, const char *name, const char *labels, const char *taints)
{
    return moon_asprintf("{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"%s\","
                         "\"uid\":\"uid-%s\",\"resourceVersion\":\"%llu\",\"labels\":%s},"
                         "\"spec\":{\"taints\":%s}}",
                         name, name, (unsigned long long)++f->version,
                         labels != NULL ? labels : "{}", taints != NULL ? taints : "[]");
}

void add_node(struct fixture *f, const char *name, const char *labels, const char *taints)
{
    MOON_AUTOFREE char *text = node_text(f, name, labels, taints);

    put_text(f, f->ds.nodes, &moon_kind_node, text);
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
    MOON_AUTOFREE char *text = node_text(f, name, NULL, NULL);

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
                      "\"namespace\":\"" NS "\",\"uid\":\"%s\",\"labels\":%s},\"status\":{}}",
                      name, name, opts.labels != NULL ? opts.labels : L1);
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

const char *add_revision(struct fixture *f, const char *name, int64_t number, const char *hash,
                         const char *owner, const char *data, const char *labels)
{
    MOON_AUTOFREE char *text =
        moon_asprintf("{\"apiVersion\":\"apps/v1\",\"kind\":\"ControllerRevision\",\"metadata\":{"
                      "\"name\":\"%s\",\"namespace\":\"" NS "\",\"uid\":\"%s\",\"labels\":%s},"
                      "\"revision\":%lld,\"data\":%s}",
                      name, name, labels != NULL ? labels : L1, (long long)number,
                      data != NULL ? data : "{\"spec\":{\"template\":{\"$patch\":\"replace\"}}}");
    cJSON *o = tree(text);

    if (hash != NULL) {
        cJSON_AddStringToObject(cJSON_GetObjectItem(cJSON_GetObjectItem(o, "metadata"), "labels"),
                                MOON_LABEL_HASH, hash);
    }
    add_owner(o, owner != NULL ? owner : UID);
    moon_map_set(f->objects, moon_str(name), o);
    const char *uid = moon_json_string(o, "metadata.uid");
    send_object(f, uid);
    return uid;
}

size_t revision_count(struct fixture *f)
{
    return moon_map_count(f->objects) - pod_count(f);
}

/* ---- syncs ---- */

static void count_action(const struct moon_action *a, struct counts *c)
{
    bool is_pod = a->resource == &moon_resource_pods;

    c->writes++;
    if (a->resource == &moon_resource_daemonsets) {
        c->status_writes++;
    } else if (a->verb == MOON_VERB_CREATE) {
        *(is_pod ? &c->creates : &c->revision_creates) += 1;
    } else if (a->verb == MOON_VERB_DELETE) {
        *(is_pod ? &c->deletes : &c->revision_deletes) += 1;
    } else {
        *(is_pod ? &c->pod_patches : &c->revision_patches) += 1;
    }
}

static size_t loud_events(const struct fixture *f)
{
    size_t quiet = 0;
    size_t kept = f->event_count < EVENTS_MAX ? f->event_count : EVENTS_MAX;

    for (size_t i = 0; i < kept; i++) {
        const char *r = f->events[i].reason;
        quiet += strcmp(r, "SuccessfulCreate") == 0 || strcmp(r, "SuccessfulDelete") == 0 ||
                 strcmp(r, "FailedCreate") == 0 || strcmp(r, "FailedDelete") == 0;
    }
    return kept - quiet;
}

struct moon_plan *decide(struct fixture *f)
{
    struct moon_ds_set *set = set_of(f);
    MOON_AUTOFREE char *key = moon_strdup(set != NULL ? set->key : KEY);
    struct moon_plan *plan = moon_plan_new(moon_str(key));

    if (set != NULL && f->alive) {
        set->recheck_ok = true; /* as if the live GET had just been answered */
    }
    f->event_count = 0;
    f->last_rc = moon_ds_reconcile(moon_str(key), plan, &f->ds, &f->last_err);
    moon_buf_clear(&f->plan_text);
    moon_plan_print(plan, &f->plan_text);
    return plan;
}

struct counts carry_out(struct fixture *f, struct moon_plan *take_plan)
{
    struct counts c = {.requeue_ms = moon_plan_requeue_ms(take_plan)};

    for (size_t i = 0; i < moon_plan_count(take_plan); i++) {
        count_action(moon_plan_get(take_plan, i), &c);
        serve(f, moon_plan_get(take_plan, i));
    }
    moon_plan_free(take_plan);
    c.events = loud_events(f);
    return c;
}

struct counts sync_once(struct fixture *f)
{
    return carry_out(f, decide(f));
}

void settle(struct fixture *f)
{
    for (int i = 0; i < 50; i++) {
        struct counts c = sync_once(f);
        if (c.writes == 0 && c.requeue_ms > 5000) {
            return;
        }
        advance_s(f, 1);
    }
    fail_msg("no end: %s", moon_buf_cstr(&f->plan_text));
}

void assert_sync(struct fixture *f, size_t creates, size_t deletes, size_t events, const char *what,
                 int line)
{
    struct counts c = sync_once(f);

    if (c.creates != creates || c.deletes != deletes || c.events != events) {
        fail_msg("%s:%d: (%zu, %zu, %zu), wanted (%zu, %zu, %zu)\n%s", what, line, c.creates,
                 c.deletes, c.events, creates, deletes, events, moon_buf_cstr(&f->plan_text));
    }
}

/* ---- what was seen ---- */

bool was_woken(struct fixture *f, const char *key)
{
    for (size_t i = 0; i < f->woken_count; i++) {
        if (strcmp(f->woken[i], key) == 0) {
            return true;
        }
    }
    return false;
}

void forget_woken(struct fixture *f)
{
    f->woken_count = 0;
}

size_t events_of(struct fixture *f, const char *reason)
{
    size_t count = 0;

    for (size_t i = 0; i < f->event_count && i < EVENTS_MAX; i++) {
        count += strcmp(f->events[i].reason, reason) == 0;
    }
    return count;
}

void answer_get(struct fixture *f, int status, const char *body)
{
    struct moon_answer answer = {.status = status, .body = moon_str(body), .sent = true};
    struct moon_err err;

    assert_true(f->call_count > 0);
    struct moon_request request = f->calls[0];
    memmove(f->calls, f->calls + 1, --f->call_count * sizeof(f->calls[0]));
    (void)moon_err_set(&err, status == 404 ? MOON_E_NOT_FOUND : MOON_E_NETWORK, "no such luck");
    request.on_done(&answer, status == 200 ? NULL : &err, request.ctx);
}

void advance_s(struct fixture *f, int s)
{
    moon_loop_advance(f->loop, (uint64_t)s * 1000);
}
