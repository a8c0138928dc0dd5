/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/trace.h"

#include "kube/daemonset.h"
#include "policy/engine.h"
#include "policy/hooks.h"
#include "policy/memo.h"

/* ---- noting a read ---- */

static void opaque(struct moon_trace *t)
{
    t->opaque = true;
}

static void note_number(struct moon_trace *t, int number)
{
    if (number < 0) {
        opaque(t); /* the memo has no room for more */
        return;
    }
    uint64_t bit = UINT64_C(1) << number;
    if ((t->seen & bit) == 0) { /* read again it is the same */
        t->seen |= bit;
        t->reads[t->count++] = (uint8_t)number;
    }
}

static void note(struct moon_trace *t, enum moon_read_kind kind, const char *key)
{
    if (t->opaque) {
        return;
    }
    note_number(t, moon_memo_read(t->memo, kind, key));
}

/* What the fields of a view are. */
struct field {
    const char *name;
    int kind; /* enum moon_read_kind, or one of these */
};
enum {
    /* Nothing that could differ, or a view whose own reads are noted. */
    CONSTANT = MOON_READ_KINDS,
    /* Of the set, and not of its spec. */
    CHANGING,
};

static const struct field node_fields[] = {
    {"labels", CONSTANT},
    {"name", MOON_READ_NAME},
    {"taints", MOON_READ_TAINTS},
    {"zone", MOON_READ_ZONE},
    {"capacity", CONSTANT},
    {"allocatable", CONSTANT},
    {"conditions", CONSTANT},
    {"annotations", CONSTANT},
    {"unschedulable", MOON_READ_UNSCHEDULABLE},
    {"ready", MOON_READ_READY},
    {"created", MOON_READ_CREATED},
    {"region", MOON_READ_REGION},
    {"arch", MOON_READ_ARCH},
    {"os", MOON_READ_OS},
    {"kubelet", MOON_READ_KUBELET},
    {"deleting", MOON_READ_DELETING},
    {"uid", MOON_READ_UID},
    {NULL, 0},
};

static const struct field pod_fields[] = {
    {"node", MOON_READ_POD_NODE},
    {"labels", CONSTANT},
    {"restarts", MOON_READ_POD_RESTARTS},
    {"ready", MOON_READ_POD_READY},
    {"phase", MOON_READ_POD_PHASE},
    {"reason", MOON_READ_POD_REASON},
    {"images", MOON_READ_POD_IMAGES},
    {"created", MOON_READ_POD_CREATED},
    {"ready_since", MOON_READ_POD_READY_SINCE},
    {"deleting", MOON_READ_POD_DELETING},
    {"node_name", MOON_READ_POD_NODE_NAME},
    {"name", MOON_READ_POD_NAME},
    {"uid", MOON_READ_POD_UID},
    {NULL, 0},
};

static const struct field set_fields[] = {
    {"params", CONSTANT},
    {"template", CONSTANT},
    {"tolerations", CONSTANT},
    {"name", CONSTANT},
    {"namespace", CONSTANT},
    {"labels", CONSTANT},
    {"annotations", CONSTANT},
    {"node_selector", CONSTANT},
    {"selector", CONSTANT},
    {"kind", CONSTANT},
    {"uid", CONSTANT},
    {"generation", CONSTANT},
    {"strategy", CONSTANT},
    {"min_ready_seconds", CONSTANT},
    {"desired", CHANGING},
    {"revision", CHANGING},
    {NULL, 0},
};

static const struct field template_fields[] = {
    {"node_name", CONSTANT},
    {"labels", CONSTANT},
    {"host_network", CONSTANT},
    {"tolerations", CONSTANT},
    {NULL, 0},
};

static void note_field(struct moon_trace *t, const struct field *fields, const char *name)
{
    for (const struct field *f = fields; name != NULL && f->name != NULL; f++) {
        if (strcmp(f->name, name) != 0) {
            continue;
        }
        if (f->kind == CHANGING) {
            moon_memo_watch_set(t->memo);
        } else if (f->kind != CONSTANT) {
            note(t, (enum moon_read_kind)f->kind, NULL);
        }
        return;
    }
    opaque(t);
}

/* ---- parts ---- */

static bool is_of_set(const struct moon_trace *t, const void *labels)
{
    const struct moon_daemonset *set = t->subject->set->set;

    return labels == &set->meta.labels || labels == &set->meta.annotations ||
           labels == &set->node_selector || labels == &set->template_labels;
}

/* `key` NULL: all of them. */
static void note_labels(struct moon_trace *t, const void *labels, const char *key)
{
    const struct moon_node *n = t->subject->node;
    const struct moon_pod *p = t->subject->pod;

    if (n != NULL && labels == &n->meta.labels) {
        note(t, key != NULL ? MOON_READ_LABEL : MOON_READ_LABELS, key);
    } else if (n != NULL && labels == &n->meta.annotations) {
        note(t, key != NULL ? MOON_READ_ANNOTATION : MOON_READ_ANNOTATIONS, key);
    } else if (p != NULL && labels == &p->meta.labels && key != NULL) {
        note(t, MOON_READ_POD_LABEL, key);
    } else if (!is_of_set(t, labels)) {
        opaque(t);
    }
}

