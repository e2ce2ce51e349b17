#ifndef TRUTH_H
#define TRUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What records there are and what they say, read without the code under test: by msgpack-c, zstd
 * and libsodium alone, from SPEC.md sections 1, 2 and 4.
 */
#define TRUTH_ID 32
#define TRUTH_SYMBOL 16

enum truth_scope { TRUTH_COMMONS, TRUTH_LOCAL, TRUTH_OTHER };
enum truth_kind {
    TRUTH_CONTENT,
    TRUTH_VOUCH,
    TRUTH_WITHDRAWAL,
    TRUTH_IDENTITY,
    TRUTH_CONTROL, /* any other record of set 0 */
};

struct fact {
    uint8_t id[TRUTH_ID];
    uint8_t object[TRUTH_ID];
    uint8_t org[TRUTH_ID];
    enum truth_scope scope;
    uint8_t scope_id[TRUTH_ID]; /* of a circle */
    enum truth_kind kind;
    bool is_story;
    bool is_succession;
    char review_on[11];            /* a story's: the day on which its consent ends */
    uint8_t subject[TRUTH_ID];     /* a vouch's */
    uint8_t parent[TRUTH_ID];      /* the version it replaces: nobody here replaces two */
    uint8_t (*versions)[TRUTH_ID]; /* those a withdrawal covers; none: the whole object */
    size_t versions_n;
    uint8_t sig[64];
    uint8_t *packed;
    size_t packed_len;
    struct fact *next;        /* with the same hash */
    struct fact *next_packed; /* the same of the packed record */
};

/* Some facts. */
struct shelf {
    const struct fact **facts;
    size_t n;
    size_t cap;
};
void shelf_put(struct shelf *shelf, const struct fact *fact);

struct truth;

struct truth *truth_new(void);
void truth_free(struct truth *truth);

/* The fact that a packed record is, kept from now on; NULL when it is not valid. */
const struct fact *truth_learn(struct truth *truth, const uint8_t *packed, size_t len);
const struct fact *truth_find(const struct truth *truth, const uint8_t id[static TRUTH_ID]);

/* Puts all facts on a shelf. */
void truth_shelve(const struct truth *truth, struct shelf *out);

/* Whether a packed record is that fact: the same body, whatever its codec, and the same signature.
 * ${fact} is the one it claims to be, NULL when nobody ever wrote such a record. */
bool truth_is_genuine(const struct truth *truth, const uint8_t *packed, size_t len,
                      const struct fact **fact);

/* Whether ${withdrawal} takes ${fact} away. */
bool truth_covers(const struct fact *withdrawal, const struct fact *fact);

/* The fingerprint's digest, and the first ${n} cells (24 bytes each), of some symbols' set. */
struct truth_sum {
    uint16_t lanes[1024];
    uint64_t count;
};
void truth_add(struct truth_sum *sum, const uint8_t symbol[static TRUTH_SYMBOL]);
void truth_digest(uint8_t out[static 32], const struct truth_sum *sum);
void truth_cells(uint8_t *cells, size_t n, const uint8_t symbol[static TRUTH_SYMBOL]);

#endif
