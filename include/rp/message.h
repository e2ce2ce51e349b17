#ifndef RP_MESSAGE_H
#define RP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rp/bytes.h"
#include "rp/hash.h"
#include "rp/limits.h"
#include "rp/reader.h"
#include "rp/record.h"
#include "rp/token.h"
#include "rp/writer.h"

/*
 * The messages of a link (SPEC 3.4 to 3.6), one per frame: canonical arrays that begin with a
 * number. Readers check shape and limits, all that makes a message malformed (SPEC 3.4), and borrow
 * from the frame; they return RP_ERR_SHAPE or RP_ERR_LIMIT. Writers append to a writer and leave
 * their error there. Unknown numbers are ignored.
 */
enum rp_message_type {
    RP_MESSAGE_HELLO = 1,
    RP_MESSAGE_REFUSE = 2,
    RP_MESSAGE_BYE = 3,
    RP_MESSAGE_ACCEPT = 4,
    RP_MESSAGE_CHECK = 5,
    RP_MESSAGE_EQUAL = 6,
    RP_MESSAGE_IDS = 7,
    RP_MESSAGE_SKETCH = 8,
    RP_MESSAGE_MORE = 9,
    RP_MESSAGE_CELLS = 10,
    RP_MESSAGE_LIST = 11,
    RP_MESSAGE_PAGE = 12,
    RP_MESSAGE_DONE = 13,
    RP_MESSAGE_HAVE = 14,
    RP_MESSAGE_WANT = 15,
    RP_MESSAGE_RECORDS = 16,
    RP_MESSAGE_BEACON = 32,
    RP_MESSAGE_CIRCLE = 34,
    /* Reserved: 33 knock, 35 asset, 36 asset-want. */
    RP_MESSAGE_SEEN = 37,
    RP_MESSAGE_RECOVER = 48, /* recover.h */
    RP_MESSAGE_CHAIN = 49,
};

#define RP_PREFIX_LEN 8 /* of a symbol, in WANT */

#define RP_SEEN_KEY_LEN 8                  /* of a node's key, in SEEN */
#define RP_SEEN_LEN (RP_SEEN_KEY_LEN + 8u) /* with the time of its beacon, big-endian */

/* The number that ${frame} begins with, or RP_ERR_SHAPE. */
int rp_message_type(struct rp_slice frame);

/* A scope as messages have it: nil for the commons; never the local one. */
void rp_message_write_scope(struct rp_writer *w, const uint8_t scope[static RP_ID_LEN]);
void rp_message_read_scope(struct rp_reader *r, uint8_t scope[static RP_ID_LEN]);

/* First on every link, from both sides: what each can do, and what they compare. */
struct rp_hello {
    uint8_t accept[RP_HASH_LEN]; /* digest of the organisations it accepts */
    uint64_t time;               /* its clock, ms since 1970 UTC: for a warning, never a decision */
    uint32_t codecs;             /* of ours that it reads, as bits; plain in any case */
    bool speaks_this;            /* version 1 is among its versions */
    bool has_invite;
    uint8_t invite[RP_TOKEN_SECRET_LEN];
    struct rp_slice circle; /* a descriptor as issued: the link is for circles alone; or empty */
    struct rp_slice software;
    uint32_t addresses; /* where it can be called */
    struct rp_slice address[RP_ADDRESSES_MAX];
};
/* RP_ERR_SHAPE in the writer for addresses or software that no reader would take. */
void rp_message_write_hello(struct rp_writer *w, const struct rp_hello *hello);
int rp_message_read_hello(struct rp_hello *out, struct rp_slice frame)
    __attribute__((warn_unused_result));

/* REFUSE: why there will be no link. BYE: why it ends; an end without one is a cut. */
struct rp_refusal {
    struct rp_slice code; /* stable word */
    struct rp_slice text; /* for people */
};
void rp_message_write_refuse(struct rp_writer *w, const char *code, const char *text);
int rp_message_read_refuse(struct rp_refusal *out, struct rp_slice frame)
    __attribute__((warn_unused_result));
void rp_message_write_bye(struct rp_writer *w, const char *reason);
int rp_message_read_bye(struct rp_slice *reason, struct rp_slice frame)
    __attribute__((warn_unused_result));

/* Changes to the organisations that the sender accepts; with reset, the whole list from its start.
 */
struct rp_accept {
    bool reset;
    bool more;                /* the list goes on in the next one */
    struct rp_slice accepted; /* ids one after the other: now accepted */
    struct rp_slice kept;     /* no longer or not: but their lasting control records are kept */
};
void rp_message_write_accept(struct rp_writer *w, const struct rp_accept *accept);
int rp_message_read_accept(struct rp_accept *out, struct rp_slice frame)
    __attribute__((warn_unused_result));

