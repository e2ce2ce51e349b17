#include <stdlib.h>
#include <string.h>

#include "core_private.h"
#include "rp/err.h"
#include "waiting.h"

/*
 * What is wanted, and of whom (SPEC 4.4). Each wanted symbol is in one entry, whichever links offer
 * it: it is asked of the first, and of the next when that one stalls, ends or does not deliver. So
 * each record comes about once, however many have it.
 */

int fetch_start(struct core *core)
{
    core->fetch_by_symbol = table_new(RP_SYMBOL_LEN, core->table_key);
    core->refused.table = table_new(RP_SYMBOL_LEN, core->table_key);
    core->refused.symbols = calloc(REFUSED_MAX, RP_SYMBOL_LEN);
    if (core->fetch_by_symbol == NULL || core->refused.table == NULL ||
        core->refused.symbols == NULL)
        return RP_ERR_NOMEM;
    return RP_OK;
}

void fetch_free(struct core *core)
{
    table_free(core->fetch_by_symbol);
    table_free(core->refused.table);
    free(core->refused.symbols);
    free(core->fetches);
}

static struct fetch *find(const struct core *core, const uint8_t *symbol)
{
    uint32_t i;

    return table_get(core->fetch_by_symbol, symbol, &i) ? &core->fetches[i] : NULL;
}

/* Makes more entries, all free. */
static bool grow_pool(struct core *core)
{
    uint32_t cap = core->fetches_cap > 0 ? 2 * core->fetches_cap : 256;
    struct fetch *fetches = realloc(core->fetches, cap * sizeof *fetches);

    if (fetches == NULL)
        return false;
    core->fetches = fetches;
    for (uint32_t i = core->fetches_cap > 0 ? core->fetches_cap : 1; i < cap; i++) {
        fetches[i] = (struct fetch){.next_free = core->fetches_free};
        core->fetches_free = i;
    }
    core->fetches_cap = cap;
    return true;
}

static struct fetch *new_fetch(struct core *core, const uint8_t *symbol, enum rp_set set)
{
    struct fetch *fetch;
    uint32_t i;

    if (core->fetches_n == FETCHES_MAX || (core->fetches_free == 0 && !grow_pool(core)))
        return NULL;
    i = core->fetches_free;
    if (core->fetches == NULL || i == 0 || table_put(core->fetch_by_symbol, symbol, i) != RP_OK)
        return NULL;
    fetch = &core->fetches[i];
    core->fetches_free = fetch->next_free;
    core->fetches_n++;
    *fetch = (struct fetch){.state = FETCH_QUEUED, .set = set};
    memcpy(fetch->symbol, symbol, RP_SYMBOL_LEN);
    return fetch;
}

static void forget(struct core *core, struct fetch *fetch)
{
    uint32_t i = (uint32_t)(fetch - core->fetches);

    table_del(core->fetch_by_symbol, fetch->symbol);
    *fetch = (struct fetch){.next_free = core->fetches_free};
    core->fetches_free = i;
    core->fetches_n--;
}

/* Remembers a symbol whose valid record was refused, so that it is not fetched again at once. */
static void remember_refused(struct core *core, const uint8_t *symbol)
{
    struct refusal_memory *memory = &core->refused;
    uint32_t ignored;

    if (table_get(memory->table, symbol, &ignored))
        return;
    if (memory->n == REFUSED_MAX)
        table_del(memory->table, memory->symbols[memory->at]);
    else
        memory->n++;
    memcpy(memory->symbols[memory->at], symbol, RP_SYMBOL_LEN);
    (void)!table_put(memory->table, symbol, 0); /* forgotten without memory: fetched once more */
    memory->at = (memory->at + 1) % REFUSED_MAX;
}

void fetch_forget_refused(struct core *core)
{
    struct refusal_memory *memory = &core->refused;

    for (size_t i = 0; i < memory->n; i++)
        table_del(memory->table, memory->symbols[i]);
    memory->n = memory->at = 0;
}

bool fetch_link_has(const struct core *core, const uint8_t *symbol, uint64_t link)
{
    const struct fetch *fetch = find(core, symbol);

    for (uint32_t i = 0; fetch != NULL && i < fetch->links; i++) {
        if (fetch->link[i] == link)
            return true;
    }
    return false;
}

