/* SPDX-License-Identifier: Apache-2.0
 *
 * config.c - the table of settings, their values, and whether they go together.
 */
#include "host/config.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/config_priv.h"

enum {
    MAX_SETTINGS = 64,
    MAX_COUNT = 10000,
    MIN_DURATION_MS = 1000,
    MAX_PERIOD_MS = 1000
};
#define MAX_DURATION_MS (30ull * 24 * 3600 * 1000)

static const char *const modes[] = {"replace", "own", "steer", NULL};
static const char *const placements[] = {"affinity", "direct", NULL};
static const char *const pod_watches[] = {"ours", "all", NULL};
static const char *const log_levels[] = {"error", "warn", "info", "debug", NULL};
static const char *const log_formats[] = {"logfmt", "json", NULL};

#define AT(member) offsetof(struct moon_config, member)
/* Short, so that a row of the table fits a line. */
#define TEXT MOON_SETTING_TEXT
#define LIST MOON_SETTING_LIST
#define BOOL MOON_SETTING_BOOL
#define CHOICE MOON_SETTING_CHOICE
#define COUNT MOON_SETTING_COUNT
#define SCALE MOON_SETTING_SCALE
#define DURATION MOON_SETTING_DURATION
#define PERIOD MOON_SETTING_PERIOD

static const struct moon_setting settings[] = {
    {"kubeconfig", TEXT, AT(kubeconfig), NULL, "FILE",
     "API server and credentials; else $KUBECONFIG, else the in-cluster account", NULL},
    {"context", TEXT, AT(context), NULL, "NAME", "context of the kubeconfig", NULL},
    {"mode", CHOICE, AT(mode), "replace", "MODE",
     "replace: keep apps/v1 DaemonSets instead of kube-controller-manager", modes},
    {"namespace", TEXT, AT(namespace), NULL, "NS", "only sets of this namespace", NULL},
    {"policy-dir", LIST, AT(policy_dirs), NULL, "DIR",
     "folder with Lua policies, watched; may be given more than once, the later wins", NULL},
    {"policy-namespace", TEXT, AT(policy_namespace), "kube-system", "NS",
     "where ConfigMaps labelled moonset.dev/policies=true are read; empty: none are", NULL},
    {"policy-guard", TEXT, AT(policy_guard), "1%,5", "LIMIT",
     "hold a new version of a policy that would take the daemon of a set away from more nodes: a "
     "share, a number, or the larger of both; off: never",
     NULL},
    {"plugin-dir", LIST, AT(plugin_dirs), NULL, "DIR",
     "folder with plugins (*.so), loaded at start; may be given more than once", NULL},
    {"plugin-option", LIST, AT(plugin_options), NULL, "PLUGIN.NAME=VALUE",
     "an option of a plugin's own; may be given more than once", NULL},
    {"leader-elect", BOOL, AT(leader_elect), "true", NULL,
     "work only while holding a Lease, so that several replicas can run", NULL},
    {"lease-namespace", TEXT, AT(lease_namespace), "kube-system", "NS", "where the Lease is", NULL},
    {"lease-name", TEXT, AT(lease_name), "moonset", "NAME", "what it is called", NULL},
    {"listen", TEXT, AT(listen), "127.0.0.1:8090", "ADDR:PORT",
     "/healthz, /readyz, /metrics, /explain and /get; port 0: any, empty: none", NULL},
    {"admin-token-file", TEXT, AT(admin_token_file), NULL, "FILE",
     "who asks /explain and /get there brings this token; without, only this machine may", NULL},
    {"state-dir", TEXT, AT(state_dir), NULL, "DIR",
     "where a policy that had to be killed is remembered for the next start", NULL},
    {"placement", CHOICE, AT(placement), "affinity", "HOW",
     "affinity: the scheduler binds pods; direct: spec.nodeName is set", placements},
    {"pod-watch", CHOICE, AT(pod_watch), "ours", "WHICH",
     "ours: pods with a revision hash label; all: every pod of the cluster", pod_watches},
    {"orphan-interval", DURATION, AT(orphan_interval_ms), "5m", "TIME",
     "how often pods without that label are looked for", NULL},
    {"policy-cache", BOOL, AT(policy_cache), "true", NULL,
     "off: ask policies for every node on every reconcile", NULL},
    {"policy-budget-scale", SCALE, AT(policy_budget_scale), "1", "N",
     "multiply all CPU budgets of policies", NULL},
    {"max-in-flight", COUNT, AT(max_in_flight), "64", "N", "writes open at the same time", NULL},
    {"batch-period", PERIOD, AT(batch_ms), "50ms", "TIME",
     "when busy, handle in one go what the API server tells within so long; 0s: never", NULL},
    {"http1", BOOL, AT(http1), "false", NULL, "do not use HTTP/2", NULL},
    {"dry-run", BOOL, AT(dry_run), "false", NULL,
     "send every write with dryRun=All: nothing is changed", NULL},
    {"record", TEXT, AT(record), NULL, "FILE",
     "write down all that decides, and what was decided, for moonset replay", NULL},
    {"record-limit", COUNT, AT(record_limit), "256", "MB", "where such a recording ends", NULL},
    {"log-level", CHOICE, AT(log_level), "info", "LEVEL", "error, warn, info or debug", log_levels},
    {"log-format", CHOICE, AT(log_format), "logfmt", "FORMAT", "logfmt or json", log_formats},
};
_Static_assert(MOON_ARRAY_SIZE(settings) <= MAX_SETTINGS, "a bit per setting");

