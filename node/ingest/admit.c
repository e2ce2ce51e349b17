#include "admit.h"

#include <stdlib.h>
#include <string.h>

#include "rp/err.h"
#include "rp/identity.h"
#include "rp/reader.h"
#include "store/circles.h"
#include "store/orgs.h"
#include "store/quota.h"
#include "store/told.h"
#include "succession.h"

#define LATER_MAX                                                                                  \
    16384 /* records of later versions that are remembered; anybody can make some up */

static const uint8_t whole_object[RP_SYMBOL_LEN] = {0};

/* Key of "withdrawn": an object, whole or (${version} not zero) one version of it. */
static struct kv_key withdrawn_key(uint32_t scope, const uint8_t object[static RP_ID_LEN],
                                   const uint8_t version[static RP_SYMBOL_LEN])
{
    struct kv_key key = {.len = 0};

    kv_key_number(&key, scope, 4);
    kv_key_bytes(&key, object, RP_ID_LEN);
    kv_key_bytes(&key, version, RP_SYMBOL_LEN);
    return key;
}

/* ${since}: when what withdraws it came; 0 if that is damaged. */
static bool is_withdrawn(struct kv_txn *txn, const struct rp_record *record, uint32_t scope,
                         uint64_t *since)
{
    struct kv_key whole = withdrawn_key(scope, record->object, whole_object);
    struct kv_key version = withdrawn_key(scope, record->object, record->id);
    struct rp_slice value;
    struct rp_slice packed;
    struct place place;

    if (!kv_get(txn, KV_WITHDRAWN, kv_key_slice(&whole), &value) &&
        !kv_get(txn, KV_WITHDRAWN, kv_key_slice(&version), &value))
        return false;
    *since = value.len >= RP_SYMBOL_LEN && records_find(txn, value.data, &place) &&
                     records_load(txn, place.seq, &place, &packed)
                 ? place.first_seen
                 : 0;
    return true;
}

/* Whether the record may be in the circle with this number, and we have accepted that. */
static int check_circle(struct kv_txn *txn, const struct rp_record *record, uint32_t number)
{
    struct circle_entry entry;
    struct rp_circle circle;

    if (!circles_load(txn, number, &entry) ||
        rp_circle_open_trusted(&circle, entry.issued) != RP_OK ||
        !rp_circle_has(&circle, record->org))
        return RP_ERR_SHAPE;
    return entry.state == CIRCLE_ACCEPTED ? RP_OK : RP_ERR_DENIED;
}

/* The number of the record's scope. */
static int check_scope(struct kv_txn *txn, const struct rp_record *record, uint32_t *out)
{
    if (!circles_scope_number(txn, record->scope, out))
        return RP_ERR_SHAPE;
    return *out < SCOPE_FIRST_CIRCLE ? RP_OK : check_circle(txn, record, *out);
}

/* The slip in a record; whether some key of the organisation signed it over the record's object. */
static bool slip_holds(const struct rp_identity *identity, const struct rp_record *record,
                       uint8_t slip[static RP_SIG_LEN])
{
    struct rp_reader value;

    (void)rp_reader_find(record->content, "slip", &value);
    rp_reader_bin_into(&value, slip, RP_SIG_LEN);
    if (value.err != RP_OK)
        return false;
    for (uint32_t i = 0; i <= identity->number; i++) {
        if (rp_key_verify(slip, identity->keys[i], RP_DOMAIN_SIGN_SLIP, record->object) == RP_OK)
            return true;
    }
    return false;
}

static bool is_withdrawal(const struct rp_record *record)
{
    return record->set == RP_SET_CONTROL && rp_record_is_kind(record, "withdrawal");
}

bool admit_is_tellers(const struct rp_identity *identity, const struct rp_record *record)
{
    uint8_t slip[RP_SIG_LEN];

    return is_withdrawal(record) && record->has_teller &&
           memcmp(record->key, record->teller, RP_KEY_LEN) == 0 &&
           slip_holds(identity, record, slip);
}

