#include "peer.h"

#include "rp/beacon.h"

/* A sealed beacon, or, past its signature, one that is signed here. What is read is sealed the same
 * again, but for what later versions may add. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    const struct rp_key *key = &fuzz_parties()->orgs[0].key;
    struct rp_slice issued = fuzz_piece(&in);
    struct rp_slice sealed = fuzz_rest(&in);
    static struct rp_beacon beacons[2];
    struct rp_certificate certificate;
    struct rp_bytes again;

    if (rp_beacon_open(&beacons[0], &certificate, sealed) == RP_OK)
        must(memcmp(certificate.sign, beacons[0].key, RP_KEY_LEN) == 0);
    if (rp_beacon_read(&beacons[0], sealed) != RP_OK)
        return 0;
    must(beacons[0].addresses <= RP_ADDRESSES_MAX);
    must(beacons[0].withdrawals <= RP_BEACON_WITHDRAWALS_MAX);
    if (rp_beacon_seal(&again, &beacons[0], key, issued) == RP_OK) {
        must(rp_beacon_read(&beacons[1], rp_bytes_slice(&again)) == RP_OK);
        must(beacons[0].time == beacons[1].time && beacons[0].state == beacons[1].state);
        must(fuzz_same(beacons[0].software, beacons[1].software));
        rp_bytes_free(&again);
    }
    return 0;
}
