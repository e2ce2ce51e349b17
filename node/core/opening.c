#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "beacons.h"
#include "circles.h"
#include "nodes.h"
#include "rp/err.h"
#include "rp/identity.h"
#include "rp/text.h"

/*
 * Opening a link: from the handshake to both HELLOs, or a refusal (SPEC 3.5). Who calls is a peer,
 * or brings an invite, or waits for approval.
 */

/* It may hold the secret of an invite. */
void opening_forget_hello(struct link *link)
{
    if (link->hello.data != NULL)
        sodium_memzero(link->hello.data, link->hello.len);
    rp_bytes_free(&link->hello);
}

static void refuse(struct link *link, const char *code, const char *text)
{
    rp_message_write_refuse(&link->writer, code, text);
    link_send(link);
    link_end(link, NULL);
}

static void refuse_busy(struct link *link)
{
    refuse(link, "busy", "this node cannot store anything at the moment: try again later");
}

/* Whom we accept is nothing to who is no peer. */
static void send_hello_for_circles(struct link *link, struct rp_hello *hello)
{
    if (link->outbound)
        hello->circle = contacts_credential(link);
    if (link->outbound && hello->circle.len == 0) {
        link_end(link, "not-a-peer");
        return;
    }
    lists_digest_of_none(hello->accept);
    rp_message_write_hello(&link->writer, hello);
    link_send(link);
    link->hello_sent = true;
}

static void send_hello(struct link *link, uint64_t now_ms)
{
    struct core *core = link->core;
    struct rp_hello hello = {
        .time = core_calendar(core, now_ms),
        .codecs = RP_CODECS_ALL,
        .software = rp_bytes_str(core->software),
        .addresses = core->addresses_n,
    };

    if (link->outbound && link->peer != NULL && link->peer->entry.joining) {
        hello.has_invite = true;
        memcpy(hello.invite, link->peer->entry.secret, sizeof hello.invite);
    }
    for (uint32_t i = 0; i < core->addresses_n; i++)
        hello.address[i] = rp_bytes_str(core->addresses[i]);
    if (link->only_circles) {
        send_hello_for_circles(link, &hello);
        return;
    }
    lists_digest(core, hello.accept);
    memcpy(link->digest_sent, hello.accept, RP_HASH_LEN);
    link->standing_sent = malloc(core->orgs_n);
    if (link->standing_sent == NULL) {
        link_end(link, NULL);
        return;
    }
    link->standing_sent_n = core->orgs_n;
    for (uint32_t i = 0; i < core->orgs_n; i++)
        link->standing_sent[i] = (uint8_t)lists_standing(core, i);
    rp_message_write_hello(&link->writer, &hello);
    link_send(link);
    link->hello_sent = true;
}

/* The handshake is done: we know who is there. The side that dialled speaks first. */
int opening_greet(struct link *link, uint64_t now_ms)
{
    struct core *core = link->core;
    const struct rp_proof *proof = rp_session_proof(link->session);

    link->state = LINK_GREETING;
    link->deadline = now_ms + HELLO_MS;
    memcpy(link->noise, proof->certificate.noise, RP_KEY_LEN);
    link->peer = link->only_circles ? contacts_find(core, proof->identity.org)
                                    : peering_find(core, proof->identity.org);
    if (memcmp(link->noise, core->self->noise.public, RP_KEY_LEN) == 0) {
        if (link->peer != NULL)
            peering_note(link->peer, "self", "this node has called itself");
        link_end(link, "self");
    } else if (nodes_is_sibling(core, proof)) {
        keys_teach(link); /* even if one of us is refused now */
    }
    if (!link->outbound || link->state == LINK_ENDING)
        return RP_OK;
    if (link->peer == NULL || peering_is_shut(core, link->peer)) { /* since it was dialled */
        link_end(link, "not-a-peer");
        return RP_OK;
    }
    if (!keys_refuse(link))
        send_hello(link, now_ms);
    return RP_OK;
}

