/* SPDX-License-Identifier: Apache-2.0
 *
 * mutate_record.c - what a mutate hook records about a pod, checked at once so that an error names
 * its line. Whether an edit fits the template is seen when the hook has answered (hook_mutate.c).
 */
#include <lauxlib.h>

#include "policy/engine.h"
#include "policy/library.h"
#include "policy/mutate_priv.h"

#define LABELS "/metadata/labels/"
#define ANNOTATIONS "/metadata/annotations/"
#define SPEC "/spec/"

enum {
    MAX_REASON = 256,
    MAX_POINTER = 2048,
};

static struct moon_mutate_run *run_of(lua_State *L)
{
    (void)moon_view_check(L, 1, MOON_VIEW_MADE_POD);
    return moon_engine_of(L)->mutate;
}

static struct moon_str text_at(lua_State *L, int arg, const char *method, const char *what)
{
    struct moon_str text;

    if (lua_type(L, arg) != LUA_TSTRING) {
        moon_engine_shape_error(L, "pod:%s wants %s, a text: got %s", method, what,
                                luaL_typename(L, arg));
    }
    text.ptr = lua_tolstring(L, arg, &text.len);
    if (text.len == 0 || strlen(text.ptr) != text.len) {
        moon_engine_shape_error(L, "pod:%s wants %s, a text: this one is empty or has a NUL in it",
                                method, what);
    }
    return text;
}

/* ---- which places may be edited ---- */

static const struct {
    const char *place;
    const char *why;
} ours[] = {
    {SPEC "nodeName", "the node is given"},
    {SPEC "affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution",
     "the node is given"},
    {SPEC "tolerations", "they are what the hook tolerations says"},
    {LABELS MOON_LABEL_HASH, "it is how the pod's revision is known"},
    {LABELS MOON_LABEL_GENERATION, "it is how the pod's revision is known"},
    {ANNOTATIONS "moonset.dev~1mutation", "it is how these edits are known"},
};

static bool is_at_or_below(struct moon_str pointer, const char *place)
{
    size_t len = strlen(place);

    return moon_str_starts(pointer, place) && (pointer.len == len || pointer.ptr[len] == '/');
}

static void check_place(lua_State *L, const char *method, struct moon_str pointer)
{
    static const char *const open[] = {LABELS, ANNOTATIONS, SPEC};
    bool may = false;

    if (pointer.len > MAX_POINTER) {
        moon_engine_shape_error(L, "pod:%s: a pointer of more than %d bytes", method, MAX_POINTER);
    }
    for (size_t i = 0; i < MOON_ARRAY_SIZE(open); i++) {
        may = may || (moon_str_starts(pointer, open[i]) && pointer.len > strlen(open[i]));
    }
    if (!may) {
        moon_engine_shape_error(
            L,
            "pod:%s(\"%.160s\"): only one label, one annotation, or something in "
            "/spec can be changed; what a pod is, is not",
            method, pointer.ptr);
    }
    for (size_t i = 0; i < MOON_ARRAY_SIZE(ours); i++) {
        if (is_at_or_below(pointer, ours[i].place)) {
            moon_engine_shape_error(L, "pod:%s(\"%.160s\"): cannot be changed: %s", method,
                                    pointer.ptr, ours[i].why);
        }
    }
}

/* ---- recording ---- */

static void record(lua_State *L, struct moon_str pointer, struct moon_str value)
{
    struct moon_mutate_run *run = run_of(L);

    if (run->draft->answer.edit_count == MOON_MUTATE_MAX_EDITS) {
        moon_engine_shape_error(L, "more than %d changes of one pod", MOON_MUTATE_MAX_EDITS);
    }
    if (run->draft->bytes + pointer.len + value.len > MOON_MUTATE_MAX_BYTES) {
        moon_engine_shape_error(L, "more than %d KB of changes of one pod",
                                MOON_MUTATE_MAX_BYTES >> 10);
    }
    moon_engine_push_place(L);
    moon_draft_add(run->draft, run->link, lua_tostring(L, -1), pointer, value);
    lua_pop(L, 1);
}

