#include <msgpack.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rp/err.h"
#include "view/view.h"
#include "world.h"

/*
 * Whether a node shows the stories that it may show, and no others: those it holds of organisations
 * that it accepts, each until the day named in its consent is over by the node's own calendar.
 * Between a restore and the comparison with somebody it may show fewer; and while a version that
 * was damaged has not been fetched again, the one that it replaced is not shown in its place.
 */
#define HEX (2 * TRUTH_ID)

struct titles {
    char (*objects)[HEX + 1];
    size_t n;
};

static void titles_put(struct titles *titles, const char *object, size_t len)
{
    titles->objects = realloc(titles->objects, (titles->n + 1) * sizeof *titles->objects);
    if (titles->objects == NULL || len != HEX)
        abort();
    memcpy(titles->objects[titles->n], object, HEX);
    titles->objects[titles->n++][HEX] = '\0';
}

static bool titles_have(const struct titles *titles, const char *object)
{
    for (size_t i = 0; i < titles->n; i++) {
        if (strcmp(titles->objects[i], object) == 0)
            return true;
    }
    return false;
}

/* The object that an item of a listing names. */
static void put_item(struct titles *titles, struct rp_slice item)
{
    msgpack_unpacked unpacked;
    size_t end = 0;

    msgpack_unpacked_init(&unpacked);
    if (msgpack_unpack_next(&unpacked, (const char *)item.data, item.len, &end) !=
            MSGPACK_UNPACK_SUCCESS ||
        unpacked.data.type != MSGPACK_OBJECT_MAP)
        abort();
    for (uint32_t i = 0; i < unpacked.data.via.map.size; i++) {
        const msgpack_object_kv *pair = &unpacked.data.via.map.ptr[i];

        if (pair->key.via.str.size == 6 && memcmp(pair->key.via.str.ptr, "object", 6) == 0)
            titles_put(titles, pair->val.via.str.ptr, pair->val.via.str.size);
    }
    msgpack_unpacked_destroy(&unpacked);
}

/* What the node answers when it is asked for its stories. Whether it withholds some. */
static bool ask(const struct actor *actor, uint64_t now, uint64_t calendar, struct titles *out)
{
    struct view_source source = {.kv = actor->disk,
                                 .core = actor->core,
                                 .self = &actor->self,
                                 .software = "sim",
                                 .now_ms = calendar,
                                 .steady_ms = now};
    struct view_list list = {.has_kind = true, .kind = "story"};
    struct rp_writer item;
    int err = RP_OK;

    rp_writer_init(&item, RP_FRAME_MAX);
    do {
        list.looked = 0;
        while (view_list_next(&list, &item, &source, &err)) {
            put_item(out, rp_writer_slice(&item));
            rp_writer_reset(&item);
        }
    } while (list.more && err == RP_OK);
    rp_writer_free(&item);
    return view_withholds(&source) != NULL;
}

void shown_check(struct world *world, const struct actor *actor, const struct shelf *stories)
{
    uint64_t calendar = (uint64_t)((int64_t)world->now + actor->calendar_ahead);
    time_t seconds = (time_t)(calendar / 1000);
    struct titles shown = {.n = 0};
    bool withheld = ask(actor, world->now, calendar, &shown);
    size_t may = 0;
    char today[11];
    struct tm day;

    (void)strftime(today, sizeof today, "%Y-%m-%d", gmtime_r(&seconds, &day));
    for (size_t i = 0; i < stories->n; i++) {
        const struct fact *story = stories->facts[i];
        char object[HEX + 1];

        if (strcmp(story->review_on, today) < 0)
            continue;
        (void)sodium_bin2hex(object, sizeof object, story->object, TRUTH_ID);
        if (titles_have(&shown, object))
            may++;
        else if (!withheld && world->figures.faults[FAULT_ROT] == 0)
            world_fail(world, "node %u does not show a story whose consent runs to %s",
                       actor->number, story->review_on);
    }
    if (shown.n > may)
        world_fail(world, "node %u shows %zu stories, of which %zu may be shown on %s",
                   actor->number, shown.n, may, today);
    free(shown.objects);
}
