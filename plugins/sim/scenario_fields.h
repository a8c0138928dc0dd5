/* SPDX-License-Identifier: Apache-2.0
 *
 * scenario_fields.h - reads maps of a scenario by tables: which keys there are, what their values
 * must be, and where they go. Errors say file, line and path: "f.yaml:12: steps[2].wait: …".
 */
#ifndef MOON_SIM_SCENARIO_FIELDS_H
#define MOON_SIM_SCENARIO_FIELDS_H

#include "base/map.h"
#include "sim/scenario_priv.h"

/* What reading needs besides the scenario it fills. */
struct moon_scenario_reader {
    struct moon_scenario *s;
    const char *file;
    const char *folder;
    struct moon_map *lines; /* a node's address to its line */
    struct moon_err *err;
};

/* Where in the document: a chain on the stack. */
struct moon_scenario_place {
    const struct moon_scenario_place *up; /* NULL: the document */
    const char *key;                      /* NULL: an element */
    size_t index;
    const cJSON *node;
};

enum moon_scenario_type {
    MOON_SCENARIO_TEXT,       /* const char * */
    MOON_SCENARIO_NAME,       /* const char *: a name that objects may have */
    MOON_SCENARIO_WORD,       /* const char *: one of `words` */
    MOON_SCENARIO_FLAG,       /* enum moon_scenario_flag */
    MOON_SCENARIO_COUNT,      /* uint64_t */
    MOON_SCENARIO_INT,        /* int */
    MOON_SCENARIO_TIMES,      /* uint64_t, "always" is UINT64_MAX */
    MOON_SCENARIO_TIME,       /* uint64_t: milliseconds */
    MOON_SCENARIO_SECONDS,    /* uint64_t: whole seconds */
    MOON_SCENARIO_JUMP,       /* int64_t: milliseconds, may be negative */
    MOON_SCENARIO_COMPARE,    /* struct moon_scenario_compare */
    MOON_SCENARIO_SELECTOR,   /* const struct moon_selector * */
    MOON_SCENARIO_OBJECT,     /* struct moon_scenario_target: kind/name */
    MOON_SCENARIO_KIND,       /* struct moon_scenario_target: the kind alone */
    MOON_SCENARIO_NODE_SET,   /* struct moon_scenario_nodes */
    MOON_SCENARIO_TEXTS,      /* struct moon_scenario_texts: one or a list */
    MOON_SCENARIO_MAP,        /* const cJSON *: an object */
    MOON_SCENARIO_LIST,       /* const cJSON *: an array */
    MOON_SCENARIO_TREE,       /* const cJSON *: anything */
    MOON_SCENARIO_MAP_TEXTS,  /* const cJSON *: an object of texts, or null where one is removed */
    MOON_SCENARIO_JOIN,       /* struct moon_scenario_join */
    MOON_SCENARIO_FAULT_NAME, /* enum moon_sim_fault */
};

struct moon_scenario_field {
    const char *name;
    enum moon_scenario_type type;
    size_t offset; /* in what is filled */
    bool is_required;
    const char *const *words; /* NULL-terminated */
};

/* Fill `out` from the object at `place`. */
int moon_scenario_read_fields(struct moon_scenario_reader *r,
                              const struct moon_scenario_place *place,
                              const struct moon_scenario_field *fields, size_t count, void *out);
/* One value. */
int moon_scenario_read_value(struct moon_scenario_reader *r,
                             const struct moon_scenario_place *place,
                             const struct moon_scenario_field *field, void *out);

struct moon_scenario_place moon_scenario_at_key(const struct moon_scenario_place *up,
                                                const cJSON *node);
struct moon_scenario_place moon_scenario_at_index(const struct moon_scenario_place *up,
                                                  size_t index, const cJSON *node);
/* 0: unknown. */
size_t moon_scenario_line(const struct moon_scenario_reader *r,
                          const struct moon_scenario_place *place);
/* Set the error; returns it. */
int moon_scenario_bad(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                      const char *fmt, ...) MOON_PRINTF(3, 4);
/* ` (did you mean "x"?)`, or "" when nothing is near. `next` gives the i'th word, NULL at the end.
 */
const char *moon_scenario_did_you_mean(struct moon_scenario_reader *r, const char *word,
                                       const char *(*next)(size_t i, const void *ctx),
                                       const void *ctx);

/* ---- scenario.c, scenario_conditions.c, scenario_steps.c ---- */

int moon_scenario_read_join(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                            struct moon_scenario_join *ret);
/* `allowed`: an element of the map beside conditions ("within"), which is left alone; NULL: none.
 * `may_rest`: `settled` may be a time. */
int moon_scenario_read_conditions(struct moon_scenario_reader *r,
                                  const struct moon_scenario_place *place, const char *allowed,
                                  bool may_rest, struct moon_scenario_conditions *ret);
int moon_scenario_read_steps(struct moon_scenario_reader *r,
                             const struct moon_scenario_place *place);
/* Read a YAML file that the scenario names; its documents, kept by the scenario. */
const cJSON *moon_scenario_read_file(struct moon_scenario_reader *r,
                                     const struct moon_scenario_place *place, const char *name);

#endif
