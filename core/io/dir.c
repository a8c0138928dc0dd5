/* SPDX-License-Identifier: Apache-2.0 */
#include "io/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    MAX_PATHS = 100000
};

struct walk {
    const char *root;
    const char *suffix;
    unsigned max_depth;
    struct moon_paths paths;
    size_t capacity;
};

static void close_dir(DIR *const *dir)
{
    if (*dir != NULL) {
        closedir(*dir);
    }
}

static int add_path(struct walk *w, const char *relative, struct moon_err *err)
{
    if (w->paths.count >= MAX_PATHS) {
        return moon_err_set(err, MOON_E_LIMIT, "%s: more than %d files", w->root, (int)MAX_PATHS);
    }
    if (w->paths.count == w->capacity) {
        w->capacity = w->capacity == 0 ? 16 : w->capacity * 2;
        w->paths.items = moon_realloc_array(w->paths.items, w->capacity, sizeof(char *));
    }
    w->paths.items[w->paths.count++] = moon_strdup(relative);
    return 0;
}

static int walk_folder(struct walk *w, const char *relative, unsigned depth, struct moon_err *err);

/* `relative` is "" or ends in '/'. Symlinks are followed; a circle of them ends at max_depth. */
static int walk_entry(struct walk *w, const char *relative, const char *name, unsigned depth,
                      struct moon_err *err)
{
    if (name[0] == '.') {
        return 0;
    }
    MOON_AUTOFREE char *entry = moon_asprintf("%s%s", relative, name);
    MOON_AUTOFREE char *full = moon_asprintf("%s/%s", w->root, entry);
    struct stat st;
    if (stat(full, &st) != 0) {
        /* It went away meanwhile, or a symlink leads nowhere: as if it were not there. */
        return errno == ENOENT || errno == ELOOP ? 0 : moon_err_errno(err, errno, "%s", full);
    }
    if (S_ISDIR(st.st_mode) && depth < w->max_depth) {
        MOON_AUTOFREE char *below = moon_asprintf("%s/", entry);
        return walk_folder(w, below, depth + 1, err);
    }
    if (S_ISREG(st.st_mode) && moon_str_ends(moon_str(name), w->suffix)) {
        return add_path(w, entry, err);
    }
    return 0;
}

static int walk_folder(struct walk *w, const char *relative, unsigned depth, struct moon_err *err)
{
    MOON_AUTOFREE char *full = moon_asprintf("%s/%s", w->root, relative);
    MOON_CLEANUP(close_dir) DIR *dir = opendir(full);
    if (dir == NULL && errno == ENOENT) {
        return depth > 0 ? 0 : moon_err_set(err, MOON_E_NOT_FOUND, "%s: no such folder", w->root);
    }
    if (dir == NULL) {
        return moon_err_errno(err, errno, "%s", full);
    }
    for (;;) {
        errno = 0;
        const struct dirent *d = readdir(dir);
        if (d == NULL) {
            return errno == 0 ? 0 : moon_err_errno(err, errno, "%s", full);
        }
        int rc = walk_entry(w, relative, d->d_name, depth, err);
        if (rc != 0) {
            return rc;
        }
    }
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int moon_dir_list(const char *path, const char *suffix, unsigned max_depth, struct moon_paths *ret,
                  struct moon_err *err)
{
    struct walk w = {.root = path, .suffix = suffix, .max_depth = max_depth};
    int rc = walk_folder(&w, "", 0, err);
    if (rc != 0) {
        moon_paths_free(&w.paths);
        return rc;
    }
    if (w.paths.count > 0) {
        qsort(w.paths.items, w.paths.count, sizeof(char *), compare_paths);
    }
    *ret = w.paths;
    return 0;
}

void moon_paths_free(struct moon_paths *paths)
{
    for (size_t i = 0; i < paths->count; i++) {
        moon_free(paths->items[i]);
    }
    moon_free(paths->items);
    *paths = (struct moon_paths){0};
}
