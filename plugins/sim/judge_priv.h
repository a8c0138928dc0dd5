/* SPDX-License-Identifier: Apache-2.0
 *
 * judge_priv.h - what the files of the judge share: judge.c (life, feeding, verdicts, what the
 * controller may not know yet), judge_model.c (sets, nodes, pods as they are), judge_fit.c (may
 * this node have a daemon), judge_rules.c (what must never be seen), judge_settled.c (the end).
 *
 * The hard part is not to accuse wrongly: a controller acts on what it has read, and that is always
 * a little behind. So each rule that depends on something that changes asks what was the case at
 * any time since the horizon: before it, the controller knew everything. Normally that is a moment
 * ago; after a fault it is further back.
 */
#ifndef MOON_SIM_JUDGE_PRIV_H
#define MOON_SIM_JUDGE_PRIV_H

#include "base/list.h"
#include "base/map.h"
#include "sim/judge.h"
#include "sim/kinds.h"
#include "sim/selectors.h"

enum {
    MOON_JUDGE_SPECS_MAX = 64,
    MOON_JUDGE_DESIRED_MAX = 256
};

/* What a set asked for, from one change of it to the next. */
struct judge_spec {
    uint64_t since_ms;
    int64_t generation;
    bool is_on_delete;
    bool has_surge;
    int64_t max_unavailable; /* a number… */
    bool is_percent;         /* …or so many percent */
    int64_t min_ready_s;
};

struct judge_desired {
    uint64_t since_ms;
    int64_t count;
};

struct judge_node {
    char *name;
    cJSON *labels;
    cJSON *taints;
    bool exists;
    uint64_t since_ms; /* it exists, or is gone */
};

/* One node as one set sees it. */
struct judge_place {
    struct judge_set *set;
    char *node;
    bool fits;     /* may have a daemon */
    bool may_stay; /* may keep the one it has */
    uint64_t fits_since_ms;
    bool is_down;  /* by the controller's hand */
    unsigned made; /* by the controller, since there was a cause */
    unsigned deleted;
    struct moon_list pods;
};

struct judge_set {
    char *ns;
    char *name;
    char *uid;
    cJSON *tree;
    struct moon_sim_selector *selector;
    bool has_policies;
    bool has_own_budget;                           /* a policy is responsible for it */
    uint64_t deleting_since_ms;                    /* 0: it is not */
    struct judge_spec specs[MOON_JUDGE_SPECS_MAX]; /* oldest first */
    size_t spec_count;
    struct judge_desired desired[MOON_JUDGE_DESIRED_MAX]; /* same */
    size_t desired_count;
    struct moon_map *places; /* node name → struct judge_place */
};

struct judge_revision {
    char *owner; /* uid of the set */
    char *hash;
    int64_t number;
    cJSON *template; /* data.spec.template */
};

struct judge_pod {
    struct moon_list link; /* in its place; alone without one */
    struct judge_place *place;
    char *ns;
    char *name;
    char *node;  /* where it is or is pinned to; "" when neither */
    char *owner; /* uid of its controller when that is a DaemonSet, else "" */
    bool has_other_owner;
    char *hash;
    char *generation; /* label pod-template-generation */
    char *images;
    cJSON *labels;
    bool is_ready;
    bool is_deleting;
    bool is_terminal;
    bool is_made_by_controller; /* and not by a call that came late, after others in its place */
    bool may_surge;
    uint64_t seq;           /* of its creation */
    uint64_t owned_seq;     /* since when it has this owner */
    uint64_t free_since_ms; /* without an owner; 0: has one, or never had */
    uint64_t ready_since_ms;
    int64_t ready_s; /* lastTransitionTime */
};

struct moon_judge {
    struct moon_loop *loop;
    char *client;
    uint64_t lag_ms;
    void (*on_violation)(const struct moon_judge_violation *v, void *ctx);
    void *ctx;

    bool is_acting; /* a call of the controller is under way */
    bool is_late;   /* …and its call was on its way for long: it was decided before */
    bool expects_rest;
    bool has_rival; /* somebody but the controller made a pod for a set, or wrote its status */
    uint64_t seq;   /* counts events */
    size_t violations;
    struct moon_map *calls; /* "create pods" → counter */

    struct moon_map *nodes;     /* name → struct judge_node, also those that are gone */
    struct moon_map *sets;      /* uid → struct judge_set */
    struct moon_map *gone_sets; /* uid → when */
    struct moon_map *pods;      /* uid → struct judge_pod */
    struct moon_map *revisions; /* uid → struct judge_revision */

    /* When something went wrong between controller and server, oldest first. */
    uint64_t doubts[64];
    size_t doubt_count;
    struct moon_map *blind; /* resource → when its watch was opened that was spoilt */
};

/* ---- judge.c ---- */

uint64_t moon_judge_now(const struct moon_judge *j);
/* Until when everything was surely known to the controller. */
uint64_t moon_judge_horizon(struct moon_judge *j);
void moon_judge_accuse(struct moon_judge *j, const char *rule, const char *fmt, ...)
    MOON_PRINTF(3, 4);

/* ---- judge_model.c ---- */

void moon_judge_node_free(void *node);
void moon_judge_set_free(void *set);
void moon_judge_pod_free(void *pod);
void moon_judge_revision_free(void *revision);
void moon_judge_node_event(struct moon_judge *j, const struct moon_sim_event *event,
                           const cJSON *tree);
void moon_judge_set_event(struct moon_judge *j, const struct moon_sim_event *event,
                          const cJSON *tree);
void moon_judge_pod_event(struct moon_judge *j, const struct moon_sim_event *event,
                          const cJSON *tree);
void moon_judge_told_event(struct moon_judge *j, const struct moon_sim_event *event,
                           const cJSON *tree);
void moon_judge_revision_event(struct moon_judge *j, const struct moon_sim_event *event,
                               const cJSON *tree);
struct judge_set *moon_judge_owner_of(const struct moon_judge *j, const struct judge_pod *pod);
bool moon_judge_is_alive(const struct judge_pod *pod);
/* Ready for long enough, at this moment. */
bool moon_judge_is_available(const struct moon_judge *j, const struct judge_pod *pod,
                             int64_t min_ready_s);
const struct judge_spec *moon_judge_spec_now(const struct judge_set *set);

/* Of the revisions of a set, the one with the highest number; NULL: it has none. */
const struct judge_revision *moon_judge_newest(const struct moon_judge *j,
                                               const struct judge_set *set);

/* ---- judge_fit.c ---- */

/* May this node have a daemon of this template; may it keep one? */
bool moon_judge_fits(const cJSON *pod_template, const struct judge_node *node, bool *ret_may_stay);

/* ---- judge_rules.c: told by the model, before (`was`) and after ---- */

void moon_judge_on_made(struct moon_judge *j, struct judge_pod *pod);
void moon_judge_on_changed(struct moon_judge *j, struct judge_pod *pod,
                           const struct judge_pod *was);
/* Its deletion begins, or it goes at once. */
void moon_judge_on_deleted(struct moon_judge *j, const struct judge_pod *pod);
void moon_judge_on_ready(struct moon_judge *j, const struct judge_pod *pod);
/* An available pod is, or was until now, on this place. */
void moon_judge_look_at_place(struct moon_judge *j, struct judge_place *place);
bool moon_judge_may_surge(struct moon_judge *j, const struct judge_set *set);

#endif
