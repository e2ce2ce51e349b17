#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "document_private.h"
#include "rp/err.h"
#include "rp/text.h"

/* From a document's fields, as JSON, to a record's content, by the table of kinds. */

#define FIELDS_MAX 64
#define TARGET_MAX 512 /* of a link to a file; what is longer is none, and is not searched for */

struct packer {
    struct document *document;
    const struct document_pack_opts *opts;
    struct document_note *problem;
    struct rp_writer *w;
    const char *field; /* the top-level one that is being written */
};

static int fail(struct packer *p, const char *field, const char *what, const char *value)
{
    p->problem->line = document_line(p->document, p->field);
    snprintf(p->problem->text, sizeof p->problem->text, "%s: %s%s%s", field, what,
             value != NULL ? " " : "", value != NULL ? value : "");
    return RP_ERR_SHAPE;
}

/* Links in running text */

/* Whether a link's target could be a file beside this one, rather than somewhere on the web. */
static bool is_local_target(const char *target, size_t len)
{
    return len > 0 && target[0] != '#' && memchr(target, ':', len) == NULL &&
           !(len > 1 && target[0] == '/' && target[1] == '/');
}

/* The id that a link's target stands for, looked up without its "#part". */
static bool resolve_target(const struct document_pack_opts *opts, const char *target, size_t len,
                           uint8_t id[static RP_ID_LEN])
{
    const char *part = memchr(target, '#', len);
    char name[TARGET_MAX];

    if (part != NULL)
        len = (size_t)(part - target);
    if (!is_local_target(target, len) || len >= sizeof name)
        return false;
    memcpy(name, target, len);
    name[len] = '\0';
    return opts->resolve(opts->ctx, name, false, id);
}

static void add_object_link(struct text *out, const uint8_t id[static RP_ID_LEN])
{
    char hex[2 * RP_ID_LEN + 1];

    rp_text_hex(hex, id, RP_ID_LEN);
    text_adds(out, "/o/");
    text_adds(out, hex);
}

/* "](target" at ${at}: writes it with the target that it stands for. False when it stands for none.
 */
static bool link_inline(struct text *out, const struct document_pack_opts *opts, const char *text,
                        size_t len, size_t *at)
{
    size_t start = *at + 2;
    size_t end = start;
    uint8_t id[RP_ID_LEN];

    while (end < len && end - start < TARGET_MAX && strchr(" )\n\t", text[end]) == NULL)
        end++;
    if (end == len || end - start == TARGET_MAX ||
        !resolve_target(opts, text + start, end - start, id))
        return false;
    text_adds(out, "](");
    add_object_link(out, id);
    *at = end;
    return true;
}

/* "[[name]]" or "[[name|words]]" at ${at}, as wikis have it. */
static bool link_wiki(struct text *out, const struct document_pack_opts *opts, const char *text,
                      size_t len, size_t *at)
{
    size_t start = *at + 2;
    size_t end = start;
    const char *bar;
    size_t name_len;
    uint8_t id[RP_ID_LEN];

    while (end + 1 < len && end - start < 2 * TARGET_MAX && text[end] != '\n' &&
           !(text[end] == ']' && text[end + 1] == ']'))
        end++;
    if (end + 1 >= len || text[end] != ']')
        return false;
    bar = memchr(text + start, '|', end - start);
    name_len = bar != NULL ? (size_t)(bar - text) - start : end - start;
    if (!resolve_target(opts, text + start, name_len, id))
        return false;
    text_adds(out, "[");
    if (bar != NULL)
        text_add(out, bar + 1, (size_t)(text + end - bar) - 1);
    else
        text_add(out, text + start, name_len);
    text_adds(out, "](");
    add_object_link(out, id);
    text_adds(out, ")");
    *at = end + 2;
    return true;
}

/* The text with links to files made links to objects. */
static void rewrite_links(struct text *out, const struct document_pack_opts *opts, const char *text,
                          size_t len)
{
    size_t at = 0;

    while (at < len) {
        bool is_inline = at + 2 < len && text[at] == ']' && text[at + 1] == '(';
        bool is_wiki = at + 4 < len && text[at] == '[' && text[at + 1] == '[';

        if ((is_inline && link_inline(out, opts, text, len, &at)) ||
            (is_wiki && link_wiki(out, opts, text, len, &at)))
            continue;
        if (text[at] != '\r') /* lines end in one way only */
            text_add(out, text + at, 1);
        at++;
    }
}

