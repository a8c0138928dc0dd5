/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_version.c - `moonset version` and `moonset plugins`: what this binary is made of.
 */
#include <stdio.h>

#include "cli/cli.h"

/* These commands have no flags. Returns true when there is nothing more to do. */
static bool is_answered(int argc, char **argv, const char *usage, int *ret_status)
{
    if (argc < 2) {
        return false;
    }
    if (moon_cli_is_help(argv[1])) {
        (void)printf("usage: moonset %s\n", usage);
        *ret_status = MOON_EXIT_OK;
    } else {
        moon_cli_complain("%s: unexpected argument \"%s\"", argv[0], argv[1]);
        *ret_status = MOON_EXIT_USAGE;
    }
    return true;
}

static void print_plugin(const struct moon_plugin *p, const char *source, void *ctx)
{
    (void)ctx;
    (void)printf("%-14s %-9s %s\n    %s\n", p->name, p->version, source, p->summary);
    for (size_t i = 0; i < p->option_count; i++) {
        const struct moon_plugin_option *o = &p->options[i];
        (void)printf("    --plugin-option %s.%s=VALUE: %s", p->name, o->name, o->help);
        if (o->default_value != NULL) {
            (void)printf(" (default %s)", o->default_value);
        }
        (void)putchar('\n');
    }
}

int moon_cmd_plugins(struct moon_cli *cli, int argc, char **argv)
{
    int status;

    if (is_answered(argc, argv,
                    "plugins [--plugin-dir DIR]…\n\n"
                    "Lists the plugins built in and those of the folders, with their options.",
                    &status)) {
        return status;
    }
    (void)printf("%-14s %-9s %s\n", "NAME", "VERSION", "SOURCE");
    moon_registry_each_plugin(cli->registry, print_plugin, NULL);
    return MOON_EXIT_OK;
}

int moon_cmd_version(struct moon_cli *cli, int argc, char **argv)
{
    int status;

    (void)cli;
    if (is_answered(argc, argv, "version", &status)) {
        return status;
    }
    (void)printf("moonset %s (plugin ABI %d.%d, policy API 1)\n", MOONSET_VERSION,
                 MOON_PLUGIN_ABI_MAJOR, MOON_PLUGIN_ABI_MINOR);
    return MOON_EXIT_OK;
}
