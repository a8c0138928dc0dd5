/* SPDX-License-Identifier: Apache-2.0
 *
 * shadow.c - policies that are asked beside those that decide, and obeyed in nothing.
 *
 * The annotation moonset.dev/shadow names them as moonset.dev/policies would. Whenever a node is
 * decided they are asked for it, too; where their answer is another one is counted and told.
 */
#include "daemonset/daemonset_priv.h"

#include <stdio.h>

#define SHADOW "moonset.dev/shadow"

enum {
    NAMED_NODES = 5,
    TEXT_MAX = 1024,
};

static struct moon_metric *metric(void)
{
    return moon_metric_register(&(struct moon_metric_opts){
        .name = "moonset_policy_shadow_nodes",
        .help = "Nodes for which the shadow policies of a set decide otherwise.",
        .type = MOON_METRIC_GAUGE,
        .labels = {"set"},
    });
}

/* ---- which ---- */

void moon_ds_shadow_fini(struct moon_ds_set *set)
{
    if (set->shadow != NULL) {
        moon_metric_drop(metric(), MOON_LABELS(set->key));
    }
    moon_chain_free(moon_steal(&set->shadow));
    moon_free(moon_steal(&set->shadow_text));
    set->shadow_asked = false; /* what it said before the pass is over is nobody's */
}

static void tell_problem(struct moon_ds_set *set, const struct moon_err *err)
{
    MOON_AUTOFREE char *text = moon_asprintf("not asked: %s", err->text);

    moon_ds_shadow_fini(set);
    set->shadow_text = moon_steal(&text);
    moon_recorder_event(set->ds->in->recorder, &set->object->meta, MOON_EVENT_WARNING,
                        "ShadowInvalid", "shadow policies %s", set->shadow_text);
}

void moon_ds_shadow_resolve(struct moon_ds_set *set, const struct moon_chain_opts *opts)
{
    struct moon_chain_opts shadow_opts = *opts;
    struct moon_err err;

    shadow_opts.names = moon_labels_get(&set->object->meta.annotations, SHADOW);
    shadow_opts.foreign_params = true;
    if (shadow_opts.names == NULL) {
        moon_ds_shadow_fini(set);
        return;
    }
    struct moon_chain *fresh = moon_chain_new(set->ds->in->policies, &shadow_opts, &err);
    if (fresh == NULL) {
        if (set->shadow_text == NULL || strstr(set->shadow_text, err.text) == NULL) {
            tell_problem(set, &err);
        }
        return;
    }
    if (set->shadow != NULL &&
        strcmp(moon_chain_digest(set->shadow), moon_chain_digest(fresh)) == 0) {
        moon_chain_free(fresh); /* what the one in use has learned stays known */
        return;
    }
    moon_ds_slot_mark_all(set, true);
    moon_free(moon_steal(&set->shadow_text));
    moon_chain_free(set->shadow);
    set->shadow = fresh;
}

/* ---- asking ---- */

static bool differs(const struct moon_ds_slot *slot)
{
    return slot->node != NULL && slot->decided && slot->shadow != MOON_PLACEMENT_UNDECIDED &&
           slot->shadow != slot->decision.placement;
}

static char *describe(const struct moon_ds_set *set, size_t *ret_count)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf nodes = MOON_BUF_INIT(TEXT_MAX);
    size_t count = 0;

    for (size_t i = 0; i < set->slot_count; i++) {
        const struct moon_ds_slot *slot = set->slots[i];
        if (!differs(slot)) {
            continue;
        }
        if (count < NAMED_NODES) {
            moon_buf_printf(&nodes, "%s%s (%s, not %s)", count > 0 ? ", " : "", slot->name,
                            moon_placement_name(slot->shadow),
                            moon_placement_name(slot->decision.placement));
        }
        count++;
    }
    *ret_count = count;
    return moon_asprintf("%s decides otherwise for %zu nodes%s%s%s",
                         moon_labels_get(&set->object->meta.annotations, SHADOW), count,
                         count > 0 ? ": " : "", moon_buf_cstr(&nodes),
                         count > NAMED_NODES ? ", …" : "");
}

void moon_ds_shadow_tell(struct moon_ds_set *set)
{
    size_t count;

    if (!set->shadow_asked) {
        return;
    }
    set->shadow_asked = false;
    moon_ds_slot_sort(set);
    MOON_AUTOFREE char *text = describe(set, &count);
    moon_metric_set(metric(), MOON_LABELS(set->key), (double)count);
    if (moon_streq(text, set->shadow_text)) {
        return;
    }
    moon_free(set->shadow_text);
    set->shadow_text = moon_steal(&text);
    moon_recorder_event(set->ds->in->recorder, &set->object->meta, MOON_EVENT_NORMAL,
                        count > 0 ? "ShadowDiffers" : "ShadowAgrees", "Shadow policy %s",
                        set->shadow_text);
}

void moon_ds_shadow_ask(struct moon_ds_set *set, struct moon_ds_slot *const *slots,
                        const struct moon_node *const *nodes, size_t count)
{
    if (set->shadow == NULL) {
        return;
    }
    MOON_AUTOFREE enum moon_placement *says = moon_new_array(enum moon_placement, count);
    moon_ds_placement_ask(set, set->shadow, nodes, count, says);
    for (size_t i = 0; i < count; i++) {
        slots[i]->shadow = says[i];
    }
    set->shadow_asked = true;
}
