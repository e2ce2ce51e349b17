#include "peer.h"

#include "rp/canonical.h"
#include "rp/message.h"
#include "rp/session.h"
#include "support/kv_mem.h"

#define START 1795000000000

static void take_in(struct fuzz_peer *peer, struct intake *intake)
{
    intake_verify(intake, NULL);
    intake_write(peer->kv, &intake, 1, ROOM_FOR_ALL, peer->now);
    intake_report(peer->core, intake, peer->now);
}

int fuzz_peer_submit(struct fuzz_peer *peer, struct rp_bytes *packed)
{
    struct submission submission = {.packed = *packed};
    struct intake *intake = intake_record(&submission);
    int err;

    take_in(peer, intake);
    err = intake->err;
    intake_free(intake);
    return err;
}

static void start(struct fuzz_peer *peer)
{
    uint8_t seed[RP_KEY_SEED_LEN];
    const char *address = "0:1";
    struct core_opts opts = {
        .kv = peer->kv,
        .self = &fuzz_parties()->self,
        .seed = seed,
        .software = "fuzz",
        .trust_depth = 8,
        .check_ms = 60000,
        .vouch = true,
    };
    int err;

    unit_fill(seed, 1);
    peer->core = core_new(&opts, peer->now, &err);
    must(peer->core != NULL);
    core_set_addresses(peer->core, &address, 1);
}

/* What the core said is well-formed, in order, and tells nothing that it must not. */
static void check_frame(struct fuzz_peer *peer, struct rp_slice frame)
{
    const struct fuzz_parties *parties = fuzz_parties();
    int type = rp_message_type(frame);
    struct rp_hello hello;
    struct rp_refusal refusal;
    struct rp_records records;

    must(!peer->is_over);
    must(!fuzz_contains(frame, (struct rp_slice){parties->local, RP_SYMBOL_LEN}));
    if (type == RP_MESSAGE_CHECK || type == RP_MESSAGE_MORE || type == RP_MESSAGE_LIST ||
        type == RP_MESSAGE_WANT) {
        rp_bytes_free(&peer->asked);
        must(rp_bytes_copy(&peer->asked, frame.data, frame.len) == RP_OK);
    }
    must(peer->frames++ > 0 || type <= RP_MESSAGE_BYE);
    if (type == RP_MESSAGE_HELLO) {
        must(peer->frames == 1 && rp_message_read_hello(&hello, frame) == RP_OK);
        memcpy(peer->accept, hello.accept, sizeof peer->accept);
    } else if (type == RP_MESSAGE_REFUSE) {
        must(rp_message_read_refuse(&refusal, frame) == RP_OK);
        peer->is_over = true;
    } else if (type == RP_MESSAGE_BYE) {
        peer->is_over = true;
    } else if (type == RP_MESSAGE_RECORDS) {
        must(rp_message_read_records(&records, frame) == RP_OK);
        for (uint32_t i = 0; i < records.n; i++) {
            struct rp_opened opened;

            must(rp_record_open(&opened, rp_reader_item(&records.items)) == RP_OK);
            must(memcmp(opened.record.scope, rp_record_commons, RP_ID_LEN) == 0);
            rp_record_close(&opened);
        }
    }
}

/* Hands our session what the core sends. False when it had nothing to send. */
static bool pull(struct fuzz_peer *peer)
{
    struct rp_slice bytes;
    struct rp_slice frame;

    must(core_transmit(peer->core, peer->link, &bytes, peer->now) == RP_OK);
    if (bytes.len == 0)
        return false;
    do {
        must(rp_session_receive(peer->session, peer->now, &bytes, &frame) == RP_OK);
        if (frame.data != NULL)
            check_frame(peer, frame);
    } while (frame.data != NULL);
    return true;
}

/* Hands the core what our session sends. False when it had nothing to send. */
static bool push(struct fuzz_peer *peer)
{
    struct rp_slice bytes;

    must(rp_session_transmit(peer->session, &bytes) == RP_OK);
    if (bytes.len == 0 || peer->ending)
        return false;
    if (core_receive(peer->core, peer->link, bytes, peer->now) != RP_OK)
        peer->ending = true;
    return true;
}

static void begin(struct fuzz_peer *peer, struct link *link)
{
    const struct fuzz_parties *parties = fuzz_parties();
    uint8_t ephemeral[RP_KEY_LEN];
    struct rp_session_opts opts = {
        .initiator = !peer->answers_dials,
        .key = &parties->noise[1],
        .ephemeral = ephemeral,
        .proof = rp_bytes_slice(&parties->proofs[1]),
    };

    unit_fill(ephemeral, 6000 + peer->sessions++);
    peer->session = rp_session_new(&opts, peer->now);
    peer->link = link;
    must(peer->session != NULL && link != NULL);
    peer->ending = peer->is_over = false;
    peer->frames = 0;
}

