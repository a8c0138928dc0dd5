/* SPDX-License-Identifier: Apache-2.0
 *
 * plan_diff.c - plans the same snapshot twice, and tells where the two differ.
 */
#include "cli/plan_diff.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/table.h"
#include "host/plan_json.h"

/* What one version says of one node of a set, or ("-") of the set as a whole. */
struct saying {
    char *decision; /* NULL: none */
    cJSON *actions; /* texts */
};

/* What one version says of everything: "namespace/name node" -> saying, owned. */
struct side {
    struct moon_planning planning;
    struct moon_map *sayings;
};

static void free_saying(void *value)
{
    struct saying *s = value;

    moon_free(s->decision);
    cJSON_Delete(s->actions);
    moon_free(s);
}

static struct saying *saying_of(struct side *side, const char *set, const char *node)
{
    MOON_AUTOFREE char *key = moon_asprintf("%s %s", set, node != NULL ? node : "-");
    struct saying *s = moon_map_get(side->sayings, moon_str(key));

    if (s == NULL) {
        s = moon_new(struct saying);
        s->actions = cJSON_CreateArray();
        moon_map_set(side->sayings, moon_str(key), s);
    }
    return s;
}

/* ---- what one version says ---- */

static void add_action(struct side *side, const char *set, const cJSON *action)
{
    struct saying *s = saying_of(side, set, moon_json_string(action, "node"));
    MOON_AUTOFREE char *text = moon_plan_json_text(action, false);

    (void)cJSON_AddItemToArray(s->actions, cJSON_CreateString(text));
}

/* Counters that are written to the status follow from all else. */
static bool is_status(const cJSON *action)
{
    return moon_streq(moon_json_string(action, "subresource"), "status");
}

static void add_plan(struct side *side, const char *set)
{
    const cJSON *plan = moon_map_get(side->planning.plans, moon_str(set));
    const cJSON *item;

    cJSON_ArrayForEach (item, moon_json_member(plan, "actions")) {
        if (!is_status(item)) {
            add_action(side, set, item);
        }
    }
    cJSON_ArrayForEach (item, moon_json_member(plan, "notes")) {
        struct saying *s = saying_of(side, set, moon_json_string(item, "node"));
        (void)cJSON_AddItemToArray(s->actions,
                                   cJSON_CreateString(moon_json_string(item, "reason")));
    }
}

static void add_nodes(struct side *side, const char *set)
{
    struct moon_err err;
    MOON_AUTOJSON *rows = moon_manager_list(side->planning.manager, "nodes", moon_str(set), &err);
    const cJSON *row;

    cJSON_ArrayForEach (row, rows) {
        struct saying *s = saying_of(side, set, moon_json_string(row, "node"));
        const char *reason = moon_json_string(row, "reason");
        moon_free(s->decision);
        s->decision = moon_asprintf("%s%s%s", moon_json_string(row, "placement"),
                                    reason != NULL ? ": " : "", reason != NULL ? reason : "");
    }
}

/* "policy waves@1a2b3c4d5e6f", …, or why there are none. */
static void add_policies(struct side *side, const cJSON *row)
{
    struct saying *s = saying_of(side, moon_json_string(row, "set"), NULL);
    const cJSON *policy;

    s->decision = moon_strdup(moon_json_string(row, "problem"));
    cJSON_ArrayForEach (policy, moon_json_member(row, "policies")) {
        MOON_AUTOFREE char *text =
            moon_asprintf("policy %s@%.12s", moon_json_string(policy, "name"),
                          moon_json_string(policy, "version"));
        (void)cJSON_AddItemToArray(s->actions, cJSON_CreateString(text));
    }
}

static int say(struct side *side, const struct moon_planning_args *a,
               const struct moon_config *config, const struct moon_snapshot *from,
               struct moon_err *err)
{
    int rc = moon_planning_run(&side->planning,
                               &(struct moon_planning_opts){.config = config, .from = from}, err);
    const cJSON *row;

    side->sayings = moon_map_new(free_saying);
    if (rc != 0) {
        return rc;
    }
    MOON_AUTOJSON *sets =
        moon_manager_list(side->planning.manager, "sets", (struct moon_str){0}, err);
    if (sets == NULL) {
        return -(int)err->code;
    }
    cJSON_ArrayForEach (row, sets) {
        const char *set = moon_json_string(row, "set");
        if (moon_plan_is_wanted(a, set)) {
            add_policies(side, row);
            add_nodes(side, set);
            add_plan(side, set);
        }
    }
    return 0;
}

static void end(struct side *side)
{
    moon_map_free(side->sayings);
    moon_planning_fini(&side->planning);
}

/* ---- where they differ ---- */

static cJSON *describe(const struct saying *s)
{
    cJSON *object = cJSON_CreateObject();

    if (s != NULL && s->decision != NULL) {
        (void)cJSON_AddStringToObject(object, "decision", s->decision);
    }
    (void)cJSON_AddItemToObject(
        object, "actions", s != NULL ? cJSON_Duplicate(s->actions, true) : cJSON_CreateArray());
    return object;
}

