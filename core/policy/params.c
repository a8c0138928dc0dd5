/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/params.h"

#include <math.h>

#include <lauxlib.h>

#include "kube/intstr.h"
#include "kube/selector.h"
#include "policy/closest.h"
#include "policy/engine.h"

static const char *const type_names[MOON_PARAM_TYPES + 1] = {
    "string", "integer", "number", "boolean", "duration", "intstr", "selector", "list", NULL};

enum {
    MAX_PARAMS = 64,
    MAX_ITEMS = 256,
    MAX_WORDS = 32,
    WORDS_TEXT = 512,
    MAX_TEXT = 4096,
    MAX_ALL_TEXTS = 64 * 1024, /* defaults and docs of a policy together */
};

void moon_params_fini(struct moon_params *p)
{
    for (size_t i = 0; i < p->count; i++) {
        moon_free(p->items[i].name);
        moon_free(p->items[i].doc);
        cJSON_Delete(p->items[i].fallback);
        cJSON_Delete(p->items[i].one_of);
    }
    moon_free(p->items);
    *p = (struct moon_params){0};
}

const char *moon_param_type_name(enum moon_param_type type)
{
    return type_names[type];
}

const struct moon_param *moon_params_find(const struct moon_params *p, const char *name)
{
    for (size_t i = 0; i < p->count; i++) {
        if (moon_streq(p->items[i].name, name)) {
            return &p->items[i];
        }
    }
    return NULL;
}

/* ---- values ---- */

static int wrong(const struct moon_param *p, struct moon_err *err, const char *wanted)
{
    return moon_err_set(err, MOON_E_INVALID, "parameter '%s' must be %s", p->name, wanted);
}

static bool is_whole(const cJSON *v)
{
    return cJSON_IsNumber(v) && v->valuedouble == floor(v->valuedouble) &&
           fabs(v->valuedouble) < 9007199254740992.0;
}

/* A misspelt word must not be taken for another wish. */
static int check_word(const struct moon_param *p, const char *text, struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf words = MOON_BUF_INIT(WORDS_TEXT);
    struct moon_closest closest;
    char hint[MOON_CLOSEST_TEXT];
    const cJSON *word;

    moon_closest_init(&closest, text);
    cJSON_ArrayForEach (word, p->one_of) {
        if (moon_streq(word->valuestring, text)) {
            return 0;
        }
        moon_closest_offer(&closest, word->valuestring);
        moon_buf_printf(&words, "%s%s", words.len > 0 ? ", " : "", word->valuestring);
    }
    return moon_err_set(err, MOON_E_INVALID, "parameter '%s' is one of %s, not '%.64s'%s", p->name,
                        moon_buf_cstr(&words), text, moon_closest_text(&closest, hint));
}

/* YAML types what looks like a number: "1.28" for a text parameter is refused, not guessed at. */
static cJSON *text_value(const struct moon_param *p, const cJSON *v, struct moon_err *err)
{
    if (!cJSON_IsString(v)) {
        (void)wrong(p, err, "a text; put it in quotes");
        return NULL;
    }
    if (p->one_of != NULL && check_word(p, v->valuestring, err) != 0) {
        return NULL;
    }
    return cJSON_CreateString(v->valuestring);
}

static cJSON *duration_value(const struct moon_param *p, const cJSON *v, struct moon_err *err)
{
    uint64_t ms;

    if (is_whole(v) && v->valuedouble >= 0) {
        return cJSON_CreateNumber(v->valuedouble);
    }
    if (cJSON_IsString(v) && moon_parse_duration_ms(moon_str(v->valuestring), &ms)) {
        uint64_t whole_s = (ms + 999) / 1000;
        return cJSON_CreateNumber((double)whole_s);
    }
    (void)wrong(p, err, "a duration such as 30s, 10m or 1h30m");
    return NULL;
}

