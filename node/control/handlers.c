#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "request.h"
#include "rp/err.h"
#include "rp/identity.h"
#include "rp/text.h"

/* Arguments */

bool arg_text(struct rp_slice args, const char *name, char *out, size_t size)
{
    struct rp_reader value;
    struct rp_slice text;

    out[0] = '\0';
    if (!rp_reader_find(args, name, &value) || rp_reader_nil(&value))
        return true;
    text = rp_reader_str(&value);
    if (value.err != RP_OK || text.len >= size || !rp_text_is_line(text))
        return false;
    if (text.len > 0)
        memcpy(out, text.data, text.len);
    out[text.len] = '\0';
    return true;
}

bool arg_flag(struct rp_slice args, const char *name)
{
    struct rp_reader value;

    return rp_reader_find(args, name, &value) && rp_reader_bool(&value);
}

uint64_t arg_uint(struct rp_slice args, const char *name, uint64_t otherwise)
{
    struct rp_reader value;
    uint64_t number;

    if (!rp_reader_find(args, name, &value))
        return otherwise;
    number = rp_reader_uint(&value);
    return value.err == RP_OK ? number : otherwise;
}

struct rp_slice arg_item(struct rp_slice args, const char *name)
{
    struct rp_reader value;

    if (!rp_reader_find(args, name, &value))
        return (struct rp_slice){NULL, 0};
    return rp_reader_item(&value);
}

struct rp_slice arg_bin(struct rp_slice args, const char *name)
{
    struct rp_reader value;

    (void)rp_reader_find(args, name, &value);
    return rp_reader_bin(&value);
}

void request_done_empty(struct request *request)
{
    rp_writer_map(request_done(request), 0);
    request_send(request);
}

/* Status */

static void handle_status(struct request *request, struct rp_slice args)
{
    struct view_source source = request_source(request);

    (void)args;
    view_status(request_done(request), &source);
    request_send(request);
}

static void handle_peers(struct request *request, struct rp_slice args)
{
    struct view_source source = request_source(request);

    (void)args;
    view_peers(request_done(request), &source);
    request_send(request);
}

/* Listings */

static void handle_list(struct request *request, struct rp_slice args)
{
    struct view_list *list = &request->state.list;
    struct view_source source = request_source(request);
    char author[RP_NAME_LEN_MAX + 1];
    char export[16];
    struct org_view org;
    uint8_t id[RP_ID_LEN];
    bool by_id;

    if (!arg_text(args, "kind", list->kind, sizeof list->kind) ||
        !arg_text(args, "author", author, sizeof author)) {
        request_error(request, RP_ERR_ARGUMENT, NULL, "the kind or the author is too long");
        return;
    }
    if (!list_circle(request, args, list))
        return;
    list->has_kind = list->kind[0] != '\0';
    list->public_only = arg_text(args, "export", export, sizeof export) && export[0] != '\0';
    list->no_local = list->public_only && strcmp(export, "local") != 0;
    if (author[0] == '\0')
        return;
    by_id = rp_identity_from_text(id, author) == RP_OK;
    for (uint32_t i = 1; core_org(source.core, i, &org); i++) {
        if (by_id ? memcmp(org.id, id, RP_ID_LEN) == 0 : strcmp(org.name, author) == 0) {
            list->author = i;
            return;
        }
    }
    request_error(request, RP_ERR_NOT_FOUND, NULL,
                  "no organisation that is known here is called %s", author);
}

void request_finish(struct request *request, int err)
{
    if (err != RP_OK)
        request_error(request, err, NULL, "the store cannot be read: %s", rp_err_text(err));
    else
        request_done_empty(request);
}

void request_go_on_later(struct request *request, bool more)
{
    request->deadline = more && !request_must_wait(request) ? 0 : UINT64_MAX;
}

static void continue_list(struct request *request, uint64_t now_ms)
{
    struct view_list *list = &request->state.list;
    struct view_source source = request_source(request);
    int err = RP_OK;

    (void)now_ms;
    list->looked = 0;
    while (!request_must_wait(request) && request->client != NULL) {
        if (!view_list_next(list, request_item(request), &source, &err)) {
            if (err == RP_OK && list->more)
                break;
            request_finish(request, err);
            return;
        }
        request_send(request);
    }
    if (request->client == NULL)
        request_done_empty(request);
    else
        request_go_on_later(request, list->more);
}

static void finish_export(struct request *request)
{
    struct rp_writer *w = request_done(request);

    rp_writer_map(w, 1);
    rp_writer_str(w, "held_back");
    rp_writer_uint(w, request->state.export.held_back);
    request_send(request);
}

