/* SPDX-License-Identifier: Apache-2.0
 *
 * testing_expect.c - what a case expects: "evict \"no edge node\"", "replace n1", "closed", …
 */
#include <stdio.h>

#include "policy/testing_priv.h"

static const char *const aspect_names[MOON_TEST_ASPECTS] = {
    "tolerations", "select", "mutate", "rank",   "health",  "gate",
    "update",      "status", "kv",     "events", "analyze", "on_event",
};

const char *moon_test_aspect_name(enum moon_test_aspect a)
{
    return aspect_names[a];
}

struct moon_test_item *moon_test_list_add(struct moon_test_list *l, struct moon_test_item item)
{
    l->items = moon_realloc_array(l->items, l->count + 1, sizeof(*l->items));
    l->items[l->count] = item;
    return &l->items[l->count++];
}

void moon_test_list_fini(struct moon_test_list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        moon_free(l->items[i].subject);
        moon_free(l->items[i].also);
        moon_free(l->items[i].verb);
        moon_free(l->items[i].reason);
        moon_free(l->items[i].detail);
    }
    moon_free(l->items);
    *l = (struct moon_test_list){0};
}

void moon_test_expect_fini(struct moon_test_expect *e)
{
    for (int i = 0; i < MOON_TEST_ASPECTS; i++) {
        moon_test_list_fini(&e->lists[i]);
    }
    moon_free(e->error);
}

/* ---- texts ---- */

/* What follows a verb: a reason, in quotes or not. False: a quote is not closed. */
static bool read_reason(struct moon_str rest, char **ret)
{
    *ret = NULL;
    if (rest.len == 0) {
        return true;
    }
    char quote = rest.ptr[0];
    if (quote == '"' || quote == '\'') {
        if (rest.len < 2 || rest.ptr[rest.len - 1] != quote) {
            return false;
        }
        rest = (struct moon_str){rest.ptr + 1, rest.len - 2};
    }
    *ret = moon_str_dup(rest);
    return true;
}

static int take_reason(struct moon_test_reader *r, const cJSON *json, struct moon_str rest,
                       char **ret)
{
    if (!read_reason(rest, ret)) {
        return moon_test_wrong(r, json,
                               "a quote is not closed: put the whole text in quotes ('run \"a, "
                               "b\"'), for YAML ends it at a comma or #");
    }
    return 0;
}

static int wrong_verb(struct moon_test_reader *r, const cJSON *json, struct moon_str verb,
                      const char *const *verbs)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf all = MOON_BUF_INIT(256);

    if (!cJSON_IsString(json)) {
        return moon_test_wrong(r, json,
                               "a text is wanted: put the whole of it in quotes ('run \"a: b\"'), "
                               "for YAML makes a mapping of what has a colon");
    }
    for (size_t i = 0; verbs[i] != NULL; i++) {
        const char *between = i == 0 ? "" : verbs[i + 1] != NULL ? ", " : " or ";
        moon_buf_printf(&all, "%s%s", between, verbs[i]);
    }
    return moon_test_wrong(r, json, "'%.*s' is no answer; it is %s, perhaps with a reason",
                           (int)(verb.len < 60 ? verb.len : 60), verb.ptr != NULL ? verb.ptr : "",
                           moon_buf_cstr(&all));
}

static bool is_verb(struct moon_str word, const char *const *verbs)
{
    for (; *verbs != NULL; verbs++) {
        if (moon_str_is(word, *verbs)) {
            return true;
        }
    }
    return false;
}

/* VERB ["reason"], for `subject`. */
static int take_verdict(struct moon_test_reader *r, const cJSON *json, const char *subject,
                        const char *const *verbs, struct moon_test_list *list)
{
    struct moon_test_item item = {.number = -1, .line = moon_test_line(r, json)};
    struct moon_str rest = moon_str(cJSON_GetStringValue(json));
    struct moon_str verb = moon_test_word(&rest);

    if (!is_verb(verb, verbs)) {
        return wrong_verb(r, json, verb, verbs);
    }
    int rc = take_reason(r, json, rest, &item.reason);
    if (rc == 0) {
        item.subject = moon_strdup(subject);
        item.verb = moon_str_dup(verb);
        (void)moon_test_list_add(list, item);
    }
    return rc;
}

