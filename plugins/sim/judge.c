/* SPDX-License-Identifier: Apache-2.0
 *
 * judge.c - life of the judge, what it is fed, verdicts, and how far behind a controller may be.
 */
#include "sim/judge.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/judge_priv.h"

enum {
    /* On the real clock a busy machine is behind by that much; a virtual one waits for everybody.
     */
    REAL_LAG_MS = 2000,
    VIRTUAL_LAG_MS = 10,
    /* So long after a fault a controller may act on what it knew before: retries, back-off. */
    DOUBT_MS = 120 * 1000,
    TEXT_MAX = 1024
};

/* ---- life ---- */

struct moon_judge *moon_judge_new(const struct moon_judge_opts *opts)
{
    struct moon_judge *j = moon_new(struct moon_judge);
    moon_assert(opts->loop != NULL && opts->client != NULL);
    j->loop = opts->loop;
    j->client = moon_strdup(opts->client);
    j->lag_ms = opts->lag_ms != 0                  ? opts->lag_ms
                : moon_loop_is_virtual(opts->loop) ? VIRTUAL_LAG_MS
                                                   : REAL_LAG_MS;
    j->on_violation = opts->on_violation;
    j->ctx = opts->ctx;
    j->calls = moon_map_new(moon_free);
    j->nodes = moon_map_new(moon_judge_node_free);
    j->sets = moon_map_new(moon_judge_set_free);
    j->gone_sets = moon_map_new(moon_free);
    j->pods = moon_map_new(moon_judge_pod_free);
    j->revisions = moon_map_new(moon_judge_revision_free);
    j->blind = moon_map_new(moon_free);
    return j;
}

void moon_judge_free(struct moon_judge *j)
{
    if (j == NULL) {
        return;
    }
    moon_map_free(j->pods); /* they are in lists of places, which belong to sets */
    moon_map_free(j->sets);
    moon_map_free(j->gone_sets);
    moon_map_free(j->nodes);
    moon_map_free(j->revisions);
    moon_map_free(j->calls);
    moon_map_free(j->blind);
    moon_free(j->client);
    moon_free(j);
}

uint64_t moon_judge_now(const struct moon_judge *j)
{
    return moon_loop_now(j->loop);
}

/* ---- verdicts ---- */

void moon_judge_accuse(struct moon_judge *j, const char *rule, const char *fmt, ...)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(TEXT_MAX);
    va_list args;
    j->violations++;
    if (j->on_violation == NULL) {
        return;
    }
    va_start(args, fmt);
    moon_buf_vprintf(&text, fmt, args);
    va_end(args);
    j->on_violation(&(struct moon_judge_violation){.rule = rule,
                                                   .at_ms = moon_judge_now(j),
                                                   .text = moon_buf_cstr(&text)},
                    j->ctx);
}

size_t moon_judge_violations(const struct moon_judge *j)
{
    return j->violations;
}

void moon_judge_expect_rest(struct moon_judge *j, bool rest)
{
    j->expects_rest = rest;
}

/* ---- what the controller may not know ---- */

static void doubt(struct moon_judge *j)
{
    size_t max = MOON_ARRAY_SIZE(j->doubts);
    if (j->doubt_count == max) {
        /* The oldest one counts; of the others the newest. */
        j->doubt_count--;
    }
    j->doubts[j->doubt_count++] = moon_judge_now(j);
}

static uint64_t before(uint64_t when, uint64_t by)
{
    return when > by ? when - by : 0;
}

uint64_t moon_judge_horizon(struct moon_judge *j)
{
    uint64_t now = moon_judge_now(j);
    uint64_t known = j->is_late ? before(now, DOUBT_MS) : now;
    size_t old = 0;
    while (old < j->doubt_count && j->doubts[old] + DOUBT_MS < now) {
        old++;
    }
    j->doubt_count -= old;
    memmove(j->doubts, j->doubts + old, j->doubt_count * sizeof(j->doubts[0]));
    if (j->doubt_count > 0 && j->doubts[0] < known) {
        known = j->doubts[0];
    }
    size_t pos = 0;
    void *value = NULL;
    while (moon_map_next(j->blind, &pos, NULL, &value)) {
        uint64_t since = *(uint64_t *)value;
        known = since < known ? since : known;
    }
    return before(known, j->lag_ms);
}

/* A watch that was spoilt may be silent from now on, until the next one is opened. */
static void note_watch(struct moon_judge *j, const struct moon_sim_api_call *call)
{
    if (call->fault == NULL) {
        (void)moon_map_remove(j->blind, moon_str(call->resource));
        return;
    }
    uint64_t *since = moon_new(uint64_t);
    *since = moon_judge_now(j);
    moon_map_set(j->blind, moon_str(call->resource), since);
}

void moon_judge_restart(struct moon_judge *j)
{
    doubt(j);
}

