#include <stdlib.h>
#include <string.h>

#include "rp/err.h"
#include "rp/message.h"
#include "rp/session.h"
#include "rp/sketch.h"
#include "rp/writer.h"
#include "world.h"

/*
 * A lying node runs the same code as everybody, trusted and with good keys; but what it says goes
 * through here, where some of it is turned into something else: bad signatures, records of nobody,
 * records that were withdrawn, wrong cells and tallies, lists without end, silence. The linker puts
 * this between core and session.
 */
int __real_rp_session_send(struct rp_session *s, struct rp_slice frame);
int __wrap_rp_session_send(struct rp_session *s, struct rp_slice frame);

static uint64_t frames;
static uint64_t payloads;
static struct world *speaking_in; /* NULL: the one who speaks now is honest */
static struct world *all;         /* in which somebody speaks */

uint64_t liar_frames(void)
{
    return frames;
}

uint64_t liar_payloads(void)
{
    return payloads;
}

void liar_speaks(struct world *world, struct actor *actor)
{
    all = world;
    speaking_in = actor != NULL && actor->liar && !world->quiet ? world : NULL;
}

static void random_bytes(struct world *world, uint8_t *out, size_t len)
{
    rp_rand_bytes(&world->lie_rand, out, len);
}

static void append_withdrawn(struct world *world, struct rp_writer *items, uint32_t *n)
{
    const struct shelf *shelf = &world->withdrawn;
    const struct fact *fact;

    if (shelf->n == 0)
        return;
    fact = shelf->facts[rp_rand_below(&world->lie_rand, shelf->n)];
    rp_writer_raw(items, (struct rp_slice){fact->packed, fact->packed_len});
    (*n)++;
}

/* Spoils one byte of a record: of its body or of its signature. */
static void append_spoilt(struct world *world, struct rp_writer *items, struct rp_slice packed)
{
    size_t at = items->len;

    rp_writer_raw(items, packed);
    if (items->err == RP_OK && items->len > at + 70)
        items->data[items->len - 1 - (size_t)rp_rand_below(&world->lie_rand, 64)] ^=
            (uint8_t)(1 + rp_rand_below(&world->lie_rand, 255));
}

static void lie_records(struct world *world, struct rp_slice frame, struct rp_writer *w)
{
    struct rp_records records;
    struct rp_writer items;
    uint32_t n = 0;

    if (rp_message_read_records(&records, frame) != RP_OK)
        return;
    rp_writer_init(&items, RP_FRAME_MAX - 1024);
    for (uint32_t i = 0; i < records.n; i++) {
        struct rp_slice packed = rp_reader_item(&records.items);

        switch (rp_rand_below(&world->lie_rand, 4)) {
        case 0: /* kept to itself */
            break;
        case 1:
            append_spoilt(world, &items, packed);
            n++;
            break;
        case 2:
            append_withdrawn(world, &items, &n);
            break;
        default:
            rp_writer_raw(&items, packed);
            n++;
        }
    }
    if (items.err == RP_OK)
        rp_message_write_records(w, records.request, records.last, n, rp_writer_slice(&items));
    rp_writer_free(&items);
}

static int compare_symbols(const void *a, const void *b)
{
    return memcmp(a, b, RP_SYMBOL_LEN);
}

/* Offers what nobody has, or what was withdrawn. */
static void lie_have(struct world *world, struct rp_writer *w)
{
    uint8_t symbols[8 * RP_SYMBOL_LEN];
    struct rp_have have = {.set = (enum rp_set)rp_rand_below(&world->lie_rand, RP_SETS)};

    random_bytes(world, symbols, sizeof symbols);
    for (int i = 0; i < 8 && world->withdrawn.n > 0; i += 2)
        memcpy(symbols + (size_t)i * RP_SYMBOL_LEN,
               world->withdrawn.facts[rp_rand_below(&world->lie_rand, world->withdrawn.n)]->id,
               RP_SYMBOL_LEN);
    have.symbols = (struct rp_slice){symbols, sizeof symbols};
    rp_message_write_have(w, &have);
}

