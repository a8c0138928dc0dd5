/* SPDX-License-Identifier: Apache-2.0
 *
 * roll_record.c - what an update hook records, checked at once so that an error names its line.
 */
#include <stdio.h>

#include <lauxlib.h>

#include "policy/engine.h"
#include "policy/roll_priv.h"

enum {
    MAX_AGAIN_S = 7 * 24 * 3600,
    MAX_GRACE_S = 24 * 3600,
};

/* The run of an update hook; others are shown the same roll, but only answer. */
static struct moon_roll_run *recording(lua_State *L, const char *method)
{
    struct moon_roll_run *run = moon_roll_run_of(L);

    if (run->answer == NULL) {
        moon_engine_shape_error(L, "roll:%s: %s records nothing; its answer is all", method,
                                run->asked);
    }
    return run;
}

static struct moon_str reason_at(lua_State *L, int arg, const char *method)
{
    size_t len;

    if (lua_type(L, arg) != LUA_TSTRING) {
        moon_engine_shape_error(L, "roll:%s wants a reason, a text: got %s", method,
                                luaL_typename(L, arg));
    }
    const char *text = lua_tolstring(L, arg, &len);
    return moon_str_cut((struct moon_str){text, len}, MOON_ROLL_MAX_REASON);
}

static const struct moon_roll_slot *slot_at(lua_State *L, int arg, const char *method)
{
    const struct moon_view *view = lua_islightuserdata(L, arg) ? moon_view_any(L, arg) : NULL;

    if (view == NULL || view->slot == NULL) {
        moon_engine_shape_error(L, "roll:%s wants a pod or node of this roll, got %s", method,
                                luaL_typename(L, arg));
        return NULL;
    }
    return view->slot;
}

static size_t number_of(const struct moon_roll_run *run, const struct moon_roll_slot *slot)
{
    return (size_t)(slot - run->roll->slots);
}

/* Of the kinds of doubt, each an error: acting twice on a node, or on one that the core is busy
 * with. */
static void check_first(lua_State *L, const struct moon_roll_run *run,
                        const struct moon_roll_slot *slot, const char *method)
{
    size_t i = number_of(run, slot);

    if ((run->acted[i / MOON_ROLL_WORD] >> i % MOON_ROLL_WORD & 1) != 0) {
        moon_engine_shape_error(L, "roll:%s: node %s has an action already", method,
                                slot->node_name);
    }
    if (run->answer->count == MOON_ROLL_MAX_ACTIONS) {
        moon_engine_shape_error(L, "roll:%s: more than %d actions in one call", method,
                                MOON_ROLL_MAX_ACTIONS);
    }
}

static void check_slot(lua_State *L, const struct moon_roll_run *run,
                       const struct moon_roll_slot *slot, const char *method)
{
    check_first(L, run, slot, method);
    if (slot->excess) {
        moon_engine_shape_error(L, "roll:%s: node %s has pods in excess; wait until that is over",
                                method, slot->node_name);
    }
}

static struct moon_roll_action *add(struct moon_roll_run *run, enum moon_roll_action_type type,
                                    const struct moon_roll_slot *slot, const struct moon_pod *pod,
                                    struct moon_str reason)
{
    struct moon_roll_answer *a = run->answer;

    if (a->count == run->capacity) {
        run->capacity = run->capacity == 0 ? 8 : 2 * run->capacity;
        a->actions = moon_realloc_array(a->actions, run->capacity, sizeof(*a->actions));
    }
    a->actions[a->count++] = (struct moon_roll_action){
        .type = type,
        .slot = number_of(run, slot),
        .pod = pod,
        .reason = moon_str_dup(reason),
    };
    size_t i = number_of(run, slot);
    run->acted[i / MOON_ROLL_WORD] |= UINT64_C(1) << i % MOON_ROLL_WORD;
    return &a->actions[a->count - 1];
}

