/* SPDX-License-Identifier: Apache-2.0
 *
 * plan_rounds.c - the controller carries out its plans in a picture of the cluster, where deleted
 * pods vanish and new ones become ready after a while; each time it acts is a round.
 */
#include "cli/plan_rounds.h"

#include <stdio.h>

#include "cli/cli.h"
#include "cli/plan_diff.h"
#include "cli/table.h"
#include "host/picture_pods.h"
#include "host/plan_json.h"

enum {
    NAMED_MAX = 8, /* nodes of one kind of action; further ones are counted */
    CELL_MAX_BYTES = 64 << 10,
    QUIET_MS = 15 * 60 * 1000, /* without an action: nothing comes any more… */
};
#define PLAYED_MAX_MS (7ull * 24 * 3600 * 1000) /* …unless something is held, so long at most */

struct rounds {
    const struct moon_planning_args *args;
    const struct moon_plan_rounds *opts;
    struct moon_loop *loop;
    struct moon_picture *picture;
    struct moon_picture_pods *pods;
    struct moon_manager *manager;
    uint64_t began_ms;
    uint64_t acted_ms;
    cJSON *pending; /* actions since the last round: {set, …} */
    cJSON *rounds;  /* [{round, after_ms, sets: [{set, actions, …}]}] */
};

/* ---- what is done ---- */

/* Counters that are written to the status follow from all else. */
static bool counts(const struct rounds *r, const char *set, const cJSON *action)
{
    return moon_plan_is_wanted(r->args, set) &&
           !moon_streq(moon_json_string(action, "subresource"), "status");
}

static void on_plan(const struct moon_plan *plan, void *ctx)
{
    struct rounds *r = ctx;
    MOON_AUTOFREE char *set = moon_str_dup(moon_plan_key(plan));
    MOON_AUTOJSON *json = moon_plan_json(plan, false);
    cJSON *actions = cJSON_GetObjectItemCaseSensitive(json, "actions");

    while (actions->child != NULL) {
        cJSON *action = cJSON_DetachItemViaPointer(actions, actions->child);
        if (counts(r, set, action)) {
            (void)cJSON_AddStringToObject(action, "set", set);
            (void)cJSON_AddItemToArray(r->pending, action);
        } else {
            cJSON_Delete(action);
        }
    }
}

/* ---- rounds ---- */

static cJSON *take_actions(const struct rounds *r, const char *set)
{
    cJSON *taken = cJSON_CreateArray();
    cJSON *next;

    for (cJSON *action = r->pending->child; action != NULL; action = next) {
        next = action->next;
        if (moon_streq(moon_json_string(action, "set"), set)) {
            (void)cJSON_DetachItemViaPointer(r->pending, action);
            cJSON_DeleteItemFromObjectCaseSensitive(action, "set");
            (void)cJSON_AddItemToArray(taken, action);
        }
    }
    return taken;
}

static void copy_number(const cJSON *from, const char *key, cJSON *to)
{
    (void)cJSON_AddNumberToObject(to, key, (double)moon_json_int(from, key, 0));
}

static void add_set(const struct rounds *r, const cJSON *row, cJSON *sets)
{
    const char *set = moon_json_string(row, "set");
    MOON_AUTOJSON *actions = take_actions(r, set);

    if (cJSON_GetArraySize(actions) == 0) {
        return;
    }
    cJSON *one = cJSON_CreateObject();
    (void)cJSON_AddItemToArray(sets, one);
    (void)cJSON_AddStringToObject(one, "set", set);
    (void)cJSON_AddItemToObject(one, "actions", moon_steal(&actions));
    copy_number(row, "desired", one);
    copy_number(row, "unavailable", one);
    copy_number(row, "available", one);
    copy_number(row, "updated", one);
}

