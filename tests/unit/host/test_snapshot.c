/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/metrics.h"
#include "host/picture_pods.h"
#include "kube/watch.h"

static const char salt[MOON_LEAN_SALT] = "a salt of a test";

static char *lean(const struct moon_resource *r, const char *text)
{
    struct moon_buf out = MOON_BUF_INIT(64 * 1024);
    struct moon_err err;

    assert_int_equal(moon_lean_object(r, moon_str(text), salt, &out, &err), 0);
    return moon_buf_take(&out, NULL);
}

/* ---- lean ---- */

static void test_cuts_what_nobody_reads(void **state)
{
    (void)state;
    MOON_AUTOFREE char *node =
        lean(&moon_resource_nodes,
             "{\"metadata\":{\"name\":\"n1\",\"managedFields\":[1],\"annotations\":{\"a\":\"b\","
             "\"kubectl.kubernetes.io/last-applied-configuration\":\"x\"}},\n"
             "\"spec\":{\"x\":1.50},\"status\":{\"images\":[{}],\"phase\":\"p\"}}");
    assert_string_equal(node, "{\"metadata\":{\"name\":\"n1\",\"annotations\":{\"a\":\"b\"}},"
                              "\"spec\":{\"x\":1.50},\"status\":{\"phase\":\"p\"}}");
    MOON_AUTOFREE char *pod =
        lean(&moon_resource_pods, "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"nodeName\":\"n1\","
                                  "\"volumes\":[{}]},\"other\":1}");
    assert_string_equal(pod, "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"nodeName\":\"n1\"}}");
}

static char *with_env(const char *value)
{
    MOON_AUTOFREE char *text =
        moon_asprintf("{\"spec\":{\"containers\":[{\"env\":[{\"name\":\"A\",\"value\":\"%s\"},"
                      "{\"name\":\"B\",\"valueFrom\":{\"x\":\"y\"}}],\"args\":[\"z\"]}]}}",
                      value);
    return lean(&moon_resource_daemonsets, text);
}

static void test_redacts_variables(void **state)
{
    (void)state;
    MOON_AUTOFREE char *one = with_env("hunter2");
    MOON_AUTOFREE char *same = with_env("hunter2");
    MOON_AUTOFREE char *other = with_env("hunter3");
    assert_null(strstr(one, "hunter"));
    assert_non_null(strstr(one, "{\"name\":\"A\",\"value\":\"redacted-"));
    assert_non_null(strstr(one, "{\"name\":\"B\",\"valueFrom\":{\"x\":\"y\"}}],\"args\":[\"z\"]}"));
    assert_string_equal(one, same);
    assert_string_not_equal(one, other);
}

static void test_redacts_only_lists_of_variables(void **state)
{
    (void)state;
    static const char text[] = "{\"env\":\"x\",\"a\":{\"env\":[\"y\"]},\"env\":[]}";
    MOON_AUTOFREE char *out = lean(&moon_resource_daemonsets, text);
    assert_string_equal(out, text);
}

static void test_broken_text_is_an_error(void **state)
{
    struct moon_buf out = MOON_BUF_INIT(64 * 1024);
    struct moon_err err;

    (void)state;
    assert_int_not_equal(
        moon_lean_object(&moon_resource_nodes, moon_str("{\"a\":"), salt, &out, &err), 0);
    assert_int_equal(out.len, 0);
    moon_buf_fini(&out);
}

/* ---- files ---- */

#define HEAD                                                                                       \
    "{\"moonset\":\"snapshot\",\"format\":1,\"by\":\"0.1.0\",\"time\":\"2026-01-02T03:04:05Z\","   \
    "\"wall_ms\":1767323045000,\"server\":\"v1.30.4\",\"settings\":{\"placement\":\"direct\"}}\n"
#define POLICY                                                                                     \
    "{\"policy\":\"p\",\"version\":\"0123\",\"source\":\"p.lua\",\"text\":\"return {}\\n\"}\n"
