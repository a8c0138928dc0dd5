/* SPDX-License-Identifier: Apache-2.0
 *
 * judge_settled.c - is everything where it should be, and what that looks like.
 */
#include <stdlib.h>

#include "sim/judge_priv.h"

/* ---- revisions ---- */

static int64_t number_of(const struct moon_judge *j, const struct judge_set *set, const char *hash)
{
    size_t pos = 0;
    void *value = NULL;
    while (moon_map_next(j->revisions, &pos, NULL, &value)) {
        const struct judge_revision *revision = value;
        if (moon_streq(revision->owner, set->uid) && moon_streq(revision->hash, hash)) {
            return revision->number;
        }
    }
    return -1;
}

static size_t revisions_of(const struct moon_judge *j, const struct judge_set *set)
{
    size_t count = 0;
    size_t pos = 0;
    void *value = NULL;
    while (moon_map_next(j->revisions, &pos, NULL, &value)) {
        count += moon_streq(((const struct judge_revision *)value)->owner, set->uid) ? 1 : 0;
    }
    return count;
}

static const char *template_generation(const struct judge_set *set)
{
    const char *text =
        cJSON_GetStringValue(moon_sim_member(moon_sim_get(set->tree, "metadata.annotations"),
                                             "deprecated.daemonset.template.generation"));
    return text != NULL ? text : "";
}

/* ---- settled ---- */

/* The first thing that is not as it should be; always false, to be returned. */
static bool not_yet(struct moon_buf *why, const struct judge_set *set, const char *fmt, ...)
    MOON_PRINTF(3, 4);

static bool not_yet(struct moon_buf *why, const struct judge_set *set, const char *fmt, ...)
{
    va_list args;
    if (why != NULL) {
        moon_buf_printf(why, "set %s/%s: ", set->ns, set->name);
        va_start(args, fmt);
        moon_buf_vprintf(why, fmt, args);
        va_end(args);
    }
    return false;
}

struct tally {
    int64_t desired;
    int64_t current;
    int64_t ready;
    int64_t updated;   /* by their hash… */
    int64_t by_chance; /* …and by their generation alone: they may or may not count */
    int64_t available;
    int64_t misscheduled;
};

/* A pod of a set that was orphaned and made again may carry its generation by chance. That passes
 * for updated with daemonset-controller; a controller that looks closer may see more. */
static bool has_generation(const struct judge_set *set, const struct judge_pod *pod)
{
    const char *generation = template_generation(set);
    return generation[0] != '\0' && moon_streq(pod->generation, generation);
}

static bool images_match(const struct judge_set *set, const struct judge_pod *pod)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf images = MOON_BUF_INIT(64 << 10);
    const cJSON *container = NULL;
    cJSON_ArrayForEach (container, moon_sim_get(set->tree, "spec.template.spec.containers")) {
        moon_buf_printf(&images, "%s%s", images.len > 0 ? "," : "",
                        moon_sim_text(container, "image"));
    }
    return moon_streq(pod->images, moon_buf_cstr(&images));
}

static bool check_pod(const struct moon_judge *j, const struct judge_place *place,
                      const struct judge_pod *pod, struct tally *t, struct moon_buf *why)
{
    const struct judge_set *set = place->set;
    const struct judge_revision *newest = moon_judge_newest(j, set);
    const struct judge_spec *spec = moon_judge_spec_now(set);
    bool may_be_old = spec->is_on_delete || set->has_policies;
    bool has_hash = newest != NULL && moon_streq(pod->hash, newest->hash);
    bool by_chance = !has_hash && has_generation(set, pod);
    if (!moon_judge_is_alive(pod)) {
        return not_yet(why, set, "node %s: pod %s is %s", place->node, pod->name,
                       pod->is_deleting ? "being deleted" : "finished");
    }
    if (!pod->is_ready || !moon_judge_is_available(j, pod, spec->min_ready_s)) {
        return not_yet(why, set, "node %s: pod %s is not %s", place->node, pod->name,
                       pod->is_ready ? "ready for long enough" : "ready");
    }
    if (!may_be_old && !by_chance && !(has_hash && images_match(set, pod))) {
        return not_yet(why, set, "node %s: pod %s is not of the newest template", place->node,
                       pod->name);
    }
    t->ready++;
    t->available++;
    t->updated += has_hash ? 1 : 0;
    t->by_chance += by_chance ? 1 : 0;
    return true;
}

