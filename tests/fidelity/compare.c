/* SPDX-License-Identifier: Apache-2.0 */
#include "compare.h"

#include <fnmatch.h>

#include "io/file.h"
#include "io/yaml.h"

enum {
    FILE_MAX_BYTES = 1 << 20,
    POINTER_MAX_BYTES = 4096,
    SHOWN_MAX = 300 /* characters of a value in the output */
};

/* ---- decisions ---- */

static int read_decision(const cJSON *node, struct fidelity_decision *ret, struct moon_err *err)
{
    *ret = (struct fidelity_decision){
        .call = moon_json_string(node, "call"),
        .field = moon_json_string(node, "field"),
        .sim = moon_json_string(node, "sim"),
        .why = moon_json_string(node, "why"),
        .everywhere = moon_json_bool(node, "everywhere", false),
    };
    if (ret->call == NULL || ret->field == NULL || ret->why == NULL) {
        return moon_err_set(err, MOON_E_INVALID, "a decision needs call, field and why (%s)",
                            ret->call != NULL ? ret->call : "no call");
    }
    return 0;
}

int fidelity_comparison_init(struct fidelity_comparison *c, const char *decisions_path,
                             struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(FILE_MAX_BYTES);
    const cJSON *node = NULL;
    *c = (struct fidelity_comparison){0};
    if (decisions_path == NULL) {
        return 0;
    }
    if (moon_file_read(decisions_path, &text, err) != 0) {
        return -(int)err->code;
    }
    c->document =
        moon_yaml_parse(moon_buf_str(&text), &(struct moon_yaml_opts){.name = decisions_path}, err);
    if (c->document == NULL) {
        return -(int)err->code;
    }
    size_t count = (size_t)cJSON_GetArraySize(c->document);
    c->decisions = moon_new_array(struct fidelity_decision, count + 1);
    cJSON_ArrayForEach (node, c->document) {
        if (read_decision(node, &c->decisions[c->decision_count++], err) != 0) {
            return moon_err_wrap(err, "%s", decisions_path);
        }
    }
    return 0;
}

void fidelity_comparison_fini(struct fidelity_comparison *c)
{
    moon_free(c->decisions);
    cJSON_Delete(c->document);
    *c = (struct fidelity_comparison){0};
}

/* ---- one call ---- */

/* A walk over two answers at once. */
struct walk {
    struct fidelity_comparison *comparison;
    const char *call;
    struct moon_buf pointer;
    bool *met; /* decisions met in this call */
    size_t plain;
    size_t undecided;
    bool verbose;
    FILE *out;
};

static bool is_about(const struct fidelity_decision *d, const struct walk *walk, const cJSON *sim)
{
    if (fnmatch(d->call, walk->call, 0) != 0 ||
        fnmatch(d->field, moon_buf_cstr(&walk->pointer), 0) != 0) {
        return false;
    }
    if (d->sim == NULL) {
        return true;
    }
    char *text = sim != NULL ? cJSON_PrintUnformatted(sim) : NULL;
    bool matches = text != NULL && fnmatch(d->sim, text, 0) == 0;
    cJSON_free(text);
    return matches;
}

static struct fidelity_decision *decide(const struct walk *walk, const cJSON *sim)
{
    for (size_t i = 0; i < walk->comparison->decision_count; i++) {
        struct fidelity_decision *d = &walk->comparison->decisions[i];
        if (is_about(d, walk, sim)) {
            return d;
        }
    }
    return NULL;
}

static void print_value(FILE *out, const char *label, const cJSON *value)
{
    char *text = value != NULL ? cJSON_PrintUnformatted(value) : NULL;
    fprintf(out, "      %s %.*s\n", label, SHOWN_MAX, text != NULL ? text : "(absent)");
    cJSON_free(text);
}

static void report_difference(struct walk *walk, const cJSON *real, const cJSON *sim)
{
    struct fidelity_decision *d = decide(walk, sim);
    if (d != NULL) {
        d->differences++;
        walk->met[d - walk->comparison->decisions] = true;
        walk->plain += d->everywhere ? 0 : 1;
    } else {
        walk->undecided++;
    }
    if (d == NULL || walk->verbose) {
        fprintf(walk->out, "%s: %s%s%s\n", walk->call, moon_buf_cstr(&walk->pointer),
                d != NULL ? ": decided: " : "", d != NULL ? d->why : "");
        print_value(walk->out, "real", real);
        print_value(walk->out, "sim ", sim);
    }
}

static void diff(struct walk *walk, const cJSON *real, const cJSON *sim);

static void diff_at(struct walk *walk, const char *step, const cJSON *real, const cJSON *sim)
{
    size_t before = walk->pointer.len;
    moon_buf_printf(&walk->pointer, "/%s", step);
    diff(walk, real, sim);
    moon_buf_truncate(&walk->pointer, before);
}

static void diff_objects(struct walk *walk, const cJSON *real, const cJSON *sim)
{
    const cJSON *member = NULL;
    cJSON_ArrayForEach (member, real) {
        diff_at(walk, member->string, member,
                cJSON_GetObjectItemCaseSensitive(sim, member->string));
    }
    cJSON_ArrayForEach (member, sim) {
        if (cJSON_GetObjectItemCaseSensitive(real, member->string) == NULL) {
            diff_at(walk, member->string, NULL, member);
        }
    }
}

