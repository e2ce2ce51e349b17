#include <stdlib.h>
#include <string.h>

#include "exchange.h"
#include "rp/err.h"
#include "waiting.h"

/*
 * What the other side asked for. It is kept as jobs and turned into messages only while little is
 * queued on the link, so that a slow reader costs the list of what it wants and no more.
 */

#define RECORDS_BYTES (192u << 10) /* packed records in one RECORDS message, about */

static struct serve_job *new_job(struct link *link, enum rp_message_type type)
{
    struct serve_job *jobs;

    if (link->jobs_n == RP_REQUESTS_MAX)
        return NULL;
    jobs = realloc(link->jobs, (link->jobs_n + 1) * sizeof *jobs);
    if (jobs == NULL)
        return NULL;
    link->jobs = jobs;
    link->jobs[link->jobs_n] = (struct serve_job){.type = type};
    core_wake(link);
    return &link->jobs[link->jobs_n++];
}

static void drop_first_job(struct link *link)
{
    link->jobs_bytes -= link->jobs[0].prefixes.n;
    symbols_free(&link->jobs[0].prefixes);
    link->jobs_n--;
    memmove(link->jobs, link->jobs + 1, link->jobs_n * sizeof *link->jobs);
}

void serve_free(struct link *link)
{
    while (link->jobs_n > 0)
        drop_first_job(link);
    free(link->jobs);
}

int serve_want(struct link *link, struct rp_slice frame)
{
    struct rp_want want;
    struct serve_job *job;
    int err = rp_message_read_want(&want, frame);

    if (err != RP_OK)
        return err;
    if (want.prefixes.len > RP_REQUESTED_MAX * RP_PREFIX_LEN - link->jobs_bytes ||
        (job = new_job(link, RP_MESSAGE_WANT)) == NULL)
        return RP_ERR_LIMIT;
    job->request = want.request;
    link->jobs_bytes += want.prefixes.len;
    return symbols_append(&job->prefixes, want.prefixes.data, want.prefixes.len);
}

int serve_check(struct link *link, struct rp_slice frame)
{
    struct rp_check check;
    struct serve_job *job = NULL;
    int err = rp_message_read_check(&check, frame);

    if (err != RP_OK)
        return err;
    if (check.exchange % 2 == (link->outbound ? 1 : 0) || link->lists != LISTS_KNOWN)
        return RP_ERR_STATE;                      /* a number of ours, or before its lists */
    for (uint32_t i = 0; i < link->jobs_n; i++) { /* a new one takes the place of the one before */
        if (link->jobs[i].type == RP_MESSAGE_CHECK &&
            memcmp(link->jobs[i].check.scope, check.scope, RP_ID_LEN) == 0)
            job = &link->jobs[i];
    }
    if (job == NULL && (job = new_job(link, RP_MESSAGE_CHECK)) == NULL)
        return RP_ERR_LIMIT;
    job->check = check;
    return RP_OK;
}

int serve_part(struct link *link, enum rp_message_type type, const struct rp_part *part)
{
    struct serve_job *job = new_job(link, type);

    if (job == NULL)
        return RP_ERR_LIMIT;
    job->part = *part;
    return RP_OK;
}

static int serve_page(struct link *link, const struct rp_part *asked)
{
    struct view *view = &link->theirs.view[asked->set];
    struct range range = {.after = asked->has_after ? asked->after : NULL};
    struct rp_part part = {.exchange = asked->exchange, .set = asked->set};
    struct symbols symbols = {0};
    int err;

    if (view->link == NULL || link->theirs.number != asked->exchange)
        return RP_OK;    /* dropped meanwhile */
    excluded_drop(link); /* if it was by our sketch that they did not find out */
    view_unfix(view);
    err = view_list(view, &range, RP_SYMBOLS_MAX, &symbols, &part.last);
    if (err == RP_OK) {
        part.symbols = symbols_slice(&symbols);
        rp_message_write_part(&link->writer, RP_MESSAGE_PAGE, &part);
        link_send(link);
    }
    symbols_free(&symbols);
    return err;
}

/* Whether the other side reads the codec in which a sound record is packed. */
static bool reads(const struct link *link, struct rp_slice packed)
{
    int codec = link->codecs == RP_CODECS_ALL ? RP_CODEC_PLAIN : rp_record_codec(packed);

    return codec >= 0 && (link->codecs >> codec & 1) != 0;
}

