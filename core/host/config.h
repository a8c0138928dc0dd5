/* SPDX-License-Identifier: Apache-2.0
 *
 * config.h - every setting of `moonset run` in one table: flag, config file key, default, help.
 *
 * One table parses the command line and the YAML file of --config (same names; the command line
 * wins), checks values, and prints --help; so they cannot drift. Unknown keys and wrong values are
 * errors with file:line or the flag's name. An empty text takes a setting without default back.
 * Layer: host.
 */
#ifndef MOON_HOST_CONFIG_H
#define MOON_HOST_CONFIG_H

#include "base/buf.h"
#include "base/log.h"
#include "host/plugin.h"
#include "io/json.h"

enum moon_mode {
    MOON_MODE_REPLACE,
    MOON_MODE_OWN,
    MOON_MODE_STEER
};
enum moon_placement_mode {
    MOON_PLACE_AFFINITY,
    MOON_PLACE_DIRECT
};
enum moon_pod_watch {
    MOON_POD_WATCH_OURS,
    MOON_POD_WATCH_ALL
};

struct moon_config {
    bool guard_tells; /* no setting: the guard lets through what it would hold, and says so */
    char *kubeconfig; /* NULL: $KUBECONFIG, then in-cluster */
    char *context;
    enum moon_mode mode;
    char **policy_dirs;     /* NULL-terminated */
    char *policy_namespace; /* of ConfigMaps with policies; "" = none are read */
    char *policy_guard;     /* for moon_config_guard */
    char **plugin_dirs;     /* NULL-terminated */
    bool leader_elect;
    char *lease_namespace;
    char *lease_name;
    char *listen;           /* admin endpoint /healthz /readyz /metrics; "" = none */
    char *admin_token_file; /* NULL: none */
    char *state_dir;        /* NULL: none */
    enum moon_log_level log_level;
    enum moon_log_format log_format;
    enum moon_placement_mode placement;
    enum moon_pod_watch pod_watch;
    bool policy_cache; /* --policy-cache=off asks for every decision every time */
    double policy_budget_scale;
    bool http1;
    unsigned max_in_flight;
    uint64_t batch_ms; /* for the loop that the controller runs on */
    bool dry_run;
    char *record;                /* where all that decides is written down; NULL: nowhere */
    unsigned record_limit;       /* in megabytes */
    uint64_t orphan_interval_ms; /* how often orphans are looked for */
    char *namespace;             /* NULL: all */
    char **plugin_options;       /* "daemonset-x=y" of plugins' own options, NULL-terminated */
};

MOON_API struct moon_config *moon_config_new(void); /* all defaults */
MOON_API void moon_config_free(struct moon_config *c);
MOON_DEFINE_CLEANUP(struct moon_config, moon_config_free);
/* One setting by name ("mode", "policy-dir" appends). `where` goes into errors: "--mode". */
MOON_API int moon_config_set(struct moon_config *c, const char *name, const char *value,
                             const char *where, struct moon_err *err);
/* Read a YAML file; settings of the command line (parse_args, in any call before) are kept. */
MOON_API int moon_config_read(struct moon_config *c, const char *path, struct moon_err *err);
/* Parse argv after the command word: --name value, --name=value, bare --name for booleans.
 * Positional arguments are an error. *ret_help is set by -h/--help. --config FILE is read last. */
MOON_API int moon_config_parse_args(struct moon_config *c, int argc, char **argv, bool *ret_help,
                                    struct moon_err *err);
/* The same for commands with words of their own: what is no setting is left in argv, in order, and
 * *argc counts it. */
MOON_API int moon_config_take_args(struct moon_config *c, int *argc, char **argv, bool *ret_help,
                                   struct moon_err *err);
/* Settings that do not go together, folders that must exist, modes that are not there yet. */
MOON_API int moon_config_check(const struct moon_config *c, struct moon_err *err);
/* How many nodes a new version of a policy may take the daemon away from: the larger of the two. */
struct moon_guard {
    double share; /* of those that have it; 0.01 = 1 % */
    int64_t nodes;
};
/* "1%,5", "1%", "5"; "off": as many as there are. */
MOON_API int moon_config_guard(const char *text, struct moon_guard *ret, struct moon_err *err);
/* The table as text for --help. */
MOON_API void moon_config_help(struct moon_buf *out);

#endif