static void diff_arrays(struct walk *walk, const cJSON *real, const cJSON *sim)
{
    int count = cJSON_GetArraySize(real);
    int other = cJSON_GetArraySize(sim);
    for (int i = 0; i < (count > other ? count : other); i++) {
        char step[16];
        (void)snprintf(step, sizeof(step), "%d", i);
        diff_at(walk, step, cJSON_GetArrayItem(real, i), cJSON_GetArrayItem(sim, i));
    }
}

/* Absent and null are two things: clients see the difference. */
static void diff(struct walk *walk, const cJSON *real, const cJSON *sim)
{
    if (cJSON_IsObject(real) && cJSON_IsObject(sim)) {
        diff_objects(walk, real, sim);
    } else if (cJSON_IsArray(real) && cJSON_IsArray(sim)) {
        diff_arrays(walk, real, sim);
    } else if (real == NULL || sim == NULL || !cJSON_Compare(real, sim, true)) {
        report_difference(walk, real, sim);
    }
}

/* Where one server refuses and the other does not, the bodies have nothing in common: they count as
 * one difference. */
static void diff_answers(struct walk *walk, const cJSON *real, const cJSON *sim)
{
    bool both_refuse =
        moon_json_int(real, "status", 0) >= 400 && moon_json_int(sim, "status", 0) >= 400;
    if (both_refuse || moon_json_int(real, "status", 0) == moon_json_int(sim, "status", 0)) {
        diff(walk, real, sim);
        return;
    }
    diff_at(walk, "status", moon_json_get(real, "status"), moon_json_get(sim, "status"));
    moon_buf_puts(&walk->pointer, "/body");
    report_difference(walk, moon_json_get(real, "body"), moon_json_get(sim, "body"));
}

static void count_decisions(struct fidelity_comparison *c, const bool *met)
{
    for (size_t i = 0; i < c->decision_count; i++) {
        c->decisions[i].calls += met[i] ? 1 : 0;
    }
}

static void compare_call(struct fidelity_comparison *c, const cJSON *real, const cJSON *sim,
                         bool verbose, FILE *out)
{
    MOON_AUTOFREE bool *met = moon_new_array(bool, c->decision_count + 1);
    struct walk walk = {
        .comparison = c,
        .call = moon_json_string(real, "call"),
        .pointer = MOON_BUF_INIT(POINTER_MAX_BYTES),
        .met = met,
        .verbose = verbose,
        .out = out,
    };
    diff_answers(&walk, real, sim);
    moon_buf_fini(&walk.pointer);
    count_decisions(c, met);
    if (walk.undecided > 0) {
        c->undecided++;
    } else if (walk.plain > 0) {
        c->decided++;
    } else {
        c->equal++;
    }
}

static const cJSON *find_call(const cJSON *answers, const char *name)
{
    const cJSON *answer = NULL;
    cJSON_ArrayForEach (answer, answers) {
        if (moon_streq(moon_json_string(answer, "call"), name)) {
            return answer;
        }
    }
    return NULL;
}

static void note_missing(struct fidelity_comparison *c, const cJSON *answers, const cJSON *others,
                         const char *where, FILE *out)
{
    const cJSON *answer = NULL;
    cJSON_ArrayForEach (answer, answers) {
        const char *name = moon_json_string(answer, "call");
        if (find_call(others, name) == NULL) {
            c->missing++;
            fprintf(out, "%s: not in the %s recording\n", name, where);
        }
    }
}

void fidelity_compare(struct fidelity_comparison *c, const cJSON *real, const cJSON *sim,
                      bool verbose, FILE *out)
{
    const cJSON *answer = NULL;
    cJSON_ArrayForEach (answer, real) {
        const cJSON *other = find_call(sim, moon_json_string(answer, "call"));
        if (other != NULL) {
            c->calls++;
            compare_call(c, answer, other, verbose, out);
        }
    }
    note_missing(c, real, sim, "second", out);
    note_missing(c, sim, real, "first", out);
}

/* ---- the table ---- */

static size_t report_decisions(const struct fidelity_comparison *c, bool everywhere, FILE *out)
{
    size_t stale = 0;
    for (size_t i = 0; i < c->decision_count; i++) {
        const struct fidelity_decision *d = &c->decisions[i];
        if (d->everywhere == everywhere && d->calls > 0) {
            fprintf(out, "  %4zu  %s\n        (%s: %s)\n", d->calls, d->why, d->call, d->field);
        }
        stale += d->calls == 0 ? 1 : 0;
    }
    return stale;
}

bool fidelity_comparison_report(const struct fidelity_comparison *c, FILE *out)
{
    fprintf(out, "%5zu calls compared field by field\n", c->calls);
    fprintf(out, "%5zu equal\n", c->equal);
    fprintf(out, "%5zu different, with a decision\n", c->decided);
    fprintf(out, "%5zu different, without a decision\n", c->undecided);
    if (c->decision_count > 0) {
        fprintf(out, "decisions, with the number of calls that they concern:\n");
    }
    size_t stale = report_decisions(c, false, out);
    if (c->decision_count > 0) {
        fprintf(out, "decisions about a field of nearly every answer, not counted above:\n");
    }
    (void)report_decisions(c, true, out);
    for (size_t i = 0; i < c->decision_count; i++) {
        const struct fidelity_decision *d = &c->decisions[i];
        if (d->calls == 0) {
            fprintf(out, "stale decision, nothing differs there: %s: %s\n", d->call, d->field);
        }
    }
    if (c->missing > 0) {
        fprintf(out, "%zu calls are in one recording only: record again\n", c->missing);
    }
    return c->undecided == 0 && c->missing == 0 && stale == 0 && c->calls > 0;
}
