/* SPDX-License-Identifier: Apache-2.0
 *
 * store.h - the local picture of one resource: projected objects by uid, with indexes.
 *
 * Two writers feed it: the watch, and what our own writes returned (write-through). The rules that
 * keep it never older than our own writes and free of ghosts (design of the project, "The cache"):
 *  - the store's *position* is the highest version its watch has delivered;
 *  - the object a write returned goes in iff its version is above the position and above the cached
 *    version of the same uid; otherwise the watch has already told this or something newer,
 *    possibly the object's deletion;
 *  - a DELETED event always removes the object of that uid; other events apply when newer;
 *  - a uid marked gone (the server answered our DELETE with a Status, or 404) ignores older events
 *    until its DELETED or a list passes by;
 *  - a list drops only objects whose version is not above the list's.
 *  - a list brings a version again that is cached only for what is kept of it otherwise by now.
 *  - of two uids with the same name, the one with the higher version is the one that exists.
 * Versions are compared as numbers, only within this resource of this server. A change that keeps
 * everything a projection keeps (kind->same) only moves the version of the cached object forward,
 * in place. Every event costs O(1), however many objects there are; only a list costs O(n). Layer:
 * cache.
 */
#ifndef MOON_CACHE_STORE_H
#define MOON_CACHE_STORE_H

#include "kube/object.h"

struct moon_store;

/* One change, after it has been made. old NULL: the object is new; new NULL: it is gone. Both are
 * borrowed for the call. `final` is false when nobody has said that the object was deleted (a list
 * missed it, its name has another uid now, it was forgotten). `old` is what was cached and may lag
 * behind the object's last state. */
struct moon_change {
    const struct moon_object *old_object;
    const struct moon_object *new_object;
    bool final;
};

/* An index says under which keys an object is found: it calls add(key) any number of times (NULL
 * keys are ignored). Must depend on the object only. */
struct moon_index_opts {
    const char *name;
    void (*keys)(const struct moon_object *object, void (*add)(moon_sym key, void *ctx), void *ctx);
};
enum {
    MOON_STORE_MAX_INDEXES = 4
};

struct moon_store_opts {
    const struct moon_kind *kind;
    const struct moon_index_opts *indexes; /* copied; at most MOON_STORE_MAX_INDEXES */
    size_t index_count;
};

MOON_API struct moon_store *moon_store_new(const struct moon_store_opts *opts);
MOON_API void moon_store_free(struct moon_store *s);
MOON_API const struct moon_kind *moon_store_kind(const struct moon_store *s);

/* Listeners run in the order they were added, inside the call that made the change, and must not
 * write to the store or add listeners. Changes that keep everything (kind->same) do not reach them.
 */
MOON_API void moon_store_listen(struct moon_store *s,
                                void (*fn)(const struct moon_change *change, void *ctx), void *ctx);
MOON_API void moon_store_unlisten(struct moon_store *s,
                                  void (*fn)(const struct moon_change *change, void *ctx),
                                  void *ctx);

/* ---- reading; results are borrowed until the next write ---- */
MOON_API size_t moon_store_count(const struct moon_store *s);
MOON_API const struct moon_object *moon_store_get(const struct moon_store *s, const char *namespace,
                                                  const char *name);
MOON_API const struct moon_object *moon_store_get_uid(const struct moon_store *s, moon_sym uid);
/* All, in order of insertion: size_t pos = 0; while ((o = moon_store_next(s, &pos))) … */
MOON_API const struct moon_object *moon_store_next(const struct moon_store *s, size_t *pos);
/* The objects under `key` of index `index` (its number in opts), in order of insertion. */
MOON_API const struct moon_object *const *
moon_store_by_index(const struct moon_store *s, size_t index, moon_sym key, size_t *ret_count);
MOON_API uint64_t moon_store_position(const struct moon_store *s);
MOON_API bool moon_store_is_synced(const struct moon_store *s); /* a list has completed */

/* What is cached of the object in `text` (JSON, of which only the head is read) when that is the
 * version in the text or a later one; *ret_version is that of the text. Else NULL. */
MOON_API const struct moon_object *moon_store_known(const struct moon_store *s,
                                                    struct moon_str text, uint64_t *ret_version);

/* ---- writing ---- */
/* From the watch. Takes the reference. ADDED and MODIFIED are the same here. */
MOON_API void moon_store_put_event(struct moon_store *s, const struct moon_object *take_object);
/* A DELETED event; `uid` NULL: nothing that is cached. */
MOON_API void moon_store_delete_event(struct moon_store *s, moon_sym uid, uint64_t version);
MOON_API void moon_store_bookmark(struct moon_store *s, uint64_t version);
/* The answer of one of our writes. Takes the reference. True when it went in. */
MOON_API bool moon_store_put_write(struct moon_store *s, const struct moon_object *take_object);
/* A GET's answer about an object that is cached although the watch does not follow it (informer.h).
 * Applies when it is newer; says nothing about the position, since the watch may be behind. Takes
 * the reference. True when the object is (still) cached. */
MOON_API bool moon_store_put_outside(struct moon_store *s, const struct moon_object *take_object);
/* The server said that this uid no longer exists: removes it, and remembers it until its DELETED
 * event or a list that is newer than the cached version and no longer has it. A uid that is not
 * cached needs no remembering: the watch has already told us of its end. */
MOON_API void moon_store_mark_gone(struct moon_store *s, moon_sym uid);
/* Remove without any claim about the server (the object left our view). */
MOON_API void moon_store_forget(struct moon_store *s, moon_sym uid);
/* A list: begin, put each item, end with the list's version. Beginning again starts over. */
MOON_API void moon_store_list_begin(struct moon_store *s);
MOON_API void moon_store_list_item(struct moon_store *s, const struct moon_object *take_object);
MOON_API void moon_store_list_end(struct moon_store *s, uint64_t version);
/* Before the end of a list: the objects that ending it with `version` would remove. Iterates as
 * moon_store_next does. */
MOON_API const struct moon_object *moon_store_next_unlisted(const struct moon_store *s,
                                                            uint64_t version, size_t *pos);

#endif
