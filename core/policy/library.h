/* SPDX-License-Identifier: Apache-2.0
 *
 * library.h - the table `moonset`: what scripts call instead of writing it themselves.
 *
 * Each file shows what it has in tables, which register the functions and are what the reference
 * page and the editor stubs are made from. Private to policy.
 */
#ifndef MOON_POLICY_LIBRARY_H
#define MOON_POLICY_LIBRARY_H

#include <lauxlib.h>

#include "kube/quantity.h"
#include "kube/selector.h"

struct moon_library_entry {
    const char *name; /* NULL: the end */
    lua_CFunction fn;
    const char *signature; /* "(text: string, zone: string?): Window" */
    const char *doc;       /* one line */
};

/* moonset.<name>, or with a NULL name what is in moonset itself. */
struct moon_library {
    const char *name;
    const char *doc;
    const struct moon_library_entry *functions;
};

/* Objects that functions hand out: the metatable registered as `name`. */
struct moon_library_class {
    const char *name; /* "window"; in errors */
    const char *type; /* "Window"; NULL: scripts never see it */
    const char *doc;
    const struct moon_library_entry *methods; /* may be NULL */
    const luaL_Reg *metamethods;              /* may be NULL */
    const char *const *operators;             /* "add(Quantity): Quantity", … NULL; may be NULL */
};

extern const struct moon_library moon_library_kube;     /* selector, affinity_matches, … */
extern const struct moon_library moon_library_quantity; /* quantity, intstr */
extern const struct moon_library moon_library_text;     /* duration, hash, bucket, glob */
extern const struct moon_library moon_library_semver;
extern const struct moon_library moon_library_list;
extern const struct moon_library moon_library_json;
extern const struct moon_library moon_library_time; /* window, cron, date */
extern const struct moon_library moon_library_sample;
extern const struct moon_library moon_library_log;
extern const struct moon_library moon_library_peer;
extern const struct moon_library moon_library_kv;
extern const struct moon_library moon_library_event;
extern const struct moon_library moon_library_metric;

extern const struct moon_library_class moon_library_selector_class;
extern const struct moon_library_class moon_library_quantity_class;
extern const struct moon_library_class moon_library_json_class;
extern const struct moon_library_class moon_library_window_class;
extern const struct moon_library_class moon_library_cron_class;
extern const struct moon_library_class moon_library_peer_class;

/* All of them, up to a NULL. */
extern const struct moon_library *const moon_libraries[];
extern const struct moon_library_class *const moon_library_classes[];

/* 63 bits that never change (library_text.c). */
uint64_t moon_library_stable_hash(struct moon_str text, struct moon_str salt);

/* For the views; these raise. */
MOON_API void moon_library_push_quantity(lua_State *L, struct moon_quantity q);
MOON_API void moon_library_push_selector(lua_State *L, struct moon_str text);
/* The value at `arg` is a quantity, a text that is one, or an integer? Else an error. */
MOON_API struct moon_quantity moon_library_to_quantity(lua_State *L, int arg);
/* Is it a quantity object? */
MOON_API bool moon_library_is_quantity(lua_State *L, int arg);
/* The value on the top as JSON, in the engine's scratch buffer until that is used again. */
MOON_API struct moon_str moon_library_to_json(lua_State *L);
/* The value of a JSON text, null being nil; errors begin with `who`. */
void moon_library_push_json(lua_State *L, struct moon_str text, const char *who);
/* A selector object or a text; borrowed from the engine. */
MOON_API const struct moon_selector *moon_library_to_selector(lua_State *L, int arg);

#endif
