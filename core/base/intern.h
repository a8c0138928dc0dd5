/* SPDX-License-Identifier: Apache-2.0
 *
 * intern.h - one shared, counted copy of each text that objects repeat (label keys and values,
 * namespaces, node names, images).
 *
 * Two symbols are the same text iff they are the same pointer, so comparing is one instruction and
 * 5,000 nodes with 12 equal labels cost 12 strings. Process-wide: there is one thread and one
 * table. Layer: base.
 */
#ifndef MOON_BASE_INTERN_H
#define MOON_BASE_INTERN_H

#include "base/str.h"

/* A symbol is a terminated string; NULL stands for "no text" and is passed through. */
typedef const char *moon_sym;

/* Find or make; the caller owns one reference. */
MOON_API moon_sym moon_intern(struct moon_str text);
MOON_API moon_sym moon_intern_cstr(const char *text); /* NULL gives NULL */
/* Find only: NULL when nobody holds this text (then no interned object can have it). Borrowed. */
MOON_API moon_sym moon_intern_find(struct moon_str text);
MOON_API moon_sym moon_sym_ref(moon_sym s);
MOON_API void moon_sym_unref(moon_sym s);
MOON_API size_t moon_sym_len(moon_sym s);

/* For metrics and leak tests. */
MOON_API size_t moon_intern_count(void);

#endif
