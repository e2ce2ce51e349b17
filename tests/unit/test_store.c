#include "sample.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ingest/admit.h"
#include "rp/limits.h"
#include "rp/rand.h"
#include "store/batch.h"
#include "store/kv_lmdb.h"
#include "store/orgs.h"
#include "store/peers.h"
#include "store/records.h"
#include "store/told.h"
#include "support/kv_mem.h"

/* The same tests over both implementations of the store: in memory, and LMDB. */

static struct kv *kv;
static char folder[64];
static bool use_lmdb;

static struct kv *open_lmdb(bool create, int *err)
{
    struct kv_lmdb_opts opts = {.path = folder, .create = create, .map_bytes = 64u << 20};

    return kv_lmdb_open(&opts, err);
}

static int setup(void **state)
{
    int err;

    (void)state;
    if (!use_lmdb) {
        kv = kv_mem_new();
        return kv == NULL;
    }
    strcpy(folder, "test-store-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    kv = open_lmdb(true, &err);
    return kv == NULL;
}

static int teardown(void **state)
{
    static const char *const files[] = {"data.mdb", "lock.mdb"};
    char path[128];

    (void)state;
    if (!use_lmdb) {
        kv_mem_free(kv);
        return 0;
    }
    kv_lmdb_close(kv);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        unlink(path);
    }
    return rmdir(folder);
}

static struct kv_key number_key(uint64_t number)
{
    struct kv_key key = {.len = 0};

    kv_key_number(&key, number, 8);
    return key;
}

static struct kv_txn *begin(bool write)
{
    int err;
    struct kv_txn *txn = kv_begin(kv, write, &err);

    assert_non_null(txn);
    return txn;
}

static void put_numbers(unsigned from, unsigned to)
{
    struct kv_txn *txn = begin(true);

    for (unsigned i = from; i < to; i++) {
        struct kv_key key = number_key(i * 3);

        kv_put(txn, KV_LOG, kv_key_slice(&key), kv_key_slice(&key));
    }
    assert_ok(kv_commit(txn));
}

static void keeps_what_is_committed_and_nothing_else(void **state)
{
    struct kv_key key = number_key(7);
    struct rp_slice value;
    struct kv_txn *txn = begin(true);

    (void)state;
    kv_put(txn, KV_LOG, kv_key_slice(&key), rp_bytes_str("one"));
    assert_true(kv_get(txn, KV_LOG, kv_key_slice(&key), &value));
    kv_abort(txn);
    txn = begin(true);
    assert_false(kv_get(txn, KV_LOG, kv_key_slice(&key), &value));
    kv_put(txn, KV_LOG, kv_key_slice(&key), rp_bytes_str("two"));
    kv_put(txn, KV_LOG, kv_key_slice(&key), rp_bytes_str("three"));
    assert_ok(kv_commit(txn));
    txn = begin(false);
    assert_true(kv_get(txn, KV_LOG, kv_key_slice(&key), &value));
    assert_int_equal(rp_bytes_compare(value, rp_bytes_str("three")), 0);
    assert_false(kv_get(txn, KV_SYMBOL, kv_key_slice(&key), &value));
    kv_abort(txn);
    txn = begin(true);
    kv_del(txn, KV_LOG, kv_key_slice(&key));
    kv_del(txn, KV_LOG, kv_key_slice(&key)); /* harmless */
    assert_ok(kv_commit(txn));
    txn = begin(false);
    assert_false(kv_get(txn, KV_LOG, kv_key_slice(&key), NULL));
    kv_abort(txn);
}

static void an_error_sticks_until_the_end(void **state)
{
    struct kv_key key = number_key(1);
    struct kv_txn *txn = begin(true);
    struct kv_iter it;

    (void)state;
    kv_put(txn, KV_LOG, kv_key_slice(&key), kv_key_slice(&key));
    kv_fail(txn, RP_ERR_CORRUPT);
    kv_fail(txn, RP_ERR_FULL);
    assert_int_equal(kv_err(txn), RP_ERR_CORRUPT);
    assert_false(kv_get(txn, KV_LOG, kv_key_slice(&key), NULL));
    kv_first(&it, txn, KV_LOG, (struct rp_slice){NULL, 0});
    assert_false(it.found);
    assert_int_equal(kv_commit(txn), RP_ERR_CORRUPT);
    txn = begin(false);
    assert_false(kv_get(txn, KV_LOG, kv_key_slice(&key), NULL));
    kv_abort(txn);
}

