/* SPDX-License-Identifier: Apache-2.0
 *
 * manager.c - puts the layers together, and takes them apart in the right order.
 */
#include "host/manager.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "control/election.h"
#include "host/admin.h"
#include "host/delivery.h"
#include "host/plan_json.h"
#include "host/recording.h"
#include "io/file.h"
#include "kube/kubeconfig.h"

#define MANAGER_MAGIC 0x3a7a6e01u
#define TOPIC "manager"

enum {
    /* Calls beside the writes: events go out and lists are read also when apply is busy. */
    SPARE_CALLS = 8,
    FIRST_RETRY_TOLD = 4,
};

struct listener {
    void (*on_report)(const struct moon_policy_report *report, void *ctx);
    void (*on_changed)(void *ctx);
    void *ctx;
};

struct check {
    bool (*fn)(void *ctx);
    void *ctx;
};

struct explainer {
    cJSON *(*fn)(struct moon_str key, const char *node, void *ctx, struct moon_err *err);
    void *ctx;
};

struct lister {
    cJSON *(*fn)(const char *what, struct moon_str key, void *ctx, struct moon_err *err);
    void *ctx;
};

struct stepper {
    void (*fn)(struct moon_str key, void *ctx);
    void *ctx;
};

struct moon_manager {
    unsigned magic;
    struct moon_loop *loop;
    const struct moon_config *config;
    struct moon_registry *registry;
    bool owns_registry;
    struct moon_client *client;
    struct moon_apply *apply;
    struct moon_recorder *recorder;
    struct moon_policies *policies;
    struct moon_delivery *delivery; /* NULL: no ConfigMaps are read */
    struct moon_last_good *last_good;
    struct moon_admin *admin;
    struct moon_election *election;
    struct moon_internal internal;
    struct listener *listeners;
    size_t listener_count;
    struct check *settled; /* all must say so */
    size_t settled_count;
    struct explainer *explainers;
    size_t explainer_count;
    struct lister *listers;
    size_t lister_count;
    struct stepper *steppers;
    size_t stepper_count;
    struct moon_recording *recording;  /* NULL: none is wanted */
    struct moon_figures *figures_into; /* NULL: nobody wants them */
    bool is_stepped;
    bool carries_out;
    bool leading;
    bool stopping;
    uint64_t grace_ms;
    void (*on_stopped)(void *ctx);
    void *on_stopped_ctx;
    void (*on_fatal)(const char *why, void *ctx);
    void (*on_plan)(const struct moon_plan *plan, void *ctx); /* NULL: plans are carried out */
    void *ctx;
};

/* ---- policies ---- */

static void policy_report(const struct moon_policy_report *report, void *ctx)
{
    const struct moon_manager *m = MOON_CAST(moon_manager, ctx, MANAGER_MAGIC);

    if (report->set[0] == '\0') {
        moon_error("policy", "policy not loaded, the version in force stays", "policy",
                   report->policy, "fault", moon_policy_fault_name(report->fault), "err",
                   report->text);
    }
    for (size_t i = 0; i < m->listener_count; i++) {
        m->listeners[i].on_report(report, m->listeners[i].ctx);
    }
}

static void policy_changed(void *ctx)
{
    const struct moon_manager *m = MOON_CAST(moon_manager, ctx, MANAGER_MAGIC);

    moon_info("policy", "policies in force have changed");
    if (m->recording != NULL) {
        moon_recording_policies(m->recording, m->policies);
    }
    for (size_t i = 0; i < m->listener_count; i++) {
        m->listeners[i].on_changed(m->listeners[i].ctx);
    }
}

static void policy_used(void *ctx)
{
    const struct moon_manager *m = MOON_CAST(moon_manager, ctx, MANAGER_MAGIC);

    if (m->last_good != NULL) {
        moon_last_good_changed(m->last_good);
    }
}

static void policy_replaced(const char *policy, const char *by, const char *instead_of, void *ctx)
{
    (void)ctx;
    moon_info("policy", "a policy is replaced", "policy", policy, "by", by, "instead-of",
              instead_of);
}

static struct moon_manager *manager_of(const struct moon_internal *in)
{
    return MOON_CAST(moon_manager, in->manager, MANAGER_MAGIC);
}

