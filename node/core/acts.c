#include <stdlib.h>
#include <string.h>

#include "author/author.h"
#include "circles.h"
#include "rp/err.h"

/*
 * What the operator does about other organisations and their records. An act is decided here, its
 * entry for the audit log made before anything is changed, and both are stored together.
 */

static const struct act no_words = {NULL, 0};

int acts_audit(const struct core *core, const char *what, uint32_t org, const char *because,
               uint64_t now_ms, struct rp_bytes *out)
{
    const struct core_org *o = &core->orgs[org];
    struct audit_entry entry = {
        .at = core_calendar(core, now_ms),
        .what = what,
        .org = org != 0 ? o->id : NULL,
        .name = org != 0 ? o->name : NULL,
        .because = because,
    };

    return audit_pack(out, &entry);
}

struct change *acts_change(const struct core *core, enum change_type type, const char *what,
                           uint32_t org, const struct act *act, uint64_t now_ms)
{
    struct change *change = core_change_new(type);

    if (change == NULL)
        return NULL;
    change->tag = act->tag;
    if (acts_audit(core, what, org, act->because, now_ms, &change->audit) != RP_OK) {
        core_change_free(change);
        return NULL;
    }
    return change;
}

void acts_free(struct change *change)
{
    if (change != NULL)
        core_change_free(change);
}

int core_vouch(struct core *core, const uint8_t org[static RP_ID_LEN], const char *statement,
               const struct act *act, uint64_t now_ms)
{
    struct author author = {&core->self->key, core->self->identity.org, &core->rand,
                            core_calendar(core, now_ms)};
    uint32_t number = trust_find(core, org);
    struct core_org *o = &core->orgs[number];
    struct rp_bytes packed;
    struct rp_bytes audit;
    int err;

    if (number == ORG_SELF)
        return RP_ERR_ARGUMENT;
    if (number == 0 || o->inception.len == 0)
        return RP_ERR_NOT_FOUND;
    if (o->blocked)
        return RP_ERR_DENIED;
    if (trust_vouched_by_us(core, number))
        return RP_ERR_EXISTS;
    if ((err = acts_audit(core, "vouch", number, act->because, now_ms, &audit)) != RP_OK)
        return err;
    err = author_vouch(&packed, &author, o->id, rp_bytes_slice(&o->inception), statement);
    if (err != RP_OK) {
        rp_bytes_free(&audit);
        return err;
    }
    o->vouch_due = false;
    return core_submit_act(core, &packed, NULL, &audit, act->tag);
}

int core_unvouch(struct core *core, const uint8_t org[static RP_ID_LEN], const struct act *act,
                 uint64_t now_ms)
{
    uint32_t number = trust_find(core, org);

    if (number == 0 || !trust_vouched_by_us(core, number))
        return RP_ERR_NOT_FOUND;
    return trust_unvouch(core, number, NULL, act, now_ms);
}

/* Ends what there is of connections with a peer that is shut out now. */
static void part_from(struct core *core, struct peer *peer, const char *code, const char *why)
{
    peer->next_dial = UINT64_MAX;
    peering_note(peer, code, why);
    for (struct link *link = core->links; link != NULL; link = link->next) {
        if (link->peer == peer)
            link_end(link, code);
    }
}

/* Connects with a peer again that was shut out. */
static void take_up(struct core *core, struct peer *peer, uint64_t now_ms)
{
    peer->refused = false;
    peer->why_code[0] = '\0';
    peer->shut_until = 0;
    peering_plan_dial(core, peer, now_ms, true);
}

int core_block(struct core *core, const uint8_t org[static RP_ID_LEN], const struct act *act,
               uint64_t now_ms)
{
    uint32_t number = trust_intern(core, org);
    struct rp_bytes audit;
    struct peer *peer;
    int err;

    if (number == 0)
        return RP_ERR_NOMEM;
    if (number == ORG_SELF)
        return RP_ERR_ARGUMENT;
    if (core->orgs[number].blocked)
        return RP_ERR_EXISTS;
    if ((err = acts_audit(core, "block", number, act->because, now_ms, &audit)) != RP_OK)
        return err;
    core->orgs[number].blocked = true;
    if ((err = trust_store_act(core, number, &audit, act->tag)) != RP_OK) {
        core->orgs[number].blocked = false;
        return err;
    }
    if ((peer = peering_find(core, org)) != NULL)
        part_from(core, peer, "blocked", "it is blocked here: rpctl unblock");
    trust_recompute(core, now_ms);
    return RP_OK;
}

