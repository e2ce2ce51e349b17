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

void receipts_free(struct beacons *b)
{
    for (uint32_t i = 0; i < b->histories_n; i++)
        free(b->histories[i].entries);
    free(b->histories);
    free(b->receipts);
}

/* In a circle there are histories of its members alone, in their order. */
uint32_t receipts_orgs(const struct beacons *b)
{
    return b->circle != NULL ? b->circle->members_n : b->core->orgs_n;
}

uint32_t receipts_org(const struct beacons *b, uint32_t i)
{
    return b->circle != NULL ? b->circle->members[i] : i;
}

/* The organisation's; NULL while there is none. */
static struct history *history_of(const struct beacons *b, uint32_t org)
{
    uint32_t i = b->circle != NULL ? 0 : org;

    while (i < b->histories_n && receipts_org(b, i) != org)
        i++;
    return i < b->histories_n ? &b->histories[i] : NULL;
}

uint64_t receipts_clean(struct kv_txn *txn)
{
    struct erasing erasing;

    if (!erasing_load(txn, &erasing))
        return UINT64_MAX;
    return erasing.first > 1 ? erasing.first - 2 : 0;
}

static bool reserve(struct beacons *b)
{
    uint32_t n = receipts_orgs(b);
    struct history *grown;

    if (b->histories_n >= n)
        return true;
    grown = realloc(b->histories, n * sizeof *grown);
    if (grown == NULL)
        return false;
    b->histories = grown;
    for (uint32_t i = b->histories_n; i < n; i++)
        b->histories[i] = (struct history){.due = true};
    b->histories_n = n;
    return true;
}

void receipts_touched(struct beacons *b, uint32_t org, bool removed)
{
    struct history *history = history_of(b, org);

    if (history == NULL)
        return;
    history->due = true;
    if (!removed)
        return;
    history->walked = 0;
    history->n = 0;
    history->sum = (struct rp_fingerprint){{0}};
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
static int walk(const struct beacons *b, struct kv_txn *txn, uint32_t i)
{
    struct history *history = &b->histories[i];
    struct kv_key from = records_author_key(b->scope->number, LANE_LASTING, receipts_org(b, i));
    size_t prefix = from.len;
    struct kv_iter it;
    int err = RP_OK;

    kv_key_number(&from, history->walked + 1, 8);
    for (kv_from(&it, txn, KV_AUTHOR, kv_key_slice(&from), prefix); it.found; kv_next(&it)) {
        uint64_t seq = records_seq_of_key(it.key);
        struct rp_opened opened;
        struct place place;

        if (seq > b->core->applied_seq)
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

int receipts_refresh(struct beacons *b, struct kv_txn *txn)
{
    int err = reserve(b) ? RP_OK : RP_ERR_NOMEM;

    for (uint32_t i = 0; err == RP_OK && i < receipts_orgs(b); i++) {
        if (b->histories[i].due)
            err = walk(b, txn, i);
    }
    return err;
}

bool receipts_tally(const struct beacons *b, uint32_t i, uint64_t seq, struct rp_tally *out,
                    uint64_t *newest)
{
    const struct history *history = &b->histories[i];
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
static uint64_t honoured_up_to(const struct beacons *b, const struct beacon *slot, uint32_t org)
{
    const struct history *history = history_of(b, org);
    struct rp_beacon beacon;

    if (rp_beacon_read(&beacon, rp_bytes_slice(&slot->sealed)) != RP_OK ||
        (beacon.state & RP_BEACON_RESTORING) || history == NULL)
        return 0;
    for (uint32_t i = 0; i < beacon.withdrawals; i++) {
        const struct rp_tally *tally = &beacon.withdrawn[i].tally;
        const struct history_entry *entry;

        if (memcmp(beacon.withdrawn[i].org, b->core->orgs[org].id, RP_ID_LEN) != 0)
            continue;
        if (tally->count == 0 || tally->count > history->n)
            return 0;
        entry = &history->entries[tally->count - 1];
        return memcmp(entry->digest, tally->digest, RP_HASH_LEN) == 0 ? entry->seq : 0;
    }
    return 0;
}

static int fill(struct beacons *b, uint32_t org, uint64_t now_ms)
{
    struct core_receipt *receipts;
    struct kv_txn *txn;
    int err;

    if ((txn = kv_begin(b->core->kv, false, &err)) == NULL)
        return err;
    err = receipts_refresh(b, txn);
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

        if (beacons_is_shown(b, slot, now_ms))
            receipts[b->receipts_n++] =
                (struct core_receipt){.node = i, .up_to = honoured_up_to(b, slot, org)};
    }
    return RP_OK;
}

int core_receipts(struct core *core, uint32_t scope, uint32_t org, uint64_t now_ms,
                  const struct core_receipt **out, uint32_t *n)
{
    struct beacons *b = beacons_by_number(core, scope);
    const struct history *history = b != NULL ? history_of(b, org) : NULL;
    bool is_due = history == NULL || history->due;
    int err = RP_OK;

    *n = 0;
    *out = NULL;
    if (b == NULL) /* we are not in the circle any more */
        return RP_OK;
    if (is_due || b->receipts_org != org || b->receipts_at != b->changes)
        err = fill(b, org, now_ms);
    if (err != RP_OK)
        return err;
    *out = b->receipts;
    *n = b->receipts_n;
    return RP_OK;
}
