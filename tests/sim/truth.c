#include "truth.h"

#include <math.h>
#include <msgpack.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "dictionary.h"

#define BODY_MAX 262144
#define BUCKETS 65536

struct truth {
    struct fact *buckets[BUCKETS]; /* by id */
    struct fact *packed[BUCKETS];  /* by what the packed record ends with */
};

/* A packed record's parts; body is to be freed. */
struct parts {
    uint8_t *body;
    size_t body_len;
    uint8_t sig[64];
    uint8_t id[TRUTH_ID];
};

struct bytes {
    const void *data;
    size_t len;
};

/* SPEC 1.4 */
static void hash(uint8_t out[static 32], const char *domain, const struct bytes *parts, size_t n)
{
    crypto_generichash_state state;

    crypto_generichash_init(&state, NULL, 0, 32);
    crypto_generichash_update(&state, (const uint8_t *)domain, strlen(domain) + 1);
    for (size_t i = 0; i < n; i++)
        crypto_generichash_update(&state, parts[i].data, parts[i].len);
    crypto_generichash_final(&state, out, 32);
}

struct truth *truth_new(void)
{
    return calloc(1, sizeof(struct truth));
}

static void fact_free(struct fact *fact)
{
    free(fact->versions);
    free(fact->packed);
    free(fact);
}

void truth_free(struct truth *truth)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        while (truth->buckets[i] != NULL) {
            struct fact *fact = truth->buckets[i];

            truth->buckets[i] = fact->next;
            fact_free(fact);
        }
    }
    free(truth);
}

static size_t bucket(const uint8_t *id)
{
    return (size_t)id[0] << 8 | id[1];
}

const struct fact *truth_find(const struct truth *truth, const uint8_t id[static TRUTH_ID])
{
    const struct fact *fact = truth->buckets[bucket(id)];

    while (fact != NULL && memcmp(fact->id, id, TRUTH_ID) != 0)
        fact = fact->next;
    return fact;
}

static bool is_bin(const msgpack_object *object, size_t len)
{
    return object->type == MSGPACK_OBJECT_BIN && object->via.bin.size == len;
}

/* Unpacks a body that is one zstd frame of a declared size, by a dictionary or none. */
static uint8_t *decompress(const msgpack_object_bin *frame, bool by_dictionary, size_t *len)
{
    unsigned long long size = ZSTD_getFrameContentSize(frame->ptr, frame->size);
    ZSTD_DCtx *context = ZSTD_createDCtx();
    uint8_t *out = NULL;

    if (context == NULL || size > BODY_MAX || (out = malloc((size_t)size + 1)) == NULL) {
        ZSTD_freeDCtx(context);
        return NULL;
    }
    *len = ZSTD_decompress_usingDict(context, out, (size_t)size, frame->ptr, frame->size,
                                     dictionary_1, by_dictionary ? DICTIONARY_LEN : 0);
    ZSTD_freeDCtx(context);
    if (*len != size) {
        free(out);
        return NULL;
    }
    return out;
}

/* SPEC 2.1: [codec, body, sig] */
static bool take_apart(struct parts *out, const uint8_t *packed, size_t len)
{
    msgpack_unpacked unpacked;
    const msgpack_object *entry;
    size_t end = 0;

    *out = (struct parts){.body = NULL};
    msgpack_unpacked_init(&unpacked);
    if (msgpack_unpack_next(&unpacked, (const char *)packed, len, &end) != MSGPACK_UNPACK_SUCCESS ||
        end != len || unpacked.data.type != MSGPACK_OBJECT_ARRAY ||
        unpacked.data.via.array.size != 3)
        goto out;
    entry = unpacked.data.via.array.ptr;
    if (entry[0].type != MSGPACK_OBJECT_POSITIVE_INTEGER || entry[0].via.u64 > 2 ||
        entry[1].type != MSGPACK_OBJECT_BIN || !is_bin(&entry[2], 64))
        goto out;
    if (entry[0].via.u64 > 0) {
        out->body = decompress(&entry[1].via.bin, entry[0].via.u64 == 2, &out->body_len);
    } else if ((out->body = malloc(entry[1].via.bin.size + 1)) != NULL) {
        out->body_len = entry[1].via.bin.size;
        memcpy(out->body, entry[1].via.bin.ptr, out->body_len);
    }
    memcpy(out->sig, entry[2].via.bin.ptr, 64);
    if (out->body != NULL)
        hash(out->id, "rp/1 record", &(struct bytes){out->body, out->body_len}, 1);
out:
    msgpack_unpacked_destroy(&unpacked);
    return out->body != NULL;
}

