/* SPDX-License-Identifier: Apache-2.0
 *
 * field_path.h - the path of a field, built on the stack while the rules of pod specs go down.
 */
#ifndef MOON_SIM_FIELD_PATH_H
#define MOON_SIM_FIELD_PATH_H

#include <stdio.h>
#include <string.h>

enum {
    FIELD_MAX = 512
};

/* A field path on the stack: "spec.containers[0].name". */
struct field {
    char text[FIELD_MAX];
};

/* What does not fit is left out: it is a path in a message. */
static inline void field_extend(struct field *field, const char *text)
{
    size_t used = strlen(field->text);
    size_t len = strlen(text);
    len = len < FIELD_MAX - 1 - used ? len : FIELD_MAX - 1 - used;
    memcpy(field->text + used, text, len);
    field->text[used + len] = '\0';
}

static inline struct field field_child(const char *path, const char *name)
{
    struct field field = {{'\0'}};
    field_extend(&field, path);
    field_extend(&field, ".");
    field_extend(&field, name);
    return field;
}

static inline struct field field_element(const char *path, const char *name, int index)
{
    char suffix[16];
    struct field field = field_child(path, name);
    (void)snprintf(suffix, sizeof(suffix), "[%d]", index);
    field_extend(&field, suffix);
    return field;
}

#endif
