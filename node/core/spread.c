#include <stdlib.h>
#include <string.h>

#include "beacons.h"
#include "circles.h"
#include "nodes.h"
#include "rp/err.h"

/* Beacons on links (SPEC 3.7): told of, sent, judged when they come. */

/* Whether both sides hear the node's organisation in the scope. */
static bool is_shared(const struct link *link, const struct shared *shared, const struct beacons *b,
                      const struct beacon *beacon)
{
    if (!beacon->used || link->state != LINK_OPEN || !beacons_is_heard(b, beacon->org))
        return false;
    return b->circle != NULL
               ? shared->remote_in
               : link->lists == LISTS_KNOWN && lists_remote(link, beacon->org) == STANDING_ACCEPTED;
}

static void queue(struct link *link, struct shared *shared, const struct beacons *b,
                  const struct beacon *beacon)
{
    uint32_t slot = (uint32_t)(beacon - b->slots);

    if (!is_shared(link, shared, b, beacon))
        return;
    for (size_t at = 0; at < shared->beacons.n; at += sizeof slot) {
        if (memcmp(shared->beacons.data + at, &slot, sizeof slot) == 0)
            return;
    }
    if (symbols_append(&shared->beacons, &slot, sizeof slot) == RP_OK)
        core_wake(link);
}

/* The other side has it already. */
static void unqueue(struct shared *shared, const struct beacons *b, const struct beacon *beacon)
{
    uint32_t slot = (uint32_t)(beacon - b->slots);
    struct symbols *list = &shared->beacons;

    for (size_t at = 0; at < list->n; at += sizeof slot) {
        if (memcmp(list->data + at, &slot, sizeof slot) != 0)
            continue;
        memmove(list->data + at, list->data + at + sizeof slot, list->n - at - sizeof slot);
        list->n -= sizeof slot;
        return;
    }
}

void beacons_spread(const struct beacons *b, const struct beacon *beacon, const struct link *except)
{
    for (struct link *link = b->core->links; link != NULL; link = link->next) {
        struct shared *shared = shared_by_number(link, b->scope->number);

        if (link != except && shared != NULL)
            queue(link, shared, b, beacon);
    }
}

/* Sends what is queued of one scope. */
static void send_queued(struct link *link, struct shared *shared)
{
    const struct beacons *b = beacons_of(link->core, shared->scope);
    size_t at = 0;

    while (b != NULL && at < shared->beacons.n && link->state == LINK_OPEN &&
           rp_session_queued(link->session) < TRANSMIT_LOW) {
        uint32_t slot;

        memcpy(&slot, shared->beacons.data + at, sizeof slot);
        at += sizeof slot;
        if (!is_shared(link, shared, b, &b->slots[slot]))
            continue;
        rp_message_write_beacon(&link->writer, rp_bytes_slice(&b->slots[slot].sealed));
        link->core->counters.beacons_out++;
        link_send(link);
    }
    symbols_drop(&shared->beacons, at);
}

void beacons_continue(struct link *link)
{
    for (struct shared *shared = &link->commons; shared != NULL; shared = shared->next)
        send_queued(link, shared);
}

static int compare_entries(const void *a, const void *b)
{
    return memcmp(a, b, RP_SEEN_LEN);
}

/* Tells which ones we have. */
static void send_seen(struct link *link, struct shared *shared)
{
    const struct beacons *b = beacons_of(link->core, shared->scope);
    struct symbols entries = {0};
    struct rp_seen seen = {.scope = {0}};
    size_t kept = 0;
    int err = RP_OK;

    shared->seen_at = UINT64_MAX;
    if (b == NULL)
        return;
    memcpy(seen.scope, shared->scope->id, RP_ID_LEN);
    for (uint32_t i = 0; i < b->slots_n && err == RP_OK; i++) {
        struct kv_key entry = {.len = 0};

        if (!is_shared(link, shared, b, &b->slots[i]))
            continue;
        kv_key_bytes(&entry, b->slots[i].key, RP_SEEN_KEY_LEN);
        kv_key_number(&entry, b->slots[i].time, RP_SEEN_LEN - RP_SEEN_KEY_LEN);
        err = symbols_append(&entries, entry.bytes, RP_SEEN_LEN);
    }
    if (err != RP_OK) { /* told next time */
        symbols_free(&entries);
        return;
    }
    if (entries.n > 0)
        qsort(entries.data, entries.n / RP_SEEN_LEN, RP_SEEN_LEN, compare_entries);
    for (size_t at = 0; at < entries.n; at += RP_SEEN_LEN) { /* of two that begin alike the later */
        if (kept > 0 &&
            memcmp(entries.data + kept - RP_SEEN_LEN, entries.data + at, RP_SEEN_KEY_LEN) == 0)
            kept -= RP_SEEN_LEN;
        memmove(entries.data + kept, entries.data + at, RP_SEEN_LEN);
        kept += RP_SEEN_LEN;
    }
    entries.n = kept;
    seen.entries = symbols_slice(&entries);
    rp_message_write_seen(&link->writer, &seen);
    link_send(link);
    symbols_free(&entries);
}