static void continue_export(struct request *request, uint64_t now_ms)
{
    struct view_export *export = &request->state.export;
    struct view_source source = request_source(request);
    int err = RP_OK;

    (void)now_ms;
    export->looked = 0;
    while (!request_must_wait(request) && request->client != NULL) {
        if (!view_export_next(export, request_item(request), &source, &err)) {
            if (err == RP_OK && export->more)
                break;
            if (err != RP_OK)
                request_finish(request, err);
            else
                finish_export(request);
            return;
        }
        request_send(request);
    }
    if (request->client == NULL)
        request_done_empty(request);
    else
        request_go_on_later(request, export->more);
}

/* Objects */

void request_id_error(struct request *request, const char *id, int err)
{
    struct view_source source;

    switch (err) {
    case RP_ERR_ARGUMENT:
        request_error(request, err, NULL, "%s is not an id: give at least 4 hex digits of it", id);
        break;
    case RP_ERR_AMBIGUOUS:
        request_error(request, err, NULL, "more than one id begins with %s: give more digits", id);
        break;
    case RP_ERR_WITHDRAWN:
        request_error(request, err, NULL, "%s was withdrawn by its owner", id);
        break;
    case RP_ERR_NOT_FOUND:
        source = request_source(request);
        if (view_withholds(&source) != NULL)
            request_error(request, err, NULL,
                          "%s: there is nothing with this id here, or it is a story that is "
                          "withheld after a restore: see  rpctl status",
                          id);
        else
            request_error(request, err, NULL, "%s: there is nothing with this id here", id);
        break;
    default:
        request_error(request, err, NULL, "%s: %s", id, rp_err_text(err));
        break;
    }
}

bool need_object(struct request *request, struct rp_slice args, char id[static 2 * RP_ID_LEN + 1],
                 uint8_t object[static RP_ID_LEN])
{
    struct view_source source = request_source(request);
    int err;

    if (!arg_text(args, "id", id, 2 * RP_ID_LEN + 1)) {
        request_error(request, RP_ERR_ARGUMENT, NULL, "an id has at most %d digits", 2 * RP_ID_LEN);
        return false;
    }
    if ((err = view_find_object(object, id, &source)) != RP_OK)
        request_id_error(request, id, err);
    return err == RP_OK;
}

/* {"id": str, "export": "commons" or "local", as in a listing, or nothing}. The items follow at the
 * next turn. */
static void handle_show(struct request *request, struct rp_slice args)
{
    struct view_object *view = &request->state.show.view;
    char export[16];

    if (!need_object(request, args, request->state.show.id, view->object))
        return;
    view->public_only = arg_text(args, "export", export, sizeof export) && export[0] != '\0';
    view->with_local = strcmp(export, "local") == 0;
}

static void finish_show(struct request *request, const struct view_source *source)
{
    int err = view_object_finish(&request->state.show.view, request_done(request), source);

    if (err == RP_OK)
        request_send(request);
    else
        request_id_error(request, request->state.show.id, err);
}

static void continue_show(struct request *request, uint64_t now_ms)
{
    struct view_object *view = &request->state.show.view;
    struct view_source source = request_source(request);
    int err = RP_OK;

    (void)now_ms;
    view->looked = 0;
    while (!request_must_wait(request) && request->client != NULL) {
        if (!view_object_next(view, request_item(request), &source, &err)) {
            if (err == RP_OK && view->more)
                break;
            if (err != RP_OK)
                request_id_error(request, request->state.show.id, err);
            else
                finish_show(request, &source);
            return;
        }
        request_send(request);
    }
    if (request->client == NULL)
        request_done_empty(request);
    else
        request_go_on_later(request, view->more);
}

/* Dispatch */

static void handle_export(struct request *request, struct rp_slice args)
{
    request->state.export.local = arg_flag(args, "local");
}

/* The answer follows piece by piece. */
static void handle_walk(struct request *request, struct rp_slice args)
{
    (void)request;
    (void)args;
}

/* What begins each command, what goes on with it at later turns, and what takes the outcome of its
 * record or act. */
