#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "circles.h"
#include "rp/err.h"
#include "waiting.h"

#define SAVE_SYNC_MS 600000 /* how stale the stored time of the last sync may be */

static bool add_entry(struct core *core, const struct peer_entry *entry)
{
    struct peer **peers = realloc(core->peers, (core->peers_n + 1) * sizeof *peers);
    struct peer *peer = calloc(1, sizeof *peer);
    uint32_t org;

    if (peers != NULL)
        core->peers = peers;
    if (peers == NULL || peer == NULL) {
        free(peer);
        return false;
    }
    if ((org = trust_intern(core, entry->org)) == 0) {
        free(peer);
        return false;
    }
    peer->entry = *entry;
    peer->org = org;
    peer->next_dial = UINT64_MAX;
    peer->saved_sync = entry->last_sync;
    core->peers[core->peers_n++] = peer;
    return true;
}

int peering_start(struct core *core, uint64_t now_ms)
{
    struct kv_iter it;
    struct kv_txn *txn;
    int err;

    if ((txn = kv_begin(core->kv, false, &err)) == NULL)
        return err;
    for (kv_first(&it, txn, KV_PEER, (struct rp_slice){NULL, 0}); it.found; kv_next(&it)) {
        struct peer_entry entry;

        if (!peers_read(it.key, it.value, &entry))
            kv_fail(txn, RP_ERR_CORRUPT);
        else if (!add_entry(core, &entry))
            kv_fail(txn, RP_ERR_NOMEM);
    }
    invites_load_all(core, txn);
    err = kv_err(txn);
    kv_abort(txn);
    for (uint32_t i = 0; i < core->peers_n; i++)
        peering_plan_dial(core, core->peers[i], now_ms, true);
    return err;
}

void peering_free(struct core *core)
{
    for (uint32_t i = 0; i < core->peers_n; i++)
        free(core->peers[i]);
    free(core->peers);
}

struct peer *peering_find(const struct core *core, const uint8_t org[static RP_ID_LEN])
{
    for (uint32_t i = 0; i < core->peers_n; i++) {
        if (memcmp(core->peers[i]->entry.org, org, RP_ID_LEN) == 0)
            return core->peers[i];
    }
    return NULL;
}

struct peer *peering_add(struct core *core, const uint8_t org[static RP_ID_LEN], uint64_t now_ms)
{
    struct peer *peer = peering_find(core, org);
    struct peer_entry entry = {.added = core_calendar(core, now_ms)};

    if (peer != NULL)
        return peer;
    memcpy(entry.org, org, RP_ID_LEN);
    for (uint32_t i = 0; i < core->knocks_n; i++) {
        if (memcmp(core->knocks[i].org, org, RP_ID_LEN) == 0)
            core->knocks[i--] = core->knocks[--core->knocks_n];
    }
    return add_entry(core, &entry) ? core->peers[core->peers_n - 1] : NULL;
}

uint64_t peering_store(struct core *core, struct peer *peer)
{
    struct change *change = peer->contact ? NULL : core_change_new(CHANGE_PEER);

    peer->store_due = change == NULL && !peer->contact;
    if (peer->contact)
        return 0;
    if (change == NULL) {
        core_retry_at(core, 0);
        return 0;
    }
    change->peer = peer->entry;
    return core_store(core, change);
}

void peering_copy_text(char *out, size_t size, const char *text)
{
    size_t n = strnlen(text, size - 1);

    memcpy(out, text, n);
    out[n] = '\0';
}

void peering_retry(struct core *core)
{
    for (uint32_t i = 0; i < core->peers_n; i++) {
        if (core->peers[i]->store_due)
            (void)peering_store(core, core->peers[i]);
    }
}

void peering_stored(struct core *core, const struct change *change, int err)
{
    struct peer *peer = change->type == CHANGE_PEER ? peering_find(core, change->peer.org) : NULL;

    if (peer != NULL && err == RP_OK && peer->unstored == change->id)
        peer->unstored = 0;
}

void peering_forget(struct core *core, struct peer *peer)
{
    for (struct link *link = core->links; link != NULL; link = link->next) {
        if (link->peer != peer)
            continue;
        link_end(link, "not-a-peer");
        link->peer = NULL;
    }
    for (uint32_t i = 0; i < core->peers_n; i++) {
        if (core->peers[i] == peer)
            core->peers[i] = core->peers[--core->peers_n];
    }
    sodium_memzero(peer->entry.secret, sizeof peer->entry.secret);
    free(peer);
}

void peering_note(struct peer *peer, const char *code, const char *text)
{
    peering_copy_text(peer->why_code, sizeof peer->why_code, code);
    peering_copy_text(peer->why_text, sizeof peer->why_text, text);
}

