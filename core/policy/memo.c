/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/memo.h"

enum {
    MAX_PATHS = 4096,
    MAX_NODES = 4 * MAX_PATHS,
    FIRST_EDGES = 64,            /* a power of two */
    CHECK_EVERY = 1024,          /* hits */
    REST_CALLS = 16 * MAX_PATHS, /* after filling up without being of use */
};

struct node {
    uint32_t answer; /* a leaf: its number + 1 */
    uint8_t read;    /* an inner node: what it asks for, its number + 1; 0 and no answer: new */
};

/* From a node by a value to the next one; in a table with open addressing. to 0: free. */
struct edge {
    uint32_t from;
    uint32_t to;
    struct moon_value value;
};

struct moon_memo {
    /* whose answers these are */
    const struct moon_daemonset *set; /* counted; NULL: of nobody yet */
    struct moon_tolerations tolerations;
    uint64_t state;
    int64_t desired;
    char *revision;
    bool watches_set;

    struct moon_read reads[MOON_TRACE_MAX];
    size_t read_count;
    bool reads_everything;

    struct node *nodes; /* the first is the root */
    size_t node_count;
    size_t node_capacity;
    struct edge *edges;
    size_t edge_count;
    size_t edge_capacity;
    struct moon_hook_answer *answers;
    size_t answer_count;
    size_t answer_capacity;

    uint64_t hits;
    uint64_t asked;
    uint64_t hits_when_cleared;
    size_t rest; /* calls until it is tried again */
    const char *off;
};

/* ---- answers ---- */

void moon_hook_answer_fini(struct moon_hook_answer *a)
{
    moon_sym_unref(a->reason);
    for (size_t i = 0; i < a->key_count; i++) {
        moon_sym_unref(a->keys[i].text);
    }
    *a = (struct moon_hook_answer){0};
}

static bool same_key(const struct moon_rank_key *a, const struct moon_rank_key *b)
{
    return a->text == b->text && a->number <= b->number && a->number >= b->number;
}

bool moon_hook_answer_equal(const struct moon_hook_answer *a, const struct moon_hook_answer *b)
{
    bool same = a->code == b->code && a->reason == b->reason && a->key_count == b->key_count;

    for (size_t i = 0; same && i < a->key_count; i++) {
        same = same_key(&a->keys[i], &b->keys[i]);
    }
    return same;
}

void moon_hook_answer_copy(const struct moon_hook_answer *from, struct moon_hook_answer *to)
{
    *to = *from;
    (void)moon_sym_ref(to->reason);
    for (size_t i = 0; i < to->key_count; i++) {
        (void)moon_sym_ref(to->keys[i].text);
    }
}

/* ---- life ---- */

struct moon_memo *moon_memo_new(void)
{
    return moon_new(struct moon_memo);
}

static void clear(struct moon_memo *m)
{
    for (size_t i = 0; i < m->edge_capacity; i++) {
        struct edge *e = &m->edges[i];
        if (e->to != 0) {
            moon_value_drop(m->reads[m->nodes[e->from].read - 1].kind, &e->value);
        }
    }
    for (size_t i = 0; i < m->answer_count; i++) {
        moon_hook_answer_fini(&m->answers[i]);
    }
    moon_free(m->edges);
    moon_free(m->nodes);
    moon_free(m->answers);
    m->edges = NULL;
    m->nodes = NULL;
    m->answers = NULL;
    m->edge_count = m->edge_capacity = 0;
    m->node_count = m->node_capacity = 0;
    m->answer_count = m->answer_capacity = 0;
    m->hits_when_cleared = m->hits;
}

void moon_memo_free(struct moon_memo *m)
{
    if (m == NULL) {
        return;
    }
    clear(m);
    for (size_t i = 0; i < m->read_count; i++) {
        moon_read_fini(&m->reads[i]);
    }
    if (m->set != NULL) {
        moon_object_unref(&m->set->meta);
    }
    moon_tolerations_fini(&m->tolerations);
    moon_free(m->revision);
    moon_free(m);
}

/* ---- for whom ---- */

static bool same_spec(const struct moon_daemonset *a, const struct moon_daemonset *b)
{
    if (a == b) {
        return true;
    }
    return a != NULL && a->meta.uid == b->meta.uid && a->meta.generation == b->meta.generation &&
           moon_labels_equal(&a->meta.labels, &b->meta.labels) &&
           moon_labels_equal(&a->meta.annotations, &b->meta.annotations) &&
           a->strategy_text == b->strategy_text && a->min_ready_s == b->min_ready_s &&
           a->template_len == b->template_len &&
           memcmp(a->template, b->template, a->template_len) == 0;
}

