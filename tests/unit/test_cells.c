#include "support/mesh.h"

#include "core/exchange.h"
#include "rp/rand.h"

/*
 * A large difference is read in slices, each in a turn of its own (node/core/cells.c): what comes
 * between them changes nothing about what is found, and ends it where it should. The records that
 * the nodes differ by are rows in the indexes alone, and nobody asks for them.
 */

#define COMMON 6000
#define OWN 1500 /* of each node besides */

static struct mesh mesh;
static uint8_t symbols[COMMON + 3 * OWN][RP_SYMBOL_LEN];

enum { IN_ALL = 0, OF_NODE = COMMON }; /* where in symbols: those of node i from + i * OWN on */

static struct core *core_of(unsigned node)
{
    return mesh.nodes[node].core;
}

/* Rows of the first node's organisation come into a node's store and sets, or leave them. */
static void change(unsigned node, size_t first, size_t n, bool enter)
{
    struct core *core = core_of(node);
    uint32_t org = trust_find(core, mesh.nodes[0].org.identity.org);
    int err;
    struct kv_txn *txn = kv_begin(mesh.nodes[node].kv, true, &err);

    assert_ok(err);
    for (size_t i = first; i < first + n; i++) {
        struct kv_key author = records_author_key(SCOPE_COMMONS, LANE_CONTENT, org);
        struct rp_slice symbol = {symbols[i], RP_SYMBOL_LEN};
        struct kv_key place = {.len = 0};

        kv_key_number(&author, 1000 + i, 8);
        kv_key_number(&place, 1000 + i, 8);
        kv_key_number(&place, org, 4);
        kv_key_number(&place, SCOPE_COMMONS, 4);
        kv_key_number(&place, LANE_CONTENT, 1);
        if (enter) {
            kv_put(txn, KV_AUTHOR, kv_key_slice(&author), symbol);
            kv_put(txn, KV_SYMBOL, symbol, kv_key_slice(&place));
        } else {
            kv_del(txn, KV_AUTHOR, kv_key_slice(&author));
            kv_del(txn, KV_SYMBOL, symbol);
        }
    }
    assert_ok(kv_commit(txn));
    for (size_t i = first; i < first + n; i++) {
        struct place place = {.seq = 1000 + i, .org = org, .lane = LANE_CONTENT};

        if (enter)
            sets_add(core, symbols[i], &place);
        else
            sets_remove(core, symbols[i], &place);
    }
}

static void spoil(unsigned node, uint32_t cell)
{
    core_of(node)->commons.sets[RP_SET_CONTENT].cells[cell].checksum ^= 1;
}

/* Node 0 is the others' peer, and nobody has any of the symbols yet. */
static void join_all(unsigned n)
{
    uint8_t seed[RP_RAND_SEED_LEN] = {9};
    struct rp_rand rand;

    rp_rand_init(&rand, seed);
    rp_rand_bytes(&rand, symbols[0], sizeof symbols);
    mesh_init(&mesh, n);
    for (unsigned i = 1; i < n; i++)
        mesh_join(&mesh, 0, i);
    mesh_run(&mesh, 3000);
}

/* Node 0 has begun to read by what it differs from each of the others; of whose sketch ${spoilt} is
 * wrong, if it is not 0. */
static void begin_spoilt(unsigned n, uint32_t spoilt)
{
    join_all(n);
    for (unsigned i = 0; i < n; i++) {
        change(i, IN_ALL, COMMON, true);
        change(i, OF_NODE + i * OWN, OWN, true);
        if (i > 0)
            core_of(i)->full_until = UINT64_MAX; /* it asks for no content */
        if (i > 0 && spoilt > 0)
            spoil(i, spoilt);
    }
    for (unsigned i = 1; i < n; i++)
        assert_ok(core_compare(core_of(0), mesh.nodes[i].org.identity.org, mesh.now));
    core_tick(core_of(0), mesh.now);
    core_of(0)->full_until = UINT64_MAX;
    mesh_turn(&mesh);
    for (unsigned i = 1; i < n && spoilt == 0; i++)
        assert_true(cells_due(mesh_link(&mesh, 0, i)));
}

static void begin(unsigned n)
{
    begin_spoilt(n, 0);
}

