/* SPDX-License-Identifier: Apache-2.0
 *
 * validate_services.c - the rules of Services and Endpoints.
 */
#include <arpa/inet.h>
#include <stdio.h>

#include "base/map.h"
#include "sim/metadata.h"
#include "sim/validate.h"

enum {
    PORT_LAST = 65535
};

static const char PORT_RULE[] = "must be between 1 and 65535, inclusive";
static const char ADDRESS_RULE[] = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
static const char PROTOCOLS[] = "\"SCTP\", \"TCP\", \"UDP\"";

static bool is_address(const char *text)
{
    unsigned char bytes[16];
    return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

static bool is_port(int64_t number)
{
    return number >= 1 && number <= PORT_LAST;
}

/* ---- ports ---- */

void moon_sim_validate_port_name(const char *name, const char *field, cJSON *causes)
{
    size_t len = strlen(name);
    size_t known = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
    if (len > 15) {
        moon_sim_cause_invalid_text(causes, field, name, "must be no more than 15 characters");
    }
    if (known != len) {
        moon_sim_cause_invalid_text(
            causes, field, name,
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
    }
    if (strpbrk(name, "abcdefghijklmnopqrstuvwxyz") == NULL) {
        moon_sim_cause_invalid_text(causes, field, name,
                                    "must contain at least one letter or number (a-z, 0-9)");
    }
    if (strstr(name, "--") != NULL) {
        moon_sim_cause_invalid_text(causes, field, name, "must not contain consecutive hyphens");
    }
    if (len > 0 && (name[0] == '-' || name[len - 1] == '-')) {
        moon_sim_cause_invalid_text(causes, field, name, "must not begin or end with a hyphen");
    }
}

void moon_sim_validate_port_or_name(const cJSON *port, const char *field, cJSON *causes)
{
    int64_t number = 0;
    if (cJSON_IsString(port)) {
        moon_sim_validate_port_name(port->valuestring, field, causes);
    } else if (port == NULL || (moon_sim_to_int(port, &number) && !is_port(number))) {
        moon_sim_cause_invalid_int(causes, field, number, PORT_RULE);
    }
}

static void validate_protocol(const char *protocol, const char *field, cJSON *causes)
{
    if (protocol[0] == '\0') {
        moon_sim_cause_required(causes, field, "");
    } else if (!moon_streq(protocol, "TCP") && !moon_streq(protocol, "UDP") &&
               !moon_streq(protocol, "SCTP")) {
        moon_sim_cause_unsupported(causes, field, protocol, PROTOCOLS);
    }
}

/* Name, number, protocol: the same for Services and Endpoints but for their order. */
struct port_rules {
    bool needs_name;
    struct moon_map *names; /* that are taken; NULL: may repeat */
};

static void validate_name_of_port(const cJSON *port, const struct port_rules *rules,
                                  const char *path, cJSON *causes)
{
    MOON_AUTOFREE char *field = moon_asprintf("%s.name", path);
    const char *name = moon_sim_text(port, "name");
    if (name[0] == '\0') {
        if (rules->needs_name) {
            moon_sim_cause_required(causes, field, "");
        }
        return;
    }
    moon_sim_validate_dns_label(name, field, causes);
    if (rules->names != NULL && moon_map_has(rules->names, moon_str(name))) {
        moon_sim_cause_duplicate(causes, field, name);
    } else if (rules->names != NULL) {
        moon_map_set(rules->names, moon_str(name), NULL);
    }
}

static void validate_number_of_port(const cJSON *port, const char *path, cJSON *causes)
{
    MOON_AUTOFREE char *field = moon_asprintf("%s.port", path);
    int64_t number = moon_sim_int(port, "port", 0);
    if (!is_port(number)) {
        moon_sim_cause_invalid_int(causes, field, number, PORT_RULE);
    }
}

static void validate_service_port(const cJSON *port, const struct port_rules *rules,
                                  const char *path, cJSON *causes)
{
    MOON_AUTOFREE char *protocol = moon_asprintf("%s.protocol", path);
    MOON_AUTOFREE char *target = moon_asprintf("%s.targetPort", path);
    validate_name_of_port(port, rules, path, causes);
    validate_number_of_port(port, path, causes);
    validate_protocol(moon_sim_text(port, "protocol"), protocol, causes);
    moon_sim_validate_port_or_name(moon_sim_member(port, "targetPort"), target, causes);
}

static void validate_unique_ports(const cJSON *ports, cJSON *causes)
{
    const cJSON *port = NULL;
    int index = 0;
    MOON_CLEANUP(moon_map_free_ptr) struct moon_map *seen = moon_map_new(NULL);
    cJSON_ArrayForEach (port, ports) {
        char field[32];
        MOON_AUTOFREE char *key = moon_asprintf("%s/%lld", moon_sim_text(port, "protocol"),
                                                (long long)moon_sim_int(port, "port", 0));
        (void)snprintf(field, sizeof(field), "spec.ports[%d]", index++);
        if (moon_map_has(seen, moon_str(key))) {
            MOON_AUTOFREE char *shown = moon_asprintf(
                "core.ServicePort{Name:\"\", Protocol:\"%s\", AppProtocol:(*string)(nil), "
                "Port:%lld, TargetPort:intstr.IntOrString{Type:0, IntVal:0, StrVal:\"\"}, "
                "NodePort:0}",
                moon_sim_text(port, "protocol"), (long long)moon_sim_int(port, "port", 0));
            moon_sim_cause_duplicate_go(causes, field, shown, NULL);
        }
        moon_map_set(seen, moon_str(key), NULL);
    }
}

/* ---- Services ---- */

static bool is_known_type(const char *type)
{
    return moon_streq(type, "ClusterIP") || moon_streq(type, "NodePort") ||
           moon_streq(type, "LoadBalancer") || moon_streq(type, "ExternalName");
}

static void validate_ports(const cJSON *spec, cJSON *causes)
{
    const cJSON *ports = moon_sim_member(spec, "ports");
    const cJSON *port = NULL;
    bool headless = moon_streq(moon_sim_text(spec, "clusterIP"), "None");
    bool external = moon_streq(moon_sim_text(spec, "type"), "ExternalName");
    int index = 0;
    MOON_CLEANUP(moon_map_free_ptr) struct moon_map *names = moon_map_new(NULL);
    const struct port_rules rules = {.needs_name = cJSON_GetArraySize(ports) > 1, .names = names};
    if (cJSON_GetArraySize(ports) == 0 && !headless && !external) {
        moon_sim_cause_required(causes, "spec.ports", "");
    }
    cJSON_ArrayForEach (port, ports) {
        char path[32];
        (void)snprintf(path, sizeof(path), "spec.ports[%d]", index++);
        validate_service_port(port, &rules, path, causes);
    }
}

void moon_sim_validate_service(const cJSON *obj, const struct moon_sim_rule_ctx *ctx, cJSON *causes)
{
    const cJSON *spec = moon_sim_member(obj, "spec");
    const char *type = moon_sim_text(spec, "type");
    const char *affinity = moon_sim_text(spec, "sessionAffinity");
    const char *address = moon_sim_text(spec, "clusterIP");
    (void)ctx;
    validate_ports(spec, causes);
    moon_sim_validate_labels(moon_sim_member(spec, "selector"), "spec.selector", causes);
    if (!moon_streq(affinity, "ClientIP") && !moon_streq(affinity, "None")) {
        moon_sim_cause_unsupported(causes, "spec.sessionAffinity", affinity,
                                   "\"ClientIP\", \"None\"");
    }
    if (address[0] != '\0' && !moon_streq(address, "None") && !is_address(address)) {
        moon_sim_cause_invalid_text(causes, "spec.clusterIPs[0]", address, ADDRESS_RULE);
    }
    if (!is_known_type(type)) {
        moon_sim_cause_unsupported(causes, "spec.type", type,
                                   "\"ClusterIP\", \"ExternalName\", \"LoadBalancer\", "
                                   "\"NodePort\"");
    }
    validate_unique_ports(moon_sim_member(spec, "ports"), causes);
    if (moon_streq(type, "ExternalName")) {
        const char *name = moon_sim_text(spec, "externalName");
        if (name[0] != '\0') {
            moon_sim_validate_dns_subdomain(name, "spec.externalName", causes);
        } else {
            moon_sim_cause_required(causes, "spec.externalName", "");
        }
    }
}

void moon_sim_validate_service_update(const cJSON *obj, const cJSON *old, cJSON *causes)
{
    const char *before = moon_sim_text(old, "spec.clusterIP");
    const char *now = moon_sim_text(obj, "spec.clusterIP");
    if (before[0] == '\0' || moon_streq(moon_sim_text(obj, "spec.type"), "ExternalName") ||
        moon_streq(before, now)) {
        return;
    }
    MOON_AUTOFREE char *shown = moon_asprintf("[]string{\"%s\"}", now);
    moon_sim_cause_invalid_go(causes, "spec.clusterIPs[0]", shown, "may not change once set");
}

/* ---- Endpoints ---- */

/* Addresses that mean something else on each machine. */
static void validate_plain_address(const char *address, const char *field, cJSON *causes)
{
    struct in_addr v4;
    if (!is_address(address)) {
        moon_sim_cause_invalid_text(causes, field, address, ADDRESS_RULE);
        moon_sim_cause_invalid_text(causes, field, address, "must be a valid IP address");
        return;
    }
    if (inet_pton(AF_INET, address, &v4) != 1) {
        return;
    }
    uint32_t number = ntohl(v4.s_addr);
    if (number == 0) {
        moon_sim_cause_invalid_text(causes, field, address, "may not be unspecified (0.0.0.0)");
    }
    if (number >> 24 == 127) {
        moon_sim_cause_invalid_text(causes, field, address,
                                    "may not be in the loopback range (127.0.0.0/8)");
    }
    if (number >> 16 == 0xa9feU) {
        moon_sim_cause_invalid_text(causes, field, address,
                                    "may not be in the link-local range (169.254.0.0/16)");
    }
    if (number >> 8 == 0xe00000U) {
        moon_sim_cause_invalid_text(causes, field, address,
                                    "may not be in the link-local multicast range (224.0.0.0/24)");
    }
}

static void validate_addresses(const cJSON *subset, const char *member, const char *path,
                               cJSON *causes)
{
    const cJSON *address = NULL;
    int index = 0;
    cJSON_ArrayForEach (address, moon_sim_member(subset, member)) {
        const char *hostname = moon_sim_text(address, "hostname");
        MOON_AUTOFREE char *field = moon_asprintf("%s.%s[%d].ip", path, member, index);
        MOON_AUTOFREE char *host_field = moon_asprintf("%s.%s[%d].hostname", path, member, index++);
        validate_plain_address(moon_sim_text(address, "ip"), field, causes);
        if (hostname[0] != '\0') {
            moon_sim_validate_dns_label(hostname, host_field, causes);
        }
    }
}

static void validate_subset(const cJSON *subset, const char *path, cJSON *causes)
{
    const cJSON *ports = moon_sim_member(subset, "ports");
    const cJSON *port = NULL;
    const struct port_rules rules = {.needs_name = cJSON_GetArraySize(ports) > 1};
    int index = 0;
    if (cJSON_GetArraySize(moon_sim_member(subset, "addresses")) == 0 &&
        cJSON_GetArraySize(moon_sim_member(subset, "notReadyAddresses")) == 0) {
        moon_sim_cause_required(causes, path, "must specify `addresses` or `notReadyAddresses`");
    }
    validate_addresses(subset, "addresses", path, causes);
    validate_addresses(subset, "notReadyAddresses", path, causes);
    cJSON_ArrayForEach (port, ports) {
        MOON_AUTOFREE char *at = moon_asprintf("%s.ports[%d]", path, index++);
        MOON_AUTOFREE char *protocol = moon_asprintf("%s.protocol", at);
        validate_name_of_port(port, &rules, at, causes);
        validate_number_of_port(port, at, causes);
        validate_protocol(moon_sim_text(port, "protocol"), protocol, causes);
    }
}

void moon_sim_validate_endpoints(const cJSON *obj, const struct moon_sim_rule_ctx *ctx,
                                 cJSON *causes)
{
    const cJSON *subset = NULL;
    int index = 0;
    (void)ctx;
    cJSON_ArrayForEach (subset, moon_sim_member(obj, "subsets")) {
        char path[32];
        (void)snprintf(path, sizeof(path), "subsets[%d]", index++);
        validate_subset(subset, path, causes);
    }
}