static void end_round(struct rounds *r)
{
    struct moon_err err;
    uint64_t after_ms = moon_loop_now(r->loop) - r->began_ms;
    cJSON *round = cJSON_CreateObject();
    MOON_AUTOJSON *rows = moon_manager_list(r->manager, "sets", (struct moon_str){0}, &err);
    const cJSON *row;

    (void)cJSON_AddItemToArray(r->rounds, round);
    (void)cJSON_AddNumberToObject(round, "round", cJSON_GetArraySize(r->rounds));
    (void)cJSON_AddNumberToObject(round, "after_ms", (double)after_ms);
    cJSON *sets = cJSON_AddArrayToObject(round, "sets");
    cJSON_ArrayForEach (row, rows) {
        add_set(r, row, sets);
    }
    r->acted_ms = moon_loop_now(r->loop);
}

/* Nothing is left to do, or to wait for. */
static bool is_settled(const struct rounds *r)
{
    struct moon_err err;
    MOON_AUTOJSON *rows = moon_manager_list(r->manager, "sets", (struct moon_str){0}, &err);
    const cJSON *row;

    cJSON_ArrayForEach (row, rows) {
        int64_t desired = moon_json_int(row, "desired", 0);
        if (moon_plan_is_wanted(r->args, moon_json_string(row, "set")) &&
            (moon_json_string(row, "revision") == NULL || moon_json_int(row, "outdated", 0) > 0 ||
             moon_json_int(row, "undecided", 0) > 0 || moon_json_int(row, "misscheduled", 0) > 0 ||
             moon_json_int(row, "available", 0) < desired)) {
            return false;
        }
    }
    return moon_picture_pods_starting(r->pods) == 0;
}

static bool is_held(const struct rounds *r)
{
    struct moon_err err;
    MOON_AUTOJSON *rows = moon_manager_list(r->manager, "sets", (struct moon_str){0}, &err);
    const cJSON *row;

    cJSON_ArrayForEach (row, rows) {
        if (moon_plan_is_wanted(r->args, moon_json_string(row, "set")) &&
            moon_json_string(row, "held_by") != NULL) {
            return true;
        }
    }
    return false;
}

/* May anything come of waiting longer? */
static bool goes_on(const struct rounds *r)
{
    uint64_t next = moon_loop_next_timer(r->loop);
    uint64_t max_ms = is_held(r) ? PLAYED_MAX_MS : QUIET_MS;

    return next != UINT64_MAX && next - r->acted_ms <= max_ms &&
           next - r->began_ms <= PLAYED_MAX_MS;
}

static bool play(struct rounds *r)
{
    for (;;) {
        moon_loop_come_to_rest(r->loop);
        if (cJSON_GetArraySize(r->pending) > 0) {
            end_round(r);
        }
        if (is_settled(r)) {
            return true;
        }
        if ((unsigned)cJSON_GetArraySize(r->rounds) >= r->opts->rounds || !goes_on(r)) {
            return false;
        }
        uint64_t next = moon_loop_next_timer(r->loop);
        uint64_t now = moon_loop_now(r->loop);
        moon_loop_advance(r->loop, next > now ? next - now : 0);
    }
}

/* ---- printing ---- */

static const char *format_ms(uint64_t ms, char out[32])
{
    unsigned long long s = ms / 1000;

    if (s < 60) {
        (void)snprintf(out, 32, "%llus", s);
    } else if (s < 3600) {
        (void)snprintf(out, 32, "%llum%llus", s / 60, s % 60);
    } else {
        (void)snprintf(out, 32, "%lluh%llum", s / 3600, s % 3600 / 60);
    }
    return out;
}

/* "delete pod" */
static char *kind_of(const cJSON *action)
{
    MOON_AUTOFREE char *object = moon_plan_json_object(action);

    return moon_asprintf("%s %.*s", moon_json_string(action, "verb"), (int)strcspn(object, "/"),
                         object);
}

/* The nodes of the actions of one kind, from the first on; marks them as told. */
static void add_kind(const cJSON *actions, const char *kind, struct moon_map *told,
                     struct moon_buf *out)
{
    const cJSON *action;
    size_t count = 0;

