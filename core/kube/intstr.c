/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/intstr.h"

/* The stock controller's words, which people search for. */
#define INVALID "invalid value for IntOrString: "

__extension__ typedef __int128 wide;

/* Go's int32: the type of the field. */
static bool in_range(int64_t value)
{
    return value >= INT32_MIN && value <= INT32_MAX;
}

static int parse_percent(struct moon_str text, struct moon_intstr *ret, struct moon_err *err)
{
    int64_t value;
    struct moon_str digits = {text.ptr, text.len - 1};
    if (!moon_parse_i64(digits, &value) || !in_range(value)) {
        return moon_err_set(err, MOON_E_INVALID,
                            INVALID "invalid value \"%.*s\": no number before %%",
                            (int)(text.len < 100 ? text.len : 100), text.ptr);
    }
    *ret = (struct moon_intstr){.set = true, .is_percent = true, .value = value};
    return 0;
}

int moon_intstr_parse(struct moon_str text, struct moon_intstr *ret, struct moon_err *err)
{
    int64_t value;
    if (moon_str_ends(text, "%")) {
        return parse_percent(text, ret, err);
    }
    if (!moon_parse_i64(text, &value) || !in_range(value)) {
        return moon_err_set(err, MOON_E_INVALID,
                            INVALID "invalid value \"%.*s\": neither a number nor a percentage",
                            (int)(text.len < 100 ? text.len : 100), text.len > 0 ? text.ptr : "");
    }
    *ret = (struct moon_intstr){.set = true, .value = value};
    return 0;
}

int moon_intstr_from_json(const cJSON *json, struct moon_intstr *ret, struct moon_err *err)
{
    if (json == NULL || cJSON_IsNull(json)) {
        *ret = (struct moon_intstr){0};
        return 0;
    }
    if (cJSON_IsNumber(json)) {
        double value = json->valuedouble;
        if (!(value >= INT32_MIN && value <= INT32_MAX) || value > (int32_t)value ||
            value < (int32_t)value) {
            return moon_err_set(err, MOON_E_INVALID, INVALID "%g is not a 32-bit integer", value);
        }
        *ret = (struct moon_intstr){.set = true, .value = (int32_t)value};
        return 0;
    }
    struct moon_str text = moon_str(cJSON_GetStringValue(json));
    if (moon_str_ends(text, "%")) {
        return parse_percent(text, ret, err);
    }
    return moon_err_set(err, MOON_E_INVALID, INVALID "invalid type: %s",
                        cJSON_IsString(json) ? "string is not a percentage"
                                             : "neither a number nor a text");
}

int64_t moon_intstr_scale(struct moon_intstr v, int64_t total, bool round_up)
{
    if (!v.set || !v.is_percent) {
        return v.set ? v.value : 0;
    }
    /* Exact: a 32-bit percentage of a 64-bit total needs 96 bits. */
    wide hundredths = (wide)v.value * total;
    wide quotient = hundredths / 100;
    wide rest = hundredths % 100; /* has the sign of the dividend */
    if (round_up && rest > 0) {
        quotient++;
    } else if (!round_up && rest < 0) {
        quotient--;
    }
    if (quotient > INT64_MAX) {
        return INT64_MAX;
    }
    return quotient < INT64_MIN ? INT64_MIN : (int64_t)quotient;
}
