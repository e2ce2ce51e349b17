#include <stdlib.h>
#include <string.h>

#include "request.h"
#include "rp/err.h"
#include "rp/text.h"

#define VERSIONS_MAX 100 /* in one withdrawal: as many as its kind takes */

/* What is to be withdrawn: an object of this organisation, or some of its versions. */
struct withdrawn {
    struct rp_record target; /* scope, org, seed and teller of the object */
    bool found;
    uint32_t wanted; /* versions asked for, by the beginning of their ids: */
    char prefix[VERSIONS_MAX][2 * RP_ID_LEN + 1];
    uint32_t fits[VERSIONS_MAX]; /* how many versions each of these fits */
    uint8_t id[VERSIONS_MAX][RP_ID_LEN];
};

static void note_version(struct withdrawn *w, const struct rp_record *record)
{
    char hex[2 * RP_ID_LEN + 1];

    w->found = true;
    w->target.has_teller = record->has_teller;
    memcpy(w->target.scope, record->scope, RP_ID_LEN);
    memcpy(w->target.org, record->org, RP_ID_LEN);
    memcpy(w->target.seed, record->seed, RP_SEED_LEN);
    memcpy(w->target.teller, record->teller, RP_KEY_LEN);
    rp_text_hex(hex, record->id, RP_ID_LEN);
    for (uint32_t i = 0; i < w->wanted; i++) {
        if (strncmp(hex, w->prefix[i], strlen(w->prefix[i])) != 0)
            continue;
        w->fits[i]++;
        memcpy(w->id[i], record->id, RP_ID_LEN);
    }
}

/* Looks through the stored versions of ${object}. */
static int look_up(struct kv *kv, const uint8_t object[static RP_ID_LEN], struct withdrawn *w)
{
    struct kv_txn *txn;
    struct kv_iter it;
    int err;

    if ((txn = kv_begin(kv, false, &err)) == NULL)
        return err;
    for (kv_first(&it, txn, KV_OBJECT, (struct rp_slice){object, RP_ID_LEN}); it.found;
         kv_next(&it)) {
        struct rp_opened opened;
        struct place place;

        if (!records_open(txn, records_seq_of_key(it.key), &place, &opened))
            continue;
        if (place.lane == LANE_CONTENT)
            note_version(w, &opened.record);
        rp_record_close(&opened);
    }
    err = kv_err(txn);
    kv_abort(txn);
    return err;
}

/* Reads the argument "versions", a list of beginnings of ids. */
static bool read_versions(struct request *request, struct rp_slice args, struct withdrawn *w)
{
    struct rp_slice list = arg_item(args, "versions");
    uint8_t ignored[RP_ID_LEN];
    struct rp_reader r;

    if (list.len == 0)
        return true;
    rp_reader_init(&r, list);
    w->wanted = rp_reader_array(&r);
    if (r.err != RP_OK || w->wanted > VERSIONS_MAX) {
        request_error(request, RP_ERR_ARGUMENT, NULL, "at most %d versions at once", VERSIONS_MAX);
        return false;
    }
    for (uint32_t i = 0; i < w->wanted; i++) {
        struct rp_slice text = rp_reader_str(&r);
        char *prefix = w->prefix[i];

        if (r.err == RP_OK && text.len >= 4 && text.len < sizeof w->prefix[i]) {
            memcpy(prefix, text.data, text.len);
            if (rp_text_unhex(ignored, prefix, text.len)) {
                for (; *prefix != '\0'; prefix++)
                    *prefix |= 0x20; /* to lower case; digits have that bit anyway */
                continue;
            }
        }
        request_error(request, RP_ERR_ARGUMENT, NULL,
                      "a version is given by at least 4 hex digits of its id");
        return false;
    }
    return true;
}

static bool check_versions(struct request *request, const struct withdrawn *w)
{
    for (uint32_t i = 0; i < w->wanted; i++) {
        if (w->fits[i] == 1)
            continue;
        if (w->fits[i] == 0)
            request_error(request, RP_ERR_NOT_FOUND, NULL,
                          "%s is not a version of it that is here: see  rpctl show", w->prefix[i]);
        else
            request_error(request, RP_ERR_AMBIGUOUS, NULL,
                          "more than one version begins with %s: give more digits", w->prefix[i]);
        return false;
    }
    return true;
}

/* What goes into the audit log with the withdrawal: why, which nobody else is told. */
static int pack_audit(struct rp_bytes *out, const struct view_source *source, const uint8_t *object,
                      const char *reason)
{
    struct audit_entry entry = {
        .at = source->now_ms,
        .what = "withdraw",
        .object = object,
        .because = reason[0] != '\0' ? reason : NULL,
    };

    return audit_pack(out, &entry);
}

