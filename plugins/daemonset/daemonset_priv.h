/* SPDX-License-Identifier: Apache-2.0
 *
 * daemonset_priv.h - the state of the DaemonSet controller, shared by the files of this folder.
 *
 *   plugin.c    descriptor; start, role, stop
 *   wake.c      what an event of the watches makes dirty, and which key it wakes
 *   set.c       one DaemonSet: its slots, its pods, when what must be looked at again
 *   slots.c     one node of one set: evaluation and the counters kept up to date with it
 *   reconcile.c the order of work; pass.c its slices; placement.c decisions; needs.c missing and
 *               surplus pods;
 *   update.c    the rolling step; history.c and revision.c revisions; claim.c adoption and release;
 *   analyze.c   watching it by figures; halt.c pausing and taking back;
 *   image.c     an update in place; drain.c, drain_pods.c and drain_node.c nodes that are emptied
 * first status.c    the counters; body.c the pod for one node, cut from the template's text
 *   conditions.c what is said beside the counters; faults.c what is wrong with the policies
 *   peers.c     what policies ask about other sets, and whom to ask again
 *   state.c     what policies remember; words.c what they want to be said
 *   happenings.c what policies are told of that has happened
 *   rival.c     does another controller write the set, too?
 *   mutate.c    pods that a policy changes or pins, node by node; stable.c the revision that the
 *               others stay with meanwhile
 *
 * Work is proportional to what changed: an event marks one slot, a reconcile evaluates the marked
 * slots only, and every figure (status counters, unavailable, surging) is a sum over slots that an
 * evaluation corrects by its difference. What is in flight is part of a slot, and the caches are
 * never older than our own writes, so there are no expectations that could time out.
 */
#ifndef MOON_DAEMONSET_PRIV_H
#define MOON_DAEMONSET_PRIV_H

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "base/metrics.h"
#include "cache/informer.h"
#include "control/controller.h"
#include "host/internal.h"
#include "kube/daemonset.h"
#include "kube/node.h"
#include "kube/pod.h"
#include "policy/hooks.h"

#define MOON_DS_TOPIC "daemonset"
#define MOON_DS_STATE "moonset.dev/state" /* annotation: what policies remember */

/* At most so many creates, and as many deletes, are planned ahead for one set: the rest stays
 * marked, so that plans stay small however large the cluster (the stock controller's burst). */
enum {
    MOON_DS_BURST = 250
};

/* Characters at the end of a pod's name that are left to chance, as the API server makes them. */
enum {
    MOON_DS_SUFFIX_LEN = 5
};

/* Indexes of the pod and revision stores. */
enum {
    MOON_DS_BY_OWNER,
    MOON_DS_ORPHANS
};

struct moon_ds_set;
struct moon_ds_slot;
struct moon_ds_analysis;
struct moon_ds_images;
struct moon_ds_drain;
struct moon_ds_condition;

/* One pod that is, or may become, ours. */
struct moon_ds_pod {
    const struct moon_pod *pod; /* counted; the newest projection of any of our watches */
    struct moon_ds_slot *slot;  /* NULL: its node cannot be determined; it counts nowhere */
    bool deleting;    /* our DELETE is in flight, or done and the watch has yet to say so */
    bool patching;    /* our adoption, release or new label is in flight */
    bool imaging;     /* our change of its images is in flight */
    bool foreign;     /* owned, but the selector does not match: to be released */
    bool orphan;      /* matches, has no controller: to be adopted */
    bool mislabelled; /* its hash label is not that of its template: see rival.c */
    bool judged;      /* health is that of the newest projection */
    enum moon_health health;
    moon_sym health_reason; /* NULL: none given */
    int64_t ready_since_s;  /* the time of readiness that was seen… */
    uint64_t ready_seen_ms; /* …and when, by our own clock */
};

/* What one slot adds to the set's sums. All 0 or 1. */
struct moon_ds_share {
    int8_t desired;
    int8_t current;
    int8_t ready;
    int8_t available;
    int8_t updated;
    int8_t misscheduled;
    int8_t roll_unavailable;
    int8_t roll_surging;
    int8_t roll_available;
    int8_t drained;   /* the set has cordoned the node, or is about to, or had */
    int8_t draining;  /* and it is cordoned still */
    int8_t outdated;  /* has an outdated pod that is not being deleted */
    int8_t undecided; /* a node that no policy has ever answered for */
    int8_t settled;   /* available, up to date and of the current revision, as its policies want */
};

