/* SPDX-License-Identifier: Apache-2.0 */
#include "io/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    PROCESS_MAGIC = 0x9c0c,
    DEFAULT_TIMEOUT_MS = 60000,
    DEFAULT_MAX_OUTPUT_BYTES = 1 << 20,
    MAX_STDERR_BYTES = 4096,
    SHOWN_STDERR_BYTES = 512, /* of its end, in the error text */
};

/* One of the child's outputs. */
struct output {
    int fd; /* -1: at its end */
    struct moon_fd *watch;
    struct moon_buf text;
};

struct moon_process {
    unsigned magic;
    struct moon_loop *loop;
    char *name;
    pid_t pid;
    struct moon_child *child; /* NULL: could not be started */
    bool ended;               /* its process id may be somebody else's by now */
    struct output out;
    struct output errors;
    struct moon_timer *timeout;
    struct moon_defer *fail_later;
    struct moon_err err; /* why it could not be started */
    void (*on_done)(struct moon_str output, const struct moon_err *err, void *ctx);
    void *ctx;
};

/* ---- the end ---- */

static void output_close(struct output *o)
{
    moon_fd_free(moon_steal(&o->watch));
    if (o->fd >= 0) {
        close(o->fd);
        o->fd = -1;
    }
}

static void process_free(struct moon_process *p)
{
    if (p->fail_later != NULL) {
        moon_defer_cancel(p->fail_later);
    }
    output_close(&p->out);
    output_close(&p->errors);
    moon_buf_fini(&p->out.text);
    moon_buf_fini(&p->errors.text);
    moon_timer_free(p->timeout);
    moon_child_free(p->child); /* the loop still reaps it */
    moon_free(p->name);
    p->magic = 0;
    moon_free(p);
}

/* The group: a shell script's children, too. */
static void kill_group(const struct moon_process *p)
{
    if (p->child != NULL && !p->ended) {
        kill(-p->pid, SIGKILL);
    }
}

static void finish(struct moon_process *p, const struct moon_err *err)
{
    /* Still a valid handle, but cancelling from inside on_done would free twice. */
    void (*on_done)(struct moon_str, const struct moon_err *, void *) = moon_steal(&p->on_done);
    on_done(moon_buf_str(&p->out.text), err, p->ctx);
    process_free(p);
}

void moon_process_cancel(struct moon_process *p)
{
    moon_assert(p->magic == PROCESS_MAGIC);
    if (p->on_done != NULL) {
        kill_group(p);
        process_free(p);
    }
}

/* ---- its output ---- */

/* stderr: only the end matters. */
static void keep_end(struct moon_buf *text, struct moon_str piece)
{
    if (piece.len >= MAX_STDERR_BYTES) {
        piece = (struct moon_str){piece.ptr + piece.len - MAX_STDERR_BYTES, MAX_STDERR_BYTES};
    }
    if (text->len + piece.len > MAX_STDERR_BYTES) {
        moon_buf_consume(text, text->len + piece.len - MAX_STDERR_BYTES);
    }
    moon_buf_add_str(text, piece);
}

/* Reads what is there, a bounded amount so that a chatty child does not hold up the loop; true when
 * there may be more. */
static bool output_read(struct moon_process *p, struct output *o)
{
    char piece[16384];
    ssize_t n = o->fd >= 0 ? read(o->fd, piece, sizeof piece) : 0;
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return errno == EINTR;
    }
    if (n <= 0) {
        output_close(o);
        return false;
    }
    if (o == &p->errors) {
        keep_end(&o->text, (struct moon_str){piece, (size_t)n});
    } else {
        moon_buf_add(&o->text, piece, (size_t)n);
    }
    return true;
}

static bool check_overflow(struct moon_process *p)
{
    if (!p->out.text.overflow) {
        return false;
    }
    struct moon_err err;
    kill_group(p);
    moon_buf_check(&p->out.text, "its output", &err);
    moon_err_wrap(&err, "%s", p->name);
    finish(p, &err);
    return true;
}

static void on_out(unsigned events MOON_UNUSED, void *ctx)
{
    struct moon_process *p = MOON_CAST(moon_process, ctx, PROCESS_MAGIC);
    output_read(p, &p->out);
    check_overflow(p);
}

static void on_errors(unsigned events MOON_UNUSED, void *ctx)
{
    struct moon_process *p = MOON_CAST(moon_process, ctx, PROCESS_MAGIC);
    output_read(p, &p->errors);
}

/* ---- how it ended ---- */

static void describe_end(const struct moon_process *p, int status, struct moon_err *err)
{
    struct moon_str said = moon_str_trim(moon_buf_str(&p->errors.text));
    if (said.len > SHOWN_STDERR_BYTES) {
        said = (struct moon_str){said.ptr + said.len - SHOWN_STDERR_BYTES, SHOWN_STDERR_BYTES};
    }
    const char *colon = said.len > 0 ? ": " : "";
    if (WIFSIGNALED(status)) {
        moon_err_set(err, MOON_E_SYSTEM, "%s: ended by signal %d%s%.*s", p->name, WTERMSIG(status),
                     colon, MOON_STR_ARG(said));
    } else {
        moon_err_set(err, MOON_E_SYSTEM, "%s: exit status %d%s%.*s", p->name, WEXITSTATUS(status),
                     colon, MOON_STR_ARG(said));
    }
}

/* What it wrote before its end is in the pipes. Their end is not waited for: a grandchild that went
 * to the background may hold them open for ever. */
