/* What waits to be taken in: links have their turns, whatever one of them brings. */
#include "unit.h"

#include "ingest/queue.h"

#define MANY 3000

static struct intake items[MANY + 64];
static struct queue queue;

/* Item ${i}, of ${link} and ${bytes} long; nothing looks at the bytes. */
static struct intake *item(unsigned i, uint64_t link, size_t bytes)
{
    items[i] = (struct intake){.submission = {.link = link, .packed = {NULL, bytes}}};
    return &items[i];
}

static struct intake *change(unsigned i)
{
    items[i] = (struct intake){.is_change = true};
    return &items[i];
}

static unsigned number_of(const struct intake *intake)
{
    return (unsigned)(intake - items);
}

/* A link has brought as much as it may. */
static void fill_with_one_link(void)
{
    queue_init(&queue);
    for (unsigned i = 0; i < MANY; i++)
        queue_add(&queue, item(i, 1, 700));
    assert_int_equal(queue.n, MANY);
}

/* How many takes of ${each} it needs until item ${wanted} is out. */
static unsigned takes_until(unsigned wanted, size_t each)
{
    for (unsigned takes = 1;; takes++) {
        struct intake_list list;

        queue_take(&list, &queue, each);
        assert_int_not_equal(list.n, 0);
        for (const struct intake *at = list.first; at != NULL; at = at->next) {
            if (number_of(at) == wanted)
                return takes;
        }
    }
}

static void one_link_comes_out_in_its_order(void **state)
{
    unsigned next = 0;

    (void)state;
    fill_with_one_link();
    while (queue.n > 0) {
        size_t before = queue.n;
        struct intake_list list;

        queue_take(&list, &queue, 32);
        assert_int_equal(list.n, before - queue.n);
        assert_int_equal(list.n, before < 32 ? before : 32);
        for (const struct intake *at = list.first; at != NULL; at = at->next)
            assert_int_equal(number_of(at), next++);
    }
    assert_int_equal(next, MANY);
    assert_null(queue.first);
}

static void another_link_does_not_wait_for_one_that_brings_much(void **state)
{
    (void)state;
    fill_with_one_link();
    queue_add(&queue, item(MANY, 2, 700));
    assert_int_equal(takes_until(MANY, 32), 1);
    queue_add(&queue, item(MANY, 2, 700)); /* and once more: it is no favour to who is new */
    assert_int_equal(takes_until(MANY, 32), 1);
    queue_add(&queue, item(MANY, 0, 700)); /* a record of our own */
    assert_int_equal(takes_until(MANY, 32), 1);
}

static void large_records_do_not_make_turns_longer(void **state)
{
    struct intake_list list;
    unsigned of_one = 0;

    (void)state;
    queue_init(&queue);
    for (unsigned i = 0; i < 20; i++)
        queue_add(&queue, item(i, 1, 200000));
    for (unsigned i = 20; i < 60; i++)
        queue_add(&queue, item(i, 2, 700));
    queue_take(&list, &queue, 18); /* 1 and 8, twice */
    for (const struct intake *at = list.first; at != NULL; at = at->next)
        of_one += at->submission.link == 1;
    assert_int_equal(of_one, 2);
}

static void every_link_has_its_turn_before_any_has_two(void **state)
{
    struct intake_list list;
    unsigned of[50] = {0};

    (void)state;
    fill_with_one_link();
    for (unsigned i = 0; i < 50; i++)
        queue_add(&queue, item(MANY + i, 2 + i, 700));
    queue_take(&list, &queue, QUEUE_TURN + 50);
    for (const struct intake *at = list.first; at != NULL; at = at->next) {
        if (at->submission.link > 1)
            of[at->submission.link - 2]++;
    }
    for (unsigned i = 0; i < 50; i++)
        assert_int_equal(of[i], 1);
}

