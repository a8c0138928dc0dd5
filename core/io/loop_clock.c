/* SPDX-License-Identifier: Apache-2.0 */
#include "io/loop_priv.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
    CLOCK_WATCH_MAGIC = 0xc10c,
    JUMP_MS = 1000
};

struct moon_clock_watch {
    unsigned magic;
    struct moon_list link;
    struct moon_loop *loop;
    void (*fn)(int64_t jump_ms, void *ctx);
    void *ctx;
};

static int64_t clock_ms(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t moon_loop_wall_ms(const struct moon_loop *loop)
{
    if (loop->virtual_clock) {
        return loop->wall_base_ms + (int64_t)loop->now_ms;
    }
    return clock_ms(CLOCK_REALTIME);
}

static int64_t clock_offset_ms(const struct moon_loop *loop)
{
    if (loop->virtual_clock) {
        return loop->wall_base_ms;
    }
    return clock_ms(CLOCK_REALTIME) - clock_ms(CLOCK_MONOTONIC);
}

void moon_loop_jump_wall(struct moon_loop *loop, int64_t ms)
{
    moon_assert(loop->magic == LOOP_MAGIC && loop->virtual_clock);
    loop->wall_base_ms += ms;
}

/* Called each turn, and because of the timerfd also soon after a jump while nothing else happens.
 * Comparing offsets also finds what the timerfd does not tell: a clock slewed by more than 1 s. */
void moon_loop_clock_check(struct moon_loop *loop)
{
    if (moon_list_is_empty(&loop->clock_watches)) {
        return;
    }
    int64_t offset_ms = clock_offset_ms(loop);
    int64_t jump_ms = offset_ms - loop->clock_offset_ms;
    if (jump_ms <= JUMP_MS && jump_ms >= -JUMP_MS) {
        return;
    }
    loop->clock_offset_ms = offset_ms;
    struct moon_list *at = loop->clock_watches.next;
    while (at != &loop->clock_watches) {
        struct moon_clock_watch *w = moon_container_of(at, struct moon_clock_watch, link);
        moon_assert(w->magic == CLOCK_WATCH_MAGIC);
        loop->next_jump = at->next;
        w->fn(jump_ms, w->ctx);
        at = loop->next_jump;
    }
    loop->next_jump = NULL;
}

/* TFD_TIMER_CANCEL_ON_SET makes the descriptor readable (read fails with ECANCELED) when the wall
 * clock is set or the machine wakes from sleep: timerfd_create(2). The time itself is so far away
 * that it never comes. */
static void arm_timerfd(int fd)
{
    struct itimerspec far = {.it_value = {.tv_sec = INT32_MAX}};
    timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, NULL);
}

static void on_clock_set(unsigned events MOON_UNUSED, void *ctx)
{
    struct moon_loop *loop = MOON_CAST(moon_loop, ctx, LOOP_MAGIC);
    uint64_t expirations;
    if (read(loop->clock_timerfd, &expirations, sizeof expirations) < 0 && errno == ECANCELED) {
        arm_timerfd(loop->clock_timerfd);
    }
}

/* Without a timerfd (an odd sandbox) a jump is still found in the next turn. */
static void start_clock_fd(struct moon_loop *loop)
{
    int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (fd < 0) {
        return;
    }
    arm_timerfd(fd);
    loop->clock_timerfd = fd;
    loop->clock_fd = moon_fd_new(loop, fd, MOON_FD_READ, on_clock_set, loop);
    moon_fd_set_background(loop->clock_fd);
}

static void stop_clock_fd(struct moon_loop *loop)
{
    if (loop->clock_fd != NULL) {
        moon_fd_free(moon_steal(&loop->clock_fd));
        close(loop->clock_timerfd);
    }
}

struct moon_clock_watch *moon_clock_watch_new(struct moon_loop *loop,
                                              void (*fn)(int64_t jump_ms, void *ctx), void *ctx)
{
    moon_assert(loop->magic == LOOP_MAGIC && fn != NULL);
    if (moon_list_is_empty(&loop->clock_watches)) {
        loop->clock_offset_ms = clock_offset_ms(loop);
        if (!loop->virtual_clock) {
            start_clock_fd(loop);
        }
    }
    struct moon_clock_watch *w = moon_new(struct moon_clock_watch);
    w->magic = CLOCK_WATCH_MAGIC;
    w->loop = loop;
    w->fn = fn;
    w->ctx = ctx;
    moon_list_append(&loop->clock_watches, &w->link);
    loop->live_count++;
    return w;
}

void moon_clock_watch_free(struct moon_clock_watch *w)
{
    if (w == NULL) {
        return;
    }
    moon_assert(w->magic == CLOCK_WATCH_MAGIC);
    struct moon_loop *loop = w->loop;
    if (loop->next_jump == &w->link) {
        loop->next_jump = w->link.next;
    }
    moon_list_remove(&w->link);
    if (moon_list_is_empty(&loop->clock_watches)) {
        stop_clock_fd(loop);
    }
    loop->live_count--;
    w->magic = 0;
    moon_free(w);
}
