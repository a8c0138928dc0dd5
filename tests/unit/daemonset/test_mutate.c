/* SPDX-License-Identifier: Apache-2.0
 *
 * test_mutate.c - pods that a policy changes, or pins to a revision, node by node.
 */
#include "fixture.h"

#include <stdio.h>

#define MUTATE(body) "return { api = 1, mutate = function(pod, node, set) " body " end }"
#define BY_SIZE MUTATE("if node.labels.size then pod:label('size', node.labels.size) end")
#define CANARY MUTATE("pod:revision(node.labels.canary and 'current' or 'stable')")
#define CANARY_LABEL "{\"canary\":\"yes\"}"

static const cJSON *pod_on(struct fixture *f, const char *node)
{
    const char **pods = pods_on(f, node);

    assert_non_null(pods[0]);
    assert_null(pods[1]);
    return object(f, pods[0]);
}

static const char *label_on(struct fixture *f, const char *node, const char *key)
{
    const cJSON *labels = moon_json_get(pod_on(f, node), "metadata.labels");

    return cJSON_GetStringValue(moon_json_member(labels, key));
}

static const char *digest_on(struct fixture *f, const char *node)
{
    const cJSON *annotations = moon_json_get(pod_on(f, node), "metadata.annotations");

    return cJSON_GetStringValue(moon_json_member(annotations, MOON_ANNOTATION_MUTATION));
}

static void assert_hash_on(struct fixture *f, const char *node, const char *hash)
{
    assert_string_equal(label_on(f, node, MOON_LABEL_HASH), hash);
}

static void calm(struct fixture *f)
{
    for (int i = 0; i < 10; i++) {
        all_ready(f);
        settle(f);
    }
}

static void use(struct fixture *f, const char *source)
{
    mine(f, source);
    calm(f);
}

static void kill_pod(struct fixture *f, const char *node)
{
    const char **pods = pods_on(f, node);

    assert_non_null(pods[0]);
    remove_pod(f, pods[0]);
}

/* The hash of the stable revision as it is written down; "" = nowhere. */
static const char *written(struct fixture *f)
{
    struct moon_ds_set *set = set_of(f);
    const struct moon_revision *best = NULL;
    size_t count;
    const struct moon_object *const *found = moon_store_by_index(
        moon_informer_store(f->ds.revisions), MOON_DS_BY_OWNER, set->uid, &count);

    for (size_t i = 0; i < count; i++) {
        const struct moon_revision *r = moon_revision(found[i]);
        if (r->stable_s != 0 && (best == NULL || r->stable_s > best->stable_s)) {
            best = r;
        }
    }
    return best != NULL ? moon_labels_get(&best->meta.labels, MOON_LABEL_HASH) : "";
}

static void next_template(struct fixture *f)
{
    struct set_opts opts = f->opts;

    opts.template = NULL;
    new_template(f, opts);
}

static char *hash_now(struct fixture *f)
{
    static char texts[8][32];
    static int next;
    char *text = texts[next++ % 8];

    (void)snprintf(text, sizeof(texts[0]), "%s", hash_of(f));
    return text;
}

/* ---- edits ---- */

static void EditsGoIntoThePod(void **state)
{
    struct fixture *f = *state;
    running_mine(f, BY_SIZE);
    assert_null(digest_on(f, "node-0"));
    add_node(f, "node-9", "{\"size\":\"big\"}", NULL);
    SYNC(1, 0, 0);
    assert_string_equal(label_on(f, "node-9", "size"), "big");
    assert_hash_on(f, "node-9", hash_of(f));
    assert_non_null(label_on(f, "node-9", MOON_LABEL_GENERATION));
    assert_int_equal(strlen(digest_on(f, "node-9")), 16);
    assert_non_null(strstr(moon_buf_cstr(&f->plan_text), "with edits"));
}

static void AChangedAnswerReplacesThePodOnce(void **state)
{
    struct fixture *f = *state;
    running_mine(f, BY_SIZE);
    add_node(f, "node-1", "{\"size\":\"big\"}", NULL);
    SYNC(0, 1, 0);
    SYNC(1, 0, 0);
    all_ready(f);
    SYNC(0, 0, 0);
    assert_string_equal(label_on(f, "node-1", "size"), "big");
    add_node(f, "node-1", "{\"size\":\"small\"}", NULL);
    SYNC(0, 1, 0);
    SYNC(1, 0, 0);
    all_ready(f);
    SYNC(0, 0, 0);
    assert_string_equal(label_on(f, "node-1", "size"), "small");
    /* What the hook does not look at changes nothing. */
    add_node(f, "node-1", "{\"size\":\"small\",\"other\":\"x\"}", NULL);
    SYNC(0, 0, 0);
}

