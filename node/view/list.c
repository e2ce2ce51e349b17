#include <string.h>

#include "rp/err.h"
#include "rp/reader.h"
#include "rp/text.h"
#include "view_private.h"

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
    put_text(w, "audience", view_audience(place->scope));
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

/* The place where the listing of the scope begins: of the kind, if there is one. */
static struct kv_key beginning(const struct view_list *list)
{
    struct kv_key prefix = {.len = 0};

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
        kv_last(it, txn, KV_HEAD, kv_key_slice(&prefix));
        return;
    }
    kv_before(it, txn, KV_HEAD, kv_key_slice(&list->after), prefix.len);
}

/* The next entry of the scope that may be shown. */
static bool next_in_scope(struct view_list *list, struct rp_writer *w,
                          const struct view_source *source, struct kv_txn *txn)
{
    struct kv_iter it;
    bool found = false;

    for (resume(list, &it, txn); it.found && !found; kv_previous(&it)) {
        struct rp_opened opened;
        struct place place;

        list->after.len = 0;
        kv_key_bytes(&list->after, it.key.data, it.key.len);
        if (!records_open(txn, records_seq_of_key(it.key), &place, &opened))
            continue;
        found = (list->author == 0 || list->author == place.org) &&
                opened.record.set == RP_SET_CONTENT &&
                view_may_show(source, &opened.record, &place) &&
                (!list->public_only || place.scope == SCOPE_LOCAL ||
                 view_may_publish(source, &opened.record, &place));
        if (found)
            write_item(w, source, &opened.record, &place);
        rp_record_close(&opened);
        if (found)
            break;
    }
    kv_stop(&it);
    return found;
}

bool view_list_next(struct view_list *list, struct rp_writer *w, const struct view_source *source,
                    int *err)
{
    struct kv_txn *txn = kv_begin(source->kv, false, err);
    bool found = false;

    while (txn != NULL && !found && list->scope <= SCOPE_LOCAL) {
        if (list->scope != SCOPE_LOCAL || !list->no_local)
            found = next_in_scope(list, w, source, txn);
        if (!found) {
            list->scope++;
            list->after.len = 0;
        }
    }
    if (txn != NULL) {
        *err = kv_err(txn);
        kv_abort(txn);
    }
    return found;
}

static void write_record(struct rp_writer *w, const struct rp_record *record,
                         const struct place *place, struct rp_slice packed)
{
    rp_writer_map(w, 8);
    put_text(w, "audience", view_audience(place->scope));
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

bool view_export_next(struct view_export *export, struct rp_writer *w,
                      const struct view_source *source, int *err)
{
    struct kv_txn *txn = kv_begin(source->kv, false, err);
    bool found = false;
    struct kv_iter it;

    while (txn != NULL && !found) {
        struct kv_key from = {.len = 0};

        kv_key_number(&from, export->after + 1, 8);
        for (kv_from(&it, txn, KV_LOG, kv_key_slice(&from), 0); it.found && !found; kv_next(&it)) {
            struct rp_opened opened;
            struct rp_slice packed;
            struct place place;
            bool is_content;

            export->after = kv_number(it.key.data, 8);
            if (!records_load(txn, export->after, &place, &packed) ||
                rp_record_open_trusted(&opened, packed) != RP_OK)
                continue;
            is_content = place.lane == LANE_CONTENT;
            if (is_content == export->content) {
                found = place.scope == SCOPE_LOCAL
                            ? export->local
                            : !is_content || view_may_publish(source, &opened.record, &place);
                export->held_back += !found && place.scope != SCOPE_LOCAL;
            }
            if (found)
                write_record(w, &opened.record, &place, packed);
            rp_record_close(&opened);
            if (found)
                break;
        }
        kv_stop(&it);
        if (!found && export->content)
            break;
        if (!found) {
            export->content = true;
            export->after = 0;
        }
    }
    if (txn != NULL) {
        *err = kv_err(txn);
        kv_abort(txn);
    }
    return found;
}
