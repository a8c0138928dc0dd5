/* SPDX-License-Identifier: Apache-2.0
 *
 * fixture.h - the DaemonSet controller between stores that tests fill and a server that is a page
 * of C.
 *
 * Nothing is sent: `sync` runs one reconcile, counts what it planned, and carries it out on JSON
 * trees, whose new versions go into the stores as events. Time is the loop's virtual clock. Events,
 * wake-ups and live GETs are caught at the linker (--wrap), see CMakeLists.txt.
 */
#ifndef MOON_TESTS_DAEMONSET_FIXTURE_H
#define MOON_TESTS_DAEMONSET_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "daemonset/daemonset_priv.h"

#define NS "default"
#define KEY "default/foo"
#define UID "uid-foo"

/* Labels of the stock controller's tests. */
#define L1 "{\"name\":\"simple-daemon\",\"type\":\"production\"}"
#define L2 "{\"name\":\"simple-daemon\",\"type\":\"test\"}"
#define N1 "{\"color\":\"blue\",\"speed\":\"fast\"}"
#define N2 "{\"color\":\"red\",\"speed\":\"fast\"}"

#define ROLLING(unavailable, surge)                                                                \
    "{\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"maxUnavailable\":" unavailable               \
    ",\"maxSurge\":" surge "}}"
#define ON_DELETE "{\"type\":\"OnDelete\"}"

/* A template with labels L1 and these members of its spec. */
#define TEMPLATE(members)                                                                          \
    "{\"metadata\":{\"labels\":" L1 "},\"spec\":{" members                                         \
    "\"containers\":[{\"image\":\"foo/bar\"}],\"dnsPolicy\":\"Default\"}}"

enum {
    EVENTS_MAX = 64,
    CALLS_MAX = 8,
    KEYS_MAX = 8,
};

struct set_opts {
    const char *name;        /* NULL: foo */
    const char *uid;         /* NULL: UID */
    const char *selector;    /* NULL: {"matchLabels":L1} */
    const char *template;    /* NULL: TEMPLATE("") */
    const char *strategy;    /* NULL: that of use_strategy */
    const char *annotations; /* members; NULL: none. The template generation is added. */
    int min_ready_s;
    int history_limit; /* 0: 2; -1: 0 */
    bool deleting;
    bool no_generation; /* no template generation among the annotations */
    const char *status; /* members; NULL: none */
    int age_s;          /* 0: older than every pod */
};

struct pod_opts {
    const char *name;   /* NULL: made up */
    const char *node;   /* spec.nodeName */
    const char *pin;    /* or pinned to it */
    const char *labels; /* NULL: L1 */
    const char *hash;   /* hash label; NULL: the current one; "": none */
    int generation;     /* label; 0: none */
    const char *owner;  /* controller uid; NULL: UID; "": orphan */
    const char *phase;  /* NULL: empty */
    bool ready;
    int age_s;       /* of the pod */
    int ready_age_s; /* of its readiness */
    bool deleting;
    const char *namespace; /* NULL: NS */
};

struct revision_opts {
    const char *name;
    int64_t number;
    const char *hash;      /* label; NULL: none */
    const char *owner;     /* NULL: UID; "": orphan */
    const char *data;      /* NULL: an empty template's */
    const char *labels;    /* NULL: L1 */
    const char *namespace; /* NULL: NS */
    bool unseen;           /* the watch does not tell of it yet */
};

struct counts {
    size_t creates; /* pods */
    size_t deletes;
    size_t events; /* but those about creates and deletes themselves */
    size_t revision_creates;
    size_t revision_deletes;
    size_t revision_patches;
    size_t pod_patches;
    size_t status_writes;
    size_t node_patches;
    size_t evictions;
    size_t writes; /* all */
    uint64_t requeue_ms;
};

struct fixture {
    struct moon_loop *loop;
    struct moon_client *client;
    struct moon_internal in;
    struct moon_config *config;
    struct moon_ds ds;
    uint64_t version;
    unsigned names;
    unsigned pod_names;
    struct moon_informer *strays; /* gets the events of pods without a hash label, when set */
    struct moon_map *objects;     /* uid -> cJSON of pods and revisions, owned */
    struct moon_map *nodes;       /* name -> cJSON, owned */

    struct set_opts opts; /* of the set "foo" */
    int64_t generation;
    int64_t template_generation;
    int64_t made_s;       /* the set; 0: long ago */
    uint64_t set_version; /* of the set */
    cJSON *status;

    /* what the server does */
    size_t creates_left;    /* further ones are refused */
    bool graceful;          /* a deleted pod stays, terminating */
    bool behind;            /* deletions are answered, but the watch says nothing of them yet */
    bool silent;            /* writes of pods are answered, but no event ever tells of them */
    bool drops_annotations; /* of what is made */
    bool patches_refused;   /* of pods and revisions */
    bool nodes_refused;     /* patches of nodes */
    const char *eviction_refused; /* why, with 429; NULL: granted */
    bool deletes_refused;
    bool terminating; /* the namespace: refused creates say so */
    bool status_refused;
    bool status_ignored; /* 200, but nothing changes */
    bool alive;          /* live GETs find the set; else they are kept in calls[] */

