/* SPDX-License-Identifier: Apache-2.0
 *
 * queries.h - the queries a policy declares for its hook `analyze`, and the keys beside them.
 * Private to policy.
 *
 * A text may have placeholders: {{namespace}} {{name}} {{revision}} {{previous_revision}} and
 * {{param.NAME}}. What stands for them is quoted as PromQL wants it: inside quotes as part of the
 * string, outside only numbers and durations are allowed, so no value can become syntax.
 */
#ifndef MOON_POLICY_QUERIES_H
#define MOON_POLICY_QUERIES_H

#include <lua.h>

#include "policy/analyze.h"
#include "policy/params.h"

struct moon_query {
    char *name;
    char *provider;
    char *text; /* as declared */
    uint64_t every_ms;
    uint64_t timeout_ms;
};

struct moon_queries {
    struct moon_query *items;
    size_t count;
    int64_t max_failures;
    bool rolls_back;
    uint64_t soak_ms;
};

void moon_queries_fini(struct moon_queries *q);
/* Read `queries`, `analyze_failures`, `on_fail` and `soak` of the table on the top; raises. `q`
 * belongs to the caller in any case. */
void moon_queries_read(lua_State *L, struct moon_queries *q, const struct moon_params *params);
/* The keys again, where the set gives parameters of their names: *ret is a copy without items. */
int moon_queries_resolve(const struct moon_queries *q, const struct moon_params *params,
                         const cJSON *values, struct moon_queries *ret, struct moon_err *err);

/* ---- query_text.c ---- */

/* What placeholders stand for. */
struct moon_query_facts {
    const char *namespace;
    const char *name;
    const char *revision;
    const char *previous_revision;
    const struct moon_params *params;
    const cJSON *values; /* of the set; NULL: only defaults */
};

/* Fill a text in. `facts` NULL: only check it, with the declarations of `params`. `out` has what
 * was written before an error. */
int moon_query_fill(const char *text, const struct moon_params *params,
                    const struct moon_query_facts *facts, struct moon_buf *out,
                    struct moon_err *err);

#endif
