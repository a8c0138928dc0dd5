/* SPDX-License-Identifier: Apache-2.0
 *
 * scheduler_pick.c - which node for which pod: a pure function of what is known.
 */
#include "sim/scheduler.h"

#include <stdlib.h>

#include "base/map.h"

#define UNSCHEDULABLE_TAINT "node.kubernetes.io/unschedulable"
#define HARD_EFFECTS ((1u << MOON_EFFECT_NO_SCHEDULE) | (1u << MOON_EFFECT_NO_EXECUTE))

#define NO_AFFINITY "node(s) didn't match Pod's node affinity"
#define CORDONED "node(s) were unschedulable"

/* NULL: it fits; else why not, in kube-scheduler's words. May be written to `scratch`. */
static const char *refuse(const struct moon_played_pod *pod, const struct moon_played_node *node,
                          struct moon_buf *scratch)
{
    if (pod->affinity != NULL &&
        !moon_affinity_matches(pod->affinity, &node->meta.labels, node->meta.name)) {
        return NO_AFFINITY;
    }
    if (node->unschedulable) {
        struct moon_taint cordon = {.effect = MOON_EFFECT_NO_SCHEDULE};
        cordon.key = moon_intern_cstr(UNSCHEDULABLE_TAINT);
        cordon.value = moon_intern_cstr("");
        const struct moon_taints only = {.items = &cordon, .count = 1};
        bool is_borne = moon_untolerated(&only, &pod->tolerations, HARD_EFFECTS) == NULL;
        moon_sym_unref(cordon.key);
        moon_sym_unref(cordon.value);
        if (!is_borne) {
            return CORDONED;
        }
    }
    const struct moon_taint *taint =
        moon_untolerated(&node->taints, &pod->tolerations, HARD_EFFECTS);
    if (taint != NULL) {
        moon_buf_clear(scratch);
        moon_buf_printf(scratch, "node(s) had taint {%s: %s}, that the pod didn't tolerate",
                        taint->key, taint->value);
        return moon_buf_cstr(scratch);
    }
    return NULL;
}

/* ---- why nothing fits ---- */

/* How many nodes had which reason. */
struct tally {
    struct moon_map *reasons; /* text to count as a pointer-sized number */
    size_t nodes;
};

static void tally_add(struct tally *t, const char *reason, size_t count)
{
    struct moon_str key = moon_str(reason);
    size_t before = (size_t)(uintptr_t)moon_map_get(t->reasons, key);
    moon_map_set(t->reasons, key, (void *)(uintptr_t)(before + count));
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) …." */
static void tally_write(const struct tally *t, struct moon_buf *out)
{
    size_t count = moon_map_count(t->reasons);
    char **lines = moon_new_array(char *, count);
    size_t used = 0;
    size_t pos = 0;
    struct moon_str reason;
    void *number;
    while (moon_map_next(t->reasons, &pos, &reason, &number)) {
        lines[used++] = moon_asprintf("%zu %.*s", (size_t)(uintptr_t)number, MOON_STR_ARG(reason));
    }
    qsort(lines, used, sizeof(*lines), by_text);
    moon_buf_printf(out, "0/%zu nodes are available", t->nodes);
    for (size_t i = 0; i < used; i++) {
        moon_buf_printf(out, "%s%s", i == 0 ? ": " : ", ", lines[i]);
        moon_free(lines[i]);
    }
    moon_buf_putc(out, '.');
    moon_free(lines);
}

/* ---- the choice ---- */

static size_t load_of(const struct moon_scheduler_opts *opts, const struct moon_played_node *node)
{
    size_t count;
    (void)moon_store_by_index(opts->pods, opts->by_node, node->meta.name, &count);
    return count;
}

static bool is_better(const struct moon_played_node *node, size_t load,
                      const struct moon_played_node *best, size_t best_load)
{
    return best == NULL || load < best_load ||
           (load == best_load && strcmp(node->meta.name, best->meta.name) < 0);
}

static const struct moon_played_node *pick_pinned(const struct moon_scheduler_opts *opts,
                                                  const struct moon_played_pod *pod,
                                                  struct tally *tally, struct moon_buf *scratch)
{
    const struct moon_object *found = moon_store_get(opts->nodes, NULL, pod->pinned);
    const char *reason =
        found != NULL ? refuse(pod, moon_played_node(found), scratch) : NO_AFFINITY;
    if (reason == NULL) {
        return moon_played_node(found);
    }
    tally_add(tally, reason, 1);
    if (tally->nodes > 1) {
        tally_add(tally, NO_AFFINITY, tally->nodes - 1);
    }
    return NULL;
}

static const struct moon_played_node *pick_any(const struct moon_scheduler_opts *opts,
                                               const struct moon_played_pod *pod,
                                               struct tally *tally, struct moon_buf *scratch)
{
    const struct moon_played_node *best = NULL;
    size_t best_load = 0;
    size_t pos = 0;
    const struct moon_object *object;
    while ((object = moon_store_next(opts->nodes, &pos)) != NULL) {
        const struct moon_played_node *node = moon_played_node(object);
        const char *reason = refuse(pod, node, scratch);
        size_t load = load_of(opts, node);
        if (reason != NULL) {
            tally_add(tally, reason, 1);
        } else if (is_better(node, load, best, best_load)) {
            best = node;
            best_load = load;
        }
    }
    return best;
}

const struct moon_played_node *moon_scheduler_pick(const struct moon_scheduler_opts *opts,
                                                   const struct moon_played_pod *pod,
                                                   struct moon_buf *why)
{
    struct tally tally = {.reasons = moon_map_new(NULL), .nodes = moon_store_count(opts->nodes)};
    MOON_CLEANUP(moon_buf_fini) struct moon_buf scratch = MOON_BUF_INIT(64 * 1024);
    const struct moon_played_node *node = NULL;
    if (tally.nodes > 0) {
        node = pod->pinned != NULL ? pick_pinned(opts, pod, &tally, &scratch)
                                   : pick_any(opts, pod, &tally, &scratch);
    }
    if (node == NULL && tally.nodes == 0) {
        moon_buf_puts(why, "no nodes available to schedule pods");
    } else if (node == NULL) {
        tally_write(&tally, why);
    }
    moon_map_free(tally.reasons);
    return node;
}
