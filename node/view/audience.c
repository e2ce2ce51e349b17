#include <string.h>

#include "rp/err.h"
#include "view_private.h"

/* Who will be able to read what is published, as far as this node can know: asked before. */

static bool is_peer(const struct view_source *source, const uint8_t *org)
{
    struct peer_status peer;

    for (uint32_t i = 0; core_peer_status(source->core, i, &peer); i++) {
        if (memcmp(peer.entry->org, org, RP_ID_LEN) == 0)
            return true;
    }
    return false;
}

static void write_reader(struct rp_writer *w, const struct view_source *source, const uint8_t *org,
                         const char *name)
{
    rp_writer_map(w, 3);
    put_text(w, "name", name);
    put_org(w, "organisation", org);
    rp_writer_str(w, "peer");
    rp_writer_bool(w, is_peer(source, org));
}

/* The next organisation that is accepted, other than ourselves. */
static bool next_accepted(struct view_audience *walk, struct rp_writer *w,
                          const struct view_source *source)
{
    struct org_view org;

    while (core_org(source->core, walk->next + 1, &org)) {
        if (walk->looked++ == VIEW_TURN) {
            walk->more = true;
            return false;
        }
        walk->next++;
        if (!org.accepted || memcmp(org.id, source->self->identity.org, RP_ID_LEN) == 0)
            continue;
        write_reader(w, source, org.id, org.name);
        return true;
    }
    return false;
}

/* The next member of the circle, other than ourselves. */
static bool next_member(struct view_audience *walk, struct rp_writer *w,
                        const struct view_source *source)
{
    struct circle_member member;

    while (core_circle_member(source->core, walk->scope, walk->next, &member)) {
        walk->next++;
        if (member.self)
            continue;
        write_reader(w, source, member.org, member.name);
        return true;
    }
    return false;
}

bool view_audience_next(struct view_audience *walk, struct rp_writer *w,
                        const struct view_source *source)
{
    walk->more = false;
    if (memcmp(walk->scope, rp_record_local, RP_ID_LEN) == 0)
        return false;
    if (memcmp(walk->scope, rp_record_commons, RP_ID_LEN) == 0)
        return next_accepted(walk, w, source);
    return next_member(walk, w, source);
}
