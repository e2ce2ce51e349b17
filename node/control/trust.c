#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "request.h"
#include "rp/err.h"
#include "rp/identity.h"
#include "rp/text.h"

/* Requests about who is trusted: vouches, blocks, what is hidden, and the log of it all. */

#define ID_PREFIX_MIN 7   /* characters of an id, rp1 among them, that name an organisation */
#define STATEMENT_MAX 500 /* characters */
#define CANDIDATES_SHOWN 4

/* Organisations */

/* How well a text names an organisation: wholly, by the beginning of its name or id, or not. */
enum match { MATCH_NONE, MATCH_BEGINS, MATCH_IS };

static enum match match_name(const char *name, const char *text)
{
    if (name == NULL || name[0] == '\0')
        return MATCH_NONE;
    if (strcmp(name, text) == 0)
        return MATCH_IS;
    return strncasecmp(name, text, strlen(text)) == 0 ? MATCH_BEGINS : MATCH_NONE;
}

/* The name that the operator gave a peer; NULL when it is none. */
static const char *given_name(const struct core *core, const uint8_t *org)
{
    struct peer_status peer;

    for (uint32_t i = 0; core_peer_status((struct core *)(uintptr_t)core, i, &peer); i++) {
        if (memcmp(peer.entry->org, org, RP_ID_LEN) == 0)
            return peer.entry->name;
    }
    return NULL;
}

static enum match match_org(const struct core *core, const struct org_view *org, const char *text)
{
    enum match by_name = match_name(org->name, text);
    enum match by_given = match_name(given_name(core, org->id), text);
    char id[RP_ORG_TEXT_LEN + 1];

    rp_identity_text(id, org->id);
    if (strlen(text) >= ID_PREFIX_MIN && strncmp(id, text, strlen(text)) == 0)
        return MATCH_IS;
    return by_given > by_name ? by_given : by_name;
}

/* Appends "NAME (rp1...)" to ${out}. */
static void add_candidate(char *out, size_t size, const struct org_view *org)
{
    char id[RP_ORG_TEXT_LEN + 1];
    size_t len = strlen(out);

    rp_identity_text(id, org->id);
    snprintf(out + len, size - len, "%s%s (%s)", len > 0 ? ", " : "", org->name, id);
}

/* Finds whom ${text} names: the only one that it names wholly, else the only one that it begins. */
static int find_org(const struct core *core, const char *text, uint32_t *number, char *candidates,
                    size_t size)
{
    static const uint8_t nobody[RP_ID_LEN] = {0};
    uint32_t found[MATCH_IS + 1] = {0};
    uint32_t last[MATCH_IS + 1] = {0};
    enum match best;
    struct org_view org;

    for (uint32_t i = 1; core_org(core, i, &org); i++) {
        enum match match =
            memcmp(org.id, nobody, RP_ID_LEN) != 0 ? match_org(core, &org, text) : MATCH_NONE;

        found[match]++;
        last[match] = i;
    }
    best = found[MATCH_IS] > 0 ? MATCH_IS : MATCH_BEGINS;
    *number = last[best];
    if (found[best] <= 1)
        return found[best] == 1 ? RP_OK : RP_ERR_NOT_FOUND;
    candidates[0] = '\0';
    for (uint32_t i = 1, shown = 0; shown < CANDIDATES_SHOWN && core_org(core, i, &org); i++) {
        if (memcmp(org.id, nobody, RP_ID_LEN) == 0 || match_org(core, &org, text) != best)
            continue;
        add_candidate(candidates, size, &org);
        shown++;
    }
    return RP_ERR_AMBIGUOUS;
}

/* The number of the organisation with that id; 0 when nothing is known of it. */
static uint32_t number_of(const struct core *core, const uint8_t *id)
{
    struct org_view org;

    for (uint32_t i = 1; core_org(core, i, &org); i++) {
        if (memcmp(org.id, id, RP_ID_LEN) == 0)
            return i;
    }
    return 0;
}

