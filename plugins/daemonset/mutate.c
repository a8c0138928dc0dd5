/* SPDX-License-Identifier: Apache-2.0
 *
 * mutate.c - what the pod of a node is made of, when a policy says so: of which revision, and with
 * which edits.
 *
 * The answer is asked for together with the decision whether the node runs a pod, and is kept until
 * the node, the set, a policy or the set's revisions change. A pod is what its node wants if its
 * hash label is that of the revision wanted, and the digest of the edits, which is an annotation of
 * the pod, is that of the answer. Content is never compared: what the server makes of a pod (its
 * defaults, its webhooks) cannot make it outdated.
 */
#include "daemonset/daemonset_priv.h"

enum {
    TEMPLATE_MAX_BYTES = 2 * 1024 * 1024,
    BODIES_MAX = 64, /* kept; a policy may have another answer for each of 5,000 nodes */
};

#define DIGEST_POINTER "/metadata/annotations/moonset.dev~1mutation"

/* ---- answers ---- */

static bool find_hash(const struct moon_ds_set *set, moon_sym hash, struct moon_str *ret_template)
{
    const struct moon_revision *r = moon_ds_history_find(set, hash);

    return r != NULL && moon_json_find((struct moon_str){r->data, r->data_len},
                                       MOON_JSON_PATH("spec", "template"), ret_template);
}

static bool find_template(enum moon_pin pin, const char *hash, struct moon_str *ret_template,
                          void *ctx)
{
    const struct moon_ds_set *set = ctx;

    if (pin == MOON_PIN_HASH) {
        return find_hash(set, moon_intern_find(moon_str(hash)), ret_template);
    }
    if (pin == MOON_PIN_STABLE && set->stable != set->hash &&
        find_hash(set, set->stable, ret_template)) {
        return true;
    }
    *ret_template = (struct moon_str){set->object->template, set->object->template_len};
    return true;
}

/* NULL: there is no answer, and the one before stays. It is asked for again in a while. */
static void take_answer(struct moon_ds_slot *slot, struct moon_mutation *take_answer)
{
    slot->unmutated = take_answer == NULL;
    if (take_answer == NULL) {
        slot->stale = true;
        slot->unanswered = true;
        return;
    }
    moon_mutation_unref(slot->mutation);
    slot->mutation = take_answer;
}

void moon_ds_mutate_ask(struct moon_ds_set *set, const struct moon_set_view *view,
                        struct moon_ds_slot **slots, const struct moon_node *const *nodes,
                        size_t count)
{
    MOON_AUTOFREE struct moon_mutation **answers = moon_new_array(struct moon_mutation *, count);
    struct moon_mutate_opts opts = {.answers = set->mutations, .find = find_template, .ctx = set};

    moon_hook_mutate(set->chain, view, &opts, nodes, count, answers);
    for (size_t i = 0; i < count; i++) {
        take_answer(slots[i], answers[i]);
    }
}

void moon_ds_mutate_forget(struct moon_ds_set *set)
{
    for (size_t i = 0; i < set->slot_count; i++) {
        struct moon_ds_slot *slot = set->slots[i];
        if (slot->mutation != NULL || slot->unmutated) {
            moon_mutation_unref(slot->mutation);
            slot->mutation = NULL;
            slot->unmutated = false;
            moon_ds_slot_mark(slot);
        }
    }
}

moon_sym moon_ds_mutate_wants(const struct moon_ds_slot *slot)
{
    const struct moon_ds_set *set = slot->set;
    const struct moon_mutation *m = slot->mutation;

    if (m == NULL || m->pin == MOON_PIN_CURRENT) {
        return set->hash;
    }
    if (m->pin == MOON_PIN_STABLE) {
        return set->stable != NULL ? set->stable : set->hash;
    }
    return m->hash;
}

const char *moon_ds_mutate_holds(const struct moon_ds_slot *slot)
{
    if (!slot->set->mutates) {
        return NULL;
    }
    if (slot->unmutated || slot->mutation == NULL) {
        return "a policy has not said what it is to be made of";
    }
    return slot->mutation->skip;
}

/* ---- bodies ---- */

