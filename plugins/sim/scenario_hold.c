/* SPDX-License-Identifier: Apache-2.0
 *
 * scenario_hold.c - does a condition hold now, and if not, what is there instead?
 */
#include "sim/scenario_hold.h"

/* What is held against a condition, for `why`. */
static void say(struct moon_buf *why, const struct moon_scenario_condition *c, const char *fmt, ...)
    MOON_PRINTF(3, 4);

static void say(struct moon_buf *why, const struct moon_scenario_condition *c, const char *fmt, ...)
{
    va_list args;
    moon_buf_printf(why, "%s%s: ", why->len > 0 ? "; " : "", c->text);
    va_start(args, fmt);
    moon_buf_vprintf(why, fmt, args);
    va_end(args);
}

static bool compare(const struct moon_scenario_condition *c, struct moon_scenario_compare wanted,
                    const char *what, int64_t value, struct moon_buf *why)
{
    if (moon_scenario_compare_holds(wanted, value)) {
        return true;
    }
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(64);
    moon_scenario_compare_write(wanted, &text);
    say(why, c, "%s is %lld, not %s", what, (long long)value, moon_buf_cstr(&text));
    return false;
}

static bool flag_is(enum moon_scenario_flag flag, bool value)
{
    return flag == MOON_SCENARIO_UNSAID || (flag == MOON_SCENARIO_YES) == value;
}

static bool has_labels(const struct moon_selector *selector, const struct moon_scenario_thing *t)
{
    return selector == NULL || moon_selector_matches(selector, &t->labels);
}

/* ---- one reader per subject ---- */

static bool is_settled(const struct moon_scenario_condition *c,
                       const struct moon_scenario_sight *sight, struct moon_buf *why)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(4096);
    if (moon_judge_is_settled(sight->judge, &text)) {
        return true;
    }
    say(why, c, "no, %s", moon_buf_cstr(&text));
    return false;
}

static bool daemonset_holds(const struct moon_scenario_condition *c,
                            const struct moon_scenario_sight *sight, struct moon_buf *why)
{
    const struct moon_scenario_thing *t =
        moon_scenario_seen_get(sight->seen, "daemonsets", moon_scenario_ns(c->ns), c->name);
    bool is_wanted = c->exists != MOON_SCENARIO_NO;
    if (t == NULL || !is_wanted) {
        if ((t != NULL) != is_wanted) {
            say(why, c, "%s", t != NULL ? "it exists" : "there is none");
        }
        return (t != NULL) == is_wanted;
    }
    MOON_AUTOJSON *tree = moon_sim_obj_tree(t->obj);
    bool holds = true;
    for (size_t i = 0; i < MOON_SCENARIO_DS_FIELDS; i++) {
        const char *path = moon_scenario_ds_fields[i];
        holds =
            compare(c, c->fields[i], strchr(path, '.') + 1, moon_json_int(tree, path, 0), why) &&
            holds;
    }
    return holds;
}

