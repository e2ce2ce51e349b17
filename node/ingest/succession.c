#include "succession.h"

#include <stdlib.h>
#include <string.h>

#include "rp/err.h"
#include "rp/reader.h"

/* The identity as it was after ${number} successions. */
static struct rp_identity identity_after(const struct chain *chain, uint32_t number)
{
    struct rp_identity identity = chain->identity;

    identity.number = number;
    memcpy(identity.next, chain->committed[number], RP_HASH_LEN);
    return identity;
}

/* Whether the record, meant as a succession, would follow succession ${number} - 1 of the chain. */
static bool could_be(const struct chain *chain, const struct rp_record *record, uint64_t number)
{
    struct rp_identity identity;

    if (number == 0 || number > chain->identity.number + UINT64_C(1))
        return false;
    identity = identity_after(chain, (uint32_t)number - 1);
    return rp_identity_succeed(&identity, record) == RP_OK;
}

/* A stored one: it is followed, or it is one of those for the number at which the chain forks. */
static int judge_succession(const struct chain *chain, const struct rp_record *record)
{
    struct rp_succession succession;

    if (rp_succession_read(&succession, record) != RP_OK ||
        !could_be(chain, record, succession.number))
        return RP_ERR_KEY;
    if (succession.number <= chain->identity.number)
        return memcmp(chain->ids[succession.number - 1], record->id, RP_ID_LEN) == 0 ? RP_OK
                                                                                     : RP_ERR_KEY;
    return chain->rivals > 0 ? RP_OK : RP_ERR_KEY;
}

int succession_judge(const struct chain *chain, const struct rp_record *record)
{
    int index;

    if (rp_succession_is_meant(record))
        return judge_succession(chain, record);
    if ((index = chain_index(chain, record->key)) < 0)
        return admit_is_tellers(&chain->identity, record) ? RP_OK : RP_ERR_KEY;
    if (memcmp(record->scope, rp_record_local, RP_ID_LEN) == 0)
        return RP_OK; /* it never left this node: no thief can have put it here */
    return chain_stands_by(chain, index, record->id);
}

/* Numbers of records, to be erased when the walk is over. */
struct seqs {
    uint64_t *items;
    size_t n;
    size_t cap;
};

static bool append_seq(struct seqs *seqs, uint64_t seq)
{
    if (seqs->n == seqs->cap) {
        size_t cap = seqs->cap > 0 ? 2 * seqs->cap : 64;
        uint64_t *items = realloc(seqs->items, cap * sizeof *items);

        if (items == NULL)
            return false;
        seqs->items = items;
        seqs->cap = cap;
    }
    seqs->items[seqs->n++] = seq;
    return true;
}

/* Collects the records of one lane, scope and organisation that are not of it any more. */
static void collect(struct kv_txn *txn, struct kv_key prefix, const struct chain *chain,
                    struct seqs *out)
{
    struct kv_iter it;

    for (kv_first(&it, txn, KV_AUTHOR, kv_key_slice(&prefix)); it.found; kv_next(&it)) {
        uint64_t seq = records_seq_of_key(it.key);
        struct rp_opened opened;
        struct place place;
        int err;

        if (!records_open(txn, seq, &place, &opened)) /* damaged: it will be found and go */
            continue;
        err = succession_judge(chain, &opened.record);
        rp_record_close(&opened);
        if (err == RP_ERR_CORRUPT || err == RP_ERR_NOMEM ||
            (err != RP_OK && !append_seq(out, seq))) {
            kv_stop(&it);
            kv_fail(txn, err == RP_ERR_CORRUPT ? err : RP_ERR_NOMEM);
            return;
        }
    }
}

/* The next scope at or after ${from} in which there are records. */
static bool next_scope(struct kv_txn *txn, uint32_t from, uint32_t *scope)
{
    struct kv_key key = records_author_prefix(from, 0);
    struct kv_iter it;
    bool found;

    kv_from(&it, txn, KV_AUTHOR, kv_key_slice(&key), 0);
    found = it.found;
    if (found)
        *scope = (uint32_t)kv_number(it.key.data, 4);
    kv_stop(&it);
    return found;
}

