/* SPDX-License-Identifier: Apache-2.0 */
#include "apply_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/metrics.h"

int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){0};
    server_init(&f.server);
    *state = &f;
    return 0;
}

int teardown(void **state)
{
    struct fixture *f = *state;
    moon_apply_free(f->apply);
    server_fini(&f->server);
    moon_metrics_reset();
    return 0;
}

static void on_retry(const struct moon_action *action MOON_UNUSED, unsigned tries MOON_UNUSED,
                     const struct moon_err *err MOON_UNUSED, void *ctx)
{
    struct fixture *f = ctx;
    f->retries++;
}

void start(struct fixture *f, struct moon_apply_opts opts)
{
    opts.on_retry = on_retry;
    opts.ctx = f;
    f->apply = moon_apply_new(f->server.client, &opts);
}

/* ---- plans ---- */

static void on_done(const struct moon_result *result, void *ctx)
{
    struct fixture *f = ctx;
    assert_true(f->done < OUTCOMES_MAX);
    struct outcome *o = &f->outcomes[f->done++];
    o->code = result->err != NULL ? result->err->code : MOON_OK;
    o->status = result->answer != NULL ? result->answer->status : 0;
    o->found = result->found;
    o->quiet = result->quiet;
    snprintf(o->name, sizeof o->name, "%s", result->action->name);
}

static void on_plan_done(struct moon_str key MOON_UNUSED, size_t failed, void *ctx)
{
    struct fixture *f = ctx;
    f->plans_done++;
    f->failed += failed;
}

static void write_pod(const struct moon_action *a, struct moon_buf *out)
{
    moon_buf_printf(out,
                    "{\"metadata\":{\"name\":\"%s\",\"ownerReferences\":[{\"uid\":\"gc\"},{"
                    "\"controller\":true,\"uid\":\"%s\"}]}}",
                    a->name, a->owner_uid);
}

static void write_patch(const struct moon_action *a MOON_UNUSED, struct moon_buf *out)
{
    moon_buf_puts(out, "{\"status\":{\"n\":1}}");
}

void add_create(struct fixture *f, struct moon_plan *plan, const char *name)
{
    moon_plan_add(plan,
                  &(struct moon_action){.verb = MOON_VERB_CREATE,
                                        .resource = &moon_resource_pods,
                                        .namespace = "default",
                                        .name = moon_arena_strdup(moon_plan_arena(plan), name),
                                        .owner_uid = "owner",
                                        .reason = "test",
                                        .write_body = write_pod,
                                        .on_done = on_done,
                                        .ctx = f});
}

void add_delete(struct fixture *f, struct moon_plan *plan, const char *name, const char *uid)
{
    moon_plan_add(plan,
                  &(struct moon_action){.verb = MOON_VERB_DELETE,
                                        .resource = &moon_resource_pods,
                                        .namespace = "default",
                                        .name = moon_arena_strdup(moon_plan_arena(plan), name),
                                        .uid = uid,
                                        .reason = "test",
                                        .on_done = on_done,
                                        .ctx = f});
}

void add_write(struct fixture *f, struct moon_plan *plan, enum moon_verb verb, const char *name)
{
    moon_plan_add(plan, &(struct moon_action){.verb = verb,
                                              .resource = &moon_resource_pods,
                                              .namespace = "default",
                                              .name = name,
                                              .reason = "test",
                                              .write_body = write_patch,
                                              .on_done = on_done,
                                              .ctx = f});
}

struct moon_plan *plan_of_creates(struct fixture *f, struct moon_str key, const char *prefix,
                                  unsigned count)
{
    struct moon_plan *plan = moon_plan_new(key);
    for (unsigned i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s-%u", prefix, i);
        add_create(f, plan, name);
    }
    return plan;
}

void submit(struct fixture *f, struct moon_plan *plan)
{
    moon_apply_submit(f->apply, plan, on_plan_done, f);
}

void create_one(struct fixture *f)
{
    submit(f, plan_of_creates(f, KEY, "a", 1));
}

void assert_outcome(const struct fixture *f, size_t i, enum moon_code code, int status)
{
    assert_true(i < f->done);
    assert_int_equal(f->outcomes[i].code, code);
    assert_int_equal(f->outcomes[i].status, status);
}

void assert_log(const struct fixture *f, size_t i, const char *line)
{
    assert_true(i < f->server.calls);
    assert_string_equal(f->server.log[i], line);
}

/* ---- faults ---- */

struct answer cut_first_before(const struct server *s MOON_UNUSED, const char *method MOON_UNUSED,
                               size_t call)
{
    return (struct answer){.fault = call == 0 ? FAULT_CUT_BEFORE : FAULT_NONE};
}

struct answer hold_first(const struct server *s MOON_UNUSED, const char *method MOON_UNUSED,
                         size_t call)
{
    return (struct answer){.fault = call == 0 ? FAULT_HOLD : FAULT_NONE};
}

struct answer fail_often(const struct server *s MOON_UNUSED, const char *method MOON_UNUSED,
                         size_t call)
{
    if (call < 9) {
        return (struct answer){.fault = FAULT_REFUSE, .status = 500, .reason = "InternalError"};
    }
    return (struct answer){0};
}
