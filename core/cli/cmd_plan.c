/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_plan.c - `moonset plan`: what the controller would do now, and why, with nothing written.
 *
 * It is the controller itself, with its caches and policies; only its plans are shown instead of
 * carried out. So it needs the rights to read, and no lease.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/planning.h"

enum {
    COLUMNS = 5,
    EXIT_WORK = 3, /* with --exit-code */
};

/* ---- choosing ---- */

static bool is_wanted(const struct moon_planning_args *a, const char *set)
{
    for (int i = 0; i < a->word_count; i++) {
        if (moon_streq(set, a->words[i])) {
            return true;
        }
    }
    return a->word_count == 0;
}

static int by_name(const void *a, const void *b)
{
    const cJSON *const *x = a;
    const cJSON *const *y = b;

    return strcmp(moon_json_string(*x, "set"), moon_json_string(*y, "set"));
}

/* In order of names; the caller frees the list, the plans stay where they are. */
static cJSON **sorted_plans(const struct moon_planning_args *a, const struct moon_map *all,
                            size_t *ret_count)
{
    cJSON **plans = moon_new_array(cJSON *, moon_map_count(all) + 1);
    size_t count = 0;
    size_t pos = 0;
    void *plan;

    while (moon_map_next(all, &pos, NULL, &plan)) {
        if (is_wanted(a, moon_json_string(plan, "set"))) {
            plans[count++] = plan;
        }
    }
    qsort(plans, count, sizeof(cJSON *), by_name);
    *ret_count = count;
    return plans;
}

/* ---- printing ---- */

typedef const char *row[COLUMNS];

static void widen(size_t widths[COLUMNS], const row cells)
{
    for (int i = 0; i < COLUMNS; i++) {
        size_t len = strlen(cells[i]);
        widths[i] = len > widths[i] ? len : widths[i];
    }
}

static void print_row(const size_t widths[COLUMNS], const row cells)
{
    for (int i = 0; i < COLUMNS - 1; i++) {
        (void)printf("%-*s  ", (int)widths[i], cells[i]);
    }
    (void)printf("%s\n", cells[COLUMNS - 1]);
}

static const char *or_dash(const char *text)
{
    return text != NULL ? text : "-";
}

/* Call fn for each line of the table. */
static void each_row(cJSON *const *plans, size_t count, size_t widths[COLUMNS],
                     void (*fn)(size_t widths[COLUMNS], const row cells))
{
    for (size_t i = 0; i < count; i++) {
        const char *set = moon_json_string(plans[i], "set");
        const cJSON *item;
        cJSON_ArrayForEach (item, moon_json_member(plans[i], "actions")) {
            MOON_AUTOFREE char *object = moon_planning_object(item);
            fn(widths, (const row){set, moon_json_string(item, "verb"), object,
                                   or_dash(moon_json_string(item, "node")),
                                   moon_json_string(item, "reason")});
        }
        cJSON_ArrayForEach (item, moon_json_member(plans[i], "notes")) {
            fn(widths, (const row){set, "-", "-", or_dash(moon_json_string(item, "node")),
                                   moon_json_string(item, "reason")});
        }
    }
}

static void print_cells(size_t widths[COLUMNS], const row cells)
{
    print_row(widths, cells);
}

static void measure_cells(size_t widths[COLUMNS], const row cells)
{
    widen(widths, cells);
}

static void print_table(cJSON *const *plans, size_t count, size_t actions)
{
    static const row head = {"SET", "ACTION", "OBJECT", "NODE", "REASON"};
    size_t widths[COLUMNS] = {0};

    each_row(plans, count, widths, measure_cells);
    if (widths[0] > 0) {
        widen(widths, head);
        print_row(widths, head);
        each_row(plans, count, widths, print_cells);
    }
    if (actions == 0) {
        (void)printf("nothing to do: %zu %s\n", count, count == 1 ? "set" : "sets");
    }
}

static void print_json(cJSON *const *plans, size_t count)
{
    cJSON *root = cJSON_CreateObject();
    cJSON *sets = cJSON_AddArrayToObject(root, "sets");

    for (size_t i = 0; i < count; i++) {
        (void)cJSON_AddItemReferenceToArray(sets, plans[i]);
    }
    moon_planning_print_json(root);
    cJSON_Delete(root);
}

static int complain_of_unknown(const struct moon_planning_args *a, const struct moon_map *plans)
{
    int status = MOON_EXIT_OK;

    for (int i = 0; i < a->word_count; i++) {
        if (moon_map_get(plans, moon_str(a->words[i])) == NULL) {
            moon_cli_complain("plan: there is no set %s", a->words[i]);
            status = MOON_EXIT_FAILED;
        }
    }
    return status;
}

static int print(const struct moon_planning_args *a, const struct moon_map *all)
{
    size_t count;
    size_t actions = 0;
    MOON_AUTOFREE cJSON **plans = sorted_plans(a, all, &count);

    for (size_t i = 0; i < count; i++) {
        actions += (size_t)cJSON_GetArraySize(moon_json_member(plans[i], "actions"));
    }
    if (a->as_json) {
        print_json(plans, count);
    } else {
        print_table(plans, count, actions);
    }
    int status = complain_of_unknown(a, all);
    return status == MOON_EXIT_OK && a->exit_code && actions > 0 ? EXIT_WORK : status;
}

static int plan(const struct moon_planning_args *a, const struct moon_config *config)
{
    struct moon_planning planning;
    struct moon_err err;
    int status = MOON_EXIT_FAILED;

    if (moon_planning_run(&planning, config, a->timeout_ms, &err) != 0) {
        moon_cli_complain("plan: %s", err.text);
    } else {
        status = print(a, planning.plans);
    }
    moon_planning_fini(&planning);
    return status;
}

/* ---- command line ---- */

static void print_help(void)
{
    (void)fputs(
        "usage: moonset plan [FLAG…] [NAMESPACE/NAME…]\n\n"
        "What the controller would do now, and why: it reads the cluster and the policies as\n"
        "`moonset run` does, with the same flags, but only shows the next step of each set (or\n"
        "of those that are named). Nothing is written, and a controller may be running.\n\n"
        "flags, beside those of `moonset run` that say where the cluster and the policies are:\n"
        "  -o table|json\n"
        "      how to print it (default table)\n"
        "  --exit-code\n"
        "      exit status 3 when there is something to do\n"
        "  --timeout TIME\n"
        "      how long the API server may take (default " MOON_PLANNING_TIMEOUT ")\n\n"
        "Exit status: 0 done; 1 the cluster could not be read, or a named set is not there;\n"
        "2 wrong usage; 3 see --exit-code.\n",
        stdout);
}

int moon_cmd_plan(struct moon_cli *cli, int argc, char **argv)
{
    struct moon_planning_args a = {
        .command = "plan", .plain = "table", .print_help = print_help, .takes_exit_code = true};
    int status;

    if (!moon_planning_read(&a, cli->config, argc, argv, &status)) {
        return status;
    }
    for (int i = 0; i < a.word_count; i++) {
        if (strchr(a.words[i], '/') == NULL) {
            moon_cli_complain("plan: \"%s\": a set is written NAMESPACE/NAME", a.words[i]);
            return MOON_EXIT_USAGE;
        }
    }
    return plan(&a, cli->config);
}
