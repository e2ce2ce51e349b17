#include "view.h"

#include <string.h>

#include "rp/consent.h"
#include "rp/err.h"
#include "rp/identity.h"
#include "rp/reader.h"
#include "rp/text.h"
#include "view_private.h"

#define CONTENT_DEPTH 6 /* levels of a content that fit, with all around it, into RP_DEPTH_MAX */
#define CONTENT_VALUES (RP_ITEMS_MAX - 256) /* values that do, into RP_ITEMS_MAX */

static void put_digits(char *out, uint64_t value, int width)
{
    for (int i = width - 1; i >= 0; i--) {
        out[i] = (char)('0' + value % 10);
        value /= 10;
    }
}

/* The day that is ${days} after 1970-01-01, by counting in eras of 400 years from a 1 March. */
static void put_day(char out[static VIEW_DATE_LEN + 1], uint64_t days)
{
    uint64_t shifted = days + 719468;
    uint64_t era = shifted / 146097;
    uint64_t of_era = shifted % 146097;
    uint64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    uint64_t month = (5 * of_year + 2) / 153;

    memcpy(out, "0000-00-00", VIEW_DATE_LEN + 1);
    put_digits(out + 8, of_year - (153 * month + 2) / 5 + 1, 2);
    month = month < 10 ? month + 3 : month - 9;
    put_digits(out + 5, month, 2);
    put_digits(out, year + 400 * era + (month <= 2), 4);
}

void view_date(char out[static VIEW_DATE_LEN + 1], uint64_t ms)
{
    put_day(out, ms / 86400000);
}

void view_time(char out[static VIEW_TIME_LEN + 1], uint64_t ms)
{
    uint64_t seconds = ms / 1000 % 86400;

    put_day(out, ms / 86400000);
    memcpy(out + VIEW_DATE_LEN, "T00:00:00Z", 11);
    put_digits(out + 11, seconds / 3600, 2);
    put_digits(out + 14, seconds / 60 % 60, 2);
    put_digits(out + 17, seconds % 60, 2);
}

static void write_hex(struct rp_writer *w, struct rp_slice bytes)
{
    char hex[129];

    if (bytes.len > 64) { /* longer than any id or signature: shown by its length */
        char length[] = "(0000000000 bytes)";

        put_digits(length + 1, bytes.len, 10);
        rp_writer_str(w, length);
        return;
    }
    rp_text_hex(hex, bytes.data, bytes.len);
    rp_writer_str(w, hex);
}

void put_hex(struct rp_writer *w, const char *key, const uint8_t *data, size_t len)
{
    rp_writer_str(w, key);
    write_hex(w, (struct rp_slice){data, len});
}

void put_hex_item(struct rp_writer *w, const uint8_t *data, size_t len)
{
    write_hex(w, (struct rp_slice){data, len});
}

void put_org(struct rp_writer *w, const char *key, const uint8_t *org)
{
    char text[RP_ORG_TEXT_LEN + 1];

    rp_identity_text(text, org);
    rp_writer_str(w, key);
    rp_writer_str(w, text);
}

void put_text(struct rp_writer *w, const char *key, const char *text)
{
    rp_writer_str(w, key);
    if (text != NULL)
        rp_writer_str(w, text);
    else
        rp_writer_nil(w);
}

void put_uint(struct rp_writer *w, const char *key, uint64_t value)
{
    rp_writer_str(w, key);
    rp_writer_uint(w, value);
}

void put_time(struct rp_writer *w, const char *key, uint64_t ms)
{
    char text[VIEW_TIME_LEN + 1];

    view_time(text, ms);
    put_text(w, key, ms > 0 ? text : NULL);
}

/* Entries of the list or map that is next, without reading it; 0 of anything else. */
static uint32_t entries_of(struct rp_reader r)
{
    enum rp_type type = rp_reader_peek(&r);

    return type == RP_TYPE_ARRAY ? rp_reader_array(&r)
           : type == RP_TYPE_MAP ? 2 * rp_reader_map(&r)
                                 : 0;
}

/* Copies an item. What lies deeper than ${depth} levels, or has more values than are ${left}, as
 * no kind has it, is only named. */
