/* SPDX-License-Identifier: Apache-2.0
 *
 * scenario_steps.c - reads the steps of a scenario: one table of keys per action, and what a table
 * cannot say.
 */
#include "sim/scenario_fields.h"
#include "sim/scenario_kinds.h"

enum {
    DEFAULT_WAIT_MS = 5 * 60 * 1000,
};

#define AT(member) offsetof(struct moon_scenario_args, member)
#define FAULT(member) (AT(fault) + offsetof(struct moon_sim_fault_rule, member))
#define OPTIONAL false, NULL
#define REQUIRED true, NULL

static const char *const subresources[] = {"status", "scale", NULL};
static const char *const propagations[] = {"background", "foreground", "orphan", NULL};
static const char *const outcomes[] = {"run", "failed", "succeeded", "crash", "never-ready", NULL};
static const char *const server_verbs[] = {"restart", "compact", NULL};
static const char *const controller_verbs[] = {"kill", "start", "stop", "restart", NULL};

static const struct moon_scenario_field patch_fields[] = {
    {"object", MOON_SCENARIO_OBJECT, AT(target), REQUIRED},
    {"namespace", MOON_SCENARIO_NAME, AT(target.ns), OPTIONAL},
    {"merge", MOON_SCENARIO_MAP, AT(merge), OPTIONAL},
    {"strategic", MOON_SCENARIO_MAP, AT(strategic), OPTIONAL},
    {"json", MOON_SCENARIO_LIST, AT(json), OPTIONAL},
    {"subresource", MOON_SCENARIO_WORD, AT(subresource), false, subresources},
};

static const struct moon_scenario_field set_image_fields[] = {
    {"object", MOON_SCENARIO_OBJECT, AT(target), REQUIRED},
    {"namespace", MOON_SCENARIO_NAME, AT(target.ns), OPTIONAL},
    {"image", MOON_SCENARIO_TEXT, AT(image), REQUIRED},
    {"container", MOON_SCENARIO_NAME, AT(container), OPTIONAL},
};

/* An object by its name, or those of a kind by a selector. */
#define TARGET_FIELDS                                                                              \
    {"object", MOON_SCENARIO_OBJECT, AT(target), OPTIONAL},                                        \
        {"objects", MOON_SCENARIO_KIND, AT(target), OPTIONAL},                                     \
        {"selector", MOON_SCENARIO_SELECTOR, AT(target.selector), OPTIONAL},                       \
    {                                                                                              \
        "namespace", MOON_SCENARIO_NAME, AT(target.ns), OPTIONAL                                   \
    }

static const struct moon_scenario_field mark_fields[] = {
    TARGET_FIELDS,
    {"set", MOON_SCENARIO_MAP_TEXTS, AT(set), REQUIRED},
};

static const struct moon_scenario_field delete_fields[] = {
    TARGET_FIELDS,
    {"propagation", MOON_SCENARIO_WORD, AT(propagation), false, propagations},
    {"grace", MOON_SCENARIO_SECONDS, AT(grace_s), OPTIONAL},
};

static const struct moon_scenario_field taint_fields[] = {
    {"nodes", MOON_SCENARIO_NODE_SET, AT(nodes), REQUIRED},
    {"taints", MOON_SCENARIO_TEXTS, AT(taint_texts), REQUIRED},
};

static const struct moon_scenario_field nodes_fields[] = {
    {"nodes", MOON_SCENARIO_NODE_SET, AT(nodes), REQUIRED},
};

static const struct moon_scenario_field node_fields[] = {
    {"join", MOON_SCENARIO_JOIN, AT(join), OPTIONAL},
    {"leave", MOON_SCENARIO_NODE_SET, AT(leave), OPTIONAL},
    {"down", MOON_SCENARIO_NODE_SET, AT(down), OPTIONAL},
    {"up", MOON_SCENARIO_NODE_SET, AT(up), OPTIONAL},
};

