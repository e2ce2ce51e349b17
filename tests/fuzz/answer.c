#include "peer.h"

#include "rp/message.h"
#include "rp/sketch.h"

/*
 * What a peer would answer that holds some of the records of fuzz_parties: which of them, and
 * whether the core's own patterns, the fuzzer says, and in what the answer is wrong.
 */
#define IS_FALSE 1       /* a digest or a cell is not right */
#define HOLDS_OWN 2      /* the core's own patterns, too */
#define IS_SHORT 4       /* the answer does not say that it is the last */
#define IS_LISTED 8      /* a small set is sketched, and a large one sent as it is */
#define HOLDS_MADE_UP 16 /* so many more that the first cells do not do */
#define MADE_UP 64
#define CELLS 512

struct holding {
    size_t n;
    uint8_t symbols[FUZZ_MANY + FUZZ_RECORDS + MADE_UP][RP_SYMBOL_LEN];
    struct rp_tally tally;
};

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, RP_SYMBOL_LEN);
}

static void hold(struct holding *out, struct rp_fingerprint *sum, const uint8_t *symbol)
{
    memcpy(out->symbols[out->n++], symbol, RP_SYMBOL_LEN);
    rp_fingerprint_add(sum, symbol);
}

static void hold_made_up(struct holding *out, struct rp_fingerprint *sum)
{
    static struct rp_fingerprint all; /* made once: nothing here takes as long */
    static bool is_made;

    for (int i = 0; i < MADE_UP; i++) {
        memset(out->symbols[out->n], 2 * i + 1, RP_SYMBOL_LEN);
        if (!is_made)
            rp_fingerprint_add(&all, out->symbols[out->n]);
        out->n++;
    }
    is_made = true;
    rp_fingerprint_join(sum, &all);
}

static void gather(struct holding *out, const struct fuzz_peer *peer, uint8_t how, unsigned which)
{
    const struct fuzz_parties *parties = fuzz_parties();
    struct rp_fingerprint sum = {{0}};

    out->n = 0;
    for (unsigned i = 0; i < FUZZ_RECORDS; i++) {
        if ((which >> i & 1) != 0)
            hold(out, &sum, parties->ids[i]);
    }
    if ((how & HOLDS_MADE_UP) != 0)
        hold_made_up(out, &sum);
    if ((how & HOLDS_OWN) != 0) {
        for (unsigned i = 0; i < peer->patterns; i++)
            memcpy(out->symbols[out->n++], parties->own[i], RP_SYMBOL_LEN);
        rp_fingerprint_join(&sum, &parties->sums[peer->patterns == FUZZ_MANY]);
    }
    qsort(out->symbols, out->n, RP_SYMBOL_LEN, compare);
    out->tally.count = out->n;
    rp_fingerprint_digest(out->tally.digest, &sum);
    out->tally.digest[0] ^= how & IS_FALSE;
}

/* The cells from ${first} on, as sent. */
static void write_cells(uint8_t (*out)[RP_CELL_LEN], uint32_t first, uint32_t n,
                        const struct holding *holding, uint8_t how)
{
    struct rp_cell cells[CELLS] = {0};
    uint8_t key[RP_SKETCH_KEY_LEN];

    rp_sketch_key(key, rp_record_commons);
    for (size_t i = 0; i < holding->n; i++)
        rp_sketch_toggle(cells, first, n, key, holding->symbols[i]);
    if (n > 0)
        cells[how % n].symbol[0] ^= how & IS_FALSE;
    for (uint32_t i = 0; i < n; i++)
        rp_sketch_save(out[i], &cells[i]);
}

