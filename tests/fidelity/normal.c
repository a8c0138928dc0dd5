/* SPDX-License-Identifier: Apache-2.0 */
#include "normal.h"

#include <ctype.h>
#include <stdio.h>

#include "base/map.h"
#include "base/time.h"

enum {
    UID_LEN = 36,
    GENERATED_LEN = 5, /* characters behind a generateName */
    GENERATED_PREFIX_MAX = 58,
    TEXT_MAX_BYTES = 8 << 20,
    SOON_S = 4,    /* a time so near is now */
    FAR_S = 86400, /* a time so far was written by the script */
    ROUND_S = 5,   /* graces in the script are multiples of it */
};

struct fidelity_normal {
    struct moon_map *uids;      /* uid: its token */
    struct moon_map *lives;     /* "Kind name": how many uids it has had (a char per life) */
    struct moon_map *versions;  /* "uid version": its token */
    struct moon_map *counts;    /* uid: how many versions (as above) */
    struct moon_map *generated; /* name: its token */
    struct moon_map *numbers;   /* each version seen, for texts of messages */
    const char *request;
    int64_t now_s;
};

struct fidelity_normal *fidelity_normal_new(void)
{
    struct fidelity_normal *n = moon_new(struct fidelity_normal);
    n->uids = moon_map_new(moon_free);
    n->lives = moon_map_new(moon_free);
    n->versions = moon_map_new(moon_free);
    n->counts = moon_map_new(moon_free);
    n->generated = moon_map_new(moon_free);
    n->numbers = moon_map_new(NULL);
    return n;
}

void fidelity_normal_free(struct fidelity_normal *n)
{
    if (n != NULL) {
        moon_map_free(n->uids);
        moon_map_free(n->lives);
        moon_map_free(n->versions);
        moon_map_free(n->counts);
        moon_map_free(n->generated);
        moon_map_free(n->numbers);
        moon_free(n);
    }
}

/* ---- what an answer tells about objects ---- */

static unsigned count_up(struct moon_map *map, const char *key)
{
    unsigned *count = moon_map_get(map, moon_str(key));
    if (count == NULL) {
        count = moon_new(unsigned);
        moon_map_set(map, moon_str(key), count);
    }
    return ++*count;
}

static void learn_generated(struct fidelity_normal *n, const cJSON *metadata)
{
    const char *prefix = moon_json_string(metadata, "generateName");
    const char *name = moon_json_string(metadata, "name");
    size_t kept = prefix != NULL ? strlen(prefix) : 0;
    kept = kept > GENERATED_PREFIX_MAX ? GENERATED_PREFIX_MAX : kept;
    if (prefix == NULL || name == NULL || strlen(name) != kept + GENERATED_LEN ||
        strncmp(name, prefix, kept) != 0 || moon_map_has(n->generated, moon_str(name))) {
        return;
    }
    MOON_AUTOFREE char *key = moon_asprintf("generated %s", prefix);
    moon_map_set(n->generated, moon_str(name),
                 moon_asprintf("%s<generated %u>", prefix, count_up(n->lives, key)));
}

static const char *shown_name(const struct fidelity_normal *n, const char *name)
{
    const char *token = moon_map_get(n->generated, moon_str(name));
    return token != NULL ? token : name;
}

static void learn_uid(struct fidelity_normal *n, const char *uid, const char *name)
{
    if (moon_map_has(n->uids, moon_str(uid))) {
        return;
    }
    unsigned life = count_up(n->lives, name);
    moon_map_set(n->uids, moon_str(uid),
                 life == 1 ? moon_asprintf("<uid %s>", name)
                           : moon_asprintf("<uid %s %u>", name, life));
}

/* The uid of a node may have been rewritten before its version is. */
static const char *uid_token(const struct fidelity_normal *n, const char *uid)
{
    const char *token = uid != NULL ? moon_map_get(n->uids, moon_str(uid)) : NULL;
    return token != NULL ? token : uid;
}

static void learn_version(struct fidelity_normal *n, const char *uid, const char *version)
{
    MOON_AUTOFREE char *key = moon_asprintf("%s %s", uid, version);
    moon_map_set(n->numbers, moon_str(version), NULL);
    if (!moon_map_has(n->versions, moon_str(key))) {
        moon_map_set(n->versions, moon_str(key),
                     moon_asprintf("<version %u>", count_up(n->counts, uid)));
    }
}

