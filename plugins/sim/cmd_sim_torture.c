/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/cmd_sim_torture.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "sim/torture.h"

enum {
    EXIT_OK = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    SCHEDULE_MAX_BYTES = 1 << 20,
};

static const char torture_help[] =
    "usage: moonset sim torture [--every N] [--offset K] FILE...\n"
    "\n"
    "Plays each scenario once as it is, then again for each call of the controller and each kind "
    "of\n"
    "fault that can strike it. Each time it must end as it does without the fault, and no rule may "
    "be\n"
    "broken. Exit code 0: so it was; 1: not; 2: it could not be played.\n"
    "\n"
    "  --every N     only each N'th of these runs (a sample)\n"
    "  --offset K    of these, begin with the K'th (to share them out among processes)\n";

static const char schedules_help[] = "usage: moonset sim schedules FIRST[-LAST]\n"
                                     "       moonset sim schedules --print SEED\n"
                                     "\n"
                                     "Makes a scenario out of each seed (churn of nodes and sets, "
                                     "faults, kills; then peace) and plays\n"
                                     "it: in peace everything must come right and rest. The same "
                                     "seed is the same schedule; --print\n"
                                     "shows it, for `moonset sim FILE`. Exit code 0: so it was; 1: "
                                     "not; 2: it could not be played.\n";

struct progress {
    const char *file;
    bool is_terminal;
};

/* One line that is written over, for who is watching. */
static void show(const struct progress *p, const char *fmt, ...) MOON_PRINTF(2, 3);

static void show(const struct progress *p, const char *fmt, ...)
{
    va_list args;
    if (p->is_terminal) {
        va_start(args, fmt);
        (void)fputs("\r\033[K", stderr);
        (void)vfprintf(stderr, fmt, args);
        va_end(args);
    }
}

static int complain(const char *text)
{
    (void)fprintf(stderr, "moonset: %s\n", text);
    return EXIT_USAGE;
}

/* The retries and refusals of thousands of runs are what was asked for. */
static void hush(void)
{
    moon_log_setup(MOON_LOG_ERROR, MOON_LOG_LOGFMT, STDERR_FILENO);
}

static bool is_help(const char *argument)
{
    return strcmp(argument, "-h") == 0 || strcmp(argument, "--help") == 0;
}

/* ---- torture ---- */

static bool on_run(uint64_t done, uint64_t total, const char *what,
                   const struct moon_scenario_result *result, void *ctx)
{
    const struct progress *p = ctx;
    show(p, "%s: %" PRIu64 " of about %" PRIu64, p->file, done, total);
    if (!result->passed) {
        show(p, "%s", "");
        (void)printf("FAILED %s: %s\n  %s\n", p->file, what, result->first_failure);
        (void)fflush(stdout);
    }
    return true;
}

static int torture_file(const char *file, struct moon_torture_opts *opts,
                        struct moon_torture_totals *totals, struct moon_err *err)
{
    struct progress p = {.file = file, .is_terminal = isatty(STDERR_FILENO) == 1};
    MOON_CLEANUP(moon_scenario_free_ptr)
    struct moon_scenario *scenario = moon_scenario_read(file, err);
    if (scenario == NULL) {
        return -(int)err->code;
    }
    opts->on_run = on_run;
    opts->ctx = &p;
    int rc = moon_torture(scenario, opts, totals, err);
    show(&p, "%s", "");
    return rc;
}

static int torture_files(char **files, struct moon_torture_opts *opts)
{
    struct moon_torture_totals totals = {0};
    struct moon_err err;
    for (; *files != NULL; files++) {
        if (torture_file(*files, opts, &totals, &err) != 0) {
            return complain(err.text);
        }
    }
    (void)printf(
        "torture: %" PRIu64 " scenarios, %" PRIu64 " calls, %" PRIu64 " kinds of faults: %" PRIu64
        " runs, the fault struck in %" PRIu64 ", %" PRIu64 " failed\n",
        totals.scenarios, totals.calls, totals.kinds, totals.runs, totals.struck, totals.failed);
    /* Runs in which nothing struck have proven nothing. */
    return totals.failed == 0 && totals.struck > 0 ? EXIT_OK : EXIT_FAILED;
}