    moon_buf_printf(out, "%s%s", out->len > 0 ? "; " : "", kind);
    cJSON_ArrayForEach (action, actions) {
        MOON_AUTOFREE char *other = kind_of(action);
        const char *node = moon_json_string(action, "node");
        if (strcmp(other, kind) != 0 || node == NULL) {
            continue;
        }
        if (count < NAMED_MAX) {
            moon_buf_printf(out, "%s%s", count > 0 ? ", " : " on ", node);
        }
        count++;
    }
    if (count > NAMED_MAX) {
        moon_buf_printf(out, " and %zu more", count - NAMED_MAX);
    }
    moon_map_set(told, moon_str(kind), NULL);
}

static char *summary(const cJSON *actions)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(CELL_MAX_BYTES);
    MOON_CLEANUP(moon_map_free_ptr) struct moon_map *told = moon_map_new(NULL);
    const cJSON *action;

    cJSON_ArrayForEach (action, actions) {
        MOON_AUTOFREE char *kind = kind_of(action);
        if (!moon_map_has(told, moon_str(kind))) {
            add_kind(actions, kind, told, &text);
        }
    }
    return moon_buf_take(&text, NULL);
}

static void add_rows(const cJSON *round, struct moon_table *t)
{
    const cJSON *set;
    char after[32];
    MOON_AUTOFREE char *number = moon_asprintf("%lld", (long long)moon_json_int(round, "round", 0));

    (void)format_ms((uint64_t)moon_json_int(round, "after_ms", 0), after);
    cJSON_ArrayForEach (set, moon_json_member(round, "sets")) {
        MOON_AUTOFREE char *what = summary(moon_json_member(set, "actions"));
        long long desired = (long long)moon_json_int(set, "desired", 0);
        MOON_AUTOFREE char *unavailable =
            moon_asprintf("%lld/%lld", (long long)moon_json_int(set, "unavailable", 0), desired);
        MOON_AUTOFREE char *updated =
            moon_asprintf("%lld/%lld", (long long)moon_json_int(set, "updated", 0), desired);
        moon_table_add(t, (const char *[]){number, after, moon_json_string(set, "set"), unavailable,
                                           updated, what});
    }
}

static void print_unsettled(const struct rounds *r)
{
    struct moon_err err;
    MOON_AUTOJSON *rows = moon_manager_list(r->manager, "sets", (struct moon_str){0}, &err);
    const cJSON *row;

    cJSON_ArrayForEach (row, rows) {
        const char *set = moon_json_string(row, "set");
        const char *by = moon_json_string(row, "held_by");
        const char *why = moon_json_string(row, "held_why");
        const char *problem = moon_json_string(row, "problem");
        if (!moon_plan_is_wanted(r->args, set)) {
            continue;
        }
        (void)printf("%s: %lld outdated, %lld of %lld available%s%s%s%s%s%s\n", set,
                     (long long)moon_json_int(row, "outdated", 0),
                     (long long)moon_json_int(row, "available", 0),
                     (long long)moon_json_int(row, "desired", 0), by != NULL ? "; held by " : "",
                     by != NULL ? by : "", by != NULL && why != NULL ? ": " : "",
                     by != NULL && why != NULL ? why : "", problem != NULL ? "; " : "",
                     problem != NULL ? problem : "");
    }
}

static void print_table(const struct rounds *r, bool settled)
{
    static const char *const head[] = {"ROUND",       "AFTER",   "SET",
                                       "UNAVAILABLE", "UPDATED", "ACTIONS"};
    MOON_CLEANUP(moon_table_free_ptr)
    struct moon_table *t = moon_table_new(head, MOON_ARRAY_SIZE(head));
    const cJSON *round;
    char after[32];

    cJSON_ArrayForEach (round, r->rounds) {
        add_rows(round, t);
    }
    moon_table_print(t);
    if (settled) {
        (void)printf(
            "settled after %s, %d %s\n", format_ms(moon_loop_now(r->loop) - r->began_ms, after),
            cJSON_GetArraySize(r->rounds), cJSON_GetArraySize(r->rounds) == 1 ? "round" : "rounds");
    } else {
        (void)printf("not settled after %s\n",
                     format_ms(moon_loop_now(r->loop) - r->began_ms, after));
        print_unsettled(r);
    }
}

