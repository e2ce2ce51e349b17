#include "support/mesh.h"

#include <stdio.h>

#include "author/author.h"
#include "core/beacons.h"
#include "support/kv_mem.h"

/* Beacons in whole cores: who knows what of whom, and what nobody can make them believe. */

#define DAY_MS 86400000

static struct mesh mesh;

/* What node ${at} knows of node ${of}; false when it knows nothing. */
static bool find(unsigned at, unsigned of, struct core_beacon *out)
{
    struct rp_key key = sample_node_key(&mesh.nodes[of].noise);
    uint32_t i = 0;

    while (core_beacon(mesh.nodes[at].core, SCOPE_COMMONS, &i, out, mesh.now)) {
        if (memcmp(out->beacon.key, key.public, RP_KEY_LEN) == 0)
            return true;
    }
    return false;
}

/* The same; what it says in words and where it can be called is left out, for they are borrowed. */
static struct core_beacon get(unsigned at, unsigned of)
{
    struct core_beacon beacon;

    assert_true(find(at, of, &beacon));
    beacon.beacon.software = rp_bytes_str("");
    beacon.beacon.addresses = 0;
    return beacon;
}

static bool is_software(unsigned at, unsigned of, const char *software)
{
    struct core_beacon beacon;

    assert_true(find(at, of, &beacon));
    return rp_bytes_compare(beacon.beacon.software, rp_bytes_str(software)) == 0;
}

static unsigned count(unsigned at)
{
    struct core_beacon beacon;
    uint32_t i = 0;
    unsigned n = 0;

    while (core_beacon(mesh.nodes[at].core, SCOPE_COMMONS, &i, &beacon, mesh.now))
        n++;
    return n;
}

static struct core_counters counters_of(unsigned at)
{
    struct core_counters counters;

    core_counters(mesh.nodes[at].core, &counters);
    return counters;
}

/* A chain 0 - 1 - 2 that has settled. */
static void begin_chain(void)
{
    mesh_init(&mesh, 3);
    mesh_join(&mesh, 0, 1);
    mesh_join(&mesh, 1, 2);
    for (unsigned i = 0; i < 3; i++)
        mesh.nodes[i].core->scrub_at = UINT64_MAX; /* it would take most of the time */
    mesh_run(&mesh, 20000);
}

/* Tells node ${at}, as node ${from} on their link would, what ${sealed} holds. */
static int say(unsigned at, unsigned from, const struct rp_bytes *sealed)
{
    struct core *core = mesh.nodes[at].core;
    struct link *link = link_of_peer(core, peering_find(core, mesh.nodes[from].org.identity.org));
    struct rp_writer w;
    int err;

    assert_non_null(link);

    rp_writer_init(&w, RP_FRAME_MAX);
    rp_message_write_beacon(&w, rp_bytes_slice(sealed));
    assert_ok(w.err);
    err = beacons_receive(link, RP_MESSAGE_BEACON, rp_writer_slice(&w), mesh.now);
    rp_writer_free(&w);
    mesh_run(&mesh, 0);
    return err;
}

/* The same of a beacon signed with ${key}, and a certificate. */
static int say_signed(unsigned at, unsigned from, const struct rp_bytes *issued,
                      const struct rp_beacon *beacon, const struct rp_key *key)
{
    struct rp_bytes sealed;
    int err;

    assert_ok(rp_beacon_seal(&sealed, beacon, key, rp_bytes_slice(issued)));
    err = say(at, from, &sealed);
    rp_bytes_free(&sealed);
    return err;
}

static int say_of(unsigned at, unsigned from, unsigned of, const struct rp_beacon *beacon)
{
    struct rp_key key = sample_node_key(&mesh.nodes[of].noise);

    return say_signed(at, from, &mesh.nodes[of].issued, beacon, &key);
}

