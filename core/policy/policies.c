/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policies.h"

#include <stdio.h>

#include "base/log.h"
#include "policy/policies_priv.h"
#include "policy/stock.h"

enum {
    MAX_DEPTH = 3,   /* folders below a policy folder */
    SETTLE_MS = 200, /* an editor writes more than once */
};

static const char *const fault_names[] = {
    [MOON_FAULT_LOAD] = "load",     [MOON_FAULT_RUNTIME] = "runtime",
    [MOON_FAULT_BUDGET] = "budget", [MOON_FAULT_MEMORY] = "memory",
    [MOON_FAULT_SHAPE] = "shape",
};

const char *moon_policy_fault_name(enum moon_policy_fault f)
{
    return fault_names[f];
}

/* ---- what the sources hold ---- */

struct candidate {
    char *text; /* NULL: could not be read */
    size_t len;
    char *source; /* "built in" or a path */
    char *error;  /* why not */
};

struct scan {
    struct moon_map *candidates; /* name -> candidate, owned */
    struct moon_map *modules;    /* "lib.x" -> text, owned */
};

static void candidate_free(void *value)
{
    struct candidate *c = value;

    moon_free(c->text);
    moon_free(c->source);
    moon_free(c->error);
    moon_free(c);
}

static void scan_init(struct scan *s)
{
    s->candidates = moon_map_new(candidate_free);
    s->modules = moon_map_new(moon_free);
}

static void scan_fini(struct scan *s)
{
    moon_map_free(s->candidates);
    moon_map_free(s->modules);
}

/* "lib/a/b" is the module lib.a.b. */
static void add_module(struct scan *s, const char *name, struct moon_str text)
{
    MOON_AUTOFREE char *dotted = moon_strdup(name);

    for (char *p = dotted; *p != '\0'; p++) {
        if (*p == '/') {
            *p = '.';
        }
    }
    moon_map_set(s->modules, moon_str(dotted), moon_str_dup(text));
}

static void add_text(struct scan *s, const char *name, const char *source, struct moon_str text,
                     const char *error)
{
    if (moon_str_starts(moon_str(name), "lib/")) {
        if (error == NULL) {
            add_module(s, name, text);
        }
        return;
    }
    struct candidate *c = moon_new(struct candidate);
    c->text = error == NULL ? moon_str_dup(text) : NULL;
    c->len = text.len;
    c->source = moon_strdup(source);
    c->error = moon_strdup(error);
    moon_map_set(s->candidates, moon_str(name), c);
}

static void scan_stock(struct scan *s)
{
    for (const struct moon_stock *stock = moon_stock_policies; stock->name != NULL; stock++) {
        add_text(s, stock->name, "built in", (struct moon_str){stock->text, stock->len}, NULL);
    }
}

/* Tests and editor stubs lie beside policies, but are none. */
static bool is_policy_file(const char *path)
{
    struct moon_str s = moon_str(path);

    return !moon_str_ends(s, "_test.lua") && !moon_str_starts(s, "meta/");
}

static void scan_file(struct scan *s, const char *dir, const char *path)
{
    MOON_AUTOFREE char *full = moon_asprintf("%s/%s", dir, path);
    MOON_AUTOFREE char *name = moon_strndup(path, strlen(path) - strlen(".lua"));
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(MOON_BUNDLE_MAX_BYTES + 1);
    struct moon_err err;

    bool ok = moon_file_read(full, &text, &err) == 0;
    add_text(s, name, full, moon_buf_str(&text), ok ? NULL : err.text);
}

static int scan_dir(struct scan *s, const char *dir, struct moon_err *err)
{
    struct moon_paths paths = {0};

    int rc = moon_dir_list(dir, ".lua", MAX_DEPTH, &paths, err);
    if (rc != 0) {
        return rc;
    }
    for (size_t i = 0; i < paths.count; i++) {
        if (is_policy_file(paths.items[i])) {
            scan_file(s, dir, paths.items[i]);
        }
    }
    moon_paths_free(&paths);
    return 0;
}

