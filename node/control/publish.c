#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "author/publication.h"
#include "author/review.h"
#include "request.h"
#include "rp/err.h"
#include "rp/limits.h"
#include "rp/rand.h"
#include "rp/text.h"
#include "store/records.h"

/* Commands that write records in this organisation's name, or hand in others'. */

/* A file that is to be published. */
struct source_file {
    uint8_t scope[RP_ID_LEN];
    char object[2 * RP_ID_LEN + 1]; /* that it says it is a version of; may be empty */
    char path[CONTROL_PATH_MAX + 1];
    bool fresh;             /* something new, whatever was published from there before */
    struct rp_slice teller; /* RP_KEY_LEN: of a story that is to have one; else empty */
};

/* What one file becomes. */
struct target {
    uint8_t seed[RP_SEED_LEN];
    uint8_t object[RP_ID_LEN];
};

/*
 * The object that a file is a version of: the one it names, if that is ours; else the one that
 * follows from its path; else, for something new, one that nothing follows from. A text that names
 * somebody else's object becomes one of ours.
 */
static void choose_target(const struct control_opts *opts, const struct view_source *source,
                          const struct source_file *file, struct target *out)
{
    uint8_t teller[RP_KEY_LEN];
    struct heads heads;

    if (file->object[0] != '\0' && view_find_object(out->object, file->object, source) == RP_OK &&
        heads_find(&heads, opts->kv, out->object, "", (struct rp_slice){NULL, 0}) == RP_OK &&
        heads.n > 0 && memcmp(heads.org, opts->self->identity.org, RP_ID_LEN) == 0 &&
        memcmp(heads.scope, file->scope, RP_ID_LEN) == 0) {
        memcpy(out->seed, heads.seed, RP_SEED_LEN);
        return;
    }
    if (file->fresh)
        opts->random(out->seed, sizeof out->seed);
    else
        draft_seed(out->seed, opts->self->source, file->scope, file->path);
    if (publication_find_teller(teller, opts->kv, file->scope, out->seed) == RP_OK)
        rp_record_object(out->object, opts->self->identity.org, out->seed, teller);
    else
        rp_record_object(out->object, opts->self->identity.org, out->seed,
                         file->teller.len == RP_KEY_LEN ? file->teller.data : NULL);
}

/* Reads one entry of "files": {"audience": str, "fresh": bool, "object": str, "path": str,
 * "teller": bin}. */
static bool read_source_file(const struct control_opts *opts, struct rp_slice entry,
                             struct source_file *out)
{
    char audience[CONTROL_AUDIENCE_MAX + 1];

    if (!arg_text(entry, "audience", audience, sizeof audience) ||
        !arg_text(entry, "object", out->object, sizeof out->object) ||
        !arg_text(entry, "path", out->path, sizeof out->path))
        return false;
    out->fresh = arg_flag(entry, "fresh");
    out->teller = arg_bin(entry, "teller");
    return find_audience(opts, audience, out->scope) == RP_OK;
}

/*
 * Which objects files will be: {"files": [...]} -> {"targets": [[object, seed], ...]}, nil for a
 * file that cannot be read. Asked before any of them is published, so that they can link to each
 * other.
 */
void handle_sources(struct request *request, struct rp_slice args)
{
    const struct control_opts *opts = control_options(request->control);
    struct view_source source = request_source(request);
    static struct source_file file;
    struct rp_reader r;
    struct rp_writer *w;
    uint32_t n;

    rp_reader_init(&r, arg_item(args, "files"));
    n = rp_reader_array(&r);
    if (r.err != RP_OK || n > CONTROL_FILES_MAX) {
        request_error(request, RP_ERR_ARGUMENT, NULL, "too many files at once");
        return;
    }
    w = request_done(request);
    rp_writer_map(w, 1);
    rp_writer_str(w, "targets");
    rp_writer_array(w, n);
    for (uint32_t i = 0; i < n; i++) {
        struct target target;

        if (!read_source_file(opts, rp_reader_item(&r), &file)) {
            rp_writer_nil(w);
            continue;
        }
        choose_target(opts, &source, &file, &target);
        rp_writer_array(w, 2);
        rp_writer_bin(w, target.object, sizeof target.object);
        rp_writer_bin(w, target.seed, sizeof target.seed);
    }
    request_send(request);
}

