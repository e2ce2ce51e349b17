#include "unit/sample.h"

#include <stdio.h>

#include "alloc.h"
#include "author/author.h"
#include "rp/decoder.h"
#include "rp/limits.h"
#include "rp/message.h"
#include "rp/rand.h"
#include "rp/session.h"
#include "rp/sketch.h"

/* The library: what fails says so, leaves nothing behind, and works once there is memory. */

static struct sample_org org;
static struct rp_bytes content;
static struct rp_bytes body;
static struct rp_bytes packed;
static struct rp_opened opened;
static struct rp_dh_key noise[2];
static struct rp_bytes proofs[2];
static struct rp_bytes step; /* from the organisation's key to its paper key */

/* Whether ${err} is right: nothing has failed, or memory has. */
static void check_err(int err)
{
    if (err != RP_OK || alloc_failed() == 0)
        assert_int_equal(err, alloc_failed() > 0 ? RP_ERR_NOMEM : RP_OK);
}

/* What one way of writing bytes gives, always the same. */
typedef int writes(struct rp_bytes *out);
static writes *writing;
static struct rp_bytes expected;

static void write_once(void)
{
    struct rp_bytes out = {NULL, 0};
    int err;

    FRAIL(err = writing(&out));
    check_err(err);
    if (err == RP_OK) {
        assert_int_equal(out.len, expected.len);
        assert_memory_equal(out.data, expected.data, out.len);
    } else {
        assert_null(out.data);
    }
    rp_bytes_free(&out);
}

static void sweep_writing(const char *what, writes *how)
{
    alloc_fail(0, ALLOC_ONE);
    writing = how;
    assert_ok(how(&expected));
    alloc_sweep(what, write_once);
    rp_bytes_free(&expected);
}

static int write_body(struct rp_bytes *out)
{
    struct rp_record fields = sample_fields(&org, 1, rp_bytes_slice(&content));

    return rp_record_write(out, &fields);
}

static int pack(struct rp_bytes *out)
{
    return rp_record_pack(out, rp_bytes_slice(&body), &org.key, RP_CODEC_DICTIONARY);
}

static int repack(struct rp_bytes *out)
{
    return rp_record_repack(out, &opened, RP_CODEC_PLAIN);
}

static struct author author_of(struct rp_rand *rand)
{
    *rand = (struct rp_rand){{7}};
    return (struct author){&org.key, org.identity.org, rand, 1795000000000};
}

static int write_identity(struct rp_bytes *out)
{
    struct rp_rand rand;
    struct author author = author_of(&rand);

    return author_identity(out, &author, rp_bytes_slice(&org.inception));
}

static int vouch(struct rp_bytes *out)
{
    struct rp_rand rand;
    struct author author = author_of(&rand);

    return author_vouch(out, &author, org.identity.org, rp_bytes_slice(&org.inception), NULL);
}

static int withdraw(struct rp_bytes *out)
{
    static uint8_t versions[2][RP_ID_LEN] = {{1}, {2}};
    struct rp_rand rand;
    struct author author = author_of(&rand);

    return author_withdraw(out, &author, &opened.record, versions, 2);
}

static int incept(struct rp_bytes *out)
{
    return rp_identity_incept(out, org.key.public, org.identity.next, "Somebody");
}

static struct rp_bytes step_new(void)
{
    struct rp_record fields;
    struct rp_bytes made;
    struct rp_writer w;

    rp_writer_init(&w, 100);
    rp_writer_map(&w, 2);
    rp_writer_str(&w, "next");
    rp_writer_bin(&w, org.identity.next, RP_HASH_LEN);
    rp_writer_str(&w, "number");
    rp_writer_uint(&w, 1);
    fields = sample_fields(&org, 2, rp_writer_slice(&w));
    fields.set = RP_SET_CONTROL;
    fields.kind = rp_bytes_str("identity");
    memcpy(fields.key, org.paper.public, RP_KEY_LEN);
    made = sample_pack(&fields, &org.paper);
    rp_writer_free(&w);
    return made;
}

/* That a node whose certificate the paper key signed acts for the organisation. */
static int prove(struct rp_bytes *out)
{
    struct rp_slice steps = rp_bytes_slice(&step);
    struct rp_certificate certificate = {.serial = 1, .issued = 1795000000000, .name = "node"};
    struct rp_bytes issued = {NULL, 0};
    int err;

    memcpy(certificate.org, org.identity.org, RP_ID_LEN);
    memcpy(certificate.key, org.paper.public, RP_KEY_LEN);
    memcpy(certificate.noise, noise[0].public, RP_KEY_LEN);
    err = rp_certificate_issue(&issued, &certificate, &org.paper);
    if (err == RP_OK)
        err = rp_certificate_prove(out, rp_bytes_slice(&issued), rp_bytes_slice(&org.inception),
                                   &steps, 1);
    rp_bytes_free(&issued);
    return err;
}