static void listen_policies(const struct moon_internal *in,
                            void (*on_report)(const struct moon_policy_report *report, void *ctx),
                            void (*on_changed)(void *ctx), void *ctx)
{
    struct moon_manager *m = manager_of(in);

    m->listeners = moon_realloc_array(m->listeners, m->listener_count + 1, sizeof(*m->listeners));
    m->listeners[m->listener_count++] = (struct listener){on_report, on_changed, ctx};
}

static void add_ready_check(const struct moon_internal *in, const char *name, bool (*fn)(void *ctx),
                            void *ctx)
{
    struct moon_manager *m = manager_of(in);

    if (m->admin != NULL) {
        moon_admin_add_check(m->admin, name, fn, ctx);
    }
}

static void add_settled_check(const struct moon_internal *in, bool (*fn)(void *ctx), void *ctx)
{
    struct moon_manager *m = manager_of(in);

    m->settled = moon_realloc_array(m->settled, m->settled_count + 1, sizeof(*m->settled));
    m->settled[m->settled_count++] = (struct check){fn, ctx};
}

static void add_explainer(const struct moon_internal *in,
                          cJSON *(*fn)(struct moon_str key, const char *node, void *ctx,
                                       struct moon_err *err),
                          void *ctx)
{
    struct moon_manager *m = manager_of(in);

    m->explainers =
        moon_realloc_array(m->explainers, m->explainer_count + 1, sizeof(*m->explainers));
    m->explainers[m->explainer_count++] = (struct explainer){fn, ctx};
}

static struct moon_plugin_query *ask_provider(const struct moon_internal *in,
                                              const struct moon_question *question)
{
    return moon_provider_ask(manager_of(in)->registry, question);
}

static void see_figures(const struct moon_provider_answer *answer, void *ctx)
{
    const struct moon_manager *m = MOON_CAST(moon_manager, ctx, MANAGER_MAGIC);

    if (m->recording != NULL) {
        moon_recording_figures(m->recording, answer);
    }
    if (m->figures_into != NULL) {
        moon_figures_put(m->figures_into, answer);
    }
}

static void ready_figures(struct moon_manager *m, struct moon_figures *from)
{
    if (m->recording != NULL || m->figures_into != NULL) {
        moon_provider_watch(m->registry, (struct moon_provider_witness){see_figures, m});
    }
    if (from != NULL) {
        struct moon_plugin_provider stand_in = moon_figures_begin(from, m->loop);
        moon_provider_stand_in(m->registry, &stand_in);
    }
}

static void add_lister(const struct moon_internal *in,
                       cJSON *(*fn)(const char *what, struct moon_str key, void *ctx,
                                    struct moon_err *err),
                       void *ctx)
{
    struct moon_manager *m = manager_of(in);

    m->listers = moon_realloc_array(m->listers, m->lister_count + 1, sizeof(*m->listers));
    m->listers[m->lister_count++] = (struct lister){fn, ctx};
}

static void add_stepper(const struct moon_internal *in, void (*fn)(struct moon_str key, void *ctx),
                        void *ctx)
{
    struct moon_manager *m = manager_of(in);

    m->steppers = moon_realloc_array(m->steppers, m->stepper_count + 1, sizeof(*m->steppers));
    m->steppers[m->stepper_count++] = (struct stepper){fn, ctx};
}

/* ---- leading ---- */

static void keep_last_good(struct moon_manager *m, bool keep)
{
    if (m->last_good != NULL) {
        moon_last_good_lead(m->last_good, keep);
    }
}

static void lead(void *ctx)
{
    struct moon_manager *m = MOON_CAST(moon_manager, ctx, MANAGER_MAGIC);

    if (m->stopping) {
        return; /* the lease has come too late, and is given back with the rest */
    }
    moon_info(TOPIC, "leading");
    m->leading = true;
    if (m->recording != NULL) {
        moon_recording_lead(m->recording);
    }
    keep_last_good(m, !m->config->dry_run);
    moon_apply_resume(m->apply);
    moon_registry_role(m->registry, true);
}

void moon_manager_lead(struct moon_manager *m)
{
    lead(m);
}

static void stop_leading(struct moon_manager *m)
{
    if (m->leading) {
        m->leading = false;
        keep_last_good(m, false);
        moon_apply_suspend(m->apply);
        moon_registry_role(m->registry, false);
    }
}

