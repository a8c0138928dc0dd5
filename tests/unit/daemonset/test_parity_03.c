/* SPDX-License-Identifier: Apache-2.0
 *
 * test_parity_03.c - node selection, rule by rule, through the whole way: a set's template, the
 * stock policy, the decision for one node.
 */
#include "fixture.h"

#define REQUIRED(terms)                                                                            \
    "\"affinity\":{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":{"         \
    "\"nodeSelectorTerms\":[" terms "]}}},"
#define EXPRESSIONS(list) "{\"matchExpressions\":[" list "]}"
#define FIELDS(list) "{\"matchFields\":[" list "]}"
#define IS(key, op, values) "{\"key\":\"" key "\",\"operator\":\"" op "\",\"values\":[" values "]}"
#define WHERE(key, op, values) REQUIRED(EXPRESSIONS(IS(key, op, values)))
#define FIELD(key, op, values) REQUIRED(FIELDS(IS(key, op, values)))
#define TAINT(key, value, effect)                                                                  \
    "{\"key\":\"" key "\",\"value\":\"" value "\",\"effect\":\"" effect "\"}"
#define TOLERATES(toleration) "\"tolerations\":[{" toleration "}],"

#define RUN MOON_PLACEMENT_RUN
#define KEEP MOON_PLACEMENT_KEEP
#define NOT MOON_PLACEMENT_EVICT

#define LABEL_63 "a23456789b123456789c123456789d123456789e123456789f123456789g123"

struct row {
    const char *members; /* of the template's spec */
    const char *labels;  /* of node-1 */
    const char *taints;  /* elements; NULL: none */
    enum moon_placement wanted;
};

static enum moon_placement decision(struct fixture *f, const char *members)
{
    MOON_AUTOFREE char *template =
        moon_asprintf("{\"metadata\":{\"labels\":" L1 "},\"spec\":{%s\"containers\":[]}}", members);

    put_set(f, (struct set_opts){.template = template});
    (void)sync_once(f);
    return moon_ds_slot_find(set_of(f), moon_intern_find(moon_str("node-1")))->decision.placement;
}

static void check(struct fixture *f, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *taints = rows[i].taints != NULL ? rows[i].taints : "";
        MOON_AUTOFREE char *list = moon_asprintf("[%s]", taints);
        add_node(f, "node-1", rows[i].labels, list);
        enum moon_placement got = decision(f, rows[i].members);
        if (got != rows[i].wanted) {
            fail_msg("%s on %s, %s: %s", rows[i].members, rows[i].labels, list,
                     moon_placement_name(got));
        }
    }
}

#define CHECK(state, ...)                                                                          \
    do {                                                                                           \
        const struct row rows_[] = {__VA_ARGS__};                                                  \
        check(*(state), rows_, MOON_ARRAY_SIZE(rows_));                                            \
    } while (0)

/* ---- 3.1 ---- */

static void S3_1_NodeNameOfTheTemplate(void **state)
{
    CHECK(state, {"\"nodeName\":\"node-2\",", NULL, NULL, NOT},
          {"\"nodeName\":\"node-1\",", NULL, NULL, RUN}, {"\"nodeName\":\"\",", NULL, NULL, RUN},
          {"\"nodeName\":\"node-2\"," TOLERATES("\"operator\":\"Exists\""), NULL, NULL, NOT});
}

static void S3_1_AffinityComesBeforeTaints(void **state)
{
    CHECK(state, {"\"nodeSelector\":" N1 ",", N2, TAINT("a", "", "NoSchedule"), NOT},
          {"\"nodeSelector\":" N1 ",", N1, TAINT("a", "", "NoSchedule"), KEEP},
          {"\"nodeName\":\"node-2\",", N1, TAINT("a", "", "NoSchedule"), NOT});
}

static void S3_1_UntoleratedTaints(void **state)
{
    CHECK(state, {"", NULL, TAINT("a", "", "NoSchedule"), KEEP},
          {"", NULL, TAINT("a", "", "NoExecute"), NOT},
          {"", NULL, TAINT("a", "", "NoSchedule") "," TAINT("b", "", "NoExecute"), NOT},
          {"", NULL, TAINT("b", "", "NoExecute") "," TAINT("a", "", "NoSchedule"), NOT},
          {TOLERATES("\"key\":\"a\",\"operator\":\"Exists\""), NULL,
           TAINT("a", "", "NoExecute") "," TAINT("b", "", "NoSchedule"), KEEP},
          {TOLERATES("\"operator\":\"Exists\""), NULL,
           TAINT("a", "", "NoSchedule") "," TAINT("b", "", "NoExecute"), RUN});
}

