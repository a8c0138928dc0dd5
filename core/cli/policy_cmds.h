/* SPDX-License-Identifier: Apache-2.0
 *
 * policy_cmds.h - what `moonset policy` is followed by. argv[0] is the word itself; the return is
 * the exit status. Layer: cli.
 */
#ifndef MOON_CLI_POLICY_CMDS_H
#define MOON_CLI_POLICY_CMDS_H

#include "policy/policies.h"

int moon_policy_cmd_check(int argc, char **argv); /* cmd_policy.c */
int moon_policy_cmd_list(int argc, char **argv);
int moon_policy_cmd_bench(int argc, char **argv); /* policy_bench.c */
int moon_policy_cmd_doc(int argc, char **argv);   /* policy_doc.c */
int moon_policy_cmd_new(int argc, char **argv);   /* policy_new.c */
int moon_policy_cmd_test(int argc, char **argv);  /* policy_test.c */

/* "moonset: policy: <what><argument>"; the exit status. */
int moon_policy_wrong_usage(const char *what, const char *argument);

/* "edge-only" of "my/edge-only.lua", with the suffix ".lua"; but "update/rolling" of
 * "my/update/rolling.lua": the folders that the stock policies have are part of a name. The caller
 * frees. */
char *moon_policy_name_of(const struct moon_policies *policies, const char *path,
                          const char *suffix);

/* The policies in force, of the folders that --policy-dir names; what else is in argv stays there,
 * in order, and *argc counts it. NULL: it has been complained, and *ret_status is the exit status.
 */
struct moon_policies *moon_policy_load(int *argc, char **argv, int *ret_status);

#endif
