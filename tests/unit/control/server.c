/* SPDX-License-Identifier: Apache-2.0 */
#include "server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

enum {
    DEADLINE_S = 5,
    SETTLE_TURNS = 20,
    TEXT_MAX = 64 << 10
};

static void free_object(void *object)
{
    cJSON_Delete(object);
}

/* ---- objects ---- */

static cJSON *metadata(cJSON *object)
{
    cJSON *meta = cJSON_GetObjectItemCaseSensitive(object, "metadata");
    return meta != NULL ? meta : cJSON_AddObjectToObject(object, "metadata");
}

static void set_string(cJSON *object, const char *key, const char *value)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, key);
    cJSON_AddStringToObject(object, key, value);
}

static void new_version(struct server *s, cJSON *object)
{
    char text[32];
    snprintf(text, sizeof text, "%zu", 1000 + s->calls);
    set_string(metadata(object), "resourceVersion", text);
}

static void insert(struct server *s, const char *path, cJSON *object)
{
    char uid[32];
    snprintf(uid, sizeof uid, "uid-%zu", ++s->objects_made);
    if (moon_json_string(object, "metadata.uid") == NULL) {
        set_string(metadata(object), "uid", uid);
    }
    new_version(s, object);
    moon_map_set(s->objects, moon_str(path), object);
}

void server_put(struct server *s, const char *path, const char *json)
{
    struct moon_err err;
    cJSON *object = moon_json_parse(moon_str(json), &err);
    assert_non_null(object);
    insert(s, path, object);
}

const cJSON *server_get(const struct server *s, const char *path)
{
    return moon_map_get(s->objects, moon_str(path));
}

void server_remove(struct server *s, const char *path)
{
    assert_true(moon_map_remove(s->objects, moon_str(path)));
}

/* ---- verbs: each returns the status and the body ---- */

struct reply {
    int status;
    char *body;
};

static struct reply status_reply(int status, const char *reason, const char *cause)
{
    struct moon_buf out = MOON_BUF_INIT(TEXT_MAX);
    if (reason == NULL) { /* a proxy that does not know where to send it */
        return (struct reply){status, moon_strdup("default backend")};
    }
    moon_buf_printf(&out,
                    "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\","
                    "\"message\":\"%s\",\"reason\":\"%s\",\"code\":%d",
                    reason, reason, status);
    if (cause != NULL) {
        moon_buf_printf(&out, ",\"details\":{\"causes\":[{\"reason\":\"%s\"}]}", cause);
    }
    moon_buf_putc(&out, '}');
    return (struct reply){status, moon_buf_take(&out, NULL)};
}

static struct reply object_reply(int status, const cJSON *object)
{
    char *text = cJSON_PrintUnformatted(object);
    struct reply reply = {status, moon_strdup(text)};
    cJSON_free(text);
    return reply;
}

static struct reply create(struct server *s, const char *path, cJSON *object)
{
    char full[512];
    const char *name = moon_json_string(object, "metadata.name");
    assert_non_null(name);
    snprintf(full, sizeof full, "%s/%s", path, name);
    if (server_get(s, full) != NULL) {
        cJSON_Delete(object);
        return status_reply(409, "AlreadyExists", NULL);
    }
    insert(s, full, object);
    return object_reply(201, object);
}

static struct reply update(struct server *s, const char *path, cJSON *object)
{
    const char *old = moon_json_string(server_get(s, path), "metadata.resourceVersion");
    const char *wanted = moon_json_string(object, "metadata.resourceVersion");
    if (wanted != NULL && !moon_streq(old, wanted)) {
        cJSON_Delete(object);
        return status_reply(409, "Conflict", NULL);
    }
    new_version(s, object);
    moon_map_set(s->objects, moon_str(path), object);
    return object_reply(200, object);
}

/* Merges the first level only. */
static struct reply patch(struct server *s, const char *path, cJSON *change)
{
    cJSON *object = moon_map_get(s->objects, moon_str(path));
    while (change->child != NULL) {
        cJSON *member = cJSON_DetachItemViaPointer(change, change->child);
        cJSON_DeleteItemFromObjectCaseSensitive(object, member->string);
        cJSON_AddItemToObject(object, member->string, member);
    }
    cJSON_Delete(change);
    new_version(s, object);
    return object_reply(200, object);
}

static struct reply delete (struct server *s, const char *path, cJSON *options)
{
    const char *wanted = moon_json_string(options, "preconditions.uid");
    bool other = wanted != NULL &&
                 !moon_streq(wanted, moon_json_string(server_get(s, path), "metadata.uid"));
    cJSON_Delete(options);
    if (other) {
        return status_reply(409, "Conflict", NULL);
    }
    server_remove(s, path);
    return status_reply(200, "", NULL);
}

