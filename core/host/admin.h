/* SPDX-License-Identifier: Apache-2.0
 *
 * admin.h - /healthz /readyz /metrics, /explain /get, and the routes plugins add. Layer: host.
 */
#ifndef MOON_HOST_ADMIN_H
#define MOON_HOST_ADMIN_H

#include "host/registry.h"

struct moon_admin;

/* `listen` as httpd.h has it; `registry` is borrowed. NULL: the address is wrong or taken. */
MOON_API struct moon_admin *moon_admin_new(struct moon_loop *loop, const char *listen,
                                           const struct moon_registry *registry,
                                           struct moon_err *err);
MOON_API void moon_admin_free(struct moon_admin *a);
MOON_API uint16_t moon_admin_port(const struct moon_admin *a);
/* /readyz answers 503 and names each check that says no. `name` is borrowed until free. */
MOON_API void moon_admin_add_check(struct moon_admin *a, const char *name, bool (*fn)(void *ctx),
                                   void *ctx);

/* What the live controller knows, for /explain and /get; who may ask is said in admin_views.c. */
struct moon_admin_views {
    cJSON *(*explain)(struct moon_str key, const char *node, void *ctx, struct moon_err *err);
    cJSON *(*list)(const char *what, struct moon_str key, void *ctx, struct moon_err *err);
    const char *token_file; /* NULL: only this machine may ask */
    void *ctx;
};
MOON_API void moon_admin_show(struct moon_admin *a, const struct moon_admin_views *views);

/* admin_views.c, for admin.c: false: neither of them. */
bool moon_admin_views_answer(const struct moon_admin_views *v, struct moon_httpd_request *r);

#endif
