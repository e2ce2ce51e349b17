#include "rp/message.h"

#include <string.h>

#include "rp/err.h"
#include "rp/sketch.h"

#define PROTOCOL_VERSION 1

/* Positions a reader behind the number, in an array that must have ${entries}. */
static void open_message(struct rp_reader *r, struct rp_slice frame, uint32_t entries)
{
    rp_reader_init(r, frame);
    if (rp_reader_array(r) != entries)
        rp_reader_fail(r);
    (void)rp_reader_uint(r);
}

static void begin_message(struct rp_writer *w, enum rp_message_type type, uint32_t entries)
{
    rp_writer_array(w, entries);
    rp_writer_uint(w, (uint64_t)type);
}

int rp_message_type(struct rp_slice frame)
{
    struct rp_reader r;
    uint64_t type;

    rp_reader_init(&r, frame);
    (void)rp_reader_array(&r);
    type = rp_reader_uint(&r);
    if (r.err != RP_OK)
        return RP_ERR_SHAPE;
    return type < INT32_MAX ? (int)type : INT32_MAX; /* unknown in any case */
}

/* The commons, by far the most frequent scope, is written as nil. */
void rp_message_write_scope(struct rp_writer *w, const uint8_t scope[static RP_ID_LEN])
{
    if (memcmp(scope, rp_record_commons, RP_ID_LEN) == 0)
        rp_writer_nil(w);
    else
        rp_writer_bin(w, scope, RP_ID_LEN);
}

/* The commons has one form only, and nobody may ask about what is local. */
void rp_message_read_scope(struct rp_reader *r, uint8_t scope[static RP_ID_LEN])
{
    memcpy(scope, rp_record_commons, RP_ID_LEN);
    if (rp_reader_nil(r))
        return;
    rp_reader_bin_into(r, scope, RP_ID_LEN);
    if (memcmp(scope, rp_record_commons, RP_ID_LEN) == 0 ||
        memcmp(scope, rp_record_local, RP_ID_LEN) == 0)
        rp_reader_fail(r);
}

static enum rp_set read_set(struct rp_reader *r)
{
    uint64_t set = rp_reader_uint(r);

    if (set >= RP_SETS)
        rp_reader_fail(r);
    return set == RP_SET_CONTENT ? RP_SET_CONTENT : RP_SET_CONTROL;
}

/* A binary of whole entries of ${size} bytes, at most ${max} of them. */
static struct rp_slice read_entries(struct rp_reader *r, size_t size, size_t max)
{
    struct rp_slice bin = rp_reader_bin(r);

    if (bin.len % size != 0 || bin.len / size > max)
        rp_reader_fail(r);
    return bin;
}

/* At most ${max} symbols, each greater than the one before. */
static struct rp_slice read_ascending(struct rp_reader *r, size_t max)
{
    struct rp_slice symbols = read_entries(r, RP_SYMBOL_LEN, max);

    for (size_t i = RP_SYMBOL_LEN; i < symbols.len && r->err == RP_OK; i += RP_SYMBOL_LEN) {
        const uint8_t *symbol = symbols.data + i;

        if (memcmp(symbol - RP_SYMBOL_LEN, symbol, RP_SYMBOL_LEN) >= 0)
            rp_reader_fail(r);
    }
    return symbols;
}

static void write_entries(struct rp_writer *w, struct rp_slice entries)
{
    rp_writer_bin(w, entries.data, entries.len);
}

static struct rp_slice read_text(struct rp_reader *r, size_t max)
{
    struct rp_slice text = rp_reader_str(r);

    if (text.len > max)
        rp_reader_fail(r);
    return text;
}

/* HELLO */

static bool hello_fits(const struct rp_hello *hello)
{
    if (hello->addresses > RP_ADDRESSES_MAX || hello->software.len > RP_REASON_LEN_MAX ||
        hello->circle.len > RP_CIRCLE_MAX)
        return false;
    for (uint32_t i = 0; i < hello->addresses; i++) {
        if (!rp_token_address_fits(hello->address[i]))
            return false;
    }
    return true;
}

