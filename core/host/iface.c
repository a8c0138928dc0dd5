/* SPDX-License-Identifier: Apache-2.0
 *
 * iface.c - the tables that plugins ask for by name.
 */
#include <time.h>

#include "base/log.h"
#include "base/str.h"
#include "host/iface_controller.h"
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

static const struct moon_plugin_option *declared(const struct moon_plugin *p, const char *name)
{
    for (size_t i = 0; i < p->option_count; i++) {
        if (strcmp(p->options[i].name, name) == 0) {
            return &p->options[i];
        }
    }
    return NULL;
}

/* --plugin-option PLUGIN.NAME=VALUE, the last one wins; else the declared default. */
static const char *core_option(const struct moon_host *host, const char *name)
{
    const struct moon_loaded *l = moon_loaded_of(host);
    const struct moon_config *config = l->registry->internal.config;
    const struct moon_plugin_option *option = declared(l->plugin, name);
    MOON_AUTOFREE char *prefix = moon_asprintf("%s.%s=", l->plugin->name, name);
    const char *value = option != NULL ? option->default_value : NULL;

    for (size_t i = 0; option != NULL && config != NULL && config->plugin_options != NULL &&
                       config->plugin_options[i] != NULL;
         i++) {
        if (moon_str_starts(moon_str(config->plugin_options[i]), prefix)) {
            value = config->plugin_options[i] + strlen(prefix);
        }
    }
    return value;
}

static int64_t core_now_ms(const struct moon_host *host)
{
    return (int64_t)moon_loop_now(moon_loaded_of(host)->registry->internal.loop);
}

static int64_t core_wall_ms(const struct moon_host *host)
{
    return moon_loop_wall_ms(moon_loaded_of(host)->registry->internal.loop);
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

enum {
    SLOW_CALLBACK_MS = 50
};

struct moon_plugin_timer {
    struct moon_loaded *owner;
    struct moon_timer *timer;
    void (*fn)(void *ctx);
    void *ctx;
};

/* The loop's own clock stands still during a turn. */
static uint64_t clock_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void timer_fired(void *ctx)
{
    struct moon_plugin_timer *t = ctx;
    const char *plugin = t->owner->plugin->name;
    uint64_t started = clock_ms();

    t->fn(t->ctx);
    uint64_t took = clock_ms() - started;
    if (took > SLOW_CALLBACK_MS) {
        moon_warn("host", "a plugin's callback kept the loop waiting", "plugin", plugin, "ms",
                  MOON_LOG_INT(took));
    }
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

static int command_add(const struct moon_host *host, const struct moon_plugin_command *command)
{
    struct moon_registry *r = moon_loaded_of(host)->registry;

    if (command->name == NULL || command->run == NULL ||
        moon_registry_command(r, command->name) != NULL) {
        return -1;
    }
    r->commands = moon_realloc_array(r->commands, r->command_count + 1, sizeof(*r->commands));
    r->commands[r->command_count++] = *command;
    return 0;
}

static const struct moon_iface_command command = {.struct_size = sizeof(command),
                                                  .add = command_add};

/* ---- http ---- */

static int http_add(const struct moon_host *host, const struct moon_plugin_route *route)
{
    struct moon_registry *r = moon_loaded_of(host)->registry;

    if (route->path == NULL || route->path[0] != '/' || route->handler == NULL ||
        moon_registry_route(r, route->path) != NULL) {
        return -1;
    }
    r->routes = moon_realloc_array(r->routes, r->route_count + 1, sizeof(*r->routes));
    r->routes[r->route_count++] = *route;
    return 0;
}

static const struct moon_iface_http http = {.struct_size = sizeof(http), .add = http_add};

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