#define OBJECT                                                                                     \
    "{\"resource\":\"nodes\",\"object\":{\"metadata\":{\"name\":\"n1\",\"uid\":\"u1\","            \
    "\"resourceVersion\":\"7\",\"labels\":{\"a\":\"b\"}}}}\n"

#define FIGURES                                                                                    \
    "{\"asked\":\"prometheus up\",\"found\":[{\"value\":1.5,\"at_ms\":1767323044000,"              \
    "\"labels\":{\"a\":\"b\"}}]}\n"

static void test_read_and_written_again(void **state)
{
    struct moon_buf out = MOON_BUF_INIT(64 * 1024);
    struct moon_err err;

    (void)state;
    struct moon_snapshot *s = moon_snapshot_parse(moon_str(HEAD POLICY OBJECT FIGURES), &err);
    assert_non_null(s);
    assert_int_equal(s->scene.wall_ms, 1767323045000);
    assert_int_equal(s->scene.policy_count, 1);
    assert_string_equal(s->scene.policies[0].text.ptr, "return {}\n");
    moon_snapshot_write(s, &out);
    /* who wrote it is of now */
    MOON_AUTOFREE char *by = moon_asprintf("\"by\":\"%s\"", MOONSET_VERSION);
    assert_non_null(strstr(moon_buf_cstr(&out), by));
    assert_non_null(strstr(moon_buf_cstr(&out), "\"server\":\"v1.30.4\""));
    assert_non_null(strstr(moon_buf_cstr(&out), "\n" POLICY OBJECT FIGURES));
    moon_buf_fini(&out);
    moon_snapshot_free(s);
}

static void test_wrong_files(void **state)
{
    static const struct {
        const char *text;
        const char *error;
    } cases[] = {
        {"", "line 1: "},
        {"{}\n", "line 1: it does not begin as a snapshot does"},
        {"{\"moonset\":\"snapshot\",\"format\":2}\n", "line 1: it has format 2"},
        {"{\"moonset\":\"snapshot\",\"format\":1}\n", "line 1: wall_ms: no time"},
        {HEAD "{\"x\":1}\n", "line 2: it has neither a policy nor an object"},
        {HEAD "{\"resource\":\"nodes\",\"object\":{}}\n", "line 2: object.metadata.uid is missing"},
        {HEAD OBJECT "{\"policy\":\n", "line 3: "},
        {HEAD "{\"asked\":5}\n", "line 2: asked: a text is wanted"},
        {HEAD "{\"asked\":\"a b\"}\n", "line 2: an answer with neither \"found\" nor \"error\""},
        {HEAD "{\"policy\":5,\"text\":\"\"}\n", "line 2: a policy without a name or a text"},
        {HEAD "{\"policy\":\"p\"}\n", "line 2: a policy without a name or a text"},
    };
    struct moon_err err;

    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        assert_null(moon_snapshot_parse(moon_str(cases[i].text), &err));
        assert_true(moon_str_starts(moon_str(err.text), cases[i].error));
    }
}

static void test_settings_of_the_command_line_win(void **state)
{
    char flag[] = "--placement=affinity";
    char *argv[] = {flag, flag, NULL};
    struct moon_err err;
    bool help = false;

    (void)state;
    struct moon_snapshot *s = moon_snapshot_parse(moon_str(HEAD), &err);
    struct moon_config *c = moon_config_new();
    assert_int_equal(moon_scene_give_settings(&s->scene, c, &err), 0);
    assert_int_equal(c->placement, MOON_PLACE_DIRECT);
    moon_config_free(c);
    c = moon_config_new();
    assert_int_equal(moon_config_parse_args(c, 2, argv, &help, &err), 0);
    assert_int_equal(moon_scene_give_settings(&s->scene, c, &err), 0);
    assert_int_equal(c->placement, MOON_PLACE_AFFINITY);
    moon_config_free(c);
    moon_snapshot_free(s);
}

