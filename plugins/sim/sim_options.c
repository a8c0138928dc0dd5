/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_options.c - flags of `moonset sim`: --name value, --name=value, bare --name for switches.
 */
#include "sim/sim_options.h"

#include "sim/faults.h"
#include "sim/player.h"

enum {
    MAX_NODES = 100 * 1000,
    HELP_COLUMN = 26
};

enum type {
    SWITCH,
    TEXT,
    TEXTS,  /* the flag may be repeated */
    NAMES,  /* node names, separated by commas; may be repeated */
    LABELS, /* k=v, separated by commas; may be repeated */
    COUNT,
    NUMBER,
    DURATION,
};

struct flag {
    const char *name;
    enum type type;
    size_t offset; /* in struct moon_sim_options */
    const char *value_name;
    const char *help;
};

#define FIELD(member) offsetof(struct moon_sim_options, member)

/* A row without a type is a heading. */
static const struct flag flags[] = {
    {"listen", TEXT, FIELD(listen), "ADDR:PORT",
     "where the embedded API server listens; no authentication, so keep it on loopback (default "
     "127.0.0.1:0: any free port)"},
    {"write-kubeconfig", TEXT, FIELD(write_kubeconfig), "FILE",
     "write a kubeconfig for the embedded API server, for kubectl and others"},
    {"attach", SWITCH, FIELD(attach), NULL,
     "play the nodes of a real API server instead of starting one"},
    {"kubeconfig", TEXT, FIELD(kubeconfig), "FILE",
     "with --attach: how to reach it (default $KUBECONFIG, the in-cluster account, "
     "~/.kube/config)"},
    {"context", TEXT, FIELD(context), "NAME", "with --attach: context of the kubeconfig"},
    {"nodes", COUNT, FIELD(nodes), "N",
     "create N nodes at the start (default 3; with --attach or --node-names 0)"},
    {"node-names", NAMES, FIELD(node_names), "A,B,C", "create nodes with these names"},
    {"node-prefix", TEXT, FIELD(node_prefix), "TEXT",
     "names of --nodes: TEXT1, TEXT2, … (default "
     "node-)"},
    {"node-labels", LABELS, FIELD(node_labels), "K=V,K=V", "labels of the nodes that are created"},
    {"filename", TEXTS, FIELD(manifests), "FILE",
     "-f FILE: create what this YAML or JSON file holds (several documents, kind List) once the "
     "nodes are there; may be repeated"},
    {"pull-time", DURATION, FIELD(kubelet.pull_time_ms), "TIME",
     "to pull an image that a node does not have yet, one after the other (default 0s)"},
    {"start-delay", DURATION, FIELD(kubelet.start_delay_ms), "TIME",
     "from bound to phase Running, without pulling (default 0s)"},
    {"ready-delay", DURATION, FIELD(kubelet.ready_delay_ms), "TIME",
     "from Running to ready (default 200ms)"},
    {"stop-delay", DURATION, FIELD(kubelet.stop_delay_ms), "TIME",
     "from SIGTERM to a pod's end, at most its grace period (default 100ms)"},
    {"crash-backoff", DURATION, FIELD(kubelet.backoff_ms), "TIME",
     "from the second crash to the restart, and between two pulls that fail; then doubled up to "
     "5m (default 10s)"},
    {"heartbeat", DURATION, FIELD(heartbeat_ms), "TIME",
     "between two renewals of a node's lease; its status goes out every 5m (default 10s, up to 25s "
     "with thousands of nodes; 0: neither, nodes are told ready once)"},
    {"streamed-lists", SWITCH, FIELD(streamed_lists), NULL,
     "serve watches that begin with a list (sendInitialEvents; default); --streamed-lists=false "
     "refuses them with 422, as servers without the WatchList feature do"},
    {"scheduler", SWITCH, FIELD(scheduler), NULL,
     "run the embedded scheduler (default); --scheduler=false leaves pods to another one, such as "
     "kube-scheduler with --kube-api-content-type=application/json"},
    {"node-lifecycle", SWITCH, FIELD(node_lifecycle), NULL,
     "embedded: mark nodes nobody hears of, keep their taints, evict pods that do not bear them "
     "(default); --node-lifecycle=false leaves that to kube-controller-manager"},
    {"endpoints", SWITCH, FIELD(endpoints), NULL,
     "embedded: keep the Endpoints of Services (default); --endpoints=false leaves that to "
     "kube-controller-manager"},
    {"node-grace", DURATION, FIELD(node_grace_ms), "TIME",
     "embedded: a node whose lease and status have not been renewed for so long is unreachable "
     "(default 40s, and half as long again for one that has never said it is ready; never with "
     "--heartbeat 0)"},
    {"eviction-interval", DURATION, FIELD(eviction_interval_ms), "TIME",
     "embedded: between two nodes of a zone that get the taint which evicts (default 10s)"},
    {"ended-pods", COUNT, FIELD(ended_pods), "N",
     "embedded: of the pods that have ended the oldest are deleted when there are more than N "
     "(default 12500; 0: never)"},
    {"event-nodes", COUNT, FIELD(event_nodes), "N",
     "Events by scheduler, kubelets and node controllers as long as there are at most N nodes "
     "(default 200; "
     "0: none)"},
    {"with-controller", SWITCH, FIELD(with_controller), NULL,
     "run the DaemonSet controller beside the embedded API server; flags of `moonset run` may "
     "follow after --"},
    {"fault", TEXTS, FIELD(faults), "'VERB RESOURCE FAULT [KEY=VALUE…]'",
     "spoil a call to the embedded API server; may be repeated, see below"},
    {"real-time", SWITCH, FIELD(real_time), NULL,
     "play scenarios on the real clock, so that one can look on (with --write-kubeconfig: with "
     "kubectl, too)"},
    {"seed", NUMBER, FIELD(seed), "N",
     "play scenarios with this seed of pod names and jitter instead of their own"},
    {"output", TEXT, FIELD(output), "FORMAT",
     "-o FORMAT: the timeline of scenarios as text (default), or as json, one object a line"},
    {"quiet", SWITCH, FIELD(quiet), NULL, "print nothing but errors; of scenarios the verdicts"},
};

