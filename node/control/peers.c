#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/address.h"
#include "request.h"
#include "rp/err.h"
#include "rp/identity.h"
#include "rp/text.h"

/* Requests about peers: adding and removing them, invites, comparing with one. */

#define DAY_MS (UINT64_C(24) * 3600 * 1000)
#define INVITE_DAYS 7
#define WAIT_MS 15000 /* for a comparison or an answer to an invite */

/* Finds a peer by name or id: RP_ERR_NOT_FOUND, RP_ERR_AMBIGUOUS. */
static int find_peer(const struct view_source *source, const char *text,
                     uint8_t org[static RP_ID_LEN])
{
    struct peer_status peer;
    uint8_t wanted[RP_ID_LEN];
    bool is_id = rp_identity_from_text(wanted, text) == RP_OK;
    int err = RP_ERR_NOT_FOUND;

    for (uint32_t i = 0; core_peer_status(source->core, i, &peer); i++) {
        if (is_id ? memcmp(peer.entry->org, wanted, RP_ID_LEN) != 0 : strcmp(peer.name, text) != 0)
            continue;
        if (err == RP_OK)
            return RP_ERR_AMBIGUOUS;
        memcpy(org, peer.entry->org, RP_ID_LEN);
        err = RP_OK;
    }
    return err;
}

/* Reads the argument "peer" and finds it; answers with an error and gives false when it is not
 * there. */
static bool need_peer(struct request *request, struct rp_slice args, uint8_t org[static RP_ID_LEN])
{
    struct view_source source = request_source(request);
    char text[RP_NAME_LEN_MAX + 1];
    int err;

    if (!arg_text(args, "peer", text, sizeof text) || text[0] == '\0') {
        request_error(request, RP_ERR_ARGUMENT, NULL, "which peer? Give its name or id");
        return false;
    }
    err = find_peer(&source, text, org);
    if (err == RP_ERR_AMBIGUOUS)
        request_error(request, err, NULL, "several peers are called %s: give the id, rp1...", text);
    else if (err != RP_OK)
        request_error(request, err, NULL, "no peer is called %s: see  rpctl peers", text);
    return err == RP_OK;
}

/* Whether a node can be called there: HOST:PORT, both said. */
static bool can_be_called(const char *text)
{
    struct address address;

    return address_parse(&address, text) && address.host[0] != '\0' && address.port > 0 &&
           strpbrk(address.host, " \t/@") == NULL;
}

void handle_peer_add(struct request *request, struct rp_slice args)
{
    const struct control_opts *opts = control_options(request->control);
    struct view_source source = request_source(request);
    char org_text[RP_ORG_TEXT_LEN + 1];
    char address[RP_ADDRESS_LEN_MAX + 1];
    char name[RP_NAME_LEN_MAX + 1];
    char because[AUDIT_BECAUSE_MAX + 1];
    uint8_t org[RP_ID_LEN];
    struct act act;
    int err;

    if (!arg_text(args, "org", org_text, sizeof org_text) ||
        rp_identity_from_text(org, org_text) != RP_OK) {
        request_error(request, RP_ERR_ARGUMENT, NULL,
                      "that is not an organisation's id: it begins with rp1 and has %d characters",
                      RP_ORG_TEXT_LEN);
        return;
    }
    if (!arg_text(args, "address", address, sizeof address) ||
        !arg_text(args, "name", name, sizeof name)) {
        request_error(request, RP_ERR_ARGUMENT, NULL, "the address or the name is too long");
        return;
    }
    if (address[0] != '\0' && !can_be_called(address)) {
        request_error(request, RP_ERR_ARGUMENT, NULL,
                      "%s is not an address: give HOST:PORT, such as oak.example:7433", address);
        return;
    }
    if (!need_act(request, args, because, sizeof because, &act))
        return;
    err = core_add_peer(opts->core, org, address[0] != '\0' ? address : NULL,
                        name[0] != '\0' ? name : NULL, &act, source.steady_ms);
    if (err == RP_ERR_ARGUMENT)
        request_error(request, err, NULL, "that is this node's own organisation");
    else if (err != RP_OK)
        request_error(request, err, NULL, "the peer was not added: %s", rp_err_text(err));
    else
        request_await_act(request, &act);
}

