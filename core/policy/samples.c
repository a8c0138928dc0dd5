/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/samples.h"

#include "base/arena.h"

enum {
    ARENA_MAX = 2 * MOON_SAMPLES_MAX_BYTES,
    PER_TEXT = 16,   /* its end, and what the arena adds to align */
    MAX_LABELS = 64, /* of one series, as many as Prometheus is mostly told to take */
};

struct moon_samples {
    struct moon_arena *texts;
    size_t bytes;
    struct moon_series *series;
    struct moon_series_label **labels; /* of series[i]; owned */
    size_t count;
    size_t capacity;
};

struct moon_samples *moon_samples_new(void)
{
    struct moon_samples *s = moon_new(struct moon_samples);

    s->texts = moon_arena_new(ARENA_MAX);
    return s;
}

void moon_samples_free(struct moon_samples *s)
{
    if (s == NULL) {
        return;
    }
    for (size_t i = 0; i < s->count; i++) {
        moon_free(s->labels[i]);
    }
    moon_free(s->labels);
    moon_free(s->series);
    moon_arena_free(s->texts);
    moon_free(s);
}

bool moon_samples_add(struct moon_samples *s, double value, int64_t at_ms)
{
    if (s->count == MOON_SAMPLES_MAX_SERIES) {
        return false;
    }
    if (s->count == s->capacity) {
        s->capacity = s->capacity == 0 ? 4 : 2 * s->capacity;
        s->series = moon_realloc_array(s->series, s->capacity, sizeof(*s->series));
        s->labels = moon_realloc_array(s->labels, s->capacity, sizeof(*s->labels));
    }
    s->series[s->count] = (struct moon_series){.value = value, .at_ms = at_ms};
    s->labels[s->count++] = NULL;
    return true;
}

bool moon_samples_label(struct moon_samples *s, struct moon_str name, struct moon_str value)
{
    moon_assert(s->count > 0);
    struct moon_series *last = &s->series[s->count - 1];
    struct moon_series_label **labels = &s->labels[s->count - 1];

    size_t more = name.len + value.len + 2 * (size_t)PER_TEXT;
    if (last->label_count == MAX_LABELS || more > MOON_SAMPLES_MAX_BYTES - s->bytes) {
        return false;
    }
    s->bytes += more;
    *labels = moon_realloc_array(*labels, last->label_count + 1, sizeof(**labels));
    (*labels)[last->label_count++] = (struct moon_series_label){
        .name = moon_arena_dup(s->texts, name), .value = moon_arena_dup(s->texts, value)};
    last->labels = *labels;
    return true;
}

size_t moon_samples_count(const struct moon_samples *s)
{
    return s->count;
}

const struct moon_series *moon_samples_get(const struct moon_samples *s, size_t i)
{
    moon_assert(i < s->count);
    return &s->series[i];
}
