/* SPDX-License-Identifier: Apache-2.0
 *
 * yaml.c - libyaml's events to cJSON trees.
 *
 * A node joins its parent as soon as it begins, so one delete of the root frees everything on any
 * error. Anchors point into the tree that is being built; what is merged is parked until the
 * document ends, because anchors may point into it, too.
 */
#include "io/yaml.h"

#include <yaml.h>

#include "base/map.h"
#include "io/yaml_json.h"
#include "io/yaml_scalar.h"

enum {
    DEFAULT_MAX_BYTES = 4 << 20,
    DEFAULT_MAX_NODES = 200000,
    BYTES_PER_NODE = 256, /* how much text counts as one node more */
};

/* A mapping that another one takes members from. */
struct merge {
    const cJSON *source;
};

/* An open mapping or sequence. */
struct frame {
    cJSON *node;
    struct moon_map *seen; /* mapping: the keys so far */
    char *key;             /* mapping: the key whose value comes next */
    bool is_merge_value;   /* mapping: its value comes next and is to be merged */
    bool is_merge_list;    /* sequence: its elements are to be merged into the mapping around it */
    struct merge *merges;  /* mapping: what to merge at its end, the first wins */
    size_t merge_count;
};

struct reader {
    yaml_parser_t parser;
    const char *name;
    const struct moon_yaml_opts *opts;
    size_t max_nodes;
    size_t nodes;
    struct moon_err *err;
    struct frame frames[MOON_JSON_MAX_DEPTH];
    size_t depth;
    cJSON *documents;
    cJSON *root;              /* of the current document */
    cJSON *parked;            /* nodes outside the tree that live as long as the document */
    struct moon_map *anchors; /* name to node */
};

/* ---- errors ---- */

static bool fail(struct reader *r, yaml_mark_t at, enum moon_code code, const char *problem)
{
    (void)moon_err_set(r->err, code, "%s:%zu:%zu: %s", r->name, at.line + 1, at.column + 1,
                       problem);
    return false;
}

static bool invalid(struct reader *r, const yaml_event_t *event, const char *problem)
{
    return fail(r, event->start_mark, MOON_E_INVALID, problem);
}

/* Is what nothing can start with a tab? A mark counts characters, not bytes; but before a tab that
 * was meant as indentation there is only white space. */
static bool is_at_tab(struct moon_str text, yaml_mark_t mark)
{
    struct moon_str line = {0};
    size_t number = 0;
    while (number <= mark.line && moon_str_split(&text, '\n', &line)) {
        number++;
    }
    return number > mark.line && mark.column < line.len && line.ptr[mark.column] == '\t';
}

/* libyaml's own error. */
static bool fail_parser(struct reader *r, struct moon_str text)
{
    const yaml_parser_t *p = &r->parser;
    const char *problem = p->problem != NULL ? p->problem : "cannot be read";
    moon_assert(text.ptr != NULL);
    if (p->error == YAML_READER_ERROR) {
        /* No mark here, only an offset. */
        yaml_mark_t at = {0};
        size_t offset = p->problem_offset < text.len ? p->problem_offset : text.len;
        for (size_t i = 0; i < offset; i++) {
            at.column = text.ptr[i] == '\n' ? 0 : at.column + 1;
            at.line += text.ptr[i] == '\n';
        }
        return fail(r, at, MOON_E_INVALID, problem);
    }
    (void)fail(r, p->problem_mark, MOON_E_INVALID, problem);
    if (is_at_tab(text, p->problem_mark)) {
        (void)fail(r, p->problem_mark, MOON_E_INVALID,
                   "found a tab: YAML is indented by spaces, not tabs");
        return false;
    }
    if (p->context != NULL) {
        char outer[MOON_ERR_TEXT_MAX];
        memcpy(outer, r->err->text, sizeof(outer));
        (void)moon_err_set(r->err, MOON_E_INVALID, "%s %s (from line %zu)", outer, p->context,
                           p->context_mark.line + 1);
    }
    return false;
}

/* ---- nodes ---- */

