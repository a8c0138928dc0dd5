/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/scheduler_ledger.h"

#include "base/map.h"

enum {
    LEDGER_MAGIC = 0x6c656467
};

struct moon_ledger {
    unsigned magic;
    struct moon_store *node_store;
    struct moon_store *pod_store;
    struct moon_map *nodes;  /* by name */
    struct moon_map *pods;   /* by uid: struct moon_ledger_pod, bound or assumed */
    struct moon_map *claims; /* by uid: struct moon_ledger_pod */
    struct moon_list anti;
    size_t node_count;
};

/* ---- nodes ---- */

static void node_free(void *value)
{
    struct moon_ledger_node *n = value;
    moon_assert(moon_list_is_empty(&n->pods) && moon_list_is_empty(&n->claims));
    if (n->node != NULL) {
        moon_object_unref(&n->node->meta);
    }
    moon_amounts_fini(&n->used);
    moon_sym_unref(n->name);
    moon_free(n);
}

static struct moon_ledger_node *open_node(struct moon_ledger *l, const char *name)
{
    struct moon_ledger_node *n = moon_map_get(l->nodes, moon_str(name));
    if (n == NULL) {
        n = moon_new(struct moon_ledger_node);
        n->name = moon_intern_cstr(name);
        moon_list_init(&n->pods);
        moon_list_init(&n->claims);
        moon_map_set(l->nodes, moon_str(name), n);
    }
    return n;
}

/* A node that is gone stays as long as pods name it. */
static void close_node(struct moon_ledger *l, struct moon_ledger_node *n)
{
    if (n->node == NULL && moon_list_is_empty(&n->pods) && moon_list_is_empty(&n->claims)) {
        (void)moon_map_remove(l->nodes, moon_str(n->name));
    }
}

static void set_node(struct moon_ledger *l, const char *name, const struct moon_object *object)
{
    struct moon_ledger_node *n = open_node(l, name);
    const struct moon_played_node *old = n->node;
    n->node = object != NULL ? moon_played_node(moon_object_ref(object)) : NULL;
    l->node_count += object != NULL ? 1 : 0;
    if (old != NULL) {
        l->node_count--;
        moon_object_unref(&old->meta);
    }
    close_node(l, n);
}

static void on_node(const struct moon_change *change, void *ctx)
{
    struct moon_ledger *l = MOON_CAST(moon_ledger, ctx, LEDGER_MAGIC);
    const struct moon_object *object = change->new_object;
    set_node(l, object != NULL ? object->name : change->old_object->name, object);
}

/* ---- pods ---- */

void moon_ledger_lift(struct moon_ledger_pod *p)
{
    const struct moon_demands *demands = p->pod->demands;
    moon_list_remove(&p->link);
    moon_list_remove(&p->anti);
    moon_amounts_sub(&p->on->used, &demands->requests);
    p->on->score_cpu_m -= demands->score_cpu_m;
    p->on->score_memory -= demands->score_memory;
    p->on->pod_count--;
}

void moon_ledger_put_back(struct moon_ledger *l, struct moon_ledger_pod *p)
{
    const struct moon_demands *demands = p->pod->demands;
    moon_list_append(&p->on->pods, &p->link);
    if (demands->anti_affinity.count > 0) {
        moon_list_append(&l->anti, &p->anti);
    }
    moon_amounts_add(&p->on->used, &demands->requests);
    p->on->score_cpu_m += demands->score_cpu_m;
    p->on->score_memory += demands->score_memory;
    p->on->pod_count++;
}

static struct moon_ledger_pod *pod_new(const struct moon_played_pod *pod,
                                       struct moon_ledger_node *on)
{
    struct moon_ledger_pod *p = moon_new(struct moon_ledger_pod);
    p->pod = moon_played_pod(moon_object_ref(&pod->meta));
    p->on = on;
    moon_list_init(&p->link);
    moon_list_init(&p->anti);
    return p;
}

static void pod_free(void *value)
{
    struct moon_ledger_pod *p = value;
    moon_list_remove(&p->link);
    moon_list_remove(&p->anti);
    moon_object_unref(&p->pod->meta);
    moon_free(p);
}

static void enter(struct moon_ledger *l, const struct moon_played_pod *pod,
                  struct moon_ledger_node *on, bool is_assumed)
{
    struct moon_ledger_pod *p = pod_new(pod, on);
    p->is_assumed = is_assumed;
    moon_map_set(l->pods, moon_str(pod->meta.uid), p);
    moon_ledger_put_back(l, p);
}

static void strike(struct moon_ledger *l, struct moon_str uid, struct moon_ledger_pod *p)
{
    struct moon_ledger_node *on = p->on;
    moon_ledger_lift(p);
    (void)moon_map_remove(l->pods, uid);
    close_node(l, on);
}

