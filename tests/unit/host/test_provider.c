/* SPDX-License-Identifier: Apache-2.0
 *
 * The table "provider": registering, and the life of a question between its asker and a plugin.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "host/provider.h"
#include "host/registry.h"
#include "world.h"

static struct world world;
static const struct moon_host *host; /* what the plugin was given */
static const struct moon_iface_provider *table;
static struct moon_registry *registry;

/* ---- a plugin that answers as it is told ---- */

static struct {
    enum {
        LATER,
        AT_ONCE,
        FAILS
    } mode;
    struct moon_plugin_query *open; /* the last one */
    char text[64];
    int64_t timeout_ms;
    int cancels;
} probe;

static void query(struct moon_plugin_query *q, const char *text, size_t len, int64_t timeout_ms,
                  void *state)
{
    assert_ptr_equal(state, &probe);
    assert_true(len < sizeof(probe.text));
    memcpy(probe.text, text, len);
    probe.text[len] = '\0';
    probe.timeout_ms = timeout_ms;
    probe.open = q;
    if (probe.mode == AT_ONCE) {
        assert_int_equal(table->series(q, 7, 0), 0);
        table->answer(q);
    } else if (probe.mode == FAILS) {
        (table->fail)(q, "no");
    }
}

static void cancel(struct moon_plugin_query *q, void *state)
{
    assert_ptr_equal(state, &probe);
    assert_ptr_equal(q, probe.open);
    probe.cancels++;
}

static struct moon_plugin_provider right(void)
{
    return (struct moon_plugin_provider){.struct_size = sizeof(struct moon_plugin_provider),
                                         .name = "probe",
                                         .query = query,
                                         .cancel = cancel,
                                         .state = &probe};
}

static int init(const struct moon_host *given, void **ret_state, struct moon_plugin_error *error)
{
    struct moon_plugin_provider p = right();

    (void)error;
    (void)ret_state;
    host = given;
    table = host->iface(host, "provider", 1);
    return table->add(host, &p);
}

static const struct moon_plugin plugin = {.struct_size = sizeof(plugin),
                                          .abi_major = MOON_PLUGIN_ABI_MAJOR,
                                          .abi_minor = MOON_PLUGIN_ABI_MINOR,
                                          .name = "figures",
                                          .version = "1",
                                          .summary = "for tests",
                                          .init = init};

static const struct moon_plugin *entry(void)
{
    return &plugin;
}

/* ---- who asks ---- */

static struct {
    int ends;
    struct moon_samples *samples;
    char *error;
} asked;

static void on_done(struct moon_samples *take_samples, const char *error, void *ctx)
{
    assert_ptr_equal(ctx, &asked);
    assert_true((take_samples == NULL) == (error != NULL));
    asked.ends++;
    asked.samples = take_samples;
    asked.error = moon_strdup(error);
}

static struct moon_plugin_query *ask(const char *provider)
{
    struct moon_plugin_query *q = moon_provider_ask(registry, &(struct moon_question){
                                                                  .provider = provider,
                                                                  .text = MOON_STR_LIT("up"),
                                                                  .timeout_ms = 1000,
                                                                  .on_done = on_done,
                                                                  .ctx = &asked,
                                                              });

    assert_int_equal(asked.ends, 0);
    return q;
}

static void let_it_end(void)
{
    world_settle(&world);
    assert_int_equal(asked.ends, 1);
}

static int set_up(void **state)
{
    static const moonset_plugin_entry entries[] = {entry, NULL};
    struct moon_err err;

    (void)state;
    memset(&probe, 0, sizeof(probe));
    memset(&asked, 0, sizeof(asked));
    world_init(&world);
    moon_registry_set_up(&(struct moon_registry_setup){.builtin = entries});
    registry = moon_registry_new(NULL, &err);
    assert_non_null(registry);
    moon_registry_set_internal(registry, &(struct moon_internal){.loop = world.loop});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    moon_samples_free(asked.samples);
    moon_free(asked.error);
    moon_registry_end(registry);
    moon_registry_set_internal(registry, NULL);
    moon_registry_free(registry);
    world_fini(&world);
    return 0;
}

/* ---- registering ---- */

static void what_is_registered(void **state)
{
    struct moon_plugin_provider p = right();

    (void)state;
    assert_int_not_equal(table->add(host, &p), 0); /* taken */
    p.name = "Not a label";
    assert_int_not_equal(table->add(host, &p), 0);
    p.name = NULL;
    assert_int_not_equal(table->add(host, &p), 0);
    p.name = "other";
    p.query = NULL;
    assert_int_not_equal(table->add(host, &p), 0);
    p.query = query;
    p.cancel = NULL;
    assert_int_not_equal(table->add(host, &p), 0);
    p.cancel = cancel;
    p.struct_size -= 8;
    assert_int_not_equal(table->add(host, &p), 0);
    p.struct_size += 8;
    assert_int_equal(table->add(host, &p), 0);
}

/* ---- asking ---- */

