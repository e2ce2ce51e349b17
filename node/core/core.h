#ifndef CORE_H
#define CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rp/beacon.h"
#include "rp/bytes.h"
#include "rp/certificate.h"
#include "rp/grant.h"
#include "rp/limits.h"
#include "rp/message.h"
#include "rp/record.h"
#include "rp/token.h"
#include "rp/verify.h"
#include "store/audit.h"
#include "store/batch.h"
#include "store/beacon.h"
#include "store/circles.h"
#include "store/kv.h"
#include "store/orgs.h"
#include "store/peers.h"
#include "store/quota.h"
#include "store/records.h"
#include "store/restored.h"

/*
 * Who gets what: peers, trust, links, what is announced, fetched and compared, and when (SPEC 3.5
 * to 6). Without sockets, disk or clock: bytes from links go in and bytes for links come out, the
 * time is an argument, reading goes through the store's interface, and everything that must be done
 * outside (dial, write to the store, take in a record, close) is asked for as an effect. So the
 * simulator runs the shipped code.
 *
 * One thread. now_ms is the steady clock's: it never jumps. Times that are stored or shown are the
 * calendar's, ms since 1970 UTC.
 */
struct core;
struct link;

/* The node itself: identity and keys. Lives as long as the core. */
struct self {
    struct rp_identity identity;
    struct rp_slice inception;
    bool keyless;      /* the node acts by its certificate alone, and signs no records */
    struct rp_key key; /* the organisation's, to sign records with; else all zeroes */
    uint8_t source[RP_KEY_SEED_LEN]; /* secret: the objects that files make follow from it */
    struct rp_dh_key noise;
    struct rp_slice proof; /* what the node shows on every link */
    uint32_t successions;  /* of the organisation, as far as its keys here know of any */
    struct rp_slice succession[RP_SUCCESSIONS_MAX]; /* packed records, in order */
    struct rp_key node;                             /* the node's own, to sign beacons with */
    struct rp_slice issued; /* its certificate; empty: it makes no beacons */
};

struct core_opts {
    struct kv *kv;
    const struct self *self;
    int64_t calendar_ahead; /* ms by which the calendar is ahead of the steady clock */
    const uint8_t *seed;    /* RP_RAND_SEED_LEN random bytes; copied */
    const char *software;   /* name and version, for HELLO */
    uint32_t trust_depth;   /* how many vouches away an organisation may be */
    uint32_t check_ms;      /* how often a live link is compared, about */
    uint64_t quota;         /* bytes that those reached through one peer may store; 0: any */
    uint32_t scrub_ms;      /* how often some stored records are read and checked; 0: never */
    bool vouch;             /* joining by an invite vouches for the inviter */
};

/* Reads what the store holds. NULL and the reason in ${err} on failure. */
struct core *core_new(const struct core_opts *opts, uint64_t now_ms, int *err);
void core_free(struct core *core);

/* The calendar may have been set: by how much it is ahead of the steady clock now. */
void core_set_calendar(struct core *core, int64_t ahead_ms);

/* Where this node can be called: ${n} HOST:PORT; told to peers. Copied. */
void core_set_addresses(struct core *core, const char *const *addresses, uint32_t n);

/* Nothing can be stored, or something again: others are told. */
void core_set_full(struct core *core, bool full, uint64_t now_ms);

/* What had left the store has left its file, too, as the store says by now: others are told. */
void core_erased(struct core *core, uint64_t now_ms);

/* Links */

/* Somebody called from ${address} (HOST:PORT, for people). NULL when there is no room for more. */
struct link *core_accept(struct core *core, const char *address, uint64_t now_ms);

/* A dial that CORE_DIAL asked for has connected, or failed with ${why} (a sentence). */
struct link *core_dialled(struct core *core, const uint8_t org[static RP_ID_LEN],
                          const char *address, uint64_t now_ms);
void core_dial_failed(struct core *core, const uint8_t org[static RP_ID_LEN], const char *why,
                      uint64_t now_ms);

/*
 * Bytes came in. On an error the link is over: close it after what core_transmit still gives, and
 * then call core_closed.
 */
int core_receive(struct core *core, struct link *link, struct rp_slice bytes, uint64_t now_ms)
    __attribute__((warn_unused_result));

/* The next bytes to send, borrowed until the next call with this link; empty when there are none.
 */
int core_transmit(struct core *core, struct link *link, struct rp_slice *bytes, uint64_t now_ms)
    __attribute__((warn_unused_result));

