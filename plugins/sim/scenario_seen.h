/* SPDX-License-Identifier: Apache-2.0
 *
 * scenario_seen.h - the objects of the API server as conditions and the timeline look at them.
 *
 * Fed by the server's observer, so it is the truth at any moment, costs no calls, and is not what
 * any client believes. Of pods the few things that are asked for again and again are kept beside
 * the text.
 */
#ifndef MOON_SIM_SCENARIO_SEEN_H
#define MOON_SIM_SCENARIO_SEEN_H

#include "kube/selector.h"
#include "sim/objdb.h"

struct moon_scenario_seen;

/* One object. */
struct moon_scenario_thing {
    struct moon_sim_obj *obj;
    struct moon_labels labels;
    /* Pods only. */
    cJSON *images; /* array of texts */
    char *reason;  /* why it waits, has failed or was unable to start; NULL: no reason */
    bool is_ready; /* nodes, too */
    int64_t restarts;
};

struct moon_scenario_seen *moon_scenario_seen_new(void);
void moon_scenario_seen_free(struct moon_scenario_seen *seen); /* NULL is fine */
MOON_DEFINE_CLEANUP(struct moon_scenario_seen, moon_scenario_seen_free);

/* Take a change in; `fn` sees the thing as it was and as it is (NULL: not there). */
void moon_scenario_seen_event(struct moon_scenario_seen *seen, const struct moon_sim_event *event,
                              void (*fn)(const struct moon_scenario_thing *before,
                                         const struct moon_scenario_thing *after, void *ctx),
                              void *ctx);
/* Grows with each change. */
uint64_t moon_scenario_seen_changes(const struct moon_scenario_seen *seen);

/* Of a kind by its plural: one, all of them (in the order in which they came), how many. */
const struct moon_scenario_thing *moon_scenario_seen_get(const struct moon_scenario_seen *seen,
                                                         const char *plural, const char *ns,
                                                         const char *name);
bool moon_scenario_seen_next(const struct moon_scenario_seen *seen, const char *plural, size_t *pos,
                             const struct moon_scenario_thing **ret);
size_t moon_scenario_seen_count(const struct moon_scenario_seen *seen, const char *plural);

#endif
