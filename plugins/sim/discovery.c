/* SPDX-License-Identifier: Apache-2.0
 *
 * discovery.c - what is served: /api, /apis and below, /version, health.
 */
#include "base/map.h"
#include "sim/api_priv.h"

/* The release whose behaviour this server has. */
#define SERVER_MAJOR "1"
#define SERVER_MINOR "31"

static cJSON *new_object(const char *kind, const char *api_version)
{
    cJSON *object = cJSON_CreateObject();
    moon_sim_set_text(object, "kind", kind);
    if (api_version != NULL) {
        moon_sim_set_text(object, "apiVersion", api_version);
    }
    return object;
}

static void add_server_addresses(const struct moon_sim_api *api, cJSON *object)
{
    cJSON *list = cJSON_CreateArray();
    cJSON *entry = cJSON_CreateObject();
    MOON_AUTOFREE char *address = moon_asprintf("127.0.0.1:%u", moon_httpd_port(api->httpd));
    moon_sim_set_text(entry, "clientCIDR", "0.0.0.0/0");
    moon_sim_set_text(entry, "serverAddress", address);
    cJSON_AddItemToArray(list, entry);
    moon_sim_set(object, "serverAddressByClientCIDRs", list);
}

/* ---- groups ---- */

/* The versions of a group as clients should prefer them: v2, v1, v1beta2, v1beta1, v1alpha1. */
struct versions {
    const char **items; /* borrowed from the kinds */
    size_t count;
};

static void versions_fini(struct versions *versions)
{
    moon_free(versions->items);
}

/* Stability, major and minor number of a version as text of Kubernetes' form; what has no such
 * form comes last. */
static uint64_t version_rank(const char *version)
{
    struct moon_str rest = moon_str(version);
    struct moon_str major = {rest.ptr + 1, 0};
    uint64_t stability = 3;
    uint64_t major_number = 0;
    uint64_t minor_number = 0;
    while (rest.len > 0 && 1 + major.len < rest.len && version[1 + major.len] >= '0' &&
           version[1 + major.len] <= '9') {
        major.len++;
    }
    const char *tail = version + 1 + major.len;
    if (version[0] != 'v' || !moon_parse_u64(major, &major_number) || major_number > UINT16_MAX) {
        return 0;
    }
    if (tail[0] != '\0') {
        size_t word = moon_str_starts(moon_str(tail), "beta") ? 4 : 5;
        stability = word == 4 ? 2 : moon_str_starts(moon_str(tail), "alpha") ? 1 : 0;
        if (stability == 0 || !moon_parse_u64(moon_str(tail + word), &minor_number) ||
            minor_number > UINT16_MAX) {
            return 0;
        }
    }
    return (stability << 32U) | (major_number << 16U) | minor_number;
}

static struct versions versions_of(const struct moon_sim_api *api, const char *group)
{
    struct versions versions = {0};
    const struct moon_sim_kind *kind = NULL;
    size_t pos = 0;
    while ((kind = moon_sim_kinds_next(api->kinds, &pos)) != NULL) {
        size_t at = 0;
        bool known = !moon_streq(kind->group, group);
        for (size_t i = 0; i < versions.count && !known; i++) {
            known = moon_streq(versions.items[i], kind->version);
            at += version_rank(versions.items[i]) >= version_rank(kind->version) ? 1 : 0;
        }
        if (known) {
            continue;
        }
        versions.items =
            moon_realloc_array(versions.items, versions.count + 1, sizeof(*versions.items));
        memmove(versions.items + at + 1, versions.items + at,
                (versions.count - at) * sizeof(*versions.items));
        versions.items[at] = kind->version;
        versions.count++;
    }
    return versions;
}

static cJSON *group_version(const char *group, const char *version)
{
    cJSON *entry = cJSON_CreateObject();
    MOON_AUTOFREE char *text = moon_asprintf("%s/%s", group, version);
    moon_sim_set_text(entry, "groupVersion", text);
    moon_sim_set_text(entry, "version", version);
    return entry;
}

/* False when there is no such group. */
static bool fill_group(const struct moon_sim_api *api, cJSON *object, const char *group)
{
    MOON_CLEANUP(versions_fini) struct versions versions = versions_of(api, group);
    if (versions.count == 0) {
        return false;
    }
    cJSON *list = cJSON_CreateArray();
    moon_sim_set_text(object, "name", group);
    for (size_t i = 0; i < versions.count; i++) {
        cJSON_AddItemToArray(list, group_version(group, versions.items[i]));
    }
    moon_sim_set(object, "versions", list);
    moon_sim_set(object, "preferredVersion", group_version(group, versions.items[0]));
    return true;
}

