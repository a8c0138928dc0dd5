/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics.c - the registry and its text form
 * (https://prometheus.io/docs/instrumenting/exposition_formats/).
 *
 * A series is found by its label values, each followed by a NUL byte: no value can contain one, and
 * comparing such keys bytewise orders them by the first label, then the second.
 */
#include "base/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"

enum {
    MAX_SERIES = 1000,
    MAX_LABELS = 4,
    KEY_MAX_BYTES = 64 * 1024
};

/* Seconds. */
static const double default_buckets[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                         0.25,  0.5,    1,     2.5,  5,     10};

struct series {
    double value;   /* counter, gauge; histogram: the sum */
    uint64_t count; /* histogram: observations */
    uint64_t in_bucket[];
};

struct moon_metric {
    char *name;
    char *help;
    enum moon_metric_type type;
    char *labels[MAX_LABELS];
    size_t label_count;
    double *buckets;
    size_t bucket_count;
    struct moon_map *series;
};

/* In order of name. */
static struct {
    struct moon_metric **metrics;
    size_t count;
} registry;

static bool is_valid_name(const char *name, bool colon_allowed)
{
    for (const char *p = name; *p != '\0'; p++) {
        bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || *p == '_';
        bool digit = *p >= '0' && *p <= '9';
        if (!letter && !(digit && p > name) && !(colon_allowed && *p == ':')) {
            return false;
        }
    }
    return name[0] != '\0';
}

static void metric_free(struct moon_metric *m)
{
    moon_map_free(m->series);
    for (size_t i = 0; i < m->label_count; i++) {
        moon_free(m->labels[i]);
    }
    moon_free(m->buckets);
    moon_free(m->help);
    moon_free(m->name);
    moon_free(m);
}

static void copy_buckets(struct moon_metric *m, const struct moon_metric_opts *opts)
{
    const double *bounds = opts->buckets != NULL ? opts->buckets : default_buckets;
    m->bucket_count = opts->buckets != NULL ? opts->bucket_count : MOON_ARRAY_SIZE(default_buckets);
    m->buckets = moon_new_array(double, m->bucket_count);
    for (size_t i = 0; i < m->bucket_count; i++) {
        moon_assert(isfinite(bounds[i]) && (i == 0 || bounds[i] > bounds[i - 1]));
        m->buckets[i] = bounds[i];
    }
}

static struct series *series_at(struct moon_metric *m, const char *const *labels);

static struct moon_metric *metric_new(const struct moon_metric_opts *opts)
{
    moon_assert(is_valid_name(opts->name, true));
    struct moon_metric *m = moon_new(struct moon_metric);
    m->name = moon_strdup(opts->name);
    m->help = moon_strdup(opts->help);
    m->type = opts->type;
    m->series = moon_map_new(moon_free);
    for (size_t i = 0; i < MAX_LABELS && opts->labels[i] != NULL; i++) {
        moon_assert(is_valid_name(opts->labels[i], false));
        m->labels[m->label_count++] = moon_strdup(opts->labels[i]);
    }
    if (opts->type == MOON_METRIC_HISTOGRAM) {
        copy_buckets(m, opts);
    }
    /* What has one series only is there from the beginning, at 0, so that rates start right. */
    if (m->label_count == 0) {
        series_at(m, NULL);
    }
    return m;
}

static bool has_labels(const struct moon_metric *m, const char *const *labels)
{
    size_t n = 0;
    while (n < MAX_LABELS && labels[n] != NULL) {
        if (n >= m->label_count || !moon_streq(m->labels[n], labels[n])) {
            return false;
        }
        n++;
    }
    return n == m->label_count;
}

struct moon_metric *moon_metric_register(const struct moon_metric_opts *opts)
{
    size_t pos = 0;
    while (pos < registry.count && strcmp(registry.metrics[pos]->name, opts->name) < 0) {
        pos++;
    }
    if (pos < registry.count && moon_streq(registry.metrics[pos]->name, opts->name)) {
        struct moon_metric *known = registry.metrics[pos];
        moon_assert(known->type == opts->type && moon_streq(known->help, opts->help));
        moon_assert(has_labels(known, opts->labels));
        return known;
    }
    struct moon_metric *m = metric_new(opts);
    registry.metrics =
        moon_realloc_array(registry.metrics, registry.count + 1, sizeof(struct moon_metric *));
    memmove(&registry.metrics[pos + 1], &registry.metrics[pos],
            (registry.count - pos) * sizeof(struct moon_metric *));
    registry.metrics[pos] = m;
    registry.count++;
    return m;
}

static void build_key(const struct moon_metric *m, const char *const *labels, struct moon_buf *key)
{
    for (size_t i = 0; i < m->label_count; i++) {
        moon_assert(labels != NULL && labels[i] != NULL);
        moon_buf_add(key, labels[i], strlen(labels[i]) + 1);
    }
}

static void build_overflow_key(const struct moon_metric *m, struct moon_buf *key)
{
    static const char *const overflow[MAX_LABELS] = {"overflow", "overflow", "overflow",
                                                     "overflow"};
    moon_buf_clear(key);
    build_key(m, overflow, key);
}

/* Find the series or make it. */
static struct series *series_at(struct moon_metric *m, const char *const *labels)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf key = MOON_BUF_INIT(KEY_MAX_BYTES);
    build_key(m, labels, &key);
    struct series *s = key.overflow ? NULL : moon_map_get(m->series, moon_buf_str(&key));
    if (s == NULL && (key.overflow || moon_map_count(m->series) >= MAX_SERIES)) {
        build_overflow_key(m, &key);
        s = moon_map_get(m->series, moon_buf_str(&key));
    }
    if (s == NULL) {
        s = moon_alloc(sizeof(*s) + m->bucket_count * sizeof(s->in_bucket[0]));
        moon_map_set(m->series, moon_buf_str(&key), s);
    }
    return s;
}

