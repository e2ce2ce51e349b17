#define _GNU_SOURCE /* RTLD_NEXT */

#include "unit.h"

#include <dlfcn.h>
#include <jansson.h>
#include <sodium.h>

#include "rp/key.h"

static enum { AS_IT_IS, COFACTORED, NOTHING_IS_GOOD } libsodium;

/* In front of libsodium's: as it is, or as it might become. */
int crypto_sign_verify_detached(const unsigned char *sig, const unsigned char *message,
                                unsigned long long len, const unsigned char *key)
{
    int (*real)(const unsigned char *, const unsigned char *, unsigned long long,
                const unsigned char *);

    *(void **)&real = dlsym(RTLD_NEXT, "crypto_sign_verify_detached");
    assert_non_null(real);
    if (libsodium == AS_IT_IS)
        return real(sig, message, len, key);
    return libsodium == COFACTORED ? 0 : -1;
}

static void notices_a_library_that_decides_otherwise(void **state)
{
    (void)state;
    assert_ok(rp_key_self_test());
    libsodium = COFACTORED;
    assert_int_equal(rp_key_self_test(), RP_ERR_SIGNATURE);
    libsodium = NOTHING_IS_GOOD;
    assert_int_equal(rp_key_self_test(), RP_ERR_SIGNATURE);
    libsodium = AS_IT_IS;
}

/*
 * The cases of ed25519-speccheck: libsodium accepts only number 3, whose key and R are of mixed
 * order and whose scalar is in range.
 */
static void decides_the_speccheck_cases_strictly(void **state)
{
    json_t *cases = json_load_file(VECTORS "/ed25519_speccheck.json", 0, NULL);
    json_t *entry;
    size_t i;

    (void)state;
    assert_int_equal(json_array_size(cases), 12);
    json_array_foreach(cases, i, entry)
    {
        struct rp_slice message = unit_hex(json_string_value(json_object_get(entry, "message")));
        struct rp_slice key = unit_hex(json_string_value(json_object_get(entry, "pub_key")));
        struct rp_slice sig = unit_hex(json_string_value(json_object_get(entry, "signature")));
        int expected = i == 3 ? RP_OK : RP_ERR_SIGNATURE;

        assert_int_equal(rp_key_verify_raw(sig.data, key.data, message.data, message.len),
                         expected);
        unit_free(message);
        unit_free(key);
        unit_free(sig);
    }
    json_decref(cases);
}

static void a_signature_serves_one_purpose_only(void **state)
{
    uint8_t seed[RP_KEY_SEED_LEN];
    uint8_t digest[RP_HASH_LEN] = {9};
    uint8_t sig[RP_SIG_LEN];
    struct rp_key key;

    (void)state;
    unit_fill(seed, 1);
    rp_key_from_seed(&key, seed);
    rp_key_sign(sig, &key, RP_DOMAIN_SIGN_RECORD, digest);
    assert_ok(rp_key_verify(sig, key.public, RP_DOMAIN_SIGN_RECORD, digest));
    assert_int_equal(rp_key_verify(sig, key.public, RP_DOMAIN_SIGN_SLIP, digest), RP_ERR_SIGNATURE);
    digest[31] ^= 1;
    assert_int_equal(rp_key_verify(sig, key.public, RP_DOMAIN_SIGN_RECORD, digest),
                     RP_ERR_SIGNATURE);
    rp_key_wipe(&key);
    assert_int_equal(key.secret[0] | key.secret[31] | key.public[5], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decides_the_speccheck_cases_strictly),
        cmocka_unit_test(notices_a_library_that_decides_otherwise),
        cmocka_unit_test(a_signature_serves_one_purpose_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