/* Notes that ${link} has a symbol that is wanted already. */
static void add_link(struct fetch *fetch, uint64_t link)
{
    for (uint32_t i = 0; i < fetch->links; i++) {
        if (fetch->link[i] == link)
            return;
    }
    if (fetch->links < FETCH_LINKS_MAX)
        fetch->link[fetch->links++] = link;
}

/* Whether the symbol is held, or was refused, or is of a version that cannot be read yet. */
static bool is_settled(struct core *core, struct kv_txn *txn, const uint8_t *symbol)
{
    struct place place;
    uint32_t ignored;

    return table_get(core->refused.table, symbol, &ignored) || records_find(txn, symbol, &place) ||
           kv_get(txn, KV_LATER, (struct rp_slice){symbol, RP_SYMBOL_LEN}, NULL);
}

int fetch_offered(struct link *link, enum rp_set set, struct rp_slice symbols, uint64_t *lacked)
{
    struct core *core = link->core;
    struct kv_txn *txn;
    int err;

    if ((txn = kv_begin(core->kv, false, &err)) == NULL)
        return err;
    for (size_t at = 0; at < symbols.len && err == RP_OK; at += RP_SYMBOL_LEN) {
        const uint8_t *symbol = symbols.data + at;
        struct fetch *fetch = find(core, symbol);

        if (fetch != NULL) {
            add_link(fetch, link->number);
            if (lacked != NULL)
                (*lacked)++;
            continue;
        }
        if (waiting_offered(link, symbol) || is_settled(core, txn, symbol))
            continue;
        if (lacked != NULL)
            (*lacked)++;
        fetch = fetch_room(link) > 0 ? new_fetch(core, symbol, set) : NULL;
        if (fetch == NULL) { /* no room: the next comparison will bring it up again */
            link->missed = true;
            continue;
        }
        add_link(fetch, link->number);
        err = symbols_append(&link->wanted[set], symbol, RP_SYMBOL_LEN);
    }
    link->has_offered = true;
    if (err == RP_OK)
        err = kv_err(txn);
    kv_abort(txn);
    return err;
}

/* Puts an entry at the end of the queue of the link that is to be asked next. */
static void queue_next(struct core *core, struct fetch *fetch)
{
    fetch->state = FETCH_QUEUED;
    while (fetch->links > 0) {
        struct link *link = link_by_number(core, fetch->link[0]);

        if (link != NULL && link->state == LINK_OPEN &&
            symbols_append(&link->wanted[fetch->set], fetch->symbol, RP_SYMBOL_LEN) == RP_OK) {
            core_wake(link);
            return;
        }
        fetch->links--;
        memmove(fetch->link, fetch->link + 1, fetch->links * sizeof fetch->link[0]);
    }
    forget(core, fetch);
}

/* ${link} will not deliver it: the next one shall. */
static void pass_on(struct core *core, struct fetch *fetch)
{
    fetch->links--;
    memmove(fetch->link, fetch->link + 1, fetch->links * sizeof fetch->link[0]);
    queue_next(core, fetch);
}

static struct request *new_request(struct link *link, enum rp_set set)
{
    struct request *requests = realloc(link->requests, (link->requests_n + 1) * sizeof *requests);

    if (requests == NULL)
        return NULL;
    link->requests = requests;
    link->requests[link->requests_n] = (struct request){.number = ++link->next_request, .set = set};
    return &link->requests[link->requests_n++];
}

static struct request *find_request(struct link *link, uint64_t number)
{
    for (uint32_t i = 0; i < link->requests_n; i++) {
        if (link->requests[i].number == number)
            return &link->requests[i];
    }
    return NULL;
}

/* Takes symbols from the front of the link's queue into a request. */
static int fill_request(struct link *link, struct request *request)
{
    struct core *core = link->core;
    struct symbols *queue = &link->wanted[request->set];
    size_t *at = &link->wanted_at[request->set];
    int err = RP_OK;

    while (*at < queue->n && err == RP_OK && request->symbols.n < ASK_EACH_MAX * RP_SYMBOL_LEN &&
           link->asked < ASKED_MAX) {
        struct fetch *fetch = find(core, queue->data + *at);

        *at += RP_SYMBOL_LEN;
        /* it may have come from elsewhere meanwhile, or have been asked of another link */
        if (fetch == NULL || fetch->state != FETCH_QUEUED || fetch->link[0] != link->number)
            continue;
        if ((err = symbols_append(&request->symbols, fetch->symbol, RP_SYMBOL_LEN)) != RP_OK) {
            forget(core, fetch); /* the next comparison will bring it up again */
            break;
        }
        fetch->state = FETCH_ASKED;
        fetch->request = request->number;
        link->asked++;
    }
    if (*at == queue->n || *at > 65536) {
        symbols_drop(queue, *at);
        *at = 0;
    }
    return err;
}

