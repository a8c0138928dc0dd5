/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/registry.h"
#include "world.h"

static struct world world;
static struct moon_config *config;
static char calls[256]; /* what plugins were called for, in order */
static char name_a[] = "a";
static char name_b[] = "b";

static int set_up(void **state)
{
    struct moon_err err;

    (void)state;
    world_init(&world);
    config = moon_config_new();
    calls[0] = '\0';
    moon_registry_set_up(&(struct moon_registry_setup){0});
    return moon_config_set(config, "plugin-dir", world.folder, "test", &err);
}

static int tear_down(void **state)
{
    (void)state;
    moon_config_free(config);
    world_fini(&world);
    return 0;
}

static void refused(const char *text)
{
    struct moon_err err = {0};

    assert_null(moon_registry_new(config, &err));
    if (strstr(err.text, text) == NULL) {
        fail_msg("want …%s… in: %s", text, err.text);
    }
}

static void count(const struct moon_plugin *p, const char *source, void *ctx)
{
    assert_string_equal(p->name, "right");
    assert_non_null(strstr(source, "right.so"));
    ++*(int *)ctx;
}

static void loads_a_shared_object(void **state)
{
    MOON_AUTOFREE char *path = world_module(&world, "right");
    MOON_AUTOFREE char *other = world_file(&world, "README", "not a plugin");
    struct moon_err err;
    int plugins = 0;

    (void)state;
    struct moon_registry *r = moon_registry_new(config, &err);
    assert_non_null(r);
    moon_registry_each_plugin(r, count, &plugins);
    assert_int_equal(plugins, 1);
    moon_registry_free(r);
    moon_registry_free(NULL);
}

static void refuses_what_is_wrong(void **state)
{
    static const struct {
        const char *variant;
        const char *text;
    } rows[] = {
        {"other_abi", "other_abi.so: built for ABI 0.77, this moonset has 0.1"},
        {"flags", "flags.so: unknown flags 0x6"},
        {"foreign", "foreign.so: built with another moonset (of another build, this is "},
        {"small", "small.so: its descriptor is too small"},
        {"bad_name", "bad_name.so: no name or no init"},
        {"fails", "fails.so: no"},
        {"no_entry", "no_entry.so: exports no moonset_plugin_v1"},
        {"no_descriptor", "no_descriptor.so: gave no descriptor"},
        {"unresolved", "undefined symbol: there_is_no_such_function"},
    };

    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        MOON_AUTOFREE char *path = world_module(&world, rows[i].variant);
        refused(rows[i].text);
        assert_int_equal(unlink(path), 0);
    }
}

static void refuses_what_others_can_write(void **state)
{
    MOON_AUTOFREE char *path = world_module(&world, "right");

    (void)state;
    assert_int_equal(chmod(path, 0664), 0);
    refused("right.so: is writable by group or others (mode 664); chmod go-w it");
    assert_int_equal(chmod(path, 0646), 0);
    refused("(mode 646)");
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(chmod(world.folder, 0777), 0);
    refused("is writable by group or others (mode 777)");
}

static void refuses_a_name_that_is_taken(void **state)
{
    MOON_AUTOFREE char *a = world_module(&world, "right");
    MOON_AUTOFREE char *b = world_module(&world, "same_name");

    (void)state;
    refused("same_name.so: the name right is taken by /tmp/moonset-host-");
}

static void refuses_what_is_no_plugin(void **state)
{
    MOON_AUTOFREE char *path = world_file(&world, "text.so", "not a shared object");
    struct moon_err err;

    (void)state;
    refused("text.so: ");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(moon_config_set(config, "plugin-dir", "/no/such/folder", "test", &err), 0);
    refused("--plugin-dir: /no/such/folder");
}

/* ---- built in ---- */

static void note(const char *what)
{
    size_t len = strlen(calls);

    (void)snprintf(calls + len, sizeof(calls) - len, "%s%s", len > 0 ? " " : "", what);
}

static int init_a(const struct moon_host *host, void **ret_state, struct moon_plugin_error *error)
{
    (void)host;
    (void)error;
    *ret_state = name_a;
    note("init-a");
    return 0;
}

static int init_b(const struct moon_host *host, void **ret_state, struct moon_plugin_error *error)
{
    (void)host;
    (void)error;
    *ret_state = name_b;
    note("init-b");
    return 0;
}

static int start(void *state, struct moon_plugin_error *error)
{
    MOON_AUTOFREE char *text = moon_asprintf("start-%s", (const char *)state);

    (void)error;
    note(text);
    return 0;
}

static int start_fails(void *state, struct moon_plugin_error *error)
{
    (void)state;
    (void)snprintf(error->text, sizeof(error->text), "not today");
    return 1;
}

static void role(void *state, bool leader)
{
    MOON_AUTOFREE char *text =
        moon_asprintf("%s-%s", leader ? "leads" : "waits", (const char *)state);

    note(text);
}

static void stop(void *state, int64_t grace_ms)
{
    MOON_AUTOFREE char *text = moon_asprintf("stop-%s", (const char *)state);

    assert_int_equal(grace_ms, 7);
    note(text);
}

static void fini(void *state)
{
    MOON_AUTOFREE char *text = moon_asprintf("fini-%s", (const char *)state);

    note(text);
}

