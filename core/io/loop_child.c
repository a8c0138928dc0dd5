/* SPDX-License-Identifier: Apache-2.0
 *
 * Children are waited for by their own pid, never with waitpid(-1) as libev's child watcher does:
 * that would take the exit status of a child somebody else (a library, a test) waits for.
 */
#include "io/loop_priv.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

enum {
    CHILD_MAGIC = 0xc41d
};

struct moon_child {
    unsigned magic;
    struct moon_list link;
    struct moon_loop *loop;
    pid_t pid;
    bool ended;
    bool told;      /* fn has run */
    bool abandoned; /* the owner is gone: only to be reaped */
    int status;
    struct moon_defer *first_look;
    void (*fn)(int status, void *ctx);
    void *ctx;
};

static void destroy(struct moon_child *c)
{
    if (c->first_look != NULL) {
        moon_defer_cancel(c->first_look);
    }
    moon_list_remove(&c->link);
    if (moon_list_is_empty(&c->loop->children)) {
        moon_signal_free(moon_steal(&c->loop->child_signal));
    }
    c->magic = 0;
    moon_free(c);
}

static void look(struct moon_child *c)
{
    pid_t pid;
    do {
        pid = waitpid(c->pid, &c->status, WNOHANG);
    } while (pid < 0 && errno == EINTR);
    /* ECHILD: somebody else took the status; all that is known is that the child has ended. */
    c->ended = pid != 0;
    if (pid < 0) {
        c->status = 0;
    }
}

/* One step of on_children: a callback may free any child, so each step starts at the head again. */
static bool finish_one(struct moon_loop *loop)
{
    moon_list_foreach (it, &loop->children) {
        struct moon_child *c = moon_container_of(it, struct moon_child, link);
        moon_assert(c->magic == CHILD_MAGIC);
        if (c->ended && c->abandoned) {
            destroy(c);
            return true;
        }
        if (c->ended && !c->told) {
            c->told = true;
            c->fn(c->status, c->ctx);
            return true;
        }
    }
    return false;
}

static void on_children(int signum MOON_UNUSED, void *ctx)
{
    struct moon_loop *loop = MOON_CAST(moon_loop, ctx, LOOP_MAGIC);
    moon_list_foreach (it, &loop->children) {
        struct moon_child *c = moon_container_of(it, struct moon_child, link);
        if (!c->ended) {
            look(c);
        }
    }
    while (finish_one(loop)) {
    }
}

static void on_first_look(void *ctx)
{
    struct moon_child *c = MOON_CAST(moon_child, ctx, CHILD_MAGIC);
    c->first_look = NULL;
    on_children(SIGCHLD, c->loop);
}

struct moon_child *moon_child_new(struct moon_loop *loop, pid_t pid,
                                  void (*fn)(int status, void *ctx), void *ctx)
{
    moon_assert(loop->magic == LOOP_MAGIC && pid > 0 && fn != NULL);
    if (loop->child_signal == NULL) {
        loop->child_signal = moon_signal_new(loop, SIGCHLD, on_children, loop);
    }
    struct moon_child *c = moon_new(struct moon_child);
    c->magic = CHILD_MAGIC;
    c->loop = loop;
    c->pid = pid;
    c->fn = fn;
    c->ctx = ctx;
    /* It may have ended before anybody listened to SIGCHLD. */
    c->first_look = moon_loop_defer(loop, on_first_look, c);
    moon_list_append(&loop->children, &c->link);
    loop->live_count++;
    return c;
}

void moon_child_free(struct moon_child *c)
{
    if (c == NULL) {
        return;
    }
    moon_assert(c->magic == CHILD_MAGIC && !c->abandoned);
    c->loop->live_count--;
    if (c->ended) {
        destroy(c);
    } else {
        c->abandoned = true; /* stays with the loop, so that no zombie is left */
    }
}

void moon_loop_children_drop(struct moon_loop *loop)
{
    moon_list_foreach (it, &loop->children) {
        struct moon_child *c = moon_container_of(it, struct moon_child, link);
        moon_assert(c->abandoned);
        look(c);
        destroy(c);
    }
}
