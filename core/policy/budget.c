/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/budget.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

/* glibc names the member only from 2.37 on. */
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

enum {
    NS_PER_US = 1000,
    NS_PER_S = 1000 * 1000 * 1000,
    MIN_TICK_US = 1000,
};

/* One script runs at a time. Written by the thread that runs it, read by its signal handler and, as
 * a flag, by the watchdog. */
static struct moon_budget_run *_Atomic running;

static struct {
    timer_t timer;
    pid_t thread; /* which thread it measures; 0 = none made yet */
} clock_timer;

uint64_t moon_budget_now_ns(void)
{
    struct timespec t;

    moon_assert(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) == 0);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

bool moon_budget_is_running(void)
{
    return atomic_load(&running) != NULL;
}

static int signal_number(void)
{
    return SIGRTMIN + 7;
}

static void on_signal(int signum MOON_UNUSED)
{
    int saved = errno;
    struct moon_budget_run *run = atomic_load(&running);

    if (run != NULL) {
        uint64_t now = moon_budget_now_ns();
        bool over = now - run->start_ns >= run->budget.total_us * NS_PER_US;
        if (run->call != run->seen_call) {
            run->seen_call = run->call;
            run->seen_ns = now;
        } else {
            over = over || now - run->seen_ns >= run->budget.call_us * NS_PER_US;
        }
        if (over) {
            run->on_exceeded(run->ctx);
        }
    }
    errno = saved;
}

static void make_timer(pid_t thread)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    struct sigevent event = {0};
    sigset_t set;

    moon_assert(sigemptyset(&action.sa_mask) == 0);
    moon_assert(sigaction(signal_number(), &action, NULL) == 0);
    moon_assert(sigemptyset(&set) == 0 && sigaddset(&set, signal_number()) == 0);
    moon_assert(pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0);
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = signal_number();
    event.sigev_notify_thread_id = thread;
    /* A timer of another thread (or of the parent, after a fork) cannot be used here. */
    moon_assert(timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &clock_timer.timer) == 0);
    clock_timer.thread = thread;
}

static void set_timer(uint64_t tick_us)
{
    struct timespec tick = {
        .tv_sec = (time_t)(tick_us * NS_PER_US / NS_PER_S),
        .tv_nsec = (long)(tick_us * NS_PER_US % NS_PER_S),
    };
    struct itimerspec spec = {.it_interval = tick, .it_value = tick};

    moon_assert(timer_settime(clock_timer.timer, 0, &spec, NULL) == 0);
}

void moon_budget_start(struct moon_budget_run *run)
{
    pid_t thread = gettid();

    moon_assert(atomic_load(&running) == NULL);
    if (clock_timer.thread != thread) {
        make_timer(thread);
    }
    run->start_ns = moon_budget_now_ns();
    run->seen_call = run->call;
    run->seen_ns = run->start_ns;
    atomic_store(&running, run);
    /* Half a call's budget: a call is noticed at one tick and has used its time two ticks later. */
    uint64_t tick = run->budget.call_us / 2;
    set_timer(tick > MIN_TICK_US ? tick : MIN_TICK_US);
}

uint64_t moon_budget_stop(struct moon_budget_run *run)
{
    moon_assert(atomic_load(&running) == run);
    atomic_store(&running, NULL);
    set_timer(0);
    return (moon_budget_now_ns() - run->start_ns) / NS_PER_US;
}

void moon_budget_pause(struct moon_budget_run *run)
{
    moon_assert(atomic_load(&running) == run);
    atomic_store(&running, NULL);
    run->paused_ns = moon_budget_now_ns();
}

void moon_budget_resume(struct moon_budget_run *run)
{
    uint64_t away_ns = moon_budget_now_ns() - run->paused_ns;

    run->start_ns += away_ns;
    run->seen_ns += away_ns;
    atomic_store(&running, run);
}