/* ---- values ---- */

static void texts_add(struct moon_sim_texts *texts, struct moon_str text)
{
    texts->items = moon_realloc_array(texts->items, texts->count + 1, sizeof(*texts->items));
    texts->items[texts->count++] = moon_str_dup(text);
}

static int add_names(struct moon_sim_texts *texts, const char *value, struct moon_err *err)
{
    struct moon_str rest = moon_str(value);
    struct moon_str name;
    while (moon_str_split(&rest, ',', &name)) {
        if (!moon_is_dns1123_subdomain(name)) {
            return moon_err_set(err, MOON_E_INVALID, "\"%.*s\" is not a name for a node",
                                MOON_STR_ARG(name));
        }
        texts_add(texts, name);
    }
    return 0;
}

static int add_labels(struct moon_labels *labels, const char *value, struct moon_err *err)
{
    struct moon_str rest = moon_str(value);
    struct moon_str item;
    while (moon_str_split(&rest, ',', &item)) {
        struct moon_str label_value = item;
        struct moon_str label_key;
        (void)moon_str_split(&label_value, '=', &label_key);
        if (!moon_is_label_key(label_key) || label_value.ptr == NULL ||
            !moon_is_label_value(label_value)) {
            return moon_err_set(err, MOON_E_INVALID, "\"%.*s\" is not a label (key=value)",
                                MOON_STR_ARG(item));
        }
        MOON_AUTOFREE char *k = moon_str_dup(label_key);
        MOON_AUTOFREE char *v = moon_str_dup(label_value);
        moon_labels_set(labels, k, v);
    }
    return 0;
}

static int set_count(uint64_t *ret, const char *value, struct moon_err *err)
{
    uint64_t count;
    if (!moon_parse_u64(moon_str(value), &count) || count > MAX_NODES) {
        return moon_err_set(err, MOON_E_INVALID, "\"%s\" is not a number from 0 to %d", value,
                            MAX_NODES);
    }
    *ret = count;
    return 0;
}

