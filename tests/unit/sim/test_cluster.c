/* SPDX-License-Identifier: Apache-2.0
 *
 * A whole cluster, controller included, on a virtual clock.
 */
#include "sim/cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "host/registry.h"

const struct moon_plugin *moonset_plugin_daemonset_v1(void);

enum {
    NODES = 5,
    MINUTE_MS = 60 * 1000
};

struct world {
    struct moon_loop *loop;
    struct moon_sim_options *options;
    struct moon_cluster *cluster;
    size_t ready; /* wanted */
    size_t answers;
};

static void on_fatal(const char *why, void *ctx)
{
    (void)ctx;
    fail_msg("%s", why);
}

static void on_created(const struct moon_answer *answer, const struct moon_err *err, void *ctx)
{
    struct world *w = ctx;
    (void)answer;
    if (err != NULL) {
        fail_msg("%s", err->text);
    }
    w->answers++;
}

static void create(struct world *w, const char *path, const char *json)
{
    (void)moon_client_send(moon_cluster_client(w->cluster),
                           &(struct moon_request){.verb = MOON_VERB_CREATE,
                                                  .path = path,
                                                  .body = moon_str(json),
                                                  .on_done = on_created,
                                                  .ctx = w});
}

static int set_up(void **state)
{
    static const char *argv[] = {"sim",
                                 "--with-controller",
                                 "--nodes=0",
                                 "--ready-delay=2s",
                                 "--crash-backoff=10s",
                                 "--heartbeat=0",
                                 "--",
                                 "--log-level=error"};
    struct moon_err err;
    struct world *w = moon_new(struct world);
    moon_random_seed(7);
    w->loop = moon_loop_new(&(struct moon_loop_opts){.virtual_clock = true}, &err);
    w->options = moon_sim_options_parse((int)MOON_ARRAY_SIZE(argv), (char **)argv, &err);
    assert_non_null(w->options);
    w->cluster = moon_cluster_new(
        &(struct moon_cluster_opts){
            .loop = w->loop, .options = w->options, .on_fatal = on_fatal, .ctx = w},
        &err);
    if (w->cluster == NULL) {
        fail_msg("%s", err.text);
    }
    for (int i = 0; i < NODES; i++) {
        MOON_AUTOFREE char *json = moon_asprintf("{\"metadata\":{\"name\":\"n%d\"}}", i);
        create(w, "/api/v1/nodes", json);
    }
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    moon_cluster_free(w->cluster);
    moon_sim_options_free(w->options);
    moon_loop_free(w->loop);
    moon_free(w);
    return 0;
}

static bool is_ready(void *ctx)
{
    const struct world *w = ctx;
    struct moon_player_counts counts;
    moon_player_count(moon_cluster_player(w->cluster), &counts);
    return counts.pods == w->ready && counts.pods_ready == w->ready;
}

static bool pass_until_ready(struct world *w, size_t ready, uint64_t within_ms)
{
    struct moon_err err;
    bool met = false;
    w->ready = ready;
    if (moon_cluster_pass(w->cluster, within_ms, is_ready, w, &met, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return met;
}

static void create_agent(struct world *w)
{
    create(w, "/apis/apps/v1/namespaces/default/daemonsets",
           "{\"metadata\":{\"name\":\"agent\"},\"spec\":{\"selector\":{\"matchLabels\":{\"app\":"
           "\"a\"}},"
           "\"template\":{\"metadata\":{\"labels\":{\"app\":\"a\"}},\"spec\":{\"containers\":[{"
           "\"name\":\"c\",\"image\":\"agent\"}]}}}}");
}

static void time_passes_only_when_nothing_is_under_way(void **state)
{
    struct world *w = *state;
    struct moon_err err;
    uint64_t start_ms = moon_loop_now(w->loop);
    create_agent(w);
    assert_int_equal(moon_cluster_settle(w->cluster, &err), 0);
    assert_int_equal(moon_loop_now(w->loop), start_ms);
    assert_int_equal(w->answers, NODES + 1);
    assert_false(pass_until_ready(w, NODES, 1900));
    assert_int_equal(moon_loop_now(w->loop), start_ms + 1900);
    assert_true(pass_until_ready(w, NODES, 10 * MINUTE_MS));
    /* Ready two seconds after they were made: to the millisecond, however slow this machine is. */
    assert_in_range(moon_loop_now(w->loop) - start_ms, 2000, 2500);
}

static void a_killed_controller_is_followed_by_another(void **state)
{
    struct world *w = *state;
    struct moon_err err;
    moon_cluster_kill_controller(w->cluster);
    assert_false(moon_cluster_has_controller(w->cluster));
    create_agent(w);
    assert_false(pass_until_ready(w, NODES, MINUTE_MS));
    assert_int_equal(moon_cluster_start_controller(w->cluster, &err), 0);
    assert_true(pass_until_ready(w, NODES, MINUTE_MS));
}

static void an_hour_passes_at_rest(void **state)
{
    struct world *w = *state;
    struct moon_err err;
    create_agent(w);
    assert_true(pass_until_ready(w, NODES, MINUTE_MS));
    uint64_t version = moon_sim_api_stats(moon_cluster_api(w->cluster)).version;
    assert_int_equal(moon_cluster_pass(w->cluster, 60 * MINUTE_MS, NULL, NULL, NULL, &err), 0);
    assert_int_equal(moon_sim_api_stats(moon_cluster_api(w->cluster)).version, version);
}

int main(void)
{
    static const moonset_plugin_entry builtin[] = {moonset_plugin_daemonset_v1, NULL};
    moon_registry_set_up(&(struct moon_registry_setup){.builtin = builtin});
#define IN_CLUSTER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        IN_CLUSTER(time_passes_only_when_nothing_is_under_way),
        IN_CLUSTER(a_killed_controller_is_followed_by_another),
        IN_CLUSTER(an_hour_passes_at_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