/* How many pods of the set carry a hash label. */
struct moon_ds_live {
    moon_sym hash;
    size_t pods;
};

struct moon_ds_slot {
    struct moon_ds_set *set;
    moon_sym name;                /* the node's */
    const struct moon_node *node; /* counted; NULL: pods on a node that is not known */
    struct moon_decision decision;
    struct moon_rank *rank;         /* NULL: neutral */
    struct moon_mutation *mutation; /* counted; NULL: nobody mutates, or nobody has answered yet */
    enum moon_placement shadow;     /* what the set's shadow says */
    bool unmutated;                 /* it is not known what its pod is to be made of now */
    bool decided;                   /* decision has ever been made */
    bool stale;                     /* decide again */
    bool unanswered;                /* the last question was not answered: ask again in a while */
    bool create_sent;               /* at least once */
    bool waiting;                   /* it needs a pod, and the policy says when */
    bool told_ready;                /* what others' policies know of it; see peers.c */
    struct moon_ds_share share;
    const char *creating;      /* the pod whose CREATE is in flight; the plan's */
    struct moon_ds_pod **pods; /* in the order in which pods are kept */
    size_t pod_count;
    struct moon_list dirty;      /* in set->dirty: evaluate again */
    struct moon_list work;       /* in set->work: needs a create or a delete */
    struct moon_heap_node due;   /* in set->due: evaluate again at a time */
    uint64_t backoff_ms;         /* failed pods: present delay, 0 = none */
    uint64_t backoff_at;         /* when it was last raised */
    int64_t backoff_generation;  /* observed generation it belongs to */
    struct moon_ds_drain *drain; /* NULL: the set does not drain the node */
    size_t index;                /* in set->slots and set->roll */
};

/* What on_event has yet to be told of. */
struct moon_ds_happened {
    enum moon_happening_type type;
    int64_t at_s;
    const struct moon_pod *pod; /* counted; NULL: it is about a node */
    moon_sym node_name;         /* counted; NULL: not known */
};

/* The steps to a usable list of pods that the main pod watch does not show. */
enum moon_ds_look {
    MOON_DS_LOOK_NEEDED,
    MOON_DS_LOOK_RUNNING,
    MOON_DS_LOOK_DONE,
    MOON_DS_LOOK_REPEAT, /* done before, and to be done once more beside the work */
};

struct moon_ds_set {
    unsigned magic;
    struct moon_ds *ds;
    char *key;
    moon_sym uid;
    const struct moon_daemonset *object; /* counted */
    bool gone;                           /* deleted; kept until the last action is done */
    uint64_t doomed_until; /* the server says that it is being deleted, the watch does not yet */
    size_t actions;        /* open actions that point here */
    size_t waiting;        /* slots that wait for the policy to have their pod made */

    struct moon_chain *chain;
    uint64_t chain_generation;        /* of the policies it was resolved from */
    bool chain_stale;                 /* what it is chosen by has changed */
    char *chain_problem;              /* why there is none; NULL = fine */
    bool mutates;                     /* the chain says what pods are made of */
    bool digests_lost;                /* the server does not keep their digests */
    struct moon_mutations *mutations; /* the answers in use */
    char *versions;            /* of the policies that decide, see guard.c; NULL: not known */
    char *held_hash;           /* of the change that is held; NULL: none is */
    char *held_change;         /* in words */
    char *behind;              /* why the newest text of a policy does not decide; NULL: it does */
    struct moon_chain *shadow; /* policies that are asked beside them; NULL: none */
    char *shadow_text;         /* what they would change */
    bool shadow_asked;         /* and it has to be told */
    uint64_t held_looked_at;   /* when it was found to be too much */
    bool names_policies;       /* else only the stock ones decide */
    struct moon_tolerations tolerations; /* effective */
    bool tolerations_known;
    bool tolerations_stale;
    struct moon_all_nodes all_nodes;
    bool sampled; /* decisions depend on all nodes: a change of one is a question about each */

    struct moon_peers peers; /* what its policies may ask about others */
    struct moon_kv *kv;      /* what they remember; NULL: not read yet */
    char *state_text;        /* the annotation that was read last */
    uint64_t state_version;  /* of what the annotation says */
    uint64_t state_sent;     /* of the last write */
    uint64_t state_at;       /* when that was; 0: never */
    uint64_t state_wait_ms;  /* before the next one */
    bool state_busy;
    bool has_news;                     /* since policies were asked what to say */
    char *words;                       /* the types of conditions they use, as JSON; NULL: none */
    uint64_t words_at;                 /* when that was; 0: never */
    struct moon_ds_happened *happened; /* the oldest first */
    size_t happened_count;
    uint64_t happened_lost_at; /* when it was told that some are left out; 0: never */
    bool is_asked;             /* others' policies have asked about this one */

