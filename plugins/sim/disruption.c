/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/disruption.h"

#include "base/log.h"
#include "cache/informer.h"
#include "sim/budget.h"
#include "sim/chores.h"

#define TOPIC "disruption"

enum {
    DISRUPTION_MAGIC = 0x64697372,
    WRITES = 8,
    /* Gathers the pods that change together, since each look counts all of them. */
    GATHER_MS = 20,
    BUDGETS_BY_NAMESPACE = 0
};

struct moon_disruption {
    unsigned magic;
    struct moon_loop *loop;
    struct moon_store *pods;
    struct moon_recorder *recorder;
    struct moon_informer *budgets;
    struct moon_chores *chores; /* "namespace/name" of a budget */
};

static struct moon_store *budget_store(const struct moon_disruption *d)
{
    return moon_informer_store(d->budgets);
}

static void look_at(struct moon_disruption *d, const struct moon_object *budget)
{
    MOON_AUTOFREE char *key = moon_asprintf("%s/%s", budget->namespace, budget->name);
    moon_chores_look_after(d->chores, key, GATHER_MS);
}

/* ---- one budget ---- */

static const struct moon_budget *find(const struct moon_disruption *d, struct moon_str key)
{
    struct moon_str name = key;
    struct moon_str ns;
    (void)moon_str_split(&name, '/', &ns);
    MOON_AUTOFREE char *ns_text = moon_str_dup(ns);
    MOON_AUTOFREE char *name_text = moon_str_dup(name);
    const struct moon_object *object = moon_store_get(budget_store(d), ns_text, name_text);
    return object != NULL && object->deleted_s == 0 ? moon_budget(object) : NULL;
}

static void tell(struct moon_disruption *d, const struct moon_budget *budget,
                 const struct moon_budget_verdict *verdict)
{
    if (verdict->pods == 0) {
        moon_recorder_event(d->recorder, &budget->meta, MOON_EVENT_NORMAL, "NoPods",
                            "No matching pods found");
    } else if (verdict->message[0] != '\0') {
        moon_recorder_event(
            d->recorder, &budget->meta, MOON_EVENT_WARNING, "CalculateExpectedPodCountFailed",
            "Failed to calculate the number of expected pods: %s", verdict->message);
    }
}

static bool next(struct moon_str key, struct moon_request *request, struct moon_buf *body,
                 void *ctx)
{
    struct moon_disruption *d = MOON_CAST(moon_disruption, ctx, DISRUPTION_MAGIC);
    struct moon_budget_verdict verdict;
    int64_t now_s = moon_loop_wall_ms(d->loop) / 1000;
    const struct moon_budget *budget = find(d, key);
    if (budget == NULL) {
        return false;
    }
    if (!moon_store_is_synced(d->pods)) {
        look_at(d, &budget->meta);
        return false;
    }
    moon_budget_judge(budget, d->pods, now_s, &verdict);
    if (verdict.recheck_s > 0) {
        MOON_AUTOFREE char *text = moon_str_dup(key);
        moon_chores_look_after(d->chores, text, (uint64_t)verdict.recheck_s * 1000);
    }
    if (!moon_budget_write(budget, &verdict, d->pods, now_s, body)) {
        return false;
    }
    tell(d, budget, &verdict);
    *request = (struct moon_request){.verb = MOON_VERB_PATCH_MERGE,
                                     .resource = moon_kind_budget.resource,
                                     .namespace = budget->meta.namespace,
                                     .name = budget->meta.name,
                                     .subresource = "status"};
    return true;
}

/* What the write has made of it is known before the watch tells. */
static void done(MOON_UNUSED struct moon_str key, const struct moon_answer *answer, void *ctx)
{
    struct moon_disruption *d = MOON_CAST(moon_disruption, ctx, DISRUPTION_MAGIC);
    struct moon_object *object;
    struct moon_err ignored;
    if (moon_object_project(&moon_kind_budget, answer->body, &object, &ignored) == 0 &&
        object != NULL) {
        (void)moon_store_put_write(budget_store(d), object);
    }
}

/* ---- budgets and pods come, change and go ---- */

static void on_budget(const struct moon_change *change, void *ctx)
{
    struct moon_disruption *d = MOON_CAST(moon_disruption, ctx, DISRUPTION_MAGIC);
    if (change->new_object != NULL) {
        look_at(d, change->new_object);
    }
}

static void on_pod(const struct moon_change *change, void *ctx)
{
    struct moon_disruption *d = MOON_CAST(moon_disruption, ctx, DISRUPTION_MAGIC);
    const struct moon_object *old = change->old_object;
    const struct moon_object *now = change->new_object;
    size_t count;
    const struct moon_object *const *budgets = moon_store_by_index(
        budget_store(d), BUDGETS_BY_NAMESPACE, (now != NULL ? now : old)->namespace, &count);
    for (size_t i = 0; i < count; i++) {
        const struct moon_budget *budget = moon_budget(budgets[i]);
        if ((old != NULL && moon_budget_covers(budget, old)) ||
            (now != NULL && moon_budget_covers(budget, now))) {
            look_at(d, budgets[i]);
        }
    }
}

/* ---- life ---- */

static void on_trouble(const struct moon_err *err, MOON_UNUSED void *ctx)
{
    moon_warn(TOPIC, "watch failed, will be tried again", "err", err->text);
}

static void by_namespace(const struct moon_object *object, void (*add)(moon_sym key, void *ctx),
                         void *ctx)
{
    add(object->namespace, ctx);
}

struct moon_disruption *moon_disruption_new(struct moon_client *client, struct moon_store *pods,
                                            struct moon_recorder *recorder)
{
    static const struct moon_index_opts index = {.name = "namespace", .keys = by_namespace};
    struct moon_disruption *d = moon_new(struct moon_disruption);
    d->magic = DISRUPTION_MAGIC;
    d->loop = moon_client_loop(client);
    d->pods = pods;
    d->recorder = recorder;
    d->chores = moon_chores_new(&(struct moon_chores_opts){.client = client,
                                                           .name = TOPIC,
                                                           .max_in_flight = WRITES,
                                                           .next = next,
                                                           .done = done,
                                                           .ctx = d});
    d->budgets = moon_informer_new(client, &(struct moon_informer_opts){.kind = &moon_kind_budget,
                                                                        .indexes = &index,
                                                                        .index_count = 1,
                                                                        .on_error = on_trouble});
    moon_store_listen(budget_store(d), on_budget, d);
    moon_store_listen(pods, on_pod, d);
    moon_informer_start(d->budgets);
    return d;
}

const struct moon_store *moon_disruption_budgets(const struct moon_disruption *d)
{
    return budget_store(d);
}

void moon_disruption_free(struct moon_disruption *d)
{
    if (d == NULL) {
        return;
    }
    moon_store_unlisten(d->pods, on_pod, d);
    moon_store_unlisten(budget_store(d), on_budget, d);
    moon_chores_free(d->chores);
    moon_informer_free(d->budgets);
    d->magic = 0;
    moon_free(d);
}