static cJSON *intstr_value(const struct moon_param *p, const cJSON *v, struct moon_err *err)
{
    struct moon_intstr parsed;
    struct moon_err detail;

    if (cJSON_IsNull(v) || moon_intstr_from_json(v, &parsed, &detail) != 0) {
        (void)wrong(p, err, "a number or a percent such as \"10%\"");
        return NULL;
    }
    return cJSON_Duplicate(v, false);
}

static cJSON *selector_value(const struct moon_param *p, const cJSON *v, struct moon_err *err)
{
    MOON_CLEANUP(moon_selector_free_ptr) struct moon_selector *parsed = NULL;
    struct moon_err detail;

    if (!cJSON_IsString(v)) {
        (void)wrong(p, err, "a label selector such as \"a=b,!c\"");
        return NULL;
    }
    parsed = moon_selector_parse(moon_str(v->valuestring), &detail);
    if (parsed == NULL) {
        (void)moon_err_set(err, MOON_E_INVALID, "parameter '%s': %s", p->name, detail.text);
        return NULL;
    }
    return cJSON_CreateString(v->valuestring);
}

static cJSON *list_value(const struct moon_param *p, const cJSON *v, struct moon_err *err)
{
    const cJSON *item;

    if (!cJSON_IsArray(v) || cJSON_GetArraySize(v) > MAX_ITEMS) {
        (void)wrong(p, err, "a list of texts");
        return NULL;
    }
    cJSON_ArrayForEach (item, v) {
        if (!cJSON_IsString(item)) {
            (void)wrong(p, err, "a list of texts");
            return NULL;
        }
    }
    return cJSON_Duplicate(v, true);
}

cJSON *moon_param_value(const struct moon_param *p, const cJSON *given, struct moon_err *err)
{
    switch (p->type) {
    case MOON_PARAM_STRING:
        return text_value(p, given, err);
    case MOON_PARAM_INTEGER:
        if (is_whole(given)) {
            return cJSON_CreateNumber(given->valuedouble);
        }
        (void)wrong(p, err, "an integer");
        return NULL;
    case MOON_PARAM_NUMBER:
        if (cJSON_IsNumber(given)) {
            return cJSON_CreateNumber(given->valuedouble);
        }
        (void)wrong(p, err, "a number");
        return NULL;
    case MOON_PARAM_BOOLEAN:
        if (cJSON_IsBool(given)) {
            return cJSON_CreateBool(cJSON_IsTrue(given));
        }
        (void)wrong(p, err, "true or false");
        return NULL;
    case MOON_PARAM_DURATION:
        return duration_value(p, given, err);
    case MOON_PARAM_INTSTR:
        return intstr_value(p, given, err);
    case MOON_PARAM_SELECTOR:
        return selector_value(p, given, err);
    case MOON_PARAM_LIST:
        return list_value(p, given, err);
    case MOON_PARAM_TYPES:
        break;
    }
    moon_assert(false);
    return NULL;
}

/* ---- declarations ---- */

static const char *const declaration_keys[] = {"type", "default", "doc", "required", "one_of"};

static void check_keys(lua_State *L, const char *name)
{
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        struct moon_closest closest;
        char hint[MOON_CLOSEST_TEXT];
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";

        moon_closest_init(&closest, key);
        if (!moon_closest_is_one_of(&closest, declaration_keys,
                                    MOON_ARRAY_SIZE(declaration_keys))) {
            luaL_error(L, "parameter '%s': unknown key '%s'%s", name, key,
                       moon_closest_text(&closest, hint));
        }
    }
}

static enum moon_param_type read_type(lua_State *L, const char *name)
{
    struct moon_closest closest;
    char hint[MOON_CLOSEST_TEXT];

    if (lua_getfield(L, -1, "type") != LUA_TSTRING) {
        luaL_error(L, "parameter '%s': 'type' is missing", name);
    }
    const char *text = lua_tostring(L, -1);
    moon_closest_init(&closest, text);
    for (int i = 0; i < MOON_PARAM_TYPES; i++) {
        if (moon_streq(type_names[i], text)) {
            lua_pop(L, 1);
            return (enum moon_param_type)i;
        }
        moon_closest_offer(&closest, type_names[i]);
    }
    luaL_error(L, "parameter '%s': unknown type '%s'%s", name, text,
               moon_closest_text(&closest, hint));
    return MOON_PARAM_TYPES;
}

