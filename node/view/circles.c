#include "view_private.h"

/* The circles of this node, for its own operator. */

static const char *const state_words[] = {
    [CIRCLE_INVITED] = "invited", [CIRCLE_ACCEPTED] = "accepted", [CIRCLE_LEFT] = "left"};

static void write_member(struct rp_writer *w, const struct circle_member *member)
{
    rp_writer_map(w, 6);
    rp_writer_str(w, "accepted"); /* nobody knows it of who is not linked */
    if (member->self || !member->linked)
        rp_writer_nil(w);
    else
        rp_writer_bool(w, member->accepted);
    rp_writer_str(w, "linked");
    rp_writer_bool(w, member->linked);
    put_text(w, "name", member->name);
    put_org(w, "organisation", member->org);
    rp_writer_str(w, "self");
    rp_writer_bool(w, member->self);
    put_text(w, "why", member->why);
}

static void write_circle(struct rp_writer *w, const struct view_source *source,
                         const struct circle_view *circle)
{
    struct circle_member member;

    rp_writer_map(w, 7);
    put_org(w, "founder", circle->founder);
    put_hex(w, "id", circle->id, RP_ID_LEN);
    rp_writer_str(w, "members");
    rp_writer_array(w, circle->members);
    for (uint32_t i = 0; i < circle->members; i++) {
        (void)core_circle_member(source->core, circle->id, i, &member);
        write_member(w, &member);
    }
    put_text(w, "name", circle->name);
    put_uint(w, "records", circle->records);
    put_time(w, "since", circle->since);
    put_text(w, "state", state_words[circle->state]);
}

void view_circles(struct rp_writer *w, const struct view_source *source)
{
    struct circle_view circle;
    uint32_t n = 0;

    while (core_circle(source->core, n, &circle))
        n++;
    rp_writer_map(w, 2);
    rp_writer_str(w, "circles");
    rp_writer_array(w, n);
    for (uint32_t i = 0; core_circle(source->core, i, &circle); i++)
        write_circle(w, source, &circle);
    put_text(w, "schema", "rpctl.circles/1");
}
