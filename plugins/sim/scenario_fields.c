/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/scenario_fields.h"

#include <limits.h>

#include "sim/scenario_kinds.h"

enum {
    TEXT_MAX_BYTES = 64 * 1024,
    WORD_MAX = 64, /* longer ones are not guessed at */
};

/* ---- where ---- */

struct moon_scenario_place moon_scenario_at_key(const struct moon_scenario_place *up,
                                                const cJSON *node)
{
    return (struct moon_scenario_place){.up = up, .key = node->string, .node = node};
}

struct moon_scenario_place moon_scenario_at_index(const struct moon_scenario_place *up,
                                                  size_t index, const cJSON *node)
{
    return (struct moon_scenario_place){.up = up, .index = index, .node = node};
}

size_t moon_scenario_line(const struct moon_scenario_reader *r,
                          const struct moon_scenario_place *place)
{
    for (; place != NULL; place = place->up) {
        struct moon_str address = {(const char *)&place->node, sizeof(place->node)};
        const void *line = moon_map_get(r->lines, address);
        if (line != NULL) {
            return (size_t)(uintptr_t)line;
        }
    }
    return 0;
}

static void add_path(const struct moon_scenario_place *place, struct moon_buf *out)
{
    if (place->up == NULL) {
        return;
    }
    add_path(place->up, out);
    if (place->key == NULL) {
        moon_buf_printf(out, "[%zu]", place->index);
    } else {
        moon_buf_printf(out, "%s%s", out->len > 0 ? "." : "", place->key);
    }
}

int moon_scenario_bad(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                      const char *fmt, ...)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(TEXT_MAX_BYTES);
    size_t line = moon_scenario_line(r, place);
    va_list args;
    add_path(place, &text);
    moon_buf_puts(&text, text.len > 0 ? ": " : "");
    va_start(args, fmt);
    moon_buf_vprintf(&text, fmt, args);
    va_end(args);
    (void)moon_err_set(r->err, MOON_E_INVALID, "%s", moon_buf_cstr(&text));
    return line > 0 ? moon_err_wrap(r->err, "%s:%zu", r->file, line)
                    : moon_err_wrap(r->err, "%s", r->file);
}

/* ---- did you mean ---- */

static size_t least(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

/* How many letters are to be changed, put in or taken out (Levenshtein). */
static size_t distance(struct moon_str a, struct moon_str b)
{
    size_t row[WORD_MAX + 1];
    for (size_t j = 0; j <= b.len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t above = row[j];
            size_t changed = diagonal + (a.ptr[i - 1] != b.ptr[j - 1] ? 1 : 0);
            row[j] = least(above + 1, row[j - 1] + 1, changed);
            diagonal = above;
        }
    }
    return row[b.len];
}

const char *moon_scenario_did_you_mean(struct moon_scenario_reader *r, const char *word,
                                       const char *(*next)(size_t i, const void *ctx),
                                       const void *ctx)
{
    struct moon_str wrong = moon_str(word);
    const char *best = NULL;
    size_t best_distance = wrong.len / 3 + 2; /* further away is another word */
    const char *candidate;
    for (size_t i = 0; wrong.len <= WORD_MAX && (candidate = next(i, ctx)) != NULL; i++) {
        size_t d = strlen(candidate) <= WORD_MAX ? distance(wrong, moon_str(candidate)) : WORD_MAX;
        if (d < best_distance) {
            best_distance = d;
            best = candidate;
        }
    }
    return best != NULL ? moon_arena_printf(r->s->arena, " (did you mean \"%s\"?)", best) : "";
}

static const char *next_word(size_t i, const void *ctx)
{
    const char *const *words = ctx;
    return words[i];
}

struct field_names {
    const struct moon_scenario_field *fields;
    size_t count;
};

static const char *next_field(size_t i, const void *ctx)
{
    const struct field_names *names = ctx;
    return i < names->count ? names->fields[i].name : NULL;
}

/* ---- texts and numbers ---- */