/* The scratch buffer holds a value while a pointer is built: that is Lua's. */
static void record_text(lua_State *L, const char *pointer, struct moon_str text)
{
    struct moon_buf *out = &moon_engine_of(L)->scratch;

    moon_buf_clear(out);
    moon_json_add_string(out, text);
    record(L, moon_str(pointer), moon_buf_str(out));
}

static void check_metadata(lua_State *L, const char *method, struct moon_str pointer, int value)
{
    bool is_label = moon_str_starts(pointer, LABELS);
    struct moon_str text;

    if (!is_label && !moon_str_starts(pointer, ANNOTATIONS)) {
        return;
    }
    if (lua_type(L, value) != LUA_TSTRING) {
        moon_engine_shape_error(L, "pod:%s(\"%.160s\"): labels and annotations are texts, not a %s",
                                method, pointer.ptr, luaL_typename(L, value));
    }
    text.ptr = lua_tolstring(L, value, &text.len);
    if (is_label && !moon_is_label_value(text)) {
        moon_engine_shape_error(L, "pod:%s(\"%.160s\"): \"%.64s\" cannot be a label's value",
                                method, pointer.ptr, text.ptr);
    }
}

/* pod:set("/spec/containers/name=agent/image", value) */
static int pod_set(lua_State *L)
{
    struct moon_str pointer = text_at(L, 2, "set", "a JSON pointer");

    check_place(L, "set", pointer);
    if (lua_isnoneornil(L, 3)) {
        moon_engine_shape_error(
            L, "pod:set(\"%.160s\"): there is no value; pod:remove takes it away", pointer.ptr);
    }
    check_metadata(L, "set", pointer, 3);
    lua_settop(L, 3);
    record(L, pointer, moon_library_to_json(L));
    return 0;
}

static int pod_remove(lua_State *L)
{
    struct moon_str pointer = text_at(L, 2, "remove", "a JSON pointer");

    check_place(L, "remove", pointer);
    record(L, pointer, (struct moon_str){NULL, 0});
    return 0;
}

/* A token of a pointer: leaves "<head><escaped text><tail>" on the stack. */
static const char *push_pointer(lua_State *L, const char *head, const char *text, const char *tail)
{
    luaL_Buffer b;

    luaL_buffinit(L, &b);
    luaL_addstring(&b, head);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '~' || *c == '/') {
            luaL_addstring(&b, *c == '~' ? "~0" : "~1");
        } else {
            luaL_addchar(&b, *c);
        }
    }
    luaL_addstring(&b, tail);
    luaL_pushresult(&b);
    return lua_tostring(L, -1);
}

static int record_metadata(lua_State *L, const char *method, const char *head)
{
    struct moon_str key = text_at(L, 2, method, "a key");

    if (!moon_is_label_key(key)) {
        moon_engine_shape_error(L, "pod:%s: \"%.64s\" cannot be a key", method, key.ptr);
    }
    const char *pointer = push_pointer(L, head, key.ptr, "");
    check_place(L, method, moon_str(pointer));
    if (lua_isnoneornil(L, 3)) {
        record(L, moon_str(pointer), (struct moon_str){NULL, 0});
        return 0;
    }
    check_metadata(L, method, moon_str(pointer), 3);
    struct moon_str text;
    text.ptr = lua_tolstring(L, 3, &text.len);
    record_text(L, pointer, text);
    return 0;
}

/* pod:label(key, value): nil takes it away. */
static int pod_label(lua_State *L)
{
    return record_metadata(L, "label", LABELS);
}

static int pod_annotation(lua_State *L)
{
    return record_metadata(L, "annotation", ANNOTATIONS);
}

/* pod:image(container, image) */
static int pod_image(lua_State *L)
{
    struct moon_str container = text_at(L, 2, "image", "a container's name");
    struct moon_str image = text_at(L, 3, "image", "an image");

    record_text(L, push_pointer(L, SPEC "containers/name=", container.ptr, "/image"), image);
    return 0;
}

/* Left on the stack. A table has no text of its own, and its address is another in each process. */
static struct moon_str env_value(lua_State *L, const char *name)
{
    int type = lua_type(L, 4);
    struct moon_str text;

    if (type != LUA_TSTRING && type != LUA_TNUMBER && type != LUA_TBOOLEAN &&
        !moon_library_is_quantity(L, 4)) {
        moon_engine_shape_error(L, "pod:env: %s is a text, a number or true or false, not a %s",
                                name, lua_typename(L, type));
    }
    text.ptr = luaL_tolstring(L, 4, &text.len);
    return text;
}

