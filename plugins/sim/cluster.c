/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/cluster.h"

#include <string.h>

#include "io/file.h"
#include "sim/cluster_priv.h"

#define USER_AGENT "moonset-sim/" MOONSET_VERSION

/* Where clients of this machine reach a server that listens on `listen`. */
static char *server_url(const char *listen, uint16_t port)
{
    const char *colon = listen != NULL ? strrchr(listen, ':') : NULL;
    struct moon_str host = MOON_STR_LIT("127.0.0.1");
    if (colon != NULL) {
        host = (struct moon_str){listen, (size_t)(colon - listen)};
    }
    if (host.len == 0 || moon_str_is(host, "0.0.0.0")) {
        host = MOON_STR_LIT("127.0.0.1");
    } else if (moon_str_is(host, "[::]")) {
        host = MOON_STR_LIT("[::1]");
    }
    return moon_asprintf("http://%.*s:%u", MOON_STR_ARG(host), port);
}

static int start_api(struct moon_cluster *c, struct moon_err *err)
{
    const char *listen = c->opts.options->listen;
    c->api = moon_sim_api_new(
        c->opts.loop,
        &(struct moon_sim_api_opts){.listen = listen,
                                    .refuse_streamed_lists = !c->opts.options->streamed_lists},
        err);
    if (c->api == NULL) {
        return -(int)err->code;
    }
    c->server = server_url(listen, moon_sim_api_port(c->api));
    c->client = moon_client_new(c->opts.loop, moon_kubeconfig_for_server(c->server),
                                &(struct moon_client_opts){.user_agent = USER_AGENT}, err);
    return c->client != NULL ? 0 : -(int)err->code;
}

struct moon_cluster *moon_cluster_new(const struct moon_cluster_opts *opts, struct moon_err *err)
{
    MOON_CLEANUP(moon_cluster_free_ptr)
    struct moon_cluster *c = moon_new(struct moon_cluster);
    c->magic = MOON_CLUSTER_MAGIC;
    c->opts = *opts;
    if (start_api(c, err) != 0) {
        return NULL;
    }
    c->player =
        moon_player_new(&(struct moon_player_opts){.client = c->client,
                                                   .kubelet = opts->options->kubelet,
                                                   .heartbeat_ms = opts->options->heartbeat_ms,
                                                   .event_nodes = opts->options->event_nodes,
                                                   .with_unbound = true});
    c->controlplane = moon_controlplane_new(&(struct moon_controlplane_opts){
        .client = c->client, .player = c->player, .options = opts->options});
    if (opts->options->with_controller && moon_cluster_start_controller(c, err) != 0) {
        return NULL;
    }
    return moon_steal(&c);
}

void moon_cluster_free(struct moon_cluster *c)
{
    if (c == NULL) {
        return;
    }
    moon_assert(c->magic == MOON_CLUSTER_MAGIC);
    moon_cluster_kill_controller(c);
    moon_controlplane_free(c->controlplane);
    moon_player_free(c->player);
    moon_client_free(c->client);
    moon_sim_api_free(c->api);
    moon_free(c->server);
    c->magic = 0;
    moon_free(c);
}

struct moon_loop *moon_cluster_loop(const struct moon_cluster *c)
{
    return c->opts.loop;
}

struct moon_sim_api *moon_cluster_api(const struct moon_cluster *c)
{
    return c->api;
}

const char *moon_cluster_server(const struct moon_cluster *c)
{
    return c->server;
}

struct moon_client *moon_cluster_client(const struct moon_cluster *c)
{
    return c->client;
}

const struct moon_player *moon_cluster_player(const struct moon_cluster *c)
{
    return c->player;
}

int moon_cluster_write_kubeconfig(const struct moon_cluster *c, const char *path,
                                  struct moon_err *err)
{
    MOON_AUTOFREE char *text = moon_asprintf("apiVersion: v1\n"
                                             "kind: Config\n"
                                             "clusters:\n"
                                             "- name: moonset-sim\n"
                                             "  cluster:\n"
                                             "    server: %s\n"
                                             "users:\n"
                                             "- name: moonset-sim\n"
                                             "  user: {}\n"
                                             "contexts:\n"
                                             "- name: moonset-sim\n"
                                             "  context:\n"
                                             "    cluster: moonset-sim\n"
                                             "    user: moonset-sim\n"
                                             "    namespace: default\n"
                                             "current-context: moonset-sim\n",
                                             c->server);
    return moon_file_write(path, moon_str(text), 0600, err);
}
