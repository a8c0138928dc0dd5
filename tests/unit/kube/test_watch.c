/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/metrics.h"
#include "base/random.h"
#include "kube/client_priv.h"
#include "kube/watch.h"
#include "kube/watch_event.h"
#include "script.h"

enum {
    JITTERED_MAX_MS = 45 * 1000, /* no back-off is longer */
};

/* What the owner was told, as text: "begin +name@type ... end=12 bookmark=13 error" */
struct owner {
    struct moon_watch *watch;
    struct moon_buf log;
    size_t told; /* callbacks */
    size_t errors;
    struct moon_err err; /* the last one */
    const char *free_at; /* free the watch when this is told */
};

static void tell(struct owner *o, const char *text)
{
    moon_buf_printf(&o->log, "%s%s", o->log.len > 0 ? " " : "", text);
    o->told++;
    if (moon_streq(o->free_at, text)) {
        o->free_at = NULL;
        moon_watch_free(o->watch);
        o->watch = NULL;
    }
}

static void on_list_begin(void *ctx)
{
    tell(ctx, "begin");
}

static void on_object(enum moon_event event, struct moon_str object, void *ctx)
{
    static const char *const NAMES[] = {[MOON_EVENT_LISTED] = "listed",
                                        [MOON_EVENT_ADDED] = "added",
                                        [MOON_EVENT_MODIFIED] = "modified",
                                        [MOON_EVENT_DELETED] = "deleted"};
    char text[64];
    struct moon_str name = {0};
    assert_true(moon_json_find(object, MOON_JSON_PATH("metadata", "name"), &name));
    snprintf(text, sizeof(text), "%s:%.*s", NAMES[event], (int)name.len - 2, name.ptr + 1);
    tell(ctx, text);
}

static void on_list_end(uint64_t version, void *ctx)
{
    char text[64];
    snprintf(text, sizeof(text), "end=%llu", (unsigned long long)version);
    tell(ctx, text);
}

static void on_bookmark(uint64_t version, void *ctx)
{
    char text[64];
    snprintf(text, sizeof(text), "bookmark=%llu", (unsigned long long)version);
    tell(ctx, text);
}

static void on_error(const struct moon_err *err, void *ctx)
{
    struct owner *o = ctx;
    o->errors++;
    o->err = *err;
    tell(o, "error");
}

struct fixture {
    struct script script;
    struct owner owner;
};

static void start_freeing(struct fixture *f, const struct script_step *steps, size_t count,
                          bool offers_streamed_lists, const char *free_at)
{
    moon_random_seed(1);
    *f = (struct fixture){.owner = {.log = MOON_BUF_INIT(1 << 20), .free_at = free_at}};
    script_init(&f->script, steps, count);
    if (!offers_streamed_lists) {
        moon_client_forget_streamed_lists(f->script.client);
    }
    f->owner.watch =
        moon_watch_new(f->script.client, &(struct moon_watch_opts){.resource = &moon_resource_pods,
                                                                   .label_selector = "x",
                                                                   .max_item_bytes = 1000,
                                                                   .on_list_begin = on_list_begin,
                                                                   .on_object = on_object,
                                                                   .on_list_end = on_list_end,
                                                                   .on_bookmark = on_bookmark,
                                                                   .on_error = on_error,
                                                                   .ctx = &f->owner});
    assert_int_equal(f->owner.told, 0);
    moon_loop_advance(f->script.loop, 0);
}

static void start(struct fixture *f, const struct script_step *steps, size_t count,
                  bool offers_streamed_lists)
{
    start_freeing(f, steps, count, offers_streamed_lists, NULL);
}

static void stop(struct fixture *f)
{
    moon_watch_free(f->owner.watch);
    moon_buf_fini(&f->owner.log);
    script_fini(&f->script);
}

static void expect_log(struct fixture *f, const char *expected)
{
    assert_string_equal(moon_buf_cstr(&f->owner.log), expected);
    moon_buf_clear(&f->owner.log);
}

static void wait_told(struct fixture *f, size_t told)
{
    script_wait(&f->script, f->owner.told, told);
}

