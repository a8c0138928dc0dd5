/* SPDX-License-Identifier: Apache-2.0 */
#include "base/metrics.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "unit/base/death.h"

static int reset(void **state)
{
    (void)state;
    moon_metrics_reset();
    return 0;
}

static void assert_written(const char *expected)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(1 << 20);
    moon_metrics_write(&out);
    assert_string_equal(moon_buf_cstr(&out), expected);
}

static struct moon_metric *counter(const char *name, const char *label)
{
    return moon_metric_register(&(struct moon_metric_opts){
        .name = name, .help = "Help.", .type = MOON_METRIC_COUNTER, .labels = {label}});
}

static void test_empty(void **state)
{
    (void)state;
    assert_written("");
    counter("moonset_writes_total", "verb"); /* no series yet: nothing to say */
    assert_written("");
}

static void test_without_labels(void **state)
{
    (void)state;
    struct moon_metric *m = counter("moonset_events_total", NULL);
    assert_written("# HELP moonset_events_total Help.\n"
                   "# TYPE moonset_events_total counter\n"
                   "moonset_events_total 0\n");
    moon_metric_add(m, NULL, 1);
    moon_metric_add(m, NULL, 2.5);
    assert_true(moon_metric_value(m, NULL) == 3.5);
    assert_written("# HELP moonset_events_total Help.\n"
                   "# TYPE moonset_events_total counter\n"
                   "moonset_events_total 3.5\n");
}

static void test_order_and_labels(void **state)
{
    (void)state;
    struct moon_metric *z = counter("z_total", "verb");
    struct moon_metric *a = moon_metric_register(&(struct moon_metric_opts){
        .name = "a_depth",
        .help = "Two\nlines \\ \"quoted\".",
        .type = MOON_METRIC_GAUGE,
        .labels = {"queue", "kind"},
    });
    moon_metric_add(z, MOON_LABELS("update"), 1);
    moon_metric_add(z, MOON_LABELS("create"), 1);
    moon_metric_set(a, MOON_LABELS("b", "x"), -1);
    moon_metric_set(a, MOON_LABELS("a", "z"), 2);
    moon_metric_set(a, MOON_LABELS("a", "a\n\"\\"), 3);
    moon_metric_add(a, MOON_LABELS("a", "z"), -5);
    assert_written("# HELP a_depth Two\\nlines \\\\ \"quoted\".\n"
                   "# TYPE a_depth gauge\n"
                   "a_depth{queue=\"a\",kind=\"a\\n\\\"\\\\\"} 3\n"
                   "a_depth{queue=\"a\",kind=\"z\"} -3\n"
                   "a_depth{queue=\"b\",kind=\"x\"} -1\n"
                   "# HELP z_total Help.\n"
                   "# TYPE z_total counter\n"
                   "z_total{verb=\"create\"} 1\n"
                   "z_total{verb=\"update\"} 1\n");
}

static void test_histogram(void **state)
{
    (void)state;
    static const double buckets[] = {0.1, 1};
    struct moon_metric *m = moon_metric_register(&(struct moon_metric_opts){
        .name = "h_seconds",
        .help = "Help.",
        .type = MOON_METRIC_HISTOGRAM,
        .labels = {"verb"},
        .buckets = buckets,
        .bucket_count = 2,
    });
    static const double values[] = {0.05, 0.1, 0.5, 2};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(values); i++) {
        moon_metric_observe(m, MOON_LABELS("get"), values[i]);
    }
    assert_true(moon_metric_value(m, MOON_LABELS("get")) == 4);
    assert_written("# HELP h_seconds Help.\n"
                   "# TYPE h_seconds histogram\n"
                   "h_seconds_bucket{verb=\"get\",le=\"0.1\"} 2\n"
                   "h_seconds_bucket{verb=\"get\",le=\"1\"} 3\n"
                   "h_seconds_bucket{verb=\"get\",le=\"+Inf\"} 4\n"
                   "h_seconds_sum{verb=\"get\"} 2.65\n"
                   "h_seconds_count{verb=\"get\"} 4\n");
}

static void test_default_buckets(void **state)
{
    (void)state;
    struct moon_metric *m = moon_metric_register(&(struct moon_metric_opts){
        .name = "d_seconds", .help = "Help.", .type = MOON_METRIC_HISTOGRAM});
    moon_metric_observe(m, NULL, 20);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(1 << 20);
    moon_metrics_write(&out);
    assert_non_null(strstr(moon_buf_cstr(&out), "d_seconds_bucket{le=\"0.001\"} 0\n"));
    assert_non_null(strstr(moon_buf_cstr(&out), "d_seconds_bucket{le=\"10\"} 0\n"));
    assert_non_null(strstr(moon_buf_cstr(&out), "d_seconds_bucket{le=\"+Inf\"} 1\n"));
    assert_non_null(strstr(moon_buf_cstr(&out), "d_seconds_sum 20\n"));
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {-1.5, "-1.5"},
        {0.1, "0.1"},
        {1.0 / 3, "0.3333333333333333"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1e15, "1e+15"},
        {123456789, "123456789"},
        {9007199254740993, "9007199254740992"},
        {5e-324, "4.94065645841247e-324"},
        {INFINITY, "+Inf"},
        {-INFINITY, "-Inf"},
        {NAN, "NaN"},
    };
    struct moon_metric *m = moon_metric_register(
        &(struct moon_metric_opts){.name = "g", .help = "Help.", .type = MOON_METRIC_GAUGE});
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        char expected[128];
        moon_metric_set(m, NULL, cases[i].value);
        snprintf(expected, sizeof(expected), "# HELP g Help.\n# TYPE g gauge\ng %s\n",
                 cases[i].text);
        assert_written(expected);
    }
}

