/* SPDX-License-Identifier: Apache-2.0
 *
 * provider_priv.h - what the registry knows of providers.
 */
#ifndef MOON_HOST_PROVIDER_PRIV_H
#define MOON_HOST_PROVIDER_PRIV_H

#include "host/provider.h"

struct moon_loaded;

extern const struct moon_iface_provider moon_iface_provider;

/* The plugin is about to end: it is busy with nothing any more. */
void moon_provider_end_plugin(struct moon_registry *r, const struct moon_loaded *l);
/* All plugins have ended: forget providers, and the questions nobody has cancelled. */
void moon_provider_end(struct moon_registry *r);

#endif
