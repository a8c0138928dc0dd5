/* SPDX-License-Identifier: Apache-2.0
 *
 * hook_health.c - is a pod that says it is ready really of use?
 */
#include <stdio.h>

#include "policy/hook_each.h"

enum {
    RESULTS = 2,
    MAX_REASON = 256,
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

static const struct moon_object *object(const struct moon_hook_each *h, size_t i)
{
    const struct asking *a = h->ctx;

    return &a->questions[i].pod->meta;
}

static void *view(struct moon_hook_each *h, size_t i)
{
    const struct asking *a = h->ctx;
    const struct moon_health_question *q = &a->questions[i];

    return moon_views_handle(&h->call.engine->views,
                             q->updated ? MOON_VIEW_NEW_POD : MOON_VIEW_OLD_POD, q->pod, 0,
                             q->slot);
}

static int wrong_answer(const struct moon_hook_each *h, const char *what, struct moon_fault *ret)
{
    *ret = (struct moon_fault){.kind = MOON_FAULT_SHAPE, .peak_bytes = h->call.engine->peak};
    (void)snprintf(ret->text, sizeof(ret->text),
                   "%s.lua: health must return \"ready\", \"progressing\" or \"failed\", then a "
                   "reason; it returned %s",
                   h->call.link->version->name, what);
    return -1;
}

static int read_health(const struct moon_hook_each *h, enum moon_health *ret_health,
                       struct moon_fault *ret)
{
    lua_State *L = h->call.engine->L;
    const char *text = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
    char what[96];

    for (size_t i = 0; i < MOON_ARRAY_SIZE(health_names); i++) {
        if (moon_streq(health_names[i], text)) {
            *ret_health = (enum moon_health)i;
            return 0;
        }
    }
    if (text != NULL) {
        (void)snprintf(what, sizeof(what), "\"%.40s\"", text);
    } else {
        (void)snprintf(what, sizeof(what), "a %s", lua_typename(L, lua_type(L, -2)));
    }
    return wrong_answer(h, what, ret);
}

static int take(struct moon_hook_each *h, size_t i, struct moon_fault *ret)
{
    const struct asking *a = h->ctx;
    struct moon_health_answer *answer = &a->answers[i];
    lua_State *L = h->call.engine->L;
    struct moon_str reason = {0};

    if (read_health(h, &answer->health, ret) != 0) {
        return -1;
    }
    if (lua_type(L, -1) == LUA_TSTRING) {
        reason.ptr = lua_tolstring(L, -1, &reason.len);
        answer->reason = moon_intern(moon_str_cut(reason, MAX_REASON));
    } else if (!lua_isnil(L, -1)) {
        answer->health = MOON_HEALTH_READY;
        return wrong_answer(h, "a reason that is no text", ret);
    }
    return 0;
}

/* Plain readiness decides. */
static void miss(struct moon_hook_each *h, size_t i)
{
    const struct asking *a = h->ctx;

    a->answers[i] = (struct moon_health_answer){.health = MOON_HEALTH_READY};
}

static struct moon_chain_link *find_link(const struct moon_chain *chain)
{
    for (size_t i = 0; i < chain->count; i++) {
        if (chain->uses[MOON_HOOK_HEALTH][i]) {
            return &chain->links[i];
        }
    }
    return NULL;
}

bool moon_chain_judges_health(const struct moon_chain *chain)
{
    return find_link(chain) != NULL;
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
        .call = {.chain = chain, .link = find_link(chain), .hook = MOON_HOOK_HEALTH, .set = set},
        .count = count,
        .results = RESULTS,
        .object = object,
        .view = view,
        .take = take,
        .miss = miss,
        .ctx = &asking,
    });
}
