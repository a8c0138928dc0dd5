/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/patch.h"

enum type {
    JSON,
    MERGE,
    STRATEGIC
};

struct row {
    const char *name;
    enum type type;
    const char *kind; /* STRATEGIC only */
    const char *doc;
    const char *patch;
    const char *want; /* exact text; NULL: an error is wanted */
    enum moon_code code;
};

static const struct row rows[] = {
    /* RFC 7386, appendix A */
    {"merge: replace", MERGE, NULL, "{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}", MOON_OK},
    {"merge: add", MERGE, NULL, "{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}",
     MOON_OK},
    {"merge: remove", MERGE, NULL, "{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}",
     MOON_OK},
    {"merge: list is replaced", MERGE, NULL, "{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}",
     "{\"a\":[1]}", MOON_OK},
    {"merge: nested null in new object", MERGE, NULL, "{}", "{\"a\":{\"bb\":{\"ccc\":null}}}",
     "{\"a\":{\"bb\":{}}}", MOON_OK},
    {"merge: big number survives", MERGE, NULL, "{\"n\":9007199254740993}", "{\"a\":1}",
     "{\"n\":9007199254740993,\"a\":1}", MOON_OK},

    /* RFC 6902, appendix A */
    {"json: add member", JSON, NULL, "{\"foo\":\"bar\"}",
     "[{\"op\":\"add\",\"path\":\"/baz\",\"value\":\"qux\"}]", "{\"foo\":\"bar\",\"baz\":\"qux\"}",
     MOON_OK},
    {"json: add element", JSON, NULL, "{\"foo\":[\"bar\",\"baz\"]}",
     "[{\"op\":\"add\",\"path\":\"/foo/1\",\"value\":\"qux\"}]",
     "{\"foo\":[\"bar\",\"qux\",\"baz\"]}", MOON_OK},
    {"json: append", JSON, NULL, "{\"foo\":[1]}",
     "[{\"op\":\"add\",\"path\":\"/foo/-\",\"value\":2}]", "{\"foo\":[1,2]}", MOON_OK},
    {"json: remove element", JSON, NULL, "{\"foo\":[1,2,3]}",
     "[{\"op\":\"remove\",\"path\":\"/foo/1\"}]", "{\"foo\":[1,3]}", MOON_OK},
    {"json: replace element", JSON, NULL, "{\"foo\":[1,2]}",
     "[{\"op\":\"replace\",\"path\":\"/foo/0\",\"value\":9}]", "{\"foo\":[9,2]}", MOON_OK},
    {"json: move", JSON, NULL, "{\"a\":{\"b\":1},\"c\":{}}",
     "[{\"op\":\"move\",\"from\":\"/a/b\",\"path\":\"/c/d\"}]", "{\"a\":{},\"c\":{\"d\":1}}",
     MOON_OK},
    {"json: copy", JSON, NULL, "{\"a\":[1]}", "[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/b\"}]",
     "{\"a\":[1],\"b\":[1]}", MOON_OK},
    {"json: escapes", JSON, NULL, "{\"a/b\":1,\"m~n\":2}",
     "[{\"op\":\"remove\",\"path\":\"/a~1b\"},{\"op\":\"replace\",\"path\":\"/m~0n\",\"value\":3}]",
     "{\"m~n\":3}", MOON_OK},
    {"json: a ~ that escapes nothing", JSON, NULL, "{}",
     "[{\"op\":\"add\",\"path\":\"/~é~\",\"value\":1}]", "{\"~é~\":1}", MOON_OK},
    {"json: test passes", JSON, NULL, "{\"a\":{\"x\":[1]}}",
     "[{\"op\":\"test\",\"path\":\"/a\",\"value\":{\"x\":[1]}}]", "{\"a\":{\"x\":[1]}}", MOON_OK},
    {"json: whole document", JSON, NULL, "{\"a\":1}",
     "[{\"op\":\"replace\",\"path\":\"\",\"value\":{\"b\":2}}]", "{\"b\":2}", MOON_OK},
    {"json: test fails", JSON, NULL, "{\"a\":1}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":2}]",
     NULL, MOON_E_CONFLICT},
    {"json: remove missing", JSON, NULL, "{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"/b\"}]", NULL,
     MOON_E_CONFLICT},
    {"json: index beyond the end", JSON, NULL, "{\"a\":[1]}",
     "[{\"op\":\"add\",\"path\":\"/a/3\",\"value\":1}]", NULL, MOON_E_CONFLICT},
    {"json: through a scalar", JSON, NULL, "{\"a\":1}",
     "[{\"op\":\"add\",\"path\":\"/a/b/c\",\"value\":1}]", NULL, MOON_E_CONFLICT},
    {"json: no list", JSON, NULL, "{}", "{\"op\":\"remove\"}", NULL, MOON_E_INVALID},
    {"json: unknown operation", JSON, NULL, "{}", "[{\"op\":\"drop\",\"path\":\"/a\"}]", NULL,
     MOON_E_CONFLICT},
    {"json: no path", JSON, NULL, "{}", "[{\"op\":\"remove\"}]", NULL, MOON_E_INVALID},

    {"strategic: containers merge by name", STRATEGIC, "PodSpec",
     "{\"containers\":[{\"name\":\"a\",\"image\":\"1\"},{\"name\":\"b\",\"image\":\"1\"}]}",
     "{\"containers\":[{\"name\":\"b\",\"image\":\"2\"}]}",
     "{\"containers\":[{\"name\":\"a\",\"image\":\"1\"},{\"name\":\"b\",\"image\":\"2\"}]}",
     MOON_OK},
    {"strategic: a new element goes in", STRATEGIC, "PodSpec",
     "{\"containers\":[{\"name\":\"a\",\"image\":\"1\"}]}",
     "{\"containers\":[{\"name\":\"s\",\"image\":\"9\"}]}",
     "{\"containers\":[{\"name\":\"s\",\"image\":\"9\"},{\"name\":\"a\",\"image\":\"1\"}]}",
     MOON_OK},
    {"strategic: the given order", STRATEGIC, "PodSpec",
     "{\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"},{\"name\":\"c\"}]}",
     "{\"$setElementOrder/containers\":[{\"name\":\"c\"},{\"name\":\"a\"},{\"name\":\"b\"}]}",
     "{\"containers\":[{\"name\":\"c\"},{\"name\":\"a\"},{\"name\":\"b\"}]}", MOON_OK},
    {"strategic: order with a change and a deletion, as kubectl apply sends it", STRATEGIC,
     "PodSpec", "{\"containers\":[{\"name\":\"a\",\"image\":\"1\"},{\"name\":\"b\"}]}",
     "{\"$setElementOrder/containers\":[{\"name\":\"a\"}],\"containers\":[{\"$patch\":\"delete\","
     "\"name\":\"b\"},{\"name\":\"a\",\"image\":\"2\"}]}",
     "{\"containers\":[{\"name\":\"a\",\"image\":\"2\"}]}", MOON_OK},
    {"strategic: delete an element", STRATEGIC, "PodSpec",
     "{\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"}]}",
     "{\"containers\":[{\"$patch\":\"delete\",\"name\":\"a\"}]}",
     "{\"containers\":[{\"name\":\"b\"}]}", MOON_OK},
    {"strategic: replace a list", STRATEGIC, "PodSpec",
     "{\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"}]}",
     "{\"containers\":[{\"$patch\":\"replace\"},{\"name\":\"z\"}]}",
     "{\"containers\":[{\"name\":\"z\"}]}", MOON_OK},
    {"strategic: replace an object", STRATEGIC, "DaemonSetSpec",
     "{\"updateStrategy\":{\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"maxUnavailable\":1}}}",
     "{\"updateStrategy\":{\"$patch\":\"replace\",\"type\":\"OnDelete\"}}",
     "{\"updateStrategy\":{\"type\":\"OnDelete\"}}", MOON_OK},
    {"strategic: retained keys", STRATEGIC, "DaemonSetSpec",
     "{\"updateStrategy\":{\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"maxUnavailable\":1}}}",
     "{\"updateStrategy\":{\"$retainKeys\":[\"type\"],\"type\":\"OnDelete\"}}",
     "{\"updateStrategy\":{\"type\":\"OnDelete\"}}", MOON_OK},
    {"strategic: a volume changes its source", STRATEGIC, "PodSpec",
     "{\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}]}",
     "{\"volumes\":[{\"$retainKeys\":[\"name\",\"hostPath\"],\"name\":\"v\",\"hostPath\":{\"path\":"
     "\"/x\"}}]}",
     "{\"volumes\":[{\"name\":\"v\",\"hostPath\":{\"path\":\"/x\"}}]}", MOON_OK},
    {"strategic: tolerations have no merge key", STRATEGIC, "PodSpec",
     "{\"tolerations\":[{\"key\":\"a\"}]}", "{\"tolerations\":[{\"key\":\"b\"}]}",
     "{\"tolerations\":[{\"key\":\"b\"}]}", MOON_OK},
    {"strategic: conditions by type", STRATEGIC, "PodStatus",
     "{\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\"},{\"type\":\"X\"}]}",
     "{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}",
     "{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"},{\"type\":\"X\"}]}", MOON_OK},
    {"strategic: an owner is released by uid", STRATEGIC, "ObjectMeta",
     "{\"ownerReferences\":[{\"uid\":\"1\",\"name\":\"x\"},{\"uid\":\"2\"}]}",
     "{\"ownerReferences\":[{\"$patch\":\"delete\",\"uid\":\"1\"}]}",
     "{\"ownerReferences\":[{\"uid\":\"2\"}]}", MOON_OK},
    {"strategic: scalars merge", STRATEGIC, "ObjectMeta", "{\"finalizers\":[\"a/b\"]}",
     "{\"finalizers\":[\"c/d\",\"a/b\"]}", "{\"finalizers\":[\"c/d\",\"a/b\"]}", MOON_OK},
    {"strategic: scalars are deleted", STRATEGIC, "ObjectMeta",
     "{\"finalizers\":[\"a/b\",\"c/d\"]}", "{\"$deleteFromPrimitiveList/finalizers\":[\"a/b\"]}",
     "{\"finalizers\":[\"c/d\"]}", MOON_OK},
    {"strategic: ports by number", STRATEGIC, "Container",
     "{\"ports\":[{\"containerPort\":80,\"name\":\"a\"}]}",
     "{\"ports\":[{\"containerPort\":80,\"name\":\"b\"},{\"containerPort\":81}]}",
     "{\"ports\":[{\"containerPort\":80,\"name\":\"b\"},{\"containerPort\":81}]}", MOON_OK},
    {"strategic: null removes, labels merge", STRATEGIC, "ObjectMeta",
     "{\"labels\":{\"a\":\"1\",\"b\":\"2\"}}", "{\"labels\":{\"a\":null,\"c\":\"3\"}}",
     "{\"labels\":{\"b\":\"2\",\"c\":\"3\"}}", MOON_OK},
    {"strategic: directives never stay", STRATEGIC, "PodSpec", "{}",
     "{\"containers\":[{\"$patch\":\"delete\",\"name\":\"a\"},{\"name\":\"b\",\"env\":[{\"$patch\":"
     "\"delete\",\"name\":\"x\"}]}]}",
     "{\"containers\":[{\"name\":\"b\",\"env\":[]}]}", MOON_OK},
    {"strategic: no merge key", STRATEGIC, "PodSpec", "{\"containers\":[{\"name\":\"a\"}]}",
     "{\"containers\":[{\"image\":\"x\"}]}", NULL, MOON_E_SERVER},
    {"strategic: unknown directive", STRATEGIC, "PodSpec", "{}", "{\"$patch\":\"burn\"}", NULL,
     MOON_E_SERVER},
    {"strategic: order that is no list", STRATEGIC, "PodSpec", "{}",
     "{\"$setElementOrder/containers\":1}", NULL, MOON_E_INVALID},
};

