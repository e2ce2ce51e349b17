/*
 * A link that sends as fast as it can: how much of it a node has in memory at a time, and that
 * others are taken in beside it. What was read is held until the test has it taken in, as with a
 * disk that does not keep up.
 */
#include "unit.h"

#include "core/core_private.h"
#include "support/mesh.h"

#define LARGE 200000 /* bytes of a large record's text */
#define OF_ONE 40    /* such records: 8 MB, four times what one link may have taken in */
#define SMALL 20000  /* bytes of others, that are many */
#define BATCH 32     /* taken in at a time */
#define SENDERS 10   /* together they may not send all that each of them may */
#define OF_EACH 12
#define READ_PIECE 65536 /* read at a time */

static struct mesh mesh;

/* The ${number}th record of a node, with a text of ${bytes}, which is not compressed. */
static void publish_long(unsigned node, unsigned number, size_t bytes)
{
    struct sample_org *org = &mesh.nodes[node].org;
    struct rp_bytes packed;
    struct rp_bytes body;
    struct rp_bytes content;
    struct rp_record fields;
    struct rp_writer w;
    char *text = malloc(bytes + 1);

    assert_non_null(text);
    memset(text, 'a', bytes);
    text[bytes] = '\0';
    rp_writer_init(&w, RP_BODY_MAX);
    rp_writer_map(&w, 2);
    rp_writer_str(&w, "body");
    rp_writer_str(&w, text);
    rp_writer_str(&w, "title");
    rp_writer_str(&w, "A long one");
    assert_ok(rp_writer_take(&w, &content));
    fields = sample_fields(org, number, rp_bytes_slice(&content));
    assert_ok(rp_record_write(&body, &fields));
    assert_ok(rp_record_pack(&packed, rp_bytes_slice(&body), &org->key, RP_CODEC_PLAIN));
    assert_ok(mesh_submit(&mesh, node, &packed));
    rp_bytes_free(&content);
    rp_bytes_free(&body);
    free(text);
}

/* Node 0 is everybody's peer, and from now on takes nothing in by itself. */
static void begin(unsigned n)
{
    mesh_init(&mesh, n);
    for (unsigned i = 1; i < n; i++)
        mesh_join(&mesh, 0, i);
    mesh_run(&mesh, 3000);
    mesh.nodes[0].holds = true;
}

/* The link at node 0 with the node. */
static struct link *link_with(unsigned node)
{
    struct link *link = mesh_link(&mesh, 0, node);

    assert_non_null(link);
    return link;
}

/* Takes in what is held until nothing more comes. */
static void take_all_in(void)
{
    while (mesh.nodes[0].held.n > 0) {
        mesh_take_in(&mesh, 0, BATCH);
        mesh_run(&mesh, 1);
    }
}

static void one_link_has_only_so_much_taken_in(void **state)
{
    size_t most = SUBMITTED_LINK_MAX + READ_PIECE + RP_FRAME_MAX;
    unsigned batches = 0;
    struct link *link;

    (void)state;
    begin(2);
    for (unsigned i = 0; i < OF_ONE; i++)
        publish_long(1, i, LARGE);
    mesh_run(&mesh, 100);
    link = link_with(1);
    assert_true(link->submitted >= SUBMITTED_LINK_MAX);
    while (mesh.nodes[0].held.n > 0) {
        assert_true(link->submitted <= most);
        assert_int_equal(link->submitted, mesh.nodes[0].core->submitted);
        mesh_take_in(&mesh, 0, 1);
        mesh_run(&mesh, 1);
        batches++;
    }
    assert_int_equal(batches, OF_ONE); /* it only had to wait */
    assert_int_equal(link->submitted, 0);
    assert_true(mesh_equal(&mesh, 0, 1));
    mesh_free(&mesh);
}

static void a_record_of_another_link_is_in_the_next_batch(void **state)
{
    struct link *live;

    (void)state;
    begin(3);
    for (unsigned i = 0; i < 200; i++)
        publish_long(1, i, SMALL);
    mesh_run(&mesh, 100);
    live = link_with(2);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(mesh.nodes[0].held.n > 2 * BATCH);
        mesh_publish(&mesh, 2, 500 + i);
        mesh_run(&mesh, 1);
        assert_true(live->submitted > 0); /* it waits with the others ... */
        mesh_take_in(&mesh, 0, BATCH);
        assert_int_equal(live->submitted, 0); /* ... and is in */
    }
    take_all_in();
    assert_int_equal(mesh_count(&mesh, 0, RP_SET_CONTENT), 203);
    mesh_free(&mesh);
}

static void many_links_do_not_keep_one_more_out(void **state)
{
    struct core *core;
    struct link *live;

    (void)state;
    begin(SENDERS + 2);
    core = mesh.nodes[0].core;
    for (unsigned i = 0; i < SENDERS; i++) {
        for (unsigned k = 0; k < OF_EACH; k++)
            publish_long(2 + i, k, LARGE);
    }
    mesh_run(&mesh, 100);
    assert_true(core->submitted >= SUBMITTED_MAX);
    assert_true(core->submitted <= SUBMITTED_MAX + SENDERS * (RP_FRAME_MAX + READ_PIECE));
    live = link_with(1);
    assert_int_equal(live->submitted, 0);
    mesh_publish(&mesh, 1, 500);
    mesh_run(&mesh, 1);
    assert_true(live->submitted > 0); /* it was asked for, has come, and waits in its turn */
    mesh_free(&mesh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_link_has_only_so_much_taken_in),
        cmocka_unit_test(a_record_of_another_link_is_in_the_next_batch),
        cmocka_unit_test(many_links_do_not_keep_one_more_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
