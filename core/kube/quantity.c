/* SPDX-License-Identifier: Apache-2.0
 *
 * quantity.c - after apimachinery's resource.Quantity: what it accepts, how it rounds, what it
 * writes. All rounding is away from zero ("if you want some, you should get some").
 */
#include "kube/quantity.h"

__extension__ typedef __int128 wide; /* C has no name for it; stays in this file */
__extension__ typedef unsigned __int128 uwide;

enum {
    NANO_DIGITS = 9,
    TEXT_MAX = 100,             /* no sensible quantity is longer */
    DIGITS_MAX = TEXT_MAX + 20, /* 2^60 adds 19 digits */
    EXPONENT_MAX = 1000,        /* far beyond any value that fits */
    LARGEST_DIGITS = 37,        /* 10^37 nano is the largest value kept: sums fit */
};

static const int64_t NANO = 1000000000;

static wide largest(void)
{
    wide value = 1;
    for (int i = 0; i < LARGEST_DIGITS; i++) {
        value *= 10;
    }
    return value;
}

static wide clamp(wide nano)
{
    wide limit = largest();
    return nano > limit ? limit : nano < -limit ? -limit : nano;
}

/* ---- parsing ---- */

/* An unsigned decimal number: 0.<digits> * 10^point. */
struct decimal {
    uint8_t digits[DIGITS_MAX];
    int count;
    int point;
};

/* digits, digits.digits, digits. or .digits; cut off *rest. */
static bool take_number(struct moon_str *rest, struct decimal *ret)
{
    bool has_point = false;
    bool has_digit = false;
    size_t i = 0;
    *ret = (struct decimal){0};
    for (; i < rest->len; i++) {
        char c = rest->ptr[i];
        if (c == '.' && !has_point) {
            has_point = true;
            continue;
        }
        if (c < '0' || c > '9') {
            break;
        }
        has_digit = true;
        ret->digits[ret->count++] = (uint8_t)(c - '0');
        ret->point += !has_point;
    }
    *rest = (struct moon_str){rest->ptr + i, rest->len - i};
    return has_digit;
}

static void double_decimal(struct decimal *d)
{
    int carry = 0;
    for (int i = d->count - 1; i >= 0; i--) {
        int twice = d->digits[i] * 2 + carry;
        d->digits[i] = (uint8_t)(twice % 10);
        carry = twice / 10;
    }
    if (carry != 0) {
        moon_assert(d->count < DIGITS_MAX);
        memmove(d->digits + 1, d->digits, (size_t)d->count);
        d->digits[0] = 1;
        d->count++;
        d->point++;
    }
}

/* In nano-units, what is finer rounded up, what is larger clamped. */
static wide decimal_to_nano(const struct decimal *d)
{
    wide nano = 0;
    wide limit = largest();
    int last = d->point + NANO_DIGITS; /* digits in front of this one count in full */
    for (int i = 0; i < last; i++) {
        int digit = i < d->count ? d->digits[i] : 0;
        if (nano > (limit - digit) / 10) {
            return limit;
        }
        nano = nano * 10 + digit;
    }
    for (int i = last > 0 ? last : 0; i < d->count; i++) {
        if (d->digits[i] != 0) {
            return clamp(nano + 1);
        }
    }
    return nano;
}

struct suffix {
    enum moon_quantity_format format;
    int exponent; /* of 10, for BINARY of 2 */
};

