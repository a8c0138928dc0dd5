/* SPDX-License-Identifier: Apache-2.0
 *
 * engine.c - the state, its allocator, and the trampoline.
 */
#include "policy/engine.h"

#include <stdarg.h>
#include <stdio.h>

#include <lauxlib.h>

#include "base/map.h"
#include "kube/selector.h"

#define ENGINE_MAGIC 0x4c554135u

enum {
    RESERVE_BYTES = 256 * 1024, /* for the error and its traceback */
    STRING_HEADER = 64,         /* more than what Lua puts in front of a string's bytes */
    REST_BYTES = 512 * 1024,    /* more than this between calls: collect */
    CEILING_US = 250 * 1000,    /* no budget is larger */
    READ_PIECE = 512,           /* bytes the compiler gets between two looks at the stop flag */
    NODE_BYTES = 24,            /* of an entry of a table's hash part */
    MAX_NODES = 1 << 14,        /* of one table; see is_too_wide */
};

/* ---- memory ---- */

static void on_hook(lua_State *L, lua_Debug *ar);

static void stop(struct moon_engine *e, enum moon_stop why)
{
    if (e->stop == MOON_STOP_NONE) {
        e->stop = why;
    }
    lua_sethook(e->L, on_hook, LUA_MASKCOUNT, 1);
}

/* Over the limit. The first refusal makes Lua collect all garbage and ask again; if that did not
 * help, a piece of the reserve is given so that the script is stopped at its next instruction by an
 * ordinary error, which knows its line. When that is used up, too, Lua raises its own. */
static bool may_grow(struct moon_engine *e, const void *ptr, size_t more, size_t nsize)
{
    if (e->used + more <= MOON_ENGINE_MAX_BYTES) {
        return true;
    }
    bool fits_reserve = e->used + more <= MOON_ENGINE_MAX_BYTES + RESERVE_BYTES;
    if (fits_reserve && (e->reserve_open || e->stop == MOON_STOP_MEMORY)) {
        return true;
    }
    if (e->refused != ptr || e->refused_size != nsize) {
        e->refused = ptr;
        e->refused_size = nsize;
        return false;
    }
    stop(e, MOON_STOP_MEMORY);
    return fits_reserve;
}

/* The hash part of a table has a power of two of nodes. When it grows, Lua moves all entries in one
 * go, and with keys chosen to collide that takes the square of their number: for 65,536 of them
 * seconds in which no hook is seen. A new block says nothing of what it is for but its size, so a
 * text or userdata of just that size would be refused as well: none is that large and round. */
static bool is_too_wide(const void *ptr, size_t osize, size_t nsize)
{
    size_t nodes = nsize / NODE_BYTES;

    return ptr == NULL && osize == 0 && nsize % NODE_BYTES == 0 && nodes > MAX_NODES &&
           (nodes & (nodes - 1)) == 0;
}

/* Of tests: which allocations are refused, counted over all states. */
static struct {
    uint64_t seen;
    uint64_t first; /* 0: none */
    uint64_t last;
    uint64_t refused;
} refusing;

void moon_engine_refuse(uint64_t first, uint64_t count)
{
    memset(&refusing, 0, sizeof(refusing));
    refusing.first = first;
    refusing.last = first + count - 1;
}

uint64_t moon_engine_refused(void)
{
    return refusing.refused;
}

static bool is_refused_by_test(const struct moon_engine *e)
{
    if (!e->is_open) {
        return false;
    }
    refusing.seen++;
    bool refused = refusing.seen >= refusing.first && refusing.seen <= refusing.last;
    refusing.refused += refused;
    return refused;
}

static void *allocate(void *ctx, void *ptr, size_t osize, size_t nsize)
{
    struct moon_engine *e = ctx;
    size_t old = ptr != NULL ? osize : 0;

    if (nsize == 0) {
        e->used -= old;
        moon_free(ptr);
        return NULL;
    }
    /* Lua says what a new object is in osize. */
    if (ptr == NULL && osize == LUA_TSTRING && nsize > MOON_ENGINE_MAX_STRING + STRING_HEADER) {
        e->refused_string = true;
        return NULL;
    }
    if (is_too_wide(ptr, osize, nsize)) {
        e->refused_table = true;
        return NULL;
    }
    if (nsize > old && refusing.first != 0 && is_refused_by_test(e)) {
        return NULL;
    }
    if (nsize > old && !may_grow(e, ptr, nsize - old, nsize)) {
        return NULL;
    }
    e->allocations += ptr == NULL;
    e->used = e->used - old + nsize;
    if (e->used > e->peak) {
        e->peak = e->used;
    }
    return moon_realloc_array(ptr, nsize, 1);
}