    struct moon_map *pods;        /* uid -> moon_ds_pod */
    struct moon_map *claims;      /* those to be adopted or released; borrowed */
    struct moon_map *claim_waits; /* of those whose claim was refused, by uid; NULL: none */
    struct moon_map *slot_by_name;
    struct moon_ds_slot **slots; /* sorted by name when slots_sorted */
    struct moon_roll_slot *roll; /* parallel to slots */
    struct moon_roll_index roll_index;
    size_t slot_count;
    size_t slot_capacity;
    bool slots_sorted;
    struct moon_list dirty;
    struct moon_list work;
    struct moon_list drains; /* see drain_priv.h */
    bool work_unordered;
    bool passing;         /* a pass is under way */
    int64_t pass_desired; /* what desired was when it began: all its questions see the same */
    struct moon_heap due;
    struct moon_ds_share_sums {
        int64_t desired, current, ready, available, updated, misscheduled;
        int64_t roll_unavailable, roll_surging, roll_available, outdated, undecided, settled;
        int64_t drained, draining;
    } sums;

    bool surge;         /* maxSurge is on: decided once per change of the set */
    bool history_dirty; /* `current` may not be the live template's */
    struct moon_ds_live *live;
    size_t live_count;
    const struct moon_revision *current; /* counted; NULL: unknown yet */
    moon_sym hash;                       /* its hash label; NULL: unknown yet */
    moon_sym stable;                     /* see stable.c; NULL: unknown, or nobody asks */
    char *data;                          /* canonical revision data of the live template */
    size_t data_len;
    struct moon_ds_images *images; /* what it differs in from old revisions; NULL: not asked */
    size_t history_open;           /* writes about revisions in flight */
    bool collided;                 /* our revision's name is taken by one that cannot be ours */
    moon_sym held_by;              /* what holds the update: "policy x"; NULL: nothing */
    char *held_why;
    struct moon_ds_analysis *analysis; /* NULL: nothing is watched by figures now */
    moon_sym analysis_over;            /* the revision for which it has ended; NULL: none */
    bool halting;                      /* a pause or a step back is being written */
    uint64_t rolled_at;                /* when the update policy was asked last; 0 = never */
    uint64_t adoption_at; /* revisions that could not be adopted: not before; 0 = none */
    uint64_t adoption_wait_ms;
    bool status_busy;
    bool status_failed;                       /* the last write */
    uint64_t status_at;                       /* when the last one was sent; 0 = never */
    uint64_t status_wait_ms;                  /* before the next one, when there is trouble */
    struct moon_daemonset_status status_sent; /* what it said */
    unsigned status_sends;                    /* of the write in flight */
    int64_t observed;                         /* generation the counters speak of */
    struct moon_ds_body *body;                /* pod text with gaps; NULL: build */
    struct moon_map *bodies;                  /* the others, "<hash>/<digest>" -> moon_ds_body */
    struct moon_ds_condition *conditions;     /* said, or taken back */
    size_t condition_count;
    uint64_t conditions_version; /* goes up when other ones are said */
    uint64_t conditions_sent;    /* the version of the last write */

    enum moon_ds_look look; /* for pods without the hash label */
    struct moon_list_call *look_call;
    bool look_found;
    struct moon_timer *look_timer;
    struct moon_informer *strays;     /* pods without the hash label; NULL: none known */
    struct moon_client_call *recheck; /* live GET before adopting */
    bool recheck_ok;                  /* for this reconcile */
    uint64_t recheck_at;              /* not before, after a failure */

    uint64_t rival_after;   /* what somebody else seems to have written counts from then on */
    uint64_t rival_told_at; /* 0: never */

    char *fault;            /* the policies' failure that was told; NULL: they work */
    uint64_t fault_told_at; /* when it was seen last… */
    uint64_t fault_at;      /* …and when any was; 0: none */
};

