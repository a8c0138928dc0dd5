/* SPDX-License-Identifier: Apache-2.0
 *
 * coverage.h - which lines of the loaded chunks were run. For test runs only.
 *
 * Which lines have code is read from the compiled chunk (lua_dump), nested functions included,
 * whether they were ever made or not. Private to policy.
 */
#ifndef MOON_POLICY_COVERAGE_H
#define MOON_POLICY_COVERAGE_H

#include <lua.h>

#include "base/mem.h"

struct moon_coverage;

MOON_API struct moon_coverage *moon_coverage_new(void);
MOON_API void moon_coverage_free(struct moon_coverage *c); /* NULL is fine */
/* The chunk on the top of the stack was compiled as `name` ("@x.lua"). The second time nothing is
 * new. */
MOON_API void moon_coverage_chunk(struct moon_coverage *c, lua_State *L, const char *name);
/* A line event. */
MOON_API void moon_coverage_line(struct moon_coverage *c, lua_State *L, lua_Debug *ar);

struct moon_coverage_file {
    const char *file;    /* "x.lua" */
    const size_t *never; /* lines that have code and were not run, ascending */
    size_t never_count;
    size_t total; /* lines with code */
};
/* In the order in which they were compiled. */
MOON_API void moon_coverage_each(const struct moon_coverage *c,
                                 void (*fn)(const struct moon_coverage_file *f, void *ctx),
                                 void *ctx);

#endif