/* pod:env(container, name, value): nil takes it away. The whole entry is put in: one that had its
 * value from elsewhere has this one now. */
static int pod_env(lua_State *L)
{
    struct moon_buf *out = &moon_engine_of(L)->scratch;
    struct moon_str container = text_at(L, 2, "env", "a container's name");
    struct moon_str name = text_at(L, 3, "env", "the variable's name");
    struct moon_str value = {NULL, 0};

    if (!lua_isnoneornil(L, 4)) {
        value = env_value(L, name.ptr);
    }
    const char *list = push_pointer(L, SPEC "containers/name=", container.ptr, "/env/name=");
    const char *pointer = push_pointer(L, list, name.ptr, "");
    if (value.ptr == NULL) {
        record(L, moon_str(pointer), value);
        return 0;
    }
    moon_buf_clear(out);
    moon_buf_puts(out, "{\"name\":");
    moon_json_add_string(out, name);
    moon_buf_puts(out, ",\"value\":");
    moon_json_add_string(out, value);
    moon_buf_putc(out, '}');
    record(L, moon_str(pointer), moon_buf_str(out));
    return 0;
}

/* ---- resources ---- */

/* Only of CPU there are fractions: half a byte of memory cannot be had. */
static void write_quantity(struct moon_quantity q, const char *resource, struct moon_buf *out)
{
    if (strcmp(resource, "cpu") != 0) {
        enum moon_quantity_format format = q.format;
        q = moon_quantity_from_i64(moon_quantity_units(q));
        q.format = format;
    }
    moon_buf_clear(out);
    moon_buf_putc(out, '"');
    moon_quantity_write(q, out);
    moon_buf_putc(out, '"');
}

/* Key and value of an entry are on the top. */
static void record_resource(lua_State *L, const char *head)
{
    struct moon_buf *out = &moon_engine_of(L)->scratch;
    int type = lua_type(L, -1);

    if (lua_type(L, -2) != LUA_TSTRING ||
        (type != LUA_TSTRING && type != LUA_TUSERDATA && !lua_isinteger(L, -1))) {
        moon_engine_shape_error(L, "pod:resources: %s is a quantity or a text such as \"500m\"",
                                lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "an entry");
    }
    const char *name = lua_tostring(L, -2);
    struct moon_quantity q = moon_library_to_quantity(L, lua_gettop(L));
    if (q.nano < 0) {
        moon_engine_shape_error(L, "pod:resources: %s is less than nothing", name);
    }
    const char *pointer = push_pointer(L, head, name, "");
    write_quantity(q, name, out);
    record(L, moon_str(pointer), moon_buf_str(out));
    lua_pop(L, 1);
}

/* { cpu = q, memory = "1Gi" } at the top, in order of its keys. */
static void record_resources(lua_State *L, const char *head)
{
    int entries = lua_gettop(L);

    moon_sandbox_push_entries(L);
    for (;;) {
        lua_pushvalue(L, -1);
        lua_call(L, 0, 2);
        if (lua_isnil(L, -2)) {
            break;
        }
        record_resource(L, head);
        lua_pop(L, 2);
    }
    lua_settop(L, entries);
}

/* pod:resources(container, { requests = { cpu = "100m" }, limits = { … } }) */
static int pod_resources(lua_State *L)
{
    static const char *const parts[] = {"requests", "limits"};
    struct moon_str container = text_at(L, 2, "resources", "a container's name");
    size_t found = 0;
    size_t entries = 0;

    if (lua_type(L, 3) != LUA_TTABLE) {
        moon_engine_shape_error(L, "pod:resources wants { requests = { … }, limits = { … } }");
    }
    for (lua_pushnil(L); lua_next(L, 3); lua_pop(L, 1)) {
        entries++;
    }
    for (size_t i = 0; i < MOON_ARRAY_SIZE(parts); i++) {
        lua_settop(L, 3);
        int type = lua_getfield(L, 3, parts[i]);
        if (type == LUA_TNIL) {
            continue;
        }
        if (type != LUA_TTABLE) {
            moon_engine_shape_error(L, "pod:resources: %s is a table, not a %s", parts[i],
                                    lua_typename(L, type));
        }
        const char *tail = i == 0 ? "/resources/requests/" : "/resources/limits/";
        const char *head = push_pointer(L, SPEC "containers/name=", container.ptr, tail);
        lua_insert(L, -2); /* below the table, which is the top again */
        record_resources(L, head);
        found++;
    }
    if (found != entries) {
        moon_engine_shape_error(L, "pod:resources has requests and limits, and nothing else");
    }
    return 0;
}

