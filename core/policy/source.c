/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/source.h"

#include <sys/stat.h>

#include "policy/bundle.h"
#include "policy/stock.h"

#define TESTS "_test.yaml"

static void file_free(void *value)
{
    struct moon_source_file *f = value;

    moon_free(f->text);
    moon_free(f->error);
    moon_free(f->place);
    moon_map_free(f->modules);
    moon_free(f);
}

static struct moon_source *source_new(const char *name)
{
    struct moon_source *s = moon_new(struct moon_source);

    s->name = moon_strdup(name);
    s->files = moon_map_new(file_free);
    s->modules = moon_map_new(NULL);
    return s;
}

void moon_source_free(void *source)
{
    struct moon_source *s = source;

    if (s == NULL) {
        return;
    }
    moon_map_free(s->modules);
    moon_map_free(s->files);
    moon_free(s->name);
    moon_free(s);
}

/* ---- what a path means ---- */

/* Tests and editor stubs lie beside policies, but are none. */
bool moon_source_is_policy(struct moon_str path, struct moon_str *ret_name)
{
    if (!moon_str_ends(path, ".lua") || moon_str_ends(path, "_test.lua") ||
        moon_str_starts(path, "meta/") || moon_str_starts(path, "lib/")) {
        return false;
    }
    *ret_name = (struct moon_str){path.ptr, path.len - strlen(".lua")};
    return true;
}

size_t moon_source_count(const struct moon_source *s)
{
    struct moon_str path;
    struct moon_str name;
    size_t count = 0;
    size_t pos = 0;

    while (moon_map_next(s->files, &pos, &path, NULL)) {
        count += moon_source_is_policy(path, &name);
    }
    return count;
}

/* The name that require finds a file by; NULL: it is no module. Policies are modules, too: who
 * changes one hook of another policy can leave the rest to it. In a bundle any file is one that is
 * no test. */
static char *module_name(const struct moon_source *s, struct moon_str path)
{
    struct moon_str name;
    bool is_lua = moon_str_ends(path, ".lua");

    if (moon_str_ends(path, "_test.lua") || moon_str_ends(path, TESTS) ||
        !(s->is_bundle || moon_source_is_policy(path, &name) || moon_str_starts(path, "lib/"))) {
        return NULL;
    }
    char *dotted = moon_strndup(path.ptr, path.len - (is_lua ? strlen(".lua") : 0));
    for (char *p = dotted; *p != '\0'; p++) {
        if (*p == '/') {
            *p = '.';
        }
    }
    return dotted;
}

/* `error` NULL: it could be read. */
static struct moon_source_file *add_file(struct moon_source *s, struct moon_str path,
                                         struct moon_str text, const char *error)
{
    struct moon_source_file *f = moon_new(struct moon_source_file);
    MOON_AUTOFREE char *module = module_name(s, path);

    f->text = error == NULL ? moon_str_dup(text) : NULL;
    f->len = text.len;
    f->error = moon_strdup(error);
    moon_map_set(s->files, path, f);
    if (module != NULL && error == NULL) {
        moon_map_set(s->modules, moon_str(module), f);
    }
    return f;
}

char *moon_source_place(const struct moon_source *s, struct moon_str path)
{
    const struct moon_source_file *f = moon_map_get(s->files, path);

    if (f != NULL && f->place != NULL) {
        return moon_strdup(f->place);
    }
    return s->is_folder ? moon_asprintf("%s/%.*s", s->name, MOON_STR_ARG(path))
                        : moon_strdup(s->name);
}

const struct moon_source_file *moon_source_tests(const struct moon_source *s, struct moon_str name)
{
    MOON_AUTOFREE char *path = moon_asprintf("%.*s" TESTS, MOON_STR_ARG(name));

    return moon_map_get(s->files, moon_str(path));
}

/* ---- built in ---- */

struct moon_source *moon_source_stock(void)
{
    struct moon_source *s = source_new("built in");

    for (const struct moon_stock *stock = moon_stock_policies; stock->name != NULL; stock++) {
        MOON_AUTOFREE char *path = moon_asprintf("%s.lua", stock->name);
        (void)add_file(s, moon_str(path), (struct moon_str){stock->text, stock->len}, NULL);
    }
    return s;
}

/* One name may be another text for each policy that requires it. */
static char *text_path(const struct moon_policy_text *t)
{
    if (!t->is_module) {
        return moon_asprintf("%s.lua", t->name);
    }
    return moon_asprintf("%s of %s", t->name, t->of != NULL ? t->of : "any");
}

static void add_module(struct moon_source *s, const struct moon_policy_text *t,
                       struct moon_source_file *module)
{
    MOON_AUTOFREE char *path = t->of != NULL ? moon_asprintf("%s.lua", t->of) : NULL;
    struct moon_source_file *f = path != NULL ? moon_map_get(s->files, moon_str(path)) : NULL;

    moon_map_set(s->modules, moon_str(t->name), module);
    if (f != NULL) {
        f->modules = f->modules != NULL ? f->modules : moon_map_new(NULL);
        moon_map_set(f->modules, moon_str(t->name), module);
    }
}

struct moon_source *moon_source_texts(const struct moon_policy_text *texts, size_t count)
{
    struct moon_source *s = source_new("handed in");
    MOON_AUTOFREE struct moon_source_file **files =
        moon_new_array(struct moon_source_file *, count);

    for (size_t i = 0; i < count; i++) {
        MOON_AUTOFREE char *path = text_path(&texts[i]);
        files[i] = add_file(s, moon_str(path), texts[i].text, NULL);
        files[i]->place = moon_strdup(texts[i].source);
    }
    for (size_t i = 0; i < count; i++) {
        if (texts[i].is_module) {
            add_module(s, &texts[i], files[i]);
        }
    }
    return s;
}

/* ---- folders ---- */

static void read_file(struct moon_source *s, const char *path)
{
    MOON_AUTOFREE char *full = moon_asprintf("%s/%s", s->name, path);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(MOON_BUNDLE_MAX_BYTES + 1);
    struct moon_err err;

    bool ok = moon_file_read(full, &text, &err) == 0;
    (void)add_file(s, moon_str(path), moon_buf_str(&text), ok ? NULL : err.text);
}

static int read_files(struct moon_source *s, const char *suffix, struct moon_err *err)
{
    struct moon_paths paths = {0};

    int rc = moon_dir_list(s->name, suffix, MOON_SOURCE_MAX_DEPTH, &paths, err);
    for (size_t i = 0; rc == 0 && i < paths.count; i++) {
        read_file(s, paths.items[i]);
    }
    moon_paths_free(&paths);
    return rc;
}

struct moon_source *moon_source_read(const char *dir, struct moon_err *err)
{
    struct moon_source *s = source_new(dir);
    struct stat st;

    s->is_folder = true;
    if (stat(dir, &st) == 0) {
        s->device = st.st_dev;
        s->inode = st.st_ino;
    }
    if (read_files(s, ".lua", err) != 0 || read_files(s, TESTS, err) != 0) {
        moon_source_free(s);
        return NULL;
    }
    return s;
}

/* ---- bundles ---- */

struct moon_source *moon_source_bundle(const char *name, const struct moon_policy_file *files,
                                       size_t count)
{
    struct moon_source *s = source_new(name);

    s->is_bundle = true;
    for (size_t i = 0; i < count; i++) {
        (void)add_file(s, moon_str(files[i].path), files[i].text, files[i].error);
    }
    return s;
}
