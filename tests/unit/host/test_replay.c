/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/metrics.h"
#include "host/recording.h"
#include "host/registry.h"
#include "host/replay.h"
#include "host/replay_calls.h"
#include "kube/watch.h"
#include "world.h"

static struct world world;

/* A controller that decides nothing. */
static int init(const struct moon_host *host, void **ret_state, struct moon_plugin_error *error)
{
    (void)host;
    (void)ret_state;
    (void)error;
    return 0;
}

static int start(void *state, struct moon_plugin_error *error)
{
    (void)state;
    (void)error;
    return 0;
}

static const struct moon_plugin *entry(void)
{
    static const struct moon_plugin plugin = {.struct_size = sizeof(plugin),
                                              .abi_major = MOON_PLUGIN_ABI_MAJOR,
                                              .abi_minor = MOON_PLUGIN_ABI_MINOR,
                                              .name = "idle",
                                              .version = "1",
                                              .summary = "for tests",
                                              .init = init,
                                              .start = start};
    return &plugin;
}

static int set_up(void **state)
{
    static const moonset_plugin_entry entries[] = {entry, NULL};

    (void)state;
    moon_registry_set_up(&(struct moon_registry_setup){.builtin = entries});
    world_init(&world);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_fini(&world);
    moon_metrics_reset();
    return 0;
}

/* ---- names of calls ---- */

static const char *name_of(const struct moon_client_question *q, char out[512])
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(4096);

    moon_recording_call(q, &text);
    (void)snprintf(out, 512, "%s", moon_buf_cstr(&text));
    return out;
}

static void test_a_call_is_named_by_what_matters(void **state)
{
    char out[512];

    (void)state;
    assert_string_equal(
        name_of(&(struct moon_client_question){.verb = MOON_VERB_WATCH,
                                               .resource = &moon_resource_pods,
                                               .query = "watch=true&resourceVersion=7&"
                                                        "timeoutSeconds=312&labelSelector=a%3Db"},
                out),
        "watch /api/v1/pods labelSelector=a=b");
    assert_string_equal(
        name_of(&(struct moon_client_question){.verb = MOON_VERB_CREATE,
                                               .resource = &moon_resource_pods,
                                               .namespace = "ns",
                                               .query = "fieldManager=moonset",
                                               .body = MOON_STR_LIT("{\"metadata\":{\"name\":"
                                                                    "\"p\"}}")},
                out),
        "create /api/v1/namespaces/ns/pods name=\"p\"");
    /* the hash in a revision's name may be of what is redacted */
    assert_string_equal(
        name_of(&(struct moon_client_question){.verb = MOON_VERB_CREATE,
                                               .resource = &moon_resource_revisions,
                                               .namespace = "ns",
                                               .query = "",
                                               .body = MOON_STR_LIT("{\"metadata\":{\"name\":"
                                                                    "\"r\"}}")},
                out),
        "create /apis/apps/v1/namespaces/ns/controllerrevisions");
}

/* ---- answers ---- */

struct heard {
    char log[1024];
};

static void note(struct heard *h, const char *text)
{
    size_t len = strlen(h->log);

    (void)snprintf(h->log + len, sizeof(h->log) - len, "%s;", text);
}

static void on_answer(const struct moon_answer *answer, const struct moon_err *err, void *ctx)
{
    char text[512];

    (void)snprintf(text, sizeof(text), "%d %.*s%s%s", answer->status, MOON_STR_ARG(answer->body),
                   err != NULL ? " " : "", err != NULL ? moon_code_name(err->code) : "");
    note(ctx, text);
}

static void on_object(enum moon_event event, struct moon_str object, void *ctx)
{
    MOON_AUTOFREE char *text = moon_str_dup(object);

    (void)event;
    note(ctx, text);
}

static void on_listed(uint64_t version, const struct moon_err *err, void *ctx)
{
    char text[128];

    (void)snprintf(text, sizeof(text), "at %llu%s", (unsigned long long)version,
                   err != NULL ? err->text : "");
    note(ctx, text);
}

