#ifndef CONTROL_REQUEST_H
#define CONTROL_REQUEST_H

/* Between server.c, which carries requests, and handlers.c, which answer them. */

#include "author/author.h"
#include "rp/kind.h"
#include "server.h"

struct client;

/* A request that is not answered yet. */
struct request {
    struct request *next;
    struct client *client; /* NULL: it has gone */
    struct control *control;
    uint64_t number;
    enum control_command command;
    uint64_t tag;      /* of a record that is on its way; 0: none */
    uint64_t deadline; /* when to look again; 0: at the next turn, UINT64_MAX: no time is set */
    union {
        struct view_list list;
        struct view_export export;
        struct view_walk walk;
        struct {
            char token[RP_TOKEN_TEXT_MAX + 1];
        } invite;
        struct {
            uint32_t at;
        } invites;
        struct {
            struct view_object view;
            char id[2 * RP_ID_LEN + 1]; /* as it was given */
        } show;
        struct {
            uint8_t org[RP_ID_LEN];
            uint64_t exchanges; /* finished when it began */
        } peer;
        struct {
            bool is_new;
            bool is_held;
            uint8_t object[RP_ID_LEN];
        } publish;
        struct view_walk reviews;
        struct view_audience audience;
        struct {
            uint8_t held_seed[RP_SEED_LEN]; /* of the held record, for its withdrawal */
            bool is_decided;                /* what remains is to withdraw it */
            uint8_t object[RP_ID_LEN];      /* the answer to come */
            uint8_t id[RP_ID_LEN];
            const char *state;
        } review;
        struct {
            bool local;
            uint8_t object[RP_ID_LEN];
        } withdraw;
        struct rp_node_request node;
        struct {
            uint8_t key[RP_KEY_LEN];
        } revoked;
        struct view_withdrawals withdrawals;
        struct view_nodes nodes;
        struct view_consent consent;
    } state;
};

const struct control_opts *control_options(const struct control *control);
uint64_t control_new_tag(struct control *control);

