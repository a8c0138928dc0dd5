/* SPDX-License-Identifier: Apache-2.0
 *
 * first_plugin.c - a plugin out of the tree: an option, a command, a route and a controller that
 * labels every node moonset.dev/first-plugin=seen.
 */
#include <moonset/plugin.h>
#include <stdio.h>
#include <string.h>

#define LABEL "moonset.dev/first-plugin"

static const struct moon_host *host;
static const struct moon_iface_core *core;
static const struct moon_iface_http *http;
static const struct moon_iface_controller *controller;

static const struct moon_plugin_resource nodes = {sizeof(nodes), "",    "v1", "nodes",
                                                  "Node",        false, NULL};

static int hello(int argc, char **argv, void *state)
{
    return puts(core->option(host, "greeting")) >= 0 ? 0 : 1;
}

static void greet(struct moon_plugin_request *request, void *state)
{
    const char *text = core->option(host, "greeting");

    http->reply(request, 200, "text/plain", text, strlen(text));
}

/* A node has changed: look at that node. */
static void map(const struct moon_plugin_event *event,
                void (*enqueue)(void *token, const char *key), void *token, void *state)
{
    if (!event->deleted) {
        enqueue(token, event->name);
    }
}

/* Decide from the cache alone; the host carries the plan out. */
static int reconcile(const char *key, struct moon_plugin_plan *plan, void *state,
                     struct moon_plugin_error *error)
{
    static const char *const label[] = {"metadata", "labels", LABEL, NULL};
    const char *value = controller->text(plan, &nodes, "", key, label);
    size_t len;

    if (controller->get(plan, &nodes, "", key, &len) != NULL &&
        (value == NULL || strcmp(value, "seen") != 0)) {
        controller->merge_patch(plan, &nodes, "", key,
                                "{\"metadata\":{\"labels\":{\"" LABEL "\":\"seen\"}}}",
                                "node is not labelled");
    }
    return 0;
}

static const struct moon_plugin_command say_hello = {sizeof(say_hello), "hello", "say hello", hello,
                                                     NULL};
static const struct moon_plugin_route route = {sizeof(route), "/first-plugin/hello", greet, NULL};
static const struct moon_plugin_controller labels = {
    sizeof(labels), "first-plugin", &nodes, 1, map, reconcile, NULL};

static int init(const struct moon_host *given, void **ret_state, struct moon_plugin_error *error)
{
    const struct moon_iface_command *command = given->iface(given, "command", 1);

    host = given;
    core = host->iface(host, "core", 1);
    http = host->iface(host, "http", 1);
    controller = host->iface(host, "controller", 1);
    if (!MOON_HAS(core, option) || !MOON_HAS(http, reply) || !MOON_HAS(controller, text) ||
        command->add(host, &say_hello) != 0 || http->add(host, &route) != 0 ||
        controller->add(host, &labels) != 0) {
        snprintf(error->text, sizeof(error->text), "something is missing or taken");
        return -1;
    }
    return 0;
}

const struct moon_plugin *moonset_plugin_v1(void)
{
    static const struct moon_plugin_option options[] = {{"greeting", "hello", "what to say"}};
    static const struct moon_plugin plugin = {
        sizeof(plugin),     MOON_PLUGIN_ABI_MAJOR, MOON_PLUGIN_ABI_MINOR,
        "first-plugin",     FIRST_PLUGIN_VERSION,  "labels every node",
        .options = options, .option_count = 1,     .init = init};
    return &plugin;
}
