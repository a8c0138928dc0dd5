/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_replay.c - `moonset replay`: a recording through the controller again, decisions compared.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/planning.h"
#include "host/replay.h"

enum {
    EXIT_DIFFERS = 1
};

/* ---- printing ---- */

static void print_list(const char *head, const cJSON *list)
{
    const cJSON *item;

    cJSON_ArrayForEach (item, list) {
        (void)printf("%-10s", head);
        (void)puts(cJSON_GetStringValue(item));
        head = "";
    }
}

static void print_side(const char *name, const cJSON *side)
{
    const cJSON *actions = moon_json_member(side, "actions");
    const cJSON *notes = moon_json_member(side, "notes");
    const char *decision = moon_json_string(side, "decision");

    print_list(name, actions);
    if (cJSON_GetArraySize(actions) == 0) {
        (void)printf("%-10snothing\n", name);
    }
    if (decision != NULL) {
        (void)printf("%-10s%s\n", "", decision);
    }
    print_list("", notes);
}

static void print_policies(const cJSON *policies)
{
    const char *head = "policies";
    const cJSON *policy;

    cJSON_ArrayForEach (policy, policies) {
        const char *recorded = moon_json_string(policy, "recorded");
        const char *replayed = moon_json_string(policy, "replayed");
        (void)printf("%-10s%s@%.12s", head, moon_json_string(policy, "policy"),
                     recorded != NULL ? recorded : "none");
        if (!moon_streq(recorded, replayed)) {
            (void)printf(", replayed @%.12s", replayed);
        }
        (void)puts("");
        head = "";
    }
}

static void print_text(const struct moon_replay_result *r)
{
    const cJSON *first = r->first;
    const char *node = moon_json_string(first, "node");

    if (first != NULL) {
        (void)printf("%-10s%s\n", "at", moon_json_string(first, "at"));
        (void)printf("%-10s%s\n", "set", moon_json_string(first, "set"));
        if (node != NULL) {
            (void)printf("%-10s%s\n", "node", node);
        }
        print_side("recorded", moon_json_member(first, "recorded"));
        print_side("replayed", moon_json_member(first, "replayed"));
        print_policies(moon_json_member(first, "policies"));
    }
    (void)printf("%s: %zu plans, %zu actions, %llu s%s\n",
                 first != NULL ? "the first difference, after" : "no difference", r->plans,
                 r->actions, (unsigned long long)r->lasted_ms / 1000,
                 r->is_cut ? "; the recording is cut off" : "");
}

static void print_json(struct moon_replay_result *r)
{
    MOON_AUTOJSON *root = cJSON_CreateObject();

    (void)cJSON_AddNumberToObject(root, "plans", (double)r->plans);
    (void)cJSON_AddNumberToObject(root, "actions", (double)r->actions);
    (void)cJSON_AddNumberToObject(root, "seconds", (double)r->lasted_ms / 1000);
    (void)cJSON_AddBoolToObject(root, "cut", r->is_cut);
    if (r->first != NULL) {
        (void)cJSON_AddItemReferenceToObject(root, "first", r->first);
    }
    moon_planning_print_json(root);
}

static int replay(const struct moon_planning_args *a, struct moon_config *config)
{
    struct moon_replay_result result;
    struct moon_err err;
    int status = MOON_EXIT_OK;

    if (moon_replay_run(&(struct moon_replay_opts){.path = a->words[0], .config = config}, &result,
                        &err) != 0) {
        moon_cli_complain("replay: %s", err.text);
        status = MOON_EXIT_FAILED;
    } else {
        if (a->as_json) {
            print_json(&result);
        } else {
            print_text(&result);
        }
        status = result.first != NULL ? EXIT_DIFFERS : MOON_EXIT_OK;
    }
    moon_replay_result_fini(&result);
    return status;
}

/* ---- command line ---- */

static void print_help(void)
{
    (void)fputs(
        "usage: moonset replay [FLAG…] FILE\n\n"
        "Plays a recording that `moonset run --record FILE` has made through the controller\n"
        "again, without a cluster, and compares what it decides: with the recorded policies\n"
        "that is the same, with others (--policy-dir) the first decision that differs is told,\n"
        "with its reasons and the versions of the policies. The names of new pods are left to\n"
        "chance, and are not compared.\n\n"
        "flags, beside those of `moonset run` about policies:\n"
        "  -o text|json\n"
        "      how to print it (default text)\n\n"
        "Exit status: 0 no difference; 1 there is one, or the recording cannot be played; 2\n"
        "wrong usage.\n",
        stdout);
}

int moon_cmd_replay(struct moon_cli *cli, int argc, char **argv)
{
    struct moon_planning_args a = {
        .command = "replay", .plain = "text", .print_help = print_help, .is_quiet = true};
    int status;

    if (!moon_planning_read(&a, cli->config, argc, argv, &status)) {
        return status;
    }
    if (a.word_count != 1) {
        moon_cli_complain("replay: one recording is wanted");
        return MOON_EXIT_USAGE;
    }
    return replay(&a, cli->config);
}
