#include "circles.h"
#include "rp/err.h"
#include "rp/identity.h"
#include "rp/record.h"
#include "rp/recover.h"
#include "store/chain.h"
#include "store/orgs.h"
#include "store/records.h"

/*
 * The keys of a circle's members (SPEC 3.8). Successions are records of the commons and reach those
 * who accept their organisation; members of a circle need not. So they tell each other of them on
 * the links on which they compare the circle, else what a member says with a new key would be
 * refused by whoever has no link with it.
 */

static void tell(struct link *link, struct kv_txn *txn, uint32_t number)
{
    struct chain chain;
    struct org org;

    if (!orgs_load(txn, number, &org) || chain_read(&chain, &org) != RP_OK || chain.rivals > 0)
        return;
    rp_chain_write(&link->writer, org.inception, chain.packed, chain.identity.number);
    link_send(link);
}

/* Whether the other side may need to be told of a member's keys: its own are in its proof. */
static bool concerns(const struct link *link, uint32_t org)
{
    return link->state == LINK_OPEN && link->peer != NULL && org != ORG_SELF &&
           org != link->peer->org && link->core->orgs[org].successions > 0;
}

void chains_meet(struct link *link, const struct circle *circle)
{
    struct kv_txn *txn;
    int err;

    if ((txn = kv_begin(link->core->kv, false, &err)) == NULL)
        return; /* at the next meeting, then */
    for (uint32_t i = 0; i < circle->members_n; i++) {
        if (concerns(link, circle->members[i]))
            tell(link, txn, circle->members[i]);
    }
    kv_abort(txn);
}

/* Whether ${org} is a member of a circle that both sides have accepted. */
static bool has_in_common(const struct link *link, uint32_t org)
{
    const struct shared *shared = link->commons.next;

    while (shared != NULL &&
           !(shared->remote_in && circles_has_member((const struct circle *)shared->scope, org)))
        shared = shared->next;
    return shared != NULL;
}

void chains_changed(struct core *core, uint32_t org)
{
    struct kv_txn *txn;
    int err;

    if ((txn = kv_begin(core->kv, false, &err)) == NULL)
        return; /* at the next meeting, then */
    for (struct link *link = core->links; link != NULL; link = link->next) {
        if (concerns(link, org) && has_in_common(link, org))
            tell(link, txn, org);
    }
    kv_abort(txn);
}

/* Follows one of the successions; submits it when it is new here. */
static int follow(struct core *core, struct kv_txn *txn, struct rp_identity *identity,
                  struct rp_slice packed)
{
    struct rp_opened opened;
    struct place place;
    int err = rp_record_open(&opened, packed);

    if (err != RP_OK)
        return err;
    err = rp_identity_succeed(identity, &opened.record);
    if (err == RP_OK && !records_find(txn, opened.record.id, &place) &&
        core_submit(core, packed) == NULL)
        err = RP_ERR_NOMEM;
    rp_record_close(&opened);
    return err;
}

int chains_receive(struct link *link, struct rp_slice frame)
{
    struct core *core = link->core;
    struct rp_identity identity;
    struct rp_chain chain;
    struct kv_txn *txn;
    uint32_t org;
    int err = rp_chain_read(&chain, frame);

    if (err == RP_OK)
        err = rp_identity_read(&identity, chain.inception);
    if (err != RP_OK)
        return err;
    org = trust_find(core, identity.org);
    if (org == 0 || !core->orgs[org].stored || !has_in_common(link, org) ||
        chain.n <= core->orgs[org].successions)
        return RP_OK; /* nothing to us, or nothing new */
    if ((txn = kv_begin(core->kv, false, &err)) == NULL)
        return err;
    for (uint32_t i = 0; i < chain.n && err == RP_OK; i++)
        err = follow(core, txn, &identity, chain.successions[i]);
    kv_abort(txn);
    return err == RP_ERR_NOMEM ? RP_OK : err; /* at the next meeting, then */
}
