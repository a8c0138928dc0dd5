/* SPDX-License-Identifier: Apache-2.0
 *
 * hostile.c - scripts that mean harm, each called as the controller would, in a process of its own.
 *
 *   hostile DIR [--scale N] [--markdown] [NAME…]
 *
 * The first lines of a script say what is to happen: "-- expect: budget in select" (or "none in …",
 * or "… in load"), and with "-- says: text" what is in the report. A line "--*N text" stands for N
 * lines of that text, "--+N text" for one line of it N times over. Checked for each: the kind of
 * the fault, that CPU and memory are bounded, that the process lives, that another set is still
 * decided rightly, and that the script's own policy serves another set in a new state. DIR/lib has
 * modules.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "io/file.h"
#include "world.h"

enum {
    SLACK_US = 25 * 1000,      /* see allowed_us */
    CALLS = 2,                 /* each hook is called again: what did the script keep? */
    MAX_LUA_BYTES = 9 << 20,   /* 8 MB and the reserve */
    MAX_PROCESS_KB = 40 << 10, /* outside of a state, too */
    MAX_SOURCE = 512 * 1024,   /* more than a policy may have */
    TEXT_SHOWN = 58,
    TIMEOUT_S = 60,
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum {
    SANITIZED = 1
};
#else
enum {
    SANITIZED = 0
};
#endif

/* ---- what a script says about itself ---- */

struct expectation {
    char kind[32]; /* "none": no fault; "memory/budget": what comes first depends on the machine */
    char hook[16];
    char says[128];
};

/* The rest of the line after `key` in the head of the text; false: there is none. */
static bool head_line(const char *text, const char *key, char *out, size_t size)
{
    const char *at = strstr(text, key);

    if (at == NULL) {
        return false;
    }
    at += strlen(key);
    (void)snprintf(out, size, "%.*s", (int)strcspn(at, "\n"), at);
    return true;
}

static bool read_expectation(const char *text, struct expectation *e)
{
    char line[64];

    *e = (struct expectation){0};
    (void)head_line(text, "-- says: ", e->says, sizeof(e->says));
    return head_line(text, "-- expect: ", line, sizeof(line)) &&
           sscanf(line, "%31s in %15s", e->kind, e->hook) == 2;
}

static void add_repeated(struct moon_buf *out, struct moon_str line, bool in_lines)
{
    struct moon_str text = {line.ptr + 3, line.len - 3};
    struct moon_str number;
    uint64_t n = 0;

    (void)moon_str_split(&text, ' ', &number);
    moon_assert(moon_parse_u64(number, &n));
    for (uint64_t i = 0; i < n; i++) {
        moon_buf_add_str(out, text);
        if (in_lines) {
            moon_buf_putc(out, '\n');
        }
    }
}

static void expand(struct moon_str source, struct moon_buf *out)
{
    struct moon_str rest = source;
    struct moon_str line;

    while (rest.len > 0 && moon_str_split(&rest, '\n', &line)) {
        if (moon_str_starts(line, "--*") || moon_str_starts(line, "--+")) {
            add_repeated(out, line, line.ptr[2] == '*');
        } else {
            moon_buf_add_str(out, line);
        }
        if (!moon_str_starts(line, "--+")) {
            moon_buf_putc(out, '\n');
        }
    }
}

/* ---- one script, in its process ---- */

struct outcome {
    bool done;
    char wrong[512]; /* "": all is as it should be */
    char kind[16];
    char text[256];
    uint64_t cpu_us; /* of the dearest call, with what making and freeing states takes */
    uint64_t peak_bytes;
    uint64_t grown_kb;
};

struct trial {
    struct expectation wanted;
    double scale;
    const struct world *world;
    struct moon_policies *policies;
    struct outcome *out;
    unsigned reports;
    char last_kind[16];
    char last_hook[16];
};

static bool is_wanted(const struct trial *t, const char *kind)
{
    struct moon_str rest = moon_str(t->wanted.kind);
    struct moon_str one;
    bool found = false;

    while (moon_str_split(&rest, '/', &one)) {
        found = found || moon_str_is(one, kind);
    }
    return found;
}

