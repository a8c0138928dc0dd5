/* SPDX-License-Identifier: Apache-2.0
 *
 * test_structural.c - what a structural schema does to values. Messages were seen on
 * kube-apiserver 1.20.
 */
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/custom.h"
#include "sim/status.h"
#include "sim/structural.h"

static const char SCHEMA[] =
    "{'type':'object','properties':{"
    "'size':{'type':'integer','minimum':1,'maximum':10},"
    "'color':{'type':'string','enum':['red','green'],'default':'red'},"
    "'name':{'type':'string','minLength':2,'maxLength':5,'pattern':'^[a-z]+$'},"
    "'ratio':{'type':'number','minimum':0,'exclusiveMinimum':true,'multipleOf':0.5},"
    "'on':{'type':'boolean'},"
    "'port':{'x-kubernetes-int-or-string':true},"
    "'opt':{'type':'string','nullable':true},"
    "'labels':{'type':'object','additionalProperties':{'type':'string'},'maxProperties':2},"
    "'items':{'type':'array','minItems':1,'maxItems':3,'items':{'type':'object','required':["
    "'name'],'properties':{'name':{'type':'string'},'n':{'type':'integer','default':7}}}},"
    "'set':{'type':'array','x-kubernetes-list-type':'set','items':{'type':'string'}},"
    "'map':{'type':'array','x-kubernetes-list-type':'map','x-kubernetes-list-map-keys':['k'],"
    "'items':{'type':'object','properties':{'k':{'type':'string'},'v':{'type':'string'}}}},"
    "'free':{'type':'object','x-kubernetes-preserve-unknown-fields':true,'properties':{"
    "'known':{'type':'object','properties':{'a':{'type':'string'}}}}},"
    "'when':{'type':'string','format':'date-time'},"
    "'any':{'type':'object','additionalProperties':true},"
    "'one':{'type':'object','properties':{'a':{'type':'string'},'b':{'type':'string'}},'oneOf':["
    "{'required':['a']},{'required':['b']}]},"
    "'some':{'type':'integer','anyOf':[{'minimum':10},{'maximum':2}],'not':{'enum':[1]}},"
    "'tpl':{'type':'object','x-kubernetes-embedded-resource':true,"
    "'x-kubernetes-preserve-unknown-fields':true}}}";

struct fixture {
    struct moon_sim_schema *types;
    cJSON *schema;
    struct moon_sim_structural structural;
};

/* JSON with ' for ". */
static cJSON *parse(const char *text)
{
    struct moon_err err;
    MOON_AUTOFREE char *copy = moon_strdup(text);
    for (char *p = copy; *p != '\0'; p++) {
        *p = (char)(*p == '\'' ? '"' : *p);
    }
    cJSON *tree = moon_sim_tree_parse(moon_str(copy), &err);
    assert_non_null(tree);
    return tree;
}

static char *print(const cJSON *tree)
{
    struct moon_buf out = MOON_BUF_INIT(64 << 10);
    moon_sim_tree_print(tree, &out);
    char *text = moon_buf_take(&out, NULL);
    for (char *p = text; *p != '\0'; p++) {
        *p = (char)(*p == '"' ? '\'' : *p);
    }
    return text;
}

static int setup(void **state)
{
    struct fixture *f = moon_new(struct fixture);
    f->types = moon_sim_schema_new();
    f->schema = parse(SCHEMA);
    f->structural.schema = f->schema;
    f->structural.object_meta = moon_sim_schema_type(f->types, "ObjectMeta");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    moon_sim_schema_free(f->types);
    cJSON_Delete(f->schema);
    moon_free(f);
    return 0;
}

