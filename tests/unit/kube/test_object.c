/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "kube/object.h"

/* A kind that does what the object asks for, and adds 1000 to the generation of one with a text. */
static int fini_calls;

static int project_trace(struct moon_object *object, const cJSON *json, struct moon_str text,
                         struct moon_err *err)
{
    if (moon_json_bool(json, "fails", false)) {
        return moon_err_set(err, MOON_E_INVALID, "spec.x: bad");
    }
    if (moon_json_bool(json, "foreign", false)) {
        return 1;
    }
    object->generation += text.len > 0 ? 1000 : 0;
    object->generation += moon_json_get(json, "status.large") != NULL ? 10000 : 0;
    object->generation += moon_json_get(json, "metadata.managedFields") != NULL ? 100000 : 0;
    return 0;
}

static void fini_trace(struct moon_object *object)
{
    (void)object;
    fini_calls++;
}

static const struct moon_kind kind = {
    .resource = &moon_resource_daemonsets,
    .size = sizeof(struct moon_object),
    .keep_annotations = true,
    .project = project_trace,
    .fini = fini_trace,
};

static const struct moon_json_want reads[] = {MOON_OBJECT_READS, {.key = "foreign"}, {0}};

static const struct moon_kind plain_kind = {
    .resource = &moon_resource_nodes,
    .reads = reads,
    .size = sizeof(struct moon_object),
    .project = project_trace,
    .fini = fini_trace,
};

