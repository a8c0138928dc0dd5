/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "host/manager.h"
#include "world.h"

#define LEASE "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/moonset"

static struct world world;
static struct moon_config *config;
static struct moon_manager *manager;
static const struct moon_host *host;
static const struct moon_iface_controller *table;
static char calls[256];
static bool start_fails;
static bool gives_no_reason;
static int reconcile_count;
static int stopped_count;
static int fatal_count;

/* ---- a plugin with a controller that labels nodes ---- */

static const struct moon_plugin_resource resources[] = {{.struct_size = sizeof(resources[0]),
                                                         .group = "",
                                                         .version = "v1",
                                                         .plural = "nodes",
                                                         .kind = "Node"},
                                                        {.struct_size = sizeof(resources[0]),
                                                         .group = "apps",
                                                         .version = "v1",
                                                         .plural = "deployments",
                                                         .kind = "Deployment",
                                                         .namespaced = true}};
static const struct moon_plugin_resource *const nodes = &resources[0];

static void note(const char *what)
{
    size_t len = strlen(calls);

    (void)snprintf(calls + len, sizeof(calls) - len, "%s%s", len > 0 ? " " : "", what);
}

static void map(const struct moon_plugin_event *event,
                void (*enqueue)(void *token, const char *key), void *token, void *state)
{
    (void)state;
    assert_string_equal(event->namespace_, "");
    assert_non_null(strstr(event->json, event->name));
    enqueue(token, event->name);
}

static int reconcile(const char *key, struct moon_plugin_plan *plan, void *state,
                     struct moon_plugin_error *error)
{
    static const char *const label[] = {"metadata", "labels", "seen", NULL};
    size_t len = 0;

    (void)state;
    (void)error;
    reconcile_count++;
    assert_null(table->get(plan, nodes, "", "no-such-node", &len));
    assert_null(table->text(plan, nodes, "", "no-such-node", label));
    assert_non_null(table->get(plan, nodes, "", key, &len));
    assert_true(len > 0);
    if (table->text(plan, nodes, "", key, label) == NULL) {
        table->merge_patch(plan, nodes, "", key, "{\"metadata\":{\"labels\":{\"seen\":\"1\"}}}",
                           gives_no_reason ? NULL : "it was not seen");
    }
    return 0;
}

static int init(const struct moon_host *given, void **ret_state, struct moon_plugin_error *error)
{
    const struct moon_plugin_controller c = {.struct_size = sizeof(c),
                                             .name = "labels",
                                             .resources = resources,
                                             .resource_count = MOON_ARRAY_SIZE(resources),
                                             .map = map,
                                             .reconcile = reconcile};

    (void)ret_state;
    (void)error;
    host = given;
    table = host->iface(host, "controller", 1);
    return table->add(host, &c);
}

static int start(void *state, struct moon_plugin_error *error)
{
    (void)state;
    note("start");
    (void)snprintf(error->text, sizeof(error->text), "not today");
    return start_fails ? -1 : 0;
}

static void role(void *state, bool leader)
{
    (void)state;
    note(leader ? "leads" : "waits");
}

static void stop(void *state, int64_t grace_ms)
{
    (void)state;
    (void)grace_ms;
    note("stop");
}

static void fini(void *state)
{
    (void)state;
    note("fini");
}

static const struct moon_plugin *entry(void)
{
    static const struct moon_plugin plugin = {.struct_size = sizeof(plugin),
                                              .abi_major = MOON_PLUGIN_ABI_MAJOR,
                                              .abi_minor = MOON_PLUGIN_ABI_MINOR,
                                              .name = "probe",
                                              .version = "1",
                                              .summary = "for tests",
                                              .init = init,
                                              .start = start,
                                              .role = role,
                                              .stop = stop,
                                              .fini = fini};
    return &plugin;
}

/* ---- fixture ---- */

static void set(const char *name, const char *value)
{
    struct moon_err err;

    assert_int_equal(moon_config_set(config, name, value, "test", &err), 0);
}

static int set_up(void **state)
{
    static const moonset_plugin_entry entries[] = {entry, NULL};

    (void)state;
    world_init(&world);
    config = moon_config_new();
    set("listen", "127.0.0.1:0");
    set("leader-elect", "false");
    set("policy-namespace", "");
    moon_registry_set_up(&(struct moon_registry_setup){.builtin = entries});
    calls[0] = '\0';
    manager = NULL;
    start_fails = gives_no_reason = false;
    reconcile_count = stopped_count = fatal_count = 0;
    world_put(&world, "/api/v1/nodes/n1", "{\"metadata\":{\"name\":\"n1\"}}");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    moon_manager_free(manager);
    moon_config_free(config);
    world_fini(&world);
    return 0;
}

static void on_fatal(const char *why, void *ctx)
{
    assert_ptr_equal(ctx, &world);
    assert_string_equal(why, "the lease is lost");
    fatal_count++;
}