/* Sends those of organisations that the other side accepts from now on. */
static void send_of(struct link *link, struct rp_slice ids)
{
    struct beacons *b = link->core->beacons;

    for (size_t at = 0; at < ids.len; at += RP_ID_LEN) {
        uint32_t org = trust_find(link->core, ids.data + at);

        for (uint32_t i = 0; org != 0 && i < b->slots_n; i++) {
            if (b->slots[i].used && b->slots[i].org == org)
                queue(link, &link->commons, b, &b->slots[i]);
        }
    }
}

void beacons_lists(struct link *link, struct rp_slice accepted)
{
    if (link->lists != LISTS_KNOWN || link->core->self->issued.len == 0)
        return;
    if (!link->commons.seen_sent)
        send_seen(link, &link->commons);
    else
        send_of(link, accepted);
    link->commons.seen_sent = true;
}

void beacons_meet(struct link *link, struct shared *shared)
{
    if (link->core->self->issued.len > 0)
        send_seen(link, shared);
}

/* The time of the node's beacon that the other side has; 0: it has none. */
static uint64_t seen_time(const struct rp_seen *seen, const uint8_t *key)
{
    size_t low = 0;
    size_t high = seen->entries.len / RP_SEEN_LEN;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const uint8_t *entry = seen->entries.data + middle * RP_SEEN_LEN;
        int order = memcmp(entry, key, RP_SEEN_KEY_LEN);

        if (order == 0)
            return kv_number(entry + RP_SEEN_KEY_LEN, RP_SEEN_LEN - RP_SEEN_KEY_LEN);
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}

static int receive_seen(struct link *link, struct rp_slice frame, uint64_t now_ms)
{
    const struct beacons *b;
    struct shared *shared;
    struct rp_seen seen;
    int err = rp_message_read_seen(&seen, frame);

    if (err != RP_OK)
        return err;
    shared = shared_find(link, seen.scope);
    b = shared != NULL ? beacons_of(link->core, shared->scope) : NULL;
    if (b == NULL) /* a circle that we are not in */
        return RP_OK;
    shared_met(link, shared);
    if (shared->seen_by_at > now_ms) /* it costs us more than it costs to ask */
        return RP_OK;
    shared->seen_by_at = now_ms + BEACON_AGAIN_MS / 2;
    for (uint32_t i = 0; i < b->slots_n; i++) {
        const struct beacon *slot = &b->slots[i];

        if (slot->used && seen_time(&seen, slot->key) < slot->time)
            queue(link, shared, b, slot);
    }
    return RP_OK;
}

/* Judging them */

/* What may be taken later is asked for again after a while. */
static void plan_seen(struct shared *shared, uint64_t now_ms)
{
    if (shared->seen_at == UINT64_MAX)
        shared->seen_at = now_ms + BEACON_AGAIN_MS;
}

static void ask_again(struct core *core, struct shared *shared, uint64_t now_ms)
{
    core->counters.beacons_ignored++;
    plan_seen(shared, now_ms);
}

void beacons_ask_again(const struct beacons *b, uint64_t now_ms)
{
    for (struct link *link = b->core->links; link != NULL; link = link->next) {
        struct shared *shared = shared_by_number(link, b->scope->number);

        if (shared != NULL && (b->circle != NULL ? shared->remote_in : shared->seen_sent))
            plan_seen(shared, now_ms);
    }
}

static void renew_credit(struct beacon *slot, uint64_t now_ms)
{
    uint64_t more = (now_ms - slot->credit_at) / BEACON_EACH_MS;

    slot->credit =
        slot->credit + more < BEACON_BURST ? slot->credit + (uint32_t)more : BEACON_BURST;
    slot->credit_at += more * BEACON_EACH_MS;
}

/* Whether what the beacon says of itself, unverified, makes it worth a look; the organisation's
 * number in ${org}. */
