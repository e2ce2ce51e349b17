#include "rp/circle.h"

#include "author/author.h"
#include "support/circle.h"

static struct mesh mesh;

/* A descriptor of organisations 0 to ${n} - 1, founded by number ${founder}. */
static int issue(struct rp_bytes *out, unsigned n, unsigned founder, const char *name)
{
    static const uint8_t salt[RP_SALT_LEN] = {7};
    struct sample_org orgs[RP_CIRCLE_MEMBERS_MAX + 1];
    struct rp_slice inceptions[RP_CIRCLE_MEMBERS_MAX + 1];
    struct sample_org author = sample_org_new(founder);
    struct rp_circle_draft draft = {name, salt, author.identity.org, n, inceptions};
    int err;

    for (unsigned i = 0; i < n; i++) {
        orgs[i] = sample_org_new(i);
        inceptions[i] = rp_bytes_slice(&orgs[i].inception);
    }
    err = rp_circle_issue(out, &draft, &author.key);
    for (unsigned i = 0; i < n; i++)
        sample_org_free(&orgs[i]);
    sample_org_free(&author);
    return err;
}

static void a_descriptor_says_who_is_in(void **state)
{
    struct sample_org inside = sample_org_new(2);
    struct sample_org outside = sample_org_new(3);
    struct rp_circle circle;
    struct rp_bytes issued;

    (void)state;
    assert_ok(issue(&issued, 3, 0, "Three of us"));
    assert_ok(rp_circle_open(&circle, rp_bytes_slice(&issued)));
    assert_string_equal(circle.name, "Three of us");
    assert_int_equal(circle.members, 3);
    assert_true(rp_circle_has(&circle, inside.identity.org));
    assert_false(rp_circle_has(&circle, outside.identity.org));
    for (uint32_t i = 1; i < circle.members; i++)
        assert_true(memcmp(circle.member[i - 1], circle.member[i], RP_ID_LEN) < 0);
    rp_bytes_free(&issued);
    sample_org_free(&inside);
    sample_org_free(&outside);
}

static void a_descriptor_is_refused_when_anything_is_wrong(void **state)
{
    struct sample_org member = sample_org_new(1);
    struct rp_slice twice[] = {rp_bytes_slice(&member.inception),
                               rp_bytes_slice(&member.inception)};
    static const uint8_t salt[RP_SALT_LEN] = {7};
    struct rp_circle_draft draft = {"Twice", salt, member.identity.org, 2, twice};
    struct rp_circle circle;
    struct rp_bytes issued;

    (void)state;
    assert_int_equal(issue(&issued, 1, 0, "Alone"), RP_ERR_LIMIT);
    assert_int_equal(issue(&issued, RP_CIRCLE_MEMBERS_MAX + 1, 0, "A crowd"), RP_ERR_LIMIT);
    assert_int_equal(issue(&issued, 2, 5, "Of others"), RP_ERR_SHAPE);
    assert_int_equal(issue(&issued, 2, 0, "Two\nlines"), RP_ERR_SHAPE);
    assert_int_equal(rp_circle_issue(&issued, &draft, &member.key), RP_ERR_SHAPE);
    assert_ok(issue(&issued, RP_CIRCLE_MEMBERS_MAX, 0, "As many as there may be"));
    assert_ok(rp_circle_open(&circle, rp_bytes_slice(&issued)));
    for (size_t i = 0; i < issued.len; i += 7) { /* not one byte may be another */
        issued.data[i] ^= 1;
        assert_int_not_equal(rp_circle_open(&circle, rp_bytes_slice(&issued)), RP_OK);
        issued.data[i] ^= 1;
    }
    assert_int_not_equal(rp_circle_open(&circle, (struct rp_slice){issued.data, issued.len - 1}),
                         RP_OK);
    rp_bytes_free(&issued);
    sample_org_free(&member);
}

static void what_is_said_in_a_circle_stays_there(void **state)
{
    static const unsigned b[] = {1};
    uint8_t id[RP_ID_LEN];

    (void)state;
    mesh_init(&mesh, 3);
    mesh_join(&mesh, 0, 1);
    mesh_join(&mesh, 1, 2);
    found(&mesh, 0, b, 1, id);
    assert_ok(publish_in(&mesh, 0, id, 1));
    assert_ok(publish_in(&mesh, 1, id, 2));
    mesh_publish(&mesh, 0, 3);
    mesh_run(&mesh, 1000);
    assert_int_equal(seen(&mesh, 0, 0).records, 2);
    assert_int_equal(seen(&mesh, 1, 0).records, 2);
    assert_false(sees_any(&mesh, 2));
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(mesh_count(&mesh, i, RP_SET_CONTENT), 1); /* of the commons */
    assert_int_equal(publish_in(&mesh, 2, id, 4), RP_ERR_SHAPE);
    mesh_free(&mesh);
}

