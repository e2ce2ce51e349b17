#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "core_private.h"
#include "rp/err.h"

/*
 * Invites: those that we made, which somebody uses once, and the one of somebody else's by which we
 * join (SPEC 3.6).
 */

static const struct act no_words = {NULL, 0};

static bool add_invite(struct core *core, const struct invite_entry *invite)
{
    struct invite_entry *invites = realloc(core->invites, (core->invites_n + 1) * sizeof *invites);

    if (invites == NULL)
        return false;
    core->invites = invites;
    core->invites[core->invites_n++] = *invite;
    return true;
}

void invites_load_all(struct core *core, struct kv_txn *txn)
{
    struct kv_iter it;

    for (kv_first(&it, txn, KV_INVITE, (struct rp_slice){NULL, 0}); it.found; kv_next(&it)) {
        struct invite_entry invite;

        if (invites_load(txn, it.key.data, &invite) && !add_invite(core, &invite))
            kv_fail(txn, RP_ERR_NOMEM);
    }
}

void invites_free(struct core *core)
{
    free(core->invites);
}

void invites_renew(const struct core *core, struct invite_entry *invite)
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
    uint32_t number = trust_intern(core, proof->identity.org);
    struct change *change;

    if (number == 0 || trust_learn_inception(core, number, proof->inception) == RP_ERR_NOMEM)
        return RP_ERR_NOMEM;
    change = acts_change(core, CHANGE_INVITE, "invite-used", number, &no_words, now_ms);
    if (change == NULL)
        return RP_ERR_NOMEM;
    invite->used = true;
    memcpy(invite->used_by, proof->identity.org, RP_ID_LEN);
    change->invite = *invite;
    (void)core_store(core, change);
    return RP_OK;
}

