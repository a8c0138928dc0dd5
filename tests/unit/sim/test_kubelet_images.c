/* SPDX-License-Identifier: Apache-2.0
 *
 * A pod whose images change while it lives: an update in place.
 */
#include "unit/sim/kubelet_world.h"

static void set_image(struct world *w, const char *image)
{
    MOON_AUTOFREE char *text = moon_asprintf("[{\"name\":\"c\",\"image\":\"%s\"}]", image);
    set(w, "spec", "containers", text);
    see(w);
    see(w); /* looking again changes nothing */
}

static void test_other_images_restart(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, "", IMAGE("agent"), "");
    see(&w);
    run(&w, 1000);
    set_image(&w, "agent:v2");
    run(&w, 5000);
    assert_log(&w, "0 Running, 200 Running ready, 1100 Running, 1300 Running ready");
    assert_int_equal(restarts(&w), 1);
    assert_string_equal(container(&w, "image"), "agent:v2");
    assert_string_equal(container(&w, "imageID"), "simulated://agent:v2");
    assert_non_null(container(&w, "lastState.terminated.finishedAt"));
    assert_string_equal(container(&w, "state.running.startedAt"), "2026-01-01T00:00:06Z");

    /* Without a time to become ready its conditions never change. */
    w.opts.ready_delay_ms = 0;
    set_image(&w, "agent:v3");
    run(&w, 9000);
    assert_log(&w, "0 Running, 200 Running ready, 1100 Running, 1300 Running ready, 5100 Running "
                   "ready");
    assert_int_equal(restarts(&w), 2);
    assert_null(moon_json_member(condition(&w, "Ready"), "lastTransitionTime"));
    world_fini(&w);
}

static void test_other_images_that_are_not_there(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, "", IMAGE("agent"), "");
    see(&w);
    run(&w, 1000);
    set_image(&w, "agent:broken");
    run(&w, 12000);
    assert_log(&w, "0 Running, 200 Running ready, 1100 Running ErrImagePull, 6100 Running "
                   "ImagePullBackOff, 11100 Running ErrImagePull");
    assert_int_equal(restarts(&w), 0);
    assert_non_null(container(&w, "lastState.terminated.finishedAt"));
    moon_buf_clear(&w.log);
    set_image(&w, "agent:v2");
    run(&w, 20000);
    assert_log(&w, "12000 Running, 12200 Running ready");
    assert_int_equal(restarts(&w), 1);
    world_fini(&w);
}

static void test_other_images_end_back_off(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, "", IMAGE("agent:crash"), "");
    see(&w);
    run(&w, 35000);
    moon_buf_clear(&w.log);
    set_image(&w, "agent");
    run(&w, 60000);
    assert_log(&w, "35000 Running, 35200 Running ready");
    set_image(&w, "agent:crash");
    run(&w, 61000);
    assert_log(&w,
               "35000 Running, 35200 Running ready, 60100 Running, 60300 Running, 60500 Running "
               "CrashLoopBackOff");
    world_fini(&w);
}

static void test_other_images_before_it_ran(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, "", IMAGE("agent:broken"), "");
    see(&w);
    run(&w, 7000);
    set_image(&w, "agent");
    run(&w, 9000);
    assert_log(&w, "0 Pending ErrImagePull, 5000 Pending ImagePullBackOff, 7000 Running, 7200 "
                   "Running ready");
    assert_int_equal(restarts(&w), 0);
    world_fini(&w);
}

static void test_other_images_while_nobody_played(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, "", IMAGE("agent"), "");
    see(&w);
    run(&w, 1000);
    set(&w, "spec", "containers", "[{\"name\":\"c\",\"image\":\"agent:v2\"}]");
    moon_kubelet_life_fini(&w.life);
    w.life = (struct moon_kubelet_life){0};
    moon_buf_clear(&w.log);
    see(&w);
    run(&w, 5000);
    assert_log(&w, "1100 Running, 1300 Running ready");
    assert_int_equal(restarts(&w), 1);
    moon_kubelet_life_fini(&w.life);
    w.life = (struct moon_kubelet_life){0};
    see(&w);
    run(&w, 9000);
    assert_log(&w, "1100 Running, 1300 Running ready");
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_other_images_restart),
        cmocka_unit_test(test_other_images_that_are_not_there),
        cmocka_unit_test(test_other_images_end_back_off),
        cmocka_unit_test(test_other_images_before_it_ran),
        cmocka_unit_test(test_other_images_while_nobody_played),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
