/* SPDX-License-Identifier: Apache-2.0
 *
 * fidelity.c - plays scripts of API calls against a server and compares what two servers answered.
 *
 *   fidelity play --server URL [--ca FILE] [--token T] [--set NAME=TEXT]... SCRIPTS-DIR OUT-DIR
 *   fidelity compare [--decisions FILE] [--verbose] REAL-DIR SIM-DIR
 *
 * A recording is a file of JSON lines for each script, one line per call. `compare` ends with 1
 * when there is a difference without a decision, a decision without a difference, or a call that
 * only one side has. No client code of moonset is used: core/io alone.
 */
#include <getopt.h>
#include <stdio.h>

#include "compare.h"
#include "io/file.h"
#include "player.h"

enum {
    RECORDING_MAX_BYTES = 64 << 20
};

static int fail(const struct moon_err *err)
{
    fprintf(stderr, "fidelity: %s\n", err->text);
    return 1;
}

static int usage(void)
{
    fprintf(stderr, "usage: fidelity play --server URL [--ca FILE] [--token TEXT] "
                    "[--set NAME=TEXT]... SCRIPTS-DIR OUT-DIR\n"
                    "       fidelity compare [--decisions FILE] [--verbose] REAL-DIR SIM-DIR\n");
    return 2;
}

/* ---- play ---- */

static int write_answers(const char *path, const cJSON *answers, struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(RECORDING_MAX_BYTES);
    const cJSON *answer = NULL;
    cJSON_ArrayForEach (answer, answers) {
        char *line = cJSON_PrintUnformatted(answer);
        moon_buf_printf(&text, "%s\n", line);
        cJSON_free(line);
    }
    return moon_file_write(path, moon_buf_str(&text), 0644, err);
}

/* What was answered before a call failed is written, too: it tells why. */
static int play_file(struct fidelity_player *p, const char *dir, const char *file,
                     const char *out_dir, struct moon_err *err)
{
    MOON_CLEANUP(fidelity_script_fini) struct fidelity_script script = {0};
    MOON_AUTOJSON *answers = cJSON_CreateArray();
    MOON_AUTOFREE char *path = moon_asprintf("%s/%s", dir, file);
    MOON_AUTOFREE char *out =
        moon_asprintf("%s/%.*s.jsonl", out_dir, (int)(strlen(file) - strlen(".yaml")), file);
    struct moon_err write_err;
    if (fidelity_script_read(path, &script, err) != 0) {
        return -(int)err->code;
    }
    int rc = fidelity_player_play(p, &script, answers, err);
    if (write_answers(out, answers, &write_err) != 0 && rc == 0) {
        *err = write_err;
        rc = -(int)err->code;
    }
    return rc != 0 ? moon_err_wrap(err, "%s", file) : 0;
}

static int play_all(struct fidelity_player *p, const char *dir, const char *out_dir)
{
    struct moon_err err;
    struct moon_paths paths = {0};
    int rc = 0;
    if (moon_dir_list(dir, ".yaml", 0, &paths, &err) != 0) {
        return fail(&err);
    }
    for (size_t i = 0; i < paths.count; i++) {
        if (play_file(p, dir, paths.items[i], out_dir, &err) != 0) {
            rc = fail(&err);
        }
    }
    moon_paths_free(&paths);
    return rc;
}

static int set_variable(struct fidelity_player *p, const char *assignment)
{
    const char *equals = strchr(assignment, '=');
    if (equals == NULL) {
        return usage();
    }
    MOON_AUTOFREE char *name = moon_strndup(assignment, (size_t)(equals - assignment));
    fidelity_player_set(p, name, equals + 1);
    return 0;
}

