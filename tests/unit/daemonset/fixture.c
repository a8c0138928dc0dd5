/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/metrics.h"
#include "base/random.h"
#include "server.h"

enum {
    TEXT_MAX = 64 << 20
};

static struct fixture *the_fixture;

struct fixture *fixture(void)
{
    return the_fixture;
}

/* ---- what the controller calls, caught at the linker ---- */

void __wrap_moon_recorder_event(struct moon_recorder *r, const struct moon_object *object,
                                enum moon_event_type type, const char *reason, const char *fmt, ...)
    MOON_PRINTF(5, 6);
void __wrap_moon_recorder_event(struct moon_recorder *r MOON_UNUSED,
                                const struct moon_object *object, enum moon_event_type type,
                                const char *reason, const char *fmt, ...)
{
    struct fixture *f = the_fixture;
    size_t i = f->event_count % EVENTS_MAX; /* the last ones are kept */
    MOON_CLEANUP(moon_buf_fini) struct moon_buf message = MOON_BUF_INIT(4096);
    va_list args;

    va_start(args, fmt);
    moon_buf_vprintf(&message, fmt, args);
    va_end(args);
    (void)snprintf(f->events[i].message, sizeof(f->events[i].message), "%s",
                   moon_buf_cstr(&message));
    (void)snprintf(f->events[i].reason, sizeof(f->events[i].reason), "%s", reason);
    f->events[i].type = type;
    assert_true(object->kind == &moon_kind_daemonset || object->kind == &moon_kind_node);
    f->event_count++;
}

void __wrap_moon_controller_enqueue(struct moon_controller *c, struct moon_str key);
void __wrap_moon_controller_enqueue(struct moon_controller *c MOON_UNUSED, struct moon_str key)
{
    struct fixture *f = the_fixture;

    for (size_t i = 0; i < f->woken_count; i++) {
        if (moon_str_is(key, f->woken[i])) {
            return;
        }
    }
    assert_true(f->woken_count < KEYS_MAX);
    (void)snprintf(f->woken[f->woken_count++], sizeof(f->woken[0]), "%.*s", MOON_STR_ARG(key));
}

void __wrap_moon_controller_enqueue_after(struct moon_controller *c, struct moon_str key,
                                          uint64_t delay_ms);
void __wrap_moon_controller_enqueue_after(struct moon_controller *c MOON_UNUSED,
                                          struct moon_str key MOON_UNUSED,
                                          uint64_t delay_ms MOON_UNUSED)
{
}

struct moon_client_call *__wrap_moon_client_send(struct moon_client *c,
                                                 const struct moon_request *request);
struct moon_client_call *__wrap_moon_client_send(struct moon_client *c MOON_UNUSED,
                                                 const struct moon_request *request)
{
    struct fixture *f = the_fixture;

    assert_true(f->call_count < CALLS_MAX);
    f->calls[f->call_count++] = *request;
    (void)snprintf(f->query, sizeof(f->query), "%s", request->query != NULL ? request->query : "");
    return (struct moon_client_call *)(void *)&f->calls[f->call_count - 1];
}

void __wrap_moon_client_cancel(struct moon_client_call *call);
void __wrap_moon_client_cancel(struct moon_client_call *call MOON_UNUSED)
{
}

/* Of 600 names made by chance two are the same once in eighty times. */
void __wrap_moon_random_suffix(char *out, size_t n);
void __wrap_moon_random_suffix(char *out, size_t n)
{
    static const char letters[] = MOON_SAFE_ALPHABET;
    static unsigned made;
    unsigned rest = ++made;

    for (size_t i = n; i > 0; i--) {
        out[i - 1] = letters[rest % strlen(letters)];
        rest /= (unsigned)strlen(letters);
    }
    out[n] = '\0';
}

/* ---- life ---- */

static void listen_policies(const struct moon_internal *in MOON_UNUSED,
                            void (*on_report)(const struct moon_policy_report *report, void *ctx)
                                MOON_UNUSED,
                            void (*on_changed)(void *ctx) MOON_UNUSED, void *ctx MOON_UNUSED)
{
}

static void free_json(void *json)
{
    cJSON_Delete(json);
}

static void sync_empty(struct moon_informer *i)
{
    moon_store_list_begin(moon_informer_store(i));
    moon_store_list_end(moon_informer_store(i), 1);
}

static struct moon_policies *policies_of(struct fixture *f, const char *const *dirs)
{
    struct moon_err err;
    struct moon_policies *policies = moon_policies_new(
        NULL,
        &(struct moon_policies_opts){
            .dirs = dirs, .budget_scale = 100, .on_report = moon_ds_faults_report, .ctx = &f->ds},
        &err);

    assert_non_null(policies);
    return policies;
}