static void changes_come_before_records(void **state)
{
    struct intake_list list;

    (void)state;
    fill_with_one_link();
    queue_add(&queue, change(MANY));
    queue_add(&queue, change(MANY + 1));
    assert_true(queue_has_other(&queue, &items[0]));
    queue_take(&list, &queue, 3);
    assert_int_equal(list.n, 3);
    assert_int_equal(number_of(list.first), MANY);
    assert_int_equal(number_of(list.first->next), MANY + 1);
    assert_int_equal(number_of(list.first->next->next), 0);
    queue_put_back(&queue, &list);
    queue_add(&queue, change(MANY + 2));
    assert_int_equal(queue.n, MANY + 3);
    queue_take(&list, &queue, 4);
    assert_int_equal(number_of(list.first), MANY);
    assert_int_equal(number_of(list.first->next), MANY + 1);
    assert_int_equal(number_of(list.first->next->next), MANY + 2);
    assert_int_equal(number_of(list.first->next->next->next), 0);
}

static void what_is_put_back_comes_first_of_its_link(void **state)
{
    struct intake_list list;
    unsigned of_one = 0;
    unsigned of_two = 20;

    (void)state;
    queue_init(&queue);
    for (unsigned i = 0; i < 20; i++)
        queue_add(&queue, item(i, 1, 700));
    for (unsigned i = 20; i < 23; i++)
        queue_add(&queue, item(i, 2, 700));
    queue_take(&list, &queue, 15); /* all of the second link */
    queue_put_back(&queue, &list);
    assert_int_equal(list.n, 0);
    assert_int_equal(queue.n, 23);
    queue_take(&list, &queue, 100);
    assert_int_equal(list.n, 23);
    for (const struct intake *at = list.first; at != NULL; at = at->next)
        assert_int_equal(number_of(at), at->submission.link == 1 ? of_one++ : of_two++);
    assert_int_equal(of_two, 23);
}

static void it_knows_whether_somebody_else_waits(void **state)
{
    struct intake_list list;

    (void)state;
    queue_init(&queue);
    assert_false(queue_has_other(&queue, item(0, 1, 1)));
    queue_add(&queue, item(1, 1, 1));
    assert_false(queue_has_other(&queue, &items[0]));
    assert_true(queue_has_other(&queue, item(2, 2, 1)));
    queue_add(&queue, item(3, 2, 1));
    assert_true(queue_has_other(&queue, &items[0]));
    queue_take(&list, &queue, 2);
    assert_false(queue_has_other(&queue, &items[0]));
}

static void little_of_one_link_may_wait_for_more(void **state)
{
    struct intake_list list;

    (void)state;
    queue_init(&queue);
    for (unsigned i = 0; i < 1023; i++)
        queue_add(&queue, item(i, 1, 700));
    assert_true(queue_may_wait(&queue));
    queue_add(&queue, item(1023, 1, 700));
    assert_false(queue_may_wait(&queue)); /* it is not little any more */
    queue_take(&list, &queue, 100);
    assert_true(queue_may_wait(&queue));
    queue_put_back(&queue, &list);
    assert_false(queue_may_wait(&queue));
    queue_take(&list, &queue, 100);
    queue_add(&queue, item(MANY, 2, 700)); /* somebody else waits */
    assert_false(queue_may_wait(&queue));
}

static void much_does_not_wait_however_few_records_it_is(void **state)
{
    struct intake_list list;

    (void)state;
    queue_init(&queue);
    for (unsigned i = 0; i < 3; i++)
        queue_add(&queue, item(i, 1, 262143));
    assert_true(queue_may_wait(&queue));
    queue_add(&queue, item(3, 1, 3));
    assert_false(queue_may_wait(&queue));
    queue_take(&list, &queue, 1);
    assert_true(queue_may_wait(&queue));
    queue_put_back(&queue, &list);
    assert_false(queue_may_wait(&queue));
}

static void changes_do_not_wait(void **state)
{
    (void)state;
    queue_init(&queue);
    queue_add(&queue, item(0, 1, 700));
    queue_add(&queue, change(1));
    assert_false(queue_may_wait(&queue));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_link_comes_out_in_its_order),
        cmocka_unit_test(another_link_does_not_wait_for_one_that_brings_much),
        cmocka_unit_test(large_records_do_not_make_turns_longer),
        cmocka_unit_test(every_link_has_its_turn_before_any_has_two),
        cmocka_unit_test(changes_come_before_records),
        cmocka_unit_test(what_is_put_back_comes_first_of_its_link),
        cmocka_unit_test(it_knows_whether_somebody_else_waits),
        cmocka_unit_test(little_of_one_link_may_wait_for_more),
        cmocka_unit_test(much_does_not_wait_however_few_records_it_is),
        cmocka_unit_test(changes_do_not_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
