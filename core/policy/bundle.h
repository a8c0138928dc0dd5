/* SPDX-License-Identifier: Apache-2.0
 *
 * bundle.h - one version of one policy: its text, what it declares, and a state to run it in.
 *
 * A version never changes. Its Lua state is thrown away after a stop and made anew from the same
 * text when the next hook is called. Private to policy.
 */
#ifndef MOON_POLICY_BUNDLE_H
#define MOON_POLICY_BUNDLE_H

#include "base/map.h"
#include "policy/digest.h"
#include "policy/engine.h"
#include "policy/fields.h"
#include "policy/params.h"
#include "policy/queries.h"

enum moon_hook {
    MOON_HOOK_SELECT,
    MOON_HOOK_TOLERATIONS,
    MOON_HOOK_RANK,
    MOON_HOOK_HEALTH,
    MOON_HOOK_GATE,
    MOON_HOOK_UPDATE,
    MOON_HOOK_MUTATE,
    MOON_HOOK_ANALYZE,
    MOON_HOOK_STATUS,
    MOON_HOOK_ON_EVENT,
    MOON_HOOKS,
};
struct moon_hook_info {
    const char *name;
    const char *signature; /* as of a library function */
    const char *doc;
    const char *on_failure; /* what holds when it fails */
};
MOON_API const struct moon_hook_info *moon_hook_info(enum moon_hook hook);
MOON_API const char *moon_hook_name(enum moon_hook hook);
/* Are its answers kept until something that it has read changes? Then it must not depend on, or
 * do, anything else. */
bool moon_hook_is_pure(enum moon_hook hook);
int moon_hook_by_name(const char *name); /* -1: there is none */
/* The names of those with a true, separated by commas. */
void moon_hook_list(const bool has[MOON_HOOKS], struct moon_buf *out);

enum {
    MOON_POLICY_KEYS = 11
};
/* What the table of a policy may have beside its hooks. */
MOON_API extern const char *const moon_policy_keys[MOON_POLICY_KEYS];

enum {
    MOON_VERSION_STOPS = 5 /* in QUARANTINE_MS (hooks.c): then it is not asked any more */
};

struct moon_version {
    unsigned refs;
    char *name;
    char *chunk_name; /* "@edge-only.lua" */
    char *source;
    size_t source_len;
    struct moon_map *modules; /* name -> text of what it requires */
    char digest[MOON_DIGEST_TEXT];
    bool hooks[MOON_HOOKS];    /* which it has */
    bool replaces[MOON_HOOKS]; /* the stock policy of which it stands for */
    bool creates;              /* missing pods are made when its update hook says so */
    bool impure[MOON_HOOKS];   /* has answered otherwise for the same */
    struct moon_params params;
    struct moon_queries queries; /* of analyze */
    struct moon_fields fields;
    uint32_t happenings; /* on_event wants to be told of these */
    double budget_scale;
    struct moon_probe *probe;           /* of a test run; borrowed; NULL: none */
    bool is_stock;                      /* built in */
    char *place;                        /* where its text is, or was */
    uint64_t stops[MOON_VERSION_STOPS]; /* when it was stopped last; the oldest first */
    size_t stop_count;
    bool is_quarantined;        /* it was stopped too often: not asked any more */
    struct moon_engine *engine; /* NULL: to be made */
    uint64_t engine_serial;     /* goes up with every new state */
    uint64_t load_cpu_us;       /* what making it took */
    int hook_refs[MOON_HOOKS];  /* the functions, in the engine's registry */
};

struct moon_version_opts {
    const char *name;
    struct moon_str source;
    struct moon_module_source modules; /* consulted while loading only */
    double budget_scale;
    struct moon_probe *probe;
};

enum {
    MOON_BUNDLE_MAX_BYTES = 256 * 1024,
};

/* Compile, run, check. NULL: *ret says why, with file and line. */
MOON_API struct moon_version *moon_version_load(const struct moon_version_opts *opts,
                                                struct moon_fault *ret);
/* The same text as `v` with states of its own. */
MOON_API struct moon_version *moon_version_copy(const struct moon_version *v, double budget_scale,
                                                struct moon_probe *probe, struct moon_fault *ret);
MOON_API struct moon_version *moon_version_ref(struct moon_version *v);
MOON_API void moon_version_unref(struct moon_version *v); /* NULL is fine */
/* A state that is not spent; NULL and *ret when the text does not load any more (it did once, so
 * this takes a budget that was missed by little). */
MOON_API struct moon_engine *moon_version_engine(struct moon_version *v, struct moon_fault *ret);

#endif