struct moon_ds {
    unsigned magic;
    const struct moon_internal *in;
    struct moon_informer *sets;
    struct moon_informer *nodes;
    struct moon_informer *pods;
    struct moon_informer *revisions;
    struct moon_controller *controller;
    struct moon_map *by_key;    /* "namespace/name" -> moon_ds_set, owned */
    struct moon_map *by_uid;    /* uid -> moon_ds_set, borrowed */
    struct moon_map *returning; /* nodes that are given back, their set being gone */
    struct moon_map *askers;    /* key of a set -> map of the keys of those that ask about it */
    size_t fields_asked;        /* node fields that the running list of nodes will have… */
    size_t fields_known;        /* …and that all nodes have */
    struct moon_clock_watch *clock;
    size_t open_questions; /* to providers */
    bool leader;
    bool running;
    uint64_t running_since;
};

/* ---- set.c ---- */
struct moon_ds_set *moon_ds_set_new(struct moon_ds *ds, const struct moon_daemonset *object);
/* The object is gone: detach at once, free when the last open action is done. */
void moon_ds_set_drop(struct moon_ds_set *set);
void moon_ds_set_update(struct moon_ds_set *set, const struct moon_daemonset *object);
void moon_ds_set_enqueue(struct moon_ds_set *set);
/* Write-through of the set itself, as the server returned it. */
void moon_ds_set_store(struct moon_ds_set *set, struct moon_str body);
/* After a write that went well: go on. A dry run has changed nothing, and would say the same. */
void moon_ds_set_written(struct moon_ds_set *set);
void moon_ds_set_hold(struct moon_ds_set *set); /* an action points here */
void moon_ds_set_release(struct moon_ds_set *set);
/* A pod of any of our watches changed: attach, move or detach it. `uid` decides. */
void moon_ds_set_pod_changed(struct moon_ds_set *set, moon_sym uid);
/* The newest projection of a pod in the main watch and the set's own; NULL: gone. Borrowed. */
const struct moon_pod *moon_ds_set_find_pod(const struct moon_ds_set *set, moon_sym uid);
/* Is there a pod with this hash label, ended ones included? */
bool moon_ds_set_has_pods_of(const struct moon_ds_set *set, moon_sym hash);

/* ---- slots.c ---- */
struct moon_ds_slot *moon_ds_slot_get(struct moon_ds_set *set, moon_sym name); /* find or make */
struct moon_ds_slot *moon_ds_slot_find(const struct moon_ds_set *set, moon_sym name);
/* False: nothing that a policy has read of nodes is another, so no decision is. */
bool moon_ds_slot_set_node(struct moon_ds_slot *slot, const struct moon_node *node);
void moon_ds_slot_set_rank(struct moon_ds_slot *slot, struct moon_rank *take_rank);
void moon_ds_slot_mark(struct moon_ds_slot *slot); /* evaluate again */
void moon_ds_slot_mark_all(struct moon_ds_set *set, bool decide);
void moon_ds_slot_mark_due(struct moon_ds_set *set); /* those whose time has come */
void moon_ds_slot_add_pod(struct moon_ds_slot *slot, struct moon_ds_pod *pod);
void moon_ds_slot_remove_pod(struct moon_ds_slot *slot, struct moon_ds_pod *pod);
/* Bring the sums and the work list up to date with one slot. It is unmarked, and may be gone. */
void moon_ds_slot_evaluate(struct moon_ds_slot *slot);
/* All that are marked, and those whose time has come, as they were decided and judged last: those
 * for which this is to be done again stay marked, for a pass. */
void moon_ds_slot_evaluate_all(struct moon_ds_set *set);
void moon_ds_slot_order_work(struct moon_ds_set *set);
/* Sort slots by rank and node name if needed: before anything that shows order. */
void moon_ds_slot_sort(struct moon_ds_set *set);
/* Drop slots that have neither node nor pods nor anything in flight. */
void moon_ds_slot_sweep(struct moon_ds_slot *slot);
void moon_ds_slot_set_waiting(struct moon_ds_slot *slot, bool waiting);
void moon_ds_slot_free_all(struct moon_ds_set *set);
/* Counts in manage and roll: ours, matching, not both terminal and terminating. */
bool moon_ds_pod_counts(const struct moon_ds_pod *p);
/* Being deleted, as the server or our own open DELETE says. */
bool moon_ds_pod_is_going(const struct moon_ds_pod *p);
/* Is it of the live template's revision? */
bool moon_ds_pod_is_current(const struct moon_ds_set *set, const struct moon_ds_pod *p);
/* Is it what its node wants: the same, unless a policy mutates? */
bool moon_ds_pod_is_updated(const struct moon_ds_set *set, const struct moon_ds_pod *p);

