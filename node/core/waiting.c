#include "waiting.h"

#include <stdlib.h>
#include <string.h>

#include "rp/err.h"

/* A record that waits, and on how many links it is counted as held. */
struct entry {
    struct waiting_entry record;
    uint32_t links;
};

struct waiting {
    struct entry *entries;
    uint32_t n;
    uint32_t cap;
    struct table *by_symbol;
};

/* What the other side of a link has, of what waits: a bit for each entry. */
struct held_back {
    uint8_t *bits;
    uint32_t cap; /* entries */
    uint64_t count[RP_SETS];
    struct rp_fingerprint fingerprint[RP_SETS];
};

int waiting_load(struct core *core)
{
    struct waiting_entry record;
    struct waiting *waiting = calloc(1, sizeof *waiting);
    struct kv_iter it;
    struct kv_txn *txn;
    int err;

    core->waiting = waiting;
    if (waiting == NULL)
        return RP_ERR_NOMEM;
    if ((waiting->by_symbol = table_new(RP_SYMBOL_LEN, core->table_key)) == NULL)
        return RP_ERR_NOMEM;
    if ((txn = kv_begin(core->kv, false, &err)) == NULL)
        return err;
    for (kv_first(&it, txn, KV_WAITING, (struct rp_slice){NULL, 0}); it.found; kv_next(&it)) {
        struct outcome outcome = {.waiting = &record};

        if (waiting_read(it.key, it.value, &record) && record.org < core->orgs_n)
            (void)waiting_note(core, &outcome); /* without memory it is fetched once more */
    }
    err = kv_err(txn);
    kv_abort(txn);
    return err;
}

void waiting_free(struct core *core)
{
    if (core->waiting == NULL)
        return;
    table_free(core->waiting->by_symbol);
    free(core->waiting->entries);
    free(core->waiting);
}

uint32_t waiting_count(const struct core *core)
{
    return core->waiting->n;
}

static bool find(const struct core *core, const uint8_t *symbol, uint32_t *i)
{
    return core->waiting->n > 0 && table_get(core->waiting->by_symbol, symbol, i);
}

static bool grow(struct waiting *waiting)
{
    uint32_t cap = waiting->cap > 0 ? 2 * waiting->cap : 64;
    struct entry *grown;

    if (waiting->n < waiting->cap)
        return true;
    if (waiting->n >= WAITING_MAX)
        return false;
    if ((grown = realloc(waiting->entries, cap * sizeof *grown)) == NULL)
        return false;
    waiting->entries = grown;
    waiting->cap = cap;
    return true;
}

bool waiting_note(struct core *core, const struct outcome *outcome)
{
    struct waiting *waiting = core->waiting;
    const struct waiting_entry *record = outcome->waiting;
    uint32_t ignored;

    if (find(core, record->symbol, &ignored))
        return true;
    if (!grow(waiting) || table_put(waiting->by_symbol, record->symbol, waiting->n) != RP_OK)
        return false;
    waiting->entries[waiting->n++] = (struct entry){.record = *record};
    return true;
}

/* What is held on a link */

static bool holds(const struct link *link, uint32_t i)
{
    const struct held_back *held = link->held;

    return held != NULL && i < held->cap && (held->bits[i / 8] >> i % 8 & 1) != 0;
}

/* Makes room for bit ${i}, and those of all entries there may be now. */
static bool reserve(struct link *link, uint32_t i)
{
    uint32_t cap = link->core->waiting->cap;
    struct held_back *held = link->held;
    uint8_t *bits;

    if (held == NULL && (held = link->held = calloc(1, sizeof *held)) == NULL)
        return false;
    if (i < held->cap)
        return true;
    if ((bits = realloc(held->bits, cap / 8)) == NULL)
        return false;
    memset(bits + held->cap / 8, 0, (cap - held->cap) / 8);
    held->bits = bits;
    held->cap = cap;
    return true;
}

/* What does not wait any more shows as a difference, and so is fetched. */
static void compare_again(struct core *core, bool any, uint64_t at_ms)
{
    for (struct link *link = core->links; any && link != NULL; link = link->next) {
        link->commons.content_next = false;
        exchange_plan(&link->commons, at_ms);
    }
}

/* Tells the views that are open on the link of what is not part of them. */
static void journal(struct link *link, enum rp_set set, const uint8_t *symbol)
{
    struct view *views[] = {&link->ours.view[set], &link->theirs.view[set]};

    for (int i = 0; i < 2; i++) {
        if (views[i]->link != NULL && !views[i]->unfixed && views[i]->shared == &link->commons &&
            symbols_append(&views[i]->toggled, symbol, RP_SYMBOL_LEN) != RP_OK)
            exchange_restart(link, &link->commons);
    }
}

