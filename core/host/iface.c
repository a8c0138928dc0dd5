/* SPDX-License-Identifier: Apache-2.0
 *
 * iface.c - the tables that plugins ask for by name.
 */
#include <time.h>

#include "base/log.h"
#include "base/str.h"
#include "host/iface_controller.h"
#include "host/provider_priv.h"
#include "host/registry_priv.h"
#include "io/loop.h"

/* ---- core ---- */

static void core_log(const struct moon_host *host, uint32_t level, const char *message)
{
    static const enum moon_log_level levels[] = {MOON_LOG_ERROR, MOON_LOG_WARN, MOON_LOG_INFO,
                                                 MOON_LOG_DEBUG};
    enum moon_log_level l = levels[level < MOON_ARRAY_SIZE(levels) ? level : MOON_LOG_DEBUG];

    moon_log(l, moon_loaded_of(host)->plugin->name, message);
}

static const char *core_option(const struct moon_host *host, const char *name)
{
    const struct moon_loaded *l = moon_loaded_of(host);
    const struct moon_plugin_option *option = moon_option_declared(l->plugin, moon_str(name));

    if (option == NULL) {
        return NULL;
    }
    const char *given = moon_option_given(l->registry, l->plugin->name, name);
    return given != NULL ? given : option->default_value;
}

static int64_t clock_ms(clockid_t clock)
{
    struct timespec t;

    (void)clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t core_now_ms(const struct moon_host *host)
{
    const struct moon_loop *loop = moon_loaded_of(host)->registry->internal.loop;

    /* A command has no loop of ours. */
    return loop != NULL ? (int64_t)moon_loop_now(loop) : clock_ms(CLOCK_MONOTONIC);
}

static int64_t core_wall_ms(const struct moon_host *host)
{
    const struct moon_loop *loop = moon_loaded_of(host)->registry->internal.loop;

    return loop != NULL ? moon_loop_wall_ms(loop) : clock_ms(CLOCK_REALTIME);
}

static const struct moon_iface_core core = {
    .struct_size = sizeof(core),
    .host_version = MOONSET_VERSION,
    .log = core_log,
    .option = core_option,
    .now_ms = core_now_ms,
    .wall_ms = core_wall_ms,
};

/* ---- loop ---- */

struct moon_plugin_timer {
    struct moon_loaded *owner;
    struct moon_timer *timer;
    void (*fn)(void *ctx);
    void *ctx;
};

static void timer_fired(void *ctx)
{
    const struct moon_plugin_timer *t = ctx;
    const struct moon_loaded *owner = t->owner; /* the callback may free the timer */
    uint64_t began_ms = moon_callback_begin();

    t->fn(t->ctx);
    moon_callback_end(owner, "timer", began_ms);
}

static struct moon_plugin_timer *loop_timer_new(const struct moon_host *host, void (*fn)(void *ctx),
                                                void *ctx)
{
    struct moon_loaded *l = moon_loaded_of(host);
    struct moon_plugin_timer *t;

    if (l->registry->internal.loop == NULL) {
        return NULL; /* before start */
    }
    t = moon_new(struct moon_plugin_timer);
    *t = (struct moon_plugin_timer){.owner = l, .fn = fn, .ctx = ctx};
    t->timer = moon_timer_new(l->registry->internal.loop, timer_fired, t);
    return t;
}

static void loop_timer_start(struct moon_plugin_timer *t, int64_t delay_ms)
{
    moon_timer_start(t->timer, delay_ms > 0 ? (uint64_t)delay_ms : 0);
}

static void loop_timer_stop(struct moon_plugin_timer *t)
{
    moon_timer_stop(t->timer);
}

static void loop_timer_free(struct moon_plugin_timer *t)
{
    if (t != NULL) {
        moon_timer_free(t->timer);
        moon_free(t);
    }
}

static const struct moon_iface_loop loop = {
    .struct_size = sizeof(loop),
    .timer_new = loop_timer_new,
    .timer_start = loop_timer_start,
    .timer_stop = loop_timer_stop,
    .timer_free = loop_timer_free,
};

/* ---- command ---- */

static int command_add(const struct moon_host *host, const struct moon_plugin_command *given)
{
    struct moon_registry *r = moon_loaded_of(host)->registry;

    if (given->struct_size < sizeof(*given) || given->name == NULL || given->name[0] == '-' ||
        given->summary == NULL || given->run == NULL || moon_registry_is_reserved(given->name) ||
        moon_registry_command(r, given->name) != NULL) {
        return -1;
    }
    r->commands = moon_realloc_array(r->commands, r->command_count + 1, sizeof(*r->commands));
    r->commands[r->command_count++] = *given;
    return 0;
}

static const struct moon_iface_command command = {.struct_size = sizeof(command),
                                                  .add = command_add};

/* ---- http ---- */

static bool is_own_path(const char *path)
{
    static const char *const own[] = {"/healthz", "/readyz", "/metrics", "/explain", "/get"};

    for (size_t i = 0; i < MOON_ARRAY_SIZE(own); i++) {
        if (strcmp(path, own[i]) == 0) {
            return true;
        }
    }
    return false;
}

static int http_add(const struct moon_host *host, const struct moon_plugin_route *given)
{
    const struct moon_loaded *l = moon_loaded_of(host);
    struct moon_registry *r = l->registry;

    if (given->struct_size < sizeof(*given) || given->path == NULL || given->path[0] != '/' ||
        given->handler == NULL || is_own_path(given->path) ||
        moon_registry_has_route(r, given->path)) {
        return -1;
    }
    r->routes = moon_realloc_array(r->routes, r->route_count + 1, sizeof(*r->routes));
    r->routes[r->route_count++] = (struct moon_route){.given = *given, .owner = l};
    return 0;
}

static const char *http_argument(struct moon_plugin_request *request, const char *name)
{
    return moon_httpd_query(request->request, name);
}

static void http_reply(struct moon_plugin_request *request, int status, const char *content_type,
                       const char *body, size_t len)
{
    if (!request->answered) {
        request->answered = true;
        moon_httpd_reply(request->request, status, content_type, (struct moon_str){body, len});
    }
}

static const struct moon_iface_http http = {
    .struct_size = sizeof(http), .add = http_add, .argument = http_argument, .reply = http_reply};

/* ---- by name ---- */

const void *moon_iface_find(const struct moon_host *host, const char *name, uint32_t version)
{
    const struct {
        const char *name;
        const void *table;
    } tables[] = {{"core", &core},
                  {"loop", &loop},
                  {"command", &command},
                  {"http", &http},
                  {"provider", &moon_iface_provider},
                  {"controller", &moon_iface_controller}};
    const struct moon_loaded *l = moon_loaded_of(host);

    if (version != 1) {
        return NULL;
    }
    for (size_t i = 0; i < MOON_ARRAY_SIZE(tables); i++) {
        if (strcmp(tables[i].name, name) == 0) {
            return tables[i].table;
        }
    }
    /* The build id was compared when the plugin was accepted. */
    return strcmp(name, "internal") == 0 && l->plugin->build_id != NULL ? &l->registry->internal
                                                                        : NULL;
}
