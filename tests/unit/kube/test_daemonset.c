/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "kube/daemonset.h"
#include "projected.h"

#define SET(spec) "{" PROJECTED_HEAD ",\"spec\":{\"template\":{}" spec "}}"
#define TEMPLATE(template) "{" PROJECTED_HEAD ",\"spec\":{\"template\":" template "}}"

static void done(const struct moon_object *object)
{
    moon_object_unref(object);
    assert_int_equal(moon_intern_count(), 0);
}

static void what_matters_of_a_set_is_kept(void **state)
{
    (void)state;
    const struct moon_object *o = projected(
        &moon_kind_daemonset,
        "{\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\",\"uid\":\"u\",\"generation\":3,"
        "\"annotations\":{\"" MOON_ANNOTATION_GENERATION "\":\"12\"}},"
        "\"spec\":{\"selector\":{\"matchLabels\":{\"app\":\"x\"}},\"minReadySeconds\":5,"
        "\"revisionHistoryLimit\":2,\"updateStrategy\":{\"type\":\"RollingUpdate\","
        "\"rollingUpdate\":{\"maxUnavailable\":\"10%\",\"maxSurge\":0}},"
        "\"template\":{\"metadata\":{\"labels\":{\"app\":\"x\"}},\"spec\":{\"hostNetwork\":true,"
        "\"nodeName\":\"n\",\"nodeSelector\":{\"os\":\"linux\"},"
        "\"tolerations\":[{\"operator\":\"Exists\"}]}}},"
        "\"status\":{\"desiredNumberScheduled\":1,\"currentNumberScheduled\":2,\"numberReady\":3,"
        "\"numberAvailable\":4,\"updatedNumberScheduled\":5,\"numberMisscheduled\":6,"
        "\"numberUnavailable\":7,\"observedGeneration\":8,\"collisionCount\":0}}");
    const struct moon_daemonset *d = moon_daemonset(o);
    assert_true(moon_selector_matches(d->selector, &d->template_labels));
    assert_false(d->selects_all);
    assert_null(d->selector_error);
    assert_int_equal(d->min_ready_s, 5);
    assert_int_equal(d->history_limit, 2);
    assert_int_equal(d->strategy, MOON_STRATEGY_ROLLING);
    assert_string_equal(d->strategy_text, "RollingUpdate");
    assert_true(d->has_rolling_update);
    assert_true(d->max_unavailable.is_percent);
    assert_int_equal(d->max_unavailable.value, 10);
    assert_true(d->max_surge.set);
    assert_int_equal(d->max_surge.value, 0);
    assert_null(d->strategy_error);
    assert_true(d->host_network);
    assert_string_equal(d->node_name, "n");
    assert_string_equal(moon_labels_get(&d->node_selector, "os"), "linux");
    assert_int_equal(d->tolerations.count, 1);
    assert_non_null(d->affinity);
    assert_true(d->has_template_generation);
    assert_int_equal(d->template_generation, 12);
    const int64_t *status = &d->status.desired;
    for (int64_t i = 0; i < 8; i++) {
        assert_int_equal(status[i], i + 1);
    }
    assert_true(d->has_collision_count);
    assert_int_equal(d->collision_count, 0);
    done(o);
}

static void a_bare_set_has_the_servers_defaults(void **state)
{
    (void)state;
    const struct moon_object *o = projected(&moon_kind_daemonset, SET(""));
    const struct moon_daemonset *d = moon_daemonset(o);
    assert_null(d->selector);
    assert_null(d->selector_error);
    assert_false(d->selects_all);
    assert_int_equal(d->strategy, MOON_STRATEGY_ROLLING);
    assert_false(d->has_rolling_update);
    assert_false(d->max_unavailable.set);
    assert_int_equal(d->history_limit, 10);
    assert_false(d->has_template_generation);
    assert_false(d->has_collision_count);
    assert_null(d->node_name);
    assert_non_null(d->affinity);
    done(o);
}

static void seconds_of_tolerations_are_exact(void **state)
{
    static const struct {
        const char *written;
        int64_t seconds;
    } rows[] = {
        {"30", 30},
        {"9007199254740993", 9007199254740993},
        {"-9007199254740993", -9007199254740993},
        {"9223372036854775806", INT64_MAX - 1},
        {"-9223372036854775808", INT64_MIN},
        {"1e16", 10000000000000000},
    };
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct moon_buf text = MOON_BUF_INIT(1024);
        moon_buf_printf(&text,
                        "{\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\",\"uid\":\"u\"},"
                        "\"spec\":{\"template\":{\"spec\":{\"tolerations\":[{},{\"effect\":"
                        "\"NoExecute\",\"tolerationSeconds\":%s}]}}}}",
                        rows[i].written);
        const struct moon_object *o = projected(&moon_kind_daemonset, moon_buf_cstr(&text));
        const struct moon_tolerations *t = &moon_daemonset(o)->tolerations;
        assert_int_equal(t->count, 2);
        assert_false(t->items[0].has_seconds);
        assert_true(t->items[1].has_seconds);
        assert_true(t->items[1].seconds == rows[i].seconds);
        done(o);
        moon_buf_fini(&text);
    }
}

