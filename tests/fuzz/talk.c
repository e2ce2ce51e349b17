#include "peer.h"

#include "rp/message.h"
#include "support/kv_mem.h"

/*
 * The script of fuzz_talk. Beside frames that are the fuzzer's own there are some that it could not
 * come by: those that hold hashes, signatures, or numbers that the core has just made up.
 */

#define STEPS_MAX 64

/* The digest for HELLO of the two organisations as both accepted. */
static void digest_of_both(uint8_t out[static RP_HASH_LEN])
{
    const struct fuzz_parties *parties = fuzz_parties();
    const uint8_t *a = parties->orgs[0].identity.org;
    const uint8_t *b = parties->orgs[1].identity.org;
    bool swap = memcmp(a, b, RP_ID_LEN) > 0;
    const struct rp_slice parts[] = {
        {(const uint8_t *)"\0\0\0\2", 4},
        {swap ? b : a, RP_ID_LEN},
        {swap ? a : b, RP_ID_LEN},
    };

    rp_hash(out, RP_DOMAIN_ACCEPT, parts, 3);
}

static void write_hello(struct rp_writer *w, const struct fuzz_peer *peer, uint8_t how)
{
    struct rp_hello hello = {
        .time = peer->now,
        .codecs = (how & 1) == 0 ? RP_CODECS_ALL : 1 << RP_CODEC_PLAIN,
        .speaks_this = true,
        .has_invite = (how & 2) != 0,
        .software = rp_bytes_str("fuzz"),
        .addresses = how >> 2 & 1,
        .address = {rp_bytes_str("1:2")},
    };

    memcpy(hello.invite, peer->invite, sizeof hello.invite);
    if ((how & 8) != 0)
        digest_of_both(hello.accept);
    else
        memcpy(hello.accept, peer->accept, sizeof hello.accept);
    rp_message_write_hello(w, &hello);
}

/* Both organisations; which of them as accepted, which as kept. */
static void write_accept(struct rp_writer *w, uint8_t how)
{
    const struct fuzz_parties *parties = fuzz_parties();
    uint8_t ids[2 * RP_ID_LEN];
    size_t cut = (how & 3u) % 3 * RP_ID_LEN;
    struct rp_accept accept = {.reset = (how & 4) == 0, .more = (how & 8) != 0};

    for (unsigned i = 0; i < 2; i++)
        memcpy(ids + i * RP_ID_LEN, parties->orgs[i ^ (how >> 4 & 1)].identity.org, RP_ID_LEN);
    accept.accepted = (struct rp_slice){ids, sizeof ids - cut};
    accept.kept = (struct rp_slice){ids + accept.accepted.len, cut};
    rp_message_write_accept(w, &accept);
}

/* HAVE of some of the records, or of such of the core's own. */
static void write_have(struct rp_writer *w, uint8_t how, unsigned which)
{
    const struct fuzz_parties *parties = fuzz_parties();
    uint8_t symbols[FUZZ_RECORDS][RP_SYMBOL_LEN];
    struct rp_have have = {.set = how & 1};
    size_t n = 0;

    for (unsigned i = 0; i < FUZZ_RECORDS; i++) {
        if ((which >> i & 1) != 0)
            memcpy(symbols[n++], (how & 2) != 0 ? parties->own[i] : parties->ids[i], RP_SYMBOL_LEN);
    }
    have.symbols = (struct rp_slice){symbols[0], n * RP_SYMBOL_LEN};
    rp_message_write_have(w, &have);
}

/* WANT of some of the core's own records, of the local one, or of those of ours that it has. */
static void write_want(struct rp_writer *w, uint8_t how, unsigned which)
{
    const struct fuzz_parties *parties = fuzz_parties();
    uint8_t prefixes[FUZZ_RECORDS][RP_PREFIX_LEN];
    struct rp_want want = {.request = how >> 2};
    size_t n = 0;

    for (unsigned i = 0; i < FUZZ_RECORDS; i++) {
        const uint8_t *id = i == 15     ? parties->local
                            : (how & 1) ? parties->own[i]
                                        : parties->ids[i];

        if ((which >> i & 1) != 0)
            memcpy(prefixes[n++], id, RP_PREFIX_LEN);
    }
    want.prefixes = (struct rp_slice){prefixes[0], n * RP_PREFIX_LEN};
    rp_message_write_want(w, &want);
}

