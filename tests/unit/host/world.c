/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "io/file.h"

enum {
    DEADLINE_S = 5,
    SETTLE_TURNS = 20,
    TEXT_MAX = 1 << 20
};

/* ---- the log ---- */

static struct moon_buf lines;

static void note_line(const char *line, size_t len, void *ctx)
{
    (void)ctx;
    moon_buf_add(&lines, line, len);
    moon_buf_putc(&lines, '\n');
}

const char *world_log(void)
{
    return moon_buf_cstr(&lines);
}

void world_log_clear(void)
{
    moon_buf_clear(&lines);
}

/* ---- files ---- */

char *world_path(const struct world *w, const char *name)
{
    return moon_asprintf("%s/%s", w->folder, name);
}

char *world_file(const struct world *w, const char *name, const char *text)
{
    struct moon_err err;
    char *path = world_path(w, name);

    assert_int_equal(moon_file_write(path, moon_str(text), 0644, &err), 0);
    return path;
}

char *world_module(const struct world *w, const char *variant)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf code = MOON_BUF_INIT(64 << 20);
    MOON_AUTOFREE char *from = moon_asprintf("%s/%s.so", MOON_TEST_MODULES, variant);
    MOON_AUTOFREE char *name = moon_asprintf("%s.so", variant);
    struct moon_err err;
    char *path = world_path(w, name);

    assert_int_equal(moon_file_read(from, &code, &err), 0);
    assert_int_equal(moon_file_write(path, moon_buf_str(&code), 0644, &err), 0);
    return path;
}

static void remove_folder(const struct world *w)
{
    struct moon_paths paths = {0};
    struct moon_err err;

    assert_int_equal(chmod(w->folder, 0700), 0);
    assert_int_equal(moon_dir_list(w->folder, "", 0, &paths, &err), 0);
    for (size_t i = 0; i < paths.count; i++) {
        MOON_AUTOFREE char *path = world_path(w, paths.items[i]);
        assert_int_equal(unlink(path), 0);
    }
    moon_paths_free(&paths);
    assert_int_equal(rmdir(w->folder), 0);
}

/* ---- the API server ---- */

const char *world_object(const struct world *w, const char *path)
{
    return moon_map_get(w->objects, moon_str(path));
}

void world_put(struct world *w, const char *path, const char *json)
{
    struct moon_err err;
    MOON_AUTOJSON *object = moon_json_parse(moon_str(json), &err);
    char version[24];

    assert_non_null(object);
    cJSON *meta = cJSON_GetObjectItemCaseSensitive(object, "metadata");
    assert_non_null(meta);
    (void)snprintf(version, sizeof(version), "%u", ++w->version);
    cJSON_DeleteItemFromObjectCaseSensitive(meta, "resourceVersion");
    cJSON_AddStringToObject(meta, "resourceVersion", version);
    char *text = cJSON_PrintUnformatted(object);
    moon_map_set(w->objects, moon_str(path), moon_strdup(text));
    cJSON_free(text);
}

static void reply(struct moon_httpd_request *r, int status, const char *body)
{
    moon_httpd_reply(r, status, "application/json", moon_str(body));
}

static void reply_not_found(struct moon_httpd_request *r)
{
    reply(r, 404,
          "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"code\":404,"
          "\"reason\":\"NotFound\",\"message\":\"not found\"}");
}

/* A streamed list: what there is as events, then a bookmark, then it stays open. */
static void stream_list(const struct world *w, struct moon_httpd_request *r, const char *path)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf body = MOON_BUF_INIT(TEXT_MAX);
    MOON_AUTOFREE char *prefix = moon_asprintf("%s/", path);
    struct moon_str key;
    void *text;
    size_t pos = 0;

    while (moon_map_next(w->objects, &pos, &key, &text)) {
        if (moon_str_starts(key, prefix)) {
            moon_buf_printf(&body, "{\"type\":\"ADDED\",\"object\":%s}\n", (const char *)text);
        }
    }
    moon_buf_printf(&body,
                    "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"%u\","
                    "\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}}\n",
                    w->version);
    moon_httpd_stream_begin(r, 200, "application/json", TEXT_MAX);
    moon_httpd_stream_write(r, moon_buf_str(&body));
}

static void get(const struct world *w, struct moon_httpd_request *r, const char *path)
{
    const char *object = world_object(w, path);

    if (object != NULL) {
        reply(r, 200, object);
    } else if (moon_httpd_query(r, "watch") == NULL) {
        reply_not_found(r);
    } else if (!moon_streq(w->hangs, path)) {
        stream_list(w, r, path);
    }
}

/* Was this written by somebody who has not seen the latest version? */
static bool is_conflict(const struct world *w, const char *path, const cJSON *object)
{
    struct moon_err err;
    const char *text = world_object(w, path);
    const char *wanted = moon_json_string(object, "metadata.resourceVersion");
    MOON_AUTOJSON *old = text != NULL ? moon_json_parse(moon_str(text), &err) : NULL;

    return old != NULL && wanted != NULL &&
           strcmp(wanted, moon_json_string(old, "metadata.resourceVersion")) != 0;
}

