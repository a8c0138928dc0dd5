/* SPDX-License-Identifier: Apache-2.0
 *
 * amounts.h - how much of each resource: what a node has to give, what a pod asks for.
 *
 * Whole numbers, as the stock scheduler counts: cpu in thousandths, everything else in units
 * (bytes, pieces), rounded up. A resource that is not listed is 0. Lists are short (cpu, memory,
 * pods, now and then a device), so they are searched from the front.
 */
#ifndef MOON_SIM_AMOUNTS_H
#define MOON_SIM_AMOUNTS_H

#include "base/intern.h"
#include "io/json.h"

struct moon_amount {
    moon_sym name;
    int64_t value;
};

/* A value type; zeroed = nothing. */
struct moon_amounts {
    struct moon_amount *items;
    size_t count;
};

/* From a ResourceList ({"cpu":"100m"}); NULL or null gives nothing. *ret must be empty; it holds
 * something to be finished also after an error. */
int moon_amounts_from_json(const cJSON *json, struct moon_amounts *ret, struct moon_err *err);
void moon_amounts_fini(struct moon_amounts *a);

int64_t moon_amounts_get(const struct moon_amounts *a, const char *name);
void moon_amounts_set(struct moon_amounts *a, const char *name, int64_t value);
/* a += b, a -= b (saturating); a = max(a, b). */
void moon_amounts_add(struct moon_amounts *a, const struct moon_amounts *b);
void moon_amounts_sub(struct moon_amounts *a, const struct moon_amounts *b);
void moon_amounts_max(struct moon_amounts *a, const struct moon_amounts *b);
/* In any order; what is 0 may be missing. */
bool moon_amounts_equal(const struct moon_amounts *a, const struct moon_amounts *b);

#endif
