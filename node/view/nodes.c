#include <stdlib.h>
#include <string.h>

#include "rp/err.h"
#include "rp/text.h"
#include "store/audit.h"
#include "store/records.h"
#include "store/revoked.h"
#include "view_private.h"

/*
 * The nodes of our own organisation: those whose beacons came, those that were certified here, as
 * the audit log has it, and those that were revoked.
 */

#define NODES_MAX 256

struct node {
    uint8_t key[RP_KEY_LEN];
    char name[RP_NAME_LEN_MAX + 1];
    bool is_self;
    bool with_key;
    uint64_t added;   /* ms; 0: not here, as far as is known */
    uint64_t seen;    /* ms; 0: never */
    uint64_t revoked; /* ms: when that came; 0: it is not */
};

struct nodes {
    uint32_t n;
    struct node items[NODES_MAX];
};

/* The one with that key, new when it was not there. NULL: they are too many. */
static struct node *get(struct nodes *nodes, const uint8_t *key)
{
    for (uint32_t i = 0; i < nodes->n; i++) {
        if (memcmp(nodes->items[i].key, key, RP_KEY_LEN) == 0)
            return &nodes->items[i];
    }
    if (nodes->n == NODES_MAX)
        return NULL;
    memcpy(nodes->items[nodes->n].key, key, RP_KEY_LEN);
    return &nodes->items[nodes->n++];
}

static void set_name(struct node *node, struct rp_slice name)
{
    if (name.len >= sizeof node->name)
        return;
    memcpy(node->name, name.data, name.len);
    node->name[name.len] = '\0';
}

static void add_from_beacons(struct nodes *nodes, const struct view_source *source)
{
    struct core_beacon beacon;
    uint32_t at = 0;

    while (core_beacon(source->core, SCOPE_COMMONS, &at, &beacon, source->steady_ms)) {
        struct node *node = beacon.org == ORG_SELF ? get(nodes, beacon.beacon.key) : NULL;

        if (node == NULL)
            continue;
        set_name(node, rp_bytes_str(beacon.name));
        node->seen = beacon.seen;
    }
}

static void add_from_audit(struct nodes *nodes, struct kv_txn *txn)
{
    struct kv_iter it;

    for (kv_first(&it, txn, KV_AUDIT, (struct rp_slice){NULL, 0}); it.found; kv_next(&it)) {
        struct rp_reader value;
        struct audit_read entry;
        struct rp_slice key;
        struct node *node;
        bool with_key;

        if (!audit_read(it.value, &entry))
            continue;
        with_key = rp_bytes_compare(entry.what, rp_bytes_str("node-add-key")) == 0;
        if (!with_key && rp_bytes_compare(entry.what, rp_bytes_str("node-add")) != 0)
            continue;
        (void)rp_reader_find(entry.details, "node", &value);
        key = rp_reader_bin(&value);
        if (value.err != RP_OK || key.len != RP_KEY_LEN || (node = get(nodes, key.data)) == NULL)
            continue;
        node->added = entry.at;
        node->with_key |= with_key;
        if (rp_reader_find(entry.details, "name", &value))
            set_name(node, rp_reader_str(&value));
    }
}

static void add_revoked(struct nodes *nodes, struct kv_txn *txn)
{
    struct kv_key prefix = revoked_prefix(ORG_SELF);
    struct kv_iter it;

    for (kv_first(&it, txn, KV_REVOKED, kv_key_slice(&prefix)); it.found; kv_next(&it)) {
        struct node *node = get(nodes, revoked_node(it.key));
        struct rp_slice packed;
        struct place place;

        if (node != NULL && node->revoked == 0 &&
            records_load(txn, records_seq_of_key(it.key), &place, &packed))
            node->revoked = place.first_seen;
    }
}

static int collect(struct nodes *nodes, const struct view_source *source)
{
    struct node *self = get(nodes, source->self->node.public);
    struct rp_certificate certificate;
    struct kv_txn *txn;
    int err;

    self->is_self = true;
    if (rp_certificate_open(&certificate, source->self->issued) == RP_OK)
        memcpy(self->name, certificate.name, sizeof self->name);
    self->with_key = !source->self->keyless;
    add_from_beacons(nodes, source);
    if ((txn = kv_begin(source->kv, false, &err)) == NULL)
        return err;
    add_from_audit(nodes, txn);
    add_revoked(nodes, txn);
    err = kv_err(txn);
    kv_abort(txn);
    return err;
}

static void put_node(struct rp_writer *w, const struct view_source *source, const struct node *node)
{
    rp_writer_map(w, 8);
    put_time(w, "added", node->added);
    rp_writer_str(w, "linked");
    rp_writer_bool(w, core_node_linked(source->core, node->key));
    put_text(w, "name", node->name);
    put_hex(w, "node", node->key, RP_KEY_LEN);
    put_time(w, "revoked", node->revoked);
    put_time(w, "seen", node->seen);
    rp_writer_str(w, "self");
    rp_writer_bool(w, node->is_self);
    rp_writer_str(w, "with_key");
    if (node->is_self || node->added != 0)
        rp_writer_bool(w, node->with_key);
    else
        rp_writer_nil(w);
}

void view_node_list(struct rp_writer *w, const struct view_source *source)
{
    struct nodes *nodes = calloc(1, sizeof *nodes);
    int err = nodes != NULL ? collect(nodes, source) : RP_ERR_NOMEM;

    if (w->err == RP_OK)
        w->err = err;
    rp_writer_map(w, 2);
    rp_writer_str(w, "nodes");
    rp_writer_array(w, nodes != NULL ? nodes->n : 0);
    for (uint32_t i = 0; nodes != NULL && i < nodes->n; i++)
        put_node(w, source, &nodes->items[i]);
    put_text(w, "schema", "rpctl.node-list/1");
    free(nodes);
}

int view_find_node(const struct view_source *source, const char *text,
                   uint8_t out[static RP_KEY_LEN])
{
    struct nodes *nodes = calloc(1, sizeof *nodes);
    int err = nodes != NULL ? collect(nodes, source) : RP_ERR_NOMEM;
    int found = RP_ERR_NOT_FOUND;

    for (uint32_t i = 0; err == RP_OK && i < nodes->n; i++) {
        const struct node *node = &nodes->items[i];
        char hex[2 * RP_KEY_LEN + 1];

        rp_text_hex(hex, node->key, RP_KEY_LEN);
        if (strcmp(node->name, text) != 0 &&
            (strlen(text) < 4 || strncmp(hex, text, strlen(text)) != 0))
            continue;
        found = found == RP_OK ? RP_ERR_AMBIGUOUS : RP_OK;
        memcpy(out, node->key, RP_KEY_LEN);
        if (found == RP_ERR_AMBIGUOUS)
            break;
    }
    free(nodes);
    return err == RP_OK ? found : err;
}
