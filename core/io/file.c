/* SPDX-License-Identifier: Apache-2.0 */
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void close_fd(const int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
}

/* ---- reading ---- */

static int read_all(int fd, const char *path, struct moon_buf *out, struct moon_err *err)
{
    char piece[16384];
    for (;;) {
        ssize_t n = read(fd, piece, sizeof piece);
        if (n == 0) {
            return 0;
        }
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return moon_err_errno(err, errno, "read %s", path);
        }
        moon_buf_add(out, piece, (size_t)n);
        if (out->overflow) {
            return moon_buf_check(out, path, err);
        }
    }
}

int moon_file_read(const char *path, struct moon_buf *out, struct moon_err *err)
{
    /* A FIFO nobody writes to must not stop the loop. */
    MOON_CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        return moon_err_set(err, MOON_E_NOT_FOUND, "read %s: no such file", path);
    }
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        return moon_err_errno(err, errno, "read %s", path);
    }
    if (S_ISDIR(st.st_mode)) {
        return moon_err_set(err, MOON_E_INVALID, "read %s: it is a directory", path);
    }
    return read_all(fd, path, out, err);
}

/* ---- writing ---- */

static int write_all(int fd, struct moon_str content)
{
    while (content.len > 0) {
        ssize_t n = write(fd, content.ptr, content.len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -1;
        }
        content = (struct moon_str){content.ptr + n, content.len - (size_t)n};
    }
    return 0;
}

/* The rename itself is durable only once the folder is. A folder that cannot be synced (some
 * network file systems) is no reason to fail. */
static void sync_folder(const char *path)
{
    MOON_AUTOFREE char *copy = moon_strdup(path);
    MOON_CLEANUP(close_fd) int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
    }
}

int moon_file_write(const char *path, struct moon_str content, unsigned mode, struct moon_err *err)
{
    MOON_AUTOFREE char *temporary = moon_asprintf("%s.XXXXXX", path);
    MOON_CLEANUP(close_fd) int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        return moon_err_errno(err, errno, "write %s", path);
    }
    if (fchmod(fd, (mode_t)mode) != 0 || write_all(fd, content) != 0 || fsync(fd) != 0 ||
        rename(temporary, path) != 0) {
        int errnum = errno;
        unlink(temporary);
        return moon_err_errno(err, errnum, "write %s", path);
    }
    sync_folder(path);
    return 0;
}
