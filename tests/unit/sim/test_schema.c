/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/quantity_text.h"
#include "sim/schema.h"

struct row {
    const char *name;
    const char *type;
    const char *in;
    const char *want;   /* exact text; NULL: refused */
    const char *strict; /* messages joined by "; ", or the error's text */
};

static const struct row rows[] = {
    {"order of the struct, empty ones go", "ObjectMeta",
     "{\"labels\":{\"b\":\"2\",\"a\":\"1\"},\"name\":\"x\",\"annotations\":{},\"finalizers\":[],"
     "\"creationTimestamp\":\"2026-01-02T04:04:05+01:00\",\"generation\":0}",
     "{\"name\":\"x\",\"creationTimestamp\":\"2026-01-02T03:04:05Z\",\"labels\":{\"a\":\"1\",\"b\":"
     "\"2\"}}",
     ""},
    {"template metadata keeps its null time", "PodTemplateSpec",
     "{\"spec\":{\"containers\":[{\"name\":\"c\"}]}}",
     "{\"metadata\":{\"creationTimestamp\":null},\"spec\":{\"containers\":[{\"name\":\"c\","
     "\"resources\":{}}]}}",
     ""},
    {"unknown and duplicate fields", "PodSpec",
     "{\"containers\":[{\"name\":\"a\",\"nope\":1,\"name\":\"b\"}],\"also\":{}}",
     "{\"containers\":[{\"name\":\"b\",\"resources\":{}}]}",
     "duplicate field \"containers[0].name\"; unknown field \"containers[0].nope\"; unknown field "
     "\"also\""},
    {"numbers beyond 2^53", "PodSpec",
     "{\"containers\":null,\"terminationGracePeriodSeconds\":9007199254740993}",
     "{\"containers\":null,\"terminationGracePeriodSeconds\":9007199254740993}", ""},
    {"pointers keep their zero", "PodSpec",
     "{\"containers\":[],\"terminationGracePeriodSeconds\":0,\"hostNetwork\":false,"
     "\"automountServiceAccountToken\":false,\"securityContext\":{}}",
     "{\"containers\":[],\"terminationGracePeriodSeconds\":0,\"automountServiceAccountToken\":"
     "false,"
     "\"securityContext\":{}}",
     ""},
    {"raw data passes untouched", "ControllerRevision",
     "{\"revision\":2,\"data\":{\"z\":9007199254740993,\"a\":[1.0,\"x\\u0000y\",null]}}",
     "{\"metadata\":{\"creationTimestamp\":null},\"data\":{\"z\":9007199254740993,\"a\":[1.0,"
     "\"x\\u0000y\",null]},\"revision\":2}",
     ""},
    {"quantities become canonical", "ResourceRequirements",
     "{\"limits\":{\"cpu\":\"1000m\",\"memory\":\"1024Mi\"},\"requests\":{\"cpu\":0.5}}",
     "{\"limits\":{\"cpu\":\"1\",\"memory\":\"1Gi\"},\"requests\":{\"cpu\":\"500m\"}}", ""},
    {"int or string", "RollingUpdateDaemonSet", "{\"maxUnavailable\":\"10%\",\"maxSurge\":0}",
     "{\"maxUnavailable\":\"10%\",\"maxSurge\":0}", ""},
    {"micro times", "LeaseSpec", "{\"renewTime\":\"2026-01-02T03:04:05.500000+01:00\"}",
     "{\"renewTime\":\"2026-01-02T02:04:05.500000Z\"}", ""},
    {"micro times have six digits", "LeaseSpec", "{\"renewTime\":\"2026-01-02T03:04:05.5Z\"}", NULL,
     "parsing time \"2026-01-02T03:04:05.5Z\" as \"2006-01-02T15:04:05.000000Z07:00\": cannot "
     "parse \".5Z\" as \".000000\""},
    {"text where a number belongs", "DaemonSetSpec", "{\"minReadySeconds\":\"a\"}", NULL,
     "json: cannot unmarshal string into Go struct field DaemonSetSpec.minReadySeconds of type "
     "int32"},
    {"too large for int32", "DaemonSetSpec", "{\"minReadySeconds\":2147483648}", NULL,
     "json: cannot unmarshal number 2147483648 into Go struct field DaemonSetSpec.minReadySeconds "
     "of "
     "type int32"},
    {"an object where a list belongs", "PodSpec", "{\"containers\":{}}", NULL,
     "json: cannot unmarshal object into Go struct field PodSpec.containers of type "
     "[]v1.Container"},
    {"a wrong quantity", "ResourceRequirements", "{\"limits\":{\"cpu\":\"lots\"}}", NULL,
     "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"},
    {"a wrong time", "ContainerStateRunning", "{\"startedAt\":\"noon\"}", NULL,
     "parsing time \"noon\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"noon\" as \"2006\""},
    {"no base64", "Secret", "{\"data\":{\"a\":\"!\"}}", NULL,
     "illegal base64 data at input byte 0"},
};

