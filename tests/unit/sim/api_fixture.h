/* SPDX-License-Identifier: Apache-2.0
 *
 * api_fixture.h - a server of its own for each test, and a client that calls it over HTTP.
 */
#ifndef MOON_TESTS_API_FIXTURE_H
#define MOON_TESTS_API_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "io/http.h"
#include "io/json.h"
#include "sim/apiserver.h"

#define JSON "Content-Type: application/json"
#define MERGE "Content-Type: application/merge-patch+json"
#define STRATEGIC "Content-Type: application/strategic-merge-patch+json"
#define TABLE "Accept: application/json;as=Table;v=v1;g=meta.k8s.io,application/json"

struct fixture {
    struct moon_loop *loop;
    struct moon_sim_api *api;
    struct moon_http *http;
    int pending;
    int status;
    cJSON *answer; /* of the last call; NULL when it is no JSON */
    char *text;
};

/* A running watch: its lines so far. */
struct watch {
    struct moon_http_call *call;
    struct moon_buf lines;
    bool ended;
};

int setup_with(void **state, const struct moon_sim_api_opts *opts);
int setup(void **state);
int teardown(void **state);
int call(struct fixture *f, const char *method, const char *path, const char *header,
         const char *body);
int get(struct fixture *f, const char *path);
int post(struct fixture *f, const char *path, const char *body);
const char *text_at(const struct fixture *f, const char *path);
int64_t int_at(const struct fixture *f, const char *path);
int items(const struct fixture *f);
void wait_gone(struct fixture *f, const char *path);
void watch_start(struct fixture *f, struct watch *w, const char *path);
void watch_until(struct fixture *f, struct watch *w, const char *wanted);
void watch_stop(struct watch *w);
const char *watch_types(const struct watch *w, char out[64]);

#define API_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
