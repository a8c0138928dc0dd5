/* SPDX-License-Identifier: Apache-2.0
 *
 * demands.c - reading a pod's spec for the scheduler.
 */
#include "sim/demands.h"

#include "kube/object.h"

/* What a container without a request counts as in scores (kube-scheduler's
 * DefaultMilliCPURequest and DefaultMemoryRequest). */
enum {
    SCORE_CPU_M = 100,
    SCORE_MEMORY = 200 * 1024 * 1024
};

/* ---- requests ---- */

/* The larger of both, for sums of plain containers and the one init container that runs alone. */
struct score {
    int64_t cpu_m;
    int64_t memory;
};

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t sum(int64_t a, int64_t b)
{
    int64_t result;
    return __builtin_add_overflow(a, b, &result) ? INT64_MAX : result;
}

static int container_requests(const cJSON *container, struct moon_amounts *ret, struct score *score,
                              struct moon_err *err)
{
    const cJSON *json = moon_json_get(container, "resources.requests");
    score->cpu_m = SCORE_CPU_M;
    score->memory = SCORE_MEMORY;
    if (moon_amounts_from_json(json, ret, err) != 0) {
        const char *name = moon_json_string(container, "name");
        return moon_err_wrap(err, "container %s: resources.requests", name != NULL ? name : "?");
    }
    if (moon_json_member(json, "cpu") != NULL) {
        score->cpu_m = moon_amounts_get(ret, "cpu");
    }
    if (moon_json_member(json, "memory") != NULL) {
        score->memory = moon_amounts_get(ret, "memory");
    }
    return 0;
}

static void add_score(struct moon_demands *d, struct score more)
{
    d->score_cpu_m = sum(d->score_cpu_m, more.cpu_m);
    d->score_memory = sum(d->score_memory, more.memory);
}

static int add_containers(struct moon_demands *d, const cJSON *containers, struct moon_err *err)
{
    const cJSON *item;
    cJSON_ArrayForEach (item, containers) {
        struct moon_amounts one = {0};
        struct score score;
        int code = container_requests(item, &one, &score, err);
        moon_amounts_add(&d->requests, &one);
        moon_amounts_fini(&one);
        if (code != 0) {
            return code;
        }
        add_score(d, score);
    }
    return 0;
}

/* Init containers run one after the other, so that only the largest counts; but those that restart
 * always (sidecars) go on running beside what comes after them. */
static int add_init_containers(struct moon_demands *d, const cJSON *containers,
                               struct moon_err *err)
{
    struct moon_amounts sidecars = {0};
    struct moon_amounts most = {0};
    struct score most_score = {0};
    int code = 0;
    const cJSON *item;
    cJSON_ArrayForEach (item, containers) {
        struct moon_amounts one = {0};
        struct score score = {0};
        code = container_requests(item, &one, &score, err);
        if (moon_streq(moon_json_string(item, "restartPolicy"), "Always")) {
            moon_amounts_add(&sidecars, &one);
            moon_amounts_max(&most, &sidecars);
            add_score(d, score);
        } else {
            moon_amounts_add(&one, &sidecars);
            moon_amounts_max(&most, &one);
            most_score.cpu_m = larger(most_score.cpu_m, score.cpu_m);
            most_score.memory = larger(most_score.memory, score.memory);
        }
        moon_amounts_fini(&one);
        if (code != 0) {
            break;
        }
    }
    moon_amounts_add(&d->requests, &sidecars);
    moon_amounts_max(&d->requests, &most);
    d->score_cpu_m = larger(d->score_cpu_m, most_score.cpu_m);
    d->score_memory = larger(d->score_memory, most_score.memory);
    moon_amounts_fini(&sidecars);
    moon_amounts_fini(&most);
    return code;
}

static int read_requests(struct moon_demands *d, const cJSON *spec, struct moon_err *err)
{
    struct moon_amounts overhead = {0};
    if (add_containers(d, moon_json_member(spec, "containers"), err) != 0 ||
        add_init_containers(d, moon_json_member(spec, "initContainers"), err) != 0) {
        return -(int)err->code;
    }
    int code = moon_amounts_from_json(moon_json_member(spec, "overhead"), &overhead, err);
    moon_amounts_add(&d->requests, &overhead);
    add_score(d, (struct score){.cpu_m = moon_amounts_get(&overhead, "cpu"),
                                .memory = moon_amounts_get(&overhead, "memory")});
    moon_amounts_fini(&overhead);
    moon_amounts_set(&d->requests, "pods", 1);
    return code != 0 ? moon_err_wrap(err, "overhead") : 0;
}

