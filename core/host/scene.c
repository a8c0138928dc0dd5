/* SPDX-License-Identifier: Apache-2.0 */
#include "host/scene.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/time.h"
#include "host/config_priv.h"

static void clear_policies(struct moon_scene *s)
{
    for (size_t i = 0; i < s->policy_count; i++) {
        moon_free((char *)(uintptr_t)s->policies[i].name);
        moon_free((char *)(uintptr_t)s->policies[i].of);
        moon_free((char *)(uintptr_t)s->policies[i].source);
        moon_free((char *)(uintptr_t)s->policies[i].version);
        moon_free((char *)(uintptr_t)s->policies[i].text.ptr);
    }
    moon_free(s->policies);
    s->policies = NULL;
    s->policy_count = 0;
}

void moon_scene_fini(struct moon_scene *s)
{
    clear_policies(s);
    moon_free(s->server);
    moon_free(s->by);
    cJSON_Delete(s->settings);
}

/* ---- settings ---- */

static void add_text(cJSON *object, const char *key, const char *text)
{
    (void)cJSON_AddStringToObject(object, key, text != NULL ? text : "");
}

void moon_scene_take_settings(struct moon_scene *s, const struct moon_config *c)
{
    char interval[32];

    (void)snprintf(interval, sizeof(interval), "%" PRIu64 "ms", c->orphan_interval_ms);
    cJSON_Delete(s->settings);
    s->settings = cJSON_CreateObject();
    add_text(s->settings, "namespace", c->namespace);
    add_text(s->settings, "placement", c->placement == MOON_PLACE_DIRECT ? "direct" : "affinity");
    add_text(s->settings, "pod-watch", c->pod_watch == MOON_POD_WATCH_ALL ? "all" : "ours");
    add_text(s->settings, "orphan-interval", interval);
    add_text(s->settings, "policy-guard", c->policy_guard);
    add_text(s->settings, "dry-run", c->dry_run ? "true" : "false");
}

int moon_scene_give_settings(const struct moon_scene *s, struct moon_config *config,
                             struct moon_err *err)
{
    const cJSON *item;

    cJSON_ArrayForEach (item, s->settings) {
        const struct moon_setting *setting = moon_setting_find(item->string);
        const char *value = cJSON_GetStringValue(item);
        if (setting == NULL || value == NULL) {
            return moon_err_set(err, MOON_E_INVALID,
                                "settings.%s: this moonset has no such setting", item->string);
        }
        if (!moon_setting_is_marked(config, setting) &&
            moon_setting_set(config, setting, value, item->string, err) != 0) {
            return moon_err_wrap(err, "settings");
        }
    }
    return 0;
}

/* ---- policies ---- */

static void add_policy(struct moon_scene *s, const struct moon_policy_text *p)
{
    for (size_t i = 0; i < s->policy_count; i++) {
        if (moon_streq(s->policies[i].name, p->name) && moon_streq(s->policies[i].of, p->of) &&
            s->policies[i].is_module == p->is_module) {
            return;
        }
    }
    s->policies = moon_realloc_array(s->policies, s->policy_count + 1, sizeof(*s->policies));
    s->policies[s->policy_count++] = (struct moon_policy_text){
        .name = moon_strdup(p->name),
        .is_module = p->is_module,
        .of = moon_strdup(p->of),
        .source = moon_strdup(p->source),
        .version = moon_strdup(p->version),
        .text = {moon_str_dup(p->text), p->text.len},
    };
}

static void take_policy(const struct moon_policy_info *info, void *ctx)
{
    struct moon_scene *s = ctx;
    struct moon_str name;
    void *text;
    size_t pos = 0;

    if (!info->loaded) {
        return;
    }
    add_policy(s, &(struct moon_policy_text){.name = info->name,
                                             .source = info->source,
                                             .version = info->version,
                                             .text = info->text});
    while (info->modules != NULL && moon_map_next(info->modules, &pos, &name, &text)) {
        MOON_AUTOFREE char *module = moon_str_dup(name);
        add_policy(s, &(struct moon_policy_text){.name = module,
                                                 .is_module = true,
                                                 .of = info->name,
                                                 .source = info->source,
                                                 .text = moon_str(text)});
    }
}

