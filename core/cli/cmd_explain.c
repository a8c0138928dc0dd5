/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_explain.c - `moonset explain`: why a set, or its daemon on one node, is as it is.
 */
#include <stdio.h>

#include "cli/admin_client.h"
#include "cli/cli.h"
#include "cli/planning.h"
#include "host/plan_json.h"

/* ---- printing ---- */

/* Names to the left, values to the right, those of a list below each other. */
static void print_text(const cJSON *answer)
{
    int width = 0;
    const cJSON *member;
    const cJSON *item;

    cJSON_ArrayForEach (member, answer) {
        int len = (int)strlen(member->string);
        width = len > width ? len : width;
    }
    cJSON_ArrayForEach (member, answer) {
        const char *name = member->string;
        if (!cJSON_IsArray(member)) {
            (void)printf("%-*s  ", width, name);
            (void)puts(cJSON_GetStringValue(member));
            continue;
        }
        cJSON_ArrayForEach (item, member) {
            (void)printf("%-*s  ", width, name);
            (void)puts(cJSON_GetStringValue(item));
            name = "";
        }
    }
}

/* ---- explaining ---- */

static int answer(const struct moon_planning_args *a, const struct moon_planning *p,
                  struct moon_err *err)
{
    const char *set = a->words[0];
    const char *node = a->word_count > 1 ? a->words[1] : NULL;
    MOON_AUTOJSON *found = moon_manager_explain(p->manager, moon_str(set), node, err);

    if (found == NULL) {
        return -(int)err->code;
    }
    const cJSON *plan = moon_map_get(p->plans, moon_str(set));
    moon_plan_json_add_next(moon_json_member(plan, "actions"), node, found);
    if (a->as_json) {
        moon_planning_print_json(found);
    } else {
        print_text(found);
    }
    return 0;
}

static int ask_admin(const struct moon_planning_args *a, const struct moon_config *config)
{
    const char *node = a->word_count > 1 ? a->words[1] : NULL;
    struct moon_err err;
    MOON_AUTOJSON *answer =
        moon_admin_ask(&(struct moon_admin_question){.url = a->admin,
                                                     .token_file = config->admin_token_file,
                                                     .timeout_ms = a->timeout_ms,
                                                     .path = "/explain",
                                                     .names = {"set", "node"},
                                                     .arguments = {a->words[0], node}},
                       &err);

    if (answer == NULL) {
        moon_cli_complain("explain: %s", err.text);
        return MOON_EXIT_FAILED;
    }
    if (a->as_json) {
        moon_planning_print_json(answer);
    } else {
        print_text(answer);
    }
    return MOON_EXIT_OK;
}

static int explain(const struct moon_planning_args *a, const struct moon_config *config)
{
    struct moon_planning planning;
    struct moon_err err;

    int rc = moon_planning_run_args(&planning, a, config, &err);
    if (rc == 0) {
        rc = answer(a, &planning, &err);
    }
    if (rc != 0) {
        moon_cli_complain("explain: %s", err.text);
    }
    moon_planning_fini(&planning);
    return rc == 0 ? MOON_EXIT_OK : MOON_EXIT_FAILED;
}

/* ---- command line ---- */

static void print_help(void)
{
    (void)fputs(
        "usage: moonset explain [FLAG…] NAMESPACE/NAME [NODE]\n\n"
        "Why a DaemonSet is as it is: its policies, what its budget is spent on, who is not\n"
        "available, which gate is closed. With a node: why there is a daemon or none, and why\n"
        "it is, or is not, updated now. It reads the cluster and the policies as `moonset run`\n"
        "does, with the same flags, and writes nothing.\n\n"
        "flags, beside those of `moonset run` that say where the cluster and the policies are:\n"
        "  -o text|json\n"
        "      how to print it (default text)\n"
        "  --admin URL\n"
        "      ask the controller that runs there, by its admin port (--listen), and not the\n"
        "      cluster; with the token of --admin-token-file, when it wants one\n"
        "  --snapshot FILE\n"
        "      not the cluster as it is, but as `moonset snapshot` has written it down, at its\n"
        "      time and with its policies; those of --policy-dir win\n"
        "  --timeout TIME\n"
        "      how long the API server may take (default " MOON_PLANNING_TIMEOUT ")\n\n"
        "Exit status: 0 done; 1 the cluster could not be read, or the set or node is not\n"
        "there; 2 wrong usage.\n",
        stdout);
}

int moon_cmd_explain(struct moon_cli *cli, int argc, char **argv)
{
    struct moon_planning_args a = {
        .command = "explain",
        .plain = "text",
        .print_help = print_help,
        .takes_snapshot = true,
        .takes_admin = true,
    };
    int status;

    if (!moon_planning_read(&a, cli->config, argc, argv, &status)) {
        return status;
    }
    if (a.word_count < 1 || a.word_count > 2 || strchr(a.words[0], '/') == NULL) {
        moon_cli_complain("explain: a set is wanted, NAMESPACE/NAME, and at most a node");
        status = MOON_EXIT_USAGE;
    } else {
        status = a.admin != NULL ? ask_admin(&a, cli->config) : explain(&a, cli->config);
    }
    moon_planning_args_fini(&a);
    return status;
}