/* In the data of a revision the template says how it is to be put in. */
static int write_template(const struct moon_ds_set *set, const struct moon_ds_slot *slot,
                          moon_sym wanted, struct moon_buf *out, struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf plain = MOON_BUF_INIT(TEMPLATE_MAX_BYTES);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf edited = MOON_BUF_INIT(TEMPLATE_MAX_BYTES);
    const struct moon_mutation *m = slot->mutation;
    struct moon_str raw = {set->object->template, set->object->template_len};
    size_t edit;

    if (wanted != set->hash && !find_hash(set, wanted, &raw)) {
        return moon_err_set(err, MOON_E_NOT_FOUND, "the set has no revision %s", wanted);
    }
    if (moon_json_put(raw, "/$patch", (struct moon_str){NULL, 0}, &plain, err) != 0) {
        return -(int)err->code;
    }
    if (m->digest == NULL) {
        moon_buf_add_str(out, moon_buf_str(&plain));
        return moon_buf_check(out, "the template", err);
    }
    MOON_AUTOFREE char *digest = moon_asprintf("\"%s\"", m->digest);
    if (moon_mutation_apply(m, moon_buf_str(&plain), &edited, &edit, err) != 0) {
        return moon_err_wrap(err, "revision %s", wanted);
    }
    return moon_json_put(moon_buf_str(&edited), DIGEST_POINTER, moon_str(digest), out, err);
}

static struct moon_ds_body *make_body(const struct moon_ds_set *set,
                                      const struct moon_ds_slot *slot, moon_sym wanted,
                                      struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf template = MOON_BUF_INIT(TEMPLATE_MAX_BYTES);

    if (write_template(set, slot, wanted, &template, err) != 0) {
        return NULL;
    }
    return moon_ds_body_new(set,
                            &(struct moon_ds_body_of){
                                .template = moon_buf_str(&template),
                                .hash = wanted,
                                .digest = slot->mutation->digest,
                                .is_current = wanted == set->hash,
                            },
                            err);
}

struct moon_ds_body *moon_ds_mutate_body(struct moon_ds_slot *slot, struct moon_err *err)
{
    struct moon_ds_set *set = slot->set;
    const struct moon_mutation *m = slot->mutation;
    moon_sym wanted = moon_ds_mutate_wants(slot);

    if (m == NULL || (m->digest == NULL && wanted == set->hash)) {
        return moon_ds_body_current(set, err);
    }
    MOON_AUTOFREE char *key = moon_asprintf("%s/%s", wanted, m->digest != NULL ? m->digest : "");
    struct moon_ds_body *body = moon_map_get(set->bodies, moon_str(key));
    if (body != NULL) {
        return body;
    }
    if (moon_map_count(set->bodies) >= BODIES_MAX) {
        moon_map_clear(set->bodies);
    }
    body = make_body(set, slot, wanted, err);
    if (body != NULL) {
        moon_map_set(set->bodies, moon_str(key), body);
    }
    return body;
}

/* A server that drops the annotation would have us replace such a pod again and again. */
void moon_ds_mutate_made(struct moon_ds_set *set, const struct moon_ds_body *body,
                         struct moon_str pod)
{
    moon_sym sent = moon_ds_body_digest(body);
    struct moon_str raw;

    if (sent == NULL || set->digests_lost) {
        return;
    }
    MOON_AUTOFREE char *quoted = moon_asprintf("\"%s\"", sent);
    if (moon_json_find(pod, MOON_JSON_PATH("metadata", "annotations", MOON_ANNOTATION_MUTATION),
                       &raw) &&
        moon_str_is(raw, quoted)) {
        return;
    }
    set->digests_lost = true;
    moon_ds_slot_mark_all(set, false);
    moon_recorder_event(set->ds->in->recorder, &set->object->meta, MOON_EVENT_WARNING,
                        "MutationLost",
                        "The server took the annotation " MOON_ANNOTATION_MUTATION
                        " from a new pod: what policies change in pods cannot be told apart, and "
                        "a change of that replaces no pod");
    moon_warn(MOON_DS_TOPIC, "the server does not keep " MOON_ANNOTATION_MUTATION, "key", set->key);
}

/* ---- in words ---- */

const char *moon_ds_mutate_reason(const struct moon_ds_slot *slot, const char *reason,
                                  struct moon_arena *arena)
{
    const struct moon_mutation *m = slot->mutation;
    const char *wanted = moon_ds_mutate_wants(slot);

    if (m == NULL || (m->pinned_by == NULL && m->digest == NULL)) {
        return moon_arena_strdup(arena, reason);
    }
    if (m->pinned_by == NULL) {
        return moon_arena_printf(arena, "%s (with edits %s)", reason, m->digest);
    }
    return moon_arena_printf(arena, "%s (%s revision %s by policy %s%s%s)", reason,
                             m->pin == MOON_PIN_HASH ? "the" : moon_mutation_revision(m), wanted,
                             m->pinned_by, m->digest != NULL ? ", with edits " : "",
                             m->digest != NULL ? m->digest : "");
}
