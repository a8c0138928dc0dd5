/* SPDX-License-Identifier: Apache-2.0
 *
 * test_sample.c - moonset.sample: a few nodes of many, always the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "hook_fixture.h"

enum {
    NODES = 12
};

struct cluster {
    struct moon_all_nodes all;
    const struct moon_node *nodes[NODES];
    bool there[NODES];
    bool sampled;
};

static void each(const struct moon_all_nodes *all,
                 void (*fn)(const struct moon_node *node, void *arg), void *arg)
{
    const struct cluster *c = all->ctx;

    for (size_t i = NODES; i-- > 0;) { /* in no useful order */
        if (c->there[i]) {
            fn(c->nodes[i], arg);
        }
    }
}

/* Zones a, b, c in turn; n03 is tainted. */
static void make_cluster(struct cluster *c)
{
    *c = (struct cluster){.all = {each, c, &c->sampled}};
    for (int i = 0; i < NODES; i++) {
        MOON_AUTOFREE char *json = moon_asprintf(
            "{\"metadata\":{\"name\":\"n%02d\",\"uid\":\"u%d\",\"labels\":{\"zone\":\"%c\"}},"
            "\"spec\":{%s}}",
            i, i, 'a' + i % 3,
            i == 3 ? "\"taints\":[{\"key\":\"x\",\"effect\":\"NoSchedule\"}]" : "");
        c->nodes[i] = make_node(json);
        c->there[i] = true;
    }
}

static void free_cluster(struct cluster *c)
{
    for (int i = 0; i < NODES; i++) {
        moon_object_unref(&c->nodes[i]->meta);
    }
}

/* "n02 n05": where the policy test answers true. */
static const char *chosen(struct fixture *f, struct cluster *c)
{
    static char text[256];
    struct moon_decision decisions[NODES] = {0};

    text[0] = '\0';
    f->view.nodes = &c->all;
    moon_hook_select(f->chain, &f->view, c->nodes, NODES, decisions);
    for (int i = 0; i < NODES; i++) {
        if (c->there[i] && decisions[i].placement == MOON_PLACEMENT_RUN) {
            size_t len = strlen(text);
            (void)snprintf(text + len, sizeof(text) - len, "%s%s", len > 0 ? " " : "",
                           c->nodes[i]->meta.name);
        }
        moon_decision_fini(&decisions[i]);
    }
    return text;
}

#define SAMPLE(options)                                                                            \
    "select = function(node) return moonset.sample(node, " options ") end, replaces = { 'select' " \
    "}"

static size_t words(const char *text)
{
    size_t n = text[0] != '\0';

    for (; *text != '\0'; text++) {
        n += *text == ' ';
    }
    return n;
}

static void ThreeOfThemAlwaysTheSame(void **state)
{
    struct fixture *f = *state;
    struct cluster c;
    make_cluster(&c);
    fixture_policy(f, SAMPLE("{ count = 3 }"));
    /* For ever: sets that run there would move. */
    assert_string_equal(chosen(f, &c), "n02 n04 n10");
    assert_true(c.sampled);
    free_cluster(&c);
}

static void WhoLeavesIsReplacedByOne(void **state)
{
    struct fixture *f = *state;
    struct cluster c;
    char before[256];
    make_cluster(&c);
    fixture_policy(f, SAMPLE("{ count = 3 }"));
    (void)snprintf(before, sizeof(before), "%s", chosen(f, &c));
    for (int i = 0; i < NODES; i++) {
        c.there[i] = false;
        const char *now = chosen(f, &c);
        assert_int_equal(words(now), 3);
        size_t kept = 0;
        for (int k = 0; k < NODES; k++) {
            const char *name = c.nodes[k]->meta.name;
            kept += strstr(before, name) != NULL && strstr(now, name) != NULL;
        }
        assert_int_equal(kept, strstr(before, c.nodes[i]->meta.name) != NULL ? 2 : 3);
        c.there[i] = true;
    }
    free_cluster(&c);
}

static void OneInEachZone(void **state)
{
    struct fixture *f = *state;
    struct cluster c;
    bool zones[3] = {false};
    make_cluster(&c);
    fixture_policy(f, SAMPLE("{ count = 1, by = 'zone' }"));
    const char *now = chosen(f, &c);
    assert_int_equal(words(now), 3);
    for (int i = 0; i < NODES; i++) {
        zones[i % 3] |= strstr(now, c.nodes[i]->meta.name) != NULL;
    }
    assert_true(zones[0] && zones[1] && zones[2]);
    free_cluster(&c);
}

static void PercentAmongSomeAndNeverATaintedOne(void **state)
{
    struct fixture *f = *state;
    struct cluster c;
    make_cluster(&c);
    fixture_policy(f, SAMPLE("{ count = '50%', among = 'zone=a' }")); /* n00, n06, n09; not n03 */
    const char *now = chosen(f, &c);
    assert_int_equal(words(now), 2);
    assert_null(strstr(now, "n03"));
    fixture_policy(f, SAMPLE("{ count = 12 }"));
    assert_int_equal(words(chosen(f, &c)), NODES - 1);
    free_cluster(&c);
}

static void MistakesAreNamed(void **state)
{
    static const struct {
        const char *options;
        const char *error;
    } cases[] = {
        {"{}", "sample: 'count' is missing"},
        {"{ cuont = 1 }", "sample: unknown option 'cuont' (did you mean 'count'?)"},
        {"{ count = 'x' }", "sample: invalid value for IntOrString"},
        {"{ count = 1, by = 5 }", "sample: 'by' is a text, not a number"},
    };
    struct fixture *f = *state;
    struct cluster c;
    make_cluster(&c);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        MOON_AUTOFREE char *body = moon_asprintf(SAMPLE("%s"), cases[i].options);
        fixture_policy(f, body);
        (void)chosen(f, &c);
        if (strstr(f->last.text, cases[i].error) == NULL) {
            fail_msg("%s: %s", cases[i].options, f->last.text);
        }
    }
    free_cluster(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ThreeOfThemAlwaysTheSame),
        TEST(WhoLeavesIsReplacedByOne),
        TEST(OneInEachZone),
        TEST(PercentAmongSomeAndNeverATaintedOne),
        TEST(MistakesAreNamed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
