/* SPDX-License-Identifier: Apache-2.0
 *
 * policies_priv.h - what policies.c, chain.c and the hooks share.
 */
#ifndef MOON_POLICY_POLICIES_PRIV_H
#define MOON_POLICY_POLICIES_PRIV_H

#include "base/map.h"
#include "base/metrics.h"
#include "policy/bundle.h"
#include "policy/hooks.h"
#include "policy/memo.h"
#include "policy/source.h"
#include "policy/watchdog.h"

#define MOON_POLICY_TOPIC "policy"
#define MOON_POLICY_BUNDLE "configmap " /* how the places of bundles begin */

/* What one source has under a name. */
struct moon_policy_entry {
    char *place;                  /* "built in", "dir/x.lua", "configmap ns/name" */
    struct moon_version *version; /* of the newest text that loads; NULL: none ever did */
    struct moon_version *fresh;   /* loaded by the look that is going on, yet to be tested */
    char *error;                  /* why the newest text is not it; NULL: it is */
    char tried[MOON_DIGEST_TEXT]; /* of the text looked at last, modules and tests included */
    bool seen;                    /* by the look that is going on */
};

enum {
    MOON_POLICY_PAST = 16, /* versions kept that are in no source any more */
};

/* One name. */
struct moon_policy {
    char *name;
    struct moon_version *version;       /* in force; NULL: never loaded */
    char *error;                        /* why the newest text is not in force; NULL when it is */
    struct moon_policy_entry **entries; /* in order of sources: the last one counts */
    size_t entry_count;
    struct moon_version *past[MOON_POLICY_PAST]; /* of earlier: sets may use or ask for them */
    size_t past_count;
    bool is_missing; /* no source has it, but one that might is not there */
    char *shown[3];  /* version, source and state in the metric; NULL: not in it */
};

/* A version of an earlier process. */
struct moon_reserved {
    struct moon_version *version;
    bool in_force; /* it was, for all that name no version */
};
void moon_reserved_free(void *reserved);

struct moon_policies {
    struct moon_loop *loop;   /* NULL: no time passes */
    struct moon_map *by_name; /* -> moon_policy, owned */
    struct moon_source *stock;
    struct moon_source *texts; /* handed in at the start */
    char **dirs;               /* NULL-terminated */
    struct moon_source **folders;
    struct moon_dir_watch **watches;
    size_t dir_count;
    struct moon_map *offered;        /* name -> moon_source, owned */
    struct moon_map *reserve;        /* "name@sha256:digest" -> moon_reserved, owned */
    struct moon_map *users;          /* -> "name@sha256:digest,…"; empty: only what is built in */
    struct moon_map *restored_users; /* the same, of an earlier process or the leader */
    bool offers_missed;
    bool run_tests;
    bool folders_win;
    double budget_scale;
    char quarantined[MOON_DIGEST_TEXT]; /* a version that hung the process; "" = none */
    struct moon_watchdog *watchdog;
    void (*on_report)(const struct moon_policy_report *report, void *ctx);
    void (*on_changed)(void *ctx);
    void (*on_used)(void *ctx);
    void (*on_replaced)(const char *policy, const char *by, const char *instead_of, void *ctx);
    void *ctx;
    uint64_t generation;
    bool no_memo;
    struct moon_metric *calls; /* NULL: nothing is counted (tests) */
    struct moon_metric *hits;
    struct moon_metric *failures;
    struct moon_metric *cpu;
    struct moon_metric *info;
};

/* One policy of a set. */
struct moon_chain_link {
    struct moon_version *version;
    cJSON *params;                       /* object of checked values; NULL: only defaults */
    int params_ref;                      /* set.params in the engine of params_serial */
    uint64_t params_serial;              /* 0 = none made */
    bool is_pinned;                      /* the set insists on this version */
    struct moon_memo *memos[MOON_HOOKS]; /* of pure hooks; NULL: not asked yet */
};

struct moon_chain {
    struct moon_policies *policies;
    struct moon_chain_link *links;
    size_t count;
    bool foreign_params;
    const char *prefer;        /* while it is made: versions to take instead of those in force */
    bool uses[MOON_HOOKS][16]; /* does link i answer this hook? */
    char digest[MOON_DIGEST_TEXT];
};