static void WithinTheBudget(void **state)
{
    struct fixture *f = *state;
    running_mine(f, BY_SIZE);
    mine(f, MUTATE("pod:label('l', 'x')"));
    SYNC(0, 1, 0);
    SYNC(1, 0, 0);
    SYNC(0, 0, 0);
    all_ready(f);
    SYNC(0, 1, 0);
}

static void AnotherTextWithTheSameEditsReplacesNothing(void **state)
{
    struct fixture *f = *state;
    running_mine(f, MUTATE("pod:label('l', 'x')"));
    mine(f, MUTATE("local x = 'x' pod:label('l', x)"));
    SYNC(0, 0, 0);
}

static void WithoutAPolicyPodsArePlainAgain(void **state)
{
    struct fixture *f = *state;
    running_mine(f, MUTATE("pod:label('l', 'x')"));
    assert_non_null(digest_on(f, "node-0"));
    use(f, "return { api = 1, gate = function() return true end }");
    for (int i = 0; i < 3; i++) {
        MOON_AUTOFREE char *node = moon_asprintf("node-%d", i);
        assert_null(digest_on(f, node));
        assert_null(label_on(f, node, "l"));
    }
    SYNC(0, 0, 0);
}

static void WhereItFailsNoPodIsMadeOrReplaced(void **state)
{
    struct fixture *f = *state;
    running_mine(f, MUTATE("pod:label('l', 'x')"));
    mine(f, MUTATE("if node.name ~= 'node-2' then error('oops') end pod:label('l', 'y')"));
    SYNC(0, 1, 1); /* node-2; and an Event about the others */
    SYNC(1, 0, 0);
    all_ready(f);
    SYNC(0, 0, 0);
    assert_string_equal(label_on(f, "node-2", "l"), "y");
    kill_pod(f, "node-0");
    SYNC(0, 0, 0);
    assert_non_null(strstr(moon_buf_cstr(&f->plan_text), "has not said what it is to be made of"));
    next_template(f);
    SYNC(0, 0, 0); /* the one that is missing is what may be unavailable */
    use(f, MUTATE("pod:label('l', 'x')"));
    assert_hash_on(f, "node-0", hash_of(f));
    assert_hash_on(f, "node-1", hash_of(f));
}

static void SkipMakesAndReplacesNone(void **state)
{
    struct fixture *f = *state;
    running_mine(f, MUTATE("if node.labels.busy then pod:skip('busy') end"));
    add_node(f, "node-0", "{\"busy\":\"yes\"}", NULL);
    add_node(f, "node-9", "{\"busy\":\"yes\"}", NULL);
    SYNC(0, 0, 0);
    assert_non_null(strstr(moon_buf_cstr(&f->plan_text), "no pod is made now: busy"));
    remove_node(f, "node-9");
    char *old = hash_now(f);
    next_template(f);
    calm(f);
    assert_hash_on(f, "node-0", old);
    assert_hash_on(f, "node-1", hash_of(f));
    assert_hash_on(f, "node-2", hash_of(f));
    assert_string_equal(written(f), old); /* no rollout is complete like this */
    set_phase(f, pods_on(f, "node-0")[0], "Failed");
    SYNC(0, 0, 0);
    add_node(f, "node-0", "{}", NULL);
    calm(f);
    assert_hash_on(f, "node-0", hash_of(f));
    assert_string_equal(written(f), hash_of(f));
}

static void AServerThatDropsTheDigestMakesNoEndlessRoll(void **state)
{
    struct fixture *f = *state;
    running_mine(f, MUTATE(""));
    f->drops_annotations = true;
    mine(f, MUTATE("pod:label('l', 'x')"));
    SYNC(0, 1, 0);
    (void)sync_once(f);
    assert_int_equal(events_of(f, "MutationLost"), 1);
    all_ready(f);
    SYNC(0, 0, 0);
    SYNC(0, 0, 0);
}

