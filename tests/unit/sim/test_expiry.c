/* SPDX-License-Identifier: Apache-2.0
 *
 * test_expiry.c - Events go an hour after their last write; nothing else does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/api_priv.h"

enum {
    MINUTE_MS = 60 * 1000
};

static void create(struct moon_sim_api *api, const char *kind, const char *json)
{
    struct moon_err err;
    struct moon_sim_status st = {0};
    const struct moon_sim_write w = {.api = api, .kind = moon_sim_kind_by_name("", kind)};
    cJSON *tree = moon_sim_tree_parse(moon_str(json), &err);
    assert_non_null(tree);
    moon_sim_normalise(api, w.kind, tree);
    assert_int_equal(moon_sim_create(&w, "default", tree, &st), 0);
    cJSON_Delete(tree);
}

static void touch(struct moon_sim_api *api, const char *name)
{
    const struct moon_sim_kind *kind = moon_sim_kind_by_name("", "Event");
    cJSON *tree = moon_sim_obj_tree(moon_sim_objdb_get(api->db, kind, "default", name));
    (void)moon_sim_objdb_put(api->db, kind, tree);
    cJSON_Delete(tree);
}

static bool is_there(struct moon_sim_api *api, const char *kind, const char *name)
{
    return moon_sim_objdb_get(api->db, moon_sim_kind_by_name("", kind), "default", name) != NULL;
}

#define EVENT(name)                                                                                \
    "{\"metadata\":{\"name\":\"" name "\"},\"involvedObject\":{\"kind\":\"Pod\",\"name\":\"p\","   \
    "\"namespace\":\"default\"},\"reason\":\"R\",\"type\":\"Normal\"}"

static void test_events_live_an_hour(void **state)
{
    struct moon_err err;
    struct moon_loop *loop = moon_loop_new(&(struct moon_loop_opts){.virtual_clock = true}, &err);
    struct moon_sim_api *api = moon_sim_api_new(loop, NULL, &err);
    (void)state;
    assert_non_null(api);
    create(api, "Event", EVENT("once"));
    create(api, "Event", EVENT("again"));
    create(api, "ConfigMap", "{\"metadata\":{\"name\":\"m\"}}");
    moon_loop_advance(loop, 40 * MINUTE_MS);
    touch(api, "again");
    moon_loop_advance(loop, 20 * MINUTE_MS);
    assert_true(is_there(api, "Event", "once"));
    moon_loop_advance(loop, 2 * MINUTE_MS);
    assert_false(is_there(api, "Event", "once"));
    assert_true(is_there(api, "Event", "again"));
    moon_loop_advance(loop, 40 * MINUTE_MS);
    assert_false(is_there(api, "Event", "again"));
    assert_true(is_there(api, "ConfigMap", "m"));
    moon_sim_api_free(api);
    moon_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events_live_an_hour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
