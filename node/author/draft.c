#include "draft.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "rp/consent.h"
#include "rp/err.h"
#include "rp/limits.h"
#include "rp/reader.h"
#include "rp/writer.h"

#define DEFAULTS_MAX 5 /* with the slip */
#define TEXTS 4
#define REVIEW_YEARS 2

/* A top-level entry, borrowed. */
struct entry {
    struct rp_slice key;
    struct rp_slice value;
};

static void write_normal_text(struct rp_writer *w, struct rp_slice text)
{
    utf8proc_uint8_t *normal = NULL;
    utf8proc_ssize_t n = utf8proc_map(text.data, (utf8proc_ssize_t)text.len, &normal,
                                      UTF8PROC_STABLE | UTF8PROC_COMPOSE);

    if (n < 0 && w->err == RP_OK)
        w->err = RP_ERR_NOMEM; /* it was checked to be UTF-8 */
    if (n >= 0)
        rp_writer_text(w, (struct rp_slice){normal, (size_t)n});
    free(normal);
}

/* Copies one item, its text in NFC. */
static void copy_normal(struct rp_writer *w, struct rp_reader *r)
{
    uint32_t n;

    switch (rp_reader_peek(r)) {
    case RP_TYPE_STR:
        write_normal_text(w, rp_reader_str(r));
        break;
    case RP_TYPE_ARRAY:
        n = rp_reader_array(r);
        rp_writer_array(w, n);
        for (uint32_t i = 0; i < n && r->err == RP_OK; i++)
            copy_normal(w, r);
        break;
    case RP_TYPE_MAP:
        n = rp_reader_map(r);
        rp_writer_map(w, n);
        for (uint32_t i = 0; i < n && r->err == RP_OK; i++) {
            rp_writer_text(w, rp_reader_str(r));
            copy_normal(w, r);
        }
        break;
    default:
        rp_writer_raw(w, rp_reader_item(r));
        break;
    }
}

/* Two years after ${today}, the 29th of February becoming the 28th. */
static void review_date(char out[static 11], const char *today)
{
    int year = (today[0] - '0') * 1000 + (today[1] - '0') * 100 + (today[2] - '0') * 10 +
               (today[3] - '0') + REVIEW_YEARS;

    memcpy(out, today, 11);
    for (int i = 3; i >= 0; i--) {
        out[i] = (char)('0' + year % 10);
        year /= 10;
    }
    if (strcmp(out + 5, "02-29") == 0)
        memcpy(out + 8, "28", 2);
}

static bool is_wanted(const struct draft_opts *opts, struct rp_slice content, const char *field)
{
    struct rp_reader value;

    return rp_kind_field(opts->kind, rp_bytes_str(field)) != NULL &&
           !rp_reader_find(content, field, &value);
}

static int compare_entries(const void *a, const void *b)
{
    return rp_bytes_compare(((const struct entry *)a)->key, ((const struct entry *)b)->key);
}

/* What was not said and has a default, as entries whose values are written to ${w}. */
static size_t add_defaults(struct entry *out, struct rp_writer *w, struct rp_slice content,
                           const struct draft_opts *opts)
{
    char review[11];
    const struct {
        const char *field;
        const char *value;
    } defaults[TEXTS] = {
        {"lang", opts->language},
        {"licence", opts->own_licence ? opts->kind->licence : NULL},
        {"attribution", opts->attribution},
        {"review_by", review},
    };
    size_t n = 0;

    review_date(review, opts->today);
    for (size_t i = 0; i < TEXTS; i++) {
        size_t before = w->len;

        if (defaults[i].value == NULL || !is_wanted(opts, content, defaults[i].field))
            continue;
        rp_writer_str(w, defaults[i].value);
        out[n].key = rp_bytes_str(defaults[i].field);
        out[n++].value = (struct rp_slice){NULL, w->len - before}; /* data once w is still */
    }
    if (opts->slip != NULL) {
        size_t before = w->len;

        rp_writer_bin(w, opts->slip, RP_SIG_LEN);
        out[n].key = rp_bytes_str("slip");
        out[n++].value = (struct rp_slice){NULL, w->len - before};
    }
    return n;
}

/* Writes ${content} and what was left out in it, in order. */
static int complete(struct rp_writer *w, struct rp_slice content, const struct draft_opts *opts)
{
    struct rp_writer values;
    struct entry *entries;
    struct rp_reader r;
    bool has_slip = rp_kind_field(opts->kind, rp_bytes_str("slip")) != NULL;
    uint32_t given;
    uint32_t n = 0;
    size_t extra;
    size_t at = 0;

    rp_reader_init(&r, content);
    given = rp_reader_map(&r);
    entries = calloc((size_t)given + DEFAULTS_MAX, sizeof *entries);
    if (entries == NULL)
        return RP_ERR_NOMEM;
    for (; given > 0; given--) {
        entries[n].key = rp_reader_str(&r);
        entries[n].value = rp_reader_item(&r);
        n += !has_slip || rp_bytes_compare(entries[n].key, rp_bytes_str("slip")) != 0;
    }
    rp_writer_init(&values, RP_BODY_MAX);
    extra = add_defaults(entries + n, &values, content, opts);
    for (size_t i = 0; i < extra; i++) {
        entries[n + i].value.data = values.data + at;
        at += entries[n + i].value.len;
    }
    qsort(entries, n + extra, sizeof *entries, compare_entries);
    rp_writer_map(w, n + (uint32_t)extra);
    for (size_t i = 0; i < n + extra; i++) {
        struct rp_reader value;

        rp_reader_init(&value, entries[i].value);
        rp_writer_text(w, entries[i].key);
        copy_normal(w, &value);
    }
    if (values.err != RP_OK && w->err == RP_OK)
        w->err = values.err;
    rp_writer_free(&values);
    free(entries);
    return w->err;
}

