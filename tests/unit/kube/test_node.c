/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "kube/node.h"
#include "projected.h"

#define NODE(more_metadata, rest)                                                                  \
    "{\"metadata\":{\"name\":\"n\",\"uid\":\"u\"" more_metadata "}" rest "}"
#define CONDITION(type, status, since, heartbeat)                                                  \
    "{\"type\":\"" type "\",\"status\":\"" status "\",\"reason\":\"R\",\"lastTransitionTime\":"    \
    "\"1970-01-01T00:00:" since "Z\",\"lastHeartbeatTime\":\"" heartbeat "\"}"

static void done(const struct moon_object *object)
{
    moon_object_unref(object);
    assert_int_equal(moon_intern_count(), 0);
}

static void what_matters_of_a_node_is_kept(void **state)
{
    (void)state;
    const struct moon_object *o = projected(
        &moon_kind_node,
        NODE(",\"labels\":{\"topology.kubernetes.io/zone\":\"z1\","
             "\"failure-domain.beta.kubernetes.io/zone\":\"old\","
             "\"failure-domain.beta.kubernetes.io/region\":\"r1\"},\"annotations\":{\"k\":\"v\"}",
             ",\"spec\":{\"unschedulable\":true,\"taints\":[{\"key\":\"t\",\"effect\":"
             "\"NoSchedule\"}]},\"status\":{\"conditions\":[" CONDITION(
                 "Ready", "True", "07",
                 "x") "," CONDITION("DiskPressure", "False", "08",
                                    "y") "," CONDITION("Odd", "?", "09",
                                                       "y") "],"
                                                            "\"capacity\":{\"memory\":\"64Gi\","
                                                            "\"cpu\":\"16\"},\"allocatable\":{"
                                                            "\"cpu\":\"15500m\"},"
                                                            "\"nodeInfo\":{\"architecture\":"
                                                            "\"arm64\",\"operatingSystem\":"
                                                            "\"linux\","
                                                            "\"kubeletVersion\":\"v1.36.0\"},"
                                                            "\"images\":[{\"names\":[\"x\"]}]}"));
    const struct moon_node *n = moon_node(o);
    assert_true(n->unschedulable);
    assert_true(n->ready);
    assert_int_equal(n->taints.count, 1);
    assert_string_equal(n->taints.items[0].key, "t");
    assert_string_equal(n->zone, "z1");
    assert_string_equal(n->region, "r1");
    assert_string_equal(n->arch, "arm64");
    assert_string_equal(n->os, "linux");
    assert_string_equal(n->kubelet, "v1.36.0");
    assert_string_equal(moon_labels_get(&n->meta.annotations, "k"), "v");

    assert_int_equal(n->condition_count, 3); /* sorted by type */
    assert_string_equal(n->conditions[0].type, "DiskPressure");
    assert_int_equal(n->conditions[0].status, MOON_CONDITION_FALSE);
    assert_int_equal(n->conditions[0].since_s, 8);
    assert_int_equal(n->conditions[1].status, MOON_CONDITION_UNKNOWN);
    assert_string_equal(n->conditions[2].type, "Ready");
    assert_string_equal(n->conditions[2].reason, "R");

    assert_int_equal(n->capacity_count, 2); /* sorted by resource */
    assert_string_equal(n->capacity[0].resource, "cpu");
    assert_int_equal(moon_quantity_units(n->capacity[0].quantity), 16);
    assert_string_equal(n->capacity[1].resource, "memory");
    assert_int_equal(n->allocatable_count, 1);
    assert_int_equal(moon_quantity_milli(n->allocatable[0].quantity), 15500);
    done(o);
}

static void a_bare_node_is_a_node(void **state)
{
    (void)state;
    const struct moon_object *o = projected(&moon_kind_node, NODE("", ""));
    const struct moon_node *n = moon_node(o);
    assert_false(n->ready);
    assert_false(n->unschedulable);
    assert_null(n->zone);
    assert_null(n->arch);
    assert_int_equal(n->condition_count + n->capacity_count + n->taints.count, 0);
    done(o);
}