static const struct moon_scenario_field pods_fields[] = {
    {"selector", MOON_SCENARIO_SELECTOR, AT(target.selector), OPTIONAL},
    {"namespace", MOON_SCENARIO_NAME, AT(target.ns), OPTIONAL},
    {"node", MOON_SCENARIO_NAME, AT(on_node), OPTIONAL},
    {"outcome", MOON_SCENARIO_WORD, AT(outcome), false, outcomes},
    {"reason", MOON_SCENARIO_TEXT, AT(reason), OPTIONAL},
    {"ready-after", MOON_SCENARIO_TEXT, AT(ready_after), OPTIONAL},
};

static const struct moon_scenario_field image_fields[] = {
    {"broken", MOON_SCENARIO_TEXT, AT(broken), OPTIONAL},
    {"mended", MOON_SCENARIO_TEXT, AT(mended), OPTIONAL},
};

static const struct moon_scenario_field fault_fields[] = {
    {"fault", MOON_SCENARIO_FAULT_NAME, FAULT(fault), REQUIRED},
    {"client", MOON_SCENARIO_TEXT, FAULT(client), OPTIONAL},
    {"verb", MOON_SCENARIO_TEXT, FAULT(verb), OPTIONAL},
    {"resource", MOON_SCENARIO_TEXT, FAULT(resource), OPTIONAL},
    {"namespace", MOON_SCENARIO_NAME, FAULT(ns), OPTIONAL},
    {"name", MOON_SCENARIO_TEXT, FAULT(name), OPTIONAL},
    {"first", MOON_SCENARIO_COUNT, FAULT(first), OPTIONAL},
    {"times", MOON_SCENARIO_TIMES, FAULT(times), OPTIONAL},
    {"code", MOON_SCENARIO_INT, FAULT(code), OPTIONAL},
    {"retry-after", MOON_SCENARIO_SECONDS, FAULT(retry_after_s), OPTIONAL},
    {"delay", MOON_SCENARIO_TIME, FAULT(delay_ms), OPTIONAL},
    {"lines", MOON_SCENARIO_COUNT, FAULT(lines), OPTIONAL},
};

static const struct moon_scenario_field server_fields[] = {
    {"do", MOON_SCENARIO_WORD, AT(verb), true, server_verbs},
};
static const struct moon_scenario_field controller_fields[] = {
    {"do", MOON_SCENARIO_WORD, AT(verb), true, controller_verbs},
};
static const struct moon_scenario_field clock_fields[] = {
    {"jump", MOON_SCENARIO_JUMP, AT(jump_ms), REQUIRED},
};
static const struct moon_scenario_field pass_fields[] = {
    {"time", MOON_SCENARIO_TIME, AT(time_ms), REQUIRED},
};
static const struct moon_scenario_field tally_fields[] = {
    {"of", MOON_SCENARIO_TEXT, AT(of), REQUIRED},
};

/* ---- what tables cannot say ---- */

static int check_one_of(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                        int said, const char *which)
{
    return said == 1 ? 0 : moon_scenario_bad(r, place, "needs one of %s", which);
}

static int check_target(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                        struct moon_scenario_args *args)
{
    bool both = moon_json_member(place->node, "object") != NULL &&
                moon_json_member(place->node, "objects") != NULL;
    if (args->target.resource == NULL || both) {
        return moon_scenario_bad(r, place, "needs one of object and objects");
    }
    if (args->target.name != NULL && args->target.selector != NULL) {
        return moon_scenario_bad(r, place, "a selector goes with objects, not with object");
    }
    return 0;
}

static int check_patch(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                       struct moon_scenario_args *args)
{
    int said = (args->merge != NULL) + (args->strategic != NULL) + (args->json != NULL);
    return check_one_of(r, place, said, "merge, strategic and json");
}

static int check_set_image(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                           struct moon_scenario_args *args)
{
    return moon_streq(args->target.resource->plural, "daemonsets")
               ? 0
               : moon_scenario_bad(r, place, "only a DaemonSet's image can be set");
}