static void lost(void *ctx)
{
    struct moon_manager *m = MOON_CAST(moon_manager, ctx, MANAGER_MAGIC);

    stop_leading(m);
    if (!m->stopping && m->on_fatal != NULL) {
        m->on_fatal("the lease is lost", m->ctx);
    }
}

static void election_info(const char *text, void *ctx)
{
    (void)ctx;
    moon_info("election", text);
}

/* Decides as if it were the leader, and writes nothing. */
static void begin_planning(struct moon_manager *m)
{
    moon_apply_suspend(m->apply);
    moon_apply_observe(m->apply, m->on_plan, m->ctx);
    moon_recorder_mute(m->recorder);
    m->leading = true;
    moon_registry_role(m->registry, true);
}

/* Carries out what it decides, but not in a cluster. */
static void begin_playing(struct moon_manager *m)
{
    moon_apply_observe(m->apply, m->on_plan, m->ctx);
    moon_recorder_mute(m->recorder);
    moon_apply_suspend(m->apply);
    if (!m->is_stepped) {
        lead(m);
    }
}

static void record_plan(const struct moon_plan *plan, void *ctx)
{
    moon_recording_plan(MOON_CAST(moon_manager, ctx, MANAGER_MAGIC)->recording, plan);
}

static void begin(struct moon_manager *m)
{
    const struct moon_config *c = m->config;

    if (m->is_stepped || m->carries_out) {
        begin_playing(m);
        return;
    }
    if (m->recording != NULL) {
        moon_apply_observe(m->apply, record_plan, m);
    }
    if (m->on_plan != NULL) {
        begin_planning(m);
        return;
    }
    if (!c->leader_elect) {
        lead(m);
        return;
    }
    moon_apply_suspend(m->apply);
    m->election = moon_election_new(m->client, &(struct moon_election_opts){
                                                   .namespace = c->lease_namespace,
                                                   .name = c->lease_name,
                                                   .on_started = lead,
                                                   .on_stopped = lost,
                                                   .on_info = election_info,
                                                   .ctx = m,
                                               });
}

static void begin_unless_stopping(void *ctx)
{
    struct moon_manager *m = MOON_CAST(moon_manager, ctx, MANAGER_MAGIC);

    if (!m->stopping) {
        begin(m);
    }
}

static bool has_policies(void *ctx)
{
    const struct moon_manager *m = MOON_CAST(moon_manager, ctx, MANAGER_MAGIC);

    return m->delivery == NULL || moon_delivery_is_ready(m->delivery);
}

/* Nothing is decided before all policies are there. Those of a scene are complete. */
static void await_policies(struct moon_manager *m, const struct moon_scene *scene)
{
    if (m->config->policy_namespace[0] == '\0' || scene != NULL) {
        begin(m);
        return;
    }
    if (m->admin != NULL) {
        moon_admin_add_check(m->admin, "policies", has_policies, m);
    }
    m->last_good = moon_last_good_new(&(struct moon_last_good_opts){
        .client = m->client,
        .policies = m->policies,
        .namespace = m->config->policy_namespace,
    });
    m->delivery = moon_delivery_new(&(struct moon_delivery_opts){
        .client = m->client,
        .policies = m->policies,
        .namespace = m->config->policy_namespace,
        .last_good = m->last_good,
        .on_ready = begin_unless_stopping,
        .ctx = m,
    });
}

/* ---- parts ---- */

/* The 4th, 8th, 16th … time: a write that nobody answers never ends, and should not be a secret. */
static void write_retried(const struct moon_action *action, unsigned tries,
                          const struct moon_err *err, void *ctx)
{
    (void)ctx;
    if (tries >= FIRST_RETRY_TOLD && (tries & (tries - 1)) == 0) {
        moon_warn("apply", "no good answer yet, sending again", "verb",
                  moon_verb_name(action->verb), "resource", action->resource->plural, "namespace",
                  action->namespace, "name", action->name, "tries", MOON_LOG_INT(tries), "err",
                  err->text);
    }
}

static int connect_api(struct moon_manager *m, const struct moon_manager_opts *opts,
                       struct moon_err *err)
{
    const struct moon_config *c = m->config;
    struct moon_kubeconfig *k = opts->take_kubeconfig;
    const struct moon_client_witness *witness = opts->witness;
    struct moon_client_witness own;

