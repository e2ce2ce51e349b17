#include "wire.h"

#include "rp/canonical.h"

static void append(struct rp_bytes *to, struct rp_slice bytes)
{
    if (bytes.len == 0)
        return;
    to->data = realloc(to->data, to->len + bytes.len);
    must(to->data != NULL);
    memcpy(to->data + to->len, bytes.data, bytes.len);
    to->len += bytes.len;
}

/* Puts what a side has to say on the way to the other. */
static void gather(struct fuzz_wire *wire, unsigned side)
{
    struct rp_slice bytes = {NULL, 0};

    do {
        must(rp_session_transmit(wire->sessions[side], &bytes) == RP_OK);
        append(&wire->way[1 - side], bytes);
    } while (bytes.len > 0);
}

void fuzz_wire_init(struct fuzz_wire *wire)
{
    *wire = (struct fuzz_wire){.err = {RP_OK, RP_OK}};
    for (unsigned i = 0; i < 2; i++) {
        struct sample_org org = sample_org_new(i);
        struct rp_dh_key noise = sample_noise_key(i);
        struct rp_bytes proof = sample_proof(&org, &noise);
        uint8_t ephemeral[RP_KEY_LEN];
        struct rp_session_opts opts = {
            .initiator = i == 0,
            .key = &noise,
            .ephemeral = ephemeral,
            .proof = rp_bytes_slice(&proof),
        };

        unit_fill(ephemeral, 6000 + i);
        wire->sessions[i] = rp_session_new(&opts, 0);
        must(wire->sessions[i] != NULL);
        rp_bytes_free(&proof);
        sample_org_free(&org);
        gather(wire, i);
    }
}

void fuzz_wire_send(struct fuzz_wire *wire, unsigned side, struct rp_slice frame)
{
    struct rp_session *session = wire->sessions[side];
    int err = rp_session_send(session, frame);

    must((err == RP_OK) == (frame.len > 0 && rp_session_is_open(session)));
    if (err != RP_OK)
        return;
    append(&wire->sent[1 - side], frame);
    wire->is_malformed |= rp_canonical_check(frame.data, frame.len) != RP_OK;
    gather(wire, side);
}

void fuzz_wire_change(struct fuzz_wire *wire, unsigned side, uint8_t at, uint8_t by)
{
    if (at >= wire->way[side].len || by == 0)
        return;
    wire->way[side].data[at] ^= by;
    wire->is_changed = true;
}

static void check_frame(struct fuzz_wire *wire, unsigned side, struct rp_slice frame)
{
    const struct rp_bytes *sent = &wire->sent[side];

    must(rp_session_is_open(wire->sessions[side]));
    must(rp_canonical_check(frame.data, frame.len) == RP_OK);
    must(frame.len <= sent->len - wire->received[side]);
    must(memcmp(sent->data + wire->received[side], frame.data, frame.len) == 0);
    wire->received[side] += frame.len;
}

void fuzz_wire_carry(struct fuzz_wire *wire, unsigned side, size_t n)
{
    struct rp_bytes *way = &wire->way[side];
    struct rp_bytes piece;
    struct rp_slice bytes;
    struct rp_slice frame;

    n = n < way->len ? n : way->len;
    if (n == 0 || wire->err[side] != RP_OK)
        return;
    must(rp_bytes_copy(&piece, way->data, n) == RP_OK); /* ends where it ends */
    memmove(way->data, way->data + n, way->len - n);
    way->len -= n;
    bytes = rp_bytes_slice(&piece);
    do {
        wire->err[side] = rp_session_receive(wire->sessions[side], 0, &bytes, &frame);
        if (wire->err[side] == RP_OK && frame.data != NULL)
            check_frame(wire, side, frame);
    } while (wire->err[side] == RP_OK && frame.data != NULL);
    must(wire->err[side] != RP_OK || bytes.len == 0);
    must(wire->err[side] == RP_OK || wire->is_changed || wire->is_malformed);
    rp_bytes_free(&piece);
    gather(wire, side);
}

void fuzz_wire_finish(struct fuzz_wire *wire)
{
    for (unsigned i = 0; i < 6; i++) /* a handshake has three messages */
        fuzz_wire_carry(wire, i & 1, SIZE_MAX);
    for (unsigned i = 0; i < 2; i++) {
        bool is_whole =
            rp_session_is_open(wire->sessions[i]) && wire->received[i] == wire->sent[i].len;

        must(is_whole || wire->is_changed || wire->is_malformed);
        rp_session_free(wire->sessions[i]);
        rp_bytes_free(&wire->way[i]);
        rp_bytes_free(&wire->sent[i]);
    }
}
