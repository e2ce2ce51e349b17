#include "rp/session.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "rp/canonical.h"
#include "rp/err.h"
#include "rp/limits.h"
#include "rp/noise.h"

#define NOISE_HEADER_LEN 2
#define FRAME_HEADER_LEN 4
#define PLAIN_MAX (RP_NOISE_MESSAGE_MAX - RP_NOISE_TAG_LEN)

/* A handshake message has two keys and two tags at most beside its payload. */
_Static_assert(RP_PROOF_MAX + 2 * RP_KEY_LEN + 2 * RP_NOISE_TAG_LEN <= RP_HANDSHAKE_MAX,
               "every proof fits a handshake message");

static const uint8_t prologue[] = {'r', 'p', '/', '1'};

/*
 * Bytes that grow at the end and are used up from the start. They may be a HELLO with an invite's
 * secret, so what leaves a queue, or moves to a larger buffer, is wiped where it was.
 */
struct queue {
    uint8_t *data;
    size_t start;
    size_t end;
    size_t cap;
};

struct rp_session {
    bool initiator;
    bool is_open;
    bool expects_org;
    uint8_t expected_org[RP_ID_LEN];
    uint64_t deadline;
    struct rp_bytes proof;  /* ours */
    struct rp_noise *noise; /* NULL once open */
    struct rp_noise_cipher send;
    struct rp_noise_cipher receive;

    /* Receiving: a Noise message, unsealed in place; then what it holds, frame by frame. */
    size_t sealed_len;
    uint8_t sealed[NOISE_HEADER_LEN + RP_NOISE_MESSAGE_MAX];
    struct rp_slice plain; /* inside sealed; not yet taken into frames */
    struct queue frame;    /* header and content so far */
    bool frame_given;      /* the frame was handed out and is to be dropped */

    struct rp_bytes their_proof; /* what remote borrows from */
    struct rp_proof remote;      /* valid when the other side's proof was read */

    /* Sending */
    struct queue handshake; /* messages ready to go, with their headers */
    struct queue frames;    /* frames with their headers, still plain */
    uint8_t sealed_out[NOISE_HEADER_LEN + RP_NOISE_MESSAGE_MAX];
};

static size_t queue_len(const struct queue *q)
{
    return q->end - q->start;
}

static void queue_free(struct queue *q)
{
    if (q->end > 0)
        sodium_memzero(q->data, q->end);
    free(q->data);
    *q = (struct queue){0};
}

/* Moves what is queued to the start of the buffer, from further on. */
static void queue_close_up(struct queue *q)
{
    size_t len = queue_len(q);

    memmove(q->data, q->data + q->start, len);
    sodium_memzero(q->data + len, q->end - len);
    q->start = 0;
    q->end = len;
}

/* Room for ${len} more bytes at the end. */
static int queue_reserve(struct queue *q, size_t len)
{
    struct queue larger = {.end = queue_len(q), .cap = q->cap > 0 ? q->cap : 1024};

    if (len <= q->cap - q->end)
        return RP_OK;
    if (len <= q->cap - queue_len(q)) {
        queue_close_up(q);
        return RP_OK;
    }
    while (larger.cap - larger.end < len)
        larger.cap *= 2;
    larger.data = malloc(larger.cap);
    if (larger.data == NULL)
        return RP_ERR_NOMEM;
    if (larger.end > 0)
        memcpy(larger.data, q->data + q->start, larger.end);
    queue_free(q);
    *q = larger;
    return RP_OK;
}

static int queue_append(struct queue *q, struct rp_slice bytes)
{
    int err = queue_reserve(q, bytes.len);

    if (err != RP_OK)
        return err;
    if (bytes.len > 0)
        memcpy(q->data + q->end, bytes.data, bytes.len);
    q->end += bytes.len;
    return RP_OK;
}

/* Empties a queue that held something, giving back a buffer that one large frame has left behind.
 */
static void queue_clear(struct queue *q)
{
    if (q->cap > RP_NOISE_MESSAGE_MAX) {
        queue_free(q);
        return;
    }
    sodium_memzero(q->data, q->end);
    q->start = q->end = 0;
}

