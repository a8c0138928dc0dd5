/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of pods in virtual time: a pod goes in, status patches come out. What is patched is
 * applied to the pod as an API server would, so that the kubelet sees its own writes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/sim/kubelet_world.h"

/* ---- lives, one row each ---- */

static const struct life {
    const char *name;
    const char *metadata;
    const char *spec;
    const char *want;
} lives[] = {
    {"runs and becomes ready", "", IMAGE("agent"), "0 Running, 200 Running ready"},
    {"a port in the registry is no tag", "", IMAGE("host:5000/broken"),
     "0 Running, 200 Running ready"},
    {"a digest is no tag", "", IMAGE("agent:v1@sha256:broken"), "0 Running, 200 Running ready"},
    {"slow", "", IMAGE("agent:slow"), "0 Running, 10000 Running ready"},
    {"ready-after", ANNOTATION("ready-after", "3s"), IMAGE("agent:slow"),
     "0 Running, 3000 Running ready"},
    {"ready at once needs one write", ANNOTATION("ready-after", "0ms"), IMAGE("agent"),
     "0 Running ready"},
    {"a wrong delay counts as none", ANNOTATION("ready-after", "soon"), IMAGE("agent"),
     "0 Running, 200 Running ready"},
    {"a wrong outcome counts as none", ANNOTATION("outcome", "maybe"), IMAGE("agent"),
     "0 Running, 200 Running ready"},
    {"an image that is not there", "", IMAGE("agent:broken"),
     "0 Pending ErrImagePull, 5000 Pending ImagePullBackOff, 10000 Pending ErrImagePull, "
     "20000 Pending ImagePullBackOff, 30000 Pending ErrImagePull, 40000 Pending ImagePullBackOff"},
    {"an image that is not there, by order", ANNOTATION("outcome", "no-image"), IMAGE("agent"),
     "0 Pending ErrImagePull, 5000 Pending ImagePullBackOff, 10000 Pending ErrImagePull, "
     "20000 Pending ImagePullBackOff, 30000 Pending ErrImagePull, 40000 Pending ImagePullBackOff"},
    {"the order to run wins over the image", ANNOTATION("outcome", "run"), IMAGE("agent:broken"),
     "0 Running, 200 Running ready"},
    {"starts late", ANNOTATION("start-after", "2s"), IMAGE("agent"),
     "0 Pending ContainerCreating, 2000 Running, 2200 Running ready"},
    {"lives long enough to be ready", ANNOTATION("end-after", "5s"), IMAGE("agent:crash"),
     "0 Running, 200 Running ready, 5000 Running, 5200 Running ready, "
     "10000 Running CrashLoopBackOff, 20000 Running, 20200 Running ready, "
     "25000 Running CrashLoopBackOff, 45000 Running, 45200 Running ready, "
     "50000 Running CrashLoopBackOff"},
    {"crashes and is not restarted", "", "\"restartPolicy\":\"Never\"," IMAGE("agent:crash"),
     "0 Running, 200 Failed"},
    {"crashes and is restarted on failure", ANNOTATION("end-after", "1m"),
     "\"restartPolicy\":\"OnFailure\"," IMAGE("agent:crash"),
     "0 Running, 200 Running ready, 60000 Running"},
    {"completes, always to be restarted", ANNOTATION("outcome", "completed"), IMAGE("agent"),
     "0 Running, 200 Running, 400 Running CrashLoopBackOff, 10400 Running, "
     "10600 Running CrashLoopBackOff, 30600 Running, 30800 Running CrashLoopBackOff"},
    {"completes", ANNOTATION("outcome", "completed"),
     "\"restartPolicy\":\"OnFailure\"," IMAGE("agent"), "0 Running, 200 Succeeded"},
    {"crashes: restarts at once, then after 10 s, 20 s", "", IMAGE("agent:crash"),
     "0 Running, 200 Running, 400 Running CrashLoopBackOff, "
     "10400 Running, 10600 Running CrashLoopBackOff, 30600 Running, "
     "30800 Running CrashLoopBackOff"},
    {"fails", "", IMAGE("agent:failed"), "0 Failed Evicted"},
    {"fails with a reason", ANNOTATION("reason", "OutOfcpu"), IMAGE("agent:failed"),
     "0 Failed OutOfcpu"},
    {"the annotation wins over the image", ANNOTATION("outcome", "succeeded"), IMAGE("agent:crash"),
     "0 Running, 200 Succeeded"},
    {"never ready", ANNOTATION("outcome", "never-ready"), IMAGE("agent"), "0 Running"},
    {"the node selector does not match", "", "\"nodeSelector\":{\"disk\":\"ssd\"}," IMAGE("agent"),
     "0 Failed NodeAffinity"},
    {"the node selector matches", "", "\"nodeSelector\":{\"disk\":\"hdd\"}," IMAGE("agent"),
     "0 Running, 200 Running ready"},
};

