/* SPDX-License-Identifier: Apache-2.0
 *
 * view_roll.c - the fields of `roll` and its counts.
 */
#include <lauxlib.h>

#include "policy/engine.h"
#include "policy/roll_priv.h"

static const struct moon_roll_run *run_of(const struct moon_view *v)
{
    return v->object;
}

struct moon_roll_run *moon_roll_run_of(lua_State *L)
{
    (void)moon_view_check(L, 1, MOON_VIEW_ROLL);
    return moon_engine_of(L)->roll;
}

static int push_int(lua_State *L, int64_t n)
{
    lua_pushinteger(L, n);
    return 1;
}

static int roll_now(lua_State *L, const struct moon_view *v)
{
    return push_int(L, run_of(v)->set->now_s);
}

static int roll_started(lua_State *L, const struct moon_view *v)
{
    return push_int(L, run_of(v)->roll->started_s);
}

static int roll_revision(lua_State *L, const struct moon_view *v)
{
    (void)lua_pushstring(L, run_of(v)->roll->revision);
    return 1;
}

static int roll_previous_revision(lua_State *L, const struct moon_view *v)
{
    (void)lua_pushstring(L, run_of(v)->roll->previous_revision);
    return 1;
}

static int roll_max_unavailable(lua_State *L, const struct moon_view *v)
{
    return push_int(L, run_of(v)->roll->max_unavailable);
}

static int roll_max_surge(lua_State *L, const struct moon_view *v)
{
    return push_int(L, run_of(v)->roll->max_surge);
}

static int roll_unavailable(lua_State *L, const struct moon_view *v)
{
    return push_int(L, run_of(v)->roll->unavailable);
}

static int roll_surging(lua_State *L, const struct moon_view *v)
{
    return push_int(L, run_of(v)->roll->surging);
}

static int roll_available(lua_State *L, const struct moon_view *v)
{
    return push_int(L, run_of(v)->roll->available);
}

static int roll_desired(lua_State *L, const struct moon_view *v)
{
    return push_int(L, run_of(v)->roll->desired);
}

static int roll_rolled_back(lua_State *L, const struct moon_view *v)
{
    lua_pushboolean(L, run_of(v)->roll->rolled_back);
    return 1;
}

static int roll_paused(lua_State *L, const struct moon_view *v)
{
    (void)lua_pushstring(L, run_of(v)->roll->paused);
    return 1;
}

static int roll_left(lua_State *L, const struct moon_view *v)
{
    return push_int(L, moon_roll_left(run_of(v)->roll));
}

static int roll_surge_left(lua_State *L, const struct moon_view *v)
{
    return push_int(L, moon_roll_surge_left(run_of(v)->roll));
}

static int roll_counts(lua_State *L, const struct moon_view *v)
{
    moon_view_push(L, MOON_VIEW_COUNTS, v->object);
    return 1;
}

