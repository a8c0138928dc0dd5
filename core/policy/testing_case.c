/* SPDX-License-Identifier: Apache-2.0
 *
 * testing_case.c - one case of a test's text: what the text says for all of them, then its own.
 */
#include <stdio.h>

#include "policy/testing_priv.h"

/* 2026-01-01T12:00:00Z, a Thursday. */
#define DEFAULT_NOW_S INT64_C(1767268800)

/* ---- which policy ---- */

char *moon_policy_test_subject(const char *file)
{
    struct moon_str name = moon_str(file);
    size_t base = name.len;

    while (base > 0 && name.ptr[base - 1] != '/') {
        base--;
    }
    name = (struct moon_str){name.ptr + base, name.len - base};
    if (!moon_str_ends(name, "_test.yaml") || name.len == strlen("_test.yaml")) {
        return NULL;
    }
    return moon_strndup(name.ptr, name.len - strlen("_test.yaml"));
}

/* ---- values of a case ---- */

/* The members of the text's mapping and of the case's, read in order. */
struct both {
    const cJSON *of_all;
    const cJSON *of_case;
};

static int read_both(struct moon_test_reader *r, const char *key, struct both b,
                     int (*take)(struct moon_test_reader *r, const cJSON *json, void *ctx),
                     void *ctx)
{
    const cJSON *parts[] = {moon_json_member(b.of_all, key), moon_json_member(b.of_case, key)};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < MOON_ARRAY_SIZE(parts); i++) {
        if (parts[i] != NULL && !cJSON_IsNull(parts[i])) {
            size_t mark = moon_test_enter(r, key);
            rc = take(r, parts[i], ctx);
            moon_test_leave(r, mark);
        }
    }
    return rc;
}

static int take_text(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    char **ret = ctx;
    const char *text = NULL;
    int rc = moon_test_text(r, json, &text);

    if (rc == 0) {
        moon_free(*ret);
        *ret = moon_strdup(text);
    }
    return rc;
}

static int take_now(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    return moon_test_time(r, json, ctx);
}

static int take_params(struct moon_test_reader *r, const cJSON *json, void *ctx)
{
    int rc = moon_test_mapping(r, json);

    if (rc == 0) {
        moon_test_merge(ctx, json);
    }
    return rc;
}

/* ---- keys ---- */

static int accept(struct moon_test_reader *r MOON_UNUSED, const cJSON *json MOON_UNUSED,
                  void *ctx MOON_UNUSED)
{
    return 0;
}

/* What is read in order of need, not as it is written; here only the names are checked. */
#define GIVEN_FIELDS                                                                               \
    {"policies", accept}, {"params", accept}, {"now", accept}, {"set", accept}, {"roll", accept},  \
        {"nodes", accept}, {"pods", accept}, {"kv", accept}, {"peers", accept},                    \
        {"samples", accept},                                                                       \
    {                                                                                              \
        "event", accept                                                                            \
    }

static const struct moon_test_field file_fields[] = {
    {"policy", accept}, {"cases", accept}, GIVEN_FIELDS, {NULL, NULL}};
static const struct moon_test_field case_fields[] = {
    {"name", accept}, {"expect", accept}, GIVEN_FIELDS, {NULL, NULL}};

/* ---- the text ---- */

static int read_head(struct moon_test_file *f)
{
    struct moon_test_reader *r = &f->reader;
    int rc = moon_test_fields(r, file_fields, f->root, NULL);

    if (rc != 0) {
        return rc;
    }
    f->cases = moon_json_member(f->root, "cases");
    if (!cJSON_IsArray(f->cases) || cJSON_GetArraySize(f->cases) == 0) {
        return moon_test_wrong(r, f->cases != NULL ? f->cases : f->root,
                               "cases: a list of one case or more is wanted");
    }
    if (cJSON_GetArraySize(f->cases) > MOON_TEST_MAX_CASES) {
        return moon_test_wrong(r, f->cases, "more than %d cases", MOON_TEST_MAX_CASES);
    }
    return 0;
}

int moon_test_file_open(struct moon_test_file *f, const struct moon_policy_test_text *text,
                        struct moon_err *err)
{
    *f = (struct moon_test_file){
        .reader = {.file = text->file, .line = 1, .err = err},
    };
    f->policy =
        text->policy != NULL ? moon_strdup(text->policy) : moon_policy_test_subject(text->file);
    f->root = moon_test_parse(&f->reader, text->text);
    if (f->root == NULL) {
        err->code = MOON_E_INVALID; /* also a text that is too large */
        return -MOON_E_INVALID;
    }
    return read_head(f);
}