static void take_set(struct moon_memo *m, const struct moon_set_view *set)
{
    if (m->set != set->set) {
        moon_object_ref(&set->set->meta);
        if (m->set != NULL) {
            moon_object_unref(&m->set->meta);
        }
        m->set = set->set;
    }
    if (!moon_tolerations_equal(&m->tolerations, set->tolerations)) {
        moon_tolerations_fini(&m->tolerations);
        moon_tolerations_copy(set->tolerations, &m->tolerations);
    }
    if (!moon_streq(m->revision, set->revision)) {
        moon_free(m->revision);
        m->revision = moon_strdup(set->revision);
    }
    m->desired = set->desired;
}

void moon_memo_prepare(struct moon_memo *m, const struct moon_set_view *set, uint64_t state)
{
    bool same = m->state == state && same_spec(m->set, set->set) &&
                moon_tolerations_equal(&m->tolerations, set->tolerations);

    if (m->watches_set) {
        same = same && m->desired == set->desired && moon_streq(m->revision, set->revision);
    }
    if (!same && m->node_count > 0) {
        clear(m);
    }
    m->state = state;
    take_set(m, set);
}

/* ---- the tree ---- */

static size_t place_of(const struct moon_memo *m, uint32_t from, const struct moon_value *v)
{
    uint64_t h = (v->a ^ v->b << 7 ^ (uint64_t)from << 40) * 0x9e3779b97f4a7c15u;

    return (size_t)(h >> 32) & (m->edge_capacity - 1);
}

/* Where the edge is, or would be put. */
static struct edge *edge_at(const struct moon_memo *m, uint32_t from, enum moon_read_kind kind,
                            const struct moon_value *v)
{
    for (size_t i = place_of(m, from, v);; i = (i + 1) & (m->edge_capacity - 1)) {
        struct edge *e = &m->edges[i];
        if (e->to == 0 || (e->from == from && moon_value_equal(kind, &e->value, v))) {
            return e;
        }
    }
}

static void grow_edges(struct moon_memo *m)
{
    struct edge *old = m->edges;
    size_t capacity = m->edge_capacity;

    m->edge_capacity = capacity > 0 ? 2 * capacity : FIRST_EDGES;
    m->edges = moon_new_array(struct edge, m->edge_capacity);
    for (size_t i = 0; i < capacity; i++) {
        if (old[i].to != 0) {
            enum moon_read_kind kind = m->reads[m->nodes[old[i].from].read - 1].kind;
            *edge_at(m, old[i].from, kind, &old[i].value) = old[i];
        }
    }
    moon_free(old);
}

static uint32_t add_node(struct moon_memo *m)
{
    if (m->node_count == m->node_capacity) {
        m->node_capacity = m->node_capacity > 0 ? 2 * m->node_capacity : 16;
        m->nodes = moon_realloc_array(m->nodes, m->node_capacity, sizeof(*m->nodes));
    }
    m->nodes[m->node_count] = (struct node){0};
    return (uint32_t)m->node_count++;
}

static uint32_t add_answer(struct moon_memo *m, const struct moon_hook_answer *answer)
{
    if (m->answer_count == m->answer_capacity) {
        m->answer_capacity = m->answer_capacity > 0 ? 2 * m->answer_capacity : 16;
        m->answers = moon_realloc_array(m->answers, m->answer_capacity, sizeof(*m->answers));
    }
    moon_hook_answer_copy(answer, &m->answers[m->answer_count++]);
    return (uint32_t)m->answer_count;
}

const struct moon_hook_answer *moon_memo_find(struct moon_memo *m, const struct moon_subject *s,
                                              bool *ret_check)
{
    uint32_t at = 0;

    *ret_check = false;
    if (m->off != NULL || m->node_count == 0) {
        return NULL;
    }
    while (m->nodes[at].answer == 0) {
        const struct moon_read *r = &m->reads[m->nodes[at].read - 1];
        struct moon_value v = moon_read_value(r, s);
        const struct edge *e = edge_at(m, at, r->kind, &v);
        if (e->to == 0) {
            return NULL;
        }
        at = e->to;
    }
    m->hits++;
    *ret_check = m->hits % CHECK_EVERY == 0;
    return &m->answers[m->nodes[at].answer - 1];
}

/* The next node of a path. */
static uint32_t follow(struct moon_memo *m, uint32_t at, uint8_t number,
                       const struct moon_subject *s)
{
    const struct moon_read *r = &m->reads[number];
    struct moon_value v = moon_read_value(r, s);

    m->nodes[at].read = (uint8_t)(number + 1);
    if (2 * (m->edge_count + 1) > m->edge_capacity) {
        grow_edges(m);
    }
    struct edge *e = edge_at(m, at, r->kind, &v);
    if (e->to == 0) {
        moon_value_keep(r->kind, &v);
        *e = (struct edge){.from = at, .to = add_node(m), .value = v};
        m->edge_count++;
    }
    return e->to;
}

