/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/defaults.h"

#include "sim/quantity_text.h"

enum {
    FILE_MODE = 0644
};

/* ---- volumes ---- */

/* Defaults of one member of a volume source. */
static const struct {
    const char *source;
    const char *member;
    const char *text; /* NULL: the number counts */
    int number;
} VOLUME_DEFAULTS[] = {
    {"secret", "defaultMode", NULL, FILE_MODE},
    {"configMap", "defaultMode", NULL, FILE_MODE},
    {"downwardAPI", "defaultMode", NULL, FILE_MODE},
    {"projected", "defaultMode", NULL, FILE_MODE},
    {"hostPath", "type", "", 0},
    {"iscsi", "iscsiInterface", "default", 0},
    {"rbd", "pool", "rbd", 0},
    {"rbd", "user", "admin", 0},
    {"rbd", "keyring", "/etc/ceph/keyring", 0},
    {"azureDisk", "cachingMode", "ReadWrite", 0},
    {"azureDisk", "kind", "Shared", 0},
    {"azureDisk", "fsType", "ext4", 0},
    {"scaleIO", "storageMode", "ThinProvisioned", 0},
    {"scaleIO", "fsType", "xfs", 0},
};

static void default_downward_items(cJSON *items)
{
    cJSON *item = NULL;
    cJSON_ArrayForEach (item, items) {
        cJSON *reference = moon_sim_member(item, "fieldRef");
        if (reference != NULL) {
            moon_sim_default_text(reference, "apiVersion", "v1");
        }
    }
}

static void default_projection(cJSON *projected)
{
    cJSON *source = NULL;
    cJSON_ArrayForEach (source, moon_sim_member(projected, "sources")) {
        cJSON *token = moon_sim_member(source, "serviceAccountToken");
        if (token != NULL) {
            moon_sim_default_int(token, "expirationSeconds", 3600);
        }
        default_downward_items(moon_sim_get(source, "downwardAPI.items"));
    }
}

static void default_volume(cJSON *volume)
{
    if (cJSON_GetArraySize(volume) <= 1) { /* nothing but its name */
        moon_sim_set(volume, "emptyDir", cJSON_CreateObject());
    }
    for (size_t i = 0; i < MOON_ARRAY_SIZE(VOLUME_DEFAULTS); i++) {
        cJSON *source = moon_sim_member(volume, VOLUME_DEFAULTS[i].source);
        if (source == NULL) {
            continue;
        }
        if (VOLUME_DEFAULTS[i].text != NULL) {
            moon_sim_default_text(source, VOLUME_DEFAULTS[i].member, VOLUME_DEFAULTS[i].text);
        } else {
            moon_sim_default_int(source, VOLUME_DEFAULTS[i].member, VOLUME_DEFAULTS[i].number);
        }
    }
    cJSON *azure = moon_sim_member(volume, "azureDisk");
    if (azure != NULL) {
        moon_sim_default_bool(azure, "readOnly", false);
    }
    cJSON *claim = moon_sim_get(volume, "ephemeral.volumeClaimTemplate.spec");
    if (claim != NULL) {
        moon_sim_default_text(claim, "volumeMode", "Filesystem");
    }
    default_downward_items(moon_sim_get(volume, "downwardAPI.items"));
    default_projection(moon_sim_member(volume, "projected"));
}

/* ---- containers ---- */

static void default_http_get(cJSON *action)
{
    if (action != NULL) {
        moon_sim_default_text(action, "path", "/");
        moon_sim_default_text(action, "scheme", "HTTP");
    }
}

static void default_probe(cJSON *probe)
{
    if (probe == NULL) {
        return;
    }
    moon_sim_default_int(probe, "timeoutSeconds", 1);
    moon_sim_default_int(probe, "periodSeconds", 10);
    moon_sim_default_int(probe, "successThreshold", 1);
    moon_sim_default_int(probe, "failureThreshold", 3);
    default_http_get(moon_sim_member(probe, "httpGet"));
    cJSON *grpc = moon_sim_member(probe, "grpc");
    if (grpc != NULL) {
        moon_sim_default_text(grpc, "service", "");
    }
}

/* The tag of an image is "latest" when it says so or says neither tag nor digest. */
static bool is_latest(const char *image)
{
    if (strchr(image, '@') != NULL) {
        return false;
    }
    const char *slash = strrchr(image, '/');
    const char *colon = strrchr(image, ':');
    bool has_tag = colon != NULL && (slash == NULL || colon > slash);
    return !has_tag || moon_streq(colon, ":latest");
}

static void round_up_to_milli(cJSON *list)
{
    cJSON *quantity = NULL;
    cJSON_ArrayForEach (quantity, list) {
        int64_t milli = 0;
        const char *text = cJSON_GetStringValue(quantity);
        size_t len = text != NULL ? strlen(text) : 0;
        if (len > 0 && (text[len - 1] == 'n' || text[len - 1] == 'u') &&
            moon_sim_quantity_milli(moon_str(text), &milli)) {
            char canonical[MOON_SIM_QUANTITY_TEXT];
            MOON_AUTOFREE char *rounded = moon_asprintf("%lldm", (long long)milli);
            (void)moon_sim_quantity_canonical(moon_str(rounded), canonical);
            cJSON_SetValuestring(quantity, canonical);
        }
    }
}

