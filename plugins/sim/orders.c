/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/orders.h"

#include "base/str.h"

#define ANNOTATION_PREFIX "sim.moonset.dev/"

enum {
    SLOW_READY_MS = 10 * 1000,
    EXIT_CODE_MAX = 255,
    WRONG_MAX = 200
};

static const char *annotation(const cJSON *all, const char *key)
{
    MOON_AUTOFREE char *full = moon_asprintf(ANNOTATION_PREFIX "%s", key);
    return cJSON_GetStringValue(moon_json_member(all, full));
}

/* The last complaint is as good as any. */
static void complain(moon_sym *wrong, const char *key, const char *value)
{
    MOON_AUTOFREE char *text =
        moon_asprintf("annotation " ANNOTATION_PREFIX "%s: \"%s\"", key, value);
    moon_sym_unref(*wrong);
    *wrong = moon_intern(moon_str_cut(moon_str(text), WRONG_MAX));
}

static void read_time(const cJSON *all, const char *key, uint64_t *ret_ms, moon_sym *wrong)
{
    const char *value = annotation(all, key);
    uint64_t time_ms;
    if (value == NULL) {
        return;
    }
    if (moon_streq(value, "0")) {
        *ret_ms = 0;
    } else if (moon_parse_duration_ms(moon_str(value), &time_ms) && time_ms != MOON_ORDER_NONE) {
        *ret_ms = time_ms;
    } else {
        complain(wrong, key, value);
    }
}

/* ---- the fate of a pod ---- */

struct rule {
    const char *name;
    enum moon_fate fate;
};

static const struct rule outcomes[] = {
    {"run", MOON_FATE_RUN},
    {"failed", MOON_FATE_FAIL},
    {"succeeded", MOON_FATE_SUCCEED},
    {"crash", MOON_FATE_CRASH},
    {"completed", MOON_FATE_COMPLETE},
    {"never-ready", MOON_FATE_NEVER_READY},
    {"no-image", MOON_FATE_NO_IMAGE},
};

static const struct rule tags[] = {
    {"broken", MOON_FATE_NO_IMAGE},
    {"crash", MOON_FATE_CRASH},
    {"failed", MOON_FATE_FAIL},
};

static bool find_rule(const struct rule *rules, size_t count, struct moon_str name,
                      enum moon_fate *ret)
{
    for (size_t i = 0; i < count; i++) {
        if (moon_str_is(name, rules[i].name)) {
            *ret = rules[i].fate;
            return true;
        }
    }
    return false;
}

/* "v1" of "host/path/image:v1@sha256:…". Of "host:5000/image" it is "5000/image", which is no tag
 * that has a meaning here. */
static struct moon_str tag_of(const char *image)
{
    size_t end = strcspn(image, "@");
    size_t start = end;
    while (start > 0 && image[start - 1] != ':') {
        start--;
    }
    return start > 0 ? (struct moon_str){image + start, end - start} : (struct moon_str){0};
}

void moon_pod_orders_init(struct moon_pod_orders *orders)
{
    *orders = (struct moon_pod_orders){.start_after_ms = MOON_ORDER_NONE,
                                       .ready_after_ms = MOON_ORDER_NONE,
                                       .end_after_ms = MOON_ORDER_NONE,
                                       .stop_after_ms = MOON_ORDER_NONE,
                                       .exit_code = 1};
}

/* The first image that says something decides. */
void moon_pod_orders_image(struct moon_pod_orders *orders, const char *image)
{
    struct moon_str tag = tag_of(image);
    if (orders->fate != MOON_FATE_RUN) {
        return;
    }
    if (moon_str_is(tag, "slow")) {
        orders->ready_after_ms = SLOW_READY_MS;
    }
    (void)find_rule(tags, MOON_ARRAY_SIZE(tags), tag, &orders->fate);
}

static void read_exit_code(const cJSON *all, struct moon_pod_orders *orders)
{
    const char *value = annotation(all, "exit-code");
    uint64_t code;
    if (value == NULL) {
        return;
    }
    if (moon_parse_u64(moon_str(value), &code) && code > 0 && code <= EXIT_CODE_MAX) {
        orders->exit_code = (int32_t)code;
    } else {
        complain(&orders->wrong, "exit-code", value);
    }
}