/* ---- the steps of a reconcile; each adds to the plan ---- */
int moon_ds_reconcile(struct moon_str key, struct moon_plan *plan, void *ctx, struct moon_err *err);
/* Policies and tolerations are usable? Else a note, and nothing is to be done. */
bool moon_ds_placement_prepare(struct moon_ds_set *set, struct moon_plan *plan);
void moon_ds_placement_init(struct moon_ds_set *set);
/* A node has changed, came (before: NULL) or went: what was drawn among all is drawn again. */
void moon_ds_placement_node_changed(struct moon_ds_set *set, const struct moon_node *before,
                                    const struct moon_node *now);
/* Decide and evaluate what is marked, until a slice of time is used up. True: all is done. Until
 * then nothing is to be done that depends on decisions or sums. */
bool moon_ds_pass(struct moon_ds_set *set);
/* Has a piece of work that began at start_ns (moon_budget_now_ns) used up its slice of time? */
bool moon_ds_slice_is_over(const struct moon_ds_set *set, uint64_t start_ns, size_t done);
/* Of these slots, those that are to be decided. */
void moon_ds_placement_decide(struct moon_ds_set *set, struct moon_ds_slot *const *slots,
                              size_t count);
void moon_ds_placement_view(const struct moon_ds_set *set, struct moon_set_view *ret);
/* What a chain that does not decide says of each node, with its own tolerations; all undecided when
 * it cannot even tell these. */
void moon_ds_placement_ask(const struct moon_ds_set *set, struct moon_chain *chain,
                           const struct moon_node *const *nodes, size_t count,
                           enum moon_placement *ret);
/* Ask about the pods of these slots that have changed. */
void moon_ds_health_judge(struct moon_ds_set *set, struct moon_ds_slot *const *slots, size_t count);
void moon_ds_claim(struct moon_ds_set *set, struct moon_plan *plan);
/* How long to wait after one more refusal: 5 s, doubled each time, at most 5 min. */
uint64_t moon_ds_claim_next_wait_ms(uint64_t last_ms);
/* True when every pod of the set is known: only then may one be created. */
bool moon_ds_claim_is_complete(struct moon_ds_set *set);
/* A pod of ours lost the hash label: the main watch does not show it any more. */
void moon_ds_claim_follow_strays(struct moon_ds_set *set);
/* Has the server just confirmed that the set is alive? Else asks it, and wakes the set. */
bool moon_ds_claim_may_adopt(struct moon_ds_set *set);
void moon_ds_claim_fini(struct moon_ds_set *set);
/* Find the revision of the live template, or plan what makes it. Nonzero: *err says why not. */
int moon_ds_history(struct moon_ds_set *set, struct moon_plan *plan, struct moon_err *err);
bool moon_ds_history_is_known(const struct moon_ds_set *set);
/* Does a revision of ours with this hash hold another template than the live one? Slow. */
bool moon_ds_history_is_other(struct moon_ds_set *set, moon_sym hash);
/* Is this the hash of a revision of ours that is not the live template's? */
bool moon_ds_history_is_old(const struct moon_ds_set *set, moon_sym hash);
/* The newest revision but the current one; NULL: there is none. */
const struct moon_revision *moon_ds_history_before(const struct moon_ds_set *set);
/* The revision of ours with this hash; NULL: there is none. */
const struct moon_revision *moon_ds_history_find(const struct moon_ds_set *set, moon_sym hash);
void moon_ds_history_clean(struct moon_ds_set *set, struct moon_plan *plan);
/* False: there is more to do, in another turn. */
bool moon_ds_needs(struct moon_ds_set *set, struct moon_plan *plan);
int moon_ds_update(struct moon_ds_set *set, struct moon_plan *plan, struct moon_err *err);
/* What the update hook sees, and what it may spend. */
void moon_ds_update_budget(const struct moon_ds_set *set, struct moon_roll *roll);
void moon_ds_status(struct moon_ds_set *set, struct moon_plan *plan);

/* ---- mutate.c ---- */
/* Ask what the pods of these nodes, which want one, are to be made of. */
void moon_ds_mutate_ask(struct moon_ds_set *set, const struct moon_set_view *view,
                        struct moon_ds_slot **slots, const struct moon_node *const *nodes,
                        size_t count);
