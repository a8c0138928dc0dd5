/* SPDX-License-Identifier: Apache-2.0
 *
 * scenario_conditions.c - reads what must hold: the maps of wait, expect and end.
 */
#include <stdio.h>

#include "sim/scenario_fields.h"
#include "sim/scenario_kinds.h"

const char *const moon_scenario_ds_fields[MOON_SCENARIO_DS_FIELDS] = {
    "metadata.generation",           "status.observedGeneration", "status.desiredNumberScheduled",
    "status.currentNumberScheduled", "status.numberReady",        "status.updatedNumberScheduled",
    "status.numberAvailable",        "status.numberUnavailable",  "status.numberMisscheduled",
    "status.collisionCount",
};

#define AT(member) offsetof(struct moon_scenario_condition, member)
#define DS_FIELD(i) (AT(fields) + (i) * sizeof(struct moon_scenario_compare))
#define OPTIONAL false, NULL

static const struct moon_scenario_field daemonset_fields[] = {
    {"name", MOON_SCENARIO_NAME, AT(name), true, NULL},
    {"namespace", MOON_SCENARIO_NAME, AT(ns), OPTIONAL},
    {"exists", MOON_SCENARIO_FLAG, AT(exists), OPTIONAL},
    /* In the order of moon_scenario_ds_fields. */
    {"generation", MOON_SCENARIO_COMPARE, DS_FIELD(0), OPTIONAL},
    {"observedGeneration", MOON_SCENARIO_COMPARE, DS_FIELD(1), OPTIONAL},
    {"desiredNumberScheduled", MOON_SCENARIO_COMPARE, DS_FIELD(2), OPTIONAL},
    {"currentNumberScheduled", MOON_SCENARIO_COMPARE, DS_FIELD(3), OPTIONAL},
    {"numberReady", MOON_SCENARIO_COMPARE, DS_FIELD(4), OPTIONAL},
    {"updatedNumberScheduled", MOON_SCENARIO_COMPARE, DS_FIELD(5), OPTIONAL},
    {"numberAvailable", MOON_SCENARIO_COMPARE, DS_FIELD(6), OPTIONAL},
    {"numberUnavailable", MOON_SCENARIO_COMPARE, DS_FIELD(7), OPTIONAL},
    {"numberMisscheduled", MOON_SCENARIO_COMPARE, DS_FIELD(8), OPTIONAL},
    {"collisionCount", MOON_SCENARIO_COMPARE, DS_FIELD(9), OPTIONAL},
};

static const char *const phases[] = {"Pending", "Running", "Succeeded", "Failed", "Unknown", NULL};

static const struct moon_scenario_field pods_fields[] = {
    {"selector", MOON_SCENARIO_SELECTOR, AT(selector), OPTIONAL},
    {"namespace", MOON_SCENARIO_NAME, AT(ns), OPTIONAL},
    {"node", MOON_SCENARIO_NAME, AT(node), OPTIONAL},
    {"image", MOON_SCENARIO_TEXT, AT(image), OPTIONAL},
    {"phase", MOON_SCENARIO_WORD, AT(phase), false, phases},
    {"reason", MOON_SCENARIO_TEXT, AT(reason), OPTIONAL},
    {"ready", MOON_SCENARIO_FLAG, AT(ready), OPTIONAL},
    {"deleting", MOON_SCENARIO_FLAG, AT(deleting), OPTIONAL},
    {"restarts", MOON_SCENARIO_COMPARE, AT(restarts), OPTIONAL},
    {"count", MOON_SCENARIO_COMPARE, AT(count), OPTIONAL},
};

static const char *const event_types[] = {"Normal", "Warning", NULL};

static const struct moon_scenario_field event_fields[] = {
    {"reason", MOON_SCENARIO_TEXT, AT(reason), true, NULL},
    {"object", MOON_SCENARIO_OBJECT, AT(target), OPTIONAL},
    {"namespace", MOON_SCENARIO_NAME, AT(ns), OPTIONAL},
    {"type", MOON_SCENARIO_WORD, AT(type), false, event_types},
    {"message", MOON_SCENARIO_TEXT, AT(message), OPTIONAL},
    {"count", MOON_SCENARIO_COMPARE, AT(count), OPTIONAL},
};

static const struct moon_scenario_field nodes_fields[] = {
    {"name", MOON_SCENARIO_NAME, AT(name), OPTIONAL},
    {"selector", MOON_SCENARIO_SELECTOR, AT(selector), OPTIONAL},
    {"ready", MOON_SCENARIO_FLAG, AT(ready), OPTIONAL},
    {"unschedulable", MOON_SCENARIO_FLAG, AT(unschedulable), OPTIONAL},
    {"taint", MOON_SCENARIO_TEXT, AT(taint), OPTIONAL},
    {"count", MOON_SCENARIO_COMPARE, AT(count), OPTIONAL},
};

