/* SPDX-License-Identifier: Apache-2.0
 *
 * hooks.c - what every hook has in common: a state, set.params, the clock, and telling failures.
 */
#include "policy/hooks.h"

#include <stdio.h>

#include <lauxlib.h>

#include "policy/policies_priv.h"

enum {
    MAX_REASON = 256,
    QUARANTINE_MS = 10 * 60 * 1000,
};

static int push_params(lua_State *L)
{
    const struct moon_chain_link *link = lua_touserdata(L, 1);

    moon_params_push(L, &link->version->params, link->params);
    moon_engine_of(L)->params_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

/* set.params is made once per state and chain. */
static int ready_params(struct moon_chain_link *link, struct moon_engine *e, struct moon_fault *ret)
{
    if (link->params_serial != link->version->engine_serial) {
        if (moon_engine_protect(e, push_params, link, ret) != 0) {
            return -1;
        }
        link->params_ref = e->params_ref;
        link->params_serial = link->version->engine_serial;
    }
    e->params_ref = link->params_ref;
    return 0;
}

/* ---- stopped too often ---- */

static int refuse_quarantined(const struct moon_version *v, struct moon_fault *ret)
{
    *ret = (struct moon_fault){.kind = MOON_FAULT_BUDGET};
    (void)snprintf(ret->text, sizeof(ret->text),
                   "%s.lua: quarantined: stopped %d times in %d min; not asked until there is "
                   "another version, or SIGHUP",
                   v->name, MOON_VERSION_STOPS, QUARANTINE_MS / 60000);
    return -1;
}

/* Loop time stands still during a turn, so that a batch of nodes counts once. */
static void note_stop(const struct moon_policies *p, struct moon_version *v)
{
    uint64_t now = p->loop != NULL ? moon_loop_now(p->loop) : 0;

    if (p->loop == NULL || v->is_quarantined ||
        (v->stop_count > 0 && v->stops[v->stop_count - 1] == now)) {
        return;
    }
    if (v->stop_count == MOON_VERSION_STOPS) {
        memmove(&v->stops[0], &v->stops[1], (MOON_VERSION_STOPS - 1) * sizeof(v->stops[0]));
        v->stop_count--;
    }
    v->stops[v->stop_count++] = now;
    if (v->stop_count == MOON_VERSION_STOPS && now - v->stops[0] <= QUARANTINE_MS) {
        struct moon_policy *one = moon_policies_find(p, moon_str(v->name));
        v->is_quarantined = true;
        if (one != NULL) {
            moon_policy_show(p, one, false);
        }
    }
}

int moon_hook_begin(struct moon_hook_call *c, struct moon_budget budget, struct moon_fault *ret)
{
    struct moon_version *v = c->link->version;
    uint64_t serial = v->engine_serial;

    if (v->is_quarantined) {
        return refuse_quarantined(v, ret);
    }
    struct moon_engine *e = moon_version_engine(v, ret);
    if (e == NULL || ready_params(c->link, e, ret) != 0) {
        return -1;
    }
    if (v->engine_serial != serial) { /* made anew: that is part of what the call takes */
        c->cpu_us += v->load_cpu_us;
    }
    c->engine = e;
    e->set = c->set;
    moon_effects_begin(&e->effects, moon_hook_is_pure(c->hook) ? moon_hook_name(c->hook) : NULL);
    moon_watchdog_note(v->name, v->digest, moon_hook_name(c->hook));
    lua_settop(e->L, 1);
    lua_rawgeti(e->L, LUA_REGISTRYINDEX, v->hook_refs[c->hook]);
    if (e->probe != NULL) {
        e->probe->hook = (int)c->hook;
    }
    moon_engine_enter(e, budget);
    return 0;
}

void moon_hook_commit(struct moon_hook_call *c)
{
    moon_effects_commit(&c->engine->effects, c->set, c->link->version->name);
}

void moon_hook_end(struct moon_hook_call *c)
{
    struct moon_engine *e = c->engine;

    c->cpu_us += moon_engine_leave(e);
    if (e->probe != NULL) {
        e->probe->hook = -1;
    }
    moon_views_forget(&e->views);
    moon_map_clear(e->draws);
    moon_effects_end(&e->effects);
    e->set = NULL;
    e->roll = NULL;
    e->mutate = NULL;
    c->engine = NULL;
    if (!moon_engine_is_spent(e)) {
        lua_settop(e->L, 1);
        moon_engine_rest(e);
    }
}

int moon_hook_wrong_answer(const struct moon_hook_call *c, struct moon_fault *ret, const char *must,
                           const char *fmt, ...)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf what = MOON_BUF_INIT(MOON_ERR_TEXT_MAX);
    va_list args;

    va_start(args, fmt);
    moon_buf_vprintf(&what, fmt, args);
    va_end(args);
    *ret = (struct moon_fault){.kind = MOON_FAULT_SHAPE,
                               .peak_bytes = c->engine != NULL ? c->engine->peak : 0};
    (void)snprintf(ret->text, sizeof(ret->text), "%s.lua: %s must return %s; it returned %s",
                   c->link->version->name, moon_hook_name(c->hook), must, moon_buf_cstr(&what));
    return -1;
}

bool moon_hook_read_reason(lua_State *L, int index, struct moon_str *ret)
{
    *ret = (struct moon_str){NULL, 0};
    if (lua_type(L, index) == LUA_TSTRING) {
        ret->ptr = lua_tolstring(L, index, &ret->len);
        *ret = moon_str_cut(*ret, MAX_REASON);
        return true;
    }
    return lua_isnil(L, index);
}

struct moon_chain_link *moon_chain_user(const struct moon_chain *chain, enum moon_hook hook)
{
    for (size_t i = 0; i < chain->count; i++) {
        if (chain->uses[hook][i]) {
            return &chain->links[i];
        }
    }
    return NULL;
}

void moon_hook_count(const struct moon_hook_call *c, size_t calls, size_t hits)
{
    const struct moon_policies *p = c->chain->policies;
    const char *const labels[] = {c->link->version->name, moon_hook_name(c->hook), NULL};

    if (p->hits != NULL && hits > 0) {
        moon_metric_add(p->hits, labels, (double)hits);
    }
    if (p->calls != NULL && (calls > 0 || hits == 0)) {
        moon_metric_add(p->calls, labels, (double)calls);
        moon_metric_add(p->cpu, labels, (double)c->cpu_us / 1e6);
    }
}

void moon_hook_report(const struct moon_hook_call *c, const struct moon_fault *fault,
                      const char *object)
{
    const struct moon_object *set = &c->set->set->meta;
    struct moon_version *v = c->link->version;
    char version[MOON_DIGEST_SHORT + 1];
    char key[512];

    (void)snprintf(version, sizeof(version), "%.*s", MOON_DIGEST_SHORT, v->digest);
    if (fault->kind == MOON_FAULT_BUDGET || fault->kind == MOON_FAULT_MEMORY) {
        note_stop(c->chain->policies, v);
    }
    (void)snprintf(key, sizeof(key), "%s/%s", set->namespace != NULL ? set->namespace : "",
                   set->name);
    moon_policies_report(c->chain->policies, &(struct moon_policy_report){
                                                 .fault = fault->kind,
                                                 .policy = v->name,
                                                 .version = version,
                                                 .hook = moon_hook_name(c->hook),
                                                 .object = object,
                                                 .set = key,
                                                 .text = fault->text,
                                                 .traceback = fault->traceback,
                                                 .cpu_us = fault->cpu_us,
                                                 .peak_bytes = fault->peak_bytes,
                                             });
}
