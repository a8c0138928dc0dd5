/* SPDX-License-Identifier: Apache-2.0
 *
 * manager.h - the controller process without its main(): client, policies, plugins, leader
 * election, admin endpoints, start and graceful stop.
 *
 * `moonset run` makes one on its loop; `moonset sim --with-controller` makes one beside the
 * simulated API server. Layer: host.
 */
#ifndef MOON_HOST_MANAGER_H
#define MOON_HOST_MANAGER_H

#include "host/config.h"
#include "host/figures.h"
#include "host/registry.h"
#include "host/scene.h"
#include "kube/client_stand_in.h"

struct moon_manager;

struct moon_manager_opts {
    struct moon_loop *loop;
    const struct moon_config *config;        /* borrowed */
    struct moon_registry *registry;          /* borrowed, ended by free; NULL: made from config */
    struct moon_kubeconfig *take_kubeconfig; /* NULL: loaded as config says */
    /* The lease is lost: nothing is written any more, and the process should end, since a fresh
     * one starts from the API server's state alone. */
    void (*on_fatal)(const char *why, void *ctx);
    /* Only decide: nothing is written, no lease is asked for and no port opened; each plan of a
     * controller is shown here, again whenever it is made anew. NULL: an ordinary controller. */
    void (*on_plan)(const struct moon_plan *plan, void *ctx);
    /* Who answers instead of a server, and who looks on (client_stand_in.h). NULL: none. */
    const struct moon_client_stand_in *stand_in;
    const struct moon_client_witness *witness;
    /* The same for providers of figures. A stand_in wants figures_from, too. */
    struct moon_figures *figures_from;
    struct moon_figures *figures_into;
    /* Brings the policies, below those of the folders: none come in ConfigMaps then. NULL: none. */
    const struct moon_scene *scene;
    /* With on_plan, but plans are carried out: by the stand-in. */
    bool carries_out;
    /* Replay: with on_plan, but plans are carried out; moon_manager_lead and moon_manager_step say
     * when what happens. */
    bool is_stepped;
    void *ctx;
};

/* Loads kubeconfig, policies, plugins; opens the admin port; begins election (or leads at once). A
 * replica that stands by keeps its caches, too, and is ready as soon as they are complete. */
MOON_API struct moon_manager *moon_manager_new(const struct moon_manager_opts *opts,
                                               struct moon_err *err);
/* Stop: lead no more (what is in flight is cut, its outcome is read back by whoever leads next),
 * send the events that wait, give the lease back; then fn, at most grace_ms later. Once. */
MOON_API void moon_manager_stop(struct moon_manager *m, uint64_t grace_ms, void (*fn)(void *ctx),
                                void *ctx);
/* Also without a stop before: then at once. NULL is fine. */
MOON_API void moon_manager_free(struct moon_manager *m);
/* Look at the policy folders again now. */
MOON_API void moon_manager_reload(struct moon_manager *m);
/* Calls to the API server that have not ended, watches left out. */
MOON_API size_t moon_manager_pending(const struct moon_manager *m);
/* All that can be decided without another answer of the API server has been. */
MOON_API bool moon_manager_is_settled(const struct moon_manager *m);
/* Why is it so? See add_explainer in internal.h. */
MOON_API cJSON *moon_manager_explain(const struct moon_manager *m, struct moon_str key,
                                     const char *node, struct moon_err *err);
/* ---- stepped ---- */
MOON_API void moon_manager_lead(struct moon_manager *m);
MOON_API void moon_manager_step(struct moon_manager *m, struct moon_str key);
/* Other policies are in force than those of the scene (policies.h); borrowed. */
MOON_API void moon_manager_set_texts(struct moon_manager *m, const struct moon_policy_text *texts,
                                     size_t count);

/* What is there? See add_lister in internal.h. */
MOON_API cJSON *moon_manager_list(const struct moon_manager *m, const char *what,
                                  struct moon_str key, struct moon_err *err);
/* For who asks more than the controller does; both borrowed. */
MOON_API struct moon_client *moon_manager_client(const struct moon_manager *m);
MOON_API const struct moon_policies *moon_manager_policies(const struct moon_manager *m);
MOON_API uint16_t moon_manager_admin_port(const struct moon_manager *m); /* 0: none */

#endif
