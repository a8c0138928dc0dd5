/* SPDX-License-Identifier: Apache-2.0
 *
 * error.c - filling in an error value.
 *
 * The new text is made in a buffer of its own before it replaces the old one, because the old text
 * is often among the arguments.
 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

/* Store `text`, which snprintf says would have been `wanted` bytes long. */
static void store_text(struct moon_err *err, const char *text, size_t wanted)
{
    static const char ellipsis[] = "…";
    struct moon_str kept = {text, wanted};
    bool cut = wanted >= MOON_ERR_TEXT_MAX;
    if (cut) {
        kept.len = MOON_ERR_TEXT_MAX - 1;
        kept = moon_str_cut(kept, MOON_ERR_TEXT_MAX - sizeof(ellipsis));
    }
    memcpy(err->text, kept.ptr, kept.len);
    memcpy(err->text + kept.len, cut ? ellipsis : "", cut ? sizeof(ellipsis) : 1);
}

/* Format into text[MOON_ERR_TEXT_MAX]; returns the length the whole would have. */
MOON_PRINTF(2, 0) static size_t format(char *text, const char *fmt, va_list args)
{
    int n = vsnprintf(text, MOON_ERR_TEXT_MAX, fmt, args);
    moon_assert(n >= 0);
    return (size_t)n;
}

/* Append to text of which `len` bytes would have been needed so far; returns the new length. */
static size_t append(char *text, size_t len, const char *tail)
{
    if (len < MOON_ERR_TEXT_MAX) {
        size_t room = MOON_ERR_TEXT_MAX - 1 - len;
        size_t n = strnlen(tail, room);
        memcpy(text + len, tail, n);
        text[len + n] = '\0';
    }
    return len + strlen(tail);
}

int moon_err_set(struct moon_err *err, enum moon_code code, const char *fmt, ...)
{
    char text[MOON_ERR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    size_t len = format(text, fmt, args);
    va_end(args);

    moon_assert(code != MOON_OK);
    err->code = code;
    err->http_status = 0;
    err->retry_after_ms = 0;
    store_text(err, text, len);
    return -(int)code;
}

int moon_err_errno(struct moon_err *err, int errnum, const char *fmt, ...)
{
    char text[MOON_ERR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    size_t len = format(text, fmt, args);
    va_end(args);

    len = append(text, len, ": ");
    len = append(text, len, strerror(errnum));
    err->code = MOON_E_SYSTEM;
    err->http_status = 0;
    err->retry_after_ms = 0;
    store_text(err, text, len);
    return -MOON_E_SYSTEM;
}

int moon_err_wrap(struct moon_err *err, const char *fmt, ...)
{
    char text[MOON_ERR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    size_t len = format(text, fmt, args);
    va_end(args);

    moon_assert(err->code != MOON_OK);
    len = append(text, len, ": ");
    len = append(text, len, err->text);
    store_text(err, text, len);
    return -(int)err->code;
}

const char *moon_code_name(enum moon_code code)
{
    switch (code) {
    case MOON_OK:
        return "ok";
    case MOON_E_INVALID:
        return "invalid";
    case MOON_E_NOT_FOUND:
        return "not found";
    case MOON_E_CONFLICT:
        return "conflict";
    case MOON_E_EXISTS:
        return "exists";
    case MOON_E_GONE:
        return "gone";
    case MOON_E_DENIED:
        return "denied";
    case MOON_E_BUSY:
        return "busy";
    case MOON_E_TIMEOUT:
        return "timeout";
    case MOON_E_NETWORK:
        return "network";
    case MOON_E_SERVER:
        return "server";
    case MOON_E_LIMIT:
        return "limit";
    case MOON_E_SYSTEM:
        return "system";
    case MOON_E_POLICY:
        return "policy";
    case MOON_E_CANCELLED:
        return "cancelled";
    }
    return "unknown";
}

bool moon_code_is_transient(enum moon_code code)
{
    return code == MOON_E_BUSY || code == MOON_E_TIMEOUT || code == MOON_E_NETWORK ||
           code == MOON_E_SERVER;
}
