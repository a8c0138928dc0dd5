/* SPDX-License-Identifier: Apache-2.0
 *
 * test_apiserver.c - the server as a client meets it, over HTTP. What is expected here was seen on
 * kube-apiserver 1.20.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "api_fixture.h"

#define SET                                                                                        \
    "{\"apiVersion\":\"apps/v1\",\"kind\":\"DaemonSet\",\"metadata\":{\"name\":\"d\"},\"spec\":{"  \
    "\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"template\":{\"metadata\":{\"labels\":{\"a\":"  \
    "\"b\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}"
#define POD(name, rest)                                                                            \
    "{\"metadata\":{\"name\":\"" name "\"" rest                                                    \
    "},\"spec\":{\"nodeName\":\"n\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}"
#define BARE(name, rest) "{\"metadata\":{\"name\":\"" name "\"" rest "}}"
#define SETS "/apis/apps/v1/namespaces/default/daemonsets"
#define PODS "/api/v1/namespaces/default/pods"
#define MAPS "/api/v1/namespaces/default/configmaps"

static int setup_short_history(void **state)
{
    return setup_with(state, &(struct moon_sim_api_opts){.history = 3, .bookmark_interval_ms = 20});
}

/* ---- tests ---- */

static void test_discovery(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(get(f, "/version"), 200);
    assert_string_equal(text_at(f, "major"), "1");
    assert_int_equal(get(f, "/api"), 200);
    assert_string_equal(text_at(f, "kind"), "APIVersions");
    assert_int_equal(get(f, "/apis"), 200);
    assert_string_equal(text_at(f, "kind"), "APIGroupList");
    assert_int_equal(get(f, "/apis/apps/v1"), 200);
    assert_non_null(strstr(f->text, "\"daemonsets/status\""));
    assert_int_equal(get(f, "/openapi/v2"), 200);
    assert_non_null(strstr(f->text, "2.0"));
    assert_int_equal(get(f, "/openapi/v3/apis/apps/v1"), 200);
    assert_non_null(strstr(f->text, "fieldValidation"));
    assert_int_equal(get(f, "/healthz"), 200);
    assert_int_equal(get(f, "/apis/nope/v1/things"), 404);
    assert_string_equal(f->text, "404 page not found\n");
    assert_int_equal(get(f, "/api/v1/nope"), 404);
    assert_string_equal(text_at(f, "reason"), "NotFound");
}

static void test_create_get_conflict(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(post(f, SETS, SET), 201);
    assert_int_equal(int_at(f, "metadata.generation"), 1);
    assert_int_equal(int_at(f, "spec.updateStrategy.rollingUpdate.maxUnavailable"), 1);
    assert_int_equal(post(f, SETS, SET), 409);
    assert_string_equal(text_at(f, "reason"), "AlreadyExists");
    assert_string_equal(text_at(f, "message"), "daemonsets.apps \"d\" already exists");
    assert_int_equal(get(f, SETS "/d"), 200);
    assert_string_equal(text_at(f, "kind"), "DaemonSet");
    assert_int_equal(get(f, SETS "/e"), 404);
    assert_string_equal(text_at(f, "details.group"), "apps");
    assert_int_equal(post(f, "/api/v1/namespaces/nope/pods", POD("p", "")), 404);
    assert_string_equal(text_at(f, "message"), "namespaces \"nope\" not found");
    assert_int_equal(post(f, PODS,
                          "{\"metadata\":{\"generateName\":\"x-\"},\"spec\":{\"containers\":["
                          "{\"name\":\"c\",\"image\":\"i\"}]}}"),
                     201);
    assert_int_equal(strlen(text_at(f, "metadata.name")), 7);
}