static void S3_1_PreferNoScheduleNeverMatters(void **state)
{
    CHECK(state, {"", NULL, TAINT("a", "", "PreferNoSchedule"), RUN});
}

static void S3_1_ReadinessAndRoomAreNotLookedAt(void **state)
{
    struct fixture *f = *state;
    put_node(f, "node-1", "{\"zone\":\"a\"}", "\"unschedulable\":true",
             "\"allocatable\":{\"cpu\":\"0\",\"memory\":\"0\",\"pods\":\"0\"},\"conditions\":["
             "{\"type\":\"Ready\",\"status\":\"False\"},"
             "{\"type\":\"NetworkUnavailable\",\"status\":\"True\"}]");
    (void)add_pod(f, (struct pod_opts){.node = "node-1", .owner = "foreign"});
    assert_int_equal(
        decision(f, "\"affinity\":{\"podAntiAffinity\":{"
                    "\"requiredDuringSchedulingIgnoredDuringExecution\":[{\"labelSelector\":{},"
                    "\"topologyKey\":\"zone\"}]},\"podAffinity\":{"
                    "\"requiredDuringSchedulingIgnoredDuringExecution\":[{\"labelSelector\":{"
                    "\"matchLabels\":{\"x\":\"y\"}},\"topologyKey\":\"zone\"}]}},"
                    "\"topologySpreadConstraints\":[{\"maxSkew\":1,\"topologyKey\":\"none\","
                    "\"whenUnsatisfiable\":\"DoNotSchedule\",\"labelSelector\":{}}],"
                    "\"hostNetwork\":true,"),
        RUN);
}

/* Not what the pod says: that is pinned to where it is. */
static void S3_1_TheTemplatesAffinityCounts(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.template = TEMPLATE(WHERE("color", "In", "\"blue\""))});
    add_node(f, "node-1", N1, NULL);
    SYNC(1, 0, 0);
    add_node(f, "node-1", N2, NULL);
    SYNC(0, 1, 0);
}

/* ---- 3.2 ---- */

static void S3_2_NodeSelector(void **state)
{
    CHECK(state, {"\"nodeSelector\":{},", NULL, NULL, RUN},
          {"\"nodeSelector\":{\"a\":\"1\"},", NULL, NULL, NOT},
          {"\"nodeSelector\":{\"a\":\"1\"},", "{\"a\":\"2\"}", NULL, NOT},
          {"\"nodeSelector\":{\"a\":\"1\"},", "{\"a\":\"1\",\"b\":\"2\"}", NULL, RUN},
          {"\"nodeSelector\":{\"a\":\"1\",\"b\":\"2\"},", "{\"a\":\"1\"}", NULL, NOT},
          {"\"nodeSelector\":{\"a\":\"\"},", "{\"a\":\"\"}", NULL, RUN},
          {"\"nodeSelector\":{\"a b\":\"!\"},", "{\"a b\":\"!\"}", NULL, RUN});
}

static void S3_2_NodeSelectorAndAffinityBothMatch(void **state)
{
    CHECK(state,
          {"\"nodeSelector\":{\"a\":\"1\"}," WHERE("b", "In", "\"2\""), "{\"a\":\"1\",\"b\":\"2\"}",
           NULL, RUN},
          {"\"nodeSelector\":{\"a\":\"1\"}," WHERE("b", "In", "\"2\""), "{\"a\":\"1\",\"b\":\"3\"}",
           NULL, NOT},
          {"\"nodeSelector\":{\"a\":\"1\"}," WHERE("b", "In", "\"2\""), "{\"a\":\"3\",\"b\":\"2\"}",
           NULL, NOT});
}

