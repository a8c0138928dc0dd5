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
    char memo[CELL] = "-";
    char all[CELL] = "-";

    write_time(plain, r->plain_ns, r->per);
    if (r->memo_ns > 0) {
        double of = (double)(r->hits + r->asked);
        write_time(memo, r->memo_ns, r->per);
        (void)snprintf(all, sizeof(all), "%.1f ms", r->plain_ns * (double)nodes / NS_PER_MS);
        (void)printf("%-24s %-12s %-14s %-14s %5.1f  %-10s %6.2f %%  %5zu  %s%s%s\n", policy,
                     r->hook, plain, memo, r->plain_ns / r->memo_ns, all,
                     of > 0 ? 100 * (double)r->hits / of : 0, r->paths, r->reads,
                     r->memo_off != NULL ? "; not kept: " : "",
                     r->memo_off != NULL ? r->memo_off : "");
        return;
    }
    if (strcmp(r->hook, "update") == 0) {
        (void)snprintf(all, sizeof(all), "%zu actions", r->actions);
    }
    (void)printf("%-24s %-12s %-14s %-14s %5s  %s\n", policy, r->hook, plain, memo, "-", all);
}

void moon_bench_print_table(size_t nodes, const struct moon_bench_policy *policies, size_t count)
{
    (void)printf("%zu nodes; CPU time, best of several rounds\n\n", nodes);
    (void)printf("%-24s %-12s %-14s %-14s %5s  %-10s %8s  %5s  %s\n", "POLICY", "HOOK", "PLAIN",
                 "MEMO", "RATIO", "ALL, PLAIN", "HITS", "PATHS", "DEPENDS ON");
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < policies[i].count; k++) {
            print_row(nodes, policies[i].name, &policies[i].results[k]);
        }
    }
    (void)printf("\n");
    for (size_t i = 0; i < count; i++) {
        const struct moon_bench_result *r = &policies[i].results[0];
        (void)printf("%s: read anew and asked about every node %.1f ms, Lua state %.1f KB, %.2f "
                     "allocations a %s\n",
                     policies[i].name, policies[i].reload_ms, (double)r->state_bytes / 1024,
                     r->allocations, r->per);
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
    if (r->memo_ns > 0) {
        (void)cJSON_AddNumberToObject(o, "memo_ns", r->memo_ns);
        (void)cJSON_AddNumberToObject(o, "hits", (double)r->hits);
        (void)cJSON_AddNumberToObject(o, "asked", (double)r->asked);
        (void)cJSON_AddNumberToObject(o, "paths", (double)r->paths);
        (void)cJSON_AddNumberToObject(o, "memo_bytes", (double)r->memo_bytes);
        (void)cJSON_AddStringToObject(o, "depends_on", r->reads);
    }
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
