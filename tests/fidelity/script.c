/* SPDX-License-Identifier: Apache-2.0 */
#include "script.h"

#include "io/file.h"
#include "io/yaml.h"

enum {
    FILE_MAX_BYTES = 4 << 20,
    BODY_MAX_BYTES = 8 << 20
};

static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};

static bool is_known(const char *member)
{
    static const char *const known[] = {"call", "body",   "text", "fill",
                                        "type", "accept", "keep", "until"};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(known); i++) {
        if (moon_streq(member, known[i])) {
            return true;
        }
    }
    for (size_t i = 0; i < MOON_ARRAY_SIZE(methods); i++) {
        if (moon_streq(member, methods[i])) {
            return true;
        }
    }
    return false;
}

/* `fill: {text: x, times: N}` makes bodies that are too large for a file. */
static char *filled(const cJSON *fill, char *take_body)
{
    struct moon_buf out = MOON_BUF_INIT(BODY_MAX_BYTES);
    int64_t times = moon_json_int(fill, "times", 0);
    struct moon_str rest = moon_str(take_body);
    const char *at = strstr(take_body, "${fill}");
    if (at == NULL) {
        return take_body;
    }
    moon_buf_add(&out, rest.ptr, (size_t)(at - rest.ptr));
    for (int64_t i = 0; i < times; i++) {
        moon_buf_puts(&out, moon_json_string(fill, "text"));
    }
    moon_buf_puts(&out, at + strlen("${fill}"));
    moon_free(take_body);
    return moon_buf_take(&out, NULL);
}

static char *body_of(const cJSON *node)
{
    const cJSON *body = cJSON_GetObjectItemCaseSensitive(node, "body");
    const cJSON *fill = moon_json_get(node, "fill");
    const char *text = moon_json_string(node, "text");
    if (body == NULL) {
        return moon_strdup(text);
    }
    char *printed = cJSON_PrintUnformatted(body);
    char *copy = moon_strdup(printed);
    cJSON_free(printed);
    return fill != NULL ? filled(fill, copy) : copy;
}

static int read_call(const cJSON *node, struct fidelity_call *ret, struct moon_err *err)
{
    const cJSON *member = NULL;
    const char *name = moon_json_string(node, "call");
    if (name == NULL) {
        return moon_err_set(err, MOON_E_INVALID, "a call has no name");
    }
    cJSON_ArrayForEach (member, node) {
        if (!is_known(member->string)) {
            return moon_err_set(err, MOON_E_INVALID, "%s: unknown member %s", name, member->string);
        }
    }
    *ret = (struct fidelity_call){.name = name};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(methods); i++) {
        const char *path = moon_json_string(node, methods[i]);
        if (path != NULL) {
            ret->method = methods[i];
            ret->path = path;
        }
    }
    if (ret->method == NULL) {
        return moon_err_set(err, MOON_E_INVALID, "%s: no method", name);
    }
    ret->body = body_of(node);
    ret->type = moon_json_string(node, "type");
    if (ret->type == NULL && ret->body != NULL) {
        ret->type = "application/json";
    }
    ret->accept = moon_json_string(node, "accept");
    ret->keep = moon_json_get(node, "keep");
    ret->until = moon_json_get(node, "until");
    ret->is_watch = strstr(ret->path, "watch=1") != NULL;
    return 0;
}

int fidelity_script_read(const char *path, struct fidelity_script *ret, struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(FILE_MAX_BYTES);
    MOON_CLEANUP(fidelity_script_fini) struct fidelity_script script = {0};
    const cJSON *node = NULL;
    if (moon_file_read(path, &text, err) != 0) {
        return -(int)err->code;
    }
    script.document =
        moon_yaml_parse(moon_buf_str(&text), &(struct moon_yaml_opts){.name = path}, err);
    if (script.document == NULL) {
        return -(int)err->code;
    }
    if (!cJSON_IsArray(script.document)) {
        return moon_err_set(err, MOON_E_INVALID, "%s is no list of calls", path);
    }
    script.calls =
        moon_new_array(struct fidelity_call, (size_t)cJSON_GetArraySize(script.document) + 1);
    cJSON_ArrayForEach (node, script.document) {
        if (read_call(node, &script.calls[script.count], err) != 0) {
            return moon_err_wrap(err, "%s", path);
        }
        script.count++;
    }
    *ret = script;
    script = (struct fidelity_script){0};
    return 0;
}

void fidelity_script_fini(struct fidelity_script *script)
{
    for (size_t i = 0; i < script->count; i++) {
        moon_free(script->calls[i].body);
    }
    moon_free(script->calls);
    cJSON_Delete(script->document);
    *script = (struct fidelity_script){0};
}
