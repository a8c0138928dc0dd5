/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_policy.c - `moonset policy`: check, list; and the way to the others.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/policy_cmds.h"
#include "io/file.h"
#include "policy/policies.h"
#include "policy/testing.h"

enum {
    SOURCE_MAX_BYTES = 256 * 1024
};

static void print_help(void)
{
    (void)fputs(
        "usage: moonset policy check FILE…\n"
        "       moonset policy list [--policy-dir DIR]…\n"
        "       moonset policy doc [--policy-dir DIR]… [NAME…]\n"
        "       moonset policy doc --stubs | --reference | --luacheckrc\n"
        "       moonset policy new [--dir DIR] NAME [HOOK…]\n"
        "       moonset policy test [--policy-dir DIR]… [--count] [--coverage] [--seed N]\n"
        "                           [-o json] [NAME|FILE|FOLDER…]\n"
        "       moonset policy bench [--nodes N] [--params TEXT] [-o json]\n"
        "                            [--policy-dir DIR]… [NAME|FILE…]\n\n"
        "check  compile each file, run it and check the table it returns; says \"ok\" or\n"
        "       what is wrong, and where, for each, and for the test beside it\n"
        "list   the policies in force: stock ones, replaced or joined by those of the\n"
        "       folders, the later folder wins; and why a file is not in force\n"
        "doc    what they say about themselves, and their parameters; or what policies may\n"
        "       define and use: stubs for the Lua language server, a page, names for luacheck\n"
        "new    write NAME.lua to begin with, with these hooks (select without any), and\n"
        "       NAME_test.yaml into DIR (default .); a file that is there stays as it is\n"
        "test   run the cases of NAME_test.yaml beside policies: all of the folders (default .),\n"
        "       or those named; each several times in other orders, which --seed changes.\n"
        "       --count prints the instructions each hook took, --coverage the lines that\n"
        "       were never run\n"
        "bench  what each hook costs over N nodes (default 100000) that are made up; of the\n"
        "       stock policies without a name. --params: as moonset.dev/params\n\n"
        "Exit status: 0 all is well; 1 a file is wrong or cannot be read or written, or a\n"
        "policy of a folder is not in force, or there is none of that name, or a test fails;\n"
        "2 wrong usage.\n",
        stdout);
}

int moon_policy_wrong_usage(const char *what, const char *argument)
{
    moon_cli_complain("policy: %s%s (see moonset policy --help)", what, argument);
    return MOON_EXIT_USAGE;
}

static void complain(const struct moon_policy_report *report, void *ctx)
{
    (void)ctx;
    moon_cli_complain("%s", report->text);
}

static void be_silent(const struct moon_policy_report *report, void *ctx)
{
    (void)report;
    (void)ctx;
}

/* Does a policy in force have a name that begins with `folder`? */
struct folder {
    struct moon_str name; /* "update/" */
    bool is_known;
};

static void look_at_folder(const struct moon_policy_info *info, void *ctx)
{
    struct folder *folder = ctx;
    struct moon_str name = moon_str(info->name);

    folder->is_known |=
        name.len > folder->name.len && memcmp(name.ptr, folder->name.ptr, folder->name.len) == 0;
}

char *moon_policy_name_of(const struct moon_policies *policies, const char *path,
                          const char *suffix)
{
    struct moon_str text = moon_str(path);
    size_t base = text.len;

    while (base > 0 && path[base - 1] != '/') {
        base--;
    }
    size_t begin = base > 0 ? base - 1 : 0;
    while (begin > 0 && path[begin - 1] != '/') {
        begin--;
    }
    struct folder folder = {.name = {path + begin, base - begin}};
    if (folder.name.len > 1) {
        moon_policies_each(policies, look_at_folder, &folder);
    }
    const char *name = path + (folder.is_known ? begin : base);
    size_t ending = moon_str_ends(text, suffix) ? strlen(suffix) : 0;
    return moon_strndup(name, strlen(name) - ending);
}

static int check_text(struct moon_policies *policies, const char *path, struct moon_str text,
                      struct moon_err *err)
{
    MOON_AUTOFREE char *tested = moon_policy_test_subject(path);

    if (tested != NULL) {
        return moon_policy_test_check(&(struct moon_policy_test_text){NULL, path, text}, err);
    }
    MOON_AUTOFREE char *name = moon_policy_name_of(policies, path, ".lua");
    return moon_policies_check(policies, name, path, text, err);
}

static bool check_file(struct moon_policies *policies, const char *path)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf source = MOON_BUF_INIT(SOURCE_MAX_BYTES);
    struct moon_err err;

    if (moon_file_read(path, &source, &err) != 0 ||
        check_text(policies, path, moon_buf_str(&source), &err) != 0) {
        moon_cli_complain("%s", err.text);
        return false;
    }
    (void)printf("%s: ok\n", path);
    return true;
}