void request_published(struct request *request, const uint8_t *object, const uint8_t *id,
                       const char *state)
{
    struct rp_writer *w = request_done(request);
    char hex[2 * RP_ID_LEN + 1];

    rp_writer_map(w, 3);
    rp_writer_str(w, "id");
    rp_text_hex(hex, id, RP_ID_LEN);
    rp_writer_str(w, hex);
    rp_writer_str(w, "object");
    rp_text_hex(hex, object, RP_ID_LEN);
    rp_writer_str(w, hex);
    rp_writer_str(w, "state");
    rp_writer_str(w, state);
    request_send(request);
}

void request_problem(struct request *request, int err, const struct rp_problem *problem)
{
    request_error(request, err, problem->field[0] != '\0' ? problem->field : NULL, "%s",
                  problem->reason[0] != '\0' ? problem->reason : rp_err_text(err));
}

void request_submit(struct request *request, struct rp_bytes *packed)
{
    struct rp_bytes no_audit = {NULL, 0};

    request_submit_act(request, packed, &no_audit);
}

void request_submit_act(struct request *request, struct rp_bytes *packed, struct rp_bytes *audit)
{
    const struct control_opts *opts = control_options(request->control);
    struct submission submission = {.packed = *packed, .audit = *audit};

    request->tag = submission.tag = control_new_tag(request->control);
    opts->submit(opts->ctx, &submission);
}

void request_submit_noted(struct request *request, struct rp_bytes *packed,
                          const struct audit_entry *entry)
{
    const struct control_opts *opts = control_options(request->control);
    struct submission submission = {.packed = *packed};
    int err = audit_pack(&submission.audit, entry);

    if (err != RP_OK) {
        rp_bytes_free(packed);
        request_error(request, err, NULL, "%s", rp_err_text(err));
        return;
    }
    request->tag = submission.tag = control_new_tag(request->control);
    opts->submit(opts->ctx, &submission);
}

struct author request_author(const struct request *request, struct rp_rand *rand, uint64_t now_ms)
{
    const struct control_opts *opts = control_options(request->control);
    uint8_t seed[RP_RAND_SEED_LEN];

    opts->random(seed, sizeof seed);
    rp_rand_init(rand, seed);
    return (struct author){&opts->self->key, opts->self->identity.org, rand, now_ms};
}

/* Reads what is to be published; ${p}->content and teller are borrowed from ${args}. */
static bool read_publication(struct request *request, struct rp_slice args, struct publication *p)
{
    char kind[RP_KIND_LEN_MAX + 1];
    char given[CONTROL_AUDIENCE_MAX + 1];
    const char *audience;

    if (!arg_text(args, "kind", kind, sizeof kind) ||
        !arg_text(args, "audience", given, sizeof given)) {
        request_error(request, RP_ERR_ARGUMENT, NULL, "an argument is too long or not text");
        return false;
    }
    p->kind = rp_kind_find(rp_bytes_str(kind));
    if (p->kind == NULL || !p->kind->authored) {
        request_error(request, RP_ERR_RULE, "kind", "there is no kind called %s", kind);
        return false;
    }
    audience = given[0] != '\0' ? given : p->kind->local_by_default ? "local" : "commons";
    if (!need_audience(request, audience, p->scope))
        return false;
    p->content = arg_item(args, "content");
    p->teller = arg_bin(args, "teller");
    p->imported = arg_flag(args, "imported");
    return true;
}

void handle_publish(struct request *request, struct rp_slice args)
{
    struct rp_slice seed = arg_bin(args, "seed");
    struct publication p = {0};
    char by[REVIEW_NAME_MAX + 1];

    if (!read_publication(request, args, &p))
        return;
    if (!request_person(request, args, by, sizeof by)) {
        request_error(request, RP_ERR_ARGUMENT, "as", "a name is one line, and not that long");
        return;
    }
    if (seed.len == RP_SEED_LEN)
        memcpy(p.seed, seed.data, RP_SEED_LEN);
    else
        control_options(request->control)->random(p.seed, RP_SEED_LEN);
    request_publish(request, &p, arg_flag(args, "dry_run"), by);
}

