/* SPDX-License-Identifier: Apache-2.0
 *
 * testing_priv.h - what the files of policy tests share.
 *
 *   testing_read.c    YAML with lines and paths: forms, values, errors
 *   testing_case.c    one case of a text, read
 *   testing_set.c     the set and the roll in their short forms, as a manifest
 *   testing_nodes.c   nodes, the same
 *   testing_pods.c    pods and tolerations, the same
 *   testing_samples.c figures for analyze, the same
 *   testing_expect.c  what is expected, in its short forms
 *   testing_world.c   the objects projected, and the roll they make
 *   testing_ask.c     asking the hooks about a world
 *   testing_around.c  what hooks may use beside their arguments: memory, events, other sets
 *   testing_match.c   expectations against answers
 *   testing.c         running cases and shuffling
 */
#ifndef MOON_POLICY_TESTING_PRIV_H
#define MOON_POLICY_TESTING_PRIV_H

#include "base/map.h"
#include "policy/analyze.h"
#include "policy/testing.h"

enum {
    MOON_TEST_MAX_NODES = 1000,
    MOON_TEST_MAX_CASES = 1000,
};

/* ---- testing_read.c: a YAML text under way ---- */

struct moon_test_reader {
    const char *file;
    struct moon_map *lines; /* address of a tree's node -> its line */
    char path[256];         /* "set.labels" */
    const char *case_name;  /* NULL: outside of cases */
    size_t line;            /* of whatever has none of its own */
    struct moon_err *err;
};

/* A key of a mapping, and who takes its value. */
struct moon_test_field {
    const char *key;
    int (*take)(struct moon_test_reader *r, const cJSON *value, void *ctx);
};

/* The whole text; NULL and *err. */
cJSON *moon_test_parse(struct moon_test_reader *r, struct moon_str text);
void moon_test_reader_fini(struct moon_test_reader *r);
size_t moon_test_line(const struct moon_test_reader *r, const cJSON *at);
/* "file:line: case 'x': path: …"; always nonzero. */
int moon_test_wrong(struct moon_test_reader *r, const cJSON *at, const char *fmt, ...)
    MOON_PRINTF(3, 4);
/* Go down to a member: errors name it. Returns what leave wants. */
size_t moon_test_enter(struct moon_test_reader *r, const char *key);
void moon_test_leave(struct moon_test_reader *r, size_t mark);
/* Every member of a mapping through its field; null members are left out. */
int moon_test_fields(struct moon_test_reader *r, const struct moon_test_field *fields,
                     const cJSON *json, void *ctx);
int moon_test_mapping(struct moon_test_reader *r, const cJSON *json);
int moon_test_text(struct moon_test_reader *r, const cJSON *json, const char **ret);
int moon_test_int(struct moon_test_reader *r, const cJSON *json, int64_t *ret); /* not negative */
int moon_test_bool(struct moon_test_reader *r, const cJSON *json, bool *ret);
/* "10m", or a number of seconds. */
int moon_test_seconds(struct moon_test_reader *r, const cJSON *json, int64_t *ret);
/* "2026-11-30T22:15:00Z", or a number. */
int moon_test_time(struct moon_test_reader *r, const cJSON *json, int64_t *ret);
/* The next word of *rest; empty at the end. */
struct moon_str moon_test_word(struct moon_str *rest);

/* ---- trees of manifests ---- */

/* Put `value` (taken) at "spec.updateStrategy.type"; the objects on the way are made. */
void moon_test_put(cJSON *root, const char *path, cJSON *value);
void moon_test_put_text(cJSON *root, const char *path, const char *value);
void moon_test_put_time(cJSON *root, const char *path, int64_t seconds);
/* A member whose name may have dots in it. */
void moon_test_put_member(cJSON *object, const char *name, cJSON *take_value);
/* As a merge patch does. */
void moon_test_merge(cJSON *target, const cJSON *patch);

/* ---- a case ---- */

enum moon_test_aspect {
    MOON_TEST_TOLERATIONS,
    MOON_TEST_SELECT,
    MOON_TEST_MUTATE,
    MOON_TEST_RANK,
    MOON_TEST_HEALTH,
    MOON_TEST_GATE,
    MOON_TEST_UPDATE,
    MOON_TEST_STATUS,
    MOON_TEST_KV,
    MOON_TEST_EVENTS,
    MOON_TEST_ANALYZE,
    MOON_TEST_ON_EVENT,
    MOON_TEST_ASPECTS,
};
const char *moon_test_aspect_name(enum moon_test_aspect a);