static int send_want(struct link *link, const struct request *request)
{
    struct symbols prefixes = {0};
    struct rp_want want = {.request = request->number};
    int err = RP_OK;

    for (size_t i = 0; i < request->symbols.n && err == RP_OK; i += RP_SYMBOL_LEN)
        err = symbols_append(&prefixes, request->symbols.data + i, RP_PREFIX_LEN);
    want.prefixes = symbols_slice(&prefixes);
    if (err == RP_OK) {
        rp_message_write_want(&link->writer, &want);
        link_send(link);
    }
    symbols_free(&prefixes);
    return err;
}

static void drop_request(struct link *link, struct request *request)
{
    size_t i = (size_t)(request - link->requests);

    symbols_free(&request->symbols);
    link->requests_n--;
    memmove(link->requests + i, link->requests + i + 1,
            (link->requests_n - i) * sizeof *link->requests);
}

/* Whether control records are awaited from the link: content waits for them (SPEC 4.3). */
static bool awaits_control(const struct link *link)
{
    for (uint32_t i = 0; i < link->requests_n; i++) {
        if (link->requests[i].set == RP_SET_CONTROL)
            return true;
    }
    return link->wanted_at[RP_SET_CONTROL] < link->wanted[RP_SET_CONTROL].n;
}

void fetch_ask(struct link *link, uint64_t now_ms)
{
    for (enum rp_set set = 0; set < RP_SETS && link->state == LINK_OPEN; set++) {
        while (link->wanted_at[set] < link->wanted[set].n && link->asked < ASKED_MAX &&
               link->state == LINK_OPEN &&
               (set == RP_SET_CONTROL || now_ms >= link->core->full_until)) {
            struct request *request;

            if (set == RP_SET_CONTENT && awaits_control(link))
                return;
            if ((request = new_request(link, set)) == NULL)
                return;
            if (fill_request(link, request) != RP_OK && request->symbols.n == 0) {
                drop_request(link, request);
                return; /* memory is short: at the next occasion */
            }
            if (request->symbols.n == 0) {
                drop_request(link, request);
                continue;
            }
            if (link->asked == request->symbols.n / RP_SYMBOL_LEN)
                link->progress_at = now_ms; /* nothing was awaited before */
            request->asked_at = now_ms;
            request->deadline = now_ms + STALL_MS + ASK_MS * (uint64_t)link->asked;
            if (send_want(link, request) != RP_OK)
                link_end(link, NULL);
        }
    }
}

/* What is compared on the link counts as different until it is found to be the same. */
static void compare_again(struct link *link)
{
    for (struct shared *shared = &link->commons; shared != NULL; shared = shared->next) {
        if (shared->unequal == 0)
            shared->unequal = 1;
    }
}

/* A request is answered whole and all it brought was taken in: what is missing is asked elsewhere.
 */
static void finish_request(struct link *link, struct request *request, uint64_t now_ms)
{
    struct symbols symbols = request->symbols;
    uint64_t number = request->number;
    bool short_of_some = false;

    request->symbols = (struct symbols){0};
    drop_request(link, request);
    link->asked -= (uint32_t)(symbols.n / RP_SYMBOL_LEN);
    for (size_t i = 0; i < symbols.n; i += RP_SYMBOL_LEN) {
        struct fetch *fetch = find(link->core, symbols.data + i);

        if (fetch != NULL && fetch->state == FETCH_ASKED && fetch->request == number &&
            fetch->link[0] == link->number) {
            short_of_some = true;
            pass_on(link->core, fetch);
        }
    }
    symbols_free(&symbols);
    link->progress_at = now_ms;
    core_wake(link);
    if (short_of_some) /* compared again: nobody may offer it a second time */
        compare_again(link);
    if (fetch_backlog(link) > 0)
        return;
    if (link->missed) {
        link->missed = false;
        for (struct shared *shared = &link->commons; shared != NULL; shared = shared->next)
            exchange_plan(shared, now_ms);
    }
    exchange_settled(link, now_ms);
}