static int read_text(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                     const char **ret)
{
    if (!cJSON_IsString(place->node)) {
        return moon_scenario_bad(
            r, place, "must be a text (in quotes if it looks like a number or like true or false)");
    }
    if (*place->node->valuestring == '\0') {
        return moon_scenario_bad(r, place, "must not be empty");
    }
    *ret = place->node->valuestring;
    return 0;
}

static int read_name(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                     const char **ret)
{
    const char *text = "";
    if (read_text(r, place, &text) != 0) {
        return -(int)r->err->code;
    }
    if (!moon_is_dns1123_subdomain(moon_str(text))) {
        return moon_scenario_bad(r, place, "\"%s\" is not a name", text);
    }
    *ret = text;
    return 0;
}

static int read_word(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                     const char *const *words, const char **ret)
{
    const char *text = "";
    if (read_text(r, place, &text) != 0) {
        return -(int)r->err->code;
    }
    MOON_CLEANUP(moon_buf_fini) struct moon_buf all = MOON_BUF_INIT(TEXT_MAX_BYTES);
    for (size_t i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], text) == 0) {
            *ret = words[i];
            return 0;
        }
        moon_buf_printf(&all, "%s%s", i > 0 ? ", " : "", words[i]);
    }
    return moon_scenario_bad(r, place, "\"%s\" is none of: %s%s", text, moon_buf_cstr(&all),
                             moon_scenario_did_you_mean(r, text, next_word, words));
}

static int read_flag(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                     enum moon_scenario_flag *ret)
{
    if (!cJSON_IsBool(place->node)) {
        return moon_scenario_bad(r, place, "must be true or false");
    }
    *ret = cJSON_IsTrue(place->node) ? MOON_SCENARIO_YES : MOON_SCENARIO_NO;
    return 0;
}

static bool to_integer(const cJSON *node, int64_t *ret)
{
    if (!cJSON_IsNumber(node) || node->valuedouble < -1e15 || node->valuedouble > 1e15 ||
        (double)(int64_t)node->valuedouble != node->valuedouble) {
        return false;
    }
    *ret = (int64_t)node->valuedouble;
    return true;
}

static int read_count(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                      uint64_t *ret)
{
    int64_t n = 0;
    if (!to_integer(place->node, &n) || n < 0) {
        return moon_scenario_bad(r, place, "must be a number from 0 on");
    }
    *ret = (uint64_t)n;
    return 0;
}

static int read_int(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                    int *ret)
{
    int64_t n = 0;
    if (!to_integer(place->node, &n) || n < 0 || n > INT_MAX) {
        return moon_scenario_bad(r, place, "must be a number from 0 on");
    }
    *ret = (int)n;
    return 0;
}

static int read_times(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                      uint64_t *ret)
{
    int64_t n = 0;
    if (cJSON_IsString(place->node) && strcmp(place->node->valuestring, "always") == 0) {
        *ret = UINT64_MAX;
        return 0;
    }
    if (!to_integer(place->node, &n) || n < 1) {
        return moon_scenario_bad(r, place, "must be a number from 1 on, or always");
    }
    *ret = (uint64_t)n;
    return 0;
}

static int read_time(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                     uint64_t *ret_ms)
{
    int64_t n = 0;
    if (to_integer(place->node, &n) && n == 0) {
        *ret_ms = 0;
        return 0;
    }
    if (!cJSON_IsString(place->node) ||
        !moon_parse_duration_ms(moon_str(place->node->valuestring), ret_ms)) {
        return moon_scenario_bad(r, place, "must be a time (10s, 300ms, 1m30s)");
    }
    return 0;
}

static int read_seconds(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                        uint64_t *ret)
{
    uint64_t ms = 0;
    if (read_time(r, place, &ms) != 0) {
        return -(int)r->err->code;
    }
    if (ms % 1000 != 0) {
        return moon_scenario_bad(r, place, "must be a time of whole seconds");
    }
    *ret = ms / 1000;
    return 0;
}