static int set_number(uint64_t *ret, const char *value, struct moon_err *err)
{
    return moon_parse_u64(moon_str(value), ret)
               ? 0
               : moon_err_set(err, MOON_E_INVALID, "\"%s\" is not a number", value);
}

static int set_duration(uint64_t *ret, const char *value, struct moon_err *err)
{
    if (strcmp(value, "0") == 0) {
        *ret = 0;
    } else if (!moon_parse_duration_ms(moon_str(value), ret)) {
        return moon_err_set(err, MOON_E_INVALID, "\"%s\" is not a time (10s, 300ms, 1m30s)", value);
    }
    return 0;
}

static int set_switch(bool *ret, const char *value, struct moon_err *err)
{
    if (value != NULL && strcmp(value, "true") != 0 && strcmp(value, "false") != 0) {
        return moon_err_set(err, MOON_E_INVALID, "\"%s\" is neither true nor false", value);
    }
    *ret = value == NULL || strcmp(value, "true") == 0;
    return 0;
}

static int set_value(struct moon_sim_options *o, const struct flag *flag, const char *value,
                     struct moon_err *err)
{
    void *field = (char *)o + flag->offset;
    switch (flag->type) {
    case SWITCH:
        return set_switch(field, value, err);
    case TEXT:
        moon_free(*(char **)field);
        *(char **)field = moon_strdup(value);
        return 0;
    case TEXTS:
        texts_add(field, moon_str(value));
        return 0;
    case NAMES:
        return add_names(field, value, err);
    case LABELS:
        return add_labels(field, value, err);
    case COUNT:
        return set_count(field, value, err);
    case NUMBER:
        return set_number(field, value, err);
    case DURATION:
        return set_duration(field, value, err);
    }
    return 0;
}

/* ---- arguments ---- */

static const struct flag *find_flag(struct moon_str name)
{
    for (size_t i = 0; i < MOON_ARRAY_SIZE(flags); i++) {
        if (moon_str_is(name, flags[i].name)) {
            return &flags[i];
        }
    }
    return NULL;
}

/* "--name", "--name=value", "-f" or "-o"; *ret_value is NULL when none is attached. */
static const struct flag *split_argument(const char *argument, const char **ret_value)
{
    *ret_value = NULL;
    if (strcmp(argument, "-f") == 0 || strcmp(argument, "-o") == 0) {
        return find_flag(moon_str(argument[1] == 'f' ? "filename" : "output"));
    }
    if (strncmp(argument, "--", 2) != 0) {
        return NULL;
    }
    size_t len = strcspn(argument + 2, "=");
    if (argument[2 + len] == '=') {
        *ret_value = argument + 2 + len + 1;
    }
    return find_flag((struct moon_str){argument + 2, len});
}

/* Whom a flag is for; both are served by the rest. */
static void note_use(struct moon_sim_options *o, const char *name)
{
    static const char *const both[] = {"quiet", "write-kubeconfig"};
    static const char *const scenarios[] = {"real-time", "seed", "output"};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(both); i++) {
        if (strcmp(name, both[i]) == 0) {
            return;
        }
    }
    for (size_t i = 0; i < MOON_ARRAY_SIZE(scenarios); i++) {
        if (strcmp(name, scenarios[i]) == 0) {
            o->only_scenarios = scenarios[i];
            return;
        }
    }
    o->no_scenarios = name;
}

static int parse_argument(struct moon_sim_options *o, int argc, char **argv, int *i,
                          struct moon_err *err)
{
    const char *argument = argv[*i];
    const char *value;
    const struct flag *flag = split_argument(argument, &value);
    if (argument[0] != '-') {
        texts_add(&o->scenarios, moon_str(argument));
        return 0;
    }
    if (flag == NULL) {
        return moon_err_set(err, MOON_E_INVALID, "sim: unknown argument %s (see --help)", argument);
    }
    note_use(o, flag->name);
    if (value == NULL && flag->type != SWITCH) {
        if (*i + 1 >= argc) {
            return moon_err_set(err, MOON_E_INVALID, "sim: --%s needs a value", flag->name);
        }
        value = argv[++*i];
    }
    int rc = set_value(o, flag, value, err);
    return rc == 0 ? 0 : moon_err_wrap(err, "sim: --%s", flag->name);
}

