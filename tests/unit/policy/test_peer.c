/* SPDX-License-Identifier: Apache-2.0
 *
 * test_peer.c - moonset.peer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "hook_fixture.h"

static bool exists(const char *key, void *ctx)
{
    (void)ctx;
    return strcmp(key, "kube-system/cni") == 0;
}

static bool is_ready_on(const char *key, const char *node, void *ctx)
{
    assert_true(exists(key, ctx));
    return strcmp(node, ctx) == 0;
}

#define NODE "{\"metadata\":{\"name\":\"n1\",\"uid\":\"u\"}}"

static const char *ask(struct fixture *f, const char *expression)
{
    static char ready[] = "n1";
    static const struct moon_peers peers = {
        .exists = exists, .is_ready_on = is_ready_on, .ctx = ready};
    MOON_AUTOFREE char *policy =
        moon_asprintf("select = function(node, set) return false, tostring(%s) end", expression);

    fixture_policy(f, policy);
    f->view.peers = &peers;
    return ask_select(f, NODE);
}

static void test_a_peer_is_ready_or_not(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(ask(f, "moonset.peer('kube-system/cni'):ready_on(node)"), "evict: true");
    assert_string_equal(ask(f, "moonset.peer('kube-system/cni'):ready_on('n1')"), "evict: true");
    assert_string_equal(ask(f, "moonset.peer('kube-system/cni'):ready_on('n2')"), "evict: false");
    assert_string_equal(ask(f, "moonset.peer('kube-system/csi'):ready_on(node)"), "evict: nil");
    assert_string_equal(ask(f, "moonset.peer('kube-system/cni'):exists()"), "evict: true");
    assert_string_equal(ask(f, "moonset.peer('kube-system/csi'):exists()"), "evict: false");
    assert_string_equal(ask(f, "moonset.peer('kube-system/cni')"), "evict: kube-system/cni");
    assert_int_equal(f->reports, 0);
}

/* Where nobody knows of sets (a test, a check of a file) there are none. */
static void test_without_peers_there_are_none(void **state)
{
    struct fixture *f = *state;
    fixture_policy(f, "select = function(node, set)\n"
                      "return false, tostring(moonset.peer('a/b'):ready_on(node)) end");
    assert_string_equal(ask_select(f, NODE), "evict: nil");
}

static void test_errors(void **state)
{
    struct fixture *f = *state;
    static const char *const rows[][2] = {
        {"moonset.peer('cni')", "\"namespace/name\" of a set is wanted"},
        {"moonset.peer('A/b')", "\"namespace/name\" of a set is wanted"},
        {"moonset.peer('a/b/c')", "\"namespace/name\" of a set is wanted"},
        {"moonset.peer('a/b'):ready_on(set)", "node expected"},
        {"moonset.peer('a/b').ready", "unknown peer method 'ready'"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        assert_string_equal(ask(f, rows[i][0]), "undecided");
        if (strstr(f->last.text, rows[i][1]) == NULL) {
            fail_msg("%s: %s", rows[i][0], f->last.text);
        }
    }
    fixture_write(f, "early",
                  "local ready = moonset.peer('a/b'):ready_on('n')\n"
                  "return { api = 1, select = function() return true end }");
    fixture_load(f);
    assert_non_null(strstr(f->last.text, "inside a hook only"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_peer_is_ready_or_not),
        TEST(test_without_peers_there_are_none),
        TEST(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
