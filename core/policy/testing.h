/* SPDX-License-Identifier: Apache-2.0
 *
 * testing.h - policy tests: given nodes, pods and a set, what do the hooks answer?
 *
 * A test is a YAML text beside the policy (policies/README.md, "Testing a policy"). Its objects are
 * projected as the API server's are and asked about through the same chain and hooks as in
 * production, the stock policies included. Every case is run again with nodes, pods and `pairs` in
 * another order, and must answer the same.
 *
 * All versions a test runs are copies with states of their own: what is in force never notices.
 * Layer: policy.
 */
#ifndef MOON_POLICY_TESTING_H
#define MOON_POLICY_TESTING_H

#include "policy/policies.h"

struct moon_version;

enum {
    MOON_POLICY_TEST_MAX_BYTES = 256 * 1024, /* of one text */
};

struct moon_policy_test_text {
    const char *policy; /* which it tests unless it says so; NULL: from the file's name */
    const char *file;   /* for errors: "edge-only_test.yaml" */
    struct moon_str text;
};

/* One thing that is not as expected. */
struct moon_policy_test_difference {
    size_t line;
    const char *path; /* "select.n2" */
    const char *expected;
    const char *got;
};

/* What one hook cost in a case. */
struct moon_policy_test_cost {
    const char *hook;
    uint64_t calls;
    uint64_t instructions; /* of the VM, over all calls; C functions count as one */
    uint64_t most;         /* of one call */
};

/* One case that has been run. Texts are valid during the call. */
struct moon_policy_test_case {
    const char *file;
    size_t line;
    const char *policy;
    const char *name;
    bool passed;
    const struct moon_policy_test_difference *differences;
    size_t difference_count;
    const struct moon_policy_test_cost *costs; /* with opts.count */
    size_t cost_count;
};

/* Which lines of a tested policy, or of what it requires, were run by the cases of one run. */
struct moon_policy_test_lines {
    const char *file;    /* "edge-only.lua", or a module: "lib.x" */
    const size_t *never; /* ascending */
    size_t never_count;
    size_t total; /* lines with code */
};

struct moon_policy_test_opts {
    const struct moon_policies *policies; /* where the stock policies and others come from */
    /* A version that is not in force yet, in place of the one of its name; NULL: none. */
    const struct moon_version *candidate;
    uint64_t seed;      /* of the other orders; any number */
    uint64_t max_ms;    /* CPU time of all cases together; 0: no limit. Looked at between calls */
    double patience;    /* multiplies CPU budgets once more: a busy machine fails no test; 0 = 1 */
    bool stop_at_first; /* failure */
    bool count;
    bool coverage;
    void (*on_case)(const struct moon_policy_test_case *c, void *ctx); /* may be NULL */
    /* With coverage, at the end of the run. */
    void (*on_lines)(const struct moon_policy_test_lines *lines, void *ctx);
    void *ctx;
};

struct moon_policy_test_sums {
    size_t passed;
    size_t failed;
};

/* Run all cases of all texts. 0: all have passed. MOON_E_INVALID: a text is malformed, as *err says
 * with file and line; then no case of that text, or of a later one, was run. MOON_E_POLICY: a case
 * failed (the first of them in *err). MOON_E_LIMIT: max_ms. *ret_sums is written in any case. */
MOON_API int moon_policy_test_run(const struct moon_policy_test_opts *opts,
                                  const struct moon_policy_test_text *texts, size_t count,
                                  struct moon_policy_test_sums *ret_sums, struct moon_err *err);

/* Only read it: 0, or MOON_E_INVALID with "file:line: case 'x': nodes.n1.ready: …". */
MOON_API int moon_policy_test_check(const struct moon_policy_test_text *text, struct moon_err *err);

/* "edge-only" from "a/edge-only_test.yaml"; NULL: that is no test. The caller frees. */
MOON_API char *moon_policy_test_subject(const char *file);

#endif
