/* SPDX-License-Identifier: Apache-2.0
 *
 * repl.h - a prompt for Lua in the sandbox of policies, with the objects of a cluster at hand.
 *
 * A line sees what a policy sees, and `nodes`, `sets` (by name) and set("namespace/name"). What it
 * assigns without `local` stays for the next one, except views: they are made anew for each line.
 * Layer: policy.
 */
#ifndef MOON_POLICY_REPL_H
#define MOON_POLICY_REPL_H

#include "policy/hooks.h"

struct moon_repl;

struct moon_repl_opts {
    const struct moon_node *const *nodes; /* borrowed until free */
    size_t node_count;
    const struct moon_set_view *sets; /* borrowed until free */
    size_t set_count;
};

MOON_API struct moon_repl *moon_repl_new(const struct moon_repl_opts *opts);
MOON_API void moon_repl_free(struct moon_repl *r); /* NULL is fine */

enum moon_repl_outcome {
    MOON_REPL_DONE,       /* `out` has what it gave; empty: nothing */
    MOON_REPL_INCOMPLETE, /* the text could go on: ask for another line */
    MOON_REPL_FAILED,     /* `out` says why */
};
/* Run an expression or statements, and add to `out`. */
MOON_API enum moon_repl_outcome moon_repl_run(struct moon_repl *r, struct moon_str text,
                                              struct moon_buf *out);

#endif