static void walks_go_both_ways_and_stay_in_the_prefix(void **state)
{
    struct kv_key from = number_key(100);
    struct kv_iter it;
    struct kv_txn *txn;
    uint64_t n = 0;

    (void)state;
    txn = begin(false);
    kv_last(&it, txn, KV_LOG, (struct rp_slice){NULL, 0});
    assert_false(it.found); /* an empty table */
    kv_abort(txn);
    put_numbers(0, 1000);
    txn = begin(false);
    for (kv_first(&it, txn, KV_LOG, (struct rp_slice){NULL, 0}); it.found; kv_next(&it))
        assert_int_equal(kv_number(it.key.data, 8), 3 * n++);
    assert_int_equal(n, 1000);
    for (kv_last(&it, txn, KV_LOG, (struct rp_slice){NULL, 0}); it.found; kv_previous(&it))
        assert_int_equal(kv_number(it.key.data, 8), 3 * --n);
    assert_int_equal(n, 0);
    kv_from(&it, txn, KV_LOG, kv_key_slice(&from), 0);
    assert_int_equal(kv_number(it.key.data, 8), 102);
    kv_stop(&it);
    kv_before(&it, txn, KV_LOG, kv_key_slice(&from), 0);
    assert_int_equal(kv_number(it.key.data, 8), 99);
    kv_stop(&it);
    /* keys 256 to 511 begin with the same seven bytes */
    n = 0;
    for (kv_first(&it, txn, KV_LOG, (struct rp_slice){(const uint8_t *)"\0\0\0\0\0\0\1", 7});
         it.found; kv_next(&it), n++)
        assert_in_range(kv_number(it.key.data, 8), 256, 511);
    assert_int_equal(n, 85);
    kv_last(&it, txn, KV_LOG, (struct rp_slice){(const uint8_t *)"\0\0\0\0\0\0\1", 7});
    assert_int_equal(kv_number(it.key.data, 8), 510);
    kv_stop(&it);
    kv_last(&it, txn, KV_LOG, (struct rp_slice){(const uint8_t *)"\xff", 1});
    assert_false(it.found);
    kv_abort(txn);
}

/* A record on its own: what it is admitted as. */
static int admit(struct rp_bytes *packed, uint64_t now_ms, uint32_t *erased)
{
    struct admission admission;
    struct rp_opened opened;
    struct batch *batch;
    int err;
    int result;

    assert_ok(rp_record_open(&opened, rp_bytes_slice(packed)));
    batch = batch_begin(kv, &err);
    assert_non_null(batch);
    result = admit_record(batch, &opened.record, rp_bytes_slice(packed), now_ms, &admission);
    if (erased != NULL)
        *erased = admission.erased_n;
    admit_free(&admission);
    assert_ok(batch_commit(batch));
    rp_record_close(&opened);
    rp_bytes_free(packed);
    return result;
}

static void accept(const struct sample_org *org, uint32_t number, bool accepted, bool ever)
{
    struct kv_txn *txn = begin(true);
    struct org entry = {.number = number,
                        .accepted = accepted,
                        .ever = ever,
                        .inception = rp_bytes_slice(&org->inception)};

    memcpy(entry.id, org->identity.org, RP_ID_LEN);
    orgs_save(txn, &entry);
    assert_ok(kv_commit(txn));
}

/* A version of object ${number} with another salt, replacing ${parent} (NULL: none). */
static struct rp_bytes version(const struct sample_org *org, unsigned number, uint8_t salt,
                               const uint8_t *parent)
{
    struct rp_bytes content = sample_content("A version");
    struct rp_record fields = sample_fields(org, number, rp_bytes_slice(&content));
    struct rp_bytes packed;

    fields.salt[0] = salt;
    fields.parents = parent != NULL;
    if (parent != NULL)
        memcpy(fields.parent_ids[0], parent, RP_ID_LEN);
    packed = sample_pack(&fields, &org->key);
    rp_bytes_free(&content);
    return packed;
}

static void id_of(const struct rp_bytes *packed, uint8_t id[static RP_ID_LEN])
{
    struct rp_opened opened;

    assert_ok(rp_record_open(&opened, rp_bytes_slice(packed)));
    memcpy(id, opened.record.id, RP_ID_LEN);
    rp_record_close(&opened);
}

