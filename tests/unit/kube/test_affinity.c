/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kube/affinity.h"

#define REQUIRED(terms)                                                                            \
    "\"affinity\":{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":"          \
    "{\"nodeSelectorTerms\":" terms "}}}"
#define EXPRESSION(key, op, values)                                                                \
    "{\"key\":\"" key "\",\"operator\":\"" op "\",\"values\":" values "}"
#define TERM(expression) "{\"matchExpressions\":[" expression "]}"
#define FIELD_TERM(field) "{\"matchFields\":[" field "]}"
#define BOTH_TERM(field, expression)                                                               \
    "{\"matchFields\":[" field "],\"matchExpressions\":[" expression "]}"
#define NAME_IN(name) EXPRESSION("metadata.name", "In", "[\"" name "\"]")

static bool matches(const char *spec_text, const char *labels_text, const char *node_name)
{
    struct moon_err err = {0};
    struct moon_labels labels = {0};
    MOON_AUTOJSON *spec = moon_json_parse(moon_str(spec_text), &err);
    if (spec == NULL) {
        fail_msg("%s: %s", spec_text, err.text);
    }
    MOON_AUTOJSON *labels_json = moon_json_parse(moon_str(labels_text), &err);
    assert_int_equal(moon_labels_from_json(labels_json, &labels, &err), 0);
    struct moon_affinity *a = moon_affinity_from_pod_spec(spec);
    bool result = moon_affinity_matches(a, &labels, node_name);
    moon_affinity_free(a);
    moon_labels_fini(&labels);
    return result;
}

static const struct {
    const char *spec;
    const char *labels;
    bool want; /* on a node called node-1 */
} rows[] = {
    /* no condition */
    {"{}", "{}", true},
    {"{\"nodeSelector\":{},\"affinity\":{}}", "{}", true},
    {"{\"nodeSelector\":null,\"affinity\":null}", "{}", true},
    {"{\"affinity\":{\"nodeAffinity\":null,\"podAffinity\":{}}}", "{}", true},
    {"{\"affinity\":{\"nodeAffinity\":{\"preferredDuringSchedulingIgnoredDuringExecution\":[]}}}",
     "{}", true},
    /* node selector */
    {"{\"nodeSelector\":{\"a\":\"1\"}}", "{}", false},
    {"{\"nodeSelector\":{\"a\":\"1\"}}", "{\"a\":\"1\"}", true},
    {"{\"nodeSelector\":{\"a\":\"1\"}}", "{\"a\":\"1\",\"b\":\"2\"}", true},
    {"{\"nodeSelector\":{\"a\":\"1\",\"b\":\"2\"}}", "{\"a\":\"1\"}", false},
    {"{\"nodeSelector\":{\"a\":\"1\"}}", "{\"a\":\"2\"}", false},
    {"{\"nodeSelector\":{\"a b!\":\"x y\"}}", "{\"a b!\":\"x y\"}", true},
    /* expressions */
    {"{" REQUIRED("[" TERM(EXPRESSION("a", "In", "[\"0\",\"1\"]")) "]") "}", "{\"a\":\"1\"}", true},
    {"{" REQUIRED("[" TERM(EXPRESSION("a", "In", "[\"0\",\"2\"]")) "]") "}", "{\"a\":\"1\"}",
     false},
    {"{" REQUIRED("[" TERM(EXPRESSION("a", "In", "[\"0\"]")) "]") "}", "{}", false},
    {"{" REQUIRED("[" TERM(EXPRESSION("a", "Gt", "[\"0204\"]")) "]") "}", "{\"a\":\"0206\"}", true},
    {"{" REQUIRED("[" TERM(EXPRESSION("a", "Gt", "[\"206\"]")) "]") "}", "{\"a\":\"0206\"}", false},
    {"{" REQUIRED("[" TERM(EXPRESSION("a", "Lt", "[\"10\"]")) "]") "}", "{\"a\":\"9\"}", true},
    {"{" REQUIRED("[" TERM(EXPRESSION("a", "Lt", "[\"10\"]")) "]") "}", "{\"a\":\"x\"}", false},
    {"{" REQUIRED("[" TERM(EXPRESSION("a", "Lt", "[\"10\"]")) "]") "}", "{}", false},
    {"{" REQUIRED("[" TERM(EXPRESSION("a", "NotIn", "[\"1\",\"2\"]")) "]") "}", "{\"a\":\"3\"}",
     true},
    {"{" REQUIRED("[" TERM(EXPRESSION("a", "NotIn", "[\"1\",\"2\"]")) "]") "}", "{}", true},
    {"{" REQUIRED("[" TERM(EXPRESSION("a", "NotIn", "[\"1\",\"2\"]")) "]") "}", "{\"a\":\"2\"}",
     false},
    {"{" REQUIRED("[" TERM("{\"key\":\"a\",\"operator\":\"Exists\"}") "]") "}", "{\"a\":\"\"}",
     true},
    {"{" REQUIRED("[" TERM("{\"key\":\"a\",\"operator\":\"Exists\"}") "]") "}", "{}", false},
    {"{" REQUIRED("[" TERM("{\"key\":\"a\",\"operator\":\"DoesNotExist\"}") "]") "}", "{}", true},
    {"{" REQUIRED("[" TERM("{\"key\":\"a\",\"operator\":\"DoesNotExist\"}") "]") "}",
     "{\"a\":\"\"}", false},
    /* no terms, empty terms */
    {"{" REQUIRED("null") "}", "{\"a\":\"1\"}", false},
    {"{" REQUIRED("[]") "}", "{\"a\":\"1\"}", false},
    {"{" REQUIRED("[{}]") "}", "{}", false},
    {"{" REQUIRED("[{\"matchExpressions\":[]}]") "}", "{}", false},
    {"{" REQUIRED("[{\"matchExpressions\":null,\"matchFields\":[]}]") "}", "{}", false},
    {"{\"affinity\":{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":null}}}",
     "{}", true},
    {"{\"affinity\":{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":{}}}}",
     "{}", false},
    /* ANDed expressions, ORed terms */
    {"{" REQUIRED("[" TERM(
         EXPRESSION("a", "In", "[\"1\"]") ","
                                          "{\"key\":\"b\",\"operator\":\"Exists\"}") "]") "}",
     "{\"a\":\"1\",\"b\":\"2\"}", true},
    {"{" REQUIRED("[" TERM(
         EXPRESSION("a", "In", "[\"1\"]") ","
                                          "{\"key\":\"b\",\"operator\":\"Exists\"}") "]") "}",
     "{\"a\":\"1\"}", false},
    {"{" REQUIRED("[" TERM(EXPRESSION("a", "In", "[\"0\"]")) "," TERM(
         "{\"key\":\"b\",\"operator\":\"Exists\"}") "]") "}",
     "{\"a\":\"1\",\"b\":\"2\"}", true},
    /* both kinds of selection */
    {"{\"nodeSelector\":{\"a\":\"1\"}," REQUIRED(
         "[" TERM("{\"key\":\"a\",\"operator\":\"Exists\"}") "]") "}",
     "{\"a\":\"1\"}", true},
    {"{\"nodeSelector\":{\"a\":\"1\"}," REQUIRED(
         "[" TERM("{\"key\":\"a\",\"operator\":\"Exists\"}") "]") "}",
     "{\"a\":\"2\"}", false},
    /* what does not parse matches nothing, other terms are still tried */
    {"{" REQUIRED("[" TERM(EXPRESSION("a", "NotIn", "[\"invalid value: ___@#\"]")) "]") "}",
     "{\"a\":\"1\"}", false},
    {"{" REQUIRED("[" TERM(EXPRESSION("a", "NotIn", "[\"!\"]")) "," TERM(
         EXPRESSION("a", "In", "[\"1\"]")) "]") "}",
     "{\"a\":\"1\"}", true},
    {"{" REQUIRED("[" TERM(EXPRESSION("a b", "NotIn", "[\"1\"]")) "]") "}", "{}", false},
    {"{" REQUIRED("[" TERM(EXPRESSION("a", "Exists", "[\"1\"]")) "]") "}", "{\"a\":\"1\"}", false},
    {"{" REQUIRED("[" TERM(EXPRESSION("a", "NotIn", "[]")) "]") "}", "{}", false},
    {"{" REQUIRED("[" TERM(EXPRESSION("a", "Gt", "[\"1\",\"2\"]")) "]") "}", "{\"a\":\"5\"}",
     false},
    {"{" REQUIRED("[" TERM(EXPRESSION("a", "Gt", "[\"x\"]")) "]") "}", "{\"a\":\"5\"}", false},
    {"{" REQUIRED("[" TERM(EXPRESSION("a", "Near", "[\"1\"]")) "]") "}", "{\"a\":\"1\"}", false},
    {"{" REQUIRED(
         "[" TERM(EXPRESSION("a", "In", "[\"1\"]") "," EXPRESSION("b", "Odd", "[]")) "]") "}",
     "{\"a\":\"1\"}", false},
    /* fields */
    {"{" REQUIRED("[" FIELD_TERM(NAME_IN("node-1")) "]") "}", "{}", true},
    {"{" REQUIRED("[" FIELD_TERM(NAME_IN("node-2")) "]") "}", "{}", false},
    {"{" REQUIRED("[" FIELD_TERM(EXPRESSION("metadata.name", "NotIn", "[\"node-2\"]")) "]") "}",
     "{}", true},
    {"{" REQUIRED("[" FIELD_TERM(EXPRESSION("metadata.name", "NotIn", "[\"node-1\"]")) "]") "}",
     "{}", false},
    {"{" REQUIRED(
         "[" FIELD_TERM(EXPRESSION("metadata.name", "In", "[\"node-1\",\"node-2\"]")) "]") "}",
     "{}", false},
    {"{" REQUIRED("[" FIELD_TERM(EXPRESSION("metadata.name", "In", "[]")) "]") "}", "{}", false},
    {"{" REQUIRED("[" FIELD_TERM(EXPRESSION("metadata.name", "Exists", "[\"node-1\"]")) "]") "}",
     "{}", false},
    {"{" REQUIRED("[" FIELD_TERM(EXPRESSION("metadata.other", "In", "[\"\"]")) "]") "}", "{}",
     true},
    {"{" REQUIRED("[" FIELD_TERM(EXPRESSION("metadata.other", "In", "[\"node-1\"]")) "]") "}", "{}",
     false},
    /* fields and expressions: two terms, one term */
    {"{" REQUIRED(
         "[" FIELD_TERM(NAME_IN("node-2")) "," TERM(EXPRESSION("a", "In", "[\"1\"]")) "]") "}",
     "{\"a\":\"1\"}", true},
    {"{" REQUIRED("[" BOTH_TERM(NAME_IN("node-2"), EXPRESSION("a", "In", "[\"1\"]")) "]") "}",
     "{\"a\":\"1\"}", false},
    {"{" REQUIRED("[" BOTH_TERM(NAME_IN("node-1"), EXPRESSION("a", "In", "[\"1\"]")) "]") "}",
     "{\"a\":\"1\"}", true},
    {"{" REQUIRED(
         "[" FIELD_TERM(NAME_IN("node-2")) "," TERM(EXPRESSION("a", "In", "[\"1\"]")) "]") "}",
     "{\"a\":\"2\"}", false},
    /* shapes the API server would not let in must not read as "anywhere" */
    {"{\"nodeSelector\":{\"a\":1}}", "{\"a\":\"1\"}", false},
    {"{\"nodeSelector\":[]}", "{}", false},
    {"{\"affinity\":\"x\"}", "{}", false},
    {"{\"affinity\":{\"nodeAffinity\":[]}}", "{}", false},
    {"{\"affinity\":{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":[1]}}}",
     "{}", false},
    {"{" REQUIRED("{\"matchFields\":[]}") "}", "{}", false},
    {"{" REQUIRED("[5]") "}", "{}", false},
    {"{" REQUIRED("[{\"matchExpressions\":{}}]") "}", "{}", false},
    {"{" REQUIRED(
         "[{\"matchFields\":5,\"matchExpressions\":[" EXPRESSION("a", "In", "[\"1\"]") "]}]") "}",
     "{\"a\":\"1\"}", false},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        if (matches(rows[i].spec, rows[i].labels, "node-1") != rows[i].want) {
            fail_msg("%s on %s", rows[i].spec, rows[i].labels);
        }
    }
    assert_int_equal(moon_intern_count(), 0);
}

