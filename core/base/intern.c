/* SPDX-License-Identifier: Apache-2.0
 *
 * intern.c - the process's table of symbols: chained buckets, the text behind its header.
 */
#include "base/intern.h"

enum {
    SMALLEST_BUCKETS = 64
};

struct symbol {
    struct symbol *next; /* in the same bucket */
    uint64_t hash;
    uint32_t refs;
    uint32_t len;
    char text[];
};

static struct {
    struct symbol **buckets;
    size_t bucket_count; /* a power of two, or 0 */
    size_t count;
} table;

static struct symbol *symbol_of(moon_sym s)
{
    /* By way of a number: callers see the text as const, the count in front of it is not. */
    struct symbol *sym = (struct symbol *)((uintptr_t)s - offsetof(struct symbol, text));
    moon_assert(sym->refs > 0);
    return sym;
}

static struct symbol **bucket_of(uint64_t hash)
{
    return &table.buckets[hash & (table.bucket_count - 1)];
}

static void resize(size_t bucket_count)
{
    struct symbol **old = table.buckets;
    size_t old_count = table.bucket_count;
    table.buckets = moon_new_array(struct symbol *, bucket_count);
    table.bucket_count = bucket_count;
    for (size_t i = 0; i < old_count; i++) {
        while (old[i] != NULL) {
            struct symbol *sym = old[i];
            old[i] = sym->next;
            struct symbol **bucket = bucket_of(sym->hash);
            sym->next = *bucket;
            *bucket = sym;
        }
    }
    moon_free(old);
}

static struct symbol *find(struct moon_str text, uint64_t hash)
{
    if (table.count == 0) {
        return NULL;
    }
    struct symbol *sym = *bucket_of(hash);
    while (sym != NULL &&
           (sym->hash != hash || !moon_str_eq((struct moon_str){sym->text, sym->len}, text))) {
        sym = sym->next;
    }
    return sym;
}

static struct symbol *insert(struct moon_str text, uint64_t hash)
{
    moon_assert(text.len < UINT32_MAX);
    if (table.count == table.bucket_count) {
        resize(table.bucket_count != 0 ? table.bucket_count * 2 : SMALLEST_BUCKETS);
    }
    struct symbol *sym = moon_alloc(sizeof(*sym) + text.len + 1);
    struct symbol **bucket = bucket_of(hash);
    *sym = (struct symbol){.next = *bucket, .hash = hash, .len = (uint32_t)text.len};
    memcpy(sym->text, text.len > 0 ? text.ptr : "", text.len);
    *bucket = sym;
    table.count++;
    return sym;
}

moon_sym moon_intern(struct moon_str text)
{
    uint64_t hash = moon_str_hash(text);
    struct symbol *sym = find(text, hash);
    if (sym == NULL) {
        sym = insert(text, hash);
    }
    moon_assert(sym->refs < UINT32_MAX);
    sym->refs++;
    return sym->text;
}

moon_sym moon_intern_cstr(const char *text)
{
    return text != NULL ? moon_intern(moon_str(text)) : NULL;
}

moon_sym moon_intern_find(struct moon_str text)
{
    const struct symbol *sym = find(text, moon_str_hash(text));
    return sym != NULL ? sym->text : NULL;
}

moon_sym moon_sym_ref(moon_sym s)
{
    if (s != NULL) {
        struct symbol *sym = symbol_of(s);
        moon_assert(sym->refs < UINT32_MAX);
        sym->refs++;
    }
    return s;
}

/* An empty table keeps nothing, so a process that has let go of everything leaks nothing. */
static void remove_symbol(struct symbol *sym)
{
    struct symbol **at = bucket_of(sym->hash);
    while (*at != sym) {
        at = &(*at)->next;
    }
    *at = sym->next;
    moon_free(sym);
    table.count--;
    if (table.count == 0) {
        moon_free(moon_steal(&table.buckets));
        table.bucket_count = 0;
    }
}

void moon_sym_unref(moon_sym s)
{
    if (s == NULL) {
        return;
    }
    struct symbol *sym = symbol_of(s);
    sym->refs--;
    if (sym->refs == 0) {
        remove_symbol(sym);
    }
}

size_t moon_sym_len(moon_sym s)
{
    return s != NULL ? symbol_of(s)->len : 0;
}

size_t moon_intern_count(void)
{
    return table.count;
}
