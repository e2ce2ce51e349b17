#include <stdlib.h>
#include <string.h>

#include "rp/err.h"
#include "waiting.h"

/*
 * How much each organisation may store (SPEC 6.1). All that are reached through one peer share its
 * quota: who needs less than an even share has what it needs, and the rest is shared by the others.
 * Shares are computed when somebody is accepted, or waits, or grows where others wait, and are
 * stored where the writer looks at them.
 */

/* An organisation, beside the others that are reached through the same peer. */
struct member {
    uint32_t root; /* the peer; 0: none */
    uint32_t org;
    uint64_t bytes;
    uint64_t demand; /* what it would take if there were room */
};

/* Shares as they are found, and what is to be stored of them. */
struct sharing {
    struct member *members;
    size_t n;
    struct quota_row *rows;
    uint32_t rows_n;
    struct kv_txn *txn;
};

int quotas_load(struct core *core)
{
    struct kv_txn *txn;
    int err;

    core->quota_at = UINT64_MAX;
    if ((txn = kv_begin(core->kv, false, &err)) == NULL)
        return err;
    for (uint32_t i = 1; i < core->orgs_n; i++) {
        struct usage usage;
        struct quota quota;

        usage_load(txn, i, &usage);
        quota_load(txn, i, &quota);
        core->orgs[i].root = usage.root;
        core->orgs[i].bytes = usage.bytes;
        core->orgs[i].share = quota.share;
        core->orgs[i].quota = quota.size;
    }
    err = kv_err(txn);
    kv_abort(txn);
    return err;
}

void quotas_due(struct core *core)
{
    uint64_t at = core->quota_last + QUOTA_MS;

    if (at < core->quota_at)
        core->quota_at = at;
}

void quotas_outcome(struct core *core, const struct outcome *outcome, uint64_t now_ms)
{
    const struct core_org *o = &core->orgs[outcome->place.org];
    bool grew_beside_others =
        o->root != 0 && core->orgs[o->root].share != QUOTA_UNSHARED && outcome->erased_n == 0;

    waiting_found(core, outcome, now_ms);
    if (grew_beside_others || (outcome->erased_n > 0 && waiting_count(core) > 0))
        quotas_due(core);
}

/* The peer through which it is reached: where its path of vouches begins. */
static uint32_t root_of(const struct core *core, uint32_t org)
{
    if (core->quota == 0 || org == ORG_SELF || !core->orgs[org].accepted)
        return 0;
    while (core->orgs[org].parent != 0 && core->orgs[org].parent != ORG_SELF)
        org = core->orgs[org].parent;
    return org;
}

static int put_row(struct sharing *sharing, struct quota_row row)
{
    struct quota_row *grown = sharing->rows;

    if ((sharing->rows_n & (sharing->rows_n + 1)) == 0) /* full, at 0, 1, 3, 7, ... */
        grown = realloc(sharing->rows, (2 * (size_t)sharing->rows_n + 1) * sizeof *grown);
    if (grown == NULL)
        return RP_ERR_NOMEM;
    sharing->rows = grown;
    sharing->rows[sharing->rows_n++] = row;
    return RP_OK;
}

static int gather(struct core *core, struct sharing *out)
{
    int err = RP_OK;

    out->members = malloc(core->orgs_n * sizeof *out->members);
    if (out->members == NULL)
        return RP_ERR_NOMEM;
    for (uint32_t i = 1; i < core->orgs_n && err == RP_OK; i++) {
        struct core_org *o = &core->orgs[i];
        uint32_t root = root_of(core, i);
        struct usage usage;

        usage_load(out->txn, i, &usage);
        o->bytes = usage.bytes;
        if (root != o->root)
            err = put_row(out, (struct quota_row){.org = i, .root = root});
        o->root = root;
        if (root != 0)
            out->members[out->n++] =
                (struct member){root, i, usage.bytes, usage.bytes + o->waiting_bytes};
    }
    return err;
}

/* By peer, and then the least demand first. */
static int compare_members(const void *a, const void *b)
{
    const struct member *x = a;
    const struct member *y = b;

    if (x->root != y->root)
        return x->root < y->root ? -1 : 1;
    if (x->demand != y->demand)
        return x->demand < y->demand ? -1 : 1;
    return x->org < y->org ? -1 : x->org > y->org;
}

/* The level at which the demands of ${n} members, ascending, fill the quota: none gets more, and
 * those below have what they need. */
static uint64_t level_of(const struct member *members, size_t n, uint64_t quota)
{
    uint64_t left = quota;

    for (size_t i = 0; i < n; i++) {
        uint64_t even = left / (n - i);

        if (members[i].demand > even)
            return even;
        left -= members[i].demand;
    }
    return QUOTA_UNSHARED;
}