static void each_node_knows_all(void **state)
{
    (void)state;
    begin_chain();
    for (unsigned at = 0; at < 3; at++) {
        assert_int_equal(count(at), 3);
        for (unsigned of = 0; of < 3; of++) {
            struct core_beacon b;
            char address[8];

            assert_true(find(at, of, &b));
            snprintf(address, sizeof address, "%u:1", of);
            assert_memory_equal(b.beacon.org, mesh.nodes[of].org.identity.org, RP_ID_LEN);
            assert_string_equal(b.name, "node");
            assert_int_equal(b.is_self, at == of);
            assert_int_equal(rp_bytes_compare(b.beacon.software, rp_bytes_str("mesh")), 0);
            assert_int_equal(b.beacon.addresses, 1);
            assert_int_equal(rp_bytes_compare(b.beacon.address[0], rp_bytes_str(address)), 0);
            assert_int_equal(b.beacon.state, 0);
            assert_int_equal(b.beacon.withdrawals, 0);
            /* an inception, and vouches for those it has joined */
            assert_int_equal(b.beacon.own[RP_SET_CONTROL].count, of == 1 ? 3 : 2);
            assert_int_equal(b.beacon.own[RP_SET_CONTENT].count, 0);
            assert_int_equal(b.standing, BEACON_SAME);
        }
    }
    mesh_publish(&mesh, 2, 7);
    mesh_run(&mesh, 20000);
    assert_int_equal(get(0, 2).beacon.own[RP_SET_CONTENT].count, 1);
    assert_int_equal(get(0, 2).standing, BEACON_SAME);
    mesh_free(&mesh);
}

static void nothing_new_is_said_seldom(void **state)
{
    struct core_counters before;

    (void)state;
    begin_chain();
    before = counters_of(1);
    mesh_run(&mesh, 1800000);
    assert_int_equal(counters_of(1).beacons_out, before.beacons_out);
    mesh_run(&mesh, 2 * 3600000); /* every hour, three nodes, on two links or one */
    assert_in_range(counters_of(1).beacons_out - before.beacons_out, 4, 16);
    mesh_free(&mesh);
}

/* Whoever was away is told on return, and tells; what was told is remembered. */
static void a_restart_forgets_nothing(void **state)
{
    (void)state;
    begin_chain();
    mesh_run(&mesh, 70000); /* stored within a minute */
    mesh_stop(&mesh, 0);
    mesh_stop(&mesh, 1);
    mesh_stop(&mesh, 2);
    mesh_start(&mesh, 2);
    mesh_run(&mesh, 100);
    assert_int_equal(count(2), 3);
    assert_in_range(get(2, 0).seen, mesh.now - 200000, mesh.now - 1000);
    mesh_publish(&mesh, 2, 1);
    mesh_run(&mesh, 20000);
    mesh_stop(&mesh, 2);
    mesh_start(&mesh, 1);
    mesh_start(&mesh, 0);
    mesh_run(&mesh, 20000);
    assert_int_equal(get(0, 2).beacon.own[RP_SET_CONTENT].count, 0);
    mesh_start(&mesh, 2);
    mesh_run(&mesh, 400000);
    assert_int_equal(get(0, 2).beacon.own[RP_SET_CONTENT].count, 1);
    mesh_free(&mesh);
}

static void a_silent_node_is_forgotten(void **state)
{
    struct core_beacon b;

    (void)state;
    begin_chain();
    mesh_stop(&mesh, 0);
    for (unsigned days = 13; days < 16; days += 2) {
        core_set_calendar(mesh.nodes[1].core, days * INT64_C(86400000));
        core_set_calendar(mesh.nodes[2].core, days * INT64_C(86400000));
        mesh_publish(&mesh, 1, days);
        mesh_publish(&mesh, 2, days);
        mesh_run(&mesh, 20000);
        assert_int_equal(find(2, 0, &b), days == 13);
        mesh_run(&mesh, 600000); /* looked after now and then */
        assert_int_equal(find(2, 0, &b), days == 13);
        assert_true(find(2, 1, &b));
        assert_int_equal(count(2), days == 13 ? 3 : 2);
    }
    mesh_free(&mesh);
}

