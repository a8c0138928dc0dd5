/* SPDX-License-Identifier: Apache-2.0
 *
 * test_body.c - the pod for one node, to the byte: daemonset_util_test.go of the stock controller,
 * and that nothing of a template is lost on the way.
 */
#include "fixture.h"

/* The body of the one pod of a set with this template, on node host_1. */
static struct moon_str body(struct fixture *f, struct set_opts opts)
{
    add_set(f, opts);
    add_node(f, "host_1", NULL, NULL);
    SYNC(1, 0, 0);
    return moon_buf_str(&f->last_body);
}

static bool has(struct moon_str text, const char *part)
{
    return memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

#define PIN                                                                                        \
    "\"requiredDuringSchedulingIgnoredDuringExecution\":{\"nodeSelectorTerms\":[{"                 \
    "\"matchFields\":[{\"key\":\"metadata.name\",\"operator\":\"In\",\"values\":[\"host_1\"]}]}]}"

/* The body for node host_1 alone: the server of these tests keeps trees, which lose what must not
 * be lost, and a template may not want that node. */
static void write_body(struct fixture *f, const char *template, struct moon_buf *out)
{
    struct moon_err err;

    put_set(f, (struct set_opts){.template = template});
    struct moon_ds_set *set = set_of(f);
    set->hash = moon_intern_cstr("hash");
    const struct moon_ds_body *b = moon_ds_body_current(set, &err);
    assert_non_null(b);
    moon_ds_body_write(b, "p", "host_1", out);
}

static void WholeBody(void **state)
{
    struct fixture *f = *state;
    struct moon_str text =
        body(f, (struct set_opts){
                    .template = "{\"metadata\":{\"labels\":" L1 ",\"annotations\":{\"a\":\"b\"},"
                                "\"finalizers\":[\"x/y\"],\"name\":\"no\",\"namespace\":\"no\"},"
                                "\"spec\":{\"containers\":[{\"image\":\"foo/bar\"}],"
                                "\"nodeSelector\":null}}"});
    const char **pods = pods_on(f, "host_1");
    MOON_AUTOFREE char *wanted = moon_asprintf(
        "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"%s\","
        "\"generateName\":\"foo-\",\"labels\":{\"controller-revision-hash\":\"%s\","
        "\"pod-template-generation\":\"1\",\"name\":\"simple-daemon\",\"type\":\"production\"},"
        "\"annotations\":{\"a\":\"b\"},\"finalizers\":[\"x/y\"],\"ownerReferences\":[{"
        "\"apiVersion\":\"apps/v1\",\"kind\":\"DaemonSet\",\"name\":\"foo\",\"uid\":\"" UID
        "\",\"controller\":true,\"blockOwnerDeletion\":true}]},\"spec\":{\"affinity\":{"
        "\"nodeAffinity\":{" PIN "}},\"tolerations\":["
        "{\"key\":\"node.kubernetes.io/not-ready\",\"operator\":\"Exists\",\"effect\":"
        "\"NoExecute\"},"
        "{\"key\":\"node.kubernetes.io/unreachable\",\"operator\":\"Exists\",\"effect\":"
        "\"NoExecute\"},"
        "{\"key\":\"node.kubernetes.io/disk-pressure\",\"operator\":\"Exists\",\"effect\":"
        "\"NoSchedule\"},"
        "{\"key\":\"node.kubernetes.io/memory-pressure\",\"operator\":\"Exists\",\"effect\":"
        "\"NoSchedule\"},"
        "{\"key\":\"node.kubernetes.io/pid-pressure\",\"operator\":\"Exists\",\"effect\":"
        "\"NoSchedule\"},"
        "{\"key\":\"node.kubernetes.io/unschedulable\",\"operator\":\"Exists\",\"effect\":"
        "\"NoSchedule\"}],"
        "\"containers\":[{\"image\":\"foo/bar\"}],\"nodeSelector\":null}}",
        moon_json_string(object(f, pods[0]), "metadata.name"), hash_of(f));
    assert_int_equal(text.len, strlen(wanted));
    assert_memory_equal(text.ptr, wanted, text.len);
}

/* What a tree of doubles and C strings would lose. */
static void TemplatePassesThrough(void **state)
{
    static const char *const parts[] = {
        "\"big\":9007199254740993", "\"bigger\":123456789012345678901234567890",
        "\"exact\":1.10",           "\"exponent\":1E+2",
        "\"nul\":\"a\\u0000b\"",    "\"escaped\":\"\\u003ctag\\u003e \\/ \\ud83d\\ude00\"",
        "\"nothing\":null",         "\"future\":{\"field\":[1,[],{}]}",
    };
    struct fixture *f = *state;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf members = MOON_BUF_INIT(4096);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(parts); i++) {
        moon_buf_printf(&members, "%s,", parts[i]);
    }
    MOON_AUTOFREE char *template =
        moon_asprintf("{\"metadata\":{\"labels\":" L1 "},\"spec\":{%s\"containers\":[]}}",
                      moon_buf_cstr(&members));
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(65536);
    write_body(f, template, &out);
    struct moon_str text = moon_buf_str(&out);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(parts); i++) {
        if (!has(text, parts[i])) {
            fail_msg("%s is not in %.*s", parts[i], MOON_STR_ARG(text));
        }
    }
}

