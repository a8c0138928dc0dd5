/* SPDX-License-Identifier: Apache-2.0 */
#include "host/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/log.h"
#include "host/lean.h"
#include "host/plan_json.h"
#include "host/scene.h"
#include "host/tap.h"
#include "kube/watch_event.h"

#define RECORDING_MAGIC 0x4ec07d01u
#define TOPIC "recording"

enum {
    LINE_MAX_BYTES = 64 << 20,
    FLUSH_BYTES = 256 << 10,
    FLUSH_MS = 1000,
};

struct moon_recording {
    unsigned magic;
    struct moon_loop *loop;
    struct moon_tap *tap;
    struct moon_timer *flush; /* what waits in `text` is written soon */
    char *path;
    int fd; /* -1: ended */
    uint64_t limit_bytes;
    uint64_t written;
    uint64_t began_ms;
    bool has_policies;
    struct moon_scene scene;
    struct moon_buf text;
    char salt[MOON_LEAN_SALT];
};

/* ---- the file ---- */

static void end_file(struct moon_recording *r)
{
    if (r->fd >= 0) {
        (void)close(r->fd);
        r->fd = -1;
    }
    moon_buf_clear(&r->text);
    moon_timer_stop(r->flush);
}

static void write_out(struct moon_recording *r)
{
    struct moon_str rest = moon_buf_str(&r->text);

    while (r->fd >= 0 && rest.len > 0) {
        ssize_t n = write(r->fd, rest.ptr, rest.len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            moon_error(TOPIC, "the recording ends here", "file", r->path, "err", strerror(errno));
            end_file(r);
            return;
        }
        rest.ptr += n;
        rest.len -= (size_t)n;
    }
    r->written += r->text.len;
    moon_buf_clear(&r->text);
}

static void on_flush(void *ctx)
{
    write_out(MOON_CAST(moon_recording, ctx, RECORDING_MAGIC));
}

/* ---- lines ---- */

static bool begin_line(struct moon_recording *r)
{
    if (r->fd < 0) {
        return false;
    }
    moon_buf_printf(&r->text, "{\"at\":%" PRIu64, moon_loop_now(r->loop) - r->began_ms);
    return true;
}

static void add_call(struct moon_recording *r, const char *what,
                     const struct moon_client_question *q)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf call = MOON_BUF_INIT(LINE_MAX_BYTES);

    moon_recording_call(q, &call);
    moon_buf_printf(&r->text, ",\"%s\":", what);
    moon_json_add_string(&r->text, moon_buf_str(&call));
}

/* A line is there as a whole or not at all. */
static void end_line(struct moon_recording *r)
{
    moon_buf_puts(&r->text, "}\n");
    if (r->text.overflow) {
        moon_error(TOPIC, "a line is too long: the recording ends here", "file", r->path);
        end_file(r);
        return;
    }
    if (r->written + r->text.len > r->limit_bytes) {
        moon_buf_printf(&r->text, "{\"at\":%" PRIu64 ",\"limit\":%" PRIu64 "}\n",
                        moon_loop_now(r->loop) - r->began_ms, r->limit_bytes);
        moon_warn(TOPIC, "the recording is at its limit and ends", "file", r->path);
        write_out(r);
        end_file(r);
    } else if (r->text.len >= FLUSH_BYTES) {
        write_out(r);
    } else if (!moon_timer_is_active(r->flush)) {
        moon_timer_start(r->flush, FLUSH_MS);
    }
}

/* ---- what is heard ---- */

