#include "document.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "document_private.h"
#include "rp/err.h"
#include "rp/text.h"

#define HEADING_MAX 80

/* Text */

void text_add(struct text *text, const char *data, size_t len)
{
    if (text->data == NULL || len + 1 > text->cap - text->len) {
        size_t cap = text->cap > 0 ? text->cap : 256;
        char *grown;

        while (cap - text->len < len + 1)
            cap *= 2;
        grown = realloc(text->data, cap);
        if (grown == NULL) {
            text->failed = true;
            return;
        }
        text->data = grown;
        text->cap = cap;
    }
    if (len > 0)
        memcpy(text->data + text->len, data, len);
    text->len += len;
    text->data[text->len] = '\0';
}

void text_adds(struct text *text, const char *string)
{
    text_add(text, string, strlen(string));
}

void text_free(struct text *text)
{
    free(text->data);
    *text = (struct text){0};
}

size_t text_chars(const char *text, size_t len)
{
    return rp_text_chars((struct rp_slice){(const uint8_t *)text, len});
}

void document_note(struct document *document, unsigned line, const char *format, ...)
{
    struct document_note *note;
    va_list args;

    if (document->notes == DOCUMENT_NOTES_MAX)
        return;
    note = &document->note[document->notes++];
    note->line = line;
    va_start(args, format);
    vsnprintf(note->text, sizeof note->text, format, args);
    va_end(args);
}

unsigned document_line(const struct document *document, const char *field)
{
    char name[64];
    size_t n = strcspn(field, ".");
    json_int_t line;

    if (n >= sizeof name)
        return 1;
    memcpy(name, field, n);
    name[n] = '\0';
    line = json_integer_value(json_object_get(document->lines, name));
    return line > 0 ? (unsigned)line : 1;
}

static bool set_field(struct document *document, const char *name, json_t *value, unsigned line)
{
    return value != NULL && json_object_set_new(document->fields, name, value) == 0 &&
           json_object_set_new(document->lines, name, json_integer(line)) == 0;
}

bool fields_append(struct document *document, const char *name, const char *text, size_t len,
                   unsigned line)
{
    const char *before = json_string_value(json_object_get(document->fields, name));
    struct text joined = {0};
    bool ok;

    if (len == 0)
        return true;
    if (before != NULL) {
        line = document_line(document, name);
        text_adds(&joined, before);
        text_adds(&joined, "\n\n");
    }
    text_add(&joined, text, len);
    ok = !joined.failed && set_field(document, name, json_stringn(joined.data, joined.len), line);
    text_free(&joined);
    return ok;
}

/* Several lines as one: every run of white space becomes a space. */
static void to_one_line(struct text *out, const char *text, size_t len)
{
    bool space = false;

    for (size_t i = 0; i < len; i++) {
        if (strchr(" \t\r\n", text[i]) != NULL) {
            space = true;
            continue;
        }
        if (space && out->len > 0)
            text_add(out, " ", 1);
        space = false;
        text_add(out, text + i, 1);
    }
}

bool fields_set_line(struct document *document, const char *name, const char *text, size_t len,
                     unsigned line)
{
    struct text one = {0};
    bool ok;

    to_one_line(&one, text, len);
    ok = !one.failed &&
         (one.len == 0 || set_field(document, name, json_stringn(one.data, one.len), line));
    text_free(&one);
    return ok;
}

/* Names in other libraries' files for fields of ours. */

static const struct alias {
    const char *name;
    const char *field;
} front_aliases[] = {
    {"description", "summary"},       {"what", "summary"},       {"why", "rationale"},
    {"license", "licence"},           {"credit", "attribution"}, {"category", "tags"},
    {"categories", "tags"},           {"keywords", "tags"},      {"language", "lang"},
    {"solution", "guidance"},         {"examples", "instances"}, {"alias", "aliases"},
    {"known_instances", "instances"}, {"related", "links"},      {"authors", "contributors"},
    {"author", "contributors"},
};

