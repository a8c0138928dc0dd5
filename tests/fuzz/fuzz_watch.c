/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_watch.c - a watch stream cut in two anywhere gives the same events.
 */
#include "kube/watch_event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    LINE_MAX_BYTES = 4096
};

struct seen {
    size_t lines;
    size_t events;
    uint64_t versions; /* a sum, so that order and content count a little */
};

static bool on_line(struct moon_str line, void *ctx)
{
    struct seen *seen = ctx;
    struct moon_watch_event event;
    struct moon_err err = {0};
    seen->lines++;
    if (moon_watch_event_parse(line, &event, &err) != 0) {
        moon_assert(err.code == MOON_E_SERVER && err.text[0] != '\0');
        return true;
    }
    moon_assert(event.object.ptr >= line.ptr);
    moon_assert(event.object.ptr + event.object.len <= line.ptr + line.len);
    if (event.type == MOON_WATCH_ERROR) {
        moon_assert(moon_watch_status_error(event.object, &err) != 0);
    } else {
        moon_assert(event.version > 0);
    }
    seen->events++;
    seen->versions = seen->versions * 31 + event.version;
    return true;
}

static int feed_cut(struct moon_str text, size_t at, struct seen *seen)
{
    struct moon_err err;
    struct moon_watch_lines lines = {.partial = MOON_BUF_INIT(LINE_MAX_BYTES)};
    struct moon_str rest = {text.ptr + at, text.len - at};
    int rc = moon_watch_lines_feed(&lines, (struct moon_str){text.ptr, at}, on_line, seen, &err);
    if (rc == 0) {
        rc = moon_watch_lines_feed(&lines, rest, on_line, seen, &err);
    }
    moon_buf_fini(&lines.partial);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    struct moon_str text = {(const char *)data + 1, size - 1};
    struct seen whole = {0};
    struct seen cut = {0};
    int rc_whole = feed_cut(text, 0, &whole);
    int rc_cut = feed_cut(text, data[0] % (text.len + 1), &cut);
    moon_assert(rc_whole == rc_cut);
    moon_assert(whole.lines == cut.lines && whole.events == cut.events);
    moon_assert(whole.versions == cut.versions);
    return 0;
}
