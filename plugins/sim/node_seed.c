/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/node_seed.h"

#include "io/json.h"
#include "sim/played.h"

enum {
    SEED_MAGIC = 0x73656564,
    IN_FLIGHT = 32,
    PROGRESS_STEP = 1000,
    BODY_MAX = 64 * 1024
};

/* One of the creations under way. */
struct slot {
    struct moon_node_seed *seed;
    struct moon_client_call *call;
};

struct moon_node_seed {
    unsigned magic;
    struct moon_node_seed_opts opts;
    size_t total;
    size_t sent;
    size_t done;
    struct slot slots[IN_FLIGHT];
    struct moon_defer *finishing;
    bool has_failed;
    struct moon_err err;
};

/* Given names first, then prefix1, prefix2, … */
static char *name_of(const struct moon_sim_options *options, size_t index)
{
    size_t given = options->node_names.count;
    return index < given ? moon_strdup(options->node_names.items[index])
                         : moon_asprintf("%s%zu", options->node_prefix, index - given + 1);
}

static void write_node(const struct moon_sim_options *options, const char *name,
                       struct moon_buf *out)
{
    struct moon_labels labels = {0};
    moon_labels_set(&labels, "kubernetes.io/arch", "amd64");
    moon_labels_set(&labels, "kubernetes.io/os", "linux");
    moon_labels_set(&labels, "kubernetes.io/hostname", name);
    for (size_t i = 0; i < options->node_labels.count; i++) {
        moon_labels_set(&labels, options->node_labels.items[i].key,
                        options->node_labels.items[i].value);
    }
    moon_buf_printf(out,
                    "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"%s\","
                    "\"labels\":{",
                    name);
    for (size_t i = 0; i < labels.count; i++) {
        moon_buf_puts(out, i > 0 ? "," : "");
        moon_json_add_string(out, moon_str(labels.items[i].key));
        moon_buf_putc(out, ':');
        moon_json_add_string(out, moon_str(labels.items[i].value));
    }
    /* As kubelets register: a node that does not say what it has could not take any pod. */
    moon_buf_puts(out, "}},\"status\":{\"capacity\":" MOON_PLAYED_CAPACITY
                       ",\"allocatable\":" MOON_PLAYED_CAPACITY "}}");
    moon_labels_fini(&labels);
}

static void fill(struct moon_node_seed *seed);

static void finish(void *ctx)
{
    struct moon_node_seed *seed = MOON_CAST(moon_node_seed, ctx, SEED_MAGIC);
    seed->finishing = NULL;
    seed->opts.on_done(seed->has_failed ? &seed->err : NULL, seed->opts.ctx);
}

static void on_created(const struct moon_answer *answer, const struct moon_err *err, void *ctx)
{
    struct slot *slot = ctx;
    struct moon_node_seed *seed = MOON_CAST(moon_node_seed, slot->seed, SEED_MAGIC);
    (void)answer;
    slot->call = NULL;
    seed->done++;
    if (err != NULL && err->code != MOON_E_EXISTS && !seed->has_failed) {
        seed->has_failed = true;
        seed->err = *err;
    }
    if (seed->done % PROGRESS_STEP == 0 && seed->opts.on_progress != NULL) {
        seed->opts.on_progress(seed->done, seed->total, seed->opts.ctx);
    }
    fill(seed);
}

static void send(struct slot *slot)
{
    struct moon_node_seed *seed = slot->seed;
    MOON_AUTOFREE char *name = name_of(seed->opts.options, seed->sent++);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf body = MOON_BUF_INIT(BODY_MAX);
    write_node(seed->opts.options, name, &body);
    slot->call =
        moon_client_send(seed->opts.client, &(struct moon_request){.verb = MOON_VERB_CREATE,
                                                                   .resource = &moon_resource_nodes,
                                                                   .body = moon_buf_str(&body),
                                                                   .on_done = on_created,
                                                                   .ctx = slot});
}

/* Send into every free slot; all done or failed: finish. */
static void fill(struct moon_node_seed *seed)
{
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        if (seed->slots[i].call == NULL && seed->sent < seed->total && !seed->has_failed) {
            send(&seed->slots[i]);
        }
    }
    if (seed->done == seed->sent && seed->finishing == NULL) {
        seed->finishing = moon_loop_defer(moon_client_loop(seed->opts.client), finish, seed);
    }
}

struct moon_node_seed *moon_node_seed_new(const struct moon_node_seed_opts *opts)
{
    struct moon_node_seed *seed = moon_new(struct moon_node_seed);
    seed->magic = SEED_MAGIC;
    seed->opts = *opts;
    seed->total = opts->options->node_names.count + opts->options->nodes;
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        seed->slots[i].seed = seed;
    }
    fill(seed);
    return seed;
}

void moon_node_seed_free(struct moon_node_seed *seed)
{
    if (seed == NULL) {
        return;
    }
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        if (seed->slots[i].call != NULL) {
            moon_client_cancel(seed->slots[i].call);
        }
    }
    if (seed->finishing != NULL) {
        moon_defer_cancel(seed->finishing);
    }
    seed->magic = 0;
    moon_free(seed);
}
