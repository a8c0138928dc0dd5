/* SPDX-License-Identifier: Apache-2.0
 *
 * faults.h - what goes wrong in the embedded API server on purpose: at which call, and what.
 *
 * A rule counts the calls that match it; from its first to its last one it spoils them. Each call
 * is spoilt by at most one rule, the oldest. "Done" below means that the call had its effect:
 * objects are stored and watchers told; what is spoilt is only what its caller learns. Watch faults
 * match the call that opened the watch and strike its stream, which is also its answer: CUT_MIDDLE
 * is HALF_LINE there, and HOLD is DELAY, since opening has no other effect. Delays follow the
 * loop's clock, so that with a virtual one nobody waits.
 */
#ifndef MOON_SIM_FAULTS_H
#define MOON_SIM_FAULTS_H

#include "sim/apiserver.h"
#include "sim/objdb.h"

enum moon_sim_fault {
    MOON_SIM_FAULT_CUT_BEFORE, /* not done: the connection ends without an answer */
    MOON_SIM_FAULT_CUT_MIDDLE, /* done: the connection ends in the middle of the answer */
    MOON_SIM_FAULT_CUT_AFTER,  /* done: the connection ends before the first byte of the answer */
    MOON_SIM_FAULT_DELAY,      /* arrives late: done, and answered, after delay_ms */
    MOON_SIM_FAULT_HOLD,       /* done now, answered after delay_ms */
    MOON_SIM_FAULT_STATUS,     /* not done: refused with `code` in the server's words */
    MOON_SIM_FAULT_TIMEOUT,    /* done: answered with 504, as by a proxy that did not wait */
    /* Watches; each after `lines` further lines of the stream. */
    MOON_SIM_FAULT_HALF_LINE, /* half of the next line, then the connection ends */
    MOON_SIM_FAULT_SILENT,    /* open, but not one byte any more */
    MOON_SIM_FAULT_REPEAT,    /* the next line comes twice */
    MOON_SIM_FAULT_CUT_WATCH, /* the connection ends between two lines */
    MOON_SIM_FAULT_GONE,      /* an ERROR line with 410, then its end */
    MOON_SIM_FAULT_GARBAGE,   /* a line that is no JSON */
    /* The whole server, at the moment of the call, which is not done. */
    MOON_SIM_FAULT_RESTART, /* all connections end, the history is forgotten; objects stay */
};

enum {
    MOON_SIM_FAULTS = MOON_SIM_FAULT_RESTART + 1
};

/* "cut-before", "half-line", …; parse: false for a word that is none. */
const char *moon_sim_fault_name(enum moon_sim_fault fault);
bool moon_sim_fault_parse(const char *word, enum moon_sim_fault *ret);
/* Does it strike the stream of a watch? */
bool moon_sim_fault_is_for_watches(enum moon_sim_fault fault);

struct moon_sim_fault_rule {
    /* Which calls; NULL (for texts): any. Copied by add. */
    const char *client;     /* what the User-Agent begins with: "moonset/" */
    const char *not_client; /* what it does not begin with */
    const char *verb;       /* get list watch create update patch delete deletecollection */
    const char *resource;   /* "pods", "pods/status"; a plural alone does not mean subresources */
    const char *ns;
    const char *name;
    uint64_t first; /* the how many'th matching call from now on is the first one; 0 = 1 */
    uint64_t times; /* how many from then on; 0 = 1, UINT64_MAX: all */
    enum moon_sim_fault fault;
    int code;               /* STATUS: 401 403 404 409 410 422 429 500 503 504 */
    uint64_t retry_after_s; /* STATUS: header Retry-After; 0 = none */
    uint64_t delay_ms;      /* DELAY, HOLD */
    uint64_t lines;         /* watches */
};

/* MOON_E_INVALID, as add_fault has it. */
int moon_sim_fault_check(const struct moon_sim_fault_rule *rule, struct moon_err *err);

/* A rule as a person writes it: "VERB RESOURCE FAULT [key=value…]", with * for any verb or resource
 * and a status code for `status`. It spares the simulation's own clients unless it has client=. */
struct moon_sim_fault_line {
    struct moon_sim_fault_rule rule; /* its texts are in `text` */
    char *text;
};
int moon_sim_fault_line_parse(const char *text, struct moon_sim_fault_line *ret,
                              struct moon_err *err);
void moon_sim_fault_line_fini(struct moon_sim_fault_line *line); /* for MOON_CLEANUP, too */

/* Take a rule; its number, from 1. MOON_E_INVALID: a code we have no words for, a watch fault for
 * a verb that is not watch (a verb of NULL then means watch), a verb that is none, DELAY or HOLD
 * without a delay. */
int moon_sim_api_add_fault(struct moon_sim_api *api, const struct moon_sim_fault_rule *rule,
                           uint64_t *ret_number, struct moon_err *err);
/* Forget all rules. Silent watches stay silent, held answers go out when they are due. */
void moon_sim_api_clear_faults(struct moon_sim_api *api);
/* How often faults have struck. */
uint64_t moon_sim_api_faults_struck(const struct moon_sim_api *api);
/* Calls whose arrival or answer is being held back: they do not count as under way when somebody
 * waits for the server to be at rest. */
size_t moon_sim_api_held(const struct moon_sim_api *api);

/* At once, without a rule: as RESTART and CUT_WATCH for every open watch. */
void moon_sim_api_restart(struct moon_sim_api *api);

/* ---- looking on ---- */

/* One call, when its effect is decided (watches: when they open). Texts are valid in the callback.
 * `number` counts the calls of all clients, from 1. */
struct moon_sim_api_call {
    uint64_t number;
    const char *client;   /* User-Agent; "" without */
    const char *verb;     /* as in a rule */
    const char *resource; /* "pods", "pods/status"; "" for discovery and other paths */
    const char *ns;       /* "" when there is none */
    const char *name;     /* "" for a collection */
    int status;           /* what the answer is, or would have been */
    bool dry_run;
    const char *fault; /* its name; NULL: not spoilt */
};

struct moon_sim_api_observer {
    /* Each optional. Between the beginning of a call (status 0) and its end the changes seen are
     * its own. */
    void (*on_begin)(const struct moon_sim_api_call *call, void *ctx);
    void (*on_end)(const struct moon_sim_api_call *call, void *ctx);
    void (*on_event)(const struct moon_sim_event *event, void *ctx);
    /* A call is held up on its way: it will begin later. */
    void (*on_late)(const struct moon_sim_api_call *call, void *ctx);
    void (*on_restart)(void *ctx); /* the server is about to be restarted */
    void *ctx;
};

/* One at a time; NULL takes it away. Copied. Garbage collection and the removal of a namespace's
 * content happen outside of calls. */
void moon_sim_api_observe(struct moon_sim_api *api, const struct moon_sim_api_observer *observer);

#endif
