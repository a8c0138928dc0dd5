/* SPDX-License-Identifier: Apache-2.0
 *
 * admin.c - what the admin port answers.
 */
#include "host/admin.h"

#include "base/metrics.h"

#define ADMIN_MAGIC 0xad317001u

enum {
    READY_MAX_BYTES = 64 * 1024,
    METRICS_MAX_BYTES = 16 * 1024 * 1024
};

struct check {
    const char *name;
    bool (*fn)(void *ctx);
    void *ctx;
};

struct moon_admin {
    unsigned magic;
    struct moon_httpd *httpd;
    const struct moon_registry *registry;
    struct check *checks;
    size_t check_count;
    struct moon_admin_views views;
};

static void reply_text(struct moon_httpd_request *r, int status, const char *text)
{
    moon_httpd_reply(r, status, "text/plain; charset=utf-8", moon_str(text));
}

static void readyz(const struct moon_admin *a, struct moon_httpd_request *r)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(READY_MAX_BYTES);
    bool ready = true;

    for (size_t i = 0; i < a->check_count; i++) {
        bool ok = a->checks[i].fn(a->checks[i].ctx);
        ready &= ok;
        moon_buf_printf(&text, "[%c] %s\n", ok ? '+' : '-', a->checks[i].name);
    }
    if (ready) {
        moon_buf_puts(&text, "ok\n");
    }
    moon_httpd_reply(r, ready ? 200 : 503, "text/plain; charset=utf-8", moon_buf_str(&text));
}

static void metrics(struct moon_httpd_request *r)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(METRICS_MAX_BYTES);

    moon_metrics_write(&text);
    if (text.overflow) {
        reply_text(r, 500, "there are more metrics than fit an answer\n");
        return;
    }
    moon_httpd_reply(r, 200, "text/plain; version=0.0.4; charset=utf-8", moon_buf_str(&text));
}

static void handle(struct moon_httpd_request *r, void *ctx)
{
    const struct moon_admin *a = MOON_CAST(moon_admin, ctx, ADMIN_MAGIC);
    const char *path = moon_httpd_path(r);

    if (!moon_streq(moon_httpd_method(r), "GET")) {
        moon_httpd_add_header(r, "Allow", "GET");
        reply_text(r, 405, "only GET is answered here\n");
    } else if (moon_streq(path, "/healthz")) {
        reply_text(r, 200, "ok\n");
    } else if (moon_streq(path, "/readyz")) {
        readyz(a, r);
    } else if (moon_streq(path, "/metrics")) {
        metrics(r);
    } else if (!moon_admin_views_answer(&a->views, r) && !moon_registry_answer(a->registry, r)) {
        reply_text(r, 404, "not found; there are /healthz, /readyz, /metrics, /explain and /get\n");
    }
}

struct moon_admin *moon_admin_new(struct moon_loop *loop, const char *listen,
                                  const struct moon_registry *registry, struct moon_err *err)
{
    struct moon_admin *a = moon_new(struct moon_admin);

    a->magic = ADMIN_MAGIC;
    a->registry = registry;
    a->httpd = moon_httpd_new(
        loop, &(struct moon_httpd_opts){.listen = listen, .handler = handle, .ctx = a}, err);
    if (a->httpd == NULL) {
        (void)moon_err_wrap(err, "--listen %s", listen);
        moon_free(a);
        return NULL;
    }
    return a;
}

void moon_admin_free(struct moon_admin *a)
{
    if (a != NULL) {
        moon_httpd_free(a->httpd);
        moon_free(a->checks);
        a->magic = 0;
        moon_free(a);
    }
}

uint16_t moon_admin_port(const struct moon_admin *a)
{
    return moon_httpd_port(a->httpd);
}

void moon_admin_add_check(struct moon_admin *a, const char *name, bool (*fn)(void *ctx), void *ctx)
{
    a->checks = moon_realloc_array(a->checks, a->check_count + 1, sizeof(*a->checks));
    a->checks[a->check_count++] = (struct check){name, fn, ctx};
}

void moon_admin_show(struct moon_admin *a, const struct moon_admin_views *views)
{
    a->views = *views;
}