static cJSON *versions_of_core(const struct moon_sim_api *api)
{
    cJSON *object = new_object("APIVersions", NULL);
    cJSON *versions = cJSON_CreateArray();
    cJSON_AddItemToArray(versions, cJSON_CreateString("v1"));
    moon_sim_set(object, "versions", versions);
    add_server_addresses(api, object);
    return object;
}

static cJSON *group_list(const struct moon_sim_api *api)
{
    cJSON *object = new_object("APIGroupList", "v1");
    cJSON *groups = cJSON_CreateArray();
    MOON_CLEANUP(moon_map_free_ptr) struct moon_map *seen = moon_map_new(NULL);
    const struct moon_sim_kind *kind = NULL;
    size_t pos = 0;
    while ((kind = moon_sim_kinds_next(api->kinds, &pos)) != NULL) {
        if (kind->group[0] == '\0' || moon_map_has(seen, moon_str(kind->group))) {
            continue;
        }
        cJSON *group = cJSON_CreateObject();
        (void)fill_group(api, group, kind->group);
        cJSON_AddItemToArray(groups, group);
        moon_map_set(seen, moon_str(kind->group), NULL);
    }
    moon_sim_set(object, "groups", groups);
    return object;
}

/* ---- resources ---- */

static cJSON *texts(const char *const *list)
{
    cJSON *array = cJSON_CreateArray();
    for (; list != NULL && *list != NULL; list++) {
        cJSON_AddItemToArray(array, cJSON_CreateString(*list));
    }
    return array;
}

static cJSON *new_resource(const char *name, const struct moon_sim_kind *kind,
                           const char *kind_name, const char *const *verbs)
{
    cJSON *resource = cJSON_CreateObject();
    bool main = strchr(name, '/') == NULL;
    moon_sim_set_text(resource, "name", name);
    moon_sim_set_text(resource, "singularName", main ? kind->singular : "");
    moon_sim_set_bool(resource, "namespaced", kind->namespaced);
    moon_sim_set_text(resource, "kind", kind_name);
    moon_sim_set(resource, "verbs", texts(verbs));
    return resource;
}

static void add_subresources(cJSON *resources, const struct moon_sim_kind *kind)
{
    static const char *const status_verbs[] = {"get", "patch", "update", NULL};
    static const char *const create_verbs[] = {"create", NULL};
    static const char *const update_verbs[] = {"update", NULL};
    if (moon_streq(kind->kind, "Pod")) {
        cJSON_AddItemToArray(resources,
                             new_resource("pods/binding", kind, "Binding", create_verbs));
        cJSON *eviction = new_resource("pods/eviction", kind, "Eviction", create_verbs);
        moon_sim_set_text(eviction, "group", "policy");
        moon_sim_set_text(eviction, "version", "v1");
        cJSON_AddItemToArray(resources, eviction);
    }
    if (moon_streq(kind->kind, "Namespace")) {
        cJSON_AddItemToArray(resources,
                             new_resource("namespaces/finalize", kind, "Namespace", update_verbs));
    }
    if (kind->has_status) {
        MOON_AUTOFREE char *name = moon_asprintf("%s/status", kind->resource);
        cJSON_AddItemToArray(resources, new_resource(name, kind, kind->kind, status_verbs));
    }
}

static void add_resource(cJSON *resources, const struct moon_sim_kind *kind)
{
    static const char *const verbs[] = {
        "create", "delete", "deletecollection", "get", "list", "patch", "update", "watch", NULL};
    static const char *const quiet_verbs[] = {"get", "list", "watch", NULL};
    static const char *const review_verbs[] = {"create", NULL};
    const char *const *its_verbs = kind->review != NULL ? review_verbs
                                   : kind->is_quiet     ? quiet_verbs
                                                        : verbs;
    cJSON *resource = new_resource(kind->resource, kind, kind->kind, its_verbs);
    if (kind->short_names != NULL) {
        moon_sim_set(resource, "shortNames", texts(kind->short_names));
    }
    if (kind->categories != NULL) {
        moon_sim_set(resource, "categories", texts(kind->categories));
    }
    cJSON_AddItemToArray(resources, resource);
    add_subresources(resources, kind);
}