static const msgpack_object *find(const msgpack_object *map, const char *key)
{
    for (uint32_t i = 0; map->type == MSGPACK_OBJECT_MAP && i < map->via.map.size; i++) {
        const msgpack_object_kv *kv = &map->via.map.ptr[i];

        if (kv->key.type == MSGPACK_OBJECT_STR && kv->key.via.str.size == strlen(key) &&
            memcmp(kv->key.via.str.ptr, key, strlen(key)) == 0)
            return &kv->val;
    }
    return NULL;
}

static bool all_bytes(const msgpack_object *object, uint8_t byte)
{
    for (uint32_t i = 0; i < object->via.bin.size; i++) {
        if ((uint8_t)object->via.bin.ptr[i] != byte)
            return false;
    }
    return true;
}

static bool is_str(const msgpack_object *object, const char *text)
{
    return object->via.str.size == strlen(text) &&
           memcmp(object->via.str.ptr, text, strlen(text)) == 0;
}

/* Of a control record's content what has effects (SPEC 2.4). */
static void read_control(struct fact *fact, const msgpack_object *kind,
                         const msgpack_object *content)
{
    const msgpack_object *value;

    fact->kind =
        is_str(kind, "identity") || is_str(kind, "revocation") ? TRUTH_IDENTITY : TRUTH_CONTROL;
    value = find(content, "number");
    fact->is_succession = is_str(kind, "identity") && value != NULL &&
                          value->type == MSGPACK_OBJECT_POSITIVE_INTEGER && value->via.u64 > 0;
    if (is_str(kind, "vouch")) {
        fact->kind = TRUTH_VOUCH;
        value = find(content, "subject");
        if (value != NULL && is_bin(value, TRUTH_ID))
            memcpy(fact->subject, value->via.bin.ptr, TRUTH_ID);
    } else if (is_str(kind, "withdrawal")) {
        fact->kind = TRUTH_WITHDRAWAL;
        value = find(content, "versions");
        if (value == NULL)
            return;
        fact->versions = calloc(value->via.array.size + 1, sizeof *fact->versions);
        for (uint32_t i = 0; i < value->via.array.size; i++)
            memcpy(fact->versions[fact->versions_n++], value->via.array.ptr[i].via.bin.ptr,
                   TRUTH_ID);
    }
}

static void read_story(struct fact *fact, const msgpack_object *content)
{
    const msgpack_object *consent = find(content, "consent");
    const msgpack_object *day = consent != NULL ? find(consent, "review_on") : NULL;

    fact->is_story = true;
    if (day != NULL && day->type == MSGPACK_OBJECT_STR &&
        day->via.str.size == sizeof fact->review_on - 1)
        memcpy(fact->review_on, day->via.str.ptr, day->via.str.size);
}

