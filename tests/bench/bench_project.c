/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_project.c - what reading one watch event of a daemon pod costs.
 *
 *   bench_project [rounds] <pod-event.json
 *
 * Reads one line of a watch from standard input; prints the thread's CPU per event for cutting and
 * projecting it, and, to compare with, for cJSON alone to read the same text: best of the rounds.
 * Build it without sanitizers, optimised; ctest does not run it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "io/json.h"
#include "kube/pod.h"
#include "kube/watch_event.h"

enum {
    EVENTS = 1000,
    DEFAULT_ROUNDS = 20,
    MAX_LINE = 1024 * 1024
};

static double now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void project(struct moon_str line)
{
    struct moon_watch_event event;
    struct moon_object *object = NULL;
    struct moon_err err;

    if (moon_watch_event_parse(line, &event, &err) != 0 ||
        moon_object_project(&moon_kind_pod, event.object, &object, &err) != 0) {
        (void)fprintf(stderr, "bench_project: %s\n", err.text);
        exit(1);
    }
    moon_object_unref(object);
}

static void parse(struct moon_str line)
{
    cJSON_Delete(cJSON_ParseWithLength(line.ptr, line.len));
}

static double best_ns(void (*fn)(struct moon_str line), struct moon_str line, int64_t rounds)
{
    double best = 0;

    for (int64_t i = 0; i < rounds; i++) {
        double start = now_ns();
        for (int n = 0; n < EVENTS; n++) {
            fn(line);
        }
        double used = (now_ns() - start) / EVENTS;
        best = i == 0 || used < best ? used : best;
    }
    return best;
}

int main(int argc, char **argv)
{
    static char line[MAX_LINE];
    int64_t rounds = DEFAULT_ROUNDS;

    if (argc > 1 && (!moon_parse_i64(moon_str(argv[1]), &rounds) || rounds < 1)) {
        (void)fprintf(stderr, "usage: bench_project [rounds] <pod-event.json\n");
        return 2;
    }
    if (fgets(line, sizeof(line), stdin) == NULL) {
        (void)fprintf(stderr, "bench_project: no line on standard input\n");
        return 1;
    }
    struct moon_str text = moon_str_trim(moon_str(line));
    double ours = best_ns(project, text, rounds);
    double cjson = best_ns(parse, text, rounds);
    (void)printf("%zu bytes: projected in %.1f us, read by cJSON in %.1f us, ratio %.2f\n",
                 text.len, ours / 1000, cjson / 1000, ours / cjson);
    return 0;
}
