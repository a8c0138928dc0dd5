/* SPDX-License-Identifier: Apache-2.0
 *
 * policy_new.c - `moonset policy new`: a policy and its test to begin with.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "cli/cli.h"
#include "cli/policy_cmds.h"

enum {
    FILE_MAX_BYTES = 16 * 1024
};

/* Each says what the hook is asked, and answers harmlessly. */
static const struct {
    const char *hook;
    const char *text;
} skeletons[] = {
    {"select",
     "  -- May the daemon run on this node? true, false, \"keep\" or nil (no opinion), and why.\n"
     "  select = function(node, set)\n"
     "    return nil\n"
     "  end,\n"},
    {"tolerations", "  -- What do its pods tolerate beside what their template says?\n"
                    "  tolerations = function(set)\n"
                    "    return {}\n"
                    "  end,\n"},
    {"rank",
     "  -- In which order are nodes served? A number, a text or a list of them; ascending.\n"
     "  rank = function(node, set)\n"
     "    return 0\n"
     "  end,\n"},
    {"mutate",
     "  -- What is this node's pod made of? Recorded: edits, a revision, or to make none for now.\n"
     "  mutate = function(pod, node, set)\n"
     "    pod:revision(\"current\")\n"
     "  end,\n"},
    {"health",
     "  -- Is a pod that is ready of use? \"ready\", \"progressing\" or \"failed\", and why.\n"
     "  health = function(pod, set)\n"
     "    return \"ready\"\n"
     "  end,\n"},
    {"gate",
     "  -- May pods that serve be disturbed now? true; or false, why, and seconds to wait.\n"
     "  gate = function(roll, set)\n"
     "    return true\n"
     "  end,\n"},
    {"update", "  -- Which outdated pods go now? No more than roll.left that are available.\n"
               "  update = function(roll, set)\n"
               "    for pod in roll:outdated { wanted = true, limit = roll.left } do\n"
               "      roll:replace(pod, \"outdated\")\n"
               "    end\n"
               "  end,\n"},
    {"analyze", "  -- What is asked while an update goes on.\n"
                "  queries = {\n"
                "    errors = { provider = \"prometheus\", every = \"30s\",\n"
                "      query = 'sum(errors{namespace=\"{{namespace}}\"}) or vector(0)' },\n"
                "  },\n"
                "  -- Does it do well? \"pass\"; \"wait\" or \"fail\", and why.\n"
                "  analyze = function(samples, roll, set)\n"
                "    if samples.errors.error then\n"
                "      return \"wait\", samples.errors.error\n"
                "    end\n"
                "    return samples.errors.value > 0 and \"fail\" or \"pass\", \"errors\"\n"
                "  end,\n"},
    {"status", "  -- What is to be said of the set? A message, conditions, or nothing.\n"
               "  status = function(roll, set)\n"
               "    return { message = roll.counts.updated .. \" of \" .. roll.desired .. \" are "
               "new\" }\n"
               "  end,\n"},
};

/* What they answer, as their test expects it. */
static const struct {
    const char *hook;
    const char *text;
} expectations[] = {
    {"select", "    select: { \"*\": run }\n"},
    {"tolerations", "    tolerations: [stock]\n"},
    {"mutate", "    mutate: { \"*\": current }\n"},
    {"rank", "    rank: [n1, n2]\n"},
    {"health", "    health: { \"*\": ready }\n"},
    {"gate", "    gate: open\n"},
    {"update", "    update: [replace n1 outdated]\n"},
    {"analyze", "    analyze: pass\n"},
    {"status", "    status: { message: \"0 of 2 are new\" }\n"},
};

static const char *skeleton(const char *hook)
{
    for (size_t i = 0; i < MOON_ARRAY_SIZE(skeletons); i++) {
        if (moon_streq(skeletons[i].hook, hook)) {
            return skeletons[i].text;
        }
    }
    return NULL;
}

/* The name of a file, and of a policy in an annotation. */
static bool is_name(const char *name)
{
    return moon_is_dns1123_subdomain(moon_str(name));
}