/* Writes our next handshake message if it is our turn. The very first carries nothing. */
static int continue_handshake(struct rp_session *s)
{
    bool is_first = rp_noise_message(s->noise) == 0;
    struct rp_slice payload = is_first ? (struct rp_slice){NULL, 0} : rp_bytes_slice(&s->proof);
    uint8_t message[NOISE_HEADER_LEN + RP_HANDSHAKE_MAX];
    size_t len;
    int err;

    if (!rp_noise_must_write(s->noise))
        return RP_OK;
    if ((err = rp_noise_write(s->noise, payload, message + NOISE_HEADER_LEN, &len)) != RP_OK)
        return err;
    message[0] = (uint8_t)(len >> 8);
    message[1] = (uint8_t)len;
    return queue_append(&s->handshake, (struct rp_slice){message, NOISE_HEADER_LEN + len});
}

struct rp_session *rp_session_new(const struct rp_session_opts *opts, uint64_t now_ms)
{
    struct rp_session *s = calloc(1, sizeof *s);
    struct rp_noise_opts noise = {
        .initiator = opts->initiator,
        .prologue = {prologue, sizeof prologue},
        .static_key = opts->key,
        .ephemeral_secret = opts->ephemeral,
    };

    if (s == NULL)
        goto err0;
    s->initiator = opts->initiator;
    s->deadline = now_ms + RP_HANDSHAKE_MS;
    if (opts->expected_org != NULL) {
        s->expects_org = true;
        memcpy(s->expected_org, opts->expected_org, RP_ID_LEN);
    }
    if (opts->proof.len > RP_PROOF_MAX ||
        rp_bytes_copy(&s->proof, opts->proof.data, opts->proof.len) != RP_OK)
        goto err1;
    if ((s->noise = rp_noise_new(&noise)) == NULL)
        goto err1;
    if (continue_handshake(s) != RP_OK)
        goto err1;
    return s;

err1:
    rp_session_free(s);
err0:
    return NULL;
}

void rp_session_free(struct rp_session *s)
{
    if (s == NULL)
        return;
    rp_noise_free(s->noise);
    rp_bytes_free(&s->proof);
    rp_bytes_free(&s->their_proof);
    queue_free(&s->frame);
    queue_free(&s->handshake);
    queue_free(&s->frames);
    sodium_memzero(s, sizeof *s);
    free(s);
}

bool rp_session_is_open(const struct rp_session *s)
{
    return s->is_open;
}

const struct rp_proof *rp_session_proof(const struct rp_session *s)
{
    return &s->remote;
}

uint64_t rp_session_deadline(const struct rp_session *s)
{
    return s->deadline;
}

/* Keeps and checks the proof in a handshake payload. */
static int take_proof(struct rp_session *s, struct rp_slice payload)
{
    int err = rp_bytes_copy(&s->their_proof, payload.data, payload.len);

    if (err != RP_OK)
        return err;
    err = rp_certificate_check_proof(&s->remote, rp_bytes_slice(&s->their_proof),
                                     rp_noise_remote_static(s->noise));
    if (err != RP_OK)
        return err;
    if (s->expects_org && memcmp(s->expected_org, s->remote.identity.org, RP_ID_LEN) != 0)
        return RP_ERR_KEY;
    return RP_OK;
}

/* Reads one handshake message, answers it, and opens the session after the last. */
static int take_handshake(struct rp_session *s, struct rp_slice message)
{
    bool is_first = rp_noise_message(s->noise) == 0;
    uint8_t payload[RP_HANDSHAKE_MAX];
    size_t len;
    int err = rp_noise_read(s->noise, message, payload, &len);

    if (err != RP_OK)
        return err;
    if (!is_first && (err = take_proof(s, (struct rp_slice){payload, len})) != RP_OK)
        return err;
    if ((err = continue_handshake(s)) != RP_OK)
        return err;
    if (rp_noise_is_done(s->noise)) {
        rp_noise_split(s->noise, &s->send, &s->receive);
        rp_noise_free(s->noise);
        s->noise = NULL;
        s->is_open = true;
        s->deadline = UINT64_MAX;
    }
    return RP_OK;
}

