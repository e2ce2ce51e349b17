#include <stdlib.h>
#include <string.h>

#include "circles.h"
#include "exchange.h"
#include "rp/err.h"
#include "waiting.h"

/*
 * Finding out, with the other side of a link, which records each lacks (SPEC 4.3): the exchanges
 * that we begin, a small state machine in link->ours. What we answer to theirs is in answer.c.
 */

void exchange_plan(struct shared *shared, uint64_t at_ms)
{
    if (!shared->shut && at_ms < shared->next_check)
        shared->next_check = at_ms;
}

void exchange_plan_interval(const struct link *link, struct shared *shared, uint64_t now_ms)
{
    uint32_t interval = link->core->check_ms;

    if (shared->shut)
        return;
    shared->next_check = now_ms + interval + (uint64_t)core_random_jitter(link->core, interval);
}

/* Ends our exchange, whatever its state. */
static void close_ours(struct link *link)
{
    struct exchange *x = &link->ours;

    for (enum rp_set set = 0; set < RP_SETS; set++)
        view_close(&x->view[set]);
    cells_free(x);
    x->state = EXCHANGE_NONE;
}

void exchange_drop(struct link *link)
{
    struct shared *shared = link->ours.shared;

    if (link->ours.state != EXCHANGE_NONE && shared != &link->commons)
        exchange_plan(shared, 0); /* of the commons the callers know what is next */
    close_ours(link);
    answer_close(link);
    excluded_drop(link);
    link->commons.told_at = 0;
}

void exchange_forget(struct link *link, const struct shared *shared)
{
    if (link->ours.state != EXCHANGE_NONE && link->ours.shared == shared)
        close_ours(link);
    if (link->theirs.shared == shared)
        answer_close(link);
}

void exchange_restart(struct link *link, struct shared *shared)
{
    if (link->theirs.active) {
        rp_message_write_done(&link->writer, link->theirs.number);
        link_send(link);
    }
    exchange_drop(link);
    exchange_plan(shared, 0);
}

void exchange_begin(struct link *link, struct shared *shared, uint64_t now_ms)
{
    struct exchange *x = &link->ours;
    struct rp_check check = {.exchange = link->exchanges_begun};

    close_ours(link);
    if (link->lists != LISTS_KNOWN) {
        exchange_plan_interval(link, shared, now_ms);
        return;
    }
    x->shared = shared;
    memcpy(check.scope, shared->scope->id, RP_ID_LEN);
    x->number = check.exchange;
    link->exchanges_begun += 2;
    x->asks[RP_SET_CONTROL] = !shared->content_next;
    /* while the store is full there is nowhere to put content; control there always is */
    x->asks[RP_SET_CONTENT] = now_ms >= link->core->full_until;
    if (!x->asks[RP_SET_CONTENT])
        x->asks[RP_SET_CONTROL] = true;
    x->need = x->have = 0;
    x->estimate = x->cells = x->asked = 0;
    x->state = EXCHANGE_CHECKED;
    x->deadline = now_ms + EXCHANGE_MS;
    shared->content_next = false;
    shared->next_check = UINT64_MAX;
    link->core->counters.checks++;
    for (enum rp_set set = 0; set < RP_SETS; set++) {
        check.asks[set] = x->asks[set];
        if (!x->asks[set])
            continue;
        view_open(&x->view[set], link, shared, set);
        view_tally(&x->view[set], &check.tally[set]);
    }
    rp_message_write_check(&link->writer, &check);
    link_send(link);
}

/* Our side: what the answer leads to */

/* Control was found to be the same on both sides. */
static void found_control_equal(struct link *link, uint64_t now_ms)
{
    restored_compared(link, link->ours.shared, now_ms);
    shared_told(link->ours.shared, now_ms);
}