static void test_bodies(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(
        call(f, "POST", SETS, "Content-Type: application/vnd.kubernetes.protobuf", "k8s"), 415);
    assert_int_equal(post(f, SETS, "{\"a\":"), 400);
    assert_int_equal(post(f, SETS, "[]"), 400);
    assert_int_equal(post(f, SETS, "{\"kind\":\"Pod\",\"apiVersion\":\"v1\"}"), 400);
    assert_int_equal(call(f, "POST", MAPS, "Content-Type: application/yaml",
                          "metadata: {name: yam}\ndata: {a: b}\n"),
                     201);
    assert_string_equal(text_at(f, "data.a"), "b");
    assert_int_equal(call(f, "GET", SETS, "Accept: application/xml", NULL), 406);
    assert_int_equal(
        call(f, "GET", SETS, "Accept: application/vnd.kubernetes.protobuf,application/json", NULL),
        200);
    assert_int_equal(
        call(f, "PATCH", MAPS "/yam", "Content-Type: application/apply-patch+yaml", "{}"), 415);
    assert_non_null(strstr(text_at(f, "message"), "server-side apply"));
}

static void test_field_validation(void **state)
{
    struct fixture *f = *state;
    static const char body[] = "{\"metadata\":{\"name\":\"m\"},\"dat\":{}}";
    assert_int_equal(post(f, MAPS "?fieldValidation=Strict", body), 400);
    assert_string_equal(text_at(f, "message"),
                        "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict "
                        "decoding error: unknown field \"dat\"");
    assert_int_equal(post(f, MAPS "?fieldValidation=Foo", body), 422);
    assert_int_equal(post(f, SETS, SET), 201);
    assert_int_equal(call(f, "PATCH", SETS "/d", MERGE, "{\"spec\":{\"minReadySeconds\":\"x\"}}"),
                     422);
    assert_non_null(strstr(text_at(f, "message"), "json: cannot unmarshal string into Go struct"));
    assert_int_equal(post(f, MAPS "?fieldValidation=Ignore", body), 201);
    assert_null(strstr(f->text, "\"dat\""));
}

static void test_generation_counts_spec(void **state)
{
    struct fixture *f = *state;
    static const char generation[] = "deprecated.daemonset.template.generation";
    post(f, SETS, SET);
    call(f, "PATCH", SETS "/d", MERGE, "{\"metadata\":{\"labels\":{\"x\":\"y\"}}}");
    assert_int_equal(int_at(f, "metadata.generation"), 1);
    call(f, "PATCH", SETS "/d", MERGE, "{\"spec\":{\"minReadySeconds\":5}}");
    assert_int_equal(int_at(f, "metadata.generation"), 2);
    call(
        f, "PATCH", SETS "/d", STRATEGIC,
        "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"j\"}]}}}}");
    assert_int_equal(int_at(f, "metadata.generation"), 3);
    const cJSON *annotations = moon_json_get(f->answer, "metadata.annotations");
    assert_string_equal(cJSON_GetStringValue(moon_json_member(annotations, generation)), "2");
    /* The annotation is the server's. */
    call(f, "PATCH", SETS "/d", MERGE,
         "{\"metadata\":{\"annotations\":{\"deprecated.daemonset.template.generation\":\"9\"}}}");
    annotations = moon_json_get(f->answer, "metadata.annotations");
    assert_string_equal(cJSON_GetStringValue(moon_json_member(annotations, generation)), "2");
}

static void test_status_is_apart(void **state)
{
    struct fixture *f = *state;
    post(f, SETS, SET);
    call(f, "PATCH", SETS "/d", MERGE, "{\"status\":{\"numberReady\":5}}");
    assert_int_equal(int_at(f, "status.numberReady"), 0);
    assert_int_equal(call(f, "PATCH", SETS "/d/status", MERGE,
                          "{\"status\":{\"numberReady\":5},\"spec\":{\"minReadySeconds\":9}}"),
                     200);
    assert_int_equal(int_at(f, "status.numberReady"), 5);
    assert_int_equal(int_at(f, "metadata.generation"), 1);
    assert_null(moon_json_get(f->answer, "spec.minReadySeconds"));
    assert_int_equal(call(f, "PATCH", SETS "/d/status", MERGE, "{\"status\":{\"numberReady\":-1}}"),
                     422);
}

