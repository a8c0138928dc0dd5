/* SPDX-License-Identifier: Apache-2.0
 *
 * projected.h - for the tests of projections: an object of a kind from a text, or its error.
 */
#ifndef MOON_TESTS_KUBE_PROJECTED_H
#define MOON_TESTS_KUBE_PROJECTED_H

#include "kube/object.h"

#define PROJECTED_HEAD "\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\",\"uid\":\"u\"}"

static inline struct moon_object *projected(const struct moon_kind *kind, const char *text)
{
    struct moon_object *object = NULL;
    struct moon_err err;
    if (moon_object_project(kind, moon_str(text), &object, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return object;
}

static inline void assert_projection_error(const struct moon_kind *kind, const char *text,
                                           const char *beginning)
{
    struct moon_object *object = NULL;
    struct moon_err err = {0};
    assert_int_equal(moon_object_project(kind, moon_str(text), &object, &err), -MOON_E_INVALID);
    if (!moon_str_starts(moon_str(err.text), beginning)) {
        fail_msg("\"%s\", wanted \"%s…\"", err.text, beginning);
    }
    assert_int_equal(moon_intern_count(), 0);
}

/* Are the two texts the same to the kind, and each the same as itself? */
static inline bool projected_same(const struct moon_kind *kind, const char *a, const char *b)
{
    struct moon_object *object_a = projected(kind, a);
    struct moon_object *again = projected(kind, a);
    struct moon_object *object_b = projected(kind, b);
    bool is_same = kind->same(object_a, object_b);
    assert_true(kind->same(object_a, again));
    assert_int_equal(kind->same(object_b, object_a), is_same);
    moon_object_unref(object_a);
    moon_object_unref(again);
    moon_object_unref(object_b);
    return is_same;
}

#endif
