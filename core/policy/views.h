/* SPDX-License-Identifier: Apache-2.0
 *
 * views.h - what scripts see of the cluster: handles, not copies.
 *
 * A view is a light userdata: 6 bits of kind, 36 of epoch, 22 of index into the engine's table (the
 * low bits, by which Lua finds keys of a table). The
 * table is emptied and the epoch goes up after every call, so a handle kept in an upvalue is an
 * error ("stale view"), never a dangling read; and no allocation is made for a view. The same
 * object always has the same handle during a call, so views compare with == and can be table keys.
 *
 * Private to policy.
 */
#ifndef MOON_POLICY_VIEWS_H
#define MOON_POLICY_VIEWS_H

#include <lua.h>

#include "kube/labels.h"
#include "kube/node.h"
#include "kube/pod.h"

struct moon_engine;
struct moon_set_view;
struct moon_roll_slot;
struct moon_roll_run;

enum moon_view_kind {
    MOON_VIEW_NONE,
    MOON_VIEW_NODE,     /* object: moon_node */
    MOON_VIEW_OLD_POD,  /* object: moon_pod; slot */
    MOON_VIEW_NEW_POD,  /* the same */
    MOON_VIEW_SET,      /* moon_set_view */
    MOON_VIEW_TEMPLATE, /* moon_set_view */
    MOON_VIEW_ROLL,     /* moon_roll_run */
    MOON_VIEW_COUNTS,   /* moon_roll_run */
    MOON_VIEW_LABELS,   /* moon_labels; annotations, too */
    MOON_VIEW_TAINTS,   /* moon_taints */
    MOON_VIEW_TAINT,
    MOON_VIEW_CONDITIONS, /* moon_condition[count] */
    MOON_VIEW_CONDITION,
    MOON_VIEW_AMOUNTS,     /* moon_amount[count] */
    MOON_VIEW_TOLERATIONS, /* moon_tolerations */
    MOON_VIEW_TOLERATION,
    MOON_VIEW_MADE_POD, /* moon_mutate_run */
    MOON_VIEW_EVENT,    /* moon_happening */
};
enum {
    MOON_VIEW_KINDS = MOON_VIEW_EVENT + 1 /* the last one's; at most 64 */
};

#define MOON_VIEW_EPOCHS ((UINT64_C(1) << 36) - 1)

struct moon_view {
    const void *object;
    const struct moon_roll_slot *slot; /* of a node or pod in a roll; else NULL */
    uint32_t count;
    enum moon_view_kind kind;
};

struct moon_view_field;

/* A field that was found by name, so that the next time the name's address is enough: Lua has one
 * object for equal short strings, and the table of fields keeps this one. */
struct moon_view_hint {
    const void *name;
    const struct moon_view_field *field;
    enum moon_view_kind kind;
};
enum {
    MOON_VIEW_HINTS = 64
};

struct moon_views {
    uint64_t epoch;
    struct moon_view *items;
    size_t count;
    size_t capacity;
    uint64_t *index; /* open addressing; epoch and position of an item */
    size_t index_size;
    struct moon_view_hint hints[MOON_VIEW_HINTS];
};

MOON_API void moon_views_init(struct moon_views *v);
MOON_API void moon_views_fini(struct moon_views *v);
/* The epoch has gone through all its 36 bits: start over with an empty index. */
MOON_API void moon_views_wrap(struct moon_views *v);
/* All handles given out so far are stale from now on. */
static inline void moon_views_forget(struct moon_views *v)
{
    v->epoch++;
    v->count = 0;
    if ((v->epoch & MOON_VIEW_EPOCHS) == 0) {
        moon_views_wrap(v);
    }
}

/* The handle of an object; cannot raise: a full table gives NULL, which no view is. */
MOON_API void *moon_views_handle(struct moon_views *v, enum moon_view_kind kind, const void *object,
                                 uint32_t count, const struct moon_roll_slot *slot);

/* ---- inside C functions: these raise ---- */

MOON_API void moon_views_open(lua_State *L); /* the metatable of all views */
MOON_API void moon_view_push(lua_State *L, enum moon_view_kind kind, const void *object);
MOON_API void moon_view_push_list(lua_State *L, enum moon_view_kind kind, const void *items,
                                  size_t count);
