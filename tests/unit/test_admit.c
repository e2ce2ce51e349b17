#include "sample.h"

#include <limits.h>

#include "ingest/admit.h"
#include "rp/limits.h"
#include "store/batch.h"
#include "store/orgs.h"
#include "store/records.h"
#include "support/kv_mem.h"

/* What decides whether a record is stored, over a store in memory. */

static struct kv *kv;
static struct sample_org org; /* accepted, number 2 */
static struct sample_org other;

static struct kv_txn *begin(bool write)
{
    int err;
    struct kv_txn *txn = kv_begin(kv, write, &err);

    assert_non_null(txn);
    return txn;
}

static void put(enum kv_table table, const struct kv_key *key, struct rp_slice value)
{
    struct kv_txn *txn = begin(true);

    kv_put(txn, table, kv_key_slice(key), value);
    assert_ok(kv_commit(txn));
}

static unsigned entries(enum kv_table table)
{
    struct kv_txn *txn = begin(false);
    struct kv_iter it;
    unsigned n = 0;

    for (kv_first(&it, txn, table, (struct rp_slice){NULL, 0}); it.found; kv_next(&it))
        n++;
    kv_abort(txn);
    return n;
}

static void set_standing(bool accepted, bool ever, struct rp_slice inception)
{
    struct kv_txn *txn = begin(true);
    struct org entry = {.number = 2, .accepted = accepted, .ever = ever, .inception = inception};

    memcpy(entry.id, org.identity.org, RP_ID_LEN);
    orgs_save(txn, &entry);
    assert_ok(kv_commit(txn));
}

static int setup(void **state)
{
    (void)state;
    kv = kv_mem_new();
    assert_non_null(kv);
    org = sample_org_new(1);
    other = sample_org_new(2);
    set_standing(true, true, rp_bytes_slice(&org.inception));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kv_mem_free(kv);
    sample_org_free(&org);
    sample_org_free(&other);
    return 0;
}

/* Admits the fields, signed by ${key}; how many records that erased is in ${erased}, unless NULL.
 * An error of the store's fails the batch, too. */
static int admit(const struct rp_record *fields, const struct rp_key *key, uint32_t *erased)
{
    struct rp_bytes packed = sample_pack(fields, key);
    struct admission admission;
    struct rp_opened opened;
    int failed;
    int err;
    struct batch *batch = batch_begin(kv, &err);

    assert_non_null(batch);
    assert_ok(rp_record_open(&opened, rp_bytes_slice(&packed)));
    err = admit_record(batch, &opened.record, rp_bytes_slice(&packed), 1, &admission);
    if (erased != NULL)
        *erased = admission.erased_n;
    admit_free(&admission);
    failed = batch_commit(batch);
    assert_int_equal(failed, err == RP_ERR_CORRUPT ? err : RP_OK);
    rp_record_close(&opened);
    rp_bytes_free(&packed);
    return err;
}

/* A version of the object ${number}, which differs by ${salt}. */
static struct rp_record version(unsigned number, unsigned salt)
{
    struct rp_record fields = sample_fields(&org, number, rp_bytes_str("\x80"));

    fields.salt[0] = (uint8_t)salt;
    fields.salt[1] = (uint8_t)(salt >> 8);
    return fields;
}

static struct rp_record control(unsigned number, const char *kind, struct rp_slice content)
{
    struct rp_record fields = sample_fields(&org, number, content);

    fields.set = RP_SET_CONTROL;
    fields.kind = rp_bytes_str(kind);
    return fields;
}

static void takes_what_is_for_all_and_of_its_own_what_is_local(void **state)
{
    struct rp_record fields = version(1, 1);

    (void)state;
    fields.scope[RP_ID_LEN - 1] = 1; /* a circle */
    assert_int_equal(admit(&fields, &org.key, NULL), RP_ERR_SHAPE);
    memcpy(fields.scope, rp_record_local, RP_ID_LEN);
    assert_int_equal(admit(&fields, &org.key, NULL), RP_ERR_SHAPE); /* somebody else's */
    assert_int_equal(entries(KV_LOG), 0);
    memcpy(fields.scope, rp_record_commons, RP_ID_LEN);
    assert_ok(admit(&fields, &org.key, NULL));
    assert_int_equal(entries(KV_LOG), 1);
}

