/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/metrics.h"
#include "kube/watch.h"
#include "script.h"

struct result {
    size_t done;
    uint64_t version;
    bool is_fine;
    struct moon_err err;
    struct moon_buf items; /* "LISTED" items, one after the other */
    size_t count;
    size_t restarts;
    struct moon_list_call *cancel_me;
};

static void on_object(enum moon_event event, struct moon_str object, void *ctx)
{
    struct result *r = ctx;
    assert_int_equal(event, MOON_EVENT_LISTED);
    moon_buf_add_str(&r->items, object);
    r->count++;
    if (r->cancel_me != NULL) {
        moon_list_cancel(r->cancel_me);
    }
}

static void on_restart(void *ctx)
{
    struct result *r = ctx;
    r->restarts++;
    moon_buf_clear(&r->items);
    if (r->cancel_me != NULL) {
        moon_list_cancel(r->cancel_me);
    }
}

static void on_done(uint64_t version, const struct moon_err *err, void *ctx)
{
    struct result *r = ctx;
    r->done++;
    r->version = version;
    r->is_fine = err == NULL;
    r->err = err != NULL ? *err : (struct moon_err){0};
}

static struct moon_list_call *list(struct script *s, struct result *r)
{
    *r = (struct result){.items = MOON_BUF_INIT(1 << 20)};
    return moon_list_start(s->client, &(struct moon_list_opts){.resource = &moon_resource_pods,
                                                               .namespace = "ns",
                                                               .label_selector = "a=b,!c",
                                                               .page_limit = 2,
                                                               .max_item_bytes = 100,
                                                               .on_object = on_object,
                                                               .on_restart = on_restart,
                                                               .on_done = on_done,
                                                               .ctx = r});
}

#define PAGE(more, items)                                                                          \
    "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"12\"" more "},\"items\":[" items "]}"
#define EXPIRED                                                                                    \
    "{\"kind\":\"Status\",\"message\":\"too old\",\"reason\":\"Expired\",\"code\":410,"            \
    "\"metadata\":{\"continue\":\"other\"}}"
#define PATH "GET /api/v1/namespaces/ns/pods?"
#define SELECTOR "labelSelector=a=b,!c"

static void test_pages(void **state)
{
    static const struct script_step STEPS[] = {
        {.body = PAGE(",\"continue\":\"next/page\"", "{\"a\":1},{\"a\":2}")},
        {.body = PAGE(",\"continue\":\"\"", "{\"a\":3}")}};
    struct script s;
    struct result r;
    (void)state;
    script_init(&s, STEPS, 2);
    list(&s, &r);
    assert_int_equal(r.done, 0);
    script_wait(&s, r.done, 1);
    assert_true(r.is_fine);
    assert_int_equal(r.version, 12);
    assert_string_equal(moon_buf_cstr(&r.items), "{\"a\":1}{\"a\":2}{\"a\":3}");
    script_assert_seen(&s, 0, PATH "limit=2&" SELECTOR);
    script_assert_seen(&s, 1, PATH "limit=2&continue=next/page&" SELECTOR);
    moon_buf_fini(&r.items);
    script_fini(&s);
}

static void test_gone_in_mid_list_starts_over(void **state)
{
    static const struct script_step STEPS[] = {
        {.body = PAGE(",\"continue\":\"next\"", "{\"a\":1}")},
        {.status = 410, .body = EXPIRED},
        {.body = PAGE("", "{\"a\":5}")}};
    struct script s;
    struct result r;
    (void)state;
    script_init(&s, STEPS, 3);
    list(&s, &r);
    script_wait(&s, r.done, 1);
    assert_true(r.is_fine);
    assert_int_equal(r.restarts, 1);
    assert_string_equal(moon_buf_cstr(&r.items), "{\"a\":5}");
    script_assert_seen(&s, 2, PATH SELECTOR);
    moon_buf_fini(&r.items);
    script_fini(&s);
}

