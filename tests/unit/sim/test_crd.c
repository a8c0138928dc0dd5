/* SPDX-License-Identifier: Apache-2.0
 *
 * test_crd.c - CustomResourceDefinitions and their objects, as a client meets them. What is
 * expected here was seen on kube-apiserver 1.20.
 */
#include "api_fixture.h"

#include <stdio.h>

#define CRDS "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
#define WIDGETS "/apis/example.dev/v1/namespaces/default/widgets"
#define WIDGETS_BETA "/apis/example.dev/v1beta1/namespaces/default/widgets"
#define SCHEMA                                                                                     \
    "\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\",\"required\":[\"spec\"],\"properties\":" \
    "{\"spec\":{\"type\":\"object\",\"properties\":{\"size\":{\"type\":\"integer\",\"maximum\":"   \
    "10,\"default\":1}}},\"status\":{\"type\":\"object\",\"properties\":{\"phase\":{\"type\":"     \
    "\"string\"}}}}}}"
#define WIDE_SCHEMA                                                                                \
    "\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\",\"x-kubernetes-preserve-unknown-fields"  \
    "\":true}}"
#define COLUMNS                                                                                    \
    "\"additionalPrinterColumns\":[{\"name\":\"Size\",\"type\":\"integer\",\"jsonPath\":"          \
    "\".spec.size\"},{\"name\":\"Phase\",\"type\":\"string\",\"jsonPath\":\".status.phase\"}]"
#define DEFINITION(plural, kind, versions)                                                         \
    "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"CustomResourceDefinition\","           \
    "\"metadata\":{\"name\":\"" plural                                                             \
    ".example.dev\"},\"spec\":{\"group\":\"example.dev\",\"scope\":\"Namespaced\",\"names\":{"     \
    "\"plural\":\"" plural "\",\"kind\":\"" kind                                                   \
    "\",\"shortNames\":[\"wd\"]},\"versions\":[" versions "]}}"
#define V1                                                                                         \
    "{\"name\":\"v1\",\"served\":true,\"storage\":true,\"subresources\":{\"status\":{}}," COLUMNS  \
    "," SCHEMA "}"
#define V1BETA1 "{\"name\":\"v1beta1\",\"served\":true,\"storage\":false," WIDE_SCHEMA "}"
#define WIDGET(name, rest)                                                                         \
    "{\"apiVersion\":\"example.dev/v1\",\"kind\":\"Widget\",\"metadata\":{\"name\":\"" name        \
    "\"}" rest "}"

/* Until the condition has this status. */
static void wait_condition(struct fixture *f, const char *name, const char *type,
                           const char *status)
{
    char path[128];
    char wanted[128];
    snprintf(path, sizeof(path), CRDS "/%s", name);
    snprintf(wanted, sizeof(wanted), "\"type\":\"%s\",\"status\":\"%s\"", type, status);
    for (int i = 0; i < 500; i++) {
        if (get(f, path) == 200 && strstr(f->text, wanted) != NULL) {
            return;
        }
        moon_loop_turn(f->loop, 5);
    }
    fail_msg("%s is not %s: %s", type, status, f->text);
}

static void define(struct fixture *f)
{
    assert_int_equal(post(f, CRDS, DEFINITION("widgets", "Widget", V1 "," V1BETA1)), 201);
    wait_condition(f, "widgets.example.dev", "Established", "True");
}

