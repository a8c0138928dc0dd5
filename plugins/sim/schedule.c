/* SPDX-License-Identifier: Apache-2.0
 *
 * schedule.c - a scenario out of a seed: churn of nodes and sets, faults, kills; then peace.
 *
 * The outcome is text in the language of scenarios, so that a schedule that fails can be kept,
 * read and cut down by hand. The generator remembers just enough of the cluster (which nodes and
 * sets are there) never to name what is not.
 */
#include <stdio.h>

#include "base/random.h"
#include "sim/torture.h"

enum {
    TEXT_MAX_BYTES = 1 << 20,
    SETS_MAX = 3,
    NODES_MAX = 24,
    FEWEST_NODES = 2,
    DEFAULT_STEPS = 30,
    LONGEST_PAUSE_MS = 40 * 1000,
};

struct node {
    char name[32];
    bool exists;
};

struct set {
    char name; /* a, b, c: also the image and the value of its pods' label "app" */
    unsigned version;
    unsigned highest; /* version that has ever been named */
    bool exists;
    bool is_burnt; /* foreground deletion takes its time: the name is not used again */
};

struct plan {
    struct node nodes[NODES_MAX];
    size_t node_count; /* that have ever been; names are not used twice */
    struct set sets[SETS_MAX];
    size_t set_count;
    bool controller_runs;
    struct moon_buf *out;
};

/* ---- chance ---- */

static size_t below(size_t bound)
{
    return (size_t)moon_random_below(bound);
}

#define PICK(...)                                                                                  \
    __extension__({                                                                                \
        static const char *const choices_[] = {__VA_ARGS__};                                       \
        choices_[below(MOON_ARRAY_SIZE(choices_))];                                                \
    })

static bool one_in(size_t n)
{
    return below(n) == 0;
}

static size_t nodes_there(const struct plan *plan)
{
    size_t n = 0;
    for (size_t i = 0; i < plan->node_count; i++) {
        n += plan->nodes[i].exists ? 1 : 0;
    }
    return n;
}

static struct node *some_node(struct plan *plan)
{
    for (;;) {
        struct node *node = &plan->nodes[below(plan->node_count)];
        if (node->exists) {
            return node;
        }
    }
}

/* NULL: there is none just now. */
static struct set *some_set(struct plan *plan)
{
    struct set *set = &plan->sets[below(plan->set_count)];
    return set->exists ? set : NULL;
}

/* ---- steps ---- */

static void step(struct plan *plan, const char *fmt, ...) MOON_PRINTF(2, 3);

static void step(struct plan *plan, const char *fmt, ...)
{
    va_list args;
    moon_buf_puts(plan->out, "- {after: ");
    moon_buf_printf(plan->out, "%zums, ", one_in(3) ? 0 : below(LONGEST_PAUSE_MS));
    va_start(args, fmt);
    moon_buf_vprintf(plan->out, fmt, args);
    va_end(args);
    moon_buf_puts(plan->out, "}\n");
}

static void join(struct plan *plan)
{
    struct node *node = &plan->nodes[plan->node_count];
    if (plan->node_count == NODES_MAX) {
        return;
    }
    plan->node_count++;
    (void)snprintf(node->name, sizeof(node->name), "n%zu", plan->node_count);
    node->exists = true;
    step(plan, "node: {join: {name: %s, labels: {disk: %s}}}", node->name, PICK("ssd", "hdd"));
}

static void leave(struct plan *plan)
{
    struct node *node = some_node(plan);
    if (nodes_there(plan) > FEWEST_NODES) {
        node->exists = false;
        step(plan, "node: {leave: %s}", node->name);
    }
}

static void change_node(struct plan *plan)
{
    const char *name = some_node(plan)->name;
    switch (below(6)) {
    case 0:
        step(plan, "taint: {nodes: %s, taints: [\"dedicated=x:%s\"]}", name,
             PICK("NoSchedule", "NoExecute"));
        break;
    case 1:
        step(plan, "taint: {nodes: %s, taints: [dedicated-]}", name);
        break;
    case 2:
        step(plan, "%s: %s", PICK("cordon", "uncordon"), name);
        break;
    case 3:
        step(plan, "node: {%s: %s}", PICK("down", "up"), name);
        break;
    default:
        step(plan, "label: {object: node/%s, set: {disk: %s}}", name, PICK("ssd", "hdd"));
        break;
    }
}

static void print_strategy(struct plan *plan)
{
    moon_buf_puts(plan->out, PICK("{type: OnDelete, rollingUpdate: null}",
                                  "{type: RollingUpdate, rollingUpdate: "
                                  "{maxSurge: 1, maxUnavailable: 0}}",
                                  "{type: RollingUpdate, rollingUpdate: "
                                  "{maxSurge: 0, maxUnavailable: 1}}",
                                  "{type: RollingUpdate, rollingUpdate: "
                                  "{maxSurge: 0, maxUnavailable: 2}}",
                                  "{type: RollingUpdate, rollingUpdate: "
                                  "{maxSurge: 0, maxUnavailable: 30%}}",
                                  "{type: RollingUpdate, rollingUpdate: "
                                  "{maxSurge: 0, maxUnavailable: 50%}}"));
}