static int check_faults(const struct moon_sim_options *o, struct moon_err *err)
{
    for (size_t i = 0; i < o->faults.count; i++) {
        MOON_CLEANUP(moon_sim_fault_line_fini) struct moon_sim_fault_line line = {.text = NULL};
        if (moon_sim_fault_line_parse(o->faults.items[i], &line, err) != 0) {
            return moon_err_wrap(err, "sim: --fault '%s'", o->faults.items[i]);
        }
    }
    return 0;
}

static int check_scenarios(const struct moon_sim_options *o, struct moon_err *err)
{
    if (o->scenarios.count == 0) {
        return o->only_scenarios == NULL
                   ? 0
                   : moon_err_set(err, MOON_E_INVALID, "sim: --%s is for scenarios: name a file",
                                  o->only_scenarios);
    }
    if (o->no_scenarios != NULL) {
        return moon_err_set(err, MOON_E_INVALID,
                            "sim: --%s has no meaning for %s: a scenario says itself what its "
                            "cluster is like",
                            o->no_scenarios, o->scenarios.items[0]);
    }
    if (o->write_kubeconfig != NULL && !o->real_time) {
        return moon_err_set(err, MOON_E_INVALID,
                            "sim: --write-kubeconfig needs --real-time here: nobody can look on "
                            "at a virtual clock");
    }
    if (o->output != NULL && strcmp(o->output, "text") != 0 && strcmp(o->output, "json") != 0) {
        return moon_err_set(err, MOON_E_INVALID, "sim: --output: \"%s\" is neither text nor json",
                            o->output);
    }
    return 0;
}

/* Flags that mean nothing together would be silently without effect: refused. */
static int check(const struct moon_sim_options *o, struct moon_err *err)
{
    if (o->attach &&
        (o->listen != NULL || o->write_kubeconfig != NULL || o->with_controller || !o->scheduler ||
         !o->streamed_lists || !o->node_lifecycle || !o->endpoints || o->faults.count > 0)) {
        return moon_err_set(
            err, MOON_E_INVALID,
            "sim: --listen, --write-kubeconfig, --scheduler, --streamed-lists, --node-lifecycle, "
            "--endpoints, --fault and --with-controller belong to the embedded API server, "
            "not to --attach");
    }
    if (!o->attach && (o->kubeconfig != NULL || o->context != NULL)) {
        return moon_err_set(err, MOON_E_INVALID,
                            "sim: --kubeconfig and --context need --attach (or do you want "
                            "--write-kubeconfig?)");
    }
    if (o->controller_argc > 0 && !o->with_controller) {
        return moon_err_set(err, MOON_E_INVALID,
                            "sim: flags after -- are the controller's: --with-controller is "
                            "missing");
    }
    MOON_AUTOFREE char *first = moon_asprintf("%s1", o->node_prefix);
    if (o->nodes > 0 && !moon_is_dns1123_subdomain(moon_str(first))) {
        return moon_err_set(err, MOON_E_INVALID, "sim: --node-prefix: \"%s\" is not a name", first);
    }
    return check_scenarios(o, err);
}

static struct moon_sim_options *options_new(void)
{
    struct moon_sim_options *o = moon_new(struct moon_sim_options);
    o->node_prefix = moon_strdup("node-");
    o->nodes = UINT64_MAX;
    o->kubelet = (struct moon_kubelet_opts){.ready_delay_ms = 200,
                                            .stop_delay_ms = 100,
                                            .backoff_ms = 10 * 1000,
                                            .max_backoff_ms = 5 * 60 * 1000};
    o->heartbeat_ms = MOON_PLAYER_HEARTBEAT_AUTO;
    o->scheduler = true;
    o->streamed_lists = true;
    o->node_lifecycle = true;
    o->endpoints = true;
    o->event_nodes = 200;
    o->ended_pods = 12500;
    o->node_grace_ms = 40 * 1000;
    o->eviction_interval_ms = 10 * 1000;
    return o;
}

