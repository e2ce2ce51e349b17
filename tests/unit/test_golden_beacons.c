#include "golden.h"

#include "rp/beacon.h"
#include "sample.h"

/* Beacons (SPEC 3.7), as the second implementation writes them. */

static void check_tally(const struct rp_tally *tally, json_t *list, size_t at)
{
    assert_true(tally->count == (uint64_t)json_integer_value(json_array_get(list, at)));
    golden_assert_hex((struct rp_slice){tally->digest, RP_HASH_LEN},
                      json_string_value(json_array_get(list, at + 1)));
}

static void check_fields(const struct rp_beacon *beacon, json_t *fields)
{
    json_t *withdrawals = json_object_get(fields, "withdrawals");
    json_t *addresses = json_object_get(fields, "addresses");
    json_t *scope = json_object_get(fields, "scope");
    char time[24];

    if (json_is_null(scope))
        assert_memory_equal(beacon->scope, rp_record_commons, RP_ID_LEN);
    else
        golden_assert((struct rp_slice){beacon->scope, RP_ID_LEN}, fields, "scope");
    golden_assert((struct rp_slice){beacon->org, RP_ID_LEN}, fields, "org");
    golden_assert((struct rp_slice){beacon->key, RP_KEY_LEN}, fields, "key");
    snprintf(time, sizeof time, "%llu", (unsigned long long)beacon->time);
    assert_string_equal(time, golden_text(fields, "time"));
    golden_assert_text(beacon->software, fields, "software");
    assert_int_equal(beacon->addresses, json_array_size(addresses));
    for (uint32_t i = 0; i < beacon->addresses; i++)
        assert_int_equal(rp_bytes_compare(beacon->address[i], rp_bytes_str(json_string_value(
                                                                  json_array_get(addresses, i)))),
                         0);
    assert_true(beacon->state == golden_number(fields, "state"));
    check_tally(&beacon->own[RP_SET_CONTROL], json_object_get(fields, "control"), 0);
    check_tally(&beacon->own[RP_SET_CONTENT], json_object_get(fields, "content"), 0);
    assert_int_equal(beacon->withdrawals, json_array_size(withdrawals));
    for (uint32_t i = 0; i < beacon->withdrawals; i++) {
        json_t *entry = json_array_get(withdrawals, i);

        golden_assert_hex((struct rp_slice){beacon->withdrawn[i].org, RP_ID_LEN},
                          json_string_value(json_array_get(entry, 0)));
        check_tally(&beacon->withdrawn[i].tally, entry, 1);
    }
}

static void beacons_are_read_and_sealed_alike(void **state)
{
    json_t *v;
    size_t i;

    (void)state;
    json_array_foreach(golden_part("beacons"), i, v)
    {
        struct rp_slice sealed = golden_hex(v, "sealed");
        struct rp_slice issued = golden_hex(v, "issued");
        struct rp_certificate certificate;
        struct rp_beacon beacon;
        uint8_t seed[RP_KEY_SEED_LEN];
        struct rp_bytes again;
        struct rp_key node;

        assert_ok(rp_beacon_open(&beacon, &certificate, sealed));
        check_fields(&beacon, json_object_get(v, "fields"));
        assert_memory_equal(certificate.org, beacon.org, RP_ID_LEN);
        assert_memory_equal(certificate.sign, beacon.key, RP_KEY_LEN);
        assert_string_equal(certificate.name, "Attic");
        golden_into(seed, sizeof seed, v, "node_seed");
        rp_key_from_seed(&node, seed);
        assert_ok(rp_beacon_seal(&again, &beacon, &node, issued));
        golden_assert(rp_bytes_slice(&again), v, "sealed");
        rp_bytes_free(&again);
        unit_free(sealed);
        unit_free(issued);
    }
    assert_true(i >= 6);
}

static void others_are_refused(void **state)
{
    unsigned wrong = 0;
    json_t *v;
    size_t i;

    (void)state;
    json_array_foreach(golden_part("beacons_invalid"), i, v)
    {
        struct rp_slice sealed = golden_hex(v, "sealed");
        struct rp_certificate certificate;
        struct rp_beacon beacon;
        int err = rp_beacon_open(&beacon, &certificate, sealed);

        golden_expect(err < 0 && err != RP_ERR_VERSION, v, &wrong);
        unit_free(sealed);
    }
    assert_int_equal(wrong, 0);
    assert_true(i > 30);
}

static void what_later_versions_say_is_no_fault(void **state)
{
    struct rp_certificate certificate;
    struct rp_beacon beacon;
    struct rp_slice sealed = golden_hex(json_array_get(golden_part("beacons_later"), 0), "sealed");

    (void)state;
    assert_int_equal(rp_beacon_open(&beacon, &certificate, sealed), RP_ERR_VERSION);
    unit_free(sealed);
    sealed = golden_hex(json_array_get(golden_part("beacons_more"), 0), "sealed");
    assert_ok(rp_beacon_open(&beacon, &certificate, sealed));
    unit_free(sealed);
}

/* What cannot be read by others is not written. */
static void what_nobody_would_take_is_not_sealed(void **state)
{
    struct rp_beacon beacon = {.software = rp_bytes_str("two\nlines")};
    struct rp_slice issued = {NULL, 0};
    struct sample_org org = sample_org_new(1);
    struct rp_bytes sealed;

    (void)state;
    assert_int_equal(rp_beacon_seal(&sealed, &beacon, &org.key, issued), RP_ERR_SHAPE);
    beacon.software = rp_bytes_str("one line");
    beacon.addresses = RP_ADDRESSES_MAX + 1;
    assert_int_equal(rp_beacon_seal(&sealed, &beacon, &org.key, issued), RP_ERR_SHAPE);
    beacon.addresses = 1;
    beacon.address[0] = rp_bytes_str("");
    assert_int_equal(rp_beacon_seal(&sealed, &beacon, &org.key, issued), RP_ERR_SHAPE);
    beacon.addresses = 0;
    beacon.withdrawals = 2; /* of one organisation */
    assert_int_equal(rp_beacon_seal(&sealed, &beacon, &org.key, issued), RP_ERR_SHAPE);
    assert_null(sealed.data);
    beacon.withdrawals = 1;
    assert_ok(rp_beacon_seal(&sealed, &beacon, &org.key, issued));
    rp_bytes_free(&sealed);
    sample_org_free(&org);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beacons_are_read_and_sealed_alike),
        cmocka_unit_test(others_are_refused),
        cmocka_unit_test(what_later_versions_say_is_no_fault),
        cmocka_unit_test(what_nobody_would_take_is_not_sealed),
    };

    return cmocka_run_group_tests(tests, golden_load, golden_unload);
}