static void the_latest_holds_and_no_other(void **state)
{
    struct core_beacon b;
    uint64_t last;

    (void)state;
    begin_chain();
    b = get(1, 0);
    last = b.beacon.time;
    b.beacon.software = rp_bytes_str("earlier");
    b.beacon.time = last - 1;
    assert_ok(say_of(1, 2, 0, &b.beacon));
    b.beacon.time = last; /* not the same words, but not later either */
    assert_ok(say_of(1, 2, 0, &b.beacon));
    b.beacon.time = mesh.now + DAY_MS + 60000;
    assert_ok(say_of(1, 2, 0, &b.beacon));
    assert_true(is_software(2, 0, "mesh"));
    b.beacon.time = mesh.now + DAY_MS - 60000;
    assert_ok(say_of(1, 2, 0, &b.beacon));
    assert_true(is_software(1, 0, "earlier"));
    /* passed on; and the node itself overtakes what it never said */
    mesh_run(&mesh, 20000);
    assert_true(is_software(2, 0, "mesh"));
    assert_int_equal(get(2, 0).beacon.time, b.beacon.time + 1);
    mesh_free(&mesh);
}

static void what_is_forged_is_not_believed(void **state)
{
    struct core_beacon b;
    struct rp_beacon forged;
    struct rp_bytes issued;
    struct rp_key node;
    struct rp_key stranger;
    struct core_counters before;

    (void)state;
    begin_chain();
    b = get(2, 0);
    forged = b.beacon;
    forged.time = mesh.now;
    forged.software = rp_bytes_str("forged");
    before = counters_of(2);
    stranger = sample_node_key(&mesh.nodes[1].noise);
    assert_ok(say_signed(2, 1, &mesh.nodes[0].issued, &forged, &stranger)); /* not by the node */
    assert_ok(say_signed(2, 1, &mesh.nodes[1].issued, &forged,
                         &stranger)); /* with another's certificate */
    assert_int_equal(counters_of(2).beacons_refused, before.beacons_refused + 2);
    issued = sample_issued(&mesh.nodes[1].org, &mesh.nodes[0].noise); /* 1 would have node 0 */
    node = sample_node_key(&mesh.nodes[0].noise);
    assert_ok(say_signed(2, 1, &issued, &forged, &node));
    rp_bytes_free(&issued);
    assert_int_equal(counters_of(2).beacons_refused, before.beacons_refused + 3);
    assert_true(is_software(2, 0, "mesh"));
    for (unsigned i = 0; i < 12; i++)
        assert_ok(say_signed(2, 1, &mesh.nodes[0].issued, &forged, &stranger));
    assert_int_equal(say_signed(2, 1, &mesh.nodes[0].issued, &forged, &stranger), RP_ERR_SIGNATURE);
    mesh_free(&mesh);
}

/* A certificate that the organisation's key of today has not signed makes no node. */
static void a_node_by_another_key_is_not_taken(void **state)
{
    struct sample_org thief;
    struct core_beacon b;
    struct core_counters before;
    struct rp_bytes issued;
    struct rp_key node;

    (void)state;
    begin_chain();
    b = get(2, 0);
    b.beacon.time = mesh.now;
    b.beacon.software = rp_bytes_str("stolen");
    thief = mesh.nodes[0].org;
    thief.key = mesh.nodes[0].org.paper;
    issued = sample_issued(&thief, &mesh.nodes[0].noise);
    node = sample_node_key(&mesh.nodes[0].noise);
    before = counters_of(2);
    assert_ok(say_signed(2, 1, &issued, &b.beacon, &node));
    rp_bytes_free(&issued);
    assert_int_equal(counters_of(2).beacons_ignored, before.beacons_ignored + 1);
    assert_true(is_software(2, 0, "mesh"));
    mesh_free(&mesh);
}