struct moon_sim_options *moon_sim_options_parse(int argc, char **argv, struct moon_err *err)
{
    MOON_CLEANUP(moon_sim_options_free_ptr) struct moon_sim_options *o = options_new();
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0) {
            o->help = true;
            return moon_steal(&o);
        }
        if (strcmp(argv[i], "--") == 0) {
            o->controller_argc = argc - i;
            o->controller_argv = argv + i;
            break;
        }
        if (parse_argument(o, argc, argv, &i, err) != 0) {
            return NULL;
        }
    }
    if (o->nodes == UINT64_MAX) {
        o->nodes = o->attach || o->node_names.count > 0 ? 0 : 3;
    }
    return check(o, err) == 0 && check_faults(o, err) == 0 ? moon_steal(&o) : NULL;
}

static void texts_fini(struct moon_sim_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++) {
        moon_free(texts->items[i]);
    }
    moon_free(texts->items);
}

void moon_sim_options_free(struct moon_sim_options *o)
{
    if (o == NULL) {
        return;
    }
    moon_free(o->kubeconfig);
    moon_free(o->context);
    moon_free(o->listen);
    moon_free(o->write_kubeconfig);
    moon_free(o->node_prefix);
    moon_free(o->output);
    texts_fini(&o->scenarios);
    texts_fini(&o->node_names);
    texts_fini(&o->manifests);
    texts_fini(&o->faults);
    moon_labels_fini(&o->node_labels);
    moon_free(o);
}

const char *moon_sim_options_next_time(size_t i, MOON_UNUSED const void *unused)
{
    for (size_t f = 0; f < MOON_ARRAY_SIZE(flags); f++) {
        if (flags[f].type == DURATION && i-- == 0) {
            return flags[f].name;
        }
    }
    return NULL;
}

/* ---- help ---- */

