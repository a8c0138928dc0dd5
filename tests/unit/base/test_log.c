/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"

/* What the logger said since the last look, without the time. */
static struct moon_buf lines = {.max_bytes = 1 << 20};

static void keep(const char *line, size_t len, void *ctx)
{
    assert_ptr_equal(ctx, &lines);
    assert_int_equal(strlen(line), len);
    moon_buf_add(&lines, line, len);
    moon_buf_putc(&lines, '\n');
}

static int start_capture(void **state)
{
    (void)state;
    moon_buf_clear(&lines);
    moon_log_setup(MOON_LOG_INFO, MOON_LOG_LOGFMT, STDERR_FILENO);
    moon_log_capture(keep, &lines);
    return 0;
}

static int stop_capture(void **state)
{
    (void)state;
    moon_log_capture(NULL, NULL);
    moon_buf_fini(&lines);
    return 0;
}

/* The captured text behind `marker`; fails when that is not there. */
static const char *after(const char *marker)
{
    const char *at = strstr(moon_buf_cstr(&lines), marker);
    assert_non_null(at);
    return at + strlen(marker);
}

static void test_levels(void **state)
{
    (void)state;
    static const struct {
        enum moon_log_level at;
        const char *expected; /* first letters of what comes through */
    } cases[] = {
        {MOON_LOG_ERROR, "e"},
        {MOON_LOG_WARN, "ew"},
        {MOON_LOG_INFO, "ewi"},
        {MOON_LOG_DEBUG, "ewidd"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        moon_log_setup(cases[i].at, MOON_LOG_LOGFMT, STDERR_FILENO);
        moon_buf_clear(&lines);
        moon_error("t", "m");
        moon_warn("t", "m");
        moon_info("t", "m");
        moon_debug("t", "m");
        moon_log_write(MOON_LOG_DEBUG, "t", "m", NULL); /* checks for itself */
        const char *p = moon_buf_cstr(&lines);
        for (const char *level = cases[i].expected; *level != '\0'; level++) {
            p = strstr(p, "level=");
            assert_non_null(p);
            p += strlen("level=");
            assert_int_equal(*p, *level);
        }
        assert_null(strstr(p, "level="));
    }
}

static void test_level_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        enum moon_log_level level;
    } cases[] = {
        {"error", true, MOON_LOG_ERROR},
        {"warn", true, MOON_LOG_WARN},
        {"info", true, MOON_LOG_INFO},
        {"debug", true, MOON_LOG_DEBUG},
        {"Debug", false, 0},
        {"", false, 0},
        {NULL, false, 0},
        {"warning", false, 0},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        enum moon_log_level level = MOON_LOG_ERROR;
        assert_int_equal(moon_log_level_parse(cases[i].text, &level), cases[i].ok);
        assert_int_equal(level, cases[i].ok ? cases[i].level : MOON_LOG_ERROR);
    }
}

static void test_fields(void **state)
{
    (void)state;
    moon_info("controller", "created pod", "key", "default/agent", "gone", NULL, "count",
              MOON_LOG_INT(-3));
    const char *line = moon_buf_cstr(&lines);
    assert_memory_equal(line, "ts=2", 4);
    assert_int_equal(line[strlen("ts=2026-01-02T03:04:05.678")], 'Z');
    assert_string_equal(after("Z "), "level=info topic=controller msg=\"created pod\" "
                                     "key=default/agent count=-3\n");
}