/* What a tree would have lost. */
static void the_template_stays_as_it_was_written(void **state)
{
    static const char *const templates[] = {
        "{}",
        "{\"metadata\":{\"creationTimestamp\":null},\"spec\":{\"n\":9007199254740993}}",
        "{\"spec\":{\"text\":\"a\\u0000b\\u003c<\",\"f\":1.0,\"f\":1.00}}",
    };
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(templates); i++) {
        struct moon_buf text = MOON_BUF_INIT(1024);
        moon_buf_printf(&text,
                        "{\"metadata\":{\"managedFields\":[{\"x\":\"template\"}],\"name\":\"a\","
                        "\"namespace\":\"ns\",\"uid\":\"u\"},\"spec\":{\"template\":%s}}",
                        templates[i]);
        const struct moon_object *o = projected(&moon_kind_daemonset, moon_buf_cstr(&text));
        const struct moon_daemonset *d = moon_daemonset(o);
        assert_string_equal(d->template, templates[i]);
        assert_int_equal(d->template_len, strlen(templates[i]));
        moon_buf_fini(&text);
        done(o);
    }
}

static void selectors_are_told_apart(void **state)
{
    static const struct {
        const char *text;
        bool has_selector;
        bool selects_all;
        bool has_error;
    } rows[] = {
        {SET(""), false, false, false},
        {SET(",\"selector\":null"), false, false, false},
        {SET(",\"selector\":{}"), true, true, false},
        {SET(",\"selector\":{\"matchLabels\":{}}"), true, true, false},
        {SET(",\"selector\":{\"matchLabels\":{\"a\":\"b\"}}"), true, false, false},
        {SET(",\"selector\":{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"Like\"}]}"), false,
         false, true},
        {SET(",\"selector\":7"), false, false, true},
    };
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        const struct moon_object *o = projected(&moon_kind_daemonset, rows[i].text);
        const struct moon_daemonset *d = moon_daemonset(o);
        assert_int_equal(d->selector != NULL, rows[i].has_selector);
        assert_int_equal(d->selects_all, rows[i].selects_all);
        assert_int_equal(d->selector_error != NULL, rows[i].has_error);
        if (d->selector_error != NULL) {
            assert_true(moon_str_starts(moon_str(d->selector_error), "spec.selector"));
        }
        done(o);
    }
}

static void strategies_are_told_apart(void **state)
{
    static const struct {
        const char *text;
        enum moon_strategy strategy;
        bool has_rolling_update;
        const char *error;
    } rows[] = {
        {SET(",\"updateStrategy\":{\"type\":\"\"}"), MOON_STRATEGY_ROLLING, false, NULL},
        {SET(",\"updateStrategy\":{\"type\":\"OnDelete\"}"), MOON_STRATEGY_ON_DELETE, false, NULL},
        {SET(",\"updateStrategy\":{\"type\":\"Magic\"}"), MOON_STRATEGY_OTHER, false, NULL},
        {SET(",\"updateStrategy\":{\"rollingUpdate\":{}}"), MOON_STRATEGY_ROLLING, true, NULL},
        {SET(",\"updateStrategy\":{\"rollingUpdate\":{\"maxUnavailable\":\"many\","
             "\"maxSurge\":\"more\"}}"),
         MOON_STRATEGY_ROLLING, true, "spec.updateStrategy.rollingUpdate.maxUnavailable: "},
        {SET(",\"updateStrategy\":{\"rollingUpdate\":{\"maxSurge\":\"5\"}}"), MOON_STRATEGY_ROLLING,
         true, "spec.updateStrategy.rollingUpdate.maxSurge: "},
    };
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        const struct moon_object *o = projected(&moon_kind_daemonset, rows[i].text);
        const struct moon_daemonset *d = moon_daemonset(o);
        assert_int_equal(d->strategy, rows[i].strategy);
        assert_int_equal(d->has_rolling_update, rows[i].has_rolling_update);
        assert_int_equal(d->strategy_error != NULL, rows[i].error != NULL);
        if (d->strategy_error != NULL) {
            assert_true(moon_str_starts(moon_str(d->strategy_error), rows[i].error));
        }
        done(o);
    }
}

