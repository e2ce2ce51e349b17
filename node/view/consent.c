#include <string.h>

#include "rp/consent.h"
#include "rp/err.h"
#include "rp/reader.h"
#include "store/due.h"
#include "store/orgs.h"
#include "view_private.h"

/*
 * Own stories whose consent runs out: for their operator alone, who has to ask again or to withdraw
 * them. So they are named here although, once it has run out, nothing else shows them.
 */

#define DAY_MS UINT64_C(86400000)
#define STATUS_MAX 100 /* in a status */

static void put_string(struct rp_writer *w, const char *key, struct rp_slice content,
                       const char *field)
{
    struct rp_reader value;

    rp_writer_str(w, key);
    if (rp_reader_find(content, field, &value) && rp_reader_peek(&value) == RP_TYPE_STR)
        rp_writer_text(w, rp_reader_str(&value));
    else
        rp_writer_nil(w);
}

static void write_item(struct rp_writer *w, const struct view_source *source,
                       const struct rp_record *record, const struct place *place)
{
    struct rp_slice date = rp_consent_review_on(record->content);
    char today[VIEW_DATE_LEN + 1];
    char soon[VIEW_DATE_LEN + 1];
    bool over;

    view_date(today, source->now_ms);
    view_date(soon, source->now_ms + VIEW_CONSENT_DAYS * DAY_MS);
    over = rp_consent_has_lapsed(record->content, place->scope == SCOPE_LOCAL, today);
    rp_writer_map(w, 6);
    put_audience(w, source, place->scope);
    put_hex(w, "object", record->object, RP_ID_LEN);
    rp_writer_str(w, "review_on");
    if (due_day(date) != 0)
        rp_writer_text(w, date);
    else
        rp_writer_nil(w);
    put_text(w, "state",
             over                                           ? "has run out"
             : due_day(date) <= due_day(rp_bytes_str(soon)) ? "runs out"
                                                            : "holds");
    rp_writer_str(w, "teller");
    rp_writer_bool(w, record->has_teller);
    put_string(w, "title", record->content, "title");
}

/* Writes the next item; false at the end, or at that of the turn. */
static bool next_due(struct view_consent *walk, struct rp_writer *w,
                     const struct view_source *source, struct kv_txn *txn)
{
    char soon[VIEW_DATE_LEN + 1];
    struct kv_key from = walk->after;
    struct kv_iter it;

    view_date(soon, source->now_ms + VIEW_CONSENT_DAYS * DAY_MS);
    for (kv_from(&it, txn, KV_DUE, kv_key_slice(&from), 0); it.found; kv_next(&it)) {
        struct rp_opened opened;
        struct place place;

        if (!walk->all && kv_number(it.key.data, 4) > due_day(rp_bytes_str(soon)))
            break;
        if (walk->looked == VIEW_TURN) {
            walk->more = true;
            break;
        }
        walk->looked++;
        walk->after.len = 0;
        kv_key_bytes(&walk->after, it.key.data, it.key.len);
        kv_key_number(&walk->after, 0, 1); /* behind it */
        if (!records_open(txn, records_seq_of_key(it.key), &place, &opened))
            continue;
        write_item(w, source, &opened.record, &place);
        rp_record_close(&opened);
        kv_stop(&it);
        return true;
    }
    if (it.found)
        kv_stop(&it);
    return false;
}

bool view_consent_next(struct view_consent *walk, struct rp_writer *w,
                       const struct view_source *source, int *err)
{
    struct kv_txn *txn = kv_begin(source->kv, false, err);
    bool found;

    walk->more = false;
    if (txn == NULL)
        return false;
    found = next_due(walk, w, source, txn);
    *err = kv_err(txn);
    kv_abort(txn);
    return found && *err == RP_OK;
}

void view_consent_due(struct rp_writer *w, const struct view_source *source)
{
    struct view_consent walk = {0};
    struct rp_writer items;
    uint32_t n = 0;
    int err = RP_OK;

    rp_writer_init(&items, w->max);
    while (n < STATUS_MAX && view_consent_next(&walk, &items, source, &err))
        n++;
    rp_writer_str(w, "consent");
    rp_writer_array(w, n);
    rp_writer_raw(w, rp_writer_slice(&items));
    if (w->err == RP_OK)
        w->err = err != RP_OK ? err : items.err;
    rp_writer_free(&items);
}
