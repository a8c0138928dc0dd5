/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/strategy.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "sim/quantity_text.h"

enum {
    SERVICE_RANGE = 10 << 8 | 96 /* 10.96.0.0/16 */
};

/* ---- pods ---- */

static bool tolerates(const cJSON *tolerations, const char *key)
{
    const cJSON *toleration = NULL;
    cJSON_ArrayForEach (toleration, tolerations) {
        const char *its_key = moon_sim_text(toleration, "key");
        const char *effect = moon_sim_text(toleration, "effect");
        if ((its_key[0] == '\0' || moon_streq(its_key, key)) &&
            (effect[0] == '\0' || moon_streq(effect, "NoExecute"))) {
            return true;
        }
    }
    return false;
}

/* The DefaultTolerationSeconds admission plugin: 5 minutes on a node that is not ready or gone. */
static void tolerate_node_trouble(cJSON *spec)
{
    static const char *const keys[] = {"node.kubernetes.io/not-ready",
                                       "node.kubernetes.io/unreachable"};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(keys); i++) {
        cJSON *tolerations = moon_sim_member(spec, "tolerations");
        if (tolerates(tolerations, keys[i])) {
            continue;
        }
        if (tolerations == NULL) {
            tolerations = cJSON_CreateArray();
            moon_sim_set(spec, "tolerations", tolerations);
        }
        cJSON *toleration = cJSON_CreateObject();
        moon_sim_set_text(toleration, "key", keys[i]);
        moon_sim_set_text(toleration, "operator", "Exists");
        moon_sim_set_text(toleration, "effect", "NoExecute");
        moon_sim_set_int(toleration, "tolerationSeconds", 300);
        cJSON_AddItemToArray(tolerations, toleration);
    }
}

/* The Priority admission plugin: class name to number. */
static int admit_priority(cJSON *pod, const struct moon_sim_rule_ctx *ctx,
                          struct moon_sim_status *st)
{
    cJSON *spec = moon_sim_ensure(pod, "spec");
    const char *name = moon_sim_text(spec, "priorityClassName");
    MOON_AUTOJSON *class = ctx->priority_class(name, ctx->ctx);
    if (class == NULL && name[0] != '\0') {
        MOON_AUTOFREE char *why = moon_asprintf("no PriorityClass with name %s was found", name);
        return moon_sim_refuse_forbidden(st, ctx->kind, moon_sim_text(pod, "metadata.name"), why);
    }
    int64_t value = moon_sim_int(class, "value", 0);
    const cJSON *given = moon_sim_member(spec, "priority");
    int64_t wanted = 0;
    if (given != NULL && (!moon_sim_to_int(given, &wanted) || wanted != value)) {
        MOON_AUTOFREE char *why =
            moon_asprintf("the integer value of priority (%lld) must not be provided in pod spec; "
                          "priority admission controller computed %lld from the given "
                          "PriorityClass name",
                          (long long)wanted, (long long)value);
        return moon_sim_refuse_forbidden(st, ctx->kind, moon_sim_text(pod, "metadata.name"), why);
    }
    if (class != NULL && name[0] == '\0') {
        moon_sim_set_text(spec, "priorityClassName", moon_sim_text(class, "metadata.name"));
    }
    moon_sim_set_int(spec, "priority", value);
    const char *preemption = moon_sim_text(class, "preemptionPolicy");
    moon_sim_default_text(spec, "preemptionPolicy",
                          preemption[0] != '\0' ? preemption : "PreemptLowerPriority");
    return 0;
}

struct qos {
    bool any;        /* some request or limit of cpu or memory */
    bool guaranteed; /* so far every container has equal limits and requests of both */
};

static void add_container_qos(struct qos *qos, const cJSON *container)
{
    static const char *const names[] = {"cpu", "memory"};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(names); i++) {
        const cJSON *limits = moon_sim_get(container, "resources.limits");
        const cJSON *requests = moon_sim_get(container, "resources.requests");
        const char *limit = moon_sim_text(limits, names[i]);
        const char *request = moon_sim_text(requests, names[i]);
        qos->any = qos->any || (limit[0] != '\0' && !moon_streq(limit, "0")) ||
                   (request[0] != '\0' && !moon_streq(request, "0"));
        qos->guaranteed = qos->guaranteed && limit[0] != '\0' &&
                          (request[0] == '\0' || moon_streq(limit, request));
    }
}

