/* SPDX-License-Identifier: Apache-2.0
 *
 * hook_analyze.c - how does the update do, by what was measured? One policy of a chain says.
 */
#include "policy/analyze.h"

#include <math.h>

#include <lauxlib.h>

#include "policy/policies_priv.h"
#include "policy/roll_priv.h"

enum {
    CALL_US = 20 * 1000,
    RESULTS = 2,
    MAX_FILLED_BYTES = 16 * 1024,
};

static const char *const verdict_names[] = {
    [MOON_VERDICT_WAIT] = "wait", [MOON_VERDICT_PASS] = "pass", [MOON_VERDICT_FAIL] = "fail"};

const char *moon_verdict_name(enum moon_verdict v)
{
    return verdict_names[v];
}

bool moon_chain_analyzes(const struct moon_chain *chain)
{
    return moon_chain_user(chain, MOON_HOOK_ANALYZE) != NULL;
}

/* ---- what to ask ---- */

static void fill(struct moon_analysis_query *out, const struct moon_query *q,
                 const struct moon_query_facts *facts)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(MAX_FILLED_BYTES);
    struct moon_err err;

    *out = (struct moon_analysis_query){.name = q->name,
                                        .provider = q->provider,
                                        .every_ms = q->every_ms,
                                        .timeout_ms = q->timeout_ms};
    if (moon_query_fill(q->text, facts->params, facts, &text, &err) != 0) {
        out->problem = moon_strdup(err.text);
    } else {
        out->text = moon_strdup(moon_buf_cstr(&text));
    }
}

void moon_analysis_init(struct moon_analysis *a, const struct moon_chain *chain,
                        const struct moon_set_view *set, const struct moon_roll *roll)
{
    const struct moon_chain_link *link = moon_chain_user(chain, MOON_HOOK_ANALYZE);
    struct moon_version *v = link->version;
    const struct moon_query_facts facts = {.namespace = set->set->meta.namespace,
                                           .name = set->set->meta.name,
                                           .revision = roll->revision,
                                           .previous_revision = roll->previous_revision,
                                           .params = &v->params,
                                           .values = link->params};
    struct moon_queries keys;
    struct moon_err err;

    /* The chain would not be there, were they wrong. */
    moon_assert(moon_queries_resolve(&v->queries, &v->params, link->params, &keys, &err) == 0);
    *a = (struct moon_analysis){.version = moon_version_ref(v),
                                .policy = v->name,
                                .queries =
                                    moon_new_array(struct moon_analysis_query, v->queries.count),
                                .count = v->queries.count,
                                .max_failures = keys.max_failures,
                                .rolls_back = keys.rolls_back,
                                .soak_ms = keys.soak_ms};
    for (size_t i = 0; i < a->count; i++) {
        fill(&a->queries[i], &v->queries.items[i], &facts);
    }
}

void moon_analysis_fini(struct moon_analysis *a)
{
    for (size_t i = 0; i < a->count; i++) {
        moon_free(a->queries[i].text);
        moon_free(a->queries[i].problem);
    }
    moon_free(a->queries);
    moon_version_unref(a->version);
    *a = (struct moon_analysis){0};
}

/* ---- samples ---- */

/* A figure that is none would pass every comparison that asks whether it is too large: it is left
 * out, so that comparing it is an error. */
static void push_value(lua_State *L, double value)
{
    if (isnan(value)) {
        lua_pushliteral(L, "the value is not a number (NaN)");
        lua_setfield(L, -2, "error");
    } else {
        lua_pushnumber(L, value);
        lua_setfield(L, -2, "value");
    }
}

static void push_series(lua_State *L, const struct moon_series *s)
{
    lua_createtable(L, 0, 2);
    lua_createtable(L, 0, (int)s->label_count);
    for (size_t i = 0; i < s->label_count; i++) {
        lua_pushstring(L, s->labels[i].value);
        lua_setfield(L, -2, s->labels[i].name);
    }
    lua_setfield(L, -2, "labels");
    push_value(L, s->value);
}

static void push_found(lua_State *L, const struct moon_samples *found)
{
    size_t count = found != NULL ? moon_samples_count(found) : 0;

    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        moon_engine_poll(L);
        push_series(L, moon_samples_get(found, i));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "series");
    if (count == 1) {
        push_value(L, moon_samples_get(found, 0)->value);
    }
}

