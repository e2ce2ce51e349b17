#include <stdlib.h>
#include <string.h>

#include "beacons.h"
#include "circles.h"
#include "rp/err.h"

/* Beacons on links (SPEC 3.7): told of, sent, judged when they come. */

/* Whether both sides accept the node's organisation. */
static bool is_shared(const struct link *link, const struct beacon *beacon)
{
    return beacon->used && link->state == LINK_OPEN && link->lists == LISTS_KNOWN &&
           link->core->orgs[beacon->org].accepted &&
           lists_remote(link, beacon->org) == STANDING_ACCEPTED;
}

static void queue(struct link *link, const struct beacon *beacon)
{
    uint32_t slot = (uint32_t)(beacon - link->core->beacons->slots);

    if (!is_shared(link, beacon))
        return;
    for (size_t at = 0; at < link->beacons.n; at += sizeof slot) {
        if (memcmp(link->beacons.data + at, &slot, sizeof slot) == 0)
            return;
    }
    if (symbols_append(&link->beacons, &slot, sizeof slot) == RP_OK)
        core_wake(link);
}

/* The other side has it already. */
static void unqueue(struct link *link, const struct beacon *beacon)
{
    uint32_t slot = (uint32_t)(beacon - link->core->beacons->slots);
    struct symbols *list = &link->beacons;

    for (size_t at = 0; at < list->n; at += sizeof slot) {
        if (memcmp(list->data + at, &slot, sizeof slot) != 0)
            continue;
        memmove(list->data + at, list->data + at + sizeof slot, list->n - at - sizeof slot);
        list->n -= sizeof slot;
        return;
    }
}

void beacons_spread(struct core *core, const struct beacon *beacon, const struct link *except)
{
    for (struct link *link = core->links; link != NULL; link = link->next) {
        if (link != except)
            queue(link, beacon);
    }
}

void beacons_continue(struct link *link)
{
    const struct beacons *b = link->core->beacons;
    size_t at = 0;

    while (at < link->beacons.n && link->state == LINK_OPEN &&
           rp_session_queued(link->session) < TRANSMIT_LOW) {
        uint32_t slot;

        memcpy(&slot, link->beacons.data + at, sizeof slot);
        at += sizeof slot;
        if (!is_shared(link, &b->slots[slot]))
            continue;
        rp_message_write_beacon(&link->writer, rp_bytes_slice(&b->slots[slot].sealed));
        link->core->counters.beacons_out++;
        link_send(link);
    }
    symbols_drop(&link->beacons, at);
}

static int compare_entries(const void *a, const void *b)
{
    return memcmp(a, b, RP_SEEN_LEN);
}

/* Tells which ones we have. */
static void send_seen(struct link *link)
{
    const struct beacons *b = link->core->beacons;
    struct symbols entries = {0};
    struct rp_seen seen = {.scope = {0}};
    size_t kept = 0;
    int err = RP_OK;

    link->seen_at = UINT64_MAX;
    for (uint32_t i = 0; i < b->slots_n && err == RP_OK; i++) {
        struct kv_key entry = {.len = 0};

        if (!is_shared(link, &b->slots[i]))
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
                queue(link, &b->slots[i]);
        }
    }
}

void beacons_lists(struct link *link, struct rp_slice accepted)
{
    if (link->lists != LISTS_KNOWN || link->core->self->issued.len == 0)
        return;
    if (!link->seen_sent)
        send_seen(link);
    else
        send_of(link, accepted);
    link->seen_sent = true;
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
    const struct beacons *b = link->core->beacons;
    struct rp_seen seen;
    int err = rp_message_read_seen(&seen, frame);

    if (err != RP_OK || link->only_circles || memcmp(seen.scope, rp_record_commons, RP_ID_LEN) != 0)
        return err;                /* a circle that we are not in */
    if (link->seen_by_at > now_ms) /* it costs us more than it costs to ask */
        return RP_OK;
    link->seen_by_at = now_ms + BEACON_AGAIN_MS / 2;
    for (uint32_t i = 0; i < b->slots_n; i++) {
        const struct beacon *slot = &b->slots[i];

        if (slot->used && seen_time(&seen, slot->key) < slot->time)
            queue(link, slot);
    }
    return RP_OK;
}

