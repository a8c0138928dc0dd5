/* SPDX-License-Identifier: Apache-2.0
 *
 * client_check - kube/client and kube/watch against a real API server.
 *
 *   client_check DIR      DIR is what tests/cluster/up printed
 *
 * Makes a handful of nodes of its own and removes them again. What the scripted server of the unit
 * tests claims about Kubernetes is checked here: TLS and logins, what errors say, pages, streamed
 * lists or their refusal, resuming, and forgotten versions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/metrics.h"
#include "io/file.h"
#include "kube/client_priv.h"
#include "kube/watch.h"
#include "kube/watch_event.h"

enum {
    NODES = 5,
    DEADLINE_MS = 10 * 1000,
};

static const char *cluster_dir;

struct fixture {
    struct moon_loop *loop;
    struct moon_client *client;

    size_t done; /* of ask */
    bool is_fine;
    struct moon_err err;
    int status;
    char *body;

    /* Of a list or a watch; only our own nodes count. */
    size_t listed;
    size_t added;
    size_t modified;
    size_t deleted;
    size_t begun;
    size_t completed;
    size_t bookmarks;
    size_t errors;
    uint64_t version;

    struct moon_buf stream; /* of a raw watch */
};

/* ---- helpers ---- */

static void wait_until(struct fixture *f, const size_t *counter, size_t wanted, const char *what)
{
    uint64_t end = moon_loop_now(f->loop) + DEADLINE_MS;
    while (*counter < wanted && moon_loop_now(f->loop) < end) {
        moon_loop_turn(f->loop, 50);
    }
    if (*counter < wanted) {
        fail_msg("%s is %zu, not %zu; the last error was: %s", what, *counter, wanted, f->err.text);
    }
}
#define WAIT(f, counter, wanted) wait_until((f), &(f)->counter, (wanted), #counter)

static struct moon_kubeconfig *config_of(const char *user)
{
    struct moon_err err;
    MOON_AUTOFREE char *path = moon_asprintf("%s/%s.kubeconfig", cluster_dir, user);
    struct moon_kubeconfig *k =
        moon_kubeconfig_load(&(struct moon_kubeconfig_opts){.path = path}, &err);
    if (k == NULL) {
        fail_msg("%s", err.text);
    }
    return k;
}

static void open_client(struct fixture *f, struct moon_kubeconfig *take_config)
{
    struct moon_err err;
    *f = (struct fixture){0};
    f->loop = moon_loop_new(NULL, &err);
    assert_non_null(f->loop);
    f->client = moon_client_new(f->loop, take_config, NULL, &err);
    assert_non_null(f->client);
}

static void close_client(struct fixture *f)
{
    moon_client_free(f->client);
    moon_loop_free(f->loop);
    moon_free(f->body);
    moon_buf_fini(&f->stream);
}

static void on_done(const struct moon_answer *answer, const struct moon_err *err, void *ctx)
{
    struct fixture *f = ctx;
    f->done++;
    f->is_fine = err == NULL;
    f->err = err != NULL ? *err : (struct moon_err){0};
    f->status = answer->status;
    moon_free(f->body);
    f->body = moon_str_dup(answer->body);
}

static void ask(struct fixture *f, struct moon_request request)
{
    f->done = 0;
    request.on_done = on_done;
    request.ctx = f;
    moon_client_send(f->client, &request);
    WAIT(f, done, 1);
}

static void ask_fine(struct fixture *f, struct moon_request request)
{
    ask(f, request);
    if (!f->is_fine) {
        fail_msg("%s", f->err.text);
    }
}

static struct moon_request list_nodes(void)
{
    return (struct moon_request){.verb = MOON_VERB_LIST, .resource = &moon_resource_nodes};
}

static void make_node(struct fixture *f, int index)
{
    MOON_AUTOFREE char *body = moon_asprintf(
        "{\"kind\":\"Node\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"check-%d\",\"labels\":"
        "{\"check\":\"yes\"}}}",
        index);
    ask(f, (struct moon_request){
               .verb = MOON_VERB_CREATE, .resource = &moon_resource_nodes, .body = moon_str(body)});
    assert_true(f->is_fine || f->err.code == MOON_E_EXISTS);
}