bool need_org(struct request *request, struct rp_slice args, const char *name,
              uint8_t id[static RP_ID_LEN], uint32_t *number)
{
    const struct core *core = control_options(request->control)->core;
    char candidates[CANDIDATES_SHOWN * (RP_NAME_LEN_MAX + RP_ORG_TEXT_LEN + 8)];
    char text[RP_NAME_LEN_MAX + 1];
    struct org_view org;
    int err;

    if (!arg_text(args, name, text, sizeof text) || text[0] == '\0') {
        request_error(request, RP_ERR_ARGUMENT, NULL,
                      "which organisation? Give its id, rp1..., or its name");
        return false;
    }
    if (rp_identity_from_text(id, text) == RP_OK) {
        *number = number_of(core, id);
        return true;
    }
    err = find_org(core, text, number, candidates, sizeof candidates);
    if (err == RP_ERR_AMBIGUOUS) {
        request_error(request, err, NULL, "%s could be several organisations: %s. Give the id",
                      text, candidates);
        return false;
    }
    if (err != RP_OK || !core_org(core, *number, &org)) {
        request_error(request, RP_ERR_NOT_FOUND, NULL,
                      "no organisation that is known here is called %s", text);
        return false;
    }
    memcpy(id, org.id, RP_ID_LEN);
    return true;
}

/* Acts */

bool need_act(struct request *request, struct rp_slice args, char *because, size_t size,
              struct act *act)
{
    if (!arg_text(args, "because", because, size)) {
        request_error(request, RP_ERR_ARGUMENT, NULL,
                      "the reason must be one line of at most %d bytes", AUDIT_BECAUSE_MAX);
        return false;
    }
    act->because = because[0] != '\0' ? because : NULL;
    act->tag = control_new_tag(request->control);
    return true;
}

void request_await_act(struct request *request, const struct act *act)
{
    request->tag = act->tag;
}

void handle_act_outcome(struct request *request, const struct outcome *outcome)
{
    if (outcome->err != RP_OK) {
        request_error(request, outcome->err, NULL,
                      "it is in force, but could not be stored yet: %s. It will be tried again",
                      rp_err_text(outcome->err));
        return;
    }
    request_done_empty(request);
}

static void refuse_act(struct request *request, int err, const char *what)
{
    if (err == RP_ERR_ARGUMENT)
        request_error(request, err, NULL, "that is this node's own organisation");
    else
        request_error(request, err, NULL, "%s: %s", what, rp_err_text(err));
}

void handle_vouch(struct request *request, struct rp_slice args)
{
    const struct control_opts *opts = control_options(request->control);
    struct view_source source = request_source(request);
    char statement[4 * STATEMENT_MAX + 1];
    char because[AUDIT_BECAUSE_MAX + 1];
    uint8_t org[RP_ID_LEN];
    uint32_t number;
    struct act act;
    int err;

    if (!need_org(request, args, "org", org, &number) ||
        !need_act(request, args, because, sizeof because, &act))
        return;
    if (!arg_text(args, "statement", statement, sizeof statement) ||
        rp_text_chars(rp_bytes_str(statement)) > STATEMENT_MAX) {
        request_error(request, RP_ERR_ARGUMENT, NULL,
                      "the statement must be one line of at most %d characters", STATEMENT_MAX);
        return;
    }
    err = core_vouch(opts->core, org, statement[0] != '\0' ? statement : NULL, &act,
                     source.steady_ms);
    if (err == RP_OK)
        request_await_act(request, &act);
    else if (err == RP_ERR_NOT_FOUND)
        request_error(request, err, NULL,
                      "its identity is not known here: it has to be a peer, or vouched for by "
                      "somebody, first");
    else if (err == RP_ERR_EXISTS)
        request_error(request, err, NULL, "we vouch for it already");
    else if (err == RP_ERR_DENIED)
        request_error(request, err, NULL, "it is blocked here: rpctl unblock comes first");
    else
        refuse_act(request, err, "no vouch was made");
}