static int read_jump(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                     int64_t *ret_ms)
{
    struct moon_str text = moon_str(cJSON_GetStringValue(place->node));
    bool is_back = moon_str_starts(text, "-");
    uint64_t ms = 0;
    if (is_back || moon_str_starts(text, "+")) {
        text = (struct moon_str){text.ptr + 1, text.len - 1};
    }
    if (!moon_parse_duration_ms(text, &ms) || ms > INT64_MAX) {
        return moon_scenario_bad(r, place, "must be a time that may be negative (-1h, 90s)");
    }
    *ret_ms = is_back ? -(int64_t)ms : (int64_t)ms;
    return 0;
}

/* ---- comparisons ---- */

static const struct {
    const char *text; /* longer ones first */
    enum moon_scenario_op op;
} operators[] = {
    {"<=", MOON_SCENARIO_LE}, {">=", MOON_SCENARIO_GE}, {"!=", MOON_SCENARIO_NE},
    {"==", MOON_SCENARIO_EQ}, {"<", MOON_SCENARIO_LT},  {">", MOON_SCENARIO_GT},
    {"", MOON_SCENARIO_EQ},
};

bool moon_scenario_compare_holds(struct moon_scenario_compare c, int64_t value)
{
    switch (c.op) {
    case MOON_SCENARIO_ANY:
        return true;
    case MOON_SCENARIO_EQ:
        return value == c.value;
    case MOON_SCENARIO_NE:
        return value != c.value;
    case MOON_SCENARIO_LT:
        return value < c.value;
    case MOON_SCENARIO_LE:
        return value <= c.value;
    case MOON_SCENARIO_GT:
        return value > c.value;
    case MOON_SCENARIO_GE:
        return value >= c.value;
    }
    return false;
}

void moon_scenario_compare_write(struct moon_scenario_compare c, struct moon_buf *out)
{
    for (size_t i = 0; i < MOON_ARRAY_SIZE(operators) && c.op != MOON_SCENARIO_EQ; i++) {
        if (operators[i].op == c.op) {
            moon_buf_printf(out, "%s ", operators[i].text);
            break;
        }
    }
    if (c.op != MOON_SCENARIO_ANY) {
        moon_buf_printf(out, "%lld", (long long)c.value);
    }
}

static int read_compare(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                        struct moon_scenario_compare *ret)
{
    struct moon_str text = moon_str(cJSON_GetStringValue(place->node));
    if (to_integer(place->node, &ret->value)) {
        ret->op = MOON_SCENARIO_EQ;
        return 0;
    }
    for (size_t i = 0; text.ptr != NULL && i < MOON_ARRAY_SIZE(operators); i++) {
        size_t len = strlen(operators[i].text);
        if (moon_str_starts(text, operators[i].text)) {
            struct moon_str number =
                moon_str_trim((struct moon_str){text.ptr + len, text.len - len});
            if (moon_parse_i64(number, &ret->value)) {
                ret->op = operators[i].op;
                return 0;
            }
            break;
        }
    }
    return moon_scenario_bad(r, place, "must be a number or a comparison (\"<= 6\", \"> 0\")");
}

/* ---- objects ---- */

static const struct moon_selector *keep(struct moon_scenario *s, struct moon_selector *take)
{
    s->selectors = moon_realloc_array(s->selectors, s->selector_count + 1, sizeof(*s->selectors));
    s->selectors[s->selector_count++] = take;
    return take;
}

static int read_selector(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                         const struct moon_selector **ret)
{
    struct moon_err err;
    const char *text = "";
    if (read_text(r, place, &text) != 0) {
        return -(int)r->err->code;
    }
    struct moon_selector *selector = moon_selector_parse(moon_str(text), &err);
    if (selector == NULL) {
        return moon_scenario_bad(r, place, "%s", err.text);
    }
    *ret = keep(r->s, selector);
    return 0;
}

