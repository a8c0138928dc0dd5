/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/accounts.h"

#include "base/log.h"
#include "cache/informer.h"
#include "sim/chores.h"

#define TOPIC "accounts"
#define ACCOUNT "default"

enum {
    ACCOUNTS_MAGIC = 0x61636374,
    WRITES = 8
};

struct moon_accounts {
    unsigned magic;
    struct moon_informer *namespaces;
    struct moon_informer *accounts; /* those named default */
    struct moon_chores *chores;     /* by namespace */
};

/* ---- what is kept of both: the head ---- */

static int project_head(MOON_UNUSED struct moon_object *o, MOON_UNUSED const cJSON *json,
                        MOON_UNUSED struct moon_str text, MOON_UNUSED struct moon_err *err)
{
    return 0;
}

static void fini_head(MOON_UNUSED struct moon_object *o)
{
}

static bool same_head(const struct moon_object *a, const struct moon_object *b)
{
    return a->deleted_s == b->deleted_s;
}

static const struct moon_resource namespaces = {
    .group = "", .version = "v1", .plural = "namespaces", .kind = "Namespace"};
static const struct moon_resource accounts = {.group = "",
                                              .version = "v1",
                                              .plural = "serviceaccounts",
                                              .kind = "ServiceAccount",
                                              .namespaced = true};

static const struct moon_kind kind_namespace = {.resource = &namespaces,
                                                .size = sizeof(struct moon_object),
                                                .project = project_head,
                                                .fini = fini_head,
                                                .same = same_head};
static const struct moon_kind kind_account = {.resource = &accounts,
                                              .size = sizeof(struct moon_object),
                                              .project = project_head,
                                              .fini = fini_head,
                                              .same = same_head};

/* ---- one namespace ---- */

static bool next(struct moon_str key, struct moon_request *request, struct moon_buf *body,
                 void *ctx)
{
    struct moon_accounts *a = MOON_CAST(moon_accounts, ctx, ACCOUNTS_MAGIC);
    MOON_AUTOFREE char *name = moon_str_dup(key);
    const struct moon_object *ns = moon_store_get(moon_informer_store(a->namespaces), NULL, name);
    if (ns == NULL || ns->deleted_s != 0 || !moon_informer_is_synced(a->accounts) ||
        moon_store_get(moon_informer_store(a->accounts), name, ACCOUNT) != NULL) {
        return false;
    }
    moon_buf_puts(body, "{\"apiVersion\":\"v1\",\"kind\":\"ServiceAccount\",\"metadata\":{"
                        "\"name\":\"" ACCOUNT "\"}}");
    *request = (struct moon_request){
        .verb = MOON_VERB_CREATE, .resource = &accounts, .namespace = ns->name};
    return true;
}

/* It is known before the watch tells, so that it is not made twice. */
static void done(MOON_UNUSED struct moon_str key, const struct moon_answer *answer, void *ctx)
{
    struct moon_accounts *a = MOON_CAST(moon_accounts, ctx, ACCOUNTS_MAGIC);
    struct moon_object *object;
    struct moon_err ignored;
    if (moon_object_project(&kind_account, answer->body, &object, &ignored) == 0 &&
        object != NULL) {
        (void)moon_store_put_write(moon_informer_store(a->accounts), object);
    }
}

/* ---- both come and go ---- */

static void on_namespace(const struct moon_change *change, void *ctx)
{
    struct moon_accounts *a = MOON_CAST(moon_accounts, ctx, ACCOUNTS_MAGIC);
    if (change->new_object != NULL) {
        moon_chores_look(a->chores, change->new_object->name);
    }
}

static void on_account(const struct moon_change *change, void *ctx)
{
    struct moon_accounts *a = MOON_CAST(moon_accounts, ctx, ACCOUNTS_MAGIC);
    if (change->new_object == NULL) {
        moon_chores_look(a->chores, change->old_object->namespace);
    }
}

static void on_accounts_synced(void *ctx)
{
    struct moon_accounts *a = MOON_CAST(moon_accounts, ctx, ACCOUNTS_MAGIC);
    const struct moon_object *ns;
    size_t pos = 0;
    while ((ns = moon_store_next(moon_informer_store(a->namespaces), &pos)) != NULL) {
        moon_chores_look(a->chores, ns->name);
    }
}

/* ---- life ---- */

static void on_trouble(const struct moon_err *err, MOON_UNUSED void *ctx)
{
    moon_warn(TOPIC, "watch failed, will be tried again", "err", err->text);
}

struct moon_accounts *moon_accounts_new(struct moon_client *client)
{
    struct moon_accounts *a = moon_new(struct moon_accounts);
    a->magic = ACCOUNTS_MAGIC;
    a->chores = moon_chores_new(&(struct moon_chores_opts){.client = client,
                                                           .name = TOPIC,
                                                           .max_in_flight = WRITES,
                                                           .next = next,
                                                           .done = done,
                                                           .ctx = a});
    a->namespaces = moon_informer_new(
        client, &(struct moon_informer_opts){.kind = &kind_namespace, .on_error = on_trouble});
    a->accounts = moon_informer_new(
        client, &(struct moon_informer_opts){.kind = &kind_account,
                                             .field_selector = "metadata.name=" ACCOUNT,
                                             .on_error = on_trouble,
                                             .on_synced = on_accounts_synced,
                                             .ctx = a});
    moon_store_listen(moon_informer_store(a->namespaces), on_namespace, a);
    moon_store_listen(moon_informer_store(a->accounts), on_account, a);
    moon_informer_start(a->namespaces);
    moon_informer_start(a->accounts);
    return a;
}

void moon_accounts_free(struct moon_accounts *a)
{
    if (a == NULL) {
        return;
    }
    moon_store_unlisten(moon_informer_store(a->accounts), on_account, a);
    moon_store_unlisten(moon_informer_store(a->namespaces), on_namespace, a);
    moon_chores_free(a->chores);
    moon_informer_free(a->accounts);
    moon_informer_free(a->namespaces);
    a->magic = 0;
    moon_free(a);
}