/* Everything that was compared is the same on both sides. */
static void found_equal(struct link *link, uint64_t now_ms)
{
    struct shared *shared = link->ours.shared;
    bool asked_control = link->ours.asks[RP_SET_CONTROL];
    bool asked_content = link->ours.asks[RP_SET_CONTENT];

    if (asked_control)
        found_control_equal(link, now_ms);
    link_settled(link);
    close_ours(link);
    link->core->counters.equal++;
    shared_met(link, shared);
    if (!asked_content) { /* as far as can be told while the store is full */
        exchange_plan_interval(link, shared, now_ms);
        return;
    }
    if (!asked_control) { /* it was settled before content: look at both once more */
        exchange_plan(shared, now_ms + SETTLE_MS);
        return;
    }
    shared->unequal = 0;
    if (shared != &link->commons) {
        exchange_plan_interval(link, shared, now_ms);
        return;
    }
    link->offered = 0;
    link->found_need = link->found_have = 0;
    link->counts_as_sync = true;
    link->peer->entry.last_sync = core_calendar(link->core, now_ms);
    link->peer->exchanges++;
    exchange_plan_interval(link, shared, now_ms);
}

/* How long after the ${unequal}th check in a row that found a difference the next one comes: a
 * difference that stays, such as of refused records, is not worth haste. */
static uint64_t wait_after(const struct core *core, uint32_t unequal)
{
    uint64_t wait = SETTLE_MS;

    for (uint32_t i = 1; i < unequal && wait < core->check_ms; i++)
        wait *= 2;
    return wait;
}

/*
 * A LIST told of nothing that we lack: what differs is for the other side to fetch, and it says
 * when it is through. The longer the list, the later we ask for it again.
 */
static void be_patient(const struct core *core, struct exchange *x)
{
    uint64_t wait = x->listed / LISTED_BYTES_PER_MS;

    if (wait > core->check_ms)
        wait = core->check_ms;
    while (wait_after(core, x->shared->unequal + 1) < wait)
        x->shared->unequal++;
}

/* What is lacked was noted by fetch; say that we are through. */
void exchange_found(struct link *link, uint64_t now_ms)
{
    struct exchange *x = &link->ours;

    link_settled(link);
    shared_met(link, x->shared);
    if (x->shared == &link->commons) {
        link->found_need = x->need;
        link->found_have = x->have;
        link->offered += x->have;
    }
    if (x->set == RP_SET_CONTROL)
        shared_told(x->shared, now_ms + (x->have > 0 ? TOLD_MS : 0));
    x->shared->content_next = x->set == RP_SET_CONTROL;
    if (x->state == EXCHANGE_LIST && x->need == 0)
        be_patient(link->core, x);
    x->shared->unequal++;
    link->peer->exchanges++;
    rp_message_write_done(&link->writer, x->number);
    close_ours(link);
    link_send(link);
    fetch_ask(link, now_ms);
    exchange_settled(link, now_ms);
}

/* When a scope that was found to differ is compared again. */
static void plan_again(const struct link *link, struct shared *shared, uint64_t now_ms)
{
    exchange_plan(shared, now_ms + wait_after(link->core, shared->unequal));
}

void exchange_settled(struct link *link, uint64_t now_ms)
{
    if (link->ours.state != EXCHANGE_NONE || fetch_backlog(link) > 0)
        return;
    for (struct shared *shared = &link->commons; shared != NULL; shared = shared->next) {
        if (shared->unequal > 0)
            plan_again(link, shared, now_ms);
    }
}

/* Leaves out what is not here: it was counted as if it were, and the other side has it no more. */
static void keep_stored(struct link *link, struct symbols *held)
{
    struct exchange *x = &link->ours;
    size_t kept = 0;

    for (size_t i = 0; i < held->n; i += RP_SYMBOL_LEN) {
        if (x->shared == &link->commons && waiting_let_go(link, held->data + i))
            continue;
        memmove(held->data + kept, held->data + i, RP_SYMBOL_LEN);
        kept += RP_SYMBOL_LEN;
    }
    held->n = kept;
}

int exchange_offer(struct link *link, struct symbols *held)
{
    struct exchange *x = &link->ours;
    size_t n;
    size_t room = x->have < OFFERS_MAX ? (size_t)(OFFERS_MAX - x->have) : 0;
    int err;

    keep_stored(link, held);
    n = held->n / RP_SYMBOL_LEN;
    x->have += n;
    err = symbols_append(&x->shared->announce[x->set], held->data,
                         (n < room ? n : room) * RP_SYMBOL_LEN);
    core_wake(link);
    return err;
}

