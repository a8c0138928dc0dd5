/* SPDX-License-Identifier: Apache-2.0
 *
 * policies.h - every policy the process knows: loading, versions, last good, choosing.
 *
 * Sources, the later winning by name: the stock policies built in as Lua text, then each
 * --policy-dir in order (watched; `edge-only.lua` is policy edge-only, `update/rolling.lua`
 * replaces the stock policy update/rolling, `lib/x.lua` is what require "lib.x" finds, *_test.* is
 * skipped), then the bundles that are handed in, by name (their modules are their own). A file that
 * fails to load (compile, run, shape) leaves the version in force untouched, and is reported once
 * per content. What is removed from a folder is gone; but when another folder, without a policy,
 * has come in its place, it is taken for one that is not mounted: what was there stays. Version =
 * SHA-256 of the bundle's source. Layer: policy.
 */
#ifndef MOON_POLICY_POLICIES_H
#define MOON_POLICY_POLICIES_H

#include "base/map.h"
#include "io/file.h"
#include "io/json.h"
#include "io/loop.h"
#include "kube/daemonset.h"

struct moon_policies;
struct moon_chain;

enum moon_policy_fault {
    MOON_FAULT_LOAD,    /* does not compile, raises while loading, wrong table */
    MOON_FAULT_RUNTIME, /* a hook raised */
    MOON_FAULT_BUDGET,  /* stopped: too much CPU */
    MOON_FAULT_MEMORY,  /* stopped: too much memory */
    MOON_FAULT_SHAPE,   /* an answer of the wrong shape, or an action that is not allowed */
    MOON_FAULT_IMPURE,  /* a pure hook has answered otherwise for the same */
};
MOON_API const char *moon_policy_fault_name(enum moon_policy_fault f); /* "load", "runtime", … */

/* One failure. Texts are valid during the call. */
struct moon_policy_report {
    enum moon_policy_fault fault;
    const char *policy;
    const char *version;   /* first 12 hex digits; "" when it has none yet */
    const char *hook;      /* "" while loading */
    const char *object;    /* what it was called for: "node n1"; "" without */
    const char *set;       /* "namespace/name"; "" while loading */
    const char *text;      /* "edge-only.lua:12: attempt to …" */
    const char *traceback; /* "" without */
    uint64_t cpu_us;
    size_t peak_bytes;
};

/* A policy that comes from no folder, or a module. */
struct moon_policy_text {
    const char *name;
    bool is_module;      /* what require NAME finds */
    const char *of;      /* … in this policy only: others may have another; NULL: in any */
    const char *source;  /* for people: where it is from */
    const char *version; /* for people: what it was then; NULL: unknown */
    struct moon_str text;
};

struct moon_policies_opts {
    const struct moon_policy_text *texts; /* win over the stock ones; borrowed until free */
    size_t text_count;
    const char *const *dirs; /* NULL-terminated; may be NULL */
    bool run_tests;          /* those beside a policy, before it comes into force */
    bool folders_win;        /* over bundles: to plan with what is not delivered yet */
    double budget_scale;     /* multiplies all CPU budgets; 0 = 1 */
    const char *state_dir;   /* where the watchdog leaves its note; NULL = nowhere */
    bool watchdog;           /* start the last-resort thread */
    bool no_memo;            /* ask each time: no answer of a pure hook is kept */
    /* Every failure, each time (the receiver limits the rate). */
    void (*on_report)(const struct moon_policy_report *report, void *ctx);
    /* Policies were loaded, replaced or removed: sets resolve their chains again. From the loop. */
    void (*on_changed)(void *ctx);
    /* What moon_policies_save would write may have changed. Optional. */
    void (*on_used)(void *ctx);
    /* The policy of one source now takes the place of that of another. Optional. */
    void (*on_replaced)(const char *policy, const char *by, const char *instead_of, void *ctx);
    void *ctx;
};

/* Loads everything; a folder that does not exist or cannot be read is an error naming it. A broken
 * file is not (it is reported). `loop` may be NULL: no watching (plan, test). */
MOON_API struct moon_policies *moon_policies_new(struct moon_loop *loop,
                                                 const struct moon_policies_opts *opts,
                                                 struct moon_err *err);
MOON_API void moon_policies_free(struct moon_policies *p);
/* Look at the folders again now (the watch does it by itself), and give what was stopped too often
 * another chance. */
MOON_API void moon_policies_reload(struct moon_policies *p);

/* One file of a bundle. Paths are those of a folder: "update/rolling.lua" is a policy,
 * "x_test.yaml" has its tests; all else is a module. */
struct moon_policy_file {
    const char *path;
    struct moon_str text;
    const char *error; /* why there is no text; NULL: there is */
};
/* Take a bundle, instead of the one of that name; the files are copied. `source` is shown to
 * people: "configmap ns/name". */
MOON_API void moon_policies_offer(struct moon_policies *p, const char *source,
                                  const struct moon_policy_file *files, size_t count);
/* Its policies are gone: removed on purpose. */
MOON_API void moon_policies_withdraw(struct moon_policies *p, const char *source);
/* Others instead of opts.texts; they are copied. */
MOON_API void moon_policies_set_texts(struct moon_policies *p, const struct moon_policy_text *texts,
                                      size_t count);
