/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "kube/configmap.h"

#define HEAD                                                                                       \
    "{\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"c\",\"namespace\":\"n\",\"uid\":\"u\","      \
    "\"resourceVersion\":\"1\"}"

static struct moon_err err;

static const struct moon_object *project(const char *rest)
{
    MOON_AUTOFREE char *text = moon_asprintf(HEAD "%s}", rest);
    struct moon_object *object = NULL;

    err.text[0] = '\0';
    return moon_object_project(&moon_kind_configmap, moon_str(text), &object, &err) == 0 ? object
                                                                                         : NULL;
}

static void texts_by_key(void **state)
{
    (void)state;
    const struct moon_object *o =
        project(",\"data\":{\"b\":\"two\\n\",\"a\":\"\"},\"binaryData\":{\"aa\":\"AAAA\"}");

    assert_non_null(o);
    const struct moon_configmap *c = moon_configmap(o);
    assert_int_equal(c->count, 3);
    assert_string_equal(c->items[0].key, "a");
    assert_string_equal(c->items[0].text, "");
    assert_string_equal(c->items[1].key, "aa");
    assert_null(c->items[1].text);
    assert_string_equal(c->items[2].text, "two\n");
    assert_int_equal(c->items[2].len, 4);
    moon_object_unref(o);
}

static void nothing_in_it(void **state)
{
    (void)state;
    const struct moon_object *o = project("");

    assert_non_null(o);
    assert_int_equal(moon_configmap(o)->count, 0);
    moon_object_unref(o);
}

static void no_text(void **state)
{
    (void)state;
    assert_null(project(",\"data\":{\"a\":\"x\",\"b\":1}"));
    assert_non_null(strstr(err.text, "data.b: not a text"));
}

static void equal_or_not(void **state)
{
    static const char *const texts[] = {"", ",\"data\":{\"a\":\"x\"}", ",\"data\":{\"a\":\"y\"}",
                                        ",\"data\":{\"b\":\"x\"}",
                                        ",\"binaryData\":{\"a\":\"eA==\"}"};

    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(texts); i++) {
        for (size_t k = 0; k < MOON_ARRAY_SIZE(texts); k++) {
            const struct moon_object *a = project(texts[i]);
            const struct moon_object *b = project(texts[k]);
            assert_int_equal(moon_kind_configmap.same(a, b), i == k);
            moon_object_unref(a);
            moon_object_unref(b);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_by_key),
        cmocka_unit_test(nothing_in_it),
        cmocka_unit_test(no_text),
        cmocka_unit_test(equal_or_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
