/* SPDX-License-Identifier: Apache-2.0 */
#include "host/tap.h"

#include "kube/watch_event.h"

#define TAP_MAGIC 0x7a9c0001u
#define CALL_MAGIC 0x7a9c0002u

enum {
    ITEM_MAX_BYTES = 16 << 20
};

struct moon_tap {
    unsigned magic;
    struct moon_tap_opts opts;
};

struct call {
    unsigned magic;
    const struct moon_tap *tap;
    const struct moon_client_question *question;
    struct moon_watch_lines lines;
    struct moon_json_items *items; /* NULL: no list, or one that is no JSON */
};

struct moon_tap *moon_tap_new(const struct moon_tap_opts *opts)
{
    struct moon_tap *t = moon_new(struct moon_tap);

    t->magic = TAP_MAGIC;
    t->opts = *opts;
    return t;
}

void moon_tap_free(struct moon_tap *t)
{
    if (t != NULL) {
        t->magic = 0;
        moon_free(t);
    }
}

static int on_item(struct moon_str item, void *ctx, struct moon_err *err)
{
    const struct call *c = MOON_CAST(call, ctx, CALL_MAGIC);

    (void)err;
    if (c->tap->opts.on_item != NULL) {
        c->tap->opts.on_item(c->question, item, c->tap->opts.ctx);
    }
    return 0;
}

static bool on_line(struct moon_str line, void *ctx)
{
    const struct call *c = MOON_CAST(call, ctx, CALL_MAGIC);

    if (c->tap->opts.on_line != NULL && moon_str_trim(line).len > 0) {
        c->tap->opts.on_line(c->question, moon_str_trim(line), c->tap->opts.ctx);
    }
    return true;
}

/* ---- the witness ---- */

static void *begins(const struct moon_client_question *q, void *ctx)
{
    const struct moon_tap *t = MOON_CAST(moon_tap, ctx, TAP_MAGIC);
    const char *plural = q->resource != NULL ? q->resource->plural : "";

    if (moon_streq(plural, "leases") || moon_streq(plural, "events") ||
        moon_streq(plural, "configmaps")) {
        return NULL;
    }
    struct call *c = moon_new(struct call);
    c->magic = CALL_MAGIC;
    c->tap = t;
    c->question = q;
    moon_buf_init(&c->lines.partial, ITEM_MAX_BYTES);
    if (q->verb == MOON_VERB_LIST && q->is_streamed) {
        c->items = moon_json_items_new(&(struct moon_json_items_opts){
            .max_item_bytes = ITEM_MAX_BYTES, .on_item = on_item, .ctx = c});
    }
    return c;
}

static void piece(void *memo, struct moon_str piece, void *ctx)
{
    struct call *c = MOON_CAST(call, memo, CALL_MAGIC);
    struct moon_err err;

    (void)ctx;
    if (c->question->verb == MOON_VERB_WATCH) {
        (void)moon_watch_lines_feed(&c->lines, piece, on_line, c, &err);
    } else if (c->items != NULL && moon_json_items_feed(c->items, piece, &err) != 0) {
        moon_json_items_free(moon_steal(&c->items));
    }
}

static void ends(void *memo, const struct moon_answer *answer, const struct moon_err *err,
                 void *ctx)
{
    struct call *c = MOON_CAST(call, memo, CALL_MAGIC);
    const struct moon_tap *t = MOON_CAST(moon_tap, ctx, TAP_MAGIC);
    struct moon_str envelope = {0};
    struct moon_err ignored;

    if (answer != NULL && t->opts.on_end != NULL) {
        if (c->items != NULL && err == NULL) {
            (void)moon_json_items_end(c->items, &envelope, &ignored);
        }
        t->opts.on_end(c->question, answer, err, envelope, t->opts.ctx);
    }
    moon_json_items_free(c->items);
    moon_buf_fini(&c->lines.partial);
    c->magic = 0;
    moon_free(c);
}

struct moon_client_witness moon_tap_witness(struct moon_tap *t)
{
    return (struct moon_client_witness){.begins = begins, .piece = piece, .ends = ends, .ctx = t};
}
