/* SPDX-License-Identifier: Apache-2.0
 *
 * reference.c - the editor stubs and the names for luacheck.
 */
#include "policy/reference.h"

#include <lauxlib.h>

#include "policy/bundle.h"
#include "policy/reference_priv.h"
#include "policy/signature.h"

/* ---- stubs ---- */

/* "name?: type" of an argument, as the language server writes it. */
static void add_argument(struct moon_buf *out, const struct moon_argument *a)
{
    moon_buf_printf(out, "%.*s%s: %.*s", MOON_STR_ARG(a->name), a->optional ? "?" : "",
                    MOON_STR_ARG(a->type));
}

/* A method or hook as a type: "fun(self: Roll, why: string): boolean". */
static void add_function_type(struct moon_buf *out, const char *self, const char *signature)
{
    struct moon_signature s;

    moon_signature_read(signature, &s);
    moon_buf_puts(out, "fun(");
    if (self != NULL) {
        moon_buf_printf(out, "self: %s%s", self, s.arg_count > 0 ? ", " : "");
    }
    for (size_t i = 0; i < s.arg_count; i++) {
        moon_buf_puts(out, i > 0 ? ", " : "");
        add_argument(out, &s.args[i]);
    }
    moon_buf_putc(out, ')');
    for (size_t i = 0; i < s.return_count; i++) {
        bool function = moon_str_starts(s.returns[i], "fun(");
        moon_buf_printf(out, "%s%s%.*s%s", i > 0 ? ", " : ": ", function ? "(" : "",
                        MOON_STR_ARG(s.returns[i]), function ? ")" : "");
    }
}

static void add_doc(struct moon_buf *out, const char *doc)
{
    moon_buf_printf(out, "%s%s\n", doc[0] != '\0' ? " " : "", doc);
}

static void add_field(struct moon_buf *out, const char *class, const char *name, const char *type,
                      const char *doc)
{
    moon_buf_printf(out, "---@field %s ", name);
    if (type[0] == '(') {
        add_function_type(out, class, type);
    } else {
        moon_buf_puts(out, type);
    }
    add_doc(out, doc);
}

static void begin_class(struct moon_buf *out, const char *type, const char *doc)
{
    moon_buf_printf(out, "\n---%s\n---@class %s\n", doc, type);
}

static void stub_view(const struct moon_view_class *c, void *ctx)
{
    struct moon_buf *out = ctx;

    begin_class(out, c->type, c->doc);
    if (c->entries != NULL) {
        struct moon_str rest = moon_str(c->entries);
        struct moon_str key;
        (void)moon_str_split(&rest, ':', &key);
        moon_buf_printf(out, "---@field %.*s%.*s\n", MOON_STR_ARG(key), MOON_STR_ARG(rest));
    }
    for (const struct moon_view_field *f = c->fields; f != NULL && f->name != NULL; f++) {
        add_field(out, c->type, f->name, f->type, f->doc);
    }
}

static void stub_shape(struct moon_buf *out, const struct moon_shape *shape)
{
    begin_class(out, shape->type, shape->doc);
    for (const struct moon_shape_field *f = shape->fields; f->name != NULL; f++) {
        add_field(out, NULL, f->name, f->type, f->doc);
    }
}

static void stub_policy(struct moon_buf *out)
{
    stub_shape(out, &moon_policy_shape);
    for (int hook = 0; hook < MOON_HOOKS; hook++) {
        const struct moon_hook_info *info = moon_hook_info((enum moon_hook)hook);
        moon_buf_printf(out, "---@field %s? ", info->name);
        add_function_type(out, NULL, info->signature);
        moon_buf_printf(out, " %s When it fails: %s.\n", info->doc, info->on_failure);
    }
}

static void stub_library_class(struct moon_buf *out, const struct moon_library_class *class)
{
    if (class->type == NULL) {
        return;
    }
    begin_class(out, class->type, class->doc);
    for (const struct moon_library_entry *e = class->methods; e != NULL && e->name != NULL; e++) {
        add_field(out, class->type, e->name, e->signature, e->doc);
    }
    for (const char *const *o = class->operators; o != NULL && *o != NULL; o++) {
        moon_buf_printf(out, "---@operator %s\n", *o);
    }
}

static void stub_function(struct moon_buf *out, const char *library,
                          const struct moon_library_entry *e)
{
    struct moon_signature s;

    moon_signature_read(e->signature, &s);
    moon_buf_putc(out, '\n');
    if (e->doc[0] != '\0') {
        moon_buf_printf(out, "---%s\n", e->doc);
    }
    if (s.generics.len > 0) {
        moon_buf_printf(out, "---@generic %.*s\n", MOON_STR_ARG(s.generics));
    }
    for (size_t i = 0; i < s.arg_count; i++) {
        moon_buf_printf(out, "---@param %.*s%s %.*s\n", MOON_STR_ARG(s.args[i].name),
                        s.args[i].optional ? "?" : "", MOON_STR_ARG(s.args[i].type));
    }
    for (size_t i = 0; i < s.return_count; i++) {
        moon_buf_printf(out, "---@return %.*s\n", MOON_STR_ARG(s.returns[i]));
    }
    moon_buf_printf(out, "function moonset%s%s.%s(", library != NULL ? "." : "",
                    library != NULL ? library : "", e->name);
    for (size_t i = 0; i < s.arg_count; i++) {
        moon_buf_printf(out, "%s%.*s", i > 0 ? ", " : "", MOON_STR_ARG(s.args[i].name));
    }
    moon_buf_puts(out, ") end\n");
}

