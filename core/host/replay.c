/* SPDX-License-Identifier: Apache-2.0 */
#include "host/replay.h"

#include "base/log.h"
#include "base/random.h"
#include "base/time.h"
#include "host/manager.h"
#include "host/plan_json.h"
#include "host/recording.h"
#include "host/replay_calls.h"
#include "io/file.h"

enum {
    WAIT_MS = 2000, /* how far time may run ahead so that a call is made */
    NAMES_MAX_BYTES = 64 << 10,
    CALL_MAX_BYTES = 32 << 20,
    SUFFIX_LEN = 5, /* of a pod's name, left to chance */
};
#define FILE_MAX_BYTES ((size_t)4 << 30)

struct replay {
    const struct moon_replay_opts *opts;
    struct moon_replay_result *result;
    struct moon_scene scene; /* as recorded last */
    struct moon_loop *loop;
    struct moon_replay_calls *calls;
    struct moon_figures *figures;
    struct moon_manager *manager; /* NULL: not begun */
    uint64_t began_ms;
    cJSON *plan; /* what was planned by the step that runs */
};

/* ---- time ---- */

static void advance_to(struct replay *r, uint64_t at_ms)
{
    uint64_t now = moon_loop_now(r->loop);

    if (at_ms > now) {
        moon_loop_advance(r->loop, at_ms - now);
        moon_loop_come_to_rest(r->loop);
    }
}

/* A call that is made by a timer with some chance in it may be late. */
static void wait_for_call(struct replay *r, const char *name)
{
    uint64_t end = moon_loop_now(r->loop) + WAIT_MS;

    while (!moon_replay_calls_has(r->calls, name)) {
        uint64_t next = moon_loop_next_timer(r->loop);
        if (next > end) {
            return;
        }
        advance_to(r, next > moon_loop_now(r->loop) ? next : moon_loop_now(r->loop) + 1);
    }
}

static void set_wall(struct replay *r, int64_t wall_ms)
{
    moon_loop_jump_wall(r->loop, wall_ms - moon_loop_wall_ms(r->loop));
}

/* ---- the controller ---- */

static void on_plan(const struct moon_plan *plan, void *ctx)
{
    struct replay *r = ctx;

    cJSON_Delete(r->plan);
    r->plan = moon_plan_json(plan, true);
}

static int begin(struct replay *r, struct moon_err *err)
{
    if (r->scene.wall_ms == 0) {
        return moon_err_set(err, MOON_E_INVALID, "it does not begin as a recording does");
    }
    if (moon_scene_give_settings(&r->scene, r->opts->config, err) != 0) {
        return -(int)err->code;
    }
    r->loop = moon_loop_new(
        &(struct moon_loop_opts){.virtual_clock = true, .wall_ms = r->scene.wall_ms}, err);
    if (r->loop == NULL) {
        return -(int)err->code;
    }
    r->began_ms = moon_loop_now(r->loop);
    r->calls = moon_replay_calls_new(r->loop);
    r->figures = moon_figures_new(true);
    struct moon_client_stand_in stand_in = moon_replay_calls_stand_in(r->calls);
    r->manager = moon_manager_new(
        &(struct moon_manager_opts){
            .loop = r->loop,
            .config = r->opts->config,
            .take_kubeconfig = moon_kubeconfig_for_server("recording"),
            .stand_in = &stand_in,
            .figures_from = r->figures,
            .scene = &r->scene,
            .on_plan = on_plan,
            .is_stepped = true,
            .ctx = r,
        },
        err);
    if (r->manager == NULL) {
        return -(int)err->code;
    }
    moon_loop_come_to_rest(r->loop);
    return 0;
}

/* ---- comparing ---- */

static bool is_same(const cJSON *recorded, const cJSON *replayed)
{
    if (recorded == NULL || replayed == NULL) {
        return recorded == replayed;
    }
    MOON_AUTOFREE char *one = moon_plan_json_text(recorded, true);
    MOON_AUTOFREE char *other = moon_plan_json_text(replayed, true);
    return strcmp(one, other) == 0;
}

