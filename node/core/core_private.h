#ifndef CORE_PRIVATE_H
#define CORE_PRIVATE_H

/*
 * What the files of core/ share. One struct core, cut by file:
 *     core.c      life, effects, time, outcomes
 *     sets.c      the sets in memory: sketches, fingerprints, views fixed for an exchange
 *     trust.c     organisations, vouches, who is accepted
 *     restored.c  what is withheld after a restore, until it was compared
 *     circles.c, contacts.c, chains.c: see circles.h
 *     nodes.c     several nodes of one organisation: see nodes.h
 *     keys.c      successions: whose certificates hold, and what follows from a new key
 *     lists.c     telling each other who is accepted
 *     acts.c      what the operator does about others
 *     standing.c  what follows from it later: what is hidden, and dropped for good
 *     peering.c   peers, dialling, who knocks
 *     invites.c   invites, made and used
 *     link.c      a link's life, dispatching its messages
 *     opening.c   opening it: who may
 *     shared.c    the scopes that are compared on a link
 *     exchange.c, cells.c, answer.c: see exchange.h
 *     fetch.c     what to ask of whom
 *     beacons.c, beacon.c, spread.c, receipts.c: see beacons.h
 *     waiting.c, quotas.c: see waiting.h; excluded.c: see excluded.h
 *     serve.c     what the other side asked for, in turn and when there is room
 */

#include "core.h"
#include "excluded.h"
#include "limits.h"
#include "rp/fingerprint.h"
#include "rp/message.h"
#include "rp/rand.h"
#include "rp/session.h"
#include "rp/sketch.h"
#include "symbols.h"
#include "table.h"

/* An organisation, by its number: core->orgs[number]; vouched for by somebody if not stored. */
struct core_org {
    uint8_t id[RP_ID_LEN];
    bool stored;
    bool accepted;
    bool ever;
    bool by_hand;
    bool blocked;
    bool unsure; /* while core->restored: its withdrawals were not compared with anybody */
    uint32_t depth;
    uint32_t parent; /* whose vouch it is accepted by; 0: needs none */
    uint64_t since;
    uint64_t left;
    uint32_t root;    /* whose quota it shares, as stored or to be; 0: none */
    uint64_t share;   /* of this one's quota: what each may have; see store/quota.h */
    uint64_t quota;   /* this one's */
    uint64_t bytes;   /* that count, when shares were computed last */
    uint32_t waiting; /* records that wait, and somebody connected has them; of these ... */
    uint32_t waiting_lasting;
    uint64_t waiting_bytes;
    bool store_due;            /* its standing is to be stored, when there is memory */
    bool vouch_due;            /* our vouch for it is to be written */
    struct rp_bytes inception; /* empty while unknown */
    uint32_t successions;      /* of its keys, as the store has them */
    bool forked;
    uint64_t false_successions;
    char *name;
    struct sum *sums[LANES]; /* of the commons; NULL while empty */
};

/* Somebody's word for somebody: a vouch in effect. */
struct vouch {
    uint32_t issuer;
    uint32_t subject;
    uint8_t symbol[RP_SYMBOL_LEN];
    uint8_t object[RP_ID_LEN];
};

/* What one exchange compares on one side: a set as it was when the exchange began. */
struct view {
    struct link *link; /* NULL: not in use */
    struct shared *shared;
    enum rp_set set;
    uint64_t count;
    struct rp_fingerprint fingerprint;
    struct symbols toggled; /* added or erased since */
    struct table *odd;      /* those that were so an odd number of times, of the first: */
    size_t odd_of;          /* bytes of toggled */
    bool unfixed;           /* it is what there is now */
    struct cells cells;     /* once they were worked out; NULL: those of the whole set */
};

/* One set of a scope, over the organisations whose records are members of it here. */
struct core_set {
    uint64_t count;
    struct rp_fingerprint fingerprint;
    struct rp_cell *cells;
    uint32_t cells_n;
    bool doubtful; /* the cells were read while an erasure was on its way: to be read again */
    uint64_t trusted_until; /* they were read anew because of what a peer sent */
};

