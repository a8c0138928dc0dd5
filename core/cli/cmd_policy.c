/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_policy.c - `moonset policy check FILE…` and `moonset policy list [--policy-dir DIR]…`.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/cli.h"
#include "io/file.h"
#include "policy/policies.h"

enum {
    SOURCE_MAX_BYTES = 256 * 1024,
    MAX_DIRS = 32
};

static int usage(void)
{
    (void)printf("usage: moonset policy check FILE…\n"
                 "       moonset policy list [--policy-dir DIR]…\n\n"
                 "check  compile each file and check its shape; exit status 1 if one is wrong\n"
                 "list   the policies in force: stock ones, replaced or joined by those of DIR\n");
    return MOON_EXIT_USAGE;
}

static void complain(const struct moon_policy_report *report, void *ctx)
{
    (void)ctx;
    moon_cli_complain("%s", report->text);
}

/* "policies/edge-only.lua" is policy edge-only. */
static char *policy_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash != NULL ? slash + 1 : path;
    size_t len = strlen(base);

    if (moon_str_ends(moon_str(base), ".lua")) {
        len -= strlen(".lua");
    }
    return moon_strndup(base, len);
}

static bool check_file(struct moon_policies *policies, const char *path)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf source = MOON_BUF_INIT(SOURCE_MAX_BYTES);
    MOON_AUTOFREE char *name = policy_name(path);
    struct moon_err err;

    if (moon_file_read(path, &source, &err) != 0 ||
        moon_policies_check(policies, name, path, moon_buf_str(&source), &err) != 0) {
        moon_cli_complain("%s", err.text);
        return false;
    }
    (void)printf("%s: ok\n", path);
    return true;
}

static int check(int argc, char **argv)
{
    struct moon_err err;
    bool ok = true;

    struct moon_policies *policies =
        moon_policies_new(NULL, &(struct moon_policies_opts){.on_report = complain}, &err);
    if (policies == NULL) {
        moon_cli_complain("%s", err.text);
        return MOON_EXIT_FAILED;
    }
    for (int i = 0; i < argc; i++) {
        ok &= check_file(policies, argv[i]);
    }
    moon_policies_free(policies);
    return ok ? MOON_EXIT_OK : MOON_EXIT_FAILED;
}

static void print_policy(const struct moon_policy_info *info, void *ctx)
{
    (void)ctx;
    (void)printf("%-28s %-12.12s %-22s %s\n", info->name, info->loaded ? info->version : "-",
                 info->loaded ? info->hooks : "-", info->source);
    if (info->error != NULL) {
        (void)printf("    not in force: %s\n", info->error);
    }
}

static int list(int argc, char **argv)
{
    const char *dirs[MAX_DIRS + 1] = {NULL};
    size_t n = 0;
    struct moon_err err;

    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--policy-dir") != 0 || i + 1 >= argc || n == MAX_DIRS) {
            return usage();
        }
        dirs[n++] = argv[++i];
    }
    struct moon_policies *policies = moon_policies_new(
        NULL, &(struct moon_policies_opts){.dirs = dirs, .on_report = complain}, &err);
    if (policies == NULL) {
        moon_cli_complain("%s", err.text);
        return MOON_EXIT_FAILED;
    }
    (void)printf("%-28s %-12s %-22s %s\n", "NAME", "VERSION", "HOOKS", "SOURCE");
    moon_policies_each(policies, print_policy, NULL);
    moon_policies_free(policies);
    return MOON_EXIT_OK;
}

int moon_cmd_policy(struct moon_cli *cli, int argc, char **argv)
{
    (void)cli;
    moon_log_setup(MOON_LOG_ERROR, MOON_LOG_LOGFMT, STDERR_FILENO);
    if (argc >= 3 && strcmp(argv[1], "check") == 0 && argv[2][0] != '-') {
        return check(argc - 2, argv + 2);
    }
    if (argc >= 2 && strcmp(argv[1], "list") == 0) {
        return list(argc - 2, argv + 2);
    }
    return argc >= 2 && strcmp(argv[1], "--help") == 0 ? (usage(), MOON_EXIT_OK) : usage();
}
