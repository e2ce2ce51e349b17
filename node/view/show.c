#include <string.h>

#include "rp/err.h"
#include "rp/text.h"
#include "view_private.h"

#define VERSIONS_MAX 256  /* shown of one object */
#define BACKLINKS_MAX 100 /* shown of one object */
#define BACKLINKS_LOOKED 400

/* A shortened id: the bytes that all digits fill, and for an odd digit the half after them. */
struct prefix {
    uint8_t bytes[RP_ID_LEN];
    size_t digits;
};

static bool parse_prefix(struct prefix *out, const char *id)
{
    memset(out, 0, sizeof *out);
    out->digits = strlen(id);
    return out->digits >= 4 && out->digits <= 2 * RP_ID_LEN &&
           rp_text_unhex(out->bytes, id, out->digits);
}

static bool has_prefix(const uint8_t *id, const struct prefix *prefix)
{
    size_t whole = prefix->digits / 2;

    return memcmp(id, prefix->bytes, whole) == 0 &&
           (prefix->digits % 2 == 0 || (id[whole] & 0xf0) == prefix->bytes[whole]);
}

/* The first object from ${from}, a key of KV_OBJECT, on that fits the prefix. */
static bool first_object(struct kv_txn *txn, const struct prefix *prefix, struct rp_slice from,
                         uint8_t object[static RP_ID_LEN])
{
    struct kv_iter it;
    bool found;

    kv_from(&it, txn, KV_OBJECT, from, prefix->digits / 2);
    found = it.found && has_prefix(it.key.data, prefix);
    if (found)
        memcpy(object, it.key.data, RP_ID_LEN);
    kv_stop(&it);
    return found;
}

/* Looks among objects: RP_ERR_AMBIGUOUS when more than one fits. */
static int find_by_object(struct kv_txn *txn, const struct prefix *prefix,
                          uint8_t object[static RP_ID_LEN])
{
    struct kv_key behind = {.len = 0};
    uint8_t other[RP_ID_LEN];

    if (!first_object(txn, prefix, (struct rp_slice){prefix->bytes, RP_ID_LEN}, object))
        return RP_ERR_NOT_FOUND;
    kv_key_bytes(&behind, object, RP_ID_LEN); /* past all its versions, however many */
    kv_key_number(&behind, UINT64_MAX, 8);
    return first_object(txn, prefix, kv_key_slice(&behind), other) ? RP_ERR_AMBIGUOUS : RP_OK;
}

/* Looks among versions, by the first half of their ids. */
static int find_by_version(struct kv_txn *txn, const struct prefix *prefix,
                           uint8_t object[static RP_ID_LEN])
{
    size_t digits = prefix->digits < 2 * RP_SYMBOL_LEN ? prefix->digits : 2 * RP_SYMBOL_LEN;
    struct prefix half = *prefix;
    struct kv_iter it;
    int err = RP_ERR_NOT_FOUND;

    half.digits = digits;
    for (kv_from(&it, txn, KV_SYMBOL, (struct rp_slice){half.bytes, RP_SYMBOL_LEN}, digits / 2);
         it.found; kv_next(&it)) {
        struct rp_opened opened;
        struct place place;

        if (!has_prefix(it.key.data, &half)) { /* sorted: none that fits comes behind it */
            kv_stop(&it);
            break;
        }
        if (!records_read_place(it.value, &place) || !records_open(txn, place.seq, &place, &opened))
            continue;
        if (has_prefix(opened.record.id, prefix)) {
            if (err == RP_OK) {
                rp_record_close(&opened);
                kv_stop(&it);
                return RP_ERR_AMBIGUOUS;
            }
            memcpy(object, opened.record.object, RP_ID_LEN);
            err = RP_OK;
        }
        rp_record_close(&opened);
    }
    return err;
}

/* Whether an object that fits was here and has been withdrawn. */
static bool was_withdrawn(const struct view_source *source, struct kv_txn *txn,
                          const struct prefix *prefix)
{
    uint32_t scope = SCOPE_COMMONS;

    do {
        struct kv_key from = {.len = 0};
        struct kv_iter it;
        bool found;

        kv_key_number(&from, scope, 4);
        kv_key_bytes(&from, prefix->bytes, RP_ID_LEN);
        kv_from(&it, txn, KV_WITHDRAWN, kv_key_slice(&from), 4 + prefix->digits / 2);
        found = it.found && has_prefix(it.key.data + 4, prefix);
        kv_stop(&it);
        if (found)
            return true;
    } while (view_next_scope(source, &scope));
    return false;
}

static int find(const struct view_source *source, struct kv_txn *txn, const char *id,
                uint8_t object[static RP_ID_LEN])
{
    struct prefix prefix;
    int err;

    if (!parse_prefix(&prefix, id))
        return RP_ERR_ARGUMENT;
    err = find_by_object(txn, &prefix, object);
    if (err == RP_ERR_NOT_FOUND)
        err = find_by_version(txn, &prefix, object);
    if (err == RP_ERR_NOT_FOUND && was_withdrawn(source, txn, &prefix))
        err = RP_ERR_WITHDRAWN;
    return kv_err(txn) != RP_OK ? kv_err(txn) : err;
}

int view_find_object(uint8_t object[static RP_ID_LEN], const char *id,
                     const struct view_source *source)
{
    struct kv_txn *txn;
    int err;

    if ((txn = kv_begin(source->kv, false, &err)) == NULL)
        return err;
    err = find(source, txn, id, object);
    kv_abort(txn);
    return err;
}