/* In a circle membership is enough. A succession is taken of every organisation that is known: its
 * keys are judged by it everywhere. */
static int check_standing(struct kv_txn *txn, const struct rp_record *record, uint32_t scope,
                          uint32_t *number, struct chain *chain)
{
    bool is_succession = rp_succession_is_meant(record);
    struct org org;
    int err;

    *number = orgs_number(txn, record->org);
    if (*number == 0 || !orgs_load(txn, *number, &org))
        return RP_ERR_UNKNOWN_ORG;
    if (scope < SCOPE_FIRST_CIRCLE && !is_succession && (!org.accepted || org.blocked) &&
        !(org.ever && records_lane(record) == LANE_LASTING))
        return RP_ERR_UNKNOWN_ORG;
    err = chain_read(chain, &org);
    if (err == RP_OK && !is_succession)
        err = succession_judge(chain, record);
    if (err == RP_ERR_CORRUPT || err == RP_ERR_NOMEM)
        kv_fail(txn, err);
    return err;
}

/* Whether a withdrawal can cover the record: all but what organisations themselves rest on. */
static bool is_coverable(const struct rp_record *record)
{
    static const char *const never[] = {"identity", "revocation", "withdrawal"};

    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        if (record->set == RP_SET_CONTROL && rp_record_is_kind(record, never[i]))
            return false;
    }
    return true;
}

/* Whether ${seq}, a version of the withdrawn object, is one that a withdrawal may cover. */
static bool may_be_covered(struct kv_txn *txn, uint64_t seq, uint32_t scope, struct place *place)
{
    struct rp_slice packed;
    struct rp_opened opened;
    bool may;

    if (!records_load(txn, seq, place, &packed) || place->scope != scope)
        return false;
    if (place->lane != LANE_LASTING)
        return true;
    if (!records_open(txn, seq, place, &opened))
        return false;
    may = is_coverable(&opened.record);
    rp_record_close(&opened);
    return may;
}

static void erase(struct batch *batch, uint64_t seq, struct place place, struct admission *out)
{
    struct erased erased = {.place = place};
    struct erased *grown;

    records_erase(batch, seq, erased.symbol);
    grown = realloc(out->erased, (out->erased_n + 1) * sizeof *grown);
    if (grown == NULL) {
        kv_fail(batch_txn(batch), RP_ERR_NOMEM);
        return;
    }
    out->erased = grown;
    out->erased[out->erased_n++] = erased;
}

static void erase_covered(struct batch *batch, uint64_t seq, uint32_t scope, struct admission *out)
{
    struct place place;

    if (may_be_covered(batch_txn(batch), seq, scope, &place))
        erase(batch, seq, place, out);
}

/* All stored versions of ${object}: their numbers, at most as many as fit a batch's memory. */
static uint64_t *versions_of(struct kv_txn *txn, const uint8_t object[static RP_ID_LEN],
                             uint32_t *n)
{
    uint64_t *seqs = NULL;
    uint32_t cap = 0;
    struct kv_iter it;

    *n = 0;
    for (kv_first(&it, txn, KV_OBJECT, (struct rp_slice){object, RP_ID_LEN}); it.found;
         kv_next(&it)) {
        if (*n == cap) {
            uint64_t *grown = realloc(seqs, (cap = cap > 0 ? 2 * cap : 16) * sizeof *grown);

            if (grown == NULL) {
                kv_stop(&it);
                kv_fail(txn, RP_ERR_NOMEM);
                break;
            }
            seqs = grown;
        }
        seqs[(*n)++] = records_seq_of_key(it.key);
    }
    return seqs;
}