/* Values */

static int pack_md(struct packer *p, const char *name, const json_t *value)
{
    struct text text = {0};
    int err = RP_OK;

    rewrite_links(&text, p->opts, json_string_value(value), json_string_length(value));
    while (text.len > 0 && strchr(" \t\n", text.data[text.len - 1]) != NULL)
        text.len--; /* what a block of YAML ends with and a section does not */
    if (text.failed)
        err = RP_ERR_NOMEM;
    else if (text.len == 0)
        err = fail(p, name, "empty", NULL);
    else
        rp_writer_text(p->w, (struct rp_slice){(const uint8_t *)text.data, text.len});
    text_free(&text);
    return err;
}

/* One line: what YAML folded or broke becomes spaces. */
static int pack_line(struct packer *p, const json_t *value)
{
    const char *text = json_string_value(value);
    size_t len = json_string_length(value);
    char *line = malloc(len + 1);
    size_t n = 0;

    if (line == NULL)
        return RP_ERR_NOMEM;
    for (size_t i = 0; i < len; i++) {
        bool space = strchr(" \t\r\n", text[i]) != NULL;

        if (!space)
            line[n++] = text[i];
        else if (n > 0 && line[n - 1] != ' ')
            line[n++] = ' ';
    }
    while (n > 0 && line[n - 1] == ' ')
        n--;
    rp_writer_text(p->w, (struct rp_slice){(const uint8_t *)line, n});
    free(line);
    return RP_OK;
}

static int pack_int(struct packer *p, const char *name, const json_t *value)
{
    const char *text = json_string_value(value);
    char *end;
    long long number = strtoll(text, &end, 10);

    if (text[0] == '\0' || *end != '\0')
        return fail(p, name, "not a whole number:", text);
    rp_writer_int(p->w, number);
    return RP_OK;
}

static int pack_bool(struct packer *p, const char *name, const json_t *value)
{
    const char *text = json_string_value(value);
    bool yes = strcmp(text, "true") == 0 || strcmp(text, "yes") == 0;

    if (!yes && strcmp(text, "false") != 0 && strcmp(text, "no") != 0)
        return fail(p, name, "not true or false:", text);
    rp_writer_bool(p->w, yes);
    return RP_OK;
}

/* RP_ERR_NOT_FOUND: names nothing, and may be left out. */
static int pack_id(struct packer *p, const char *name, const json_t *value)
{
    const char *text = json_string_value(value);
    uint8_t id[RP_ID_LEN];

    if (!p->opts->resolve(p->opts->ctx, text, strcmp(name, "version") == 0, id)) {
        if (!p->opts->lenient)
            return fail(p, name, "there is no file or object called", text);
        document_note(p->document, document_line(p->document, p->field),
                      "%s: %s is left out, there is no such file here", p->field, text);
        return RP_ERR_NOT_FOUND;
    }
    rp_writer_bin(p->w, id, sizeof id);
    return RP_OK;
}

static int pack_hex(struct packer *p, const char *name, const json_t *value)
{
    const char *text = json_string_value(value);
    uint8_t bytes[256];
    size_t digits = strlen(text);

    if (digits % 2 != 0 || digits / 2 > sizeof bytes || !rp_text_unhex(bytes, text, digits))
        return fail(p, name, "not hex digits:", text);
    rp_writer_bin(p->w, bytes, digits / 2);
    return RP_OK;
}

static int pack_map(struct packer *p, const struct rp_field *const *lists, const json_t *map,
                    const char *inside);

static int pack_single(struct packer *p, const struct rp_field *field, const json_t *value)
{
    const struct rp_field *const lists[] = {field->fields, NULL};

    if (field->type == RP_FIELD_BLOCK)
        return json_is_object(value) ? pack_map(p, lists, value, field->name)
                                     : fail(p, field->name, "a block of fields is wanted", NULL);
    if (!json_is_string(value))
        return fail(p, field->name, "a single value is wanted", NULL);
    switch (field->type) {
    case RP_FIELD_MD:
        return pack_md(p, field->name, value);
    case RP_FIELD_INT:
        return pack_int(p, field->name, value);
    case RP_FIELD_BOOL:
        return pack_bool(p, field->name, value);
    case RP_FIELD_ID:
        return pack_id(p, field->name, value);
    case RP_FIELD_SIG:
    case RP_FIELD_BYTES:
        return pack_hex(p, field->name, value);
    default:
        return pack_line(p, value);
    }
}

