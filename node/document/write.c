#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "document_private.h"
#include "rp/err.h"

/* From a record's content, as views give it, to a file. */

#define SLUG_MAX 60

void document_slug(char *out, size_t size, const char *title)
{
    size_t max = size - 1 < SLUG_MAX ? size - 1 : SLUG_MAX;
    size_t n = 0;

    for (const char *c = title; *c != '\0' && n < max; c++) {
        char lower = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;

        if ((lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9'))
            out[n++] = lower;
        else if (n > 0 && out[n - 1] != '-' && (unsigned char)lower < 0x80)
            out[n++] = '-';
    }
    while (n > 0 && out[n - 1] == '-')
        n--;
    if (n == 0)
        n = (size_t)snprintf(out, size, "untitled");
    out[n] = '\0';
}

static void indent(struct text *out, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++)
        text_adds(out, "  ");
}

/* Whether a word can stand in YAML without quotes and still be read as text. */
static bool is_plain(const char *text)
{
    static const char *const taken[] = {"true", "false", "yes", "no", "null", "on", "off"};
    size_t len = strlen(text);

    if (len == 0 || strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == 0)
        return false;
    if (strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./ ") !=
            len ||
        text[len - 1] == ' ')
        return false;
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        if (strcmp(text, taken[i]) == 0)
            return false;
    }
    return true;
}

/* Whether a character must be escaped in YAML between quotes: what its readers refuse, and what a
 * person who looks at the file would not see. */
static bool is_hidden(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0xfeff || c == 0xfffe || c == 0xffff;
}

/* The character at ${text}, valid UTF-8 of at least one byte; its length in ${n}. */
static uint32_t read_char(const unsigned char *text, size_t *n)
{
    uint32_t c = text[0];

    *n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (*n > 1)
        c &= 0x7fu >> *n;
    for (size_t i = 1; i < *n; i++)
        c = c << 6 | (text[i] & 0x3fu);
    return c;
}

static void write_quoted(struct text *out, const char *text, size_t len)
{
    size_t n;

    text_adds(out, "\"");
    for (size_t at = 0; at < len; at += n) {
        uint32_t c = read_char((const unsigned char *)text + at, &n);
        char escape[8];

        if (c == '"' || c == '\\')
            text_adds(out, "\\");
        if (c == '\n') {
            text_adds(out, "\\n");
        } else if (is_hidden(c)) {
            snprintf(escape, sizeof escape, "\\u%04x", (unsigned)c);
            text_adds(out, escape);
        } else {
            text_add(out, text + at, n);
        }
    }
    text_adds(out, "\"");
}

static void write_scalar(struct text *out, const json_t *value)
{
    char number[32];

    if (json_is_string(value) && is_plain(json_string_value(value)) &&
        strlen(json_string_value(value)) == json_string_length(value)) {
        text_adds(out, json_string_value(value));
    } else if (json_is_string(value)) {
        write_quoted(out, json_string_value(value), json_string_length(value));
    } else if (json_is_integer(value)) {
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
        text_adds(out, number);
    } else {
        text_adds(out, json_is_true(value) ? "true" : "false");
    }
}

struct exporter {
    struct text *out;
    const struct document_write_opts *opts;
};