static void nodes_of_nobody_accepted_are_not_known(void **state)
{
    struct core_beacon b;
    struct core_counters before;

    (void)state;
    mesh_init(&mesh, 4);
    mesh_join(&mesh, 0, 1);
    mesh_join(&mesh, 1, 2);
    mesh_run(&mesh, 20000);
    b = get(3, 3); /* of a stranger */
    before = counters_of(0);
    assert_ok(say_of(0, 1, 3, &b.beacon));
    assert_int_equal(counters_of(0).beacons_ignored, before.beacons_ignored + 1);
    assert_false(find(0, 3, &b));
    assert_true(find(0, 2, &b));
    assert_ok(core_remove_peer(mesh.nodes[1].core, mesh.nodes[2].org.identity.org, NULL, mesh.now));
    mesh_run(&mesh, 1000);
    assert_false(find(0, 2, &b)); /* nobody vouches for it any more */
    mesh_join(&mesh, 1, 2);
    mesh_run(&mesh, 20000);
    assert_true(find(0, 2, &b));
    mesh_free(&mesh);
}

static void no_node_can_flood(void **state)
{
    struct core_beacon b;
    uint64_t last;

    (void)state;
    begin_chain();
    mesh_run(&mesh, 60000);
    mesh_stop(&mesh, 0);
    b = get(1, 0);
    for (unsigned i = 0; i < 20; i++) {
        b.beacon.time++;
        assert_ok(say_of(1, 2, 0, &b.beacon));
    }
    last = get(1, 0).beacon.time;
    assert_int_equal(last, b.beacon.time - 12); /* eight in a row */
    mesh_run(&mesh, 2000);
    b.beacon.time++;
    assert_ok(say_of(1, 2, 0, &b.beacon));
    assert_int_equal(get(1, 0).beacon.time, b.beacon.time);
    mesh_free(&mesh);
}

static void an_organisation_has_so_many_nodes(void **state)
{
    struct core_beacon b;

    (void)state;
    begin_chain();
    b = get(1, 0);
    for (unsigned i = 0; i < 40; i++) {
        struct rp_dh_key noise = sample_noise_key(500 + i);
        struct rp_key node = sample_node_key(&noise);
        struct rp_bytes issued = sample_issued(&mesh.nodes[0].org, &noise);

        memcpy(b.beacon.key, node.public, RP_KEY_LEN);
        b.beacon.time = mesh.now;
        assert_ok(say_signed(1, 0, &issued, &b.beacon, &node));
        rp_bytes_free(&issued);
    }
    assert_int_equal(count(1), 16 + 2);
    assert_int_equal(count(2), 16 + 2);
    mesh_run(&mesh, 3 * 3600000 / 2); /* its real one speaks again, the others do not */
    assert_true(find(2, 0, &b));
    mesh_free(&mesh);
}