/* Of two links between the same nodes, the one dialled by the node with the smaller key stays. */
static bool is_preferred(const struct link *link)
{
    bool ours_is_smaller = memcmp(link->core->self->noise.public, link->noise, RP_KEY_LEN) < 0;

    return link->outbound == ours_is_smaller;
}

/* Whether ${link} takes the place of ${other}: rather one for everything than for circles alone. */
static bool stays_instead(const struct link *link, const struct link *other)
{
    if (link->only_circles != other->only_circles)
        return other->only_circles;
    /* dialled by the same side: the older one must be dead, or it would not have been */
    return link->outbound == other->outbound || is_preferred(link);
}

/* Ends whichever of two links is one too many. False when it is ${link}, which is not open yet. */
static bool settle_duplicates(struct link *link)
{
    for (struct link *other = link->core->links; other != NULL; other = other->next) {
        if (other == link || other->state != LINK_OPEN ||
            memcmp(other->noise, link->noise, RP_KEY_LEN) != 0)
            continue;
        if (stays_instead(link, other)) {
            link_end(other, "duplicate");
        } else {
            if (link->hello_sent)
                link_end(link, "duplicate");
            else
                refuse(link, "duplicate", "there is a link between these nodes already");
            return false;
        }
    }
    return true;
}

/* Nothing of the commons goes over it, and nobody tells whom they accept. */
static void open_for_circles(struct link *link, uint64_t now_ms)
{
    link->lists = LISTS_KNOWN; /* there is nobody in them */
    link->commons.shut = true;
    keys_teach(link);
    circles_attach(link, now_ms);
}

/* Both HELLOs are there: who compares what follows from the accept-lists. */
static int open_link(struct link *link, const struct rp_hello *hello, uint64_t now_ms)
{
    struct core *core = link->core;
    const struct rp_proof *proof = rp_session_proof(link->session);
    struct peer *peer = link->peer;
    bool same_list =
        !link->only_circles && memcmp(hello->accept, link->digest_sent, RP_HASH_LEN) == 0;
    int err;

    link->codecs = hello->codecs;
    link->clock_ms = (int64_t)(hello->time - core_calendar(core, now_ms));
    if (same_list && (err = lists_assume_equal(link)) != RP_OK)
        return err;
    link->state = LINK_OPEN;
    link->deadline = UINT64_MAX;
    link->opened_at = now_ms;
    peer->refused = false;
    peer->why_code[0] = '\0';
    peer->next_dial = UINT64_MAX;
    peering_learn_address(link, hello, link->outbound ? NULL : link->address);
    if (link->only_circles) {
        open_for_circles(link, now_ms);
        return RP_OK;
    }
    if (same_list)
        lists_send_changes(link);
    else
        lists_send(link);
    if ((err = trust_learn_inception(core, peer->org, proof->inception)) != RP_OK)
        return err;
    trust_recompute(core, now_ms);
    keys_teach(link);
    if (core->orgs[peer->org].vouch_due)
        trust_vouch_for(core, peer->org, now_ms);
    circles_attach(link, now_ms);
    beacons_lists(link, (struct rp_slice){NULL, 0}); /* when they are known already */
    /* the caller compares first, once it knows what the other side accepts: see receive_accept */
    if (link->outbound && same_list)
        exchange_plan(&link->commons, now_ms);
    else
        exchange_plan_interval(link, &link->commons, now_ms);
    return RP_OK;
}

/* What every stranger is told, whatever it says. */
static void refuse_stranger(struct link *link)
{
    refuse(link, "not-a-peer",
           "this node has not approved yours: its maintainer sees that "
           "you called");
}

/* Lets somebody in who shows a circle that both are in, for circles alone. Others must not find out
 * whether we know of any. */
static bool admit_member(struct link *link, const struct rp_hello *hello, uint64_t now_ms)
{
    bool known;
    struct peer *contact;
    int err = contacts_admit(link, hello->circle, now_ms, &contact, &known);

    if (contact != NULL) {
        link->peer = contact;
        link->only_circles = true;
        return true;
    }
    if (err != RP_OK) {
        refuse_busy(link);
        return false;
    }
    if (!known && link->peer == NULL)
        peering_knock(link->core, link, hello, now_ms);
    refuse_stranger(link);
    return false;
}

