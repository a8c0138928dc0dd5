/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/glob.h"

/* The last star is widened when the rest does not fit: no recursion. */
bool moon_glob(struct moon_str pattern, struct moon_str text)
{
    size_t p = 0;
    size_t i = 0;
    size_t star = SIZE_MAX;
    size_t star_end = 0;

    while (i < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            star_end = i;
        } else if (p < pattern.len && (pattern.ptr[p] == '?' || pattern.ptr[p] == text.ptr[i])) {
            p++;
            i++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            i = ++star_end;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*') {
        p++;
    }
    return p == pattern.len;
}
