/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/taint.h"

/* ---- effects ---- */

static const char *const effect_names[] = {
    [MOON_EFFECT_NO_SCHEDULE] = "NoSchedule",
    [MOON_EFFECT_PREFER_NO_SCHEDULE] = "PreferNoSchedule",
    [MOON_EFFECT_NO_EXECUTE] = "NoExecute",
};

const char *moon_effect_name(enum moon_effect e)
{
    return (size_t)e < MOON_ARRAY_SIZE(effect_names) ? effect_names[e] : NULL;
}

enum moon_effect moon_effect_parse(const char *text)
{
    if (text == NULL || *text == '\0') {
        return MOON_EFFECT_NONE;
    }
    for (size_t i = MOON_EFFECT_NO_SCHEDULE; i < MOON_ARRAY_SIZE(effect_names); i++) {
        if (strcmp(text, effect_names[i]) == 0) {
            return (enum moon_effect)i;
        }
    }
    return MOON_EFFECT_OTHER;
}

/* ---- shared by both lists ---- */

/* A text member, "" when absent; interned. */
static int text_member(const cJSON *item, const char *name, moon_sym *ret, struct moon_err *err)
{
    const cJSON *member = moon_json_member(item, name);
    if (member != NULL && !cJSON_IsString(member)) {
        return moon_err_set(err, MOON_E_INVALID, "%s: not a text", name);
    }
    *ret = moon_intern_cstr(member != NULL ? member->valuestring : "");
    return 0;
}

/* The number of elements; false when it is not a list. NULL and null are empty lists. */
static bool list_size(const cJSON *json, size_t *ret_size, struct moon_err *err)
{
    *ret_size = 0;
    if (json == NULL || cJSON_IsNull(json)) {
        return true;
    }
    if (!cJSON_IsArray(json)) {
        (void)moon_err_set(err, MOON_E_INVALID, "not a list");
        return false;
    }
    *ret_size = (size_t)cJSON_GetArraySize(json);
    return true;
}

static int check_item(const cJSON *item, struct moon_err *err)
{
    return cJSON_IsObject(item) ? 0 : moon_err_set(err, MOON_E_INVALID, "not an object");
}

/* ---- taints ---- */

static int taint_from_json(const cJSON *item, struct moon_taint *ret, struct moon_err *err)
{
    moon_sym effect = NULL;
    if (check_item(item, err) != 0 || text_member(item, "key", &ret->key, err) != 0 ||
        text_member(item, "value", &ret->value, err) != 0 ||
        text_member(item, "effect", &effect, err) != 0) {
        return -(int)err->code;
    }
    ret->effect = moon_effect_parse(effect);
    moon_sym_unref(effect);
    return 0;
}

int moon_taints_from_json(const cJSON *json, struct moon_taints *ret, struct moon_err *err)
{
    struct moon_taints taints = {0};
    const cJSON *item = NULL;
    size_t size;
    if (!list_size(json, &size, err)) {
        return -(int)err->code;
    }
    if (size > 0) {
        taints.items = moon_new_array(struct moon_taint, size);
    }
    cJSON_ArrayForEach (item, json) {
        moon_assert(taints.count < size);
        if (taint_from_json(item, &taints.items[taints.count++], err) != 0) {
            (void)moon_err_wrap(err, "[%zu]", taints.count - 1);
            moon_taints_fini(&taints);
            return -(int)err->code;
        }
    }
    *ret = taints;
    return 0;
}

void moon_taints_fini(struct moon_taints *t)
{
    for (size_t i = 0; i < t->count; i++) {
        moon_sym_unref(t->items[i].key);
        moon_sym_unref(t->items[i].value);
    }
    moon_free(t->items);
    *t = (struct moon_taints){0};
}

bool moon_taints_equal(const struct moon_taints *a, const struct moon_taints *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        const struct moon_taint *x = &a->items[i];
        const struct moon_taint *y = &b->items[i];
        if (x->key != y->key || x->value != y->value || x->effect != y->effect) {
            return false;
        }
    }
    return true;
}

/* ---- tolerations ---- */

static void toleration_fini(struct moon_toleration *t)
{
    moon_sym_unref(t->key);
    moon_sym_unref(t->value);
    moon_sym_unref(t->op_text);
    moon_sym_unref(t->effect_text);
}

static struct moon_toleration toleration_ref(const struct moon_toleration *t)
{
    struct moon_toleration copy = *t;
    (void)moon_sym_ref(t->key);
    (void)moon_sym_ref(t->value);
    (void)moon_sym_ref(t->op_text);
    (void)moon_sym_ref(t->effect_text);
    return copy;
}

