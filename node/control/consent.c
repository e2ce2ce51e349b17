#include <string.h>

#include "author/review.h"
#include "request.h"
#include "rp/err.h"

/* Consent that runs out: what the operator is told, and what they can do when it was given anew. */

/* {"all": bool} -> an item for each own story whose consent runs out, or all of them. */
void handle_consent(struct request *request, struct rp_slice args)
{
    request->state.consent.all = arg_flag(args, "all");
}

void continue_consent(struct request *request, uint64_t now_ms)
{
    struct view_consent *walk = &request->state.consent;
    struct view_source source = request_source(request);
    int err = RP_OK;

    (void)now_ms;
    walk->looked = 0;
    while (!request_must_wait(request) && request->client != NULL) {
        if (!view_consent_next(walk, request_item(request), &source, &err)) {
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

/* Opens the one current version of an own object, hidden or not. */
static int open_head(struct kv *kv, const struct heads *heads, struct rp_opened *out)
{
    struct place place;
    struct kv_txn *txn;
    int err;

    if ((txn = kv_begin(kv, false, &err)) == NULL)
        return err;
    err = records_find(txn, heads->ids[0], &place) && records_open(txn, place.seq, &place, out)
              ? RP_OK
              : RP_ERR_NOT_FOUND;
    if (err != RP_OK && kv_err(txn) != RP_OK)
        err = kv_err(txn);
    kv_abort(txn);
    return err;
}

/* Publishes the story ${old} with the two dates. */
static void renew(struct request *request, const struct rp_record *old, const char *given_on,
                  const char *review_on, const char *by)
{
    struct publication p = {.kind = rp_kind_find(old->kind)};
    struct rp_problem problem;
    struct rp_bytes content = {NULL, 0};
    int err = draft_renew(&content, old->content, given_on, review_on, &problem);

    if (err != RP_OK) {
        request_problem(request, err, &problem);
        return;
    }
    memcpy(p.scope, old->scope, RP_ID_LEN);
    memcpy(p.seed, old->seed, RP_SEED_LEN);
    p.content = rp_bytes_slice(&content);
    request_publish(request, &p, false, by);
    rp_bytes_free(&content);
}

/* {"as": str, "given_on": str, "id": str, "review_on": str}: a new version of a story, answered
 * like PUBLISH.
 */
void handle_renew(struct request *request, struct rp_slice args)
{
    const struct control_opts *opts = control_options(request->control);
    char id[2 * RP_ID_LEN + 1];
    uint8_t object[RP_ID_LEN];
    char by[REVIEW_NAME_MAX + 1];
    char given_on[16];
    char review_on[16];
    struct rp_opened opened = {.body = {NULL, 0}};
    struct heads heads;
    int err;

    if (!arg_text(args, "given_on", given_on, sizeof given_on) ||
        !arg_text(args, "review_on", review_on, sizeof review_on)) {
        request_error(request, RP_ERR_ARGUMENT, NULL,
                      "given_on is a month, YYYY-MM, and review_on a date, YYYY-MM-DD");
        return;
    }
    if (!request_person(request, args, by, sizeof by)) {
        request_error(request, RP_ERR_ARGUMENT, "as", "a name is one line, and not that long");
        return;
    }
    if (!need_object(request, args, id, object))
        return;
    err = heads_find(&heads, opts->kv, object, "", (struct rp_slice){NULL, 0});
    if (err == RP_OK && heads.n > 0 &&
        memcmp(heads.org, opts->self->identity.org, RP_ID_LEN) != 0) {
        request_error(request, RP_ERR_DENIED, NULL,
                      "%s belongs to another organisation, which asks its teller itself", id);
        return;
    }
    if (err == RP_OK && heads.n > 1) {
        request_error(request, RP_ERR_STATE, NULL,
                      "%s has more than one current version: publish one that replaces them", id);
        return;
    }
    if (err == RP_OK)
        err = heads.n == 0 ? RP_ERR_WITHDRAWN : open_head(opts->kv, &heads, &opened);
    if (err != RP_OK) {
        request_id_error(request, id, err);
        return;
    }
    if (rp_record_is_kind(&opened.record, "story"))
        renew(request, &opened.record, given_on, review_on, by);
    else
        request_error(request, RP_ERR_RULE, "kind", "%s is no story: only they need consent", id);
    rp_record_close(&opened);
}
