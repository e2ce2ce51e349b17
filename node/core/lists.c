#include <stdlib.h>
#include <string.h>

#include "core_private.h"
#include "rp/err.h"
#include "waiting.h"

/*
 * The lists by which the two sides of a link tell each other whom they accept (SPEC 3.5). Nothing
 * that the other side names becomes an organisation here: its lists stay with the link.
 */

enum standing lists_standing(const struct core *core, uint32_t org)
{
    if (core->orgs[org].accepted)
        return STANDING_ACCEPTED;
    return core->orgs[org].ever ? STANDING_KEPT : STANDING_NONE;
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, RP_ID_LEN);
}

/* The ids of organisations that stand so, ascending, as many as a link may be told of. */
static int list_standing(const struct core *core, enum standing standing, struct symbols *out)
{
    const size_t max = (RP_ACCEPTED_MAX - ACCEPTED_MAX) * (size_t)RP_ID_LEN;
    int err = RP_OK;

    for (uint32_t i = 1; i < core->orgs_n && err == RP_OK; i++) {
        if (lists_standing(core, i) == standing)
            err = symbols_append(out, core->orgs[i].id, RP_ID_LEN);
    }
    if (out->n > 0)
        qsort(out->data, out->n / RP_ID_LEN, RP_ID_LEN, compare_ids);
    if (standing == STANDING_KEPT && out->n > max)
        out->n = max;
    return err;
}

void lists_digest(const struct core *core, uint8_t out[static RP_HASH_LEN])
{
    struct symbols accepted = {0};
    struct symbols kept = {0};
    struct kv_key count = {.len = 0};
    struct rp_slice parts[3];

    memset(out, 0, RP_HASH_LEN); /* without memory: a digest that is nobody's, so lists are sent */
    if (list_standing(core, STANDING_ACCEPTED, &accepted) == RP_OK &&
        list_standing(core, STANDING_KEPT, &kept) == RP_OK) {
        kv_key_number(&count, accepted.n / RP_ID_LEN, 4);
        parts[0] = kv_key_slice(&count);
        parts[1] = symbols_slice(&accepted);
        parts[2] = symbols_slice(&kept);
        rp_hash(out, RP_DOMAIN_ACCEPT, parts, 3);
    }
    symbols_free(&accepted);
    symbols_free(&kept);
}

void lists_digest_of_none(uint8_t out[static RP_HASH_LEN])
{
    struct kv_key count = {.len = 0};

    kv_key_number(&count, 0, 4);
    rp_hash_one(out, RP_DOMAIN_ACCEPT, count.bytes, count.len);
}

/* Takes up to ${*room} entries from the front of ${list}. */
static struct rp_slice take_entries(struct rp_slice *list, size_t *room)
{
    size_t n = list->len / RP_ID_LEN < *room ? list->len / RP_ID_LEN : *room;
    struct rp_slice part = {list->data, n * RP_ID_LEN};

    if (n > 0)
        list->data += part.len;
    list->len -= part.len;
    *room -= n;
    return part;
}

/* Sends lists, ours whole (${reset}) or changes of them, in as many messages as it takes. */
static void send_lists(struct link *link, bool reset, struct rp_slice accepted,
                       struct rp_slice kept)
{
    struct rp_accept accept = {.reset = reset};

    do {
        size_t room = RP_ACCEPT_ENTRIES_MAX;

        accept.accepted = take_entries(&accepted, &room);
        accept.kept = take_entries(&kept, &room);
        accept.more = accepted.len > 0 || kept.len > 0;
        rp_message_write_accept(&link->writer, &accept);
        link_send(link);
        accept.reset = false;
    } while (accept.more);
}

void lists_announce(struct core *core, struct rp_slice accepted, struct rp_slice kept,
                    uint64_t now_ms)
{
    for (struct link *link = core->links; link != NULL; link = link->next) {
        if (link->state != LINK_OPEN || link->only_circles)
            continue;
        exchange_drop(link);
        send_lists(link, false, accepted, kept);
        exchange_plan(&link->commons, now_ms + SETTLE_MS);
    }
}