static void on_report(const struct moon_policy_report *r, void *ctx)
{
    struct trial *t = ctx;

    t->reports++;
    (void)snprintf(t->last_hook, sizeof(t->last_hook), "%s", r->hook[0] != '\0' ? r->hook : "load");
    (void)snprintf(t->last_kind, sizeof(t->last_kind), "%s", moon_policy_fault_name(r->fault));
    if (t->reports == 1 || !is_wanted(t, t->out->kind)) {
        (void)snprintf(t->out->kind, sizeof(t->out->kind), "%s", t->last_kind);
        (void)snprintf(t->out->text, sizeof(t->out->text), "%s", r->text);
    }
    t->out->peak_bytes = r->peak_bytes > t->out->peak_bytes ? r->peak_bytes : t->out->peak_bytes;
}

static void MOON_PRINTF(2, 3) wrong(struct trial *t, const char *fmt, ...)
{
    size_t len = strlen(t->out->wrong);
    va_list args;

    va_start(args, fmt);
    (void)snprintf(t->out->wrong + len, sizeof(t->out->wrong) - len, "%s", len > 0 ? "; " : "");
    len = strlen(t->out->wrong);
    (void)vsnprintf(t->out->wrong + len, sizeof(t->out->wrong) - len, fmt, args);
    va_end(args);
}

static uint64_t cpu_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static uint64_t status_kb(const char *key)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(64 * 1024);
    char value[32];
    struct moon_err err;

    if (moon_file_read("/proc/self/status", &text, &err) != 0 ||
        !head_line(moon_buf_cstr(&text), key, value, sizeof(value))) {
        return 0;
    }
    return strtoull(value, NULL, 10);
}

/* ---- the hooks ---- */

static struct moon_set_view view_of(const struct moon_daemonset *set)
{
    return (struct moon_set_view){.set = set,
                                  .tolerations = &set->tolerations,
                                  .desired = WORLD_NODES,
                                  .revision = "new",
                                  .now_s = 1000};
}

/* Call the trial's hook for a set. What a good policy answers is the same for all scripts; false:
 * this is something else. */
static bool call(struct trial *t, struct moon_chain *chain, const struct moon_set_view *set)
{
    const struct world *w = t->world;
    const char *hook = t->wanted.hook;
    bool good = false;

    if (strcmp(hook, "select") == 0) {
        struct moon_decision d = {0};
        moon_hook_select(chain, set, w->nodes, 1, &d);
        good = d.placement == MOON_PLACEMENT_RUN;
        moon_decision_fini(&d);
    } else if (strcmp(hook, "rank") == 0) {
        struct moon_rank r = {0};
        moon_hook_rank(chain, set, w->nodes, 1, &r);
        good = r.count == 1;
        moon_rank_fini(&r);
    } else if (strcmp(hook, "tolerations") == 0) {
        struct moon_tolerations list = {0};
        struct moon_err err;
        good = moon_hook_tolerations(chain, set, &list, &err) == 0;
        moon_tolerations_fini(&list);
    } else if (strcmp(hook, "health") == 0) {
        struct moon_health_question q = {.pod = w->new_pod, .slot = &w->slots[1], .updated = true};
        struct moon_health_answer a = {0};
        moon_hook_health(chain, set, &q, 1, &a);
        good = a.health == MOON_HEALTH_READY;
        moon_sym_unref(a.reason);
    } else if (strcmp(hook, "gate") == 0) {
        struct moon_gate gate;
        moon_hook_gate(chain, set, &w->roll, &gate);
        good = gate.closed == 0;
        moon_gate_fini(&gate);
    } else {
        struct moon_roll_answer a;
        moon_hook_update(chain, set, &w->roll, &a);
        good = !a.failed && a.count == 0;
        moon_roll_answer_fini(&a);
    }
    return good;
}

static uint64_t budget_us(const char *hook)
{
    static const struct {
        const char *hook;
        uint64_t us;
    } budgets[] = {{"load", 100000}, {"select", 5000}, {"rank", 5000}, {"health", 5000}};

    for (size_t i = 0; i < MOON_ARRAY_SIZE(budgets); i++) {
        if (strcmp(budgets[i].hook, hook) == 0) {
            return budgets[i].us;
        }
    }
    return 20000;
}