/* A version: when it is current, with its content. */
static void write_version(struct rp_writer *w, const struct rp_record *record,
                          const struct place *place, bool current)
{
    rp_writer_map(w, current ? 7 : 5);
    if (current)
        put_content(w, "content", record->content);
    rp_writer_str(w, "current");
    rp_writer_bool(w, current);
    put_time(w, "first_seen", place->first_seen);
    put_hex(w, "id", record->id, RP_ID_LEN);
    if (current) {
        rp_writer_str(w, "kind");
        rp_writer_text(w, record->kind);
    }
    put_time(w, "made", record->made);
    rp_writer_str(w, "parents");
    rp_writer_array(w, record->parents);
    for (uint32_t i = 0; i < record->parents; i++) {
        char hex[2 * RP_ID_LEN + 1];

        rp_text_hex(hex, rp_record_parent(record, i), RP_ID_LEN);
        rp_writer_str(w, hex);
    }
}

static bool may_show(const struct view_object *view, const struct view_source *source,
                     const struct rp_record *record, const struct place *place)
{
    if (view->public_only && !(place->scope == SCOPE_LOCAL && view->with_local))
        return view_may_publish(source, record, place);
    return view_may_show(source, record, place);
}

bool view_object_next(struct view_object *view, struct rp_writer *w,
                      const struct view_source *source, int *err)
{
    struct kv_txn *txn = kv_begin(source->kv, false, err);
    bool found = false;
    struct kv_iter it;

    view->more = false;
    if (txn == NULL)
        return false;
    if (view->after.len == 0)
        kv_last(&it, txn, KV_OBJECT, (struct rp_slice){view->object, RP_ID_LEN});
    else
        kv_before(&it, txn, KV_OBJECT, kv_key_slice(&view->after), RP_ID_LEN);
    for (; it.found && view->versions < VERSIONS_MAX; kv_previous(&it)) {
        struct rp_opened opened;
        struct place place;

        if (view->looked == VIEW_TURN) {
            view->more = true;
            break;
        }
        view->looked++;
        view->after.len = 0;
        kv_key_bytes(&view->after, it.key.data, it.key.len);
        if (!records_open(txn, records_seq_of_key(it.key), &place, &opened))
            continue;
        if (rp_record_is_kind(&opened.record, "withdrawal")) {
            /* it carries the object's id, but is no version of it */
            view->withdrawn |= !view->public_only || place.scope == SCOPE_COMMONS;
        } else if (may_show(view, source, &opened.record, &place)) {
            write_version(w, &opened.record, &place, !records_is_replaced(txn, &opened.record));
            memcpy(view->org, opened.record.org, RP_ID_LEN);
            view->org_number = place.org;
            view->scope = place.scope;
            view->versions++;
            found = true;
        }
        rp_record_close(&opened);
        if (found)
            break;
    }
    kv_stop(&it);
    *err = kv_err(txn);
    kv_abort(txn);
    return found && *err == RP_OK;
}

/* Objects whose current versions refer to the object, and whether there are more than these. */
static void put_backlinks(struct rp_writer *w, struct kv_txn *txn, const struct view_object *view,
                          const struct view_source *source)
{
    struct rp_writer items;
    struct kv_iter it;
    bool more = false;
    uint32_t looked = 0;
    uint32_t n = 0;

    rp_writer_init(&items, w->max);
    for (kv_first(&it, txn, KV_BACKLINK, (struct rp_slice){view->object, RP_ID_LEN}); it.found;
         kv_next(&it)) {
        struct rp_opened opened;
        struct rp_reader title;
        struct place place;

        if (n == BACKLINKS_MAX || looked++ == BACKLINKS_LOOKED) {
            more = true;
            kv_stop(&it);
            break;
        }
        if (!records_open(txn, records_seq_of_key(it.key), &place, &opened))
            continue;
        if (may_show(view, source, &opened.record, &place) &&
            !records_is_replaced(txn, &opened.record)) {
            rp_writer_map(&items, 3);
            rp_writer_str(&items, "kind");
            rp_writer_text(&items, opened.record.kind);
            put_hex(&items, "object", opened.record.object, RP_ID_LEN);
            rp_writer_str(&items, "title");
            if (rp_reader_find(opened.record.content, "title", &title) &&
                rp_reader_peek(&title) == RP_TYPE_STR)
                rp_writer_text(&items, rp_reader_str(&title));
            else
                rp_writer_nil(&items);
            n++;
        }
        rp_record_close(&opened);
    }
    rp_writer_str(w, "referred_to_by");
    rp_writer_array(w, n);
    rp_writer_raw(w, rp_writer_slice(&items));
    if (w->err == RP_OK)
        w->err = items.err;
    rp_writer_str(w, "referred_to_by_more");
    rp_writer_bool(w, more);
    rp_writer_free(&items);
}

int view_object_finish(const struct view_object *view, struct rp_writer *w,
                       const struct view_source *source)
{
    struct org_view org = {.name = ""};
    struct kv_txn *txn;
    int err;

    if (view->versions == 0)
        return view->withdrawn ? RP_ERR_WITHDRAWN : RP_ERR_NOT_FOUND;
    if ((txn = kv_begin(source->kv, false, &err)) == NULL)
        return err;
    (void)core_org(source->core, view->org_number, &org);
    rp_writer_map(w, 6);
    put_audience(w, source, view->scope);
    put_org(w, "author", view->org);
    put_text(w, "author_name", org.name);
    put_hex(w, "object", view->object, RP_ID_LEN);
    put_backlinks(w, txn, view, source);
    err = kv_err(txn);
    kv_abort(txn);
    return err;
}
