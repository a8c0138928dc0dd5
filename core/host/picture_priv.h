/* SPDX-License-Identifier: Apache-2.0
 *
 * picture_priv.h - what picture.c (reads, watches) shares with picture_write.c.
 */
#ifndef MOON_HOST_PICTURE_PRIV_H
#define MOON_HOST_PICTURE_PRIV_H

#include "base/list.h"
#include "host/picture.h"
#include "kube/labels.h"

struct moon_picture_object {
    char *namespace; /* NULL: none */
    char *name;
    char *node; /* a pod's; NULL: none */
    char *text;
    uint64_t version;
    struct moon_labels labels;
};

struct moon_picture {
    unsigned magic;
    struct moon_picture_opts opts;
    uint64_t version;         /* the highest that was given */
    unsigned made;            /* objects created: for their uids */
    struct moon_map *shelves; /* "daemonsets.apps" -> moon_map of "ns/name" -> object, owned */
    struct moon_list calls;   /* to be answered, and watches */
    struct moon_defer *answering;
};

/* An answer to a call that was asked; NULL texts are fine. */
void moon_picture_answer(struct moon_client_call *call, int status, struct moon_str body);
void moon_picture_refuse(struct moon_client_call *call, int status, const char *reason,
                         const char *message);

/* NULL: not there. */
struct moon_picture_object *moon_picture_find(const struct moon_picture *p, const char *resource,
                                              const char *namespace, const char *name);
/* Put in a new text (taken), or the object's new text, and tell those who watch. */
void moon_picture_put(struct moon_picture *p, const char *resource, char *take_text);
void moon_picture_remove(struct moon_picture *p, const char *resource,
                         struct moon_picture_object *object);
/* "daemonsets.apps"; the caller frees. */
char *moon_picture_shelf_name(const struct moon_resource *r);

/* picture_write.c: carry out and answer. */
void moon_picture_carry_out(struct moon_picture *p, struct moon_client_call *call,
                            const struct moon_client_question *q);

/* picture_write.c: a member of an object's tree, instead of the one that is there. */
void moon_picture_set_text(cJSON *object, const char *key, const char *text);

#endif
