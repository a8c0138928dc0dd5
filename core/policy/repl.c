/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/repl.h"

#include <lauxlib.h>

#include "policy/engine.h"

enum {
    BUDGET_US = 200 * 1000,
    SHOWN_MAX = 50, /* entries of a list; further ones are counted */
    DEPTH_MAX = 3,
    CHUNK_MAX_BYTES = 64 * 1024
};

struct moon_repl {
    struct moon_repl_opts opts;
    struct moon_engine *engine;
    int env_ref;
    struct moon_buf *out; /* of the run */
};

/* ---- the environment ---- */

static const struct moon_repl *repl_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

static void write_set_name(const struct moon_set_view *s, char out[512])
{
    const struct moon_object *o = &s->set->meta;

    (void)snprintf(out, 512, "%s/%s", o->namespace != NULL ? o->namespace : "", o->name);
}

static int find_set(lua_State *L)
{
    const struct moon_repl *r = repl_of(L);
    const char *wanted = luaL_checkstring(L, 1);
    char name[512];

    for (size_t i = 0; i < r->opts.set_count; i++) {
        write_set_name(&r->opts.sets[i], name);
        if (strcmp(name, wanted) == 0) {
            moon_view_push(L, MOON_VIEW_SET, &r->opts.sets[i]);
            return 1;
        }
    }
    return luaL_error(L, "there is no set %s", wanted);
}

/* What was assigned at the prompt, then what a policy has. */
static int make_env(lua_State *L)
{
    struct moon_repl *r = lua_touserdata(L, 1);

    lua_newtable(L);
    lua_newtable(L);
    moon_sandbox_push_env(L);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_pushlightuserdata(L, r);
    lua_pushcclosure(L, find_set, 1);
    lua_setfield(L, -2, "set");
    r->env_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

/* Views live for one call. */
static int push_objects(lua_State *L)
{
    const struct moon_repl *r = lua_touserdata(L, 1);
    char name[512];

    lua_rawgeti(L, LUA_REGISTRYINDEX, r->env_ref);
    lua_createtable(L, 0, (int)r->opts.node_count);
    for (size_t i = 0; i < r->opts.node_count; i++) {
        moon_view_push(L, MOON_VIEW_NODE, r->opts.nodes[i]);
        lua_setfield(L, -2, r->opts.nodes[i]->meta.name);
    }
    lua_setfield(L, -2, "nodes");
    lua_createtable(L, 0, (int)r->opts.set_count);
    for (size_t i = 0; i < r->opts.set_count; i++) {
        write_set_name(&r->opts.sets[i], name);
        moon_view_push(L, MOON_VIEW_SET, &r->opts.sets[i]);
        lua_setfield(L, -2, name);
    }
    lua_setfield(L, -2, "sets");
    return 0;
}

/* ---- printing; the value is on the top ---- */

static void print_value(lua_State *L, struct moon_buf *out, int depth);

static void print_text(lua_State *L, struct moon_buf *out)
{
    lua_pushcfunction(L, moon_sandbox_tostring);
    lua_pushvalue(L, -2);
    lua_call(L, 1, 1);
    moon_buf_puts(out, lua_tostring(L, -1));
    lua_pop(L, 1);
}

/* May it stand without quotes? */
static bool is_word(const char *text)
{
    static const char letters[] = "0123456789_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

    return text[0] > '9' && text[strspn(text, letters)] == '\0';
}

static void print_key(lua_State *L, int index, struct moon_buf *out)
{
    const char *text = lua_type(L, index) == LUA_TSTRING ? lua_tostring(L, index) : NULL;

    if (text != NULL && is_word(text)) {
        moon_buf_printf(out, "%s = ", text);
    } else if (lua_type(L, index) != LUA_TNUMBER) {
        moon_buf_putc(out, '[');
        lua_pushvalue(L, index);
        print_value(L, out, DEPTH_MAX);
        lua_pop(L, 1);
        moon_buf_puts(out, "] = ");
    }
}

/* In the defined order, of a table or of a view with entries. */
static void print_entries(lua_State *L, struct moon_buf *out, int depth)
{
    size_t count = 0;

    lua_pushcfunction(L, moon_sandbox_pairs);
    lua_pushvalue(L, -2);
    lua_call(L, 1, 1); /* the iterator */
    moon_buf_putc(out, '{');
    for (;;) {
        lua_pushvalue(L, -1);
        lua_call(L, 0, 2);
        if (lua_isnil(L, -2)) {
            lua_pop(L, 2);
            break;
        }
        if (count < SHOWN_MAX) {
            moon_buf_puts(out, count > 0 ? ", " : " ");
            print_key(L, -2, out);
            print_value(L, out, depth + 1);
        }
        count++;
        lua_pop(L, 2);
    }
    lua_pop(L, 1);
    if (count > SHOWN_MAX) {
        moon_buf_printf(out, ", … %zu more", count - SHOWN_MAX);
    }
    moon_buf_puts(out, count > 0 ? " }" : "}");
}

static void print_fields(lua_State *L, const struct moon_view *view,
                         const struct moon_view_class *class, struct moon_buf *out)
{
    print_text(L, out);
    for (const struct moon_view_field *f = class->fields; f->name != NULL; f++) {
        if (view->slot == NULL && moon_str_starts(moon_str(f->doc), "in a roll: ")) {
            continue; /* an error to read here */
        }
        moon_buf_printf(out, "\n  %s = ", f->name);
        (void)f->get(L, view);
        print_value(L, out, 1);
        lua_pop(L, 1);
    }
}

static const struct moon_view_class *with_fields(enum moon_view_kind kind)
{
    if (kind == MOON_VIEW_NODE) {
        return &moon_view_node;
    }
    if (kind == MOON_VIEW_SET) {
        return &moon_view_set;
    }
    return kind == MOON_VIEW_TEMPLATE ? &moon_view_template : NULL;
}

static bool has_entries(enum moon_view_kind kind)
{
    return kind == MOON_VIEW_LABELS || kind == MOON_VIEW_TAINTS || kind == MOON_VIEW_CONDITIONS ||
           kind == MOON_VIEW_AMOUNTS || kind == MOON_VIEW_TOLERATIONS;
}

static void print_view(lua_State *L, struct moon_buf *out, int depth)
{
    const struct moon_view view = *moon_view_any(L, -1); /* what is printed makes others */
    const struct moon_view_class *class = with_fields(view.kind);

    if (class != NULL && depth == 0) {
        print_fields(L, &view, class, out);
    } else if (has_entries(view.kind) && depth < DEPTH_MAX) {
        print_entries(L, out, depth);
    } else {
        print_text(L, out);
    }
}

static void print_value(lua_State *L, struct moon_buf *out, int depth)
{
    luaL_checkstack(L, 16, "too deep");
    switch (lua_type(L, -1)) {
    case LUA_TSTRING: {
        struct moon_str text;
        text.ptr = lua_tolstring(L, -1, &text.len);
        moon_json_add_string(out, text);
        break;
    }
    case LUA_TLIGHTUSERDATA:
        print_view(L, out, depth);
        break;
    case LUA_TTABLE:
        if (depth < DEPTH_MAX && luaL_getmetafield(L, -1, "__tostring") == LUA_TNIL) {
            print_entries(L, out, depth);
            break;
        }
        lua_settop(L, lua_gettop(L) - (depth < DEPTH_MAX ? 1 : 0));
        print_text(L, out);
        break;
    default:
        print_text(L, out);
        break;
    }
}

/* ---- running ---- */

/* (chunk, repl): call it, and print what it returns. */
static int call_and_print(lua_State *L)
{
    const struct moon_repl *r = lua_touserdata(L, 2);
    int base = lua_gettop(L);

    lua_pushvalue(L, 1);
    lua_call(L, 0, LUA_MULTRET);
    int last = lua_gettop(L);
    for (int i = base + 1; i <= last; i++) {
        lua_pushvalue(L, i);
        print_value(L, r->out, 0);
        lua_pop(L, 1);
        moon_buf_putc(r->out, '\n');
    }
    return 0;
}

/* A state that was stopped is gone, and with it what was assigned. */
static int ready(struct moon_repl *r, struct moon_fault *ret)
{
    if (r->engine != NULL && !moon_engine_is_spent(r->engine)) {
        return 0;
    }
    moon_engine_free(r->engine);
    r->engine = moon_engine_new(1);
    r->engine->name = "repl";
    r->engine->params_ref = LUA_REFNIL;
    moon_engine_enter(r->engine, (struct moon_budget){BUDGET_US, BUDGET_US});
    int rc = moon_engine_protect(r->engine, make_env, r, ret);
    (void)moon_engine_leave(r->engine);
    return rc;
}

/* An expression, or else statements. The chunk is on the stack. */
static int compile(struct moon_repl *r, struct moon_str text, struct moon_fault *ret)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf expression = MOON_BUF_INIT(CHUNK_MAX_BYTES);
    struct moon_fault ignored;

    moon_buf_puts(&expression, "return ");
    moon_buf_add_str(&expression, text);
    int rc = moon_engine_compile(r->engine, "=line", moon_buf_str(&expression), &ignored);
    return rc == 0 ? 0 : moon_engine_compile(r->engine, "=line", text, ret);
}