/* Whether the link may be read now: not while what it sent waits to be taken in. */
bool core_may_read(const struct core *core, const struct link *link);

/* The connection is gone; frees the link. */
void core_closed(struct core *core, struct link *link, uint64_t now_ms);

/* Walks all links: the first, or the one after ${link}; NULL at the end. */
struct link *core_links(const struct core *core, const struct link *link);

/* Whether the other side was let in: both HELLOs are there. */
bool core_link_is_open(const struct link *link);

/* What the owner of the connection keeps with its link. */
void core_link_set_data(struct link *link, void *data);
void *core_link_data(const struct link *link);

/* The node is going to stop: says goodbye on all links and has the last of what is known stored. */
void core_stop(struct core *core);

/* Time: when core_tick wants to be called at the latest, and the call. */
uint64_t core_deadline(const struct core *core);
void core_tick(struct core *core, uint64_t now_ms);

/* Effects */

enum change_type {
    CHANGE_ORG,         /* an organisation's standing */
    CHANGE_PEER,        /* a peer added or changed */
    CHANGE_PEER_REMOVE, /* a peer removed */
    CHANGE_INVITE,      /* an invite made or used */
    CHANGE_CIRCLE,      /* a circle met, accepted or left */
    CHANGE_RESTORED,    /* the store was restored, or is not in doubt any more */
    CHANGE_BEACON,      /* a node's beacon kept, or dropped */
    CHANGE_DAMAGED,     /* a record that the disk has damaged goes, to be fetched again */
    CHANGE_HIDE,        /* an object is hidden here, or not any more */
    CHANGE_QUOTAS,      /* how organisations share quotas */
    CHANGE_DROP,        /* some records of an organisation that is not accepted any more go */
};

/* A change to the store, to be carried out by the one writer, in order. */
struct change {
    uint64_t id;
    struct change *next; /* of those that failed */
    bool failed;         /* at least once */
    enum change_type type;
    struct org org;             /* its inception is in inception */
    struct circle_entry circle; /* its descriptor as issued is in inception, too */
    struct beacon_entry beacon; /* what is sealed is in inception */
    struct rp_bytes inception;
    struct peer_entry peer;
    struct invite_entry invite;
    struct restored restored;
    uint64_t seq;         /* of the damaged record */
    bool was_damaged;     /* it was, and is gone: */
    struct erased erased; /* that one */
    bool was_repaired;    /* there was a copy, which is stored now: */
    struct place repaired;
    uint8_t object[RP_ID_LEN]; /* HIDE */
    uint64_t hidden;           /* HIDE: ms; 0: not any more */
    struct erased *dropped;    /* DROP, of organisation org.number: these */
    uint32_t dropped_n;
    struct quota_row *quotas; /* QUOTAS */
    uint32_t quotas_n;
    struct rp_bytes audit; /* goes into the audit log with it; empty: nothing */
    uint64_t tag;          /* of the request that waits for it; 0: none */
};
void core_change_free(struct change *change);

/* Carries ${change} out. In the writer's thread; errors stick in the batch. */
void core_apply(struct batch *batch, struct change *change);

/* A record to take in; where it came from comes back with its outcome. */
struct submission {
    struct rp_bytes packed;
    uint64_t link;    /* number of the link; 0: this node itself */
    uint64_t request; /* the WANT it answers */
    uint64_t tag;     /* the submitter's own, for records of this node */
    /* Of records that are acts of the operator: what goes into the audit log with them, and the
     * request that waits. */
    struct rp_bytes audit;
    uint64_t act;
};
void core_submission_free(struct submission *submission);

enum core_effect_type {
    CORE_DIAL,   /* connect to org at address, then core_dialled or core_dial_failed */
    CORE_SUBMIT, /* take the record in, then core_outcome; the receiver frees packed */
    CORE_STORE,  /* carry the change out, then give it back to core_stored */
    CORE_CLOSE,  /* close the link when what core_transmit gives is sent, then core_closed */
    CORE_WAKE,   /* the link has something to transmit, or may be read again */
};

struct core_effect {
    enum core_effect_type type;
    uint8_t org[RP_ID_LEN];
    char address[RP_ADDRESS_LEN_MAX + 1];
    struct submission submission;
    struct change *change;
    struct link *link;
};

/* Takes the next effect; false when there is none. To be drained after every call above or below.
 */
bool core_next_effect(struct core *core, struct core_effect *out);

