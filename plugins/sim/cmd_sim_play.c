/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/cmd_sim_play.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "io/json.h"
#include "sim/scenario.h"
#include "sim/timeline.h"

enum {
    EXIT_PASSED = 0,
    EXIT_FAILED = 1,
    EXIT_UNPLAYABLE = 2,
    LINE_MAX_BYTES = 64 * 1024,
};

struct printer {
    const struct moon_sim_options *options;
    const struct moon_scenario *scenario;
    bool is_json;
    bool has_colours;
};

/* ---- text ---- */

static const char *colour_of(const struct moon_timeline_line *line)
{
    static const struct {
        const char *who;
        const char *colour;
    } rows[] = {
        {"scenario", "\033[1m"}, {"controller", "\033[36m"}, {"cluster", ""},
        {"fault", "\033[33m"},   {"judge", "\033[31m"},
    };
    if (strncmp(line->text, "FAILED", 6) == 0) {
        return "\033[1;31m";
    }
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        if (strcmp(rows[i].who, line->who) == 0) {
            return rows[i].colour;
        }
    }
    return "";
}

static void print_text(const struct printer *p, const struct moon_timeline_line *line)
{
    char time[MOON_TIMELINE_TIME];
    const char *colour = p->has_colours ? colour_of(line) : "";
    (void)printf("%9s  %s%-10s  %s%s\n", moon_timeline_time(line->at_ms, time), colour, line->who,
                 line->text, *colour != '\0' ? "\033[0m" : "");
}

static void print_verdict(const struct printer *p, const struct moon_scenario_result *r,
                          double seconds)
{
    char time[MOON_TIMELINE_TIME];
    const char *verdict = r->passed ? "passed" : "FAILED";
    const char *colour = !p->has_colours ? "" : r->passed ? "\033[32m" : "\033[1;31m";
    (void)printf("%s%s%s %s: %s in %.2f s, %" PRIu64 " calls by the controller", colour, verdict,
                 *colour != '\0' ? "\033[0m" : "", moon_scenario_name(p->scenario),
                 moon_timeline_time(r->virtual_ms, time), seconds, r->calls);
    if (r->faults_struck > 0) {
        (void)printf(", %" PRIu64 " fault%s", r->faults_struck, r->faults_struck == 1 ? "" : "s");
    }
    if (!r->passed) {
        (void)printf(", %zu violation%s, %zu expectation%s not met; first: %s", r->violations,
                     r->violations == 1 ? "" : "s", r->failed_expectations,
                     r->failed_expectations == 1 ? "" : "s", r->first_failure);
    }
    (void)putchar('\n');
}

/* ---- JSON ---- */

static void add_member(struct moon_buf *out, const char *name, const char *value)
{
    moon_buf_printf(out, "%c\"%s\":", out->len == 0 ? '{' : ',', name);
    moon_json_add_string(out, moon_str(value));
}

static void print_json(const struct printer *p, const struct moon_timeline_line *line)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(LINE_MAX_BYTES);
    add_member(&out, "scenario", moon_scenario_name(p->scenario));
    moon_buf_printf(&out, ",\"atMs\":%" PRIu64, line->at_ms);
    add_member(&out, "who", line->who);
    add_member(&out, "text", line->text);
    (void)printf("%s}\n", moon_buf_cstr(&out));
}

static void print_verdict_json(const struct printer *p, const struct moon_scenario_result *r)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(LINE_MAX_BYTES);
    add_member(&out, "scenario", moon_scenario_name(p->scenario));
    moon_buf_printf(&out,
                    ",\"passed\":%s,\"violations\":%zu,\"failedExpectations\":%zu"
                    ",\"controllerCalls\":%" PRIu64 ",\"faultsStruck\":%" PRIu64
                    ",\"timeMs\":%" PRIu64,
                    r->passed ? "true" : "false", r->violations, r->failed_expectations, r->calls,
                    r->faults_struck, r->virtual_ms);
    if (r->first_failure != NULL) {
        add_member(&out, "firstFailure", r->first_failure);
    }
    (void)printf("%s}\n", moon_buf_cstr(&out));
}

/* ---- playing ---- */

static void on_line(const struct moon_timeline_line *line, void *ctx)
{
    const struct printer *p = ctx;
    if (p->is_json) {
        print_json(p, line);
    } else {
        print_text(p, line);
    }
    (void)fflush(stdout);
}

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int play(struct printer *p, struct moon_err *err)
{
    const struct moon_sim_options *o = p->options;
    struct moon_scenario_result result;
    double start_s = now_s();
    const struct moon_scenario_run_opts opts = {.seed = o->seed,
                                                .real_time = o->real_time,
                                                .write_kubeconfig = o->write_kubeconfig,
                                                .on_line = o->quiet ? NULL : on_line,
                                                .ctx = p};
    if (!o->quiet && !p->is_json) {
        (void)printf("%s\n", moon_scenario_name(p->scenario));
    }
    if (moon_scenario_run(p->scenario, &opts, &result, err) != 0) {
        return EXIT_UNPLAYABLE;
    }
    if (p->is_json) {
        print_verdict_json(p, &result);
    } else {
        print_verdict(p, &result, now_s() - start_s);
    }
    (void)fflush(stdout);
    int status = result.passed ? EXIT_PASSED : EXIT_FAILED;
    moon_scenario_result_fini(&result);
    return status;
}

static int play_file(const struct moon_sim_options *options, const char *file)
{
    struct moon_err err;
    int status = EXIT_UNPLAYABLE;
    MOON_CLEANUP(moon_scenario_free_ptr)
    struct moon_scenario *scenario = moon_scenario_read(file, &err);
    if (scenario != NULL) {
        struct printer p = {.options = options,
                            .scenario = scenario,
                            .is_json =
                                options->output != NULL && strcmp(options->output, "json") == 0,
                            .has_colours = isatty(STDOUT_FILENO) != 0};
        status = play(&p, &err);
    }
    if (status == EXIT_UNPLAYABLE) {
        (void)fprintf(stderr, "moonset: %s\n", err.text);
    }
    return status;
}

int moon_scenario_command(const struct moon_sim_options *options)
{
    int status = EXIT_PASSED;
    for (size_t i = 0; i < options->scenarios.count; i++) {
        int one = play_file(options, options->scenarios.items[i]);
        status = one > status ? one : status;
    }
    return status;
}