static bool parse_suffix(struct moon_str text, struct suffix *ret)
{
    static const struct {
        const char *name;
        struct suffix suffix;
    } names[] = {
        {"", {MOON_QUANTITY_DECIMAL, 0}},   {"n", {MOON_QUANTITY_DECIMAL, -9}},
        {"u", {MOON_QUANTITY_DECIMAL, -6}}, {"m", {MOON_QUANTITY_DECIMAL, -3}},
        {"k", {MOON_QUANTITY_DECIMAL, 3}},  {"M", {MOON_QUANTITY_DECIMAL, 6}},
        {"G", {MOON_QUANTITY_DECIMAL, 9}},  {"T", {MOON_QUANTITY_DECIMAL, 12}},
        {"P", {MOON_QUANTITY_DECIMAL, 15}}, {"E", {MOON_QUANTITY_DECIMAL, 18}},
        {"Ki", {MOON_QUANTITY_BINARY, 10}}, {"Mi", {MOON_QUANTITY_BINARY, 20}},
        {"Gi", {MOON_QUANTITY_BINARY, 30}}, {"Ti", {MOON_QUANTITY_BINARY, 40}},
        {"Pi", {MOON_QUANTITY_BINARY, 50}}, {"Ei", {MOON_QUANTITY_BINARY, 60}},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(names); i++) {
        if (moon_str_is(text, names[i].name)) {
            *ret = names[i].suffix;
            return true;
        }
    }
    if (text.len < 2 || (text.ptr[0] != 'e' && text.ptr[0] != 'E')) {
        return false;
    }
    bool has_plus = text.ptr[1] == '+';
    struct moon_str digits = {text.ptr + 1 + has_plus, text.len - 1 - has_plus};
    int64_t exponent;
    if (!moon_parse_i64(digits, &exponent) || (has_plus && exponent < 0)) {
        return false;
    }
    if (exponent > EXPONENT_MAX || exponent < -EXPONENT_MAX) {
        exponent = exponent > 0 ? EXPONENT_MAX : -EXPONENT_MAX;
    }
    *ret = (struct suffix){MOON_QUANTITY_EXPONENT, (int)exponent};
    return true;
}

/* What the API server makes of a binary number: capped at 2^63 - 1, and a fraction of one unit is
 * shown as decimal. */
static struct moon_quantity finish_binary(wide nano)
{
    wide cap = (wide)INT64_MAX * NANO;
    struct moon_quantity q = {.nano = nano > cap ? cap : nano, .format = MOON_QUANTITY_BINARY};
    if (nano > 0 && nano < NANO) {
        q.format = MOON_QUANTITY_DECIMAL;
    }
    return q;
}

int moon_quantity_parse(struct moon_str text, struct moon_quantity *ret, struct moon_err *err)
{
    struct decimal number;
    struct suffix suffix;
    struct moon_str rest = text;
    bool is_negative = moon_str_starts(text, "-");

    if (text.len > TEXT_MAX) {
        return moon_err_set(err, MOON_E_INVALID, "quantity: longer than %d characters", TEXT_MAX);
    }
    if (is_negative || moon_str_starts(text, "+")) {
        rest = (struct moon_str){text.ptr + 1, text.len - 1};
    }
    if (!take_number(&rest, &number) || !parse_suffix(rest, &suffix)) {
        return moon_err_set(err, MOON_E_INVALID,
                            "quantity \"%.*s\": expected a number and one of n u m k M G T P E, "
                            "Ki Mi Gi Ti Pi Ei or an exponent",
                            MOON_STR_ARG(text));
    }
    struct moon_quantity q;
    if (suffix.format == MOON_QUANTITY_BINARY) {
        for (int i = 0; i < suffix.exponent; i++) {
            double_decimal(&number);
        }
        q = finish_binary(decimal_to_nano(&number));
    } else {
        number.point += suffix.exponent;
        q = (struct moon_quantity){decimal_to_nano(&number), suffix.format};
    }
    q.nano = is_negative ? -q.nano : q.nano;
    *ret = q;
    return 0;
}

/* ---- reckoning ---- */

struct moon_quantity moon_quantity_from_i64(int64_t units)
{
    return (struct moon_quantity){(wide)units * NANO, MOON_QUANTITY_DECIMAL};
}

int moon_quantity_cmp(struct moon_quantity a, struct moon_quantity b)
{
    return a.nano < b.nano ? -1 : a.nano > b.nano;
}

/* As upstream: nothing plus 1Gi is written in Gi. */
struct moon_quantity moon_quantity_add(struct moon_quantity a, struct moon_quantity b)
{
    return (struct moon_quantity){clamp(a.nano + b.nano), a.nano == 0 ? b.format : a.format};
}