/* "kind/name", or "kind" alone. */
static int read_target(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                       bool with_name, struct moon_scenario_target *ret)
{
    const char *text = "";
    if (read_text(r, place, &text) != 0) {
        return -(int)r->err->code;
    }
    struct moon_str name = moon_str(text);
    struct moon_str kind;
    (void)moon_str_split(&name, '/', &kind);
    if ((name.ptr != NULL) != with_name || (with_name && !moon_is_dns1123_subdomain(name))) {
        return moon_scenario_bad(
            r, place, with_name ? "\"%s\" is not of the form kind/name" : "\"%s\" is not a kind",
            text);
    }
    ret->resource = moon_scenario_find_kind(r->s->arena, kind);
    if (ret->resource == NULL) {
        return moon_scenario_bad(r, place, "there is no kind \"%.*s\"%s", MOON_STR_ARG(kind),
                                 moon_scenario_did_you_mean(r, moon_arena_dup(r->s->arena, kind),
                                                            moon_scenario_next_kind, NULL));
    }
    ret->text = text;
    ret->name = name.ptr;
    return 0;
}

static int read_texts(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                      struct moon_scenario_texts *ret)
{
    const cJSON *item;
    size_t count = cJSON_IsArray(place->node) ? (size_t)cJSON_GetArraySize(place->node) : 1;
    const char **items = moon_arena_new_array(r->s->arena, const char *, count);
    size_t i = 0;
    if (!cJSON_IsArray(place->node)) {
        if (read_text(r, place, &items[0]) != 0) {
            return -(int)r->err->code;
        }
    } else {
        cJSON_ArrayForEach (item, place->node) {
            struct moon_scenario_place at = moon_scenario_at_index(place, i, item);
            if (read_text(r, &at, &items[i++]) != 0) {
                return -(int)r->err->code;
            }
        }
    }
    *ret = (struct moon_scenario_texts){items, count};
    return 0;
}

/* Names are names; the one text that is none is a selector. */
static int read_node_set(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                         struct moon_scenario_nodes *ret)
{
    struct moon_scenario_texts texts = {0};
    if (read_texts(r, place, &texts) != 0) {
        return -(int)r->err->code;
    }
    if (texts.count == 1 && !moon_is_dns1123_subdomain(moon_str(texts.items[0]))) {
        struct moon_err err;
        struct moon_selector *selector = moon_selector_parse(moon_str(texts.items[0]), &err);
        if (selector == NULL) {
            return moon_scenario_bad(r, place, "neither a node's name nor a selector: %s",
                                     err.text);
        }
        *ret =
            (struct moon_scenario_nodes){.selector = keep(r->s, selector), .text = texts.items[0]};
        return 0;
    }
    MOON_CLEANUP(moon_buf_fini) struct moon_buf all = MOON_BUF_INIT(1 << 20);
    for (size_t i = 0; i < texts.count; i++) {
        if (!moon_is_dns1123_subdomain(moon_str(texts.items[i]))) {
            return moon_scenario_bad(r, place, "\"%s\" is not a node's name", texts.items[i]);
        }
        moon_buf_printf(&all, "%s%s", i > 0 ? ", " : "", texts.items[i]);
    }
    *ret = (struct moon_scenario_nodes){.names = texts,
                                        .text = moon_arena_dup(r->s->arena, moon_buf_str(&all))};
    return texts.count > 0 ? 0 : moon_scenario_bad(r, place, "names no node");
}

/* ---- trees ---- */

static int read_tree(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                     bool is_list, const cJSON **ret)
{
    if (is_list ? !cJSON_IsArray(place->node) : !cJSON_IsObject(place->node)) {
        return moon_scenario_bad(r, place, is_list ? "must be a list" : "must be a map");
    }
    *ret = place->node;
    return 0;
}

static int read_map_of_texts(struct moon_scenario_reader *r,
                             const struct moon_scenario_place *place, const cJSON **ret)
{
    const cJSON *item;
    if (read_tree(r, place, false, ret) != 0) {
        return -(int)r->err->code;
    }
    cJSON_ArrayForEach (item, place->node) {
        struct moon_scenario_place at = moon_scenario_at_key(place, item);
        if (!cJSON_IsString(item) && !cJSON_IsNull(item)) {
            return moon_scenario_bad(
                r, &at,
                "must be a text (in quotes if it looks like a number or like true or "
                "false), or null to remove it");
        }
    }
    return 0;
}

