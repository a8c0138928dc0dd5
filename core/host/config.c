/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/file.h"
#include "io/yaml.h"

enum {
    CONFIG_MAX_BYTES = 256 * 1024,
    MAX_SETTINGS = 32
};

enum kind {
    TEXT,
    LIST,
    BOOL,
    CHOICE,
    COUNT,
    SCALE,
    DURATION
};

struct setting {
    const char *name; /* --name, and the key in the file */
    enum kind kind;
    size_t offset;
    const char *fallback; /* NULL: not set */
    const char *value;    /* for --help: "FILE" */
    const char *help;
    const char *const *choices; /* CHOICE: names in the order of the enum */
};

static const char *const modes[] = {"replace", "own", "steer", NULL};
static const char *const placements[] = {"affinity", "direct", NULL};
static const char *const pod_watches[] = {"ours", "all", NULL};
static const char *const log_levels[] = {"error", "warn", "info", "debug", NULL};
static const char *const log_formats[] = {"logfmt", "json", NULL};

#define AT(member) offsetof(struct moon_config, member)

static const struct setting settings[] = {
    {"kubeconfig", TEXT, AT(kubeconfig), NULL, "FILE",
     "API server and credentials; else $KUBECONFIG, else the in-cluster account", NULL},
    {"context", TEXT, AT(context), NULL, "NAME", "context of the kubeconfig", NULL},
    {"mode", CHOICE, AT(mode), "replace", "MODE",
     "replace: keep apps/v1 DaemonSets instead of kube-controller-manager", modes},
    {"namespace", TEXT, AT(namespace), NULL, "NS", "only sets of this namespace", NULL},
    {"policy-dir", LIST, AT(policy_dirs), NULL, "DIR",
     "folder with Lua policies, watched; may be given more than once, the later wins", NULL},
    {"plugin-dir", LIST, AT(plugin_dirs), NULL, "DIR",
     "folder with plugins (*.so), loaded at start; may be given more than once", NULL},
    {"plugin-option", LIST, AT(plugin_options), NULL, "PLUGIN.NAME=VALUE",
     "an option of a plugin's own; may be given more than once", NULL},
    {"leader-elect", BOOL, AT(leader_elect), "true", NULL,
     "work only while holding a Lease, so that several replicas can run", NULL},
    {"lease-namespace", TEXT, AT(lease_namespace), "kube-system", "NS", "where the Lease is", NULL},
    {"lease-name", TEXT, AT(lease_name), "moonset", "NAME", "what it is called", NULL},
    {"listen", TEXT, AT(listen), "127.0.0.1:8090", "ADDR:PORT",
     "/healthz, /readyz and /metrics; port 0: any, empty: none", NULL},
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
    {"http1", BOOL, AT(http1), "false", NULL, "do not use HTTP/2", NULL},
    {"dry-run", BOOL, AT(dry_run), "false", NULL,
     "send every write with dryRun=All: nothing is changed", NULL},
    {"log-level", CHOICE, AT(log_level), "info", "LEVEL", "error, warn, info or debug", log_levels},
    {"log-format", CHOICE, AT(log_format), "logfmt", "FORMAT", "logfmt or json", log_formats},
};
_Static_assert(MOON_ARRAY_SIZE(settings) <= MAX_SETTINGS, "a bit per setting");

struct owned_config {
    struct moon_config config; /* first: callers hold a pointer to it */
    uint32_t from_args;        /* bit i: settings[i] came from the command line */
};

static void *field(struct moon_config *c, const struct setting *s)
{
    return (char *)c + s->offset;
}

static const struct setting *find(const char *name)
{
    for (size_t i = 0; i < MOON_ARRAY_SIZE(settings); i++) {
        if (strcmp(settings[i].name, name) == 0) {
            return &settings[i];
        }
    }
    return NULL;
}

/* ---- lists ---- */

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

/* ---- values ---- */

static bool parse_bool(const char *value, bool *ret)
{
    static const char *const yes[] = {"true", "on", "yes", "1"};
    static const char *const no[] = {"false", "off", "no", "0"};

    for (size_t i = 0; i < MOON_ARRAY_SIZE(yes); i++) {
        if (strcmp(value, yes[i]) == 0 || strcmp(value, no[i]) == 0) {
            *ret = strcmp(value, yes[i]) == 0;
            return true;
        }
    }
    return false;
}

