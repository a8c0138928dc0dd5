/* SPDX-License-Identifier: Apache-2.0
 *
 * inforce.c - from what the sources have to what is in force.
 *
 * A policy has an entry for each source that has its name, with the newest text of it that loads.
 * The entry of the last source counts; one that has never loaded leaves the word to the one before.
 */
#include <stdio.h>
#include <stdlib.h>

#include "policy/policies_priv.h"

/* Versions of earlier that nobody uses are kept for who wants to go back to one. */
enum {
    UNUSED_PAST = 3,
};

/* ---- versions ---- */

static bool begins(const struct moon_version *v, const char *digest)
{
    return v != NULL && moon_str_starts(moon_str(v->digest), digest);
}

struct moon_version *moon_policy_version(const struct moon_policy *one, const char *digest)
{
    if (begins(one->version, digest)) {
        return one->version;
    }
    for (size_t i = one->entry_count; i-- > 0;) {
        if (begins(one->entries[i]->version, digest)) {
            return one->entries[i]->version;
        }
    }
    for (size_t i = one->past_count; i-- > 0;) {
        if (begins(one->past[i], digest)) {
            return one->past[i];
        }
    }
    return NULL;
}

static void name_version(const struct moon_version *v, struct moon_buf *out)
{
    char text[MOON_DIGEST_SHORT + 1];

    if (v == NULL) {
        return;
    }
    (void)snprintf(text, sizeof(text), "%.*s", MOON_DIGEST_SHORT, v->digest);
    if (strstr(moon_buf_cstr(out), text) == NULL) {
        moon_buf_printf(out, "%s%s", out->len > 0 ? ", " : "", text);
    }
}

void moon_policy_versions(const struct moon_policy *one, struct moon_buf *out)
{
    name_version(one->version, out);
    for (size_t i = one->entry_count; i-- > 0;) {
        name_version(one->entries[i]->version, out);
    }
    for (size_t i = one->past_count; i-- > 0;) {
        name_version(one->past[i], out);
    }
}

static void remove_past(struct moon_policy *one, size_t i)
{
    moon_version_unref(one->past[i]);
    memmove(&one->past[i], &one->past[i + 1], (--one->past_count - i) * sizeof(one->past[0]));
}

/* The oldest first; what a set uses stays as long as there is room. */
static void trim_past(struct moon_policy *one)
{
    size_t unused = 0;

    for (size_t i = one->past_count; i-- > 0;) {
        if (one->past[i]->refs == 1 && ++unused > UNUSED_PAST) {
            remove_past(one, i);
        }
    }
}

void moon_policy_retire(struct moon_policy *one, struct moon_version *take_version)
{
    if (take_version == NULL) {
        return;
    }
    for (size_t i = 0; i < one->past_count; i++) {
        if (strcmp(one->past[i]->digest, take_version->digest) == 0) {
            moon_version_unref(take_version);
            return;
        }
    }
    if (one->past_count == MOON_POLICY_PAST) {
        remove_past(one, 0);
    }
    one->past[one->past_count++] = take_version;
}

/* ---- entries ---- */

static void entry_free(struct moon_policy_entry *e)
{
    moon_version_unref(e->version);
    moon_free(e->place);
    moon_free(e->error);
    moon_free(e);
}

void moon_policy_free(void *policy)
{
    struct moon_policy *one = policy;

    for (size_t i = 0; i < one->entry_count; i++) {
        entry_free(one->entries[i]);
    }
    for (size_t i = 0; i < one->past_count; i++) {
        moon_version_unref(one->past[i]);
    }
    moon_version_unref(one->version);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(one->shown); i++) {
        moon_free(one->shown[i]);
    }
    moon_free(one->error);
    moon_free(one->entries);
    moon_free(one->name);
    moon_free(one);
}

static struct moon_policy *get(struct moon_policies *p, struct moon_str name)
{
    struct moon_policy *one = moon_policies_find(p, name);

    if (one == NULL) {
        one = moon_new(struct moon_policy);
        one->name = moon_str_dup(name);
        moon_map_set(p->by_name, name, one);
    }
    return one;
}

/* The entry of a place, moved behind those that this look has seen before. */
static struct moon_policy_entry *see(struct moon_policy *one, const char *place)
{
    struct moon_policy_entry *e = NULL;
    size_t kept = 0;

    for (size_t i = 0; i < one->entry_count; i++) {
        if (e == NULL && strcmp(one->entries[i]->place, place) == 0) {
            e = one->entries[i];
        } else {
            one->entries[kept++] = one->entries[i];
        }
    }
    if (e == NULL) {
        e = moon_new(struct moon_policy_entry);
        e->place = moon_strdup(place);
        one->entries =
            moon_realloc_array(one->entries, kept + 1, sizeof(struct moon_policy_entry *));
    }
    one->entries[kept] = e;
    one->entry_count = kept + 1;
    e->seen = true;
    return e;
}