static int check_node(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                      struct moon_scenario_args *args)
{
    int said = (args->join.count > 0) + (args->leave.text != NULL) + (args->down.text != NULL) +
               (args->up.text != NULL);
    return check_one_of(r, place, said, "join, leave, down and up");
}

static int check_pods(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                      struct moon_scenario_args *args)
{
    uint64_t ignored;
    if (args->outcome == NULL && args->ready_after == NULL) {
        return moon_scenario_bad(r, place, "needs an outcome or ready-after");
    }
    if (args->reason != NULL && !moon_streq(args->outcome, "failed")) {
        return moon_scenario_bad(r, place, "a reason goes with outcome: failed");
    }
    if (args->ready_after != NULL &&
        !moon_parse_duration_ms(moon_str(args->ready_after), &ignored)) {
        return moon_scenario_bad(r, place, "ready-after: must be a time (10s, 300ms, 1m30s)");
    }
    return 0;
}

static int check_image(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                       struct moon_scenario_args *args)
{
    int said = (args->broken != NULL) + (args->mended != NULL);
    return check_one_of(r, place, said, "broken and mended");
}

static bool is_listed(const char *const *words, const char *word)
{
    for (; *words != NULL; words++) {
        if (strcmp(*words, word) == 0) {
            return true;
        }
    }
    return false;
}

/* As the server's own check, but with a place, and before anything runs. */
static int check_fault(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                       struct moon_scenario_args *args)
{
    static const char *const verbs[] = {
        "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", NULL};
    static const int codes[] = {401, 403, 404, 409, 410, 422, 429, 500, 503, 504};
    struct moon_sim_fault_rule *fault = &args->fault;
    bool has_code = fault->fault != MOON_SIM_FAULT_STATUS;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(codes); i++) {
        has_code = has_code || fault->code == codes[i];
    }
    if (fault->verb != NULL && !is_listed(verbs, fault->verb)) {
        return moon_scenario_bad(r, place,
                                 "verb: \"%s\" is none of get, list, watch, create, "
                                 "update, patch, delete and deletecollection",
                                 fault->verb);
    }
    if (!has_code) {
        return moon_scenario_bad(r, place,
                                 "status needs a code: 401, 403, 404, 409, 410, 422, "
                                 "429, 500, 503 or 504");
    }
    bool is_late = fault->fault == MOON_SIM_FAULT_DELAY || fault->fault == MOON_SIM_FAULT_HOLD;
    if (is_late && fault->delay_ms == 0) {
        return moon_scenario_bad(r, place, "delay is missing");
    }
    if (moon_sim_fault_is_for_watches(fault->fault) && fault->verb != NULL &&
        strcmp(fault->verb, "watch") != 0) {
        return moon_scenario_bad(r, place, "\"%s\" strikes watches, so verb must be watch",
                                 moon_sim_fault_name(fault->fault));
    }
    if (fault->client == NULL) {
        fault->client = "moonset/"; /* the controller */
    } else if (strcmp(fault->client, "any") == 0) {
        fault->client = NULL;
    }
    return 0;
}

/* "key=value:effect", "key:effect", with "-" at the end to take it off; then "key-" does, too. */
static int read_taint(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                      const char *text, struct moon_scenario_taint *ret)
{
    static const char *const effects[] = {"NoSchedule", "PreferNoSchedule", "NoExecute", NULL};
    struct moon_str effect = moon_str(text);
    struct moon_str head;
    if (moon_str_ends(effect, "-")) {
        ret->is_removal = true;
        effect.len--;
    }
    (void)moon_str_split(&effect, ':', &head);
    struct moon_str value = head;
    struct moon_str key;
    (void)moon_str_split(&value, '=', &key);
    ret->key = moon_arena_dup(r->s->arena, key);
    ret->value = value.ptr != NULL ? moon_arena_dup(r->s->arena, value) : NULL;
    ret->effect = effect.ptr != NULL ? moon_arena_dup(r->s->arena, effect) : NULL;
    bool good = moon_is_label_key(key) && (value.ptr == NULL || moon_is_label_value(value)) &&
                (ret->effect != NULL ? is_listed(effects, ret->effect) : ret->is_removal);
    return good ? 0
                : moon_scenario_bad(r, place,
                                    "\"%s\" is no taint (key=value:NoSchedule, and with - at its "
                                    "end to take it off)",
                                    text);
}