static void ATemplateThatSaysADigestIsNoReason(void **state)
{
    struct fixture *f = *state;
    running_mine(f, "return { api = 1, gate = function() return true end }");
    struct set_opts opts = f->opts;
    opts.template = "{\"metadata\":{\"labels\":" L1 ",\"annotations\":{\"a\":\"b\","
                    "\"moonset.dev/mutation\":\"x\"}},\"spec\":{\"containers\":[]}}";
    new_template(f, opts);
    calm(f);
    assert_null(digest_on(f, "node-0"));
    assert_string_equal(
        moon_json_string(moon_json_get(pod_on(f, "node-0"), "metadata.annotations"), "a"), "b");
    SYNC(0, 0, 0);
    use(f, MUTATE("pod:skip('x')"));
    SYNC(0, 0, 0);
}

static void WithSurge(void **state)
{
    struct fixture *f = *state;
    mine(f, BY_SIZE);
    add_set(f, (struct set_opts){.strategy = ROLLING("0", "1"), .annotations = MINE});
    add_nodes(f, 0, 3, NULL);
    calm(f);
    add_node(f, "node-1", "{\"size\":\"big\"}", NULL);
    SYNC(1, 0, 0);
    SYNC(0, 0, 0);
    all_ready(f);
    SYNC(0, 1, 0);
    calm(f);
    assert_string_equal(label_on(f, "node-1", "size"), "big");
}

/* A process that finds a surge half done, and whose policy does not say which pod is the new one.
 */
static void InDoubtNoneOfASurgeIsTooMany(void **state)
{
    struct fixture *f = *state;
    mine(f, MUTATE("error('oops')"));
    add_set(f, (struct set_opts){.strategy = ROLLING("0", "1"), .annotations = MINE});
    add_pods(f, "node-0", NULL, 2);
    add_nodes(f, 0, 1, NULL);
    SYNC(0, 0, 1);
    assert_int_equal(events_of(f, "PolicyFailed"), 1);
    mine(f, MUTATE("pod:skip('busy')"));
    SYNC(0, 0, 0);
    mine(f, BY_SIZE);
    SYNC(0, 1, 0);
}

/* ---- pins ---- */

/* Five nodes, node-0 is the canary; v1 is out and stable, v2 is new. */
static void canary(struct fixture *f, char **ret_v1, char **ret_v2)
{
    mine(f, CANARY);
    add_set(f, (struct set_opts){.strategy = ROLLING("2", "0"), .annotations = MINE});
    add_node(f, "node-0", CANARY_LABEL, NULL);
    add_nodes(f, 1, 4, NULL);
    calm(f);
    *ret_v1 = hash_now(f);
    assert_string_equal(written(f), *ret_v1);
    next_template(f);
    calm(f);
    *ret_v2 = hash_now(f);
}

static void OnlyTheCanaryIsRolled(void **state)
{
    struct fixture *f = *state;
    char *v1;
    char *v2;
    canary(f, &v1, &v2);
    assert_hash_on(f, "node-0", v2);
    for (int i = 1; i < 5; i++) {
        MOON_AUTOFREE char *node = moon_asprintf("node-%d", i);
        assert_hash_on(f, node, v1);
    }
    assert_string_equal(written(f), v1);
    assert_int_equal(set_of(f)->sums.outdated, 0);
    /* kubectl is told of those that have the new template. */
    assert_int_equal(moon_json_int(f->status, "updatedNumberScheduled", -1), 1);
    assert_int_equal(moon_json_int(f->status, "numberAvailable", -1), 5);
    SYNC(0, 0, 0);
}

static void NewAndRestartedPodsAreStable(void **state)
{
    struct fixture *f = *state;
    char *v1;
    char *v2;
    canary(f, &v1, &v2);
    add_node(f, "node-9", NULL, NULL);
    SYNC(1, 0, 0);
    assert_hash_on(f, "node-9", v1);
    assert_null(label_on(f, "node-9", MOON_LABEL_GENERATION));
    assert_null(moon_json_get(pod_on(f, "node-9"), "spec.hostname"));
    assert_null(moon_json_get(pod_on(f, "node-9"), "$patch"));
    assert_non_null(strstr(moon_buf_cstr(&f->plan_text), "the node needs a pod (stable revision"));
    kill_pod(f, "node-2");
    SYNC(1, 0, 0);
    assert_hash_on(f, "node-2", v1);
    kill_pod(f, "node-0");
    SYNC(1, 0, 0);
    assert_hash_on(f, "node-0", v2);
    assert_non_null(moon_json_get(pod_on(f, "node-0"), "spec.hostname"));
}