/* What no source has any more. */
static void drop_unseen(struct moon_policy *one)
{
    size_t kept = 0;

    for (size_t i = 0; i < one->entry_count; i++) {
        struct moon_policy_entry *e = one->entries[i];
        if (e->seen) {
            e->seen = false;
            one->entries[kept++] = e;
        } else {
            moon_policy_retire(one, moon_steal(&e->version));
            entry_free(e);
        }
    }
    one->entry_count = kept;
}

/* ---- modules ---- */

bool moon_policies_find_module(const char *name, struct moon_str *ret_text, void *ctx)
{
    const struct moon_map *modules = ctx;
    const struct moon_source_file *f = moon_map_get(modules, moon_str(name));

    if (f == NULL) {
        return false;
    }
    *ret_text = (struct moon_str){f->text, f->len};
    return true;
}

static void add_modules(struct moon_map *to, const struct moon_source *s)
{
    struct moon_str name;
    void *file;
    size_t pos = 0;

    while (moon_map_next(s->modules, &pos, &name, &file)) {
        moon_map_set(to, name, file);
    }
}

struct moon_map *moon_policies_shared_modules(const struct moon_policies *p)
{
    struct moon_map *modules = moon_map_new(NULL);

    add_modules(modules, p->stock);
    add_modules(modules, p->texts);
    for (size_t i = 0; i < p->dir_count; i++) {
        add_modules(modules, p->folders[i]);
    }
    return modules;
}

/* ---- all sources ---- */

static int compare_sources(const void *a, const void *b)
{
    return strcmp((*(struct moon_source *const *)a)->name, (*(struct moon_source *const *)b)->name);
}

static size_t add_folders(const struct moon_policies *p, struct moon_source **list, size_t count)
{
    for (size_t i = 0; i < p->dir_count; i++) {
        list[count++] = p->folders[i];
    }
    return count;
}

struct moon_source **moon_policies_sources(const struct moon_policies *p, size_t *ret_count)
{
    size_t offered = moon_map_count(p->offered);
    size_t count = 0;
    size_t pos = 0;
    void *source;
    struct moon_source **list = moon_new_array(struct moon_source *, 2 + p->dir_count + offered);

    list[count++] = p->stock;
    list[count++] = p->texts;
    if (!p->folders_win) {
        count = add_folders(p, list, count);
    }
    struct moon_source **bundles = list + count;
    while (moon_map_next(p->offered, &pos, NULL, &source)) {
        list[count++] = source;
    }
    qsort(bundles, offered, sizeof(struct moon_source *), compare_sources);
    if (p->folders_win) {
        count = add_folders(p, list, count);
    }
    *ret_count = count;
    return list;
}

/* The policies of all sources, as far as this look has come. */
struct candidates {
    struct moon_candidate *items;
    size_t count;
};

static struct moon_map *modules_for(const struct moon_source *s, const struct moon_source_file *f,
                                    struct moon_map *shared)
{
    if (f->modules != NULL) {
        return f->modules;
    }
    return s->is_bundle ? s->modules : shared;
}

static void load_source(struct moon_policies *p, const struct moon_source *s,
                        struct moon_map *shared, struct candidates *all)
{
    struct moon_str path;
    struct moon_str name;
    void *file;
    size_t pos = 0;

    while (moon_map_next(s->files, &pos, &path, &file)) {
        if (!moon_source_is_policy(path, &name)) {
            continue;
        }
        MOON_AUTOFREE char *place = moon_source_place(s, path);
        struct moon_policy *one = get(p, name);
        all->items = moon_realloc_array(all->items, all->count + 1, sizeof(*all->items));
        all->items[all->count] = (struct moon_candidate){
            .policies = p,
            .policy = one,
            .entry = see(one, place),
            .file = file,
            .tests = moon_source_tests(s, name),
            .is_stock = s == p->stock,
            .modules = modules_for(s, file, shared),
        };
        moon_candidate_load(&all->items[all->count++]);
    }
}

/* ---- what is in force ---- */

/* The version in force in an earlier process, from this place (NULL: from any). */
static struct moon_version *reserved(const struct moon_policies *p, const char *name,
                                     const char *place)
{
    void *value;
    size_t pos = 0;

    while (moon_map_next(p->reserve, &pos, NULL, &value)) {
        const struct moon_reserved *r = value;
        if (r->in_force && strcmp(r->version->name, name) == 0 &&
            (place == NULL || strcmp(r->version->place, place) == 0)) {
            return r->version;
        }
    }
    return NULL;
}

/* The newest text of the last source; else what that source had before, in this process or an
 * earlier one; else what the sources before it have; else what there was. */
