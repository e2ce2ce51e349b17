#include <stdlib.h>
#include <string.h>

#include "core_private.h"
#include "rp/err.h"
#include "waiting.h"

#define CELLS_MIN 1024
#define TOGGLED_AT_ONCE 64 /* symbols */
#define JOURNAL_MAX 65536  /* changes during one exchange; more, and it is begun again */

enum rp_set sets_of_lane(enum lane lane)
{
    return lane == LANE_CONTENT ? RP_SET_CONTENT : RP_SET_CONTROL;
}

bool sets_is_member(const struct core *core, uint32_t org, enum lane lane)
{
    const struct core_org *o = &core->orgs[org];

    return org < core->orgs_n && (o->accepted || (lane == LANE_LASTING && o->ever));
}

bool sets_is_shared(const struct link *link, uint32_t org, enum lane lane)
{
    enum standing remote = lists_remote(link, org);

    return sets_is_member(link->core, org, lane) &&
           (remote == STANDING_ACCEPTED || (remote == STANDING_KEPT && lane == LANE_LASTING));
}

/* How many cells a set of ${count} deserves: twice the next power of two, within bounds. */
static uint32_t cells_for(uint64_t count)
{
    uint32_t cells = CELLS_MIN;

    while (cells < RP_SKETCH_CELLS_MAX && cells < 2 * count)
        cells *= 2;
    return cells;
}

/* Whether records of ${org} in ${lane} are members of the sets of ${scope}. */
static bool is_member(const struct core *core, const struct scope *scope, uint32_t org,
                      enum lane lane)
{
    return scope->number != SCOPE_COMMONS || sets_is_member(core, org, lane);
}

/* ... and compared on ${link}, on which the scope is. */
static bool is_shared(const struct link *link, const struct scope *scope, uint32_t org,
                      enum lane lane)
{
    return scope->number != SCOPE_COMMONS || sets_is_shared(link, org, lane);
}

int sets_toggle_stored(struct core *core, const struct scope *scope, struct cells out,
                       enum lane lane, uint32_t org, uint64_t *n)
{
    struct kv_key prefix = org == 0 ? records_author_prefix(scope->number, lane)
                                    : records_author_key(scope->number, lane, org);
    uint8_t symbols[TOGGLED_AT_ONCE * RP_SYMBOL_LEN];
    struct kv_iter it;
    struct kv_txn *txn;
    size_t ready = 0;
    int err;

    if ((txn = kv_begin(core->kv, false, &err)) == NULL)
        return err;
    for (kv_first(&it, txn, KV_AUTHOR, kv_key_slice(&prefix)); it.found; kv_next(&it)) {
        uint32_t author = (uint32_t)kv_number(it.key.data + 5, 4);

        /* what was committed but not told to us yet will come with its outcome */
        if (records_seq_of_key(it.key) > core->applied_seq)
            continue;
        if (org == 0 && !is_member(core, scope, author, lane))
            continue;
        memcpy(symbols + ready++ * RP_SYMBOL_LEN, it.value.data, RP_SYMBOL_LEN);
        (*n)++;
        if (ready == TOGGLED_AT_ONCE) {
            rp_sketch_toggle_all(out.cells, out.n, scope->sketch_key, symbols, ready);
            ready = 0;
        }
    }
    rp_sketch_toggle_all(out.cells, out.n, scope->sketch_key, symbols, ready);
    err = kv_err(txn);
    kv_abort(txn);
    return err;
}

/* What was erased in the store and not told to us yet is counted, and was not read: then the cells
 * are wrong from when we are told, and are read again after that. */
static void compare_count(struct core *core, struct core_set *set, uint64_t read, uint64_t counted)
{
    if (read == counted)
        return;
    set->doubtful = true;
    core_retry_at(core, 0);
}