static void add_path(struct moon_memo *m, const struct moon_trace *t,
                     const struct moon_hook_answer *answer)
{
    static const char unsteady[] = "what it reads depends on more than what it has read";
    uint32_t at = m->node_count > 0 ? 0 : add_node(m);

    for (size_t i = 0; i < t->count; i++) {
        const struct node *n = &m->nodes[at];
        if (n->answer != 0 || (n->read != 0 && n->read != t->reads[i] + 1)) {
            moon_memo_give_up(m, unsteady);
            return;
        }
        at = follow(m, at, t->reads[i], t->subject);
    }
    if (m->nodes[at].read != 0) {
        moon_memo_give_up(m, unsteady);
    } else if (m->nodes[at].answer == 0) {
        m->nodes[at].answer = add_answer(m, answer);
    }
}

/* Full: forget all. If it was of little use, do not begin anew at once. */
static void make_room(struct moon_memo *m)
{
    if (m->answer_count < MAX_PATHS && m->node_count + MOON_TRACE_MAX < MAX_NODES) {
        return;
    }
    m->rest = m->hits - m->hits_when_cleared < MAX_PATHS ? REST_CALLS : 0;
    clear(m);
}

bool moon_memo_wants_trace(const struct moon_memo *m)
{
    return m->off == NULL || !m->reads_everything;
}

void moon_memo_learn(struct moon_memo *m, const struct moon_trace *t,
                     const struct moon_hook_answer *answer)
{
    m->asked++;
    if (t->opaque) {
        m->reads_everything = true;
        return;
    }
    if (m->rest > 0) {
        m->rest--;
        return;
    }
    if (m->off == NULL && answer != NULL) {
        make_room(m);
        add_path(m, t, answer);
    }
}

void moon_memo_give_up(struct moon_memo *m, const char *why)
{
    clear(m);
    m->off = why;
    m->reads_everything = true;
}

void moon_memo_read_everything(struct moon_memo *m)
{
    m->reads_everything = true;
}

/* ---- reads ---- */

static int add_read(struct moon_memo *m, struct moon_read take)
{
    if (m->read_count == MOON_TRACE_MAX) {
        moon_read_fini(&take);
        return -1;
    }
    m->reads[m->read_count] = take;
    return (int)m->read_count++;
}

static int find_read(const struct moon_memo *m, enum moon_read_kind kind, moon_sym key)
{
    for (size_t i = 0; i < m->read_count; i++) {
        if (m->reads[i].kind == kind && m->reads[i].key == key) {
            return (int)i;
        }
    }
    return -1;
}

int moon_memo_read(struct moon_memo *m, enum moon_read_kind kind, const char *key)
{
    moon_sym known = key != NULL ? moon_intern_find(moon_str(key)) : NULL;
    int found = key == NULL || known != NULL ? find_read(m, kind, known) : -1;

    return found >= 0 ? found
                      : add_read(m, (struct moon_read){.kind = kind, .key = moon_intern_cstr(key)});
}

/* The engine's selector goes with the engine: the memo has one of its own. */
int moon_memo_read_selector(struct moon_memo *m, const struct moon_selector *selector)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(64 * 1024);
    struct moon_err err;

    moon_selector_write(selector, &text);
    moon_sym known = moon_intern_find(moon_buf_str(&text));
    int found = known != NULL ? find_read(m, MOON_READ_SELECTOR, known) : -1;
    if (found >= 0) {
        return found;
    }
    struct moon_selector *own = moon_selector_parse(moon_buf_str(&text), &err);
    if (own == NULL) {
        return -1;
    }
    return add_read(m, (struct moon_read){.kind = MOON_READ_SELECTOR,
                                          .key = moon_intern(moon_buf_str(&text)),
                                          .selector = own});
}

void moon_memo_watch_set(struct moon_memo *m)
{
    m->watches_set = true;
}

bool moon_memo_reads_same(const struct moon_memo *m, const struct moon_subject *a,
                          const struct moon_subject *b)
{
    if (m->reads_everything || m->asked == 0) {
        return false;
    }
    for (size_t i = 0; i < m->read_count; i++) {
        struct moon_value x = moon_read_value(&m->reads[i], a);
        struct moon_value y = moon_read_value(&m->reads[i], b);
        if (!moon_value_equal(m->reads[i].kind, &x, &y)) {
            return false;
        }
    }
    return true;
}

void moon_memo_figures(const struct moon_memo *m, struct moon_memo_figures *ret)
{
    *ret = (struct moon_memo_figures){
        .hits = m->hits,
        .asked = m->asked,
        .paths = m->answer_count,
        .bytes = sizeof(*m) + m->node_capacity * sizeof(struct node) +
                 m->edge_capacity * sizeof(struct edge) +
                 m->answer_capacity * sizeof(struct moon_hook_answer),
        .reads_everything = m->reads_everything,
        .off = m->off != NULL ? m->off
               : m->rest > 0  ? "hardly two are alike"
                              : NULL,
    };
}

void moon_memo_describe_reads(const struct moon_memo *m, struct moon_buf *out)
{
    for (size_t i = 0; i < m->read_count; i++) {
        moon_buf_puts(out, i > 0 ? ", " : "");
        moon_read_describe(&m->reads[i], out);
    }
}