    /* what was seen */
    size_t create_calls;
    int last_rc;
    struct moon_err last_err;
    struct moon_buf plan_text;
    struct {
        enum moon_event_type type;
        char reason[32];
        char message[256];
    } events[EVENTS_MAX];
    size_t event_count;
    char woken[KEYS_MAX][64]; /* keys, each once */
    size_t woken_count;
    struct moon_request calls[CALLS_MAX];
    size_t call_count;
    char query[512];               /* of the last one */
    struct moon_buf last_body;     /* of the pod created last */
    struct moon_buf last_revision; /* of the revision created last */
    struct moon_buf last_patch;    /* of a pod, revision or node */
    struct moon_buf last_eviction;
    struct moon_buf last_status; /* patch */
};

/* cmocka setup and teardown; the set is not there yet. */
int setup(void **state);
int teardown(void **state);
/* The same with a folder for one policy, mine.lua, which `mine` writes and loads; NULL: it goes. */
int setup_policies(void **state);
int teardown_policies(void **state);
void mine(struct fixture *f, const char *source);
#define MINE "\"moonset.dev/policies\":\"mine\"" /* of set_opts.annotations */
/* A set with this policy and maxUnavailable 1, running and ready on node-0 to node-2. */
void running_mine(struct fixture *f, const char *source);
void use_mine(struct fixture *f); /* that folder again, after another setup */
/* Policies of this folder beside the stock ones. */
void use_policies(struct fixture *f, const char *dir);
struct fixture *fixture(void); /* the one of this test */

/* What sets of all further tests have that say none; ON_DELETE at first. */
void use_strategy(const char *strategy);
/* Add the set, and sync until its revision is known. */
void add_set(struct fixture *f, struct set_opts opts);
/* The same, without any sync. */
void put_set(struct fixture *f, struct set_opts opts);
/* Change it as the API server would: generations go up. */
void change_set(struct fixture *f, struct set_opts opts);
/* One beside "foo", its uid "uid-<name>", put straight into the store. */
void add_other_set(struct fixture *f, const char *name, const char *selector);
struct moon_ds_set *set_of(struct fixture *f);
const char *hash_of(struct fixture *f); /* current */

/* Labels and taints as JSON, or NULL. Adding again changes the node. */
void add_node(struct fixture *f, const char *name, const char *labels, const char *taints);
void add_nodes(struct fixture *f, int from, int count, const char *labels); /* node-<i> */
/* One with these members of its spec and its status. */
void put_node(struct fixture *f, const char *name, const char *labels, const char *spec,
              const char *status);
void remove_node(struct fixture *f, const char *name);
/* Merge this patch into it, as if somebody else had. */
void change_node(struct fixture *f, const char *name, const char *patch);

/* Returns the uid (= the name), valid until teardown or its removal. */
const char *add_pod(struct fixture *f, struct pod_opts opts);
void add_pods(struct fixture *f, const char *node, const char *labels, int count);
void remove_pod(struct fixture *f, const char *uid);
void set_ready(struct fixture *f, const char *uid, bool ready);
void set_phase(struct fixture *f, const char *uid, const char *phase);
/* Set, or with NULL remove, a label; anything else at a path of the tree. */
void set_label(struct fixture *f, const char *uid, const char *key, const char *value);
void set_owner(struct fixture *f, const char *uid, const char *owner);
void all_ready(struct fixture *f);
/* In order of names; NULL-terminated, until the next call. */
const char **pods_on(struct fixture *f, const char *node);
size_t pod_count(struct fixture *f);
const cJSON *object(struct fixture *f, const char *uid);

const char *add_revision(struct fixture *f, struct revision_opts opts);
size_t revision_count(struct fixture *f);

/* A set on `nodes` nodes, all pods made and ready. */
void running(struct fixture *f, int nodes, const char *strategy);
/* A new template (opts.template, or one made up); its revision is made first. */
void new_template(struct fixture *f, struct set_opts opts);
/* The name that the first revision of a set will want. Starts the fixture anew. */
char *wanted_name(void **state);

/* One reconcile of "foo", carried out. */
struct counts sync_once(struct fixture *f);
/* Until a sync writes nothing and waits for nothing that comes soon; fails after 50. */
void settle(struct fixture *f);
/* Only decide; the plan is the caller's to free, and its actions must be carried out. */
struct moon_plan *decide(struct fixture *f);
struct counts carry_out(struct fixture *f, struct moon_plan *take_plan);

void assert_sync(struct fixture *f, size_t creates, size_t deletes, size_t events, const char *what,
                 int line);
#define SYNC(c, d, e) assert_sync(f, (c), (d), (e), __func__, __LINE__)

bool was_woken(struct fixture *f, const char *key);
void forget_woken(struct fixture *f);
size_t events_of(struct fixture *f, const char *reason);
/* A member of a condition of the set's status, NULL when it has not that; "none": no condition. */
const char *condition(struct fixture *f, const char *type, const char *member);
/* Answer the oldest live GET of the set: with `body`, or not at all (NULL). */
void answer_get(struct fixture *f, int status, const char *body);
void advance_s(struct fixture *f, int s);

#endif
