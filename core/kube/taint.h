/* SPDX-License-Identifier: Apache-2.0
 *
 * taint.h - taints of nodes, tolerations of pods, and whether one bears the other.
 *
 * Source of the rules: k8s.io/component-helpers scheduling/corev1 (ToleratesTaint) and the
 * DaemonSet controller's merge of its own tolerations. Layer: kube.
 */
#ifndef MOON_KUBE_TAINT_H
#define MOON_KUBE_TAINT_H

#include "base/intern.h"
#include "io/json.h"

enum moon_effect {
    MOON_EFFECT_NONE, /* in a toleration: any effect */
    MOON_EFFECT_NO_SCHEDULE,
    MOON_EFFECT_PREFER_NO_SCHEDULE,
    MOON_EFFECT_NO_EXECUTE,
    MOON_EFFECT_OTHER, /* unknown text: equal to nothing */
};

struct moon_taint {
    moon_sym key;
    moon_sym value; /* "" when absent */
    enum moon_effect effect;
};

struct moon_taints {
    struct moon_taint *items;
    size_t count;
};

enum moon_toleration_op {
    MOON_TOLERATION_EQUAL, /* also an empty operator; `op_text` tells them apart */
    MOON_TOLERATION_EXISTS,
    MOON_TOLERATION_OTHER, /* tolerates nothing */
};

struct moon_toleration {
    moon_sym key;         /* "" = all keys */
    moon_sym value;       /* "" when absent */
    moon_sym op_text;     /* as written, "" when absent */
    moon_sym effect_text; /* as written, "" when absent */
    enum moon_toleration_op op;
    enum moon_effect effect;
    bool has_seconds;
    int64_t seconds;
};

struct moon_tolerations {
    struct moon_toleration *items;
    size_t count;
};

/* "NoSchedule", …; NULL for NONE and OTHER. */
MOON_API const char *moon_effect_name(enum moon_effect e);
MOON_API enum moon_effect moon_effect_parse(const char *text); /* NULL or "" gives NONE */

/* From the JSON arrays spec.taints / spec.tolerations; NULL or null gives an empty list. */
MOON_API int moon_taints_from_json(const cJSON *json, struct moon_taints *ret,
                                   struct moon_err *err);
MOON_API void moon_taints_fini(struct moon_taints *t);
MOON_API bool moon_taints_equal(const struct moon_taints *a, const struct moon_taints *b);

MOON_API int moon_tolerations_from_json(const cJSON *json, struct moon_tolerations *ret,
                                        struct moon_err *err);
/* Seconds beyond 2^53, which the tree has rounded, exactly as in `text`, the array's own. */
MOON_API void moon_tolerations_take_seconds(struct moon_tolerations *list, struct moon_str text);
MOON_API void moon_tolerations_fini(struct moon_tolerations *t);
MOON_API void moon_tolerations_copy(const struct moon_tolerations *from,
                                    struct moon_tolerations *ret);
/* Build one (texts are interned): op and effect "" when absent. */
MOON_API void moon_tolerations_add(struct moon_tolerations *list, const char *key, const char *op,
                                   const char *value, const char *effect, const int64_t *seconds);
/* Add `t`, replacing in place every entry equal in (key, effect, operator, value): the stock
 * controller's AddOrUpdate. */
MOON_API void moon_tolerations_merge(struct moon_tolerations *list,
                                     const struct moon_toleration *t);
MOON_API bool moon_tolerations_equal(const struct moon_tolerations *a,
                                     const struct moon_tolerations *b);
/* As a JSON array with the members in the order key, operator, value, effect, tolerationSeconds. */
MOON_API void moon_tolerations_write(const struct moon_tolerations *list, struct moon_buf *out);

MOON_API bool moon_tolerates(const struct moon_toleration *toleration,
                             const struct moon_taint *taint);
/* First taint whose effect is in the bit set (1u << effect) and that nothing in `list` tolerates;
 * NULL when there is none. */
MOON_API const struct moon_taint *moon_untolerated(const struct moon_taints *taints,
                                                   const struct moon_tolerations *list,
                                                   unsigned effects);

#endif
