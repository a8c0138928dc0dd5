/* SPDX-License-Identifier: Apache-2.0
 *
 * engine.h - one Lua state: its memory, its CPU, and the one way into it.
 *
 * Every entry goes through moon_engine_call, which catches what Lua raises; nothing that can raise
 * runs outside. A C function called from Lua may be left at any raising call, so it holds no memory
 * across one: what must outlive such a call belongs to the engine. A state that was stopped (CPU or
 * memory) is thrown away: its objects may be half-made.
 *
 * Private to policy.
 */
#ifndef MOON_POLICY_ENGINE_H
#define MOON_POLICY_ENGINE_H

#include <lua.h>

#include "base/buf.h"
#include "kube/taint.h"
#include "policy/budget.h"
#include "policy/effects.h"
#include "policy/policies.h"
#include "policy/probe.h"
#include "policy/trace.h"
#include "policy/views.h"

struct moon_engine;
struct moon_fields;
struct moon_roll_run;
struct moon_mutate_run;

enum {
    MOON_ENGINE_MAX_BYTES = 8 * 1024 * 1024,
    MOON_ENGINE_MAX_STRING = 64 * 1024,
    MOON_ENGINE_MAX_SELECTORS = 256,
    MOON_ENGINE_MAX_DRAWS = 8, /* of a call */
};

enum moon_stop {
    MOON_STOP_NONE,
    MOON_STOP_CPU,
    MOON_STOP_MEMORY,
};

/* Why a call failed. */
struct moon_fault {
    enum moon_policy_fault kind;
    char text[MOON_ERR_TEXT_MAX];
    char traceback[4096];
    uint64_t cpu_us; /* of the batch so far */
    size_t peak_bytes;
};

/* Where require finds modules; fn returns false when there is none of that name. */
struct moon_module_source {
    bool (*find)(const char *name, struct moon_str *ret_text, void *ctx);
    void *ctx;
};

struct moon_engine {
    unsigned magic;
    volatile sig_atomic_t stop; /* enum moon_stop; stays set until the state is thrown away */
    lua_State *L;
    const char *name; /* policy, for errors and log lines; borrowed */

    size_t used;
    size_t peak;
    uint64_t allocations; /* objects and blocks made so far */
    const void *refused;  /* the allocation that was refused last; asked again after a full GC */
    size_t refused_size;
    size_t rest_at; /* more than this between calls: collect */

    double budget_scale;
    struct moon_budget_run run;

    struct moon_views views;
    const struct moon_set_view *set;     /* of the call; NULL: none */
    struct moon_roll_run *roll;          /* of the call; NULL: none */
    struct moon_mutate_run *mutate;      /* of the call; NULL: none */
    struct moon_trace *trace;            /* what is read is noted there; NULL: nowhere */
    struct moon_buf scratch;             /* for texts that are built while raising is possible */
    struct moon_tolerations tolerations; /* converted from tables, until the next conversion */
    struct moon_map *selectors;          /* text -> moon_selector */
    struct moon_map *draws;              /* of the call: what was asked for -> names of nodes */
    struct moon_module_source modules;
    struct moon_probe *probe;         /* of a test run; NULL: none */
    struct moon_effects effects;      /* of the call */
    const struct moon_fields *fields; /* what the policy declares; NULL: nothing yet */

    int params_ref; /* set.params of the call */
    unsigned log_lines;
    bool reserve_open;   /* an error is being reported */
    bool refused_string; /* what was refused is a string beyond the cap */
    bool refused_table;  /* what was refused is a table with too many keys */
    bool shape;          /* the error on its way is about an answer's shape */
    bool loading;        /* require is allowed */
    bool is_open;        /* set up: from here on only scripts ask for memory */
    char traceback[4096];
};

/* A state with the sandbox and the library in it. Its own set-up cannot fail for a script's sake.
 */
MOON_API struct moon_engine *moon_engine_new(double budget_scale);
MOON_API void moon_engine_free(struct moon_engine *e); /* NULL is fine */

