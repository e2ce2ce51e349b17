#include "frail.h"

#include "alloc.h"
#include "author/author.h"
#include "rp/limits.h"
#include "rp/rand.h"

/*
 * Two whole nodes while memory runs short at any one place, or from there on. Whatever fails on the
 * way: once memory is there again they come together by themselves, and what was acknowledged is
 * still there after a restart.
 */

#define HERE 130 /* patterns at node 0 alone, enough for sketches */
#define THERE 20
#define BOTH 3

static struct frail empty;     /* never met */
static struct frail joined;    /* have met and hold the same */
static struct frail parted;    /* met before, and hold different things */
static struct frail frail;     /* the one under test */
static struct rp_bytes fresh;  /* a pattern of node 0 that nobody has yet */
static struct rp_bytes gone;   /* a withdrawal of node 0's first pattern */
static struct rp_bytes *shown; /* which of the two a test submits */

static void start_both(void)
{
    for (unsigned i = 0; i < 2; i++)
        assert_ok(frail_start(&frail, i));
    frail_run(&frail, 3000);
}

static void begin(const struct frail *like)
{
    alloc_hold();
    frail_init(&frail, like);
    start_both();
    alloc_release();
}

static bool are_in_sync(void)
{
    for (unsigned i = 0; i < 2; i++) {
        struct peer_status status;

        if (!core_peer_status(frail.nodes[i].core, 0, &status) || status.state != PEER_IN_SYNC)
            return false;
    }
    return frail_equal(&frail);
}

/* Memory is there again. How long it takes is not told, but that it comes to its end. */
static void recover(void)
{
    frail_run(&frail, 10000); /* what failed is tried again after a while */
    for (int i = 0; i < 60 && !are_in_sync(); i++)
        frail_run(&frail, 10000);
    assert_true(are_in_sync());
}

/* Two nodes that are well are so after a restart. */
static void check_restart(void)
{
    uint64_t counts[RP_SETS];

    for (enum rp_set set = 0; set < RP_SETS; set++)
        counts[set] = frail_count(&frail, 0, set);
    for (unsigned i = 0; i < 2; i++)
        frail_stop(&frail, i);
    start_both();
    recover();
    for (enum rp_set set = 0; set < RP_SETS; set++)
        assert_int_equal(frail_count(&frail, 0, set), counts[set]);
}

static void starting(void)
{
    frail_init(&frail, &parted);
    for (unsigned i = 0; i < 2; i++) {
        int err = frail_start(&frail, i);

        if (err == RP_OK)
            continue;
        assert_int_equal(err, RP_ERR_NOMEM);
        alloc_hold();
        assert_ok(frail_start(&frail, i));
        alloc_release();
    }
    alloc_hold();
    assert_int_equal(frail_count(&frail, 0, RP_SET_CONTENT), HERE + BOTH);
    assert_int_equal(frail_count(&frail, 1, RP_SET_CONTENT), THERE + BOTH);
    assert_int_equal(frail_count(&frail, 0, RP_SET_CONTROL), 4);
    recover();
    frail_free(&frail);
}

static void joining(void)
{
    int err;

    begin(&empty);
    err = frail_join(&frail);
    frail_run(&frail, 500);
    alloc_hold();
    if (err != RP_OK) {
        assert_int_equal(err, RP_ERR_NOMEM);
        err = frail_join(&frail);
        assert_true(err == RP_OK || err == RP_ERR_EXISTS);
    }
    recover();
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(frail_count(&frail, i, RP_SET_CONTROL), 4); /* with both vouches */
    check_restart();
    frail_free(&frail);
}

static void meeting(void)
{
    alloc_hold();
    frail_init(&frail, &parted);
    for (unsigned i = 0; i < 2; i++)
        assert_ok(frail_start(&frail, i));
    alloc_release();
    frail_run(&frail, 3000);
    alloc_hold();
    recover();
    assert_int_equal(frail_count(&frail, 1, RP_SET_CONTENT), HERE + THERE + BOTH);
    frail_free(&frail);
}

/* A record arrives at node 0 and goes on to node 1. */
static void telling(void)
{
    struct rp_bytes packed;
    int err;

    begin(&joined);
    assert_ok(rp_bytes_copy(&packed, shown->data, shown->len));
    err = frail_submit(&frail, 0, &packed);
    frail_run(&frail, 500);
    alloc_hold();
    if (err != RP_OK) { /* nothing of it was kept */
        assert_int_equal(err, RP_ERR_NOMEM);
        assert_int_equal(frail_count(&frail, 0, RP_SET_CONTENT), BOTH);
        assert_ok(rp_bytes_copy(&packed, shown->data, shown->len));
        assert_ok(frail_submit(&frail, 0, &packed));
    }
    recover();
    assert_int_equal(frail_count(&frail, 1, RP_SET_CONTENT), shown == &fresh ? BOTH + 1 : BOTH - 1);
    frail_free(&frail);
}