/* ---- ports ---- */

static uint16_t port_number(const cJSON *json, const char *key)
{
    int64_t number = moon_json_int(json, key, 0);
    return number > 0 && number <= UINT16_MAX ? (uint16_t)number : 0;
}

static void read_port(struct moon_demands *d, const cJSON *json)
{
    const char *protocol = moon_json_string(json, "protocol");
    const char *host_ip = moon_json_string(json, "hostIP");
    bool is_any = host_ip == NULL || *host_ip == '\0' || strcmp(host_ip, "0.0.0.0") == 0;
    d->ports = moon_realloc_array(d->ports, d->port_count + 1, sizeof(*d->ports));
    d->ports[d->port_count++] = (struct moon_demand_port){
        .name = moon_object_sym(json, "name"),
        .protocol = moon_intern_cstr(protocol != NULL ? protocol : "TCP"),
        .host_ip = is_any ? NULL : moon_intern_cstr(host_ip),
        .container_port = port_number(json, "containerPort"),
        .host_port = port_number(json, "hostPort"),
    };
}

static void read_ports(struct moon_demands *d, const cJSON *spec)
{
    const cJSON *containers = moon_json_member(spec, "containers");
    const cJSON *container;
    cJSON_ArrayForEach (container, containers) {
        const cJSON *ports = moon_json_member(container, "ports");
        const cJSON *port;
        cJSON_ArrayForEach (port, ports) {
            read_port(d, port);
        }
    }
}

bool moon_demand_ports_conflict(const struct moon_demand_port *a, const struct moon_demand_port *b)
{
    return a->host_port != 0 && a->host_port == b->host_port && a->protocol == b->protocol &&
           (a->host_ip == b->host_ip || a->host_ip == NULL || b->host_ip == NULL);
}

/* ---- terms about other pods ---- */

static struct moon_selector *read_selector(const cJSON *json)
{
    struct moon_err ignored;
    return json != NULL ? moon_selector_from_json(json, "labelSelector", &ignored) : NULL;
}

static void read_namespaces(struct moon_pod_term *term, const cJSON *json, const char *namespace)
{
    const cJSON *names = moon_json_member(json, "namespaces");
    const cJSON *selector = moon_json_member(json, "namespaceSelector");
    const cJSON *item;
    size_t count = (size_t)cJSON_GetArraySize(names);
    term->has_all_namespaces = selector != NULL && cJSON_GetArraySize(selector) == 0;
    term->namespaces = moon_new_array(moon_sym, count + 1);
    cJSON_ArrayForEach (item, names) {
        moon_sym name = moon_intern_cstr(cJSON_GetStringValue(item));
        if (name != NULL) {
            term->namespaces[term->namespace_count++] = name;
        }
    }
    if (count == 0 && selector == NULL) {
        term->namespaces[term->namespace_count++] = moon_intern_cstr(namespace);
    }
}

static void read_term(struct moon_pod_terms *terms, const cJSON *json, const char *namespace,
                      int64_t weight)
{
    terms->items = moon_realloc_array(terms->items, terms->count + 1, sizeof(*terms->items));
    struct moon_pod_term *term = &terms->items[terms->count++];
    *term = (struct moon_pod_term){
        .selector = read_selector(moon_json_member(json, "labelSelector")),
        .topology_key = moon_object_sym(json, "topologyKey"),
        .weight = weight,
    };
    read_namespaces(term, json, namespace);
}

static void read_required(struct moon_pod_terms *terms, const cJSON *spec, const char *path,
                          const char *namespace)
{
    const cJSON *list = moon_json_get(spec, path);
    const cJSON *item;
    cJSON_ArrayForEach (item, list) {
        read_term(terms, item, namespace, 0);
    }
}

static void read_preferred(struct moon_pod_terms *terms, const cJSON *spec, const char *path,
                           const char *namespace, int64_t sign)
{
    const cJSON *list = moon_json_get(spec, path);
    const cJSON *item;
    cJSON_ArrayForEach (item, list) {
        read_term(terms, moon_json_member(item, "podAffinityTerm"), namespace,
                  sign * moon_json_int(item, "weight", 0));
    }
}

