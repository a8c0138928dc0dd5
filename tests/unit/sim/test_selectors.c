/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/kinds.h"
#include "sim/selectors.h"

static const char POD[] =
    "{\"metadata\":{\"name\":\"p\",\"namespace\":\"ns\",\"uid\":\"u\",\"labels\":{\"app\":\"web\","
    "\"tier\":\"front\",\"n\":\"5\"}},\"spec\":{\"nodeName\":\"n1\",\"restartPolicy\":\"Always\"},"
    "\"status\":{\"phase\":\"Running\"}}";

struct row {
    const char *labels;
    const char *fields;
    int want; /* 1 matches, 0 does not, -1 is refused */
};

static const struct row rows[] = {
    {"", "", 1},
    {"app=web", NULL, 1},
    {"app==web", NULL, 1},
    {"app=api", NULL, 0},
    {"app!=api", NULL, 1},
    {"other!=x", NULL, 1},
    {"app", NULL, 1},
    {"!app", NULL, 0},
    {"!other", NULL, 1},
    {"app in (web, api)", NULL, 1},
    {"app in (api)", NULL, 0},
    {"app notin (api,db)", NULL, 1},
    {"other notin (api)", NULL, 1},
    {"other in (api)", NULL, 0},
    {"n>4,n<6", NULL, 1},
    {"n>5", NULL, 0},
    {"app=web,tier=front", NULL, 1},
    {"app=web,tier=back", NULL, 0},
    {"other=", NULL, 0},
    {"a==b==c", NULL, -1},
    {"app in web", NULL, -1},
    {"app in (web", NULL, -1},
    {"app=web,", NULL, -1},
    {",", NULL, -1},
    {"-x=y", NULL, -1},
    {"x=y z", NULL, -1},
    {"n>x", NULL, -1},
    {NULL, "metadata.name=p", 1},
    {NULL, "metadata.name==q", 0},
    {NULL, "metadata.name!=q,metadata.namespace=ns", 1},
    {NULL, "spec.nodeName=n1,status.phase!=Failed", 1},
    {NULL, "spec.nodeName=", 0},
    {NULL, "spec.restartPolicy=Always", 1},
    {NULL, "status.nominatedNodeName=", 1},
    {NULL, "spec.foo=bar", -1},
    {NULL, "metadata.name", -1},
    {"app=web", "spec.nodeName=n2", 0},
};

static struct moon_sim_obj *make_pod(struct moon_sim_objdb *db)
{
    struct moon_err err;
    cJSON *tree = moon_sim_tree_parse(moon_str(POD), &err);
    struct moon_sim_obj *obj = moon_sim_objdb_put(db, moon_sim_kind_by_name("", "Pod"), tree);
    cJSON_Delete(tree);
    return obj;
}

static struct moon_sim_objdb *make_db(void)
{
    return moon_sim_objdb_new(
        &(struct moon_sim_objdb_opts){.kinds = moon_sim_kind_count(), .history = 4});
}

static void test_rows(void **state)
{
    struct moon_sim_objdb *db = make_db();
    const struct moon_sim_obj *pod = make_pod(db);
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct moon_err err;
        struct moon_sim_selector *selector =
            moon_sim_selector_new(pod->kind, rows[i].labels, rows[i].fields, &err);
        int have = selector == NULL ? -1 : moon_sim_selector_matches(selector, pod);
        if (have != rows[i].want) {
            fail_msg("labels '%s' fields '%s': %d", rows[i].labels != NULL ? rows[i].labels : "",
                     rows[i].fields != NULL ? rows[i].fields : "", have);
        }
        moon_sim_selector_free(selector);
    }
    moon_sim_objdb_free(db);
}

/* Nothing that is long turns into "". */
static void test_long_field_value(void **state)
{
    struct moon_err err;
    struct moon_sim_objdb *db = make_db();
    const struct moon_sim_obj *pod = make_pod(db);
    char text[8000] = "status.nominatedNodeName=";
    (void)state;
    memset(text + strlen(text), 'x', sizeof(text) - strlen(text) - 1);
    text[sizeof(text) - 1] = '\0';
    struct moon_sim_selector *selector = moon_sim_selector_new(pod->kind, NULL, text, &err);
    assert_non_null(selector);
    assert_false(moon_sim_selector_matches(selector, pod));
    moon_sim_selector_free(selector);
    moon_sim_objdb_free(db);
}

static void test_from_tree(void **state)
{
    static const struct {
        const char *selector;
        bool want;
    } table[] = {
        {"{\"matchLabels\":{\"app\":\"web\"}}", true},
        {"{\"matchLabels\":{\"app\":\"api\"}}", false},
        {"{\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"In\",\"values\":[\"web\"]},{"
         "\"key\":"
         "\"x\",\"operator\":\"DoesNotExist\"}]}",
         true},
        {"{}", true},
        {"null", false},
    };
    struct moon_err err;
    cJSON *pod = moon_sim_tree_parse(moon_str(POD), &err);
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(table); i++) {
        cJSON *tree = moon_sim_tree_parse(moon_str(table[i].selector), &err);
        struct moon_sim_selector *selector =
            moon_sim_selector_from_tree(cJSON_IsNull(tree) ? NULL : tree, &err);
        assert_int_equal(
            moon_sim_selector_matches_labels(selector, moon_sim_get(pod, "metadata.labels")),
            table[i].want);
        moon_sim_selector_free(selector);
        cJSON_Delete(tree);
    }
    cJSON_Delete(pod);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_long_field_value),
        cmocka_unit_test(test_from_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
