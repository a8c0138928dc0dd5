/* SPDX-License-Identifier: Apache-2.0
 *
 * process.h - run a command without blocking the loop and collect what it prints.
 *
 * For exec credential plugins. Layer: io.
 */
#ifndef MOON_IO_PROCESS_H
#define MOON_IO_PROCESS_H

#include "base/buf.h"
#include "io/loop.h"

struct moon_process;

struct moon_process_opts {
    const char *const *argv; /* argv[0] is looked up in PATH; NULL-terminated */
    const char *const *env;  /* "NAME=value" added to ours; NULL-terminated or NULL */
    uint64_t timeout_ms;     /* then SIGKILL to its process group; 0 = 60 s */
    size_t max_output_bytes; /* of stdout; 0 = 1 MB; stderr is kept up to 4 KB for the error */
    /* err != NULL: could not start, timed out, printed too much, or ended with a status other
     * than 0 (the text holds the end of its stderr). `output` is valid during the call. */
    void (*on_done)(struct moon_str output, const struct moon_err *err, void *ctx);
    void *ctx;
};

/* Never fails at once. The handle is valid until on_done has run or it was cancelled. */
MOON_API struct moon_process *moon_process_start(struct moon_loop *loop,
                                                 const struct moon_process_opts *opts);
MOON_API void moon_process_cancel(struct moon_process *p);

#endif