static void drop_claim(struct moon_ledger *l, struct moon_str uid)
{
    struct moon_ledger_pod *p = moon_map_get(l->claims, uid);
    if (p != NULL) {
        struct moon_ledger_node *on = p->on;
        (void)moon_map_remove(l->claims, uid);
        close_node(l, on);
    }
}

void moon_ledger_claim(struct moon_ledger *l, const struct moon_played_pod *pod,
                       struct moon_ledger_node *on)
{
    struct moon_str uid = moon_str(pod->meta.uid);
    drop_claim(l, uid);
    if (on != NULL) {
        struct moon_ledger_pod *p = pod_new(pod, on);
        moon_list_append(&on->claims, &p->link);
        moon_map_set(l->claims, uid, p);
    }
}

struct moon_ledger_node *moon_ledger_claimed(const struct moon_ledger *l,
                                             const struct moon_played_pod *pod)
{
    const struct moon_ledger_pod *p = moon_map_get(l->claims, moon_str(pod->meta.uid));
    return p != NULL && p->on->node != NULL ? p->on : NULL;
}

void moon_ledger_assume(struct moon_ledger *l, const struct moon_played_pod *pod,
                        struct moon_ledger_node *on)
{
    moon_assert(!moon_map_has(l->pods, moon_str(pod->meta.uid)));
    moon_ledger_claim(l, pod, NULL);
    enter(l, pod, on, true);
}

void moon_ledger_forget(struct moon_ledger *l, const struct moon_played_pod *pod)
{
    struct moon_str uid = moon_str(pod->meta.uid);
    struct moon_ledger_pod *p = moon_map_get(l->pods, uid);
    if (p != NULL && p->is_assumed) {
        strike(l, uid, p);
    }
}

static bool is_there(const struct moon_object *object)
{
    return object != NULL && moon_played_pod(object)->node_name != NULL &&
           !moon_played_pod_has_ended(moon_played_pod(object));
}

static void see_pod(struct moon_ledger *l, struct moon_str uid, const struct moon_object *object)
{
    struct moon_ledger_pod *p = moon_map_get(l->pods, uid);
    bool is_unbound = object != NULL && moon_played_pod(object)->node_name == NULL;
    if (p != NULL && !(p->is_assumed && is_unbound)) {
        strike(l, uid, p);
    }
    if (is_there(object)) {
        const struct moon_played_pod *pod = moon_played_pod(object);
        enter(l, pod, open_node(l, pod->node_name), false);
    }
    if (!is_unbound) {
        drop_claim(l, uid);
    }
}

static void on_pod(const struct moon_change *change, void *ctx)
{
    struct moon_ledger *l = MOON_CAST(moon_ledger, ctx, LEDGER_MAGIC);
    const struct moon_object *object = change->new_object;
    see_pod(l, moon_str(object != NULL ? object->uid : change->old_object->uid), object);
}

/* ---- reading ---- */

size_t moon_ledger_count(const struct moon_ledger *l)
{
    return l->node_count;
}

struct moon_ledger_node *moon_ledger_next(const struct moon_ledger *l, size_t *pos)
{
    void *value;
    while (moon_map_next(l->nodes, pos, NULL, &value)) {
        struct moon_ledger_node *n = value;
        if (n->node != NULL) {
            return n;
        }
    }
    return NULL;
}

struct moon_ledger_node *moon_ledger_node(const struct moon_ledger *l, const char *name)
{
    struct moon_ledger_node *n = moon_map_get(l->nodes, moon_str(name));
    return n != NULL && n->node != NULL ? n : NULL;
}

const struct moon_list *moon_ledger_anti(const struct moon_ledger *l)
{
    return &l->anti;
}

/* ---- life ---- */

struct moon_ledger *moon_ledger_new(struct moon_store *nodes, struct moon_store *pods)
{
    struct moon_ledger *l = moon_new(struct moon_ledger);
    const struct moon_object *object;
    l->magic = LEDGER_MAGIC;
    l->node_store = nodes;
    l->pod_store = pods;
    l->nodes = moon_map_new(node_free);
    l->pods = moon_map_new(pod_free);
    l->claims = moon_map_new(pod_free);
    moon_list_init(&l->anti);
    for (size_t pos = 0; (object = moon_store_next(nodes, &pos)) != NULL;) {
        set_node(l, object->name, object);
    }
    for (size_t pos = 0; (object = moon_store_next(pods, &pos)) != NULL;) {
        see_pod(l, moon_str(object->uid), object);
    }
    moon_store_listen(nodes, on_node, l);
    moon_store_listen(pods, on_pod, l);
    return l;
}

void moon_ledger_free(struct moon_ledger *l)
{
    if (l == NULL) {
        return;
    }
    moon_store_unlisten(l->node_store, on_node, l);
    moon_store_unlisten(l->pod_store, on_pod, l);
    moon_map_free(l->pods);
    moon_map_free(l->claims);
    moon_map_free(l->nodes);
    l->magic = 0;
    moon_free(l);
}
