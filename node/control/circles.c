#include <string.h>

#include "request.h"
#include "rp/err.h"
#include "rp/text.h"

/* Commands about circles. */

#define ID_DIGITS_MIN 4 /* of a shortened id */

/* Whether ${text} is the name of the circle, or the beginning of its id. */
static bool is_called(const struct circle_view *circle, const char *text)
{
    char hex[2 * RP_ID_LEN + 1];
    size_t len = strlen(text);

    rp_text_hex(hex, circle->id, RP_ID_LEN);
    return strcmp(circle->name, text) == 0 ||
           (len >= ID_DIGITS_MIN && len <= 2 * RP_ID_LEN && memcmp(hex, text, len) == 0);
}

/* Those in state ${state}; 0: in any. */
static int find(const struct control_opts *opts, const char *text, int state,
                struct circle_view *out)
{
    struct circle_view circle;
    int err = RP_ERR_NOT_FOUND;

    for (uint32_t i = 0; core_circle(opts->core, i, &circle); i++) {
        if ((state != 0 && (int)circle.state != state) || !is_called(&circle, text))
            continue;
        if (err == RP_OK)
            return RP_ERR_AMBIGUOUS;
        *out = circle;
        err = RP_OK;
    }
    return err;
}

int find_circle(const struct control_opts *opts, const char *text, struct circle_view *out)
{
    return find(opts, text, CIRCLE_ACCEPTED, out);
}

bool list_circle(struct request *request, struct rp_slice args, struct view_list *list)
{
    char text[RP_NAME_LEN_MAX + 1];
    struct circle_view circle;

    if (!arg_text(args, "circle", text, sizeof text)) {
        request_error(request, RP_ERR_ARGUMENT, NULL, "the name of the circle is too long");
        return false;
    }
    if (text[0] == '\0')
        return true;
    if (find_circle(control_options(request->control), text, &circle) != RP_OK) {
        request_error(request, RP_ERR_NOT_FOUND, NULL,
                      "no one circle that we have accepted is called %s: see  rpctl circle list",
                      text);
        return false;
    }
    list->one_scope = true;
    list->scope = circle.number;
    return true;
}

void handle_circles(struct request *request, struct rp_slice args)
{
    struct view_source source = request_source(request);

    (void)args;
    view_circles(request_done(request), &source);
    request_send(request);
}

static void done_circle(struct request *request, const uint8_t id[static RP_ID_LEN])
{
    struct rp_writer *w = request_done(request);
    char hex[2 * RP_ID_LEN + 1];

    rp_text_hex(hex, id, RP_ID_LEN);
    rp_writer_map(w, 1);
    rp_writer_str(w, "id");
    rp_writer_str(w, hex);
    request_send(request);
}

/* An organisation that is known here, by its id or name. */
static int find_member(const struct control_opts *opts, const char *text,
                       uint8_t out[static RP_ID_LEN])
{
    struct org_view org;
    int err = RP_ERR_NOT_FOUND;

    if (rp_identity_from_text(out, text) == RP_OK)
        return RP_OK;
    for (uint32_t i = 1; core_org(opts->core, i, &org); i++) {
        if (org.name == NULL || strcmp(org.name, text) != 0)
            continue;
        if (err == RP_OK)
            return RP_ERR_AMBIGUOUS;
        memcpy(out, org.id, RP_ID_LEN);
        err = RP_OK;
    }
    return err;
}

/* Reads the list "members"; answers with an error and gives false when one is not known. */
static bool read_members(struct request *request, struct rp_slice args,
                         uint8_t out[static RP_CIRCLE_MEMBERS_MAX * RP_ID_LEN], uint32_t *n)
{
    struct rp_reader list;
    uint32_t given;

    *n = 0;
    given = rp_reader_find(args, "members", &list) ? rp_reader_array(&list) : 0;
    if (given == 0 || given >= RP_CIRCLE_MEMBERS_MAX) {
        request_error(request, RP_ERR_ARGUMENT, "member", "a circle has 2 to %d members, you too",
                      RP_CIRCLE_MEMBERS_MAX);
        return false;
    }
    for (; *n < given; (*n)++) {
        struct rp_slice text = rp_reader_str(&list);
        char name[RP_NAME_LEN_MAX + 1] = "";
        int err = RP_ERR_NOT_FOUND;

        if (text.len > 0 && text.len < sizeof name) {
            memcpy(name, text.data, text.len);
            err = find_member(control_options(request->control), name, out + *n * RP_ID_LEN);
        }
        if (err == RP_OK)
            continue;
        request_error(request, err, "member",
                      err == RP_ERR_AMBIGUOUS ? "several organisations are called %s: give the id"
                                              : "no organisation known here is called %s",
                      name);
        return false;
    }
    return true;
}

void handle_circle_create(struct request *request, struct rp_slice args)
{
    const struct control_opts *opts = control_options(request->control);
    struct view_source source = request_source(request);
    uint8_t members[RP_CIRCLE_MEMBERS_MAX * RP_ID_LEN];
    char name[RP_NAME_LEN_MAX + 1];
    struct circle_opts circle = {.name = name, .member = members};
    uint8_t id[RP_ID_LEN];
    int err;

    if (!arg_text(args, "name", name, sizeof name) || !rp_identity_name_fits(rp_bytes_str(name))) {
        request_error(request, RP_ERR_ARGUMENT, "name",
                      "the name of a circle is one line of at most %d characters",
                      RP_NAME_CHARS_MAX);
        return;
    }
    if (!read_members(request, args, members, &circle.members))
        return;
    err = core_circle_create(opts->core, &circle, source.steady_ms, id);
    if (err == RP_OK)
        done_circle(request, id);
    else if (err == RP_ERR_SHAPE)
        request_error(request, err, "member", "somebody is there twice; you are in it anyway");
    else if (err == RP_ERR_NOT_FOUND)
        request_error(request, err, "member",
                      "not all of these are known here: one must have been met, by a link or a "
                      "vouch");
    else
        request_error(request, err, NULL, "%s", rp_err_text(err));
}

void handle_circle_decide(struct request *request, struct rp_slice args)
{
    const struct control_opts *opts = control_options(request->control);
    struct view_source source = request_source(request);
    char text[RP_NAME_LEN_MAX + 1];
    struct circle_view circle;
    int err = RP_ERR_NOT_FOUND;

    if (arg_text(args, "circle", text, sizeof text))
        err = find(opts, text, 0, &circle);
    if (err == RP_OK)
        err = core_circle_decide(opts->core, circle.id, arg_flag(args, "accept"), source.steady_ms);
    if (err == RP_OK)
        done_circle(request, circle.id);
    else if (err == RP_ERR_AMBIGUOUS)
        request_error(request, err, NULL, "several circles are called %s: give the id", text);
    else
        request_error(request, err, NULL, "no circle is called %s: see  rpctl circle list", text);
}
