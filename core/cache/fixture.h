/* SPDX-License-Identifier: Apache-2.0
 *
 * fixture.h - the same stores, filled from files instead of a watch (plan, test, unit tests).
 * Layer: cache.
 */
#ifndef MOON_CACHE_FIXTURE_H
#define MOON_CACHE_FIXTURE_H

#include "cache/store.h"

/* Put each object of a JSON tree (an object, a List or PodList, or an array of them) whose kind and
 * apiVersion match a store's into that store, as a completed list: afterwards all stores are synced
 * and hold what this tree has, so give everything in one call. What fixtures leave out is made up:
 * the namespace is "default", versions count loads, uids follow from kind, namespace and name (also
 * those of owner references). Objects of other kinds are an error naming the document, unless
 * `ignore_others`. On error no store has changed. */
MOON_API int moon_fixture_load(struct moon_store *const *stores, size_t store_count,
                               const cJSON *json, bool ignore_others, struct moon_err *err);

#endif