void moon_recording_call(const struct moon_client_question *q, struct moon_buf *out)
{
    static const char *const matter[] = {"labelSelector", "fieldSelector", "continue",
                                         "sendInitialEvents"};
    struct moon_str name;

    moon_buf_printf(out, "%s ", moon_verb_name(q->verb));
    if (q->resource == NULL) {
        moon_buf_puts(out, q->path);
    } else {
        moon_resource_path(q->resource, q->namespace, q->name, q->subresource, out);
    }
    for (size_t i = 0; i < MOON_ARRAY_SIZE(matter); i++) {
        MOON_CLEANUP(moon_buf_fini) struct moon_buf value = MOON_BUF_INIT(LINE_MAX_BYTES);
        if (moon_client_query_get(q->query, matter[i], &value)) {
            moon_buf_printf(out, " %s=%s", matter[i], moon_buf_cstr(&value));
        }
    }
    /* A revision is named by its content, which may be redacted here; there is one at a time. */
    if (q->verb == MOON_VERB_CREATE && q->resource != NULL &&
        !moon_streq(q->resource->plural, "controllerrevisions") &&
        moon_json_find(q->body, MOON_JSON_PATH("metadata", "name"), &name)) {
        moon_buf_printf(out, " name=%.*s", MOON_STR_ARG(name));
    }
}

/* In one line; what cannot be made lean is as it was. */
static void add_object(struct moon_recording *r, const struct moon_resource *resource,
                       struct moon_str object)
{
    struct moon_err ignored;

    if (resource == NULL || moon_lean_object(resource, object, r->salt, &r->text, &ignored) != 0) {
        moon_json_add_string(&r->text, object);
    }
}

static const char *const event_names[] = {
    [MOON_WATCH_ADDED] = "ADDED",     [MOON_WATCH_MODIFIED] = "MODIFIED",
    [MOON_WATCH_DELETED] = "DELETED", [MOON_WATCH_BOOKMARK] = "BOOKMARK",
    [MOON_WATCH_ERROR] = "ERROR",
};

static void on_line(const struct moon_client_question *q, struct moon_str line, void *ctx)
{
    struct moon_recording *r = MOON_CAST(moon_recording, ctx, RECORDING_MAGIC);
    struct moon_watch_event event;
    struct moon_err err;

    if (!begin_line(r)) {
        return;
    }
    add_call(r, "line", q);
    moon_buf_puts(&r->text, ",\"event\":");
    if (moon_watch_event_parse(line, &event, &err) != 0) {
        moon_json_add_string(&r->text, line); /* told to the receiver as it stands */
    } else {
        bool plain = event.type == MOON_WATCH_BOOKMARK || event.type == MOON_WATCH_ERROR;
        moon_buf_printf(&r->text, "{\"type\":\"%s\",\"object\":", event_names[event.type]);
        add_object(r, plain ? &moon_resource_events : q->resource, event.object);
        moon_buf_putc(&r->text, '}');
    }
    end_line(r);
}

static void on_item(const struct moon_client_question *q, struct moon_str item, void *ctx)
{
    struct moon_recording *r = MOON_CAST(moon_recording, ctx, RECORDING_MAGIC);

    if (begin_line(r)) {
        add_call(r, "item", q);
        moon_buf_puts(&r->text, ",\"object\":");
        add_object(r, q->resource, item);
        end_line(r);
    }
}

/* No answer, or only a part of it: then that is what the receiver hears. */
static bool is_cut(const struct moon_answer *answer, const struct moon_err *err)
{
    return err != NULL && answer->status < 300;
}

static bool is_status(struct moon_str body)
{
    struct moon_str kind;

    return moon_json_find(body, MOON_JSON_PATH("kind"), &kind) && moon_str_is(kind, "\"Status\"");
}

static void on_end(const struct moon_client_question *q, const struct moon_answer *answer,
                   const struct moon_err *err, struct moon_str envelope, void *ctx)
{
    struct moon_recording *r = MOON_CAST(moon_recording, ctx, RECORDING_MAGIC);
    struct moon_str body = envelope.len > 0 ? envelope : answer->body;

    if ((err != NULL && err->code == MOON_E_CANCELLED) || !begin_line(r)) {
        return; /* the receiver has stopped it, as it will again */
    }
    add_call(r, "end", q);
    moon_buf_printf(&r->text, ",\"status\":%d", answer->status);
    if (answer->retry_after_ms > 0) {
        moon_buf_printf(&r->text, ",\"retry_after_ms\":%" PRIu64, answer->retry_after_ms);
    }
    if (is_cut(answer, err)) {
        moon_buf_printf(&r->text,
                        ",\"sent\":%s,\"code\":%d,\"error\":", answer->sent ? "true" : "false",
                        (int)err->code);
        moon_json_add_string(&r->text, moon_str(err->text));
    } else if (body.len > 0) {
        bool plain = answer->status >= 300 || envelope.len > 0 || is_status(body);
        moon_buf_puts(&r->text, ",\"body\":");
        add_object(r, plain || q->resource == NULL ? &moon_resource_events : q->resource, body);
    }
    end_line(r);
}

