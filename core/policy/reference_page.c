/* SPDX-License-Identifier: Apache-2.0
 *
 * reference_page.c - the reference page, and the shapes of tables.
 */
#include "policy/bundle.h"
#include "policy/reference.h"
#include "policy/reference_priv.h"

/* ---- shapes ---- */

static const struct moon_shape_field policy_fields[] = {
    {"api", "1", "the only version there is"},
    {"name?", "string", "must be what the file makes of it"},
    {"params?", "table<string, Param>", "seen as set.params"},
    {"replaces?", "string[]", "hooks whose stock policy is not asked as well"},
    {"creates?", "boolean", "missing pods are made when update says so, not by themselves"},
    {"fields?", "string[]", "JSON pointers to what node:raw is to read"},
    {"events?", "string[]", "what on_event is told of: \"pod_failed\", …"},
    {"queries?", "table<string, Query>", "what analyze is shown the answers of"},
    {"analyze_failures?", "integer", "so many times \"fail\" in a row; 3 without"},
    {"on_fail?", "\"pause\"|\"rollback\"", "what becomes of the update then; \"pause\" without"},
    {"soak?", "string|integer", "how long to go on after the last pod; \"5m\" without"},
    {NULL, NULL, NULL},
};
const struct moon_shape moon_policy_shape = {
    .type = "Policy", .doc = "What a policy returns.", .fields = policy_fields};

static const struct moon_shape_field param_fields[] = {
    {"type",
     "\"string\"|\"integer\"|\"number\"|\"boolean\"|\"duration\"|\"intstr\"|\"selector\"|\"list\"",
     ""},
    {"default?", "any", "of that type"},
    {"required?", "boolean", "a set without it is left as it is"},
    {"one_of?", "string[]", "the words that a string may be"},
    {"doc?", "string", "shown by policy doc"},
    {NULL, NULL, NULL},
};
static const struct moon_shape param = {
    .type = "Param", .doc = "A parameter that a policy declares.", .fields = param_fields};

static const struct moon_shape_field query_fields[] = {
    {"provider", "string", "\"prometheus\""},
    {"query", "string", "with {{namespace}}, {{name}}, {{revision}}, {{param.NAME}}, … filled in"},
    {"every", "string|integer", "\"30s\""},
    {"timeout?", "string|integer", "10 s without, and never longer than `every`"},
    {NULL, NULL, NULL},
};
static const struct moon_shape query = {
    .type = "Query", .doc = "What a policy asks a provider of figures.", .fields = query_fields};

static const struct moon_shape_field series_fields[] = {
    {"labels", "table<string, string>", ""},
    {"value?", "number", "nil: see error"},
    {"error?", "string", "the value is not a number"},
    {NULL, NULL, NULL},
};
static const struct moon_shape series = {
    .type = "Series", .doc = "A figure with its labels.", .fields = series_fields};

static const struct moon_shape_field sample_fields[] = {
    {"at", "integer", "its time"},
    {"series", "Series[]", ""},
    {"value?", "number", "with exactly one of them"},
    {"error?", "string", "why there is no value"},
    {NULL, NULL, NULL},
};
static const struct moon_shape sample = {
    .type = "Sample", .doc = "The answer to a query.", .fields = sample_fields};

static const struct moon_shape_field toleration_fields[] = {
    {"key?", "string", ""},    {"operator?", "\"Exists\"|\"Equal\"", ""}, {"value?", "string", ""},
    {"effect?", "Effect", ""}, {"seconds?", "integer", "with NoExecute"}, {NULL, NULL, NULL},
};
static const struct moon_shape toleration = {.type = "TolerationEntry",
                                             .doc = "A toleration as scripts write it.",
                                             .fields = toleration_fields};

static const struct moon_shape_field said_fields[] = {
    {"type", "string", "a qualified name; Policy… and moonset.dev/… are moonset's own"},
    {"status", "boolean|\"True\"|\"False\"", ""},
    {"reason?", "string", "one word"},
    {"message?", "string", ""},
    {NULL, NULL, NULL},
};
static const struct moon_shape said = {.type = "StatusCondition",
                                       .doc = "A condition that a policy wants the set to have.",
                                       .fields = said_fields};

static const struct moon_shape_field status_fields[] = {
    {"message?", "string", "the condition PolicyStatus"},
    {"conditions?", "StatusCondition[]", "at most 8"},
    {NULL, NULL, NULL},
};
static const struct moon_shape status = {
    .type = "StatusAnswer", .doc = "What is to be said of the set.", .fields = status_fields};

static const struct moon_shape_field filter_fields[] = {
    {"available?", "boolean", "the pod is available"},
    {"ready?", "boolean", "the pod is ready"},
    {"paired?", "boolean", "the node has both an old and a new pod"},
    {"wanted?", "boolean", "the node is to run the daemon"},
    {"waiting?", "boolean", "the node waits for roll:create"},
    {"zone?", "string", ""},
    {"selector?", "Selector|string", "of labels of the node"},
    {"order?", "string|string[]", "rank, zone, age, name; by rank, then name, without"},
    {"limit?", "integer", ""},
    {NULL, NULL, NULL},
};
static const struct moon_shape filter = {
    .type = "Filter", .doc = "What a walk is to give.", .fields = filter_fields};

static const struct moon_shape_field count_fields[] = {
    {"state", "\"outdated\"|\"updated\"|\"failed\"|\"missing\"|\"deleting\"|\"draining\"", ""},
    {"by?", "string", "zone, region, arch, os or the key of a label of nodes"},
    {NULL, NULL, NULL},
};
static const struct moon_shape count = {
    .type = "CountFilter: Filter", .doc = "What is to be counted.", .fields = count_fields};