/* Gives a set ${n} cells, filled from the store. The old ones stay when that fails. */
static int build_cells(struct core *core, struct scope *scope, enum rp_set set, uint32_t n)
{
    struct rp_cell *cells = calloc(n, sizeof *cells);
    uint64_t members = 0;
    int err = RP_OK;

    if (cells == NULL)
        return RP_ERR_NOMEM;
    for (enum lane lane = 0; lane < LANES && err == RP_OK; lane++) {
        if (sets_of_lane(lane) == set)
            err = sets_toggle_stored(core, scope, (struct cells){cells, n}, lane, 0, &members);
    }
    if (err != RP_OK) {
        free(cells);
        return err;
    }
    free(scope->sets[set].cells);
    scope->sets[set].cells = cells;
    scope->sets[set].cells_n = n;
    scope->sets[set].doubtful = false;
    compare_count(core, &scope->sets[set], members, scope->sets[set].count);
    return RP_OK;
}

/* Grows the sketch with its set. Without memory it stays small, and more is done by LIST. */
static void grow_cells(struct core *core, struct scope *scope, enum rp_set set)
{
    uint32_t n = cells_for(scope->sets[set].count);

    if (n > scope->sets[set].cells_n)
        (void)build_cells(core, scope, set, n);
}

static struct sum *org_sum(struct core *core, uint32_t org, enum lane lane)
{
    struct sum **sum = &core->orgs[org].sums[lane];

    if (*sum == NULL)
        *sum = calloc(1, sizeof **sum);
    return *sum;
}

static int load_sums(struct core *core)
{
    struct kv_iter it;
    struct kv_txn *txn;
    int err;

    if ((txn = kv_begin(core->kv, false, &err)) == NULL)
        return err;
    for (uint32_t org = 1; org < core->orgs_n && kv_err(txn) == RP_OK; org++) {
        for (enum lane lane = 0; lane < LANES; lane++) {
            struct sum *sum = org_sum(core, org, lane);

            if (sum == NULL) {
                kv_fail(txn, RP_ERR_NOMEM);
                break;
            }
            batch_read_sum(txn, (struct sum_key){SCOPE_COMMONS, lane, org}, sum);
            if (sum->count == 0) {
                free(sum);
                core->orgs[org].sums[lane] = NULL;
            }
        }
    }
    kv_last(&it, txn, KV_LOG, (struct rp_slice){NULL, 0});
    core->applied_seq = it.found ? kv_number(it.key.data, 8) : 0;
    kv_stop(&it);
    err = kv_err(txn);
    kv_abort(txn);
    return err;
}

/* Adds ${n} records with the sum ${by} to a count and sum, or takes them away. */
static void move(uint64_t *count, struct rp_fingerprint *sum, uint64_t n,
                 const struct rp_fingerprint *by, bool enter)
{
    if (enter) {
        *count += n;
        rp_fingerprint_join(sum, by);
    } else {
        *count -= n;
        rp_fingerprint_part(sum, by);
    }
}

/* Adds the sum of one organisation to its set of the commons, or takes it away. */
static void join_sum(struct core *core, uint32_t org, enum lane lane, bool enter)
{
    struct core_set *set = &core->commons.sets[sets_of_lane(lane)];
    const struct sum *sum = core->orgs[org].sums[lane];

    if (sum != NULL)
        move(&set->count, &set->fingerprint, sum->count, &sum->fingerprint, enter);
}

int sets_load(struct core *core)
{
    int err = load_sums(core);

    for (uint32_t org = 1; org < core->orgs_n; org++) {
        for (enum lane lane = 0; lane < LANES; lane++) {
            if (sets_is_member(core, org, lane))
                join_sum(core, org, lane, true);
        }
    }
    for (enum rp_set set = 0; set < RP_SETS && err == RP_OK; set++)
        err = build_cells(core, &core->commons, set, cells_for(core->commons.sets[set].count));
    return err;
}

void sets_close(struct scope *scope)
{
    for (enum rp_set set = 0; set < RP_SETS; set++) {
        free(scope->sets[set].cells);
        scope->sets[set] = (struct core_set){.count = 0};
    }
}