/* Each of these changes what is planned. */
static void test_settings_that_decide_are_taken(void **state)
{
    char guard[] = "--policy-guard=off";
    char dry[] = "--dry-run";
    char placement[] = "--placement=direct";
    char watch[] = "--pod-watch=all";
    char *argv[] = {guard, guard, dry, placement, watch, NULL};
    struct moon_scene scene = {0};
    struct moon_err err;
    bool help = false;

    (void)state;
    struct moon_config *c = moon_config_new();
    assert_int_equal(moon_config_parse_args(c, 5, argv, &help, &err), 0);
    moon_scene_take_settings(&scene, c);
    moon_config_free(c);
    c = moon_config_new();
    assert_int_equal(moon_scene_give_settings(&scene, c, &err), 0);
    assert_string_equal(c->policy_guard, "off");
    assert_true(c->dry_run);
    assert_int_equal(c->placement, MOON_PLACE_DIRECT);
    assert_int_equal(c->pod_watch, MOON_POD_WATCH_ALL);
    moon_config_free(c);
    moon_scene_fini(&scene);
}

/* ---- policies ---- */

#define REQUIRES                                                                                   \
    "local words = require 'words'\n"                                                              \
    "return { api = 1, select = function() return false, words end }\n"

static void offer(struct moon_policies *p, const char *source, const char *path, const char *words)
{
    moon_policies_offer(p, source,
                        (const struct moon_policy_file[]){
                            {.path = path, .text = moon_str(REQUIRES)},
                            {.path = "words", .text = moon_str(words)},
                        },
                        2);
}

static void add_version(const struct moon_policy_info *info, void *ctx)
{
    if (!moon_streq(info->source, "built in")) {
        moon_buf_printf(ctx, "%s@%s;", info->name, info->version);
    }
}

/* The version is a digest over a policy and what it requires. */
static char *versions(const struct moon_policies *p)
{
    struct moon_buf out = MOON_BUF_INIT(4096);

    moon_policies_each(p, add_version, &out);
    return moon_buf_take(&out, NULL);
}

static void test_two_policies_have_modules_of_one_name(void **state)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(1 << 20);
    struct moon_scene scene = {.wall_ms = 1767323045000};
    struct moon_err err;

    (void)state;
    struct moon_policies *p = moon_policies_new(NULL, &(struct moon_policies_opts){0}, &err);
    offer(p, "configmap ns/a", "one.lua", "return 'one'");
    offer(p, "configmap ns/b", "two.lua", "return 'two'");
    MOON_AUTOFREE char *then = versions(p);
    scene.settings = cJSON_CreateObject();
    moon_scene_take_policies(&scene, p);
    moon_policies_free(p);
    moon_scene_write(&scene, "snapshot", MOON_SNAPSHOT_FORMAT, &out);
    moon_scene_write_policies(&scene, &out);
    moon_scene_fini(&scene);
    struct moon_snapshot *s = moon_snapshot_parse(moon_buf_str(&out), &err);
    assert_non_null(s);
    p = moon_policies_new(NULL,
                          &(struct moon_policies_opts){.texts = s->scene.policies,
                                                       .text_count = s->scene.policy_count},
                          &err);
    MOON_AUTOFREE char *now = versions(p);
    assert_non_null(strstr(then, "two@"));
    assert_string_equal(now, then);
    moon_policies_free(p);
    moon_snapshot_free(s);
    moon_metrics_reset();
}

/* ---- a cluster in memory ---- */

struct world {
    struct moon_loop *loop;
    struct moon_picture *picture;
    struct moon_client *client;
    char log[4096]; /* what the watch has told */
    int status;     /* of the last write */
};

static void settle(const struct world *w)
{
    moon_loop_come_to_rest(w->loop);
}