static unsigned turns_until_read(struct link *link)
{
    unsigned turns = 0;

    for (; link != NULL && cells_due(link); turns++) {
        assert_int_equal(core_deadline(core_of(0)), 0);
        mesh_turn(&mesh);
    }
    return turns;
}

/* The node differs from node 0 by all that only one of the two has, and by nothing else. */
static void check_found(unsigned node)
{
    struct link *link = mesh_link(&mesh, 0, node);

    assert_non_null(link);
    assert_int_equal(link->ours.state, EXCHANGE_NONE);
    assert_int_equal(link->found_need, OWN);
    assert_int_equal(link->found_have, OWN);
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++)
        assert_int_equal(fetch_link_has(core_of(0), symbols[i], link->number),
                         i >= OF_NODE + node * OWN && i < OF_NODE + (node + 1) * OWN);
    for (size_t i = 0; i < OWN; i++)
        assert_true(
            fetch_link_has(core_of(node), symbols[OF_NODE + i], mesh_link(&mesh, node, 0)->number));
}

static void a_difference_is_read_in_turns(void **state)
{
    (void)state;
    begin(2);
    assert_in_range(turns_until_read(mesh_link(&mesh, 0, 1)), 3, 20);
    check_found(1);
    assert_int_equal(core_of(0)->counters.lists, 0);
    mesh_free(&mesh);
}

static void what_changes_meanwhile_is_no_part_of_it(void **state)
{
    struct link *link;

    (void)state;
    begin(2);
    link = mesh_link(&mesh, 0, 1);
    change(0, OF_NODE, 10, false);           /* of its own that it is about to offer, */
    change(0, IN_ALL, 20, false);            /* of what both have, */
    change(0, OF_NODE + 2 * OWN, 300, true); /* and such as neither had */
    mesh_turn(&mesh);
    assert_true(cells_due(link));
    change(0, IN_ALL, 5, true);
    change(0, OF_NODE + 10, 10, false);
    change(1, IN_ALL + 100, 10, false);
    turns_until_read(link);
    assert_int_equal(core_of(0)->counters.lists, 0);
    check_found(1);
    mesh_free(&mesh);
}

static void a_link_may_end_meanwhile(void **state)
{
    (void)state;
    begin(2);
    mesh_stop(&mesh, 1);
    mesh_turn(&mesh);
    assert_null(core_of(0)->links);
    assert_true(core_deadline(core_of(0)) > 0);
    mesh_run(&mesh, 1000);
    mesh_free(&mesh);
}

static void it_is_dropped_when_the_other_side_begins_anew(void **state)
{
    struct link *link;
    struct link *other;

    (void)state;
    begin(2);
    link = mesh_link(&mesh, 0, 1);
    other = mesh_link(&mesh, 1, 0);
    exchange_restart(other, &other->commons);
    mesh_turn(&mesh);
    assert_false(cells_due(link));
    assert_int_equal(link->ours.state, EXCHANGE_NONE);
    core_of(0)->full_until = 0;
    while (!cells_due(link)) {
        mesh.now += 100;
        mesh_turn(&mesh);
    }
    core_of(0)->full_until = UINT64_MAX;
    turns_until_read(link);
    check_found(1);
    mesh_free(&mesh);
}

/* Being busy with ourselves, or with others, is nothing that the other side is late for. */
static void it_may_take_long(void **state)
{
    (void)state;
    begin(3);
    mesh.now += 2 * EXCHANGE_MS;
    turns_until_read(mesh_link(&mesh, 0, 1));
    turns_until_read(mesh_link(&mesh, 0, 2));
    check_found(1);
    check_found(2);
    mesh_free(&mesh);
}

static void links_take_turns(void **state)
{
    struct link *links[2];
    unsigned turns = 0;

    (void)state;
    begin(3);
    links[0] = mesh_link(&mesh, 0, 1);
    links[1] = mesh_link(&mesh, 0, 2);
    for (; cells_due(links[0]) && cells_due(links[1]); turns++) {
        uint64_t last = core_of(0)->last_slice;

        mesh_turn(&mesh);
        assert_int_not_equal(core_of(0)->last_slice, last);
    }
    assert_in_range(turns, 6, 40);
    turns_until_read(links[0]);
    turns_until_read(links[1]);
    check_found(1);
    check_found(2);
    mesh_free(&mesh);
}