static void test_versions_and_preconditions(void **state)
{
    struct fixture *f = *state;
    char body[256];
    post(f, MAPS, BARE("m", ""));
    char *version = moon_strdup(text_at(f, "metadata.resourceVersion"));
    /* What changes nothing writes nothing. */
    call(f, "PATCH", MAPS "/m", MERGE, "{\"data\":null}");
    assert_string_equal(text_at(f, "metadata.resourceVersion"), version);
    call(f, "PATCH", MAPS "/m", MERGE, "{\"data\":{\"a\":\"b\"}}");
    assert_string_not_equal(text_at(f, "metadata.resourceVersion"), version);
    snprintf(body, sizeof(body), "{\"metadata\":{\"name\":\"m\",\"resourceVersion\":\"%s\"}}",
             version);
    assert_int_equal(call(f, "PUT", MAPS "/m", JSON, body), 409);
    assert_string_equal(text_at(f, "reason"), "Conflict");
    assert_non_null(strstr(text_at(f, "message"), "the object has been modified"));
    assert_int_equal(call(f, "PUT", MAPS "/m", JSON, BARE("m", ",\"uid\":\"other\"")), 409);
    assert_int_equal(call(f, "PATCH", MAPS "/m", MERGE, "{\"metadata\":{\"uid\":\"other\"}}"), 422);
    assert_int_equal(call(f, "PUT", MAPS "/m", JSON, BARE("n", "")), 400);
    assert_int_equal(call(f, "PUT", MAPS "/n", JSON, BARE("n", "")), 404);
    assert_int_equal(call(f, "DELETE", MAPS "/m", JSON, "{\"preconditions\":{\"uid\":\"other\"}}"),
                     409);
    assert_int_equal(call(f, "DELETE", MAPS "/m", NULL, NULL), 200);
    assert_string_equal(text_at(f, "status"), "Success");
    moon_free(version);
}

/* Also when the object was last written by somebody who named no version. */
static void test_written_back_is_unchanged(void **state)
{
    struct fixture *f = *state;
    post(f, MAPS, BARE("m", ""));
    assert_int_equal(call(f, "PUT", MAPS "/m", JSON, BARE("m", ",\"labels\":{\"a\":\"b\"}")), 200);
    get(f, MAPS "/m");
    char *version = moon_strdup(text_at(f, "metadata.resourceVersion"));
    char *object = moon_strdup(f->text);
    assert_int_equal(call(f, "PUT", MAPS "/m", JSON, object), 200);
    assert_string_equal(text_at(f, "metadata.resourceVersion"), version);
    moon_free(version);
    moon_free(object);
}

/* What nobody could read again is not stored. */
static void test_depth_is_bounded(void **state)
{
    struct fixture *f = *state;
    char body[512] = "{\"metadata\":{\"name\":\"r\"},\"revision\":1,\"data\":";
    char *end = body + strlen(body);
    for (int i = 0; i < 95; i++) {
        *end++ = '[';
    }
    for (int i = 0; i < 95; i++) {
        *end++ = ']';
    }
    *end++ = '}';
    *end = '\0';
    assert_int_equal(post(f, "/apis/apps/v1/namespaces/default/controllerrevisions", body), 400);
    assert_non_null(strstr(text_at(f, "message"), "exceeded max depth"));
}

static void test_dry_run_leaves_no_trace(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(post(f, SETS "?dryRun=All", SET), 201);
    assert_int_equal(get(f, SETS "/d"), 404);
    post(f, SETS, SET);
    call(f, "PATCH", SETS "/d?dryRun=All", MERGE, "{\"spec\":{\"minReadySeconds\":5}}");
    assert_int_equal(int_at(f, "spec.minReadySeconds"), 5);
    assert_int_equal(call(f, "DELETE", SETS "/d?dryRun=All", NULL, NULL), 200);
    get(f, SETS "/d");
    assert_int_equal(int_at(f, "spec.minReadySeconds"), -1);
    assert_int_equal(post(f, SETS "?dryRun=Some", SET), 422);
}

