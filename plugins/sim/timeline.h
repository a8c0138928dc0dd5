/* SPDX-License-Identifier: Apache-2.0
 *
 * timeline.h - what a human wants to see of a scenario: one line per thing, with its time.
 *
 * Four sources, and what each alone knows: the runner (steps), the controller's log (what it did
 * and why), the API server's observer (what became of pods and nodes, which calls were spoilt) and
 * the judge. With more nodes than a screen has lines, what happens to pods is counted, and told
 * once a second.
 */
#ifndef MOON_SIM_TIMELINE_H
#define MOON_SIM_TIMELINE_H

#include "io/loop.h"
#include "sim/scenario.h"
#include "sim/scenario_seen.h"

struct moon_timeline;

struct moon_timeline_opts {
    struct moon_loop *loop;
    const char *scenario_client; /* User-Agent: what it does is told by the steps */
    const char *controller_client;
    /* Texts are valid in the callback. */
    void (*on_line)(const struct moon_timeline_line *line, void *ctx);
    void *ctx;
};

struct moon_timeline *moon_timeline_new(const struct moon_timeline_opts *opts);
void moon_timeline_free(struct moon_timeline *t); /* NULL is fine */

/* Time 0; nothing is told of what was before. */
void moon_timeline_start(struct moon_timeline *t);
void moon_timeline_say(struct moon_timeline *t, const char *who, const char *fmt, ...)
    MOON_PRINTF(3, 4);
void moon_timeline_begin(struct moon_timeline *t, const struct moon_sim_api_call *call);
void moon_timeline_end(struct moon_timeline *t, const struct moon_sim_api_call *call);
void moon_timeline_thing(struct moon_timeline *t, const struct moon_scenario_thing *before,
                         const struct moon_scenario_thing *after);
/* One line of the log, in logfmt. */
void moon_timeline_log(struct moon_timeline *t, struct moon_str line);
/* Tell what has been put aside to be told as one. */
void moon_timeline_flush(struct moon_timeline *t);

/* "12.300s", "5m03.2s", "1h05m03s" */
enum {
    MOON_TIMELINE_TIME = 24
};
const char *moon_timeline_time(uint64_t ms, char out[MOON_TIMELINE_TIME]);

#endif