static void begin(struct world *w, const char *text)
{
    struct moon_err err;
    struct moon_snapshot *s = moon_snapshot_parse(moon_str(text), &err);

    *w = (struct world){0};
    assert_non_null(s);
    w->loop = moon_loop_new(
        &(struct moon_loop_opts){.virtual_clock = true, .wall_ms = s->scene.wall_ms}, &err);
    w->picture = moon_picture_new(&(struct moon_picture_opts){.loop = w->loop}, s);
    moon_snapshot_free(s);
    struct moon_client_stand_in stand_in = moon_picture_stand_in(w->picture);
    w->client = moon_client_new(w->loop, moon_kubeconfig_for_server("picture"),
                                &(struct moon_client_opts){.stand_in = &stand_in}, &err);
    assert_non_null(w->client);
}

static void end(struct world *w)
{
    moon_client_free(w->client);
    moon_picture_free(w->picture);
    moon_loop_free(w->loop);
}

static void note(struct world *w, const char *what, struct moon_str name)
{
    size_t len = strlen(w->log);

    (void)snprintf(w->log + len, sizeof(w->log) - len, "%s %.*s;", what, MOON_STR_ARG(name));
}

static void on_object(enum moon_event event, struct moon_str object, void *ctx)
{
    static const char *const names[] = {[MOON_EVENT_LISTED] = "listed",
                                        [MOON_EVENT_ADDED] = "added",
                                        [MOON_EVENT_MODIFIED] = "modified",
                                        [MOON_EVENT_DELETED] = "deleted"};
    struct moon_str name = {0};

    (void)moon_json_find(object, MOON_JSON_PATH("metadata", "name"), &name);
    note(ctx, names[event], name);
}

static struct moon_watch *watch(struct world *w, const char *selector)
{
    struct moon_watch *made =
        moon_watch_new(w->client, &(struct moon_watch_opts){.resource = &moon_resource_pods,
                                                            .label_selector = selector,
                                                            .on_object = on_object,
                                                            .ctx = w});
    settle(w);
    assert_true(moon_watch_is_listed(made));
    return made;
}

static void on_written(const struct moon_answer *answer, const struct moon_err *err, void *ctx)
{
    struct world *w = ctx;

    (void)err;
    w->status = answer->status;
}

static int send(struct world *w, enum moon_verb verb, const char *name, const char *body)
{
    (void)moon_client_send(w->client, &(struct moon_request){.verb = verb,
                                                             .resource = &moon_resource_pods,
                                                             .namespace = "ns",
                                                             .name = name,
                                                             .body = moon_str(body),
                                                             .on_done = on_written,
                                                             .ctx = w});
    settle(w);
    return w->status;
}

#define POD                                                                                        \
    "{\"resource\":\"pods\",\"object\":{\"metadata\":{\"name\":\"p1\",\"namespace\":\"ns\","       \
    "\"uid\":\"u1\",\"resourceVersion\":\"7\",\"labels\":{\"a\":\"b\"},\"ownerReferences\":"       \
    "[{\"uid\":\"o1\"}]}}}\n"

static void test_lists_and_tells(void **state)
{
    struct world w;

    (void)state;
    begin(&w, HEAD POD);
    struct moon_watch *all = watch(&w, NULL);
    assert_string_equal(w.log, "listed \"p1\";");
    w.log[0] = '\0';
    struct moon_watch *other = watch(&w, "a!=b");
    assert_string_equal(w.log, "");
    assert_int_equal(send(&w, MOON_VERB_CREATE, NULL,
                          "{\"metadata\":{\"name\":\"p2\",\"labels\":{\"a\":\"c\"}}}"),
                     201);
    assert_string_equal(w.log, "added \"p2\";added \"p2\";");
    w.log[0] = '\0';
    /* out of sight of the one, changed for the other */
    assert_int_equal(
        send(&w, MOON_VERB_PATCH_MERGE, "p2", "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}"), 200);
    assert_string_equal(w.log, "modified \"p2\";deleted \"p2\";");
    w.log[0] = '\0';
    assert_int_equal(send(&w, MOON_VERB_DELETE, "p2", "{}"), 200);
    assert_string_equal(w.log, "deleted \"p2\";");
    assert_int_equal(send(&w, MOON_VERB_GET, "p2", NULL), 404);
    moon_watch_free(all);
    moon_watch_free(other);
    end(&w);
}