/* Those about one node (NULL: about none in particular). */
static void add_texts(cJSON *to, const char *key, const cJSON *items, const char *node,
                      bool are_actions)
{
    cJSON *list = cJSON_AddArrayToObject(to, key);
    const cJSON *item;

    cJSON_ArrayForEach (item, items) {
        if (!moon_streq(moon_json_string(item, "node"), node)) {
            continue;
        }
        MOON_AUTOFREE char *text = are_actions ? moon_plan_json_text(item, true)
                                               : moon_strdup(moon_json_string(item, "reason"));
        (void)cJSON_AddItemToArray(list, cJSON_CreateString(text));
    }
}

static void add_side(cJSON *to, const char *key, const cJSON *plan, const char *node)
{
    cJSON *side = cJSON_AddObjectToObject(to, key);

    add_texts(side, "actions", moon_json_member(plan, "actions"), node, true);
    add_texts(side, "notes", moon_json_member(plan, "notes"), node, false);
    if (node != NULL) { /* what holds a whole set holds its nodes, too */
        const cJSON *note;
        cJSON_ArrayForEach (note, moon_json_member(plan, "notes")) {
            if (moon_json_string(note, "node") == NULL) {
                (void)cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(side, "notes"),
                                           cJSON_CreateString(moon_json_string(note, "reason")));
            }
        }
    }
}

static const char *recorded_version(const struct replay *r, const char *policy)
{
    for (size_t i = 0; i < r->scene.policy_count; i++) {
        if (!r->scene.policies[i].is_module && moon_streq(r->scene.policies[i].name, policy)) {
            return r->scene.policies[i].version;
        }
    }
    return NULL;
}

/* The policies of the set now, with the versions that they had. */
static void add_policies(const struct replay *r, const char *set, cJSON *to)
{
    struct moon_err err;
    MOON_AUTOJSON *sets = moon_manager_list(r->manager, "sets", (struct moon_str){0}, &err);
    cJSON *list = cJSON_AddArrayToObject(to, "policies");
    const cJSON *row;
    const cJSON *policy;

    cJSON_ArrayForEach (row, sets) {
        if (!moon_streq(moon_json_string(row, "set"), set)) {
            continue;
        }
        cJSON_ArrayForEach (policy, moon_json_member(row, "policies")) {
            const char *name = moon_json_string(policy, "name");
            const char *version = recorded_version(r, name);
            cJSON *one = cJSON_CreateObject();
            (void)cJSON_AddStringToObject(one, "policy", name);
            if (version != NULL) {
                (void)cJSON_AddStringToObject(one, "recorded", version);
            }
            (void)cJSON_AddStringToObject(one, "replayed", moon_json_string(policy, "version"));
            (void)cJSON_AddItemToArray(list, one);
        }
    }
}

static void add_decision(const struct replay *r, const char *set, const char *node, cJSON *to)
{
    struct moon_err err;
    MOON_AUTOJSON *nodes = moon_manager_list(r->manager, "nodes", moon_str(set), &err);
    const cJSON *row;

    cJSON_ArrayForEach (row, nodes) {
        const char *reason = moon_json_string(row, "reason");
        if (node != NULL && moon_streq(moon_json_string(row, "node"), node)) {
            MOON_AUTOFREE char *text =
                moon_asprintf("%s%s%s", moon_json_string(row, "placement"),
                              reason != NULL ? ": " : "", reason != NULL ? reason : "");
            (void)cJSON_AddStringToObject(cJSON_GetObjectItemCaseSensitive(to, "replayed"),
                                          "decision", text);
        }
    }
}

static cJSON *tell_difference(const struct replay *r, const cJSON *recorded, const cJSON *action)
{
    cJSON *first = cJSON_CreateObject();
    const char *set = moon_json_string(recorded, "plan");
    const char *node = moon_json_string(action, "node");
    char time[MOON_TIME_TEXT];

    (void)cJSON_AddStringToObject(
        first, "at", moon_time_format(moon_json_int(recorded, "wall_ms", 0) / 1000, time));
    (void)cJSON_AddStringToObject(first, "set", set);
    if (node != NULL) {
        (void)cJSON_AddStringToObject(first, "node", node);
    }
    add_side(first, "recorded", recorded, node);
    add_side(first, "replayed", r->plan, node);
    add_decision(r, set, node, first);
    add_policies(r, set, first);
    return first;
}