static void change_node(struct fixture *f, int index, const char *value)
{
    MOON_AUTOFREE char *name = moon_asprintf("check-%d", index);
    MOON_AUTOFREE char *body = moon_asprintf("{\"metadata\":{\"labels\":{\"x\":\"%s\"}}}", value);
    ask_fine(f, (struct moon_request){.verb = MOON_VERB_PATCH_MERGE,
                                      .resource = &moon_resource_nodes,
                                      .name = name,
                                      .body = moon_str(body)});
}

static void delete_node(struct fixture *f, int index)
{
    MOON_AUTOFREE char *name = moon_asprintf("check-%d", index);
    ask(f, (struct moon_request){
               .verb = MOON_VERB_DELETE, .resource = &moon_resource_nodes, .name = name});
    assert_true(f->is_fine || f->err.code == MOON_E_NOT_FOUND);
}

/* ---- getting in ---- */

static void check_logins(void **state)
{
    static const char *const USERS[] = {"admin", "admin-cert", "moonset", "moonset-cert", "sim"};
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(USERS); i++) {
        struct fixture f;
        open_client(&f, config_of(USERS[i]));
        ask_fine(&f, list_nodes());
        close_client(&f);
    }
}

static void expect_failure(struct moon_kubeconfig *take_config, enum moon_code code,
                           const char *expected)
{
    struct fixture f;
    open_client(&f, take_config);
    ask(&f, list_nodes());
    assert_false(f.is_fine);
    print_message("  %s\n", f.err.text);
    assert_int_equal(f.err.code, code);
    assert_non_null(strstr(f.err.text, expected));
    close_client(&f);
}

static void check_strangers(void **state)
{
    (void)state;
    struct moon_kubeconfig *k = config_of("admin");
    moon_free(k->tls.ca_file);
    k->tls.ca_file = moon_asprintf("%s/certs/client-ca.crt", cluster_dir);
    expect_failure(k, MOON_E_NETWORK, "ertificate");

    k = config_of("admin");
    k->tls.server_name = moon_strdup("other.example");
    expect_failure(k, MOON_E_NETWORK, "other.example");

    k = config_of("admin");
    moon_free(k->token);
    k->token = moon_strdup("wrong");
    expect_failure(k, MOON_E_DENIED, "does not accept the credentials");

    expect_failure(config_of("viewer"), MOON_E_DENIED, "list nodes: ");
}

static void check_server_name(void **state)
{
    struct fixture f;
    (void)state;
    struct moon_kubeconfig *k = config_of("admin");
    k->tls.server_name = moon_strdup("kubernetes.default.svc");
    open_client(&f, k);
    ask_fine(&f, list_nodes());
    close_client(&f);

    k = config_of("admin");
    moon_free(k->tls.ca_file);
    k->tls.ca_file = NULL;
    k->tls.insecure = true;
    open_client(&f, k);
    ask_fine(&f, list_nodes());
    close_client(&f);
}

/* ---- answers ---- */

