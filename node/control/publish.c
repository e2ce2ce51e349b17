#include <stdlib.h>
#include <string.h>

#include "author/author.h"
#include "author/draft.h"
#include "request.h"
#include "rp/err.h"
#include "rp/limits.h"
#include "rp/rand.h"
#include "rp/text.h"
#include "store/records.h"
#include "store/told.h"

/* Commands that write records in this organisation's name, or hand in others'. */

/* The scope that an audience names: commons, local, or circle: and the name or id of one that was
 * accepted. RP_ERR_ARGUMENT when it is none of these, RP_ERR_NOT_FOUND, RP_ERR_AMBIGUOUS. */
static int scope_of_audience(const struct control_opts *opts, const char *audience,
                             uint8_t out[static RP_ID_LEN])
{
    static const char circle_prefix[] = "circle:";
    struct circle_view circle;
    int err = RP_OK;

    if (strcmp(audience, "commons") == 0)
        memcpy(out, rp_record_commons, RP_ID_LEN);
    else if (strcmp(audience, "local") == 0)
        memcpy(out, rp_record_local, RP_ID_LEN);
    else if (strncmp(audience, circle_prefix, strlen(circle_prefix)) != 0)
        err = RP_ERR_ARGUMENT;
    else if ((err = find_circle(opts, audience + strlen(circle_prefix), &circle)) == RP_OK)
        memcpy(out, circle.id, RP_ID_LEN);
    return err;
}

static bool is_local(const uint8_t scope[static RP_ID_LEN])
{
    return memcmp(scope, rp_record_local, RP_ID_LEN) == 0;
}

/* A file that is to be published. */
struct source_file {
    uint8_t scope[RP_ID_LEN];
    char object[2 * RP_ID_LEN + 1]; /* that it says it is a version of; may be empty */
    char path[CONTROL_PATH_MAX + 1];
    bool fresh;             /* something new, whatever was published from there before */
    struct rp_slice teller; /* RP_KEY_LEN: of a story that is to have one; else empty */
};

/* The current versions of an object, as far as a new version can name them. */
struct heads {
    uint32_t n;
    uint8_t ids[RP_PARENTS_MAX][RP_ID_LEN];
    uint8_t seed[RP_SEED_LEN];
    uint8_t scope[RP_ID_LEN];
    uint8_t org[RP_ID_LEN];
    bool same; /* the only one has the same kind and content */
};

static int find_heads(struct kv *kv, const uint8_t object[static RP_ID_LEN], const char *kind,
                      struct rp_slice content, struct heads *out)
{
    struct kv_txn *txn;
    struct kv_iter it;
    int err;

    *out = (struct heads){0};
    if ((txn = kv_begin(kv, false, &err)) == NULL)
        return err;
    for (kv_first(&it, txn, KV_OBJECT, (struct rp_slice){object, RP_ID_LEN}); it.found;
         kv_next(&it)) {
        struct rp_opened opened;
        struct place place;

        if (!records_open(txn, records_seq_of_key(it.key), &place, &opened))
            continue;
        if (place.lane == LANE_CONTENT && !records_is_replaced(txn, &opened.record) &&
            out->n < RP_PARENTS_MAX) {
            memcpy(out->ids[out->n++], opened.record.id, RP_ID_LEN);
            memcpy(out->seed, opened.record.seed, RP_SEED_LEN);
            memcpy(out->scope, opened.record.scope, RP_ID_LEN);
            memcpy(out->org, opened.record.org, RP_ID_LEN);
            out->same = out->n == 1 && rp_record_is_kind(&opened.record, kind) &&
                        rp_bytes_compare(opened.record.content, content) == 0;
        }
        rp_record_close(&opened);
    }
    err = kv_err(txn);
    kv_abort(txn);
    return err;
}

/* What one file becomes. */
struct target {
    uint8_t seed[RP_SEED_LEN];
    uint8_t object[RP_ID_LEN];
};

/* The teller of the own objects with this seed: RP_ERR_NOT_FOUND when they have none. */
static int find_teller(struct kv *kv, const uint8_t seed[static RP_SEED_LEN],
                       uint8_t teller[static RP_KEY_LEN])
{
    struct kv_txn *txn;
    int err;

    if ((txn = kv_begin(kv, false, &err)) == NULL)
        return err;
    err = told_of_seed(txn, seed, teller) ? RP_OK : RP_ERR_NOT_FOUND;
    if (kv_err(txn) != RP_OK)
        err = kv_err(txn);
    kv_abort(txn);
    return err;
}

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
        find_heads(opts->kv, out->object, "", (struct rp_slice){NULL, 0}, &heads) == RP_OK &&
        heads.n > 0 && memcmp(heads.org, opts->self->identity.org, RP_ID_LEN) == 0 &&
        memcmp(heads.scope, file->scope, RP_ID_LEN) == 0) {
        memcpy(out->seed, heads.seed, RP_SEED_LEN);
        return;
    }
    if (file->fresh)
        opts->random(out->seed, sizeof out->seed);
    else
        draft_seed(out->seed, opts->self->key.secret, file->scope, file->path);
    if (find_teller(opts->kv, out->seed, teller) == RP_OK)
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
    return scope_of_audience(opts, audience, out->scope) == RP_OK;
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

