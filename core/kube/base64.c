/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/base64.h"

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char PADDING = '=';

void moon_base64_encode(struct moon_str data, struct moon_buf *out)
{
    for (size_t i = 0; i < data.len; i += 3) {
        size_t have = data.len - i < 3 ? data.len - i : 3;
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; k++) {
            bits = bits << 8 | (k < have ? (unsigned char)data.ptr[i + k] : 0U);
        }
        for (size_t k = 0; k < 4; k++) {
            const char *digit = k <= have ? &ALPHABET[bits >> (18 - 6 * k) & 63] : &PADDING;
            moon_buf_putc(out, *digit);
        }
    }
}

/* The value of a digit, or -1. */
static int digit_value(char c)
{
    const char *found = c != '\0' ? strchr(ALPHABET, c) : NULL;
    return found != NULL ? (int)(found - ALPHABET) : -1;
}

/* Four digits, of which the last `padding` were '=' and count as 0, make 3 - padding bytes. */
static void add_group(struct moon_buf *out, uint32_t bits, unsigned padding)
{
    for (unsigned k = 0; k < 3 - padding; k++) {
        moon_buf_putc(out, (char)(bits >> (16 - 8 * k) & 255));
    }
}

bool moon_base64_decode(struct moon_str text, struct moon_buf *out)
{
    uint32_t bits = 0;
    unsigned digits = 0;
    unsigned padding = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '\n' || c == '\r') {
            continue;
        }
        int value = c == PADDING ? 0 : digit_value(c);
        /* After padding only more of it may come, and that is counted. */
        if (value < 0 || (padding > 0 && c != PADDING)) {
            return false;
        }
        padding += c == PADDING;
        bits = bits << 6 | (uint32_t)value;
        if (++digits == 4) {
            if (padding > 2) {
                return false;
            }
            add_group(out, bits, padding);
            bits = 0;
            digits = 0;
        }
    }
    return digits == 0;
}
