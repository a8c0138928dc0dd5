/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/map.h"
#include "sim/kinds.h"
#include "sim/objdb.h"

struct fixture {
    struct moon_sim_objdb *db;
    const struct moon_sim_kind *pods;
    struct moon_buf seen; /* A p1@1 M p1@2 … */
};

static void note(const struct moon_sim_event *event, void *ctx)
{
    struct fixture *f = ctx;
    static const char letters[] = {'A', 'M', 'D'};
    moon_buf_printf(&f->seen, "%c %s@%llu ", letters[event->type], event->obj->name,
                    (unsigned long long)event->version);
}

static int setup(void **state)
{
    struct fixture *f = moon_new(struct fixture);
    f->seen = MOON_BUF_INIT(4096);
    f->pods = moon_sim_kind_by_name("", "Pod");
    f->db = moon_sim_objdb_new(&(struct moon_sim_objdb_opts){
        .kinds = moon_sim_kind_count(), .history = 4, .on_event = note, .ctx = f});
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    moon_sim_objdb_free(f->db);
    moon_buf_fini(&f->seen);
    moon_free(f);
    return 0;
}

static cJSON *pod_tree(const char *ns, const char *name, const char *owner)
{
    struct moon_err err;
    char text[512];
    snprintf(text, sizeof(text),
             "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"%s\",\"uid\":\"uid-%s\",\"labels\":{"
             "\"a\":\"b\"}%s%s%s},\"spec\":{\"nodeName\":\"n\"}}",
             name, ns, name, owner != NULL ? ",\"ownerReferences\":[{\"uid\":\"" : "",
             owner != NULL ? owner : "", owner != NULL ? "\"}]" : "");
    return moon_sim_tree_parse(moon_str(text), &err);
}

static void put(struct fixture *f, const char *ns, const char *name, const char *owner)
{
    cJSON *tree = pod_tree(ns, name, owner);
    (void)moon_sim_objdb_put(f->db, f->pods, tree);
    cJSON_Delete(tree);
}

static void drop(struct fixture *f, const char *ns, const char *name)
{
    cJSON *tree = moon_sim_obj_tree(moon_sim_objdb_get(f->db, f->pods, ns, name));
    moon_sim_objdb_remove(f->db, f->pods, tree);
    cJSON_Delete(tree);
}

static void test_versions_and_events(void **state)
{
    struct fixture *f = *state;
    put(f, "x", "p1", NULL);
    put(f, "x", "p1", NULL);
    drop(f, "x", "p1");
    assert_string_equal(moon_buf_cstr(&f->seen), "A p1@1 M p1@2 D p1@3 ");
    assert_int_equal(moon_sim_objdb_version(f->db), 3);
    assert_null(moon_sim_objdb_get(f->db, f->pods, "x", "p1"));
    assert_null(moon_sim_objdb_by_uid(f->db, "uid-p1"));
}

static void test_the_text_carries_its_version(void **state)
{
    struct fixture *f = *state;
    put(f, "x", "p1", NULL);
    const struct moon_sim_obj *obj = moon_sim_objdb_get(f->db, f->pods, "x", "p1");
    assert_string_equal(
        obj->text.ptr, "{\"metadata\":{\"name\":\"p1\",\"namespace\":\"x\",\"uid\":\"uid-p1\","
                       "\"resourceVersion\":\"1\",\"labels\":{\"a\":\"b\"}},\"spec\":{\"nodeName\":"
                       "\"n\"}}");
    assert_string_equal(moon_sim_obj_label(obj, "a"), "b");
    assert_null(moon_sim_obj_label(obj, "z"));
    assert_string_equal(obj->node_name, "n");
}

static void test_order_and_namespaces(void **state)
{
    struct fixture *f = *state;
    size_t count = 0;
    put(f, "b", "p2", NULL);
    put(f, "a", "p3", NULL);
    put(f, "b", "p1", NULL);
    put(f, "b-c", "p0", NULL);
    struct moon_sim_obj *const *all = moon_sim_objdb_range(f->db, f->pods, NULL, &count);
    assert_int_equal(count, 4);
    assert_string_equal(all[0]->name, "p3");
    assert_string_equal(all[1]->name, "p1");
    assert_string_equal(all[3]->name, "p0");
    struct moon_sim_obj *const *in_b = moon_sim_objdb_range(f->db, f->pods, "b", &count);
    assert_int_equal(count, 2);
    assert_string_equal(in_b[1]->name, "p2");
    assert_int_equal(moon_sim_objdb_seek(all, 4, "b", "p1a"), 2);
}