static void S3_2_RequiredWithoutTermsMatchesNothing(void **state)
{
    CHECK(state, {"\"affinity\":{},", NULL, NULL, RUN},
          {"\"affinity\":{\"nodeAffinity\":{}},", NULL, NULL, RUN},
          {"\"affinity\":{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":"
           "null}},",
           NULL, NULL, RUN},
          {REQUIRED(""), NULL, NULL, NOT},
          {"\"affinity\":{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":{"
           "\"nodeSelectorTerms\":null}}},",
           NULL, NULL, NOT},
          {"\"affinity\":{\"nodeAffinity\":{\"preferredDuringSchedulingIgnoredDuringExecution\":[{"
           "\"weight\":1,\"preference\":" EXPRESSIONS(IS("a", "Exists", "")) "}]}},",
           NULL, NULL, RUN});
}

static void S3_2_TermsAreAlternatives(void **state)
{
#define TWO_TERMS                                                                                  \
    REQUIRED(EXPRESSIONS(IS("a", "In", "\"1\"")) "," EXPRESSIONS(IS("a", "In", "\"2\"")))
    CHECK(state, {TWO_TERMS, "{\"a\":\"1\"}", NULL, RUN}, {TWO_TERMS, "{\"a\":\"2\"}", NULL, RUN},
          {TWO_TERMS, "{\"a\":\"3\"}", NULL, NOT});
}

static void S3_2_EmptyTermMatchesNothing(void **state)
{
    CHECK(state, {REQUIRED("{}"), NULL, NULL, NOT},
          {REQUIRED("{\"matchExpressions\":[],\"matchFields\":[]}"), NULL, NULL, NOT},
          {REQUIRED("{}," EXPRESSIONS(IS("a", "Exists", ""))), "{\"a\":\"1\"}", NULL, RUN});
}

static void S3_2_AllOfATermMustMatch(void **state)
{
#define BOTH REQUIRED(EXPRESSIONS(IS("a", "In", "\"1\"") "," IS("b", "Exists", "")))
#define WITH_FIELD(name)                                                                           \
    REQUIRED("{\"matchExpressions\":[" IS("a", "In", "\"1\"") "],\"matchFields\":[" IS(            \
        "metadata.name", "In", "\"" name "\"") "]}")
    CHECK(state, {BOTH, "{\"a\":\"1\",\"b\":\"\"}", NULL, RUN}, {BOTH, "{\"a\":\"1\"}", NULL, NOT},
          {WITH_FIELD("node-1"), "{\"a\":\"1\"}", NULL, RUN},
          {WITH_FIELD("node-2"), "{\"a\":\"1\"}", NULL, NOT},
          {WITH_FIELD("node-1"), "{\"a\":\"2\"}", NULL, NOT});
}

static void S3_2_BrokenTermDoesNotStopTheOthers(void **state)
{
    CHECK(state, {WHERE("a", "Near", "\"1\""), "{\"a\":\"1\"}", NULL, NOT},
          {REQUIRED(EXPRESSIONS(IS("a", "Near", "\"1\"")) "," EXPRESSIONS(IS("a", "In", "\"1\""))),
           "{\"a\":\"1\"}", NULL, RUN},
          {REQUIRED(EXPRESSIONS(IS("a", "In", "\"1\"") "," IS("a", "Near", "\"1\""))),
           "{\"a\":\"1\"}", NULL, NOT});
}

static void S3_2_InAndNotIn(void **state)
{
    CHECK(state, {WHERE("a", "In", "\"1\",\"2\""), "{\"a\":\"2\"}", NULL, RUN},
          {WHERE("a", "In", "\"1\",\"2\""), "{\"a\":\"3\"}", NULL, NOT},
          {WHERE("a", "In", "\"1\""), NULL, NULL, NOT},
          {WHERE("a", "In", ""), "{\"a\":\"1\"}", NULL, NOT},
          {WHERE("a", "NotIn", "\"1\",\"2\""), "{\"a\":\"3\"}", NULL, RUN},
          {WHERE("a", "NotIn", "\"1\",\"2\""), NULL, NULL, RUN},
          {WHERE("a", "NotIn", "\"1\",\"2\""), "{\"a\":\"2\"}", NULL, NOT},
          {WHERE("a", "NotIn", ""), NULL, NULL, NOT});
}

static void S3_2_ExistsAndDoesNotExist(void **state)
{
    CHECK(state, {WHERE("a", "Exists", ""), "{\"a\":\"\"}", NULL, RUN},
          {WHERE("a", "Exists", ""), NULL, NULL, NOT},
          {WHERE("a", "Exists", "\"1\""), "{\"a\":\"1\"}", NULL, NOT},
          {WHERE("a", "DoesNotExist", ""), NULL, NULL, RUN},
          {WHERE("a", "DoesNotExist", ""), "{\"a\":\"1\"}", NULL, NOT},
          {WHERE("a", "DoesNotExist", "\"1\""), NULL, NULL, NOT});
}

static void S3_2_GtAndLt(void **state)
{
    CHECK(
        state, {WHERE("a", "Gt", "\"0204\""), "{\"a\":\"0206\"}", NULL, RUN},
        {WHERE("a", "Gt", "\"204\""), "{\"a\":\"0204\"}", NULL, NOT},
        {WHERE("a", "Lt", "\"10\""), "{\"a\":\"9\"}", NULL, RUN},
        {WHERE("a", "Lt", "\"10\""), "{\"a\":\"010\"}", NULL, NOT},
        {WHERE("a", "Lt", "\"10\""), NULL, NULL, NOT},
        {WHERE("a", "Gt", "\"1\""), "{\"a\":\"many\"}", NULL, NOT},
        {WHERE("a", "Lt", "\"1\""), "{\"a\":\"\"}", NULL, NOT},
        {WHERE("a", "Gt", "\"9223372036854775806\""), "{\"a\":\"9223372036854775807\"}", NULL, RUN},
        {WHERE("a", "Gt", "\"1\""), "{\"a\":\"9223372036854775808\"}", NULL, NOT});
}

static void S3_2_GtAndLtTakeOneNumber(void **state)
{
    CHECK(state, {WHERE("a", "Gt", ""), "{\"a\":\"5\"}", NULL, NOT},
          {WHERE("a", "Gt", "\"1\",\"2\""), "{\"a\":\"5\"}", NULL, NOT},
          {WHERE("a", "Lt", "\"1.5\""), "{\"a\":\"1\"}", NULL, NOT},
          {WHERE("a", "Lt", "\"9223372036854775808\""), "{\"a\":\"1\"}", NULL, NOT},
          {WHERE("a", "Lt", "\"0x10\""), "{\"a\":\"1\"}", NULL, NOT});
}

static void S3_2_IllegalKeysAndValuesBreakTheTerm(void **state)
{
    CHECK(state, {WHERE("a b", "DoesNotExist", ""), NULL, NULL, NOT},
          {WHERE("a", "NotIn", "\"a b\""), NULL, NULL, NOT},
          {WHERE("a", "NotIn", "\"b\",\"-c\""), NULL, NULL, NOT},
          {WHERE("a", "NotIn", "\"" LABEL_63 "\""), NULL, NULL, RUN},
          {WHERE("a", "NotIn", "\"" LABEL_63 "4\""), NULL, NULL, NOT},
          {WHERE("example.com/a", "NotIn", "\"\""), NULL, NULL, RUN});
}

static void S3_2_FieldsInAndNotIn(void **state)
{
    CHECK(state, {FIELD("metadata.name", "In", "\"node-1\""), NULL, NULL, RUN},
          {FIELD("metadata.name", "In", "\"node-2\""), NULL, NULL, NOT},
          {FIELD("metadata.name", "NotIn", "\"node-2\""), NULL, NULL, RUN},
          {FIELD("metadata.name", "NotIn", "\"node-1\""), NULL, NULL, NOT});
}

static void S3_2_FieldsTakeOneValueAndTwoOperators(void **state)
{
    CHECK(state, {FIELD("metadata.name", "In", "\"node-1\",\"node-2\""), NULL, NULL, NOT},
          {FIELD("metadata.name", "NotIn", ""), NULL, NULL, NOT},
          {FIELD("metadata.name", "Exists", ""), NULL, NULL, NOT},
          {FIELD("metadata.name", "Gt", "\"1\""), NULL, NULL, NOT});
}

static void S3_2_OtherFieldsReadAsEmpty(void **state)
{
    CHECK(state, {FIELD("metadata.namespace", "In", "\"x\""), NULL, NULL, NOT},
          {FIELD("metadata.namespace", "NotIn", "\"x\""), NULL, NULL, RUN},
          {FIELD("metadata.namespace", "In", "\"\""), NULL, NULL, RUN});
}

/* ---- 3.3 ---- */

static void tolerations_are(struct fixture *f, const char *members, const char *wanted)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(65536);

    add_node(f, "node-1", NULL, NULL);
    (void)decision(f, members);
    moon_tolerations_write(&set_of(f)->tolerations, &out);
    assert_string_equal(moon_buf_cstr(&out), wanted);
}

