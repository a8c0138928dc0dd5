/* SPDX-License-Identifier: Apache-2.0
 *
 * images.h - the images one node has, or is pulling: one after the other, as kubelets do by
 * default.
 */
#ifndef MOON_SIM_IMAGES_H
#define MOON_SIM_IMAGES_H

#include "base/intern.h"

struct moon_images;

struct moon_images *moon_images_new(void);
void moon_images_free(struct moon_images *images); /* NULL is fine */

bool moon_images_has(const struct moon_images *images, moon_sym image, uint64_t now_ms);
/* It is there: something that uses it runs. */
void moon_images_add(struct moon_images *images, moon_sym image, uint64_t now_ms);
/* When it will be there: now, when a pull that is under way ends, or after a pull of its own, which
 * waits for the others. */
uint64_t moon_images_pull(struct moon_images *images, moon_sym image, uint64_t now_ms,
                          uint64_t pull_time_ms);

#endif
