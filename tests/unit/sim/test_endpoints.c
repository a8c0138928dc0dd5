/* SPDX-License-Identifier: Apache-2.0
 *
 * Which addresses and ports stand behind a Service.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/endpoints_subsets.h"

static const struct moon_object *project(const struct moon_kind *kind, const char *text)
{
    struct moon_object *object = NULL;
    struct moon_err err;
    if (moon_object_project(kind, moon_str(text), &object, &err) != 0) {
        fail_msg("%s: %s", err.text, text);
    }
    return object;
}

static struct moon_store *new_pods(void)
{
    return moon_store_new(&(struct moon_store_opts){.kind = &moon_kind_played_pod});
}

static void add_pod(struct moon_store *pods, const char *name, const char *metadata,
                    const char *spec, const char *status, bool is_ready)
{
    static unsigned version;
    MOON_AUTOFREE char *text =
        moon_asprintf("{\"metadata\":{\"name\":\"%s\",\"namespace\":\"d\",\"uid\":\"u-%s\","
                      "\"resourceVersion\":\"%u\"%s},\"spec\":{\"nodeName\":\"n\"%s},"
                      "\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"%s\"}]%s}}",
                      name, name, ++version, metadata, spec, is_ready ? "True" : "False", status);
    moon_store_put_event(pods, project(&moon_kind_played_pod, text));
}

#define APP ",\"labels\":{\"app\":\"a\"}"
#define IP(n) ",\"phase\":\"Running\",\"podIP\":\"10.0.0." #n "\""
#define NAMED(port)                                                                                \
    ",\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"ports\":[{\"name\":\"web\","               \
    "\"containerPort\":" port ",\"protocol\":\"TCP\"}]}]"

static void fill(struct moon_store *pods)
{
    add_pod(pods, "two", APP, NAMED("8080"), IP(2), true);
    add_pod(pods, "ten", APP, NAMED("8080"), IP(10), true);
    add_pod(pods, "late", APP, NAMED("9090"), IP(3), false);
    add_pod(pods, "nothing", APP, "", ",\"phase\":\"Pending\"", false);
    add_pod(pods, "other", ",\"labels\":{\"app\":\"b\"}", "", IP(4), true);
    add_pod(pods, "going", APP ",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"", "", IP(5), true);
    add_pod(pods, "done", APP, ",\"restartPolicy\":\"Never\"",
            ",\"phase\":\"Succeeded\",\"podIP\":\"10.0.0.6\"", false);
}

/* {ip,…|not ready ip,…:name=port/protocol,…}, one for each subset: shorter than JSON. */
static void shorten_addresses(const cJSON *list, struct moon_buf *out)
{
    const cJSON *item;
    cJSON_ArrayForEach (item, list) {
        const char *hostname = moon_json_string(item, "hostname");
        moon_buf_printf(out, "%s%s%s%s", item != list->child ? "," : "",
                        moon_json_string(item, "ip") + strlen("10.0.0."),
                        hostname != NULL ? "=" : "", hostname != NULL ? hostname : "");
    }
}

static char *shorten(const char *json)
{
    struct moon_err err;
    MOON_AUTOJSON *subsets = moon_json_parse(moon_str(json), &err);
    struct moon_buf out = MOON_BUF_INIT(4096);
    const cJSON *subset;
    assert_non_null(subsets);
    cJSON_ArrayForEach (subset, subsets) {
        const cJSON *ports = moon_json_member(subset, "ports");
        const cJSON *port;
        moon_buf_puts(&out, "{");
        shorten_addresses(moon_json_member(subset, "addresses"), &out);
        moon_buf_puts(&out, "|");
        shorten_addresses(moon_json_member(subset, "notReadyAddresses"), &out);
        cJSON_ArrayForEach (port, ports) {
            const char *name = moon_json_string(port, "name");
            moon_buf_printf(&out, "%s%s=%lld/%s", port == ports->child ? ":" : ",",
                            name != NULL ? name : "", (long long)moon_json_int(port, "port", 0),
                            moon_json_string(port, "protocol"));
        }
        moon_buf_puts(&out, "}");
    }
    return moon_buf_take(&out, NULL);
}

