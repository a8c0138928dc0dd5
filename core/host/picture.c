/* SPDX-License-Identifier: Apache-2.0
 *
 * picture.c - lists, watches and reads of a cluster in memory.
 */
#include "host/picture.h"

#include <inttypes.h>

#include "host/picture_priv.h"
#include "kube/selector.h"

#define PICTURE_MAGIC 0x71c70001u

enum {
    KEY_MAX_BYTES = 1024,
    SELECTOR_MAX_BYTES = 1 << 20,
    EVENT_MAX_BYTES = 32 << 20
};

/* A call that waits for its answer, or a watch. */
struct call {
    struct moon_list link;
    struct moon_client_call *call; /* NULL: gone meanwhile */
    const struct moon_client_question *question;
    char *shelf;
    struct moon_selector *selector; /* NULL: all */
    char *node;                     /* only pods of this one; NULL: all */
    bool watches;
};

char *moon_picture_shelf_name(const struct moon_resource *r)
{
    return moon_asprintf(MOON_RESOURCE_FMT, MOON_RESOURCE_ARG(r));
}

static void free_object(void *value)
{
    struct moon_picture_object *o = value;

    moon_free(o->namespace);
    moon_free(o->name);
    moon_free(o->node);
    moon_free(o->text);
    moon_labels_fini(&o->labels);
    moon_free(o);
}

static void free_shelf(void *value)
{
    moon_map_free(value);
}

static void free_call(struct call *c)
{
    moon_list_remove(&c->link);
    moon_selector_free(c->selector);
    moon_free(c->node);
    moon_free(c->shelf);
    moon_free(c);
}

/* ---- objects ---- */

static void write_key(const char *namespace, const char *name, struct moon_buf *out)
{
    moon_buf_printf(out, "%s/%s", namespace != NULL ? namespace : "", name);
}

struct moon_picture_object *moon_picture_find(const struct moon_picture *p, const char *resource,
                                              const char *namespace, const char *name)
{
    const struct moon_map *shelf = moon_map_get(p->shelves, moon_str(resource));
    MOON_CLEANUP(moon_buf_fini) struct moon_buf key = MOON_BUF_INIT(KEY_MAX_BYTES);

    write_key(namespace, name, &key);
    return shelf != NULL ? moon_map_get(shelf, moon_buf_str(&key)) : NULL;
}

static struct moon_map *shelf_of(struct moon_picture *p, const char *resource)
{
    struct moon_map *shelf = moon_map_get(p->shelves, moon_str(resource));

    if (shelf == NULL) {
        shelf = moon_map_new(free_object);
        moon_map_set(p->shelves, moon_str(resource), shelf);
    }
    return shelf;
}

static struct moon_picture_object *object_new(char *take_text)
{
    struct moon_picture_object *o = moon_new(struct moon_picture_object);
    struct moon_err ignored;
    MOON_AUTOJSON *json = moon_json_parse(moon_str(take_text), &ignored);
    const char *version = moon_json_string(json, "metadata.resourceVersion");

    o->text = take_text;
    o->namespace = moon_strdup(moon_json_string(json, "metadata.namespace"));
    o->name = moon_strdup(moon_json_string(json, "metadata.name"));
    o->node = moon_strdup(moon_json_string(json, "spec.nodeName"));
    if (version == NULL || !moon_parse_u64(moon_str(version), &o->version)) {
        o->version = 1;
    }
    (void)moon_labels_from_json(moon_json_get(json, "metadata.labels"), &o->labels, &ignored);
    return o;
}

/* ---- watches ---- */

static bool is_shown(const struct call *c, const struct moon_picture_object *o)
{
    const char *namespace = c->question->namespace;

    return (namespace == NULL || moon_streq(namespace, o->namespace)) &&
           (c->selector == NULL || moon_selector_matches(c->selector, &o->labels)) &&
           (c->node == NULL || moon_streq(c->node, o->node));
}

static void tell(struct call *c, const char *type, const struct moon_picture_object *o)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf line = MOON_BUF_INIT(EVENT_MAX_BYTES);

    moon_buf_printf(&line, "{\"type\":\"%s\",\"object\":", type);
    moon_buf_puts(&line, o->text);
    moon_buf_puts(&line, "}\n");
    if (!moon_client_give(c->call, moon_buf_str(&line))) {
        c->call = NULL;
    }
}

/* As a server does: what no longer matches a selector is gone for its watch. */
static void tell_all(struct moon_picture *p, const char *resource,
                     const struct moon_picture_object *old_object,
                     const struct moon_picture_object *new_object)
{
    moon_list_foreach (it, &p->calls) {
        struct call *c = moon_container_of(it, struct call, link);
        if (c->call == NULL || !c->watches || !moon_streq(c->shelf, resource)) {
            continue;
        }
        bool was = old_object != NULL && is_shown(c, old_object);
        if (new_object != NULL && is_shown(c, new_object)) {
            tell(c, was ? "MODIFIED" : "ADDED", new_object);
        } else if (was) {
            tell(c, "DELETED", new_object != NULL ? new_object : old_object);
        }
    }
}

