/* SPDX-License-Identifier: Apache-2.0
 *
 * The table "provider": registering, and the life of a question between its asker and a plugin.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "host/figures.h"
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

/* ---- who stands in, who looks on ---- */

static void see(const struct moon_provider_answer *answer, void *ctx)
{
    struct moon_buf out = MOON_BUF_INIT(64 * 1024);
    char **ret = ctx;

    assert_int_equal(asked.ends, 0); /* before who asked */
    moon_figures_write_one(answer, &out);
    moon_free(*ret);
    *ret = moon_buf_take(&out, NULL);
}

static void read_one(struct moon_figures *f, const char *line)
{
    struct moon_err err;
    MOON_AUTOJSON *json = moon_json_parse(moon_str(line), &err);

    assert_int_equal(moon_figures_read(f, json, &err), 0);
}

static void stand_in(struct moon_figures *f)
{
    struct moon_plugin_provider p = moon_figures_begin(f, world.loop);

    moon_provider_stand_in(registry, &p);
}

/* What comes of a line of a snapshot, a minute after that was begun. */
static char *answer_of(const char *line)
{
    struct moon_figures *f = moon_figures_new(false);
    char *text = NULL;

    read_one(f, line);
    stand_in(f);
    moon_provider_watch(registry, (struct moon_provider_witness){see, &text});
    moon_loop_advance(world.loop, 60000);
    (void)ask("probe");
    let_it_end();
    assert_null(probe.open);
    moon_figures_free(f);
    return text;
}

static void figures_are_written(void **state)
{
    char *text = NULL;

    (void)state;
    moon_provider_watch(registry, (struct moon_provider_witness){see, &text});
    (void)ask("probe");
    assert_int_equal(table->series(probe.open, 0.1, 5), 0);
    assert_int_equal(table->label(probe.open, "zone", "a\"b"), 0);
    assert_int_equal(table->series(probe.open, -INFINITY, 6), 0);
    table->answer(probe.open);
    let_it_end();
    assert_string_equal(
        text, "\"asked\":\"probe up\",\"found\":[{\"value\":0.10000000000000001,\"at_ms\":5,"
              "\"labels\":{\"zone\":\"a\\\"b\"}},{\"value\":\"-Inf\",\"at_ms\":6,\"labels\":{}}]");
    moon_free(text);
}

/* They are as old as they were. */
static void a_snapshot_answers(void **state)
{
    (void)state;
    MOON_AUTOFREE char *text =
        answer_of("{\"asked\":\"probe up\",\"found\":[{\"value\":\"NaN\",\"at_ms\":5,"
                  "\"labels\":{\"a\":\"b\"}}]}");
    assert_string_equal(text, "\"asked\":\"probe up\",\"found\":[{\"value\":\"NaN\","
                              "\"at_ms\":60005,\"labels\":{\"a\":\"b\"}}]");
}

static void a_snapshot_tells_errors(void **state)
{
    (void)state;
    MOON_AUTOFREE char *text = answer_of("{\"asked\":\"probe up\",\"error\":\"down\"}");
    assert_string_equal(text, "\"asked\":\"probe up\",\"error\":\"down\"");
}

static void a_snapshot_knows_no_more(void **state)
{
    (void)state;
    MOON_AUTOFREE char *text = answer_of("{\"asked\":\"probe down\",\"error\":\"x\"}");
    assert_string_equal(asked.error, "the snapshot has no answer to this query");
}

static void end_one(const char *error)
{
    let_it_end();
    assert_string_equal(asked.error, error);
    moon_free(moon_steal(&asked.error));
    asked.ends = 0;
}

static void a_recording_answers_in_time(void **state)
{
    struct moon_figures *f = moon_figures_new(true);

    (void)state;
    stand_in(f);
    (void)ask("probe");
    moon_loop_advance(world.loop, 100);
    world_settle(&world);
    assert_int_equal(asked.ends, 0);
    read_one(f, "{\"asked\":\"other up\",\"error\":\"not for this\"}");
    read_one(f, "{\"asked\":\"probe up\",\"error\":\"first\"}");
    end_one("first");
    read_one(f, "{\"asked\":\"probe up\",\"error\":\"nobody has waited for it\"}");
    (void)ask("probe");
    end_one("nobody has waited for it");
    moon_provider_cancel(ask("probe"));
    (void)ask("probe"); /* each is used once */
    moon_loop_advance(world.loop, 1999);
    world_settle(&world);
    assert_int_equal(asked.ends, 0); /* a timeout that was recorded comes at 1500 */
    moon_loop_advance(world.loop, 1);
    end_one("the recording has no answer to this query");
    moon_figures_free(f);
}

static void wrong_lines(void **state)
{
    static const char *const lines[] = {
        "{}",
        "{\"asked\":5}",
        "{\"asked\":\"a b\"}",
        "{\"asked\":\"a b\",\"found\":5}",
        "{\"asked\":\"a b\",\"found\":[5]}",
        "{\"asked\":\"a b\",\"found\":[{\"value\":null}]}",
        "{\"asked\":\"a b\",\"found\":[{\"value\":1,\"labels\":{\"a\":1}}]}",
        "{\"asked\":\"a b\",\"found\":[{\"value\":1,\"labels\":[\"a\"]}]}",
    };
    struct moon_figures *f = moon_figures_new(false);
    struct moon_err err;

    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(lines); i++) {
        MOON_AUTOJSON *json = moon_json_parse(moon_str(lines[i]), &err);
        assert_int_not_equal(moon_figures_read(f, json, &err), 0);
    }
    moon_figures_free(f);
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
        TEST(what_is_registered),
        TEST(an_answer_at_once_comes_later),
        TEST(an_answer_with_labels),
        TEST(more_than_there_may_be),
        TEST(so_many_bytes_of_labels),
        TEST(a_failure),
        TEST(nobody_of_that_name),
        TEST(figures_are_written),
        TEST(a_snapshot_answers),
        TEST(a_snapshot_tells_errors),
        TEST(a_snapshot_knows_no_more),
        TEST(a_recording_answers_in_time),
        TEST(wrong_lines),
        TEST(a_plugin_that_forgets_it),
        TEST(cancelled),
        TEST(a_plugin_that_ends_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
