/* SPDX-License-Identifier: Apache-2.0
 *
 * hook_rank.c - in which order nodes are served.
 */
#include <math.h>

#include <lauxlib.h>

#include "policy/hook_each.h"

enum {
    MAX_TEXT = 256,
};

/* ---- ranks ---- */

void moon_rank_fini(struct moon_rank *r)
{
    for (size_t i = 0; i < r->count; i++) {
        moon_sym_unref(r->keys[i].text);
    }
    *r = (struct moon_rank){0};
}

static int compare_keys(const struct moon_rank_key *a, const struct moon_rank_key *b)
{
    if ((a->text == NULL) != (b->text == NULL)) {
        return a->text == NULL ? -1 : 1;
    }
    if (a->text != NULL) {
        return strcmp(a->text, b->text);
    }
    return (a->number > b->number) - (a->number < b->number);
}

int moon_rank_compare(const struct moon_rank *a, const struct moon_rank *b)
{
    static const struct moon_rank_key neutral;
    size_t count = a->count > b->count ? a->count : b->count;

    for (size_t i = 0; i < count; i++) {
        int order = compare_keys(i < a->count ? &a->keys[i] : &neutral,
                                 i < b->count ? &b->keys[i] : &neutral);
        if (order != 0) {
            return order;
        }
    }
    return 0;
}

/* ---- answers ---- */

static const char must[] = "a number, a text or a short list of them";

static int too_many(const struct moon_hook_each *h, struct moon_fault *ret)
{
    return moon_hook_wrong_answer(&h->call, ret, must, "more than %d, all policies together",
                                  MOON_RANK_KEYS);
}

/* The key at the top of the stack. A NaN compares with nothing. */
static int read_key(const struct moon_hook_each *h, struct moon_hook_answer *r,
                    struct moon_fault *ret)
{
    lua_State *L = h->call.engine->L;

    if (r->key_count == MOON_RANK_KEYS) {
        return too_many(h, ret);
    }
    if (lua_type(L, -1) == LUA_TNUMBER) {
        double number = lua_tonumber(L, -1);
        if (isnan(number)) {
            return moon_hook_wrong_answer(&h->call, ret, must, "what is no number (nan)");
        }
        r->keys[r->key_count++] = (struct moon_rank_key){.number = number};
        return 0;
    }
    if (lua_type(L, -1) == LUA_TSTRING) {
        struct moon_str text;
        text.ptr = lua_tolstring(L, -1, &text.len);
        r->keys[r->key_count++] =
            (struct moon_rank_key){.text = moon_intern(moon_str_cut(text, MAX_TEXT))};
        return 0;
    }
    return moon_hook_wrong_answer(&h->call, ret, must, "a %s", luaL_typename(L, -1));
}

static int read_list(const struct moon_hook_each *h, struct moon_hook_answer *r,
                     struct moon_fault *ret)
{
    lua_State *L = h->call.engine->L;
    lua_Unsigned n = lua_rawlen(L, -1);
    int rc = n <= MOON_RANK_KEYS ? 0 : moon_hook_wrong_answer(&h->call, ret, must, "a longer list");

    for (lua_Unsigned i = 1; rc == 0 && i <= n; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i);
        rc = read_key(h, r, ret);
        lua_pop(L, 1);
    }
    return rc;
}

static int read_answer(const struct moon_hook_each *h, struct moon_hook_answer *ret_answer,
                       struct moon_fault *ret)
{
    int rc = lua_istable(h->call.engine->L, -1) ? read_list(h, ret_answer, ret)
                                                : read_key(h, ret_answer, ret);

    if (rc != 0) {
        moon_hook_answer_fini(ret_answer);
    }
    return rc;
}

struct ranking {
    const struct moon_node *const *nodes;
    struct moon_rank *ranks;
};

static struct moon_subject subject(const struct moon_hook_each *h, size_t i)
{
    const struct ranking *r = h->ctx;

    return (struct moon_subject){.node = r->nodes[i], .set = h->call.set};
}

/* The keys come behind those of the policies before. */
static int give(const struct moon_hook_each *h, size_t i, const struct moon_hook_answer *answer,
                struct moon_fault *ret)
{
    const struct ranking *r = h->ctx;
    struct moon_rank *rank = &r->ranks[i];

    if (rank->count + answer->key_count > MOON_RANK_KEYS) {
        return too_many(h, ret);
    }
    for (size_t k = 0; k < answer->key_count; k++) {
        rank->keys[rank->count] = answer->keys[k];
        (void)moon_sym_ref(rank->keys[rank->count++].text);
    }
    return 0;
}

/* The place of a policy's keys is kept, so that those of the next one meet their like. */
static void miss(const struct moon_hook_each *h, size_t i)
{
    const struct ranking *r = h->ctx;
    struct moon_rank *rank = &r->ranks[i];

    if (rank->count < MOON_RANK_KEYS) {
        rank->keys[rank->count++] = (struct moon_rank_key){0};
    }
}

bool moon_chain_ranks(const struct moon_chain *chain)
{
    return moon_chain_user(chain, MOON_HOOK_RANK) != NULL;
}

void moon_hook_rank(struct moon_chain *chain, const struct moon_set_view *set,
                    const struct moon_node *const *nodes, size_t count, struct moon_rank *ret_ranks)
{
    struct ranking ranking = {nodes, ret_ranks};

    for (size_t i = 0; i < chain->count; i++) {
        if (!chain->uses[MOON_HOOK_RANK][i]) {
            continue;
        }
        moon_hook_each_ask(&(struct moon_hook_each){
            .call = {.chain = chain, .link = &chain->links[i], .hook = MOON_HOOK_RANK, .set = set},
            .count = count,
            .results = 1,
            .subject = subject,
            .read = read_answer,
            .give = give,
            .miss = miss,
            .ctx = &ranking,
        });
    }
}
