/* SPDX-License-Identifier: Apache-2.0
 *
 * metadata.h - the rules for metadata that all kinds share: names, what the server fills in on
 * create, what an update may not change, and the words with which it refuses.
 */
#ifndef MOON_SIM_METADATA_H
#define MOON_SIM_METADATA_H

#include "sim/kinds.h"

/* Before a create: a name from generateName, namespace, uid, creationTimestamp; what only the
 * server sets is taken out. */
void moon_sim_metadata_create(const struct moon_sim_kind *kind, cJSON *tree, const char *ns,
                              int64_t now_s);
/* Before an update: what cannot change comes from `old`. */
void moon_sim_metadata_update(cJSON *tree, const cJSON *old);

void moon_sim_validate_metadata(const struct moon_sim_kind *kind, const cJSON *metadata,
                                cJSON *causes);
void moon_sim_validate_metadata_update(const cJSON *metadata, const cJSON *old, cJSON *causes);

/* Labels or a node selector at `field`; also used for templates. */
void moon_sim_validate_labels(const cJSON *labels, const char *field, cJSON *causes);
void moon_sim_validate_annotations(const cJSON *annotations, const char *field, cJSON *causes);
void moon_sim_validate_label_key(const char *key, const char *field, cJSON *causes);
void moon_sim_validate_label_value(const char *value, const char *field, cJSON *causes);
void moon_sim_validate_dns_label(const char *name, const char *field, cJSON *causes);
void moon_sim_validate_dns_subdomain(const char *name, const char *field, cJSON *causes);
void moon_sim_validate_not_negative(const cJSON *parent, const char *member, const char *field,
                                    cJSON *causes);
/* "field is immutable" unless both are the same. */
void moon_sim_validate_immutable(const cJSON *now, const cJSON *old, const char *field,
                                 cJSON *causes);

/* A random (version 4) uid. */
enum {
    MOON_SIM_UID_TEXT = 37
};
void moon_sim_new_uid(char out[MOON_SIM_UID_TEXT]);

#endif
