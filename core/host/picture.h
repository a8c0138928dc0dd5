/* SPDX-License-Identifier: Apache-2.0
 *
 * picture.h - a cluster in memory that answers a client as an API server would.
 *
 * A stand-in (kube/client_stand_in.h) over the objects of a snapshot: lists, watches and reads, for
 * planning without a server; and the writes of a controller, for playing a roll. What it does not
 * know it answers with 404. Layer: host.
 */
#ifndef MOON_HOST_PICTURE_H
#define MOON_HOST_PICTURE_H

#include "host/snapshot.h"

struct moon_picture;

struct moon_picture_opts {
    struct moon_loop *loop;
    /* An object was written (its new text), or deleted (its last one; is_gone). May be NULL. */
    void (*on_write)(const char *resource, struct moon_str text, bool is_gone, void *ctx);
    void *ctx;
};

MOON_API struct moon_picture *moon_picture_new(const struct moon_picture_opts *opts,
                                               const struct moon_snapshot *snapshot);
/* After the client. NULL is fine. */
MOON_API void moon_picture_free(struct moon_picture *p);
/* For moon_client_opts.stand_in. */
MOON_API struct moon_client_stand_in moon_picture_stand_in(struct moon_picture *p);

/* As somebody else: put a changed object in, with a new version; false when there is none of this
 * namespace and name. `change` gets the tree. */
MOON_API bool moon_picture_change(struct moon_picture *p, const char *resource,
                                  const char *namespace, const char *name,
                                  void (*change)(cJSON *object, void *ctx), void *ctx);

#endif