/* What became of a submission, after its commit. */
struct outcome {
    int err;          /* RP_OK: stored now. Else why not; see admit.h, or the batch's error */
    uint64_t link;    /* as submitted */
    uint64_t request; /* as submitted */
    uint64_t tag;     /* as submitted */
    size_t bytes;     /* of the packed record */
    bool known;       /* its id follows from a valid record */
    uint8_t id[RP_ID_LEN];
    uint8_t object[RP_ID_LEN];
    struct place place;                  /* when stored; with RP_ERR_WITHDRAWN its scope alone */
    uint64_t withdrawn_since;            /* with RP_ERR_WITHDRAWN, by the calendar; 0: unknown */
    const struct waiting_entry *waiting; /* with RP_ERR_QUOTA; borrowed for the call */
    uint64_t made;                       /* as its author claims; when stored */
    struct rp_slice vouch;       /* content, when a vouch was stored; borrowed for the call */
    const struct erased *erased; /* what it withdrew or disowned; borrowed for the call */
    uint32_t erased_n;
    bool revokes;          /* a revocation was stored: of nodes of place.org */
    bool chain_changed;    /* a succession was stored: the keys of place.org are others now */
    bool false_succession; /* refused: a succession by a key that may make none */
    uint8_t org[RP_ID_LEN];
};
void core_outcome(struct core *core, const struct outcome *outcome, uint64_t now_ms);

/* A change was committed, or failed, and will then be asked for again. Takes ${change} back. */
void core_stored(struct core *core, struct change *change, int err, uint64_t now_ms);

/*
 * Acts of the operator. All take effect by effects, and all are noted in the audit log in the
 * transaction that stores them.
 */
struct act {
    const char *because; /* at most AUDIT_BECAUSE_MAX bytes; NULL: nothing was said */
    uint64_t tag;        /* comes back with the change or submission; 0: nobody waits */
};

/* Adds or changes a peer; dials at once. ${address} may be NULL. */
int core_add_peer(struct core *core, const uint8_t org[static RP_ID_LEN], const char *address,
                  const char *name, const struct act *act, uint64_t now_ms)
    __attribute__((warn_unused_result));

/*
 * Ends links with the peer, forgets it and withdraws our vouches for it. The invites that it used
 * are spent: nothing but the operator makes it a peer again. RP_ERR_NOT_FOUND; RP_ERR_ARGUMENT:
 * our own organisation.
 */
int core_remove_peer(struct core *core, const uint8_t org[static RP_ID_LEN], const struct act *act,
                     uint64_t now_ms) __attribute__((warn_unused_result));

/*
 * Makes one that knocked a peer, with the address it gave, under the name it gives itself.
 * RP_ERR_NOT_FOUND when it has not knocked.
 */
int core_approve(struct core *core, const uint8_t org[static RP_ID_LEN], const struct act *act,
                 uint64_t now_ms) __attribute__((warn_unused_result));

/* Ends links with the peer and has none, until it is resumed; it stays accepted. RP_ERR_NOT_FOUND,
 * RP_ERR_EXISTS: it is so already. */
int core_pause_peer(struct core *core, const uint8_t org[static RP_ID_LEN], bool pause,
                    const struct act *act, uint64_t now_ms) __attribute__((warn_unused_result));

/* The words that both sides of the link with the peer see (SPEC 3.6). RP_ERR_NOT_FOUND,
 * RP_ERR_OFFLINE. */
int core_verify_words(const struct core *core, const uint8_t org[static RP_ID_LEN],
                      char out[static RP_VERIFY_TEXT_LEN + 1]) __attribute__((warn_unused_result));

/* Makes an invite that is good for ${keep_ms}; the line to hand over goes to ${text}. */
struct invite_opts {
    const char *note;
    uint64_t keep_ms;
    bool vouches;
    uint64_t tag; /* as of an act */
};
int core_invite(struct core *core, const struct invite_opts *opts, uint64_t now_ms,
                char text[static RP_TOKEN_TEXT_MAX + 1]) __attribute__((warn_unused_result));

/* The ${i}th invite that was made here; false when there are fewer. */
bool core_invite_entry(const struct core *core, uint32_t i, struct invite_entry *out);

/* Revokes an invite by its name. RP_ERR_NOT_FOUND, RP_ERR_USED, RP_ERR_REVOKED: it is already. */
int core_revoke_invite(struct core *core, const uint8_t name[static RP_HASH_LEN],
                       const struct act *act, uint64_t now_ms) __attribute__((warn_unused_result));

