/* SPDX-License-Identifier: Apache-2.0
 *
 * validate_container.c - the rules of the containers of a pod spec.
 */
#include <stdio.h>

#include "base/map.h"
#include "sim/field_path.h"
#include "sim/metadata.h"
#include "sim/quantity_text.h"
#include "sim/validate.h"

enum {
    PORT_MAX = 65535
};

static void validate_port_number(const cJSON *port, const char *member, const char *path,
                                 bool required, cJSON *causes)
{
    int64_t number = moon_sim_int(port, member, 0);
    struct field field = field_child(path, member);
    if (number == 0 && required) {
        moon_sim_cause_required(causes, field.text, "");
    } else if (number != 0 && (number < 1 || number > PORT_MAX)) {
        moon_sim_cause_invalid_int(causes, field.text, number,
                                   "must be between 1 and 65535, inclusive");
    }
}

static void validate_protocol(const char *protocol, const char *path, cJSON *causes)
{
    struct field field = field_child(path, "protocol");
    if (protocol[0] == '\0') {
        moon_sim_cause_required(causes, field.text, "");
    } else if (!moon_streq(protocol, "TCP") && !moon_streq(protocol, "UDP") &&
               !moon_streq(protocol, "SCTP")) {
        moon_sim_cause_unsupported(causes, field.text, protocol, "\"SCTP\", \"TCP\", \"UDP\"");
    }
}

static void validate_name_of_port(const char *name, const char *field, struct moon_map *names,
                                  cJSON *causes)
{
    int before = cJSON_GetArraySize(causes);
    if (name[0] == '\0') {
        return;
    }
    moon_sim_validate_port_name(name, field, causes);
    if (cJSON_GetArraySize(causes) > before) {
        return;
    }
    if (moon_map_has(names, moon_str(name))) {
        moon_sim_cause_duplicate(causes, field, name);
    }
    moon_map_set(names, moon_str(name), NULL);
}

static void validate_ports(const cJSON *ports, const char *path, cJSON *causes)
{
    const cJSON *port = NULL;
    int index = 0;
    MOON_CLEANUP(moon_map_free_ptr) struct moon_map *names = moon_map_new(NULL);
    cJSON_ArrayForEach (port, ports) {
        struct field at = field_element(path, "ports", index++);
        const char *name = moon_sim_text(port, "name");
        struct field name_field = field_child(at.text, "name");
        validate_name_of_port(name, name_field.text, names, causes);
        validate_port_number(port, "containerPort", at.text, true, causes);
        validate_port_number(port, "hostPort", at.text, false, causes);
        validate_protocol(moon_sim_text(port, "protocol"), at.text, causes);
    }
}

static bool is_env_name(const char *name)
{
    for (const char *p = name; *p != '\0'; p++) {
        bool word = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || strchr("_-.", *p);
        if (!word && (*p < '0' || *p > '9' || p == name)) {
            return false;
        }
    }
    return true;
}

static bool is_field_of_pod(const char *path)
{
    static const char *const known[] = {"metadata.name",
                                        "metadata.namespace",
                                        "metadata.uid",
                                        "spec.nodeName",
                                        "spec.serviceAccountName",
                                        "status.hostIP",
                                        "status.hostIPs",
                                        "status.podIP",
                                        "status.podIPs"};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(known); i++) {
        if (moon_streq(path, known[i])) {
            return true;
        }
    }
    return moon_str_starts(moon_str(path), "metadata.labels['") ||
           moon_str_starts(moon_str(path), "metadata.annotations['");
}

static void validate_field_ref(const cJSON *ref, const char *path, cJSON *causes)
{
    struct field field = field_child(path, "fieldRef.fieldPath");
    const char *wanted = moon_sim_text(ref, "fieldPath");
    if (wanted[0] == '\0') {
        moon_sim_cause_required(causes, field.text, "");
    } else if (!is_field_of_pod(wanted)) {
        MOON_AUTOFREE char *detail =
            moon_asprintf("error converting fieldPath: field label not supported: %s", wanted);
        moon_sim_cause_invalid_text(causes, field.text, wanted, detail);
    }
}