/* What is compared with others as a whole: the commons, or a circle that this node is in. */
struct scope {
    uint8_t id[RP_ID_LEN];
    uint32_t number; /* in the store */
    uint8_t sketch_key[RP_SKETCH_KEY_LEN];
    struct core_set sets[RP_SETS];
};

struct circle {
    struct scope scope; /* first */
    struct circle *next;
    enum circle_state state;
    uint64_t since;
    struct rp_bytes issued;
    char *name;
    uint32_t founder;
    uint32_t members_n;
    uint32_t *members;       /* organisations by number */
    bool open;               /* it is compared */
    bool store_due;          /* it is to be stored, when there is memory */
    bool unsure;             /* as of an organisation */
    uint32_t changes;        /* on their way into the store */
    struct beacons *beacons; /* NULL while it is not compared */
};

/* A scope as it is compared on one link. */
struct shared {
    struct shared *next;
    struct scope *scope;
    bool remote_in; /* a circle: the other side has accepted it, too */
    bool told;      /* a circle: the other side was sent its descriptor */
    bool shut;      /* the commons on a link for circles alone: nothing of it goes there */
    uint64_t next_check;
    uint32_t unequal;  /* checks in a row that found a difference; a long LIST counts as several */
    bool content_next; /* control was settled: content is to be compared without it */
    uint64_t told_at;  /* from when on the other side must have our control records; 0: not known */
    struct symbols announce[RP_SETS];
    struct symbols beacons; /* to be sent: slots, as uint32_t */
    bool seen_sent;
    uint64_t seen_at;    /* when to tell again which ones we have; UINT64_MAX: not planned */
    uint64_t seen_by_at; /* from when on the other side may */
};

enum exchange_state {
    EXCHANGE_NONE,
    EXCHANGE_CHECKED, /* CHECK sent */
    EXCHANGE_CELLS,   /* MORE sent, or cells are being decoded */
    EXCHANGE_READ,    /* cells were decoded, and what they say is being looked up */
    EXCHANGE_LIST,    /* LIST sent, or to be sent when there is room for what it brings */
};

/* An exchange that we began on a link. */
struct exchange {
    enum exchange_state state;
    struct shared *shared; /* what it compares */
    uint64_t number;
    uint64_t deadline;
    bool asks[RP_SETS];
    struct view view[RP_SETS];
    enum rp_set set;              /* the one that differs */
    struct rp_tally theirs;       /* of it */
    uint32_t available;           /* cells that the other side has */
    uint32_t estimate;            /* of the difference, from the digests; 0: not needed */
    uint32_t cells;               /* got so far */
    uint32_t asked;               /* ... and asked for */
    uint32_t budget;              /* cells after which decoding is given up */
    struct reading *reading;      /* of cells: see cells.c */
    uint8_t after[RP_SYMBOL_LEN]; /* LIST: the last symbol compared */
    bool has_after;
    bool page_awaited;
    uint64_t listed; /* bytes of symbols that came */
    uint64_t need;   /* found so far */
    uint64_t have;
};

/* An exchange that the other side began. */
struct answer {
    bool active;
    struct shared *shared;
    uint64_t number;
    struct view view[RP_SETS];
};

enum fetch_state { FETCH_FREE, FETCH_QUEUED, FETCH_ASKED };

/* A symbol that is wanted. */
struct fetch {
    enum fetch_state state;
    uint8_t symbol[RP_SYMBOL_LEN];
    enum rp_set set;
    uint32_t links; /* who has it, beginning with the one to ask next */
    uint64_t link[FETCH_LINKS_MAX];
    uint64_t request; /* ASKED: of link[0] */
    uint32_t next_free;
};

/* A WANT on its way. */
struct request {
    uint64_t number;
    enum rp_set set;
    bool last_seen;
    uint32_t pending;  /* records received and not yet taken in */
    uint32_t received; /* records in all */
    uint64_t asked_at;
    uint64_t deadline; /* for all of them */
    struct symbols symbols;
};