/* The budget and two ticks of the kernel, another one until a new call is noticed, and what
 * throwing a full state away and making a new one takes. */
static uint64_t allowed_us(const struct trial *t)
{
    return (uint64_t)(t->scale * (double)(budget_us(t->wanted.hook) + SLACK_US));
}

static struct moon_chain *choose(struct trial *t, const char *names)
{
    struct moon_chain_opts opts = {.names = names};
    struct moon_err err;
    struct moon_chain *chain = moon_chain_new(t->policies, &opts, &err);

    if (chain == NULL) {
        wrong(t, "no chain of %s: %s", names, err.text);
    }
    return chain;
}

/* ---- what is checked ---- */

static void check_fault(struct trial *t)
{
    const char *kind = t->reports > 0 ? t->out->kind : "none";

    if (!is_wanted(t, kind) || (t->reports > 0 && strcmp(t->last_hook, t->wanted.hook) != 0)) {
        wrong(t, "%s in %s was expected", t->wanted.kind, t->wanted.hook);
    }
    if (strstr(t->out->text, t->wanted.says) == NULL) {
        wrong(t, "it does not say \"%s\"", t->wanted.says);
    }
}

static void check_bounds(struct trial *t)
{
    uint64_t allowed = allowed_us(t);

    if (t->out->cpu_us > allowed) {
        wrong(t, "%llu us of CPU, allowed are %llu", (unsigned long long)t->out->cpu_us,
              (unsigned long long)allowed);
    }
    if (t->out->peak_bytes > MAX_LUA_BYTES) {
        wrong(t, "%llu KB in the state", (unsigned long long)t->out->peak_bytes >> 10);
    }
    if (!SANITIZED && t->out->grown_kb > MAX_PROCESS_KB) {
        wrong(t, "the process grew by %llu KB", (unsigned long long)t->out->grown_kb);
    }
}

/* The other set is decided as if nothing had been. */
static void check_neighbour(struct trial *t)
{
    static const enum moon_placement wanted[] = {MOON_PLACEMENT_RUN, MOON_PLACEMENT_EVICT,
                                                 MOON_PLACEMENT_RUN};
    const struct moon_daemonset *set = world_set("neighbour", false);
    struct moon_set_view view = view_of(set);
    struct moon_chain *chain = choose(t, "good");
    struct moon_decision d[3] = {{0}};
    struct moon_roll_answer a = {0};
    unsigned reports = t->reports;

    moon_hook_select(chain, &view, t->world->nodes, 3, d);
    for (size_t i = 0; i < 3; i++) {
        if (d[i].placement != wanted[i]) {
            wrong(t, "the other set: %s on node %zu", moon_placement_name(d[i].placement), i);
        }
        moon_decision_fini(&d[i]);
    }
    moon_hook_update(chain, &view, &t->world->roll, &a);
    if (a.count != 1 || a.actions[0].slot != 0 || a.actions[0].type != MOON_ROLL_REPLACE) {
        wrong(t, "the other set: %zu actions", a.count);
    }
    moon_roll_answer_fini(&a);
    if (t->reports != reports) {
        wrong(t, "the other set: a fault (%s)", t->last_kind);
    }
    moon_chain_free(chain);
    moon_object_unref(&set->meta);
}

/* The hook is called for the set it is to harm, then for one it serves. */
static void call_hook(struct trial *t)
{
    const struct moon_daemonset *bad = world_set("bad", true);
    const struct moon_daemonset *served = world_set("served", false);
    struct moon_set_view bad_view = view_of(bad);
    struct moon_set_view served_view = view_of(served);
    struct moon_chain *chain = choose(t, "hostile");

    for (int i = 0; chain != NULL && i < CALLS; i++) {
        uint64_t before = cpu_us();
        bool good = call(t, chain, &bad_view);
        uint64_t took = cpu_us() - before;
        t->out->cpu_us = took > t->out->cpu_us ? took : t->out->cpu_us;
        if (!good && t->reports == 0) {
            wrong(t, "it found something wrong");
        }
    }
    unsigned reports = t->reports;
    if (chain != NULL && (!call(t, chain, &served_view) || t->reports != reports)) {
        wrong(t, "afterwards it does not serve another set");
    }
    moon_chain_free(chain);
    moon_object_unref(&bad->meta);
    moon_object_unref(&served->meta);
}