/* The text on the top. What is kept of it is kept outside of the state, so it is counted here. */
static const char *text_at_top(lua_State *L, const char *name, size_t *texts)
{
    size_t len;
    const char *text = lua_tolstring(L, -1, &len);

    moon_engine_poll(L);
    *texts += len;
    if (len > MAX_TEXT || *texts > MAX_ALL_TEXTS) {
        luaL_error(L, "parameter '%s': a text of more than %d bytes, or more than %d KB in all",
                   name, MAX_TEXT, MAX_ALL_TEXTS >> 10);
    }
    return text;
}

/* The value on the top as JSON, held by `*holder` from the first moment. */
static void to_json(lua_State *L, const char *name, const char *what, cJSON **holder, size_t *texts)
{
    switch (lua_type(L, -1)) {
    case LUA_TBOOLEAN:
        *holder = cJSON_CreateBool(lua_toboolean(L, -1));
        return;
    case LUA_TNUMBER:
        *holder = cJSON_CreateNumber((double)lua_tonumber(L, -1));
        return;
    case LUA_TSTRING:
        *holder = cJSON_CreateString(text_at_top(L, name, texts));
        return;
    case LUA_TTABLE:
        break;
    default:
        luaL_error(L, "parameter '%s': '%s' is a %s", name, what, luaL_typename(L, -1));
    }
    *holder = cJSON_CreateArray();
    lua_Integer n = (lua_Integer)lua_rawlen(L, -1);
    if (n > MAX_ITEMS) {
        luaL_error(L, "parameter '%s': '%s' has more than %d entries", name, what, MAX_ITEMS);
    }
    for (lua_Integer i = 1; i <= n; i++) {
        if (lua_rawgeti(L, -1, i) != LUA_TSTRING) {
            luaL_error(L, "parameter '%s': '%s' is a list of texts", name, what);
        }
        cJSON_AddItemToArray(*holder, cJSON_CreateString(text_at_top(L, name, texts)));
        lua_pop(L, 1);
    }
}

static void read_words(lua_State *L, struct moon_param *p, size_t *texts)
{
    if (lua_getfield(L, -1, "one_of") != LUA_TNIL) {
        if (p->type != MOON_PARAM_STRING || lua_type(L, -1) != LUA_TTABLE) {
            luaL_error(L, "parameter '%s': 'one_of' is a list of words, for a string", p->name);
        }
        to_json(L, p->name, "one_of", &p->one_of, texts);
        int count = cJSON_GetArraySize(p->one_of);
        if (count == 0 || count > MAX_WORDS) {
            luaL_error(L, "parameter '%s': 'one_of' has 1 to %d words", p->name, MAX_WORDS);
        }
    }
    lua_pop(L, 1);
}

static void read_default(lua_State *L, struct moon_param *p, size_t *texts)
{
    struct moon_err err;

    if (lua_getfield(L, -1, "default") != LUA_TNIL) {
        to_json(L, p->name, "default", &p->fallback, texts);
        cJSON *value = moon_param_value(p, p->fallback, &err);
        if (value == NULL) {
            luaL_error(L, "default: %s", err.text);
        }
        cJSON_Delete(p->fallback);
        p->fallback = value;
    }
    lua_pop(L, 1);
}

