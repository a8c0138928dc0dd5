/* SPDX-License-Identifier: Apache-2.0 */
#include "io/loop.h"

#include <signal.h>
#include <time.h>

#include <ev.h>

#include "io/loop_priv.h"

enum {
    FD_MAGIC = 0x100f,
    SIGNAL_MAGIC = 0x1051,
    PREPARE_MAGIC = 0x10be
};

/* A virtual clock starts here rather than at 0, so that 0 may stand for "never" and looking back
 * a little does not wrap. */
enum {
    VIRTUAL_START_MS = 1000000
};
#define VIRTUAL_WALL_START_MS INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */

/* libev bounds a wait to about a minute anyway; this keeps the double exact. */
enum {
    LONGEST_WAIT_MS = 3600 * 1000
};

/* With batch_ms: enough for the calls that a process makes one after the other when it starts. */
enum {
    MAX_FREE_WAKES = 64
};

struct loop_backend {
    struct ev_loop *ev;
    ev_timer wake_up;
    ev_check woken; /* started when somebody asks how long turns take */
};

struct moon_fd {
    unsigned magic;
    struct moon_loop *loop;
    unsigned events;
    bool background;
    ev_io io;
    void (*fn)(unsigned events, void *ctx);
    void *ctx;
};

struct moon_signal {
    unsigned magic;
    struct moon_loop *loop;
    ev_signal ev;
    void (*fn)(int signum, void *ctx);
    void *ctx;
};

struct moon_prepare {
    unsigned magic;
    struct moon_list link;
    struct moon_loop *loop;
    void (*fn)(void *ctx);
    void *ctx;
};

/* ---- the clock ---- */

static uint64_t monotonic_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void update_now(struct moon_loop *loop)
{
    loop->real_now_ms = monotonic_ms();
    if (!loop->virtual_clock) {
        loop->now_ms = loop->real_now_ms;
    }
}

bool moon_loop_is_virtual(const struct moon_loop *loop)
{
    return loop->virtual_clock;
}

uint64_t moon_loop_now(const struct moon_loop *loop)
{
    return loop->now_ms;
}

uint64_t moon_loop_callbacks(const struct moon_loop *loop)
{
    return loop->callbacks;
}

/* ---- life ---- */

/* The timer only ends the wait; what is due is found by looking at our own heap. */
static void on_wake_up(struct ev_loop *ev MOON_UNUSED, ev_timer *w MOON_UNUSED,
                       int revents MOON_UNUSED)
{
}

static uint64_t real_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

/* The wait is over; first of all that is called then. */
static void on_woken(struct ev_loop *ev MOON_UNUSED, ev_check *w, int revents MOON_UNUSED)
{
    struct moon_loop *loop = w->data;

    loop->woken_ns = real_ns();
}

static void measure_turns(struct moon_loop *loop, struct moon_metric *turns)
{
    struct loop_backend *b = loop->backend;

    loop->turns = turns;
    ev_check_init(&b->woken, on_woken);
    ev_set_priority(&b->woken, EV_MAXPRI);
    b->woken.data = loop;
    ev_check_start(b->ev, &b->woken);
    ev_unref(b->ev); /* it is nothing to wait for */
}

static void tell_turn(struct moon_loop *loop)
{
    if (loop->woken_ns > 0) {
        moon_metric_observe(loop->turns, NULL, (double)(real_ns() - loop->woken_ns) / 1e9);
        loop->woken_ns = 0;
    }
}

static struct loop_backend *backend_new(void)
{
    struct ev_loop *ev = ev_loop_new(EVFLAG_AUTO);
    if (ev == NULL) {
        return NULL;
    }
    struct loop_backend *b = moon_new(struct loop_backend);
    b->ev = ev;
    ev_timer_init(&b->wake_up, on_wake_up, 0., 0.);
    return b;
}

struct moon_loop *moon_loop_new(const struct moon_loop_opts *opts, struct moon_err *err)
{
    struct loop_backend *backend = backend_new();
    if (backend == NULL) {
        moon_err_set(err, MOON_E_SYSTEM, "event loop: libev found no way to wait for events");
        return NULL;
    }
    struct moon_loop *loop = moon_new(struct moon_loop);
    loop->magic = LOOP_MAGIC;
    loop->backend = backend;
    moon_loop_timers_init(loop);
    moon_list_init(&loop->clock_watches);
    moon_list_init(&loop->children);
    moon_list_init(&loop->prepares);
    if (opts != NULL && opts->virtual_clock) {
        loop->virtual_clock = true;
        loop->now_ms = VIRTUAL_START_MS;
        loop->wall_base_ms =
            (opts->wall_ms != 0 ? opts->wall_ms : VIRTUAL_WALL_START_MS) - VIRTUAL_START_MS;
    }
    update_now(loop);
    if (opts != NULL && !opts->virtual_clock) {
        loop->batch_ms = opts->batch_ms;
        loop->free_wakes = MAX_FREE_WAKES;
        loop->earned_at = loop->now_ms;
        if (opts->turns != NULL) {
            measure_turns(loop, opts->turns);
        }
    }
    return loop;
}

