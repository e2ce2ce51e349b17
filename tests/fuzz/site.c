#include "site.h"

#include "web/pages.h"

struct fuzz_peer *fuzz_site(void)
{
    static struct fuzz_peer site; /* making one takes longer than a hundred pages */

    if (site.core == NULL)
        fuzz_peer_init(&site, true, true);
    return &site;
}

bool fuzz_site_publish(struct fuzz_peer *site, const struct rp_kind *kind, struct rp_slice content,
                       uint8_t id[static RP_ID_LEN])
{
    const struct sample_org *org = &fuzz_parties()->orgs[0];
    struct rp_record fields = sample_fields(org, 500, content);
    struct rp_bytes packed;
    struct rp_bytes body;

    fields.kind = rp_bytes_str(kind->name);
    fields.set = kind->set;
    rp_record_object(id, fields.org, fields.seed, NULL);
    if (rp_record_write(&body, &fields) != RP_OK)
        return false;
    must(rp_record_pack(&packed, rp_bytes_slice(&body), &org->key, RP_CODEC_PLAIN) == RP_OK);
    rp_bytes_free(&body);
    return fuzz_peer_submit(site, &packed) == RP_OK;
}

void fuzz_site_source(struct view_source *source, const struct fuzz_peer *site)
{
    *source = (struct view_source){
        .kv = site->kv,
        .core = site->core,
        .self = &fuzz_parties()->self,
        .web = "off",
        .now_ms = site->now,
    };
}

void fuzz_site_visit(struct fuzz_peer *site, const char *path, const char *after)
{
    struct page page = {.status = 0};
    struct view_source source;

    fuzz_site_source(&source, site);
    page_answer(&page, path, after, &source);
    must(page.status >= 200 && page.status < 600 && page.body.err == RP_OK);
    must(page.status != 500 || strncmp(page.type, "text/plain", 10) == 0);
    if (strncmp(page.type, "text/html", 9) == 0)
        fuzz_check_html(rp_writer_slice(&page.body));
    must(!fuzz_contains(rp_writer_slice(&page.body), rp_bytes_str(FUZZ_LOCAL_TITLE)));
    page_free(&page);
}
