#include <stdlib.h>
#include <string.h>

#include "core_private.h"
#include "rp/err.h"

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

static bool add_invite(struct core *core, const struct invite_entry *invite)
{
    struct invite_entry *invites = realloc(core->invites, (core->invites_n + 1) * sizeof *invites);

    if (invites == NULL)
        return false;
    core->invites = invites;
    core->invites[core->invites_n++] = *invite;
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
    for (kv_first(&it, txn, KV_INVITE, (struct rp_slice){NULL, 0}); it.found; kv_next(&it)) {
        struct invite_entry invite;

        if (invites_load(txn, it.key.data, &invite) && !add_invite(core, &invite))
            kv_fail(txn, RP_ERR_NOMEM);
    }
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
    free(core->invites);
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
    struct change *change = core_change_new(CHANGE_PEER);

    peer->store_due = change == NULL;
    if (change == NULL) {
        core_retry_at(core, 0);
        return 0;
    }
    change->peer = peer->entry;
    return core_store(core, change);
}

static void copy_text(char *out, size_t size, const char *text)
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

void peering_note(struct peer *peer, const char *code, const char *text)
{
    copy_text(peer->why_code, sizeof peer->why_code, code);
    copy_text(peer->why_text, sizeof peer->why_text, text);
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
static bool put_address(struct peer *peer, const char *text, bool learned)
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
    copy_text(entry->address[entry->addresses].text, sizeof entry->address[0].text, text);
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
        copy_text(out, RP_ADDRESS_LEN_MAX + 1, text);
    } else if (host > 0 && host + named.len <= RP_ADDRESS_LEN_MAX) {
        memcpy(out, from, host);
        copy_text(out + host, RP_ADDRESS_LEN_MAX + 1 - host, text);
    }
}

void peering_learn_address(struct core *core, struct peer *peer, const struct rp_hello *hello,
                           const char *from)
{
    char named[RP_ADDRESSES_MAX][RP_ADDRESS_LEN_MAX + 1];
    bool changed;

    for (uint32_t i = 0; i < hello->addresses; i++)
        complete_address(named[i], hello->address[i], from);
    changed = drop_learned(peer, named, hello->addresses);
    for (uint32_t i = 0; i < hello->addresses; i++)
        changed |= put_address(peer, named[i], true);
    if (changed)
        (void)peering_store(core, peer);
}

/* Dialling */

bool peering_is_shut(const struct core *core, const struct peer *peer)
{
    return core->orgs[peer->org].blocked;
}

void peering_plan_dial(struct core *core, struct peer *peer, uint64_t now_ms, bool soon)
{
    if (peer->entry.addresses == 0 || peering_is_shut(core, peer))
        return;
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

static bool has_link(const struct core *core, const struct peer *peer)
{
    for (const struct link *link = core->links; link != NULL; link = link->next) {
        if (link->peer == peer && link->state != LINK_ENDING)
            return true;
    }
    return false;
}

static void dial(struct core *core, struct peer *peer, uint64_t now_ms)
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
    copy_text(effect->address, sizeof effect->address, address->text);
}