static void on_ended(int status, void *ctx)
{
    struct moon_process *p = MOON_CAST(moon_process, ctx, PROCESS_MAGIC);
    p->ended = true;
    while (!p->out.text.overflow && output_read(p, &p->out)) {
    }
    for (size_t bytes = 0; bytes < (1 << 20) && output_read(p, &p->errors); bytes += 16384) {
    }
    if (check_overflow(p)) {
        return;
    }
    struct moon_err err;
    bool failed = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    if (failed) {
        describe_end(p, status, &err);
    }
    finish(p, failed ? &err : NULL);
}

static void on_timeout(void *ctx)
{
    struct moon_process *p = MOON_CAST(moon_process, ctx, PROCESS_MAGIC);
    struct moon_err err;
    kill_group(p);
    moon_err_set(&err, MOON_E_TIMEOUT, "%s: did not end in time", p->name);
    finish(p, &err);
}

static void on_failed(void *ctx)
{
    struct moon_process *p = MOON_CAST(moon_process, ctx, PROCESS_MAGIC);
    p->fail_later = NULL;
    finish(p, &p->err);
}

/* ---- the start ---- */

static size_t count_texts(const char *const *texts)
{
    size_t n = 0;
    while (texts != NULL && texts[n] != NULL) {
        n++;
    }
    return n;
}

static bool is_overridden(const char *entry, const char *const *added)
{
    size_t name_len = strcspn(entry, "=") + 1;
    for (size_t i = 0; added != NULL && added[i] != NULL; i++) {
        if (strncmp(added[i], entry, name_len) == 0) {
            return true;
        }
    }
    return false;
}

/* Ours with `added` in place of entries of the same name; the texts stay where they are. */
static const char **merge_env(const char *const *added)
{
    const char *const *ours = (const char *const *)environ;
    size_t n = 0;
    const char **merged = moon_new_array(const char *, count_texts(ours) + count_texts(added) + 1);
    for (size_t i = 0; ours != NULL && ours[i] != NULL; i++) {
        if (!is_overridden(ours[i], added)) {
            merged[n++] = ours[i];
        }
    }
    for (size_t i = 0; added != NULL && added[i] != NULL; i++) {
        merged[n++] = added[i];
    }
    return merged;
}

/* Its own process group, no signal blocked or ignored: what it would have from a shell. */
static void setup_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &all);
    posix_spawnattr_setpgroup(attributes, 0);
    posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                             POSIX_SPAWN_SETPGROUP);
}

static int spawn(struct moon_process *p, const struct moon_process_opts *opts, int out, int errors)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
    posix_spawnattr_init(&attributes);
    setup_attributes(&attributes);
    MOON_AUTOFREE const char **env = merge_env(opts->env);
    /* posix_spawn's prototype lacks the const that its contract has. */
    int errnum = posix_spawnp(&p->pid, opts->argv[0], &actions, &attributes,
                              (char *const *)(uintptr_t)opts->argv, (char *const *)(uintptr_t)env);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return errnum;
}

static void watch_output(struct moon_process *p, struct output *o, int fd,
                         void (*fn)(unsigned events, void *ctx))
{
    fcntl(fd, F_SETFL, O_NONBLOCK); /* our end only: the child's is another open file */
    o->fd = fd;
    o->watch = moon_fd_new(p->loop, fd, MOON_FD_READ, fn, p);
}

static int start(struct moon_process *p, const struct moon_process_opts *opts)
{
    int out[2];
    int errors[2];
    if (pipe2(out, O_CLOEXEC) != 0) {
        return moon_err_errno(&p->err, errno, "%s: pipe", p->name);
    }
    if (pipe2(errors, O_CLOEXEC) != 0) {
        int errnum = errno;
        close(out[0]);
        close(out[1]);
        return moon_err_errno(&p->err, errnum, "%s: pipe", p->name);
    }
    int errnum = spawn(p, opts, out[1], errors[1]);
    close(out[1]);
    close(errors[1]);
    if (errnum != 0) {
        close(out[0]);
        close(errors[0]);
        return moon_err_errno(&p->err, errnum, "%s: cannot be run", p->name);
    }
    watch_output(p, &p->out, out[0], on_out);
    watch_output(p, &p->errors, errors[0], on_errors);
    return 0;
}

struct moon_process *moon_process_start(struct moon_loop *loop,
                                        const struct moon_process_opts *opts)
{
    moon_assert(opts->argv != NULL && opts->argv[0] != NULL && opts->on_done != NULL);
    struct moon_process *p = moon_new(struct moon_process);
    p->magic = PROCESS_MAGIC;
    p->loop = loop;
    p->name = moon_strdup(opts->argv[0]);
    p->on_done = opts->on_done;
    p->ctx = opts->ctx;
    p->out.fd = -1;
    p->errors.fd = -1;
    moon_buf_init(&p->out.text,
                  opts->max_output_bytes != 0 ? opts->max_output_bytes : DEFAULT_MAX_OUTPUT_BYTES);
    moon_buf_init(&p->errors.text, MAX_STDERR_BYTES);
    p->timeout = moon_timer_new(loop, on_timeout, p);
    if (start(p, opts) != 0) {
        p->fail_later = moon_loop_defer(loop, on_failed, p);
        return p;
    }
    p->child = moon_child_new(loop, p->pid, on_ended, p);
    moon_timer_start(p->timeout, opts->timeout_ms != 0 ? opts->timeout_ms : DEFAULT_TIMEOUT_MS);
    return p;
}