/* Nobody mutates any more. */
void moon_ds_mutate_forget(struct moon_ds_set *set);
/* The hash of the revision that the node's pod is to be of; NULL: unknown yet. */
moon_sym moon_ds_mutate_wants(const struct moon_ds_slot *slot);
/* Why no pod is to be made or replaced on a node that wants one; NULL: it may be. */
const char *moon_ds_mutate_holds(const struct moon_ds_slot *slot);
/* The text of the node's pod; borrowed. NULL: *err says why there is none. */
struct moon_ds_body *moon_ds_mutate_body(struct moon_ds_slot *slot, struct moon_err *err);
/* A reason, and what is special about the node's pod, in the plan's arena. */
const char *moon_ds_mutate_reason(const struct moon_ds_slot *slot, const char *reason,
                                  struct moon_arena *arena);
/* What the server made of a pod that we made from this text. */
void moon_ds_mutate_made(struct moon_ds_set *set, const struct moon_ds_body *body,
                         struct moon_str pod);

/* ---- stable.c ---- */
/* Which revision is the stable one; when that is only a guess, plan to write it down. */
void moon_ds_stable_find(struct moon_ds_set *set, struct moon_plan *plan);
/* The rollout is complete? Then plan to write that down. */
void moon_ds_stable_keep(struct moon_ds_set *set, struct moon_plan *plan);
/* ---- image.c ---- */
/* Why the outdated pod of a slot cannot be updated in place; NULL: it can. */
const char *moon_ds_unpatchable(const struct moon_roll_slot *shown);
/* Give an outdated pod that can be the images and the hash of the current revision. */
void moon_ds_plan_patch_images(struct moon_ds_pod *p, struct moon_plan *plan, const char *reason);
void moon_ds_images_free(struct moon_ds_images *d); /* NULL is fine */

/* ---- drain.c: nodes that are emptied before their daemon goes ---- */
/* How far it is, as policies see it, until the next look; NULL: the set does not drain the node. */
const struct moon_drain *moon_ds_drain_look(struct moon_ds_slot *slot);
/* Does it matter to a drain of this set that the node is like this now? */
bool moon_ds_drain_is_news(const struct moon_ds_slot *slot, const struct moon_node *now);
/* The update policy has spoken of the node: any action, held back or not. */
void moon_ds_drain_take(struct moon_ds_slot *slot, const struct moon_roll_action *a, bool held,
                        struct moon_plan *plan);
/* It has been asked; `answered`: what it has not spoken of is to be given back. */
void moon_ds_drain_end(struct moon_ds_set *set, bool answered, const char *policy,
                       struct moon_plan *plan);
void moon_ds_drain_free(struct moon_ds_slot *slot);
void moon_ds_drain_stop(struct moon_ds_set *set); /* watch no pods any more */
/* How it stands with the node; NULL: nothing to say. The caller's. */
char *moon_ds_drain_text(const struct moon_ds_slot *slot);
/* Call `line` for each node that is drained. */
void moon_ds_drain_explain(const struct moon_ds_set *set, void (*line)(const char *text, void *ctx),
                           void *ctx);

/* ---- drain_node.c: nodes that a set has cordoned that is not there any more ---- */
void moon_ds_drain_saw_node(struct moon_ds *ds, const struct moon_node *node);
void moon_ds_drain_set_is_gone(struct moon_ds *ds, struct moon_str key);
/* Plan to give back all nodes of the set with this key. */
void moon_ds_drain_return_all(struct moon_ds *ds, struct moon_str key, struct moon_plan *plan);

/* ---- conditions.c ---- */
enum moon_ds_said {
    MOON_DS_SAID_NOTHING,
    MOON_DS_SAID_FALSE, /* or unknown */
    MOON_DS_SAID_TRUE,
};
/* Say condition `type` (copied texts); written with the next status. */
void moon_ds_condition_set(struct moon_ds_set *set, const char *type, bool status,
                           const char *reason, const char *message);
/* Take it back; nothing happens when it was never said, by us or by the process before. */
void moon_ds_condition_clear(struct moon_ds_set *set, const char *type);
/* What is said now, or what the object shows when we have said nothing of this type. */
enum moon_ds_said moon_ds_condition_get(const struct moon_ds_set *set, const char *type);
/* Does the object say all that we do? */
bool moon_ds_conditions_are_written(struct moon_ds_set *set);
/* The whole list, those of others included. */
void moon_ds_conditions_write(const struct moon_ds_set *set, struct moon_buf *out);
void moon_ds_conditions_fini(struct moon_ds_set *set);

