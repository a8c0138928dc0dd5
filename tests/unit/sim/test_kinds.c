/* SPDX-License-Identifier: Apache-2.0
 *
 * test_kinds.c - what is served: discovery, the quiet kinds, versions that share a store.
 */
#include "api_fixture.h"

#define BUDGET                                                                                     \
    "{\"metadata\":{\"name\":\"b\"},\"spec\":{\"minAvailable\":1,\"selector\":{\"matchLabels\":{"  \
    "\"a\":\"b\"}}}}"
#define BUDGETS_V1 "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
#define BUDGETS_BETA "/apis/policy/v1beta1/namespaces/default/poddisruptionbudgets"

/* Everything kube-scheduler and kube-controller-manager 1.20 list. */
static void test_quiet_kinds_are_empty(void **state)
{
    static const struct {
        const char *path;
        const char *list_kind;
    } rows[] = {
        {"/api/v1/persistentvolumes", "PersistentVolumeList"},
        {"/api/v1/persistentvolumeclaims", "PersistentVolumeClaimList"},
        {"/api/v1/replicationcontrollers", "ReplicationControllerList"},
        {"/api/v1/namespaces/default/resourcequotas", "ResourceQuotaList"},
        {"/apis/apps/v1/replicasets", "ReplicaSetList"},
        {"/apis/apps/v1/statefulsets", "StatefulSetList"},
        {"/apis/storage.k8s.io/v1/storageclasses", "StorageClassList"},
        {"/apis/storage.k8s.io/v1/csinodes", "CSINodeList"},
        {"/apis/policy/v1beta1/poddisruptionbudgets", "PodDisruptionBudgetList"},
        {"/apis/rbac.authorization.k8s.io/v1/clusterroles", "ClusterRoleList"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        assert_int_equal(get(f, rows[i].path), 200);
        assert_string_equal(text_at(f, "kind"), rows[i].list_kind);
        assert_int_equal(items(f), 0);
        assert_string_not_equal(text_at(f, "metadata.resourceVersion"), "");
    }
}

static void test_quiet_kinds_take_nothing(void **state)
{
    struct fixture *f = *state;
    struct watch w = {0};
    assert_int_equal(get(f, "/apis/apps/v1/namespaces/default/deployments/d"), 404);
    assert_string_equal(text_at(f, "message"), "deployments.apps \"d\" not found");
    assert_int_equal(post(f, "/apis/apps/v1/namespaces/default/deployments", "{}"), 405);
    assert_non_null(strstr(f->text, "does not play deployments"));
    assert_int_equal(call(f, "PATCH", "/api/v1/persistentvolumes/p", MERGE, "{}"), 405);
    assert_int_equal(call(f, "DELETE", "/api/v1/persistentvolumes", NULL, NULL), 405);
    watch_start(f, &w, "/api/v1/persistentvolumes?watch=1&resourceVersion=1");
    assert_int_equal(moon_sim_api_stats(f->api).open_watches, 1);
    assert_int_equal(w.lines.len, 0);
    watch_stop(&w);
}

/* Of the list in the last answer, the item with this name. */
static const cJSON *named(const struct fixture *f, const char *list, const char *name)
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach (item, cJSON_GetObjectItemCaseSensitive(f->answer, list)) {
        if (moon_streq(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "name")),
                       name)) {
            return item;
        }
    }
    fail_msg("no %s in %s", name, f->text);
    return NULL;
}

static void test_discovery_says_what_can_be_done(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(get(f, "/apis/apps/v1"), 200);
    const cJSON *quiet = cJSON_GetObjectItem(named(f, "resources", "replicasets"), "verbs");
    assert_int_equal(cJSON_GetArraySize(quiet), 3);
    const cJSON *played = cJSON_GetObjectItem(named(f, "resources", "daemonsets"), "verbs");
    assert_int_equal(cJSON_GetArraySize(played), 8);
    assert_int_equal(get(f, "/apis"), 200);
    const cJSON *versions = cJSON_GetObjectItem(named(f, "groups", "policy"), "versions");
    assert_int_equal(cJSON_GetArraySize(versions), 2);
    assert_string_equal(moon_json_string(cJSON_GetArrayItem(versions, 0), "version"), "v1");
    assert_int_equal(get(f, "/apis/policy"), 200);
    assert_string_equal(text_at(f, "preferredVersion.groupVersion"), "policy/v1");
    assert_int_equal(get(f, "/apis/policy/v2"), 404);
}

static void test_versions_share_their_objects(void **state)
{
    struct fixture *f = *state;
    struct watch w = {0};
    watch_start(f, &w, "/apis/policy/v1/poddisruptionbudgets?watch=1");
    assert_int_equal(post(f, BUDGETS_BETA, BUDGET), 201);
    assert_string_equal(text_at(f, "apiVersion"), "policy/v1beta1");
    watch_until(f, &w, "\"apiVersion\":\"policy/v1\"");
    watch_stop(&w);
    assert_int_equal(get(f, BUDGETS_V1 "/b"), 200);
    assert_string_equal(text_at(f, "apiVersion"), "policy/v1");
    assert_int_equal(post(f, BUDGETS_V1, BUDGET), 409);
    assert_int_equal(get(f, BUDGETS_BETA), 200);
    assert_int_equal(items(f), 1);
    assert_int_equal(call(f, "PATCH", BUDGETS_V1 "/b", MERGE, "{\"spec\":{\"minAvailable\":2}}"),
                     200);
    assert_string_equal(text_at(f, "apiVersion"), "policy/v1");
    assert_int_equal(int_at(f, "spec.minAvailable"), 2);
    assert_int_equal(call(f, "DELETE", BUDGETS_V1 "/b", NULL, NULL), 200);
    assert_int_equal(get(f, BUDGETS_BETA "/b"), 404);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        API_TEST(test_quiet_kinds_are_empty),
        API_TEST(test_quiet_kinds_take_nothing),
        API_TEST(test_discovery_says_what_can_be_done),
        API_TEST(test_versions_share_their_objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
