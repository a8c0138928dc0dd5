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
#include "cli/plan_diff.h"
#include "cli/plan_rounds.h"
#include "cli/planning.h"
#include "cli/table.h"
#include "host/plan_json.h"

enum {
    ROUNDS_MAX = 100000,
    POD_START_MS = 10 * 1000
};

/* ---- choosing ---- */

bool moon_plan_is_wanted(const struct moon_planning_args *a, const char *set)
{
    for (int i = 0; i < a->word_count; i++) {
        if (moon_streq(set, a->words[i])) {
            return true;
        }
    }
    return a->word_count == 0;
}

static bool is_among(const char *set, const cJSON *rows)
{
    const cJSON *row;

    cJSON_ArrayForEach (row, rows) {
        if (moon_streq(moon_json_string(row, "set"), set)) {
            return true;
        }
    }
    return false;
}

static bool knows_wanted(const struct moon_planning_args *a, const struct moon_manager *m)
{
    struct moon_err err;
    MOON_AUTOJSON *rows = moon_manager_list(m, "sets", (struct moon_str){0}, &err);
    bool knows_all = true;

    for (int i = 0; i < a->word_count; i++) {
        if (!is_among(a->words[i], rows)) {
            moon_cli_complain("plan: there is no set %s", a->words[i]);
            knows_all = false;
        }
    }
    return knows_all;
}

int moon_plan_status(const struct moon_planning_args *a, const struct moon_manager *m,
                     bool has_work)
{
    if (!knows_wanted(a, m)) {
        return MOON_EXIT_FAILED;
    }
    return a->exit_code && has_work ? MOON_EXIT_WORK : MOON_EXIT_OK;
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
        if (moon_plan_is_wanted(a, moon_json_string(plan, "set"))) {
            plans[count++] = plan;
        }
    }
    qsort(plans, count, sizeof(cJSON *), by_name);
    *ret_count = count;
    return plans;
}

/* ---- printing ---- */

static void add_rows(struct moon_table *t, const cJSON *plan)
{
    const char *set = moon_json_string(plan, "set");
    const cJSON *item;

    cJSON_ArrayForEach (item, moon_json_member(plan, "actions")) {
        MOON_AUTOFREE char *object = moon_plan_json_object(item);
        moon_table_add(t, (const char *[]){set, moon_json_string(item, "verb"), object,
                                           moon_json_string(item, "node"),
                                           moon_json_string(item, "reason")});
    }
    cJSON_ArrayForEach (item, moon_json_member(plan, "notes")) {
        moon_table_add(t, (const char *[]){set, NULL, NULL, moon_json_string(item, "node"),
                                           moon_json_string(item, "reason")});
    }
}