static void test_series_are_capped(void **state)
{
    (void)state;
    struct moon_metric *m = counter("c_total", "name");
    for (int i = 0; i < 1500; i++) {
        char name[16];
        snprintf(name, sizeof(name), "n%d", i);
        moon_metric_add(m, MOON_LABELS(name), 1);
    }
    assert_true(moon_metric_value(m, MOON_LABELS("n999")) == 1);
    assert_true(moon_metric_value(m, MOON_LABELS("n1000")) == 0);
    assert_true(moon_metric_value(m, MOON_LABELS("overflow")) == 500);
    /* Known ones still count for themselves; room that is made is used. */
    moon_metric_add(m, MOON_LABELS("n5"), 1);
    assert_true(moon_metric_value(m, MOON_LABELS("n5")) == 2);
    moon_metric_drop(m, MOON_LABELS("n5"));
    moon_metric_drop(m, MOON_LABELS("n6"));
    moon_metric_add(m, MOON_LABELS("new"), 1);
    assert_true(moon_metric_value(m, MOON_LABELS("new")) == 1);
}

static void test_giant_label(void **state)
{
    (void)state;
    struct moon_metric *m = counter("c_total", "name");
    char *giant = moon_alloc(100001);
    memset(giant, 'x', 100000);
    moon_metric_add(m, MOON_LABELS(giant), 1);
    moon_metric_drop(m, MOON_LABELS(giant));
    assert_true(moon_metric_value(m, MOON_LABELS(giant)) == 0);
    assert_true(moon_metric_value(m, MOON_LABELS("overflow")) == 1);
    moon_free(giant);
}

static void test_drop(void **state)
{
    (void)state;
    struct moon_metric *m = counter("c_total", "name");
    moon_metric_add(m, MOON_LABELS("a"), 1);
    moon_metric_add(m, MOON_LABELS("b"), 1);
    moon_metric_drop(m, MOON_LABELS("a"));
    moon_metric_drop(m, MOON_LABELS("never"));
    assert_written("# HELP c_total Help.\n# TYPE c_total counter\nc_total{name=\"b\"} 1\n");
}

static void test_drop_all(void **state)
{
    (void)state;
    struct moon_metric *m = moon_metric_register(&(struct moon_metric_opts){
        .name = "g", .help = "Help.", .type = MOON_METRIC_GAUGE, .labels = {"a", "b"}});
    moon_metric_set(m, MOON_LABELS("x", "1"), 1);
    moon_metric_set(m, MOON_LABELS("xy", "1"), 2);
    moon_metric_set(m, MOON_LABELS("x", "2"), 3);
    moon_metric_drop_all(m, MOON_LABELS("x"));
    assert_written("# HELP g Help.\n# TYPE g gauge\ng{a=\"xy\",b=\"1\"} 2\n");
}

static void test_register_again(void **state)
{
    (void)state;
    struct moon_metric *m = counter("c_total", "name");
    counter("b_total", NULL);
    counter("d_total", NULL);
    assert_ptr_equal(counter("c_total", "name"), m);
    counter("a:zAZ_09", "_zAZ09"); /* every kind of character a name may have */
}

static void other_type(void)
{
    counter("c_total", NULL);
    moon_metric_register(
        &(struct moon_metric_opts){.name = "c_total", .help = "Help.", .type = MOON_METRIC_GAUGE});
}

static void other_labels(void)
{
    counter("c_total", "a");
    counter("c_total", "b");
}

static void bad_name(void)
{
    counter("9lives", NULL);
}

static void bad_label(void)
{
    counter("c_total", "a:b");
}

static void descending_buckets(void)
{
    static const double buckets[] = {1, 0.5};
    moon_metric_register(&(struct moon_metric_opts){.name = "h",
                                                    .help = "Help.",
                                                    .type = MOON_METRIC_HISTOGRAM,
                                                    .buckets = buckets,
                                                    .bucket_count = 2});
}

static void negative_counter(void)
{
    moon_metric_add(counter("c_total", NULL), NULL, -1);
}

static void set_counter(void)
{
    moon_metric_set(counter("c_total", NULL), NULL, 1);
}

static void observe_counter(void)
{
    moon_metric_observe(counter("c_total", NULL), NULL, 1);
}

static void too_few_labels(void)
{
    moon_metric_add(counter("c_total", "name"), NULL, 1);
}

static void test_misuse_aborts(void **state)
{
    (void)state;
    static void (*const cases[])(void) = {
        other_type,       other_labels, bad_name,        bad_label,      descending_buckets,
        negative_counter, set_counter,  observe_counter, too_few_labels,
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        assert_aborts(cases[i], "assertion failed");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_empty, reset),
        cmocka_unit_test_teardown(test_without_labels, reset),
        cmocka_unit_test_teardown(test_order_and_labels, reset),
        cmocka_unit_test_teardown(test_histogram, reset),
        cmocka_unit_test_teardown(test_default_buckets, reset),
        cmocka_unit_test_teardown(test_numbers, reset),
        cmocka_unit_test_teardown(test_series_are_capped, reset),
        cmocka_unit_test_teardown(test_giant_label, reset),
        cmocka_unit_test_teardown(test_drop, reset),
        cmocka_unit_test_teardown(test_drop_all, reset),
        cmocka_unit_test_teardown(test_register_again, reset),
        cmocka_unit_test_teardown(test_misuse_aborts, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