static void check_answers(void **state)
{
    static const struct moon_resource NONE = {"none.example", "v1", "widgets", "Widget", false};
    struct fixture f;
    (void)state;
    open_client(&f, config_of("admin"));
    ask_fine(&f, (struct moon_request){.verb = MOON_VERB_GET, .path = "/version"});
    assert_non_null(strstr(f.body, "gitVersion"));

    ask(&f, (struct moon_request){.verb = MOON_VERB_LIST, .resource = &NONE});
    assert_int_equal(f.err.code, MOON_E_NOT_FOUND);
    assert_non_null(strstr(f.err.text, "list widgets.none.example: "));

    ask(&f, (struct moon_request){
                .verb = MOON_VERB_GET, .resource = &moon_resource_nodes, .name = "no-such"});
    assert_int_equal(f.err.code, MOON_E_NOT_FOUND);
    assert_string_equal(f.err.text, "nodes \"no-such\" not found");

    make_node(&f, 0);
    make_node(&f, 0);
    assert_int_equal(f.err.code, MOON_E_EXISTS);
    ask(&f, (struct moon_request){
                .verb = MOON_VERB_PATCH_MERGE,
                .resource = &moon_resource_nodes,
                .name = "check-0",
                .body = MOON_STR_LIT("{\"metadata\":{\"resourceVersion\":\"1\",\"labels\":{}}}")});
    assert_int_equal(f.err.code, MOON_E_CONFLICT);
    ask(&f,
        (struct moon_request){.verb = MOON_VERB_PATCH_MERGE,
                              .resource = &moon_resource_nodes,
                              .name = "check-0",
                              .body = MOON_STR_LIT("{\"metadata\":{\"labels\":{\"a b\":\"\"}}}")});
    assert_int_equal(f.err.code, MOON_E_INVALID);
    ask(&f, (struct moon_request){.verb = MOON_VERB_CREATE,
                                  .resource = &moon_resource_nodes,
                                  .body = MOON_STR_LIT("{\"kind\":\"Node\"")});
    assert_int_equal(f.err.code, MOON_E_INVALID);
    close_client(&f);
}

/* ---- lists ---- */

static void on_object(enum moon_event event, struct moon_str object, void *ctx)
{
    struct fixture *f = ctx;
    struct moon_str name;
    assert_true(moon_json_find(object, MOON_JSON_PATH("metadata", "name"), &name));
    f->listed += event == MOON_EVENT_LISTED;
    f->added += event == MOON_EVENT_ADDED;
    f->modified += event == MOON_EVENT_MODIFIED;
    f->deleted += event == MOON_EVENT_DELETED;
}

static void on_list_done(uint64_t version, const struct moon_err *err, void *ctx)
{
    struct fixture *f = ctx;
    f->done++;
    f->version = version;
    f->err = err != NULL ? *err : (struct moon_err){0};
}

static void list(struct fixture *f, const struct moon_resource *resource, const char *selector)
{
    f->done = 0;
    f->listed = 0;
    moon_list_start(f->client, &(struct moon_list_opts){.resource = resource,
                                                        .label_selector = selector,
                                                        .page_limit = 2,
                                                        .on_object = on_object,
                                                        .on_done = on_list_done,
                                                        .ctx = f});
    WAIT(f, done, 1);
    assert_int_equal(f->err.code, MOON_OK);
    assert_true(f->version > 0);
}

static void check_pages(void **state)
{
    struct fixture f;
    (void)state;
    open_client(&f, config_of("admin"));
    for (int i = 0; i < NODES; i++) {
        make_node(&f, i);
    }
    list(&f, &moon_resource_nodes, "check=yes");
    assert_int_equal(f.listed, NODES);
    list(&f, &moon_resource_nodes, "check in (no)");
    assert_int_equal(f.listed, 0);
    list(&f, &moon_resource_pods, NULL);
    close_client(&f);
}

/* ---- watches ---- */

static void on_list_begin(void *ctx)
{
    struct fixture *f = ctx;
    f->begun++;
    f->listed = 0;
}

static void on_list_end(uint64_t version, void *ctx)
{
    struct fixture *f = ctx;
    f->completed++;
    f->version = version;
}

static void on_bookmark(uint64_t version, void *ctx)
{
    struct fixture *f = ctx;
    assert_true(version >= f->version);
    f->bookmarks++;
}

static void on_error(const struct moon_err *err, void *ctx)
{
    struct fixture *f = ctx;
    print_message("  %s\n", err->text);
    f->err = *err;
    f->errors++;
}

