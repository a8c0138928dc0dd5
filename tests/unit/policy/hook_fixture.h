/* SPDX-License-Identifier: Apache-2.0
 *
 * hook_fixture.h - policies from files of a temporary folder, objects from JSON, failures recorded.
 */
#ifndef TEST_POLICY_HOOK_FIXTURE_H
#define TEST_POLICY_HOOK_FIXTURE_H

#include "policy/hooks.h"

enum {
    MAX_SLOTS = 16,
    FIXTURE_BUDGET_SCALE = 50 /* few tests are about time, and sanitizers take some */
};

struct fixture {
    char dir[64];           /* the policy folder */
    struct moon_loop *loop; /* NULL: none */
    double budget_scale;    /* of what is loaded next; FIXTURE_BUDGET_SCALE at first */
    bool no_memo;           /* of what is loaded next */
    struct moon_policies *policies;
    struct moon_chain *chain;
    const struct moon_daemonset *set;
    struct moon_set_view view;
    unsigned reports;
    unsigned changes;
    unsigned uses;      /* changes of what is used */
    char replaced[256]; /* "policy: by instead of place", the last one */
    struct {
        enum moon_policy_fault fault;
        char text[1024];
        char policy[64];
        char hook[32];
        char object[64];
        char set[64];
    } last; /* report */
    /* a roll */
    struct moon_roll roll;
    struct moon_roll_slot slots[MAX_SLOTS];
    struct moon_roll_answer answer;
};

/* A test with a fixture of its own as its state. */
int fixture_set_up(void **state);
int fixture_tear_down(void **state);
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

/* An empty policy folder; no policies yet. */
struct fixture *fixture_new(void);
void fixture_free(struct fixture *f);
/* Write DIR/name.lua ("a/b" makes the folder a). */
void fixture_write(struct fixture *f, const char *name, const char *text);
void fixture_remove(struct fixture *f, const char *name);
/* Load the folder; NULL-terminated dirs default to it. */
void fixture_load(struct fixture *f);
/* A set from JSON of its template's spec and of its metadata.annotations ("{}"). */
void fixture_set(struct fixture *f, const char *pod_spec, const char *annotations);
/* The chain for these names and parameters; fails the test when there is none. */
void fixture_chain(struct fixture *f, const char *names, const char *params,
                   const char *stock_update);
/* Write one policy "test" with this body of a table, load it, choose it. */
void fixture_policy(struct fixture *f, const char *body);

const struct moon_node *make_node(const char *json);
/* "run", "keep: reason", "evict: reason", "undecided", for one node. */
const char *ask_select(struct fixture *f, const char *node_json);

/* The names of nodes (up to a NULL) in order of their ranks. */
const char *ask_ranks(struct fixture *f, const char *const *names);

/* Slots in order of name. `pods`: "-" none, "o"/"O" outdated (capital: available), "n"/"N" new,
 * "!" excess, "d" deleting, "x" not wanted, "h" held, "r" the outdated pod is ready but not
 * available. */
void fixture_slot(struct fixture *f, const char *node, const char *pods);
/* "ready", "progressing: reason", for the pod of a slot that has one. */
const char *ask_health(struct fixture *f, const struct moon_roll_slot *slot);
/* "open", or "1 closed, <policy>: <reason>, again in 30 s". */
const char *ask_gate(struct fixture *f);
/* Fill the sums as the caller would, and ask. */
const char *ask_update(struct fixture *f, int64_t max_unavailable, int64_t max_surge);

#endif
