/* SPDX-License-Identifier: Apache-2.0
 *
 * hook_mutate.c - what the pods of a node are made of.
 */
#include <stdio.h>

#include "policy/hook_each.h"
#include "policy/mutate_priv.h"

enum {
    KEY_MAX_BYTES = 1024 * 1024,
    TEMPLATE_MAX_BYTES = 2 * 1024 * 1024,
    FINISH_US = 50 * 1000, /* of CPU, to put the edits of all nodes of a call into the template */
};

struct asking {
    const struct moon_mutate_opts *opts;
    const struct moon_node *const *nodes;
    struct moon_draft *drafts;
    struct moon_mutate_run run;
};

/* ---- one policy ---- */

static struct moon_subject subject(const struct moon_hook_each *h, size_t i)
{
    const struct asking *a = h->ctx;

    return (struct moon_subject){.node = a->nodes[i], .set = h->call.set};
}

static void *recorder(struct moon_hook_each *h, size_t i)
{
    struct asking *a = h->ctx;
    struct moon_engine *e = h->call.engine;

    a->run =
        (struct moon_mutate_run){.opts = a->opts, .link = h->call.link, .draft = &a->drafts[i]};
    e->mutate = &a->run;
    return moon_views_handle(&e->views, MOON_VIEW_MADE_POD, &a->run, 0, NULL);
}

/* It records, and returns nothing. */
static int read_nothing(const struct moon_hook_each *h MOON_UNUSED,
                        struct moon_hook_answer *ret_answer MOON_UNUSED,
                        struct moon_fault *ret MOON_UNUSED)
{
    return 0;
}

static int give_nothing(const struct moon_hook_each *h MOON_UNUSED, size_t i MOON_UNUSED,
                        const struct moon_hook_answer *answer MOON_UNUSED,
                        struct moon_fault *ret MOON_UNUSED)
{
    return 0;
}

static void miss(const struct moon_hook_each *h, size_t i)
{
    const struct asking *a = h->ctx;

    a->drafts[i].failed = true;
}

bool moon_chain_mutates(const struct moon_chain *chain)
{
    return moon_chain_user(chain, MOON_HOOK_MUTATE) != NULL;
}

/* ---- do the edits fit? ---- */

struct finishing {
    struct moon_chain *chain;
    const struct moon_set_view *set;
    const struct moon_mutate_opts *opts;
    struct moon_map *seen; /* answers by text: NULL for one that does not fit, which is told */
    bool told_kept;        /* that too much is kept */
};

static bool keeps_labels(const struct moon_set_view *set, struct moon_str template)
{
    struct moon_labels labels = {0};
    struct moon_str raw;
    struct moon_err err;
    bool fits = false;

    if (!moon_json_find(template, MOON_JSON_PATH("metadata", "labels"), &raw)) {
        return false;
    }
    MOON_AUTOJSON *json = moon_json_parse(raw, &err);
    if (json != NULL && moon_labels_from_json(json, &labels, &err) == 0) {
        fits = moon_selector_matches(set->set->selector, &labels);
    }
    moon_labels_fini(&labels);
    return fits;
}

static bool touches_labels(const struct moon_edit *e)
{
    return moon_str_starts(moon_str(e->pointer), "/metadata/labels/");
}

/* The edits up to the first that is wrong, in *ret_edit. */
static int check(const struct finishing *f, const struct moon_draft *d, size_t *ret_edit,
                 struct moon_err *err)
{
    const struct moon_mutation *m = &d->answer;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(TEMPLATE_MAX_BYTES);
    struct moon_str template = {0};
    bool labels = false;

    if (m->edit_count == 0) {
        return 0;
    }
    *ret_edit = 0;
    if (!f->opts->find(m->pin, m->hash, &template, f->opts->ctx)) {
        return moon_err_set(err, MOON_E_INVALID, "revision %s is gone", moon_mutation_revision(m));
    }
    if (moon_mutation_apply(m, template, &out, ret_edit, err) != 0) {
        return moon_err_wrap(err, "pod:%s", m->edits[*ret_edit].value != NULL ? "set" : "remove");
    }
    for (size_t i = 0; i < m->edit_count; i++) {
        if (touches_labels(&m->edits[i])) {
            *ret_edit = i;
            labels = true;
        }
    }
    if (labels && !keeps_labels(f->set, moon_buf_str(&out))) {
        return moon_err_set(err, MOON_E_INVALID,
                            "%s: the set's selector would not match the pod any more",
                            m->edits[*ret_edit].pointer);
    }
    return 0;
}

static void tell(const struct finishing *f, const struct moon_draft *d, size_t edit,
                 enum moon_policy_fault kind, const struct moon_err *err, const struct moon_node *n)
{
    const struct moon_draft_from *from = &d->from[edit];
    MOON_AUTOFREE char *object_text = moon_asprintf("node %s", n->meta.name);
    /* The call is over: nothing of it but its names is looked at. */
    struct moon_hook_call call = {.chain = f->chain, .set = f->set, .hook = MOON_HOOK_MUTATE};
    struct moon_fault fault = {.kind = kind};

