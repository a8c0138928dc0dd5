/* SPDX-License-Identifier: Apache-2.0
 *
 * endpoints_subsets.c - addresses, then ports with the addresses that have them, then the ports
 * with equal addresses together.
 */
#include "sim/endpoints_subsets.h"

#include <inttypes.h>
#include <stdlib.h>

#include "io/json.h"

struct address {
    const struct moon_played_pod *pod;
    char ip[MOON_PLAYED_IP_TEXT];
    bool is_ready;
};

/* One port of the Service as some pods have it: with a named target port the number is theirs. */
struct group {
    const struct moon_service_port *port; /* NULL: the Service has no ports */
    uint16_t number;
    size_t *members; /* indexes of addresses, ascending */
    size_t count;
    bool is_written;
};

struct subsets {
    const struct moon_service *service;
    struct address *addresses;
    size_t address_count;
    struct group *groups;
    size_t group_count;
};

/* ---- addresses ---- */

bool moon_service_selects(const struct moon_service *service, const struct moon_object *pod)
{
    for (size_t i = 0; i < service->selector.count; i++) {
        const struct moon_label *label = &service->selector.items[i];
        struct moon_str key = {label->key, moon_sym_len(label->key)};
        if (moon_labels_get_str(&pod->labels, key) != label->value) {
            return false;
        }
    }
    return service->selector.count > 0 && pod->namespace == service->meta.namespace;
}

/* A pod that has ended for good has no place even among those that are not ready. */
static bool may_come_back(const struct moon_played_pod *pod)
{
    switch (pod->restart) {
    case MOON_RESTART_NEVER:
        return !moon_played_pod_has_ended(pod);
    case MOON_RESTART_ON_FAILURE:
        return pod->phase != MOON_PHASE_SUCCEEDED;
    case MOON_RESTART_ALWAYS:
        break;
    }
    return true;
}

bool moon_endpoints_pod_differs(const struct moon_played_pod *a, const struct moon_played_pod *b)
{
    return a == NULL || b == NULL || a->ip != b->ip || a->ready != b->ready ||
           a->phase != b->phase || (a->meta.deleted_s != 0) != (b->meta.deleted_s != 0) ||
           a->node_name != b->node_name || !moon_labels_equal(&a->meta.labels, &b->meta.labels);
}

static void add_address(struct subsets *s, const struct moon_played_pod *pod)
{
    bool publishes = s->service->publishes_not_ready;
    bool is_ready = publishes || pod->ready;
    if (pod->ip == 0 || (!publishes && pod->meta.deleted_s != 0) ||
        (!is_ready && !may_come_back(pod))) {
        return;
    }
    if ((s->address_count & (s->address_count - 1)) == 0) {
        size_t size = s->address_count > 0 ? s->address_count * 2 : 1;
        s->addresses = moon_realloc_array(s->addresses, size, sizeof(*s->addresses));
    }
    struct address *address = &s->addresses[s->address_count++];
    *address = (struct address){.pod = pod, .is_ready = is_ready};
    (void)moon_played_ip_format(pod->ip, address->ip);
}

static int by_ip(const void *a, const void *b)
{
    const struct address *x = a;
    const struct address *y = b;
    int order = strcmp(x->ip, y->ip);
    return order != 0 ? order : strcmp(x->pod->meta.uid, y->pod->meta.uid);
}

static int ready_first(const void *a, const void *b)
{
    const struct address *x = a;
    const struct address *y = b;
    return x->is_ready != y->is_ready ? (x->is_ready ? -1 : 1) : by_ip(a, b);
}

static void find_addresses(struct subsets *s, const struct moon_store *pods)
{
    size_t pos = 0;
    const struct moon_object *object;
    while ((object = moon_store_next(pods, &pos)) != NULL) {
        if (moon_service_selects(s->service, object)) {
            add_address(s, moon_played_pod(object));
        }
    }
}

/* The order is that of the text, as upstream. */
static bool sort_addresses(struct subsets *s)
{
    bool is_truncated = s->address_count > MOON_ENDPOINTS_MAX;
    if (is_truncated) {
        qsort(s->addresses, s->address_count, sizeof(*s->addresses), ready_first);
        s->address_count = MOON_ENDPOINTS_MAX;
    }
    if (s->address_count > 0) {
        qsort(s->addresses, s->address_count, sizeof(*s->addresses), by_ip);
    }
    return is_truncated;
}

/* ---- ports ---- */

/* 0: the pod has no such port. */
static uint16_t find_port(const struct moon_played_pod *pod, const struct moon_service_port *port)
{
    const struct moon_demands *demands = pod->demands;
    if (port->target_name == NULL) {
        return port->target;
    }
    for (size_t i = 0; i < demands->port_count; i++) {
        const struct moon_demand_port *own = &demands->ports[i];
        if (own->name == port->target_name && own->protocol == port->protocol) {
            return own->container_port;
        }
    }
    return 0;
}

static struct group *find_group(struct subsets *s, const struct moon_service_port *port,
                                uint16_t number)
{
    for (size_t i = 0; i < s->group_count; i++) {
        if (s->groups[i].port == port && s->groups[i].number == number) {
            return &s->groups[i];
        }
    }
    s->groups = moon_realloc_array(s->groups, s->group_count + 1, sizeof(*s->groups));
    struct group *group = &s->groups[s->group_count++];
    *group = (struct group){
        .port = port, .number = number, .members = moon_new_array(size_t, s->address_count)};
    return group;
}