/* Upstream skips the fields of a node without a name, but not their errors. */
static void test_node_without_name(void **state)
{
    (void)state;
    const char *pinned = "{" REQUIRED("[" FIELD_TERM(NAME_IN("node-2")) "]") "}";
    assert_true(matches(pinned, "{}", NULL));
    assert_true(matches(pinned, "{}", ""));
    assert_false(matches(pinned, "{}", "node-1"));
    const char *broken =
        "{" REQUIRED("[" FIELD_TERM(EXPRESSION("metadata.name", "In", "[]")) "]") "}";
    assert_false(matches(broken, "{}", NULL));
}

static void test_pinned_node(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        const char *want;
    } pins[] = {
        {"{}", NULL},
        {"{" REQUIRED("[]") "}", NULL},
        {"{" REQUIRED("[" FIELD_TERM(NAME_IN("node-1")) "]") "}", "node-1"},
        {"{" REQUIRED(
             "[" FIELD_TERM(EXPRESSION("metadata.name", "In", "[\"node-1\",\"node-2\"]")) "]") "}",
         NULL},
        {"{" REQUIRED("[" FIELD_TERM(EXPRESSION("metadata.name", "In", "[]")) "," FIELD_TERM(
             NAME_IN("node-1")) "]") "}",
         NULL},
        {"{" REQUIRED("[" TERM(EXPRESSION("a", "In", "[\"1\"]")) "," FIELD_TERM(
             EXPRESSION("metadata.other", "In", "[\"x\"]") "," EXPRESSION(
                 "metadata.name", "NotIn",
                 "[\"x\"]") "," NAME_IN("node-3")) "," FIELD_TERM(NAME_IN("node-4")) "]") "}",
         "node-3"},
        {"{" REQUIRED("[" FIELD_TERM(EXPRESSION("metadata.name", "In", "[5]")) "]") "}", NULL},
        {"{" REQUIRED("[" FIELD_TERM("{\"key\":\"metadata.name\",\"operator\":\"In\"}") "]") "}",
         NULL},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(pins); i++) {
        struct moon_err err = {0};
        MOON_AUTOJSON *spec = moon_json_parse(moon_str(pins[i].spec), &err);
        assert_non_null(spec);
        const char *got = moon_affinity_pinned_node(spec);
        if (!moon_streq(got, pins[i].want)) {
            fail_msg("%s: %s", pins[i].spec, got != NULL ? got : "NULL");
        }
    }
    assert_null(moon_affinity_pinned_node(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_node_without_name),
        cmocka_unit_test(test_pinned_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