static struct moon_version *elect(const struct moon_policies *p, const struct moon_policy *one)
{
    size_t n = one->entry_count;
    const struct moon_policy_entry *top = n > 0 ? one->entries[n - 1] : NULL;
    struct moon_version *v = top != NULL ? top->version : NULL;

    if (v == NULL && top != NULL) {
        v = reserved(p, one->name, top->place);
    }
    while (v == NULL && n > 0) {
        v = one->entries[--n]->version;
    }
    if (v == NULL) {
        v = reserved(p, one->name, NULL);
    }
    return v != NULL ? v : one->version;
}

const struct moon_version *moon_policy_newest(const struct moon_policies *p,
                                              const struct moon_policy *one)
{
    const struct moon_policy_entry *top =
        one->entry_count > 0 ? one->entries[one->entry_count - 1] : NULL;

    return top != NULL && top->fresh != NULL ? top->fresh : elect(p, one);
}

static void tell_replaced(const struct moon_policies *p, const struct moon_policy *one,
                          const struct moon_version *v)
{
    const char *before = one->version != NULL ? one->version->place : NULL;

    if (before == NULL && one->entry_count > 1) {
        before = one->entries[one->entry_count - 2]->place;
    }
    if (p->on_replaced != NULL && before != NULL && strcmp(before, v->place) != 0) {
        p->on_replaced(one->name, v->place, before, p->ctx);
    }
}

/* True when it has changed. */
static bool put_in_force(const struct moon_policies *p, struct moon_policy *one)
{
    struct moon_version *v = elect(p, one);

    moon_free(one->error);
    one->error =
        moon_strdup(one->is_missing ? "the source it came from is not there, or empty as a whole"
                                    : one->entries[one->entry_count - 1]->error);
    if (v == NULL || v == one->version) {
        return false;
    }
    bool changed = one->version == NULL || strcmp(one->version->digest, v->digest) != 0;
    tell_replaced(p, one, v);
    moon_policy_retire(one, one->version);
    one->version = moon_version_ref(v);
    return changed;
}

/* Is nothing known of what this place has now? */
static bool is_in_doubt(const struct moon_policies *p, const char *place)
{
    if (moon_str_starts(moon_str(place), MOON_POLICY_BUNDLE)) {
        return p->offers_missed;
    }
    for (size_t i = 0; i < p->dir_count; i++) {
        if (!p->folders[i]->was_full && moon_str_starts(moon_str(place), p->dirs[i]) &&
            place[strlen(p->dirs[i])] == '/') {
            return true;
        }
    }
    return false;
}

/* Versions of an earlier process can be asked for; one that was in force stays so while it is not
 * certain that it was removed. */
static void look_at_reserve(struct moon_policies *p)
{
    void *value;
    size_t pos = 0;

    while (moon_map_next(p->reserve, &pos, NULL, &value)) {
        const struct moon_reserved *r = value;
        struct moon_str name = moon_str(r->version->name);
        struct moon_policy *one = moon_policies_find(p, name);
        bool has_entry = one != NULL && one->entry_count > 0;
        if (!has_entry && r->in_force && is_in_doubt(p, r->version->place)) {
            one = get(p, name);
            one->is_missing = true;
        }
        if (one != NULL) {
            moon_policy_retire(one, moon_version_ref(r->version));
        }
    }
}

static bool put_all_in_force(struct moon_policies *p)
{
    struct moon_str name;
    void *value;
    size_t pos = 0;
    bool changed = false;

    while (moon_map_next(p->by_name, &pos, &name, &value)) {
        struct moon_policy *one = value;
        if (one->entry_count > 0 || one->is_missing) {
            changed = put_in_force(p, one) || changed;
            trim_past(one);
            moon_policy_show(p, one, false);
        } else {
            moon_policy_show(p, one, true);
            changed = changed || one->version != NULL;
            (void)moon_map_remove(p->by_name, name);
        }
    }
    return changed;
}

static void forget_unseen(const struct moon_policies *p)
{
    void *value;
    size_t pos = 0;

    while (moon_map_next(p->by_name, &pos, NULL, &value)) {
        struct moon_policy *one = value;
        one->is_missing = false;
        drop_unseen(one);
    }
}

bool moon_policies_take(struct moon_policies *p)
{
    MOON_CLEANUP(moon_map_free_ptr) struct moon_map *shared = moon_policies_shared_modules(p);
    size_t count;
    MOON_AUTOFREE struct moon_source **sources = moon_policies_sources(p, &count);
    struct candidates all = {0};

    for (size_t i = 0; i < count; i++) {
        load_source(p, sources[i], shared, &all);
    }
    for (size_t i = 0; i < all.count; i++) {
        moon_candidate_test(&all.items[i]);
    }
    moon_free(all.items);
    forget_unseen(p);
    look_at_reserve(p);
    return put_all_in_force(p);
}