/* The next request comes only after a back-off. */
static void pass_backoff(struct fixture *f, size_t requests)
{
    script_settle(&f->script);
    assert_int_equal(f->script.seen_count, requests);
    uint64_t delay_ms = moon_loop_next_timer(f->script.loop) - moon_loop_now(f->script.loop);
    assert_in_range(delay_ms, 400, JITTERED_MAX_MS);
    moon_loop_advance(f->script.loop, delay_ms);
    script_wait(&f->script, f->script.seen_count, requests + 1);
}

#define OBJECT(name, version)                                                                      \
    "{\"metadata\":{\"name\":\"" name "\",\"resourceVersion\":\"" version "\"}}"
#define EVENT(type, name, version) "{\"type\":\"" type "\",\"object\":" OBJECT(name, version) "}\n"
#define BOOKMARK(version)                                                                          \
    "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Pod\",\"metadata\":"                            \
    "{\"resourceVersion\":\"" version "\",\"creationTimestamp\":null}}}\n"
#define LIST_END(version)                                                                          \
    "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"" version              \
    "\",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}}\n"
#define NOT_LIST_END(version)                                                                      \
    "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"" version              \
    "\",\"annotations\":{\"k8s.io/initial-events-end\":\"false\"}}}}\n"
#define STATUS(code, reason)                                                                       \
    "{\"kind\":\"Status\",\"message\":\"about " reason "\",\"reason\":\"" reason                   \
    "\",\"code\":" #code "}"
#define ERROR(code, reason) "{\"type\":\"ERROR\",\"object\":" STATUS(code, reason) "}\n"
#define LIST(version, items)                                                                       \
    "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"" version "\"},\"items\":[" items   \
    "]}"
#define ASKED_LIST "GET /api/v1/pods?limit=500&labelSelector=x"
#define ASKED_WATCH(version)                                                                       \
    "GET /api/v1/pods?watch=true&resourceVersion=" version                                         \
    "&labelSelector=x&allowWatchBookmarks=true&timeoutSeconds=ok"
#define ASKED_STREAMED_LIST                                                                        \
    "GET /api/v1/pods?watch=true&labelSelector=x&sendInitialEvents=true"                           \
    "&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=ok"

/* A list of "a" at 10 and then a watch that stays open. */
#define LIST_OF_A                                                                                  \
    {                                                                                              \
        .body = LIST("10", OBJECT("a", "7"))                                                       \
    }
#define OPEN_WATCH                                                                                 \
    {                                                                                              \
        .how = SCRIPT_OPEN, .body = ""                                                             \
    }
#define LISTED_A "begin listed:a end=10"

/* ---- in good order ---- */

static void test_list_then_watch(void **state)
{
    static const struct script_step STEPS[] = {
        LIST_OF_A,
        {.how = SCRIPT_OPEN,
         .body = EVENT("ADDED", "b", "11") EVENT("MODIFIED", "a", "12") BOOKMARK("20")}};
    struct fixture f;
    (void)state;
    start(&f, STEPS, 2, false);
    assert_false(moon_watch_is_listed(f.owner.watch));
    wait_told(&f, 6);
    assert_true(moon_watch_is_listed(f.owner.watch));
    expect_log(&f, LISTED_A " added:b modified:a bookmark=20");
    script_assert_seen(&f.script, 0, ASKED_LIST);
    script_assert_seen(&f.script, 1, ASKED_WATCH("10"));
    /* In pieces, and several in one. */
    script_write(&f.script, "{\"type\":\"DEL");
    script_settle(&f.script);
    script_write(&f.script, "ETED\",\"object\":" OBJECT("b", "21") "}");
    script_settle(&f.script);
    assert_int_equal(f.owner.told, 6);
    script_write(&f.script, "\n\n" EVENT("ADDED", "c", "22"));
    wait_told(&f, 8);
    expect_log(&f, "deleted:b added:c");
    assert_int_equal(f.owner.errors, 0);
    stop(&f);
}

static void test_resumes_after_a_proper_end(void **state)
{
    static const struct script_step STEPS[] = {
        LIST_OF_A,
        {.how = SCRIPT_OPEN, .body = EVENT("ADDED", "b", "11")},
        {.how = SCRIPT_OPEN, .body = BOOKMARK("30")},
        OPEN_WATCH};
    struct fixture f;
    (void)state;
    start(&f, STEPS, 4, false);
    wait_told(&f, 4);
    moon_loop_advance(f.script.loop, 1000);
    script_end(&f.script);
    wait_told(&f, 5);
    script_assert_seen(&f.script, 2, ASKED_WATCH("11"));
    moon_loop_advance(f.script.loop, 1000);
    script_end(&f.script);
    script_wait(&f.script, f.script.seen_count, 4);
    script_assert_seen(&f.script, 3, ASKED_WATCH("30"));
    expect_log(&f, LISTED_A " added:b bookmark=30");
    assert_int_equal(f.owner.errors, 0);
    stop(&f);
}

