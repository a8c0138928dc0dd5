/* SPDX-License-Identifier: Apache-2.0
 *
 * read.c - reading of a node, pod or set what a script has read of another one.
 */
#include "kube/daemonset.h"
#include "policy/hooks.h"
#include "policy/trace.h"

/* In a value's b, where the first word could be anything. */
enum {
    ABSENT = 1
};

static struct moon_value of_sym(moon_sym s)
{
    return (struct moon_value){.a = (uint64_t)(uintptr_t)s};
}

static struct moon_value of_int(int64_t n)
{
    return (struct moon_value){.a = (uint64_t)n};
}

static const struct moon_value absent = {.b = ABSENT};

/* ---- lists ---- */

static uint64_t mix(uint64_t h, uint64_t more)
{
    return (h ^ more) * 0x9e3779b97f4a7c15u + (h >> 29);
}

static struct moon_value of_labels(const struct moon_labels *l)
{
    uint64_t h = l->count;

    for (size_t i = 0; i < l->count; i++) {
        h = mix(mix(h, (uint64_t)(uintptr_t)l->items[i].key),
                (uint64_t)(uintptr_t)l->items[i].value);
    }
    return (struct moon_value){.a = h, .list = l->count > 0 ? l : NULL};
}

static struct moon_value of_taints(const struct moon_taints *t)
{
    uint64_t h = t->count;

    for (size_t i = 0; i < t->count; i++) {
        h = mix(mix(h, (uint64_t)(uintptr_t)t->items[i].key),
                (uint64_t)(uintptr_t)t->items[i].value);
        h = mix(h, (uint64_t)t->items[i].effect);
    }
    return (struct moon_value){.a = h, .list = t->count > 0 ? t : NULL};
}

/* ---- parts of a node ---- */

/* Symbols are compared, not texts: the key is held by the read. */
static struct moon_value of_label(const struct moon_labels *l, moon_sym key)
{
    return of_sym(moon_labels_get_sym(l, key));
}

static struct moon_value of_condition(const struct moon_node *n, const struct moon_read *r)
{
    const struct moon_condition *c = NULL;

    for (size_t i = 0; i < n->condition_count && c == NULL; i++) {
        c = n->conditions[i].type == r->key ? &n->conditions[i] : NULL;
    }
    if (c == NULL) {
        return absent;
    }
    switch ((int)r->kind) {
    case MOON_READ_CONDITION_STATUS:
        return of_int(c->status);
    case MOON_READ_CONDITION_REASON:
        return of_sym(c->reason);
    case MOON_READ_CONDITION_SINCE:
        return of_int(c->since_s);
    default:
        return of_int(0);
    }
}

/* All of a quantity: 126 bits of it, and the way it is written. */
static struct moon_value of_amount(const struct moon_amount *items, size_t count, moon_sym key)
{
    for (size_t i = 0; i < count; i++) {
        if (items[i].resource == key) {
            struct moon_quantity q = items[i].quantity;
            return (struct moon_value){
                .a = (uint64_t)q.nano,
                .b = (uint64_t)(q.nano >> 64) << 3 | (uint64_t)q.format << 1,
            };
        }
    }
    return absent;
}

/* ---- the values ---- */

static struct moon_value of_node(const struct moon_read *r, const struct moon_subject *s)
{
    const struct moon_node *n = s->node;