static void stub_library(struct moon_buf *out, const struct moon_library *library)
{
    if (library->name != NULL) {
        moon_buf_printf(out, "\n---%s\n---@class moonset.%s\nmoonset.%s = {}\n", library->doc,
                        library->name, library->name);
    }
    for (const struct moon_library_entry *e = library->functions; e->name != NULL; e++) {
        stub_function(out, library->name, e);
    }
}

void moon_reference_each_view(void (*fn)(const struct moon_view_class *c, void *ctx), void *ctx)
{
    const char *before = "";

    for (int kind = MOON_VIEW_NONE + 1; kind < MOON_VIEW_KINDS; kind++) {
        const struct moon_view_class *c = moon_view_class((enum moon_view_kind)kind);
        if (!moon_streq(c->type, before)) { /* old and new pods look alike */
            fn(c, ctx);
        }
        before = c->type;
    }
}

void moon_reference_stubs(struct moon_buf *out)
{
    moon_buf_puts(
        out, "-- SPDX-License-Identifier: Apache-2.0\n"
             "-- What policies may use, for the Lua language server. Made by `moonset policy doc "
             "--stubs`:\n-- change the tables in core/policy, not this file.\n---@meta\n\n"
             "---@alias Effect \"NoSchedule\"|\"PreferNoSchedule\"|\"NoExecute\"\n");
    stub_policy(out);
    for (size_t i = 0; moon_shapes[i] != NULL; i++) {
        stub_shape(out, moon_shapes[i]);
    }
    moon_reference_each_view(stub_view, out);
    for (size_t i = 0; moon_library_classes[i] != NULL; i++) {
        stub_library_class(out, moon_library_classes[i]);
    }
    moon_buf_puts(out, "\n---What policies call instead of writing it themselves.\n"
                       "---@class moonset\n---@field version string\n---@field api integer\n"
                       "moonset = {}\n");
    for (size_t i = 0; moon_libraries[i] != NULL; i++) {
        stub_library(out, moon_libraries[i]);
    }
}

/* ---- luacheck ---- */

/* Looks around in the sandbox. */
static const char lister[] = "local out = {}\n"
                             "local function names(t, indent)\n"
                             "  local line = indent\n"
                             "  for name in moonset.spairs(t) do\n"
                             "    local word = ('\"%s\",'):format(name)\n"
                             "    if #line + #word > 96 then\n"
                             "      out[#out + 1] = line\n"
                             "      line = indent\n"
                             "    end\n"
                             "    line = line .. (line == indent and '' or ' ') .. word\n"
                             "  end\n"
                             "  out[#out + 1] = line\n"
                             "end\n"
                             "local function tables(t, indent)\n"
                             "  for name, value in moonset.spairs(t) do\n"
                             "    if type(value) == 'table' then\n"
                             "      out[#out + 1] = indent .. name .. ' = {'\n"
                             "      out[#out + 1] = indent .. '  fields = {'\n"
                             "      names(value, indent .. '    ')\n"
                             "      tables(value, indent .. '    ')\n"
                             "      out[#out + 1] = indent .. '  },'\n"
                             "      out[#out + 1] = indent .. '},'\n"
                             "    end\n"
                             "  end\n"
                             "end\n"
                             "local plain = {}\n"
                             "for name, value in moonset.spairs(_ENV) do\n"
                             "  plain[name] = type(value) ~= 'table' or nil\n"
                             "end\n"
                             "names(plain, '  ')\n"
                             "tables(_ENV, '  ')\n"
                             "return table.concat(out, '\\n')\n";

void moon_reference_luacheckrc(struct moon_buf *out)
{
    enum {
        BUDGET_US = 100 * 1000
    };
    struct moon_engine *e = moon_engine_new(1);
    struct moon_fault fault;

    e->name = "reference";
    moon_engine_enter(e, (struct moon_budget){BUDGET_US, BUDGET_US});
    if (moon_engine_compile(e, "@reference", moon_str(lister), &fault) != 0 ||
        moon_engine_call(e, 0, 1, &fault) != 0) {
        moon_assert_failed(fault.text, __FILE__, __LINE__);
    }
    moon_buf_printf(
        out,
        "-- SPDX-License-Identifier: Apache-2.0\n"
        "-- What a policy finds in its sandbox; nothing else is defined there. Made by "
        "`moonset policy doc\n-- --luacheckrc`.\nstd = \"none\"\nread_globals = {\n%s\n}\n"
        "max_line_length = 110\n"
        "unused_args = false -- hooks are called with more than each needs\n"
        "exclude_files = { \".luacheckrc\", \"**/meta/*.lua\" }\n",
        lua_tostring(e->L, -1));
    (void)moon_engine_leave(e);
    moon_engine_free(e);
}
