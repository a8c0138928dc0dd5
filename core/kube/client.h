/* SPDX-License-Identifier: Apache-2.0
 *
 * client.h - one request to the API server.
 *
 * Generic over resources: no generated types. Three connection pools: for streams (watches,
 * unlimited), for calls (64 in flight), so that watches never starve writes, and for what is urgent
 * (the lease), so that calls nobody answers do not starve it. A 401 is tried
 * once more with fresh credentials. Everything else is the caller's: retries, pacing, meaning.
 * Non-2xx answers become a moon_err whose code says what to do and whose text is the Status
 * message, preceded by verb and resource for 403 and 404 of a whole resource. Layer: kube.
 */
#ifndef MOON_KUBE_CLIENT_H
#define MOON_KUBE_CLIENT_H

#include "io/http.h"
#include "io/json.h"
#include "kube/kubeconfig.h"
#include "kube/resource.h"

struct moon_client;
struct moon_client_call;
struct moon_client_stand_in;
struct moon_client_witness;

struct moon_client_opts {
    const char *user_agent; /* NULL: moonset/<version>; not one that looks like curl or a browser */
    bool http1_only;
    unsigned max_in_flight; /* calls; 0 = 64 */
    uint64_t timeout_ms;    /* default deadline of a call; 0 = 30 s */
    /* Both copied, NULL: none. See client_stand_in.h. */
    const struct moon_client_stand_in *stand_in;
    const struct moon_client_witness *witness;
};

/* Takes ownership of `take_config`. */
MOON_API struct moon_client *moon_client_new(struct moon_loop *loop,
                                             struct moon_kubeconfig *take_config,
                                             const struct moon_client_opts *opts,
                                             struct moon_err *err);
/* Cancels all calls; their callbacks do not run. NULL is fine. */
MOON_API void moon_client_free(struct moon_client *c);
MOON_API struct moon_loop *moon_client_loop(const struct moon_client *c);
MOON_API const struct moon_kubeconfig *moon_client_config(const struct moon_client *c);

enum moon_verb {
    MOON_VERB_GET,
    MOON_VERB_LIST,
    MOON_VERB_WATCH,
    MOON_VERB_CREATE,
    MOON_VERB_UPDATE,
    MOON_VERB_PATCH_MERGE,     /* application/merge-patch+json */
    MOON_VERB_PATCH_STRATEGIC, /* application/strategic-merge-patch+json */
    MOON_VERB_PATCH_JSON,      /* application/json-patch+json */
    MOON_VERB_DELETE,
};
MOON_API const char *moon_verb_name(enum moon_verb v); /* "get", …, "patch", "delete" */

struct moon_answer {
    int status;           /* 0: no answer at all */
    struct moon_str body; /* valid during the callback */
    bool sent;            /* false: certain that the server saw nothing */
    uint64_t retry_after_ms;
    const char *reason;   /* Status.reason of a failure ("AlreadyExists"); "" when unknown */
    const cJSON *details; /* Status.details of a failure; NULL when absent */
};

/* Does Status.details.causes hold one with this reason ("NamespaceTerminating")? */
MOON_API bool moon_answer_has_cause(const struct moon_answer *a, const char *reason);

struct moon_request {
    enum moon_verb verb;
    const struct moon_resource *resource; /* or NULL with path */
    const char *path;                     /* raw path for other endpoints ("/version") */
    const char *namespace;                /* NULL: none */
    const char *name;
    const char *subresource;
    const char *query;    /* "a=b&c=d", escaped already; NULL = none */
    struct moon_str body; /* copied */
    const char *accept;   /* NULL = application/json */
    uint64_t timeout_ms;  /* 0 = the client's; streams: none */
    uint64_t silence_ms;  /* streams: end it when no byte came for so long */
    bool urgent;          /* waits for no other call, has a connection of its own */
    bool (*on_data)(struct moon_str piece, void *ctx); /* streams a 2xx body (list, watch) */
    /* Exactly once, never from inside moon_client_send. err NULL: a 2xx answer (for streams: it
     * ended in good order). */
    void (*on_done)(const struct moon_answer *answer, const struct moon_err *err, void *ctx);
    void *ctx;
};

MOON_API struct moon_client_call *moon_client_send(struct moon_client *c,
                                                   const struct moon_request *request);
MOON_API void moon_client_cancel(struct moon_client_call *call);

/* Calls that have not ended, watches left out. */
MOON_API size_t moon_client_pending(const struct moon_client *c);
/* Metrics moonset_client_requests_total{verb,resource,code} count every request sent. */

#endif
