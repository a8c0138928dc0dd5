/* SPDX-License-Identifier: Apache-2.0
 *
 * auth.h - credentials that may take time to get and that go stale.
 *
 * Static tokens and basic credentials are there at once; a token file is re-read when it has
 * changed or after a minute; an exec plugin runs asynchronously and its answer is kept until it
 * expires. Callers ask before each request and say when the server did not accept what they got.
 * Tokens have no printer. Layer: kube.
 */
#ifndef MOON_KUBE_AUTH_H
#define MOON_KUBE_AUTH_H

#include "kube/kubeconfig.h"

struct moon_auth;
struct moon_auth_wait;

/* `config` is borrowed and must outlive it. */
MOON_API struct moon_auth *
moon_auth_new(struct moon_loop *loop, const struct moon_kubeconfig *config, struct moon_err *err);
MOON_API void moon_auth_free(struct moon_auth *a);

/* True: *ret_header ("Authorization: …", or NULL for none) and *ret_tls are usable now; borrowed
 * until the next turn of the loop. False: call moon_auth_wait. */
MOON_API bool moon_auth_ready(struct moon_auth *a, const char **ret_header,
                              const struct moon_tls **ret_tls);
/* `fn` runs once when credentials are there (err NULL) or cannot be had. */
MOON_API struct moon_auth_wait *
moon_auth_wait(struct moon_auth *a, void (*fn)(const struct moon_err *err, void *ctx), void *ctx);
MOON_API void moon_auth_wait_cancel(struct moon_auth_wait *w);
/* The server answered 401 to `header`: forget it, unless newer credentials have come since. True
 * when asking again can help (a file or a plugin may have something newer). */
MOON_API bool moon_auth_rejected(struct moon_auth *a, const char *header);

#endif