static void default_container(cJSON *container, bool host_network)
{
    static const char *const probes[] = {"livenessProbe", "readinessProbe", "startupProbe"};
    cJSON *item = NULL;
    moon_sim_default_text(container, "imagePullPolicy",
                          is_latest(moon_sim_text(container, "image")) ? "Always" : "IfNotPresent");
    moon_sim_default_text(container, "terminationMessagePath", "/dev/termination-log");
    moon_sim_default_text(container, "terminationMessagePolicy", "File");
    for (size_t i = 0; i < MOON_ARRAY_SIZE(probes); i++) {
        default_probe(moon_sim_member(container, probes[i]));
    }
    default_http_get(moon_sim_get(container, "lifecycle.postStart.httpGet"));
    default_http_get(moon_sim_get(container, "lifecycle.preStop.httpGet"));
    cJSON_ArrayForEach (item, moon_sim_member(container, "ports")) {
        moon_sim_default_text(item, "protocol", "TCP");
        if (host_network) {
            moon_sim_default_int(item, "hostPort", moon_sim_int(item, "containerPort", 0));
        }
    }
    cJSON_ArrayForEach (item, moon_sim_member(container, "env")) {
        cJSON *reference = moon_sim_get(item, "valueFrom.fieldRef");
        if (reference != NULL) {
            moon_sim_default_text(reference, "apiVersion", "v1");
        }
    }
    round_up_to_milli(moon_sim_get(container, "resources.limits"));
    round_up_to_milli(moon_sim_get(container, "resources.requests"));
}

void moon_sim_defaults_pod_spec(cJSON *spec)
{
    static const char *const lists[] = {"initContainers", "containers", "ephemeralContainers"};
    bool host_network = moon_sim_true(spec, "hostNetwork");
    cJSON *item = NULL;
    moon_sim_default_text(spec, "dnsPolicy", "ClusterFirst");
    moon_sim_default_text(spec, "restartPolicy", "Always");
    moon_sim_default_text(spec, "schedulerName", "default-scheduler");
    moon_sim_default_int(spec, "terminationGracePeriodSeconds", 30);
    if (moon_sim_member(spec, "securityContext") == NULL) {
        moon_sim_set(spec, "securityContext", cJSON_CreateObject());
    }
    cJSON_ArrayForEach (item, moon_sim_member(spec, "volumes")) {
        default_volume(item);
    }
    for (size_t i = 0; i < MOON_ARRAY_SIZE(lists); i++) {
        cJSON_ArrayForEach (item, moon_sim_member(spec, lists[i])) {
            default_container(item, host_network && i < 2);
        }
    }
    /* Two names of one field; the newer one counts. */
    const char *account = moon_sim_text(spec, "serviceAccountName");
    const char *old_account = moon_sim_text(spec, "serviceAccount");
    if (account[0] != '\0') {
        moon_sim_set_text(spec, "serviceAccount", account);
    } else if (old_account[0] != '\0') {
        moon_sim_set_text(spec, "serviceAccountName", old_account);
    }
}

/* Requests that are not given are the limits; only in pods, not in templates. */
static void default_requests(cJSON *container)
{
    const cJSON *limit = NULL;
    cJSON *resources = moon_sim_member(container, "resources");
    cJSON_ArrayForEach (limit, moon_sim_member(resources, "limits")) {
        cJSON *requests = moon_sim_ensure(resources, "requests");
        moon_sim_default_text(requests, limit->string, cJSON_GetStringValue(limit));
    }
}

/* podIP is the first of podIPs; whoever writes one of them means both. */
static void sync_pod_ips(cJSON *status)
{
    const cJSON *first = cJSON_GetArrayItem(moon_sim_member(status, "podIPs"), 0);
    const char *ip = moon_sim_text(status, "podIP");
    if (first != NULL && ip[0] == '\0') {
        moon_sim_set_text(status, "podIP", moon_sim_text(first, "ip"));
    } else if (ip[0] != '\0' && !moon_streq(moon_sim_text(first, "ip"), ip)) {
        cJSON *ips = cJSON_CreateArray();
        cJSON *entry = cJSON_CreateObject();
        moon_sim_set_text(entry, "ip", ip);
        cJSON_AddItemToArray(ips, entry);
        moon_sim_set(status, "podIPs", ips);
    }
}

void moon_sim_defaults_pod(cJSON *pod)
{
    cJSON *spec = moon_sim_ensure(pod, "spec");
    cJSON *item = NULL;
    moon_sim_defaults_pod_spec(spec);
    sync_pod_ips(moon_sim_member(pod, "status"));
    moon_sim_default_bool(spec, "enableServiceLinks", true);
    cJSON_ArrayForEach (item, moon_sim_member(spec, "containers")) {
        default_requests(item);
    }
    cJSON_ArrayForEach (item, moon_sim_member(spec, "initContainers")) {
        default_requests(item);
    }
}

