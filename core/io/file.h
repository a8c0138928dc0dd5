/* SPDX-License-Identifier: Apache-2.0
 *
 * file.h - whole files under a cap, atomic replacement, and folders that tell when they change.
 * Layer: io.
 */
#ifndef MOON_IO_FILE_H
#define MOON_IO_FILE_H

#include "base/buf.h"
#include "io/loop.h"

/* Read a whole file into `out` (appended); errors name the path. A directory or a file larger than
 * the buffer's maximum is an error. */
MOON_API int moon_file_read(const char *path, struct moon_buf *out, struct moon_err *err);
/* Write to a temporary name beside it, fsync, rename: the old content survives a full disk. */
MOON_API int moon_file_write(const char *path, struct moon_str content, unsigned mode,
                             struct moon_err *err);

/* Watches a folder (inotify). `on_change` runs `settle_ms` after the last change to any entry: a
 * file written and closed, renamed into or out of it, deleted, or a symlink swapped as a mounted
 * ConfigMap does (..data). Half-written files do not count until they are closed. A folder that
 * vanishes and comes back is picked up again. */
struct moon_dir_watch;
struct moon_dir_watch_opts {
    const char *path;
    unsigned max_depth; /* also watch folders so many levels below; 0: only `path` itself */
    uint64_t settle_ms;
    void (*on_change)(void *ctx);
    void *ctx;
};
MOON_API struct moon_dir_watch *moon_dir_watch_new(struct moon_loop *loop,
                                                   const struct moon_dir_watch_opts *opts,
                                                   struct moon_err *err);
MOON_API void moon_dir_watch_free(struct moon_dir_watch *w);

/* Regular files (symlinks followed) in `path` and in folders at most `max_depth` levels below it
 * (0: only in `path` itself), whose name ends in `suffix` and neither it nor a folder on the way
 * starts with '.', sorted by path, relative to `path`. Free the list with moon_paths_free. */
struct moon_paths {
    char **items;
    size_t count;
};
MOON_API int moon_dir_list(const char *path, const char *suffix, unsigned max_depth,
                           struct moon_paths *ret, struct moon_err *err);
MOON_API void moon_paths_free(struct moon_paths *paths);

#endif