static void print_json(struct rounds *r, bool settled)
{
    MOON_AUTOJSON *root = cJSON_CreateObject();

    (void)cJSON_AddItemToObject(root, "rounds", moon_steal(&r->rounds));
    (void)cJSON_AddBoolToObject(root, "settled", settled);
    (void)cJSON_AddNumberToObject(root, "after_ms", (double)(moon_loop_now(r->loop) - r->began_ms));
    moon_planning_print_json(root);
}

/* ---- the command ---- */

static int begin(struct rounds *r, const struct moon_config *config,
                 const struct moon_snapshot *from, struct moon_err *err)
{
    r->loop = moon_loop_new(
        &(struct moon_loop_opts){.virtual_clock = true, .wall_ms = from->scene.wall_ms}, err);
    if (r->loop == NULL) {
        return -(int)err->code;
    }
    r->began_ms = moon_loop_now(r->loop);
    r->acted_ms = r->began_ms;
    r->pods = moon_picture_pods_new(
        &(struct moon_picture_pods_opts){.loop = r->loop, .start_ms = r->opts->pod_start_ms});
    r->picture = moon_picture_new(&(struct moon_picture_opts){.loop = r->loop,
                                                              .on_write = moon_picture_pods_written,
                                                              .ctx = r->pods},
                                  from);
    moon_picture_pods_begin(r->pods, r->picture, from);
    struct moon_client_stand_in stand_in = moon_picture_stand_in(r->picture);
    r->manager = moon_manager_new(
        &(struct moon_manager_opts){
            .loop = r->loop,
            .config = config,
            .take_kubeconfig = moon_kubeconfig_for_server("snapshot"),
            .stand_in = &stand_in,
            .figures_from = from->figures,
            .scene = &from->scene,
            .on_plan = on_plan,
            .carries_out = true,
            .ctx = r,
        },
        err);
    return r->manager != NULL ? 0 : -(int)err->code;
}

static int play_from(const struct moon_planning_args *a, const struct moon_config *config,
                     const struct moon_plan_rounds *opts, const struct moon_snapshot *from,
                     int *ret_status, struct moon_err *err)
{
    struct rounds r = {.args = a, .opts = opts};

    r.pending = cJSON_CreateArray();
    r.rounds = cJSON_CreateArray();
    int rc = begin(&r, config, from, err);
    if (rc == 0) {
        bool settled = play(&r);
        bool has_work = cJSON_GetArraySize(r.rounds) > 0;
        if (a->as_json) {
            print_json(&r, settled);
        } else {
            print_table(&r, settled);
        }
        *ret_status = moon_plan_status(a, r.manager, has_work);
    }
    moon_manager_free(r.manager);
    moon_picture_free(r.picture);
    moon_picture_pods_free(r.pods);
    moon_loop_free(r.loop);
    cJSON_Delete(r.pending);
    cJSON_Delete(r.rounds);
    return rc;
}

int moon_plan_rounds(const struct moon_planning_args *a, const struct moon_config *config,
                     const struct moon_plan_rounds *opts)
{
    MOON_CLEANUP(moon_snapshot_free_ptr) struct moon_snapshot *live = NULL;
    int status = MOON_EXIT_FAILED;
    struct moon_err err;
    int rc = 0;

    if (a->snapshot == NULL) {
        live = moon_snapshot_new();
        rc = moon_planning_read_live(a, config, live, &err);
    }
    if (rc == 0) {
        rc = play_from(a, config, opts, live != NULL ? live : a->snapshot, &status, &err);
    }
    if (rc != 0) {
        moon_cli_complain("plan --rounds: %s", err.text);
    }
    return rc == 0 ? status : MOON_EXIT_FAILED;
}