static void test_lives(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(lives); i++) {
        struct world w;
        world_init(&w, lives[i].metadata, lives[i].spec, "");
        see(&w);
        run(&w, 60 * 1000);
        if (strcmp(moon_buf_cstr(&w.log), lives[i].want) != 0) {
            fail_msg("%s: want %s\ngot %s", lives[i].name, lives[i].want, moon_buf_cstr(&w.log));
        }
        world_fini(&w);
    }
}

static void test_delays(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, "", IMAGE("agent"), "");
    w.opts.start_delay_ms = 1000;
    see(&w);
    run(&w, 5000);
    assert_log(&w, "0 Pending ContainerCreating, 1000 Running, 1200 Running ready");
    set(&w, "metadata", "deletionTimestamp", "\"2026-01-01T00:00:10Z\"");
    see(&w);
    run(&w, 6000);
    assert_log(&w, "0 Pending ContainerCreating, 1000 Running, 1200 Running ready, 5100 DELETE");
    world_fini(&w);
}

static void test_back_off_is_capped(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, "", IMAGE("agent:crash"), "");
    see(&w);
    run(&w, 3600 * 1000);
    /* 0, 10, 20, 40, 80, 160 s, then every 300 s. */
    assert_int_equal(restarts(&w), 6 + (3600 - 310) / 300);
    world_fini(&w);
}

static void test_back_off_starts_anew(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, ANNOTATION("end-after", "11m"), IMAGE("agent:crash"), "");
    see(&w);
    run(&w, 34 * 60 * 1000);
    assert_log(&w, "0 Running, 200 Running ready, 660000 Running, 660200 Running ready, "
                   "1320000 Running, 1320200 Running ready, 1980000 Running, 1980200 Running "
                   "ready");
    world_fini(&w);
}

/* ---- images ---- */

#define NODE(annotation)                                                                           \
    "{\"metadata\":{\"name\":\"n1\",\"uid\":\"nu\",\"annotations\":{\"sim.moonset.dev/" annotation \
    "\"}}}"

static void test_images(void **state)
{
    struct moon_images *images = moon_images_new();
    moon_sym a = moon_intern_cstr("a");
    moon_sym b = moon_intern_cstr("b");
    (void)state;
    assert_false(moon_images_has(images, a, 1000));
    assert_int_equal(moon_images_pull(images, a, 1000, 500), 1500);
    assert_int_equal(moon_images_pull(images, a, 1200, 500), 1500);
    assert_int_equal(moon_images_pull(images, b, 1200, 500), 2000); /* one after the other */
    assert_false(moon_images_has(images, b, 1999));
    assert_true(moon_images_has(images, a, 1500));
    assert_int_equal(moon_images_pull(images, a, 9000, 500), 9000);
    moon_images_add(images, b, 1600);
    assert_true(moon_images_has(images, b, 1600));
    moon_images_free(images);
    moon_sym_unref(a);
    moon_sym_unref(b);
}

static void test_pull_time(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, "", IMAGE("agent"), "");
    w.opts.pull_time_ms = 30000;
    w.opts.start_delay_ms = 1000;
    see(&w);
    run(&w, 60000);
    assert_log(&w, "0 Pending ContainerCreating, 31000 Running, 31200 Running ready");
    assert_true(moon_images_has(w.images, moon_played_pod(w.pod)->containers[0].image, w.now_ms));
    world_fini(&w);

    world_init(&w, "", IMAGE("agent"), "");
    use_node(&w, NODE("pull-time\":\"3s"));
    see(&w);
    run(&w, 60000);
    assert_log(&w, "0 Pending ContainerCreating, 3000 Running, 3200 Running ready");
    world_fini(&w);
}

static void test_an_image_comes_back(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, "", IMAGE("agent:v2"), "");
    w.opts.pull_time_ms = 2000;
    use_node(&w, NODE("missing-images\":\"other, agent:*"));
    see(&w);
    run(&w, 15000);
    assert_log(&w, "0 Pending ErrImagePull, 5000 Pending ImagePullBackOff, "
                   "10000 Pending ErrImagePull");
    use_node(&w, NODE("missing-images\":\"other"));
    see(&w);
    run(&w, 60000);
    /* At the next try, and after a pull. */
    assert_log(&w, "0 Pending ErrImagePull, 5000 Pending ImagePullBackOff, "
                   "10000 Pending ErrImagePull, 20000 Pending ImagePullBackOff, 32000 Running, "
                   "32200 Running ready");
    world_fini(&w);
}