int exchange_want(struct link *link, struct rp_slice theirs)
{
    uint64_t lacked = 0;
    int err = fetch_offered(link, link->ours.set, theirs, &lacked);

    link->ours.need += lacked;
    return err;
}

static bool ascends(struct rp_slice symbols)
{
    for (size_t i = RP_SYMBOL_LEN; i < symbols.len; i += RP_SYMBOL_LEN) {
        if (memcmp(symbols.data + i - RP_SYMBOL_LEN, symbols.data + i, RP_SYMBOL_LEN) >= 0)
            return false;
    }
    return true;
}

/* Keeps of ${ours} what is not in ${theirs}. */
static void keep_ours_only(struct symbols *ours, struct rp_slice theirs)
{
    size_t kept = 0;

    for (size_t i = 0; i < ours->n; i += RP_SYMBOL_LEN) {
        if (symbols_has(theirs, ours->data + i))
            continue;
        memmove(ours->data + kept, ours->data + i, RP_SYMBOL_LEN);
        kept += RP_SYMBOL_LEN;
    }
    ours->n = kept;
}

/* Offers what we have of ${range} that is not among ${theirs}, piece by piece. */
static int offer_range(struct link *link, struct range range, struct rp_slice theirs)
{
    struct exchange *x = &link->ours;
    struct symbols ours = {0};
    uint8_t reached[RP_SYMBOL_LEN];
    bool last = false;
    int err = RP_OK;

    while (!last && err == RP_OK && x->have < OFFERS_MAX) {
        err = view_list(&x->view[x->set], &range, RP_SYMBOLS_MAX, &ours, &last);
        if (err != RP_OK || ours.n == 0)
            break;
        memcpy(reached, ours.data + ours.n - RP_SYMBOL_LEN, RP_SYMBOL_LEN);
        range.after = reached;
        keep_ours_only(&ours, theirs);
        err = exchange_offer(link, &ours);
    }
    symbols_free(&ours);
    return err;
}

/*
 * Compares ${theirs}, all their symbols after ${after} (NULL: from the first) up to the last of
 * ${theirs}, or (${last}) up to the end, with what there is here now.
 */
static int compare_range(struct link *link, const uint8_t *after, struct rp_slice theirs, bool last)
{
    struct range range = {.after = after};
    int err;

    if (!ascends(theirs) || (theirs.len == 0 && !last) ||
        (theirs.len > 0 && after != NULL && memcmp(theirs.data, after, RP_SYMBOL_LEN) <= 0))
        return RP_ERR_SHAPE;
    if (!last)
        range.end = theirs.data + theirs.len - RP_SYMBOL_LEN;
    if ((err = exchange_want(link, theirs)) == RP_OK)
        err = offer_range(link, range, theirs);
    return err;
}

static int receive_ids(struct link *link, const struct rp_part *part, uint64_t now_ms)
{
    int err;

    link->ours.set = part->set;
    if ((err = compare_range(link, NULL, part->symbols, true)) == RP_OK)
        exchange_found(link, now_ms);
    return err;
}

static void ask_page(struct link *link)
{
    struct exchange *x = &link->ours;
    struct rp_part part = {.exchange = x->number, .set = x->set, .has_after = x->has_after};

    memcpy(part.after, x->after, RP_SYMBOL_LEN);
    x->page_awaited = true;
    rp_message_write_part(&link->writer, RP_MESSAGE_LIST, &part);
    link_send(link);
}

void exchange_list(struct link *link, uint64_t now_ms)
{
    struct exchange *x = &link->ours;

    cells_free(x);
    view_unfix(&x->view[x->set]);
    x->state = EXCHANGE_LIST;
    x->has_after = false;
    x->deadline = now_ms + EXCHANGE_MS;
    x->need = x->have = x->listed = 0;
    link->core->counters.lists++;
    ask_page(link);
}

/* Asks for the next page when there is room for what it may bring. */
void exchange_continue(struct link *link, uint64_t now_ms)
{
    struct exchange *x = &link->ours;

    if (x->state != EXCHANGE_LIST || x->page_awaited)
        return;
    x->deadline = now_ms + EXCHANGE_MS; /* waiting for ourselves */
    if (fetch_room(link) >= RP_SYMBOLS_MAX)
        ask_page(link);
}

