/* SPDX-License-Identifier: Apache-2.0
 *
 * hook_health.c - is a pod that says it is ready really of use?
 */
#include <lauxlib.h>

#include "policy/hook_each.h"

enum {
    RESULTS = 2,
};

static const char *const health_names[] = {
    [MOON_HEALTH_READY] = "ready",
    [MOON_HEALTH_PROGRESSING] = "progressing",
    [MOON_HEALTH_FAILED] = "failed",
};

const char *moon_health_name(enum moon_health h)
{
    return health_names[h];
}

struct asking {
    const struct moon_health_question *questions;
    struct moon_health_answer *answers;
};

static struct moon_subject subject(const struct moon_hook_each *h, size_t i)
{
    const struct asking *a = h->ctx;
    const struct moon_health_question *q = &a->questions[i];

    return (struct moon_subject){.node = q->slot->node,
                                 .pod = q->pod,
                                 .slot = q->slot,
                                 .set = h->call.set,
                                 .updated = q->updated};
}

static const char must[] = "\"ready\", \"progressing\" or \"failed\", then a reason";

static bool read_health(const char *text, enum moon_health *ret)
{
    for (size_t i = 0; i < MOON_ARRAY_SIZE(health_names); i++) {
        if (moon_streq(health_names[i], text)) {
            *ret = (enum moon_health)i;
            return true;
        }
    }
    return false;
}

static int read_answer(const struct moon_hook_each *h, struct moon_hook_answer *ret_answer,
                       struct moon_fault *ret)
{
    lua_State *L = h->call.engine->L;
    const char *text = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
    enum moon_health health;
    struct moon_str reason;

    if (!moon_hook_read_reason(L, -1, &reason)) {
        return moon_hook_wrong_answer(&h->call, ret, must, "a %s as reason", luaL_typename(L, -1));
    }
    if (text == NULL) {
        return moon_hook_wrong_answer(&h->call, ret, must, "a %s", luaL_typename(L, -2));
    }
    if (!read_health(text, &health)) {
        return moon_hook_wrong_answer(&h->call, ret, must, "\"%.40s\"", text);
    }
    ret_answer->code = (int)health;
    ret_answer->reason = reason.ptr != NULL ? moon_intern(reason) : NULL;
    return 0;
}

static int give(const struct moon_hook_each *h, size_t i, const struct moon_hook_answer *answer,
                struct moon_fault *ret MOON_UNUSED)
{
    const struct asking *a = h->ctx;

    a->answers[i] = (struct moon_health_answer){.health = (enum moon_health)answer->code,
                                                .reason = moon_sym_ref(answer->reason)};
    return 0;
}

/* Plain readiness decides. */
static void miss(const struct moon_hook_each *h, size_t i)
{
    const struct asking *a = h->ctx;

    a->answers[i] = (struct moon_health_answer){.health = MOON_HEALTH_READY};
}

bool moon_chain_judges_health(const struct moon_chain *chain)
{
    return moon_chain_user(chain, MOON_HOOK_HEALTH) != NULL;
}

void moon_hook_health(struct moon_chain *chain, const struct moon_set_view *set,
                      const struct moon_health_question *questions, size_t count,
                      struct moon_health_answer *ret_answers)
{
    struct asking asking = {questions, ret_answers};

    for (size_t i = 0; i < count; i++) {
        ret_answers[i] = (struct moon_health_answer){.health = MOON_HEALTH_READY};
    }
    if (!moon_chain_judges_health(chain)) {
        return;
    }
    moon_hook_each_ask(&(struct moon_hook_each){
        .call = {.chain = chain,
                 .link = moon_chain_user(chain, MOON_HOOK_HEALTH),
                 .hook = MOON_HOOK_HEALTH,
                 .set = set},
        .count = count,
        .results = RESULTS,
        .subject = subject,
        .read = read_answer,
        .give = give,
        .miss = miss,
        .ctx = &asking,
    });
}