static void run_trial(struct trial *t, const char *dir)
{
    const char *dirs[] = {dir, NULL};
    struct moon_policies_opts opts = {
        .dirs = dirs, .budget_scale = t->scale, .on_report = on_report, .ctx = t};
    struct moon_err err;
    bool loads = strcmp(t->wanted.hook, "load") == 0;
    uint64_t memory = status_kb("VmRSS:");
    uint64_t before = cpu_us();

    t->policies = moon_policies_new(NULL, &opts, &err);
    if (t->policies == NULL) {
        wrong(t, "%s", err.text);
        return;
    }
    t->out->cpu_us = loads ? cpu_us() - before : 0;
    if (!loads && t->reports == 0) {
        call_hook(t);
    }
    uint64_t most = status_kb("VmHWM:");
    t->out->grown_kb = most > memory ? most - memory : 0;
    check_fault(t);
    check_bounds(t);
    check_neighbour(t);
    moon_policies_free(t->policies);
}

/* ---- processes ---- */

static const char good_policy[] =
    "return {\n"
    "  api = 1,\n"
    "  select = function(node)\n"
    "    return node.labels.edge == 'true'\n"
    "  end,\n"
    "  update = function(roll)\n"
    "    for pod in roll:outdated { available = true, limit = roll.left } do\n"
    "      roll:replace(pod, 'outdated')\n"
    "    end\n"
    "  end,\n"
    "}\n";

static void write_file(const char *dir, const char *name, struct moon_str text)
{
    MOON_AUTOFREE char *path = moon_asprintf("%s/%s", dir, name);
    struct moon_err err;

    if (moon_file_write(path, text, 0600, &err) != 0) {
        (void)fprintf(stderr, "%s\n", err.text);
        exit(2);
    }
}

static void remove_tree(const char *path)
{
    MOON_AUTOFREE char *command = moon_asprintf("rm -rf '%s'", path);

    if (system(command) != 0) {
        (void)fprintf(stderr, "%s stays\n", path);
    }
}

static int run_child(struct trial *t, struct moon_str source, const char *lib, int out)
{
    char dir[] = "/tmp/moonset-hostile-XXXXXX";
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(MAX_SOURCE);

    if (mkdtemp(dir) == NULL) {
        return 2;
    }
    expand(source, &text);
    write_file(dir, "hostile.lua", moon_buf_str(&text));
    write_file(dir, "good.lua", moon_str(good_policy));
    MOON_AUTOFREE char *copy = moon_asprintf("cp -r '%s' '%s'", lib, dir);
    (void)alarm(TIMEOUT_S);
    if (system(copy) == 0) {
        run_trial(t, dir);
        t->out->done = true;
    }
    remove_tree(dir);
    return write(out, t->out, sizeof(*t->out)) == (ssize_t)sizeof(*t->out) ? 0 : 2;
}

static void run_script(struct trial *t, struct moon_str source, const char *lib)
{
    struct outcome out = {0};
    int status = 0;
    int ends[2];

    if (pipe(ends) != 0) {
        exit(2);
    }
    (void)fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        exit(run_child(t, source, lib, ends[1]));
    }
    (void)close(ends[1]);
    ssize_t got = read(ends[0], &out, sizeof(out));
    (void)close(ends[0]);
    (void)waitpid(pid, &status, 0);
    if (got == (ssize_t)sizeof(out) && out.done) {
        *t->out = out;
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        wrong(t, WIFSIGNALED(status) ? "the process died of signal %d" : "the process ended (%d)",
              WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    }
}

/* ---- the table ---- */

struct options {
    const char *dir;
    double scale;
    bool markdown;
    char **names;
    int count;
};