static void wrap(struct moon_buf *out, const char *text)
{
    size_t column = HELP_COLUMN;
    struct moon_str rest = moon_str(text);
    struct moon_str word;
    while (moon_str_split(&rest, ' ', &word)) {
        if (column + 1 + word.len > 100) {
            moon_buf_printf(out, "\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
        }
        moon_buf_printf(out, " %.*s", MOON_STR_ARG(word));
        column += 1 + word.len;
    }
    moon_buf_putc(out, '\n');
}

void moon_sim_options_help(struct moon_buf *out)
{
    moon_buf_puts(
        out,
        "usage: moonset sim [FLAG…] [--with-controller [-- FLAG OF moonset run…]]\n"
        "       moonset sim --attach [--kubeconfig FILE] [FLAG…]\n"
        "       moonset sim [--real-time] [--seed N] [-o json] SCENARIO.yaml…\n"
        "\n"
        "A simulated cluster. Without --attach: an API server on loopback that kubectl can use, a\n"
        "scheduler and kubelets, in one process. With --attach: the kubelets alone, as clients of "
        "a\n"
        "real API server; every Node there is played, also those that come later. With files: "
        "play\n"
        "these scenarios, each on a cluster of its own, print what happens, and say whether what "
        "must\n"
        "hold did (exit 0), did not (1), or a file cannot be played (2). Their language is in\n"
        "plugins/sim/README.md, examples are in examples/scenarios.\n"
        "\n"
        "flags:\n");
    for (size_t i = 0; i < MOON_ARRAY_SIZE(flags); i++) {
        const char *value = flags[i].value_name != NULL ? flags[i].value_name : "";
        MOON_AUTOFREE char *left = moon_asprintf("--%s %s", flags[i].name, value);
        moon_buf_printf(out, "  %-*s", HELP_COLUMN - 2, left);
        if (strlen(left) >= HELP_COLUMN - 2) {
            moon_buf_printf(out, "\n%*s", HELP_COLUMN, "");
        }
        wrap(out, flags[i].help);
    }
    moon_buf_puts(
        out,
        "\n"
        "What becomes of a pod, by annotation of the pod, at any time:\n"
        "  sim.moonset.dev/outcome: WHAT      run (also with one of the tags below)\n"
        "    never-ready   runs, but is never ready\n"
        "    crash         containers end with an error, are restarted as restartPolicy says\n"
        "                  (CrashLoopBackOff), with Never the pod is Failed\n"
        "    completed     containers end well; restarted with Always, else it is Succeeded\n"
        "    failed, succeeded   that phase, whatever restartPolicy says\n"
        "    no-image      cannot be pulled (ErrImagePull, ImagePullBackOff)\n"
        "  sim.moonset.dev/reason: Evicted    status.reason of a pod that is failed by order\n"
        "  sim.moonset.dev/start-after: 5s    instead of --start-delay\n"
        "  sim.moonset.dev/ready-after: 2s    instead of --ready-delay\n"
        "  sim.moonset.dev/end-after: 10m     how long containers that end live (as ready-after)\n"
        "  sim.moonset.dev/exit-code: 137     of a crash (1)\n"
        "  sim.moonset.dev/stop-after: 20s    instead of --stop-delay; never: does not heed "
        "SIGTERM\n"
        "or by the tag of one of its images:\n"
        "  broken   as no-image\n"
        "  crash    as crash\n"
        "  failed   as failed\n"
        "  slow     ready after 10s\n"
        "What becomes of a node, by annotation of the node:\n"
        "  sim.moonset.dev/down: \"true\"       no heartbeats; its pods neither start nor end\n"
        "  sim.moonset.dev/down: \"off\"        the same, and containers start anew when it is "
        "back\n"
        "  sim.moonset.dev/shutdown: \"true\"   ends its pods, critical ones last (Failed, "
        "Terminated),\n"
        "                                     says it is not ready, is silent then\n"
        "  sim.moonset.dev/pressure: memory,disk,pid   sets the conditions; every 10s a pod is\n"
        "                                     evicted (BestEffort first, then by priority, never\n"
        "                                     critical ones), new ones are refused\n"
        "  sim.moonset.dev/reject: REASON     every new pod fails with this reason\n"
        "  sim.moonset.dev/missing-images: a:v2,b*   cannot be pulled there\n"
        "  sim.moonset.dev/pull-time: 30s     instead of --pull-time\n"
        "A pod bound to a node that is no place for it fails: OutOfpods, OutOfcpu, OutOfmemory, "
        "…,\n"
        "NodeAffinity, NodePorts.\n"
        "\n"
        "The embedded scheduler asks what kube-scheduler asks, volumes aside, preempts pods of\n"
        "lower priority, and says in the same words why it cannot place a pod. Nodes get the "
        "taints "
        "that belong to "
        "their\n"
        "conditions, pods that do not bear NoExecute are evicted, those of nodes that are gone "
        "deleted.\n"
        "\n"
        "What goes wrong in the API server, by --fault:\n"
        "  --fault 'create pods 503 retry-after=2s times=3'\n"
        "  --fault 'watch pods half-line lines=10'     --fault '* * cut-after first=100'\n"
        "VERB: get list watch create update patch delete deletecollection, or * for any; "
        "RESOURCE:\n"
        "pods, pods/status, … or *. FAULT:\n"
        "  cut-before   not done, no answer           cut-middle  done, half of the answer\n"
        "  cut-after    done, no answer               timeout     done, 504 as by a proxy\n"
        "  delay        arrives late by delay=TIME    hold        done, answered late\n"
        "  401 403 404 409 410 422 429 500 503 504    refused with this status\n"
        "  restart      all connections end, versions and continue tokens are forgotten\n"
        "and of a watch, after lines=N good lines:\n"
        "  half-line, cut-watch   it ends inside, or between two lines\n"
        "  silent                 it stays open and says nothing more\n"
        "  repeat, garbage        a line twice; a line that is no JSON\n"
        "  gone                   it ends with an ERROR of 410\n"
        "Of the calls that match, first=N is the first one that is spoilt (default 1) and times=N\n"
        "or times=all says how many (default 1). client=TEXT, namespace=, name= choose further; "
        "the\n"
        "simulation's own clients are spared unless client= says otherwise (client=any: nobody "
        "is).\n"
        "\n"
        "SIGTERM and SIGINT end it.\n");
}
