/* SPDX-License-Identifier: Apache-2.0
 *
 * chain.c - which policies decide for one set: the ones it names, then the stock policies for what
 * is left.
 */
#include <lauxlib.h>

#include "io/yaml.h"
#include "policy/closest.h"
#include "policy/policies_priv.h"

enum {
    PARAMS_MAX_BYTES = 64 * 1024,
    STOCK_POLICIES = 3, /* of a chain */
    MIN_DIGEST_HEX = 12,
};

/* ---- links ---- */

static struct moon_chain_link *add(struct moon_chain *c, struct moon_version *v)
{
    struct moon_chain_link *link = &c->links[c->count++];

    *link = (struct moon_chain_link){.version = moon_version_ref(v)};
    return link;
}

static int unknown(const struct moon_policies *p, const char *name, struct moon_err *err)
{
    struct moon_closest closest;
    char hint[MOON_CLOSEST_TEXT];
    struct moon_str known;
    size_t pos = 0;

    moon_closest_init(&closest, name);
    while (moon_map_next(p->by_name, &pos, &known, NULL)) {
        const struct moon_policy *one = moon_policies_find(p, known);
        moon_closest_offer(&closest, one->name);
    }
    return moon_err_set(err, MOON_E_NOT_FOUND, "policy %s is not known%s", name,
                        moon_closest_text(&closest, hint));
}

/* The digest of a name in "name@sha256:digest,…"; empty: it is not there. */
static struct moon_str digest_in(const char *versions, const char *name)
{
    struct moon_str rest = moon_str(versions);
    struct moon_str item;
    struct moon_str its_name;

    while (rest.len > 0 && moon_str_split(&rest, ',', &item)) {
        if (moon_str_split(&item, '@', &its_name) && moon_str_is(its_name, name) &&
            moon_str_starts(item, "sha256:")) {
            return (struct moon_str){item.ptr + 7, item.len - 7};
        }
    }
    return (struct moon_str){0};
}

static struct moon_version *in_force(const struct moon_chain *c, const char *name,
                                     struct moon_err *err)
{
    const struct moon_policies *p = c->policies;
    struct moon_str preferred = digest_in(c->prefer, name);
    const struct moon_policy *one = moon_policies_find(p, moon_str(name));

    if (one == NULL) {
        (void)unknown(p, name, err);
        return NULL;
    }
    if (preferred.len > 0) {
        MOON_AUTOFREE char *digest = moon_str_dup(preferred);
        struct moon_version *v = moon_policy_version(one, digest);
        if (v != NULL) {
            return v;
        }
    }
    if (one->version == NULL) {
        (void)moon_err_set(err, MOON_E_NOT_FOUND, "policy %s has never loaded: %s", name,
                           one->error != NULL ? one->error : "no reason known");
        return NULL;
    }
    return one->version;
}

/* The version of a name that is written @sha256:0123456789ab…, in force or not. */
static struct moon_version *pinned(const struct moon_policies *p, const char *name,
                                   struct moon_str wanted, struct moon_err *err)
{
    const struct moon_policy *one = moon_policies_find(p, moon_str(name));
    MOON_CLEANUP(moon_buf_fini) struct moon_buf known = MOON_BUF_INIT(MOON_ERR_TEXT_MAX);

    if (!moon_str_starts(wanted, "sha256:") || wanted.len < strlen("sha256:") + MIN_DIGEST_HEX) {
        (void)moon_err_set(err, MOON_E_INVALID,
                           "policy %s: a version is written @sha256: and %d hex digits or more",
                           name, MIN_DIGEST_HEX);
        return NULL;
    }
    if (one == NULL) {
        (void)unknown(p, name, err);
        return NULL;
    }
    MOON_AUTOFREE char *digest = moon_strndup(wanted.ptr + 7, wanted.len - 7);
    struct moon_version *v = moon_policy_version(one, digest);
    if (v == NULL) {
        moon_policy_versions(one, &known);
        (void)moon_err_set(err, MOON_E_NOT_FOUND, "policy %s has no version %.12s…; there is %s",
                           name, digest, known.len > 0 ? moon_buf_cstr(&known) : "none that loads");
    }
    return v;
}

