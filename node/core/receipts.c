#include <stdlib.h>
#include <string.h>

#include "beacons.h"
#include "rp/err.h"
#include "store/erasing.h"

/*
 * Which withdrawals a node has (SPEC 3.7). Its beacon tells, for each organisation, how many, and
 * the digest of their sum. We know what the sum was after each of those that we met; where count
 * and digest are those of one of these moments, it has exactly what we had then. Anything else says
 * nothing: so a withdrawal may be taken for not honoured when it is, but never the other way round.
 */

void receipts_free(struct beacons *beacons)
{
    for (uint32_t i = 0; i < beacons->histories_n; i++)
        free(beacons->histories[i].entries);
    free(beacons->histories);
    free(beacons->receipts);
}

uint64_t receipts_clean(struct kv_txn *txn)
{
    struct erasing erasing;

    if (!erasing_load(txn, &erasing))
        return UINT64_MAX;
    return erasing.first > 1 ? erasing.first - 2 : 0;
}

static bool reserve(struct core *core)
{
    struct beacons *b = core->beacons;
    struct history *grown;

    if (b->histories_n >= core->orgs_n)
        return true;
    grown = realloc(b->histories, core->orgs_n * sizeof *grown);
    if (grown == NULL)
        return false;
    b->histories = grown;
    for (uint32_t i = b->histories_n; i < core->orgs_n; i++)
        b->histories[i] = (struct history){.due = true};
    b->histories_n = core->orgs_n;
    return true;
}

void receipts_touched(struct core *core, uint32_t org, bool removed)
{
    struct beacons *b = core->beacons;

    if (b == NULL || org >= b->histories_n)
        return;
    b->histories[org].due = true;
    if (!removed)
        return;
    b->histories[org].walked = 0;
    b->histories[org].n = 0;
    b->histories[org].sum = (struct rp_fingerprint){{0}};
}

static int append(struct history *history, uint64_t seq, const uint8_t *symbol)
{
    struct history_entry *entry;

    if (history->n == history->cap) {
        uint32_t cap = history->cap > 0 ? 2 * history->cap : 4;
        struct history_entry *grown = realloc(history->entries, cap * sizeof *grown);

        if (grown == NULL)
            return RP_ERR_NOMEM;
        history->entries = grown;
        history->cap = cap;
    }
    rp_fingerprint_add(&history->sum, symbol);
    entry = &history->entries[history->n++];
    entry->seq = seq;
    rp_fingerprint_digest(entry->digest, &history->sum);
    return RP_OK;
}

/* Looks at the organisation's records since the last time, as far as their outcome was told. */
static int walk(struct core *core, struct kv_txn *txn, uint32_t org)
{
    struct history *history = &core->beacons->histories[org];
    struct kv_key from = records_author_key(SCOPE_COMMONS, LANE_LASTING, org);
    size_t prefix = from.len;
    struct kv_iter it;
    int err = RP_OK;

    kv_key_number(&from, history->walked + 1, 8);
    for (kv_from(&it, txn, KV_AUTHOR, kv_key_slice(&from), prefix); it.found; kv_next(&it)) {
        uint64_t seq = records_seq_of_key(it.key);
        struct rp_opened opened;
        struct place place;

        if (seq > core->applied_seq)
            break;
        if (records_open(txn, seq, &place, &opened)) {
            if (rp_record_is_kind(&opened.record, "withdrawal"))
                err = append(history, seq, opened.record.id);
            rp_record_close(&opened);
        }
        if (err != RP_OK)
            break;
        history->walked = seq;
    }
    kv_stop(&it);
    if (err == RP_OK)
        err = kv_err(txn);
    history->due = err != RP_OK;
    return err;
}

int receipts_refresh(struct core *core, struct kv_txn *txn)
{
    int err = reserve(core) ? RP_OK : RP_ERR_NOMEM;

    for (uint32_t org = 1; err == RP_OK && org < core->orgs_n; org++) {
        if (core->beacons->histories[org].due)
            err = walk(core, txn, org);
    }
    return err;
}

bool receipts_tally(const struct core *core, uint32_t org, uint64_t seq, struct rp_tally *out,
                    uint64_t *newest)
{
    const struct history *history = &core->beacons->histories[org];
    uint32_t n = history->n;

    while (n > 0 && history->entries[n - 1].seq > seq)
        n--;
    if (n == 0)
        return false;
    out->count = n;
    memcpy(out->digest, history->entries[n - 1].digest, RP_HASH_LEN);
    *newest = history->entries[n - 1].seq;
    return true;
}

/* The last of our withdrawals of ${org} that the beacon says are honoured; 0: of none. */
static uint64_t honoured_up_to(const struct core *core, const struct beacon *slot, uint32_t org)
{
    const struct history *history = &core->beacons->histories[org];
    struct rp_beacon beacon;

    if (rp_beacon_read(&beacon, rp_bytes_slice(&slot->sealed)) != RP_OK ||
        (beacon.state & RP_BEACON_RESTORING))
        return 0;
    for (uint32_t i = 0; i < beacon.withdrawals; i++) {
        const struct rp_tally *tally = &beacon.withdrawn[i].tally;
        const struct history_entry *entry;

        if (memcmp(beacon.withdrawn[i].org, core->orgs[org].id, RP_ID_LEN) != 0)
            continue;
        if (tally->count == 0 || tally->count > history->n)
            return 0;
        entry = &history->entries[tally->count - 1];
        return memcmp(entry->digest, tally->digest, RP_HASH_LEN) == 0 ? entry->seq : 0;
    }
    return 0;
}

static int fill(struct core *core, uint32_t org, uint64_t now_ms)
{
    struct beacons *b = core->beacons;
    struct core_receipt *receipts;
    struct kv_txn *txn;
    int err;

    if ((txn = kv_begin(core->kv, false, &err)) == NULL)
        return err;
    err = receipts_refresh(core, txn);
    kv_abort(txn);
    if (err != RP_OK)
        return err;
    receipts = realloc(b->receipts, (b->slots_n + 1) * sizeof *receipts);
    if (receipts == NULL)
        return RP_ERR_NOMEM;
    b->receipts = receipts;
    b->receipts_n = 0;
    b->receipts_org = org;
    b->receipts_at = b->changes;
    for (uint32_t i = 0; i < b->slots_n; i++) {
        const struct beacon *slot = &b->slots[i];

        if (beacons_is_shown(core, slot, now_ms))
            receipts[b->receipts_n++] =
                (struct core_receipt){.node = i, .up_to = honoured_up_to(core, slot, org)};
    }
    return RP_OK;
}

int core_receipts(struct core *core, uint32_t org, uint64_t now_ms, const struct core_receipt **out,
                  uint32_t *n)
{
    struct beacons *b = core->beacons;
    bool is_due = org >= b->histories_n || b->histories[org].due;
    int err = RP_OK;

    *n = 0;
    if (is_due || b->receipts_org != org || b->receipts_at != b->changes)
        err = fill(core, org, now_ms);
    if (err != RP_OK)
        return err;
    *out = b->receipts;
    *n = b->receipts_n;
    return RP_OK;
}
