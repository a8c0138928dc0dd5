/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kube/selector.h"

static struct moon_labels labels_of(const char *text)
{
    struct moon_err err = {0};
    struct moon_labels l = {0};
    MOON_AUTOJSON *json = moon_json_parse(moon_str(text), &err);
    assert_int_equal(moon_labels_from_json(json, &l, &err), 0);
    return l;
}

static void assert_written(const struct moon_selector *s, const char *want)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(10000);
    moon_selector_write(s, &out);
    assert_string_equal(moon_buf_cstr(&out), want);
}

/* ---- text form: what is read, and what it is written as ---- */

static const struct {
    const char *text;
    const char *written;
} texts[] = {
    {"", ""},
    {" \t\n", ""},
    {"a=b", "a=b"},
    {"a==b", "a=b"},
    {"a = b", "a=b"},
    {"a!=b", "a!=b"},
    {"a", "a"},
    {"!a", "!a"},
    {"! a", "!a"},
    {"a=", "a="},
    {"a=,b", "a=,b"},
    {"a!=", "a!="},
    {"a in (b)", "a in (b)"},
    {"a in(c,b , c)", "a in (b,c)"},
    {"a notin (b)", "a notin (b)"},
    {"a in (,b)", "a in (,b)"},
    {"a in (b,)", "a in (,b)"},
    {"a in (,)", "a in ()"},
    {"a in (in,notin)", "a in (in,notin)"},
    {"in", "in"},
    {"in in (in)", "in in (in)"},
    {"notin=in", "notin=in"},
    {"!in", "!in"},
    {"a>5,b<007", "a>5,b<007"},
    {"z,y=1,x!=2,w in (3),!v", "!v,w in (3),x!=2,y=1,z"},
    {"a!=2,a=1,a", "a=1,a!=2,a"},
    {"example.com/a-b_c.d=E.f-1", "example.com/a-b_c.d=E.f-1"},
    {"controller-revision-hash,!statefulset.kubernetes.io/pod-name",
     "controller-revision-hash,!statefulset.kubernetes.io/pod-name"},
};

static void test_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(texts); i++) {
        struct moon_err err = {0};
        MOON_CLEANUP(moon_selector_free_ptr)
        struct moon_selector *s = moon_selector_parse(moon_str(texts[i].text), &err);
        if (s == NULL) {
            fail_msg("%s: %s", texts[i].text, err.text);
        }
        assert_written(s, texts[i].written);
        assert_int_equal(moon_selector_is_empty(s), *texts[i].written == '\0');
    }
}

static const struct {
    const char *text;
    const char *error;
} bad_texts[] = {
    {",", "column 1: expected a key or '!'"},
    {"a,", "column 3: expected a key after ','"},
    {"a,,b", "column 3: expected a key or '!'"},
    {"=a", "column 1: expected a key or '!'"},
    {"a b", "column 3: expected =, !=, in, notin"},
    {"a=b c", "column 5: expected ',' or the end"},
    {"a==!b", "column 4: expected a value"},
    {"a=(b)", "column 3: expected a value"},
    {"!", "column 2: expected a key"},
    {"!a=b", "column 3: expected ',' or the end"},
    {"a in", "column 5: expected '('"},
    {"a in b", "column 6: expected '('"},
    {"a in (b", "column 8: expected ',' or ')'"},
    {"a in (b c)", "column 9: expected ',' or ')'"},
    {"a in (b=c)", "column 8: expected ',' or ')'"},
    {"a in ()", "column 1: values: In and NotIn need at least one"},
    {"x,a>b", "column 3: values: Gt and Lt need exactly one integer"},
    {"a>", "column 1: values: Gt and Lt need exactly one integer"},
    {"-a=b", "column 1: key: \"-a\" is not a label key"},
    {"a/b/c", "column 1: key: \"a/b/c\" is not a label key"},
    {"a=b_", "column 1: values[0]: \"b_\" is not a label value"},
    {"a in (b,c!)", "column 10: expected ',' or ')'"},
    {"a=0123456789012345678901234567890123456789012345678901234567890123",
     "column 1: values[0]: \"0123456789"},
};

static void test_bad_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(bad_texts); i++) {
        struct moon_err err = {0};
        struct moon_selector *s = moon_selector_parse(moon_str(bad_texts[i].text), &err);
        assert_null(s);
        assert_int_equal(err.code, MOON_E_INVALID);
        if (strstr(err.text, bad_texts[i].error) == NULL) {
            fail_msg("%s: %s", bad_texts[i].text, err.text);
        }
    }
    assert_int_equal(moon_intern_count(), 0);
}

/* ---- object form ---- */