void handle_peer_remove(struct request *request, struct rp_slice args)
{
    const struct control_opts *opts = control_options(request->control);
    struct view_source source = request_source(request);
    char because[AUDIT_BECAUSE_MAX + 1];
    uint8_t org[RP_ID_LEN];
    struct act act;
    int err;

    if (!need_peer(request, args, org) || !need_act(request, args, because, sizeof because, &act))
        return;
    err = core_remove_peer(opts->core, org, &act, source.steady_ms);
    if (err == RP_ERR_ARGUMENT)
        request_error(request, err, NULL,
                      "that is this organisation itself: what takes a node of it away is  rpctl "
                      "node revoke");
    else if (err != RP_OK)
        request_error(request, err, NULL, "the peer was not removed: %s", rp_err_text(err));
    else
        request_await_act(request, &act);
}

/* The one that knocked whom ${text} names: its id, its name, or the beginning of either. */
static int find_knock(const struct core *core, const char *text, uint8_t org[static RP_ID_LEN])
{
    struct knock knock;
    int err = RP_ERR_NOT_FOUND;

    for (uint32_t i = 0; core_knock(core, i, &knock); i++) {
        char id[RP_ORG_TEXT_LEN + 1];

        rp_identity_text(id, knock.org);
        if (strncmp(id, text, strlen(text)) != 0 && strncmp(knock.name, text, strlen(text)) != 0)
            continue;
        if (err == RP_OK)
            return RP_ERR_AMBIGUOUS;
        memcpy(org, knock.org, RP_ID_LEN);
        err = RP_OK;
    }
    return err;
}

void handle_peer_approve(struct request *request, struct rp_slice args)
{
    const struct control_opts *opts = control_options(request->control);
    struct view_source source = request_source(request);
    char because[AUDIT_BECAUSE_MAX + 1];
    char text[RP_NAME_LEN_MAX + 1];
    uint8_t org[RP_ID_LEN];
    struct act act;
    int err;

    if (!arg_text(args, "org", text, sizeof text) || text[0] == '\0') {
        request_error(request, RP_ERR_ARGUMENT, NULL,
                      "which organisation? Give its id, rp1..., or its name");
        return;
    }
    err = find_knock(source.core, text, org);
    if (err == RP_ERR_AMBIGUOUS)
        request_error(request, err, NULL,
                      "%s could be several of those that called: give the id, rp1...", text);
    else if (err != RP_OK)
        request_error(request, err, NULL, "nobody called %s waits for approval: see  rpctl status",
                      text);
    if (err != RP_OK || !need_act(request, args, because, sizeof because, &act))
        return;
    if ((err = core_approve(opts->core, org, &act, source.steady_ms)) != RP_OK)
        request_error(request, err, NULL, "it was not approved: %s", rp_err_text(err));
    else
        request_await_act(request, &act);
}

void handle_peer_pause(struct request *request, struct rp_slice args)
{
    const struct control_opts *opts = control_options(request->control);
    bool pause = request->command == CONTROL_PEER_PAUSE;
    struct view_source source = request_source(request);
    char because[AUDIT_BECAUSE_MAX + 1];
    uint8_t org[RP_ID_LEN];
    struct act act;
    int err;

    if (!need_peer(request, args, org) || !need_act(request, args, because, sizeof because, &act))
        return;
    err = core_pause_peer(opts->core, org, pause, &act, source.steady_ms);
    if (err == RP_ERR_EXISTS)
        request_error(request, err, NULL, "it is %s", pause ? "paused already" : "not paused");
    else if (err != RP_OK)
        request_error(request, err, NULL, "nothing was changed: %s", rp_err_text(err));
    else
        request_await_act(request, &act);
}

