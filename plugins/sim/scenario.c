/* SPDX-License-Identifier: Apache-2.0
 *
 * scenario.c - reads the head of a scenario and puts its parts together.
 */
#include "sim/scenario.h"

#include "host/config.h"
#include "io/file.h"
#include "io/yaml.h"
#include "sim/scenario_fields.h"

enum {
    FILE_MAX_BYTES = 4 << 20,
    ARENA_MAX_BYTES = 256 << 20,
    MAX_NODES = 100 * 1000,
};

const char *const moon_scenario_rules[MOON_SCENARIO_RULES] = {"double", "budget", "foreign",
                                                              "ghost",  "noise",  "repeat"};

/* ---- files and lines ---- */

static void note_line(const cJSON *node, size_t line, void *ctx)
{
    struct moon_scenario_reader *r = ctx;
    struct moon_str address = {(const char *)&node, sizeof(node)};
    moon_map_set(r->lines, address, (void *)(uintptr_t)line);
}

static char *in_folder(const char *folder, const char *name)
{
    return name[0] == '/' || folder[0] == '\0' ? moon_strdup(name)
                                               : moon_asprintf("%s/%s", folder, name);
}

const cJSON *moon_scenario_read_file(struct moon_scenario_reader *r,
                                     const struct moon_scenario_place *place, const char *name)
{
    struct moon_err err;
    MOON_AUTOFREE char *path = in_folder(r->folder, name);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(FILE_MAX_BYTES);
    cJSON *documents = NULL;
    if (moon_file_read(path, &text, &err) == 0) {
        documents =
            moon_yaml_parse_all(moon_buf_str(&text), &(struct moon_yaml_opts){.name = path}, &err);
    }
    if (documents == NULL) {
        (void)moon_scenario_bad(r, place, "%s", err.text);
        return NULL;
    }
    cJSON_AddItemToArray(r->s->trees, documents);
    return documents;
}

/* ---- nodes ---- */

static int read_node(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                     struct moon_scenario_node *ret)
{
    static const struct moon_scenario_field fields[] = {
        {"name", MOON_SCENARIO_NAME, offsetof(struct moon_scenario_node, name), false, NULL},
        {"prefix", MOON_SCENARIO_TEXT, offsetof(struct moon_scenario_node, prefix), false, NULL},
        {"count", MOON_SCENARIO_COUNT, offsetof(struct moon_scenario_node, count), false, NULL},
        {"labels", MOON_SCENARIO_MAP_TEXTS, offsetof(struct moon_scenario_node, labels), false,
         NULL},
        {"annotations", MOON_SCENARIO_MAP_TEXTS, offsetof(struct moon_scenario_node, annotations),
         false, NULL},
        {"taints", MOON_SCENARIO_LIST, offsetof(struct moon_scenario_node, taints), false, NULL},
        {"allocatable", MOON_SCENARIO_MAP, offsetof(struct moon_scenario_node, allocatable), false,
         NULL},
    };
    if (cJSON_IsString(place->node)) {
        return moon_scenario_read_value(r, place, &fields[0], ret);
    }
    if (moon_scenario_read_fields(r, place, fields, MOON_ARRAY_SIZE(fields), ret) != 0) {
        return -(int)r->err->code;
    }
    bool is_many = ret->count > 0 || ret->prefix != NULL;
    if ((ret->name != NULL) == is_many) {
        return moon_scenario_bad(r, place, "needs a name, or a count and a prefix");
    }
    if (is_many) {
        ret->prefix = ret->prefix != NULL ? ret->prefix : "node-";
        const char *first = moon_arena_printf(r->s->arena, "%s1", ret->prefix);
        if (ret->count < 1 || ret->count > MAX_NODES) {
            return moon_scenario_bad(r, place, "count must be from 1 to %d", MAX_NODES);
        }
        if (!moon_is_dns1123_subdomain(moon_str(first))) {
            return moon_scenario_bad(r, place, "\"%s\" is not a node's name", first);
        }
    }
    return 0;
}

/* 5; or a list of names and maps. */
int moon_scenario_read_join(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                            struct moon_scenario_join *ret)
{
    const cJSON *item;
    const cJSON *node = place->node;
    size_t count = cJSON_IsArray(node) ? (size_t)cJSON_GetArraySize(node) : 1;
    ret->items = moon_arena_new_array(r->s->arena, struct moon_scenario_node, count);
    ret->count = 0;
    if (cJSON_IsNumber(node)) {
        double wanted = node->valuedouble;
        if (wanted < 0 || wanted > MAX_NODES || wanted != (double)(uint64_t)wanted) {
            return moon_scenario_bad(r, place, "must be a number from 0 to %d, or a list of nodes",
                                     MAX_NODES);
        }
        ret->items[0] = (struct moon_scenario_node){.prefix = "node-", .count = (uint64_t)wanted};
        ret->count = wanted > 0 ? 1 : 0;
        return 0;
    }
    if (!cJSON_IsArray(node)) {
        ret->count = 1;
        return read_node(r, place, &ret->items[0]);
    }
    cJSON_ArrayForEach (item, node) {
        struct moon_scenario_place at = moon_scenario_at_index(place, ret->count, item);
        if (read_node(r, &at, &ret->items[ret->count++]) != 0) {
            return -(int)r->err->code;
        }
    }
    return 0;
}