static void test_coerce(void **state)
{
    static const struct {
        const char *value;
        const char *want;
        const char *strict; /* the messages about what was dropped */
    } rows[] = {
        {"{}", "{'color':'red'}", "[]"},
        {"{'x':1,'color':'green'}", "{'color':'green'}", "['unknown field \\'x\\'']"},
        {"{'color':'red','color':'green'}", "{'color':'green'}", "['duplicate field \\'color\\'']"},
        {"{'color':null,'size':null,'opt':null}", "{'color':'red','opt':null}", "[]"},
        {"{'color':'red','items':[{'name':'a','x':1},null]}",
         "{'color':'red','items':[{'n':7,'name':'a'},null]}", "['unknown field \\'items[0].x\\'']"},
        {"{'color':'red','labels':{'b':'1','a':null}}", "{'color':'red','labels':{'b':'1'}}", "[]"},
        {"{'color':'red','free':{'q':{'r':null},'known':{'a':'1','b':2}}}",
         "{'color':'red','free':{'known':{'a':'1'},'q':{'r':null}}}",
         "['unknown field \\'free.known.b\\'']"},
        {"{'color':'red','any':{'a':1,'b':{'c':1}}}", "{'any':{'a':1,'b':{}},'color':'red'}",
         "['unknown field \\'any.b.c\\'']"},
        {"{'color':'red','tpl':{'kind':'K','metadata':{'name':'n','bad':1},'x':{'y':1}}}",
         "{'color':'red','tpl':{'kind':'K','metadata':{'name':'n'},'x':{'y':1}}}",
         "['unknown field \\'tpl.metadata.bad\\'']"},
        {"{'color':'red','metadata':{'name':'n','bad':1},'kind':'K','size':9007199254740993}",
         "{'color':'red','kind':'K','size':9007199254740993,'metadata':{'name':'n'}}",
         "['unknown field \\'metadata.bad\\'']"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct moon_err err;
        MOON_AUTOJSON *value = parse(rows[i].value);
        MOON_AUTOJSON *strict = cJSON_CreateArray();
        assert_int_equal(moon_sim_structural_coerce(&f->structural, value, strict, &err), 0);
        MOON_AUTOFREE char *got = print(value);
        MOON_AUTOFREE char *told = print(strict);
        assert_string_equal(got, rows[i].want);
        assert_string_equal(told, rows[i].strict);
    }
}

static void test_metadata_of_the_wrong_type(void **state)
{
    static const char *const rows[] = {"{'metadata':3}", "{'metadata':{'labels':{'a':1}}}",
                                       "{'tpl':{'metadata':[]}}"};
    struct fixture *f = *state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        struct moon_err err;
        MOON_AUTOJSON *value = parse(rows[i]);
        assert_int_not_equal(moon_sim_structural_coerce(&f->structural, value, NULL, &err), 0);
        assert_int_equal(err.code, MOON_E_INVALID);
    }
}