static unsigned heads(void)
{
    struct kv_txn *txn = begin(false);
    struct kv_iter it;
    unsigned n = 0;

    for (kv_first(&it, txn, KV_HEAD, (struct rp_slice){NULL, 0}); it.found; kv_next(&it))
        n++;
    kv_abort(txn);
    return n;
}

static uint64_t counted(void)
{
    struct kv_key key = records_head_prefix(SCOPE_COMMONS, rp_bytes_str("pattern"));
    struct kv_txn *txn = begin(false);
    struct rp_slice value;
    uint64_t n = 0;

    if (kv_get(txn, KV_COUNT, kv_key_slice(&key), &value))
        n = kv_number(value.data, 8);
    kv_abort(txn);
    return n;
}

static void a_record_is_admitted_once_and_by_standing(void **state)
{
    struct sample_org org = sample_org_new(1);
    struct sample_org other = sample_org_new(2);
    struct rp_bytes packed;

    (void)state;
    packed = sample_pattern(&org, 1);
    assert_int_equal(admit(&packed, 1, NULL), RP_ERR_UNKNOWN_ORG);
    accept(&org, 2, true, true);
    packed = sample_pattern(&org, 1);
    assert_ok(admit(&packed, 1, NULL));
    packed = sample_pattern(&org, 1);
    assert_int_equal(admit(&packed, 1, NULL), RP_ERR_EXISTS);
    other.identity = org.identity; /* signed by somebody else in its name */
    packed = sample_pattern(&other, 2);
    assert_int_equal(admit(&packed, 1, NULL), RP_ERR_KEY);
    accept(&org, 2, false, true); /* no longer accepted: only lasting control records */
    packed = sample_pattern(&org, 3);
    assert_int_equal(admit(&packed, 1, NULL), RP_ERR_UNKNOWN_ORG);
    assert_int_equal(heads(), 1);
    sample_org_free(&org);
    sample_org_free(&other);
}

/* Whatever the order of arrival, the heads are the versions that none replaces. */
static void heads_do_not_depend_on_order(void **state)
{
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    struct sample_org org = sample_org_new(1);
    unsigned number = 10;

    (void)state;
    accept(&org, 2, true, true);
    for (int i = 0; i < 6; i++, number++) {
        struct rp_bytes packed[3];
        uint8_t ids[3][RP_ID_LEN];

        packed[0] = version(&org, number, 1, NULL);
        id_of(&packed[0], ids[0]);
        packed[1] = version(&org, number, 2, ids[0]);
        id_of(&packed[1], ids[1]);
        packed[2] = version(&org, number, 3, ids[1]);
        for (int k = 0; k < 3; k++)
            assert_ok(admit(&packed[orders[i][k]], 1, NULL));
        assert_int_equal(heads(), i + 1);
        assert_int_equal(counted(), i + 1);
    }
    sample_org_free(&org);
}

static void another_objects_child_replaces_nothing(void **state)
{
    struct sample_org org = sample_org_new(1);
    struct rp_bytes first = version(&org, 1, 1, NULL);
    struct rp_bytes stranger;
    uint8_t id[RP_ID_LEN];

    (void)state;
    accept(&org, 2, true, true);
    id_of(&first, id);
    stranger = version(&org, 2, 1, id); /* names a parent of another object */
    assert_ok(admit(&stranger, 1, NULL));
    assert_ok(admit(&first, 1, NULL));
    assert_int_equal(heads(), 2);
    sample_org_free(&org);
}

static struct sum sum_of(enum lane lane, uint32_t org)
{
    struct kv_txn *txn = begin(false);
    struct sum sum;

    batch_read_sum(txn, (struct sum_key){SCOPE_COMMONS, lane, org}, &sum);
    kv_abort(txn);
    return sum;
}