static const struct {
    void (*begin)(struct request *request, struct rp_slice args);
    void (*go_on)(struct request *request, uint64_t now_ms);
    void (*outcome)(struct request *request, const struct outcome *outcome);
    bool signs; /* in the organisation's name */
} handlers[CONTROL_COMMANDS_N] = {
    [CONTROL_STATUS] = {handle_status, NULL, NULL, false},
    [CONTROL_PEERS] = {handle_peers, NULL, NULL, false},
    [CONTROL_PEER_ADD] = {handle_peer_add, NULL, handle_act_outcome, false},
    [CONTROL_PEER_REMOVE] = {handle_peer_remove, NULL, handle_act_outcome, false},
    [CONTROL_PEER_APPROVE] = {handle_peer_approve, NULL, handle_act_outcome, false},
    [CONTROL_PEER_PAUSE] = {handle_peer_pause, NULL, handle_act_outcome, false},
    [CONTROL_PEER_RESUME] = {handle_peer_pause, NULL, handle_act_outcome, false},
    [CONTROL_PEER_VERIFY] = {handle_peer_verify, NULL, NULL, false},
    [CONTROL_INVITE] = {handle_invite, NULL, handle_invite_outcome, false},
    [CONTROL_INVITES] = {handle_walk, continue_invites, NULL, false},
    [CONTROL_INVITE_REVOKE] = {handle_invite_revoke, NULL, handle_act_outcome, false},
    [CONTROL_JOIN] = {handle_join, continue_join, NULL, false},
    [CONTROL_SOURCES] = {handle_sources, NULL, NULL, false},
    [CONTROL_PUBLISH] = {handle_publish, NULL, handle_publish_outcome, true},
    [CONTROL_WITHDRAW] = {handle_withdraw, NULL, handle_withdraw_outcome, true},
    [CONTROL_CONSENT] = {handle_consent, continue_consent, NULL, false},
    [CONTROL_RENEW] = {handle_renew, NULL, handle_publish_outcome, true},
    [CONTROL_AUDIENCE] = {handle_audience, continue_audience, NULL, false},
    [CONTROL_REVIEWS] = {handle_reviews, continue_reviews, NULL, false},
    [CONTROL_REVIEW] = {handle_review, NULL, handle_review_outcome, true},
    [CONTROL_TOLD] = {handle_told, NULL, NULL, false},
    [CONTROL_IMPORT] = {handle_import, NULL, handle_publish_outcome, false},
    [CONTROL_LIST] = {handle_list, continue_list, NULL, false},
    [CONTROL_SHOW] = {handle_show, continue_show, NULL, false},
    [CONTROL_DIFF] = {handle_diff, continue_diff, NULL, false},
    [CONTROL_EXPORT] = {handle_export, continue_export, NULL, false},
    [CONTROL_RESTORED] = {handle_restored, NULL, NULL, false},
    [CONTROL_NODES] = {handle_walk, continue_nodes, NULL, false},
    [CONTROL_WITHDRAWALS] = {handle_walk, continue_withdrawals, NULL, false},
    [CONTROL_CIRCLES] = {handle_circles, NULL, NULL, false},
    [CONTROL_CIRCLE_CREATE] = {handle_circle_create, NULL, NULL, true},
    [CONTROL_CIRCLE_DECIDE] = {handle_circle_decide, NULL, NULL, true},
    [CONTROL_VOUCH] = {handle_vouch, NULL, handle_act_outcome, true},
    [CONTROL_UNVOUCH] = {handle_unvouch, NULL, handle_act_outcome, true},
    [CONTROL_BLOCK] = {handle_block, NULL, handle_act_outcome, false},
    [CONTROL_UNBLOCK] = {handle_unblock, NULL, handle_act_outcome, false},
    [CONTROL_TRUST] = {handle_trust, NULL, NULL, false},
    [CONTROL_HIDE] = {handle_hide, NULL, handle_act_outcome, false},
    [CONTROL_UNHIDE] = {handle_hide, NULL, handle_act_outcome, false},
    [CONTROL_HIDDEN] = {handle_walk, continue_walk, NULL, false},
    [CONTROL_AUDIT] = {handle_walk, continue_walk, NULL, false},
    [CONTROL_NODE_LIST] = {handle_node_list, NULL, NULL, false},
    [CONTROL_NODE_ADD] = {handle_node_add, NULL, handle_node_add_outcome, true},
    [CONTROL_NODE_REVOKE] = {handle_node_revoke, NULL, handle_node_revoke_outcome, true},
    [CONTROL_KEYS_RELOAD] = {handle_keys_reload, NULL, NULL, false},
};

void handle_request(struct request *request, struct rp_slice args)
{
    if (!handlers[request->command].signs || request_may_sign(request))
        handlers[request->command].begin(request, args);
}

void handle_continue(struct request *request, uint64_t now_ms)
{
    if (handlers[request->command].go_on != NULL) /* else it waits for an outcome */
        handlers[request->command].go_on(request, now_ms);
}

void handle_outcome(struct request *request, const struct outcome *outcome)
{
    request->tag = 0;
    handlers[request->command].outcome(request, outcome);
}