/* Forgets learned addresses that the peer does not name any more. */
static bool drop_learned(struct peer *peer, char (*named)[RP_ADDRESS_LEN_MAX + 1], uint32_t n)
{
    struct peer_entry *entry = &peer->entry;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < entry->addresses; i++) {
        bool keep = !entry->address[i].learned;

        for (uint32_t k = 0; k < n && !keep; k++)
            keep = strcmp(entry->address[i].text, named[k]) == 0;
        if (keep)
            entry->address[kept++] = entry->address[i];
    }
    if (kept == entry->addresses)
        return false;
    entry->addresses = kept;
    return true;
}

/* Puts ${text} among the peer's addresses; true when that changed them. */
bool peering_put_address(struct peer *peer, const char *text, bool learned)
{
    struct peer_entry *entry = &peer->entry;

    if (text[0] == '\0')
        return false;
    for (uint32_t i = 0; i < entry->addresses; i++) {
        if (strcmp(entry->address[i].text, text) != 0)
            continue;
        if (learned || !entry->address[i].learned)
            return false;
        entry->address[i].learned = false; /* now the operator says so, too */
        return true;
    }
    if (entry->addresses == RP_ADDRESSES_MAX && (learned || !drop_learned(peer, NULL, 0)))
        return false;
    peering_copy_text(entry->address[entry->addresses].text, sizeof entry->address[0].text, text);
    entry->address[entry->addresses++].learned = learned;
    return true;
}

/* An address without a host means: where the call came from. */
static void complete_address(char out[static RP_ADDRESS_LEN_MAX + 1], struct rp_slice named,
                             const char *from)
{
    char text[RP_ADDRESS_LEN_MAX + 1];
    const char *colon = from != NULL ? strrchr(from, ':') : NULL;
    size_t host = colon != NULL ? (size_t)(colon - from) : 0;

    out[0] = '\0';
    if (named.len == 0 || named.len > RP_ADDRESS_LEN_MAX)
        return;
    memcpy(text, named.data, named.len);
    text[named.len] = '\0';
    if (text[0] != ':') {
        peering_copy_text(out, RP_ADDRESS_LEN_MAX + 1, text);
    } else if (host > 0 && host + named.len <= RP_ADDRESS_LEN_MAX) {
        memcpy(out, from, host);
        peering_copy_text(out + host, RP_ADDRESS_LEN_MAX + 1 - host, text);
    }
}

void peering_learn_address(struct link *link, const struct rp_hello *hello, const char *from)
{
    struct core *core = link->core;
    struct peer *peer = link->peer;
    char named[RP_ADDRESSES_MAX][RP_ADDRESS_LEN_MAX + 1];
    bool changed;

    for (uint32_t i = 0; i < hello->addresses; i++)
        complete_address(named[i], hello->address[i], from);
    /* what another node of it has said stays */
    changed = link_of_peer_but(link) == NULL && drop_learned(peer, named, hello->addresses);
    for (uint32_t i = 0; i < hello->addresses; i++)
        changed |= peering_put_address(peer, named[i], true);
    if (changed)
        (void)peering_store(core, peer);
}

/* Puts ${text} among the learned addresses, in place of the first one learned when there are too
 * many: it is tried next. True when that changed them. */
static bool follow_address(struct peer *peer, const char *text)
{
    struct peer_entry *entry = &peer->entry;
    uint32_t at = 0;

    if (entry->addresses == RP_ADDRESSES_MAX) {
        for (uint32_t i = 0; i < entry->addresses; i++) {
            if (strcmp(entry->address[i].text, text) == 0)
                return false;
        }
        while (at < entry->addresses && !entry->address[at].learned)
            at++;
        if (at == entry->addresses) /* all by hand */
            return false;
        entry->addresses--;
        memmove(&entry->address[at], &entry->address[at + 1],
                (entry->addresses - at) * sizeof entry->address[0]);
    }
    if (!peering_put_address(peer, text, true))
        return false;
    peer->next_address = entry->addresses - 1;
    return true;
}

void peering_follow(struct core *core, struct peer *peer, const struct rp_beacon *beacon,
                    uint64_t now_ms)
{
    struct peer_entry before = peer->entry;
    char text[RP_ADDRESS_LEN_MAX + 1];
    bool changed = false;

    if (link_of_peer(core, peer) != NULL) /* it has told us itself */
        return;
    for (uint32_t i = 0; i < beacon->addresses; i++) {
        if (beacon->address[i].data[0] != ':') {
            complete_address(text, beacon->address[i], NULL);
            changed |= follow_address(peer, text);
            continue;
        }
        for (uint32_t k = 0; k < before.addresses; k++) { /* a host where it was called before */
            complete_address(text, beacon->address[i], before.address[k].text);
            changed |= follow_address(peer, text);
        }
    }
    if (!changed)
        return;
    (void)peering_store(core, peer);
    if (!peer->dialling)
        peering_plan_dial(core, peer, now_ms, true);
}

