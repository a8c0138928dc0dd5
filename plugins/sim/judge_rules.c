/* SPDX-License-Identifier: Apache-2.0
 *
 * judge_rules.c - what must never be seen.
 */
#include "sim/judge_priv.h"

enum {
    HANDFUL = 5
};

/* ---- what a set asked for, as far as the controller may know ---- */

static bool is_possible(const struct judge_set *set, size_t i, uint64_t horizon)
{
    return i + 1 == set->spec_count || set->specs[i + 1].since_ms >= horizon ||
           set->specs[i].generation >= moon_sim_int(set->tree, "status.observedGeneration", 0);
}

bool moon_judge_may_surge(struct moon_judge *j, const struct judge_set *set)
{
    uint64_t horizon = moon_judge_horizon(j);
    for (size_t i = 0; i < set->spec_count; i++) {
        if (set->specs[i].has_surge && is_possible(set, i, horizon)) {
            return true;
        }
    }
    return false;
}

static int64_t most_desired(const struct judge_set *set, uint64_t horizon)
{
    int64_t most = moon_sim_int(set->tree, "status.desiredNumberScheduled", 0);
    for (size_t i = set->desired_count; i-- > 0;) {
        const struct judge_desired *desired = &set->desired[i];
        most = desired->count > most ? desired->count : most;
        if (desired->since_ms < horizon) {
            break; /* what was before this one is known to be past */
        }
    }
    return most;
}

static int64_t budget_of(const struct judge_spec *spec, int64_t desired)
{
    if (spec->is_on_delete || spec->has_surge) {
        return 0;
    }
    int64_t nodes =
        spec->is_percent ? (spec->max_unavailable * desired + 99) / 100 : spec->max_unavailable;
    return nodes > 0 ? nodes : 1;
}

static int64_t largest_budget(const struct judge_set *set, uint64_t horizon)
{
    int64_t desired = most_desired(set, horizon);
    int64_t largest = 0;
    for (size_t i = 0; i < set->spec_count; i++) {
        if (is_possible(set, i, horizon)) {
            int64_t budget = budget_of(&set->specs[i], desired);
            largest = budget > largest ? budget : largest;
        }
    }
    return largest;
}

static bool is_surely_on_delete(const struct judge_set *set, uint64_t horizon)
{
    for (size_t i = 0; i < set->spec_count; i++) {
        if (is_possible(set, i, horizon) && !set->specs[i].is_on_delete) {
            return false;
        }
    }
    return true;
}

/* ---- foreign, ghost, repeat ---- */

static void accuse_foreign(struct moon_judge *j, const struct judge_pod *pod, const char *deed)
{
    if (pod->free_since_ms == 0 || pod->free_since_ms < moon_judge_horizon(j)) {
        moon_judge_accuse(j, "foreign", "%s pod %s/%s, which %s", deed, pod->ns, pod->name,
                          pod->has_other_owner ? "another controller owns"
                                               : "no DaemonSet controls");
    }
}

static void check_ghost(struct moon_judge *j, const struct judge_pod *pod)
{
    uint64_t horizon = moon_judge_horizon(j);
    const struct judge_set *set = moon_judge_owner_of(j, pod);
    const uint64_t *gone_ms = moon_map_get(j->gone_sets, moon_str(pod->owner));
    const struct judge_node *node = moon_map_get(j->nodes, moon_str(pod->node));
    if (set == NULL && (gone_ms == NULL || *gone_ms < horizon)) {
        moon_judge_accuse(j, "ghost", "made pod %s/%s for a set that is gone (uid %s)", pod->ns,
                          pod->name, pod->owner);
    } else if (set != NULL && set->deleting_since_ms != 0 && set->deleting_since_ms < horizon) {
        moon_judge_accuse(j, "ghost", "made pod %s for set %s/%s, which is being deleted",
                          pod->name, set->ns, set->name);
    }
    if (pod->node[0] != '\0' && (node == NULL || (!node->exists && node->since_ms < horizon))) {
        moon_judge_accuse(j, "ghost", "made pod %s/%s for node %s, which does not exist", pod->ns,
                          pod->name, pod->node);
    }
}