static int receive_page(struct link *link, const struct rp_part *part, uint64_t now_ms)
{
    struct exchange *x = &link->ours;
    uint8_t after[RP_SYMBOL_LEN];
    int err;

    if (x->state != EXCHANGE_LIST || !x->page_awaited || part->set != x->set)
        return RP_ERR_STATE;
    x->page_awaited = false;
    x->listed += part->symbols.len;
    memcpy(after, x->after, RP_SYMBOL_LEN);
    err = compare_range(link, x->has_after ? after : NULL, part->symbols, part->last);
    if (err != RP_OK)
        return err;
    if (part->last) {
        exchange_found(link, now_ms);
        return RP_OK;
    }
    memcpy(x->after, part->symbols.data + part->symbols.len - RP_SYMBOL_LEN, RP_SYMBOL_LEN);
    x->has_after = true;
    fetch_ask(link, now_ms);
    exchange_continue(link, now_ms);
    return RP_OK;
}

static int receive_done(struct link *link, struct rp_slice frame, uint64_t now_ms)
{
    uint64_t exchange;
    int err = rp_message_read_exchange(&exchange, frame);

    if (err != RP_OK)
        return err;
    if (link->theirs.active && link->theirs.number == exchange)
        answer_close(link);
    if (link->ours.state != EXCHANGE_NONE && link->ours.number == exchange) {
        struct shared *shared = link->ours.shared;
        bool unanswered = link->ours.state == EXCHANGE_CHECKED;

        close_ours(link);
        if (unanswered && shared != &link->commons) {
            circles_declined(link, shared);
            exchange_plan_interval(link, shared, now_ms);
        } else {
            exchange_plan(shared, now_ms + DECLINED_MS);
        }
    }
    return RP_OK;
}

static int receive_equal(struct link *link, struct rp_slice frame, uint64_t now_ms)
{
    uint64_t exchange;
    int err = rp_message_read_exchange(&exchange, frame);

    if (err == RP_OK && link->ours.state == EXCHANGE_CHECKED && link->ours.number == exchange)
        found_equal(link, now_ms);
    return err;
}

/* Whether ${part} is the answer to a CHECK of ours that still waits for one. */
static bool answers_check(const struct link *link, const struct rp_part *part)
{
    return link->ours.state == EXCHANGE_CHECKED && link->ours.asks[part->set];
}

static int receive_part(struct link *link, enum rp_message_type type, struct rp_slice frame,
                        uint64_t now_ms)
{
    struct rp_part part;
    bool is_request = type == RP_MESSAGE_MORE || type == RP_MESSAGE_LIST;
    int err = rp_message_read_part(&part, type, frame);

    if (err != RP_OK)
        return err;
    if (is_request) /* it may be of a CHECK that came with it and waits for its turn, too */
        return serve_part(link, type, &part);
    if (part.exchange != link->ours.number || link->ours.state == EXCHANGE_NONE)
        return RP_OK; /* of an exchange that was dropped */
    if (answers_check(link, &part) && part.set == RP_SET_CONTENT && link->ours.asks[RP_SET_CONTROL])
        found_control_equal(link, now_ms); /* it would have been answered first */
    switch (type) {
    case RP_MESSAGE_IDS:
        return answers_check(link, &part) ? receive_ids(link, &part, now_ms) : RP_ERR_STATE;
    case RP_MESSAGE_SKETCH:
        return answers_check(link, &part) ? cells_receive_sketch(link, &part, now_ms)
                                          : RP_ERR_STATE;
    case RP_MESSAGE_CELLS:
        return cells_receive(link, &part, now_ms);
    default:
        return receive_page(link, &part, now_ms);
    }
}

int exchange_receive(struct link *link, enum rp_message_type type, struct rp_slice frame,
                     uint64_t now_ms)
{
    switch (type) {
    case RP_MESSAGE_CHECK:
        return serve_check(link, frame);
    case RP_MESSAGE_EQUAL:
        return receive_equal(link, frame, now_ms);
    case RP_MESSAGE_DONE:
        return receive_done(link, frame, now_ms);
    default:
        return receive_part(link, type, frame, now_ms);
    }
}
