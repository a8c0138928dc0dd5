/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plan_json.h"

static void add_text(cJSON *object, const char *key, const char *text)
{
    if (text != NULL) {
        (void)cJSON_AddStringToObject(object, key, text);
    }
}

static cJSON *describe_action(const struct moon_action *a, bool with_made_names)
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
                                   describe_action(moon_plan_get(plan, i), with_made_names));
    }
    for (size_t i = 0; i < moon_plan_note_count(plan); i++) {
        (void)cJSON_AddItemToArray(notes, describe_note(moon_plan_note_get(plan, i)));
    }
    return object;
}

char *moon_plan_json_action(const cJSON *action)
{
    const char *verb = moon_json_string(action, "verb");
    bool is_create = moon_streq(verb, "create");
    const char *name = is_create ? NULL : moon_json_string(action, "name");
    MOON_AUTOFREE char *kind = moon_strdup(moon_json_string(action, "kind"));

    for (char *c = kind; *c != '\0'; c++) {
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
    }
    return moon_asprintf("%s %s%s%s", verb, kind, name != NULL ? "/" : "",
                         name != NULL ? name : "");
}