static int play(int argc, char **argv)
{
    static const struct option options[] = {{"server", required_argument, NULL, 's'},
                                            {"ca", required_argument, NULL, 'c'},
                                            {"token", required_argument, NULL, 't'},
                                            {"set", required_argument, NULL, 'v'},
                                            {0}};
    struct fidelity_player_opts opts = {0};
    struct moon_err err;
    const char *variables[8];
    size_t variable_count = 0;
    int option = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'v' && variable_count < MOON_ARRAY_SIZE(variables)) {
            variables[variable_count++] = optarg;
        } else if (option == 's' || option == 'c' || option == 't') {
            const char **value = option == 's'   ? &opts.server
                                 : option == 'c' ? &opts.ca_file
                                                 : &opts.token;
            *value = optarg;
        } else {
            return usage();
        }
    }
    if (opts.server == NULL || argc - optind != 2) {
        return usage();
    }
    MOON_CLEANUP(moon_loop_free_ptr) struct moon_loop *loop = moon_loop_new(NULL, &err);
    MOON_CLEANUP(fidelity_player_free_ptr)
    struct fidelity_player *p = loop != NULL ? fidelity_player_new(loop, &opts, &err) : NULL;
    if (p == NULL) {
        return fail(&err);
    }
    for (size_t i = 0; i < variable_count; i++) {
        if (set_variable(p, variables[i]) != 0) {
            return 2;
        }
    }
    return play_all(p, argv[optind], argv[optind + 1]);
}

/* ---- compare ---- */

static cJSON *read_answers(const char *dir, const char *file, struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(RECORDING_MAX_BYTES);
    MOON_AUTOFREE char *path = moon_asprintf("%s/%s", dir, file);
    MOON_AUTOJSON *answers = cJSON_CreateArray();
    struct moon_str line;
    if (moon_file_read(path, &text, err) != 0) {
        return NULL;
    }
    struct moon_str rest = moon_buf_str(&text);
    while (moon_str_split(&rest, '\n', &line)) {
        cJSON *answer = line.len > 0 ? moon_json_parse(line, err) : NULL;
        if (line.len > 0 && answer == NULL) {
            (void)moon_err_wrap(err, "%s", path);
            return NULL;
        }
        if (answer != NULL) {
            cJSON_AddItemToArray(answers, answer);
        }
    }
    return moon_steal(&answers);
}

/* Each file of one recording against the one of the same name in the other. */
static int compare_file(struct fidelity_comparison *c, char *const *dirs, const char *file,
                        bool verbose)
{
    struct moon_err err;
    MOON_AUTOJSON *real = read_answers(dirs[0], file, &err);
    MOON_AUTOJSON *sim = real != NULL ? read_answers(dirs[1], file, &err) : NULL;
    if (real == NULL || sim == NULL) {
        return fail(&err);
    }
    fidelity_compare(c, real, sim, verbose, stdout);
    return 0;
}

static int compare(int argc, char **argv)
{
    static const struct option options[] = {
        {"decisions", required_argument, NULL, 'd'}, {"verbose", no_argument, NULL, 'v'}, {0}};
    MOON_CLEANUP(fidelity_comparison_fini) struct fidelity_comparison c = {0};
    struct moon_paths paths = {0};
    struct moon_err err;
    const char *decisions = NULL;
    bool verbose = false;
    int option = 0;
    int rc = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'd') {
            decisions = optarg;
        } else if (option == 'v') {
            verbose = true;
        } else {
            return usage();
        }
    }
    if (argc - optind != 2) {
        return usage();
    }
    if (fidelity_comparison_init(&c, decisions, &err) != 0 ||
        moon_dir_list(argv[optind], ".jsonl", 0, &paths, &err) != 0) {
        return fail(&err);
    }
    for (size_t i = 0; i < paths.count; i++) {
        rc = compare_file(&c, &argv[optind], paths.items[i], verbose) != 0 ? 1 : rc;
    }
    moon_paths_free(&paths);
    return fidelity_comparison_report(&c, stdout) ? rc : 1;
}

int main(int argc, char **argv)
{
    if (argc > 1 && moon_streq(argv[1], "play")) {
        return play(argc - 1, argv + 1);
    }
    if (argc > 1 && moon_streq(argv[1], "compare")) {
        return compare(argc - 1, argv + 1);
    }
    return usage();
}
