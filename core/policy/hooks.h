/* SPDX-License-Identifier: Apache-2.0
 *
 * hooks.h - asking a set's policies: the C side of the hooks of policies/README.md.
 *
 * Nothing here touches the API or the cache: the caller hands in what a script may see and gets
 * answers back. A script that fails never fails the process: the answer says so, and the report
 * goes to the policies' on_report. Views are valid only during the call. Layer: policy.
 */
#ifndef MOON_POLICY_HOOKS_H
#define MOON_POLICY_HOOKS_H

#include "kube/daemonset.h"
#include "kube/evictee.h"
#include "kube/node.h"
#include "kube/pod.h"
#include "policy/kv.h"
#include "policy/policies.h"

/* All nodes of the cluster, for what is decided between them (moonset.sample). */
struct moon_all_nodes {
    void (*each)(const struct moon_all_nodes *all,
                 void (*fn)(const struct moon_node *node, void *arg), void *arg);
    void *ctx;
    bool *sampled; /* set: the answers depend on all of them, not only on the one asked about */
};

/* What policies may ask about other sets, by "namespace/name": see moonset.peer. Whoever answers
 * remembers who has asked: pure hooks are asked again when an answer changes. */
struct moon_peers {
    bool (*exists)(const char *key, void *ctx);
    /* Does it have a pod on this node that is ready? Only asked about sets that exist. */
    bool (*is_ready_on)(const char *key, const char *node, void *ctx);
    void *ctx;
};

/* What the `set` argument shows. */
struct moon_set_view {
    const struct moon_daemonset *set;
    const struct moon_tolerations *tolerations; /* effective: template's plus the hooks' answer */
    int64_t desired;                            /* nodes that should run it */
    const char *revision;                       /* current hash; "" when unknown yet */
    int64_t now_s;                              /* wall clock; pure hooks do not see it */
    const struct moon_all_nodes *nodes;         /* NULL: not offered */
    const struct moon_peers *peers;             /* NULL: there are no other sets */
    struct moon_kv *kv; /* what its policies remember; NULL: nothing is kept */
    /* An Event of the set, of a hook that has succeeded. NULL: they go nowhere. */
    void (*tell)(bool is_warning, const char *reason, const char *message, void *ctx);
    void *tell_ctx;
};
/* The set is gone, and with it what policies have said of it in figures (moonset.metric). */
MOON_API void moon_measures_forget(const struct moon_object *set);

struct moon_roll_slot;

/* ---- select ---- */
enum moon_placement {
    MOON_PLACEMENT_UNDECIDED, /* the hook failed: keep the previous decision */
    MOON_PLACEMENT_RUN,
    MOON_PLACEMENT_KEEP,  /* make none, remove none */
    MOON_PLACEMENT_EVICT, /* no pod here */
};
MOON_API const char *moon_placement_name(enum moon_placement p); /* "run", … */

struct moon_decision {
    enum moon_placement placement;
    moon_sym reason; /* owned by the decision; NULL = none given */
    moon_sym policy; /* which policy decided; owned */
};
MOON_API void moon_decision_fini(struct moon_decision *d);

/* Decide for `count` nodes at once (one budget per 4096): ret_decisions[i] belongs to nodes[i];
 * must be zeroed. The most restrictive answer wins (evict > keep > run); nobody with an opinion =
 * run. */
MOON_API void moon_hook_select(struct moon_chain *chain, const struct moon_set_view *set,
                               const struct moon_node *const *nodes, size_t count,
                               struct moon_decision *ret_decisions);

/* Do two nodes agree in all that select and rank have read of any node since the chain was made?
 * Then both have the same answers. False also when it is not known what was read. */
MOON_API bool moon_chain_reads_same(const struct moon_chain *chain, const struct moon_set_view *set,
                                    const struct moon_node *a, const struct moon_node *b);