static bool read_body(struct fact *fact, const msgpack_object *body)
{
    const msgpack_object *entry = body->via.array.ptr;
    uint8_t message[sizeof "rp/1 sign record" + TRUTH_ID];
    static const uint8_t nobody[32] = {0};

    if (body->type != MSGPACK_OBJECT_ARRAY || body->via.array.size != 12 || entry[0].via.u64 != 1 ||
        !is_bin(&entry[2], 32) || !is_bin(&entry[3], 32) || !is_bin(&entry[4], 32) ||
        !is_bin(&entry[8], 16))
        return false;
    memcpy(message, "rp/1 sign record", sizeof "rp/1 sign record");
    memcpy(message + sizeof "rp/1 sign record", fact->id, TRUTH_ID);
    if (crypto_sign_verify_detached(fact->sig, message, sizeof message,
                                    (const uint8_t *)entry[4].via.bin.ptr) != 0)
        return false;
    memcpy(fact->org, entry[3].via.bin.ptr, 32);
    memcpy(fact->scope_id, entry[2].via.bin.ptr, 32);
    fact->scope = all_bytes(&entry[2], 0)      ? TRUTH_COMMONS
                  : all_bytes(&entry[2], 0xff) ? TRUTH_LOCAL
                                               : TRUTH_OTHER;
    hash(fact->object, "rp/1 object",
         (struct bytes[]){
             {entry[3].via.bin.ptr, 32},
             {entry[8].via.bin.ptr, 16},
             {entry[9].type == MSGPACK_OBJECT_NIL ? (const void *)nobody : entry[9].via.bin.ptr,
              32}},
         3);
    if (entry[10].via.array.size > 0)
        memcpy(fact->parent, entry[10].via.array.ptr[0].via.bin.ptr, TRUTH_ID);
    fact->kind = TRUTH_CONTENT;
    if (is_str(&entry[5], "story"))
        read_story(fact, &entry[11]);
    if (entry[1].via.u64 == 0)
        read_control(fact, &entry[5], &entry[11]);
    return true;
}

/* A packed record ends with its signature. */
static const uint8_t *end_of(const uint8_t *packed, size_t len)
{
    return packed + len - TRUTH_ID;
}

/* The fact whose packed record this is, to the bit. */
static const struct fact *find_packed(const struct truth *truth, const uint8_t *packed, size_t len)
{
    const struct fact *fact = truth->packed[bucket(end_of(packed, len))];

    while (fact != NULL && (fact->packed_len != len || memcmp(fact->packed, packed, len) != 0))
        fact = fact->next_packed;
    return fact;
}

const struct fact *truth_learn(struct truth *truth, const uint8_t *packed, size_t len)
{
    struct fact *fact = calloc(1, sizeof *fact);
    struct parts parts;
    msgpack_unpacked body;
    size_t end = 0;
    bool good;

    if (fact == NULL || !take_apart(&parts, packed, len)) {
        free(fact);
        return NULL;
    }
    memcpy(fact->id, parts.id, TRUTH_ID);
    memcpy(fact->sig, parts.sig, sizeof fact->sig);
    msgpack_unpacked_init(&body);
    good = msgpack_unpack_next(&body, (const char *)parts.body, parts.body_len, &end) ==
               MSGPACK_UNPACK_SUCCESS &&
           end == parts.body_len && read_body(fact, &body.data);
    msgpack_unpacked_destroy(&body);
    free(parts.body);
    if (!good || truth_find(truth, fact->id) != NULL) {
        const struct fact *known = good ? truth_find(truth, fact->id) : NULL;

        fact_free(fact);
        return known;
    }
    fact->packed = malloc(len);
    memcpy(fact->packed, packed, len);
    fact->packed_len = len;
    fact->next = truth->buckets[bucket(fact->id)];
    truth->buckets[bucket(fact->id)] = fact;
    fact->next_packed = truth->packed[bucket(end_of(packed, len))];
    truth->packed[bucket(end_of(packed, len))] = fact;
    return fact;
}

void shelf_put(struct shelf *shelf, const struct fact *fact)
{
    if (shelf->n == shelf->cap) {
        shelf->cap = shelf->cap > 0 ? 2 * shelf->cap : 64;
        shelf->facts = realloc(shelf->facts, shelf->cap * sizeof *shelf->facts);
        if (shelf->facts == NULL)
            abort();
    }
    shelf->facts[shelf->n++] = fact;
}