void sets_free(struct core *core)
{
    sets_close(&core->commons);
}

int sets_open(struct core *core, struct scope *scope, const uint32_t *members, uint32_t n)
{
    struct kv_txn *txn;
    int err;

    if ((txn = kv_begin(core->kv, false, &err)) == NULL)
        return err;
    for (uint32_t i = 0; i < n; i++) {
        for (enum lane lane = 0; lane < LANES; lane++) {
            struct core_set *set = &scope->sets[sets_of_lane(lane)];
            struct sum sum;

            batch_read_sum(txn, (struct sum_key){scope->number, lane, members[i]}, &sum);
            set->count += sum.count;
            rp_fingerprint_join(&set->fingerprint, &sum.fingerprint);
        }
    }
    err = kv_err(txn);
    kv_abort(txn);
    for (enum rp_set set = 0; set < RP_SETS && err == RP_OK; set++)
        err = build_cells(core, scope, set, cells_for(scope->sets[set].count));
    return err;
}

/* Tells the views that are open of a change that is not part of what they compare. */
static void journal(struct core *core, const struct scope *scope, const uint8_t *symbol,
                    const struct place *place)
{
    enum rp_set set = sets_of_lane(place->lane);

    for (struct link *link = core->links; link != NULL; link = link->next) {
        struct view *views[] = {&link->ours.view[set], &link->theirs.view[set]};

        if (!is_shared(link, scope, place->org, place->lane)) {
            excluded_changed(link, set, symbol);
            continue;
        }
        for (int i = 0; i < 2; i++) {
            if (views[i]->link == NULL || views[i]->unfixed || views[i]->shared->scope != scope)
                continue;
            if (views[i]->toggled.n >= JOURNAL_MAX * RP_SYMBOL_LEN ||
                symbols_append(&views[i]->toggled, symbol, RP_SYMBOL_LEN) != RP_OK)
                exchange_restart(link, views[i]->shared);
        }
    }
}

/* The scope with this number in the store, if it is one that is compared. */
static struct scope *scope_of(struct core *core, uint32_t number)
{
    if (number == SCOPE_COMMONS)
        return &core->commons;
    for (struct circle *circle = core->circles; circle != NULL; circle = circle->next) {
        if (circle->scope.number == number)
            return &circle->scope;
    }
    return NULL;
}

/* One record enters or leaves the set of its scope, lane and organisation. */
static void change(struct core *core, const uint8_t *symbol, const struct place *place, bool enter)
{
    struct scope *scope = scope_of(core, place->scope);
    struct rp_fingerprint one; /* worked out once for all sums */
    struct core_set *set;
    struct sum *sum;

    if (scope == NULL)
        return;
    rp_fingerprint_of(&one, symbol);
    if (scope->number == SCOPE_COMMONS && (sum = org_sum(core, place->org, place->lane)) != NULL)
        move(&sum->count, &sum->fingerprint, 1, &one, enter);
    if (!is_member(core, scope, place->org, place->lane))
        return;
    set = &scope->sets[sets_of_lane(place->lane)];
    move(&set->count, &set->fingerprint, 1, &one, enter);
    rp_sketch_toggle(set->cells, 0, set->cells_n, scope->sketch_key, symbol);
    journal(core, scope, symbol, place);
    grow_cells(core, scope, sets_of_lane(place->lane));
}

void sets_add(struct core *core, const uint8_t *symbol, const struct place *place)
{
    if (place->seq > core->applied_seq)
        core->applied_seq = place->seq;
    change(core, symbol, place, true);
}

void sets_remove(struct core *core, const uint8_t *symbol, const struct place *place)
{
    change(core, symbol, place, false);
}

static void rebuild(struct core *core, struct scope *scope, enum rp_set set)
{
    (void)build_cells(core, scope, set, scope->sets[set].cells_n);
}

