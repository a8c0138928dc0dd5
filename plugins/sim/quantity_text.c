/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/quantity_text.h"

#include <stdio.h>

__extension__ typedef __int128 wide; /* the only way to have the type under -Wpedantic */

enum family {
    DECIMAL,
    BINARY,
    EXPONENT
};

struct quantity {
    bool negative;
    wide nano; /* magnitude, in 10^-9 */
    enum family family;
};

static const wide NANO = 1000000000;
static const int64_t WHOLE_MAX = INT64_MAX;

static const struct {
    const char *text;
    int power; /* of 1024, or of 10 */
    enum family family;
} SUFFIXES[] = {
    {"Ei", 6, BINARY},  {"Pi", 5, BINARY},  {"Ti", 4, BINARY},  {"Gi", 3, BINARY},
    {"Mi", 2, BINARY},  {"Ki", 1, BINARY},  {"E", 18, DECIMAL}, {"P", 15, DECIMAL},
    {"T", 12, DECIMAL}, {"G", 9, DECIMAL},  {"M", 6, DECIMAL},  {"k", 3, DECIMAL},
    {"", 0, DECIMAL},   {"m", -3, DECIMAL}, {"u", -6, DECIMAL}, {"n", -9, DECIMAL},
};

/* value × base^power; rounded up when it does not divide; saturates at 2^63-1 wholes. */
static wide scale(wide value, int base, int power)
{
    for (; power > 0; power--) {
        if (value > (wide)WHOLE_MAX * NANO / base) {
            return (wide)WHOLE_MAX * NANO;
        }
        value *= base;
    }
    bool rest = false;
    for (; power < 0; power++) {
        rest = rest || value % base != 0;
        value /= base;
    }
    return value + (rest ? 1 : 0);
}

/* The digits in front of the suffix, as value × 10^power. */
static bool read_digits(struct moon_str *text, wide *ret_value, int *ret_power)
{
    size_t i = 0;
    size_t digits = 0;
    bool point = false;
    wide value = 0;
    int power = 0;
    for (; i < text->len; i++) {
        char c = text->ptr[i];
        if (c == '.' && !point) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9') {
            break;
        }
        digits++;
        if (value > (wide)WHOLE_MAX) { /* more than any result can hold: keep the size only */
            power += point ? 0 : 1;
            continue;
        }
        value = value * 10 + (c - '0');
        power -= point ? 1 : 0;
    }
    text->ptr += i;
    text->len -= i;
    *ret_value = value;
    *ret_power = power;
    return digits > 0;
}

static bool parse(struct moon_str text, struct quantity *ret)
{
    wide value = 0;
    int power = 0;
    int64_t exponent = 0;
    *ret = (struct quantity){0};
    if (text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+')) {
        ret->negative = text.ptr[0] == '-';
        text = (struct moon_str){text.ptr + 1, text.len - 1};
    }
    if (!read_digits(&text, &value, &power)) {
        return false;
    }
    for (size_t i = 0; i < MOON_ARRAY_SIZE(SUFFIXES); i++) {
        if (moon_str_is(text, SUFFIXES[i].text)) {
            bool binary = SUFFIXES[i].family == BINARY;
            wide scaled = binary ? scale(value, 1024, SUFFIXES[i].power) : value;
            ret->nano = scale(scaled, 10, power + 9 + (binary ? 0 : SUFFIXES[i].power));
            ret->family = SUFFIXES[i].family;
            return true;
        }
    }
    bool plus = text.len > 1 && text.ptr[1] == '+';
    size_t skip = plus ? 2 : 1;
    if (text.len <= skip || (text.ptr[0] != 'e' && text.ptr[0] != 'E') ||
        !moon_parse_i64((struct moon_str){text.ptr + skip, text.len - skip}, &exponent) ||
        exponent > 100 || exponent < -100) {
        return false;
    }
    ret->nano = scale(value, 10, power + 9 + (int)exponent);
    ret->family = EXPONENT;
    return true;
}

static bool divides(const struct quantity *q, size_t suffix, wide *ret_count)
{
    bool binary = SUFFIXES[suffix].family == BINARY;
    wide unit = binary ? scale(NANO, 1024, SUFFIXES[suffix].power)
                       : scale(1, 10, SUFFIXES[suffix].power + 9);
    *ret_count = q->nano / unit;
    return q->nano % unit == 0 && *ret_count > 0;
}

static const char *suffix_text(const struct quantity *q, size_t suffix, char scratch[8])
{
    if (q->family != EXPONENT || SUFFIXES[suffix].power == 0) {
        return SUFFIXES[suffix].text;
    }
    (void)snprintf(scratch, 8, "e%d", SUFFIXES[suffix].power);
    return scratch;
}

bool moon_sim_quantity_canonical(struct moon_str text, char out[MOON_SIM_QUANTITY_TEXT])
{
    struct quantity q;
    char scratch[8];
    wide count = 0;
    if (!parse(moon_str_trim(text), &q)) {
        return false;
    }
    /* What is smaller than 1, or no whole number of binary units, is printed decimally. */
    bool binary = q.family == BINARY && q.nano % NANO == 0 && q.nano >= 1024 * NANO;
    (void)snprintf(out, MOON_SIM_QUANTITY_TEXT, "0");
    for (size_t i = 0; i < MOON_ARRAY_SIZE(SUFFIXES); i++) {
        bool plain = SUFFIXES[i].power == 0;
        bool right_family =
            binary ? SUFFIXES[i].family == BINARY || plain : SUFFIXES[i].family == DECIMAL;
        if (right_family && divides(&q, i, &count)) {
            (void)snprintf(out, MOON_SIM_QUANTITY_TEXT, "%s%lld%s", q.negative ? "-" : "",
                           (long long)count, suffix_text(&q, i, scratch));
            return true;
        }
    }
    return true;
}

bool moon_sim_quantity_milli(struct moon_str text, int64_t *ret_milli)
{
    struct quantity q;
    if (!parse(moon_str_trim(text), &q)) {
        return false;
    }
    wide milli = (q.nano + 999999) / 1000000;
    milli = milli > (wide)INT64_MAX ? (wide)INT64_MAX : milli;
    *ret_milli = q.negative ? -(int64_t)milli : (int64_t)milli;
    return true;
}