static void join(struct subsets *s, const struct moon_service_port *port, uint16_t number,
                 size_t address)
{
    struct group *group = find_group(s, port, number);
    group->members[group->count++] = address;
}

/* A headless Service may have no ports: then its pods are found by name only. */
static void find_groups(struct subsets *s)
{
    const struct moon_service *service = s->service;
    for (size_t p = 0; p < service->port_count; p++) {
        for (size_t i = 0; i < s->address_count; i++) {
            uint16_t number = find_port(s->addresses[i].pod, &service->ports[p]);
            if (number != 0) {
                join(s, &service->ports[p], number, i);
            }
        }
    }
    for (size_t i = 0; service->port_count == 0 && service->is_headless && i < s->address_count;
         i++) {
        join(s, NULL, 0, i);
    }
}

static bool have_equal_members(const struct group *a, const struct group *b)
{
    return a->count == b->count &&
           memcmp(a->members, b->members, a->count * sizeof(*a->members)) == 0;
}

/* ---- text ---- */

static void write_text(const char *key, const char *text, struct moon_buf *out)
{
    if (text != NULL && *text != '\0') {
        moon_buf_printf(out, ",\"%s\":", key);
        moon_json_add_string(out, moon_str(text));
    }
}

/* A pod has a name in the Service's domain when it asks for one there. */
static void write_address(const struct subsets *s, const struct address *address,
                          struct moon_buf *out)
{
    const struct moon_played_pod *pod = address->pod;
    moon_buf_printf(out, "{\"ip\":\"%s\"", address->ip);
    if (pod->subdomain == s->service->meta.name) {
        write_text("hostname", pod->hostname, out);
    }
    write_text("nodeName", pod->node_name, out);
    moon_buf_printf(out,
                    ",\"targetRef\":{\"kind\":\"Pod\",\"namespace\":\"%s\",\"name\":\"%s\","
                    "\"uid\":\"%s\"}}",
                    pod->meta.namespace, pod->meta.name, pod->meta.uid);
}

static const char *write_addresses(const struct subsets *s, const struct group *group,
                                   bool is_ready, const char *separator, struct moon_buf *out)
{
    const char *before = "";
    for (size_t i = 0; i < group->count; i++) {
        const struct address *address = &s->addresses[group->members[i]];
        if (address->is_ready != is_ready) {
            continue;
        }
        if (*before == '\0') {
            moon_buf_printf(out, "%s\"%s\":[", separator,
                            is_ready ? "addresses" : "notReadyAddresses");
        }
        moon_buf_puts(out, before);
        write_address(s, address, out);
        before = ",";
    }
    if (*before == '\0') {
        return separator;
    }
    moon_buf_putc(out, ']');
    return ",";
}

static void write_port(const struct group *group, struct moon_buf *out)
{
    moon_buf_printf(out, "{\"port\":%" PRIu16 ",\"protocol\":\"%s\"", group->number,
                    group->port->protocol);
    write_text("name", group->port->name, out);
    write_text("appProtocol", group->port->app_protocol, out);
    moon_buf_putc(out, '}');
}

/* Those of `first` and of all groups after it with the same addresses. */
static void write_ports(struct subsets *s, size_t first, struct moon_buf *out)
{
    const char *separator = "";
    moon_buf_puts(out, ",\"ports\":[");
    for (size_t i = first; i < s->group_count; i++) {
        struct group *group = &s->groups[i];
        if (!group->is_written && have_equal_members(&s->groups[first], group)) {
            moon_buf_puts(out, separator);
            write_port(group, out);
            group->is_written = true;
            separator = ",";
        }
    }
    moon_buf_putc(out, ']');
}

static void write_subset(struct subsets *s, size_t first, struct moon_buf *out)
{
    const struct group *group = &s->groups[first];
    moon_buf_putc(out, '{');
    const char *separator = write_addresses(s, group, true, "", out);
    (void)write_addresses(s, group, false, separator, out);
    if (group->port != NULL) {
        write_ports(s, first, out);
    }
    moon_buf_putc(out, '}');
}

static void subsets_fini(struct subsets *s)
{
    for (size_t i = 0; i < s->group_count; i++) {
        moon_free(s->groups[i].members);
    }
    moon_free(s->groups);
    moon_free(s->addresses);
}

void moon_endpoints_subsets(const struct moon_service *service, const struct moon_store *pods,
                            struct moon_buf *out, struct moon_endpoints_counts *ret)
{
    MOON_CLEANUP(subsets_fini) struct subsets s = {.service = service};
    const char *separator = "";
    find_addresses(&s, pods);
    ret->is_truncated = sort_addresses(&s);
    ret->addresses = s.address_count;
    find_groups(&s);
    moon_buf_putc(out, '[');
    for (size_t i = 0; i < s.group_count; i++) {
        if (!s.groups[i].is_written) {
            moon_buf_puts(out, separator);
            write_subset(&s, i, out);
            separator = ",";
        }
    }
    moon_buf_putc(out, ']');
}
