/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/signature.h"

/* The length of the text up to `end`, or to its own end, outside of brackets and quotes. */
static size_t up_to(struct moon_str s, char end)
{
    int depth = 0;
    bool quoted = false;

    for (size_t i = 0; s.ptr != NULL && i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '"') {
            quoted = !quoted;
        }
        if (quoted) {
            continue;
        }
        if (depth == 0 && c == end) {
            return i;
        }
        depth += c == '(' || c == '<' || c == '{' || c == '[';
        depth -= c == ')' || c == '>' || c == '}' || c == ']';
    }
    return s.len;
}

/* What is before `end` is cut off the text, and `end` with it. */
static struct moon_str cut(struct moon_str *s, char end)
{
    struct moon_str head = {s->ptr, up_to(*s, end)};
    size_t gone = head.len < s->len ? head.len + 1 : head.len;

    *s = (struct moon_str){s->ptr + gone, s->len - gone};
    return moon_str_trim(head);
}

static struct moon_argument read_argument(struct moon_str text)
{
    struct moon_argument a = {.name = cut(&text, ':'), .type = moon_str_trim(text)};

    moon_assert(a.name.len > 0 && a.type.len > 0);
    /* Behind a function's return the mark is the return's. */
    if (moon_str_ends(a.type, "?") && !moon_str_starts(a.type, "fun(")) {
        a.optional = true;
        a.type.len--;
    }
    return a;
}

void moon_signature_read(const char *text, struct moon_signature *ret)
{
    struct moon_str rest = moon_str(text);

    *ret = (struct moon_signature){0};
    if (moon_str_starts(rest, "<")) {
        rest = (struct moon_str){rest.ptr + 1, rest.len - 1};
        ret->generics = cut(&rest, '>');
    }
    moon_assert(moon_str_starts(rest, "("));
    rest = (struct moon_str){rest.ptr + 1, rest.len - 1};
    struct moon_str args = cut(&rest, ')');
    while (args.len > 0) {
        moon_assert(ret->arg_count < MOON_SIGNATURE_MAX);
        ret->args[ret->arg_count++] = read_argument(cut(&args, ','));
    }
    rest = moon_str_trim(rest);
    moon_assert(rest.len == 0 || rest.ptr[0] == ':');
    rest = rest.len > 0 ? (struct moon_str){rest.ptr + 1, rest.len - 1} : rest;
    while (rest.len > 0) {
        moon_assert(ret->return_count < MOON_SIGNATURE_MAX);
        ret->returns[ret->return_count++] = cut(&rest, ',');
    }
}