static void parting(void)
{
    const uint8_t *other = frail.nodes[1].org.identity.org;
    struct peer_status status;
    int err;

    begin(&joined);
    FRAIL(err = core_remove_peer(frail.nodes[0].core, other, NULL, frail.now));
    frail_run(&frail, 500);
    alloc_hold();
    if (err != RP_OK) {
        assert_int_equal(err, RP_ERR_NOMEM);
        assert_ok(core_remove_peer(frail.nodes[0].core, other, NULL, frail.now));
    }
    frail_run(&frail, 60000);
    frail_stop(&frail, 0);
    assert_ok(frail_start(&frail, 0));
    frail_run(&frail, 10000);
    assert_false(core_peer_status(frail.nodes[0].core, 0, &status));
    assert_int_equal(frail_count(&frail, 0, RP_SET_CONTENT), 1); /* its own alone */
    frail_free(&frail);
}

/* What is stored is read and checked: a record that cannot be opened for want of memory is whole.
 */
static void scrubbing(void)
{
    struct core_counters counters;

    alloc_hold();
    frail_init(&frail, &joined);
    frail.scrub_ms = 100;
    start_both();
    alloc_release();
    frail_run(&frail, 300);
    alloc_hold();
    frail_run(&frail, 10000);
    for (unsigned i = 0; i < 2; i++) {
        core_counters(frail.nodes[i].core, &counters);
        assert_int_equal(counters.damaged, 0);
        assert_int_equal(frail_count(&frail, i, RP_SET_CONTENT), BOTH);
    }
    frail_free(&frail);
}

static void a_node_starts_or_says_that_it_cannot(void **state)
{
    (void)state;
    alloc_sweep_some("starting", starting, 1, 12);
}

static void an_invite_is_used(void **state)
{
    (void)state;
    alloc_sweep_some("joining", joining, 1, 12);
}

static void differences_are_found_and_fetched(void **state)
{
    (void)state;
    alloc_sweep_some("meeting", meeting, 131, 397);
}

static void news_are_told(void **state)
{
    (void)state;
    shown = &fresh;
    alloc_sweep_some("telling of a record", telling, 1, 12);
}

static void withdrawals_are_told(void **state)
{
    (void)state;
    shown = &gone;
    alloc_sweep_some("telling of a withdrawal", telling, 1, 12);
}

static void a_peer_is_removed(void **state)
{
    (void)state;
    alloc_sweep_some("parting", parting, 1, 12);
}

static void no_record_is_taken_for_damaged(void **state)
{
    (void)state;
    alloc_sweep_some("scrubbing", scrubbing, 1, 12);
}

static void publish(unsigned node, unsigned number)
{
    struct rp_bytes packed = sample_pattern(&frail.nodes[node].org, number);

    assert_ok(frail_submit(&frail, node, &packed));
}

/* Takes the state reached for a model and goes on from a copy of it. */
static void keep(struct frail *model)
{
    for (unsigned i = 0; i < 2; i++)
        frail_stop(&frail, i);
    *model = frail;
    frail_init(&frail, model);
}

static void make_records(void)
{
    struct author author = {&frail.nodes[0].org.key, frail.nodes[0].org.identity.org,
                            &(struct rp_rand){{1}}, frail.now};
    struct rp_bytes first = sample_pattern(&frail.nodes[0].org, 0);
    struct rp_opened opened;

    fresh = sample_pattern(&frail.nodes[0].org, 500);
    assert_ok(rp_record_open(&opened, rp_bytes_slice(&first)));
    assert_ok(author_withdraw(&gone, &author, &opened.record, NULL, 0));
    rp_record_close(&opened);
    rp_bytes_free(&first);
}

static int setup(void **state)
{
    (void)state;
    frail_init(&frail, NULL);
    start_both();
    make_records();
    keep(&empty);
    start_both();
    assert_ok(frail_join(&frail));
    publish(0, 0);
    publish(1, 1);
    publish(1, 2);
    recover();
    keep(&joined);
    assert_ok(frail_start(&frail, 0));
    for (unsigned i = 0; i < HERE; i++)
        publish(0, 10 + i);
    frail_stop(&frail, 0);
    assert_ok(frail_start(&frail, 1));
    for (unsigned i = 0; i < THERE; i++)
        publish(1, 200 + i);
    keep(&parted);
    frail_free(&frail);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    frail_free(&empty);
    frail_free(&joined);
    frail_free(&parted);
    rp_bytes_free(&fresh);
    rp_bytes_free(&gone);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_starts_or_says_that_it_cannot),
        cmocka_unit_test(an_invite_is_used),
        cmocka_unit_test(differences_are_found_and_fetched),
        cmocka_unit_test(news_are_told),
        cmocka_unit_test(withdrawals_are_told),
        cmocka_unit_test(a_peer_is_removed),
        cmocka_unit_test(no_record_is_taken_for_damaged),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
