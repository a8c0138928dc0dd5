/* SPDX-License-Identifier: Apache-2.0
 *
 * status.h - the Status bodies with which an API server says no.
 *
 * Reason, message, details and causes are the server's own: clients branch on them (kubectl on the
 * reason, controllers on causes). A function that can refuse takes `struct moon_sim_status *st`,
 * fills it and returns -1; on success it leaves it alone.
 */
#ifndef MOON_SIM_STATUS_H
#define MOON_SIM_STATUS_H

#include "sim/tree.h"

struct moon_sim_kind;

struct moon_sim_status {
    int code;    /* HTTP status; 0: nothing was refused */
    cJSON *body; /* the Status object */
};

void moon_sim_status_fini(struct moon_sim_status *st); /* for MOON_CLEANUP, too */

/* A Failure with this reason (NULL: none, as with a 500 that no code has foreseen); all return
 * -1. */
int moon_sim_refuse(struct moon_sim_status *st, int code, const char *reason, const char *fmt, ...)
    MOON_PRINTF(4, 5);
int moon_sim_refuse_bad_request(struct moon_sim_status *st, const char *fmt, ...) MOON_PRINTF(2, 3);
/* `<resource> "name" not found` with details; details.kind is the resource, as on real servers. */
int moon_sim_refuse_not_found(struct moon_sim_status *st, const struct moon_sim_kind *kind,
                              const char *name);
/* As conflict, about pods/binding or another name than the resource's. */
int moon_sim_refuse_conflict_of(struct moon_sim_status *st, const char *resource, const char *name,
                                const char *why);
/* 422 about one query option: `PatchOptions.meta.k8s.io "" is invalid: dryRun: …`. */
int moon_sim_refuse_option(struct moon_sim_status *st, const char *options_kind, const char *field,
                           const char *value, const char *supported);
/* What a server says without a resource at hand: with empty details. */
int moon_sim_refuse_generic(struct moon_sim_status *st, int code, const char *reason,
                            const char *message);
/* 404 for a path nobody serves. */
int moon_sim_refuse_unknown_path(struct moon_sim_status *st);
int moon_sim_refuse_exists(struct moon_sim_status *st, const struct moon_sim_kind *kind,
                           const char *name);
/* What is said instead where the object to be created has a generateName. */
int moon_sim_refuse_generated(struct moon_sim_status *st, const struct moon_sim_kind *kind);
/* `Operation cannot be fulfilled on <resource> "name": <why>` */
int moon_sim_refuse_conflict(struct moon_sim_status *st, const struct moon_sim_kind *kind,
                             const char *name, const char *why);
int moon_sim_refuse_forbidden(struct moon_sim_status *st, const struct moon_sim_kind *kind,
                              const char *name, const char *why);
/* 422 from the causes of a validation (see causes.h); takes them. */
int moon_sim_refuse_invalid(struct moon_sim_status *st, const struct moon_sim_kind *kind,
                            const char *name, cJSON *take_causes);
/* 410 Expired. */
int moon_sim_refuse_expired(struct moon_sim_status *st, const char *fmt, ...) MOON_PRINTF(2, 3);

/* Add { reason, message, field } to details.causes. NULL texts are left out. */
void moon_sim_status_add_cause(struct moon_sim_status *st, const char *reason, const char *message,
                               const char *field);

/* The Success answer to a delete: details name what was deleted. */
cJSON *moon_sim_status_success(const struct moon_sim_kind *kind, const char *name, const char *uid);

/* ---- causes of a validation: a JSON array of { reason, message, field } ---- */

/* `reason` is the machine word (FieldValueInvalid); the message says it again for people. */
void moon_sim_cause_required(cJSON *causes, const char *field, const char *detail);
/* `value` as the server quotes it: text in quotes, numbers bare, objects as JSON. */
void moon_sim_cause_invalid(cJSON *causes, const char *field, const cJSON *value,
                            const char *detail);
void moon_sim_cause_invalid_text(cJSON *causes, const char *field, const char *value,
                                 const char *detail);
void moon_sim_cause_invalid_int(cJSON *causes, const char *field, int64_t value,
                                const char *detail);
/* `supported` is the rest of the sentence: "A", "B". */
/* As invalid, with the value as Go prints the struct or map it is there:
 * map[string]string{"a":"b"}, v1.LabelSelector{…}, intstr.IntOrString{…}. */
void moon_sim_cause_invalid_go(cJSON *causes, const char *field, const char *shown,
                               const char *detail);
void moon_sim_cause_invalid_map(cJSON *causes, const char *field, const cJSON *map,
                                const char *detail);
void moon_sim_cause_invalid_selector(cJSON *causes, const char *field, const cJSON *selector,
                                     const char *detail);
void moon_sim_cause_invalid_intstr(cJSON *causes, const char *field, const cJSON *value,
                                   const char *detail);
void moon_sim_cause_unsupported(cJSON *causes, const char *field, const char *value,
                                const char *supported);
void moon_sim_cause_unsupported_go(cJSON *causes, const char *field, const char *shown,
                                   const char *supported);
void moon_sim_cause_forbidden(cJSON *causes, const char *field, const char *detail);
void moon_sim_cause_duplicate(cJSON *causes, const char *field, const char *value);
void moon_sim_cause_duplicate_go(cJSON *causes, const char *field, const char *shown,
                                 const char *detail);
void moon_sim_cause_too_long(cJSON *causes, const char *field, int64_t max_bytes);
void moon_sim_cause_not_found(cJSON *causes, const char *field, const char *value);

#endif