static const struct alias heading_aliases[] = {
    {"title", "title"},
    {"patlet", "summary"},
    {"summary", "summary"},
    {"in short", "summary"},
    {"question", "question"},
    {"problem", "problem"},
    {"problem statement", "problem"},
    {"challenge", "problem"},
    {"context", "context"},
    {"forces", "forces"},
    {"solution", "guidance"},
    {"solutions", "guidance"},
    {"solution(s)", "guidance"},
    {"how to do it", "guidance"},
    {"what helps", "guidance"},
    {"resulting context", "results"},
    {"consequences", "results"},
    {"rationale", "rationale"},
    {"why", "rationale"},
    {"known instances", "instances"},
    {"known uses", "instances"},
    {"examples", "instances"},
    {"cautions", "caution"},
    {"alias", "aliases"},
    {"aliases", "aliases"},
    {"also known as", "aliases"},
    {"author", "contributors"},
    {"authors", "contributors"},
    {"author(s)", "contributors"},
};

static const char *find_alias(const struct alias *aliases, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(aliases[i].name, name) == 0)
            return aliases[i].field;
    }
    return NULL;
}

#define FRONT_ALIASES (sizeof front_aliases / sizeof front_aliases[0])
#define HEADING_ALIASES (sizeof heading_aliases / sizeof heading_aliases[0])

/* Front matter */

/* A list of maps with title and description, as text: "- **title**: description". */
static json_t *list_as_text(const json_t *list)
{
    struct text text = {0};
    const json_t *entry;
    json_t *value;
    size_t i;

    json_array_foreach(list, i, entry)
    {
        const char *title = json_string_value(json_object_get(entry, "title"));
        const char *description = json_string_value(json_object_get(entry, "description"));
        const char *plain = json_string_value(entry);

        text_adds(&text, i > 0 ? "\n- " : "- ");
        if (title != NULL) {
            text_adds(&text, "**");
            text_adds(&text, title);
            text_adds(&text, description != NULL ? "**: " : "**");
        }
        if (description != NULL)
            text_adds(&text, description);
        if (plain != NULL)
            text_adds(&text, plain);
    }
    value = text.failed ? NULL : json_stringn(text.data != NULL ? text.data : "", text.len);
    text_free(&text);
    return value;
}

/* Entries that are only a word, where blocks are wanted: links to it, or people called so. */
static json_t *words_as_blocks(const struct rp_field *field, const json_t *words)
{
    bool links = strcmp(field->name, "links") == 0;
    json_t *list = json_array();
    const json_t *entry;
    int failed = 0;
    size_t i;

    json_array_foreach(words, i, entry)
    {
        if (!json_is_string(entry))
            failed |= json_array_append(list, (json_t *)(uintptr_t)entry);
        else if (links)
            failed |= json_array_append_new(
                list, json_pack("{s:s, s:O}", "rel", "related", "target", entry));
        else
            failed |= json_array_append_new(
                list, json_pack("{s:O, s:s}", "name", entry, "role", "author"));
    }
    if (failed == 0)
        return list;
    json_decref(list);
    return NULL;
}

static bool takes_words(const struct rp_field *field)
{
    return strcmp(field->name, "links") == 0 || strcmp(field->name, "contributors") == 0;
}

/* A value of front matter in the form that ${field} wants: a list where lists are wanted, ... */
static json_t *shape_value(const struct rp_field *field, json_t *value)
{
    json_t *list;
    json_t *shaped;

    if (field->type == RP_FIELD_MD && json_is_array(value))
        return list_as_text(value);
    if (field->list_max == 0)
        return json_incref(value);
    list = json_is_array(value) ? json_incref(value) : json_pack("[O]", value);
    if (list == NULL || !takes_words(field))
        return list;
    shaped = words_as_blocks(field, list);
    json_decref(list);
    return shaped;
}

/* Says of ${key}, which has no place in the record, why: in a note, or as the ${problem}. */
static int leave_out(struct document *document, const struct document_opts *opts, unsigned line,
                     const char *key, bool is_twice, struct document_note *problem)
{
    if (opts->lenient) {
        document_note(document, line,
                      is_twice ? "%s: left out, the field stands there already"
                               : "%s: left out, there is no field for it",
                      key);
        return RP_OK;
    }
    problem->line = line;
    if (is_twice)
        snprintf(problem->text, sizeof problem->text,
                 "%s: stands there twice: under another name, or once more under params", key);
    else
        snprintf(problem->text, sizeof problem->text, "%s: a %s has no such field", key,
                 document->kind->name);
    return RP_ERR_SHAPE;
}