/* Replies. After done or error the request is over and must not be used. */
struct rp_writer *request_item(struct request *request); /* write one value, then request_send */
struct rp_writer *request_done(struct request *request); /* the same, for the last */
void request_send(struct request *request);
void request_done_empty(struct request *request); /* the last, and nothing to say */
void request_error(struct request *request, int err, const char *field, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* What views need to know, as of now. */
struct view_source request_source(const struct request *request);

/* Answers that ${id}, which is all or the beginning of an id, names nothing: why, by ${err}. */
void request_id_error(struct request *request, const char *id, int err);

/* The end of a request that produced items: with an error of the store's, or done. */
void request_finish(struct request *request, int err);

/* The turn is over, or the client has to read first. */
void request_go_on_later(struct request *request, bool more);

/* Whether more items should wait until the client has read some. */
bool request_must_wait(const struct request *request);

/* handlers.c */

/* Begins to answer; ${args} is a map, borrowed for the call. */
void handle_request(struct request *request, struct rp_slice args);

/* Goes on with a request that produces items, or looks whether one that waits is done. */
void handle_continue(struct request *request, uint64_t now_ms);

/* The record with the request's tag was taken in, or not. */
void handle_outcome(struct request *request, const struct outcome *outcome);

/* Arguments: text copied to ${out} of ${size}, empty when absent; false when too long or no text.
 */
bool arg_text(struct rp_slice args, const char *name, char *out, size_t size);
bool arg_flag(struct rp_slice args, const char *name);
uint64_t arg_uint(struct rp_slice args, const char *name, uint64_t otherwise);
struct rp_slice arg_bin(struct rp_slice args, const char *name);
struct rp_slice arg_item(struct rp_slice args, const char *name); /* empty when absent */

/* circles.c */
void handle_circles(struct request *request, struct rp_slice args);
void handle_circle_create(struct request *request, struct rp_slice args);
void handle_circle_decide(struct request *request, struct rp_slice args);

/* Has only the circle listed that the argument "circle" names, if it is there; answers with an
 * error and gives false when there is no such circle. */
bool list_circle(struct request *request, struct rp_slice args, struct view_list *list);

/* The circle that this node has accepted and ${text} names: its name, or the beginning of its id in
 * hex. RP_ERR_NOT_FOUND, RP_ERR_AMBIGUOUS. */
int find_circle(const struct control_opts *opts, const char *text, struct circle_view *out);

/* Finds the object that the argument "id" names, which goes to ${id} as it was given; answers with
 * an error and gives false when there is none. */
bool need_object(struct request *request, struct rp_slice args, char id[static 2 * RP_ID_LEN + 1],
                 uint8_t object[static RP_ID_LEN]);

/* Gives a record to be taken in, which is taken over; the request is answered with its outcome. */
void request_submit(struct request *request, struct rp_bytes *packed);
/* The same with an entry of the audit log, which is taken over, too. */
void request_submit_act(struct request *request, struct rp_bytes *packed, struct rp_bytes *audit);

/* The same of an act that is noted in the audit log. */
struct audit_entry;
void request_submit_noted(struct request *request, struct rp_bytes *packed,
                          const struct audit_entry *entry);

/* This organisation as the author of records, with randomness of its own in ${rand}. */
struct author request_author(const struct request *request, struct rp_rand *rand, uint64_t now_ms);

/* peers.c */
void handle_peer_add(struct request *request, struct rp_slice args);
void handle_peer_remove(struct request *request, struct rp_slice args);
void handle_peer_approve(struct request *request, struct rp_slice args);
void handle_peer_pause(struct request *request, struct rp_slice args); /* PEER_PAUSE, PEER_RESUME */
void handle_peer_verify(struct request *request, struct rp_slice args);
void handle_invite(struct request *request, struct rp_slice args);
void handle_invite_outcome(struct request *request, const struct outcome *outcome);
void continue_invites(struct request *request, uint64_t now_ms);
void handle_invite_revoke(struct request *request, struct rp_slice args);
void handle_join(struct request *request, struct rp_slice args);
void continue_join(struct request *request, uint64_t now_ms);
void handle_diff(struct request *request, struct rp_slice args);
void continue_diff(struct request *request, uint64_t now_ms);

/* trust.c */

/*
 * Finds the organisation that the argument ${name} names: an id, or a name or the beginning of
 * either that fits only one that is known here. ${number} is 0 when an id is given of which nothing
 * is known. Answers with an error and gives false when there is none, or with whom it could be.
 */
bool need_org(struct request *request, struct rp_slice args, const char *name,
              uint8_t id[static RP_ID_LEN], uint32_t *number);

/* Reads the argument "because" into ${because} of ${size}, and makes an act of it. */
bool need_act(struct request *request, struct rp_slice args, char *because, size_t size,
              struct act *act);
/* The request is answered when the act is stored. */
void request_await_act(struct request *request, const struct act *act);
void handle_act_outcome(struct request *request, const struct outcome *outcome);

void handle_vouch(struct request *request, struct rp_slice args);
void handle_unvouch(struct request *request, struct rp_slice args);
void handle_block(struct request *request, struct rp_slice args);
void handle_unblock(struct request *request, struct rp_slice args);
void handle_trust(struct request *request, struct rp_slice args);
void handle_hide(struct request *request, struct rp_slice args); /* HIDE, UNHIDE */
void continue_walk(struct request *request, uint64_t now_ms);    /* AUDIT, HIDDEN */

/* Answers with what is wrong with what was to be published; ${problem} may be empty. */
void request_problem(struct request *request, int err, const struct rp_problem *problem);

/*
 * Publishes ${p} in the name of the person ${by}, or with ${dry_run} only says what would become of
 * it; what needs a second person is held for one. Answers, at once or with the record's outcome.
 */
struct publication;
struct publisher;
void request_publish(struct request *request, struct publication *p, bool dry_run, const char *by);

/* Answers with what keeps ${p} from being published: of a story's consent all that there is. */
void request_refuse(struct request *request, const struct publication *p, int err,
                    const struct rp_problem *problem);

/* Who publishes now; the author's randomness is in ${rand}, the date in ${today}. */
struct publisher request_publisher(const struct request *request, struct rp_rand *rand,
                                   char today[static VIEW_DATE_LEN + 1]);

/* {"id", "object", "state"}: the end of what was published. */
void request_published(struct request *request, const uint8_t *object, const uint8_t *id,
                       const char *state);

/*
 * Who asks: the argument "as" or, where that is absent, the name of the user who runs rpctl. False
 * when it is too long or no line.
 */
bool request_person(const struct request *request, struct rp_slice args, char *out, size_t size);

/* publish.c */
void handle_sources(struct request *request, struct rp_slice args);
void handle_publish(struct request *request, struct rp_slice args);
void handle_import(struct request *request, struct rp_slice args);
void handle_publish_outcome(struct request *request, const struct outcome *outcome);

/* federation.c */
void continue_nodes(struct request *request, uint64_t now_ms);

/* withdraw.c */
void handle_withdraw(struct request *request, struct rp_slice args);
void handle_withdraw_outcome(struct request *request, const struct outcome *outcome);
void continue_withdrawals(struct request *request, uint64_t now_ms);
void handle_restored(struct request *request, struct rp_slice args);

/* consent.c */
void handle_consent(struct request *request, struct rp_slice args);
void continue_consent(struct request *request, uint64_t now_ms);
void handle_renew(struct request *request, struct rp_slice args);

/* audience.c */

/* The scope that an audience names: commons, local, or circle: and the name or id of one that was
 * accepted. RP_ERR_ARGUMENT when it is none of these, RP_ERR_NOT_FOUND, RP_ERR_AMBIGUOUS. */
int find_audience(const struct control_opts *opts, const char *audience,
                  uint8_t out[static RP_ID_LEN]);

/* The same; answers with an error and gives false when there is none. */
bool need_audience(struct request *request, const char *audience, uint8_t out[static RP_ID_LEN]);

void handle_audience(struct request *request, struct rp_slice args);
void continue_audience(struct request *request, uint64_t now_ms);

/* review.c */
void handle_reviews(struct request *request, struct rp_slice args);
void continue_reviews(struct request *request, uint64_t now_ms);
void handle_review(struct request *request, struct rp_slice args);
void handle_review_outcome(struct request *request, const struct outcome *outcome);

/* teller.c */
void handle_told(struct request *request, struct rp_slice args);

/* nodes.c */
void handle_node_list(struct request *request, struct rp_slice args);
void handle_node_add(struct request *request, struct rp_slice args);
void handle_node_add_outcome(struct request *request, const struct outcome *outcome);
void handle_node_revoke(struct request *request, struct rp_slice args);
void handle_node_revoke_outcome(struct request *request, const struct outcome *outcome);

/* keys.c */

/* Whether this node may write records in its organisation's name now; answers with an error when
 * not. */
bool request_may_sign(struct request *request);
void handle_keys_reload(struct request *request, struct rp_slice args);

#endif