static int apply(const struct moon_sim_schema *schema, const struct row *row, cJSON **doc,
                 const cJSON *patch, struct moon_err *err)
{
    switch (row->type) {
    case JSON:
        return moon_sim_patch_json(doc, patch, err);
    case MERGE:
        moon_sim_patch_merge(*doc, patch);
        return 0;
    case STRATEGIC:
        return moon_sim_patch_strategic(moon_sim_schema_type(schema, row->kind), *doc, patch, err);
    }
    return 0;
}

static void test_rows(void **state)
{
    struct moon_sim_schema *schema = moon_sim_schema_new();
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct moon_err err = {.code = MOON_OK};
        struct moon_buf text = MOON_BUF_INIT(4096);
        cJSON *doc = moon_sim_tree_parse(moon_str(rows[i].doc), &err);
        cJSON *patch = moon_sim_tree_parse(moon_str(rows[i].patch), &err);
        assert_non_null(doc);
        assert_non_null(patch);
        int rc = apply(schema, &rows[i], &doc, patch, &err);
        moon_sim_tree_print(doc, &text);
        if (rc != -(int)rows[i].code ||
            (rows[i].want != NULL && !moon_streq(moon_buf_cstr(&text), rows[i].want))) {
            fail_msg("%s: rc %d, %s%s", rows[i].name, rc, moon_buf_cstr(&text),
                     rc != 0 ? err.text : "");
        }
        cJSON_Delete(doc);
        cJSON_Delete(patch);
        moon_buf_fini(&text);
    }
    moon_sim_schema_free(schema);
}

