/* SPDX-License-Identifier: Apache-2.0
 *
 * apply_fixture.h - apply in front of the small server, plans for it, and what came of them.
 */
#ifndef MOON_TESTS_CONTROL_APPLY_FIXTURE_H
#define MOON_TESTS_CONTROL_APPLY_FIXTURE_H

#include "control/apply.h"
#include "server.h"

#define PODS "/api/v1/namespaces/default/pods"
#define KEY MOON_STR_LIT("default/agent")

enum {
    OUTCOMES_MAX = 200
};

/* What on_done said, in the order it said it. */
struct outcome {
    enum moon_code code;
    int status;
    bool found;
    bool quiet;
    char name[32];
};

struct fixture {
    struct server server;
    struct moon_apply *apply;
    struct outcome outcomes[OUTCOMES_MAX];
    size_t done;
    size_t plans_done;
    size_t failed;
    size_t retries;
};

int setup(void **state);
int teardown(void **state);
/* on_retry and its ctx are the fixture's. */
void start(struct fixture *f, struct moon_apply_opts opts);

/* Pods in the namespace default, owned by "owner". */
void add_create(struct fixture *f, struct moon_plan *plan, const char *name);
void add_delete(struct fixture *f, struct moon_plan *plan, const char *name, const char *uid);
void add_write(struct fixture *f, struct moon_plan *plan, enum moon_verb verb, const char *name);
struct moon_plan *plan_of_creates(struct fixture *f, struct moon_str key, const char *prefix,
                                  unsigned count);
void submit(struct fixture *f, struct moon_plan *plan);
/* Submit a plan that creates the pod a-0. */
void create_one(struct fixture *f);

/* The i-th on_done said this. */
void assert_outcome(const struct fixture *f, size_t i, enum moon_code code, int status);
/* The i-th request was this one. */
void assert_log(const struct fixture *f, size_t i, const char *line);

/* Faults: for the first call, or for the first nine. */
struct answer cut_first_before(const struct server *s, const char *method, size_t call);
struct answer hold_first(const struct server *s, const char *method, size_t call);
struct answer fail_often(const struct server *s, const char *method, size_t call);

#endif
