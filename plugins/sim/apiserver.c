/* SPDX-License-Identifier: Apache-2.0
 *
 * apiserver.c - life of the server, and the way from a URL to a verb.
 */
#include "sim/apiserver.h"

#include "sim/api_priv.h"

static const unsigned API_MAGIC = 0x41504953;

enum {
    DEFAULT_HISTORY = 10000,
    DEFAULT_BODY_MAX = 3 << 20,
    DEFAULT_CONTINUE_LIFE_MS = 5 * 60 * 1000,
    DEFAULT_BOOKMARKS_MS = 30 * 1000,
    CONNECTIONS_MAX = 10000
};

/* ---- paths ---- */

void moon_sim_path_fini(struct moon_sim_path *path)
{
    for (size_t i = 0; i < path->count; i++) {
        moon_free(path->segments[i]);
    }
    path->count = 0;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* NULL when an escape is malformed or hides a NUL. */
static char *unescape(struct moon_str text)
{
    char *out = moon_new_array(char, text.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '%') {
            out[n++] = text.ptr[i];
            continue;
        }
        int high = i + 2 < text.len ? hex_digit(text.ptr[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(text.ptr[i + 2]) : -1;
        if (low < 0 || (high == 0 && low == 0)) {
            moon_free(out);
            return NULL;
        }
        out[n++] = (char)(high * 16 + low);
        i += 2;
    }
    out[n] = '\0';
    return out;
}

static bool path_parse(const char *text, struct moon_sim_path *ret)
{
    struct moon_str rest = moon_str(text);
    struct moon_str piece;
    while (moon_str_split(&rest, '/', &piece)) {
        if (piece.len == 0) {
            continue;
        }
        char *segment = ret->count < MOON_SIM_SEGMENTS_MAX ? unescape(piece) : NULL;
        if (segment == NULL) {
            return false;
        }
        ret->segments[ret->count++] = segment;
    }
    return true;
}

static const char *segment(const struct moon_sim_path *path, size_t i)
{
    return i < path->count ? path->segments[i] : NULL;
}

/* /api/v1/… or /apis/<group>/<version>/…: kind, namespace, name and subresource. */
static bool path_resolve(const struct moon_sim_path *path, struct moon_sim_call *call)
{
    bool core = moon_streq(segment(path, 0), "api");
    size_t at = core ? 2 : 3;
    const char *group = core ? "" : segment(path, 1);
    const char *version = segment(path, core ? 1 : 2);
    if ((!core && !moon_streq(segment(path, 0), "apis")) || path->count <= at) {
        return false;
    }
    /* namespaces/<ns>/<resource>: but namespaces/<name> and its subresources are the kind itself.
     */
    const char *third = segment(path, at + 2);
    bool own = third == NULL || moon_streq(third, "status") || moon_streq(third, "finalize");
    if (moon_streq(segment(path, at), "namespaces") && !(core && own)) {
        call->ns = segment(path, at + 1);
        at += 2;
    }
    const char *resource = segment(path, at);
    call->kind = resource != NULL
                     ? moon_sim_kinds_by_resource(call->api->kinds, group, version, resource)
                     : NULL;
    call->name = segment(path, at + 1);
    call->subresource = segment(path, at + 2);
    return call->kind != NULL && path->count <= at + 3 &&
           (call->ns == NULL || call->kind->namespaced) &&
           (call->name == NULL || call->ns != NULL || !call->kind->namespaced);
}

/* ---- verbs ---- */

typedef void verb_fn(struct moon_sim_call *call);

static verb_fn *collection_verb(const struct moon_sim_call *call)
{
    if (call->kind->review != NULL) {
        bool placed = call->ns != NULL || !call->kind->namespaced;
        return placed && moon_streq(call->method, "POST") ? moon_sim_verb_review : NULL;
    }
    if (moon_streq(call->method, "GET")) {
        return moon_sim_call_flag(call, "watch") ? moon_sim_verb_watch : moon_sim_verb_list;
    }
    if (call->kind->is_quiet) {
        return NULL;
    }
    if (moon_streq(call->method, "POST") && (call->ns != NULL || !call->kind->namespaced)) {
        return moon_sim_verb_create;
    }
    /* Namespaces go one by one. */
    return moon_streq(call->method, "DELETE") && !moon_streq(call->kind->kind, "Namespace")
               ? moon_sim_verb_delete_collection
               : NULL;
}

static verb_fn *object_verb(const struct moon_sim_call *call)
{
    bool main = call->subresource == NULL;
    if (moon_streq(call->method, "GET")) {
        return moon_sim_verb_get;
    }
    if (call->kind->is_quiet) {
        return NULL;
    }
    if (moon_streq(call->method, "PUT")) {
        return moon_sim_verb_update;
    }
    if (moon_streq(call->method, "PATCH")) {
        return moon_sim_verb_patch;
    }
    return main && moon_streq(call->method, "DELETE") ? moon_sim_verb_delete : NULL;
}

static verb_fn *verb_of(const struct moon_sim_call *call)
{
    bool post = moon_streq(call->method, "POST");
    if (call->name == NULL) {
        return collection_verb(call);
    }
    if (call->kind->review != NULL) {
        return NULL;
    }
    if (call->subresource == NULL ||
        (call->kind->has_status && moon_streq(call->subresource, "status"))) {
        return object_verb(call);
    }
    if (moon_streq(call->kind->kind, "Pod") && moon_streq(call->subresource, "binding")) {
        return post ? moon_sim_verb_binding : NULL;
    }
    if (moon_streq(call->kind->kind, "Pod") && moon_streq(call->subresource, "eviction")) {
        return post ? moon_sim_verb_eviction : NULL;
    }
    if (moon_streq(call->kind->kind, "Namespace") && moon_streq(call->subresource, "finalize")) {
        return moon_streq(call->method, "PUT") ? moon_sim_verb_finalize : NULL;
    }
    return NULL;
}

/* What a kubelet would have to answer. */
static bool needs_containers(const struct moon_sim_call *call)
{
    static const char *const unplayed[] = {
        "log", "exec", "attach", "portforward", "proxy", "ephemeralcontainers", "resize"};
    bool proxied = moon_streq(call->kind->kind, "Node") || moon_streq(call->kind->kind, "Service");
    for (size_t i = 0; moon_streq(call->kind->kind, "Pod") && i < MOON_ARRAY_SIZE(unplayed); i++) {
        if (moon_streq(call->subresource, unplayed[i])) {
            return true;
        }
    }
    return proxied && moon_streq(call->subresource, "proxy");
}

static bool has_subresource(const struct moon_sim_call *call)
{
    const char *kind = call->kind->kind;
    const char *name = call->subresource;
    return (call->kind->has_status && moon_streq(name, "status")) ||
           (moon_streq(kind, "Pod") &&
            (moon_streq(name, "binding") || moon_streq(name, "eviction"))) ||
           (moon_streq(kind, "Namespace") && moon_streq(name, "finalize"));
}

static int refuse_method(const struct moon_sim_call *call, struct moon_sim_status *st)
{
    if (needs_containers(call)) {
        const char *ns = call->ns != NULL ? call->ns : "";
        if (moon_sim_objdb_get(call->api->db, call->kind, ns, call->name) == NULL) {
            return moon_sim_refuse_not_found(st, call->kind, call->name);
        }
        return moon_sim_refuse(st, 405, "MethodNotAllowed",
                               "the simulated cluster runs no containers: %s/%s is not served",
                               call->kind->resource, call->subresource);
    }
    if (moon_streq(call->kind->kind, "ServiceAccount") && moon_streq(call->subresource, "token")) {
        return moon_sim_refuse(st, 405, "MethodNotAllowed",
                               "the simulated cluster signs no tokens: serviceaccounts/token is "
                               "not served");
    }
    if (call->subresource != NULL && !has_subresource(call)) {
        return moon_sim_refuse_unknown_path(st);
    }
    if (call->kind->is_quiet) {
        return moon_sim_refuse(st, 405, "MethodNotAllowed",
                               "the simulated cluster does not play %s: they can be listed and "
                               "watched (there are none), not written",
                               call->kind->resource);
    }
    return moon_sim_refuse_generic(
        st, 405, "MethodNotAllowed",
        "the server does not allow this method on the requested resource");
}

static void refuse(struct moon_sim_call *call, struct moon_sim_status *st)
{
    moon_sim_reply_status(call, st);
    moon_sim_status_fini(st);
}

/* Below a group that is served a Status says what is missing; elsewhere nobody answers. */
static void refuse_path(struct moon_sim_call *call)
{
    struct moon_sim_status st = {0};
    struct moon_str path = moon_str(moon_httpd_path(call->request));
    bool served = moon_str_starts(path, "/api/v1/");
    const struct moon_sim_kind *kind = NULL;
    size_t pos = 0;
    while (!served && (kind = moon_sim_kinds_next(call->api->kinds, &pos)) != NULL) {
        MOON_AUTOFREE char *prefix = moon_asprintf("/apis/%s/%s/", kind->group, kind->version);
        served = moon_str_starts(path, prefix);
    }
    if (served) {
        (void)moon_sim_refuse_unknown_path(&st);
        refuse(call, &st);
        return;
    }
    moon_sim_answer(call, 404, "text/plain; charset=utf-8", MOON_STR_LIT("404 page not found\n"));
}

void moon_sim_call_open(struct moon_sim_call *call, struct moon_sim_path *path)
{
    call->method = moon_httpd_method(call->request);
    if (!path_parse(moon_httpd_path(call->request), path) || !path_resolve(path, call)) {
        call->kind = NULL;
        call->ns = NULL;
        call->name = NULL;
        call->subresource = NULL;
    }
}

const char *moon_sim_verb_name(const struct moon_sim_call *call)
{
    static const char *const names[][3] = {
        {"GET", "get", "list"},
        {"POST", "create", "create"},
        {"PUT", "update", "update"},
        {"PATCH", "patch", "patch"},
        {"DELETE", "delete", "deletecollection"},
    };
    bool is_collection = call->kind != NULL && call->name == NULL;
    if (is_collection && moon_streq(call->method, "GET") && moon_sim_call_flag(call, "watch")) {
        return "watch";
    }
    for (size_t i = 0; i < MOON_ARRAY_SIZE(names); i++) {
        if (moon_streq(call->method, names[i][0])) {
            return names[i][is_collection ? 2 : 1];
        }
    }
    return "";
}

static void dispatch_resource(struct moon_sim_call *call)
{
    struct moon_sim_status st = {0};
    verb_fn *verb = verb_of(call);
    if (verb == NULL) {
        (void)refuse_method(call, &st);
        refuse(call, &st);
    } else if (moon_sim_call_negotiate(call, &st) != 0) {
        refuse(call, &st);
    } else {
        verb(call);
    }
}

void moon_sim_dispatch(struct moon_sim_call *call)
{
    /* A trailing slash is nothing. */
    MOON_AUTOFREE char *plain = moon_strdup(moon_httpd_path(call->request));
    for (size_t len = strlen(plain); len > 1 && plain[len - 1] == '/'; len--) {
        plain[len - 1] = '\0';
    }
    if (moon_streq(call->method, "GET") &&
        (moon_sim_discovery(call, plain) || moon_sim_openapi(call, plain))) {
        return;
    }
    if (call->kind == NULL) {
        refuse_path(call);
        return;
    }
    dispatch_resource(call);
}

static void on_request(struct moon_httpd_request *request, void *ctx)
{
    struct moon_sim_api *api = MOON_CAST(moon_sim_api, ctx, API_MAGIC);
    api->stats.requests++;
    moon_sim_arrive(api, request);
}

/* ---- life ---- */

static void on_event(const struct moon_sim_event *event, void *ctx)
{
    struct moon_sim_api *api = MOON_CAST(moon_sim_api, ctx, API_MAGIC);
    moon_sim_gc_event(api->gc, event);
    moon_sim_watchers_event(api->watchers, event);
    moon_sim_arrivals_event(api->arrivals, event);
    moon_sim_crds_event(api->crds, event);
}

static void create_first(struct moon_sim_api *api, const char *group, const char *kind,
                         const char *ns, const char *json)
{
    struct moon_err err;
    MOON_CLEANUP(moon_sim_status_fini) struct moon_sim_status st = {0};
    const struct moon_sim_write w = {.api = api, .kind = moon_sim_kind_by_name(group, kind)};
    MOON_AUTOJSON *tree = moon_sim_tree_parse(moon_str(json), &err);
    moon_assert(tree != NULL);
    moon_sim_normalise(api, w.kind, tree);
    int rc = moon_sim_create(&w, ns, tree, &st);
    moon_assert(rc == 0);
}

/* What exists in every cluster. */
static void populate(struct moon_sim_api *api)
{
    static const char *const namespaces[] = {"kube-system", "kube-public", "kube-node-lease",
                                             "default"};
    static const char *const classes[] = {
        "{\"metadata\":{\"name\":\"system-cluster-critical\"},\"value\":2000000000,"
        "\"description\":\"Used for system critical pods that must run in the cluster, but can be "
        "moved to another node if necessary.\"}",
        "{\"metadata\":{\"name\":\"system-node-critical\"},\"value\":2000001000,"
        "\"description\":\"Used for system critical pods that must not be moved from their current "
        "node.\"}"};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(namespaces); i++) {
        MOON_AUTOFREE char *json = moon_asprintf("{\"metadata\":{\"name\":\"%s\"}}", namespaces[i]);
        create_first(api, "", "Namespace", "", json);
    }
    for (size_t i = 0; i < MOON_ARRAY_SIZE(classes); i++) {
        create_first(api, "scheduling.k8s.io", "PriorityClass", "", classes[i]);
    }
    create_first(api, "", "Service", "default",
                 "{\"metadata\":{\"name\":\"kubernetes\",\"labels\":{\"component\":\"apiserver\","
                 "\"provider\":\"kubernetes\"}},\"spec\":{\"clusterIP\":\"10.96.0.1\",\"ports\":["
                 "{\"name\":\"https\",\"port\":443,\"protocol\":\"TCP\",\"targetPort\":6443}]}}");
}

static uint64_t or_default(uint64_t value, uint64_t fallback)
{
    return value != 0 ? value : fallback;
}

static void make_parts(struct moon_sim_api *api, const struct moon_sim_api_opts *opts)
{
    api->schema = moon_sim_schema_new();
    api->kinds = moon_sim_kinds_new();
    api->paging = moon_sim_paging_new(api->loop,
                                      or_default(opts->continue_life_ms, DEFAULT_CONTINUE_LIFE_MS));
    api->gc = moon_sim_gc_new(api);
    api->expiry = moon_sim_expiry_new(api);
    api->faults = moon_sim_faults_new();
    api->arrivals = moon_sim_arrivals_new(api);
    api->crds = moon_sim_crds_new(api);
    api->watchers =
        moon_sim_watchers_new(api, or_default(opts->bookmark_interval_ms, DEFAULT_BOOKMARKS_MS));
    api->db = moon_sim_objdb_new(&(struct moon_sim_objdb_opts){
        .kinds = moon_sim_kinds_stores(api->kinds),
        .history = (size_t)or_default(opts->history, DEFAULT_HISTORY),
        .on_event = on_event,
        .ctx = api,
    });
    populate(api);
}

struct moon_sim_api *moon_sim_api_new(struct moon_loop *loop, const struct moon_sim_api_opts *opts,
                                      struct moon_err *err)
{
    static const struct moon_sim_api_opts none = {0};
    opts = opts != NULL ? opts : &none;
    struct moon_sim_api *api = moon_new(struct moon_sim_api);
    api->magic = API_MAGIC;
    api->loop = loop;
    api->refuses_streamed_lists = opts->refuse_streamed_lists;
    api->next_cluster_ip = 9; /* the first addresses belong to the cluster itself */
    make_parts(api, opts);
    api->httpd = moon_httpd_new(
        loop,
        &(struct moon_httpd_opts){
            .listen = opts->listen != NULL ? opts->listen : "127.0.0.1:0",
            .max_body_bytes = (size_t)or_default(opts->max_body_bytes, DEFAULT_BODY_MAX),
            .max_connections = CONNECTIONS_MAX,
            .handler = on_request,
            .ctx = api,
        },
        err);
    if (api->httpd == NULL) {
        moon_sim_api_free(api);
        return NULL;
    }
    return api;
}

void moon_sim_api_free(struct moon_sim_api *api)
{
    if (api == NULL) {
        return;
    }
    moon_httpd_free(api->httpd); /* ends the watches */
    moon_sim_arrivals_free(api->arrivals);
    moon_sim_faults_free(api->faults);
    moon_sim_watchers_free(api->watchers);
    moon_sim_gc_free(api->gc);
    moon_sim_expiry_free(api->expiry);
    moon_sim_paging_free(api->paging);
    moon_sim_objdb_free(api->db);
    moon_sim_kinds_free(api->kinds);
    moon_sim_crds_free(api->crds); /* the registry and the objects point to its rows */
    moon_sim_schema_free(api->schema);
    api->magic = 0;
    moon_free(api);
}

uint16_t moon_sim_api_port(const struct moon_sim_api *api)
{
    return moon_httpd_port(api->httpd);
}

struct moon_sim_api_stats moon_sim_api_stats(const struct moon_sim_api *api)
{
    struct moon_sim_api_stats stats = api->stats;
    stats.objects = moon_sim_objdb_total(api->db);
    stats.open_watches = moon_sim_watchers_count(api->watchers);
    stats.version = moon_sim_objdb_version(api->db);
    return stats;
}

void moon_sim_api_compact(struct moon_sim_api *api)
{
    moon_sim_objdb_compact(api->db);
    moon_sim_paging_clear(api->paging);
}