void moon_loop_free(struct moon_loop *loop)
{
    if (loop == NULL) {
        return;
    }
    moon_assert(loop->magic == LOOP_MAGIC && !loop->in_turn);
    moon_loop_children_drop(loop);
    moon_assert(loop->live_count == 0);
    moon_loop_timers_fini(loop);
    ev_loop_destroy(loop->backend->ev);
    moon_free(loop->backend);
    loop->magic = 0;
    moon_free(loop);
}

/* ---- turns ---- */

static void run_prepares(struct moon_loop *loop)
{
    struct moon_list *at = loop->prepares.next;
    while (at != &loop->prepares) {
        struct moon_prepare *p = moon_container_of(at, struct moon_prepare, link);
        loop->next_prepare = at->next;
        p->fn(p->ctx);
        at = loop->next_prepare;
    }
    loop->next_prepare = NULL;
}

/* Before the loop blocks: rest first, or look at once? Rests earn nothing themselves. */
static void choose_rest(struct moon_loop *loop)
{
    uint64_t past_ms = loop->now_ms > loop->earned_at ? loop->now_ms - loop->earned_at : 0;
    uint64_t earned = past_ms / loop->batch_ms;
    bool rests;

    loop->free_wakes = earned < MAX_FREE_WAKES - loop->free_wakes
                           ? loop->free_wakes + (unsigned)earned
                           : MAX_FREE_WAKES;
    rests = loop->free_wakes == 0;
    loop->earned_at += (earned + rests) * loop->batch_ms;
    ev_set_io_collect_interval(loop->backend->ev, rests ? (double)loop->batch_ms / 1000. : 0.);
}

static void block(struct moon_loop *loop)
{
    uint64_t callbacks = loop->callbacks;

    if (loop->batch_ms > 0) {
        choose_rest(loop);
    }
    ev_run(loop->backend->ev, EVRUN_ONCE);
    if (loop->callbacks != callbacks && loop->free_wakes > 0) {
        loop->free_wakes--;
    }
}

static void wait_for_events(struct moon_loop *loop, uint64_t wait_ms)
{
    struct loop_backend *b = loop->backend;

    tell_turn(loop);
    if (wait_ms == 0) {
        ev_run(b->ev, EVRUN_NOWAIT);
        return;
    }
    if (wait_ms == UINT64_MAX) {
        block(loop);
        return;
    }
    if (wait_ms > LONGEST_WAIT_MS) {
        wait_ms = LONGEST_WAIT_MS;
    }
    /* libev counts from its own idea of now, which is as old as the last turn. */
    ev_now_update(b->ev);
    ev_timer_set(&b->wake_up, (double)wait_ms / 1000., 0.);
    ev_timer_start(b->ev, &b->wake_up);
    block(loop);
    ev_timer_stop(b->ev, &b->wake_up);
}

void moon_loop_turn(struct moon_loop *loop, uint64_t max_wait_ms)
{
    moon_assert(loop->magic == LOOP_MAGIC && !loop->in_turn);
    loop->in_turn = true;
    update_now(loop);
    run_prepares(loop);
    uint64_t wait_ms = moon_loop_timers_wait_ms(loop);
    wait_for_events(loop, wait_ms < max_wait_ms ? wait_ms : max_wait_ms);
    update_now(loop);
    moon_loop_clock_check(loop);
    moon_loop_timers_run(loop);
    loop->in_turn = false;
}

void moon_loop_come_to_rest(struct moon_loop *loop)
{
    uint64_t before;

    do {
        before = loop->callbacks;
        moon_loop_turn(loop, 0);
    } while (loop->callbacks != before);
}

static bool can_wake(const struct moon_loop *loop)
{
    return loop->wakers > 0 || moon_loop_timers_wait_ms(loop) != UINT64_MAX;
}

void moon_loop_run(struct moon_loop *loop)
{
    while (!loop->stopping && can_wake(loop)) {
        moon_loop_turn(loop, UINT64_MAX);
    }
    loop->stopping = false;
}

void moon_loop_stop(struct moon_loop *loop)
{
    loop->stopping = true;
}

/* ---- descriptors ---- */

static int to_ev(unsigned events)
{
    return ((events & MOON_FD_READ) != 0 ? EV_READ : 0) |
           ((events & MOON_FD_WRITE) != 0 ? EV_WRITE : 0);
}