/* Take one of the budget; when there is none the action is left out, and the script told so. */
static bool take(struct moon_roll_run *run, int64_t *budget)
{
    if (run->unlimited) {
        return true;
    }
    if (*budget <= 0) {
        run->answer->clipped++;
        return false;
    }
    (*budget)--;
    return true;
}

static int answer(lua_State *L, bool taken)
{
    lua_pushboolean(L, taken);
    if (taken) {
        return 1;
    }
    lua_pushliteral(L, "the budget is used up");
    return 2;
}

/* What the hook mutate has skipped, or has not answered for. */
static int answer_held(lua_State *L)
{
    lua_pushboolean(L, false);
    lua_pushliteral(L, "no pod of this node is made or replaced now");
    return 2;
}

/* Deleting an outdated pod disrupts when it is available and nothing takes its place. */
static bool take_disruption(struct moon_roll_run *run, const struct moon_roll_slot *slot)
{
    if (!slot->old_available || slot->new_available) {
        return true;
    }
    if (!slot->wanted && run->roll->max_surge > 0) {
        return take(run, &run->sunset_left);
    }
    return take(run, &run->left);
}

static int record_delete(lua_State *L, enum moon_roll_action_type type, const char *method)
{
    struct moon_roll_run *run = recording(L, method);
    struct moon_str reason = reason_at(L, 3, method);
    const struct moon_roll_slot *slot = slot_at(L, 2, method);

    if (moon_view_test(L, 2, MOON_VIEW_OLD_POD) == NULL) {
        return moon_engine_shape_error(L, "roll:%s: only outdated pods are deleted; on node %s",
                                       method, slot->node_name);
    }
    check_slot(L, run, slot, method);
    if (slot->held) {
        return answer_held(L);
    }
    if (!take_disruption(run, slot)) {
        return answer(L, false);
    }
    (void)add(run, type, slot, slot->old_pod, reason);
    return answer(L, true);
}

/* roll:replace(pod, why): delete an outdated pod; its node gets a new one when it is gone. */
int moon_roll_replace(lua_State *L)
{
    return record_delete(L, MOON_ROLL_REPLACE, "replace");
}

/* roll:delete(pod, why): delete an outdated pod that needs no successor: it has one already, or its
 * node wants none. */
int moon_roll_delete(lua_State *L)
{
    (void)recording(L, "delete");
    const struct moon_view *v = moon_view_test(L, 2, MOON_VIEW_OLD_POD);

    if (v != NULL && v->slot->wanted && v->slot->new_pod == NULL) {
        return moon_engine_shape_error(
            L, "roll:delete: node %s would be left without a pod; use roll:replace",
            v->slot->node_name);
    }
    return record_delete(L, MOON_ROLL_DELETE, "delete");
}

/* roll:surge(node or pod, why): a new pod beside the outdated one. */
int moon_roll_surge(lua_State *L)
{
    struct moon_roll_run *run = recording(L, "surge");
    struct moon_str reason = reason_at(L, 3, "surge");
    const struct moon_roll_slot *slot = slot_at(L, 2, "surge");

    check_slot(L, run, slot, "surge");
    if (run->roll->max_surge <= 0) {
        return moon_engine_shape_error(L, "roll:surge: the set's maxSurge is 0");
    }
    if (slot->node == NULL || !slot->wanted) {
        return moon_engine_shape_error(L, "roll:surge: node %s is not to run the daemon",
                                       slot->node_name);
    }
    if (slot->old_pod == NULL || slot->new_pod != NULL) {
        return moon_engine_shape_error(L, "roll:surge: node %s has no outdated pod alone",
                                       slot->node_name);
    }
    if (slot->held) {
        return answer_held(L);
    }
    if (slot->old_available && !take(run, &run->surge_left)) {
        return answer(L, false);
    }
    (void)add(run, MOON_ROLL_SURGE, slot, NULL, reason);
    return answer(L, true);
}

/* roll:create(node, why): make the pod that the node waits for; false and why not when the core is
 * not waiting for that. */