static int write_text(const char *name, const char *const *hooks, int count, struct moon_buf *out)
{
    moon_buf_printf(
        out,
        "-- What this policy is for, in a sentence or two.\n"
        "return {\n"
        "  api = 1,\n"
        "  name = \"%s\",\n\n"
        "  -- What a set may say in its annotation moonset.dev/params, seen as set.params.\n"
        "  params = {},\n",
        name);
    for (int i = 0; i < count; i++) {
        const char *text = skeleton(hooks[i]);
        if (text == NULL) {
            return moon_policy_wrong_usage("new: there is no hook ", hooks[i]);
        }
        moon_buf_printf(out, "\n%s", text);
    }
    moon_buf_puts(out, "}\n");
    return MOON_EXIT_OK;
}

static bool has_hook(const char *const *hooks, int count, const char *hook)
{
    for (int i = 0; i < count; i++) {
        if (moon_streq(hooks[i], hook)) {
            return true;
        }
    }
    return false;
}

static void write_test(const char *const *hooks, int count, struct moon_buf *out)
{
    bool any = false;

    moon_buf_puts(out, "# What the policy should answer: moonset policy test\n"
                       "nodes:\n"
                       "  n1: { labels: { disk: ssd } }\n"
                       "  n2:\n"
                       "pods: { \"*\": old }\n");
    if (has_hook(hooks, count, "analyze")) {
        moon_buf_puts(out, "samples: { errors: 0 }\n");
    }
    moon_buf_puts(out, "\ncases:\n"
                       "- name: to begin with\n"
                       "  expect:\n");
    for (size_t i = 0; i < MOON_ARRAY_SIZE(expectations); i++) {
        if (has_hook(hooks, count, expectations[i].hook)) {
            moon_buf_puts(out, expectations[i].text);
            any = true;
        }
    }
    if (!any) {
        moon_buf_puts(out, expectations[0].text);
    }
}

/* Never over what is there. */
static int write_file(const char *path, struct moon_str text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    bool written = fd >= 0 && write(fd, text.ptr, text.len) == (ssize_t)text.len;
    int error = errno;

    if (fd >= 0 && close(fd) != 0 && written) {
        error = errno;
        written = false;
    }
    if (!written) {
        moon_cli_complain("policy new: %s: %s", path, strerror(error));
        if (fd >= 0) {
            (void)unlink(path);
        }
        return MOON_EXIT_FAILED;
    }
    (void)printf("%s\n", path);
    return MOON_EXIT_OK;
}

int moon_policy_cmd_new(int argc, char **argv)
{
    static const char *const select_only[] = {"select"};
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(FILE_MAX_BYTES);
    MOON_CLEANUP(moon_buf_fini) struct moon_buf test = MOON_BUF_INIT(FILE_MAX_BYTES);
    const char *dir = ".";
    int at = 1;

    if (argc > 2 && moon_streq(argv[1], "--dir")) {
        dir = argv[2];
        at = 3;
    }
    if (at >= argc) {
        return moon_policy_wrong_usage("new: which name?", "");
    }
    if (!is_name(argv[at])) {
        return moon_policy_wrong_usage("new: small letters, digits, - and . make a name, not ",
                                       argv[at]);
    }
    bool has_hooks = at + 1 < argc;
    const char *const *hooks = has_hooks ? (const char *const *)argv + at + 1 : select_only;
    int count = has_hooks ? argc - at - 1 : 1;
    int status = write_text(argv[at], hooks, count, &text);
    if (status != MOON_EXIT_OK) {
        return status;
    }
    write_test(hooks, count, &test);
    MOON_AUTOFREE char *path = moon_asprintf("%s/%s.lua", dir, argv[at]);
    MOON_AUTOFREE char *test_path = moon_asprintf("%s/%s_test.yaml", dir, argv[at]);
    status = write_file(path, moon_buf_str(&text));
    return status != MOON_EXIT_OK ? status : write_file(test_path, moon_buf_str(&test));
}
