#include <string.h>

#include "rp/err.h"
#include "rp/reader.h"
#include "rp/text.h"
#include "view_private.h"

#define HEADS_LOOKED                                                                               \
    64 /* newest versions of a story among which an export seeks the current ones */

static void put_field(struct rp_writer *w, const char *key, struct rp_slice content)
{
    struct rp_reader value;

    rp_writer_str(w, key);
    if (rp_reader_find(content, key, &value) && rp_reader_peek(&value) == RP_TYPE_STR)
        rp_writer_text(w, rp_reader_str(&value));
    else
        rp_writer_nil(w);
}

static void write_item(struct rp_writer *w, const struct view_source *source,
                       const struct rp_record *record, const struct place *place)
{
    uint64_t made = record->made < place->first_seen ? record->made : place->first_seen;
    struct org_view org = {.name = ""};

    (void)core_org(source->core, place->org, &org);
    rp_writer_map(w, 10);
    put_audience(w, source, place->scope);
    put_org(w, "author", record->org);
    put_text(w, "author_name", org.name);
    put_hex(w, "id", record->id, RP_ID_LEN);
    rp_writer_str(w, "kind");
    rp_writer_text(w, record->kind);
    put_field(w, "lang", record->content);
    put_time(w, "made", made);
    put_hex(w, "object", record->object, RP_ID_LEN);
    put_field(w, "summary", record->content);
    put_field(w, "title", record->content);
}

/*
 * What an author has written is found by the index of authors: among all that is there it may be
 * little. Which of it is current, and of which kind, is seen when it is opened.
 */
static enum kv_table table_of(const struct view_list *list)
{
    return list->author != 0 ? KV_AUTHOR : KV_HEAD;
}

/* The place where the listing of the scope begins: of the author or kind, if there is one. */
static struct kv_key beginning(const struct view_list *list)
{
    struct kv_key prefix = {.len = 0};

    if (list->author != 0)
        return records_author_key(list->scope, LANE_CONTENT, list->author);
    if (list->has_kind)
        prefix = records_head_prefix(list->scope, rp_bytes_str(list->kind));
    else
        kv_key_number(&prefix, list->scope, 4);
    return prefix;
}

void view_list_cursor(char out[static VIEW_CURSOR_MAX], const struct view_list *list)
{
    rp_text_hex(out, list->after.bytes, list->after.len);
}

bool view_list_resume(struct view_list *list, const char *cursor)
{
    struct kv_key prefix;
    size_t digits = strlen(cursor);

    list->scope = SCOPE_COMMONS;
    list->after.len = 0;
    prefix = beginning(list);
    if (digits % 2 != 0 || digits / 2 > KV_KEY_MAX || digits / 2 < prefix.len ||
        !rp_text_unhex(list->after.bytes, cursor, digits) ||
        memcmp(list->after.bytes, prefix.bytes, prefix.len) != 0)
        return false;
    list->after.len = digits / 2;
    return true;
}

/* Positions ${it} behind the entry listed last, or at the end of the scope, going backwards. */
static void resume(struct view_list *list, struct kv_iter *it, struct kv_txn *txn)
{
    struct kv_key prefix = beginning(list);

    if (list->after.len == 0) {
        kv_last(it, txn, table_of(list), kv_key_slice(&prefix));
        return;
    }
    kv_before(it, txn, table_of(list), kv_key_slice(&list->after), prefix.len);
}

/* Whether what was found by its author would have been found by its kind, too. */
static bool is_current(const struct view_list *list, struct kv_txn *txn,
                       const struct rp_record *record)
{
    return (!list->has_kind || rp_record_is_kind(record, list->kind)) &&
           !records_is_replaced(txn, record);
}

/* Whether an entry is listed; opened in ${out} if so. */
static bool is_listed(const struct view_list *list, const struct view_source *source,
                      struct kv_txn *txn, uint64_t seq, struct place *place, struct rp_opened *out)
{
    struct rp_slice packed;

    if (!records_load(txn, seq, place, &packed) || !view_open_record(txn, packed, out))
        return false;
    if (out->record.set == RP_SET_CONTENT &&
        (list->author == 0 || is_current(list, txn, &out->record)) &&
        view_may_show(source, &out->record, place) &&
        (!list->public_only || place->scope == SCOPE_LOCAL ||
         view_may_publish(source, &out->record, place)))
        return true;
    rp_record_close(out);
    return false;
}

/* The next entry of the scope that may be shown. */
static bool next_in_scope(struct view_list *list, struct rp_writer *w,
                          const struct view_source *source, struct kv_txn *txn)
{
    struct kv_iter it;
    bool found = false;

    for (resume(list, &it, txn); it.found; kv_previous(&it)) {
        struct rp_opened opened;
        struct place place;

        if (list->looked == VIEW_TURN) {
            list->more = true;
            break;
        }
        list->looked++;
        list->after.len = 0;
        kv_key_bytes(&list->after, it.key.data, it.key.len);
        found = is_listed(list, source, txn, records_seq_of_key(it.key), &place, &opened);
        if (found) {
            write_item(w, source, &opened.record, &place);
            rp_record_close(&opened);
            break;
        }
    }
    kv_stop(&it);
    return found;
}

