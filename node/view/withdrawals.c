#include <string.h>

#include "rp/err.h"
#include "rp/reader.h"
#include "rp/text.h"
#include "store/erasing.h"
#include "store/references.h"
#include "view_private.h"

#define QUOTES_MAX 100 /* shown of one object */
#define QUOTES_LOOKED 400

/* A text of the record's content, or nil where there is none of at most ${max} bytes. */
static void put_content_text(struct rp_writer *w, const char *key, const struct rp_record *record,
                             size_t max)
{
    struct rp_slice text = {NULL, 0};
    struct rp_reader value;

    if (rp_reader_find(record->content, key, &value) && rp_reader_peek(&value) == RP_TYPE_STR)
        text = rp_reader_str(&value);
    rp_writer_str(w, key);
    if (text.data != NULL && text.len <= max)
        rp_writer_text(w, text);
    else
        rp_writer_nil(w);
}

static void write_quote(struct rp_writer *w, const struct view_source *source,
                        const struct rp_record *record, const struct place *place)
{
    struct org_view org = {.name = ""};

    (void)core_org(source->core, place->org, &org);
    rp_writer_map(w, 5);
    put_org(w, "author", record->org);
    put_text(w, "author_name", org.name);
    rp_writer_str(w, "kind");
    rp_writer_text(w, record->kind);
    put_hex(w, "object", record->object, RP_ID_LEN);
    put_content_text(w, "title", record, RP_BODY_MAX);
}

static void put_quotes(struct rp_writer *w, struct kv_txn *txn, const struct view_source *source,
                       const uint8_t *object)
{
    struct rp_writer items;
    struct kv_iter it;
    uint32_t looked = 0;
    uint32_t n = 0;

    rp_writer_init(&items, w->max);
    for (kv_first(&it, txn, KV_BACKLINK, (struct rp_slice){object, RP_ID_LEN});
         it.found && n < QUOTES_MAX && looked < QUOTES_LOOKED; kv_next(&it)) {
        struct rp_opened opened;
        struct place place;

        looked++;
        if (!records_open(txn, records_seq_of_key(it.key), &place, &opened))
            continue;
        if (references_quote(&opened.record, object) &&
            view_may_show(source, &opened.record, &place) &&
            !records_is_replaced(txn, &opened.record)) {
            write_quote(&items, source, &opened.record, &place);
            n++;
        }
        rp_record_close(&opened);
    }
    rp_writer_str(w, "quoted_by");
    rp_writer_array(w, n);
    rp_writer_raw(w, rp_writer_slice(&items));
    if (w->err == RP_OK)
        w->err = items.err;
    rp_writer_str(w, "quoted_by_more");
    rp_writer_bool(w, it.found);
    kv_stop(&it);
    rp_writer_free(&items);
}

void view_quotes(struct rp_writer *w, const uint8_t object[static RP_ID_LEN],
                 const struct view_source *source)
{
    int err;
    struct kv_txn *txn = kv_begin(source->kv, false, &err);

    if (txn != NULL) {
        put_quotes(w, txn, source, object);
        err = kv_err(txn);
        kv_abort(txn);
    }
    if (w->err == RP_OK)
        w->err = err;
}

/* The versions that a withdrawal names, or nil: all of the object. */
static void put_versions(struct rp_writer *w, const struct rp_record *record)
{
    struct rp_reader list;
    uint32_t n;

    rp_writer_str(w, "versions");
    if (!rp_reader_find(record->content, "versions", &list) ||
        rp_reader_peek(&list) != RP_TYPE_ARRAY) {
        rp_writer_nil(w);
        return;
    }
    n = rp_reader_array(&list);
    rp_writer_array(w, n);
    for (uint32_t i = 0; i < n; i++) {
        char hex[2 * RP_ID_LEN + 1];
        struct rp_slice id = rp_reader_bin(&list);

        rp_text_hex(hex, id.data, id.len == RP_ID_LEN ? RP_ID_LEN : 0);
        rp_writer_str(w, hex);
    }
}

static void write_withdrawal(struct rp_writer *w, struct kv_txn *txn,
                             const struct view_source *source, const struct rp_record *record,
                             const struct place *place)
{
    uint64_t made = record->made < place->first_seen ? record->made : place->first_seen;
    bool by_teller = record->has_teller && memcmp(record->key, record->teller, RP_KEY_LEN) == 0;
    struct org_view org = {.name = ""};
    struct erasing erasing;

    (void)core_org(source->core, place->org, &org);
    rp_writer_map(w, 15);
    put_audience(w, source, place->scope);
    put_org(w, "author", record->org);
    put_text(w, "author_name", org.name);
    put_text(w, "by", by_teller ? "teller" : "organisation");
    rp_writer_str(w, "clean");
    rp_writer_bool(w, !erasing_load(txn, &erasing) || place->seq < erasing.first - 1);
    put_time(w, "first_seen", place->first_seen);
    put_honoured(w, source, place);
    put_hex(w, "id", record->id, RP_ID_LEN);
    put_content_text(w, "kind", record, RP_KIND_LEN_MAX);
    put_time(w, "made", made);
    put_hex(w, "object", record->object, RP_ID_LEN);
    rp_writer_str(w, "ours");
    rp_writer_bool(w, place->org == ORG_SELF);
    put_quotes(w, txn, source, record->object);
    put_versions(w, record);
}

/* Whether the key of KV_AUTHOR is one of control records that last; else the first such that may
 * follow is in ${next}. */
static bool is_lasting(struct rp_slice key, struct kv_key *next)
{
    if (key.data[4] == LANE_LASTING)
        return true;
    *next = records_author_prefix((uint32_t)kv_number(key.data, 4) + 1, LANE_LASTING);
    return false;
}

static bool next_withdrawal(struct view_withdrawals *walk, struct rp_writer *w,
                            const struct view_source *source, struct kv_txn *txn)
{
    bool found = false;
    struct kv_iter it;

    kv_from(&it, txn, KV_AUTHOR, kv_key_slice(&walk->next), 0);
    while (it.found && !found) {
        struct rp_opened opened;
        struct place place;

        if (walk->looked == VIEW_TURN) {
            walk->more = true;
            break;
        }
        walk->looked++;
        if (!is_lasting(it.key, &walk->next)) {
            kv_stop(&it);
            kv_from(&it, txn, KV_AUTHOR, kv_key_slice(&walk->next), 0);
            continue;
        }
        walk->next.len = 0;
        kv_key_bytes(&walk->next, it.key.data, it.key.len - 8);
        kv_key_number(&walk->next, records_seq_of_key(it.key) + 1, 8);
        if (records_open(txn, records_seq_of_key(it.key), &place, &opened)) {
            found = rp_record_is_kind(&opened.record, "withdrawal");
            if (found)
                write_withdrawal(w, txn, source, &opened.record, &place);
            rp_record_close(&opened);
        }
        if (!found)
            kv_next(&it);
    }
    kv_stop(&it);
    return found;
}

bool view_withdrawals_next(struct view_withdrawals *walk, struct rp_writer *w,
                           const struct view_source *source, int *err)
{
    struct kv_txn *txn = kv_begin(source->kv, false, err);
    bool found;

    walk->more = false;
    if (txn == NULL)
        return false;
    found = next_withdrawal(walk, w, source, txn);
    *err = kv_err(txn);
    kv_abort(txn);
    return found && *err == RP_OK;
}
