/* SPDX-License-Identifier: Apache-2.0
 *
 * manifest.h - creates what YAML or JSON files hold, one object after the other.
 *
 * Where a kind lives is asked from the server (discovery), so any kind it serves can be created.
 * What exists already is left as it is, and said.
 */
#ifndef MOON_SIM_MANIFEST_H
#define MOON_SIM_MANIFEST_H

#include "kube/client.h"

struct moon_manifest;

struct moon_manifest_opts {
    struct moon_client *client;
    const char *const *files;
    size_t file_count;
    /* "daemonset.apps/agent created"; optional. */
    void (*on_object)(const char *what, void *ctx);
    /* Once. err: what was refused, with its file; what follows was not sent. */
    void (*on_done)(const struct moon_err *err, void *ctx);
    void *ctx;
};

/* Reads the files at once; nothing is sent before start. */
struct moon_manifest *moon_manifest_new(const struct moon_manifest_opts *opts,
                                        struct moon_err *err);
void moon_manifest_start(struct moon_manifest *m);
void moon_manifest_free(struct moon_manifest *m); /* NULL is fine */

#endif