static enum moon_toleration_op parse_operator(const char *text)
{
    if (*text == '\0' || strcmp(text, "Equal") == 0) {
        return MOON_TOLERATION_EQUAL;
    }
    return strcmp(text, "Exists") == 0 ? MOON_TOLERATION_EXISTS : MOON_TOLERATION_OTHER;
}

/* A tree has doubles: seconds beyond 2^53 come out of it rounded, at the end of int64 not even that
 * far. moon_tolerations_take_seconds mends it from the text. */
static int seconds_from_json(const cJSON *json, struct moon_toleration *ret, struct moon_err *err)
{
    if (json == NULL) {
        return 0;
    }
    double value = json->valuedouble;
    if (!cJSON_IsNumber(json) || !(value >= -0x1p63 && value <= 0x1p63)) {
        return moon_err_set(err, MOON_E_INVALID, "tolerationSeconds: not a 64-bit integer");
    }
    int64_t seconds = value >= 0x1p63 ? INT64_MAX : (int64_t)value;
    if (value < 0x1p53 && value > -0x1p53 && (value > (double)seconds || value < (double)seconds)) {
        return moon_err_set(err, MOON_E_INVALID, "tolerationSeconds: not an integer");
    }
    ret->has_seconds = true;
    ret->seconds = seconds;
    return 0;
}

static int toleration_from_json(const cJSON *item, struct moon_toleration *ret,
                                struct moon_err *err)
{
    if (check_item(item, err) != 0 || text_member(item, "key", &ret->key, err) != 0 ||
        text_member(item, "operator", &ret->op_text, err) != 0 ||
        text_member(item, "value", &ret->value, err) != 0 ||
        text_member(item, "effect", &ret->effect_text, err) != 0 ||
        seconds_from_json(moon_json_member(item, "tolerationSeconds"), ret, err) != 0) {
        return -(int)err->code;
    }
    ret->op = parse_operator(ret->op_text);
    ret->effect = moon_effect_parse(ret->effect_text);
    return 0;
}

int moon_tolerations_from_json(const cJSON *json, struct moon_tolerations *ret,
                               struct moon_err *err)
{
    struct moon_tolerations list = {0};
    const cJSON *item = NULL;
    size_t size;
    if (!list_size(json, &size, err)) {
        return -(int)err->code;
    }
    if (size > 0) {
        list.items = moon_new_array(struct moon_toleration, size);
    }
    cJSON_ArrayForEach (item, json) {
        moon_assert(list.count < size);
        if (toleration_from_json(item, &list.items[list.count++], err) != 0) {
            (void)moon_err_wrap(err, "[%zu]", list.count - 1);
            moon_tolerations_fini(&list);
            return -(int)err->code;
        }
    }
    *ret = list;
    return 0;
}

static bool is_rounded(const struct moon_toleration *t)
{
    return t->has_seconds && (t->seconds >= 1ll << 53 || t->seconds <= -(1ll << 53));
}

void moon_tolerations_take_seconds(struct moon_tolerations *list, struct moon_str text)
{
    struct moon_json_iter it;
    struct moon_str no_key;
    struct moon_str item;
    struct moon_str seconds;
    moon_json_iter_init(&it, text);
    for (size_t i = 0; i < list->count && moon_json_next(&it, &no_key, &item); i++) {
        if (is_rounded(&list->items[i]) &&
            moon_json_find(item, MOON_JSON_PATH("tolerationSeconds"), &seconds)) {
            (void)moon_parse_i64(seconds, &list->items[i].seconds); /* 1e16 stays as it is */
        }
    }
    moon_json_iter_fini(&it);
}

void moon_tolerations_fini(struct moon_tolerations *t)
{
    for (size_t i = 0; i < t->count; i++) {
        toleration_fini(&t->items[i]);
    }
    moon_free(t->items);
    *t = (struct moon_tolerations){0};
}

void moon_tolerations_copy(const struct moon_tolerations *from, struct moon_tolerations *ret)
{
    struct moon_tolerations copy = {0};
    if (from->count > 0) {
        copy.items = moon_new_array(struct moon_toleration, from->count);
    }
    for (; copy.count < from->count; copy.count++) {
        copy.items[copy.count] = toleration_ref(&from->items[copy.count]);
    }
    *ret = copy;
}

