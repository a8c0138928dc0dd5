/* SPDX-License-Identifier: Apache-2.0
 *
 * config_args.c - settings from the command line.
 */
#include <string.h>

#include "host/config_priv.h"

/* "--name=value", "--name value", "--name" for booleans: a flag of ours. *i moves past what was
 * used. *ret_name is the caller's, also after an error. */
static int split(int argc, char **argv, int *i, char **ret_name, const char **ret_value,
                 struct moon_err *err)
{
    const char *arg = argv[*i] + 2;
    size_t len = strcspn(arg, "=");

    *ret_name = moon_strndup(arg, len);
    const struct moon_setting *s = moon_setting_find(*ret_name);
    if (arg[len] == '=') {
        *ret_value = arg + len + 1;
    } else if (s != NULL && s->kind == MOON_SETTING_BOOL) {
        *ret_value = "true";
    } else if (*i + 1 < argc) {
        *ret_value = argv[++*i];
    } else {
        return moon_err_set(err, MOON_E_INVALID, "--%s needs a value", *ret_name);
    }
    return 0;
}

/* A flag that says something about a setting, or where they are. */
static bool is_ours(const char *arg)
{
    if (strncmp(arg, "--", 2) != 0) {
        return strcmp(arg, "-h") == 0;
    }
    MOON_AUTOFREE char *name = moon_strndup(arg + 2, strcspn(arg + 2, "="));
    return moon_setting_find(name) != NULL || strcmp(name, "config") == 0 ||
           strcmp(name, "help") == 0;
}

/* One flag. *file is set by --config. */
static int take(struct moon_config *c, int argc, char **argv, int *i, const char **file,
                struct moon_err *err)
{
    MOON_AUTOFREE char *name = NULL;
    const char *value = NULL;

    if (split(argc, argv, i, &name, &value, err) != 0) {
        return -(int)err->code;
    }
    MOON_AUTOFREE char *where = moon_asprintf("--%s", name);
    const struct moon_setting *s = moon_setting_find(name);
    if (s == NULL) {
        *file = value;
        return 0;
    }
    moon_setting_mark(c, s);
    return moon_setting_set(c, s, value, where, err);
}

int moon_config_take_args(struct moon_config *c, int *argc, char **argv, bool *ret_help,
                          struct moon_err *err)
{
    const char *file = NULL;
    int kept = 1;

    for (int i = 1; i < *argc; i++) {
        if (!is_ours(argv[i])) {
            argv[kept++] = argv[i];
            continue;
        }
        if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0) {
            *ret_help = true;
            return 0;
        }
        if (take(c, *argc, argv, &i, &file, err) != 0) {
            return -(int)err->code;
        }
    }
    *argc = kept;
    return file != NULL ? moon_config_read(c, file, err) : 0;
}

int moon_config_parse_args(struct moon_config *c, int argc, char **argv, bool *ret_help,
                           struct moon_err *err)
{
    if (moon_config_take_args(c, &argc, argv, ret_help, err) != 0) {
        return -(int)err->code;
    }
    if (*ret_help || argc <= 1) {
        return 0;
    }
    return strncmp(argv[1], "--", 2) == 0 && argv[1][2] != '\0'
               ? moon_err_set(err, MOON_E_INVALID, "unknown flag --%.*s (see --help)",
                              (int)strcspn(argv[1] + 2, "="), argv[1] + 2)
               : moon_err_set(err, MOON_E_INVALID, "unexpected argument \"%s\"", argv[1]);
}