/* ---- TestReplaceDaemonSetPodNodeNameNodeAffinity ---- */

static void replaces(void **state, const char *affinity, const char *wanted)
{
    struct fixture *f = *state;
    MOON_AUTOFREE char *template =
        moon_asprintf("{\"metadata\":{\"labels\":" L1 "},\"spec\":{%s%s\"containers\":[]}}",
                      affinity != NULL ? "\"affinity\":" : "", affinity != NULL ? affinity : "");
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(65536);
    write_body(f, template, &out);
    MOON_AUTOFREE char *part = moon_asprintf("\"spec\":{\"affinity\":%s,\"tolerations\"", wanted);
    if (!has(moon_buf_str(&out), part)) {
        fail_msg("%s\nis not in\n%s", part, moon_buf_cstr(&out));
    }
}

#define REQUIRED(terms)                                                                            \
    "{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":{"                      \
    "\"nodeSelectorTerms\":[" terms "]}}},"
#define PREFERRED                                                                                  \
    "\"preferredDuringSchedulingIgnoredDuringExecution\":[{\"weight\":1,\"preference\":{}}]"
#define ONLY_PIN "{\"nodeAffinity\":{" PIN "}}"

static void NilAffinity(void **state)
{
    replaces(state, NULL, ONLY_PIN);
}

static void NullAffinity(void **state)
{
    replaces(state, "null,", ONLY_PIN);
}

static void RequiredExpression(void **state)
{
    replaces(state,
             REQUIRED("{\"matchExpressions\":[{\"key\":\"kubernetes.io/hostname\",\"operator\":"
                      "\"In\",\"values\":[\"host_1\"]}]}"),
             ONLY_PIN);
}

static void PreferredOnly(void **state)
{
    replaces(state, "{\"nodeAffinity\":{" PREFERRED "}},",
             "{\"nodeAffinity\":{" PIN "," PREFERRED "}}");
}

static void RequiredFieldTwoHosts(void **state)
{
    replaces(state,
             REQUIRED("{\"matchFields\":[{\"key\":\"metadata.name\",\"operator\":\"In\","
                      "\"values\":[\"host_1\",\"host_2\"]}]}"),
             ONLY_PIN);
}

static void RequiredTwoTerms(void **state)
{
    replaces(state,
             REQUIRED("{\"matchExpressions\":[{\"key\":\"h\",\"operator\":\"Exists\"}]},"
                      "{\"matchFields\":[{\"key\":\"metadata.name\",\"operator\":\"In\","
                      "\"values\":[\"host_2\"]}]}"),
             ONLY_PIN);
}

static void PodAffinityIsKept(void **state)
{
    replaces(state, "{\"podAntiAffinity\":{\"x\":[1]},\"podAffinity\":null},",
             "{\"nodeAffinity\":{" PIN "},\"podAntiAffinity\":{\"x\":[1]},\"podAffinity\":null}");
}

static void NodeAffinityNull(void **state)
{
    replaces(state, "{\"nodeAffinity\":null,\"podAffinity\":{}},",
             "{\"nodeAffinity\":{" PIN "},\"podAffinity\":{}}");
}

/* ---- names and modes ---- */

static void LongNamesAreCutAsTheServerDoes(void **state)
{
    struct fixture *f = *state;
    static const char name[] =
        "a-name-of-seventy-characters-which-is-longer-than-any-generated-base-x";
    add_set(f, (struct set_opts){.name = name});
    struct moon_arena *arena = moon_arena_new(65536);
    const char *pod = moon_ds_body_pod_name(set_of(f), arena);
    assert_int_equal(strlen(pod), 63);
    assert_memory_equal(pod, name, 58);
    moon_arena_free(arena);
}

static void DirectPlacementNamesTheNode(void **state)
{
    struct fixture *f = *state;
    f->config->placement = MOON_PLACE_DIRECT;
    struct moon_str text = body(f, (struct set_opts){0});
    assert_true(has(text, "],\"nodeName\":\"host_1\",\"containers\""));
    assert_true(has(text, PIN)); /* the stock controller finds it, too */
}

static void NodeNameOfTheTemplateStays(void **state)
{
    struct fixture *f = *state;
    struct moon_str text =
        body(f, (struct set_opts){.template = TEMPLATE("\"nodeName\":\"host_1\",")});
    assert_true(has(text, "],\"nodeName\":\"host_1\",\"containers\""));
}

static void DirectPlacementAndNodeName(void **state)
{
    struct fixture *f = *state;
    f->config->placement = MOON_PLACE_DIRECT;
    struct moon_str text =
        body(f, (struct set_opts){.template = TEMPLATE("\"nodeName\":\"host_1\",")});
    const char *first = memmem(text.ptr, text.len, "nodeName", 8);
    size_t rest = text.len - (size_t)(first + 8 - text.ptr);
    assert_null(memmem(first + 8, rest, "nodeName", 8));
}

/* ---- TestIsPodUpdated, TestCreatePodTemplate ---- */

static void IsPodUpdated(void **state)
{
    static const struct {
        const char *generation;
        const char *hash;
        bool known; /* the set has a current hash */
        bool updated;
    } rows[] = {
        {"12345", "55555", true, true}, {"12345", "123", true, true},
        {"12350", "55555", true, true}, {"12350", "123", true, false},
        {"12345", "123", false, true},  {"12345", NULL, true, true},
        {"12345", NULL, false, true},   {NULL, NULL, true, false},
        {NULL, NULL, false, false},     {"012345", NULL, true, false},
        {NULL, "55555", true, true},
    };
    struct fixture *f = *state;
    f->template_generation = 1;
    add_set(f, (struct set_opts){0});
    f->template_generation = 12345;
    change_set(f, f->opts);
    struct moon_ds_set *set = set_of(f);
    assert_int_equal(set->object->template_generation, 12345);
    moon_sym kept = set->hash;
    moon_sym current = moon_intern_cstr("55555");
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct moon_pod pod = {0};
        if (rows[i].generation != NULL) {
            moon_labels_set(&pod.meta.labels, MOON_LABEL_GENERATION, rows[i].generation);
        }
        if (rows[i].hash != NULL) {
            moon_labels_set(&pod.meta.labels, MOON_LABEL_HASH, rows[i].hash);
        }
        set->hash = rows[i].known ? current : NULL;
        assert_int_equal(moon_ds_pod_is_updated(set, &(struct moon_ds_pod){.pod = &pod}),
                         rows[i].updated);
        moon_labels_fini(&pod.meta.labels);
    }
    set->hash = kept;
    moon_sym_unref(current);
}