/* From here on. A status is none, it follows from the others; and it tells of texts that did not
 * load, of which a recording, that has what decided, knows nothing. */
static const cJSON *next_decision(const cJSON *action)
{
    while (action != NULL && moon_streq(moon_json_string(action, "subresource"), "status")) {
        action = action->next;
    }
    return action;
}

static const cJSON *first_decision(const cJSON *plan)
{
    const cJSON *actions = moon_json_member(plan, "actions");

    return next_decision(actions != NULL ? actions->child : NULL);
}

static void compare(struct replay *r, const cJSON *recorded)
{
    const cJSON *one = first_decision(recorded);
    const cJSON *other = first_decision(r->plan);

    while (one != NULL && other != NULL && is_same(one, other)) {
        r->result->actions++;
        one = next_decision(one->next);
        other = next_decision(other->next);
    }
    if (one != NULL || other != NULL) {
        r->result->first = tell_difference(r, recorded, one != NULL ? one : other);
    }
}

/* ---- lines ---- */

/* New pods get the names that they had: what the API server told of them has these. */
static void write_names(const cJSON *recorded, struct moon_buf *out)
{
    const cJSON *action;

    cJSON_ArrayForEach (action, moon_json_member(recorded, "actions")) {
        const char *name = moon_json_string(action, "name");
        if (moon_streq(moon_json_string(action, "verb"), "create") &&
            moon_streq(moon_json_string(action, "kind"), "Pod") && name != NULL &&
            strlen(name) > SUFFIX_LEN) {
            moon_buf_puts(out, name + strlen(name) - SUFFIX_LEN);
        }
    }
}

static void replay_plan(struct replay *r, const cJSON *recorded)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf names = MOON_BUF_INIT(NAMES_MAX_BYTES);

    write_names(recorded, &names);
    set_wall(r, moon_json_int(recorded, "wall_ms", 0));
    cJSON_Delete(moon_steal(&r->plan));
    moon_random_expect(moon_buf_cstr(&names));
    moon_manager_step(r->manager, moon_str(moon_json_string(recorded, "plan")));
    moon_random_expect(NULL);
    r->result->plans++;
    compare(r, recorded);
    moon_loop_come_to_rest(r->loop);
}

static int replay_policies(struct replay *r, const cJSON *line, struct moon_err *err)
{
    struct moon_scene newer = {0};
    const cJSON *policy;
    int rc = 0;

    cJSON_ArrayForEach (policy, moon_json_member(line, "policies")) {
        rc = rc == 0 ? moon_scene_read_policy(&newer, policy, err) : rc;
    }
    if (rc == 0) {
        moon_manager_set_texts(r->manager, newer.policies, newer.policy_count);
        moon_scene_swap_policies(&r->scene, &newer);
    }
    moon_scene_fini(&newer);
    moon_loop_come_to_rest(r->loop);
    return rc;
}

static bool find_call(struct moon_str line, struct moon_buf *out)
{
    static const char *const keys[] = {"line", "item", "end"};
    struct moon_err ignored;

    for (size_t i = 0; i < MOON_ARRAY_SIZE(keys); i++) {
        const char *const path[] = {keys[i], NULL};
        struct moon_str value;
        if (moon_json_find_first(line, path, &value)) {
            MOON_AUTOJSON *text = moon_json_parse(value, &ignored);
            if (cJSON_IsString(text)) {
                moon_buf_puts(out, cJSON_GetStringValue(text));
                return true;
            }
        }
    }
    return false;
}

static void replay_call(struct replay *r, const char *name, struct moon_str line)
{
    wait_for_call(r, name);
    moon_replay_calls_give(r->calls, name, line);
    moon_loop_come_to_rest(r->loop);
}

