/* SPDX-License-Identifier: Apache-2.0
 *
 * roll_priv.h - one call of the update hook: what it is shown, and what it records.
 */
#ifndef MOON_POLICY_ROLL_PRIV_H
#define MOON_POLICY_ROLL_PRIV_H

#include <lua.h>

#include "policy/policies_priv.h"

enum {
    MOON_ROLL_MAX_ACTIONS = 500,
    MOON_ROLL_MAX_REASON = 256,
};

struct moon_roll_run {
    const struct moon_roll *roll;
    const struct moon_set_view *set;
    struct moon_roll_answer *answer; /* NULL: a gate's run, which records nothing */
    size_t capacity;                 /* of answer->actions */
    bool *acted;                     /* per slot: has its action already */
    int64_t left;                    /* available outdated pods that may still be deleted */
    int64_t surge_left;  /* available outdated pods that may still get a second one beside them */
    int64_t sunset_left; /* surge only: pods on nodes that want none, beyond the desired number */
    bool creates;        /* the policy says when missing pods are made */
    bool unlimited;      /* the set trusts its policy with the budget */
};

static inline int64_t moon_roll_left(const struct moon_roll *r)
{
    return r->max_unavailable > r->unavailable ? r->max_unavailable - r->unavailable : 0;
}

static inline int64_t moon_roll_surge_left(const struct moon_roll *r)
{
    return r->max_surge > r->surging ? r->max_surge - r->surging : 0;
}

/* By its phase, or by the policy that judges. */
static inline bool moon_roll_has_failed(const struct moon_pod *pod, enum moon_health health)
{
    return pod != NULL && (pod->phase == MOON_PHASE_FAILED || health == MOON_HEALTH_FAILED);
}

/* Methods of a roll, in roll_walk.c and roll_record.c; each a C function taking the roll first. */
int moon_roll_outdated(lua_State *L);
int moon_roll_updated(lua_State *L);
int moon_roll_failed(lua_State *L);
int moon_roll_missing(lua_State *L);
int moon_roll_deleting(lua_State *L);
int moon_roll_count(lua_State *L);
int moon_roll_replace(lua_State *L);
int moon_roll_delete(lua_State *L);
int moon_roll_surge(lua_State *L);
int moon_roll_create(lua_State *L);
int moon_roll_again(lua_State *L);
int moon_roll_pause(lua_State *L);
int moon_roll_rollback(lua_State *L);

/* What `answer` gets is the caller's. */
void moon_roll_run_init(struct moon_roll_run *run, const struct moon_set_view *set,
                        const struct moon_roll *roll, struct moon_roll_answer *answer);
void moon_roll_run_fini(struct moon_roll_run *run);
/* Call the hook that moon_hook_begin has left on the stack with (roll, set). */
int moon_hook_call_with_roll(struct moon_hook_call *c, struct moon_roll_run *run, int results,
                             struct moon_fault *fault);

/* The run behind the roll at index 1; raises. */
struct moon_roll_run *moon_roll_run_of(lua_State *L);

#endif