static void push_sample(lua_State *L, const struct moon_sample *s)
{
    const char *error = s->error;

    if (error == NULL && moon_samples_count(s->found) == 0) {
        error = "the query has no result";
    }
    lua_createtable(L, 0, 4);
    lua_pushinteger(L, s->at_s);
    lua_setfield(L, -2, "at");
    push_found(L, s->error == NULL ? s->found : NULL);
    if (error != NULL) {
        lua_pushstring(L, error);
        lua_setfield(L, -2, "error");
    }
}

/* ---- the call ---- */

struct asking {
    const struct moon_sample *samples;
    size_t count;
    struct moon_roll_run *run;
    const struct moon_set_view *set;
};

/* Index 1: the hook; 2: the asking. */
static int call_hook(lua_State *L)
{
    const struct asking *a = lua_touserdata(L, 2);
    struct moon_engine *e = moon_engine_of(L);

    lua_pushvalue(L, 1);
    lua_createtable(L, 0, (int)a->count);
    for (size_t i = 0; i < a->count; i++) {
        push_sample(L, &a->samples[i]);
        lua_setfield(L, -2, a->samples[i].query);
    }
    e->roll = a->run;
    moon_view_push(L, MOON_VIEW_ROLL, a->run);
    moon_view_push(L, MOON_VIEW_SET, a->set);
    lua_call(L, 3, RESULTS);
    return RESULTS;
}

static const char must[] = "\"pass\", or \"wait\" or \"fail\" and a reason";

/* The two results on the top. */
static int take_answer(const struct moon_hook_call *c, struct moon_analysis_answer *ret,
                       struct moon_fault *fault)
{
    lua_State *L = c->engine->L;
    const char *word = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
    struct moon_str reason;
    size_t i = 0;

    if (word == NULL) {
        return moon_hook_wrong_answer(c, fault, must, "a %s", luaL_typename(L, -2));
    }
    while (i < MOON_ARRAY_SIZE(verdict_names) && !moon_streq(verdict_names[i], word)) {
        i++;
    }
    if (i == MOON_ARRAY_SIZE(verdict_names)) {
        return moon_hook_wrong_answer(c, fault, must, "\"%.64s\"", word);
    }
    if (!moon_hook_read_reason(L, -1, &reason) || (i != MOON_VERDICT_PASS && reason.ptr == NULL)) {
        return moon_hook_wrong_answer(c, fault, must, "no reason");
    }
    ret->verdict = (enum moon_verdict)i;
    ret->reason = reason.ptr != NULL ? moon_str_dup(reason) : NULL;
    return 0;
}

static int ask(struct moon_hook_call *c, struct asking *a, struct moon_analysis_answer *ret,
               struct moon_fault *fault)
{
    if (moon_hook_begin(c, (struct moon_budget){CALL_US, CALL_US}, fault) != 0) {
        return -1;
    }
    lua_State *L = c->engine->L;
    lua_pushcfunction(L, call_hook);
    lua_pushvalue(L, 2);
    lua_pushlightuserdata(L, a);
    int rc = moon_engine_call(c->engine, 2, RESULTS, fault);
    if (rc == 0) {
        rc = take_answer(c, ret, fault);
    }
    if (rc == 0) {
        moon_hook_commit(c);
    }
    moon_hook_end(c);
    moon_hook_count(c, 1, 0);
    return rc;
}

void moon_analysis_answer_fini(struct moon_analysis_answer *a)
{
    moon_free(a->reason);
    moon_sym_unref(a->policy);
    *a = (struct moon_analysis_answer){0};
}

void moon_hook_analyze(struct moon_chain *chain, const struct moon_set_view *set,
                       const struct moon_roll *roll, const struct moon_sample *samples,
                       size_t count, struct moon_analysis_answer *ret)
{
    struct moon_hook_call call = {.chain = chain,
                                  .link = moon_chain_user(chain, MOON_HOOK_ANALYZE),
                                  .hook = MOON_HOOK_ANALYZE,
                                  .set = set};
    struct moon_roll_run run;
    struct asking asking = {.samples = samples, .count = count, .run = &run, .set = set};
    struct moon_fault fault;

    moon_assert(call.link != NULL);
    *ret = (struct moon_analysis_answer){.policy = moon_intern_cstr(call.link->version->name)};
    moon_roll_run_init(&run, set, roll, NULL);
    run.asked = "analyze";
    if (ask(&call, &asking, ret, &fault) != 0) {
        ret->verdict = MOON_VERDICT_WAIT;
        ret->failed = true;
        ret->reason = moon_asprintf("it failed: %s", fault.text);
        moon_hook_report(&call, &fault, "");
    }
    moon_roll_run_fini(&run);
}