/* Hands one received record to be taken in. */
static int submit(struct link *link, struct rp_slice packed, uint64_t request)
{
    struct core_effect *effect;

    if (packed.len > RP_RECORD_MAX)
        return RP_ERR_LIMIT;
    if ((effect = core_submit(link->core, packed)) == NULL)
        return RP_ERR_NOMEM;
    effect->submission.link = link->number;
    effect->submission.request = request;
    link->submitted += packed.len;
    link->core->submitted += packed.len;
    link->core->counters.records_in++;
    return RP_OK;
}

int fetch_receive(struct link *link, struct rp_slice frame, uint64_t now_ms)
{
    struct rp_records records;
    struct request *request;
    int err = rp_message_read_records(&records, frame);

    if (err != RP_OK)
        return err;
    request = find_request(link, records.request);
    if (request == NULL || request->last_seen)
        return RP_OK; /* given up meanwhile: what comes late is asked of somebody else */
    request->received += records.n;
    if (request->received > 2 * request->symbols.n / RP_SYMBOL_LEN + 16)
        return RP_ERR_LIMIT; /* so many cannot have begun as those that were asked for */
    request->deadline += frame.len / ASK_BYTES_PER_MS;
    for (uint32_t i = 0; i < records.n && err == RP_OK; i++) {
        err = submit(link, rp_reader_item(&records.items), records.request);
        request->pending += err == RP_OK;
    }
    request->last_seen = records.last;
    if (err == RP_OK && request->last_seen && request->pending == 0)
        finish_request(link, request, now_ms);
    return err;
}

/* What the outcome means for the symbol: whether it is dealt with. */
static bool settles(const struct outcome *outcome)
{
    return outcome->known && outcome->err != RP_ERR_FULL && outcome->err != RP_ERR_NOMEM &&
           outcome->err != RP_ERR_IO;
}

static bool is_refusal(int err)
{
    return err == RP_ERR_WITHDRAWN || err == RP_ERR_UNKNOWN_ORG || err == RP_ERR_KEY ||
           err == RP_ERR_DISOWNED || err == RP_ERR_SHAPE || err == RP_ERR_DENIED ||
           err == RP_ERR_QUOTA;
}

/* Whether the record should not have been sent. */
static bool is_fault(int err)
{
    return err != RP_OK && err != RP_ERR_EXISTS && err != RP_ERR_FULL && err != RP_ERR_VERSION &&
           err != RP_ERR_NOMEM && err != RP_ERR_IO;
}

/* A record waits for room: all who offered it have it. False when that could not be noted. */
static bool hold_back(struct core *core, const struct fetch *fetch, const struct outcome *outcome)
{
    if (!waiting_note(core, outcome))
        return false;
    for (uint32_t i = 0; fetch != NULL && i < fetch->links; i++) {
        struct link *link = link_by_number(core, fetch->link[i]);

        if (link != NULL && link->state == LINK_OPEN)
            (void)waiting_offered(link, outcome->id);
    }
    return true;
}

/* Whether the other side knew when it was asked that the record is withdrawn: that has been known
 * here for long, by a calendar that can tell, and the other side has what is known here. */
static bool knew_withdrawn(struct link *link, const struct outcome *outcome)
{
    const struct shared *shared = shared_by_number(link, outcome->place.scope);
    const struct request *request = find_request(link, outcome->request);
    uint64_t asked_at;

    if (shared == NULL || shared->told_at == 0 || request == NULL ||
        request->asked_at < shared->told_at || outcome->withdrawn_since == 0 ||
        request->asked_at < link->core->calendar_since + TOLD_MS)
        return false;
    asked_at = core_calendar(link->core, request->asked_at);
    return asked_at >= TOLD_MS && asked_at - TOLD_MS >= outcome->withdrawn_since;
}

/* Whether nobody honest sends such: what no key has signed, what is of a circle to whom is not in
 * it, or what was withdrawn. Other refusals may be of things that happened meanwhile. */
