#include <string.h>

#include "request.h"
#include "rp/err.h"

/* Who will be able to read what is published for an audience. */

int find_audience(const struct control_opts *opts, const char *audience,
                  uint8_t out[static RP_ID_LEN])
{
    static const char circle_prefix[] = "circle:";
    struct circle_view circle;
    int err = RP_OK;

    if (strcmp(audience, "commons") == 0)
        memcpy(out, rp_record_commons, RP_ID_LEN);
    else if (strcmp(audience, "local") == 0)
        memcpy(out, rp_record_local, RP_ID_LEN);
    else if (strncmp(audience, circle_prefix, strlen(circle_prefix)) != 0)
        err = RP_ERR_ARGUMENT;
    else if ((err = find_circle(opts, audience + strlen(circle_prefix), &circle)) == RP_OK)
        memcpy(out, circle.id, RP_ID_LEN);
    return err;
}

bool need_audience(struct request *request, const char *audience, uint8_t out[static RP_ID_LEN])
{
    int err = find_audience(control_options(request->control), audience, out);

    if (err == RP_ERR_ARGUMENT)
        request_error(request, RP_ERR_RULE, "audience",
                      "%s is not one of local, commons, circle:NAME", audience);
    else if (err != RP_OK)
        request_error(request, err, "audience", "%s: %s: see  rpctl circle list", audience,
                      err == RP_ERR_AMBIGUOUS ? "several circles are called so: give the id"
                                              : "no circle that we have accepted is called so");
    return err == RP_OK;
}

/* {"audience": str} -> an item for each organisation other than ours that will be able to read what
 * is published so; then whether others can come to be among them. */
void handle_audience(struct request *request, struct rp_slice args)
{
    char audience[CONTROL_AUDIENCE_MAX + 1];

    if (!arg_text(args, "audience", audience, sizeof audience)) {
        request_error(request, RP_ERR_ARGUMENT, NULL, "the name of the audience is too long");
        return;
    }
    (void)need_audience(request, audience, request->state.audience.scope);
}

void continue_audience(struct request *request, uint64_t now_ms)
{
    struct view_audience *walk = &request->state.audience;
    struct view_source source = request_source(request);
    struct rp_writer *w;

    (void)now_ms;
    walk->looked = 0;
    while (!request_must_wait(request) && request->client != NULL) {
        if (!view_audience_next(walk, request_item(request), &source)) {
            if (walk->more)
                break;
            w = request_done(request);
            rp_writer_map(w, 1);
            rp_writer_str(w, "later");
            rp_writer_bool(w, memcmp(walk->scope, rp_record_commons, RP_ID_LEN) == 0);
            request_send(request);
            return;
        }
        request_send(request);
    }
    if (request->client == NULL)
        request_finish(request, RP_OK);
    else
        request_go_on_later(request, walk->more);
}