/* Bundles cannot be read (or can again): those that sets used last stay in force meanwhile. */
MOON_API void moon_policies_miss_offers(struct moon_policies *p, bool missed);
/* Goes up by one with every change of what is in force. */
MOON_API uint64_t moon_policies_generation(const struct moon_policies *p);

struct moon_policy_param {
    const char *name;
    const char *type;     /* "duration", … */
    const char *fallback; /* as JSON; NULL: none */
    const char *one_of;   /* the words that it may be, as JSON; NULL: any */
    const char *doc;      /* NULL: none */
    bool required;
};

/* What is in force, by name: for `policy list`, the admin page. */
struct moon_policy_info {
    const char *name;
    const char *version; /* 64 hex digits */
    const char *source;  /* "built in", the file's path, or the bundle */
    const char *error;   /* why the newest source is not in force; NULL when it is */
    const char *state;   /* "in force", "last good", "not loaded" or "quarantined" */
    bool loaded;         /* false: never loaded, only `error` */
    const char *hooks;   /* "select, update" */
    const char *doc;     /* leading comment of the file */
    struct moon_str text;
    const struct moon_map *modules; /* name -> text of what it requires; NULL: not loaded */
    const struct moon_policy_param *params;
    size_t param_count;
};
MOON_API void moon_policies_each(const struct moon_policies *p,
                                 void (*fn)(const struct moon_policy_info *info, void *ctx),
                                 void *ctx);

/* Load one source text under `name` without putting it in force (policy check, tests). */
MOON_API int moon_policies_check(struct moon_policies *p, const char *name, const char *file,
                                 struct moon_str source, struct moon_err *err);

/* ---- choosing ---- */

struct moon_chain_opts {
    const char
        *names; /* "edge-only,waves@sha256:…": annotation moonset.dev/policies; NULL = none */
    const char *params;       /* annotation moonset.dev/params, YAML or JSON; NULL = none */
    const char *stock_update; /* "update/rolling", "update/on-delete", or NULL: no update hook */
    bool alone;               /* no stock policy beside those that are named: to measure, to test */
    /* Take these versions (as moon_chain_versions writes them) instead of those in force, where
     * they are known and the set insists on no other; NULL: none. */
    const char *prefer;
    bool foreign_params; /* parameters that no policy declares are another chain's */
};

/* The policies of one set in order, the stock ones for the hooks nobody named. Fails with
 * MOON_E_NOT_FOUND ("policy x is not known", or known but never loaded: the load error) or
 * MOON_E_INVALID (two update policies, an undeclared or mistyped parameter, a digest that does not
 * match). The chain holds the versions it was made of until it is freed, also when newer ones come
 * into force meanwhile. */
MOON_API struct moon_chain *
moon_chain_new(struct moon_policies *p, const struct moon_chain_opts *opts, struct moon_err *err);
MOON_API void moon_chain_free(struct moon_chain *c);
/* The policies in order, and the hooks of theirs that are asked ("select, update"). */
MOON_API void moon_chain_each(const struct moon_chain *c,
                              void (*fn)(const char *policy, const char *version, const char *hooks,
                                         void *ctx),
                              void *ctx);
/* "name@sha256:digest,…", the stock policies included. */
MOON_API void moon_chain_versions(const struct moon_chain *c, struct moon_buf *out);
enum {
    MOON_CHAIN_VERSIONS_MAX = 16 * 1024
};
/* The first policy that the chain has in another version than `versions` (as above) says; NULL:
 * there is none. What only one of them names, or the set insists on by digest, does not count.
 * `versions` NULL: the first policy that is not built in. */
MOON_API const char *moon_chain_differs(const struct moon_chain *c, const char *versions);
MOON_API bool moon_chain_has(const struct moon_chain *c, const char *policy);
/* Why the newest text of one of its policies is not what it has ("policy x: …"); false: it is. */
MOON_API bool moon_chain_is_behind(const struct moon_chain *c, struct moon_buf *out);
/* A digest of everything that decides: names, versions, parameters. Equal digests decide alike. */
MOON_API const char *moon_chain_digest(const struct moon_chain *c);

/* ---- last good ----
 *
 * What sets decide by is kept outside the process, so that a restart with a text that is broken or
 * missing still has it, and knows what decided before. */

/* `user` ("namespace/name") decides by this chain from now on; NULL: it is gone. */
MOON_API void moon_policies_use(struct moon_policies *p, const char *user,
                                const struct moon_chain *chain);
/* The versions that a user decided by, "name@sha256:digest,…" without what is built in; NULL: none,
 * or not known. */
MOON_API const char *moon_policies_used(const struct moon_policies *p, const char *user);
/* Forget users of an earlier process that are gone. */
MOON_API void moon_policies_keep_users(struct moon_policies *p,
                                       bool (*is_there)(const char *user, void *ctx), void *ctx);

enum {
    MOON_RESERVE_MAX_BYTES = 800 * 1024 /* a ConfigMap holds 1 MB */
};
/* Write all that as a JSON document; how many versions had no room in it. */
MOON_API size_t moon_policies_save(const struct moon_policies *p, struct moon_buf *out);
/* Take such a document. What it holds comes into force where the newest text of its place does not
 * load, or its folder is not mounted, and can be asked for by digest. */
MOON_API int moon_policies_restore(struct moon_policies *p, struct moon_str text,
                                   struct moon_err *err);

#endif