/* What the other side asked for and gets when there is room on the link. */
struct serve_job {
    enum rp_message_type type; /* CHECK, MORE, LIST, WANT */
    struct rp_check check;
    struct rp_part part;     /* MORE, LIST */
    uint64_t request;        /* WANT */
    struct symbols prefixes; /* WANT: RP_PREFIX_LEN each, from at on */
    size_t at;
};

enum link_state {
    LINK_SHAKING,  /* Noise */
    LINK_GREETING, /* HELLOs */
    LINK_OPEN,
    LINK_ENDING,
};

/* The other side's lists of whom it accepts. */
enum lists_state { LISTS_AWAITED, LISTS_COMING, LISTS_KNOWN };

struct link {
    struct core *core;
    struct link *next;
    void *data;
    uint64_t number;
    enum link_state state;
    bool outbound;
    bool wake_asked;
    bool close_due;      /* there was no memory to ask for it */
    bool has_offered;    /* something that was wanted */
    bool has_settled;    /* an exchange came to its end here */
    bool counts_as_sync; /* a check on this link has found everything equal */
    bool only_circles;   /* the other side is no peer, but in a circle: see contacts.c */
    char address[RP_ADDRESS_LEN_MAX + 1];
    struct rp_session *session;
    uint64_t deadline; /* for greeting */
    uint64_t bytes_in;
    uint64_t bytes_out;

    /* Whom we speak with */
    struct peer *peer; /* from the dial on, or from its first HELLO; NULL: not known, or removed */
    uint8_t noise[RP_KEY_LEN];
    bool hello_sent;
    struct rp_bytes hello;   /* theirs, until the link is open */
    uint64_t awaited_change; /* HELLO waits for this to be stored; 0: nothing */
    uint32_t codecs;         /* those of ours that the other side reads, as bits */
    int64_t clock_ms;
    uint8_t digest_sent[RP_HASH_LEN];
    uint8_t *standing_sent; /* our standings as of our HELLO, by number */
    size_t standing_sent_n;
    struct table *remote_ids; /* the other side's standings by id: enum standing */
    uint8_t *remote;          /* the same by number, for the organisations known when it came */
    size_t remote_n;
    enum lists_state lists; /* nothing is compared before they are known */

    /* Comparing */
    struct exchange ours;
    struct answer theirs;
    uint64_t exchanges_begun;       /* the number of our next one; see SPEC 4.3 */
    struct shared commons;          /* the first of all that are */
    struct cells excluded[RP_SETS]; /* of the commons: see excluded.c; NULL: not kept */
    bool missed;                    /* something it offered was not noted, for want of room */
    uint64_t found_need;
    uint64_t found_have;

    /* Fetching */
    struct held_back *held;         /* what it has and waits here; NULL: nothing ever did */
    struct symbols wanted[RP_SETS]; /* in the order to be asked */
    size_t wanted_at[RP_SETS];
    uint32_t asked;
    struct request *requests; /* oldest first */
    uint32_t requests_n;
    uint64_t next_request;
    uint64_t progress_at; /* when it last delivered anything */
    size_t submitted;     /* bytes being taken in */
    uint64_t refused;

    uint64_t opened_at;
    uint32_t beacons_bad;

    /* Sending */
    struct serve_job *jobs;
    uint32_t jobs_n;
    size_t jobs_bytes; /* of their prefixes */
    uint64_t offered;  /* symbols offered and not asked for since the last equal check */
    struct rp_writer writer;
};

enum standing { STANDING_NONE, STANDING_KEPT, STANDING_ACCEPTED };

