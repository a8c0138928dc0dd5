/* SPDX-License-Identifier: Apache-2.0
 *
 * script.h - the calls of one file of tests/fidelity/calls.
 *
 * A script is data: a list of calls in the order in which they are made. README.md beside this file
 * describes the members of a call. What a later call needs of an earlier answer is kept under a
 * name and stands in paths, headers and bodies as ${name}.
 */
#ifndef MOON_FIDELITY_SCRIPT_H
#define MOON_FIDELITY_SCRIPT_H

#include "io/json.h"

struct fidelity_call {
    const char *name;
    const char *method;
    const char *path;
    const char *type;   /* Content-Type; NULL without a body */
    const char *accept; /* NULL: application/json */
    char *body;         /* NULL: none */
    const cJSON *keep;  /* name: dotted path into the answer; NULL: nothing is kept */
    const cJSON *until; /* ask again until {status: N}, {at: path} is there, {at: path, is: text} or
                         * {at: path, items: N}; NULL: ask once */
    bool is_watch;      /* the answer is a line per event */
};

struct fidelity_script {
    cJSON *document; /* what the calls point into */
    struct fidelity_call *calls;
    size_t count;
};

/* Read a file and check that each call is one: MOON_E_INVALID names what is wrong with which. */
int fidelity_script_read(const char *path, struct fidelity_script *ret, struct moon_err *err);
void fidelity_script_fini(struct fidelity_script *script); /* for MOON_CLEANUP, too */

#endif
