#include <stdlib.h>
#include <string.h>

#include "beacons.h"
#include "circles.h"
#include "rp/err.h"
#include "rp/identity.h"
#include "store/chain.h"

/*
 * Circles: who is in which, on which links they are compared, and how members hear of them (SPEC
 * 3.8). What a circle holds is compared by exchange.c like the commons.
 */

static void circle_free(struct circle *circle)
{
    sets_close(&circle->scope);
    rp_bytes_free(&circle->issued);
    free(circle->name);
    free(circle->members);
    free(circle);
}

void circles_free(struct core *core)
{
    while (core->circles != NULL) {
        struct circle *circle = core->circles;

        core->circles = circle->next;
        circle_free(circle);
    }
}

struct circle *circles_find(const struct core *core, const uint8_t id[static RP_ID_LEN])
{
    struct circle *circle = core->circles;

    while (circle != NULL && memcmp(circle->scope.id, id, RP_ID_LEN) != 0)
        circle = circle->next;
    return circle;
}

bool circles_has_member(const struct circle *circle, uint32_t org)
{
    for (uint32_t i = 0; i < circle->members_n; i++) {
        if (circle->members[i] == org)
            return true;
    }
    return false;
}

/* Notes who its members are, and what they are called. */
static int learn_members(struct core *core, struct circle *circle, const struct rp_circle *opened)
{
    for (uint32_t i = 0; i < opened->members; i++) {
        uint32_t org = trust_intern(core, opened->member[i]);
        int err;

        if (org == 0)
            return RP_ERR_NOMEM;
        if ((err = trust_learn_inception(core, org, opened->inception[i])) != RP_OK)
            return err;
        circle->members[circle->members_n++] = org;
    }
    circle->founder = trust_find(core, opened->founder);
    return RP_OK;
}

/* A circle as ${issued} says, under ${number} (0: one of its own); known from now on. */
static int circle_new(struct core *core, uint32_t number, struct rp_slice issued,
                      const struct rp_circle *opened, struct circle **out)
{
    uint32_t last_number = SCOPE_FIRST_CIRCLE - 1;
    struct circle *circle = calloc(1, sizeof *circle);
    struct circle **last = &core->circles;
    int err = RP_ERR_NOMEM;

    if (circle == NULL)
        return err;
    circle->name = strdup(opened->name);
    circle->members = calloc(opened->members, sizeof *circle->members);
    if (circle->name == NULL || circle->members == NULL)
        goto err1;
    if ((err = rp_bytes_copy(&circle->issued, issued.data, issued.len)) != RP_OK)
        goto err1;
    if ((err = learn_members(core, circle, opened)) != RP_OK)
        goto err1;
    memcpy(circle->scope.id, opened->id, RP_ID_LEN);
    rp_sketch_key(circle->scope.sketch_key, opened->id);
    for (; *last != NULL; last = &(*last)->next)
        last_number = (*last)->scope.number;
    circle->scope.number = number != 0 ? number : last_number + 1;
    /* from now on kept up with what is told: the store may be ahead of that later on */
    if ((err = sets_open(core, &circle->scope, circle->members, circle->members_n)) != RP_OK)
        goto err1;
    *last = circle;
    *out = circle;
    return RP_OK;
err1:
    circle_free(circle);
    return err;
}

static void store(struct core *core, struct circle *circle)
{
    struct change *change = core_change_new(CHANGE_CIRCLE);

    circle->store_due = true;
    if (change == NULL) {
        core_retry_at(core, 0);
        return;
    }
    change->circle = (struct circle_entry){
        .number = circle->scope.number, .state = circle->state, .since = circle->since};
    memcpy(change->circle.id, circle->scope.id, RP_ID_LEN);
    if (rp_bytes_copy(&change->inception, circle->issued.data, circle->issued.len) != RP_OK) {
        free(change);
        core_retry_at(core, 0);
        return;
    }
    circle->store_due = false;
    circle->changes++;
    (void)core_store(core, change);
}

void circles_retry(struct core *core)
{
    for (struct circle *circle = core->circles; circle != NULL; circle = circle->next) {
        if (circle->store_due)
            store(core, circle);
    }
}