int moon_roll_create(lua_State *L)
{
    struct moon_roll_run *run = recording(L, "create");
    struct moon_str reason = reason_at(L, 3, "create");
    const struct moon_roll_slot *slot = slot_at(L, 2, "create");

    if (!run->creates) {
        return moon_engine_shape_error(
            L, "roll:create is for policies that say creates = true; others need not ask");
    }
    check_slot(L, run, slot, "create");
    if (!slot->waiting) {
        lua_pushboolean(L, false);
        lua_pushfstring(L, "node %s waits for no pod", slot->node_name);
        return 2;
    }
    (void)add(run, MOON_ROLL_CREATE, slot, NULL, reason);
    return answer(L, true);
}

static const char *why_unpatchable(const struct moon_roll_run *run,
                                   const struct moon_roll_slot *slot)
{
    if (!slot->wanted) {
        return "its node is not to run the daemon";
    }
    if (slot->new_pod != NULL) {
        return "its node has a new pod already";
    }
    return run->roll->unpatchable != NULL ? run->roll->unpatchable(slot)
                                          : "nobody can do that here";
}

/* roll:patch_image(pod, why): an outdated pod stays and gets the new images; its containers
 * restart, so it disturbs as replacing it does. */
int moon_roll_patch_image(lua_State *L)
{
    struct moon_roll_run *run = recording(L, "patch_image");
    struct moon_str reason = reason_at(L, 3, "patch_image");
    const struct moon_roll_slot *slot = slot_at(L, 2, "patch_image");

    if (moon_view_test(L, 2, MOON_VIEW_OLD_POD) == NULL) {
        return moon_engine_shape_error(
            L, "roll:patch_image: only outdated pods are updated; on node %s", slot->node_name);
    }
    check_slot(L, run, slot, "patch_image");
    if (slot->held) {
        return answer_held(L);
    }
    const char *why = why_unpatchable(run, slot);
    if (why != NULL) {
        lua_pushboolean(L, false);
        (void)lua_pushstring(L, why);
        return 2;
    }
    if (!take_disruption(run, slot)) {
        return answer(L, false);
    }
    (void)add(run, MOON_ROLL_PATCH_IMAGE, slot, slot->old_pod, reason);
    return answer(L, true);
}

/* ---- drains ---- */

/* The node of a pod does as well. */
static const char *why_undrainable(const struct moon_roll_slot *slot)
{
    if (slot->node == NULL) {
        return "there is no such node";
    }
    if (slot->drain != NULL) {
        return slot->drain->state != MOON_DRAIN_LIFTED
                   ? NULL
                   : "somebody has uncordoned it since; it is left alone until its annotation "
                     "moonset.dev/drained-by is taken away";
    }
    if (slot->node->drained_by != NULL) {
        return "another set drains it";
    }
    if (slot->node->unschedulable) {
        return "somebody else has cordoned it";
    }
    return slot->old_pod == NULL ? "no outdated pod is on it" : NULL;
}

static int64_t grace_at(lua_State *L, int index)
{
    int is_integer;
    lua_Integer grace = lua_tointegerx(L, index, &is_integer);

    if (!is_integer || grace < 0 || grace > MAX_GRACE_S) {
        moon_engine_shape_error(L, "roll:drain: grace is 0 to %d seconds", MAX_GRACE_S);
    }
    return grace;
}

static bool allows(lua_State *L, int index, const char *key)
{
    if (lua_type(L, index) != LUA_TBOOLEAN) {
        moon_engine_shape_error(L, "roll:drain: %s is true or false", key);
    }
    return lua_toboolean(L, index);
}

/* { unmanaged = true, local_data = true, grace = 30 }, or nothing. */
static struct moon_evict_opts evict_opts_at(lua_State *L, int arg)
{
    struct moon_evict_opts opts = {.grace_s = -1};