static bool is_wanted(const struct beacons *b, struct shared *shared,
                      const struct rp_beacon *beacon, uint32_t *org, uint64_t now_ms)
{
    struct core *core = b->core;
    struct beacon *known = beacons_find(b, beacon->key);

    *org = trust_find(core, beacon->org);
    if (*org == 0 || !beacons_is_heard(b, *org)) {
        core->counters.beacons_ignored++;
        return false;
    }
    if (known != NULL && known->time >= beacon->time) {
        if (known->time == beacon->time)
            unqueue(shared, b, known);
        core->counters.beacons_ignored++;
        return false;
    }
    if (memcmp(beacon->key, core->self->node.public, RP_KEY_LEN) == 0)
        return true; /* whatever its time: others have it */
    if (beacons_is_ahead(core, beacon->time, now_ms) ||
        beacons_is_too_old(core, beacon->time, now_ms)) { /* or our clock is wrong */
        ask_again(core, shared, now_ms);
        return false;
    }
    if (known == NULL)
        return true;
    renew_credit(known, now_ms);
    if (known->credit == 0)
        ask_again(core, shared, now_ms);
    return known->credit > 0;
}

/* It holds: what it says counts from now on. */
static void take(struct link *link, struct shared *shared, const struct rp_beacon *beacon,
                 const char *name, struct rp_slice sealed, uint64_t now_ms)
{
    struct core *core = link->core;
    struct beacons *b = beacons_of(core, shared->scope);
    struct peer *peer = memcmp(beacon->org, core->self->identity.org, RP_ID_LEN) == 0
                            ? nodes_found(core, now_ms)
                            : peering_find(core, beacon->org);
    struct peer *contact = contacts_find(core, beacon->org);
    struct beacon *slot = beacons_put(b, beacon, name, sealed, now_ms);

    if (slot == NULL) {
        ask_again(core, shared, now_ms);
        return;
    }
    if (slot->credit == BEACON_BURST)
        slot->credit_at = now_ms;
    slot->credit--;
    core->counters.beacons_in++;
    unqueue(shared, b, slot);
    beacons_spread(b, slot, link);
    if (peer != NULL)
        peering_follow(core, peer, beacon, now_ms);
    if (contact != NULL)
        peering_follow(core, contact, beacon, now_ms);
}

/* Judges one that is well-formed. */
static int judge(struct link *link, struct rp_beacon *beacon, struct rp_slice sealed,
                 uint64_t now_ms)
{
    struct core *core = link->core;
    struct shared *shared = shared_find(link, beacon->scope);
    struct beacons *b = shared != NULL ? beacons_of(core, shared->scope) : NULL;
    struct rp_certificate certificate;
    uint32_t org;
    int err;

    if (b == NULL) { /* of a circle that not both are in */
        core->counters.beacons_ignored++;
        return RP_OK;
    }
    shared_met(link, shared);
    if (!is_wanted(b, shared, beacon, &org, now_ms))
        return RP_OK;
    if ((err = rp_beacon_open(beacon, &certificate, sealed)) != RP_OK)
        return err;
    if (!beacons_hold_today(core, org, &certificate)) /* by a key that we may learn of yet */
        ask_again(core, shared, now_ms);
    else if (memcmp(beacon->key, core->self->node.public, RP_KEY_LEN) == 0)
        beacon_overtake(b, beacon->time, now_ms);
    else
        take(link, shared, beacon, certificate.name, sealed, now_ms);
    return RP_OK;
}

static int receive_beacon(struct link *link, struct rp_slice frame, uint64_t now_ms)
{
    struct rp_beacon beacon;
    struct rp_slice sealed;
    int err = rp_message_read_beacon(&sealed, frame);

    if (err != RP_OK)
        return err;
    err = rp_beacon_read(&beacon, sealed);
    if (err == RP_ERR_VERSION)
        return RP_OK;
    if (err == RP_OK)
        err = judge(link, &beacon, sealed, now_ms);
    if (err == RP_OK)
        return RP_OK;
    link->core->counters.beacons_refused++; /* who passes it on has not looked at it */
    return ++link->beacons_bad < BEACONS_BAD_MAX ? RP_OK : err;
}

void beacons_link_tick(struct link *link, uint64_t now_ms)
{
    for (struct shared *shared = &link->commons; shared != NULL; shared = shared->next) {
        if (shared->seen_at <= now_ms)
            send_seen(link, shared);
    }
}

int beacons_receive(struct link *link, int type, struct rp_slice frame, uint64_t now_ms)
{
    return type == RP_MESSAGE_BEACON ? receive_beacon(link, frame, now_ms)
                                     : receive_seen(link, frame, now_ms);
}