/* How a set stands: as many records, with this fingerprint. */
struct rp_tally {
    uint64_t count;
    uint8_t digest[RP_HASH_LEN];
};

/* CHECK: "mine are these; yours?" EQUAL and DONE carry the exchange's number only. */
struct rp_check {
    uint64_t exchange;
    uint8_t scope[RP_ID_LEN];
    bool asks[RP_SETS];
    struct rp_tally tally[RP_SETS];
};
void rp_message_write_check(struct rp_writer *w, const struct rp_check *check);
int rp_message_read_check(struct rp_check *out, struct rp_slice frame)
    __attribute__((warn_unused_result));
void rp_message_write_equal(struct rp_writer *w, uint64_t exchange);
void rp_message_write_done(struct rp_writer *w, uint64_t exchange);
int rp_message_read_exchange(uint64_t *exchange, struct rp_slice frame)
    __attribute__((warn_unused_result));

/*
 * Everything else inside an exchange: which set it is about and the part that its type has.
 * IDS: tally, symbols. SKETCH: tally, first (cells that can be had), cells, digests. MORE: first,
 * n. CELLS: first, cells. LIST: after. PAGE: symbols, last. What follows from the message alone is
 * checked on reading: IDS are fewer than RP_IDS_BELOW and as many as they count, symbols of IDS and
 * PAGE ascend, MORE asks for 1 to RP_CELLS_PER_MESSAGE cells.
 */
struct rp_part {
    uint64_t exchange;
    enum rp_set set;
    struct rp_tally tally;
    uint32_t first;
    uint32_t n;
    bool has_after;
    uint8_t after[RP_SYMBOL_LEN];
    bool last;
    struct rp_slice symbols; /* RP_SYMBOL_LEN each, ascending */
    struct rp_slice cells;   /* RP_CELL_LEN each */
    struct rp_slice digests;
};
void rp_message_write_part(struct rp_writer *w, enum rp_message_type type,
                           const struct rp_part *part);
int rp_message_read_part(struct rp_part *out, enum rp_message_type type, struct rp_slice frame)
    __attribute__((warn_unused_result));

/* HAVE: symbols the sender holds and thinks the receiver lacks. */
struct rp_have {
    uint8_t scope[RP_ID_LEN];
    enum rp_set set;
    struct rp_slice symbols;
};
void rp_message_write_have(struct rp_writer *w, const struct rp_have *have);
int rp_message_read_have(struct rp_have *out, struct rp_slice frame)
    __attribute__((warn_unused_result));

/* CIRCLE: a descriptor as issued, to one of its members. */
void rp_message_write_circle(struct rp_writer *w, struct rp_slice issued);
int rp_message_read_circle(struct rp_slice *issued, struct rp_slice frame)
    __attribute__((warn_unused_result));

/* WANT: prefixes of symbols; answered by RECORDS messages with every record that fits one. */
struct rp_want {
    uint64_t request;
    struct rp_slice prefixes; /* RP_PREFIX_LEN each */
};
void rp_message_write_want(struct rp_writer *w, const struct rp_want *want);
int rp_message_read_want(struct rp_want *out, struct rp_slice frame)
    __attribute__((warn_unused_result));

/*
 * RECORDS: packed records, then whether the request is answered whole. Reading gives the number of
 * them and a reader from which rp_reader_item takes each.
 */
struct rp_records {
    uint64_t request;
    bool last;
    uint32_t n;
    struct rp_reader items;
};
void rp_message_write_records(struct rp_writer *w, uint64_t request, bool last, uint32_t n,
                              struct rp_slice items);
int rp_message_read_records(struct rp_records *out, struct rp_slice frame)
    __attribute__((warn_unused_result));

/* BEACON: a sealed one, see beacon.h. That it has three parts is all that is checked here. */
void rp_message_write_beacon(struct rp_writer *w, struct rp_slice sealed);
int rp_message_read_beacon(struct rp_slice *sealed, struct rp_slice frame)
    __attribute__((warn_unused_result));

/* SEEN: the nodes whose beacons the sender has, by the beginnings of their keys, ascending, and the
 * beacons' times; the other side sends what is missing or later. */
struct rp_seen {
    uint8_t scope[RP_ID_LEN];
    struct rp_slice entries; /* RP_SEEN_LEN each */
};
void rp_message_write_seen(struct rp_writer *w, const struct rp_seen *seen);
int rp_message_read_seen(struct rp_seen *out, struct rp_slice frame)
    __attribute__((warn_unused_result));

#endif