static void begin(void)
{
    struct moon_err err = {0};

    manager =
        moon_manager_new(&(struct moon_manager_opts){.loop = world.loop,
                                                     .config = config,
                                                     .take_kubeconfig = world_kubeconfig(&world),
                                                     .on_fatal = on_fatal,
                                                     .ctx = &world},
                         &err);
    assert_string_equal(err.text, "");
    assert_non_null(manager);
}

static void does_not_begin(const char *text)
{
    struct moon_err err = {0};

    assert_null(moon_manager_new(
        &(struct moon_manager_opts){
            .loop = world.loop, .config = config, .take_kubeconfig = world_kubeconfig(&world)},
        &err));
    if (strstr(err.text, text) == NULL) {
        fail_msg("want …%s… in: %s", text, err.text);
    }
}

static void on_stopped(void *ctx)
{
    assert_ptr_equal(ctx, &world);
    stopped_count++;
}

static bool is_ready(const char *body)
{
    int status;
    MOON_AUTOFREE char *text =
        world_ask(&world, moon_manager_admin_port(manager), "GET", "/readyz", &status);

    return status == (strstr(body, "[-]") != NULL ? 503 : 200) && strcmp(text, body) == 0;
}

static void put_lease(const char *holder)
{
    MOON_AUTOFREE char *json = moon_asprintf(
        "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\","
        "\"metadata\":{\"name\":\"moonset\",\"namespace\":\"kube-system\"},"
        "\"spec\":{\"holderIdentity\":\"%s\",\"leaseDurationSeconds\":15,\"leaseTransitions\":1,"
        "\"acquireTime\":\"2026-01-01T00:00:00.000000Z\","
        "\"renewTime\":\"2026-01-01T00:00:%02u.000000Z\"}}",
        holder, world.version % 60);

    world_put(&world, LEASE, json);
}

static bool was_written(const char *begin)
{
    for (size_t i = 0; i < world.write_count; i++) {
        if (moon_str_starts(moon_str(world.writes[i]), begin)) {
            return true;
        }
    }
    return false;
}

/* ---- a life ---- */

static void from_start_to_stop(void **state)
{
    (void)state;
    begin();
    assert_string_equal(calls, "start leads");
    world_until(&world, false, is_ready("[+] running\n[+] labels\nok\n"));
    moon_manager_stop(manager, 1000, on_stopped, &world);
    assert_string_equal(calls, "start leads waits stop");
    assert_true(is_ready("[-] running\n[+] labels\n"));
    world_until(&world, false, stopped_count == 1);
    moon_manager_free(moon_steal(&manager));
    assert_string_equal(calls, "start leads waits stop fini");
    assert_int_equal(fatal_count, 0);
}

static void ended_at_once(void **state)
{
    (void)state;
    begin();
    moon_manager_stop(manager, 1000, on_stopped, &world);
    moon_manager_free(moon_steal(&manager));
    assert_int_equal(stopped_count, 0);
    assert_string_equal(calls, "start leads waits stop fini");
}

static void ended_without_a_stop(void **state)
{
    (void)state;
    begin();
    moon_manager_free(moon_steal(&manager));
    assert_string_equal(calls, "start leads waits stop fini");
}

static void the_controller_writes(void **state)
{
    (void)state;
    begin();
    world_until(&world, true, was_written("PATCH /api/v1/nodes/n1 "));
    assert_string_equal(world.writes[0],
                        "PATCH /api/v1/nodes/n1 {\"metadata\":{\"labels\":{\"seen\":\"1\"}}}");
}

static void nothing_is_written_before_the_lists_are_complete(void **state)
{
    (void)state;
    world.hangs = "/apis/apps/v1/deployments";
    begin();
    assert_true(is_ready("[+] running\n[-] labels\n"));
    world_settle(&world); /* the nodes are listed now */
    assert_true(is_ready("[+] running\n[-] labels\n"));
    assert_int_equal(reconcile_count, 0);
    assert_int_equal(world.write_count, 0);
}

static void a_wrong_call_costs_the_reconcile(void **state)
{
    (void)state;
    gives_no_reason = true;
    begin();
    world_until(&world, true, strstr(world_log(), "an action has no reason") != NULL);
    assert_non_null(strstr(world_log(), "msg=\"reconcile failed\" key=n1"));
    assert_int_equal(world.write_count, 0);
}

#define CONFIGMAPS "/api/v1/namespaces/ops/configmaps"

static void nothing_begins_before_the_policies_are_there(void **state)
{
    (void)state;
    set("policy-namespace", "ops");
    world.hangs = CONFIGMAPS;
    begin();
    world_settle(&world);
    assert_string_equal(calls, "start");
    assert_true(is_ready("[+] running\n[+] labels\n[-] policies\n"));
    assert_false(moon_manager_is_settled(manager));
    moon_manager_stop(manager, 1000, on_stopped, &world);
    world_until(&world, false, stopped_count == 1);
}

static void it_begins_with_the_policies(void **state)
{
    (void)state;
    set("policy-namespace", "ops");
    begin();
    assert_string_equal(calls, "start");
    world_until(&world, true, strcmp(calls, "start leads") == 0);
    assert_true(is_ready("[+] running\n[+] labels\n[+] policies\nok\n"));
}

/* ---- the lease ---- */