static void test_big_numbers_survive(void **state)
{
    struct fixture *f = *state;
    static const char data[] = "{\"f\":1.0,\"n\":9007199254740993,\"s\":\"a\\u0000b\"}";
    char body[256];
    snprintf(body, sizeof(body), "{\"metadata\":{\"name\":\"r\"},\"revision\":1,\"data\":%s}",
             data);
    assert_int_equal(post(f, "/apis/apps/v1/namespaces/default/controllerrevisions", body), 201);
    assert_non_null(strstr(f->text, data));
    call(f, "PATCH", "/apis/apps/v1/namespaces/default/controllerrevisions/r", MERGE,
         "{\"revision\":7}");
    assert_non_null(strstr(f->text, data));
    assert_int_equal(int_at(f, "revision"), 7);
}

/* Revision data is immutable byte by byte, and a strategic patch sorts its keys: so a revision with
 * unsorted data takes no such patch any more; others leave alone what they do not touch. */
static void test_unsorted_revision_data(void **state)
{
    struct fixture *f = *state;
    static const char path[] = "/apis/apps/v1/namespaces/default/controllerrevisions/r";
    post(f, "/apis/apps/v1/namespaces/default/controllerrevisions",
         "{\"metadata\":{\"name\":\"r\"},\"revision\":1,\"data\":{\"z\":1,\"a\":2}}");
    assert_int_equal(call(f, "PATCH", path, STRATEGIC, "{\"revision\":7}"), 422);
    assert_int_equal(call(f, "PATCH", path, MERGE, "{\"revision\":7}"), 200);
    assert_int_equal(call(f, "PUT", path, JSON,
                          "{\"metadata\":{\"name\":\"r\"},\"revision\":7,\"data\":{\"z\":1,"
                          "\"a\":2}}"),
                     200);
}

static void test_pods_leave_gracefully(void **state)
{
    struct fixture *f = *state;
    post(f, PODS, POD("p", ""));
    assert_int_equal(call(f, "DELETE", PODS "/p", NULL, NULL), 200);
    assert_int_equal(int_at(f, "metadata.deletionGracePeriodSeconds"), 30);
    call(f, "DELETE", PODS "/p", JSON, "{\"gracePeriodSeconds\":5}");
    assert_int_equal(int_at(f, "metadata.deletionGracePeriodSeconds"), 5);
    assert_int_equal(call(f, "DELETE", PODS "/p?gracePeriodSeconds=0", NULL, NULL), 200);
    assert_int_equal(get(f, PODS "/p"), 404);
    /* Not on a node: goes at once. */
    post(f, PODS,
         "{\"metadata\":{\"name\":\"q\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":"
         "\"i\"}]}}");
    call(f, "DELETE", PODS "/q", NULL, NULL);
    assert_int_equal(get(f, PODS "/q"), 404);
}

static void test_finalizers(void **state)
{
    struct fixture *f = *state;
    post(f, MAPS, BARE("m", ",\"finalizers\":[\"a/b\"]"));
    assert_int_equal(call(f, "DELETE", MAPS "/m", NULL, NULL), 200);
    assert_string_not_equal(text_at(f, "metadata.deletionTimestamp"), "");
    assert_int_equal(
        call(f, "PATCH", MAPS "/m", MERGE, "{\"metadata\":{\"finalizers\":[\"a/b\",\"c/d\"]}}"),
        422);
    assert_int_equal(call(f, "PATCH", MAPS "/m", MERGE, "{\"metadata\":{\"finalizers\":null}}"),
                     200);
    assert_int_equal(get(f, MAPS "/m"), 404);
}

/* A set with one pod, and its uid in the pod's reference. */
static void create_family(struct fixture *f)
{
    char body[512];
    post(f, SETS, SET);
    snprintf(
        body, sizeof(body),
        "{\"metadata\":{\"name\":\"p\",\"ownerReferences\":[{\"apiVersion\":\"apps/v1\",\"kind\":"
        "\"DaemonSet\",\"name\":\"d\",\"uid\":\"%s\",\"controller\":true,\"blockOwnerDeletion\":"
        "true}]},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}",
        text_at(f, "metadata.uid"));
    assert_int_equal(post(f, PODS, body), 201);
}

static void test_background_deletion(void **state)
{
    struct fixture *f = *state;
    create_family(f);
    call(f, "DELETE", SETS "/d", JSON, "{\"propagationPolicy\":\"Background\"}");
    assert_int_equal(get(f, SETS "/d"), 404);
    wait_gone(f, PODS "/p");
}

