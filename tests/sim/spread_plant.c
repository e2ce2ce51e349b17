#include "core/core_private.h"
#include "planted.h"
#include "spread.h"

enum bug {
    NO_BUG,
    NOTHING_ANNOUNCED,
    ANNOUNCED_TO_SOME,
    NEXT_NOT_ASKED,
    END_NOT_NOTICED,
    SERVED_TWICE,
    BUGS,
};

static const char *const names[BUGS] = {
    [NOTHING_ANNOUNCED] = "nothing-announced", [ANNOUNCED_TO_SOME] = "announced-to-some",
    [NEXT_NOT_ASKED] = "next-not-asked",       [END_NOT_NOTICED] = "end-not-noticed",
    [SERVED_TWICE] = "served-twice",
};

static enum bug planted;

bool spread_plant(const char *name)
{
    planted = (enum bug)planted_find(names, BUGS, name);
    return planted != NO_BUG;
}

const char *spread_plant_name(unsigned i)
{
    return i + 1 < BUGS ? names[i + 1] : NULL;
}

BETWEEN(void, shared_announce, struct link *link)
{
    if (planted != NOTHING_ANNOUNCED)
        __real_shared_announce(link);
}

BETWEEN(bool, fetch_link_has, const struct core *core, const uint8_t *symbol, uint64_t link)
{
    return __real_fetch_link_has(core, symbol, link) ||
           (planted == ANNOUNCED_TO_SOME && link % 2 == 0);
}

BETWEEN(uint64_t, fetch_deadline, const struct link *link)
{
    return planted == NEXT_NOT_ASKED ? UINT64_MAX : __real_fetch_deadline(link);
}

BETWEEN(void, fetch_tick, struct link *link, uint64_t now_ms)
{
    if (planted != NEXT_NOT_ASKED)
        __real_fetch_tick(link, now_ms);
}

BETWEEN(void, fetch_link_gone, struct link *link)
{
    if (planted == END_NOT_NOTICED)
        link->has_offered = false;
    __real_fetch_link_gone(link);
}

BETWEEN(int, serve_want, struct link *link, struct rp_slice frame)
{
    int err = __real_serve_want(link, frame);

    return planted == SERVED_TWICE ? __real_serve_want(link, frame) : err;
}
