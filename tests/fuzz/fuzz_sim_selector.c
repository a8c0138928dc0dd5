/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_sim_selector.c - what a list's query may say: label selector, field selector, continue
 * token, one line each, tried on a few objects of the kind that the first byte chooses.
 */
#include "sim/api_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
    const char *group;
    const char *kind;
    const char *json;
} OBJECTS[] = {
    {"", "Pod",
     "{\"metadata\":{\"name\":\"p\",\"namespace\":\"a\",\"uid\":\"1\",\"labels\":{\"app\":"
     "\"web\",\"x.y/z\":\"\",\"n\":\"17\"}},\"spec\":{\"nodeName\":\"n1\"},\"status\":{"
     "\"phase\":\"Running\"}}"},
    {"", "Pod", "{\"metadata\":{\"name\":\"q\",\"namespace\":\"b\",\"uid\":\"2\"}}"},
    {"", "Event",
     "{\"metadata\":{\"name\":\"e\",\"namespace\":\"a\",\"uid\":\"3\"},\"involvedObject\":"
     "{\"kind\":\"Pod\",\"name\":\"p,\\\\=\"},\"reason\":\"Killing\",\"type\":\"Normal\"}"},
    {"", "Node",
     "{\"metadata\":{\"name\":\"n1\",\"uid\":\"4\",\"labels\":{\"app\":\"-1\"}},\"spec\":{"
     "\"unschedulable\":true}}"},
    {"apps", "DaemonSet", "{\"metadata\":{\"name\":\"d\",\"namespace\":\"a\",\"uid\":\"5\"}}"},
};

struct world {
    struct moon_loop *loop;
    struct moon_sim_objdb *db;
    struct moon_sim_paging *paging;
};

static void on_event(const struct moon_sim_event *event MOON_UNUSED, void *ctx MOON_UNUSED)
{
}

static const struct moon_sim_kind *kind_of(size_t i)
{
    return moon_sim_kind_by_name(OBJECTS[i].group, OBJECTS[i].kind);
}

/* Made once: selectors and tokens do not change objects. */
static struct world *world(void)
{
    static struct world w;
    struct moon_err err;
    if (w.loop != NULL) {
        return &w;
    }
    w.loop = moon_loop_new(&(struct moon_loop_opts){.virtual_clock = true}, &err);
    w.paging = moon_sim_paging_new(w.loop, 1000);
    w.db = moon_sim_objdb_new(&(struct moon_sim_objdb_opts){
        .kinds = moon_sim_kind_count(), .history = 10, .on_event = on_event});
    for (size_t i = 0; i < MOON_ARRAY_SIZE(OBJECTS); i++) {
        MOON_AUTOJSON *tree = moon_sim_tree_parse(moon_str(OBJECTS[i].json), &err);
        (void)moon_sim_objdb_put(w.db, kind_of(i), tree);
    }
    return &w;
}

static struct moon_sim_selector *parse(const struct moon_sim_kind *kind, const char *labels,
                                       const char *fields)
{
    struct moon_err err = {0};
    struct moon_sim_selector *selector = moon_sim_selector_new(kind, labels, fields, &err);
    moon_assert(selector != NULL || (err.code == MOON_E_INVALID && err.text[0] != '\0'));
    return selector;
}

/* Requirements are joined by "and", so both together match what each of them matches. */
static void check_selector(const struct world *w, const struct moon_sim_kind *kind,
                           const char *labels, const char *fields)
{
    MOON_AUTOFREE char *spaced = moon_asprintf(" %s\t", labels);
    struct moon_sim_selector *by_labels = parse(kind, labels, NULL);
    struct moon_sim_selector *by_fields = parse(kind, NULL, fields);
    struct moon_sim_selector *both = parse(kind, labels, fields);
    struct moon_sim_selector *again = parse(kind, spaced, NULL);
    moon_assert((both != NULL) == (by_labels != NULL && by_fields != NULL));
    moon_assert((by_labels != NULL) == (again != NULL));
    for (size_t i = 0; both != NULL && i < moon_sim_objdb_count(w->db, kind); i++) {
        size_t count = 0;
        struct moon_sim_obj *const *objs = moon_sim_objdb_range(w->db, kind, NULL, &count);
        bool one = moon_sim_selector_matches(by_labels, objs[i]);
        bool other = moon_sim_selector_matches(by_fields, objs[i]);
        moon_assert(moon_sim_selector_matches(both, objs[i]) == (one && other));
        moon_assert(moon_sim_selector_matches(again, objs[i]) == one);
        moon_assert(!moon_sim_selector_is_empty(both) || (one && other));
    }
    moon_sim_selector_free(by_labels);
    moon_sim_selector_free(by_fields);
    moon_sim_selector_free(both);
    moon_sim_selector_free(again);
}

static void check_token(const struct world *w, const struct moon_sim_kind *kind, const char *token)
{
    struct moon_err err = {0};
    struct moon_sim_page all = {.kind = kind, .version = moon_sim_objdb_version(w->db)};
    struct moon_sim_page rest = {.kind = kind};
    char *ns = NULL;
    char *name = NULL;
    char *own = NULL;
    all.objs = moon_sim_objdb_range(w->db, kind, NULL, &all.count);
    if (all.count > 1) {
        own = moon_sim_paging_keep(w->paging, &all, 1);
        int rc = moon_sim_paging_find(w->paging, own, &rest, &ns, &name, &err);
        moon_assert(rc == 0 && rest.count == all.count - 1 && rest.objs[0] == all.objs[1]);
        moon_free(moon_steal(&ns));
        moon_free(moon_steal(&name));
    }
    int rc = moon_sim_paging_find(w->paging, token, &rest, &ns, &name, &err);
    moon_assert(rc == 0 || err.code == MOON_E_GONE || err.code == MOON_E_INVALID);
    moon_assert((rc == 0 || err.code == MOON_E_GONE) == (ns != NULL && name != NULL));
    if (rc == -MOON_E_GONE) {
        MOON_AUTOFREE char *next = moon_sim_paging_inconsistent(ns, name);
        size_t at = moon_sim_objdb_seek(all.objs, all.count, ns, name);
        moon_assert(at <= all.count && strncmp(next, "c.", 2) == 0);
    }
    for (size_t i = 0; rc == 0 && i < rest.count; i++) {
        moon_assert(rest.objs[i]->refs > 0 && rest.objs[i]->kind == kind);
    }
    moon_free(ns);
    moon_free(name);
    moon_free(own);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    const struct world *w = world();
    const struct moon_sim_kind *kind = kind_of(data[0] % MOON_ARRAY_SIZE(OBJECTS));
    MOON_AUTOFREE char *text = moon_strndup((const char *)data + 1, size - 1);
    char *rest = text;
    const char *labels = strsep(&rest, "\n");
    const char *fields = rest != NULL ? strsep(&rest, "\n") : "";
    check_selector(w, kind, labels, fields);
    check_token(w, kind, rest != NULL ? rest : "");
    return 0;
}