static void test_foreground_deletion(void **state)
{
    struct fixture *f = *state;
    create_family(f);
    call(f, "PATCH", PODS "/p", MERGE, "{\"metadata\":{\"finalizers\":[\"hold/on\"]}}");
    call(f, "DELETE", SETS "/d", JSON, "{\"propagationPolicy\":\"Foreground\"}");
    assert_non_null(strstr(f->text, "foregroundDeletion"));
    get(f, PODS "/p");
    for (int i = 0; i < 500 && text_at(f, "metadata.deletionTimestamp")[0] == '\0'; i++) {
        moon_loop_turn(f->loop, 5);
        get(f, PODS "/p");
    }
    /* The set waits for its pod. */
    assert_int_equal(get(f, SETS "/d"), 200);
    call(f, "PATCH", PODS "/p", MERGE, "{\"metadata\":{\"finalizers\":null}}");
    wait_gone(f, SETS "/d");
    assert_int_equal(get(f, PODS "/p"), 404);
}

static void test_orphaning(void **state)
{
    struct fixture *f = *state;
    create_family(f);
    call(f, "DELETE", SETS "/d", JSON, "{\"propagationPolicy\":\"Orphan\"}");
    wait_gone(f, SETS "/d");
    assert_int_equal(get(f, PODS "/p"), 200);
    assert_null(moon_json_get(f->answer, "metadata.ownerReferences"));
}

static void test_namespace_deletion(void **state)
{
    struct fixture *f = *state;
    post(f, "/api/v1/namespaces", BARE("ns", ""));
    post(f, "/api/v1/namespaces/ns/pods", POD("p", ""));
    assert_int_equal(call(f, "DELETE", "/api/v1/namespaces/ns", NULL, NULL), 200);
    assert_string_equal(text_at(f, "status.phase"), "Terminating");
    assert_int_equal(post(f, "/api/v1/namespaces/ns/configmaps", BARE("m", "")), 403);
    assert_non_null(strstr(f->text, "NamespaceTerminating"));
    /* The pod has its grace period; whoever plays the kubelet ends it. */
    call(f, "DELETE", "/api/v1/namespaces/ns/pods/p?gracePeriodSeconds=0", NULL, NULL);
    wait_gone(f, "/api/v1/namespaces/ns");
}

static void test_lists_and_pages(void **state)
{
    struct fixture *f = *state;
    char path[256];
    char body[128];
    for (int i = 0; i < 5; i++) {
        snprintf(body, sizeof(body), "{\"metadata\":{\"name\":\"m%d\",\"labels\":{\"n\":\"%d\"}}}",
                 i, i % 2);
        post(f, MAPS, body);
    }
    get(f, MAPS "?labelSelector=n%3D1");
    assert_int_equal(items(f), 2);
    get(f, MAPS "?fieldSelector=metadata.name%21%3Dm0");
    assert_int_equal(items(f), 4);
    assert_int_equal(get(f, MAPS "?labelSelector=a%3D%3D%3D"), 400);
    get(f, MAPS "?limit=2");
    assert_int_equal(items(f), 2);
    assert_int_equal(int_at(f, "metadata.remainingItemCount"), 3);
    char *version = moon_strdup(text_at(f, "metadata.resourceVersion"));
    char *token = moon_strdup(text_at(f, "metadata.continue"));
    /* The rest is as it was when the list began. */
    call(f, "DELETE", MAPS "/m3", NULL, NULL);
    post(f, MAPS, BARE("m9", ""));
    snprintf(path, sizeof(path), MAPS "?limit=10&continue=%s", token);
    assert_int_equal(get(f, path), 200);
    assert_int_equal(items(f), 3);
    assert_string_equal(text_at(f, "metadata.resourceVersion"), version);
    /* A token is for its own list. */
    snprintf(path, sizeof(path), "/api/v1/configmaps?continue=%s", token);
    assert_int_equal(get(f, path), 410);
    snprintf(path, sizeof(path), PODS "?continue=%s", token);
    assert_int_equal(get(f, path), 410);
    snprintf(path, sizeof(path), MAPS "?limit=10&continue=%s", token);
    moon_sim_api_compact(f->api);
    assert_int_equal(get(f, path), 410);
    assert_string_equal(text_at(f, "reason"), "Expired");
    snprintf(path, sizeof(path), MAPS "?continue=%s", text_at(f, "metadata.continue"));
    assert_int_equal(get(f, path), 200);
    assert_int_equal(items(f), 3); /* m2, m4 and m9 */
    assert_int_equal(get(f, MAPS "?continue=garbage"), 400);
    assert_int_equal(get(f, MAPS "?resourceVersion=99999"), 504);
    moon_free(version);
    moon_free(token);
}