/* One answer, or what is expected of one; then subject and reason are globs. All owned. */
struct moon_test_item {
    char *subject;  /* a node, a pod, a toleration; "" without */
    char *also;     /* what it is also known as: a pod's node; NULL without */
    char *verb;     /* "evict", "replace", "closed"; "" without */
    char *reason;   /* NULL: none given, or none expected */
    char *detail;   /* mutate: the edits, as a JSON object of pointers; NULL: none */
    int64_t number; /* gate: seconds; expected counts: so many; -1: none */
    size_t line;
};
struct moon_test_list {
    struct moon_test_item *items;
    size_t count;
};
/* Takes the texts. */
struct moon_test_item *moon_test_list_add(struct moon_test_list *l, struct moon_test_item item);
void moon_test_list_fini(struct moon_test_list *l);

struct moon_test_expect {
    bool has[MOON_TEST_ASPECTS];
    size_t lines[MOON_TEST_ASPECTS];
    struct moon_test_list lists[MOON_TEST_ASPECTS];
    bool by_count; /* update: how many of each verb */
    char *error;   /* glob; NULL: no hook may fail */
    size_t error_line;
    int64_t again_s; /* -1: anything; 0: no wish */
    size_t again_line;
    int64_t clipped; /* -1: any number */
    size_t clipped_line;
};

/* What is given, as manifests. */
struct moon_test_given {
    cJSON *set;
    cJSON *nodes;          /* name -> manifest */
    cJSON *pods;           /* node's name -> list of manifests */
    struct moon_map *lost; /* names of nodes that only pods know */
    cJSON *samples;        /* query -> what it has found */
    cJSON *drains;         /* node -> {state, waits_for} */
    cJSON *kv;             /* what the tested policy remembers */
    int happening;         /* enum moon_happening_type; -1: none */
    char *happened_to;     /* a node, or a pod by its name or that of its node; NULL: none */
    cJSON *peers; /* "namespace/name" -> list of nodes, or globs, where its daemon is ready */
    int64_t now_s;
    char *revision;
    char *previous_revision;
    int64_t started_s;
    bool rolled_back;
    bool unpatchable;
};

struct moon_test_case {
    char *name;
    size_t line;
    char *policy;   /* that is tested */
    char *policies; /* as the set's annotation; NULL: none */
    char *params;   /* as the set's annotation, JSON; NULL: none */
    struct moon_test_given given;
    struct moon_test_expect expect;
};

/* One read text. */
struct moon_test_file {
    struct moon_test_reader reader;
    cJSON *root;
    const cJSON *cases;
    char *policy; /* default of the cases; NULL: none */
};

/* Nonzero: *err. fini in any case. */
int moon_test_file_open(struct moon_test_file *f, const struct moon_policy_test_text *text,
                        struct moon_err *err);
void moon_test_file_fini(struct moon_test_file *f);
/* The case at `index`; the caller finishes it in any case. */
int moon_test_case_read(struct moon_test_file *f, size_t index, struct moon_test_case *ret,
                        struct moon_err *err);
void moon_test_case_fini(struct moon_test_case *c);

/* Take one form into *given. The set comes first, nodes before pods. */
void moon_test_given_init(struct moon_test_given *g);
/* What a set is that nobody says anything of. */
void moon_test_given_defaults(struct moon_test_given *g, int64_t now_s);
void moon_test_given_fini(struct moon_test_given *g);
int moon_test_take_set(struct moon_test_reader *r, const cJSON *json, void *given);
int moon_test_take_roll(struct moon_test_reader *r, const cJSON *json, void *given);
int moon_test_take_nodes(struct moon_test_reader *r, const cJSON *json, void *given);
int moon_test_take_samples(struct moon_test_reader *r, const cJSON *json, void *given);
/* Of one query that has no error. */
struct moon_samples *moon_test_make_samples(const cJSON *json, int64_t now_s);
int moon_test_take_kv(struct moon_test_reader *r, const cJSON *json, void *given);
int moon_test_take_event(struct moon_test_reader *r, const cJSON *json, void *given);
int moon_test_take_peers(struct moon_test_reader *r, const cJSON *json, void *given);
int moon_test_take_pods(struct moon_test_reader *r, const cJSON *json, void *given);
/* For keys that are read elsewhere, or mean nothing. */
int moon_test_skip(struct moon_test_reader *r, const cJSON *json, void *ctx);
/* A text, or true or false, to a path of a manifest. */
int moon_test_take_text(struct moon_test_reader *r, const cJSON *json, cJSON *root,
                        const char *path);
int moon_test_take_bool(struct moon_test_reader *r, const cJSON *json, cJSON *root,
                        const char *path);
