/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/scheduler_pick.h"

#include "sim/scheduler_filter.h"
#include "sim/scheduler_score.h"

static struct moon_ledger_node *pick_pinned(const struct moon_ledger *ledger,
                                            const struct moon_played_pod *pod,
                                            const struct moon_topology *topology,
                                            struct moon_tally *tally)
{
    struct moon_ledger_node *n = moon_ledger_node(ledger, pod->pinned);
    size_t others = moon_ledger_count(ledger) - (n != NULL ? 1 : 0);
    if (n != NULL && moon_scheduler_filter(pod, topology, n, tally) == MOON_FIT_YES) {
        return n;
    }
    if (others > 0) {
        moon_tally_add(tally, MOON_REASON_NO_AFFINITY, others);
    }
    return NULL;
}

static struct moon_ledger_node *pick_any(const struct moon_ledger *ledger,
                                         const struct moon_played_pod *pod,
                                         const struct moon_topology *topology,
                                         struct moon_tally *tally)
{
    MOON_AUTOFREE struct moon_ledger_node **fitting =
        moon_new_array(struct moon_ledger_node *, moon_ledger_count(ledger));
    size_t count = 0;
    size_t pos = 0;
    struct moon_ledger_node *n;
    while ((n = moon_ledger_next(ledger, &pos)) != NULL) {
        if (moon_scheduler_filter(pod, topology, n, tally) == MOON_FIT_YES) {
            fitting[count++] = n;
        }
    }
    return count > 0 ? moon_scheduler_best(pod, topology, fitting, count) : NULL;
}

struct moon_ledger_node *moon_scheduler_pick(const struct moon_ledger *ledger,
                                             const struct moon_played_pod *pod,
                                             struct moon_buf *why)
{
    size_t nodes = moon_ledger_count(ledger);
    if (nodes == 0) {
        moon_buf_puts(why, "no nodes available to schedule pods");
        return NULL;
    }
    struct moon_tally *tally = moon_tally_new();
    struct moon_topology *topology = moon_topology_new(ledger, pod);
    struct moon_ledger_node *n = pod->pinned != NULL ? pick_pinned(ledger, pod, topology, tally)
                                                     : pick_any(ledger, pod, topology, tally);
    if (n == NULL) {
        moon_tally_write(tally, nodes, why);
    }
    moon_topology_free(topology);
    moon_tally_free(tally);
    return n;
}
