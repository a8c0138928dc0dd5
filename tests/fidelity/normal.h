/* SPDX-License-Identifier: Apache-2.0
 *
 * normal.h - takes out of an answer what must differ between two servers.
 *
 * Uids, versions, times, addresses and generated names are replaced by what they stand for, not
 * dropped: "<uid DaemonSet agent>" is the same object wherever it appears, its second life is
 * "<uid DaemonSet agent 2>"; "<version 2>" is the second version of this object that the script has
 * seen, so that a write that should not have been one shows; "<now+30s>" is a time ahead of us.
 */
#ifndef MOON_FIDELITY_NORMAL_H
#define MOON_FIDELITY_NORMAL_H

#include "io/json.h"

struct fidelity_normal;

struct fidelity_normal *fidelity_normal_new(void);
void fidelity_normal_free(struct fidelity_normal *n);
MOON_DEFINE_CLEANUP(struct fidelity_normal, fidelity_normal_free);

/* Rewrite an answer in place. `request` is the path and body it answers: addresses and ports that
 * were asked for are not replaced. `now_s` is the wall clock at the call. */
void fidelity_normal_answer(struct fidelity_normal *n, cJSON *answer, const char *request,
                            int64_t now_s);

#endif
