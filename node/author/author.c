#include "author.h"

#include <stdlib.h>
#include <string.h>

#include "rp/err.h"
#include "rp/kind.h"
#include "rp/limits.h"
#include "rp/writer.h"
#include "store/told.h"

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, RP_ID_LEN);
}

/* Fills in what all records of this author have, writes and signs. */
static int finish(struct rp_bytes *packed, const struct author *author, struct rp_record *fields)
{
    struct rp_bytes body;
    int err;

    memcpy(fields->org, author->org, RP_ID_LEN);
    memcpy(fields->key, author->key->public, RP_KEY_LEN);
    fields->made = author->now_ms;
    rp_rand_bytes(author->rand, fields->salt, sizeof fields->salt);
    if ((err = rp_record_write(&body, fields)) != RP_OK)
        return err;
    err = rp_record_pack(packed, rp_bytes_slice(&body), author->key, RP_CODEC_DICTIONARY);
    rp_bytes_free(&body);
    return err;
}

int author_write(struct rp_bytes *packed, const struct author *author,
                 const struct author_draft *draft)
{
    const struct rp_kind *kind = rp_kind_find(rp_bytes_str(draft->kind));
    struct rp_record fields = {
        .set = kind != NULL ? kind->set : RP_SET_CONTENT,
        .kind = rp_bytes_str(draft->kind),
        .parents = draft->parents,
        .content = draft->content,
    };

    if (draft->parents > RP_PARENTS_MAX)
        return RP_ERR_LIMIT;
    if (draft->parents > 0)
        memcpy(fields.parent_ids, draft->parent_ids, (size_t)draft->parents * RP_ID_LEN);
    qsort(fields.parent_ids, draft->parents, RP_ID_LEN, compare_ids);
    memcpy(fields.scope, draft->scope, RP_ID_LEN);
    fields.has_teller = draft->teller != NULL;
    if (draft->teller != NULL)
        memcpy(fields.teller, draft->teller, RP_KEY_LEN);
    if (draft->seed != NULL)
        memcpy(fields.seed, draft->seed, RP_SEED_LEN);
    else
        rp_rand_bytes(author->rand, fields.seed, RP_SEED_LEN);
    return finish(packed, author, &fields);
}

/* Writes a control record of the commons with the content in ${w}, which it frees. */
static int write_control(struct rp_bytes *packed, const struct author *author, const char *kind,
                         struct rp_writer *w)
{
    struct author_draft draft = {
        .kind = kind, .scope = rp_record_commons, .content = rp_writer_slice(w)};
    int err = w->err;

    if (err == RP_OK)
        err = author_write(packed, author, &draft);
    rp_writer_free(w);
    return err;
}

int author_identity(struct rp_bytes *packed, const struct author *author, struct rp_slice inception)
{
    struct rp_writer w;

    rp_writer_init(&w, RP_BODY_MAX);
    rp_writer_map(&w, 1);
    rp_writer_str(&w, "inception");
    rp_writer_bin(&w, inception.data, inception.len);
    return write_control(packed, author, "identity", &w);
}

int author_succession(struct rp_bytes *packed, const struct author *author,
                      const struct rp_succession *succession)
{
    struct author_draft draft = {.kind = "identity", .scope = rp_record_commons};
    struct rp_bytes content;
    int err = rp_succession_write(&content, succession, author->key->public);

    if (err != RP_OK)
        return err;
    draft.content = rp_bytes_slice(&content);
    err = author_write(packed, author, &draft);
    rp_bytes_free(&content);
    return err;
}

int author_vouch(struct rp_bytes *packed, const struct author *author,
                 const uint8_t subject[static RP_ID_LEN], struct rp_slice inception,
                 const char *statement)
{
    struct rp_writer w;

    rp_writer_init(&w, RP_BODY_MAX);
    rp_writer_map(&w, statement != NULL ? 3 : 2);
    rp_writer_str(&w, "inception");
    rp_writer_bin(&w, inception.data, inception.len);
    if (statement != NULL) {
        rp_writer_str(&w, "statement");
        rp_writer_str(&w, statement);
    }
    rp_writer_str(&w, "subject");
    rp_writer_bin(&w, subject, RP_ID_LEN);
    return write_control(packed, author, "vouch", &w);
}

int author_revoke(struct rp_bytes *packed, const struct author *author,
                  const uint8_t (*nodes)[RP_KEY_LEN], uint32_t n)
{
    struct rp_writer w;

    rp_writer_init(&w, RP_BODY_MAX);
    rp_writer_map(&w, 1);
    rp_writer_str(&w, "nodes");
    rp_writer_array(&w, n);
    for (uint32_t i = 0; i < n; i++)
        rp_writer_bin(&w, nodes[i], RP_KEY_LEN);
    return write_control(packed, author, "revocation", &w);
}

int author_withdraw(struct rp_bytes *packed, const struct author *author,
                    const struct rp_record *target, uint8_t (*versions)[RP_ID_LEN], uint32_t n)
{
    struct rp_record fields = {
        .set = RP_SET_CONTROL,
        .kind = rp_bytes_str("withdrawal"),
        .has_teller = target->has_teller,
    };
    bool says_kind = target->set == RP_SET_CONTROL && target->kind.len > 0;
    struct rp_writer w;
    int err;

    rp_writer_init(&w, RP_BODY_MAX);
    rp_writer_map(&w, (uint32_t)says_kind + (n > 0));
    if (says_kind) { /* so that people can tell it from a text */
        rp_writer_str(&w, "kind");
        rp_writer_text(&w, target->kind);
    }
    if (n > 0) {
        rp_writer_str(&w, "versions");
        rp_writer_array(&w, n);
        for (uint32_t i = 0; i < n; i++)
            rp_writer_bin(&w, versions[i], RP_ID_LEN);
    }
    fields.content = rp_writer_slice(&w);
    memcpy(fields.scope, target->scope, RP_ID_LEN);
    memcpy(fields.seed, target->seed, RP_SEED_LEN);
    memcpy(fields.teller, target->teller, RP_KEY_LEN);
    err = w.err != RP_OK ? w.err : finish(packed, author, &fields);
    rp_writer_free(&w);
    return err;
}

void author_slip(uint8_t slip[static RP_SIG_LEN], const struct author *author,
                 const uint8_t object[static RP_ID_LEN])
{
    rp_key_sign(slip, author->key, RP_DOMAIN_SIGN_SLIP, object);
}

int author_withdraw_told(struct rp_bytes *packed, const struct told *told, const struct rp_key *key,
                         struct rp_rand *rand, uint64_t now_ms)
{
    const struct author author = {key, told->org, rand, now_ms};
    struct rp_record fields = {
        .set = RP_SET_CONTROL,
        .kind = rp_bytes_str("withdrawal"),
        .has_teller = true,
    };
    struct rp_writer w;
    int err;

    rp_writer_init(&w, RP_BODY_MAX);
    rp_writer_map(&w, 1);
    rp_writer_str(&w, "slip");
    rp_writer_bin(&w, told->slip, RP_SIG_LEN);
    fields.content = rp_writer_slice(&w);
    memcpy(fields.scope, told->scope, RP_ID_LEN);
    memcpy(fields.seed, told->seed, RP_SEED_LEN);
    memcpy(fields.teller, told->teller, RP_KEY_LEN);
    err = w.err != RP_OK ? w.err : finish(packed, &author, &fields);
    rp_writer_free(&w);
    return err;
}
