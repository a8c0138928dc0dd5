/* SPDX-License-Identifier: Apache-2.0
 *
 * policy_test.c - `moonset policy test`: which tests, with which policies.
 */
#include <stdio.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "cli/policy_cmds.h"
#include "cli/policy_test_print.h"
#include "io/file.h"

#define SUFFIX "_test.yaml"

enum {
    MAX_DEPTH = 3, /* of a policy folder, as where policies are looked for */
    PATIENCE = 10,
};

/* One file of tests. */
struct target {
    char *file;
    char *policy;
};

struct request {
    const char **dirs; /* of policies, NULL-terminated; borrowed from argv or `made` */
    size_t dir_count;
    char **made; /* folders that follow from files; owned */
    size_t made_count;
    struct target *targets;
    size_t count;
    struct moon_policy_test_opts opts;
    bool as_json;
    const char **words; /* what is no flag */
    int word_count;
};

/* ---- which files ---- */

static void add_dir(struct request *q, const char *dir)
{
    for (size_t i = 0; i < q->dir_count; i++) {
        if (moon_streq(q->dirs[i], dir)) {
            return;
        }
    }
    q->dirs = moon_realloc_array(q->dirs, q->dir_count + 2, sizeof(*q->dirs));
    q->dirs[q->dir_count++] = dir;
    q->dirs[q->dir_count] = NULL;
}

static void add_target(struct request *q, const char *file, const char *policy)
{
    for (size_t i = 0; i < q->count; i++) {
        if (moon_streq(q->targets[i].file, file)) {
            return;
        }
    }
    q->targets = moon_realloc_array(q->targets, q->count + 1, sizeof(*q->targets));
    q->targets[q->count++] =
        (struct target){.file = moon_strdup(file), .policy = moon_strdup(policy)};
}

static bool is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool is_file(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* "./x" is x, for what is printed. */
static char *join(const char *dir, const char *name)
{
    return moon_streq(dir, ".") ? moon_strdup(name) : moon_asprintf("%s/%s", dir, name);
}

static int add_folder(struct request *q, const char *dir)
{
    struct moon_paths paths = {0};
    struct moon_err err;

    if (moon_dir_list(dir, SUFFIX, MAX_DEPTH, &paths, &err) != 0) {
        moon_cli_complain("%s", err.text);
        return MOON_EXIT_FAILED;
    }
    for (size_t i = 0; i < paths.count; i++) {
        MOON_AUTOFREE char *file = join(dir, paths.items[i]);
        MOON_AUTOFREE char *policy =
            moon_strndup(paths.items[i], strlen(paths.items[i]) - strlen(SUFFIX));
        add_target(q, file, policy);
    }
    moon_paths_free(&paths);
    return MOON_EXIT_OK;
}

/* The folder that a policy's name is relative to: "." of "update/rolling_test.yaml". */
static char *root_of(const char *file, const char *policy)
{
    size_t len = strlen(file) - strlen(policy) - strlen(SUFFIX);

    return len > 1 ? moon_strndup(file, len - 1) : moon_strdup(len == 1 ? "/" : ".");
}

static int add_file(struct request *q, const struct moon_policies *stock, const char *path)
{
    struct moon_str text = moon_str(path);
    bool is_lua = moon_str_ends(text, ".lua");
    MOON_AUTOFREE char *file =
        is_lua ? moon_asprintf("%.*s" SUFFIX, (int)(text.len - strlen(".lua")), path)
               : moon_strdup(path);

    if (!moon_str_ends(moon_str(file), SUFFIX)) {
        return moon_policy_wrong_usage("test: a test is called NAME" SUFFIX ", not ", path);
    }
    if (!is_file(file)) {
        moon_cli_complain("policy test: there is no %s", file);
        return MOON_EXIT_FAILED;
    }
    MOON_AUTOFREE char *policy = moon_policy_name_of(stock, file, SUFFIX);
    q->made = moon_realloc_array(q->made, q->made_count + 1, sizeof(*q->made));
    q->made[q->made_count] = root_of(file, policy);
    add_dir(q, q->made[q->made_count++]);
    add_target(q, file, policy);
    return MOON_EXIT_OK;
}

static int add_name(struct request *q, const char *name)
{
    size_t before = q->count;

    if (q->dir_count == 0) {
        add_dir(q, ".");
    }
    for (size_t i = 0; i < q->dir_count; i++) {
        MOON_AUTOFREE char *base = moon_asprintf("%s" SUFFIX, name);
        MOON_AUTOFREE char *file = join(q->dirs[i], base);
        if (is_file(file)) {
            add_target(q, file, name);
        }
    }
    if (q->count == before) {
        moon_cli_complain("policy test: no folder of policies has %s" SUFFIX, name);
        return MOON_EXIT_FAILED;
    }
    return MOON_EXIT_OK;
}

static int add_word(struct request *q, const struct moon_policies *stock, const char *word)
{
    if (is_folder(word)) {
        add_dir(q, word);
        return add_folder(q, word);
    }
    if (moon_str_ends(moon_str(word), ".lua") || moon_str_ends(moon_str(word), ".yaml")) {
        return add_file(q, stock, word);
    }
    return add_name(q, word);
}

static int find_targets(struct request *q, const struct moon_policies *stock)
{
    int status = MOON_EXIT_OK;

    if (q->word_count == 0 && q->dir_count == 0) {
        add_dir(q, ".");
    }
    for (size_t i = 0; q->word_count == 0 && status == MOON_EXIT_OK && i < q->dir_count; i++) {
        status = add_folder(q, q->dirs[i]);
    }
    for (int i = 0; i < q->word_count && status == MOON_EXIT_OK; i++) {
        status = add_word(q, stock, q->words[i]);
    }
    if (status == MOON_EXIT_OK && q->count == 0) {
        moon_cli_complain("policy test: there are no tests (NAME" SUFFIX ")");
        status = MOON_EXIT_FAILED;
    }
    return status;
}

/* ---- the command line ---- */

/* The value of `flag`, if `arg` is that: behind '=', or the next word, which *i then moves to.
 * NULL: it is another flag, or has none. */
static const char *value_of(const char *flag, const char *arg, const char *next, int *i)
{
    size_t len = strlen(flag);

    if (strncmp(arg, flag, len) != 0) {
        return NULL;
    }
    if (arg[len] == '=') {
        return arg + len + 1;
    }
    if (arg[len] != '\0' || next == NULL) {
        return NULL;
    }
    ++*i;
    return next;
}

static int take_flag(struct request *q, int argc, char **argv, int *i)
{
    const char *flag = argv[*i];
    const char *next = *i + 1 < argc ? argv[*i + 1] : NULL;
    const char *value = NULL;

    if (moon_streq(flag, "--count")) {
        q->opts.count = true;
    } else if (moon_streq(flag, "--coverage")) {
        q->opts.coverage = true;
    } else if ((value = value_of("--policy-dir", flag, next, i)) != NULL ||
               (value = value_of("--dir", flag, next, i)) != NULL) {
        add_dir(q, value);
    } else if ((value = value_of("--seed", flag, next, i)) != NULL) {
        if (!moon_parse_u64(moon_str(value), &q->opts.seed)) {
            return moon_policy_wrong_usage("test: --seed needs a number, not ", value);
        }
    } else if ((value = value_of("-o", flag, next, i)) != NULL) {
        if (!moon_streq(value, "json") && !moon_streq(value, "text")) {
            return moon_policy_wrong_usage("test: -o is text or json, not ", value);
        }
        q->as_json = moon_streq(value, "json");
    } else {
        return moon_policy_wrong_usage("test: unknown flag, or no value: ", flag);
    }
    return MOON_EXIT_OK;
}

static int read_args(struct request *q, int argc, char **argv)
{
    q->words = moon_new_array(const char *, (size_t)argc);
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-' || argv[i][1] == '\0') {
            q->words[q->word_count++] = argv[i];
            continue;
        }
        int status = take_flag(q, argc, argv, &i);
        if (status != MOON_EXIT_OK) {
            return status;
        }
    }
    return MOON_EXIT_OK;
}

