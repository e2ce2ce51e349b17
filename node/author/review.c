#include "review.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <utf8proc.h>

#include "rp/canonical.h"
#include "rp/err.h"
#include "rp/reader.h"
#include "rp/text.h"
#include "rp/writer.h"
#include "store/records.h"

static bool flag_of(struct rp_slice map, const char *field)
{
    struct rp_reader value;

    return rp_reader_find(map, field, &value) && rp_reader_bool(&value);
}

bool review_is_needed(const struct publication *p)
{
    struct rp_reader consent;
    struct rp_slice block;

    if (strcmp(p->kind->name, "story") != 0 || memcmp(p->scope, rp_record_local, RP_ID_LEN) == 0 ||
        !rp_reader_find(rp_bytes_slice(&p->finished), "consent", &consent))
        return false;
    block = rp_reader_item(&consent);
    return flag_of(block, "special_data") || flag_of(block, "child");
}

/* The name without case and spaces; NULL when memory is short. Free with free. */
static char *bare_name(const char *name)
{
    utf8proc_uint8_t *folded = NULL;
    utf8proc_ssize_t n =
        utf8proc_map((const utf8proc_uint8_t *)name, 0, &folded,
                     UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT |
                         UTF8PROC_CASEFOLD | UTF8PROC_IGNORE | UTF8PROC_STRIPCC);
    char *out = (char *)folded;
    size_t at = 0;

    if (n < 0) {
        free(folded);
        return NULL;
    }
    for (char *c = out; *c != '\0'; c++) {
        if (*c != ' ')
            out[at++] = *c;
    }
    out[at] = '\0';
    return out;
}

bool review_is_same_person(const char *a, const char *b)
{
    char *bare[2] = {bare_name(a), bare_name(b)};
    bool same = bare[0] == NULL || bare[1] == NULL || bare[0][0] == '\0' || bare[1][0] == '\0' ||
                strcmp(bare[0], bare[1]) == 0;

    free(bare[0]);
    free(bare[1]);
    return same;
}

static struct rp_slice bin_of(struct rp_slice map, const char *field)
{
    struct rp_reader value;

    (void)rp_reader_find(map, field, &value);
    return rp_reader_bin(&value);
}

static struct rp_slice text_of(struct rp_slice map, const char *field)
{
    struct rp_reader value;

    (void)rp_reader_find(map, field, &value);
    return rp_reader_str(&value);
}

bool review_read(struct held *out, const struct rp_record *record)
{
    struct rp_slice map = record->content;
    struct rp_slice scope = bin_of(map, "scope");
    struct rp_slice seed = bin_of(map, "seed");

    *out = (struct held){
        .by = text_of(map, "by"),
        .kind = rp_kind_find(text_of(map, "kind")),
        .content = bin_of(map, "content"),
        .teller = bin_of(map, "teller"),
        .imported = flag_of(map, "imported"),
    };
    if (!rp_record_is_kind(record, "held") || out->by.len > REVIEW_NAME_MAX || out->kind == NULL ||
        !out->kind->authored || out->content.len == 0 || scope.len != RP_ID_LEN ||
        seed.len != RP_SEED_LEN || (out->teller.len != 0 && out->teller.len != RP_KEY_LEN) ||
        rp_canonical_check(out->content.data, out->content.len) != RP_OK)
        return false;
    memcpy(out->scope, scope.data, RP_ID_LEN);
    memcpy(out->seed, seed.data, RP_SEED_LEN);
    return true;
}

void review_object(uint8_t out[static RP_ID_LEN], const struct held *held,
                   const uint8_t org[static RP_ID_LEN])
{
    rp_record_object(out, org, held->seed, held->teller.len > 0 ? held->teller.data : NULL);
}

/* What is looked for: an object by the beginning of its id, or a teller, or scope and seed. */
struct wanted {
    const char *id;
    const uint8_t *teller;
    const uint8_t *scope;
    const uint8_t *seed;
};

