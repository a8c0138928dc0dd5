/* SPDX-License-Identifier: Apache-2.0
 *
 * hook_update.c - the rolling step: one call of the chain's update hook.
 */
#include "policy/policies_priv.h"
#include "policy/roll_priv.h"

enum {
    CALL_US = 20 * 1000,
};

#define ANNOTATION_BUDGET_OWNER "moonset.dev/budget-owner"

static int64_t drains_left(const struct moon_roll *roll)
{
    int64_t limit = roll->max_unavailable > 0 ? roll->max_unavailable : roll->max_surge;

    return limit > roll->draining ? limit - roll->draining : 0;
}

static void clear_actions(struct moon_roll_answer *a)
{
    for (size_t i = 0; i < a->count; i++) {
        moon_free(a->actions[i].reason);
    }
    moon_free(a->actions);
    a->actions = NULL;
    a->count = 0;
}

void moon_roll_answer_fini(struct moon_roll_answer *a)
{
    clear_actions(a);
    moon_free(a->again_reason);
    moon_free(a->pause);
    moon_free(a->rollback);
    moon_sym_unref(a->policy);
    *a = (struct moon_roll_answer){0};
}

void moon_roll_run_init(struct moon_roll_run *run, const struct moon_set_view *set,
                        const struct moon_roll *roll, struct moon_roll_answer *answer)
{
    moon_sym owner = moon_labels_get(&set->set->meta.annotations, ANNOTATION_BUDGET_OWNER);

    *run = (struct moon_roll_run){
        .roll = roll,
        .set = set,
        .answer = answer,
        .asked = "a gate",
        .acted = answer != NULL ? moon_new_array(uint64_t, moon_roll_words(roll) + 1) : NULL,
        .index = roll->index,
        .left = moon_roll_left(roll),
        .surge_left = moon_roll_surge_left(roll),
        .drains_left = drains_left(roll),
        .sunset_left = roll->available > roll->desired ? roll->available - roll->desired : 0,
        .unlimited = moon_streq(owner, "policy"),
    };
}

void moon_roll_run_fini(struct moon_roll_run *run)
{
    moon_free(run->acted);
    moon_roll_index_fini(&run->own_index);
}

const struct moon_roll_index *moon_roll_run_index(struct moon_roll_run *run)
{
    if (run->index == NULL) {
        for (size_t i = 0; i < run->roll->count; i++) {
            moon_roll_index_set(&run->own_index, i, &run->roll->slots[i]);
        }
        run->index = &run->own_index;
    }
    return run->index;
}

int moon_hook_call_with_roll(struct moon_hook_call *c, struct moon_roll_run *run, int results,
                             struct moon_fault *fault)
{
    struct moon_engine *e = c->engine;

    e->roll = run;
    lua_pushlightuserdata(e->L, moon_views_handle(&e->views, MOON_VIEW_ROLL, run, 0, NULL));
    lua_pushlightuserdata(e->L, moon_views_handle(&e->views, MOON_VIEW_SET, c->set, 0, NULL));
    return moon_engine_call(e, 2, results, fault);
}

static int ask(struct moon_hook_call *c, struct moon_roll_run *run, struct moon_fault *fault)
{
    if (moon_hook_begin(c, (struct moon_budget){CALL_US, CALL_US}, fault) != 0) {
        return -1;
    }
    int rc = moon_hook_call_with_roll(c, run, 0, fault);
    if (rc == 0) {
        moon_hook_commit(c);
    }
    moon_hook_end(c);
    moon_hook_count(c, 1, 0);
    return rc;
}

bool moon_chain_creates(const struct moon_chain *chain)
{
    const struct moon_chain_link *link = moon_chain_user(chain, MOON_HOOK_UPDATE);

    return link != NULL && link->version->creates;
}

void moon_hook_update(struct moon_chain *chain, const struct moon_set_view *set,
                      const struct moon_roll *roll, struct moon_roll_answer *ret)
{
    struct moon_hook_call call = {.chain = chain,
                                  .link = moon_chain_user(chain, MOON_HOOK_UPDATE),
                                  .hook = MOON_HOOK_UPDATE,
                                  .set = set};
    struct moon_roll_run run;
    struct moon_fault fault;

    *ret = (struct moon_roll_answer){0};
    if (call.link == NULL) {
        return;
    }
    ret->policy = moon_intern_cstr(call.link->version->name);
    moon_roll_run_init(&run, set, roll, ret);
    run.creates = call.link->version->creates;
    if (ask(&call, &run, &fault) != 0) {
        clear_actions(ret);
        moon_free(moon_steal(&ret->pause));
        moon_free(moon_steal(&ret->rollback));
        moon_free(moon_steal(&ret->again_reason));
        ret->again_s = 0;
        ret->clipped = 0;
        ret->failed = true;
        moon_hook_report(&call, &fault, "");
    }
    if (ret->pause != NULL || ret->rollback != NULL) {
        clear_actions(ret);
    }
    moon_roll_run_fini(&run);
}
