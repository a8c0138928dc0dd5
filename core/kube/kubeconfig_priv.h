/* SPDX-License-Identifier: Apache-2.0
 *
 * kubeconfig_priv.h - kubeconfig files as documents, sections and typed fields.
 *
 * A *section* is the inside of one named entry ("users[admin]"). Reading a field checks its type;
 * each error names the file and the field, so that whoever wrote the file finds the place.
 * For the kubeconfig files only (and their test).
 */
#ifndef MOON_KUBE_KUBECONFIG_PRIV_H
#define MOON_KUBE_KUBECONFIG_PRIV_H

#include "io/json.h"
#include "kube/kubeconfig.h"

struct kubeconfig_file {
    char *path;
    char *folder; /* relative paths in it start here */
    cJSON *root;
};

/* $KUBECONFIG may name several. Owned by whoever loads; dropped after the fields were copied. */
struct kubeconfig_files {
    struct kubeconfig_file *items;
    size_t count;
};

struct kubeconfig_section {
    const struct kubeconfig_file *file;
    const cJSON *json;
    char *where; /* "users[admin]", the beginning of each field's name in errors */
};

/* One file, or with `is_list` several separated by ':' as in $KUBECONFIG, of which those that do
 * not exist are left out (count may be 0). */
int moon_kubeconfig_files_read(const char *paths, bool is_list, struct kubeconfig_files *ret,
                               struct moon_err *err);
void moon_kubeconfig_files_fini(struct kubeconfig_files *files);

/* The first current-context set in any file; *ret stays NULL when there is none. Borrowed. */
int moon_kubeconfig_current_context(const struct kubeconfig_files *files, const char **ret,
                                    struct moon_err *err);
/* The inside (`member`: "user") of the entry of `list` ("users") with this name, from the first
 * file that has it. MOON_E_INVALID when there is none; the text names those there are. */
int moon_kubeconfig_section_find(const struct kubeconfig_files *files, const char *list,
                                 const char *member, const char *name,
                                 struct kubeconfig_section *ret, struct moon_err *err);
void moon_kubeconfig_section_fini(struct kubeconfig_section *s);

/* ---- fields: absent or null leaves *ret as it is, empty text counts as absent ---- */

int moon_kubeconfig_text(const struct kubeconfig_section *s, const char *field, char **ret,
                         struct moon_err *err);
int moon_kubeconfig_bool(const struct kubeconfig_section *s, const char *field, bool *ret,
                         struct moon_err *err);
/* A file name, made absolute; the file is not looked at. */
int moon_kubeconfig_path(const struct kubeconfig_section *s, const char *field, char **ret,
                         struct moon_err *err);
/* PEM from a pair of fields: `field` names a file, `field`-data holds it in base64 and wins. Either
 * way it must hold a block whose label ends in `label` ("CERTIFICATE"). */
struct kubeconfig_pem {
    const char *field;
    const char *label;
    bool is_secret; /* tell in the debug log when others can read the file */
};
int moon_kubeconfig_pem(const struct kubeconfig_section *s, const struct kubeconfig_pem *what,
                        char **ret_file, char **ret_text, struct moon_err *err);
/* MOON_E_INVALID "FILE: users[admin].FIELD: …". */
int moon_kubeconfig_bad(const struct kubeconfig_section *s, const char *field, struct moon_err *err,
                        const char *fmt, ...) MOON_PRINTF(4, 5);

/* ---- parts of a configuration ---- */

/* What is wrong with "https://host:port/prefix"; NULL: nothing. */
const char *moon_kubeconfig_server_problem(const char *url);
char *moon_kubeconfig_without_slashes(const char *url); /* at the end; the caller frees */

int moon_kubeconfig_read_cluster(const struct kubeconfig_section *s, struct moon_kubeconfig *k,
                                 struct moon_err *err);
int moon_kubeconfig_read_user(const struct kubeconfig_section *s, struct moon_kubeconfig *k,
                              struct moon_err *err);
void moon_kubeconfig_exec_fini(struct moon_exec *exec);

/* The service account mounted at `folder`, the address from KUBERNETES_SERVICE_HOST and _PORT. */
bool moon_kubeconfig_is_in_cluster(const char *folder);
struct moon_kubeconfig *moon_kubeconfig_in_cluster(const char *folder, struct moon_err *err);

#endif