struct played {
    struct moon_loop *loop;
    struct moon_replay_calls *calls;
    struct moon_client *client;
};

static void begin(struct played *p)
{
    struct moon_err err;

    p->loop = moon_loop_new(&(struct moon_loop_opts){.virtual_clock = true}, &err);
    p->calls = moon_replay_calls_new(p->loop);
    struct moon_client_stand_in stand_in = moon_replay_calls_stand_in(p->calls);
    p->client = moon_client_new(p->loop, moon_kubeconfig_for_server("recording"),
                                &(struct moon_client_opts){.stand_in = &stand_in}, &err);
}

static void end(struct played *p)
{
    moon_client_free(p->client);
    moon_replay_calls_free(p->calls);
    moon_loop_free(p->loop);
}

static void get(struct played *p, struct heard *h)
{
    (void)moon_client_send(p->client, &(struct moon_request){.verb = MOON_VERB_GET,
                                                             .resource = &moon_resource_nodes,
                                                             .name = "n1",
                                                             .on_done = on_answer,
                                                             .ctx = h});
}

#define GET "get /api/v1/nodes/n1"

static void test_answers_come_as_they_came(void **state)
{
    struct played p;
    struct heard h = {{0}};

    (void)state;
    begin(&p);
    get(&p, &h);
    assert_true(moon_replay_calls_has(p.calls, GET));
    moon_replay_calls_give(
        p.calls, GET,
        moon_str("{\"at\":1,\"end\":\"" GET "\",\"status\":200,\"body\":{\"a\":1.50}}"));
    assert_false(moon_replay_calls_has(p.calls, GET));
    get(&p, &h);
    moon_replay_calls_give(p.calls, GET,
                           moon_str("{\"at\":1,\"end\":\"" GET "\",\"status\":404,\"body\":{"
                                    "\"kind\":\"Status\",\"reason\":\"NotFound\"}}"));
    get(&p, &h);
    moon_replay_calls_give(p.calls, GET,
                           moon_str("{\"at\":1,\"end\":\"" GET "\",\"status\":0,\"sent\":true,"
                                    "\"code\":9,\"error\":\"cut\"}"));
    assert_string_equal(h.log, "200 {\"a\":1.50};"
                               "404 {\"kind\":\"Status\",\"reason\":\"NotFound\"} not found;"
                               "0  network;");
    end(&p);
}

static void test_an_early_answer_waits(void **state)
{
    struct played p;
    struct heard h = {{0}};

    (void)state;
    begin(&p);
    moon_replay_calls_give(p.calls, GET,
                           moon_str("{\"at\":1,\"end\":\"" GET "\",\"status\":200,\"body\":{}}"));
    get(&p, &h);
    assert_string_equal(h.log, "");
    moon_loop_turn(p.loop, 0);
    moon_loop_turn(p.loop, 0);
    assert_string_equal(h.log, "200 {};");
    end(&p);
}

#define LIST "list /api/v1/nodes"

static void test_a_list_comes_item_by_item(void **state)
{
    static const char *const lines[] = {
        "{\"at\":1,\"item\":\"" LIST "\",\"object\":{\"a\":1}}",
        "{\"at\":1,\"item\":\"" LIST "\",\"object\":{\"a\":2}}",
        "{\"at\":1,\"end\":\"" LIST "\",\"status\":200,\"body\":{\"kind\":\"NodeList\","
        "\"items\":[],\"metadata\":{\"resourceVersion\":\"7\"}}}",
    };
    struct played p;
    struct heard h = {{0}};

    (void)state;
    begin(&p);
    for (int round = 0; round < 2; round++) { /* the second one is empty */
        (void)moon_list_start(p.client, &(struct moon_list_opts){.resource = &moon_resource_nodes,
                                                                 .on_object = on_object,
                                                                 .on_done = on_listed,
                                                                 .ctx = &h});
        for (size_t i = round == 0 ? 0 : 2; i < MOON_ARRAY_SIZE(lines); i++) {
            moon_replay_calls_give(p.calls, LIST, moon_str(lines[i]));
        }
    }
    assert_string_equal(h.log, "{\"a\":1};{\"a\":2};at 7;at 7;");
    end(&p);
}