/* Shares the quota out among those at ${members} that are reached through the same peer as the
 * first; gives their number. */
static size_t share_out(struct core *core, struct sharing *sharing, size_t from, int *err)
{
    const struct member *members = sharing->members + from;
    struct core_org *root = &core->orgs[members[0].root];
    struct quota_row row = {.org = members[0].root, .is_root = true, .size = core->quota};
    size_t n = 0;

    while (from + n < sharing->n && members[n].root == members[0].root)
        n++;
    row.share = level_of(members, n, core->quota);
    if (row.share != root->share || row.size != root->quota)
        *err = put_row(sharing, row);
    if (*err == RP_OK) {
        root->share = row.share;
        root->quota = row.size;
    }
    return n;
}

/* Whoever has room now gets what waited for it. */
static int release(struct core *core, struct kv_txn *txn, uint64_t now_ms)
{
    struct allowance *rooms = calloc(core->orgs_n, sizeof *rooms);

    if (rooms == NULL)
        return RP_ERR_NOMEM;
    for (uint32_t i = 1; i < core->orgs_n; i++) {
        const struct core_org *o = &core->orgs[i];
        struct usage usage;
        struct quota quota;
        uint64_t most;

        if (o->waiting == 0)
            continue;
        usage_load(txn, i, &usage);
        quota_load(txn, o->root, &quota); /* its bytes; the rest may be on its way there */
        quota.share = core->orgs[o->root].share;
        quota.size = core->orgs[o->root].quota;
        most = usage_lasting_max(&usage, o->since, core_calendar(core, now_ms));
        rooms[i].root = o->root;
        rooms[i].bytes = o->root != 0 ? quota_room(&quota, usage.bytes) : UINT64_MAX;
        rooms[i].lasting = most > usage.lasting ? most - usage.lasting : 0;
        rooms[o->root].bytes_in_all = o->root != 0 ? quota_room_in_all(&quota) : UINT64_MAX;
    }
    waiting_release(core, rooms, now_ms);
    free(rooms);
    return kv_err(txn);
}

/* Has what was found stored; takes the rows over. */
static int store(struct core *core, struct sharing *sharing)
{
    struct change *change;

    if (sharing->rows_n == 0)
        return RP_OK;
    if ((change = core_change_new(CHANGE_QUOTAS)) == NULL)
        return RP_ERR_NOMEM;
    change->quotas = sharing->rows;
    change->quotas_n = sharing->rows_n;
    sharing->rows = NULL;
    (void)core_store(core, change);
    return RP_OK;
}

void quotas_compute(struct core *core, uint64_t now_ms)
{
    struct sharing sharing = {.n = 0};
    int err;

    core->quota_last = now_ms;
    core->quota_at = waiting_count(core) > 0 ? now_ms + QUOTA_LOOK_MS : UINT64_MAX;
    if ((sharing.txn = kv_begin(core->kv, false, &err)) == NULL) {
        quotas_due(core);
        return;
    }
    err = gather(core, &sharing);
    if (sharing.n > 0)
        qsort(sharing.members, sharing.n, sizeof *sharing.members, compare_members);
    for (size_t i = 0; i < sharing.n && err == RP_OK;)
        i += share_out(core, &sharing, i, &err);
    if (err == RP_OK)
        err = store(core, &sharing);
    if (err == RP_OK && waiting_count(core) > 0)
        err = release(core, sharing.txn, now_ms);
    if (err == RP_OK)
        err = kv_err(sharing.txn);
    if (err != RP_OK)
        quotas_due(core);
    kv_abort(sharing.txn);
    free(sharing.members);
    free(sharing.rows);
}

void quotas_apply(struct kv_txn *txn, const struct change *change)
{
    for (uint32_t i = 0; i < change->quotas_n; i++) {
        const struct quota_row *row = &change->quotas[i];

        if (row->is_root)
            quota_set(txn, row->org, row->share, row->size);
        else
            usage_set_root(txn, row->org, row->root);
    }
}

void quotas_renew(const struct core *core, struct change *change)
{
    for (uint32_t i = 0; i < change->quotas_n; i++) {
        struct quota_row *row = &change->quotas[i];

        row->root = core->orgs[row->org].root;
        row->share = core->orgs[row->org].share;
        row->size = core->orgs[row->org].quota;
    }
}

bool core_org_waiting(const struct core *core, uint32_t number, struct org_waiting *out)
{
    const struct core_org *o = &core->orgs[number];

    if (number == 0 || number >= core->orgs_n)
        return false;
    *out = (struct org_waiting){
        .records = o->waiting - o->waiting_lasting,
        .lasting = o->waiting_lasting,
        .bytes = o->waiting_bytes,
        .stored = o->bytes,
        .share = o->root != 0 ? core->orgs[o->root].share : QUOTA_UNSHARED,
    };
    return true;
}
