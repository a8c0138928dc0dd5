/* SPDX-License-Identifier: Apache-2.0 */
#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct item {
    int number;
    struct moon_list link;
};

static void test_order_and_removal(void **state)
{
    (void)state;
    struct moon_list head;
    struct item items[5];
    moon_list_init(&head);
    assert_true(moon_list_is_empty(&head));
    for (int i = 0; i < 5; i++) {
        items[i].number = i;
        moon_list_append(&head, &items[i].link);
    }
    /* Removing the current one while looping: only the odd ones stay. */
    int expected = 0;
    moon_list_foreach (it, &head) {
        const struct item *item = moon_container_of(it, struct item, link);
        assert_int_equal(item->number, expected++);
        if (item->number % 2 == 0) {
            moon_list_remove(it);
        }
    }
    assert_int_equal(expected, 5);
    assert_ptr_equal(head.next, &items[1].link);
    assert_ptr_equal(head.prev, &items[3].link);
    assert_ptr_equal(items[1].link.next, &items[3].link);
    moon_list_remove(&items[0].link); /* is in no list: nothing happens */
    moon_list_remove(&items[1].link);
    moon_list_remove(&items[3].link);
    assert_true(moon_list_is_empty(&head));
}

static void test_node_can_come_back(void **state)
{
    (void)state;
    struct moon_list first;
    struct moon_list second;
    struct moon_list node;
    moon_list_init(&first);
    moon_list_init(&second);
    moon_list_append(&first, &node);
    moon_list_remove(&node);
    moon_list_append(&second, &node);
    assert_true(moon_list_is_empty(&first));
    assert_ptr_equal(second.next, &node);
    assert_ptr_equal(second.prev, &node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_removal),
        cmocka_unit_test(test_node_can_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
