#include <string.h>

#include "rp/err.h"
#include "view_private.h"

/* What beacons say (SPEC 3.7): the nodes of the federation, and where a withdrawal is honoured. */

#define STATUS_NODES_MAX 100
#define NAMED_MAX 50 /* nodes, where a withdrawal is or is not honoured */

static const char *const standing_words[] = {
    [BEACON_SAME] = "same",
    [BEACON_OLDER] = "older",
    [BEACON_COMING] = "coming",
    [BEACON_WITHHELD] = "withheld",
};

static const char *org_name(const struct view_source *source, uint32_t number)
{
    struct org_view org;

    return core_org(source->core, number, &org) ? org.name : "";
}

static void put_states(struct rp_writer *w, uint64_t state)
{
    static const struct {
        uint64_t bit;
        const char *word;
    } words[] = {
        {RP_BEACON_FULL, "full"},
        {RP_BEACON_ERASING, "erasing"},
        {RP_BEACON_RESTORING, "restoring"},
    };
    uint32_t n = 0;

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        n += (state & words[i].bit) != 0;
    rp_writer_str(w, "state");
    rp_writer_array(w, n);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (state & words[i].bit)
            rp_writer_str(w, words[i].word);
    }
}

static void put_own(struct rp_writer *w, const char *key, const struct core_beacon *node,
                    enum rp_set set)
{
    rp_writer_str(w, key);
    rp_writer_map(w, 2);
    put_uint(w, "count", node->beacon.own[set].count);
    put_uint(w, "held", node->held[set].count);
}

static void write_node(struct rp_writer *w, const struct view_source *source,
                       const struct core_beacon *node)
{
    rp_writer_map(w, 11);
    rp_writer_str(w, "addresses");
    rp_writer_array(w, node->beacon.addresses);
    for (uint32_t i = 0; i < node->beacon.addresses; i++)
        rp_writer_text(w, node->beacon.address[i]);
    put_own(w, "content", node, RP_SET_CONTENT);
    put_own(w, "control", node, RP_SET_CONTROL);
    put_text(w, "name", node->name);
    put_org(w, "organisation", node->beacon.org);
    put_text(w, "organisation_name", org_name(source, node->org));
    put_text(w, "records", standing_words[node->is_self ? BEACON_SAME : node->standing]);
    put_time(w, "seen", node->seen);
    rp_writer_str(w, "self");
    rp_writer_bool(w, node->is_self);
    rp_writer_str(w, "software");
    rp_writer_text(w, node->beacon.software);
    put_states(w, node->beacon.state);
}

static bool is_odd(const struct core_beacon *node)
{
    return node->beacon.state != 0 || (!node->is_self && node->standing == BEACON_WITHHELD);
}

void put_federation(struct rp_writer *w, const struct view_source *source)
{
    struct core_beacon node;
    struct rp_writer items;
    uint32_t shown = 0;
    uint32_t n = 0;
    uint32_t at = 0;

    rp_writer_init(&items, w->max);
    for (; core_beacon(source->core, SCOPE_COMMONS, &at, &node, source->steady_ms); n++) {
        if (is_odd(&node) && shown < STATUS_NODES_MAX) {
            write_node(&items, source, &node);
            shown++;
        }
    }
    at = 0;
    while (shown < STATUS_NODES_MAX &&
           core_beacon(source->core, SCOPE_COMMONS, &at, &node, source->steady_ms)) {
        if (is_odd(&node))
            continue;
        write_node(&items, source, &node);
        shown++;
    }
    rp_writer_str(w, "federation");
    rp_writer_array(w, shown);
    rp_writer_raw(w, rp_writer_slice(&items));
    if (w->err == RP_OK)
        w->err = items.err;
    rp_writer_free(&items);
    put_uint(w, "federation_nodes", n);
}