void handle_unvouch(struct request *request, struct rp_slice args)
{
    const struct control_opts *opts = control_options(request->control);
    struct view_source source = request_source(request);
    char because[AUDIT_BECAUSE_MAX + 1];
    uint8_t org[RP_ID_LEN];
    uint32_t number;
    struct act act;
    int err;

    if (!need_org(request, args, "org", org, &number) ||
        !need_act(request, args, because, sizeof because, &act))
        return;
    err = core_unvouch(opts->core, org, &act, source.steady_ms);
    if (err == RP_OK)
        request_await_act(request, &act);
    else if (err == RP_ERR_NOT_FOUND)
        request_error(request, err, NULL, "we do not vouch for it");
    else
        refuse_act(request, err, "the vouch was not withdrawn");
}

void handle_block(struct request *request, struct rp_slice args)
{
    const struct control_opts *opts = control_options(request->control);
    struct view_source source = request_source(request);
    char because[AUDIT_BECAUSE_MAX + 1];
    uint8_t org[RP_ID_LEN];
    uint32_t number;
    struct act act;
    int err;

    if (!need_org(request, args, "org", org, &number) ||
        !need_act(request, args, because, sizeof because, &act))
        return;
    err = core_block(opts->core, org, &act, source.steady_ms);
    if (err == RP_OK)
        request_await_act(request, &act);
    else if (err == RP_ERR_EXISTS)
        request_error(request, err, NULL, "it is blocked already");
    else
        refuse_act(request, err, "it was not blocked");
}

void handle_unblock(struct request *request, struct rp_slice args)
{
    const struct control_opts *opts = control_options(request->control);
    struct view_source source = request_source(request);
    char because[AUDIT_BECAUSE_MAX + 1];
    uint8_t org[RP_ID_LEN];
    uint32_t number;
    struct act act;
    int err;

    if (!need_org(request, args, "org", org, &number) ||
        !need_act(request, args, because, sizeof because, &act))
        return;
    err = core_unblock(opts->core, org, &act, source.steady_ms);
    if (err == RP_OK)
        request_await_act(request, &act);
    else if (err == RP_ERR_NOT_FOUND)
        request_error(request, err, NULL, "it is not blocked");
    else
        refuse_act(request, err, "it was not unblocked");
}

void handle_trust(struct request *request, struct rp_slice args)
{
    struct view_source source = request_source(request);
    uint8_t org[RP_ID_LEN];
    uint32_t number;

    if (!need_org(request, args, "org", org, &number))
        return;
    if (number == 0) {
        request_error(request, RP_ERR_NOT_FOUND, NULL,
                      "nothing is known here of an organisation with that id: nobody vouches for "
                      "it, and it is no peer");
        return;
    }
    view_trust(request_done(request), &source, number);
    request_send(request);
}

void handle_hide(struct request *request, struct rp_slice args)
{
    const struct control_opts *opts = control_options(request->control);
    bool hide = request->command == CONTROL_HIDE;
    struct view_source source = request_source(request);
    char because[AUDIT_BECAUSE_MAX + 1];
    char id[2 * RP_ID_LEN + 1];
    uint8_t object[RP_ID_LEN];
    struct act act;
    int err;

    if (!need_object(request, args, id, object) ||
        !need_act(request, args, because, sizeof because, &act))
        return;
    err = core_hide(opts->core, object, hide, &act, source.steady_ms);
    if (err == RP_OK)
        request_await_act(request, &act);
    else if (err == RP_ERR_EXISTS)
        request_error(request, err, NULL, "%s is hidden already", id);
    else if (err == RP_ERR_NOT_FOUND)
        request_error(request, err, NULL, "%s is not hidden", id);
    else
        refuse_act(request, err, "nothing was changed");
}

void continue_walk(struct request *request, uint64_t now_ms)
{
    bool (*next)(struct view_walk * walk, struct rp_writer * w, const struct view_source *source,
                 int *err) = request->command == CONTROL_AUDIT ? view_audit_next : view_hidden_next;
    struct view_walk *walk = &request->state.walk;
    struct view_source source = request_source(request);
    int err = RP_OK;

    (void)now_ms;
    walk->looked = 0;
    while (!request_must_wait(request) && request->client != NULL) {
        if (next(walk, request_item(request), &source, &err)) {
            request_send(request);
            continue;
        }
        if (err == RP_OK && walk->more)
            break;
        request_finish(request, err);
        return;
    }
    if (request->client == NULL)
        request_done_empty(request);
    else
        request_go_on_later(request, walk->more);
}
