/* SPDX-License-Identifier: Apache-2.0
 *
 * orders.h - what annotations and image tags command of a pod or node.
 *
 * This is how a user, a test or a scenario makes something happen: annotate the object. A value
 * that is not understood counts as absent; `wrong` says so, for the log. The annotations are listed
 * by moon_orders_help, in the help of `moonset sim`.
 */
#ifndef MOON_SIM_ORDERS_H
#define MOON_SIM_ORDERS_H

#include "base/intern.h"
#include "io/json.h"

/* A time nobody has commanded. */
#define MOON_ORDER_NONE UINT64_MAX

/* ---- pods ---- */

/* What becomes of a pod once it is on its node. */
enum moon_fate {
    MOON_FATE_RUN,
    MOON_FATE_FAIL,     /* phase Failed, whatever the restart policy */
    MOON_FATE_SUCCEED,  /* phase Succeeded, whatever the restart policy */
    MOON_FATE_CRASH,    /* containers end with an error, again and again */
    MOON_FATE_COMPLETE, /* containers end well, again and again */
    MOON_FATE_NEVER_READY,
    MOON_FATE_NO_IMAGE,
};
enum {
    MOON_FATES = MOON_FATE_NO_IMAGE + 1
};

struct moon_pod_orders {
    enum moon_fate fate;
    moon_sym reason;         /* for a pod that fails; NULL: Evicted */
    moon_sym wrong;          /* NULL: all understood */
    uint64_t start_after_ms; /* these four: MOON_ORDER_NONE: as the flags say */
    uint64_t ready_after_ms;
    uint64_t end_after_ms; /* how long its containers live, if they end */
    uint64_t stop_after_ms;
    bool ignores_sigterm; /* it must be killed */
    int32_t exit_code;    /* of a crash */
};

/* First its images, in order, then its annotations, which win. */
void moon_pod_orders_init(struct moon_pod_orders *orders);
void moon_pod_orders_image(struct moon_pod_orders *orders, const char *image);
void moon_pod_orders_annotations(struct moon_pod_orders *orders, const cJSON *pod);
void moon_pod_orders_fini(struct moon_pod_orders *orders);
bool moon_pod_orders_equal(const struct moon_pod_orders *a, const struct moon_pod_orders *b);

/* ---- nodes ---- */

enum moon_pressure {
    MOON_PRESSURE_MEMORY,
    MOON_PRESSURE_DISK,
    MOON_PRESSURE_PID,
};
enum {
    MOON_PRESSURES = MOON_PRESSURE_PID + 1
};

struct moon_node_orders {
    bool is_down;      /* silent; what runs there goes on */
    bool is_off;       /* and without power: containers start anew when it is back */
    bool is_shut_down; /* in good order */
    unsigned pressure; /* bits: 1 << enum moon_pressure */
    moon_sym reject;   /* NULL: pods are welcome */
    moon_sym missing;  /* images that cannot be pulled there: a, b*; NULL: none */
    moon_sym wrong;
    uint64_t pull_time_ms; /* MOON_ORDER_NONE: as the flag says */
};

void moon_node_orders_read(struct moon_node_orders *orders, const cJSON *node);
void moon_node_orders_fini(struct moon_node_orders *orders);
bool moon_node_orders_equal(const struct moon_node_orders *a, const struct moon_node_orders *b);

/* Is it silent, in one way or another? */
static inline bool moon_node_orders_is_silent(const struct moon_node_orders *orders)
{
    return orders->is_down || orders->is_shut_down;
}

/* Does `list` (as in moon_node_orders.missing, or NULL) name this image? */
bool moon_orders_name_image(moon_sym list, const char *image);

#endif
