/* SPDX-License-Identifier: Apache-2.0
 *
 * loop.h - the one event loop: timers, file descriptors, signals, children, deferred calls.
 *
 * libev underneath, not visible above. Timers live in a heap of ours driven by one libev timer,
 * because that makes the clock replaceable: with a virtual clock, time stands still until
 * moon_loop_advance moves it, and tests and simulations need no sleeping. All callbacks run from
 * moon_loop_run, on the one thread; none runs from inside the function that started it, and none
 * after the matching stop or free. Layer: io.
 */
#ifndef MOON_IO_LOOP_H
#define MOON_IO_LOOP_H

#include <sys/types.h>

#include "base/error.h"
#include "base/metrics.h"

struct moon_loop;
struct moon_timer;
struct moon_fd;
struct moon_signal;
struct moon_child;
struct moon_clock_watch;

struct moon_loop_opts {
    /* moon_loop_now moves only by moon_loop_advance. It does not start at 0, so that 0 can mean
     * "never". libcurl's and libmicrohttpd's own timers go on following the real clock. */
    bool virtual_clock;
    int64_t wall_ms; /* virtual clock only: the wall time at its start; 0 = 2026-01-01 */
    /* A loop that is woken by descriptors more often than this, and has been so for more than a
     * moment, rests so long before it looks at them again, so that what comes meanwhile is handled
     * in one go: waking for each byte costs more than the byte. What comes now and then is handled
     * at once; timers are never delayed. Real clock only; 0 = never rest. */
    uint64_t batch_ms;
    /* A histogram of how many seconds the loop is busy before it looks at its descriptors again:
     * what everybody else waits for. Real clock only; NULL: nobody asks. */
    struct moon_metric *turns;
};

/* NULL opts is fine. */
MOON_API struct moon_loop *moon_loop_new(const struct moon_loop_opts *opts, struct moon_err *err);
/* Every timer, fd, signal and child must have been freed before. NULL is fine. */
MOON_API void moon_loop_free(struct moon_loop *loop);
MOON_DEFINE_CLEANUP(struct moon_loop, moon_loop_free);

/* Run until moon_loop_stop (one called before makes it return at once), or until nothing is left
 * that could wake it. Run, turn and advance are not called from inside a callback. */
MOON_API void moon_loop_run(struct moon_loop *loop);
/* One turn: wait for at most `max_wait_ms` (0: only what is ready). Tests use it to wait for a
 * condition with a deadline. */
MOON_API void moon_loop_turn(struct moon_loop *loop, uint64_t max_wait_ms);
MOON_API void moon_loop_stop(struct moon_loop *loop);

MOON_API bool moon_loop_is_virtual(const struct moon_loop *loop);
/* Monotonic milliseconds, cached once per turn. */
MOON_API uint64_t moon_loop_now(const struct moon_loop *loop);
/* Wall clock in ms since 1970 (virtual clock: its own). */
MOON_API int64_t moon_loop_wall_ms(const struct moon_loop *loop);
/* Virtual clock only: move time forward, running each due timer, and what it deferred, at its own
 * time. Descriptors are not looked at: turn the loop for that. */
MOON_API void moon_loop_advance(struct moon_loop *loop, uint64_t ms);
/* Virtual clock only: when the next timer is due; UINT64_MAX when there is none. */
MOON_API uint64_t moon_loop_next_timer(const struct moon_loop *loop);
/* How many callbacks have run so far, of any kind: a turn that leaves it unchanged had nothing to
 * do. Whoever moves a virtual clock waits for that first. */
MOON_API uint64_t moon_loop_callbacks(const struct moon_loop *loop);
/* Virtual clock only: turn until nothing is left to do at this time. */
MOON_API void moon_loop_come_to_rest(struct moon_loop *loop);
/* Virtual clock only: the wall clock jumps by `ms` (either way), as an admin or NTP would. */
MOON_API void moon_loop_jump_wall(struct moon_loop *loop, int64_t ms);

/* One-shot timers; start again to rearm (also from inside its own callback). */
MOON_API struct moon_timer *moon_timer_new(struct moon_loop *loop, void (*fn)(void *ctx),
                                           void *ctx);
MOON_API void moon_timer_start(struct moon_timer *t, uint64_t delay_ms);
MOON_API void moon_timer_stop(struct moon_timer *t);
MOON_API bool moon_timer_is_active(const struct moon_timer *t);
MOON_API void moon_timer_free(struct moon_timer *t); /* NULL is fine; safe inside its callback */

/* Run fn in the next turn. Returned handle: cancel before it has run, else forget it. */
struct moon_defer;
MOON_API struct moon_defer *moon_loop_defer(struct moon_loop *loop, void (*fn)(void *ctx),
                                            void *ctx);
MOON_API void moon_defer_cancel(struct moon_defer *d);

enum {
    MOON_FD_READ = 1,
    MOON_FD_WRITE = 2
};
MOON_API struct moon_fd *moon_fd_new(struct moon_loop *loop, int fd, unsigned events,
                                     void (*fn)(unsigned events, void *ctx), void *ctx);
MOON_API void moon_fd_set_events(struct moon_fd *f, unsigned events);
MOON_API void moon_fd_free(struct moon_fd *f); /* does not close the fd; NULL is fine */

/* Called before the loop blocks, each turn (libmicrohttpd and libcurl need it). */
struct moon_prepare;
MOON_API struct moon_prepare *moon_prepare_new(struct moon_loop *loop, void (*fn)(void *ctx),
                                               void *ctx);
MOON_API void moon_prepare_free(struct moon_prepare *p);

MOON_API struct moon_signal *moon_signal_new(struct moon_loop *loop, int signum,
                                             void (*fn)(int signum, void *ctx), void *ctx);
MOON_API void moon_signal_free(struct moon_signal *s);

/* `fn` runs once when the child has ended; `status` as from waitpid(2). */
MOON_API struct moon_child *moon_child_new(struct moon_loop *loop, pid_t pid,
                                           void (*fn)(int status, void *ctx), void *ctx);
/* A child that has not ended yet is still reaped by the loop. */
MOON_API void moon_child_free(struct moon_child *c);

/* `fn` runs when the wall clock has jumped against the monotonic clock by more than 1 s (NTP, an
 * admin, a suspended machine): whoever computed a delay from wall time computes it again. */
MOON_API struct moon_clock_watch *
moon_clock_watch_new(struct moon_loop *loop, void (*fn)(int64_t jump_ms, void *ctx), void *ctx);
MOON_API void moon_clock_watch_free(struct moon_clock_watch *w);

#endif
