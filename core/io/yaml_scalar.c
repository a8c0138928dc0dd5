/* SPDX-License-Identifier: Apache-2.0 */
#include "io/yaml_scalar.h"

#include <math.h>
#include <stdlib.h>

const char moon_yaml_not_exact[] = "an integer too large to be kept exactly (quote it)";

cJSON *moon_yaml_text(struct moon_str text)
{
    MOON_AUTOFREE char *copy = moon_str_dup(text);
    cJSON *node = cJSON_CreateString(copy != NULL ? copy : "");
    moon_assert(node != NULL);
    return node;
}

/* ---- words ---- */

static bool is_one_of(struct moon_str text, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (moon_str_is(text, *words)) {
            return true;
        }
    }
    return false;
}

/* true, false, null and what cannot be said in JSON; NULL without a problem: none of them. */
static cJSON *word_node(struct moon_str text, const char **ret_problem)
{
    static const char *const yes[] = {"y",    "Y",    "yes", "Yes", "YES", "true",
                                      "True", "TRUE", "on",  "On",  "ON",  NULL};
    static const char *const no[] = {"n",     "N",     "no",  "No",  "NO",  "false",
                                     "False", "FALSE", "off", "Off", "OFF", NULL};
    static const char *const nothing[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const no_number[] = {".nan",  ".NaN",  ".NAN",  ".inf",  ".Inf",
                                            ".INF",  "+.inf", "+.Inf", "+.INF", "-.inf",
                                            "-.Inf", "-.INF", NULL};
    if (is_one_of(text, yes)) {
        return cJSON_CreateTrue();
    }
    if (is_one_of(text, no)) {
        return cJSON_CreateFalse();
    }
    if (is_one_of(text, nothing)) {
        return cJSON_CreateNull();
    }
    if (is_one_of(text, no_number)) {
        *ret_problem = "infinity and not-a-number have no JSON form (quote it)";
    }
    return NULL;
}

/* ---- numbers ---- */

static int digit_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

/* The base that a prefix names (0x, 0o, 0b, or a leading 0), and the digits after it. */
static int number_base(struct moon_str digits, struct moon_str *ret_digits)
{
    int base = 10;
    size_t skip = 0;
    if (digits.len > 1 && digits.ptr[0] == '0') {
        char mark = (char)(digits.ptr[1] | 0x20); /* lower case */
        base = mark == 'x' ? 16 : mark == 'b' ? 2 : 8;
        skip = mark == 'x' || mark == 'b' || mark == 'o' ? 2 : 1;
    }
    *ret_digits = (struct moon_str){digits.ptr + skip, digits.len - skip};
    return base;
}

/* The magnitude of an integer literal without its sign. False: not an integer. *ret_is_exact: a
 * double holds it. */
static bool parse_integer(struct moon_str text, double *ret_value, bool *ret_is_exact)
{
    struct moon_str digits;
    int base = number_base(text, &digits);
    uint64_t value = 0;
    bool fits = true;

    for (size_t i = 0; i < digits.len; i++) {
        int digit = digit_value(digits.ptr[i]);
        if (digit >= base) {
            return false;
        }
        fits = fits && !__builtin_mul_overflow(value, (uint64_t)base, &value) &&
               !__builtin_add_overflow(value, (uint64_t)digit, &value);
    }
    *ret_value = (double)value;
    /* (double)UINT64_MAX is 2^64, which does not convert back: look before. */
    *ret_is_exact = fits && *ret_value < 18446744073709551616.0 && (uint64_t)*ret_value == value;
    return digits.len > 0;
}

static size_t skip_digits(struct moon_str text, size_t i)
{
    while (i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9') {
        i++;
    }
    return i;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool is_float(struct moon_str text)
{
    size_t i = text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+');
    size_t whole = i;
    i = skip_digits(text, i);
    bool has_digits = i > whole;
    if (i < text.len && text.ptr[i] == '.') {
        size_t fraction = i + 1;
        i = skip_digits(text, fraction);
        has_digits = has_digits || i > fraction;
    }
    if (!has_digits) {
        return false;
    }
    if (i < text.len && (text.ptr[i] == 'e' || text.ptr[i] == 'E')) {
        i++;
        i += i < text.len && (text.ptr[i] == '-' || text.ptr[i] == '+');
        size_t exponent = i;
        i = skip_digits(text, i);
        if (i == exponent) {
            return false;
        }
    }
    return i == text.len;
}

static bool starts_like_number(struct moon_str text)
{
    return text.len > 0 &&
           (strchr("+-.", text.ptr[0]) != NULL || (text.ptr[0] >= '0' && text.ptr[0] <= '9'));
}

static cJSON *number_node(struct moon_str text, const char **ret_problem)
{
    if (!starts_like_number(text)) {
        return NULL;
    }
    MOON_AUTOFREE char *plain = moon_str_dup(text);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '_' || text.ptr[0] == '.') {
            plain[len++] = text.ptr[i]; /* 1_000 */
        }
    }
    size_t sign = plain[0] == '-' || plain[0] == '+';
    double value;
    bool is_exact;
    if (parse_integer((struct moon_str){plain + sign, len - sign}, &value, &is_exact)) {
        if (!is_exact) {
            *ret_problem = moon_yaml_not_exact;
            return NULL;
        }
        return cJSON_CreateNumber(plain[0] == '-' && value > 0 ? -value : value);
    }
    /* 08 is no octal number and thus, for go-yaml, the float 8; 1e999 is text. */
    plain[len] = '\0';
    if (!is_float((struct moon_str){plain, len}) || !isfinite(value = strtod(plain, NULL))) {
        return NULL;
    }
    return cJSON_CreateNumber(value);
}

bool moon_yaml_is_inexact_integer(struct moon_str number)
{
    size_t sign = number.len > 0 && number.ptr[0] == '-';
    double value;
    bool is_exact;
    return parse_integer((struct moon_str){number.ptr + sign, number.len - sign}, &value,
                         &is_exact) &&
           !is_exact;
}

cJSON *moon_yaml_plain_scalar(struct moon_str text, const char **ret_problem)
{
    *ret_problem = NULL;
    cJSON *node = word_node(text, ret_problem);
    if (node == NULL && *ret_problem == NULL) {
        node = number_node(text, ret_problem);
    }
    if (node == NULL && *ret_problem == NULL) {
        node = moon_yaml_text(text);
    }
    return node;
}