/* { n1: run, "*": evict "why" }, or one answer for all. */
static int take_verdicts(struct moon_test_reader *r, const cJSON *json, const char *const *verbs,
                         struct moon_test_list *list)
{
    const cJSON *item;
    int rc = 0;

    if (cJSON_IsString(json)) {
        return take_verdict(r, json, "*", verbs, list);
    }
    rc = moon_test_mapping(r, json);
    cJSON_ArrayForEach (item, json) {
        if (rc == 0) {
            size_t mark = moon_test_enter(r, item->string);
            rc = take_verdict(r, item, item->string, verbs, list);
            moon_test_leave(r, mark);
        }
    }
    return rc;
}

static struct moon_test_list *begin(struct moon_test_reader *r, const cJSON *json, void *ctx,
                                    enum moon_test_aspect aspect)
{
    struct moon_test_expect *e = ctx;

    e->has[aspect] = true;
    e->lines[aspect] = moon_test_line(r, json);
    return &e->lists[aspect];
}

/* ---- one for each hook ---- */

static int expect_select(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    static const char *const verbs[] = {"run", "keep", "evict", "undecided", NULL};

    return take_verdicts(r, json, verbs, begin(r, json, ctx, MOON_TEST_SELECT));
}

static int expect_health(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    static const char *const verbs[] = {"ready", "progressing", "failed", NULL};

    return take_verdicts(r, json, verbs, begin(r, json, ctx, MOON_TEST_HEALTH));
}

/* ---- mutate ---- */

static int mutate_revision(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    struct moon_test_item *item = ctx;
    const char *text = NULL;
    int rc = moon_test_text(r, json, &text);

    if (rc == 0) {
        moon_free(item->verb);
        item->verb = moon_strdup(text);
    }
    return rc;
}

static int mutate_skip(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    struct moon_test_item *item = ctx;
    const char *text = NULL;
    int rc = moon_test_text(r, json, &text);

    moon_free(item->reason);
    item->reason = moon_strdup(text);
    return rc;
}

static int mutate_edits(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    struct moon_test_item *item = ctx;
    int rc = moon_test_mapping(r, json);

    if (rc == 0) {
        char *text = cJSON_PrintUnformatted(json);
        moon_free(item->detail);
        item->detail = moon_strdup(text);
        cJSON_free(text);
    }
    return rc;
}

static const struct moon_test_field mutate_fields[] = {
    {"revision", mutate_revision}, {"skip", mutate_skip}, {"edits", mutate_edits}, {NULL, NULL}};

static int take_mutation(struct moon_test_reader *r, const cJSON *json, const char *subject,
                         struct moon_test_list *list)
{
    struct moon_test_item *item =
        moon_test_list_add(list, (struct moon_test_item){.subject = moon_strdup(subject),
                                                         .verb = moon_strdup("current"),
                                                         .number = -1,
                                                         .line = moon_test_line(r, json)});

    return cJSON_IsString(json) ? mutate_revision(r, json, item)
                                : moon_test_fields(r, mutate_fields, json, item);
}

/* { "*": current, n1: { revision: stable, skip: why, edits: { /spec/hostPID: true } } } */
static int expect_mutate(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    struct moon_test_list *list = begin(r, json, ctx, MOON_TEST_MUTATE);
    const cJSON *item;

    if (cJSON_IsString(json)) {
        return take_mutation(r, json, "*", list);
    }
    int rc = moon_test_mapping(r, json);
    cJSON_ArrayForEach (item, json) {
        if (rc == 0) {
            size_t mark = moon_test_enter(r, item->string);
            rc = take_mutation(r, item, item->string, list);
            moon_test_leave(r, mark);
        }
    }
    return rc;
}

/* Every entry of a list, up to the first that is wrong. */
static int take_list(struct moon_test_reader *r, const cJSON *json, struct moon_test_list *list,
                     int (*take)(struct moon_test_reader *r, const cJSON *json,
                                 struct moon_test_list *list))
{
    const cJSON *item;
    int rc = cJSON_IsArray(json) ? 0 : moon_test_wrong(r, json, "a list is wanted");

