/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/file.h"

enum {
    SETTLE_MS = 100
};

struct fixture {
    char dir[64];
    char path[16][256]; /* where at() puts its texts, in turn */
    size_t next_path;
    struct moon_loop *loop; /* with a virtual clock */
    int changes;
    struct moon_dir_watch *watch;
};

static int setup(void **state)
{
    struct fixture *f = moon_new(struct fixture);
    struct moon_err err;
    snprintf(f->dir, sizeof f->dir, "/tmp/moon-test-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->loop = moon_loop_new(&(struct moon_loop_opts){.virtual_clock = true}, &err);
    *state = f;
    return 0;
}

static int remove_entry(const char *path, const struct stat *st MOON_UNUSED, int type MOON_UNUSED,
                        struct FTW *ftw MOON_UNUSED)
{
    return remove(path);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    moon_dir_watch_free(f->watch);
    moon_loop_free(f->loop);
    nftw(f->dir, remove_entry, 10, FTW_DEPTH | FTW_PHYS);
    moon_free(f);
    return 0;
}

static const char *at(struct fixture *f, const char *name)
{
    char *path = f->path[f->next_path++ % 16];
    snprintf(path, sizeof f->path[0], "%s/%s", f->dir, name);
    return path;
}

static void put(struct fixture *f, const char *name, const char *content)
{
    struct moon_err err;
    if (moon_file_write(at(f, name), moon_str(content), 0644, &err) != 0) {
        fail_msg("%s", err.text);
    }
}

/* ---- files ---- */

static void what_is_written_is_read(void **state)
{
    struct fixture *f = *state;
    struct moon_buf got = MOON_BUF_INIT(1000);
    struct moon_err err;
    put(f, "a", "first");
    put(f, "a", "second");
    assert_int_equal(moon_file_write(at(f, "key"), MOON_STR_LIT("x\0y"), 0600, &err), 0);
    moon_buf_puts(&got, "before ");
    assert_int_equal(moon_file_read(at(f, "a"), &got, &err), 0);
    assert_string_equal(moon_buf_cstr(&got), "before second");
    moon_buf_clear(&got);
    assert_int_equal(moon_file_read(at(f, "key"), &got, &err), 0);
    assert_int_equal(got.len, 3);
    struct stat st;
    assert_int_equal(stat(at(f, "key"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(at(f, "a"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0644);
    struct moon_paths paths; /* nothing temporary is left */
    assert_int_equal(moon_dir_list(f->dir, "", 0, &paths, &err), 0);
    assert_int_equal(paths.count, 2);
    moon_paths_free(&paths);
    moon_buf_fini(&got);
}

static void errors_name_the_path(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(mkfifo(at(f, "fifo"), 0600), 0);
    put(f, "large", "0123456789");
    struct {
        const char *name;
        int rc;
    } cases[] = {
        {"none", -MOON_E_NOT_FOUND},
        {"large/below", -MOON_E_NOT_FOUND},
        {"", -MOON_E_INVALID},
        {"large", -MOON_E_LIMIT},
        {"fifo", 0}, /* nobody writes: empty, but no waiting */
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        struct moon_buf got = MOON_BUF_INIT(9);
        struct moon_err err = {0};
        const char *path = at(f, cases[i].name);
        assert_int_equal(moon_file_read(path, &got, &err), cases[i].rc);
        if (cases[i].rc != 0) {
            assert_non_null(strstr(err.text, path));
        }
        moon_buf_fini(&got);
    }
    struct moon_err err;
    assert_int_equal(moon_file_write(at(f, "none/x"), MOON_STR_LIT("x"), 0600, &err),
                     -MOON_E_SYSTEM);
    assert_non_null(strstr(err.text, "none/x"));
    assert_int_equal(mkdir(at(f, "folder"), 0700), 0);
    assert_int_equal(moon_file_write(at(f, "folder"), MOON_STR_LIT("x"), 0600, &err),
                     -MOON_E_SYSTEM);
    struct moon_paths paths; /* nothing temporary is left */
    assert_int_equal(moon_dir_list(f->dir, "", 0, &paths, &err), 0);
    assert_int_equal(paths.count, 1);
    moon_paths_free(&paths);
}

/* A limit on the size of files stands for a disk without room. */
static void what_does_not_fit_leaves_the_old(void **state)
{
    struct fixture *f = *state;
    struct moon_buf got = MOON_BUF_INIT(1000);
    struct moon_err err = {0};
    struct rlimit before;
    put(f, "a", "old");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    void (*on_limit)(int) = signal(SIGXFSZ, SIG_IGN);
    struct rlimit full = {.rlim_cur = 4, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
    int rc = moon_file_write(at(f, "a"), MOON_STR_LIT("newer and longer"), 0600, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, on_limit);
    assert_int_equal(rc, -MOON_E_SYSTEM);
    assert_non_null(strstr(err.text, at(f, "a")));
    assert_int_equal(moon_file_read(at(f, "a"), &got, &err), 0);
    assert_string_equal(moon_buf_cstr(&got), "old");
    struct moon_paths paths;
    assert_int_equal(moon_dir_list(f->dir, "", 0, &paths, &err), 0);
    assert_int_equal(paths.count, 1); /* nothing temporary is left */
    moon_paths_free(&paths);
    moon_buf_fini(&got);
}

static void expect_list(struct fixture *f, unsigned max_depth, const char *want)
{
    struct moon_paths paths;
    struct moon_err err;
    struct moon_buf got = MOON_BUF_INIT(4096);
    if (moon_dir_list(f->dir, ".lua", max_depth, &paths, &err) != 0) {
        fail_msg("%s", err.text);
    }
    for (size_t i = 0; i < paths.count; i++) {
        moon_buf_printf(&got, "%s ", paths.items[i]);
    }
    assert_string_equal(moon_buf_cstr(&got), want);
    moon_paths_free(&paths);
    moon_buf_fini(&got);
}

static void lists_are_sorted_and_bounded(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(mkdir(at(f, "update"), 0700), 0);
    assert_int_equal(mkdir(at(f, "update/deep"), 0700), 0);
    assert_int_equal(mkdir(at(f, "..2026"), 0700), 0);
    assert_int_equal(mkdir(at(f, "folder.lua"), 0700), 0);
    put(f, "z.lua", "");
    put(f, "a.lua", "");
    put(f, "a.txt", "");
    put(f, ".hidden.lua", "");
    put(f, "..2026/real.lua", "");
    put(f, "update/rolling.lua", "");
    put(f, "update/deep/x.lua", "");
    assert_int_equal(symlink("..2026/real.lua", at(f, "mounted.lua")), 0);
    assert_int_equal(symlink("nowhere", at(f, "broken.lua")), 0);
    assert_int_equal(symlink("..", at(f, "update/circle")), 0);
    expect_list(f, 0, "a.lua mounted.lua z.lua ");
    expect_list(f, 1, "a.lua mounted.lua update/rolling.lua z.lua ");
    expect_list(f, 2,
                "a.lua mounted.lua update/circle/a.lua update/circle/mounted.lua "
                "update/circle/z.lua update/deep/x.lua update/rolling.lua z.lua ");
    struct moon_paths paths;
    struct moon_err err;
    assert_int_equal(moon_dir_list(at(f, "none"), "", 1, &paths, &err), -MOON_E_NOT_FOUND);
    assert_int_equal(moon_dir_list(at(f, "a.lua"), "", 1, &paths, &err), -MOON_E_SYSTEM);
}

/* ---- watching ---- */

static void on_change(void *ctx)
{
    ((struct fixture *)ctx)->changes++;
}

static void watch(struct fixture *f, unsigned max_depth)
{
    struct moon_err err;
    struct moon_dir_watch_opts opts = {.path = f->dir,
                                       .max_depth = max_depth,
                                       .settle_ms = SETTLE_MS,
                                       .on_change = on_change,
                                       .ctx = f};
    f->watch = moon_dir_watch_new(f->loop, &opts, &err);
    assert_non_null(f->watch);
}

/* Let events in, then let them settle. */
static void expect_changes(struct fixture *f, int wanted, const char *what)
{
    f->changes = 0;
    for (int i = 0; i < 3; i++) {
        moon_loop_turn(f->loop, 0);
    }
    moon_loop_advance(f->loop, SETTLE_MS - 1);
    if (f->changes != 0) {
        fail_msg("%s: did not wait for it to settle", what);
    }
    moon_loop_advance(f->loop, 1);
    if (f->changes != wanted) {
        fail_msg("%s: %d changes", what, f->changes);
    }
}

static void changes_are_told_once_settled(void **state)
{
    struct fixture *f = *state;
    watch(f, 0);
    expect_changes(f, 0, "nothing happened");
    put(f, "a.lua", "x");
    put(f, "b.lua", "x");
    expect_changes(f, 1, "two files");
    int fd = open(at(f, "half"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "half", 4), 4);
    expect_changes(f, 0, "half a file");
    close(fd);
    expect_changes(f, 1, "closed");
    fd = open(at(f, "half"), O_RDONLY | O_CLOEXEC);
    close(fd);
    expect_changes(f, 0, "only read");
    unlink(at(f, "half"));
    expect_changes(f, 1, "deleted");
    rename(at(f, "a.lua"), at(f, "c.lua"));
    expect_changes(f, 1, "renamed");
    assert_int_equal(link(at(f, "b.lua"), at(f, "d.lua")), 0);
    expect_changes(f, 1, "hard link");
}

static void a_configmap_swap_is_one_change(void **state)
{
    struct fixture *f = *state;
    watch(f, 1);
    assert_int_equal(mkdir(at(f, "..1"), 0700), 0);
    put(f, "..1/a.lua", "one");
    assert_int_equal(symlink("..1", at(f, "..data_tmp")), 0);
    assert_int_equal(rename(at(f, "..data_tmp"), at(f, "..data")), 0);
    assert_int_equal(symlink("..data/a.lua", at(f, "a.lua")), 0);
    expect_changes(f, 1, "mounted");
    assert_int_equal(mkdir(at(f, "..2"), 0700), 0);
    put(f, "..2/a.lua", "two");
    assert_int_equal(symlink("..2", at(f, "..data_tmp")), 0);
    assert_int_equal(rename(at(f, "..data_tmp"), at(f, "..data")), 0);
    unlink(at(f, "..1/a.lua"));
    rmdir(at(f, "..1"));
    expect_changes(f, 1, "swapped");
}

static void folders_below_count_when_asked_for(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(mkdir(at(f, "update"), 0700), 0);
    watch(f, 1);
    put(f, "update/a.lua", "x");
    expect_changes(f, 1, "file below");
    int fd = open(at(f, "update/half"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    expect_changes(f, 0, "half a file below");
    close(fd);
    expect_changes(f, 1, "closed below");
    assert_int_equal(mkdir(at(f, "new"), 0700), 0);
    expect_changes(f, 1, "new folder");
    put(f, "new/b.lua", "x");
    expect_changes(f, 1, "file in the new folder");
    assert_int_equal(mkdir(at(f, "new/deep"), 0700), 0);
    expect_changes(f, 1, "folder too deep");
    put(f, "new/deep/c.lua", "x");
    expect_changes(f, 0, "file too deep");
}

static void a_folder_may_vanish_and_come_back(void **state)
{
    struct fixture *f = *state;
    watch(f, 0);
    assert_int_equal(rmdir(f->dir), 0);
    expect_changes(f, 1, "vanished");
    moon_loop_advance(f->loop, 5000);
    f->changes = 0;
    assert_int_equal(mkdir(f->dir, 0700), 0);
    moon_loop_advance(f->loop, 5000);
    assert_int_equal(f->changes, 1);
    put(f, "a.lua", "x");
    expect_changes(f, 1, "file in the folder that came back");

    struct moon_err err;
    struct moon_dir_watch_opts opts = {.path = at(f, "none"), .on_change = on_change};
    assert_null(moon_dir_watch_new(f->loop, &opts, &err));
    assert_int_equal(err.code, MOON_E_NOT_FOUND);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read),
        TEST(errors_name_the_path),
        TEST(what_does_not_fit_leaves_the_old),
        TEST(lists_are_sorted_and_bounded),
        TEST(changes_are_told_once_settled),
        TEST(a_configmap_swap_is_one_change),
        TEST(folders_below_count_when_asked_for),
        TEST(a_folder_may_vanish_and_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
