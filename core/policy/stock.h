/* SPDX-License-Identifier: Apache-2.0
 *
 * stock.h - the stock policies as text, built in from the folder policies/. Private to policy.
 */
#ifndef MOON_POLICY_STOCK_H
#define MOON_POLICY_STOCK_H

#include <stddef.h>

struct moon_stock {
    const char *name; /* "update/rolling"; "lib/x" is a module; NULL ends the table */
    const char *text;
    size_t len;
};

extern const struct moon_stock moon_stock_policies[];

#endif
