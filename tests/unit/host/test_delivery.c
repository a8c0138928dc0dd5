/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "host/delivery.h"
#include "world.h"

#define CONFIGMAPS "/api/v1/namespaces/ops/configmaps"
#define POLICY "return { api = 1, select = function() return true end }"

static struct world world;
static struct moon_client *client;
static struct moon_policies *policies;
static struct moon_last_good *last_good;
static struct moon_delivery *delivery;
static unsigned ready;
static char failure[256];

static void on_report(const struct moon_policy_report *report, void *ctx)
{
    (void)ctx;
    (void)snprintf(failure, sizeof(failure), "%s: %s", report->policy, report->text);
}

static void on_ready(void *ctx)
{
    assert_ptr_equal(ctx, &world);
    ready++;
}

static int set_up(void **state)
{
    struct moon_err err;

    (void)state;
    world_init(&world);
    client =
        moon_client_new(world.loop, world_kubeconfig(&world), &(struct moon_client_opts){0}, &err);
    policies = moon_policies_new(
        NULL, &(struct moon_policies_opts){.budget_scale = 50, .on_report = on_report}, &err);
    last_good = moon_last_good_new(
        &(struct moon_last_good_opts){.client = client, .policies = policies, .namespace = "ops"});
    ready = 0;
    failure[0] = '\0';
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    moon_delivery_free(moon_steal(&delivery));
    moon_last_good_free(last_good);
    moon_policies_free(policies);
    moon_client_free(client);
    world_fini(&world);
    return 0;
}

static void begin(void)
{
    delivery = moon_delivery_new(&(struct moon_delivery_opts){.client = client,
                                                              .policies = policies,
                                                              .namespace = "ops",
                                                              .last_good = last_good,
                                                              .on_ready = on_ready,
                                                              .ctx = &world});
    assert_false(moon_delivery_is_ready(delivery));
    world_until(&world, true, ready > 0);
    assert_true(moon_delivery_is_ready(delivery));
    assert_int_equal(ready, 1);
}

/* `data`: JSON members. */
static void put(const char *name, const char *data)
{
    MOON_AUTOFREE char *path = moon_asprintf(CONFIGMAPS "/%s", name);
    MOON_AUTOFREE char *json = moon_asprintf(
        "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"%s\",\"namespace\":"
        "\"ops\",\"uid\":\"%s\",\"labels\":{\"moonset.dev/policies\":\"true\"}},%s}",
        name, name, data);

    world_put(&world, path, json);
}

struct found {
    const char *name;
    char source[128];
};

static void look(const struct moon_policy_info *info, void *ctx)
{
    struct found *f = ctx;

    if (strcmp(info->name, f->name) == 0) {
        (void)snprintf(f->source, sizeof(f->source), "%s%s", info->source,
                       info->loaded ? "" : "not loaded");
    }
}

/* Where a policy in force comes from; "": there is none. */
static const char *source_of(const char *name)
{
    static struct found f;

    f = (struct found){.name = name};
    moon_policies_each(policies, look, &f);
    return f.source;
}

static void keys_are_paths(void **state)
{
    (void)state;
    put("mine", "\"data\":{\"edge.lua\":\"require 'words' require 'lib.more.words' " POLICY "\","
                "\"update__rolling.lua\":\"return { api = 1, update = function() end }\","
                "\"words\":\"return {}\",\"lib.more.words.lua\":\"return {}\","
                "\"edge_test.lua\":\"none\",\"README.md\":\"Read me.\"}");
    begin();
    assert_string_equal(failure, "");
    assert_string_equal(source_of("edge"), "configmap ops/mine");
    assert_string_equal(source_of("update/rolling"), "configmap ops/mine");
    assert_string_equal(source_of("update/on-delete"), "built in");
    assert_string_equal(source_of("edge_test"), "");
    assert_string_equal(source_of("lib/more/words"), "");
}

static void the_later_name_wins(void **state)
{
    (void)state;
    put("b", "\"data\":{\"edge.lua\":\"" POLICY "\"}");
    put("a", "\"data\":{\"edge.lua\":\"" POLICY "\"}");
    begin();
    assert_string_equal(source_of("edge"), "configmap ops/b");
}

static void binary_data_is_no_policy(void **state)
{
    (void)state;
    put("mine", "\"binaryData\":{\"edge.lua\":\"AAAA\"}");
    begin();
    assert_string_equal(failure, "edge: is binary data, not a text");
    assert_string_equal(source_of("edge"), "not loaded");
}

static void no_right_to_read_them(void **state)
{
    (void)state;
    world.denies = CONFIGMAPS;
    begin();
    for (int i = 0; i < 200; i++) {
        uint64_t end_s = 0;
        (void)world_turn(&world, &end_s, true);
    }
    const char *first = strstr(world_log(), "no right to read ConfigMaps");
    assert_non_null(first);
    assert_null(strstr(first + 1, "no right to read ConfigMaps"));
    put("mine", "\"data\":{\"edge.lua\":\"" POLICY "\"}");
    world.denies = NULL;
    world_until(&world, true, strcmp(source_of("edge"), "configmap ops/mine") == 0);
    assert_int_equal(ready, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(keys_are_paths),
        TEST(the_later_name_wins),
        TEST(binary_data_is_no_policy),
        TEST(no_right_to_read_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