static void test_refuses_as_a_server(void **state)
{
    struct world w;

    (void)state;
    begin(&w, HEAD POD);
    assert_int_equal(send(&w, MOON_VERB_CREATE, NULL, "{\"metadata\":{\"name\":\"p1\"}}"), 409);
    assert_int_equal(send(&w, MOON_VERB_DELETE, "p1", "{\"preconditions\":{\"uid\":\"u2\"}}"), 409);
    assert_int_equal(send(&w, MOON_VERB_PATCH_MERGE, "p1", "{\"metadata\":{\"uid\":\"u2\"}}"), 409);
    assert_int_equal(send(&w, MOON_VERB_PATCH_MERGE, "p9", "{}"), 404);
    assert_int_equal(send(&w, MOON_VERB_PATCH_JSON, "p1", "[]"), 405);
    assert_int_equal(send(&w, MOON_VERB_GET, "p1", NULL), 200);
    end(&w);
}

static void count_owners(const struct moon_answer *answer, const struct moon_err *err, void *ctx)
{
    struct moon_err ignored;
    MOON_AUTOJSON *json = moon_json_parse(answer->body, &ignored);

    (void)err;
    *(int *)ctx = cJSON_GetArraySize(moon_json_get(json, "metadata.ownerReferences"));
}

static int owners(const struct world *w)
{
    int count = -1;

    (void)moon_client_send(w->client, &(struct moon_request){.verb = MOON_VERB_GET,
                                                             .resource = &moon_resource_pods,
                                                             .namespace = "ns",
                                                             .name = "p1",
                                                             .on_done = count_owners,
                                                             .ctx = &count});
    settle(w);
    return count;
}

static void test_owners_are_merged(void **state)
{
    struct world w;

    (void)state;
    begin(&w, HEAD POD);
    assert_int_equal(send(&w, MOON_VERB_PATCH_STRATEGIC, "p1",
                          "{\"metadata\":{\"uid\":\"u1\",\"ownerReferences\":[{\"uid\":\"o2\"}]}}"),
                     200);
    assert_int_equal(owners(&w), 2);
    assert_int_equal(send(&w, MOON_VERB_PATCH_STRATEGIC, "p1",
                          "{\"metadata\":{\"uid\":\"u1\",\"ownerReferences\":[{\"$patch\":"
                          "\"delete\",\"uid\":\"o1\"}]}}"),
                     200);
    assert_int_equal(owners(&w), 1);
    end(&w);
}

/* ---- who plays the nodes ---- */

#define NODE(name, ready)                                                                          \
    "{\"resource\":\"nodes\",\"object\":{\"metadata\":{\"name\":\"" name "\",\"uid\":\"" name      \
    "\",\"resourceVersion\":\"7\"},\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":"    \
    "\"" ready "\"}]}}}\n"
#define PINNED(name, node)                                                                         \
    "{\"metadata\":{\"name\":\"" name "\"},\"spec\":{\"affinity\":{\"nodeAffinity\":{"             \
    "\"requiredDuringSchedulingIgnoredDuringExecution\":{\"nodeSelectorTerms\":[{"                 \
    "\"matchFields\":[{\"key\":\"metadata.name\",\"operator\":\"In\",\"values\":[\"" node          \
    "\"]}]}]}}}}}"

