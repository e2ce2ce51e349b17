#include <string.h>

#include "author/author.h"
#include "beacons.h"
#include "circles.h"
#include "nodes.h"
#include "rp/err.h"
#include "rp/recover.h"
#include "store/chain.h"

/*
 * What follows from an organisation's keys being replaced (SPEC 2.2, 3.2): whose certificates hold,
 * what is to be fetched that was refused before, and what of our own is to be published. Which
 * records are of the organisation was decided where they were taken in.
 */

static const struct refusal {
    const char *code;
    const char *to_them; /* told to whom is refused */
    const char *of_them; /* noted here about them */
    const char *of_us;   /* noted here when we are refused so */
} refusals[] = {
    {"superseded",
     "your organisation's key was replaced: this node's certificate is by the old one",
     "it shows a certificate by a key that its organisation has replaced",
     "our organisation's key was replaced elsewhere: this node's certificate is by the old one"},
    {"forked", "there are two successions of one number of your organisation: neither is followed",
     "there are two successions of one number of its organisation: neither is followed",
     "it knows two successions of one number of our organisation, and follows neither"},
    {"revoked", "your organisation has revoked this node's certificate",
     "it shows a certificate that its organisation has revoked",
     "our organisation has revoked this node's certificate: see  rpctl node list  at another node "
     "of it"},
};

static const struct refusal *find_refusal(struct rp_slice code)
{
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        if (rp_bytes_compare(code, rp_bytes_str(refusals[i].code)) == 0)
            return &refusals[i];
    }
    return NULL;
}

static void note(struct core *core, uint32_t org, const struct chain *chain)
{
    core->orgs[org].successions = chain->identity.number;
    core->orgs[org].forked = chain->rivals > 0;
}

int keys_load(struct core *core, const struct org *org)
{
    struct chain chain;
    int err;

    if (org->inception.len == 0)
        return RP_OK;
    if ((err = chain_read(&chain, org)) == RP_OK)
        note(core, org->number, &chain);
    return err;
}

enum core_signing core_signing(const struct core *core)
{
    const struct core_org *self = &core->orgs[ORG_SELF];

    if (core->self_revoked)
        return CORE_REVOKED;
    if (self->forked)
        return CORE_FORKED;
    if (self->successions > core->self->successions)
        return CORE_REPLACED;
    return core->self->keyless ? CORE_KEYLESS : CORE_SIGNS;
}

bool keys_can_sign(const struct core *core)
{
    /* a new key counts once its succession is stored */
    return core_signing(core) == CORE_SIGNS &&
           core->orgs[ORG_SELF].successions == core->self->successions;
}

/* Publishing our own */

/* Whether there is an inception of ours in the store, by whichever key. */
static bool has_inception(struct kv_txn *txn)
{
    struct kv_key prefix = records_author_key(SCOPE_COMMONS, LANE_LASTING, ORG_SELF);
    struct kv_iter it;
    bool found = false;

    for (kv_first(&it, txn, KV_AUTHOR, kv_key_slice(&prefix)); it.found && !found; kv_next(&it)) {
        struct rp_reader inception;
        struct rp_opened opened;
        struct place place;

        if (!records_open(txn, records_seq_of_key(it.key), &place, &opened))
            continue;
        found = rp_record_is_kind(&opened.record, "identity") &&
                rp_reader_find(opened.record.content, "inception", &inception);
        rp_record_close(&opened);
    }
    kv_stop(&it);
    return found;
}

/* Has our ${i}th succession taken in, unless it was. */
static int publish_succession(struct core *core, struct kv_txn *txn, uint32_t i)
{
    struct rp_slice packed = core->self->succession[i];
    struct rp_opened opened;
    struct rp_bytes copy;
    struct place place;
    bool is_known;
    int err = rp_record_open_trusted(&opened, packed);

    if (err != RP_OK)
        return err;
    is_known = records_find(txn, opened.record.id, &place);
    rp_record_close(&opened);
    if (is_known)
        return RP_OK;
    err = rp_bytes_copy(&copy, packed.data, packed.len);
    return err == RP_OK ? core_submit_own(core, &copy, NULL) : err;
}