void moon_pod_orders_annotations(struct moon_pod_orders *orders, const cJSON *pod)
{
    const cJSON *all = moon_json_get(pod, "metadata.annotations");
    const char *outcome = annotation(all, "outcome");
    const char *stop_after = annotation(all, "stop-after");
    if (outcome != NULL &&
        !find_rule(outcomes, MOON_ARRAY_SIZE(outcomes), moon_str(outcome), &orders->fate)) {
        complain(&orders->wrong, "outcome", outcome);
    }
    orders->reason = moon_intern_cstr(annotation(all, "reason"));
    read_time(all, "start-after", &orders->start_after_ms, &orders->wrong);
    read_time(all, "ready-after", &orders->ready_after_ms, &orders->wrong);
    read_time(all, "end-after", &orders->end_after_ms, &orders->wrong);
    orders->ignores_sigterm = moon_streq(stop_after, "never");
    if (!orders->ignores_sigterm) {
        read_time(all, "stop-after", &orders->stop_after_ms, &orders->wrong);
    }
    read_exit_code(all, orders);
}

void moon_pod_orders_fini(struct moon_pod_orders *orders)
{
    moon_sym_unref(orders->reason);
    moon_sym_unref(orders->wrong);
}

bool moon_pod_orders_equal(const struct moon_pod_orders *a, const struct moon_pod_orders *b)
{
    return a->fate == b->fate && a->reason == b->reason && a->wrong == b->wrong &&
           a->start_after_ms == b->start_after_ms && a->ready_after_ms == b->ready_after_ms &&
           a->end_after_ms == b->end_after_ms && a->stop_after_ms == b->stop_after_ms &&
           a->ignores_sigterm == b->ignores_sigterm && a->exit_code == b->exit_code;
}

/* ---- nodes ---- */

static bool read_pressure(const char *value, unsigned *ret)
{
    static const char *const names[MOON_PRESSURES] = {"memory", "disk", "pid"};
    struct moon_str rest = moon_str(value);
    struct moon_str name;
    while (moon_str_split(&rest, ',', &name)) {
        size_t i = 0;
        while (i < MOON_PRESSURES && !moon_str_is(moon_str_trim(name), names[i])) {
            i++;
        }
        if (i == MOON_PRESSURES) {
            return false;
        }
        *ret |= 1u << i;
    }
    return true;
}

static bool read_switch(const cJSON *all, const char *key, moon_sym *wrong)
{
    const char *value = annotation(all, key);
    if (value != NULL && !moon_streq(value, "true") && !moon_streq(value, "false")) {
        complain(wrong, key, value);
    }
    return moon_streq(value, "true");
}

void moon_node_orders_read(struct moon_node_orders *orders, const cJSON *node)
{
    const cJSON *all = moon_json_get(node, "metadata.annotations");
    const char *pressure = annotation(all, "pressure");
    *orders = (struct moon_node_orders){.pull_time_ms = MOON_ORDER_NONE};
    orders->is_off = moon_streq(annotation(all, "down"), "off");
    orders->is_down = orders->is_off || read_switch(all, "down", &orders->wrong);
    orders->is_shut_down = read_switch(all, "shutdown", &orders->wrong);
    orders->reject = moon_intern_cstr(annotation(all, "reject"));
    orders->missing = moon_intern_cstr(annotation(all, "missing-images"));
    read_time(all, "pull-time", &orders->pull_time_ms, &orders->wrong);
    if (pressure != NULL && !read_pressure(pressure, &orders->pressure)) {
        orders->pressure = 0;
        complain(&orders->wrong, "pressure", pressure);
    }
}

void moon_node_orders_fini(struct moon_node_orders *orders)
{
    moon_sym_unref(orders->reject);
    moon_sym_unref(orders->missing);
    moon_sym_unref(orders->wrong);
}

bool moon_node_orders_equal(const struct moon_node_orders *a, const struct moon_node_orders *b)
{
    return a->is_down == b->is_down && a->is_off == b->is_off &&
           a->is_shut_down == b->is_shut_down && a->pressure == b->pressure &&
           a->reject == b->reject && a->missing == b->missing && a->wrong == b->wrong &&
           a->pull_time_ms == b->pull_time_ms;
}

bool moon_orders_name_image(moon_sym list, const char *image)
{
    struct moon_str rest = list != NULL ? moon_str(list) : (struct moon_str){0};
    struct moon_str name;
    while (moon_str_split(&rest, ',', &name)) {
        name = moon_str_trim(name);
        if (name.len > 0 && name.ptr[name.len - 1] == '*') {
            if (strncmp(image, name.ptr, name.len - 1) == 0) {
                return true;
            }
        } else if (moon_str_is(name, image)) {
            return true;
        }
    }
    return false;
}