static void begin_with_pods(struct world *w, struct moon_picture_pods **ret_pods)
{
    struct moon_err err;
    struct moon_snapshot *s =
        moon_snapshot_parse(moon_str(HEAD POD NODE("n1", "True") NODE("n2", "False")), &err);

    *w = (struct world){0};
    w->loop = moon_loop_new(&(struct moon_loop_opts){.virtual_clock = true}, &err);
    *ret_pods =
        moon_picture_pods_new(&(struct moon_picture_pods_opts){.loop = w->loop, .start_ms = 10000});
    w->picture = moon_picture_new(&(struct moon_picture_opts){.loop = w->loop,
                                                              .on_write = moon_picture_pods_written,
                                                              .ctx = *ret_pods},
                                  s);
    moon_picture_pods_begin(*ret_pods, w->picture, s);
    moon_snapshot_free(s);
    struct moon_client_stand_in stand_in = moon_picture_stand_in(w->picture);
    w->client = moon_client_new(w->loop, moon_kubeconfig_for_server("picture"),
                                &(struct moon_client_opts){.stand_in = &stand_in}, &err);
}

static void keep_body(const struct moon_answer *answer, const struct moon_err *err, void *ctx)
{
    struct world *w = ctx;

    (void)err;
    (void)snprintf(w->log, sizeof(w->log), "%.*s", MOON_STR_ARG(answer->body));
}

static const char *read_pod(struct world *w, const char *name)
{
    (void)moon_client_send(w->client, &(struct moon_request){.verb = MOON_VERB_GET,
                                                             .resource = &moon_resource_pods,
                                                             .namespace = "ns",
                                                             .name = name,
                                                             .on_done = keep_body,
                                                             .ctx = w});
    settle(w);
    return w->log;
}

static void test_new_pods_become_ready(void **state)
{
    struct moon_picture_pods *pods;
    struct world w;

    (void)state;
    begin_with_pods(&w, &pods);
    assert_int_equal(moon_picture_pods_starting(pods), 1); /* the one that was there */
    assert_int_equal(send(&w, MOON_VERB_CREATE, NULL, PINNED("p2", "n1")), 201);
    assert_int_equal(send(&w, MOON_VERB_CREATE, NULL, PINNED("p3", "n2")), 201);
    assert_non_null(strstr(read_pod(&w, "p2"), "\"nodeName\":\"n1\""));
    assert_null(strstr(w.log, "Ready"));
    moon_loop_advance(w.loop, 9000);
    assert_null(strstr(read_pod(&w, "p2"), "Ready"));
    moon_loop_advance(w.loop, 2000);
    assert_non_null(strstr(read_pod(&w, "p2"), "\"type\":\"Ready\",\"status\":\"True\""));
    assert_null(strstr(read_pod(&w, "p3"), "Ready")); /* its node is not */
    assert_int_equal(moon_picture_pods_starting(pods), 0);
    end(&w);
    moon_picture_pods_free(pods);
}

static void test_a_deleted_pod_does_not_start(void **state)
{
    struct moon_picture_pods *pods;
    struct world w;

    (void)state;
    begin_with_pods(&w, &pods);
    assert_int_equal(send(&w, MOON_VERB_DELETE, "p1", "{}"), 200);
    assert_int_equal(moon_picture_pods_starting(pods), 0);
    end(&w);
    moon_picture_pods_free(pods);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cuts_what_nobody_reads),
        cmocka_unit_test(test_redacts_variables),
        cmocka_unit_test(test_redacts_only_lists_of_variables),
        cmocka_unit_test(test_broken_text_is_an_error),
        cmocka_unit_test(test_read_and_written_again),
        cmocka_unit_test(test_wrong_files),
        cmocka_unit_test(test_settings_of_the_command_line_win),
        cmocka_unit_test(test_settings_that_decide_are_taken),
        cmocka_unit_test(test_two_policies_have_modules_of_one_name),
        cmocka_unit_test(test_lists_and_tells),
        cmocka_unit_test(test_refuses_as_a_server),
        cmocka_unit_test(test_owners_are_merged),
        cmocka_unit_test(test_new_pods_become_ready),
        cmocka_unit_test(test_a_deleted_pod_does_not_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