/* ---- tolerations ---- */
/* The union of all answers, added to a copy of the template's tolerations by the merge rule of the
 * stock controller. Nonzero: a hook failed; *ret untouched, the caller keeps its previous list
 * (none before: the set waits). */
MOON_API int moon_hook_tolerations(struct moon_chain *chain, const struct moon_set_view *set,
                                   struct moon_tolerations *ret, struct moon_err *err);

/* ---- rank ---- */
enum {
    MOON_RANK_KEYS = 8 /* of all policies of a set */
};
struct moon_rank_key {
    double number;
    moon_sym text; /* owned; NULL: it is the number */
};
/* Where a node stands in the order of work. Zeroed it is neutral: as if each key were 0. */
struct moon_rank {
    size_t count;
    struct moon_rank_key keys[MOON_RANK_KEYS];
};
MOON_API void moon_rank_fini(struct moon_rank *r);
/* Key by key, ascending, numbers before texts: <0, 0, >0. */
MOON_API int moon_rank_compare(const struct moon_rank *a, const struct moon_rank *b);

/* Does anybody rank nodes? */
MOON_API bool moon_chain_ranks(const struct moon_chain *chain);
/* ret_ranks[i] belongs to nodes[i]; must be zeroed. The keys of the first policy come first, those
 * of the next one decide between equals. Where a policy fails its key is neutral. */
MOON_API void moon_hook_rank(struct moon_chain *chain, const struct moon_set_view *set,
                             const struct moon_node *const *nodes, size_t count,
                             struct moon_rank *ret_ranks);

/* ---- health ---- */
enum moon_health {
    MOON_HEALTH_READY, /* or nobody judges */
    MOON_HEALTH_PROGRESSING,
    MOON_HEALTH_FAILED,
};
MOON_API const char *moon_health_name(enum moon_health h); /* "ready", … */

struct moon_health_question {
    const struct moon_pod *pod;
    const struct moon_roll_slot *slot; /* what the pod's view shows beside it: node and node_name */
    bool updated;
};
struct moon_health_answer {
    enum moon_health health;
    moon_sym reason; /* owned; NULL: none given */
};

/* Does a policy judge the health of pods? */
MOON_API bool moon_chain_judges_health(const struct moon_chain *chain);
/* ret_answers[i] belongs to questions[i]. Where the policy fails the answer is READY: what
 * Kubernetes calls ready is. */
MOON_API void moon_hook_health(struct moon_chain *chain, const struct moon_set_view *set,
                               const struct moon_health_question *questions, size_t count,
                               struct moon_health_answer *ret_answers);

/* ---- mutate ---- */
enum moon_pin {
    MOON_PIN_CURRENT, /* the live template's revision; also when nobody pins */
    MOON_PIN_STABLE,
    MOON_PIN_HASH,
};

/* A change of the template. */
struct moon_edit {
    char *pointer; /* as moon_json_put takes it */
    char *value;   /* JSON text; NULL: remove */
};

/* What the pods of a node are to be made of. Never changes, counted, shared by all nodes of a set
 * with the same answer. */
struct moon_mutation {
    unsigned refs;
    enum moon_pin pin;
    moon_sym hash;      /* MOON_PIN_HASH; else NULL */
    moon_sym pinned_by; /* the policy; NULL: nobody pins */
    moon_sym skip;      /* why no pod is to be made or replaced for now; NULL: it may be */
    moon_sym skipped_by;
    struct moon_edit *edits; /* in the order in which they are made */
    size_t edit_count;
    moon_sym text;   /* the edits as JSON: [{"set":"/spec/…","value":…},{"remove":"/…"}] */
    moon_sym digest; /* of that text; NULL: there are no edits */
};
MOON_API struct moon_mutation *moon_mutation_ref(struct moon_mutation *m);
MOON_API void moon_mutation_unref(struct moon_mutation *m); /* NULL is fine */
/* "current", "stable" or the hash. */
MOON_API const char *moon_mutation_revision(const struct moon_mutation *m);
/* The template's text with the edits in it. MOON_E_INVALID: one does not fit, *ret_edit says
 * which. */