static void withheld_records_show(void **state)
{
    struct core_beacon b;

    (void)state;
    begin_chain();
    mesh_publish(&mesh, 0, 1);
    mesh_run(&mesh, 20000);
    b = get(2, 0);
    assert_int_equal(b.standing, BEACON_SAME);
    /* there is one more, which does not come past node 1 */
    b.beacon.own[RP_SET_CONTENT].count++;
    b.beacon.time = mesh.now;
    assert_ok(say_of(2, 1, 0, &b.beacon));
    b = get(2, 0);
    assert_int_equal(b.standing, BEACON_COMING);
    assert_int_equal(b.beacon.own[RP_SET_CONTENT].count, 2);
    assert_int_equal(b.held[RP_SET_CONTENT].count, 1);
    mesh_run(&mesh, 110000);
    assert_int_equal(get(2, 0).standing, BEACON_COMING);
    mesh_run(&mesh, 20000);
    assert_int_equal(get(2, 0).standing, BEACON_WITHHELD);
    b.beacon.own[RP_SET_CONTENT].count = 3; /* also when there are ever more */
    b.beacon.time = mesh.now;
    assert_ok(say_of(2, 1, 0, &b.beacon));
    assert_int_equal(get(2, 0).standing, BEACON_WITHHELD);
    b.beacon.own[RP_SET_CONTENT].count = 1; /* but not what comes after it was all there */
    b.beacon.time++;
    assert_ok(say_of(2, 1, 0, &b.beacon));
    assert_int_equal(get(2, 0).standing, BEACON_SAME);
    b.beacon.own[RP_SET_CONTENT].count = 2;
    b.beacon.time++;
    assert_ok(say_of(2, 1, 0, &b.beacon));
    assert_int_equal(get(2, 0).standing, BEACON_COMING);
    b.beacon.own[RP_SET_CONTENT].count = 3;
    b.beacon.time++;
    assert_ok(say_of(2, 1, 0, &b.beacon));
    mesh_run(&mesh, 130000);
    assert_int_equal(get(2, 0).standing, BEACON_WITHHELD);
    mesh_stop(&mesh, 1); /* and now it is nobody's doing */
    mesh_run(&mesh, 100);
    assert_int_equal(get(2, 0).standing, BEACON_COMING);
    mesh_free(&mesh);
}

/* Withdraws a pattern of node ${of} there. */
static void withdraw(unsigned of, unsigned number)
{
    struct rp_rand rand = {{(uint8_t)(number + 1)}};
    struct rp_bytes packed = sample_pattern(&mesh.nodes[of].org, number);
    struct author author = {&mesh.nodes[of].org.key, mesh.nodes[of].org.identity.org, &rand,
                            mesh.now};
    struct rp_bytes withdrawal;
    struct rp_opened opened;

    assert_ok(rp_record_open(&opened, rp_bytes_slice(&packed)));
    assert_ok(author_withdraw(&withdrawal, &author, &opened.record, NULL, 0));
    assert_ok(mesh_submit(&mesh, of, &withdrawal));
    rp_record_close(&opened);
    rp_bytes_free(&packed);
}

/* Of how many withdrawals of node ${of} node ${at} knows that node ${by} honours them, by their
 * order there. */
static unsigned honoured(unsigned at, unsigned of, unsigned by)
{
    struct core *core = mesh.nodes[at].core;
    uint32_t org = trust_find(core, mesh.nodes[of].org.identity.org);
    struct core_beacon node = get(at, by);
    const struct core_receipt *receipts;
    struct kv_key prefix = records_author_key(SCOPE_COMMONS, LANE_LASTING, org);
    unsigned n_honoured = 0;
    uint64_t up_to = 0;
    struct kv_iter it;
    struct kv_txn *txn;
    uint32_t n;
    int err;

    assert_ok(core_receipts(core, SCOPE_COMMONS, org, mesh.now, &receipts, &n));
    assert_int_equal(n, count(at));
    for (uint32_t i = 0; i < n; i++) {
        if (receipts[i].node == node.node)
            up_to = receipts[i].up_to;
    }
    assert_non_null(txn = kv_begin(core->kv, false, &err));
    for (kv_first(&it, txn, KV_AUTHOR, kv_key_slice(&prefix)); it.found; kv_next(&it)) {
        struct rp_opened opened;
        struct place place;

        assert_true(records_open(txn, records_seq_of_key(it.key), &place, &opened));
        n_honoured += rp_record_is_kind(&opened.record, "withdrawal") && place.seq <= up_to;
        rp_record_close(&opened);
    }
    kv_abort(txn);
    return n_honoured;
}

