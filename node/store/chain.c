#include "chain.h"

#include <string.h>

#include "rp/err.h"
#include "rp/reader.h"
#include "rp/writer.h"

#define SUCCESSIONS_LEN_MAX 39000 /* the array of them */

/* Reads the ${n}th succession: it follows, or is one of two that would. */
static int read_one(struct chain *chain, uint32_t n, bool follows)
{
    struct rp_opened opened;
    int err = rp_record_open_trusted(&opened, chain->packed[n]);

    if (err != RP_OK)
        return err == RP_ERR_NOMEM ? err : RP_ERR_CORRUPT;
    memcpy(chain->ids[n], opened.record.id, RP_ID_LEN);
    if (follows && rp_identity_succeed(&chain->identity, &opened.record) != RP_OK)
        err = RP_ERR_CORRUPT;
    rp_record_close(&opened);
    if (follows)
        memcpy(chain->committed[n + 1], chain->identity.next, RP_HASH_LEN);
    return err;
}

/* Whether the last two of ${n} are of one number. */
static int find_fork(struct chain *chain, uint32_t n)
{
    uint64_t numbers[2] = {0};

    for (uint32_t i = 0; n >= 2 && i < 2; i++) {
        struct rp_succession succession;
        struct rp_opened opened;
        int err = rp_record_open_trusted(&opened, chain->packed[n - 2 + i]);

        if (err != RP_OK)
            return err == RP_ERR_NOMEM ? err : RP_ERR_CORRUPT;
        err = rp_succession_read(&succession, &opened.record);
        rp_record_close(&opened);
        if (err != RP_OK)
            return RP_ERR_CORRUPT;
        numbers[i] = succession.number;
    }
    chain->rivals = n >= 2 && numbers[0] == numbers[1] ? 2 : 0;
    return RP_OK;
}

int chain_read(struct chain *out, const struct org *org)
{
    struct rp_reader r;
    uint32_t n = 0;
    int err;

    *out = (struct chain){0};
    if (rp_identity_read(&out->identity, org->inception) != RP_OK)
        return RP_ERR_CORRUPT;
    memcpy(out->committed[0], out->identity.next, RP_HASH_LEN);
    if (org->successions.len == 0)
        return RP_OK;
    rp_reader_init(&r, org->successions);
    n = rp_reader_array(&r);
    if (n > RP_SUCCESSIONS_MAX + 1)
        return RP_ERR_CORRUPT;
    for (uint32_t i = 0; i < n; i++)
        out->packed[i] = rp_reader_bin(&r);
    if (rp_reader_end(&r) != RP_OK)
        return RP_ERR_CORRUPT;
    if ((err = find_fork(out, n)) != RP_OK)
        return err;
    for (uint32_t i = 0; i < n; i++) {
        if ((err = read_one(out, i, i < n - out->rivals)) != RP_OK)
            return err;
    }
    return RP_OK;
}

bool chain_load(struct kv_txn *txn, uint32_t number, struct chain *out)
{
    struct org org;
    int err;

    if (!orgs_load(txn, number, &org))
        return false;
    if ((err = chain_read(out, &org)) != RP_OK)
        kv_fail(txn, err);
    return err == RP_OK;
}

int chain_index(const struct chain *chain, const uint8_t key[static RP_KEY_LEN])
{
    for (uint32_t i = 0; i <= chain->identity.number; i++) {
        if (memcmp(chain->identity.keys[i], key, RP_KEY_LEN) == 0)
            return (int)i;
    }
    return -1;
}

int chain_stands_by(const struct chain *chain, int index, const uint8_t id[static RP_ID_LEN])
{
    struct rp_succession succession;
    struct rp_opened opened;
    int err;

    if ((uint32_t)index == chain->identity.number) /* the key in use */
        return RP_OK;
    if ((err = rp_record_open_trusted(&opened, chain->packed[index])) != RP_OK)
        return err == RP_ERR_NOMEM ? err : RP_ERR_CORRUPT;
    err = rp_succession_read(&succession, &opened.record);
    rp_record_close(&opened);
    if (err != RP_OK)
        return RP_ERR_CORRUPT;
    return rp_succession_stands_by(&succession, id) ? RP_OK : RP_ERR_DISOWNED;
}

void chain_save(struct kv_txn *txn, uint32_t number, const struct chain *chain)
{
    uint32_t n = chain->identity.number + chain->rivals;
    struct rp_writer w;
    struct org org;

    rp_writer_init(&w, SUCCESSIONS_LEN_MAX);
    rp_writer_array(&w, n);
    for (uint32_t i = 0; i < n; i++)
        rp_writer_bin(&w, chain->packed[i].data, chain->packed[i].len);
    if (w.err != RP_OK) {
        kv_fail(txn, w.err);
    } else if (orgs_load(txn, number, &org)) {
        org.successions = rp_writer_slice(&w);
        orgs_save(txn, &org);
    }
    rp_writer_free(&w);
}