void handle_peer_verify(struct request *request, struct rp_slice args)
{
    struct view_source source = request_source(request);
    char words[RP_VERIFY_TEXT_LEN + 1];
    uint8_t org[RP_ID_LEN];
    struct rp_writer *w;

    if (!need_peer(request, args, org))
        return;
    if (core_verify_words(source.core, org, words) != RP_OK) {
        request_error(request, RP_ERR_OFFLINE, NULL,
                      "there is no link with that peer now: see  rpctl status");
        return;
    }
    w = request_done(request);
    rp_writer_map(w, 2);
    rp_writer_str(w, "schema");
    rp_writer_str(w, "rpctl.verify/1");
    rp_writer_str(w, "words");
    rp_writer_str(w, words);
    request_send(request);
}

void handle_invite(struct request *request, struct rp_slice args)
{
    const struct control_opts *opts = control_options(request->control);
    struct view_source source = request_source(request);
    char note[RP_NAME_LEN_MAX + 1];
    uint64_t keep_ms = arg_uint(args, "expires_ms", INVITE_DAYS * DAY_MS);
    struct invite_opts invite = {
        .note = note,
        .keep_ms = keep_ms,
        .vouches = opts->vouch && !arg_flag(args, "no_vouch"),
        .tag = control_new_tag(request->control),
    };
    int err;

    if (!arg_text(args, "for", note, sizeof note)) {
        request_error(request, RP_ERR_ARGUMENT, NULL,
                      "the name after --for must be one line of at most %d bytes", RP_NAME_LEN_MAX);
        return;
    }
    if (keep_ms > CONTROL_INVITE_DAYS_MAX * DAY_MS) {
        request_error(request, RP_ERR_ARGUMENT, NULL, "an invite is good for %d days at most",
                      CONTROL_INVITE_DAYS_MAX);
        return;
    }
    err = core_invite(opts->core, &invite, source.steady_ms, request->state.invite.token);
    if (err != RP_OK)
        request_error(request, err, NULL, "no invite was made: %s", rp_err_text(err));
    else
        request->tag = invite.tag;
}

void handle_invite_outcome(struct request *request, const struct outcome *outcome)
{
    char token[RP_TOKEN_TEXT_MAX + 1];
    struct rp_writer *w;

    if (outcome->err != RP_OK) { /* whoever has no token cannot use it, so it does no harm */
        request_error(request, outcome->err, NULL, "no invite was made: %s",
                      rp_err_text(outcome->err));
        return;
    }
    memcpy(token, request->state.invite.token, sizeof token);
    sodium_memzero(request->state.invite.token, sizeof token);
    w = request_done(request);
    rp_writer_map(w, 1);
    rp_writer_str(w, "token");
    rp_writer_str(w, token);
    sodium_memzero(token, sizeof token);
    request_send(request);
}

/* The invites that were made here */

void continue_invites(struct request *request, uint64_t now_ms)
{
    struct view_source source = request_source(request);
    uint32_t *at = &request->state.invites.at;
    struct invite_entry invite;

    (void)now_ms;
    while (!request_must_wait(request) && request->client != NULL) {
        if (!core_invite_entry(source.core, *at, &invite)) {
            request_done_empty(request);
            return;
        }
        (*at)++;
        view_invite(request_item(request), &source, &invite);
        request_send(request);
    }
    if (request->client == NULL)
        request_done_empty(request);
}

/* The invite that ${text} names: the beginning of its name, whom it is for, or the invite itself.
 * Of several for somebody, the only one that is still good. */