bool view_nodes_next(struct view_nodes *walk, struct rp_writer *w, const struct view_source *source)
{
    struct core_beacon node;

    if (!core_beacon(source->core, SCOPE_COMMONS, &walk->at, &node, source->steady_ms))
        return false;
    write_node(w, source, &node);
    return true;
}

/* Names the nodes for which it is (${honoured}) known that they honour it, or not. */
static void put_named(struct rp_writer *w, const char *key, const struct view_source *source,
                      uint32_t scope, const struct core_receipt *receipts, uint32_t n, uint64_t seq,
                      bool honoured)
{
    struct core_beacon node;
    struct rp_writer items;
    uint32_t named = 0;

    rp_writer_init(&items, w->max);
    for (uint32_t i = 0; i < n && named < NAMED_MAX; i++) {
        uint32_t at = receipts[i].node;

        if ((receipts[i].up_to >= seq) != honoured ||
            !core_beacon(source->core, scope, &at, &node, source->steady_ms) ||
            node.node != receipts[i].node) /* it is not shown any more */
            continue;
        rp_writer_map(&items, 5);
        put_text(&items, "name", node.name);
        put_org(&items, "organisation", node.beacon.org);
        put_text(&items, "organisation_name", org_name(source, node.org));
        put_time(&items, "seen", node.seen);
        put_states(&items, node.beacon.state);
        named++;
    }
    rp_writer_str(w, key);
    rp_writer_array(w, named);
    rp_writer_raw(w, rp_writer_slice(&items));
    if (w->err == RP_OK)
        w->err = items.err;
    rp_writer_free(&items);
}

static bool is_heard(const struct view_source *source, uint32_t scope, const uint8_t *org)
{
    struct core_beacon node;
    uint32_t at = 0;

    while (core_beacon(source->core, scope, &at, &node, source->steady_ms)) {
        if (memcmp(node.beacon.org, org, RP_ID_LEN) == 0)
            return true;
    }
    return false;
}

/* Names the members of a circle of which no node was heard of there: they may not have accepted
 * it. */
static void put_unheard(struct rp_writer *w, const struct view_source *source, uint32_t scope)
{
    struct circle_member member;
    struct circle_view circle;
    struct rp_writer items;
    uint32_t n = 0;

    rp_writer_str(w, "unheard");
    if (scope == SCOPE_COMMONS || !view_circle(source, scope, &circle)) {
        rp_writer_nil(w);
        return;
    }
    rp_writer_init(&items, w->max);
    for (uint32_t i = 0; core_circle_member(source->core, circle.id, i, &member); i++) {
        if (member.self || is_heard(source, scope, member.org))
            continue;
        rp_writer_map(&items, 2);
        put_text(&items, "name", member.name);
        put_org(&items, "organisation", member.org);
        n++;
    }
    rp_writer_array(w, n);
    rp_writer_raw(w, rp_writer_slice(&items));
    if (w->err == RP_OK)
        w->err = items.err;
    rp_writer_free(&items);
}

void put_honoured(struct rp_writer *w, const struct view_source *source, const struct place *place)
{
    const struct core_receipt *receipts = NULL;
    uint32_t honoured = 0;
    uint32_t n = 0;
    int err = RP_OK;

    rp_writer_str(w, "honoured");
    if (place->scope == SCOPE_LOCAL) {
        rp_writer_nil(w);
        return;
    }
    err = core_receipts(source->core, place->scope, place->org, source->steady_ms, &receipts, &n);
    if (w->err == RP_OK)
        w->err = err;
    for (uint32_t i = 0; i < n; i++)
        honoured += receipts[i].up_to >= place->seq;
    rp_writer_map(w, 5);
    put_named(w, "by", source, place->scope, receipts, n, place->seq, true);
    put_uint(w, "count", honoured);
    put_uint(w, "nodes", n);
    put_named(w, "not_known", source, place->scope, receipts, n, place->seq, false);
    put_unheard(w, source, place->scope);
}
