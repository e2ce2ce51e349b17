#include "rp/err.h"
#include "store/chain.h"
#include "view_private.h"

/* Whether there is anything to say about the keys of an organisation. */
static bool is_notable(const struct org_view *org)
{
    return org->successions > 0 || org->forked || org->false_successions > 0;
}

/* The ids of the two successions at which the chain forks, so that people can ask about them. */
static void put_rivals(struct rp_writer *w, const struct view_source *source, uint32_t number)
{
    struct chain chain = {.rivals = 0};
    struct kv_txn *txn;
    int err;

    if ((txn = kv_begin(source->kv, false, &err)) != NULL) {
        (void)chain_load(txn, number, &chain);
        err = kv_err(txn);
        kv_abort(txn);
    }
    if (w->err == RP_OK)
        w->err = err;
    rp_writer_str(w, "rivals");
    rp_writer_array(w, chain.rivals);
    for (uint32_t i = 0; i < chain.rivals; i++)
        put_hex_item(w, chain.ids[chain.identity.number + i], RP_ID_LEN);
}

void put_organisations(struct rp_writer *w, const struct view_source *source)
{
    struct org_view org;
    uint32_t n = 0;

    for (uint32_t i = 1; core_org(source->core, i, &org); i++)
        n += is_notable(&org);
    rp_writer_str(w, "organisations");
    rp_writer_array(w, n);
    for (uint32_t i = 1; core_org(source->core, i, &org); i++) {
        if (!is_notable(&org))
            continue;
        rp_writer_map(w, 6);
        put_uint(w, "false_successions", org.false_successions);
        put_text(w, "keys", org.forked ? "forked" : org.successions > 0 ? "replaced" : "first");
        put_text(w, "name", org.name);
        put_org(w, "organisation", org.id);
        put_rivals(w, source, i);
        put_uint(w, "successions", org.successions);
    }
}

const char *own_key_word(const struct view_source *source)
{
    static const char *const words[] = {
        [CORE_SIGNS] = "in use",  [CORE_KEYLESS] = "elsewhere", [CORE_REPLACED] = "replaced",
        [CORE_FORKED] = "forked", [CORE_REVOKED] = "revoked",
    };

    return words[core_signing(source->core)];
}

bool own_key_is_good(const struct view_source *source)
{
    enum core_signing signing = core_signing(source->core);

    return signing == CORE_SIGNS || signing == CORE_KEYLESS;
}
