/* SPDX-License-Identifier: Apache-2.0
 *
 * reserve.c - which versions sets decide by, and the document that keeps them across restarts.
 *
 * {"versions": [{"name", "digest", "place", "inForce", "text", "modules": {…}}],
 *  "users": {"namespace/name": "a@sha256:…,b@sha256:…"}}
 *
 * What is built in is not kept: it is always there.
 */
#include <stdio.h>

#include "policy/policies_priv.h"

void moon_reserved_free(void *reserved)
{
    struct moon_reserved *r = reserved;

    moon_version_unref(r->version);
    moon_free(r);
}

/* ---- who uses what ---- */

static void changed(const struct moon_policies *p)
{
    if (p->on_used != NULL) {
        p->on_used(p->ctx);
    }
}

/* Empty when all are built in. */
static char *versions_of(const struct moon_chain *chain)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(MOON_CHAIN_VERSIONS_MAX);

    for (size_t i = 0; i < chain->count; i++) {
        const struct moon_version *v = chain->links[i].version;
        if (!v->is_stock) {
            moon_buf_printf(&text, "%s%s@sha256:%s", text.len > 0 ? "," : "", v->name, v->digest);
        }
    }
    return moon_strdup(moon_buf_cstr(&text));
}

void moon_policies_use(struct moon_policies *p, const char *user, const struct moon_chain *chain)
{
    const char *before = moon_policies_used(p, user);
    MOON_AUTOFREE char *versions = chain != NULL ? versions_of(chain) : moon_strdup("");
    bool same = strcmp(versions, before != NULL ? before : "") == 0;

    if (chain != NULL) {
        moon_map_set(p->users, moon_str(user), moon_steal(&versions));
    } else {
        (void)moon_map_remove(p->users, moon_str(user));
        (void)moon_map_remove(p->restored_users, moon_str(user));
    }
    if (!same) {
        changed(p);
    }
}

const char *moon_policies_used(const struct moon_policies *p, const char *user)
{
    const char *versions = moon_map_get(p->users, moon_str(user));

    if (versions == NULL) {
        versions = moon_map_get(p->restored_users, moon_str(user));
    }
    return versions != NULL && versions[0] != '\0' ? versions : NULL;
}

void moon_policies_keep_users(struct moon_policies *p,
                              bool (*is_there)(const char *user, void *ctx), void *ctx)
{
    struct moon_str user;
    size_t pos = 0;
    bool any = false;

    while (moon_map_next(p->restored_users, &pos, &user, NULL)) {
        MOON_AUTOFREE char *name = moon_str_dup(user);
        if (!is_there(name, ctx)) {
            any = moon_map_remove(p->restored_users, user) || any;
        }
    }
    if (any) {
        changed(p);
    }
}

/* ---- writing ---- */

static void add_member(struct moon_buf *out, const char *key, struct moon_str value)
{
    moon_buf_printf(out, "%s\"%s\":", out->len > 0 ? "," : "", key);
    moon_json_add_string(out, value);
}

static void write_modules(const struct moon_version *v, struct moon_buf *out)
{
    struct moon_str name;
    void *text;
    size_t pos = 0;
    bool first = true;

    moon_buf_puts(out, ",\"modules\":{");
    while (moon_map_next(v->modules, &pos, &name, &text)) {
        moon_buf_puts(out, first ? "" : ",");
        moon_json_add_string(out, name);
        moon_buf_putc(out, ':');
        moon_json_add_string(out, moon_str(text));
        first = false;
    }
    moon_buf_putc(out, '}');
}

static void write_version(const struct moon_version *v, bool in_force, struct moon_buf *out)
{
    add_member(out, "name", moon_str(v->name));
    add_member(out, "digest", moon_str(v->digest));
    add_member(out, "place", moon_str(v->place));
    moon_buf_printf(out, ",\"inForce\":%s", in_force ? "true" : "false");
    add_member(out, "text", (struct moon_str){v->source, v->source_len});
    write_modules(v, out);
}

struct writing {
    const struct moon_policies *policies;
    struct moon_buf *out;
    size_t max_bytes;
    struct moon_map *done; /* "name@sha256:digest" */
    size_t left_out;
};

/* "name@sha256:digest" */
static void write_item(struct writing *w, struct moon_str item)
{
    struct moon_str digest = item;
    struct moon_str name;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(8 * MOON_BUNDLE_MAX_BYTES);

    (void)moon_str_split(&digest, '@', &name);
    MOON_AUTOFREE char *hex = moon_strndup(digest.ptr + 7, digest.len - 7);
    const struct moon_policy *one = moon_policies_find(w->policies, name);
    const struct moon_version *v = one != NULL ? moon_policy_version(one, hex) : NULL;
    if (v == NULL || moon_map_has(w->done, item)) {
        return;
    }
    write_version(v, v == one->version, &text);
    if (w->out->len + text.len > w->max_bytes) {
        w->left_out++;
        return;
    }
    moon_buf_printf(w->out, "%s{", moon_map_count(w->done) > 0 ? "," : "");
    moon_buf_add_str(w->out, moon_buf_str(&text));
    moon_buf_putc(w->out, '}');
    moon_map_set(w->done, item, NULL);
}