/* ---- stops ---- */

/* From the signal handler: only what is safe there. */
static void on_exceeded(void *ctx)
{
    stop(ctx, MOON_STOP_CPU);
}

void moon_engine_push_place(lua_State *L)
{
    lua_Debug ar;

    for (int level = 0; lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "Sl", &ar);
        if (ar.currentline > 0) {
            lua_pushfstring(L, "%s:%d: ", ar.short_src, ar.currentline);
            return;
        }
    }
    lua_pushliteral(L, "");
}

static int raise_stop(lua_State *L)
{
    struct moon_engine *e = moon_engine_of(L);

    e->reserve_open = true;
    moon_engine_push_place(L);
    if (e->stop == MOON_STOP_CPU) {
        uint64_t ms = (moon_budget_now_ns() - e->run.start_ns) / 1000000;
        lua_pushfstring(L, "stopped after %d ms of CPU", (int)ms);
    } else {
        lua_pushfstring(L, "stopped: more than %d MB of memory", MOON_ENGINE_MAX_BYTES >> 20);
    }
    lua_concat(L, 2);
    return lua_error(L);
}

static void note_event(struct moon_probe *probe, lua_State *L, lua_Debug *ar)
{
    if (ar->event == LUA_HOOKLINE) {
        moon_coverage_line(probe->coverage, L, ar);
    } else {
        probe->instructions++;
    }
}

static void on_hook(lua_State *L, lua_Debug *ar)
{
    struct moon_engine *e = moon_engine_of(L);

    if (e->stop != MOON_STOP_NONE) {
        raise_stop(L);
    }
    if (e->probe != NULL) {
        note_event(e->probe, L, ar);
    }
}

void moon_engine_poll(lua_State *L)
{
    if (moon_engine_of(L)->stop != MOON_STOP_NONE) {
        raise_stop(L);
    }
}

int moon_engine_shape_error(lua_State *L, const char *fmt, ...)
{
    char text[MOON_ERR_TEXT_MAX];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    moon_engine_push_place(L);
    lua_pushstring(L, text);
    lua_concat(L, 2);
    moon_engine_of(L)->shape = true;
    return lua_error(L);
}

/* ---- calls ---- */

static void copy_text(char *out, size_t size, const char *text)
{
    struct moon_str s = moon_str_cut(moon_str(text), size - 1);

    memcpy(out, s.ptr, s.len);
    out[s.len] = '\0';
}

static int on_error(lua_State *L)
{
    struct moon_engine *e = moon_engine_of(L);

    e->reserve_open = true;
    luaL_traceback(L, L, NULL, 1);
    copy_text(e->traceback, sizeof(e->traceback), lua_tostring(L, -1));
    lua_settop(L, 1);
    return 1;
}

static void describe(struct moon_engine *e, int status, struct moon_fault *ret)
{
    lua_State *L = e->L;
    int type = lua_type(L, -1);

    bool memory = status == LUA_ERRMEM && e->stop == MOON_STOP_MEMORY;

    if (memory && e->refused_table) {
        (void)snprintf(ret->text, sizeof(ret->text),
                       "%s: stopped: a table with more than %d keys that are no list", e->name,
                       MAX_NODES);
    } else if (memory && e->refused_string) {
        (void)snprintf(ret->text, sizeof(ret->text), "%s: stopped: a string of more than %d KB",
                       e->name, MOON_ENGINE_MAX_STRING >> 10);
    } else if (memory) {
        (void)snprintf(ret->text, sizeof(ret->text), "%s: stopped: more than %d MB of memory",
                       e->name, MOON_ENGINE_MAX_BYTES >> 20);
    } else if (status == LUA_OK || status == LUA_ERRMEM) {
        (void)snprintf(ret->text, sizeof(ret->text), "%s: stopped: too much %s", e->name,
                       e->stop == MOON_STOP_CPU ? "CPU" : "memory");
    } else if (type == LUA_TSTRING) {
        copy_text(ret->text, sizeof(ret->text), lua_tostring(L, -1));
    } else if (type == LUA_TNUMBER) {
        (void)snprintf(ret->text, sizeof(ret->text), "%.14g", (double)lua_tonumber(L, -1));
    } else {
        (void)snprintf(ret->text, sizeof(ret->text), "%s: the error raised is a %s, not a text",
                       e->name, lua_typename(L, type));
    }
}