/* Count a tree towards the cap and find its height; stops early when there are too many nodes. */
static size_t measure(struct reader *r, const cJSON *node)
{
    size_t height = 0;
    const cJSON *child = NULL;
    r->nodes += 1 + (node->valuestring != NULL ? strlen(node->valuestring) / BYTES_PER_NODE : 0) +
                (node->string != NULL ? strlen(node->string) / BYTES_PER_NODE : 0);
    cJSON_ArrayForEach (child, node) {
        if (r->nodes > r->max_nodes) {
            break;
        }
        size_t child_height = measure(r, child);
        height = child_height > height ? child_height : height;
    }
    return height + (cJSON_IsObject(node) || cJSON_IsArray(node) ? 1 : 0);
}

/* Count what is about to join the tree and check both caps. */
static bool admit(struct reader *r, const yaml_event_t *event, const cJSON *node)
{
    size_t height = measure(r, node);
    if (r->nodes > r->max_nodes) {
        return fail(r, event->start_mark, MOON_E_LIMIT, "too many nodes (aliases included)");
    }
    if (r->depth + height > MOON_JSON_MAX_DEPTH) {
        return fail(r, event->start_mark, MOON_E_LIMIT, "nested too deeply");
    }
    return true;
}

static void tell_line(const struct reader *r, const yaml_event_t *event, const cJSON *node)
{
    if (r->opts->on_node != NULL) {
        r->opts->on_node(node, event->start_mark.line + 1, r->opts->ctx);
    }
}

static void park(struct reader *r, cJSON *node)
{
    cJSON_AddItemToArray(r->parked, node);
}

static void add_merge(struct frame *mapping, const cJSON *source)
{
    mapping->merges =
        moon_realloc_array(mapping->merges, mapping->merge_count + 1, sizeof(*mapping->merges));
    mapping->merges[mapping->merge_count++].source = source;
}

/* The value of a merge key, or an element of the list there; owned by the document. */
static bool place_merge(struct reader *r, const yaml_event_t *event, struct frame *mapping,
                        cJSON *node, bool in_list)
{
    park(r, node);
    if (cJSON_IsObject(node)) {
        add_merge(mapping, node);
    } else if (in_list || !cJSON_IsArray(node)) {
        return invalid(r, event, "a merge key needs a mapping or a list of mappings");
    }
    return true;
}

/* Put a node where the stream is. Takes it in any case. */
static bool place(struct reader *r, const yaml_event_t *event, cJSON *node)
{
    moon_assert(node != NULL);
    struct frame *top = r->depth > 0 ? &r->frames[r->depth - 1] : NULL;
    if (top == NULL) {
        moon_assert(r->root == NULL);
        r->root = node;
        return true;
    }
    if (top->is_merge_list) {
        return place_merge(r, event, &r->frames[r->depth - 2], node, true);
    }
    if (cJSON_IsArray(top->node)) {
        cJSON_AddItemToArray(top->node, node);
        return true;
    }
    if (top->is_merge_value) {
        top->is_merge_value = false;
        return place_merge(r, event, top, node, false);
    }
    if (top->key == NULL) {
        cJSON_Delete(node);
        return invalid(r, event, "a key must be a scalar, not a collection or an alias");
    }
    MOON_AUTOFREE char *key = moon_steal(&top->key);
    cJSON_AddItemToObject(top->node, key, node);
    return true;
}

static void remember_anchor(struct reader *r, const yaml_char_t *anchor, cJSON *node)
{
    if (anchor != NULL) {
        moon_map_set(r->anchors, moon_str((const char *)anchor), node);
    }
}

/* ---- scalars ---- */

enum tag {
    TAG_NONE,
    TAG_TEXT,
    TAG_BOOL,
    TAG_INT,
    TAG_FLOAT,
    TAG_NULL,
    TAG_MERGE,
    TAG_UNKNOWN
};

static enum tag scalar_tag(const yaml_event_t *event)
{
    static const struct {
        const char *name;
        enum tag tag;
    } tags[] = {
        {"!", TAG_TEXT},
        {YAML_STR_TAG, TAG_TEXT},
        {YAML_BOOL_TAG, TAG_BOOL},
        {YAML_INT_TAG, TAG_INT},
        {YAML_NULL_TAG, TAG_NULL},
        {YAML_FLOAT_TAG, TAG_FLOAT},
        {"tag:yaml.org,2002:merge", TAG_MERGE},
    };
    const char *name = (const char *)event->data.scalar.tag;
    if (name == NULL) {
        return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? TAG_NONE : TAG_TEXT;
    }
    for (size_t i = 0; i < MOON_ARRAY_SIZE(tags); i++) {
        if (moon_streq(name, tags[i].name)) {
            return tags[i].tag;
        }
    }
    return TAG_UNKNOWN;
}

