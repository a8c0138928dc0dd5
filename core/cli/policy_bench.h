/* SPDX-License-Identifier: Apache-2.0
 *
 * policy_bench.h - what `moonset policy bench` has measured, and printing it. Layer: cli.
 */
#ifndef MOON_CLI_POLICY_BENCH_H
#define MOON_CLI_POLICY_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MOON_BENCH_HOOKS = 16 /* at most, of a policy */
};

/* One hook. */
struct moon_bench_result {
    const char *hook;
    const char *per; /* "node", "pod" or "call": what a time is of */
    double plain_ns; /* each asked */
    double memo_ns;  /* with the memo; 0: the hook has none */
    uint64_t hits;   /* of the last round, and what was asked in it */
    uint64_t asked;
    size_t paths;
    size_t memo_bytes;
    char reads[512]; /* what its answers depend on */
    const char *memo_off;
    size_t actions;     /* of update: what it recorded */
    size_t state_bytes; /* of the policy's Lua state */
    double allocations; /* in it, per node, pod or call */
};

struct moon_bench_policy {
    const char *name;
    char version[16];
    char *hooks; /* owned */
    struct moon_bench_result results[MOON_BENCH_HOOKS];
    size_t count;
    double reload_ms; /* loading it, and select for every node */
};

/* policy_bench_print.c */
void moon_bench_print_table(size_t nodes, const struct moon_bench_policy *policies, size_t count);
void moon_bench_print_json(size_t nodes, const struct moon_bench_policy *policies, size_t count);

#endif