/* ---- running ---- */

static void complain(const struct moon_policy_report *report, void *ctx)
{
    bool *ok = ctx;

    *ok = false;
    moon_cli_complain("%s", report->text);
}

static int run_target(const struct moon_policy_test_opts *opts, const struct target *t,
                      struct moon_policy_test_sums *all)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(MOON_POLICY_TEST_MAX_BYTES);
    struct moon_policy_test_sums sums = {0};
    struct moon_err err;

    int rc = moon_file_read(t->file, &text, &err);
    if (rc == 0) {
        struct moon_policy_test_text one = {t->policy, t->file, moon_buf_str(&text)};
        rc = moon_policy_test_run(opts, &one, 1, &sums, &err);
    }
    all->passed += sums.passed;
    all->failed += sums.failed;
    if (rc != 0 && err.code != MOON_E_POLICY) {
        (void)fflush(stdout);
        moon_cli_complain("%s", err.text);
    }
    return rc == 0 ? MOON_EXIT_OK : MOON_EXIT_FAILED;
}

static int run_all(const struct request *q, struct moon_policies *policies)
{
    struct moon_policy_test_sums sums = {0};
    struct moon_test_printer printer;
    struct moon_policy_test_opts opts = q->opts;
    int status = MOON_EXIT_OK;

    moon_test_printer_init(&printer, q->as_json);
    opts.policies = policies;
    opts.on_case = moon_test_printer_case;
    opts.on_lines = moon_test_printer_lines;
    opts.ctx = &printer;
    for (size_t i = 0; i < q->count; i++) {
        if (run_target(&opts, &q->targets[i], &sums) != MOON_EXIT_OK) {
            status = MOON_EXIT_FAILED;
        }
    }
    moon_test_printer_end(&printer, &sums);
    return status;
}

static int find_and_run(struct request *q)
{
    bool ok = true;
    struct moon_err err;
    struct moon_policies *stock = moon_policies_new(
        NULL, &(struct moon_policies_opts){.on_report = complain, .ctx = &ok}, &err);

    moon_assert(stock != NULL); /* it is built in */
    int status = find_targets(q, stock);
    moon_policies_free(stock);
    if (status != MOON_EXIT_OK) {
        return status;
    }
    struct moon_policies *policies = moon_policies_new(
        NULL, &(struct moon_policies_opts){.dirs = q->dirs, .on_report = complain, .ctx = &ok},
        &err);
    if (policies == NULL) {
        moon_cli_complain("%s", err.text);
        return MOON_EXIT_FAILED;
    }
    status = run_all(q, policies);
    moon_policies_free(policies);
    return ok ? status : MOON_EXIT_FAILED;
}

static void request_fini(struct request *q)
{
    for (size_t i = 0; i < q->count; i++) {
        moon_free(q->targets[i].file);
        moon_free(q->targets[i].policy);
    }
    for (size_t i = 0; i < q->made_count; i++) {
        moon_free(q->made[i]);
    }
    moon_free(q->targets);
    moon_free(q->made);
    moon_free(q->dirs);
    moon_free(q->words);
}

int moon_policy_cmd_test(int argc, char **argv)
{
    struct request q = {.opts.patience = PATIENCE};
    int status = read_args(&q, argc, argv);

    if (status == MOON_EXIT_OK) {
        status = find_and_run(&q);
    }
    request_fini(&q);
    return status;
}
