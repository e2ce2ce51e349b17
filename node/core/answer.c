#include <stdlib.h>
#include <string.h>

#include "exchange.h"
#include "rp/err.h"

/*
 * Answering the exchanges that the other side of a link begins (SPEC 4.3). They need no state but
 * the views in link->theirs, which stay as they were when its CHECK came.
 */

void answer_close(struct link *link)
{
    for (enum rp_set set = 0; set < RP_SETS; set++)
        view_close(&link->theirs.view[set]);
    link->theirs.active = false;
}

static int answer_ids(struct link *link, struct rp_part *part, const struct view *view)
{
    struct symbols symbols = {0};
    bool last;
    int err = view_list(view, &(struct range){NULL, NULL}, RP_SYMBOLS_MAX, &symbols, &last);

    part->symbols = symbols_slice(&symbols);
    if (symbols.n == part->tally.count * RP_SYMBOL_LEN)
        rp_message_write_part(&link->writer, RP_MESSAGE_IDS, part);
    else /* one was erased in the store, and we were not told yet: they will ask again */
        rp_message_write_done(&link->writer, part->exchange);
    symbols_free(&symbols);
    return err;
}

static int answer_sketch(struct link *link, struct rp_part *part, struct view *view)
{
    struct rp_cell cells[RP_SKETCH_FIRST];
    uint8_t first[RP_SKETCH_FIRST * RP_CELL_LEN];
    uint8_t digests[RP_SKETCH_DIGESTS_LEN];
    int err = view_cells(view, 0, RP_SKETCH_FIRST, cells);

    part->first = view_cells_available(view);
    if (err == RP_OK)
        err = view_digests(view, part->first, digests);
    if (err != RP_OK)
        return err;
    for (uint32_t i = 0; i < RP_SKETCH_FIRST; i++)
        rp_sketch_save(first + (size_t)i * RP_CELL_LEN, &cells[i]);
    part->cells = (struct rp_slice){first, sizeof first};
    part->digests = (struct rp_slice){digests, rp_sketch_digests(part->first) / 2};
    rp_message_write_part(&link->writer, RP_MESSAGE_SKETCH, part);
    return RP_OK;
}

/* The other side has found everything as we have it. */
static void they_found_equal(struct link *link, const struct rp_check *check, uint64_t now_ms)
{
    struct shared *shared = link->theirs.shared;

    answer_close(link);
    rp_message_write_equal(&link->writer, check->exchange);
    link_send(link);
    if (!check->asks[RP_SET_CONTROL] || !check->asks[RP_SET_CONTENT])
        return;
    link_settled(link);
    shared->unequal = 0;
    if (shared != &link->commons) {
        if (link->ours.state == EXCHANGE_NONE)
            exchange_plan_interval(link, shared, now_ms);
        return;
    }
    link->offered = 0;
    link->found_need = link->found_have = 0;
    link->counts_as_sync = true;
    link->peer->entry.last_sync = core_calendar(link->core, now_ms);
    if (link->ours.state == EXCHANGE_NONE)
        exchange_plan_interval(link, &link->commons, now_ms);
}

/* Answers for one set that differs. */
static int they_differ(struct link *link, const struct rp_check *check, enum rp_set set,
                       uint64_t now_ms)
{
    struct view *view = &link->theirs.view[set];
    struct rp_part part = {.exchange = check->exchange, .set = set};
    int err;

    if (view->shared == &link->commons)
        link->counts_as_sync = false;
    view_tally(view, &part.tally);
    err = view->count < RP_IDS_BELOW ? answer_ids(link, &part, view)
                                     : answer_sketch(link, &part, view);
    if (err != RP_OK)
        return err;
    link_send(link);
    /* more than will be offered: best we go and list it ourselves, at our own pace */
    if (check->tally[set].count > view->count + OFFERS_MAX)
        exchange_plan(view->shared, now_ms + SETTLE_MS);
    return RP_OK;
}

int answer_check(struct link *link, const struct rp_check *check, uint64_t now_ms)
{
    struct shared *shared = shared_find(link, check->scope);

    if (link->lists != LISTS_KNOWN) /* they were known, and are coming anew: it is dropped */
        return RP_OK;
    if (shared == NULL) {
        rp_message_write_done(&link->writer, check->exchange); /* a circle that we are not in */
        link_send(link);
        return RP_OK;
    }
    answer_close(link);
    shared_met(link, shared);
    link->theirs.shared = shared;
    link->theirs.active = true;
    link->theirs.number = check->exchange;
    for (enum rp_set set = 0; set < RP_SETS; set++) {
        struct rp_tally ours;

        if (!check->asks[set])
            continue;
        view_open(&link->theirs.view[set], link, shared, set);
        view_tally(&link->theirs.view[set], &ours);
        if (ours.count != check->tally[set].count ||
            memcmp(ours.digest, check->tally[set].digest, RP_HASH_LEN) != 0)
            return they_differ(link, check, set, now_ms);
        if (set == RP_SET_CONTROL)
            restored_compared(link, shared, now_ms);
    }
    they_found_equal(link, check, now_ms);
    return RP_OK;
}

int answer_more(struct link *link, const struct rp_part *part)
{
    struct view *view = &link->theirs.view[part->set];
    struct rp_part answer = {.exchange = part->exchange, .set = part->set, .first = part->first};
    struct rp_cell *cells;
    uint8_t *wire;
    int err = RP_ERR_NOMEM;

    if (view->link == NULL || link->theirs.number != part->exchange)
        return RP_OK; /* dropped meanwhile: they know, since our ACCEPT or DONE came before this */
    if (part->n == 0 || part->n > RP_CELLS_PER_MESSAGE ||
        part->first > view_cells_available(view) ||
        part->n > view_cells_available(view) - part->first)
        return RP_ERR_LIMIT;
    cells = malloc(part->n * sizeof *cells);
    wire = malloc((size_t)part->n * RP_CELL_LEN);
    if (cells != NULL && wire != NULL)
        err = view_cells(view, part->first, part->n, cells);
    if (err == RP_OK) {
        for (uint32_t i = 0; i < part->n; i++)
            rp_sketch_save(wire + (size_t)i * RP_CELL_LEN, &cells[i]);
        answer.cells = (struct rp_slice){wire, (size_t)part->n * RP_CELL_LEN};
        rp_message_write_part(&link->writer, RP_MESSAGE_CELLS, &answer);
        link_send(link);
    }
    free(cells);
    free(wire);
    return err;
}