static bool has_image(const struct moon_scenario_thing *t, const char *image)
{
    const cJSON *item;
    cJSON_ArrayForEach (item, t->images) {
        if (strcmp(item->valuestring, image) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_such_pod(const struct moon_scenario_condition *c,
                        const struct moon_scenario_thing *t)
{
    return strcmp(t->obj->ns, moon_scenario_ns(c->ns)) == 0 && has_labels(c->selector, t) &&
           (c->node == NULL || moon_streq(c->node, t->obj->node_name)) &&
           (c->image == NULL || has_image(t, c->image)) &&
           (c->phase == NULL || moon_streq(c->phase, t->obj->phase)) &&
           (c->reason == NULL || moon_streq(c->reason, t->reason)) &&
           flag_is(c->ready, t->is_ready) && flag_is(c->deleting, t->obj->is_deleting) &&
           moon_scenario_compare_holds(c->restarts, t->restarts);
}

/* "node-1", "node-1=value:effect" as the condition writes it. */
static bool has_taint(const cJSON *tree, const char *wanted)
{
    const cJSON *item;
    cJSON_ArrayForEach (item, moon_json_get(tree, "spec.taints")) {
        const char *key = moon_json_string(item, "key");
        const char *value = moon_json_string(item, "value");
        const char *effect = moon_json_string(item, "effect");
        MOON_AUTOFREE char *with_value =
            value != NULL && *value != '\0' ? moon_asprintf("%s=%s", key, value) : moon_strdup(key);
        MOON_AUTOFREE char *all = moon_asprintf("%s:%s", with_value, effect);
        MOON_AUTOFREE char *without_value = moon_asprintf("%s:%s", key, effect);
        if (moon_streq(wanted, key) || moon_streq(wanted, with_value) || moon_streq(wanted, all) ||
            moon_streq(wanted, without_value)) {
            return true;
        }
    }
    return false;
}

static bool is_such_node(const struct moon_scenario_condition *c,
                         const struct moon_scenario_thing *t)
{
    if ((c->name != NULL && strcmp(c->name, t->obj->name) != 0) || !has_labels(c->selector, t) ||
        !flag_is(c->ready, t->is_ready)) {
        return false;
    }
    if (c->unschedulable == MOON_SCENARIO_UNSAID && c->taint == NULL) {
        return true;
    }
    MOON_AUTOJSON *tree = moon_sim_obj_tree(t->obj);
    return flag_is(c->unschedulable, moon_json_bool(tree, "spec.unschedulable", false)) &&
           (c->taint == NULL || has_taint(tree, c->taint));
}

static bool is_such_event(const struct moon_scenario_condition *c,
                          const struct moon_scenario_thing *t)
{
    MOON_AUTOJSON *tree = moon_sim_obj_tree(t->obj);
    const char *message = moon_json_string(tree, "message");
    if (!moon_streq(moon_json_string(tree, "reason"), c->reason) ||
        (c->type != NULL && !moon_streq(moon_json_string(tree, "type"), c->type)) ||
        (c->message != NULL && (message == NULL || strstr(message, c->message) == NULL))) {
        return false;
    }
    return c->target.resource == NULL ||
           (moon_streq(moon_json_string(tree, "involvedObject.kind"), c->target.resource->kind) &&
            moon_streq(moon_json_string(tree, "involvedObject.name"), c->target.name));
}

static int64_t weight_of(const struct moon_scenario_condition *c,
                         const struct moon_scenario_thing *t)
{
    if (c->about != MOON_SCENARIO_EVENT) {
        return 1;
    }
    MOON_AUTOJSON *tree = moon_sim_obj_tree(t->obj);
    int64_t count = moon_json_int(tree, "count", 1);
    int64_t series = moon_json_int(tree, "series.count", 0);
    return series > count ? series : count;
}

static bool is_such_object(const struct moon_scenario_condition *c,
                           const struct moon_scenario_thing *t)
{
    bool is_here =
        !c->target.resource->namespaced || strcmp(t->obj->ns, moon_scenario_ns(c->ns)) == 0;
    if (!is_here || !has_labels(c->selector, t) ||
        (c->name != NULL && strcmp(c->name, t->obj->name) != 0)) {
        return false;
    }
    if (c->where == NULL) {
        return true;
    }
    MOON_AUTOJSON *tree = moon_sim_obj_tree(t->obj);
    const cJSON *item;
    cJSON_ArrayForEach (item, c->where) {
        const cJSON *value = moon_json_get(tree, item->string);
        /* null: not there, or null */
        if (value == NULL ? !cJSON_IsNull(item) : !moon_sim_tree_equal(value, item)) {
            return false;
        }
    }
    return true;
}

static bool count_holds(const struct moon_scenario_condition *c,
                        const struct moon_scenario_sight *sight, const char *plural,
                        bool (*is_such)(const struct moon_scenario_condition *c,
                                        const struct moon_scenario_thing *t),
                        struct moon_buf *why)
{
    const struct moon_scenario_thing *t;
    int64_t count = 0;
    size_t pos = 0;
    while (moon_scenario_seen_next(sight->seen, plural, &pos, &t)) {
        count += is_such(c, t) ? weight_of(c, t) : 0;
    }
    return compare(c, c->count, "count", count, why);
}

bool moon_scenario_holds(const struct moon_scenario_condition *c,
                         const struct moon_scenario_sight *sight, struct moon_buf *why)
{
    switch (c->about) {
    case MOON_SCENARIO_SETTLED:
        return is_settled(c, sight, why);
    case MOON_SCENARIO_DAEMONSET:
        return daemonset_holds(c, sight, why);
    case MOON_SCENARIO_PODS:
        return count_holds(c, sight, "pods", is_such_pod, why);
    case MOON_SCENARIO_EVENT:
        return count_holds(c, sight, "events", is_such_event, why);
    case MOON_SCENARIO_NODES:
        return count_holds(c, sight, "nodes", is_such_node, why);
    case MOON_SCENARIO_OBJECTS:
        return count_holds(c, sight, c->target.resource->plural, is_such_object, why);
    case MOON_SCENARIO_CALLS:
        return compare(c, c->count, "number",
                       (int64_t)(c->verb != NULL
                                     ? moon_judge_calls(sight->judge, c->verb, c->resource)
                                     : moon_judge_writes(sight->judge)),
                       why);
    }
    return false;
}

bool moon_scenario_all_hold(const struct moon_scenario_conditions *all,
                            const struct moon_scenario_sight *sight, struct moon_buf *why)
{
    bool hold = true;
    for (size_t i = 0; i < all->count; i++) {
        hold = moon_scenario_holds(&all->items[i], sight, why) && hold;
    }
    return hold;
}
