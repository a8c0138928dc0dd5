/* SPDX-License-Identifier: Apache-2.0
 *
 * test_streamed_lists.c - watches that begin with a list (sendInitialEvents), and the options of
 * lists and watches that do not go together.
 */
#include "api_fixture.h"

#include <stdio.h>

#define MAPS "/api/v1/namespaces/default/configmaps"
#define MAP(name) "{\"metadata\":{\"name\":\"" name "\",\"labels\":{\"n\":\"" name "\"}}}"
#define STREAM MAPS "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
#define END "\"k8s.io/initial-events-end\":\"true\""

static int setup_old(void **state)
{
    return setup_with(state, &(struct moon_sim_api_opts){.refuse_streamed_lists = true});
}

static void test_begins_with_all_there_is(void **state)
{
    struct fixture *f = *state;
    struct watch w = {0};
    char types[64];
    post(f, MAPS, MAP("a"));
    post(f, MAPS, MAP("b"));
    MOON_AUTOFREE char *version = moon_strdup(text_at(f, "metadata.resourceVersion"));
    watch_start(f, &w, STREAM "&allowWatchBookmarks=true");
    watch_until(f, &w, END);
    assert_string_equal(watch_types(&w, types), "AAB");
    assert_non_null(strstr(moon_buf_cstr(&w.lines), version));
    post(f, MAPS, MAP("c"));
    watch_until(f, &w, "\"name\":\"c\"");
    assert_string_equal(watch_types(&w, types), "AABA");
    watch_stop(&w);
}

static void test_variants(void **state)
{
    static const struct {
        const char *query;
        const char *before; /* the lines before the next write: letters */
    } rows[] = {
        {"&allowWatchBookmarks=true&labelSelector=n=b", "AB"},
        {"&allowWatchBookmarks=true&resourceVersion=0", "AAB"},
        {"&allowWatchBookmarks=true&resourceVersion=1", "AAB"},
        {"&allowWatchBookmarks=true&labelSelector=n=none", "B"},
        {"", "AA"}, /* nobody wants bookmarks */
    };
    struct fixture *f = *state;
    post(f, MAPS, MAP("a"));
    post(f, MAPS, MAP("b"));
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct watch w = {0};
        char path[256];
        char types[64];
        snprintf(path, sizeof(path), STREAM "%s", rows[i].query);
        watch_start(f, &w, path);
        watch_until(f, &w, strchr(rows[i].before, 'B') != NULL ? END : "\"name\":\"b\"");
        assert_string_equal(watch_types(&w, types), rows[i].before);
        watch_stop(&w);
    }
}

static void test_metadata_alone_has_its_mark(void **state)
{
    struct fixture *f = *state;
    post(f, MAPS, MAP("a"));
    assert_int_equal(call(f, "GET", STREAM "&allowWatchBookmarks=true&timeoutSeconds=1",
                          "Accept: application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
                          NULL),
                     200);
    assert_non_null(strstr(f->text, "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":"
                                    "\"PartialObjectMetadata\""));
    assert_non_null(strstr(f->text, END));
}

/* Without initial events a watch begins with what happens next. */
static void test_from_now_on(void **state)
{
    struct fixture *f = *state;
    struct watch w = {0};
    char types[64];
    post(f, MAPS, MAP("a"));
    watch_start(f, &w, MAPS "?watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan");
    post(f, MAPS, MAP("b"));
    watch_until(f, &w, "\"name\":\"b\"");
    assert_string_equal(watch_types(&w, types), "A");
    assert_null(strstr(moon_buf_cstr(&w.lines), "\"name\":\"a\""));
    watch_stop(&w);
}

static void test_what_does_not_go_together(void **state)
{
    static const struct {
        const char *path;
        int status;
        const char *want;
    } rows[] = {
        {MAPS "?watch=1&sendInitialEvents=true", 422,
         "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch "
         "to NotOlderThan"},
        {MAPS "?watch=1&resourceVersionMatch=NotOlderThan", 422,
         "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"},
        {MAPS "?watch=1&sendInitialEvents=true&resourceVersionMatch=Exact", 422,
         "Unsupported value: \"Exact\": supported values: \"NotOlderThan\""},
        {STREAM "&continue=x", 422, "resourceVersionMatch is forbidden when continue is provided"},
        {STREAM "&resourceVersion=100000", 504, "Too large resource version"},
        {MAPS "?sendInitialEvents=true", 422, "sendInitialEvents is forbidden for list"},
        {MAPS "?resourceVersionMatch=NotOlderThan", 422,
         "resourceVersionMatch is forbidden unless resourceVersion is provided"},
        {MAPS "?resourceVersionMatch=Nearly&resourceVersion=1", 422,
         "Unsupported value: \"Nearly\": supported values: \"Exact\", \"NotOlderThan\", \"\""},
        {MAPS "?resourceVersionMatch=Exact&resourceVersion=0", 422,
         "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\""},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        assert_int_equal(get(f, rows[i].path), rows[i].status);
        if (strstr(text_at(f, "message"), rows[i].want) == NULL) {
            fail_msg("no %s in %s", rows[i].want, f->text);
        }
    }
}

static void test_an_old_server_refuses(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(get(f, STREAM "&allowWatchBookmarks=true"), 422);
    assert_string_equal(text_at(f, "message"),
                        "ListOptions.meta.k8s.io \"\" is invalid: sendInitialEvents: Forbidden: "
                        "sendInitialEvents is forbidden for watch unless the WatchList feature "
                        "gate is enabled");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        API_TEST(test_begins_with_all_there_is),
        API_TEST(test_variants),
        API_TEST(test_metadata_alone_has_its_mark),
        API_TEST(test_from_now_on),
        API_TEST(test_what_does_not_go_together),
        cmocka_unit_test_setup_teardown(test_an_old_server_refuses, setup_old, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
