/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/kinds.h"
#include "sim/metadata.h"
#include "sim/schema.h"

#define DS_HEAD "{\"metadata\":{\"name\":\"d\"},\"spec\":{"
#define DS_SELECTOR "\"selector\":{\"matchLabels\":{\"a\":\"b\"}},"
#define DS_LABELS "\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{"
#define DS_CONTAINERS "\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]"
#define POD(spec) "{\"metadata\":{\"name\":\"p\"},\"spec\":{" spec "}}"

/* The messages of a real server (1.20, where it says the same as 1.31). */
static const struct {
    const char *kind;
    const char *object;
    const char *want; /* field: message, joined by "; " */
} rows[] = {
    {"DaemonSet", DS_HEAD DS_SELECTOR DS_LABELS DS_CONTAINERS "}}}}", ""},
    {"DaemonSet", DS_HEAD "\"selector\":{}," DS_LABELS DS_CONTAINERS "}}}}",
     "spec.selector: Invalid value: v1.LabelSelector{MatchLabels:map[string]string(nil), "
     "MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: empty selector is invalid for "
     "daemonset"},
    {"DaemonSet",
     DS_HEAD "\"selector\":{\"matchLabels\":{\"x\":\"y\"}}," DS_LABELS DS_CONTAINERS "}}}}",
     "spec.template.metadata.labels: Invalid value: map[string]string{\"a\":\"b\"}: `selector` "
     "does "
     "not match template `labels`"},
    {"DaemonSet", DS_HEAD DS_SELECTOR DS_LABELS "\"containers\":[]}}}}",
     "spec.template.spec.containers: Required value"},
    {"DaemonSet", DS_HEAD DS_SELECTOR DS_LABELS "\"restartPolicy\":\"Never\"," DS_CONTAINERS "}}}}",
     "spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: "
     "\"Always\""},
    {"DaemonSet",
     DS_HEAD DS_SELECTOR
     "\"updateStrategy\":{\"rollingUpdate\":{\"maxUnavailable\":\"101%\"}}," DS_LABELS DS_CONTAINERS
     "}}}}",
     "spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: intstr.IntOrString{Type:1, "
     "IntVal:0, StrVal:\"101%\"}: must not be greater than 100%"},
    {"DaemonSet",
     DS_HEAD DS_SELECTOR
     "\"updateStrategy\":{\"rollingUpdate\":{\"maxUnavailable\":0}}," DS_LABELS DS_CONTAINERS
     "}}}}",
     "spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge "
     "is "
     "0"},
    {"DaemonSet",
     DS_HEAD DS_SELECTOR "\"updateStrategy\":{\"rollingUpdate\":{\"maxUnavailable\":0,\"maxSurge\":"
                         "\"10%\"}}," DS_LABELS DS_CONTAINERS "}}}}",
     ""},
    {"DaemonSet",
     DS_HEAD DS_SELECTOR
     "\"updateStrategy\":{\"rollingUpdate\":{\"maxSurge\":1}}," DS_LABELS DS_CONTAINERS "}}}}",
     "spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: intstr.IntOrString{Type:0, "
     "IntVal:1, StrVal:\"\"}: may not be set when maxUnavailable is non-zero"},
    {"DaemonSet",
     DS_HEAD DS_SELECTOR
     "\"minReadySeconds\":-1,\"revisionHistoryLimit\":-2," DS_LABELS DS_CONTAINERS "}}}}",
     "spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0; "
     "spec.revisionHistoryLimit: Invalid value: -2: must be greater than or equal to 0"},
    {"Pod",
     POD("\"containers\":[{\"name\":\"B\",\"image\":\"i\"},{\"name\":\"c\"},{\"name\":\"c\","
         "\"image\":\"i\"}]"),
     "spec.containers[0].name: Invalid value: \"B\": a lowercase RFC 1123 label must consist of "
     "lower "
     "case alphanumeric characters or '-', and must start and end with an alphanumeric character "
     "(e.g. 'my-name',  or '123-abc', regex used for validation is "
     "'[a-z0-9]([-a-z0-9]*[a-z0-9])?'); spec.containers[1].image: Required value; "
     "spec.containers[2].name: Duplicate value: \"c\""},
    {"Pod",
     POD("\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"ports\":[{\"containerPort\":0},{"
         "\"containerPort\":70000,\"protocol\":\"X\"}],\"volumeMounts\":[{\"name\":\"v\","
         "\"mountPath\":\"/x\"}]}]"),
     "spec.containers[0].ports[0].containerPort: Required value; "
     "spec.containers[0].ports[1].containerPort: Invalid value: 70000: must be between 1 and "
     "65535, "
     "inclusive; spec.containers[0].ports[1].protocol: Unsupported value: \"X\": supported values: "
     "\"SCTP\", \"TCP\", \"UDP\"; spec.containers[0].volumeMounts[0].name: Not found: \"v\""},
    {"Pod",
     POD(DS_CONTAINERS ",\"tolerations\":[{\"operator\":\"Equal\"},{\"key\":\"a\","
                       "\"operator\":\"Exists\",\"tolerationSeconds\":4}]"),
     "spec.tolerations[0].operator: Invalid value: \"Equal\": operator must be Exists when `key` "
     "is "
     "empty, which means \"match all values and all keys\"; spec.tolerations[1].effect: Invalid "
     "value: \"\": effect must be 'NoExecute' when `tolerationSeconds` is set"},
    {"Pod",
     POD("\"hostNetwork\":true,\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"ports\":[{"
         "\"containerPort\":80}]},{\"name\":\"e\",\"image\":\"i\",\"ports\":[{\"containerPort\":80}"
         "]}]"),
     "spec.containers[1].ports[0].hostPort: Duplicate value: \"TCP//80\""},
    {"Pod",
     POD("\"affinity\":{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":"
         "{\"nodeSelectorTerms\":[{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"In\"}],"
         "\"matchFields\":[{\"key\":\"x\",\"operator\":\"In\",\"values\":[\"n\"]}]}]}}}"
         "," DS_CONTAINERS),
     "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms["
     "0]."
     "matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or "
     "'NotIn'; "
     "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms["
     "0]."
     "matchFields[0].key: Invalid value: \"x\": not a valid field selector key"},
    {"Pod",
     POD("\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"resources\":{\"limits\":{\"cpu\":"
         "\"1\"},\"requests\":{\"cpu\":\"2\"}}}]"),
     "spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or equal to "
     "cpu "
     "limit of 1"},
    {"Node",
     "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"taints\":[{\"key\":\"a\",\"effect\":\"X\"}]}}",
     "metadata.taints[0].effect: Unsupported value: \"X\": supported values: \"NoSchedule\", "
     "\"PreferNoSchedule\", \"NoExecute\""},
    {"ControllerRevision", "{\"metadata\":{\"name\":\"r\"},\"revision\":-1}",
     "data: Required value: data is mandatory; revision: Invalid value: -1: must be greater than "
     "or "
     "equal to 0"},
    {"ConfigMap", "{\"metadata\":{\"finalizers\":[\"x\"]}}",
     "metadata.name: Required value: name or generateName is required; metadata.finalizers[0]: "
     "Invalid value: \"x\": name is neither a standard finalizer name nor is it fully qualified"},
    {"ConfigMap",
     "{\"metadata\":{\"name\":\"c\",\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"K\","
     "\"name\":\"n\",\"uid\":\"u\",\"controller\":true},{\"apiVersion\":\"v1\",\"kind\":\"K\","
     "\"name\":\"n\",\"uid\":\"w\",\"controller\":true}]}}",
     "metadata.ownerReferences: Invalid value: "
     "[{\"apiVersion\":\"v1\",\"kind\":\"K\",\"name\":\"n\",\"uid\":\"u\",\"controller\":true},{"
     "\"apiVersion\":\"v1\",\"kind\":\"K\",\"name\":\"n\",\"uid\":\"w\",\"controller\":true}]: "
     "Only "
     "one reference can have Controller set to true."},
};