#define DEFAULT(key, effect)                                                                       \
    "{\"key\":\"node.kubernetes.io/" key "\",\"operator\":\"Exists\",\"effect\":\"" effect "\"}"
#define SECOND_AND_LATER                                                                           \
    DEFAULT("unreachable", "NoExecute")                                                            \
    "," DEFAULT("disk-pressure", "NoSchedule") "," DEFAULT(                                        \
        "memory-pressure", "NoSchedule") "," DEFAULT("pid-pressure",                               \
                                                     "NoSchedule") "," DEFAULT("unschedulable",    \
                                                                               "NoSchedule")

static void S3_3_SixInThisOrder(void **state)
{
    tolerations_are(*state, "", "[" DEFAULT("not-ready", "NoExecute") "," SECOND_AND_LATER "]");
}

static void S3_3_SevenWithHostNetwork(void **state)
{
    struct fixture *f = *state;
    tolerations_are(f, "\"hostNetwork\":true,",
                    "[" DEFAULT("not-ready", "NoExecute") "," SECOND_AND_LATER "," DEFAULT(
                        "network-unavailable", "NoSchedule") "]");
    tolerations_are(f, "\"hostNetwork\":false,",
                    "[" DEFAULT("not-ready", "NoExecute") "," SECOND_AND_LATER "]");
}

