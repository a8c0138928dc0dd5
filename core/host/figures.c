/* SPDX-License-Identifier: Apache-2.0 */
#include "host/figures.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/map.h"
#include "host/provider_priv.h"

#define FIGURES_MAGIC 0xf19ce500u

enum {
    LINE_MAX_BYTES = 8 << 20
};

/* A question that waits for its answer. */
struct waiting {
    struct moon_list link;
    struct moon_plugin_query *query;
    char *key;
};

struct moon_figures {
    unsigned magic;
    bool is_recording;
    struct moon_map *known; /* what was asked -> cJSON, owned: the line */
    struct moon_list waiting;
    const struct moon_loop *loop;
    int64_t began_ms; /* wall clock */
};

static void free_line(void *line)
{
    cJSON_Delete(line);
}

struct moon_figures *moon_figures_new(bool is_recording)
{
    struct moon_figures *f = moon_new(struct moon_figures);

    f->magic = FIGURES_MAGIC;
    f->is_recording = is_recording;
    f->known = moon_map_new(free_line);
    moon_list_init(&f->waiting);
    return f;
}

static void free_waiting(struct waiting *w)
{
    moon_list_remove(&w->link);
    moon_free(w->key);
    moon_free(w);
}

void moon_figures_free(struct moon_figures *f)
{
    if (f == NULL) {
        return;
    }
    moon_list_foreach (it, &f->waiting) {
        free_waiting(moon_container_of(it, struct waiting, link));
    }
    moon_map_free(f->known);
    f->magic = 0;
    moon_free(f);
}

/* ---- writing ---- */

static void write_number(double n, struct moon_buf *out)
{
    if (isfinite(n)) {
        moon_buf_printf(out, "%.17g", n);
    } else {
        moon_buf_puts(out, isnan(n) ? "\"NaN\"" : n > 0 ? "\"+Inf\"" : "\"-Inf\"");
    }
}

static void write_series(const struct moon_series *s, struct moon_buf *out)
{
    moon_buf_puts(out, "{\"value\":");
    write_number(s->value, out);
    moon_buf_printf(out, ",\"at_ms\":%" PRId64 ",\"labels\":{", s->at_ms);
    for (size_t i = 0; i < s->label_count; i++) {
        moon_buf_puts(out, i > 0 ? "," : "");
        moon_json_add_string(out, moon_str(s->labels[i].name));
        moon_buf_putc(out, ':');
        moon_json_add_string(out, moon_str(s->labels[i].value));
    }
    moon_buf_puts(out, "}}");
}

void moon_figures_write_one(const struct moon_provider_answer *answer, struct moon_buf *out)
{
    moon_buf_puts(out, "\"asked\":");
    moon_json_add_string(out, moon_str(answer->asked));
    if (answer->error != NULL) {
        moon_buf_puts(out, ",\"error\":");
        moon_json_add_string(out, moon_str(answer->error));
        return;
    }
    moon_buf_puts(out, ",\"found\":[");
    for (size_t i = 0; i < moon_samples_count(answer->found); i++) {
        moon_buf_puts(out, i > 0 ? "," : "");
        write_series(moon_samples_get(answer->found, i), out);
    }
    moon_buf_putc(out, ']');
}

void moon_figures_write(const struct moon_figures *f, struct moon_buf *out)
{
    size_t pos = 0;
    void *line;

    while (moon_map_next(f->known, &pos, NULL, &line)) {
        char *text = cJSON_PrintUnformatted(line);
        moon_buf_puts(out, text);
        moon_buf_putc(out, '\n');
        cJSON_free(text);
    }
}

/* ---- answering ---- */

static double read_number(const cJSON *value)
{
    return cJSON_IsNumber(value) ? value->valuedouble : strtod(cJSON_GetStringValue(value), NULL);
}

/* What was once taken by the same rules. */
static void answer(const struct moon_figures *f, struct moon_plugin_query *query, const cJSON *line)
{
    const char *error = moon_json_string(line, "error");
    int64_t shift_ms = f->is_recording ? 0 : moon_loop_wall_ms(f->loop) - f->began_ms;
    const cJSON *series;
    const cJSON *label;

    if (error != NULL) {
        moon_iface_provider.fail(query, error);
        return;
    }
    cJSON_ArrayForEach (series, moon_json_member(line, "found")) {
        (void)moon_iface_provider.series(query, read_number(moon_json_member(series, "value")),
                                         moon_json_int(series, "at_ms", 0) + shift_ms);
        cJSON_ArrayForEach (label, moon_json_member(series, "labels")) {
            (void)moon_iface_provider.label(query, label->string, label->valuestring);
        }
    }
    moon_iface_provider.answer(query);
}