static void test_versions_are_numbers(void **state)
{
    static const struct script_step STEPS[] = {
        {.body = LIST("99", "")},
        {.how = SCRIPT_OPEN, .body = EVENT("ADDED", "b", "100") EVENT("MODIFIED", "b", "98")},
        OPEN_WATCH};
    struct fixture f;
    (void)state;
    start(&f, STEPS, 3, false);
    wait_told(&f, 4);
    moon_loop_advance(f.script.loop, 2000);
    script_end(&f.script);
    script_wait(&f.script, f.script.seen_count, 3);
    script_assert_seen(&f.script, 2, ASKED_WATCH("100"));
    stop(&f);
}

static void test_silence_reopens(void **state)
{
    static const struct script_step STEPS[] = {LIST_OF_A, OPEN_WATCH, OPEN_WATCH};
    struct fixture f;
    (void)state;
    start(&f, STEPS, 3, false);
    script_wait(&f.script, f.script.seen_count, 2);
    script_settle(&f.script);
    moon_loop_advance(f.script.loop, 80 * 1000);
    script_write(&f.script, EVENT("ADDED", "b", "11"));
    wait_told(&f, 4);
    moon_loop_advance(f.script.loop, 89 * 1000);
    script_settle(&f.script);
    assert_int_equal(f.script.seen_count, 2);
    moon_loop_advance(f.script.loop, 1001);
    script_wait(&f.script, f.script.seen_count, 3);
    script_assert_seen(&f.script, 2, ASKED_WATCH("11"));
    assert_int_equal(f.owner.errors, 0);
    stop(&f);
}

/* ---- streamed lists ---- */

static void test_streamed_list(void **state)
{
    static const struct script_step STEPS[] = {
        {.how = SCRIPT_OPEN,
         .body = EVENT("ADDED", "b", "40") EVENT("ADDED", "a", "7") BOOKMARK("9") NOT_LIST_END("9")
             EVENT("MODIFIED", "a", "41") EVENT("DELETED", "b", "42") LIST_END("42")
                 EVENT("MODIFIED", "a", "43")},
        OPEN_WATCH};
    struct fixture f;
    (void)state;
    start(&f, STEPS, 2, true);
    wait_told(&f, 7);
    expect_log(&f, "begin listed:b listed:a listed:a deleted:b end=42 modified:a");
    assert_true(moon_watch_is_listed(f.owner.watch));
    script_assert_seen(&f.script, 0, ASKED_STREAMED_LIST);
    moon_loop_advance(f.script.loop, 2000);
    script_end(&f.script);
    script_wait(&f.script, f.script.seen_count, 2);
    script_assert_seen(&f.script, 1, ASKED_WATCH("43"));
    stop(&f);
}

static void test_streamed_list_refused(void **state)
{
    static const int CODES[] = {400, 422};
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(CODES); i++) {
        const struct script_step steps[] = {
            {.status = CODES[i], .body = STATUS(422, "Invalid")}, LIST_OF_A, OPEN_WATCH};
        struct fixture f;
        start(&f, steps, 3, true);
        script_wait(&f.script, f.script.seen_count, 3);
        expect_log(&f, "begin " LISTED_A);
        script_assert_seen(&f.script, 1, ASKED_LIST);
        assert_int_equal(f.owner.errors, 0);
        /* Remembered for other watches of this client. */
        assert_false(moon_client_offers_streamed_lists(f.script.client));
        stop(&f);
    }
}