int keys_publish(struct core *core, uint64_t now_ms)
{
    struct author author = {&core->self->key, core->self->identity.org, &core->rand,
                            core_calendar(core, now_ms)};
    struct rp_bytes packed;
    struct kv_txn *txn;
    bool needs_inception;
    int err;

    if ((txn = kv_begin(core->kv, false, &err)) == NULL)
        return err;
    for (uint32_t i = 0; i < core->self->successions && err == RP_OK; i++)
        err = publish_succession(core, txn, i);
    /* with a new key only when it is known to be one; else when the succession is there */
    needs_inception = err == RP_OK && keys_can_sign(core) && !has_inception(txn);
    if (err == RP_OK)
        err = kv_err(txn);
    kv_abort(txn);
    if (err != RP_OK || !needs_inception)
        return err;
    if ((err = author_identity(&packed, &author, core->self->inception)) == RP_OK)
        err = core_submit_own(core, &packed, NULL);
    return err;
}

/* Links */

static bool load_chain(const struct link *link, struct kv_txn *txn, struct chain *out)
{
    uint32_t org = orgs_number(txn, rp_session_proof(link->session)->identity.org);

    return org != 0 && chain_load(txn, org, out);
}

/* The code with which the certificate is refused; NULL when it holds. */
static const char *judge(const struct chain *chain, const struct rp_proof *proof)
{
    uint32_t known = chain->identity.number;

    if (chain->rivals > 0)
        return "forked";
    if (proof->identity.number < known)
        return "superseded";
    for (uint32_t i = 0; i < known; i++) {
        if (memcmp(proof->succession_ids[i], chain->ids[i], RP_ID_LEN) != 0)
            return "forked"; /* by what it shows here */
    }
    return NULL;
}

static const char *judge_link(struct link *link)
{
    const struct rp_proof *proof = rp_session_proof(link->session);
    const char *code = NULL;
    struct chain chain;
    struct kv_txn *txn;
    int err;

    if ((txn = kv_begin(link->core->kv, false, &err)) == NULL)
        return NULL; /* nothing is taken in either, until it can be read */
    if (load_chain(link, txn, &chain))
        code = judge(&chain, proof);
    if (code == NULL &&
        nodes_is_revoked(txn, orgs_number(txn, proof->identity.org), &proof->certificate))
        code = "revoked";
    kv_abort(txn);
    return code;
}

/* Says on the peer and to it why there can be no link. */
static void refuse(struct link *link, const char *code)
{
    const struct refusal *refusal = find_refusal(rp_bytes_str(code));

    if (link->peer != NULL && link_of_peer_but(link) == NULL) /* another node of it may be here */
        peering_note(link->peer, code, refusal->of_them);
    if (!link->outbound && link->state == LINK_GREETING && !link->hello_sent) {
        rp_message_write_refuse(&link->writer, code, refusal->to_them);
        link_send(link);
        link_end(link, NULL);
    } else {
        link_end(link, code);
    }
}

bool keys_hold(struct link *link)
{
    return judge_link(link) == NULL;
}

bool keys_refuse(struct link *link)
{
    const char *code = judge_link(link);

    if (code == NULL)
        return false;
    if (strcmp(code, "forked") == 0) /* what it shows may be the other one */
        keys_teach(link);
    refuse(link, code);
    return true;
}

bool keys_note_refusal(struct peer *peer, struct rp_slice reason)
{
    const struct refusal *refusal = find_refusal(reason);

    if (refusal == NULL)
        return false;
    peer->refused = true;
    peering_note(peer, refusal->code, refusal->of_us);
    return true;
}

void keys_teach(struct link *link)
{
    const struct rp_proof *proof = rp_session_proof(link->session);
    struct core *core = link->core;
    uint32_t org = trust_find(core, proof->identity.org);
    struct kv_txn *txn;
    int err;

    if (proof->identity.number == 0 || org == 0 || !core->orgs[org].stored)
        return;
    if ((txn = kv_begin(core->kv, false, &err)) == NULL)
        return;
    for (uint32_t i = 0; i < proof->identity.number; i++) {
        struct place place;

        if (!records_find(txn, proof->succession_ids[i], &place) &&
            core_submit(core, proof->successions[i]) == NULL)
            break; /* comparing brings it, too */
    }
    kv_abort(txn);
}