static const struct moon_sim_kind *kind_named(const char *name)
{
    const struct moon_sim_kind *kind = moon_sim_kind_by_name("", name);
    return kind != NULL ? kind : moon_sim_kind_by_name("apps", name);
}

static cJSON *decode(const struct moon_sim_schema *schema, const struct moon_sim_kind *kind,
                     const char *text)
{
    struct moon_err err;
    const struct moon_sim_type *type = moon_sim_schema_type(schema, kind->kind);
    cJSON *tree = moon_sim_tree_parse(moon_str(text), &err);
    if (tree == NULL) {
        fail_msg("%s: %s", err.text, text);
    }
    assert_int_equal(moon_sim_schema_decode(type, tree, NULL, &err), 0);
    if (kind->set_defaults != NULL) {
        kind->set_defaults(tree);
    }
    assert_int_equal(moon_sim_schema_decode(type, tree, NULL, &err), 0);
    return tree;
}

static void join(const cJSON *causes, struct moon_buf *out)
{
    const cJSON *cause = NULL;
    cJSON_ArrayForEach (cause, causes) {
        moon_buf_printf(out, "%s%s: %s", out->len > 0 ? "; " : "", moon_sim_text(cause, "field"),
                        moon_sim_text(cause, "message"));
    }
}

/* What is wrong with a new object, "" = nothing. */
static void validate(const struct moon_sim_schema *schema, const char *kind_name,
                     const char *object, struct moon_buf *out)
{
    const struct moon_sim_kind *kind = kind_named(kind_name);
    const struct moon_sim_rule_ctx ctx = {.kind = kind};
    cJSON *causes = cJSON_CreateArray();
    cJSON *tree = decode(schema, kind, object);
    moon_sim_validate_metadata(kind, moon_sim_member(tree, "metadata"), causes);
    if (kind->validate != NULL) {
        kind->validate(tree, &ctx, causes);
    }
    join(causes, out);
    cJSON_Delete(tree);
    cJSON_Delete(causes);
}