static void test_streamed_list_ignored(void **state)
{
    static const struct script_step STEPS[] = {
        {.how = SCRIPT_END, .body = EVENT("ADDED", "a", "7")},
        {.how = SCRIPT_OPEN, .body = EVENT("ADDED", "a", "7")}, /* and silence */
        LIST_OF_A,
        OPEN_WATCH};
    struct fixture f;
    (void)state;
    start(&f, STEPS, 4, true);
    wait_told(&f, 3);
    assert_non_null(strstr(f.owner.err.text, "ended before it was complete"));
    pass_backoff(&f, 1);
    wait_told(&f, 5);
    assert_true(moon_client_offers_streamed_lists(f.script.client));
    moon_loop_advance(f.script.loop, 41 * 1000);
    script_wait(&f.script, f.owner.errors, 2);
    pass_backoff(&f, 2);
    script_wait(&f.script, f.script.seen_count, 4);
    script_assert_seen(&f.script, 2, ASKED_LIST);
    expect_log(&f, "begin listed:a error begin listed:a error " LISTED_A);
    stop(&f);
}

static void test_streamed_list_cut_is_streamed_again(void **state)
{
    static const struct script_step STEPS[] = {
        {.how = SCRIPT_CUT, .body = EVENT("ADDED", "a", "7")},
        {.status = 500, .body = STATUS(500, "InternalError")},
        {.status = 429, .body = STATUS(429, "TooManyRequests")},
        {.how = SCRIPT_OPEN, .body = LIST_END("9")}};
    struct fixture f;
    (void)state;
    start(&f, STEPS, 4, true);
    script_wait(&f.script, f.owner.errors, 1);
    pass_backoff(&f, 1);
    script_wait(&f.script, f.owner.errors, 2);
    pass_backoff(&f, 2);
    script_wait(&f.script, f.owner.errors, 3);
    pass_backoff(&f, 3);
    wait_told(&f, 9);
    expect_log(&f, "begin listed:a error begin error begin error begin end=9");
    script_assert_seen(&f.script, 3, ASKED_STREAMED_LIST);
    stop(&f);
}

/* ---- forgotten versions ---- */

static void test_gone(void **state)
{
    static const struct script_step FIRST[] = {
        {.status = 410, .body = STATUS(410, "Expired")},
        {.how = SCRIPT_END, .body = EVENT("ADDED", "b", "11") ERROR(410, "Expired")},
        {.how = SCRIPT_OPEN, .body = ERROR(410, "Gone")},
        {.how = SCRIPT_OPEN,
         .body = "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":504,\"details\":"
                 "{\"causes\":[{\"reason\":\"ResourceVersionTooLarge\"}]}}}\n"},
        {.status = 504,
         .body = "{\"kind\":\"Status\",\"code\":504,\"details\":{\"causes\":[{\"reason\":"
                 "\"ResourceVersionTooLarge\"}]}}"},
    };
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(FIRST); i++) {
        const struct script_step steps[] = {
            LIST_OF_A, FIRST[i], {.body = LIST("5", OBJECT("c", "4"))}, OPEN_WATCH};
        struct fixture f;
        start(&f, steps, 4, false);
        script_wait(&f.script, f.script.seen_count, 2);
        script_settle(&f.script);
        moon_loop_advance(f.script.loop, 0); /* the first time at once */
        script_wait(&f.script, f.script.seen_count, 4);
        expect_log(&f, i == 1 ? LISTED_A " added:b begin listed:c end=5"
                              : LISTED_A " begin listed:c end=5");
        script_assert_seen(&f.script, 2, ASKED_LIST);
        script_assert_seen(&f.script, 3, ASKED_WATCH("5"));
        assert_int_equal(f.owner.errors, 0);
        stop(&f);
    }
}

static void test_gone_again_and_again_backs_off(void **state)
{
    static const struct script_step STEPS[] = {
        LIST_OF_A, {.status = 410, .body = STATUS(410, "Expired")},
        LIST_OF_A, {.status = 410, .body = STATUS(410, "Expired")},
        LIST_OF_A, OPEN_WATCH};
    struct fixture f;
    (void)state;
    start(&f, STEPS, 6, false);
    script_wait(&f.script, f.script.seen_count, 2);
    script_settle(&f.script);
    moon_loop_advance(f.script.loop, 0);
    script_wait(&f.script, f.script.seen_count, 4);
    pass_backoff(&f, 4);
    stop(&f);
}