/* A list, without the entries that name nothing: those are written and taken back. */
static int pack_list(struct packer *p, const struct rp_field *field, const json_t *list)
{
    struct rp_writer *outer = p->w;
    struct rp_writer inner;
    const json_t *entry;
    uint32_t n = 0;
    size_t i;
    int err = RP_OK;

    rp_writer_init(&inner, RP_BODY_MAX);
    p->w = &inner;
    json_array_foreach(list, i, entry)
    {
        size_t before = inner.len;

        err = pack_single(p, field, entry);
        if (err == RP_ERR_NOT_FOUND) {
            inner.len = before;
            err = RP_OK;
            continue;
        }
        if (err != RP_OK)
            break;
        n++;
    }
    p->w = outer;
    if (err == RP_OK)
        err = n > 0 ? inner.err : RP_ERR_NOT_FOUND;
    if (err == RP_OK) {
        rp_writer_array(outer, n);
        rp_writer_raw(outer, rp_writer_slice(&inner));
    }
    rp_writer_free(&inner);
    return err;
}

static int pack_value(struct packer *p, const struct rp_field *field, const json_t *value,
                      bool inside)
{
    json_t *single;
    int err;

    if (field->list_max == 0)
        return pack_single(p, field, value);
    if (inside && json_is_array(value) && json_array_size(value) == 0)
        return fail(p, field->name, "an empty list: fill it, or leave the field out", NULL);
    if (json_is_array(value))
        return pack_list(p, field, value);
    single = json_pack("[O]", value);
    err = single != NULL ? pack_list(p, field, single) : RP_ERR_NOMEM;
    json_decref(single);
    return err;
}

static const struct rp_field *find_field(const struct rp_field *const *lists, const char *name)
{
    for (; *lists != NULL; lists++) {
        for (const struct rp_field *field = *lists; field->name != NULL; field++) {
            if (strcmp(field->name, name) == 0)
                return field;
        }
    }
    return NULL;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A map, its keys in order; ${inside} names the block, NULL at the top. */
static int pack_map(struct packer *p, const struct rp_field *const *lists, const json_t *map,
                    const char *inside)
{
    struct rp_writer *outer = p->w;
    const char *names[FIELDS_MAX];
    struct rp_writer inner;
    const char *key;
    json_t *value;
    uint32_t n = 0;
    uint32_t written = 0;
    int err = RP_OK;

    json_object_foreach((json_t *)(uintptr_t)map, key, value)
    {
        if (n == FIELDS_MAX)
            return fail(p, key, "too many fields", NULL);
        names[n++] = key;
    }
    qsort(names, n, sizeof names[0], compare_names);
    rp_writer_init(&inner, RP_BODY_MAX);
    for (uint32_t i = 0; i < n && err == RP_OK; i++) {
        const struct rp_field *field = find_field(lists, names[i]);
        size_t before = inner.len;

        if (inside == NULL)
            p->field = names[i];
        if (field == NULL) {
            err = fail(p, inside != NULL ? inside : names[i], "has no field", names[i]);
            break;
        }
        p->w = &inner;
        rp_writer_str(&inner, names[i]);
        err = pack_value(p, field, json_object_get(map, names[i]), inside != NULL);
        p->w = outer;
        /* nothing is left of the field, which was noted; a block goes with its id */
        if (err == RP_ERR_NOT_FOUND && (inside == NULL || field->list_max > 0)) {
            inner.len = before;
            err = RP_OK;
            continue;
        }
        written++;
    }
    if (err == RP_OK)
        err = inner.err;
    if (err == RP_OK) {
        rp_writer_map(outer, written);
        rp_writer_raw(outer, rp_writer_slice(&inner));
    }
    rp_writer_free(&inner);
    return err;
}

int document_pack(struct document *document, const struct document_pack_opts *opts,
                  struct rp_writer *w, struct document_note *problem)
{
    const struct rp_field *const lists[] = {document->kind->fields, rp_kind_common, NULL};
    struct packer p = {document, opts, problem, w, ""};
    int err = pack_map(&p, lists, document->fields, NULL);

    return err == RP_OK ? w->err : err;
}
