/* SPDX-License-Identifier: Apache-2.0
 *
 * Which pod is next, and when one is tried again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/scheduler_queue.h"

struct world {
    struct moon_loop *loop;
    struct moon_queue queue;
    size_t calls; /* of on_ready */
};

static void on_ready(void *ctx)
{
    ((struct world *)ctx)->calls++;
}

static void world_init(struct world *w)
{
    struct moon_err err;
    *w = (struct world){0};
    w->loop = moon_loop_new(&(struct moon_loop_opts){.virtual_clock = true}, &err);
    assert_non_null(w->loop);
    moon_queue_init(&w->queue, w->loop, on_ready, w);
}

static void world_fini(struct world *w)
{
    moon_queue_fini(&w->queue);
    moon_loop_free(w->loop);
}

static const struct moon_played_pod *new_pod(const char *name, const char *labels, const char *spec)
{
    MOON_AUTOFREE char *text = moon_asprintf(
        "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"d\",\"uid\":\"%s\",\"labels\":{%s}},"
        "\"spec\":{%s}}",
        name, name, labels, spec);
    struct moon_object *object = NULL;
    struct moon_err err;
    if (moon_object_project(&moon_kind_played_pod, moon_str(text), &object, &err) != 0) {
        fail_msg("%s: %s", err.text, text);
    }
    return moon_played_pod(object);
}

static void enter(struct world *w, struct moon_queued *p, const char *name, const char *spec)
{
    const struct moon_played_pod *pod = new_pod(name, "", spec);
    moon_queued_init(p, &w->queue, pod);
    moon_object_unref(&pod->meta);
}

/* NULL: nobody is ready. */
static void assert_next(struct world *w, const char *want)
{
    const struct moon_queued *p = moon_queue_take(&w->queue);
    const char *got = p != NULL ? p->pod->meta.name : NULL;
    if (!moon_streq(got, want)) {
        fail_msg("want %s, got %s", want != NULL ? want : "nobody", got != NULL ? got : "nobody");
    }
}

#define PIN(name)                                                                                  \
    "\"affinity\":{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":{"         \
    "\"nodeSelectorTerms\":[{\"matchFields\":[{\"key\":\"metadata.name\",\"operator\":\"In\","     \
    "\"values\":[\"" name "\"]}]}]}}}"
#define PIN_AND_SPREAD(name)                                                                       \
    PIN(name)                                                                                      \
    ",\"topologySpreadConstraints\":[{\"maxSkew\":1,\"topologyKey\":\"zone\"}]"

static void test_priority_then_age(void **state)
{
    struct world w;
    struct moon_queued p[5];
    (void)state;
    world_init(&w);
    enter(&w, &p[0], "old", "");
    enter(&w, &p[1], "high", "\"priority\":2000000000");
    enter(&w, &p[2], "young", "\"priority\":0");
    enter(&w, &p[3], "low", "\"priority\":-5");
    enter(&w, &p[4], "lower", "\"priority\":-6");
    assert_int_equal(w.calls, 5);
    assert_next(&w, "high");
    assert_next(&w, "old");
    moon_queued_fini(&p[2]);
    assert_next(&w, "low");
    assert_next(&w, "lower");
    assert_next(&w, NULL);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(p); i++) {
        if (i != 2) {
            moon_queued_fini(&p[i]);
        }
    }
    world_fini(&w);
}

static void test_backoff(void **state)
{
    static const uint64_t delays[] = {1000, 2000, 4000, 8000, 10000, 10000};
    struct world w;
    struct moon_queued p;
    (void)state;
    world_init(&w);
    enter(&w, &p, "p", "");
    for (size_t i = 0; i < MOON_ARRAY_SIZE(delays); i++) {
        assert_next(&w, "p");
        moon_queued_wait(&p);
        moon_loop_advance(w.loop, 500);
        assert_next(&w, NULL);
        moon_queue_wake_node(&w.queue, "any");
        moon_loop_advance(w.loop, delays[i] - 501);
        assert_next(&w, NULL);
        moon_loop_advance(w.loop, 1);
    }
    assert_next(&w, "p");
    moon_queued_wait(&p);
    moon_loop_advance(w.loop, 30000);
    moon_queue_wake_node(&w.queue, "any"); /* its back-off is over: at once */
    assert_next(&w, "p");
    moon_queued_fini(&p);
    world_fini(&w);
}

static void test_waits_for_its_node(void **state)
{
    struct world w;
    struct moon_queued p[4];
    (void)state;
    world_init(&w);
    enter(&w, &p[0], "n1", PIN("n1"));
    enter(&w, &p[1], "n2", PIN("n2"));
    enter(&w, &p[2], "any", "");
    enter(&w, &p[3], "rules", PIN_AND_SPREAD("n2"));
    for (size_t i = 0; i < MOON_ARRAY_SIZE(p); i++) {
        assert_ptr_equal(moon_queue_take(&w.queue), &p[i]);
        moon_queued_wait(&p[i]);
    }
    moon_loop_advance(w.loop, 2000);
    moon_queue_wake_node(&w.queue, "n1");
    assert_next(&w, "any");
    assert_next(&w, "rules");
    assert_next(&w, "n1");
    assert_next(&w, NULL);
    moon_queued_wait(&p[3]);
    moon_queued_wait(&p[2]);
    moon_loop_advance(w.loop, 5000);
    moon_queue_wake_neighbours(&w.queue);
    assert_next(&w, "rules");
    assert_next(&w, NULL);
    moon_queue_wake_node(&w.queue, "n2");
    assert_next(&w, "any");
    assert_next(&w, "n2");
    assert_next(&w, NULL);
    assert_int_equal(moon_map_count(w.queue.by_node), 0);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(p); i++) {
        moon_queued_fini(&p[i]);
    }
    world_fini(&w);
}

static void test_after_a_minute_and_after_changes(void **state)
{
    struct world w;
    struct moon_queued p;
    (void)state;
    world_init(&w);
    enter(&w, &p, "p", "");
    assert_next(&w, "p");
    moon_queued_wait(&p);
    moon_loop_advance(w.loop, 59999);
    assert_next(&w, NULL);
    moon_loop_advance(w.loop, 1);
    assert_next(&w, "p");
    moon_queued_wait(&p);
    const struct moon_played_pod *same = new_pod("p", "", "");
    const struct moon_played_pod *other = new_pod("p", "\"a\":\"b\"", "");
    moon_queued_change(&p, same);
    assert_next(&w, NULL);
    moon_queued_change(&p, other);
    assert_next(&w, "p");
    moon_queued_retry(&p, 300);
    moon_loop_advance(w.loop, 299);
    assert_next(&w, NULL);
    moon_loop_advance(w.loop, 1);
    assert_next(&w, "p");
    moon_object_unref(&same->meta);
    moon_object_unref(&other->meta);
    moon_queued_fini(&p);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_priority_then_age),
        cmocka_unit_test(test_backoff),
        cmocka_unit_test(test_waits_for_its_node),
        cmocka_unit_test(test_after_a_minute_and_after_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
