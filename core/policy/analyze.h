/* SPDX-License-Identifier: Apache-2.0
 *
 * analyze.h - the hook `analyze`: what its policy wants to know, and what it makes of the answers.
 *
 * A policy declares queries; whoever keeps the set asks them while an update goes on, and shows the
 * hook what came back. Nothing is asked from here: policy knows no provider. Layer: policy.
 */
#ifndef MOON_POLICY_ANALYZE_H
#define MOON_POLICY_ANALYZE_H

#include "policy/hooks.h"
#include "policy/samples.h"

/* One query for one set as it is. */
struct moon_analysis_query {
    const char *name;     /* of the policy; what `samples` calls it */
    const char *provider; /* the same */
    char *text;           /* with all placeholders filled in; NULL: that cannot be done */
    char *problem;        /* why not; else NULL */
    uint64_t every_ms;
    uint64_t timeout_ms;
};

/* Keeps the policy's version alive until fini. */
struct moon_analysis {
    struct moon_version *version;
    const char *policy; /* its name */
    struct moon_analysis_query *queries;
    size_t count;
    int64_t max_failures; /* in a row; then the update is paused */
    bool rolls_back;      /* … or taken back */
    uint64_t soak_ms;     /* how long to go on after the last pod was replaced */
};

/* Does a policy analyse updates? */
MOON_API bool moon_chain_analyzes(const struct moon_chain *chain);
/* Only for a chain that does. */
MOON_API void moon_analysis_init(struct moon_analysis *a, const struct moon_chain *chain,
                                 const struct moon_set_view *set, const struct moon_roll *roll);
MOON_API void moon_analysis_fini(struct moon_analysis *a);

/* The answer to one query. */
struct moon_sample {
    const char *query;
    const struct moon_samples *found; /* NULL: `error` says why there is nothing */
    const char *error;
    int64_t at_s; /* when it was asked or found out, since 1970 */
};

enum moon_verdict {
    MOON_VERDICT_WAIT,
    MOON_VERDICT_PASS,
    MOON_VERDICT_FAIL,
};
MOON_API const char *moon_verdict_name(enum moon_verdict v); /* "wait", … */

struct moon_analysis_answer {
    enum moon_verdict verdict;
    char *reason;    /* owned; NULL: none given */
    moon_sym policy; /* owned */
    bool failed;     /* the hook did: the verdict is WAIT */
};
MOON_API void moon_analysis_answer_fini(struct moon_analysis_answer *a);

/* Ask the chain's policy; it must have one. */
MOON_API void moon_hook_analyze(struct moon_chain *chain, const struct moon_set_view *set,
                                const struct moon_roll *roll, const struct moon_sample *samples,
                                size_t count, struct moon_analysis_answer *ret);

#endif