struct peer {
    struct peer_entry entry;
    uint32_t faults;      /* records that nobody honest sends, since it was shut out last */
    uint32_t shut_often;  /* for such */
    uint64_t shut_until;  /* 0: it is not */
    bool contact;         /* no peer: somebody in a circle; never stored */
    uint32_t next_circle; /* contact: which to speak of when it is called */
    bool store_due;       /* it is to be stored, when there is memory */
    uint32_t org;
    uint32_t next_address;
    bool dialling;
    uint64_t next_dial; /* UINT64_MAX: not planned */
    uint64_t dial_wait;
    uint64_t saved_sync; /* last_sync as it is stored */
    bool refused;
    uint64_t unstored; /* the change by which it became a peer, until that is stored; else 0 */
    char why_code[40];
    char why_text[RP_REASON_LEN_MAX + 1];
    uint64_t exchanges;
    char shown_address[RP_ADDRESS_LEN_MAX + 1];
};

struct effect_queue {
    struct core_effect *items;
    size_t at;
    size_t n;
    size_t cap;
};

struct refusal_memory {
    uint8_t (*symbols)[RP_SYMBOL_LEN]; /* a ring */
    size_t n;
    size_t at;
    struct table *table;
};

/* A record written by the core itself, kept until the store has it. */
struct own_record {
    uint64_t tag;
    bool failed;
    struct rp_bytes packed;
    struct change *then;
    struct rp_bytes audit;
    uint64_t act; /* request that waits for it */
    struct own_record *next;
};

struct core {
    struct kv *kv;
    const struct self *self;
    struct rp_rand rand;
    char *software;
    uint32_t trust_depth;
    uint32_t check_ms;
    uint32_t scrub_ms;
    uint64_t scrub_at; /* when the next records are checked: */
    uint64_t scrubbed; /* those after this one */
    bool vouch;
    int64_t calendar_ahead;  /* of the steady clock */
    int64_t calendar_seen;   /* the same at the last tick */
    uint64_t calendar_since; /* when it was put forward last, or we started: by the steady clock */
    uint8_t table_key[TABLE_KEY_LEN];

    struct core_org *orgs; /* orgs[0] unused */
    uint32_t orgs_n;
    uint32_t orgs_cap;
    struct table *org_numbers;
    struct vouch *vouches;
    size_t vouches_n;
    size_t vouches_cap;

    struct table *hidden; /* objects that are not shown */
    uint32_t dropping;    /* organisation of which records are being dropped; 0: none */
    uint64_t drop_at;     /* when the next ones are looked for */
    struct scope commons;
    struct circle *circles; /* by number */
    struct peer **contacts;
    uint32_t contacts_n;
    uint64_t applied_seq; /* records up to here are in the sets */

    struct peer **peers;
    uint32_t peers_n;
    struct invite_entry *invites;
    uint32_t invites_n;
    struct join_refusal join_refused; /* the last */
    struct knock knocks[KNOCKS_MAX];
    uint32_t knocks_n;

    char addresses[RP_ADDRESSES_MAX][RP_ADDRESS_LEN_MAX + 1];
    uint32_t addresses_n;

    struct link *links;
    uint32_t links_n;
    uint64_t next_link;
    uint64_t last_slice; /* the link for which cells were read last */

    struct fetch *fetches; /* a pool; fetches[0] unused */
    uint32_t fetches_cap;
    uint32_t fetches_free; /* head of the free ones; 0: none */
    uint32_t fetches_n;
    struct table *fetch_by_symbol;
    struct waiting *waiting;
    uint64_t quota;      /* bytes; 0: any */
    uint64_t quota_at;   /* when shares are computed anew; UINT64_MAX: not planned */
    uint64_t quota_last; /* when they were */
    struct refusal_memory refused;
    size_t submitted;
    uint64_t full_until; /* 0: the store is not full */

    struct effect_queue effects;
    uint64_t next_change;
    struct change *failed;  /* changes that could not be stored, in order, to be tried again */
    struct own_record *own; /* records of ours that are on their way into the store */
    uint64_t next_own;
    uint64_t retry_at;
    bool self_revoked; /* by our organisation */
    bool keys_due;     /* what is ours was not published, for want of memory */
    struct restored restored;
    bool restored_due;    /* that is to be stored, when there is memory */
    uint64_t started;     /* by the calendar */
    bool own_compared;    /* our control records were, since */
    uint64_t own_damaged; /* records of our own that the disk lost, and may come back */
    bool vouches_due;     /* one was not noted, for want of memory: to be read anew */
    bool trust_changed;   /* who is accepted is to be found out anew: once, for all of now */
    uint64_t trust_at;
    struct beacons *beacons;
    struct core_counters counters;
};