static void test_validate(void **state)
{
    static const struct {
        const char *value;
        const char *want; /* field: message, of all causes */
    } rows[] = {
        {"{'size':10,'name':'ab','ratio':1.5,'on':false,'port':'x','set':['a','b']}", ""},
        {"{'size':3.0,'port':1,'when':'2020-01-02T03:04:05Z','opt':null}", ""},
        {"{'size':'3'}",
         "size: Invalid value: 'string': size in body must be of type integer: 'string'"},
        {"{'size':3.5}",
         "size: Invalid value: 'number': size in body must be of type integer: 'number'"},
        {"{'size':0}", "size: Invalid value: 0: size in body should be greater than or equal to 1"},
        {"{'size':11}", "size: Invalid value: 11: size in body should be less than or equal to 10"},
        {"{'ratio':0}", "ratio: Invalid value: 0: ratio in body should be greater than 0"},
        {"{'ratio':0.7}", "ratio: Invalid value: 0.7: ratio in body should be a multiple of 0.5"},
        {"{'color':'blue'}", "color: Unsupported value: 'blue': supported values: 'red', 'green'"},
        {"{'name':'ABCDEFG'}",
         "name: Invalid value: 'ABCDEFG': name in body should be at most 5 chars long"},
        {"{'name':'a'}", "name: Invalid value: 'a': name in body should be at least 2 chars long"},
        {"{'name':'AB'}", "name: Invalid value: 'AB': name in body should match '^[a-z]+$'"},
        {"{'port':true}",
         "port: Invalid value: 'boolean': port in body must be of type integer,string: 'boolean'"},
        {"{'labels':{'a':1,'b':'x','c':'y'}}",
         "labels: Invalid value: 2: labels in body should have at most 2 properties"},
        {"{'labels':{'a':1}}",
         "labels.a: Invalid value: 'integer': labels.a in body must be of type string: 'integer'"},
        {"{'items':[]}", "items: Invalid value: 0: items in body should have at least 1 items"},
        {"{'items':[{},null]}",
         "items.name: Required value; items: Invalid value: 'null': items in body must be of type "
         "object: 'null'"},
        {"{'set':['a','a']}", "set[1]: Duplicate value: 'a'"},
        {"{'map':[{'k':'1','v':'x'},{'k':'1','v':'y'}]}",
         "map[1]: Duplicate value: map[string]interface {}{'k':'1'}"},
        {"{'when':'yesterday'}",
         "when: Invalid value: 'yesterday': when in body must be of type date-time: 'yesterday'"},
        {"{'one':{}}", "<nil>: Invalid value: '': 'one' must validate one and only one schema "
                       "(oneOf). Found none valid; one.a: Required value"},
        {"{'one':{'a':'','b':''}}",
         "<nil>: Invalid value: '': 'one' must validate one and only one schema (oneOf). Found 2 "
         "valid alternatives"},
        {"{'some':5}", "<nil>: Invalid value: '': 'some' must validate at least one schema (anyOf)"
                       "; some: Invalid value: 5: some in body should be greater than or equal to "
                       "10"},
        {"{'some':1}", "<nil>: Invalid value: '': 'some' must not validate the schema (not)"},
        {"{'tpl':{'a':1}}", "tpl.apiVersion: Required value: must not be empty; tpl.kind: Required "
                            "value: must not be empty"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        MOON_AUTOJSON *value = parse(rows[i].value);
        MOON_AUTOJSON *causes = cJSON_CreateArray();
        MOON_CLEANUP(moon_buf_fini) struct moon_buf all = MOON_BUF_INIT(64 << 10);
        const cJSON *cause = NULL;
        moon_sim_structural_validate(&f->structural, value, causes);
        cJSON_ArrayForEach (cause, causes) {
            moon_buf_printf(&all, "%s%s: %s", all.len > 0 ? "; " : "",
                            moon_sim_text(cause, "field"), moon_sim_text(cause, "message"));
        }
        MOON_AUTOFREE char *got = moon_strdup(moon_buf_cstr(&all));
        for (char *p = got; *p != '\0'; p++) {
            *p = (char)(*p == '"' ? '\'' : *p);
        }
        assert_string_equal(got, rows[i].want);
    }
}

static void test_patterns(void **state)
{
    static const struct {
        const char *pattern;
        const char *text;
        bool want;
    } rows[] = {
        {"^\\d+$", "123", true},      {"^\\d+$", "12a", false},
        {"^[\\w-]+$", "a-b_1", true}, {"^[\\w-]+$", "a b", false},
        {"^(?:a|b)+$", "abab", true}, {"^a\\.b$", "a.b", true},
        {"^a\\.b$", "axb", false},    {"^[\\]x]$", "]", true},
        {"^[a\\-z]$", "-", true},     {"^[a\\-z]$", "b", false},
        {"^\\S+@\\S+$", "a@b", true}, {"^\\S+@\\S+$", "a @b", false},
        {"\\Aab\\z", "ab", true},     {"^a+?b*?$", "aab", true},
        {"^[^/]+$", "a/b", false},    {"^[[:alpha:]]+$", "abc", true},
    };
    static const char *const unsaid[] = {"(?i)a", "(?P<n>a)", "\\pL", "[a", "\\", "[\\pL]"};
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        regex_t regex;
        MOON_AUTOFREE char *posix = moon_sim_structural_pattern(rows[i].pattern);
        assert_non_null(posix);
        assert_int_equal(regcomp(&regex, posix, REG_EXTENDED | REG_NOSUB), 0);
        bool got = regexec(&regex, rows[i].text, 0, NULL, 0) == 0;
        regfree(&regex);
        if (got != rows[i].want) {
            fail_msg("%s as %s on %s: %d", rows[i].pattern, posix, rows[i].text, got);
        }
    }
    for (size_t i = 0; i < MOON_ARRAY_SIZE(unsaid); i++) {
        assert_null(moon_sim_structural_pattern(unsaid[i]));
    }
}

