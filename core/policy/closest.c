/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/closest.h"

#include <stdio.h>
#include <string.h>

enum {
    MAX_WORD = 40
};

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

/* Number of letters to insert, drop, change or swap with their neighbour. */
static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
    size_t row[3][MAX_WORD + 1];

    for (size_t j = 0; j <= m; j++) {
        row[0][j] = j;
    }
    for (size_t i = 1; i <= n; i++) {
        size_t *now = row[i % 3];
        const size_t *before = row[(i - 1) % 3];
        const size_t *two_before = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t change = before[j - 1] + (a[i - 1] != b[j - 1]);
            now[j] = min3(before[j] + 1, now[j - 1] + 1, change);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                two_before[j - 2] + 1 < now[j]) {
                now[j] = two_before[j - 2] + 1;
            }
        }
    }
    return row[n % 3][m];
}

void moon_closest_init(struct moon_closest *c, const char *word)
{
    *c = (struct moon_closest){.word = word};
    /* One mistake in a short word, two in a longer one; more is a different word. */
    c->distance = strlen(word) <= 4 ? 2 : 3;
}

void moon_closest_offer(struct moon_closest *c, const char *candidate)
{
    size_t n = strlen(c->word);
    size_t m = strlen(candidate);

    if (n == 0 || n > MAX_WORD || m > MAX_WORD) {
        return;
    }
    size_t d = distance(c->word, n, candidate, m);
    bool earlier = d == c->distance && c->best != NULL && strcmp(candidate, c->best) < 0;
    if (d < c->distance || earlier) {
        c->distance = d;
        c->best = candidate;
    }
}

bool moon_closest_is_one_of(struct moon_closest *c, const char *const *names, size_t count)
{
    bool found = false;

    for (size_t i = 0; i < count; i++) {
        found = found || strcmp(names[i], c->word) == 0;
        moon_closest_offer(c, names[i]);
    }
    return found;
}

const char *moon_closest_text(const struct moon_closest *c, char out[MOON_CLOSEST_TEXT])
{
    out[0] = '\0';
    if (c->best != NULL) {
        (void)snprintf(out, MOON_CLOSEST_TEXT, " (did you mean '%s'?)", c->best);
    }
    return out;
}
