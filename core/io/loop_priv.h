/* SPDX-License-Identifier: Apache-2.0
 *
 * loop_priv.h - what the files of the loop share: loop.c (turns, descriptors, signals; the only
 * one that knows libev), loop_timer.c (timers, deferred calls, the virtual clock), loop_clock.c
 * (wall clock and its jumps), loop_child.c (children). Layer: io.
 */
#ifndef MOON_IO_LOOP_PRIV_H
#define MOON_IO_LOOP_PRIV_H

#include "base/heap.h"
#include "base/list.h"
#include "io/loop.h"

struct moon_loop {
    unsigned magic;
    bool virtual_clock;
    bool stopping;
    bool in_turn; /* callbacks are running: turns and advances do not nest */

    uint64_t now_ms;      /* what moon_loop_now says */
    uint64_t real_now_ms; /* CLOCK_MONOTONIC at the last turn */

    struct moon_heap timers;      /* by now_ms */
    struct moon_heap real_timers; /* by real_now_ms; used with a virtual clock only */
    struct moon_list deferred;    /* for the next turn */
    struct moon_list deferring;   /* being run */

    int64_t wall_base_ms; /* virtual: wall time minus now_ms */
    struct moon_list clock_watches;
    struct moon_fd *clock_fd; /* a timerfd that wakes us when somebody sets the clock */
    int clock_timerfd;
    int64_t clock_offset_ms;     /* wall minus monotonic when last compared */
    struct moon_list *next_jump; /* the clock watch to be called next */

    struct moon_list children;
    struct moon_signal *child_signal;

    struct moon_list prepares;
    struct moon_list *next_prepare; /* the one to be called next */

    uint64_t batch_ms;   /* 0: no resting */
    unsigned free_wakes; /* that need no rest before them: one is earned every batch_ms */
    uint64_t earned_at;  /* when the last one was */

    struct moon_metric *turns; /* NULL: nobody asks how long they take */
    uint64_t woken_ns;         /* when it has last seen its descriptors; 0: it is looking */

    size_t wakers;      /* descriptors with events, signals: what keeps moon_loop_run going */
    uint64_t callbacks; /* run so far */
    size_t live_count;  /* timers, fds, …: all must be freed before the loop */

    struct loop_backend *backend; /* libev */
};

enum {
    LOOP_MAGIC = 0x100b
};

/* A timer that follows the real clock although the loop's is virtual: for libraries that read the
 * time themselves (libcurl, libmicrohttpd). With a real clock it is an ordinary timer. */
struct moon_timer *moon_timer_new_real(struct moon_loop *loop, void (*fn)(void *ctx), void *ctx);

/* Descriptors that serve the loop itself do not keep moon_loop_run going. */
void moon_fd_set_background(struct moon_fd *f);

/* loop_timer.c */
void moon_loop_timers_init(struct moon_loop *loop);
void moon_loop_timers_fini(struct moon_loop *loop);
/* How long the loop may block: 0 when something is due, UINT64_MAX when nothing ever is. */
uint64_t moon_loop_timers_wait_ms(const struct moon_loop *loop);
void moon_loop_timers_run(struct moon_loop *loop);

/* loop_clock.c */
void moon_loop_clock_check(struct moon_loop *loop);

/* loop_child.c: forget children whose owner left before they ended. */
void moon_loop_children_drop(struct moon_loop *loop);

#endif