/* ---- what pod, if any ---- */

/* pod:skip(why): make none here, and replace none, for now. */
static int pod_skip(lua_State *L)
{
    struct moon_mutate_run *run = run_of(L);
    struct moon_mutation *m = &run->draft->answer;
    struct moon_str why = text_at(L, 2, "skip", "a reason");

    if (m->skip == NULL) {
        m->skip = moon_intern(moon_str_cut(why, MAX_REASON));
        m->skipped_by = moon_intern_cstr(run->link->version->name);
    }
    return 0;
}

static enum moon_pin read_pin(struct moon_str text)
{
    if (moon_str_is(text, "current")) {
        return MOON_PIN_CURRENT;
    }
    return moon_str_is(text, "stable") ? MOON_PIN_STABLE : MOON_PIN_HASH;
}

/* pod:revision("stable"): the first policy that says one decides. */
static int pod_revision(lua_State *L)
{
    struct moon_mutate_run *run = run_of(L);
    struct moon_mutation *m = &run->draft->answer;
    struct moon_str text = text_at(L, 2, "revision", "\"stable\", \"current\" or a hash");
    enum moon_pin pin = read_pin(text);
    struct moon_str unused;

    if (!run->opts->find(pin, text.ptr, &unused, run->opts->ctx)) {
        return moon_engine_shape_error(L, "pod:revision: the set has no revision \"%.64s\"",
                                       text.ptr);
    }
    if (run->draft->pinned_by == NULL) {
        run->draft->pinned_by = run->link;
        m->pin = pin;
        m->hash = pin == MOON_PIN_HASH ? moon_intern(text) : NULL;
        m->pinned_by = moon_intern_cstr(run->link->version->name);
        return 0;
    }
    bool same = m->pin == pin && (pin != MOON_PIN_HASH || moon_str_is(text, m->hash));
    if (run->draft->pinned_by == run->link && !same) {
        return moon_engine_shape_error(L, "pod:revision: \"%s\" was said before",
                                       moon_mutation_revision(m));
    }
    return 0;
}

/* ---- the view ---- */

#define METHOD(name)                                                                               \
    static int push_##name(lua_State *L, const struct moon_view *v MOON_UNUSED)                    \
    {                                                                                              \
        lua_pushcfunction(L, pod_##name);                                                          \
        return 1;                                                                                  \
    }
METHOD(set)
METHOD(remove)
METHOD(label)
METHOD(annotation)
METHOD(image)
METHOD(env)
METHOD(resources)
METHOD(skip)
METHOD(revision)

static const struct moon_view_field fields[] = {
    {"set", push_set, "(pointer: string, value: any)",
     "put a value into the template: a JSON pointer, in which name=x is an element of a list"},
    {"remove", push_remove, "(pointer: string)", "take something out of the template"},
    {"label", push_label, "(key: string, value: string?)", "nil takes it away"},
    {"annotation", push_annotation, "(key: string, value: string?)", "nil takes it away"},
    {"image", push_image, "(container: string, image: string)", ""},
    {"env", push_env, "(container: string, name: string, value: any)", "nil takes it away"},
    {"resources", push_resources, "(container: string, resources: table)",
     "{ requests = { cpu = \"100m\" }, limits = { memory = quantity } }"},
    {"skip", push_skip, "(why: string)", "make no pod here, and replace none, for now"},
    {"revision", push_revision, "(which: \"stable\"|\"current\"|string)",
     "of which revision the pod is; the first policy that says it decides"},
    {NULL, NULL, NULL, NULL},
};

const struct moon_view_class moon_view_made_pod = {
    .type = "MadePod",
    .doc = "The pod that a node is to have; only the hook mutate sees it.",
    .name = "pod to be made",
    .fields = fields,
};
