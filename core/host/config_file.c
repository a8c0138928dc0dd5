/* SPDX-License-Identifier: Apache-2.0
 *
 * config_file.c - settings from the YAML file of --config: one flat map.
 */
#include <stdio.h>

#include "host/config_priv.h"
#include "io/file.h"
#include "io/yaml.h"

enum {
    CONFIG_MAX_BYTES = 256 * 1024
};

/* "FILE:LINE: KEY", or "FILE: KEY" when the key does not begin a line of its own. A tree has no
 * lines; but the map is flat, so a key is a line that begins with it. */
static char *where_is(const char *path, struct moon_str text, const char *key)
{
    struct moon_str line;
    size_t len = strlen(key);

    for (unsigned n = 1; moon_str_split(&text, '\n', &line); n++) {
        if (line.len > len && moon_str_starts(line, key)) {
            struct moon_str rest = moon_str_trim((struct moon_str){line.ptr + len, line.len - len});
            if (rest.len > 0 && rest.ptr[0] == ':') {
                return moon_asprintf("%s:%u: %s", path, n, key);
            }
        }
    }
    return moon_asprintf("%s: %s", path, key);
}

/* The text of a single value; NULL when it is none. What YAML took for a number or a boolean is no
 * text any more ("on" would be the namespace "true"): such texts need quotes. */
static const char *scalar(const struct moon_setting *s, const cJSON *value, char scratch[64])
{
    bool is_text = s->kind == MOON_SETTING_TEXT || s->kind == MOON_SETTING_LIST;

    if (cJSON_IsString(value)) {
        return value->valuestring;
    }
    if (cJSON_IsBool(value) && !is_text) {
        return cJSON_IsTrue(value) ? "true" : "false";
    }
    if (cJSON_IsNumber(value) && !is_text) {
        (void)snprintf(scratch, 64, "%.15g", value->valuedouble);
        return scratch;
    }
    return NULL;
}

static const char *wanted(const struct moon_setting *s)
{
    switch (s->kind) {
    case MOON_SETTING_TEXT:
        return "a text (in quotes if it looks like a number or like true or false)";
    case MOON_SETTING_LIST:
        return "a text or a list of texts";
    case MOON_SETTING_BOOL:
    case MOON_SETTING_CHOICE:
    case MOON_SETTING_COUNT:
    case MOON_SETTING_SCALE:
    case MOON_SETTING_DURATION:
    case MOON_SETTING_PERIOD:
        break;
    }
    return "a single value";
}

static int take_value(struct moon_config *c, const struct moon_setting *s, const cJSON *value,
                      const char *where, struct moon_err *err)
{
    char scratch[64];
    const char *text = scalar(s, value, scratch);

    return text != NULL ? moon_setting_set(c, s, text, where, err)
                        : moon_err_set(err, MOON_E_INVALID, "%s: must be %s", where, wanted(s));
}

static int take_key(struct moon_config *c, const cJSON *value, const char *where,
                    struct moon_err *err)
{
    const struct moon_setting *s = moon_setting_find(value->string);
    const cJSON *item;

    if (s == NULL) {
        return moon_err_set(err, MOON_E_INVALID, "%s: there is no such setting", where);
    }
    if (moon_setting_is_marked(c, s)) {
        return 0; /* the command line wins */
    }
    if (s->kind != MOON_SETTING_LIST || !cJSON_IsArray(value)) {
        return take_value(c, s, value, where, err);
    }
    cJSON_ArrayForEach (item, value) {
        if (take_value(c, s, item, where, err) != 0) {
            return -(int)err->code;
        }
    }
    return 0;
}

int moon_config_read(struct moon_config *c, const char *path, struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(CONFIG_MAX_BYTES);
    const cJSON *value;

    if (moon_file_read(path, &text, err) != 0) {
        return moon_err_wrap(err, "--config");
    }
    MOON_AUTOJSON *json =
        moon_yaml_parse(moon_buf_str(&text), &(struct moon_yaml_opts){.name = path}, err);
    if (json == NULL) {
        return -(int)err->code;
    }
    if (!cJSON_IsObject(json) && !cJSON_IsNull(json)) {
        return moon_err_set(err, MOON_E_INVALID, "%s: must be a map of settings", path);
    }
    cJSON_ArrayForEach (value, json) {
        MOON_AUTOFREE char *where = where_is(path, moon_buf_str(&text), value->string);
        if (take_key(c, value, where, err) != 0) {
            return -(int)err->code;
        }
    }
    return 0;
}