static void done_object(struct request *request, const uint8_t *object, const uint8_t *id,
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

void request_submit(struct request *request, struct rp_bytes *packed)
{
    const struct control_opts *opts = control_options(request->control);
    struct submission submission = {.packed = *packed};

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

/* What a publish request says, read once. */
struct publication {
    const struct rp_kind *kind;
    char kind_name[RP_KIND_LEN_MAX + 1];
    char audience[CONTROL_AUDIENCE_MAX + 1];
    uint8_t scope[RP_ID_LEN];
    struct rp_slice content;
    struct rp_slice given_seed;   /* of the object it is a version of; as SOURCES gave it */
    struct rp_slice given_teller; /* of a story that is to get one; else empty */
    bool imported;                /* somebody else's text: licence and credit must be said */
    bool dry_run;
    uint8_t seed[RP_SEED_LEN];
    uint8_t object[RP_ID_LEN];
    bool has_teller;
    uint8_t teller[RP_KEY_LEN];
    uint8_t slip[RP_SIG_LEN];
};

static bool read_publication(struct request *request, struct rp_slice args, struct publication *out)
{
    const char *audience;
    int err;

    if (!arg_text(args, "kind", out->kind_name, sizeof out->kind_name) ||
        !arg_text(args, "audience", out->audience, sizeof out->audience)) {
        request_error(request, RP_ERR_ARGUMENT, NULL, "an argument is too long or not text");
        return false;
    }
    out->kind = rp_kind_find(rp_bytes_str(out->kind_name));
    if (out->kind == NULL || !out->kind->authored) {
        request_error(request, RP_ERR_RULE, "kind", "there is no kind called %s", out->kind_name);
        return false;
    }
    audience = out->audience[0] != '\0'      ? out->audience
               : out->kind->local_by_default ? "local"
                                             : "commons";
    err = scope_of_audience(control_options(request->control), audience, out->scope);
    if (err == RP_ERR_ARGUMENT)
        request_error(request, RP_ERR_RULE, "audience",
                      "%s is not one of local, commons, circle:NAME", audience);
    else if (err != RP_OK)
        request_error(request, err, "audience", "%s: %s: see  rpctl circle list", audience,
                      err == RP_ERR_AMBIGUOUS ? "several circles are called so: give the id"
                                              : "no circle that we have accepted is called so");
    if (err != RP_OK)
        return false;
    out->content = arg_item(args, "content");
    out->given_seed = arg_bin(args, "seed");
    out->given_teller = arg_bin(args, "teller");
    out->imported = arg_flag(args, "imported");
    out->dry_run = arg_flag(args, "dry_run");
    return true;
}

/* What is known of the teller of the object that ${p}.seed makes; none: p->has_teller is false. */
static int find_told(struct kv *kv, const uint8_t org[static RP_ID_LEN], struct publication *p,
                     bool *has_slip)
{
    struct kv_txn *txn;
    struct told told;
    int err;

    if ((txn = kv_begin(kv, false, &err)) == NULL)
        return err;
    p->has_teller = told_of_seed(txn, p->seed, p->teller);
    rp_record_object(p->object, org, p->seed, p->has_teller ? p->teller : NULL);
    *has_slip = p->has_teller && told_find(txn, p->teller, p->object, &told);
    if (*has_slip)
        memcpy(p->slip, told.slip, RP_SIG_LEN);
    err = kv_err(txn);
    kv_abort(txn);
    return err;
}

/* Whether an object of ours may get a teller now: not one that was published without. */
static bool may_get_teller(struct request *request, const struct publication *p)
{
    struct heads heads;
    int err;

    if (strcmp(p->kind_name, "story") != 0) {
        request_error(request, RP_ERR_RULE, "kind", "only a story can have a teller's code");
        return false;
    }
    if (p->has_teller) {
        request_error(request, RP_ERR_EXISTS, NULL,
                      "this story has a teller's code already, which stays good: publish new "
                      "versions without --teller-code; another story, with --new");
        return false;
    }
    err = find_heads(control_options(request->control)->kv, p->object, "",
                     (struct rp_slice){NULL, 0}, &heads);
    if (err == RP_OK && heads.n == 0)
        return true;
    request_error(request, err == RP_OK ? RP_ERR_EXISTS : err, NULL,
                  "this story was published without a teller's code, and all its versions stay "
                  "so: withdraw it, then publish it with one");
    return false;
}

/*
 * Sets teller, slip and object of ${p}: a version keeps the teller that the object has; the slip,
 * too, while it is known.
 */
static bool choose_teller(struct request *request, struct publication *p,
                          const struct author *author)
{
    bool has_slip = false;
    int err = find_told(control_options(request->control)->kv, author->org, p, &has_slip);

    if (err != RP_OK) {
        request_error(request, err, NULL, "the store cannot be read: %s", rp_err_text(err));
        return false;
    }
    if (p->given_teller.len == RP_KEY_LEN) {
        if (!may_get_teller(request, p))
            return false;
        p->has_teller = true;
        memcpy(p->teller, p->given_teller.data, RP_KEY_LEN);
        rp_record_object(p->object, author->org, p->seed, p->teller);
    }
    if (p->has_teller && !has_slip)
        author_slip(p->slip, author, p->object);
    return true;
}

/* Applies the rules and fills in what was left out. */
static bool finish_draft(struct request *request, const struct publication *p,
                         const struct view_source *source, struct rp_bytes *content)
{
    const struct control_opts *opts = control_options(request->control);
    struct rp_problem problem;
    char today[VIEW_DATE_LEN + 1];
    struct draft_opts draft = {
        .kind = p->kind,
        .leaves = !is_local(p->scope),
        .commons = memcmp(p->scope, rp_record_commons, RP_ID_LEN) == 0,
        .today = today,
        .language = opts->language,
        .attribution = p->imported ? NULL : opts->self->identity.name,
        .own_licence = !p->imported,
        .slip = p->has_teller ? p->slip : NULL,
    };
    int err;

    view_date(today, source->now_ms);
    err = draft_finish(content, p->content, &draft, &problem);
    if (err == RP_ERR_RULE)
        request_error(request, err, problem.field, "%s", problem.reason);
    else if (err == RP_ERR_LIMIT)
        request_error(request, err, NULL, "longer than a record may be (256 KiB)");
    else if (err != RP_OK)
        request_error(request, err, NULL, "%s", rp_err_text(err));
    return err == RP_OK;
}

void handle_publish(struct request *request, struct rp_slice args)
{
    const struct control_opts *opts = control_options(request->control);
    struct view_source source = request_source(request);
    struct publication p = {0};
    struct rp_bytes content;
    struct rp_bytes packed;
    struct rp_rand rand;
    struct author author = request_author(request, &rand, source.now_ms);
    struct author_draft draft;
    struct heads heads;
    int err;

    if (!read_publication(request, args, &p))
        return;
    if (p.given_seed.len == RP_SEED_LEN)
        memcpy(p.seed, p.given_seed.data, RP_SEED_LEN);
    else
        rp_rand_bytes(&rand, p.seed, RP_SEED_LEN);
    if (!choose_teller(request, &p, &author) || !finish_draft(request, &p, &source, &content))
        return;
    err = find_heads(opts->kv, p.object, p.kind_name, rp_bytes_slice(&content), &heads);
    if (err != RP_OK) {
        request_error(request, err, NULL, "the store cannot be read: %s", rp_err_text(err));
    } else if (heads.same) {
        done_object(request, p.object, heads.ids[0], "unchanged");
    } else if (p.dry_run) {
        done_object(request, p.object, p.object, heads.n > 0 ? "would change" : "would be new");
    } else {
        draft = (struct author_draft){
            .kind = p.kind_name,
            .scope = p.scope,
            .content = rp_bytes_slice(&content),
            .seed = p.seed,
            .parents = heads.n,
            .parent_ids = heads.ids[0],
            .teller = p.has_teller ? p.teller : NULL,
        };
        err = author_write(&packed, &author, &draft);
        request->state.publish.is_new = heads.n == 0;
        if (err == RP_OK)
            request_submit(request, &packed);
        else if (err == RP_ERR_LIMIT)
            request_error(request, err, NULL, "longer than a record may be (256 KiB)");
        else
            request_error(request, err, NULL, "%s", rp_err_text(err));
    }
    rp_bytes_free(&content);
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

/* In one word, what became of what a request asked for. */
static const char *state_word(const struct request *request)
{
    if (request->command == CONTROL_PUBLISH)
        return request->state.publish.is_new ? "new" : "changed";
    return "stored";
}

void handle_publish_outcome(struct request *request, const struct outcome *outcome)
{
    switch (outcome->err) {
    case RP_OK:
        done_object(request, outcome->object, outcome->id, state_word(request));
        break;
    case RP_ERR_EXISTS:
        done_object(request, outcome->object, outcome->id, "unchanged");
        break;
    case RP_ERR_WITHDRAWN:
        request_error(request, outcome->err, NULL,
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