static void note_condition(struct moon_trace *t, const struct moon_view *v, const char *field)
{
    const struct moon_condition *c = v->object;

    if (moon_streq(field, "status")) {
        note(t, MOON_READ_CONDITION_STATUS, c->type);
    } else if (moon_streq(field, "reason")) {
        note(t, MOON_READ_CONDITION_REASON, c->type);
    } else if (moon_streq(field, "since")) {
        note(t, MOON_READ_CONDITION_SINCE, c->type);
    } else if (!moon_streq(field, "type")) {
        opaque(t);
    }
}

static void note_amount(struct moon_trace *t, const struct moon_view *v, const char *resource)
{
    const struct moon_node *n = t->subject->node;

    bool known = n != NULL && resource != NULL;
    if (known && (v->object == n->capacity || v->object == &n->capacity)) {
        note(t, MOON_READ_CAPACITY, resource);
    } else if (known && (v->object == n->allocatable || v->object == &n->allocatable)) {
        note(t, MOON_READ_ALLOCATABLE, resource);
    } else {
        opaque(t);
    }
}

void moon_trace_index(struct moon_trace *t, const struct moon_view *v, const char *key)
{
    switch ((int)v->kind) {
    case MOON_VIEW_NODE:
        note_field(t, node_fields, v->object == t->subject->node ? key : NULL);
        return;
    case MOON_VIEW_OLD_POD:
    case MOON_VIEW_NEW_POD:
        note_field(t, pod_fields, v->object == t->subject->pod ? key : NULL);
        return;
    case MOON_VIEW_SET:
        note_field(t, set_fields, v->object == t->subject->set ? key : NULL);
        return;
    case MOON_VIEW_TEMPLATE:
        note_field(t, template_fields, key);
        return;
    case MOON_VIEW_LABELS:
        note_labels(t, v->object, key != NULL ? key : "");
        return;
    case MOON_VIEW_CONDITIONS:
        note(t, MOON_READ_CONDITION, key != NULL ? key : "");
        return;
    case MOON_VIEW_CONDITION:
        note_condition(t, v, key);
        return;
    case MOON_VIEW_AMOUNTS:
        note_amount(t, v, key);
        return;
    case MOON_VIEW_TAINTS: /* whoever has got at them has read them all */
    case MOON_VIEW_TAINT:
    case MOON_VIEW_TOLERATIONS: /* the set's */
    case MOON_VIEW_TOLERATION:
        return;
    default:
        opaque(t);
    }
}

void moon_trace_whole(struct moon_trace *t, const struct moon_view *v)
{
    switch ((int)v->kind) {
    case MOON_VIEW_LABELS:
        note_labels(t, v->object, NULL);
        return;
    case MOON_VIEW_TAINTS:
    case MOON_VIEW_TAINT:
    case MOON_VIEW_TOLERATIONS:
    case MOON_VIEW_TOLERATION:
        return;
    default:
        opaque(t);
    }
}

/* ---- functions of the library ---- */

static struct moon_trace *trace_of(lua_State *L)
{
    return moon_engine_of(L)->trace;
}

void moon_trace_opaque(lua_State *L)
{
    if (trace_of(L) != NULL) {
        opaque(trace_of(L));
    }
}

static void note_of_node(lua_State *L, const struct moon_node *node, enum moon_read_kind kind)
{
    struct moon_trace *t = trace_of(L);

    if (t == NULL) {
        return;
    }
    if (node == t->subject->node) {
        note(t, kind, NULL);
    } else {
        opaque(t);
    }
}

void moon_trace_taints(lua_State *L, const struct moon_node *node)
{
    note_of_node(L, node, MOON_READ_TAINTS);
}

void moon_trace_affinity(lua_State *L, const struct moon_set_view *set,
                         const struct moon_node *node)
{
    struct moon_trace *t = trace_of(L);

    if (t != NULL && set != t->subject->set) {
        opaque(t);
    }
    note_of_node(L, node, MOON_READ_AFFINITY);
}

void moon_trace_selector(lua_State *L, const struct moon_selector *selector,
                         const struct moon_view *v)
{
    struct moon_trace *t = trace_of(L);
    const struct moon_node *n = t != NULL ? t->subject->node : NULL;

    if (t == NULL || t->opaque) {
        return;
    }
    bool of_node = n != NULL && (v->object == n || v->object == &n->meta.labels);
    if (of_node) {
        note_number(t, moon_memo_read_selector(t->memo, selector));
    } else if (v->kind != MOON_VIEW_SET && !is_of_set(t, v->object)) {
        opaque(t);
    }
}
