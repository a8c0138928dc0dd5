/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_snapshot.c - `moonset snapshot`: what the controller reads, as a file to plan from elsewhere.
 */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/planning.h"
#include "io/file.h"

enum {
    FILE_MODE = 0600, /* it tells much about a cluster */
    VERSION_TIMEOUT_MS = 5000,
};
#define FILE_MAX_BYTES ((size_t)2 << 30)

/* ---- the server's version ---- */

struct asking {
    struct moon_loop *loop;
    char **version;
};

static void got_version(const struct moon_answer *answer, const struct moon_err *err, void *ctx)
{
    struct asking *asking = ctx;
    struct moon_err ignored;
    MOON_AUTOJSON *json = err == NULL ? moon_json_parse(answer->body, &ignored) : NULL;

    *asking->version = moon_strdup(moon_json_string(json, "gitVersion"));
    moon_loop_stop(asking->loop);
}

/* It is for people: a server that does not tell it is no error. */
static void ask_version(const struct moon_planning *p, char **ret)
{
    struct asking asking = {.loop = p->loop, .version = ret};

    (void)moon_client_send(moon_manager_client(p->manager),
                           &(struct moon_request){.verb = MOON_VERB_GET,
                                                  .path = "/version",
                                                  .timeout_ms = VERSION_TIMEOUT_MS,
                                                  .on_done = got_version,
                                                  .ctx = &asking});
    moon_loop_run(p->loop);
}

/* ---- writing ---- */

static int write_out(const struct moon_snapshot *s, const char *path, struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(FILE_MAX_BYTES);

    moon_snapshot_write(s, &text);
    if (moon_buf_check(&text, "the snapshot", err) != 0) {
        return -(int)err->code;
    }
    if (path != NULL) {
        return moon_file_write(path, moon_buf_str(&text), FILE_MODE, err);
    }
    (void)fwrite(text.data, 1, text.len, stdout); /* main looks whether it went well */
    return 0;
}

static int snapshot(const struct moon_planning_args *a, const struct moon_config *config,
                    const char *path)
{
    MOON_CLEANUP(moon_snapshot_free_ptr) struct moon_snapshot *s = moon_snapshot_new();
    struct moon_planning planning;
    struct moon_err err;

    int rc = moon_planning_run(
        &planning,
        &(struct moon_planning_opts){.config = config, .timeout_ms = a->timeout_ms, .into = s},
        &err);
    if (rc == 0) {
        ask_version(&planning, &s->scene.server);
        rc = write_out(s, path, &err);
    }
    moon_planning_fini(&planning);
    if (rc != 0) {
        moon_cli_complain("snapshot: %s", err.text);
    }
    return rc == 0 ? MOON_EXIT_OK : MOON_EXIT_FAILED;
}

/* ---- command line ---- */

static void print_help(void)
{
    (void)fputs(
        "usage: moonset snapshot [FLAG…] [-o FILE]\n\n"
        "Everything that the controller reads, as one file: DaemonSets, nodes, its pods,\n"
        "revisions, the policies in force, the settings that decide, the time, and what providers\n"
        "of figures answer. `moonset plan` and `moonset explain` read it with --snapshot. It is\n"
        "text, one JSON object a line. The values of environment variables in templates are not "
        "in\n"
        "it, only whether they are the same; commands, arguments and annotations are.\n\n"
        "flags, beside those of `moonset run` that say where the cluster and the policies are:\n"
        "  -o FILE\n"
        "      where to write it (default: standard output); only its owner may read it\n"
        "  --timeout TIME\n"
        "      how long the API server may take (default " MOON_PLANNING_TIMEOUT ")\n\n"
        "Exit status: 0 done; 1 the cluster could not be read, or the file not written; 2 wrong\n"
        "usage.\n",
        stdout);
}

static int take(int argc, char **argv, int *i, void *ctx, struct moon_err *err)
{
    const char **path = ctx;

    if (!moon_streq(argv[*i], "-o")) {
        return 1;
    }
    if (++*i >= argc) {
        return moon_err_set(err, MOON_E_INVALID, "-o: a file is wanted");
    }
    *path = argv[*i];
    return 0;
}

int moon_cmd_snapshot(struct moon_cli *cli, int argc, char **argv)
{
    const char *path = NULL;
    struct moon_planning_args a = {
        .command = "snapshot", .print_help = print_help, .take = take, .ctx = &path};
    int status;

    if (!moon_planning_read(&a, cli->config, argc, argv, &status)) {
        return status;
    }
    if (a.word_count > 0) {
        moon_cli_complain("snapshot: unexpected argument \"%s\"", a.words[0]);
        return MOON_EXIT_USAGE;
    }
    return snapshot(&a, cli->config, path);
}