static const struct {
    const char *json;
    const char *written; /* NULL: an error */
    const char *error;
} objects[] = {
    {"{}", "", NULL},
    {"{\"matchLabels\":null,\"matchExpressions\":null}", "", NULL},
    {"{\"matchLabels\":{\"b\":\"2\",\"a\":\"1\"}}", "a=1,b=2", NULL},
    {"{\"matchExpressions\":[{\"key\":\"z\",\"operator\":\"In\",\"values\":[\"2\",\"1\"]},"
     "{\"key\":\"y\",\"operator\":\"NotIn\",\"values\":[\"\"]},"
     "{\"key\":\"x\",\"operator\":\"Exists\"},"
     "{\"key\":\"w\",\"operator\":\"DoesNotExist\",\"values\":[]}],\"matchLabels\":{\"a\":\"\"}}",
     "a=,!w,x,y notin (),z in (1,2)", NULL},
    {"[]", NULL, "spec.selector: not an object"},
    {"null", NULL, "spec.selector: not an object"},
    {"{\"matchLabels\":{\"a\":1}}", NULL, "spec.selector: matchLabels: a: not a text"},
    {"{\"matchLabels\":{\"a b\":\"1\"}}", NULL,
     "spec.selector: matchLabels: key: \"a b\" is not a label key"},
    {"{\"matchExpressions\":{}}", NULL, "spec.selector: matchExpressions: not a list"},
    {"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"Exists\"},{\"key\":\"a\"}]}", NULL,
     "spec.selector: matchExpressions[1]: operator: \"\" is not a valid operator"},
    {"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"Gt\",\"values\":[\"1\"]}]}", NULL,
     "spec.selector: matchExpressions[0]: operator: \"Gt\" is not a valid operator"},
    {"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"in\",\"values\":[\"1\"]}]}", NULL,
     "spec.selector: matchExpressions[0]: operator: \"in\" is not a valid operator"},
    {"{\"matchExpressions\":[{\"operator\":\"Exists\"}]}", NULL,
     "spec.selector: matchExpressions[0]: key: missing or not a text"},
    {"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"Exists\",\"values\":[\"1\"]}]}", NULL,
     "spec.selector: matchExpressions[0]: values: Exists and DoesNotExist take none"},
    {"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"In\"}]}", NULL,
     "spec.selector: matchExpressions[0]: values: In and NotIn need at least one"},
    {"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"In\",\"values\":[1]}]}", NULL,
     "spec.selector: matchExpressions[0]: values[0]: not a text"},
    {"{\"matchExpressions\":[5]}", NULL,
     "spec.selector: matchExpressions[0]: key: missing or not a text"},
};

static void test_objects(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(objects); i++) {
        struct moon_err err = {0};
        MOON_AUTOJSON *json = moon_json_parse(moon_str(objects[i].json), &err);
        MOON_CLEANUP(moon_selector_free_ptr)
        struct moon_selector *s = moon_selector_from_json(json, "spec.selector", &err);
        if (objects[i].written != NULL) {
            assert_non_null(s);
            assert_written(s, objects[i].written);
        } else {
            assert_null(s);
            assert_string_equal(err.text, objects[i].error);
        }
    }
}

/* ---- matching ---- */

static const struct {
    const char *selector;
    const char *labels;
    bool want;
} matches[] = {
    {"", "{}", true},
    {"", "{\"a\":\"1\"}", true},
    {"a=1", "{\"a\":\"1\",\"b\":\"2\"}", true},
    {"a=1", "{\"a\":\"2\"}", false},
    {"a=1", "{}", false},
    {"a=", "{}", false},
    {"a=", "{\"a\":\"\"}", true},
    {"a!=1", "{}", true},
    {"a!=1", "{\"a\":\"1\"}", false},
    {"a!=1", "{\"a\":\"2\"}", true},
    {"a in (1,2)", "{\"a\":\"2\"}", true},
    {"a in (1,2)", "{\"a\":\"3\"}", false},
    {"a notin (1,2)", "{\"a\":\"3\"}", true},
    {"a notin (1,2)", "{\"a\":\"1\"}", false},
    {"a notin (1,2)", "{}", true},
    {"a", "{\"a\":\"\"}", true},
    {"a", "{}", false},
    {"!a", "{}", true},
    {"!a", "{\"a\":\"\"}", false},
    {"a>5", "{\"a\":\"6\"}", true},
    {"a>5", "{\"a\":\"5\"}", false},
    {"a<5", "{\"a\":\"04\"}", true},
    {"a<5", "{\"a\":\"x\"}", false},
    {"a<5", "{}", false},
    {"a=1,b=2", "{\"a\":\"1\",\"b\":\"2\"}", true},
    {"a=1,b=2", "{\"a\":\"1\",\"b\":\"3\"}", false},
    {"a=1,a=2", "{\"a\":\"1\"}", false},
};

static void test_matches(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(matches); i++) {
        struct moon_err err = {0};
        struct moon_labels l = labels_of(matches[i].labels);
        MOON_CLEANUP(moon_selector_free_ptr)
        struct moon_selector *s = moon_selector_parse(moon_str(matches[i].selector), &err);
        if (moon_selector_matches(s, &l) != matches[i].want) {
            fail_msg("%s on %s", matches[i].selector, matches[i].labels);
        }
        moon_labels_fini(&l);
    }
}

static void test_null_matches_nothing(void **state)
{
    (void)state;
    struct moon_labels none = {0};
    assert_false(moon_selector_matches(NULL, &none));
    assert_false(moon_selector_is_empty(NULL));
    moon_selector_free(NULL);
    assert_int_equal(moon_intern_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_bad_texts),
        cmocka_unit_test(test_objects),
        cmocka_unit_test(test_matches),
        cmocka_unit_test(test_null_matches_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