static const struct moon_scenario_field objects_fields[] = {
    {"kind", MOON_SCENARIO_KIND, AT(target), true, NULL},
    {"name", MOON_SCENARIO_NAME, AT(name), OPTIONAL},
    {"namespace", MOON_SCENARIO_NAME, AT(ns), OPTIONAL},
    {"selector", MOON_SCENARIO_SELECTOR, AT(selector), OPTIONAL},
    {"where", MOON_SCENARIO_MAP, AT(where), OPTIONAL},
    {"count", MOON_SCENARIO_COMPARE, AT(count), OPTIONAL},
};

/* ---- one condition ---- */

/* Which keys there are; a key may stand for several conditions (a list). */
struct about {
    const char *key;
    enum moon_scenario_about about;
    const struct moon_scenario_field *fields; /* NULL: a reader of its own */
    size_t field_count;
};

#define ROW(key, about, fields)                                                                    \
    {                                                                                              \
        key, about, fields, MOON_ARRAY_SIZE(fields)                                                \
    }

static const struct about abouts[] = {
    {"settled", MOON_SCENARIO_SETTLED, NULL, 0},
    ROW("daemonset", MOON_SCENARIO_DAEMONSET, daemonset_fields),
    ROW("pods", MOON_SCENARIO_PODS, pods_fields),
    ROW("event", MOON_SCENARIO_EVENT, event_fields),
    ROW("nodes", MOON_SCENARIO_NODES, nodes_fields),
    ROW("objects", MOON_SCENARIO_OBJECTS, objects_fields),
    {"calls", MOON_SCENARIO_CALLS, NULL, 0},
};

static struct moon_scenario_condition *add_condition(struct moon_scenario_conditions *all,
                                                     enum moon_scenario_about about)
{
    struct moon_scenario_condition *c = &all->items[all->count++];
    c->about = about;
    return c;
}

/* true, or how long nothing is written. */
static int read_settled(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                        bool may_rest, struct moon_scenario_conditions *all)
{
    struct moon_scenario_condition *c = add_condition(all, MOON_SCENARIO_SETTLED);
    c->line = moon_scenario_line(r, place);
    c->text = "settled";
    if (cJSON_IsTrue(place->node)) {
        return 0;
    }
    if (!may_rest) {
        return moon_scenario_bad(r, place, "must be true");
    }
    if (!cJSON_IsString(place->node) ||
        !moon_parse_duration_ms(moon_str(place->node->valuestring), &c->rest_ms)) {
        return moon_scenario_bad(r, place, "must be true, or how long nothing is written (10m)");
    }
    c->text = moon_arena_printf(r->s->arena, "settled for %s", place->node->valuestring);
    return 0;
}

static const char *const verbs[] = {
    "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", NULL};

static const char *next_verb(size_t i, MOON_UNUSED const void *ctx)
{
    return verbs[i];
}

/* "create pods", "patch daemonsets/status", "writes" */
static int read_budget(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                       struct moon_scenario_condition *c)
{
    static const struct moon_scenario_field count = {"calls", MOON_SCENARIO_COMPARE, AT(count),
                                                     OPTIONAL};
    struct moon_str rest = moon_str(place->key);
    struct moon_str verb;
    struct moon_str plural;
    c->line = moon_scenario_line(r, place);
    c->text = moon_arena_printf(r->s->arena, "calls %s", place->key);
    if (moon_str_is(rest, "writes")) {
        return moon_scenario_read_value(r, place, &count, c);
    }
    (void)moon_str_split(&rest, ' ', &verb);
    c->verb = moon_arena_dup(r->s->arena, verb);
    c->resource = rest.ptr != NULL ? moon_arena_dup(r->s->arena, rest) : "";
    size_t i = 0;
    while (verbs[i] != NULL && strcmp(verbs[i], c->verb) != 0) {
        i++;
    }
    if (verbs[i] == NULL) {
        return moon_scenario_bad(r, place, "there is no verb \"%s\"%s", c->verb,
                                 moon_scenario_did_you_mean(r, c->verb, next_verb, NULL));
    }
    (void)moon_str_split(&rest, '/', &plural);
    const struct moon_resource *resource = moon_scenario_find_kind(r->s->arena, plural);
    if (resource == NULL || !moon_str_is(plural, resource->plural)) {
        return moon_scenario_bad(r, place, "must be a verb and a resource (\"create pods\")");
    }
    return moon_scenario_read_value(r, place, &count, c);
}

static int read_calls(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                      struct moon_scenario_conditions *all)
{
    const cJSON *item;
    if (!cJSON_IsObject(place->node)) {
        return moon_scenario_bad(r, place, "must be a map (create pods: 5)");
    }
    cJSON_ArrayForEach (item, place->node) {
        struct moon_scenario_place at = moon_scenario_at_key(place, item);
        if (read_budget(r, &at, add_condition(all, MOON_SCENARIO_CALLS)) != 0) {
            return -(int)r->err->code;
        }
    }
    return 0;
}

