#include "support/mesh.h"

#include "rp/canonical.h"
#include "rp/limits.h"
#include "rp/reader.h"
#include "view/view.h"

static struct mesh mesh;

static struct view_source source_of(unsigned node)
{
    return (struct view_source){
        .kv = mesh.nodes[node].kv,
        .core = mesh.nodes[node].core,
        .self = &mesh.nodes[node].self,
        .software = "test",
        .listen = "127.0.0.1:1",
        .web = "off",
        .started_ms = mesh.now - 5000,
        .now_ms = mesh.now,
        .store_bytes = 4096,
    };
}

static void dates_are_those_of_the_calendar(void **state)
{
    static const struct {
        uint64_t ms;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00Z"},
        {951782399000, "2000-02-28T23:59:59Z"},
        {951782400000, "2000-02-29T00:00:00Z"},
        {951868800000, "2000-03-01T00:00:00Z"},
        {1798761599999, "2026-12-31T23:59:59Z"},
        {4107542400000, "2100-03-01T00:00:00Z"},
        {253402300799000, "9999-12-31T23:59:59Z"},
    };
    char text[VIEW_TIME_LEN + 1];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        view_time(text, cases[i].ms);
        assert_string_equal(text, cases[i].text);
    }
}

static void check(struct rp_writer *w)
{
    assert_ok(w->err);
    assert_ok(rp_canonical_check(w->data, w->len));
    rp_writer_reset(w);
}

/* Whatever the state of the peers: what is answered is canonical, as rpctl demands. */
static void answers_are_canonical_in_every_state(void **state)
{
    struct rp_writer w;

    (void)state;
    rp_writer_init(&w, RP_FRAME_MAX);
    mesh_init(&mesh, 3);
    mesh_join(&mesh, 0, 1);
    mesh_publish(&mesh, 0, 1);
    for (int step = 0; step < 5; step++) {
        for (unsigned node = 0; node < 2; node++) {
            struct view_source source = source_of(node);

            view_status(&w, &source);
            check(&w);
            view_peers(&w, &source);
            check(&w);
        }
        switch (step) {
        case 0:
            mesh_run(&mesh, 1000);
            break;
        case 1: /* a stranger knocks, and waits */
            assert_ok(core_add_peer(mesh.nodes[2].core, mesh.nodes[0].org.identity.org, "0:1", "x",
                                    NULL, mesh.now));
            mesh_run(&mesh, 1000);
            break;
        case 2: { /* 1 is away; 0 has something for it */
            mesh.nodes[1].unreachable = true;
            mesh_stop(&mesh, 1);
            mesh_run(&mesh, 1000);
            mesh_start(&mesh, 1);
            mesh_publish(&mesh, 0, 2);
            mesh_run(&mesh, 100);
            break;
        }
        default:
            mesh_run(&mesh, 5000);
        }
    }
    mesh_free(&mesh);
    rp_writer_free(&w);
}

/* Of the organisation with this number there, 0: of all. */
static uint32_t listed_of(unsigned node, uint32_t author, const char *kind)
{
    struct view_source source = source_of(node);
    struct view_list list = {.has_kind = kind != NULL, .author = author};
    struct rp_writer w;
    uint32_t n = 0;
    int err;

    if (kind != NULL)
        strcpy(list.kind, kind);
    rp_writer_init(&w, RP_FRAME_MAX);
    while (view_list_next(&list, &w, &source, &err)) {
        check(&w);
        n++;
    }
    assert_ok(err);
    rp_writer_free(&w);
    return n;
}

static uint32_t listed(unsigned node, const char *kind)
{
    return listed_of(node, 0, kind);
}

/* A story of node 0 whose consent runs until ${review_on}. */
static struct rp_bytes story(const char *review_on, const char *use)
{
    struct rp_bytes packed;
    struct rp_record fields;
    struct rp_writer w;