/* Whoever empties the node is known, whatever else is written on it. */
static void who_drains_a_node_is_always_kept(void **state)
{
    (void)state;
    char filler[1100];
    memset(filler, 'x', sizeof(filler) - 1);
    filler[sizeof(filler) - 1] = '\0';
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(8192);
    moon_buf_printf(&text,
                    NODE(",\"annotations\":{\"a\":\"%.600s\",\"b\":\"%.410s\","
                         "\"moonset.dev/drained-by\":\"ns/set\","
                         "\"moonset.dev/drain-began\":\"%s\"}",
                         ""),
                    filler, filler, "1970-01-01T00:01:00Z");
    const struct moon_object *o = projected(&moon_kind_node, moon_buf_cstr(&text));
    assert_string_equal(moon_node(o)->drained_by, "ns/set");
    assert_int_equal(moon_node(o)->drain_began_s, 60);
    assert_null(moon_labels_get(&o->annotations, "moonset.dev/drained-by"));
    done(o);
    o = projected(&moon_kind_node, NODE(",\"annotations\":{\"moonset.dev/drained-by\":\"ns/set\","
                                        "\"moonset.dev/drain-began\":\"yesterday\"}",
                                        ""));
    assert_int_equal(moon_node(o)->drain_began_s, 0);
    assert_string_equal(moon_node(o)->drained_by, "ns/set");
    done(o);
}

static void annotations_are_kept_as_far_as_they_fit(void **state)
{
    char big[1001];
    struct moon_buf text = MOON_BUF_INIT(8192);
    (void)state;
    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    /* a: 2 bytes, b: 1001, c: 1001, d: 21 make 1024 with a and b */
    moon_buf_printf(&text,
                    "{\"metadata\":{\"name\":\"n\",\"uid\":\"u\",\"annotations\":{\"c\":\"%s\","
                    "\"b\":\"%s\",\"a\":\"1\",\"d\":\"%.20s\",\"e\":\"\"}}}",
                    big, big, big);
    const struct moon_object *o = projected(&moon_kind_node, moon_buf_cstr(&text));
    assert_int_equal(o->annotations.count, 3);
    assert_non_null(moon_labels_get(&o->annotations, "a"));
    assert_non_null(moon_labels_get(&o->annotations, "b"));
    assert_null(moon_labels_get(&o->annotations, "c"));
    assert_non_null(moon_labels_get(&o->annotations, "d"));
    moon_object_unref(o);

    moon_buf_clear(&text);
    moon_buf_printf(
        &text, "{\"metadata\":{\"name\":\"n\",\"uid\":\"u\",\"annotations\":{\"a\":\"%s%s\"}}}",
        big, big);
    o = projected(&moon_kind_node, moon_buf_cstr(&text));
    assert_int_equal(o->annotations.count, 0);
    moon_buf_fini(&text);
    done(o);
}

#define READY(since, heartbeat)                                                                    \
    ",\"status\":{\"conditions\":[" CONDITION("Ready", "True", since, heartbeat) "]}"

static void a_heartbeat_is_no_change(void **state)
{
    (void)state;
    assert_true(projected_same(&moon_kind_node, NODE("", READY("01", "a")),
                               NODE(",\"resourceVersion\":\"9\"", READY("01", "b"))));
    assert_true(projected_same(&moon_kind_node, NODE("", ""),
                               NODE("", ",\"status\":{\"images\":[],\"addresses\":[],"
                                        "\"volumesInUse\":[\"v\"],"
                                        "\"nodeInfo\":{\"bootID\":\"b\"}}")));
    done(NULL);
}

