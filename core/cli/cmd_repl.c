/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_repl.c - `moonset repl`: a prompt for Lua in the sandbox of policies, over a cluster.
 */
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/planning.h"
#include "policy/repl.h"

enum {
    OUTPUT_MAX_BYTES = 1 << 20,
    INPUT_MAX_BYTES = 64 * 1024
};

/* What a line may use. */
struct objects {
    const struct moon_node **nodes;
    size_t node_count;
    struct moon_set_view *sets;
    size_t set_count;
};

/* ---- objects ---- */

static void add_object(struct objects *o, struct moon_str key, const char *text)
{
    bool is_node = moon_str_starts(key, "nodes/");
    struct moon_object *made = NULL;
    struct moon_err ignored;

    if ((!is_node && !moon_str_starts(key, "daemonsets.apps/")) ||
        moon_object_project(is_node ? &moon_kind_node : &moon_kind_daemonset, moon_str(text), &made,
                            &ignored) != 0 ||
        made == NULL) {
        return;
    }
    if (is_node) {
        o->nodes = moon_realloc_array(o->nodes, o->node_count + 1, sizeof(*o->nodes));
        o->nodes[o->node_count++] = moon_node(made);
    } else {
        const struct moon_daemonset *set = moon_daemonset(made);
        o->sets = moon_realloc_array(o->sets, o->set_count + 1, sizeof(*o->sets));
        o->sets[o->set_count++] =
            (struct moon_set_view){.set = set, .tolerations = &set->tolerations, .revision = ""};
    }
}

static void take_objects(struct objects *o, const struct moon_snapshot *s)
{
    struct moon_str key;
    void *text;
    size_t pos = 0;

    while (moon_map_next(s->objects, &pos, &key, &text)) {
        add_object(o, key, text);
    }
    for (size_t i = 0; i < o->set_count; i++) {
        o->sets[i].now_s = s->scene.wall_ms / 1000;
    }
}

/* What only the controller knows: how many nodes a set wants, and its revision. */
static void take_rows(struct objects *o, const cJSON *rows)
{
    const cJSON *row;

    cJSON_ArrayForEach (row, rows) {
        for (size_t i = 0; i < o->set_count; i++) {
            const struct moon_object *set = &o->sets[i].set->meta;
            MOON_AUTOFREE char *key = moon_asprintf("%s/%s", set->namespace, set->name);
            const char *revision = moon_json_string(row, "revision");
            if (moon_streq(moon_json_string(row, "set"), key)) {
                o->sets[i].desired = moon_json_int(row, "desired", 0);
                o->sets[i].revision = revision != NULL ? revision : "";
            }
        }
    }
}

static void free_objects(struct objects *o)
{
    for (size_t i = 0; i < o->node_count; i++) {
        moon_object_unref(&o->nodes[i]->meta);
    }
    for (size_t i = 0; i < o->set_count; i++) {
        moon_object_unref(&o->sets[i].set->meta);
    }
    moon_free(o->nodes);
    moon_free(o->sets);
}

/* ---- the prompt ---- */

static void print_commands(void)
{
    (void)puts(
        "an expression     its value, as a policy sees it: nodes.n1.labels, #nodes.n1.taints\n"
        "nodes, sets       by name; set(\"default/agent\") is one of them\n"
        "x = 1             stays for the next line (what comes of nodes and sets does not)\n"
        "moonset           the library: moonset.duration(\"5m\")\n"
        ":help  :quit      this; the end, as Ctrl-D");
}

/* False: the end. Statuses are of the last line that was no command. */
static bool run_text(struct moon_repl *repl, struct moon_buf *text, int *status)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(OUTPUT_MAX_BYTES);
    struct moon_str line = moon_str_trim(moon_buf_str(text));

    if (line.len == 0 || line.ptr[0] == ':') {
        bool ends = moon_str_is(line, ":quit") || moon_str_is(line, ":q");
        if (line.len > 0 && !ends) {
            print_commands();
        }
        moon_buf_clear(text);
        return !ends;
    }
    enum moon_repl_outcome outcome = moon_repl_run(repl, line, &out);
    if (outcome == MOON_REPL_INCOMPLETE) {
        moon_buf_putc(text, '\n');
        return true;
    }
    *status = outcome == MOON_REPL_FAILED ? MOON_EXIT_FAILED : MOON_EXIT_OK;
    if (outcome == MOON_REPL_FAILED) {
        (void)fflush(stdout);
        moon_cli_complain("%s", moon_buf_cstr(&out));
    } else {
        (void)fputs(out.overflow ? "(more than fits)\n" : moon_buf_cstr(&out), stdout);
    }
    moon_buf_clear(text);
    return true;
}

