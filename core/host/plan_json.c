/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plan_json.h"

static void add_text(cJSON *object, const char *key, const char *text)
{
    if (text != NULL) {
        (void)cJSON_AddStringToObject(object, key, text);
    }
}

cJSON *moon_plan_json_action(const struct moon_action *a, bool with_made_names)
{
    cJSON *object = cJSON_CreateObject();

    add_text(object, "verb", moon_verb_name(a->verb));
    add_text(object, "kind", a->resource->kind);
    add_text(object, "namespace", a->namespace);
    add_text(object, "name", a->verb != MOON_VERB_CREATE || with_made_names ? a->name : NULL);
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

cJSON *moon_plan_json(const struct moon_plan *plan, bool with_made_names)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *actions = cJSON_AddArrayToObject(object, "actions");
    cJSON *notes = cJSON_AddArrayToObject(object, "notes");

    for (size_t i = 0; i < moon_plan_count(plan); i++) {
        (void)cJSON_AddItemToArray(actions,
                                   moon_plan_json_action(moon_plan_get(plan, i), with_made_names));
    }
    for (size_t i = 0; i < moon_plan_note_count(plan); i++) {
        (void)cJSON_AddItemToArray(notes, describe_note(moon_plan_note_get(plan, i)));
    }
    return object;
}

char *moon_plan_json_object(const cJSON *action)
{
    bool is_create = moon_streq(moon_json_string(action, "verb"), "create");
    const char *name = is_create ? NULL : moon_json_string(action, "name");
    MOON_AUTOFREE char *kind = moon_strdup(moon_json_string(action, "kind"));

    for (char *c = kind; *c != '\0'; c++) {
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
    }
    return moon_asprintf("%s%s%s", kind, name != NULL ? "/" : "", name != NULL ? name : "");
}

char *moon_plan_json_text(const cJSON *action, bool with_node)
{
    MOON_AUTOFREE char *object = moon_plan_json_object(action);
    const char *subresource = moon_json_string(action, "subresource");
    const char *node = with_node ? moon_json_string(action, "node") : NULL;

    return moon_asprintf("%s %s%s%s%s%s: %s", moon_json_string(action, "verb"), object,
                         subresource != NULL ? " " : "", subresource != NULL ? subresource : "",
                         node != NULL ? " on " : "", node != NULL ? node : "",
                         moon_json_string(action, "reason"));
}

void moon_plan_json_add_next(const cJSON *actions, const char *node, cJSON *answer)
{
    cJSON *next = cJSON_AddArrayToObject(answer, "next step");
    const cJSON *action;

    cJSON_ArrayForEach (action, actions) {
        if (node == NULL || moon_streq(node, moon_json_string(action, "node"))) {
            MOON_AUTOFREE char *text = moon_plan_json_text(action, node == NULL);
            (void)cJSON_AddItemToArray(next, cJSON_CreateString(text));
        }
    }
    if (cJSON_GetArraySize(next) == 0) {
        (void)cJSON_AddItemToArray(next, cJSON_CreateString("nothing"));
    }
}