static void test_history_is_bounded(void **state)
{
    struct fixture *f = *state;
    uint64_t oldest = 0;
    for (int i = 0; i < 7; i++) {
        put(f, "x", "p1", NULL);
    }
    moon_buf_clear(&f->seen);
    assert_true(moon_sim_objdb_replay(f->db, f->pods, 5, &oldest, note, f));
    assert_string_equal(moon_buf_cstr(&f->seen), "M p1@6 M p1@7 ");
    /* 1 to 3 are forgotten; whoever has seen 3 misses nothing. */
    assert_true(moon_sim_objdb_replay(f->db, f->pods, 3, &oldest, note, f));
    assert_false(moon_sim_objdb_replay(f->db, f->pods, 2, &oldest, note, f));
    assert_int_equal(oldest, 4);
    moon_sim_objdb_compact(f->db);
    assert_false(moon_sim_objdb_replay(f->db, f->pods, 6, &oldest, note, f));
    assert_true(moon_sim_objdb_replay(f->db, f->pods, 7, &oldest, note, f));
}

static void count_one(struct moon_sim_obj *obj, void *ctx)
{
    int *count = ctx;
    (void)obj;
    (*count)++;
}

static int dependents(struct fixture *f, const char *uid)
{
    int count = 0;
    moon_sim_objdb_dependents(f->db, uid, count_one, &count);
    return count;
}

static void test_dependents(void **state)
{
    struct fixture *f = *state;
    put(f, "x", "p1", "o1");
    put(f, "x", "p2", "o1");
    put(f, "x", "p3", "o2");
    assert_int_equal(dependents(f, "o1"), 2);
    put(f, "x", "p1", "o2"); /* changes its owner */
    assert_int_equal(dependents(f, "o1"), 1);
    assert_int_equal(dependents(f, "o2"), 2);
    put(f, "x", "p2", NULL); /* is released */
    drop(f, "x", "p3");
    assert_int_equal(dependents(f, "o1"), 0);
    assert_int_equal(dependents(f, "o2"), 1);
}

static void test_an_old_version_outlives_its_object(void **state)
{
    struct fixture *f = *state;
    put(f, "x", "p1", NULL);
    struct moon_sim_obj *kept = moon_sim_obj_ref(moon_sim_objdb_get(f->db, f->pods, "x", "p1"));
    for (int i = 0; i < 10; i++) {
        put(f, "x", "p1", NULL);
    }
    drop(f, "x", "p1");
    assert_int_equal(kept->version, 1);
    assert_non_null(strstr(kept->text.ptr, "\"resourceVersion\":\"1\""));
    moon_sim_obj_unref(kept);
}

static void test_a_hundred_thousand(void **state)
{
    struct fixture *f = *state;
    size_t count = 0;
    char name[32];
    f->seen.max_bytes = 64;
    for (int i = 0; i < 100000; i++) {
        snprintf(name, sizeof(name), "p%05d", (i * 7919) % 100000);
        put(f, "x", name, "o");
    }
    (void)moon_sim_objdb_range(f->db, f->pods, "x", &count);
    assert_int_equal(count, 100000);
    assert_int_equal(dependents(f, "o"), 100000);
}

/* Large objects that change often do not pile up, however many events are to be kept. */
static void test_history_is_bounded_in_bytes(void **state)
{
    struct moon_err err;
    uint64_t oldest = 0;
    struct moon_buf seen = MOON_BUF_INIT(4096);
    struct moon_sim_objdb *db = moon_sim_objdb_new(&(struct moon_sim_objdb_opts){
        .kinds = moon_sim_kind_count(), .history = 1000, .history_bytes = 10000});
    const struct moon_sim_kind *maps = moon_sim_kind_by_name("", "ConfigMap");
    char text[3100] =
        "{\"metadata\":{\"name\":\"m\",\"namespace\":\"a\",\"uid\":\"u\"},\"data\":{\"a\":\"";
    (void)state;
    memset(text + strlen(text), 'x', 2900);
    memcpy(text + strlen(text), "\"}}", 4);
    for (int i = 0; i < 20; i++) {
        cJSON *tree = moon_sim_tree_parse(moon_str(text), &err);
        assert_non_null(tree);
        (void)moon_sim_objdb_put(db, maps, tree);
        cJSON_Delete(tree);
    }
    struct fixture f = {.db = db, .seen = seen};
    assert_false(moon_sim_objdb_replay(db, maps, 16, &oldest, note, &f));
    assert_int_equal(oldest, 18);
    assert_true(moon_sim_objdb_replay(db, maps, 17, &oldest, note, &f));
    assert_string_equal(moon_buf_cstr(&f.seen), "M m@18 M m@19 M m@20 ");
    moon_buf_fini(&f.seen);
    moon_sim_objdb_free(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_history_is_bounded_in_bytes),
        cmocka_unit_test_setup_teardown(test_versions_and_events, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_text_carries_its_version, setup, teardown),
        cmocka_unit_test_setup_teardown(test_order_and_namespaces, setup, teardown),
        cmocka_unit_test_setup_teardown(test_history_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dependents, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_old_version_outlives_its_object, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_hundred_thousand, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
