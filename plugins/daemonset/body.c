/* SPDX-License-Identifier: Apache-2.0
 *
 * body.c - the pod for one node.
 *
 * The template's text is taken apart once per revision: what all pods of the set share is written
 * down with gaps for the pod's name and the node's name, so that one pod costs one copy. Values are
 * copied as text, so fields we do not know, big numbers and explicit nulls pass through.
 */
#include "daemonset/daemonset_priv.h"

#include "base/random.h"

enum {
    BODY_MAX_BYTES = 2 * 1024 * 1024,
    GENERATE_NAME_MAX = 58, /* the API server cuts the base of a generated name there */
    MAX_GAPS = 4,
};

enum gap {
    GAP_POD,
    GAP_NODE
};

struct moon_ds_body {
    unsigned refs;
    struct moon_buf text;
    struct {
        size_t at;
        enum gap gap;
    } gaps[MAX_GAPS];
    size_t gap_count;
    moon_sym digest; /* of the edits in it; NULL: none */
};

struct moon_ds_body *moon_ds_body_ref(struct moon_ds_body *body)
{
    body->refs++;
    return body;
}

void moon_ds_body_free(struct moon_ds_body *body)
{
    if (body == NULL || --body->refs > 0) {
        return;
    }
    moon_buf_fini(&body->text);
    moon_sym_unref(body->digest);
    moon_free(body);
}
MOON_DEFINE_CLEANUP(struct moon_ds_body, moon_ds_body_free);

static void add_gap(struct moon_ds_body *b, enum gap gap)
{
    moon_assert(b->gap_count < MAX_GAPS);
    moon_buf_putc(&b->text, '"');
    b->gaps[b->gap_count].at = b->text.len;
    b->gaps[b->gap_count++].gap = gap;
    moon_buf_putc(&b->text, '"');
}

/* ---- names ---- */

/* "<set>-", cut; the bare name when the prefix would not start a valid name. */
static void name_prefix(const struct moon_ds_set *set, struct moon_buf *out)
{
    moon_buf_printf(out, "%s-", set->object->meta.name);
    struct moon_str without_dash = {out->data, out->len - 1};
    if (!moon_is_dns1123_subdomain(without_dash)) {
        moon_buf_truncate(out, out->len - 1);
    }
}

char *moon_ds_body_pod_name(const struct moon_ds_set *set, struct moon_arena *arena)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf prefix = MOON_BUF_INIT(512);
    char suffix[MOON_DS_SUFFIX_LEN + 1];

    name_prefix(set, &prefix);
    if (prefix.len > GENERATE_NAME_MAX) {
        moon_buf_truncate(&prefix, GENERATE_NAME_MAX);
    }
    moon_random_suffix(suffix, MOON_DS_SUFFIX_LEN);
    return moon_arena_printf(arena, "%s%s", moon_buf_cstr(&prefix), suffix);
}

/* ---- metadata ---- */

static void add_member(struct moon_buf *out, const char *key, struct moon_str raw)
{
    moon_buf_putc(out, ',');
    moon_json_add_string(out, moon_str(key));
    moon_buf_putc(out, ':');
    moon_buf_add_str(out, raw);
}

void moon_ds_body_owner_refs(const struct moon_ds_set *set, struct moon_buf *out)
{
    moon_buf_puts(out, "[{\"apiVersion\":\"apps/v1\",\"kind\":\"DaemonSet\",\"name\":");
    moon_json_add_string(out, moon_str(set->object->meta.name));
    moon_buf_puts(out, ",\"uid\":");
    moon_json_add_string(out, moon_str(set->uid));
    moon_buf_puts(out, ",\"controller\":true,\"blockOwnerDeletion\":true}]");
}

/* The template's labels and our two; the template cannot override ours. The generation is that of
 * the live template, and a pod of another one has none. */
static void add_labels(const struct moon_ds_set *set, const struct moon_ds_body_of *of,
                       const struct moon_labels *labels, struct moon_buf *out)
{
    moon_buf_puts(out, ",\"labels\":{");
    moon_json_add_string(out, moon_str(MOON_LABEL_HASH));
    moon_buf_putc(out, ':');
    moon_json_add_string(out, moon_str(of->hash));
    if (of->is_current && set->object->has_template_generation) {
        moon_buf_printf(out, ",\"" MOON_LABEL_GENERATION "\":\"%lld\"",
                        (long long)set->object->template_generation);
    }
    for (size_t i = 0; i < labels->count; i++) {
        const struct moon_label *l = &labels->items[i];
        if (strcmp(l->key, MOON_LABEL_HASH) != 0 && strcmp(l->key, MOON_LABEL_GENERATION) != 0) {
            moon_buf_putc(out, ',');
            moon_json_add_string(out, moon_str(l->key));
            moon_buf_putc(out, ':');
            moon_json_add_string(out, moon_str(l->value));
        }
    }
    moon_buf_putc(out, '}');
}

