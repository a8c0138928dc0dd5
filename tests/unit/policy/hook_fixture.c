/* SPDX-License-Identifier: Apache-2.0 */
#include "hook_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/metrics.h"
#include "io/file.h"

struct fixture *fixture_new(void)
{
    struct fixture *f = moon_new(struct fixture);

    (void)snprintf(f->dir, sizeof(f->dir), "/tmp/moonset-policy-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->budget_scale = FIXTURE_BUDGET_SCALE;
    return f;
}

int fixture_set_up(void **state)
{
    *state = fixture_new();
    return 0;
}

int fixture_tear_down(void **state)
{
    fixture_free(*state);
    return 0;
}

static void free_roll(struct fixture *f)
{
    for (size_t i = 0; i < f->roll.count; i++) {
        struct moon_roll_slot *s = &f->slots[i];
        if (s->node != NULL) {
            moon_object_unref(&s->node->meta);
        }
        if (s->old_pod != NULL) {
            moon_object_unref(&s->old_pod->meta);
        }
        if (s->new_pod != NULL) {
            moon_object_unref(&s->new_pod->meta);
        }
        moon_sym_unref(s->node_name);
    }
    f->roll.count = 0;
}

static void remove_tree(const char *path)
{
    MOON_AUTOFREE char *command = moon_asprintf("rm -rf '%s'", path);

    assert_int_equal(system(command), 0);
}

void fixture_free(struct fixture *f)
{
    moon_roll_answer_fini(&f->answer);
    free_roll(f);
    moon_chain_free(f->chain);
    moon_policies_free(f->policies);
    if (f->set != NULL) {
        moon_object_unref(&f->set->meta);
    }
    remove_tree(f->dir);
    moon_free(f);
    moon_metrics_reset();
    moon_node_field_reset();
}

void fixture_write(struct fixture *f, const char *name, const char *text)
{
    MOON_AUTOFREE char *path = moon_asprintf("%s/%s.lua", f->dir, name);
    struct moon_err err;

    for (char *slash = path + strlen(f->dir) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        (void)mkdir(path, 0700);
        *slash = '/';
    }
    if (moon_file_write(path, moon_str(text), 0600, &err) != 0) {
        fail_msg("%s", err.text);
    }
}

void fixture_remove(struct fixture *f, const char *name)
{
    MOON_AUTOFREE char *path = moon_asprintf("%s/%s.lua", f->dir, name);

    assert_int_equal(unlink(path), 0);
}

static void on_report(const struct moon_policy_report *r, void *ctx)
{
    struct fixture *f = ctx;

    f->reports++;
    f->last.fault = r->fault;
    (void)snprintf(f->last.text, sizeof(f->last.text), "%s", r->text);
    (void)snprintf(f->last.policy, sizeof(f->last.policy), "%s", r->policy);
    (void)snprintf(f->last.hook, sizeof(f->last.hook), "%s", r->hook);
    (void)snprintf(f->last.object, sizeof(f->last.object), "%s", r->object);
    (void)snprintf(f->last.set, sizeof(f->last.set), "%s", r->set);
}

static void on_changed(void *ctx)
{
    struct fixture *f = ctx;

    f->changes++;
}

static void on_used(void *ctx)
{
    struct fixture *f = ctx;

    f->uses++;
}

static void on_replaced(const char *policy, const char *by, const char *instead_of, void *ctx)
{
    struct fixture *f = ctx;

    (void)snprintf(f->replaced, sizeof(f->replaced), "%s: %s instead of %s", policy, by,
                   instead_of);
}

void fixture_load(struct fixture *f)
{
    const char *dirs[] = {f->dir, NULL};
    struct moon_policies_opts opts = {
        .dirs = dirs,
        .budget_scale = f->budget_scale,
        .no_memo = f->no_memo,
        .on_report = on_report,
        .on_changed = on_changed,
        .on_replaced = on_replaced,
        .run_tests = true,
        .on_used = on_used,
        .ctx = f,
    };
    struct moon_err err;

    moon_chain_free(moon_steal(&f->chain));
    moon_policies_free(f->policies);
    f->policies = moon_policies_new(f->loop, &opts, &err);
    if (f->policies == NULL) {
        fail_msg("%s", err.text);
    }
}

static const struct moon_object *project(const struct moon_kind *kind, const char *json)
{
    struct moon_object *object = NULL;
    struct moon_err err;

    if (moon_object_project(kind, moon_str(json), &object, &err) != 0) {
        fail_msg("%s: %s", json, err.text);
    }
    assert_non_null(object);
    return object;
}

void fixture_set(struct fixture *f, const char *pod_spec, const char *annotations)
{
    MOON_AUTOFREE char *json = moon_asprintf(
        "{\"metadata\":{\"name\":\"agent\",\"namespace\":\"prod\",\"uid\":\"u1\","
        "\"resourceVersion\":\"1\",\"generation\":3,\"labels\":{\"team\":\"ops\"},"
        "\"annotations\":%s},\"spec\":{\"selector\":{\"matchLabels\":{\"app\":\"agent\"}},"
        "\"minReadySeconds\":5,\"updateStrategy\":{\"type\":\"RollingUpdate\"},"
        "\"template\":{\"metadata\":{\"labels\":{\"app\":\"agent\"}},\"spec\":%s}}}",
        annotations, pod_spec);

    if (f->set != NULL) {
        moon_object_unref(&f->set->meta);
    }
    f->set = moon_daemonset(project(&moon_kind_daemonset, json));
    f->view = (struct moon_set_view){
        .set = f->set,
        .tolerations = &f->set->tolerations,
        .desired = 3,
        .revision = "new",
        .now_s = 1000,
    };
}

void fixture_chain(struct fixture *f, const char *names, const char *params,
                   const char *stock_update)
{
    struct moon_chain_opts opts = {.names = names, .params = params, .stock_update = stock_update};
    struct moon_err err;

    moon_chain_free(f->chain);
    f->chain = moon_chain_new(f->policies, &opts, &err);
    if (f->chain == NULL) {
        fail_msg("%s", err.text);
    }
}

void fixture_policy(struct fixture *f, const char *body)
{
    MOON_AUTOFREE char *text = moon_asprintf("return { api = 1, %s }", body);

    fixture_write(f, "test", text);
    fixture_load(f);
    fixture_set(f, "{\"containers\":[]}", "{}");
    fixture_chain(f, "test", NULL, NULL);
}

const struct moon_node *make_node(const char *json)
{
    return moon_node(project(&moon_kind_node, json));
}

const char *ask_select(struct fixture *f, const char *node_json)
{
    static char text[512];
    const struct moon_node *node = make_node(node_json);
    struct moon_decision d = {0};

    moon_hook_select(f->chain, &f->view, &node, 1, &d);
    (void)snprintf(text, sizeof(text), "%s%s%s", moon_placement_name(d.placement),
                   d.reason != NULL ? ": " : "", d.reason != NULL ? d.reason : "");
    moon_decision_fini(&d);
    moon_object_unref(&node->meta);
    return text;
}

const char *ask_ranks(struct fixture *f, const char *const *names)
{
    static char text[512];
    struct moon_buf out = MOON_BUF_INIT(sizeof(text) - 1);
    const struct moon_node *nodes[MAX_SLOTS] = {0};
    struct moon_rank ranks[MAX_SLOTS] = {0};
    size_t order[MAX_SLOTS] = {0};
    size_t count = 0;

    for (; names[count] != NULL; count++) {
        MOON_AUTOFREE char *json = moon_asprintf(
            "{\"metadata\":{\"name\":\"%s\",\"uid\":\"%s\",\"resourceVersion\":\"1\"}}",
            names[count], names[count]);
        nodes[count] = make_node(json);
    }
    moon_hook_rank(f->chain, &f->view, nodes, count, ranks);
    for (size_t i = 0; i < count; i++) { /* insertion sort: equals stay in order */
        size_t at = i;
        for (; at > 0 && moon_rank_compare(&ranks[i], &ranks[order[at - 1]]) < 0; at--) {
            order[at] = order[at - 1];
        }
        order[at] = i;
    }
    for (size_t i = 0; i < count; i++) {
        moon_buf_printf(&out, "%s%s", i > 0 ? " " : "", names[order[i]]);
    }
    for (size_t i = 0; i < count; i++) {
        moon_rank_fini(&ranks[i]);
        moon_object_unref(&nodes[i]->meta);
    }
    (void)snprintf(text, sizeof(text), "%s", moon_buf_cstr(&out));
    moon_buf_fini(&out);
    return text;
}

static const struct moon_pod *make_pod(const char *node, const char *revision, bool ready)
{
    MOON_AUTOFREE char *json = moon_asprintf(
        "{\"metadata\":{\"name\":\"%s-%s\",\"namespace\":\"prod\",\"uid\":\"%s-%s\","
        "\"resourceVersion\":\"1\",\"creationTimestamp\":\"2026-01-01T00:00:0%dZ\","
        "\"labels\":{\"app\":\"agent\",\"controller-revision-hash\":\"%s\"}},"
        "\"spec\":{\"nodeName\":\"%s\",\"containers\":[{\"name\":\"c\",\"image\":\"agent\"}]},"
        "\"status\":{\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"%s\","
        "\"lastTransitionTime\":\"2026-01-01T00:00:00Z\"}]}}",
        node, revision, node, revision, 9 - (node[strlen(node) - 1] % 10), revision, node,
        ready ? "True" : "False");

    return moon_pod(project(&moon_kind_any_pod, json));
}

void fixture_slot(struct fixture *f, const char *node, const char *pods)
{
    struct moon_roll_slot *s = &f->slots[f->roll.count++];
    MOON_AUTOFREE char *json = moon_asprintf(
        "{\"metadata\":{\"name\":\"%s\",\"uid\":\"%s\",\"resourceVersion\":\"1\",\"labels\":"
        "{\"topology.kubernetes.io/zone\":\"z%d\",\"kubernetes.io/hostname\":\"%s\"}}}",
        node, node, node[strlen(node) - 1] % 2, node);

    assert_true(f->roll.count <= MAX_SLOTS);
    *s = (struct moon_roll_slot){
        .node = make_node(json), .node_name = moon_intern_cstr(node), .wanted = true};
    for (const char *p = pods; *p != '\0'; p++) {
        s->excess |= *p == '!';
        s->deleting |= *p == 'd';
        s->wanted &= *p != 'x';
        s->held |= *p == 'h';
        if (*p == 'o' || *p == 'O' || *p == 'r') {
            s->old_pod = make_pod(node, "old", *p != 'o');
            s->old_available = *p == 'O';
        }
        if (*p == 'n' || *p == 'N') {
            s->new_pod = make_pod(node, "new", *p == 'N');
            s->new_available = *p == 'N';
        }
    }
}

/* As daemonset-controller counts, over the nodes that want the daemon. */
static void sum_up(struct moon_roll *r)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct moon_roll_slot *s = &r->slots[i];
        bool paired = s->old_pod != NULL && s->new_pod != NULL;
        bool available = s->old_pod != NULL ? s->old_available : s->new_available;
        r->desired += s->wanted;
        r->available += available;
        r->unavailable += s->wanted && (s->excess || paired || !available);
        r->surging += s->excess || (paired && !s->new_available);
        r->draining += s->drain != NULL && s->drain->state != MOON_DRAIN_LIFTED;
    }
}