static void every_change_of_what_is_kept_is_one(void **state)
{
    static const char base[] =
        NODE("", ",\"status\":{\"conditions\":[" CONDITION("Ready", "True", "01",
                                                           "a") "],"
                                                                "\"capacity\":{\"cpu\":\"1\"}}");
    static const char *const others[] = {
        NODE("", ",\"status\":{\"capacity\":{\"cpu\":\"1\"}}"),
        NODE("", ",\"status\":{\"conditions\":[" CONDITION("Ready", "False", "01",
                                                           "a") "],"
                                                                "\"capacity\":{\"cpu\":\"1\"}}"),
        NODE("", ",\"status\":{\"conditions\":[" CONDITION("Ready", "True", "02",
                                                           "a") "],"
                                                                "\"capacity\":{\"cpu\":\"1\"}}"),
        NODE("", ",\"status\":{\"conditions\":[" CONDITION("Steady", "True", "01",
                                                           "a") "],"
                                                                "\"capacity\":{\"cpu\":\"1\"}}"),
        NODE("", ",\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\","
                 "\"lastTransitionTime\":\"1970-01-01T00:00:01Z\"}],\"capacity\":{\"cpu\":\"1\"}}"),
        NODE("", READY("01", "a")),
        NODE("", ",\"status\":{\"conditions\":[" CONDITION("Ready", "True", "01",
                                                           "a") "],"
                                                                "\"capacity\":{\"cpu\":\"2\"}}"),
        NODE("", ",\"status\":{\"conditions\":[" CONDITION("Ready", "True", "01",
                                                           "a") "],"
                                                                "\"capacity\":{\"gpu\":\"1\"}}"),
        NODE("", ",\"status\":{\"conditions\":[" CONDITION(
                     "Ready", "True", "01",
                     "a") "],"
                          "\"capacity\":{\"cpu\":\"1\"},\"allocatable\":{\"cpu\":\"1\"}}"),
    };
    static const char *const from_empty[] = {
        NODE(",\"labels\":{\"a\":\"b\"}", ""),
        NODE(",\"annotations\":{\"a\":\"b\"}", ""),
        NODE("", ",\"spec\":{\"unschedulable\":true}"),
        NODE("", ",\"spec\":{\"taints\":[{\"key\":\"t\",\"effect\":\"NoExecute\"}]}"),
        NODE("", ",\"status\":{\"nodeInfo\":{\"architecture\":\"a\"}}"),
        NODE("", ",\"status\":{\"nodeInfo\":{\"operatingSystem\":\"a\"}}"),
        NODE("", ",\"status\":{\"nodeInfo\":{\"kubeletVersion\":\"a\"}}"),
    };
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(others); i++) {
        assert_false(projected_same(&moon_kind_node, base, others[i]));
    }
    for (size_t i = 0; i < MOON_ARRAY_SIZE(from_empty); i++) {
        assert_false(projected_same(&moon_kind_node, NODE("", ""), from_empty[i]));
    }
    done(NULL);
}

static void errors_say_where(void **state)
{
    static const struct {
        const char *text;
        const char *error;
    } rows[] = {
        {NODE("", ",\"spec\":{\"taints\":{}}"), "Node n: spec.taints: "},
        {NODE("", ",\"status\":{\"conditions\":{}}"), "Node n: status: conditions: not an array"},
        {NODE("", ",\"status\":{\"conditions\":[{\"type\":\"A\"},{\"status\":\"True\"}]}"),
         "Node n: status.conditions[1]: type is missing"},
        {NODE("", ",\"status\":{\"conditions\":[{\"type\":\"A\",\"lastTransitionTime\":\"x\"}]}"),
         "Node n: status.conditions[0]: lastTransitionTime: "},
        {NODE("", ",\"status\":{\"capacity\":[]}"), "Node n: status.capacity: not an object"},
        {NODE("", ",\"status\":{\"capacity\":{\"cpu\":\"1\",\"mem\":\"lots\"}}"),
         "Node n: status.capacity: mem: "},
        {NODE("", ",\"status\":{\"allocatable\":{\"cpu\":1}}"),
         "Node n: status.allocatable: cpu: not a string"},
    };
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        assert_projection_error(&moon_kind_node, rows[i].text, rows[i].error);
    }
}

/* ---- declared fields ---- */