/* A stranger's HELLO: with a good invite it becomes a peer; else it waits for approval. */
static bool admit_stranger(struct link *link, const struct rp_hello *hello, uint64_t now_ms)
{
    struct core *core = link->core;
    const struct rp_proof *proof = rp_session_proof(link->session);
    struct invite_entry invite;
    int err;

    if (!hello->has_invite) {
        peering_knock(core, link, hello, now_ms);
        refuse_stranger(link);
        return false;
    }
    err = invites_use(core, hello->invite, proof, now_ms, &invite);
    if (err == RP_ERR_EXPIRED)
        refuse(link, "invite-expired", "the invite has expired: ask for a new one");
    else if (err == RP_ERR_USED)
        refuse(link, "invite-used", "the invite was used by another organisation already");
    else if (err == RP_ERR_REVOKED)
        refuse(link, "invite-revoked", "the invite was revoked: ask for a new one");
    else if (err == RP_ERR_NOT_FOUND)
        refuse(link, "invite-unknown", "this node knows no such invite");
    else if (err != RP_OK)
        refuse_busy(link);
    if (err != RP_OK)
        return false;
    link->peer = peering_add(core, proof->identity.org, now_ms);
    if (link->peer == NULL) {
        refuse_busy(link);
        return false;
    }
    memcpy(link->peer->entry.name, invite.note, sizeof invite.note);
    /* the answer waits until the peer is stored: neither side may forget what the other counts on
     */
    link->awaited_change = link->peer->unstored = peering_store(core, link->peer);
    if (trust_learn_inception(core, link->peer->org, proof->inception) == RP_OK)
        trust_recompute(core, now_ms);
    if (invite.vouches)
        trust_vouch_for(core, link->peer->org, now_ms);
    return true;
}

/* Another node of our own organisation needs no invite: its certificate says all. */
static bool admit_sibling(struct link *link, uint64_t now_ms)
{
    struct core *core = link->core;

    if ((link->peer = peering_add(core, core->self->identity.org, now_ms)) == NULL) {
        refuse_busy(link);
        return false;
    }
    link->awaited_change = link->peer->unstored = peering_store(core, link->peer);
    return true;
}

static bool admit(struct link *link, const struct rp_hello *hello, uint64_t now_ms)
{
    return nodes_is_sibling(link->core, rp_session_proof(link->session))
               ? admit_sibling(link, now_ms)
               : admit_stranger(link, hello, now_ms);
}

/* The inviter has let us in. */
static void joined(struct link *link, uint64_t now_ms)
{
    struct core *core = link->core;
    struct peer *peer = link->peer;
    const struct rp_proof *proof = rp_session_proof(link->session);

    invites_joined(core, peer);
    if (trust_learn_inception(core, peer->org, proof->inception) == RP_OK)
        trust_recompute(core, now_ms);
    if (core->vouch)
        trust_vouch_for(core, peer->org, now_ms);
}

/* What remains of opening once HELLO is there and, for a new peer, the store has it. */
static int finish_greeting(struct link *link, uint64_t now_ms)
{
    struct rp_hello hello;
    int err = rp_message_read_hello(&hello, rp_bytes_slice(&link->hello));

    if (err != RP_OK)
        return err;
    if (!settle_duplicates(link))
        return RP_OK;
    if (link->peer->entry.joining) /* when it calls us, it has let us in before */
        joined(link, now_ms);
    if (!link->hello_sent)
        send_hello(link, now_ms);
    err = link->state == LINK_ENDING ? RP_OK : open_link(link, &hello, now_ms);
    opening_forget_hello(link);
    return err;
}

/* Refuses whoever calls in vain, whatever it brings: it is blocked, or paused. */
static bool shut_out(struct link *link, uint64_t now_ms)
{
    const struct core *core = link->core;
    uint32_t number = trust_find(core, rp_session_proof(link->session)->identity.org);

    if (link->outbound)
        return false;
    if (number != 0 && core->orgs[number].blocked)
        refuse(link, "not-a-peer", "this node exchanges no records with yours");
    else if (link->peer != NULL && link->peer->entry.paused)
        refuse(link, "paused", "this node has paused the exchange with yours");
    else if (link->peer != NULL && link->peer->shut_until > now_ms)
        refuse(link, "misbehaves", "too many records of yours had to be refused: later");
    else
        return false;
    return true;
}