void circles_renew(const struct core *core, struct circle_entry *entry)
{
    const struct circle *circle = circles_find(core, entry->id);

    if (circle == NULL)
        return;
    entry->state = circle->state;
    entry->since = circle->since;
}

/* On links */

/* Compares the circle on the link from now on, if the other side is a member. */
static void attach(struct link *link, struct circle *circle, uint64_t now_ms)
{
    struct shared *shared;

    if (link->state != LINK_OPEN || link->peer == NULL ||
        !circles_has_member(circle, link->peer->org) || shared_find(link, circle->scope.id) != NULL)
        return;
    if ((shared = calloc(1, sizeof *shared)) == NULL)
        return; /* on the next link, then */
    shared->scope = &circle->scope;
    shared->seen_at = UINT64_MAX;
    shared->next_check = link->outbound ? now_ms : now_ms + SETTLE_MS;
    shared->next = link->commons.next;
    link->commons.next = shared;
}

void circles_attach(struct link *link, uint64_t now_ms)
{
    for (struct circle *circle = link->core->circles; circle != NULL; circle = circle->next) {
        if (circle->open)
            attach(link, circle, now_ms);
    }
}

/* ${scope} (NULL: no circle at all) is not compared on the link any more. */
static void detach(struct link *link, const struct scope *scope)
{
    struct shared **at = &link->commons.next;

    while (*at != NULL) {
        struct shared *shared = *at;

        if (scope != NULL && shared->scope != scope) {
            at = &shared->next;
            continue;
        }
        exchange_forget(link, shared);
        *at = shared->next;
        for (enum rp_set set = 0; set < RP_SETS; set++)
            symbols_free(&shared->announce[set]);
        symbols_free(&shared->beacons);
        free(shared);
    }
}

void circles_detach(struct link *link)
{
    detach(link, NULL);
}

/* Begins or ends comparing, as the state says that is in the store now. */
static void settle(struct core *core, struct circle *circle, uint64_t now_ms)
{
    bool open = circle->state == CIRCLE_ACCEPTED;

    if (open == circle->open)
        return;
    circle->open = open;
    if (open) {
        fetch_forget_refused(core);
        beacons_open(core, circle, now_ms);
    } else {
        beacons_close(core, circle);
    }
    for (struct link *link = core->links; link != NULL; link = link->next) {
        if (open)
            attach(link, circle, now_ms);
        else
            detach(link, &circle->scope);
    }
    contacts_review(core, now_ms);
}

void circles_stored(struct core *core, const struct change *change, uint64_t now_ms)
{
    struct circle *circle = circles_find(core, change->circle.id);

    if (circle != NULL && --circle->changes == 0)
        settle(core, circle, now_ms);
}

int circles_load_all(struct core *core, uint64_t now_ms)
{
    struct kv_iter it;
    struct kv_txn *txn;
    int err;

    if ((txn = kv_begin(core->kv, false, &err)) == NULL)
        return err;
    for (kv_first(&it, txn, KV_CIRCLE, (struct rp_slice){NULL, 0}); it.found; kv_next(&it)) {
        struct circle_entry entry;
        struct rp_circle opened;
        struct circle *circle;

        err = circles_read(it.key, it.value, &entry) ? RP_OK : RP_ERR_CORRUPT;
        if (err == RP_OK)
            err = rp_circle_open_trusted(&opened, entry.issued);
        if (err == RP_OK)
            err = circle_new(core, entry.number, entry.issued, &opened, &circle);
        if (err != RP_OK) {
            kv_stop(&it);
            break;
        }
        circle->state = entry.state;
        circle->since = entry.since;
    }
    if (err == RP_OK)
        err = kv_err(txn);
    kv_abort(txn);
    for (struct circle *circle = core->circles; circle != NULL && err == RP_OK;
         circle = circle->next)
        settle(core, circle, now_ms);
    return err;
}

