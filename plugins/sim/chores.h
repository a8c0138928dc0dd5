/* SPDX-License-Identifier: Apache-2.0
 *
 * chores.h - keys that somebody looks after: at most one write under way for each, a bounded number
 * in all, and what failed is tried again.
 *
 * The owner says which key to look at, now or later; `next` says what is to be written for it as
 * things stand then, or that there is nothing. After each write that was accepted the key is looked
 * at once more, so a key that needs two writes gets them one after the other. `next` is never
 * called from inside another call of ours, so listeners of a store may say what to look at.
 */
#ifndef MOON_SIM_CHORES_H
#define MOON_SIM_CHORES_H

#include "kube/client.h"

struct moon_chores;

struct moon_chores_opts {
    struct moon_client *client; /* borrowed */
    const char *name;           /* for the metrics of its queue, and the log */
    size_t max_in_flight;
    /* Fill `request` (its body goes to `body`); false: nothing to do for this key. */
    bool (*next)(struct moon_str key, struct moon_request *request, struct moon_buf *body,
                 void *ctx);
    /* The write was accepted. Optional. */
    void (*done)(struct moon_str key, const struct moon_answer *answer, void *ctx);
    void *ctx;
};

struct moon_chores *moon_chores_new(const struct moon_chores_opts *opts);
void moon_chores_free(struct moon_chores *c); /* NULL is fine */

void moon_chores_look(struct moon_chores *c, const char *key);
/* Of several times for one key the earliest counts. */
void moon_chores_look_after(struct moon_chores *c, const char *key, uint64_t delay_ms);

#endif
