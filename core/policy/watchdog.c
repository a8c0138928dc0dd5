/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/watchdog.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "io/file.h"
#include "policy/budget.h"

#define NOTE_NAME "policy-watchdog"

enum {
    LOOK_EVERY_MS = 500,
    LIMIT_MS = 5000,
    EXIT_STATUS = 70, /* EX_SOFTWARE */
    NAME_MAX_BYTES = 256,
    VERSION_HEX = 64,
};

/* Written by the loop's thread before a script starts; read by ours only when that thread has not
 * left the script for seconds, so nobody writes it then. */
static struct {
    char policy[NAME_MAX_BYTES];
    char version[VERSION_HEX + 1];
    char hook[32];
    _Atomic uint64_t serial;
} note;

struct moon_watchdog {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping;
    clockid_t cpu_clock; /* of the watched thread */
    double limit_ms;
    char *path; /* NULL: write no note */
};

static void copy(char *out, size_t size, const char *text)
{
    (void)snprintf(out, size, "%s", text);
}

void moon_watchdog_note(const char *policy, const char *version, const char *hook)
{
    copy(note.policy, sizeof(note.policy), policy);
    copy(note.version, sizeof(note.version), version);
    copy(note.hook, sizeof(note.hook), hook);
    (void)atomic_fetch_add(&note.serial, 1);
}

static double cpu_ms(const struct moon_watchdog *w)
{
    struct timespec t;

    if (clock_gettime(w->cpu_clock, &t) != 0) {
        return 0; /* the thread has ended */
    }
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Only system calls: the other thread may hold any lock there is. */
static void end_process(const struct moon_watchdog *w)
{
    char text[512];
    int len = snprintf(text, sizeof(text), "policy=%s version=%s hook=%s\n", note.policy,
                       note.version, note.hook);
    size_t bytes = len > 0 ? (size_t)len : 0;

    if (w->path != NULL) {
        int fd = open(w->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd >= 0) {
            (void)!write(fd, text, bytes);
            (void)fsync(fd);
            (void)close(fd);
        }
    }
    static const char head[] = "moonset: a policy cannot be stopped, ending the process: ";
    (void)!write(STDERR_FILENO, head, sizeof(head) - 1);
    (void)!write(STDERR_FILENO, text, bytes);
    _exit(EXIT_STATUS);
}

static void wait_a_while(struct moon_watchdog *w)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_EVERY_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    (void)pthread_cond_timedwait(&w->wake, &w->lock, &until);
}

static void *watch(void *ctx)
{
    struct moon_watchdog *w = ctx;
    uint64_t seen = 0;
    double since = 0;

    (void)pthread_mutex_lock(&w->lock);
    while (!w->stopping) {
        uint64_t now_running = moon_budget_is_running() ? atomic_load(&note.serial) : 0;
        if (now_running == 0 || now_running != seen) {
            seen = now_running;
            since = cpu_ms(w);
        } else if (cpu_ms(w) - since >= w->limit_ms) {
            end_process(w);
        }
        wait_a_while(w);
    }
    (void)pthread_mutex_unlock(&w->lock);
    return NULL;
}

static void init_wake(struct moon_watchdog *w)
{
    pthread_condattr_t attr;

    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&w->wake, &attr);
    (void)pthread_condattr_destroy(&attr);
    (void)pthread_mutex_init(&w->lock, NULL);
}

struct moon_watchdog *moon_watchdog_new(const char *state_dir, double budget_scale,
                                        struct moon_err *err)
{
    struct moon_watchdog *w = moon_new(struct moon_watchdog);
    sigset_t all;
    sigset_t before;

    w->limit_ms = LIMIT_MS * (budget_scale > 0 ? budget_scale : 1);
    w->path = state_dir != NULL ? moon_asprintf("%s/" NOTE_NAME, state_dir) : NULL;
    init_wake(w);
    int rc = pthread_getcpuclockid(pthread_self(), &w->cpu_clock);
    /* Signals are the loop's. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = rc == 0 ? pthread_create(&w->thread, NULL, watch, w) : rc;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0) {
        (void)moon_err_errno(err, rc, "policy watchdog");
        moon_free(w->path);
        moon_free(w);
        return NULL;
    }
    return w;
}

void moon_watchdog_free(struct moon_watchdog *w)
{
    if (w == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&w->lock);
    w->stopping = true;
    (void)pthread_cond_signal(&w->wake);
    (void)pthread_mutex_unlock(&w->lock);
    (void)pthread_join(w->thread, NULL);
    (void)pthread_cond_destroy(&w->wake);
    (void)pthread_mutex_destroy(&w->lock);
    moon_free(w->path);
    moon_free(w);
}

bool moon_watchdog_read(const char *state_dir, char ret_version[65])
{
    MOON_AUTOFREE char *path = moon_asprintf("%s/" NOTE_NAME, state_dir);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(1024);
    struct moon_err err;

    if (moon_file_read(path, &text, &err) != 0) {
        return false;
    }
    const char *at = strstr(moon_buf_cstr(&text), " version=");
    if (at == NULL || strspn(at + 9, "0123456789abcdef") != VERSION_HEX) {
        return false;
    }
    memcpy(ret_version, at + 9, VERSION_HEX);
    ret_version[VERSION_HEX] = '\0';
    return true;
}