static void a_generation_that_is_no_number_is_none(void **state)
{
    (void)state;
    const struct moon_object *o = projected(
        &moon_kind_daemonset, "{\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\",\"uid\":\"u\","
                              "\"annotations\":{\"" MOON_ANNOTATION_GENERATION "\":\"x1\"}},"
                              "\"spec\":{\"template\":{}}}");
    assert_false(moon_daemonset(o)->has_template_generation);
    done(o);
}

static void errors_say_where(void **state)
{
    static const struct {
        const char *text;
        const char *error;
    } rows[] = {
        {"{" PROJECTED_HEAD "}", "DaemonSet ns/a: spec.template is missing"},
        {TEMPLATE("null"), "DaemonSet ns/a: spec.template is missing"},
        {TEMPLATE("[]"), "DaemonSet ns/a: spec.template is missing"},
        {TEMPLATE("{\"metadata\":{\"labels\":{\"a\":1}}}"),
         "DaemonSet ns/a: spec.template.metadata.labels: "},
        {TEMPLATE("{\"spec\":{\"nodeSelector\":{\"a\":1}}}"),
         "DaemonSet ns/a: spec.template.spec.nodeSelector: "},
        {TEMPLATE("{\"spec\":{\"tolerations\":{}}}"),
         "DaemonSet ns/a: spec.template.spec.tolerations: "},
    };
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        assert_projection_error(&moon_kind_daemonset, rows[i].text, rows[i].error);
    }
}

#define STATUS(member) "{" PROJECTED_HEAD ",\"spec\":{\"template\":{}},\"status\":{" member "}}"

#define UNAVAILABLE(value)                                                                         \
    SET(",\"updateStrategy\":{\"rollingUpdate\":{\"maxUnavailable\":" value "}}")

/* Two sets that differ after a U+0000 only. */
#define NUL(rest)                                                                                  \
    "{\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\",\"uid\":\"u\",\"annotations\":"            \
    "{\"a\":\"b\\u0000" rest "\"}},\"spec\":{\"template\":{}}}"

static void sets_are_compared(void **state)
{
    static const char *const others[] = {
        TEMPLATE("{\"spec\":null}"),
        SET(",\"selector\":{}"),
        SET(",\"selector\":7"),
        SET(",\"minReadySeconds\":1"),
        SET(",\"revisionHistoryLimit\":1"),
        SET(",\"updateStrategy\":{\"type\":\"OnDelete\"}"),
        SET(",\"updateStrategy\":{\"rollingUpdate\":{}}"),
        SET(",\"updateStrategy\":{\"rollingUpdate\":{\"maxUnavailable\":0}}"),
        SET(",\"updateStrategy\":{\"rollingUpdate\":{\"maxSurge\":0}}"),
        STATUS("\"desiredNumberScheduled\":1"),
        STATUS("\"currentNumberScheduled\":1"),
        STATUS("\"numberReady\":1"),
        STATUS("\"numberAvailable\":1"),
        STATUS("\"updatedNumberScheduled\":1"),
        STATUS("\"numberMisscheduled\":1"),
        STATUS("\"numberUnavailable\":1"),
        STATUS("\"observedGeneration\":1"),
        STATUS("\"collisionCount\":0"),
        "{\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\",\"uid\":\"u\",\"annotations\":"
        "{\"a\":\"b\"}},\"spec\":{\"template\":{}}}",
    };
    (void)state;
    assert_true(projected_same(&moon_kind_daemonset, SET(""), STATUS("\"conditions\":[]")));
    assert_true(projected_same(&moon_kind_daemonset,
                               SET(",\"selector\":{\"matchLabels\":{\"a\":\"1\",\"b\":\"2\"}}"),
                               SET(",\"selector\":{\"matchLabels\":{\"b\":\"2\",\"a\":\"1\"}}")));
    assert_false(projected_same(&moon_kind_daemonset,
                                SET(",\"selector\":{\"matchLabels\":{\"a\":\"1\"}}"),
                                SET(",\"selector\":{\"matchLabels\":{\"a\":\"2\"}}")));
    assert_false(projected_same(&moon_kind_daemonset, STATUS("\"collisionCount\":1"),
                                STATUS("\"collisionCount\":2")));
    assert_false(projected_same(&moon_kind_daemonset, UNAVAILABLE("1"), UNAVAILABLE("2")));
    assert_false(projected_same(&moon_kind_daemonset, NUL("c"), NUL("d")));
    assert_false(projected_same(&moon_kind_daemonset, UNAVAILABLE("1"), UNAVAILABLE("\"1%\"")));
    for (size_t i = 0; i < MOON_ARRAY_SIZE(others); i++) {
        assert_false(projected_same(&moon_kind_daemonset, SET(""), others[i]));
    }
    done(NULL);
}

/* ---- revisions ---- */

#define REVISION(rest) "{" PROJECTED_HEAD rest "}"

