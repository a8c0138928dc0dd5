/* SPDX-License-Identifier: Apache-2.0
 *
 * scenario_priv.h - a scenario as it was read: what the files of the reader and of the runner
 * share.
 *
 * Everything lives in the scenario's arena, texts point into its trees, selectors are owned by its
 * list; so reading may fail anywhere without freeing anything, and playing changes nothing, since
 * the same scenario is played thousands of times.
 */
#ifndef MOON_SIM_SCENARIO_PRIV_H
#define MOON_SIM_SCENARIO_PRIV_H

#include "base/arena.h"
#include "kube/resource.h"
#include "kube/selector.h"
#include "sim/scenario.h"
#include "sim/sim_options.h"

/* ---- values ---- */

enum moon_scenario_op {
    MOON_SCENARIO_ANY, /* nothing was asked for */
    MOON_SCENARIO_EQ,
    MOON_SCENARIO_NE,
    MOON_SCENARIO_LT,
    MOON_SCENARIO_LE,
    MOON_SCENARIO_GT,
    MOON_SCENARIO_GE,
};

/* 5, "<= 6", "> 0" */
struct moon_scenario_compare {
    enum moon_scenario_op op;
    int64_t value;
};

bool moon_scenario_compare_holds(struct moon_scenario_compare c, int64_t value);
/* "5", "<= 6" */
void moon_scenario_compare_write(struct moon_scenario_compare c, struct moon_buf *out);

/* true, false, or nothing was said */
enum moon_scenario_flag {
    MOON_SCENARIO_UNSAID,
    MOON_SCENARIO_NO,
    MOON_SCENARIO_YES,
};

struct moon_scenario_texts {
    const char **items;
    size_t count;
};

/* "node-1", or "zone=a": what cannot be a name is a label selector. */
struct moon_scenario_nodes {
    struct moon_scenario_texts names;
    const struct moon_selector *selector; /* NULL: none */
    const char *text;                     /* as written, for the timeline; NULL: none were said */
};

/* One object ("daemonset/agent") or those of a kind that match. */
struct moon_scenario_target {
    const struct moon_resource *resource; /* NULL: none was said */
    const char *name;                     /* NULL: by selector */
    const struct moon_selector *selector; /* NULL: all */
    const char *ns;                       /* NULL: "default" */
    const char *text;                     /* as written */
};

/* ---- nodes ---- */

/* A node, or `count` of them named prefix1, prefix2, … */
struct moon_scenario_node {
    const char *name;
    const char *prefix;
    uint64_t count;
    const cJSON *labels; /* these four: NULL, or what goes into the object */
    const cJSON *annotations;
    const cJSON *taints;
    const cJSON *allocatable;
};

struct moon_scenario_join {
    struct moon_scenario_node *items;
    size_t count;
};

/* ---- conditions ---- */

enum moon_scenario_about {
    MOON_SCENARIO_SETTLED,
    MOON_SCENARIO_DAEMONSET,
    MOON_SCENARIO_PODS,
    MOON_SCENARIO_EVENT,
    MOON_SCENARIO_NODES,
    MOON_SCENARIO_OBJECTS,
    MOON_SCENARIO_CALLS,
};

/* Fields of a DaemonSet that can be compared, by their path in the object. */
enum {
    MOON_SCENARIO_DS_FIELDS = 10
};
extern const char *const moon_scenario_ds_fields[MOON_SCENARIO_DS_FIELDS];

struct moon_scenario_condition {
    enum moon_scenario_about about;
    size_t line;      /* 0: unknown */
    const char *text; /* "daemonset agent", for the timeline */

    uint64_t rest_ms; /* SETTLED: and no write for so long */

    struct moon_scenario_target target; /* OBJECTS; EVENT: whose */
    const char *name;                   /* DAEMONSET, NODES, OBJECTS */
    const char *ns;
    const struct moon_selector *selector;
    enum moon_scenario_flag exists; /* DAEMONSET */
    struct moon_scenario_compare fields[MOON_SCENARIO_DS_FIELDS];

    const char *node; /* PODS */
    const char *image;
    const char *phase;
    const char *reason;            /* EVENT, too */
    enum moon_scenario_flag ready; /* NODES, too */
    enum moon_scenario_flag deleting;
    enum moon_scenario_flag unschedulable; /* NODES */
    const char *taint;                     /* NODES: key, key=value or key=value:effect */
    struct moon_scenario_compare restarts;
    const char *message; /* EVENT: a part of it */
    const char *type;
    const cJSON *where; /* OBJECTS: dotted path to value */

    const char *verb; /* CALLS; NULL: all that write */
    const char *resource;