/* {"id": str, "versions": [str, ...] or nothing, "because": str or nothing}. */
void handle_withdraw(struct request *request, struct rp_slice args)
{
    const struct control_opts *opts = control_options(request->control);
    struct view_source source = request_source(request);
    static struct withdrawn w; /* large; one request is handled at a time */
    uint8_t *object = request->state.withdraw.object;
    char id[2 * RP_ID_LEN + 1];
    char reason[AUDIT_BECAUSE_MAX + 1];
    struct rp_bytes packed;
    struct rp_bytes audit;
    struct rp_rand rand;
    struct author author = request_author(request, &rand, source.now_ms);
    int err;

    memset(&w, 0, sizeof w);
    if (!read_versions(request, args, &w) || !need_object(request, args, id, object))
        return;
    if ((err = look_up(opts->kv, object, &w)) != RP_OK) {
        request_id_error(request, id, err);
        return;
    }
    if (!w.found) {
        request_error(request, RP_ERR_WITHDRAWN, NULL, "%s is withdrawn already", id);
        return;
    }
    if (memcmp(w.target.org, opts->self->identity.org, RP_ID_LEN) != 0) {
        request_error(request, RP_ERR_DENIED, NULL,
                      "%s belongs to another organisation: only its owner can withdraw it", id);
        return;
    }
    if (!check_versions(request, &w))
        return;
    if (!arg_text(args, "because", reason, sizeof reason)) {
        request_error(request, RP_ERR_ARGUMENT, NULL, "a reason is one line of at most %d bytes",
                      AUDIT_BECAUSE_MAX);
        return;
    }
    request->state.withdraw.local = memcmp(w.target.scope, rp_record_local, RP_ID_LEN) == 0;
    if ((err = pack_audit(&audit, &source, object, reason)) == RP_OK) {
        err = author_withdraw(&packed, &author, &w.target, w.id, w.wanted);
        if (err == RP_OK)
            request_submit_act(request, &packed, &audit);
        else
            rp_bytes_free(&audit);
    }
    if (err != RP_OK)
        request_error(request, err, NULL, "%s", rp_err_text(err));
}

static void put_hex(struct rp_writer *w, const char *key, const uint8_t *id)
{
    char hex[2 * RP_ID_LEN + 1];

    rp_text_hex(hex, id, RP_ID_LEN);
    rp_writer_str(w, key);
    rp_writer_str(w, hex);
}

static void withdrawal_stored(struct request *request, const struct outcome *outcome)
{
    struct view_source source = request_source(request);
    uint8_t object[RP_ID_LEN];
    bool local = request->state.withdraw.local;
    struct rp_writer *w = request_done(request);

    memcpy(object, request->state.withdraw.object, RP_ID_LEN);
    rp_writer_map(w, 5);
    put_hex(w, "id", outcome->id);
    put_hex(w, "object", object);
    view_quotes(w, object, &source);
    rp_writer_str(w, "state");
    rp_writer_str(w, local ? "withdrawn here" : "withdrawn");
    request_send(request);
}

void handle_withdraw_outcome(struct request *request, const struct outcome *outcome)
{
    if (outcome->err == RP_OK)
        withdrawal_stored(request, outcome);
    else
        handle_publish_outcome(request, outcome);
}

void continue_withdrawals(struct request *request, uint64_t now_ms)
{
    struct view_withdrawals *walk = &request->state.withdrawals;
    struct view_source source = request_source(request);
    int err = RP_OK;

    (void)now_ms;
    walk->looked = 0;
    while (!request_must_wait(request) && request->client != NULL) {
        if (!view_withdrawals_next(walk, request_item(request), &source, &err)) {
            if (err == RP_OK && walk->more)
                break;
            request_finish(request, err);
            return;
        }
        request_send(request);
    }
    if (request->client == NULL)
        request_finish(request, RP_OK);
    else
        request_go_on_later(request, walk->more);
}

/* {"trust_it": bool}: the home was restored from a backup; or was, and nothing was withdrawn since.
 */
void handle_restored(struct request *request, struct rp_slice args)
{
    const struct control_opts *opts = control_options(request->control);
    struct view_source source = request_source(request);

    core_restored(opts->core, arg_flag(args, "trust_it") ? RESTORED_NOT : RESTORED_DECLARED,
                  source.steady_ms);
    request_finish(request, RP_OK);
}