static void a_revision_keeps_its_data_byte_for_byte(void **state)
{
    static const char data[] = "{\"spec\":{\"template\":{\"$patch\":\"replace\",\"n\":1.50}}}";
    struct moon_buf text = MOON_BUF_INIT(1024);
    (void)state;
    moon_buf_printf(&text, "{" PROJECTED_HEAD ",\"data\":%s,\"revision\":4}", data);
    const struct moon_object *o = projected(&moon_kind_revision, moon_buf_cstr(&text));
    assert_int_equal(moon_revision(o)->revision, 4);
    assert_string_equal(moon_revision(o)->data, data);
    assert_int_equal(moon_revision(o)->data_len, sizeof(data) - 1);
    moon_buf_fini(&text);
    done(o);
}

static void revisions_are_numbered_exactly(void **state)
{
    (void)state;
    const struct moon_object *o =
        projected(&moon_kind_revision, REVISION(",\"data\":{},\"revision\":9007199254740993"));
    assert_true(moon_revision(o)->revision == 9007199254740993);
    done(o);
    o = projected(&moon_kind_revision, REVISION(",\"data\":{},\"revision\":9223372036854775807"));
    assert_true(moon_revision(o)->revision == INT64_MAX);
    done(o);
}

#define STABLE(value)                                                                              \
    "{\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\",\"uid\":\"u\",\"annotations\":{"           \
    "\"moonset.dev/stable\":" value "}},\"data\":{},\"revision\":1}"

static void since_when_a_revision_is_stable(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t stable_s;
    } rows[] = {
        {STABLE("\"1970-01-01T00:00:07Z\""), 7},
        {STABLE("\"yes\""), 0},
        {STABLE("true"), 0},
        {REVISION(",\"data\":{},\"revision\":1"), 0},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        const struct moon_object *o = projected(&moon_kind_revision, rows[i].text);
        assert_int_equal(moon_revision(o)->stable_s, rows[i].stable_s);
        moon_object_unref(o);
    }
    assert_false(projected_same(&moon_kind_revision, rows[0].text, rows[1].text));
}

static void revisions_say_what_is_wrong_with_them(void **state)
{
    (void)state;
    assert_projection_error(&moon_kind_revision, REVISION(",\"revision\":1"),
                            "ControllerRevision ns/a: data is missing");
    assert_projection_error(&moon_kind_revision, REVISION(",\"data\":{}"),
                            "ControllerRevision ns/a: revision is missing or no whole number");
    assert_projection_error(&moon_kind_revision, REVISION(",\"data\":{},\"revision\":1.5"),
                            "ControllerRevision ns/a: revision is missing or no whole number");
    assert_projection_error(&moon_kind_revision, REVISION(",\"data\":{},\"revision\":-1"),
                            "ControllerRevision ns/a: revision is missing or no whole number");
}

static void revisions_of_others_are_dropped(void **state)
{
    (void)state;
    assert_null(projected(&moon_kind_revision,
                          "{\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\",\"uid\":\"u\","
                          "\"ownerReferences\":[{\"kind\":\"StatefulSet\",\"uid\":\"s\","
                          "\"controller\":true}]},\"data\":{},\"revision\":1}"));
    done(NULL);
}

static void revisions_are_compared(void **state)
{
    static const char base[] = REVISION(",\"data\":{},\"revision\":1");
    (void)state;
    assert_true(
        projected_same(&moon_kind_revision, base, REVISION(",\"revision\":1,\"data\":{},\"x\":1")));
    assert_false(
        projected_same(&moon_kind_revision, base, REVISION(",\"data\":{},\"revision\":2")));
    assert_false(
        projected_same(&moon_kind_revision, base, REVISION(",\"data\":[],\"revision\":1")));
    assert_false(
        projected_same(&moon_kind_revision, base, REVISION(",\"data\":{ },\"revision\":1")));
    done(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_matters_of_a_set_is_kept),
        cmocka_unit_test(a_bare_set_has_the_servers_defaults),
        cmocka_unit_test(seconds_of_tolerations_are_exact),
        cmocka_unit_test(the_template_stays_as_it_was_written),
        cmocka_unit_test(selectors_are_told_apart),
        cmocka_unit_test(strategies_are_told_apart),
        cmocka_unit_test(a_generation_that_is_no_number_is_none),
        cmocka_unit_test(errors_say_where),
        cmocka_unit_test(sets_are_compared),
        cmocka_unit_test(a_revision_keeps_its_data_byte_for_byte),
        cmocka_unit_test(revisions_are_numbered_exactly),
        cmocka_unit_test(since_when_a_revision_is_stable),
        cmocka_unit_test(revisions_say_what_is_wrong_with_them),
        cmocka_unit_test(revisions_of_others_are_dropped),
        cmocka_unit_test(revisions_are_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
