#include "site.h"

#include "web/pages.h"

/* Another version of the first pattern, made without knowing of those between. */
static void change_first(struct fuzz_peer *site, unsigned number)
{
    const struct sample_org *org = &fuzz_parties()->orgs[0];
    struct rp_bytes content = sample_content("The first pattern, changed");
    struct rp_record fields = sample_fields(org, number, rp_bytes_slice(&content));
    const struct rp_record first = sample_fields(org, 0, fields.content);
    struct rp_bytes packed;

    memcpy(fields.seed, first.seed, RP_SEED_LEN);
    fields.parents = 1;
    memcpy(fields.parent_ids[0], fuzz_parties()->own[0], RP_ID_LEN);
    packed = sample_pack(&fields, &org->key);
    must(fuzz_peer_submit(site, &packed) == RP_OK);
    rp_bytes_free(&content);
}

/* A pattern that links to one of the others and to what is local. */
static void link_to(struct fuzz_peer *site, const uint8_t *object)
{
    const uint8_t *const targets[] = {object, fuzz_parties()->local};
    uint8_t id[RP_ID_LEN];
    struct rp_writer w;

    rp_writer_init(&w, RP_BODY_MAX);
    rp_writer_map(&w, 3);
    rp_writer_str(&w, "lang");
    rp_writer_str(&w, "en");
    rp_writer_str(&w, "links");
    rp_writer_array(&w, 2);
    for (int i = 0; i < 2; i++) {
        rp_writer_map(&w, 2);
        rp_writer_str(&w, "rel");
        rp_writer_str(&w, "related");
        rp_writer_str(&w, "target");
        rp_writer_bin(&w, targets[i], RP_ID_LEN);
    }
    rp_writer_str(&w, "title");
    rp_writer_str(&w, "One that links");
    must(fuzz_site_publish(site, rp_kind_find(rp_bytes_str("pattern")), rp_writer_slice(&w), id));
    rp_writer_free(&w);
}

/* So that there are all sorts of pages: of what was withdrawn, linked to, changed twice, and of
 * others' records. */
static void fill(struct fuzz_peer *site)
{
    const struct fuzz_parties *parties = fuzz_parties();
    const struct rp_record first = sample_fields(&parties->orgs[0], 0, (struct rp_slice){0});
    uint8_t object[RP_ID_LEN];
    struct rp_bytes packed;

    rp_record_object(object, first.org, first.seed, NULL);
    change_first(site, 600);
    change_first(site, 601);
    link_to(site, object);
    must(core_accept_org(site->core, rp_bytes_slice(&parties->orgs[1].inception), site->now) ==
         RP_OK);
    fuzz_peer_settle(site);
    for (unsigned i = 0; i < FUZZ_RECORDS; i++) {
        must(rp_bytes_copy(&packed, parties->records[i].data, parties->records[i].len) == RP_OK);
        (void)fuzz_peer_submit(site, &packed); /* some are not to be taken */
    }
    fuzz_peer_settle(site);
}

struct fuzz_peer *fuzz_site(void)
{
    static struct fuzz_peer site; /* making one takes longer than a hundred pages */

    if (site.core == NULL) {
        fuzz_peer_init(&site, true, true);
        fill(&site);
    }
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