/* ---- kubelets and controller: flags of our own commands ---- */

static void add_argument(struct moon_scenario *s, const char *text)
{
    s->argv = moon_realloc_array(s->argv, (size_t)s->argc + 1, sizeof(*s->argv));
    s->argv[s->argc++] = moon_arena_strdup(s->arena, text);
}

/* A single value as text; NULL: it is none. */
static const char *scalar(struct moon_scenario_reader *r, const cJSON *node)
{
    if (cJSON_IsString(node)) {
        return node->valuestring;
    }
    if (cJSON_IsBool(node)) {
        return cJSON_IsTrue(node) ? "true" : "false";
    }
    return cJSON_IsNumber(node) ? moon_arena_printf(r->s->arena, "%.15g", node->valuedouble) : NULL;
}

static bool is_time(const char *key)
{
    const char *name;
    for (size_t i = 0; (name = moon_sim_options_next_time(i, NULL)) != NULL; i++) {
        if (strcmp(name, key) == 0) {
            return true;
        }
    }
    return false;
}

static int read_kubelets(struct moon_scenario_reader *r, const struct moon_scenario_place *place)
{
    const cJSON *item;
    if (!cJSON_IsObject(place->node)) {
        return moon_scenario_bad(r, place, "must be a map of times (start-delay, ready-delay, …)");
    }
    cJSON_ArrayForEach (item, place->node) {
        struct moon_scenario_place at = moon_scenario_at_key(place, item);
        const char *value = scalar(r, item);
        if (!is_time(item->string)) {
            return moon_scenario_bad(
                r, &at, "there is no such time%s",
                moon_scenario_did_you_mean(r, item->string, moon_sim_options_next_time, NULL));
        }
        if (value == NULL) {
            return moon_scenario_bad(r, &at, "must be a time (10s, 300ms, 1m30s)");
        }
        char *argument = moon_arena_printf(r->s->arena, "--%s=%s", item->string, value);
        char *argv[] = {r->s->argv[0], argument, NULL};
        struct moon_err err;
        struct moon_sim_options *options = moon_sim_options_parse(2, argv, &err);
        if (options == NULL) {
            return moon_scenario_bad(r, &at, "\"%s\" is not a time (10s, 300ms, 1m30s)", value);
        }
        moon_sim_options_free(options);
        add_argument(r->s, argument);
    }
    return 0;
}

/* One setting of `moonset run`; folders are looked for beside the scenario. */
static int read_setting(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                        const char *key, struct moon_config *config)
{
    struct moon_err err;
    const char *value = scalar(r, place->node);
    if (value == NULL) {
        return moon_scenario_bad(r, place, "must be a single value, or a list of texts");
    }
    if (moon_streq(key, "kubeconfig") || moon_streq(key, "context")) {
        return moon_scenario_bad(r, place, "the controller works on the simulated API server");
    }
    MOON_AUTOFREE char *path =
        moon_str_ends(moon_str(key), "-dir") ? in_folder(r->folder, value) : moon_strdup(value);
    if (moon_config_set(config, key, path, key, &err) != 0) {
        return moon_scenario_bad(r, place, "%s", err.text);
    }
    add_argument(r->s, moon_arena_printf(r->s->arena, "--%s=%s", key, path));
    return 0;
}

static int read_settings(struct moon_scenario_reader *r, const struct moon_scenario_place *place)
{
    const cJSON *item;
    struct moon_err err;
    MOON_CLEANUP(moon_config_free_ptr) struct moon_config *config = moon_config_new();
    cJSON_ArrayForEach (item, place->node) {
        struct moon_scenario_place at = moon_scenario_at_key(place, item);
        const cJSON *element;
        size_t i = 0;
        if (!cJSON_IsArray(item)) {
            if (read_setting(r, &at, item->string, config) != 0) {
                return -(int)r->err->code;
            }
            continue;
        }
        cJSON_ArrayForEach (element, item) {
            struct moon_scenario_place inside = moon_scenario_at_index(&at, i++, element);
            if (read_setting(r, &inside, item->string, config) != 0) {
                return -(int)r->err->code;
            }
        }
    }
    return moon_config_check(config, &err) == 0 ? 0 : moon_scenario_bad(r, place, "%s", err.text);
}