static void withdrawal_erases_every_trace_of_the_text(void **state)
{
    struct sample_org org = sample_org_new(1);
    struct rp_bytes packed[2];
    struct rp_record fields;
    struct rp_bytes withdrawal;
    uint8_t id[RP_ID_LEN];
    uint32_t erased;
    struct sum sum;
    struct rp_fingerprint empty = {{0}};

    (void)state;
    accept(&org, 2, true, true);
    packed[0] = version(&org, 5, 1, NULL);
    id_of(&packed[0], id);
    packed[1] = version(&org, 5, 2, id);
    assert_ok(admit(&packed[0], 1, NULL));
    assert_ok(admit(&packed[1], 1, NULL));
    assert_int_equal(sum_of(LANE_CONTENT, 2).count, 2);
    fields = sample_fields(&org, 5, rp_bytes_str("\x80"));
    fields.set = RP_SET_CONTROL;
    fields.kind = rp_bytes_str("withdrawal");
    withdrawal = sample_pack(&fields, &org.key);
    assert_ok(admit(&withdrawal, 1, &erased));
    assert_int_equal(erased, 2);
    sum = sum_of(LANE_CONTENT, 2);
    assert_int_equal(sum.count, 0);
    assert_memory_equal(&sum.fingerprint, &empty, sizeof empty);
    assert_int_equal(counted(), 0);
    packed[0] = version(&org, 5, 3, NULL);
    assert_int_equal(admit(&packed[0], 1, NULL), RP_ERR_WITHDRAWN);
    sample_org_free(&org);
}

static void a_withdrawn_version_gives_way_to_the_one_before(void **state)
{
    struct sample_org org = sample_org_new(1);
    struct rp_bytes packed[2];
    struct rp_bytes withdrawal;
    struct rp_record fields;
    struct rp_writer w;
    uint8_t ids[2][RP_ID_LEN];
    uint32_t erased;

    (void)state;
    accept(&org, 2, true, true);
    packed[0] = version(&org, 5, 1, NULL);
    id_of(&packed[0], ids[0]);
    packed[1] = version(&org, 5, 2, ids[0]);
    id_of(&packed[1], ids[1]);
    assert_ok(admit(&packed[0], 1, NULL));
    assert_ok(admit(&packed[1], 1, NULL));
    rp_writer_init(&w, 1000);
    rp_writer_map(&w, 1);
    rp_writer_str(&w, "versions");
    rp_writer_array(&w, 1);
    rp_writer_bin(&w, ids[1], RP_ID_LEN);
    fields = sample_fields(&org, 5, rp_writer_slice(&w));
    fields.set = RP_SET_CONTROL;
    fields.kind = rp_bytes_str("withdrawal");
    withdrawal = sample_pack(&fields, &org.key);
    assert_ok(admit(&withdrawal, 1, &erased));
    assert_int_equal(erased, 1);
    assert_int_equal(counted(), 1);
    packed[1] = version(&org, 5, 2, ids[0]);
    assert_int_equal(admit(&packed[1], 1, NULL), RP_ERR_WITHDRAWN);
    packed[1] = version(&org, 5, 9, ids[0]); /* a new version is welcome */
    assert_ok(admit(&packed[1], 1, NULL));
    rp_writer_free(&w);
    sample_org_free(&org);
}

/* Story ${number} of ${org} with a teller, and with ${slip}, unless that is NULL. */
static struct rp_bytes told_story(const struct sample_org *org, unsigned number,
                                  const uint8_t *slip, uint8_t object[static RP_ID_LEN])
{
    uint8_t seed[RP_KEY_SEED_LEN];
    struct rp_record fields;
    struct rp_bytes packed;
    struct rp_key teller;
    struct rp_writer w;

    unit_fill(seed, 900 + number);
    rp_key_from_seed(&teller, seed);
    rp_writer_init(&w, 1000);
    rp_writer_map(&w, slip != NULL);
    if (slip != NULL) {
        rp_writer_str(&w, "slip");
        rp_writer_bin(&w, slip, RP_SIG_LEN);
    }
    fields = sample_fields(org, number, rp_writer_slice(&w));
    fields.has_teller = true;
    memcpy(fields.teller, teller.public, RP_KEY_LEN);
    rp_record_object(object, org->identity.org, fields.seed, teller.public);
    packed = sample_pack(&fields, &org->key);
    rp_writer_free(&w);
    return packed;
}

/* What a code needs is kept of whoever's stories, and found again by their seed if they are ours.
 */