    struct moon_scenario_compare count;
};

struct moon_scenario_conditions {
    struct moon_scenario_condition *items;
    size_t count;
};

/* ---- steps ---- */

enum moon_scenario_action {
    MOON_SCENARIO_APPLY,
    MOON_SCENARIO_PATCH,
    MOON_SCENARIO_SET_IMAGE,
    MOON_SCENARIO_LABEL,
    MOON_SCENARIO_ANNOTATE,
    MOON_SCENARIO_TAINT,
    MOON_SCENARIO_CORDON,
    MOON_SCENARIO_UNCORDON,
    MOON_SCENARIO_DELETE,
    MOON_SCENARIO_NODE,
    MOON_SCENARIO_POD_FATE,
    MOON_SCENARIO_IMAGE,
    MOON_SCENARIO_FAULT,
    MOON_SCENARIO_SERVER,
    MOON_SCENARIO_CONTROLLER,
    MOON_SCENARIO_CLOCK,
    MOON_SCENARIO_PASS,
    MOON_SCENARIO_TALLY,
    MOON_SCENARIO_WAIT,
    MOON_SCENARIO_EXPECT,
};

/* One taint that is put on or taken off, as kubectl writes it. */
struct moon_scenario_taint {
    const char *key;
    const char *value;  /* NULL: none */
    const char *effect; /* NULL: of any effect (taken off only) */
    bool is_removal;
};

/* What a step says; each action reads its own members. */
struct moon_scenario_args {
    struct moon_scenario_target target; /* PATCH SET_IMAGE LABEL ANNOTATE DELETE POD_FATE */
    struct moon_scenario_nodes nodes;   /* TAINT CORDON UNCORDON */

    const cJSON **objects; /* APPLY */
    size_t object_count;

    const cJSON *merge; /* PATCH, one of them */
    const cJSON *strategic;
    const cJSON *json;
    const char *subresource;

    const char *image;     /* SET_IMAGE; IMAGE: */
    const char *container; /* SET_IMAGE; NULL: all */
    const char *broken;    /* IMAGE, one of them */
    const char *mended;

    const cJSON *set; /* LABEL, ANNOTATE: text, or null to remove */

    struct moon_scenario_texts taint_texts;
    struct moon_scenario_taint *taints;
    size_t taint_count;

    const char *propagation; /* DELETE; NULL: the server's default */
    uint64_t grace_s;        /* UINT64_MAX: the object's own */

    struct moon_scenario_join join; /* NODE, one of them */
    struct moon_scenario_nodes leave;
    struct moon_scenario_nodes down;
    struct moon_scenario_nodes up;

    const char *outcome; /* POD_FATE */
    const char *reason;
    const char *on_node;
    const char *ready_after;

    struct moon_sim_fault_rule fault; /* FAULT */
    bool clears_faults;

    const char *verb; /* SERVER: restart compact; CONTROLLER: kill start stop restart */
    int64_t jump_ms;  /* CLOCK */
    uint64_t time_ms; /* PASS; WAIT: within */

    const char *of; /* TALLY: what was called for */

    struct moon_scenario_conditions conditions; /* WAIT, EXPECT */
};

struct moon_scenario_step {
    enum moon_scenario_action action;
    const char *word; /* "apply" */
    size_t line;      /* 0: unknown */
    bool has_at;      /* at at_ms since the start */
    uint64_t at_ms;
    uint64_t after_ms; /* since the step before */
    struct moon_scenario_args args;
};

/* ---- the whole ---- */

enum {
    MOON_SCENARIO_RULES = 6
};
/* The judge's rules by name. */
extern const char *const moon_scenario_rules[MOON_SCENARIO_RULES];

struct moon_scenario {
    unsigned magic;
    struct moon_arena *arena;
    cJSON *trees; /* the scenario and the files it names */
    struct moon_selector **selectors;
    size_t selector_count;

    const char *file; /* for texts */
    const char *name;
    const char *description; /* NULL: none */
    bool is_real_time;
    uint64_t seed;
    bool rules[MOON_SCENARIO_RULES]; /* which ones are switched on */

    char **argv; /* what `options` were made from */
    int argc;
    struct moon_sim_options *options; /* kubelets and controller */

    struct moon_scenario_join nodes;
    struct moon_scenario_step *steps;
    size_t step_count;
    struct moon_scenario_conditions end;
};

enum {
    MOON_SCENARIO_MAGIC = 0x7363656e
};

/* "default" for NULL. */
static inline const char *moon_scenario_ns(const char *ns)
{
    return ns != NULL ? ns : "default";
}

#endif