    if (n == NULL) {
        return absent;
    }
    switch ((int)r->kind) {
    case MOON_READ_NAME:
        return of_sym(n->meta.name);
    case MOON_READ_UID:
        return of_sym(n->meta.uid);
    case MOON_READ_UNSCHEDULABLE:
        return of_int(n->unschedulable);
    case MOON_READ_READY:
        return of_int(n->ready);
    case MOON_READ_CREATED:
        return of_int(n->meta.created_s);
    case MOON_READ_DELETING:
        return of_int(n->meta.deleted_s != 0);
    case MOON_READ_ZONE:
        return of_sym(n->zone);
    case MOON_READ_REGION:
        return of_sym(n->region);
    case MOON_READ_ARCH:
        return of_sym(n->arch);
    case MOON_READ_OS:
        return of_sym(n->os);
    case MOON_READ_KUBELET:
        return of_sym(n->kubelet);
    case MOON_READ_LABEL:
        return of_label(&n->meta.labels, r->key);
    case MOON_READ_LABELS:
        return of_labels(&n->meta.labels);
    case MOON_READ_ANNOTATION:
        return of_label(&n->meta.annotations, r->key);
    case MOON_READ_ANNOTATIONS:
        return of_labels(&n->meta.annotations);
    case MOON_READ_TAINTS:
        return of_taints(&n->taints);
    case MOON_READ_CAPACITY:
        return of_amount(n->capacity, n->capacity_count, r->key);
    case MOON_READ_ALLOCATABLE:
        return of_amount(n->allocatable, n->allocatable_count, r->key);
    case MOON_READ_AFFINITY:
        return of_int(moon_affinity_matches(s->set->set->affinity, &n->meta.labels, n->meta.name));
    case MOON_READ_SELECTOR:
        return of_int(moon_selector_matches(r->selector, &n->meta.labels));
    default:
        return of_condition(n, r);
    }
}

static struct moon_value of_pod(const struct moon_read *r, const struct moon_subject *s)
{
    const struct moon_pod *p = s->pod;

    if (p == NULL) {
        return absent;
    }
    switch ((int)r->kind) {
    case MOON_READ_POD_NAME:
        return of_sym(p->meta.name);
    case MOON_READ_POD_UID:
        return of_sym(p->meta.uid);
    case MOON_READ_POD_PHASE:
        return of_int(p->phase);
    case MOON_READ_POD_READY:
        return of_int(p->ready);
    case MOON_READ_POD_DELETING:
        return of_int(moon_pod_is_terminating(p));
    case MOON_READ_POD_CREATED:
        return of_int(p->meta.created_s);
    case MOON_READ_POD_READY_SINCE:
        return p->ready && p->ready_since_s != 0 ? of_int(p->ready_since_s) : absent;
    case MOON_READ_POD_RESTARTS:
        return of_int(p->restarts);
    case MOON_READ_POD_REASON:
        return of_sym(p->reason);
    case MOON_READ_POD_IMAGES:
        return of_sym(p->images);
    case MOON_READ_POD_LABEL:
        return of_label(&p->meta.labels, r->key);
    case MOON_READ_POD_NODE:
        return of_int(s->node != NULL);
    default: /* MOON_READ_POD_NODE_NAME */
        return of_sym(s->slot->node_name);
    }
}

struct moon_value moon_read_value(const struct moon_read *r, const struct moon_subject *s)
{
    return r->kind < MOON_READ_POD_NAME ? of_node(r, s) : of_pod(r, s);
}

/* ---- comparing and keeping ---- */

static bool is_labels(enum moon_read_kind kind)
{
    return kind == MOON_READ_LABELS || kind == MOON_READ_ANNOTATIONS;
}

bool moon_value_equal(enum moon_read_kind kind, const struct moon_value *a,
                      const struct moon_value *b)
{
    if (a->a != b->a || a->b != b->b || (a->list == NULL) != (b->list == NULL)) {
        return false;
    }
    if (a->list == b->list) {
        return true;
    }
    return is_labels(kind) ? moon_labels_equal(a->list, b->list)
                           : moon_taints_equal(a->list, b->list);
}

static bool is_sym(enum moon_read_kind kind)
{
    switch ((int)kind) {
    case MOON_READ_NAME:
    case MOON_READ_UID:
    case MOON_READ_ZONE:
    case MOON_READ_REGION:
    case MOON_READ_ARCH:
    case MOON_READ_OS:
    case MOON_READ_KUBELET:
    case MOON_READ_LABEL:
    case MOON_READ_ANNOTATION:
    case MOON_READ_CONDITION_REASON:
    case MOON_READ_POD_NAME:
    case MOON_READ_POD_UID:
    case MOON_READ_POD_REASON:
    case MOON_READ_POD_IMAGES:
    case MOON_READ_POD_LABEL:
    case MOON_READ_POD_NODE_NAME:
        return true;
    default:
        return false;
    }
}

