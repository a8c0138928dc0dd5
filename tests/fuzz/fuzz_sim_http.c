/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_sim_http.c - whole requests to the embedded API server, several in a row on one state.
 *
 * Requests are separated by form feeds. Each is a line "METHOD target", header lines, an empty line
 * and the body, so that a seed can be read and written by hand; "HANGUP" lets the oldest watch's
 * peer go away. Besides memory errors it is checked that every request is answered, that refusals
 * are Status objects and watches are lines of JSON, and that an object which the server has
 * accepted can be written back unchanged without becoming a new version.
 */
#include "fake_microhttpd.h"
#include "io/json.h"
#include "sim/apiserver.h"
#include "sim/kinds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    REQUESTS_MAX = 12,
    WRITTEN_BACK_MAX = 4
};

/* The answer that came last, and how many. */
static struct {
    size_t count;
    int status;
    cJSON *body; /* NULL: no JSON */
    char *text;
} last;

/* ---- answers ---- */

static void check_lines(struct moon_str text, bool is_whole)
{
    struct moon_str line;
    struct moon_err err;
    while (moon_str_split(&text, '\n', &line)) {
        if (line.len == 0 || (text.ptr == NULL && !is_whole)) {
            continue;
        }
        MOON_AUTOJSON *event = moon_json_parse(line, &err);
        moon_assert(moon_json_string(event, "type") != NULL);
        moon_assert(cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(event, "object")));
    }
}

static void check_status(const struct fake_mhd_answer *answer)
{
    const char *kind = moon_json_string(last.body, "kind");
    const char *message = moon_json_string(last.body, "message");
    moon_assert(moon_streq(kind, "Status"));
    moon_assert(moon_streq(moon_json_string(last.body, "status"), "Failure"));
    moon_assert(message != NULL && message[0] != '\0');
    moon_assert(moon_json_int(last.body, "code", 0) == answer->status);
}

static void on_answer(const struct fake_mhd_answer *answer, void *ctx MOON_UNUSED)
{
    struct moon_err err;
    cJSON_Delete(last.body);
    moon_free(last.text);
    last.count++;
    last.status = answer->status;
    last.body = NULL;
    last.text = moon_str_dup(answer->body);
    if (answer->is_stream) {
        check_lines(answer->body, answer->is_whole);
        return;
    }
    moon_assert(answer->is_whole && answer->status >= 200 && answer->status < 600);
    if (!moon_streq(answer->content_type, "application/json")) {
        return;
    }
    last.body = moon_json_parse(answer->body, &err);
    moon_assert(last.body != NULL);
    if (answer->status >= 400) {
        check_status(answer);
    }
}

/* ---- requests ---- */

/* "Name: value" lines until an empty one; *text is then at the body. */
static void read_headers(char **text, struct fake_mhd_request *request)
{
    char *line;
    while ((line = strsep(text, "\n")) != NULL && line[0] != '\0') {
        char *value = strchr(line, ':');
        if (value == NULL || request->header_count == FAKE_MHD_MAX_HEADERS) {
            continue;
        }
        *value++ = '\0';
        value += strspn(value, " ");
        request->headers[request->header_count++] = (struct fake_mhd_header){line, value};
    }
}

/* `text` is taken to pieces; `end` is where its last byte was. */
static void send_text(char *text, const char *end)
{
    struct fake_mhd_request request = {0};
    char *line = strsep(&text, "\n");
    request.method = strsep(&line, " ");
    if (moon_streq(request.method, "HANGUP")) {
        fake_mhd_hang_up();
        return;
    }
    if (line == NULL || line[0] != '/') {
        return;
    }
    request.target = line;
    read_headers(&text, &request);
    if (text != NULL) {
        request.body = (struct moon_str){text, (size_t)(end - text)};
    }
    fake_mhd_send(&request);
}

static void send_all(struct moon_loop *loop, struct moon_str input)
{
    struct moon_str piece;
    for (int i = 0; i < REQUESTS_MAX && moon_str_split(&input, '\f', &piece); i++) {
        MOON_AUTOFREE char *text = moon_alloc(piece.len + 1);
        memcpy(text, piece.ptr, piece.len);
        text[piece.len] = '\0';
        send_text(text, text + piece.len);
        moon_loop_advance(loop, 10); /* the garbage collector takes its turn */
        fake_mhd_pump();
    }
}

