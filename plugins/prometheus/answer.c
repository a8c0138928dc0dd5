/* SPDX-License-Identifier: Apache-2.0
 *
 * answer.c - {"status":"success","data":{"resultType":"vector","result":[…]}}, or anything else.
 */
#include <math.h>

#include "prometheus/prometheus_priv.h"

enum {
    SHOWN_MAX = 200, /* of a body that makes no sense */
};

/* ---- errors ---- */

char *moon_prom_complaint(struct moon_str body)
{
    struct moon_err ignored;
    MOON_AUTOJSON *json = moon_json_parse(body, &ignored);
    const char *type = moon_json_string(json, "errorType");
    const char *text = moon_json_string(json, "error");

    if (type != NULL || text != NULL) {
        return moon_asprintf("%s: %s", type != NULL ? type : "error",
                             text != NULL ? text : "no reason given");
    }
    struct moon_str shown = moon_str_trim(moon_str_cut(body, SHOWN_MAX));
    return shown.len > 0 ? moon_str_dup(shown) : moon_strdup("nothing more was said");
}

/* ---- figures ---- */

/* As Go prints them: "0.25", "1e-9", "NaN", "+Inf". */
static bool read_value(const cJSON *item, double *ret)
{
    const char *text = cJSON_IsString(item) ? item->valuestring : NULL;

    if (moon_streq(text, "NaN")) {
        *ret = NAN;
    } else if (moon_streq(text, "+Inf") || moon_streq(text, "Inf")) {
        *ret = INFINITY;
    } else if (moon_streq(text, "-Inf")) {
        *ret = -INFINITY;
    } else {
        return text != NULL && moon_parse_double(moon_str(text), ret);
    }
    return true;
}

/* [ <seconds since 1970>, "<value>" ] */
static int read_pair(const cJSON *pair, double *ret_value, int64_t *ret_at_ms, struct moon_err *err)
{
    const cJSON *at = cJSON_GetArrayItem(pair, 0);

    if (!cJSON_IsArray(pair) || cJSON_GetArraySize(pair) != 2 || !cJSON_IsNumber(at) ||
        !(at->valuedouble >= 0 && at->valuedouble < 1e12) ||
        !read_value(cJSON_GetArrayItem(pair, 1), ret_value)) {
        return moon_err_set(err, MOON_E_SERVER, "a value that is no pair of a time and a number");
    }
    *ret_at_ms = (int64_t)(at->valuedouble * 1000);
    return 0;
}

static int add(const struct moon_prom *p, const cJSON *pair, struct moon_plugin_query *query,
               struct moon_err *err)
{
    double value = 0;
    int64_t at_ms = 0;

    if (read_pair(pair, &value, &at_ms, err) != 0) {
        return -(int)err->code;
    }
    if (p->provider->series(query, value, at_ms) != 0) {
        return moon_err_set(err, MOON_E_LIMIT,
                            "more than %d series; aggregate them in the query, as sum by (…) does",
                            MOON_SAMPLES_MAX_SERIES);
    }
    return 0;
}

static int add_labels(const struct moon_prom *p, const cJSON *metric,
                      struct moon_plugin_query *query, struct moon_err *err)
{
    const cJSON *label;

    if (!cJSON_IsObject(metric)) {
        return moon_err_set(err, MOON_E_SERVER, "a series without \"metric\"");
    }
    cJSON_ArrayForEach (label, metric) {
        if (!cJSON_IsString(label)) {
            return moon_err_set(err, MOON_E_SERVER, "label %s is no text", label->string);
        }
        if (p->provider->label(query, label->string, label->valuestring) != 0) {
            return moon_err_set(err, MOON_E_LIMIT,
                                "too many labels; aggregate in the query, as sum by (…) does");
        }
    }
    return 0;
}

static int read_vector(const struct moon_prom *p, const cJSON *result,
                       struct moon_plugin_query *query, struct moon_err *err)
{
    const cJSON *item;

    if (!cJSON_IsArray(result)) {
        return moon_err_set(err, MOON_E_SERVER, "\"result\" is no list");
    }
    cJSON_ArrayForEach (item, result) {
        const cJSON *value = moon_json_member(item, "value");
        if (value == NULL && moon_json_member(item, "histogram") != NULL) {
            return moon_err_set(err, MOON_E_INVALID,
                                "the result is a histogram; use histogram_quantile() or the like");
        }
        if (add(p, value, query, err) != 0 ||
            add_labels(p, moon_json_member(item, "metric"), query, err) != 0) {
            return -(int)err->code;
        }
    }
    return 0;
}

int moon_prom_read(const struct moon_prom *p, struct moon_str body, struct moon_plugin_query *query,
                   struct moon_err *err)
{
    MOON_AUTOJSON *json = moon_json_parse(body, err);

    if (json == NULL) {
        return moon_err_wrap(err, "the answer is no JSON");
    }
    if (!moon_streq(moon_json_string(json, "status"), "success")) {
        MOON_AUTOFREE char *why = moon_prom_complaint(body);
        return moon_err_set(err, MOON_E_SERVER, "%s", why);
    }
    const char *type = moon_json_string(json, "data.resultType");
    const cJSON *result = moon_json_get(json, "data.result");
    if (moon_streq(type, "vector")) {
        return read_vector(p, result, query, err);
    }
    if (moon_streq(type, "scalar")) {
        return add(p, result, query, err);
    }
    return moon_err_set(err, MOON_E_INVALID, "the result is a %s; a vector or a scalar is wanted",
                        type != NULL ? type : "thing without a type");
}