static void validate_key_ref(const cJSON *ref, const char *member, const char *path, cJSON *causes)
{
    struct field at = field_child(path, member);
    struct field name = field_child(at.text, "name");
    struct field key = field_child(at.text, "key");
    moon_sim_validate_dns_subdomain(moon_sim_text(ref, "name"), name.text, causes);
    if (moon_sim_text(ref, "key")[0] == '\0') {
        moon_sim_cause_required(causes, key.text, "");
    } else {
        moon_sim_validate_config_key(moon_sim_text(ref, "key"), key.text, causes);
    }
}

/* valueFrom: exactly one source, and no value beside it. */
static void validate_source(const cJSON *from, const char *value, const char *path, cJSON *causes)
{
    static const char *const key_refs[] = {"configMapKeyRef", "secretKeyRef"};
    const cJSON *field_ref = moon_sim_member(from, "fieldRef");
    int sources = field_ref != NULL ? 1 : 0;
    if (field_ref != NULL) {
        validate_field_ref(field_ref, path, causes);
    }
    sources += moon_sim_member(from, "resourceFieldRef") != NULL ? 1 : 0;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(key_refs); i++) {
        const cJSON *ref = moon_sim_member(from, key_refs[i]);
        if (ref != NULL) {
            sources++;
            validate_key_ref(ref, key_refs[i], path, causes);
        }
    }
    if (sources == 0) {
        moon_sim_cause_invalid_text(causes, path, "",
                                    "must specify one of: `fieldRef`, `resourceFieldRef`, "
                                    "`configMapKeyRef` or `secretKeyRef`");
    } else if (value[0] != '\0') {
        moon_sim_cause_invalid_text(causes, path, "",
                                    "may not be specified when `value` is not empty");
    } else if (sources > 1) {
        moon_sim_cause_invalid_text(causes, path, "",
                                    "may not have more than one field specified at a time");
    }
}

static void validate_env(const cJSON *env, const char *path, cJSON *causes)
{
    const cJSON *item = NULL;
    int index = 0;
    cJSON_ArrayForEach (item, env) {
        struct field at = field_element(path, "env", index++);
        struct field name_field = field_child(at.text, "name");
        const char *name = moon_sim_text(item, "name");
        const cJSON *from = moon_sim_member(item, "valueFrom");
        if (name[0] == '\0') {
            moon_sim_cause_required(causes, name_field.text, "");
        } else if (!is_env_name(name)) {
            moon_sim_cause_invalid_text(
                causes, name_field.text, name,
                "a valid environment variable name must consist of alphabetic characters, digits, "
                "'_', '-', or '.', and must not start with a digit (e.g. 'my.env-name',  or "
                "'MY_ENV.NAME',  or 'MyEnvName1', regex used for validation is "
                "'[-._a-zA-Z][-._a-zA-Z0-9]*')");
        }
        if (from != NULL) {
            struct field from_field = field_child(at.text, "valueFrom");
            validate_source(from, moon_sim_text(item, "value"), from_field.text, causes);
        }
    }
}

/* A path below the volume. A real server leaves the mount's number out of the field. */
static void validate_sub_path(const char *sub_path, const char *path, cJSON *causes)
{
    struct field field = field_child(path, "volumeMounts.subPath");
    struct moon_str rest = moon_str(sub_path);
    struct moon_str piece;
    if (sub_path[0] == '/') {
        moon_sim_cause_invalid_text(causes, field.text, sub_path, "must be a relative path");
    }
    while (moon_str_split(&rest, '/', &piece)) {
        if (moon_str_is(piece, "..")) {
            moon_sim_cause_invalid_text(causes, field.text, sub_path, "must not contain '..'");
            return;
        }
    }
}

static void validate_mounts(const cJSON *mounts, const struct moon_map *volumes, const char *path,
                            cJSON *causes)
{
    const cJSON *mount = NULL;
    int index = 0;
    MOON_CLEANUP(moon_map_free_ptr) struct moon_map *paths = moon_map_new(NULL);
    cJSON_ArrayForEach (mount, mounts) {
        struct field at = field_element(path, "volumeMounts", index++);
        struct field name_field = field_child(at.text, "name");
        struct field path_field = field_child(at.text, "mountPath");
        const char *name = moon_sim_text(mount, "name");
        const char *where = moon_sim_text(mount, "mountPath");
        if (name[0] == '\0') {
            moon_sim_cause_required(causes, name_field.text, "");
        }
        if (!moon_map_has(volumes, moon_str(name))) {
            moon_sim_cause_not_found(causes, name_field.text, name);
        }
        if (where[0] == '\0') {
            moon_sim_cause_required(causes, path_field.text, "");
        } else if (moon_map_has(paths, moon_str(where))) {
            moon_sim_cause_invalid_text(causes, path_field.text, where, "must be unique");
        }
        moon_map_set(paths, moon_str(where), NULL);
        validate_sub_path(moon_sim_text(mount, "subPath"), path, causes);
    }
}