    if (lua_isnoneornil(L, arg)) {
        return opts;
    }
    if (lua_type(L, arg) != LUA_TTABLE) {
        moon_engine_shape_error(L, "roll:drain: options are a table, not a %s",
                                luaL_typename(L, arg));
    }
    for (lua_pushnil(L); lua_next(L, arg); lua_pop(L, 1)) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        if (strcmp(key, "unmanaged") == 0) {
            opts.unmanaged = allows(L, -1, key);
        } else if (strcmp(key, "local_data") == 0) {
            opts.local_data = allows(L, -1, key);
        } else if (strcmp(key, "grace") == 0) {
            opts.grace_s = grace_at(L, -1);
        } else {
            moon_engine_shape_error(
                L, "roll:drain: options are unmanaged, local_data and grace, not '%s'", key);
        }
    }
    return opts;
}

static int answer_why(lua_State *L, const char *why)
{
    lua_pushboolean(L, false);
    (void)lua_pushstring(L, why);
    return 2;
}

/* roll:drain(node, why [, options]): nobody is put on the node any more, and what is there is asked
 * to leave. A node that is held already takes nothing of the budget. */
int moon_roll_drain(lua_State *L)
{
    struct moon_roll_run *run = recording(L, "drain");
    struct moon_str reason = reason_at(L, 3, "drain");
    const struct moon_roll_slot *slot = slot_at(L, 2, "drain");
    struct moon_evict_opts opts = evict_opts_at(L, 4);

    check_first(L, run, slot, "drain");
    const char *why = why_undrainable(slot);
    if (why != NULL) {
        return answer_why(L, why);
    }
    if (slot->drain == NULL && !take(run, &run->drains_left)) {
        return answer(L, false);
    }
    add(run, MOON_ROLL_DRAIN, slot, NULL, reason)->evict = opts;
    return answer(L, true);
}

/* roll:uncordon(node, why): only what the set itself has cordoned. */
int moon_roll_uncordon(lua_State *L)
{
    struct moon_roll_run *run = recording(L, "uncordon");
    struct moon_str reason = reason_at(L, 3, "uncordon");
    const struct moon_roll_slot *slot = slot_at(L, 2, "uncordon");

    check_first(L, run, slot, "uncordon");
    if (slot->node == NULL || slot->drain == NULL) {
        return answer_why(L, "this set has not cordoned it");
    }
    (void)add(run, MOON_ROLL_UNCORDON, slot, NULL, reason);
    return answer(L, true);
}

/* roll:again(seconds, why): ask again after so long; the shortest wish counts. */
int moon_roll_again(lua_State *L)
{
    struct moon_roll_answer *a = recording(L, "again")->answer;
    int is_integer;
    lua_Integer seconds = lua_tointegerx(L, 2, &is_integer);
    struct moon_str reason = reason_at(L, 3, "again");

    if (!is_integer || seconds < 1 || seconds > MAX_AGAIN_S) {
        return moon_engine_shape_error(L, "roll:again wants 1 to %d seconds", MAX_AGAIN_S);
    }
    if (a->again_s == 0 || seconds < a->again_s) {
        moon_free(a->again_reason);
        a->again_reason = moon_str_dup(reason);
        a->again_s = seconds;
    }
    return 0;
}

static int record_halt(lua_State *L, const char *method, bool back)
{
    struct moon_roll_run *run = recording(L, method);
    struct moon_str reason = reason_at(L, 2, method);
    char **place = back ? &run->answer->rollback : &run->answer->pause;

    if (back && run->roll->previous_revision[0] == '\0') {
        return moon_engine_shape_error(L, "roll:rollback: there is no revision before this one");
    }
    if (*place == NULL) { /* the first reason stays */
        *place = moon_str_dup(reason);
    }
    return 0;
}

/* roll:pause(why): no pod of this revision is disturbed any more until somebody lifts it. */
int moon_roll_pause(lua_State *L)
{
    return record_halt(L, "pause", false);
}

/* roll:rollback(why): back to the revision before, as `kubectl rollout undo`. */
int moon_roll_rollback(lua_State *L)
{
    return record_halt(L, "rollback", true);
}