static void test_an_image_that_is_there_is_not_missed(void **state)
{
    struct world w;
    (void)state;
    for (int always = 0; always < 2; always++) {
        world_init(&w, "",
                   always ? "\"containers\":[{\"name\":\"c\",\"image\":\"a\","
                            "\"imagePullPolicy\":\"Always\"}],"
                          : IMAGE("a"),
                   "");
        use_node(&w, NODE("missing-images\":\"a"));
        moon_images_add(w.images, moon_played_pod(w.pod)->containers[0].image, 0);
        see(&w);
        run(&w, 1000);
        assert_log(&w, always ? "0 Pending ErrImagePull" : "0 Running, 200 Running ready");
        world_fini(&w);
    }
}

/* ---- its end ---- */

static const struct stop {
    const char *name;
    const char *order; /* stop-after */
    const char *grace_s;
    const char *want;
} stops[] = {
    {"as the flag says", "", "30", "1100 DELETE"},
    {"as ordered", ANNOTATION("stop-after", "4s"), "30", "5000 DELETE"},
    {"at most the grace period", ANNOTATION("stop-after", "1m"), "10", "11000 DELETE"},
    {"killed at the end of it", ANNOTATION("stop-after", "never"), "7", "8000 DELETE"},
};

static void test_stops(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(stops); i++) {
        struct world w;
        world_init(&w, stops[i].order, IMAGE("agent"), "");
        see(&w);
        run(&w, 1000);
        moon_buf_clear(&w.log);
        set(&w, "metadata", "deletionTimestamp", "\"2026-01-01T00:00:10Z\"");
        set(&w, "metadata", "deletionGracePeriodSeconds", stops[i].grace_s);
        see(&w);
        run(&w, 60000);
        if (strcmp(moon_buf_cstr(&w.log), stops[i].want) != 0) {
            fail_msg("%s: want %s\ngot %s", stops[i].name, stops[i].want, moon_buf_cstr(&w.log));
        }
        world_fini(&w);
    }
}

/* Deleted once more with less patience: counted from the first time. */
static void test_grace_is_cut_short(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, ANNOTATION("stop-after", "never"), IMAGE("agent"), "");
    see(&w);
    run(&w, 1000);
    moon_buf_clear(&w.log);
    set(&w, "metadata", "deletionTimestamp", "\"2026-01-01T00:00:10Z\"");
    set(&w, "metadata", "deletionGracePeriodSeconds", "3600");
    see(&w);
    run(&w, 20000);
    assert_log(&w, "");
    set(&w, "metadata", "deletionGracePeriodSeconds", "25");
    see(&w);
    run(&w, 60000);
    assert_log(&w, "26000 DELETE");
    world_fini(&w);
}

static void test_ended_by_its_node(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, ANNOTATION("stop-after", "5s"), IMAGE("agent"), "");
    see(&w);
    run(&w, 1000);
    struct moon_kubelet_place here = place(&w);
    moon_kubelet_end(&w.life, &here, moon_played_pod(w.pod), 20000, "Terminated", "because");
    moon_kubelet_end(&w.life, &here, moon_played_pod(w.pod), 0, "Evicted", "too late");
    see(&w);
    run(&w, 60000);
    assert_log(&w, "0 Running, 200 Running ready, 6000 Failed Terminated");
    assert_string_equal(moon_json_string(w.status, "message"), "because");
    world_fini(&w);
}

static void test_power_is_lost(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, "", IMAGE("agent"), "");
    see(&w);
    run(&w, 1000);
    struct moon_kubelet_place here = place(&w);
    moon_kubelet_lose_power(&w.life, &here, moon_played_pod(w.pod));
    see(&w);
    run(&w, 60000);
    assert_log(&w, "0 Running, 200 Running ready, 1000 Running, 1200 Running ready");
    assert_int_equal(restarts(&w), 1);
    assert_string_equal(container(&w, "lastState.terminated.reason"), "Error");
    world_fini(&w);
}

/* ---- what the patches say ---- */

