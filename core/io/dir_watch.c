/* SPDX-License-Identifier: Apache-2.0
 *
 * One inotify descriptor for a folder and, if wanted, those below it. Whenever the set of folders
 * changes it is thrown away and made anew: simpler than keeping books, and nothing is lost, because
 * on_change runs after the new one is in place and its receiver reads everything.
 */
#include "io/file.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    DIR_WATCH_MAGIC = 0xd1aa,
    LOOK_AGAIN_MS = 1000, /* for a folder that has vanished */
    MAX_FOLDERS = 1000,
};

/* IN_CREATE is for folders, symlinks and hard links: a file that is being written counts when it is
 * closed. */
static const uint32_t WANTED = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                               IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

struct folder {
    int wd; /* inotify's name for it */
    char *path;
};

struct moon_dir_watch {
    unsigned magic;
    struct moon_loop *loop;
    char *path;
    unsigned max_depth;
    uint64_t settle_ms;
    void (*on_change)(void *ctx);
    void *ctx;
    int inotify; /* -1: the folder is not there */
    struct moon_fd *fd;
    struct folder *folders;
    size_t folder_count;
    struct moon_timer *settle;
    struct moon_timer *look_again;
};

/* ---- the inotify descriptor ---- */

static void close_inotify(struct moon_dir_watch *w)
{
    moon_fd_free(moon_steal(&w->fd));
    if (w->inotify >= 0) {
        close(w->inotify);
    }
    w->inotify = -1;
    for (size_t i = 0; i < w->folder_count; i++) {
        moon_free(w->folders[i].path);
    }
    moon_free(moon_steal(&w->folders));
    w->folder_count = 0;
}

static int add_folder(struct moon_dir_watch *w, const char *path)
{
    int wd = inotify_add_watch(w->inotify, path, WANTED);
    if (wd < 0) {
        return -1;
    }
    w->folders = moon_realloc_array(w->folders, w->folder_count + 1, sizeof(struct folder));
    w->folders[w->folder_count++] = (struct folder){.wd = wd, .path = moon_strdup(path)};
    return 0;
}

static void add_folders_below(struct moon_dir_watch *w, const char *path, unsigned depth)
{
    DIR *dir = depth < w->max_depth ? opendir(path) : NULL;
    if (dir == NULL) {
        return;
    }
    const struct dirent *d;
    while ((d = readdir(dir)) != NULL && w->folder_count < MAX_FOLDERS) {
        MOON_AUTOFREE char *below = moon_asprintf("%s/%s", path, d->d_name);
        if (d->d_name[0] != '.' && add_folder(w, below) == 0) {
            add_folders_below(w, below, depth + 1);
        }
    }
    closedir(dir);
}

static void on_events(unsigned events, void *ctx);

static int open_inotify(struct moon_dir_watch *w, struct moon_err *err)
{
    close_inotify(w);
    w->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (w->inotify < 0) {
        return moon_err_errno(err, errno, "watch %s", w->path);
    }
    if (add_folder(w, w->path) != 0) {
        int errnum = errno;
        close_inotify(w);
        return errnum == ENOENT
                   ? moon_err_set(err, MOON_E_NOT_FOUND, "watch %s: no such folder", w->path)
                   : moon_err_errno(err, errnum, "watch %s", w->path);
    }
    add_folders_below(w, w->path, 0);
    w->fd = moon_fd_new(w->loop, w->inotify, MOON_FD_READ, on_events, w);
    return 0;
}

static void reopen(struct moon_dir_watch *w)
{
    if (open_inotify(w, &(struct moon_err){0}) != 0) {
        moon_timer_start(w->look_again, LOOK_AGAIN_MS);
    }
}

/* ---- what happens in the folder ---- */