static bool has_type(const cJSON *node, enum tag tag)
{
    switch (tag) {
    case TAG_BOOL:
        return cJSON_IsBool(node) != 0;
    case TAG_INT:
    case TAG_FLOAT:
        return cJSON_IsNumber(node) != 0;
    case TAG_NULL:
        return cJSON_IsNull(node) != 0;
    case TAG_NONE:
    case TAG_TEXT:
    case TAG_MERGE:
    case TAG_UNKNOWN:
        break;
    }
    return true;
}

/* The node a scalar stands for; NULL after an error. */
static cJSON *scalar_node(struct reader *r, const yaml_event_t *event)
{
    struct moon_str text = {(const char *)event->data.scalar.value, event->data.scalar.length};
    const char *problem = NULL;
    enum tag tag = scalar_tag(event);

    moon_assert(text.ptr != NULL);
    if (memchr(text.ptr, '\0', text.len) != NULL) {
        problem = "a text with U+0000 in it cannot be kept";
    } else if (tag == TAG_UNKNOWN) {
        problem = "unknown tag";
    }
    if (problem != NULL) {
        (void)invalid(r, event, problem);
        return NULL;
    }
    cJSON *node = tag == TAG_TEXT ? moon_yaml_text(text) : moon_yaml_plain_scalar(text, &problem);
    if (node != NULL && !has_type(node, tag)) {
        problem = "the value is not what its tag says";
    }
    if (problem != NULL) {
        (void)invalid(r, event, problem);
        cJSON_Delete(node);
        return NULL;
    }
    moon_assert(node != NULL);
    return node;
}

/* A key as text, typed as Kubernetes' YAML-to-JSON step does it: yes: is "true", 0x10: is "16". */
static char *key_text(const cJSON *node)
{
    if (cJSON_IsString(node)) {
        return moon_strdup(node->valuestring);
    }
    if (cJSON_IsBool(node)) {
        return moon_strdup(cJSON_IsTrue(node) ? "true" : "false");
    }
    if (cJSON_IsNumber(node) && node->valuedouble < 1e18 && node->valuedouble > -1e18 &&
        (double)(int64_t)node->valuedouble == node->valuedouble) {
        return moon_asprintf("%lld", (long long)node->valuedouble);
    }
    return NULL;
}

static bool is_merge_key(const yaml_event_t *event)
{
    enum tag tag = scalar_tag(event);
    return tag == TAG_MERGE ||
           (tag == TAG_NONE && moon_streq((const char *)event->data.scalar.value, "<<") &&
            event->data.scalar.length == 2);
}

static bool take_key(struct reader *r, const yaml_event_t *event, struct frame *top)
{
    if (is_merge_key(event)) {
        top->is_merge_value = true;
        return true;
    }
    cJSON *node = scalar_node(r, event);
    if (node == NULL) {
        return false;
    }
    park(r, node); /* `- &name key: *name` is legal */
    remember_anchor(r, event->data.scalar.anchor, node);
    if (!admit(r, event, node)) {
        return false;
    }
    MOON_AUTOFREE char *key = key_text(node);
    if (key == NULL) {
        return invalid(r, event, "a key must be a text, a boolean or an integer (quote it)");
    }
    if (moon_map_has(top->seen, moon_str(key))) {
        return invalid(r, event, "duplicate key");
    }
    moon_map_set(top->seen, moon_str(key), NULL);
    top->key = moon_steal(&key);
    return true;
}

/* ---- events ---- */

static bool on_scalar(struct reader *r, const yaml_event_t *event)
{
    struct frame *top = r->depth > 0 ? &r->frames[r->depth - 1] : NULL;
    if (top != NULL && cJSON_IsObject(top->node) && top->key == NULL && !top->is_merge_value) {
        return take_key(r, event, top);
    }
    cJSON *node = scalar_node(r, event);
    if (node == NULL) {
        return false;
    }
    remember_anchor(r, event->data.scalar.anchor, node);
    tell_line(r, event, node);
    return place(r, event, node) && admit(r, event, node);
}