static void S3_3_AnEqualOneIsReplacedInPlace(void **state)
{
    tolerations_are(
        *state,
        "\"tolerations\":[{\"key\":\"a\",\"operator\":\"Exists\"},"
        "{\"key\":\"node.kubernetes.io/not-ready\",\"operator\":\"Exists\",\"effect\":\"NoExecute\""
        ",\"tolerationSeconds\":30},{\"key\":\"b\",\"operator\":\"Exists\"}],",
        "[{\"key\":\"a\",\"operator\":\"Exists\"}," DEFAULT(
            "not-ready", "NoExecute") ",{\"key\":\"b\",\"operator\":\"Exists\"}," SECOND_AND_LATER
                                      "]");
}

static void S3_3_ADifferentOneStaysBesideIt(void **state)
{
    struct fixture *f = *state;
    tolerations_are(f,
                    TOLERATES("\"key\":\"node.kubernetes.io/not-ready\",\"operator\":\"Exists\""),
                    "[{\"key\":\"node.kubernetes.io/not-ready\",\"operator\":\"Exists\"}," DEFAULT(
                        "not-ready", "NoExecute") "," SECOND_AND_LATER "]");
    tolerations_are(
        f,
        TOLERATES("\"key\":\"node.kubernetes.io/not-ready\",\"operator\":\"Equal\",\"effect\":"
                  "\"NoExecute\",\"tolerationSeconds\":5"),
        "[{\"key\":\"node.kubernetes.io/not-ready\",\"operator\":\"Equal\",\"effect\":"
        "\"NoExecute\",\"tolerationSeconds\":5}," DEFAULT("not-ready",
                                                          "NoExecute") "," SECOND_AND_LATER "]");
}

static void S3_3_TheyCountInTheDecision(void **state)
{
#define NO_NETWORK TAINT("node.kubernetes.io/network-unavailable", "", "NoSchedule")
    CHECK(state, {"", NULL, TAINT("node.kubernetes.io/not-ready", "", "NoExecute"), RUN},
          {"", NULL, TAINT("node.kubernetes.io/not-ready", "", "NoSchedule"), KEEP},
          {"", NULL, TAINT("node.kubernetes.io/unreachable", "", "NoExecute"), RUN},
          {"", NULL, TAINT("node.kubernetes.io/unschedulable", "", "NoSchedule"), RUN},
          {"", NULL, TAINT("node.kubernetes.io/unschedulable", "", "NoExecute"), NOT},
          {"", NULL, NO_NETWORK, KEEP}, {"\"hostNetwork\":true,", NULL, NO_NETWORK, RUN});
}

/* ---- 3.4 ---- */

