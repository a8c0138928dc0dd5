/* SPDX-License-Identifier: Apache-2.0
 *
 * revision.c - projecting ControllerRevisions: the number, and the data byte for byte.
 */
#include "kube/daemonset.h"

#include "base/time.h"

static struct moon_revision *self(struct moon_object *o)
{
    return (struct moon_revision *)(void *)o;
}

/* From the text: a tree keeps numbers as doubles. */
static bool project_number(struct moon_str text, int64_t *ret)
{
    struct moon_str raw;

    return moon_json_find(text, MOON_JSON_PATH("revision"), &raw) && moon_parse_i64(raw, ret) &&
           *ret >= 0;
}

/* What is no time was not written by us. */
static int64_t project_stable(const cJSON *json)
{
    const cJSON *annotations = moon_json_get(json, "metadata.annotations");
    const char *text = cJSON_GetStringValue(moon_json_member(annotations, MOON_ANNOTATION_STABLE));
    int64_t at_s;

    return text != NULL && moon_time_parse(moon_str(text), &at_s) ? at_s : 0;
}

static int project(struct moon_object *o, const cJSON *json, struct moon_str text,
                   struct moon_err *err)
{
    moon_assert(text.len > 0); /* a tree alone cannot give the data as it was written */
    if (moon_owner_is_foreign(&o->controller)) {
        return 1;
    }
    struct moon_revision *revision = self(o);
    struct moon_str data;
    if (!moon_json_find(text, MOON_JSON_PATH("data"), &data)) {
        return moon_err_set(err, MOON_E_INVALID, "data is missing");
    }
    if (!project_number(text, &revision->revision)) {
        return moon_err_set(err, MOON_E_INVALID, "revision is missing or no whole number");
    }
    revision->stable_s = project_stable(json);
    revision->data = moon_str_dup(data);
    revision->data_len = data.len;
    return 0;
}

static void fini(struct moon_object *o)
{
    moon_free(self(o)->data);
}

static bool same(const struct moon_object *oa, const struct moon_object *ob)
{
    const struct moon_revision *a = moon_revision(oa);
    const struct moon_revision *b = moon_revision(ob);
    return a->revision == b->revision && a->stable_s == b->stable_s && a->data_len == b->data_len &&
           memcmp(a->data, b->data, a->data_len) == 0 && moon_object_same_head(oa, ob);
}

const struct moon_kind moon_kind_revision = {
    .resource = &moon_resource_revisions,
    .size = sizeof(struct moon_revision),
    .project = project,
    .fini = fini,
    .same = same,
};
