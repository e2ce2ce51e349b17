#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "beacons.h"
#include "circles.h"
#include "exchange.h"
#include "rp/err.h"
#include "rp/identity.h"
#include "rp/text.h"
#include "waiting.h"

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
    link->commons =
        (struct shared){.scope = &core->commons, .next_check = UINT64_MAX, .seen_at = UINT64_MAX};
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
    struct peer *peer = contacts_called(core, org);
    struct link *link = link_new(core, address, true, org, now_ms);

    if (peer == NULL) /* removed meanwhile: greet ends it */
        return link;
    peer->dialling = false;
    if (link != NULL) {
        link->peer = peer;
        link->only_circles = peer->contact;
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

bool core_link_is_open(const struct link *link)
{
    return link->state == LINK_OPEN;
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

struct link *link_of_peer_but(const struct link *link)
{
    struct link *other = link->core->links;

    while (other != NULL &&
           (other == link || other->peer != link->peer || other->state != LINK_OPEN))
        other = other->next;
    return other;
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

void core_closed(struct core *core, struct link *link, uint64_t now_ms)
{
    struct link **at = &core->links;
    bool only_circles = link->only_circles;

    while (*at != link)
        at = &(*at)->next;
    *at = link->next;
    core->links_n--;
    exchange_drop(link);
    circles_detach(link);
    fetch_link_gone(link);
    serve_free(link);
    waiting_link_gone(link);
    drop_effects(core, link);
    if (link->peer != NULL && link_of_peer(core, link->peer) == NULL) {
        if (!link->peer->refused && link->peer->why_code[0] == '\0')
            peering_note(link->peer, "cut", "the connection was cut");
        peering_plan_dial(core, link->peer, now_ms, link->has_settled);
        beacons_follow(core, link->peer, now_ms);
    }
    for (enum rp_set set = 0; set < RP_SETS; set++) {
        symbols_free(&link->wanted[set]);
        symbols_free(&link->commons.announce[set]);
    }
    symbols_free(&link->commons.beacons);
    rp_session_free(link->session);
    rp_writer_free(&link->writer);
    opening_forget_hello(link);
    free(link->standing_sent);
    table_free(link->remote_ids);
    free(link->remote);
    free(link);
    if (only_circles)
        contacts_review(core, now_ms);
}

/* Messages */

static int receive_accept(struct link *link, struct rp_slice frame, uint64_t now_ms)
{
    struct rp_accept accept;
    int err = rp_message_read_accept(&accept, frame);

    if (link->only_circles) /* whom either side accepts is nothing to the other */
        return RP_ERR_STATE;
    if (err == RP_OK)
        err = lists_receive(link, &accept);
    if (err == RP_OK)
        beacons_lists(link, accept.accepted);
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
    shared_met(link, shared);
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
    case RP_MESSAGE_CHAIN:
        return chains_receive(link, frame);
    case RP_MESSAGE_BEACON:
    case RP_MESSAGE_SEEN:
        return beacons_receive(link, type, frame, now_ms);
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
        return opening_receive_hello(link, frame, now_ms);
    if (type == RP_MESSAGE_RECOVER)
        return keys_recover(link, frame);
    if (type == RP_MESSAGE_REFUSE)
        return opening_receive_refuse(link, frame, now_ms);
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
            err = opening_greet(link, now_ms);
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
        beacons_continue(link);
    }
    err = rp_session_transmit(link->session, bytes);
    link->bytes_out += bytes->len;
    return err;
}

bool core_may_read(const struct core *core, const struct link *link)
{
    bool has_room = link->submitted < SUBMITTED_SURE ||
                    (link->submitted < SUBMITTED_LINK_MAX && core->submitted < SUBMITTED_MAX);

    return has_room && rp_session_queued(link->session) < TRANSMIT_HIGH;
}

uint64_t link_deadline(const struct link *link)
{
    uint64_t deadline = UINT64_MAX;

    if (link->state == LINK_ENDING)
        return UINT64_MAX;
    if (cells_due(link))
        return 0;
    if (core_may_read(link->core, link)) /* else what is late is so because of us */
        deadline = rp_session_deadline(link->session);
    if (link->deadline < deadline)
        deadline = link->deadline;
    for (const struct shared *shared = &link->commons; shared != NULL; shared = shared->next) {
        if (link->state == LINK_OPEN && link->ours.state == EXCHANGE_NONE &&
            shared->next_check < deadline)
            deadline = shared->next_check;
        if (shared->seen_at < deadline)
            deadline = shared->seen_at;
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
    beacons_link_tick(link, now_ms);
    if (link->ours.state != EXCHANGE_NONE && link->ours.deadline <= now_ms && !cells_due(link)) {
        note_failure(link, RP_ERR_TIMEOUT);
        link_end(link, "timeout");
    } else if (link->ours.state == EXCHANGE_NONE && shared_next(link)->next_check <= now_ms) {
        exchange_begin(link, shared_next(link), now_ms);
    }
}