/* Add a line; false at the end of the input. */
static bool read_line(struct moon_buf *text)
{
    char piece[4096];

    while (fgets(piece, sizeof(piece), stdin) != NULL) {
        moon_buf_puts(text, piece);
        if (strchr(piece, '\n') != NULL) {
            return true;
        }
    }
    return false;
}

static int prompt(struct moon_repl *repl)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(INPUT_MAX_BYTES);
    bool is_person = isatty(STDIN_FILENO) != 0;
    int status = MOON_EXIT_OK;
    bool goes_on = true;

    while (goes_on) {
        if (is_person) {
            (void)fputs(text.len == 0 ? "> " : ">> ", stdout);
            (void)fflush(stdout);
        }
        bool is_last = !read_line(&text);
        if (text.overflow) {
            moon_cli_complain("repl: a text is longer than %d bytes", INPUT_MAX_BYTES);
            moon_buf_clear(&text);
            status = MOON_EXIT_FAILED;
        }
        goes_on = run_text(repl, &text, &status) && !is_last;
    }
    if (text.len > 0) {
        moon_cli_complain("repl: the last text is not complete");
        status = MOON_EXIT_FAILED;
    }
    return status;
}

static int repl(const struct moon_planning_args *a, const struct moon_config *config)
{
    MOON_CLEANUP(moon_snapshot_free_ptr) struct moon_snapshot *live = NULL;
    struct moon_planning planning;
    struct objects objects = {0};
    struct moon_err err;
    int status = MOON_EXIT_FAILED;

    live = a->snapshot == NULL ? moon_snapshot_new() : NULL;
    int rc = moon_planning_run(
        &planning,
        &(struct moon_planning_opts){
            .config = config, .timeout_ms = a->timeout_ms, .from = a->snapshot, .into = live},
        &err);
    if (rc != 0) {
        moon_cli_complain("repl: %s", err.text);
    } else {
        MOON_AUTOJSON *rows =
            moon_manager_list(planning.manager, "sets", (struct moon_str){0}, &err);
        take_objects(&objects, a->snapshot != NULL ? a->snapshot : live);
        take_rows(&objects, rows);
        struct moon_repl *made = moon_repl_new(&(struct moon_repl_opts){
            .nodes = objects.nodes,
            .node_count = objects.node_count,
            .sets = objects.sets,
            .set_count = objects.set_count,
        });
        status = prompt(made);
        moon_repl_free(made);
    }
    free_objects(&objects);
    moon_planning_fini(&planning);
    return status;
}

/* ---- command line ---- */

static void print_help(void)
{
    (void)fputs(
        "usage: moonset repl [FLAG…]\n\n"
        "A prompt for Lua in the sandbox of policies, with the nodes and sets of a cluster at\n"
        "hand: nodes.n1.labels, set(\"default/agent\").tolerations, moonset.quantity(\"1Gi\").\n"
        ":help tells more. It reads standard input, so it can be used in scripts, too.\n\n"
        "flags, beside those of `moonset run` that say where the cluster and the policies are:\n"
        "  --snapshot FILE\n"
        "      not the cluster as it is, but as `moonset snapshot` has written it down\n"
        "  --timeout TIME\n"
        "      how long the API server may take (default " MOON_PLANNING_TIMEOUT ")\n\n"
        "Exit status: 0 done; 1 the cluster could not be read, or the last line failed; 2 wrong\n"
        "usage.\n",
        stdout);
}

int moon_cmd_repl(struct moon_cli *cli, int argc, char **argv)
{
    struct moon_planning_args a = {
        .command = "repl", .print_help = print_help, .takes_snapshot = true};
    int status;

    if (!moon_planning_read(&a, cli->config, argc, argv, &status)) {
        return status;
    }
    if (a.word_count > 0) {
        moon_cli_complain("repl: unexpected argument \"%s\"", a.words[0]);
        status = MOON_EXIT_USAGE;
    } else {
        status = repl(&a, cli->config);
    }
    moon_planning_args_fini(&a);
    return status;
}