static int find_invite(const struct view_source *source, const char *text, struct invite_entry *out)
{
    static struct rp_token token;
    struct invite_entry invite;
    uint8_t name[RP_HASH_LEN];
    bool is_token = rp_token_read(&token, text) == RP_OK;
    bool found_good = false;
    int err = RP_ERR_NOT_FOUND;

    if (is_token)
        rp_token_name(name, token.secret);
    sodium_memzero(&token, sizeof token);
    for (uint32_t i = 0; core_invite_entry(source->core, i, &invite); i++) {
        bool good = !invite.used && invite.revoked == 0 && invite.expires > source->now_ms;
        char hex[2 * RP_HASH_LEN + 1];

        rp_text_hex(hex, invite.name, RP_HASH_LEN);
        if (is_token ? memcmp(name, invite.name, sizeof name) != 0
                     : strcmp(invite.note, text) != 0 &&
                           (strlen(text) < 4 || strncmp(hex, text, strlen(text)) != 0))
            continue;
        if (err == RP_OK && good == found_good)
            return RP_ERR_AMBIGUOUS;
        if (err == RP_OK && !good)
            continue;
        *out = invite;
        found_good = good;
        err = RP_OK;
    }
    return err;
}

void handle_invite_revoke(struct request *request, struct rp_slice args)
{
    const struct control_opts *opts = control_options(request->control);
    struct view_source source = request_source(request);
    char because[AUDIT_BECAUSE_MAX + 1];
    static char text[RP_TOKEN_TEXT_MAX + 1];
    struct invite_entry invite;
    struct act act;
    int err = RP_ERR_NOT_FOUND;

    if (arg_text(args, "invite", text, sizeof text) && text[0] != '\0')
        err = find_invite(&source, text, &invite);
    if (err == RP_ERR_AMBIGUOUS)
        request_error(request, err, NULL,
                      "several invites fit that: give more of the name in  rpctl invite list");
    else if (err != RP_OK)
        request_error(request, err, NULL, "no invite is called so: see  rpctl invite list");
    if (err != RP_OK || !need_act(request, args, because, sizeof because, &act))
        return;
    err = core_revoke_invite(opts->core, invite.name, &act, source.steady_ms);
    if (err == RP_ERR_REVOKED)
        request_error(request, err, NULL, "it is revoked already");
    else if (err == RP_ERR_USED)
        request_error(request, err, NULL,
                      "it was used: what it made a peer goes with  rpctl peer remove");
    else if (err != RP_OK)
        request_error(request, err, NULL, "nothing was revoked: %s", rp_err_text(err));
    else
        request_await_act(request, &act);
}

/* Joining: the answer comes when the inviter has let us in, or not. */

void handle_join(struct request *request, struct rp_slice args)
{
    const struct control_opts *opts = control_options(request->control);
    struct view_source source = request_source(request);
    static char text[RP_TOKEN_TEXT_MAX + 1];
    static struct rp_token token;
    int err;

    err = arg_text(args, "token", text, sizeof text) ? rp_token_read(&token, text) : RP_ERR_SHAPE;
    if (err == RP_ERR_CHECKSUM)
        request_error(request, err, NULL,
                      "the invite is garbled: a letter is wrong or missing. Copy it again, whole");
    else if (err == RP_ERR_VERSION)
        request_error(request, err, NULL, "the invite is of a newer version: update rpnode");
    else if (err != RP_OK)
        request_error(request, RP_ERR_ARGUMENT, NULL,
                      "that is not an invite: one begins with rpinvite1");
    if (err != RP_OK)
        return;
    err = core_join(opts->core, &token, source.steady_ms);
    if (err == RP_ERR_EXPIRED)
        request_error(request, err, NULL, "the invite has expired: ask for a new one");
    else if (err == RP_ERR_EXISTS)
        request_error(request, err, NULL, "the inviter is a peer already, with a live link");
    else if (err == RP_ERR_ARGUMENT)
        request_error(request, err, NULL, "that is an invite of this node itself");
    else if (err != RP_OK)
        request_error(request, err, NULL, "nothing was joined: %s", rp_err_text(err));
    if (err != RP_OK)
        return;
    memcpy(request->state.peer.org, token.org, RP_ID_LEN);
    request->deadline = source.steady_ms + WAIT_MS;
}

