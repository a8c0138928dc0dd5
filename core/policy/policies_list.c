/* SPDX-License-Identifier: Apache-2.0
 *
 * policies_list.c - what is known of policies, for people.
 */
#include "policy/policies_priv.h"

static const char *state_of(const struct moon_policy *one)
{
    if (one->version == NULL) {
        return "not loaded";
    }
    if (one->version->is_quarantined) {
        return "quarantined";
    }
    return one->error != NULL ? "last good" : "in force";
}

static void drop_shown(const struct moon_policies *p, struct moon_policy *one)
{
    if (one->shown[0] != NULL) {
        moon_metric_drop(p->info,
                         MOON_LABELS(one->name, one->shown[0], one->shown[1], one->shown[2]));
    }
    for (size_t i = 0; i < MOON_ARRAY_SIZE(one->shown); i++) {
        moon_free(moon_steal(&one->shown[i]));
    }
}

void moon_policy_show(const struct moon_policies *p, struct moon_policy *one, bool gone)
{
    const struct moon_version *v = one->version;

    drop_shown(p, one);
    if (gone) {
        return;
    }
    one->shown[0] = v != NULL ? moon_strndup(v->digest, MOON_DIGEST_SHORT) : moon_strdup("");
    one->shown[1] = moon_strdup(v != NULL ? v->place : "");
    one->shown[2] = moon_strdup(state_of(one));
    moon_metric_set(p->info, MOON_LABELS(one->name, one->shown[0], one->shown[1], one->shown[2]),
                    1);
}

/* The comment lines at the head of the text, the license aside. */
static void leading_comment(const struct moon_version *v, struct moon_buf *out)
{
    struct moon_str rest = {v->source, v->source_len};
    struct moon_str line;

    while (moon_str_split(&rest, '\n', &line) && moon_str_starts(line, "--")) {
        struct moon_str text = moon_str_trim((struct moon_str){line.ptr + 2, line.len - 2});
        if (!moon_str_starts(text, "SPDX-License-Identifier")) {
            moon_buf_printf(out, "%s%.*s", out->len > 0 ? "\n" : "", MOON_STR_ARG(text));
        }
    }
}

/* The fallbacks are the caller's. */
static void describe_params(const struct moon_version *v, struct moon_policy_param *out)
{
    for (size_t i = 0; i < v->params.count; i++) {
        const struct moon_param *p = &v->params.items[i];
        out[i] = (struct moon_policy_param){
            .name = p->name,
            .type = moon_param_type_name(p->type),
            .fallback = p->fallback != NULL ? cJSON_PrintUnformatted(p->fallback) : NULL,
            .one_of = p->one_of != NULL ? cJSON_PrintUnformatted(p->one_of) : NULL,
            .doc = p->doc,
            .required = p->required,
        };
    }
}

static void tell(const struct moon_policy *one,
                 void (*fn)(const struct moon_policy_info *info, void *ctx), void *ctx)
{
    size_t param_count = one->version != NULL ? one->version->params.count : 0;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf hooks = MOON_BUF_INIT(256);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf doc = MOON_BUF_INIT(MOON_BUNDLE_MAX_BYTES);
    MOON_AUTOFREE struct moon_policy_param *params =
        moon_new_array(struct moon_policy_param, param_count + 1);

    if (one->version != NULL) {
        moon_hook_list(one->version->hooks, &hooks);
        leading_comment(one->version, &doc);
        describe_params(one->version, params);
    }
    fn(
        &(struct moon_policy_info){
            .name = one->name,
            .version = one->version != NULL ? one->version->digest : "",
            .source = one->version != NULL ? one->version->place : "",
            .error = one->error,
            .state = state_of(one),
            .loaded = one->version != NULL,
            .hooks = moon_buf_cstr(&hooks),
            .doc = moon_buf_cstr(&doc),
            .text = one->version != NULL
                        ? (struct moon_str){one->version->source, one->version->source_len}
                        : (struct moon_str){0},
            .modules = one->version != NULL ? one->version->modules : NULL,
            .params = params,
            .param_count = param_count,
        },
        ctx);
    for (size_t i = 0; i < param_count; i++) {
        cJSON_free((char *)(uintptr_t)params[i].fallback);
        cJSON_free((char *)(uintptr_t)params[i].one_of);
    }
}

void moon_policies_each(const struct moon_policies *p,
                        void (*fn)(const struct moon_policy_info *info, void *ctx), void *ctx)
{
    struct moon_str name;
    void *value;
    size_t pos = 0;

    while (moon_map_next(p->by_name, &pos, &name, &value)) {
        tell(value, fn, ctx);
    }
}