    for (size_t i = 0; i < f->chain->count; i++) {
        if (&f->chain->links[i] == from->link) {
            call.link = &f->chain->links[i];
        }
    }
    (void)snprintf(fault.text, sizeof(fault.text), "%s%s", from->place, err->text);
    moon_hook_report(&call, &fault, object_text);
}

/* An answer that is known may not fit the template there is now. */
static struct moon_mutation *look_at(struct finishing *f, struct moon_draft *d,
                                     const struct moon_buf *key, const struct moon_node *n)
{
    struct moon_mutation *known;
    struct moon_err err;
    size_t edit = 0;

    if (moon_buf_check(key, "all changes of a pod", &err) != 0 || check(f, d, &edit, &err) != 0) {
        tell(f, d, edit, MOON_FAULT_SHAPE, &err, n);
        return NULL;
    }
    known = moon_mutations_find(f->opts->answers, moon_buf_str(key));
    if (known == NULL) {
        known = moon_mutations_add(f->opts->answers, moon_buf_str(key), d);
    }
    if (known == NULL && !f->told_kept) {
        f->told_kept = true;
        (void)moon_err_set(&err, MOON_E_LIMIT,
                           "more than %d MB of different changes of a set's pods",
                           MOON_MUTATE_MAX_KEPT_BYTES >> 20);
        tell(f, d, 0, MOON_FAULT_MEMORY, &err, n);
    }
    return known;
}

/* The answer that a draft comes to; NULL: it does not fit. Each is looked at once. */
static struct moon_mutation *finish(struct finishing *f, struct moon_draft *d,
                                    const struct moon_node *n)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf key = MOON_BUF_INIT(KEY_MAX_BYTES);

    moon_draft_write(d, &key);
    if (moon_map_has(f->seen, moon_buf_str(&key))) {
        struct moon_mutation *known = moon_map_get(f->seen, moon_buf_str(&key));
        return known != NULL ? moon_mutation_ref(known) : NULL;
    }
    struct moon_mutation *answer = look_at(f, d, &key, n);
    moon_map_set(f->seen, moon_buf_str(&key), answer);
    return answer;
}

/* Making the edits is not a script's CPU, but what it makes us do: it has a bound, too. Whoever is
 * left out is asked again. */
static void finish_all(struct finishing *f, struct moon_draft *drafts,
                       const struct moon_node *const *nodes, size_t count,
                       struct moon_mutation **ret_answers)
{
    double scale = f->chain->count > 0 ? f->chain->links[0].version->budget_scale : 1;
    uint64_t start_ns = moon_budget_now_ns();
    bool over = false;

    for (size_t i = 0; i < count; i++) {
        struct moon_draft *d = &drafts[i];
        bool late = !d->failed && d->answer.edit_count > 0 &&
                    (double)(moon_budget_now_ns() - start_ns) > FINISH_US * 1000 * scale;
        if (late && !over) {
            struct moon_err err;
            (void)moon_err_set(
                &err, MOON_E_LIMIT,
                "stopped: making the changes of %zu pods took more than %d ms of CPU", i,
                FINISH_US / 1000);
            tell(f, d, 0, MOON_FAULT_BUDGET, &err, nodes[i]);
        }
        over = over || late;
        ret_answers[i] = d->failed || late ? NULL : finish(f, d, nodes[i]);
        moon_draft_fini(d);
    }
}

void moon_hook_mutate(struct moon_chain *chain, const struct moon_set_view *set,
                      const struct moon_mutate_opts *opts, const struct moon_node *const *nodes,
                      size_t count, struct moon_mutation **ret_answers)
{
    MOON_AUTOFREE struct moon_draft *drafts = moon_new_array(struct moon_draft, count);
    struct asking asking = {.opts = opts, .nodes = nodes, .drafts = drafts};
    struct finishing f = {.chain = chain, .set = set, .opts = opts, .seen = moon_map_new(NULL)};

    for (size_t i = 0; i < chain->count; i++) {
        if (chain->uses[MOON_HOOK_MUTATE][i]) {
            moon_hook_each_ask(&(struct moon_hook_each){
                .call = {.chain = chain,
                         .link = &chain->links[i],
                         .hook = MOON_HOOK_MUTATE,
                         .set = set},
                .count = count,
                .subject = subject,
                .recorder = recorder,
                .read = read_nothing,
                .give = give_nothing,
                .miss = miss,
                .ctx = &asking,
            });
        }
    }
    finish_all(&f, drafts, nodes, count, ret_answers);
    moon_mutations_sweep(opts->answers);
    moon_map_free(f.seen);
}
