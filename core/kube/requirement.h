/* SPDX-License-Identifier: Apache-2.0
 *
 * requirement.h - one condition on one label, as label selectors and node affinity share it.
 *
 * Built in steps (key, operator, values), then checked once; only a checked requirement may be
 * asked. The rules are those of apimachinery's labels.NewRequirement. Layer: kube, for selector.c
 * and affinity.c.
 */
#ifndef MOON_KUBE_REQUIREMENT_H
#define MOON_KUBE_REQUIREMENT_H

#include "base/intern.h"
#include "io/json.h"

enum moon_requirement_op {
    MOON_REQUIRE_IN,
    MOON_REQUIRE_NOT_IN,
    MOON_REQUIRE_EXISTS,
    MOON_REQUIRE_DOES_NOT_EXIST,
    MOON_REQUIRE_GREATER,
    MOON_REQUIRE_LESS,
};

/* A value type; zeroed = nothing yet. */
struct moon_requirement {
    moon_sym key;
    enum moon_requirement_op op;
    bool is_equality; /* IN and NOT_IN written as = and != */
    moon_sym *values; /* once checked: sorted, unique */
    size_t value_count;
    int64_t bound; /* GREATER and LESS */
};

/* From {key, operator, values}, *not* yet checked. `with_bounds`: Gt and Lt are operators, too.
 * *ret holds something to be finished also after an error; errors name the member. */
int moon_requirement_from_json(const cJSON *json, bool with_bounds, struct moon_requirement *ret,
                               struct moon_err *err);
void moon_requirement_fini(struct moon_requirement *r);
void moon_requirement_add_value(struct moon_requirement *r, struct moon_str value);

/* Key and values as the API server admits them, as many values as the operator takes. */
int moon_requirement_check(struct moon_requirement *r, struct moon_err *err);

/* `value`: of the label, NULL when there is none; interned. */
bool moon_requirement_matches(const struct moon_requirement *r, moon_sym value);

#endif