/* To CHECK: all symbols, or the sketch. */
static void answer_check(struct rp_writer *w, struct rp_part *part, const struct holding *holding,
                         uint8_t how)
{
    uint8_t cells[CELLS][RP_CELL_LEN];
    struct rp_cell loaded[CELLS];
    uint8_t digests[RP_SKETCH_DIGESTS_LEN];
    bool is_small = holding->n < RP_IDS_BELOW;

    part->tally = holding->tally;
    part->symbols = (struct rp_slice){holding->symbols[0], holding->n * RP_SYMBOL_LEN};
    if (is_small == ((how & IS_LISTED) == 0)) {
        rp_message_write_part(w, RP_MESSAGE_IDS, part);
        return;
    }
    write_cells(cells, 0, CELLS, holding, how);
    part->first = CELLS;
    part->cells = (struct rp_slice){cells[0], RP_SKETCH_FIRST * RP_CELL_LEN};
    part->digests = (struct rp_slice){digests, rp_sketch_digests(CELLS) / 2};
    for (uint32_t i = 0; i < CELLS; i++)
        rp_sketch_load(&loaded[i], cells[i]);
    rp_sketch_save_digests(digests, loaded, CELLS);
    rp_message_write_part(w, RP_MESSAGE_SKETCH, part);
}

static void answer_more(struct rp_writer *w, struct rp_part *part, const struct holding *holding,
                        uint8_t how)
{
    uint8_t cells[CELLS][RP_CELL_LEN];
    uint32_t n = part->n < CELLS ? part->n : CELLS;

    write_cells(cells, part->first, n, holding, how);
    part->cells = (struct rp_slice){cells[0], (size_t)n * RP_CELL_LEN};
    rp_message_write_part(w, RP_MESSAGE_CELLS, part);
}

static void answer_list(struct rp_writer *w, struct rp_part *part, const struct holding *holding,
                        uint8_t how)
{
    size_t from = 0;

    while (part->has_after && from < holding->n &&
           compare(holding->symbols[from], part->after) <= 0)
        from++;
    part->last = (how & IS_SHORT) == 0;
    part->symbols = (struct rp_slice){from < holding->n ? holding->symbols[from] : part->after,
                                      (holding->n - from) * RP_SYMBOL_LEN};
    rp_message_write_part(w, RP_MESSAGE_PAGE, part);
}

/* To WANT: those that the fuzzer says, whether or not they are wanted. */
static void answer_want(struct rp_writer *w, uint64_t request, uint8_t how, unsigned which)
{
    struct rp_writer items;
    uint32_t n = 0;

    rp_writer_init(&items, RP_FRAME_MAX);
    for (unsigned i = 0; i < FUZZ_RECORDS; i++) {
        if ((which >> i & 1) == 0)
            continue;
        rp_writer_raw(&items, rp_bytes_slice(&fuzz_parties()->records[i]));
        n++;
    }
    rp_message_write_records(w, request, (how & IS_SHORT) == 0, n, rp_writer_slice(&items));
    rp_writer_free(&items);
}

void fuzz_peer_answer(struct rp_writer *w, const struct fuzz_peer *peer, uint8_t how,
                      unsigned which)
{
    struct rp_slice asked = rp_bytes_slice(&peer->asked);
    int type = asked.len > 0 ? rp_message_type(asked) : 0;
    struct rp_part part = {.set = how >> 7};
    struct holding holding;
    struct rp_check check;
    struct rp_want want;

    gather(&holding, peer, how, which);
    if (type == RP_MESSAGE_CHECK && rp_message_read_check(&check, asked) == RP_OK) {
        part.exchange = check.exchange;
        answer_check(w, &part, &holding, how);
    } else if (type == RP_MESSAGE_WANT && rp_message_read_want(&want, asked) == RP_OK) {
        answer_want(w, want.request, how, which);
    } else if (type == RP_MESSAGE_MORE || type == RP_MESSAGE_LIST) {
        must(rp_message_read_part(&part, (enum rp_message_type)type, asked) == RP_OK);
        if (type == RP_MESSAGE_MORE)
            answer_more(w, &part, &holding, how);
        else
            answer_list(w, &part, &holding, how);
    }
}
