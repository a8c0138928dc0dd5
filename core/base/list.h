/* SPDX-License-Identifier: Apache-2.0
 *
 * list.h - intrusive doubly linked list. A node that is in no list points to itself.
 * Layer: base.
 */
#ifndef MOON_BASE_LIST_H
#define MOON_BASE_LIST_H

#include "base/mem.h"

struct moon_list {
    struct moon_list *next;
    struct moon_list *prev;
};

#define moon_container_of(ptr, type, member)                                                       \
    ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

static inline void moon_list_init(struct moon_list *l)
{
    l->next = l;
    l->prev = l;
}

static inline bool moon_list_is_empty(const struct moon_list *l)
{
    return l->next == l;
}

/* Append before `head`, that is at the end. The node must not be in a list. */
static inline void moon_list_append(struct moon_list *head, struct moon_list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

/* Unlink; fine for a node that is in no list. */
static inline void moon_list_remove(struct moon_list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    moon_list_init(node);
}

/* The current node may be removed while looping. */
#define moon_list_foreach(it, head)                                                                \
    for (struct moon_list *it = (head)->next, *it##_next = it->next; it != (head);                 \
         it = it##_next, it##_next = it->next)

#endif