/* core.c */
struct core_effect *core_effect_new(struct core *core, enum core_effect_type type);
/* Has a copy of a record taken in; what else is known of it is for the caller to put into the
 * submission. NULL when memory is short. */
struct core_effect *core_submit(struct core *core, struct rp_slice packed);
/* Gives ${change} out to be stored, now or when there is memory; takes it over. Its id. */
uint64_t core_store(struct core *core, struct change *change);
struct change *core_change_new(enum change_type type);
/* Has a record of ours taken in, however often that fails at first; takes it over. When it is in
 * the store, ${then} (NULL: nothing) is stored, too. */
int core_submit_own(struct core *core, struct rp_bytes *packed, struct change **then)
    __attribute__((warn_unused_result));
/* The same for an act of the operator, whose ${audit} goes in with it; takes that over, too. */
int core_submit_act(struct core *core, struct rp_bytes *packed, struct change **then,
                    struct rp_bytes *audit, uint64_t act) __attribute__((warn_unused_result));
/* A stored record was found to be damaged: it goes, and is fetched again. */
void core_damaged(struct core *core, uint64_t seq);
void core_retry_at(struct core *core, uint64_t at_ms); /* what failed is tried again then */
void core_wake(struct link *link);
uint64_t core_calendar(const struct core *core, uint64_t now_ms);
int64_t core_random_jitter(struct core *core, uint64_t ms); /* up to a fifth either way */

/* sets.c */
int sets_load(struct core *core);
void sets_free(struct core *core);
void sets_add(struct core *core, const uint8_t *symbol, const struct place *place);
void sets_remove(struct core *core, const uint8_t *symbol, const struct place *place);
/* All records of ${org} in ${lane} become members of their set, or stop being so. */
void sets_toggle_org(struct core *core, uint32_t org, enum lane lane, bool enter);
/* A peer's cells do not go with the sketch: fills it from the store anew, once in a while. */
void sets_suspect(struct core *core, struct scope *scope, enum rp_set set, uint64_t now_ms);
/* Does that for the sets that are in doubt. */
void sets_retry(struct core *core, uint64_t now_ms);
enum rp_set sets_of_lane(enum lane lane);
/* Fills the empty sets of a circle of ${n} ${members} from the store, of which everything has been
 * told here; frees them, filled or not. */
int sets_open(struct core *core, struct scope *scope, const uint32_t *members, uint32_t n);
void sets_close(struct scope *scope);
/* Whether records of the commons, of ${org} and in ${lane}, are members of the sets here. */
bool sets_is_member(const struct core *core, uint32_t org, enum lane lane);
/* ... and compared on ${link}. */
bool sets_is_shared(const struct link *link, uint32_t org, enum lane lane);
void view_open(struct view *view, struct link *link, struct shared *shared, enum rp_set set);
void view_close(struct view *view);
void view_tally(const struct view *view, struct rp_tally *out);
/* Cells that can be had of the set. */
uint32_t view_cells_available(const struct view *view);
int view_cells(struct view *view, uint32_t from, uint32_t n, struct rp_cell *out);
/* The digests of its first ${cells} cells, as sent. */
int view_digests(struct view *view, uint32_t cells, uint8_t *out);
/* Sorts ${symbols} into those the view holds and the others; see exchange.c. */
int view_split(struct view *view, const uint8_t *symbols, uint32_t n, struct symbols *held,
               struct symbols *others);
/* Symbols after ${after} up to ${end}; NULL: from the first, to the last. */
struct range {
    const uint8_t *after, *end;
};
/* At most ${max} of these that there are now, ascending; ${last}: they are all. */
int view_list(const struct view *view, const struct range *range, size_t max, struct symbols *out,
              bool *last);
/* Nothing but view_list is wanted of the view any more: changes need not be kept. */
void view_unfix(struct view *view);