/* Without the place, which is in the script anyway, and on one line. */
static void shorten(const char *text, char *out, size_t size)
{
    const char *space = strchr(text, ' ');
    bool has_place = strncmp(text, "hostile.lua:", 12) == 0 && space != NULL;
    size_t n = 0;

    for (const char *p = has_place ? space + 1 : text; *p != '\0' && n + 1 < size; p++) {
        out[n++] = *p >= ' ' && *p < 127 && *p != '|' ? *p : '?';
    }
    out[n] = '\0';
}

static void print_row(const struct options *o, const char *name, const struct trial *t)
{
    const struct outcome *out = t->out;
    char text[TEXT_SHOWN + 1];
    const char *kind = out->kind[0] != '\0' ? out->kind : "-";

    shorten(out->text, text, sizeof(text));
    (void)printf(o->markdown ? "| `%s` | %s | %s | %s | %.1f | %.1f | %.1f |\n"
                             : "%-26s %-11s %-7s %-58s %7.1f ms %5.1f MB %5.1f MB\n",
                 name, t->wanted.hook, kind, text, (double)out->cpu_us / 1000,
                 (double)out->peak_bytes / 1048576, (double)out->grown_kb / 1024);
    if (out->wrong[0] != '\0') {
        (void)printf("not ok - %s: %s\n", name, out->wrong);
    }
}

static bool is_chosen(const struct options *o, const char *name)
{
    bool chosen = o->count == 0;

    for (int i = 0; i < o->count; i++) {
        chosen = chosen || strcmp(o->names[i], name) == 0;
    }
    return chosen;
}

static bool try_script(const struct options *o, const struct world *w, const char *file)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(MAX_SOURCE);
    MOON_AUTOFREE char *path = moon_asprintf("%s/%s", o->dir, file);
    MOON_AUTOFREE char *lib = moon_asprintf("%s/lib", o->dir);
    MOON_AUTOFREE char *name = moon_strndup(file, strlen(file) - strlen(".lua"));
    struct outcome out = {0};
    struct trial t = {.scale = o->scale, .world = w, .out = &out};
    struct moon_err err = {0};

    if (moon_file_read(path, &text, &err) != 0 ||
        !read_expectation(moon_buf_cstr(&text), &t.wanted)) {
        wrong(&t, "%s", err.text[0] != '\0' ? err.text : "its \"-- expect: …\" is missing");
    } else {
        run_script(&t, moon_buf_str(&text), lib);
    }
    print_row(o, name, &t);
    return out.wrong[0] == '\0';
}

static int run_all(const struct options *o)
{
    struct world *w = world_new();
    struct moon_paths files = {0};
    struct moon_err err;
    int tried = 0;
    int failed = 0;

    if (moon_dir_list(o->dir, ".lua", 0, &files, &err) != 0) {
        (void)fprintf(stderr, "%s\n", err.text);
    }
    for (size_t i = 0; i < files.count; i++) {
        const char *file = files.items[i];
        MOON_AUTOFREE char *name = moon_strndup(file, strlen(file) - strlen(".lua"));
        if (is_chosen(o, name)) {
            tried++;
            failed += !try_script(o, w, file);
        }
    }
    moon_paths_free(&files);
    world_free(w);
    (void)printf("%d hostile scripts, %d as expected\n", tried, tried - failed);
    return tried > 0 && failed == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct options o = {.scale = SANITIZED ? 10 : 1};
    int i = 1;

    moon_log_setup(MOON_LOG_ERROR, MOON_LOG_LOGFMT, STDERR_FILENO);
    for (; i < argc && (o.dir == NULL || argv[i][0] == '-'); i++) {
        if (strcmp(argv[i], "--markdown") == 0) {
            o.markdown = true;
        } else if (strcmp(argv[i], "--scale") == 0 && i + 1 < argc) {
            o.scale = strtod(argv[++i], NULL);
        } else {
            o.dir = argv[i];
        }
    }
    if (o.dir == NULL) {
        (void)fprintf(stderr, "usage: hostile DIR [--scale N] [--markdown] [NAME…]\n");
        return 2;
    }
    o.names = argv + i;
    o.count = argc - i;
    if (o.markdown) {
        (void)printf("| script | hook | stopped by | with | CPU ms | state MB | process MB |\n"
                     "|---|---|---|---|---|---|---|\n");
    }
    return run_all(&o);
}
