/* SPDX-License-Identifier: Apache-2.0 */
#include "host/snapshot.h"

#include "io/file.h"
#include "kube/object.h"
#include "kube/watch_event.h"

enum {
    KEY_MAX_BYTES = 1024,
    OBJECT_MAX_BYTES = 16 << 20
};
#define FILE_MAX_BYTES ((size_t)2 << 30)

struct moon_snapshot *moon_snapshot_new(void)
{
    struct moon_snapshot *s = moon_new(struct moon_snapshot);

    s->objects = moon_map_new(moon_free);
    s->figures = moon_figures_new(false);
    moon_lean_salt(s->salt);
    return s;
}

void moon_snapshot_free(struct moon_snapshot *s)
{
    if (s != NULL) {
        moon_scene_fini(&s->scene);
        moon_map_free(s->objects);
        moon_figures_free(s->figures);
        moon_free(s);
    }
}

/* ---- taking in ---- */

static void write_key(const struct moon_resource *r, struct moon_str object, struct moon_buf *out)
{
    moon_buf_printf(out, MOON_RESOURCE_FMT "/%.*s", MOON_RESOURCE_ARG(r),
                    MOON_STR_ARG(moon_object_head(object, "uid")));
}

/* What cannot be read is nothing to the caches, either. */
static void put(struct moon_snapshot *s, const struct moon_resource *r, struct moon_str object)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf key = MOON_BUF_INIT(KEY_MAX_BYTES);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf lean = MOON_BUF_INIT(OBJECT_MAX_BYTES);
    struct moon_err err;

    write_key(r, object, &key);
    if (!key.overflow && moon_lean_object(r, object, s->salt, &lean, &err) == 0) {
        moon_map_set(s->objects, moon_buf_str(&key), moon_buf_take(&lean, NULL));
    }
}

static void on_item(const struct moon_client_question *q, struct moon_str item, void *ctx)
{
    if (q->resource != NULL) {
        put(ctx, q->resource, item);
    }
}

static void on_line(const struct moon_client_question *q, struct moon_str line, void *ctx)
{
    struct moon_snapshot *s = ctx;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf key = MOON_BUF_INIT(KEY_MAX_BYTES);
    struct moon_watch_event event;
    struct moon_err err;

    if (q->resource == NULL || moon_watch_event_parse(line, &event, &err) != 0) {
        return;
    }
    switch (event.type) {
    case MOON_WATCH_ADDED:
    case MOON_WATCH_MODIFIED:
        put(s, q->resource, event.object);
        break;
    case MOON_WATCH_DELETED:
        write_key(q->resource, event.object, &key);
        (void)moon_map_remove(s->objects, moon_buf_str(&key));
        break;
    case MOON_WATCH_BOOKMARK:
    case MOON_WATCH_ERROR:
        break;
    }
}

struct moon_tap *moon_snapshot_tap(struct moon_snapshot *s)
{
    return moon_tap_new(&(struct moon_tap_opts){.on_item = on_item, .on_line = on_line, .ctx = s});
}

/* ---- as a file ---- */

void moon_snapshot_write(const struct moon_snapshot *s, struct moon_buf *out)
{
    struct moon_str key;
    void *text;
    size_t pos = 0;

    moon_scene_write(&s->scene, "snapshot", MOON_SNAPSHOT_FORMAT, out);
    moon_scene_write_policies(&s->scene, out);
    while (moon_map_next(s->objects, &pos, &key, &text)) {
        struct moon_str resource;
        (void)moon_str_split(&key, '/', &resource);
        moon_buf_printf(out, "{\"resource\":\"%.*s\",\"object\":", MOON_STR_ARG(resource));
        moon_buf_puts(out, text);
        moon_buf_puts(out, "}\n");
    }
    moon_figures_write(s->figures, out);
}

static int read_object(struct moon_snapshot *s, struct moon_str line, struct moon_err *err)
{
    struct moon_str resource;
    struct moon_str object;

    if (!moon_json_find(line, MOON_JSON_PATH("resource"), &resource) || resource.len < 3 ||
        !moon_json_find(line, MOON_JSON_PATH("object"), &object)) {
        return moon_err_set(err, MOON_E_INVALID, "it has neither a policy nor an object");
    }
    struct moon_str uid = moon_object_head(object, "uid");
    if (uid.len == 0) {
        return moon_err_set(err, MOON_E_INVALID, "object.metadata.uid is missing");
    }
    MOON_AUTOFREE char *key =
        moon_asprintf("%.*s/%.*s", (int)resource.len - 2, resource.ptr + 1, MOON_STR_ARG(uid));
    moon_map_set(s->objects, moon_str(key), moon_str_dup(object));
    return 0;
}

static int read_line(struct moon_snapshot *s, struct moon_str line, size_t number,
                     struct moon_err *err)
{
    if (number == 1) {
        return moon_scene_read(&s->scene, "snapshot", MOON_SNAPSHOT_FORMAT, line, err);
    }
    bool is_policy = moon_str_starts(line, "{\"policy\":");
    if (!is_policy && !moon_str_starts(line, "{\"asked\":")) {
        return read_object(s, line, err);
    }
    MOON_AUTOJSON *json = moon_json_parse(line, err);
    if (json == NULL) {
        return -(int)err->code;
    }
    return is_policy ? moon_scene_read_policy(&s->scene, json, err)
                     : moon_figures_read(s->figures, json, err);
}

struct moon_snapshot *moon_snapshot_parse(struct moon_str text, struct moon_err *err)
{
    struct moon_snapshot *s = moon_snapshot_new();
    struct moon_str line;
    size_t number = 0;

    while (moon_str_split(&text, '\n', &line)) {
        number++;
        if ((line.len > 0 || number == 1) && read_line(s, line, number, err) != 0) {
            (void)moon_err_wrap(err, "line %zu", number);
            moon_snapshot_free(s);
            return NULL;
        }
    }
    return s;
}

struct moon_snapshot *moon_snapshot_read(const char *path, struct moon_err *err)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(FILE_MAX_BYTES);

    if (moon_file_read(path, &text, err) != 0) {
        return NULL;
    }
    struct moon_snapshot *s = moon_snapshot_parse(moon_buf_str(&text), err);
    if (s == NULL) {
        (void)moon_err_wrap(err, "%s", path);
    }
    return s;
}