static void write_codecs(struct rp_writer *w, uint32_t codecs)
{
    uint32_t n = 0;

    codecs |= 1u << RP_CODEC_PLAIN;
    for (uint32_t codec = 0; codec <= RP_CODEC_DICTIONARY; codec++)
        n += codecs >> codec & 1;
    rp_writer_array(w, n);
    for (uint32_t codec = 0; codec <= RP_CODEC_DICTIONARY; codec++) {
        if ((codecs >> codec & 1) != 0)
            rp_writer_uint(w, codec);
    }
}

void rp_message_write_hello(struct rp_writer *w, const struct rp_hello *hello)
{
    if (!hello_fits(hello)) {
        w->err = w->err != RP_OK ? w->err : RP_ERR_SHAPE;
        return;
    }
    begin_message(w, RP_MESSAGE_HELLO, 2);
    rp_writer_map(w, 8u + hello->has_invite + (hello->circle.len > 0)); /* keys ascend */
    rp_writer_str(w, "accept");
    rp_writer_bin(w, hello->accept, RP_HASH_LEN);
    rp_writer_str(w, "addresses");
    rp_writer_array(w, hello->addresses);
    for (uint32_t i = 0; i < hello->addresses; i++)
        rp_writer_text(w, hello->address[i]);
    if (hello->circle.len > 0) {
        rp_writer_str(w, "circle");
        rp_writer_bin(w, hello->circle.data, hello->circle.len);
    }
    rp_writer_str(w, "codecs");
    write_codecs(w, hello->codecs);
    rp_writer_str(w, "features");
    rp_writer_array(w, 0);
    rp_writer_str(w, "frame");
    rp_writer_uint(w, RP_FRAME_MAX);
    if (hello->has_invite) {
        rp_writer_str(w, "invite");
        rp_writer_bin(w, hello->invite, RP_TOKEN_SECRET_LEN);
    }
    rp_writer_str(w, "software");
    rp_writer_text(w, hello->software);
    rp_writer_str(w, "time");
    rp_writer_uint(w, hello->time);
    rp_writer_str(w, "versions");
    rp_writer_array(w, 1);
    rp_writer_uint(w, PROTOCOL_VERSION);
}

/* Whether the list of numbers in ${r} has ${wanted}; it may hold more than we understand. */
static bool lists_number(struct rp_reader *r, uint64_t wanted)
{
    uint32_t n = rp_reader_array(r);
    bool found = false;

    for (uint32_t i = 0; i < n && r->err == RP_OK; i++)
        found |= rp_reader_uint(r) == wanted && r->err == RP_OK;
    return found;
}

/* Those of a list of codecs that are ours, as bits; it may hold others, too. */
static uint32_t read_codecs(struct rp_reader *r)
{
    uint32_t n = rp_reader_array(r);
    uint32_t codecs = 0;

    if (n > RP_CODECS_MAX)
        rp_reader_fail(r);
    for (uint32_t i = 0; i < n && r->err == RP_OK; i++) {
        uint64_t codec = rp_reader_uint(r);

        if (r->err == RP_OK && codec <= RP_CODEC_DICTIONARY)
            codecs |= 1u << codec;
    }
    if ((codecs & 1u << RP_CODEC_PLAIN) == 0)
        rp_reader_fail(r);
    return codecs;
}

static void read_hello_addresses(struct rp_hello *out, struct rp_reader *r)
{
    out->addresses = rp_reader_array(r);
    if (out->addresses > RP_ADDRESSES_MAX)
        rp_reader_fail(r);
    for (uint32_t i = 0; i < out->addresses && r->err == RP_OK; i++) {
        out->address[i] = read_text(r, RP_ADDRESS_LEN_MAX);
        if (!rp_token_address_fits(out->address[i]))
            rp_reader_fail(r);
    }
}