void core_dial_failed(struct core *core, const uint8_t org[static RP_ID_LEN], const char *why,
                      uint64_t now_ms)
{
    struct peer *peer = peering_find(core, org);

    if (peer == NULL)
        return;
    peer->dialling = false;
    if (has_link(core, peer))
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
        if (!peer->dialling && peer->entry.addresses > 0 && !has_link(core, peer))
            dial(core, peer, now_ms);
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

/* Invites and knocks */

void peering_renew_invite(const struct core *core, struct invite_entry *invite)
{
    for (uint32_t i = 0; i < core->invites_n; i++) {
        if (memcmp(core->invites[i].name, invite->name, sizeof invite->name) == 0)
            *invite = core->invites[i];
    }
}

/* Notes that an invite is used now. */
static int use_up(struct core *core, struct invite_entry *invite, const struct rp_proof *proof,
                  uint64_t now_ms)
{
    static const struct act act = {NULL, 0};
    uint32_t number = trust_intern(core, proof->identity.org);
    struct change *change;

    if (number == 0 || trust_learn_inception(core, number, proof->inception) == RP_ERR_NOMEM)
        return RP_ERR_NOMEM;
    change = acts_change(core, CHANGE_INVITE, "invite-used", number, &act, now_ms);
    if (change == NULL)
        return RP_ERR_NOMEM;
    invite->used = true;
    memcpy(invite->used_by, proof->identity.org, RP_ID_LEN);
    change->invite = *invite;
    (void)core_store(core, change);
    return RP_OK;
}

int peering_use_invite(struct core *core, const uint8_t *secret, const struct rp_proof *proof,
                       uint64_t now_ms, struct invite_entry *out)
{
    uint8_t name[RP_HASH_LEN];
    int err;

    rp_token_name(name, secret);
    for (uint32_t i = 0; i < core->invites_n; i++) {
        struct invite_entry *invite = &core->invites[i];

        if (memcmp(invite->name, name, sizeof name) != 0)
            continue;
        if (invite->used && memcmp(invite->used_by, proof->identity.org, RP_ID_LEN) != 0)
            return RP_ERR_USED;
        if (!invite->used && invite->expires <= core_calendar(core, now_ms))
            return RP_ERR_EXPIRED;
        err = invite->used ? RP_OK : use_up(core, invite, proof, now_ms);
        *out = *invite;
        return err;
    }
    return RP_ERR_NOT_FOUND;
}

void peering_knock(struct core *core, const struct link *link, uint64_t now_ms)
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
    copy_text(knock->name, sizeof knock->name, proof->identity.name);
    copy_text(knock->address, sizeof knock->address, link->address);
    knock->at = core_calendar(core, now_ms);
}

bool core_knock(const struct core *core, uint32_t i, struct knock *out)
{
    if (i >= core->knocks_n)
        return false;
    *out = core->knocks[i];
    return true;
}

/* Acts of the operator */

static const struct act no_words = {NULL, 0};

static void free_change(struct change *change)
{
    if (change != NULL)
        core_change_free(change);
}

int core_add_peer(struct core *core, const uint8_t org[static RP_ID_LEN], const char *address,
                  const char *name, uint64_t now_ms)
{
    struct change *change;
    struct peer *peer;

    if (memcmp(org, core->self->identity.org, RP_ID_LEN) == 0)
        return RP_ERR_ARGUMENT;
    change = acts_change(core, CHANGE_PEER, "peer-add", trust_intern(core, org), &no_words, now_ms);
    if (change == NULL || (peer = peering_add(core, org, now_ms)) == NULL) {
        free_change(change);
        return RP_ERR_NOMEM;
    }
    if (name != NULL)
        copy_text(peer->entry.name, sizeof peer->entry.name, name);
    if (address != NULL)
        (void)put_address(peer, address, false);
    peer->refused = false;
    change->peer = peer->entry;
    (void)core_store(core, change);
    trust_recompute(core, now_ms);
    peering_plan_dial(core, peer, now_ms, true);
    return RP_OK;
}

int core_remove_peer(struct core *core, const uint8_t org[static RP_ID_LEN], uint64_t now_ms)
{
    struct peer *peer = peering_find(core, org);
    struct change *change;
    int err;

    if (peer == NULL)
        return RP_ERR_NOT_FOUND;
    change = acts_change(core, CHANGE_PEER_REMOVE, "peer-remove", peer->org, &no_words, now_ms);
    if (change == NULL)
        return RP_ERR_NOMEM;
    memcpy(change->peer.org, org, RP_ID_LEN);
    if ((err = trust_unvouch(core, peer->org, &change, &no_words, now_ms)) != RP_OK) {
        free_change(change); /* it stays a peer: what is withdrawn so far can be vouched again */
        return err;
    }
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
    free(peer);
    if (change != NULL) /* there was no vouch to be withdrawn first */
        (void)core_store(core, change);
    trust_recompute(core, now_ms);
    return RP_OK;
}

