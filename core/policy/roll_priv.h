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
    struct moon_roll_answer *answer; /* NULL: nothing is recorded */
    const char *asked;               /* then: "a gate", or whoever else is asked */
    size_t capacity;                 /* of answer->actions */
    uint64_t *acted;                 /* a bit for each slot: has its action already */
    const struct moon_roll_index *index;
    struct moon_roll_index own_index; /* when the caller brought none */
    int64_t left;                     /* available outdated pods that may still be deleted */
    int64_t surge_left;  /* available outdated pods that may still get a second one beside them */
    int64_t sunset_left; /* surge only: pods on nodes that want none, beyond the desired number */
    int64_t drains_left; /* nodes that may still be cordoned */
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
int moon_roll_draining(lua_State *L);
int moon_roll_count(lua_State *L);
int moon_roll_replace(lua_State *L);
int moon_roll_delete(lua_State *L);
int moon_roll_surge(lua_State *L);
int moon_roll_create(lua_State *L);
int moon_roll_patch_image(lua_State *L);
int moon_roll_drain(lua_State *L);
int moon_roll_uncordon(lua_State *L);
int moon_roll_again(lua_State *L);
int moon_roll_pause(lua_State *L);
int moon_roll_rollback(lua_State *L);

/* ---- roll_filter.c: which nodes a walk, or a count, is about ---- */

enum moon_roll_state {
    MOON_ROLL_OUTDATED,
    MOON_ROLL_UPDATED,
    MOON_ROLL_FAILED,
    MOON_ROLL_MISSING,
    MOON_ROLL_DELETING,
    MOON_ROLL_DRAINING,
    MOON_ROLL_STATES,
};
extern const char *const moon_roll_state_names[MOON_ROLL_STATES + 1]; /* up to a NULL */

enum moon_roll_want {
    MOON_ROLL_ANY,
    MOON_ROLL_TRUE,
    MOON_ROLL_FALSE,
};

enum moon_roll_order {
    MOON_ROLL_BY_RANK,
    MOON_ROLL_BY_ZONE,
    MOON_ROLL_BY_AGE,
    MOON_ROLL_BY_NAME,
    MOON_ROLL_ORDERS,
};

struct moon_roll_filter {
    enum moon_roll_state state;
    enum moon_roll_want available;
    enum moon_roll_want ready;
    enum moon_roll_want paired;
    enum moon_roll_want wanted;
    enum moon_roll_want waiting;
    const char *zone; /* of the filter table, as long as no script runs */
    const struct moon_selector *selector;
    enum moon_roll_order order[MOON_ROLL_ORDERS];
    unsigned order_count;
    lua_Integer limit; /* -1: none */
};

/* The filter table at index 2, or nothing there; `state` is for the caller to set. Keys in `skip`
 * (up to a NULL) are the caller's, too. Raises. */
struct moon_roll_filter moon_roll_filter_read(lua_State *L, const char *const *skip);
bool moon_roll_filter_matches(const struct moon_roll_filter *f, const struct moon_roll_slot *s);
/* The pod a state is about; NULL for states of nodes. */
const struct moon_pod *moon_roll_pod_for(const struct moon_roll_slot *s,
                                         enum moon_roll_state state);

/* ---- roll_index.c ---- */

enum {
    MOON_ROLL_WORD = 64 /* slots that are looked at at once */
};
/* Slots 64 * word to 64 * word + 63, a bit for each that may match: those that do are among them.
 */
uint64_t moon_roll_index_candidates(const struct moon_roll_index *x,
                                    const struct moon_roll_filter *f, size_t word);
size_t moon_roll_words(const struct moon_roll *roll);
/* What roll.counts says: how many nodes that want the daemon are in a state. */
enum moon_roll_tally {
    MOON_ROLL_TALLY_DESIRED,
    MOON_ROLL_TALLY_CURRENT,
    MOON_ROLL_TALLY_READY,
    MOON_ROLL_TALLY_AVAILABLE,
    MOON_ROLL_TALLY_UPDATED,
    MOON_ROLL_TALLY_OUTDATED, /* whether they want it or not */
    MOON_ROLL_TALLY_MISSING,
    MOON_ROLL_TALLY_FAILED, /* the same */
    MOON_ROLL_TALLY_WAITING,
    MOON_ROLL_TALLY_CREATING,
    MOON_ROLL_TALLY_DRAINING,
};
size_t moon_roll_index_count(const struct moon_roll_index *x, size_t words,
                             enum moon_roll_tally what);

/* What `answer` gets is the caller's. */
void moon_roll_run_init(struct moon_roll_run *run, const struct moon_set_view *set,
                        const struct moon_roll *roll, struct moon_roll_answer *answer);
void moon_roll_run_fini(struct moon_roll_run *run);
/* Call the hook that moon_hook_begin has left on the stack with (roll, set). */
int moon_hook_call_with_roll(struct moon_hook_call *c, struct moon_roll_run *run, int results,
                             struct moon_fault *fault);

/* The caller's index, or one made now. */
const struct moon_roll_index *moon_roll_run_index(struct moon_roll_run *run);

/* The run behind the roll at index 1; raises. */
struct moon_roll_run *moon_roll_run_of(lua_State *L);

#endif