static void an_answer_at_once_comes_later(void **state)
{
    (void)state;
    probe.mode = AT_ONCE;
    (void)ask("probe");
    assert_string_equal(probe.text, "up");
    assert_int_equal(probe.timeout_ms, 1000);
    let_it_end();
    assert_int_equal(moon_samples_count(asked.samples), 1);
    assert_true(moon_samples_get(asked.samples, 0)->value == 7);
    assert_true(moon_samples_get(asked.samples, 0)->at_ms > 1600000000000);
}

static void an_answer_with_labels(void **state)
{
    (void)state;
    (void)ask("probe");
    moon_loop_advance(world.loop, 500);
    assert_int_equal(asked.ends, 0);
    assert_int_equal(table->series(probe.open, 1, 5), 0);
    assert_int_equal(table->label(probe.open, "zone", "a"), 0);
    assert_int_equal(table->series(probe.open, NAN, 6), 0);
    table->answer(probe.open);
    let_it_end();
    const struct moon_series *s = moon_samples_get(asked.samples, 0);
    assert_int_equal(s->at_ms, 5);
    assert_int_equal(s->label_count, 1);
    assert_string_equal(s->labels[0].name, "zone");
    assert_string_equal(s->labels[0].value, "a");
    assert_int_equal(moon_samples_get(asked.samples, 1)->label_count, 0);
    assert_int_equal(probe.cancels, 0);
    moon_loop_advance(world.loop, 5000);
    assert_int_equal(asked.ends, 1);
}

static void more_than_there_may_be(void **state)
{
    (void)state;
    (void)ask("probe");
    for (int i = 0; i < MOON_SAMPLES_MAX_SERIES; i++) {
        assert_int_equal(table->series(probe.open, i, 1), 0);
    }
    assert_int_not_equal(table->series(probe.open, 0, 1), 0);
    int taken = 0;
    while (table->label(probe.open, "", "") == 0) {
        taken++;
    }
    assert_int_equal(taken, 64); /* of one series */
    (table->fail)(probe.open, "too many");
    let_it_end();
    assert_null(asked.samples);
    assert_string_equal(asked.error, "too many");
}

static void so_many_bytes_of_labels(void **state)
{
    MOON_AUTOFREE char *text = moon_alloc(16 * 1024 + 1);

    (void)state;
    memset(text, 'x', 16 * 1024);
    (void)ask("probe");
    int taken = 0;
    assert_int_equal(table->series(probe.open, 0, 1), 0);
    while (table->label(probe.open, "", text) == 0) {
        taken++;
    }
    assert_int_equal(taken, MOON_SAMPLES_MAX_BYTES / (16 * 1024) - 1);
    table->answer(probe.open);
    let_it_end();
}

static void a_failure(void **state)
{
    (void)state;
    probe.mode = FAILS;
    (void)ask("probe");
    let_it_end();
    assert_string_equal(asked.error, "no");
}

static void nobody_of_that_name(void **state)
{
    (void)state;
    (void)ask("prob");
    let_it_end();
    assert_string_equal(asked.error, "there is no provider prob (known: probe)");
}

static void nobody_is_asked(void **state)
{
    (void)state;
    (void)moon_provider_refuse(registry,
                               &(struct moon_question){.provider = "probe",
                                                       .text = MOON_STR_LIT("up"),
                                                       .timeout_ms = 1000,
                                                       .on_done = on_done,
                                                       .ctx = &asked},
                               "not now");
    assert_int_equal(asked.ends, 0);
    let_it_end();
    assert_null(probe.open);
    assert_string_equal(asked.error, "not now");
}

/* ---- the end ---- */

static void a_plugin_that_forgets_it(void **state)
{
    (void)state;
    (void)ask("probe");
    moon_loop_advance(world.loop, 1499);
    assert_int_equal(asked.ends, 0);
    moon_loop_advance(world.loop, 1);
    let_it_end();
    assert_int_equal(probe.cancels, 1);
    assert_string_equal(asked.error, "the plugin figures gave no answer in time");
}

static void cancelled(void **state)
{
    (void)state;
    moon_provider_cancel(ask("probe"));
    assert_int_equal(probe.cancels, 1);
    probe.mode = AT_ONCE;
    moon_provider_cancel(ask("probe")); /* answered, and not told yet */
    moon_provider_cancel(ask("nobody"));
    moon_loop_advance(world.loop, 5000);
    world_settle(&world);
    assert_int_equal(asked.ends, 0);
    assert_int_equal(probe.cancels, 1);
}

static void a_plugin_that_ends_first(void **state)
{
    (void)state;
    struct moon_plugin_query *q = ask("probe");
    moon_registry_stop(registry, 0);
    assert_int_equal(probe.cancels, 0);
    (void)q;
    moon_registry_end(registry); /* and the question, which nobody cancels */
    assert_int_equal(probe.cancels, 1);
    world_settle(&world);
    assert_int_equal(asked.ends, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_registered),       TEST(an_answer_at_once_comes_later),
        TEST(an_answer_with_labels),    TEST(more_than_there_may_be),
        TEST(so_many_bytes_of_labels),  TEST(a_failure),
        TEST(nobody_of_that_name),      TEST(nobody_is_asked),
        TEST(a_plugin_that_forgets_it), TEST(cancelled),
        TEST(a_plugin_that_ends_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