/* A policy with its test, if there is one beside it. */
static bool check_both(struct moon_policies *policies, const char *path)
{
    struct moon_str text = moon_str(path);
    bool ok = check_file(policies, path);

    if (moon_str_ends(text, ".lua")) {
        MOON_AUTOFREE char *test =
            moon_asprintf("%.*s_test.yaml", (int)(text.len - strlen(".lua")), path);
        ok &= access(test, F_OK) != 0 || check_file(policies, test);
    }
    return ok;
}

int moon_policy_cmd_check(int argc, char **argv)
{
    struct moon_err err;
    bool ok = true;

    if (argc < 2) {
        return moon_policy_wrong_usage("check: which file?", "");
    }
    if (argv[1][0] == '-') {
        return moon_policy_wrong_usage("check: unknown flag ", argv[1]);
    }
    struct moon_policies *policies =
        moon_policies_new(NULL, &(struct moon_policies_opts){.on_report = complain}, &err);
    if (policies == NULL) {
        moon_cli_complain("%s", err.text);
        return MOON_EXIT_FAILED;
    }
    for (int i = 1; i < argc; i++) {
        ok &= check_both(policies, argv[i]);
    }
    moon_policies_free(policies);
    return ok ? MOON_EXIT_OK : MOON_EXIT_FAILED;
}

static void print_policy(const struct moon_policy_info *info, void *ctx)
{
    bool *ok = ctx;

    (void)printf("%-28s %-12.12s %-22s %s\n", info->name, info->loaded ? info->version : "-",
                 info->loaded ? info->hooks : "-", info->source);
    if (info->error != NULL) {
        *ok = false;
        (void)printf("    not in force: %s\n", info->error);
    }
}

/* Take the --policy-dir flags out of argv. Nonzero: one has no value. */
static int take_dirs(int *argc, char **argv, const char **dirs)
{
    static const char flag[] = "--policy-dir";
    int kept = 1;
    size_t n = 0;

    for (int i = 1; i < *argc; i++) {
        const char *rest = argv[i] + strlen(flag);
        if (strncmp(argv[i], flag, strlen(flag)) != 0 || (rest[0] != '=' && rest[0] != '\0')) {
            argv[kept++] = argv[i];
        } else if (rest[0] == '=') {
            dirs[n++] = rest + 1;
        } else if (i + 1 < *argc) {
            dirs[n++] = argv[++i];
        } else {
            return -1;
        }
    }
    *argc = kept;
    return 0;
}

struct moon_policies *moon_policy_load(int *argc, char **argv, int *ret_status)
{
    MOON_AUTOFREE const char **dirs = moon_new_array(const char *, (size_t)*argc + 1);
    struct moon_err err;

    if (take_dirs(argc, argv, dirs) != 0) {
        *ret_status = moon_policy_wrong_usage(argv[0], ": --policy-dir needs a value");
        return NULL;
    }
    /* A file that is wrong is told where its policy is shown, once. */
    struct moon_policies *policies = moon_policies_new(
        NULL, &(struct moon_policies_opts){.dirs = dirs, .on_report = be_silent}, &err);
    if (policies == NULL) {
        moon_cli_complain("%s", err.text);
        *ret_status = MOON_EXIT_FAILED;
    }
    return policies;
}

int moon_policy_cmd_list(int argc, char **argv)
{
    int status = MOON_EXIT_OK;
    bool ok = true;
    struct moon_policies *policies = moon_policy_load(&argc, argv, &status);

    if (policies == NULL) {
        return status;
    }
    if (argc > 1) {
        status = moon_policy_wrong_usage("list: unexpected argument ", argv[1]);
    } else {
        (void)printf("%-28s %-12s %-22s %s\n", "NAME", "VERSION", "HOOKS", "SOURCE");
        moon_policies_each(policies, print_policy, &ok);
        status = ok ? MOON_EXIT_OK : MOON_EXIT_FAILED;
    }
    moon_policies_free(policies);
    return status;
}

static const struct {
    const char *word;
    int (*run)(int argc, char **argv);
} words[] = {
    {"check", moon_policy_cmd_check}, {"list", moon_policy_cmd_list},
    {"doc", moon_policy_cmd_doc},     {"new", moon_policy_cmd_new},
    {"test", moon_policy_cmd_test},   {"bench", moon_policy_cmd_bench},
};

int moon_cmd_policy(struct moon_cli *cli, int argc, char **argv)
{
    (void)cli;
    moon_log_setup(MOON_LOG_ERROR, MOON_LOG_LOGFMT, STDERR_FILENO);
    for (int i = 1; i < argc && i < 3; i++) {
        if (moon_cli_is_help(argv[i])) {
            print_help();
            return MOON_EXIT_OK;
        }
    }
    for (size_t i = 0; argc >= 2 && i < MOON_ARRAY_SIZE(words); i++) {
        if (strcmp(argv[1], words[i].word) == 0) {
            return words[i].run(argc - 1, argv + 1);
        }
    }
    return argc < 2 ? moon_policy_wrong_usage("check, list, doc, new, test or bench?", "")
                    : moon_policy_wrong_usage("unknown command ", argv[1]);
}