static void test_status_of_a_ready_pod(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, "",
               "\"initContainers\":[{\"name\":\"i\",\"image\":\"init\"}]," IMAGE("agent:v1"), "");
    see(&w);
    assert_true(step(&w, 0));
    assert_string_equal(moon_json_string(w.status, "hostIP"), "172.16.0.9");
    assert_string_equal(moon_json_string(w.status, "podIP"), "10.0.0.1");
    assert_string_equal(moon_json_string(w.status, "startTime"), "2026-01-01T00:00:05Z");
    assert_string_equal(moon_json_string(condition(&w, "Initialized"), "status"), "True");
    assert_string_equal(moon_json_string(condition(&w, "PodScheduled"), "status"), "True");
    assert_string_equal(moon_json_string(condition(&w, "Ready"), "reason"), "ContainersNotReady");
    assert_string_equal(moon_json_string(condition(&w, "Ready"), "message"),
                        "containers with unready status: [c]");
    assert_int_equal(cJSON_GetArraySize(moon_json_get(w.status, "initContainerStatuses")), 1);
    assert_int_equal(cJSON_GetArraySize(moon_json_get(w.status, "containerStatuses")), 1);
    w.opts.ready_delay_ms = 200;
    assert_true(step(&w, 1000));
    assert_non_null(condition(&w, "Ready"));
    assert_null(moon_json_get(condition(&w, "Ready"), "reason"));
    assert_non_null(moon_json_get(condition(&w, "Ready"), "lastTransitionTime"));
    /* It was initialized before: that transition is not told again. */
    assert_null(moon_json_get(condition(&w, "Initialized"), "lastTransitionTime"));
    assert_string_equal(container(&w, "state.running.startedAt"), "2026-01-01T00:00:05Z");
    assert_string_equal(container(&w, "image"), "agent:v1");
    assert_int_equal(restarts(&w), 0);
    world_fini(&w);
}

static void test_host_network(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, "", "\"hostNetwork\":true," IMAGE("agent"), "");
    see(&w);
    assert_true(step(&w, 0));
    assert_string_equal(moon_json_string(w.status, "podIP"), "172.16.0.9");
    world_fini(&w);
}

static void test_a_crash_is_remembered(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, "", IMAGE("agent:crash"), "");
    see(&w);
    run(&w, 10500);
    assert_string_equal(container(&w, "state.running.startedAt"), "2026-01-01T00:00:15Z");
    assert_int_equal(restarts(&w), 2);
    assert_string_equal(container(&w, "lastState.terminated.reason"), "Error");
    assert_int_equal(moon_played_pod(w.pod)->restarts, 2);
    world_fini(&w);
}

static void test_the_node_rejects(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, "", IMAGE("agent"), "");
    use_node(&w, "{\"metadata\":{\"name\":\"n1\",\"uid\":\"nu\",\"annotations\":"
                 "{\"sim.moonset.dev/reject\":\"OutOfpods\"}}}");
    see(&w);
    run(&w, 1000);
    assert_log(&w, "0 Failed OutOfpods");
    assert_null(moon_json_get(w.status, "containerStatuses"));
    world_fini(&w);
}

/* ---- what changes while it runs ---- */

static void test_fails_by_command(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, "", IMAGE("agent"), "");
    see(&w);
    run(&w, 1000);
    set(&w, "metadata", "annotations", "{\"sim.moonset.dev/outcome\":\"failed\"}");
    see(&w);
    run(&w, 2000);
    assert_log(&w, "0 Running, 200 Running ready, 1000 Failed Evicted");
    world_fini(&w);
}

static void test_unready_by_command_and_back(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, "", IMAGE("agent"), "");
    see(&w);
    run(&w, 1000);
    set(&w, "metadata", "annotations", "{\"sim.moonset.dev/outcome\":\"never-ready\"}");
    see(&w);
    run(&w, 2000);
    set(&w, "metadata", "annotations", "{}");
    see(&w);
    run(&w, 3000);
    assert_log(&w, "0 Running, 200 Running ready, 1000 Running, 2000 Running ready");
    world_fini(&w);
}

/* The node lifecycle controller says not ready while the node was silent. */
static void test_says_again_what_was_overwritten(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, "", IMAGE("agent"), "");
    see(&w);
    run(&w, 1000);
    set(&w, "status", "conditions", "[{\"type\":\"Ready\",\"status\":\"False\"}]");
    see(&w);
    run(&w, 2000);
    assert_log(&w, "0 Running, 200 Running ready, 1000 Running ready");
    world_fini(&w);
}

static void test_deleted_before_it_started(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, "\"deletionTimestamp\":\"2026-01-01T00:00:10Z\",", IMAGE("agent"), "");
    see(&w);
    run(&w, 1000);
    assert_log(&w, "0 DELETE");
    world_fini(&w);
}

