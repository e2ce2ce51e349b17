#include "references.h"

#include <string.h>

#include "rp/kind.h"
#include "rp/reader.h"

struct collector {
    uint8_t (*out)[RP_ID_LEN];
    uint32_t max;
    uint32_t n;
};

static void collect(struct collector *c, struct rp_slice id)
{
    if (id.len != RP_ID_LEN || c->n == c->max)
        return;
    for (uint32_t i = 0; i < c->n; i++) {
        if (memcmp(c->out[i], id.data, RP_ID_LEN) == 0)
            return;
    }
    memcpy(c->out[c->n++], id.data, RP_ID_LEN);
}

static void walk_map(struct collector *c, const struct rp_kind *kind, const struct rp_field *block,
                     struct rp_slice map);

static void walk_value(struct collector *c, const struct rp_field *field, struct rp_slice value)
{
    struct rp_reader r;

    rp_reader_init(&r, value);
    if (field->type == RP_FIELD_ID && rp_reader_peek(&r) == RP_TYPE_BIN)
        collect(c, rp_reader_bin(&r));
    else if (field->type == RP_FIELD_BLOCK)
        walk_map(c, NULL, field, value);
}

static void walk_field(struct collector *c, const struct rp_field *field, struct rp_slice value)
{
    struct rp_reader r;
    uint32_t n;

    rp_reader_init(&r, value);
    if (rp_reader_peek(&r) != RP_TYPE_ARRAY) {
        walk_value(c, field, value);
        return;
    }
    n = rp_reader_array(&r);
    for (uint32_t i = 0; i < n; i++)
        walk_value(c, field, rp_reader_item(&r));
}

/* The fields of ${map}, which are those of ${kind} or, within it, of ${block}. */
static void walk_map(struct collector *c, const struct rp_kind *kind, const struct rp_field *block,
                     struct rp_slice map)
{
    struct rp_reader r;
    uint32_t entries;

    rp_reader_init(&r, map);
    entries = rp_reader_map(&r);
    for (uint32_t i = 0; i < entries && r.err == 0; i++) {
        struct rp_slice name = rp_reader_str(&r);
        struct rp_slice value = rp_reader_item(&r);
        const struct rp_field *field = NULL;

        if (rp_bytes_compare(name, rp_bytes_str("version")) == 0)
            continue; /* a record's id, not an object's */
        if (kind != NULL)
            field = rp_kind_field(kind, name);
        for (const struct rp_field *f = block != NULL ? block->fields : NULL;
             f != NULL && f->name != NULL && field == NULL; f++) {
            if (rp_bytes_compare(rp_bytes_str(f->name), name) == 0)
                field = f;
        }
        if (field != NULL)
            walk_field(c, field, value);
    }
}

uint32_t references_of(const struct rp_record *record, uint8_t (*out)[RP_ID_LEN], uint32_t max)
{
    const struct rp_kind *kind = rp_kind_find(record->kind);
    struct collector c = {.out = out, .max = max};

    if (kind != NULL && kind->authored)
        walk_map(&c, kind, NULL, record->content);
    return c.n;
}

/* Whether ${key} of the block ${map} is the id ${id}. */
static bool names(struct rp_slice map, const char *key, const uint8_t *id)
{
    struct rp_reader value;
    struct rp_slice bin;

    if (!rp_reader_find(map, key, &value) || rp_reader_peek(&value) != RP_TYPE_BIN)
        return false;
    bin = rp_reader_bin(&value);
    return bin.len == RP_ID_LEN && memcmp(bin.data, id, RP_ID_LEN) == 0;
}

static bool is_adaptation(struct rp_slice link)
{
    struct rp_reader value;

    return rp_reader_find(link, "rel", &value) && rp_reader_peek(&value) == RP_TYPE_STR &&
           rp_bytes_compare(rp_reader_str(&value), rp_bytes_str("adapts")) == 0;
}

bool references_quote(const struct rp_record *record, const uint8_t object[static RP_ID_LEN])
{
    struct rp_reader value;
    uint32_t n;

    if (rp_reader_find(record->content, "translation_of", &value) &&
        names(rp_reader_item(&value), "object", object))
        return true;
    if (!rp_reader_find(record->content, "links", &value) ||
        rp_reader_peek(&value) != RP_TYPE_ARRAY)
        return false;
    n = rp_reader_array(&value);
    for (uint32_t i = 0; i < n && value.err == 0; i++) {
        struct rp_slice link = rp_reader_item(&value);

        if (is_adaptation(link) && names(link, "target", object))
            return true;
    }
    return false;
}