static bool are_actions(const cJSON *actions)
{
    const cJSON *action;

    cJSON_ArrayForEach (action, actions) {
        if (moon_json_string(action, "verb") == NULL || moon_json_string(action, "kind") == NULL) {
            return false;
        }
    }
    return true;
}

/* Lines about other things are short. */
static int replay_other(struct replay *r, struct moon_str line, struct moon_err *err)
{
    MOON_AUTOJSON *json = moon_json_parse(line, err);

    if (json == NULL) {
        return -(int)err->code;
    }
    if (moon_json_string(json, "plan") != NULL) {
        if (!are_actions(moon_json_member(json, "actions"))) {
            return moon_err_set(err, MOON_E_INVALID, "an action without verb or kind");
        }
        replay_plan(r, json);
    } else if (moon_json_member(json, "policies") != NULL) {
        return replay_policies(r, json, err);
    } else if (moon_json_member(json, "asked") != NULL) {
        int rc = moon_figures_read(r->figures, json, err);
        moon_loop_come_to_rest(r->loop);
        return rc;
    } else if (moon_json_bool(json, "lead", false)) {
        moon_manager_lead(r->manager);
        moon_loop_come_to_rest(r->loop);
    } else if (moon_json_member(json, "limit") != NULL) {
        r->result->is_cut = true;
    } else {
        return moon_err_set(err, MOON_E_INVALID, "a line that this moonset does not know");
    }
    return 0;
}

static int replay_line(struct replay *r, struct moon_str line, struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf name = MOON_BUF_INIT(CALL_MAX_BYTES);
    struct moon_str text;
    uint64_t at_ms;

    if (moon_str_starts(line, "{\"policy\":")) {
        MOON_AUTOJSON *json = moon_json_parse(line, err);
        return json != NULL ? moon_scene_read_policy(&r->scene, json, err) : -(int)err->code;
    }
    if (!moon_json_find_first(line, MOON_JSON_PATH("at"), &text) || !moon_parse_u64(text, &at_ms)) {
        return moon_err_set(err, MOON_E_INVALID, "a line without a time");
    }
    if (r->manager == NULL && begin(r, err) != 0) {
        return -(int)err->code;
    }
    r->result->lasted_ms = at_ms;
    advance_to(r, r->began_ms + at_ms);
    if (find_call(line, &name)) {
        replay_call(r, moon_buf_cstr(&name), line);
        return 0;
    }
    return replay_other(r, line, err);
}

/* The last line may be half of one: the process was killed. */
static int replay_text(struct replay *r, struct moon_str rest, struct moon_err *err)
{
    struct moon_str line;
    size_t number = 0;
    int rc = 0;

    while (rc == 0 && r->result->first == NULL && moon_str_split(&rest, '\n', &line)) {
        number++;
        if (rest.ptr == NULL) { /* behind the last line end */
            r->result->is_cut |= line.len > 0;
        } else if (number == 1) {
            rc = moon_scene_read(&r->scene, "recording", MOON_RECORDING_FORMAT, line, err);
        } else {
            rc = replay_line(r, line, err);
        }
    }
    return rc == 0 ? 0 : moon_err_wrap(err, "%s: line %zu", r->opts->path, number);
}

int moon_replay_run(const struct moon_replay_opts *opts, struct moon_replay_result *ret,
                    struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(FILE_MAX_BYTES);
    struct replay r = {.opts = opts, .result = ret};

    *ret = (struct moon_replay_result){0};
    int rc = moon_file_read(opts->path, &text, err);
    if (rc == 0) {
        rc = replay_text(&r, moon_buf_str(&text), err);
    }
    moon_manager_free(r.manager);
    moon_replay_calls_free(r.calls);
    moon_figures_free(r.figures);
    moon_loop_free(r.loop);
    moon_scene_fini(&r.scene);
    cJSON_Delete(r.plan);
    return rc;
}

void moon_replay_result_fini(struct moon_replay_result *r)
{
    cJSON_Delete(r->first);
}