static void TemplateCannotOverrideOurLabels(void **state)
{
    struct fixture *f = *state;
    struct moon_str text = body(
        f, (struct set_opts){.template = "{\"metadata\":{\"labels\":{\"name\":\"simple-daemon\","
                                         "\"type\":\"production\","
                                         "\"controller-revision-hash\":\"mine\","
                                         "\"pod-template-generation\":\"99\"}},"
                                         "\"spec\":{\"containers\":[]}}"});
    assert_false(has(text, "mine"));
    assert_false(has(text, "\"99\""));
    assert_true(has(text, "\"pod-template-generation\":\"1\""));
}

static void TolerationsOfTheTemplateMerge(void **state)
{
    struct fixture *f = *state;
    struct moon_str text =
        body(f, (struct set_opts){
                    .template = TEMPLATE("\"hostNetwork\":true,\"tolerations\":[{\"key\":"
                                         "\"node.kubernetes.io/not-ready\",\"operator\":\"Exists\","
                                         "\"effect\":\"NoExecute\",\"tolerationSeconds\":30},"
                                         "{\"operator\":\"Exists\"}],")});
    assert_false(has(text, "tolerationSeconds"));
    assert_true(has(text, "\"tolerations\":[{\"key\":\"node.kubernetes.io/not-ready\",\"operator\":"
                          "\"Exists\",\"effect\":\"NoExecute\"},{\"operator\":\"Exists\"},"));
    assert_true(has(text, "network-unavailable"));
}

/* An open create keeps the template it was planned with. */
static void CreateInFlightKeepsItsTemplate(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.strategy = ROLLING("1", "0")});
    add_node(f, "host_1", NULL, NULL);
    MOON_AUTOFREE char *old = moon_strdup(hash_of(f));
    struct moon_plan *plan = decide(f);
    change_set(f, (struct set_opts){.strategy = ROLLING("1", "0"),
                                    .template = TEMPLATE("\"hostname\":\"new\",")});
    (void)sync_once(f);
    (void)sync_once(f);
    assert_string_not_equal(hash_of(f), old);
    (void)carry_out(f, plan);
    assert_false(has(moon_buf_str(&f->last_body), "hostname"));
    assert_true(has(moon_buf_str(&f->last_body), old));
    SYNC(0, 1, 0);
    SYNC(1, 0, 0);
    assert_true(has(moon_buf_str(&f->last_body), "hostname"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(WholeBody),
        T(TemplatePassesThrough),
        T(NilAffinity),
        T(NullAffinity),
        T(RequiredExpression),
        T(PreferredOnly),
        T(RequiredFieldTwoHosts),
        T(RequiredTwoTerms),
        T(PodAffinityIsKept),
        T(NodeAffinityNull),
        T(LongNamesAreCutAsTheServerDoes),
        T(DirectPlacementNamesTheNode),
        T(NodeNameOfTheTemplateStays),
        T(DirectPlacementAndNodeName),
        T(IsPodUpdated),
        T(TemplateCannotOverrideOurLabels),
        T(TolerationsOfTheTemplateMerge),
        T(CreateInFlightKeepsItsTemplate),
    };

    return cmocka_run_group_tests_name("body", tests, NULL, NULL);
}