void sets_suspect(struct core *core, struct scope *scope, enum rp_set set, uint64_t now_ms)
{
    if (now_ms < scope->sets[set].trusted_until)
        return;
    rebuild(core, scope, set);
    scope->sets[set].trusted_until = now_ms + TRUSTED_MS;
}

static void retry(struct core *core, struct scope *scope, uint64_t now_ms)
{
    for (enum rp_set set = 0; set < RP_SETS; set++) {
        if (!scope->sets[set].doubtful)
            continue;
        rebuild(core, scope, set);
        if (scope->sets[set].doubtful)
            core_retry_at(core, now_ms + RETRY_MS);
    }
}

void sets_retry(struct core *core, uint64_t now_ms)
{
    retry(core, &core->commons, now_ms);
    for (struct circle *circle = core->circles; circle != NULL; circle = circle->next)
        retry(core, &circle->scope, now_ms);
}

void sets_toggle_org(struct core *core, uint32_t org, enum lane lane, bool enter)
{
    struct core_set *set = &core->commons.sets[sets_of_lane(lane)];
    struct cells cells = {set->cells, set->cells_n};
    uint64_t n = 0;

    if (core->orgs[org].sums[lane] == NULL)
        return;
    join_sum(core, org, lane, enter);
    /* a failure to read leaves a wrong sketch, which never passes the fingerprint: LIST serves */
    (void)!sets_toggle_stored(core, &core->commons, cells, lane, org, &n);
    compare_count(core, set, n, core->orgs[org].sums[lane]->count);
    grow_cells(core, &core->commons, sets_of_lane(lane));
}

void view_open(struct view *view, struct link *link, struct shared *shared, enum rp_set set)
{
    const struct core_set *whole = &shared->scope->sets[set];
    struct excluded at = {.org = 1};

    view_close(view);
    view->link = link;
    view->shared = shared;
    view->set = set;
    view->count = whole->count;
    view->fingerprint = whole->fingerprint;
    for (; excluded_next(view, &at); at.lane++) {
        const struct sum *sum = link->core->orgs[at.org].sums[at.lane];

        view->count -= sum->count;
        rp_fingerprint_part(&view->fingerprint, &sum->fingerprint);
    }
    waiting_join(view);
}

static void forget_changes(struct view *view)
{
    symbols_free(&view->toggled);
    table_free(view->odd);
    view->odd = NULL;
    view->odd_of = 0;
    free(view->cells.cells);
    view->cells.cells = NULL;
}

void view_close(struct view *view)
{
    forget_changes(view);
    view->link = NULL;
    view->unfixed = false;
}

void view_unfix(struct view *view)
{
    forget_changes(view);
    view->unfixed = true;
}

void view_tally(const struct view *view, struct rp_tally *out)
{
    out->count = view->count;
    rp_fingerprint_digest(out->digest, &view->fingerprint);
}

uint32_t view_cells_available(const struct view *view)
{
    return view->cells.cells != NULL ? view->cells.n : view->shared->scope->sets[view->set].cells_n;
}

/*
 * Works out the view's cells where they are not those of the whole set: not all of it is compared
 * on this link, or it has changed since. Once for an exchange.
 */
static int settle_cells(struct view *view)
{
    const struct scope *scope = view->shared->scope;
    const struct core_set *whole = &scope->sets[view->set];
    struct cells cells = {NULL, whole->cells_n};
    struct excluded at = {.org = 1};
    int err = RP_OK;

    if (view->cells.cells != NULL ||
        (view->toggled.n == 0 && !waiting_any(view) && !excluded_next(view, &at)))
        return RP_OK;
    if ((cells.cells = malloc(whole->cells_n * sizeof *cells.cells)) == NULL)
        return RP_ERR_NOMEM;
    memcpy(cells.cells, whole->cells, whole->cells_n * sizeof *cells.cells);
    if (excluded_next(view, &at))
        err = excluded_take_out(view, cells.cells, cells.n);
    if (err != RP_OK) {
        free(cells.cells);
        return err;
    }
    waiting_cells(view, cells.cells, cells.n);
    rp_sketch_toggle_all(cells.cells, cells.n, scope->sketch_key, view->toggled.data,
                         view->toggled.n / RP_SYMBOL_LEN);
    view->cells = cells;
    return RP_OK;
}