/* ---- faults.c ---- */
/* The set's policies cannot be used at all. */
void moon_ds_faults_problem(struct moon_ds_set *set, const struct moon_err *err);
/* A hook failed; `ctx` is the moon_ds. */
void moon_ds_faults_report(const struct moon_policy_report *report, void *ctx);
/* Others decide now: what failed was not theirs. */
void moon_ds_faults_forget(struct moon_ds_set *set);
/* An Event that a policy wants; `ctx` is the set. */
void moon_ds_tell(bool is_warning, const char *reason, const char *message, void *ctx);
/* Do they work again? After they have been asked. */
void moon_ds_faults_look(struct moon_ds_set *set, struct moon_plan *plan);

/* ---- state.c ---- */
/* Before policies are asked. */
void moon_ds_state_read(struct moon_ds_set *set);
/* After that. */
void moon_ds_state_write(struct moon_ds_set *set, struct moon_plan *plan);
void moon_ds_state_fini(struct moon_ds_set *set);

/* ---- words.c ---- */
void moon_ds_words(struct moon_ds_set *set, struct moon_plan *plan);

/* ---- peers.c ---- */
void moon_ds_peers_start(struct moon_ds *ds);
void moon_ds_peers_init(struct moon_ds_set *set);
/* Other policies decide for the set, or it is gone: nothing has been asked. */
void moon_ds_peers_forget(const struct moon_ds_set *set);
/* A pod of this slot may have changed. */
void moon_ds_peers_saw(struct moon_ds_slot *slot);
void moon_ds_peers_came_or_went(const struct moon_ds *ds, const char *peer);

/* ---- halt.c ---- */
/* Why no pod of the current revision may be disturbed, as the set says; NULL: it does not. */
const char *moon_ds_paused(const struct moon_ds_set *set);
/* Is the template one that a policy went back to, from the revision before? */
bool moon_ds_rolled_back(const struct moon_ds_set *set);
/* Plan what the policy wants: to pause, or to go back. False: neither. */
bool moon_ds_halt(struct moon_ds_set *set, const struct moon_roll_answer *answer,
                  struct moon_plan *plan);

/* ---- analyze.c ---- */
/* Why an update waits. Texts of the analysis, until its next step. */
struct moon_ds_held {
    const char *by;
    const char *why;
    bool is_brief; /* every update begins so: not worth an Event */
};
/* One step while an update goes on: ask what is due, and the policy. True: go on; may have planned
 * to pause or go back in any case. */
bool moon_ds_analyze(struct moon_ds_set *set, const struct moon_set_view *view,
                     const struct moon_roll *roll, struct moon_plan *plan,
                     struct moon_ds_held *ret_held);
/* The same when no outdated pod is left, for as long as the policy wants. */
void moon_ds_analyze_after(struct moon_ds_set *set, struct moon_plan *plan);
void moon_ds_analysis_end(struct moon_ds_set *set); /* forget it; nothing is asked any more */
/* Call `line` for each line of what is known; not at all without an analysis. */
void moon_ds_analysis_explain(const struct moon_ds_set *set,
                              void (*line)(const char *text, void *ctx), void *ctx);

/* ---- guard.c ---- */
/* Which chain decides from now on: `take_fresh`, or, when a new version of a policy in it would do
 * too much, one with the versions of before. NULL: these are not known, *err says what is held. */
struct moon_chain *moon_ds_guard(struct moon_ds_set *set, const struct moon_chain_opts *opts,
                                 struct moon_chain *take_fresh, struct moon_err *err);
/* Is it time to look again at what is held? */
bool moon_ds_guard_is_due(const struct moon_ds_set *set);
/* A note about what is held, and when to look again. */
void moon_ds_guard_plan(const struct moon_ds_set *set, struct moon_plan *plan);
/* Tell when the newest text of a policy is not what decides. */
void moon_ds_guard_tell_behind(struct moon_ds_set *set);
void moon_ds_guard_release(struct moon_ds_set *set); /* nothing is held any more */
void moon_ds_guard_fini(struct moon_ds_set *set);

/* ---- shadow.c ---- */
void moon_ds_shadow_resolve(struct moon_ds_set *set, const struct moon_chain_opts *opts);
/* Of nodes that have just been decided. */
void moon_ds_shadow_ask(struct moon_ds_set *set, struct moon_ds_slot *const *slots,
                        const struct moon_node *const *nodes, size_t count);
/* When all that was to be decided is. */
void moon_ds_shadow_tell(struct moon_ds_set *set);
void moon_ds_shadow_fini(struct moon_ds_set *set);

/* ---- explain.c: see add_explainer in host/internal.h ---- */
cJSON *moon_ds_explain(struct moon_str key, const char *node, void *ctx, struct moon_err *err);