static const char *qos_class(const cJSON *spec)
{
    static const char *const lists[] = {"containers", "initContainers"};
    struct qos qos = {.guaranteed = true};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(lists); i++) {
        const cJSON *container = NULL;
        cJSON_ArrayForEach (container, moon_sim_member(spec, lists[i])) {
            add_container_qos(&qos, container);
        }
    }
    return !qos.any ? "BestEffort" : qos.guaranteed ? "Guaranteed" : "Burstable";
}

int moon_sim_create_pod(cJSON *pod, const struct moon_sim_rule_ctx *ctx, struct moon_sim_status *st)
{
    cJSON *spec = moon_sim_ensure(pod, "spec");
    cJSON *status = cJSON_CreateObject();
    moon_sim_set_text(status, "phase", "Pending");
    moon_sim_set_text(status, "qosClass", qos_class(spec));
    moon_sim_set(pod, "status", status);
    tolerate_node_trouble(spec);
    return admit_priority(pod, ctx, st);
}

void moon_sim_update_pod(cJSON *pod, const struct moon_sim_rule_ctx *ctx)
{
    /* A toleration that was taken out comes back: the plugin runs on updates, too. */
    (void)ctx;
    tolerate_node_trouble(moon_sim_ensure(pod, "spec"));
}

/* ---- daemonsets ---- */

static int64_t template_generation(const cJSON *set)
{
    int64_t generation = 0;
    const cJSON *annotations = moon_sim_get(set, "metadata.annotations");
    const char *text =
        cJSON_GetStringValue(moon_sim_member(annotations, MOON_SIM_TEMPLATE_GENERATION));
    return text != NULL && moon_parse_i64(moon_str(text), &generation) ? generation : 0;
}

static void set_template_generation(cJSON *set, int64_t generation)
{
    char text[24];
    cJSON *annotations = moon_sim_ensure(moon_sim_ensure(set, "metadata"), "annotations");
    (void)snprintf(text, sizeof(text), "%lld", (long long)generation);
    moon_sim_set_text(annotations, MOON_SIM_TEMPLATE_GENERATION, text);
}

int moon_sim_create_daemonset(cJSON *set, const struct moon_sim_rule_ctx *ctx,
                              struct moon_sim_status *st)
{
    (void)ctx;
    (void)st;
    int64_t generation = template_generation(set);
    set_template_generation(set, generation < 1 ? 1 : generation);
    return 0;
}

/* The annotation belongs to the server: it counts changes of the template. */
void moon_sim_update_daemonset(cJSON *set, const struct moon_sim_rule_ctx *ctx)
{
    int64_t generation = template_generation(ctx->old);
    bool changed = !moon_sim_tree_same(moon_sim_get(set, "spec.template"),
                                       moon_sim_get(ctx->old, "spec.template"));
    set_template_generation(set, changed ? generation + 1 : generation);
}

/* ---- the other kinds ---- */

int moon_sim_create_namespace(cJSON *ns, const struct moon_sim_rule_ctx *ctx,
                              struct moon_sim_status *st)
{
    (void)ctx;
    (void)st;
    cJSON *spec = moon_sim_ensure(ns, "spec");
    cJSON *finalizers = moon_sim_member(spec, "finalizers");
    if (finalizers == NULL) {
        finalizers = cJSON_CreateArray();
        moon_sim_set(spec, "finalizers", finalizers);
    }
    if (moon_sim_index_of(finalizers, "kubernetes") < 0) {
        cJSON_AddItemToArray(finalizers, cJSON_CreateString("kubernetes"));
    }
    moon_sim_set(ns, "status", cJSON_CreateObject());
    moon_sim_set_text(moon_sim_ensure(ns, "status"), "phase", "Active");
    return 0;
}

void moon_sim_update_namespace(cJSON *ns, const struct moon_sim_rule_ctx *ctx)
{
    /* Only the finalize subresource may touch these. */
    moon_sim_set(moon_sim_ensure(ns, "spec"), "finalizers",
                 moon_sim_clone(moon_sim_get(ctx->old, "spec.finalizers")));
}