/* Why the last inviter who did not let us in did so: as if we had never tried to join. False when
 * that was another than ${org}, or nobody. */
struct join_refusal {
    uint8_t org[RP_ID_LEN];
    char code[40];
    char text[RP_REASON_LEN_MAX + 1];
};
bool core_join_refused(const struct core *core, const uint8_t org[static RP_ID_LEN],
                       struct join_refusal *out);

/*
 * Notes that a new node of this organisation is to be certified (SPEC 3.10), and lets it in. Only
 * where core_signing says that this node signs, as core_grant. RP_ERR_ARGUMENT: it is to be another
 * organisation's, or is this node itself; RP_ERR_REVOKED: it was revoked; RP_ERR_NOMEM.
 */
int core_add_node(struct core *core, const struct rp_node_request *request, bool with_key,
                  const struct act *act, uint64_t now_ms) __attribute__((warn_unused_result));

/* Certifies it, and tells it whom to call: the line to hand over goes to ${text}, to be freed with
 * free(). RP_ERR_LIMIT, RP_ERR_NOMEM. */
int core_grant(const struct core *core, const struct rp_node_request *request, uint64_t now_ms,
               char **text) __attribute__((warn_unused_result));

/* Uses somebody's invite: adds the inviter as a peer and dials. */
int core_join(struct core *core, const struct rp_token *token, uint64_t now_ms)
    __attribute__((warn_unused_result));

/* Accepts an organisation's records by the operator's own hand, without a vouch. */
int core_accept_org(struct core *core, struct rp_slice inception, uint64_t now_ms)
    __attribute__((warn_unused_result));

/*
 * Makes a circle of this organisation and ${member}s, each known here, and accepts it; its id in
 * ${id}. RP_ERR_NOT_FOUND for a member whose inception is not known, RP_ERR_SHAPE for a name that
 * does not fit or a member that is there twice, RP_ERR_LIMIT.
 */
struct circle_opts {
    const char *name;
    uint32_t members;
    const uint8_t *member; /* their ids, one after the other */
};
int core_circle_create(struct core *core, const struct circle_opts *opts, uint64_t now_ms,
                       uint8_t id[static RP_ID_LEN]) __attribute__((warn_unused_result));

/* Accepts a circle, or leaves (declines) it. RP_ERR_NOT_FOUND. */
int core_circle_decide(struct core *core, const uint8_t id[static RP_ID_LEN], bool accept,
                       uint64_t now_ms) __attribute__((warn_unused_result));

/*
 * Vouches for an organisation whose inception is known; ${statement} (NULL: none) travels with the
 * vouch. RP_ERR_NOT_FOUND when it is not known, RP_ERR_EXISTS, RP_ERR_DENIED: it is blocked,
 * RP_ERR_ARGUMENT: our own.
 */
int core_vouch(struct core *core, const uint8_t org[static RP_ID_LEN], const char *statement,
               const struct act *act, uint64_t now_ms) __attribute__((warn_unused_result));

/* Withdraws our vouch. RP_ERR_NOT_FOUND when there is none. */
int core_unvouch(struct core *core, const uint8_t org[static RP_ID_LEN], const struct act *act,
                 uint64_t now_ms) __attribute__((warn_unused_result));

/*
 * Blocks an organisation, known or not: nothing of it is accepted any more, nothing passes through
 * it, and a peer is neither called nor let in. RP_ERR_EXISTS, RP_ERR_ARGUMENT: our own.
 */
int core_block(struct core *core, const uint8_t org[static RP_ID_LEN], const struct act *act,
               uint64_t now_ms) __attribute__((warn_unused_result));

/* Ends that: what others hold of it is compared and fetched again. RP_ERR_NOT_FOUND. */
int core_unblock(struct core *core, const uint8_t org[static RP_ID_LEN], const struct act *act,
                 uint64_t now_ms) __attribute__((warn_unused_result));

/* Hides an object from all views of this node, or shows it again. RP_ERR_EXISTS, RP_ERR_NOT_FOUND.
 */
int core_hide(struct core *core, const uint8_t object[static RP_ID_LEN], bool hidden,
              const struct act *act, uint64_t now_ms) __attribute__((warn_unused_result));

/*
 * The store was restored from a backup: no story is shown or served until its organisation's
 * withdrawals were compared with a peer. With RESTORED_NOT: the operator vouches that nothing was
 * withdrawn since.
 */