static void print_set(struct plan *plan, const struct set *set)
{
    moon_buf_printf(plan->out,
                    "- apply: {apiVersion: apps/v1, kind: DaemonSet, metadata: {name: %c}, "
                    "spec: {minReadySeconds: %s, revisionHistoryLimit: %s, "
                    "selector: {matchLabels: {app: %c}}, updateStrategy: ",
                    set->name, PICK("0", "0", "5"), PICK("10", "2", "0"), set->name);
    print_strategy(plan);
    moon_buf_printf(plan->out,
                    ", template: {metadata: {labels: {app: %c}}, "
                    "spec: {%s%scontainers: [{name: c, image: \"%c:v%u\"}]}}}}\n",
                    set->name, one_in(4) ? "nodeSelector: {disk: ssd}, " : "",
                    one_in(4) ? "tolerations: [{key: dedicated, operator: Exists}], " : "",
                    set->name, set->version);
}

static void note_version(struct set *set, unsigned version)
{
    set->highest = version > set->highest ? version : set->highest;
}

static void change_template(struct plan *plan)
{
    struct set *set = some_set(plan);
    if (set == NULL) {
        return;
    }
    switch (below(5)) {
    case 0: /* back to what there was */
        set->version = set->version > 1 ? set->version - 1 : 1;
        break;
    case 1:
        step(plan,
             "patch: {object: daemonset/%c, strategic: {spec: {template: {metadata: "
             "{annotations: {note: \"%zu\"}}}}}}",
             set->name, below(3));
        return;
    default:
        set->version++;
        break;
    }
    note_version(set, set->version);
    step(plan, "set-image: {object: daemonset/%c, image: \"%c:v%u\"}", set->name, set->name,
         set->version);
}

static void change_strategy(struct plan *plan)
{
    const struct set *set = some_set(plan);
    if (set == NULL) {
        return;
    }
    moon_buf_printf(plan->out,
                    "- patch: {object: daemonset/%c, merge: {spec: {updateStrategy: ", set->name);
    print_strategy(plan);
    moon_buf_puts(plan->out, "}}}\n");
}

static void make_or_delete_set(struct plan *plan)
{
    struct set *set = &plan->sets[below(plan->set_count)];
    if (!set->exists && !set->is_burnt) {
        set->exists = true;
        print_set(plan, set);
    } else if (set->exists && one_in(2)) {
        set->exists = false;
        set->is_burnt = one_in(3);
        step(plan, "delete: {object: daemonset/%c, propagation: %s}", set->name,
             set->is_burnt ? "foreground" : PICK("background", "orphan"));
        if (!set->is_burnt) {
            step(plan, "wait: {daemonset: {name: %c, exists: false}, within: 5m}", set->name);
        }
    }
}

static void trouble_pods(struct plan *plan)
{
    struct set *set = some_set(plan);
    if (set == NULL) {
        return;
    }
    switch (below(4)) {
    case 0:
        step(plan, "delete: {objects: pods, selector: app=%c}", set->name);
        break;
    case 1:
        step(plan,
             "label: {objects: pods, selector: app=%c, set: {controller-revision-hash: null}}",
             set->name);
        break;
    case 2:
        step(plan, "pods: {selector: app=%c, node: %s, outcome: %s}", set->name,
             some_node(plan)->name, PICK("failed", "crash", "never-ready"));
        break;
    default:
        note_version(set, set->version + 1);
        step(plan, "image: {%s: \"%c:v%u\"}", PICK("broken", "mended"), set->name,
             set->version + 1);
        break;
    }
}

static void fault(struct plan *plan)
{
    static const char *const on_calls[] = {
        "cut-before",        "cut-middle",        "cut-after",
        "delay, delay: 5s",  "delay, delay: 40s", "hold, delay: 5s",
        "hold, delay: 40s",  "status, code: 409", "status, code: 429, retry-after: 3s",
        "status, code: 500", "status, code: 503", "status, code: 504",
        "timeout",           "restart",
    };
    static const char *const on_watches[] = {"half-line", "silent", "repeat",
                                             "cut-watch", "gone",   "garbage"};
    if (one_in(3)) {
        step(plan, "fault: {fault: %s, verb: watch, lines: %zu, times: %zu}",
             on_watches[below(MOON_ARRAY_SIZE(on_watches))], below(4), 1 + below(2));
        return;
    }
    step(plan, "fault: {fault: %s%s, first: %zu, times: %zu}",
         on_calls[below(MOON_ARRAY_SIZE(on_calls))],
         PICK("", ", verb: create", ", verb: delete", ", verb: patch", ", resource: pods",
              ", resource: daemonsets/status", ", resource: controllerrevisions"),
         1 + below(4), 1 + below(3));
}