static void set_families(cJSON *spec)
{
    cJSON *families = cJSON_CreateArray();
    cJSON_AddItemToArray(families, cJSON_CreateString("IPv4"));
    if (moon_sim_member(spec, "ipFamilies") == NULL) {
        moon_sim_set(spec, "ipFamilies", moon_steal(&families));
    }
    cJSON_Delete(families);
    moon_sim_default_text(spec, "ipFamilyPolicy", "SingleStack");
}

static void set_addresses(cJSON *spec)
{
    const char *address = moon_sim_text(spec, "clusterIP");
    cJSON *addresses = cJSON_CreateArray();
    cJSON_AddItemToArray(addresses, cJSON_CreateString(address));
    moon_sim_set(spec, "clusterIPs", addresses);
    set_families(spec);
}

static int refuse_service(const cJSON *service, const struct moon_sim_rule_ctx *ctx,
                          const char *field, const char *shown, const char *why,
                          struct moon_sim_status *st)
{
    cJSON *causes = cJSON_CreateArray();
    moon_sim_cause_invalid_go(causes, field, shown, why);
    return moon_sim_refuse_invalid(st, ctx->kind, moon_sim_text(service, "metadata.name"), causes);
}

/* An address that the author asks for must be in the range and free. What is no address at all, the
 * rules refuse later. */
static int claim_address(const cJSON *service, const char *address,
                         const struct moon_sim_rule_ctx *ctx, struct moon_sim_status *st)
{
    struct in_addr number;
    if (inet_pton(AF_INET, address, &number) != 1) {
        return 0;
    }
    bool in_range = ntohl(number.s_addr) >> 16 == SERVICE_RANGE;
    if (in_range && !ctx->cluster_ip_taken(address, ctx->ctx)) {
        return 0;
    }
    MOON_AUTOFREE char *shown = moon_asprintf("[]string{\"%s\"}", address);
    MOON_AUTOFREE char *why = moon_asprintf(
        "failed to allocated ip:%s with error:%s", address,
        in_range ? "provided IP is already allocated"
                 : "provided IP is not in the valid range. The range of valid IPs is 10.96.0.0/16");
    return refuse_service(service, ctx, "spec.clusterIPs", shown, why, st);
}

static int claim_port(const cJSON *service, int64_t port, int index,
                      const struct moon_sim_rule_ctx *ctx, struct moon_sim_status *st)
{
    char field[48];
    char shown[24];
    bool in_range = port >= 30000 && port <= 32767;
    if (in_range && !ctx->node_port_taken(port, ctx->ctx)) {
        return 0;
    }
    (void)snprintf(field, sizeof(field), "spec.ports[%d].nodePort", index);
    (void)snprintf(shown, sizeof(shown), "%lld", (long long)port);
    return refuse_service(service, ctx, field, shown,
                          in_range ? "provided port is already allocated"
                                   : "provided port is not in the valid range. The range of valid "
                                     "ports is 30000-32767",
                          st);
}

static bool has_node_ports(const cJSON *spec)
{
    const char *type = moon_sim_text(spec, "type");
    const cJSON *wanted = moon_sim_member(spec, "allocateLoadBalancerNodePorts");
    return moon_streq(type, "NodePort") ||
           (moon_streq(type, "LoadBalancer") && !cJSON_IsFalse(wanted));
}

/* Ports that have none yet get one. */
static void give_ports(cJSON *spec, const struct moon_sim_rule_ctx *ctx)
{
    cJSON *port = NULL;
    cJSON_ArrayForEach (port, moon_sim_member(spec, "ports")) {
        if (has_node_ports(spec) && moon_sim_int(port, "nodePort", 0) == 0) {
            moon_sim_set_int(port, "nodePort", ctx->new_node_port(ctx->ctx));
        }
    }
    if (moon_streq(moon_sim_text(spec, "type"), "LoadBalancer") &&
        moon_streq(moon_sim_text(spec, "externalTrafficPolicy"), "Local") &&
        moon_sim_int(spec, "healthCheckNodePort", 0) == 0) {
        moon_sim_set_int(spec, "healthCheckNodePort", ctx->new_node_port(ctx->ctx));
    }
}