/* Whether ${key} is, or ever was, the one that the chain commits to. */
static bool is_committed(const struct chain *chain, const uint8_t key[static RP_KEY_LEN])
{
    uint8_t digest[RP_HASH_LEN];

    rp_key_next_digest(digest, key);
    for (uint32_t i = 0; i <= chain->identity.number; i++) {
        if (memcmp(digest, chain->committed[i], RP_HASH_LEN) == 0)
            return true;
    }
    return false;
}

int keys_recover(struct link *link, struct rp_slice frame)
{
    struct core *core = link->core;
    struct rp_recover recover;
    struct chain chain;
    const char *code = "unknown"; /* whether the organisation or only the key is not known */
    const char *text =
        "this node knows no organisation that this is the paper key of; or it has not "
        "heard yet that its key was replaced before: ask another node";
    struct kv_txn *txn;
    struct org org;
    int err;

    if (link->state != LINK_GREETING || link->outbound || link->hello.data != NULL)
        return RP_ERR_STATE;
    if ((err = rp_recover_read(&recover, frame, link->noise, core->self->noise.public)) != RP_OK)
        return err;
    if ((txn = kv_begin(core->kv, false, &err)) == NULL)
        return err;
    if (orgs_load(txn, orgs_number(txn, recover.org), &org) && chain_read(&chain, &org) == RP_OK &&
        is_committed(&chain, recover.key)) {
        code = chain.rivals > 0 ? "forked" : NULL;
        text = "there are two successions of one number of that organisation: neither is followed, "
               "and no third would be";
    }
    if (code == NULL)
        rp_chain_write(&link->writer, org.inception, chain.packed, chain.identity.number);
    else
        rp_message_write_refuse(&link->writer, code, text);
    kv_abort(txn);
    link_send(link);
    link_end(link, NULL);
    return RP_OK;
}

/* Changes */

static bool is_of(const struct link *link, const uint8_t *org)
{
    return link->state != LINK_SHAKING && link->state != LINK_ENDING &&
           memcmp(rp_session_proof(link->session)->identity.org, org, RP_ID_LEN) == 0;
}

/* What was refused before may be good now, in every scope. */
static void compare_again(struct link *link, uint64_t now_ms)
{
    for (struct shared *shared = &link->commons; shared != NULL; shared = shared->next)
        exchange_plan(shared, now_ms + SETTLE_MS);
}

void keys_judge_again(struct core *core, uint32_t org)
{
    if (org == ORG_SELF)
        nodes_look(core);
    beacons_rekeyed(core, org);
    for (struct link *link = core->links; link != NULL; link = link->next) {
        const char *code = is_of(link, core->orgs[org].id) ? judge_link(link) : NULL;

        if (code != NULL)
            refuse(link, code);
    }
}

void keys_changed(struct core *core, uint32_t org, uint64_t now_ms)
{
    struct chain chain;
    struct kv_txn *txn;
    int err;

    if ((txn = kv_begin(core->kv, false, &err)) != NULL) {
        if (chain_load(txn, org, &chain))
            note(core, org, &chain);
        kv_abort(txn);
    }
    fetch_forget_refused(core);
    keys_judge_again(core, org);
    chains_changed(core, org);
    for (struct link *link = core->links; link != NULL; link = link->next) {
        if (link->state == LINK_OPEN)
            compare_again(link, now_ms);
    }
    if (org == ORG_SELF) {
        core->keys_due = true;
        keys_retry(core, now_ms);
    }
}

void keys_retry(struct core *core, uint64_t now_ms)
{
    core->keys_due = core->keys_due && keys_publish(core, now_ms) != RP_OK;
    if (core->keys_due)
        core_retry_at(core, now_ms + RETRY_MS);
    else
        trust_retry(core, now_ms); /* vouches that the new key is to renew */
}

void core_rekeyed(struct core *core, uint64_t now_ms)
{
    for (struct link *link = core->links; link != NULL; link = link->next)
        link_end(link, "rekeyed");
    core->keys_due = true;
    keys_retry(core, now_ms);
}

void keys_count_false(struct core *core, const uint8_t org[static RP_ID_LEN])
{
    uint32_t number = trust_find(core, org);

    if (number != 0)
        core->orgs[number].false_successions++;
}