MOON_API int moon_mutation_apply(const struct moon_mutation *m, struct moon_str template,
                                 struct moon_buf *out, size_t *ret_edit, struct moon_err *err);

/* The answers in use of one set, each once. */
struct moon_mutations;
MOON_API struct moon_mutations *moon_mutations_new(void);
MOON_API void moon_mutations_free(struct moon_mutations *m); /* NULL is fine */
/* Is a node's answer in use that wants this very hash? */
MOON_API bool moon_mutations_want(const struct moon_mutations *m, moon_sym hash);

struct moon_mutate_opts {
    struct moon_mutations *answers;
    /* The template of a revision of the set; false: there is none with this hash. */
    bool (*find)(enum moon_pin pin, const char *hash, struct moon_str *ret_template, void *ctx);
    void *ctx;
};

/* Does anybody say what pods are made of? */
MOON_API bool moon_chain_mutates(const struct moon_chain *chain);
/* ret_answers[i] belongs to nodes[i] and is the caller's; NULL: a policy failed, or its edits do
 * not fit the template. The edits of all policies are made one after the other; the first pin and
 * the first skip count. */
MOON_API void moon_hook_mutate(struct moon_chain *chain, const struct moon_set_view *set,
                               const struct moon_mutate_opts *opts,
                               const struct moon_node *const *nodes, size_t count,
                               struct moon_mutation **ret_answers);

/* ---- rolls: what gate and update see ---- */

/* A node that the set has cordoned, or is about to, so that its daemon goes from an empty one. */
enum moon_drain_state {
    MOON_DRAIN_DRAINING,
    MOON_DRAIN_DRAINED,
    MOON_DRAIN_LIFTED, /* somebody has uncordoned it since: it is left alone */
};
struct moon_drain {
    enum moon_drain_state state;
    int64_t since_s;       /* when it began; 0: unknown, or it has not yet */
    const char *waits_for; /* NULL: for nothing */
};
MOON_API const char *moon_drain_state_name(enum moon_drain_state state);

/* One node.  Pods are non-terminating ones; at most one of each. */
struct moon_roll_slot {
    const struct moon_node *node; /* NULL: a pod on a node that is not known */
    moon_sym node_name;
    const struct moon_pod *old_pod; /* outdated */
    const struct moon_pod *new_pod; /* of the current revision */
    bool wanted;                    /* the decision is run */
    bool excess;                    /* two or more pods of a kind: pruned by the core */
    bool deleting;                  /* there are terminating pods on it */
    bool waiting;                   /* it needs a pod, which is made when the policy says so */
    bool creating;                  /* a pod for it is on its way */
    bool held;                      /* no pod of it is made or replaced now */
    bool old_available;
    bool new_available;
    enum moon_health old_health;
    enum moon_health new_health;
    const struct moon_rank *rank;   /* NULL: neutral */
    const struct moon_drain *drain; /* NULL: the set does not hold the node */
    void *owner;                    /* the caller's; handed back in an action */
};

/* Which slots are in which state: a column of bits for each question, so that looking for the few
 * that can be acted on among 100,000 costs a microsecond. Zeroed it is empty. */
enum {
    MOON_ROLL_COLUMNS = 16
};
struct moon_roll_index {
    uint64_t *columns[MOON_ROLL_COLUMNS];
    size_t words; /* of each */
};
/* Slot i is now as `s` says, which is looked at with its pods. */
MOON_API void moon_roll_index_set(struct moon_roll_index *x, size_t i,
                                  const struct moon_roll_slot *s);