static bool check_place(const struct moon_judge *j, const struct judge_place *place,
                        struct tally *t, struct moon_buf *why)
{
    const struct judge_set *set = place->set;
    const struct judge_pod *pod = NULL;
    size_t count = 0;
    moon_list_foreach (it, &place->pods) {
        pod = moon_container_of(it, struct judge_pod, link);
        count++;
    }
    if (count > 1) {
        return not_yet(why, set, "node %s: %zu pods", place->node, count);
    }
    if (set->has_policies) {
        t->desired += count > 0 ? 1 : 0;
        t->current += count > 0 ? 1 : 0;
        return count == 0 || check_pod(j, place, pod, t, why);
    }
    if (!place->fits) {
        t->misscheduled += count > 0 ? 1 : 0;
        return count == 0 || place->may_stay ||
               not_yet(why, set, "node %s: pod %s where none may be", place->node, pod->name);
    }
    t->desired++;
    if (count == 0) {
        return not_yet(why, set, "node %s: no pod", place->node);
    }
    t->current++;
    return check_pod(j, place, pod, t, why);
}

static bool check_status(const struct judge_set *set, const struct tally *t, struct moon_buf *why)
{
    const struct {
        const char *field;
        int64_t wanted;
    } table[] = {
        {"observedGeneration", moon_sim_int(set->tree, "metadata.generation", 0)},
        {"desiredNumberScheduled", t->desired},
        {"currentNumberScheduled", t->current},
        {"numberReady", t->ready},
        {"updatedNumberScheduled", t->updated},
        {"numberAvailable", t->available},
        {"numberUnavailable", t->desired - t->available},
        {"numberMisscheduled", t->misscheduled},
    };
    const cJSON *status = moon_sim_member(set->tree, "status");
    for (size_t i = 0; i < MOON_ARRAY_SIZE(table); i++) {
        int64_t has = moon_sim_int(status, table[i].field, 0);
        bool by_policy = set->has_policies && moon_streq(table[i].field, "numberMisscheduled");
        bool is_updated = moon_streq(table[i].field, "updatedNumberScheduled");
        int64_t at_most = table[i].wanted + (is_updated ? t->by_chance : 0);
        if ((has < table[i].wanted || has > at_most) && !by_policy) {
            return not_yet(why, set, "status.%s is %lld, not %lld", table[i].field, (long long)has,
                           (long long)table[i].wanted);
        }
    }
    return true;
}

static bool check_revision(const struct moon_judge *j, const struct judge_set *set,
                           struct moon_buf *why)
{
    const struct judge_revision *newest = moon_judge_newest(j, set);
    MOON_AUTOJSON *wanted = moon_sim_clone(moon_sim_get(set->tree, "spec.template"));
    if (newest == NULL || !moon_sim_tree_same(newest->template, wanted)) {
        return not_yet(why, set, "no newest revision holds its template");
    }
    return true;
}

static bool check_set(const struct moon_judge *j, const struct judge_set *set, struct moon_buf *why)
{
    struct tally t = {0};
    size_t pos = 0;
    void *place = NULL;
    if (set->deleting_since_ms != 0) {
        return not_yet(why, set, "is being deleted");
    }
    if (!check_revision(j, set, why)) {
        return false;
    }
    while (moon_map_next(set->places, &pos, NULL, &place)) {
        if (!check_place(j, place, &t, why)) {
            return false;
        }
    }
    return check_status(set, &t, why);
}