int moon_cmd_sim_torture(int argc, char **argv)
{
    struct moon_torture_opts opts = {.every = 1};
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i += 2) {
        bool is_every = strcmp(argv[i], "--every") == 0;
        if (is_help(argv[i])) {
            (void)fputs(torture_help, stdout);
            return EXIT_OK;
        }
        if (!is_every && strcmp(argv[i], "--offset") != 0) {
            return complain("sim torture: unknown flag (see --help)");
        }
        if (i + 1 >= argc ||
            !moon_parse_u64(moon_str(argv[i + 1]), is_every ? &opts.every : &opts.offset) ||
            opts.every == 0) {
            return complain("sim torture: --every and --offset need a number");
        }
    }
    if (i >= argc) {
        return complain("sim torture: name a scenario (see --help)");
    }
    hush();
    return torture_files(argv + i, &opts);
}

/* ---- schedules ---- */

/* "17", "1-2000" */
static bool parse_range(const char *text, uint64_t *ret_first, uint64_t *ret_last)
{
    struct moon_str rest = moon_str(text);
    struct moon_str first;
    (void)moon_str_split(&rest, '-', &first);
    return moon_parse_u64(first, ret_first) &&
           moon_parse_u64(rest.ptr != NULL ? rest : first, ret_last) && *ret_first <= *ret_last;
}

static int print_schedule(uint64_t seed)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(SCHEDULE_MAX_BYTES);
    moon_schedule_text(seed, 0, &text);
    moon_assert(!text.overflow);
    (void)fputs(moon_buf_cstr(&text), stdout);
    return EXIT_OK;
}

static int play_schedules(uint64_t first, uint64_t last)
{
    struct progress p = {.is_terminal = isatty(STDERR_FILENO) == 1};
    uint64_t failed = 0;
    uint64_t struck = 0;
    uint64_t calls = 0;
    for (uint64_t seed = first; seed <= last; seed++) {
        struct moon_err err;
        MOON_CLEANUP(moon_scenario_result_fini) struct moon_scenario_result result = {0};
        show(&p, "schedule %" PRIu64 " of %" PRIu64 "-%" PRIu64, seed, first, last);
        if (moon_schedule_run(&(struct moon_schedule_opts){.seed = seed}, &result, &err) != 0) {
            (void)moon_err_wrap(&err, "schedule %" PRIu64, seed);
            return complain(err.text);
        }
        struck += result.faults_struck;
        calls += result.calls;
        failed += result.passed ? 0 : 1;
        if (!result.passed) {
            show(&p, "%s", "");
            (void)printf("FAILED schedule %" PRIu64 "\n  %s\n", seed, result.first_failure);
            (void)fflush(stdout);
        }
    }
    show(&p, "%s", "");
    (void)printf("schedules: %" PRIu64 ", %" PRIu64 " calls by the controller, %" PRIu64
                 " faults struck, %" PRIu64 " failed\n",
                 last - first + 1, calls, struck, failed);
    return failed == 0 ? EXIT_OK : EXIT_FAILED;
}

int moon_cmd_sim_schedules(int argc, char **argv)
{
    uint64_t first = 0;
    uint64_t last = 0;
    bool prints = argc == 3 && strcmp(argv[1], "--print") == 0;
    if (argc == 2 && is_help(argv[1])) {
        (void)fputs(schedules_help, stdout);
        return EXIT_OK;
    }
    if ((argc != 2 && !prints) || !parse_range(argv[argc - 1], &first, &last)) {
        return complain("sim schedules: needs one seed or a range of them (see --help)");
    }
    hush();
    return prints ? print_schedule(first) : play_schedules(first, last);
}
