/* SPDX-License-Identifier: Apache-2.0
 *
 * paging.c - lists that are fetched in pieces see one version.
 *
 * Objects are immutable, so "the list as it was" is a row of references. It is kept for a while
 * under a number, which the continue token names, together with the last object delivered: when the
 * row is forgotten, the 410 can offer a token that goes on from there.
 */
#include "sim/api_priv.h"

enum {
    SNAPSHOTS_MAX = 64
};

struct snapshot {
    struct moon_list link; /* oldest first */
    uint64_t id;
    uint64_t at_ms;
    size_t kind_index;
    char *ns; /* NULL: all */
    struct moon_sim_obj **objs;
    size_t count;
    uint64_t version;
};

struct moon_sim_paging {
    struct moon_loop *loop;
    uint64_t life_ms;
    uint64_t next_id;
    size_t count;
    struct moon_list snapshots;
};

struct moon_sim_paging *moon_sim_paging_new(struct moon_loop *loop, uint64_t life_ms)
{
    struct moon_sim_paging *paging = moon_new(struct moon_sim_paging);
    paging->loop = loop;
    paging->life_ms = life_ms;
    moon_list_init(&paging->snapshots);
    return paging;
}

static void forget(struct moon_sim_paging *paging, struct snapshot *snapshot)
{
    moon_list_remove(&snapshot->link);
    for (size_t i = 0; i < snapshot->count; i++) {
        moon_sim_obj_unref(snapshot->objs[i]);
    }
    moon_free(snapshot->objs);
    moon_free(snapshot->ns);
    moon_free(snapshot);
    paging->count--;
}

void moon_sim_paging_clear(struct moon_sim_paging *paging)
{
    moon_list_foreach (it, &paging->snapshots) {
        forget(paging, moon_container_of(it, struct snapshot, link));
    }
}

void moon_sim_paging_free(struct moon_sim_paging *paging)
{
    if (paging != NULL) {
        moon_sim_paging_clear(paging);
        moon_free(paging);
    }
}

static void forget_old(struct moon_sim_paging *paging)
{
    uint64_t now = moon_loop_now(paging->loop);
    moon_list_foreach (it, &paging->snapshots) {
        struct snapshot *snapshot = moon_container_of(it, struct snapshot, link);
        if (paging->count >= SNAPSHOTS_MAX || now - snapshot->at_ms > paging->life_ms) {
            forget(paging, snapshot);
        }
    }
}

/* c.<snapshot>.<version>.<namespace>/<name of the last object delivered> */
static char *make_token(uint64_t id, uint64_t version, const struct moon_sim_obj *last)
{
    return moon_asprintf("c.%llu.%llu.%s/%s", (unsigned long long)id, (unsigned long long)version,
                         last->ns, last->name);
}

char *moon_sim_paging_inconsistent(const char *ns, const char *name)
{
    return moon_asprintf("c.0.0.%s/%s", ns, name);
}

static struct snapshot *find_snapshot(struct moon_sim_paging *paging, uint64_t id)
{
    moon_list_foreach (it, &paging->snapshots) {
        struct snapshot *snapshot = moon_container_of(it, struct snapshot, link);
        if (snapshot->id == id) {
            return snapshot;
        }
    }
    return NULL;
}

/* The snapshot that a page already points into, so that page three does not copy page two's. */
static struct snapshot *snapshot_of(struct moon_sim_paging *paging,
                                    const struct moon_sim_page *page)
{
    moon_list_foreach (it, &paging->snapshots) {
        struct snapshot *snapshot = moon_container_of(it, struct snapshot, link);
        if (page->objs >= snapshot->objs && page->objs < snapshot->objs + snapshot->count) {
            return snapshot;
        }
    }
    return NULL;
}

char *moon_sim_paging_keep(struct moon_sim_paging *paging, const struct moon_sim_page *page,
                           size_t used)
{
    moon_assert(used > 0 && used < page->count);
    struct snapshot *snapshot = snapshot_of(paging, page);
    if (snapshot == NULL) {
        forget_old(paging);
        snapshot = moon_new(struct snapshot);
        snapshot->id = ++paging->next_id;
        snapshot->at_ms = moon_loop_now(paging->loop);
        snapshot->kind_index = page->kind->index;
        snapshot->ns = moon_strdup(page->ns);
        snapshot->version = page->version;
        snapshot->count = page->count;
        snapshot->objs = moon_new_array(struct moon_sim_obj *, page->count);
        for (size_t i = 0; i < page->count; i++) {
            snapshot->objs[i] = moon_sim_obj_ref(page->objs[i]);
        }
        moon_list_append(&paging->snapshots, &snapshot->link);
        paging->count++;
    }
    return make_token(snapshot->id, snapshot->version, page->objs[used - 1]);
}

int moon_sim_paging_find(struct moon_sim_paging *paging, const char *token,
                         struct moon_sim_page *page, char **ret_ns, char **ret_name,
                         struct moon_err *err)
{
    struct moon_str rest = moon_str(token);
    struct moon_str mark;
    struct moon_str id_text;
    struct moon_str version_text;
    struct moon_str ns;
    uint64_t id = 0;
    uint64_t version = 0;
    if (!moon_str_split(&rest, '.', &mark) || !moon_str_is(mark, "c") ||
        !moon_str_split(&rest, '.', &id_text) || !moon_parse_u64(id_text, &id) ||
        !moon_str_split(&rest, '.', &version_text) || !moon_parse_u64(version_text, &version) ||
        !moon_str_split(&rest, '/', &ns) || rest.ptr == NULL) {
        return moon_err_set(err, MOON_E_INVALID,
                            "invalid continue token: continue key is not valid: %s", token);
    }
    *ret_ns = moon_str_dup(ns);
    *ret_name = moon_str_dup(rest);
    forget_old(paging);
    const struct snapshot *snapshot = find_snapshot(paging, id);
    if (snapshot == NULL || snapshot->kind_index != page->kind->index ||
        !moon_streq(snapshot->ns, page->ns)) {
        return moon_err_set(err, MOON_E_GONE, "the list of this token is forgotten");
    }
    size_t at = moon_sim_objdb_seek(snapshot->objs, snapshot->count, *ret_ns, *ret_name);
    if (at < snapshot->count && moon_streq(snapshot->objs[at]->name, *ret_name) &&
        moon_streq(snapshot->objs[at]->ns, *ret_ns)) {
        at++;
    }
    page->objs = snapshot->objs + at;
    page->count = snapshot->count - at;
    page->version = snapshot->version;
    return 0;
}
