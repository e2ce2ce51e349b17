#include <string.h>
#include <yaml.h>

#include "document_private.h"
#include "rp/err.h"

#define DEPTH_MAX 8

/* Where a line ends, behind its newline. */
static size_t line_end(const char *text, size_t len, size_t at)
{
    const char *newline = memchr(text + at, '\n', len - at);

    return newline != NULL ? (size_t)(newline - text) + 1 : len;
}

/* Whether the line at ${at} is dashes (or the dots that may end front matter) only. */
static bool is_fence(const char *text, size_t len, size_t at, bool closing)
{
    size_t end = line_end(text, len, at);

    while (end > at && (text[end - 1] == '\n' || text[end - 1] == '\r' || text[end - 1] == ' '))
        end--;
    return end - at == 3 &&
           (memcmp(text + at, "---", 3) == 0 || (closing && memcmp(text + at, "...", 3) == 0));
}

struct parse {
    yaml_parser_t yaml;
    struct document_note *problem;
    unsigned line_before; /* lines before the YAML */
};

static unsigned line_of(const struct parse *parse, const yaml_mark_t *mark)
{
    return parse->line_before + (unsigned)mark->line + 1;
}

static int fail(struct parse *parse, unsigned line, const char *what)
{
    parse->problem->line = line;
    snprintf(parse->problem->text, sizeof parse->problem->text, "front matter: %s", what);
    return RP_ERR_SHAPE;
}

static int next_event(struct parse *parse, yaml_event_t *event)
{
    if (yaml_parser_parse(&parse->yaml, event))
        return RP_OK;
    /* the context says where what is not closed was opened, rather than where the text ends */
    return fail(parse,
                line_of(parse, parse->yaml.context != NULL ? &parse->yaml.context_mark
                                                           : &parse->yaml.problem_mark),
                parse->yaml.problem != NULL ? parse->yaml.problem : "not YAML");
}

static int read_value(struct parse *parse, yaml_event_t *event, int depth, json_t **out);

static int read_list(struct parse *parse, int depth, json_t **out)
{
    int err = RP_OK;

    *out = json_array();
    while (*out != NULL && err == RP_OK) {
        yaml_event_t event;
        json_t *value = NULL;

        if ((err = next_event(parse, &event)) != RP_OK)
            break;
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            return RP_OK;
        }
        if ((err = read_value(parse, &event, depth, &value)) == RP_OK && value != NULL &&
            json_array_append_new(*out, value) != 0)
            err = RP_ERR_NOMEM;
    }
    return *out == NULL ? RP_ERR_NOMEM : err;
}

/* A map; ${lines} (may be NULL) notes on which line each key stands. */
static int read_map(struct parse *parse, int depth, json_t *lines, json_t **out)
{
    int err = RP_OK;

    *out = json_object();
    while (*out != NULL && err == RP_OK) {
        yaml_event_t key;
        yaml_event_t event;
        json_t *value = NULL;
        const char *name;

        if ((err = next_event(parse, &key)) != RP_OK)
            break;
        if (key.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&key);
            return RP_OK;
        }
        if (key.type != YAML_SCALAR_EVENT) {
            err = fail(parse, line_of(parse, &key.start_mark), "a key must be a word");
            yaml_event_delete(&key);
            break;
        }
        name = (const char *)key.data.scalar.value;
        if (json_object_get(*out, name) != NULL)
            err = fail(parse, line_of(parse, &key.start_mark), "a key stands there twice");
        if (err == RP_OK && (err = next_event(parse, &event)) == RP_OK)
            err = read_value(parse, &event, depth, &value);
        if (err == RP_OK && value != NULL) {
            if (lines != NULL)
                json_object_set_new(lines, name, json_integer(line_of(parse, &key.start_mark)));
            if (json_object_set_new(*out, name, value) != 0)
                err = fail(parse, line_of(parse, &key.start_mark), "not UTF-8");
        }
        yaml_event_delete(&key);
    }
    return *out == NULL ? RP_ERR_NOMEM : err;
}

static bool is_nothing(const yaml_event_t *event)
{
    const char *value = (const char *)event->data.scalar.value;

    return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (value[0] == '\0' || strcmp(value, "~") == 0 || strcmp(value, "null") == 0);
}

/* Turns ${event} and what belongs to it into a value; NULL for nothing. Deletes the event. */
static int read_value(struct parse *parse, yaml_event_t *event, int depth, json_t **out)
{
    unsigned line = line_of(parse, &event->start_mark);
    yaml_event_type_t type = event->type;
    int err = RP_OK;

    *out = NULL;
    if (type == YAML_SCALAR_EVENT && !is_nothing(event)) {
        *out = json_stringn((const char *)event->data.scalar.value, event->data.scalar.length);
        if (*out == NULL)
            err = fail(parse, line, "not UTF-8");
    } else if (type == YAML_ALIAS_EVENT) {
        err = fail(parse, line, "aliases (*) are not read: write the value out");
    }
    yaml_event_delete(event);
    if (err != RP_OK || type == YAML_SCALAR_EVENT)
        return err;
    if (depth == DEPTH_MAX)
        return fail(parse, line, "lists or blocks inside one another too deeply");
    if (type == YAML_SEQUENCE_START_EVENT)
        err = read_list(parse, depth + 1, out);
    else if (type == YAML_MAPPING_START_EVENT)
        err = read_map(parse, depth + 1, NULL, out);
    else
        err = fail(parse, line, "not YAML");
    if (err != RP_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return err;
}

/* The events around the one map that front matter is. */
static int read_document(struct parse *parse, struct front_matter *out)
{
    yaml_event_t event;
    yaml_event_type_t type;
    int err;

    do {
        if ((err = next_event(parse, &event)) != RP_OK)
            return err;
        type = event.type;
        yaml_event_delete(&event);
    } while (type == YAML_STREAM_START_EVENT || type == YAML_DOCUMENT_START_EVENT);
    if (type == YAML_STREAM_END_EVENT)
        return RP_OK; /* empty */
    if (type != YAML_MAPPING_START_EVENT)
        return fail(parse, parse->line_before + 1, "lines of the form  name: value  are expected");
    json_decref(out->map);
    return read_map(parse, 1, out->lines, &out->map);
}

int front_matter_read(struct front_matter *out, const char *text, size_t len,
                      struct document_note *problem)
{
    struct parse parse = {.problem = problem, .line_before = 1};
    size_t at;
    size_t start;
    int err;

    *out = (struct front_matter){json_object(), json_object(), 0, 1};
    if (out->map == NULL || out->lines == NULL)
        return RP_ERR_NOMEM;
    if (len < 4 || !is_fence(text, len, 0, false))
        return RP_OK;
    start = at = line_end(text, len, 0);
    out->body_line = 2;
    while (at < len && !is_fence(text, len, at, true)) {
        at = line_end(text, len, at);
        out->body_line++;
    }
    if (at >= len)
        return fail(&parse, 1, "there is no line of dashes at its end");
    out->body = line_end(text, len, at);
    out->body_line++;
    if (!yaml_parser_initialize(&parse.yaml))
        return RP_ERR_NOMEM;
    yaml_parser_set_encoding(&parse.yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parse.yaml, (const unsigned char *)text + start, at - start);
    err = read_document(&parse, out);
    yaml_parser_delete(&parse.yaml);
    return err;
}

void front_matter_free(struct front_matter *front)
{
    json_decref(front->map);
    json_decref(front->lines);
}
