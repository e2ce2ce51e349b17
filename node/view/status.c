#include <string.h>

#include "rp/err.h"
#include "rp/kind.h"
#include "view_private.h"

static const char *const state_words[] = {
    [PEER_IN_SYNC] = "in sync", [PEER_BEHIND] = "behind",   [PEER_AHEAD] = "ahead",
    [PEER_OFFLINE] = "offline", [PEER_REFUSED] = "refused", [PEER_WAITING] = "waiting",
    [PEER_BLOCKED] = "blocked", [PEER_PAUSED] = "paused",
};

/* Objects of ${kind} in a scope. */
static uint64_t count_kind(struct kv_txn *txn, uint32_t scope, const char *kind)
{
    struct kv_key key = records_head_prefix(scope, rp_bytes_str(kind));
    struct rp_slice value;

    return kv_get(txn, KV_COUNT, kv_key_slice(&key), &value) && value.len == 8
               ? kv_number(value.data, 8)
               : 0;
}

/* "by_kind": how many objects of each authored kind, only those that there are; gives the sum. */
static uint64_t put_kinds(struct rp_writer *w, const struct view_source *source)
{
    const char *names[32];
    uint64_t counts[32];
    uint64_t sum = 0;
    uint32_t n = 0;
    struct kv_txn *txn;
    int err;

    txn = kv_begin(source->kv, false, &err);
    for (const struct rp_kind *kind = rp_kind_table; txn != NULL && kind->name != NULL; kind++) {
        uint64_t count =
            count_kind(txn, SCOPE_COMMONS, kind->name) + count_kind(txn, SCOPE_LOCAL, kind->name);
        uint32_t at = n;

        if (!kind->authored || count == 0)
            continue;
        for (; at > 0 && strcmp(names[at - 1], kind->name) > 0; at--) { /* in order of names */
            names[at] = names[at - 1];
            counts[at] = counts[at - 1];
        }
        names[at] = kind->name;
        counts[at] = count;
        sum += count;
        n++;
    }
    if (txn != NULL) {
        err = kv_err(txn);
        kv_abort(txn);
    }
    if (w->err == RP_OK) /* no answer rather than one that says there is nothing */
        w->err = err;
    rp_writer_str(w, "by_kind");
    rp_writer_map(w, n);
    for (uint32_t i = 0; i < n; i++)
        put_uint(w, names[i], counts[i]);
    return sum;
}

/* Why a peer is not in sync, or nil. */
static void put_why(struct rp_writer *w, const struct peer_status *peer)
{
    const char *code = peer->why_code;
    const char *text = peer->why_text;

    if (code == NULL && peer->linked && peer->recv_pending > 0) {
        code = "receiving";
        text = "records are on their way";
    } else if (code == NULL && peer->linked && !peer->pending_known) {
        code = "comparing";
        text = "comparing what each holds";
    } else if (code == NULL && peer->linked && peer->send_pending > 0) {
        code = "sending";
        text = "it has not taken everything yet";
    } else if (code == NULL && !peer->linked && peer->entry->addresses == 0) {
        code = "no_address";
        text = "we do not know where to call it; it has to call us";
    } else if (code == NULL && !peer->linked) {
        code = "calling";
        text = "being called";
    } else if (code == NULL && peer->held_back > 0) {
        code = "quota";
        text = "in step; some of what it has waits here for room under the quota";
    }
    rp_writer_str(w, "why");
    if (code == NULL) {
        rp_writer_nil(w);
        return;
    }
    rp_writer_map(w, 3);
    put_text(w, "code", code);
    put_time(w, "retry_at", peer->retry_at);
    put_text(w, "text", text);
}

static void put_pending(struct rp_writer *w, const char *key, uint64_t n, bool known)
{
    rp_writer_str(w, key);
    if (known)
        rp_writer_uint(w, n);
    else
        rp_writer_nil(w);
}

static void write_peer(struct rp_writer *w, const struct peer_status *peer)
{
    bool known = peer->linked && peer->pending_known;

    rp_writer_map(w, 15);
    put_text(w, "address", peer->address);
    put_uint(w, "bytes_in", peer->bytes_in);
    put_uint(w, "bytes_out", peer->bytes_out);
    rp_writer_str(w, "clock_ms");
    if (peer->linked)
        rp_writer_int(w, peer->clock_ms);
    else
        rp_writer_nil(w);
    put_uint(w, "exchanges", peer->exchanges);
    put_uint(w, "held_back", peer->held_back);
    put_time(w, "last_sync", peer->last_sync);
    put_text(w, "link", !peer->linked ? NULL : peer->outbound ? "out" : "in");
    put_text(w, "name", peer->name);
    put_org(w, "organisation", peer->entry->org);
    put_uint(w, "records_refused", peer->refused);
    put_pending(w, "recv_pending", peer->recv_pending, known);
    put_pending(w, "send_pending", peer->send_pending, known);
    put_text(w, "state", state_words[peer->state]);
    put_why(w, peer);
}

static uint32_t count_peers(const struct view_source *source)
{
    struct peer_status peer;
    uint32_t n = 0;

    while (core_peer_status(source->core, n, &peer))
        n++;
    return n;
}

