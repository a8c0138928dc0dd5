/* SPDX-License-Identifier: Apache-2.0
 *
 * log.h - one event, one line on stderr: logfmt or JSON.
 *
 * ts=2026-01-02T03:04:05.678Z level=info topic=controller msg="created pod" key=default/agent …
 * Layers base to policy never log above debug: they return errors, and whoever handles an error
 * logs it once. Values are quoted where needed and cut at 4 KB. There is no printer for tokens or
 * Authorization headers. Layer: base.
 */
#ifndef MOON_BASE_LOG_H
#define MOON_BASE_LOG_H

#include "base/error.h"

enum moon_log_level {
    MOON_LOG_ERROR,
    MOON_LOG_WARN,
    MOON_LOG_INFO,
    MOON_LOG_DEBUG
};
enum moon_log_format {
    MOON_LOG_LOGFMT,
    MOON_LOG_JSON
};

MOON_API void moon_log_setup(enum moon_log_level level, enum moon_log_format format, int fd);
MOON_API bool moon_log_enabled(enum moon_log_level level);
MOON_API bool moon_log_level_parse(const char *text, enum moon_log_level *ret);

/* Fields are pairs after the message, ended by NULL: name, value, name, value, NULL. A NULL value
 * leaves the pair out. Numbers go through the MOON_LOG_INT scratch. */
MOON_API void moon_log_write(enum moon_log_level level, const char *topic, const char *msg, ...)
    __attribute__((sentinel));

#define moon_log(level, topic, msg, ...)                                                           \
    do {                                                                                           \
        if (moon_log_enabled(level))                                                               \
            moon_log_write((level), (topic), (msg), ##__VA_ARGS__, NULL);                          \
    } while (0)
#define moon_error(topic, msg, ...) moon_log(MOON_LOG_ERROR, topic, msg, ##__VA_ARGS__)
#define moon_warn(topic, msg, ...) moon_log(MOON_LOG_WARN, topic, msg, ##__VA_ARGS__)
#define moon_info(topic, msg, ...) moon_log(MOON_LOG_INFO, topic, msg, ##__VA_ARGS__)
#define moon_debug(topic, msg, ...) moon_log(MOON_LOG_DEBUG, topic, msg, ##__VA_ARGS__)

/* A number as text that lives until the end of the full expression. */
#define MOON_LOG_INT(n) (moon_log_int((char[24]){0}, (int64_t)(n)))
MOON_API const char *moon_log_int(char scratch[24], int64_t n);

/* Tests: send lines to a function instead of the fd, without the newline; NULL restores the
 * fd. */
MOON_API void moon_log_capture(void (*fn)(const char *line, size_t len, void *ctx), void *ctx);

#endif