/* Dialling */

bool peering_is_shut(const struct core *core, const struct peer *peer)
{
    return core->orgs[peer->org].blocked || peer->entry.paused;
}

void peering_plan_dial(struct core *core, struct peer *peer, uint64_t now_ms, bool soon)
{
    if (peer->entry.addresses == 0 || peering_is_shut(core, peer))
        return;
    if (peer->shut_until > now_ms) {
        peer->next_dial = peer->shut_until;
        return;
    }
    if (soon) {
        peer->dial_wait = 0;
        peer->next_dial = now_ms + rp_rand_below(&core->rand, 100);
        return;
    }
    peer->dial_wait = peer->dial_wait == 0 ? DIAL_FIRST_MS : 2 * peer->dial_wait;
    if (peer->dial_wait > DIAL_MAX_MS)
        peer->dial_wait = DIAL_MAX_MS;
    peer->next_dial =
        now_ms + peer->dial_wait + (uint64_t)core_random_jitter(core, peer->dial_wait);
}

void peering_fault(struct link *link, uint64_t now_ms)
{
    struct peer *peer = link->peer;
    bool first;

    if (peer == NULL || link->state == LINK_ENDING || ++peer->faults < FAULTS_MAX)
        return;
    first = peer->shut_often++ == 0;
    peer->shut_until = now_ms + (first ? SHUT_MS : SHUT_MAX_MS);
    peer->faults = 0;
    peer->next_dial = UINT64_MAX; /* planned when the link is closed */
    peering_note(peer, "misbehaves",
                 first
                     ? "it has sent too many records that are not valid, or withdrawn, or not for "
                       "this node: shut out for ten minutes"
                     : "it has again sent too many records that are not valid, or withdrawn, or "
                       "not for this node: shut out for a day, or until rpctl peer resume");
    link_end(link, "misbehaves");
}

bool peering_has_link(const struct core *core, const struct peer *peer)
{
    for (const struct link *link = core->links; link != NULL; link = link->next) {
        if (link->peer == peer && link->state != LINK_ENDING)
            return true;
    }
    return false;
}

void peering_dial(struct core *core, struct peer *peer, uint64_t now_ms)
{
    struct core_effect *effect = core_effect_new(core, CORE_DIAL);
    const struct peer_address *address =
        &peer->entry.address[peer->next_address % peer->entry.addresses];

    if (effect == NULL) {
        peering_plan_dial(core, peer, now_ms, false);
        return;
    }
    peer->next_address++;
    peer->dialling = true;
    peer->next_dial = UINT64_MAX;
    memcpy(effect->org, peer->entry.org, RP_ID_LEN);
    peering_copy_text(effect->address, sizeof effect->address, address->text);
}

void core_dial_failed(struct core *core, const uint8_t org[static RP_ID_LEN], const char *why,
                      uint64_t now_ms)
{
    struct peer *peer = contacts_called(core, org);

    if (peer == NULL)
        return;
    peer->dialling = false;
    if (peering_has_link(core, peer))
        return;
    peering_note(peer, "unreachable", why);
    peering_plan_dial(core, peer, now_ms, false);
}

uint64_t peering_deadline(const struct core *core)
{
    uint64_t deadline = UINT64_MAX;

    for (uint32_t i = 0; i < core->peers_n; i++) {
        if (core->peers[i]->next_dial < deadline)
            deadline = core->peers[i]->next_dial;
    }
    return deadline;
}

void peering_tick(struct core *core, uint64_t now_ms)
{
    for (uint32_t i = 0; i < core->peers_n; i++) {
        struct peer *peer = core->peers[i];

        if (peer->entry.last_sync > peer->saved_sync + SAVE_SYNC_MS ||
            (peer->saved_sync == 0 && peer->entry.last_sync > 0)) {
            peer->saved_sync = peer->entry.last_sync;
            (void)peering_store(core, peer);
        }
        if (peer->next_dial > now_ms)
            continue;
        peer->next_dial = UINT64_MAX;
        if (!peer->dialling && peer->entry.addresses > 0 && !peering_has_link(core, peer))
            peering_dial(core, peer, now_ms);
    }
}