/* ---- listing.c: see add_lister in host/internal.h ---- */
cJSON *moon_ds_list(const char *what, struct moon_str key, void *ctx, struct moon_err *err);

/* ---- happenings.c ---- */
/* NULL: it was, or is, not there or not the set's. Called while both are. */
void moon_ds_happened_to_pod(struct moon_ds_set *set, const struct moon_pod *before,
                             const struct moon_pod *pod);
void moon_ds_happened_to_node(struct moon_ds_set *set, const struct moon_node *before,
                              const struct moon_node *node);
void moon_ds_happened_tell(struct moon_ds_set *set, struct moon_plan *plan);
void moon_ds_happened_fini(struct moon_ds_set *set);

/* ---- needs.c: actions shared with update.c ---- */
/* "what: detail" about something that was done, or refused: in a dry run there is no such Event. */
void moon_ds_event(const struct moon_ds_set *set, enum moon_event_type type, const char *reason,
                   const char *what, const char *detail);
/* When a failed pod on this node may be replaced; 0 = now. */
uint64_t moon_ds_backoff_ends(const struct moon_ds_slot *slot);
void moon_ds_plan_create(struct moon_ds_slot *slot, struct moon_plan *plan, const char *reason);
void moon_ds_plan_delete(struct moon_ds_pod *pod, struct moon_plan *plan, const char *reason);

/* Write-through of a pod the server returned, to the store whose watch will tell of its end; and of
 * the server's word that a pod no longer exists. */
void moon_ds_store_pod(struct moon_ds_set *set, struct moon_str body);
void moon_ds_pod_is_gone(struct moon_ds_set *set, const char *uid);

/* ---- rival.c: told of what the watches show ---- */
/* A pod of the set that was not known before. */
void moon_ds_rival_saw_pod(struct moon_ds_set *set, const struct moon_ds_pod *pod);
/* The set's object has changed; `before` is what its status was. */
void moon_ds_rival_saw_status(struct moon_ds_set *set, const struct moon_daemonset_status *before);
/* A pod that was known comes with other labels, or none that matter; not yet taken over. */
void moon_ds_rival_saw_labels(struct moon_ds_set *set, struct moon_ds_pod *pod,
                              const struct moon_pod *now);
/* What appears in the next while may be a write of our own whose outcome is not known. */
void moon_ds_rival_doubt(struct moon_ds_set *set);

/* ---- body.c ---- */
struct moon_ds_body_of {
    struct moon_str template;
    moon_sym hash;   /* of the revision that the template is of */
    moon_sym digest; /* of the edits that are in it; NULL: there are none */
    bool is_current; /* it is the live template, edits aside */
};
struct moon_ds_body *moon_ds_body_new(const struct moon_ds_set *set,
                                      const struct moon_ds_body_of *of, struct moon_err *err);
/* The live template as it stands; borrowed from the set. */
struct moon_ds_body *moon_ds_body_current(struct moon_ds_set *set, struct moon_err *err);
/* Something that all bodies depend on has changed. */
void moon_ds_body_forget(struct moon_ds_set *set);
moon_sym moon_ds_body_digest(const struct moon_ds_body *body); /* NULL: no edits */
/* Counted: an open create keeps the text it was planned with. NULL is fine for free. */
struct moon_ds_body *moon_ds_body_ref(struct moon_ds_body *body);
void moon_ds_body_free(struct moon_ds_body *body);
void moon_ds_body_write(const struct moon_ds_body *body, const char *name, const char *node,
                        struct moon_buf *out);
/* "<set>-" cut as the API server cuts it, and five random characters. */
char *moon_ds_body_pod_name(const struct moon_ds_set *set, struct moon_arena *arena);
/* [{"apiVersion":"apps/v1","kind":"DaemonSet",…}] */
void moon_ds_body_owner_refs(const struct moon_ds_set *set, struct moon_buf *out);

/* ---- wake.c ---- */
/* Make the caches, wired up but not started: whoever fills their stores wakes the sets. */
void moon_ds_wake_init(struct moon_ds *ds);
void moon_ds_wake_start(struct moon_ds *ds);
void moon_ds_wake_role(struct moon_ds *ds, bool leader);
void moon_ds_wake_stop(struct moon_ds *ds);
bool moon_ds_wake_is_synced(const struct moon_ds *ds);
struct moon_store *moon_ds_pod_store(const struct moon_ds *ds);
/* Does the main watch show this pod? */
bool moon_ds_wake_shows(const struct moon_ds *ds, const struct moon_pod *pod);

#endif