void core_restored(struct core *core, enum restored_why why, uint64_t now_ms);

/* Compares with the peer now rather than at the next interval. RP_ERR_OFFLINE without a link. */
int core_compare(struct core *core, const uint8_t org[static RP_ID_LEN], uint64_t now_ms)
    __attribute__((warn_unused_result));

/* The keys in self are others now, of the same organisation and node: links are opened anew with
 * them, and what they bring is published. */
void core_rekeyed(struct core *core, uint64_t now_ms);

/* What views ask */

/* Whether what this node signs counts as its organisation's. */
enum core_signing {
    CORE_SIGNS,
    CORE_KEYLESS,  /* it acts by its certificate alone */
    CORE_REPLACED, /* by a succession that its keys do not know of */
    CORE_FORKED,   /* the chain of keys ends before two successions */
    CORE_REVOKED,  /* the organisation has revoked this node */
};
enum core_signing core_signing(const struct core *core);

/* Whether there is a link with the node with that Ed25519 key. */
bool core_node_linked(const struct core *core, const uint8_t node[static RP_KEY_LEN]);

/* How a peer stands (SPEC 8.3). */
enum peer_state {
    PEER_IN_SYNC,
    PEER_BEHIND,
    PEER_AHEAD,
    PEER_OFFLINE,
    PEER_REFUSED,
    PEER_WAITING,
    PEER_BLOCKED,
    PEER_PAUSED,
};

struct peer_status {
    const struct peer_entry *entry;
    const char *name; /* as the operator or else the peer itself says */
    enum peer_state state;
    bool linked;
    bool blocked;
    bool outbound;
    bool pending_known;    /* whether the next two mean anything */
    uint64_t recv_pending; /* records it has that we lack */
    uint64_t send_pending; /* records we have that it lacks */
    uint64_t held_back;
    uint64_t last_sync;   /* by the calendar; 0: never */
    uint64_t retry_at;    /* by the calendar; 0: none planned */
    const char *why_code; /* stable word; NULL: nothing to say */
    const char *why_text;
    const char *address; /* of the live link, or the first to be tried */
    uint64_t bytes_in;
    uint64_t bytes_out;
    int64_t clock_ms;   /* its clock less ours when it last said hello */
    uint64_t exchanges; /* finished with it since start */
    uint64_t refused;   /* records it sent that were refused */
};

/* The status of peer ${i}; false when there are fewer. Borrowed until the next call on the core. */
bool core_peer_status(struct core *core, uint32_t i, struct peer_status *out);

/* Somebody who is not a peer called, and waits for approval. */
struct knock {
    uint8_t org[RP_ID_LEN];
    char name[RP_NAME_LEN_MAX + 1];
    char address[RP_ADDRESS_LEN_MAX + 1];  /* from which it called */
    char callable[RP_ADDRESS_LEN_MAX + 1]; /* where it says that it can be called; may be empty */
    uint64_t at;                           /* ms */
};
bool core_knock(const struct core *core, uint32_t i, struct knock *out);

/* Count and fingerprint of what this node holds and accepts of a set of the commons. */
void core_tally(const struct core *core, enum rp_set set, struct rp_tally *out);

/* Circle ${i}, and its members; false when there are fewer. Borrowed until the next call. */
struct circle_view {
    const uint8_t *id;
    uint32_t number; /* of its scope in the store */
    const char *name;
    enum circle_state state;
    uint64_t since;
    const uint8_t *founder;
    uint32_t members;
    uint64_t records; /* of its content set */
};
bool core_circle(const struct core *core, uint32_t i, struct circle_view *out);
struct circle_member {
    const uint8_t *org;
    const char *name;
    bool self;
    bool linked;     /* there is a link with a node of it */
    bool accepted;   /* ... which has accepted the circle */
    const char *why; /* not linked: the reason, for people; NULL: none is known */
};
bool core_circle_member(const struct core *core, const uint8_t id[static RP_ID_LEN], uint32_t i,
                        struct circle_member *out);

/* Name and standing of an organisation by its number; false when unknown. */
struct org_view {
    const uint8_t *id;
    const char *name;
    bool accepted;
    bool blocked;
    uint32_t depth;             /* vouches away, when accepted */
    uint32_t successions;       /* of its keys, that are followed */
    bool forked;                /* two more of one number, of which none is followed */
    uint64_t false_successions; /* refused since start: by keys that may make none */
};
bool core_org(const struct core *core, uint32_t number, struct org_view *out);