static void test_rules(void **state)
{
    struct moon_sim_schema *schema = moon_sim_schema_new();
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(16384);
        validate(schema, rows[i].kind, rows[i].object, &text);
        assert_string_equal(moon_buf_cstr(&text), rows[i].want);
    }
    moon_sim_schema_free(schema);
}

#define STRATEGY(text)                                                                             \
    DS_HEAD DS_SELECTOR "\"updateStrategy\":{" text "}," DS_LABELS DS_CONTAINERS "}}}}"

/* Values as JSON; NULL: left to the default. */
static void validate_budgets(const char *unavailable, const char *surge, struct moon_buf *out)
{
    struct moon_sim_schema *schema = moon_sim_schema_new();
    MOON_AUTOFREE char *object = moon_asprintf(
        STRATEGY("\"rollingUpdate\":{%s%s%s%s%s}"),
        unavailable != NULL ? "\"maxUnavailable\":" : "", unavailable != NULL ? unavailable : "",
        unavailable != NULL && surge != NULL ? "," : "", surge != NULL ? "\"maxSurge\":" : "",
        surge != NULL ? surge : "");
    validate(schema, "DaemonSet", object, out);
    moon_sim_schema_free(schema);
}

#define PATH "spec.updateStrategy.rollingUpdate."
#define BOTH_ZERO PATH "maxUnavailable: Required value: cannot be 0 when maxSurge is 0"
#define BOTH_SET "may not be set when maxUnavailable is non-zero"
#define PERCENT "a valid percent string must be a numeric string"

/* The rows of the stock validation's own test. */
static void S5_5_OneOfTheTwoNumbers(void **state)
{
    static const struct {
        const char *unavailable;
        const char *surge;
        const char *error; /* part of it; NULL: good */
    } table[] = {
        {NULL, NULL, NULL},
        {"1", NULL, NULL},
        {"\"1%\"", "0", NULL},
        {"\"100%\"", "\"0%\"", NULL},
        {"0", "1", NULL},
        {"0", "\"1%\"", NULL},
        {"\"0%\"", "\"100%\"", NULL},
        {"0", "0", BOTH_ZERO},
        {"0", "\"0%\"", BOTH_ZERO},
        {"\"0%\"", "0", BOTH_ZERO},
        {"\"0%\"", "\"0%\"", BOTH_ZERO},
        {"0", NULL, BOTH_ZERO},
        {"1", "1", BOTH_SET},
        {"\"1%\"", "\"1%\"", BOTH_SET},
        {NULL, "1", BOTH_SET},
        {"\"101%\"", NULL, "must not be greater than 100%"},
        {"0", "\"101%\"", "must not be greater than 100%"},
        {"-1", NULL, "must be greater than or equal to 0"},
        {"0", "-1", "must be greater than or equal to 0"},
        {"\"1\"", NULL, PERCENT},
        {"\"-1%\"", NULL, PERCENT},
        {"\"+1%\"", NULL, PERCENT},
        {"\"1.5%\"", NULL, PERCENT},
        {"0", "\"many\"", PERCENT},
    };
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(table); i++) {
        MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(16384);
        validate_budgets(table[i].unavailable, table[i].surge, &text);
        const char *error = moon_buf_cstr(&text);
        if (table[i].error == NULL ? *error != '\0' : strstr(error, table[i].error) == NULL) {
            fail_msg("row %zu: %s", i, error);
        }
    }
}