static struct reply work(struct server *s, struct moon_httpd_request *r)
{
    struct moon_err err;
    const char *method = moon_httpd_method(r);
    const char *path = moon_httpd_path(r);
    cJSON *body = moon_json_parse(moon_httpd_body(r), &err);
    if (moon_streq(method, "POST")) {
        return create(s, path, body);
    }
    if (server_get(s, path) == NULL) {
        cJSON_Delete(body);
        return status_reply(404, "NotFound", NULL);
    }
    if (moon_streq(method, "PUT")) {
        return update(s, path, body);
    }
    if (moon_streq(method, "PATCH")) {
        return patch(s, path, body);
    }
    if (moon_streq(method, "DELETE")) {
        return delete (s, path, body);
    }
    return object_reply(200, server_get(s, path));
}

/* ---- requests ---- */

static void note(struct server *s, struct moon_httpd_request *r)
{
    assert_true(s->calls < SERVER_LOG_MAX);
    const char *dry_run = moon_httpd_query(r, "dryRun");
    const char *manager = moon_httpd_query(r, "fieldManager");
    s->log[s->calls] = moon_asprintf("%s %s", moon_httpd_method(r), moon_httpd_path(r));
    s->body[s->calls] = moon_str_dup(moon_httpd_body(r));
    s->query[s->calls] = moon_asprintf("fieldManager=%s dryRun=%s", manager != NULL ? manager : "-",
                                       dry_run != NULL ? dry_run : "-");
}

static void on_held_close(void *ctx)
{
    struct server *s = ctx;
    s->held = NULL;
}

static void answer(struct server *s, struct moon_httpd_request *r, const struct answer *a,
                   struct reply reply)
{
    if (a->fault == FAULT_CUT_AFTER || a->fault == FAULT_CUT_BEFORE) {
        moon_httpd_abort(r);
        moon_free(reply.body);
    } else if (a->fault == FAULT_HOLD) {
        assert_null(s->held);
        s->held = r;
        s->held_status = reply.status;
        moon_free(s->held_body);
        s->held_body = reply.body;
        moon_httpd_on_close(r, on_held_close, s);
    } else {
        moon_httpd_reply(r, reply.status, "application/json", moon_str(reply.body));
        moon_free(reply.body);
    }
}

static void handle(struct moon_httpd_request *r, void *ctx)
{
    struct server *s = ctx;
    note(s, r);
    struct answer a = {0};
    if (s->plan != NULL) {
        a = s->plan(s, moon_httpd_method(r), s->calls);
    }
    struct reply reply = {0};
    if (a.retry_after != NULL) {
        moon_httpd_add_header(r, "Retry-After", a.retry_after);
    }
    if (a.fault == FAULT_REFUSE) {
        reply = status_reply(a.status, a.reason, a.cause);
    } else if (a.fault != FAULT_CUT_BEFORE) {
        reply = work(s, r);
    }
    s->calls++;
    answer(s, r, &a, reply);
}

bool server_release(struct server *s)
{
    if (s->held == NULL) {
        return false;
    }
    moon_httpd_on_close(s->held, NULL, NULL);
    moon_httpd_reply(moon_steal(&s->held), s->held_status, "application/json",
                     moon_str(s->held_body));
    return true;
}

/* ---- life ---- */

void server_init(struct server *s)
{
    struct moon_err err;
    *s = (struct server){0};
    s->objects = moon_map_new(free_object);
    s->loop = moon_loop_new(&(struct moon_loop_opts){.virtual_clock = true}, &err);
    assert_non_null(s->loop);
    s->httpd = moon_httpd_new(
        s->loop, &(struct moon_httpd_opts){.listen = "127.0.0.1:0", .handler = handle, .ctx = s},
        &err);
    assert_non_null(s->httpd);
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u", moon_httpd_port(s->httpd));
    s->client = moon_client_new(s->loop, moon_kubeconfig_for_server(url),
                                &(struct moon_client_opts){0}, &err);
    assert_non_null(s->client);
}

void server_fini(struct server *s)
{
    moon_client_free(s->client);
    moon_httpd_free(s->httpd);
    moon_loop_free(s->loop);
    moon_map_free(s->objects);
    for (size_t i = 0; i < s->calls; i++) {
        moon_free(s->log[i]);
        moon_free(s->body[i]);
        moon_free(s->query[i]);
    }
    moon_free(s->held_body);
}

static int64_t now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec;
}

void server_wait_count(struct server *s, const size_t *counter, size_t wanted, bool moving,
                       const char *what)
{
    int64_t end_s = now_s() + DEADLINE_S;
    while (*counter < wanted) {
        moon_loop_turn(s->loop, 2);
        if (moving) {
            moon_loop_advance(s->loop, 10);
        }
        if (now_s() > end_s) {
            fail_msg("%s is %zu, not %zu, after %d s", what, *counter, wanted, DEADLINE_S);
        }
    }
}

void server_settle(struct server *s)
{
    for (int i = 0; i < SETTLE_TURNS; i++) {
        moon_loop_turn(s->loop, 2);
    }
}