#define GPU(effect) TAINT("gpu", "a100", effect)

static void S3_4_EffectAndKey(void **state)
{
    CHECK(state,
          {TOLERATES("\"key\":\"gpu\",\"operator\":\"Exists\",\"effect\":\"NoSchedule\""), NULL,
           GPU("NoSchedule"), RUN},
          {TOLERATES("\"key\":\"gpu\",\"operator\":\"Exists\",\"effect\":\"NoExecute\""), NULL,
           GPU("NoSchedule"), KEEP},
          {TOLERATES("\"key\":\"gpu\",\"operator\":\"Exists\""), NULL, GPU("NoExecute"), RUN},
          {TOLERATES("\"key\":\"cpu\",\"operator\":\"Exists\""), NULL, GPU("NoExecute"), NOT},
          {TOLERATES("\"operator\":\"Exists\",\"effect\":\"NoExecute\""), NULL, GPU("NoExecute"),
           RUN});
}

static void S3_4_EqualComparesValues(void **state)
{
    CHECK(state,
          {TOLERATES("\"key\":\"gpu\",\"operator\":\"Equal\",\"value\":\"a100\""), NULL,
           GPU("NoExecute"), RUN},
          {TOLERATES("\"key\":\"gpu\",\"value\":\"a100\""), NULL, GPU("NoExecute"), RUN},
          {TOLERATES("\"key\":\"gpu\",\"value\":\"h100\""), NULL, GPU("NoExecute"), NOT},
          {TOLERATES("\"key\":\"gpu\""), NULL, GPU("NoExecute"), NOT},
          {TOLERATES("\"key\":\"gpu\""), NULL, TAINT("gpu", "", "NoExecute"), RUN},
          {TOLERATES("\"operator\":\"Equal\",\"value\":\"a100\""), NULL, GPU("NoExecute"), RUN});
}

static void S3_4_OtherOperatorsTolerateNothing(void **state)
{
    CHECK(state,
          {TOLERATES("\"key\":\"n\",\"operator\":\"Gt\",\"value\":\"750\""), NULL,
           TAINT("n", "950", "NoSchedule"), KEEP},
          {TOLERATES("\"key\":\"n\",\"operator\":\"Lt\",\"value\":\"950\""), NULL,
           TAINT("n", "800", "NoSchedule"), KEEP},
          {TOLERATES("\"key\":\"n\",\"operator\":\"In\",\"value\":\"1\""), NULL,
           TAINT("n", "1", "NoExecute"), NOT});
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(S3_1_NodeNameOfTheTemplate),
        T(S3_1_AffinityComesBeforeTaints),
        T(S3_1_UntoleratedTaints),
        T(S3_1_PreferNoScheduleNeverMatters),
        T(S3_1_ReadinessAndRoomAreNotLookedAt),
        T(S3_1_TheTemplatesAffinityCounts),
        T(S3_2_NodeSelector),
        T(S3_2_NodeSelectorAndAffinityBothMatch),
        T(S3_2_RequiredWithoutTermsMatchesNothing),
        T(S3_2_TermsAreAlternatives),
        T(S3_2_EmptyTermMatchesNothing),
        T(S3_2_AllOfATermMustMatch),
        T(S3_2_BrokenTermDoesNotStopTheOthers),
        T(S3_2_InAndNotIn),
        T(S3_2_ExistsAndDoesNotExist),
        T(S3_2_GtAndLt),
        T(S3_2_GtAndLtTakeOneNumber),
        T(S3_2_IllegalKeysAndValuesBreakTheTerm),
        T(S3_2_FieldsInAndNotIn),
        T(S3_2_FieldsTakeOneValueAndTwoOperators),
        T(S3_2_OtherFieldsReadAsEmpty),
        T(S3_3_SixInThisOrder),
        T(S3_3_SevenWithHostNetwork),
        T(S3_3_AnEqualOneIsReplacedInPlace),
        T(S3_3_ADifferentOneStaysBesideIt),
        T(S3_3_TheyCountInTheDecision),
        T(S3_4_EffectAndKey),
        T(S3_4_EqualComparesValues),
        T(S3_4_OtherOperatorsTolerateNothing),
    };

    return cmocka_run_group_tests_name("parity, section 3", tests, NULL, NULL);
}