/* Features are names; there are none that we know. */
static void read_hello_features(struct rp_reader *r)
{
    uint32_t n = rp_reader_array(r);

    if (n > RP_FEATURES_MAX)
        rp_reader_fail(r);
    for (uint32_t i = 0; i < n && r->err == RP_OK; i++)
        (void)rp_reader_str(r);
}

/* One entry of HELLO's map that we know. */
enum hello_key {
    HELLO_ACCEPT,
    HELLO_ADDRESSES,
    HELLO_CODECS,
    HELLO_FEATURES,
    HELLO_FRAME,
    HELLO_SOFTWARE,
    HELLO_TIME,
    HELLO_VERSIONS,
    HELLO_KEYS,
};

static void read_hello_entry(struct rp_hello *out, enum hello_key key, struct rp_reader *r)
{
    switch (key) {
    case HELLO_ACCEPT:
        rp_reader_bin_into(r, out->accept, RP_HASH_LEN);
        break;
    case HELLO_ADDRESSES:
        read_hello_addresses(out, r);
        break;
    case HELLO_CODECS:
        out->codecs = read_codecs(r);
        break;
    case HELLO_FEATURES:
        read_hello_features(r);
        break;
    case HELLO_FRAME:
        if (rp_reader_uint(r) < RP_FRAME_MAX) /* others may take more than this version sends */
            rp_reader_fail(r);
        break;
    case HELLO_SOFTWARE:
        out->software = read_text(r, RP_REASON_LEN_MAX);
        break;
    case HELLO_TIME:
        out->time = rp_reader_uint(r);
        break;
    default:
        out->speaks_this = lists_number(r, PROTOCOL_VERSION);
        break;
    }
}

int rp_message_read_hello(struct rp_hello *out, struct rp_slice frame)
{
    static const char *const keys[HELLO_KEYS] = {
        [HELLO_ACCEPT] = "accept", [HELLO_ADDRESSES] = "addresses",
        [HELLO_CODECS] = "codecs", [HELLO_FEATURES] = "features",
        [HELLO_FRAME] = "frame",   [HELLO_SOFTWARE] = "software",
        [HELLO_TIME] = "time",     [HELLO_VERSIONS] = "versions",
    };
    struct rp_reader r;
    struct rp_reader value;
    struct rp_slice map;
    int err;

    *out = (struct rp_hello){0};
    open_message(&r, frame, 2);
    map = rp_reader_item(&r);
    if ((err = rp_reader_end(&r)) != RP_OK)
        return err;
    for (enum hello_key key = 0; key < HELLO_KEYS; key++) {
        if (!rp_reader_find(map, keys[key], &value))
            return RP_ERR_SHAPE;
        read_hello_entry(out, key, &value);
        if ((err = rp_reader_end(&value)) != RP_OK)
            return err;
    }
    out->has_invite = rp_reader_find(map, "invite", &value);
    if (out->has_invite)
        rp_reader_bin_into(&value, out->invite, RP_TOKEN_SECRET_LEN);
    if (out->has_invite && value.err != RP_OK)
        return value.err;
    if (!rp_reader_find(map, "circle", &value))
        return RP_OK;
    out->circle = rp_reader_bin(&value);
    if (out->circle.len == 0 || out->circle.len > RP_CIRCLE_MAX)
        rp_reader_fail(&value);
    return value.err;
}

/* REFUSE, BYE */

void rp_message_write_refuse(struct rp_writer *w, const char *code, const char *text)
{
    begin_message(w, RP_MESSAGE_REFUSE, 3);
    rp_writer_str(w, code);
    rp_writer_str(w, text);
}

int rp_message_read_refuse(struct rp_refusal *out, struct rp_slice frame)
{
    struct rp_reader r;

    open_message(&r, frame, 3);
    out->code = read_text(&r, RP_REASON_LEN_MAX);
    out->text = read_text(&r, RP_REASON_LEN_MAX);
    return rp_reader_end(&r);
}

void rp_message_write_bye(struct rp_writer *w, const char *reason)
{
    begin_message(w, RP_MESSAGE_BYE, 2);
    rp_writer_str(w, reason);
}