/* Notes what a withdrawal covers, together with a copy of it: see repair.h. */
static void put_withdrawn(struct batch *batch, const struct kv_key *key,
                          const struct rp_record *record, struct rp_slice packed)
{
    struct rp_bytes value;

    if (rp_bytes_join(&value, (struct rp_slice){record->id, RP_SYMBOL_LEN}, packed) != RP_OK) {
        kv_fail(batch_txn(batch), RP_ERR_NOMEM);
        return;
    }
    kv_put(batch_txn(batch), KV_WITHDRAWN, kv_key_slice(key), rp_bytes_slice(&value));
    rp_bytes_free(&value);
}

static void withdraw_whole(struct batch *batch, const struct rp_record *record,
                           struct rp_slice packed, uint32_t scope, struct admission *out)
{
    struct kv_key key = withdrawn_key(scope, record->object, whole_object);
    uint32_t n;
    uint64_t *seqs = versions_of(batch_txn(batch), record->object, &n);

    put_withdrawn(batch, &key, record, packed);
    for (uint32_t i = 0; i < n; i++)
        erase_covered(batch, seqs[i], scope, out);
    free(seqs);
}

static void withdraw_version(struct batch *batch, const struct rp_record *record,
                             struct rp_slice packed, uint32_t scope,
                             const uint8_t version[static RP_ID_LEN], struct admission *out)
{
    struct kv_txn *txn = batch_txn(batch);
    struct kv_key key = withdrawn_key(scope, record->object, version);
    struct place place;

    if (memcmp(version, whole_object, RP_SYMBOL_LEN) == 0)
        return; /* no record has such an id, and the key stands for all versions */
    put_withdrawn(batch, &key, record, packed);
    if (records_find(txn, version, &place) && records_is_version(txn, place.seq, record->object))
        erase_covered(batch, place.seq, scope, out);
}

/* Carries out a withdrawal: of the versions it lists, or of the whole object. */
static void withdraw(struct batch *batch, const struct rp_record *record, struct rp_slice packed,
                     uint32_t scope, struct admission *out)
{
    uint8_t version[RP_ID_LEN];
    struct rp_reader versions;
    struct rp_reader check;
    uint32_t n;

    if (!rp_reader_find(record->content, "versions", &versions)) {
        withdraw_whole(batch, record, packed, scope, out);
        return;
    }
    check = versions;
    n = rp_reader_array(&versions);
    for (uint32_t i = rp_reader_array(&check); i > 0; i--)
        rp_reader_bin_into(&check, version, sizeof version);
    if (check.err != RP_OK) /* void as a whole: nobody can tell what it means to cover */
        return;
    for (uint32_t i = 0; i < n; i++) {
        rp_reader_bin_into(&versions, version, sizeof version);
        withdraw_version(batch, record, packed, scope, version, out);
    }
}

/* What a withdrawal that is gone has noted. */
static void forget_withdrawn(struct kv_txn *txn, const struct erased *gone,
                             const uint8_t object[static RP_ID_LEN])
{
    struct kv_key prefix = {.len = 0};
    struct kv_iter it;
    bool found;

    kv_key_number(&prefix, gone->place.scope, 4);
    kv_key_bytes(&prefix, object, RP_ID_LEN);
    do {
        struct kv_key key = {.len = 0};

        found = false;
        for (kv_first(&it, txn, KV_WITHDRAWN, kv_key_slice(&prefix)); it.found; kv_next(&it)) {
            found = it.value.len >= RP_SYMBOL_LEN &&
                    memcmp(it.value.data, gone->symbol, RP_SYMBOL_LEN) == 0;
            if (!found)
                continue;
            kv_key_bytes(&key, it.key.data, it.key.len);
            kv_stop(&it);
            kv_del(txn, KV_WITHDRAWN, kv_key_slice(&key));
            break;
        }
    } while (found && kv_err(txn) == RP_OK);
}

/* Has the withdrawals of ${object} that are left cover again what they cover: the one that is gone
 * may have stood in their place. */