static void test_tables(void **state)
{
    struct fixture *f = *state;
    post(f, SETS, SET);
    assert_int_equal(call(f, "GET", SETS, TABLE, NULL), 200);
    assert_string_equal(text_at(f, "kind"), "Table");
    assert_int_equal(cJSON_GetArraySize(moon_json_get(f->answer, "rows")), 1);
    assert_int_equal(cJSON_GetArraySize(moon_json_get(f->answer, "columnDefinitions")), 11);
    call(f, "GET", SETS "/d",
         "Accept: application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io", NULL);
    assert_string_equal(text_at(f, "kind"), "PartialObjectMetadata");
    assert_null(moon_json_get(f->answer, "spec"));
}

static void test_delete_collection(void **state)
{
    struct fixture *f = *state;
    post(f, MAPS, BARE("a", ",\"labels\":{\"x\":\"1\"}"));
    post(f, MAPS, BARE("b", ",\"labels\":{\"x\":\"2\"}"));
    assert_int_equal(call(f, "DELETE", MAPS "?labelSelector=x%3D1", NULL, NULL), 200);
    assert_int_equal(items(f), 1);
    get(f, MAPS);
    assert_int_equal(items(f), 1);
    assert_int_equal(get(f, MAPS "/a"), 404);
}

static void test_binding_and_eviction(void **state)
{
    struct fixture *f = *state;
    static const char binding[] =
        "{\"metadata\":{\"name\":\"q\"},\"target\":{\"kind\":\"Node\",\"name\":\"n7\"}}";
    post(f, PODS,
         "{\"metadata\":{\"name\":\"q\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":"
         "\"i\"}]}}");
    assert_int_equal(post(f, PODS "/q/binding", binding), 201);
    get(f, PODS "/q");
    assert_string_equal(text_at(f, "spec.nodeName"), "n7");
    assert_non_null(strstr(f->text, "PodScheduled"));
    assert_int_equal(post(f, PODS "/q/binding", binding), 409);
    assert_int_equal(
        post(f, PODS "/q/eviction",
             "{\"apiVersion\":\"policy/v1\",\"kind\":\"Eviction\",\"metadata\":{\"name\":"
             "\"q\"}}"),
        201);
    get(f, PODS "/q");
    assert_string_not_equal(text_at(f, "metadata.deletionTimestamp"), "");
    assert_int_equal(get(f, PODS "/q/log"), 405);
}

static void test_watch_follows(void **state)
{
    struct fixture *f = *state;
    struct watch w = {0};
    char types[64];
    post(f, MAPS, BARE("old", ""));
    watch_start(f, &w, MAPS "?watch=true");
    watch_until(f, &w, "\"name\":\"old\"");
    post(f, MAPS, BARE("new", ""));
    call(f, "PATCH", MAPS "/new", MERGE, "{\"data\":{\"a\":\"b\"}}");
    call(f, "DELETE", MAPS "/new", NULL, NULL);
    post(f, "/api/v1/namespaces/kube-system/configmaps", BARE("elsewhere", ""));
    watch_until(f, &w, "DELETED");
    assert_string_equal(watch_types(&w, types), "AAMD");
    assert_null(strstr(moon_buf_cstr(&w.lines), "elsewhere"));
    watch_stop(&w);
}

