/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/chores.h"

#include "base/log.h"
#include "base/map.h"
#include "control/workqueue.h"
#include "sim/player_priv.h"

enum {
    CHORES_MAGIC = 0x63686f73,
    CHORE_MAGIC = 0x63686f72,
    BODY_MAX = 64 * 1024,
    /* A write that has failed so often is worth a line in the log. */
    FAILURES_TOLD = 5,
};

/* A key with a write under way, or whose last one failed. */
struct chore {
    unsigned magic;
    struct moon_chores *all;
    char *key;
    struct moon_client_call *call;
    unsigned failures;
};

struct moon_chores {
    unsigned magic;
    struct moon_chores_opts opts;
    struct moon_workqueue *queue;
    struct moon_map *by_key; /* struct chore */
    size_t in_flight;
};

static void chore_free(void *value)
{
    struct chore *chore = MOON_CAST(chore, value, CHORE_MAGIC);
    if (chore->call != NULL) {
        moon_client_cancel(chore->call);
    }
    moon_free(chore->key);
    chore->magic = 0;
    moon_free(chore);
}

static struct chore *chore_of(struct moon_chores *all, struct moon_str key)
{
    struct chore *chore = moon_map_get(all->by_key, key);
    if (chore == NULL) {
        chore = moon_new(struct chore);
        chore->magic = CHORE_MAGIC;
        chore->all = all;
        chore->key = moon_str_dup(key);
        moon_map_set(all->by_key, key, chore);
    }
    return chore;
}

/* ---- writing ---- */

static void pump(void *ctx);

/* What is not there any more needs nothing; any other failure is another try. */
static void write_failed(struct chore *chore, const struct moon_err *err)
{
    struct moon_chores *all = chore->all;
    struct moon_str key = moon_str(chore->key);
    if (err->code == MOON_E_NOT_FOUND) {
        (void)moon_map_remove(all->by_key, key);
        return;
    }
    chore->failures++;
    if (chore->failures % FAILURES_TOLD == 0) {
        moon_warn(MOON_PLAYER_TOPIC, "a write keeps failing, will be tried again", "by",
                  all->opts.name, "key", chore->key, "err", err->text);
    }
    moon_workqueue_add_after(all->queue, key, moon_player_retry_ms(chore->failures, err));
}

static void on_done(const struct moon_answer *answer, const struct moon_err *err, void *ctx)
{
    struct chore *chore = MOON_CAST(chore, ctx, CHORE_MAGIC);
    struct moon_chores *all = chore->all;
    MOON_AUTOFREE char *key = moon_strdup(chore->key);
    chore->call = NULL;
    all->in_flight--;
    moon_workqueue_done(all->queue, moon_str(key));
    if (err != NULL) {
        write_failed(chore, err);
    } else {
        (void)moon_map_remove(all->by_key, moon_str(key));
        if (all->opts.done != NULL) {
            all->opts.done(moon_str(key), answer, all->opts.ctx);
        }
        moon_workqueue_add(all->queue, moon_str(key));
    }
    pump(all);
}

static void look(struct moon_chores *all, struct moon_str key)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf body = MOON_BUF_INIT(BODY_MAX);
    struct moon_request request = {0};
    if (!all->opts.next(key, &request, &body, all->opts.ctx)) {
        (void)moon_map_remove(all->by_key, key);
        moon_workqueue_done(all->queue, key);
        return;
    }
    struct chore *chore = chore_of(all, key);
    request.body = moon_buf_str(&body);
    request.on_done = on_done;
    request.ctx = chore;
    chore->call = moon_client_send(all->opts.client, &request);
    all->in_flight++;
}

static void pump(void *ctx)
{
    struct moon_chores *all = MOON_CAST(moon_chores, ctx, CHORES_MAGIC);
    struct moon_str key;
    while (all->in_flight < all->opts.max_in_flight && moon_workqueue_take(all->queue, &key)) {
        look(all, key);
    }
}

/* ---- life ---- */

struct moon_chores *moon_chores_new(const struct moon_chores_opts *opts)
{
    struct moon_chores *c = moon_new(struct moon_chores);
    c->magic = CHORES_MAGIC;
    c->opts = *opts;
    c->by_key = moon_map_new(chore_free);
    c->queue = moon_workqueue_new(
        moon_client_loop(opts->client),
        &(struct moon_workqueue_opts){.name = opts->name, .on_ready = pump, .ctx = c});
    return c;
}

void moon_chores_free(struct moon_chores *c)
{
    if (c == NULL) {
        return;
    }
    moon_map_free(c->by_key);
    moon_workqueue_free(c->queue);
    c->magic = 0;
    moon_free(c);
}

void moon_chores_look(struct moon_chores *c, const char *key)
{
    moon_workqueue_add(c->queue, moon_str(key));
}

void moon_chores_look_after(struct moon_chores *c, const char *key, uint64_t delay_ms)
{
    if (delay_ms == 0) {
        moon_chores_look(c, key);
    } else {
        moon_workqueue_add_after(c->queue, moon_str(key), delay_ms);
    }
}