static void on_io(struct ev_loop *ev MOON_UNUSED, ev_io *io, int revents)
{
    struct moon_fd *f = MOON_CAST(moon_fd, io->data, FD_MAGIC);
    unsigned events = ((revents & EV_READ) != 0 ? (unsigned)MOON_FD_READ : 0U) |
                      ((revents & EV_WRITE) != 0 ? (unsigned)MOON_FD_WRITE : 0U);
    if ((revents & EV_ERROR) != 0) {
        /* The descriptor is not valid and libev has stopped watching it; the owner finds out by
         * using it. */
        events = f->events;
        moon_fd_set_events(f, 0);
    }
    f->loop->callbacks++;
    f->fn(events, f->ctx);
}

struct moon_fd *moon_fd_new(struct moon_loop *loop, int fd, unsigned events,
                            void (*fn)(unsigned events, void *ctx), void *ctx)
{
    moon_assert(loop->magic == LOOP_MAGIC && fd >= 0 && fn != NULL);
    struct moon_fd *f = moon_new(struct moon_fd);
    f->magic = FD_MAGIC;
    f->loop = loop;
    f->fn = fn;
    f->ctx = ctx;
    ev_io_init(&f->io, on_io, fd, 0);
    f->io.data = f;
    loop->live_count++;
    moon_fd_set_events(f, events);
    return f;
}

void moon_fd_set_events(struct moon_fd *f, unsigned events)
{
    moon_assert(f->magic == FD_MAGIC && (events & ~3U) == 0);
    if (events == f->events) {
        return;
    }
    struct ev_loop *ev = f->loop->backend->ev;
    ev_io_stop(ev, &f->io);
    if (!f->background) {
        f->loop->wakers += (size_t)(events != 0);
        f->loop->wakers -= (size_t)(f->events != 0);
    }
    f->events = events;
    if (events != 0) {
        ev_io_set(&f->io, f->io.fd, to_ev(events));
        ev_io_start(ev, &f->io);
    }
}

void moon_fd_set_background(struct moon_fd *f)
{
    moon_assert(f->magic == FD_MAGIC && !f->background);
    f->loop->wakers -= (size_t)(f->events != 0);
    f->background = true;
}

void moon_fd_free(struct moon_fd *f)
{
    if (f == NULL) {
        return;
    }
    moon_fd_set_events(f, 0);
    f->loop->live_count--;
    f->magic = 0;
    moon_free(f);
}

/* ---- signals ---- */

static void on_signal(struct ev_loop *ev MOON_UNUSED, ev_signal *w, int revents MOON_UNUSED)
{
    struct moon_signal *s = MOON_CAST(moon_signal, w->data, SIGNAL_MAGIC);
    s->loop->callbacks++;
    s->fn(w->signum, s->ctx);
}

struct moon_signal *moon_signal_new(struct moon_loop *loop, int signum,
                                    void (*fn)(int signum, void *ctx), void *ctx)
{
    moon_assert(loop->magic == LOOP_MAGIC && signum > 0 && fn != NULL);
    struct moon_signal *s = moon_new(struct moon_signal);
    s->magic = SIGNAL_MAGIC;
    s->loop = loop;
    s->fn = fn;
    s->ctx = ctx;
    ev_signal_init(&s->ev, on_signal, signum);
    s->ev.data = s;
    ev_signal_start(loop->backend->ev, &s->ev);
    loop->live_count++;
    loop->wakers++;
    return s;
}

void moon_signal_free(struct moon_signal *s)
{
    if (s == NULL) {
        return;
    }
    moon_assert(s->magic == SIGNAL_MAGIC);
    ev_signal_stop(s->loop->backend->ev, &s->ev);
    s->loop->live_count--;
    s->loop->wakers--;
    s->magic = 0;
    moon_free(s);
}

/* ---- before the loop blocks ---- */

struct moon_prepare *moon_prepare_new(struct moon_loop *loop, void (*fn)(void *ctx), void *ctx)
{
    moon_assert(loop->magic == LOOP_MAGIC && fn != NULL);
    struct moon_prepare *p = moon_new(struct moon_prepare);
    p->magic = PREPARE_MAGIC;
    p->loop = loop;
    p->fn = fn;
    p->ctx = ctx;
    moon_list_append(&loop->prepares, &p->link);
    loop->live_count++;
    return p;
}

void moon_prepare_free(struct moon_prepare *p)
{
    if (p == NULL) {
        return;
    }
    moon_assert(p->magic == PREPARE_MAGIC);
    if (p->loop->next_prepare == &p->link) {
        p->loop->next_prepare = p->link.next;
    }
    moon_list_remove(&p->link);
    p->loop->live_count--;
    p->magic = 0;
    moon_free(p);
}