static const struct moon_shape_field drain_fields[] = {
    {"unmanaged?", "boolean", "pods that nobody would make again may go"},
    {"local_data?", "boolean", "pods with an emptyDir may go"},
    {"grace?", "integer", "seconds that pods have to end; their own without"},
    {NULL, NULL, NULL},
};
static const struct moon_shape drain = {
    .type = "DrainOptions", .doc = "What a drain may do beside.", .fields = drain_fields};

static const struct moon_shape_field version_fields[] = {
    {"major", "integer", ""}, {"minor", "integer", ""},
    {"patch", "integer", ""}, {"pre", "string", "rc.1 of 1.2.3-rc.1"},
    {NULL, NULL, NULL},
};
static const struct moon_shape version = {
    .type = "Version", .doc = "A version in its parts.", .fields = version_fields};

static const struct moon_shape_field date_fields[] = {
    {"year", "integer", ""},
    {"month", "integer", ""},
    {"day", "integer", ""},
    {"hour", "integer", ""},
    {"minute", "integer", ""},
    {"second", "integer", ""},
    {"weekday", "string", "Sun, Mon, …"},
    {NULL, NULL, NULL},
};
static const struct moon_shape date = {
    .type = "Date", .doc = "What calendar and clock say.", .fields = date_fields};

const struct moon_shape *const moon_shapes[] = {&param,   &query,  &sample, &series, &toleration,
                                                &said,    &status, &filter, &count,  &drain,
                                                &version, &date,   NULL};

/* ---- the page ---- */

/* A cell of a table: '|' would end it. */
static void add_cell(struct moon_buf *out, const char *text, bool code)
{
    moon_buf_puts(out, code ? "| `" : "| ");
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '|') {
            moon_buf_putc(out, '\\');
        }
        moon_buf_putc(out, *p);
    }
    moon_buf_puts(out, code ? "` " : " ");
}

static void add_row(struct moon_buf *out, const char *name, const char *type, const char *doc)
{
    add_cell(out, name, true);
    add_cell(out, type, true);
    add_cell(out, doc, false);
    moon_buf_puts(out, "|\n");
}

static void begin_table(struct moon_buf *out, const char *title, const char *doc)
{
    moon_buf_printf(out, "\n### %s\n\n%s\n\n| | | |\n|---|---|---|\n", title, doc);
}

static void page_view(const struct moon_view_class *c, void *ctx)
{
    struct moon_buf *out = ctx;

    if (c->entries != NULL) {
        moon_buf_printf(out, "\n### %s\n\n%s `%s`\n", c->type, c->doc, c->entries);
        return;
    }
    begin_table(out, c->type, c->doc);
    for (const struct moon_view_field *f = c->fields; f->name != NULL; f++) {
        add_row(out, f->name, f->type, f->doc);
    }
}

static void page_shape(struct moon_buf *out, const struct moon_shape *shape)
{
    begin_table(out, shape->type, shape->doc);
    for (const struct moon_shape_field *f = shape->fields; f->name != NULL; f++) {
        add_row(out, f->name, f->type, f->doc);
    }
}

static void page_entries(struct moon_buf *out, const struct moon_library_entry *entries)
{
    for (const struct moon_library_entry *e = entries; e != NULL && e->name != NULL; e++) {
        add_row(out, e->name, e->signature, e->doc);
    }
}

static void page_hooks(struct moon_buf *out)
{
    moon_buf_puts(out, "\n## Hooks\n\n| | | | when it fails |\n|---|---|---|---|\n");
    for (int hook = 0; hook < MOON_HOOKS; hook++) {
        const struct moon_hook_info *info = moon_hook_info((enum moon_hook)hook);
        add_cell(out, info->name, true);
        add_cell(out, info->signature, true);
        add_cell(out, info->doc, false);
        add_cell(out, info->on_failure, false);
        moon_buf_puts(out, "|\n");
    }
}

static void page_library(struct moon_buf *out)
{
    begin_table(out, "moonset", "");
    for (size_t i = 0; moon_libraries[i] != NULL; i++) {
        if (moon_libraries[i]->name == NULL) {
            page_entries(out, moon_libraries[i]->functions);
        }
    }
    for (size_t i = 0; moon_libraries[i] != NULL; i++) {
        if (moon_libraries[i]->name != NULL) {
            MOON_AUTOFREE char *title = moon_asprintf("moonset.%s", moon_libraries[i]->name);
            begin_table(out, title, moon_libraries[i]->doc);
            page_entries(out, moon_libraries[i]->functions);
        }
    }
    for (size_t i = 0; moon_library_classes[i] != NULL; i++) {
        const struct moon_library_class *class = moon_library_classes[i];
        if (class->type != NULL) {
            begin_table(out, class->type, class->doc);
            page_entries(out, class->methods);
        }
    }
}

void moon_reference_page(struct moon_buf *out)
{
    moon_buf_puts(
        out, "# Reference\n\nWhat policies may define and use, in the types of the Lua language "
             "server (`string?` may be nil). Made by\n`moonset policy doc --reference`. How it all "
             "works together is told in [README.md](README.md).\n");
    page_hooks(out);
    moon_buf_puts(out, "\n## Tables\n");
    page_shape(out, &moon_policy_shape);
    for (size_t i = 0; moon_shapes[i] != NULL; i++) {
        page_shape(out, moon_shapes[i]);
    }
    moon_buf_puts(out, "\n## Views\n\nRead-only, and good during the call that got them.\n");
    moon_reference_each_view(page_view, out);
    moon_buf_puts(out, "\n## Library\n");
    page_library(out);
}