void moon_picture_put(struct moon_picture *p, const char *resource, char *take_text)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf key = MOON_BUF_INIT(KEY_MAX_BYTES);
    struct moon_map *shelf = shelf_of(p, resource);
    struct moon_picture_object *o = object_new(take_text);

    write_key(o->namespace, o->name, &key);
    struct moon_picture_object *old_object = moon_map_take(shelf, moon_buf_str(&key));
    moon_map_set(shelf, moon_buf_str(&key), o);
    p->version = o->version > p->version ? o->version : p->version;
    tell_all(p, resource, old_object, o);
    if (old_object != NULL) {
        free_object(old_object);
    }
    if (p->opts.on_write != NULL) {
        p->opts.on_write(resource, moon_str(o->text), false, p->opts.ctx);
    }
}

void moon_picture_remove(struct moon_picture *p, const char *resource,
                         struct moon_picture_object *object)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf key = MOON_BUF_INIT(KEY_MAX_BYTES);

    write_key(object->namespace, object->name, &key);
    (void)moon_map_take(shelf_of(p, resource), moon_buf_str(&key));
    tell_all(p, resource, object, NULL);
    if (p->opts.on_write != NULL) {
        p->opts.on_write(resource, moon_str(object->text), true, p->opts.ctx);
    }
    free_object(object);
}

/* ---- answers ---- */

void moon_picture_answer(struct moon_client_call *call, int status, struct moon_str body)
{
    moon_client_end(call,
                    &(struct moon_http_answer){.status = status,
                                               .body = body,
                                               .content_type = MOON_STR_LIT("application/json"),
                                               .sent = true},
                    NULL);
}

void moon_picture_refuse(struct moon_client_call *call, int status, const char *reason,
                         const char *message)
{
    MOON_AUTOFREE char *body = moon_asprintf("{\"kind\":\"Status\",\"apiVersion\":\"v1\","
                                             "\"status\":\"Failure\",\"reason\":\"%s\","
                                             "\"message\":\"%s\",\"code\":%d}",
                                             reason, message, status);

    moon_picture_answer(call, status, moon_str(body));
}

static void list(const struct moon_picture *p, struct moon_client_call *call,
                 const struct call *asked)
{
    const struct moon_map *shelf = moon_map_get(p->shelves, moon_str(asked->shelf));
    const struct moon_resource *r = asked->question->resource;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf head = MOON_BUF_INIT(KEY_MAX_BYTES);
    const char *between = "";
    size_t pos = 0;
    void *object;

    moon_buf_printf(&head, "{\"kind\":\"%sList\",\"apiVersion\":\"", r->kind);
    moon_resource_api_version(r, &head);
    moon_buf_printf(&head, "\",\"metadata\":{\"resourceVersion\":\"%" PRIu64 "\"},\"items\":[",
                    p->version);
    if (!moon_client_give(call, moon_buf_str(&head))) {
        return;
    }
    while (shelf != NULL && moon_map_next(shelf, &pos, NULL, &object)) {
        const struct moon_picture_object *o = object;
        if (!is_shown(asked, o)) {
            continue;
        }
        if (!moon_client_give(call, moon_str(between)) ||
            !moon_client_give(call, moon_str(o->text))) {
            return;
        }
        between = ",";
    }
    if (moon_client_give(call, MOON_STR_LIT("]}"))) {
        moon_picture_answer(call, 200, (struct moon_str){0});
    }
}

static void get(const struct moon_picture *p, struct moon_client_call *call,
                const struct call *asked)
{
    const struct moon_client_question *q = asked->question;
    const struct moon_picture_object *o = moon_picture_find(p, asked->shelf, q->namespace, q->name);

    if (o != NULL) {
        moon_picture_answer(call, 200, moon_str(o->text));
    } else {
        moon_picture_refuse(call, 404, "NotFound", "there is no such object");
    }
}

static void answer(struct moon_picture *p, struct moon_client_call *call, const struct call *asked)
{
    const struct moon_client_question *q = asked->question;

    switch (q->resource != NULL ? q->verb : MOON_VERB_WATCH) {
    case MOON_VERB_LIST:
        list(p, call, asked);
        break;
    case MOON_VERB_GET:
        get(p, call, asked);
        break;
    case MOON_VERB_WATCH: /* one that is no watch: see asked() */
        moon_picture_refuse(call, q->resource != NULL ? 422 : 404, "Invalid",
                            "this is not answered here");
        break;
    case MOON_VERB_CREATE:
    case MOON_VERB_UPDATE:
    case MOON_VERB_PATCH_MERGE:
    case MOON_VERB_PATCH_STRATEGIC:
    case MOON_VERB_PATCH_JSON:
    case MOON_VERB_DELETE:
        moon_picture_carry_out(p, call, q);
        break;
    }
}

