/* SPDX-License-Identifier: Apache-2.0
 *
 * testing_ask.c - one round of questions, in the order in which a reconcile asks them.
 */
#include "policy/testing_priv.h"

uint64_t moon_test_next(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* 0 … count-1, in order without a seed. The caller frees. */
static size_t *make_order(size_t count, uint64_t seed)
{
    size_t *order = moon_new_array(size_t, count + 1);

    for (size_t i = 0; i < count; i++) {
        order[i] = i;
    }
    for (size_t i = count; seed != 0 && i > 1; i--) {
        size_t k = (size_t)(moon_test_next(&seed) % i);
        size_t swapped = order[k];
        order[k] = order[i - 1];
        order[i - 1] = swapped;
    }
    return order;
}

struct round {
    struct moon_chain *chain;
    const struct moon_test_case *c;
    uint64_t seed;
    struct moon_test_world world;
    struct moon_set_view view;
    struct moon_tolerations tolerations;
    struct moon_test_answers *answers;
    struct moon_test_around around;
};

static struct moon_test_item *add(struct round *d, enum moon_test_aspect aspect,
                                  const char *subject, const char *verb, const char *reason)
{
    d->answers->asked[aspect] = true;
    return moon_test_list_add(&d->answers->lists[aspect],
                              (struct moon_test_item){.subject = moon_strdup(subject),
                                                      .verb = moon_strdup(verb),
                                                      .reason = moon_strdup(reason),
                                                      .number = -1});
}

/* ---- the pure hooks ---- */

/* False: no answer, so a set that has none from before waits. */
static bool ask_tolerations(struct round *d)
{
    struct moon_err err;

    if (moon_hook_tolerations(d->chain, &d->view, &d->tolerations, &err) != 0) {
        return false;
    }
    d->view.tolerations = &d->tolerations;
    d->answers->asked[MOON_TEST_TOLERATIONS] = true;
    for (size_t i = 0; i < d->tolerations.count; i++) {
        MOON_AUTOFREE char *text = moon_test_toleration_text(&d->tolerations.items[i]);
        (void)add(d, MOON_TEST_TOLERATIONS, text, "", NULL);
    }
    return true;
}

static void ask_select(struct round *d)
{
    struct moon_test_world *w = &d->world;
    MOON_AUTOFREE size_t *order = make_order(w->node_count, d->seed);
    MOON_AUTOFREE const struct moon_node **nodes =
        moon_new_array(const struct moon_node *, w->node_count + 1);
    MOON_AUTOFREE struct moon_decision *decisions =
        moon_new_array(struct moon_decision, w->node_count + 1);
    MOON_AUTOFREE size_t *place = moon_new_array(size_t, w->node_count + 1);

    for (size_t i = 0; i < w->node_count; i++) {
        nodes[i] = w->nodes[order[i]];
        place[order[i]] = i;
    }
    moon_hook_select(d->chain, &d->view, nodes, w->node_count, decisions);
    d->answers->asked[MOON_TEST_SELECT] = true;
    d->view.desired = 0;
    for (size_t i = 0; i < w->node_count; i++) {
        struct moon_decision *decision = &decisions[place[i]];
        w->slots[i].wanted = decision->placement == MOON_PLACEMENT_RUN;
        d->view.desired += w->slots[i].wanted;
        (void)add(d, MOON_TEST_SELECT, w->nodes[i]->meta.name,
                  moon_placement_name(decision->placement), decision->reason);
        moon_decision_fini(decision);
    }
}

static bool find_template(enum moon_pin pin, const char *hash, struct moon_str *ret_template,
                          void *ctx)
{
    const struct round *d = ctx;
    const struct moon_test_given *g = &d->c->given;

    *ret_template = (struct moon_str){d->world.set->template, d->world.set->template_len};
    return pin != MOON_PIN_HASH || moon_streq(hash, g->revision) ||
           moon_streq(hash, g->previous_revision);
}

/* { "/spec/hostPID": true, "/spec/x": null } */
static char *edits_text(const struct moon_mutation *m)
{
    MOON_AUTOJSON *all = cJSON_CreateObject();
    struct moon_err err;

    for (size_t i = 0; i < m->edit_count; i++) {
        const struct moon_edit *e = &m->edits[i];
        cJSON *value = e->value != NULL ? moon_json_parse(moon_str(e->value), &err) : NULL;
        moon_test_put_member(all, e->pointer, value != NULL ? value : cJSON_CreateNull());
    }
    char *text = cJSON_PrintUnformatted(all);
    char *out = m->edit_count > 0 ? moon_strdup(text) : NULL;
    cJSON_free(text);
    return out;
}

static void add_mutation(struct round *d, const char *node, const struct moon_mutation *m)
{
    if (m == NULL) {
        (void)add(d, MOON_TEST_MUTATE, node, "failed", NULL);
        return;
    }
    add(d, MOON_TEST_MUTATE, node, moon_mutation_revision(m), m->skip)->detail = edits_text(m);
}

static void ask_mutate(struct round *d)
{
    struct moon_test_world *w = &d->world;
    struct moon_mutate_opts opts = {.answers = w->mutations, .find = find_template, .ctx = d};
    MOON_AUTOFREE size_t *order = make_order(w->node_count, d->seed);
    MOON_AUTOFREE const struct moon_node **nodes =
        moon_new_array(const struct moon_node *, w->node_count + 1);
    MOON_AUTOFREE struct moon_mutation **answers =
        moon_new_array(struct moon_mutation *, w->node_count + 1);

    w->mutates = moon_chain_mutates(d->chain);
    if (!w->mutates) {
        return;
    }
    for (size_t i = 0; i < w->node_count; i++) {
        nodes[i] = w->nodes[order[i]];
    }
    moon_hook_mutate(d->chain, &d->view, &opts, nodes, w->node_count, answers);
    for (size_t i = 0; i < w->node_count; i++) {
        w->mutation_of[order[i]] = answers[i];
    }
    d->answers->asked[MOON_TEST_MUTATE] = true;
    for (size_t i = 0; i < w->node_count; i++) {
        add_mutation(d, w->nodes[i]->meta.name, w->mutation_of[i]);
    }
    moon_test_world_judge(w, d->c);
}

static void ask_rank(struct round *d)
{
    struct moon_test_world *w = &d->world;
    MOON_AUTOFREE size_t *order = make_order(w->node_count, d->seed);
    MOON_AUTOFREE const struct moon_node **nodes =
        moon_new_array(const struct moon_node *, w->node_count + 1);
    MOON_AUTOFREE struct moon_rank *ranks = moon_new_array(struct moon_rank, w->node_count + 1);

    d->answers->asked[MOON_TEST_RANK] = true;
    if (!moon_chain_ranks(d->chain)) {
        return;
    }
    for (size_t i = 0; i < w->node_count; i++) {
        nodes[i] = w->nodes[order[i]];
    }
    moon_hook_rank(d->chain, &d->view, nodes, w->node_count, ranks);
    for (size_t i = 0; i < w->node_count; i++) {
        moon_rank_fini(&w->ranks[order[i]]);
        w->ranks[order[i]] = ranks[i];
        w->slots[order[i]].rank = &w->ranks[order[i]];
    }
}

static void add_health(struct round *d, const struct moon_test_pod *p,
                       const struct moon_health_answer *answer)
{
    struct moon_test_item *item = add(d, MOON_TEST_HEALTH, p->pod->meta.name,
                                      moon_health_name(answer->health), answer->reason);

    item->also = moon_strdup(d->world.slots[p->slot].node_name);
}

static void ask_health(struct round *d)
{
    struct moon_test_world *w = &d->world;
    MOON_AUTOFREE size_t *order = make_order(w->pod_count, d->seed);
    MOON_AUTOFREE size_t *place = moon_new_array(size_t, w->pod_count + 1);
    MOON_AUTOFREE struct moon_health_question *questions =
        moon_new_array(struct moon_health_question, w->pod_count + 1);
    MOON_AUTOFREE struct moon_health_answer *answers =
        moon_new_array(struct moon_health_answer, w->pod_count + 1);

    for (size_t i = 0; i < w->pod_count; i++) {
        const struct moon_test_pod *p = &w->pods[order[i]];
        questions[i] = (struct moon_health_question){p->pod, &w->slots[p->slot], p->updated};
        place[order[i]] = i;
    }
    moon_hook_health(d->chain, &d->view, questions, w->pod_count, answers);
    d->answers->asked[MOON_TEST_HEALTH] = true;
    for (size_t i = 0; i < w->pod_count; i++) {
        w->pods[i].health = answers[place[i]].health;
        add_health(d, &w->pods[i], &answers[place[i]]);
        moon_sym_unref(answers[place[i]].reason);
    }
}

/* ---- the roll ---- */

static void add_rank(struct round *d, const struct moon_roll *roll)
{
    for (size_t i = 0; i < roll->count; i++) {
        if (roll->slots[i].node != NULL) {
            (void)add(d, MOON_TEST_RANK, roll->slots[i].node_name, "", NULL);
        }
    }
}

static void ask_gate(struct round *d, const struct moon_roll *roll)
{
    struct moon_gate gate;

    moon_hook_gate(d->chain, &d->view, roll, &gate);
    struct moon_test_item *item =
        add(d, MOON_TEST_GATE, "", gate.closed > 0 ? "closed" : "open", gate.reason);
    item->number = gate.closed > 0 ? gate.again_s : -1;
    if (gate.closed > 0) {
        d->answers->held = moon_asprintf("the gate of %s is closed: %s", gate.policy, gate.reason);
    }
    moon_gate_fini(&gate);
}

static const char *action_name(enum moon_roll_action_type type)
{
    switch (type) {
    case MOON_ROLL_REPLACE:
        return "replace";
    case MOON_ROLL_SURGE:
        return "surge";
    case MOON_ROLL_DELETE:
        return "delete";
    case MOON_ROLL_CREATE:
        return "create";
    case MOON_ROLL_PATCH_IMAGE:
        return "patch_image";
    case MOON_ROLL_DRAIN:
        return "drain";
    case MOON_ROLL_UNCORDON:
        return "uncordon";
    }
    return "";
}

static void add_actions(struct round *d, const struct moon_roll *roll,
                        const struct moon_roll_answer *answer)
{
    bool held = d->answers->held != NULL; /* what disturbs nobody is done all the same */

    for (size_t i = 0; i < answer->count; i++) {
        const struct moon_roll_action *a = &answer->actions[i];
        if (held && a->type != MOON_ROLL_CREATE && a->type != MOON_ROLL_UNCORDON) {
            continue;
        }
        (void)add(d, MOON_TEST_UPDATE, roll->slots[a->slot].node_name, action_name(a->type),
                  a->reason);
    }
    if (answer->pause != NULL && !held) {
        (void)add(d, MOON_TEST_UPDATE, "", "pause", answer->pause);
    }
    if (answer->rollback != NULL && !held) {
        (void)add(d, MOON_TEST_UPDATE, "", "rollback", answer->rollback);
    }
    d->answers->again_s = answer->again_s;
    d->answers->clipped = answer->clipped;
    if (answer->failed && !held) {
        d->answers->held = moon_strdup("it failed");
    }
}

static void ask_update(struct round *d, const struct moon_roll *roll)
{
    struct moon_roll_answer answer;
    bool outdated = false;
    bool waiting = false; /* for something that a gate cannot hold */

    for (size_t i = 0; i < roll->count; i++) {
        outdated |= roll->slots[i].old_pod != NULL;
        waiting |= roll->slots[i].waiting || roll->slots[i].drain != NULL;
    }
    d->answers->asked[MOON_TEST_UPDATE] = true;
    if (!outdated) {
        moon_free(d->answers->held); /* then no gate is asked either */
        d->answers->held = waiting ? NULL : moon_strdup("no pod is outdated");
    }
    if (d->answers->held != NULL && !waiting) {
        return;
    }
    moon_hook_update(d->chain, &d->view, roll, &answer);
    add_actions(d, roll, &answer);
    moon_roll_answer_fini(&answer);
}

/* What the test gives for the queries of the policy; samples[i].found is the caller's. */
static void find_samples(struct round *d, const struct moon_analysis *a,
                         struct moon_sample *samples)
{
    for (size_t i = 0; i < a->count; i++) {
        const cJSON *json = moon_json_member(d->c->given.samples, a->queries[i].name);
        const char *error =
            json == NULL ? "the test gives no sample" : moon_json_string(json, "error");
        samples[i] = (struct moon_sample){
            .query = a->queries[i].name,
            .found = error == NULL ? moon_test_make_samples(json, d->c->given.now_s) : NULL,
            .error = error,
            .at_s = d->c->given.now_s,
        };
    }
}

/* A mistake of the test, of which only its policy or its world tells. */
static void add_mistake(struct round *d, const char *key, char *take_text)
{
    (void)moon_test_list_add(&d->answers->errors,
                             (struct moon_test_item){.subject = moon_strdup(key),
                                                     .verb = moon_strdup(""),
                                                     .reason = take_text,
                                                     .number = -1});
}

/* A sample for a query that the policy does not declare. */
static void check_samples(struct round *d, const struct moon_analysis *a)
{
    const cJSON *given;

    cJSON_ArrayForEach (given, d->c->given.samples) {
        bool found = false;
        for (size_t i = 0; i < a->count; i++) {
            found |= moon_streq(a->queries[i].name, given->string);
        }
        if (!found) {
            add_mistake(
                d, "samples",
                moon_asprintf("policy %s declares no query '%s'", a->policy, given->string));
        }
    }
}

static void ask_analyze(struct round *d, const struct moon_roll *roll)
{
    struct moon_analysis_answer answer;
    struct moon_analysis a;

    if (!moon_chain_analyzes(d->chain)) {
        return;
    }
    moon_analysis_init(&a, d->chain, &d->view, roll);
    MOON_AUTOFREE struct moon_sample *samples = moon_new_array(struct moon_sample, a.count + 1);
    find_samples(d, &a, samples);
    check_samples(d, &a);
    moon_hook_analyze(d->chain, &d->view, roll, samples, a.count, &answer);
    (void)add(d, MOON_TEST_ANALYZE, "", moon_verdict_name(answer.verdict), answer.reason);
    moon_analysis_answer_fini(&answer);
    for (size_t i = 0; i < a.count; i++) {
        moon_samples_free((struct moon_samples *)(uintptr_t)samples[i].found);
    }
    moon_analysis_fini(&a);
}

static const struct moon_pod *named_pod(const struct moon_roll_slot *slot, const char *name)
{
    const struct moon_pod *pods[] = {slot->new_pod, slot->old_pod};

    for (size_t i = 0; i < MOON_ARRAY_SIZE(pods); i++) {
        if (pods[i] != NULL &&
            (moon_streq(pods[i]->meta.name, name) || moon_streq(slot->node_name, name))) {
            return pods[i];
        }
    }
    return NULL;
}

/* False: there is nothing of that name it could have happened to. */
static bool find_happening(const struct round *d, const struct moon_roll *roll,
                           struct moon_happening *ret)
{
    const struct moon_test_given *g = &d->c->given;
    bool of_pod = moon_str_starts(moon_str(moon_happening_name(ret->type)), "pod_");

    for (size_t i = 0; i < roll->count; i++) {
        ret->slot = roll->slots[i];
        ret->pod = of_pod ? named_pod(&ret->slot, g->happened_to) : NULL;
        if (of_pod ? ret->pod != NULL : moon_streq(ret->slot.node_name, g->happened_to)) {
            return true;
        }
    }
    return false;
}

static void ask_on_event(struct round *d, const struct moon_roll *roll)
{
    const struct moon_test_given *g = &d->c->given;
    struct moon_happening h = {.at_s = g->now_s};
    int64_t again_s;

    if (g->happening < 0) {
        return;
    }
    h.type = (enum moon_happening_type)g->happening;
    if ((moon_chain_happenings(d->chain) & (UINT32_C(1) << h.type)) == 0) {
        add_mistake(d, "event",
                    moon_asprintf("no policy of the case wants to be told of %s",
                                  moon_happening_name(h.type)));
        return;
    }
    if (!find_happening(d, roll, &h)) {
        add_mistake(d, "event",
                    moon_asprintf("%s %s: there is none of that name", moon_happening_name(h.type),
                                  g->happened_to));
        return;
    }
    if (moon_hook_on_event(d->chain, &d->view, &h, &again_s)) {
        add(d, MOON_TEST_ON_EVENT, "", again_s > 0 ? "again" : "none", NULL)->number =
            again_s > 0 ? again_s : -1;
    }
}

static void ask_status(struct round *d, const struct moon_roll *roll)
{
    struct moon_status status;

    moon_hook_status(d->chain, &d->view, roll, &status);
    d->answers->asked[MOON_TEST_STATUS] = true;
    if (status.message != NULL) {
        (void)add(d, MOON_TEST_STATUS, "message", "", status.message);
    }
    for (size_t i = 0; i < status.count; i++) {
        const struct moon_status_condition *s = &status.conditions[i];
        MOON_AUTOFREE char *why =
            moon_asprintf("%s%s%s", s->reason, s->message[0] != '\0' ? ": " : "", s->message);
        (void)add(d, MOON_TEST_STATUS, s->type, s->status ? "true" : "false", why);
    }
    moon_status_fini(&status);
}

static void ask_roll(struct round *d)
{
    const struct moon_test_expect *e = &d->c->expect;
    bool rolls = e->has[MOON_TEST_GATE] || e->has[MOON_TEST_UPDATE] || e->has[MOON_TEST_ANALYZE] ||
                 e->has[MOON_TEST_STATUS];
    bool looks = rolls || d->c->given.happening >= 0;

    if (looks || e->has[MOON_TEST_MUTATE] || e->has[MOON_TEST_HEALTH]) {
        ask_mutate(d);
    }
    if (looks || e->has[MOON_TEST_RANK]) {
        ask_rank(d);
    }
    if (looks || e->has[MOON_TEST_HEALTH]) {
        ask_health(d);
    }
    struct moon_roll roll = moon_test_world_roll(&d->world, d->c, moon_chain_creates(d->chain));
    add_rank(d, &roll);
    ask_on_event(d, &roll);
    if (rolls) {
        ask_gate(d, &roll);
    }
    if (e->has[MOON_TEST_UPDATE]) {
        ask_update(d, &roll);
    }
    if (e->has[MOON_TEST_ANALYZE]) {
        ask_analyze(d, &roll);
    }
    if (e->has[MOON_TEST_STATUS]) {
        ask_status(d, &roll);
    }
    moon_free((void *)(uintptr_t)roll.slots);
}

/* ---- all of it ---- */

int moon_test_ask(struct moon_chain *chain, const struct moon_test_case *c, uint64_t seed,
                  struct moon_test_answers *ret, struct moon_err *err)
{
    struct round d = {.chain = chain, .c = c, .seed = seed, .answers = ret};
    int rc = moon_test_world_init(&d.world, c, err);

    if (rc == 0) {
        d.view = (struct moon_set_view){
            .set = d.world.set,
            .tolerations = &d.world.set->tolerations,
            .desired = (int64_t)d.world.node_count,
            .revision = c->given.revision,
            .now_s = c->given.now_s,
            .nodes = &d.world.all_nodes,
        };
        moon_test_around_init(&d.around, c, ret, &d.view);
        if (ask_tolerations(&d)) {
            ask_select(&d);
            ask_roll(&d);
        }
        moon_test_around_end(&d.around);
    }
    moon_tolerations_fini(&d.tolerations);
    moon_test_world_fini(&d.world);
    return rc;
}

void moon_test_answers_fini(struct moon_test_answers *a)
{
    for (int i = 0; i < MOON_TEST_ASPECTS; i++) {
        moon_test_list_fini(&a->lists[i]);
    }
    moon_test_list_fini(&a->errors);
    moon_free(a->held);
    *a = (struct moon_test_answers){0};
}
