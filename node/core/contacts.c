#include <stdlib.h>
#include <string.h>

#include "beacons.h"
#include "circles.h"
#include "rp/err.h"

/*
 * Members of circles that are no peers (SPEC 3.8). Each is a struct peer that is not among the
 * peers: nobody accepts anything for it, and nothing of it is stored. It is called where its
 * beacons say that it can be, and what goes over such a link are the circles that both sides are
 * in.
 */

void contacts_free(struct core *core)
{
    for (uint32_t i = 0; i < core->contacts_n; i++)
        free(core->contacts[i]);
    free(core->contacts);
}

struct peer *contacts_find(const struct core *core, const uint8_t org[static RP_ID_LEN])
{
    for (uint32_t i = 0; i < core->contacts_n; i++) {
        if (memcmp(core->contacts[i]->entry.org, org, RP_ID_LEN) == 0)
            return core->contacts[i];
    }
    return NULL;
}

struct peer *contacts_called(const struct core *core, const uint8_t org[static RP_ID_LEN])
{
    struct peer *contact = contacts_find(core, org);
    struct peer *peer = peering_find(core, org);

    return peer == NULL || (!peer->dialling && contact != NULL && contact->dialling) ? contact
                                                                                     : peer;
}

/* The ${i}th circle that is compared and has ${org} in it; NULL when there are fewer. */
static const struct circle *shared_circle(const struct core *core, uint32_t org, uint32_t i)
{
    for (const struct circle *circle = core->circles; circle != NULL; circle = circle->next) {
        if (circle->open && circles_has_member(circle, org) && i-- == 0)
            return circle;
    }
    return NULL;
}

/* Whether there is to be a link with it for circles alone. While there is one with somebody who
 * became a peer, it stays until the one for everything takes its place. */
static bool is_wanted(const struct core *core, const struct peer *contact)
{
    const struct peer *peer = peering_find(core, contact->entry.org);

    return shared_circle(core, contact->org, 0) != NULL && !peering_is_shut(core, contact) &&
           (peer == NULL || (!peering_is_shut(core, peer) && peering_has_link(core, contact)));
}

static void part_from(struct core *core, uint32_t i)
{
    struct peer *contact = core->contacts[i];

    core->contacts[i] = core->contacts[--core->contacts_n];
    for (struct link *link = core->links; link != NULL; link = link->next) {
        if (link->peer != contact)
            continue;
        link_end(link, "not-a-peer");
        link->peer = NULL;
    }
    free(contact);
}

/* Takes over the addresses that the organisation's beacons name, and calls. */
static void seek(struct core *core, struct peer *contact, uint64_t now_ms)
{
    beacons_follow(core, contact, now_ms);
    if (contact->entry.addresses == 0)
        peering_note(contact, "no-address", "it is not known where it can be called");
    else if (contact->next_dial == UINT64_MAX && !contact->dialling)
        peering_plan_dial(core, contact, now_ms, false);
}

static struct peer *add(struct core *core, uint32_t org, uint64_t now_ms)
{
    struct peer **contacts;
    struct peer *contact;

    if (core->contacts_n == CONTACTS_MAX)
        return NULL;
    contacts = realloc(core->contacts, (core->contacts_n + 1) * sizeof *contacts);
    if (contacts != NULL)
        core->contacts = contacts;
    contact = contacts != NULL ? calloc(1, sizeof *contact) : NULL;
    if (contact == NULL) {
        core_retry_at(core, now_ms + RETRY_MS);
        return NULL;
    }
    contact->contact = true;
    contact->org = org;
    contact->next_dial = UINT64_MAX;
    memcpy(contact->entry.org, core->orgs[org].id, RP_ID_LEN);
    core->contacts[core->contacts_n++] = contact;
    return contact;
}

void contacts_review(struct core *core, uint64_t now_ms)
{
    if (core->beacons == NULL) /* not started yet, or not running any more */
        return;
    for (uint32_t i = core->contacts_n; i-- > 0;) {
        struct peer *contact = core->contacts[i];

        if (!is_wanted(core, contact))
            part_from(core, i);
        else if (contact->entry.addresses == 0 && !peering_has_link(core, contact))
            seek(core, contact, now_ms);
    }
    for (const struct circle *circle = core->circles; circle != NULL; circle = circle->next) {
        for (uint32_t i = 0; circle->open && i < circle->members_n; i++) {
            uint32_t org = circle->members[i];
            struct peer *contact = NULL;

            if (org != ORG_SELF && !core->orgs[org].blocked && !trust_is_peer(core, org) &&
                contacts_find(core, core->orgs[org].id) == NULL)
                contact = add(core, org, now_ms);
            if (contact != NULL)
                seek(core, contact, now_ms);
        }
    }
}

/* Links for circles alone that are open or may come to be. */
static unsigned count_links(const struct core *core)
{
    unsigned n = 0;

    for (const struct link *link = core->links; link != NULL; link = link->next)
        n += link->only_circles && link->state != LINK_ENDING;
    return n;
}

struct rp_slice contacts_credential(struct link *link)
{
    struct peer *contact = link->peer;
    const struct circle *circle = shared_circle(link->core, contact->org, contact->next_circle++);

    if (circle == NULL) { /* each had its turn */
        circle = shared_circle(link->core, contact->org, 0);
        contact->next_circle = 1;
    }
    return circle != NULL ? rp_bytes_slice(&circle->issued) : (struct rp_slice){NULL, 0};
}

int contacts_admit(struct link *link, struct rp_slice issued, uint64_t now_ms, struct peer **out,
                   bool *known)
{
    const uint8_t *caller = rp_session_proof(link->session)->identity.org;
    struct core *core = link->core;
    uint32_t org = trust_find(core, caller);
    const struct circle *circle;
    struct rp_circle opened;

    *out = NULL;
    *known = false;
    if (rp_circle_open_trusted(&opened, issued) != RP_OK || org == 0 || org == ORG_SELF ||
        !rp_circle_has(&opened, core->self->identity.org) || !rp_circle_has(&opened, caller))
        return RP_OK;
    if (circles_find(core, opened.id) == NULL && core->orgs[org].accepted)
        (void)circles_hear(core, issued, now_ms); /* if not now, it will call again */
    circle = circles_find(core, opened.id);
    *known = circle != NULL;
    if (circle == NULL || !circle->open)
        return RP_OK;
    if (count_links(core) >= CONTACT_LINKS_MAX)
        return RP_ERR_LIMIT;
    *out = contacts_find(core, caller);
    if (*out == NULL)
        *out = add(core, org, now_ms);
    return *out != NULL ? RP_OK : RP_ERR_LIMIT;
}

uint64_t contacts_deadline(const struct core *core)
{
    uint64_t deadline = UINT64_MAX;

    for (uint32_t i = 0; i < core->contacts_n; i++) {
        if (core->contacts[i]->next_dial < deadline)
            deadline = core->contacts[i]->next_dial;
    }
    return deadline;
}

void contacts_tick(struct core *core, uint64_t now_ms)
{
    for (uint32_t i = 0; i < core->contacts_n; i++) {
        struct peer *contact = core->contacts[i];

        if (contact->next_dial > now_ms)
            continue;
        contact->next_dial = UINT64_MAX;
        if (contact->dialling || contact->entry.addresses == 0 || peering_has_link(core, contact) ||
            trust_is_peer(core, contact->org))
            continue;
        if (count_links(core) < CONTACT_LINKS_MAX)
            peering_dial(core, contact, now_ms);
        else
            peering_plan_dial(core, contact, now_ms, false);
    }
}