static void learn(struct fidelity_normal *n, const cJSON *node)
{
    const cJSON *child = NULL;
    const cJSON *metadata = moon_json_get(node, "metadata");
    const char *uid = moon_json_string(metadata, "uid");
    const char *name = moon_json_string(metadata, "name");
    const char *version = moon_json_string(metadata, "resourceVersion");
    learn_generated(n, metadata);
    if (uid != NULL && name != NULL) {
        learn_uid(n, uid, shown_name(n, name));
    }
    if (version != NULL) {
        learn_version(n, uid != NULL ? uid_token(n, uid) : "", version);
    }
    cJSON_ArrayForEach (child, node) {
        learn(n, child);
    }
}

/* ---- patterns ---- */

/* '0' stands for a digit, 'x' for a hexadecimal one. */
static bool looks_like(const char *text, const char *pattern)
{
    for (; *pattern != '\0'; text++, pattern++) {
        unsigned char c = (unsigned char)*text;
        if (*pattern == '0' ? !isdigit(c) : *pattern == 'x' ? !isxdigit(c) : *text != *pattern) {
            return false;
        }
    }
    return true;
}

static size_t digits_at(const char *text)
{
    return strspn(text, "0123456789");
}

/* Add the token for what begins at `text` and return its length; 0: nothing begins here. */

static size_t take_uid(const struct fidelity_normal *n, const char *text, struct moon_buf *out)
{
    if (!looks_like(text, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")) {
        return 0;
    }
    struct moon_str uid = {text, UID_LEN};
    const char *token = moon_map_get(n->uids, uid);
    MOON_AUTOFREE char *copy = moon_str_dup(uid);
    if (token == NULL && strstr(n->request, copy) != NULL) {
        return 0;
    }
    moon_buf_puts(out, token != NULL ? token : "<uid>");
    return UID_LEN;
}

static size_t take_time(const struct fidelity_normal *n, const char *text, struct moon_buf *out)
{
    int64_t when = 0;
    char seconds[] = "0000-00-00T00:00:00Z";
    if (!looks_like(text, "0000-00-00T00:00:00")) {
        return 0;
    }
    size_t len = sizeof("0000-00-00T00:00:00") - 1;
    memcpy(seconds, text, len);
    bool is_micro = looks_like(text + len, ".000000Z");
    if ((!is_micro && text[len] != 'Z') || !moon_time_parse(moon_str(seconds), &when) ||
        when - n->now_s > FAR_S || n->now_s - when > FAR_S) {
        return 0;
    }
    if (when - n->now_s <= SOON_S) {
        moon_buf_puts(out, is_micro ? "<micro time>" : "<time>");
    } else {
        int64_t ahead = (when - n->now_s + ROUND_S / 2) / ROUND_S * ROUND_S;
        moon_buf_printf(out, "<now+%llds>", (long long)ahead);
    }
    return len + (is_micro ? 8 : 1);
}

static size_t take_address(const struct fidelity_normal *n, const char *text, struct moon_buf *out)
{
    static const char services[] = "10.96.";
    static const char server[] = "127.0.0.1:";
    if (strncmp(text, services, sizeof(services) - 1) == 0) {
        size_t third = digits_at(text + sizeof(services) - 1);
        const char *rest = text + sizeof(services) - 1 + third;
        size_t fourth = third > 0 && *rest == '.' ? digits_at(rest + 1) : 0;
        size_t len = sizeof(services) - 1 + third + 1 + fourth;
        MOON_AUTOFREE char *address = moon_strndup(text, len);
        if (fourth == 0 || strstr(n->request, address) != NULL || text[len] == '/') {
            return 0;
        }
        moon_buf_puts(out, "<service address>");
        return len;
    }
    if (strncmp(text, server, sizeof(server) - 1) == 0) {
        moon_buf_puts(out, "<server>");
        return sizeof(server) - 1 + digits_at(text + sizeof(server) - 1);
    }
    return 0;
}

static size_t take_generated(const struct fidelity_normal *n, const char *text,
                             struct moon_buf *out)
{
    struct moon_str name;
    void *token = NULL;
    size_t pos = 0;
    while (moon_map_next(n->generated, &pos, &name, &token)) {
        if (strncmp(text, name.ptr, name.len) == 0) {
            moon_buf_puts(out, token);
            return name.len;
        }
    }
    return 0;
}

/* Pointers as Go prints them, and the spaces that its comparing library chooses at random so that
 * nobody relies on its output. */
static size_t take_noise(const char *text, struct moon_buf *out)
{
    static const char pointer[] = "0xc0";
    static const char space[] = "\xc2\xa0";
    if (strncmp(text, space, sizeof(space) - 1) == 0) {
        moon_buf_putc(out, ' ');
        return sizeof(space) - 1;
    }
    size_t len = strncmp(text, pointer, sizeof(pointer) - 1) == 0
                     ? 2 + strspn(text + 2, "0123456789abcdef")
                     : 0;
    if (len < sizeof("0xc000000000") - 1) {
        return 0;
    }
    moon_buf_puts(out, "<pointer>");
    return len;
}

/* A name made from the request's generateName in an answer that refuses it. */
static size_t take_refused_name(const struct fidelity_normal *n, const char *text,
                                struct moon_buf *out)
{
    static const char member[] = "\"generateName\":\"";
    const char *prefix = strstr(n->request, member);
    if (prefix == NULL) {
        return 0;
    }
    prefix += sizeof(member) - 1;
    size_t len = strcspn(prefix, "\"");
    if (strncmp(text, prefix, len) != 0 ||
        strspn(text + len, "bcdfghjklmnpqrstvwxz2456789") < GENERATED_LEN) {
        return 0;
    }
    moon_buf_printf(out, "%.*s<generated>", (int)len, prefix);
    return len + GENERATED_LEN;
}

/* Where messages speak of versions. */
static bool is_version_place(const char *text, const char *at)
{
    static const char *const leads[] = {"ersion: ",    "current: ",   "precondition (",
                                        "in record (", "ersion\":\"", "ersion\\\":\\\""};
    struct moon_str before = {text, (size_t)(at - text)};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(leads); i++) {
        if (moon_str_ends(before, leads[i])) {
            return true;
        }
    }
    return moon_str_ends(before, "(") && strstr(text, "too old resource version") != NULL;
}