    if (k == NULL) {
        k = moon_kubeconfig_load(
            &(struct moon_kubeconfig_opts){.path = c->kubeconfig, .context = c->context}, err);
    }
    if (k == NULL) {
        return -(int)err->code;
    }
    if (m->recording != NULL) {
        own = moon_recording_witness(m->recording);
        witness = &own;
    }
    m->client =
        moon_client_new(m->loop, k,
                        &(struct moon_client_opts){.http1_only = c->http1,
                                                   .max_in_flight = c->max_in_flight + SPARE_CALLS,
                                                   .stand_in = opts->stand_in,
                                                   .witness = witness},
                        err);
    if (m->client == NULL) {
        return -(int)err->code;
    }
    m->apply = moon_apply_new(m->client, &(struct moon_apply_opts){
                                             .max_in_flight = c->max_in_flight,
                                             .dry_run = c->dry_run,
                                             .on_retry = write_retried,
                                         });
    m->recorder = moon_recorder_new(m->client, "daemonset-controller");
    return 0;
}

/* The watchdog writes there when it is too late for error messages: find out now whether it can.
 * The disk may have room again by then, so a failure is told but ends nothing. */
static void try_state_dir(const char *dir)
{
    MOON_AUTOFREE char *path = moon_asprintf("%s/.moonset-probe", dir);
    struct moon_err err;

    if (moon_file_write(path, moon_str("moonset can write here\n"), 0600, &err) != 0) {
        moon_warn(TOPIC, "nothing can be kept in the state folder", "flag", "--state-dir", "err",
                  err.text);
        return;
    }
    (void)unlink(path);
}

static int load_policies(struct moon_manager *m, const struct moon_scene *scene,
                         struct moon_err *err)
{
    const struct moon_config *c = m->config;

    if (c->state_dir != NULL) {
        try_state_dir(c->state_dir);
    }
    m->policies = moon_policies_new(m->loop,
                                    &(struct moon_policies_opts){
                                        .texts = scene != NULL ? scene->policies : NULL,
                                        .text_count = scene != NULL ? scene->policy_count : 0,
                                        .dirs = (const char *const *)c->policy_dirs,
                                        .budget_scale = c->policy_budget_scale,
                                        .state_dir = c->state_dir,
                                        .watchdog = true,
                                        .no_memo = !c->policy_cache,
                                        .on_report = policy_report,
                                        .on_changed = policy_changed,
                                        .on_replaced = policy_replaced,
                                        .run_tests = true,
                                        .folders_win = m->config->guard_tells,
                                        .on_used = policy_used,
                                        .ctx = m,
                                    },
                                    err);
    if (m->policies != NULL && m->recording != NULL) {
        moon_recording_policies(m->recording, m->policies);
    }
    return m->policies != NULL ? 0 : -(int)err->code;
}

/* Only who carries out what it decides is worth a recording. */
static int open_recording(struct moon_manager *m, struct moon_err *err)
{
    const struct moon_config *c = m->config;

    if (c->record == NULL || m->on_plan != NULL) {
        return 0;
    }
    m->recording = moon_recording_new(
        &(struct moon_recording_opts){.loop = m->loop,
                                      .config = c,
                                      .path = c->record,
                                      .limit_bytes = (uint64_t)c->record_limit << 20},
        err);
    return m->recording != NULL ? 0 : -(int)err->code;
}

/* A process that is ending gets no new traffic. */
static bool is_running(void *ctx)
{
    const struct moon_manager *m = MOON_CAST(moon_manager, ctx, MANAGER_MAGIC);

    return !m->stopping;
}

static void add_pending(const struct moon_action *action, void *ctx)
{
    (void)cJSON_AddItemToArray(ctx, moon_plan_json_action(action, false));
}

/* Beside what the plugin says: what is on its way, as all that is decided is. */
static cJSON *explain_live(struct moon_str key, const char *node, void *ctx, struct moon_err *err)
{
    const struct moon_manager *m = MOON_CAST(moon_manager, ctx, MANAGER_MAGIC);
    cJSON *answer = moon_manager_explain(m, key, node, err);

    if (answer != NULL && node == NULL) {
        MOON_AUTOFREE char *text =
            moon_asprintf("%zu%s", moon_apply_pending(m->apply, key),
                          m->leading ? "" : "; this replica stands by and writes nothing");
        (void)cJSON_AddStringToObject(answer, "open writes", text);
    }
    if (answer != NULL) {
        MOON_AUTOJSON *pending = cJSON_CreateArray();
        moon_apply_each(m->apply, key, add_pending, pending);
        moon_plan_json_add_next(pending, node, answer);
    }
    return answer;
}