static int check_taint(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                       struct moon_scenario_args *args)
{
    args->taint_count = args->taint_texts.count;
    args->taints = moon_arena_new_array(r->s->arena, struct moon_scenario_taint, args->taint_count);
    for (size_t i = 0; i < args->taint_count; i++) {
        if (read_taint(r, place, args->taint_texts.items[i], &args->taints[i]) != 0) {
            return -(int)r->err->code;
        }
    }
    return 0;
}

/* ---- apply ---- */

static int add_object(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                      const cJSON *object, struct moon_scenario_args *args)
{
    const char *api_version = moon_json_string(object, "apiVersion");
    const char *kind = moon_json_string(object, "kind");
    if (!cJSON_IsObject(object) || api_version == NULL || kind == NULL) {
        return moon_scenario_bad(r, place, "no object: apiVersion or kind is missing");
    }
    if (moon_json_string(object, "metadata.name") == NULL) {
        return moon_scenario_bad(r, place, "%s: metadata.name is missing", kind);
    }
    if (moon_scenario_find_object_kind(r->s->arena, api_version, kind) == NULL) {
        return moon_scenario_bad(
            r, place, "there is no kind %s in %s%s", kind, api_version,
            moon_scenario_did_you_mean(r, kind, moon_scenario_next_kind, NULL));
    }
    const cJSON **more = moon_arena_new_array(r->s->arena, const cJSON *, args->object_count + 1);
    for (size_t i = 0; i < args->object_count; i++) {
        more[i] = args->objects[i];
    }
    more[args->object_count++] = object;
    args->objects = more;
    return 0;
}

/* A List stands for its items. */
static int add_objects(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                       const cJSON *object, struct moon_scenario_args *args)
{
    const cJSON *items = moon_json_member(object, "items");
    const cJSON *item;
    if (!moon_streq(moon_json_string(object, "kind"), "List") || !cJSON_IsArray(items)) {
        return add_object(r, place, object, args);
    }
    cJSON_ArrayForEach (item, items) {
        if (add_object(r, place, item, args) != 0) {
            return -(int)r->err->code;
        }
    }
    return 0;
}

/* An object, the name of a file, or a list of both. */
static int read_apply(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                      struct moon_scenario_args *args)
{
    const cJSON *item;
    if (cJSON_IsString(place->node)) {
        const cJSON *documents = moon_scenario_read_file(r, place, place->node->valuestring);
        if (documents == NULL) {
            return -(int)r->err->code;
        }
        cJSON_ArrayForEach (item, documents) {
            if (add_objects(r, place, item, args) != 0) {
                return moon_err_wrap(r->err, "%s", place->node->valuestring);
            }
        }
        return 0;
    }
    if (!cJSON_IsArray(place->node)) {
        return add_objects(r, place, place->node, args);
    }
    size_t i = 0;
    cJSON_ArrayForEach (item, place->node) {
        struct moon_scenario_place at = moon_scenario_at_index(place, i++, item);
        if (cJSON_IsArray(item)) {
            return moon_scenario_bad(r, &at, "must be an object or the name of a file");
        }
        if (read_apply(r, &at, args) != 0) {
            return -(int)r->err->code;
        }
    }
    return 0;
}

/* ---- wait and expect ---- */