static void who_was_accepted_once_may_still_say_what_lasts(void **state)
{
    struct rp_record pattern = version(1, 1);
    struct rp_record withdrawal = control(1, "withdrawal", rp_bytes_str("\x80"));
    struct rp_record vouch = control(2, "vouch", rp_bytes_str("\x80"));

    (void)state;
    set_standing(false, false, rp_bytes_slice(&org.inception));
    assert_int_equal(admit(&withdrawal, &org.key, NULL), RP_ERR_UNKNOWN_ORG);
    set_standing(false, true, rp_bytes_slice(&org.inception));
    assert_int_equal(admit(&pattern, &org.key, NULL), RP_ERR_UNKNOWN_ORG);
    assert_int_equal(admit(&vouch, &org.key, NULL), RP_ERR_UNKNOWN_ORG); /* goes with acceptance */
    assert_ok(admit(&withdrawal, &org.key, NULL));
}

static void an_organisation_that_cannot_be_read_fails_the_batch(void **state)
{
    struct rp_record fields = version(1, 1);

    (void)state;
    set_standing(true, true, rp_bytes_str("no inception"));
    assert_int_equal(admit(&fields, &org.key, NULL), RP_ERR_CORRUPT);
    assert_int_equal(entries(KV_LOG), 0);
}

static void an_organisation_that_has_a_number_alone_is_unknown(void **state)
{
    struct rp_record fields = version(1, 1);
    struct kv_key key = {.len = 0};
    struct kv_key number = {.len = 0};

    (void)state;
    memcpy(fields.org, other.identity.org, RP_ID_LEN);
    memcpy(fields.key, other.key.public, RP_KEY_LEN);
    kv_key_bytes(&key, fields.org, RP_ID_LEN);
    kv_key_number(&number, 7, 4);
    put(KV_ORG_ID, &key, kv_key_slice(&number));
    assert_int_equal(admit(&fields, &other.key, NULL), RP_ERR_UNKNOWN_ORG);
}

/* {"slip": ...} over an object of the organisation's, signed by ${key}. */
static struct rp_bytes slip_by(const struct rp_key *key, const struct rp_record *story)
{
    uint8_t object[RP_ID_LEN];
    uint8_t slip[RP_SIG_LEN];
    struct rp_bytes content;
    struct rp_writer w;

    rp_record_object(object, story->org, story->seed, story->teller);
    rp_key_sign(slip, key, RP_DOMAIN_SIGN_SLIP, object);
    rp_writer_init(&w, 200);
    rp_writer_map(&w, 1);
    rp_writer_str(&w, "slip");
    rp_writer_bin(&w, slip, sizeof slip);
    assert_ok(rp_writer_take(&w, &content));
    return content;
}

static void only_the_tellers_key_and_an_agreed_slip_withdraw(void **state)
{
    struct rp_record story = version(1, 1);
    struct rp_record withdrawal = control(1, "withdrawal", rp_bytes_str("\x80"));
    struct rp_bytes agreed;
    struct rp_bytes made_up;
    uint32_t erased;

    (void)state;
    story.kind = rp_bytes_str("story");
    story.has_teller = withdrawal.has_teller = true;
    memcpy(story.teller, other.key.public, RP_KEY_LEN);
    memcpy(withdrawal.teller, other.key.public, RP_KEY_LEN);
    agreed = slip_by(&org.key, &story);
    made_up = slip_by(&other.key, &story);
    story.content = rp_bytes_slice(&made_up);
    assert_ok(admit(&story, &org.key, NULL));
    assert_int_equal(entries(KV_TELLER), 0); /* that slip was never the organisation's */
    story.salt[0]++;
    story.content = rp_bytes_slice(&agreed);
    assert_ok(admit(&story, &org.key, NULL));
    assert_int_equal(entries(KV_TELLER), 1);

    memcpy(withdrawal.key, other.key.public, RP_KEY_LEN);
    withdrawal.content = rp_bytes_slice(&made_up);
    assert_int_equal(admit(&withdrawal, &other.key, NULL), RP_ERR_KEY);
    withdrawal.content = rp_bytes_slice(&agreed);
    memcpy(withdrawal.key, other.paper.public, RP_KEY_LEN); /* neither's key */
    assert_int_equal(admit(&withdrawal, &other.paper, NULL), RP_ERR_KEY);
    memcpy(withdrawal.key, other.key.public, RP_KEY_LEN);
    withdrawal.kind = rp_bytes_str("vouch"); /* the teller may not say anything else */
    assert_int_equal(admit(&withdrawal, &other.key, NULL), RP_ERR_KEY);
    withdrawal.kind = rp_bytes_str("withdrawal");
    assert_ok(admit(&withdrawal, &other.key, &erased));
    assert_int_equal(erased, 2);
    rp_bytes_free(&agreed);
    rp_bytes_free(&made_up);
}