static int read_labels(struct moon_str template, struct moon_labels *ret, struct moon_err *err)
{
    struct moon_str raw;

    if (!moon_json_find(template, MOON_JSON_PATH("metadata", "labels"), &raw)) {
        return 0;
    }
    MOON_AUTOJSON *json = moon_json_parse(raw, err);
    return json == NULL ? -(int)err->code : moon_labels_from_json(json, ret, err);
}

/* Of the live template as it stands they are known. */
static int add_its_labels(const struct moon_ds_set *set, const struct moon_ds_body_of *of,
                          struct moon_buf *out, struct moon_err *err)
{
    struct moon_labels labels = {0};

    if (of->is_current && of->digest == NULL) {
        add_labels(set, of, &set->object->template_labels, out);
        return 0;
    }
    if (read_labels(of->template, &labels, err) != 0) {
        return moon_err_wrap(err, "metadata.labels of revision %s", of->hash);
    }
    bool fits = moon_selector_matches(set->object->selector, &labels);
    add_labels(set, of, &labels, out);
    moon_labels_fini(&labels);
    return fits ? 0
                : moon_err_set(err, MOON_E_INVALID,
                               "the set's selector does not match pods of revision %s", of->hash);
}

/* What looks like our digest is none, and would make the pod outdated. */
static int add_annotations(const struct moon_ds_body_of *of, struct moon_buf *out,
                           struct moon_err *err)
{
    struct moon_str raw;
    struct moon_str unused;

    if (!moon_json_find(of->template, MOON_JSON_PATH("metadata", "annotations"), &raw)) {
        return 0;
    }
    if (of->digest != NULL ||
        !moon_json_find(raw, MOON_JSON_PATH(MOON_ANNOTATION_MUTATION), &unused)) {
        add_member(out, "annotations", raw);
        return 0;
    }
    moon_buf_puts(out, ",\"annotations\":");
    return moon_json_put(raw, "/moonset.dev~1mutation", (struct moon_str){NULL, 0}, out, err);
}

static int add_metadata(const struct moon_ds_set *set, const struct moon_ds_body_of *of,
                        struct moon_ds_body *b, struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf prefix = MOON_BUF_INIT(512);
    struct moon_str raw;

    name_prefix(set, &prefix);
    moon_buf_puts(&b->text, "\"metadata\":{\"name\":");
    add_gap(b, GAP_POD);
    moon_buf_puts(&b->text, ",\"generateName\":");
    moon_json_add_string(&b->text, moon_buf_str(&prefix));
    if (add_its_labels(set, of, &b->text, err) != 0 || add_annotations(of, &b->text, err) != 0) {
        return -(int)err->code;
    }
    if (moon_json_find(of->template, MOON_JSON_PATH("metadata", "finalizers"), &raw)) {
        add_member(&b->text, "finalizers", raw);
    }
    moon_buf_puts(&b->text, ",\"ownerReferences\":");
    moon_ds_body_owner_refs(set, &b->text);
    moon_buf_putc(&b->text, '}');
    return 0;
}

/* ---- spec ---- */

/* Copy the members of the object `raw` but the one called `except`, each with a comma before it. */
static int add_others(struct moon_buf *out, struct moon_str raw, const char *const *except,
                      struct moon_err *err)
{
    struct moon_json_iter it;
    struct moon_str key;
    struct moon_str value;

    moon_json_iter_init(&it, raw);
    while (moon_json_next(&it, &key, &value)) {
        bool skip = false;
        for (size_t i = 0; except[i] != NULL; i++) {
            skip |= moon_str_is(key, except[i]);
        }
        if (!skip) {
            moon_buf_putc(out, ',');
            moon_json_add_string(out, key);
            moon_buf_putc(out, ':');
            moon_buf_add_str(out, value);
        }
    }
    bool failed = it.failed;
    moon_json_iter_fini(&it);
    return failed ? moon_err_set(err, MOON_E_INVALID, "spec.template is not valid JSON") : 0;
}

static bool is_object(struct moon_str raw)
{
    return raw.len > 0 && raw.ptr[0] == '{';
}