/* An id as the name of the file that holds the object, when it is among those written. */
static void write_id(struct exporter *x, const json_t *value)
{
    const char *name = x->opts->name_of(x->opts->ctx, json_string_value(value));

    if (name == NULL)
        write_scalar(x->out, value);
    else if (name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-./")] == '\0')
        text_adds(x->out, name);
    else
        write_quoted(x->out, name, strlen(name));
}

/*
 * Records of others hold whatever their software wrote: what of ${value} has the shape that the
 * field's table says, as a new reference; NULL when nothing has. ${failed}: memory was short.
 */
static json_t *fitting(const struct rp_field *field, const json_t *value, bool *failed);

static json_t *fitting_block(const struct rp_field *fields, const json_t *map, bool *failed)
{
    json_t *block = json_is_object(map) ? json_object() : NULL;

    for (; block != NULL && fields->name != NULL; fields++) {
        json_t *value = fitting(fields, json_object_get(map, fields->name), failed);

        if (value != NULL && json_object_set_new(block, fields->name, value) != 0)
            *failed = true;
    }
    *failed |= block == NULL && json_is_object(map);
    if (json_object_size(block) > 0)
        return block;
    json_decref(block);
    return NULL;
}

static json_t *fitting_single(const struct rp_field *field, const json_t *value, bool *failed)
{
    if (field->type == RP_FIELD_BLOCK)
        return fitting_block(field->fields, value, failed);
    if (json_is_string(value) || json_is_integer(value) || json_is_boolean(value))
        return json_incref((json_t *)(uintptr_t)value);
    return NULL;
}

static json_t *fitting(const struct rp_field *field, const json_t *value, bool *failed)
{
    const json_t *entry;
    json_t *list;
    size_t i;

    if (field->list_max == 0)
        return fitting_single(field, value, failed);
    list = json_array();
    *failed |= list == NULL;
    json_array_foreach(value, i, entry)
    {
        json_t *single = fitting_single(field, entry, failed);

        if (single != NULL && json_array_append_new(list, single) != 0)
            *failed = true;
    }
    if (json_array_size(list) > 0)
        return list;
    json_decref(list);
    return NULL;
}

static void write_value(struct exporter *x, const struct rp_field *field, const json_t *value,
                        unsigned depth);

/* The fields of a block that fits, in the order of the table. */
static void write_block(struct exporter *x, const struct rp_field *fields, const json_t *map,
                        unsigned depth, bool first_inline)
{
    for (; fields->name != NULL; fields++) {
        const json_t *value = json_object_get(map, fields->name);

        if (value == NULL)
            continue;
        if (!first_inline)
            indent(x->out, depth);
        first_inline = false;
        text_adds(x->out, fields->name);
        text_adds(x->out, ":");
        write_value(x, fields, value, depth);
    }
}

static void write_single(struct exporter *x, const struct rp_field *field, const json_t *value)
{
    if (field->type == RP_FIELD_ID && json_is_string(value))
        write_id(x, value);
    else
        write_scalar(x->out, value);
}

static void write_value(struct exporter *x, const struct rp_field *field, const json_t *value,
                        unsigned depth)
{
    const json_t *entry;
    size_t i;

    if (field->list_max == 0 && field->type == RP_FIELD_BLOCK) {
        text_adds(x->out, "\n");
        write_block(x, field->fields, value, depth + 1, false);
        return;
    }
    if (field->list_max == 0) {
        text_adds(x->out, " ");
        write_single(x, field, value);
        text_adds(x->out, "\n");
        return;
    }
    text_adds(x->out, "\n");
    json_array_foreach(value, i, entry)
    {
        indent(x->out, depth + 1);
        text_adds(x->out, "- ");
        if (field->type == RP_FIELD_BLOCK) {
            write_block(x, field->fields, entry, depth + 2, true);
        } else {
            write_single(x, field, entry);
            text_adds(x->out, "\n");
        }
    }
}

/* Running text with links to objects made links to the files that hold them. */
static void write_text(struct exporter *x, const char *text)
{
    while (*text != '\0') {
        const char *link = strstr(text, "](/o/");
        char object[2 * RP_ID_LEN + 1];
        const char *name = NULL;

        if (link == NULL || strnlen(link + 5, 2 * RP_ID_LEN) < 2 * RP_ID_LEN) {
            text_adds(x->out, text);
            return;
        }
        memcpy(object, link + 5, 2 * RP_ID_LEN);
        object[2 * RP_ID_LEN] = '\0';
        name = x->opts->name_of(x->opts->ctx, object);
        text_add(x->out, text, (size_t)(link - text) + 2);
        if (name != NULL) {
            text_adds(x->out, name);
            text = link + 5 + 2 * RP_ID_LEN;
        } else {
            text = link + 2;
        }
    }
}

/* Whether a field goes into running text rather than into front matter. */
static bool is_running(const struct rp_field *field, const json_t *value)
{
    return field->type == RP_FIELD_MD && json_is_string(value);
}

/* The same as a part of a file: a fence that it leaves open must not swallow what follows. */
static void write_part(struct exporter *x, const char *text)
{
    char fence = text_open_fence(text, strlen(text));

    write_text(x, text);
    if (fence != 0)
        text_adds(x->out, fence == '~' ? "\n~~~" : "\n```");
    text_adds(x->out, "\n");
}

static void write_sections(struct exporter *x, const struct rp_field *fields, const json_t *content)
{
    for (; fields->name != NULL; fields++) {
        const json_t *value = json_object_get(content, fields->name);

        if (!is_running(fields, value))
            continue;
        text_adds(x->out, "\n## ");
        text_adds(x->out, fields->label != NULL ? fields->label : fields->name);
        text_adds(x->out, "\n\n");
        write_part(x, json_string_value(value));
    }
}

/* The fields that front matter takes; what does not fit one is named in a remark. */
static void write_front(struct exporter *x, const struct rp_field *fields, const json_t *content)
{
    for (; fields->name != NULL; fields++) {
        const json_t *value = json_object_get(content, fields->name);

        json_t *fits;

        if (value == NULL || is_running(fields, value))
            continue;
        fits = fields->type == RP_FIELD_MD ? NULL : fitting(fields, value, &x->out->failed);
        text_adds(x->out, fits != NULL ? "" : "# left out, being no value of this field: ");
        text_adds(x->out, fields->name);
        text_adds(x->out, fits != NULL ? ":" : "\n");
        if (fits != NULL)
            write_value(x, fields, fits, 0);
        json_decref(fits);
    }
}

char *document_write(const json_t *content, const struct document_write_opts *opts)
{
    const struct rp_kind *kind = rp_kind_find(rp_bytes_str(opts->kind));
    const char *body = json_string_value(json_object_get(content, "body"));
    struct text out = {0};
    struct exporter x = {&out, opts};

    if (kind == NULL || !kind->authored)
        return NULL;
    text_adds(&out, "---\nkind: ");
    text_adds(&out, opts->kind);
    text_adds(&out, "\nobject: ");
    text_adds(&out, opts->object);
    text_adds(&out, "\naudience: ");
    text_adds(&out, opts->audience);
    text_adds(&out, "\n");
    write_front(&x, rp_kind_common, content);
    write_front(&x, kind->fields, content);
    text_adds(&out, "---\n");
    if (body != NULL) { /* before the sections: it may have headings of its own */
        text_adds(&out, "\n");
        write_part(&x, body);
    }
    write_sections(&x, kind->fields, content);
    if (out.failed) {
        text_free(&out);
        return NULL;
    }
    return out.data;
}
