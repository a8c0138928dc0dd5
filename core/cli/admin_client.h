/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_client.h - asking the admin port of a controller that runs. Layer: cli.
 */
#ifndef MOON_CLI_ADMIN_CLIENT_H
#define MOON_CLI_ADMIN_CLIENT_H

#include "io/json.h"

struct moon_admin_question {
    const char *url;        /* "http://127.0.0.1:8090" */
    const char *token_file; /* NULL: none */
    uint64_t timeout_ms;
    const char *path;         /* "/get" */
    const char *names[3];     /* of its arguments, NULL-terminated… */
    const char *arguments[3]; /* …and their values; NULL: without */
};

/* The answer, the caller's; NULL: *err says why there is none. */
cJSON *moon_admin_ask(const struct moon_admin_question *q, struct moon_err *err);

#endif