bool moon_pod_term_matches(const struct moon_pod_term *term, moon_sym namespace,
                           const struct moon_labels *labels)
{
    bool is_there = term->has_all_namespaces;
    for (size_t i = 0; i < term->namespace_count && !is_there; i++) {
        is_there = term->namespaces[i] == namespace;
    }
    return is_there && moon_selector_matches(term->selector, labels);
}

/* ---- what only an unbound pod needs ---- */

static void read_spreads(struct moon_demands *d, const cJSON *spec)
{
    const cJSON *list = moon_json_member(spec, "topologySpreadConstraints");
    const cJSON *item;
    d->spreads = moon_new_array(struct moon_spread, (size_t)cJSON_GetArraySize(list) + 1);
    cJSON_ArrayForEach (item, list) {
        d->spreads[d->spread_count++] = (struct moon_spread){
            .selector = read_selector(moon_json_member(item, "labelSelector")),
            .topology_key = moon_object_sym(item, "topologyKey"),
            .max_skew = moon_json_int(item, "maxSkew", 1),
            .is_hard = moon_streq(moon_json_string(item, "whenUnsatisfiable"), "DoNotSchedule"),
        };
    }
}

static void read_preferences(struct moon_demands *d, const cJSON *spec)
{
    const cJSON *list = moon_json_get(
        spec, "affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution");
    const cJSON *item;
    d->preferences =
        moon_new_array(struct moon_node_preference, (size_t)cJSON_GetArraySize(list) + 1);
    cJSON_ArrayForEach (item, list) {
        d->preferences[d->preference_count++] = (struct moon_node_preference){
            .affinity = moon_affinity_from_term(moon_json_member(item, "preference")),
            .weight = moon_json_int(item, "weight", 0)};
    }
}

static void read_wishes(struct moon_demands *d, const cJSON *spec, const char *namespace)
{
    read_required(&d->affinity, spec,
                  "affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution", namespace);
    read_preferred(&d->preferred, spec,
                   "affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution",
                   namespace, 1);
    read_preferred(&d->preferred, spec,
                   "affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution",
                   namespace, -1);
    read_spreads(d, spec);
    read_preferences(d, spec);
}

/* ---- life ---- */

struct moon_demands *moon_demands_new(const cJSON *spec, const char *namespace, bool is_bound,
                                      struct moon_err *err)
{
    struct moon_demands *d = moon_new(struct moon_demands);
    if (read_requests(d, spec, err) != 0) {
        moon_demands_free(d);
        return NULL;
    }
    read_ports(d, spec);
    read_required(&d->anti_affinity, spec,
                  "affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution",
                  namespace);
    d->never_preempts = moon_streq(moon_json_string(spec, "preemptionPolicy"), "Never");
    if (!is_bound) {
        read_wishes(d, spec, namespace);
    }
    return d;
}

static void terms_fini(struct moon_pod_terms *terms)
{
    for (size_t i = 0; i < terms->count; i++) {
        struct moon_pod_term *term = &terms->items[i];
        for (size_t n = 0; n < term->namespace_count; n++) {
            moon_sym_unref(term->namespaces[n]);
        }
        moon_free(term->namespaces);
        moon_sym_unref(term->topology_key);
        moon_selector_free(term->selector);
    }
    moon_free(terms->items);
}

void moon_demands_free(struct moon_demands *d)
{
    if (d == NULL) {
        return;
    }
    for (size_t i = 0; i < d->port_count; i++) {
        moon_sym_unref(d->ports[i].name);
        moon_sym_unref(d->ports[i].protocol);
        moon_sym_unref(d->ports[i].host_ip);
    }
    for (size_t i = 0; i < d->spread_count; i++) {
        moon_sym_unref(d->spreads[i].topology_key);
        moon_selector_free(d->spreads[i].selector);
    }
    for (size_t i = 0; i < d->preference_count; i++) {
        moon_affinity_free(d->preferences[i].affinity);
    }
    terms_fini(&d->anti_affinity);
    terms_fini(&d->affinity);
    terms_fini(&d->preferred);
    moon_amounts_fini(&d->requests);
    moon_free(d->ports);
    moon_free(d->spreads);
    moon_free(d->preferences);
    moon_free(d);
}