int rp_message_read_bye(struct rp_slice *reason, struct rp_slice frame)
{
    struct rp_reader r;

    open_message(&r, frame, 2);
    *reason = read_text(&r, RP_REASON_LEN_MAX);
    return rp_reader_end(&r);
}

/* ACCEPT */

void rp_message_write_accept(struct rp_writer *w, const struct rp_accept *accept)
{
    begin_message(w, RP_MESSAGE_ACCEPT, 5);
    rp_writer_bool(w, accept->reset);
    rp_writer_bool(w, accept->more);
    write_entries(w, accept->accepted);
    write_entries(w, accept->kept);
}

int rp_message_read_accept(struct rp_accept *out, struct rp_slice frame)
{
    struct rp_reader r;

    open_message(&r, frame, 5);
    out->reset = rp_reader_bool(&r);
    out->more = rp_reader_bool(&r);
    out->accepted = read_entries(&r, RP_ID_LEN, RP_ACCEPT_ENTRIES_MAX);
    out->kept = read_entries(&r, RP_ID_LEN, RP_ACCEPT_ENTRIES_MAX - out->accepted.len / RP_ID_LEN);
    return rp_reader_end(&r);
}

/* CHECK, EQUAL, DONE */

static void write_tally(struct rp_writer *w, const struct rp_tally *tally)
{
    rp_writer_uint(w, tally->count);
    rp_writer_bin(w, tally->digest, RP_HASH_LEN);
}

static void read_tally(struct rp_reader *r, struct rp_tally *tally)
{
    tally->count = rp_reader_uint(r);
    rp_reader_bin_into(r, tally->digest, RP_HASH_LEN);
}

void rp_message_write_check(struct rp_writer *w, const struct rp_check *check)
{
    begin_message(w, RP_MESSAGE_CHECK, 3 + RP_SETS);
    rp_writer_uint(w, check->exchange);
    rp_message_write_scope(w, check->scope);
    for (int set = 0; set < RP_SETS; set++) {
        if (!check->asks[set]) {
            rp_writer_nil(w);
            continue;
        }
        rp_writer_array(w, 2);
        write_tally(w, &check->tally[set]);
    }
}

int rp_message_read_check(struct rp_check *out, struct rp_slice frame)
{
    struct rp_reader r;

    *out = (struct rp_check){0};
    open_message(&r, frame, 3 + RP_SETS);
    out->exchange = rp_reader_uint(&r);
    rp_message_read_scope(&r, out->scope);
    for (int set = 0; set < RP_SETS; set++) {
        out->asks[set] = !rp_reader_nil(&r);
        if (!out->asks[set])
            continue;
        if (rp_reader_array(&r) != 2)
            rp_reader_fail(&r);
        read_tally(&r, &out->tally[set]);
    }
    return rp_reader_end(&r);
}

void rp_message_write_equal(struct rp_writer *w, uint64_t exchange)
{
    begin_message(w, RP_MESSAGE_EQUAL, 2);
    rp_writer_uint(w, exchange);
}

void rp_message_write_done(struct rp_writer *w, uint64_t exchange)
{
    begin_message(w, RP_MESSAGE_DONE, 2);
    rp_writer_uint(w, exchange);
}

int rp_message_read_exchange(uint64_t *exchange, struct rp_slice frame)
{
    struct rp_reader r;

    open_message(&r, frame, 2);
    *exchange = rp_reader_uint(&r);
    return rp_reader_end(&r);
}

/* IDS, SKETCH, MORE, CELLS, LIST, PAGE */

/* Entries of each message's array. */
static uint32_t part_entries(enum rp_message_type type)
{
    switch (type) {
    case RP_MESSAGE_IDS:
        return 6;
    case RP_MESSAGE_SKETCH:
        return 8;
    case RP_MESSAGE_LIST:
        return 4;
    default:
        return 5;
    }
}

