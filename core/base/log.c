/* SPDX-License-Identifier: Apache-2.0
 *
 * log.c - building a line and writing it with one write(2), so that lines of several processes on
 * one pipe do not mix.
 */
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/time.h"

/* The largest line is far above what a caller's handful of values of VALUE_MAX can reach, even when
 * every byte needs six to be escaped. */
enum {
    VALUE_MAX = 4096,
    LINE_MAX_BYTES = 4 * 1024 * 1024
};

static struct {
    enum moon_log_level level;
    enum moon_log_format format;
    int fd;
    void (*capture)(const char *line, size_t len, void *ctx);
    void *capture_ctx;
} logger = {.level = MOON_LOG_INFO, .format = MOON_LOG_LOGFMT, .fd = STDERR_FILENO};

static const char *const level_names[] = {
    [MOON_LOG_ERROR] = "error",
    [MOON_LOG_WARN] = "warn",
    [MOON_LOG_INFO] = "info",
    [MOON_LOG_DEBUG] = "debug",
};

void moon_log_setup(enum moon_log_level level, enum moon_log_format format, int fd)
{
    logger.level = level;
    logger.format = format;
    logger.fd = fd;
}

bool moon_log_enabled(enum moon_log_level level)
{
    return level <= logger.level;
}

bool moon_log_level_parse(const char *text, enum moon_log_level *ret)
{
    for (size_t i = 0; i < MOON_ARRAY_SIZE(level_names); i++) {
        if (moon_streq(text, level_names[i])) {
            *ret = (enum moon_log_level)i;
            return true;
        }
    }
    return false;
}

/* Length of the well-formed UTF-8 character at s (RFC 3629: no surrogates, nothing overlong), or 0.
 */
static size_t utf8_character(struct moon_str s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    size_t len = p[0] < 0x80 ? 1 : p[0] < 0xC2 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (len == 0 || len > s.len || p[0] > 0xF4) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    bool misfit = (p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ||
                  (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F);
    return misfit ? 0 : len;
}

/* One quoted string, good for JSON and for logfmt; bytes that are not text become U+FFFD. */
static void add_quoted(struct moon_buf *line, struct moon_str s)
{
    moon_buf_putc(line, '"');
    while (s.len > 0) {
        unsigned char c = (unsigned char)s.ptr[0];
        size_t len = utf8_character(s);
        if (len == 0) {
            moon_buf_puts(line, "\xEF\xBF\xBD");
            len = 1;
        } else if (c == '"' || c == '\\') {
            moon_buf_printf(line, "\\%c", c);
        } else if (c == '\n' || c == '\t') {
            moon_buf_puts(line, c == '\n' ? "\\n" : "\\t");
        } else if (c < 0x20 || c == 0x7f) {
            moon_buf_printf(line, "\\u%04x", c);
        } else {
            moon_buf_add(line, s.ptr, len);
        }
        s.ptr += len;
        s.len -= len;
    }
    moon_buf_putc(line, '"');
}

static bool needs_quotes(struct moon_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\') {
            return true;
        }
    }
    return s.len == 0;
}

static void add_field(struct moon_buf *line, const char *name, const char *value)
{
    struct moon_str text = moon_str_cut(moon_str(value), VALUE_MAX);
    if (logger.format == MOON_LOG_JSON) {
        moon_buf_putc(line, line->len > 0 ? ',' : '{');
        add_quoted(line, moon_str(name));
        moon_buf_putc(line, ':');
        add_quoted(line, text);
        return;
    }
    moon_buf_printf(line, "%s%s=", line->len > 0 ? " " : "", name);
    if (needs_quotes(text)) {
        add_quoted(line, text);
    } else {
        moon_buf_add_str(line, text);
    }
}

static void add_time(struct moon_buf *line)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    char seconds[MOON_TIME_TEXT];
    char text[MOON_TIME_TEXT + 8];
    moon_time_format(now.tv_sec, seconds);
    seconds[strlen(seconds) - 1] = '\0'; /* the Z */
    snprintf(text, sizeof(text), "%s.%03dZ", seconds, (int)(now.tv_nsec / 1000000));
    add_field(line, "ts", text);
}

/* A log that cannot be written must not stop the controller: the line is lost. */
static void emit(struct moon_buf *line)
{
    if (logger.capture != NULL) {
        logger.capture(moon_buf_cstr(line), line->len, logger.capture_ctx);
        return;
    }
    moon_buf_putc(line, '\n');
    ssize_t n = 0;
    do {
        n = write(logger.fd, moon_buf_cstr(line), line->len);
    } while (n < 0 && errno == EINTR);
}

void moon_log_write(enum moon_log_level level, const char *topic, const char *msg, ...)
{
    if (!moon_log_enabled(level)) {
        return;
    }
    MOON_CLEANUP(moon_buf_fini) struct moon_buf line = MOON_BUF_INIT(LINE_MAX_BYTES);
    add_time(&line);
    add_field(&line, "level", level_names[level]);
    add_field(&line, "topic", topic);
    add_field(&line, "msg", msg);

    va_list args;
    va_start(args, msg);
    for (const char *name = va_arg(args, const char *); name != NULL;
         name = va_arg(args, const char *)) {
        const char *value = va_arg(args, const char *);
        if (value != NULL) {
            add_field(&line, name, value);
        }
    }
    va_end(args);

    if (logger.format == MOON_LOG_JSON) {
        moon_buf_putc(&line, '}');
    }
    moon_assert(!line.overflow);
    emit(&line);
}

const char *moon_log_int(char scratch[24], int64_t n)
{
    snprintf(scratch, 24, "%" PRId64, n);
    return scratch;
}

void moon_log_capture(void (*fn)(const char *line, size_t len, void *ctx), void *ctx)
{
    logger.capture = fn;
    logger.capture_ctx = ctx;
}