void circles_declined(struct link *link, struct shared *shared)
{
    const struct circle *circle = circles_find(link->core, shared->scope->id);

    shared->remote_in = false;
    shared->seen_by_at = 0; /* when it comes back it knows nothing */
    if (shared->told || circle == NULL)
        return;
    shared->told = true;
    rp_message_write_circle(&link->writer, rp_bytes_slice(&circle->issued));
    link_send(link);
}

/* Circles that wait for a decision here, of those that ${founder} made (0: of all). */
static unsigned count_invited(const struct core *core, uint32_t founder)
{
    unsigned n = 0;

    for (const struct circle *circle = core->circles; circle != NULL; circle = circle->next)
        n += circle->state == CIRCLE_INVITED && (founder == 0 || circle->founder == founder);
    return n;
}

/* Whether the key that signed the descriptor is one of the founder's that the store knows. */
static bool has_known_key(const struct core *core, const struct rp_circle *opened)
{
    struct kv_txn *txn;
    struct chain chain;
    struct org org;
    bool known;
    int err;

    if ((txn = kv_begin(core->kv, false, &err)) == NULL)
        return false;
    known = orgs_load(txn, orgs_number(txn, opened->founder), &org) &&
            chain_read(&chain, &org) == RP_OK && rp_identity_has_key(&chain.identity, opened->key);
    kv_abort(txn);
    return known;
}

/* The same, or its first, by its inception in the descriptor itself. */
static bool is_signed_by_founder(const struct core *core, const struct rp_circle *opened)
{
    for (uint32_t i = 0; i < opened->members; i++) {
        struct rp_identity identity;

        if (memcmp(opened->member[i], opened->founder, RP_ID_LEN) == 0 &&
            rp_identity_read(&identity, opened->inception[i]) == RP_OK)
            return memcmp(identity.keys[0], opened->key, RP_KEY_LEN) == 0 ||
                   has_known_key(core, opened);
    }
    return false;
}

/* Has the members stored, so that the records of each have an organisation to be of. */
static void store_members(struct core *core, const struct circle *circle)
{
    for (uint32_t i = 0; i < circle->members_n; i++) {
        if (!core->orgs[circle->members[i]].stored)
            trust_store_standing(core, circle->members[i]);
    }
}

static void decide(struct core *core, struct circle *circle, enum circle_state state,
                   uint64_t now_ms)
{
    circle->state = state;
    circle->since = core_calendar(core, now_ms);
    if (state == CIRCLE_ACCEPTED)
        store_members(core, circle);
    store(core, circle);
}

int circles_hear(struct core *core, struct rp_slice issued, uint64_t now_ms)
{
    struct rp_circle opened;
    struct circle *circle;
    int err = rp_circle_open(&opened, issued);

    if (err != RP_OK)
        return err;
    if (circles_find(core, opened.id) != NULL || !is_signed_by_founder(core, &opened) ||
        count_invited(core, 0) >= CIRCLES_INVITED_MAX ||
        count_invited(core, trust_find(core, opened.founder)) >= CIRCLES_INVITED_EACH_MAX)
        return RP_OK; /* known, or not to be believed yet, or one too many: it will come again */
    if ((err = circle_new(core, 0, issued, &opened, &circle)) != RP_OK)
        return err;
    circle->state = CIRCLE_INVITED;
    circle->since = core_calendar(core, now_ms);
    store(core, circle);
    return RP_OK;
}

int circles_receive(struct link *link, struct rp_slice frame, uint64_t now_ms)
{
    struct core *core = link->core;
    struct rp_slice issued;
    struct rp_circle opened;
    struct circle *circle;
    int err = rp_message_read_circle(&issued, frame);

    if (err != RP_OK)
        return err;
    if ((err = rp_circle_open_trusted(&opened, issued)) != RP_OK)
        return err;
    if (!rp_circle_has(&opened, core->self->identity.org) ||
        !rp_circle_has(&opened, core->orgs[link->peer->org].id))
        return RP_ERR_SHAPE;
    if ((err = circles_hear(core, issued, now_ms)) != RP_OK || link->peer->org != ORG_SELF)
        return err;
    /* another node of ours passes on what our organisation has accepted */
    if ((circle = circles_find(core, opened.id)) != NULL && circle->state == CIRCLE_INVITED)
        decide(core, circle, CIRCLE_ACCEPTED, now_ms);
    return RP_OK;
}