static void test_too_many_operations(void **state)
{
    struct moon_err err;
    cJSON *doc = cJSON_CreateObject();
    cJSON *operations = cJSON_CreateArray();
    (void)state;
    for (int i = 0; i <= MOON_SIM_JSON_PATCH_MAX_OPS; i++) {
        cJSON_AddItemToArray(operations, cJSON_CreateObject());
    }
    assert_int_equal(moon_sim_patch_json(&doc, operations, &err), -MOON_E_LIMIT);
    cJSON_Delete(doc);
    cJSON_Delete(operations);
}

/* A patch of a few kilobytes must not make gigabytes, nor a document that nobody can read again. */
static void test_growth_is_bounded(void **state)
{
    static const struct {
        const char *doc;
        const char *operation; /* done over and over */
    } table[] = {
        {"{\"a\":\"0123456789\"}", "{\"op\":\"copy\",\"from\":\"\",\"path\":\"/b\"}"},
        {"{\"l\":[1]}", "{\"op\":\"copy\",\"from\":\"/l\",\"path\":\"/l/-\"}"},
        {"{\"x\":{}}", "{\"op\":\"copy\",\"from\":\"/x\",\"path\":\"/x/y\"}"},
        {"{}", "{\"op\":\"replace\",\"path\":\"\",\"value\":{\"a\":0}}"},
    };
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(table); i++) {
        struct moon_err err = {.code = MOON_OK};
        cJSON *doc = moon_sim_tree_parse(moon_str(table[i].doc), &err);
        cJSON *operation = moon_sim_tree_parse(moon_str(table[i].operation), &err);
        cJSON *operations = cJSON_CreateArray();
        for (int n = 0; n < 200; n++) {
            cJSON_AddItemToArray(operations, moon_sim_clone(operation));
        }
        int rc = moon_sim_patch_json(&doc, operations, &err);
        assert_int_equal(rc, i < 3 ? -MOON_E_CONFLICT : 0);
        assert_true(moon_sim_tree_depth(doc) <= MOON_JSON_MAX_DEPTH);
        cJSON_Delete(doc);
        cJSON_Delete(operation);
        cJSON_Delete(operations);
    }
}

static void test_of_equal_keys_the_last_counts(void **state)
{
    struct moon_err err;
    struct moon_buf text = MOON_BUF_INIT(4096);
    cJSON *tree = moon_sim_tree_parse(
        MOON_STR_LIT("{\"a\":1,\"b\":[{\"c\":1,\"c\":2}],\"a\":{\"x\":3},\"d\":4}"), &err);
    (void)state;
    moon_sim_tree_unique(tree);
    moon_sim_tree_print(tree, &text);
    assert_string_equal(moon_buf_cstr(&text), "{\"b\":[{\"c\":2}],\"a\":{\"x\":3},\"d\":4}");
    moon_buf_fini(&text);
    cJSON_Delete(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_growth_is_bounded),
        cmocka_unit_test(test_of_equal_keys_the_last_counts),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_too_many_operations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
