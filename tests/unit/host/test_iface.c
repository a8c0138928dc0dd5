/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "host/registry.h"
#include "world.h"

static struct world world;
static const struct moon_host *host; /* what the plugin was given */
static struct moon_registry *registry;

/* ---- a plugin that only remembers its host ---- */

static int init(const struct moon_host *given, void **ret_state, struct moon_plugin_error *error)
{
    (void)error;
    assert_null(*ret_state);
    assert_int_equal(given->struct_size, sizeof(*given));
    host = given;
    return 0;
}

static const struct moon_plugin_option options[] = {{"greeting", "hello", "what to say"},
                                                    {"silent", NULL, "without a default"}};
static struct moon_plugin plugin = {.struct_size = sizeof(plugin),
                                    .abi_major = MOON_PLUGIN_ABI_MAJOR,
                                    .abi_minor = MOON_PLUGIN_ABI_MINOR,
                                    .name = "probe",
                                    .version = "1",
                                    .summary = "for tests",
                                    .options = options,
                                    .option_count = 2,
                                    .init = init};

static const struct moon_plugin *entry(void)
{
    return &plugin;
}

static void load(const char *build_id, const struct moon_config *config)
{
    static const moonset_plugin_entry entries[] = {entry, NULL};
    static const char *const reserved[] = {"run", NULL};
    struct moon_err err;

    plugin.build_id = build_id;
    moon_registry_set_up(&(struct moon_registry_setup){.builtin = entries, .reserved = reserved});
    registry = moon_registry_new(config, &err);
    assert_non_null(registry);
}

static int set_up(void **state)
{
    (void)state;
    world_init(&world);
    load(NULL, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    moon_registry_free(registry);
    world_fini(&world);
    return 0;
}

/* ---- tables ---- */

static void tables_by_name(void **state)
{
    static const char *const names[] = {"core", "loop",     "command",
                                        "http", "provider", "controller"};

    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(names); i++) {
        const uint32_t *size = host->iface(host, names[i], 1);
        assert_non_null(size);
        assert_true(*size > sizeof(uint32_t));
        assert_null(host->iface(host, names[i], 2));
        assert_null(host->iface(host, names[i], 0));
    }
    assert_null(host->iface(host, "kube", 1));
    assert_null(host->iface(host, "", 1));
}

static void has_tells_what_is_there(void **state)
{
    struct moon_iface_core old = {.struct_size = offsetof(struct moon_iface_core, now_ms)};
    const struct moon_iface_core *none = NULL;
    const struct moon_iface_core *core = &old;

    (void)state;
    assert_true(MOON_HAS(core, option));
    assert_false(MOON_HAS(core, now_ms));
    assert_false(MOON_HAS(none, option));
}

static void internal_is_for_our_own_build(void **state)
{
    (void)state;
    assert_null(host->iface(host, "internal", 1));
    moon_registry_free(registry);
    load(MOON_BUILD_ID, NULL);
    const struct moon_internal *in = host->iface(host, "internal", 1);
    assert_non_null(in);
    assert_int_equal(in->struct_size, sizeof(*in));
    assert_null(in->loop);
    moon_registry_set_internal(registry, &(struct moon_internal){.loop = world.loop});
    assert_ptr_equal(in->loop, world.loop);
    moon_registry_set_internal(registry, NULL);
    assert_null(in->loop);
}

/* ---- core ---- */

static void options_and_defaults(void **state)
{
    MOON_CLEANUP(moon_config_free_ptr) struct moon_config *config = moon_config_new();
    const struct moon_iface_core *core = host->iface(host, "core", 1);
    struct moon_err err;

    (void)state;
    assert_string_equal(core->option(host, "greeting"), "hello");
    assert_null(core->option(host, "silent"));
    assert_null(core->option(host, "no-such-option"));

    moon_registry_free(registry);
    assert_int_equal(moon_config_set(config, "plugin-option", "probe.greeting=a", "", &err), 0);
    assert_int_equal(moon_config_set(config, "plugin-option", "probe.greeting=b=c", "", &err), 0);
    load(NULL, config);
    assert_string_equal(core->option(host, "greeting"), "b=c");
}