void rp_message_write_part(struct rp_writer *w, enum rp_message_type type,
                           const struct rp_part *part)
{
    begin_message(w, type, part_entries(type));
    rp_writer_uint(w, part->exchange);
    rp_writer_uint(w, part->set);
    switch (type) {
    case RP_MESSAGE_IDS:
        write_tally(w, &part->tally);
        write_entries(w, part->symbols);
        break;
    case RP_MESSAGE_SKETCH:
        write_tally(w, &part->tally);
        rp_writer_uint(w, part->first);
        write_entries(w, part->cells);
        write_entries(w, part->digests);
        break;
    case RP_MESSAGE_MORE:
        rp_writer_uint(w, part->first);
        rp_writer_uint(w, part->n);
        break;
    case RP_MESSAGE_CELLS:
        rp_writer_uint(w, part->first);
        write_entries(w, part->cells);
        break;
    case RP_MESSAGE_LIST:
        if (part->has_after)
            rp_writer_bin(w, part->after, RP_SYMBOL_LEN);
        else
            rp_writer_nil(w);
        break;
    default: /* PAGE */
        write_entries(w, part->symbols);
        rp_writer_bool(w, part->last);
        break;
    }
}

static uint32_t read_cell_number(struct rp_reader *r)
{
    uint64_t cell = rp_reader_uint(r);

    if (cell > RP_SKETCH_CELLS_MAX)
        rp_reader_fail(r);
    return (uint32_t)cell;
}

int rp_message_read_part(struct rp_part *out, enum rp_message_type type, struct rp_slice frame)
{
    struct rp_reader r;

    *out = (struct rp_part){0};
    open_message(&r, frame, part_entries(type));
    out->exchange = rp_reader_uint(&r);
    out->set = read_set(&r);
    switch (type) {
    case RP_MESSAGE_IDS:
        read_tally(&r, &out->tally);
        out->symbols = read_ascending(&r, RP_IDS_BELOW - 1);
        if (out->tally.count != out->symbols.len / RP_SYMBOL_LEN)
            rp_reader_fail(&r);
        break;
    case RP_MESSAGE_SKETCH:
        read_tally(&r, &out->tally);
        out->first = read_cell_number(&r);
        out->cells = read_entries(&r, RP_CELL_LEN, RP_SKETCH_FIRST);
        out->digests = read_entries(&r, 1, RP_SKETCH_DIGESTS_LEN);
        break;
    case RP_MESSAGE_MORE:
        out->first = read_cell_number(&r);
        out->n = read_cell_number(&r);
        if (out->n == 0 || out->n > RP_CELLS_PER_MESSAGE)
            rp_reader_fail(&r);
        break;
    case RP_MESSAGE_CELLS:
        out->first = read_cell_number(&r);
        out->cells = read_entries(&r, RP_CELL_LEN, RP_CELLS_PER_MESSAGE);
        break;
    case RP_MESSAGE_LIST:
        out->has_after = !rp_reader_nil(&r);
        if (out->has_after)
            rp_reader_bin_into(&r, out->after, RP_SYMBOL_LEN);
        break;
    default: /* PAGE */
        out->symbols = read_ascending(&r, RP_SYMBOLS_MAX);
        out->last = rp_reader_bool(&r);
        break;
    }
    return rp_reader_end(&r);
}

/* HAVE, WANT, RECORDS */

void rp_message_write_have(struct rp_writer *w, const struct rp_have *have)
{
    begin_message(w, RP_MESSAGE_HAVE, 4);
    rp_message_write_scope(w, have->scope);
    rp_writer_uint(w, have->set);
    write_entries(w, have->symbols);
}

int rp_message_read_have(struct rp_have *out, struct rp_slice frame)
{
    struct rp_reader r;

    *out = (struct rp_have){0};
    open_message(&r, frame, 4);
    rp_message_read_scope(&r, out->scope);
    out->set = read_set(&r);
    out->symbols = read_entries(&r, RP_SYMBOL_LEN, RP_SYMBOLS_MAX);
    return rp_reader_end(&r);
}

void rp_message_write_circle(struct rp_writer *w, struct rp_slice issued)
{
    begin_message(w, RP_MESSAGE_CIRCLE, 2);
    write_entries(w, issued);
}