static struct call *next_asked(const struct moon_picture *p)
{
    moon_list_foreach (it, &p->calls) {
        struct call *c = moon_container_of(it, struct call, link);
        if (c->call != NULL && !c->watches) {
            return c;
        }
    }
    return NULL;
}

static void drop_gone(const struct moon_picture *p)
{
    moon_list_foreach (it, &p->calls) {
        struct call *c = moon_container_of(it, struct call, link);
        if (c->call == NULL) {
            free_call(c);
        }
    }
}

static void answer_all(void *ctx)
{
    struct moon_picture *p = MOON_CAST(moon_picture, ctx, PICTURE_MAGIC);
    struct call *c;

    p->answering = NULL;
    while ((c = next_asked(p)) != NULL) {
        moon_list_remove(&c->link);
        answer(p, c->call, c);
        free_call(c);
    }
    drop_gone(p);
}

/* ---- asking ---- */

/* The one selector of fields that is used here. */
static char *node_asked_for(const struct moon_client_question *q)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(SELECTOR_MAX_BYTES);
    struct moon_str key;

    if (!moon_client_query_get(q->query, "fieldSelector", &text)) {
        return NULL;
    }
    struct moon_str rest = moon_buf_str(&text);
    return moon_str_split(&rest, '=', &key) && moon_str_is(key, "spec.nodeName")
               ? moon_str_dup(rest)
               : NULL;
}

/* A watch begins where its list ended, so it is there from now on; a list that is streamed is
 * refused, as by servers that do not know it. */
static void asked(struct moon_client_call *call, const struct moon_client_question *q, void *ctx)
{
    struct moon_picture *p = MOON_CAST(moon_picture, ctx, PICTURE_MAGIC);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(SELECTOR_MAX_BYTES);
    struct call *c = moon_new(struct call);
    struct moon_err ignored;

    c->call = call;
    c->question = q;
    c->shelf = q->resource != NULL ? moon_picture_shelf_name(q->resource) : NULL;
    if (moon_client_query_get(q->query, "labelSelector", &text)) {
        c->selector = moon_selector_parse(moon_buf_str(&text), &ignored);
    }
    c->node = node_asked_for(q);
    moon_buf_clear(&text);
    c->watches = q->verb == MOON_VERB_WATCH && q->resource != NULL &&
                 !moon_client_query_get(q->query, "sendInitialEvents", &text);
    moon_list_append(&p->calls, &c->link);
    if (p->answering == NULL && !c->watches) {
        p->answering = moon_loop_defer(p->opts.loop, answer_all, p);
    }
}

static void dropped(struct moon_client_call *call, void *ctx)
{
    const struct moon_picture *p = MOON_CAST(moon_picture, ctx, PICTURE_MAGIC);

    moon_list_foreach (it, &p->calls) {
        struct call *c = moon_container_of(it, struct call, link);
        if (c->call == call) {
            c->call = NULL;
        }
    }
}

struct moon_client_stand_in moon_picture_stand_in(struct moon_picture *p)
{
    return (struct moon_client_stand_in){.asked = asked, .dropped = dropped, .ctx = p};
}

/* ---- life ---- */

struct moon_picture *moon_picture_new(const struct moon_picture_opts *opts,
                                      const struct moon_snapshot *snapshot)
{
    struct moon_picture *p = moon_new(struct moon_picture);
    struct moon_str key;
    void *text;
    size_t pos = 0;

    p->magic = PICTURE_MAGIC;
    p->version = 1;
    p->shelves = moon_map_new(free_shelf);
    moon_list_init(&p->calls);
    while (moon_map_next(snapshot->objects, &pos, &key, &text)) {
        struct moon_str resource;
        (void)moon_str_split(&key, '/', &resource);
        MOON_AUTOFREE char *shelf = moon_str_dup(resource);
        moon_picture_put(p, shelf, moon_strdup(text));
    }
    p->opts = *opts; /* from now on writes are told */
    return p;
}

void moon_picture_free(struct moon_picture *p)
{
    if (p == NULL) {
        return;
    }
    moon_list_foreach (it, &p->calls) {
        free_call(moon_container_of(it, struct call, link));
    }
    if (p->answering != NULL) {
        moon_defer_cancel(p->answering);
    }
    moon_map_free(p->shelves);
    p->magic = 0;
    moon_free(p);
}