/* A version in a message, unless the script has made it up. */
static size_t take_version(const struct fidelity_normal *n, const char *text, const char *at,
                           struct moon_buf *out)
{
    size_t len = digits_at(at);
    if (len == 0 || !is_version_place(text, at)) {
        return 0;
    }
    MOON_AUTOFREE char *number = moon_strndup(at, len);
    if (!moon_map_has(n->numbers, moon_str(number)) && strstr(n->request, number) != NULL) {
        return 0;
    }
    moon_buf_puts(out, "<version>");
    return len;
}

static bool is_node_port(const struct fidelity_normal *n, int64_t port)
{
    char text[16];
    (void)snprintf(text, sizeof(text), "%lld", (long long)port);
    return port >= 30000 && port <= 32767 && strstr(n->request, text) == NULL;
}

/* ":30123/TCP" of a table. */
static size_t take_node_port(const struct fidelity_normal *n, const char *text,
                             struct moon_buf *out)
{
    int64_t port = 0;
    size_t len = *text == ':' ? digits_at(text + 1) : 0;
    if (len == 0 || text[1 + len] != '/' ||
        !moon_parse_i64((struct moon_str){text + 1, len}, &port) || !is_node_port(n, port)) {
        return 0;
    }
    moon_buf_puts(out, ":<node port>");
    return 1 + len;
}

/* ---- rewriting ---- */

