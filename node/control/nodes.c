#include <stdlib.h>
#include <string.h>

#include "request.h"
#include "rp/err.h"
#include "rp/rand.h"
#include "rp/text.h"

/* Requests about the nodes of our own organisation. */

void handle_node_list(struct request *request, struct rp_slice args)
{
    struct view_source source = request_source(request);

    (void)args;
    view_node_list(request_done(request), &source);
    request_send(request);
}

/* Adding: certified once the audit log has it. */

static bool need_node_request(struct request *request, struct rp_slice args)
{
    char text[RP_NODE_REQUEST_TEXT_MAX + 1];
    int err = RP_ERR_SHAPE;

    if (arg_text(args, "request", text, sizeof text))
        err = rp_node_request_read(&request->state.node, text);
    if (err == RP_ERR_CHECKSUM)
        request_error(request, err, NULL,
                      "the request is garbled: a letter is wrong or missing. Copy it again, whole");
    else if (err == RP_ERR_VERSION)
        request_error(request, err, NULL, "the request is of a newer version: update rpnode");
    else if (err != RP_OK)
        request_error(request, RP_ERR_ARGUMENT, NULL,
                      "that is not the request of a node: one begins with rpnode1");
    return err == RP_OK;
}

void handle_node_add(struct request *request, struct rp_slice args)
{
    const struct control_opts *opts = control_options(request->control);
    struct view_source source = request_source(request);
    char because[AUDIT_BECAUSE_MAX + 1];
    struct act act;
    int err;

    if (!need_node_request(request, args) ||
        !need_act(request, args, because, sizeof because, &act))
        return;
    err = core_add_node(opts->core, &request->state.node, arg_flag(args, "with_key"), &act,
                        source.steady_ms);
    if (err == RP_ERR_ARGUMENT)
        request_error(request, err, NULL,
                      "that is the request of another organisation's node, or of this one itself: "
                      "nothing was certified");
    else if (err == RP_ERR_REVOKED)
        request_error(request, err, NULL,
                      "that node was revoked, and stays so: make new keys for it, in a new home");
    else if (err != RP_OK)
        request_error(request, err, NULL, "nothing was certified: %s", rp_err_text(err));
    else
        request_await_act(request, &act);
}

void handle_node_add_outcome(struct request *request, const struct outcome *outcome)
{
    struct view_source source = request_source(request);
    struct rp_writer *w;
    char *text = NULL;
    int err = outcome->err;

    if (err == RP_OK)
        err = core_grant(source.core, &request->state.node, source.steady_ms, &text);
    if (err != RP_OK) {
        request_error(request, err, NULL, "nothing was certified: %s", rp_err_text(err));
        return;
    }
    w = request_done(request);
    rp_writer_map(w, 1);
    rp_writer_str(w, "grant");
    rp_writer_str(w, text);
    free(text);
    request_send(request);
}

/* Revoking */

static bool need_node(struct request *request, struct rp_slice args, uint8_t out[static RP_KEY_LEN])
{
    struct view_source source = request_source(request);
    char text[RP_NAME_LEN_MAX + 1];
    int err = RP_ERR_NOT_FOUND;

    if (arg_text(args, "node", text, sizeof text) && text[0] != '\0')
        err = view_find_node(&source, text, out);
    if (err == RP_ERR_AMBIGUOUS)
        request_error(request, err, NULL,
                      "several nodes are called %s: give the beginning of its key, from  rpctl "
                      "node list",
                      text);
    else if (err == RP_ERR_NOT_FOUND)
        request_error(request, err, NULL,
                      "no node of this organisation is called so: see  rpctl node list");
    else if (err != RP_OK)
        request_error(request, err, NULL, "the store cannot be read: %s", rp_err_text(err));
    return err == RP_OK;
}

void handle_node_revoke(struct request *request, struct rp_slice args)
{
    const struct control_opts *opts = control_options(request->control);
    struct view_source source = request_source(request);
    struct audit_entry entry = {.at = source.now_ms, .what = "node-revoke"};
    char because[AUDIT_BECAUSE_MAX + 1];
    uint8_t key[1][RP_KEY_LEN];
    struct author author;
    struct rp_bytes packed;
    struct rp_rand rand;
    struct act act;
    int err;

    if (!need_node(request, args, key[0]) ||
        !need_act(request, args, because, sizeof because, &act))
        return;
    if (memcmp(key[0], opts->self->node.public, RP_KEY_LEN) == 0) {
        request_error(request, RP_ERR_ARGUMENT, NULL,
                      "that is this node itself: revoke it at another one that has the key");
        return;
    }
    author = request_author(request, &rand, source.now_ms);
    err = author_revoke(&packed, &author, (const uint8_t(*)[RP_KEY_LEN])key, 1);
    if (err != RP_OK) {
        request_error(request, err, NULL, "nothing was revoked: %s", rp_err_text(err));
        return;
    }
    entry.node = key[0];
    entry.because = act.because;
    memcpy(request->state.revoked.key, key[0], RP_KEY_LEN);
    request_submit_noted(request, &packed, &entry);
}

void handle_node_revoke_outcome(struct request *request, const struct outcome *outcome)
{
    struct rp_writer *w;
    char hex[2 * RP_KEY_LEN + 1];

    if (outcome->err != RP_OK) {
        request_error(request, outcome->err, NULL, "nothing was revoked: %s",
                      rp_err_text(outcome->err));
        return;
    }
    rp_text_hex(hex, request->state.revoked.key, RP_KEY_LEN);
    w = request_done(request);
    rp_writer_map(w, 1);
    rp_writer_str(w, "node");
    rp_writer_str(w, hex);
    request_send(request);
}