struct owned_config {
    struct moon_config config; /* first: callers hold a pointer to it */
    uint64_t from_args;        /* bit i: settings[i] came from the command line */
};

static void *field(struct moon_config *c, const struct moon_setting *s)
{
    return (char *)c + s->offset;
}

const struct moon_setting *moon_setting_find(const char *name)
{
    for (size_t i = 0; i < MOON_ARRAY_SIZE(settings); i++) {
        if (strcmp(settings[i].name, name) == 0) {
            return &settings[i];
        }
    }
    return NULL;
}

void moon_setting_mark(struct moon_config *c, const struct moon_setting *s)
{
    ((struct owned_config *)(void *)c)->from_args |= UINT64_C(1) << (s - settings);
}

bool moon_setting_is_marked(const struct moon_config *c, const struct moon_setting *s)
{
    return (((const struct owned_config *)(const void *)c)->from_args & UINT64_C(1)
                                                                            << (s - settings)) != 0;
}

/* ---- values ---- */

static void list_clear(char ***list)
{
    for (size_t i = 0; *list != NULL && (*list)[i] != NULL; i++) {
        moon_free((*list)[i]);
    }
    moon_free(*list);
    *list = NULL;
}

static void list_add(char ***list, const char *value)
{
    size_t n = 0;

    while (*list != NULL && (*list)[n] != NULL) {
        n++;
    }
    *list = moon_realloc_array(*list, n + 2, sizeof(char *));
    (*list)[n] = moon_strdup(value);
    (*list)[n + 1] = NULL;
}

/* An empty text takes back a setting that has no default. */
static void set_text(const struct moon_setting *s, char **at, const char *value)
{
    moon_free(*at);
    *at = value[0] == '\0' && s->fallback == NULL ? NULL : moon_strdup(value);
}

static int set_bool(bool *at, const char *value, const char *where, struct moon_err *err)
{
    static const char *const yes[] = {"true", "on", "yes", "1"};
    static const char *const no[] = {"false", "off", "no", "0"};

    for (size_t i = 0; i < MOON_ARRAY_SIZE(yes); i++) {
        if (strcmp(value, yes[i]) == 0 || strcmp(value, no[i]) == 0) {
            *at = strcmp(value, yes[i]) == 0;
            return 0;
        }
    }
    return moon_err_set(err, MOON_E_INVALID, "%s: \"%s\" is neither true nor false", where, value);
}

static int set_choice(const struct moon_setting *s, void *at, const char *value, const char *where,
                      struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf names = MOON_BUF_INIT(256);

    for (unsigned i = 0; s->choices[i] != NULL; i++) {
        if (strcmp(s->choices[i], value) == 0) {
            memcpy(at, &i, sizeof(i)); /* an enum of ours is an unsigned int */
            return 0;
        }
        moon_buf_printf(&names, "%s%s", i > 0 ? ", " : "", s->choices[i]);
    }
    return moon_err_set(err, MOON_E_INVALID, "%s: \"%s\" is none of %s", where, value,
                        moon_buf_cstr(&names));
}