static void join(const cJSON *strict, struct moon_buf *out)
{
    const cJSON *message = NULL;
    cJSON_ArrayForEach (message, strict) {
        moon_buf_printf(out, "%s%s", out->len > 0 ? "; " : "", message->valuestring);
    }
}

static void test_decode(void **state)
{
    struct moon_sim_schema *schema = moon_sim_schema_new();
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct moon_err err;
        struct moon_buf text = MOON_BUF_INIT(4096);
        struct moon_buf messages = MOON_BUF_INIT(4096);
        cJSON *tree = moon_sim_tree_parse(moon_str(rows[i].in), &err);
        cJSON *strict = cJSON_CreateArray();
        assert_non_null(tree);
        int rc =
            moon_sim_schema_decode(moon_sim_schema_type(schema, rows[i].type), tree, strict, &err);
        moon_sim_tree_print(tree, &text);
        join(strict, &messages);
        if ((rc == 0) != (rows[i].want != NULL)) {
            fail_msg("%s: rc %d %s", rows[i].name, rc, rc != 0 ? err.text : "");
        }
        if (rc == 0) {
            assert_string_equal(moon_buf_cstr(&text), rows[i].want);
        }
        assert_string_equal(rc == 0 ? moon_buf_cstr(&messages) : err.text, rows[i].strict);
        cJSON_Delete(tree);
        cJSON_Delete(strict);
        moon_buf_fini(&text);
        moon_buf_fini(&messages);
    }
    moon_sim_schema_free(schema);
}

static void test_decoding_twice_changes_nothing(void **state)
{
    struct moon_sim_schema *schema = moon_sim_schema_new();
    struct moon_err err;
    struct moon_buf once = MOON_BUF_INIT(4096);
    struct moon_buf twice = MOON_BUF_INIT(4096);
    const struct moon_sim_type *pod = moon_sim_schema_type(schema, "Pod");
    cJSON *tree = moon_sim_tree_parse(
        MOON_STR_LIT(
            "{\"spec\":{\"containers\":[{\"image\":\"i\",\"name\":\"c\",\"env\":[{\"name\":"
            "\"x\",\"value\":\"<&>\"}]}]},\"metadata\":{\"name\":\"p\"}}"),
        &err);
    (void)state;
    assert_int_equal(moon_sim_schema_decode(pod, tree, NULL, &err), 0);
    moon_sim_tree_print(tree, &once);
    assert_int_equal(moon_sim_schema_decode(pod, tree, NULL, &err), 0);
    moon_sim_tree_print(tree, &twice);
    assert_string_equal(moon_buf_cstr(&once), moon_buf_cstr(&twice));
    cJSON_Delete(tree);
    moon_buf_fini(&once);
    moon_buf_fini(&twice);
    moon_sim_schema_free(schema);
}

static void test_quantities(void **state)
{
    /* As k8s.io/apimachinery prints them. */
    static const struct {
        const char *in;
        const char *want;
    } table[] = {
        {"0", "0"},        {"1", "1"},          {"0.1", "100m"},       {"1.5", "1500m"},
        {"1000m", "1"},    {"1500m", "1500m"},  {"1024", "1024"},      {"1Ki", "1Ki"},
        {"1024Ki", "1Mi"}, {"1.5Gi", "1536Mi"}, {"0.5Ki", "512"},      {"1e3", "1e3"},
        {"12e6", "12e6"},  {"1000k", "1M"},     {"0.5m", "500u"},      {"-1", "-1"},
        {"+5", "5"},       {"1E", "1E"},        {".5", "500m"},        {"100Gi", "100Gi"},
        {"3.", "3"},       {"1000", "1k"},      {"0.9765625Ki", "1k"},
    };
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(table); i++) {
        char out[MOON_SIM_QUANTITY_TEXT];
        assert_true(moon_sim_quantity_canonical(moon_str(table[i].in), out));
        assert_string_equal(out, table[i].want);
    }
    static const char *const wrong[] = {"", "x", "1x", "Ki", "1e", "--1", "1 Ki2", "1e1000"};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(wrong); i++) {
        char out[MOON_SIM_QUANTITY_TEXT];
        assert_false(moon_sim_quantity_canonical(moon_str(wrong[i]), out));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_decoding_twice_changes_nothing),
        cmocka_unit_test(test_quantities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