static bool is_wanted(const struct wanted *wanted, const struct rp_record *record)
{
    char hex[2 * RP_ID_LEN + 1];
    uint8_t object[RP_ID_LEN];
    struct held held;

    if (!review_read(&held, record))
        return false;
    if (wanted->teller != NULL)
        return held.teller.len == RP_KEY_LEN &&
               memcmp(held.teller.data, wanted->teller, RP_KEY_LEN) == 0;
    if (wanted->id == NULL)
        return memcmp(held.scope, wanted->scope, RP_ID_LEN) == 0 &&
               memcmp(held.seed, wanted->seed, RP_SEED_LEN) == 0;
    review_object(object, &held, record->org);
    rp_text_hex(hex, object, RP_ID_LEN);
    return strncasecmp(hex, wanted->id, strlen(wanted->id)) == 0;
}

static int find(struct rp_opened *out, struct kv *kv, const struct wanted *wanted)
{
    struct kv_key prefix = records_head_prefix(SCOPE_LOCAL, rp_bytes_str("held"));
    int result = RP_ERR_NOT_FOUND;
    struct kv_txn *txn;
    struct kv_iter it;
    int err;

    if ((txn = kv_begin(kv, false, &err)) == NULL)
        return err;
    for (kv_first(&it, txn, KV_HEAD, kv_key_slice(&prefix)); it.found; kv_next(&it)) {
        struct rp_opened opened;
        struct place place;

        if (!records_open(txn, records_seq_of_key(it.key), &place, &opened))
            continue;
        if (!is_wanted(wanted, &opened.record)) {
            rp_record_close(&opened);
        } else if (result == RP_ERR_NOT_FOUND) {
            *out = opened;
            result = RP_OK;
        } else {
            rp_record_close(&opened);
            result = RP_ERR_AMBIGUOUS;
            rp_record_close(out);
            kv_stop(&it);
            break;
        }
    }
    err = kv_err(txn);
    kv_abort(txn);
    if (err != RP_OK && result == RP_OK)
        rp_record_close(out);
    return err != RP_OK ? err : result;
}

int review_find(struct rp_opened *out, struct kv *kv, const uint8_t scope[static RP_ID_LEN],
                const uint8_t seed[static RP_SEED_LEN])
{
    return find(out, kv, &(struct wanted){NULL, NULL, scope, seed});
}

int review_find_teller(struct rp_opened *out, struct kv *kv,
                       const uint8_t teller[static RP_KEY_LEN])
{
    return find(out, kv, &(struct wanted){NULL, teller, NULL, NULL});
}

int review_find_id(struct rp_opened *out, struct kv *kv, const char *id)
{
    uint8_t ignored[RP_ID_LEN];
    size_t digits = strlen(id);

    if (digits < 4 || digits > 2 * RP_ID_LEN || !rp_text_unhex(ignored, id, digits))
        return RP_ERR_ARGUMENT;
    return find(out, kv, &(struct wanted){id, NULL, NULL, NULL});
}

int review_hold(struct rp_bytes *packed, const struct publication *p,
                const struct publisher *publisher, const char *by, const struct rp_record *before)
{
    struct author_draft draft = {.kind = "held", .scope = rp_record_local};
    struct rp_writer w;
    int err;

    rp_writer_init(&w, RP_BODY_MAX);
    rp_writer_map(&w, 6 + p->has_teller);
    rp_writer_str(&w, "by");
    rp_writer_str(&w, by);
    rp_writer_str(&w, "content");
    rp_writer_bin(&w, p->finished.data, p->finished.len);
    rp_writer_str(&w, "imported");
    rp_writer_bool(&w, p->imported);
    rp_writer_str(&w, "kind");
    rp_writer_str(&w, p->kind->name);
    rp_writer_str(&w, "scope");
    rp_writer_bin(&w, p->scope, RP_ID_LEN);
    rp_writer_str(&w, "seed");
    rp_writer_bin(&w, p->seed, RP_SEED_LEN);
    if (p->has_teller) {
        rp_writer_str(&w, "teller");
        rp_writer_bin(&w, p->teller_key, RP_KEY_LEN);
    }
    draft.content = rp_writer_slice(&w);
    if (before != NULL) {
        draft.seed = before->seed;
        draft.parents = 1;
        draft.parent_ids = before->id;
    }
    err = w.err != RP_OK ? w.err : author_write(packed, &publisher->author, &draft);
    rp_writer_free(&w);
    return err;
}