/* "waves" or "waves@sha256:0123456789ab…" */
static int add_named(struct moon_chain *c, struct moon_str item, struct moon_err *err)
{
    struct moon_str wanted = item;
    struct moon_str name;

    (void)moon_str_split(&wanted, '@', &name);
    MOON_AUTOFREE char *text = moon_str_dup(moon_str_trim(name));
    struct moon_version *v = wanted.ptr != NULL
                                 ? pinned(c->policies, text, moon_str_trim(wanted), err)
                                 : in_force(c, text, err);
    if (v == NULL) {
        return -(int)err->code;
    }
    for (size_t i = 0; i < c->count; i++) {
        if (strcmp(c->links[i].version->name, text) == 0) {
            return moon_err_set(err, MOON_E_INVALID, "policy %s is named twice", text);
        }
    }
    add(c, v)->is_pinned = wanted.ptr != NULL;
    return 0;
}

static int add_all_named(struct moon_chain *c, const char *names, struct moon_err *err)
{
    struct moon_str rest = moon_str_trim(moon_str(names));
    struct moon_str item;

    while (rest.len > 0 && moon_str_split(&rest, ',', &item)) {
        if (moon_str_trim(item).len == 0) {
            return moon_err_set(err, MOON_E_INVALID, "an empty name in the list of policies \"%s\"",
                                names);
        }
        if (c->count == MOON_CHAIN_MAX - STOCK_POLICIES) {
            return moon_err_set(err, MOON_E_INVALID, "more than %d policies for one set",
                                MOON_CHAIN_MAX - STOCK_POLICIES);
        }
        int rc = add_named(c, item, err);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

/* ---- who answers which hook ---- */

static size_t count_users(struct moon_chain *c, enum moon_hook hook, bool *ret_replaced)
{
    size_t users = 0;

    *ret_replaced = false;
    for (size_t i = 0; i < c->count; i++) {
        c->uses[hook][i] = c->links[i].version->hooks[hook];
        users += c->uses[hook][i];
        *ret_replaced = *ret_replaced || c->links[i].version->replaces[hook];
    }
    return users;
}

static int add_stock(struct moon_chain *c, enum moon_hook hook, const char *name,
                     struct moon_err *err)
{
    struct moon_version *v = in_force(c, name, err);

    if (v == NULL) {
        return -(int)err->code;
    }
    for (size_t i = 0; i < c->count; i++) {
        if (strcmp(c->links[i].version->name, name) == 0) { /* named by the set itself */
            return 0;
        }
    }
    if (v->hooks[hook]) {
        c->uses[hook][c->count] = true;
        (void)add(c, v);
    }
    return 0;
}

/* Placement is the most restrictive of all, the stock rules included; tolerations are a union with
 * the stock ones; an update is one policy's. */
static int assign_hooks(struct moon_chain *c, const struct moon_chain_opts *opts,
                        struct moon_err *err)
{
    bool replaced[MOON_HOOKS];
    size_t users[MOON_HOOKS];
    int rc = 0;

    for (int hook = 0; hook < MOON_HOOKS; hook++) {
        users[hook] = count_users(c, hook, &replaced[hook]);
        if (users[hook] > 1 &&
            (hook == MOON_HOOK_UPDATE || hook == MOON_HOOK_HEALTH || hook == MOON_HOOK_ANALYZE)) {
            return moon_err_set(err, MOON_E_INVALID,
                                "two policies with the hook %s; a set can have only one",
                                moon_hook_name(hook));
        }
    }
    if (opts->alone) {
        return 0;
    }
    if (!replaced[MOON_HOOK_SELECT]) {
        rc = add_stock(c, MOON_HOOK_SELECT, "node-selection/default", err);
    }
    if (rc == 0 && !replaced[MOON_HOOK_TOLERATIONS]) {
        rc = add_stock(c, MOON_HOOK_TOLERATIONS, "tolerations/default", err);
    }
    if (rc == 0 && users[MOON_HOOK_UPDATE] == 0 && opts->stock_update != NULL) {
        rc = add_stock(c, MOON_HOOK_UPDATE, opts->stock_update, err);
    }
    return rc;
}

/* ---- parameters ---- */

static int give_value(struct moon_chain *c, const cJSON *given, struct moon_err *err)
{
    bool taken = false;

    for (size_t i = 0; i < c->count; i++) {
        struct moon_chain_link *link = &c->links[i];
        const struct moon_param *p = moon_params_find(&link->version->params, given->string);
        if (p == NULL) {
            continue;
        }
        cJSON *value = moon_param_value(p, given, err);
        if (value == NULL) {
            return moon_err_wrap(err, "policy %s", link->version->name);
        }
        if (link->params == NULL) {
            link->params = cJSON_CreateObject();
        }
        cJSON_DeleteItemFromObjectCaseSensitive(link->params, given->string);
        cJSON_AddItemToObject(link->params, given->string, value);
        taken = true;
    }
    if (taken || c->foreign_params) {
        return 0;
    }
    struct moon_closest closest;
    char hint[MOON_CLOSEST_TEXT];
    moon_closest_init(&closest, given->string);
    for (size_t i = 0; i < c->count; i++) {
        for (size_t k = 0; k < c->links[i].version->params.count; k++) {
            moon_closest_offer(&closest, c->links[i].version->params.items[k].name);
        }
    }
    return moon_err_set(err, MOON_E_INVALID, "no policy of this set declares the parameter '%s'%s",
                        given->string, moon_closest_text(&closest, hint));
}

static int check_required(const struct moon_chain *c, struct moon_err *err)
{
    for (size_t i = 0; i < c->count; i++) {
        const struct moon_version *v = c->links[i].version;
        for (size_t k = 0; k < v->params.count; k++) {
            const struct moon_param *p = &v->params.items[k];
            if (p->required && p->fallback == NULL &&
                (c->links[i].params == NULL ||
                 moon_json_member(c->links[i].params, p->name) == NULL)) {
                return moon_err_set(err, MOON_E_INVALID, "policy %s: parameter '%s' is required",
                                    v->name, p->name);
            }
        }
    }
    return 0;
}

static int read_params(struct moon_chain *c, const char *text, struct moon_err *err)
{
    static const struct moon_yaml_opts opts = {.name = "moonset.dev/params",
                                               .max_bytes = PARAMS_MAX_BYTES};
    const cJSON *item;

    if (text == NULL || text[0] == '\0') {
        return check_required(c, err);
    }
    MOON_AUTOJSON *given = moon_yaml_parse(moon_str(text), &opts, err);
    if (given == NULL) {
        err->code = MOON_E_INVALID; /* also a text that is too large */
        return -MOON_E_INVALID;
    }
    if (!cJSON_IsObject(given) && !cJSON_IsNull(given)) {
        return moon_err_set(err, MOON_E_INVALID,
                            "moonset.dev/params: a mapping of names to values is wanted");
    }
    cJSON_ArrayForEach (item, given) {
        int rc = give_value(c, item, err);
        if (rc != 0) {
            return rc;
        }
    }
    return check_required(c, err);
}

/* Those that stand for keys of the policy. */
static int check_queries(const struct moon_chain *c, struct moon_err *err)
{
    const struct moon_chain_link *link = moon_chain_user(c, MOON_HOOK_ANALYZE);
    struct moon_queries keys;

    if (link == NULL) {
        return 0;
    }
    const struct moon_version *v = link->version;
    int rc = moon_queries_resolve(&v->queries, &v->params, link->params, &keys, err);
    return rc != 0 ? moon_err_wrap(err, "policy %s", v->name) : 0;
}

/* ---- digest ---- */

static void add_text(struct moon_digest *d, const char *text)
{
    moon_digest_add(d, moon_str(text));
    moon_digest_add(d, (struct moon_str){"", 1});
}

static void make_digest(struct moon_chain *c)
{
    struct moon_digest *d = moon_digest_new();

    for (size_t i = 0; i < c->count; i++) {
        const struct moon_chain_link *link = &c->links[i];
        char *params = link->params != NULL ? cJSON_PrintUnformatted(link->params) : NULL;
        add_text(d, link->version->name);
        add_text(d, link->version->digest);
        add_text(d, params);
        for (int hook = 0; hook < MOON_HOOKS; hook++) {
            add_text(d, c->uses[hook][i] ? "1" : "0");
        }
        cJSON_free(params);
    }
    moon_digest_take(d, c->digest);
}

/* ---- life ---- */

struct moon_chain *moon_chain_new(struct moon_policies *p, const struct moon_chain_opts *opts,
                                  struct moon_err *err)
{
    struct moon_chain *c = moon_new(struct moon_chain);

    c->policies = p;
    c->prefer = opts->prefer;
    c->foreign_params = opts->foreign_params;
    c->links = moon_new_array(struct moon_chain_link, MOON_CHAIN_MAX);
    if ((opts->names != NULL && add_all_named(c, opts->names, err) != 0) ||
        assign_hooks(c, opts, err) != 0 || read_params(c, opts->params, err) != 0 ||
        check_queries(c, err) != 0) {
        moon_chain_free(c);
        return NULL;
    }
    c->prefer = NULL;
    make_digest(c);
    return c;
}

void moon_chain_free(struct moon_chain *c)
{
    if (c == NULL) {
        return;
    }
    for (size_t i = 0; i < c->count; i++) {
        struct moon_chain_link *link = &c->links[i];
        const struct moon_version *v = link->version;
        if (link->params_serial != 0 && link->params_serial == v->engine_serial &&
            v->engine != NULL) {
            luaL_unref(v->engine->L, LUA_REGISTRYINDEX, link->params_ref);
        }
        for (int hook = 0; hook < MOON_HOOKS; hook++) {
            moon_memo_free(link->memos[hook]);
        }
        cJSON_Delete(link->params);
        moon_version_unref(link->version);
    }
    moon_free(c->links);
    moon_free(c);
}

void moon_chain_versions(const struct moon_chain *c, struct moon_buf *out)
{
    for (size_t i = 0; i < c->count; i++) {
        const struct moon_version *v = c->links[i].version;
        moon_buf_printf(out, "%s%s@sha256:%s", i > 0 ? "," : "", v->name, v->digest);
    }
}

const char *moon_chain_differs(const struct moon_chain *c, const char *versions)
{
    for (size_t i = 0; i < c->count; i++) {
        const struct moon_version *v = c->links[i].version;
        struct moon_str digest = digest_in(versions, v->name);
        if (c->links[i].is_pinned) {
            continue;
        }
        if (versions == NULL ? !v->is_stock : digest.len > 0 && !moon_str_is(digest, v->digest)) {
            return v->name;
        }
    }
    return NULL;
}

bool moon_chain_has(const struct moon_chain *c, const char *policy)
{
    for (size_t i = 0; i < c->count; i++) {
        if (strcmp(c->links[i].version->name, policy) == 0) {
            return true;
        }
    }
    return false;
}

bool moon_chain_is_behind(const struct moon_chain *c, struct moon_buf *out)
{
    for (size_t i = 0; i < c->count; i++) {
        const struct moon_version *v = c->links[i].version;
        const struct moon_policy *one = moon_policies_find(c->policies, moon_str(v->name));
        if (one != NULL && one->error != NULL && one->version == v) {
            moon_buf_printf(out, "policy %s: %s; version %.*s stays", v->name, one->error,
                            MOON_DIGEST_SHORT, v->digest);
            return true;
        }
    }
    return false;
}

const char *moon_chain_digest(const struct moon_chain *c)
{
    return c->digest;
}

void moon_chain_each(const struct moon_chain *c,
                     void (*fn)(const char *policy, const char *version, const char *hooks,
                                void *ctx),
                     void *ctx)
{
    for (size_t i = 0; i < c->count; i++) {
        MOON_CLEANUP(moon_buf_fini) struct moon_buf hooks = MOON_BUF_INIT(256);
        bool asked[MOON_HOOKS];
        for (int hook = 0; hook < MOON_HOOKS; hook++) {
            asked[hook] = c->uses[hook][i];
        }
        moon_hook_list(asked, &hooks);
        fn(c->links[i].version->name, c->links[i].version->digest, moon_buf_cstr(&hooks), ctx);
    }
}

static void tell_figures(const struct moon_chain_link *link, int hook,
                         void (*fn)(const struct moon_hook_figures *figures, void *ctx), void *ctx)
{
    const struct moon_engine *e = link->version->engine;
    const struct moon_memo *memo = link->memos[hook];
    struct moon_memo_figures m = {.reads_everything = true, .off = "not asked yet"};
    MOON_CLEANUP(moon_buf_fini) struct moon_buf reads = MOON_BUF_INIT(16 * 1024);

    if (memo != NULL) {
        moon_memo_figures(memo, &m);
        moon_memo_describe_reads(memo, &reads);
    }
    fn(
        &(struct moon_hook_figures){
            .policy = link->version->name,
            .hook = moon_hook_name((enum moon_hook)hook),
            .state_bytes = e != NULL ? e->used : 0,
            .allocations = e != NULL ? e->allocations : 0,
            .hits = m.hits,
            .asked = m.asked,
            .paths = m.paths,
            .memo_bytes = m.bytes,
            .reads = m.reads_everything ? NULL : moon_buf_cstr(&reads),
            .memo_off = m.off,
        },
        ctx);
}

void moon_chain_each_figures(const struct moon_chain *c,
                             void (*fn)(const struct moon_hook_figures *figures, void *ctx),
                             void *ctx)
{
    for (size_t i = 0; i < c->count; i++) {
        for (int hook = 0; hook < MOON_HOOKS; hook++) {
            if (c->uses[hook][i]) {
                tell_figures(&c->links[i], hook, fn, ctx);
            }
        }
    }
}

static bool link_reads_same(const struct moon_chain_link *link, const bool asked[MOON_HOOKS],
                            const struct moon_subject *a, const struct moon_subject *b)
{
    static const enum moon_hook of_nodes[] = {MOON_HOOK_SELECT, MOON_HOOK_RANK};

    if (asked[MOON_HOOK_MUTATE]) {
        return false; /* what it reads is not noted */
    }
    for (size_t k = 0; k < MOON_ARRAY_SIZE(of_nodes); k++) {
        const struct moon_memo *memo = link->memos[of_nodes[k]];
        if (asked[of_nodes[k]] && (memo == NULL || !moon_memo_reads_same(memo, a, b))) {
            return false;
        }
    }
    return true;
}

bool moon_chain_reads_same(const struct moon_chain *c, const struct moon_set_view *set,
                           const struct moon_node *a, const struct moon_node *b)
{
    const struct moon_subject x = {.node = a, .set = set};
    const struct moon_subject y = {.node = b, .set = set};

    for (size_t i = 0; i < c->count; i++) {
        bool asked[MOON_HOOKS];
        for (int hook = 0; hook < MOON_HOOKS; hook++) {
            asked[hook] = c->uses[hook][i];
        }
        if (!link_reads_same(&c->links[i], asked, &x, &y)) {
            return false;
        }
    }
    return true;
}