static void ACanaryThatIsNoneAnyMoreGoesBack(void **state)
{
    struct fixture *f = *state;
    char *v1;
    char *v2;
    canary(f, &v1, &v2);
    add_node(f, "node-0", "{}", NULL);
    SYNC(0, 1, 0);
    SYNC(1, 0, 0);
    all_ready(f);
    SYNC(0, 0, 0);
    assert_hash_on(f, "node-0", v1);
    add_node(f, "node-3", CANARY_LABEL, NULL);
    calm(f);
    assert_hash_on(f, "node-3", v2);
}

static void PromotedItGoesEverywhereAndIsStable(void **state)
{
    struct fixture *f = *state;
    char *v1;
    char *v2;
    canary(f, &v1, &v2);
    use(f, MUTATE("pod:revision('current')"));
    for (int i = 0; i < 5; i++) {
        MOON_AUTOFREE char *node = moon_asprintf("node-%d", i);
        assert_hash_on(f, node, v2);
    }
    assert_string_equal(written(f), v2);
    /* And with the canary's rule again nothing moves. */
    mine(f, CANARY);
    SYNC(0, 0, 0);
    SYNC(0, 0, 0);
}

static void TheNextTemplateLeavesTheStableOneAlone(void **state)
{
    struct fixture *f = *state;
    char *v1;
    char *v2;
    canary(f, &v1, &v2);
    next_template(f);
    calm(f);
    assert_hash_on(f, "node-0", hash_of(f));
    assert_hash_on(f, "node-1", v1);
    next_template(f);
    calm(f);
    next_template(f);
    calm(f);
    /* However many there have been: it is kept, also without a pod. */
    assert_hash_on(f, "node-1", v1);
    for (int i = 1; i < 5; i++) {
        MOON_AUTOFREE char *node = moon_asprintf("node-%d", i);
        kill_pod(f, node);
    }
    SYNC(4, 0, 0);
    assert_hash_on(f, "node-1", v1);
}

static void Undone(void **state)
{
    struct fixture *f = *state;
    char *v1;
    char *v2;
    struct set_opts undone;
    mine(f, CANARY);
    add_set(f, (struct set_opts){.strategy = ROLLING("2", "0"), .annotations = MINE});
    add_node(f, "node-0", CANARY_LABEL, NULL);
    add_nodes(f, 1, 2, NULL);
    calm(f);
    v1 = hash_now(f);
    undone = f->opts;
    next_template(f);
    calm(f);
    v2 = hash_now(f);
    assert_hash_on(f, "node-0", v2);
    change_set(f, undone);
    calm(f);
    assert_string_equal(hash_of(f), v1);
    assert_hash_on(f, "node-0", v1);
    assert_hash_on(f, "node-1", v1);
    assert_string_equal(written(f), v1);
    assert_int_equal(moon_json_int(f->status, "updatedNumberScheduled", -1), 3);
}

/* The policy and the template come at once, or the one when the other is half out. */
static void APolicyThatComesLateGuesses(void **state)
{
    struct fixture *f = *state;
    add_set(f, (struct set_opts){.strategy = ROLLING("1", "0")});
    add_node(f, "node-0", CANARY_LABEL, NULL);
    add_nodes(f, 1, 2, NULL);
    calm(f);
    char *v1 = hash_now(f);
    assert_string_equal(written(f), "");
    mine(f, CANARY);
    struct set_opts opts = f->opts;
    opts.annotations = MINE;
    new_template(f, opts);
    calm(f);
    assert_hash_on(f, "node-0", hash_of(f));
    assert_hash_on(f, "node-1", v1);
    assert_string_equal(written(f), v1); /* for when these pods are gone */
    kill_pod(f, "node-1");
    kill_pod(f, "node-2");
    SYNC(2, 0, 0);
    assert_hash_on(f, "node-1", v1);
}

