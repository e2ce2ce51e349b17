#include "stranger.h"

#include "peer.h"
#include "rp/canonical.h"

static size_t stream_number(const struct rp_bytes *said, size_t at)
{
    size_t number = 0;

    for (size_t i = 0; i < 4; i++)
        number = number << 8 | said->data[at + i];
    return number;
}

/* The frames that came out must be those that the stream holds, cut here once more. */
static void check_frame(struct fuzz_stranger *stranger, struct rp_slice frame)
{
    const struct rp_bytes *said = &stranger->said;

    must(said->len - stranger->cut > 4 && stream_number(said, stranger->cut) == frame.len);
    must(said->len - stranger->cut - 4 >= frame.len);
    must(memcmp(said->data + stranger->cut + 4, frame.data, frame.len) == 0);
    must(rp_canonical_check(frame.data, frame.len) == RP_OK);
    stranger->cut += 4 + frame.len;
}

static void give(struct fuzz_stranger *stranger, struct rp_slice bytes)
{
    struct rp_slice frame;

    do {
        stranger->err = rp_session_receive(stranger->session, 0, &bytes, &frame);
        if (stranger->err == RP_OK && frame.data != NULL)
            check_frame(stranger, frame);
    } while (stranger->err == RP_OK && frame.data != NULL);
}

/* Writes the stranger's next handshake message and gives it to the session. */
static void shake(struct fuzz_stranger *stranger, struct rp_slice payload)
{
    uint8_t message[2 + RP_HANDSHAKE_MAX];
    size_t len;

    must(rp_noise_write(stranger->noise, payload, message + 2, &len) == RP_OK);
    message[0] = (uint8_t)(len >> 8);
    message[1] = (uint8_t)len;
    give(stranger, (struct rp_slice){message, 2 + len});
}

/* Reads what the session has to say in the handshake. */
static void listen(struct fuzz_stranger *stranger)
{
    uint8_t payload[RP_HANDSHAKE_MAX];
    struct rp_slice bytes;
    size_t len;

    must(rp_session_transmit(stranger->session, &bytes) == RP_OK && bytes.len > 2);
    bytes = (struct rp_slice){bytes.data + 2, bytes.len - 2};
    must(rp_noise_read(stranger->noise, bytes, payload, &len) == RP_OK);
}

void fuzz_stranger_init(struct fuzz_stranger *stranger, bool dials, struct rp_slice proof)
{
    const struct fuzz_parties *parties = fuzz_parties();
    uint8_t ephemeral[RP_KEY_LEN];
    struct rp_session_opts opts = {
        .initiator = dials,
        .key = &parties->noise[0],
        .ephemeral = ephemeral,
        .proof = rp_bytes_slice(&parties->proofs[0]),
    };
    struct rp_noise_opts noise = {
        .initiator = !dials,
        .prologue = rp_bytes_str("rp/1"),
        .static_key = &parties->noise[1],
        .ephemeral_secret = ephemeral,
    };

    *stranger = (struct fuzz_stranger){.err = RP_OK};
    unit_fill(ephemeral, 6000);
    stranger->session = rp_session_new(&opts, 0);
    unit_fill(ephemeral, 6001);
    stranger->noise = rp_noise_new(&noise);
    must(stranger->session != NULL && stranger->noise != NULL);
    if (!dials)
        shake(stranger, (struct rp_slice){NULL, 0});
    listen(stranger);
    shake(stranger, proof);
    if (dials && stranger->err == RP_OK)
        listen(stranger);
    if (rp_noise_is_done(stranger->noise))
        rp_noise_split(stranger->noise, &stranger->send, &stranger->receive);
}

void fuzz_stranger_say(struct fuzz_stranger *stranger, struct rp_slice bytes, size_t step)
{
    uint8_t sealed[2 + RP_NOISE_MESSAGE_MAX];
    size_t len;

    if (bytes.len > RP_NOISE_MESSAGE_MAX - RP_NOISE_TAG_LEN)
        bytes.len = RP_NOISE_MESSAGE_MAX - RP_NOISE_TAG_LEN;
    stranger->said.data = realloc(stranger->said.data, stranger->said.len + bytes.len + 1);
    must(stranger->said.data != NULL);
    if (bytes.len > 0)
        memcpy(stranger->said.data + stranger->said.len, bytes.data, bytes.len);
    stranger->said.len += bytes.len;
    len = bytes.len + RP_NOISE_TAG_LEN;
    must(rp_noise_seal(&stranger->send, bytes, sealed + 2) == RP_OK);
    sealed[0] = (uint8_t)(len >> 8);
    sealed[1] = (uint8_t)len;
    len += 2;
    for (size_t at = 0, n; at < len && stranger->err == RP_OK; at += n) {
        n = step == 0 || step > len - at ? len - at : step;
        give(stranger, (struct rp_slice){sealed + at, n});
    }
}

void fuzz_stranger_free(struct fuzz_stranger *stranger)
{
    const struct rp_bytes *said = &stranger->said;

    /* nothing whole was left lying, unless something went wrong before it */
    if (stranger->err == RP_OK && said->len - stranger->cut >= 4)
        must(stream_number(said, stranger->cut) > said->len - stranger->cut - 4);
    rp_session_free(stranger->session);
    rp_noise_free(stranger->noise);
    rp_bytes_free(&stranger->said);
}