static void whatever_is_written_is_written_whole_or_not(void **state)
{
    (void)state;
    sweep_writing("a record's body", write_body);
    sweep_writing("a packed record", pack);
    sweep_writing("a repacked record", repack);
    sweep_writing("an inception", incept);
    sweep_writing("an identity", write_identity);
    sweep_writing("a vouch", vouch);
    sweep_writing("a withdrawal", withdraw);
    sweep_writing("a proof", prove);
}

static void open_once(void)
{
    static const struct rp_opened none;
    struct rp_opened out;
    int err;

    FRAIL(err = rp_record_open(&out, rp_bytes_slice(&packed)));
    check_err(err);
    if (err == RP_OK)
        assert_memory_equal(out.record.id, opened.record.id, RP_ID_LEN);
    else
        assert_memory_equal(&out.body, &none.body, sizeof none.body);
    rp_record_close(&out);
}

static void a_record_that_cannot_be_opened_is_not_called_damaged(void **state)
{
    (void)state;
    alloc_sweep("opening a record", open_once);
}

static struct rp_bytes proof_with_step;

static void check_proof_once(void)
{
    struct rp_proof out;
    int err;

    FRAIL(err =
              rp_certificate_check_proof(&out, rp_bytes_slice(&proof_with_step), noise[0].public));
    check_err(err);
    if (err == RP_OK)
        assert_int_equal(out.identity.number, 1);
}

static void a_proof_is_checked(void **state)
{
    (void)state;
    assert_ok(prove(&proof_with_step));
    alloc_sweep("checking a proof", check_proof_once);
    rp_bytes_free(&proof_with_step);
}

/* Sessions: a handshake, and a frame each way that takes more than one Noise message. */

#define FRAME_LEN 150000
static uint8_t frame[FRAME_LEN];

static struct rp_session *session_new(int side)
{
    uint8_t ephemeral[RP_KEY_LEN];
    struct rp_session_opts opts = {.initiator = side == 0, .key = &noise[side]};
    struct rp_session *session;

    unit_fill(ephemeral, 600 + (unsigned)side);
    opts.ephemeral = ephemeral;
    opts.proof = rp_bytes_slice(&proofs[side]);
    FRAIL(session = rp_session_new(&opts, 1000));
    return session;
}

/* All that one side has to say goes to the other. Frames that come are counted. */
static int carry(struct rp_session *from, struct rp_session *to, bool *moved, unsigned *frames)
{
    struct rp_slice bytes;
    struct rp_slice got;
    int err;

    for (;;) {
        FRAIL(err = rp_session_transmit(from, &bytes));
        if (err != RP_OK || bytes.len == 0)
            return err;
        *moved = true;
        do {
            FRAIL(err = rp_session_receive(to, 1000, &bytes, &got));
            if (err != RP_OK)
                return err;
            if (got.data != NULL) {
                assert_int_equal(got.len, FRAME_LEN);
                assert_memory_equal(got.data, frame, FRAME_LEN);
                (*frames)++;
            }
        } while (got.data != NULL);
    }
}

static int carry_both_ways(struct rp_session **sessions, unsigned *frames)
{
    bool moved = true;
    int err = RP_OK;

    while (moved && err == RP_OK) {
        moved = false;
        for (int i = 0; i < 2 && err == RP_OK; i++)
            err = carry(sessions[i], sessions[1 - i], &moved, frames);
    }
    return err;
}

static int talk(struct rp_session **sessions)
{
    unsigned frames = 0;
    int err = carry_both_ways(sessions, &frames);

    for (int i = 0; i < 2 && err == RP_OK; i++) {
        assert_true(rp_session_is_open(sessions[i]));
        FRAIL(err = rp_session_send(sessions[i], (struct rp_slice){frame, FRAME_LEN}));
        if (err == RP_OK)
            continue;
        assert_int_equal(rp_session_queued(sessions[i]), 0); /* and it goes on as if nothing was */
        check_err(err);
        alloc_hold();
        err = rp_session_send(sessions[i], (struct rp_slice){frame, FRAME_LEN});
        alloc_release();
    }
    if (err == RP_OK)
        err = carry_both_ways(sessions, &frames);
    assert_true(err != RP_OK || frames == 2);
    return err;
}

