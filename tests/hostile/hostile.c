/* SPDX-License-Identifier: Apache-2.0
 *
 * hostile.c - scripts that mean harm, each called as the controller would, in a process of its own.
 *
 *   hostile DIR [--scale N] [--markdown] [NAME…]
 *
 * Checked for each: the kind of the fault, that CPU and memory are bounded, that the process lives,
 * that another set is still decided rightly, and that the script's own policy serves another set in
 * a new state. script.h says how a script tells what to expect. DIR/lib has modules.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "io/file.h"
#include "trial.h"

enum {
    TEXT_SHOWN = 58,
    TIMEOUT_S = 60,
};

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
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(SCRIPT_MAX_BYTES);

    if (mkdtemp(dir) == NULL) {
        return 2;
    }
    script_expand(source, &text);
    write_file(dir, "hostile.lua", moon_buf_str(&text));
    write_file(dir, "good.lua", moon_str(good_policy));
    MOON_AUTOFREE char *copy = moon_asprintf("cp -r '%s' '%s'", lib, dir);
    (void)alarm(TIMEOUT_S);
    if (system(copy) == 0) {
        trial_run(t, dir);
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
        trial_wrong(
            t, WIFSIGNALED(status) ? "the process died of signal %d" : "the process ended (%d)",
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
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(SCRIPT_MAX_BYTES);
    MOON_AUTOFREE char *path = moon_asprintf("%s/%s", o->dir, file);
    MOON_AUTOFREE char *lib = moon_asprintf("%s/lib", o->dir);
    MOON_AUTOFREE char *name = moon_strndup(file, strlen(file) - strlen(".lua"));
    struct outcome out = {0};
    struct trial t = {.scale = o->scale, .world = w, .out = &out};
    struct moon_err err = {0};

    if (moon_file_read(path, &text, &err) != 0 || !script_read(moon_buf_cstr(&text), &t.wanted)) {
        trial_wrong(&t, "%s", err.text[0] != '\0' ? err.text : "its \"-- expect: …\" is missing");
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
