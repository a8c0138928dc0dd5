/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/kv.h"

struct item {
    char *policy;
    char *key;
    char *json; /* canonical */
};

/* Sorted by policy and key. At most some hundred items fit, so looking them all through will do. */
struct moon_kv {
    struct item *items;
    size_t count;
    uint64_t version;
    char *problem;
};

enum {
    JSON_MAX_BYTES = 64 * 1024
};

/* ---- life ---- */

static void fini_item(struct item *item)
{
    moon_free(item->policy);
    moon_free(item->key);
    moon_free(item->json);
}

static void clear(struct moon_kv *kv)
{
    for (size_t i = 0; i < kv->count; i++) {
        fini_item(&kv->items[i]);
    }
    moon_free(kv->items);
    kv->items = NULL;
    kv->count = 0;
    moon_free(kv->problem);
    kv->problem = NULL;
}

struct moon_kv *moon_kv_new(void)
{
    return moon_new(struct moon_kv);
}

struct moon_kv *moon_kv_copy(const struct moon_kv *kv)
{
    struct moon_kv *copy = moon_kv_new();

    copy->items = moon_new_array(struct item, kv->count + 1);
    for (size_t i = 0; i < kv->count; i++) {
        copy->items[i] = (struct item){
            .policy = moon_strdup(kv->items[i].policy),
            .key = moon_strdup(kv->items[i].key),
            .json = moon_strdup(kv->items[i].json),
        };
    }
    copy->count = kv->count;
    copy->version = kv->version;
    copy->problem = moon_strdup(kv->problem);
    return copy;
}

void moon_kv_free(struct moon_kv *kv)
{
    if (kv != NULL) {
        clear(kv);
        moon_free(kv);
    }
}

void moon_kv_take(struct moon_kv *kv, struct moon_kv *take_copy)
{
    clear(kv);
    *kv = *take_copy;
    moon_free(take_copy);
}

uint64_t moon_kv_version(const struct moon_kv *kv)
{
    return kv->version;
}

const char *moon_kv_problem(const struct moon_kv *kv)
{
    return kv->problem;
}

/* ---- items ---- */

static int compare(const struct item *item, const char *policy, const char *key)
{
    int order = strcmp(item->policy, policy);

    return order != 0 ? order : strcmp(item->key, key);
}

/* The place of an item, or where it would go. */
static size_t place_of(const struct moon_kv *kv, const char *policy, const char *key,
                       bool *ret_found)
{
    size_t i = 0;

    while (i < kv->count && compare(&kv->items[i], policy, key) < 0) {
        i++;
    }
    *ret_found = i < kv->count && compare(&kv->items[i], policy, key) == 0;
    return i;
}

const char *moon_kv_get(const struct moon_kv *kv, const char *policy, const char *key)
{
    bool found;
    size_t i = place_of(kv, policy, key, &found);

    return found ? kv->items[i].json : NULL;
}

static void put(struct moon_kv *kv, const char *policy, const char *key, char *take_json)
{
    bool found;
    size_t i = place_of(kv, policy, key, &found);

    if (found) {
        moon_free(kv->items[i].json);
        kv->items[i].json = take_json;
        return;
    }
    kv->items = moon_realloc_array(kv->items, kv->count + 1, sizeof(*kv->items));
    memmove(&kv->items[i + 1], &kv->items[i], (kv->count - i) * sizeof(*kv->items));
    kv->items[i] =
        (struct item){.policy = moon_strdup(policy), .key = moon_strdup(key), .json = take_json};
    kv->count++;
}

static void take_away(struct moon_kv *kv, const char *policy, const char *key)
{
    bool found;
    size_t i = place_of(kv, policy, key, &found);

    if (found) {
        fini_item(&kv->items[i]);
        kv->count--;
        memmove(&kv->items[i], &kv->items[i + 1], (kv->count - i) * sizeof(*kv->items));
    }
}

/* ---- text ---- */

