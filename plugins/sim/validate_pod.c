/* SPDX-License-Identifier: Apache-2.0
 *
 * validate_pod.c - the rules of pod specs.
 */
#include <stdio.h>

#include "base/map.h"
#include "sim/metadata.h"
#include "sim/quantity_text.h"
#include "sim/validate.h"

enum {
    FIELD_MAX = 512,
    PORT_MAX = 65535
};

/* A field path on the stack: "spec.containers[0].name". */
struct field {
    char text[FIELD_MAX];
};

/* What does not fit is left out: it is a path in a message. */
static void extend(struct field *field, const char *text)
{
    size_t used = strlen(field->text);
    size_t len = strlen(text);
    len = len < FIELD_MAX - 1 - used ? len : FIELD_MAX - 1 - used;
    memcpy(field->text + used, text, len);
    field->text[used + len] = '\0';
}

static struct field child(const char *path, const char *name)
{
    struct field field = {{'\0'}};
    extend(&field, path);
    extend(&field, ".");
    extend(&field, name);
    return field;
}

static struct field element(const char *path, const char *name, int index)
{
    char suffix[16];
    struct field field = child(path, name);
    (void)snprintf(suffix, sizeof(suffix), "[%d]", index);
    extend(&field, suffix);
    return field;
}

/* ---- containers ---- */

static void validate_port_number(const cJSON *port, const char *member, const char *path,
                                 bool required, cJSON *causes)
{
    int64_t number = moon_sim_int(port, member, 0);
    struct field field = child(path, member);
    if (number == 0 && required) {
        moon_sim_cause_required(causes, field.text, "");
    } else if (number != 0 && (number < 1 || number > PORT_MAX)) {
        moon_sim_cause_invalid_int(causes, field.text, number,
                                   "must be between 1 and 65535, inclusive");
    }
}

