/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "kube/resource.h"

static void test_api_version(void **state)
{
    (void)state;
    struct moon_buf out = MOON_BUF_INIT(100);
    moon_resource_api_version(&moon_resource_pods, &out);
    assert_string_equal(moon_buf_cstr(&out), "v1");
    moon_buf_clear(&out);
    moon_resource_api_version(&moon_resource_leases, &out);
    assert_string_equal(moon_buf_cstr(&out), "coordination.k8s.io/v1");
    moon_buf_fini(&out);
}

static void test_path(void **state)
{
    static const struct {
        const struct moon_resource *resource;
        const char *namespace;
        const char *name;
        const char *subresource;
        const char *expected;
    } CASES[] = {
        {&moon_resource_pods, NULL, NULL, NULL, "/api/v1/pods"},
        {&moon_resource_pods, "ns", NULL, NULL, "/api/v1/namespaces/ns/pods"},
        {&moon_resource_pods, "ns", "a", NULL, "/api/v1/namespaces/ns/pods/a"},
        {&moon_resource_pods, "ns", "a", "binding", "/api/v1/namespaces/ns/pods/a/binding"},
        {&moon_resource_nodes, NULL, "n1", "status", "/api/v1/nodes/n1/status"},
        {&moon_resource_nodes, "ignored", "n1", NULL, "/api/v1/nodes/n1"},
        {&moon_resource_daemonsets, "ns", "d", "status",
         "/apis/apps/v1/namespaces/ns/daemonsets/d/status"},
        {&moon_resource_revisions, NULL, NULL, NULL, "/apis/apps/v1/controllerrevisions"},
        {&moon_resource_events, "ns", NULL, NULL, "/api/v1/namespaces/ns/events"},
        {&moon_resource_pods, "a/b", "c?d#e%", NULL, "/api/v1/namespaces/a%2Fb/pods/c%3Fd%23e%25"},
    };
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(CASES); i++) {
        struct moon_buf out = MOON_BUF_INIT(200);
        moon_resource_path(CASES[i].resource, CASES[i].namespace, CASES[i].name,
                           CASES[i].subresource, &out);
        assert_string_equal(moon_buf_cstr(&out), CASES[i].expected);
        moon_buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_version),
        cmocka_unit_test(test_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