/* Cells that were asked for may come when they are not needed any more; others may not. */
static void surplus_cells_are_no_fault(void **state)
{
    uint8_t bytes[2 * RP_CELL_LEN] = {0};
    struct rp_part part = {.set = RP_SET_CONTENT, .cells = {bytes, RP_CELL_LEN}};
    struct link *link;
    struct exchange *x;

    (void)state;
    begin(2);
    link = mesh_link(&mesh, 0, 1);
    x = &link->ours;
    while (x->state == EXCHANGE_CELLS)
        mesh_turn(&mesh);
    assert_int_equal(x->state, EXCHANGE_READ);
    part.exchange = x->number;
    part.first = x->asked - 1;
    assert_ok(cells_receive(link, &part, mesh.now));
    part.cells.len = sizeof bytes;
    assert_int_equal(cells_receive(link, &part, mesh.now), RP_ERR_STATE);
    part.first = x->asked + 1;
    assert_int_equal(cells_receive(link, &part, mesh.now), RP_ERR_STATE);
    turns_until_read(link);
    check_found(1);
    mesh_free(&mesh);
}

static void what_explains_nothing_is_listed(void **state)
{
    struct link *link;

    (void)state;
    begin(2);
    link = mesh_link(&mesh, 0, 1);
    link->ours.theirs.digest[0] ^= 1;
    turns_until_read(link);
    assert_int_equal(core_of(0)->counters.lists, 1);
    check_found(1);
    mesh_free(&mesh);
}

/* It takes half a second with a million records, and a peer could go on and on about it. */
static void a_sketch_is_read_anew_once_in_a_while(void **state)
{
    struct scope *commons;
    uint64_t good;

    (void)state;
    begin(2);
    commons = &core_of(0)->commons;
    good = commons->sets[RP_SET_CONTENT].cells[3].checksum;
    spoil(0, 3);
    sets_suspect(core_of(0), commons, RP_SET_CONTENT, mesh.now);
    assert_int_equal(commons->sets[RP_SET_CONTENT].cells[3].checksum, good);
    spoil(0, 3);
    sets_suspect(core_of(0), commons, RP_SET_CONTENT, mesh.now + 59999);
    assert_int_not_equal(commons->sets[RP_SET_CONTENT].cells[3].checksum, good);
    sets_suspect(core_of(0), commons, RP_SET_CONTENT, mesh.now + 60000);
    assert_int_equal(commons->sets[RP_SET_CONTENT].cells[3].checksum, good);
    mesh_free(&mesh);
}

/* More cells are asked for until too many have come. */
static void what_cannot_be_decoded_is_listed(void **state)
{
    struct link *link;

    (void)state;
    begin_spoilt(2, 40);
    link = mesh_link(&mesh, 0, 1);
    turns_until_read(link);
    assert_int_equal(core_of(0)->counters.lists, 1);
    check_found(1);
    mesh_free(&mesh);
}

/* Node 1 lacks much, and takes nothing in; what it has is a list of 96,000 bytes. */
static void who_lacks_nothing_lists_at_leisure(void **state)
{
    (void)state;
    join_all(2);
    change(0, IN_ALL, COMMON, true);
    change(1, IN_ALL, COMMON, true);
    change(0, OF_NODE, 3 * OWN, true);
    core_of(1)->full_until = UINT64_MAX;
    assert_ok(core_compare(core_of(0), mesh.nodes[1].org.identity.org, mesh.now));
    mesh_run(&mesh, 10000);
    assert_int_equal(core_of(0)->counters.lists, 3); /* at 0, 1.6 and 4.8 s */
    mesh_free(&mesh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_difference_is_read_in_turns),
        cmocka_unit_test(what_changes_meanwhile_is_no_part_of_it),
        cmocka_unit_test(a_link_may_end_meanwhile),
        cmocka_unit_test(it_is_dropped_when_the_other_side_begins_anew),
        cmocka_unit_test(it_may_take_long),
        cmocka_unit_test(links_take_turns),
        cmocka_unit_test(surplus_cells_are_no_fault),
        cmocka_unit_test(what_explains_nothing_is_listed),
        cmocka_unit_test(a_sketch_is_read_anew_once_in_a_while),
        cmocka_unit_test(what_cannot_be_decoded_is_listed),
        cmocka_unit_test(who_lacks_nothing_lists_at_leisure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
