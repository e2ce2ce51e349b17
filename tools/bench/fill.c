#include "fill.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "rp/err.h"
#include "rp/record.h"
#include "rp/writer.h"
#include "store/kv_lmdb.h"
#include "store/orgs.h"
#include "store/records.h"

#define MAP_BYTES (UINT64_C(64) << 30)
#define FILL_EACH 8192 /* records in a transaction */
#define MADE_MS UINT64_C(1795000000000)

/* A record that is written, and packed once its turn comes. */
struct draft {
    struct rp_bytes body;
    struct rp_bytes packed;
};

/* What one thread packs: every ${step}th of ${drafts}, from ${first} on. */
struct share {
    struct rp_codecs *codecs;
    const struct rp_key *key;
    struct draft *drafts;
    size_t n;
    size_t first;
    size_t step;
};

/* {"body", "question", "summary", "title"} of a pattern, with the text as its body. */
static void write_content(struct rp_writer *w, uint64_t number, const struct rp_bytes *text)
{
    char title[64];

    snprintf(title, sizeof title, "Pattern %llu", (unsigned long long)number);
    rp_writer_map(w, 4);
    rp_writer_str(w, "body");
    rp_writer_text(w, rp_bytes_slice(text));
    rp_writer_str(w, "question");
    rp_writer_str(w, "What helps?");
    rp_writer_str(w, "summary");
    rp_writer_str(w, "One of many.");
    rp_writer_str(w, "title");
    rp_writer_str(w, title);
}

/* The body of the node's next record; the bytes of its text. */
static size_t write_body(struct node *node, struct prose *prose, struct rp_bytes *body)
{
    struct rp_record fields = {.set = RP_SET_CONTENT, .kind = rp_bytes_str("pattern")};
    struct rp_bytes text = {NULL, 0};
    struct rp_bytes content;
    struct rp_writer w;
    size_t plain;

    prose_text(prose, node->published, &text);
    rp_writer_init(&w, RP_BODY_MAX);
    write_content(&w, node->published, &text);
    bench_check(rp_writer_take(&w, &content), "a record");
    fields.made = MADE_MS + node->published++;
    fields.content = rp_bytes_slice(&content);
    memcpy(fields.org, node->keys.self.identity.org, RP_ID_LEN);
    memcpy(fields.key, node->keys.self.key.public, RP_KEY_LEN);
    home_random(fields.salt, RP_SALT_LEN);
    home_random(fields.seed, RP_SEED_LEN);
    bench_check(rp_record_write(body, &fields), "a record");
    plain = text.len;
    rp_bytes_free(&text);
    rp_bytes_free(&content);
    return plain;
}

static void *pack_share(void *arg)
{
    const struct share *share = arg;

    for (size_t i = share->first; i < share->n; i += share->step) {
        struct draft *draft = &share->drafts[i];

        bench_check(rp_record_pack_with(share->codecs, &draft->packed, rp_bytes_slice(&draft->body),
                                        share->key, RP_CODEC_DICTIONARY),
                    "a record");
    }
    return NULL;
}

static struct rp_codecs *new_codecs(void)
{
    struct rp_codecs *codecs = rp_codecs_new();

    if (codecs == NULL)
        bench_fail("out of memory");
    return codecs;
}

void node_record(struct node *node, struct prose *prose, struct rp_bytes *packed, size_t *plain)
{
    struct draft draft = {.packed = {NULL, 0}};
    struct share share = {.key = &node->keys.self.key, .drafts = &draft, .n = 1, .step = 1};

    if (node->codecs == NULL)
        node->codecs = new_codecs();
    share.codecs = node->codecs;
    *plain = write_body(node, prose, &draft.body);
    (void)pack_share(&share);
    *packed = draft.packed;
    rp_bytes_free(&draft.body);
}

/* Puts what is packed into the store, durably, and frees it. */
static void insert_all(struct kv *kv, struct draft *drafts, size_t n)
{
    struct place place = {.org = ORG_SELF, .scope = SCOPE_COMMONS, .first_seen = MADE_MS};
    struct batch *batch;
    int err;

    batch = batch_begin(kv, &err);
    bench_check(err, "a store cannot be written");
    for (size_t i = 0; i < n; i++) {
        struct rp_opened opened;

        bench_check(rp_record_open_trusted(&opened, rp_bytes_slice(&drafts[i].packed)), "a record");
        records_insert(batch, &opened.record, rp_bytes_slice(&drafts[i].packed), &place);
        rp_record_close(&opened);
        rp_bytes_free(&drafts[i].packed);
        rp_bytes_free(&drafts[i].body);
    }
    bench_check(batch_commit(batch), "a store cannot be written");
}

uint64_t node_fill(struct node *node, struct prose *prose, uint64_t n)
{
    struct share shares[BENCH_THREADS_MAX];
    unsigned threads = bench_processors();
    struct draft *drafts = calloc(FILL_EACH, sizeof *drafts);
    struct why why;
    struct kv *kv = home_open_store(node->home, MAP_BYTES, &why);
    uint64_t plain = 0;

    if (kv == NULL)
        bench_fail("%s", why.text);
    if (drafts == NULL)
        bench_fail("out of memory");
    for (unsigned i = 0; i < threads; i++)
        shares[i] = (struct share){.codecs = new_codecs(),
                                   .key = &node->keys.self.key,
                                   .drafts = drafts,
                                   .first = i,
                                   .step = threads};
    for (uint64_t left = n; left > 0;) {
        size_t now = left > FILL_EACH ? FILL_EACH : (size_t)left;

        for (size_t i = 0; i < now; i++)
            plain += write_body(node, prose, &drafts[i].body);
        for (unsigned i = 0; i < threads; i++)
            shares[i].n = now;
        bench_on_all(pack_share, shares, sizeof shares[0]);
        insert_all(kv, drafts, now);
        left -= now;
    }
    for (unsigned i = 0; i < threads; i++)
        rp_codecs_free(shares[i].codecs);
    free(drafts);
    kv_lmdb_close(kv);
    return plain;
}