/* ---- what was accepted can be written again ---- */

static int call(const char *method, const char *path, const char *body)
{
    const struct fake_mhd_request request = {.method = method,
                                             .target = path,
                                             .headers = {{"Content-Type", "application/json"}},
                                             .header_count = 1,
                                             .body = moon_str(body)};
    size_t before = last.count;
    fake_mhd_send(&request);
    moon_assert(last.count == before + 1);
    return last.status;
}

static char *collection_path(const struct moon_sim_kind *kind, const char *ns)
{
    const char *root = kind->group[0] != '\0' ? "/apis/" : "/api";
    return moon_asprintf("%s%s/%s%s%s/%s", root, kind->group, kind->version,
                         ns != NULL ? "/namespaces/" : "", ns != NULL ? ns : "", kind->resource);
}

static char *object_path(const struct moon_sim_kind *kind, const cJSON *item)
{
    MOON_AUTOFREE char *list = collection_path(kind, moon_json_string(item, "metadata.namespace"));
    const char *name = moon_json_string(item, "metadata.name");
    struct moon_buf path = MOON_BUF_INIT(1 << 20);
    moon_buf_printf(&path, "%s/", list);
    for (; *name != '\0'; name++) {
        moon_buf_printf(&path, "%%%02x", (unsigned)(unsigned char)*name);
    }
    return moon_buf_take(&path, NULL);
}

static void write_back(const struct moon_sim_kind *kind, const cJSON *item)
{
    const char *version = moon_json_string(item, "metadata.resourceVersion");
    MOON_AUTOFREE char *path = object_path(kind, item);
    int status = call("GET", path, NULL);
    moon_assert(status == 200);
    MOON_AUTOFREE char *text = moon_steal(&last.text);
    status = call("PUT", path, text);
    moon_assert(status == 200);
    moon_assert(moon_streq(moon_json_string(last.body, "metadata.resourceVersion"), version));
}

static void write_all_back(uint64_t since)
{
    int left = WRITTEN_BACK_MAX;
    for (size_t i = 0; i < moon_sim_kind_count(); i++) {
        MOON_AUTOFREE char *path = collection_path(moon_sim_kind_at(i), NULL);
        int status = call("GET", path, NULL);
        moon_assert(status == 200);
        MOON_AUTOJSON *list = moon_steal(&last.body);
        const cJSON *item = NULL;
        cJSON_ArrayForEach (item, cJSON_GetObjectItemCaseSensitive(list, "items")) {
            uint64_t version = 0;
            const char *text = moon_json_string(item, "metadata.resourceVersion");
            moon_assert(text != NULL && moon_parse_u64(moon_str(text), &version));
            if (version > since && left-- > 0) {
                write_back(moon_sim_kind_at(i), item);
            }
        }
    }
}

struct world {
    struct moon_loop *loop;
    struct moon_sim_api *api;
    uint64_t version; /* with what every cluster has, and nothing else */
};

/* A new server for every input that has written something. */
static void world_ensure(struct world *w)
{
    const struct moon_sim_api_opts opts = {.history = 8, .max_body_bytes = 64 << 10};
    struct moon_err err;
    if (w->api != NULL && moon_sim_api_stats(w->api).version == w->version) {
        return;
    }
    moon_sim_api_free(w->api);
    moon_loop_free(w->loop);
    w->loop = moon_loop_new(&(struct moon_loop_opts){.virtual_clock = true}, &err);
    w->api = moon_sim_api_new(w->loop, &opts, &err);
    moon_assert(w->api != NULL);
    w->version = moon_sim_api_stats(w->api).version;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    world_ensure(&w);
    fake_mhd_on_answer(on_answer, NULL);
    send_all(w.loop, (struct moon_str){(const char *)data, size});
    moon_loop_advance(w.loop, 31 * 1000); /* bookmarks */
    fake_mhd_pump();
    if (moon_sim_api_stats(w.api).version > w.version) {
        write_all_back(w.version);
    }
    while (moon_sim_api_stats(w.api).open_watches > 0) {
        fake_mhd_hang_up();
    }
    cJSON_Delete(last.body);
    moon_free(last.text);
    memset(&last, 0, sizeof(last));
    return 0;
}
