/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/metrics.h"
#include "host/admin.h"
#include "world.h"

static struct world world;
static struct moon_registry *registry;
static struct moon_admin *admin;
static const struct moon_iface_http *http;

static void greets(struct moon_plugin_request *request, void *state)
{
    const char *name = http->argument(request, "name");
    MOON_AUTOFREE char *text = moon_asprintf("hello %s", name != NULL ? name : "nobody");

    assert_ptr_equal(state, &world);
    http->reply(request, 201, "text/x-greeting", text, strlen(text));
    http->reply(request, 200, "text/plain", "again", 5); /* the first one counts */
}

static void is_silent(struct moon_plugin_request *request, void *state)
{
    (void)request;
    (void)state;
}

static int init(const struct moon_host *host, void **ret_state, struct moon_plugin_error *error)
{
    const struct moon_plugin_route hello = {
        .struct_size = sizeof(hello), .path = "/probe/hello", .handler = greets, .state = &world};
    const struct moon_plugin_route silent = {
        .struct_size = sizeof(silent), .path = "/probe/silent", .handler = is_silent};

    (void)ret_state;
    (void)error;
    http = host->iface(host, "http", 1);
    return http->add(host, &hello) != 0 || http->add(host, &silent) != 0;
}

static const struct moon_plugin *entry(void)
{
    static const struct moon_plugin plugin = {.struct_size = sizeof(plugin),
                                              .abi_major = MOON_PLUGIN_ABI_MAJOR,
                                              .abi_minor = MOON_PLUGIN_ABI_MINOR,
                                              .name = "probe",
                                              .version = "1",
                                              .summary = "for tests",
                                              .init = init};
    return &plugin;
}

static int set_up(void **state)
{
    static const moonset_plugin_entry entries[] = {entry, NULL};
    struct moon_err err;

    (void)state;
    world_init(&world);
    moon_registry_set_up(&(struct moon_registry_setup){.builtin = entries});
    registry = moon_registry_new(NULL, &err);
    assert_non_null(registry);
    admin = moon_admin_new(world.loop, "127.0.0.1:0", registry, &err);
    assert_non_null(admin);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    moon_admin_free(admin);
    moon_registry_free(registry);
    world_fini(&world);
    return 0;
}

static void answers(const char *method, const char *path, int status, const char *body)
{
    int got;
    MOON_AUTOFREE char *text = world_ask(&world, moon_admin_port(admin), method, path, &got);

    assert_string_equal(text, body);
    assert_int_equal(got, status);
}

static bool yes_or_no(void *ctx)
{
    return *(bool *)ctx;
}

static void health_and_readiness(void **state)
{
    bool caches = false;
    bool other = true;

    (void)state;
    answers("GET", "/healthz", 200, "ok\n");
    answers("GET", "/readyz", 200, "ok\n");
    moon_admin_add_check(admin, "caches", yes_or_no, &caches);
    moon_admin_add_check(admin, "other", yes_or_no, &other);
    answers("GET", "/readyz", 503, "[-] caches\n[+] other\n");
    answers("GET", "/healthz", 200, "ok\n");
    caches = true;
    answers("GET", "/readyz", 200, "[+] caches\n[+] other\nok\n");
    other = false;
    answers("GET", "/readyz", 503, "[+] caches\n[-] other\n");
}

static void many_checks(void **state)
{
    bool ready = true;

    (void)state;
    for (int i = 0; i < 100; i++) {
        moon_admin_add_check(admin, "one of many", yes_or_no, &ready);
    }
    int status;
    MOON_AUTOFREE char *text = world_ask(&world, moon_admin_port(admin), "GET", "/readyz", &status);
    assert_int_equal(status, 200);
}

static void metrics(void **state)
{
    struct moon_metric *m =
        moon_metric_register(&(struct moon_metric_opts){.name = "test_total", .help = "a test"});
    int status;

    (void)state;
    moon_metric_add(m, NULL, 3);
    MOON_AUTOFREE char *text =
        world_ask(&world, moon_admin_port(admin), "GET", "/metrics", &status);
    assert_int_equal(status, 200);
    assert_non_null(strstr(text, "test_total 3"));
    moon_metrics_reset();
}

