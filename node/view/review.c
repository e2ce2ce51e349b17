#include <string.h>

#include "author/review.h"
#include "rp/err.h"
#include "rp/reader.h"
#include "store/circles.h"
#include "view_private.h"

/* Stories that wait for a second person: for the node's own people alone, who have to read them. */

static bool flag_of(struct rp_slice block, const char *field)
{
    struct rp_reader value;

    return rp_reader_find(block, field, &value) && rp_reader_bool(&value);
}

/* What is held; with its content when ${whole}. */
static void write_held(struct rp_writer *w, const struct view_source *source, struct kv_txn *txn,
                       const struct rp_record *record, bool whole)
{
    uint8_t object[RP_ID_LEN];
    struct rp_reader value;
    struct rp_slice consent = {NULL, 0};
    uint32_t scope;
    struct held held;

    if (!review_read(&held, record)) {
        rp_writer_map(w, 0);
        return;
    }
    if (rp_reader_find(held.content, "consent", &value))
        consent = rp_reader_item(&value);
    if (!circles_scope_number(txn, held.scope, &scope))
        scope = SCOPE_LOCAL; /* a circle that is gone: it cannot go there any more */
    review_object(object, &held, record->org);
    rp_writer_map(w, 9 + whole);
    put_time(w, "at", record->made);
    put_audience(w, source, scope);
    rp_writer_str(w, "by");
    rp_writer_text(w, held.by);
    rp_writer_str(w, "child");
    rp_writer_bool(w, flag_of(consent, "child"));
    if (whole)
        put_content(w, "content", held.content);
    put_text(w, "kind", held.kind->name);
    put_hex(w, "object", object, RP_ID_LEN);
    rp_writer_str(w, "special_data");
    rp_writer_bool(w, flag_of(consent, "special_data"));
    rp_writer_str(w, "teller");
    rp_writer_bool(w, held.teller.len > 0);
    rp_writer_str(w, "title");
    if (rp_reader_find(held.content, "title", &value) && rp_reader_peek(&value) == RP_TYPE_STR)
        rp_writer_text(w, rp_reader_str(&value));
    else
        rp_writer_nil(w);
}

void view_review(struct rp_writer *w, const struct rp_record *record,
                 const struct view_source *source)
{
    int err;
    struct kv_txn *txn = kv_begin(source->kv, false, &err);

    if (txn == NULL) {
        w->err = err;
        return;
    }
    write_held(w, source, txn, record, true);
    kv_abort(txn);
}

/* The next entry of those that wait, oldest first; the walk is kept in ${it}. */
static bool next_held(struct view_walk *walk, struct kv_txn *txn, struct kv_iter *it)
{
    struct kv_key prefix = records_head_prefix(SCOPE_LOCAL, rp_bytes_str("held"));

    if (walk->after.len == 0) {
        kv_first(it, txn, KV_HEAD, kv_key_slice(&prefix));
    } else {
        kv_from(it, txn, KV_HEAD, kv_key_slice(&walk->after), prefix.len);
        if (it->found && rp_bytes_compare(it->key, kv_key_slice(&walk->after)) == 0)
            kv_next(it);
    }
    if (it->found && walk->looked++ == VIEW_TURN) {
        walk->more = true;
        kv_stop(it);
        return false;
    }
    if (!it->found)
        return false;
    walk->after.len = 0;
    kv_key_bytes(&walk->after, it->key.data, it->key.len);
    return true;
}

bool view_reviews_next(struct view_walk *walk, struct rp_writer *w,
                       const struct view_source *source, int *err)
{
    struct kv_txn *txn = kv_begin(source->kv, false, err);
    bool found = false;
    struct kv_iter it;

    walk->more = false;
    while (txn != NULL && !found && next_held(walk, txn, &it)) {
        struct rp_opened opened;
        struct place place;

        found = records_open(txn, records_seq_of_key(it.key), &place, &opened);
        kv_stop(&it);
        if (!found)
            continue;
        write_held(w, source, txn, &opened.record, false);
        rp_record_close(&opened);
    }
    if (txn != NULL) {
        *err = kv_err(txn);
        kv_abort(txn);
    }
    return found && *err == RP_OK;
}

uint64_t view_reviews_count(const struct view_source *source)
{
    struct kv_key key = records_head_prefix(SCOPE_LOCAL, rp_bytes_str("held"));
    struct rp_slice value;
    struct kv_txn *txn;
    uint64_t n = 0;
    int err;

    if ((txn = kv_begin(source->kv, false, &err)) == NULL)
        return 0;
    if (kv_get(txn, KV_COUNT, kv_key_slice(&key), &value) && value.len == 8)
        n = kv_number(value.data, 8);
    kv_abort(txn);
    return n;
}
