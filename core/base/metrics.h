/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics.h - counters, gauges and histograms in Prometheus' text format 0.0.4.
 *
 * Process-wide registry. A metric is registered once (same name again returns the same metric; a
 * different type or help is a programming error) and lives for ever; series are made on first use
 * and capped per metric (above the cap all go to one series with every label "overflow"), so a
 * label from outside cannot exhaust memory. Without labels the one series is there from the
 * beginning, at 0. Layer: base.
 */
#ifndef MOON_BASE_METRICS_H
#define MOON_BASE_METRICS_H

#include "base/buf.h"

enum moon_metric_type {
    MOON_METRIC_COUNTER,
    MOON_METRIC_GAUGE,
    MOON_METRIC_HISTOGRAM
};

struct moon_metric;

struct moon_metric_opts {
    const char *name;
    const char *help;
    enum moon_metric_type type;
    const char *labels[4]; /* label names, NULL-terminated when fewer */
    const double *buckets; /* histogram: ascending upper bounds without +Inf; NULL: 1 ms … 10 s */
    size_t bucket_count;
};

MOON_API struct moon_metric *moon_metric_register(const struct moon_metric_opts *opts);

/* `labels`: as many values as label names; NULL when the metric has none. */
MOON_API void moon_metric_add(struct moon_metric *m, const char *const *labels, double by);
MOON_API void moon_metric_set(struct moon_metric *m, const char *const *labels, double value);
MOON_API void moon_metric_observe(struct moon_metric *m, const char *const *labels, double value);
/* For tests: the value, or a histogram's number of observations; 0 when there is no such series. */
MOON_API double moon_metric_value(struct moon_metric *m, const char *const *labels);
/* Forget one series (an object was deleted). */
MOON_API void moon_metric_drop(struct moon_metric *m, const char *const *labels);
/* Forget all series whose first labels have these values: NULL-terminated, as MOON_LABELS is. */
MOON_API void moon_metric_drop_all(struct moon_metric *m, const char *const *labels);

#define MOON_LABELS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* The whole registry, metrics in order of name, series in order of labels. */
MOON_API void moon_metrics_write(struct moon_buf *out);

/* Drop everything (tests, leak-free exit). Registered pointers are invalid afterwards. */
MOON_API void moon_metrics_reset(void);

#endif