/* Counts what waits, of each organisation, as long as somebody connected has it. */
static void count(struct core *core, const struct entry *entry, bool enter)
{
    struct core_org *o = &core->orgs[entry->record.org];
    bool lasting = entry->record.lane == LANE_LASTING;

    o->waiting = enter ? o->waiting + 1 : o->waiting - 1;
    if (lasting)
        o->waiting_lasting = enter ? o->waiting_lasting + 1 : o->waiting_lasting - 1;
    o->waiting_bytes =
        enter ? o->waiting_bytes + entry->record.bytes : o->waiting_bytes - entry->record.bytes;
}

/* The link's other side has it. Without memory it is a difference that is found again. */
static void hold(struct link *link, uint32_t i)
{
    struct entry *entry = &link->core->waiting->entries[i];
    enum rp_set set = sets_of_lane(entry->record.lane);

    if (holds(link, i) || !sets_is_shared(link, entry->record.org, entry->record.lane) ||
        !reserve(link, i))
        return;
    link->held->bits[i / 8] |= (uint8_t)(1u << i % 8);
    link->held->count[set]++;
    rp_fingerprint_add(&link->held->fingerprint[set], entry->record.symbol);
    if (entry->links++ == 0)
        count(link->core, entry, true);
    quotas_due(link->core);
    journal(link, set, entry->record.symbol);
}

static void let_go(struct link *link, uint32_t i)
{
    struct entry *entry = &link->core->waiting->entries[i];
    enum rp_set set = sets_of_lane(entry->record.lane);

    if (!holds(link, i))
        return;
    link->held->bits[i / 8] &= (uint8_t) ~(1u << i % 8);
    link->held->count[set]--;
    rp_fingerprint_remove(&link->held->fingerprint[set], entry->record.symbol);
    if (--entry->links == 0)
        count(link->core, entry, false);
    journal(link, set, entry->record.symbol);
}

/* Takes an entry out, and from all links; the last one takes its place. */
static void remove_entry(struct core *core, uint32_t i)
{
    struct waiting *waiting = core->waiting;
    uint32_t last = waiting->n - 1;

    for (struct link *link = core->links; link != NULL; link = link->next) {
        let_go(link, i);
        if (i == last || !holds(link, last))
            continue;
        link->held->bits[i / 8] |= (uint8_t)(1u << i % 8);
        link->held->bits[last / 8] &= (uint8_t) ~(1u << last % 8);
    }
    table_del(waiting->by_symbol, waiting->entries[i].record.symbol);
    if (i != last) {
        waiting->entries[i] = waiting->entries[last];
        (void)!table_put(waiting->by_symbol, waiting->entries[i].record.symbol, i); /* is there */
    }
    waiting->n--;
}

bool waiting_offered(struct link *link, const uint8_t *symbol)
{
    uint32_t i;

    if (!find(link->core, symbol, &i))
        return false;
    hold(link, i);
    return true;
}

void waiting_settled(struct core *core, const uint8_t *symbol)
{
    uint32_t i;

    if (find(core, symbol, &i))
        remove_entry(core, i);
}

void waiting_found(struct core *core, const struct outcome *outcome, uint64_t now_ms)
{
    const struct core_org *o = &core->orgs[outcome->place.org];
    const struct waiting *waiting = core->waiting;
    bool is_control = outcome->place.lane == LANE_LASTING;
    bool any = false;

    if (o->waiting == 0 || (!is_control && o->waiting_lasting == 0))
        return;
    for (uint32_t i = waiting->n; i-- > 0;) {
        const struct waiting_entry *record = &waiting->entries[i].record;

        if (record->org != outcome->place.org || (record->lane == LANE_LASTING) == is_control ||
            memcmp(record->object, outcome->object, RP_SYMBOL_LEN) != 0)
            continue;
        any = true;
        remove_entry(core, i);
    }
    compare_again(core, any, now_ms + SETTLE_MS);
}

bool waiting_let_go(struct link *link, const uint8_t *symbol)
{
    uint32_t i;

    if (!find(link->core, symbol, &i) || !holds(link, i))
        return false;
    let_go(link, i);
    if (link->core->waiting->entries[i].links == 0)
        remove_entry(link->core, i); /* nobody has it any more, as far as can be told */
    return true;
}