static cJSON *list_live(const char *what, struct moon_str key, void *ctx, struct moon_err *err)
{
    return moon_manager_list(MOON_CAST(moon_manager, ctx, MANAGER_MAGIC), what, key, err);
}

static int open_admin(struct moon_manager *m, struct moon_err *err)
{
    char addr[300];

    if (m->config->listen[0] == '\0' || m->on_plan != NULL) {
        return 0;
    }
    m->admin = moon_admin_new(m->loop, m->config->listen, m->registry, err);
    if (m->admin == NULL) {
        return -(int)err->code;
    }
    moon_admin_add_check(m->admin, "running", is_running, m);
    moon_admin_show(m->admin, &(struct moon_admin_views){.explain = explain_live,
                                                         .list = list_live,
                                                         .token_file = m->config->admin_token_file,
                                                         .ctx = m});
    const char *colon = strrchr(m->config->listen, ':');
    (void)snprintf(addr, sizeof(addr), "%.*s:%u", (int)(colon - m->config->listen),
                   m->config->listen, moon_admin_port(m->admin));
    moon_info("admin", "serving /healthz /readyz /metrics", "addr", addr);
    return 0;
}

static int start_plugins(struct moon_manager *m, struct moon_err *err)
{
    m->internal = (struct moon_internal){
        .struct_size = sizeof(m->internal),
        .loop = m->loop,
        .config = m->config,
        .client = m->client,
        .apply = m->apply,
        .recorder = m->recorder,
        .policies = m->policies,
        .listen_policies = listen_policies,
        .add_ready_check = add_ready_check,
        .add_settled_check = add_settled_check,
        .add_explainer = add_explainer,
        .ask_provider = ask_provider,
        .cancel_question = moon_provider_cancel,
        .add_lister = add_lister,
        .is_stepped = m->is_stepped,
        .add_stepper = add_stepper,
        .manager = m,
    };
    moon_registry_set_internal(m->registry, &m->internal);
    return moon_registry_start(m->registry, err);
}

/* ---- life ---- */

struct moon_manager *moon_manager_new(const struct moon_manager_opts *opts, struct moon_err *err)
{
    struct moon_manager *m = moon_new(struct moon_manager);

    /* What a provider says now is nothing to what was then, or might be. */
    moon_assert(opts->stand_in == NULL || opts->figures_from != NULL);
    m->magic = MANAGER_MAGIC;
    m->loop = opts->loop;
    m->config = opts->config;
    m->registry = opts->registry;
    m->on_fatal = opts->on_fatal;
    m->on_plan = opts->on_plan;
    m->is_stepped = opts->is_stepped;
    m->carries_out = opts->carries_out;
    m->figures_into = opts->figures_into;
    m->ctx = opts->ctx;
    if (open_recording(m, err) != 0 || connect_api(m, opts, err) != 0 ||
        load_policies(m, opts->scene, err) != 0) {
        moon_manager_free(m);
        return NULL;
    }
    if (m->registry == NULL) {
        m->owns_registry = true;
        m->registry = moon_registry_new(opts->config, err);
    }
    if (m->registry != NULL) {
        ready_figures(m, opts->figures_from);
    }
    if (m->registry == NULL || open_admin(m, err) != 0 || start_plugins(m, err) != 0) {
        moon_manager_free(m);
        return NULL;
    }
    moon_info(TOPIC, "started", "version", MOONSET_VERSION, "server",
              moon_client_config(m->client)->server, "kubeconfig",
              moon_client_config(m->client)->source);
    await_policies(m, opts->scene);
    return m;
}

static void end_plugins(struct moon_manager *m)
{
    if (m->registry == NULL) {
        return;
    }
    m->internal.apply = NULL;
    moon_registry_set_internal(m->registry, &m->internal);
    moon_registry_stop(m->registry, 0);
    moon_registry_end(m->registry);
    moon_registry_set_internal(m->registry, NULL);
    if (m->owns_registry) {
        moon_registry_free(m->registry);
    }
}

