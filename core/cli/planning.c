/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/planning.h"

/* ---- what was planned ---- */

static void free_json(void *json)
{
    cJSON_Delete(json);
}

static void add_text(cJSON *object, const char *key, const char *text)
{
    if (text != NULL) {
        (void)cJSON_AddStringToObject(object, key, text);
    }
}

static cJSON *describe_action(const struct moon_action *a)
{
    cJSON *object = cJSON_CreateObject();

    add_text(object, "verb", moon_verb_name(a->verb));
    add_text(object, "kind", a->resource->kind);
    add_text(object, "namespace", a->namespace);
    add_text(object, "name", a->verb != MOON_VERB_CREATE ? a->name : NULL);
    add_text(object, "subresource", a->subresource);
    add_text(object, "node", a->target);
    add_text(object, "reason", a->reason);
    return object;
}

static cJSON *describe_note(const struct moon_note *n)
{
    cJSON *object = cJSON_CreateObject();

    add_text(object, "node", n->target);
    add_text(object, "reason", n->reason);
    return object;
}

static void on_plan(const struct moon_plan *plan, void *ctx)
{
    struct moon_planning *p = ctx;
    MOON_AUTOFREE char *name = moon_str_dup(moon_plan_key(plan));
    cJSON *object = cJSON_CreateObject();

    add_text(object, "set", name);
    cJSON *actions = cJSON_AddArrayToObject(object, "actions");
    for (size_t i = 0; i < moon_plan_count(plan); i++) {
        (void)cJSON_AddItemToArray(actions, describe_action(moon_plan_get(plan, i)));
    }
    cJSON *notes = cJSON_AddArrayToObject(object, "notes");
    for (size_t i = 0; i < moon_plan_note_count(plan); i++) {
        (void)cJSON_AddItemToArray(notes, describe_note(moon_plan_note_get(plan, i)));
    }
    moon_map_set(p->plans, moon_str(name), object);
}

char *moon_planning_object(const cJSON *action)
{
    const char *name = moon_json_string(action, "name");
    char *text = moon_asprintf("%s%s%s", moon_json_string(action, "kind"), name != NULL ? "/" : "",
                               name != NULL ? name : "");

    for (char *c = text; *c != '\0' && *c != '/'; c++) {
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
    }
    return text;
}

/* ---- running ---- */

static void look(void *ctx)
{
    const struct moon_planning *p = ctx;

    if (p->manager != NULL && moon_manager_is_settled(p->manager)) {
        moon_loop_stop(p->loop);
    }
}

static void on_timeout(void *ctx)
{
    struct moon_planning *p = ctx;

    p->timed_out = true;
    moon_loop_stop(p->loop);
}

static int wait_until_settled(struct moon_planning *p, uint64_t timeout_ms, struct moon_err *err)
{
    struct moon_prepare *prepare = moon_prepare_new(p->loop, look, p);
    struct moon_timer *timer = moon_timer_new(p->loop, on_timeout, p);

    moon_timer_start(timer, timeout_ms);
    moon_loop_run(p->loop);
    moon_timer_free(timer);
    moon_prepare_free(prepare);
    if (p->timed_out) {
        return moon_err_set(err, MOON_E_TIMEOUT,
                            "the API server has not answered all within %llu ms",
                            (unsigned long long)timeout_ms);
    }
    return 0;
}

int moon_planning_run(struct moon_planning *p, const struct moon_config *config,
                      uint64_t timeout_ms, struct moon_err *err)
{
    *p = (struct moon_planning){.plans = moon_map_new(free_json)};
    p->loop = moon_loop_new(NULL, err);
    if (p->loop == NULL) {
        return -(int)err->code;
    }
    p->manager = moon_manager_new(
        &(struct moon_manager_opts){
            .loop = p->loop, .config = config, .on_plan = on_plan, .ctx = p},
        err);
    return p->manager != NULL ? wait_until_settled(p, timeout_ms, err) : -(int)err->code;
}

void moon_planning_fini(struct moon_planning *p)
{
    moon_manager_free(p->manager);
    moon_loop_free(p->loop);
    moon_map_free(p->plans);
}

/* ---- flags ---- */

int moon_planning_timeout(const char *value, uint64_t *ret_ms, struct moon_err *err)
{
    if (value == NULL || !moon_parse_duration_ms(moon_str(value), ret_ms) || *ret_ms == 0) {
        return moon_err_set(err, MOON_E_INVALID,
                            "--timeout: a duration is wanted, such as 30s, not \"%s\"",
                            value != NULL ? value : "");
    }
    return 0;
}

int moon_planning_output(const char *value, const char *plain, bool *ret_json, struct moon_err *err)
{
    *ret_json = moon_streq(value, "json");
    if (!*ret_json && !moon_streq(value, plain)) {
        return moon_err_set(err, MOON_E_INVALID, "-o: %s or json is wanted, not \"%s\"", plain,
                            value != NULL ? value : "");
    }
    return 0;
}