struct moon_quantity moon_quantity_sub(struct moon_quantity a, struct moon_quantity b)
{
    return (struct moon_quantity){clamp(a.nano - b.nano), a.nano == 0 ? b.format : a.format};
}

/* Away from zero; divisor > 0. */
static wide divide_up(wide dividend, wide divisor)
{
    wide quotient = dividend / divisor;
    wide rest = dividend % divisor;
    return rest > 0 ? quotient + 1 : rest < 0 ? quotient - 1 : quotient;
}

struct moon_quantity moon_quantity_scale(struct moon_quantity q, int64_t numerator,
                                         int64_t denominator)
{
    moon_assert(denominator > 0);
    enum {
        NANO_PER_MILLI = 1000000
    };
    /* Whole part and rest apart: only the first can leave 128 bits. */
    wide whole = q.nano / denominator;
    wide rest = q.nano % denominator;
    wide product;
    if (__builtin_mul_overflow(whole, (wide)numerator, &product)) {
        bool is_negative = (whole < 0) != (numerator < 0);
        return (struct moon_quantity){is_negative ? -largest() : largest(), q.format};
    }
    wide nano = clamp(clamp(product) + divide_up(rest * numerator, denominator));
    return (struct moon_quantity){clamp(divide_up(nano, NANO_PER_MILLI) * NANO_PER_MILLI),
                                  q.format};
}

static int64_t saturate(wide value)
{
    return value > INT64_MAX ? INT64_MAX : value < INT64_MIN ? INT64_MIN : (int64_t)value;
}

int64_t moon_quantity_units(struct moon_quantity q)
{
    return saturate(divide_up(q.nano, NANO));
}

int64_t moon_quantity_milli(struct moon_quantity q)
{
    return saturate(divide_up(q.nano, NANO / 1000));
}

/* ---- writing ---- */

static void write_number(wide value, struct moon_buf *out)
{
    char digits[LARGEST_DIGITS + 3];
    size_t at = sizeof(digits);
    bool is_negative = value < 0;
    uwide rest = is_negative ? -(uwide)value : (uwide)value;
    do {
        digits[--at] = (char)('0' + (int)(rest % 10));
        rest /= 10;
    } while (rest != 0);
    if (is_negative) {
        digits[--at] = '-';
    }
    moon_buf_add(out, digits + at, sizeof(digits) - at);
}

/* The largest power of 1000 that leaves no fraction. DecimalSI has no suffix above E. */
static void write_decimal(struct moon_quantity q, struct moon_buf *out)
{
    static const char *const suffixes[] = {"n", "u", "m", "", "k", "M", "G", "T", "P", "E"};
    int exponent = -NANO_DIGITS;
    wide value = q.nano;
    while (value % 1000 == 0) {
        value /= 1000;
        exponent += 3;
    }
    write_number(value, out);
    size_t index = (size_t)(exponent + NANO_DIGITS) / 3;
    if (q.format == MOON_QUANTITY_EXPONENT || index >= MOON_ARRAY_SIZE(suffixes)) {
        if (exponent != 0) {
            moon_buf_printf(out, "e%d", exponent);
        }
    } else {
        moon_buf_puts(out, suffixes[index]);
    }
}

static void write_binary(wide units, struct moon_buf *out)
{
    static const char *const suffixes[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
    size_t index = 0;
    while (units % 1024 == 0 && index + 1 < MOON_ARRAY_SIZE(suffixes)) {
        units /= 1024;
        index++;
    }
    write_number(units, out);
    moon_buf_puts(out, suffixes[index]);
}

void moon_quantity_write(struct moon_quantity q, struct moon_buf *out)
{
    bool is_small = q.nano > -1024 * (wide)NANO && q.nano < 1024 * (wide)NANO;
    if (q.nano == 0) {
        moon_buf_putc(out, '0');
    } else if (q.format == MOON_QUANTITY_BINARY && !is_small && q.nano % NANO == 0) {
        write_binary(q.nano / NANO, out);
    } else if (q.format == MOON_QUANTITY_BINARY) {
        write_decimal((struct moon_quantity){q.nano, MOON_QUANTITY_DECIMAL}, out);
    } else {
        write_decimal(q, out);
    }
}
