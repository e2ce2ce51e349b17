#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exchange.h"
#include "rp/decoder.h"
#include "rp/err.h"

/*
 * Finding the difference by sketches (SPEC 4.2, 4.3): how many cells to ask for, decoding them, and
 * looking up on which side what they say is. While a slice of that is due (see exchange.h), more
 * cells may come and be added, records come and go (the view stays as it was), and whatever ends
 * the exchange ends the reading with it.
 */

#define BYTES_PER_DIFFERENCE 34       /* of cells; what a LIST must beat */
#define ROUND_TRIP_BYTES (256u << 10) /* what may be sent instead of waiting for an answer */

/* Work is counted in steps of the decoder, of some twenty nanoseconds. */
#define SLICE_STEPS 100000 /* in one turn */
#define SPLIT_STEPS 120    /* to look a symbol up, and to count it in a fingerprint */
#define WANT_STEPS 30      /* to note that a symbol is wanted */
#define SPLIT_EACH 64      /* symbols looked up at a time */
#define WANT_EACH 512      /* symbols noted at a time */

struct reading {
    struct rp_decoder *decoder;
    uint32_t split;            /* decoded symbols that were looked up: */
    struct symbols held;       /* we have them, or ... */
    struct symbols others;     /* ... they do; */
    size_t wanted;             /* ... bytes of these were noted */
    struct rp_fingerprint sum; /* ours, turned into theirs as far as that */
};

void cells_free(struct exchange *x)
{
    struct reading *r = x->reading;

    if (r == NULL)
        return;
    rp_decoder_free(r->decoder);
    symbols_free(&r->held);
    symbols_free(&r->others);
    free(r);
    x->reading = NULL;
}

/* Cells that both sides have of the set. */
static uint32_t common_cells(const struct exchange *x)
{
    uint32_t ours = view_cells_available(&x->view[x->set]);

    return ours < x->available ? ours : x->available;
}

/* The size of the difference, from the digests of cells that both sides have. */
static int estimate(struct exchange *x, struct rp_slice digests, double *out)
{
    uint32_t cells = common_cells(x);
    uint8_t ours[RP_SKETCH_DIGESTS_LEN];
    int err = view_digests(&x->view[x->set], cells, ours);

    if (err == RP_OK)
        *out = rp_sketch_estimate(ours, digests.data, cells);
    return err;
}

/*
 * As many cells as decode a difference of about ${d} nineteen times in twenty, by thousands of
 * trials, when the digests tell d to 4 %.
 */
static double cells_to_decode(double d)
{
    return 1.44 * d + 1.55 * sqrt(d) + 10.0;
}

/* Asks for ${n} more cells, in one go: whoever answers does so without being asked twice. */
static void ask_cells(struct link *link, uint32_t n)
{
    struct exchange *x = &link->ours;
    uint32_t end = n < x->budget - x->asked ? x->asked + n : x->budget;

    x->state = EXCHANGE_CELLS;
    while (x->asked < end) {
        struct rp_part part = {.exchange = x->number, .set = x->set, .first = x->asked};

        part.n = end - x->asked < RP_CELLS_PER_MESSAGE ? end - x->asked : RP_CELLS_PER_MESSAGE;
        rp_message_write_part(&link->writer, RP_MESSAGE_MORE, &part);
        link_send(link);
        x->asked += part.n;
    }
}

/* Whether a LIST costs less than cells for a difference of ${d}: each page but the first is one
 * more question. */
static bool is_list_cheaper(const struct exchange *x, double d)
{
    uint64_t pages = x->theirs.count / RP_SYMBOLS_MAX;

    return d * BYTES_PER_DIFFERENCE >
           (double)(x->theirs.count * RP_SYMBOL_LEN + pages * ROUND_TRIP_BYTES);
}

/* The first cells did not suffice: more cells, or a LIST, whichever will cost less. */
static int ask_the_rest(struct link *link, struct rp_slice digests, uint64_t now_ms)
{
    struct exchange *x = &link->ours;
    double cells;
    double d;
    int err = estimate(x, digests, &d);

    if (err != RP_OK)
        return err;
    if (d < RP_SKETCH_FIRST / 2) /* or the first cells would have been enough */
        d = RP_SKETCH_FIRST / 2;
    x->estimate = (uint32_t)d;
    cells = cells_to_decode(d);
    if (cells > common_cells(x) || is_list_cheaper(x, d)) {
        exchange_list(link, now_ms);
        return RP_OK;
    }
    x->budget = 2 * (uint32_t)d + 64;
    if (x->budget > common_cells(x))
        x->budget = common_cells(x);
    ask_cells(link, (uint32_t)cells - rp_decoder_cells(x->reading->decoder));
    return RP_OK;
}

