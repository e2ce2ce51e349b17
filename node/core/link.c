#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "core_private.h"
#include "rp/err.h"
#include "rp/identity.h"
#include "rp/text.h"

static struct link *link_new(struct core *core, const char *address, bool outbound,
                             const uint8_t *expected_org, uint64_t now_ms)
{
    uint8_t ephemeral[RP_KEY_LEN];
    struct rp_session_opts opts = {
        .initiator = outbound,
        .key = &core->self->noise,
        .ephemeral = ephemeral,
        .proof = core->self->proof,
        .expected_org = expected_org,
    };
    struct link *link;

    if (core->links_n == LINKS_MAX || (link = calloc(1, sizeof *link)) == NULL)
        return NULL;
    link->core = core;
    link->number = ++core->next_link;
    link->exchanges_begun = outbound ? 1 : 0; /* odd numbers are the dialler's, even the other's */
    link->outbound = outbound;
    link->deadline = UINT64_MAX;
    link->commons = (struct shared){.scope = &core->commons, .next_check = UINT64_MAX};
    memcpy(link->address, address, strnlen(address, sizeof link->address - 1));
    rp_writer_init(&link->writer, RP_FRAME_MAX);
    rp_rand_bytes(&core->rand, ephemeral, sizeof ephemeral);
    link->session = rp_session_new(&opts, now_ms);
    if (link->session == NULL) {
        free(link);
        return NULL;
    }
    link->next = core->links;
    core->links = link;
    core->links_n++;
    core_wake(link);
    return link;
}

/* Whether there is room for one more who calls. */
static bool may_be_called(const struct core *core)
{
    unsigned inbound = 0;
    unsigned greeting = 0;

    for (const struct link *link = core->links; link != NULL; link = link->next) {
        inbound += !link->outbound;
        greeting += !link->outbound && link->state < LINK_OPEN;
    }
    return inbound < INBOUND_MAX && greeting < GREETING_MAX;
}

struct link *core_accept(struct core *core, const char *address, uint64_t now_ms)
{
    if (!may_be_called(core))
        return NULL;
    return link_new(core, address, false, NULL, now_ms);
}

struct link *core_dialled(struct core *core, const uint8_t org[static RP_ID_LEN],
                          const char *address, uint64_t now_ms)
{
    struct peer *peer = peering_find(core, org);
    struct link *link = link_new(core, address, true, org, now_ms);

    if (peer == NULL) /* removed meanwhile: greet ends it */
        return link;
    peer->dialling = false;
    if (link != NULL) {
        link->peer = peer;
    } else {
        peering_note(peer, "busy", "this node has no room for more connections");
        peering_plan_dial(core, peer, now_ms, false);
    }
    return link;
}

struct link *core_links(const struct core *core, const struct link *link)
{
    return link == NULL ? core->links : link->next;
}

void core_link_set_data(struct link *link, void *data)
{
    link->data = data;
}

void *core_link_data(const struct link *link)
{
    return link->data;
}

struct link *link_by_number(const struct core *core, uint64_t number)
{
    struct link *link = core->links;

    while (link != NULL && link->number != number)
        link = link->next;
    return link;
}

struct link *link_of_peer(const struct core *core, const struct peer *peer)
{
    struct link *link = core->links;

    while (link != NULL && (link->peer != peer || link->state != LINK_OPEN))
        link = link->next;
    return link;
}

void link_send(struct link *link)
{
    int err = link->writer.err;

    if (err == RP_OK)
        err = rp_session_send(link->session, rp_writer_slice(&link->writer));
    rp_writer_reset(&link->writer);
    if (err != RP_OK)
        link_end(link, NULL);
    else
        core_wake(link);
}

void link_ask_close(struct link *link)
{
    struct core_effect *effect = core_effect_new(link->core, CORE_CLOSE);

    link->close_due = effect == NULL;
    if (effect != NULL)
        effect->link = link;
    else
        core_retry_at(link->core, 0);
}

void link_end(struct link *link, const char *reason)
{
    if (link->state == LINK_ENDING)
        return;
    if (reason != NULL && rp_session_is_open(link->session)) {
        rp_writer_reset(&link->writer);
        rp_message_write_bye(&link->writer, reason);
        (void)!rp_session_send(link->session, rp_writer_slice(&link->writer));
        rp_writer_reset(&link->writer);
    }
    link->state = LINK_ENDING;
    link_ask_close(link);
}