/* No admin port: nobody looks, and thousands of runs would open it. */
static void add_controller(struct moon_scenario *s)
{
    add_argument(s, "--with-controller");
    add_argument(s, "--");
    add_argument(s, "--listen=");
}

static int read_controller(struct moon_scenario_reader *r, const struct moon_scenario_place *place)
{
    bool is_none = moon_streq(cJSON_GetStringValue(place->node), "none");
    if (!is_none && !cJSON_IsObject(place->node)) {
        return moon_scenario_bad(r, place, "must be none, or a map of the flags of `moonset run`");
    }
    if (is_none) {
        return 0;
    }
    add_controller(r->s);
    return read_settings(r, place);
}

/* ---- always ---- */

static const char *next_rule(size_t i, MOON_UNUSED const void *ctx)
{
    return i < MOON_SCENARIO_RULES ? moon_scenario_rules[i] : NULL;
}

static int switch_rules(struct moon_scenario_reader *r, const struct moon_scenario_place *place,
                        bool on)
{
    struct moon_scenario_texts texts = {0};
    static const struct moon_scenario_field list = {"always", MOON_SCENARIO_TEXTS, 0, false, NULL};
    if (moon_scenario_read_value(r, place, &list, &texts) != 0) {
        return -(int)r->err->code;
    }
    for (size_t i = 0; i < MOON_SCENARIO_RULES; i++) {
        r->s->rules[i] = !on;
    }
    for (size_t i = 0; i < texts.count; i++) {
        size_t rule = 0;
        while (rule < MOON_SCENARIO_RULES &&
               strcmp(moon_scenario_rules[rule], texts.items[i]) != 0) {
            rule++;
        }
        if (rule == MOON_SCENARIO_RULES) {
            return moon_scenario_bad(
                r, place, "there is no rule \"%s\"%s", texts.items[i],
                moon_scenario_did_you_mean(r, texts.items[i], next_rule, NULL));
        }
        r->s->rules[rule] = on;
    }
    return 0;
}

/* all, none, a list of rules, or {except: a list of rules} */
static int read_always(struct moon_scenario_reader *r, const struct moon_scenario_place *place)
{
    const char *word = cJSON_GetStringValue(place->node);
    const cJSON *except = moon_json_member(place->node, "except");
    if (moon_streq(word, "all") || moon_streq(word, "none")) {
        for (size_t i = 0; i < MOON_SCENARIO_RULES; i++) {
            r->s->rules[i] = *word == 'a';
        }
        return 0;
    }
    if (cJSON_IsObject(place->node)) {
        if (except == NULL || cJSON_GetArraySize(place->node) != 1) {
            return moon_scenario_bad(r, place,
                                     "must be all, none, a list of rules, or {except: a list}");
        }
        struct moon_scenario_place at = moon_scenario_at_key(place, except);
        return switch_rules(r, &at, false);
    }
    return switch_rules(r, place, true);
}

/* ---- the document ---- */

struct head {
    const char *name;
    const char *description;
    const char *clock;
    uint64_t seed;
    struct moon_scenario_join nodes;
    const cJSON *kubelets;
    const cJSON *controller;
    const cJSON *always;
    const cJSON *steps;
    const cJSON *end;
};

#define HEAD(member) offsetof(struct head, member)

static const char *const clocks[] = {"virtual", "real", NULL};

static const struct moon_scenario_field head_fields[] = {
    {"name", MOON_SCENARIO_TEXT, HEAD(name), false, NULL},
    {"description", MOON_SCENARIO_TEXT, HEAD(description), false, NULL},
    {"clock", MOON_SCENARIO_WORD, HEAD(clock), false, clocks},
    {"seed", MOON_SCENARIO_COUNT, HEAD(seed), false, NULL},
    {"nodes", MOON_SCENARIO_JOIN, HEAD(nodes), false, NULL},
    {"kubelets", MOON_SCENARIO_TREE, HEAD(kubelets), false, NULL},
    {"controller", MOON_SCENARIO_TREE, HEAD(controller), false, NULL},
    {"always", MOON_SCENARIO_TREE, HEAD(always), false, NULL},
    {"steps", MOON_SCENARIO_TREE, HEAD(steps), true, NULL},
    {"end", MOON_SCENARIO_TREE, HEAD(end), false, NULL},
};

static int read_end(struct moon_scenario_reader *r, const struct moon_scenario_place *place)
{
    return moon_scenario_read_conditions(r, place, NULL, true, &r->s->end);
}