enum {
    MOON_CHAIN_MAX = 16
};

struct moon_policy *moon_policies_find(const struct moon_policies *p, struct moon_str name);
/* The version with this digest, or one that begins so, whether it is in force or not. NULL: none.
 */
struct moon_version *moon_policy_version(const struct moon_policy *one, const char *digest);
/* The digests it could have been, "abc…, def…". */
void moon_policy_versions(const struct moon_policy *one, struct moon_buf *out);
void moon_policy_free(void *policy);
/* Show in the metrics what is in force; `gone`: nothing any more. */
void moon_policy_show(const struct moon_policies *p, struct moon_policy *one, bool gone);
/* Count a failure and tell it. */
void moon_policies_report(const struct moon_policies *p, const struct moon_policy_report *report);

/* Keep a version that was in force for who uses it or asks for it; takes over the caller's hold. */
void moon_policy_retire(struct moon_policy *one, struct moon_version *take_version);

/* ---- candidate.c ---- */

/* One file that says it is a policy. */
struct moon_candidate {
    struct moon_policies *policies;
    struct moon_policy *policy;
    struct moon_policy_entry *entry;
    const struct moon_source_file *file;
    const struct moon_source_file *tests; /* NULL: none */
    bool is_stock;
    struct moon_map *modules;
};
/* Load it, unless it is what was tried last: then its entry has a fresh version, or the error. */
void moon_candidate_load(const struct moon_candidate *c);
/* When all are loaded: run the tests of a fresh version, beside the newest ones of other policies.
 * Its entry has the new version then, or the error. */
void moon_candidate_test(const struct moon_candidate *c);

/* ---- inforce.c: from sources to what is in force ---- */

/* What is in force when the fresh versions are right; borrowed. NULL: nothing. */
const struct moon_version *moon_policy_newest(const struct moon_policies *p,
                                              const struct moon_policy *one);
/* All sources in order; the caller frees the list, not what it points to. */
struct moon_source **moon_policies_sources(const struct moon_policies *p, size_t *ret_count);
/* Modules of all folders and what is built in; the caller's. */
struct moon_map *moon_policies_shared_modules(const struct moon_policies *p);
/* For moon_version_opts: ctx is such a map. */
bool moon_policies_find_module(const char *name, struct moon_str *ret_text, void *ctx);
/* Load what is new in the sources; true when what is in force has changed. */
bool moon_policies_take(struct moon_policies *p);
/* The same, and tell who listens. */
void moon_policies_settle(struct moon_policies *p);

/* ---- hooks.c: one call, or one batch, of one link's hook ---- */

struct moon_hook_call {
    struct moon_chain *chain;
    struct moon_chain_link *link;
    enum moon_hook hook;
    const struct moon_set_view *set;
    struct moon_engine *engine;
    uint64_t cpu_us; /* spent so far, over all states of this call */
};

/* Ready the engine, leave the hook's function on the stack (at index 2) and start the clock.
 * Nonzero: *ret says why not; nothing to end. */
int moon_hook_begin(struct moon_hook_call *c, struct moon_budget budget, struct moon_fault *ret);
/* It has succeeded: what it remembers, tells and counts stands. */
void moon_hook_commit(struct moon_hook_call *c);
void moon_hook_end(struct moon_hook_call *c);
/* An answer of the wrong shape: *ret says what the hook must return and, behind "it returned", what
 * it did (a printf format). Always -1. */
int moon_hook_wrong_answer(const struct moon_hook_call *c, struct moon_fault *ret, const char *must,
                           const char *fmt, ...) MOON_PRINTF(4, 5);
/* A text, cut; an empty one with a NULL ptr for nil. False: it is something else. */
bool moon_hook_read_reason(lua_State *L, int index, struct moon_str *ret);
/* The first link that answers the hook; NULL: none. */
struct moon_chain_link *moon_chain_user(const struct moon_chain *chain, enum moon_hook hook);
/* So many calls were made, and so many answers were known without. */
void moon_hook_count(const struct moon_hook_call *c, size_t calls, size_t hits);
void moon_hook_report(const struct moon_hook_call *c, const struct moon_fault *fault,
                      const char *object);

#endif
