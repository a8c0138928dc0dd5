/* SPDX-License-Identifier: Apache-2.0
 *
 * plan_priv.h - the inside of a plan, for plan.c and apply. Layer: control.
 */
#ifndef MOON_CONTROL_PLAN_PRIV_H
#define MOON_CONTROL_PLAN_PRIV_H

#include "control/plan.h"

enum {
    MOON_PLAN_MAGIC = 0x91a4
};

struct moon_plan {
    unsigned magic;
    struct moon_arena *arena;
    struct moon_str key; /* in the arena */
    struct moon_action **actions;
    size_t action_count;
    size_t action_capacity;
    struct moon_note *notes;
    size_t note_count;
    size_t note_capacity;
    uint64_t requeue_ms;
    void (*on_result)(const struct moon_result *result, void *ctx);
    void *on_result_ctx;
};

#endif