/* The template's affinity with its required node terms replaced by the pin. */
static int add_affinity(struct moon_str template, struct moon_ds_body *b, struct moon_err *err)
{
    static const char *const node_affinity[] = {"nodeAffinity", NULL};
    static const char *const required[] = {"requiredDuringSchedulingIgnoredDuringExecution", NULL};
    struct moon_str raw;

    moon_buf_puts(&b->text, "\"affinity\":{\"nodeAffinity\":{\"required"
                            "DuringSchedulingIgnoredDuringExecution\":{\"nodeSelectorTerms\":[{"
                            "\"matchFields\":[{\"key\":\"metadata.name\",\"operator\":\"In\","
                            "\"values\":[");
    add_gap(b, GAP_NODE);
    moon_buf_puts(&b->text, "]}]}]}");
    if (moon_json_find(template, MOON_JSON_PATH("spec", "affinity", "nodeAffinity"), &raw) &&
        is_object(raw) && add_others(&b->text, raw, required, err) != 0) {
        return -(int)err->code;
    }
    moon_buf_putc(&b->text, '}');
    if (moon_json_find(template, MOON_JSON_PATH("spec", "affinity"), &raw) && is_object(raw) &&
        add_others(&b->text, raw, node_affinity, err) != 0) {
        return -(int)err->code;
    }
    moon_buf_putc(&b->text, '}');
    return 0;
}

static int add_spec(const struct moon_ds_set *set, struct moon_str template, struct moon_ds_body *b,
                    struct moon_err *err)
{
    static const char *const ours_affinity[] = {"affinity", "tolerations", NULL};
    static const char *const ours_direct[] = {"affinity", "tolerations", "nodeName", NULL};
    bool direct = set->ds->in->config->placement == MOON_PLACE_DIRECT;
    struct moon_str spec;

    if (!moon_json_find(template, MOON_JSON_PATH("spec"), &spec) || !is_object(spec)) {
        return moon_err_set(err, MOON_E_INVALID, "spec.template.spec is missing");
    }
    moon_buf_puts(&b->text, ",\"spec\":{");
    if (add_affinity(template, b, err) != 0) {
        return -(int)err->code;
    }
    moon_buf_puts(&b->text, ",\"tolerations\":");
    moon_tolerations_write(&set->tolerations, &b->text);
    if (direct) {
        moon_buf_puts(&b->text, ",\"nodeName\":");
        add_gap(b, GAP_NODE);
    }
    if (add_others(&b->text, spec, direct ? ours_direct : ours_affinity, err) != 0) {
        return -(int)err->code;
    }
    moon_buf_putc(&b->text, '}');
    return 0;
}

struct moon_ds_body *moon_ds_body_new(const struct moon_ds_set *set,
                                      const struct moon_ds_body_of *of, struct moon_err *err)
{
    MOON_CLEANUP(moon_ds_body_free_ptr) struct moon_ds_body *b = moon_new(struct moon_ds_body);

    moon_assert(of->hash != NULL);
    b->refs = 1;
    b->digest = moon_sym_ref(of->digest);
    moon_buf_init(&b->text, BODY_MAX_BYTES);
    moon_buf_puts(&b->text, "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",");
    if (add_metadata(set, of, b, err) != 0 || add_spec(set, of->template, b, err) != 0) {
        return NULL;
    }
    moon_buf_putc(&b->text, '}');
    if (moon_buf_check(&b->text, "spec.template", err) != 0) {
        return NULL;
    }
    return moon_steal(&b);
}

struct moon_ds_body *moon_ds_body_current(struct moon_ds_set *set, struct moon_err *err)
{
    if (set->body == NULL) {
        set->body =
            moon_ds_body_new(set,
                             &(struct moon_ds_body_of){
                                 .template = {set->object->template, set->object->template_len},
                                 .hash = set->hash,
                                 .is_current = true},
                             err);
    }
    return set->body;
}

void moon_ds_body_forget(struct moon_ds_set *set)
{
    moon_ds_body_free(set->body);
    set->body = NULL;
    moon_map_clear(set->bodies);
}

moon_sym moon_ds_body_digest(const struct moon_ds_body *body)
{
    return body->digest;
}

void moon_ds_body_write(const struct moon_ds_body *body, const char *name, const char *node,
                        struct moon_buf *out)
{
    size_t from = 0;

    /* Pod and node names are DNS names: nothing in them needs escaping. */
    for (size_t i = 0; i < body->gap_count; i++) {
        moon_buf_add(out, body->text.data + from, body->gaps[i].at - from);
        moon_buf_puts(out, body->gaps[i].gap == GAP_POD ? name : node);
        from = body->gaps[i].at;
    }
    moon_buf_add(out, body->text.data + from, body->text.len - from);
}