static struct moon_watch *watch_nodes(struct fixture *f)
{
    return moon_watch_new(f->client, &(struct moon_watch_opts){.resource = &moon_resource_nodes,
                                                               .label_selector = "check=yes",
                                                               .page_limit = 2,
                                                               .on_list_begin = on_list_begin,
                                                               .on_object = on_object,
                                                               .on_list_end = on_list_end,
                                                               .on_bookmark = on_bookmark,
                                                               .on_error = on_error,
                                                               .ctx = f});
}

static void check_watch(void **state)
{
    struct fixture f;
    (void)state;
    open_client(&f, config_of("admin"));
    for (int i = 0; i < NODES; i++) {
        make_node(&f, i);
    }
    struct moon_watch *w = watch_nodes(&f);
    WAIT(&f, completed, 1);
    assert_int_equal(f.listed, NODES);
    print_message("  lists are streamed: %s\n",
                  moon_client_offers_streamed_lists(f.client) ? "yes" : "no");
    make_node(&f, NODES);
    WAIT(&f, added, 1);
    change_node(&f, NODES, "1");
    change_node(&f, NODES, "2");
    WAIT(&f, modified, 2);
    delete_node(&f, NODES);
    WAIT(&f, deleted, 1);
    assert_int_equal(f.errors, 0);
    moon_watch_free(w);
    close_client(&f);
}

static void check_denied_watch(void **state)
{
    struct fixture f;
    (void)state;
    open_client(&f, config_of("viewer"));
    struct moon_watch *w = watch_nodes(&f);
    WAIT(&f, errors, 1);
    assert_int_equal(f.err.code, MOON_E_DENIED);
    assert_non_null(strstr(f.err.text, "nodes"));
    moon_watch_free(w);
    close_client(&f);
}

/* ---- forgotten versions ---- */

/* The address of etcd stands in DIR/env. */
static char *etcd_url(void)
{
    struct moon_err err;
    MOON_AUTOFREE char *path = moon_asprintf("%s/env", cluster_dir);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(64 << 10);
    assert_int_equal(moon_file_read(path, &text, &err), 0);
    struct moon_str rest = moon_buf_str(&text);
    struct moon_str line;
    while (moon_str_split(&rest, '\n', &line)) {
        if (moon_str_starts(line, "ETCD_URL=")) {
            size_t skipped = strlen("ETCD_URL=");
            return moon_str_dup((struct moon_str){line.ptr + skipped, line.len - skipped});
        }
    }
    fail_msg("%s has no ETCD_URL", path);
    return NULL;
}

/* Make etcd forget everything before `version`. */
static void compact(const char *version)
{
    struct fixture f;
    MOON_AUTOFREE char *url = etcd_url();
    MOON_AUTOFREE char *body = moon_asprintf("{\"revision\":\"%s\",\"physical\":true}", version);
    open_client(&f, moon_kubeconfig_for_server(url));
    ask_fine(&f, (struct moon_request){.verb = MOON_VERB_CREATE,
                                       .path = "/v3/kv/compaction",
                                       .body = moon_str(body)});
    close_client(&f);
}

static bool on_raw_data(struct moon_str piece, void *ctx)
{
    struct fixture *f = ctx;
    moon_buf_add_str(&f->stream, piece);
    return true;
}

/* Events have no watch cache: their watch asks etcd itself. */
static void expect_watch_from_1_to_be_gone(struct fixture *f)
{
    f->done = 0;
    f->stream.max_bytes = 1 << 20;
    moon_client_send(
        f->client, &(struct moon_request){.verb = MOON_VERB_WATCH,
                                          .resource = &moon_resource_events,
                                          .query = "watch=true&resourceVersion=1&timeoutSeconds=5",
                                          .on_data = on_raw_data,
                                          .on_done = on_done,
                                          .ctx = f});
    WAIT(f, done, 1);
    print_message("  HTTP %d: %s%s\n", f->status, f->err.text, moon_buf_cstr(&f->stream));
    if (f->err.code == MOON_E_GONE) {
        return;
    }
    struct moon_watch_event event;
    struct moon_err err;
    assert_int_equal(moon_watch_event_parse(moon_buf_str(&f->stream), &event, &err), 0);
    assert_int_equal(event.type, MOON_WATCH_ERROR);
    assert_int_equal(moon_watch_status_error(event.object, &err), -MOON_E_GONE);
}

