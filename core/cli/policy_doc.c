/* SPDX-License-Identifier: Apache-2.0
 *
 * policy_doc.c - `moonset policy doc`: what policies say about themselves.
 */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/policy_cmds.h"
#include "policy/reference.h"

enum {
    MAX_REFERENCE = 1024 * 1024,
};

struct request {
    char **names; /* all when there are none */
    int count;
    bool *found;
    bool any; /* printed */
};

static bool is_wanted(const struct request *r, const char *name)
{
    bool wanted = r->count == 0;

    for (int i = 0; i < r->count; i++) {
        if (moon_streq(r->names[i], name)) {
            r->found[i] = true;
            wanted = true;
        }
    }
    return wanted;
}

static void print_lines(const char *text, const char *indent)
{
    struct moon_str rest = moon_str(text);
    struct moon_str line;

    while (rest.len > 0 && moon_str_split(&rest, '\n', &line)) {
        (void)printf("%s%.*s\n", line.len > 0 ? indent : "", MOON_STR_ARG(line));
    }
}

static void print_param(const struct moon_policy_param *p)
{
    (void)printf("  %s (%s%s%s", p->name, p->type, p->one_of != NULL ? " of " : "",
                 p->one_of != NULL ? p->one_of : "");
    if (p->required) {
        (void)printf(", required");
    } else if (p->fallback != NULL) {
        (void)printf(", default %s", p->fallback);
    }
    (void)printf(")%s%s\n", p->doc != NULL ? ": " : "", p->doc != NULL ? p->doc : "");
}

static void print_policy(const struct moon_policy_info *info, void *ctx)
{
    struct request *r = ctx;

    if (!is_wanted(r, info->name)) {
        return;
    }
    (void)printf("%s%s", r->any ? "\n" : "", info->name);
    r->any = true;
    if (!info->loaded) {
        (void)printf(": never loaded: %s\n", info->error != NULL ? info->error : "");
        return;
    }
    (void)printf(": %s (version %.12s, %s)\n", info->hooks, info->version, info->source);
    print_lines(info->doc, "  ");
    for (size_t i = 0; i < info->param_count; i++) {
        (void)printf("%s", i == 0 ? "parameters:\n" : "");
        print_param(&info->params[i]);
    }
}

static int complain_of_unknown(const struct request *r)
{
    int status = MOON_EXIT_OK;

    for (int i = 0; i < r->count; i++) {
        if (!r->found[i]) {
            moon_cli_complain("policy doc: there is no policy %s", r->names[i]);
            status = MOON_EXIT_FAILED;
        }
    }
    return status;
}

/* What can be said of all policies, instead of what they say. */
static const struct {
    const char *flag;
    void (*write)(struct moon_buf *out);
} references[] = {
    {"--stubs", moon_reference_stubs},
    {"--reference", moon_reference_page},
    {"--luacheckrc", moon_reference_luacheckrc},
};

static bool print_reference(const char *flag)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(MAX_REFERENCE);

    for (size_t i = 0; i < MOON_ARRAY_SIZE(references); i++) {
        if (moon_streq(references[i].flag, flag)) {
            references[i].write(&out);
            (void)fputs(moon_buf_cstr(&out), stdout);
            return true;
        }
    }
    return false;
}

int moon_policy_cmd_doc(int argc, char **argv)
{
    if (argc == 2 && print_reference(argv[1])) {
        return MOON_EXIT_OK;
    }
    int status = MOON_EXIT_OK;
    struct moon_policies *policies = moon_policy_load(&argc, argv, &status);

    if (policies == NULL) {
        return status;
    }
    MOON_AUTOFREE bool *found = moon_new_array(bool, (size_t)argc);
    struct request r = {.names = argv + 1, .count = argc - 1, .found = found};
    moon_policies_each(policies, print_policy, &r);
    moon_policies_free(policies);
    return complain_of_unknown(&r);
}