static void withdraws_however_many_versions(void **state)
{
    struct rp_record withdrawal = control(1, "withdrawal", rp_bytes_str("\x80"));
    uint32_t erased;

    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        struct rp_record fields = version(1, i);

        assert_ok(admit(&fields, &org.key, NULL));
    }
    assert_ok(admit(&withdrawal, &org.key, &erased));
    assert_int_equal(erased, 40);
    assert_int_equal(entries(KV_LOG), 1);
    assert_int_equal(entries(KV_OBJECT), 1);
}

/* Nobody can take back what organisations rest on. */
static void identities_and_withdrawals_stay(void **state)
{
    struct rp_record identity = control(1, "identity", rp_bytes_str("\x80"));
    struct rp_record withdrawal = control(1, "withdrawal", rp_bytes_str("\x80"));
    uint32_t erased;

    (void)state;
    assert_ok(admit(&identity, &org.key, NULL));
    assert_ok(admit(&withdrawal, &org.key, &erased));
    assert_int_equal(erased, 0);
    identity.salt[0]++;
    assert_ok(admit(&identity, &org.key, NULL));
    withdrawal.salt[0]++;
    assert_ok(admit(&withdrawal, &org.key, &erased));
    assert_int_equal(erased, 0);
    assert_int_equal(entries(KV_LOG), 4);
}

/* An object's id does not say whose scope it is in; the withdrawal's does. */
static void withdraws_in_its_own_scope_alone(void **state)
{
    struct rp_record local = version(1, 1);
    struct rp_record withdrawal = control(1, "withdrawal", rp_bytes_str("\x80"));
    struct kv_txn *txn = begin(true);
    struct org self = {.number = ORG_SELF,
                       .accepted = true,
                       .ever = true,
                       .inception = rp_bytes_slice(&org.inception)};
    uint32_t erased;

    (void)state;
    memcpy(self.id, org.identity.org, RP_ID_LEN);
    orgs_save(txn, &self);
    assert_ok(kv_commit(txn));
    memcpy(local.scope, rp_record_local, RP_ID_LEN);
    assert_ok(admit(&local, &org.key, NULL));
    assert_ok(admit(&withdrawal, &org.key, &erased));
    assert_int_equal(erased, 0);
    memcpy(withdrawal.scope, rp_record_local, RP_ID_LEN);
    assert_ok(admit(&withdrawal, &org.key, &erased));
    assert_int_equal(erased, 1);
}

/* {"versions": [...]} of ${n} ids, the last of ${last} bytes. */
static struct rp_bytes versions_of(uint8_t ids[][RP_ID_LEN], uint32_t n, size_t last)
{
    struct rp_bytes content;
    struct rp_writer w;

    rp_writer_init(&w, 1000);
    rp_writer_map(&w, 1);
    rp_writer_str(&w, "versions");
    rp_writer_array(&w, n);
    for (uint32_t i = 0; i < n; i++)
        rp_writer_bin(&w, ids[i], i + 1 < n ? RP_ID_LEN : last);
    assert_ok(rp_writer_take(&w, &content));
    return content;
}

static void id_of(uint8_t id[static RP_ID_LEN], const struct rp_record *fields)
{
    struct rp_record parsed;
    struct rp_bytes body;

    assert_ok(rp_record_write(&body, fields));
    assert_ok(rp_record_parse(&parsed, rp_bytes_slice(&body)));
    memcpy(id, parsed.id, RP_ID_LEN);
    rp_bytes_free(&body);
}