static void test_defining(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(get(f, "/apis/example.dev/v1"), 404);
    assert_int_equal(post(f, CRDS, DEFINITION("widgets", "Widget", V1 "," V1BETA1)), 201);
    assert_string_equal(text_at(f, "spec.names.singular"), "widget");
    assert_string_equal(text_at(f, "spec.names.listKind"), "WidgetList");
    assert_string_equal(text_at(f, "spec.conversion.strategy"), "None");
    assert_non_null(strstr(f->text, "\"conditions\":null,\"acceptedNames\":{\"plural\":\"\","
                                    "\"kind\":\"\"},\"storedVersions\":[\"v1\"]"));
    wait_condition(f, "widgets.example.dev", "Established", "True");
    assert_string_equal(text_at(f, "status.acceptedNames.listKind"), "WidgetList");
    assert_int_equal(int_at(f, "metadata.generation"), 1);
    assert_int_equal(get(f, "/apis/example.dev"), 200);
    assert_string_equal(text_at(f, "preferredVersion.version"), "v1");
    assert_int_equal(get(f, "/apis/example.dev/v1"), 200);
    assert_non_null(strstr(f->text, "\"name\":\"widgets/status\""));
    assert_non_null(strstr(f->text, "\"shortNames\":[\"wd\"]"));
    assert_int_equal(get(f, "/apis/example.dev/v1beta1"), 200);
    assert_null(strstr(f->text, "widgets/status"));
}

static void test_refused_definitions(void **state)
{
    static const struct {
        const char *body;
        const char *want;
    } rows[] = {
        {DEFINITION("widgets", "Widget", "{\"name\":\"v1\",\"served\":true,\"storage\":true}"),
         "spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required"},
        {DEFINITION("widgets", "Widget", ""),
         "must have exactly one version marked as storage version"},
        {DEFINITION("Widgets", "Widget", V1), "a DNS-1035 label must consist of"},
        {DEFINITION("widgets", "Widget",
                    "{\"name\":\"v1\",\"served\":true,\"storage\":true,\"schema\":{"
                    "\"openAPIV3Schema\":{\"type\":\"object\",\"properties\":{\"a\":{}}}}}"),
         "spec.validation.openAPIV3Schema.properties[a].type: Required value: must not be empty "
         "for specified object fields"},
        {DEFINITION("widgets", "Widget",
                    "{\"name\":\"v1\",\"served\":true,\"storage\":true,\"schema\":{"
                    "\"openAPIV3Schema\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":"
                    "\"integer\",\"default\":\"x\"}}}}}"),
         "must be of type integer"},
        {DEFINITION("widgets", "Widget",
                    "{\"name\":\"v1\",\"served\":true,\"storage\":true," WIDE_SCHEMA
                    ",\"additionalPrinterColumns\":[{\"name\":\"a\",\"type\":\"string\","
                    "\"jsonPath\":\"a.b\"}]}"),
         "must be a simple json path starting with ."},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        assert_int_equal(post(f, CRDS, rows[i].body), 422);
        if (strstr(text_at(f, "message"), rows[i].want) == NULL) {
            fail_msg("no %s in %s", rows[i].want, f->text);
        }
    }
}

static void test_objects(void **state)
{
    struct fixture *f = *state;
    define(f);
    assert_int_equal(post(f, WIDGETS, WIDGET("a", "")), 422);
    assert_string_equal(text_at(f, "message"),
                        "Widget.example.dev \"a\" is invalid: spec: Required value");
    assert_int_equal(post(f, WIDGETS, WIDGET("a", ",\"spec\":{\"junk\":1},\"status\":{}")), 201);
    assert_int_equal(int_at(f, "spec.size"), 1);
    assert_null(strstr(f->text, "junk"));
    assert_null(strstr(f->text, "status"));
    assert_int_equal(int_at(f, "metadata.generation"), 1);
    assert_int_equal(
        post(f, WIDGETS "?fieldValidation=Strict", WIDGET("b", ",\"spec\":{\"junk\":1}")), 400);
    assert_string_equal(text_at(f, "message"),
                        "Widget in version \"v1\" cannot be handled as a Widget: strict decoding "
                        "error: unknown field \"spec.junk\"");
    assert_int_equal(post(f, WIDGETS, "{\"apiVersion\":\"example.dev/v1\",\"kind\":\"Gadget\"}"),
                     422);
    assert_int_equal(
        post(f, WIDGETS, "{\"apiVersion\":\"example.dev/v1beta1\",\"kind\":\"Widget\"}"), 400);
    assert_int_equal(get(f, WIDGETS), 200);
    assert_string_equal(text_at(f, "kind"), "WidgetList");
    assert_string_equal(
        moon_json_string(cJSON_GetArrayItem(moon_json_get(f->answer, "items"), 0), "kind"),
        "Widget");
    assert_int_equal(call(f, "GET", WIDGETS, TABLE, NULL), 200);
    assert_non_null(strstr(f->text, "\"cells\":[\"a\",1,null]"));
}

