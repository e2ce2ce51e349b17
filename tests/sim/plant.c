#include "plant.h"

#include "core/beacons.h"
#include "core/circles.h"
#include "core/waiting.h"
#include "planted.h"
#include "rp/consent.h"
#include "rp/err.h"
#include "store/batch.h"

enum bug {
    NO_BUG,
    WITHDRAWN_COMES_BACK,
    TOLD_BEFORE_COMMIT,
    CELL_FORGOTTEN,
    SIGNATURE_NOT_CHECKED,
    FINGERPRINT_NOT_REDUCED,
    VERSION_NOT_ERASED,
    LISTS_NOT_ANNOUNCED,
    NOT_DIALLED_AGAIN,
    LIST_ENDS_EARLY,
    LOCAL_COUNTED,
    VOUCH_STAYS,
    TAKEN_TWICE,
    NUMBER_GIVEN_TWICE,
    FAILURE_BELIEVED,
    DAMAGE_NOT_SEEN,
    REMOVED_STAYS_IN_SETS,
    BLOCK_FORGOTTEN,
    CONSENT_OUTLIVED,
    CIRCLES_TOLD_TO_ALL,
    COMMONS_WITH_CIRCLES,
    BYTES_NOT_COUNTED,
    QUOTA_NOT_KEPT,
    HELD_BACK_FOR_GOOD,
    HONOURED_TOO_EARLY,
    BEACON_NOT_SENT,
    BUGS,
};

static const char *const names[BUGS] = {
    [WITHDRAWN_COMES_BACK] = "withdrawn-comes-back",
    [TOLD_BEFORE_COMMIT] = "told-before-commit",
    [CELL_FORGOTTEN] = "cell-forgotten",
    [SIGNATURE_NOT_CHECKED] = "signature-not-checked",
    [FINGERPRINT_NOT_REDUCED] = "fingerprint-not-reduced",
    [VERSION_NOT_ERASED] = "version-not-erased",
    [LISTS_NOT_ANNOUNCED] = "lists-not-announced",
    [NOT_DIALLED_AGAIN] = "not-dialled-again",
    [LIST_ENDS_EARLY] = "list-ends-early",
    [LOCAL_COUNTED] = "local-counted",
    [VOUCH_STAYS] = "vouch-stays",
    [TAKEN_TWICE] = "taken-twice",
    [NUMBER_GIVEN_TWICE] = "number-given-twice",
    [FAILURE_BELIEVED] = "failure-believed",
    [DAMAGE_NOT_SEEN] = "damage-not-seen",
    [REMOVED_STAYS_IN_SETS] = "removed-stays-in-sets",
    [BLOCK_FORGOTTEN] = "block-forgotten",
    [CONSENT_OUTLIVED] = "consent-outlived",
    [CIRCLES_TOLD_TO_ALL] = "circles-told-to-all",
    [COMMONS_WITH_CIRCLES] = "commons-with-circles",
    [BYTES_NOT_COUNTED] = "bytes-not-counted",
    [QUOTA_NOT_KEPT] = "quota-not-kept",
    [HELD_BACK_FOR_GOOD] = "held-back-for-good",
    [HONOURED_TOO_EARLY] = "honoured-too-early",
    [BEACON_NOT_SENT] = "beacon-not-sent",
};

static enum bug planted;
static unsigned calls; /* of the planted function, so that it need not be wrong each time */

bool plant_choose(const char *name)
{
    planted = (enum bug)planted_find(names, BUGS, name);
    return planted != NO_BUG;
}

const char *plant_name(unsigned i)
{
    return i + 1 < BUGS ? names[i + 1] : NULL;
}

/* Whether this call of the function with ${bug} goes wrong: one in ${n} does. */
static bool goes_wrong(enum bug bug, unsigned n)
{
    return planted == bug && ++calls % n == 0;
}

BETWEEN(bool, kv_get, struct kv_txn *txn, enum kv_table table, struct rp_slice key,
        struct rp_slice *value)
{
    if (table == KV_WITHDRAWN && goes_wrong(WITHDRAWN_COMES_BACK, 1))
        return false;
    return __real_kv_get(txn, table, key, value);
}

BETWEEN(int, batch_commit, struct batch *batch)
{
    if (!goes_wrong(TOLD_BEFORE_COMMIT, 20))
        return __real_batch_commit(batch);
    batch_abort(batch);
    return RP_OK;
}

BETWEEN(void, rp_sketch_toggle, struct rp_cell *cells, uint32_t from, uint32_t n,
        const uint8_t key[static RP_SKETCH_KEY_LEN], const uint8_t symbol[static RP_SYMBOL_LEN])
{
    if (n > 1 && goes_wrong(CELL_FORGOTTEN, 50))
        __real_rp_sketch_toggle(cells + 1, from + 1, n - 1, key, symbol);
    else
        __real_rp_sketch_toggle(cells, from, n, key, symbol);
}

BETWEEN(int, rp_record_open_with, struct rp_codecs *codecs, struct rp_opened *out,
        struct rp_slice packed)
{
    if (goes_wrong(SIGNATURE_NOT_CHECKED, 1))
        return rp_record_open_trusted(out, packed);
    return __real_rp_record_open_with(codecs, out, packed);
}

BETWEEN(void, rp_fingerprint_remove, struct rp_fingerprint *sum,
        const uint8_t symbol[static RP_SYMBOL_LEN])
{
    if (!goes_wrong(FINGERPRINT_NOT_REDUCED, 3))
        __real_rp_fingerprint_remove(sum, symbol);
}