static void end(struct fuzz_peer *peer)
{
    if (peer->link == NULL)
        return;
    core_closed(peer->core, peer->link, peer->now);
    rp_session_free(peer->session);
    peer->link = NULL;
}

static bool carry_out(struct fuzz_peer *peer)
{
    struct core_effect effect;
    struct intake *intake;

    if (!core_next_effect(peer->core, &effect))
        return false;
    if (effect.type == CORE_DIAL && peer->answers_dials && peer->link == NULL)
        begin(peer, core_dialled(peer->core, effect.org, effect.address, peer->now));
    else if (effect.type == CORE_DIAL)
        core_dial_failed(peer->core, effect.org, "connection refused", peer->now);
    else if (effect.type == CORE_CLOSE)
        peer->ending |= peer->link == effect.link;
    if (effect.type != CORE_SUBMIT && effect.type != CORE_STORE)
        return true;
    intake = effect.type == CORE_STORE ? intake_change(effect.change)
                                       : intake_record(&effect.submission);
    take_in(peer, intake);
    intake_free(intake);
    return true;
}

void fuzz_peer_settle(struct fuzz_peer *peer)
{
    bool moved = true;

    while (moved) {
        moved = carry_out(peer);
        moved |= peer->link != NULL && pull(peer);
        moved |= peer->link != NULL && push(peer);
        if (!moved && peer->link != NULL && peer->ending) {
            end(peer);
            moved = true;
        }
    }
}

void fuzz_peer_connect(struct fuzz_peer *peer)
{
    if (peer->link != NULL || peer->answers_dials)
        return;
    begin(peer, core_accept(peer->core, "caller:1", peer->now));
    fuzz_peer_settle(peer);
}

void fuzz_peer_send(struct fuzz_peer *peer, struct rp_slice frame)
{
    if (peer->link != NULL && frame.len > 0 && rp_session_is_open(peer->session))
        must(rp_session_send(peer->session, frame) == RP_OK);
    fuzz_peer_settle(peer);
}

void fuzz_peer_init(struct fuzz_peer *peer, bool answers_dials, bool large)
{
    *peer = (struct fuzz_peer){.now = START, .answers_dials = answers_dials};
    peer->patterns = large ? FUZZ_MANY : FUZZ_FEW;
    peer->kv = kv_mem_copy(fuzz_parties()->stores[large]);
    must(peer->kv != NULL);
    start(peer);
    fuzz_peer_connect(peer);
    fuzz_peer_settle(peer);
    while (peer->link == NULL) { /* it dials in its own time */
        must(peer->now < START + 60000);
        peer->now += 1000;
        core_tick(peer->core, peer->now);
        fuzz_peer_settle(peer);
    }
}

void fuzz_peer_free(struct fuzz_peer *peer)
{
    struct rp_tally before[RP_SETS];
    struct rp_tally after[RP_SETS];
    struct peer_status status;
    struct knock knock;

    for (uint32_t i = 0; core_peer_status(peer->core, i, &status); i++)
        must(status.state <= PEER_WAITING && rp_text_is_utf8(rp_bytes_str(status.name)));
    for (uint32_t i = 0; core_knock(peer->core, i, &knock); i++)
        must(rp_text_is_utf8(rp_bytes_str(knock.name)));
    peer->answers_dials = false; /* no new link */
    core_stop(peer->core);
    fuzz_peer_settle(peer);
    end(peer);
    fuzz_peer_settle(peer);
    for (enum rp_set set = 0; set < RP_SETS; set++)
        core_tally(peer->core, set, &before[set]);
    core_free(peer->core);
    start(peer);
    for (enum rp_set set = 0; set < RP_SETS; set++) {
        core_tally(peer->core, set, &after[set]);
        must(peer->failed || before[set].count == after[set].count);
        must(peer->failed || memcmp(before[set].digest, after[set].digest, RP_HASH_LEN) == 0);
    }
    core_free(peer->core);
    kv_mem_free(peer->kv);
    rp_bytes_free(&peer->asked);
}

/* Setup */

static void id_of(uint8_t id[static RP_ID_LEN], const struct rp_bytes *packed)
{
    struct rp_opened opened;

    if (rp_record_open(&opened, rp_bytes_slice(packed)) == RP_OK)
        memcpy(id, opened.record.id, RP_ID_LEN);
    rp_record_close(&opened);
}