static void check_repeat(struct moon_judge *j, const struct judge_place *place, unsigned times,
                         const char *deed)
{
    if (times == HANDFUL + 1) {
        moon_judge_accuse(j, "repeat",
                          "set %s/%s, node %s: %s %u pods one after the other without "
                          "any cause",
                          place->set->ns, place->set->name, place->node, deed, times);
    }
}

void moon_judge_on_made(struct moon_judge *j, struct judge_pod *pod)
{
    if (pod->owner[0] == '\0') {
        accuse_foreign(j, pod, "made");
        return;
    }
    check_ghost(j, pod);
    if (pod->place != NULL) {
        pod->may_surge = moon_judge_may_surge(j, pod->place->set);
        check_repeat(j, pod->place, ++pod->place->made, "made");
    }
}

void moon_judge_on_changed(struct moon_judge *j, struct judge_pod *pod, const struct judge_pod *was)
{
    if (was->owner[0] != '\0') {
        return;
    }
    const struct judge_set *set = moon_judge_owner_of(j, pod);
    bool is_adopted = !was->has_other_owner && set != NULL && moon_streq(set->ns, pod->ns) &&
                      moon_sim_selector_matches_labels(set->selector, was->labels);
    if (!is_adopted) {
        accuse_foreign(j, was, "changed");
    }
}

/* ---- double ---- */

static bool counts(const struct judge_pod *pod)
{
    return pod->is_ready && moon_judge_is_alive(pod) &&
           moon_sim_selector_matches_labels(pod->place->set->selector, pod->labels);
}

/* Was the other one there, and known to be ours, when one of the two was made? */
static bool was_known(const struct judge_pod *older, const struct judge_pod *younger)
{
    return younger->is_made_by_controller &&
           (older->is_made_by_controller || older->owned_seq < younger->seq);
}

void moon_judge_on_ready(struct moon_judge *j, const struct judge_pod *pod)
{
    if (pod->place == NULL || !counts(pod)) {
        return;
    }
    const struct judge_set *set = pod->place->set;
    const struct judge_pod *other = NULL;
    size_t ready = 1;
    bool surges = true;
    moon_list_foreach (it, &pod->place->pods) {
        const struct judge_pod *one = moon_container_of(it, struct judge_pod, link);
        const struct judge_pod *younger = one->seq > pod->seq ? one : pod;
        if (one != pod && counts(one) && was_known(younger == one ? pod : one, younger)) {
            other = one;
            ready++;
            /* Somebody may have taken the label away. */
            bool differs = one->hash[0] == '\0' || !moon_streq(one->hash, pod->hash);
            surges = surges && differs && (younger->may_surge || moon_judge_may_surge(j, set));
        }
    }
    if (ready > 2 || (ready == 2 && !surges)) {
        moon_judge_accuse(j, "double", "set %s/%s, node %s: pods %s and %s are ready%s", set->ns,
                          set->name, pod->place->node, other->name, pod->name,
                          ready > 2 ? ", and more" : "");
    }
}

/* ---- budget ---- */

/* Generous: what the controller may take for available is. */
static bool has_available(const struct moon_judge *j, const struct judge_place *place,
                          const struct judge_pod *but)
{
    int64_t min_ready_s = moon_judge_spec_now(place->set)->min_ready_s;
    moon_list_foreach (it, &place->pods) {
        const struct judge_pod *pod = moon_container_of(it, struct judge_pod, link);
        if (pod != but && moon_judge_is_alive(pod) &&
            moon_judge_is_available(j, pod, min_ready_s > 0 ? min_ready_s - 1 : 0)) {
            return true;
        }
    }
    return false;
}

void moon_judge_look_at_place(struct moon_judge *j, struct judge_place *place)
{
    if (place->is_down && has_available(j, place, NULL)) {
        place->is_down = false;
    }
}