static void log_lines_carry_the_plugin(void **state)
{
    const struct moon_iface_core *core = host->iface(host, "core", 1);

    (void)state;
    core->log(host, MOON_PLUGIN_LOG_WARN, "over there");
    assert_non_null(strstr(world_log(), "level=warn topic=probe msg=\"over there\""));
    core->log(host, 99, "whatever");
    assert_non_null(strstr(world_log(), "level=debug topic=probe msg=whatever"));
}

static void clocks_with_and_without_a_loop(void **state)
{
    const struct moon_iface_core *core = host->iface(host, "core", 1);

    (void)state;
    assert_true(core->now_ms(host) > 0);
    assert_true(core->wall_ms(host) > 1600000000000);
    moon_registry_set_internal(registry, &(struct moon_internal){.loop = world.loop});
    int64_t before = core->now_ms(host);
    int64_t wall = core->wall_ms(host);
    moon_loop_advance(world.loop, 1500);
    assert_int_equal(core->now_ms(host) - before, 1500);
    assert_int_equal(core->wall_ms(host) - wall, 1500);
}

/* ---- loop ---- */

static void fired(void *ctx)
{
    ++*(int *)ctx;
}

static void timers(void **state)
{
    const struct moon_iface_loop *loop = host->iface(host, "loop", 1);
    int count = 0;

    (void)state;
    assert_null(loop->timer_new(host, fired, &count));
    moon_registry_set_internal(registry, &(struct moon_internal){.loop = world.loop});
    struct moon_plugin_timer *timer = loop->timer_new(host, fired, &count);
    assert_non_null(timer);
    loop->timer_start(timer, 100);
    moon_loop_advance(world.loop, 99);
    assert_int_equal(count, 0);
    moon_loop_advance(world.loop, 1);
    assert_int_equal(count, 1);
    loop->timer_start(timer, -5);
    moon_loop_advance(world.loop, 1);
    assert_int_equal(count, 2);
    loop->timer_start(timer, 100);
    loop->timer_stop(timer);
    moon_loop_advance(world.loop, 200);
    assert_int_equal(count, 2);
    loop->timer_free(timer);
    loop->timer_free(NULL);
    assert_null(strstr(world_log(), "kept the loop waiting"));
}

static void fired_slowly(void *ctx)
{
    const struct moon_iface_core *core = host->iface(host, "core", 1);

    (void)ctx;
    moon_registry_set_internal(registry, NULL); /* the loop's clock would stand still */
    int64_t end_ms = core->now_ms(host) + 60;
    while (core->now_ms(host) < end_ms) {
        continue;
    }
}

static void slow_callbacks_are_told(void **state)
{
    const struct moon_iface_loop *loop = host->iface(host, "loop", 1);

    (void)state;
    moon_registry_set_internal(registry, &(struct moon_internal){.loop = world.loop});
    struct moon_plugin_timer *timer = loop->timer_new(host, fired_slowly, NULL);
    loop->timer_start(timer, 1);
    moon_loop_advance(world.loop, 1);
    loop->timer_free(timer);
    assert_non_null(strstr(world_log(), "a plugin kept the loop waiting"));
    assert_non_null(strstr(world_log(), "plugin=probe callback=timer ms="));
}

/* ---- command ---- */

static int run(int argc, char **argv, void *state)
{
    (void)argv;
    return argc + (state != NULL);
}

