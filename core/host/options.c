/* SPDX-License-Identifier: Apache-2.0
 *
 * options.c - options of plugins: declared by them, given as --plugin-option PLUGIN.NAME=VALUE.
 */
#include "host/registry_priv.h"

static const struct moon_config *common; /* of every registry; NULL: none */

void moon_options_set_up(const struct moon_config *config)
{
    common = config;
}

const struct moon_plugin_option *moon_option_declared(const struct moon_plugin *p,
                                                      struct moon_str name)
{
    for (size_t i = 0; i < p->option_count; i++) {
        if (moon_str_is(name, p->options[i].name)) {
            return &p->options[i];
        }
    }
    return NULL;
}

static const char *given_in(const struct moon_config *config, const char *prefix)
{
    const char *value = NULL;

    for (size_t i = 0;
         config != NULL && config->plugin_options != NULL && config->plugin_options[i]; i++) {
        if (moon_str_starts(moon_str(config->plugin_options[i]), prefix)) {
            value = config->plugin_options[i] + strlen(prefix);
        }
    }
    return value;
}

const char *moon_option_given(const struct moon_registry *r, const char *plugin, const char *name)
{
    MOON_AUTOFREE char *prefix = moon_asprintf("%s.%s=", plugin, name);
    const char *value = given_in(r->config, prefix);

    return value != NULL ? value : given_in(common, prefix);
}

static const struct moon_plugin *find_plugin(const struct moon_registry *r, struct moon_str name)
{
    for (size_t i = 0; i < r->loaded_count; i++) {
        if (moon_str_is(name, r->loaded[i]->plugin->name)) {
            return r->loaded[i]->plugin;
        }
    }
    return NULL;
}

static int check(const struct moon_registry *r, const char *option, struct moon_err *err)
{
    struct moon_str value = moon_str(option);
    struct moon_str name;
    struct moon_str plugin;

    (void)moon_str_split(&value, '=', &name);
    (void)moon_str_split(&name, '.', &plugin);
    if (value.ptr == NULL || name.ptr == NULL) {
        return moon_err_set(err, MOON_E_INVALID, "--plugin-option: \"%s\" is not PLUGIN.NAME=VALUE",
                            option);
    }
    const struct moon_plugin *p = find_plugin(r, plugin);
    if (p == NULL) {
        return moon_err_set(err, MOON_E_INVALID, "--plugin-option %s: there is no plugin %.*s",
                            option, MOON_STR_ARG(plugin));
    }
    if (moon_option_declared(p, name) == NULL) {
        return moon_err_set(err, MOON_E_INVALID,
                            "--plugin-option %s: the plugin %s has no option %.*s", option, p->name,
                            MOON_STR_ARG(name));
    }
    return 0;
}

static int check_all(const struct moon_registry *r, const struct moon_config *config,
                     struct moon_err *err)
{
    for (size_t i = 0;
         config != NULL && config->plugin_options != NULL && config->plugin_options[i]; i++) {
        if (check(r, config->plugin_options[i], err) != 0) {
            return -(int)err->code;
        }
    }
    return 0;
}

int moon_options_check(const struct moon_registry *r, struct moon_err *err)
{
    return check_all(r, common, err) != 0 ? -(int)err->code : check_all(r, r->config, err);
}