/* What is left to its own reader; one that is absent is skipped. */
static int read_parts(struct moon_scenario_reader *r, const struct moon_scenario_place *root,
                      const struct head *head)
{
    const struct {
        const cJSON *node;
        int (*read)(struct moon_scenario_reader *r, const struct moon_scenario_place *place);
    } parts[] = {
        {head->kubelets, read_kubelets}, {head->controller, read_controller},
        {head->always, read_always},     {head->steps, moon_scenario_read_steps},
        {head->end, read_end},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(parts); i++) {
        if (parts[i].node != NULL) {
            struct moon_scenario_place at = moon_scenario_at_key(root, parts[i].node);
            if (parts[i].read(r, &at) != 0) {
                return -(int)r->err->code;
            }
        }
    }
    return 0;
}

static int read_document(struct moon_scenario_reader *r, const cJSON *tree)
{
    struct moon_scenario *s = r->s;
    const struct moon_scenario_place root = {.node = tree};
    struct head head = {.clock = "virtual", .seed = 1, .nodes = s->nodes};
    if (moon_scenario_read_fields(r, &root, head_fields, MOON_ARRAY_SIZE(head_fields), &head) !=
        0) {
        return -(int)r->err->code;
    }
    s->name = head.name != NULL ? head.name : s->file;
    s->description = head.description;
    s->is_real_time = strcmp(head.clock, "real") == 0;
    s->seed = head.seed;
    s->nodes = head.nodes;
    if (read_parts(r, &root, &head) != 0) {
        return -(int)r->err->code;
    }
    if (head.controller == NULL) {
        add_controller(s);
    }
    /* Each argument was good; together they must be, too. */
    s->options = moon_sim_options_parse(s->argc, s->argv, r->err);
    return s->options != NULL ? 0 : moon_err_wrap(r->err, "%s", r->file);
}

/* ---- life ---- */

static struct moon_scenario *scenario_new(const char *name)
{
    static const struct moon_scenario_node three = {.prefix = "node-", .count = 3};
    struct moon_scenario *s = moon_new(struct moon_scenario);
    s->magic = MOON_SCENARIO_MAGIC;
    s->arena = moon_arena_new(ARENA_MAX_BYTES);
    s->trees = cJSON_CreateArray();
    moon_assert(s->trees != NULL);
    s->file = moon_arena_strdup(s->arena, name);
    s->nodes.items = moon_arena_new_array(s->arena, struct moon_scenario_node, 1);
    s->nodes.items[0] = three;
    s->nodes.count = 1;
    for (size_t i = 0; i < MOON_SCENARIO_RULES; i++) {
        s->rules[i] = true;
    }
    add_argument(s, "sim");
    add_argument(s, "--nodes=0"); /* they are made by the scenario */
    return s;
}

struct moon_scenario *moon_scenario_parse(struct moon_str text, const char *name,
                                          const char *folder, struct moon_err *err)
{
    MOON_CLEANUP(moon_scenario_free_ptr) struct moon_scenario *s = scenario_new(name);
    MOON_CLEANUP(moon_map_free_ptr) struct moon_map *lines = moon_map_new(NULL);
    struct moon_scenario_reader r = {
        .s = s, .file = s->file, .folder = folder, .lines = lines, .err = err};
    cJSON *tree = moon_yaml_parse(
        text, &(struct moon_yaml_opts){.name = name, .on_node = note_line, .ctx = &r}, err);
    if (tree == NULL) {
        return NULL;
    }
    cJSON_AddItemToArray(s->trees, tree);
    return read_document(&r, tree) == 0 ? moon_steal(&s) : NULL;
}

struct moon_scenario *moon_scenario_read(const char *path, struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(FILE_MAX_BYTES);
    const char *slash = strrchr(path, '/');
    MOON_AUTOFREE char *folder =
        moon_strndup(path, slash != NULL ? (size_t)(slash - path) + (slash == path) : 0);
    if (moon_file_read(path, &text, err) != 0) {
        return NULL;
    }
    return moon_scenario_parse(moon_buf_str(&text), path, folder, err);
}

void moon_scenario_free(struct moon_scenario *s)
{
    if (s == NULL) {
        return;
    }
    moon_assert(s->magic == MOON_SCENARIO_MAGIC);
    for (size_t i = 0; i < s->selector_count; i++) {
        moon_selector_free(s->selectors[i]);
    }
    moon_free(s->selectors);
    moon_sim_options_free(s->options);
    moon_free(s->argv);
    cJSON_Delete(s->trees);
    moon_arena_free(s->arena);
    s->magic = 0;
    moon_free(s);
}

const char *moon_scenario_name(const struct moon_scenario *s)
{
    return s->name;
}

bool moon_scenario_is_virtual(const struct moon_scenario *s)
{
    return !s->is_real_time;
}
