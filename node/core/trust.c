#include <stdlib.h>
#include <string.h>

#include "author/author.h"
#include "core_private.h"
#include "rp/err.h"

#define DEPTH_NONE UINT32_MAX

uint32_t trust_find(const struct core *core, const uint8_t id[static RP_ID_LEN])
{
    uint32_t number;

    return table_get(core->org_numbers, id, &number) ? number : 0;
}

static bool reserve_orgs(struct core *core)
{
    struct core_org *orgs;
    uint32_t cap = core->orgs_cap > 0 ? 2 * core->orgs_cap : 16;

    if (core->orgs_n < core->orgs_cap)
        return true;
    orgs = realloc(core->orgs, cap * sizeof *orgs);
    if (orgs == NULL)
        return false;
    core->orgs = orgs;
    core->orgs_cap = cap;
    if (core->orgs_n == 0)
        core->orgs[core->orgs_n++] = (struct core_org){0}; /* number 0 is nobody */
    return true;
}

uint32_t trust_intern(struct core *core, const uint8_t id[static RP_ID_LEN])
{
    uint32_t number = trust_find(core, id);

    if (number != 0)
        return number;
    if (!reserve_orgs(core) || table_put(core->org_numbers, id, core->orgs_n) != RP_OK)
        return 0;
    number = core->orgs_n++;
    core->orgs[number] = (struct core_org){.depth = DEPTH_NONE};
    memcpy(core->orgs[number].id, id, RP_ID_LEN);
    return number;
}

int trust_learn_inception(struct core *core, uint32_t org, struct rp_slice inception)
{
    struct core_org *o = &core->orgs[org];
    struct rp_identity identity;
    int err;

    if (o->inception.len > 0)
        return RP_OK;
    if ((err = rp_identity_read(&identity, inception)) != RP_OK)
        return err;
    if (memcmp(identity.org, o->id, RP_ID_LEN) != 0)
        return RP_ERR_KEY;
    if ((err = rp_bytes_copy(&o->inception, inception.data, inception.len)) != RP_OK)
        return err;
    free(o->name);
    o->name = strdup(identity.name);
    return o->name != NULL ? RP_OK : RP_ERR_NOMEM;
}

/* Takes note of the vouch in ${content}, a vouch's, by ${issuer}, if it is well-formed. */
static void note_vouch(struct core *core, uint32_t issuer, const uint8_t *id, const uint8_t *object,
                       struct rp_slice content)
{
    struct vouch vouch = {.issuer = issuer};
    struct rp_reader value;
    struct rp_slice inception;
    uint8_t subject[RP_ID_LEN];
    struct vouch *grown;

    (void)rp_reader_find(content, "subject", &value);
    rp_reader_bin_into(&value, subject, sizeof subject);
    if (value.err != RP_OK)
        return;
    (void)rp_reader_find(content, "inception", &value);
    inception = rp_reader_bin(&value);
    vouch.subject = trust_intern(core, subject);
    if (vouch.subject == 0 || trust_learn_inception(core, vouch.subject, inception) != RP_OK)
        return;
    memcpy(vouch.symbol, id, RP_SYMBOL_LEN);
    memcpy(vouch.object, object, RP_ID_LEN);
    if (core->vouches_n == core->vouches_cap) {
        size_t cap = core->vouches_cap > 0 ? 2 * core->vouches_cap : 16;

        grown = realloc(core->vouches, cap * sizeof *grown);
        if (grown == NULL)
            return;
        core->vouches = grown;
        core->vouches_cap = cap;
    }
    core->vouches[core->vouches_n++] = vouch;
}

void trust_vouch_stored(struct core *core, const struct outcome *outcome)
{
    note_vouch(core, outcome->place.org, outcome->id, outcome->object, outcome->vouch);
}

void trust_vouch_erased(struct core *core, const uint8_t *symbol)
{
    for (size_t i = 0; i < core->vouches_n; i++) {
        if (memcmp(core->vouches[i].symbol, symbol, RP_SYMBOL_LEN) != 0)
            continue;
        core->vouches[i] = core->vouches[--core->vouches_n];
        return;
    }
}

/* Leaves out the numbers below ${number} that no stored organisation has. */
static bool skip_numbers(struct core *core, uint32_t number)
{
    while (core->orgs_n < number) {
        if (!reserve_orgs(core))
            return false;
        if (core->orgs_n < number)
            core->orgs[core->orgs_n++] = (struct core_org){.depth = DEPTH_NONE};
    }
    return true;
}