static void who_is_no_member_cannot_write_into_a_circle(void **state)
{
    static const unsigned b[] = {1};
    struct rp_bytes packed;
    uint8_t id[RP_ID_LEN];

    (void)state;
    mesh_init(&mesh, 3);
    mesh_join(&mesh, 0, 1);
    mesh_join(&mesh, 1, 2);
    found(&mesh, 0, b, 1, id);
    packed = pattern_in(&mesh, 2, id, 1);
    assert_int_equal(mesh_submit(&mesh, 1, &packed), RP_ERR_SHAPE);
    assert_int_equal(seen(&mesh, 1, 0).records, 0);
    mesh_free(&mesh);
}

static void members_pass_on_what_they_have_also_after_a_restart(void **state)
{
    static const unsigned others[] = {1, 2};
    struct circle_member member;
    uint8_t id[RP_ID_LEN];

    (void)state;
    mesh_init(&mesh, 3);
    mesh.nodes[0].deaf_to = 1u << 2;
    mesh.nodes[2].deaf_to = 1u << 0;
    mesh_join(&mesh, 0, 1);
    mesh_join(&mesh, 1, 2);
    found(&mesh, 0, others, 2, id);
    assert_ok(publish_in(&mesh, 0, id, 1));
    mesh_run(&mesh, 1000);
    assert_int_equal(seen(&mesh, 2, 0).records, 1);
    mesh_stop(&mesh, 2);
    for (unsigned i = 0; i < 300; i++) /* enough for a sketch to be compared */
        assert_ok(publish_in(&mesh, 0, id, 10 + i));
    mesh_start(&mesh, 2);
    assert_int_equal(seen(&mesh, 2, 0).state, CIRCLE_ACCEPTED);
    assert_int_equal(seen(&mesh, 2, 0).records, 1);
    mesh_run(&mesh, 8000);
    assert_int_equal(seen(&mesh, 2, 0).records, 301);
    assert_int_equal(mesh_count(&mesh, 2, RP_SET_CONTENT), 0);
    for (uint32_t i = 0; core_circle_member(mesh.nodes[2].core, id, i, &member); i++) {
        assert_true(member.self || member.linked == (member.name[13] == 'B'));
        if (!member.self && !member.linked)
            assert_string_equal(member.why, "connection refused");
    }
    mesh_free(&mesh);
}

static void what_is_withdrawn_in_a_circle_goes_there(void **state)
{
    static const unsigned b[] = {1};
    struct author author;
    struct rp_opened opened;
    struct rp_bytes packed;
    struct rp_bytes copy;
    struct rp_rand rand;
    uint8_t seed[RP_RAND_SEED_LEN] = {3};
    uint8_t id[RP_ID_LEN];

    (void)state;
    mesh_init(&mesh, 2);
    mesh_join(&mesh, 0, 1);
    found(&mesh, 0, b, 1, id);
    packed = pattern_in(&mesh, 0, id, 1);
    assert_ok(rp_bytes_copy(&copy, packed.data, packed.len));
    assert_ok(mesh_submit(&mesh, 0, &packed));
    mesh_run(&mesh, 1000);
    assert_int_equal(seen(&mesh, 1, 0).records, 1);
    rp_rand_init(&rand, seed);
    author = (struct author){&mesh.nodes[0].org.key, mesh.nodes[0].org.identity.org, &rand, 1};
    assert_ok(rp_record_open(&opened, rp_bytes_slice(&copy)));
    assert_ok(author_withdraw(&packed, &author, &opened.record, NULL, 0));
    rp_record_close(&opened);
    assert_ok(mesh_submit(&mesh, 0, &packed));
    mesh_run(&mesh, 1000);
    assert_int_equal(seen(&mesh, 1, 0).records, 0);
    assert_int_equal(mesh_submit(&mesh, 1, &copy), RP_ERR_WITHDRAWN);
    mesh_free(&mesh);
}

static void who_leaves_a_circle_gets_nothing_more(void **state)
{
    static const unsigned b[] = {1};
    uint8_t id[RP_ID_LEN];

    (void)state;
    mesh_init(&mesh, 2);
    mesh_join(&mesh, 0, 1);
    found(&mesh, 0, b, 1, id);
    assert_ok(core_circle_decide(mesh.nodes[1].core, id, false, mesh.now));
    mesh_run(&mesh, 1000);
    assert_ok(publish_in(&mesh, 0, id, 1));
    mesh_run(&mesh, 200000);
    assert_int_equal(seen(&mesh, 1, 0).state, CIRCLE_LEFT);
    assert_int_equal(seen(&mesh, 1, 0).records, 0);
    assert_int_equal(publish_in(&mesh, 1, id, 2), RP_ERR_DENIED);
    assert_ok(core_circle_decide(mesh.nodes[1].core, id, true, mesh.now)); /* and back again */
    mesh_run(&mesh, 200000);
    assert_int_equal(seen(&mesh, 1, 0).records, 1);
    mesh_free(&mesh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_descriptor_says_who_is_in),
        cmocka_unit_test(a_descriptor_is_refused_when_anything_is_wrong),
        cmocka_unit_test(what_is_said_in_a_circle_stays_there),
        cmocka_unit_test(who_is_no_member_cannot_write_into_a_circle),
        cmocka_unit_test(members_pass_on_what_they_have_also_after_a_restart),
        cmocka_unit_test(what_is_withdrawn_in_a_circle_goes_there),
        cmocka_unit_test(who_leaves_a_circle_gets_nothing_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