static void test_watch_with_a_selector(void **state)
{
    struct fixture *f = *state;
    struct watch w = {0};
    char types[64];
    watch_start(f, &w, MAPS "?watch=true&labelSelector=in%3Dyes");
    post(f, MAPS, BARE("m", ""));
    call(f, "PATCH", MAPS "/m", MERGE, "{\"metadata\":{\"labels\":{\"in\":\"yes\"}}}");
    call(f, "PATCH", MAPS "/m", MERGE, "{\"data\":{\"a\":\"b\"}}");
    call(f, "PATCH", MAPS "/m", MERGE, "{\"metadata\":{\"labels\":null}}");
    watch_until(f, &w, "DELETED");
    assert_string_equal(watch_types(&w, types), "AMD");
    watch_stop(&w);
}

static void test_watch_history_and_bookmarks(void **state)
{
    struct fixture *f = *state;
    struct watch w = {0};
    char path[128];
    char types[64];
    post(f, MAPS, BARE("m", ""));
    char *first = moon_strdup(text_at(f, "metadata.resourceVersion"));
    for (int i = 0; i < 3; i++) {
        char body[64];
        snprintf(body, sizeof(body), "{\"data\":{\"a\":\"%d\"}}", i);
        call(f, "PATCH", MAPS "/m", MERGE, body);
    }
    /* History holds three events: from the first version on all is known. */
    snprintf(path, sizeof(path), MAPS "?watch=1&allowWatchBookmarks=true&resourceVersion=%s",
             first);
    watch_start(f, &w, path);
    watch_until(f, &w, "BOOKMARK");
    assert_true(moon_str_starts(moon_str(watch_types(&w, types)), "MMMB"));
    watch_stop(&w);
    call(f, "PATCH", MAPS "/m", MERGE, "{\"data\":{\"a\":\"9\"}}");
    w = (struct watch){0};
    watch_start(f, &w, path);
    watch_until(f, &w, "\"code\":410");
    assert_non_null(strstr(moon_buf_cstr(&w.lines), "too old resource version"));
    watch_stop(&w);
    moon_free(first);
}

static void test_watch_ends_in_time(void **state)
{
    struct fixture *f = *state;
    struct watch w = {0};
    watch_start(f, &w, MAPS "?watch=1&timeoutSeconds=1");
    for (int i = 0; i < 300 && !w.ended; i++) {
        moon_loop_turn(f->loop, 20);
    }
    assert_true(w.ended);
    watch_stop(&w);
    for (int i = 0; i < 50 && moon_sim_api_stats(f->api).open_watches > 0; i++) {
        moon_loop_turn(f->loop, 20);
    }
    assert_int_equal(moon_sim_api_stats(f->api).open_watches, 0);
}

/* Freed with a watch open and a collection pending. */
static void test_free_in_the_middle(void **state)
{
    struct fixture *f = *state;
    struct watch w = {0};
    create_family(f);
    watch_start(f, &w, PODS "?watch=1");
    watch_until(f, &w, "ADDED");
    call(f, "DELETE", SETS "/d", NULL, NULL);
    watch_stop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        API_TEST(test_discovery),
        API_TEST(test_create_get_conflict),
        API_TEST(test_bodies),
        API_TEST(test_field_validation),
        API_TEST(test_generation_counts_spec),
        API_TEST(test_status_is_apart),
        API_TEST(test_versions_and_preconditions),
        API_TEST(test_written_back_is_unchanged),
        API_TEST(test_depth_is_bounded),
        API_TEST(test_dry_run_leaves_no_trace),
        API_TEST(test_big_numbers_survive),
        API_TEST(test_unsorted_revision_data),
        API_TEST(test_pods_leave_gracefully),
        API_TEST(test_finalizers),
        API_TEST(test_background_deletion),
        API_TEST(test_foreground_deletion),
        API_TEST(test_orphaning),
        API_TEST(test_namespace_deletion),
        API_TEST(test_lists_and_pages),
        API_TEST(test_tables),
        API_TEST(test_delete_collection),
        API_TEST(test_binding_and_eviction),
        API_TEST(test_watch_follows),
        API_TEST(test_watch_with_a_selector),
        cmocka_unit_test_setup_teardown(test_watch_history_and_bookmarks, setup_short_history,
                                        teardown),
        API_TEST(test_watch_ends_in_time),
        API_TEST(test_free_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