static int load_orgs(struct core *core, struct kv_txn *txn)
{
    struct kv_iter it;
    int err = RP_OK;

    for (kv_first(&it, txn, KV_ORG, (struct rp_slice){NULL, 0}); it.found; kv_next(&it)) {
        struct org org;
        struct core_org *o;

        if (!orgs_read(it.key, it.value, &org))
            err = RP_ERR_CORRUPT;
        else if (!skip_numbers(core, org.number))
            err = RP_ERR_NOMEM;
        else if (trust_intern(core, org.id) != org.number)
            err = RP_ERR_CORRUPT;
        if (err == RP_OK && org.inception.len > 0)
            err = trust_learn_inception(core, org.number, org.inception);
        if (err != RP_OK) {
            kv_stop(&it);
            return err;
        }
        o = &core->orgs[org.number];
        o->stored = true;
        o->accepted = org.accepted;
        o->ever = org.ever;
        o->by_hand = org.by_hand;
        o->since = org.since;
    }
    return kv_err(txn);
}

static int load_vouches(struct core *core, struct kv_txn *txn)
{
    struct kv_key prefix = records_author_prefix(SCOPE_COMMONS, LANE_VOUCH);
    struct kv_iter it;

    for (kv_first(&it, txn, KV_AUTHOR, kv_key_slice(&prefix)); it.found; kv_next(&it)) {
        struct rp_opened opened;
        struct place place;

        if (!records_open(txn, records_seq_of_key(it.key), &place, &opened))
            continue;
        note_vouch(core, place.org, opened.record.id, opened.record.object, opened.record.content);
        rp_record_close(&opened);
    }
    return kv_err(txn);
}

int trust_load(struct core *core)
{
    struct kv_txn *txn;
    int err;

    core->org_numbers = table_new(RP_ID_LEN, core->table_key);
    if (core->org_numbers == NULL)
        return RP_ERR_NOMEM;
    if ((txn = kv_begin(core->kv, false, &err)) == NULL)
        return err;
    if ((err = load_orgs(core, txn)) == RP_OK)
        err = load_vouches(core, txn);
    kv_abort(txn);
    if (err != RP_OK)
        return err;
    if (trust_intern(core, core->self->identity.org) != ORG_SELF)
        return RP_ERR_KEY; /* the store of another organisation */
    return trust_learn_inception(core, ORG_SELF, core->self->inception);
}

void trust_free(struct core *core)
{
    for (uint32_t i = 0; i < core->orgs_n; i++) {
        rp_bytes_free(&core->orgs[i].inception);
        free(core->orgs[i].name);
        for (enum lane lane = 0; lane < LANES; lane++)
            free(core->orgs[i].sums[lane]);
    }
    free(core->orgs);
    free(core->vouches);
    table_free(core->org_numbers);
}

bool trust_vouched_by_us(const struct core *core, uint32_t subject)
{
    for (size_t i = 0; i < core->vouches_n; i++) {
        if (core->vouches[i].issuer == ORG_SELF && core->vouches[i].subject == subject)
            return true;
    }
    return false;
}

void trust_vouch_for(struct core *core, uint32_t subject, uint64_t now_ms)
{
    const struct core_org *o = &core->orgs[subject];
    struct author author = {&core->self->key, core->self->identity.org, &core->rand,
                            core_calendar(core, now_ms)};
    struct rp_bytes packed;

    if (trust_vouched_by_us(core, subject) || o->inception.len == 0)
        return;
    if (author_vouch(&packed, &author, o->id, rp_bytes_slice(&o->inception)) == RP_OK)
        core_submit_own(core, &packed);
}

void trust_unvouch(struct core *core, uint32_t subject, uint64_t now_ms)
{
    struct author author = {&core->self->key, core->self->identity.org, &core->rand,
                            core_calendar(core, now_ms)};

    for (size_t i = 0; i < core->vouches_n; i++) {
        struct rp_opened opened;
        struct rp_bytes packed;
        struct place place;
        struct kv_txn *txn;
        int err;

        if (core->vouches[i].issuer != ORG_SELF || core->vouches[i].subject != subject)
            continue;
        if ((txn = kv_begin(core->kv, false, &err)) == NULL)
            return;
        if (records_find(txn, core->vouches[i].symbol, &place) &&
            records_open(txn, place.seq, &place, &opened)) {
            if (author_withdraw(&packed, &author, &opened.record, NULL, 0) == RP_OK)
                core_submit_own(core, &packed);
            rp_record_close(&opened);
        }
        kv_abort(txn);
    }
}

/*
 * How many vouches away each organisation is: breadth first from ourselves, our peers and those
 * accepted by hand, as far as the trust depth.
 */
