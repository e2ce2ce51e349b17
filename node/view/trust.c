#include <string.h>

#include "rp/err.h"
#include "rp/reader.h"
#include "view_private.h"

#define HELD_BACK_MAX 100 /* organisations named */

static void put_flag(struct rp_writer *w, const char *key, bool value)
{
    rp_writer_str(w, key);
    rp_writer_bool(w, value);
}

/* The path of vouches: each step with whose vouch it rests on. */
static void put_path(struct rp_writer *w, const struct view_source *source,
                     const struct trust_path *trust)
{
    rp_writer_str(w, "path");
    rp_writer_array(w, trust->steps);
    for (uint32_t i = 0; i < trust->steps; i++) {
        struct org_view org = {.name = ""};

        (void)core_org(source->core, trust->step[i].org, &org);
        rp_writer_map(w, 3);
        put_text(w, "name", org.name);
        put_org(w, "organisation", org.id);
        if (i > 0)
            put_hex(w, "vouch", trust->step[i].vouch, RP_SYMBOL_LEN);
        else
            put_text(w, "vouch", NULL);
    }
}

/* Who vouches for it, accepted or not: this many are named. */
#define VOUCHERS_MAX 100
static uint32_t put_vouchers(struct rp_writer *w, const struct view_source *source, uint32_t number)
{
    uint32_t n = 0;

    while (n < VOUCHERS_MAX && core_voucher(source->core, number, n) != 0)
        n++;
    rp_writer_str(w, "vouched_by");
    rp_writer_array(w, n);
    for (uint32_t i = 0; i < n; i++) {
        struct org_view org = {.name = ""};

        (void)core_org(source->core, core_voucher(source->core, number, i), &org);
        rp_writer_map(w, 4);
        put_flag(w, "accepted", org.accepted);
        put_flag(w, "blocked", org.blocked);
        put_text(w, "name", org.name);
        put_org(w, "organisation", org.id);
    }
    return n;
}

/* What of those who vouch for it keeps it from being accepted. */
static const char *why_not_by_vouch(const struct view_source *source, uint32_t number,
                                    const char **code)
{
    bool blocked = false;
    struct org_view org;
    uint32_t voucher;

    *code = "too-far";
    for (uint32_t i = 0; (voucher = core_voucher(source->core, number, i)) != 0; i++) {
        if (!core_org(source->core, voucher, &org))
            continue;
        if (org.accepted)
            return "whoever vouches for it is as many vouches away as this node goes (depth in "
                   "rpnode.conf)";
        blocked |= org.blocked;
    }
    *code = blocked ? "voucher-blocked" : "voucher-not-accepted";
    return blocked ? "an organisation that vouches for it is blocked here"
                   : "nobody who vouches for it is accepted here";
}

static void put_why(struct rp_writer *w, const struct view_source *source,
                    const struct trust_path *trust, uint32_t number)
{
    const char *code = "not-vouched";
    const char *text = "nobody known here vouches for it";

    rp_writer_str(w, "why");
    if (trust->accepted) {
        rp_writer_nil(w);
        return;
    }
    if (trust->blocked) {
        code = "blocked";
        text = "it is blocked here";
    } else if (!trust->known) {
        code = "not-met";
        text = "its identity is not known here yet";
    } else if (core_voucher(source->core, number, 0) != 0) {
        text = why_not_by_vouch(source, number, &code);
    }
    rp_writer_map(w, 2);
    put_text(w, "code", code);
    put_text(w, "text", text);
}

void view_trust(struct rp_writer *w, const struct view_source *source, uint32_t number)
{
    struct trust_path trust = {0};
    struct org_view org = {.name = ""};

    if (!core_org(source->core, number, &org) || !core_trust(source->core, number, &trust)) {
        w->err = RP_ERR_NOT_FOUND;
        return;
    }
    rp_writer_map(w, 15);
    put_flag(w, "accepted", trust.accepted);
    put_time(w, "accepted_since", trust.accepted ? trust.since : 0);
    put_flag(w, "blocked", trust.blocked);
    put_flag(w, "by_hand", trust.by_hand);
    put_uint(w, "depth_max", core_trust_depth(source->core));
    put_time(w, "left", trust.left);
    put_text(w, "name", org.name);
    put_org(w, "organisation", org.id);
    put_path(w, source, &trust);
    put_flag(w, "peer", trust.is_peer);
    put_text(w, "schema", "rpctl.trust/1");
    put_flag(w, "self", trust.is_self);
    (void)put_vouchers(w, source, number);
    put_flag(w, "vouched_by_us", trust.vouched_by_us);
    put_why(w, source, &trust, number);
}

static bool waits(const struct org_waiting *waiting)
{
    return waiting->records > 0 || waiting->lasting > 0;
}