static void start(struct fixture *f)
{
    struct moon_err err;

    f->loop = moon_loop_new(&(struct moon_loop_opts){.virtual_clock = true}, &err);
    f->client = moon_client_new(f->loop, moon_kubeconfig_for_server("http://127.0.0.1:1"),
                                &(struct moon_client_opts){0}, &err);
    assert_non_null(f->client);
    f->config = moon_config_new();
    f->config->pod_watch = MOON_POD_WATCH_ALL;
    f->config->policy_budget_scale = 100; /* few tests are about time, and sanitizers take some */
    f->in = (struct moon_internal){
        .struct_size = sizeof(f->in),
        .loop = f->loop,
        .config = f->config,
        .client = f->client,
        .apply = moon_apply_new(f->client, &(struct moon_apply_opts){0}),
        .policies = policies_of(f, NULL),
        .listen_policies = listen_policies,
    };
    f->ds.in = &f->in;
    moon_ds_wake_init(&f->ds);
    sync_empty(f->ds.nodes);
    sync_empty(f->ds.pods);
    sync_empty(f->ds.revisions);
    sync_empty(f->ds.sets);
}

int setup(void **state)
{
    static struct fixture f;

    f = (struct fixture){.version = 100, .creates_left = SIZE_MAX, .alive = true, .generation = 1};
    moon_buf_init(&f.plan_text, TEXT_MAX);
    moon_buf_init(&f.last_body, TEXT_MAX);
    moon_buf_init(&f.last_revision, TEXT_MAX);
    moon_buf_init(&f.last_patch, TEXT_MAX);
    moon_buf_init(&f.last_status, TEXT_MAX);
    moon_buf_init(&f.last_eviction, TEXT_MAX);
    f.objects = moon_map_new(free_json);
    f.nodes = moon_map_new(free_json);
    f.status = cJSON_CreateObject();
    the_fixture = &f;
    *state = &f;
    moon_log_setup(MOON_LOG_ERROR, MOON_LOG_LOGFMT, 2);
    start(&f);
    return 0;
}

int teardown(void **state)
{
    struct fixture *f = *state;

    moon_apply_free(f->in.apply);
    f->in.apply = NULL;
    moon_ds_wake_stop(&f->ds);
    moon_policies_free(f->in.policies);
    moon_client_free(f->client);
    moon_config_free(f->config);
    moon_loop_free(f->loop);
    moon_map_free(f->objects);
    moon_map_free(f->nodes);
    moon_buf_fini(&f->last_eviction);
    cJSON_Delete(f->status);
    moon_buf_fini(&f->plan_text);
    moon_buf_fini(&f->last_body);
    moon_buf_fini(&f->last_revision);
    moon_buf_fini(&f->last_patch);
    moon_buf_fini(&f->last_status);
    moon_metrics_reset();
    return 0;
}

/* ---- syncs ---- */

static void count_action(const struct moon_action *a, struct counts *c)
{
    bool is_pod = a->resource == &moon_resource_pods;

    c->writes++;
    if (a->resource == &moon_resource_daemonsets) {
        c->status_writes++;
    } else if (a->resource == &moon_resource_nodes) {
        c->node_patches++;
    } else if (a->subresource != NULL) {
        c->evictions++;
    } else if (a->verb == MOON_VERB_CREATE) {
        *(is_pod ? &c->creates : &c->revision_creates) += 1;
    } else if (a->verb == MOON_VERB_DELETE) {
        *(is_pod ? &c->deletes : &c->revision_deletes) += 1;
    } else {
        *(is_pod ? &c->pod_patches : &c->revision_patches) += 1;
    }
}

static size_t loud_events(const struct fixture *f)
{
    size_t quiet = 0;
    size_t kept = f->event_count < EVENTS_MAX ? f->event_count : EVENTS_MAX;

    for (size_t i = 0; i < kept; i++) {
        const char *r = f->events[i].reason;
        quiet += strcmp(r, "SuccessfulCreate") == 0 || strcmp(r, "SuccessfulDelete") == 0 ||
                 strcmp(r, "FailedCreate") == 0 || strcmp(r, "FailedDelete") == 0;
    }
    return kept - quiet;
}

struct moon_plan *decide(struct fixture *f)
{
    struct moon_ds_set *set = set_of(f);
    MOON_AUTOFREE char *key = moon_strdup(set != NULL ? set->key : KEY);
    struct moon_plan *plan = moon_plan_new(moon_str(key));

    if (set != NULL && f->alive) {
        set->recheck_ok = true; /* as if the live GET had just been answered */
    }
    f->event_count = 0;
    f->last_rc = moon_ds_reconcile(moon_str(key), plan, &f->ds, &f->last_err);
    moon_buf_clear(&f->plan_text);
    moon_plan_print(plan, &f->plan_text);
    return plan;
}

struct counts carry_out(struct fixture *f, struct moon_plan *take_plan)
{
    struct counts c = {.requeue_ms = moon_plan_requeue_ms(take_plan)};

    for (size_t i = 0; i < moon_plan_count(take_plan); i++) {
        count_action(moon_plan_get(take_plan, i), &c);
        serve(f, moon_plan_get(take_plan, i));
    }
    moon_plan_free(take_plan);
    c.events = loud_events(f);
    return c;
}

struct counts sync_once(struct fixture *f)
{
    return carry_out(f, decide(f));
}