static bool is_certain(struct link *link, const struct outcome *outcome)
{
    return !outcome->known || outcome->err == RP_ERR_SHAPE ||
           (outcome->err == RP_ERR_WITHDRAWN && knew_withdrawn(link, outcome));
}

/* What came over a link, which may be gone by now, takes no room any more. */
static void release_room(struct core *core, const struct outcome *outcome)
{
    bool was_held = core->submitted >= SUBMITTED_MAX;

    if (outcome->link == 0)
        return;
    core->submitted -= outcome->bytes;
    for (struct link *link = core->links; was_held && link != NULL; link = link->next)
        core_wake(link); /* nobody was read: now everybody may be again */
}

void fetch_outcome(struct core *core, const struct outcome *outcome, uint64_t now_ms)
{
    struct fetch *fetch = outcome->known ? find(core, outcome->id) : NULL;
    struct link *link = link_by_number(core, outcome->link);
    struct request *request;
    bool held_back = outcome->err == RP_ERR_QUOTA && hold_back(core, fetch, outcome);

    if (fetch != NULL && settles(outcome)) {
        if (link != NULL && fetch->state == FETCH_ASKED && fetch->link[0] == link->number)
            link->progress_at = now_ms;
        forget(core, fetch);
    }
    if (outcome->known && settles(outcome) && outcome->err != RP_ERR_QUOTA)
        waiting_settled(core, outcome->id);
    if (outcome->known && is_refusal(outcome->err) && !held_back)
        remember_refused(core, outcome->id);
    if (outcome->err == RP_ERR_EXISTS)
        core->counters.duplicates_in++;
    release_room(core, outcome);
    if (link == NULL)
        return;
    if (is_fault(outcome->err) && !held_back) {
        link->refused++;
        if (is_certain(link, outcome))
            peering_fault(link, now_ms);
    }
    link->submitted -= outcome->bytes;
    core_wake(link);
    if ((request = find_request(link, outcome->request)) == NULL)
        return;
    request->pending--;
    if (request->last_seen && request->pending == 0)
        finish_request(link, request, now_ms);
}

void fetch_link_gone(struct link *link)
{
    struct core *core = link->core;

    link->state = LINK_ENDING; /* so that nothing is queued here again */
    for (uint32_t i = 1; i < core->fetches_cap && link->has_offered; i++) {
        struct fetch *fetch = &core->fetches[i];
        bool was_first;
        uint32_t kept = 0;

        if (fetch->state == FETCH_FREE)
            continue;
        was_first = fetch->links > 0 && fetch->link[0] == link->number;
        for (uint32_t k = 0; k < fetch->links; k++) {
            if (fetch->link[k] != link->number)
                fetch->link[kept++] = fetch->link[k];
        }
        fetch->links = kept;
        if (was_first)
            queue_next(core, fetch);
    }
    while (link->requests_n > 0)
        drop_request(link, &link->requests[0]);
    free(link->requests);
    link->requests = NULL;
}

uint64_t fetch_deadline(const struct link *link)
{
    uint64_t deadline = link->progress_at + STALL_MS;

    if (link->asked == 0 || link->submitted > 0) /* what came will say when it is taken in */
        return UINT64_MAX;
    for (uint32_t i = 0; i < link->requests_n; i++) {
        if (link->requests[i].deadline < deadline)
            deadline = link->requests[i].deadline;
    }
    return deadline;
}

/* The link has delivered nothing for long, or too slowly: what it was asked for is asked of others.
 */
void fetch_tick(struct link *link, uint64_t now_ms)
{
    if (fetch_deadline(link) > now_ms)
        return;
    while (link->requests_n > 0)
        finish_request(link, &link->requests[0], now_ms);
}

/* A fair share, so that one cannot take all the room there is with what nobody has. */
size_t fetch_room(const struct link *link)
{
    size_t share = FETCHES_MAX / (link->core->links_n > 0 ? link->core->links_n : 1);
    size_t backlog = fetch_backlog(link);

    if (share > FETCHES_LINK_MAX)
        share = FETCHES_LINK_MAX;
    return backlog < share ? share - backlog : 0;
}

size_t fetch_backlog(const struct link *link)
{
    size_t n = link->asked;

    for (enum rp_set set = 0; set < RP_SETS; set++)
        n += (link->wanted[set].n - link->wanted_at[set]) / RP_SYMBOL_LEN;
    return n;
}