void link_settled(struct link *link)
{
    link->has_settled = true;
    if (link->peer != NULL)
        link->peer->dial_wait = 0;
}

/* Forgets the effects that speak of a link that is going. */
static void drop_effects(struct core *core, const struct link *link)
{
    struct effect_queue *q = &core->effects;
    size_t kept = q->at;

    for (size_t i = q->at; i < q->n; i++) {
        if (q->items[i].link != link)
            q->items[kept++] = q->items[i];
    }
    q->n = kept;
}

/* It may hold the secret of an invite. */
static void forget_hello(struct link *link)
{
    if (link->hello.data != NULL)
        sodium_memzero(link->hello.data, link->hello.len);
    rp_bytes_free(&link->hello);
}

void core_closed(struct core *core, struct link *link, uint64_t now_ms)
{
    struct link **at = &core->links;

    while (*at != link)
        at = &(*at)->next;
    *at = link->next;
    core->links_n--;
    exchange_drop(link);
    circles_detach(link);
    fetch_link_gone(link);
    serve_free(link);
    drop_effects(core, link);
    if (link->peer != NULL && link_of_peer(core, link->peer) == NULL) {
        if (!link->peer->refused && link->peer->why_code[0] == '\0')
            peering_note(link->peer, "cut", "the connection was cut");
        peering_plan_dial(core, link->peer, now_ms, link->has_settled);
    }
    for (enum rp_set set = 0; set < RP_SETS; set++) {
        symbols_free(&link->wanted[set]);
        symbols_free(&link->commons.announce[set]);
    }
    rp_session_free(link->session);
    rp_writer_free(&link->writer);
    forget_hello(link);
    free(link->standing_sent);
    table_free(link->remote_ids);
    free(link->remote);
    free(link);
}

/* Opening */

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