static void converse(void)
{
    struct rp_session *sessions[2];

    for (int i = 0; i < 2; i++)
        sessions[i] = session_new(i);
    if (sessions[0] != NULL && sessions[1] != NULL)
        check_err(talk(sessions));
    else
        assert_true(alloc_failed() > 0);
    for (int i = 0; i < 2; i++)
        rp_session_free(sessions[i]);
}

static void a_session_ends_or_goes_on_as_if_nothing_was(void **state)
{
    (void)state;
    frame[0] = 0xc6; /* a binary of all the rest */
    frame[2] = (uint8_t)((FRAME_LEN - 5) >> 16);
    frame[3] = (uint8_t)((FRAME_LEN - 5) >> 8);
    frame[4] = (uint8_t)(FRAME_LEN - 5);
    alloc_sweep("a session", converse);
}

/* Messages, each written and read back. */

static uint8_t symbols[4][RP_SYMBOL_LEN] = {{1}, {2}, {3}, {4}};
static uint8_t cells[RP_SKETCH_FIRST * RP_CELL_LEN];
static uint8_t digests[RP_SKETCH_DIGESTS_LEN];

static struct rp_part part_of(enum rp_message_type type)
{
    struct rp_part part = {.exchange = 3, .set = RP_SET_CONTENT, .tally = {.count = 4}, .n = 16};

    if (type == RP_MESSAGE_IDS || type == RP_MESSAGE_PAGE)
        part.symbols = (struct rp_slice){symbols[0], sizeof symbols};
    if (type == RP_MESSAGE_SKETCH || type == RP_MESSAGE_CELLS)
        part.cells = (struct rp_slice){cells, sizeof cells};
    if (type == RP_MESSAGE_SKETCH) {
        part.first = 1024;
        part.digests = (struct rp_slice){digests, rp_sketch_digests(1024) / 2};
    }
    return part;
}

static int write_and_read_part(struct rp_writer *w, enum rp_message_type type)
{
    struct rp_part part = part_of(type);

    rp_message_write_part(w, type, &part);
    return w->err != RP_OK ? w->err : rp_message_read_part(&part, type, rp_writer_slice(w));
}

static int write_and_read_hello(struct rp_writer *w)
{
    struct rp_hello hello = {.time = 1795000000000,
                             .software = rp_bytes_str("rpnode"),
                             .addresses = 1,
                             .address = {rp_bytes_str("a.example:7433")}};

    rp_message_write_hello(w, &hello);
    return w->err != RP_OK ? w->err : rp_message_read_hello(&hello, rp_writer_slice(w));
}

static int write_and_read_lists(struct rp_writer *w, enum rp_message_type type)
{
    struct rp_accept accept = {.reset = true, .accepted = {symbols[0], RP_ID_LEN}};
    struct rp_have have = {.symbols = {symbols[0], sizeof symbols}};
    struct rp_want want = {.request = 1, .prefixes = {symbols[0], 2 * RP_PREFIX_LEN}};
    struct rp_records records;

    switch (type) {
    case RP_MESSAGE_ACCEPT:
        rp_message_write_accept(w, &accept);
        return w->err != RP_OK ? w->err : rp_message_read_accept(&accept, rp_writer_slice(w));
    case RP_MESSAGE_HAVE:
        rp_message_write_have(w, &have);
        return w->err != RP_OK ? w->err : rp_message_read_have(&have, rp_writer_slice(w));
    case RP_MESSAGE_WANT:
        rp_message_write_want(w, &want);
        return w->err != RP_OK ? w->err : rp_message_read_want(&want, rp_writer_slice(w));
    default:
        rp_message_write_records(w, 1, true, 1, rp_bytes_slice(&packed));
        return w->err != RP_OK ? w->err : rp_message_read_records(&records, rp_writer_slice(w));
    }
}

static int write_and_read(struct rp_writer *w, enum rp_message_type type)
{
    struct rp_check check = {.exchange = 1, .asks = {true, true}};
    struct rp_refusal refusal;
    struct rp_slice reason;

    switch (type) {
    case RP_MESSAGE_HELLO:
        return write_and_read_hello(w);
    case RP_MESSAGE_REFUSE:
        rp_message_write_refuse(w, "busy", "not now");
        return w->err != RP_OK ? w->err : rp_message_read_refuse(&refusal, rp_writer_slice(w));
    case RP_MESSAGE_BYE:
        rp_message_write_bye(w, "stopping");
        return w->err != RP_OK ? w->err : rp_message_read_bye(&reason, rp_writer_slice(w));
    case RP_MESSAGE_CHECK:
        rp_message_write_check(w, &check);
        return w->err != RP_OK ? w->err : rp_message_read_check(&check, rp_writer_slice(w));
    case RP_MESSAGE_EQUAL:
        rp_message_write_equal(w, 1);
        return w->err;
    case RP_MESSAGE_DONE:
        rp_message_write_done(w, 1);
        return w->err;
    case RP_MESSAGE_ACCEPT:
    case RP_MESSAGE_HAVE:
    case RP_MESSAGE_WANT:
    case RP_MESSAGE_RECORDS:
        return write_and_read_lists(w, type);
    default:
        return write_and_read_part(w, type);
    }
}

