#include <string.h>

#include "author/review.h"
#include "request.h"
#include "rp/err.h"
#include "rp/text.h"
#include "store/circles.h"
#include "store/told.h"

/* What a teller's code leads to. The code itself never comes here: only its public half does. */

#define TOLD_MAX 64 /* objects of one code, which makes one for each story */

/* Whether all versions of what was told are withdrawn. */
static bool is_withdrawn(struct kv_txn *txn, const struct told *told)
{
    static const uint8_t whole_object[RP_SYMBOL_LEN] = {0};
    struct kv_key key = {.len = 0};
    uint32_t scope;

    if (!circles_scope_number(txn, told->scope, &scope))
        return false;
    kv_key_number(&key, scope, 4);
    kv_key_bytes(&key, told->object, RP_ID_LEN);
    kv_key_bytes(&key, whole_object, sizeof whole_object);
    return kv_get(txn, KV_WITHDRAWN, kv_key_slice(&key), NULL);
}

static void put_bin(struct rp_writer *w, const char *key, const uint8_t *data, size_t len)
{
    rp_writer_str(w, key);
    rp_writer_bin(w, data, len);
}

static void send_told(struct request *request, struct kv_txn *txn, const struct told *told)
{
    struct rp_writer *w = request_item(request);

    rp_writer_map(w, 6);
    put_bin(w, "object", told->object, RP_ID_LEN);
    put_bin(w, "org", told->org, RP_ID_LEN);
    put_bin(w, "scope", told->scope, RP_ID_LEN);
    put_bin(w, "seed", told->seed, RP_SEED_LEN);
    put_bin(w, "slip", told->slip, RP_SIG_LEN);
    rp_writer_str(w, "withdrawn");
    rp_writer_bool(w, is_withdrawn(txn, told));
    request_send(request);
}

/* Whether the story of that teller still waits for a second person: then it is told what to do. */
static bool still_waits(struct request *request, const uint8_t teller[static RP_KEY_LEN])
{
    char hex[2 * RP_ID_LEN + 1];
    uint8_t object[RP_ID_LEN];
    struct rp_opened opened;
    struct held held;

    if (review_find_teller(&opened, control_options(request->control)->kv, teller) != RP_OK)
        return false;
    (void)review_read(&held, &opened.record);
    review_object(object, &held, opened.record.org);
    rp_record_close(&opened);
    rp_text_hex(hex, object, RP_ID_LEN);
    request_error(request, RP_ERR_STATE, NULL,
                  "this story has not been published yet, it waits for a second person: refuse it, "
                  "with  rpctl review %.12s --refuse --because TEXT",
                  hex);
    return true;
}

/*
 * {"teller": bin} -> an item for each story of that teller that this node ever took, with what its
 * withdrawal needs. Whoever has the code writes that, and hands it in with IMPORT.
 */
void handle_told(struct request *request, struct rp_slice args)
{
    struct rp_slice teller = arg_bin(args, "teller");
    struct kv_txn *txn;
    struct kv_iter it;
    struct told told;
    unsigned n = 0;
    int err;

    if (teller.len != RP_KEY_LEN) {
        request_error(request, RP_ERR_ARGUMENT, "teller", "not a key");
        return;
    }
    if ((txn = kv_begin(control_options(request->control)->kv, false, &err)) == NULL) {
        request_error(request, err, NULL, "the store cannot be read: %s", rp_err_text(err));
        return;
    }
    for (kv_first(&it, txn, KV_TELLER, teller); it.found; kv_next(&it)) {
        if (n++ == TOLD_MAX) {
            kv_stop(&it);
            break;
        }
        if (told_read(txn, it.key, it.value, &told))
            send_told(request, txn, &told);
    }
    err = kv_err(txn);
    kv_abort(txn);
    if (err != RP_OK) {
        request_error(request, err, NULL, "the store cannot be read: %s", rp_err_text(err));
        return;
    }
    if (n == 0 && still_waits(request, teller.data))
        return;
    rp_writer_map(request_done(request), 0);
    request_send(request);
}