static int wrong(const char *where, const char *value, const char *wanted, struct moon_err *err)
{
    return moon_err_set(err, MOON_E_INVALID, "%s: \"%s\" is not %s", where, value, wanted);
}

static int set_count(unsigned *at, const char *value, const char *where, struct moon_err *err)
{
    uint64_t n;

    if (!moon_parse_u64(moon_str(value), &n) || n == 0 || n > MAX_COUNT) {
        return wrong(where, value, "a number from 1 to 10000", err);
    }
    *at = (unsigned)n;
    return 0;
}

static int set_scale(double *at, const char *value, const char *where, struct moon_err *err)
{
    double n;

    if (!moon_parse_double(moon_str(value), &n) || n < 0.1 || n > 1000) {
        return wrong(where, value, "a number from 0.1 to 1000", err);
    }
    *at = n;
    return 0;
}

static int set_duration(uint64_t *at, const char *value, const char *where, struct moon_err *err)
{
    uint64_t ms;

    if (!moon_parse_duration_ms(moon_str(value), &ms) || ms < MIN_DURATION_MS ||
        ms > MAX_DURATION_MS) {
        return wrong(where, value, "a duration from 1s to 30d, such as 90s or 5m", err);
    }
    *at = ms;
    return 0;
}

static int set_period(uint64_t *at, const char *value, const char *where, struct moon_err *err)
{
    uint64_t ms;

    if (!moon_parse_duration_ms(moon_str(value), &ms) || ms > MAX_PERIOD_MS) {
        return wrong(where, value, "a duration from 0s to 1s, such as 50ms", err);
    }
    *at = ms;
    return 0;
}

int moon_setting_set(struct moon_config *c, const struct moon_setting *s, const char *value,
                     const char *where, struct moon_err *err)
{
    void *at = field(c, s);

    switch (s->kind) {
    case MOON_SETTING_TEXT:
        set_text(s, at, value);
        return 0;
    case MOON_SETTING_LIST:
        list_add(at, value);
        return 0;
    case MOON_SETTING_BOOL:
        return set_bool(at, value, where, err);
    case MOON_SETTING_CHOICE:
        return set_choice(s, at, value, where, err);
    case MOON_SETTING_COUNT:
        return set_count(at, value, where, err);
    case MOON_SETTING_SCALE:
        return set_scale(at, value, where, err);
    case MOON_SETTING_DURATION:
        return set_duration(at, value, where, err);
    case MOON_SETTING_PERIOD:
        return set_period(at, value, where, err);
    }
    return 0;
}

int moon_config_set(struct moon_config *c, const char *name, const char *value, const char *where,
                    struct moon_err *err)
{
    const struct moon_setting *s = moon_setting_find(name);

    return s != NULL
               ? moon_setting_set(c, s, value, where, err)
               : moon_err_set(err, MOON_E_INVALID, "%s: there is no setting \"%s\"", where, name);
}

/* ---- life ---- */

struct moon_config *moon_config_new(void)
{
    struct owned_config *o = moon_new(struct owned_config);
    struct moon_err err;

    for (size_t i = 0; i < MOON_ARRAY_SIZE(settings); i++) {
        if (settings[i].fallback != NULL) {
            int rc =
                moon_setting_set(&o->config, &settings[i], settings[i].fallback, "default", &err);
            moon_assert(rc == 0);
        }
    }
    return &o->config;
}

void moon_config_free(struct moon_config *c)
{
    if (c == NULL) {
        return;
    }
    for (size_t i = 0; i < MOON_ARRAY_SIZE(settings); i++) {
        if (settings[i].kind == MOON_SETTING_TEXT) {
            moon_free(*(char **)field(c, &settings[i]));
        } else if (settings[i].kind == MOON_SETTING_LIST) {
            list_clear(field(c, &settings[i]));
        }
    }
    moon_free(c);
}

/* ---- together ---- */