MOON_API void moon_view_push_in_slot(lua_State *L, enum moon_view_kind kind, const void *object,
                                     const struct moon_roll_slot *slot);
/* The view at `arg`: fresh, of any kind; or of one kind, else an argument error. */
MOON_API const struct moon_view *moon_view_any(lua_State *L, int arg);
MOON_API const struct moon_view *moon_view_check(lua_State *L, int arg, enum moon_view_kind kind);
/* NULL when the value is no fresh view of that kind. */
MOON_API const struct moon_view *moon_view_test(lua_State *L, int arg, enum moon_view_kind kind);
/* The same for functions that tell the trace themselves what they read of it (trace.h); of all
 * others it is taken that they read anything. */
const struct moon_view *moon_view_told_any(lua_State *L, int arg);
const struct moon_view *moon_view_told_check(lua_State *L, int arg, enum moon_view_kind kind);
const struct moon_view *moon_view_told_test(lua_State *L, int arg, enum moon_view_kind kind);
MOON_API size_t moon_view_length(lua_State *L, int arg); /* error for a view without entries */
/* Key and value of entry i (from 0); a single nil after the last. Returns how many are pushed. */
MOON_API int moon_view_push_entry(lua_State *L, int arg, size_t i);
/* What sorts a view among others, "" when it has no name. */
MOON_API const char *moon_view_sort_text(lua_State *L, int arg);

/* Symbols: nil for NULL. */
static inline int moon_view_push_sym(lua_State *L, moon_sym s)
{
    (void)lua_pushstring(L, s); /* pushes nil for NULL */
    return 1;
}

/* ---- how a kind shows itself: one table per kind. What an editor and the reference page say about
 * it stands beside it, in the types of the Lua language server. ---- */

struct moon_view_field {
    const char *name;
    int (*get)(lua_State *L, const struct moon_view *v); /* pushes one value */
    const char *type; /* "string?", "Labels"; of a method "(pod: Pod, why: string): boolean" */
    const char *doc;  /* "": the name says it */
};

struct moon_view_class {
    const char *type;                     /* "Node" */
    const char *doc;                      /* what it is, one line */
    const char *entries;                  /* "[string]: string?"; NULL: it has fields */
    const char *name;                     /* in errors */
    const struct moon_view_field *fields; /* up to a NULL name; NULL: entries by key or number */
    int (*get)(lua_State *L, const struct moon_view *v,
               int key);                         /* entry by the key on the stack */
    size_t (*length)(const struct moon_view *v); /* NULL: has no entries */
    int (*entry)(lua_State *L, const struct moon_view *v, size_t i); /* pushes key and value */
    const char *(*text)(const struct moon_view *v);                  /* its name; NULL: none */
};

/* NULL for MOON_VIEW_NONE. */
MOON_API const struct moon_view_class *moon_view_class(enum moon_view_kind kind);

MOON_API extern const struct moon_view_class moon_view_node;       /* view_node.c */
MOON_API extern const struct moon_view_class moon_view_conditions; /* view_node.c */
MOON_API extern const struct moon_view_class moon_view_condition;  /* view_node.c */
MOON_API extern const struct moon_view_class moon_view_amounts;    /* view_node.c */
MOON_API extern const struct moon_view_class moon_view_labels;     /* view_parts.c */
MOON_API extern const struct moon_view_class moon_view_taints;
MOON_API extern const struct moon_view_class moon_view_taint;
MOON_API extern const struct moon_view_class moon_view_tolerations;
MOON_API extern const struct moon_view_class moon_view_toleration;
MOON_API extern const struct moon_view_class moon_view_old_pod; /* view_pod.c */
MOON_API extern const struct moon_view_class moon_view_new_pod;
MOON_API extern const struct moon_view_class moon_view_set; /* view_set.c */
MOON_API extern const struct moon_view_class moon_view_template;
MOON_API extern const struct moon_view_class moon_view_roll; /* view_roll.c */
MOON_API extern const struct moon_view_class moon_view_counts;
MOON_API extern const struct moon_view_class moon_view_made_pod; /* mutate_record.c */
MOON_API extern const struct moon_view_class moon_view_event;    /* hook_on_event.c */

#endif