static void a_withdrawal_is_honoured_where_the_files_are_clean(void **state)
{
    struct core_beacon b;

    (void)state;
    begin_chain();
    mesh_publish(&mesh, 0, 1);
    mesh_publish(&mesh, 0, 2);
    mesh_run(&mesh, 1000);
    withdraw(0, 1);
    mesh_run(&mesh, 20000);
    for (unsigned by = 0; by < 3; by++) { /* everywhere gone, and nowhere from the files */
        assert_int_equal(honoured(2, 0, by), 0);
        assert_int_equal(get(2, by).beacon.state, RP_BEACON_ERASING);
    }
    mesh_clean(&mesh, 0);
    mesh_clean(&mesh, 1);
    mesh_run(&mesh, 20000);
    assert_int_equal(honoured(2, 0, 0), 1);
    assert_int_equal(honoured(2, 0, 1), 1);
    assert_int_equal(honoured(2, 0, 2), 0);
    assert_int_equal(get(2, 1).beacon.state, 0);
    mesh_clean(&mesh, 2);
    mesh_stop(&mesh, 2);
    mesh_run(&mesh, 10000);
    withdraw(0, 2);
    mesh_run(&mesh, 1000);
    mesh_clean(&mesh, 0);
    mesh_clean(&mesh, 1);
    mesh_run(&mesh, 20000);
    assert_int_equal(honoured(1, 0, 0), 2);
    assert_int_equal(honoured(1, 0, 1), 2);
    assert_int_equal(honoured(1, 0, 2), 0); /* what it said last was before it was clean */
    mesh_start(&mesh, 2);
    mesh_run(&mesh, 400000);
    assert_int_equal(honoured(1, 0, 2), 1); /* the first; of the second its files are not clean */
    assert_int_equal(honoured(2, 0, 1), 2);
    mesh_clean(&mesh, 2);
    mesh_run(&mesh, 20000);
    assert_int_equal(honoured(0, 0, 2), 2);
    b = get(0, 2);
    b.beacon.state = RP_BEACON_RESTORING;
    b.beacon.time = mesh.now;
    assert_ok(say_of(0, 1, 2, &b.beacon));
    assert_int_equal(honoured(0, 0, 2), 0); /* whatever it says now is not to be relied on */
    mesh_free(&mesh);
}

/* Who met withdrawals in another order, or lacks one in the middle, is not taken for more than it
 * has. */
static void what_cannot_be_told_is_not_honoured(void **state)
{
    struct core_beacon b;
    struct rp_tally two;

    (void)state;
    begin_chain();
    for (unsigned i = 0; i < 3; i++)
        mesh_publish(&mesh, 0, i);
    mesh_run(&mesh, 1000);
    for (unsigned i = 0; i < 3; i++) {
        withdraw(0, i);
        mesh_run(&mesh, 1000);
        for (unsigned k = 0; k < 3; k++)
            mesh_clean(&mesh, k);
        mesh_run(&mesh, 20000);
        if (i == 1)
            two = get(0, 1).beacon.withdrawn[0].tally;
    }
    assert_int_equal(two.count, 2);
    assert_int_equal(honoured(0, 0, 1), 3);
    b = get(0, 1);
    assert_int_equal(b.beacon.withdrawals, 1);
    b.beacon.withdrawn[0].tally = two;
    b.beacon.time = mesh.now;
    assert_ok(say_of(0, 1, 1, &b.beacon));
    assert_int_equal(honoured(0, 0, 1), 2);
    b.beacon.withdrawn[0].tally.count = 3; /* three, but not these */
    b.beacon.time++;
    assert_ok(say_of(0, 1, 1, &b.beacon));
    assert_int_equal(honoured(0, 0, 1), 0);
    b.beacon.withdrawn[0].tally.count = 4; /* more than there are */
    b.beacon.time++;
    assert_ok(say_of(0, 1, 1, &b.beacon));
    assert_int_equal(honoured(0, 0, 1), 0);
    b.beacon.withdrawn[0].tally.count = 0;
    b.beacon.time++;
    assert_ok(say_of(0, 1, 1, &b.beacon));
    assert_int_equal(honoured(0, 0, 1), 0);
    mesh_free(&mesh);
}