/* The status of the peer that a request is about. */
static bool status_of(const struct request *request, const struct view_source *source,
                      struct peer_status *out)
{
    for (uint32_t i = 0; core_peer_status(source->core, i, out); i++) {
        if (memcmp(out->entry->org, request->state.peer.org, RP_ID_LEN) == 0)
            return true;
    }
    return false;
}

void continue_join(struct request *request, uint64_t now_ms)
{
    struct view_source source = request_source(request);
    char org[RP_ORG_TEXT_LEN + 1];
    struct join_refusal refusal;
    struct peer_status peer;
    struct rp_writer *w;

    if (core_join_refused(source.core, request->state.peer.org, &refusal)) {
        request_error(request, RP_ERR_DENIED, NULL,
                      "%s (%s). Nothing was changed here: that is what the inviter's node says",
                      refusal.text[0] != '\0' ? refusal.text : "the invite does not let us in",
                      refusal.code);
        return;
    }
    if (!status_of(request, &source, &peer)) {
        request_error(request, RP_ERR_NOT_FOUND, NULL, "the peer was removed meanwhile");
        return;
    }
    if (peer.linked && !peer.entry->joining) {
        rp_identity_text(org, peer.entry->org);
        w = request_done(request);
        rp_writer_map(w, 2);
        rp_writer_str(w, "name");
        rp_writer_str(w, peer.name);
        rp_writer_str(w, "organisation");
        rp_writer_str(w, org);
        request_send(request);
    } else if (peer.state == PEER_REFUSED || peer.state == PEER_WAITING) {
        request_error(request, RP_ERR_DENIED, NULL, "the inviter's node says: %s", peer.why_text);
    } else if (now_ms >= request->deadline) {
        request_error(request, RP_ERR_OFFLINE, NULL,
                      "the inviter's node cannot be reached yet (%s). It will be called again and "
                      "again: see  rpctl status",
                      peer.why_text != NULL ? peer.why_text : "no answer");
    }
}

/* Comparing with a peer */

void handle_diff(struct request *request, struct rp_slice args)
{
    const struct control_opts *opts = control_options(request->control);
    struct view_source source = request_source(request);
    struct peer_status peer;
    int err;

    if (!need_peer(request, args, request->state.peer.org))
        return;
    (void)status_of(request, &source, &peer);
    request->state.peer.exchanges = peer.exchanges;
    err = core_compare(opts->core, request->state.peer.org, source.steady_ms);
    if (err != RP_OK) {
        request_error(request, RP_ERR_OFFLINE, NULL,
                      "there is no link with that peer now: see  rpctl status");
        return;
    }
    request->deadline = source.steady_ms + WAIT_MS;
}

void continue_diff(struct request *request, uint64_t now_ms)
{
    struct view_source source = request_source(request);
    struct peer_status peer;
    struct rp_writer *w;

    if (!status_of(request, &source, &peer) || !peer.linked) {
        request_error(request, RP_ERR_OFFLINE, NULL, "the link ended before the comparison did");
        return;
    }
    if (peer.exchanges == request->state.peer.exchanges) {
        if (now_ms >= request->deadline)
            request_error(request, RP_ERR_TIMEOUT, NULL, "the comparison takes too long");
        return;
    }
    w = request_done(request);
    rp_writer_map(w, 6);
    rp_writer_str(w, "held_back");
    rp_writer_uint(w, peer.held_back);
    rp_writer_str(w, "name");
    rp_writer_str(w, peer.name);
    rp_writer_str(w, "refused");
    rp_writer_uint(w, peer.refused);
    rp_writer_str(w, "schema");
    rp_writer_str(w, "rpctl.diff/1");
    rp_writer_str(w, "they_have");
    rp_writer_uint(w, peer.recv_pending);
    rp_writer_str(w, "we_have");
    rp_writer_uint(w, peer.send_pending);
    request_send(request);
}
