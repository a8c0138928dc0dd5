/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "io/file.h"
#include "io/yaml.h"
#include "kube/base64.h"
#include "kube/kubeconfig_priv.h"

enum {
    FILE_MAX_BYTES = 4 << 20,
    PEM_MAX_BYTES = 1 << 20,
};

int moon_kubeconfig_bad(const struct kubeconfig_section *s, const char *field, struct moon_err *err,
                        const char *fmt, ...)
{
    char text[MOON_ERR_TEXT_MAX / 2];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return moon_err_set(err, MOON_E_INVALID, "%s: %s.%s: %s", s->file->path, s->where, field, text);
}

/* ---- files ---- */

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        char here[4096];
        return moon_strdup(getcwd(here, sizeof(here)) != NULL ? here : ".");
    }
    return slash == path ? moon_strdup("/") : moon_strndup(path, (size_t)(slash - path));
}

/* A manifest or a policy file given by mistake should say so, not "no current-context". */
static int check_kind(const char *path, const cJSON *root, struct moon_err *err)
{
    if (cJSON_IsNull(root)) {
        return moon_err_set(err, MOON_E_INVALID, "%s: is empty", path);
    }
    if (!cJSON_IsObject(root)) {
        return moon_err_set(err, MOON_E_INVALID, "%s: is not a kubeconfig file", path);
    }
    const char *kind = moon_json_string(root, "kind");
    if (kind != NULL && strcmp(kind, "Config") != 0) {
        return moon_err_set(err, MOON_E_INVALID, "%s: kind: is \"%s\", not \"Config\"", path, kind);
    }
    const char *version = moon_json_string(root, "apiVersion");
    if (version != NULL && strcmp(version, "v1") != 0) {
        return moon_err_set(err, MOON_E_INVALID, "%s: apiVersion: is \"%s\", not \"v1\"", path,
                            version);
    }
    return 0;
}

static int read_file(struct kubeconfig_files *files, const char *path, struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(FILE_MAX_BYTES);
    int rc = moon_file_read(path, &text, err);
    if (rc != 0) {
        return moon_err_wrap(err, "kubeconfig");
    }
    const struct moon_yaml_opts opts = {.name = path, .max_bytes = FILE_MAX_BYTES};
    MOON_AUTOJSON *root = moon_yaml_parse(moon_buf_str(&text), &opts, err);
    if (root == NULL) {
        return -(int)err->code;
    }
    rc = check_kind(path, root, err);
    if (rc != 0) {
        return rc;
    }
    files->items = moon_realloc_array(files->items, files->count + 1, sizeof(*files->items));
    files->items[files->count++] = (struct kubeconfig_file){
        .path = moon_strdup(path), .folder = folder_of(path), .root = moon_steal(&root)};
    return 0;
}