    cJSON_ArrayForEach (item, json) {
        rc = rc == 0 ? take(r, item, list) : rc;
    }
    return rc;
}

static int take_ranked(struct moon_test_reader *r, const cJSON *json, struct moon_test_list *list)
{
    const char *name = NULL;
    int rc = moon_test_text(r, json, &name);

    if (rc == 0) {
        (void)moon_test_list_add(list, (struct moon_test_item){.subject = moon_strdup(name),
                                                               .number = -1,
                                                               .line = moon_test_line(r, json)});
    }
    return rc;
}

static int expect_rank(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    return take_list(r, json, begin(r, json, ctx, MOON_TEST_RANK), take_ranked);
}

static int expect_toleration(struct moon_test_reader *r, const cJSON *json,
                             struct moon_test_list *list)
{
    struct moon_test_item item = {.number = -1, .line = moon_test_line(r, json)};
    struct moon_tolerations parsed = {0};

    if (moon_streq(cJSON_GetStringValue(json), "stock")) {
        item.subject = moon_strdup("stock");
        (void)moon_test_list_add(list, item);
        return 0;
    }
    cJSON *one = moon_test_toleration(r, json);
    MOON_AUTOJSON *array = cJSON_CreateArray();
    struct moon_err err;
    if (one == NULL) {
        return -1;
    }
    cJSON_AddItemToArray(array, one);
    if (moon_tolerations_from_json(array, &parsed, &err) != 0) {
        return moon_test_wrong(r, json, "%s", err.text);
    }
    item.subject = moon_test_toleration_text(&parsed.items[0]);
    moon_tolerations_fini(&parsed);
    (void)moon_test_list_add(list, item);
    return 0;
}

static int expect_tolerations(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    return take_list(r, json, begin(r, json, ctx, MOON_TEST_TOLERATIONS), expect_toleration);
}

/* ---- gate ---- */

static int gate_open(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    struct moon_test_item *item = ctx;
    bool open = false;
    int rc = moon_test_bool(r, json, &open);

    moon_free(item->verb);
    item->verb = moon_strdup(open ? "open" : "closed");
    return rc;
}

static int gate_reason(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    struct moon_test_item *item = ctx;
    const char *text = NULL;
    int rc = moon_test_text(r, json, &text);

    moon_free(item->reason);
    item->reason = moon_strdup(text);
    return rc;
}

static int gate_again(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    return moon_test_seconds(r, json, &((struct moon_test_item *)ctx)->number);
}

static const struct moon_test_field gate_fields[] = {
    {"open", gate_open}, {"reason", gate_reason}, {"again", gate_again}, {NULL, NULL}};

static int expect_gate(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    static const char *const verbs[] = {"open", "closed", NULL};
    struct moon_test_list *list = begin(r, json, ctx, MOON_TEST_GATE);

    if (cJSON_IsString(json)) {
        return take_verdict(r, json, "", verbs, list);
    }
    struct moon_test_item *item = moon_test_list_add(
        list, (struct moon_test_item){
                  .subject = moon_strdup(""), .number = -1, .line = moon_test_line(r, json)});
    int rc = moon_test_fields(r, gate_fields, json, item);
    if (rc == 0 && item->verb == NULL) {
        rc = moon_test_wrong(r, json, "open is missing: true or false");
    }
    return rc;
}

/* ---- update ---- */

static const char *const update_verbs[] = {"replace",     "surge", "delete",   "create",
                                           "patch_image", "drain", "uncordon", "pause",
                                           "rollback",    NULL};

static bool has_node(struct moon_str verb)
{
    return !moon_str_is(verb, "pause") && !moon_str_is(verb, "rollback");
}