/* trust.c */
int trust_load(struct core *core);
void trust_free(struct core *core);
uint32_t trust_intern(struct core *core, const uint8_t id[static RP_ID_LEN]); /* 0: no memory */
uint32_t trust_find(const struct core *core, const uint8_t id[static RP_ID_LEN]);
int trust_learn_inception(struct core *core, uint32_t org, struct rp_slice inception);
void trust_vouch_stored(struct core *core, const struct outcome *outcome);
/* ${disowned}: since its organisation does not stand by it any more. */
void trust_vouch_erased(struct core *core, const uint8_t *symbol, bool disowned);
bool trust_vouched_by_us(const struct core *core, uint32_t subject);
void trust_vouch_for(struct core *core, uint32_t subject, uint64_t now_ms);
/* Withdraws our vouches for ${subject}; ${then} is stored when that is done. */
int trust_unvouch(struct core *core, uint32_t subject, struct change **then, const struct act *act,
                  uint64_t now_ms) __attribute__((warn_unused_result));
/* Does what memory was too short for. */
void trust_retry(struct core *core, uint64_t now_ms);
/* Computes anew who is accepted, and tells store, sets and links of what changed. */
void trust_recompute(struct core *core, uint64_t now_ms);
void trust_store_standing(struct core *core, uint32_t number);
/* The same as an act; takes ${audit} over. Nothing is stored when memory is short. */
int trust_store_act(struct core *core, uint32_t number, struct rp_bytes *audit, uint64_t tag)
    __attribute__((warn_unused_result));
bool trust_is_peer(const struct core *core, uint32_t number);

/* acts.c */
/* The log's entry about an organisation (by number; 0: none). */
int acts_audit(const struct core *core, const char *what, uint32_t org, const char *because,
               uint64_t now_ms, struct rp_bytes *out) __attribute__((warn_unused_result));
/* A change that is an act, with its entry; NULL without memory. */
struct change *acts_change(const struct core *core, enum change_type type, const char *what,
                           uint32_t org, const struct act *act, uint64_t now_ms);
void acts_free(struct change *change); /* NULL: nothing */

/* standing.c */
int standing_load(struct core *core);
void standing_free(struct core *core);
uint64_t standing_deadline(const struct core *core);
void standing_tick(struct core *core, uint64_t now_ms);
/* Carries a DROP out, in the writer's thread. */
void standing_drop(struct batch *batch, struct change *change);
void standing_dropped(struct core *core, const struct change *change, int err, uint64_t now_ms);

/* restored.c */
int restored_load(struct core *core);
void restored_retry(struct core *core);
/* The control set of a scope came out the same on both sides of the link. */
void restored_compared(struct link *link, const struct shared *shared, uint64_t now_ms);
/* A record of our own was stored that came over a link. */
void restored_own_came(struct core *core, const struct outcome *outcome, uint64_t now_ms);

/* keys.c */
int keys_load(struct core *core, const struct org *org);
/* Whether what we sign counts: ours is the organisation's key of today. */
bool keys_can_sign(const struct core *core);
/* Sees to it that our own successions and inception are in the control set. */
int keys_publish(struct core *core, uint64_t now_ms) __attribute__((warn_unused_result));
/* A succession was stored: what hangs on the organisation's keys is looked at anew. */
void keys_changed(struct core *core, uint32_t org, uint64_t now_ms);
/* Ends the links, and forgets the beacons, of its nodes whose certificates do not hold any more. */
void keys_judge_again(struct core *core, uint32_t org);
/* Does what memory was too short for. */
void keys_retry(struct core *core, uint64_t now_ms);
/* A succession was refused as false. */
void keys_count_false(struct core *core, const uint8_t org[static RP_ID_LEN]);
/* Ends the link when the other side's certificate does not hold, by what is known here. */
bool keys_refuse(struct link *link);
bool keys_hold(struct link *link); /* whether it does */
/* Takes in the successions that the other side's proof has and we have not. */
void keys_teach(struct link *link);
/* Answers whoever shows an organisation's paper key with what is known of its keys. */
int keys_recover(struct link *link, struct rp_slice frame);
/* Notes on the peer that our certificate does not hold there; false for other reasons to end. */
bool keys_note_refusal(struct peer *peer, struct rp_slice reason);

