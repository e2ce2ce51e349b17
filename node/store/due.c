#include "due.h"

#include "orgs.h"
#include "rp/consent.h"
#include "rp/text.h"

uint32_t due_day(struct rp_slice date)
{
    uint32_t day = 0;

    if (!rp_text_is_date(date))
        return 0;
    for (size_t i = 0; i < date.len; i++) {
        if (date.data[i] != '-')
            day = 10 * day + date.data[i] - '0';
    }
    return day;
}

/* The key of a story's entry; false when it has none. */
static bool due_key(struct kv_key *key, const struct rp_record *record, const struct place *place)
{
    struct rp_slice date;

    if (place->org != ORG_SELF || place->lane != LANE_CONTENT ||
        !rp_record_is_kind(record, "story"))
        return false;
    date = rp_consent_review_on(record->content);
    if (date.len == 0 && place->scope == SCOPE_LOCAL)
        return false;
    key->len = 0;
    kv_key_number(key, due_day(date), 4);
    kv_key_number(key, place->seq, 8);
    return true;
}

void due_put(struct kv_txn *txn, const struct rp_record *record, const struct place *place)
{
    struct kv_key key;

    if (due_key(&key, record, place))
        kv_put(txn, KV_DUE, kv_key_slice(&key), (struct rp_slice){NULL, 0});
}

void due_del(struct kv_txn *txn, const struct rp_record *record, const struct place *place)
{
    struct kv_key key;

    if (due_key(&key, record, place))
        kv_del(txn, KV_DUE, kv_key_slice(&key));
}
