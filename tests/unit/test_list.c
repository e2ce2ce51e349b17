/*
 * Our side of a LIST: the symbols of a range that there are when it is asked for, in both ways in
 * which they are found.
 */
#include "support/mesh.h"

#include "core/core_private.h"

#define FEW 300
#define MANY (RP_SYMBOLS_MAX + 100) /* of more, the index of symbols is walked */
#define PAGE 128

static struct mesh mesh;
static struct symbols expected; /* what node 0 has published, ascending */

static void publish(unsigned number)
{
    struct rp_bytes packed = sample_pattern(&mesh.nodes[0].org, number);
    struct rp_opened opened;

    assert_ok(rp_record_open_trusted(&opened, rp_bytes_slice(&packed)));
    assert_ok(symbols_append(&expected, opened.record.id, RP_SYMBOL_LEN));
    rp_record_close(&opened);
    assert_ok(mesh_submit(&mesh, 0, &packed));
}

/* Our side of an exchange of node 0's about content, on its link with node 1. */
static struct view *begin(unsigned n)
{
    struct link *link;
    struct view *view;

    mesh_init(&mesh, 2);
    mesh_join(&mesh, 0, 1);
    mesh_run(&mesh, 1000);
    expected = (struct symbols){0};
    for (unsigned i = 0; i < n; i++)
        publish(i);
    symbols_sort(&expected);
    link = core_links(mesh.nodes[0].core, NULL);
    view = &link->ours.view[RP_SET_CONTENT];
    view_open(view, link, &link->commons, RP_SET_CONTENT);
    return view;
}

static void end(void)
{
    symbols_free(&expected);
    mesh_free(&mesh);
}

static const uint8_t *symbol(size_t i)
{
    return expected.data + i * RP_SYMBOL_LEN;
}

/* A page of the range is those from the ${from}th on, ${n} of them. */
static void check_page(const struct view *view, struct range range, size_t from, size_t n, bool all)
{
    struct symbols page = {0};
    bool last;

    assert_ok(view_list(view, &range, PAGE, &page, &last));
    assert_int_equal(page.n, n * RP_SYMBOL_LEN);
    if (n > 0)
        assert_memory_equal(page.data, symbol(from), page.n);
    assert_int_equal(last, all);
    symbols_free(&page);
}

static void check_ranges(unsigned n)
{
    struct view *view = begin(n);

    check_page(view, (struct range){NULL, NULL}, 0, PAGE, false);
    check_page(view, (struct range){symbol(PAGE - 1), NULL}, PAGE, PAGE, false);
    check_page(view, (struct range){symbol(n - 11), NULL}, n - 10, 10, true);
    check_page(view, (struct range){symbol(n - 1), NULL}, 0, 0, true);
    check_page(view, (struct range){NULL, symbol(9)}, 0, 10, true);
    check_page(view, (struct range){symbol(20), symbol(20 + PAGE)}, 21, PAGE, true);
    check_page(view, (struct range){symbol(20), symbol(21 + PAGE)}, 21, PAGE, false);
    end();
}

static void ranges_of_few_are_whole(void **state)
{
    (void)state;
    check_ranges(FEW);
}

static void ranges_of_many_are_whole(void **state)
{
    (void)state;
    check_ranges(MANY);
}

/* What was counted when the view was opened stays counted; listed is what there is. */
static void what_came_since_is_listed_and_not_counted(void **state)
{
    struct rp_cell cell;
    struct rp_tally before;
    struct rp_tally after;
    struct view *view;

    (void)state;
    view = begin(20);
    view_tally(view, &before);
    publish(20);
    symbols_sort(&expected);
    assert_int_equal(view->toggled.n, RP_SYMBOL_LEN);
    view_tally(view, &after);
    assert_int_equal(after.count, 20);
    assert_memory_equal(after.digest, before.digest, RP_HASH_LEN);
    check_page(view, (struct range){NULL, NULL}, 0, 21, true);
    view_unfix(view);
    publish(21);
    symbols_sort(&expected);
    assert_int_equal(view->toggled.n, 0); /* a list may take long, and much come in meanwhile */
    check_page(view, (struct range){NULL, NULL}, 0, 22, true);
    assert_int_equal(view_cells(view, 0, 1, &cell), RP_ERR_STATE);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_of_few_are_whole),
        cmocka_unit_test(ranges_of_many_are_whole),
        cmocka_unit_test(what_came_since_is_listed_and_not_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