/* ---- files ---- */

#define HEAD                                                                                       \
    "{\"moonset\":\"recording\",\"format\":1,\"by\":\"x\",\"time\":\"2026-01-02T03:04:05Z\","      \
    "\"wall_ms\":1767323045000,\"server\":\"\",\"settings\":{}}\n"

static int play(const char *text, struct moon_replay_result *ret, struct moon_err *err)
{
    MOON_AUTOFREE char *path = world_file(&world, "recording", text);
    struct moon_config *config = moon_config_new();

    int rc = moon_replay_run(&(struct moon_replay_opts){.path = path, .config = config}, ret, err);
    moon_config_free(config);
    return rc;
}

static void test_wrong_files(void **state)
{
    static const struct {
        const char *text;
        const char *error;
    } cases[] = {
        {"{}\n", "line 1: it does not begin as a recording does"},
        {HEAD "{\"x\":1}\n", "line 2: a line without a time"},
        {HEAD "{\"at\":1,\"x\":1}\n", "line 2: a line that this moonset does not know"},
        {HEAD "{\"at\":1,\"lead\":true}\n{\"policy\":\n", "line 3: "},
        {HEAD "{\"policy\":\"p\"}\n", "line 2: a policy without a name or a text"},
        {HEAD "{\"at\":1,\"policies\":[{\"policy\":\"p\"}]}\n",
         "line 2: a policy without a name or a text"},
        {HEAD "{\"at\":1,\"plan\":\"a/b\",\"actions\":[{\"verb\":\"create\"}]}\n",
         "line 2: an action without verb or kind"},
        {HEAD "{\"at\":1,\"asked\":5}\n", "line 2: asked: a text is wanted"},
        {HEAD "{\"at\":1,\"end\":7}\n", "line 2: a line that this moonset does not know"},
    };
    struct moon_replay_result result;
    struct moon_err err;

    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        assert_int_not_equal(play(cases[i].text, &result, &err), 0);
        assert_non_null(strstr(err.text, cases[i].error));
        moon_replay_result_fini(&result);
    }
}

static void test_what_is_cut_off_is_played_so_far(void **state)
{
    struct moon_replay_result result;
    struct moon_err err;

    (void)state;
    assert_int_equal(
        play(HEAD
             "{\"at\":5,\"wall_ms\":1767323045005,\"plan\":\"a/b\",\"actions\":[],\"notes\":[]}"
             "\n{\"at\":",
             &result, &err),
        0);
    assert_int_equal(result.plans, 1);
    assert_true(result.is_cut);
    assert_null(result.first);
    moon_replay_result_fini(&result);
}

static void test_a_decision_that_is_missing(void **state)
{
    struct moon_replay_result result;
    struct moon_err err;

    (void)state;
    assert_int_equal(
        play(HEAD "{\"at\":5,\"wall_ms\":1767323045005,\"plan\":\"a/b\",\"actions\":[{\"verb\":"
                  "\"create\",\"kind\":\"Pod\",\"name\":\"b-12345\",\"node\":\"n1\",\"reason\":"
                  "\"needed\"}],\"notes\":[]}\n",
             &result, &err),
        0);
    assert_non_null(result.first);
    assert_string_equal(moon_json_string(result.first, "node"), "n1");
    const cJSON *actions = moon_json_get(result.first, "recorded.actions");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetArrayItem(actions, 0)),
                        "create pod on n1: needed");
    assert_int_equal(cJSON_GetArraySize(moon_json_get(result.first, "replayed.actions")), 0);
    moon_replay_result_fini(&result);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_call_is_named_by_what_matters),
        TEST(test_answers_come_as_they_came),
        TEST(test_an_early_answer_waits),
        TEST(test_a_list_comes_item_by_item),
        TEST(test_wrong_files),
        TEST(test_what_is_cut_off_is_played_so_far),
        TEST(test_a_decision_that_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