static void commands(void **state)
{
    const struct moon_iface_command *command = host->iface(host, "command", 1);
    struct moon_plugin_command c = {
        .struct_size = sizeof(c), .name = "hello", .summary = "say hello", .run = run, .state = &c};

    (void)state;
    assert_null(moon_registry_command(registry, "hello"));
    assert_int_equal(command->add(host, &c), 0);
    assert_int_not_equal(command->add(host, &c), 0); /* taken */
    const struct moon_plugin_command *found = moon_registry_command(registry, "hello");
    assert_non_null(found);
    assert_int_equal(found->run(2, NULL, found->state), 3);

    c.name = "run";
    assert_int_not_equal(command->add(host, &c), 0); /* ours */
    c.name = "--hello";
    assert_int_not_equal(command->add(host, &c), 0);
    c.name = NULL;
    assert_int_not_equal(command->add(host, &c), 0);
    c.name = "other";
    c.run = NULL;
    assert_int_not_equal(command->add(host, &c), 0);
    c.run = run;
    c.struct_size = 8;
    assert_int_not_equal(command->add(host, &c), 0);
}

/* ---- http ---- */

static void handler(struct moon_plugin_request *request, void *state)
{
    (void)request;
    (void)state;
}

static void routes(void **state)
{
    static const char *const wrong[] = {"/healthz", "/readyz", "/metrics", "/explain",
                                        "/get",     "probe",   "",         NULL};
    const struct moon_iface_http *http = host->iface(host, "http", 1);
    struct moon_plugin_route r = {.struct_size = sizeof(r), .path = "/probe", .handler = handler};

    (void)state;
    assert_int_equal(http->add(host, &r), 0);
    assert_int_not_equal(http->add(host, &r), 0); /* taken */
    for (size_t i = 0; i < MOON_ARRAY_SIZE(wrong); i++) {
        r.path = wrong[i];
        assert_int_not_equal(http->add(host, &r), 0);
    }
    r.path = "/other";
    r.handler = NULL;
    assert_int_not_equal(http->add(host, &r), 0);
}

/* ---- controller ---- */

static void map(const struct moon_plugin_event *event,
                void (*enqueue)(void *token, const char *key), void *token, void *state)
{
    (void)event;
    (void)enqueue;
    (void)token;
    (void)state;
}

static int reconcile(const char *key, struct moon_plugin_plan *plan, void *state,
                     struct moon_plugin_error *error)
{
    (void)key;
    (void)plan;
    (void)state;
    (void)error;
    return 0;
}

static void controllers_must_be_complete(void **state)
{
    const struct moon_iface_controller *table = host->iface(host, "controller", 1);
    struct moon_plugin_resource nodes = {.struct_size = sizeof(nodes),
                                         .group = "",
                                         .version = "v1",
                                         .plural = "nodes",
                                         .kind = "Node"};
    const struct moon_plugin_controller right = {.struct_size = sizeof(right),
                                                 .name = "probe",
                                                 .resources = &nodes,
                                                 .resource_count = 1,
                                                 .map = map,
                                                 .reconcile = reconcile};
    struct moon_plugin_controller c = right;

    (void)state;
    assert_int_equal(table->add(host, &c), 0);
    c.name = NULL;
    assert_int_not_equal(table->add(host, &c), 0);
    c = right;
    c.map = NULL;
    assert_int_not_equal(table->add(host, &c), 0);
    c = right;
    c.reconcile = NULL;
    assert_int_not_equal(table->add(host, &c), 0);
    c = right;
    c.resource_count = 0;
    assert_int_not_equal(table->add(host, &c), 0);
    c = right;
    c.struct_size -= 8;
    assert_int_not_equal(table->add(host, &c), 0);
    c = right;
    nodes.group = NULL;
    assert_int_not_equal(table->add(host, &c), 0);
    nodes.group = "";
    nodes.struct_size = 4;
    assert_int_not_equal(table->add(host, &c), 0);
    nodes.struct_size = sizeof(nodes);
    /* Only during init. */
    moon_registry_set_internal(registry, &(struct moon_internal){.loop = world.loop});
    assert_int_not_equal(table->add(host, &c), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(tables_by_name),
        TEST(has_tells_what_is_there),
        TEST(internal_is_for_our_own_build),
        TEST(options_and_defaults),
        TEST(log_lines_carry_the_plugin),
        TEST(clocks_with_and_without_a_loop),
        TEST(timers),
        TEST(slow_callbacks_are_told),
        TEST(commands),
        TEST(routes),
        TEST(controllers_must_be_complete),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
