/* SPDX-License-Identifier: Apache-2.0
 *
 * expiry.c - Events live for an hour after their last write, as with a real server's --event-ttl,
 * so that a cluster which runs for days does not fill up with them.
 *
 * Once a minute the version of the store is noted; what has not been written since the note of an
 * hour ago goes. That needs neither a clock per object nor a look into it.
 */
#include "sim/api_priv.h"

enum {
    MINUTE_MS = 60 * 1000,
    NOTES = 60
};

struct moon_sim_expiry {
    struct moon_sim_api *api;
    struct moon_timer *timer;
    uint64_t versions[NOTES]; /* a ring; 0: the server is younger than that */
    size_t oldest;
};

static void remove_until(struct moon_sim_api *api, const struct moon_sim_kind *kind,
                         uint64_t version)
{
    size_t count = 0;
    size_t old = 0;
    struct moon_sim_obj *const *range = moon_sim_objdb_range(api->db, kind, NULL, &count);
    struct moon_sim_obj **objs = moon_new_array(struct moon_sim_obj *, count + 1);
    for (size_t i = 0; i < count; i++) {
        if (range[i]->version <= version) {
            objs[old++] = moon_sim_obj_ref(range[i]);
        }
    }
    for (size_t i = 0; i < old; i++) {
        MOON_AUTOJSON *tree = moon_sim_obj_tree(objs[i]);
        moon_sim_objdb_remove(api->db, kind, tree);
        moon_sim_obj_unref(objs[i]);
    }
    moon_free(objs);
}

static void on_minute(void *ctx)
{
    struct moon_sim_expiry *expiry = ctx;
    uint64_t version = expiry->versions[expiry->oldest];
    expiry->versions[expiry->oldest] = moon_sim_objdb_version(expiry->api->db);
    expiry->oldest = (expiry->oldest + 1) % NOTES;
    moon_timer_start(expiry->timer, MINUTE_MS);
    if (version > 0) {
        remove_until(expiry->api, moon_sim_kind_by_name("", "Event"), version);
    }
}

struct moon_sim_expiry *moon_sim_expiry_new(struct moon_sim_api *api)
{
    struct moon_sim_expiry *expiry = moon_new(struct moon_sim_expiry);
    expiry->api = api;
    expiry->timer = moon_timer_new(api->loop, on_minute, expiry);
    moon_timer_start(expiry->timer, MINUTE_MS);
    return expiry;
}

void moon_sim_expiry_free(struct moon_sim_expiry *expiry)
{
    if (expiry != NULL) {
        moon_timer_free(expiry->timer);
        moon_free(expiry);
    }
}
