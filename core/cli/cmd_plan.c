/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_plan.c - `moonset plan`: what the controller would do now, and why, with nothing written.
 *
 * It is the controller itself, with its caches and policies; only its plans are shown instead of
 * carried out. So it needs the rights to read, and no lease.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/map.h"
#include "cli/cli.h"
#include "host/manager.h"
#include "io/json.h"

enum {
    COLUMNS = 5,
    DEFAULT_TIMEOUT_MS = 30 * 1000,
    EXIT_WORK = 3, /* with --exit-code */
};

struct planning {
    struct moon_loop *loop;
    struct moon_manager *manager;
    struct moon_map *plans; /* "namespace/name" -> cJSON, the last plan of each set */
    bool timed_out;
    /* from the command line */
    char *const *wanted; /* sets; all when there are none */
    int wanted_count;
    bool as_json;
    bool exit_code;
    uint64_t timeout_ms;
};

/* ---- collecting ---- */

static void free_json(void *json)
{
    cJSON_Delete(json);
}

static void add_text(cJSON *object, const char *key, const char *text)
{
    if (text != NULL) {
        (void)cJSON_AddStringToObject(object, key, text);
    }
}

/* The name of what is to be made is left to chance: another one next time. */
static cJSON *describe_action(const struct moon_action *a)
{
    cJSON *object = cJSON_CreateObject();

    add_text(object, "verb", moon_verb_name(a->verb));
    add_text(object, "kind", a->resource->kind);
    add_text(object, "namespace", a->namespace);
    add_text(object, "name", a->verb != MOON_VERB_CREATE ? a->name : NULL);
    add_text(object, "subresource", a->subresource);
    add_text(object, "node", a->target);
    add_text(object, "reason", a->reason);
    return object;
}

static cJSON *describe_note(const struct moon_note *n)
{
    cJSON *object = cJSON_CreateObject();

    add_text(object, "node", n->target);
    add_text(object, "reason", n->reason);
    return object;
}

static bool is_wanted(const struct planning *p, struct moon_str key)
{
    for (int i = 0; i < p->wanted_count; i++) {
        if (moon_str_is(key, p->wanted[i])) {
            return true;
        }
    }
    return p->wanted_count == 0;
}

static void on_plan(const struct moon_plan *plan, void *ctx)
{
    struct planning *p = ctx;
    struct moon_str key = moon_plan_key(plan);

    if (!is_wanted(p, key)) {
        return;
    }
    MOON_AUTOFREE char *name = moon_str_dup(key);
    cJSON *object = cJSON_CreateObject();
    add_text(object, "set", name);
    cJSON *actions = cJSON_AddArrayToObject(object, "actions");
    for (size_t i = 0; i < moon_plan_count(plan); i++) {
        (void)cJSON_AddItemToArray(actions, describe_action(moon_plan_get(plan, i)));
    }
    cJSON *notes = cJSON_AddArrayToObject(object, "notes");
    for (size_t i = 0; i < moon_plan_note_count(plan); i++) {
        (void)cJSON_AddItemToArray(notes, describe_note(moon_plan_note_get(plan, i)));
    }
    moon_map_set(p->plans, key, object);
}

static int by_name(const void *a, const void *b)
{
    const cJSON *const *x = a;
    const cJSON *const *y = b;

    return strcmp(moon_json_string(*x, "set"), moon_json_string(*y, "set"));
}

/* In order of names; the caller frees the list, the plans stay where they are. */
static cJSON **sorted_plans(const struct planning *p, size_t *ret_count)
{
    cJSON **plans = moon_new_array(cJSON *, moon_map_count(p->plans) + 1);
    size_t count = 0;
    size_t pos = 0;
    void *plan;

    while (moon_map_next(p->plans, &pos, NULL, &plan)) {
        plans[count++] = plan;
    }
    qsort(plans, count, sizeof(cJSON *), by_name);
    *ret_count = count;
    return plans;
}

/* ---- printing ---- */

typedef const char *row[COLUMNS];

/* "pod/agent-x7k2p", or "pod" for one that is yet to be made. */
static char *object_text(const cJSON *action)
{
    const char *name = moon_json_string(action, "name");
    char *text = moon_asprintf("%s%s%s", moon_json_string(action, "kind"), name != NULL ? "/" : "",
                               name != NULL ? name : "");

    for (char *c = text; *c != '\0' && *c != '/'; c++) {
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
    }
    return text;
}

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
            MOON_AUTOFREE char *object = object_text(item);
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
    char *text = cJSON_Print(root);
    (void)puts(text);
    cJSON_free(text);
    cJSON_Delete(root);
}

static int complain_of_unknown(const struct planning *p)
{
    int status = MOON_EXIT_OK;

    for (int i = 0; i < p->wanted_count; i++) {
        if (moon_map_get(p->plans, moon_str(p->wanted[i])) == NULL) {
            moon_cli_complain("plan: there is no set %s", p->wanted[i]);
            status = MOON_EXIT_FAILED;
        }
    }
    return status;
}

