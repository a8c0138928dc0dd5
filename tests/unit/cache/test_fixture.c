/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "cache/fixture.h"
#include "kube/daemonset.h"
#include "kube/node.h"
#include "kube/pod.h"

enum {
    NODES,
    PODS,
    SETS,
    STORES
};

static void open_stores(struct moon_store **stores)
{
    static const struct moon_kind *const kinds[] = {&moon_kind_node, &moon_kind_pod,
                                                    &moon_kind_daemonset};
    for (size_t i = 0; i < STORES; i++) {
        stores[i] = moon_store_new(&(struct moon_store_opts){.kind = kinds[i]});
    }
}

static void close_stores(struct moon_store **stores)
{
    for (size_t i = 0; i < STORES; i++) {
        moon_store_free(stores[i]);
    }
    assert_int_equal(moon_intern_count(), 0);
}

static int load(struct moon_store **stores, const char *text, bool ignore_others,
                struct moon_err *err)
{
    MOON_AUTOJSON *json = moon_json_parse(moon_str(text), err);
    assert_non_null(json);
    return moon_fixture_load(stores, STORES, json, ignore_others, err);
}

#define NODE "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"n\"}}"
#define SET                                                                                        \
    "{\"apiVersion\":\"apps/v1\",\"kind\":\"DaemonSet\",\"metadata\":{\"name\":\"agent\"},"        \
    "\"spec\":{\"selector\":{},\"template\":{\"spec\":{\"x\":null,\"containers\":[]}}}}"
#define OWNED_POD                                                                                  \
    "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"agent-1\","                  \
    "\"ownerReferences\":[{\"kind\":\"DaemonSet\",\"name\":\"agent\",\"controller\":true}]}}"

static void what_is_left_out_is_made_up(void **state)
{
    struct moon_store *stores[STORES];
    struct moon_err err;
    (void)state;
    open_stores(stores);
    assert_int_equal(load(stores, "[" OWNED_POD ",null," NODE "," SET "]", false, &err), 0);

    const struct moon_object *node = moon_store_get(stores[NODES], NULL, "n");
    const struct moon_object *pod = moon_store_get(stores[PODS], "default", "agent-1");
    const struct moon_object *set = moon_store_get(stores[SETS], "default", "agent");
    assert_string_equal(node->uid, "made-up:Node//n");
    assert_string_equal(set->uid, "made-up:DaemonSet/default/agent");
    assert_ptr_equal(pod->controller.uid, set->uid);
    assert_int_equal(node->version, 1);
    assert_string_equal(moon_daemonset(set)->template, "{\"spec\":{\"x\":null,\"containers\":[]}}");
    for (size_t i = 0; i < STORES; i++) {
        assert_true(moon_store_is_synced(stores[i]));
    }
    close_stores(stores);
}

static void what_is_given_stays(void **state)
{
    static const char text[] =
        "[{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\",\"namespace\":\"x\","
        "\"uid\":\"pu\",\"resourceVersion\":\"77\",\"ownerReferences\":[{\"kind\":\"DaemonSet\","
        "\"name\":\"s\",\"controller\":true},{\"kind\":\"Y\",\"name\":\"y\",\"uid\":\"yu\"}]}},"
        "{\"apiVersion\":\"apps/v1\",\"kind\":\"DaemonSet\",\"metadata\":{\"name\":\"s\","
        "\"namespace\":\"x\",\"uid\":\"su\"},\"spec\":{\"template\":{}}}]";
    struct moon_store *stores[STORES];
    struct moon_err err;
    (void)state;
    open_stores(stores);
    assert_int_equal(load(stores, text, false, &err), 0);
    const struct moon_object *pod = moon_store_get(stores[PODS], "x", "p");
    assert_string_equal(pod->uid, "pu");
    assert_int_equal(pod->version, 77);
    assert_string_equal(pod->controller.uid, "su"); /* the set's, though it comes later */
    assert_int_equal(moon_store_position(stores[PODS]), 77);
    close_stores(stores);
}

