/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/policy_bench.h"

#include <stdio.h>
#include <string.h>

#include "io/json.h"

enum {
    NS_PER_US = 1000,
    NS_PER_MS = 1000 * 1000,
    CELL = 32,
};

static void write_time(char out[CELL], double ns, const char *per)
{
    if (ns < NS_PER_US) {
        (void)snprintf(out, CELL, "%.0f ns/%s", ns, per);
    } else if (ns < NS_PER_MS) {
        (void)snprintf(out, CELL, "%.1f us/%s", ns / NS_PER_US, per);
    } else {
        (void)snprintf(out, CELL, "%.1f ms/%s", ns / NS_PER_MS, per);
    }
}

static void print_row(size_t nodes, const char *policy, const struct moon_bench_result *r)
{
    char plain[CELL];
    char all[CELL] = "-";

    write_time(plain, r->plain_ns, r->per);
    if (strcmp(r->per, "call") != 0) {
        (void)snprintf(all, sizeof(all), "%.1f ms", r->plain_ns * (double)nodes / NS_PER_MS);
    } else if (strcmp(r->hook, "update") == 0) {
        (void)snprintf(all, sizeof(all), "%zu actions", r->actions);
    }
    (void)printf("%-24s %-12s %-14s %-12s %6.1f KB  %.2f\n", policy, r->hook, plain, all,
                 (double)r->state_bytes / 1024, r->allocations);
}

void moon_bench_print_table(size_t nodes, const struct moon_bench_policy *policies, size_t count)
{
    (void)printf("%zu nodes; CPU time, best of several rounds\n\n", nodes);
    (void)printf("%-24s %-12s %-14s %-12s %-9s  %s\n", "POLICY", "HOOK", "PLAIN", "IN ALL",
                 "LUA STATE", "ALLOCATIONS");
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < policies[i].count; k++) {
            print_row(nodes, policies[i].name, &policies[i].results[k]);
        }
    }
    (void)printf("\n");
    for (size_t i = 0; i < count; i++) {
        (void)printf("reload of %s, every node decided anew: %.1f ms\n", policies[i].name,
                     policies[i].reload_ms);
    }
}

static cJSON *describe(const struct moon_bench_result *r)
{
    cJSON *o = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(o, "hook", r->hook);
    (void)cJSON_AddStringToObject(o, "per", r->per);
    (void)cJSON_AddNumberToObject(o, "plain_ns", r->plain_ns);
    (void)cJSON_AddNumberToObject(o, "allocations", r->allocations);
    (void)cJSON_AddNumberToObject(o, "state_bytes", (double)r->state_bytes);
    if (strcmp(r->hook, "update") == 0) {
        (void)cJSON_AddNumberToObject(o, "actions", (double)r->actions);
    }
    return o;
}

void moon_bench_print_json(size_t nodes, const struct moon_bench_policy *policies, size_t count)
{
    MOON_AUTOJSON *all = cJSON_CreateObject();

    (void)cJSON_AddNumberToObject(all, "nodes", (double)nodes);
    cJSON *list = cJSON_AddArrayToObject(all, "policies");
    for (size_t i = 0; i < count; i++) {
        cJSON *o = cJSON_CreateObject();
        (void)cJSON_AddItemToArray(list, o);
        (void)cJSON_AddStringToObject(o, "policy", policies[i].name);
        (void)cJSON_AddStringToObject(o, "version", policies[i].version);
        (void)cJSON_AddNumberToObject(o, "reload_ms", policies[i].reload_ms);
        cJSON *hooks = cJSON_AddArrayToObject(o, "hooks");
        for (size_t k = 0; k < policies[i].count; k++) {
            (void)cJSON_AddItemToArray(hooks, describe(&policies[i].results[k]));
        }
    }
    char *text = cJSON_Print(all);
    (void)printf("%s\n", text);
    cJSON_free(text);
}