/* Wrong tallies, wrong cells, pages that never end. */
static void lie_part(struct world *world, enum rp_message_type type, struct rp_slice frame,
                     struct rp_writer *w)
{
    struct rp_part part;
    uint8_t *cells = NULL;
    uint8_t symbols[64 * RP_SYMBOL_LEN];

    if (rp_message_read_part(&part, type, frame) != RP_OK)
        return;
    if (rp_rand_below(&world->lie_rand, 2) == 0)
        random_bytes(world, part.tally.digest, sizeof part.tally.digest);
    if (part.cells.len > 0 && (cells = malloc(part.cells.len)) != NULL) {
        memcpy(cells, part.cells.data, part.cells.len);
        cells[rp_rand_below(&world->lie_rand, part.cells.len)] ^= 1;
        part.cells.data = cells;
    }
    if (type == RP_MESSAGE_PAGE || type == RP_MESSAGE_IDS) {
        random_bytes(world, symbols, sizeof symbols);
        qsort(symbols, 64, RP_SYMBOL_LEN, compare_symbols);
        part.symbols = (struct rp_slice){symbols, sizeof symbols};
        part.last = false;
    }
    rp_message_write_part(w, type, &part);
    free(cells);
}

static void lie_accept(struct world *world, struct rp_writer *w)
{
    uint8_t ids[4 * RP_ID_LEN];
    struct rp_accept accept = {.reset = rp_rand_below(&world->lie_rand, 4) == 0};

    random_bytes(world, ids, sizeof ids);
    memcpy(ids, world->actors[rp_rand_below(&world->lie_rand, world->plan.nodes)].self.identity.org,
           RP_ID_LEN);
    accept.accepted = (struct rp_slice){ids, sizeof ids / 2};
    accept.kept = (struct rp_slice){ids + sizeof ids / 2, sizeof ids / 2};
    rp_message_write_accept(w, &accept);
}

/* What is said instead of ${frame}; nothing written: it is not said at all. */
static void lie(struct world *world, struct rp_slice frame, struct rp_writer *w)
{
    int type = rp_message_type(frame);

    switch (type) {
    case RP_MESSAGE_RECORDS:
        lie_records(world, frame, w);
        break;
    case RP_MESSAGE_HAVE:
        lie_have(world, w);
        break;
    case RP_MESSAGE_IDS:
    case RP_MESSAGE_SKETCH:
    case RP_MESSAGE_CELLS:
    case RP_MESSAGE_PAGE:
        if (rp_rand_below(&world->lie_rand, 3) == 0) /* that all is the same */
            rp_message_write_equal(w, 1 + rp_rand_below(&world->lie_rand, 8));
        else
            lie_part(world, (enum rp_message_type)type, frame, w);
        break;
    case RP_MESSAGE_CHECK:
        lie_accept(world, w);
        break;
    default:
        if (rp_rand_below(&world->lie_rand, 2) == 0)
            lie_have(world, w);
    }
}

int __wrap_rp_session_send(struct rp_session *s, struct rp_slice frame)
{
    struct world *world = speaking_in;
    struct rp_records records;
    struct rp_writer w;
    int err = RP_OK;

    frames++;
    if (rp_message_type(frame) == RP_MESSAGE_RECORDS &&
        rp_message_read_records(&records, frame) == RP_OK)
        payloads += records.n;
    if (all != NULL && all->rings_n > 0)
        rings_overhear(all, rp_session_proof(s)->identity.org, frame);
    if (world == NULL || rp_message_type(frame) <= RP_MESSAGE_BYE ||
        !plan_happens(&world->lie_rand, world->plan.lies))
        return __real_rp_session_send(s, frame);
    world->figures.lies++;
    rp_writer_init(&w, RP_FRAME_MAX);
    lie(world, frame, &w);
    if (w.err == RP_OK && w.len > 0)
        err = __real_rp_session_send(s, rp_writer_slice(&w));
    rp_writer_free(&w);
    return err;
}
