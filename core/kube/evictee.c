/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/evictee.h"

#include "kube/daemonset.h"

#define MIRROR "kubernetes.io/config.mirror"

static int project(struct moon_object *o, const cJSON *json, MOON_UNUSED struct moon_str text,
                   struct moon_err *err)
{
    struct moon_evictee *p = (struct moon_evictee *)(void *)o;
    const cJSON *volumes;
    const cJSON *volume;

    p->phase = moon_phase_parse(moon_json_string(json, "status.phase"));
    p->is_mirror = moon_json_member(moon_json_get(json, "metadata.annotations"), MIRROR) != NULL;
    if (moon_object_array(moon_json_member(json, "spec"), "volumes", &volumes, err) != 0) {
        return moon_err_wrap(err, "spec");
    }
    cJSON_ArrayForEach (volume, volumes) {
        p->has_local_data |= cJSON_IsObject(moon_json_member(volume, "emptyDir"));
    }
    return 0;
}

static void fini(struct moon_object *o)
{
    (void)o; /* the head is all */
}

static bool same(const struct moon_object *oa, const struct moon_object *ob)
{
    const struct moon_evictee *a = moon_evictee(oa);
    const struct moon_evictee *b = moon_evictee(ob);

    return a->phase == b->phase && a->is_mirror == b->is_mirror &&
           a->has_local_data == b->has_local_data && moon_object_same_head(oa, ob);
}

static const struct moon_json_want volume_reads[] = {{.key = "emptyDir"}, {0}};
static const struct moon_json_want spec_reads[] = {{.key = "volumes", .members = volume_reads},
                                                   {0}};
static const struct moon_json_want status_reads[] = {{.key = "phase"}, {0}};
static const struct moon_json_want reads[] = {
    MOON_OBJECT_READS_ALL,
    {.key = "spec", .members = spec_reads},
    {.key = "status", .members = status_reads},
    {0},
};

const struct moon_kind moon_kind_evictee = {
    .resource = &moon_resource_pods,
    .reads = reads,
    .size = sizeof(struct moon_evictee),
    .project = project,
    .fini = fini,
    .same = same,
};

enum moon_evict_verdict moon_evictee_judge(const struct moon_evictee *p,
                                           const struct moon_evict_opts *opts, const char **ret_why)
{
    const struct moon_owner *controller = &p->meta.controller;
    const char *why = NULL;

    if (ret_why != NULL) {
        *ret_why = NULL;
    }
    if (p->is_mirror || p->phase == MOON_PHASE_SUCCEEDED || p->phase == MOON_PHASE_FAILED ||
        (controller->uid != NULL && !moon_owner_is_foreign(controller))) {
        return MOON_EVICT_STAYS;
    }
    if (p->meta.deleted_s != 0) {
        return MOON_EVICT_GOING;
    }
    if (controller->uid == NULL && !opts->unmanaged) {
        why = "it has no controller, so that nobody would make it again (unmanaged = true allows "
              "it)";
    } else if (p->has_local_data && !opts->local_data) {
        why = "it has an emptyDir, whose data would be gone (local_data = true allows it)";
    }
    if (ret_why != NULL) {
        *ret_why = why;
    }
    return why != NULL ? MOON_EVICT_NEVER : MOON_EVICT_IT;
}

static void add_member(const char *key, const char *value, struct moon_buf *out)
{
    moon_buf_printf(out, "\"%s\":", key);
    moon_json_add_string(out, moon_str(value));
}

void moon_evictee_write(const char *namespace, const char *name, const char *uid, int64_t grace_s,
                        struct moon_buf *out)
{
    moon_buf_puts(out, "{\"apiVersion\":\"policy/v1\",\"kind\":\"Eviction\",\"metadata\":{");
    add_member("name", name, out);
    moon_buf_putc(out, ',');
    add_member("namespace", namespace, out);
    moon_buf_puts(out, "},\"deleteOptions\":{");
    if (grace_s >= 0) {
        moon_buf_printf(out, "\"gracePeriodSeconds\":%lld,", (long long)grace_s);
    }
    moon_buf_puts(out, "\"preconditions\":{");
    add_member("uid", uid, out);
    moon_buf_puts(out, "}}}");
}