static size_t keep(const char *pointer)
{
    struct moon_err err;
    size_t number = SIZE_MAX;
    if (moon_node_field_keep(moon_str(pointer), &number, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return number;
}

static const char *field(const struct moon_object *o, size_t number)
{
    const struct moon_node_field *f = &moon_node(o)->fields[number];
    if (f->too_large) {
        return "too large";
    }
    return f->json != NULL ? f->json : "none";
}

static void declared_fields_are_kept(void **state)
{
    (void)state;
    static const char text[] =
        NODE(",\"annotations\":{\"a/b\":\"x\",\"c~d\":\"y\"},\"managedFields\":[1]",
             ",\"spec\":{\"providerID\":\"p\"},\"status\":{\"nodeInfo\":{\"kernelVersion\":\"6.1\","
             "\"bootID\":\"b\"},\"addresses\":[{\"type\":\"A\"},{\"type\":\"B\"}],"
             "\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\",\"message\":\"m\"}],"
             "\"images\":null,\"n\":1.5,\"b\":false}");
    static const char *const rows[][2] = {
        {"/status/nodeInfo/kernelVersion", "\"6.1\""},
        {"/status/nodeInfo", NULL}, /* what the rest of the rows needs of it is there, too */
        {"/status/addresses/1/type", "\"B\""},
        {"/status/addresses/2/type", "none"},
        {"/status/addresses/x", "none"},
        {"/status/conditions/0/message", "\"m\""},
        {"/status/images", "none"},
        {"/status/n", "1.5"},
        {"/status/b", "false"},
        {"/status/b/c", "none"},
        {"/metadata/annotations/a~1b", "\"x\""},
        {"/metadata/annotations/c~0d", "\"y\""},
        {"/spec", "{\"providerID\":\"p\"}"},
        {"/nothing/at/all", "none"},
        {"/status/addresses", "[{\"type\":\"A\"},{\"type\":\"B\"}]"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        assert_int_equal(keep(rows[i][0]), i);
    }
    assert_int_equal(keep(rows[2][0]), 2);
    assert_int_equal(moon_node_field_count(), MOON_ARRAY_SIZE(rows));
    const struct moon_object *o = projected(&moon_kind_node, text);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        if (rows[i][1] != NULL) {
            assert_string_equal(field(o, i), rows[i][1]);
        }
    }
    assert_non_null(strstr(field(o, 1), "\"bootID\":\"b\""));
    assert_true(moon_node(o)->ready);
    done(o);
    moon_node_field_reset();
    assert_int_equal(moon_node_field_count(), 0);
}

static void a_large_field_is_not_kept(void **state)
{
    (void)state;
    MOON_AUTOFREE char *large = moon_asprintf("{\"metadata\":{\"name\":\"n\",\"uid\":\"u\"},"
                                              "\"status\":{\"a\":\"%01021d\",\"b\":\"%01023d\","
                                              "\"c\":\"%09999d\"}}",
                                              0, 0, 0);
    (void)keep("/status/a");
    (void)keep("/status/b");
    (void)keep("/status/c");
    const struct moon_object *o = projected(&moon_kind_node, large);
    assert_int_equal(strlen(field(o, 0)), 1023);
    assert_string_equal(field(o, 1), "too large");
    assert_string_equal(field(o, 2), "too large");
    done(o);
    moon_node_field_reset();
}

static void a_declared_field_that_changes_is_a_change(void **state)
{
    (void)state;
    static const char one[] = NODE("", ",\"status\":{\"nodeInfo\":{\"kernelVersion\":\"1\"}}");
    static const char two[] = NODE("", ",\"status\":{\"nodeInfo\":{\"kernelVersion\":\"2\"}}");
    assert_true(projected_same(&moon_kind_node, one, two));
    const struct moon_object *before = projected(&moon_kind_node, one);
    (void)keep("/status/nodeInfo/kernelVersion");
    const struct moon_object *after = projected(&moon_kind_node, one);
    assert_false(moon_kind_node.same(before, after));
    assert_false(projected_same(&moon_kind_node, one, two));
    moon_object_unref(before);
    done(after);
    moon_node_field_reset();
}

static void what_is_no_pointer_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "", "/", "status", "/a~", "/a~2", "/a\nb", "/metadata/managedFields/0"};
    struct moon_err err;
    size_t number;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        assert_int_equal(moon_node_field_keep(moon_str(rows[i]), &number, &err), -MOON_E_INVALID);
    }
    for (int i = 0; i < MOON_NODE_FIELDS; i++) {
        MOON_AUTOFREE char *pointer = moon_asprintf("/status/f%d", i);
        (void)keep(pointer);
    }
    assert_int_equal(moon_node_field_keep(MOON_STR_LIT("/more"), &number, &err), -MOON_E_LIMIT);
    moon_node_field_reset();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_matters_of_a_node_is_kept),
        cmocka_unit_test(a_bare_node_is_a_node),
        cmocka_unit_test(annotations_are_kept_as_far_as_they_fit),
        cmocka_unit_test(who_drains_a_node_is_always_kept),
        cmocka_unit_test(a_heartbeat_is_no_change),
        cmocka_unit_test(every_change_of_what_is_kept_is_one),
        cmocka_unit_test(errors_say_where),
        cmocka_unit_test(declared_fields_are_kept),
        cmocka_unit_test(a_large_field_is_not_kept),
        cmocka_unit_test(a_declared_field_that_changes_is_a_change),
        cmocka_unit_test(what_is_no_pointer_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