/* The fields in one map of front matter. */
static int take_fields(struct document *document, const json_t *map, const json_t *lines,
                       const struct document_opts *opts, struct document_note *problem)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)map, key, value)
    {
        unsigned line = (unsigned)json_integer_value(json_object_get(lines, key));
        const struct rp_field *field = rp_kind_field(document->kind, rp_bytes_str(key));
        const char *alias = find_alias(front_aliases, FRONT_ALIASES, key);
        bool is_twice;
        int err;

        if (front_matter_is_setting(key) || front_matter_is_params(key))
            continue;
        if (field == NULL && alias != NULL)
            field = rp_kind_field(document->kind, rp_bytes_str(alias));
        is_twice = field != NULL && json_object_get(document->fields, field->name) != NULL;
        if (field != NULL && !is_twice) {
            if (!set_field(document, field->name, shape_value(field, value), line))
                return RP_ERR_NOMEM;
        } else if ((err = leave_out(document, opts, line, key, is_twice, problem)) != RP_OK) {
            return err;
        }
    }
    return RP_OK;
}

static int take_front(struct document *document, const struct front_matter *front,
                      const struct document_opts *opts, struct document_note *problem)
{
    int err = take_fields(document, front->map, front->lines, opts, problem);
    const char *key;
    json_t *value;

    json_object_foreach(front->map, key, value)
    {
        if (err == RP_OK && front_matter_is_params(key))
            err = take_fields(document, value, front->params_lines, opts, problem);
    }
    return err;
}

/* Sections */

/* A heading as it is looked up: lower case, without a number or a colon. */
static void normal_heading(char out[static HEADING_MAX], const struct section *section)
{
    size_t n = 0;

    for (size_t i = 0; i < section->heading_len && n < HEADING_MAX - 1; i++)
        out[n++] = (char)tolower((unsigned char)section->heading[i]);
    while (n > 0 && (out[n - 1] == ':' || out[n - 1] == ' '))
        n--;
    out[n] = '\0';
}

/* The field that a heading stands for, by its label or by the table of other libraries' headings.
 */
static const struct rp_field *field_of_heading(const struct document *document, const char *heading)
{
    const struct rp_field *lists[] = {document->kind->fields, rp_kind_common};
    const char *alias = find_alias(heading_aliases, HEADING_ALIASES, heading);

    for (int i = 0; i < 2; i++) {
        for (const struct rp_field *f = lists[i]; f->name != NULL; f++) {
            char label[HEADING_MAX];
            struct section fake = {.heading = f->label != NULL ? f->label : f->name};

            fake.heading_len = strlen(fake.heading);
            normal_heading(label, &fake);
            if (f->type == RP_FIELD_MD && strcmp(label, heading) == 0)
                return f;
        }
    }
    return alias != NULL ? rp_kind_field(document->kind, rp_bytes_str(alias)) : NULL;
}

/* Keeps a section that no field takes, heading and all, in the body. */
static bool keep_in_body(struct document *document, const struct section *section)
{
    struct text text = {0};
    bool ok;

    if (section->heading_len > 0) {
        text_adds(&text, "## ");
        text_add(&text, section->heading, section->heading_len);
        text_adds(&text, section->text_len > 0 ? "\n\n" : "");
    }
    text_add(&text, section->text, section->text_len);
    ok = !text.failed && fields_append(document, "body", text.data, text.len, section->line);
    text_free(&text);
    return ok;
}

/* The next item of a Markdown list, without its bullet; false at the end. */
static bool next_item(const char **at, const char *end, const char **item, size_t *len)
{
    while (*at < end) {
        const char *newline = memchr(*at, '\n', (size_t)(end - *at));
        const char *line_end = newline != NULL ? newline : end;
        const char *start = *at;

        *at = newline != NULL ? newline + 1 : end;
        while (start < line_end && strchr(" \t*-+", *start) != NULL)
            start++;
        while (line_end > start && strchr(" \t\r", line_end[-1]) != NULL)
            line_end--;
        if (line_end > start) {
            *item = start;
            *len = (size_t)(line_end - start);
            return true;
        }
    }
    return false;
}