void request_refuse(struct request *request, const struct publication *p, int err,
                    const struct rp_problem *problem)
{
    char text[1024] = "";
    size_t n = 0;

    if (err != RP_ERR_RULE || p->consent_n == 0 ||
        strncmp(problem->field, "consent", strlen("consent")) != 0) {
        request_problem(request, err, problem);
        return;
    }
    for (size_t i = 1; i < p->consent_n && n < sizeof text; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s (%s)", i == 1 ? ". Also " : ", ",
                              p->consent[i].field, p->consent[i].reason);
    request_error(request, err, p->consent[0].field, "%s%s", p->consent[0].reason, text);
}

struct publisher request_publisher(const struct request *request, struct rp_rand *rand,
                                   char today[static VIEW_DATE_LEN + 1])
{
    const struct control_opts *opts = control_options(request->control);
    struct view_source source = request_source(request);

    view_date(today, source.now_ms);
    return (struct publisher){
        .author = request_author(request, rand, source.now_ms),
        .kv = opts->kv,
        .org_name = opts->self->identity.name,
        .language = opts->language,
        .today = today,
    };
}

/* Keeps ${p} until a second person has confirmed it, in place of what waits there already. */
static void hold(struct request *request, const struct publication *p,
                 const struct publisher *publisher, const char *by)
{
    struct rp_opened before;
    struct rp_bytes packed;
    struct held held;
    int err = review_find(&before, publisher->kv, p->scope, p->seed);
    bool found = err == RP_OK;

    if (found && review_read(&held, &before.record) &&
        rp_bytes_compare(held.content, rp_bytes_slice(&p->finished)) == 0) {
        request_published(request, p->object, before.record.id, "waits for review");
        rp_record_close(&before);
        return;
    }
    if (found || err == RP_ERR_NOT_FOUND)
        err = review_hold(&packed, p, publisher, by, found ? &before.record : NULL);
    if (found)
        rp_record_close(&before);
    if (err != RP_OK) {
        request_problem(request, err, &(struct rp_problem){0});
        return;
    }
    request->state.publish.is_held = true;
    memcpy(request->state.publish.object, p->object, RP_ID_LEN);
    request_submit(request, &packed);
}

/* What would become of ${p}; and of a story that is to stay here, what of its consent keeps it out
 * of the commons. */
static void answer_dry(struct request *request, const struct publication *p)
{
    bool local = memcmp(p->scope, rp_record_local, RP_ID_LEN) == 0;
    struct rp_writer *w = request_done(request);
    uint32_t n = local ? (uint32_t)p->consent_n : 0;
    char hex[2 * RP_ID_LEN + 1];

    rp_text_hex(hex, p->object, RP_ID_LEN);
    rp_writer_map(w, 4);
    rp_writer_str(w, "id");
    rp_writer_str(w, hex);
    rp_writer_str(w, "lacks");
    rp_writer_array(w, n);
    for (uint32_t i = 0; i < n; i++) {
        rp_writer_map(w, 2);
        rp_writer_str(w, "field");
        rp_writer_str(w, p->consent[i].field);
        rp_writer_str(w, "reason");
        rp_writer_str(w, p->consent[i].reason);
    }
    rp_writer_str(w, "object");
    rp_writer_str(w, hex);
    rp_writer_str(w, "state");
    rp_writer_str(w, p->heads.same         ? "unchanged"
                     : review_is_needed(p) ? "would wait for review"
                     : p->heads.n > 0      ? "would change"
                                           : "would be new");
    request_send(request);
}

