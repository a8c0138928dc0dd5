/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_get.c - `moonset get`: sets, the nodes of a set, its revisions, as the controller sees them.
 */
#include <stdio.h>
#include <time.h>

#include "base/time.h"
#include "cli/admin_client.h"
#include "cli/cli.h"
#include "cli/planning.h"
#include "cli/table.h"

enum {
    CELL_MAX_BYTES = 16 * 1024,
    COLUMNS_MAX = 16
};

struct get {
    const struct moon_planning_args *args;
    int64_t now_s;
};

/* ---- cells; the caller frees ---- */

static char *text_cell(const cJSON *row, const char *key)
{
    return moon_strdup(moon_json_string(row, key));
}

static char *number_cell(const cJSON *row, const char *key)
{
    return moon_asprintf("%lld", (long long)moon_json_int(row, key, 0));
}

static char *yes_cell(bool yes)
{
    return moon_strdup(yes ? "yes" : "no");
}

static char *age_cell(const struct get *g, const cJSON *row)
{
    char age[MOON_TIME_TEXT];
    int64_t created_s = moon_json_int(row, "created", 0);

    return moon_strdup(created_s > 0 ? moon_time_age(g->now_s - created_s, age) : NULL);
}

/* The stock ones only when they are asked for. */
static char *policies_cell(const struct get *g, const cJSON *row)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(CELL_MAX_BYTES);
    const cJSON *policy;

    cJSON_ArrayForEach (policy, moon_json_member(row, "policies")) {
        const char *name = moon_json_string(policy, "name");
        if (!g->args->is_wide && strchr(name, '/') != NULL) {
            continue;
        }
        moon_buf_printf(&text, "%s%s", text.len > 0 ? "," : "", name);
        if (g->args->is_wide) {
            moon_buf_printf(&text, "@%.12s", moon_json_string(policy, "version"));
        }
    }
    return moon_buf_take(&text, NULL);
}

/* What stands in the way of its update, or of all. */
static char *held_cell(const cJSON *row)
{
    const char *problem = moon_json_string(row, "problem");
    const char *paused = moon_json_string(row, "paused");
    const char *by = moon_json_string(row, "held_by");

    if (problem != NULL) {
        return moon_strdup(problem);
    }
    if (by != NULL) {
        return moon_asprintf("%s: %s", by, moon_json_string(row, "held_why"));
    }
    return paused != NULL ? moon_asprintf("paused: %s", paused) : NULL;
}

static char *rank_cell(const cJSON *row)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(CELL_MAX_BYTES);
    const cJSON *key;

    cJSON_ArrayForEach (key, moon_json_member(row, "rank")) {
        moon_buf_puts(&text, text.len > 0 ? "," : "");
        if (cJSON_IsString(key)) {
            moon_buf_puts(&text, cJSON_GetStringValue(key));
        } else {
            moon_buf_printf(&text, "%g", cJSON_GetNumberValue(key));
        }
    }
    return moon_buf_take(&text, NULL);
}

/* ---- tables ---- */

static void add_row(struct moon_table *t, char *const *cells, size_t count)
{
    const char *copy[COLUMNS_MAX] = {NULL};

    for (size_t i = 0; i < count; i++) {
        copy[i] = cells[i];
    }
    moon_table_add(t, copy);
    for (size_t i = 0; i < count; i++) {
        moon_free(cells[i]);
    }
}

#define ADD(t, ...)                                                                                \
    do {                                                                                           \
        char *const cells_[] = {__VA_ARGS__};                                                      \
        add_row(t, cells_, MOON_ARRAY_SIZE(cells_));                                               \
    } while (0)