static void test_changes(void **state)
{
    struct fixture *f = *state;
    define(f);
    assert_int_equal(post(f, WIDGETS, WIDGET("a", ",\"spec\":{}")), 201);
    assert_int_equal(call(f, "PATCH", WIDGETS "/a", STRATEGIC, "{\"spec\":{\"size\":2}}"), 415);
    assert_int_equal(call(f, "PATCH", WIDGETS "/a", MERGE, "{\"spec\":{\"size\":2}}"), 200);
    assert_int_equal(int_at(f, "metadata.generation"), 2);
    assert_int_equal(
        call(f, "PATCH", WIDGETS "/a", MERGE, "{\"metadata\":{\"labels\":{\"x\":\"y\"}}}"), 200);
    assert_int_equal(int_at(f, "metadata.generation"), 2);
    MOON_AUTOFREE char *version = moon_strdup(text_at(f, "metadata.resourceVersion"));
    assert_int_equal(call(f, "PATCH", WIDGETS "/a", MERGE, "{\"spec\":{\"size\":2}}"), 200);
    assert_string_equal(text_at(f, "metadata.resourceVersion"), version); /* nothing changed */
    assert_int_equal(call(f, "PATCH", WIDGETS "/a", MERGE, "{\"spec\":{\"size\":11}}"), 422);
    assert_int_equal(call(f, "PUT", WIDGETS "/a", JSON, WIDGET("a", ",\"spec\":{}")), 422);
    assert_non_null(strstr(f->text, "must be specified for an update"));
    /* The status is apart, and everything else is apart from the status. */
    assert_int_equal(call(f, "PATCH", WIDGETS "/a", MERGE, "{\"status\":{\"phase\":\"x\"}}"), 200);
    assert_string_equal(text_at(f, "status.phase"), "");
    assert_int_equal(call(f, "PATCH", WIDGETS "/a/status", MERGE,
                          "{\"status\":{\"phase\":\"x\"},\"spec\":{\"size\":9},\"metadata\":{"
                          "\"labels\":{\"x\":\"z\"}}}"),
                     200);
    assert_string_equal(text_at(f, "status.phase"), "x");
    assert_int_equal(int_at(f, "spec.size"), 2);
    assert_string_equal(text_at(f, "metadata.labels.x"), "y");
    assert_int_equal(int_at(f, "metadata.generation"), 2);
}

static void test_versions(void **state)
{
    struct fixture *f = *state;
    struct watch w = {0};
    define(f);
    watch_start(f, &w, WIDGETS "?watch=1");
    assert_int_equal(post(f, WIDGETS_BETA,
                          "{\"apiVersion\":\"example.dev/v1beta1\",\"kind\":\"Widget\",\"metadata\""
                          ":{\"name\":\"a\"},\"spec\":{\"junk\":1}}"),
                     201);
    /* It is stored as v1, which does not know the field. */
    assert_null(strstr(f->text, "junk"));
    assert_string_equal(text_at(f, "apiVersion"), "example.dev/v1beta1");
    watch_until(f, &w, "\"apiVersion\":\"example.dev/v1\"");
    watch_stop(&w);
    assert_int_equal(get(f, WIDGETS "/a"), 200);
    assert_string_equal(text_at(f, "apiVersion"), "example.dev/v1");
    assert_int_equal(call(f, "DELETE", WIDGETS_BETA "/a", NULL, NULL), 200);
    assert_int_equal(get(f, WIDGETS "/a"), 404);
}