static void leads_and_gives_back(void **state)
{
    (void)state;
    set("leader-elect", "true");
    begin();
    assert_string_equal(calls, "start");
    world_until(&world, true, strcmp(calls, "start leads") == 0);
    assert_null(strstr(world_object(&world, LEASE), "\"holderIdentity\":\"\""));
    moon_manager_stop(manager, 1000, on_stopped, &world);
    world_until(&world, true, stopped_count == 1);
    assert_non_null(strstr(world_object(&world, LEASE), "\"holderIdentity\":\"\""));
    assert_string_equal(calls, "start leads waits stop");
    assert_int_equal(fatal_count, 0);
}

static void a_standby_is_ready_and_silent(void **state)
{
    (void)state;
    set("leader-elect", "true");
    put_lease("somebody");
    begin();
    world_until(&world, false, is_ready("[+] running\n[+] labels\nok\n"));
    world_settle(&world);
    assert_string_equal(calls, "start");
    assert_int_equal(reconcile_count, 0);
    assert_int_equal(world.write_count, 0);
    assert_non_null(strstr(world_log(), "somebody leads"));
    moon_manager_stop(manager, 1000, on_stopped, &world);
    world_until(&world, true, stopped_count == 1);
    assert_int_equal(world.write_count, 0);
}

static void a_lost_lease_is_fatal(void **state)
{
    (void)state;
    set("leader-elect", "true");
    begin();
    world_until(&world, true, strcmp(calls, "start leads") == 0);
    put_lease("somebody");
    world_until(&world, true, fatal_count == 1);
    assert_string_equal(calls, "start leads waits");
    size_t writes = world.write_count;
    world_put(&world, "/api/v1/nodes/n2", "{\"metadata\":{\"name\":\"n2\"}}");
    world_settle(&world);
    assert_int_equal(world.write_count, writes);
}

/* ---- what goes wrong at the start ---- */

static void starts_that_fail(void **state)
{
    (void)state;
    start_fails = true;
    does_not_begin("plugin probe: not today");
    assert_string_equal(calls, "start fini");
    start_fails = false;

    set("listen", "nonsense");
    does_not_begin("--listen nonsense: ");
    set("listen", "");
    set("policy-dir", "/no/such/folder");
    does_not_begin("/no/such/folder");
}

static void no_plugin_at_all(void **state)
{
    (void)state;
    moon_registry_set_up(&(struct moon_registry_setup){0});
    does_not_begin("no plugin has anything to run");
}

static void no_kubeconfig(void **state)
{
    struct moon_err err = {0};

    (void)state;
    set("kubeconfig", "/no/such/kubeconfig");
    assert_null(
        moon_manager_new(&(struct moon_manager_opts){.loop = world.loop, .config = config}, &err));
    assert_non_null(strstr(err.text, "/no/such/kubeconfig"));
}

static void a_borrowed_registry_survives(void **state)
{
    struct moon_err err;

    (void)state;
    struct moon_registry *r = moon_registry_new(NULL, &err);
    const struct moon_iface_loop *loop = host->iface(host, "loop", 1);
    manager =
        moon_manager_new(&(struct moon_manager_opts){.loop = world.loop,
                                                     .config = config,
                                                     .registry = r,
                                                     .take_kubeconfig = world_kubeconfig(&world)},
                         &err);
    assert_non_null(manager);
    moon_manager_free(moon_steal(&manager));
    assert_string_equal(calls, "start leads waits stop fini");
    /* What the manager had is not offered any more. */
    assert_null(loop->timer_new(host, NULL, NULL));
    moon_registry_free(r);
    assert_string_equal(calls, "start leads waits stop fini");
}

static void a_state_folder_that_cannot_be_written(void **state)
{
    MOON_AUTOFREE char *none = world_path(&world, "none");

    (void)state;
    set("state-dir", none);
    begin();
    assert_non_null(strstr(world_log(), "nothing can be kept in the state folder"));
    moon_manager_free(moon_steal(&manager));
    world_log_clear();
    set("state-dir", world.folder);
    begin();
    assert_null(strstr(world_log(), "nothing can be kept"));
}

static void without_an_admin_port(void **state)
{
    (void)state;
    set("listen", "");
    begin();
    assert_int_equal(moon_manager_admin_port(manager), 0);
    moon_manager_reload(manager);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(from_start_to_stop),
        TEST(ended_at_once),
        TEST(ended_without_a_stop),
        TEST(the_controller_writes),
        TEST(nothing_is_written_before_the_lists_are_complete),
        TEST(a_wrong_call_costs_the_reconcile),
        TEST(nothing_begins_before_the_policies_are_there),
        TEST(it_begins_with_the_policies),
        TEST(leads_and_gives_back),
        TEST(a_standby_is_ready_and_silent),
        TEST(a_lost_lease_is_fatal),
        TEST(starts_that_fail),
        TEST(no_plugin_at_all),
        TEST(no_kubeconfig),
        TEST(a_borrowed_registry_survives),
        TEST(a_state_folder_that_cannot_be_written),
        TEST(without_an_admin_port),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