void peering_stop(struct core *core)
{
    for (uint32_t i = 0; i < core->peers_n; i++) {
        struct peer *peer = core->peers[i];

        peer->next_dial = UINT64_MAX;
        if (peer->entry.last_sync != peer->saved_sync)
            (void)peering_store(core, peer);
    }
}

void peering_knock(struct core *core, const struct link *link, const struct rp_hello *hello,
                   uint64_t now_ms)
{
    const struct rp_proof *proof = rp_session_proof(link->session);
    struct knock *knock = NULL;

    for (uint32_t i = 0; i < core->knocks_n; i++) {
        if (memcmp(core->knocks[i].org, proof->identity.org, RP_ID_LEN) == 0)
            knock = &core->knocks[i];
    }
    if (knock == NULL && core->knocks_n < KNOCKS_MAX)
        knock = &core->knocks[core->knocks_n++];
    if (knock == NULL) { /* the one that called longest ago makes room */
        knock = &core->knocks[0];
        for (uint32_t i = 1; i < core->knocks_n; i++) {
            if (core->knocks[i].at < knock->at)
                knock = &core->knocks[i];
        }
    }
    memcpy(knock->org, proof->identity.org, RP_ID_LEN);
    peering_copy_text(knock->name, sizeof knock->name, proof->identity.name);
    peering_copy_text(knock->address, sizeof knock->address, link->address);
    knock->callable[0] = '\0';
    if (hello->addresses > 0)
        complete_address(knock->callable, hello->address[0], link->address);
    knock->at = core_calendar(core, now_ms);
}

bool core_knock(const struct core *core, uint32_t i, struct knock *out)
{
    if (i >= core->knocks_n)
        return false;
    *out = core->knocks[i];
    return true;
}

int core_compare(struct core *core, const uint8_t org[static RP_ID_LEN], uint64_t now_ms)
{
    struct peer *peer = peering_find(core, org);
    struct link *link = peer != NULL ? link_of_peer(core, peer) : NULL;

    if (peer == NULL)
        return RP_ERR_NOT_FOUND;
    if (link == NULL)
        return RP_ERR_OFFLINE;
    link->commons.content_next = false;
    exchange_plan(&link->commons, now_ms);
    return RP_OK;
}

/* Status */

static enum peer_state state_of(const struct peer *peer, const struct link *link,
                                const struct peer_status *status)
{
    if (status->blocked)
        return PEER_BLOCKED;
    if (peer->entry.paused)
        return PEER_PAUSED;
    if (link == NULL)
        return peer->refused && strcmp(peer->why_code, "not-a-peer") == 0 ? PEER_WAITING
               : peer->refused                                            ? PEER_REFUSED
                                                                          : PEER_OFFLINE;
    if (status->recv_pending > 0 || !status->pending_known)
        return PEER_BEHIND;
    return status->send_pending > 0 ? PEER_AHEAD : PEER_IN_SYNC;
}

bool core_peer_status(struct core *core, uint32_t i, struct peer_status *out)
{
    struct peer *peer;
    struct link *link;

    if (i >= core->peers_n)
        return false;
    peer = core->peers[i];
    link = link_of_peer(core, peer);
    *out = (struct peer_status){
        .entry = &peer->entry,
        .name = peer->entry.name,
        .linked = link != NULL,
        .blocked = core->orgs[peer->org].blocked,
        .last_sync = peer->entry.last_sync,
        .exchanges = peer->exchanges,
        .retry_at = link == NULL && peer->next_dial != UINT64_MAX
                        ? core_calendar(core, peer->next_dial)
                        : 0,
    };
    if (out->name[0] == '\0' && peer->org == ORG_SELF)
        out->name = "our other nodes";
    else if (out->name[0] == '\0' && core->orgs[peer->org].name != NULL)
        out->name = core->orgs[peer->org].name;
    if (peer->why_code[0] != '\0') {
        out->why_code = peer->why_code;
        out->why_text = peer->why_text;
    }
    if (link != NULL) {
        size_t backlog = fetch_backlog(link);

        out->outbound = link->outbound;
        out->recv_pending = backlog > link->found_need ? backlog : link->found_need;
        out->send_pending = link->offered;
        out->pending_known = link->counts_as_sync || link->peer->exchanges > 0;
        out->address = link->address;
        out->bytes_in = link->bytes_in;
        out->bytes_out = link->bytes_out;
        out->clock_ms = link->clock_ms;
        out->refused = link->refused;
        out->held_back = waiting_held(link);
    } else if (peer->entry.addresses > 0) {
        out->address = peer->entry.address[0].text;
    }
    out->state = state_of(peer, link, out);
    return true;
}