static enum moon_policy_fault fault_kind(const struct moon_engine *e)
{
    if (e->stop == MOON_STOP_CPU) {
        return MOON_FAULT_BUDGET;
    }
    if (e->stop == MOON_STOP_MEMORY) {
        return MOON_FAULT_MEMORY;
    }
    return e->shape ? MOON_FAULT_SHAPE : MOON_FAULT_RUNTIME;
}

/* The buffers of Lua's own library ask for memory themselves, and raise a text when there is none.
 */
static bool is_out_of_memory(struct moon_engine *e, int status)
{
    return status == LUA_ERRMEM ||
           (status == LUA_ERRRUN && e->refused != NULL && lua_type(e->L, -1) == LUA_TSTRING &&
            moon_streq(lua_tostring(e->L, -1), "not enough memory"));
}

static int failed(struct moon_engine *e, int status, int nresults, struct moon_fault *ret)
{
    if (is_out_of_memory(e, status)) {
        status = LUA_ERRMEM;
        e->stop = e->stop == MOON_STOP_NONE ? MOON_STOP_MEMORY : e->stop;
    }
    ret->kind = fault_kind(e);
    ret->peak_bytes = e->peak;
    ret->cpu_us = (moon_budget_now_ns() - e->run.start_ns) / 1000;
    describe(e, status, ret);
    memcpy(ret->traceback, e->traceback, sizeof(ret->traceback));
    e->reserve_open = false;
    lua_pop(e->L, status == LUA_OK ? nresults : 1);
    return -1;
}

/* What the call of a hook has cost. */
static void note_cost(struct moon_probe *probe)
{
    struct moon_probe_cost *cost = &probe->costs[probe->hook];

    cost->calls++;
    cost->instructions += probe->instructions;
    cost->most = probe->instructions > cost->most ? probe->instructions : cost->most;
}

int moon_engine_call(struct moon_engine *e, int nargs, int nresults, struct moon_fault *ret)
{
    e->shape = false;
    e->refused_string = false;
    e->refused_table = false;
    e->traceback[0] = '\0';
    if (e->probe != NULL) {
        e->probe->instructions = 0;
    }
    int status = lua_pcall(e->L, nargs, nresults, 1);
    if (e->probe != NULL && e->probe->hook >= 0 && moon_streq(e->probe->policy, e->name)) {
        note_cost(e->probe);
    }
    if (status == LUA_OK && e->stop == MOON_STOP_NONE) {
        return 0;
    }
    return failed(e, status, nresults, ret);
}

int moon_engine_protect(struct moon_engine *e, lua_CFunction fn, void *arg, struct moon_fault *ret)
{
    lua_pushcfunction(e->L, fn);
    lua_pushlightuserdata(e->L, arg);
    return moon_engine_call(e, 1, 0, ret);
}

void moon_engine_enter(struct moon_engine *e, struct moon_budget budget)
{
    uint64_t total = budget.total_us < CEILING_US ? budget.total_us : CEILING_US;

    e->run.budget.total_us = (uint64_t)((double)total * e->budget_scale);
    e->run.budget.call_us = (uint64_t)((double)budget.call_us * e->budget_scale);
    e->peak = e->used;
    e->log_lines = 0;
    if (e->probe != NULL) {
        int mask = (e->probe->counts ? LUA_MASKCOUNT : 0) |
                   (e->probe->coverage != NULL ? LUA_MASKLINE : 0);
        lua_sethook(e->L, on_hook, mask, 1);
    }
    moon_budget_start(&e->run);
}

uint64_t moon_engine_leave(struct moon_engine *e)
{
    return moon_budget_stop(&e->run);
}

void moon_engine_rest(struct moon_engine *e)
{
    if (e->used > REST_BYTES && e->used > e->rest_at && !moon_engine_is_spent(e)) {
        lua_gc(e->L, LUA_GCCOLLECT);
        e->rest_at = e->used + e->used / 2; /* what a script keeps is not looked at each time */
    }
}