static char *subsets_of(const struct moon_store *pods, const char *spec,
                        struct moon_endpoints_counts *ret)
{
    MOON_AUTOFREE char *text = moon_asprintf(
        "{\"metadata\":{\"name\":\"svc\",\"namespace\":\"d\",\"uid\":\"s\"},\"spec\":{%s}}", spec);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(4 << 20);
    const struct moon_object *service = project(&moon_kind_service, text);
    moon_endpoints_subsets(moon_service(service), pods, &out, ret);
    moon_object_unref(service);
    return shorten(moon_buf_cstr(&out));
}

#define SELECT "\"clusterIP\":\"10.96.0.1\",\"selector\":{\"app\":\"a\"}"
#define HEADLESS "\"clusterIP\":\"None\",\"selector\":{\"app\":\"a\"}"

static const struct {
    const char *what;
    const char *spec;
    const char *want;
} services[] = {
    {"a number: order by the text of the address, not ready apart",
     SELECT ",\"ports\":[{\"port\":80,\"targetPort\":8080}]", "{10,2|3:=8080/TCP}"},
    {"a name: the number is the pod's, who lacks it is out",
     SELECT ",\"ports\":[{\"port\":80,\"targetPort\":\"web\"}]", "{10,2|:=8080/TCP}{|3:=9090/TCP}"},
    {"a name with another protocol",
     SELECT ",\"ports\":[{\"port\":80,\"targetPort\":\"web\",\"protocol\":\"UDP\"}]", ""},
    {"ports with the same pods are one subset",
     SELECT ",\"ports\":[{\"name\":\"x\",\"port\":80,\"targetPort\":1},"
            "{\"name\":\"y\",\"port\":81,\"targetPort\":2,\"protocol\":\"UDP\"}]",
     "{10,2|3:x=1/TCP,y=2/UDP}"},
    {"without a target the port itself", SELECT ",\"ports\":[{\"port\":80}]", "{10,2|3:=80/TCP}"},
    {"no ports", SELECT, ""},
    {"headless, no ports", HEADLESS, "{10,2|3}"},
    {"what is not ready published: also those that end",
     HEADLESS ",\"publishNotReadyAddresses\":true", "{10,2,3,5,6|}"},
    {"nobody", "\"clusterIP\":\"None\",\"selector\":{\"app\":\"c\"}", ""},
};

static void test_subsets(void **state)
{
    struct moon_store *pods = new_pods();
    (void)state;
    fill(pods);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(services); i++) {
        struct moon_endpoints_counts counts;
        MOON_AUTOFREE char *got = subsets_of(pods, services[i].spec, &counts);
        if (strcmp(got, services[i].want) != 0) {
            fail_msg("%s:\nwant %s\ngot  %s", services[i].what, services[i].want, got);
        }
        assert_false(counts.is_truncated);
    }
    moon_store_free(pods);
}

static void test_hostname(void **state)
{
    struct moon_store *pods = new_pods();
    struct moon_endpoints_counts counts;
    (void)state;
    add_pod(pods, "a", APP, ",\"hostname\":\"web-0\",\"subdomain\":\"svc\"", IP(1), true);
    add_pod(pods, "b", APP, ",\"hostname\":\"web-1\",\"subdomain\":\"other\"", IP(2), true);
    MOON_AUTOFREE char *got = subsets_of(pods, HEADLESS, &counts);
    assert_string_equal(got, "{1=web-0,2|}");
    moon_store_free(pods);
}

static void test_truncated(void **state)
{
    struct moon_store *pods = new_pods();
    struct moon_endpoints_counts counts;
    (void)state;
    for (unsigned i = 0; i < MOON_ENDPOINTS_MAX + 100; i++) {
        MOON_AUTOFREE char *name = moon_asprintf("p%u", i);
        MOON_AUTOFREE char *status = moon_asprintf(",\"podIP\":\"10.0.%u.%u\"", i / 256, i % 256);
        add_pod(pods, name, APP, "", status, i % 2 == 0);
    }
    MOON_AUTOFREE char *got =
        subsets_of(pods, SELECT ",\"ports\":[{\"port\":1,\"targetPort\":2}]", &counts);
    assert_true(counts.is_truncated);
    assert_int_equal(counts.addresses, MOON_ENDPOINTS_MAX);
    size_t ready = 1;
    for (const char *at = got; *at != '|'; at++) {
        ready += *at == ',' ? 1 : 0;
    }
    assert_int_equal(ready, MOON_ENDPOINTS_MAX / 2 + 50);
    moon_store_free(pods);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_subsets),
        cmocka_unit_test(test_hostname),
        cmocka_unit_test(test_truncated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