static void check_forgotten_version(void **state)
{
    struct fixture f;
    struct moon_err err;
    (void)state;
    open_client(&f, config_of("admin"));
    for (int i = 0; i < NODES; i++) {
        make_node(&f, i);
    }
    struct moon_request page = list_nodes();
    page.query = "limit=2";
    ask_fine(&f, page);
    MOON_AUTOJSON *first = moon_json_parse(moon_str(f.body), &err);
    const char *token = moon_json_string(first, "metadata.continue");
    assert_non_null(token);

    change_node(&f, 0, "3");
    MOON_AUTOJSON *changed = moon_json_parse(moon_str(f.body), &err);
    compact(moon_json_string(changed, "metadata.resourceVersion"));

    MOON_CLEANUP(moon_buf_fini) struct moon_buf query = MOON_BUF_INIT(64 << 10);
    moon_client_add_query(&query, "limit", "2");
    moon_client_add_query(&query, "continue", token);
    page.query = moon_buf_cstr(&query);
    ask(&f, page);
    print_message("  %s\n", f.err.text);
    assert_int_equal(f.err.code, MOON_E_GONE);

    expect_watch_from_1_to_be_gone(&f);
    close_client(&f);
}

/* A bookmark moves a watch on whose selector lets nothing through. Servers send none while nothing
 * at all changes; 1.20 sends one just before the watch's own end, later ones every minute too. */
static void check_bookmarks(void **state)
{
    struct fixture f;
    struct moon_watch_event event;
    struct moon_err err;
    (void)state;
    open_client(&f, config_of("admin"));
    make_node(&f, 0);
    list(&f, &moon_resource_nodes, NULL);
    MOON_AUTOFREE char *query =
        moon_asprintf("watch=true&allowWatchBookmarks=true&labelSelector=check%%3Dno&"
                      "timeoutSeconds=5&resourceVersion=%llu",
                      (unsigned long long)f.version);
    struct fixture watch = {.loop = f.loop, .stream = MOON_BUF_INIT(1 << 20)};
    moon_client_send(f.client, &(struct moon_request){.verb = MOON_VERB_WATCH,
                                                      .resource = &moon_resource_nodes,
                                                      .query = query,
                                                      .on_data = on_raw_data,
                                                      .on_done = on_done,
                                                      .ctx = &watch});
    change_node(&f, 0, "4");
    change_node(&f, 0, "5");
    WAIT(&watch, done, 1);
    print_message("  %s", moon_buf_cstr(&watch.stream));
    assert_int_equal(moon_watch_event_parse(moon_buf_str(&watch.stream), &event, &err), 0);
    assert_int_equal(event.type, MOON_WATCH_BOOKMARK);
    assert_true(event.version > f.version);
    moon_buf_fini(&watch.stream);
    moon_free(watch.body);
    close_client(&f);
}

static int remove_nodes(void **state)
{
    struct fixture f;
    (void)state;
    open_client(&f, config_of("admin"));
    for (int i = 0; i <= NODES; i++) {
        delete_node(&f, i);
    }
    close_client(&f);
    moon_metrics_reset();
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest checks[] = {
        cmocka_unit_test(check_logins),       cmocka_unit_test(check_strangers),
        cmocka_unit_test(check_server_name),  cmocka_unit_test(check_answers),
        cmocka_unit_test(check_pages),        cmocka_unit_test(check_watch),
        cmocka_unit_test(check_denied_watch), cmocka_unit_test(check_forgotten_version),
        cmocka_unit_test(check_bookmarks),
    };
    if (argc != 2) {
        fprintf(stderr, "usage: client_check DIR (what tests/cluster/up printed)\n");
        return 2;
    }
    cluster_dir = argv[1];
    return cmocka_run_group_tests(checks, NULL, remove_nodes);
}