void settle(struct fixture *f)
{
    for (int i = 0; i < 50; i++) {
        struct counts c = sync_once(f);
        if (c.writes == 0 && c.requeue_ms > 5000) {
            return;
        }
        advance_s(f, 1);
    }
    fail_msg("no end: %s", moon_buf_cstr(&f->plan_text));
}

void assert_sync(struct fixture *f, size_t creates, size_t deletes, size_t events, const char *what,
                 int line)
{
    struct counts c = sync_once(f);

    if (c.creates != creates || c.deletes != deletes || c.events != events) {
        fail_msg("%s:%d: (%zu, %zu, %zu), wanted (%zu, %zu, %zu)\n%s", what, line, c.creates,
                 c.deletes, c.events, creates, deletes, events, moon_buf_cstr(&f->plan_text));
    }
}

void running(struct fixture *f, int nodes, const char *strategy)
{
    add_set(f, (struct set_opts){.strategy = strategy});
    add_nodes(f, 0, nodes, NULL);
    settle(f);
    assert_int_equal(pod_count(f), nodes);
    all_ready(f);
    settle(f);
}

void new_template(struct fixture *f, struct set_opts opts)
{
    static char texts[32][256];
    static int number;
    char *text = texts[number++ % 32];

    (void)snprintf(text, sizeof(texts[0]), TEMPLATE("\"hostname\":\"v%d\","), number);
    if (opts.template == NULL) {
        opts.template = text;
    }
    change_set(f, opts);
    struct counts c = sync_once(f);
    assert_int_equal(c.revision_creates, 1);
    assert_int_equal(c.creates + c.deletes, 0);
}

void use_policies(struct fixture *f, const char *dir)
{
    const char *dirs[] = {dir, NULL};

    moon_policies_free(f->in.policies);
    f->in.policies = policies_of(f, dirs);
}

static char mine_dir[64];
static char mine_path[128];

void use_mine(struct fixture *f)
{
    use_policies(f, mine_dir);
}

int setup_policies(void **state)
{
    (void)snprintf(mine_dir, sizeof(mine_dir), "/tmp/moonset-test-XXXXXX");
    assert_non_null(mkdtemp(mine_dir));
    (void)snprintf(mine_path, sizeof(mine_path), "%s/mine.lua", mine_dir);
    (void)setup(state);
    use_policies(*state, mine_dir);
    return 0;
}

int teardown_policies(void **state)
{
    (void)unlink(mine_path);
    (void)rmdir(mine_dir);
    return teardown(state);
}

void mine(struct fixture *f, const char *source)
{
    if (source == NULL) {
        assert_int_equal(unlink(mine_path), 0);
    } else {
        FILE *file = fopen(mine_path, "w");
        assert_non_null(file);
        assert_true(fputs(source, file) >= 0);
        assert_int_equal(fclose(file), 0);
    }
    moon_policies_reload(f->in.policies);
}

void running_mine(struct fixture *f, const char *source)
{
    mine(f, source);
    add_set(f, (struct set_opts){.strategy = ROLLING("1", "0"), .annotations = MINE});
    add_nodes(f, 0, 3, NULL);
    settle(f);
    all_ready(f);
    settle(f);
}

char *wanted_name(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){0});
    char *name = moon_strdup(set_of(f)->current->meta.name);
    (void)teardown(state);
    (void)setup(state);
    return name;
}

/* ---- what was seen ---- */

bool was_woken(struct fixture *f, const char *key)
{
    for (size_t i = 0; i < f->woken_count; i++) {
        if (strcmp(f->woken[i], key) == 0) {
            return true;
        }
    }
    return false;
}

void forget_woken(struct fixture *f)
{
    f->woken_count = 0;
}

size_t events_of(struct fixture *f, const char *reason)
{
    size_t count = 0;

    for (size_t i = 0; i < f->event_count && i < EVENTS_MAX; i++) {
        count += strcmp(f->events[i].reason, reason) == 0;
    }
    return count;
}

const char *condition(struct fixture *f, const char *type, const char *member)
{
    const cJSON *c;

    cJSON_ArrayForEach (c, moon_json_member(f->status, "conditions")) {
        if (moon_streq(moon_json_string(c, "type"), type)) {
            return moon_json_string(c, member);
        }
    }
    return "none";
}

void answer_get(struct fixture *f, int status, const char *body)
{
    struct moon_answer answer = {.status = status, .body = moon_str(body), .sent = true};
    struct moon_err err;

    assert_true(f->call_count > 0);
    struct moon_request request = f->calls[0];
    memmove(f->calls, f->calls + 1, --f->call_count * sizeof(f->calls[0]));
    (void)moon_err_set(&err, status == 404 ? MOON_E_NOT_FOUND : MOON_E_NETWORK, "no such luck");
    request.on_done(&answer, status == 200 ? NULL : &err, request.ctx);
}

void advance_s(struct fixture *f, int s)
{
    moon_loop_advance(f->loop, (uint64_t)s * 1000);
}