static void on_query(struct moon_plugin_query *query, const char *text, size_t len,
                     int64_t timeout_ms, void *state)
{
    struct moon_figures *f = MOON_CAST(moon_figures, state, FIGURES_MAGIC);
    struct moon_str key = {text, len};
    const cJSON *line = moon_map_get(f->known, key);

    (void)timeout_ms;
    if (line != NULL) {
        answer(f, query, line);
        if (f->is_recording) {
            (void)moon_map_remove(f->known, key);
        }
    } else if (f->is_recording) {
        struct waiting *w = moon_new(struct waiting);
        w->query = query;
        w->key = moon_str_dup(key);
        moon_list_append(&f->waiting, &w->link);
    } else {
        moon_iface_provider.fail(query, "the snapshot has no answer to this query");
    }
}

static void on_cancel(struct moon_plugin_query *query, void *state)
{
    const struct moon_figures *f = MOON_CAST(moon_figures, state, FIGURES_MAGIC);

    moon_list_foreach (it, &f->waiting) {
        struct waiting *w = moon_container_of(it, struct waiting, link);
        if (w->query == query) {
            free_waiting(w);
            return;
        }
    }
}

struct moon_plugin_provider moon_figures_begin(struct moon_figures *f, const struct moon_loop *loop)
{
    f->loop = loop;
    f->began_ms = moon_loop_wall_ms(loop);
    return (struct moon_plugin_provider){.struct_size = sizeof(struct moon_plugin_provider),
                                         .name = f->is_recording ? "recording" : "snapshot",
                                         .query = on_query,
                                         .cancel = on_cancel,
                                         .state = f};
}

/* ---- taking in ---- */

static struct waiting *find_waiting(const struct moon_figures *f, const char *key)
{
    moon_list_foreach (it, &f->waiting) {
        struct waiting *w = moon_container_of(it, struct waiting, link);
        if (strcmp(w->key, key) == 0) {
            return w;
        }
    }
    return NULL;
}

static int check_series(const cJSON *series, struct moon_err *err)
{
    const cJSON *value = moon_json_member(series, "value");
    const cJSON *label;

    if (!cJSON_IsNumber(value) && !cJSON_IsString(value)) {
        return moon_err_set(err, MOON_E_INVALID, "found: a figure without a value");
    }
    cJSON_ArrayForEach (label, moon_json_member(series, "labels")) {
        if (!cJSON_IsString(label) || label->string == NULL) {
            return moon_err_set(err, MOON_E_INVALID, "found: a label that is no text");
        }
    }
    return 0;
}

static int check(const cJSON *line, struct moon_err *err)
{
    const cJSON *found = moon_json_member(line, "found");
    const cJSON *series;
    int rc = 0;

    if (moon_json_string(line, "asked") == NULL) {
        return moon_err_set(err, MOON_E_INVALID, "asked: a text is wanted");
    }
    if (moon_json_string(line, "error") == NULL && !cJSON_IsArray(found)) {
        return moon_err_set(err, MOON_E_INVALID, "an answer with neither \"found\" nor \"error\"");
    }
    cJSON_ArrayForEach (series, found) {
        rc = rc == 0 ? check_series(series, err) : rc;
    }
    return rc;
}

int moon_figures_read(struct moon_figures *f, const cJSON *line, struct moon_err *err)
{
    const char *key = moon_json_string(line, "asked");

    if (check(line, err) != 0) {
        return -(int)err->code;
    }
    struct waiting *w = find_waiting(f, key);
    if (w != NULL) {
        answer(f, w->query, line);
        free_waiting(w);
    } else {
        moon_map_set(f->known, moon_str(key), cJSON_Duplicate(line, true));
    }
    return 0;
}

void moon_figures_put(struct moon_figures *f, const struct moon_provider_answer *answer)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(LINE_MAX_BYTES);
    struct moon_err ignored;

    moon_buf_putc(&text, '{');
    moon_figures_write_one(answer, &text);
    moon_buf_putc(&text, '}');
    MOON_AUTOJSON *line = moon_json_parse(moon_buf_str(&text), &ignored);
    if (line != NULL) {
        (void)moon_figures_read(f, line, &ignored);
    }
}