static bool is_standard_resource(const char *name)
{
    return moon_streq(name, "cpu") || moon_streq(name, "memory") ||
           moon_streq(name, "ephemeral-storage") || moon_str_starts(moon_str(name), "hugepages-");
}

static void validate_quantities(const cJSON *list, const char *path, cJSON *causes)
{
    const cJSON *quantity = NULL;
    cJSON_ArrayForEach (quantity, list) {
        struct field field = {{'\0'}};
        const char *text = cJSON_GetStringValue(quantity);
        field_extend(&field, path);
        field_extend(&field, "[");
        field_extend(&field, quantity->string);
        field_extend(&field, "]");
        if (text != NULL && text[0] == '-') {
            moon_sim_cause_invalid_text(causes, field.text, text,
                                        "must be greater than or equal to 0");
        }
        if (!moon_is_label_key(moon_str(quantity->string))) {
            moon_sim_validate_label_key(quantity->string, field.text, causes);
        } else if (strchr(quantity->string, '/') == NULL &&
                   !is_standard_resource(quantity->string)) {
            moon_sim_cause_invalid_text(causes, field.text, quantity->string,
                                        "must be a standard resource type or fully qualified");
            moon_sim_cause_invalid_text(causes, field.text, quantity->string,
                                        "must be a standard resource for containers");
        }
    }
}

static void validate_resources(const cJSON *resources, const char *path, cJSON *causes)
{
    const cJSON *limits = moon_sim_member(resources, "limits");
    const cJSON *request = NULL;
    struct field limits_field = field_child(path, "resources.limits");
    struct field requests_field = field_child(path, "resources.requests");
    validate_quantities(limits, limits_field.text, causes);
    validate_quantities(moon_sim_member(resources, "requests"), requests_field.text, causes);
    cJSON_ArrayForEach (request, moon_sim_member(resources, "requests")) {
        int64_t wanted = 0;
        int64_t limit = 0;
        const char *text = cJSON_GetStringValue(request);
        const char *limit_text = cJSON_GetStringValue(moon_sim_member(limits, request->string));
        bool overcommits = strchr(request->string, '/') == NULL &&
                           !moon_str_starts(moon_str(request->string), "hugepages-");
        if (!overcommits && limit_text == NULL) {
            moon_sim_cause_required(causes, limits_field.text,
                                    "Limit must be set for non overcommitable resources");
        }
        if (limit_text != NULL && moon_sim_quantity_milli(moon_str(text), &wanted) &&
            moon_sim_quantity_milli(moon_str(limit_text), &limit) && wanted > limit) {
            MOON_AUTOFREE char *detail = moon_asprintf(
                "must be less than or equal to %s limit of %s", request->string, limit_text);
            moon_sim_cause_invalid_text(causes, requests_field.text, text, detail);
        }
    }
}

/* What one kind of action needs. */
static void validate_action(const cJSON *action, const char *kind, const char *path, cJSON *causes)
{
    struct field port = field_child(path, "port");
    struct field command = field_child(path, "command");
    struct field where = field_child(path, "path");
    struct field scheme = field_child(path, "scheme");
    const char *named = moon_sim_text(action, "scheme");
    if (moon_streq(kind, "exec") && cJSON_GetArraySize(moon_sim_member(action, "command")) == 0) {
        moon_sim_cause_required(causes, command.text, "");
    }
    if (moon_streq(kind, "httpGet") && moon_sim_text(action, "path")[0] == '\0') {
        moon_sim_cause_required(causes, where.text, "");
    }
    if (moon_streq(kind, "httpGet") || moon_streq(kind, "tcpSocket")) {
        moon_sim_validate_port_or_name(moon_sim_member(action, "port"), port.text, causes);
    }
    if (moon_streq(kind, "httpGet") && !moon_streq(named, "HTTP") && !moon_streq(named, "HTTPS")) {
        moon_sim_cause_unsupported(causes, scheme.text, named, "\"HTTP\", \"HTTPS\"");
    }
}