bool moon_judge_is_settled(const struct moon_judge *j, struct moon_buf *why)
{
    size_t pos = 0;
    void *value = NULL;
    while (moon_map_next(j->sets, &pos, NULL, &value)) {
        if (!check_set(j, value, why)) {
            return false;
        }
    }
    pos = 0;
    while (moon_map_next(j->pods, &pos, NULL, &value)) {
        const struct judge_pod *pod = value;
        if (pod->owner[0] != '\0' && pod->place == NULL) {
            if (why != NULL) {
                moon_buf_printf(why, "pod %s/%s belongs to a set that is gone", pod->ns, pod->name);
            }
            return false;
        }
    }
    return true;
}

/* ---- the end ---- */

static int compare_sets(const void *a, const void *b)
{
    const struct judge_set *const *x = a;
    const struct judge_set *const *y = b;
    int order = strcmp((*x)->ns, (*y)->ns);
    return order != 0 ? order : strcmp((*x)->name, (*y)->name);
}

static int compare_texts(const void *a, const void *b)
{
    const char *const *x = a;
    const char *const *y = b;
    return strcmp(*x, *y);
}

static char *describe_pod(const struct moon_judge *j, const struct judge_pod *pod)
{
    return moon_asprintf("  %s: revision %lld, %s, %s%s%s", pod->node,
                         (long long)number_of(j, pod->place->set, pod->hash), pod->images,
                         pod->is_ready ? "ready" : "not ready",
                         pod->is_deleting ? ", being deleted" : "",
                         pod->is_terminal ? ", finished" : "");
}

/* A line for each pod, sorted: their names are chance. */
static void describe_pods(const struct moon_judge *j, const struct judge_set *set,
                          struct moon_buf *out)
{
    char **lines = NULL;
    size_t count = 0;
    size_t pos = 0;
    void *value = NULL;
    while (moon_map_next(set->places, &pos, NULL, &value)) {
        const struct judge_place *place = value;
        moon_list_foreach (it, &place->pods) {
            lines = moon_realloc_array(lines, count + 1, sizeof(*lines));
            lines[count++] = describe_pod(j, moon_container_of(it, struct judge_pod, link));
        }
    }
    if (count > 0) {
        qsort(lines, count, sizeof(*lines), compare_texts);
    }
    for (size_t i = 0; i < count; i++) {
        moon_buf_printf(out, "%s\n", lines[i]);
        moon_free(lines[i]);
    }
    moon_free(lines);
}

static void describe_set(const struct moon_judge *j, const struct judge_set *set,
                         struct moon_buf *out)
{
    static const char *const counters[] = {
        "desiredNumberScheduled", "currentNumberScheduled", "numberReady",
        "updatedNumberScheduled", "numberAvailable",        "numberUnavailable",
        "numberMisscheduled"};
    const cJSON *status = moon_sim_member(set->tree, "status");
    moon_buf_printf(out, "set %s/%s%s\n ", set->ns, set->name,
                    set->deleting_since_ms != 0 ? ", being deleted" : "");
    for (size_t i = 0; i < MOON_ARRAY_SIZE(counters); i++) {
        moon_buf_printf(out, " %s=%lld", counters[i],
                        (long long)moon_sim_int(status, counters[i], 0));
    }
    bool observed = moon_sim_int(status, "observedGeneration", 0) ==
                    moon_sim_int(set->tree, "metadata.generation", 0);
    moon_buf_printf(
        out, "%s\n  revisions: %zu, newest %lld\n", observed ? "" : " (not observed)",
        revisions_of(j, set),
        (long long)(moon_judge_newest(j, set) != NULL ? moon_judge_newest(j, set)->number : 0));
    describe_pods(j, set, out);
}

void moon_judge_end_state(const struct moon_judge *j, struct moon_buf *out)
{
    size_t count = 0;
    size_t pos = 0;
    void *value = NULL;
    struct judge_set **sets = moon_new_array(struct judge_set *, moon_map_count(j->sets) + 1);
    while (moon_map_next(j->sets, &pos, NULL, &value)) {
        sets[count++] = value;
    }
    qsort(sets, count, sizeof(struct judge_set *), compare_sets);
    for (size_t i = 0; i < count; i++) {
        describe_set(j, sets[i], out);
    }
    moon_free(sets);
}
