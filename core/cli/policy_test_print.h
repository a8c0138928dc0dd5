/* SPDX-License-Identifier: Apache-2.0
 *
 * policy_test_print.h - how the results of `moonset policy test` are printed. Layer: cli.
 */
#ifndef MOON_CLI_POLICY_TEST_PRINT_H
#define MOON_CLI_POLICY_TEST_PRINT_H

#include "io/json.h"
#include "policy/testing.h"

struct moon_test_printer {
    cJSON *json; /* NULL: text, at once */
};

void moon_test_printer_init(struct moon_test_printer *p, bool as_json);
/* For on_case. */
void moon_test_printer_case(const struct moon_policy_test_case *c, void *ctx);
/* For on_lines. */
void moon_test_printer_lines(const struct moon_policy_test_lines *lines, void *ctx);
/* The sums, and with JSON all of it. */
void moon_test_printer_end(struct moon_test_printer *p, const struct moon_policy_test_sums *sums);

#endif