static const struct rp_cell *cells_of(const struct view *view)
{
    return view->cells.cells != NULL ? view->cells.cells
                                     : view->shared->scope->sets[view->set].cells;
}

int view_cells(struct view *view, uint32_t from, uint32_t n, struct rp_cell *out)
{
    int err = view->unfixed ? RP_ERR_STATE : settle_cells(view);

    if (err == RP_OK)
        memcpy(out, cells_of(view) + from, n * sizeof *out);
    return err;
}

int view_digests(struct view *view, uint32_t cells, uint8_t *out)
{
    int err = settle_cells(view);

    if (err == RP_OK)
        rp_sketch_save_digests(out, cells_of(view), cells);
    return err;
}

/* Finds out which symbols changed an odd number of times since the view was opened. */
static int settle_odd(struct view *view)
{
    uint32_t ignored;

    if (view->odd == NULL &&
        (view->odd = table_new(RP_SYMBOL_LEN, view->link->core->table_key)) == NULL)
        return RP_ERR_NOMEM;
    for (; view->odd_of < view->toggled.n; view->odd_of += RP_SYMBOL_LEN) {
        const uint8_t *symbol = view->toggled.data + view->odd_of;

        if (table_get(view->odd, symbol, &ignored))
            table_del(view->odd, symbol);
        else if (table_put(view->odd, symbol, 0) != RP_OK)
            return RP_ERR_NOMEM;
    }
    return RP_OK;
}

/* Whether the record at ${place} is a member of the set on this link now. */
static bool is_compared(const struct view *view, const struct place *place)
{
    const struct scope *scope = view->shared->scope;

    return place->scope == scope->number && place->seq <= view->link->core->applied_seq &&
           sets_of_lane(place->lane) == view->set &&
           is_shared(view->link, scope, place->org, place->lane);
}

/* Whether the symbol is in the view as of now: stored, or held back. */
static bool is_held(const struct view *view, struct kv_txn *txn, const uint8_t *symbol)
{
    struct place place;

    return (records_find(txn, symbol, &place) && is_compared(view, &place)) ||
           waiting_is_held(view, symbol);
}

int view_split(struct view *view, const uint8_t *symbols, uint32_t n, struct symbols *held,
               struct symbols *others)
{
    int err = settle_odd(view);
    struct kv_txn *txn;

    if (err != RP_OK || (txn = kv_begin(view->link->core->kv, false, &err)) == NULL)
        return err;
    for (uint32_t i = 0; i < n && err == RP_OK; i++) {
        const uint8_t *symbol = symbols + (size_t)i * RP_SYMBOL_LEN;
        uint32_t ignored;
        bool then = is_held(view, txn, symbol) != table_get(view->odd, symbol, &ignored);

        err = symbols_append(then ? held : others, symbol, RP_SYMBOL_LEN);
    }
    if (err == RP_OK)
        err = kv_err(txn);
    kv_abort(txn);
    return err;
}

static bool is_before(const struct range *range, const uint8_t *symbol)
{
    return range->after != NULL && memcmp(symbol, range->after, RP_SYMBOL_LEN) <= 0;
}

static bool is_beyond(const struct range *range, const uint8_t *symbol)
{
    return range->end != NULL && memcmp(symbol, range->end, RP_SYMBOL_LEN) > 0;
}

