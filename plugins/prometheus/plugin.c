/* SPDX-License-Identifier: Apache-2.0
 *
 * plugin.c - the provider `prometheus` as a plugin: its options.
 */
#include <stdio.h>

#include "prometheus/prometheus_priv.h"

#define PROM_MAGIC 0x9a0e7e05u

enum {
    MAX_CALLS = 100,
};

static const struct moon_plugin_option options[] = {
    {"url", NULL, "where the Prometheus is, such as https://prometheus.monitoring:9090"},
    {"bearer-token-file", NULL, "what to say in Authorization; read anew for each call"},
    {"ca-file", NULL, "who signs its certificate, instead of the system's list"},
    {"timeout", "10s", "of one call, at most; a policy's query may ask for less"},
    {"max-concurrent", "4", "calls at a time; further ones wait"},
    {"keep", "2s", "how long an answer answers the same question again"},
};

static int wrong(struct moon_plugin_error *error, const char *option, const char *wanted)
{
    (void)snprintf(error->text, sizeof(error->text), "option %s: %s is wanted", option, wanted);
    return -1;
}

/* What is sent there must not hold secrets that end up in logs. */
static bool is_url(struct moon_str url)
{
    size_t scheme = moon_str_starts(url, "https://") ? 8 : moon_str_starts(url, "http://") ? 7 : 0;

    return scheme > 0 && url.len > scheme && memchr(url.ptr, '@', url.len) == NULL &&
           memchr(url.ptr, '?', url.len) == NULL && memchr(url.ptr, ' ', url.len) == NULL;
}

static int read_url(struct moon_prom *p, const char *text, struct moon_plugin_error *error)
{
    struct moon_str url = moon_str(text);

    if (text == NULL) {
        return 0; /* told when somebody asks */
    }
    if (!is_url(url)) {
        return wrong(error, "url", "http:// or https://, a host, and no user or query");
    }
    while (moon_str_ends(url, "/")) {
        url.len--;
    }
    p->url = moon_str_dup(url);
    return 0;
}

static int read_options(struct moon_prom *p, const struct moon_host *host,
                        struct moon_plugin_error *error)
{
    const struct moon_iface_core *core = host->iface(host, "core", 1);
    uint64_t max_calls;

    if (read_url(p, core->option(host, "url"), error) != 0) {
        return -1;
    }
    if (!moon_parse_duration_ms(moon_str(core->option(host, "timeout")), &p->timeout_ms) ||
        p->timeout_ms == 0) {
        return wrong(error, "timeout", "a duration such as 10s");
    }
    if (!moon_parse_duration_ms(moon_str(core->option(host, "keep")), &p->keep_ms)) {
        return wrong(error, "keep", "a duration such as 2s");
    }
    if (!moon_parse_u64(moon_str(core->option(host, "max-concurrent")), &max_calls) ||
        max_calls < 1 || max_calls > MAX_CALLS) {
        return wrong(error, "max-concurrent", "a number from 1 to 100");
    }
    p->max_calls = (uint32_t)max_calls;
    p->token_file = moon_strdup(core->option(host, "bearer-token-file"));
    p->tls.ca_file = moon_strdup(core->option(host, "ca-file"));
    return 0;
}

static void fini(void *state)
{
    struct moon_prom *p = MOON_CAST(moon_prom, state, PROM_MAGIC);

    moon_prom_end(p);
    moon_tls_fini(&p->tls);
    moon_free(p->token_file);
    moon_free(p->url);
    p->magic = 0;
    moon_free(p);
}

static int init(const struct moon_host *host, void **ret_state, struct moon_plugin_error *error)
{
    const struct moon_internal *in = host->iface(host, "internal", 1);
    struct moon_prom *p = moon_new(struct moon_prom);

    p->magic = PROM_MAGIC;
    p->in = in;
    p->provider = host->iface(host, "provider", 1);
    p->calls = moon_map_new(moon_prom_call_free);
    if (read_options(p, host, error) != 0) {
        fini(p);
        return -1;
    }
    const struct moon_plugin_provider provider = {
        .struct_size = sizeof(provider),
        .name = "prometheus",
        .query = moon_prom_query,
        .cancel = moon_prom_cancel,
        .state = p,
    };
    if (p->provider->add(host, &provider) != 0) {
        (void)snprintf(error->text, sizeof(error->text), "another plugin provides prometheus");
        fini(p);
        return -1;
    }
    *ret_state = p;
    return 0;
}

MOON_IN_TREE_PLUGIN(.name = "prometheus",
                    .summary = "answers the queries of policies' analyze from a Prometheus",
                    .options = options, .option_count = MOON_ARRAY_SIZE(options), .init = init,
                    .fini = fini)