static int read_wait(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                     struct moon_scenario_args *args)
{
    const cJSON *within = moon_json_member(place->node, "within");
    args->time_ms = DEFAULT_WAIT_MS;
    if (within != NULL) {
        static const struct moon_scenario_field field = {"within", MOON_SCENARIO_TIME, AT(time_ms),
                                                         OPTIONAL};
        struct moon_scenario_place at = moon_scenario_at_key(place, within);
        if (moon_scenario_read_value(r, &at, &field, args) != 0) {
            return -(int)r->err->code;
        }
    }
    if (moon_scenario_read_conditions(r, place, "within", false, &args->conditions) != 0) {
        return -(int)r->err->code;
    }
    return args->conditions.count > 0 ? 0 : moon_scenario_bad(r, place, "waits for nothing");
}

static int read_expect(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                       struct moon_scenario_args *args)
{
    return moon_scenario_read_conditions(r, place, NULL, true, &args->conditions);
}

/* ---- the actions ---- */

typedef int read_fn(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                    struct moon_scenario_args *args);

static const struct action {
    const char *word;
    enum moon_scenario_action action;
    const struct moon_scenario_field *fields; /* NULL: read alone */
    size_t count;
    const char *shorthand; /* the key that a value stands for which is no map; NULL: none */
    read_fn *read;         /* after the fields, or instead of them; NULL: nothing more */
} actions[] = {
#define ROW(word, action, fields, shorthand, read)                                                 \
    {                                                                                              \
        word, MOON_SCENARIO_##action, fields, MOON_ARRAY_SIZE(fields), shorthand, read             \
    }
    {"apply", MOON_SCENARIO_APPLY, NULL, 0, NULL, read_apply},
    ROW("patch", PATCH, patch_fields, NULL, check_patch),
    ROW("set-image", SET_IMAGE, set_image_fields, NULL, check_set_image),
    ROW("label", LABEL, mark_fields, NULL, check_target),
    ROW("annotate", ANNOTATE, mark_fields, NULL, check_target),
    ROW("taint", TAINT, taint_fields, NULL, check_taint),
    ROW("cordon", CORDON, nodes_fields, "nodes", NULL),
    ROW("uncordon", UNCORDON, nodes_fields, "nodes", NULL),
    ROW("delete", DELETE, delete_fields, "object", check_target),
    ROW("node", NODE, node_fields, NULL, check_node),
    ROW("pods", POD_FATE, pods_fields, NULL, check_pods),
    ROW("image", IMAGE, image_fields, NULL, check_image),
    ROW("fault", FAULT, fault_fields, "fault", check_fault),
    ROW("server", SERVER, server_fields, "do", NULL),
    ROW("controller", CONTROLLER, controller_fields, "do", NULL),
    ROW("clock", CLOCK, clock_fields, "jump", NULL),
    ROW("pass", PASS, pass_fields, "time", NULL),
    ROW("sleep", PASS, pass_fields, "time", NULL),
    ROW("tally", TALLY, tally_fields, "of", NULL),
    {"wait", MOON_SCENARIO_WAIT, NULL, 0, NULL, read_wait},
    {"expect", MOON_SCENARIO_EXPECT, NULL, 0, NULL, read_expect},
#undef ROW
};

static const struct action *find_action(const char *word)
{
    for (size_t i = 0; i < MOON_ARRAY_SIZE(actions); i++) {
        if (strcmp(actions[i].word, word) == 0) {
            return &actions[i];
        }
    }
    return NULL;
}

/* The actions, then the keys beside them. */
static const char *next_key(size_t i, MOON_UNUSED const void *ctx)
{
    static const char *const times[] = {"at", "after"};
    if (i < MOON_ARRAY_SIZE(actions)) {
        return actions[i].word;
    }
    i -= MOON_ARRAY_SIZE(actions);
    return i < MOON_ARRAY_SIZE(times) ? times[i] : NULL;
}

