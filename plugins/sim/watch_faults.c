/* SPDX-License-Identifier: Apache-2.0
 *
 * watch_faults.c - the lines of a watch, and what goes wrong with them.
 *
 * A fault strikes once, after so many lines. Half a line and a repeated one need a line to strike;
 * the others come when the last good line has been written.
 */
#include "sim/api_priv.h"

static void write_line(const struct moon_sim_call *call, struct moon_str line)
{
    moon_httpd_stream_write(call->request, line);
}

static void struck(struct moon_sim_call *call)
{
    call->spoil.is_set = false;
    moon_sim_faults_strike(call->api->faults);
}

static void end_with_gone(struct moon_sim_call *call)
{
    MOON_CLEANUP(moon_sim_status_fini) struct moon_sim_status st = {0};
    MOON_CLEANUP(moon_buf_fini) struct moon_buf line = MOON_BUF_INIT(4096);
    (void)moon_sim_refuse_expired(&st, MOON_SIM_WATCH_EXPIRED);
    moon_buf_puts(&line, "{\"type\":\"ERROR\",\"object\":");
    moon_sim_tree_print(st.body, &line);
    moon_buf_puts(&line, "}\n");
    write_line(call, moon_buf_str(&line));
    moon_httpd_stream_end(call->request);
}

/* Between two lines, when it is time. */
static bool strike_between(struct moon_sim_call *call)
{
    enum moon_sim_fault fault = call->spoil.fault;
    if (!call->spoil.is_set || call->spoil.lines > 0) {
        return true;
    }
    if (fault == MOON_SIM_FAULT_SILENT) {
        struck(call);
        call->spoil.is_silent = true;
    } else if (fault == MOON_SIM_FAULT_GARBAGE) {
        struck(call);
        write_line(call, MOON_STR_LIT("<html><body>502 Bad Gateway</body></html>\n"));
    } else if (fault == MOON_SIM_FAULT_GONE) {
        struck(call);
        end_with_gone(call);
        return false;
    } else if (fault == MOON_SIM_FAULT_CUT_WATCH) {
        struck(call);
        moon_httpd_abort(call->request);
        return false;
    }
    return true;
}

bool moon_sim_stream_begun(struct moon_sim_call *call)
{
    return strike_between(call);
}

bool moon_sim_stream_line(struct moon_sim_call *call, struct moon_str line)
{
    struct moon_sim_spoil *spoil = &call->spoil;
    if (spoil->is_silent) {
        return true;
    }
    if (spoil->is_set && spoil->lines > 0) {
        spoil->lines--;
        write_line(call, line);
        return strike_between(call);
    }
    if (spoil->is_set && spoil->fault == MOON_SIM_FAULT_HALF_LINE) {
        struck(call);
        write_line(call, (struct moon_str){line.ptr, line.len / 2});
        moon_httpd_abort(call->request);
        return false;
    }
    if (spoil->is_set && spoil->fault == MOON_SIM_FAULT_REPEAT) {
        struck(call);
        write_line(call, line);
    }
    write_line(call, line);
    return true;
}

void moon_sim_stream_end(struct moon_sim_call *call)
{
    if (!call->spoil.is_silent) {
        moon_httpd_stream_end(call->request);
    }
}