int rp_message_read_circle(struct rp_slice *issued, struct rp_slice frame)
{
    struct rp_reader r;

    open_message(&r, frame, 2);
    *issued = read_entries(&r, 1, RP_CIRCLE_MAX);
    return rp_reader_end(&r);
}

void rp_message_write_want(struct rp_writer *w, const struct rp_want *want)
{
    begin_message(w, RP_MESSAGE_WANT, 3);
    rp_writer_uint(w, want->request);
    write_entries(w, want->prefixes);
}

int rp_message_read_want(struct rp_want *out, struct rp_slice frame)
{
    struct rp_reader r;

    *out = (struct rp_want){0};
    open_message(&r, frame, 3);
    out->request = rp_reader_uint(&r);
    out->prefixes = read_entries(&r, RP_PREFIX_LEN, RP_SYMBOLS_MAX);
    return rp_reader_end(&r);
}

void rp_message_write_records(struct rp_writer *w, uint64_t request, bool last, uint32_t n,
                              struct rp_slice items)
{
    begin_message(w, RP_MESSAGE_RECORDS, 4);
    rp_writer_uint(w, request);
    rp_writer_bool(w, last);
    rp_writer_array(w, n);
    rp_writer_raw(w, items);
}

int rp_message_read_records(struct rp_records *out, struct rp_slice frame)
{
    struct rp_reader r;

    *out = (struct rp_records){0};
    open_message(&r, frame, 4);
    out->request = rp_reader_uint(&r);
    out->last = rp_reader_bool(&r);
    out->n = rp_reader_array(&r);
    if (out->n > RP_RECORDS_MAX)
        return RP_ERR_LIMIT;
    out->items = r;
    for (uint32_t i = 0; i < out->n; i++) { /* [codec, body, sig], whatever they hold */
        if (rp_reader_array(&r) != 3)
            rp_reader_fail(&r);
        (void)rp_reader_uint(&r);
        (void)rp_reader_bin(&r);
        (void)rp_reader_bin(&r);
    }
    return rp_reader_end(&r);
}

/* BEACON, SEEN */

void rp_message_write_beacon(struct rp_writer *w, struct rp_slice sealed)
{
    begin_message(w, RP_MESSAGE_BEACON, 2);
    rp_writer_raw(w, sealed);
}

int rp_message_read_beacon(struct rp_slice *sealed, struct rp_slice frame)
{
    struct rp_reader r;
    struct rp_reader parts;

    open_message(&r, frame, 2);
    *sealed = rp_reader_item(&r);
    rp_reader_init(&parts, *sealed); /* [beacon, sig, certificate], whatever they hold */
    if (rp_reader_array(&parts) != 3)
        rp_reader_fail(&parts);
    for (int i = 0; i < 3; i++)
        (void)rp_reader_bin(&parts);
    if (r.err == RP_OK && sealed->len > RP_BEACON_MAX)
        return RP_ERR_LIMIT;
    return parts.err != RP_OK ? parts.err : rp_reader_end(&r);
}

void rp_message_write_seen(struct rp_writer *w, const struct rp_seen *seen)
{
    begin_message(w, RP_MESSAGE_SEEN, 3);
    rp_message_write_scope(w, seen->scope);
    write_entries(w, seen->entries);
}

int rp_message_read_seen(struct rp_seen *out, struct rp_slice frame)
{
    struct rp_reader r;

    *out = (struct rp_seen){0};
    open_message(&r, frame, 3);
    rp_message_read_scope(&r, out->scope);
    out->entries = read_entries(&r, RP_SEEN_LEN, RP_SEEN_MAX);
    for (size_t i = RP_SEEN_LEN; i < out->entries.len && r.err == RP_OK; i += RP_SEEN_LEN) {
        const uint8_t *entry = out->entries.data + i;

        if (memcmp(entry - RP_SEEN_LEN, entry, RP_SEEN_KEY_LEN) >= 0)
            rp_reader_fail(&r);
    }
    return rp_reader_end(&r);
}
