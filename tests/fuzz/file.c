#include "file.h"

#include <jansson.h>

#include "document/document.h"

/* Half of all names are those of other files. */
static bool resolve(void *ctx, const char *name, bool version, uint8_t id[static RP_ID_LEN])
{
    (void)ctx;
    memset(id, version ? 0xbb : 0xaa, RP_ID_LEN);
    return strlen(name) % 2 == 0;
}

static const char *name_of(void *ctx, const char *object)
{
    (void)ctx;
    return object[0] == 'a' ? "ab" : NULL;
}

int fuzz_file_read(struct fuzz_file *file, struct rp_slice text, const struct rp_kind *kind,
                   bool lenient)
{
    struct document_opts opts = {kind, lenient};
    struct document_pack_opts pack = {.resolve = resolve, .lenient = lenient};
    struct document_note problem = {0};
    struct document document;
    int err;

    if (kind == NULL)
        opts.kind = rp_kind_find(rp_bytes_str("pattern"));
    rp_writer_init(&file->content, RP_BODY_MAX);
    err = document_read(&document, (const char *)text.data, text.len, &opts, &problem);
    if (err == RP_OK)
        err = document_pack(&document, &pack, &file->content, &problem);
    file->kind = document.kind;
    document_free(&document);
    if (err != RP_OK) {
        must(err != RP_ERR_SHAPE || problem.text[0] != '\0');
        fuzz_file_free(file);
    }
    return err;
}

void fuzz_file_free(struct fuzz_file *file)
{
    rp_writer_free(&file->content);
}

bool fuzz_file_holds(const struct fuzz_file *file)
{
    struct rp_problem problem;

    return rp_kind_check(file->kind, rp_writer_slice(&file->content), false, &problem) == RP_OK;
}

/* Content as views give it: what is binary as hex. */
static json_t *json_of(struct rp_reader *r)
{
    struct rp_slice slice;
    char hex[2 * RP_SIG_LEN + 1];
    json_t *value;

    switch (rp_reader_peek(r)) {
    case RP_TYPE_BOOL:
        return json_boolean(rp_reader_bool(r));
    case RP_TYPE_UINT:
    case RP_TYPE_INT:
        return json_integer(rp_reader_int(r));
    case RP_TYPE_STR:
        slice = rp_reader_str(r);
        return json_stringn((const char *)slice.data, slice.len);
    case RP_TYPE_BIN:
        slice = rp_reader_bin(r);
        must(slice.len <= RP_SIG_LEN);
        rp_text_hex(hex, slice.data, slice.len);
        return json_string(hex);
    case RP_TYPE_ARRAY:
        value = json_array();
        for (uint32_t n = rp_reader_array(r); n > 0; n--)
            must(json_array_append_new(value, json_of(r)) == 0);
        return value;
    case RP_TYPE_MAP:
        value = json_object();
        for (uint32_t n = rp_reader_map(r); n > 0; n--) {
            slice = rp_reader_str(r);
            must(json_object_setn_new(value, (const char *)slice.data, slice.len, json_of(r)) == 0);
        }
        return value;
    default:
        fuzz_fail(__FILE__, __LINE__, "content is of types that files have");
    }
}

char *fuzz_file_write(const struct fuzz_file *file)
{
    struct document_write_opts opts = {
        .kind = file->kind->name,
        .object = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        .audience = "commons",
        .name_of = name_of,
    };
    struct rp_reader r;
    json_t *content;
    char *text;

    rp_reader_init(&r, rp_writer_slice(&file->content));
    content = json_of(&r);
    text = document_write(content, &opts);
    json_decref(content);
    return text;
}
