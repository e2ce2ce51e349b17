#include <stdio.h>
#include <string.h>

#include "author/review.h"
#include "request.h"
#include "rp/err.h"
#include "store/audit.h"

/* Stories that wait for a second person (SPEC 5.4): which, and what that person decides. */

#define DECISION_MAX 16

/* {} -> an item for each. */
void handle_reviews(struct request *request, struct rp_slice args)
{
    (void)request;
    (void)args;
}

void continue_reviews(struct request *request, uint64_t now_ms)
{
    struct view_walk *walk = &request->state.reviews;
    struct view_source source = request_source(request);
    int err = RP_OK;

    (void)now_ms;
    walk->looked = 0;
    while (!request_must_wait(request) && request->client != NULL) {
        if (!view_reviews_next(walk, request_item(request), &source, &err)) {
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

/* What somebody has decided about what waits. */
struct decision {
    char word[DECISION_MAX]; /* confirm, refuse, or empty: it is only shown */
    char as[REVIEW_NAME_MAX + 1];
    char because[AUDIT_BECAUSE_MAX + 1];
};

static bool read_decision(struct request *request, struct rp_slice args, struct decision *out)
{
    const char *wrong = NULL;

    if (!arg_text(args, "decision", out->word, sizeof out->word) ||
        (out->word[0] != '\0' && strcmp(out->word, "confirm") != 0 &&
         strcmp(out->word, "refuse") != 0))
        wrong = "it is confirmed or refused";
    else if (!request_person(request, args, out->as, sizeof out->as))
        wrong = "a name is one line, and not that long";
    else if (!arg_text(args, "because", out->because, sizeof out->because))
        wrong = "the reason is one line, and not that long";
    else if (strcmp(out->word, "refuse") == 0 && out->because[0] == '\0')
        wrong = "say why it is refused";
    if (wrong != NULL)
        request_error(request, RP_ERR_ARGUMENT, NULL, "%s", wrong);
    return wrong == NULL;
}

/* Withdraws the held record: with ${entry}, as the act of who refused it. */
static void drop(struct request *request, const struct audit_entry *entry)
{
    struct view_source source = request_source(request);
    struct rp_record target = {0};
    struct rp_bytes packed;
    struct rp_rand rand;
    struct author author = request_author(request, &rand, source.now_ms);
    int err;

    request->state.review.is_decided = true;
    memcpy(target.scope, rp_record_local, RP_ID_LEN);
    memcpy(target.seed, request->state.review.held_seed, RP_SEED_LEN);
    err = author_withdraw(&packed, &author, &target, NULL, 0);
    if (err != RP_OK)
        request_error(request, err, NULL, "%s", rp_err_text(err));
    else if (entry != NULL)
        request_submit_noted(request, &packed, entry);
    else
        request_submit(request, &packed);
}

/* Publishes what was held; it is withdrawn from those that wait when that is stored. */
static void confirm(struct request *request, const struct held *held, const struct decision *by)
{
    struct publication p = {.kind = held->kind, .imported = held->imported};
    char because[REVIEW_NAME_MAX + 32];
    char today[VIEW_DATE_LEN + 1];
    struct rp_rand rand;
    struct publisher publisher = request_publisher(request, &rand, today);
    struct audit_entry entry = {.at = publisher.author.now_ms, .what = "confirm", .name = by->as};
    struct rp_problem problem;
    struct rp_bytes packed;
    int err;

    memcpy(p.scope, held->scope, RP_ID_LEN);
    memcpy(p.seed, held->seed, RP_SEED_LEN);
    p.content = held->content;
    p.teller = held->teller;
    err = publication_prepare(&p, &publisher, &problem);
    request->state.review.state = p.heads.n > 0 ? "changed" : "new";
    if (err != RP_OK) {
        request_refuse(request, &p, err, &problem);
    } else if (p.heads.same) {
        request->state.review.state = "unchanged";
        memcpy(request->state.review.id, p.heads.ids[0], RP_ID_LEN);
        drop(request, NULL);
    } else if ((err = publication_write(&packed, &p, &publisher)) != RP_OK) {
        request_problem(request, err, &problem);
    } else {
        snprintf(because, sizeof because, "published by %.*s", (int)held->by.len,
                 (const char *)held->by.data);
        entry.because = because;
        entry.object = p.object;
        request_submit_noted(request, &packed, &entry);
    }
    publication_free(&p);
}

static void decide(struct request *request, const struct rp_record *record, const struct held *held,
                   const struct decision *by)
{
    struct view_source source = request_source(request);
    struct audit_entry entry = {
        .at = source.now_ms, .what = "refuse", .name = by->as, .because = by->because};
    char publisher[REVIEW_NAME_MAX + 1] = "";

    memcpy(request->state.review.held_seed, record->seed, RP_SEED_LEN);
    review_object(request->state.review.object, held, record->org);
    memcpy(publisher, held->by.data, held->by.len);
    if (strcmp(by->word, "refuse") == 0) {
        request->state.review.state = "refused";
        memcpy(request->state.review.id, record->id, RP_ID_LEN);
        entry.object = request->state.review.object;
        drop(request, &entry);
    } else if (review_is_same_person(publisher, by->as)) {
        request_error(request, RP_ERR_DENIED, NULL,
                      "%s has published it: it waits for somebody else, who says who they are "
                      "with --as NAME",
                      publisher);
    } else {
        confirm(request, held, by);
    }
}

/* {"as": str, "because": str, "decision": str, "id": str} */
void handle_review(struct request *request, struct rp_slice args)
{
    const struct control_opts *opts = control_options(request->control);
    struct view_source source = request_source(request);
    char id[2 * RP_ID_LEN + 1];
    struct decision by;
    struct rp_opened opened;
    struct held held;
    int err;

    if (!arg_text(args, "id", id, sizeof id)) {
        request_error(request, RP_ERR_ARGUMENT, NULL, "an id has at most %d digits", 2 * RP_ID_LEN);
        return;
    }
    if (!read_decision(request, args, &by))
        return;
    err = review_find_id(&opened, opts->kv, id);
    if (err == RP_ERR_NOT_FOUND) {
        request_error(request, err, NULL, "%s: nothing with this id waits: see  rpctl review", id);
        return;
    }
    if (err != RP_OK) {
        request_id_error(request, id, err);
        return;
    }
    (void)review_read(&held, &opened.record);
    if (by.word[0] == '\0') {
        view_review(request_done(request), &opened.record, &source);
        request_send(request);
    } else {
        decide(request, &opened.record, &held, &by);
    }
    rp_record_close(&opened);
}

void handle_review_outcome(struct request *request, const struct outcome *outcome)
{
    if (outcome->err != RP_OK && outcome->err != RP_ERR_EXISTS) {
        handle_publish_outcome(request, outcome);
    } else if (!request->state.review.is_decided) {
        memcpy(request->state.review.id, outcome->id, RP_ID_LEN);
        drop(request, NULL);
    } else {
        request_published(request, request->state.review.object, request->state.review.id,
                          request->state.review.state);
    }
}
