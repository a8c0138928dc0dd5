/* SPDX-License-Identifier: Apache-2.0
 *
 * rival.c - does another controller write this set?
 *
 * Two controllers of one set (kube-controller-manager was not told to leave it alone, or a second
 * moonset has no lease) do no lasting harm: each takes away what the other made too much. But pods
 * start for nothing, and more of them are down than maxUnavailable allows; whoever runs the cluster
 * should be told. Nothing is asked for that: what the watches tell anyway gives a rival away.
 *
 * - A new pod that the set owns and that is not the one we are making on its node. We choose the
 *   names of our pods and an answer is in the store before the slot is free again, so a pod of ours
 *   is never new and nameless. New is Pending: a pod that comes into view later, because a label
 *   was edited or a list was missed, has been made some other time.
 * - Counters of the status that changed to something we did not write.
 *
 * Revisions prove nothing: tools make owned duplicates on purpose, and who makes revisions makes
 * pods and counts them, too. Deletions may be anybody's.
 *
 * One thing a rival does has to be undone. When the stock controller finds two revisions of a new
 * template (it made one, we the other), it gives the hash of the one it keeps to every pod of the
 * set, those of older templates included, and the roll is over before it has begun. We saw which
 * hash a pod had before, and roll it nevertheless.
 *
 * Doubt keeps silent: nobody is accused before we have led for GRACE_MS (a predecessor's last
 * writes may still arrive), nor for as long after a write of ours whose outcome is not known.
 */
#include "daemonset/daemonset_priv.h"

enum {
    GRACE_MS = 60000, /* the API server gives up a request after so long (--request-timeout) */
    TELL_AGAIN_MS = 10 * 60 * 1000,
};

static uint64_t now_ms(const struct moon_ds_set *set)
{
    return moon_loop_now(set->ds->in->loop);
}

void moon_ds_rival_doubt(struct moon_ds_set *set)
{
    set->rival_after = now_ms(set) + GRACE_MS;
}

/* A dry run writes nothing, and is meant to look on while another controller works. */
static bool can_judge(const struct moon_ds_set *set)
{
    const struct moon_ds *ds = set->ds;

    return ds->running && !set->gone && !ds->in->config->dry_run &&
           now_ms(set) >= ds->running_since + GRACE_MS && now_ms(set) >= set->rival_after;
}

static void tell(struct moon_ds_set *set, const char *seen)
{
    if (set->rival_told_at > 0 && now_ms(set) - set->rival_told_at < TELL_AGAIN_MS) {
        return;
    }
    set->rival_told_at = now_ms(set);
    moon_warn(MOON_DS_TOPIC, "another controller is writing this set", "key", set->key, "seen",
              seen);
    moon_recorder_event(set->ds->in->recorder, &set->object->meta, MOON_EVENT_WARNING,
                        "AnotherController",
                        "Another controller is writing this set: %s; let only one run, for "
                        "example kube-controller-manager with --controllers=*,-daemonset",
                        seen);
}

void moon_ds_rival_saw_pod(struct moon_ds_set *set, const struct moon_ds_pod *p)
{
    bool fresh = p->pod->phase == MOON_PHASE_PENDING || p->pod->phase == MOON_PHASE_NONE;

    if (p->orphan || p->slot == NULL || !fresh || p->pod->meta.deleted_s != 0 ||
        !moon_ds_wake_shows(set->ds, p->pod) || !can_judge(set) ||
        (p->slot->creating != NULL && strcmp(p->slot->creating, p->pod->meta.name) == 0)) {
        return;
    }
    MOON_AUTOFREE char *seen =
        moon_asprintf("it made pod %s on node %s", p->pod->meta.name, p->slot->name);
    tell(set, seen);
}

void moon_ds_rival_saw_labels(struct moon_ds_set *set, struct moon_ds_pod *pod,
                              const struct moon_pod *now)
{
    moon_sym before = moon_labels_get(&pod->pod->meta.labels, MOON_LABEL_HASH);
    moon_sym after = moon_labels_get(&now->meta.labels, MOON_LABEL_HASH);

    if (before == after) {
        return;
    }
    if (now->in_place || moon_ds_history_is_other(set, after)) {
        pod->mislabelled = false;
    } else if (moon_ds_history_is_other(set, before)) {
        pod->mislabelled = true;
        moon_warn(MOON_DS_TOPIC, "a pod got the hash of a template it was not made from", "key",
                  set->key, "pod", pod->pod->meta.name);
    }
}

static bool same_counters(const struct moon_daemonset_status *a,
                          const struct moon_daemonset_status *b)
{
    return a->desired == b->desired && a->current == b->current && a->ready == b->ready &&
           a->available == b->available && a->updated == b->updated &&
           a->misscheduled == b->misscheduled && a->unavailable == b->unavailable &&
           a->observed_generation == b->observed_generation;
}

void moon_ds_rival_saw_status(struct moon_ds_set *set, const struct moon_daemonset_status *before)
{
    const struct moon_daemonset_status *now = &set->object->status;

    if (same_counters(before, now) || same_counters(now, &set->status_sent) || !can_judge(set)) {
        return;
    }
    MOON_AUTOFREE char *seen = moon_asprintf("it wrote the status (%lld of %lld pods ready)",
                                             (long long)now->ready, (long long)now->desired);
    tell(set, seen);
}