static void test_formats(void **state)
{
    static const struct {
        const char *format;
        const char *good;
        const char *bad;
    } rows[] = {
        {"date-time", "2020-02-03T04:05:06Z", "2020-02-03"},
        {"date", "2020-02-03", "2020-13-03"},
        {"ipv4", "10.0.0.1", "10.0.0.256"},
        {"ipv6", "fe80::1", "10.0.0.1"},
        {"cidr", "10.0.0.0/8", "10.0.0.0/33"},
        {"cidr", "fe80::/64", "fe80::/129"},
        {"uuid", "2a8902fb-3b8f-4c72-973b-36103d0b6167", "2a8902fb-3b8f-4c72-973b-36103d0b616"},
        {"hostname", "A.example.com", "a_b"},
        {"byte", "YWI=", "a"},
        {"duration", "1h30m", "soon"},
    };
    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        assert_true(moon_sim_format_matches(rows[i].format, rows[i].good));
        assert_false(moon_sim_format_matches(rows[i].format, rows[i].bad));
    }
    assert_true(moon_sim_format_matches("int32", "whatever"));
}

static void test_jsonpath(void **state)
{
    static const char tree[] =
        "{'spec':{'n':3,'items':[{'name':'a','on':true},{'name':'b','k':1}],'a.b':{'c/d':'x'}},"
        "'status':{'conditions':[{'type':'Ready','status':'True'},{'type':'Other','status':'No'}]}"
        "}";
    static const struct {
        const char *path;
        const char *want; /* NULL: no path */
    } rows[] = {
        {".spec.n", "3 "},
        {".spec.items[0].name", "'a' "},
        {".spec.items[-1].name", "'b' "},
        {".spec.items[7].name", ""},
        {".spec.items[*].name", "'a' 'b' "},
        {".spec.items[?(@.name==\"b\")].k", "1 "},
        {".spec.items[?(@.name!='b')].name", "'a' "},
        {".spec.items[?(@.on)].name", "'a' "},
        {".spec.items[?(@.k==1)].name", "'b' "},
        {".status.conditions[?(@.type == \"Ready\")].status", "'True' "},
        {".spec['a.b']['c/d']", "'x' "},
        {".spec.a\\.b.c/d", "'x' "},
        {".spec.nothing.at.all", ""},
        {"spec", NULL},
        {"..n", NULL},
        {".spec.items[", NULL},
        {".spec.items[x]", NULL},
        {".spec.items[?(name==1)]", NULL},
        {".", NULL},
    };
    (void)state;
    MOON_AUTOJSON *parsed = parse(tree);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        const cJSON *found[8];
        MOON_CLEANUP(moon_buf_fini) struct moon_buf all = MOON_BUF_INIT(4096);
        int count = moon_sim_jsonpath(parsed, rows[i].path, found, 8);
        assert_int_equal(count < 0, rows[i].want == NULL);
        for (int k = 0; k < count; k++) {
            MOON_AUTOFREE char *text = print(found[k]);
            moon_buf_printf(&all, "%s ", text);
        }
        assert_string_equal(moon_buf_cstr(&all), count < 0 ? "" : rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_coerce, setup, teardown),
        cmocka_unit_test_setup_teardown(test_metadata_of_the_wrong_type, setup, teardown),
        cmocka_unit_test_setup_teardown(test_validate, setup, teardown),
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_jsonpath),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