static void withdraw_again(struct batch *batch, uint32_t scope,
                           const uint8_t object[static RP_ID_LEN], struct admission *out)
{
    struct kv_txn *txn = batch_txn(batch);
    uint32_t n;
    uint64_t *seqs = versions_of(txn, object, &n);

    for (uint32_t i = 0; i < n && kv_err(txn) == RP_OK; i++) {
        struct rp_opened opened;
        struct rp_slice packed;
        struct rp_bytes copy;
        struct place place;

        if (!records_load(txn, seqs[i], &place, &packed) || place.scope != scope ||
            place.lane != LANE_LASTING)
            continue;
        if (rp_bytes_copy(&copy, packed.data, packed.len) != RP_OK) {
            kv_fail(txn, RP_ERR_NOMEM);
            break;
        }
        if (records_open(txn, seqs[i], &place, &opened)) {
            if (is_withdrawal(&opened.record))
                withdraw(batch, &opened.record, rp_bytes_slice(&copy), scope, out);
            rp_record_close(&opened);
        }
        rp_bytes_free(&copy);
    }
    free(seqs);
}

void admit_disown(struct batch *batch, uint64_t seq, struct admission *out)
{
    struct kv_txn *txn = batch_txn(batch);
    uint8_t object[RP_ID_LEN];
    struct rp_opened opened;
    struct erased gone;
    bool withdrew;

    if (!records_open(txn, seq, &gone.place, &opened))
        return;
    memcpy(object, opened.record.object, RP_ID_LEN);
    memcpy(gone.symbol, opened.record.id, RP_SYMBOL_LEN);
    withdrew = is_withdrawal(&opened.record);
    rp_record_close(&opened);
    erase(batch, seq, gone.place, out);
    if (!withdrew)
        return;
    forget_withdrawn(txn, &gone, object);
    withdraw_again(batch, gone.place.scope, object, out);
}

/* Keeps what the record says of its teller: see told.h. */
static void keep_told(struct kv_txn *txn, const struct rp_identity *identity, uint32_t org,
                      const struct rp_record *record)
{
    uint8_t slip[RP_SIG_LEN];

    if (!record->has_teller)
        return;
    if (org == ORG_SELF)
        told_keep_own(txn, record);
    if (slip_holds(identity, record, slip))
        told_keep(txn, record, slip);
}

/* Whether a withdrawal takes something away that is here. */
static bool covers_something(struct kv_txn *txn, const struct rp_record *record, uint32_t scope)
{
    uint32_t n;
    uint64_t *seqs = versions_of(txn, record->object, &n);
    bool found = false;

    for (uint32_t i = 0; i < n && !found; i++) {
        struct place place;

        found = may_be_covered(txn, seqs[i], scope, &place);
    }
    free(seqs);
    return found;
}

/*
 * Whether a record of the commons need not wait (SPEC 6.1). Lasting control records are bounded by
 * their number, but for withdrawals of what is here; successions are few.
 */
static bool has_room(struct kv_txn *txn, const struct rp_record *record, size_t bytes,
                     const struct place *place)
{
    struct usage usage;
    struct org org;

    if (place->scope != SCOPE_COMMONS || place->org == ORG_SELF || rp_succession_is_meant(record))
        return true;
    usage_load(txn, place->org, &usage);
    if (records_lane(record) != LANE_LASTING)
        return usage_has_room(txn, &usage, bytes);
    if (is_withdrawal(record) && covers_something(txn, record, place->scope))
        return true;
    if (orgs_load(txn, place->org, &org) &&
        usage.lasting >= usage_lasting_max(&usage, org.since, place->first_seen))
        return false;
    usage_count_lasting(txn, place->org);
    return true;
}

/* Notes that the record waits: whose it is, and what it takes. */
static void hold_back(struct kv_txn *txn, const struct rp_record *record, size_t bytes,
                      struct admission *out)
{
    enum lane lane = records_lane(record);