void request_publish(struct request *request, struct publication *p, bool dry_run, const char *by)
{
    char today[VIEW_DATE_LEN + 1];
    struct rp_rand rand;
    struct publisher publisher = request_publisher(request, &rand, today);
    struct rp_problem problem;
    struct rp_bytes packed;
    int err = publication_prepare(p, &publisher, &problem);

    if (err != RP_OK) {
        request_refuse(request, p, err, &problem);
    } else if (dry_run) {
        answer_dry(request, p);
    } else if (p->heads.same) {
        request_published(request, p->object, p->heads.ids[0], "unchanged");
    } else if (review_is_needed(p)) {
        hold(request, p, &publisher, by);
    } else {
        request->state.publish.is_new = p->heads.n == 0;
        err = publication_write(&packed, p, &publisher);
        if (err == RP_OK)
            request_submit(request, &packed);
        else
            request_problem(request, err, &problem);
    }
    publication_free(p);
}

/* Accepts, by the operator's own hand, the organisation whose inception a record carries. */
static void accept_its_org(const struct control_opts *opts, const struct rp_record *record,
                           uint64_t steady_ms)
{
    struct rp_reader value;

    if (!rp_record_is_kind(record, "identity") ||
        !rp_reader_find(record->content, "inception", &value))
        return;
    (void)!core_accept_org(opts->core, rp_reader_bin(&value), steady_ms);
}

void handle_import(struct request *request, struct rp_slice args)
{
    const struct control_opts *opts = control_options(request->control);
    struct view_source source = request_source(request);
    struct rp_slice packed = arg_bin(args, "record");
    struct rp_opened opened;
    struct rp_bytes copy;
    bool is_foreign_local;
    int err = rp_record_open(&opened, packed);

    if (err != RP_OK) {
        request_error(request, err, NULL, "not a record: %s", rp_err_text(err));
        return;
    }
    is_foreign_local = memcmp(opened.record.scope, rp_record_local, RP_ID_LEN) == 0 &&
                       memcmp(opened.record.org, opts->self->identity.org, RP_ID_LEN) != 0;
    if (!is_foreign_local && arg_flag(args, "accept"))
        accept_its_org(opts, &opened.record, source.steady_ms);
    rp_record_close(&opened);
    if (is_foreign_local) {
        request_error(request, RP_ERR_DENIED, NULL,
                      "another organisation keeps this local: only its own node takes it in");
        return;
    }
    err = rp_bytes_copy(&copy, packed.data, packed.len);
    if (err == RP_OK)
        request_submit(request, &copy);
    else
        request_error(request, err, NULL, "%s", rp_err_text(err));
}

static bool publishes(const struct request *request)
{
    return request->command == CONTROL_PUBLISH || request->command == CONTROL_RENEW;
}

static bool is_held(const struct request *request)
{
    return publishes(request) && request->state.publish.is_held;
}

/* In one word, what became of what a request asked for. */
static const char *state_word(const struct request *request)
{
    if (is_held(request))
        return "waits for review";
    if (publishes(request))
        return request->state.publish.is_new ? "new" : "changed";
    return "stored";
}

void handle_publish_outcome(struct request *request, const struct outcome *outcome)
{
    switch (outcome->err) {
    case RP_OK:
        request_published(request,
                          is_held(request) ? request->state.publish.object : outcome->object,
                          outcome->id, state_word(request));
        break;
    case RP_ERR_EXISTS:
        request_published(request, outcome->object, outcome->id, "unchanged");
        break;
    case RP_ERR_WITHDRAWN:
        if (request->command == CONTROL_IMPORT)
            request_error(request, outcome->err, NULL,
                          "it was withdrawn by its owner, and is not taken in again");
        else
            request_error(
                request, outcome->err, NULL,
                "it was withdrawn before, and what is withdrawn stays so: publish it with "
                "--new as something new, if that is right");
        break;
    case RP_ERR_UNKNOWN_ORG:
        request_error(request, outcome->err, NULL,
                      "its organisation is not accepted here: nothing was stored");
        break;
    case RP_ERR_FULL:
        request_error(request, outcome->err, NULL,
                      "the disk or the store is full: nothing was stored, nothing was lost. Make "
                      "room, then try again");
        break;
    default:
        request_error(request, outcome->err, NULL, "nothing was stored: %s",
                      rp_err_text(outcome->err));
        break;
    }
}