static void copy_readable(struct rp_writer *w, struct rp_reader *r, int depth, uint32_t *left)
{
    enum rp_type type = rp_reader_peek(r);
    uint32_t n = entries_of(*r);
    bool too_many = n > *left;

    if (too_many || (depth == 0 && (type == RP_TYPE_ARRAY || type == RP_TYPE_MAP))) {
        (void)rp_reader_item(r);
        rp_writer_str(w, too_many ? "(too many values to be shown)"
                                  : "(nested too deeply to be shown)");
        return;
    }
    *left -= n;
    switch (type) {
    case RP_TYPE_BIN:
        write_hex(w, rp_reader_bin(r));
        break;
    case RP_TYPE_ARRAY:
        n = rp_reader_array(r);
        rp_writer_array(w, n);
        for (uint32_t i = 0; i < n && r->err == RP_OK; i++)
            copy_readable(w, r, depth - 1, left);
        break;
    case RP_TYPE_MAP:
        n = rp_reader_map(r);
        rp_writer_map(w, n);
        for (uint32_t i = 0; i < n && r->err == RP_OK; i++) {
            rp_writer_text(w, rp_reader_str(r));
            copy_readable(w, r, depth - 1, left);
        }
        break;
    default:
        rp_writer_raw(w, rp_reader_item(r));
        break;
    }
}

void put_content(struct rp_writer *w, const char *key, struct rp_slice content)
{
    uint32_t left = CONTENT_VALUES;
    struct rp_reader r;

    rp_reader_init(&r, content);
    rp_writer_str(w, key);
    copy_readable(w, &r, CONTENT_DEPTH, &left);
}

bool view_circle(const struct view_source *source, uint32_t scope, struct circle_view *out)
{
    for (uint32_t i = 0; core_circle(source->core, i, out); i++) {
        if (out->number == scope)
            return true;
    }
    return false;
}

bool view_next_scope(const struct view_source *source, uint32_t *scope)
{
    struct circle_view circle;

    if (*scope == SCOPE_COMMONS) {
        *scope = SCOPE_LOCAL;
        return true;
    }
    for (uint32_t i = 0; core_circle(source->core, i, &circle); i++) {
        if (circle.number > *scope) {
            *scope = circle.number;
            return true;
        }
    }
    return false;
}

void put_audience(struct rp_writer *w, const struct view_source *source, uint32_t scope)
{
    char text[VIEW_AUDIENCE_MAX] = "circle:";
    struct circle_view circle;

    if (scope == SCOPE_COMMONS)
        put_text(w, "audience", "commons");
    else if (scope == SCOPE_LOCAL || !view_circle(source, scope, &circle))
        put_text(w, "audience", "local");
    else {
        rp_text_hex(text + strlen(text), circle.id, VIEW_CIRCLE_SHORT);
        put_text(w, "audience", text);
    }
}

/* Whether its organisation is one whose records are shown in that scope. */
static bool has_standing(const struct view_source *source, const struct place *place)
{
    struct circle_view circle;
    struct org_view org;

    if (place->scope >= SCOPE_FIRST_CIRCLE) /* membership was looked at when it was taken in */
        return view_circle(source, place->scope, &circle);
    return core_org(source->core, place->org, &org) && org.accepted;
}

const char *view_withholds(const struct view_source *source)
{
    struct restored restored;
    uint32_t awaited;

    return core_is_restored(source->core, &restored, &awaited)
               ? "This node was restored from a backup. Stories are shown again once it has compared "
                 "with a peer what was withdrawn since."
               : NULL;
}

bool view_may_show(const struct view_source *source, const struct rp_record *record,
                   const struct place *place)
{
    char today[VIEW_DATE_LEN + 1];

    view_date(today, source->now_ms);
    if (!has_standing(source, place) || core_is_hidden(source->core, record->object))
        return false;
    return !rp_record_is_kind(record, "story") ||
           (!core_withholds(source->core, place->org, place->scope) &&
            !rp_consent_has_lapsed(record->content, place->scope == SCOPE_LOCAL, today));
}

bool view_may_publish(const struct view_source *source, const struct rp_record *record,
                      const struct place *place)
{
    return place->scope == SCOPE_COMMONS && view_may_show(source, record, place) &&
           (!rp_record_is_kind(record, "story") ||
            rp_consent_covers(record->content, "public-web"));
}

bool view_open_record(struct kv_txn *txn, struct rp_slice packed, struct rp_opened *out)
{
    int err = rp_record_open_trusted(out, packed);

    if (err == RP_ERR_NOMEM)
        kv_fail(txn, err);
    return err == RP_OK;
}