/* Erases what is not of ${org} any more, now that its chain is another one. */
static void sweep(struct batch *batch, uint32_t org, struct admission *out)
{
    struct kv_txn *txn = batch_txn(batch);
    struct seqs seqs = {0};
    struct chain chain;
    uint32_t scope = 0;

    if (chain_load(txn, org, &chain)) {
        for (; next_scope(txn, scope, &scope); scope++) {
            for (enum lane lane = 0; lane < LANES; lane++)
                collect(txn, records_author_key(scope, lane, org), &chain, &seqs);
        }
    }
    for (size_t i = 0; i < seqs.n && kv_err(txn) == RP_OK; i++)
        admit_disown(batch, seqs.items[i], out);
    free(seqs.items);
}

/* Puts the record at place ${n} of the chain's successions. */
static void set(struct chain *chain, uint32_t n, struct rp_slice packed, const uint8_t *id)
{
    chain->packed[n] = packed;
    memcpy(chain->ids[n], id, RP_ID_LEN);
}

/* Notes that ${packed} is one more for the number after ${before}: the two with the lowest ids are
 * kept with the organisation, whichever came first. */
static void add_rival(struct chain *chain, uint32_t before, struct rp_slice packed,
                      const uint8_t *id)
{
    uint32_t n = before + (chain->rivals > 0 ? 2 : 1);

    chain->identity = identity_after(chain, before);
    chain->rivals = 2;
    for (; n > before && memcmp(id, chain->ids[n - 1], RP_ID_LEN) < 0; n--)
        set(chain, n, chain->packed[n - 1], chain->ids[n - 1]);
    set(chain, n, packed, id);
}

/* Writes the chain with this succession, not compressed, so that what it takes is known. */
static int save_with(struct kv_txn *txn, uint32_t org, struct chain *chain, uint32_t number,
                     struct rp_slice packed)
{
    bool follows = number == chain->identity.number + 1 && chain->rivals == 0;
    struct rp_opened opened;
    struct rp_bytes plain;
    int err = rp_record_open_trusted(&opened, packed);

    if (err != RP_OK)
        return err;
    if ((err = rp_record_repack(&plain, &opened, RP_CODEC_PLAIN)) == RP_OK) {
        if (follows)
            set(chain, number - 1, rp_bytes_slice(&plain), opened.record.id);
        else
            add_rival(chain, number - 1, rp_bytes_slice(&plain), opened.record.id);
        chain->identity.number += follows;
        chain_save(txn, org, chain);
        rp_bytes_free(&plain);
    }
    rp_record_close(&opened);
    return err;
}

/* Whether it is one of those that made the chain what it is. */
static bool is_part(const struct chain *chain, const uint8_t id[static RP_ID_LEN])
{
    for (uint32_t i = 0; i < chain->identity.number + chain->rivals; i++) {
        if (memcmp(chain->ids[i], id, RP_ID_LEN) == 0)
            return true;
    }
    return false;
}

int succession_admit(struct batch *batch, const struct rp_record *record, struct rp_slice packed,
                     struct chain *chain, struct admission *out)
{
    struct kv_txn *txn = batch_txn(batch);
    struct rp_succession succession;
    uint32_t org = out->place.org;
    bool needs_sweep;
    int err = rp_succession_read(&succession, record);

    if (err != RP_OK || !could_be(chain, record, succession.number)) {
        /* one that may follow what is not known yet is nothing to report */
        out->is_false = err != RP_OK || succession.number <= chain->identity.number + UINT64_C(1) ||
                        chain_index(chain, record->key) >= 0;
        return RP_ERR_KEY;
    }
    if (is_part(chain, record->id)) { /* the stored record was damaged, and went */
        records_insert(batch, record, packed, &out->place);
        return kv_err(txn);
    }
    needs_sweep = succession.listed || succession.number <= chain->identity.number;
    /* first, as the chain is borrowed from what the next change may move */
    if ((err = save_with(txn, org, chain, (uint32_t)succession.number, packed)) != RP_OK)
        kv_fail(txn, err);
    records_insert(batch, record, packed, &out->place);
    out->chain_changed = true;
    if (needs_sweep)
        sweep(batch, org, out);
    return kv_err(txn);
}