/* What of an organisation's waits for room, or for its day, and somebody connected has. */
struct org_waiting {
    uint32_t records;
    uint32_t lasting; /* control records such as withdrawals of what is not here */
    uint64_t bytes;   /* of the former */
    uint64_t stored;
    uint64_t share; /* that it may store; QUOTA_UNSHARED: not bounded by itself */
};
bool core_org_waiting(const struct core *core, uint32_t number, struct org_waiting *out);

bool core_is_hidden(const struct core *core, const uint8_t object[static RP_ID_LEN]);
uint32_t core_hidden_count(const struct core *core);

/* How an organisation stands, and by which path of vouches it is accepted, or would be. */
#define TRUST_PATH_MAX 65
struct trust_path {
    bool is_self;
    bool is_peer;
    bool by_hand;
    bool blocked;
    bool accepted;
    bool known; /* its inception is */
    bool vouched_by_us;
    uint64_t since; /* ms, by the calendar: first accepted; 0: never */
    uint64_t left;  /* ms: not accepted any more since; 0: it is, or never was */
    uint32_t steps; /* 0: not accepted */
    struct {
        uint32_t org;                 /* by number; the first is where acceptance begins */
        uint8_t vouch[RP_SYMBOL_LEN]; /* by which the step before vouches for it */
    } step[TRUST_PATH_MAX];
};
bool core_trust(const struct core *core, uint32_t number, struct trust_path *out);

/* The ${i}th who vouches for ${number}, by number; 0 when there are fewer. */
uint32_t core_voucher(const struct core *core, uint32_t number, uint32_t i);
uint32_t core_trust_depth(const struct core *core);

/* Whether stories of ${org} (by number) in ${scope} (by number) must be neither shown nor served
 * now, since the store was restored. */
bool core_withholds(const struct core *core, uint32_t org, uint32_t scope);

/* Whether, since when and how it is known that the store was restored, and how many organisations
 * and circles are still to be compared. */
bool core_is_restored(const struct core *core, struct restored *out, uint32_t *awaited);

/* How what is held here of an organisation stands to what its node says that it has. */
enum beacon_standing {
    BEACON_SAME,
    BEACON_OLDER,    /* here is more than it says: it was made before that */
    BEACON_COMING,   /* here is less, and there was not much time yet */
    BEACON_WITHHELD, /* here is less, though we compare with others: somebody withholds some */
};

/* A node of the federation, by its latest beacon (SPEC 3.7). */
struct core_beacon {
    uint32_t node; /* a number, good until a beacon comes or goes */
    uint32_t org;  /* by number */
    const char *name;
    bool is_self;
    uint64_t seen; /* ms: when it said so, or came if that was before */
    struct rp_beacon beacon;
    struct rp_tally held[RP_SETS]; /* what we have of its organisation's records */
    enum beacon_standing standing;
};

/* Walks the nodes of accepted organisations, this one among them, from ${*at} = 0; false at the
 * end. In a circle (${scope} is its number), of its members. Borrowed until the next call on the
 * core. */
bool core_beacon(const struct core *core, uint32_t scope, uint32_t *at, struct core_beacon *out,
                 uint64_t now_ms);

/*
 * Which of the withdrawals of an organisation (by number) in a scope each node honours, as its
 * beacon says and nothing is left in its files: those that came here as records up to number
 * ${up_to}; 0: of none is that known. For each of the nodes that core_beacon walks; borrowed until
 * the next call on the core.
 */
struct core_receipt {
    uint32_t node;
    uint64_t up_to;
};
int core_receipts(struct core *core, uint32_t scope, uint32_t org, uint64_t now_ms,
                  const struct core_receipt **out, uint32_t *n) __attribute__((warn_unused_result));

/* Records fetched and served since start, for tests and figures. */
struct core_counters {
    uint64_t records_in;    /* received on links */
    uint64_t duplicates_in; /* of these, already held */
    uint64_t records_out;
    uint64_t checks;
    uint64_t equal;
    uint64_t sketches;
    uint64_t lists;
    uint64_t beacons_in; /* received on links and taken */
    uint64_t beacons_out;
    uint64_t beacons_ignored; /* known, of nobody accepted, too old, too early, too many */
    uint64_t beacons_refused; /* forged or garbled */
    uint64_t damaged;         /* stored records that the disk had damaged, removed */
};
void core_counters(const struct core *core, struct core_counters *out);

#endif