static void validate_protocol(const char *protocol, const char *path, cJSON *causes)
{
    struct field field = child(path, "protocol");
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

static void validate_ports(const cJSON *ports, const char *path, bool host_network, cJSON *causes)
{
    const cJSON *port = NULL;
    int index = 0;
    MOON_CLEANUP(moon_map_free_ptr) struct moon_map *names = moon_map_new(NULL);
    cJSON_ArrayForEach (port, ports) {
        struct field at = element(path, "ports", index++);
        const char *name = moon_sim_text(port, "name");
        struct field name_field = child(at.text, "name");
        int64_t host_port = moon_sim_int(port, "hostPort", 0);
        validate_name_of_port(name, name_field.text, names, causes);
        validate_port_number(port, "containerPort", at.text, true, causes);
        validate_port_number(port, "hostPort", at.text, false, causes);
        validate_protocol(moon_sim_text(port, "protocol"), at.text, causes);
        if (host_network && host_port != 0 && host_port != moon_sim_int(port, "containerPort", 0)) {
            struct field field = child(at.text, "containerPort");
            moon_sim_cause_invalid_int(causes, field.text, moon_sim_int(port, "containerPort", 0),
                                       "must match `hostPort` when `hostNetwork` is true");
        }
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

static void validate_env(const cJSON *env, const char *path, cJSON *causes)
{
    const cJSON *item = NULL;
    int index = 0;
    cJSON_ArrayForEach (item, env) {
        struct field at = element(path, "env", index++);
        struct field name_field = child(at.text, "name");
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
        if (from != NULL && moon_sim_text(item, "value")[0] != '\0') {
            struct field field = child(at.text, "valueFrom");
            moon_sim_cause_invalid_text(causes, field.text, "",
                                        "may not be specified when `value` is not empty");
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
        struct field at = element(path, "volumeMounts", index++);
        struct field name_field = child(at.text, "name");
        struct field path_field = child(at.text, "mountPath");
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
    }
}

static void validate_quantities(const cJSON *list, const char *path, cJSON *causes)
{
    const cJSON *quantity = NULL;
    cJSON_ArrayForEach (quantity, list) {
        struct field field = {{'\0'}};
        const char *text = cJSON_GetStringValue(quantity);
        extend(&field, path);
        extend(&field, "[");
        extend(&field, quantity->string);
        extend(&field, "]");
        if (text != NULL && text[0] == '-') {
            moon_sim_cause_invalid_text(causes, field.text, text,
                                        "must be greater than or equal to 0");
        }
        if (!moon_is_label_key(moon_str(quantity->string))) {
            moon_sim_validate_label_key(quantity->string, field.text, causes);
        } else if (strchr(quantity->string, '/') == NULL && !moon_streq(quantity->string, "cpu") &&
                   !moon_streq(quantity->string, "memory") &&
                   !moon_streq(quantity->string, "ephemeral-storage") &&
                   !moon_str_starts(moon_str(quantity->string), "hugepages-")) {
            moon_sim_cause_invalid_text(causes, field.text, quantity->string,
                                        "must be a standard resource type or fully qualified");
        }
    }
}

static void validate_resources(const cJSON *resources, const char *path, cJSON *causes)
{
    const cJSON *limits = moon_sim_member(resources, "limits");
    const cJSON *request = NULL;
    struct field limits_field = child(path, "resources.limits");
    struct field requests_field = child(path, "resources.requests");
    validate_quantities(limits, limits_field.text, causes);
    validate_quantities(moon_sim_member(resources, "requests"), requests_field.text, causes);
    cJSON_ArrayForEach (request, moon_sim_member(resources, "requests")) {
        int64_t wanted = 0;
        int64_t limit = 0;
        const char *text = cJSON_GetStringValue(request);
        const char *limit_text = cJSON_GetStringValue(moon_sim_member(limits, request->string));
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
    struct field port = child(path, "port");
    struct field command = child(path, "command");
    struct field where = child(path, "path");
    struct field scheme = child(path, "scheme");
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
        struct field field = child(path, actions[i]);
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
        struct field field = child(path, numbers[i]);
        moon_sim_validate_not_negative(probe, numbers[i], field.text, causes);
    }
    if (once && moon_sim_int(probe, "successThreshold", 1) != 1) {
        struct field field = child(path, "successThreshold");
        moon_sim_cause_invalid_int(causes, field.text, moon_sim_int(probe, "successThreshold", 1),
                                   "must be 1");
    }
}

static void validate_probes(const cJSON *container, const char *path, cJSON *causes)
{
    static const char *const probes[] = {"livenessProbe", "startupProbe", "readinessProbe"};
    static const char *const hooks[] = {"postStart", "preStop"};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(probes); i++) {
        struct field field = child(path, probes[i]);
        validate_probe(moon_sim_member(container, probes[i]), field.text, i < 2, causes);
    }
    for (size_t i = 0; i < MOON_ARRAY_SIZE(hooks); i++) {
        const cJSON *hook = moon_sim_member(moon_sim_member(container, "lifecycle"), hooks[i]);
        struct field lifecycle = child(path, "lifecycle");
        struct field field = child(lifecycle.text, hooks[i]);
        if (hook != NULL) {
            validate_handler(hook, field.text, causes);
        }
    }
}

static void validate_choice(const char *value, const char *const *choices, const char *path,
                            const char *listed, cJSON *causes)
{
    for (; *choices != NULL; choices++) {
        if (moon_streq(*choices, value)) {
            return;
        }
    }
    moon_sim_cause_unsupported(causes, path, value, listed);
}

static void validate_container(const cJSON *container, const char *path,
                               const struct moon_map *volumes, struct moon_map *names,
                               bool host_network, cJSON *causes)
{
    static const char *const pull[] = {"Always", "IfNotPresent", "Never", NULL};
    struct field name_field = child(path, "name");
    struct field image_field = child(path, "image");
    struct field pull_field = child(path, "imagePullPolicy");
    struct field message_field = child(path, "terminationMessagePolicy");
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
    if (moon_sim_text(container, "image")[0] == '\0') {
        moon_sim_cause_required(causes, image_field.text, "");
    }
    validate_probes(container, path, causes);
    if (!moon_streq(message, "File") && !moon_streq(message, "FallbackToLogsOnError")) {
        moon_sim_cause_invalid_text(causes, message_field.text, message,
                                    "must be 'File' or 'FallbackToLogsOnError'");
    }
    validate_ports(moon_sim_member(container, "ports"), path, host_network, causes);
    validate_env(moon_sim_member(container, "env"), path, causes);
    validate_mounts(moon_sim_member(container, "volumeMounts"), volumes, path, causes);
    validate_choice(moon_sim_text(container, "imagePullPolicy"), pull, pull_field.text,
                    "\"Always\", \"IfNotPresent\", \"Never\"", causes);
    validate_resources(moon_sim_member(container, "resources"), path, causes);
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
        struct field at = element(path, "containers", i++);
        cJSON_ArrayForEach (port, moon_sim_member(container, "ports")) {
            int64_t number = moon_sim_int(port, "hostPort", 0);
            struct field port_field = element(at.text, "ports", p++);
            struct field field = child(port_field.text, "hostPort");
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

/* ---- volumes, scheduling ---- */

static struct moon_map *validate_volumes(const cJSON *volumes, const char *path, cJSON *causes)
{
    struct moon_map *names = moon_map_new(NULL);
    const cJSON *volume = NULL;
    int index = 0;
    cJSON_ArrayForEach (volume, volumes) {
        struct field at = element(path, "volumes", index++);
        struct field field = child(at.text, "name");
        const char *name = moon_sim_text(volume, "name");
        if (name[0] == '\0') {
            moon_sim_cause_required(causes, field.text, "");
        } else {
            moon_sim_validate_dns_label(name, field.text, causes);
        }
        if (moon_map_has(names, moon_str(name))) {
            moon_sim_cause_duplicate(causes, field.text, name);
        }
        moon_map_set(names, moon_str(name), NULL);
        if (cJSON_GetArraySize(volume) > 2) {
            moon_sim_cause_forbidden(causes, at.text, "may not specify more than 1 volume type");
        }
        const cJSON *host_path = moon_sim_member(volume, "hostPath");
        if (host_path != NULL && moon_sim_text(host_path, "path")[0] == '\0') {
            struct field missing = child(at.text, "hostPath.path");
            moon_sim_cause_required(causes, missing.text, "");
        }
    }
    return names;
}

static void validate_toleration_value(const cJSON *toleration, const char *at, cJSON *causes)
{
    const char *operator= moon_sim_text(toleration, "operator");
    const char *value = moon_sim_text(toleration, "value");
    struct field field = child(at, "operator");
    if (operator[0] == '\0' || moon_streq(operator, "Equal")) {
        if (!moon_is_label_value(moon_str(value))) {
            moon_sim_validate_label_value(value, field.text, causes);
        }
    } else if (!moon_streq(operator, "Exists")) {
        moon_sim_cause_unsupported(causes, field.text, operator, "\"Equal\", \"Exists\"");
    } else if (value[0] != '\0') {
        const cJSON *seconds = moon_sim_member(toleration, "tolerationSeconds");
        MOON_AUTOFREE char *shown = moon_asprintf(
            "core.Toleration{Key:\"%s\", Operator:\"%s\", Value:\"%s\", Effect:\"%s\", "
            "TolerationSeconds:(*int64)(%s)}",
            moon_sim_text(toleration, "key"), operator, value, moon_sim_text(toleration, "effect"),
            seconds == NULL ? "nil" : "0xc000000000");
        moon_sim_cause_invalid_go(causes, field.text, shown,
                                  "value must be empty when `operator` is 'Exists'");
    }
}

static void validate_effect(const char *effect, bool allow_empty, const char *path, cJSON *causes)
{
    struct field field = child(path, "effect");
    if (effect[0] == '\0') {
        if (!allow_empty) {
            moon_sim_cause_required(causes, field.text, "");
        }
        return;
    }
    if (!moon_streq(effect, "NoSchedule") && !moon_streq(effect, "PreferNoSchedule") &&
        !moon_streq(effect, "NoExecute")) {
        moon_sim_cause_unsupported(causes, field.text, effect,
                                   "\"NoSchedule\", \"PreferNoSchedule\", \"NoExecute\"");
    }
}

static void validate_tolerations(const cJSON *tolerations, const char *path, cJSON *causes)
{
    const cJSON *toleration = NULL;
    int index = 0;
    cJSON_ArrayForEach (toleration, tolerations) {
        struct field at = element(path, "tolerations", index++);
        struct field operator_field = child(at.text, "operator");
        struct field effect_field = child(at.text, "effect");
        struct field key_field = child(at.text, "key");
        const char *key = moon_sim_text(toleration, "key");
        const char *operator= moon_sim_text(toleration, "operator");
        const char *effect = moon_sim_text(toleration, "effect");
        if (key[0] != '\0') {
            moon_sim_validate_label_key(key, key_field.text, causes);
        } else if (!moon_streq(operator, "Exists")) {
            moon_sim_cause_invalid_text(
                causes, operator_field.text, operator,
                "operator must be Exists when `key` is empty, which means \"match all values and "
                "all keys\"");
        }
        if (moon_sim_member(toleration, "tolerationSeconds") != NULL &&
            !moon_streq(effect, "NoExecute")) {
            moon_sim_cause_invalid_text(
                causes, effect_field.text, effect,
                "effect must be 'NoExecute' when `tolerationSeconds` is set");
        }
        validate_toleration_value(toleration, at.text, causes);
        validate_effect(effect, true, at.text, causes);
    }
}

static void validate_node_requirement(const cJSON *requirement, const char *at, cJSON *causes)
{
    const char *operator= moon_sim_text(requirement, "operator");
    int values = cJSON_GetArraySize(moon_sim_member(requirement, "values"));
    struct field values_field = child(at, "values");
    struct field operator_field = child(at, "operator");
    struct field key_field = child(at, "key");
    if (moon_streq(operator, "In") || moon_streq(operator, "NotIn")) {
        if (values == 0) {
            moon_sim_cause_required(causes, values_field.text,
                                    "must be specified when `operator` is 'In' or 'NotIn'");
        }
    } else if (moon_streq(operator, "Exists") || moon_streq(operator, "DoesNotExist")) {
        if (values > 0) {
            moon_sim_cause_forbidden(
                causes, values_field.text,
                "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
        }
    } else if (moon_streq(operator, "Gt") || moon_streq(operator, "Lt")) {
        if (values != 1) {
            moon_sim_cause_required(
                causes, values_field.text,
                "must be specified single value when `operator` is 'Lt' or 'Gt'");
        }
    } else {
        moon_sim_cause_invalid_text(causes, operator_field.text, operator,
                                    "not a valid selector operator");
    }
    moon_sim_validate_label_key(moon_sim_text(requirement, "key"), key_field.text, causes);
}

static void validate_node_field(const cJSON *requirement, const char *at, cJSON *causes)
{
    const char *key = moon_sim_text(requirement, "key");
    struct field key_field = child(at, "key");
    struct field values_field = child(at, "values");
    if (!moon_streq(key, "metadata.name")) {
        moon_sim_cause_invalid_text(causes, key_field.text, key, "not a valid field selector key");
    }
    if (cJSON_GetArraySize(moon_sim_member(requirement, "values")) != 1) {
        moon_sim_cause_required(
            causes, values_field.text,
            "must be only one value when `operator` is 'In' or 'NotIn' for node field selector");
    }
}

static void validate_node_term(const cJSON *term, const char *path, cJSON *causes)
{
    const cJSON *requirement = NULL;
    int index = 0;
    cJSON_ArrayForEach (requirement, moon_sim_member(term, "matchExpressions")) {
        struct field at = element(path, "matchExpressions", index++);
        validate_node_requirement(requirement, at.text, causes);
    }
    index = 0;
    cJSON_ArrayForEach (requirement, moon_sim_member(term, "matchFields")) {
        struct field at = element(path, "matchFields", index++);
        validate_node_field(requirement, at.text, causes);
    }
}

static void validate_node_affinity(const cJSON *affinity, const char *path, cJSON *causes)
{
    static const char required_name[] = "requiredDuringSchedulingIgnoredDuringExecution";
    static const char preferred_name[] = "preferredDuringSchedulingIgnoredDuringExecution";
    const cJSON *required = moon_sim_member(affinity, required_name);
    const cJSON *item = NULL;
    int index = 0;
    struct field at = child(path, required_name);
    if (required != NULL &&
        cJSON_GetArraySize(moon_sim_member(required, "nodeSelectorTerms")) == 0) {
        struct field terms = child(at.text, "nodeSelectorTerms");
        moon_sim_cause_required(causes, terms.text, "must have at least one node selector term");
    }
    cJSON_ArrayForEach (item, moon_sim_member(required, "nodeSelectorTerms")) {
        struct field term = element(at.text, "nodeSelectorTerms", index++);
        validate_node_term(item, term.text, causes);
    }
    index = 0;
    cJSON_ArrayForEach (item, moon_sim_member(affinity, preferred_name)) {
        struct field one = element(path, preferred_name, index++);
        struct field weight = child(one.text, "weight");
        struct field preference = child(one.text, "preference");
        int64_t value = moon_sim_int(item, "weight", 0);
        if (value < 1 || value > 100) {
            moon_sim_cause_invalid_int(causes, weight.text, value, "must be in the range 1-100");
        }
        validate_node_term(moon_sim_member(item, "preference"), preference.text, causes);
    }
}

/* ---- the spec ---- */

static void validate_policies(const cJSON *spec, const char *path, cJSON *causes)
{
    static const char *const restart[] = {"Always", "OnFailure", "Never", NULL};
    static const char *const dns[] = {"ClusterFirstWithHostNet", "ClusterFirst", "Default", "None",
                                      NULL};
    struct field restart_field = child(path, "restartPolicy");
    struct field dns_field = child(path, "dnsPolicy");
    validate_choice(moon_sim_text(spec, "restartPolicy"), restart, restart_field.text,
                    "\"Always\", \"OnFailure\", \"Never\"", causes);
    validate_choice(moon_sim_text(spec, "dnsPolicy"), dns, dns_field.text,
                    "\"ClusterFirstWithHostNet\", \"ClusterFirst\", \"Default\", \"None\"", causes);
}

static void validate_names(const cJSON *spec, const char *path, cJSON *causes)
{
    static const struct {
        const char *member;
        void (*check)(const char *, const char *, cJSON *);
    } names[] = {{"serviceAccountName", moon_sim_validate_dns_subdomain},
                 {"nodeName", moon_sim_validate_dns_subdomain},
                 {"hostname", moon_sim_validate_dns_label},
                 {"subdomain", moon_sim_validate_dns_label},
                 {"priorityClassName", moon_sim_validate_dns_subdomain},
                 {"runtimeClassName", moon_sim_validate_dns_subdomain}};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(names); i++) {
        struct field field = child(path, names[i].member);
        const char *value = moon_sim_text(spec, names[i].member);
        if (value[0] != '\0') {
            names[i].check(value, field.text, causes);
        }
    }
}

void moon_sim_validate_pod_spec(const cJSON *spec, const char *path, cJSON *causes)
{
    static const char *const lists[] = {"containers", "initContainers"};
    struct field containers = child(path, "containers");
    struct field selector = child(path, "nodeSelector");
    struct field affinity = child(path, "affinity.nodeAffinity");
    struct field deadline = child(path, "activeDeadlineSeconds");
    bool host_network = moon_sim_true(spec, "hostNetwork");
    MOON_CLEANUP(moon_map_free_ptr)
    struct moon_map *volumes = validate_volumes(moon_sim_member(spec, "volumes"), path, causes);
    MOON_CLEANUP(moon_map_free_ptr) struct moon_map *names = moon_map_new(NULL);
    if (cJSON_GetArraySize(moon_sim_member(spec, "containers")) == 0) {
        moon_sim_cause_required(causes, containers.text, "");
    }
    for (size_t i = 0; i < MOON_ARRAY_SIZE(lists); i++) {
        const cJSON *container = NULL;
        int index = 0;
        cJSON_ArrayForEach (container, moon_sim_member(spec, lists[i])) {
            struct field at = element(path, lists[i], index++);
            validate_container(container, at.text, volumes, names, host_network, causes);
        }
    }
    validate_host_ports(moon_sim_member(spec, "containers"), path, causes);
    validate_policies(spec, path, causes);
    moon_sim_validate_labels(moon_sim_member(spec, "nodeSelector"), selector.text, causes);
    validate_node_affinity(moon_sim_get(spec, "affinity.nodeAffinity"), affinity.text, causes);
    validate_names(spec, path, causes);
    const cJSON *seconds = moon_sim_member(spec, "activeDeadlineSeconds");
    if (seconds != NULL && moon_sim_int(spec, "activeDeadlineSeconds", 0) < 1) {
        moon_sim_cause_invalid(causes, deadline.text, seconds,
                               "must be between 1 and 2147483647, inclusive");
    }
    validate_tolerations(moon_sim_member(spec, "tolerations"), path, causes);
}