static struct moon_object *project(const struct moon_kind *of, const char *text)
{
    struct moon_object *object = NULL;
    struct moon_err err;
    if (moon_object_project(of, moon_str(text), &object, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return object;
}

static void done(const struct moon_object *object)
{
    moon_object_unref(object);
    assert_int_equal(moon_intern_count(), 0);
}

static const char FULL[] =
    "{\"kind\":\"DaemonSet\",\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\",\"uid\":\"u\","
    "\"resourceVersion\":\"18446744073709551615\",\"generation\":7,"
    "\"managedFields\":[{\"fieldsV1\":{\"f:metadata\":{}}}],"
    "\"creationTimestamp\":\"1970-01-01T00:01:00Z\",\"deletionTimestamp\":\"1970-01-01T00:02:00Z\","
    "\"labels\":{\"z\":\"1\",\"a\":\"\"},\"annotations\":{\"k\":\"v\"},"
    "\"ownerReferences\":[{\"kind\":\"X\",\"uid\":\"x\"},"
    "{\"apiVersion\":\"g/v1\",\"kind\":\"K\",\"name\":\"n\",\"uid\":\"o\",\"controller\":true},"
    "{\"kind\":\"Y\",\"uid\":\"y\",\"controller\":true}]}}";

static void the_head_is_read(void **state)
{
    (void)state;
    struct moon_object *o = project(&kind, FULL);
    assert_string_equal(o->name, "a");
    assert_string_equal(o->namespace, "ns");
    assert_string_equal(o->uid, "u");
    assert_true(o->version == UINT64_MAX);
    assert_int_equal(o->generation, 1007);
    assert_int_equal(o->created_s, 60);
    assert_int_equal(o->deleted_s, 120);
    assert_int_equal(o->labels.count, 2);
    assert_string_equal(moon_labels_get(&o->labels, "z"), "1");
    assert_string_equal(moon_labels_get(&o->annotations, "k"), "v");
    assert_string_equal(o->controller.api_version, "g/v1");
    assert_string_equal(o->controller.kind, "K");
    assert_string_equal(o->controller.name, "n");
    assert_string_equal(o->controller.uid, "o"); /* the first that says so */
    done(o);
}

static void little_is_enough(void **state)
{
    (void)state;
    struct moon_object *o =
        project(&plain_kind, "{\"metadata\":{\"name\":\"n\",\"uid\":\"u\",\"resourceVersion\":\"\","
                             "\"creationTimestamp\":null,\"labels\":null,\"ownerReferences\":null,"
                             "\"annotations\":{\"k\":\"v\"}}}");
    assert_null(o->namespace);
    assert_true(o->version == 0);
    assert_int_equal(o->created_s, 0);
    assert_int_equal(o->labels.count, 0);
    assert_int_equal(o->annotations.count, 0); /* this kind does not keep them */
    assert_null(o->controller.uid);
    done(o);
}

#define META(more) "{\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\",\"uid\":\"u\"" more "}}"

static void errors_name_object_and_field(void **state)
{
    static const struct {
        const char *text;
        const char *error;
    } rows[] = {
        {"{\"metadata\":{\"uid\":\"u\"}}", "DaemonSet: metadata.name is missing"},
        {"{\"metadata\":{\"name\":\"\",\"uid\":\"u\"}}", "DaemonSet: metadata.name is missing"},
        {"{\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\"}}",
         "DaemonSet ns/a: metadata.uid is missing"},
        {"{\"metadata\":{\"name\":\"a\",\"uid\":\"u\"}}",
         "DaemonSet a: metadata.namespace is missing"},
        {"{\"metadata\":7}", "DaemonSet: metadata.name is missing"},
        {"[]", "DaemonSet: metadata.name is missing"},
        {"{\"kind\":\"PartialObjectMetadata\",\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\","
         "\"uid\":\"u\"}}",
         "DaemonSet ns/a: the object is a PartialObjectMetadata"},
        {"{\"metadata\":", "DaemonSet: line 1 column 13: "},
        {META(",\"resourceVersion\":\"0x7\""),
         "DaemonSet ns/a: metadata.resourceVersion: no decimal number: 0x7"},
        {META(",\"resourceVersion\":7"),
         "DaemonSet ns/a: metadata.resourceVersion: no decimal number: not a string"},
        {META(",\"resourceVersion\":\"18446744073709551616\""),
         "DaemonSet ns/a: metadata.resourceVersion: no decimal number: 18446744073709551616"},
        {META(",\"creationTimestamp\":\"yesterday\""),
         "DaemonSet ns/a: metadata: creationTimestamp: no RFC 3339 time: yesterday"},
        {META(",\"deletionTimestamp\":5"),
         "DaemonSet ns/a: metadata: deletionTimestamp: no RFC 3339 time: not a string"},
        {META(",\"labels\":{\"k\":1}"), "DaemonSet ns/a: metadata.labels: "},
        {META(",\"annotations\":{\"k\":1}"), "DaemonSet ns/a: metadata.annotations: "},
        {META(",\"ownerReferences\":{}"),
         "DaemonSet ns/a: metadata: ownerReferences: not an array"},
        {META(",\"ownerReferences\":[{\"controller\":true}]"),
         "DaemonSet ns/a: metadata.ownerReferences: the controller has no uid"},
        {"{\"fails\":true,\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\",\"uid\":\"u\"}}",
         "DaemonSet ns/a: spec.x: bad"},
    };
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct moon_object *object = (struct moon_object *)&rows;
        struct moon_err err = {0};
        assert_int_equal(moon_object_project(&kind, moon_str(rows[i].text), &object, &err),
                         -MOON_E_INVALID);
        assert_true(moon_str_starts(moon_str(err.text), rows[i].error) ||
                    (print_error("%s\n", err.text), false));
        assert_ptr_equal(object, &rows); /* untouched */
        assert_int_equal(moon_intern_count(), 0);
    }
}

static void what_the_kind_skips_is_never_parsed(void **state)
{
    (void)state;
    static const char text[] = "{\"metadata\":{\"name\":\"n\",\"namespace\":\"ns\",\"uid\":\"u\"},"
                               "\"status\":{\"large\":[1]}}";
    struct moon_object *o = project(&plain_kind, text);
    assert_int_equal(o->generation, 1000);
    moon_object_unref(o);
    o = project(&kind, text);
    assert_int_equal(o->generation, 11000);
    done(o);
}

static void what_the_kind_does_not_want_is_no_error(void **state)
{
    (void)state;
    fini_calls = 0;
    assert_null(
        project(&plain_kind, "{\"foreign\":true,\"metadata\":{\"name\":\"n\",\"uid\":\"u\"}}"));
    assert_int_equal(fini_calls, 1);
    done(NULL);
}

static void a_tree_does_as_well(void **state)
{
    struct moon_object *object = NULL;
    struct moon_err err;
    (void)state;
    MOON_AUTOJSON *json = moon_json_parse(moon_str(FULL), &err);
    assert_int_equal(moon_object_project_json(&kind, json, (struct moon_str){0}, &object, &err), 0);
    assert_int_equal(object->generation, 100007); /* as it is, and no text was handed on */
    done(object);
}

static void the_last_unref_frees(void **state)
{
    (void)state;
    const struct moon_object *o = project(&kind, FULL);
    fini_calls = 0;
    assert_ptr_equal(moon_object_ref(o), o);
    moon_object_unref(o);
    assert_int_equal(fini_calls, 0);
    assert_string_equal(o->name, "a");
    done(o);
    assert_int_equal(fini_calls, 1);
    moon_object_unref(NULL);
}

static void keys_are_namespace_and_name(void **state)
{
    (void)state;
    struct moon_buf buf = MOON_BUF_INIT(100);
    struct moon_object *o = project(&kind, FULL);
    moon_object_key(o, &buf);
    assert_string_equal(moon_buf_cstr(&buf), "ns/a");
    moon_object_unref(o);
    moon_buf_clear(&buf);
    o = project(&plain_kind, "{\"metadata\":{\"name\":\"n\",\"uid\":\"u\"}}");
    moon_object_key(o, &buf);
    assert_string_equal(moon_buf_cstr(&buf), "n");
    moon_buf_fini(&buf);
    done(o);
}

static void a_version_moves_forward_in_place(void **state)
{
    (void)state;
    const struct moon_object *o =
        project(&plain_kind, "{\"metadata\":{\"name\":\"n\",\"uid\":\"u\","
                             "\"resourceVersion\":\"5\"}}");
    moon_object_advance(o, 9);
    assert_int_equal(o->version, 9);
    done(o);
}

static void heads_are_compared(void **state)
{
    static const char *const others[] = {
        META(",\"generation\":2"),
        META(",\"labels\":{\"a\":\"b\"}"),
        META(",\"annotations\":{\"a\":\"b\"}"),
        META(",\"creationTimestamp\":\"2026-01-01T00:00:00Z\""),
        META(",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\""),
        META(",\"ownerReferences\":[{\"uid\":\"o\",\"controller\":true}]"),
        "{\"metadata\":{\"name\":\"b\",\"namespace\":\"ns\",\"uid\":\"u\"}}",
        "{\"metadata\":{\"name\":\"a\",\"namespace\":\"mars\",\"uid\":\"u\"}}",
    };
    (void)state;
    struct moon_object *base = project(&kind, META(",\"resourceVersion\":\"1\""));
    struct moon_object *later = project(&kind, META(",\"resourceVersion\":\"2\""));
    assert_true(moon_object_same_head(base, later));
    moon_object_unref(later);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(others); i++) {
        struct moon_object *other = project(&kind, others[i]);
        assert_false(moon_object_same_head(base, other));
        moon_object_unref(other);
    }
    done(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_head_is_read),
        cmocka_unit_test(little_is_enough),
        cmocka_unit_test(errors_name_object_and_field),
        cmocka_unit_test(what_the_kind_skips_is_never_parsed),
        cmocka_unit_test(what_the_kind_does_not_want_is_no_error),
        cmocka_unit_test(a_tree_does_as_well),
        cmocka_unit_test(the_last_unref_frees),
        cmocka_unit_test(keys_are_namespace_and_name),
        cmocka_unit_test(a_version_moves_forward_in_place),
        cmocka_unit_test(heads_are_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