static void send_hello(struct link *link, uint64_t now_ms)
{
    struct core *core = link->core;
    struct rp_hello hello = {
        .time = core_calendar(core, now_ms),
        .reads_zstd = true,
        .software = rp_bytes_str(core->software),
        .addresses = core->addresses_n,
    };

    if (link->outbound && link->peer != NULL && link->peer->entry.joining) {
        hello.has_invite = true;
        memcpy(hello.invite, link->peer->entry.secret, sizeof hello.invite);
    }
    for (uint32_t i = 0; i < core->addresses_n; i++)
        hello.address[i] = rp_bytes_str(core->addresses[i]);
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
static int greet(struct link *link, uint64_t now_ms)
{
    struct core *core = link->core;
    const struct rp_proof *proof = rp_session_proof(link->session);

    link->state = LINK_GREETING;
    link->deadline = now_ms + HELLO_MS;
    memcpy(link->noise, proof->certificate.noise, RP_KEY_LEN);
    link->peer = peering_find(core, proof->identity.org);
    if (!link->outbound)
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

/* Ends whichever of two links is one too many. False when it is ${link}, which is not open yet. */
static bool settle_duplicates(struct link *link)
{
    for (struct link *other = link->core->links; other != NULL; other = other->next) {
        if (other == link || other->state != LINK_OPEN ||
            memcmp(other->noise, link->noise, RP_KEY_LEN) != 0)
            continue;
        /* dialled by the same side: the older one must be dead, or it would not have been */
        if (other->outbound == link->outbound || is_preferred(link)) {
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

/* Both HELLOs are there: who compares what follows from the accept-lists. */
static int open_link(struct link *link, const struct rp_hello *hello, uint64_t now_ms)
{
    struct core *core = link->core;
    const struct rp_proof *proof = rp_session_proof(link->session);
    struct peer *peer = link->peer;
    bool same_list = memcmp(hello->accept, link->digest_sent, RP_HASH_LEN) == 0;
    int err;

    link->reads_zstd = hello->reads_zstd;
    link->clock_ms = (int64_t)(hello->time - core_calendar(core, now_ms));
    if (same_list && (err = lists_assume_equal(link)) != RP_OK)
        return err;
    link->state = LINK_OPEN;
    link->deadline = UINT64_MAX;
    peer->refused = false;
    peer->why_code[0] = '\0';
    peer->next_dial = UINT64_MAX;
    peering_learn_address(core, peer, hello, link->outbound ? NULL : link->address);
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
    /* the caller compares first, once it knows what the other side accepts: see receive_accept */
    if (link->outbound && same_list)
        exchange_plan(&link->commons, now_ms);
    else
        exchange_plan_interval(link, &link->commons, now_ms);
    return RP_OK;
}

/* A stranger's HELLO: with a good invite it becomes a peer; else it waits for approval. */
static bool admit_stranger(struct link *link, const struct rp_hello *hello, uint64_t now_ms)
{
    struct core *core = link->core;
    const struct rp_proof *proof = rp_session_proof(link->session);
    struct invite_entry invite;
    int err;

    if (!hello->has_invite) {
        peering_knock(core, link, now_ms);
        refuse(link, "not-a-peer",
               "this node has not approved yours: its maintainer sees that "
               "you called");
        return false;
    }
    err = peering_use_invite(core, hello->invite, proof, now_ms, &invite);
    if (err == RP_ERR_EXPIRED)
        refuse(link, "invite-expired", "the invite has expired: ask for a new one");
    else if (err == RP_ERR_USED)
        refuse(link, "invite-used", "the invite was used by another organisation already");
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

/* The inviter has let us in. */
static void joined(struct link *link, uint64_t now_ms)
{
    struct core *core = link->core;
    struct peer *peer = link->peer;
    const struct rp_proof *proof = rp_session_proof(link->session);

    peer->entry.joining = false;
    memset(peer->entry.secret, 0, sizeof peer->entry.secret);
    (void)peering_store(core, peer);
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
    forget_hello(link);
    return err;
}

/* Whether it calls in vain, whatever it brings: it is blocked. */
static bool is_shut_out(const struct link *link)
{
    const struct core *core = link->core;
    uint32_t number = trust_find(core, rp_session_proof(link->session)->identity.org);

    return number != 0 && core->orgs[number].blocked;
}

static int receive_hello(struct link *link, struct rp_slice frame, uint64_t now_ms)
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
    if (!link->outbound && is_shut_out(link)) {
        refuse(link, "not-a-peer", "this node exchanges no records with yours");
        return RP_OK;
    }
    if (!link->outbound && keys_refuse(link))
        return RP_OK;
    if (link->peer == NULL && !admit_stranger(link, &hello, now_ms))
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

static int receive_refuse(struct link *link, struct rp_slice frame)
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
        peering_note(link->peer, code, text);
    }
    link_end(link, NULL);
    return RP_OK;
}

/* Messages */

static int receive_accept(struct link *link, struct rp_slice frame, uint64_t now_ms)
{
    struct rp_accept accept;
    int err = rp_message_read_accept(&accept, frame);

    if (err == RP_OK)
        err = lists_receive(link, &accept);
    if (err != RP_OK || accept.more)
        return err;
    if (link->outbound)
        exchange_plan(&link->commons, now_ms);
    else if (link->commons.next_check == UINT64_MAX) /* an exchange of ours was dropped */
        exchange_plan_interval(link, &link->commons, now_ms);
    return RP_OK;
}

static int receive_have(struct link *link, struct rp_slice frame, uint64_t now_ms)
{
    struct rp_have have;
    struct shared *shared;
    int err = rp_message_read_have(&have, frame);

    if (err != RP_OK)
        return err;
    if ((shared = shared_find(link, have.scope)) == NULL)
        return RP_OK; /* a circle that we are not in */
    shared->remote_in = true;
    if ((err = fetch_offered(link, have.set, have.symbols, NULL)) == RP_OK)
        fetch_ask(link, now_ms);
    return err;
}

/* Messages of an open link. */
static int receive_open(struct link *link, int type, struct rp_slice frame, uint64_t now_ms)
{
    switch (type) {
    case RP_MESSAGE_ACCEPT:
        return receive_accept(link, frame, now_ms);
    case RP_MESSAGE_CHECK:
    case RP_MESSAGE_EQUAL:
    case RP_MESSAGE_IDS:
    case RP_MESSAGE_SKETCH:
    case RP_MESSAGE_MORE:
    case RP_MESSAGE_CELLS:
    case RP_MESSAGE_LIST:
    case RP_MESSAGE_PAGE:
    case RP_MESSAGE_DONE:
        return exchange_receive(link, (enum rp_message_type)type, frame, now_ms);
    case RP_MESSAGE_HAVE:
        return receive_have(link, frame, now_ms);
    case RP_MESSAGE_WANT:
        return serve_want(link, frame);
    case RP_MESSAGE_RECORDS:
        return fetch_receive(link, frame, now_ms);
    case RP_MESSAGE_CIRCLE:
        return circles_receive(link, frame, now_ms);
    default:
        return RP_OK; /* of a later version */
    }
}

static int receive_frame(struct link *link, struct rp_slice frame, uint64_t now_ms)
{
    int type = rp_message_type(frame);

    if (type < 0)
        return type;
    if (type == RP_MESSAGE_HELLO)
        return receive_hello(link, frame, now_ms);
    if (type == RP_MESSAGE_REFUSE)
        return receive_refuse(link, frame);
    if (type == RP_MESSAGE_BYE) {
        struct rp_slice reason;
        int err = rp_message_read_bye(&reason, frame);

        if (err != RP_OK)
            return err;
        link_end(link, NULL);
        if (link->peer != NULL && !keys_note_refusal(link->peer, reason) &&
            link_of_peer(link->core, link->peer) == NULL)
            peering_note(link->peer, "bye", "the other side has closed");
        return RP_OK;
    }
    return link->state == LINK_OPEN ? receive_open(link, type, frame, now_ms) : RP_ERR_STATE;
}

/* Says on the peer why its link failed, when that is known to be this peer. */
static void note_failure(struct link *link, int err)
{
    if (link->peer == NULL && link->outbound)
        return;
    if (link->peer != NULL)
        peering_note(link->peer, rp_err_name(err), rp_err_text(err));
}

int core_receive(struct core *core, struct link *link, struct rp_slice bytes, uint64_t now_ms)
{
    struct rp_slice frame;
    int err;

    link->bytes_in += bytes.len;
    do {
        if (link->state == LINK_ENDING)
            return RP_OK;
        err = rp_session_receive(link->session, now_ms, &bytes, &frame);
        if (err == RP_OK && link->state == LINK_SHAKING && rp_session_is_open(link->session))
            err = greet(link, now_ms);
        if (err == RP_OK && frame.data != NULL)
            err = receive_frame(link, frame, now_ms);
    } while (err == RP_OK && frame.data != NULL);
    if (err != RP_OK) {
        note_failure(link, err);
        link_end(link, NULL);
    } else {
        core_wake(link);
    }
    (void)core;
    return err;
}

int core_transmit(struct core *core, struct link *link, struct rp_slice *bytes, uint64_t now_ms)
{
    int err;

    (void)core;
    link->wake_asked = false;
    if (link->state == LINK_OPEN) {
        shared_announce(link);
        fetch_ask(link, now_ms);
        exchange_continue(link, now_ms);
        serve_continue(link, now_ms);
    }
    err = rp_session_transmit(link->session, bytes);
    link->bytes_out += bytes->len;
    return err;
}

bool core_may_read(const struct core *core, const struct link *link)
{
    return link->submitted < SUBMITTED_LINK_MAX && core->submitted < SUBMITTED_MAX &&
           rp_session_queued(link->session) < TRANSMIT_HIGH;
}

uint64_t link_deadline(const struct link *link)
{
    uint64_t deadline = UINT64_MAX;

    if (link->state == LINK_ENDING)
        return UINT64_MAX;
    if (core_may_read(link->core, link)) /* else what is late is so because of us */
        deadline = rp_session_deadline(link->session);
    if (link->deadline < deadline)
        deadline = link->deadline;
    for (const struct shared *shared = &link->commons; shared != NULL; shared = shared->next) {
        if (link->state == LINK_OPEN && link->ours.state == EXCHANGE_NONE &&
            shared->next_check < deadline)
            deadline = shared->next_check;
    }
    if (link->ours.state != EXCHANGE_NONE && link->ours.deadline < deadline)
        deadline = link->ours.deadline;
    if (fetch_deadline(link) < deadline)
        deadline = fetch_deadline(link);
    return deadline;
}

void link_tick(struct link *link, uint64_t now_ms)
{
    if (link->state == LINK_ENDING)
        return;
    if ((core_may_read(link->core, link) && rp_session_deadline(link->session) <= now_ms) ||
        link->deadline <= now_ms) {
        note_failure(link, RP_ERR_TIMEOUT);
        link_end(link, "timeout");
        return;
    }
    if (link->state != LINK_OPEN)
        return;
    fetch_tick(link, now_ms);
    if (link->ours.state != EXCHANGE_NONE && link->ours.deadline <= now_ms) {
        note_failure(link, RP_ERR_TIMEOUT);
        link_end(link, "timeout");
    } else if (link->ours.state == EXCHANGE_NONE && shared_next(link)->next_check <= now_ms) {
        exchange_begin(link, shared_next(link), now_ms);
    }
}
