/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "script.h"

enum {
    DEADLINE_S = 5,
    SETTLE_TURNS = 20,
    QUEUE_MAX = 256 << 20
};

/* timeoutSeconds is random: only whether it is in its range is noted. */
static void note_timeout(struct moon_buf *line, const char *value, char *separator)
{
    uint64_t seconds = 0;
    if (value != NULL) {
        bool is_fine =
            moon_parse_u64(moon_str(value), &seconds) && seconds >= 300 && seconds <= 600;
        moon_buf_printf(line, "%ctimeoutSeconds=%s", *separator, is_fine ? "ok" : value);
        *separator = '&';
    }
}

static void note_request(struct script *s, const struct moon_httpd_request *r)
{
    static const char *const PARAMETERS[] = {"watch",
                                             "resourceVersion",
                                             "limit",
                                             "continue",
                                             "labelSelector",
                                             "fieldSelector",
                                             "sendInitialEvents",
                                             "resourceVersionMatch",
                                             "allowWatchBookmarks"};
    struct moon_buf line = MOON_BUF_INIT(64 << 10);
    char separator = '?';
    moon_buf_printf(&line, "%s %s", moon_httpd_method(r), moon_httpd_path(r));
    for (size_t i = 0; i < MOON_ARRAY_SIZE(PARAMETERS); i++) {
        const char *value = moon_httpd_query(r, PARAMETERS[i]);
        if (value != NULL) {
            moon_buf_printf(&line, "%c%s=%s", separator, PARAMETERS[i], value);
            separator = '&';
        }
    }
    note_timeout(&line, moon_httpd_query(r, "timeoutSeconds"), &separator);
    assert_true(s->seen_count < SCRIPT_SEEN_MAX);
    s->seen[s->seen_count++] = moon_buf_take(&line, NULL);
}

static void note_text(char **slot, const char *text)
{
    moon_free(*slot);
    *slot = moon_strdup(text);
}

static void on_close(void *ctx)
{
    struct script *s = ctx;
    s->open = NULL;
    s->closed++;
}

static void play(struct script *s, const struct script_step *step, struct moon_httpd_request *r)
{
    struct moon_str body = moon_str(step->body);
    int status = step->status != 0 ? step->status : 200;
    const char *type = step->type != NULL ? step->type : "application/json";
    if (step->header != NULL) {
        moon_httpd_add_header(r, step->header, step->header_value);
    }
    if (step->how == SCRIPT_OPEN || step->how == SCRIPT_HANG) {
        s->open = r;
        moon_httpd_on_close(r, on_close, s);
    }
    if (step->how == SCRIPT_REPLY) {
        moon_httpd_reply(r, status, type, body);
    } else if (step->how != SCRIPT_HANG) {
        moon_httpd_stream_begin(r, status, type, QUEUE_MAX);
        moon_httpd_stream_write(r, body);
    }
    if (step->how == SCRIPT_END) {
        moon_httpd_stream_end(r);
    } else if (step->how == SCRIPT_CUT) {
        moon_httpd_abort(r);
    }
}

static void handle(struct moon_httpd_request *r, void *ctx)
{
    struct script *s = ctx;
    note_request(s, r);
    note_text(&s->authorization, moon_httpd_header(r, "Authorization"));
    note_text(&s->user_agent, moon_httpd_header(r, "User-Agent"));
    note_text(&s->content_type, moon_httpd_header(r, "Content-Type"));
    moon_free(s->body);
    s->body = moon_str_dup(moon_httpd_body(r));
    if (s->answered >= s->step_count) {
        moon_httpd_reply(r, 500, "text/plain", MOON_STR_LIT("the script is at its end"));
        return;
    }
    play(s, &s->steps[s->answered++], r);
}

void script_use_config(struct script *s, struct moon_kubeconfig *take_config)
{
    struct moon_err err;
    moon_free(take_config->server);
    take_config->server = moon_asprintf("http://127.0.0.1:%u", moon_httpd_port(s->httpd));
    moon_client_free(s->client);
    s->client = moon_client_new(s->loop, take_config, NULL, &err);
    assert_non_null(s->client);
}

void script_init(struct script *s, const struct script_step *steps, size_t step_count)
{
    struct moon_err err;
    *s = (struct script){.steps = steps, .step_count = step_count};
    s->loop = moon_loop_new(&(struct moon_loop_opts){.virtual_clock = true}, &err);
    assert_non_null(s->loop);
    s->httpd = moon_httpd_new(
        s->loop, &(struct moon_httpd_opts){.listen = "127.0.0.1:0", .handler = handle, .ctx = s},
        &err);
    assert_non_null(s->httpd);
    script_use_config(s, moon_kubeconfig_for_server("http://127.0.0.1"));
}

void script_fini(struct script *s)
{
    moon_client_free(s->client);
    moon_httpd_free(s->httpd);
    moon_loop_free(s->loop);
    for (size_t i = 0; i < s->seen_count; i++) {
        moon_free(s->seen[i]);
    }
    moon_free(s->authorization);
    moon_free(s->user_agent);
    moon_free(s->content_type);
    moon_free(s->body);
}

void script_write(struct script *s, const char *text)
{
    assert_non_null(s->open);
    moon_httpd_stream_write(s->open, moon_str(text));
}

void script_end(struct script *s)
{
    assert_non_null(s->open);
    moon_httpd_stream_end(s->open);
}

void script_cut(struct script *s)
{
    assert_non_null(s->open);
    moon_httpd_abort(s->open);
}

void script_wait_count(struct script *s, const size_t *counter, size_t wanted, const char *what)
{
    struct timespec now;
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += DEADLINE_S;
    while (*counter < wanted) {
        moon_loop_turn(s->loop, 10);
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec > end.tv_sec) {
            fail_msg("%s is %zu, not %zu, after %d s", what, *counter, wanted, DEADLINE_S);
        }
    }
}

void script_settle(struct script *s)
{
    for (int i = 0; i < SETTLE_TURNS; i++) {
        moon_loop_turn(s->loop, 2);
    }
}

void script_assert_seen(const struct script *s, size_t index, const char *expected)
{
    assert_true(index < s->seen_count);
    assert_string_equal(s->seen[index], expected);
}