static void compute_depths(struct core *core)
{
    bool changed = true;

    for (uint32_t i = 1; i < core->orgs_n; i++)
        core->orgs[i].depth = core->orgs[i].by_hand ? 0 : DEPTH_NONE;
    core->orgs[ORG_SELF].depth = 0;
    for (uint32_t i = 0; i < core->peers_n; i++)
        core->orgs[core->peers[i]->org].depth = 0;
    for (uint32_t depth = 0; changed && depth < core->trust_depth; depth++) {
        changed = false;
        for (size_t i = 0; i < core->vouches_n; i++) {
            const struct vouch *vouch = &core->vouches[i];

            if (core->orgs[vouch->issuer].depth != depth ||
                core->orgs[vouch->subject].depth != DEPTH_NONE)
                continue;
            core->orgs[vouch->subject].depth = depth + 1;
            changed = true;
        }
    }
}

static void store_standing(struct core *core, uint32_t number)
{
    struct core_org *o = &core->orgs[number];
    struct change *change = core_change_new(CHANGE_ORG);

    if (change == NULL)
        return;
    change->org = (struct org){
        .number = number,
        .accepted = o->accepted,
        .ever = o->ever,
        .by_hand = o->by_hand,
        .since = o->since,
    };
    memcpy(change->org.id, o->id, RP_ID_LEN);
    if (rp_bytes_copy(&change->inception, o->inception.data, o->inception.len) != RP_OK)
        return;
    o->stored = true;
    (void)core_store(core, change);
}

/* Moves the records of an organisation in or out of the sets as its standing changes. */
static void apply_standing(struct core *core, uint32_t number, bool accepted, uint64_t now_ms)
{
    struct core_org *o = &core->orgs[number];
    bool first = accepted && !o->ever;

    if (!accepted) {
        sets_toggle_org(core, number, LANE_VOUCH, false);
        sets_toggle_org(core, number, LANE_CONTENT, false);
    }
    o->accepted = accepted;
    if (first) {
        o->ever = true;
        o->since = core_calendar(core, now_ms);
        sets_toggle_org(core, number, LANE_LASTING, true);
    }
    if (accepted) {
        sets_toggle_org(core, number, LANE_VOUCH, true);
        sets_toggle_org(core, number, LANE_CONTENT, true);
    }
    store_standing(core, number);
}

/* Takes up to ${*room} entries from the front of ${list}. */
static struct rp_slice take_entries(struct rp_slice *list, size_t *room)
{
    size_t n = list->len / RP_ID_LEN < *room ? list->len / RP_ID_LEN : *room;
    struct rp_slice part = {list->data, n * RP_ID_LEN};

    if (n > 0)
        list->data += part.len;
    list->len -= part.len;
    *room -= n;
    return part;
}

/* Sends lists, ours whole (${reset}) or changes of them, in as many messages as it takes. */
static void send_lists(struct link *link, bool reset, struct rp_slice accepted,
                       struct rp_slice kept)
{
    struct rp_accept accept = {.reset = reset};

    do {
        size_t room = RP_ACCEPT_ENTRIES_MAX;

        accept.accepted = take_entries(&accepted, &room);
        accept.kept = take_entries(&kept, &room);
        accept.more = accepted.len > 0 || kept.len > 0;
        rp_message_write_accept(&link->writer, &accept);
        link_send(link);
        accept.reset = false;
    } while (accept.more);
}

/* Tells the open links what is new in our lists; the others get them when they open. */
static void announce_changes(struct core *core, const struct symbols *accepted,
                             const struct symbols *kept, uint64_t now_ms)
{
    for (struct link *link = core->links; link != NULL; link = link->next) {
        if (link->state != LINK_OPEN)
            continue;
        exchange_drop(link);
        send_lists(link, false, symbols_slice(accepted), symbols_slice(kept));
        exchange_plan(link, now_ms + SETTLE_MS);
    }
}

void trust_recompute(struct core *core, uint64_t now_ms)
{
    struct symbols accepted = {0};
    struct symbols kept = {0};
    int err = RP_OK;

    compute_depths(core);
    for (uint32_t i = 1; i < core->orgs_n; i++) {
        struct core_org *o = &core->orgs[i];
        bool now = o->depth != DEPTH_NONE && o->inception.len > 0;

        if (now == o->accepted && (o->stored || !now))
            continue;
        apply_standing(core, i, now, now_ms);
        if (err == RP_OK)
            err = symbols_append(now ? &accepted : &kept, o->id, RP_ID_LEN);
    }
    if (accepted.n > 0 || kept.n > 0) {
        fetch_forget_refused(core);
        announce_changes(core, &accepted, &kept, now_ms);
    }
    symbols_free(&accepted);
    symbols_free(&kept);
}

enum standing trust_standing(const struct core *core, uint32_t org)
{
    if (core->orgs[org].accepted)
        return STANDING_ACCEPTED;
    return core->orgs[org].ever ? STANDING_KEPT : STANDING_NONE;
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, RP_ID_LEN);
}