/* The text of a list item without the address of a link that it is: "[Ann](http...)" -> "Ann". */
static json_t *plain_item(const char *item, size_t len)
{
    struct text text = {0};
    json_t *value;

    for (size_t i = 0; i < len; i++) {
        if (item[i] == '[')
            continue;
        if (item[i] == ']') {
            if (i + 1 < len && item[i + 1] == '(') {
                const char *close = memchr(item + i, ')', len - i);

                i = close != NULL ? (size_t)(close - item) : len;
            }
            continue;
        }
        text_add(&text, item + i, 1);
    }
    value = text.failed ? NULL : json_stringn(text.data != NULL ? text.data : "", text.len);
    text_free(&text);
    return value;
}

/* A list in running text as the list that ${field} wants; RP_ERR_LIMIT when it does not fit in
 * there. */
static int take_list(struct document *document, const struct rp_field *field,
                     const struct section *section)
{
    bool blocks = field->type == RP_FIELD_BLOCK;
    int32_t max = blocks ? field->fields[0].max : field->max;
    json_t *list = json_array();
    const char *at = section->text;
    const char *item;
    int err = RP_OK;
    size_t len;

    if (list == NULL)
        return RP_ERR_NOMEM;
    while (err == RP_OK && next_item(&at, section->text + section->text_len, &item, &len)) {
        json_t *value = plain_item(item, len);

        if (value == NULL)
            err = RP_ERR_NOMEM;
        else if (json_string_length(value) == 0 ||
                 text_chars(json_string_value(value), json_string_length(value)) > (size_t)max ||
                 json_array_size(list) == field->list_max)
            err = RP_ERR_LIMIT;
        else if (json_array_append_new(
                     list, blocks ? json_pack("{s:O, s:s}", "name", value, "role", "author")
                                  : json_incref(value)) != 0)
            err = RP_ERR_NOMEM;
        json_decref(value);
    }
    if (err == RP_OK && json_array_size(list) == 0)
        err = RP_ERR_LIMIT;
    if (err != RP_OK) {
        json_decref(list);
        return err;
    }
    return set_field(document, field->name, list, section->line) ? RP_OK : RP_ERR_NOMEM;
}

static bool take_section(struct document *document, const struct section *section)
{
    char heading[HEADING_MAX];
    const struct rp_field *field;
    bool is_filled;

    normal_heading(heading, section);
    if (section->level == 0)
        return fields_append(document, "body", section->text, section->text_len, section->line);
    field = field_of_heading(document, heading);
    is_filled = field != NULL && json_object_get(document->fields, field->name) != NULL;
    if (field == NULL && section->level == 1 && json_object_get(document->fields, "title") == NULL)
        return fields_set_line(document, "title", section->heading, section->heading_len,
                               section->line) &&
               fields_append(document, "body", section->text, section->text_len, section->line);
    if (field != NULL && field->type == RP_FIELD_MD &&
        text_chars(section->text, section->text_len) <= (size_t)field->max && !is_filled)
        return fields_append(document, field->name, section->text, section->text_len,
                             section->line);
    if (field != NULL && field->type == RP_FIELD_TEXT && field->list_max == 0 && !is_filled &&
        text_chars(section->text, section->text_len) <= (size_t)field->max)
        return fields_set_line(document, field->name, section->text, section->text_len,
                               section->line);
    if (field != NULL && field->list_max > 0 && !is_filled) {
        int err = take_list(document, field, section);

        if (err != RP_ERR_LIMIT)
            return err == RP_OK;
    }
    return section->heading_len == 0 && section->text_len == 0 ? true
                                                               : keep_in_body(document, section);
}

/* What is missing */

/* Up to ${max} characters of the first paragraph of ${text}, cut after a whole sentence or word. */
static void first_paragraph(struct text *out, const char *text, size_t max)
{
    const char *end = strstr(text, "\n\n");
    size_t cut = 0;
    size_t chars = 0;

    to_one_line(out, text, end != NULL ? (size_t)(end - text) : strlen(text));
    if (out->data == NULL || text_chars(out->data, out->len) <= max)
        return;
    for (size_t i = 0; i < out->len && chars < max; i++) {
        chars += ((unsigned char)out->data[i] & 0xc0) != 0x80;
        if (out->data[i] == ' ' && i > 0 && strchr(".?!", out->data[i - 1]) != NULL)
            cut = i;
    }
    for (size_t i = 0; cut == 0 && i < max && i < out->len; i++)
        cut = out->data[i] == ' ' ? i : cut;
    out->len = cut;
    out->data[cut] = '\0';
}

