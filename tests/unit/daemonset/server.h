/* SPDX-License-Identifier: Apache-2.0
 *
 * server.h - what fixture.c, server.c and world.c share.
 */
#ifndef MOON_TESTS_DAEMONSET_SERVER_H
#define MOON_TESTS_DAEMONSET_SERVER_H

#include "fixture.h"

/* Carry one action out and answer it. */
void serve(struct fixture *f, const struct moon_action *action);

/* Give the object a new resourceVersion; its text, for cJSON_free. */
char *stamp(struct fixture *f, cJSON *object);
void set_time(struct fixture *f, cJSON *object, const char *key, int age_s);
/* The set as the server would send it, with a new resourceVersion. */
char *set_text(struct fixture *f);
/* What a watch would do with the text of an event. */
void put_text(struct fixture *f, struct moon_informer *i, const struct moon_kind *kind,
              const char *text);
void delete_text(struct fixture *f, struct moon_informer *i, const struct moon_kind *kind,
                 const char *text);

#endif