/* The ids of organisations that stand so, ascending. */
static int list_standing(const struct core *core, enum standing standing, struct symbols *out)
{
    int err = RP_OK;

    for (uint32_t i = 1; i < core->orgs_n && err == RP_OK; i++) {
        if (trust_standing(core, i) == standing)
            err = symbols_append(out, core->orgs[i].id, RP_ID_LEN);
    }
    if (out->n > 0)
        qsort(out->data, out->n / RP_ID_LEN, RP_ID_LEN, compare_ids);
    return err;
}

void trust_digest(const struct core *core, uint8_t out[static RP_HASH_LEN])
{
    struct symbols accepted = {0};
    struct symbols kept = {0};
    struct kv_key count = {.len = 0};
    struct rp_slice parts[3];

    memset(out, 0, RP_HASH_LEN); /* without memory: a digest that is nobody's, so lists are sent */
    if (list_standing(core, STANDING_ACCEPTED, &accepted) == RP_OK &&
        list_standing(core, STANDING_KEPT, &kept) == RP_OK) {
        kv_key_number(&count, accepted.n / RP_ID_LEN, 4);
        parts[0] = kv_key_slice(&count);
        parts[1] = symbols_slice(&accepted);
        parts[2] = symbols_slice(&kept);
        rp_hash(out, RP_DOMAIN_ACCEPT, parts, 3);
    }
    symbols_free(&accepted);
    symbols_free(&kept);
}

void trust_send_list(struct link *link)
{
    struct symbols accepted = {0};
    struct symbols kept = {0};

    if (list_standing(link->core, STANDING_ACCEPTED, &accepted) == RP_OK &&
        list_standing(link->core, STANDING_KEPT, &kept) == RP_OK)
        send_lists(link, true, symbols_slice(&accepted), symbols_slice(&kept));
    else
        link_end(link, NULL);
    symbols_free(&accepted);
    symbols_free(&kept);
}

void trust_send_changes(struct link *link)
{
    const struct core *core = link->core;
    struct symbols accepted = {0};
    struct symbols kept = {0};
    int err = RP_OK;

    for (uint32_t i = 1; i < core->orgs_n && err == RP_OK; i++) {
        enum standing then =
            i < link->standing_sent_n ? (enum standing)link->standing_sent[i] : STANDING_NONE;
        enum standing now = trust_standing(core, i);

        if (now != then)
            err = symbols_append(now == STANDING_ACCEPTED ? &accepted : &kept, core->orgs[i].id,
                                 RP_ID_LEN);
    }
    if (err != RP_OK)
        link_end(link, NULL);
    else if (accepted.n > 0 || kept.n > 0)
        send_lists(link, false, symbols_slice(&accepted), symbols_slice(&kept));
    symbols_free(&accepted);
    symbols_free(&kept);
}

static int set_remote(struct link *link, uint32_t org, enum standing standing)
{
    if (org >= link->remote_n) {
        size_t n = 2 * (size_t)org + 16;
        uint8_t *remote = realloc(link->remote, n);

        if (remote == NULL)
            return RP_ERR_NOMEM;
        memset(remote + link->remote_n, STANDING_NONE, n - link->remote_n);
        link->remote = remote;
        link->remote_n = n;
    }
    if (link->remote[org] == STANDING_NONE && standing != STANDING_NONE &&
        ++link->remote_known > RP_ACCEPTED_MAX)
        return RP_ERR_LIMIT;
    link->remote[org] = (uint8_t)standing;
    return RP_OK;
}

static int set_remotes(struct link *link, struct rp_slice ids, enum standing standing)
{
    int err = RP_OK;

    for (size_t at = 0; at < ids.len && err == RP_OK; at += RP_ID_LEN) {
        uint32_t org = trust_intern(link->core, ids.data + at);

        err = org != 0 ? set_remote(link, org, standing) : RP_ERR_NOMEM;
    }
    return err;
}

int trust_receive_list(struct link *link, const struct rp_accept *accept)
{
    int err;

    if (!accept->reset && link->lists == LISTS_AWAITED)
        return RP_ERR_STATE; /* a change of what was never said */
    exchange_drop(link);
    if (accept->reset) {
        if (link->remote_n > 0)
            memset(link->remote, STANDING_NONE, link->remote_n);
        link->remote_known = 0;
        link->lists = LISTS_COMING;
    }
    if (!accept->more)
        link->lists = LISTS_KNOWN;
    if ((err = set_remotes(link, accept->accepted, STANDING_ACCEPTED)) != RP_OK)
        return err;
    return set_remotes(link, accept->kept, STANDING_KEPT);
}

int trust_assume_equal(struct link *link)
{
    int err = RP_OK;

    for (uint32_t i = 1; i < link->standing_sent_n && err == RP_OK; i++)
        err = set_remote(link, i, (enum standing)link->standing_sent[i]);
    link->lists = LISTS_KNOWN;
    return err;
}