/* With one that goes down at this moment. */
static int64_t count_down(struct moon_judge *j, struct judge_set *set)
{
    int64_t down = 1;
    size_t pos = 0;
    void *value = NULL;
    while (moon_map_next(set->places, &pos, NULL, &value)) {
        struct judge_place *place = value;
        moon_judge_look_at_place(j, place);
        /* A policy may have decided that a node needs none any more. */
        bool is_over = set->has_policies && moon_list_is_empty(&place->pods);
        down += place->is_down && !is_over ? 1 : 0;
    }
    return down;
}

static bool has_other_alive(const struct judge_place *place, const struct judge_pod *but)
{
    moon_list_foreach (it, &place->pods) {
        const struct judge_pod *pod = moon_container_of(it, struct judge_pod, link);
        if (pod != but && moon_judge_is_alive(pod)) {
            return true;
        }
    }
    return false;
}

/* Strict: it was available, and for so long that the controller knew. */
static bool was_surely_available(const struct judge_set *set, const struct judge_pod *pod,
                                 uint64_t horizon)
{
    int64_t longest_s = 0;
    for (size_t i = 0; i < set->spec_count; i++) {
        if (is_possible(set, i, horizon) && set->specs[i].min_ready_s > longest_s) {
            longest_s = set->specs[i].min_ready_s;
        }
    }
    uint64_t wait_ms = longest_s > 0 ? (uint64_t)(longest_s + 1) * 1000 : 0;
    return pod->is_ready && moon_judge_is_alive(pod) && pod->ready_since_ms + wait_ms < horizon;
}

static const char *newest_hash(const struct moon_judge *j, const struct judge_set *set)
{
    const struct judge_revision *newest = moon_judge_newest(j, set);
    return newest != NULL ? newest->hash : "";
}

static void check_budget(struct moon_judge *j, const struct judge_pod *pod)
{
    struct judge_place *place = pod->place;
    struct judge_set *set = place->set;
    uint64_t horizon = moon_judge_horizon(j);
    if (!place->fits || place->fits_since_ms >= horizon || set->deleting_since_ms != 0) {
        return;
    }
    bool by_policy = set->has_policies && moon_streq(pod->hash, newest_hash(j, set));
    if (by_policy || set->has_own_budget) {
        return;
    }
    if (!set->has_policies && is_surely_on_delete(set, horizon)) {
        if (moon_judge_is_alive(pod) && !has_other_alive(place, pod)) {
            moon_judge_accuse(j, "budget",
                              "set %s/%s, node %s: deleted pod %s although updates "
                              "wait for deletion (OnDelete)",
                              set->ns, set->name, place->node, pod->name);
        }
        return;
    }
    if (!was_surely_available(set, pod, horizon) || has_available(j, place, pod)) {
        return;
    }
    place->is_down = false; /* its pod still stands: count the others */
    int64_t down = count_down(j, set);
    place->is_down = true;
    int64_t allowed = largest_budget(set, horizon);
    if (down > allowed) {
        moon_judge_accuse(j, "budget",
                          "set %s/%s, node %s: deleted the available pod %s: %lld "
                          "nodes without one by the controller's hand, %lld allowed",
                          set->ns, set->name, place->node, pod->name, (long long)down,
                          (long long)allowed);
    }
}

void moon_judge_on_deleted(struct moon_judge *j, const struct judge_pod *pod)
{
    if (pod->owner[0] == '\0') {
        accuse_foreign(j, pod, "deleted");
        return;
    }
    if (pod->place != NULL) {
        check_repeat(j, pod->place, ++pod->place->deleted, "deleted");
        check_budget(j, pod);
    }
}

/* ---- alarm ---- */

void moon_judge_told_event(struct moon_judge *j, const struct moon_sim_event *event,
                           const cJSON *tree)
{
    if (j->is_acting && event->type == MOON_SIM_ADDED && !j->has_rival &&
        moon_streq(moon_sim_text(tree, "reason"), "AnotherController")) {
        moon_judge_accuse(
            j, "alarm", "said of set %s/%s: %s", moon_sim_text(tree, "involvedObject.namespace"),
            moon_sim_text(tree, "involvedObject.name"), moon_sim_text(tree, "message"));
    }
}