/* The entry an event is about; false when it is about a folder itself or the entry has gone. */
static bool entry_of(const struct moon_dir_watch *w, const struct inotify_event *e,
                     int (*look)(const char *path, struct stat *st), struct stat *ret)
{
    if (e->len == 0) {
        return false;
    }
    for (size_t i = 0; i < w->folder_count; i++) {
        if (w->folders[i].wd == e->wd) {
            MOON_AUTOFREE char *path = moon_asprintf("%s/%s", w->folders[i].path, e->name);
            return look(path, ret) == 0;
        }
    }
    return false;
}

static bool is_half_written(const struct moon_dir_watch *w, const struct inotify_event *e)
{
    struct stat st;
    return (e->mask & IN_CREATE) != 0 && entry_of(w, e, lstat, &st) && S_ISREG(st.st_mode) &&
           st.st_nlink == 1;
}

/* Has the set of folders changed? */
static bool is_structural(const struct moon_dir_watch *w, const struct inotify_event *e)
{
    if ((e->mask & (IN_Q_OVERFLOW | IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)) !=
        0) {
        return true;
    }
    if (w->max_depth == 0 || (e->mask & IN_CLOSE_WRITE) != 0) {
        return false;
    }
    struct stat st; /* a symlink may lead to a folder: stat, not lstat */
    return (e->mask & IN_ISDIR) != 0 || (entry_of(w, e, stat, &st) && S_ISDIR(st.st_mode));
}

static void on_events(unsigned events MOON_UNUSED, void *ctx)
{
    struct moon_dir_watch *w = MOON_CAST(moon_dir_watch, ctx, DIR_WATCH_MAGIC);
    _Alignas(struct inotify_event) char piece[16 * (sizeof(struct inotify_event) + NAME_MAX + 1)];
    bool changed = false;
    bool structural = false;
    ssize_t n;
    while ((n = read(w->inotify, piece, sizeof piece)) > 0) {
        size_t at = 0;
        while (at < (size_t)n) {
            const struct inotify_event *e = (const struct inotify_event *)(piece + at);
            structural = structural || is_structural(w, e);
            changed = changed || !is_half_written(w, e);
            at += sizeof *e + e->len;
        }
    }
    if (structural) {
        reopen(w);
    }
    if (changed || structural) {
        moon_timer_start(w->settle, w->settle_ms);
    }
}

static void on_look_again(void *ctx)
{
    struct moon_dir_watch *w = MOON_CAST(moon_dir_watch, ctx, DIR_WATCH_MAGIC);
    reopen(w);
    if (w->fd != NULL) {
        moon_timer_start(w->settle, w->settle_ms);
    }
}

static void on_settled(void *ctx)
{
    struct moon_dir_watch *w = MOON_CAST(moon_dir_watch, ctx, DIR_WATCH_MAGIC);
    w->on_change(w->ctx); /* may free w */
}

/* ---- life ---- */

struct moon_dir_watch *moon_dir_watch_new(struct moon_loop *loop,
                                          const struct moon_dir_watch_opts *opts,
                                          struct moon_err *err)
{
    moon_assert(opts->path != NULL && opts->on_change != NULL);
    struct moon_dir_watch *w = moon_new(struct moon_dir_watch);
    w->magic = DIR_WATCH_MAGIC;
    w->loop = loop;
    w->path = moon_strdup(opts->path);
    w->max_depth = opts->max_depth;
    w->settle_ms = opts->settle_ms;
    w->on_change = opts->on_change;
    w->ctx = opts->ctx;
    w->inotify = -1;
    w->settle = moon_timer_new(loop, on_settled, w);
    w->look_again = moon_timer_new(loop, on_look_again, w);
    if (open_inotify(w, err) != 0) {
        moon_dir_watch_free(w);
        return NULL;
    }
    return w;
}

void moon_dir_watch_free(struct moon_dir_watch *w)
{
    if (w == NULL) {
        return;
    }
    moon_assert(w->magic == DIR_WATCH_MAGIC);
    close_inotify(w);
    moon_timer_free(w->settle);
    moon_timer_free(w->look_again);
    moon_free(w->path);
    w->magic = 0;
    moon_free(w);
}
