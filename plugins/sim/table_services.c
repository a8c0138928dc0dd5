/* SPDX-License-Identifier: Apache-2.0
 *
 * table_services.c - table cells of Services and Endpoints.
 */
#include "sim/table_cells.h"
#include "sim/times.h"

enum {
    CELL_MAX = 64 << 10,
    ENDPOINTS_SHOWN = 3
};

static void add_text(cJSON *cells, const char *text)
{
    cJSON_AddItemToArray(cells, cJSON_CreateString(text));
}

static void add_created(cJSON *cells, const cJSON *obj, int64_t now_s)
{
    char age[MOON_TIME_TEXT];
    add_text(cells, moon_sim_age(moon_sim_text(obj, "metadata.creationTimestamp"), now_s, age));
}

const struct moon_sim_column moon_sim_columns_service[] = {
    {"Name", "string", 0},        {"Type", "string", 0},    {"Cluster-IP", "string", 0},
    {"External-IP", "string", 0}, {"Port(s)", "string", 0}, {"Age", "string", 0},
    {"Selector", "string", 1},    {NULL, NULL, 0}};

static void print_comma(struct moon_buf *out)
{
    moon_buf_puts(out, out->len > 0 ? "," : "");
}

static void print_external(struct moon_buf *out, const cJSON *service)
{
    const char *type = moon_sim_text(service, "spec.type");
    const cJSON *item = NULL;
    if (moon_streq(type, "ExternalName")) {
        moon_buf_puts(out, moon_sim_text(service, "spec.externalName"));
        return;
    }
    cJSON_ArrayForEach (item, moon_sim_get(service, "status.loadBalancer.ingress")) {
        const char *ip = moon_sim_text(item, "ip");
        print_comma(out);
        moon_buf_puts(out, ip[0] != '\0' ? ip : moon_sim_text(item, "hostname"));
    }
    cJSON_ArrayForEach (item, moon_sim_get(service, "spec.externalIPs")) {
        print_comma(out);
        moon_buf_puts(out, item->valuestring);
    }
    if (out->len == 0) {
        moon_buf_puts(out, moon_streq(type, "LoadBalancer") ? "<pending>" : "<none>");
    }
}

static void print_ports(struct moon_buf *out, const cJSON *service)
{
    const cJSON *port = NULL;
    cJSON_ArrayForEach (port, moon_sim_get(service, "spec.ports")) {
        int64_t node_port = moon_sim_int(port, "nodePort", 0);
        print_comma(out);
        moon_buf_printf(out, "%lld", (long long)moon_sim_int(port, "port", 0));
        if (node_port > 0) {
            moon_buf_printf(out, ":%lld", (long long)node_port);
        }
        moon_buf_printf(out, "/%s", moon_sim_text(port, "protocol"));
    }
    if (out->len == 0) {
        moon_buf_puts(out, "<none>");
    }
}

static void print_selector(struct moon_buf *out, const cJSON *service)
{
    const cJSON *label = NULL;
    cJSON_ArrayForEach (label, moon_sim_get(service, "spec.selector")) {
        print_comma(out);
        moon_buf_printf(out, "%s=%s", label->string, label->valuestring);
    }
    if (out->len == 0) {
        moon_buf_puts(out, "<none>");
    }
}

static void add_printed(cJSON *cells, const cJSON *obj,
                        void (*print)(struct moon_buf *out, const cJSON *obj))
{
    struct moon_buf text = MOON_BUF_INIT(CELL_MAX);
    print(&text, obj);
    add_text(cells, moon_buf_cstr(&text));
    moon_buf_fini(&text);
}

void moon_sim_cells_service(const cJSON *obj, int64_t now_s, cJSON *ret_cells)
{
    const char *address = moon_sim_text(obj, "spec.clusterIP");
    add_text(ret_cells, moon_sim_text(obj, "metadata.name"));
    add_text(ret_cells, moon_sim_text(obj, "spec.type"));
    add_text(ret_cells, address[0] != '\0' ? address : "<none>");
    add_printed(ret_cells, obj, print_external);
    add_printed(ret_cells, obj, print_ports);
    add_created(ret_cells, obj, now_s);
    add_printed(ret_cells, obj, print_selector);
}

/* ---- endpoints ---- */

const struct moon_sim_column moon_sim_columns_endpoints[] = {
    {"Name", "string", 0}, {"Endpoints", "string", 0}, {"Age", "string", 0}, {NULL, NULL, 0}};

/* One address, with a port when there is one; the first few are printed, all are counted. */
static void print_endpoint(struct moon_buf *out, int *count, const cJSON *address,
                           const cJSON *port)
{
    const char *ip = moon_sim_text(address, "ip");
    bool brackets = port != NULL && strchr(ip, ':') != NULL;
    if ((*count)++ >= ENDPOINTS_SHOWN) {
        return;
    }
    print_comma(out);
    moon_buf_printf(out, "%s%s%s", brackets ? "[" : "", ip, brackets ? "]" : "");
    if (port != NULL) {
        moon_buf_printf(out, ":%lld", (long long)moon_sim_int(port, "port", 0));
    }
}

static void print_endpoints(struct moon_buf *out, const cJSON *endpoints)
{
    const cJSON *subset = NULL;
    int count = 0;
    cJSON_ArrayForEach (subset, moon_sim_member(endpoints, "subsets")) {
        const cJSON *ports = moon_sim_member(subset, "ports");
        const cJSON *port = ports != NULL ? ports->child : NULL;
        do {
            const cJSON *address = NULL;
            cJSON_ArrayForEach (address, moon_sim_member(subset, "addresses")) {
                print_endpoint(out, &count, address, port);
            }
            port = port != NULL ? port->next : NULL;
        } while (port != NULL);
    }
    if (cJSON_GetArraySize(moon_sim_member(endpoints, "subsets")) == 0) {
        moon_buf_puts(out, "<none>");
    } else if (count > ENDPOINTS_SHOWN) {
        moon_buf_printf(out, " + %d more...", count - ENDPOINTS_SHOWN);
    }
}

void moon_sim_cells_endpoints(const cJSON *obj, int64_t now_s, cJSON *ret_cells)
{
    add_text(ret_cells, moon_sim_text(obj, "metadata.name"));
    add_printed(ret_cells, obj, print_endpoints);
    add_created(ret_cells, obj, now_s);
}