static void validate_handler(const cJSON *handler, const char *path, cJSON *causes)
{
    static const char *const actions[] = {"exec", "httpGet", "tcpSocket", "grpc", "sleep"};
    int count = 0;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(actions); i++) {
        const cJSON *action = moon_sim_member(handler, actions[i]);
        struct field field = field_child(path, actions[i]);
        if (action == NULL) {
            continue;
        }
        if (++count > 1) {
            moon_sim_cause_forbidden(causes, field.text,
                                     "may not specify more than 1 handler type");
        } else {
            validate_action(action, actions[i], field.text, causes);
        }
    }
    if (count == 0) {
        moon_sim_cause_required(causes, path, "must specify a handler type");
    }
}

static void validate_probe(const cJSON *probe, const char *path, bool once, cJSON *causes)
{
    static const char *const numbers[] = {"initialDelaySeconds", "timeoutSeconds", "periodSeconds",
                                          "successThreshold", "failureThreshold"};
    if (probe == NULL) {
        return;
    }
    validate_handler(probe, path, causes);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(numbers); i++) {
        struct field field = field_child(path, numbers[i]);
        moon_sim_validate_not_negative(probe, numbers[i], field.text, causes);
    }
    if (once && moon_sim_int(probe, "successThreshold", 1) != 1) {
        struct field field = field_child(path, "successThreshold");
        moon_sim_cause_invalid_int(causes, field.text, moon_sim_int(probe, "successThreshold", 1),
                                   "must be 1");
    }
}

static void validate_hooks(const cJSON *container, const char *path, cJSON *causes)
{
    static const char *const hooks[] = {"postStart", "preStop"};
    struct field lifecycle = field_child(path, "lifecycle");
    for (size_t i = 0; i < MOON_ARRAY_SIZE(hooks); i++) {
        const cJSON *hook = moon_sim_member(moon_sim_member(container, "lifecycle"), hooks[i]);
        struct field field = field_child(lifecycle.text, hooks[i]);
        if (hook != NULL) {
            validate_handler(hook, field.text, causes);
        }
    }
}

static void validate_probe_of(const cJSON *container, const char *member, const char *path,
                              cJSON *causes)
{
    struct field field = field_child(path, member);
    bool once = !moon_streq(member, "readinessProbe");
    validate_probe(moon_sim_member(container, member), field.text, once, causes);
}

/* Init containers run to their end: nothing to probe, nothing to hook into. */
static void forbid_for_init(const cJSON *container, const char *path, cJSON *causes)
{
    static const char *const members[] = {"lifecycle", "livenessProbe", "readinessProbe",
                                          "startupProbe"};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(members); i++) {
        struct field field = field_child(path, members[i]);
        if (moon_sim_member(container, members[i]) != NULL) {
            moon_sim_cause_forbidden(
                causes, field.text,
                "may not be set for init containers without restartPolicy=Always");
        }
    }
}

void moon_sim_validate_choice(const char *value, const char *const *choices, const char *field,
                              const char *listed, cJSON *causes)
{
    for (; *choices != NULL; choices++) {
        if (moon_streq(*choices, value)) {
            return;
        }
    }
    moon_sim_cause_unsupported(causes, field, value, listed);
}

static void validate_image(const char *image, const char *field, cJSON *causes)
{
    struct moon_str trimmed = moon_str_trim(moon_str(image));
    if (image[0] == '\0') {
        moon_sim_cause_required(causes, field, "");
    } else if (trimmed.len != strlen(image)) {
        moon_sim_cause_invalid_text(causes, field, image,
                                    "must not have leading or trailing whitespace");
    }
}

