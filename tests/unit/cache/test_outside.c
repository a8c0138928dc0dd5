/* SPDX-License-Identifier: Apache-2.0
 *
 * Asking for single objects, without a watch: so the clock can move by minutes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "cache/outside.h"
#include "kube/node.h"
#include "unit/kube/script.h"

#define NODE(name, uid, version)                                                                   \
    "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"" name "\",\"uid\":\"" uid  \
    "\",\"resourceVersion\":\"" version "\",\"generation\":" version "}}"
#define NOT_FOUND(name)                                                                            \
    "{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"NotFound\","                         \
    "\"details\":{\"name\":\"" name "\",\"kind\":\"nodes\"},\"code\":404}"

struct fixture {
    struct script script;
    struct moon_store *store;
    struct moon_outside *outside;
    size_t confirmed;
    size_t errors;
    struct moon_err last;
};

static void on_confirmed(const struct moon_object *object, void *ctx)
{
    assert_string_equal(object->name, "n");
    ((struct fixture *)ctx)->confirmed++;
}

static void on_error(const struct moon_err *err, void *ctx)
{
    struct fixture *f = ctx;
    f->last = *err;
    f->errors++;
}

static void start_with(struct fixture *f, const struct script_step *steps, size_t count)
{
    struct moon_object *node = NULL;
    struct moon_err err;
    *f = (struct fixture){0};
    script_init(&f->script, steps, count);
    f->store = moon_store_new(&(struct moon_store_opts){.kind = &moon_kind_node});
    f->outside = moon_outside_new(&(struct moon_outside_opts){.client = f->script.client,
                                                              .store = f->store,
                                                              .on_confirmed = on_confirmed,
                                                              .on_error = on_error,
                                                              .ctx = f});
    assert_int_equal(
        moon_object_project(&moon_kind_node, moon_str(NODE("n", "u", "5")), &node, &err), 0);
    moon_store_put_event(f->store, node);
    moon_outside_keep(f->outside, node);
}

#define start(f, steps) start_with((f), (steps), MOON_ARRAY_SIZE(steps))

static void finish(struct fixture *f)
{
    moon_outside_free(f->outside);
    moon_store_free(f->store);
    script_fini(&f->script);
    assert_int_equal(moon_intern_count(), 0);
}

/* In small steps, so that no request is out of time before it had its turns. */
static void look(struct fixture *f, uint64_t after_ms, size_t wanted)
{
    enum {
        STEP_MS = 50
    };
    assert_int_equal(after_ms % STEP_MS, 0);
    for (uint64_t ms = 0; ms < after_ms; ms += STEP_MS) {
        moon_loop_advance(f->script.loop, STEP_MS);
        moon_loop_turn(f->script.loop, 0);
    }
    script_wait(&f->script, f->script.answered, wanted);
    script_settle(&f->script);
    assert_int_equal(f->script.seen_count, wanted);
}

static void it_is_looked_at_every_five_minutes(void **state)
{
    static const struct script_step steps[] = {{.body = NODE("n", "u", "6")},
                                               {.body = NODE("n", "u", "6")},
                                               {.body = NODE("n", "u", "8")},
                                               {.status = 404, .body = NOT_FOUND("n")}};
    struct fixture f;
    (void)state;
    start(&f, steps);
    look(&f, 0, 1);
    assert_int_equal(f.confirmed, 1);
    look(&f, 4 * 60 * 1000, 1);
    look(&f, 2 * 60 * 1000, 2);
    look(&f, 6 * 60 * 1000, 3);
    assert_int_equal(moon_store_get(f.store, NULL, "n")->version, 8);
    look(&f, 6 * 60 * 1000, 4);
    assert_int_equal(moon_store_count(f.store), 0);
    assert_int_equal(f.confirmed, 1);
    assert_int_equal(f.errors, 0);
    finish(&f);
}

/* Each of these keeps the object, is reported and is tried again. */
static void doubt_keeps_it(void **state)
{
    static const struct script_step doubts[] = {
        {.status = 404, .body = "404 page not found", .type = "text/plain"},
        {.status = 404, .body = NOT_FOUND("other")},
        {.status = 404, .body = "{\"kind\":\"Status\",\"details\":{\"name\":\"n\"}}"},
        {.status = 403, .body = "{\"kind\":\"Status\",\"reason\":\"Forbidden\",\"code\":403}"},
        {.status = 503, .body = "{}"},
        {.body = "{\"kind\":\"Node\"}"},
        {.body = NODE("other", "u", "7")},
        {.body = "<html>", .type = "text/html"},
    };
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(doubts); i++) {
        const struct script_step steps[] = {doubts[i], {.status = 404, .body = NOT_FOUND("n")}};
        struct fixture f;
        start(&f, steps);
        look(&f, 0, 1);
        script_wait(&f.script, f.errors, 1);
        assert_int_equal(moon_store_count(f.store), 1);
        assert_true(moon_str_starts(moon_str(f.last.text), "ask for Node n: "));
        look(&f, 1200, 2);
        assert_int_equal(moon_store_count(f.store), 0);
        assert_int_equal(f.errors, 1);
        finish(&f);
    }
}

static void retries_get_slower_and_heed_the_server(void **state)
{
    static const struct script_step steps[] = {
        {.status = 500, .body = "{}"},
        {.status = 500, .body = "{}"},
        {.status = 429, .body = "{}", .header = "Retry-After", .header_value = "20"},
        {.status = 404, .body = NOT_FOUND("n")}};
    struct fixture f;
    (void)state;
    start(&f, steps);
    look(&f, 0, 1);
    look(&f, 850, 1);
    look(&f, 300, 2);
    look(&f, 1700, 2);
    look(&f, 600, 3);
    look(&f, 17000, 3);
    look(&f, 6000, 4);
    assert_int_equal(moon_store_count(f.store), 0);
    finish(&f);
}

static void somebody_else_may_remove_it(void **state)
{
    static const struct script_step steps[] = {{.how = SCRIPT_HANG, .body = ""}};
    struct fixture f;
    (void)state;
    start(&f, steps);
    look(&f, 0, 1);
    moon_store_mark_gone(f.store, moon_store_get(f.store, NULL, "n")->uid);
    assert_false(moon_outside_has(f.outside, moon_intern_find(MOON_STR_LIT("u"))));
    script_wait(&f.script, f.script.closed, 1); /* the question is taken back */
    finish(&f);
}

static void keeping_twice_asks_once(void **state)
{
    static const struct script_step steps[] = {{.body = NODE("n", "u", "6")}};
    struct fixture f;
    (void)state;
    start(&f, steps);
    moon_outside_keep(f.outside, moon_store_get(f.store, NULL, "n"));
    look(&f, 0, 1);
    assert_int_equal(f.confirmed, 1);
    finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_looked_at_every_five_minutes),
        cmocka_unit_test(doubt_keeps_it),
        cmocka_unit_test(retries_get_slower_and_heed_the_server),
        cmocka_unit_test(somebody_else_may_remove_it),
        cmocka_unit_test(keeping_twice_asks_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
