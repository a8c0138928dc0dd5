/* SPDX-License-Identifier: Apache-2.0
 *
 * module.c - a plugin that is right or wrong in one way, as the build says: the test build compiles
 * it once per variant.
 */
#include "host/plugin.h"

#ifndef MODULE_NAME
#define MODULE_NAME "right"
#endif
#ifndef MODULE_MINOR
#define MODULE_MINOR MOON_PLUGIN_ABI_MINOR
#endif
#ifndef MODULE_FLAGS
#define MODULE_FLAGS 0
#endif
#ifndef MODULE_BUILD_ID
#define MODULE_BUILD_ID NULL
#endif
#ifndef MODULE_SIZE
#define MODULE_SIZE sizeof(struct moon_plugin)
#endif

static int init(const struct moon_host *host, void **ret_state, struct moon_plugin_error *error)
{
    (void)host;
    (void)ret_state;
#ifdef MODULE_FAILS
    error->text[0] = 'n';
    error->text[1] = 'o';
    return -1;
#else
    (void)error;
    return 0;
#endif
}

static const struct moon_plugin plugin = {.struct_size = MODULE_SIZE,
                                          .abi_major = MOON_PLUGIN_ABI_MAJOR,
                                          .abi_minor = MODULE_MINOR,
                                          .name = MODULE_NAME,
                                          .version = "1.2.3",
                                          .summary = "for tests",
                                          .flags = MODULE_FLAGS,
                                          .build_id = MODULE_BUILD_ID,
                                          .init = init};

#ifdef MODULE_NO_ENTRY
const struct moon_plugin *moonset_plugin_v0(void);
const struct moon_plugin *moonset_plugin_v0(void)
{
    return &plugin;
}
#else
const struct moon_plugin *moonset_plugin_v1(void)
{
#ifdef MODULE_NO_DESCRIPTOR
    return NULL;
#endif
    return &plugin;
}
#endif

#ifdef MODULE_UNRESOLVED
int there_is_no_such_function(void);
int call_it(void);
int call_it(void)
{
    return there_is_no_such_function();
}
#endif
