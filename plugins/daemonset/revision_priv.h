/* SPDX-License-Identifier: Apache-2.0
 *
 * revision_priv.h - one ControllerRevision: its data, its name, and the writes about it.
 *
 * revision.c writes, history.c decides which revision needs what. What a write sends is settled
 * when it is planned: the set's template may have changed by the time it is sent.
 */
#ifndef MOON_DAEMONSET_REVISION_PRIV_H
#define MOON_DAEMONSET_REVISION_PRIV_H

#include "daemonset/daemonset_priv.h"

/* Make set->data, the canonical data of the live template, unless it is there. */
int moon_ds_revision_make_data(struct moon_ds_set *set, struct moon_err *err);
/* Does `data` put the live template back? Byte for byte, or in another release's encoding. */
bool moon_ds_revision_has_data(const struct moon_ds_set *set, struct moon_str data);
/* Could the controller of this set own it and find it again: selector, deletion, controller? */
bool moon_ds_revision_is_claimable(const struct moon_ds_set *set, const struct moon_object *o);

/* Each adds one action, counted in set->history_open until it is done; then the history is dirty.
 */
void moon_ds_revision_plan_create(struct moon_ds_set *set, struct moon_plan *plan, int64_t number);
void moon_ds_revision_plan_collision(struct moon_ds_set *set, struct moon_plan *plan);
void moon_ds_revision_plan_adopt(struct moon_ds_set *set, struct moon_plan *plan,
                                 const struct moon_revision *r);
void moon_ds_revision_plan_release(struct moon_ds_set *set, struct moon_plan *plan,
                                   const struct moon_revision *r);
void moon_ds_revision_plan_label(struct moon_ds_set *set, struct moon_plan *plan,
                                 const struct moon_revision *r);
void moon_ds_revision_plan_number(struct moon_ds_set *set, struct moon_plan *plan,
                                  const struct moon_revision *r, int64_t number);
void moon_ds_revision_plan_delete(struct moon_ds_set *set, struct moon_plan *plan,
                                  const struct moon_revision *r, const char *reason);
/* Write down that it has been the stable one since then. `reason` is a literal. */
void moon_ds_revision_plan_stable(struct moon_ds_set *set, struct moon_plan *plan,
                                  const struct moon_revision *r, int64_t at_s, const char *reason);
/* Give a pod another hash label. */
void moon_ds_revision_plan_relabel(struct moon_ds_set *set, struct moon_plan *plan,
                                   struct moon_ds_pod *p, moon_sym hash);

#endif