static bool on_alias(struct reader *r, const yaml_event_t *event)
{
    struct moon_str name = moon_str((const char *)event->data.alias.anchor);
    const cJSON *target = moon_map_get(r->anchors, name);
    if (target == NULL) {
        return invalid(r, event, "unknown anchor");
    }
    for (size_t i = 0; i < r->depth; i++) {
        if (r->frames[i].node == target) {
            return invalid(r, event, "an alias inside what it stands for");
        }
    }
    /* Counted before it is copied: a bomb must not go off first. */
    if (!admit(r, event, target)) {
        return false;
    }
    cJSON *copy = cJSON_Duplicate(target, true);
    moon_assert(copy != NULL);
    if (r->depth > 0 && r->frames[r->depth - 1].is_merge_value && cJSON_IsArray(copy)) {
        cJSON_Delete(copy);
        return invalid(r, event, "a merge key needs a mapping or a list of mappings");
    }
    tell_line(r, event, copy);
    return place(r, event, copy);
}

static bool on_container_start(struct reader *r, const yaml_event_t *event, bool is_mapping)
{
    const yaml_char_t *tag =
        is_mapping ? event->data.mapping_start.tag : event->data.sequence_start.tag;
    const yaml_char_t *anchor =
        is_mapping ? event->data.mapping_start.anchor : event->data.sequence_start.anchor;
    if (tag != NULL && !moon_streq((const char *)tag, is_mapping ? YAML_MAP_TAG : YAML_SEQ_TAG) &&
        !moon_streq((const char *)tag, "!")) {
        return invalid(r, event, "unknown tag");
    }
    struct frame *top = r->depth > 0 ? &r->frames[r->depth - 1] : NULL;
    bool is_merge_list = !is_mapping && top != NULL && top->is_merge_value;
    if (is_merge_list && anchor != NULL) {
        return invalid(r, event, "a list of merges cannot have an anchor"); /* it is never built */
    }
    cJSON *node = is_mapping ? cJSON_CreateObject() : cJSON_CreateArray();
    tell_line(r, event, node);
    if (!place(r, event, node) || !admit(r, event, node)) {
        return false;
    }
    remember_anchor(r, anchor, node);
    r->frames[r->depth++] = (struct frame){.node = node,
                                           .seen = is_mapping ? moon_map_new(NULL) : NULL,
                                           .is_merge_list = is_merge_list};
    return true;
}

static void pop_frame(struct reader *r)
{
    moon_assert(r->depth > 0);
    struct frame *top = &r->frames[--r->depth];
    moon_map_free(top->seen);
    moon_free(top->key);
    moon_free(top->merges);
}

/* Merged members come last and never replace what the mapping itself says. */
static bool apply_merges(struct reader *r, const yaml_event_t *event, struct frame *top)
{
    for (size_t i = 0; i < top->merge_count; i++) {
        const cJSON *member = NULL;
        cJSON_ArrayForEach (member, top->merges[i].source) {
            if (moon_map_has(top->seen, moon_str(member->string))) {
                continue;
            }
            moon_map_set(top->seen, moon_str(member->string), NULL);
            if (!admit(r, event, member)) {
                return false;
            }
            cJSON *copy = cJSON_Duplicate(member, true);
            moon_assert(copy != NULL);
            cJSON_AddItemToObject(top->node, member->string, copy);
        }
    }
    return true;
}

static bool on_container_end(struct reader *r, const yaml_event_t *event)
{
    if (!apply_merges(r, event, &r->frames[r->depth - 1])) {
        return false;
    }
    pop_frame(r);
    return true;
}

static void drop_document(struct reader *r)
{
    while (r->depth > 0) {
        pop_frame(r);
    }
    moon_map_clear(r->anchors);
    cJSON_Delete(moon_steal(&r->root));
    cJSON_Delete(r->parked);
    r->parked = cJSON_CreateArray();
    moon_assert(r->parked != NULL);
}