void moon_recording_figures(struct moon_recording *r, const struct moon_provider_answer *answer)
{
    if (begin_line(r)) {
        moon_buf_putc(&r->text, ',');
        moon_figures_write_one(answer, &r->text);
        end_line(r);
    }
}

/* ---- what is decided ---- */

void moon_recording_policies(struct moon_recording *r, const struct moon_policies *p)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf lines = MOON_BUF_INIT(LINE_MAX_BYTES);

    moon_scene_take_policies(&r->scene, p);
    moon_scene_write_policies(&r->scene, &lines);
    if (!r->has_policies) {
        r->has_policies = true;
        moon_buf_add_str(&r->text, moon_buf_str(&lines));
    } else if (begin_line(r)) {
        struct moon_str rest = moon_buf_str(&lines);
        struct moon_str line;
        const char *between = "";
        moon_buf_puts(&r->text, ",\"policies\":[");
        while (moon_str_split(&rest, '\n', &line) && line.len > 0) {
            moon_buf_printf(&r->text, "%s", between);
            moon_buf_add_str(&r->text, line);
            between = ",";
        }
        moon_buf_putc(&r->text, ']');
        end_line(r);
    }
}

void moon_recording_lead(struct moon_recording *r)
{
    if (begin_line(r)) {
        moon_buf_puts(&r->text, ",\"lead\":true");
        end_line(r);
    }
}

void moon_recording_plan(struct moon_recording *r, const struct moon_plan *plan)
{
    MOON_AUTOJSON *json = moon_plan_json(plan, true);
    char *text = cJSON_PrintUnformatted(json);

    if (begin_line(r)) {
        moon_buf_printf(&r->text, ",\"wall_ms\":%" PRId64 ",\"plan\":", moon_loop_wall_ms(r->loop));
        moon_json_add_string(&r->text, moon_plan_key(plan));
        moon_buf_putc(&r->text, ',');
        moon_buf_add(&r->text, text + 1, strlen(text) - 2);
        end_line(r);
    }
    cJSON_free(text);
}

/* ---- life ---- */

struct moon_client_witness moon_recording_witness(struct moon_recording *r)
{
    return moon_tap_witness(r->tap);
}

struct moon_recording *moon_recording_new(const struct moon_recording_opts *opts,
                                          struct moon_err *err)
{
    int fd = open(opts->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0) {
        (void)moon_err_errno(err, errno, "--record %s", opts->path);
        return NULL;
    }
    struct moon_recording *r = moon_new(struct moon_recording);
    r->magic = RECORDING_MAGIC;
    r->fd = fd;
    r->loop = opts->loop;
    r->path = moon_strdup(opts->path);
    r->limit_bytes = opts->limit_bytes;
    r->began_ms = moon_loop_now(opts->loop);
    r->flush = moon_timer_new(opts->loop, on_flush, r);
    r->tap = moon_tap_new(&(struct moon_tap_opts){
        .on_line = on_line, .on_item = on_item, .on_end = on_end, .ctx = r});
    moon_lean_salt(r->salt);
    moon_buf_init(&r->text, LINE_MAX_BYTES);
    r->scene.wall_ms = moon_loop_wall_ms(opts->loop);
    moon_scene_take_settings(&r->scene, opts->config);
    moon_scene_write(&r->scene, "recording", MOON_RECORDING_FORMAT, &r->text);
    return r;
}

void moon_recording_free(struct moon_recording *r)
{
    if (r == NULL) {
        return;
    }
    write_out(r);
    end_file(r);
    moon_timer_free(r->flush);
    moon_tap_free(r->tap);
    moon_scene_fini(&r->scene);
    moon_buf_fini(&r->text);
    moon_free(r->path);
    r->magic = 0;
    moon_free(r);
}