    rp_writer_init(&w, 1000);
    rp_writer_map(&w, 2);
    rp_writer_str(&w, "consent");
    rp_writer_map(&w, 2);
    rp_writer_str(&w, "review_on");
    rp_writer_str(&w, review_on);
    rp_writer_str(&w, "scope");
    rp_writer_array(&w, 1);
    rp_writer_str(&w, use);
    rp_writer_str(&w, "title");
    rp_writer_str(&w, "A story");
    fields = sample_fields(&mesh.nodes[0].org, 77, rp_writer_slice(&w));
    fields.kind = rp_bytes_str("story");
    packed = sample_pack(&fields, &mesh.nodes[0].org.key);
    rp_writer_free(&w);
    return packed;
}

static void a_story_is_hidden_everywhere_when_consent_lapses(void **state)
{
    char review_on[VIEW_DATE_LEN + 1];
    struct rp_bytes packed;

    (void)state;
    mesh_init(&mesh, 2);
    mesh_join(&mesh, 0, 1);
    view_date(review_on, mesh.now + 86400000);
    packed = story(review_on, "public-web");
    assert_ok(mesh_submit(&mesh, 0, &packed));
    mesh_run(&mesh, 1000);
    assert_int_equal(listed(1, "story"), 1);
    mesh.now += 86400000;
    assert_int_equal(listed(1, "story"), 1); /* that day itself still counts */
    mesh.now += 86400000;
    for (unsigned node = 0; node < 2; node++)
        assert_int_equal(listed(node, NULL), 0);
    assert_int_equal(mesh_count(&mesh, 1, RP_SET_CONTENT), 1); /* hidden, not gone: sets agree */
    mesh_free(&mesh);
}

/* The state of the one story that ${node}'s operator is told of; NULL when there is none. */
static const char *told_of(unsigned node, bool all)
{
    static const char *const states[] = {"has run out", "holds", "runs out"};
    struct view_source source = source_of(node);
    struct view_consent walk = {.all = all};
    const char *found = NULL;
    struct rp_reader value;
    struct rp_slice state;
    struct rp_writer w;
    int err;

    rp_writer_init(&w, RP_FRAME_MAX);
    if (view_consent_next(&walk, &w, &source, &err)) {
        assert_true(rp_reader_find(rp_writer_slice(&w), "state", &value));
        state = rp_reader_str(&value);
        for (size_t i = 0; i < 3; i++) {
            if (rp_bytes_compare(state, rp_bytes_str(states[i])) == 0)
                found = states[i];
        }
        assert_non_null(found);
        check(&w);
        assert_false(view_consent_next(&walk, &w, &source, &err));
    }
    assert_ok(err);
    rp_writer_free(&w);
    return found;
}

/* From 30 days before the day until it is renewed or withdrawn; nobody else's operator is told. */
static void the_operator_is_told_when_consent_runs_out(void **state)
{
    char review_on[VIEW_DATE_LEN + 1];
    struct rp_bytes packed;

    (void)state;
    mesh_init(&mesh, 2);
    mesh_join(&mesh, 0, 1);
    view_date(review_on, mesh.now + 31 * UINT64_C(86400000));
    packed = story(review_on, "public-web");
    assert_ok(mesh_submit(&mesh, 0, &packed));
    mesh_run(&mesh, 1000);
    assert_int_equal(listed(1, "story"), 1);
    assert_null(told_of(0, false));
    assert_string_equal(told_of(0, true), "holds");
    mesh.now += UINT64_C(86400000);
    assert_string_equal(told_of(0, false), "runs out");
    mesh.now += 30 * UINT64_C(86400000); /* the day itself */
    assert_string_equal(told_of(0, false), "runs out");
    assert_int_equal(listed(0, "story"), 1);
    mesh.now += UINT64_C(86400000);
    assert_string_equal(told_of(0, false), "has run out");
    assert_int_equal(listed(0, "story"), 0);
    assert_null(told_of(1, true));
    mesh_free(&mesh);
}

