/* SPDX-License-Identifier: Apache-2.0
 *
 * prometheus_priv.h - the provider `prometheus`: instant queries of a Prometheus, or of what
 * answers like one (Thanos, Mimir, VictoriaMetrics).
 *
 *   plugin.c  descriptor and options
 *   ask.c     open calls: equal questions are asked once, and answers kept for a moment
 *   answer.c  reading an answer
 *
 * The HTTP API: https://prometheus.io/docs/prometheus/latest/querying/api/
 */
#ifndef MOON_PROMETHEUS_PRIV_H
#define MOON_PROMETHEUS_PRIV_H

#include "base/map.h"
#include "host/internal.h"
#include "io/http.h"

struct moon_prom {
    unsigned magic;
    const struct moon_internal *in;
    const struct moon_iface_provider *provider;
    char *url;        /* without a slash at its end; NULL: not told */
    char *token_file; /* NULL: none */
    struct moon_tls tls;
    uint64_t timeout_ms;    /* of one call, at most */
    uint64_t keep_ms;       /* how long an answer answers the same question again */
    uint32_t max_calls;     /* further ones wait */
    struct moon_http *http; /* NULL: nothing was asked yet */
    struct moon_map *calls; /* by query text -> moon_prom_call, owned */
};

/* ---- ask.c: see moon_plugin_provider ---- */
void moon_prom_query(struct moon_plugin_query *query, const char *text, size_t len,
                     int64_t timeout_ms, void *state);
void moon_prom_cancel(struct moon_plugin_query *query, void *state);
void moon_prom_call_free(void *ctx); /* for the map */
void moon_prom_end(struct moon_prom *p);

/* ---- answer.c ---- */
/* Read a body that came with 2xx into the query. Nonzero: *err says why it is none. */
int moon_prom_read(const struct moon_prom *p, struct moon_str body, struct moon_plugin_query *query,
                   struct moon_err *err);
/* What a body says of an error: "execution: …", or the beginning of what is no JSON. The caller
 * frees. */
char *moon_prom_complaint(struct moon_str body);

#endif
