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

/* A policy that comes from no folder: "lib/x" is what require "lib.x" finds. */
struct moon_policy_text {
    const char *name;
    const char *source;  /* for people: where it is from */
    const char *version; /* for people: what it was then; NULL: unknown */
    struct moon_str text;
};

struct moon_policies_opts {
    const struct moon_policy_text *texts; /* win over the stock ones; borrowed until free */
    size_t text_count;
    const char *const *dirs; /* NULL-terminated; may be NULL */
    double budget_scale;     /* multiplies all CPU budgets; 0 = 1 */
    const char *state_dir;   /* where the watchdog leaves its note; NULL = nowhere */
    bool watchdog;           /* start the last-resort thread */
    /* Every failure, each time (the receiver limits the rate). */
    void (*on_report)(const struct moon_policy_report *report, void *ctx);
    /* Policies were loaded, replaced or removed: sets resolve their chains again. From the loop. */
    void (*on_changed)(void *ctx);
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
/* Look at the folders again now (the watch does it by itself). */
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
/* Goes up by one with every change of what is in force. */
MOON_API uint64_t moon_policies_generation(const struct moon_policies *p);

struct moon_policy_param {
    const char *name;
    const char *type;     /* "duration", … */
    const char *fallback; /* as JSON; NULL: none */
    const char *doc;      /* NULL: none */
    bool required;
};

/* What is in force, by name: for `policy list`, the admin page. */
struct moon_policy_info {
    const char *name;
    const char *version; /* 64 hex digits */
    const char *source;  /* "built in", the file's path, or the bundle */
    const char *error;   /* why the newest source is not in force; NULL when it is */
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
/* A digest of everything that decides: names, versions, parameters. Equal digests decide alike. */
MOON_API const char *moon_chain_digest(const struct moon_chain *c);

#endif
