#include "plan.h"

#include <sodium.h>
#include <string.h>

#define MINUTE UINT64_C(60000)

void plan_rand(struct rp_rand *out, uint64_t seed, const char *purpose)
{
    uint8_t key[RP_RAND_SEED_LEN];
    char text[64] = {0};

    memcpy(text, &seed, sizeof seed);
    memcpy(text + sizeof seed, purpose, strnlen(purpose, sizeof text - sizeof seed));
    crypto_generichash(key, sizeof key, (const uint8_t *)text, sizeof text, NULL, 0);
    rp_rand_init(out, key);
}

int plan_happens(struct rp_rand *rand, uint32_t odds)
{
    return odds > 0 && rp_rand_below(rand, PLAN_ODDS) < odds;
}

/* Half of the faults are not there at all; of the others, the rarer the likelier. */
static uint32_t draw_odds(struct rp_rand *rand, uint32_t max)
{
    uint64_t bits = rp_rand_below(rand, 10);

    if (rp_rand_below(rand, 2) == 0)
        return 0;
    return (uint32_t)(max >> bits) + 1;
}

static uint64_t draw(struct rp_rand *rand, uint64_t from, uint64_t to)
{
    return from + rp_rand_below(rand, to - from + 1);
}

void plan_draw(struct plan *plan, const struct plan_opts *opts)
{
    struct rp_rand rand;
    struct rp_rand restless;
    struct rp_rand disputes;
    struct rp_rand tellers;
    struct rp_rand quota;
    struct rp_rand rotations;

    plan_rand(&rand, opts->seed, "plan");
    plan_rand(&restless, opts->seed, "restless");
    plan_rand(&disputes, opts->seed, "disputes");
    plan_rand(&tellers, opts->seed, "tellers");
    plan_rand(&quota, opts->seed, "quota");
    plan_rand(&rotations, opts->seed, "rotations");
    *plan = (struct plan){.seed = opts->seed};
    plan->tellers = rp_rand_below(&tellers, 3) == 0;
    plan->nodes = (unsigned)draw(&rand, 2, 7);
    plan->length = draw(&rand, 10, 120) * MINUTE;
    plan->records = (unsigned)draw(&rand, 5, 300);
    if (opts->nodes > 0)
        plan->nodes = opts->nodes;
    if (opts->hours > 0)
        plan->length = opts->hours * 60 * MINUTE;
    if (opts->records > 0)
        plan->records = opts->records;
    if (plan->nodes > 3 && rp_rand_below(&rand, 2) == 0)
        plan->liars = 1 + (unsigned)rp_rand_below(&rand, plan->nodes / 4 + 1);
    plan->degree = (unsigned)draw(&rand, 1, 4);
    plan->invites = rp_rand_below(&restless, 2) == 0;
    if (rp_rand_below(&restless, 3) == 0)
        plan->restless = (unsigned)draw(&restless, 20, 60);
    plan->circles = plan->nodes <= 64 && rp_rand_below(&restless, 3) == 0;
    if (rp_rand_below(&rotations, 3) == 0)
        plan->rotations = (unsigned)draw(&rotations, 1, 4);
    if (rp_rand_below(&disputes, 2) == 0)
        plan->disputes = (unsigned)draw(&disputes, 5, 120);
    for (int fault = 0; fault < FAULTS; fault++)
        plan->fault[fault] = draw_odds(&rand, 200000);
    plan->cut = draw_odds(&rand, 100000);
    plan->lost = draw_odds(&rand, 20000);
    plan->doubled = draw_odds(&rand, 20000);
    plan->swapped = draw_odds(&rand, 20000);
    plan->flipped = draw_odds(&rand, 20000);
    plan->lies = draw_odds(&rand, PLAN_ODDS / 2) + 1000;
    plan->latency = draw(&rand, 0, 1) == 0 ? draw(&rand, 0, 5) : draw(&rand, 5, 600);
    plan->jitter = draw(&rand, 0, plan->latency);
    plan->bytes_per_ms = UINT64_C(1) << draw(&rand, 3, 17);
    plan->write_ms = draw(&rand, 0, 50);
    plan->report_ms = draw(&rand, 0, 10);
    plan->check_ms = (uint32_t)draw(&rand, 5, 120) * 1000;
    plan->depth = draw(&rand, 0, 3) == 0 ? (uint32_t)draw(&rand, 1, 3) : 8;
    if (rp_rand_below(&quota, 3) == 0)
        plan->quota = UINT64_C(300) << draw(&quota, 0, 5);
}