/* All symbols that there are, sorted, from the index by author: for sets that are small. */
static int gather(const struct view *view, struct kv_txn *txn, struct symbols *out)
{
    int err = RP_OK;

    for (enum lane lane = 0; lane < LANES; lane++) {
        struct kv_key prefix = records_author_prefix(view->shared->scope->number, lane);
        struct kv_iter it;

        if (sets_of_lane(lane) != view->set)
            continue;
        for (kv_first(&it, txn, KV_AUTHOR, kv_key_slice(&prefix)); it.found; kv_next(&it)) {
            uint32_t org = (uint32_t)kv_number(it.key.data + 5, 4);

            if (records_seq_of_key(it.key) > view->link->core->applied_seq ||
                !is_shared(view->link, view->shared->scope, org, lane))
                continue;
            if ((err = symbols_append(out, it.value.data, RP_SYMBOL_LEN)) != RP_OK) {
                kv_stop(&it);
                return err;
            }
        }
    }
    if ((err = waiting_list(view, NULL, NULL, out)) != RP_OK)
        return err;
    symbols_sort(out);
    return kv_err(txn);
}

/* Keeps of sorted ${out} at most ${max} symbols of ${range}; whether those are all. */
static bool cut(struct symbols *out, const struct range *range, size_t max)
{
    size_t from = 0;

    while (from < out->n && is_before(range, out->data + from))
        from += RP_SYMBOL_LEN;
    symbols_drop(out, from);
    while (out->n > 0 && is_beyond(range, out->data + out->n - RP_SYMBOL_LEN))
        out->n -= RP_SYMBOL_LEN;
    if (out->n <= max * RP_SYMBOL_LEN)
        return true;
    out->n = max * RP_SYMBOL_LEN;
    return false;
}

/* The same by walking the symbols in order: for sets that are most of the store. */
static int scan(const struct view *view, struct kv_txn *txn, const struct range *range, size_t max,
                struct symbols *out, bool *last)
{
    static const uint8_t start[RP_SYMBOL_LEN] = {0};
    struct rp_slice from = {range->after != NULL ? range->after : start, RP_SYMBOL_LEN};
    struct kv_iter it;
    int err = RP_OK;

    *last = true;
    for (kv_from(&it, txn, KV_SYMBOL, from, 0); it.found && !is_beyond(range, it.key.data);
         kv_next(&it)) {
        struct place place;

        if (is_before(range, it.key.data) || !records_read_place(it.value, &place) ||
            !is_compared(view, &place))
            continue;
        *last = out->n < max * RP_SYMBOL_LEN;
        if (!*last || (err = symbols_append(out, it.key.data, RP_SYMBOL_LEN)) != RP_OK)
            break;
    }
    kv_stop(&it);
    return err != RP_OK ? err : kv_err(txn);
}

/* The same with what the other side has and waits for room here. */
static int scan_all(const struct view *view, struct kv_txn *txn, const struct range *range,
                    size_t max, struct symbols *out, bool *last)
{
    uint8_t end[RP_SYMBOL_LEN];
    int err = scan(view, txn, range, max, out, last);

    if (err != RP_OK)
        return err;
    if (!*last)
        memcpy(end, out->data + out->n - RP_SYMBOL_LEN, RP_SYMBOL_LEN);
    if ((err = waiting_list(view, range->after, *last ? range->end : end, out)) != RP_OK)
        return err;
    symbols_sort(out);
    *last = cut(out, range, max) && *last;
    return RP_OK;
}

int view_list(const struct view *view, const struct range *range, size_t max, struct symbols *out,
              bool *last)
{
    const struct scope *scope = view->shared->scope;
    struct kv_txn *txn;
    int err;

    if ((txn = kv_begin(view->link->core->kv, false, &err)) == NULL)
        return err;
    symbols_clear(out);
    if (view->set == RP_SET_CONTENT && scope->number == SCOPE_COMMONS &&
        scope->sets[view->set].count > RP_SYMBOLS_MAX) {
        err = scan_all(view, txn, range, max, out, last);
    } else {
        err = gather(view, txn, out);
        *last = cut(out, range, max);
    }
    kv_abort(txn);
    return err;
}
