/* SPDX-License-Identifier: Apache-2.0
 *
 * config_priv.h - the table of settings, shared by its three readers: config.c (values, --help),
 * config_file.c and config_args.c.
 */
#ifndef MOON_HOST_CONFIG_PRIV_H
#define MOON_HOST_CONFIG_PRIV_H

#include "host/config.h"

enum moon_setting_kind {
    MOON_SETTING_TEXT,
    MOON_SETTING_LIST,
    MOON_SETTING_BOOL,
    MOON_SETTING_CHOICE,
    MOON_SETTING_COUNT,
    MOON_SETTING_SCALE,
    MOON_SETTING_DURATION,
    MOON_SETTING_PERIOD /* a short one, or none */
};

struct moon_setting {
    const char *name; /* --name, and the key in the file */
    enum moon_setting_kind kind;
    size_t offset;        /* of the member of struct moon_config */
    const char *fallback; /* NULL: not set */
    const char *value;    /* for --help: "FILE" */
    const char *help;
    const char *const *choices; /* CHOICE: names in the order of the enum */
};

/* NULL: there is no such setting. */
const struct moon_setting *moon_setting_find(const char *name);
/* Check and store one value; a list gets one more item. */
int moon_setting_set(struct moon_config *c, const struct moon_setting *s, const char *value,
                     const char *where, struct moon_err *err);

/* Settings of the command line are remembered, since they win over those of the file. */
void moon_setting_mark(struct moon_config *c, const struct moon_setting *s);
bool moon_setting_is_marked(const struct moon_config *c, const struct moon_setting *s);

#endif
