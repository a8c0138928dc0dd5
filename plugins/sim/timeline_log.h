/* SPDX-License-Identifier: Apache-2.0
 *
 * timeline_log.h - a line of the controller's log as a line for people.
 */
#ifndef MOON_SIM_TIMELINE_LOG_H
#define MOON_SIM_TIMELINE_LOG_H

#include "base/buf.h"

/* "created pod agent-x7k2p on node-3: node needs a pod" from a line in logfmt; false for what is no
 * news (start-up, ports). */
bool moon_timeline_read_log(struct moon_str line, struct moon_buf *out, bool *ret_is_about_pod);

#endif