void moon_kv_write(const struct moon_kv *kv, struct moon_buf *out)
{
    const char *policy = NULL;

    moon_buf_putc(out, '{');
    for (size_t i = 0; i < kv->count; i++) {
        const struct item *item = &kv->items[i];
        bool same = moon_streq(policy, item->policy);
        if (!same) {
            moon_buf_puts(out, policy != NULL ? "}," : "");
            moon_json_add_string(out, moon_str(item->policy));
            moon_buf_puts(out, ":{");
        }
        moon_buf_puts(out, same ? "," : "");
        moon_json_add_string(out, moon_str(item->key));
        moon_buf_putc(out, ':');
        moon_buf_puts(out, item->json);
        policy = item->policy;
    }
    moon_buf_puts(out, policy != NULL ? "}}" : "}");
}

static size_t text_size(const struct moon_kv *kv)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(8 * MOON_KV_MAX_BYTES);

    moon_kv_write(kv, &out);
    return out.overflow ? SIZE_MAX : out.len;
}

int moon_kv_set(struct moon_kv *kv, const char *policy, const char *key, struct moon_str json,
                struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(JSON_MAX_BYTES);
    const char *before = moon_kv_get(kv, policy, key);

    if (kv->problem != NULL) {
        return moon_err_set(err, MOON_E_INVALID, "%s", kv->problem);
    }
    if (json.ptr != NULL && moon_json_canonical(json, false, &text, err) != 0) {
        return -(int)err->code;
    }
    bool same = json.ptr == NULL ? before == NULL : moon_streq(before, moon_buf_cstr(&text));
    if (same) {
        return 0;
    }
    MOON_AUTOFREE char *kept = moon_strdup(before);
    if (json.ptr == NULL) {
        take_away(kv, policy, key);
    } else {
        put(kv, policy, key, moon_buf_take(&text, NULL));
    }
    if (json.ptr != NULL && text_size(kv) > MOON_KV_MAX_BYTES) {
        take_away(kv, policy, key);
        if (kept != NULL) {
            put(kv, policy, key, moon_steal(&kept));
        }
        return moon_err_set(err, MOON_E_LIMIT,
                            "all that the policies of the set remember would be more than %d bytes",
                            MOON_KV_MAX_BYTES);
    }
    kv->version++;
    return 0;
}

/* ---- reading ---- */

static int read_values(struct moon_kv *kv, const char *policy, struct moon_str text,
                       struct moon_err *err)
{
    MOON_CLEANUP(moon_json_iter_fini) struct moon_json_iter it;
    struct moon_str key;
    struct moon_str value;

    moon_json_iter_init(&it, text);
    while (moon_json_next(&it, &key, &value)) {
        MOON_CLEANUP(moon_buf_fini) struct moon_buf json = MOON_BUF_INIT(JSON_MAX_BYTES);
        MOON_AUTOFREE char *name = moon_str_dup(key);
        int rc = moon_json_canonical(value, false, &json, err);
        if (rc != 0) {
            return rc;
        }
        put(kv, policy, name, moon_buf_take(&json, NULL));
    }
    return it.failed ? moon_err_set(err, MOON_E_INVALID, "broken JSON") : 0;
}

static int read_policies(struct moon_kv *kv, struct moon_str text, struct moon_err *err)
{
    MOON_CLEANUP(moon_json_iter_fini) struct moon_json_iter it;
    struct moon_str key;
    struct moon_str value;
    MOON_AUTOJSON *checked = moon_json_parse(text, err); /* the whole of it is sound */

    if (checked == NULL) {
        moon_json_iter_init(&it, MOON_STR_LIT("{}"));
        return -(int)err->code;
    }
    moon_json_iter_init(&it, text);
    if (!cJSON_IsObject(checked)) {
        return moon_err_set(err, MOON_E_INVALID, "it is no JSON object");
    }
    while (moon_json_next(&it, &key, &value)) {
        MOON_AUTOFREE char *policy = moon_str_dup(key);
        if (value.ptr[0] != '{') {
            return moon_err_set(err, MOON_E_INVALID, "what is under \"%s\" is no JSON object",
                                policy);
        }
        int rc = read_values(kv, policy, value, err);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

int moon_kv_read(struct moon_kv *kv, struct moon_str text, struct moon_err *err)
{
    uint64_t version = kv->version + 1;

    clear(kv);
    kv->version = version;
    int rc = moon_str_trim(text).len > 0 ? read_policies(kv, text, err) : 0;
    if (rc != 0) {
        clear(kv);
        kv->problem = moon_strdup(err->text);
    }
    return rc;
}
