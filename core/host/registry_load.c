/* SPDX-License-Identifier: Apache-2.0
 *
 * registry_load.c - one shared object: who can write it, and what it exports.
 */
#include "host/registry_priv.h"

#include <dlfcn.h>
#include <errno.h>
#include <libgen.h>
#include <sys/stat.h>

/* Code that others can change must not run with our credentials. */
static int check_mode(const char *path, struct moon_err *err)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        return moon_err_errno(err, errno, "plugin %s", path);
    }
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return moon_err_set(err, MOON_E_DENIED,
                            "plugin %s: is writable by group or others (mode %03o); chmod go-w it",
                            path, st.st_mode & 0777);
    }
    return 0;
}

/* dlerror() mostly begins with the path, as does our message. */
static const char *reason(const char *path)
{
    const char *text = dlerror();
    size_t len = strlen(path);

    if (text != NULL && strncmp(text, path, len) == 0 && strncmp(text + len, ": ", 2) == 0) {
        return text + len + 2;
    }
    return text != NULL ? text : "cannot be opened";
}

int moon_registry_load(struct moon_registry *r, const char *path, struct moon_err *err)
{
    MOON_AUTOFREE char *copy = moon_strdup(path);
    moonset_plugin_entry entry;

    if (check_mode(path, err) != 0 || check_mode(dirname(copy), err) != 0) {
        return -(int)err->code;
    }
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == NULL) {
        return moon_err_set(err, MOON_E_INVALID, "plugin %s: %s", path, reason(path));
    }
    void *symbol = dlsym(library, "moonset_plugin_v1");
    /* NODELETE keeps the code; the handle itself is not needed. */
    (void)dlclose(library);
    if (symbol == NULL) {
        return moon_err_set(err, MOON_E_INVALID, "plugin %s: exports no moonset_plugin_v1", path);
    }
    memcpy(&entry, &symbol, sizeof(entry)); /* ISO C has no cast from object to function pointer */
    const struct moon_plugin *plugin = entry();
    if (plugin == NULL) {
        return moon_err_set(err, MOON_E_INVALID, "plugin %s: gave no descriptor", path);
    }
    return moon_registry_add(r, plugin, path, err);
}