void moon_test_file_fini(struct moon_test_file *f)
{
    cJSON_Delete(f->root);
    moon_free(f->policy);
    moon_test_reader_fini(&f->reader);
}

/* ---- a case ---- */

static int read_policies(struct moon_test_reader *r, struct moon_test_file *f, struct both b,
                         struct moon_test_case *c)
{
    MOON_AUTOJSON *params = cJSON_CreateObject();
    const cJSON *policy = moon_json_member(f->root, "policy");
    int rc = 0;

    c->policy = moon_strdup(f->policy);
    if (policy != NULL) {
        size_t mark = moon_test_enter(r, "policy");
        rc = take_text(r, policy, &c->policy);
        moon_test_leave(r, mark);
    }
    if (rc == 0 && c->policy == NULL) {
        rc = moon_test_wrong(r, f->root, "policy: which one is tested?");
    }
    rc = rc == 0 ? read_both(r, "policies", b, take_text, &c->policies) : rc;
    rc = rc == 0 ? read_both(r, "params", b, take_params, params) : rc;
    if (rc == 0 && cJSON_GetArraySize(params) > 0) {
        char *text = cJSON_PrintUnformatted(params);
        c->params = moon_strdup(text);
        cJSON_free(text);
    }
    return rc;
}

static int read_given(struct moon_test_reader *r, struct both b, struct moon_test_given *g)
{
    int64_t now_s = DEFAULT_NOW_S;
    int rc = read_both(r, "now", b, take_now, &now_s);

    moon_test_given_init(g);
    moon_test_given_defaults(g, now_s);
    rc = rc == 0 ? read_both(r, "set", b, moon_test_take_set, g) : rc;
    rc = rc == 0 ? read_both(r, "roll", b, moon_test_take_roll, g) : rc;
    rc = rc == 0 ? read_both(r, "nodes", b, moon_test_take_nodes, g) : rc;
    rc = rc == 0 ? read_both(r, "samples", b, moon_test_take_samples, g) : rc;
    rc = rc == 0 ? read_both(r, "kv", b, moon_test_take_kv, g) : rc;
    rc = rc == 0 ? read_both(r, "event", b, moon_test_take_event, g) : rc;
    rc = rc == 0 ? read_both(r, "peers", b, moon_test_take_peers, g) : rc;
    return rc == 0 ? read_both(r, "pods", b, moon_test_take_pods, g) : rc;
}

static int read_expect(struct moon_test_reader *r, const cJSON *json, struct moon_test_expect *e)
{
    const cJSON *expect = moon_json_member(json, "expect");

    if (expect == NULL) {
        return moon_test_wrong(r, json, "expect is missing");
    }
    size_t mark = moon_test_enter(r, "expect");
    int rc = moon_test_take_expect(r, expect, e);
    moon_test_leave(r, mark);
    return rc;
}

int moon_test_case_read(struct moon_test_file *f, size_t index, struct moon_test_case *ret,
                        struct moon_err *err)
{
    struct moon_test_reader *r = &f->reader;
    const cJSON *json = cJSON_GetArrayItem(f->cases, (int)index);
    struct both b = {.of_all = f->root, .of_case = json};
    const char *name = moon_json_string(json, "name");

    r->err = err;
    r->line = moon_test_line(r, json);
    *ret = (struct moon_test_case){.line = r->line};
    if (name == NULL || name[0] == '\0') {
        r->case_name = NULL;
        return moon_test_wrong(r, json, "cases[%zu]: a case has a name", index);
    }
    ret->name = moon_strdup(name);
    r->case_name = ret->name;
    int rc = moon_test_fields(r, case_fields, json, NULL);
    rc = rc == 0 ? read_policies(r, f, b, ret) : rc;
    rc = rc == 0 ? read_given(r, b, &ret->given) : rc;
    rc = rc == 0 ? read_expect(r, json, &ret->expect) : rc;
    if (rc == 0 && ret->expect.has[MOON_TEST_ON_EVENT] && ret->given.happening < 0) {
        rc = moon_test_wrong(r, json, "expect.on_event: which event? (event: pod_failed n1)");
    }
    r->case_name = NULL;
    return rc;
}

void moon_test_case_fini(struct moon_test_case *c)
{
    moon_test_given_fini(&c->given);
    moon_test_expect_fini(&c->expect);
    moon_free(c->name);
    moon_free(c->policy);
    moon_free(c->policies);
    moon_free(c->params);
}