static int check_folder(const char *flag, const char *path, bool writable, struct moon_err *err)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        return moon_err_errno(err, errno, "--%s %s", flag, path);
    }
    if (!S_ISDIR(st.st_mode)) {
        return moon_err_set(err, MOON_E_INVALID, "--%s %s: is not a folder", flag, path);
    }
    if (access(path, writable ? W_OK | X_OK : R_OK | X_OK) != 0) {
        return moon_err_errno(err, errno, "--%s %s", flag, path);
    }
    return 0;
}

static int check_folders(const char *flag, char *const *paths, struct moon_err *err)
{
    for (size_t i = 0; paths != NULL && paths[i] != NULL; i++) {
        if (check_folder(flag, paths[i], false, err) != 0) {
            return -(int)err->code;
        }
    }
    return 0;
}

static bool parse_share(struct moon_str text, double *ret)
{
    struct moon_str number = {text.ptr, text.len - 1};

    if (!moon_str_ends(text, "%") || !moon_parse_double(number, ret) || *ret < 0 || *ret > 100) {
        return false;
    }
    *ret /= 100;
    return true;
}

int moon_config_guard(const char *text, struct moon_guard *ret, struct moon_err *err)
{
    struct moon_str rest = moon_str(text);
    struct moon_guard guard = {0};
    struct moon_str item;
    bool ok = rest.len > 0;

    while (ok && rest.ptr != NULL && moon_str_split(&rest, ',', &item)) {
        ok = parse_share(item, &guard.share) ||
             (moon_parse_i64(item, &guard.nodes) && guard.nodes >= 0);
    }
    if (moon_streq(text, "off")) {
        guard = (struct moon_guard){.nodes = INT64_MAX};
    } else if (!ok) {
        return moon_err_set(err, MOON_E_INVALID,
                            "--policy-guard: \"%s\" is neither off nor like 1%%,5", text);
    }
    *ret = guard;
    return 0;
}

static int check_names(const struct moon_config *c, struct moon_err *err)
{
    const struct {
        const char *flag;
        const char *value;
        bool (*is_valid)(struct moon_str s);
    } names[] = {{"namespace", c->namespace, moon_is_dns1123_label},
                 {"lease-namespace", c->lease_namespace, moon_is_dns1123_label},
                 {"policy-namespace", c->policy_namespace[0] != '\0' ? c->policy_namespace : NULL,
                  moon_is_dns1123_label},
                 {"lease-name", c->lease_name, moon_is_dns1123_subdomain}};

    for (size_t i = 0; i < MOON_ARRAY_SIZE(names); i++) {
        if (names[i].value != NULL && !names[i].is_valid(moon_str(names[i].value))) {
            return moon_err_set(err, MOON_E_INVALID, "--%s: \"%s\" is not a name", names[i].flag,
                                names[i].value);
        }
    }
    return 0;
}

int moon_config_check(const struct moon_config *c, struct moon_err *err)
{
    if (c->mode != MOON_MODE_REPLACE) {
        return moon_err_set(err, MOON_E_INVALID, "--mode %s is not there yet; use replace",
                            modes[c->mode]);
    }
    struct moon_guard guard;

    if (moon_config_guard(c->policy_guard, &guard, err) != 0 || check_names(c, err) != 0 ||
        check_folders("policy-dir", c->policy_dirs, err) != 0 ||
        check_folders("plugin-dir", c->plugin_dirs, err) != 0) {
        return -(int)err->code;
    }
    return c->state_dir != NULL ? check_folder("state-dir", c->state_dir, true, err) : 0;
}

void moon_config_help(struct moon_buf *out)
{
    moon_buf_puts(out, "  --config FILE\n      read settings from a YAML file; the names are those "
                       "below, the command line wins\n");
    for (size_t i = 0; i < MOON_ARRAY_SIZE(settings); i++) {
        const struct moon_setting *s = &settings[i];
        moon_buf_printf(out, "  --%s%s%s\n      %s", s->name, s->value != NULL ? " " : "",
                        s->value != NULL ? s->value : "", s->help);
        if (s->fallback != NULL) {
            moon_buf_printf(out, " (default %s)", s->fallback);
        }
        moon_buf_putc(out, '\n');
    }
}
