/* SPDX-License-Identifier: Apache-2.0
 *
 * json_items.c - cutting the elements out of a list body while it arrives.
 *
 * A push machine over bytes that knows strings and brackets and nothing else: what is outside the
 * elements goes to the envelope, which is checked strictly at the end; an element's inside is
 * checked by whoever reads it. An element that lies within one piece is handed on without a copy.
 */
#include "io/json.h"

#include "io/json_scan.h"

enum {
    ITEMS_MAGIC = 0x6a736974
};

enum place {
    IN_ENVELOPE,
    BEFORE_ELEMENT, /* after '[' or ',' */
    IN_ELEMENT,
    AFTER_ELEMENT,
};

struct moon_json_items {
    unsigned magic;
    enum place place;
    struct moon_json_items_opts opts;
    struct moon_buf envelope;
    struct moon_buf item; /* the part of an element that came in earlier pieces */

    /* Where in the nesting: of the envelope, or of the element while in one. */
    size_t depth;
    bool in_string;
    bool is_escaped; /* the byte before was a backslash */
    bool is_bare;    /* the element is a number or a word: it ends before a delimiter */

    /* Envelope only. */
    bool expects_key;
    bool at_items; /* behind the key "items", before its value */
    bool has_items;
    bool has_elements;
    size_t string_at; /* where the current string's inside begins in the envelope */

    int rc; /* the error that stopped the cutting; stays */
    struct moon_err failure;
};

struct moon_json_items *moon_json_items_new(const struct moon_json_items_opts *opts)
{
    moon_assert(opts->on_item != NULL && opts->max_item_bytes > 0);
    struct moon_json_items *c = moon_new(struct moon_json_items);
    c->magic = ITEMS_MAGIC;
    c->opts = *opts;
    moon_buf_init(&c->envelope, opts->max_item_bytes);
    moon_buf_init(&c->item, opts->max_item_bytes);
    return c;
}