static void store(struct world *w, struct moon_httpd_request *r, const char *path)
{
    MOON_AUTOFREE char *body = moon_str_dup(moon_httpd_body(r));
    struct moon_err err;
    MOON_AUTOJSON *object = moon_json_parse(moon_str(body), &err);
    bool creates = strcmp(moon_httpd_method(r), "POST") == 0;
    MOON_AUTOFREE char *full =
        creates ? moon_asprintf("%s/%s", path, moon_json_string(object, "metadata.name"))
                : moon_strdup(path);

    if (is_conflict(w, full, object)) {
        reply(r, 409,
              "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"code\":409,"
              "\"reason\":\"Conflict\",\"message\":\"the object has been modified\"}");
        return;
    }
    world_put(w, full, body);
    reply(r, creates ? 201 : 200, world_object(w, full));
}

static void handle(struct moon_httpd_request *r, void *ctx)
{
    struct world *w = ctx;
    const char *method = moon_httpd_method(r);
    const char *path = moon_httpd_path(r);

    if (moon_streq(w->denies, path)) {
        reply(r, 403,
              "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"code\":403,"
              "\"reason\":\"Forbidden\",\"message\":\"not for you\"}");
        return;
    }
    if (strcmp(method, "GET") == 0) {
        get(w, r, path);
        return;
    }
    assert_true(w->write_count < WORLD_WRITES_MAX);
    w->writes[w->write_count++] =
        moon_asprintf("%s %s %.*s", method, path, MOON_STR_ARG(moon_httpd_body(r)));
    if (strcmp(method, "PATCH") == 0 || strcmp(method, "DELETE") == 0) {
        const char *object = world_object(w, path);
        if (object == NULL) {
            reply_not_found(r);
        } else {
            reply(r, 200, object);
        }
    } else {
        store(w, r, path);
    }
}

struct moon_kubeconfig *world_kubeconfig(const struct world *w)
{
    MOON_AUTOFREE char *url = moon_asprintf("http://127.0.0.1:%u", moon_httpd_port(w->httpd));

    return moon_kubeconfig_for_server(url);
}

/* ---- asking ---- */

struct answer {
    bool done;
    int status;
    char *body;
};

static void answered(const struct moon_http_answer *a, const struct moon_err *err, void *ctx)
{
    struct answer *answer = ctx;

    assert_null(err);
    *answer = (struct answer){.done = true, .status = a->status, .body = moon_str_dup(a->body)};
}

char *world_ask(struct world *w, uint16_t port, const char *method, const char *path,
                int *ret_status)
{
    MOON_AUTOFREE char *url = moon_asprintf("http://127.0.0.1:%u%s", port, path);
    struct answer answer = {0};

    (void)moon_http_send(
        w->http,
        &(struct moon_http_request){
            .method = method, .url = url, .proxy = "", .on_done = answered, .ctx = &answer});
    world_until(w, false, answer.done);
    *ret_status = answer.status;
    return answer.body;
}

/* ---- time ---- */

static int64_t now_s(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec;
}

bool world_turn(struct world *w, uint64_t *end_s, bool moving)
{
    if (*end_s == 0) {
        *end_s = (uint64_t)now_s() + DEADLINE_S;
    }
    moon_loop_turn(w->loop, 2);
    if (moving) {
        moon_loop_advance(w->loop, 20);
    }
    return (uint64_t)now_s() <= *end_s;
}

void world_settle(struct world *w)
{
    for (int i = 0; i < SETTLE_TURNS; i++) {
        moon_loop_turn(w->loop, 2);
    }
}

/* ---- life ---- */

void world_init(struct world *w)
{
    struct moon_err err;

    *w = (struct world){.folder = "/tmp/moonset-host-XXXXXX"};
    assert_non_null(mkdtemp(w->folder));
    moon_buf_init(&lines, TEXT_MAX);
    moon_log_setup(MOON_LOG_DEBUG, MOON_LOG_LOGFMT, STDERR_FILENO);
    moon_log_capture(note_line, NULL);
    w->objects = moon_map_new(moon_free);
    w->version = 1000;
    w->loop = moon_loop_new(&(struct moon_loop_opts){.virtual_clock = true}, &err);
    assert_non_null(w->loop);
    w->httpd = moon_httpd_new(
        w->loop, &(struct moon_httpd_opts){.listen = "127.0.0.1:0", .handler = handle, .ctx = w},
        &err);
    assert_non_null(w->httpd);
    w->http = moon_http_new(w->loop, &(struct moon_http_opts){.user_agent = "test"}, &err);
    assert_non_null(w->http);
}

void world_fini(struct world *w)
{
    moon_http_free(w->http);
    moon_httpd_free(w->httpd);
    moon_loop_free(w->loop);
    moon_map_free(w->objects);
    for (size_t i = 0; i < w->write_count; i++) {
        moon_free(w->writes[i]);
    }
    moon_log_capture(NULL, NULL);
    moon_buf_fini(&lines);
    remove_folder(w);
}