/* Looking through what was decoded */

/* Sorts the next symbols by who has them, and counts them in the fingerprint. */
static int split_some(struct exchange *x, uint32_t n)
{
    struct reading *r = x->reading;
    size_t held = r->held.n;
    size_t others = r->others.n;
    uint32_t found;
    const uint8_t *symbols = rp_decoder_symbols(r->decoder, &found);
    int err = view_split(&x->view[x->set], symbols + (size_t)r->split * RP_SYMBOL_LEN, n, &r->held,
                         &r->others);

    if (err != RP_OK)
        return err;
    r->split += n;
    for (; held < r->held.n; held += RP_SYMBOL_LEN)
        rp_fingerprint_remove(&r->sum, r->held.data + held);
    for (; others < r->others.n; others += RP_SYMBOL_LEN)
        rp_fingerprint_add(&r->sum, r->others.data + others);
    return RP_OK;
}

/* Whether what was decoded turns our fingerprint into theirs. */
static bool explains(const struct exchange *x)
{
    uint8_t digest[RP_HASH_LEN];

    rp_fingerprint_digest(digest, &x->reading->sum);
    return memcmp(digest, x->theirs.digest, sizeof digest) == 0;
}

/* All was looked up: believed when it explains the fingerprints, else a LIST tells. */
static int judge(struct link *link, uint64_t now_ms)
{
    struct exchange *x = &link->ours;
    struct symbols held = x->reading->held;
    int err;

    if (!explains(x)) {
        sets_suspect(link->core, x->shared->scope, x->set, now_ms);
        excluded_drop(link);
        exchange_list(link, now_ms);
        return RP_OK;
    }
    x->reading->held = (struct symbols){0}; /* what is done may end the exchange */
    err = exchange_offer(link, &held);
    symbols_free(&held);
    return err;
}

/* Notes the next of what we lack. */
static int want_some(struct link *link, size_t n)
{
    struct exchange *x = &link->ours;
    struct symbols others = x->reading->others;
    struct rp_slice some = {others.data + x->reading->wanted, n * RP_SYMBOL_LEN};
    int err;

    x->reading->wanted += some.len;
    x->reading->others = (struct symbols){0}; /* as above */
    err = exchange_want(link, some);
    if (x->state == EXCHANGE_READ)
        x->reading->others = others;
    else
        symbols_free(&others);
    return err;
}

static uint32_t least(uint64_t a, uint32_t b)
{
    return a < b ? (uint32_t)a : b;
}

/* What is next once all cells are explained; takes what it costs from ${steps}. */
static int read_on(struct link *link, uint32_t *steps, uint64_t now_ms)
{
    struct reading *r = link->ours.reading;
    uint32_t cost = 1;
    uint32_t found;
    uint32_t n;
    int err;

    (void)rp_decoder_symbols(r->decoder, &found);
    if (r->split < found) {
        n = least(found - r->split, SPLIT_EACH);
        cost = n * SPLIT_STEPS;
        err = split_some(&link->ours, n);
        if (err == RP_OK && r->split == found)
            err = judge(link, now_ms);
    } else if (r->wanted < r->others.n) {
        n = least((r->others.n - r->wanted) / RP_SYMBOL_LEN, WANT_EACH);
        cost = n * WANT_STEPS;
        err = want_some(link, n);
    } else {
        err = RP_OK;
        exchange_found(link, now_ms);
    }
    *steps -= least(cost, *steps);
    return err;
}

/* Decoding */

/* The decoder rests: what is next. */
static void decoded(struct link *link, int err, uint64_t now_ms)
{
    struct exchange *x = &link->ours;
    uint32_t fed = rp_decoder_cells(x->reading->decoder);

    if (err == RP_OK && rp_decoder_done(x->reading->decoder)) {
        x->state = EXCHANGE_READ;
        x->reading->sum = x->view[x->set].fingerprint;
    } else if (err != RP_OK || fed >= x->budget) {
        exchange_list(link, now_ms);
    } else if (fed == x->asked) {
        ask_cells(link, fed / 8 + 16);
    }
}

bool cells_due(const struct link *link)
{
    const struct exchange *x = &link->ours;

    if (link->state != LINK_OPEN)
        return false;
    return x->state == EXCHANGE_READ ||
           (x->state == EXCHANGE_CELLS && !rp_decoder_rests(x->reading->decoder));
}