static void validate_container(const cJSON *container, const char *path,
                               const struct moon_map *volumes, struct moon_map *names, bool is_init,
                               cJSON *causes)
{
    static const char *const pull[] = {"Always", "IfNotPresent", "Never", NULL};
    struct field name_field = field_child(path, "name");
    struct field image_field = field_child(path, "image");
    struct field pull_field = field_child(path, "imagePullPolicy");
    struct field message_field = field_child(path, "terminationMessagePolicy");
    const char *name = moon_sim_text(container, "name");
    const char *message = moon_sim_text(container, "terminationMessagePolicy");
    if (name[0] == '\0') {
        moon_sim_cause_required(causes, name_field.text, "");
    } else {
        moon_sim_validate_dns_label(name, name_field.text, causes);
    }
    if (name[0] != '\0' && moon_map_has(names, moon_str(name))) {
        moon_sim_cause_duplicate(causes, name_field.text, name);
    }
    moon_map_set(names, moon_str(name), NULL);
    validate_image(moon_sim_text(container, "image"), image_field.text, causes);
    validate_hooks(container, path, causes);
    validate_probe_of(container, "livenessProbe", path, causes);
    validate_probe_of(container, "startupProbe", path, causes);
    if (!moon_streq(message, "File") && !moon_streq(message, "FallbackToLogsOnError")) {
        moon_sim_cause_invalid_text(causes, message_field.text, message,
                                    "must be 'File' or 'FallbackToLogsOnError'");
    }
    validate_probe_of(container, "readinessProbe", path, causes);
    validate_ports(moon_sim_member(container, "ports"), path, causes);
    validate_env(moon_sim_member(container, "env"), path, causes);
    validate_mounts(moon_sim_member(container, "volumeMounts"), volumes, path, causes);
    moon_sim_validate_choice(moon_sim_text(container, "imagePullPolicy"), pull, pull_field.text,
                             "\"Always\", \"IfNotPresent\", \"Never\"", causes);
    validate_resources(moon_sim_member(container, "resources"), path, causes);
    if (is_init && !moon_streq(moon_sim_text(container, "restartPolicy"), "Always")) {
        forbid_for_init(container, path, causes);
    }
}

/* The same host port twice in one pod cannot be had. */
static void validate_host_ports(const cJSON *containers, const char *path, cJSON *causes)
{
    const cJSON *container = NULL;
    int i = 0;
    MOON_CLEANUP(moon_map_free_ptr) struct moon_map *taken = moon_map_new(NULL);
    cJSON_ArrayForEach (container, containers) {
        const cJSON *port = NULL;
        int p = 0;
        struct field at = field_element(path, "containers", i++);
        cJSON_ArrayForEach (port, moon_sim_member(container, "ports")) {
            int64_t number = moon_sim_int(port, "hostPort", 0);
            struct field port_field = field_element(at.text, "ports", p++);
            struct field field = field_child(port_field.text, "hostPort");
            MOON_AUTOFREE char *key =
                moon_asprintf("%s/%s/%lld", moon_sim_text(port, "protocol"),
                              moon_sim_text(port, "hostIP"), (long long)number);
            if (number != 0 && moon_map_has(taken, moon_str(key))) {
                moon_sim_cause_duplicate(causes, field.text, key);
            } else if (number != 0) {
                moon_map_set(taken, moon_str(key), NULL);
            }
        }
    }
}

void moon_sim_validate_containers(const cJSON *spec, const char *path,
                                  const struct moon_map *volumes, cJSON *causes)
{
    static const char *const lists[] = {"containers", "initContainers"};
    struct field containers = field_child(path, "containers");
    MOON_CLEANUP(moon_map_free_ptr) struct moon_map *names = moon_map_new(NULL);
    if (cJSON_GetArraySize(moon_sim_member(spec, "containers")) == 0) {
        moon_sim_cause_required(causes, containers.text, "");
    }
    for (size_t i = 0; i < MOON_ARRAY_SIZE(lists); i++) {
        const cJSON *container = NULL;
        int index = 0;
        cJSON_ArrayForEach (container, moon_sim_member(spec, lists[i])) {
            struct field at = field_element(path, lists[i], index++);
            validate_container(container, at.text, volumes, names, i == 1, causes);
        }
        if (i == 0) {
            validate_host_ports(moon_sim_member(spec, "containers"), path, causes);
        }
    }
}

void moon_sim_validate_host_network(const cJSON *spec, const char *path, cJSON *causes)
{
    const cJSON *container = NULL;
    int c = 0;
    cJSON_ArrayForEach (container, moon_sim_member(spec, "containers")) {
        struct field at = field_element(path, "containers", c++);
        const cJSON *port = NULL;
        int p = 0;
        cJSON_ArrayForEach (port, moon_sim_member(container, "ports")) {
            struct field port_at = field_element(at.text, "ports", p++);
            struct field field = field_child(port_at.text, "containerPort");
            int64_t host_port = moon_sim_int(port, "hostPort", 0);
            int64_t number = moon_sim_int(port, "containerPort", 0);
            if (host_port != 0 && host_port != number) {
                moon_sim_cause_invalid_int(causes, field.text, number,
                                           "must match `hostPort` when `hostNetwork` is true");
            }
        }
    }
}