/* ---- what is fed ---- */

static bool is_controller(const struct moon_judge *j, const struct moon_sim_api_call *call)
{
    return moon_str_starts(moon_str(call->client), j->client);
}

void moon_judge_begin(struct moon_judge *j, const struct moon_sim_api_call *call)
{
    j->is_acting = is_controller(j, call);
    if (!j->is_acting) {
        return;
    }
    if (moon_streq(call->verb, "watch")) {
        note_watch(j, call);
    }
    if (call->fault != NULL) {
        doubt(j);
        j->is_late = moon_streq(call->fault, moon_sim_fault_name(MOON_SIM_FAULT_DELAY));
    }
}

void moon_judge_late(struct moon_judge *j, const struct moon_sim_api_call *call)
{
    if (is_controller(j, call)) {
        doubt(j);
    }
}

static void count(struct moon_judge *j, const struct moon_sim_api_call *call)
{
    MOON_AUTOFREE char *key = moon_asprintf("%s %s", call->verb, call->resource);
    uint64_t *counter = moon_map_get(j->calls, moon_str(key));
    if (counter == NULL) {
        counter = moon_new(uint64_t);
        moon_map_set(j->calls, moon_str(key), counter);
    }
    (*counter)++;
}

static bool is_write(const char *verb)
{
    return !moon_streq(verb, "get") && !moon_streq(verb, "list") && !moon_streq(verb, "watch");
}

void moon_judge_end(struct moon_judge *j, const struct moon_sim_api_call *call)
{
    if (is_controller(j, call)) {
        count(j, call);
        if (j->expects_rest && is_write(call->verb) && !call->dry_run &&
            !moon_streq(call->resource, "leases")) {
            moon_judge_accuse(
                j, "noise", "%s %s%s%s%s%s although everything is at rest (answer %d)", call->verb,
                call->resource, call->ns[0] != '\0' ? " in " : "", call->ns,
                call->name[0] != '\0' ? ": " : "", call->name, call->status);
        }
    }
    j->is_acting = false;
    j->is_late = false;
}

void moon_judge_event(struct moon_judge *j, const struct moon_sim_event *event)
{
    static const struct {
        const char *group;
        const char *kind;
        void (*take)(struct moon_judge *j, const struct moon_sim_event *event, const cJSON *tree);
    } table[] = {
        {"", "Pod", moon_judge_pod_event},
        {"", "Node", moon_judge_node_event},
        {"", "Event", moon_judge_told_event},
        {"apps", "DaemonSet", moon_judge_set_event},
        {"apps", "ControllerRevision", moon_judge_revision_event},
    };
    const struct moon_sim_kind *kind = event->obj->kind;
    j->seq++;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(table); i++) {
        if (moon_streq(kind->kind, table[i].kind) && moon_streq(kind->group, table[i].group)) {
            MOON_AUTOJSON *tree = moon_sim_obj_tree(event->obj);
            table[i].take(j, event, tree);
        }
    }
}

/* ---- counters ---- */

uint64_t moon_judge_calls(const struct moon_judge *j, const char *verb, const char *resource)
{
    MOON_AUTOFREE char *key = moon_asprintf("%s %s", verb, resource);
    const uint64_t *counter = moon_map_get(j->calls, moon_str(key));
    return counter != NULL ? *counter : 0;
}

uint64_t moon_judge_writes(const struct moon_judge *j)
{
    uint64_t writes = 0;
    size_t pos = 0;
    struct moon_str key;
    void *counter;
    while (moon_map_next(j->calls, &pos, &key, &counter)) {
        struct moon_str verb;
        (void)moon_str_split(&key, ' ', &verb);
        MOON_AUTOFREE char *text = moon_str_dup(verb);
        writes += is_write(text) && !moon_str_is(key, "leases") ? *(uint64_t *)counter : 0;
    }
    return writes;
}

static int compare_keys(const void *a, const void *b)
{
    return moon_str_cmp(*(const struct moon_str *)a, *(const struct moon_str *)b);
}

void moon_judge_tally(struct moon_judge *j, struct moon_buf *out)
{
    size_t count = moon_map_count(j->calls);
    MOON_AUTOFREE struct moon_str *keys = moon_new_array(struct moon_str, count + 1);
    size_t pos = 0;
    size_t i = 0;
    while (i < count && moon_map_next(j->calls, &pos, &keys[i], NULL)) {
        i++;
    }
    qsort(keys, count, sizeof(*keys), compare_keys);
    for (i = 0; i < count; i++) {
        const uint64_t *counter = moon_map_get(j->calls, keys[i]);
        moon_buf_printf(out, "%s%.*s %" PRIu64, i > 0 ? ", " : "", (int)keys[i].len, keys[i].ptr,
                        *counter);
    }
    moon_map_clear(j->calls);
}