void moon_json_items_free(struct moon_json_items *c)
{
    if (c == NULL) {
        return;
    }
    moon_assert(c->magic == ITEMS_MAGIC);
    c->magic = 0;
    moon_buf_fini(&c->envelope);
    moon_buf_fini(&c->item);
    moon_free(c);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* One byte inside a string; true when it ends the string. */
static bool string_byte(struct moon_json_items *c, char byte)
{
    if (c->is_escaped) {
        c->is_escaped = false;
    } else if (byte == '\\') {
        c->is_escaped = true;
    } else if (byte == '"') {
        c->in_string = false;
        return true;
    }
    return false;
}

/* ---- envelope ---- */

static void envelope_string_end(struct moon_json_items *c)
{
    if (c->depth != 1 || !c->expects_key || c->envelope.overflow) {
        return;
    }
    struct moon_str inner = {c->envelope.data + c->string_at, c->envelope.len - 1 - c->string_at};
    c->at_items = moon_json_key_is(inner, "items");
}

/* The opening bracket of "items" itself; the envelope gets it here and its partner at the end. */
static int enter_items(struct moon_json_items *c, struct moon_err *err)
{
    if (c->has_items) {
        return moon_err_set(err, MOON_E_INVALID, "list: \"items\" appears twice");
    }
    c->has_items = true;
    c->at_items = false;
    c->place = BEFORE_ELEMENT;
    return 0;
}

static int envelope_byte(struct moon_json_items *c, char byte, struct moon_err *err)
{
    if (c->in_string) {
        moon_buf_putc(&c->envelope, byte);
        if (string_byte(c, byte)) {
            envelope_string_end(c);
        }
        return 0;
    }
    if (is_space(byte)) {
        /* Padding must not fill the envelope, yet it separates. */
        if (c->envelope.len > 0 && c->envelope.data[c->envelope.len - 1] != ' ') {
            moon_buf_putc(&c->envelope, ' ');
        }
        return 0;
    }
    moon_buf_putc(&c->envelope, byte);
    if (c->at_items && byte == '[') {
        return enter_items(c, err);
    }
    c->at_items = c->at_items && byte == ':';
    switch (byte) {
    case '"':
        c->in_string = true;
        c->string_at = c->envelope.len;
        break;
    case '{':
    case '[':
        c->depth++;
        c->expects_key = byte == '{' && c->depth == 1;
        break;
    case '}':
    case ']':
        if (c->depth == 0) {
            return moon_err_set(err, MOON_E_INVALID, "list: '%c' closes nothing", byte);
        }
        c->depth--;
        break;
    case ',':
        c->expects_key = c->depth == 1;
        break;
    case ':':
        c->expects_key = false;
        break;
    default:
        break;
    }
    return 0;
}

/* ---- elements ---- */

/* Look for the element's end in a piece: bytes that belong to it; *ret_ended tells whether it is
 * there. */
static size_t element_bytes(struct moon_json_items *c, struct moon_str piece, bool *ret_ended)
{
    *ret_ended = true;
    for (size_t i = 0; i < piece.len; i++) {
        char byte = piece.ptr[i];
        if (c->in_string) {
            if (string_byte(c, byte) && c->depth == 0) {
                return i + 1;
            }
            continue;
        }
        switch (byte) {
        case '"':
            c->in_string = true;
            break;
        case '{':
        case '[':
            c->depth++;
            break;
        case '}':
        case ']':
            if (c->depth == 0) {
                return i; /* the end of the list right after a bare element */
            }
            if (--c->depth == 0) {
                return i + 1;
            }
            break;
        default:
            if (c->is_bare && (byte == ',' || is_space(byte))) {
                return i;
            }
            break;
        }
    }
    *ret_ended = false;
    return piece.len;
}

static int hand_on(struct moon_json_items *c, struct moon_str item, struct moon_err *err)
{
    if (item.len > c->opts.max_item_bytes) {
        return moon_err_set(err, MOON_E_LIMIT, "list: an item is larger than %zu bytes",
                            c->opts.max_item_bytes);
    }
    return c->opts.on_item(item, c->opts.ctx, err);
}

/* Consume what belongs to the current element. */
static int feed_element(struct moon_json_items *c, struct moon_str *piece, struct moon_err *err)
{
    bool ended;
    size_t n = element_bytes(c, *piece, &ended);
    struct moon_str part = {piece->ptr, n};
    *piece = (struct moon_str){piece->ptr + n, piece->len - n};

    bool is_whole = ended && c->item.len == 0;
    if (!is_whole) {
        moon_buf_add_str(&c->item, part);
        if (moon_buf_check(&c->item, "list: an item", err) != 0) {
            return -(int)err->code;
        }
    }
    if (!ended) {
        return 0;
    }
    c->place = AFTER_ELEMENT;
    c->has_elements = true;
    c->depth = 1;
    int rc = hand_on(c, is_whole ? part : moon_buf_str(&c->item), err);
    moon_buf_clear(&c->item);
    return rc;
}

/* One byte of "items" outside its elements. An element's first byte is left in the piece. */
static int between_elements(struct moon_json_items *c, struct moon_str *piece, struct moon_err *err)
{
    char byte = *piece->ptr;
    bool may_end = c->place == AFTER_ELEMENT || !c->has_elements;

    if (c->place == BEFORE_ELEMENT && !is_space(byte) && byte != ']') {
        if (byte == ',' || byte == '}' || byte == ':') {
            return moon_err_set(err, MOON_E_INVALID, "list: '%c' where an item should be", byte);
        }
        c->place = IN_ELEMENT;
        c->depth = 0;
        c->is_bare = byte != '{' && byte != '[' && byte != '"';
        return 0;
    }
    *piece = (struct moon_str){piece->ptr + 1, piece->len - 1};
    if (is_space(byte)) {
        return 0;
    }
    if (byte == ']' && may_end) {
        moon_buf_putc(&c->envelope, byte);
        c->place = IN_ENVELOPE;
        return 0;
    }
    if (byte == ',' && c->place == AFTER_ELEMENT) {
        c->place = BEFORE_ELEMENT;
        return 0;
    }
    return moon_err_set(err, MOON_E_INVALID, "list: expected %s",
                        c->place == AFTER_ELEMENT ? "',' or ']' after an item"
                                                  : "an item after ','");
}

/* ---- what others call ---- */

static int feed(struct moon_json_items *c, struct moon_str piece, struct moon_err *err)
{
    while (piece.len > 0) {
        int rc = 0;
        switch (c->place) {
        case IN_ENVELOPE:
            rc = envelope_byte(c, *piece.ptr, err);
            piece = (struct moon_str){piece.ptr + 1, piece.len - 1};
            break;
        case BEFORE_ELEMENT:
        case AFTER_ELEMENT:
            rc = between_elements(c, &piece, err);
            break;
        case IN_ELEMENT:
            rc = feed_element(c, &piece, err);
            break;
        }
        if (rc != 0) {
            return rc;
        }
    }
    return moon_buf_check(&c->envelope, "list: what surrounds the items", err);
}

int moon_json_items_feed(struct moon_json_items *c, struct moon_str piece, struct moon_err *err)
{
    moon_assert(c->magic == ITEMS_MAGIC);
    if (c->rc == 0) {
        c->rc = feed(c, piece, &c->failure);
    }
    if (c->rc != 0) {
        *err = c->failure;
    }
    return c->rc;
}

int moon_json_items_end(struct moon_json_items *c, struct moon_str *ret_envelope,
                        struct moon_err *err)
{
    moon_assert(c->magic == ITEMS_MAGIC);
    if (c->rc != 0) {
        *err = c->failure;
        return c->rc;
    }
    struct moon_json_scan s;
    struct moon_str envelope;
    if (c->place != IN_ENVELOPE) {
        return moon_err_set(err, MOON_E_INVALID, "list: cut off inside \"items\"");
    }
    moon_json_scan_init(&s, moon_buf_str(&c->envelope));
    if (moon_json_scan_peek(&s) != '{') {
        (void)moon_json_scan_fail(&s, "expected an object");
    }
    if (s.problem != NULL || !moon_json_scan_value(&s, &envelope) || !moon_json_scan_end(&s)) {
        /* The position would be one in the envelope, which nobody else has seen. */
        return moon_err_set(err, MOON_E_INVALID, "list: %s", s.problem);
    }
    *ret_envelope = envelope;
    return 0;
}
