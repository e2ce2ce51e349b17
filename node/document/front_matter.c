#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "document_private.h"
#include "rp/err.h"
#include "rp/text.h"

#define DEPTH_MAX 8

/* Whether the line at ${at} is dashes (or the dots that may end front matter) only. */
static bool is_fence(const char *text, size_t len, size_t at, bool closing)
{
    size_t end = text_line_end(text, len, at);

    while (end > at && strchr("\n\r\t ", text[end - 1]) != NULL)
        end--;
    return end - at == 3 &&
           (memcmp(text + at, "---", 3) == 0 || (closing && memcmp(text + at, "...", 3) == 0));
}

struct parse {
    yaml_parser_t yaml;
    struct document_note *problem;
    unsigned line_before; /* lines before the YAML */
    json_t *params_lines;
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
    if (parse->yaml.error == YAML_MEMORY_ERROR)
        return RP_ERR_NOMEM;
    /* the context says where what is not closed was opened, rather than where the text ends */
    return fail(parse,
                line_of(parse, parse->yaml.context != NULL ? &parse->yaml.context_mark
                                                           : &parse->yaml.problem_mark),
                parse->yaml.problem != NULL ? parse->yaml.problem : "not YAML");
}

static bool is_utf8(const char *text, size_t len)
{
    return rp_text_is_utf8((struct rp_slice){(const uint8_t *)text, len});
}

bool front_matter_is_params(const char *key)
{
    return strcasecmp(key, "params") == 0;
}

static int read_value(struct parse *parse, yaml_event_t *event, int depth, json_t *lines,
                      json_t **out);

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
        if ((err = read_value(parse, &event, depth, NULL, &value)) == RP_OK && value != NULL &&
            json_array_append_new(*out, value) != 0)
            err = RP_ERR_NOMEM;
    }
    return *out == NULL ? RP_ERR_NOMEM : err;
}

/* One value of a map, whose key has been read. */
static int read_entry(struct parse *parse, const yaml_event_t *key, int depth, json_t *lines,
                      json_t *out)
{
    const char *name = (const char *)key->data.scalar.value;
    unsigned line = line_of(parse, &key->start_mark);
    bool params = depth == 1 && front_matter_is_params(name);
    yaml_event_t event;
    json_t *value = NULL;
    int err;

    if (json_object_get(out, name) != NULL || json_object_get(lines, name) != NULL)
        return fail(parse, line, "a key stands there twice");
    if ((err = next_event(parse, &event)) != RP_OK ||
        (err = read_value(parse, &event, depth, params ? parse->params_lines : NULL, &value)) !=
            RP_OK)
        return err;
    if (!is_utf8(name, strlen(name))) {
        json_decref(value);
        return fail(parse, line, "not UTF-8");
    }
    if (value != NULL && json_object_set_new(out, name, value) != 0)
        return RP_ERR_NOMEM;
    return lines == NULL || json_object_set_new(lines, name, json_integer(line)) == 0
               ? RP_OK
               : RP_ERR_NOMEM;
}