/* Bytes that the Noise message in s->sealed has, header included; 0 while the header is short. */
static size_t sealed_wanted(const struct rp_session *s)
{
    if (s->sealed_len < NOISE_HEADER_LEN)
        return 0;
    return NOISE_HEADER_LEN + ((size_t)s->sealed[0] << 8 | s->sealed[1]);
}

static void take_bytes(struct rp_session *s, struct rp_slice *bytes, size_t until)
{
    size_t n = until - s->sealed_len;

    if (n > bytes->len)
        n = bytes->len;
    memcpy(s->sealed + s->sealed_len, bytes->data, n);
    s->sealed_len += n;
    bytes->data += n;
    bytes->len -= n;
}

/* Time runs from the first byte of a message, so that nobody can send one for ever. */
static void start_clock(struct rp_session *s, uint64_t now_ms)
{
    if (s->deadline == UINT64_MAX)
        s->deadline = now_ms + RP_FRAME_MS;
}

/* Gathers one Noise message and opens it; ${whole} says whether one was complete. */
static int take_message(struct rp_session *s, uint64_t now_ms, struct rp_slice *bytes, bool *whole)
{
    struct rp_slice sealed;
    int err;

    *whole = false;
    if (bytes->len > 0)
        start_clock(s, now_ms);
    if (sealed_wanted(s) == 0 && bytes->len > 0)
        take_bytes(s, bytes, NOISE_HEADER_LEN);
    if (sealed_wanted(s) == 0)
        return RP_OK;
    if (!s->is_open && sealed_wanted(s) > NOISE_HEADER_LEN + RP_HANDSHAKE_MAX)
        return RP_ERR_LIMIT;
    if (bytes->len > 0)
        take_bytes(s, bytes, sealed_wanted(s));
    if (s->sealed_len < sealed_wanted(s))
        return RP_OK;
    sealed = (struct rp_slice){s->sealed + NOISE_HEADER_LEN, s->sealed_len - NOISE_HEADER_LEN};
    s->sealed_len = 0;
    *whole = true;
    if (!s->is_open)
        return take_handshake(s, sealed);
    if ((err = rp_noise_unseal(&s->receive, sealed, s->sealed + NOISE_HEADER_LEN)) != RP_OK)
        return err;
    if (s->receive.nonce % RP_REKEY_MESSAGES == 0)
        rp_noise_rekey(&s->receive);
    s->plain = (struct rp_slice){sealed.data, sealed.len - RP_NOISE_TAG_LEN};
    if (s->plain.len == 0 && queue_len(&s->frame) == 0)
        s->deadline = UINT64_MAX; /* it held nothing, and nothing is under way */
    return RP_OK;
}

/* Content bytes of the frame being gathered, once its header is whole. */
static size_t frame_wanted(const struct rp_session *s)
{
    const uint8_t *h = s->frame.data + s->frame.start;

    return (size_t)h[0] << 24 | (size_t)h[1] << 16 | (size_t)h[2] << 8 | h[3];
}

/* Moves plain bytes into the frame until it holds ${until} bytes, header included. */
static int take_plain(struct rp_session *s, size_t until)
{
    size_t n = until - queue_len(&s->frame);
    int err;

    if (n > s->plain.len)
        n = s->plain.len;
    if ((err = queue_append(&s->frame, (struct rp_slice){s->plain.data, n})) != RP_OK)
        return err;
    s->plain.data += n;
    s->plain.len -= n;
    return RP_OK;
}