/* Other libraries' texts without a summary get their own first words for one, and a note of it. */
static bool fill_summary(struct document *document)
{
    static const char *const sources[] = {"problem",   "what_happened", "description", "guidance",
                                          "rationale", "context",       "body"};
    const struct rp_field *field = rp_kind_field(document->kind, rp_bytes_str("summary"));

    for (const char *const *name = document->kind->waives; name != NULL && *name != NULL; name++) {
        if (strcmp(*name, "summary") == 0)
            return true;
    }
    if (json_object_get(document->fields, "summary") != NULL)
        return true;
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        const char *text = json_string_value(json_object_get(document->fields, sources[i]));
        struct text summary = {0};
        bool ok;

        if (text == NULL)
            continue;
        while (*text == '#' || *text == '\n') /* not a heading */
            text += strcspn(text, "\n") + (text[strcspn(text, "\n")] == '\n');
        first_paragraph(&summary, text, (size_t)field->max);
        if (summary.failed || summary.len == 0) {
            ok = !summary.failed;
            text_free(&summary);
            if (!ok)
                return false;
            continue;
        }
        ok = set_field(document, "summary", json_stringn(summary.data, summary.len),
                       document_line(document, sources[i]));
        text_free(&summary);
        document_note(document, document_line(document, sources[i]),
                      "summary: taken from the beginning of %s", sources[i]);
        return ok;
    }
    return true;
}

static bool mentions_versions(const json_t *value)
{
    const char *key;
    const json_t *entry;
    size_t i;

    if (json_is_object(value)) {
        json_object_foreach((json_t *)(uintptr_t)value, key, entry)
        {
            if (strcmp(key, "version") == 0 || mentions_versions(entry))
                return true;
        }
    }
    json_array_foreach(value, i, entry)
    {
        if (mentions_versions(entry))
            return true;
    }
    return false;
}

static int read_sections(struct document *document, const char *text, size_t len, unsigned line)
{
    struct section section;
    size_t at = 0;

    while (section_next(&section, text, len, &at, &line)) {
        if (!take_section(document, &section))
            return RP_ERR_NOMEM;
    }
    return RP_OK;
}

int document_read(struct document *out, const char *text, size_t len,
                  const struct document_opts *opts, struct document_note *problem)
{
    static const char bom[] = "\xef\xbb\xbf";
    struct front_matter front = {.map = NULL};
    int err;

    *out = (struct document){.kind = opts->kind, .fields = json_object(), .lines = json_object()};
    *problem = (struct document_note){1, ""};
    if (out->fields == NULL || out->lines == NULL)
        return RP_ERR_NOMEM;
    if (len >= 3 && memcmp(text, bom, 3) == 0) {
        text += 3;
        len -= 3;
    }
    if (len > DOCUMENT_SIZE_MAX ||
        !rp_text_is_utf8((struct rp_slice){(const uint8_t *)text, len}) ||
        memchr(text, '\0', len) != NULL) {
        snprintf(problem->text, sizeof problem->text, "%s",
                 len > DOCUMENT_SIZE_MAX ? "larger than 4 MiB" : "not UTF-8 text");
        return RP_ERR_SHAPE;
    }
    err = front_matter_read(&front, text, len, problem);
    if (err == RP_OK)
        err = front_matter_settings(&front, out, problem);
    if (err == RP_OK)
        err = take_front(out, &front, opts, problem);
    if (err == RP_OK)
        err = read_sections(out, text + front.body, len - front.body, front.body_line);
    front_matter_free(&front);
    if (err == RP_OK && opts->lenient && !fill_summary(out))
        err = RP_ERR_NOMEM;
    if (err == RP_OK)
        out->refers_to_versions = mentions_versions(out->fields);
    return err;
}

void document_free(struct document *document)
{
    json_decref(document->fields);
    json_decref(document->lines);
}