/* A CHECK that agrees with the core's sets, or not. */
static void write_check(struct rp_writer *w, const struct fuzz_peer *peer, uint8_t how)
{
    struct rp_check check = {.exchange = how >> 4};

    for (enum rp_set set = 0; set < RP_SETS; set++) {
        check.asks[set] = (how >> set & 1) != 0;
        core_tally(peer->core, set, &check.tally[set]);
        if ((how >> (2 + set) & 1) != 0)
            check.tally[set].digest[0] ^= 1;
    }
    rp_message_write_check(w, &check);
}

/* Something of the core's own happens. */
static void act(struct fuzz_peer *peer, uint8_t what)
{
    const struct fuzz_parties *parties = fuzz_parties();
    const uint8_t *org = parties->orgs[1].identity.org;
    const struct invite_opts invite = {.note = "", .keep_ms = 600000, .vouches = true};
    char text[RP_TOKEN_TEXT_MAX + 1];
    struct rp_token token;
    struct rp_bytes packed;

    switch (what % 8) {
    case 0:
        (void)!core_compare(peer->core, org, peer->now);
        break;
    case 1:
        (void)!core_remove_peer(peer->core, org, NULL, peer->now);
        break;
    case 2:
        (void)!core_add_peer(peer->core, org, "1:1", NULL, NULL, peer->now);
        break;
    case 3:
        (void)!core_accept_org(peer->core, rp_bytes_slice(&parties->orgs[1].inception), peer->now);
        break;
    case 4:
        kv_mem_fail_commit(peer->kv, 1, RP_ERR_FULL);
        peer->failed = true;
        break;
    case 5:
        fuzz_peer_connect(peer);
        break;
    case 6:
        if (core_invite(peer->core, &invite, peer->now, text) == RP_OK &&
            rp_token_read(&token, text) == RP_OK)
            memcpy(peer->invite, token.secret, sizeof peer->invite);
        break;
    default:
        packed = sample_pattern(&parties->orgs[0], 300u + what);
        (void)fuzz_peer_submit(peer, &packed);
        break;
    }
}

static void pass_time(struct fuzz_peer *peer, uint8_t how)
{
    peer->now += (1u + (how >> 4)) << (how & 15);
    if (core_deadline(peer->core) <= peer->now)
        core_tick(peer->core, peer->now);
}

/* One step; what is to be sent is left in ${w}. */
static void step(struct fuzz_peer *peer, struct fuzz_input *in, struct rp_writer *w)
{
    uint8_t what = fuzz_byte(in) % 10;
    uint8_t how = what < 9 ? fuzz_byte(in) : 0;
    unsigned which = what >= 6 && what < 9 ? (unsigned)fuzz_byte(in) << 8 | fuzz_byte(in) : 0;

    switch (what) {
    case 0:
        pass_time(peer, how);
        break;
    case 1:
        act(peer, how);
        break;
    case 2:
        write_hello(w, peer, how);
        break;
    case 3:
        write_accept(w, how);
        break;
    case 4:
        write_check(w, peer, how);
        break;
    case 5: /* to the latest question, as a node that holds nothing would */
        fuzz_peer_answer(w, peer, how, 0);
        break;
    case 6:
        fuzz_peer_answer(w, peer, how, which);
        break;
    case 7:
        write_have(w, how, which);
        break;
    case 8:
        write_want(w, how, which);
        break;
    default:
        rp_writer_raw(w, fuzz_piece(in));
        break;
    }
}

void fuzz_talk(const uint8_t *data, size_t size, bool answers_dials)
{
    struct fuzz_input in = {data, size};
    struct fuzz_peer peer;
    struct rp_writer w;

    fuzz_peer_init(&peer, answers_dials, (fuzz_byte(&in) & 1) != 0);
    rp_writer_init(&w, RP_FRAME_MAX);
    for (unsigned steps = 0; steps < STEPS_MAX && in.left > 0; steps++) {
        rp_writer_reset(&w);
        step(&peer, &in, &w);
        fuzz_peer_send(&peer, rp_writer_slice(&w));
    }
    rp_writer_free(&w);
    fuzz_peer_free(&peer);
}