static void tellers_are_kept_when_the_slip_holds(void **state)
{
    struct sample_org orgs[2] = {sample_org_new(1), sample_org_new(2)};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        accept(&orgs[i], i + 1, true, true);
        for (unsigned n = 0; n < 3; n++) { /* with a slip, with another's, with none */
            uint8_t object[RP_ID_LEN];
            uint8_t slip[RP_SIG_LEN];
            uint8_t teller[RP_KEY_LEN];
            struct rp_bytes packed = told_story(&orgs[i], 10 * i + n, NULL, object);
            struct rp_opened opened;
            struct kv_txn *txn;
            struct told told;

            rp_key_sign(slip, &orgs[n == 0 ? i : 1 - i].key, RP_DOMAIN_SIGN_SLIP, object);
            rp_bytes_free(&packed);
            packed = told_story(&orgs[i], 10 * i + n, n < 2 ? slip : NULL, object);
            assert_ok(rp_record_open(&opened, rp_bytes_slice(&packed)));
            assert_ok(admit(&packed, 1, NULL));
            txn = begin(false);
            assert_int_equal(told_find(txn, opened.record.teller, object, &told), n == 0);
            if (n == 0) {
                assert_memory_equal(told.slip, slip, RP_SIG_LEN);
                assert_memory_equal(told.org, orgs[i].identity.org, RP_ID_LEN);
                assert_memory_equal(told.seed, opened.record.seed, RP_SEED_LEN);
                assert_memory_equal(told.scope, rp_record_commons, RP_ID_LEN);
            }
            assert_int_equal(told_of_seed(txn, opened.record.seed, teller), i == 0);
            kv_abort(txn);
            rp_record_close(&opened);
        }
        sample_org_free(&orgs[i]);
    }
}

static void sums_say_what_is_there(void **state)
{
    struct sample_org orgs[40];
    struct rp_fingerprint expected = {{0}};
    struct sum sum;

    (void)state;
    /* more organisations than a batch holds sums of, in one batch */
    for (unsigned i = 0; i < 40; i++) {
        orgs[i] = sample_org_new(i);
        accept(&orgs[i], i + 1, true, true);
    }
    for (unsigned round = 0; round < 3; round++) {
        int err;
        struct batch *batch = batch_begin(kv, &err);

        assert_non_null(batch);
        for (unsigned i = 0; i < 40; i++) {
            struct rp_bytes packed = sample_pattern(&orgs[i], 100 + round);
            struct admission admission;
            struct rp_opened opened;

            assert_ok(rp_record_open(&opened, rp_bytes_slice(&packed)));
            assert_ok(admit_record(batch, &opened.record, rp_bytes_slice(&packed), 1, &admission));
            if (i == 7)
                rp_fingerprint_add(&expected, opened.record.id);
            rp_record_close(&opened);
            rp_bytes_free(&packed);
        }
        assert_ok(batch_commit(batch));
    }
    sum = sum_of(LANE_CONTENT, 8);
    assert_int_equal(sum.count, 3);
    assert_memory_equal(&sum.fingerprint, &expected, sizeof expected);
    for (unsigned i = 0; i < 40; i++)
        sample_org_free(&orgs[i]);
}

/* Whether the log has the record of ${symbol} at ${seq} to the bit, by its check. */
static bool is_checked(uint64_t seq, const uint8_t *symbol)
{
    struct kv_txn *txn = begin(false);
    struct rp_slice packed;
    struct place place;
    bool checked = records_load_checked(txn, seq, symbol, &place, &packed);

    kv_abort(txn);
    return checked;
}

/* Turns over one bit of the byte at ${i} of the log's first entry; false when it has no such. */
static bool turn_bit(size_t i)
{
    struct kv_txn *txn = begin(true);
    struct kv_key key = number_key(1);
    struct rp_slice stored;
    struct rp_bytes value;
    bool is_there;

    assert_true(kv_get(txn, KV_LOG, kv_key_slice(&key), &stored));
    assert_ok(rp_bytes_copy(&value, stored.data, stored.len));
    is_there = i < value.len;
    if (is_there)
        value.data[i] ^= 1;
    kv_put(txn, KV_LOG, kv_key_slice(&key), rp_bytes_slice(&value));
    assert_ok(kv_commit(txn));
    rp_bytes_free(&value);
    return is_there;
}

static void a_changed_bit_in_the_log_is_seen(void **state)
{
    struct sample_org org = sample_org_new(1);
    struct rp_bytes packed = sample_pattern(&org, 1);
    uint8_t id[RP_ID_LEN];

    (void)state;
    accept(&org, 1, true, true);
    id_of(&packed, id);
    assert_ok(admit(&packed, 1, NULL));
    assert_true(is_checked(1, id));
    assert_false(is_checked(2, id));
    for (size_t i = 0; turn_bit(i); i++) {
        assert_false(is_checked(1, id));
        assert_true(turn_bit(i));
    }
    assert_true(is_checked(1, id));
    id[0] ^= 1; /* another record's entry in its place */
    assert_false(is_checked(1, id));
    rp_bytes_free(&packed);
    sample_org_free(&org);
}