/* A pattern of ${org}, as it is or as the caller changes it. */
static struct rp_record pattern(const struct sample_org *org, unsigned number)
{
    return sample_fields(org, number,
                         rp_bytes_str("\x81\xa5title\xa9"
                                      "A pattern"));
}

/* A control record; it begins or withdraws the object that ${number} stands for. */
static struct rp_record control(const struct sample_org *org, unsigned number, const char *kind,
                                struct rp_slice content)
{
    struct rp_record fields = sample_fields(org, number, content);

    fields.set = RP_SET_CONTROL;
    fields.kind = rp_bytes_str(kind);
    return fields;
}

static const struct rp_slice nothing = {(const uint8_t *)"\x80", 1};

/* {"inception": ..., "subject": ...}, which an identity may hold as well as a vouch. */
static void write_vouch(struct rp_writer *w, const struct sample_org *org)
{
    rp_writer_init(w, RP_BODY_MAX);
    rp_writer_map(w, 2);
    rp_writer_str(w, "inception");
    rp_writer_bin(w, org->inception.data, org->inception.len);
    rp_writer_str(w, "subject");
    rp_writer_bin(w, org->identity.org, RP_ID_LEN);
}

/* A story with a teller, and the teller's own withdrawal of it. */
static void make_told(struct fuzz_parties *parties, struct rp_bytes *told, struct rp_bytes *taken)
{
    const struct sample_org *org = &parties->orgs[1];
    const struct rp_key *teller = &org->paper; /* any key will do */
    struct rp_record story = pattern(org, 9);
    struct rp_record withdrawal;
    uint8_t object[RP_ID_LEN];
    uint8_t content[6 + 2 + RP_SIG_LEN] = {0x81, 0xa4, 's', 'l', 'i', 'p', 0xc4, RP_SIG_LEN};

    story.has_teller = true;
    memcpy(story.teller, teller->public, RP_KEY_LEN);
    rp_record_object(object, story.org, story.seed, story.teller);
    rp_key_sign(content + 8, &org->key, RP_DOMAIN_SIGN_SLIP, object);
    withdrawal = control(org, 9, "withdrawal", (struct rp_slice){content, sizeof content});
    withdrawal.has_teller = true;
    memcpy(withdrawal.teller, teller->public, RP_KEY_LEN);
    memcpy(withdrawal.key, teller->public, RP_KEY_LEN);
    *told = sample_pack(&story, &org->key);
    *taken = sample_pack(&withdrawal, teller);
}

/* Records of our organisation and of the one that it vouches for, good ones and others. */
static void make_records(struct fuzz_parties *parties)
{
    const struct sample_org *own = &parties->orgs[0];
    const struct sample_org *peer = &parties->orgs[1];
    const struct sample_org *other = &parties->orgs[2];
    struct rp_bytes *to = parties->records;
    struct rp_record fields[] = {
        pattern(peer, 1),                        /* 0 */
        pattern(peer, 2),                        /* 1 */
        control(peer, 1, "withdrawal", nothing), /* 2: of 0 */
        pattern(peer, 3),                        /* 3: local */
        pattern(peer, 4),                        /* 4: a version that replaces 0 */
        pattern(peer, 5),                        /* 5: of nobody known */
        pattern(own, 6),                         /* 6: yours, that you lack */
        control(own, 1, "withdrawal", nothing),  /* 7: of one of yours */
        control(peer, 8, "vouch", nothing),      /* 8: for the other */
        pattern(other, 1),                       /* 9 */
        control(other, 2, "identity", nothing),  /* 10 */
        control(peer, 8, "withdrawal", nothing), /* 11: of the vouch */
        control(peer, 12, "identity", nothing),  /* 12: ours */
    };
    struct rp_writer vouches[2];

    write_vouch(&vouches[0], other);
    write_vouch(&vouches[1], peer);
    fields[8].content = fields[10].content = rp_writer_slice(&vouches[0]);
    fields[12].content = rp_writer_slice(&vouches[1]);
    memcpy(fields[3].scope, rp_record_local, RP_ID_LEN);
    memset(fields[5].org, 9, RP_ID_LEN);
    for (unsigned i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (i == 4) {
            fields[i].parents = 1;
            memcpy(fields[i].seed, fields[0].seed, RP_SEED_LEN);
            memcpy(fields[i].parent_ids[0], parties->ids[0], RP_ID_LEN);
        }
        to[i] = sample_pack(&fields[i], i == 6 || i == 7    ? &own->key
                                        : i == 9 || i == 10 ? &other->key
                                                            : &peer->key);
        id_of(parties->ids[i], &to[i]);
    }
    must(rp_record_pack(&to[13], rp_bytes_str("\x91\x02"), &peer->key, RP_CODEC_PLAIN) == RP_OK);
    make_told(parties, &to[14], &to[15]);
    for (unsigned i = 13; i < FUZZ_RECORDS; i++)
        id_of(parties->ids[i], &to[i]);
    rp_writer_free(&vouches[0]);
    rp_writer_free(&vouches[1]);
}