/* Labels or annotations at a path, added to those that are there; null takes one away. */
int moon_test_take_labels(struct moon_test_reader *r, const cJSON *json, cJSON *root,
                          const char *path);
/* `metadata`, `spec` or `status` as they stand. */
int moon_test_take_part(struct moon_test_reader *r, const cJSON *json, cJSON *root,
                        const char *part);
/* "gpu=true:NoSchedule for 5m" or a mapping, as the API has it; NULL and r->err. */
cJSON *moon_test_toleration(struct moon_test_reader *r, const cJSON *json);

/* testing_expect.c */
int moon_test_take_expect(struct moon_test_reader *r, const cJSON *json, void *expect);
void moon_test_expect_fini(struct moon_test_expect *e);

/* ---- testing_world.c ---- */

struct moon_test_pod {
    const struct moon_pod *pod;
    size_t slot;
    bool updated;
    enum moon_health health;
};

struct moon_test_world {
    const struct moon_daemonset *set;
    const struct moon_node **nodes; /* by name */
    size_t node_count;
    struct moon_all_nodes all_nodes;
    bool sampled;               /* written by it; nobody asks */
    struct moon_test_pod *pods; /* in the order in which pods are kept */
    size_t pod_count;
    struct moon_drain *drains;    /* of nodes */
    struct moon_roll_slot *slots; /* by name; those of nodes first, in the same order */
    size_t slot_count;
    struct moon_rank *ranks; /* of nodes */
    struct moon_mutations *mutations;
    struct moon_mutation **mutation_of; /* of nodes; NULL: there is none */
    bool mutates;                       /* … because the hook failed */
};

/* Project what is given. Errors name the case. */
int moon_test_world_init(struct moon_test_world *w, const struct moon_test_case *c,
                         struct moon_err *err);
void moon_test_world_fini(struct moon_test_world *w);
/* What each node wants is known: which pods are up to date, which slots are held? */
void moon_test_world_judge(struct moon_test_world *w, const struct moon_test_case *c);
/* The roll as the controller would show it: decisions, health and ranks are in; with `creates`
 * missing pods wait. Its slots are the caller's to free. */
struct moon_roll moon_test_world_roll(struct moon_test_world *w, const struct moon_test_case *c,
                                      bool creates);

/* ---- testing_ask.c ---- */

struct moon_test_answers {
    bool asked[MOON_TEST_ASPECTS];
    struct moon_test_list lists[MOON_TEST_ASPECTS];
    struct moon_test_list errors; /* reason: what was reported; subject: the hook */
    char *held;                   /* why update was not asked; NULL: it was */
    int64_t again_s;              /* of update; 0: no wish */
    size_t clipped;
};
/* `seed` 0: everything in order. Nonzero: what is given makes no objects. */
int moon_test_ask(struct moon_chain *chain, const struct moon_test_case *c, uint64_t seed,
                  struct moon_test_answers *ret, struct moon_err *err);
void moon_test_answers_fini(struct moon_test_answers *a);
/* `key=value:Effect for 30s` */
char *moon_test_toleration_text(const struct moon_toleration *t);

/* ---- testing_around.c ---- */

/* What hooks are given beside their arguments, and what they leave there. */
struct moon_test_around {
    const struct moon_test_case *c;
    struct moon_test_answers *answers; /* events go there */
    struct moon_kv *kv;
    struct moon_peers peers;
};
void moon_test_around_init(struct moon_test_around *a, const struct moon_test_case *c,
                           struct moon_test_answers *answers, struct moon_set_view *view);
/* What the policy remembers now is an answer, too. */
void moon_test_around_end(struct moon_test_around *a);

/* ---- testing_match.c ---- */

struct moon_test_result {
    struct moon_policy_test_difference *items; /* texts owned */
    size_t count;
};
void moon_test_result_add(struct moon_test_result *r, size_t line, char *take_path,
                          char *take_expected, char *take_got);
void moon_test_result_fini(struct moon_test_result *r);
/* `stock`: the tolerations that the word stock stands for. */
void moon_test_match(const struct moon_test_case *c, const struct moon_test_answers *a,
                     const struct moon_test_list *stock, struct moon_test_result *ret);
/* Answers of the same case with another order must be the same. */
void moon_test_compare(const struct moon_test_case *c, const struct moon_test_answers *first,
                       const struct moon_test_answers *other, const char *how,
                       struct moon_test_result *ret);
/* A number that follows from the one before (splitmix64). */
uint64_t moon_test_next(uint64_t *state);

#endif
