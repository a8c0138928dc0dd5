/* SPDX-License-Identifier: Apache-2.0
 *
 * scheduler_tally.h - how many nodes refused a pod for which reason, in kube-scheduler's words.
 */
#ifndef MOON_SIM_SCHEDULER_TALLY_H
#define MOON_SIM_SCHEDULER_TALLY_H

#include "base/buf.h"

struct moon_tally;

struct moon_tally *moon_tally_new(void);
void moon_tally_free(struct moon_tally *t);
void moon_tally_add(struct moon_tally *t, const char *reason, size_t nodes);
/* "0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) …." */
void moon_tally_write(const struct moon_tally *t, size_t nodes, struct moon_buf *out);

#endif
