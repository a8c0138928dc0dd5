/* SPDX-License-Identifier: Apache-2.0
 *
 * structural_format.c - texts with a form: patterns, and the formats a schema may name.
 */
#include <arpa/inet.h>
#include <ctype.h>

#include "base/time.h"
#include "sim/structural.h"

enum {
    PATTERN_MAX_BYTES = 64 << 10
};

/* ---- patterns ---- */

/* A class as it stands inside of brackets; NULL: the letter means itself. */
static const char *class_of(char letter)
{
    return letter == 'd'   ? "0-9"
           : letter == 'w' ? "0-9A-Za-z_"
           : letter == 's' ? "[:space:]"
                           : NULL;
}

/* An escape outside of brackets; false when POSIX has nothing like it. */
static bool put_escape(char letter, struct moon_buf *out)
{
    const char *class = class_of((char)tolower((unsigned char)letter));
    if (class != NULL) {
        moon_buf_printf(out, "[%s%s]", isupper((unsigned char)letter) ? "^" : "", class);
        return true;
    }
    if (letter == 'b' || letter == 'B') { /* a GNU extension */
        moon_buf_printf(out, "\\%c", letter);
        return true;
    }
    if (letter == 'A' || letter == 'z') { /* there is one line only */
        moon_buf_putc(out, letter == 'A' ? '^' : '$');
        return true;
    }
    if (isalnum((unsigned char)letter)) {
        return false;
    }
    moon_buf_printf(out, "\\%c", letter);
    return true;
}

/* What stands in brackets: POSIX knows no escapes there, so "]" goes to the front and "-" to the
 * end. */
struct bracket {
    struct moon_buf inside;
    bool closing;
    bool dash;
};

/* The letter behind a backslash; false when it cannot be said. */
static bool put_bracket_escape(struct bracket *b, char letter)
{
    const char *class = class_of(letter);
    if (class != NULL) {
        moon_buf_puts(&b->inside, class);
    } else if (letter == ']') {
        b->closing = true;
    } else if (letter == '-') {
        b->dash = true;
    } else if (letter == '\0' || isalnum((unsigned char)letter)) {
        return false;
    } else {
        moon_buf_putc(&b->inside, letter);
    }
    return true;
}

/* One piece of it; returns what follows, NULL when it cannot be said. */
static const char *put_bracket_piece(struct bracket *b, const char *p)
{
    if (p[0] == '[' && p[1] == ':') {
        const char *end = strstr(p, ":]");
        if (end != NULL) {
            moon_buf_add(&b->inside, p, (size_t)(end + 2 - p));
        }
        return end != NULL ? end + 2 : NULL;
    }
    if (*p == '\\') {
        return put_bracket_escape(b, p[1]) ? p + 2 : NULL;
    }
    if (*p == ']') {
        b->closing = true;
    } else {
        moon_buf_putc(&b->inside, *p);
    }
    return p + 1;
}

/* From behind a bracket to behind its end; NULL when it cannot be said. */
static const char *put_bracket(const char *p, struct moon_buf *out)
{
    struct bracket b = {.inside = MOON_BUF_INIT(PATTERN_MAX_BYTES)};
    bool negated = *p == '^';
    p += negated ? 1 : 0;
    for (bool first = true; p != NULL && (*p != ']' || first); first = false) {
        p = *p != '\0' ? put_bracket_piece(&b, p) : NULL;
    }
    if (p != NULL) {
        moon_buf_printf(out, "[%s%s%s%s]", negated ? "^" : "", b.closing ? "]" : "",
                        moon_buf_cstr(&b.inside), b.dash ? "-" : "");
    }
    moon_buf_fini(&b.inside);
    return p != NULL ? p + 1 : NULL;
}

char *moon_sim_structural_pattern(const char *pattern)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(PATTERN_MAX_BYTES);
    const char *p = pattern;
    while (p != NULL && *p != '\0') {
        if (*p == '\\') {
            if (p[1] == '\0' || !put_escape(p[1], &out)) {
                return NULL;
            }
            p += 2;
        } else if (*p == '[') {
            p = put_bracket(p + 1, &out);
        } else if (p[0] == '(' && p[1] == '?') {
            if (p[2] != ':') {
                return NULL; /* flags and named groups */
            }
            moon_buf_putc(&out, '(');
            p += 3;
        } else if (strchr("*+?}", *p) != NULL && p[1] == '?') {
            moon_buf_putc(&out, *p); /* reluctant or not, the same texts match */
            p += 2;
        } else {
            moon_buf_putc(&out, *p++);
        }
    }
    return p != NULL && !out.overflow ? moon_buf_take(&out, NULL) : NULL;
}

/* ---- formats ---- */

static bool is_date_time(const char *text)
{
    int64_t ignored = 0;
    return moon_time_parse(moon_str(text), &ignored);
}

static bool is_date(const char *text)
{
    MOON_AUTOFREE char *with_time = moon_asprintf("%sT00:00:00Z", text);
    return strlen(text) == 10 && is_date_time(with_time);
}

static bool is_ipv4(const char *text)
{
    struct in_addr address;
    return inet_pton(AF_INET, text, &address) == 1;
}

static bool is_ipv6(const char *text)
{
    struct in6_addr address;
    return strchr(text, ':') != NULL && inet_pton(AF_INET6, text, &address) == 1;
}

static bool is_cidr(const char *text)
{
    const char *slash = strchr(text, '/');
    uint64_t bits = 0;
    if (slash == NULL || !moon_parse_u64(moon_str(slash + 1), &bits)) {
        return false;
    }
    MOON_AUTOFREE char *address = moon_strndup(text, (size_t)(slash - text));
    return is_ipv4(address) ? bits <= 32 : is_ipv6(address) && bits <= 128;
}

static bool is_uuid(const char *text)
{
    for (size_t i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i])) {
            return false;
        }
    }
    return text[36] == '\0';
}

static bool is_hostname(const char *text)
{
    MOON_AUTOFREE char *lower = moon_strdup(text);
    for (char *p = lower; *p != '\0'; p++) {
        *p = (char)tolower((unsigned char)*p);
    }
    return moon_is_dns1123_subdomain(moon_str(lower));
}

static bool is_byte(const char *text)
{
    size_t len = strlen(text);
    size_t body = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    return len % 4 == 0 && len - body <= 2 && strspn(text + body, "=") == len - body;
}

static bool is_duration(const char *text)
{
    uint64_t ignored = 0;
    return moon_parse_duration_ms(moon_str(text), &ignored);
}

bool moon_sim_format_matches(const char *format, const char *text)
{
    static const struct {
        const char *format;
        bool (*is)(const char *text);
    } formats[] = {
        {"date-time", is_date_time}, {"date", is_date}, {"ipv4", is_ipv4},
        {"ipv6", is_ipv6},           {"cidr", is_cidr}, {"uuid", is_uuid},
        {"hostname", is_hostname},   {"byte", is_byte}, {"duration", is_duration},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(formats); i++) {
        if (moon_streq(format, formats[i].format)) {
            return formats[i].is(text);
        }
    }
    return true;
}