/* Of slots that are known: `from` takes the place of `to` (which may be the same), and is gone. */
MOON_API void moon_roll_index_move(struct moon_roll_index *x, size_t from, size_t to);
MOON_API void moon_roll_index_set_waiting(struct moon_roll_index *x, size_t i, bool waiting);
MOON_API void moon_roll_index_fini(struct moon_roll_index *x);

struct moon_roll {
    int64_t started_s; /* when the current revision came; 0 = unknown */
    const char *revision;
    const char *previous_revision; /* "" without */
    int64_t max_unavailable;       /* scaled, after the "both zero means 1" rule */
    int64_t max_surge;
    int64_t unavailable; /* counted as daemonset-controller counts it for the strategy */
    int64_t surging;     /* nodes with more pods than one, or a new pod that is not available yet */
    int64_t available;
    int64_t desired;
    int64_t draining;   /* nodes that are held cordoned, or will be */
    const char *paused; /* why the set says that it is paused; NULL: it does not */
    bool rolled_back;   /* the current revision is one that a policy went back to */
    /* Why the outdated pod of a slot cannot be updated in place; NULL: it can. */
    const char *(*unpatchable)(const struct moon_roll_slot *slot);
    const struct moon_roll_slot *slots;  /* in order of rank, then of node name */
    const struct moon_roll_index *index; /* of these slots; NULL: one is made for the call */
    size_t count;
};

/* ---- gate ---- */
struct moon_gate {
    size_t closed;   /* so many say no; 0 = open */
    char *reason;    /* of the first of them; owned */
    moon_sym policy; /* which that is; owned */
    int64_t again_s; /* ask again after so long, or when something has happened; 0 = open */
};
MOON_API void moon_gate_fini(struct moon_gate *g);

/* May pods that serve be disturbed? One that fails is closed. A chain without gates is open. */
MOON_API void moon_hook_gate(struct moon_chain *chain, const struct moon_set_view *set,
                             const struct moon_roll *roll, struct moon_gate *ret);

/* ---- what update records ---- */
enum moon_roll_action_type {
    MOON_ROLL_REPLACE,     /* delete the outdated pod; the node gets a new one when it is gone */
    MOON_ROLL_SURGE,       /* create a new pod beside the outdated one */
    MOON_ROLL_DELETE,      /* delete a pod that need not be replaced */
    MOON_ROLL_CREATE,      /* make the pod that the node waits for */
    MOON_ROLL_PATCH_IMAGE, /* give an outdated pod the images of the current revision */
    MOON_ROLL_DRAIN,       /* cordon the node and empty it; wanted for as long as it is recorded */
    MOON_ROLL_UNCORDON,    /* give the node back */
};

struct moon_roll_action {
    enum moon_roll_action_type type;
    size_t slot;                  /* index into roll->slots */
    const struct moon_pod *pod;   /* REPLACE, DELETE, PATCH_IMAGE */
    char *reason;                 /* owned */
    struct moon_evict_opts evict; /* DRAIN */
};

struct moon_roll_answer {
    struct moon_roll_action *actions;
    size_t count;
    int64_t again_s; /* ask again after so many seconds; 0 = no wish */
    char *again_reason;
    char *pause;    /* why the update is to be paused; NULL: it is not. Then there are no actions */
    char *rollback; /* why it is to be taken back; the same */
    bool failed;    /* no disruptive action this round */
    size_t clipped; /* actions left out because the budget was used up */
    moon_sym policy; /* which policy answered; owned */
};
MOON_API void moon_roll_answer_fini(struct moon_roll_answer *a);

/* Is it for the update hook to say when missing pods are made? */
MOON_API bool moon_chain_creates(const struct moon_chain *chain);
/* Runs the chain's update hook. Checked whatever it recorded: only outdated or surplus pods, one
 * action per node, at most 500 actions, no more disruptions (available outdated pods deleted) than
 * max_unavailable - unavailable, surges of available outdated pods within max_surge - surging, no
 * more nodes drained than max_unavailable (without one: max_surge), unless the set says
 * moonset.dev/budget-owner: policy. Without an update hook: an empty answer. */