void moon_manager_free(struct moon_manager *m)
{
    if (m == NULL) {
        return;
    }
    /* Open actions end first (their callbacks reach into the plugins), then the plugins, then
     * what the plugins were using. */
    moon_delivery_free(m->delivery);
    moon_last_good_free(moon_steal(&m->last_good)); /* plugins go on using policies */
    moon_election_free(m->election);
    moon_admin_free(m->admin);
    stop_leading(m);
    moon_apply_free(m->apply);
    end_plugins(m);
    moon_recorder_free(m->recorder);
    moon_policies_free(m->policies);
    moon_client_free(m->client);
    moon_recording_free(m->recording);
    moon_free(m->listeners);
    moon_free(m->settled);
    moon_free(m->explainers);
    moon_free(m->listers);
    moon_free(m->steppers);
    m->magic = 0;
    moon_free(m);
}

static void released(void *ctx)
{
    struct moon_manager *m = MOON_CAST(moon_manager, ctx, MANAGER_MAGIC);

    m->on_stopped(m->on_stopped_ctx);
}

static void flushed(void *ctx)
{
    struct moon_manager *m = MOON_CAST(moon_manager, ctx, MANAGER_MAGIC);

    if (m->election != NULL) {
        moon_election_release(m->election, m->grace_ms / 2, released, m);
    } else {
        released(m);
    }
}

void moon_manager_stop(struct moon_manager *m, uint64_t grace_ms, void (*fn)(void *ctx), void *ctx)
{
    moon_assert(!m->stopping);
    moon_info(TOPIC, "stopping");
    m->stopping = true;
    m->grace_ms = grace_ms;
    m->on_stopped = fn;
    m->on_stopped_ctx = ctx;
    stop_leading(m);
    moon_registry_stop(m->registry, (int64_t)grace_ms);
    moon_recorder_flush(m->recorder, grace_ms / 2, flushed, m);
}

void moon_manager_reload(struct moon_manager *m)
{
    moon_policies_reload(m->policies);
}

size_t moon_manager_pending(const struct moon_manager *m)
{
    return moon_client_pending(m->client);
}

bool moon_manager_is_settled(const struct moon_manager *m)
{
    for (size_t i = 0; i < m->settled_count; i++) {
        if (!m->settled[i].fn(m->settled[i].ctx)) {
            return false;
        }
    }
    return has_policies((void *)(uintptr_t)m) && moon_client_pending(m->client) == 0;
}

void moon_manager_step(struct moon_manager *m, struct moon_str key)
{
    for (size_t i = 0; i < m->stepper_count; i++) {
        m->steppers[i].fn(key, m->steppers[i].ctx);
    }
}

void moon_manager_set_texts(struct moon_manager *m, const struct moon_policy_text *texts,
                            size_t count)
{
    moon_policies_set_texts(m->policies, texts, count);
}

struct moon_client *moon_manager_client(const struct moon_manager *m)
{
    return m->client;
}

const struct moon_policies *moon_manager_policies(const struct moon_manager *m)
{
    return m->policies;
}

cJSON *moon_manager_explain(const struct moon_manager *m, struct moon_str key, const char *node,
                            struct moon_err *err)
{
    (void)moon_err_set(err, MOON_E_NOT_FOUND, "no plugin can explain anything");
    for (size_t i = 0; i < m->explainer_count; i++) {
        cJSON *answer = m->explainers[i].fn(key, node, m->explainers[i].ctx, err);
        if (answer != NULL) {
            return answer;
        }
    }
    return NULL;
}

cJSON *moon_manager_list(const struct moon_manager *m, const char *what, struct moon_str key,
                         struct moon_err *err)
{
    (void)moon_err_set(err, MOON_E_NOT_FOUND, "no plugin can list anything");
    for (size_t i = 0; i < m->lister_count; i++) {
        cJSON *answer = m->listers[i].fn(what, key, m->listers[i].ctx, err);
        if (answer != NULL) {
            return answer;
        }
    }
    return NULL;
}

uint16_t moon_manager_admin_port(const struct moon_manager *m)
{
    return m->admin != NULL ? moon_admin_port(m->admin) : 0;
}