void moon_scene_take_policies(struct moon_scene *s, const struct moon_policies *p)
{
    clear_policies(s);
    moon_policies_each(p, take_policy, s);
}

void moon_scene_swap_policies(struct moon_scene *a, struct moon_scene *b)
{
    struct moon_scene kept = *a;

    a->policies = b->policies;
    a->policy_count = b->policy_count;
    b->policies = kept.policies;
    b->policy_count = kept.policy_count;
}

/* ---- as text ---- */

static void write_json(const cJSON *json, struct moon_buf *out)
{
    char *text = cJSON_PrintUnformatted(json);

    moon_buf_puts(out, text);
    cJSON_free(text);
}

void moon_scene_write(const struct moon_scene *s, const char *what, int format,
                      struct moon_buf *out)
{
    char time[MOON_TIME_TEXT];

    moon_buf_printf(out, "{\"moonset\":\"%s\",\"format\":%d,\"by\":\"%s\",\"time\":\"%s\",", what,
                    format, MOONSET_VERSION, moon_time_format(s->wall_ms / 1000, time));
    moon_buf_printf(out, "\"wall_ms\":%" PRId64 ",\"server\":", s->wall_ms);
    moon_json_add_string(out, moon_str(s->server));
    moon_buf_puts(out, ",\"settings\":");
    write_json(s->settings, out);
    moon_buf_puts(out, "}\n");
}

void moon_scene_write_policies(const struct moon_scene *s, struct moon_buf *out)
{
    for (size_t i = 0; i < s->policy_count; i++) {
        const struct moon_policy_text *p = &s->policies[i];
        moon_buf_puts(out, "{\"policy\":");
        moon_json_add_string(out, moon_str(p->name));
        if (p->is_module) {
            moon_buf_puts(out, ",\"module\":true");
            if (p->of != NULL) {
                moon_buf_puts(out, ",\"of\":");
                moon_json_add_string(out, moon_str(p->of));
            }
        } else {
            moon_buf_puts(out, ",\"version\":");
            moon_json_add_string(out, moon_str(p->version));
        }
        moon_buf_puts(out, ",\"source\":");
        moon_json_add_string(out, moon_str(p->source));
        moon_buf_puts(out, ",\"text\":");
        moon_json_add_string(out, p->text);
        moon_buf_puts(out, "}\n");
    }
}

int moon_scene_read(struct moon_scene *s, const char *what, int format, struct moon_str line,
                    struct moon_err *err)
{
    MOON_AUTOJSON *json = moon_json_parse(line, err);

    if (json == NULL) {
        return -(int)err->code;
    }
    if (!moon_streq(moon_json_string(json, "moonset"), what)) {
        return moon_err_set(err, MOON_E_INVALID, "it does not begin as a %s does", what);
    }
    if (moon_json_int(json, "format", 0) != format) {
        return moon_err_set(err, MOON_E_INVALID,
                            "it has format %" PRId64 "; this moonset reads format %d",
                            moon_json_int(json, "format", 0), format);
    }
    s->wall_ms = moon_json_int(json, "wall_ms", 0);
    s->server = moon_strdup(moon_json_string(json, "server"));
    s->by = moon_strdup(moon_json_string(json, "by"));
    s->settings = cJSON_Duplicate(moon_json_get(json, "settings"), true);
    return s->wall_ms > 0 ? 0 : moon_err_set(err, MOON_E_INVALID, "wall_ms: no time");
}

int moon_scene_read_policy(struct moon_scene *s, const cJSON *line, struct moon_err *err)
{
    const char *source = moon_json_string(line, "source");
    const char *name = moon_json_string(line, "policy");
    const char *text = moon_json_string(line, "text");

    if (name == NULL || text == NULL) {
        return moon_err_set(err, MOON_E_INVALID, "a policy without a name or a text");
    }
    add_policy(s, &(struct moon_policy_text){.name = name,
                                             .is_module = moon_json_bool(line, "module", false),
                                             .of = moon_json_string(line, "of"),
                                             .source = source != NULL ? source : "",
                                             .version = moon_json_string(line, "version"),
                                             .text = moon_str(text)});
    return 0;
}