int invites_use(struct core *core, const uint8_t *secret, const struct rp_proof *proof,
                uint64_t now_ms, struct invite_entry *out)
{
    uint8_t name[RP_HASH_LEN];
    int err;

    rp_token_name(name, secret);
    for (uint32_t i = 0; i < core->invites_n; i++) {
        struct invite_entry *invite = &core->invites[i];

        if (memcmp(invite->name, name, sizeof name) != 0)
            continue;
        if (invite->revoked != 0)
            return RP_ERR_REVOKED;
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

/* A change of an invite that is an act: whom it was for stands in the log, the invite does not. */
static struct change *invite_change(const struct core *core, const char *what,
                                    const struct invite_entry *invite, const char *because,
                                    uint64_t now_ms)
{
    struct change *change = core_change_new(CHANGE_INVITE);
    struct audit_entry entry = {
        .at = core_calendar(core, now_ms),
        .what = what,
        .name = invite->note[0] != '\0' ? invite->note : NULL,
        .because = because,
    };

    if (change != NULL && audit_pack(&change->audit, &entry) != RP_OK) {
        core_change_free(change);
        return NULL;
    }
    return change;
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
    struct change *change;
    int err;

    memcpy(token.org, core->self->identity.org, RP_ID_LEN);
    rp_rand_bytes(&core->rand, token.secret, sizeof token.secret);
    for (uint32_t i = 0; i < core->addresses_n; i++)
        peering_copy_text(token.address[i], sizeof token.address[i], core->addresses[i]);
    peering_copy_text(invite.note, sizeof invite.note, opts->note);
    rp_token_name(invite.name, token.secret);
    if ((err = rp_token_write(text, &token)) != RP_OK)
        return err;
    change = invite_change(core, "invite", &invite, NULL, now_ms);
    if (change == NULL || !add_invite(core, &invite)) {
        acts_free(change);
        return RP_ERR_NOMEM;
    }
    change->tag = opts->tag;
    change->invite = invite;
    (void)core_store(core, change);
    return RP_OK;
}

int core_join(struct core *core, const struct rp_token *token, uint64_t now_ms)
{
    struct peer *peer = peering_find(core, token->org);
    bool by_join = peer == NULL || peer->entry.by_join;
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
        acts_free(change);
        return RP_ERR_NOMEM;
    }
    for (uint32_t i = 0; i < token->addresses; i++)
        (void)peering_put_address(peer, token->address[i], false);
    peer->entry.joining = true;
    peer->entry.by_join = by_join;
    core->join_refused = (struct join_refusal){.code = ""};
    peer->refused = false;
    memcpy(peer->entry.secret, token->secret, sizeof peer->entry.secret);
    peering_note(peer, "joining", "calling the organisation that invited us");
    change->peer = peer->entry;
    (void)core_store(core, change);
    trust_recompute(core, now_ms); /* it may be known from before */
    peering_plan_dial(core, peer, now_ms, true);
    return RP_OK;
}

void invites_joined(struct core *core, struct peer *peer)
{
    peer->entry.joining = false;
    peer->entry.by_join = false;
    sodium_memzero(peer->entry.secret, sizeof peer->entry.secret);
    (void)peering_store(core, peer);
}

void invites_refused(struct core *core, struct peer *peer, const char *code, const char *text,
                     uint64_t now_ms)
{
    struct join_refusal *refusal = &core->join_refused;
    const struct act act = {text, 0};
    struct change *change;

    memcpy(refusal->org, peer->entry.org, RP_ID_LEN);
    peering_copy_text(refusal->code, sizeof refusal->code, code);
    peering_copy_text(refusal->text, sizeof refusal->text, text);
    if (!peer->entry.by_join) { /* it was a peer before, and stays one */
        invites_joined(core, peer);
        return;
    }
    change = acts_change(core, CHANGE_PEER_REMOVE, "join-refused", peer->org, &act, now_ms);
    if (change == NULL)
        return; /* it will be refused again */
    memcpy(change->peer.org, peer->entry.org, RP_ID_LEN);
    peering_forget(core, peer);
    (void)core_store(core, change);
    trust_recompute(core, now_ms);
}

bool core_join_refused(const struct core *core, const uint8_t org[static RP_ID_LEN],
                       struct join_refusal *out)
{
    *out = core->join_refused;
    return out->code[0] != '\0' && memcmp(out->org, org, RP_ID_LEN) == 0;
}

void invites_spend(struct core *core, const uint8_t org[static RP_ID_LEN], uint64_t now_ms)
{
    for (uint32_t i = 0; i < core->invites_n; i++) {
        struct invite_entry *invite = &core->invites[i];
        struct change *change;

        if (!invite->used || invite->revoked != 0 || memcmp(invite->used_by, org, RP_ID_LEN) != 0)
            continue;
        invite->revoked = core_calendar(core, now_ms);
        if ((change = core_change_new(CHANGE_INVITE)) == NULL)
            continue; /* it holds as long as this node runs, and expires */
        change->invite = *invite;
        (void)core_store(core, change);
    }
}

bool core_invite_entry(const struct core *core, uint32_t i, struct invite_entry *out)
{
    if (i >= core->invites_n)
        return false;
    *out = core->invites[i];
    return true;
}

int core_revoke_invite(struct core *core, const uint8_t name[static RP_HASH_LEN],
                       const struct act *act, uint64_t now_ms)
{
    for (uint32_t i = 0; i < core->invites_n; i++) {
        struct invite_entry *invite = &core->invites[i];
        struct change *change;

        if (memcmp(invite->name, name, RP_HASH_LEN) != 0)
            continue;
        if (invite->revoked != 0)
            return RP_ERR_REVOKED;
        if (invite->used)
            return RP_ERR_USED;
        change = invite_change(core, "invite-revoke", invite, act->because, now_ms);
        if (change == NULL)
            return RP_ERR_NOMEM;
        change->tag = act->tag;
        invite->revoked = core_calendar(core, now_ms);
        change->invite = *invite;
        (void)core_store(core, change);
        return RP_OK;
    }
    return RP_ERR_NOT_FOUND;
}
