/* SPDX-License-Identifier: Apache-2.0
 *
 * plugin.c - the DaemonSet controller as a plugin: start, role, stop.
 */
#include "daemonset/daemonset_priv.h"

#include <stdio.h>

#define DS_MAGIC 0xd5c0117eu

static int init(const struct moon_host *host, void **ret_state, struct moon_plugin_error *error)
{
    const struct moon_internal *in = host->iface(host, "internal", 1);

    if (in == NULL) {
        (void)snprintf(error->text, sizeof(error->text), "was built for another moonset");
        return -1;
    }
    struct moon_ds *ds = moon_new(struct moon_ds);
    ds->magic = DS_MAGIC;
    ds->in = in;
    *ret_state = ds;
    return 0;
}

static void failed(struct moon_str key, const struct moon_err *err,
                   const struct moon_action *action, void *ctx)
{
    MOON_AUTOFREE char *name = moon_str_dup(key);

    (void)ctx;
    if (err->code == MOON_E_CANCELLED) {
        return;
    }
    if (action == NULL) {
        moon_warn(MOON_DS_TOPIC, "reconcile failed, will be tried again", "key", name, "err",
                  err->text);
    } else {
        moon_warn(MOON_DS_TOPIC, "write failed, will be tried again", "key", name, "verb",
                  moon_verb_name(action->verb), "resource", action->resource->plural, "name",
                  action->name, "err", err->text);
    }
}

static bool is_ready(void *ctx)
{
    return moon_ds_wake_is_synced(ctx);
}

static bool is_settled(void *ctx)
{
    const struct moon_ds *ds = ctx;

    return ds->running && ds->open_questions == 0 && moon_controller_is_idle(ds->controller);
}

static void step(struct moon_str key, void *ctx)
{
    const struct moon_ds *ds = ctx;

    moon_controller_step(ds->controller, key);
}

static int start(void *state, struct moon_plugin_error *error)
{
    struct moon_ds *ds = MOON_CAST(moon_ds, state, DS_MAGIC);

    (void)error;
    ds->controller = moon_controller_new(ds->in->loop, ds->in->apply,
                                         &(struct moon_controller_opts){
                                             .name = "daemonset",
                                             .stepped = ds->in->is_stepped,
                                             .reconcile = moon_ds_reconcile,
                                             .on_failure = failed,
                                             .ctx = ds,
                                         });
    moon_ds_wake_init(ds);
    moon_ds_wake_start(ds);
    ds->in->add_ready_check(ds->in, "daemonset-caches", is_ready, ds);
    ds->in->add_settled_check(ds->in, is_settled, ds);
    ds->in->add_explainer(ds->in, moon_ds_explain, ds);
    ds->in->add_lister(ds->in, moon_ds_list, ds);
    ds->in->add_stepper(ds->in, step, ds);
    return 0;
}

static void role(void *state, bool leader)
{
    moon_ds_wake_role(MOON_CAST(moon_ds, state, DS_MAGIC), leader);
}

static void stop(void *state, int64_t grace_ms)
{
    struct moon_ds *ds = MOON_CAST(moon_ds, state, DS_MAGIC);

    (void)grace_ms;
    if (ds->controller != NULL) {
        moon_controller_stop(ds->controller);
    }
}

/* The host has freed `apply` before, so no action points into a set any more. */
static void fini(void *state)
{
    struct moon_ds *ds = MOON_CAST(moon_ds, state, DS_MAGIC);

    if (ds->controller != NULL) {
        moon_ds_wake_stop(ds);
        moon_controller_free(ds->controller);
    }
    ds->magic = 0;
    moon_free(ds);
}

MOON_IN_TREE_PLUGIN(.name = "daemonset",
                    .summary = "keeps apps/v1 DaemonSets: placement, updates, history, status",
                    .init = init, .start = start, .role = role, .stop = stop, .fini = fini)