/* "replace n1 \"its zone's turn\"" */
static int take_action(struct moon_test_reader *r, const cJSON *json, struct moon_test_list *list)
{
    struct moon_test_item item = {.number = -1, .line = moon_test_line(r, json)};
    struct moon_str rest = moon_str(cJSON_GetStringValue(json));
    struct moon_str verb = moon_test_word(&rest);
    struct moon_str node = {"", 0};

    if (!is_verb(verb, update_verbs)) {
        return wrong_verb(r, json, verb, update_verbs);
    }
    if (has_node(verb)) {
        node = moon_test_word(&rest);
        if (node.len == 0) {
            return moon_test_wrong(r, json, "which node? (%.*s n1)", MOON_STR_ARG(verb));
        }
    }
    int rc = take_reason(r, json, rest, &item.reason);
    if (rc == 0) {
        item.subject = moon_str_dup(node);
        item.verb = moon_str_dup(verb);
        (void)moon_test_list_add(list, item);
    }
    return rc;
}

/* { replace: 3 } */
static int take_count(struct moon_test_reader *r, const cJSON *json, struct moon_test_list *list)
{
    struct moon_test_item item = {.line = moon_test_line(r, json)};

    if (!is_verb(moon_str(json->string), update_verbs)) {
        return wrong_verb(r, json, moon_str(json->string), update_verbs);
    }
    int rc = moon_test_int(r, json, &item.number);
    if (rc == 0) {
        item.subject = moon_strdup("");
        item.verb = moon_strdup(json->string);
        (void)moon_test_list_add(list, item);
    }
    return rc;
}

static int expect_update(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    struct moon_test_list *list = begin(r, json, ctx, MOON_TEST_UPDATE);
    struct moon_test_expect *e = ctx;
    const cJSON *item;
    int rc = 0;

    e->by_count = cJSON_IsObject(json) != 0;
    if (!e->by_count && !cJSON_IsArray(json)) {
        return moon_test_wrong(r, json,
                               "a list of actions is wanted, or how many of each: { replace: 3 }");
    }
    cJSON_ArrayForEach (item, json) {
        if (rc == 0) {
            rc = e->by_count ? take_count(r, item, list) : take_action(r, item, list);
        }
    }
    return rc;
}

static int expect_analyze(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    static const char *const verbs[] = {"pass", "wait", "fail", NULL};

    return take_verdict(r, json, "", verbs, begin(r, json, ctx, MOON_TEST_ANALYZE));
}

static int status_message(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    struct moon_test_item item = {.number = -1, .line = moon_test_line(r, json)};
    const char *text = NULL;
    int rc = moon_test_text(r, json, &text);

    if (rc == 0) {
        item.subject = moon_strdup("message");
        item.verb = moon_strdup("");
        item.reason = moon_strdup(text);
        (void)moon_test_list_add(ctx, item);
    }
    return rc;
}

/* { CanaryHealthy: true, WaveDone: false "InProgress: *" } */
static int status_conditions(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    static const char *const verbs[] = {"true", "false", NULL};
    const cJSON *item;
    int rc = moon_test_mapping(r, json);

    cJSON_ArrayForEach (item, json) {
        MOON_AUTOJSON *word = cJSON_CreateString(cJSON_IsTrue(item) ? "true" : "false");
        if (rc == 0) {
            size_t mark = moon_test_enter(r, item->string);
            r->line = moon_test_line(r, item);
            rc = take_verdict(r, cJSON_IsBool(item) ? word : item, item->string, verbs, ctx);
            moon_test_leave(r, mark);
        }
    }
    return rc;
}

static const struct moon_test_field status_fields[] = {
    {"message", status_message}, {"conditions", status_conditions}, {NULL, NULL}};

static int expect_status(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    return moon_test_fields(r, status_fields, json, begin(r, json, ctx, MOON_TEST_STATUS));
}

/* { phase: 2, chosen: [n1] }: all that the policy remembers. */
static int expect_kv(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    struct moon_test_list *list = begin(r, json, ctx, MOON_TEST_KV);
    const cJSON *value;
    int rc = moon_test_mapping(r, json);

    cJSON_ArrayForEach (value, json) {
        char *text = cJSON_PrintUnformatted(value);
        (void)moon_test_list_add(list,
                                 (struct moon_test_item){.subject = moon_strdup(value->string),
                                                         .verb = moon_strdup(""),
                                                         .reason = moon_strdup(text),
                                                         .number = -1,
                                                         .line = moon_test_line(r, value)});
        cJSON_free(text);
    }
    return rc;
}