/* lists.c */
enum standing lists_standing(const struct core *core, uint32_t org);
void lists_digest(const struct core *core, uint8_t out[static RP_HASH_LEN]);
void lists_digest_of_none(uint8_t out[static RP_HASH_LEN]); /* nobody is named */
/* Sends our lists whole; or only what has changed since our HELLO told their digest. */
void lists_send(struct link *link);
void lists_send_changes(struct link *link);
/* Tells all open links what is new in our lists: ids one after the other. */
void lists_announce(struct core *core, struct rp_slice accepted, struct rp_slice kept,
                    uint64_t now_ms);
int lists_receive(struct link *link, const struct rp_accept *accept);
/* The other side's lists are ours, as of our HELLO. */
int lists_assume_equal(struct link *link);
/* How the organisation stands with the other side. */
enum standing lists_remote(const struct link *link, uint32_t org);

/* peering.c */
int peering_start(struct core *core, uint64_t now_ms);
void peering_free(struct core *core);
struct peer *peering_find(const struct core *core, const uint8_t org[static RP_ID_LEN]);
struct peer *peering_add(struct core *core, const uint8_t org[static RP_ID_LEN], uint64_t now_ms);
uint64_t peering_store(struct core *core, struct peer *peer);
/* Does what memory was too short for. */
void peering_retry(struct core *core);
void peering_stored(struct core *core, const struct change *change, int err);
/* Whether no link is to be had with the peer: it is blocked or paused. */
bool peering_is_shut(const struct core *core, const struct peer *peer);
void peering_copy_text(char *out, size_t size, const char *text);
/* Puts ${text} among the peer's addresses; true when that changed them. */
bool peering_put_address(struct peer *peer, const char *text, bool learned);
/* Ends its links and forgets it; frees it. */
void peering_forget(struct core *core, struct peer *peer);
/* The peer has sent a record that nobody honest sends: too many, and it is shut out for a while. */
void peering_fault(struct link *link, uint64_t now_ms);
void peering_note(struct peer *peer, const char *code, const char *text);
void peering_learn_address(struct link *link, const struct rp_hello *hello, const char *from);
void peering_plan_dial(struct core *core, struct peer *peer, uint64_t now_ms, bool soon);
/* Whether there is a link with it, or one that is opening. */
bool peering_has_link(const struct core *core, const struct peer *peer);
void peering_dial(struct core *core, struct peer *peer, uint64_t now_ms);
uint64_t peering_deadline(const struct core *core);
void peering_tick(struct core *core, uint64_t now_ms);
void peering_stop(struct core *core);
void peering_knock(struct core *core, const struct link *link, const struct rp_hello *hello,
                   uint64_t now_ms);

/* invites.c */
void invites_load_all(struct core *core, struct kv_txn *txn);
void invites_free(struct core *core);
void invites_renew(const struct core *core, struct invite_entry *invite);
/* Uses an invite: RP_OK, RP_ERR_NOT_FOUND, RP_ERR_EXPIRED, RP_ERR_USED, RP_ERR_REVOKED. */
int invites_use(struct core *core, const uint8_t *secret, const struct rp_proof *proof,
                uint64_t now_ms, struct invite_entry *out);
/* What the organisation used is good for nothing any more. */
void invites_spend(struct core *core, const uint8_t org[static RP_ID_LEN], uint64_t now_ms);
/* We have been let in. */
void invites_joined(struct core *core, struct peer *peer);
/* The inviter does not let us in: things are as they were before we tried. May free the peer. */
void invites_refused(struct core *core, struct peer *peer, const char *code, const char *text,
                     uint64_t now_ms);