static int run(struct moon_repl *r, struct moon_str text, struct moon_fault *ret)
{
    lua_State *L = r->engine->L;

    if (moon_engine_protect(r->engine, push_objects, r, ret) != 0 || compile(r, text, ret) != 0) {
        return -1;
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, r->env_ref);
    (void)lua_setupvalue(L, -2, 1); /* _ENV */
    lua_pushcfunction(L, call_and_print);
    lua_insert(L, -2);
    lua_pushlightuserdata(L, r);
    return moon_engine_call(r->engine, 2, 0, ret);
}

static bool could_go_on(const struct moon_fault *fault)
{
    return strstr(fault->text, "near <eof>") != NULL;
}

enum moon_repl_outcome moon_repl_run(struct moon_repl *r, struct moon_str text,
                                     struct moon_buf *out)
{
    struct moon_fault fault;
    size_t before = out->len;

    r->out = out;
    int rc = ready(r, &fault);
    if (rc == 0) {
        moon_engine_enter(r->engine, (struct moon_budget){BUDGET_US, BUDGET_US});
        rc = run(r, text, &fault);
        (void)moon_engine_leave(r->engine);
        moon_views_forget(&r->engine->views);
    }
    if (!moon_engine_is_spent(r->engine)) {
        lua_settop(r->engine->L, 1);
        moon_engine_rest(r->engine);
    }
    if (rc == 0) {
        return MOON_REPL_DONE;
    }
    if (could_go_on(&fault)) {
        return MOON_REPL_INCOMPLETE;
    }
    moon_buf_truncate(out, before);
    moon_buf_puts(out, fault.text);
    return MOON_REPL_FAILED;
}

/* ---- life ---- */

struct moon_repl *moon_repl_new(const struct moon_repl_opts *opts)
{
    struct moon_repl *r = moon_new(struct moon_repl);

    r->opts = *opts;
    return r;
}

void moon_repl_free(struct moon_repl *r)
{
    if (r != NULL) {
        moon_engine_free(r->engine);
        moon_free(r);
    }
}
