/* SPDX-License-Identifier: Apache-2.0
 *
 * figures.h - what providers of figures have answered: for snapshots and recordings, which answer
 * the queries of policies by it.
 *
 * Members of a line of either:
 *   "asked":"prometheus sum(…)","found":[{"value":0.5,"at_ms":N,"labels":{"job":"a"}}]
 *   "asked":"prometheus sum(…)","error":"…"
 * What is no number in JSON is a text: "NaN", "+Inf", "-Inf". Layer: host.
 */
#ifndef MOON_HOST_FIGURES_H
#define MOON_HOST_FIGURES_H

#include "host/provider.h"
#include "io/json.h"
#include "io/loop.h"

struct moon_figures;

/* `is_recording`: an answer comes at its time, to whoever has asked for it by then, and is used
 * once. Else all answers are there, and hold for as long as it is played: figures are then always
 * as old as they were at its beginning. */
MOON_API struct moon_figures *moon_figures_new(bool is_recording);
/* After the manager. NULL is fine. */
MOON_API void moon_figures_free(struct moon_figures *f);

/* The members of a line, without braces. */
MOON_API void moon_figures_write_one(const struct moon_provider_answer *answer,
                                     struct moon_buf *out);
/* Take an answer in, instead of an earlier one to the same question. */
MOON_API void moon_figures_put(struct moon_figures *f, const struct moon_provider_answer *answer);
/* All of them, a line each. */
MOON_API void moon_figures_write(const struct moon_figures *f, struct moon_buf *out);
/* A line with such members: to the oldest question that waits for it, else it is kept. */
MOON_API int moon_figures_read(struct moon_figures *f, const cJSON *line, struct moon_err *err);

/* For moon_provider_stand_in: answers from now on, on this loop. */
MOON_API struct moon_plugin_provider moon_figures_begin(struct moon_figures *f,
                                                        const struct moon_loop *loop);

#endif