/* link.c */
void link_send(struct link *link); /* what its writer holds, as a frame */
void link_end(struct link *link, const char *reason);
struct link *link_by_number(const struct core *core, uint64_t number);
struct link *link_of_peer(const struct core *core, const struct peer *peer);
/* Another open link with a node of the same peer; NULL: there is none. */
struct link *link_of_peer_but(const struct link *link);
void link_ask_close(struct link *link);
void link_settled(struct link *link); /* an exchange came to its end on it: it works */
void link_stored(struct core *core, uint64_t change_id, int err, uint64_t now_ms);
uint64_t link_deadline(const struct link *link);
void link_tick(struct link *link, uint64_t now_ms);

/* shared.c */
/* What is compared on the link with that id, or that number in the store; NULL: not here. */
struct shared *shared_find(struct link *link, const uint8_t id[static RP_ID_LEN]);
struct shared *shared_by_number(struct link *link, uint32_t scope);
/* Whether the record at ${place} is compared on the link: the other side is to have it. */
bool shared_has(struct link *link, const struct place *place);
struct shared *shared_next(struct link *link); /* what is to be compared next */
/* The other side has our control records of it, from then on. */
void shared_told(struct shared *shared, uint64_t at_ms);
/* The other side has shown that it compares this, too. */
void shared_met(struct link *link, struct shared *shared);
void shared_announce(struct link *link); /* sends what is to be announced */

/* opening.c */
int opening_greet(struct link *link, uint64_t now_ms);
int opening_receive_hello(struct link *link, struct rp_slice frame, uint64_t now_ms);
int opening_receive_refuse(struct link *link, struct rp_slice frame, uint64_t now_ms);
void opening_forget_hello(struct link *link); /* it may hold the secret of an invite */

/* exchange.c */
void exchange_begin(struct link *link, struct shared *shared, uint64_t now_ms);
/* The scope goes from the link. */
void exchange_forget(struct link *link, const struct shared *shared);
void exchange_drop(struct link *link); /* ours and theirs: what is compared has changed */
/* The same, with a word about it, and ${shared} is compared at once anew. */
void exchange_restart(struct link *link, struct shared *shared);
void exchange_plan(struct shared *shared, uint64_t at_ms); /* not later than that */
void exchange_plan_interval(const struct link *link, struct shared *shared, uint64_t now_ms);
int exchange_receive(struct link *link, enum rp_message_type type, struct rp_slice frame,
                     uint64_t now_ms);
void exchange_continue(struct link *link, uint64_t now_ms);
/* Everything found on the link has been fetched, or given up. */
void exchange_settled(struct link *link, uint64_t now_ms);

/* fetch.c */
int fetch_start(struct core *core);
void fetch_free(struct core *core);
/* The link has ${symbols}: notes those that are lacked. ${lacked}, if not NULL, counts them. */
int fetch_offered(struct link *link, enum rp_set set, struct rp_slice symbols, uint64_t *lacked);
int fetch_receive(struct link *link, struct rp_slice frame, uint64_t now_ms);
void fetch_ask(struct link *link, uint64_t now_ms);
void fetch_outcome(struct core *core, const struct outcome *outcome, uint64_t now_ms);
void fetch_link_gone(struct link *link);
uint64_t fetch_deadline(const struct link *link);
void fetch_tick(struct link *link, uint64_t now_ms);
size_t fetch_backlog(const struct link *link); /* wanted or asked of the link */
size_t fetch_room(const struct link *link);    /* how many more it may be asked for */
bool fetch_link_has(const struct core *core, const uint8_t *symbol, uint64_t link);
void fetch_forget_refused(struct core *core);

/* Where the peer's node says that it is now; of use only while there is no link with it. */
void peering_follow(struct core *core, struct peer *peer, const struct rp_beacon *beacon,
                    uint64_t now_ms);

/* serve.c */
int serve_want(struct link *link, struct rp_slice frame);
int serve_check(struct link *link, struct rp_slice frame);
int serve_part(struct link *link, enum rp_message_type type, const struct rp_part *part);
void serve_continue(struct link *link, uint64_t now_ms);
void serve_free(struct link *link);

#endif
