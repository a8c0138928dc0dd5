/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "host/delivery.h"
#include "host/last_good.h"
#include "world.h"

#define CONFIGMAPS "/api/v1/namespaces/ops/configmaps"
#define KEPT CONFIGMAPS "/" MOON_LAST_GOOD_NAME
#define POLICY "return { api = 1, select = function() return true end }"

static struct world world;
static struct moon_client *client;
static struct moon_policies *policies;
static struct moon_last_good *kept;
static struct moon_delivery *delivery;
static struct moon_chain *chain;
static bool ready;

static void on_used(void *ctx)
{
    (void)ctx;
    if (kept != NULL) {
        moon_last_good_changed(kept);
    }
}

static void on_ready(void *ctx)
{
    (void)ctx;
    ready = true;
}

static int set_up(void **state)
{
    struct moon_err err;

    (void)state;
    world_init(&world);
    client =
        moon_client_new(world.loop, world_kubeconfig(&world), &(struct moon_client_opts){0}, &err);
    policies = moon_policies_new(
        NULL, &(struct moon_policies_opts){.budget_scale = 50, .on_used = on_used}, &err);
    kept = moon_last_good_new(
        &(struct moon_last_good_opts){.client = client, .policies = policies, .namespace = "ops"});
    ready = false;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    moon_delivery_free(moon_steal(&delivery));
    moon_last_good_free(moon_steal(&kept));
    moon_chain_free(moon_steal(&chain));
    moon_policies_free(policies);
    moon_client_free(client);
    world_fini(&world);
    return 0;
}

static void turn(int times)
{
    for (int i = 0; i < times; i++) {
        uint64_t end_s = 0;
        (void)world_turn(&world, &end_s, true);
    }
}

static void begin(void)
{
    delivery = moon_delivery_new(&(struct moon_delivery_opts){.client = client,
                                                              .policies = policies,
                                                              .namespace = "ops",
                                                              .last_good = kept,
                                                              .on_ready = on_ready});
    world_until(&world, true, ready);
}

/* A set decides by a policy with this comment. */
static void use(const char *comment)
{
    MOON_AUTOFREE char *text = moon_asprintf("-- %s\n" POLICY, comment);
    struct moon_err err;

    moon_policies_offer(policies, "configmap ops/mine",
                        &(struct moon_policy_file){.path = "p.lua", .text = moon_str(text)}, 1);
    moon_chain_free(chain);
    chain = moon_chain_new(policies, &(struct moon_chain_opts){.names = "p"}, &err);
    assert_non_null(chain);
    moon_policies_use(policies, "default/agent", chain);
}

static bool wrote(const char *begin, const char *what)
{
    const char *last = world.write_count > 0 ? world.writes[world.write_count - 1] : "";

    return moon_str_starts(moon_str(last), begin) && strstr(last, what) != NULL;
}

static void the_leader_keeps_what_decides(void **state)
{
    (void)state;
    begin();
    use("first");
    turn(100);
    assert_int_equal(world.write_count, 0); /* not the leader */
    moon_last_good_lead(kept, true);
    world_until(&world, true, wrote("POST " CONFIGMAPS " ", "-- first"));
    assert_true(wrote("POST", "\"moonset.dev/policies\":\"last-good\""));
    use("second");
    world_until(&world, true, wrote("PATCH " KEPT " ", "-- second"));
    turn(100);
    assert_int_equal(world.write_count, 2);
    use("second"); /* nothing new */
    moon_last_good_lead(kept, false);
    use("third");
    turn(100);
    assert_int_equal(world.write_count, 2);
}

static void nothing_is_kept_of_nothing(void **state)
{
    (void)state;
    begin();
    moon_last_good_lead(kept, true);
    turn(200);
    assert_int_equal(world.write_count, 0);
}

static void what_there_is_comes_first(void **state)
{
    (void)state;
    world_put(&world, KEPT,
              "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":"
              "\"" MOON_LAST_GOOD_NAME
              "\",\"namespace\":\"ops\",\"uid\":\"u\",\"labels\":{\"moonset.dev/policies\":"
              "\"last-good\"}},\"data\":{\"last-good.json\":"
              "\"{\\\"users\\\":{\\\"default/agent\\\":\\\"p@sha256:00\\\"}}\"}}");
    begin();
    assert_string_equal(moon_policies_used(policies, "default/agent"), "p@sha256:00");
    moon_last_good_lead(kept, true);
    use("first");
    world_until(&world, true, wrote("PATCH " KEPT " ", "-- first"));
}

static void no_right_to_keep_it(void **state)
{
    (void)state;
    begin();
    world.denies = CONFIGMAPS;
    moon_last_good_lead(kept, true);
    use("first");
    world_until(&world, true, strstr(world_log(), "no right to keep") != NULL);
    turn(4000);
    assert_null(strstr(strstr(world_log(), "no right to keep") + 1, "no right to keep"));
    world.denies = NULL;
    world_until(&world, true, wrote("POST " CONFIGMAPS " ", "-- first"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_leader_keeps_what_decides),
        TEST(nothing_is_kept_of_nothing),
        TEST(what_there_is_comes_first),
        TEST(no_right_to_keep_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