static int set_choice(const struct setting *s, void *at, const char *value, const char *where,
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

static int set_number(const struct setting *s, void *at, const char *value, const char *where,
                      struct moon_err *err)
{
    uint64_t n;
    double d;

    if (s->kind == COUNT && moon_parse_u64(moon_str(value), &n) && n > 0 && n <= 10000) {
        *(unsigned *)at = (unsigned)n;
        return 0;
    }
    if (s->kind == SCALE && moon_parse_double(moon_str(value), &d) && d >= 0.1 && d <= 1000) {
        *(double *)at = d;
        return 0;
    }
    if (s->kind == DURATION && moon_parse_duration_ms(moon_str(value), &n) && n >= 1000) {
        *(uint64_t *)at = n;
        return 0;
    }
    return moon_err_set(err, MOON_E_INVALID, "%s: \"%s\" is not %s", where, value,
                        s->kind == COUNT   ? "a number from 1 to 10000"
                        : s->kind == SCALE ? "a number from 0.1 to 1000"
                                           : "a duration of a second or more, such as 90s or 5m");
}

static int set_value(struct moon_config *c, const struct setting *s, const char *value,
                     const char *where, struct moon_err *err)
{
    void *at = field(c, s);

    switch (s->kind) {
    case TEXT:
        moon_free(*(char **)at);
        *(char **)at = moon_strdup(value);
        return 0;
    case LIST:
        list_add(at, value);
        return 0;
    case BOOL:
        return parse_bool(value, at)
                   ? 0
                   : moon_err_set(err, MOON_E_INVALID, "%s: \"%s\" is neither true nor false",
                                  where, value);
    case CHOICE:
        return set_choice(s, at, value, where, err);
    case COUNT:
    case SCALE:
    case DURATION:
        return set_number(s, at, value, where, err);
    }
    return 0;
}

static int unknown(const char *name, const char *where, struct moon_err *err)
{
    return moon_err_set(err, MOON_E_INVALID, "%s: unknown setting \"%s\"", where, name);
}

int moon_config_set(struct moon_config *c, const char *name, const char *value, const char *where,
                    struct moon_err *err)
{
    const struct setting *s = find(name);

    return s != NULL ? set_value(c, s, value, where, err) : unknown(name, where, err);
}

/* ---- life ---- */

struct moon_config *moon_config_new(void)
{
    struct owned_config *o = moon_new(struct owned_config);
    struct moon_err err;

    for (size_t i = 0; i < MOON_ARRAY_SIZE(settings); i++) {
        if (settings[i].fallback != NULL) {
            int rc = set_value(&o->config, &settings[i], settings[i].fallback, "default", &err);
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
        if (settings[i].kind == TEXT) {
            moon_free(*(char **)field(c, &settings[i]));
        } else if (settings[i].kind == LIST) {
            list_clear(field(c, &settings[i]));
        }
    }
    moon_free(c);
}

/* ---- the file ---- */

static const char *scalar_text(const cJSON *value, char scratch[64])
{
    if (cJSON_IsString(value)) {
        return value->valuestring;
    }
    if (cJSON_IsBool(value)) {
        return cJSON_IsTrue(value) ? "true" : "false";
    }
    if (cJSON_IsNumber(value)) {
        (void)snprintf(scratch, 64, "%.15g", value->valuedouble);
        return scratch;
    }
    return NULL;
}

static int take_key(struct moon_config *c, const cJSON *value, const char *path,
                    struct moon_err *err)
{
    const struct setting *s = find(value->string);
    MOON_AUTOFREE char *where = moon_asprintf("%s: %s", path, value->string);
    char scratch[64];
    const cJSON *item;

    if (s == NULL) {
        return unknown(value->string, path, err);
    }
    if ((((struct owned_config *)(void *)c)->from_args & (1u << (s - settings))) != 0) {
        return 0; /* the command line wins */
    }
    if (s->kind == LIST && cJSON_IsArray(value)) {
        cJSON_ArrayForEach (item, value) {
            if (!cJSON_IsString(item)) {
                return moon_err_set(err, MOON_E_INVALID, "%s: must be a list of texts", where);
            }
            list_add(field(c, s), item->valuestring);
        }
        return 0;
    }
    const char *text = scalar_text(value, scratch);
    if (text == NULL) {
        return moon_err_set(err, MOON_E_INVALID, "%s: must be a %s", where,
                            s->kind == LIST ? "list of texts" : "single value");
    }
    return set_value(c, s, text, where, err);
}

int moon_config_read(struct moon_config *c, const char *path, struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(CONFIG_MAX_BYTES);
    const cJSON *value;

    if (moon_file_read(path, &text, err) != 0) {
        return -(int)err->code;
    }
    MOON_AUTOJSON *json =
        moon_yaml_parse(moon_buf_str(&text), &(struct moon_yaml_opts){.name = path}, err);
    if (json == NULL) {
        return -(int)err->code;
    }
    if (!cJSON_IsObject(json) && !cJSON_IsNull(json)) {
        return moon_err_set(err, MOON_E_INVALID, "%s: must be a map of settings", path);
    }
    cJSON_ArrayForEach (value, json) {
        if (take_key(c, value, path, err) != 0) {
            return -(int)err->code;
        }
    }
    return 0;
}

/* ---- the command line ---- */

struct argument {
    char *name;
    const char *value; /* NULL: none was given */
};

/* "--name=value", "--name value", "--name" for booleans. *i moves past what was used. */
static int split(int argc, char **argv, int *i, struct argument *ret, struct moon_err *err)
{
    const char *arg = argv[*i];
    const char *equals = strchr(arg, '=');

    if (strncmp(arg, "--", 2) != 0) {
        return moon_err_set(err, MOON_E_INVALID, "unexpected argument \"%s\"", arg);
    }
    arg += 2;
    ret->name = moon_strndup(arg, equals != NULL ? (size_t)(equals - arg) : strlen(arg));
    const struct setting *s = find(ret->name);
    if (s == NULL && strcmp(ret->name, "config") != 0) {
        int rc = moon_err_set(err, MOON_E_INVALID, "unknown flag --%s (see --help)", ret->name);
        moon_free(ret->name);
        return rc;
    }
    if (equals != NULL) {
        ret->value = equals + 1;
    } else if (s != NULL && s->kind == BOOL) {
        ret->value = "true";
    } else if (*i + 1 < argc) {
        ret->value = argv[++*i];
    } else {
        int rc = moon_err_set(err, MOON_E_INVALID, "--%s needs a value", ret->name);
        moon_free(ret->name);
        return rc;
    }
    return 0;
}

int moon_config_parse_args(struct moon_config *c, int argc, char **argv, bool *ret_help,
                           struct moon_err *err)
{
    struct owned_config *o = (struct owned_config *)(void *)c;
    const char *file = NULL;

    for (int i = 1; i < argc; i++) {
        struct argument a = {0};
        if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0) {
            *ret_help = true;
            return 0;
        }
        if (split(argc, argv, &i, &a, err) != 0) {
            return -(int)err->code;
        }
        MOON_AUTOFREE char *name = a.name;
        MOON_AUTOFREE char *where = moon_asprintf("--%s", name);
        const struct setting *s = find(name);
        if (s == NULL) {
            file = a.value;
            continue;
        }
        o->from_args |= 1u << (s - settings);
        if (set_value(c, s, a.value, where, err) != 0) {
            return -(int)err->code;
        }
    }
    return file != NULL ? moon_config_read(c, file, err) : 0;
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

int moon_config_check(const struct moon_config *c, struct moon_err *err)
{
    if (c->mode != MOON_MODE_REPLACE) {
        return moon_err_set(err, MOON_E_INVALID, "--mode %s is not there yet; use replace",
                            modes[c->mode]);
    }
    for (size_t i = 0; c->policy_dirs != NULL && c->policy_dirs[i] != NULL; i++) {
        if (check_folder("policy-dir", c->policy_dirs[i], false, err) != 0) {
            return -(int)err->code;
        }
    }
    for (size_t i = 0; c->plugin_dirs != NULL && c->plugin_dirs[i] != NULL; i++) {
        if (check_folder("plugin-dir", c->plugin_dirs[i], false, err) != 0) {
            return -(int)err->code;
        }
    }
    return c->state_dir != NULL ? check_folder("state-dir", c->state_dir, true, err) : 0;
}

void moon_config_help(struct moon_buf *out)
{
    moon_buf_puts(out, "  --config FILE\n      read settings from a YAML file; the names are those "
                       "below, the command line wins\n");
    for (size_t i = 0; i < MOON_ARRAY_SIZE(settings); i++) {
        const struct setting *s = &settings[i];
        moon_buf_printf(out, "  --%s%s%s\n      %s", s->name, s->value != NULL ? " " : "",
                        s->value != NULL ? s->value : "", s->help);
        if (s->fallback != NULL) {
            moon_buf_printf(out, " (default %s)", s->fallback);
        }
        moon_buf_putc(out, '\n');
    }
}