/* ---- the other kinds ---- */

void moon_sim_defaults_daemonset(cJSON *set)
{
    cJSON *spec = moon_sim_ensure(set, "spec");
    cJSON *strategy = moon_sim_ensure(spec, "updateStrategy");
    moon_sim_defaults_pod_spec(moon_sim_ensure(moon_sim_ensure(spec, "template"), "spec"));
    moon_sim_default_int(spec, "revisionHistoryLimit", 10);
    if (moon_sim_text(strategy, "type")[0] == '\0') {
        moon_sim_set_text(strategy, "type", "RollingUpdate");
    }
    if (moon_streq(moon_sim_text(strategy, "type"), "RollingUpdate")) {
        cJSON *rolling = moon_sim_ensure(strategy, "rollingUpdate");
        moon_sim_default_int(rolling, "maxUnavailable", 1);
        moon_sim_default_int(rolling, "maxSurge", 0);
    }
}

/* The older field and the first of the newer ones are one. */
static void set_pod_ranges(cJSON *spec)
{
    const char *range = moon_sim_text(spec, "podCIDR");
    cJSON *ranges = moon_sim_member(spec, "podCIDRs");
    const char *first = cJSON_GetStringValue(cJSON_GetArrayItem(ranges, 0));
    if (first == NULL && range[0] != '\0') {
        ranges = cJSON_CreateArray();
        cJSON_AddItemToArray(ranges, cJSON_CreateString(range));
        moon_sim_set(spec, "podCIDRs", ranges);
    } else if (first != NULL && range[0] == '\0') {
        moon_sim_set_text(spec, "podCIDR", first);
    }
}

void moon_sim_defaults_node(cJSON *node)
{
    set_pod_ranges(moon_sim_ensure(node, "spec"));
    cJSON *status = moon_sim_ensure(node, "status");
    const cJSON *capacity = moon_sim_member(status, "capacity");
    if (moon_sim_member(status, "allocatable") == NULL && capacity != NULL) {
        moon_sim_set(status, "allocatable", moon_sim_clone(capacity));
    }
}

void moon_sim_defaults_namespace(cJSON *ns)
{
    cJSON *metadata = moon_sim_ensure(ns, "metadata");
    moon_sim_default_text(moon_sim_ensure(ns, "status"), "phase", "Active");
    const char *name = moon_sim_text(metadata, "name");
    if (name[0] != '\0') {
        moon_sim_set_text(moon_sim_ensure(metadata, "labels"), "kubernetes.io/metadata.name", name);
    }
}

void moon_sim_defaults_service(cJSON *service)
{
    cJSON *spec = moon_sim_ensure(service, "spec");
    cJSON *port = NULL;
    moon_sim_default_text(spec, "sessionAffinity", "None");
    moon_sim_default_text(spec, "type", "ClusterIP");
    cJSON_ArrayForEach (port, moon_sim_member(spec, "ports")) {
        int64_t number = 1;
        const cJSON *target = moon_sim_member(port, "targetPort");
        moon_sim_default_text(port, "protocol", "TCP");
        if ((moon_sim_to_int(target, &number) && number == 0) ||
            moon_streq(cJSON_GetStringValue(target), "")) {
            moon_sim_set_int(port, "targetPort", moon_sim_int(port, "port", 0));
        }
    }
    const char *type = moon_sim_text(spec, "type");
    bool reachable = moon_streq(type, "NodePort") || moon_streq(type, "LoadBalancer");
    if (reachable) {
        moon_sim_default_text(spec, "externalTrafficPolicy", "Cluster");
    }
    if (moon_streq(type, "LoadBalancer")) {
        moon_sim_default_bool(spec, "allocateLoadBalancerNodePorts", true);
    }
    if (!moon_streq(type, "ExternalName")) {
        moon_sim_default_text(spec, "internalTrafficPolicy", "Cluster");
    }
    if (moon_streq(moon_sim_text(spec, "sessionAffinity"), "ClientIP")) {
        cJSON *client = moon_sim_ensure(moon_sim_ensure(spec, "sessionAffinityConfig"), "clientIP");
        moon_sim_default_int(client, "timeoutSeconds", 10800);
    }
}

void moon_sim_defaults_endpoints(cJSON *endpoints)
{
    cJSON *subset = NULL;
    cJSON_ArrayForEach (subset, moon_sim_member(endpoints, "subsets")) {
        cJSON *port = NULL;
        cJSON_ArrayForEach (port, moon_sim_member(subset, "ports")) {
            moon_sim_default_text(port, "protocol", "TCP");
        }
    }
}

void moon_sim_defaults_secret(cJSON *secret)
{
    moon_sim_default_text(secret, "type", "Opaque");
}

void moon_sim_defaults_priority_class(cJSON *priority_class)
{
    moon_sim_default_text(priority_class, "preemptionPolicy", "PreemptLowerPriority");
}