static const char *next_fault(size_t i, MOON_UNUSED const void *ctx)
{
    return i < MOON_SIM_FAULTS ? moon_sim_fault_name((enum moon_sim_fault)i) : NULL;
}

static int read_fault(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                      enum moon_sim_fault *ret)
{
    const char *text = "";
    if (read_text(r, place, &text) != 0) {
        return -(int)r->err->code;
    }
    return moon_sim_fault_parse(text, ret)
               ? 0
               : moon_scenario_bad(r, place, "there is no fault \"%s\"%s", text,
                                   moon_scenario_did_you_mean(r, text, next_fault, NULL));
}

/* ---- tables ---- */

int moon_scenario_read_value(struct moon_scenario_reader *r,
                             const struct moon_scenario_place *place,
                             const struct moon_scenario_field *field, void *out)
{
    void *to = (char *)out + field->offset;
    switch (field->type) {
    case MOON_SCENARIO_TEXT:
        return read_text(r, place, to);
    case MOON_SCENARIO_NAME:
        return read_name(r, place, to);
    case MOON_SCENARIO_WORD:
        return read_word(r, place, field->words, to);
    case MOON_SCENARIO_FLAG:
        return read_flag(r, place, to);
    case MOON_SCENARIO_COUNT:
        return read_count(r, place, to);
    case MOON_SCENARIO_INT:
        return read_int(r, place, to);
    case MOON_SCENARIO_TIMES:
        return read_times(r, place, to);
    case MOON_SCENARIO_TIME:
        return read_time(r, place, to);
    case MOON_SCENARIO_SECONDS:
        return read_seconds(r, place, to);
    case MOON_SCENARIO_JUMP:
        return read_jump(r, place, to);
    case MOON_SCENARIO_COMPARE:
        return read_compare(r, place, to);
    case MOON_SCENARIO_SELECTOR:
        return read_selector(r, place, to);
    case MOON_SCENARIO_OBJECT:
        return read_target(r, place, true, to);
    case MOON_SCENARIO_KIND:
        return read_target(r, place, false, to);
    case MOON_SCENARIO_NODE_SET:
        return read_node_set(r, place, to);
    case MOON_SCENARIO_TEXTS:
        return read_texts(r, place, to);
    case MOON_SCENARIO_MAP:
        return read_tree(r, place, false, to);
    case MOON_SCENARIO_LIST:
        return read_tree(r, place, true, to);
    case MOON_SCENARIO_TREE:
        *(const cJSON **)to = place->node;
        return 0;
    case MOON_SCENARIO_MAP_TEXTS:
        return read_map_of_texts(r, place, to);
    case MOON_SCENARIO_JOIN:
        return moon_scenario_read_join(r, place, to);
    case MOON_SCENARIO_FAULT_NAME:
        return read_fault(r, place, to);
    }
    return 0;
}

int moon_scenario_read_fields(struct moon_scenario_reader *r,
                              const struct moon_scenario_place *place,
                              const struct moon_scenario_field *fields, size_t count, void *out)
{
    const cJSON *item;
    uint64_t seen = 0;
    moon_assert(count <= 64);
    if (!cJSON_IsObject(place->node)) {
        return moon_scenario_bad(r, place, "must be a map");
    }
    cJSON_ArrayForEach (item, place->node) {
        struct moon_scenario_place at = moon_scenario_at_key(place, item);
        size_t i = 0;
        while (i < count && strcmp(fields[i].name, item->string) != 0) {
            i++;
        }
        if (i == count) {
            struct field_names names = {fields, count};
            return moon_scenario_bad(
                r, &at, "there is no such key here%s",
                moon_scenario_did_you_mean(r, item->string, next_field, &names));
        }
        if (moon_scenario_read_value(r, &at, &fields[i], out) != 0) {
            return -(int)r->err->code;
        }
        seen |= UINT64_C(1) << i;
    }
    for (size_t i = 0; i < count; i++) {
        if (fields[i].is_required && (seen & UINT64_C(1) << i) == 0) {
            return moon_scenario_bad(r, place, "%s is missing", fields[i].name);
        }
    }
    return 0;
}