static void S5_5_KnownStrategies(void **state)
{
    struct moon_sim_schema *schema = moon_sim_schema_new();
    (void)state;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(16384);
    validate(schema, "DaemonSet", STRATEGY("\"type\":\"RollingUpdate\""), &text);
    validate(schema, "DaemonSet", STRATEGY("\"type\":\"OnDelete\""), &text);
    assert_string_equal(moon_buf_cstr(&text), "");
    validate(schema, "DaemonSet", STRATEGY("\"type\":\"Recreate\""), &text);
    assert_non_null(strstr(moon_buf_cstr(&text), "spec.updateStrategy: Unsupported value"));
    moon_sim_schema_free(schema);
}

static void S5_5_Defaults(void **state)
{
    static const struct {
        const char *strategy;
        const char *want;
    } table[] = {
        {"",
         "{\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"maxUnavailable\":1,\"maxSurge\":0}}"},
        {"\"rollingUpdate\":{\"maxUnavailable\":\"30%\"}",
         "{\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"maxUnavailable\":\"30%\",\"maxSurge\":0}"
         "}"},
        {"\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"maxSurge\":1,\"maxUnavailable\":0}",
         "{\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"maxUnavailable\":0,\"maxSurge\":1}}"},
        {"\"type\":\"OnDelete\"", "{\"type\":\"OnDelete\"}"},
    };
    struct moon_sim_schema *schema = moon_sim_schema_new();
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(table); i++) {
        MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(16384);
        MOON_AUTOFREE char *object = moon_asprintf(STRATEGY("%s"), table[i].strategy);
        cJSON *tree = decode(schema, kind_named("DaemonSet"), object);
        moon_sim_tree_print(moon_sim_get(tree, "spec.updateStrategy"), &text);
        assert_string_equal(moon_buf_cstr(&text), table[i].want);
        assert_int_equal(moon_json_int(tree, "spec.revisionHistoryLimit", -1), 10);
        cJSON_Delete(tree);
    }
    moon_sim_schema_free(schema);
}

/* The rows of upstream's TestValidateDaemonSetUpdateStrategy. */
static void test_strategies(void **state)
{
    static const struct {
        const char *rolling_update;
        bool is_valid;
    } table[] = {
        {"\"maxUnavailable\":0,\"maxSurge\":0", false},
        {"\"maxUnavailable\":\"0%\",\"maxSurge\":0", false},
        {"\"maxUnavailable\":0,\"maxSurge\":\"0%\"", false},
        {"\"maxUnavailable\":\"0%\",\"maxSurge\":\"0%\"", false},
        {"\"maxUnavailable\":\"101%\",\"maxSurge\":0", false},
        {"\"maxUnavailable\":0,\"maxSurge\":\"101%\"", false},
        {"\"maxUnavailable\":1,\"maxSurge\":1", false},
        {"\"maxUnavailable\":\"1%\",\"maxSurge\":\"1%\"", false},
        {"\"maxUnavailable\":1,\"maxSurge\":\"1%\"", false},
        {"\"maxUnavailable\":\"1%\",\"maxSurge\":1", false},
        {"\"maxUnavailable\":1,\"maxSurge\":0", true},
        {"\"maxUnavailable\":\"1%\",\"maxSurge\":0", true},
        {"\"maxUnavailable\":\"100%\",\"maxSurge\":0", true},
        {"\"maxUnavailable\":0,\"maxSurge\":1", true},
        {"\"maxUnavailable\":0,\"maxSurge\":\"1%\"", true},
        {"\"maxUnavailable\":0,\"maxSurge\":\"100%\"", true},
    };
    struct moon_sim_schema *schema = moon_sim_schema_new();
    const struct moon_sim_kind *kind = kind_named("DaemonSet");
    const struct moon_sim_rule_ctx ctx = {.kind = kind};
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(table); i++) {
        MOON_AUTOFREE char *text = moon_asprintf(
            DS_HEAD DS_SELECTOR
            "\"updateStrategy\":{\"rollingUpdate\":{%s}}," DS_LABELS DS_CONTAINERS "}}}}",
            table[i].rolling_update);
        MOON_AUTOJSON *causes = cJSON_CreateArray();
        MOON_AUTOJSON *tree = decode(schema, kind, text);
        kind->validate(tree, &ctx, causes);
        if ((causes->child == NULL) != table[i].is_valid) {
            fail_msg("%s", table[i].rolling_update);
        }
    }
    moon_sim_schema_free(schema);
}