/* A map; ${lines} (may be NULL) notes on which line each key stands. */
static int read_map(struct parse *parse, int depth, json_t *lines, json_t **out)
{
    int err = RP_OK;

    *out = json_object();
    while (*out != NULL && err == RP_OK) {
        yaml_event_t key;

        if ((err = next_event(parse, &key)) != RP_OK)
            break;
        if (key.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&key);
            return RP_OK;
        }
        if (key.type != YAML_SCALAR_EVENT)
            err = fail(parse, line_of(parse, &key.start_mark), "a key must be a word");
        else
            err = read_entry(parse, &key, depth, lines, *out);
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
static int read_value(struct parse *parse, yaml_event_t *event, int depth, json_t *lines,
                      json_t **out)
{
    unsigned line = line_of(parse, &event->start_mark);
    yaml_event_type_t type = event->type;
    int err = RP_OK;

    *out = NULL;
    if (type == YAML_SCALAR_EVENT && !is_nothing(event)) {
        bool is_text = is_utf8((const char *)event->data.scalar.value, event->data.scalar.length);

        *out = json_stringn((const char *)event->data.scalar.value, event->data.scalar.length);
        if (*out == NULL)
            err = is_text ? RP_ERR_NOMEM : fail(parse, line, "not UTF-8");
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
        err = read_map(parse, depth + 1, lines, out);
    else
        err = fail(parse, line, "not YAML");
    if (err != RP_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return err;
}

/* Nothing may follow the map: what it says would be lost, and that may be who sees the text. */
static int read_end(struct parse *parse)
{
    yaml_event_t event;
    int err;

    for (int i = 0; i < 2; i++) { /* the end of the document, and that of the stream */
        bool is_end;

        if ((err = next_event(parse, &event)) != RP_OK)
            return err;
        is_end = event.type == (i == 0 ? YAML_DOCUMENT_END_EVENT : YAML_STREAM_END_EVENT);
        if (!is_end)
            err = fail(parse, line_of(parse, &event.start_mark),
                       "it goes on behind its first block, and only that would be read");
        yaml_event_delete(&event);
        if (err != RP_OK)
            return err;
    }
    return RP_OK;
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
    err = read_map(parse, 1, out->lines, &out->map);
    return err == RP_OK ? read_end(parse) : err;
}

/* Goes over blank lines at the beginning; how many there are. */
static unsigned skip_blank(const char *text, size_t len, size_t *at)
{
    unsigned lines = 0;

    for (size_t i = 0; i < len && strchr(" \t\r\n", text[i]) != NULL; i++) {
        if (text[i] == '\n') {
            *at = i + 1;
            lines++;
        }
    }
    return lines;
}

int front_matter_read(struct front_matter *out, const char *text, size_t len,
                      struct document_note *problem)
{
    struct parse parse = {.problem = problem};
    size_t at = 0;
    size_t start;
    int err;

    *out = (struct front_matter){json_object(), json_object(), json_object(), 0, 1};
    if (out->map == NULL || out->lines == NULL || out->params_lines == NULL)
        return RP_ERR_NOMEM;
    parse.params_lines = out->params_lines;
    parse.line_before = skip_blank(text, len, &at) + 1;
    if (len - at >= 3 && memcmp(text + at, "+++", 3) == 0 && text_line_end(text, len, at) - at <= 5)
        return fail(&parse, parse.line_before,
                    "TOML (+++) is not read: write it as YAML between lines of three dashes");
    if (len - at < 4 || !is_fence(text, len, at, false))
        return RP_OK;
    start = at = text_line_end(text, len, at);
    out->body_line = parse.line_before + 1;
    while (at < len && !is_fence(text, len, at, true)) {
        at = text_line_end(text, len, at);
        out->body_line++;
    }
    if (at >= len)
        return fail(&parse, parse.line_before, "there is no line of dashes at its end");
    out->body = text_line_end(text, len, at);
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
    json_decref(front->params_lines);
}

/* Settings */

enum setting { SETTING_KIND, SETTING_AUDIENCE, SETTING_OBJECT, SETTING_DRAFT, SETTINGS };

static const char *const setting_names[SETTINGS] = {
    [SETTING_KIND] = "kind",
    [SETTING_AUDIENCE] = "audience",
    [SETTING_OBJECT] = "object",
    [SETTING_DRAFT] = "draft",
};

static enum setting find_setting(const char *key)
{
    int setting = 0;

    while (setting < SETTINGS && strcasecmp(key, setting_names[setting]) != 0)
        setting++;
    return (enum setting)setting;
}

bool front_matter_is_setting(const char *key)
{
    return find_setting(key) != SETTINGS;
}

/* Takes the value ${text}; what it would have to be, or NULL when all is well. */
static const char *take_setting(struct document *document, enum setting setting, const char *text)
{
    uint8_t id[RP_ID_LEN];

    switch (setting) {
    case SETTING_KIND:
        document->kind = rp_kind_find(rp_bytes_str(text));
        return document->kind != NULL && document->kind->authored ? NULL
                                                                  : "there is no kind called";
    case SETTING_AUDIENCE:
        if (strcmp(text, "local") != 0 && strcmp(text, "commons") != 0 &&
            strncmp(text, "circle:", 7) != 0)
            return "must be local, commons or circle:NAME, not";
        if (strlen(text) >= sizeof document->audience)
            return "is longer than the name of a circle can be:";
        memcpy(document->audience, text, strlen(text) + 1);
        return NULL;
    case SETTING_OBJECT:
        if (strlen(text) != 2 * RP_ID_LEN || !rp_text_unhex(id, text, 2 * RP_ID_LEN))
            return "must be the whole id of an object, 64 hex digits, not";
        memcpy(document->object, text, 2 * RP_ID_LEN + 1);
        return NULL;
    default:
        document->is_draft = strcmp(text, "true") == 0;
        return document->is_draft || strcmp(text, "false") == 0 ? NULL
                                                                : "must be true or false, not";
    }
}

/* Those in one map; ${seen} has a bit for each that was met. */
static int take_settings(struct document *document, const json_t *map, const json_t *lines,
                         unsigned *seen, struct document_note *problem)
{
    const char *key;
    json_t *line;

    json_object_foreach((json_t *)(uintptr_t)lines, key, line)
    {
        enum setting setting = find_setting(key);
        const json_t *value = json_object_get(map, key);
        const char *wanted = "one word must follow, not";
        const char *text = json_string_value(value);

        if (setting == SETTINGS)
            continue;
        if ((*seen & 1u << setting) != 0)
            wanted = "stands there twice; the second says";
        else if (text != NULL && strlen(text) == json_string_length(value))
            wanted = take_setting(document, setting, text);
        *seen |= 1u << setting;
        if (wanted == NULL)
            continue;
        problem->line = (unsigned)json_integer_value(line);
        snprintf(problem->text, sizeof problem->text, "%s: %s %s", key, wanted,
                 text != NULL            ? text
                 : json_is_array(value)  ? "a list"
                 : json_is_object(value) ? "a block"
                                         : "nothing");
        return RP_ERR_SHAPE;
    }
    return RP_OK;
}

int front_matter_settings(const struct front_matter *front, struct document *document,
                          struct document_note *problem)
{
    unsigned seen = 0;
    const char *key;
    json_t *value;
    int err = take_settings(document, front->map, front->lines, &seen, problem);

    json_object_foreach(front->map, key, value)
    {
        if (err != RP_OK || !front_matter_is_params(key))
            continue;
        if (json_is_object(value)) {
            err = take_settings(document, value, front->params_lines, &seen, problem);
            continue;
        }
        problem->line = (unsigned)json_integer_value(json_object_get(front->lines, key));
        snprintf(problem->text, sizeof problem->text,
                 "%s: lines of the form  name: value  are expected under it", key);
        err = RP_ERR_SHAPE;
    }
    return err;
}
