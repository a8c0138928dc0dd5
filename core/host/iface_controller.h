/* SPDX-License-Identifier: Apache-2.0
 *
 * iface_controller.h - controllers of third-party plugins: watches, a store of JSON texts, a queue.
 */
#ifndef MOON_HOST_IFACE_CONTROLLER_H
#define MOON_HOST_IFACE_CONTROLLER_H

#include "host/registry.h"

extern const struct moon_iface_controller moon_iface_controller;

struct moon_foreign; /* one controller a plugin has added */

/* Begin to watch; standing by until told to lead. Called by the registry, as the others. */
void moon_foreign_start(struct moon_foreign *f, const struct moon_internal *in);
void moon_foreign_role(struct moon_foreign *f, bool leader);
void moon_foreign_free(struct moon_foreign *f);

#endif