static int print(const struct planning *p)
{
    size_t count;
    size_t actions = 0;
    MOON_AUTOFREE cJSON **plans = sorted_plans(p, &count);

    for (size_t i = 0; i < count; i++) {
        actions += (size_t)cJSON_GetArraySize(moon_json_member(plans[i], "actions"));
    }
    if (p->as_json) {
        print_json(plans, count);
    } else {
        print_table(plans, count, actions);
    }
    int status = complain_of_unknown(p);
    return status == MOON_EXIT_OK && p->exit_code && actions > 0 ? EXIT_WORK : status;
}

/* ---- planning ---- */

static void look(void *ctx)
{
    const struct planning *p = ctx;

    if (p->manager != NULL && moon_manager_is_settled(p->manager)) {
        moon_loop_stop(p->loop);
    }
}

static void on_timeout(void *ctx)
{
    struct planning *p = ctx;

    p->timed_out = true;
    moon_loop_stop(p->loop);
}

static int run(struct planning *p, const struct moon_config *config, struct moon_err *err)
{
    struct moon_prepare *prepare = moon_prepare_new(p->loop, look, p);
    struct moon_timer *timer = moon_timer_new(p->loop, on_timeout, p);
    int rc = 0;

    p->manager = moon_manager_new(
        &(struct moon_manager_opts){
            .loop = p->loop, .config = config, .on_plan = on_plan, .ctx = p},
        err);
    if (p->manager == NULL) {
        rc = -(int)err->code;
    } else {
        moon_timer_start(timer, p->timeout_ms);
        moon_loop_run(p->loop);
        if (p->timed_out) {
            rc = moon_err_set(err, MOON_E_TIMEOUT,
                              "the API server has not answered all within %llu s",
                              (unsigned long long)(p->timeout_ms / 1000));
        }
    }
    moon_manager_free(p->manager);
    moon_timer_free(timer);
    moon_prepare_free(prepare);
    return rc;
}

static int plan(struct planning *p, const struct moon_config *config)
{
    struct moon_err err;
    int status = MOON_EXIT_FAILED;

    p->loop = moon_loop_new(NULL, &err);
    if (p->loop == NULL) {
        moon_cli_complain("plan: %s", err.text);
        return status;
    }
    p->plans = moon_map_new(free_json);
    if (run(p, config, &err) != 0) {
        moon_cli_complain("plan: %s", err.text);
    } else {
        status = print(p);
    }
    moon_map_free(p->plans);
    moon_loop_free(p->loop);
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
        "      how long the API server may take (default 30s)\n\n"
        "Exit status: 0 done; 1 the cluster could not be read, or a named set is not there;\n"
        "2 wrong usage; 3 see --exit-code.\n",
        stdout);
}

static int take_output(struct planning *p, const char *value, struct moon_err *err)
{
    if (!moon_streq(value, "table") && !moon_streq(value, "json")) {
        return moon_err_set(err, MOON_E_INVALID, "-o: table or json is wanted, not \"%s\"",
                            value != NULL ? value : "");
    }
    p->as_json = moon_streq(value, "json");
    return 0;
}

static int take_timeout(struct planning *p, const char *value, struct moon_err *err)
{
    if (value == NULL || !moon_parse_duration_ms(moon_str(value), &p->timeout_ms) ||
        p->timeout_ms == 0) {
        return moon_err_set(err, MOON_E_INVALID,
                            "--timeout: a duration is wanted, such as 30s, not \"%s\"",
                            value != NULL ? value : "");
    }
    return 0;
}

/* What `moonset run` does not know: our own flags; the names of sets go to the front of argv. */
static int read_args(struct planning *p, int argc, char **argv, struct moon_err *err)
{
    int names = 0;
    int rc = 0;

    for (int i = 1; rc == 0 && i < argc; i++) {
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;
        if (moon_streq(argv[i], "-o")) {
            rc = take_output(p, next, err);
            i++;
        } else if (moon_streq(argv[i], "--timeout")) {
            rc = take_timeout(p, next, err);
            i++;
        } else if (moon_streq(argv[i], "--exit-code")) {
            p->exit_code = true;
        } else if (argv[i][0] == '-') {
            rc = moon_err_set(err, MOON_E_INVALID, "unknown flag %s (see moonset plan --help)",
                              argv[i]);
        } else if (strchr(argv[i], '/') == NULL) {
            rc = moon_err_set(err, MOON_E_INVALID, "\"%s\": a set is written NAMESPACE/NAME",
                              argv[i]);
        } else {
            argv[1 + names++] = argv[i];
        }
    }
    p->wanted = argv + 1;
    p->wanted_count = names;
    return rc;
}

int moon_cmd_plan(struct moon_cli *cli, int argc, char **argv)
{
    struct planning p = {.timeout_ms = DEFAULT_TIMEOUT_MS};
    struct moon_config *config = cli->config;
    struct moon_err err;
    bool help = false;

    config->log_level = MOON_LOG_WARN; /* unless another is asked for */
    if (moon_config_take_args(config, &argc, argv, &help, &err) != 0 ||
        (!help && (read_args(&p, argc, argv, &err) != 0 || moon_config_check(config, &err) != 0))) {
        moon_cli_complain("plan: %s", err.text);
        return MOON_EXIT_USAGE;
    }
    if (help) {
        print_help();
        return MOON_EXIT_OK;
    }
    moon_log_setup(config->log_level, config->log_format, STDERR_FILENO);
    return plan(&p, config);
}
