/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/cordon.h"

#include "base/map.h"
#include "sim/player_priv.h"

#define TAINT_KEY "node.kubernetes.io/unschedulable"

enum {
    CORDON_MAGIC = 0x636f7264,
    MISMATCH_MAGIC = 0x6d69736d,
    BODY_MAX = 1024,
};

/* A node whose taint is not what it should be. */
struct mismatch {
    unsigned magic;
    struct moon_cordon *cordon;
    char *uid;
    char *name;
    struct moon_client_call *call;
    struct moon_timer *retry;
    unsigned failures;
};

struct moon_cordon {
    unsigned magic;
    struct moon_client *client;
    struct moon_store *nodes;
    struct moon_map *by_uid; /* struct mismatch */
};

/* The taint's place in the list; its length when it is not there. */
static size_t find_taint(const struct moon_played_node *node)
{
    size_t i = 0;
    while (i < node->taints.count && (strcmp(node->taints.items[i].key, TAINT_KEY) != 0 ||
                                      node->taints.items[i].effect != MOON_EFFECT_NO_SCHEDULE)) {
        i++;
    }
    return i;
}

static bool is_right(const struct moon_played_node *node)
{
    return (find_taint(node) < node->taints.count) == node->unschedulable;
}

/* A JSON patch leaves the other taints as they are, timeAdded included; the test makes it fail
 * when somebody else has written the node since. */
static void write_patch(const struct moon_played_node *node, struct moon_buf *out)
{
    size_t place = find_taint(node);
    moon_buf_printf(out,
                    "[{\"op\":\"test\",\"path\":\"/metadata/resourceVersion\",\"value\":\"%llu\"},",
                    (unsigned long long)node->meta.version);
    if (place < node->taints.count) {
        moon_buf_printf(out, "{\"op\":\"remove\",\"path\":\"/spec/taints/%zu\"}]", place);
        return;
    }
    static const char taint[] = "{\"key\":\"" TAINT_KEY "\",\"effect\":\"NoSchedule\"}";
    if (node->taints.count > 0) {
        moon_buf_printf(out, "{\"op\":\"add\",\"path\":\"/spec/taints/-\",\"value\":%s}]", taint);
    } else {
        moon_buf_printf(out, "{\"op\":\"add\",\"path\":\"/spec/taints\",\"value\":[%s]}]", taint);
    }
}

static void on_done(const struct moon_answer *answer, const struct moon_err *err, void *ctx)
{
    struct mismatch *m = MOON_CAST(mismatch, ctx, MISMATCH_MAGIC);
    struct moon_store *nodes = m->cordon->nodes;
    struct moon_object *object;
    struct moon_err ignored;
    m->call = NULL;
    if (err != NULL) {
        m->failures++;
        moon_timer_start(m->retry, moon_player_retry_ms(m->failures, err));
    } else if (moon_object_project(&moon_kind_played_node, answer->body, &object, &ignored) == 0 &&
               object != NULL) {
        (void)moon_store_put_write(nodes, object); /* ends `m` */
    }
}

static void look(void *ctx)
{
    struct mismatch *m = MOON_CAST(mismatch, ctx, MISMATCH_MAGIC);
    const struct moon_object *object = moon_store_get(m->cordon->nodes, NULL, m->name);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf body = MOON_BUF_INIT(BODY_MAX);
    if (object == NULL || !moon_streq(object->uid, m->uid) || is_right(moon_played_node(object))) {
        return; /* a change is on its way that ends it */
    }
    write_patch(moon_played_node(object), &body);
    m->call =
        moon_client_send(m->cordon->client, &(struct moon_request){.verb = MOON_VERB_PATCH_JSON,
                                                                   .resource = &moon_resource_nodes,
                                                                   .name = m->name,
                                                                   .body = moon_buf_str(&body),
                                                                   .on_done = on_done,
                                                                   .ctx = m});
}

static void mismatch_free(void *value)
{
    struct mismatch *m = MOON_CAST(mismatch, value, MISMATCH_MAGIC);
    if (m->call != NULL) {
        moon_client_cancel(m->call);
    }
    moon_timer_free(m->retry);
    moon_free(m->uid);
    moon_free(m->name);
    m->magic = 0;
    moon_free(m);
}

static void on_node(const struct moon_change *change, void *ctx)
{
    struct moon_cordon *c = MOON_CAST(moon_cordon, ctx, CORDON_MAGIC);
    const struct moon_object *object = change->new_object;
    if (object == NULL || is_right(moon_played_node(object))) {
        const struct moon_object *known = object != NULL ? object : change->old_object;
        (void)moon_map_remove(c->by_uid, moon_str(known->uid));
        return;
    }
    if (moon_map_has(c->by_uid, moon_str(object->uid))) {
        return;
    }
    struct mismatch *m = moon_new(struct mismatch);
    m->magic = MISMATCH_MAGIC;
    m->cordon = c;
    m->uid = moon_strdup(object->uid);
    m->name = moon_strdup(object->name);
    m->retry = moon_timer_new(moon_client_loop(c->client), look, m);
    moon_map_set(c->by_uid, moon_str(object->uid), m);
    moon_timer_start(m->retry, 0);
}

struct moon_cordon *moon_cordon_new(struct moon_client *client, struct moon_store *nodes)
{
    struct moon_cordon *c = moon_new(struct moon_cordon);
    c->magic = CORDON_MAGIC;
    c->client = client;
    c->nodes = nodes;
    c->by_uid = moon_map_new(mismatch_free);
    moon_store_listen(nodes, on_node, c);
    return c;
}

void moon_cordon_free(struct moon_cordon *c)
{
    if (c == NULL) {
        return;
    }
    moon_store_unlisten(c->nodes, on_node, c);
    moon_map_free(c->by_uid);
    c->magic = 0;
    moon_free(c);
}
