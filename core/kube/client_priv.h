/* SPDX-License-Identifier: Apache-2.0
 *
 * client_priv.h - what client.c shares with client_answer.c (what an answer means) and watch.c
 * (what this server is known to offer). Layer: kube.
 */
#ifndef MOON_KUBE_CLIENT_PRIV_H
#define MOON_KUBE_CLIENT_PRIV_H

#include "kube/client.h"

/* Lists streamed through a watch: assumed until the server has refused one. */
bool moon_client_offers_streamed_lists(const struct moon_client *c);
void moon_client_forget_streamed_lists(struct moon_client *c);

/* Add "name=value" to a query, the value escaped; nothing for NULL or "". */
void moon_client_add_query(struct moon_buf *query, const char *name, const char *value);

/* ---- client_answer.c ---- */

/* Who asked for what, for texts. */
struct moon_client_subject {
    const char *verb;   /* "list" */
    const char *what;   /* "daemonsets.apps", or a raw path */
    const char *source; /* where the credentials come from */
    bool is_json;       /* anything but JSON makes no sense as a 2xx body */
};

/* Judge an answer that came. 0: it is a success. Else *err says what to do; *ret_status is the
 * Status object or NULL (the caller deletes it). */
int moon_client_judge(const struct moon_client_subject *subject,
                      const struct moon_http_answer *answer, cJSON **ret_status,
                      struct moon_err *err);

/* The first piece of a streamed JSON body. */
int moon_client_judge_start(const struct moon_client_subject *subject, struct moon_str piece,
                            struct moon_err *err);

#endif