/* Organisations of which something waits for room: how much, and why. */
void view_held_back(struct rp_writer *w, const struct view_source *source)
{
    struct org_waiting waiting;
    uint32_t n = 0;

    for (uint32_t i = 1; core_org_waiting(source->core, i, &waiting); i++)
        n += waits(&waiting) && n < HELD_BACK_MAX;
    rp_writer_str(w, "held_back");
    rp_writer_array(w, n);
    for (uint32_t i = 1; n > 0 && core_org_waiting(source->core, i, &waiting); i++) {
        struct org_view org = {.name = ""};

        if (!waits(&waiting))
            continue;
        n--;
        (void)core_org(source->core, i, &org);
        rp_writer_map(w, 7);
        put_uint(w, "bytes", waiting.bytes);
        put_uint(w, "control", waiting.lasting);
        put_text(w, "name", org.name);
        put_org(w, "organisation", org.id);
        put_uint(w, "records", waiting.records);
        rp_writer_str(w, "share");
        if (waiting.share != QUOTA_UNSHARED)
            rp_writer_uint(w, waiting.share);
        else
            rp_writer_nil(w);
        put_uint(w, "stored", waiting.stored);
    }
}

void view_invite(struct rp_writer *w, const struct view_source *source,
                 const struct invite_entry *invite)
{
    const char *state = invite->revoked != 0                ? "revoked"
                        : invite->used                      ? "used"
                        : invite->expires <= source->now_ms ? "expired"
                                                            : "open";

    rp_writer_map(w, 8);
    put_time(w, "expires", invite->expires);
    put_text(w, "for", invite->note);
    put_time(w, "made", invite->created);
    put_hex(w, "name", invite->name, RP_HASH_LEN);
    put_time(w, "revoked", invite->revoked);
    put_text(w, "state", state);
    if (invite->used)
        put_org(w, "used_by", invite->used_by);
    else
        put_text(w, "used_by", NULL);
    put_flag(w, "vouches", invite->vouches);
}

/* The next entry of a table whose entries all are shown. */
static bool walk_next(struct view_walk *walk, struct kv_txn *txn, enum kv_table table,
                      struct kv_iter *it)
{
    walk->more = false;
    if (walk->after.len == 0) {
        kv_first(it, txn, table, (struct rp_slice){NULL, 0});
    } else {
        kv_from(it, txn, table, kv_key_slice(&walk->after), 0);
        if (it->found && rp_bytes_compare(it->key, kv_key_slice(&walk->after)) == 0)
            kv_next(it);
    }
    if (it->found && walk->looked++ == VIEW_TURN) {
        walk->more = true;
        kv_stop(it);
    }
    if (!it->found)
        return false;
    walk->after.len = 0;
    kv_key_bytes(&walk->after, it->key.data, it->key.len);
    return true;
}

/* {"at", "because", "name", "number", "object", "organisation", "what"}: all of them, or nil. */
/* One of the details that are 32 bytes. */
static void put_detail(struct rp_writer *w, const struct audit_read *entry, const char *key)
{
    struct rp_reader value;
    struct rp_slice id;

    (void)rp_reader_find(entry->details, key, &value);
    id = rp_reader_bin(&value);
    if (value.err == RP_OK && id.len == RP_ID_LEN)
        put_hex(w, key, id.data, id.len);
    else
        put_text(w, key, NULL);
}

static void write_entry(struct rp_writer *w, uint64_t number, const struct audit_read *entry)
{
    static const char *const texts[] = {"because", "name"};
    struct rp_reader value;
    struct rp_slice id;

    rp_writer_map(w, 8);
    put_time(w, "at", entry->at);
    for (size_t i = 0; i < 2; i++) {
        rp_writer_str(w, texts[i]);
        if (rp_reader_find(entry->details, texts[i], &value))
            rp_writer_text(w, rp_reader_str(&value));
        else
            rp_writer_nil(w);
    }
    put_detail(w, entry, "node");
    put_uint(w, "number", number);
    put_detail(w, entry, "object");
    (void)rp_reader_find(entry->details, "organisation", &value);
    id = rp_reader_bin(&value);
    if (value.err == RP_OK && id.len == RP_ID_LEN)
        put_org(w, "organisation", id.data);
    else
        put_text(w, "organisation", NULL);
    rp_writer_str(w, "what");
    rp_writer_text(w, entry->what);
}

bool view_audit_next(struct view_walk *walk, struct rp_writer *w, const struct view_source *source,
                     int *err)
{
    struct kv_txn *txn = kv_begin(source->kv, false, err);
    bool found = false;
    struct kv_iter it;

    while (txn != NULL && !found && walk_next(walk, txn, KV_AUDIT, &it)) {
        struct audit_read entry;

        found = audit_read(it.value, &entry);
        if (found)
            write_entry(w, kv_number(it.key.data, 8), &entry);
        kv_stop(&it);
    }
    if (txn != NULL) {
        *err = kv_err(txn);
        kv_abort(txn);
    }
    return found && *err == RP_OK;
}

bool view_hidden_next(struct view_walk *walk, struct rp_writer *w, const struct view_source *source,
                      int *err)
{
    struct kv_txn *txn = kv_begin(source->kv, false, err);
    bool found = false;
    struct kv_iter it;

    if (txn == NULL)
        return false;
    if ((found = walk_next(walk, txn, KV_HIDDEN, &it))) {
        rp_writer_map(w, 2);
        put_hex(w, "object", it.key.data, it.key.len);
        put_time(w, "since", it.value.len == 8 ? kv_number(it.value.data, 8) : 0);
        kv_stop(&it);
    }
    *err = kv_err(txn);
    kv_abort(txn);
    return found && *err == RP_OK;
}