/* Takes the references `t` holds. */
static void append(struct moon_tolerations *list, struct moon_toleration t)
{
    list->items = moon_realloc_array(list->items, list->count + 1, sizeof(*list->items));
    list->items[list->count++] = t;
}

void moon_tolerations_add(struct moon_tolerations *list, const char *key, const char *op,
                          const char *value, const char *effect, const int64_t *seconds)
{
    struct moon_toleration t = {
        .key = moon_intern_cstr(key != NULL ? key : ""),
        .value = moon_intern_cstr(value != NULL ? value : ""),
        .op_text = moon_intern_cstr(op != NULL ? op : ""),
        .effect_text = moon_intern_cstr(effect != NULL ? effect : ""),
        .has_seconds = seconds != NULL,
        .seconds = seconds != NULL ? *seconds : 0,
    };
    t.op = parse_operator(t.op_text);
    t.effect = moon_effect_parse(t.effect_text);
    append(list, t);
}

static bool is_same_rule(const struct moon_toleration *a, const struct moon_toleration *b)
{
    return a->key == b->key && a->effect_text == b->effect_text && a->op_text == b->op_text &&
           a->value == b->value;
}

void moon_tolerations_merge(struct moon_tolerations *list, const struct moon_toleration *t)
{
    bool is_there = false;
    for (size_t i = 0; i < list->count; i++) {
        if (is_same_rule(&list->items[i], t)) {
            /* All that can differ; the texts are the same. */
            list->items[i].has_seconds = t->has_seconds;
            list->items[i].seconds = t->seconds;
            is_there = true;
        }
    }
    if (!is_there) {
        append(list, toleration_ref(t));
    }
}

bool moon_tolerations_equal(const struct moon_tolerations *a, const struct moon_tolerations *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        const struct moon_toleration *x = &a->items[i];
        const struct moon_toleration *y = &b->items[i];
        if (!is_same_rule(x, y) || x->has_seconds != y->has_seconds ||
            (x->has_seconds && x->seconds != y->seconds)) {
            return false;
        }
    }
    return true;
}

static void write_text(const char *name, moon_sym text, bool *is_first, struct moon_buf *out)
{
    if (*text == '\0') {
        return;
    }
    moon_buf_printf(out, "%s\"%s\":", *is_first ? "" : ",", name);
    moon_json_add_string(out, moon_str(text));
    *is_first = false;
}

void moon_tolerations_write(const struct moon_tolerations *list, struct moon_buf *out)
{
    moon_buf_putc(out, '[');
    for (size_t i = 0; i < list->count; i++) {
        const struct moon_toleration *t = &list->items[i];
        bool is_first = true;
        moon_buf_puts(out, i > 0 ? ",{" : "{");
        write_text("key", t->key, &is_first, out);
        write_text("operator", t->op_text, &is_first, out);
        write_text("value", t->value, &is_first, out);
        write_text("effect", t->effect_text, &is_first, out);
        if (t->has_seconds) {
            moon_buf_printf(out, "%s\"tolerationSeconds\":%lld", is_first ? "" : ",",
                            (long long)t->seconds);
        }
        moon_buf_putc(out, '}');
    }
    moon_buf_putc(out, ']');
}

/* ---- matching ---- */

bool moon_tolerates(const struct moon_toleration *toleration, const struct moon_taint *taint)
{
    bool same_effect =
        toleration->effect == taint->effect && toleration->effect != MOON_EFFECT_OTHER;
    if (toleration->effect != MOON_EFFECT_NONE && !same_effect) {
        return false;
    }
    if (*toleration->key != '\0' && toleration->key != taint->key) {
        return false;
    }
    switch (toleration->op) {
    case MOON_TOLERATION_EQUAL:
        return toleration->value == taint->value;
    case MOON_TOLERATION_EXISTS:
        return true;
    case MOON_TOLERATION_OTHER:
        return false;
    }
    return false;
}

static bool is_tolerated(const struct moon_taint *taint, const struct moon_tolerations *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (moon_tolerates(&list->items[i], taint)) {
            return true;
        }
    }
    return false;
}

const struct moon_taint *moon_untolerated(const struct moon_taints *taints,
                                          const struct moon_tolerations *list, unsigned effects)
{
    for (size_t i = 0; i < taints->count; i++) {
        const struct moon_taint *taint = &taints->items[i];
        if ((effects & (1U << taint->effect)) != 0 && !is_tolerated(taint, list)) {
            return taint;
        }
    }
    return NULL;
}