int core_unblock(struct core *core, const uint8_t org[static RP_ID_LEN], const struct act *act,
                 uint64_t now_ms)
{
    uint32_t number = trust_find(core, org);
    struct rp_bytes audit;
    struct peer *peer;
    int err;

    if (number == 0 || !core->orgs[number].blocked)
        return RP_ERR_NOT_FOUND;
    if ((err = acts_audit(core, "unblock", number, act->because, now_ms, &audit)) != RP_OK)
        return err;
    core->orgs[number].blocked = false;
    if ((err = trust_store_act(core, number, &audit, act->tag)) != RP_OK) {
        core->orgs[number].blocked = true;
        return err;
    }
    trust_recompute(core, now_ms);
    if ((peer = peering_find(core, org)) != NULL)
        take_up(core, peer, now_ms);
    return RP_OK;
}

int core_hide(struct core *core, const uint8_t object[static RP_ID_LEN], bool hidden,
              const struct act *act, uint64_t now_ms)
{
    struct audit_entry entry = {
        .at = core_calendar(core, now_ms),
        .what = hidden ? "hide" : "unhide",
        .object = object,
        .because = act->because,
    };
    struct change *change;
    int err;

    if (core_is_hidden(core, object) == hidden)
        return hidden ? RP_ERR_EXISTS : RP_ERR_NOT_FOUND;
    if ((change = core_change_new(CHANGE_HIDE)) == NULL)
        return RP_ERR_NOMEM;
    err = audit_pack(&change->audit, &entry);
    if (err == RP_OK && hidden)
        err = table_put(core->hidden, object, 0);
    if (err != RP_OK) {
        core_change_free(change);
        return err;
    }
    if (!hidden)
        table_del(core->hidden, object);
    memcpy(change->object, object, RP_ID_LEN);
    change->hidden = hidden ? entry.at : 0;
    change->tag = act->tag;
    (void)core_store(core, change);
    return RP_OK;
}

int core_add_peer(struct core *core, const uint8_t org[static RP_ID_LEN], const char *address,
                  const char *name, const struct act *act, uint64_t now_ms)
{
    struct change *change;
    struct peer *peer;

    if (memcmp(org, core->self->identity.org, RP_ID_LEN) == 0)
        return RP_ERR_ARGUMENT;
    change = acts_change(core, CHANGE_PEER, "peer-add", trust_intern(core, org),
                         act != NULL ? act : &no_words, now_ms);
    if (change == NULL || (peer = peering_add(core, org, now_ms)) == NULL) {
        acts_free(change);
        return RP_ERR_NOMEM;
    }
    if (name != NULL)
        peering_copy_text(peer->entry.name, sizeof peer->entry.name, name);
    if (address != NULL)
        (void)peering_put_address(peer, address, false);
    peer->refused = false;
    peer->entry.by_join = false;
    change->peer = peer->entry;
    (void)core_store(core, change);
    trust_recompute(core, now_ms);
    peering_plan_dial(core, peer, now_ms, true);
    return RP_OK;
}

int core_remove_peer(struct core *core, const uint8_t org[static RP_ID_LEN], const struct act *act,
                     uint64_t now_ms)
{
    struct peer *peer = peering_find(core, org);
    struct change *change;
    int err;

    if (peer == NULL)
        return RP_ERR_NOT_FOUND;
    if (peer->org == ORG_SELF) /* it would be there again at its next call */
        return RP_ERR_ARGUMENT;
    change = acts_change(core, CHANGE_PEER_REMOVE, "peer-remove", peer->org,
                         act != NULL ? act : &no_words, now_ms);
    if (change == NULL)
        return RP_ERR_NOMEM;
    memcpy(change->peer.org, org, RP_ID_LEN);
    if ((err = trust_unvouch(core, peer->org, &change, &no_words, now_ms)) != RP_OK) {
        acts_free(change); /* it stays a peer: what is withdrawn so far can be vouched again */
        return err;
    }
    invites_spend(core, org, now_ms);
    peering_forget(core, peer);
    if (change != NULL) /* there was no vouch to be withdrawn first */
        (void)core_store(core, change);
    trust_recompute(core, now_ms);
    return RP_OK;
}