static int read_list(struct kubeconfig_files *files, const char *paths, struct moon_err *err)
{
    struct moon_str rest = moon_str(paths);
    struct moon_str piece;
    while (moon_str_split(&rest, ':', &piece)) {
        MOON_AUTOFREE char *path = moon_str_dup(piece);
        if (piece.len == 0 || (access(path, F_OK) != 0 && errno == ENOENT)) {
            continue;
        }
        int rc = read_file(files, path, err);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

int moon_kubeconfig_files_read(const char *paths, bool is_list, struct kubeconfig_files *ret,
                               struct moon_err *err)
{
    struct kubeconfig_files files = {0};
    int rc = is_list ? read_list(&files, paths, err) : read_file(&files, paths, err);
    if (rc == 0) {
        *ret = files;
    } else {
        moon_kubeconfig_files_fini(&files);
    }
    return rc;
}

void moon_kubeconfig_files_fini(struct kubeconfig_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        moon_free(files->items[i].path);
        moon_free(files->items[i].folder);
        cJSON_Delete(files->items[i].root);
    }
    moon_free(files->items);
    *files = (struct kubeconfig_files){0};
}

/* ---- sections ---- */

int moon_kubeconfig_current_context(const struct kubeconfig_files *files, const char **ret,
                                    struct moon_err *err)
{
    for (size_t i = 0; i < files->count; i++) {
        const cJSON *value = moon_json_member(files->items[i].root, "current-context");
        if (value == NULL) {
            continue;
        }
        if (!cJSON_IsString(value)) {
            return moon_err_set(err, MOON_E_INVALID, "%s: current-context: must be text",
                                files->items[i].path);
        }
        if (value->valuestring[0] != '\0') {
            *ret = value->valuestring;
            return 0;
        }
    }
    return 0;
}

/* The name of entry `index` of a list; NULL and *err set when the entry has none. */
static const char *entry_name(const struct kubeconfig_file *file, const char *list, int index,
                              const cJSON *entry, struct moon_err *err)
{
    const cJSON *name = cJSON_IsObject(entry) ? moon_json_member(entry, "name") : NULL;
    if (name == NULL || !cJSON_IsString(name) || name->valuestring[0] == '\0') {
        moon_err_set(err, MOON_E_INVALID, "%s: %s[%d].name: %s", file->path, list, index,
                     name == NULL ? "is missing" : "must be text that is not empty");
        return NULL;
    }
    return name->valuestring;
}

/* Look for `name` in one file; names that are not it are added to `others`. *ret_entry stays NULL
 * when it is not there. Twice the same name is an error, because it is unclear which is meant. */
static int find_in_file(const struct kubeconfig_file *file, const char *list, const char *name,
                        struct moon_buf *others, const cJSON **ret_entry, struct moon_err *err)
{
    const cJSON *entries = moon_json_member(file->root, list);
    if (entries != NULL && !cJSON_IsArray(entries)) {
        return moon_err_set(err, MOON_E_INVALID, "%s: %s: must be a list", file->path, list);
    }
    int index = 0;
    const cJSON *entry;
    cJSON_ArrayForEach (entry, entries) {
        const char *own_name = entry_name(file, list, index++, entry, err);
        if (own_name == NULL) {
            return -(int)err->code;
        }
        if (strcmp(own_name, name) != 0) {
            moon_buf_printf(others, "%s\"%s\"", others->len > 0 ? ", " : "", own_name);
        } else if (*ret_entry != NULL) {
            return moon_err_set(err, MOON_E_INVALID, "%s: %s[%s]: is there twice", file->path, list,
                                name);
        } else {
            *ret_entry = entry;
        }
    }
    return 0;
}

int moon_kubeconfig_section_find(const struct kubeconfig_files *files, const char *list,
                                 const char *member, const char *name,
                                 struct kubeconfig_section *ret, struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf others = MOON_BUF_INIT(512);
    for (size_t i = 0; i < files->count; i++) {
        const struct kubeconfig_file *file = &files->items[i];
        const cJSON *entry = NULL;
        int rc = find_in_file(file, list, name, &others, &entry, err);
        if (rc != 0) {
            return rc;
        }
        if (entry == NULL) {
            continue;
        }
        const cJSON *json = moon_json_member(entry, member);
        if (!cJSON_IsObject(json)) {
            return moon_err_set(err, MOON_E_INVALID, "%s: %s[%s].%s: %s", file->path, list, name,
                                member, json == NULL ? "is missing" : "must be an object");
        }
        *ret = (struct kubeconfig_section){
            .file = file, .json = json, .where = moon_asprintf("%s[%s].%s", list, name, member)};
        return 0;
    }
    const char *listed = others.overflow ? "too many to list" : moon_buf_cstr(&others);
    return moon_err_set(err, MOON_E_INVALID, "%s: %s: there is none named \"%s\" (there are: %s)",
                        files->items[0].path, list, name, listed[0] != '\0' ? listed : "none");
}

void moon_kubeconfig_section_fini(struct kubeconfig_section *s)
{
    moon_free(s->where);
    *s = (struct kubeconfig_section){0};
}

/* ---- fields ---- */

int moon_kubeconfig_text(const struct kubeconfig_section *s, const char *field, char **ret,
                         struct moon_err *err)
{
    const cJSON *value = moon_json_member(s->json, field);
    if (value == NULL) {
        return 0;
    }
    if (!cJSON_IsString(value)) {
        return moon_kubeconfig_bad(
            s, field, err, "must be text%s",
            cJSON_IsNumber(value) || cJSON_IsBool(value) ? " (put it in quotes)" : "");
    }
    if (value->valuestring[0] != '\0') {
        moon_free(*ret);
        *ret = moon_strdup(value->valuestring);
    }
    return 0;
}

int moon_kubeconfig_bool(const struct kubeconfig_section *s, const char *field, bool *ret,
                         struct moon_err *err)
{
    const cJSON *value = moon_json_member(s->json, field);
    if (value == NULL) {
        return 0;
    }
    if (!cJSON_IsBool(value)) {
        return moon_kubeconfig_bad(s, field, err, "must be true or false");
    }
    *ret = cJSON_IsTrue(value);
    return 0;
}

int moon_kubeconfig_path(const struct kubeconfig_section *s, const char *field, char **ret,
                         struct moon_err *err)
{
    MOON_AUTOFREE char *path = NULL;
    int rc = moon_kubeconfig_text(s, field, &path, err);
    if (rc != 0 || path == NULL) {
        return rc;
    }
    moon_free(*ret);
    *ret = path[0] == '/' ? moon_steal(&path) : moon_asprintf("%s/%s", s->file->folder, path);
    return 0;
}

/* Does a line "-----BEGIN <something label>-----" stand in it? */
static bool holds_pem(struct moon_str text, const char *label)
{
    struct moon_str line;
    while (moon_str_split(&text, '\n', &line)) {
        line = moon_str_trim(line);
        if (!moon_str_starts(line, "-----BEGIN ") || !moon_str_ends(line, "-----")) {
            continue;
        }
        line.len -= strlen("-----");
        if (moon_str_ends(line, label)) {
            return true;
        }
    }
    return false;
}

static int read_pem_data(const struct kubeconfig_section *s, const struct kubeconfig_pem *what,
                         const char *field, const char *data, char **ret, struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf pem = MOON_BUF_INIT(PEM_MAX_BYTES);
    if (!moon_base64_decode(moon_str(data), &pem)) {
        return moon_kubeconfig_bad(s, field, err, "is not base64");
    }
    if (!holds_pem(moon_buf_str(&pem), what->label)) {
        return moon_kubeconfig_bad(s, field, err, "holds no PEM block \"%s\"", what->label);
    }
    moon_free(*ret);
    *ret = moon_buf_take(&pem, NULL);
    return 0;
}

/* The file stays a file, so that libcurl reads a rotated one for its next connection; here we only
 * make sure that it is one of the right kind. */
static int check_pem_file(const struct kubeconfig_section *s, const struct kubeconfig_pem *what,
                          const char *path, struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf pem = MOON_BUF_INIT(PEM_MAX_BYTES);
    struct moon_err cause;
    if (moon_file_read(path, &pem, &cause) != 0) {
        return moon_kubeconfig_bad(s, what->field, err, "%s", cause.text);
    }
    if (!holds_pem(moon_buf_str(&pem), what->label)) {
        return moon_kubeconfig_bad(s, what->field, err, "%s holds no PEM block \"%s\"", path,
                                   what->label);
    }
    struct stat st;
    if (what->is_secret && stat(path, &st) == 0 && (st.st_mode & (S_IRGRP | S_IROTH)) != 0) {
        moon_debug("kubeconfig", "others can read this key file", "file", path);
    }
    return 0;
}

int moon_kubeconfig_pem(const struct kubeconfig_section *s, const struct kubeconfig_pem *what,
                        char **ret_file, char **ret_text, struct moon_err *err)
{
    char data_field[64];
    snprintf(data_field, sizeof(data_field), "%s-data", what->field);
    MOON_AUTOFREE char *data = NULL;
    int rc = moon_kubeconfig_text(s, data_field, &data, err);
    if (rc != 0) {
        return rc;
    }
    if (data != NULL) {
        return read_pem_data(s, what, data_field, data, ret_text, err);
    }
    MOON_AUTOFREE char *path = NULL;
    rc = moon_kubeconfig_path(s, what->field, &path, err);
    if (rc != 0 || path == NULL) {
        return rc;
    }
    rc = check_pem_file(s, what, path, err);
    if (rc == 0) {
        moon_free(*ret_file);
        *ret_file = moon_steal(&path);
    }
    return rc;
}
