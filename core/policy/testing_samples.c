/* SPDX-License-Identifier: Apache-2.0
 *
 * testing_samples.c - what the queries of `analyze` have found, as a test gives it: a figure, a
 * list of series, or an error.
 */
#include "policy/testing_priv.h"

/* ---- reading ---- */

static int sample_value(struct moon_test_reader *r, const cJSON *json, void *ctx MOON_UNUSED)
{
    return cJSON_IsNumber(json) ? 0 : moon_test_wrong(r, json, "a number is wanted");
}

static int sample_labels(struct moon_test_reader *r, const cJSON *json, void *ctx MOON_UNUSED)
{
    MOON_AUTOJSON *labels = cJSON_CreateObject();

    return moon_test_take_labels(r, json, labels, "labels");
}

static const struct moon_test_field series_fields[] = {
    {"value", sample_value}, {"labels", sample_labels}, {NULL, NULL}};

static int check_series(struct moon_test_reader *r, const cJSON *json)
{
    int rc = cJSON_IsNumber(json) ? 0 : moon_test_fields(r, series_fields, json, NULL);

    if (rc == 0 && cJSON_IsObject(json) && moon_json_member(json, "value") == NULL) {
        rc = moon_test_wrong(r, json, "value is missing");
    }
    return rc;
}

static int check_sample(struct moon_test_reader *r, const cJSON *json)
{
    const cJSON *error = moon_json_member(json, "error");
    const cJSON *series;
    const char *text;
    int rc = 0;

    if (error != NULL) {
        return moon_test_text(r, error, &text);
    }
    if (!cJSON_IsArray(json)) {
        return check_series(r, json);
    }
    cJSON_ArrayForEach (series, json) {
        rc = rc == 0 ? check_series(r, series) : rc;
    }
    return rc;
}

int moon_test_take_samples(struct moon_test_reader *r, const cJSON *json, void *given)
{
    struct moon_test_given *g = given;
    const cJSON *sample;
    int rc = moon_test_mapping(r, json);

    cJSON_ArrayForEach (sample, json) {
        size_t mark = moon_test_enter(r, sample->string);
        rc = rc == 0 && !cJSON_IsNull(sample) ? check_sample(r, sample) : rc;
        moon_test_leave(r, mark);
        if (rc != 0) {
            return rc;
        }
        moon_test_put_member(g->samples, sample->string, cJSON_Duplicate(sample, true));
    }
    return rc;
}

/* ---- making ---- */

static void add_series(struct moon_samples *out, const cJSON *json, int64_t now_s)
{
    const cJSON *value = cJSON_IsNumber(json) ? json : moon_json_member(json, "value");
    const cJSON *label;
    MOON_AUTOJSON *labels = cJSON_CreateObject();
    struct moon_test_reader r = {.file = ""};

    if (!moon_samples_add(out, value->valuedouble, now_s * 1000)) {
        return; /* as in production: the rest is left out */
    }
    if (moon_json_member(json, "labels") != NULL) {
        (void)moon_test_take_labels(&r, moon_json_member(json, "labels"), labels, "labels");
    }
    cJSON_ArrayForEach (label, moon_json_member(labels, "labels")) {
        (void)moon_samples_label(out, moon_str(label->string), moon_str(label->valuestring));
    }
}

struct moon_samples *moon_test_make_samples(const cJSON *json, int64_t now_s)
{
    struct moon_samples *out = moon_samples_new();
    const cJSON *series;

    if (!cJSON_IsArray(json)) {
        add_series(out, json, now_s);
        return out;
    }
    cJSON_ArrayForEach (series, json) {
        add_series(out, series, now_s);
    }
    return out;
}