/* What no list is must not be taken for an empty one. */
static void test_failures(void **state)
{
    static const struct {
        struct script_step steps[2];
        enum moon_code code;
        const char *expected;
    } CASES[] = {
        {{{.body = "{}"}}, MOON_E_SERVER, "list pods: the answer is no list"},
        {{{.body = "{\"metadata\":{},\"items\":[]}"}}, MOON_E_SERVER, "the answer is no list"},
        {{{.body = "{\"metadata\":{\"resourceVersion\":\"x\"},\"items\":[]}"}},
         MOON_E_SERVER,
         "the answer is no list"},
        {{{.body = "{\"metadata\":{\"resourceVersion\":\"0\"},\"items\":[]}"}},
         MOON_E_SERVER,
         "the answer is no list"},
        {{{.body = "{\"kind\":\"Status\",\"metadata\":{},\"status\":\"Success\"}"}},
         MOON_E_SERVER,
         "the answer is no list"},
        {{{.body = "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{\"a\":1}"}},
         MOON_E_INVALID,
         "list pods: list: cut off inside"},
        {{{.how = SCRIPT_CUT, .body = "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":["}},
         MOON_E_NETWORK,
         "list pods: "},
        {{{.body = "<html>", .type = "text/html"}}, MOON_E_SERVER, "is HTML"},
        {{{.body = PAGE("", "{\"a\":\"0123456789012345678901234567890123456789012345678901234567890"
                            "12345678901234567890123456789012345678901234567890123456789\"}")}},
         MOON_E_LIMIT,
         "an item is larger than 100 bytes"},
        {{{.status = 410, .body = EXPIRED}}, MOON_E_GONE, "too old"},
        {{{.status = 403, .body = "{\"kind\":\"Status\",\"message\":\"no\",\"code\":403}"}},
         MOON_E_DENIED,
         "list pods: no"},
        {{{.body = PAGE(",\"continue\":\"next\"", "")},
          {.body = PAGE(",\"continue\":\"next\"", "")}},
         MOON_E_SERVER,
         "the server repeats a page for ever"},
        {{{.body = PAGE(",\"continue\":\"next\"", "")}, {.status = 500, .body = "{}"}},
         MOON_E_SERVER,
         "list pods: HTTP 500"},
    };
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(CASES); i++) {
        struct script s;
        struct result r;
        script_init(&s, CASES[i].steps, 2);
        list(&s, &r);
        script_wait(&s, r.done, 1);
        if (r.is_fine || r.err.code != CASES[i].code ||
            strstr(r.err.text, CASES[i].expected) == NULL) {
            fail_msg("case %zu: \"%s\" instead of \"%s\"", i, r.err.text, CASES[i].expected);
        }
        moon_buf_fini(&r.items);
        script_fini(&s);
    }
}

static void test_cancel(void **state)
{
    static const struct script_step STEPS[] = {{.how = SCRIPT_HANG},
                                               {.body = PAGE("", "{\"a\":1},{\"a\":2}")},
                                               {.body = PAGE(",\"continue\":\"next\"", "")},
                                               {.status = 410, .body = EXPIRED}};
    struct script s;
    struct result r;
    (void)state;
    script_init(&s, STEPS, 4);
    struct moon_list_call *call = list(&s, &r);
    script_wait(&s, s.seen_count, 1);
    moon_list_cancel(call);

    call = list(&s, &r);
    r.cancel_me = call;
    script_wait(&s, r.count, 1);
    script_settle(&s);
    assert_int_equal(r.count, 1);
    moon_buf_fini(&r.items);

    call = list(&s, &r);
    r.cancel_me = call;
    script_wait(&s, r.restarts, 1);
    script_settle(&s);
    assert_int_equal(r.done, 0);
    assert_int_equal(s.seen_count, 4);
    moon_buf_fini(&r.items);
    script_fini(&s);
}

static int reset_metrics(void **state)
{
    (void)state;
    moon_metrics_reset();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_gone_in_mid_list_starts_over),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, reset_metrics);
}