bool view_list_next(struct view_list *list, struct rp_writer *w, const struct view_source *source,
                    int *err)
{
    struct kv_txn *txn = kv_begin(source->kv, false, err);
    bool found = false;

    list->more = false;
    while (txn != NULL && !found && !list->more && !list->at_end) {
        found = next_in_scope(list, w, source, txn);
        if (!found && !list->more) {
            list->at_end =
                list->no_local || list->one_scope || !view_next_scope(source, &list->scope);
            list->after.len = 0;
        }
    }
    if (txn != NULL) {
        *err = kv_err(txn);
        kv_abort(txn);
        found = found && *err == RP_OK;
    }
    return found;
}

static void write_record(struct rp_writer *w, const struct view_source *source,
                         const struct rp_record *record, const struct place *place,
                         struct rp_slice packed)
{
    rp_writer_map(w, 8);
    put_audience(w, source, place->scope);
    put_org(w, "author", record->org);
    put_content(w, "content", record->content);
    put_hex(w, "id", record->id, RP_ID_LEN);
    rp_writer_str(w, "kind");
    rp_writer_text(w, record->kind);
    put_time(w, "made", record->made);
    put_hex(w, "object", record->object, RP_ID_LEN);
    rp_writer_str(w, "record");
    rp_writer_bin(w, packed.data, packed.len);
}

/* Whether some current version of the object may be published, as far as its newest ones show. */
static bool is_public(struct view_export *export, const struct view_source *source,
                      struct kv_txn *txn, const uint8_t object[static RP_ID_LEN])
{
    bool found = false;
    struct kv_iter it;
    int looked = 0;

    for (kv_last(&it, txn, KV_OBJECT, (struct rp_slice){object, RP_ID_LEN});
         it.found && looked < HEADS_LOOKED; kv_previous(&it)) {
        struct rp_opened opened;
        struct place place;

        looked++;
        export->looked += export->looked < VIEW_TURN;
        if (!records_open(txn, records_seq_of_key(it.key), &place, &opened))
            continue;
        found = place.lane == LANE_CONTENT && view_may_publish(source, &opened.record, &place) &&
                !records_is_replaced(txn, &opened.record);
        rp_record_close(&opened);
        if (found)
            break;
    }
    kv_stop(&it);
    return found;
}

static bool may_export(struct view_export *export, const struct view_source *source,
                       struct kv_txn *txn, const struct rp_record *record,
                       const struct place *place)
{
    if (place->scope == SCOPE_LOCAL && !export->local)
        return false;
    if (place->scope != SCOPE_LOCAL && place->scope != SCOPE_COMMONS)
        return false; /* a circle's stays in it */
    if (place->lane != LANE_CONTENT)
        return true;
    if (place->scope == SCOPE_LOCAL)
        return view_may_show(source, record, place);
    return view_may_publish(source, record, place) &&
           (!rp_record_is_kind(record, "story") || !records_is_replaced(txn, record) ||
            is_public(export, source, txn, record->object));
}

/* The next record of the set being walked. */
static bool next_in_set(struct view_export *export, struct rp_writer *w,
                        const struct view_source *source, struct kv_txn *txn)
{
    struct kv_key from = {.len = 0};
    bool found = false;
    struct kv_iter it;

    kv_key_number(&from, export->after + 1, 8);
    for (kv_from(&it, txn, KV_LOG, kv_key_slice(&from), 0); it.found; kv_next(&it)) {
        struct rp_opened opened;
        struct rp_slice packed;
        struct place place;

        if (export->looked == VIEW_TURN) {
            export->more = true;
            break;
        }
        export->looked++;
        export->after = kv_number(it.key.data, 8);
        if (!records_load(txn, export->after, &place, &packed) ||
            (place.lane == LANE_CONTENT) != export->content ||
            !view_open_record(txn, packed, &opened))
            continue;
        found = may_export(export, source, txn, &opened.record, &place);
        export->held_back += !found && place.scope == SCOPE_COMMONS;
        if (found)
            write_record(w, source, &opened.record, &place, packed);
        rp_record_close(&opened);
        if (found)
            break;
    }
    kv_stop(&it);
    return found;
}

bool view_export_next(struct view_export *export, struct rp_writer *w,
                      const struct view_source *source, int *err)
{
    struct kv_txn *txn = kv_begin(source->kv, false, err);
    bool found = false;

    export->more = false;
    while (txn != NULL && !found) {
        found = next_in_set(export, w, source, txn);
        if (found || export->more || export->content)
            break;
        export->content = true;
        export->after = 0;
    }
    if (txn != NULL) {
        *err = kv_err(txn);
        kv_abort(txn);
        found = found && *err == RP_OK;
    }
    return found;
}
