/* SPDX-License-Identifier: Apache-2.0
 *
 * snapshot.h - everything a controller reads of a cluster at one time, as one file.
 *
 * After the scene (scene.h) comes a line for each object, lean (lean.h):
 *   {"resource":"daemonsets.apps","object":{…}}
 * and one for each answer of a provider of figures (figures.h).
 * Layer: host.
 */
#ifndef MOON_HOST_SNAPSHOT_H
#define MOON_HOST_SNAPSHOT_H

#include "host/figures.h"
#include "host/lean.h"
#include "host/scene.h"
#include "host/tap.h"

enum {
    MOON_SNAPSHOT_FORMAT = 1
};

struct moon_snapshot {
    struct moon_scene scene;
    struct moon_map *objects; /* "daemonsets.apps/<uid>" -> its text, owned; in order of arrival */
    struct moon_figures *figures;
    char salt[MOON_LEAN_SALT];
};

MOON_API struct moon_snapshot *moon_snapshot_new(void);
MOON_API void moon_snapshot_free(struct moon_snapshot *s); /* NULL is fine */
MOON_DEFINE_CLEANUP(struct moon_snapshot, moon_snapshot_free);
/* A tap that takes in what a client is told of objects. The snapshot outlives it. */
MOON_API struct moon_tap *moon_snapshot_tap(struct moon_snapshot *s);

MOON_API void moon_snapshot_write(const struct moon_snapshot *s, struct moon_buf *out);
/* Errors name the line. */
MOON_API struct moon_snapshot *moon_snapshot_parse(struct moon_str text, struct moon_err *err);
/* Errors name the file, too. */
MOON_API struct moon_snapshot *moon_snapshot_read(const char *path, struct moon_err *err);

#endif