MOON_API void moon_hook_update(struct moon_chain *chain, const struct moon_set_view *set,
                               const struct moon_roll *roll, struct moon_roll_answer *ret);

/* ---- on_event ---- */
/* What has happened. */
enum moon_happening_type {
    MOON_HAPPENED_POD_CREATED, /* a pod of the set that was not known is there */
    MOON_HAPPENED_POD_READY,
    MOON_HAPPENED_POD_UNREADY,
    MOON_HAPPENED_POD_RESTARTED, /* a container of it has */
    MOON_HAPPENED_POD_FAILED,    /* its phase is Failed now */
    MOON_HAPPENED_POD_GONE,      /* deleted, or not the set's any more */
    MOON_HAPPENED_NODE_ADDED,
    MOON_HAPPENED_NODE_READY,
    MOON_HAPPENED_NODE_UNREADY,
    MOON_HAPPENED_NODE_GONE,
};
enum {
    MOON_HAPPENINGS = MOON_HAPPENED_NODE_GONE + 1
};
MOON_API const char *moon_happening_name(enum moon_happening_type type); /* "pod_failed", … */
MOON_API int moon_happening_by_name(struct moon_str name);               /* -1: there is none */

struct moon_happening {
    enum moon_happening_type type;
    int64_t at_s;               /* when it was seen */
    const struct moon_pod *pod; /* as it was then; NULL: it is about a node */
    /* Where: node and node_name; the pod is its old_pod or its new_pod. */
    struct moon_roll_slot slot;
};

/* What its policies want to be told of: bits 1 << enum moon_happening_type. */
MOON_API uint32_t moon_chain_happenings(const struct moon_chain *chain);
/* Tell those that want to know. *ret_again_s: look at the set again in so many seconds; 0: no wish.
 * False: one of them failed, which nothing else comes of. */
MOON_API bool moon_hook_on_event(struct moon_chain *chain, const struct moon_set_view *set,
                                 const struct moon_happening *h, int64_t *ret_again_s);

/* ---- figures: what asking costs ---- */

/* Of one hook of one policy of a chain. */
struct moon_hook_figures {
    const char *policy;
    const char *hook;
    size_t state_bytes;   /* memory of the policy's Lua state */
    uint64_t allocations; /* made in it so far */
    /* of pure hooks: of what is known without asking */
    uint64_t hits;
    uint64_t asked;       /* calls that were made to know it */
    size_t paths;         /* answers that are kept */
    size_t memo_bytes;    /* about what they take */
    const char *reads;    /* what the answers depend on, "label edge, taints"; NULL: on anything */
    const char *memo_off; /* why none are kept; NULL: they are */
};
MOON_API void
moon_chain_each_figures(const struct moon_chain *c,
                        void (*fn)(const struct moon_hook_figures *figures, void *ctx), void *ctx);
/* ---- status ---- */
struct moon_status_condition {
    char *type; /* a qualified name, none of moonset's own */
    bool status;
    char *reason;
    char *message;
};

/* What policies want to be said of the set. */
struct moon_status {
    char *message; /* of all of them; NULL: none */
    struct moon_status_condition *conditions;
    size_t count;
    bool failed; /* one of them: what was said before should stay */
};
MOON_API void moon_status_fini(struct moon_status *s);

/* Does a policy want anything to be said? */
MOON_API bool moon_chain_tells_status(const struct moon_chain *chain);
MOON_API void moon_hook_status(struct moon_chain *chain, const struct moon_set_view *set,
                               const struct moon_roll *roll, struct moon_status *ret);

/* Counters of this process, for metrics: calls and CPU per policy and hook are in the registry as
 * moonset_policy_calls_total, moonset_policy_failures_total{policy,hook,fault} and
 * moonset_policy_cpu_seconds_total{policy,hook}. */

#endif
