#include "support/mesh.h"

#include "core/core_private.h"

/*
 * Three nodes in a row, of which the first blocks the third: what the second compares with the
 * first must be exactly what the first has, cell by cell, whatever comes and goes.
 */

/* Whether the second node's view on its link with the first has the first's cells. */
static bool views_agree(struct mesh *mesh)
{
    const struct core_set *first = &mesh->nodes[0].core->commons.sets[RP_SET_CONTENT];
    struct link *link = mesh_link(mesh, 1, 0);
    struct rp_cell *cells = calloc(first->cells_n, sizeof *cells);
    struct view view = {0};
    struct rp_tally tally;
    bool agree;

    assert_non_null(link);
    assert_non_null(cells);
    view_open(&view, link, &link->commons, RP_SET_CONTENT);
    view_tally(&view, &tally);
    assert_true(view_cells_available(&view) >= first->cells_n);
    assert_ok(view_cells(&view, 0, first->cells_n, cells));
    agree = memcmp(cells, first->cells, first->cells_n * sizeof *cells) == 0;
    assert_int_equal(tally.count, first->count);
    view_close(&view);
    free(cells);
    return agree;
}

static void publish(struct mesh *mesh, unsigned node, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++)
        mesh_publish(mesh, node, 1000 * node + i);
    mesh_run(mesh, 500);
}

static bool is_kept(struct mesh *mesh)
{
    return mesh_link(mesh, 1, 0)->excluded[RP_SET_CONTENT].cells != NULL;
}

static void what_is_excluded_stays_out(void **state)
{
    const struct act act = {.because = NULL};
    const uint8_t *third;
    struct mesh mesh;

    (void)state;
    mesh_init(&mesh, 3);
    third = mesh.nodes[2].org.identity.org;
    mesh_join(&mesh, 0, 1);
    mesh_join(&mesh, 1, 2);
    assert_ok(core_block(mesh.nodes[0].core, third, &act, mesh.now));
    mesh_run(&mesh, 2000);
    publish(&mesh, 1, 0, 150);
    publish(&mesh, 2, 0, 100);
    assert_true(views_agree(&mesh)); /* few: walked each time */
    assert_false(is_kept(&mesh));
    publish(&mesh, 2, 100, 300);
    assert_true(views_agree(&mesh));
    assert_true(is_kept(&mesh));
    publish(&mesh, 2, 300, 310); /* more that is excluded, */
    publish(&mesh, 0, 0, 5);     /* and that is not */
    assert_true(is_kept(&mesh));
    assert_true(views_agree(&mesh));
    publish(&mesh, 2, 310, 420); /* the sketch grows */
    assert_true(views_agree(&mesh));
    assert_true(is_kept(&mesh));
    assert_ok(core_unblock(mesh.nodes[0].core, third, &act, mesh.now));
    mesh_run(&mesh, 5000);
    assert_false(is_kept(&mesh));
    assert_true(mesh_equal(&mesh, 0, 1));
    assert_true(views_agree(&mesh));
    assert_ok(core_block(mesh.nodes[0].core, third, &act, mesh.now));
    mesh_run(&mesh, 2000);
    publish(&mesh, 2, 420, 425);
    assert_true(views_agree(&mesh));
    assert_true(is_kept(&mesh));
    mesh_free(&mesh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_excluded_stays_out)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