static void test_gone_in_mid_list(void **state)
{
    static const struct script_step STEPS[] = {
        {.body = "{\"metadata\":{\"resourceVersion\":\"3\",\"continue\":\"c\"},\"items\":[" OBJECT(
             "a", "1") "]}"},
        {.status = 410, .body = STATUS(410, "Expired")},
        {.body = LIST("6", OBJECT("b", "5"))},
        OPEN_WATCH};
    struct fixture f;
    (void)state;
    start(&f, STEPS, 4, false);
    script_wait(&f.script, f.script.seen_count, 4);
    expect_log(&f, "begin listed:a begin listed:b end=6");
    stop(&f);
}

/* ---- trouble ---- */

/* After each of these the watch goes on from the version it had, or lists again. */
static void test_trouble(void **state)
{
    static const struct {
        struct script_step step;
        enum moon_code code;
        const char *expected;
        bool lists_again;
    } CASES[] = {
        {{.how = SCRIPT_CUT, .body = "{\"type\":\"ADDED\",\"ob"},
         MOON_E_NETWORK,
         "watch pods",
         false},
        {{.how = SCRIPT_END, .body = "{\"type\":\"ADDED\",\"ob"},
         MOON_E_NETWORK,
         "watch pods: it ended in the middle of an event",
         false},
        {{.how = SCRIPT_END, .body = ""}, MOON_E_NETWORK, "closed it at once", false},
        {{.how = SCRIPT_OPEN, .body = ERROR(500, "InternalError")},
         MOON_E_SERVER,
         "watch pods: about InternalError",
         false},
        {{.how = SCRIPT_OPEN, .body = ERROR(504, "Timeout")},
         MOON_E_TIMEOUT,
         "about Timeout",
         false},
        {{.how = SCRIPT_OPEN, .body = "{\"type\":\"ERROR\",\"object\":{}}\n"},
         MOON_E_SERVER,
         "without saying why",
         false},
        {{.status = 403, .body = STATUS(403, "Forbidden")},
         MOON_E_DENIED,
         "watch pods: about Forbidden",
         false},
        {{.status = 500, .body = STATUS(500, "InternalError")}, MOON_E_SERVER, "about", false},
        {{.status = 302, .header = "Location", .header_value = "/login"},
         MOON_E_SERVER,
         "redirected to",
         false},
        {{.how = SCRIPT_END, .type = "text/html", .body = "<html>"},
         MOON_E_SERVER,
         "is HTML",
         false},
        {{.status = 400, .body = STATUS(400, "BadRequest")}, MOON_E_INVALID, "about", true},
        {{.status = 404, .body = STATUS(404, "NotFound")}, MOON_E_NOT_FOUND, "about", true},
        {{.how = SCRIPT_OPEN, .body = "hello\n"}, MOON_E_SERVER, "not JSON", false},
        {{.how = SCRIPT_OPEN, .body = "{\"type\":\"ADDED\"\n"},
         MOON_E_SERVER,
         "no watch event",
         true},
        {{.how = SCRIPT_OPEN, .body = "{\"type\":\"ADDED\",\"object\":[]}\n"},
         MOON_E_SERVER,
         "no watch event",
         true},
        {{.how = SCRIPT_OPEN, .body = "{\"type\":\"ADDED\",\"object\":{}} x\n"},
         MOON_E_SERVER,
         "no watch event",
         true},
        {{.how = SCRIPT_OPEN, .body = "{\"type\":\"RENAMED\",\"object\":" OBJECT("a", "1") "}\n"},
         MOON_E_SERVER,
         "unknown type \"RENAMED\"",
         true},
        {{.how = SCRIPT_OPEN, .body = "{\"type\":\"ADDED\",\"object\":{\"metadata\":{}}}\n"},
         MOON_E_SERVER,
         "without resourceVersion",
         true},
        {{.how = SCRIPT_OPEN, .body = EVENT("ADDED", "b", "0")},
         MOON_E_SERVER,
         "without resourceVersion",
         true},
        {{.how = SCRIPT_OPEN, .body = EVENT("ADDED", "b", "-1")},
         MOON_E_SERVER,
         "without resourceVersion",
         true},
    };
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(CASES); i++) {
        const struct script_step steps[] = {LIST_OF_A, CASES[i].step, OPEN_WATCH};
        struct fixture f;
        start(&f, steps, 3, false);
        script_wait(&f.script, f.owner.errors, 1);
        if (f.owner.err.code != CASES[i].code ||
            strstr(f.owner.err.text, CASES[i].expected) == NULL) {
            fail_msg("case %zu: \"%s\" instead of \"%s\"", i, f.owner.err.text, CASES[i].expected);
        }
        assert_false(moon_watch_is_listed(f.owner.watch));
        pass_backoff(&f, 2);
        script_assert_seen(&f.script, 2, CASES[i].lists_again ? ASKED_LIST : ASKED_WATCH("10"));
        expect_log(&f, CASES[i].lists_again ? LISTED_A " error begin" : LISTED_A " error");
        stop(&f);
    }
}