static void exports_leave_out_what_consent_does_not_cover(void **state)
{
    struct view_export export = {0};
    struct view_source source;
    struct rp_bytes packed;
    struct rp_writer w;
    uint32_t n = 0;
    int err;

    (void)state;
    mesh_init(&mesh, 1);
    mesh_publish(&mesh, 0, 1);
    packed = story("2027-01-01", "training");
    assert_ok(mesh_submit(&mesh, 0, &packed));
    source = source_of(0);
    rp_writer_init(&w, RP_FRAME_MAX);
    while (view_export_next(&export, &w, &source, &err)) {
        check(&w);
        n++;
    }
    assert_ok(err);
    assert_int_equal(n, 2); /* identity and pattern */
    assert_int_equal(export.held_back, 1);
    rp_writer_free(&w);
    mesh_free(&mesh);
}

/* Version ${number} of the story, in place of ${parent} unless that is NULL. Its id in ${id}. */
static struct rp_bytes story_version(unsigned number, const char *use, const uint8_t *parent,
                                     uint8_t id[static RP_ID_LEN])
{
    struct rp_bytes first = story("2027-01-01", use);
    struct rp_opened opened;
    struct rp_record fields;
    struct rp_bytes packed;

    assert_ok(rp_record_open(&opened, rp_bytes_slice(&first)));
    fields = opened.record;
    fields.salt[0] = (uint8_t)number;
    fields.parents = parent != NULL;
    if (parent != NULL)
        memcpy(fields.parent_ids[0], parent, RP_ID_LEN);
    packed = sample_pack(&fields, &mesh.nodes[0].org.key);
    rp_record_close(&opened);
    rp_bytes_free(&first);
    assert_ok(rp_record_open(&opened, rp_bytes_slice(&packed)));
    memcpy(id, opened.record.id, RP_ID_LEN);
    rp_record_close(&opened);
    return packed;
}

static uint32_t exported(uint64_t *held_back)
{
    struct view_source source = source_of(0);
    struct view_export export = {0};
    struct rp_writer w;
    uint32_t n = 0;
    int err;

    rp_writer_init(&w, RP_FRAME_MAX);
    while (view_export_next(&export, &w, &source, &err)) {
        check(&w);
        n++;
    }
    assert_ok(err);
    rp_writer_free(&w);
    *held_back = export.held_back;
    return n;
}

/* Consent that was narrowed holds for the text that it was given for before, too. */
static void an_export_leaves_out_what_was_public_once(void **state)
{
    uint8_t ids[3][RP_ID_LEN];
    uint64_t held_back;
    struct rp_bytes packed;

    (void)state;
    mesh_init(&mesh, 1);
    packed = story_version(1, "public-web", NULL, ids[0]);
    assert_ok(mesh_submit(&mesh, 0, &packed));
    assert_int_equal(exported(&held_back), 2); /* with the identity */
    packed = story_version(2, "training", ids[0], ids[1]);
    assert_ok(mesh_submit(&mesh, 0, &packed));
    assert_int_equal(exported(&held_back), 1);
    assert_int_equal(held_back, 2);
    packed = story_version(3, "public-web", ids[1], ids[2]);
    assert_ok(mesh_submit(&mesh, 0, &packed));
    assert_int_equal(exported(&held_back), 3); /* the one in the middle never */
    assert_int_equal(held_back, 1);
    mesh_free(&mesh);
}