/* ---- compiling ---- */

struct reading {
    struct moon_str rest;
    const char *chunk_name;
};

/* The compiler does not see hooks: it gets the source in small pieces, and a stop is noticed in
 * between. */
static const char *read_piece(lua_State *L, void *ctx, size_t *ret_len)
{
    struct reading *r = ctx;
    const char *piece = r->rest.ptr;

    moon_engine_poll(L);
    *ret_len = r->rest.len < READ_PIECE ? r->rest.len : READ_PIECE;
    if (*ret_len == 0) {
        return NULL;
    }
    r->rest.ptr += *ret_len;
    r->rest.len -= *ret_len;
    return piece;
}

/* A first line "#!" would be no Lua; the byte order mark of some editors is skipped. */
static struct moon_str without_mark(struct moon_str s)
{
    if (moon_str_starts(s, "\xef\xbb\xbf")) {
        return (struct moon_str){s.ptr + 3, s.len - 3};
    }
    return s;
}

void moon_engine_load_module(lua_State *L, const char *chunk_name, struct moon_str text)
{
    struct reading r = {.rest = without_mark(text)};

    const struct moon_probe *probe = moon_engine_of(L)->probe;

    if (lua_load(L, read_piece, &r, chunk_name, "t") != LUA_OK) {
        lua_error(L);
    }
    if (probe != NULL && probe->coverage != NULL) {
        moon_coverage_chunk(probe->coverage, L, chunk_name);
    }
}

static int compile(lua_State *L)
{
    const struct reading *r = lua_touserdata(L, 1);

    moon_engine_load_module(L, r->chunk_name, r->rest);
    return 1;
}

int moon_engine_compile(struct moon_engine *e, const char *chunk_name, struct moon_str source,
                        struct moon_fault *ret)
{
    struct reading r = {.rest = source, .chunk_name = chunk_name};

    lua_pushcfunction(e->L, compile);
    lua_pushlightuserdata(e->L, &r);
    return moon_engine_call(e, 1, 1, ret);
}

/* ---- life ---- */

static void free_selector(void *value)
{
    moon_selector_free(value);
}

static void free_draw(void *value)
{
    moon_map_free(value);
}

static int open_all(lua_State *L)
{
    moon_views_open(L);
    moon_sandbox_open(L);
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    return 0;
}

void moon_sandbox_push_env(lua_State *L)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
}

static int on_panic(lua_State *L)
{
    const char *text = lua_tostring(L, -1);

    moon_assert_failed(text != NULL ? text : "Lua raised outside a protected call", __FILE__,
                       __LINE__);
}

struct moon_engine *moon_engine_new(double budget_scale)
{
    struct moon_engine *e = moon_new(struct moon_engine);
    struct moon_fault fault;

    e->magic = ENGINE_MAGIC;
    e->budget_scale = budget_scale > 0 ? budget_scale : 1;
    e->name = "";
    e->params_ref = LUA_NOREF;
    e->run.on_exceeded = on_exceeded;
    e->run.ctx = e;
    e->selectors = moon_map_new(free_selector);
    e->draws = moon_map_new(free_draw);
    moon_buf_init(&e->scratch, MOON_ENGINE_MAX_STRING);
    moon_views_init(&e->views);
    e->L = lua_newstate(allocate, e);
    moon_assert(e->L != NULL);
    *(struct moon_engine **)lua_getextraspace(e->L) = e;
    (void)lua_atpanic(e->L, on_panic);
    lua_pushcfunction(e->L, on_error);
    int rc = moon_engine_protect(e, open_all, NULL, &fault);
    if (rc != 0) {
        moon_assert_failed(fault.text, __FILE__, __LINE__);
    }
    e->is_open = true;
    return e;
}

void moon_engine_free(struct moon_engine *e)
{
    if (e == NULL) {
        return;
    }
    moon_assert(e->magic == ENGINE_MAGIC);
    lua_sethook(e->L, NULL, 0, 0);
    lua_close(e->L);
    moon_effects_end(&e->effects);
    moon_assert(e->used == 0);
    moon_views_fini(&e->views);
    moon_buf_fini(&e->scratch);
    moon_tolerations_fini(&e->tolerations);
    moon_map_free(e->selectors);
    moon_map_free(e->draws);
    e->magic = 0;
    moon_free(e);
}