/* A line without end, as a broken proxy might send: cut off at the limit, whatever its length. */
static void test_a_line_of_100_megabytes(void **state)
{
    enum {
        PIECE = 1 << 20,
        PIECES = 100
    };
    static char piece[PIECE + 1];
    static const struct script_step STEPS[] = {
        LIST_OF_A,
        {.how = SCRIPT_OPEN, .body = "{\"type\":\"ADDED\",\"object\":{\"a\":\""},
        LIST_OF_A,
        OPEN_WATCH};
    struct fixture f;
    (void)state;
    memset(piece, 'x', PIECE);
    start(&f, STEPS, 4, false);
    script_wait(&f.script, f.script.seen_count, 2);
    script_settle(&f.script);
    for (int i = 0; i < PIECES && f.owner.errors == 0; i++) {
        if (f.script.open != NULL) {
            script_write(&f.script, piece);
        }
    }
    script_wait(&f.script, f.owner.errors, 1);
    assert_int_equal(f.owner.err.code, MOON_E_LIMIT);
    assert_non_null(
        strstr(f.owner.err.text, "watch pods: a watch event is larger than 2024 bytes"));
    pass_backoff(&f, 2);
    script_wait(&f.script, f.script.seen_count, 4);
    expect_log(&f, LISTED_A " error " LISTED_A);
    stop(&f);
}

static void test_a_list_that_fails_is_not_complete(void **state)
{
    static const struct script_step STEPS[] = {
        {.how = SCRIPT_CUT,
         .body = "{\"metadata\":{\"resourceVersion\":\"3\"},\"items\":[" OBJECT("a", "1") ","},
        {.body = "{}"},
        LIST_OF_A,
        OPEN_WATCH};
    struct fixture f;
    (void)state;
    start(&f, STEPS, 4, false);
    script_wait(&f.script, f.owner.errors, 1);
    pass_backoff(&f, 1);
    script_wait(&f.script, f.owner.errors, 2);
    pass_backoff(&f, 2);
    script_wait(&f.script, f.script.seen_count, 4);
    expect_log(&f, "begin listed:a error begin error " LISTED_A);
    stop(&f);
}

/* ---- pace ---- */

static void test_backoff_grows_and_is_forgotten(void **state)
{
    static const struct script_step STEPS[] = {
        {.status = 500, .body = STATUS(500, "A")},
        {.status = 500, .body = STATUS(500, "A")},
        {.status = 500, .body = STATUS(500, "A")},
        {.status = 500, .body = STATUS(500, "A")},
        {.status = 500, .body = STATUS(500, "A")},
        {.status = 500, .body = STATUS(500, "A")},
        {.status = 500, .body = STATUS(500, "A")},
        {.status = 500, .body = STATUS(500, "A")},
        LIST_OF_A,
        {.how = SCRIPT_OPEN, .body = EVENT("ADDED", "b", "11")},
        OPEN_WATCH};
    static const uint64_t NOMINAL_MS[] = {800, 1600, 3200, 6400, 12800, 25600, 30000, 30000};
    struct fixture f;
    (void)state;
    start(&f, STEPS, 11, false);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(NOMINAL_MS); i++) {
        script_wait(&f.script, f.owner.errors, i + 1);
        uint64_t delay_ms = moon_loop_next_timer(f.script.loop) - moon_loop_now(f.script.loop);
        assert_true(delay_ms >= NOMINAL_MS[i] / 2 && delay_ms <= NOMINAL_MS[i] * 3 / 2);
        moon_loop_advance(f.script.loop, delay_ms);
    }
    wait_told(&f, 8 * 2 + 4);
    moon_loop_advance(f.script.loop, 60 * 1000);
    script_write(&f.script, BOOKMARK("12"));
    wait_told(&f, 8 * 2 + 5);
    moon_loop_advance(f.script.loop, 60 * 1000);
    script_cut(&f.script);
    script_wait(&f.script, f.owner.errors, 9);
    uint64_t delay_ms = moon_loop_next_timer(f.script.loop) - moon_loop_now(f.script.loop);
    assert_true(delay_ms <= 1200);
    stop(&f);
}