/* Does one slice. */
static int work(struct link *link, uint64_t now_ms)
{
    struct exchange *x = &link->ours;
    uint32_t steps = SLICE_STEPS;
    int err = RP_OK;

    while (steps > 0 && err == RP_OK && cells_due(link)) {
        if (x->state == EXCHANGE_READ) {
            err = read_on(link, &steps, now_ms);
        } else {
            int result = rp_decoder_work(x->reading->decoder, &steps);

            if (result != RP_OK || rp_decoder_rests(x->reading->decoder))
                decoded(link, result, now_ms);
        }
    }
    return err;
}

/* The link whose turn it is: the one after that of the last slice. */
static struct link *next_due(const struct core *core)
{
    struct link *first = NULL;
    struct link *next = NULL;

    for (struct link *link = core->links; link != NULL; link = link->next) {
        if (!cells_due(link))
            continue;
        if (first == NULL || link->number < first->number)
            first = link;
        if (link->number > core->last_slice && (next == NULL || link->number < next->number))
            next = link;
    }
    return next != NULL ? next : first;
}

void cells_tick(struct core *core, uint64_t now_ms)
{
    struct link *link = next_due(core);

    if (link == NULL)
        return;
    core->last_slice = link->number;
    link->ours.deadline = now_ms + EXCHANGE_MS; /* waiting for ourselves */
    if (work(link, now_ms) != RP_OK)
        link_end(link, NULL);
}

/* What comes */

/* Adds cells as they came to the decoder, beside our own. */
static int add(struct exchange *x, struct rp_slice cells)
{
    struct rp_decoder *decoder = x->reading->decoder;
    uint32_t n = (uint32_t)(cells.len / RP_CELL_LEN);
    struct rp_cell *ours = malloc((n > 0 ? n : 1) * sizeof *ours);
    int err;

    if (ours == NULL)
        return RP_ERR_NOMEM;
    err = view_cells(&x->view[x->set], rp_decoder_cells(decoder), n, ours);
    if (err == RP_OK)
        err = rp_decoder_add(decoder, ours, cells.data, n);
    x->cells += n;
    free(ours);
    return err;
}

static int begin(struct exchange *x)
{
    if ((x->reading = calloc(1, sizeof *x->reading)) == NULL)
        return RP_ERR_NOMEM;
    x->reading->decoder = rp_decoder_new(x->shared->scope->sketch_key, common_cells(x));
    return x->reading->decoder != NULL ? RP_OK : RP_ERR_NOMEM;
}

int cells_receive_sketch(struct link *link, const struct rp_part *part, uint64_t now_ms)
{
    struct exchange *x = &link->ours;
    uint32_t any = UINT32_MAX; /* there are too few cells to take long */
    int err;

    x->set = part->set;
    x->theirs = part->tally;
    x->available = part->first;
    if (part->cells.len != RP_SKETCH_FIRST * RP_CELL_LEN || x->available < RP_SKETCH_FIRST ||
        part->digests.len != rp_sketch_digests(x->available) / 2)
        return RP_ERR_SHAPE;
    link->core->counters.sketches++;
    if ((err = begin(x)) != RP_OK || (err = add(x, part->cells)) != RP_OK)
        return err;
    x->asked = RP_SKETCH_FIRST;
    err = rp_decoder_work(x->reading->decoder, &any);
    if (err == RP_OK && !rp_decoder_done(x->reading->decoder))
        return ask_the_rest(link, part->digests, now_ms);
    decoded(link, err, now_ms);
    return work(link, now_ms);
}

int cells_receive(struct link *link, const struct rp_part *part, uint64_t now_ms)
{
    struct exchange *x = &link->ours;
    uint32_t n = (uint32_t)(part->cells.len / RP_CELL_LEN);
    bool was_due = cells_due(link);
    int err;

    if (part->set != x->set || n == 0 || part->first > x->asked || n > x->asked - part->first)
        return RP_ERR_STATE;
    if (x->state == EXCHANGE_READ || x->state == EXCHANGE_LIST)
        return RP_OK; /* asked for, and not needed any more */
    if (x->state != EXCHANGE_CELLS || part->first != rp_decoder_cells(x->reading->decoder))
        return RP_ERR_STATE;
    if ((err = add(x, part->cells)) != RP_OK || was_due)
        return err;
    return work(link, now_ms);
}