/* What it is about, for people: "daemonset agent", "pods app=agent". */
static const char *describe(struct moon_scenario_reader *r, const struct about *about,
                            const struct moon_scenario_condition *c, const cJSON *node)
{
    const char *which = c->name;
    const char *selector = moon_json_string(node, "selector");
    if (about->about == MOON_SCENARIO_EVENT) {
        which = c->reason;
    } else if (about->about == MOON_SCENARIO_OBJECTS) {
        which = c->target.text;
    } else if (which == NULL) {
        which = selector;
    }
    return which != NULL ? moon_arena_printf(r->s->arena, "%s %s", about->key, which) : about->key;
}

static int read_one(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                    const struct about *about, struct moon_scenario_conditions *all)
{
    struct moon_scenario_condition *c = add_condition(all, about->about);
    if (moon_scenario_read_fields(r, place, about->fields, about->field_count, c) != 0) {
        return -(int)r->err->code;
    }
    if (c->count.op == MOON_SCENARIO_ANY) {
        c->count = (struct moon_scenario_compare){MOON_SCENARIO_GE, 1};
    }
    c->line = moon_scenario_line(r, place);
    c->text = describe(r, about, c, place->node);
    return 0;
}

static int read_about(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                      const struct about *about, bool may_rest,
                      struct moon_scenario_conditions *all)
{
    const cJSON *item;
    size_t i = 0;
    if (about->about == MOON_SCENARIO_SETTLED) {
        return read_settled(r, place, may_rest, all);
    }
    if (about->about == MOON_SCENARIO_CALLS) {
        return read_calls(r, place, all);
    }
    if (!cJSON_IsArray(place->node)) {
        return read_one(r, place, about, all);
    }
    cJSON_ArrayForEach (item, place->node) {
        struct moon_scenario_place at = moon_scenario_at_index(place, i++, item);
        if (read_one(r, &at, about, all) != 0) {
            return -(int)r->err->code;
        }
    }
    return 0;
}

/* ---- maps of them ---- */

/* An upper bound of what a map holds: one for each leaf map below it. */
static size_t capacity(const cJSON *map)
{
    size_t n = 0;
    const cJSON *item;
    cJSON_ArrayForEach (item, map) {
        size_t inside = (size_t)cJSON_GetArraySize(item);
        n += inside > 1 ? inside : 1;
    }
    return n;
}

static const char *next_about(size_t i, MOON_UNUSED const void *ctx)
{
    return i < MOON_ARRAY_SIZE(abouts) ? abouts[i].key : NULL;
}

static int read_map(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                    const char *allowed, bool may_rest, struct moon_scenario_conditions *all)
{
    const cJSON *item;
    cJSON_ArrayForEach (item, place->node) {
        struct moon_scenario_place at = moon_scenario_at_key(place, item);
        size_t i = 0;
        if (allowed != NULL && strcmp(item->string, allowed) == 0) {
            continue;
        }
        while (i < MOON_ARRAY_SIZE(abouts) && strcmp(abouts[i].key, item->string) != 0) {
            i++;
        }
        if (i == MOON_ARRAY_SIZE(abouts)) {
            return moon_scenario_bad(r, &at, "there is no such condition%s",
                                     moon_scenario_did_you_mean(r, item->string, next_about, NULL));
        }
        if (read_about(r, &at, &abouts[i], may_rest, all) != 0) {
            return -(int)r->err->code;
        }
    }
    return 0;
}

/* "settled" alone is {settled: true}; a list is read map by map. */
int moon_scenario_read_conditions(struct moon_scenario_reader *r,
                                  const struct moon_scenario_place *place, const char *allowed,
                                  bool may_rest, struct moon_scenario_conditions *ret)
{
    const cJSON *item;
    size_t max = 1;
    size_t i = 0;
    bool is_list = cJSON_IsArray(place->node);
    if (is_list) {
        cJSON_ArrayForEach (item, place->node) {
            max += capacity(item);
        }
    } else {
        max += capacity(place->node);
    }
    ret->items = moon_arena_new_array(r->s->arena, struct moon_scenario_condition, max);
    if (moon_streq(cJSON_GetStringValue(place->node), "settled")) {
        struct moon_scenario_condition *c = add_condition(ret, MOON_SCENARIO_SETTLED);
        c->text = "settled";
        c->line = moon_scenario_line(r, place);
        return 0;
    }
    if (!is_list) {
        if (!cJSON_IsObject(place->node)) {
            return moon_scenario_bad(r, place, "must be a map of conditions, or a list of such");
        }
        return read_map(r, place, allowed, may_rest, ret);
    }
    cJSON_ArrayForEach (item, place->node) {
        struct moon_scenario_place at = moon_scenario_at_index(place, i++, item);
        if (!cJSON_IsObject(item)) {
            return moon_scenario_bad(r, &at, "must be a map of conditions");
        }
        if (read_map(r, &at, NULL, may_rest, ret) != 0) {
            return -(int)r->err->code;
        }
    }
    return 0;
}