/* A version that is no longer served ends its watches, not those of the other one. */
static void test_unserving_a_version(void **state)
{
    struct fixture *f = *state;
    struct watch beta = {0};
    struct watch stable = {0};
    define(f);
    watch_start(f, &beta, WIDGETS_BETA "?watch=1");
    watch_start(f, &stable, WIDGETS "?watch=1");
    assert_int_equal(call(f, "PATCH", CRDS "/widgets.example.dev",
                          "Content-Type: application/json-patch+json",
                          "[{\"op\":\"replace\",\"path\":\"/spec/versions/1/served\",\"value\":"
                          "false}]"),
                     200);
    for (int i = 0; i < 200 && !beta.ended; i++) {
        moon_loop_turn(f->loop, 10);
    }
    assert_true(beta.ended);
    assert_false(stable.ended);
    assert_int_equal(get(f, WIDGETS_BETA), 404);
    assert_int_equal(post(f, WIDGETS, WIDGET("a", ",\"spec\":{}")), 201);
    watch_until(f, &stable, "ADDED");
    watch_stop(&beta);
    watch_stop(&stable);
    assert_int_equal(call(f, "PATCH", CRDS "/widgets.example.dev",
                          "Content-Type: application/json-patch+json",
                          "[{\"op\":\"remove\",\"path\":\"/spec/versions/0\"},{\"op\":\"replace\","
                          "\"path\":\"/spec/versions/0/storage\",\"value\":true}]"),
                     422);
    assert_non_null(strstr(f->text, "must appear in spec.versions"));
}

static void test_names_are_taken_once(void **state)
{
    struct fixture *f = *state;
    define(f);
    assert_int_equal(post(f, CRDS, DEFINITION("doodads", "Widget", V1)), 201);
    wait_condition(f, "doodads.example.dev", "NamesAccepted", "False");
    assert_non_null(strstr(f->text, "\"ListKindConflict\",\"message\":\"\\\"WidgetList\\\" is "
                                    "already in use\""));
    assert_int_equal(get(f, "/apis/example.dev/v1/doodads"), 404);
    assert_int_equal(call(f, "PATCH", CRDS "/widgets.example.dev", MERGE,
                          "{\"spec\":{\"scope\":\"Cluster\",\"names\":{\"kind\":\"Other\"}}}"),
                     422);
    assert_non_null(strstr(f->text, "spec.scope: Invalid value: \\\"Cluster\\\": field is"));
    assert_int_equal(call(f, "DELETE", CRDS "/widgets.example.dev", NULL, NULL), 200);
    wait_condition(f, "doodads.example.dev", "Established", "True");
    assert_int_equal(get(f, "/apis/example.dev/v1/doodads"), 200);
}

static void test_deleting_takes_the_objects(void **state)
{
    struct fixture *f = *state;
    struct watch w = {0};
    define(f);
    assert_int_equal(post(f, WIDGETS, WIDGET("plain", ",\"spec\":{}")), 201);
    assert_int_equal(
        post(f, WIDGETS,
             "{\"apiVersion\":\"example.dev/v1\",\"kind\":\"Widget\",\"metadata\":{\"name\":"
             "\"held\",\"finalizers\":[\"x/y\"]},\"spec\":{}}"),
        201);
    watch_start(f, &w, WIDGETS "?watch=1");
    assert_int_equal(call(f, "DELETE", CRDS "/widgets.example.dev", NULL, NULL), 200);
    assert_string_equal(text_at(f, "kind"), "CustomResourceDefinition");
    assert_non_null(strstr(f->text, "\"finalizers\":[\"customresourcecleanup.apiextensions.k8s.io"
                                    "\"]"));
    assert_int_equal(int_at(f, "metadata.generation"), 1);
    assert_int_equal(post(f, WIDGETS, WIDGET("late", ",\"spec\":{}")), 405);
    assert_string_equal(text_at(f, "message"),
                        "create not allowed while custom resource definition is terminating");
    wait_gone(f, WIDGETS "/plain");
    assert_int_equal(get(f, CRDS "/widgets.example.dev"), 200);
    assert_non_null(strstr(f->text, "InstanceDeletionInProgress"));
    assert_int_equal(get(f, WIDGETS "/held"), 200);
    assert_int_equal(
        call(f, "PATCH", WIDGETS "/held", MERGE, "{\"metadata\":{\"finalizers\":null}}"), 200);
    wait_gone(f, CRDS "/widgets.example.dev");
    for (int i = 0; i < 200 && !w.ended; i++) {
        moon_loop_turn(f->loop, 10);
    }
    assert_true(w.ended);
    watch_stop(&w);
    assert_int_equal(get(f, "/apis/example.dev/v1"), 404);
    assert_int_equal(get(f, WIDGETS), 404);
    /* And once more: the kind comes back empty. */
    define(f);
    assert_int_equal(get(f, WIDGETS), 200);
    assert_int_equal(items(f), 0);
}

