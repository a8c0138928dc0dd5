/* SPDX-License-Identifier: Apache-2.0
 *
 * policy_test_print.c - results as lines for people, or as one JSON document for programs.
 */
#include "cli/policy_test_print.h"

#include <stdio.h>

#include "cli/planning.h"

void moon_test_printer_init(struct moon_test_printer *p, bool as_json)
{
    *p = (struct moon_test_printer){.json = as_json ? cJSON_CreateObject() : NULL};
    if (as_json) {
        cJSON_AddArrayToObject(p->json, "cases");
        cJSON_AddArrayToObject(p->json, "coverage");
    }
}

/* ---- lines ---- */

static void print_case(const struct moon_policy_test_case *c)
{
    (void)printf("%-4s %s:%zu: %s\n", c->passed ? "ok" : "FAIL", c->file, c->line, c->name);
    for (size_t i = 0; i < c->difference_count; i++) {
        const struct moon_policy_test_difference *d = &c->differences[i];
        (void)printf("     line %zu: %s\n       expected: %s\n       got:      %s\n", d->line,
                     d->path, d->expected, d->got);
    }
    for (size_t i = 0; i < c->cost_count; i++) {
        const struct moon_policy_test_cost *cost = &c->costs[i];
        (void)printf("     %-11s %llu calls, %llu instructions each, at most %llu\n", cost->hook,
                     (unsigned long long)cost->calls,
                     (unsigned long long)(cost->instructions / cost->calls),
                     (unsigned long long)cost->most);
    }
}

/* "14, 17-18" */
static void print_ranges(const size_t *lines, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t first = lines[i];
        while (i + 1 < count && lines[i + 1] == lines[i] + 1) {
            i++;
        }
        (void)printf("%zu", first);
        if (lines[i] > first) {
            (void)printf("-%zu", lines[i]);
        }
        (void)printf("%s", i + 1 < count ? ", " : "");
    }
}

static void print_lines(const struct moon_policy_test_lines *l)
{
    size_t run = l->total - l->never_count;

    if (l->total == 0) {
        (void)printf("%s: its lines are not known\n", l->file);
        return;
    }
    (void)printf("%s: %.1f %% (%zu of %zu lines)", l->file, 100 * (double)run / (double)l->total,
                 run, l->total);
    if (l->never_count > 0) {
        (void)printf("; never run: ");
        print_ranges(l->never, l->never_count);
    }
    (void)printf("\n");
}

/* ---- JSON ---- */

static void add_lines(cJSON *coverage, const struct moon_policy_test_lines *l)
{
    cJSON *json = cJSON_CreateObject();

    cJSON_AddStringToObject(json, "file", l->file);
    cJSON_AddNumberToObject(json, "lines", (double)l->total);
    cJSON *never = cJSON_AddArrayToObject(json, "never");
    for (size_t i = 0; i < l->never_count; i++) {
        cJSON_AddItemToArray(never, cJSON_CreateNumber((double)l->never[i]));
    }
    cJSON_AddItemToArray(coverage, json);
}

static cJSON *difference_json(const struct moon_policy_test_difference *d)
{
    cJSON *json = cJSON_CreateObject();

    cJSON_AddNumberToObject(json, "line", (double)d->line);
    cJSON_AddStringToObject(json, "path", d->path);
    cJSON_AddStringToObject(json, "expected", d->expected);
    cJSON_AddStringToObject(json, "got", d->got);
    return json;
}

static cJSON *cost_json(const struct moon_policy_test_cost *cost)
{
    cJSON *json = cJSON_CreateObject();

    cJSON_AddStringToObject(json, "hook", cost->hook);
    cJSON_AddNumberToObject(json, "calls", (double)cost->calls);
    cJSON_AddNumberToObject(json, "instructions", (double)cost->instructions);
    cJSON_AddNumberToObject(json, "most", (double)cost->most);
    return json;
}

static void add_case(cJSON *cases, const struct moon_policy_test_case *c)
{
    cJSON *json = cJSON_CreateObject();

    cJSON_AddStringToObject(json, "file", c->file);
    cJSON_AddNumberToObject(json, "line", (double)c->line);
    cJSON_AddStringToObject(json, "policy", c->policy);
    cJSON_AddStringToObject(json, "name", c->name);
    cJSON_AddBoolToObject(json, "passed", c->passed);
    cJSON *differences = cJSON_AddArrayToObject(json, "differences");
    for (size_t i = 0; i < c->difference_count; i++) {
        cJSON_AddItemToArray(differences, difference_json(&c->differences[i]));
    }
    cJSON *costs = c->cost_count > 0 ? cJSON_AddArrayToObject(json, "costs") : NULL;
    for (size_t i = 0; i < c->cost_count; i++) {
        cJSON_AddItemToArray(costs, cost_json(&c->costs[i]));
    }
    cJSON_AddItemToArray(cases, json);
}

void moon_test_printer_case(const struct moon_policy_test_case *c, void *ctx)
{
    struct moon_test_printer *p = ctx;

    if (p->json != NULL) {
        add_case(cJSON_GetObjectItemCaseSensitive(p->json, "cases"), c);
    } else {
        print_case(c);
    }
}

void moon_test_printer_lines(const struct moon_policy_test_lines *lines, void *ctx)
{
    struct moon_test_printer *p = ctx;

    if (p->json != NULL) {
        add_lines(cJSON_GetObjectItemCaseSensitive(p->json, "coverage"), lines);
    } else {
        print_lines(lines);
    }
}

void moon_test_printer_end(struct moon_test_printer *p, const struct moon_policy_test_sums *sums)
{
    if (p->json == NULL) {
        (void)printf("%zu passed, %zu failed\n", sums->passed, sums->failed);
        return;
    }
    cJSON_AddNumberToObject(p->json, "passed", (double)sums->passed);
    cJSON_AddNumberToObject(p->json, "failed", (double)sums->failed);
    moon_planning_print_json(p->json);
    cJSON_Delete(moon_steal(&p->json));
}
