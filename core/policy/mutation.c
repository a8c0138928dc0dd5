/* SPDX-License-Identifier: Apache-2.0
 *
 * mutation.c - answers of the mutate hook: one object for all nodes with the same one.
 */
#include "policy/mutate_priv.h"

enum {
    TEMPLATE_MAX_BYTES = 2 * 1024 * 1024,
    DIGEST_HEX = 16,
};

/* ---- one answer ---- */

static void fini(struct moon_mutation *m)
{
    for (size_t i = 0; i < m->edit_count; i++) {
        moon_free(m->edits[i].pointer);
        moon_free(m->edits[i].value);
    }
    moon_free(m->edits);
    moon_sym_unref(m->hash);
    moon_sym_unref(m->pinned_by);
    moon_sym_unref(m->skip);
    moon_sym_unref(m->skipped_by);
    moon_sym_unref(m->text);
    moon_sym_unref(m->digest);
    *m = (struct moon_mutation){0};
}

struct moon_mutation *moon_mutation_ref(struct moon_mutation *m)
{
    m->refs++;
    return m;
}

void moon_mutation_unref(struct moon_mutation *m)
{
    if (m != NULL && --m->refs == 0) {
        fini(m);
        moon_free(m);
    }
}

const char *moon_mutation_revision(const struct moon_mutation *m)
{
    switch (m->pin) {
    case MOON_PIN_CURRENT:
        return "current";
    case MOON_PIN_STABLE:
        return "stable";
    case MOON_PIN_HASH:
        break;
    }
    return m->hash;
}

int moon_mutation_apply(const struct moon_mutation *m, struct moon_str template,
                        struct moon_buf *out, size_t *ret_edit, struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf a = MOON_BUF_INIT(TEMPLATE_MAX_BYTES);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf b = MOON_BUF_INIT(TEMPLATE_MAX_BYTES);
    struct moon_str now = template;

    for (size_t i = 0; i < m->edit_count; i++) {
        struct moon_buf *next = i % 2 == 0 ? &a : &b;
        moon_buf_clear(next);
        *ret_edit = i;
        if (moon_json_put(now, m->edits[i].pointer, moon_str(m->edits[i].value), next, err) != 0) {
            return -(int)err->code;
        }
        now = moon_buf_str(next);
    }
    moon_buf_add_str(out, now);
    return moon_buf_check(out, "the template with its edits", err);
}

/* ---- drafts ---- */

void moon_draft_add(struct moon_draft *d, const struct moon_chain_link *link, const char *place,
                    struct moon_str pointer, struct moon_str value)
{
    struct moon_mutation *m = &d->answer;

    if (m->edit_count == d->capacity) {
        d->capacity = d->capacity == 0 ? 4 : 2 * d->capacity;
        m->edits = moon_realloc_array(m->edits, d->capacity, sizeof(*m->edits));
        d->from = moon_realloc_array(d->from, d->capacity, sizeof(*d->from));
    }
    d->bytes += pointer.len + value.len;
    d->from[m->edit_count] =
        (struct moon_draft_from){.link = link, .place = moon_intern_cstr(place)};
    m->edits[m->edit_count++] = (struct moon_edit){
        .pointer = moon_str_dup(pointer),
        .value = value.ptr != NULL ? moon_str_dup(value) : NULL,
    };
}

void moon_draft_fini(struct moon_draft *d)
{
    for (size_t i = 0; i < d->answer.edit_count; i++) {
        moon_sym_unref(d->from[i].place);
    }
    moon_free(d->from);
    fini(&d->answer);
    *d = (struct moon_draft){0};
}

static void write_edits(const struct moon_mutation *m, struct moon_buf *out)
{
    moon_buf_putc(out, '[');
    for (size_t i = 0; i < m->edit_count; i++) {
        const struct moon_edit *e = &m->edits[i];
        moon_buf_puts(out, i > 0 ? "," : "");
        moon_buf_puts(out, e->value != NULL ? "{\"set\":" : "{\"remove\":");
        moon_json_add_string(out, moon_str(e->pointer));
        if (e->value != NULL) {
            moon_buf_puts(out, ",\"value\":");
            moon_buf_puts(out, e->value);
        }
        moon_buf_putc(out, '}');
    }
    moon_buf_putc(out, ']');
}

static const char *or_none(moon_sym s)
{
    return s != NULL ? s : "";
}

void moon_draft_write(struct moon_draft *d, struct moon_buf *out)
{
    const struct moon_mutation *m = &d->answer;

    moon_buf_printf(out, "%d\n%s\n%s\n%s\n%s\n", (int)m->pin, or_none(m->hash),
                    or_none(m->pinned_by), or_none(m->skip), or_none(m->skipped_by));
    size_t head = out->len;
    write_edits(m, out);
    if (!out->overflow) {
        moon_sym_unref(d->answer.text);
        d->answer.text = moon_intern((struct moon_str){out->data + head, out->len - head});
    }
}

/* ---- all answers of a set ---- */

struct moon_mutations {
    struct moon_map *by_key; /* -> moon_mutation; one reference is ours */
    size_t bytes;            /* of all keys */
};

static void forget(void *value)
{
    moon_mutation_unref(value);
}

struct moon_mutations *moon_mutations_new(void)
{
    struct moon_mutations *m = moon_new(struct moon_mutations);

    m->by_key = moon_map_new(forget);
    return m;
}

void moon_mutations_free(struct moon_mutations *m)
{
    if (m != NULL) {
        moon_map_free(m->by_key);
        moon_free(m);
    }
}

bool moon_mutations_want(const struct moon_mutations *m, moon_sym hash)
{
    struct moon_mutation *one;
    size_t pos = 0;

    while (moon_map_next(m->by_key, &pos, NULL, (void **)&one)) {
        if (one->refs > 1 && one->pin == MOON_PIN_HASH && one->hash == hash) {
            return true;
        }
    }
    return false;
}

struct moon_mutation *moon_mutations_find(const struct moon_mutations *m, struct moon_str key)
{
    struct moon_mutation *known = moon_map_get(m->by_key, key);

    return known != NULL ? moon_mutation_ref(known) : NULL;
}

static moon_sym digest_of(const struct moon_mutation *m)
{
    struct moon_digest *d = moon_digest_new();
    char hex[MOON_DIGEST_TEXT];

    moon_digest_add(d, moon_str(m->text));
    moon_digest_take(d, hex);
    return m->edit_count > 0 ? moon_intern((struct moon_str){hex, DIGEST_HEX}) : NULL;
}

struct moon_mutation *moon_mutations_add(struct moon_mutations *m, struct moon_str key,
                                         struct moon_draft *take_draft)
{
    if (take_draft->answer.edit_count > 0 && m->bytes + key.len > MOON_MUTATE_MAX_KEPT_BYTES) {
        return NULL;
    }
    m->bytes += key.len;
    struct moon_mutation *made = moon_new(struct moon_mutation);
    for (size_t i = 0; i < take_draft->answer.edit_count; i++) {
        moon_sym_unref(take_draft->from[i].place);
    }
    moon_free(take_draft->from);
    *made = take_draft->answer;
    *take_draft = (struct moon_draft){0};
    made->digest = digest_of(made);
    made->refs = 2;
    moon_map_set(m->by_key, key, made);
    return made;
}

void moon_mutations_sweep(struct moon_mutations *m)
{
    struct moon_mutation *one;
    struct moon_str key;
    size_t pos = 0;

    while (moon_map_next(m->by_key, &pos, &key, (void **)&one)) {
        if (one->refs == 1) {
            m->bytes -= key.len;
            (void)moon_map_remove(m->by_key, key);
        }
    }
}
