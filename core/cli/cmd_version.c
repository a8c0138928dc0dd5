/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/cli.h"

static void print_plugin(const struct moon_plugin *p, const char *source, void *ctx)
{
    (void)ctx;
    (void)printf("%-12s %-8s %-10s %s\n", p->name, p->version, source, p->summary);
}

int moon_cmd_plugins(struct moon_cli *cli, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    moon_registry_each_plugin(cli->registry, print_plugin, NULL);
    return MOON_EXIT_OK;
}

int moon_cmd_version(struct moon_cli *cli, int argc, char **argv)
{
    (void)cli;
    (void)argc;
    (void)argv;
    (void)printf("moonset %s (plugin ABI %d.%d, policy API 1)\n", MOONSET_VERSION,
                 MOON_PLUGIN_ABI_MAJOR, MOON_PLUGIN_ABI_MINOR);
    return MOON_EXIT_OK;
}