static void peers_and_invites_come_back_as_they_were(void **state)
{
    struct peer_entry peer = {.name = "Leeds",
                              .added = 5,
                              .last_sync = 6,
                              .joining = true,
                              .secret = {1, 2},
                              .addresses = 2};
    struct invite_entry invite = {
        .created = 1, .expires = 2, .used = true, .vouches = true, .note = "for Leeds"};
    struct peer_entry peer_back;
    struct invite_entry invite_back;
    struct kv_txn *txn = begin(true);

    (void)state;
    unit_fill(peer.org, 3);
    unit_fill(invite.name, 4);
    unit_fill(invite.used_by, 5);
    strcpy(peer.address[0].text, "a:1");
    strcpy(peer.address[1].text, "b:2");
    peer.address[1].learned = true;
    peers_save(txn, &peer);
    invites_save(txn, &invite);
    assert_ok(kv_commit(txn));
    txn = begin(true);
    assert_true(peers_load(txn, peer.org, &peer_back));
    assert_memory_equal(&peer, &peer_back, sizeof peer);
    assert_true(invites_load(txn, invite.name, &invite_back));
    assert_memory_equal(&invite, &invite_back, sizeof invite);
    peers_remove(txn, peer.org);
    assert_false(peers_load(txn, peer.org, &peer_back));
    assert_ok(kv_commit(txn));
}

static void lmdb_is_still_there_when_opened_again(void **state)
{
    struct kv_txn *txn;
    struct kv_iter it;
    uint64_t n = 0;
    int err;

    (void)state;
    if (!use_lmdb)
        return;
    put_numbers(0, 5000);
    assert_in_range(kv_lmdb_bytes(kv), 100000, 4000000);
    kv_lmdb_close(kv);
    kv = open_lmdb(false, &err);
    assert_non_null(kv);
    txn = begin(false);
    for (kv_first(&it, txn, KV_LOG, (struct rp_slice){NULL, 0}); it.found; kv_next(&it))
        assert_int_equal(kv_number(it.value.data, 8), 3 * n++);
    assert_int_equal(n, 5000);
    kv_abort(txn);
}

static void lmdb_refuses_what_is_no_whole_store(void **state)
{
    char path[128];
    struct stat st;
    struct kv *other;
    int err;

    (void)state;
    if (!use_lmdb)
        return;
    put_numbers(0, 5000);
    kv_lmdb_close(kv);
    snprintf(path, sizeof path, "%s/data.mdb", folder);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(truncate(path, st.st_size - 4096), 0);
    other = open_lmdb(false, &err);
    assert_null(other);
    assert_int_equal(err, RP_ERR_CORRUPT);
    assert_int_equal(truncate(path, 0), 0);
    assert_null(open_lmdb(false, &err));
    assert_int_equal(err, RP_ERR_CORRUPT);
    assert_int_equal(unlink(path), 0);
    assert_null(open_lmdb(false, &err));
    assert_int_equal(err, RP_ERR_NOT_FOUND);
    kv = open_lmdb(true, &err);
    assert_non_null(kv);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static int run(const char *name, bool lmdb)
{
    const struct CMUnitTest tests[] = {
        TEST(keeps_what_is_committed_and_nothing_else),
        TEST(an_error_sticks_until_the_end),
        TEST(walks_go_both_ways_and_stay_in_the_prefix),
        TEST(a_record_is_admitted_once_and_by_standing),
        TEST(heads_do_not_depend_on_order),
        TEST(another_objects_child_replaces_nothing),
        TEST(withdrawal_erases_every_trace_of_the_text),
        TEST(a_withdrawn_version_gives_way_to_the_one_before),
        TEST(tellers_are_kept_when_the_slip_holds),
        TEST(sums_say_what_is_there),
        TEST(a_changed_bit_in_the_log_is_seen),
        TEST(peers_and_invites_come_back_as_they_were),
        TEST(lmdb_is_still_there_when_opened_again),
        TEST(lmdb_refuses_what_is_no_whole_store),
    };

    use_lmdb = lmdb;
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void)
{
    return run("memory", false) + run("LMDB", true);
}