int core_approve(struct core *core, const uint8_t org[static RP_ID_LEN], const struct act *act,
                 uint64_t now_ms)
{
    for (uint32_t i = 0; i < core->knocks_n; i++) {
        struct knock knock = core->knocks[i];

        if (memcmp(knock.org, org, RP_ID_LEN) == 0)
            return core_add_peer(core, org, knock.callable[0] != '\0' ? knock.callable : NULL, NULL,
                                 act, now_ms);
    }
    return RP_ERR_NOT_FOUND;
}

int core_pause_peer(struct core *core, const uint8_t org[static RP_ID_LEN], bool pause,
                    const struct act *act, uint64_t now_ms)
{
    struct peer *peer = peering_find(core, org);
    struct change *change;

    if (peer == NULL)
        return RP_ERR_NOT_FOUND;
    if (peer->entry.paused == pause && (pause || peer->shut_until == 0))
        return RP_ERR_EXISTS;
    change = acts_change(core, CHANGE_PEER, pause ? "peer-pause" : "peer-resume", peer->org, act,
                         now_ms);
    if (change == NULL)
        return RP_ERR_NOMEM;
    peer->entry.paused = pause;
    change->peer = peer->entry;
    (void)core_store(core, change);
    if (pause)
        part_from(core, peer, "paused", "it is paused here: rpctl peer resume");
    else
        take_up(core, peer, now_ms);
    contacts_review(core, now_ms);
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

/* What views ask about it */

int core_verify_words(const struct core *core, const uint8_t org[static RP_ID_LEN],
                      char out[static RP_VERIFY_TEXT_LEN + 1])
{
    struct rp_verify_side ours = {core->self->identity.org, core->self->noise.public};
    struct rp_verify_side theirs = {org, NULL};
    const struct peer *peer = peering_find(core, org);
    const struct link *link = peer != NULL ? link_of_peer(core, peer) : NULL;

    if (peer == NULL)
        return RP_ERR_NOT_FOUND;
    if (link == NULL)
        return RP_ERR_OFFLINE;
    theirs.noise = link->noise;
    rp_verify_words(out, &ours, &theirs);
    return RP_OK;
}

bool core_is_hidden(const struct core *core, const uint8_t object[static RP_ID_LEN])
{
    uint32_t ignored;

    return table_get(core->hidden, object, &ignored);
}

uint32_t core_hidden_count(const struct core *core)
{
    return (uint32_t)table_size(core->hidden);
}

uint32_t core_trust_depth(const struct core *core)
{
    return core->trust_depth;
}

/* The vouch of ${issuer} for ${subject}; of several, the one with the lowest id. */
static const struct vouch *find_vouch(const struct core *core, uint32_t issuer, uint32_t subject)
{
    const struct vouch *found = NULL;

    for (size_t i = 0; i < core->vouches_n; i++) {
        const struct vouch *vouch = &core->vouches[i];

        if (vouch->issuer == issuer && vouch->subject == subject &&
            (found == NULL || memcmp(vouch->symbol, found->symbol, RP_SYMBOL_LEN) < 0))
            found = vouch;
    }
    return found;
}

bool core_trust(const struct core *core, uint32_t number, struct trust_path *out)
{
    const struct core_org *o = &core->orgs[number];
    uint32_t at = number;

    if (number == 0 || number >= core->orgs_n)
        return false;
    *out = (struct trust_path){
        .is_self = number == ORG_SELF,
        .is_peer = trust_is_peer(core, number),
        .by_hand = o->by_hand,
        .blocked = o->blocked,
        .accepted = o->accepted,
        .known = o->inception.len > 0,
        .vouched_by_us = trust_vouched_by_us(core, number),
        .since = o->since,
        .left = o->left,
    };
    if (!o->accepted)
        return true;
    for (uint32_t n = o->depth; n < TRUST_PATH_MAX && at != 0; n--) {
        const struct vouch *vouch = find_vouch(core, core->orgs[at].parent, at);

        out->step[n].org = at;
        if (vouch != NULL)
            memcpy(out->step[n].vouch, vouch->symbol, RP_SYMBOL_LEN);
        at = core->orgs[at].parent;
    }
    out->steps = o->depth < TRUST_PATH_MAX ? o->depth + 1 : 0;
    return true;
}

uint32_t core_voucher(const struct core *core, uint32_t number, uint32_t i)
{
    for (size_t k = 0; k < core->vouches_n; k++) {
        const struct vouch *vouch = &core->vouches[k];

        if (vouch->subject == number && find_vouch(core, vouch->issuer, number) == vouch &&
            i-- == 0)
            return vouch->issuer;
    }
    return 0;
}