/* NULL when nothing of this group and version is served. */
static cJSON *resource_list(const struct moon_sim_api *api, const char *group, const char *version)
{
    if (!moon_sim_kinds_has_version(api->kinds, group, version)) {
        return NULL;
    }
    cJSON *object = new_object("APIResourceList", group[0] != '\0' ? "v1" : NULL);
    cJSON *resources = cJSON_CreateArray();
    MOON_AUTOFREE char *name = moon_asprintf("%s%s%s", group, group[0] != '\0' ? "/" : "", version);
    moon_sim_set_text(object, "groupVersion", name);
    moon_sim_set(object, "resources", resources);
    const struct moon_sim_kind *kind = NULL;
    size_t pos = 0;
    while ((kind = moon_sim_kinds_next(api->kinds, &pos)) != NULL) {
        if (moon_streq(kind->group, group) && moon_streq(kind->version, version)) {
            add_resource(resources, kind);
        }
    }
    return object;
}

/* ---- the rest ---- */

static cJSON *version_info(void)
{
    cJSON *object = cJSON_CreateObject();
    moon_sim_set_text(object, "major", SERVER_MAJOR);
    moon_sim_set_text(object, "minor", SERVER_MINOR);
    moon_sim_set_text(object, "gitVersion",
                      "v" SERVER_MAJOR "." SERVER_MINOR ".0+moonset-" MOONSET_VERSION);
    moon_sim_set_text(object, "gitCommit", "");
    moon_sim_set_text(object, "gitTreeState", "clean");
    moon_sim_set_text(object, "buildDate", "1970-01-01T00:00:00Z");
    moon_sim_set_text(object, "goVersion", "");
    moon_sim_set_text(object, "compiler", "gcc");
    moon_sim_set_text(object, "platform", "linux/amd64");
    return object;
}

/* Nothing here can be unwell: the answers say which questions there are. */
static bool reply_health(struct moon_sim_call *call, const char *path)
{
    static const char *const paths[] = {"/healthz", "/livez", "/readyz"};
    if (moon_streq(path, "/healthz/ping") || moon_streq(path, "/livez/ping") ||
        moon_streq(path, "/readyz/ping")) {
        moon_sim_answer(call, 200, "text/plain; charset=utf-8", MOON_STR_LIT("ok"));
        return true;
    }
    for (size_t i = 0; i < MOON_ARRAY_SIZE(paths); i++) {
        if (!moon_streq(path, paths[i])) {
            continue;
        }
        bool verbose = moon_httpd_query(call->request, "verbose") != NULL;
        MOON_AUTOFREE char *text =
            verbose ? moon_asprintf("[+]ping ok\n%s check passed\n", paths[i] + 1)
                    : moon_strdup("ok");
        moon_sim_answer(call, 200, "text/plain; charset=utf-8", moon_str(text));
        return true;
    }
    return false;
}

static cJSON *root_paths(void)
{
    static const char *const paths[] = {"/api",     "/api/v1",     "/apis",       "/healthz",
                                        "/livez",   "/openapi/v2", "/openapi/v3", "/readyz",
                                        "/version", NULL};
    cJSON *object = cJSON_CreateObject();
    moon_sim_set(object, "paths", texts(paths));
    return object;
}

/* /apis/<group>, /apis/<group>/<version>; NULL for everything else. */
static cJSON *group_document(const struct moon_sim_api *api, const char *path)
{
    static const char apis[] = "/apis/";
    if (!moon_str_starts(moon_str(path), apis)) {
        return NULL;
    }
    const char *rest = path + sizeof(apis) - 1;
    const char *slash = strchr(rest, '/');
    MOON_AUTOFREE char *group =
        moon_strndup(rest, slash != NULL ? (size_t)(slash - rest) : SIZE_MAX);
    if (slash != NULL) {
        return resource_list(api, group, slash + 1);
    }
    MOON_AUTOJSON *object = new_object("APIGroup", "v1");
    return fill_group(api, object, group) ? moon_steal(&object) : NULL;
}

static cJSON *document(const struct moon_sim_api *api, const char *path)
{
    if (path[0] == '\0' || moon_streq(path, "/")) {
        return root_paths();
    }
    if (moon_streq(path, "/version")) {
        return version_info();
    }
    if (moon_streq(path, "/api")) {
        return versions_of_core(api);
    }
    if (moon_streq(path, "/apis")) {
        return group_list(api);
    }
    if (moon_streq(path, "/api/v1")) {
        return resource_list(api, "", "v1");
    }
    return group_document(api, path);
}

bool moon_sim_discovery(struct moon_sim_call *call, const char *path)
{
    if (reply_health(call, path)) {
        return true;
    }
    MOON_AUTOJSON *answer = document(call->api, path);
    if (answer == NULL) {
        return false;
    }
    moon_sim_reply_tree(call, 200, answer);
    return true;
}
