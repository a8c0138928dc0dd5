/* SPDX-License-Identifier: Apache-2.0
 *
 * hook_each.h - one policy's hook asked about many nodes or pods, as select, rank, health and
 * mutate are: in batches of 4,096 under one budget of 50 ms. Each object is a call of its own, so
 * one that makes a script fail leaves the others alone. Private to policy.
 */
#ifndef MOON_POLICY_HOOK_EACH_H
#define MOON_POLICY_HOOK_EACH_H

#include "policy/policies_priv.h"

struct moon_hook_each {
    struct moon_hook_call call;
    size_t count;                                                                  /* of objects */
    int results;                                                                   /* of a call */
    const struct moon_object *(*object)(const struct moon_hook_each *h, size_t i); /* its head */
    /* Its view, the first argument. NULL: the objects are nodes. */
    void *(*view)(struct moon_hook_each *h, size_t i);
    /* One more view, between that and the set; NULL: there is none. */
    void *(*second)(struct moon_hook_each *h, size_t i);
    /* Take its answer: the results on the top of the stack. Nonzero: it is of the wrong shape, as
     * *ret says. */
    int (*take)(struct moon_hook_each *h, size_t i, struct moon_fault *ret);
    /* There is none; that has been reported. */
    void (*miss)(struct moon_hook_each *h, size_t i);
    void *ctx;
    bool told_stop; /* a budget or memory stop of this batch was reported */
};

void moon_hook_each_ask(struct moon_hook_each *h);

#endif