static void lists_of_all_shapes_are_entered(void **state)
{
    static const char *const texts[] = {
        NODE,
        "[" NODE "]",
        "[[" NODE "]]",
        "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[" NODE "]}",
        "{\"apiVersion\":\"v1\",\"kind\":\"NodeList\",\"items\":[{\"metadata\":{\"name\":\"n\"}}]}",
        "{\"apiVersion\":\"v1\",\"kind\":\"NodeList\",\"metadata\":{},\"items\":null}",
    };
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(texts); i++) {
        struct moon_store *stores[STORES];
        struct moon_err err;
        open_stores(stores);
        assert_int_equal(load(stores, texts[i], false, &err), 0);
        assert_int_equal(moon_store_count(stores[NODES]), i < 5 ? 1 : 0);
        close_stores(stores);
    }
}

static void a_load_replaces_the_one_before(void **state)
{
    struct moon_store *stores[STORES];
    struct moon_err err;
    (void)state;
    open_stores(stores);
    assert_int_equal(load(stores, "[" NODE "," SET "]", false, &err), 0);
    assert_int_equal(load(stores,
                          "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"n\"},"
                          "\"spec\":{\"unschedulable\":true}}",
                          false, &err),
                     0);
    assert_true(moon_node(moon_store_get(stores[NODES], NULL, "n"))->unschedulable);
    assert_int_equal(moon_store_count(stores[SETS]), 0);
    close_stores(stores);
}

static void errors_say_where_and_change_nothing(void **state)
{
    static const struct {
        const char *text;
        const char *error;
    } rows[] = {
        {"[" NODE ",{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"s\"}}]",
         "document [1]: v1 Secret \"s\" is of a kind that has no place here"},
        {"[{\"apiVersion\":\"v2\",\"kind\":\"Node\"}]",
         "document [0]: v2 Node \"\" is of a kind that has no place here"},
        {"[" NODE ",{\"kind\":\"Node\"}]", "document [1]: not an object with apiVersion and kind"},
        {"[" NODE ",7]", "document [1]: not an object with apiVersion and kind"},
        {"7", "not an object with apiVersion and kind"},
        {"{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[" NODE
         ",{\"apiVersion\":\"v1\",\"kind\":\"Pod\"}]}",
         "document .items[1]: Pod: metadata.name is missing"},
        {"{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":{}}", "items: not an array"},
        {"[" NODE "," NODE "]", "document [1]: Node//n is there twice"},
        {"[" NODE ",{\"apiVersion\":\"apps/v1\",\"kind\":\"DaemonSet\",\"metadata\":{\"name\":"
         "\"s\"}}]",
         "DaemonSet default/s: spec.template is missing"},
    };
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct moon_store *stores[STORES];
        struct moon_err err;
        open_stores(stores);
        assert_int_equal(load(stores, rows[i].text, false, &err), -MOON_E_INVALID);
        assert_string_equal(err.text, rows[i].error);
        assert_int_equal(moon_store_count(stores[NODES]), 0);
        assert_false(moon_store_is_synced(stores[NODES]));
        close_stores(stores);
    }
}

static void others_may_be_ignored(void **state)
{
    struct moon_store *stores[STORES];
    struct moon_err err;
    (void)state;
    open_stores(stores);
    assert_int_equal(
        load(stores, "[{\"apiVersion\":\"v1\",\"kind\":\"Secret\"}," NODE "]", true, &err), 0);
    assert_int_equal(moon_store_count(stores[NODES]), 1);
    close_stores(stores);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_out_is_made_up),
        cmocka_unit_test(what_is_given_stays),
        cmocka_unit_test(lists_of_all_shapes_are_entered),
        cmocka_unit_test(a_load_replaces_the_one_before),
        cmocka_unit_test(errors_say_where_and_change_nothing),
        cmocka_unit_test(others_may_be_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
