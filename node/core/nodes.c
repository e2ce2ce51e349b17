#include <stdlib.h>
#include <string.h>

#include "nodes.h"
#include "rp/err.h"
#include "store/revoked.h"

bool nodes_is_revoked(struct kv_txn *txn, uint32_t org, const struct rp_certificate *certificate)
{
    return org != 0 && revoked_has(txn, org, certificate->sign, NULL);
}

bool nodes_has_sibling(const struct core *core)
{
    return peering_find(core, core->self->identity.org) != NULL;
}

bool nodes_is_sibling(const struct core *core, const struct rp_proof *proof)
{
    return memcmp(proof->identity.org, core->self->identity.org, RP_ID_LEN) == 0;
}

void nodes_look(struct core *core)
{
    struct kv_txn *txn;
    int err;

    if ((txn = kv_begin(core->kv, false, &err)) == NULL)
        return;
    core->self_revoked = revoked_has(txn, ORG_SELF, core->self->node.public, NULL);
    kv_abort(txn);
}

struct peer *nodes_found(struct core *core, uint64_t now_ms)
{
    struct peer *peer = peering_find(core, core->self->identity.org);

    if (peer != NULL || (peer = peering_add(core, core->self->identity.org, now_ms)) == NULL)
        return peer;
    (void)peering_store(core, peer);
    return peer;
}

/* Without a link with another node of ours there may be none left: one that there is will call, or
 * be heard of. */
static void forget_siblings(struct core *core)
{
    struct peer *peer = peering_find(core, core->self->identity.org);
    struct change *change;

    if (peer == NULL || link_of_peer(core, peer) != NULL ||
        (change = core_change_new(CHANGE_PEER_REMOVE)) == NULL)
        return;
    memcpy(change->peer.org, peer->entry.org, RP_ID_LEN);
    peering_forget(core, peer);
    (void)core_store(core, change);
}

void nodes_revoked(struct core *core, uint32_t org)
{
    keys_judge_again(core, org);
    if (org == ORG_SELF)
        forget_siblings(core);
}

bool core_node_linked(const struct core *core, const uint8_t node[static RP_KEY_LEN])
{
    for (const struct link *link = core->links; link != NULL; link = link->next) {
        if (link->state == LINK_OPEN &&
            memcmp(rp_session_proof(link->session)->certificate.sign, node, RP_KEY_LEN) == 0)
            return true;
    }
    return false;
}

/* Granting */

static int prove(const struct core *core, const struct rp_node_request *request, uint64_t now,
                 struct rp_bytes *out)
{
    struct rp_certificate certificate = {.serial = now, .issued = now};
    struct rp_bytes issued;
    int err;

    memcpy(certificate.org, request->org, RP_ID_LEN);
    memcpy(certificate.key, core->self->key.public, RP_KEY_LEN);
    memcpy(certificate.noise, request->noise, RP_KEY_LEN);
    memcpy(certificate.sign, request->sign, RP_KEY_LEN);
    memcpy(certificate.name, request->name, sizeof certificate.name);
    if ((err = rp_certificate_issue(&issued, &certificate, &core->self->key)) != RP_OK)
        return err;
    err = rp_certificate_prove(out, rp_bytes_slice(&issued), core->self->inception,
                               core->self->succession, core->self->successions);
    rp_bytes_free(&issued);
    return err;
}

/* Ourselves first, and then those of our peers that can be called. */
static void put_peers(const struct core *core, struct rp_grant *grant)
{
    struct rp_grant_peer *out = &grant->peer[grant->peers++];

    memcpy(out->org, core->self->identity.org, RP_ID_LEN);
    for (uint32_t i = 0; i < core->addresses_n; i++) {
        if (core->addresses[i][0] != ':') /* of no use without a host */
            peering_copy_text(out->address[out->addresses++], sizeof out->address[0],
                              core->addresses[i]);
    }
    for (uint32_t i = 0; i < core->peers_n && grant->peers < RP_GRANT_PEERS_MAX; i++) {
        const struct peer *peer = core->peers[i];
        const struct peer_entry *entry = &peer->entry;

        if (peer->org == ORG_SELF || entry->addresses == 0 || entry->joining ||
            peering_is_shut(core, peer))
            continue;
        out = &grant->peer[grant->peers++];
        memcpy(out->org, entry->org, RP_ID_LEN);
        peering_copy_text(out->name, sizeof out->name, entry->name);
        for (uint32_t k = 0; k < entry->addresses; k++)
            peering_copy_text(out->address[out->addresses++], sizeof out->address[0],
                              entry->address[k].text);
    }
}

/* Whether the node that asks may be certified. */
static int judge_request(const struct core *core, const struct rp_node_request *request)
{
    struct kv_txn *txn;
    int err;

    if (memcmp(request->org, core->self->identity.org, RP_ID_LEN) != 0 ||
        memcmp(request->sign, core->self->node.public, RP_KEY_LEN) == 0)
        return RP_ERR_ARGUMENT;
    if ((txn = kv_begin(core->kv, false, &err)) == NULL)
        return err;
    err = revoked_has(txn, ORG_SELF, request->sign, NULL) ? RP_ERR_REVOKED : kv_err(txn);
    kv_abort(txn);
    return err;
}

int core_add_node(struct core *core, const struct rp_node_request *request, bool with_key,
                  const struct act *act, uint64_t now_ms)
{
    struct audit_entry entry = {
        .at = core_calendar(core, now_ms),
        .what = with_key ? "node-add-key" : "node-add",
        .node = request->sign,
        .name = request->name,
        .because = act->because,
    };
    struct change *change;
    struct peer *peer;
    int err = judge_request(core, request);

    if (err != RP_OK)
        return err;
    change = core_change_new(CHANGE_PEER);
    if (change == NULL || audit_pack(&change->audit, &entry) != RP_OK ||
        (peer = peering_add(core, core->self->identity.org, now_ms)) == NULL) {
        acts_free(change);
        return RP_ERR_NOMEM;
    }
    change->peer = peer->entry;
    change->tag = act->tag;
    (void)core_store(core, change);
    return RP_OK;
}

int core_grant(const struct core *core, const struct rp_node_request *request, uint64_t now_ms,
               char **text)
{
    struct rp_grant *grant = calloc(1, sizeof *grant);
    struct rp_bytes proof;
    int err;

    if (grant == NULL)
        return RP_ERR_NOMEM;
    if ((err = prove(core, request, core_calendar(core, now_ms), &proof)) == RP_OK) {
        grant->proof = rp_bytes_slice(&proof);
        put_peers(core, grant);
        err = rp_grant_write(text, grant, &core->self->key);
        rp_bytes_free(&proof);
    }
    free(grant);
    return err;
}
