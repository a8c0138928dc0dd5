/* SPDX-License-Identifier: Apache-2.0
 *
 * hook_each.h - one policy's pure hook asked about many nodes or pods, as select, rank, health and
 * mutate are. What the memo knows is not asked. The rest is asked in batches of 4,096 under one
 * budget of 50 ms. Each object is a call of its own, so one that makes a script fail leaves the
 * others alone. Private to policy.
 */
#ifndef MOON_POLICY_HOOK_EACH_H
#define MOON_POLICY_HOOK_EACH_H

#include "policy/memo.h"
#include "policy/policies_priv.h"

struct moon_hook_each {
    struct moon_hook_call call;
    size_t count; /* of objects */
    int results;  /* of a call */
    struct moon_subject (*subject)(const struct moon_hook_each *h, size_t i);
    /* What a hook records on: its first argument. Such a hook has no memo. NULL: it answers. */
    void *(*recorder)(struct moon_hook_each *h, size_t i);
    /* What the results on the top of the stack say. Nonzero: they are of the wrong shape, as *ret
     * says; nothing is in *ret_answer then. */
    int (*read)(const struct moon_hook_each *h, struct moon_hook_answer *ret_answer,
                struct moon_fault *ret);
    /* Take an answer, which stays the caller's. Nonzero: it cannot be, as *ret says. */
    int (*give)(const struct moon_hook_each *h, size_t i, const struct moon_hook_answer *answer,
                struct moon_fault *ret);
    /* There is none; that has been reported. */
    void (*miss)(const struct moon_hook_each *h, size_t i);
    void *ctx;

    /* of the batch */
    struct moon_memo *memo; /* NULL: none is used */
    bool told_stop;         /* a budget or memory stop was reported */
    bool ended;             /* no time is left */
    int states;             /* that were begun */
    size_t asked;
    size_t hits;
};

void moon_hook_each_ask(struct moon_hook_each *h);

#endif