void moon_metric_add(struct moon_metric *m, const char *const *labels, double by)
{
    moon_assert(m->type == MOON_METRIC_GAUGE || (m->type == MOON_METRIC_COUNTER && by >= 0));
    series_at(m, labels)->value += by;
}

void moon_metric_set(struct moon_metric *m, const char *const *labels, double value)
{
    moon_assert(m->type == MOON_METRIC_GAUGE);
    series_at(m, labels)->value = value;
}

void moon_metric_observe(struct moon_metric *m, const char *const *labels, double value)
{
    moon_assert(m->type == MOON_METRIC_HISTOGRAM);
    struct series *s = series_at(m, labels);
    s->value += value;
    s->count++;
    for (size_t i = 0; i < m->bucket_count; i++) {
        if (value <= m->buckets[i]) {
            s->in_bucket[i]++;
            return;
        }
    }
}

double moon_metric_value(struct moon_metric *m, const char *const *labels)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf key = MOON_BUF_INIT(KEY_MAX_BYTES);
    build_key(m, labels, &key);
    const struct series *s = moon_map_get(m->series, moon_buf_str(&key));
    if (s == NULL) {
        return 0;
    }
    return m->type == MOON_METRIC_HISTOGRAM ? (double)s->count : s->value;
}

void moon_metric_drop(struct moon_metric *m, const char *const *labels)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf key = MOON_BUF_INIT(KEY_MAX_BYTES);
    build_key(m, labels, &key);
    if (!key.overflow) {
        moon_map_remove(m->series, moon_buf_str(&key));
    }
}

void moon_metric_drop_all(struct moon_metric *m, const char *const *labels)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf first = MOON_BUF_INIT(KEY_MAX_BYTES);
    size_t pos = 0;
    struct moon_str key;

    for (size_t i = 0; i < m->label_count && labels[i] != NULL; i++) {
        moon_buf_add(&first, labels[i], strlen(labels[i]) + 1);
    }
    while (!first.overflow && moon_map_next(m->series, &pos, &key, NULL)) {
        if (key.len >= first.len && memcmp(key.ptr, first.data, first.len) == 0) {
            moon_map_remove(m->series, key);
        }
    }
}

/* The shortest decimal that reads back as the same number. */
static void add_number(struct moon_buf *out, double n)
{
    if (!isfinite(n)) {
        moon_buf_puts(out, isnan(n) ? "NaN" : n > 0 ? "+Inf" : "-Inf");
        return;
    }
    char text[32];
    int digits = 15;
    do {
        snprintf(text, sizeof(text), "%.*g", digits, n);
        digits++;
    } while (digits <= 17 && strtod(text, NULL) != n);
    moon_buf_puts(out, text);
}