static void test_only_finalizers_hold_it(void **state)
{
    struct world w;
    (void)state;
    world_init(&w,
               "\"deletionTimestamp\":\"2026-01-01T00:00:10Z\",\"deletionGracePeriodSeconds\":0,",
               IMAGE("agent"), "");
    see(&w);
    run(&w, 1000);
    assert_log(&w, "");
    world_fini(&w);
}

static void test_deleted_while_a_write_is_under_way(void **state)
{
    struct world w;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf body = MOON_BUF_INIT(LOG_MAX);
    (void)state;
    world_init(&w, "", IMAGE("agent"), "");
    see(&w);
    (void)act(&w, &body);
    set(&w, "metadata", "deletionTimestamp", "\"2026-01-01T00:00:10Z\"");
    see(&w);
    done(&w);
    run(&w, 1000);
    assert_log(&w, "100 DELETE");
    world_fini(&w);
}

/* A write that failed is asked for again, and says the same. */
static void test_a_write_is_repeated(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, "", IMAGE("agent"), "");
    see(&w);
    for (int i = 0; i < 3; i++) {
        MOON_CLEANUP(moon_buf_fini) struct moon_buf body = MOON_BUF_INIT(LOG_MAX);
        assert_int_equal(act(&w, &body), MOON_KUBELET_PATCH);
        assert_int_equal(w.life.told, MOON_KUBELET_RUNNING);
    }
    run(&w, 1000);
    assert_log(&w, "0 Running, 200 Running ready");
    world_fini(&w);
}

/* ---- a player that starts again ---- */

static void test_goes_on(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, "", IMAGE("agent"), "");
    set(&w, "status", "phase", "\"Running\"");
    set(&w, "status", "startTime", "\"2026-01-01T00:00:00Z\"");
    set(&w, "status", "conditions", "[{\"type\":\"Ready\",\"status\":\"True\"}]");
    see(&w);
    assert_int_equal(w.life.stage, MOON_KUBELET_READY);
    run(&w, 1000);
    assert_log(&w, "");
    world_fini(&w);

    world_init(&w, "", IMAGE("agent:crash"), "");
    set(&w, "status", "phase", "\"Running\"");
    set(&w, "status", "containerStatuses",
        "[{\"name\":\"c\",\"restartCount\":3,\"state\":{\"waiting\":{\"reason\":"
        "\"CrashLoopBackOff\"}}}]");
    see(&w);
    run(&w, 41 * 1000);
    assert_log(&w, "40000 Running, 40200 Running CrashLoopBackOff");
    assert_int_equal(restarts(&w), 4);
    world_fini(&w);
}

static void test_what_has_ended_stays(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, "", IMAGE("agent"), "");
    set(&w, "status", "phase", "\"Failed\"");
    see(&w);
    run(&w, 1000);
    assert_log(&w, "");
    set(&w, "metadata", "deletionTimestamp", "\"2026-01-01T00:00:10Z\"");
    see(&w);
    run(&w, 2000);
    assert_log(&w, "1000 DELETE");
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lives),
        cmocka_unit_test(test_delays),
        cmocka_unit_test(test_back_off_is_capped),
        cmocka_unit_test(test_back_off_starts_anew),
        cmocka_unit_test(test_images),
        cmocka_unit_test(test_pull_time),
        cmocka_unit_test(test_an_image_comes_back),
        cmocka_unit_test(test_an_image_that_is_there_is_not_missed),
        cmocka_unit_test(test_stops),
        cmocka_unit_test(test_grace_is_cut_short),
        cmocka_unit_test(test_ended_by_its_node),
        cmocka_unit_test(test_power_is_lost),
        cmocka_unit_test(test_status_of_a_ready_pod),
        cmocka_unit_test(test_host_network),
        cmocka_unit_test(test_a_crash_is_remembered),
        cmocka_unit_test(test_the_node_rejects),
        cmocka_unit_test(test_fails_by_command),
        cmocka_unit_test(test_unready_by_command_and_back),
        cmocka_unit_test(test_says_again_what_was_overwritten),
        cmocka_unit_test(test_deleted_before_it_started),
        cmocka_unit_test(test_only_finalizers_hold_it),
        cmocka_unit_test(test_deleted_while_a_write_is_under_way),
        cmocka_unit_test(test_a_write_is_repeated),
        cmocka_unit_test(test_goes_on),
        cmocka_unit_test(test_what_has_ended_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