static void a_peer_that_moved_is_found_again(void **state)
{
    struct peer_status status;

    (void)state;
    mesh_init(&mesh, 3);
    mesh_join(&mesh, 0, 1);
    mesh_join(&mesh, 0, 2);
    mesh_join(&mesh, 1, 2);
    mesh_run(&mesh, 20000);
    mesh_stop(&mesh, 1);
    mesh_stop(&mesh, 0);
    mesh.nodes[0].port = 2;
    mesh_start(&mesh, 0);
    mesh_run(&mesh, 400000);
    mesh.nodes[0].unreachable = true; /* nobody but node 2 has heard of the new address */
    mesh_start(&mesh, 1);
    mesh_run(&mesh, 500);
    mesh.nodes[0].unreachable = false;
    mesh_stop(&mesh, 0); /* nor does it call by itself */
    mesh_run(&mesh, 5000);
    assert_true(core_peer_status(mesh.nodes[1].core, 0, &status));
    assert_int_equal(status.entry->addresses, 2);
    assert_string_equal(status.entry->address[0].text, "0:1");
    assert_string_equal(status.entry->address[1].text, "0:2");
    assert_true(status.entry->address[1].learned);
    mesh_start(&mesh, 0);
    mesh_run(&mesh, 400000);
    assert_true(core_peer_status(mesh.nodes[1].core, 0, &status));
    assert_true(status.linked);
    mesh_free(&mesh);
}

/* The same when that is heard while the link to where it was is not known to be dead yet: it is
 * remembered, also over a restart. */
static void where_a_peer_has_moved_is_remembered(void **state)
{
    struct peer_status status;
    struct core_beacon b;

    (void)state;
    for (int restarts = 0; restarts < 2; restarts++) {
        mesh_init(&mesh, 3);
        mesh_join(&mesh, 0, 1);
        mesh_join(&mesh, 0, 2);
        mesh_join(&mesh, 1, 2);
        mesh_run(&mesh, 20000);
        b = get(1, 0);
        b.beacon.addresses = 1;
        b.beacon.address[0] = rp_bytes_str("0:2");
        b.beacon.time = mesh.now;
        assert_ok(say_of(1, 2, 0, &b.beacon));
        assert_true(core_peer_status(mesh.nodes[1].core, 0, &status));
        assert_int_equal(status.entry->addresses, 1);
        if (restarts) {
            beacons_save(mesh.nodes[1].core);
            mesh_run(&mesh, 10);
            mesh_stop(&mesh, 1);
        }
        mesh_stop(&mesh, 0);
        if (restarts)
            mesh_start(&mesh, 1);
        mesh_run(&mesh, 100);
        assert_true(core_peer_status(mesh.nodes[1].core, 0, &status));
        assert_int_equal(status.entry->addresses, 2);
        assert_string_equal(status.entry->address[1].text, "0:2");
        assert_true(status.entry->address[1].learned);
        mesh_free(&mesh);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_node_knows_all),
        cmocka_unit_test(nothing_new_is_said_seldom),
        cmocka_unit_test(a_restart_forgets_nothing),
        cmocka_unit_test(a_silent_node_is_forgotten),
        cmocka_unit_test(the_latest_holds_and_no_other),
        cmocka_unit_test(what_is_forged_is_not_believed),
        cmocka_unit_test(a_node_by_another_key_is_not_taken),
        cmocka_unit_test(nodes_of_nobody_accepted_are_not_known),
        cmocka_unit_test(no_node_can_flood),
        cmocka_unit_test(an_organisation_has_so_many_nodes),
        cmocka_unit_test(withheld_records_show),
        cmocka_unit_test(a_withdrawal_is_honoured_where_the_files_are_clean),
        cmocka_unit_test(what_cannot_be_told_is_not_honoured),
        cmocka_unit_test(a_peer_that_moved_is_found_again),
        cmocka_unit_test(where_a_peer_has_moved_is_remembered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