int core_invite(struct core *core, const struct invite_opts *opts, uint64_t now_ms,
                char text[static RP_TOKEN_TEXT_MAX + 1])
{
    struct invite_entry invite = {
        .created = core_calendar(core, now_ms),
        .expires = core_calendar(core, now_ms) + opts->keep_ms,
        .vouches = opts->vouches,
    };
    struct rp_token token = {.expires = invite.expires / 1000, .addresses = core->addresses_n};
    const struct act act = {opts->note[0] != '\0' ? opts->note : NULL, 0};
    struct change *change;
    int err;

    memcpy(token.org, core->self->identity.org, RP_ID_LEN);
    rp_rand_bytes(&core->rand, token.secret, sizeof token.secret);
    for (uint32_t i = 0; i < core->addresses_n; i++)
        copy_text(token.address[i], sizeof token.address[i], core->addresses[i]);
    copy_text(invite.note, sizeof invite.note, opts->note);
    rp_token_name(invite.name, token.secret);
    if ((err = rp_token_write(text, &token)) != RP_OK)
        return err;
    change = acts_change(core, CHANGE_INVITE, "invite", 0, &act, now_ms);
    if (change == NULL || !add_invite(core, &invite)) {
        free_change(change);
        return RP_ERR_NOMEM;
    }
    change->invite = invite;
    (void)core_store(core, change);
    return RP_OK;
}

int core_join(struct core *core, const struct rp_token *token, uint64_t now_ms)
{
    struct peer *peer = peering_find(core, token->org);
    struct change *change;

    if (memcmp(token->org, core->self->identity.org, RP_ID_LEN) == 0)
        return RP_ERR_ARGUMENT;
    if (token->expires * 1000 <= core_calendar(core, now_ms))
        return RP_ERR_EXPIRED;
    if (peer != NULL && link_of_peer(core, peer) != NULL)
        return RP_ERR_EXISTS;
    change =
        acts_change(core, CHANGE_PEER, "join", trust_intern(core, token->org), &no_words, now_ms);
    if (change == NULL || (peer = peering_add(core, token->org, now_ms)) == NULL) {
        free_change(change);
        return RP_ERR_NOMEM;
    }
    for (uint32_t i = 0; i < token->addresses; i++)
        (void)put_address(peer, token->address[i], false);
    peer->entry.joining = true;
    peer->refused = false;
    memcpy(peer->entry.secret, token->secret, sizeof peer->entry.secret);
    peering_note(peer, "joining", "calling the organisation that invited us");
    change->peer = peer->entry;
    (void)core_store(core, change);
    trust_recompute(core, now_ms); /* it may be known from before */
    peering_plan_dial(core, peer, now_ms, true);
    return RP_OK;
}

int core_accept_org(struct core *core, struct rp_slice inception, uint64_t now_ms)
{
    struct rp_identity identity;
    struct rp_bytes audit;
    uint32_t number;
    int err = rp_identity_read(&identity, inception);

    if (err != RP_OK)
        return err;
    if ((number = trust_intern(core, identity.org)) == 0)
        return RP_ERR_NOMEM;
    if ((err = trust_learn_inception(core, number, inception)) != RP_OK)
        return err;
    if (core->orgs[number].by_hand)
        return RP_OK;
    if ((err = acts_audit(core, "accept", number, NULL, now_ms, &audit)) != RP_OK)
        return err;
    core->orgs[number].by_hand = true;
    if ((err = trust_store_act(core, number, &audit, 0)) != RP_OK) {
        core->orgs[number].by_hand = false;
        return err;
    }
    trust_recompute(core, now_ms);
    return RP_OK;
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
    if (out->name[0] == '\0' && core->orgs[peer->org].name != NULL)
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
    } else if (peer->entry.addresses > 0) {
        out->address = peer->entry.address[0].text;
    }
    out->state = state_of(peer, link, out);
    return true;
}
