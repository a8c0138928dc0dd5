/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/endpoints_kinds.h"

static const struct moon_resource services = {
    .group = "", .version = "v1", .plural = "services", .kind = "Service", .namespaced = true};
static const struct moon_resource endpoints = {
    .group = "", .version = "v1", .plural = "endpoints", .kind = "Endpoints", .namespaced = true};

/* ---- services ---- */

static uint16_t port_number(int64_t number)
{
    return number > 0 && number <= UINT16_MAX ? (uint16_t)number : 0;
}

static void project_port(struct moon_service_port *port, const cJSON *json)
{
    const char *protocol = moon_json_string(json, "protocol");
    port->name = moon_object_sym(json, "name");
    port->protocol = moon_intern_cstr(protocol != NULL ? protocol : "TCP");
    port->app_protocol = moon_object_sym(json, "appProtocol");
    port->target_name = moon_object_sym(json, "targetPort");
    int64_t number = moon_json_int(json, "targetPort", 0);
    port->target = port_number(number != 0 ? number : moon_json_int(json, "port", 0));
}

static int project_service(struct moon_object *o, const cJSON *json,
                           MOON_UNUSED struct moon_str text, struct moon_err *err)
{
    struct moon_service *service = (struct moon_service *)(void *)o;
    const cJSON *spec = moon_json_member(json, "spec");
    const char *address = moon_json_string(spec, "clusterIP");
    const cJSON *list = moon_json_member(spec, "ports");
    const cJSON *item;
    service->is_headless = address == NULL || *address == '\0' || strcmp(address, "None") == 0;
    service->publishes_not_ready = moon_json_bool(spec, "publishNotReadyAddresses", false);
    service->ports = moon_new_array(struct moon_service_port, (size_t)cJSON_GetArraySize(list) + 1);
    cJSON_ArrayForEach (item, list) {
        project_port(&service->ports[service->port_count++], item);
    }
    return moon_labels_from_json(moon_json_member(spec, "selector"), &service->selector, err);
}

static void fini_service(struct moon_object *o)
{
    struct moon_service *service = (struct moon_service *)(void *)o;
    for (size_t i = 0; i < service->port_count; i++) {
        moon_sym_unref(service->ports[i].name);
        moon_sym_unref(service->ports[i].protocol);
        moon_sym_unref(service->ports[i].app_protocol);
        moon_sym_unref(service->ports[i].target_name);
    }
    moon_free(service->ports);
    moon_labels_fini(&service->selector);
}

static bool same_ports(const struct moon_service *a, const struct moon_service *b)
{
    if (a->port_count != b->port_count) {
        return false;
    }
    for (size_t i = 0; i < a->port_count; i++) {
        const struct moon_service_port *pa = &a->ports[i];
        const struct moon_service_port *pb = &b->ports[i];
        if (pa->name != pb->name || pa->protocol != pb->protocol ||
            pa->app_protocol != pb->app_protocol || pa->target_name != pb->target_name ||
            pa->target != pb->target) {
            return false;
        }
    }
    return true;
}

static bool same_service(const struct moon_object *oa, const struct moon_object *ob)
{
    const struct moon_service *a = moon_service(oa);
    const struct moon_service *b = moon_service(ob);
    return a->is_headless == b->is_headless && a->publishes_not_ready == b->publishes_not_ready &&
           same_ports(a, b) && moon_labels_equal(&a->selector, &b->selector) &&
           moon_object_same_head(oa, ob);
}

const struct moon_kind moon_kind_service = {
    .resource = &services,
    .size = sizeof(struct moon_service),
    .project = project_service,
    .fini = fini_service,
    .same = same_service,
};

/* ---- endpoints ---- */

static int project_endpoints(struct moon_object *o, const cJSON *json, struct moon_str text,
                             MOON_UNUSED struct moon_err *err)
{
    struct moon_endpoints_object *object = (struct moon_endpoints_object *)(void *)o;
    struct moon_str subsets;
    if (cJSON_GetArraySize(moon_json_member(json, "subsets")) > 0 &&
        moon_json_find(text, MOON_JSON_PATH("subsets"), &subsets)) {
        object->subsets = moon_str_dup(subsets);
    }
    return 0;
}

static void fini_endpoints(struct moon_object *o)
{
    moon_free(((struct moon_endpoints_object *)(void *)o)->subsets);
}

static bool same_endpoints(const struct moon_object *a, const struct moon_object *b)
{
    return moon_streq(moon_endpoints_object(a)->subsets, moon_endpoints_object(b)->subsets) &&
           moon_object_same_head(a, b);
}

const struct moon_kind moon_kind_endpoints = {
    .resource = &endpoints,
    .size = sizeof(struct moon_endpoints_object),
    .project = project_endpoints,
    .fini = fini_endpoints,
    .same = same_endpoints,
};