const char *ask_health(struct fixture *f, const struct moon_roll_slot *slot)
{
    static char text[512];
    bool updated = slot->new_pod != NULL;
    struct moon_health_question q = {
        .pod = updated ? slot->new_pod : slot->old_pod, .slot = slot, .updated = updated};
    struct moon_health_answer a;

    moon_hook_health(f->chain, &f->view, &q, 1, &a);
    (void)snprintf(text, sizeof(text), "%s%s%s", moon_health_name(a.health),
                   a.reason != NULL ? ": " : "", a.reason != NULL ? a.reason : "");
    moon_sym_unref(a.reason);
    return text;
}

const char *ask_gate(struct fixture *f)
{
    static char text[1024];
    struct moon_gate gate;

    f->roll.slots = f->slots;
    moon_hook_gate(f->chain, &f->view, &f->roll, &gate);
    assert_true((gate.closed == 0) == (gate.reason == NULL));
    (void)snprintf(text, sizeof(text), "open");
    if (gate.closed > 0) {
        (void)snprintf(text, sizeof(text), "%zu closed, %s: %s, again in %d s", gate.closed,
                       gate.policy, gate.reason, (int)gate.again_s);
    }
    moon_gate_fini(&gate);
    return text;
}

const char *ask_update(struct fixture *f, int64_t max_unavailable, int64_t max_surge)
{
    static const char *const verbs[] = {"replace",     "surge", "delete",  "create",
                                        "patch_image", "drain", "uncordon"};
    static char text[2048];
    struct moon_buf out = MOON_BUF_INIT(sizeof(text) - 1);

    f->roll.slots = f->slots;
    f->roll.max_unavailable = max_unavailable;
    f->roll.max_surge = max_surge;
    f->roll.revision = "new";
    f->roll.previous_revision = "old";
    f->roll.draining = 0;
    f->roll.desired = f->roll.available = f->roll.unavailable = f->roll.surging = 0;
    sum_up(&f->roll);
    moon_roll_answer_fini(&f->answer);
    moon_hook_update(f->chain, &f->view, &f->roll, &f->answer);
    for (size_t i = 0; i < f->answer.count; i++) {
        const struct moon_roll_action *a = &f->answer.actions[i];
        assert_true((a->pod != NULL) == (a->type != MOON_ROLL_SURGE && a->type < MOON_ROLL_DRAIN));
        moon_buf_printf(&out, "%s%s %s", i > 0 ? ", " : "", verbs[a->type],
                        f->slots[a->slot].node_name);
    }
    if (f->answer.clipped > 0) {
        moon_buf_printf(&out, " clipped %zu", f->answer.clipped);
    }
    (void)snprintf(text, sizeof(text), "%s%s", f->answer.failed ? "failed " : "",
                   moon_buf_cstr(&out));
    moon_buf_fini(&out);
    return text;
}
