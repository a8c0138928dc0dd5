/* SPDX-License-Identifier: Apache-2.0
 *
 * discovery.c - what is served: /api, /apis and below, /version, health.
 */
#include "sim/api_priv.h"

/* The release whose behaviour this server has. */
#define SERVER_MAJOR "1"
#define SERVER_MINOR "31"

static const struct {
    const char *group;
    const char *version;
} GROUPS[] = {
    {"apps", "v1"}, {"coordination.k8s.io", "v1"}, {"policy", "v1"}, {"scheduling.k8s.io", "v1"}};

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

static cJSON *group_version(size_t i)
{
    cJSON *entry = cJSON_CreateObject();
    MOON_AUTOFREE char *text = moon_asprintf("%s/%s", GROUPS[i].group, GROUPS[i].version);
    moon_sim_set_text(entry, "groupVersion", text);
    moon_sim_set_text(entry, "version", GROUPS[i].version);
    return entry;
}

static void fill_group(cJSON *object, size_t i)
{
    cJSON *versions = cJSON_CreateArray();
    moon_sim_set_text(object, "name", GROUPS[i].group);
    cJSON_AddItemToArray(versions, group_version(i));
    moon_sim_set(object, "versions", versions);
    moon_sim_set(object, "preferredVersion", group_version(i));
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

static cJSON *group_list(void)
{
    cJSON *object = new_object("APIGroupList", "v1");
    cJSON *groups = cJSON_CreateArray();
    for (size_t i = 0; i < MOON_ARRAY_SIZE(GROUPS); i++) {
        cJSON *group = cJSON_CreateObject();
        fill_group(group, i);
        cJSON_AddItemToArray(groups, group);
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

static cJSON *resource_list(const char *group, const char *version)
{
    static const char *const verbs[] = {
        "create", "delete", "deletecollection", "get", "list", "patch", "update", "watch", NULL};
    static const char *const all[] = {"all", NULL};
    cJSON *object = new_object("APIResourceList", group[0] != '\0' ? "v1" : NULL);
    cJSON *resources = cJSON_CreateArray();
    MOON_AUTOFREE char *name = moon_asprintf("%s%s%s", group, group[0] != '\0' ? "/" : "", version);
    moon_sim_set_text(object, "groupVersion", name);
    moon_sim_set(object, "resources", resources);
    for (size_t i = 0; i < moon_sim_kind_count(); i++) {
        const struct moon_sim_kind *kind = moon_sim_kind_at(i);
        if (!moon_streq(kind->group, group) || !moon_streq(kind->version, version)) {
            continue;
        }
        cJSON *resource = new_resource(kind->resource, kind, kind->kind, verbs);
        if (kind->short_names != NULL) {
            moon_sim_set(resource, "shortNames", texts(kind->short_names));
        }
        if (kind->in_all) {
            moon_sim_set(resource, "categories", texts(all));
        }
        cJSON_AddItemToArray(resources, resource);
        add_subresources(resources, kind);
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

static bool is_health(const char *path)
{
    static const char *const paths[] = {"/healthz", "/livez", "/readyz", "/healthz/ping"};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(paths); i++) {
        if (moon_streq(path, paths[i])) {
            return true;
        }
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

static cJSON *group_document(const char *path)
{
    for (size_t i = 0; i < MOON_ARRAY_SIZE(GROUPS); i++) {
        MOON_AUTOFREE char *group = moon_asprintf("/apis/%s", GROUPS[i].group);
        MOON_AUTOFREE char *version = moon_asprintf("%s/%s", group, GROUPS[i].version);
        if (moon_streq(path, group)) {
            cJSON *object = new_object("APIGroup", "v1");
            fill_group(object, i);
            return object;
        }
        if (moon_streq(path, version)) {
            return resource_list(GROUPS[i].group, GROUPS[i].version);
        }
    }
    return NULL;
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
        return group_list();
    }
    if (moon_streq(path, "/api/v1")) {
        return resource_list("", "v1");
    }
    return group_document(path);
}

bool moon_sim_discovery(struct moon_sim_call *call, const char *path)
{
    if (is_health(path)) {
        moon_httpd_reply(call->request, 200, "text/plain; charset=utf-8", MOON_STR_LIT("ok"));
        return true;
    }
    MOON_AUTOJSON *answer = document(call->api, path);
    if (answer == NULL) {
        return false;
    }
    moon_sim_reply_tree(call, 200, answer);
    return true;
}
