/* SPDX-License-Identifier: Apache-2.0
 *
 * scene.h - what decides beside the objects of a cluster: the time, settings, policies.
 *
 * The head of a snapshot and of a recording, which are text, one JSON object a line:
 *   {"moonset":"snapshot","format":1,"by":"<version>","time":"2026-…Z","wall_ms":N,
 *    "server":"v1.30.4","settings":{"placement":"affinity",…}}
 *   {"policy":"waves","version":"<sha256>","source":"waves.lua","text":"…"}
 * (with "module":true it is what require finds, in the policy "of") then what the kind of file
 * says. A reader refuses another format; members that it does not know say nothing to it. Layer:
 * host.
 */
#ifndef MOON_HOST_SCENE_H
#define MOON_HOST_SCENE_H

#include "host/config.h"
#include "policy/policies.h"

struct moon_scene {
    int64_t wall_ms;
    char *server; /* its version; NULL: unknown */
    char *by;     /* which moonset wrote it */
    cJSON *settings;
    struct moon_policy_text *policies; /* what they point to is ours */
    size_t policy_count;
};

MOON_API void moon_scene_fini(struct moon_scene *s);
/* The settings that decide. */
MOON_API void moon_scene_take_settings(struct moon_scene *s, const struct moon_config *config);
/* What the command line does not say is as it was then. */
MOON_API int moon_scene_give_settings(const struct moon_scene *s, struct moon_config *config,
                                      struct moon_err *err);
/* Those in force, instead of those that were there. */
MOON_API void moon_scene_take_policies(struct moon_scene *s, const struct moon_policies *p);

MOON_API void moon_scene_write(const struct moon_scene *s, const char *what, int format,
                               struct moon_buf *out);
MOON_API void moon_scene_write_policies(const struct moon_scene *s, struct moon_buf *out);
/* The first line of a file. */
MOON_API int moon_scene_read(struct moon_scene *s, const char *what, int format,
                             struct moon_str line, struct moon_err *err);
MOON_API void moon_scene_swap_policies(struct moon_scene *a, struct moon_scene *b);
MOON_API int moon_scene_read_policy(struct moon_scene *s, const cJSON *line, struct moon_err *err);

#endif