/* Acts of the operator */

int core_circle_create(struct core *core, const struct circle_opts *opts, uint64_t now_ms,
                       uint8_t id[static RP_ID_LEN])
{
    struct rp_slice inceptions[RP_CIRCLE_MEMBERS_MAX];
    uint8_t salt[RP_SALT_LEN];
    struct rp_circle_draft draft = {.name = opts->name,
                                    .salt = salt,
                                    .founder = core->self->identity.org,
                                    .inceptions = inceptions};
    struct rp_circle opened;
    struct rp_bytes issued;
    struct circle *circle;
    int err;

    if (opts->members + 1 > RP_CIRCLE_MEMBERS_MAX)
        return RP_ERR_LIMIT;
    inceptions[draft.members++] = core->self->inception;
    for (uint32_t i = 0; i < opts->members; i++) {
        uint32_t org = trust_find(core, opts->member + (size_t)i * RP_ID_LEN);

        if (org == 0 || core->orgs[org].inception.len == 0)
            return RP_ERR_NOT_FOUND;
        inceptions[draft.members++] = rp_bytes_slice(&core->orgs[org].inception);
    }
    rp_rand_bytes(&core->rand, salt, sizeof salt);
    if ((err = rp_circle_issue(&issued, &draft, &core->self->key)) != RP_OK)
        return err;
    if ((err = rp_circle_open_trusted(&opened, rp_bytes_slice(&issued))) == RP_OK)
        err = circle_new(core, 0, rp_bytes_slice(&issued), &opened, &circle);
    if (err == RP_OK) {
        memcpy(id, opened.id, RP_ID_LEN);
        decide(core, circle, CIRCLE_ACCEPTED, now_ms);
    }
    rp_bytes_free(&issued);
    return err;
}

int core_circle_decide(struct core *core, const uint8_t id[static RP_ID_LEN], bool accept,
                       uint64_t now_ms)
{
    struct circle *circle = circles_find(core, id);

    if (circle == NULL)
        return RP_ERR_NOT_FOUND;
    decide(core, circle, accept ? CIRCLE_ACCEPTED : CIRCLE_LEFT, now_ms);
    return RP_OK;
}

/* What views ask */

bool core_circle(const struct core *core, uint32_t i, struct circle_view *out)
{
    const struct circle *circle = core->circles;

    while (circle != NULL && i-- > 0)
        circle = circle->next;
    if (circle == NULL)
        return false;
    *out = (struct circle_view){
        .id = circle->scope.id,
        .number = circle->scope.number,
        .name = circle->name,
        .state = circle->state,
        .since = circle->since,
        .founder = core->orgs[circle->founder].id,
        .members = circle->members_n,
        .records = circle->scope.sets[RP_SET_CONTENT].count,
    };
    return true;
}

bool core_circle_member(const struct core *core, const uint8_t id[static RP_ID_LEN], uint32_t i,
                        struct circle_member *out)
{
    const struct circle *circle = circles_find(core, id);
    const struct peer *contact;
    uint32_t org;

    if (circle == NULL || i >= circle->members_n)
        return false;
    org = circle->members[i];
    *out = (struct circle_member){
        .org = core->orgs[org].id, .name = core->orgs[org].name, .self = org == ORG_SELF};
    contact = peering_find(core, core->orgs[org].id);
    if (contact == NULL)
        contact = contacts_find(core, core->orgs[org].id);
    if (contact != NULL && contact->why_code[0] != '\0')
        out->why = contact->why_text;
    for (struct link *link = core->links; link != NULL; link = link->next) {
        const struct shared *shared;

        if (link->state != LINK_OPEN || link->peer == NULL || link->peer->org != org)
            continue;
        out->linked = true;
        out->why = NULL;
        shared = shared_find(link, id);
        out->accepted |= shared != NULL && shared->remote_in;
    }
    return true;
}
