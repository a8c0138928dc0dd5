/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_types.h - the table that schema.c reads; its grammar is in schema_types.c.
 */
#ifndef MOON_SIM_SCHEMA_TYPES_H
#define MOON_SIM_SCHEMA_TYPES_H

/* Ends with NULL. */
extern const char *const moon_sim_schema_types[];

#endif