/* "CanaryChosen \"node n1*\"", "Warning TooFew" */
static int expect_event(struct moon_test_reader *r, const cJSON *json, struct moon_test_list *list)
{
    static const char *const types[] = {"Normal", "Warning", NULL};
    struct moon_test_item item = {.number = -1, .line = moon_test_line(r, json)};
    struct moon_str rest = moon_str(cJSON_GetStringValue(json));
    struct moon_str type = MOON_STR_LIT("Normal");
    struct moon_str reason = moon_test_word(&rest);

    if (is_verb(reason, types)) {
        type = reason;
        reason = moon_test_word(&rest);
    }
    if (reason.len == 0) {
        return moon_test_wrong(r, json,
                               "an event is written Reason or Warning Reason, and "
                               "perhaps a message");
    }
    int rc = take_reason(r, json, rest, &item.reason);
    if (rc == 0) {
        item.subject = moon_str_dup(reason);
        item.verb = moon_str_dup(type);
        (void)moon_test_list_add(list, item);
    }
    return rc;
}

static int expect_events(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    return take_list(r, json, begin(r, json, ctx, MOON_TEST_EVENTS), expect_event);
}

static int expect_again(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    struct moon_test_expect *e = ctx;

    e->again_line = moon_test_line(r, json);
    if (moon_streq(cJSON_GetStringValue(json), "none")) {
        e->again_s = 0;
        return 0;
    }
    return moon_test_seconds(r, json, &e->again_s);
}

static int expect_clipped(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    struct moon_test_expect *e = ctx;

    e->clipped_line = moon_test_line(r, json);
    return moon_test_int(r, json, &e->clipped);
}

static int expect_error(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    struct moon_test_expect *e = ctx;
    const char *text = NULL;
    int rc = moon_test_text(r, json, &text);

    moon_free(e->error);
    e->error = moon_strdup(text);
    e->error_line = moon_test_line(r, json);
    return rc;
}

/* "30s", or none. */
static int expect_on_event(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    struct moon_test_list *list = begin(r, json, ctx, MOON_TEST_ON_EVENT);
    struct moon_test_item item = {.number = -1, .line = moon_test_line(r, json)};
    bool none = moon_streq(cJSON_GetStringValue(json), "none");
    int rc = none ? 0 : moon_test_seconds(r, json, &item.number);

    item.subject = moon_strdup("");
    item.verb = moon_strdup(none ? "none" : "again");
    (void)moon_test_list_add(list, item);
    return rc;
}

static const struct moon_test_field expect_fields[] = {
    {"select", expect_select},     {"tolerations", expect_tolerations},
    {"rank", expect_rank},         {"health", expect_health},
    {"gate", expect_gate},         {"update", expect_update},
    {"again", expect_again},       {"clipped", expect_clipped},
    {"error", expect_error},       {"mutate", expect_mutate},
    {"analyze", expect_analyze},   {"status", expect_status},
    {"on_event", expect_on_event}, {"kv", expect_kv},
    {"events", expect_events},     {NULL, NULL},
};

int moon_test_take_expect(struct moon_test_reader *r, const cJSON *json, void *expect)
{
    struct moon_test_expect *e = expect;
    bool any = false;

    e->again_s = -1;
    e->clipped = -1;
    int rc = moon_test_fields(r, expect_fields, json, e);
    if (rc != 0) {
        return rc;
    }
    for (int i = 0; i < MOON_TEST_ASPECTS; i++) {
        any |= e->has[i] && i != MOON_TEST_KV && i != MOON_TEST_EVENTS;
    }
    if (!any && e->error == NULL) {
        return moon_test_wrong(
            r, json,
            "which hook is to be asked? select, tolerations, mutate, rank, health, gate, "
            "update, status, analyze or on_event");
    }
    if ((e->again_s >= 0 || e->clipped >= 0) && !e->has[MOON_TEST_UPDATE]) {
        return moon_test_wrong(r, json, "again and clipped are what update says: expect update");
    }
    return 0;
}