static enum rp_message_type message;

static void message_once(void)
{
    struct rp_writer w;
    int err;

    rp_writer_init(&w, RP_FRAME_MAX);
    FRAIL(err = write_and_read(&w, message));
    check_err(err);
    rp_writer_reset(&w); /* a writer that failed is as good as new */
    assert_ok(write_and_read(&w, message));
    assert_int_equal(rp_message_type(rp_writer_slice(&w)), message);
    rp_writer_free(&w);
}

static void messages_are_written_whole_or_not(void **state)
{
    char what[32];

    (void)state;
    for (message = RP_MESSAGE_HELLO; message <= RP_MESSAGE_RECORDS; message++) {
        snprintf(what, sizeof what, "message %d", (int)message);
        alloc_sweep(what, message_once);
    }
}

/* A difference of 100 symbols, fed in two parts. */

#define DIFFERENCE 100
#define FED 256

static void decode_once(void)
{
    static struct rp_cell ours[FED];
    static struct rp_cell none[FED];
    static uint8_t theirs[FED * RP_CELL_LEN];
    uint8_t key[RP_SKETCH_KEY_LEN] = {9};
    struct rp_decoder *decoder;
    uint32_t n;
    int err = RP_OK;

    memset(ours, 0, sizeof ours);
    for (unsigned i = 0; i < DIFFERENCE; i++) {
        uint8_t symbol[32];

        unit_fill(symbol, i);
        rp_sketch_toggle(ours, 0, FED, key, symbol);
    }
    for (unsigned i = 0; i < FED; i++)
        rp_sketch_save(theirs + (size_t)i * RP_CELL_LEN, &none[i]);
    FRAIL(decoder = rp_decoder_new(key, FED));
    for (uint32_t at = 0; decoder != NULL && at < FED && err == RP_OK; at += FED / 2) {
        const uint8_t *piece = theirs + (size_t)at * RP_CELL_LEN;

        FRAIL(err = rp_decoder_feed(decoder, ours + at, piece, FED / 2));
        if (err != RP_OK) { /* nothing of the piece was taken: the same may be fed again */
            assert_int_equal(err, RP_ERR_NOMEM);
            assert_int_equal(rp_decoder_cells(decoder), at);
            err = rp_decoder_feed(decoder, ours + at, piece, FED / 2);
        }
    }
    assert_ok(err);
    if (decoder == NULL) {
        assert_true(alloc_failed() > 0);
        return;
    }
    assert_true(rp_decoder_done(decoder));
    (void)rp_decoder_symbols(decoder, &n);
    assert_int_equal(n, DIFFERENCE);
    rp_decoder_free(decoder);
}

static void a_sketch_is_decoded(void **state)
{
    (void)state;
    alloc_sweep("decoding a sketch", decode_once);
}

static int setup(void **state)
{
    char text[4001];

    (void)state;
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    org = sample_org_new(1);
    content = sample_content(text);
    assert_ok(write_body(&body));
    assert_ok(pack(&packed));
    assert_ok(rp_record_open(&opened, rp_bytes_slice(&packed)));
    step = step_new();
    for (unsigned i = 0; i < 2; i++) {
        noise[i] = sample_noise_key(i);
        proofs[i] = sample_proof(&org, &noise[i]);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rp_record_close(&opened);
    rp_bytes_free(&packed);
    rp_bytes_free(&body);
    rp_bytes_free(&content);
    rp_bytes_free(&step);
    for (int i = 0; i < 2; i++)
        rp_bytes_free(&proofs[i]);
    sample_org_free(&org);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_is_written_is_written_whole_or_not),
        cmocka_unit_test(a_record_that_cannot_be_opened_is_not_called_damaged),
        cmocka_unit_test(a_proof_is_checked),
        cmocka_unit_test(a_session_ends_or_goes_on_as_if_nothing_was),
        cmocka_unit_test(messages_are_written_whole_or_not),
        cmocka_unit_test(a_sketch_is_decoded),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