static void put_peers(struct rp_writer *w, const struct view_source *source)
{
    uint32_t n = count_peers(source);

    rp_writer_str(w, "peers");
    rp_writer_array(w, n);
    for (uint32_t i = 0; i < n; i++) {
        struct peer_status peer;

        (void)core_peer_status(source->core, i, &peer);
        write_peer(w, &peer);
    }
}

static void put_knocks(struct rp_writer *w, const struct view_source *source)
{
    struct knock knock;
    uint32_t n = 0;

    while (core_knock(source->core, n, &knock))
        n++;
    rp_writer_str(w, "knocks");
    rp_writer_array(w, n);
    for (uint32_t i = 0; core_knock(source->core, i, &knock); i++) {
        rp_writer_map(w, 4);
        put_text(w, "address", knock.address);
        put_time(w, "at", knock.at);
        put_text(w, "name", knock.name);
        put_org(w, "organisation", knock.org);
    }
}

/* One word for everything: ok, degraded (somebody is not in sync), failing (nothing is stored). */
static const char *health(const struct view_source *source)
{
    struct peer_status peer;

    if (source->store_full)
        return "failing";
    if (view_withholds(source) != NULL || !own_key_is_good(source))
        return "degraded";
    for (uint32_t i = 0; core_peer_status(source->core, i, &peer); i++) {
        if (peer.state != PEER_IN_SYNC && peer.state != PEER_BLOCKED && peer.state != PEER_PAUSED)
            return "degraded";
    }
    return "ok";
}

static void put_counters(struct rp_writer *w, const struct view_source *source)
{
    struct core_counters counters;

    core_counters(source->core, &counters);
    rp_writer_str(w, "counters");
    rp_writer_map(w, 11);
    put_uint(w, "beacons_ignored", counters.beacons_ignored);
    put_uint(w, "beacons_in", counters.beacons_in);
    put_uint(w, "beacons_out", counters.beacons_out);
    put_uint(w, "beacons_refused", counters.beacons_refused);
    put_uint(w, "checks", counters.checks);
    put_uint(w, "duplicates_in", counters.duplicates_in);
    put_uint(w, "equal", counters.equal);
    put_uint(w, "lists", counters.lists);
    put_uint(w, "records_in", counters.records_in);
    put_uint(w, "records_out", counters.records_out);
    put_uint(w, "sketches", counters.sketches);
}

/* Whether the store was restored, and stories are withheld, or nil. */
static void put_restored(struct rp_writer *w, const struct view_source *source)
{
    static const char *const words[RESTORED_WHYS] = {
        [RESTORED_DECLARED] = "declared", [RESTORED_COPIED] = "copied", [RESTORED_FOUND] = "found"};
    struct restored restored;
    uint32_t awaited;

    rp_writer_str(w, "restored");
    if (!core_is_restored(source->core, &restored, &awaited)) {
        rp_writer_nil(w);
        return;
    }
    rp_writer_map(w, 3);
    put_uint(w, "awaited", awaited);
    put_text(w, "how", words[restored.why]);
    put_time(w, "since", restored.since);
}

/* Whether what was withdrawn is still in the store's file, or nil. */
static void put_erasing(struct rp_writer *w, const struct view_source *source)
{
    rp_writer_str(w, "erasing");
    if (!source->erasing) {
        rp_writer_nil(w);
        return;
    }
    rp_writer_map(w, 2);
    put_time(w, "since", source->erasing_since);
    put_text(w, "why", source->erasing_why);
}

void view_status(struct rp_writer *w, const struct view_source *source)
{
    struct rp_tally content;
    struct rp_tally control;
    uint64_t records;

    core_tally(source->core, RP_SET_CONTENT, &content);
    core_tally(source->core, RP_SET_CONTROL, &control);
    rp_writer_map(w, 28);
    records = put_kinds(w, source);
    view_consent_due(w, source);
    put_uint(w, "content_set", content.count);
    put_hex(w, "control_fingerprint", control.digest, sizeof control.digest);
    put_uint(w, "control_set", control.count);
    put_counters(w, source);
    put_erasing(w, source);
    put_federation(w, source);
    put_hex(w, "fingerprint", content.digest, sizeof content.digest);
    put_text(w, "health", health(source));
    view_held_back(w, source);
    put_uint(w, "hidden", core_hidden_count(source->core));
    put_knocks(w, source);
    put_text(w, "listen", source->listen);
    put_text(w, "name", source->self->identity.name);
    put_org(w, "organisation", source->self->identity.org);
    put_organisations(w, source);
    put_text(w, "own_key", own_key_word(source));
    put_peers(w, source);
    put_uint(w, "records", records);
    put_restored(w, source);
    put_uint(w, "review", view_reviews_count(source));
    put_text(w, "schema", "rpctl.status/1");
    put_text(w, "software", source->software);
    put_time(w, "started", source->started_ms);
    put_uint(w, "store_bytes", source->store_bytes);
    put_text(w, "web", source->web);
}

void view_peers(struct rp_writer *w, const struct view_source *source)
{
    rp_writer_map(w, 2);
    put_peers(w, source);
    put_text(w, "schema", "rpctl.peers/1");
}