static struct kv *make_store(struct fuzz_parties *parties, unsigned patterns)
{
    struct fuzz_peer peer = {.now = START, .kv = kv_mem_new()};
    struct rp_bytes content = sample_content(FUZZ_LOCAL_TITLE);
    struct rp_record local = sample_fields(&parties->orgs[0], 999, rp_bytes_slice(&content));
    struct rp_bytes packed;

    start(&peer);
    fuzz_peer_settle(&peer);
    must(core_add_peer(peer.core, parties->orgs[1].identity.org, "1:1", "peer", NULL, START) ==
         RP_OK);
    fuzz_peer_settle(&peer);
    memcpy(local.scope, rp_record_local, RP_ID_LEN);
    packed = sample_pack(&local, &parties->orgs[0].key);
    id_of(parties->local, &packed);
    must(fuzz_peer_submit(&peer, &packed) == RP_OK);
    for (unsigned i = 0; i < patterns; i++) {
        packed = sample_pattern(&parties->orgs[0], i);
        id_of(parties->own[i], &packed);
        rp_fingerprint_add(&parties->sums[patterns == FUZZ_MANY], parties->own[i]);
        must(fuzz_peer_submit(&peer, &packed) == RP_OK);
    }
    fuzz_peer_settle(&peer);
    core_free(peer.core);
    rp_bytes_free(&content);
    return peer.kv;
}

const struct fuzz_parties *fuzz_parties(void)
{
    static struct fuzz_parties parties; /* keys and signatures are too slow to make each time */

    if (parties.self.inception.data != NULL)
        return &parties;
    for (unsigned i = 0; i < 3; i++)
        parties.orgs[i] = sample_org_new(i);
    for (unsigned i = 0; i < 2; i++) {
        parties.noise[i] = sample_noise_key(i);
        parties.proofs[i] = sample_proof(&parties.orgs[i], &parties.noise[i]);
    }
    parties.issued = sample_issued(&parties.orgs[0], &parties.noise[0]);
    parties.self = (struct self){
        .identity = parties.orgs[0].identity,
        .inception = rp_bytes_slice(&parties.orgs[0].inception),
        .key = parties.orgs[0].key,
        .noise = parties.noise[0],
        .proof = rp_bytes_slice(&parties.proofs[0]),
        .node = sample_node_key(&parties.noise[0]),
        .issued = rp_bytes_slice(&parties.issued),
    };
    make_records(&parties);
    parties.stores[0] = make_store(&parties, FUZZ_FEW);
    parties.stores[1] = make_store(&parties, FUZZ_MANY);
    return &parties;
}

int fuzz_prove(struct rp_bytes *out, struct rp_slice certificate, struct rp_slice succession,
               const struct sample_org *org)
{
    bool succeeds = succession.len > 0;
    const struct rp_key *key = succeeds ? &org->paper : &org->key;
    uint8_t digest[RP_HASH_LEN];
    uint8_t sig[RP_SIG_LEN];
    struct rp_bytes packed = {NULL, 0};
    struct rp_slice step;
    struct rp_writer w;
    int err;

    if (succeeds && (err = rp_record_pack(&packed, succession, key, RP_CODEC_PLAIN)) != RP_OK)
        return err;
    step = rp_bytes_slice(&packed);
    rp_hash_one(digest, RP_DOMAIN_CERTIFICATE, certificate.data, certificate.len);
    rp_key_sign(sig, key, RP_DOMAIN_SIGN_CERTIFICATE, digest);
    rp_writer_init(&w, RP_PROOF_MAX);
    rp_writer_array(&w, 2);
    rp_writer_bin(&w, certificate.data, certificate.len);
    rp_writer_bin(&w, sig, sizeof sig);
    if ((err = w.err) == RP_OK)
        err = rp_certificate_prove(out, rp_writer_slice(&w), rp_bytes_slice(&org->inception), &step,
                                   succeeds);
    rp_writer_free(&w);
    rp_bytes_free(&packed);
    return err;
}