int draft_finish(struct rp_bytes *out, struct rp_slice content, const struct draft_opts *opts,
                 struct rp_problem *problem)
{
    struct rp_reader r;
    struct rp_writer w;
    int err;

    *problem = (struct rp_problem){0};
    rp_reader_init(&r, content);
    if (rp_reader_peek(&r) != RP_TYPE_MAP)
        return RP_ERR_SHAPE;
    rp_writer_init(&w, RP_BODY_MAX);
    err = complete(&w, content, opts);
    if (err == RP_OK)
        err = rp_kind_check(opts->kind, rp_writer_slice(&w), opts->leaves, problem);
    if (err == RP_OK && opts->leaves && strcmp(opts->kind->name, "story") == 0)
        err = rp_consent_check(rp_writer_slice(&w), opts->commons, opts->today, problem);
    if (err != RP_OK) {
        rp_writer_free(&w);
        return err;
    }
    return rp_writer_take(&w, out);
}

/* Copies the map ${map}, ${key} set to ${value}, one item. */
static int write_with(struct rp_writer *w, struct rp_slice map, const char *key,
                      struct rp_slice value)
{
    struct rp_slice name = rp_bytes_str(key);
    struct rp_reader old;
    struct rp_reader r;
    bool written = false;
    uint32_t n;

    rp_reader_init(&r, map);
    n = rp_reader_map(&r);
    rp_writer_map(w, n + !rp_reader_find(map, key, &old));
    for (; n > 0 && r.err == RP_OK; n--) {
        struct rp_slice at = rp_reader_str(&r);
        struct rp_slice item = rp_reader_item(&r);
        int order = rp_bytes_compare(at, name);

        if (!written && order >= 0) {
            rp_writer_text(w, name);
            rp_writer_raw(w, value);
            written = true;
        }
        if (order != 0) {
            rp_writer_text(w, at);
            rp_writer_raw(w, item);
        }
    }
    if (!written) {
        rp_writer_text(w, name);
        rp_writer_raw(w, value);
    }
    return r.err != RP_OK ? r.err : w->err;
}

/* The same with text, into ${w}, which is emptied before. */
static int write_with_text(struct rp_writer *w, struct rp_slice map, const char *key,
                           const char *text)
{
    struct rp_writer value;
    int err;

    rp_writer_init(&value, RP_BODY_MAX);
    rp_writer_str(&value, text);
    err = value.err != RP_OK ? value.err : write_with(w, map, key, rp_writer_slice(&value));
    rp_writer_free(&value);
    return err;
}

int draft_renew(struct rp_bytes *out, struct rp_slice content, const char *given_on,
                const char *review_on, struct rp_problem *problem)
{
    struct rp_writer given;
    struct rp_writer block;
    struct rp_writer whole;
    struct rp_reader consent;
    int err = RP_OK;

    *problem = (struct rp_problem){0};
    if (!rp_reader_find(content, "consent", &consent) || rp_reader_peek(&consent) != RP_TYPE_MAP) {
        memcpy(problem->field, "consent", sizeof "consent");
        memcpy(problem->reason, "it has none to renew", sizeof "it has none to renew");
        return RP_ERR_RULE;
    }
    rp_writer_init(&given, RP_BODY_MAX);
    rp_writer_init(&block, RP_BODY_MAX);
    rp_writer_init(&whole, RP_BODY_MAX);
    err = write_with_text(&given, rp_reader_item(&consent), "given_on", given_on);
    if (err == RP_OK)
        err = write_with_text(&block, rp_writer_slice(&given), "review_on", review_on);
    if (err == RP_OK)
        err = write_with(&whole, content, "consent", rp_writer_slice(&block));
    rp_writer_free(&given);
    rp_writer_free(&block);
    if (err == RP_OK)
        return rp_writer_take(&whole, out);
    rp_writer_free(&whole);
    return err;
}

void draft_seed(uint8_t out[static RP_SEED_LEN], const uint8_t secret[static RP_KEY_SEED_LEN],
                const uint8_t scope[static RP_ID_LEN], const char *path)
{
    const struct rp_slice parts[] = {
        {secret, RP_KEY_SEED_LEN}, {scope, RP_ID_LEN}, rp_bytes_str(path)};
    uint8_t digest[RP_HASH_LEN];

    rp_hash(digest, RP_DOMAIN_SOURCE, parts, 3);
    memcpy(out, digest, RP_SEED_LEN);
}