/* Add the token for what begins at `at`, and return its length; 0: nothing begins here. */
static size_t take_token(const struct fidelity_normal *n, const char *text, const char *at,
                         struct moon_buf *out)
{
    static size_t (*const takers[])(const struct fidelity_normal *, const char *,
                                    struct moon_buf *) = {take_uid, take_time, take_address,
                                                          take_generated, take_refused_name};
    bool starts_word = at == text || !isalnum((unsigned char)at[-1]);
    size_t used = 0;
    for (size_t i = 0; starts_word && used == 0 && i < MOON_ARRAY_SIZE(takers); i++) {
        used = takers[i](n, at, out);
    }
    used = used == 0 && starts_word ? take_version(n, text, at, out) : used;
    used = used == 0 ? take_node_port(n, at, out) : used;
    return used == 0 ? take_noise(at, out) : used;
}

static char *rewrite_text(const struct fidelity_normal *n, const char *text)
{
    struct moon_buf out = MOON_BUF_INIT(TEXT_MAX_BYTES);
    const char *p = text;
    while (*p != '\0') {
        size_t used = take_token(n, text, p, &out);
        if (used == 0) {
            moon_buf_putc(&out, *p);
        }
        p += used > 0 ? used : 1;
    }
    return moon_buf_take(&out, NULL);
}

/* "5s", "2m3s", "3d4h" of a table cell. */
static bool is_age(const char *text)
{
    bool any = false;
    while (isdigit((unsigned char)*text)) {
        text += digits_at(text);
        if (*text == '\0' || strchr("smhdy", *text) == NULL) {
            return false;
        }
        any = true;
        text++;
    }
    return any && *text == '\0';
}

static void set_text(cJSON *node, const char *text)
{
    (void)cJSON_SetValuestring(node, text);
}

static void rewrite_version(const struct fidelity_normal *n, cJSON *node, const cJSON *parent)
{
    const char *uid = uid_token(n, moon_json_string(parent, "uid"));
    MOON_AUTOFREE char *key = moon_asprintf("%s %s", uid != NULL ? uid : "", node->valuestring);
    const char *token = moon_map_get(n->versions, moon_str(key));
    bool is_real = moon_map_has(n->numbers, moon_str(node->valuestring));
    if (is_real) {
        set_text(node, uid != NULL && token != NULL ? token : "<version>");
    }
}

/* Who manages which fields is worth a look, how it is written down is not. */
static void summarise_managers(cJSON *node)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(TEXT_MAX_BYTES);
    const cJSON *entry = NULL;
    cJSON_ArrayForEach (entry, node) {
        moon_buf_printf(&out, "%s%s %s", out.len > 0 ? ", " : "",
                        moon_json_string(entry, "manager"), moon_json_string(entry, "operation"));
    }
    cJSON *text = cJSON_CreateString(moon_buf_cstr(&out));
    while (node->child != NULL) {
        cJSON_Delete(cJSON_DetachItemViaPointer(node, node->child));
    }
    cJSON_AddItemToArray(node, text);
}

static void rewrite(const struct fidelity_normal *n, cJSON *node, const cJSON *parent,
                    const char *key)
{
    cJSON *child = NULL;
    if (cJSON_IsString(node)) {
        if (moon_streq(key, "resourceVersion")) {
            rewrite_version(n, node, parent);
        } else if (moon_streq(key, "continue") && node->valuestring[0] != '\0') {
            set_text(node, "<continue>");
        } else if (moon_streq(key, "cells") &&
                   (is_age(node->valuestring) || moon_streq(node->valuestring, "<invalid>"))) {
            set_text(node, "<age>");
        } else {
            MOON_AUTOFREE char *text = rewrite_text(n, node->valuestring);
            set_text(node, text);
        }
        return;
    }
    if (cJSON_IsNumber(node) &&
        (moon_streq(key, "nodePort") || moon_streq(key, "healthCheckNodePort")) &&
        is_node_port(n, (int64_t)node->valuedouble)) {
        (void)cJSON_SetNumberValue(node, 0);
        return;
    }
    if (cJSON_IsArray(node) && moon_streq(key, "managedFields")) {
        summarise_managers(node);
        return;
    }
    cJSON_ArrayForEach (child, node) {
        rewrite(n, child, node, cJSON_IsArray(node) ? key : child->string);
    }
}

void fidelity_normal_answer(struct fidelity_normal *n, cJSON *answer, const char *request,
                            int64_t now_s)
{
    n->request = request;
    n->now_s = now_s;
    learn(n, answer);
    rewrite(n, answer, NULL, "");
}
