/* SPDX-License-Identifier: Apache-2.0
 *
 * error.h - an error is a value on the caller's stack.
 *
 * A function that can fail returns 0 or a negative enum moon_code and takes `struct moon_err *err`
 * (never NULL) as its last parameter; 0 leaves *err untouched. The text lives in a fixed array:
 * nothing to free, no allocation on an error path, no thread-local. The code says what the caller
 * can *do*; the text says what and where. Layer: base.
 */
#ifndef MOON_BASE_ERROR_H
#define MOON_BASE_ERROR_H

#include "base/mem.h"

enum moon_code {
    MOON_OK = 0,
    MOON_E_INVALID,   /* the input is wrong: do not retry, tell the author */
    MOON_E_NOT_FOUND, /* the thing does not exist */
    MOON_E_CONFLICT,  /* somebody else wrote first: read again, decide again */
    MOON_E_EXISTS,    /* a create found the name taken */
    MOON_E_GONE,      /* the version asked for is forgotten: list again */
    MOON_E_DENIED,    /* 401 or 403: give up until credentials or rights change */
    MOON_E_BUSY,      /* 429 or 503: try again after retry_after_ms */
    MOON_E_TIMEOUT,   /* no answer in time; a write may or may not have happened */
    MOON_E_NETWORK,   /* connection failed or cut; a write may or may not have happened */
    MOON_E_SERVER,    /* other 5xx, or an answer that makes no sense */
    MOON_E_LIMIT,     /* a cap of ours was reached */
    MOON_E_SYSTEM,    /* a system call failed */
    MOON_E_POLICY,    /* a policy failed: runtime, budget, memory or shape */
    MOON_E_CANCELLED, /* stopped on purpose */
};

enum {
    MOON_ERR_TEXT_MAX = 1024
};

struct moon_err {
    enum moon_code code;
    int http_status;         /* 0 when the error did not come from an HTTP answer */
    uint64_t retry_after_ms; /* 0 when the other side gave no hint */
    char text[MOON_ERR_TEXT_MAX];
};

/* Set *err and return -code, so that it can be the return expression. A text that is too long is
 * cut at a UTF-8 boundary and ends in "…". Clears http_status and retry_after_ms. */
MOON_API int moon_err_set(struct moon_err *err, enum moon_code code, const char *fmt, ...)
    MOON_PRINTF(3, 4);

/* As moon_err_set with MOON_E_SYSTEM, and ": <strerror(errnum)>" appended. */
MOON_API int moon_err_errno(struct moon_err *err, int errnum, const char *fmt, ...)
    MOON_PRINTF(3, 4);

/* Put "<fmt>: " before the text, keep the code; returns -err->code. */
MOON_API int moon_err_wrap(struct moon_err *err, const char *fmt, ...) MOON_PRINTF(2, 3);

/* "not found", "conflict", …: for logs and metrics labels; never NULL. */
MOON_API const char *moon_code_name(enum moon_code code);

/* True for errors after which the same call may succeed later without anybody changing anything. */
MOON_API bool moon_code_is_transient(enum moon_code code);

#endif