#define PLUGIN(...)                                                                                \
    {                                                                                              \
        .struct_size = sizeof(struct moon_plugin), .abi_major = MOON_PLUGIN_ABI_MAJOR,             \
        .abi_minor = MOON_PLUGIN_ABI_MINOR, .version = "1", .summary = "for tests", __VA_ARGS__    \
    }

static const struct moon_plugin_option options[] = {{"greeting", "hello", "what to say"}};
static const struct moon_plugin plugin_a =
    PLUGIN(.name = "a", .init = init_a, .start = start, .role = role, .stop = stop, .fini = fini,
           .options = options, .option_count = 1);
static const struct moon_plugin plugin_b =
    PLUGIN(.name = "b", .init = init_b, .start = start, .role = role, .stop = stop, .fini = fini);
static const struct moon_plugin plugin_idle = PLUGIN(.name = "idle", .init = init_b);
static const struct moon_plugin plugin_broken =
    PLUGIN(.name = "broken", .init = init_b, .start = start_fails, .fini = fini);

static const struct moon_plugin *entry_a(void)
{
    return &plugin_a;
}

static const struct moon_plugin *entry_b(void)
{
    return &plugin_b;
}

static const struct moon_plugin *entry_idle(void)
{
    return &plugin_idle;
}

static const struct moon_plugin *entry_broken(void)
{
    return &plugin_broken;
}

static void set_builtin(const moonset_plugin_entry *entries)
{
    moon_registry_set_up(&(struct moon_registry_setup){.builtin = entries});
}

static void calls_in_order(void **state)
{
    static const moonset_plugin_entry entries[] = {entry_a, entry_b, NULL};
    struct moon_err err;

    (void)state;
    set_builtin(entries);
    struct moon_registry *r = moon_registry_new(NULL, &err);
    assert_non_null(r);
    assert_int_equal(moon_registry_start(r, &err), 0);
    moon_registry_role(r, true);
    moon_registry_role(r, false);
    moon_registry_stop(r, 7);
    moon_registry_stop(r, 7); /* once */
    moon_registry_end(r);
    moon_registry_free(r);
    assert_string_equal(calls, "init-a init-b start-a start-b leads-a leads-b waits-a waits-b "
                               "stop-b stop-a fini-b fini-a");
}

static void a_start_that_fails(void **state)
{
    static const moonset_plugin_entry entries[] = {entry_a, entry_broken, NULL};
    struct moon_err err;

    (void)state;
    set_builtin(entries);
    struct moon_registry *r = moon_registry_new(NULL, &err);
    assert_non_null(r);
    assert_int_not_equal(moon_registry_start(r, &err), 0);
    assert_string_equal(err.text, "plugin broken: not today");
    moon_registry_stop(r, 7);
    moon_registry_free(r);
    assert_string_equal(calls, "init-a init-b start-a stop-a fini-b fini-a");
}

static void nothing_to_start(void **state)
{
    static const moonset_plugin_entry entries[] = {entry_idle, NULL};
    struct moon_err err;

    (void)state;
    set_builtin(entries);
    struct moon_registry *r = moon_registry_new(NULL, &err);
    assert_int_not_equal(moon_registry_start(r, &err), 0);
    assert_non_null(strstr(err.text, "no plugin has anything to run"));
    moon_registry_free(r);
}

static void options_that_nobody_has(void **state)
{
    static const moonset_plugin_entry entries[] = {entry_a, NULL};
    static const struct {
        const char *value;
        const char *text; /* NULL: fine */
    } rows[] = {
        {"a.greeting=x=y", NULL},
        {"a.greeting=", NULL},
        {"a.volume=11", "--plugin-option a.volume=11: the plugin a has no option volume"},
        {"z.greeting=x", "--plugin-option z.greeting=x: there is no plugin z"},
        {"greeting=x", "--plugin-option: \"greeting=x\" is not PLUGIN.NAME=VALUE"},
        {"a.greeting", "--plugin-option: \"a.greeting\" is not PLUGIN.NAME=VALUE"},
    };

    (void)state;
    set_builtin(entries);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        MOON_CLEANUP(moon_config_free_ptr) struct moon_config *c = moon_config_new();
        struct moon_err err = {0};
        assert_int_equal(moon_config_set(c, "plugin-option", rows[i].value, "test", &err), 0);
        struct moon_registry *r = moon_registry_new(c, &err);
        if (rows[i].text == NULL) {
            assert_non_null(r);
        } else {
            assert_null(r);
            assert_string_equal(err.text, rows[i].text);
        }
        moon_registry_free(r);
    }
}

static void folders_of_the_set_up_count_once(void **state)
{
    MOON_AUTOFREE char *path = world_module(&world, "right");
    struct moon_err err;

    (void)state;
    moon_registry_set_up(&(struct moon_registry_setup){.config = config});
    struct moon_registry *same = moon_registry_new(config, &err);
    assert_non_null(same);
    struct moon_registry *none = moon_registry_new(NULL, &err);
    assert_non_null(none);
    int plugins = 0;
    moon_registry_each_plugin(none, count, &plugins);
    assert_int_equal(plugins, 1);
    moon_registry_free(same);
    moon_registry_free(none);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(loads_a_shared_object),
        TEST(refuses_what_is_wrong),
        TEST(refuses_what_others_can_write),
        TEST(refuses_a_name_that_is_taken),
        TEST(refuses_what_is_no_plugin),
        TEST(calls_in_order),
        TEST(a_start_that_fails),
        TEST(nothing_to_start),
        TEST(options_that_nobody_has),
        TEST(folders_of_the_set_up_count_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