/* Gathers one frame from what was unsealed; ${frame} stays empty when it is not complete. */
static int take_frame(struct rp_session *s, uint64_t now_ms, struct rp_slice *frame)
{
    size_t wanted;
    int err;

    start_clock(s, now_ms);
    if (queue_len(&s->frame) < FRAME_HEADER_LEN && (err = take_plain(s, FRAME_HEADER_LEN)) != RP_OK)
        return err;
    if (queue_len(&s->frame) < FRAME_HEADER_LEN)
        return RP_OK;
    wanted = frame_wanted(s);
    if (wanted == 0)
        return RP_ERR_MALFORMED;
    if (wanted > RP_FRAME_MAX)
        return RP_ERR_LIMIT;
    if ((err = take_plain(s, FRAME_HEADER_LEN + wanted)) != RP_OK)
        return err;
    if (queue_len(&s->frame) < FRAME_HEADER_LEN + wanted)
        return RP_OK;
    s->deadline = UINT64_MAX;
    s->frame_given = true;
    *frame = (struct rp_slice){s->frame.data + s->frame.start + FRAME_HEADER_LEN, wanted};
    return rp_canonical_check(frame->data, frame->len);
}

int rp_session_receive(struct rp_session *s, uint64_t now_ms, struct rp_slice *bytes,
                       struct rp_slice *frame)
{
    bool whole = true;
    int err;

    *frame = (struct rp_slice){NULL, 0};
    if (s->frame_given) {
        queue_clear(&s->frame);
        s->frame_given = false;
    }
    while (whole) {
        if (s->plain.len > 0) {
            if ((err = take_frame(s, now_ms, frame)) != RP_OK || frame->data != NULL)
                return err;
        }
        if ((err = take_message(s, now_ms, bytes, &whole)) != RP_OK)
            return err;
    }
    return RP_OK;
}

int rp_session_send(struct rp_session *s, struct rp_slice frame)
{
    uint8_t header[FRAME_HEADER_LEN];
    int err;

    if (!s->is_open)
        return RP_ERR_STATE;
    if (frame.len == 0 || frame.len > RP_FRAME_MAX)
        return RP_ERR_LIMIT;
    for (unsigned i = 0; i < FRAME_HEADER_LEN; i++)
        header[i] = (uint8_t)(frame.len >> 8 * (FRAME_HEADER_LEN - 1 - i));
    if ((err = queue_reserve(&s->frames, sizeof header + frame.len)) != RP_OK)
        return err;
    (void)queue_append(&s->frames, (struct rp_slice){header, sizeof header});
    return queue_append(&s->frames, frame);
}

size_t rp_session_queued(const struct rp_session *s)
{
    return queue_len(&s->frames);
}

/* Seals the next piece of the frames queued. */
static int seal_next(struct rp_session *s, struct rp_slice *bytes)
{
    struct rp_slice plain = {s->frames.data + s->frames.start, queue_len(&s->frames)};
    size_t sealed_len;
    int err;

    if (plain.len > PLAIN_MAX)
        plain.len = PLAIN_MAX;
    sealed_len = plain.len + RP_NOISE_TAG_LEN;
    if ((err = rp_noise_seal(&s->send, plain, s->sealed_out + NOISE_HEADER_LEN)) != RP_OK)
        return err;
    if (s->send.nonce % RP_REKEY_MESSAGES == 0)
        rp_noise_rekey(&s->send);
    s->sealed_out[0] = (uint8_t)(sealed_len >> 8);
    s->sealed_out[1] = (uint8_t)sealed_len;
    s->frames.start += plain.len;
    if (queue_len(&s->frames) == 0)
        queue_clear(&s->frames);
    *bytes = (struct rp_slice){s->sealed_out, NOISE_HEADER_LEN + sealed_len};
    return RP_OK;
}

int rp_session_transmit(struct rp_session *s, struct rp_slice *bytes)
{
    size_t n = queue_len(&s->handshake);

    *bytes = (struct rp_slice){NULL, 0};
    if (n > 0) {
        memcpy(s->sealed_out, s->handshake.data + s->handshake.start, n);
        queue_clear(&s->handshake);
        *bytes = (struct rp_slice){s->sealed_out, n};
        return RP_OK;
    }
    return queue_len(&s->frames) > 0 ? seal_next(s, bytes) : RP_OK;
}