static moon_sym sym_in(const struct moon_value *v)
{
    return (moon_sym)(uintptr_t)v->a;
}

static struct moon_taints *copy_of(const struct moon_taints *t)
{
    struct moon_taints *copy = moon_new(struct moon_taints);

    copy->items = moon_new_array(struct moon_taint, t->count);
    for (; copy->count < t->count; copy->count++) {
        struct moon_taint *to = &copy->items[copy->count];
        *to = t->items[copy->count];
        (void)moon_sym_ref(to->key);
        (void)moon_sym_ref(to->value);
    }
    return copy;
}

void moon_value_keep(enum moon_read_kind kind, struct moon_value *v)
{
    if (is_sym(kind)) {
        (void)moon_sym_ref(sym_in(v));
    }
    if (v->list == NULL) {
        return;
    }
    if (is_labels(kind)) {
        struct moon_labels *copy = moon_new(struct moon_labels);
        moon_labels_copy(v->list, copy);
        v->list = copy;
    } else {
        v->list = copy_of(v->list);
    }
}

void moon_value_drop(enum moon_read_kind kind, struct moon_value *v)
{
    void *list = (void *)(uintptr_t)v->list;

    if (is_sym(kind)) {
        moon_sym_unref(sym_in(v));
    }
    if (list == NULL) {
        return;
    }
    if (is_labels(kind)) {
        moon_labels_fini(list);
    } else {
        moon_taints_fini(list);
    }
    moon_free(list);
}

void moon_read_fini(struct moon_read *r)
{
    moon_sym_unref(r->key);
    moon_selector_free(r->selector);
}

/* ---- in words ---- */

static const char *const names[MOON_READ_KINDS] = {
    [MOON_READ_NAME] = "name",
    [MOON_READ_UID] = "uid",
    [MOON_READ_UNSCHEDULABLE] = "unschedulable",
    [MOON_READ_READY] = "ready",
    [MOON_READ_CREATED] = "created",
    [MOON_READ_DELETING] = "deleting",
    [MOON_READ_ZONE] = "zone",
    [MOON_READ_REGION] = "region",
    [MOON_READ_ARCH] = "arch",
    [MOON_READ_OS] = "os",
    [MOON_READ_KUBELET] = "kubelet",
    [MOON_READ_LABEL] = "label",
    [MOON_READ_LABELS] = "labels",
    [MOON_READ_ANNOTATION] = "annotation",
    [MOON_READ_ANNOTATIONS] = "annotations",
    [MOON_READ_TAINTS] = "taints",
    [MOON_READ_CONDITION] = "condition",
    [MOON_READ_CONDITION_STATUS] = "status of condition",
    [MOON_READ_CONDITION_REASON] = "reason of condition",
    [MOON_READ_CONDITION_SINCE] = "time of condition",
    [MOON_READ_CAPACITY] = "capacity",
    [MOON_READ_ALLOCATABLE] = "allocatable",
    [MOON_READ_AFFINITY] = "affinity",
    [MOON_READ_SELECTOR] = "selector",
    [MOON_READ_POD_NAME] = "pod.name",
    [MOON_READ_POD_UID] = "pod.uid",
    [MOON_READ_POD_PHASE] = "pod.phase",
    [MOON_READ_POD_READY] = "pod.ready",
    [MOON_READ_POD_DELETING] = "pod.deleting",
    [MOON_READ_POD_CREATED] = "pod.created",
    [MOON_READ_POD_READY_SINCE] = "pod.ready_since",
    [MOON_READ_POD_RESTARTS] = "pod.restarts",
    [MOON_READ_POD_REASON] = "pod.reason",
    [MOON_READ_POD_IMAGES] = "pod.images",
    [MOON_READ_POD_LABEL] = "pod.labels",
    [MOON_READ_POD_NODE] = "pod.node",
    [MOON_READ_POD_NODE_NAME] = "pod.node_name",
};

void moon_read_describe(const struct moon_read *r, struct moon_buf *out)
{
    moon_buf_puts(out, names[r->kind]);
    if (r->key != NULL) {
        moon_buf_putc(out, ' ');
        moon_buf_puts(out, r->key);
    }
}