static void print_table(cJSON *const *plans, size_t count, size_t actions)
{
    static const char *const head[] = {"SET", "ACTION", "OBJECT", "NODE", "REASON"};
    MOON_CLEANUP(moon_table_free_ptr)
    struct moon_table *t = moon_table_new(head, MOON_ARRAY_SIZE(head));

    for (size_t i = 0; i < count; i++) {
        add_rows(t, plans[i]);
    }
    moon_table_print(t);
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

static int print(const struct moon_planning_args *a, const struct moon_planning *p)
{
    size_t count;
    size_t actions = 0;
    MOON_AUTOFREE cJSON **plans = sorted_plans(a, p->plans, &count);

    for (size_t i = 0; i < count; i++) {
        actions += (size_t)cJSON_GetArraySize(moon_json_member(plans[i], "actions"));
    }
    if (a->as_json) {
        print_json(plans, count);
    } else {
        print_table(plans, count, actions);
    }
    return moon_plan_status(a, p->manager, actions > 0);
}

static int plan(const struct moon_planning_args *a, const struct moon_config *config)
{
    struct moon_planning planning;
    struct moon_err err;
    int status = MOON_EXIT_FAILED;

    if (moon_planning_run_args(&planning, a, config, &err) != 0) {
        moon_cli_complain("plan: %s", err.text);
    } else {
        status = print(a, &planning);
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
        "  --diff DIR\n"
        "      where the policies of DIR, which would win, decide otherwise than those in force\n"
        "  --rounds N\n"
        "      play the whole roll, in memory: what is planned is carried out there, deleted pods\n"
        "      vanish, new ones become ready after --pod-start TIME (default 10s), and time "
        "passes;\n"
        "      until all is settled, or N times\n"
        "  --exit-code\n"
        "      exit status 3 when there is something to do, or a difference\n"
        "  --snapshot FILE\n"
        "      not the cluster as it is, but as `moonset snapshot` has written it down, at its\n"
        "      time and with its policies; those of --policy-dir win\n"
        "  --timeout TIME\n"
        "      how long the API server may take (default " MOON_PLANNING_TIMEOUT ")\n\n"
        "Exit status: 0 done; 1 the cluster could not be read, or a named set is not there;\n"
        "2 wrong usage; 3 see --exit-code.\n",
        stdout);
}

struct own_flags {
    const char *other_dir;
    struct moon_plan_rounds rounds;
};

static int take_rounds(struct own_flags *own, const char *value, struct moon_err *err)
{
    uint64_t n;

    if (!moon_parse_u64(moon_str(value), &n) || n == 0 || n > ROUNDS_MAX) {
        return moon_err_set(err, MOON_E_INVALID,
                            "--rounds: a number from 1 to %d is wanted, not \"%s\"", ROUNDS_MAX,
                            value);
    }
    own->rounds.rounds = (unsigned)n;
    return 0;
}

static int take(int argc, char **argv, int *i, void *ctx, struct moon_err *err)
{
    static const char *const flags[] = {"--diff", "--rounds", "--pod-start", NULL};
    struct own_flags *own = ctx;
    size_t which = 0;

    while (flags[which] != NULL && strcmp(flags[which], argv[*i]) != 0) {
        which++;
    }
    if (flags[which] == NULL) {
        return 1;
    }
    if (++*i >= argc) {
        return moon_err_set(err, MOON_E_INVALID, "%s needs a value", flags[which]);
    }
    switch (which) {
    case 0:
        own->other_dir = argv[*i];
        return 0;
    case 1:
        return take_rounds(own, argv[*i], err);
    default:
        return moon_parse_duration_ms(moon_str(argv[*i]), &own->rounds.pod_start_ms)
                   ? 0
                   : moon_err_set(err, MOON_E_INVALID,
                                  "--pod-start: a duration is wanted, such as 10s, not \"%s\"",
                                  argv[*i]);
    }
}

static bool names_sets(const struct moon_planning_args *a)
{
    for (int i = 0; i < a->word_count; i++) {
        if (strchr(a->words[i], '/') == NULL) {
            moon_cli_complain("plan: \"%s\": a set is written NAMESPACE/NAME", a->words[i]);
            return false;
        }
    }
    return true;
}

int moon_cmd_plan(struct moon_cli *cli, int argc, char **argv)
{
    struct own_flags own = {.rounds = {.pod_start_ms = POD_START_MS}};
    struct moon_planning_args a = {
        .command = "plan",
        .plain = "table",
        .print_help = print_help,
        .takes_exit_code = true,
        .takes_snapshot = true,
        .take = take,
        .ctx = &own,
    };
    int status;

    cli->config->guard_tells = true; /* what it would hold is what one wants to see */
    if (!moon_planning_read(&a, cli->config, argc, argv, &status)) {
        return status;
    }
    if (!names_sets(&a)) {
        status = MOON_EXIT_USAGE;
    } else if (own.other_dir != NULL && own.rounds.rounds > 0) {
        moon_cli_complain("plan: --diff and --rounds do not go together");
        status = MOON_EXIT_USAGE;
    } else if (own.other_dir != NULL) {
        status = moon_plan_diff(&a, cli->config, own.other_dir);
    } else if (own.rounds.rounds > 0) {
        status = moon_plan_rounds(&a, cli->config, &own.rounds);
    } else {
        status = plan(&a, cli->config);
    }
    moon_planning_args_fini(&a);
    return status;
}
