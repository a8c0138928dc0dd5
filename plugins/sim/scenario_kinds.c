/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/scenario_kinds.h"

#include <strings.h>

#include "sim/kinds.h"

static bool has_name(const struct moon_sim_kind *kind, const char *word)
{
    if (strcasecmp(word, kind->resource) == 0 || strcasecmp(word, kind->singular) == 0) {
        return true;
    }
    for (const char *const *name = kind->short_names; name != NULL && *name != NULL; name++) {
        if (strcasecmp(word, *name) == 0) {
            return true;
        }
    }
    return false;
}

static const struct moon_resource *resource_of(struct moon_arena *arena,
                                               const struct moon_sim_kind *kind)
{
    struct moon_resource *resource = moon_arena_alloc(arena, sizeof(*resource));
    *resource = (struct moon_resource){.group = kind->group,
                                       .version = kind->version,
                                       .plural = kind->resource,
                                       .kind = kind->kind,
                                       .namespaced = kind->namespaced};
    return resource;
}

const struct moon_resource *moon_scenario_find_kind(struct moon_arena *arena, struct moon_str word)
{
    const char *text = moon_arena_dup(arena, word);
    for (size_t i = 0; i < moon_sim_kind_count(); i++) {
        if (!moon_sim_kind_at(i)->is_quiet && has_name(moon_sim_kind_at(i), text)) {
            return resource_of(arena, moon_sim_kind_at(i));
        }
    }
    return NULL;
}

const struct moon_resource *
moon_scenario_find_object_kind(struct moon_arena *arena, const char *api_version, const char *kind)
{
    char version[MOON_SIM_API_VERSION_TEXT];
    for (size_t i = 0; i < moon_sim_kind_count(); i++) {
        const struct moon_sim_kind *k = moon_sim_kind_at(i);
        if (!k->is_quiet && strcmp(k->kind, kind) == 0 &&
            strcmp(moon_sim_kind_api_version(k, version), api_version) == 0) {
            return resource_of(arena, k);
        }
    }
    return NULL;
}

const char *moon_scenario_next_kind(size_t i, MOON_UNUSED const void *unused)
{
    return i < moon_sim_kind_count() ? moon_sim_kind_at(i)->singular : NULL;
}
