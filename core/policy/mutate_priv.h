/* SPDX-License-Identifier: Apache-2.0
 *
 * mutate_priv.h - one call of the mutate hook: what it records about one node.
 */
#ifndef MOON_POLICY_MUTATE_PRIV_H
#define MOON_POLICY_MUTATE_PRIV_H

#include "policy/policies_priv.h"

enum {
    /* Of a node, all policies together. The pointers and values: no API server takes a larger pod.
     */
    MOON_MUTATE_MAX_EDITS = 64,
    MOON_MUTATE_MAX_BYTES = 256 * 1024,
    /* Of all answers of a set that are different. They outlive the state that gave them. */
    MOON_MUTATE_MAX_KEPT_BYTES = 16 * 1024 * 1024,
};

/* Of one node: what all policies have recorded so far. */
struct moon_draft {
    struct moon_mutation answer; /* not counted; its edits are ours */
    struct moon_draft_from {
        const struct moon_chain_link *link;
        moon_sym place; /* "canary.lua:12: " */
    } * from;           /* of each edit */
    size_t capacity;
    size_t bytes; /* of all pointers and values */
    const struct moon_chain_link *pinned_by;
    bool failed;
};

struct moon_mutate_run {
    const struct moon_mutate_opts *opts;
    const struct moon_chain_link *link; /* who records */
    struct moon_draft *draft;
};

/* ---- mutation.c ---- */
void moon_draft_add(struct moon_draft *d, const struct moon_chain_link *link, const char *place,
                    struct moon_str pointer, struct moon_str value);
void moon_draft_fini(struct moon_draft *d);
/* The answer that a draft comes to, as text: equal texts are equal answers. Fills answer.text. */
void moon_draft_write(struct moon_draft *d, struct moon_buf *out);
/* Find the answer with this text. NULL: not known. The caller gets a reference. */
struct moon_mutation *moon_mutations_find(const struct moon_mutations *m, struct moon_str key);
/* Make it of a draft, which is empty afterwards. NULL: too much is kept, and nothing has changed.
 */
struct moon_mutation *moon_mutations_add(struct moon_mutations *m, struct moon_str key,
                                         struct moon_draft *take_draft);
/* Forget those that nobody uses. */
void moon_mutations_sweep(struct moon_mutations *m);

#endif