static void print_sets(const struct get *g, const cJSON *rows)
{
    static const char *const head[] = {"SET",       "DESIRED",  "CURRENT", "READY",    "UPDATED",
                                       "AVAILABLE", "REVISION", "AGE",     "POLICIES", "HELD"};
    MOON_CLEANUP(moon_table_free_ptr)
    struct moon_table *t = moon_table_new(head, MOON_ARRAY_SIZE(head));
    const cJSON *row;

    cJSON_ArrayForEach (row, rows) {
        ADD(t, text_cell(row, "set"), number_cell(row, "desired"), number_cell(row, "current"),
            number_cell(row, "ready"), number_cell(row, "updated"), number_cell(row, "available"),
            text_cell(row, "revision"), age_cell(g, row), policies_cell(g, row), held_cell(row));
    }
    moon_table_print(t);
}

/* One line for each pod, and one for a node without. */
static void add_node(const cJSON *row, const cJSON *pod, struct moon_table *t)
{
    ADD(t, text_cell(row, "node"), text_cell(row, "placement"), text_cell(pod, "name"),
        text_cell(pod, "revision"),
        pod != NULL ? yes_cell(moon_json_bool(pod, "updated", false)) : NULL,
        pod != NULL ? yes_cell(moon_json_bool(row, "available", false)) : NULL, rank_cell(row),
        text_cell(row, "reason"));
}

static void print_nodes(const cJSON *rows)
{
    static const char *const head[] = {"NODE",    "PLACEMENT", "POD",  "REVISION",
                                       "UPDATED", "AVAILABLE", "RANK", "REASON"};
    MOON_CLEANUP(moon_table_free_ptr)
    struct moon_table *t = moon_table_new(head, MOON_ARRAY_SIZE(head));
    const cJSON *row;
    const cJSON *pod;

    cJSON_ArrayForEach (row, rows) {
        const cJSON *pods = moon_json_member(row, "pods");
        if (cJSON_GetArraySize(pods) == 0) {
            add_node(row, NULL, t);
        }
        cJSON_ArrayForEach (pod, pods) {
            add_node(row, pod, t);
        }
    }
    moon_table_print(t);
}

static void print_revisions(const struct get *g, const cJSON *rows)
{
    static const char *const head[] = {"REVISION", "NUMBER", "ROLE", "PODS", "AGE", "NAME"};
    MOON_CLEANUP(moon_table_free_ptr)
    struct moon_table *t = moon_table_new(head, MOON_ARRAY_SIZE(head));
    const cJSON *row;

    cJSON_ArrayForEach (row, rows) {
        ADD(t, text_cell(row, "revision"), number_cell(row, "number"), text_cell(row, "role"),
            number_cell(row, "pods"), age_cell(g, row), text_cell(row, "name"));
    }
    moon_table_print(t);
}

/* ---- rows ---- */

static cJSON *ask_admin(const struct moon_planning_args *a, const struct moon_config *config,
                        const char *what, const char *set, struct moon_err *err)
{
    return moon_admin_ask(&(struct moon_admin_question){.url = a->admin,
                                                        .token_file = config->admin_token_file,
                                                        .timeout_ms = a->timeout_ms,
                                                        .path = "/get",
                                                        .names = {"what", "set"},
                                                        .arguments = {what, set}},
                          err);
}

static cJSON *plan_and_list(struct get *g, const struct moon_config *config, const char *what,
                            const char *set, struct moon_err *err)
{
    struct moon_planning planning;
    cJSON *rows = NULL;

    if (moon_planning_run_args(&planning, g->args, config, err) == 0) {
        g->now_s = moon_loop_wall_ms(planning.loop) / 1000;
        rows = moon_manager_list(planning.manager, what, moon_str(set), err);
    }
    moon_planning_fini(&planning);
    return rows;
}

/* `get sets NAME` is one of them. */
static cJSON *only(cJSON *take_rows, const char *set, struct moon_err *err)
{
    MOON_AUTOJSON *rows = take_rows;
    cJSON *kept = cJSON_CreateArray();
    const cJSON *row;

    cJSON_ArrayForEach (row, rows) {
        if (moon_streq(moon_json_string(row, "set"), set)) {
            (void)cJSON_AddItemToArray(kept, cJSON_Duplicate(row, true));
        }
    }
    if (cJSON_GetArraySize(kept) == 0) {
        (void)moon_err_set(err, MOON_E_NOT_FOUND, "there is no set %s", set);
        cJSON_Delete(kept);
        return NULL;
    }
    return kept;
}