static void add_difference(struct moon_str key, const struct saying *now,
                           const struct saying *other, cJSON *differences)
{
    MOON_AUTOJSON *one = describe(now);
    MOON_AUTOJSON *two = describe(other);
    struct moon_str set;

    if (cJSON_Compare(one, two, true)) {
        return;
    }
    cJSON *row = cJSON_CreateObject();
    (void)cJSON_AddItemToArray(differences, row);
    (void)moon_str_split(&key, ' ', &set);
    MOON_AUTOFREE char *set_text = moon_str_dup(set);
    MOON_AUTOFREE char *node_text = moon_str_dup(key);
    (void)cJSON_AddStringToObject(row, "set", set_text);
    if (!moon_streq(node_text, "-")) {
        (void)cJSON_AddStringToObject(row, "node", node_text);
    }
    (void)cJSON_AddItemToObject(row, "now", moon_steal(&one));
    (void)cJSON_AddItemToObject(row, "other", moon_steal(&two));
}

static int by_text(const void *a, const void *b)
{
    const struct moon_str *x = a;
    const struct moon_str *y = b;

    return moon_str_cmp(*x, *y);
}

/* By set and node, whichever side has them. */
static cJSON *compare(const struct side *now, const struct side *other)
{
    size_t max = moon_map_count(now->sayings) + moon_map_count(other->sayings);
    MOON_AUTOFREE struct moon_str *keys = moon_new_array(struct moon_str, max + 1);
    cJSON *differences = cJSON_CreateArray();
    size_t count = 0;
    size_t pos = 0;

    while (moon_map_next(now->sayings, &pos, &keys[count], NULL)) {
        count++;
    }
    pos = 0;
    while (moon_map_next(other->sayings, &pos, &keys[count], NULL)) {
        count += !moon_map_has(now->sayings, keys[count]);
    }
    qsort(keys, count, sizeof(*keys), by_text);
    for (size_t i = 0; i < count; i++) {
        add_difference(keys[i], moon_map_get(now->sayings, keys[i]),
                       moon_map_get(other->sayings, keys[i]), differences);
    }
    return differences;
}

/* ---- printing ---- */

static bool has_text(const cJSON *list, const char *text)
{
    const cJSON *item;

    cJSON_ArrayForEach (item, list) {
        if (moon_streq(cJSON_GetStringValue(item), text)) {
            return true;
        }
    }
    return false;
}

/* What both would do is left out. */
static void add_rows(struct moon_table *t, const cJSON *difference, const char *which,
                     const char *against)
{
    const cJSON *side = moon_json_member(difference, which);
    const cJSON *others = moon_json_member(moon_json_member(difference, against), "actions");
    const char *decision = moon_json_string(side, "decision");
    const char *set = moon_json_string(difference, "set");
    const char *node = moon_json_string(difference, "node");
    const cJSON *action;
    size_t before = moon_table_count(t);

    cJSON_ArrayForEach (action, moon_json_member(side, "actions")) {
        const char *text = cJSON_GetStringValue(action);
        if (!has_text(others, text)) {
            moon_table_add(t, (const char *[]){set, node, which, decision, text});
        }
    }
    if (moon_table_count(t) == before) {
        moon_table_add(t, (const char *[]){set, node, which, decision, NULL});
    }
}

static void print_table(const cJSON *differences)
{
    static const char *const head[] = {"SET", "NODE", "POLICIES", "DECISION", "ACTION"};
    MOON_CLEANUP(moon_table_free_ptr)
    struct moon_table *t = moon_table_new(head, MOON_ARRAY_SIZE(head));
    const cJSON *difference;

    cJSON_ArrayForEach (difference, differences) {
        add_rows(t, difference, "now", "other");
        add_rows(t, difference, "other", "now");
    }
    moon_table_print(t);
    if (moon_table_count(t) == 0) {
        (void)puts("no difference");
    }
}

static void print_json(cJSON *take_differences)
{
    MOON_AUTOJSON *root = cJSON_CreateObject();

    (void)cJSON_AddItemToObject(root, "differences", take_differences);
    moon_planning_print_json(root);
}

/* ---- the command ---- */

static int print(const struct moon_planning_args *a, const struct side *now,
                 cJSON *take_differences)
{
    bool differ = cJSON_GetArraySize(take_differences) > 0;

    if (a->as_json) {
        print_json(take_differences);
    } else {
        print_table(take_differences);
        cJSON_Delete(take_differences);
    }
    return moon_plan_status(a, now->planning.manager, differ);
}

static int diff(const struct moon_planning_args *a, struct moon_config *config,
                const char *other_dir, const struct moon_snapshot *from, int *ret_status,
                struct moon_err *err)
{
    struct side now = {0};
    struct side other = {0};

    int rc = say(&now, a, config, from, err);
    if (rc == 0) {
        rc = moon_config_set(config, "policy-dir", other_dir, "--diff", err);
    }
    if (rc == 0) {
        rc = moon_config_check(config, err);
    }
    if (rc == 0) {
        rc = say(&other, a, config, from, err);
        *ret_status = rc == 0 ? print(a, &now, compare(&now, &other)) : MOON_EXIT_FAILED;
        end(&other);
    }
    end(&now);
    return rc;
}

int moon_plan_diff(const struct moon_planning_args *a, struct moon_config *config,
                   const char *other_dir)
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
        rc = diff(a, config, other_dir, live != NULL ? live : a->snapshot, &status, &err);
    }
    if (rc != 0) {
        moon_cli_complain("plan --diff: %s", err.text);
    }
    return rc == 0 ? status : MOON_EXIT_FAILED;
}
