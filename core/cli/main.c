/* SPDX-License-Identifier: Apache-2.0
 *
 * main.c - finds the command and calls it.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"
#include "base/metrics.h"
#include "base/str.h"
#include "cli/cli.h"

static const struct moon_command commands[] = {
    {"run", "keep DaemonSets of a cluster", moon_cmd_run},
    {"policy", "check and list policies", moon_cmd_policy},
    {"plugins", "list the plugins of this binary", moon_cmd_plugins},
    {"version", "print the version", moon_cmd_version},
};

void moon_cli_complain(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    (void)fputs("moonset: ", stderr);
    (void)vfprintf(stderr, fmt, args);
    (void)fputc('\n', stderr);
    va_end(args);
}

static void print_plugin_command(const struct moon_plugin_command *c, void *ctx)
{
    (void)ctx;
    (void)printf("  %-10s %s\n", c->name, c->summary);
}

static void print_help(const struct moon_cli *cli)
{
    (void)printf("moonset %s - a DaemonSet controller whose decisions are Lua policies\n\n"
                 "usage: moonset COMMAND [FLAG…]\n\ncommands:\n",
                 MOONSET_VERSION);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(commands); i++) {
        (void)printf("  %-10s %s\n", commands[i].name, commands[i].summary);
    }
    moon_registry_each_command(cli->registry, print_plugin_command, NULL);
    (void)printf("\n`moonset COMMAND --help` tells more about one of them.\n"
                 "Exit status: 0 done, 1 failed, 2 wrong usage.\n");
}

/* Are the words the same but for one letter more, less or other, or two swapped? */
static bool is_close(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    if (*a == '\0' || *b == '\0') {
        return strlen(a) + strlen(b) <= 2;
    }
    return strcmp(a + 1, b + 1) == 0 || strcmp(a + 1, b) == 0 || strcmp(a, b + 1) == 0 ||
           (a[0] == b[1] && a[1] == b[0] && strcmp(a + 2, b + 2) == 0);
}

static int unknown_command(const char *name)
{
    for (size_t i = 0; i < MOON_ARRAY_SIZE(commands); i++) {
        if (is_close(name, commands[i].name)) {
            moon_cli_complain("unknown command \"%s\"; did you mean \"%s\"?", name,
                              commands[i].name);
            return MOON_EXIT_USAGE;
        }
    }
    moon_cli_complain("unknown command \"%s\" (see moonset --help)", name);
    return MOON_EXIT_USAGE;
}

static int dispatch(struct moon_cli *cli, int argc, char **argv)
{
    const struct moon_plugin_command *plugin;

    if (argc < 2) {
        print_help(cli);
        return MOON_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help(cli);
        return MOON_EXIT_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        return moon_cmd_version(cli, argc - 1, argv + 1);
    }
    for (size_t i = 0; i < MOON_ARRAY_SIZE(commands); i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return commands[i].run(cli, argc - 1, argv + 1);
        }
    }
    plugin = moon_registry_command(cli->registry, argv[1]);
    return plugin != NULL ? plugin->run(argc - 1, argv + 1, plugin->state)
                          : unknown_command(argv[1]);
}

/* Folders of --plugin-dir: plugins register commands, so they are wanted before the rest of the
 * command line is understood. */
static char **plugin_dirs(int argc, char **argv)
{
    char **dirs = moon_new_array(char *, (size_t)argc + 1);
    size_t n = 0;

    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--plugin-dir=", 13) == 0) {
            dirs[n++] = argv[i] + 13;
        } else if (strcmp(argv[i], "--plugin-dir") == 0 && i + 1 < argc) {
            dirs[n++] = argv[++i];
        }
    }
    return dirs;
}

int main(int argc, char **argv)
{
    MOON_AUTOFREE char **dirs = plugin_dirs(argc, argv);
    struct moon_cli cli = {0};
    struct moon_err err;

    (void)signal(SIGPIPE, SIG_IGN);
    cli.registry = moon_registry_new((const char *const *)dirs, &err);
    if (cli.registry == NULL) {
        moon_cli_complain("%s", err.text);
        return MOON_EXIT_FAILED;
    }
    int status = dispatch(&cli, argc, argv);
    moon_registry_free(cli.registry);
    moon_metrics_reset();
    return status;
}
