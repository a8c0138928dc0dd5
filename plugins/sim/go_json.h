/* SPDX-License-Identifier: Apache-2.0
 *
 * go_json.h - what Go's encoding/json says about a text that is no JSON.
 *
 * API servers hand these sentences on to their users, so ours does, too.
 */
#ifndef MOON_SIM_GO_JSON_H
#define MOON_SIM_GO_JSON_H

#include "base/buf.h"

enum {
    MOON_SIM_GO_JSON_TEXT = 160
};

/* The error of json.Unmarshal for a malformed text; "" for a well-formed one. */
void moon_sim_go_json_error(struct moon_str text, char out[MOON_SIM_GO_JSON_TEXT]);

#endif