/* Judging them */

/* What may be taken later is asked for again after a while. */
static void ask_again(struct link *link, uint64_t now_ms)
{
    link->core->counters.beacons_ignored++;
    if (link->seen_at == UINT64_MAX)
        link->seen_at = now_ms + BEACON_AGAIN_MS;
}

static bool is_ahead(const struct core *core, uint64_t time, uint64_t now_ms)
{
    uint64_t now = core_calendar(core, now_ms);

    return time > now && time - now > BEACON_AHEAD_MS;
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
static bool is_wanted(struct link *link, const struct rp_beacon *beacon, uint32_t *org,
                      uint64_t now_ms)
{
    struct core *core = link->core;
    struct beacon *known = beacons_find(core, beacon->key);

    *org = trust_find(core, beacon->org);
    if (link->only_circles || memcmp(beacon->scope, rp_record_commons, RP_ID_LEN) != 0 ||
        *org == 0 || !core->orgs[*org].accepted || beacons_is_too_old(core, beacon->time, now_ms)) {
        core->counters.beacons_ignored++;
        return false;
    }
    if (known != NULL && known->time >= beacon->time) {
        if (known->time == beacon->time)
            unqueue(link, known);
        core->counters.beacons_ignored++;
        return false;
    }
    if (is_ahead(core, beacon->time, now_ms)) { /* or our clock is behind */
        ask_again(link, now_ms);
        return false;
    }
    if (known == NULL)
        return true;
    renew_credit(known, now_ms);
    if (known->credit == 0)
        ask_again(link, now_ms);
    return known->credit > 0;
}

/* It holds: what it says counts from now on. */
static void take(struct link *link, const struct rp_beacon *beacon, const char *name,
                 struct rp_slice sealed, uint64_t now_ms)
{
    struct core *core = link->core;
    struct peer *peer = peering_find(core, beacon->org);
    struct peer *contact = contacts_find(core, beacon->org);
    struct beacon *slot = beacons_put(core, beacon, name, sealed, now_ms);

    if (slot == NULL) {
        ask_again(link, now_ms);
        return;
    }
    if (slot->credit == BEACON_BURST)
        slot->credit_at = now_ms;
    slot->credit--;
    core->counters.beacons_in++;
    unqueue(link, slot);
    beacons_spread(core, slot, link);
    if (peer != NULL)
        peering_follow(core, peer, beacon, now_ms);
    if (contact != NULL)
        peering_follow(core, contact, beacon, now_ms);
}

static int receive_beacon(struct link *link, struct rp_slice frame, uint64_t now_ms)
{
    struct core *core = link->core;
    struct rp_certificate certificate;
    struct rp_beacon beacon;
    struct rp_slice sealed;
    uint32_t org;
    int err = rp_message_read_beacon(&sealed, frame);

    if (err != RP_OK)
        return err;
    err = rp_beacon_read(&beacon, sealed);
    if (err == RP_ERR_VERSION)
        return RP_OK;
    if (err == RP_OK && !is_wanted(link, &beacon, &org, now_ms))
        return RP_OK;
    if (err == RP_OK)
        err = rp_beacon_open(&beacon, &certificate, sealed);
    if (err != RP_OK) { /* who passes on what does not hold has not looked at it */
        core->counters.beacons_refused++;
        return ++link->beacons_bad < BEACONS_BAD_MAX ? RP_OK : err;
    }
    if (!beacons_hold_today(core, org, &certificate)) /* by a key that we may learn of yet */
        ask_again(link, now_ms);
    else if (memcmp(beacon.key, core->self->node.public, RP_KEY_LEN) == 0)
        beacon_overtake(core, beacon.time, now_ms);
    else
        take(link, &beacon, certificate.name, sealed, now_ms);
    return RP_OK;
}

void beacons_link_tick(struct link *link, uint64_t now_ms)
{
    if (link->seen_at <= now_ms)
        send_seen(link);
}

int beacons_receive(struct link *link, int type, struct rp_slice frame, uint64_t now_ms)
{
    return type == RP_MESSAGE_BEACON ? receive_beacon(link, frame, now_ms)
                                     : receive_seen(link, frame, now_ms);
}
