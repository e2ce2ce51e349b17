#include "intake.h"

#include <stdlib.h>
#include <string.h>

#include "repair.h"
#include "rp/err.h"
#include "store/revoked.h"

struct intake *intake_record(const struct submission *submission)
{
    struct intake *intake = calloc(1, sizeof *intake);

    if (intake != NULL)
        intake->submission = *submission;
    return intake;
}

struct intake *intake_change(struct change *change)
{
    struct intake *intake = calloc(1, sizeof *intake);

    if (intake != NULL) {
        intake->is_change = true;
        intake->change = change;
    }
    return intake;
}

void intake_free(struct intake *intake)
{
    core_submission_free(&intake->submission);
    rp_record_close(&intake->opened);
    admit_free(&intake->admission);
    free(intake);
}

void intake_verify(struct intake *intake, struct rp_codecs *codecs)
{
    if (intake->is_change)
        return;
    intake->err =
        rp_record_open_with(codecs, &intake->opened, rp_bytes_slice(&intake->submission.packed));
    intake->id_known = intake->err == RP_OK || intake->err == RP_ERR_VERSION;
}

bool intake_withdraws(const struct intake *intake)
{
    const struct rp_record *record = &intake->opened.record;

    return !intake->is_change && intake->id_known && record->set == RP_SET_CONTROL &&
           rp_record_is_kind(record, "withdrawal");
}

static bool has_room(const struct intake *intake, enum room room)
{
    if (room == ROOM_FOR_WITHDRAWALS)
        return intake_withdraws(intake);
    if (room == ROOM_FOR_CONTROL)
        return intake->is_change || intake->opened.record.set == RP_SET_CONTROL;
    return room == ROOM_FOR_ALL;
}

static void write_one(struct batch *batch, struct intake *intake, enum room room, uint64_t now_ms)
{
    if (intake->err == RP_OK && !has_room(intake, room)) {
        intake->err = RP_ERR_FULL;
        return;
    }
    if (intake->is_change) {
        if (intake->change->type == CHANGE_DAMAGED)
            repair_record(batch, intake->change);
        else
            core_apply(batch, intake->change);
        return;
    }
    if (intake->err == RP_ERR_VERSION)
        admit_later(batch, intake->opened.record.id, now_ms);
    if (intake->err == RP_OK)
        intake->err =
            admit_record(batch, &intake->opened.record, rp_bytes_slice(&intake->submission.packed),
                         now_ms, &intake->admission);
    if (intake->err == RP_OK)
        audit_append(batch_txn(batch), rp_bytes_slice(&intake->submission.audit));
}

void intake_fail(struct intake *intake, int err)
{
    intake->err = err;
    admit_free(&intake->admission);
}

int intake_write_from(struct kv *kv, struct intake *(*next)(void *ctx), void *ctx, enum room room,
                      uint64_t now_ms)
{
    struct intake *intake;
    struct batch *batch;
    int err;

    if ((batch = batch_begin(kv, &err)) == NULL)
        return err;
    while (kv_err(batch_txn(batch)) == RP_OK && (intake = next(ctx)) != NULL)
        write_one(batch, intake, room, now_ms);
    return batch_commit(batch);
}

/* Those of an array that come next. */
struct items {
    struct intake **next;
    struct intake **end;
};

static struct intake *next_item(void *ctx)
{
    struct items *items = ctx;

    return items->next < items->end ? *items->next++ : NULL;
}

void intake_write(struct kv *kv, struct intake **items, size_t n, enum room room, uint64_t now_ms)
{
    struct items all = {items, items + n};
    int err = intake_write_from(kv, next_item, &all, room, now_ms);

    for (size_t i = 0; i < n && err != RP_OK; i++)
        intake_fail(items[i], err);
}

void intake_report(struct core *core, struct intake *intake, uint64_t now_ms)
{
    const struct rp_record *record = &intake->opened.record;
    struct outcome outcome = {
        .err = intake->err,
        .link = intake->submission.link,
        .request = intake->submission.request,
        .tag = intake->submission.tag,
        .bytes = intake->submission.packed.len,
        .known = intake->id_known,
        .place = intake->admission.place,
        .withdrawn_since = intake->admission.withdrawn_since,
        .waiting = &intake->admission.waiting,
        .made = record->made,
        .vouch = record->content,
        .erased = intake->admission.erased,
        .erased_n = intake->admission.erased_n,
        .revokes = intake->err == RP_OK && !intake->is_change && revoked_is_meant(record),
        .chain_changed = intake->admission.chain_changed,
        .false_succession = intake->admission.is_false,
    };

    if (intake->is_change) {
        core_stored(core, intake->change, intake->err, now_ms);
        intake->change = NULL;
        return;
    }
    memcpy(outcome.id, record->id, RP_ID_LEN);
    memcpy(outcome.object, record->object, RP_ID_LEN);
    memcpy(outcome.org, record->org, RP_ID_LEN);
    core_outcome(core, &outcome, now_ms);
}