/* Changes of a pod: what is allowed, what is not. */
static void test_pod_updates(void **state)
{
    static const struct {
        const char *now;
        bool good;
    } table[] = {
        {POD("\"containers\":[{\"name\":\"c\",\"image\":\"other\"}]"), true},
        {POD(DS_CONTAINERS ",\"tolerations\":[{\"key\":\"a\",\"operator\":\"Exists\"}]"), true},
        {POD("\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"args\":[\"x\"]}]"), false},
        {POD(DS_CONTAINERS ",\"nodeName\":\"n\""), false},
        {POD("\"containers\":[{\"name\":\"c\",\"image\":\"i\"},{\"name\":\"d\",\"image\":\"i\"}]"),
         false},
    };
    struct moon_sim_schema *schema = moon_sim_schema_new();
    const struct moon_sim_kind *kind = kind_named("Pod");
    cJSON *old = decode(schema, kind, POD(DS_CONTAINERS));
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(table); i++) {
        cJSON *causes = cJSON_CreateArray();
        cJSON *now = decode(schema, kind, table[i].now);
        kind->validate_update(now, old, causes);
        if ((causes->child == NULL) != table[i].good) {
            fail_msg("%s", table[i].now);
        }
        cJSON_Delete(now);
        cJSON_Delete(causes);
    }
    cJSON_Delete(old);
    moon_sim_schema_free(schema);
}

/* The defaults of a minimal set, as kube-apiserver stores it. */
static void test_defaults(void **state)
{
    struct moon_sim_schema *schema = moon_sim_schema_new();
    const struct moon_sim_kind *kind = kind_named("DaemonSet");
    cJSON *tree = decode(schema, kind, DS_HEAD DS_SELECTOR DS_LABELS DS_CONTAINERS "}}}}");
    struct moon_buf text = MOON_BUF_INIT(16384);
    (void)state;
    moon_sim_tree_print(moon_sim_member(tree, "spec"), &text);
    assert_string_equal(
        moon_buf_cstr(&text),
        "{\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"template\":{\"metadata\":{"
        "\"creationTimestamp\":null,\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":"
        "\"c\",\"image\":\"i\",\"resources\":{},\"terminationMessagePath\":\"/dev/"
        "termination-log\","
        "\"terminationMessagePolicy\":\"File\",\"imagePullPolicy\":\"Always\"}],\"restartPolicy\":"
        "\"Always\",\"terminationGracePeriodSeconds\":30,\"dnsPolicy\":\"ClusterFirst\","
        "\"securityContext\":{},\"schedulerName\":\"default-scheduler\"}},\"updateStrategy\":{"
        "\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"maxUnavailable\":1,\"maxSurge\":0}},"
        "\"revisionHistoryLimit\":10}");
    moon_buf_fini(&text);
    cJSON_Delete(tree);
    moon_sim_schema_free(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_strategies),
        cmocka_unit_test(test_pod_updates),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(S5_5_OneOfTheTwoNumbers),
        cmocka_unit_test(S5_5_KnownStrategies),
        cmocka_unit_test(S5_5_Defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