static void AHashIsAPin(void **state)
{
    struct fixture *f = *state;
    char *v1;
    char *v2;
    canary(f, &v1, &v2);
    MOON_AUTOFREE char *source =
        moon_asprintf(MUTATE("pod:revision(node.name == 'node-4' and '%s' or 'current')"), v1);
    use(f, source);
    assert_hash_on(f, "node-4", v1);
    assert_hash_on(f, "node-3", v2);
    assert_string_equal(written(f), v1); /* not everywhere */
    next_template(f);
    calm(f);
    next_template(f);
    calm(f);
    assert_hash_on(f, "node-4", v1);
    assert_hash_on(f, "node-3", hash_of(f));
    use(f, MUTATE("pod:revision('unheard-of')"));
    kill_pod(f, "node-4");
    SYNC(0, 0, 0);
}

static void EditsOfAPinnedRevision(void **state)
{
    struct fixture *f = *state;
    char *v1;
    char *v2;
    canary(f, &v1, &v2);
    use(f, MUTATE("pod:revision(node.labels.canary and 'current' or 'stable')\n"
                  "pod:annotation('x', node.name) pod:set('/spec/priority', 7)"));
    assert_hash_on(f, "node-1", v1);
    assert_hash_on(f, "node-0", v2);
    assert_int_equal(moon_json_int(pod_on(f, "node-1"), "spec.priority", -1), 7);
    assert_non_null(digest_on(f, "node-1"));
    assert_string_not_equal(digest_on(f, "node-1"), digest_on(f, "node-2"));
}

static void ANewProcessFindsThemUpToDate(void **state)
{
    struct fixture *f = *state;
    char *v1;
    char *v2;
    canary(f, &v1, &v2);
    /* As if all were seen for the first time. */
    struct moon_ds_set *set = set_of(f);
    moon_ds_mutate_forget(set);
    moon_sym_unref(set->stable);
    set->stable = NULL;
    moon_ds_slot_mark_all(set, true);
    set->history_dirty = true;
    SYNC(0, 0, 0);
    SYNC(0, 0, 0);
}

static void Explained(void **state)
{
    struct fixture *f = *state;
    char *v1;
    char *v2;
    struct moon_err err;
    canary(f, &v1, &v2);
    MOON_AUTOJSON *set = moon_ds_explain(MOON_STR_LIT(KEY), NULL, &f->ds, &err);
    assert_string_equal(moon_json_string(set, "stable revision"), v1);
    MOON_AUTOJSON *node = moon_ds_explain(MOON_STR_LIT(KEY), "node-1", &f->ds, &err);
    MOON_AUTOFREE char *wants = moon_asprintf("revision %s, the stable one (policy mine)", v1);
    assert_string_equal(moon_json_string(node, "wants"), wants);
    use(f, MUTATE("pod:label('l', 'x') pod:skip('busy')"));
    MOON_AUTOJSON *edited = moon_ds_explain(MOON_STR_LIT(KEY), "node-1", &f->ds, &err);
    assert_non_null(strstr(moon_json_string(edited, "edits"),
                           ": [{\"set\":\"/metadata/labels/l\",\"value\":\"x\"}]"));
    assert_string_equal(moon_json_string(edited, "pod"),
                        "none is made or replaced now: busy (policy mine)");
    assert_string_equal(moon_json_string(edited, "update"), "waits: busy");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup_policies, teardown_policies)
    const struct CMUnitTest tests[] = {
        T(EditsGoIntoThePod),
        T(AChangedAnswerReplacesThePodOnce),
        T(WithinTheBudget),
        T(AnotherTextWithTheSameEditsReplacesNothing),
        T(WithoutAPolicyPodsArePlainAgain),
        T(WhereItFailsNoPodIsMadeOrReplaced),
        T(SkipMakesAndReplacesNone),
        T(AServerThatDropsTheDigestMakesNoEndlessRoll),
        T(ATemplateThatSaysADigestIsNoReason),
        T(WithSurge),
        T(InDoubtNoneOfASurgeIsTooMany),
        T(OnlyTheCanaryIsRolled),
        T(NewAndRestartedPodsAreStable),
        T(ACanaryThatIsNoneAnyMoreGoesBack),
        T(PromotedItGoesEverywhereAndIsStable),
        T(TheNextTemplateLeavesTheStableOneAlone),
        T(Undone),
        T(APolicyThatComesLateGuesses),
        T(AHashIsAPin),
        T(EditsOfAPinnedRevision),
        T(ANewProcessFindsThemUpToDate),
        T(Explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