static void read_one(lua_State *L, struct moon_params *p, size_t *texts)
{
    if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TTABLE) {
        luaL_error(L, "'params' is written { name = { type = \"…\", default = … } }");
    }
    const char *name = lua_tostring(L, -2);
    luaL_argcheck(L, lua_rawlen(L, -2) <= MAX_TEXT, 1, "the name of a parameter is too long");
    check_keys(L, name);
    enum moon_param_type type = read_type(L, name);
    if (p->count == MAX_PARAMS) {
        luaL_error(L, "more than %d parameters", MAX_PARAMS);
    }
    p->items = moon_realloc_array(p->items, p->count + 1, sizeof(*p->items));
    struct moon_param *one = &p->items[p->count++];
    *one = (struct moon_param){.name = moon_strdup(name), .type = type};
    if (lua_getfield(L, -1, "doc") == LUA_TSTRING) {
        one->doc = moon_strdup(text_at_top(L, name, texts));
    }
    lua_pop(L, 1);
    lua_getfield(L, -1, "required");
    one->required = lua_toboolean(L, -1);
    lua_pop(L, 1);
    read_words(L, one, texts);
    read_default(L, one, texts);
}

void moon_params_read(lua_State *L, struct moon_params *p)
{
    size_t texts = 0;

    if (lua_type(L, -1) != LUA_TTABLE) {
        luaL_error(L, "'params' is a %s, not a table", luaL_typename(L, -1));
    }
    lua_pushcfunction(L, moon_sandbox_pairs);
    lua_pushvalue(L, -2);
    lua_call(L, 1, 1);
    for (;;) {
        lua_pushvalue(L, -1);
        lua_call(L, 0, 2);
        if (lua_isnil(L, -2)) {
            break;
        }
        read_one(L, p, &texts);
        lua_pop(L, 2);
    }
    lua_pop(L, 3);
}

/* ---- set.params ---- */

static void push_value(lua_State *L, enum moon_param_type type, const cJSON *v)
{
    const cJSON *item;
    lua_Integer i = 0;

    if (cJSON_IsString(v)) {
        lua_pushstring(L, v->valuestring);
    } else if (cJSON_IsBool(v)) {
        lua_pushboolean(L, cJSON_IsTrue(v));
    } else if (cJSON_IsNumber(v) && type == MOON_PARAM_NUMBER) {
        lua_pushnumber(L, v->valuedouble);
    } else if (cJSON_IsNumber(v)) {
        lua_pushinteger(L, (lua_Integer)v->valuedouble);
    } else {
        lua_newtable(L);
        cJSON_ArrayForEach (item, v) {
            lua_pushstring(L, item->valuestring);
            lua_rawseti(L, -2, ++i);
        }
    }
}

/* Upvalue 1: the names that are declared. One without a value is nil, any other name an error. */
static int params_index(lua_State *L)
{
    struct moon_closest closest;
    char hint[MOON_CLOSEST_TEXT];

    lua_settop(L, 2);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) {
        lua_pushnil(L);
        return 1;
    }
    moon_closest_init(&closest, lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "");
    for (lua_pushnil(L); lua_next(L, lua_upvalueindex(1)); lua_pop(L, 1)) {
        moon_closest_offer(&closest, lua_tostring(L, -2));
    }
    return luaL_error(L, "this policy declares no parameter '%s'%s", closest.word,
                      moon_closest_text(&closest, hint));
}

void moon_params_push(lua_State *L, const struct moon_params *p, const cJSON *values)
{
    lua_newtable(L); /* the values */
    lua_newtable(L); /* the names */
    for (size_t i = 0; i < p->count; i++) {
        const struct moon_param *one = &p->items[i];
        const cJSON *v = values != NULL ? moon_json_member(values, one->name) : NULL;
        v = v != NULL ? v : one->fallback;
        if (v != NULL) {
            push_value(L, one->type, v);
            lua_setfield(L, -3, one->name);
        }
        lua_pushboolean(L, 1);
        lua_setfield(L, -2, one->name);
    }
    int names = lua_gettop(L);
    int real = names - 1;
    lua_pushvalue(L, real);
    moon_sandbox_freeze(L, "parameter");
    /* The frozen table's own "unknown name" becomes ours, which knows what is declared. */
    lua_getmetatable(L, real);
    lua_pushvalue(L, names);
    lua_pushcclosure(L, params_index, 1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
    lua_replace(L, real);
    lua_settop(L, real);
}
