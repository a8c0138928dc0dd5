/* SPDX-License-Identifier: Apache-2.0 */
#include "control/plan.h"

#include <ctype.h>

#include "control/plan_priv.h"

enum {
    /* Notes for 100,000 nodes are some 20 MB; a plan that is much larger is a bug in its maker. */
    ARENA_MAX_BYTES = 512 * 1024 * 1024
};

struct moon_plan *moon_plan_new(struct moon_str key)
{
    struct moon_plan *p = moon_new(struct moon_plan);
    p->magic = MOON_PLAN_MAGIC;
    p->arena = moon_arena_new(ARENA_MAX_BYTES);
    p->key = (struct moon_str){moon_arena_dup(p->arena, key), key.len};
    p->requeue_ms = UINT64_MAX;
    return p;
}

void moon_plan_free(struct moon_plan *p)
{
    if (p == NULL) {
        return;
    }
    moon_assert(p->magic == MOON_PLAN_MAGIC);
    moon_free(p->actions);
    moon_free(p->notes);
    moon_arena_free(p->arena);
    p->magic = 0;
    moon_free(p);
}

struct moon_str moon_plan_key(const struct moon_plan *p)
{
    moon_assert(p->magic == MOON_PLAN_MAGIC);
    return p->key;
}

struct moon_arena *moon_plan_arena(struct moon_plan *p)
{
    moon_assert(p->magic == MOON_PLAN_MAGIC);
    return p->arena;
}

/* Room for one more in an array that doubles. */
static void *grow(void *array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity) {
        return array;
    }
    *capacity = *capacity > 0 ? *capacity * 2 : 8;
    return moon_realloc_array(array, *capacity, size);
}

/* ---- actions ---- */

static void check_action(const struct moon_action *a)
{
    moon_assert(a->resource != NULL && a->name != NULL && a->reason != NULL);
    moon_assert(a->resource->namespaced == (a->namespace != NULL));
    switch (a->verb) {
    case MOON_VERB_CREATE:
    case MOON_VERB_UPDATE:
    case MOON_VERB_PATCH_MERGE:
    case MOON_VERB_PATCH_STRATEGIC:
    case MOON_VERB_PATCH_JSON:
        moon_assert(a->write_body != NULL);
        return;
    case MOON_VERB_DELETE:
        moon_assert(a->write_body == NULL && a->subresource == NULL);
        return;
    case MOON_VERB_GET:
    case MOON_VERB_LIST:
    case MOON_VERB_WATCH:
        break;
    }
    moon_assert_failed("an action writes", __FILE__, __LINE__);
}

struct moon_action *moon_plan_add(struct moon_plan *p, const struct moon_action *action)
{
    moon_assert(p->magic == MOON_PLAN_MAGIC);
    check_action(action);
    p->actions =
        grow(p->actions, p->action_count, &p->action_capacity, sizeof(struct moon_action *));
    struct moon_action *copy = moon_arena_alloc(p->arena, sizeof *copy);
    *copy = *action;
    p->actions[p->action_count++] = copy;
    return copy;
}

size_t moon_plan_count(const struct moon_plan *p)
{
    return p->action_count;
}

const struct moon_action *moon_plan_get(const struct moon_plan *p, size_t i)
{
    moon_assert(i < p->action_count);
    return p->actions[i];
}

void moon_plan_observe(struct moon_plan *p,
                       void (*on_result)(const struct moon_result *result, void *ctx), void *ctx)
{
    moon_assert(p->magic == MOON_PLAN_MAGIC);
    p->on_result = on_result;
    p->on_result_ctx = ctx;
}

/* ---- notes ---- */

void moon_plan_note(struct moon_plan *p, const char *target, const char *fmt, ...)
{
    moon_assert(p->magic == MOON_PLAN_MAGIC);
    p->notes = grow(p->notes, p->note_count, &p->note_capacity, sizeof(struct moon_note));
    va_list args;
    va_start(args, fmt);
    const char *reason = moon_arena_vprintf(p->arena, fmt, args);
    va_end(args);
    p->notes[p->note_count++] =
        (struct moon_note){.target = moon_arena_strdup(p->arena, target), .reason = reason};
}

size_t moon_plan_note_count(const struct moon_plan *p)
{
    return p->note_count;
}

const struct moon_note *moon_plan_note_get(const struct moon_plan *p, size_t i)
{
    moon_assert(i < p->note_count);
    return &p->notes[i];
}

/* ---- when again ---- */

void moon_plan_requeue(struct moon_plan *p, uint64_t after_ms)
{
    moon_assert(p->magic == MOON_PLAN_MAGIC);
    if (after_ms < p->requeue_ms) {
        p->requeue_ms = after_ms;
    }
}

uint64_t moon_plan_requeue_ms(const struct moon_plan *p)
{
    return p->requeue_ms;
}

/* ---- print ---- */

/* Reasons may come from policies: what would break the line is a blank. */
static void add_text(struct moon_buf *out, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        bool breaks = (unsigned char)*c < ' ' || *c == 0x7f;
        moon_buf_add(out, breaks ? " " : c, 1);
    }
}

static void add_lower(struct moon_buf *out, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        moon_buf_putc(out, (char)tolower((unsigned char)*c));
    }
}

static void print_action(const struct moon_action *a, struct moon_buf *out)
{
    moon_buf_printf(out, "%s ", moon_verb_name(a->verb));
    add_lower(out, a->resource->kind);
    moon_buf_putc(out, ' ');
    if (a->namespace != NULL) {
        moon_buf_printf(out, "%s/", a->namespace);
    }
    moon_buf_puts(out, a->name);
    if (a->subresource != NULL) {
        moon_buf_printf(out, " %s", a->subresource);
    }
    if (a->target != NULL) {
        moon_buf_puts(out, " on ");
        add_text(out, a->target);
    }
    moon_buf_puts(out, ": ");
    add_text(out, a->reason);
    moon_buf_putc(out, '\n');
}

static void print_note(const struct moon_note *n, struct moon_buf *out)
{
    moon_buf_puts(out, "note");
    if (n->target != NULL) {
        moon_buf_puts(out, " on ");
        add_text(out, n->target);
    }
    moon_buf_puts(out, ": ");
    add_text(out, n->reason);
    moon_buf_putc(out, '\n');
}

void moon_plan_print(const struct moon_plan *p, struct moon_buf *out)
{
    moon_assert(p->magic == MOON_PLAN_MAGIC);
    for (size_t i = 0; i < p->action_count; i++) {
        print_action(p->actions[i], out);
    }
    for (size_t i = 0; i < p->note_count; i++) {
        print_note(&p->notes[i], out);
    }
}
