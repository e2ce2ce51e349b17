#ifndef DOCUMENT_PRIVATE_H
#define DOCUMENT_PRIVATE_H

#include "document.h"

/* A growing string. */
struct text {
    char *data; /* NUL-terminated once anything was added */
    size_t len;
    size_t cap;
    bool failed; /* memory was short */
};
void text_add(struct text *text, const char *data, size_t len);
void text_adds(struct text *text, const char *string);
void text_free(struct text *text);

/* Where the line at ${at} ends, behind its newline. */
size_t text_line_end(const char *text, size_t len, size_t at);

/*
 * Front matter: the one YAML map between two lines of dashes at the beginning. The values are
 * strings, lists and maps; nothing is guessed from how a value looks. ${body} is where the rest
 * begins, ${body_line} its first line. Without front matter ${out} is an empty map.
 */
struct front_matter {
    json_t *map;
    json_t *lines;        /* key -> line, also of keys that nothing follows */
    json_t *params_lines; /* the same of what stands under "params" */
    size_t body;
    unsigned body_line;
};
int front_matter_read(struct front_matter *out, const char *text, size_t len,
                      struct document_note *problem);
void front_matter_free(struct front_matter *front);

/*
 * Takes what front matter says about the file itself, at its top or under "params", into
 * ${document}: kind, audience, object, draft. They decide who sees the text, so whatever their case
 * they are recognised, and a value that is not exactly understood is RP_ERR_SHAPE with ${problem}.
 */
int front_matter_settings(const struct front_matter *front, struct document *document,
                          struct document_note *problem);
bool front_matter_is_setting(const char *key);
bool front_matter_is_params(const char *key);

/* A part of the text under one heading of the first or second level; heading.len 0: before any. */
struct section {
    unsigned level;
    unsigned line;
    const char *heading;
    size_t heading_len;
    const char *text; /* without blank lines around it */
    size_t text_len;
};

/* The character of the fence that ${text} opens and does not close; 0: none. */
char text_open_fence(const char *text, size_t len);

/* The next section from ${at} on; false at the end. ${line} counts along. */
bool section_next(struct section *out, const char *text, size_t len, size_t *at, unsigned *line);

/* Adds ${value} (text) to the md field ${name}, after what is there. */
bool fields_append(struct document *document, const char *name, const char *text, size_t len,
                   unsigned line);

/* Sets a one-line field from text of several lines. */
bool fields_set_line(struct document *document, const char *name, const char *text, size_t len,
                     unsigned line);

/* Characters in UTF-8 text. */
size_t text_chars(const char *text, size_t len);

#endif