/* Those that have decided in this process, and those of before that have not yet. */
static void each_user(const struct moon_policies *p,
                      void (*fn)(struct moon_str user, const char *versions, void *ctx), void *ctx)
{
    struct moon_str user;
    void *versions;
    size_t pos = 0;

    while (moon_map_next(p->users, &pos, &user, &versions)) {
        if (((const char *)versions)[0] != '\0') {
            fn(user, versions, ctx);
        }
    }
    pos = 0;
    while (moon_map_next(p->restored_users, &pos, &user, &versions)) {
        if (!moon_map_has(p->users, user)) {
            fn(user, versions, ctx);
        }
    }
}

static void write_versions(struct moon_str user MOON_UNUSED, const char *versions, void *ctx)
{
    struct moon_str rest = moon_str(versions);
    struct moon_str item;

    while (rest.len > 0 && moon_str_split(&rest, ',', &item)) {
        write_item(ctx, item);
    }
}

static void write_user(struct moon_str user, const char *versions, void *ctx)
{
    struct moon_buf *out = ctx;

    moon_buf_puts(out, out->len > 0 ? "," : "");
    moon_json_add_string(out, user);
    moon_buf_putc(out, ':');
    moon_json_add_string(out, moon_str(versions));
}

size_t moon_policies_save(const struct moon_policies *p, struct moon_buf *out)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf users = MOON_BUF_INIT(MOON_RESERVE_MAX_BYTES);
    struct writing w = {.policies = p, .out = out, .done = moon_map_new(NULL)};

    each_user(p, write_user, &users);
    w.max_bytes = users.len < MOON_RESERVE_MAX_BYTES ? MOON_RESERVE_MAX_BYTES - users.len : 0;
    moon_buf_puts(out, "{\"versions\":[");
    each_user(p, write_versions, &w);
    moon_buf_puts(out, "],\"users\":{");
    moon_buf_add_str(out, moon_buf_str(&users));
    moon_buf_puts(out, "}}");
    moon_map_free(w.done);
    return w.left_out;
}

/* ---- reading ---- */

static bool find_module(const char *name, struct moon_str *ret_text, void *ctx)
{
    const cJSON *item = moon_json_member(ctx, name);

    if (!cJSON_IsString(item)) {
        return false;
    }
    *ret_text = moon_str(item->valuestring);
    return true;
}

static struct moon_version *load(const struct moon_policies *p, const cJSON *item,
                                 struct moon_fault *ret)
{
    const char *text = moon_json_string(item, "text");
    struct moon_version_opts opts = {
        .name = moon_json_string(item, "name"),
        .source = moon_str(text),
        .modules = {find_module, (void *)(uintptr_t)moon_json_member(item, "modules")},
        .budget_scale = p->budget_scale,
    };

    return text != NULL && strcmp(moon_json_string(item, "digest"), p->quarantined) != 0
               ? moon_version_load(&opts, ret)
               : NULL;
}

/* One that does not load any more, or is not what its digest says, is left out. */
static void restore_version(struct moon_policies *p, const cJSON *item, struct moon_map *to)
{
    const char *name = moon_json_string(item, "name");
    const char *digest = moon_json_string(item, "digest");
    const char *place = moon_json_string(item, "place");
    struct moon_fault fault;

    if (name == NULL || digest == NULL || place == NULL) {
        return;
    }
    MOON_AUTOFREE char *key = moon_asprintf("%s@sha256:%s", name, digest);
    struct moon_reserved *r = moon_map_take(p->reserve, moon_str(key));
    if (r == NULL) {
        struct moon_version *v = load(p, item, &fault);
        if (v == NULL || strcmp(v->digest, digest) != 0) {
            moon_version_unref(v);
            return;
        }
        v->place = moon_strdup(place);
        r = moon_new(struct moon_reserved);
        r->version = v;
    }
    r->in_force = moon_json_bool(item, "inForce", false);
    moon_map_set(to, moon_str(key), r);
}

static void restore_users(struct moon_policies *p, const cJSON *users)
{
    const cJSON *item;

    moon_map_clear(p->restored_users);
    cJSON_ArrayForEach (item, users) {
        if (cJSON_IsString(item)) {
            moon_map_set(p->restored_users, moon_str(item->string), moon_strdup(item->valuestring));
        }
    }
}

int moon_policies_restore(struct moon_policies *p, struct moon_str text, struct moon_err *err)
{
    MOON_AUTOJSON *json = moon_json_parse(text, err);
    const cJSON *item;

    if (json == NULL) {
        return moon_err_wrap(err, "last good policies");
    }
    struct moon_map *fresh = moon_map_new(moon_reserved_free);
    cJSON_ArrayForEach (item, moon_json_member(json, "versions")) {
        restore_version(p, item, fresh);
    }
    moon_map_free(p->reserve);
    p->reserve = fresh;
    restore_users(p, moon_json_member(json, "users"));
    moon_policies_settle(p);
    return 0;
}