    out->waiting = (struct waiting_entry){
        .org = out->place.org,
        .lane = lane,
        .bytes = lane == LANE_LASTING ? 0 : (uint32_t)bytes,
    };
    memcpy(out->waiting.symbol, record->id, RP_SYMBOL_LEN);
    memcpy(out->waiting.object, record->object, RP_SYMBOL_LEN);
    waiting_save(txn, &out->waiting);
}

int admit_record(struct batch *batch, const struct rp_record *record, struct rp_slice packed,
                 uint64_t now_ms, struct admission *out)
{
    struct kv_txn *txn = batch_txn(batch);
    struct chain chain;
    uint32_t scope;
    uint32_t org;
    int err;

    *out = (struct admission){0};
    if ((err = check_scope(txn, record, &scope)) != RP_OK)
        return err;
    if (records_find(txn, record->id, &out->place))
        return RP_ERR_EXISTS;
    if ((err = check_standing(txn, record, scope, &org, &chain)) != RP_OK)
        return kv_err(txn) != RP_OK ? kv_err(txn) : err;
    if (scope == SCOPE_LOCAL && org != ORG_SELF)
        return RP_ERR_SHAPE; /* somebody else's that should never have left */
    if (is_coverable(record) && is_withdrawn(txn, record, scope, &out->withdrawn_since)) {
        out->place.scope = scope;
        waiting_remove(txn, record->id);
        return RP_ERR_WITHDRAWN;
    }
    out->place = (struct place){.org = org, .scope = scope, .first_seen = now_ms};
    if (!has_room(txn, record, packed.len, &out->place)) {
        hold_back(txn, record, packed.len, out);
        return kv_err(txn) != RP_OK ? kv_err(txn) : RP_ERR_QUOTA;
    }
    if (rp_succession_is_meant(record)) {
        err = succession_admit(batch, record, packed, &chain, out);
    } else {
        records_insert(batch, record, packed, &out->place);
        keep_told(txn, &chain.identity, org, record);
        if (is_withdrawal(record))
            withdraw(batch, record, packed, scope, out);
        err = kv_err(txn);
    }
    if (kv_err(txn) != RP_OK)
        admit_free(out);
    return err;
}

void admit_free(struct admission *admission)
{
    free(admission->erased);
    admission->erased = NULL;
    admission->erased_n = 0;
}

/* Forgets all records of later versions: they are met again, and it is only a note. */
static void forget_later(struct kv_txn *txn)
{
    struct kv_iter it;

    do {
        struct kv_key key = {.len = 0};

        kv_first(&it, txn, KV_LATER, (struct rp_slice){NULL, 0});
        if (!it.found)
            return;
        kv_key_bytes(&key, it.key.data, it.key.len);
        kv_stop(&it);
        kv_del(txn, KV_LATER, kv_key_slice(&key));
    } while (kv_err(txn) == RP_OK);
}

void admit_later(struct batch *batch, const uint8_t id[static RP_ID_LEN], uint64_t now_ms)
{
    struct kv_key value = {.len = 0};
    struct kv_key count_key = batch_meta_key(META_LATER);
    struct kv_key count_value = {.len = 0};
    struct rp_slice stored;
    uint64_t count = 0;

    if (kv_get(batch_txn(batch), KV_LATER, (struct rp_slice){id, RP_SYMBOL_LEN}, NULL))
        return;
    if (kv_get(batch_txn(batch), KV_META, kv_key_slice(&count_key), &stored) && stored.len == 8)
        count = kv_number(stored.data, 8);
    if (count >= LATER_MAX) {
        forget_later(batch_txn(batch));
        count = 0;
    }
    kv_key_number(&count_value, count + 1, 8);
    kv_put(batch_txn(batch), KV_META, kv_key_slice(&count_key), kv_key_slice(&count_value));
    kv_key_number(&value, now_ms, 8);
    kv_put(batch_txn(batch), KV_LATER, (struct rp_slice){id, RP_SYMBOL_LEN}, kv_key_slice(&value));
}