void waiting_deny(struct link *link, const uint8_t *prefix)
{
    const struct waiting *waiting = link->core->waiting;

    for (uint32_t i = 0; link->held != NULL && i < waiting->n; i++) {
        if (!holds(link, i) ||
            memcmp(waiting->entries[i].record.symbol, prefix, RP_PREFIX_LEN) != 0)
            continue;
        (void)waiting_let_go(link, waiting->entries[i].record.symbol);
        return;
    }
}

uint64_t waiting_held(const struct link *link)
{
    uint64_t n = 0;

    for (enum rp_set set = 0; link->held != NULL && set < RP_SETS; set++)
        n += link->held->count[set];
    return n;
}

void waiting_look_again(struct link *link)
{
    const struct waiting *waiting = link->core->waiting;

    for (uint32_t i = 0; link->held != NULL && i < waiting->n; i++) {
        const struct waiting_entry *record = &waiting->entries[i].record;

        if (!sets_is_shared(link, record->org, record->lane))
            let_go(link, i);
    }
}

void waiting_link_gone(struct link *link)
{
    for (uint32_t i = 0; link->held != NULL && i < link->core->waiting->n; i++)
        let_go(link, i);
    if (link->held != NULL)
        free(link->held->bits);
    free(link->held);
    link->held = NULL;
}

/* Takes from the rooms what the record needs, if they have it. */
static bool fits(struct allowance *rooms, const struct waiting_entry *record)
{
    struct allowance *room = &rooms[record->org];
    uint64_t *in_all = &rooms[room->root].bytes_in_all;

    if (record->lane == LANE_LASTING) {
        if (room->lasting == 0)
            return false;
        room->lasting--;
        return true;
    }
    if (record->bytes > room->bytes || record->bytes > *in_all)
        return false;
    room->bytes -= record->bytes;
    *in_all -= record->bytes;
    return true;
}

void waiting_release(struct core *core, struct allowance *rooms, uint64_t now_ms)
{
    struct waiting *waiting = core->waiting;
    bool any = false;

    for (uint32_t i = waiting->n; i-- > 0;) {  /* backwards: another entry may take its place */
        bool full = waiting->n >= WAITING_MAX; /* what nobody connected has makes way, then */

        if (waiting->entries[i].links == 0 ? !full : !fits(rooms, &waiting->entries[i].record))
            continue;
        any = true;
        remove_entry(core, i);
    }
    compare_again(core, any, now_ms + SETTLE_MS);
}

/* Views */

static bool is_of(const struct view *view, uint32_t i)
{
    const struct link *link = view->link;

    return holds(link, i) && sets_of_lane(link->core->waiting->entries[i].record.lane) == view->set;
}

/* How many entries there are to look at for a view. */
static uint32_t entries_of(const struct view *view)
{
    if (view->shared != &view->link->commons || view->link->held == NULL ||
        view->link->held->count[view->set] == 0)
        return 0;
    return view->link->core->waiting->n;
}

bool waiting_any(const struct view *view)
{
    return entries_of(view) > 0;
}

bool waiting_is_held(const struct view *view, const uint8_t *symbol)
{
    uint32_t i;

    return entries_of(view) > 0 && find(view->link->core, symbol, &i) && is_of(view, i);
}

void waiting_join(struct view *view)
{
    if (entries_of(view) == 0)
        return;
    view->count += view->link->held->count[view->set];
    rp_fingerprint_join(&view->fingerprint, &view->link->held->fingerprint[view->set]);
}

void waiting_cells(const struct view *view, struct rp_cell *cells, uint32_t n)
{
    const struct waiting *waiting = view->link->core->waiting;

    for (uint32_t i = 0; i < entries_of(view); i++) {
        if (is_of(view, i))
            rp_sketch_toggle(cells, 0, n, view->shared->scope->sketch_key,
                             waiting->entries[i].record.symbol);
    }
}

int waiting_list(const struct view *view, const uint8_t *after, const uint8_t *end,
                 struct symbols *out)
{
    const struct waiting *waiting = view->link->core->waiting;
    int err = RP_OK;

    for (uint32_t i = 0; i < entries_of(view) && err == RP_OK; i++) {
        const uint8_t *symbol = waiting->entries[i].record.symbol;

        if (is_of(view, i) && (after == NULL || memcmp(symbol, after, RP_SYMBOL_LEN) > 0) &&
            (end == NULL || memcmp(symbol, end, RP_SYMBOL_LEN) <= 0))
            err = symbols_append(out, symbol, RP_SYMBOL_LEN);
    }
    return err;
}