static int get(const struct moon_planning_args *a, const struct moon_config *config)
{
    const char *what = a->words[0];
    const char *set = a->word_count > 1 ? a->words[1] : NULL;
    struct get g = {.args = a, .now_s = (int64_t)time(NULL)};
    struct moon_err err;
    cJSON *rows = a->admin != NULL ? ask_admin(a, config, what, set, &err)
                                   : plan_and_list(&g, config, what, set, &err);

    if (rows != NULL && set != NULL && moon_streq(what, "sets")) {
        rows = only(rows, set, &err);
    }
    if (rows == NULL) {
        moon_cli_complain("get: %s", err.text);
        return MOON_EXIT_FAILED;
    }
    if (a->as_json) {
        moon_planning_print_json(rows);
    } else if (moon_streq(what, "sets")) {
        print_sets(&g, rows);
    } else if (moon_streq(what, "nodes")) {
        print_nodes(rows);
    } else {
        print_revisions(&g, rows);
    }
    cJSON_Delete(rows);
    return MOON_EXIT_OK;
}

/* ---- command line ---- */

static void print_help(void)
{
    (void)fputs(
        "usage: moonset get sets [FLAG…] [NAMESPACE/NAME]\n"
        "       moonset get nodes|revisions [FLAG…] NAMESPACE/NAME\n\n"
        "What the controller sees: sets with their counters, policies and what holds them; the\n"
        "nodes of a set in the order in which they are served, with the decision, its reason,\n"
        "and their pods; the revisions of a set.\n\n"
        "flags, beside those of `moonset run` that say where the cluster and the policies are:\n"
        "  -o table|wide|json\n"
        "      how to print it (default table); wide: with the stock policies and all versions\n"
        "  --admin URL\n"
        "      ask the controller that runs there, by its admin port (--listen), and not the\n"
        "      cluster; with the token of --admin-token-file, when it wants one\n"
        "  --snapshot FILE\n"
        "      not the cluster as it is, but as `moonset snapshot` has written it down\n"
        "  --timeout TIME\n"
        "      how long the API server may take (default " MOON_PLANNING_TIMEOUT ")\n\n"
        "Exit status: 0 done; 1 the cluster could not be read, or the set is not there; 2 wrong\n"
        "usage.\n",
        stdout);
}

static bool is_right(const struct moon_planning_args *a)
{
    static const char *const kinds[] = {"sets", "nodes", "revisions"};
    bool known = false;

    for (size_t i = 0; a->word_count > 0 && i < MOON_ARRAY_SIZE(kinds); i++) {
        known |= moon_streq(a->words[0], kinds[i]);
    }
    bool needs_set = known && !moon_streq(a->words[0], "sets");
    if (!known || a->word_count > 2 || (needs_set && a->word_count < 2)) {
        moon_cli_complain("get: sets, or nodes or revisions and a set, are wanted");
        return false;
    }
    if (a->word_count > 1 && strchr(a->words[1], '/') == NULL) {
        moon_cli_complain("get: \"%s\": a set is written NAMESPACE/NAME", a->words[1]);
        return false;
    }
    return true;
}

int moon_cmd_get(struct moon_cli *cli, int argc, char **argv)
{
    struct moon_planning_args a = {
        .command = "get",
        .plain = "table",
        .print_help = print_help,
        .takes_snapshot = true,
        .takes_admin = true,
        .takes_wide = true,
    };
    int status;

    if (!moon_planning_read(&a, cli->config, argc, argv, &status)) {
        return status;
    }
    status = is_right(&a) ? get(&a, cli->config) : MOON_EXIT_USAGE;
    moon_planning_args_fini(&a);
    return status;
}