/* Appends the record at ${seq} to ${w}, having looked at it closely. */
static void append_opened(struct link *link, struct kv_txn *txn, uint64_t seq, struct rp_writer *w)
{
    struct rp_slice packed;
    struct rp_opened opened;
    struct rp_bytes plain;
    struct place place;

    if (!records_open(txn, seq, &place, &opened)) {
        if (kv_err(txn) == RP_OK)
            core_damaged(link->core, seq);
        return;
    }
    if (!records_load(txn, seq, &place, &packed) ||
        (rp_record_is_kind(&opened.record, "story") &&
         core_withholds(link->core, place.org, place.scope))) {
        rp_record_close(&opened);
        return;
    }
    if (reads(link, packed)) {
        rp_writer_raw(w, packed);
    } else if (rp_record_repack(&plain, &opened, RP_CODEC_PLAIN) == RP_OK) {
        rp_writer_raw(w, rp_bytes_slice(&plain));
        rp_bytes_free(&plain);
    }
    rp_record_close(&opened);
}

/* Appends the record of ${symbol} at ${seq} to ${w}, in a codec that the other side reads. What the
 * disk has damaged is never sent: it could not even be a message. */
static void append_record(struct link *link, struct kv_txn *txn, uint64_t seq,
                          const uint8_t *symbol, struct rp_writer *w)
{
    struct rp_slice packed;
    struct place place;

    if (records_load_checked(txn, seq, symbol, &place, &packed) && reads(link, packed) &&
        !core_withholds(link->core, place.org, place.scope))
        rp_writer_raw(w, packed);
    else
        append_opened(link, txn, seq, w);
}

/* Appends all records that begin with ${prefix} and may go over the link; gives their number. */
static uint32_t append_matches(struct link *link, struct kv_txn *txn, const uint8_t *prefix,
                               struct rp_writer *w)
{
    uint32_t n = 0;
    struct kv_iter it;

    for (kv_first(&it, txn, KV_SYMBOL, (struct rp_slice){prefix, RP_PREFIX_LEN}); it.found;
         kv_next(&it)) {
        size_t before = w->len;
        struct place place;

        /* nothing but what is compared here ever leaves */
        if (!records_read_place(it.value, &place) || !shared_has(link, &place))
            continue;
        append_record(link, txn, place.seq, it.key.data, w);
        n += w->len > before;
    }
    return n;
}

/* Sends the next RECORDS of a WANT; true when it was the last. */
static bool serve_records(struct link *link, struct serve_job *job)
{
    struct rp_writer items;
    struct kv_txn *txn;
    uint32_t n = 0;
    bool last;
    int err;

    if ((txn = kv_begin(link->core->kv, false, &err)) == NULL)
        return true;
    rp_writer_init(&items, RP_FRAME_MAX - 1024);
    while (job->at < job->prefixes.n && items.len < RECORDS_BYTES && n < RP_RECORDS_MAX / 2) {
        uint32_t found = append_matches(link, txn, job->prefixes.data + job->at, &items);

        if (found == 0)
            waiting_deny(link, job->prefixes.data + job->at);
        n += found;
        job->at += RP_PREFIX_LEN;
    }
    kv_abort(txn);
    last = job->at >= job->prefixes.n;
    if (items.err != RP_OK) { /* only with many records of one prefix, which nobody has */
        rp_writer_reset(&items);
        n = 0;
    }
    rp_message_write_records(&link->writer, job->request, last, n, rp_writer_slice(&items));
    rp_writer_free(&items);
    link->core->counters.records_out += n;
    link->offered -= n < link->offered ? n : link->offered;
    link_send(link);
    return last;
}

void serve_continue(struct link *link, uint64_t now_ms)
{
    while (link->jobs_n > 0 && link->state == LINK_OPEN &&
           rp_session_queued(link->session) < TRANSMIT_LOW) {
        struct serve_job *job = &link->jobs[0];
        bool done = true;
        int err = RP_OK;

        if (job->type == RP_MESSAGE_WANT)
            done = serve_records(link, job);
        else if (job->type == RP_MESSAGE_LIST)
            err = serve_page(link, &job->part);
        else if (job->type == RP_MESSAGE_MORE)
            err = answer_more(link, &job->part);
        else
            err = answer_check(link, &job->check, now_ms);
        if (err != RP_OK)
            link_end(link, NULL);
        if (done)
            drop_first_job(link);
    }
}