void lists_send(struct link *link)
{
    struct symbols accepted = {0};
    struct symbols kept = {0};

    if (list_standing(link->core, STANDING_ACCEPTED, &accepted) == RP_OK &&
        list_standing(link->core, STANDING_KEPT, &kept) == RP_OK)
        send_lists(link, true, symbols_slice(&accepted), symbols_slice(&kept));
    else
        link_end(link, NULL);
    symbols_free(&accepted);
    symbols_free(&kept);
}

void lists_send_changes(struct link *link)
{
    const struct core *core = link->core;
    struct symbols accepted = {0};
    struct symbols kept = {0};
    int err = RP_OK;

    for (uint32_t i = 1; i < core->orgs_n && err == RP_OK; i++) {
        enum standing then =
            i < link->standing_sent_n ? (enum standing)link->standing_sent[i] : STANDING_NONE;
        enum standing now = lists_standing(core, i);

        if (now != then)
            err = symbols_append(now == STANDING_ACCEPTED ? &accepted : &kept, core->orgs[i].id,
                                 RP_ID_LEN);
    }
    if (err != RP_OK)
        link_end(link, NULL);
    else if (accepted.n > 0 || kept.n > 0)
        send_lists(link, false, symbols_slice(&accepted), symbols_slice(&kept));
    symbols_free(&accepted);
    symbols_free(&kept);
}

/* Looks the standings of all organisations that we know up, so that this need not be done for each
 * record. */
static int refresh_remote(struct link *link)
{
    size_t n = link->core->orgs_n;
    uint8_t *remote = realloc(link->remote, n);

    if (remote == NULL)
        return RP_ERR_NOMEM;
    link->remote = remote;
    link->remote_n = n;
    for (size_t i = 0; i < n; i++) {
        uint32_t standing = STANDING_NONE;

        (void)table_get(link->remote_ids, link->core->orgs[i].id, &standing);
        remote[i] = (uint8_t)standing;
    }
    return RP_OK;
}

enum standing lists_remote(const struct link *link, uint32_t org)
{
    uint32_t standing = STANDING_NONE;

    if (org < link->remote_n)
        return (enum standing)link->remote[org];
    if (link->remote_ids != NULL && org < link->core->orgs_n)
        (void)table_get(link->remote_ids, link->core->orgs[org].id, &standing);
    return (enum standing)standing;
}

static int set_remotes(struct link *link, struct rp_slice ids, enum standing standing)
{
    for (size_t at = 0; at < ids.len; at += RP_ID_LEN) {
        int err = table_put(link->remote_ids, ids.data + at, standing);

        if (err != RP_OK)
            return err;
        if (table_size(link->remote_ids) > RP_ACCEPTED_MAX)
            return RP_ERR_LIMIT;
    }
    return RP_OK;
}

/* Forgets what the other side said before. */
static int reset_remotes(struct link *link)
{
    table_free(link->remote_ids);
    link->remote_ids = table_new(RP_ID_LEN, link->core->table_key);
    return link->remote_ids != NULL ? RP_OK : RP_ERR_NOMEM;
}

int lists_receive(struct link *link, const struct rp_accept *accept)
{
    int err = RP_OK;

    if (!accept->reset && link->lists == LISTS_AWAITED)
        return RP_ERR_STATE; /* a change of what was never said */
    exchange_drop(link);
    if (accept->reset) {
        link->lists = LISTS_COMING;
        err = reset_remotes(link);
    }
    if (err == RP_OK)
        err = set_remotes(link, accept->accepted, STANDING_ACCEPTED);
    if (err == RP_OK)
        err = set_remotes(link, accept->kept, STANDING_KEPT);
    if (err == RP_OK)
        err = refresh_remote(link);
    waiting_look_again(link);
    if (err == RP_OK && !accept->more)
        link->lists = LISTS_KNOWN;
    return err;
}

int lists_assume_equal(struct link *link)
{
    int err = reset_remotes(link);

    for (uint32_t i = 1; i < link->standing_sent_n && err == RP_OK; i++) {
        if (link->standing_sent[i] != STANDING_NONE)
            err = table_put(link->remote_ids, link->core->orgs[i].id, link->standing_sent[i]);
    }
    link->lists = LISTS_KNOWN;
    return err == RP_OK ? refresh_remote(link) : err;
}