static void on_document_end(struct reader *r, bool is_empty)
{
    moon_assert(r->depth == 0);
    if (!is_empty) {
        moon_assert(r->root != NULL);
        cJSON_AddItemToArray(r->documents, moon_steal(&r->root));
    }
    drop_document(r);
}

/* Nothing between two separators: libyaml makes a scalar of no bytes of it. */
static bool is_nothing(const yaml_event_t *event)
{
    return event->type == YAML_SCALAR_EVENT && event->data.scalar.length == 0 &&
           event->data.scalar.tag == NULL && event->data.scalar.anchor == NULL &&
           event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static bool on_event(struct reader *r, const yaml_event_t *event, bool *is_empty)
{
    if (r->depth == 0 && r->root == NULL) {
        *is_empty = *is_empty || is_nothing(event);
    }
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return on_scalar(r, event);
    case YAML_ALIAS_EVENT:
        return on_alias(r, event);
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        return on_container_start(r, event, event->type == YAML_MAPPING_START_EVENT);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return on_container_end(r, event);
    case YAML_DOCUMENT_END_EVENT:
        on_document_end(r, *is_empty);
        *is_empty = false;
        return true;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_START_EVENT:
        break;
    }
    return true;
}

static bool read_stream(struct reader *r, struct moon_str text)
{
    bool is_empty = false;
    for (bool done = false; !done;) {
        yaml_event_t event;
        if (yaml_parser_parse(&r->parser, &event) == 0) {
            return fail_parser(r, text);
        }
        bool ok = on_event(r, &event, &is_empty);
        done = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
        if (!ok) {
            return false;
        }
    }
    return true;
}

/* ---- what others call ---- */

cJSON *moon_yaml_parse_all(struct moon_str text, const struct moon_yaml_opts *opts,
                           struct moon_err *err)
{
    struct reader r = {
        .name = opts->name != NULL ? opts->name : "YAML",
        .opts = opts,
        .max_nodes = opts->max_nodes != 0 ? opts->max_nodes : DEFAULT_MAX_NODES,
        .err = err,
    };
    size_t max_bytes = opts->max_bytes != 0 ? opts->max_bytes : DEFAULT_MAX_BYTES;
    if (text.len > max_bytes) {
        (void)moon_err_set(err, MOON_E_LIMIT, "%s: larger than %zu bytes", r.name, max_bytes);
        return NULL;
    }
    if (text.ptr == NULL) {
        text = MOON_STR_LIT("");
    }
    r.documents = cJSON_CreateArray();
    moon_assert(r.documents != NULL);
    if (moon_yaml_is_json(text)) {
        cJSON *json = moon_yaml_parse_json(text, r.name, r.max_nodes, err);
        if (json == NULL) {
            cJSON_Delete(r.documents);
            return NULL;
        }
        cJSON_AddItemToArray(r.documents, json);
        return r.documents;
    }
    int initialized = yaml_parser_initialize(&r.parser);
    moon_assert(initialized != 0);
    r.anchors = moon_map_new(NULL);
    yaml_parser_set_input_string(
        &r.parser, (const unsigned char *)(text.ptr != NULL ? text.ptr : ""), text.len);
    drop_document(&r);
    bool ok = read_stream(&r, text);
    drop_document(&r);
    cJSON_Delete(r.parked);
    moon_map_free(r.anchors);
    yaml_parser_delete(&r.parser);
    if (!ok) {
        cJSON_Delete(r.documents);
        return NULL;
    }
    return r.documents;
}

cJSON *moon_yaml_parse(struct moon_str text, const struct moon_yaml_opts *opts,
                       struct moon_err *err)
{
    MOON_AUTOJSON *documents = moon_yaml_parse_all(text, opts, err);
    if (documents == NULL) {
        return NULL;
    }
    int count = cJSON_GetArraySize(documents);
    if (count > 1) {
        (void)moon_err_set(err, MOON_E_INVALID, "%s: %d documents where one is expected",
                           opts->name != NULL ? opts->name : "YAML", count);
        return NULL;
    }
    cJSON *only = count == 1 ? cJSON_DetachItemFromArray(documents, 0) : cJSON_CreateNull();
    moon_assert(only != NULL);
    return only;
}
