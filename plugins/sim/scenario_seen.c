/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/scenario_seen.h"

#include "base/map.h"
#include "sim/kinds.h"

struct moon_scenario_seen {
    struct moon_map *kinds; /* plural to a map of things by "namespace/name" */
    uint64_t changes;
};

/* ---- things ---- */

static void free_thing(void *value)
{
    struct moon_scenario_thing *t = value;
    if (t == NULL) {
        return;
    }
    moon_sim_obj_unref(t->obj);
    moon_labels_fini(&t->labels);
    cJSON_Delete(t->images);
    moon_free(t->reason);
    moon_free(t);
}

static void free_kind(void *value)
{
    moon_map_free(value);
}

static bool has_condition(const cJSON *tree, const char *type)
{
    const cJSON *item;
    cJSON_ArrayForEach (item, moon_json_get(tree, "status.conditions")) {
        if (moon_streq(moon_json_string(item, "type"), type)) {
            return moon_streq(moon_json_string(item, "status"), "True");
        }
    }
    return false;
}

static void see_containers(struct moon_scenario_thing *t, const cJSON *tree)
{
    const cJSON *item;
    t->images = cJSON_CreateArray();
    cJSON_ArrayForEach (item, moon_json_get(tree, "spec.containers")) {
        const char *image = moon_json_string(item, "image");
        cJSON_AddItemToArray(t->images, cJSON_CreateString(image != NULL ? image : ""));
    }
    const char *reason = moon_json_string(tree, "status.reason");
    cJSON_ArrayForEach (item, moon_json_get(tree, "status.containerStatuses")) {
        int64_t restarts = moon_json_int(item, "restartCount", 0);
        t->restarts = restarts > t->restarts ? restarts : t->restarts;
        if (reason == NULL) {
            reason = moon_json_string(item, "state.waiting.reason");
        }
    }
    t->reason = moon_strdup(reason);
}

static struct moon_scenario_thing *new_thing(struct moon_sim_obj *obj)
{
    struct moon_scenario_thing *t = moon_new(struct moon_scenario_thing);
    t->obj = moon_sim_obj_ref(obj);
    for (size_t i = 0; i < obj->label_count; i++) {
        moon_labels_set(&t->labels, obj->labels[i].key, obj->labels[i].value);
    }
    bool is_pod = strcmp(obj->kind->resource, "pods") == 0;
    if (is_pod || strcmp(obj->kind->resource, "nodes") == 0) {
        MOON_AUTOJSON *tree = moon_sim_obj_tree(obj);
        t->is_ready = has_condition(tree, "Ready");
        if (is_pod) {
            see_containers(t, tree);
        }
    }
    return t;
}

/* ---- changes ---- */

static struct moon_map *kind_map(struct moon_scenario_seen *seen, const char *plural)
{
    struct moon_map *map = moon_map_get(seen->kinds, moon_str(plural));
    if (map == NULL) {
        map = moon_map_new(free_thing);
        moon_map_set(seen->kinds, moon_str(plural), map);
    }
    return map;
}

static char *key_of(const char *ns, const char *name)
{
    return moon_asprintf("%s/%s", ns, name);
}

void moon_scenario_seen_event(struct moon_scenario_seen *seen, const struct moon_sim_event *event,
                              void (*fn)(const struct moon_scenario_thing *before,
                                         const struct moon_scenario_thing *after, void *ctx),
                              void *ctx)
{
    struct moon_sim_obj *obj = event->obj;
    struct moon_map *map = kind_map(seen, obj->kind->resource);
    MOON_AUTOFREE char *key = key_of(obj->ns, obj->name);
    struct moon_scenario_thing *before = moon_map_get(map, moon_str(key));
    struct moon_scenario_thing *after = event->type == MOON_SIM_DELETED ? NULL : new_thing(obj);
    seen->changes++;
    fn(before, after, ctx);
    if (after != NULL) {
        moon_map_set(map, moon_str(key), after);
    } else {
        (void)moon_map_remove(map, moon_str(key));
    }
}

uint64_t moon_scenario_seen_changes(const struct moon_scenario_seen *seen)
{
    return seen->changes;
}

/* ---- looking ---- */

const struct moon_scenario_thing *moon_scenario_seen_get(const struct moon_scenario_seen *seen,
                                                         const char *plural, const char *ns,
                                                         const char *name)
{
    const struct moon_map *map = moon_map_get(seen->kinds, moon_str(plural));
    MOON_AUTOFREE char *key = key_of(ns, name);
    return map != NULL ? moon_map_get(map, moon_str(key)) : NULL;
}

bool moon_scenario_seen_next(const struct moon_scenario_seen *seen, const char *plural, size_t *pos,
                             const struct moon_scenario_thing **ret)
{
    const struct moon_map *map = moon_map_get(seen->kinds, moon_str(plural));
    void *thing;
    if (map == NULL || !moon_map_next(map, pos, NULL, &thing)) {
        return false;
    }
    *ret = thing;
    return true;
}

size_t moon_scenario_seen_count(const struct moon_scenario_seen *seen, const char *plural)
{
    const struct moon_map *map = moon_map_get(seen->kinds, moon_str(plural));
    return map != NULL ? moon_map_count(map) : 0;
}

struct moon_scenario_seen *moon_scenario_seen_new(void)
{
    struct moon_scenario_seen *seen = moon_new(struct moon_scenario_seen);
    seen->kinds = moon_map_new(free_kind);
    return seen;
}

void moon_scenario_seen_free(struct moon_scenario_seen *seen)
{
    if (seen != NULL) {
        moon_map_free(seen->kinds);
        moon_free(seen);
    }
}