static void test_retry_after(void **state)
{
    static const struct script_step STEPS[] = {{.status = 429,
                                                .body = STATUS(429, "TooManyRequests"),
                                                .header = "Retry-After",
                                                .header_value = "20"},
                                               LIST_OF_A,
                                               OPEN_WATCH};
    struct fixture f;
    (void)state;
    start(&f, STEPS, 3, false);
    script_wait(&f.script, f.owner.errors, 1);
    moon_loop_advance(f.script.loop, 19999);
    script_settle(&f.script);
    assert_int_equal(f.script.seen_count, 1);
    moon_loop_advance(f.script.loop, 1);
    script_wait(&f.script, f.script.seen_count, 3);
    stop(&f);
}

static void test_short_watches_with_events_are_paced(void **state)
{
    static const struct script_step STEPS[] = {
        LIST_OF_A,
        {.how = SCRIPT_END, .body = EVENT("ADDED", "b", "11")},
        {.how = SCRIPT_OPEN, .body = EVENT("ADDED", "c", "12")}};
    struct fixture f;
    (void)state;
    start(&f, STEPS, 3, false);
    wait_told(&f, 4);
    pass_backoff(&f, 2);
    wait_told(&f, 5);
    expect_log(&f, LISTED_A " added:b added:c");
    stop(&f);
}

/* ---- ends ---- */

static void test_freed_at_any_callback(void **state)
{
    static const char *const MOMENTS[] = {"begin",   "listed:a", "end=10",
                                          "added:b", "error",    "bookmark=12"};
    static const struct script_step STEPS[] = {
        LIST_OF_A,
        {.how = SCRIPT_OPEN,
         .body = EVENT("ADDED", "b", "11") BOOKMARK("12") ERROR(500, "InternalError")}};
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(MOMENTS); i++) {
        struct fixture f;
        start_freeing(&f, STEPS, 2, false, MOMENTS[i]);
        while (f.owner.watch != NULL) {
            script_wait(&f.script, f.owner.told, f.owner.told + 1);
        }
        size_t told = f.owner.told;
        script_settle(&f.script);
        moon_loop_advance(f.script.loop, JITTERED_MAX_MS);
        script_settle(&f.script);
        assert_int_equal(f.owner.told, told);
        stop(&f);
    }
}

static void test_freed_at_once(void **state)
{
    struct fixture f;
    (void)state;
    script_init(&f.script, NULL, 0);
    moon_watch_free(
        moon_watch_new(f.script.client, &(struct moon_watch_opts){.resource = &moon_resource_pods,
                                                                  .on_object = on_object}));
    moon_watch_free(NULL);
    script_settle(&f.script);
    assert_int_equal(f.script.seen_count, 0);
    script_fini(&f.script);
}

static int reset_metrics(void **state)
{
    (void)state;
    moon_metrics_reset();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list_then_watch),
        cmocka_unit_test(test_resumes_after_a_proper_end),
        cmocka_unit_test(test_versions_are_numbers),
        cmocka_unit_test(test_silence_reopens),
        cmocka_unit_test(test_streamed_list),
        cmocka_unit_test(test_streamed_list_refused),
        cmocka_unit_test(test_streamed_list_ignored),
        cmocka_unit_test(test_streamed_list_cut_is_streamed_again),
        cmocka_unit_test(test_gone),
        cmocka_unit_test(test_gone_again_and_again_backs_off),
        cmocka_unit_test(test_gone_in_mid_list),
        cmocka_unit_test(test_trouble),
        cmocka_unit_test(test_a_line_of_100_megabytes),
        cmocka_unit_test(test_a_list_that_fails_is_not_complete),
        cmocka_unit_test(test_backoff_grows_and_is_forgotten),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_short_watches_with_events_are_paced),
        cmocka_unit_test(test_freed_at_any_callback),
        cmocka_unit_test(test_freed_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, reset_metrics);
}
