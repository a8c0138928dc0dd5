/* SPDX-License-Identifier: Apache-2.0
 *
 * test_reviews.c - questions put as objects: answered, checked, never stored.
 */
#include "api_fixture.h"

#define REVIEWS "/apis/authorization.k8s.io/v1/"
#define ABOUT_PODS "\"resourceAttributes\":{\"verb\":\"get\",\"resource\":\"pods\""

static void test_access_is_granted(void **state)
{
    static const struct {
        const char *path;
        const char *spec;
    } rows[] = {
        {REVIEWS "selfsubjectaccessreviews", ABOUT_PODS "}"},
        {REVIEWS "selfsubjectaccessreviews",
         "\"nonResourceAttributes\":{\"path\":\"/healthz\",\"verb\":\"get\"}"},
        {REVIEWS "subjectaccessreviews", "\"user\":\"u\"," ABOUT_PODS "}"},
        {REVIEWS "subjectaccessreviews", "\"groups\":[\"g\"]," ABOUT_PODS "}"},
        {REVIEWS "namespaces/default/localsubjectaccessreviews",
         "\"user\":\"u\"," ABOUT_PODS ",\"namespace\":\"default\"}"},
    };
    struct fixture *f = *state;
    uint64_t version = moon_sim_api_stats(f->api).version;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        MOON_AUTOFREE char *body = moon_asprintf("{\"spec\":{%s}}", rows[i].spec);
        assert_int_equal(post(f, rows[i].path, body), 201);
        assert_non_null(strstr(f->text, "\"status\":{\"allowed\":true}"));
    }
    assert_int_equal(moon_sim_api_stats(f->api).version, version);
}

static void test_bad_questions(void **state)
{
    static const struct {
        const char *path;
        const char *body;
        int status;
        const char *says;
    } rows[] = {
        {REVIEWS "selfsubjectaccessreviews", "{\"spec\":{}}", 422,
         "spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or "
         "resourceAttributes must be specified"},
        {REVIEWS "selfsubjectaccessreviews",
         "{\"spec\":{" ABOUT_PODS "},\"nonResourceAttributes\":{\"path\":\"/\"}}}", 422,
         "cannot be specified in combination with resourceAttributes"},
        {REVIEWS "selfsubjectaccessreviews",
         "{\"metadata\":{\"name\":\"x\"},\"spec\":{" ABOUT_PODS "}}}", 422, "must be empty"},
        {REVIEWS "subjectaccessreviews", "{\"spec\":{" ABOUT_PODS "}}}", 422,
         "spec.user: Invalid value: \\\"\\\": at least one of user or group must be specified"},
        {REVIEWS "namespaces/default/localsubjectaccessreviews",
         "{\"spec\":{\"user\":\"u\"," ABOUT_PODS ",\"namespace\":\"other\"}}}", 422,
         "must match metadata.namespace"},
        {REVIEWS "localsubjectaccessreviews", "{\"spec\":{\"user\":\"u\"}}", 405,
         "does not allow this method"},
        {REVIEWS "selfsubjectrulesreviews", "{\"spec\":{}}", 400, "no namespace on request"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        assert_int_equal(post(f, rows[i].path, rows[i].body), rows[i].status);
        assert_non_null(strstr(f->text, rows[i].says));
    }
}

static void test_rules_and_self(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(
        post(f, REVIEWS "selfsubjectrulesreviews", "{\"spec\":{\"namespace\":\"default\"}}"), 201);
    assert_non_null(strstr(f->text, "{\"verbs\":[\"*\"],\"apiGroups\":[\"*\"],\"resources\":["));
    assert_non_null(strstr(f->text, "\"nonResourceURLs\":[\"*\"]"));
    assert_int_equal(post(f, "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}"), 201);
    assert_string_equal(text_at(f, "status.userInfo.username"), "system:anonymous");
}

/* Nothing of them can be read or changed; discovery says so. */
static void test_only_created(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(get(f, REVIEWS "selfsubjectaccessreviews"), 405);
    assert_int_equal(get(f, REVIEWS "selfsubjectaccessreviews/x"), 405);
    assert_int_equal(call(f, "DELETE", REVIEWS "selfsubjectaccessreviews", NULL, NULL), 405);
    assert_int_equal(get(f, "/apis/authorization.k8s.io/v1"), 200);
    assert_non_null(strstr(f->text, "\"kind\":\"SelfSubjectAccessReview\",\"verbs\":[\"create\"]"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        API_TEST(test_access_is_granted),
        API_TEST(test_bad_questions),
        API_TEST(test_rules_and_self),
        API_TEST(test_only_created),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
