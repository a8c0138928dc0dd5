/* SPDX-License-Identifier: Apache-2.0
 *
 * cli.h - one file per command. Exit status: 0 done, 1 failed, 2 wrong usage. Layer: cli.
 */
#ifndef MOON_CLI_CLI_H
#define MOON_CLI_CLI_H

#include "host/registry.h"

enum {
    MOON_EXIT_OK = 0,
    MOON_EXIT_FAILED = 1,
    MOON_EXIT_USAGE = 2
};

struct moon_cli {
    struct moon_config *config;     /* what --plugin-dir and --plugin-option said so far */
    struct moon_registry *registry; /* NULL unless the command wants_plugins */
};

struct moon_command {
    const char *name;
    const char *summary;
    bool wants_plugins;
    /* argv[0] is the command's name. */
    int (*run)(struct moon_cli *cli, int argc, char **argv);
};

int moon_cmd_run(struct moon_cli *cli, int argc, char **argv);
int moon_cmd_explain(struct moon_cli *cli, int argc, char **argv);
int moon_cmd_get(struct moon_cli *cli, int argc, char **argv);
int moon_cmd_plan(struct moon_cli *cli, int argc, char **argv);
int moon_cmd_policy(struct moon_cli *cli, int argc, char **argv);
int moon_cmd_plugins(struct moon_cli *cli, int argc, char **argv);
int moon_cmd_snapshot(struct moon_cli *cli, int argc, char **argv);
int moon_cmd_repl(struct moon_cli *cli, int argc, char **argv);
int moon_cmd_replay(struct moon_cli *cli, int argc, char **argv);
int moon_cmd_version(struct moon_cli *cli, int argc, char **argv);

/* "moonset: …" on stderr. */
void moon_cli_complain(const char *fmt, ...) MOON_PRINTF(1, 2);
bool moon_cli_is_help(const char *arg); /* --help or -h */

#endif