/* A field that is a method: pushes the function. */
#define METHOD(name)                                                                               \
    static int push_##name(lua_State *L, const struct moon_view *v MOON_UNUSED)                    \
    {                                                                                              \
        lua_pushcfunction(L, moon_roll_##name);                                                    \
        return 1;                                                                                  \
    }
METHOD(outdated)
METHOD(updated)
METHOD(failed)
METHOD(missing)
METHOD(deleting)
METHOD(draining)
METHOD(count)
METHOD(replace)
METHOD(delete)
METHOD(surge)
METHOD(create)
METHOD(patch_image)
METHOD(drain)
METHOD(uncordon)
METHOD(again)
METHOD(pause)
METHOD(rollback)

static const struct moon_view_field roll_fields[] = {
    {"now", roll_now, "integer", "the time"},
    {"started", roll_started, "integer", "when the current revision came; 0: not known"},
    {"revision", roll_revision, "string", "hash of the current template"},
    {"previous_revision", roll_previous_revision, "string", "\"\" without"},
    {"max_unavailable", roll_max_unavailable, "integer", "a number of nodes"},
    {"max_surge", roll_max_surge, "integer", "a number of nodes"},
    {"unavailable", roll_unavailable, "integer", "nodes without an available pod"},
    {"surging", roll_surging, "integer", "nodes where a new pod is beside an old one"},
    {"available", roll_available, "integer", "nodes with an available pod"},
    {"desired", roll_desired, "integer", "nodes that should have one"},
    {"rolled_back", roll_rolled_back, "boolean",
     "the current revision is one that a policy went back to"},
    {"paused", roll_paused, "string?", "why the set says that it is paused"},
    {"left", roll_left, "integer", "max_unavailable - unavailable, not below 0"},
    {"surge_left", roll_surge_left, "integer", "max_surge - surging, not below 0"},
    {"counts", roll_counts, "Counts", ""},
    {"outdated", push_outdated, "(filter: Filter?): fun(): Pod?",
     "walk the pods of other revisions"},
    {"updated", push_updated, "(filter: Filter?): fun(): Pod?",
     "walk the pods of the current revision"},
    {"failed", push_failed, "(filter: Filter?): fun(): Pod?",
     "walk the pods in phase Failed, and those health calls failed"},
    {"missing", push_missing, "(filter: Filter?): fun(): Node?",
     "walk the nodes that should have a pod and have none"},
    {"deleting", push_deleting, "(filter: Filter?): fun(): Node?",
     "walk the nodes with a pod that is going"},
    {"draining", push_draining, "(filter: Filter?): fun(): Node?",
     "walk the nodes that the set has cordoned"},
    {"count", push_count, "(filter: CountFilter): integer|table<string, integer>",
     "how many; by zone, … with by"},
    {"replace", push_replace, "(pod: Pod, why: string): boolean, string?",
     "delete an outdated pod; its node gets a new one when it is gone"},
    {"delete", push_delete, "(pod: Pod, why: string): boolean, string?",
     "delete an outdated pod that needs no successor"},
    {"surge", push_surge, "(where: Node|Pod, why: string): boolean, string?",
     "a new pod beside the outdated one"},
    {"create", push_create, "(node: Node, why: string): boolean, string?",
     "make the pod that a node waits for (only with creates = true)"},
    {"patch_image", push_patch_image, "(pod: Pod, why: string): boolean, string?",
     "give an outdated pod the new images in place, if only they differ"},
    {"drain", push_drain, "(node: Node, why: string, options: DrainOptions?): boolean, string?",
     "cordon a node and evict its pods; asked each time, as long as that is wanted"},
    {"uncordon", push_uncordon, "(node: Node, why: string): boolean, string?",
     "give a node back that was drained"},
    {"again", push_again, "(seconds: integer, why: string)", "ask again then; without it, in 30 s"},
    {"pause", push_pause, "(why: string)",
     "disturb no pod of this revision any more, until somebody lifts it"},
    {"rollback", push_rollback, "(why: string)", "back to the revision before"},
    {NULL, NULL, NULL, NULL},
};

const struct moon_view_class moon_view_roll = {
    .type = "Roll",
    .doc = "An update of a set under way: how far it is, and what is to be done.",
    .name = "roll",
    .fields = roll_fields,
};

/* ---- counts: over the nodes that want the daemon ---- */

static int push_tally(lua_State *L, enum moon_roll_tally what)
{
    struct moon_roll_run *run = moon_engine_of(L)->roll;
    size_t n = moon_roll_index_count(moon_roll_run_index(run), moon_roll_words(run->roll), what);

    lua_pushinteger(L, (lua_Integer)n);
    return 1;
}

#define COUNT(name, what)                                                                          \
    static int count_##name(lua_State *L, const struct moon_view *v MOON_UNUSED)                   \
    {                                                                                              \
        return push_tally(L, MOON_ROLL_TALLY_##what);                                              \
    }
COUNT(desired, DESIRED)
COUNT(current, CURRENT)
COUNT(ready, READY)
COUNT(available, AVAILABLE)
COUNT(updated, UPDATED)
COUNT(outdated, OUTDATED)
COUNT(missing, MISSING)
COUNT(failed, FAILED)
COUNT(waiting, WAITING)
COUNT(creating, CREATING)
COUNT(draining, DRAINING)

static const struct moon_view_field counts_fields[] = {
    {"desired", count_desired, "integer", "nodes that should have a pod"},
    {"current", count_current, "integer", "of these: with a pod"},
    {"ready", count_ready, "integer", "with a ready one"},
    {"available", count_available, "integer", "with an available one"},
    {"updated", count_updated, "integer", "with one of the current revision"},
    {"outdated", count_outdated, "integer", "nodes with a pod of another revision"},
    {"missing", count_missing, "integer", "without any"},
    {"failed", count_failed, "integer", "nodes with a failed pod"},
    {"creating", count_creating, "integer", "nodes whose pod is being made"},
    {"draining", count_draining, "integer", "nodes that the set has cordoned"},
    {"waiting", count_waiting, "integer", "nodes that wait for roll:create"},
    {NULL, NULL, NULL, NULL},
};

const struct moon_view_class moon_view_counts = {
    .type = "Counts",
    .doc = "How many nodes are how far.",
    .name = "list of counts",
    .fields = counts_fields,
};