static void trouble_machines(struct plan *plan)
{
    switch (below(4)) {
    case 0:
        step(plan, "server: %s", PICK("restart", "compact"));
        break;
    case 1:
        step(plan, "clock: %s", PICK("1h", "-1h", "90s"));
        break;
    default:
        plan->controller_runs = !plan->controller_runs;
        step(plan, "controller: %s",
             plan->controller_runs ? "start" : PICK("kill", "kill", "stop"));
        break;
    }
}

static void print_step(struct plan *plan)
{
    static void (*const steps[])(struct plan * plan) = {join,
                                                        leave,
                                                        change_node,
                                                        change_node,
                                                        change_template,
                                                        change_template,
                                                        change_template,
                                                        change_strategy,
                                                        make_or_delete_set,
                                                        trouble_pods,
                                                        trouble_pods,
                                                        fault,
                                                        fault,
                                                        fault,
                                                        trouble_machines,
                                                        trouble_machines};
    steps[below(MOON_ARRAY_SIZE(steps))](plan);
}

/* ---- the beginning and the end ---- */

static void print_head(struct plan *plan, uint64_t seed)
{
    moon_buf_printf(plan->out,
                    "name: schedule %llu\n"
                    "seed: %llu\n"
                    "kubelets: {start-delay: %s, ready-delay: %s, stop-delay: %s, heartbeat: 0}\n"
                    /* The look for orphans would wake a set whose requeue was lost. */
                    "controller: {orphan-interval: 24h}\n"
                    "nodes:\n",
                    (unsigned long long)seed, (unsigned long long)seed, PICK("0s", "500ms"),
                    PICK("0s", "1s", "7s"), PICK("100ms", "3s"));
    plan->node_count = 3 + below(6);
    for (size_t i = 0; i < plan->node_count; i++) {
        struct node *node = &plan->nodes[i];
        (void)snprintf(node->name, sizeof(node->name), "n%zu", i + 1);
        node->exists = true;
        moon_buf_printf(plan->out, "- {name: %s, labels: {disk: %s}}\n", node->name,
                        PICK("ssd", "hdd"));
    }
    moon_buf_puts(plan->out, "steps:\n");
    plan->set_count = 1 + below(SETS_MAX);
    for (size_t i = 0; i < plan->set_count; i++) {
        plan->sets[i] = (struct set){.name = (char)('a' + i), .version = 1, .exists = true};
        print_set(plan, &plan->sets[i]);
    }
}

/* Whatever was broken is mended: now nothing keeps it from being right, and then from resting. */
static void print_peace(struct plan *plan)
{
    moon_buf_puts(plan->out, "- fault: none\n");
    for (size_t i = 0; i < plan->node_count; i++) {
        const char *name = plan->nodes[i].name;
        if (plan->nodes[i].exists) {
            moon_buf_printf(plan->out,
                            "- node: {up: %s}\n"
                            "- taint: {nodes: %s, taints: [dedicated-]}\n"
                            "- uncordon: %s\n",
                            name, name, name);
        }
    }
    for (size_t i = 0; i < plan->set_count; i++) {
        const struct set *set = &plan->sets[i];
        for (unsigned version = 1; version <= set->highest; version++) {
            moon_buf_printf(plan->out, "- image: {mended: \"%c:v%u\"}\n", set->name, version);
        }
        moon_buf_printf(plan->out, "- pods: {selector: app=%c, outcome: run}\n", set->name);
    }
    if (!plan->controller_runs) {
        moon_buf_puts(plan->out, "- controller: start\n");
    }
    moon_buf_puts(plan->out, "- wait: {settled: true, within: 3h}\n"
                             "end:\n"
                             "- settled: 10m\n");
}

void moon_schedule_text(uint64_t seed, uint64_t steps, struct moon_buf *out)
{
    struct plan plan = {.controller_runs = true, .out = out};
    moon_random_seed(seed);
    print_head(&plan, seed);
    for (uint64_t i = 0; i < (steps != 0 ? steps : DEFAULT_STEPS); i++) {
        print_step(&plan);
    }
    print_peace(&plan);
}

int moon_schedule_run(const struct moon_schedule_opts *opts, struct moon_scenario_result *ret,
                      struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(TEXT_MAX_BYTES);
    moon_schedule_text(opts->seed, opts->steps, &text);
    moon_assert(!text.overflow);
    MOON_CLEANUP(moon_scenario_free_ptr)
    struct moon_scenario *scenario = moon_scenario_parse(moon_buf_str(&text), "schedule", ".", err);
    if (scenario == NULL) {
        return -(int)err->code;
    }
    return moon_scenario_run(scenario,
                             &(struct moon_scenario_run_opts){
                                 .seed = opts->seed, .on_line = opts->on_line, .ctx = opts->ctx},
                             ret, err);
}