BETWEEN(void, records_erase, struct batch *batch, uint64_t seq,
        uint8_t symbol[static RP_SYMBOL_LEN])
{
    if (goes_wrong(VERSION_NOT_ERASED, 4))
        memset(symbol, 0, RP_SYMBOL_LEN);
    else
        __real_records_erase(batch, seq, symbol);
}

BETWEEN(void, lists_announce, struct core *core, struct rp_slice accepted, struct rp_slice kept,
        uint64_t now_ms)
{
    if (!goes_wrong(LISTS_NOT_ANNOUNCED, 1))
        __real_lists_announce(core, accepted, kept, now_ms);
}

BETWEEN(void, peering_plan_dial, struct core *core, struct peer *peer, uint64_t now_ms, bool soon)
{
    if (soon || !goes_wrong(NOT_DIALLED_AGAIN, 3))
        __real_peering_plan_dial(core, peer, now_ms, soon);
}

BETWEEN(int, view_list, const struct view *view, const struct range *range, size_t max,
        struct symbols *out, bool *last)
{
    int err = __real_view_list(view, range, max, out, last);

    if (out->n > RP_SYMBOL_LEN && goes_wrong(LIST_ENDS_EARLY, 1))
        out->n -= RP_SYMBOL_LEN;
    return err;
}

BETWEEN(void, sets_add, struct core *core, const uint8_t *symbol, const struct place *place)
{
    struct place wrong = *place;

    if (place->scope == SCOPE_LOCAL && goes_wrong(LOCAL_COUNTED, 1))
        wrong.scope = SCOPE_COMMONS;
    __real_sets_add(core, symbol, &wrong);
}

BETWEEN(void, trust_vouch_erased, struct core *core, const uint8_t *symbol, bool disowned)
{
    if (!goes_wrong(VOUCH_STAYS, 1))
        __real_trust_vouch_erased(core, symbol, disowned);
}

BETWEEN(bool, records_find, struct kv_txn *txn, const uint8_t symbol[static RP_SYMBOL_LEN],
        struct place *out)
{
    return __real_records_find(txn, symbol, out) && !goes_wrong(TAKEN_TWICE, 10);
}

BETWEEN(uint64_t, batch_next_seq, struct batch *batch)
{
    uint64_t seq = __real_batch_next_seq(batch);

    return seq > 2 && goes_wrong(NUMBER_GIVEN_TWICE, 40) ? seq - 1 : seq;
}

BETWEEN(void, core_stored, struct core *core, struct change *change, int err, uint64_t now_ms)
{
    __real_core_stored(core, change, err != RP_OK && goes_wrong(FAILURE_BELIEVED, 1) ? RP_OK : err,
                       now_ms);
}

BETWEEN(bool, records_is_sound, struct kv_txn *txn, uint64_t seq)
{
    return __real_records_is_sound(txn, seq) || goes_wrong(DAMAGE_NOT_SEEN, 1);
}

BETWEEN(void, sets_toggle_org, struct core *core, uint32_t org, enum lane lane, bool enter)
{
    if (enter || !goes_wrong(REMOVED_STAYS_IN_SETS, 1))
        __real_sets_toggle_org(core, org, lane, enter);
}

BETWEEN(void, orgs_save, struct kv_txn *txn, const struct org *org)
{
    struct org changed = *org;

    if (org->blocked && goes_wrong(BLOCK_FORGOTTEN, 1))
        changed.blocked = false;
    __real_orgs_save(txn, &changed);
}

BETWEEN(bool, rp_consent_has_lapsed, struct rp_slice content, bool local, const char *today)
{
    return __real_rp_consent_has_lapsed(content, local, today) && !goes_wrong(CONSENT_OUTLIVED, 1);
}

BETWEEN(void, circles_attach, struct link *link, uint64_t now_ms)
{
    const struct circle *circle = link->core->circles;

    __real_circles_attach(link, now_ms);
    if (circle != NULL && goes_wrong(CIRCLES_TOLD_TO_ALL, 1)) {
        rp_message_write_circle(&link->writer, rp_bytes_slice(&circle->issued));
        link_send(link);
    }
    if (link->only_circles && goes_wrong(COMMONS_WITH_CIRCLES, 1))
        link->commons.shut = false;
}

BETWEEN(bool, usage_has_room, struct kv_txn *txn, const struct usage *usage, uint64_t bytes)
{
    return __real_usage_has_room(txn, usage, bytes) || goes_wrong(QUOTA_NOT_KEPT, 1);
}

BETWEEN(void, usage_count, struct kv_txn *txn, const struct place *place, uint64_t bytes, bool gone)
{
    __real_usage_count(txn, place, goes_wrong(BYTES_NOT_COUNTED, 1) ? 0 : bytes, gone);
}

BETWEEN(void, waiting_release, struct core *core, struct allowance *rooms, uint64_t now_ms)
{
    if (!goes_wrong(HELD_BACK_FOR_GOOD, 1))
        __real_waiting_release(core, rooms, now_ms);
}

BETWEEN(uint64_t, receipts_clean, struct kv_txn *txn)
{
    return goes_wrong(HONOURED_TOO_EARLY, 1) ? UINT64_MAX : __real_receipts_clean(txn);
}

BETWEEN(void, beacons_spread, const struct beacons *b, const struct beacon *beacon,
        const struct link *except)
{
    if (!goes_wrong(BEACON_NOT_SENT, 3))
        __real_beacons_spread(b, beacon, except);
}