static void add_escaped(struct moon_buf *out, const char *text, bool quotes)
{
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '\n') {
            moon_buf_puts(out, "\\n");
        } else if (*p == '\\' || (quotes && *p == '"')) {
            moon_buf_printf(out, "\\%c", *p);
        } else {
            moon_buf_putc(out, *p);
        }
    }
}

/* One line up to the value: name, suffix and {labels}; `bound`, when given, becomes label le. */
static void add_line_start(struct moon_buf *out, const struct moon_metric *m, const char *suffix,
                           const char *key, const double *bound)
{
    moon_buf_printf(out, "%s%s", m->name, suffix);
    char separator = '{';
    for (size_t i = 0; i < m->label_count; i++) {
        moon_buf_printf(out, "%c%s=\"", separator, m->labels[i]);
        add_escaped(out, key, true);
        moon_buf_putc(out, '"');
        key += strlen(key) + 1;
        separator = ',';
    }
    if (bound != NULL) {
        moon_buf_printf(out, "%cle=\"", separator);
        add_number(out, *bound);
        moon_buf_putc(out, '"');
        separator = ',';
    }
    moon_buf_puts(out, separator == ',' ? "} " : " ");
}

static void add_simple(struct moon_buf *out, const struct moon_metric *m, const char *key,
                       const struct series *s)
{
    add_line_start(out, m, "", key, NULL);
    add_number(out, s->value);
    moon_buf_putc(out, '\n');
}

static void add_histogram(struct moon_buf *out, const struct moon_metric *m, const char *key,
                          const struct series *s)
{
    uint64_t cumulative = 0;
    for (size_t i = 0; i < m->bucket_count; i++) {
        cumulative += s->in_bucket[i];
        add_line_start(out, m, "_bucket", key, &m->buckets[i]);
        moon_buf_printf(out, "%" PRIu64 "\n", cumulative);
    }
    add_line_start(out, m, "_bucket", key, &(double){INFINITY});
    moon_buf_printf(out, "%" PRIu64 "\n", s->count);
    add_line_start(out, m, "_sum", key, NULL);
    add_number(out, s->value);
    moon_buf_putc(out, '\n');
    add_line_start(out, m, "_count", key, NULL);
    moon_buf_printf(out, "%" PRIu64 "\n", s->count);
}

static int compare_keys(const void *a, const void *b)
{
    const struct moon_str *first = a;
    const struct moon_str *second = b;
    return moon_str_cmp(*first, *second);
}

static void add_metric(struct moon_buf *out, const struct moon_metric *m)
{
    static const char *const type_names[] = {
        [MOON_METRIC_COUNTER] = "counter",
        [MOON_METRIC_GAUGE] = "gauge",
        [MOON_METRIC_HISTOGRAM] = "histogram",
    };
    size_t count = moon_map_count(m->series);
    if (count == 0) {
        return;
    }
    moon_buf_printf(out, "# HELP %s ", m->name);
    add_escaped(out, m->help, false);
    moon_buf_printf(out, "\n# TYPE %s %s\n", m->name, type_names[m->type]);

    MOON_AUTOFREE struct moon_str *keys = moon_new_array(struct moon_str, count);
    size_t pos = 0;
    for (size_t i = 0; i < count; i++) {
        moon_map_next(m->series, &pos, &keys[i], NULL);
    }
    qsort(keys, count, sizeof(keys[0]), compare_keys);
    for (size_t i = 0; i < count; i++) {
        const struct series *s = moon_map_get(m->series, keys[i]);
        if (m->type == MOON_METRIC_HISTOGRAM) {
            add_histogram(out, m, keys[i].ptr, s);
        } else {
            add_simple(out, m, keys[i].ptr, s);
        }
    }
}

void moon_metrics_write(struct moon_buf *out)
{
    for (size_t i = 0; i < registry.count; i++) {
        add_metric(out, registry.metrics[i]);
    }
}

void moon_metrics_reset(void)
{
    for (size_t i = 0; i < registry.count; i++) {
        metric_free(registry.metrics[i]);
    }
    moon_free(moon_steal(&registry.metrics));
    registry.count = 0;
}
