/* SPDX-License-Identifier: Apache-2.0
 *
 * params.h - the parameters a policy declares, and the values a set gives them. Private to policy.
 *
 * A value is kept as JSON after it was checked: text for string and selector, a number for integer,
 * number and duration (seconds), either for intstr, a list of texts for list.
 */
#ifndef MOON_POLICY_PARAMS_H
#define MOON_POLICY_PARAMS_H

#include <lua.h>

#include "io/json.h"

enum moon_param_type {
    MOON_PARAM_STRING,
    MOON_PARAM_INTEGER,
    MOON_PARAM_NUMBER,
    MOON_PARAM_BOOLEAN,
    MOON_PARAM_DURATION,
    MOON_PARAM_INTSTR,
    MOON_PARAM_SELECTOR,
    MOON_PARAM_LIST,
    MOON_PARAM_TYPES,
};

struct moon_param {
    char *name;
    char *doc; /* NULL without */
    enum moon_param_type type;
    bool required;
    cJSON *fallback; /* NULL without a default */
    cJSON *one_of;   /* the words that a string may be; NULL: any */
};

struct moon_params {
    struct moon_param *items;
    size_t count;
};

void moon_params_fini(struct moon_params *p);
const char *moon_param_type_name(enum moon_param_type type); /* as declared: "string", … */
const struct moon_param *moon_params_find(const struct moon_params *p, const char *name);

/* Read the declarations in the table on the top of the stack; raises. `p` belongs to the caller in
 * any case. */
void moon_params_read(lua_State *L, struct moon_params *p);

/* A value for one parameter, checked and normalised; NULL and *err otherwise. */
cJSON *moon_param_value(const struct moon_param *p, const cJSON *given, struct moon_err *err);

/* Push the table `set.params`: `values` is an object, or NULL; raises. */
void moon_params_push(lua_State *L, const struct moon_params *p, const cJSON *values);

#endif
