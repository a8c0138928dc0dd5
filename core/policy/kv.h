/* SPDX-License-Identifier: Apache-2.0
 *
 * kv.h - what the policies of one set remember (moonset.kv): a few JSON values by policy and key.
 *
 * Kept in the set's annotation moonset.dev/state as {"policy":{"key":value}}, canonical, so that it
 * outlives the process and anybody can look. Whoever calls the hooks owns it, reads it from the
 * annotation and writes it there; a hook changes a copy, which takes the place of the original when
 * the hook has succeeded. Layer: policy.
 */
#ifndef MOON_POLICY_KV_H
#define MOON_POLICY_KV_H

#include "io/json.h"

enum {
    MOON_KV_MAX_BYTES = 8192, /* of the annotation's text */
    MOON_KV_MAX_KEY = 128,
};

struct moon_kv;

MOON_API struct moon_kv *moon_kv_new(void);
MOON_API struct moon_kv *moon_kv_copy(const struct moon_kv *kv);
MOON_API void moon_kv_free(struct moon_kv *kv); /* NULL is fine */

/* Become what the text says; an empty one: nothing. Nonzero: it is not of that form; until it is
 * read again all use is refused with *err, so that nothing is written over it. */
MOON_API int moon_kv_read(struct moon_kv *kv, struct moon_str text, struct moon_err *err);
MOON_API const char *moon_kv_problem(const struct moon_kv *kv); /* NULL: there is none */
MOON_API void moon_kv_write(const struct moon_kv *kv, struct moon_buf *out); /* "{}" when empty */

/* A JSON text; NULL: not there. Borrowed until the next change. */
MOON_API const char *moon_kv_get(const struct moon_kv *kv, const char *policy, const char *key);
/* `json` NULL: remove. MOON_E_LIMIT when it would become too large: nothing has changed then. */
MOON_API int moon_kv_set(struct moon_kv *kv, const char *policy, const char *key,
                         struct moon_str json, struct moon_err *err);
/* Goes up with every change of the content. */
MOON_API uint64_t moon_kv_version(const struct moon_kv *kv);
/* Take over the content of a copy, and free it. */
MOON_API void moon_kv_take(struct moon_kv *kv, struct moon_kv *take_copy);

#endif