/* By the index of authors: neither what others wrote, nor versions that were replaced. */
static void what_an_author_has_written_is_listed(void **state)
{
    uint8_t ids[2][RP_ID_LEN];
    struct rp_bytes packed;
    struct org_view org;
    uint32_t other = 1;

    (void)state;
    mesh_init(&mesh, 2);
    mesh_join(&mesh, 0, 1);
    packed = story_version(1, "public-web", NULL, ids[0]);
    assert_ok(mesh_submit(&mesh, 0, &packed));
    packed = story_version(2, "public-web", ids[0], ids[1]);
    assert_ok(mesh_submit(&mesh, 0, &packed));
    mesh_publish(&mesh, 0, 1);
    for (unsigned i = 0; i < 3; i++)
        mesh_publish(&mesh, 1, i);
    mesh_run(&mesh, 3000);
    while (core_org(mesh.nodes[0].core, other, &org) &&
           memcmp(org.id, mesh.nodes[1].org.identity.org, RP_ID_LEN) != 0)
        other++;
    assert_int_equal(listed_of(0, ORG_SELF, NULL), 2);
    assert_int_equal(listed_of(0, ORG_SELF, "story"), 1);
    assert_int_equal(listed_of(0, ORG_SELF, "pattern"), 1);
    assert_int_equal(listed_of(0, other, NULL), 3);
    assert_int_equal(listed_of(0, other, "story"), 0);
    assert_int_equal(listed(0, NULL), 5);
    mesh_free(&mesh);
}

/* Two current versions, the newer not public: for the public there is only the other. */
static void an_object_is_shown_in_public_without_its_other_versions(void **state)
{
    struct view_source source;
    struct view_object view = {.public_only = true};
    uint8_t ids[2][RP_ID_LEN];
    struct rp_bytes packed;
    struct rp_opened opened;
    struct rp_writer w;
    int err;

    (void)state;
    mesh_init(&mesh, 1);
    packed = story_version(1, "public-web", NULL, ids[0]);
    assert_ok(mesh_submit(&mesh, 0, &packed));
    packed = story_version(2, "training", NULL, ids[1]);
    assert_ok(rp_record_open(&opened, rp_bytes_slice(&packed)));
    memcpy(view.object, opened.record.object, RP_ID_LEN);
    rp_record_close(&opened);
    assert_ok(mesh_submit(&mesh, 0, &packed));
    source = source_of(0);
    rp_writer_init(&w, RP_FRAME_MAX);
    assert_true(view_object_next(&view, &w, &source, &err));
    check(&w);
    assert_false(view_object_next(&view, &w, &source, &err));
    rp_writer_free(&w);
    mesh_free(&mesh);
}

/* A walk stops after so many entries, shown or not, and goes on where it was. */
static void long_walks_are_cut_into_turns(void **state)
{
    struct view_list list = {.author = ORG_SELF, .has_kind = true, .kind = "story"};
    struct view_export export = {0};
    struct view_source source;
    struct rp_writer w;
    uint32_t turns = 1;
    uint32_t n = 0;
    int err;

    (void)state;
    mesh_init(&mesh, 1);
    for (unsigned i = 0; i < 2 * VIEW_TURN + 10; i++)
        mesh_publish(&mesh, 0, i);
    source = source_of(0);
    rp_writer_init(&w, RP_FRAME_MAX);
    while (!view_list_next(&list, &w, &source, &err) && list.more) {
        assert_int_equal(list.looked, VIEW_TURN);
        list.looked = 0;
        turns++;
    }
    assert_int_equal(turns, 3);
    do {
        export.looked = 0;
        while (view_export_next(&export, &w, &source, &err)) {
            rp_writer_reset(&w);
            n++;
        }
    } while (export.more);
    assert_int_equal(n, 2 * VIEW_TURN + 11);
    rp_writer_free(&w);
    mesh_free(&mesh);
}

/* Contents as no kind has them are shown in part rather than not at all. */
static void odd_contents_are_shown_as_well_as_possible(void **state)
{
    struct view_source source;
    struct view_export export = {0};
    struct rp_record fields;
    struct rp_bytes packed;
    struct rp_writer w;
    uint32_t n = 0;
    int err;

    (void)state;
    mesh_init(&mesh, 1);
    rp_writer_init(&w, RP_BODY_MAX);
    rp_writer_map(&w, 2);
    rp_writer_str(&w, "many");
    rp_writer_array(&w, 16300);
    for (unsigned i = 0; i < 16300; i++)
        rp_writer_nil(&w);
    rp_writer_str(&w, "title");
    rp_writer_uint(&w, UINT64_MAX);
    fields = sample_fields(&mesh.nodes[0].org, 77, rp_writer_slice(&w));
    packed = sample_pack(&fields, &mesh.nodes[0].org.key);
    assert_ok(mesh_submit(&mesh, 0, &packed));
    rp_writer_free(&w);
    rp_writer_init(&w, RP_FRAME_MAX);
    source = source_of(0);
    while (view_export_next(&export, &w, &source, &err)) {
        check(&w);
        n++;
    }
    assert_int_equal(n, 2);
    assert_int_equal(listed(0, "pattern"), 1);
    rp_writer_free(&w);
    mesh_free(&mesh);
}