static void a_list_withdraws_versions_of_its_own_object_alone(void **state)
{
    struct rp_record mine = version(1, 1);
    struct rp_record kept = version(1, 2);
    struct rp_record anothers = version(2, 1);
    uint8_t ids[4][RP_ID_LEN] = {{0}}; /* last: none; it would stand for all */
    struct rp_record withdrawal;
    struct rp_bytes content;
    uint32_t erased;

    (void)state;
    assert_ok(admit(&mine, &org.key, NULL));
    assert_ok(admit(&kept, &org.key, NULL));
    assert_ok(admit(&anothers, &org.key, NULL));
    id_of(ids[0], &mine);
    id_of(ids[1], &anothers);
    unit_fill(ids[2], 9); /* not here yet */
    content = versions_of(ids, 4, RP_ID_LEN - 1);
    withdrawal = control(1, "withdrawal", rp_bytes_slice(&content));
    assert_ok(admit(&withdrawal, &org.key, &erased));
    assert_int_equal(erased, 0); /* not all are ids: void as a whole */
    assert_int_equal(entries(KV_WITHDRAWN), 0);
    rp_bytes_free(&content);
    content = versions_of(ids, 4, RP_ID_LEN);
    withdrawal = control(1, "withdrawal", rp_bytes_slice(&content));
    assert_ok(admit(&withdrawal, &org.key, &erased));
    assert_int_equal(erased, 1);
    assert_int_equal(entries(KV_WITHDRAWN), 3);
    assert_int_equal(admit(&mine, &org.key, NULL), RP_ERR_WITHDRAWN);
    assert_int_equal(admit(&kept, &org.key, NULL), RP_ERR_EXISTS);
    assert_int_equal(admit(&anothers, &org.key, NULL), RP_ERR_EXISTS);
    rp_bytes_free(&content);
}

/* Records of later versions ${from} to ${to}, in one transaction. */
static void meet_later(unsigned from, unsigned to)
{
    int err;
    struct batch *batch = batch_begin(kv, &err);

    assert_non_null(batch);
    for (unsigned i = from; i < to; i++) {
        uint8_t id[32];

        unit_fill(id, i);
        admit_later(batch, id, i);
    }
    assert_ok(batch_commit(batch));
}

static void notes_later_versions_up_to_a_bound(void **state)
{
    static const uint8_t broken[3];
    struct kv_key count = batch_meta_key(META_LATER);

    (void)state;
    meet_later(0, 16384);
    assert_int_equal(entries(KV_LATER), 16384);
    meet_later(16383, 16384); /* one that is known: nothing changes */
    assert_int_equal(entries(KV_LATER), 16384);
    meet_later(16384, 16385);
    assert_int_equal(entries(KV_LATER), 1);
    meet_later(0, 10);
    assert_int_equal(entries(KV_LATER), 11);
    put(KV_META, &count, (struct rp_slice){broken, sizeof broken}); /* then it counts anew */
    meet_later(20, 30);
    assert_int_equal(entries(KV_LATER), 21);
}

/* The store's own way to remove, and how often it still works. */
static int (*real_del)(struct kv_txn *txn, enum kv_table table, struct rp_slice key);
static unsigned deletions;

static int frail_del(struct kv_txn *txn, enum kv_table table, struct rp_slice key)
{
    return deletions-- > 0 ? real_del(txn, table, key) : RP_ERR_IO;
}

/* A store that fails while the old notes go ends the transaction, and the loop with it. */
static void a_failing_store_ends_forgetting(void **state)
{
    struct kv_ops frail = *kv->ops;
    uint8_t id[32] = {1};
    int err;
    struct batch *batch;

    (void)state;
    meet_later(100, 16484);
    real_del = frail.del;
    frail.del = frail_del;
    kv->ops = &frail;
    deletions = 10;
    batch = batch_begin(kv, &err);
    assert_non_null(batch);
    admit_later(batch, id, 1);
    assert_int_equal(deletions, UINT_MAX); /* tried no further */
    assert_int_equal(batch_commit(batch), RP_ERR_IO);
    frail.del = real_del;
    assert_int_equal(entries(KV_LATER), 16384);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(takes_what_is_for_all_and_of_its_own_what_is_local, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(who_was_accepted_once_may_still_say_what_lasts, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_organisation_that_cannot_be_read_fails_the_batch, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_organisation_that_has_a_number_alone_is_unknown, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(only_the_tellers_key_and_an_agreed_slip_withdraw, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(withdraws_however_many_versions, setup, teardown),
        cmocka_unit_test_setup_teardown(identities_and_withdrawals_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(withdraws_in_its_own_scope_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_list_withdraws_versions_of_its_own_object_alone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(notes_later_versions_up_to_a_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failing_store_ends_forgetting, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
