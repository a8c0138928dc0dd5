/* SPDX-License-Identifier: Apache-2.0
 *
 * reviews.h - questions put as objects: may I …, who am I. A review is created, answered at once
 * and never stored (`kubectl auth`).
 *
 * The simulated server neither authenticates nor authorizes, so its answers are those of a real one
 * that runs with --authorization-mode=AlwaysAllow and takes requests of anonymous users.
 */
#ifndef MOON_SIM_REVIEWS_H
#define MOON_SIM_REVIEWS_H

#include "sim/kinds.h"

/* Their rows, without indexes (see registry.h); each has `review`. */
size_t moon_sim_review_count(void);
const struct moon_sim_kind *moon_sim_review_at(size_t i);

#endif