static void records_of_who_is_no_longer_accepted_are_not_shown(void **state)
{
    (void)state;
    mesh_init(&mesh, 2);
    mesh_join(&mesh, 0, 1);
    mesh_publish(&mesh, 0, 1);
    mesh_run(&mesh, 1000);
    assert_int_equal(listed(1, "pattern"), 1);
    assert_int_equal(listed(1, "story"), 0);
    assert_ok(core_remove_peer(mesh.nodes[1].core, mesh.nodes[0].org.identity.org, NULL, mesh.now));
    mesh_run(&mesh, 1000);
    assert_int_equal(listed(1, NULL), 0);
    mesh_free(&mesh);
}

static void ids_may_be_shortened_while_they_are_unique(void **state)
{
    struct view_source source;
    uint8_t object[RP_ID_LEN];
    uint8_t found[RP_ID_LEN];
    char hex[2 * RP_ID_LEN + 1];

    (void)state;
    mesh_init(&mesh, 1);
    for (unsigned i = 0; i < 300; i++)
        mesh_publish(&mesh, 0, i);
    source = source_of(0);
    for (unsigned i = 0; i < 300; i += 37) {
        struct rp_bytes packed = sample_pattern(&mesh.nodes[0].org, i);
        struct rp_opened opened;

        assert_ok(rp_record_open(&opened, rp_bytes_slice(&packed)));
        memcpy(object, opened.record.object, RP_ID_LEN);
        rp_text_hex(hex, object, RP_ID_LEN);
        for (size_t digits = 2 * RP_ID_LEN; digits >= 9; digits--) {
            hex[digits] = '\0';
            assert_ok(view_find_object(found, hex, &source));
            assert_memory_equal(found, object, RP_ID_LEN);
        }
        rp_text_hex(hex, opened.record.id, RP_ID_LEN); /* a version's id does as well */
        hex[15] = '\0';
        assert_ok(view_find_object(found, hex, &source));
        assert_memory_equal(found, object, RP_ID_LEN);
        rp_record_close(&opened);
        rp_bytes_free(&packed);
    }
    assert_int_equal(view_find_object(found, "abc", &source), RP_ERR_ARGUMENT);
    assert_int_equal(view_find_object(found, "wxyz", &source), RP_ERR_ARGUMENT);
    assert_int_equal(view_find_object(found, "0123456789abcdef", &source), RP_ERR_NOT_FOUND);
    mesh_free(&mesh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_are_those_of_the_calendar),
        cmocka_unit_test(answers_are_canonical_in_every_state),
        cmocka_unit_test(a_story_is_hidden_everywhere_when_consent_lapses),
        cmocka_unit_test(the_operator_is_told_when_consent_runs_out),
        cmocka_unit_test(exports_leave_out_what_consent_does_not_cover),
        cmocka_unit_test(an_export_leaves_out_what_was_public_once),
        cmocka_unit_test(an_object_is_shown_in_public_without_its_other_versions),
        cmocka_unit_test(what_an_author_has_written_is_listed),
        cmocka_unit_test(long_walks_are_cut_into_turns),
        cmocka_unit_test(odd_contents_are_shown_as_well_as_possible),
        cmocka_unit_test(records_of_who_is_no_longer_accepted_are_not_shown),
        cmocka_unit_test(ids_may_be_shortened_while_they_are_unique),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