/* A port that is still there keeps its node port. */
static void keep_ports(cJSON *spec, const cJSON *old)
{
    cJSON *port = NULL;
    cJSON_ArrayForEach (port, moon_sim_member(spec, "ports")) {
        const cJSON *before = NULL;
        cJSON_ArrayForEach (before, moon_sim_member(old, "ports")) {
            int64_t number = moon_sim_int(before, "nodePort", 0);
            if (has_node_ports(spec) && number != 0 && moon_sim_int(port, "nodePort", 0) == 0 &&
                moon_sim_int(port, "port", 0) == moon_sim_int(before, "port", 0) &&
                moon_streq(moon_sim_text(port, "protocol"), moon_sim_text(before, "protocol"))) {
                moon_sim_set_int(port, "nodePort", number);
            }
        }
    }
}

int moon_sim_create_service(cJSON *service, const struct moon_sim_rule_ctx *ctx,
                            struct moon_sim_status *st)
{
    char address[16];
    cJSON *spec = moon_sim_ensure(service, "spec");
    const cJSON *port = NULL;
    int index = 0;
    if (moon_streq(moon_sim_text(spec, "type"), "ExternalName")) {
        return 0;
    }
    if (moon_sim_text(spec, "clusterIP")[0] == '\0') {
        ctx->new_cluster_ip(address, ctx->ctx);
        moon_sim_set_text(spec, "clusterIP", address);
    } else if (claim_address(service, moon_sim_text(spec, "clusterIP"), ctx, st) != 0) {
        return -1;
    }
    cJSON_ArrayForEach (port, moon_sim_member(spec, "ports")) {
        int64_t number = moon_sim_int(port, "nodePort", 0);
        if (number != 0 && claim_port(service, number, index, ctx, st) != 0) {
            return -1;
        }
        index++;
    }
    set_addresses(spec);
    give_ports(spec, ctx);
    return 0;
}

/* What was allocated stays when the author does not repeat it. */
void moon_sim_update_service(cJSON *service, const struct moon_sim_rule_ctx *ctx)
{
    static const char *const kept[] = {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy",
                                       "healthCheckNodePort"};
    cJSON *spec = moon_sim_ensure(service, "spec");
    const cJSON *old = moon_sim_member(ctx->old, "spec");
    if (moon_streq(moon_sim_text(spec, "type"), "ExternalName")) {
        return;
    }
    for (size_t i = 0; i < MOON_ARRAY_SIZE(kept); i++) {
        const cJSON *before = moon_sim_member(old, kept[i]);
        if (moon_sim_member(spec, kept[i]) == NULL && before != NULL) {
            moon_sim_set(spec, kept[i], moon_sim_clone(before));
        }
    }
    keep_ports(spec, old);
    give_ports(spec, ctx);
}

/* stringData is write-only: it goes into data, encoded. */
static void encode_string_data(cJSON *secret)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const cJSON *item = NULL;
    cJSON_ArrayForEach (item, moon_sim_member(secret, "stringData")) {
        const unsigned char *in = (const unsigned char *)item->valuestring;
        size_t len = strlen(item->valuestring);
        MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(4 << 20);
        for (size_t i = 0; i < len; i += 3) {
            unsigned a = in[i];
            unsigned b = i + 1 < len ? in[i + 1] : 0;
            unsigned c = i + 2 < len ? in[i + 2] : 0;
            moon_buf_putc(&out, alphabet[a >> 2]);
            moon_buf_putc(&out, alphabet[((a & 3U) << 4) | (b >> 4)]);
            moon_buf_add(&out, i + 1 < len ? &alphabet[((b & 15U) << 2) | (c >> 6)] : "=", 1);
            moon_buf_add(&out, i + 2 < len ? &alphabet[c & 63U] : "=", 1);
        }
        moon_sim_set_text(moon_sim_ensure(secret, "data"), item->string, moon_buf_cstr(&out));
    }
    moon_sim_remove(secret, "stringData");
}

int moon_sim_create_secret(cJSON *secret, const struct moon_sim_rule_ctx *ctx,
                           struct moon_sim_status *st)
{
    (void)ctx;
    (void)st;
    encode_string_data(secret);
    return 0;
}

void moon_sim_update_secret(cJSON *secret, const struct moon_sim_rule_ctx *ctx)
{
    encode_string_data(secret);
    if (moon_sim_text(secret, "type")[0] == '\0') {
        moon_sim_set_text(secret, "type", moon_sim_text(ctx->old, "type"));
    }
}