/* The engine of a state, from inside a C function. */
static inline struct moon_engine *moon_engine_of(lua_State *L)
{
    return *(struct moon_engine **)lua_getextraspace(L);
}

/* Account CPU from here on; calls are only possible in between. */
MOON_API void moon_engine_enter(struct moon_engine *e, struct moon_budget budget);
MOON_API uint64_t moon_engine_leave(struct moon_engine *e); /* CPU used, in us */

/* Call the function below `nargs` arguments on the stack. 0: `nresults` results are on the stack;
 * else *ret is filled and nothing is. The stack must hold the message handler at index 1, as
 * moon_engine_new leaves it. */
MOON_API int moon_engine_call(struct moon_engine *e, int nargs, int nresults,
                              struct moon_fault *ret);
/* Run fn(L) with `arg` as light userdata at index 1, under the same protection, no results. */
MOON_API int moon_engine_protect(struct moon_engine *e, lua_CFunction fn, void *arg,
                                 struct moon_fault *ret);
/* Compile `source` (text only) under the present budget and leave the chunk on the stack. */
MOON_API int moon_engine_compile(struct moon_engine *e, const char *chunk_name,
                                 struct moon_str source, struct moon_fault *ret);
/* Forget garbage when there is much of it; between calls. */
MOON_API void moon_engine_rest(struct moon_engine *e);

/* For tests: of all that scripts allocate from now on, the `first` (from 1) and those after it are
 * refused, `count` in all; Lua asks once more after it has collected, so one alone does no harm. 0:
 * none. And how many were. */
MOON_API void moon_engine_refuse(uint64_t first, uint64_t count);
MOON_API uint64_t moon_engine_refused(void);

static inline bool moon_engine_is_spent(const struct moon_engine *e)
{
    return e->stop != MOON_STOP_NONE;
}

/* ---- inside C functions: these raise ---- */

/* Raise when a stop is pending. To be called in loops. */
MOON_API void moon_engine_poll(lua_State *L);
/* As luaL_error, but the fault is MOON_FAULT_SHAPE. */
MOON_API int moon_engine_shape_error(lua_State *L, const char *fmt, ...) MOON_PRINTF(2, 3);
/* "file:line: " of the innermost Lua function; "" without. */
MOON_API void moon_engine_push_place(lua_State *L);
/* Compile a module for require: leaves the chunk. */
MOON_API void moon_engine_load_module(lua_State *L, const char *chunk_name, struct moon_str text);

/* ---- set-up, each in its own file; called while a state is made ---- */
MOON_API void moon_sandbox_open(lua_State *L); /* sandbox.c: leaves the environment on the stack */
MOON_API void moon_sandbox_strings(lua_State *L); /* strings.c: leaves the table `string` */
MOON_API void moon_sandbox_tables(lua_State *L);  /* tables.c: leaves the table `table` */
MOON_API void moon_library_open(lua_State *L);    /* library.c: leaves the table `moonset` */
/* Replace the table on the top by a proxy nobody can write to, or look behind. `what` ("string")
 * goes into errors about names that are not in it. */
MOON_API void moon_sandbox_freeze(lua_State *L, const char *what);
/* Push the environment that chunks get as _ENV. */
MOON_API void moon_sandbox_push_env(lua_State *L);
int moon_sandbox_pairs(lua_State *L);  /* pairs.c */
int moon_sandbox_spairs(lua_State *L); /* pairs.c */
int moon_sandbox_next(lua_State *L);   /* pairs.c */
/* For C that has begun something: pushes an iterator, called without arguments, over the table on
 * the top, in the defined order. No script runs: a __pairs of its own is passed over. */
void moon_sandbox_push_entries(lua_State *L); /* pairs.c */
int moon_sandbox_tostring(lua_State *L);      /* sandbox.c */
/* Push what is behind a frozen table; false: it is none, and nothing is pushed. */
bool moon_sandbox_push_behind(lua_State *L, int index);

#endif