static int scan_all(const struct moon_policies *p, struct scan *s, struct moon_err *err)
{
    scan_stock(s);
    for (size_t i = 0; i < p->text_count; i++) {
        add_text(s, p->texts[i].name, p->texts[i].source, p->texts[i].text, NULL);
    }
    for (size_t i = 0; i < p->dir_count; i++) {
        int rc = scan_dir(s, p->dirs[i], err);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static bool find_module(const char *name, struct moon_str *ret_text, void *ctx)
{
    const struct moon_map *modules = ctx;
    const char *text = moon_map_get(modules, moon_str(name));

    *ret_text = moon_str(text);
    return text != NULL;
}

/* ---- taking it in ---- */

static void policy_free(void *value)
{
    struct moon_policy *one = value;

    moon_version_unref(one->version);
    moon_free(one->name);
    moon_free(one->source);
    moon_free(one->error);
    moon_free(one);
}

struct moon_policy *moon_policies_find(const struct moon_policies *p, struct moon_str name)
{
    return moon_map_get(p->by_name, name);
}

static struct moon_policy *get(struct moon_policies *p, struct moon_str name)
{
    struct moon_policy *one = moon_policies_find(p, name);

    if (one == NULL) {
        one = moon_new(struct moon_policy);
        one->name = moon_str_dup(name);
        moon_map_set(p->by_name, name, one);
    }
    return one;
}

void moon_policies_report(const struct moon_policies *p, const struct moon_policy_report *report)
{
    const char *hook = report->hook[0] != '\0' ? report->hook : "load";

    if (p->failures != NULL) {
        moon_metric_add(p->failures,
                        MOON_LABELS(report->policy, hook, moon_policy_fault_name(report->fault)),
                        1);
    }
    if (p->on_report != NULL) {
        p->on_report(report, p->ctx);
    }
}

static void load_failed(const struct moon_policies *p, struct moon_policy *one,
                        const struct moon_fault *fault)
{
    struct moon_policy_report report = {
        .fault = fault->kind,
        .policy = one->name,
        .version = "",
        .hook = "",
        .object = "",
        .set = "",
        .text = fault->text,
        .traceback = fault->traceback,
        .cpu_us = fault->cpu_us,
        .peak_bytes = fault->peak_bytes,
    };

    moon_free(one->error);
    one->error = moon_strdup(fault->text);
    moon_policies_report(p, &report);
}

static void quarantine_fault(const char *name, struct moon_fault *ret)
{
    *ret = (struct moon_fault){.kind = MOON_FAULT_LOAD};
    (void)snprintf(ret->text, sizeof(ret->text),
                   "%s.lua: this version could not be stopped and ended the process; change it, or "
                   "remove policy-watchdog from the state folder",
                   name);
}

/* A text that hung while it was loaded must not even be loaded. */
static bool is_quarantined(const struct moon_policies *p, const struct candidate *c)
{
    struct moon_digest *d = moon_digest_new();
    char digest[MOON_DIGEST_TEXT];

    moon_digest_add(d, (struct moon_str){c->text, c->len});
    moon_digest_take(d, digest);
    return strcmp(digest, p->quarantined) == 0;
}

static struct moon_version *load(const struct moon_policies *p, const char *name,
                                 const struct candidate *c, const struct moon_map *modules,
                                 struct moon_fault *ret)
{
    struct moon_version_opts opts = {
        .name = name,
        .source = {c->text, c->len},
        .modules = {find_module, (void *)(uintptr_t)modules},
        .budget_scale = p->budget_scale,
    };

    if (c->text == NULL) {
        *ret = (struct moon_fault){.kind = MOON_FAULT_LOAD};
        (void)snprintf(ret->text, sizeof(ret->text), "%s", c->error);
        return NULL;
    }
    if (is_quarantined(p, c)) {
        quarantine_fault(name, ret);
        return NULL;
    }
    struct moon_version *v = moon_version_load(&opts, ret);
    if (v != NULL && strcmp(v->digest, p->quarantined) == 0) {
        moon_version_unref(v);
        quarantine_fault(name, ret);
        return NULL;
    }
    return v;
}

/* What decides whether a text has to be looked at again: itself and every module it could use. */
static void digest_of_input(const struct candidate *c, const struct moon_map *modules,
                            char out[MOON_DIGEST_TEXT])
{
    struct moon_digest *d = moon_digest_new();
    struct moon_str name;
    void *text;
    size_t pos = 0;

    moon_digest_add(d, moon_str(c->source));
    moon_digest_add(d, (struct moon_str){"", 1});
    moon_digest_add(d, (struct moon_str){c->text, c->text != NULL ? c->len : 0});
    moon_digest_add(d, moon_str(c->error));
    while (moon_map_next(modules, &pos, &name, &text)) {
        moon_digest_add(d, (struct moon_str){"", 1});
        moon_digest_add(d, name);
        moon_digest_add(d, (struct moon_str){"", 1});
        moon_digest_add(d, moon_str(text));
    }
    moon_digest_take(d, out);
}

/* True when what is in force has changed. */
static bool take(struct moon_policies *p, struct moon_str name, const struct candidate *c,
                 const struct moon_map *modules)
{
    struct moon_policy *one = get(p, name);
    struct moon_fault fault;
    char input[MOON_DIGEST_TEXT];

    digest_of_input(c, modules, input);
    if (strcmp(input, one->tried) == 0) {
        return false;
    }
    memcpy(one->tried, input, sizeof(one->tried));
    struct moon_version *v = load(p, one->name, c, modules, &fault);
    if (v == NULL) {
        load_failed(p, one, &fault);
        return false;
    }
    bool changed = one->version == NULL || strcmp(one->version->digest, v->digest) != 0;
    moon_version_unref(one->version);
    one->version = v;
    moon_free(one->source);
    one->source = moon_strdup(c->source);
    moon_free(one->error);
    one->error = NULL;
    return changed;
}

/* Names whose last file is gone. */
static bool drop_missing(struct moon_policies *p, const struct moon_map *candidates)
{
    struct moon_str name;
    void *value;
    size_t pos = 0;
    bool changed = false;

    while (moon_map_next(p->by_name, &pos, &name, &value)) {
        if (!moon_map_has(candidates, name)) {
            const struct moon_policy *one = value;
            changed = changed || one->version != NULL;
            (void)moon_map_remove(p->by_name, name);
        }
    }
    return changed;
}

static bool take_all(struct moon_policies *p, const struct scan *s)
{
    struct moon_str name;
    void *value;
    size_t pos = 0;
    bool changed = drop_missing(p, s->candidates);

    while (moon_map_next(s->candidates, &pos, &name, &value)) {
        changed = take(p, name, value, s->modules) || changed;
    }
    return changed;
}

/* The stock policies come into force first, so that a broken file of the same name at the start
 * has something to fall back to. */
static bool take_stock(struct moon_policies *p)
{
    struct scan s;

    scan_init(&s);
    scan_stock(&s);
    bool changed = take_all(p, &s);
    scan_fini(&s);
    return changed;
}

static int look(struct moon_policies *p, bool *ret_changed, struct moon_err *err)
{
    struct scan s;

    scan_init(&s);
    int rc = scan_all(p, &s, err);
    if (rc == 0) {
        *ret_changed = take_all(p, &s);
    }
    scan_fini(&s);
    return rc;
}

/* ---- life ---- */

static void on_dir_change(void *ctx)
{
    moon_policies_reload(ctx);
}

static int watch(struct moon_policies *p, struct moon_loop *loop, struct moon_err *err)
{
    p->watches = moon_new_array(struct moon_dir_watch *, p->dir_count + 1);
    for (size_t i = 0; loop != NULL && i < p->dir_count; i++) {
        struct moon_dir_watch_opts opts = {
            .path = p->dirs[i],
            .max_depth = MAX_DEPTH,
            .settle_ms = SETTLE_MS,
            .on_change = on_dir_change,
            .ctx = p,
        };
        p->watches[i] = moon_dir_watch_new(loop, &opts, err);
        if (p->watches[i] == NULL) {
            return -1;
        }
    }
    return 0;
}

static void copy_dirs(struct moon_policies *p, const char *const *dirs)
{
    size_t count = 0;

    while (dirs != NULL && dirs[count] != NULL) {
        count++;
    }
    p->dirs = moon_new_array(char *, count + 1);
    for (; dirs != NULL && p->dir_count < count; p->dir_count++) {
        p->dirs[p->dir_count] = moon_strdup(dirs[p->dir_count]);
    }
}

static void register_metrics(struct moon_policies *p)
{
    p->calls = moon_metric_register(&(struct moon_metric_opts){
        .name = "moonset_policy_calls_total",
        .help = "Calls of a policy's hook.",
        .type = MOON_METRIC_COUNTER,
        .labels = {"policy", "hook"},
    });
    p->failures = moon_metric_register(&(struct moon_metric_opts){
        .name = "moonset_policy_failures_total",
        .help = "Calls of a policy's hook, or loads (hook \"load\"), that failed.",
        .type = MOON_METRIC_COUNTER,
        .labels = {"policy", "hook", "fault"},
    });
    p->cpu = moon_metric_register(&(struct moon_metric_opts){
        .name = "moonset_policy_cpu_seconds_total",
        .help = "CPU time spent in a policy's hook.",
        .type = MOON_METRIC_COUNTER,
        .labels = {"policy", "hook"},
    });
}

static int start(struct moon_policies *p, struct moon_loop *loop,
                 const struct moon_policies_opts *opts, struct moon_err *err)
{
    bool changed;

    if (opts->state_dir != NULL) {
        (void)moon_watchdog_read(opts->state_dir, p->quarantined);
    }
    if (opts->watchdog) {
        p->watchdog = moon_watchdog_new(opts->state_dir, p->budget_scale, err);
        if (p->watchdog == NULL) {
            return -1;
        }
    }
    (void)take_stock(p);
    int rc = look(p, &changed, err);
    return rc == 0 ? watch(p, loop, err) : rc;
}

struct moon_policies *moon_policies_new(struct moon_loop *loop,
                                        const struct moon_policies_opts *opts, struct moon_err *err)
{
    struct moon_policies *p = moon_new(struct moon_policies);

    p->by_name = moon_map_new(policy_free);
    p->budget_scale = opts->budget_scale > 0 ? opts->budget_scale : 1;
    p->on_report = opts->on_report;
    p->on_changed = opts->on_changed;
    p->ctx = opts->ctx;
    p->generation = 1;
    p->texts = opts->texts;
    p->text_count = opts->text_count;
    copy_dirs(p, opts->dirs);
    register_metrics(p);
    if (start(p, loop, opts, err) != 0) {
        moon_policies_free(p);
        return NULL;
    }
    return p;
}

void moon_policies_free(struct moon_policies *p)
{
    if (p == NULL) {
        return;
    }
    for (size_t i = 0; i < p->dir_count; i++) {
        if (p->watches != NULL) {
            moon_dir_watch_free(p->watches[i]);
        }
        moon_free(p->dirs[i]);
    }
    moon_free(p->watches);
    moon_free(p->dirs);
    moon_map_free(p->by_name);
    moon_watchdog_free(p->watchdog);
    moon_free(p);
}

/* A folder that cannot be read now (it is being swapped) changes nothing; the watch looks again. */
void moon_policies_reload(struct moon_policies *p)
{
    struct moon_err err;
    bool changed = false;

    if (look(p, &changed, &err) != 0) {
        moon_debug(MOON_POLICY_TOPIC, "policy folders not read", "err", err.text);
        return;
    }
    if (changed) {
        p->generation++;
        if (p->on_changed != NULL) {
            p->on_changed(p->ctx);
        }
    }
}

uint64_t moon_policies_generation(const struct moon_policies *p)
{
    return p->generation;
}

int moon_policies_check(struct moon_policies *p, const char *name, const char *file,
                        struct moon_str source, struct moon_err *err)
{
    struct moon_fault fault;
    struct scan s;

    scan_init(&s);
    int rc = scan_all(p, &s, err);
    if (rc == 0) {
        struct moon_version_opts opts = {
            .name = name,
            .source = source,
            .modules = {find_module, s.modules},
            .budget_scale = p->budget_scale,
        };
        struct moon_version *v = moon_version_load(&opts, &fault);
        if (v == NULL) {
            rc = moon_err_set(err, MOON_E_POLICY, "%s: %s", file, fault.text);
        }
        moon_version_unref(v);
    }
    scan_fini(&s);
    return rc;
}

/* ---- listing ---- */

/* The comment lines at the head of the text, the license aside. */
static void leading_comment(const struct moon_version *v, struct moon_buf *out)
{
    struct moon_str rest = {v->source, v->source_len};
    struct moon_str line;

    while (moon_str_split(&rest, '\n', &line) && moon_str_starts(line, "--")) {
        struct moon_str text = moon_str_trim((struct moon_str){line.ptr + 2, line.len - 2});
        if (!moon_str_starts(text, "SPDX-License-Identifier")) {
            moon_buf_printf(out, "%s%.*s", out->len > 0 ? "\n" : "", MOON_STR_ARG(text));
        }
    }
}

/* The fallbacks are the caller's. */
static void describe_params(const struct moon_version *v, struct moon_policy_param *out)
{
    for (size_t i = 0; i < v->params.count; i++) {
        const struct moon_param *p = &v->params.items[i];
        out[i] = (struct moon_policy_param){
            .name = p->name,
            .type = moon_param_type_name(p->type),
            .fallback = p->fallback != NULL ? cJSON_PrintUnformatted(p->fallback) : NULL,
            .doc = p->doc,
            .required = p->required,
        };
    }
}

static void tell(const struct moon_policy *one,
                 void (*fn)(const struct moon_policy_info *info, void *ctx), void *ctx)
{
    size_t param_count = one->version != NULL ? one->version->params.count : 0;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf hooks = MOON_BUF_INIT(256);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf doc = MOON_BUF_INIT(MOON_BUNDLE_MAX_BYTES);
    MOON_AUTOFREE struct moon_policy_param *params =
        moon_new_array(struct moon_policy_param, param_count + 1);

    if (one->version != NULL) {
        moon_hook_list(one->version->hooks, &hooks);
        leading_comment(one->version, &doc);
        describe_params(one->version, params);
    }
    fn(
        &(struct moon_policy_info){
            .name = one->name,
            .version = one->version != NULL ? one->version->digest : "",
            .source = one->source != NULL ? one->source : "",
            .error = one->error,
            .loaded = one->version != NULL,
            .hooks = moon_buf_cstr(&hooks),
            .doc = moon_buf_cstr(&doc),
            .text = one->version != NULL
                        ? (struct moon_str){one->version->source, one->version->source_len}
                        : (struct moon_str){0},
            .modules = one->version != NULL ? one->version->modules : NULL,
            .params = params,
            .param_count = param_count,
        },
        ctx);
    for (size_t i = 0; i < param_count; i++) {
        cJSON_free((char *)(uintptr_t)params[i].fallback);
    }
}

void moon_policies_each(const struct moon_policies *p,
                        void (*fn)(const struct moon_policy_info *info, void *ctx), void *ctx)
{
    struct moon_str name;
    void *value;
    size_t pos = 0;

    while (moon_map_next(p->by_name, &pos, &name, &value)) {
        tell(value, fn, ctx);
    }
}
