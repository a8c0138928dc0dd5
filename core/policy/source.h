/* SPDX-License-Identifier: Apache-2.0
 *
 * source.h - one place that policies come from: what is built in, a folder, or a bundle that
 * somebody hands in (a ConfigMap). A source is its files; what they mean is decided by their paths:
 * "x.lua" is policy x and the module x, "lib/x.lua" the module lib.x, "x_test.yaml" tests of x.
 * Private to policy.
 */
#ifndef MOON_POLICY_SOURCE_H
#define MOON_POLICY_SOURCE_H

#include <sys/types.h>

#include "base/map.h"
#include "policy/policies.h"

struct moon_source_file {
    char *text; /* NULL: could not be read */
    size_t len;
    char *error;              /* why not */
    char *place;              /* where it is, for people; NULL: the source knows */
    struct moon_map *modules; /* all that this one may require, borrowed; NULL: as all others */
};

struct moon_source {
    char *name; /* "built in", the folder, or what it was handed in as */
    bool is_folder;
    dev_t device; /* of a folder: which one it is, whatever is mounted there later */
    ino_t inode;
    bool was_full;          /* a folder that has or had a policy, as far as this process has seen */
    bool is_bundle;         /* its modules are its own; those of all others are shared */
    struct moon_map *files; /* path -> moon_source_file, owned */
    struct moon_map *modules; /* "lib.x" -> moon_source_file, borrowed */
};

struct moon_source *moon_source_stock(void);
struct moon_source *moon_source_texts(const struct moon_policy_text *texts, size_t count);
/* NULL: the folder cannot be listed. A file that cannot be read is no such error. */
struct moon_source *moon_source_read(const char *dir, struct moon_err *err);
struct moon_source *moon_source_bundle(const char *name, const struct moon_policy_file *files,
                                       size_t count);
void moon_source_free(void *source);

/* Is this the path of a policy? *ret is its name then: "update/rolling". */
bool moon_source_is_policy(struct moon_str path, struct moon_str *ret_name);
/* How many policies it has. */
size_t moon_source_count(const struct moon_source *s);
/* Where a file of the source is, for people: "dir/x.lua", or the source's name. The caller's. */
char *moon_source_place(const struct moon_source *s, struct moon_str path);
/* The tests beside a policy; NULL: none. */
const struct moon_source_file *moon_source_tests(const struct moon_source *s, struct moon_str name);

/* Folders below a policy folder that are looked into. */
enum {
    MOON_SOURCE_MAX_DEPTH = 3
};

#endif