static void what_is_not_there(void **state)
{
    (void)state;
    answers("GET", "/", 404,
            "not found; there are /healthz, /readyz, /metrics, /explain and /get\n");
    answers("GET", "/probe", 404,
            "not found; there are /healthz, /readyz, /metrics, /explain and /get\n");
    answers("POST", "/healthz", 405, "only GET is answered here\n");
    answers("DELETE", "/probe/hello", 405, "only GET is answered here\n");
}

static void routes_of_plugins(void **state)
{
    (void)state;
    answers("GET", "/probe/hello", 201, "hello nobody");
    answers("GET", "/probe/hello?name=a%20b", 201, "hello a b");
    answers("GET", "/probe/silent", 500, "the plugin gave no answer\n");
}

/* ---- what the controller knows ---- */

static cJSON *explains(struct moon_str key, const char *node, void *ctx, struct moon_err *err)
{
    assert_ptr_equal(ctx, &world);
    if (!moon_str_is(key, "ns/agent")) {
        (void)moon_err_set(err, MOON_E_NOT_FOUND, "there is no set %.*s", MOON_STR_ARG(key));
        return NULL;
    }
    return cJSON_CreateString(node != NULL ? node : "the set");
}

static cJSON *lists(const char *what, struct moon_str key, void *ctx, struct moon_err *err)
{
    (void)key;
    (void)ctx;
    if (!moon_streq(what, "sets")) {
        (void)moon_err_set(err, MOON_E_INVALID, "there are no %s to list", what);
        return NULL;
    }
    return cJSON_CreateArray();
}

static void show(const char *token_file)
{
    moon_admin_show(
        admin, &(struct moon_admin_views){
                   .explain = explains, .list = lists, .token_file = token_file, .ctx = &world});
}

static void views(void **state)
{
    (void)state;
    show(NULL);
    answers("GET", "/explain?set=ns%2Fagent", 200, "\"the set\"");
    answers("GET", "/explain?set=ns/agent&node=n1", 200, "\"n1\"");
    answers("GET", "/explain?set=ns/nobody", 404, "there is no set ns/nobody\n");
    answers("GET", "/explain", 400, "/explain?set=NAMESPACE/NAME, and at most &node=NODE\n");
    answers("GET", "/get?what=sets", 200, "[]");
    answers("GET", "/get?what=secrets", 400, "there are no secrets to list\n");
}

static void a_token_is_wanted(void **state)
{
    MOON_AUTOFREE char *path = world_file(&world, "token", "");

    (void)state;
    show(path); /* empty: nobody has it */
    answers("GET", "/get?what=sets", 401, "the token of --admin-token-file is wanted\n");
    show("/nowhere/at/all");
    answers("GET", "/get?what=sets", 401, "the token of --admin-token-file is wanted\n");
    answers("GET", "/healthz", 200, "ok\n");
}

static void wrong_addresses(void **state)
{
    MOON_AUTOFREE char *taken = moon_asprintf("127.0.0.1:%u", moon_admin_port(admin));
    const char *const wrong[] = {taken, "8090", "127.0.0.1:", "127.0.0.1:70000", "nowhere:1"};

    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(wrong); i++) {
        MOON_AUTOFREE char *begin = moon_asprintf("--listen %s: ", wrong[i]);
        struct moon_err err = {0};
        assert_null(moon_admin_new(world.loop, wrong[i], registry, &err));
        assert_memory_equal(err.text, begin, strlen(begin));
    }
    moon_admin_free(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(health_and_readiness), TEST(many_checks),     TEST(metrics), TEST(what_is_not_there),
        TEST(routes_of_plugins),    TEST(wrong_addresses), TEST(views),   TEST(a_token_is_wanted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
