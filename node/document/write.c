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

static void write_scalar(struct text *out, const json_t *value)
{
    char number[32];
    char *quoted;

    if (json_is_string(value) && is_plain(json_string_value(value))) {
        text_adds(out, json_string_value(value));
    } else if (json_is_string(value)) {
        quoted = json_dumps(value, JSON_ENCODE_ANY); /* what JSON quotes YAML reads, too */
        if (quoted == NULL)
            out->failed = true;
        else
            text_adds(out, quoted);
        free(quoted);
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

    text_adds(x->out, name != NULL ? name : json_string_value(value));
}

static void write_value(struct exporter *x, const struct rp_field *field, const json_t *value,
                        unsigned depth);

/* The fields of a block, in the order of the table. */
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

        if (link == NULL || strlen(link + 5) < 2 * RP_ID_LEN) {
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

/* Whether a field goes into a section of its own rather than into front matter. */
static bool is_section(const struct rp_field *field)
{
    return field->type == RP_FIELD_MD && strcmp(field->name, "body") != 0;
}

static void write_sections(struct exporter *x, const struct rp_field *fields, const json_t *content)
{
    for (; fields->name != NULL; fields++) {
        const char *text = json_string_value(json_object_get(content, fields->name));

        if (text == NULL || !is_section(fields))
            continue;
        text_adds(x->out, "\n## ");
        text_adds(x->out, fields->label != NULL ? fields->label : fields->name);
        text_adds(x->out, "\n\n");
        write_text(x, text);
        text_adds(x->out, "\n");
    }
}

static void write_front(struct exporter *x, const struct rp_field *fields, const json_t *content)
{
    for (; fields->name != NULL; fields++) {
        const json_t *value = json_object_get(content, fields->name);

        if (value == NULL || is_section(fields) || strcmp(fields->name, "body") == 0)
            continue;
        text_adds(x->out, fields->name);
        text_adds(x->out, ":");
        write_value(x, fields, value, 0);
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
        write_text(&x, body);
        text_adds(&out, "\n");
    }
    write_sections(&x, kind->fields, content);
    if (out.failed) {
        text_free(&out);
        return NULL;
    }
    return out.data;
}