/* Whether the caller is a stranger of whose keys we know by some circle, if at all: what we know of
 * them must not show that there is one. */
static bool is_only_known_in_circles(const struct link *link)
{
    const struct core *core = link->core;
    uint32_t org = trust_find(core, rp_session_proof(link->session)->identity.org);

    return !link->outbound && link->peer == NULL && org != 0 && !core->orgs[org].ever;
}

int opening_receive_hello(struct link *link, struct rp_slice frame, uint64_t now_ms)
{
    struct rp_hello hello;
    int err = rp_message_read_hello(&hello, frame);

    if (err != RP_OK)
        return err;
    if (link->state != LINK_GREETING || link->hello.data != NULL)
        return RP_ERR_STATE;
    if (!hello.speaks_this) {
        refuse(link, "version", "no version of the protocol in common");
        return RP_OK;
    }
    if (shut_out(link, now_ms))
        return RP_OK;
    if (!link->outbound && hello.circle.len > 0 && !admit_member(link, &hello, now_ms))
        return RP_OK;
    if (is_only_known_in_circles(link) && !keys_hold(link)) {
        refuse_stranger(link);
        return RP_OK;
    }
    if (!link->outbound && keys_refuse(link))
        return RP_OK;
    if (link->peer == NULL && !admit(link, &hello, now_ms))
        return RP_OK;
    if (!link->outbound && link->peer->store_due) {
        refuse_busy(link);
        return RP_OK;
    }
    if (!link->outbound) /* or it would count on what we may forget */
        link->awaited_change = link->peer->unstored;
    if ((err = rp_bytes_copy(&link->hello, frame.data, frame.len)) != RP_OK)
        return err;
    return link->awaited_change != 0 ? RP_OK : finish_greeting(link, now_ms);
}

void link_stored(struct core *core, uint64_t change_id, int err, uint64_t now_ms)
{
    for (struct link *link = core->links; link != NULL; link = link->next) {
        if (link->awaited_change != change_id || link->state != LINK_GREETING)
            continue;
        link->awaited_change = 0;
        if (err != RP_OK)
            refuse_busy(link);
        else if (link->hello.data != NULL && finish_greeting(link, now_ms) != RP_OK)
            link_end(link, NULL);
    }
}

/* Whether a refusal says that the invite which we brought does not let us in. */
static bool is_about_invite(const struct peer *peer, const char *code)
{
    return peer->entry.joining &&
           (strncmp(code, "invite-", 7) == 0 || strcmp(code, "not-a-peer") == 0);
}

int opening_receive_refuse(struct link *link, struct rp_slice frame, uint64_t now_ms)
{
    struct rp_refusal refusal;
    char code[sizeof link->peer->why_code] = "refused";
    char text[RP_REASON_LEN_MAX + 1] = "";
    int err = rp_message_read_refuse(&refusal, frame);

    if (err != RP_OK)
        return err;
    if (refusal.code.len < sizeof code && rp_text_is_line(refusal.code)) {
        memcpy(code, refusal.code.data, refusal.code.len);
        code[refusal.code.len] = '\0';
    }
    if (rp_text_is_line(refusal.text) && refusal.text.len > 0)
        memcpy(text, refusal.text.data, refusal.text.len);
    if (link->peer != NULL && strcmp(code, "duplicate") != 0) {
        link->peer->refused = true;
        if (link->only_circles && strcmp(code, "not-a-peer") == 0)
            peering_note(link->peer, code, "it does not let us in: has it accepted the circle?");
        else
            peering_note(link->peer, code, text);
        if (link->outbound && is_about_invite(link->peer, code))
            invites_refused(link->core, link->peer, code, text, now_ms);
    }
    link_end(link, NULL);
    return RP_OK;
}