static void test_namespaces_and_owners(void **state)
{
    struct fixture *f = *state;
    define(f);
    assert_int_equal(post(f, "/api/v1/namespaces", "{\"metadata\":{\"name\":\"n\"}}"), 201);
    assert_int_equal(
        post(f, "/apis/example.dev/v1/namespaces/n/widgets", WIDGET("a", ",\"spec\":{}")), 201);
    char owned[512];
    snprintf(owned, sizeof(owned),
             "{\"metadata\":{\"name\":\"m\",\"ownerReferences\":[{\"apiVersion\":\"example.dev/v1\""
             ",\"kind\":\"Widget\",\"name\":\"a\",\"uid\":\"%s\"}]}}",
             text_at(f, "metadata.uid"));
    assert_int_equal(post(f, "/api/v1/namespaces/n/configmaps", owned), 201);
    assert_int_equal(call(f, "DELETE", "/apis/example.dev/v1/namespaces/n/widgets/a", NULL, NULL),
                     200);
    wait_gone(f, "/api/v1/namespaces/n/configmaps/m");
    assert_int_equal(
        post(f, "/apis/example.dev/v1/namespaces/n/widgets", WIDGET("a", ",\"spec\":{}")), 201);
    assert_int_equal(call(f, "DELETE", "/api/v1/namespaces/n", NULL, NULL), 200);
    wait_gone(f, "/api/v1/namespaces/n");
    assert_int_equal(get(f, "/apis/example.dev/v1/namespaces/n/widgets/a"), 404);
}

static void test_openapi(void **state)
{
    struct fixture *f = *state;
    define(f);
    assert_int_equal(get(f, "/openapi/v3"), 200);
    const cJSON *paths = moon_json_get(f->answer, "paths");
    MOON_AUTOFREE char *first = moon_strdup(moon_json_string(
        cJSON_GetObjectItemCaseSensitive(paths, "apis/example.dev/v1"), "serverRelativeURL"));
    assert_non_null(first);
    assert_int_equal(get(f, first), 200);
    assert_non_null(strstr(f->text, "\"dev.example.v1.Widget\":{\"type\":\"object\""));
    assert_non_null(strstr(f->text, "/apis/example.dev/v1/namespaces/{namespace}/widgets/{name}/"
                                    "status"));
    assert_non_null(strstr(f->text, "fieldValidation"));
    /* Another edition of the definition is another document. */
    assert_int_equal(call(f, "PATCH", CRDS "/widgets.example.dev", MERGE,
                          "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}"),
                     200);
    assert_int_equal(get(f, "/openapi/v3"), 200);
    paths = moon_json_get(f->answer, "paths");
    assert_string_not_equal(
        moon_json_string(cJSON_GetObjectItemCaseSensitive(paths, "apis/example.dev/v1"),
                         "serverRelativeURL"),
        first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        API_TEST(test_defining),
        API_TEST(test_refused_definitions),
        API_TEST(test_objects),
        API_TEST(test_changes),
        API_TEST(test_versions),
        API_TEST(test_unserving_a_version),
        API_TEST(test_names_are_taken_once),
        API_TEST(test_deleting_takes_the_objects),
        API_TEST(test_namespaces_and_owners),
        API_TEST(test_openapi),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