static int read_shorthand(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                          const struct action *action, struct moon_scenario_args *args)
{
    for (size_t i = 0; i < action->count; i++) {
        if (strcmp(action->fields[i].name, action->shorthand) == 0) {
            return moon_scenario_read_value(r, place, &action->fields[i], args);
        }
    }
    moon_assert(false);
    return 0;
}

static int read_action(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                       const struct action *action, struct moon_scenario_args *args)
{
    int rc = 0;
    if (action->action == MOON_SCENARIO_FAULT &&
        moon_streq(cJSON_GetStringValue(place->node), "none")) {
        args->clears_faults = true;
        return 0;
    }
    if (action->fields != NULL) {
        rc = action->shorthand != NULL && !cJSON_IsObject(place->node)
                 ? read_shorthand(r, place, action, args)
                 : moon_scenario_read_fields(r, place, action->fields, action->count, args);
    }
    return rc == 0 && action->read != NULL ? action->read(r, place, args) : rc;
}

static int read_when(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                     struct moon_scenario_step *step)
{
    static const struct moon_scenario_field at = {
        "at", MOON_SCENARIO_TIME, offsetof(struct moon_scenario_step, at_ms), OPTIONAL};
    static const struct moon_scenario_field after = {
        "after", MOON_SCENARIO_TIME, offsetof(struct moon_scenario_step, after_ms), OPTIONAL};
    bool is_at = strcmp(place->key, "at") == 0;
    step->has_at = step->has_at || is_at;
    return moon_scenario_read_value(r, place, is_at ? &at : &after, step);
}

static int read_step(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                     struct moon_scenario_step *step)
{
    const cJSON *item;
    if (!cJSON_IsObject(place->node)) {
        return moon_scenario_bad(r, place, "must be a map: an action, and `at` or `after`");
    }
    step->line = moon_scenario_line(r, place);
    step->args.grace_s = UINT64_MAX;
    cJSON_ArrayForEach (item, place->node) {
        struct moon_scenario_place at = moon_scenario_at_key(place, item);
        const struct action *action = find_action(item->string);
        int rc = 0;
        if (strcmp(item->string, "at") == 0 || strcmp(item->string, "after") == 0) {
            rc = read_when(r, &at, step);
        } else if (action == NULL) {
            rc = moon_scenario_bad(r, &at, "there is no such action%s",
                                   moon_scenario_did_you_mean(r, item->string, next_key, NULL));
        } else if (step->word != NULL) {
            rc =
                moon_scenario_bad(r, &at, "a step has one action, and this one has %s", step->word);
        } else {
            step->action = action->action;
            step->word = action->word;
            rc = read_action(r, &at, action, &step->args);
        }
        if (rc != 0) {
            return rc;
        }
    }
    if (step->word == NULL) {
        return moon_scenario_bad(r, place, "has no action");
    }
    if (step->has_at && moon_json_member(place->node, "after") != NULL) {
        return moon_scenario_bad(r, place, "has both `at` and `after`");
    }
    return 0;
}

int moon_scenario_read_steps(struct moon_scenario_reader *r,
                             const struct moon_scenario_place *place)
{
    struct moon_scenario *s = r->s;
    const cJSON *item;
    uint64_t at_ms = 0;
    if (!cJSON_IsArray(place->node)) {
        return moon_scenario_bad(r, place, "must be a list");
    }
    s->steps = moon_arena_new_array(s->arena, struct moon_scenario_step,
                                    (size_t)cJSON_GetArraySize(place->node));
    cJSON_ArrayForEach (item, place->node) {
        struct moon_scenario_place at = moon_scenario_at_index(place, s->step_count, item);
        struct moon_scenario_step *step = &s->steps[s->step_count++];
        if (read_step(r, &at, step) != 0) {
            return -(int)r->err->code;
        }
        if (step->has_at && step->at_ms < at_ms) {
            return moon_scenario_bad(r, &at, "`at` is before that of an earlier step");
        }
        at_ms = step->has_at ? step->at_ms : at_ms;
    }
    return 0;
}