void truth_shelve(const struct truth *truth, struct shelf *out)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        for (const struct fact *fact = truth->buckets[i]; fact != NULL; fact = fact->next)
            shelf_put(out, fact);
    }
}

bool truth_is_genuine(const struct truth *truth, const uint8_t *packed, size_t len,
                      const struct fact **fact)
{
    struct parts parts;
    bool genuine;

    *fact = len > TRUTH_ID ? find_packed(truth, packed, len) : NULL;
    if (*fact != NULL)
        return true;
    if (!take_apart(&parts, packed, len))
        return false;
    *fact = truth_find(truth, parts.id);
    genuine = *fact != NULL && memcmp(parts.sig, (*fact)->sig, sizeof parts.sig) == 0;
    free(parts.body);
    return genuine;
}

bool truth_covers(const struct fact *withdrawal, const struct fact *fact)
{
    if (withdrawal->kind != TRUTH_WITHDRAWAL ||
        memcmp(withdrawal->scope_id, fact->scope_id, TRUTH_ID) != 0 ||
        memcmp(withdrawal->object, fact->object, TRUTH_ID) != 0 || fact->kind == TRUTH_WITHDRAWAL ||
        fact->kind == TRUTH_IDENTITY)
        return false;
    if (withdrawal->versions == NULL)
        return true;
    for (size_t i = 0; i < withdrawal->versions_n; i++) {
        if (memcmp(withdrawal->versions[i], fact->id, TRUTH_ID) == 0)
            return true;
    }
    return false;
}

/* SPEC 4.1 */
void truth_add(struct truth_sum *sum, const uint8_t symbol[static TRUTH_SYMBOL])
{
    static const uint8_t nonce[8] = {0};
    uint8_t key[33];
    uint8_t stream[2048];

    memcpy(key, symbol, 16);
    memcpy(key + 16, "rp/1 fingerprint", 17);
    crypto_stream_chacha20(stream, sizeof stream, nonce, key);
    for (size_t i = 0; i < 1024; i++)
        sum->lanes[i] = (uint16_t)(sum->lanes[i] + (stream[2 * i] | stream[2 * i + 1] << 8));
    sum->count++;
}

void truth_digest(uint8_t out[static 32], const struct truth_sum *sum)
{
    uint8_t lanes[2048];

    for (size_t i = 0; i < 1024; i++) {
        lanes[2 * i] = (uint8_t)sum->lanes[i];
        lanes[2 * i + 1] = (uint8_t)(sum->lanes[i] >> 8);
    }
    hash(out, "rp/1 fingerprint", &(struct bytes){lanes, sizeof lanes}, 1);
}

/* SPEC 4.2, for the commons */
void truth_cells(uint8_t *cells, size_t n, const uint8_t symbol[static TRUTH_SYMBOL])
{
    static const uint8_t commons[32] = {0};
    uint8_t key[32];
    uint8_t checksum[8];
    uint64_t s = 0;
    double i = 0;

    hash(key, "rp/1 sketch", &(struct bytes){commons, 32}, 1);
    crypto_shorthash_siphash24(checksum, symbol, 16, key);
    for (int b = 7; b >= 0; b--)
        s = s << 8 | checksum[b];
    while (i < (double)n) {
        uint8_t *cell = cells + 24 * (size_t)i;
        double step;

        for (int b = 0; b < 16; b++)
            cell[b] ^= symbol[b];
        for (int b = 0; b < 8; b++)
            cell[16 + b] ^= checksum[b];
        s *= UINT64_C(0xda942042e4dd58b5);
        step = ceil((i + 1.5) * (4294967296.0 / sqrt((double)s + 1.0) - 1.0));
        i += step > 1.0 ? step : 1.0;
    }
}
