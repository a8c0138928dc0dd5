/* SPDX-License-Identifier: Apache-2.0
 *
 * pass.c - deciding and evaluating marked slots, a slice of time at a time.
 *
 * An event marks a slot or two, but a new policy or template marks all of them, and 100,000 take a
 * tenth of a second: too long for everything else that waits for the loop. So a reconcile works for
 * a few milliseconds and comes back at once. While slots are left none of the decisions is acted
 * upon: the plan is that of the whole, in the order of the whole, as if there were no slices.
 */
#include "daemonset/daemonset_priv.h"
#include "policy/budget.h"

enum {
    CHUNK = 256,
    SAMPLED_CHUNK = 4096, /* a draw looks at every node, once for each chunk */
    SLICE_NS = 4 * 1000 * 1000,
    SLICE_SLOTS = 1024, /* looked at in any case: small sets are done in one go… */
    LONG_SLICES = 5,    /* …unless that takes so many of them */
};

bool moon_ds_slice_is_over(const struct moon_ds_set *set, uint64_t start_ns, size_t done)
{
    double scale = set->ds->in->config->policy_budget_scale;

    if (done % CHUNK != 0) {
        return false; /* the clock costs something, too */
    }
    double used = (double)(moon_budget_now_ns() - start_ns) / (scale > 0 ? scale : 1);
    return used >= SLICE_NS && (done >= SLICE_SLOTS || used >= LONG_SLICES * SLICE_NS);
}

/* The first of those that are marked. */
static size_t collect(const struct moon_ds_set *set, struct moon_ds_slot **slots)
{
    size_t most = set->sampled ? SAMPLED_CHUNK : CHUNK;
    size_t count = 0;

    moon_list_foreach (it, &set->dirty) {
        if (count == most) {
            break;
        }
        slots[count++] = moon_container_of(it, struct moon_ds_slot, dirty);
    }
    return count;
}

bool moon_ds_pass(struct moon_ds_set *set)
{
    struct moon_ds_slot *slots[SAMPLED_CHUNK];
    uint64_t start_ns = moon_budget_now_ns();
    size_t done = 0;

    if (!set->passing) {
        set->passing = true;
        set->pass_desired = set->sums.desired;
    }
    moon_ds_slot_mark_due(set); /* a node that no policy has answered for is asked about again */
    for (size_t count; (count = collect(set, slots)) > 0;) {
        moon_ds_placement_decide(set, slots, count);
        moon_ds_health_judge(set, slots, count);
        for (size_t i = 0; i < count; i++) {
            moon_ds_slot_evaluate(slots[i]);
        }
        done += count;
        if (moon_ds_slice_is_over(set, start_ns, done)) {
            break;
        }
    }
    set->passing = !moon_list_is_empty(&set->dirty);
    if (!set->passing) {
        moon_ds_shadow_tell(set);
    }
    return !set->passing;
}