static void test_values(void **state)
{
    (void)state;
    static const struct {
        const char *value, *logfmt, *json;
    } cases[] = {
        {"plain", "plain", "\"plain\""},
        {"", "\"\"", "\"\""},
        {"two words", "\"two words\"", "\"two words\""},
        {"a=b", "\"a=b\"", "\"a=b\""},
        {"say \"hi\"", "\"say \\\"hi\\\"\"", "\"say \\\"hi\\\"\""},
        {"back\\slash", "\"back\\\\slash\"", "\"back\\\\slash\""},
        {"a\nb\tc", "\"a\\nb\\tc\"", "\"a\\nb\\tc\""},
        {"\x1b[31m\x7f", "\"\\u001b[31m\\u007f\"", "\"\\u001b[31m\\u007f\""},
        {"grün…😀", "\"grün…😀\"", "\"grün…😀\""},
        /* the first and last character of each length, and the neighbours of the surrogates */
        {"\xc2\x80\xdf\xbf", "\"\xc2\x80\xdf\xbf\"", "\"\xc2\x80\xdf\xbf\""},
        {"\xe0\xa0\x80\xef\xbf\xbf", "\"\xe0\xa0\x80\xef\xbf\xbf\"",
         "\"\xe0\xa0\x80\xef\xbf\xbf\""},
        {"\xed\x9f\xbf\xee\x80\x80", "\"\xed\x9f\xbf\xee\x80\x80\"",
         "\"\xed\x9f\xbf\xee\x80\x80\""},
        {"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", "\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"",
         "\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\""},
        /* not text: lone continuation, cut character, overlong, surrogate, beyond U+10FFFF */
        {"a\x80z", "\"a\uFFFDz\"", "\"a\uFFFDz\""},
        {"\xe2\x82", "\"\uFFFD\uFFFD\"", "\"\uFFFD\uFFFD\""},
        {"\xc0\xaf", "\"\uFFFD\uFFFD\"", "\"\uFFFD\uFFFD\""},
        {"\xe0\x80\x80", "\"\uFFFD\uFFFD\uFFFD\"", "\"\uFFFD\uFFFD\uFFFD\""},
        {"\xed\xa0\x80", "\"\uFFFD\uFFFD\uFFFD\"", "\"\uFFFD\uFFFD\uFFFD\""},
        {"\xf0\x80\x80\x80", "\"\uFFFD\uFFFD\uFFFD\uFFFD\"", "\"\uFFFD\uFFFD\uFFFD\uFFFD\""},
        {"\xf4\x90\x80\x80", "\"\uFFFD\uFFFD\uFFFD\uFFFD\"", "\"\uFFFD\uFFFD\uFFFD\uFFFD\""},
        {"\xff", "\"\uFFFD\"", "\"\uFFFD\""},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        char expected[128];
        moon_log_setup(MOON_LOG_INFO, MOON_LOG_LOGFMT, STDERR_FILENO);
        moon_buf_clear(&lines);
        moon_info("t", "m", "v", cases[i].value);
        snprintf(expected, sizeof(expected), "%s\n", cases[i].logfmt);
        assert_string_equal(after(" v="), expected);

        moon_log_setup(MOON_LOG_INFO, MOON_LOG_JSON, STDERR_FILENO);
        moon_buf_clear(&lines);
        moon_info("t", "m", "v", cases[i].value);
        snprintf(expected, sizeof(expected), "%s}\n", cases[i].json);
        assert_string_equal(after(",\"v\":"), expected);
    }
}

static void test_json_line(void **state)
{
    (void)state;
    moon_log_setup(MOON_LOG_INFO, MOON_LOG_JSON, STDERR_FILENO);
    moon_warn("watch", "list again", "code", MOON_LOG_INT(410));
    assert_memory_equal(moon_buf_cstr(&lines), "{\"ts\":\"2", 8);
    assert_string_equal(after("Z\","),
                        "\"level\":\"warn\",\"topic\":\"watch\",\"msg\":\"list again\","
                        "\"code\":\"410\"}\n");
}

static void test_long_values_are_cut(void **state)
{
    (void)state;
    char value[9000];
    memset(value, 'x', sizeof(value));
    memcpy(value + 4095, "é", 2); /* the cut at 4096 would split it */
    value[sizeof(value) - 1] = '\0';
    moon_info("t", "m", "v", value, "next", "n");
    const char *p = after(" v=");
    assert_int_equal(strspn(p, "x"), 4095);
    assert_string_equal(p + 4095, " next=n\n");

    /* A line full of control bytes at full length still comes out whole. */
    memset(value, 1, sizeof(value) - 1);
    moon_buf_clear(&lines);
    moon_info("t", value, "a", value, "b", value, "c", value, "d", value);
    assert_true(lines.len > 5 * 4096 * 6);
}

static void test_one_write_per_line(void **state)
{
    (void)state;
    int fds[2];
    moon_log_capture(NULL, NULL);
    /* A pipe of packets keeps the bounds of each write. */
    assert_int_equal(pipe2(fds, O_DIRECT | O_NONBLOCK), 0);
    moon_log_setup(MOON_LOG_INFO, MOON_LOG_LOGFMT, fds[1]);
    moon_info("t", "first", "k", "v");
    moon_info("t", "second", "k", "v");
    char line[512];
    for (int i = 0; i < 2; i++) {
        ssize_t n = read(fds[0], line, sizeof(line) - 1);
        assert_true(n > 0);
        line[n] = '\0';
        assert_non_null(strstr(line, i == 0 ? "msg=first k=v\n" : "msg=second k=v\n"));
        assert_int_equal(line[n - 1], '\n');
    }
    assert_true(read(fds[0], line, sizeof(line)) < 0);
    close(fds[0]);
    close(fds[1]);
    /* Nobody can read it any more: the line is lost, nothing else happens. */
    moon_info("t", "third");
    moon_log_setup(MOON_LOG_INFO, MOON_LOG_LOGFMT, STDERR_FILENO);
}

static void test_int(void **state)
{
    (void)state;
    char scratch[24];
    assert_string_equal(moon_log_int(scratch, INT64_MIN), "-9223372036854775808");
    assert_string_equal(moon_log_int(scratch, INT64_MAX), "9223372036854775807");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_levels, start_capture, stop_capture),
        cmocka_unit_test(test_level_parse),
        cmocka_unit_test_setup_teardown(test_fields, start_capture, stop_capture),
        cmocka_unit_test_setup_teardown(test_values, start_capture, stop_capture),
        cmocka_unit_test_setup_teardown(test_json_line, start_capture, stop_capture),
        cmocka_unit_test_setup_teardown(test_long_values_are_cut, start_capture, stop_capture),
        cmocka_unit_test(test_one_write_per_line),
        cmocka_unit_test(test_int),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
