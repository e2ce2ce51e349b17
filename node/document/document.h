#ifndef DOCUMENT_H
#define DOCUMENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "rp/kind.h"
#include "rp/limits.h"
#include "rp/writer.h"

/*
 * Records as Markdown files (SPEC 9): YAML front matter and sections, both read by the table of
 * kinds. Reading is lenient where text comes from other libraries, strict where somebody writes for
 * this one. Pure: no file is opened here.
 */

/* Something to tell the person whose file it is. */
struct document_note {
    unsigned line;
    char text[256];
};

#define DOCUMENT_NOTES_MAX 32
#define DOCUMENT_SIZE_MAX (4u << 20) /* of a file; what becomes a record is limited further */

struct document {
    const struct rp_kind *kind;
    char audience[RP_NAME_LEN_MAX + 8]; /* as the file says; may be empty */
    char object[2 * RP_ID_LEN + 1];     /* the object it is a version of; may be empty */
    bool is_draft;                      /* not to be published */
    json_t *fields;                     /* by name; ids are hex or names of other files */
    json_t *lines;                      /* where each field begins */
    bool refers_to_versions;            /* needs the ids of others' current versions */
    unsigned notes;                     /* what was left out, and the like */
    struct document_note note[DOCUMENT_NOTES_MAX];
};

struct document_opts {
    const struct rp_kind *kind; /* when the file does not say */
    bool lenient; /* somebody else's format: leave out what does not fit, with a note */
};

/*
 * Reads ${text} of ${len} bytes. RP_OK; RP_ERR_SHAPE with what is wrong in ${problem};
 * RP_ERR_NOMEM. Free with document_free, also after an error.
 */
int document_read(struct document *out, const char *text, size_t len,
                  const struct document_opts *opts, struct document_note *problem)
    __attribute__((warn_unused_result));
void document_free(struct document *document);

/* The line on which ${field} ("consent.basis") begins; 1 when it is nowhere. */
unsigned document_line(const struct document *document, const char *field);

/* Adds a note, as long as there is room. */
void document_note(struct document *document, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * What a name in a file stands for: writes the id of the object (or, with ${version}, of its
 * current version) and gives true, or false when there is none.
 */
typedef bool document_resolve(void *ctx, const char *name, bool version,
                              uint8_t id[static RP_ID_LEN]);

/*
 * Writes the fields as a record's content. Names that do not resolve: left out with a note when
 * ${lenient}, else RP_ERR_SHAPE with ${problem}. Links in running text to files that resolve become
 * links to objects, "/o/<id>".
 */
struct document_pack_opts {
    document_resolve *resolve;
    void *ctx;
    bool lenient;
};
int document_pack(struct document *document, const struct document_pack_opts *opts,
                  struct rp_writer *w, struct document_note *problem)
    __attribute__((warn_unused_result));

/*
 * Writes content, as views give it (ids as hex), as a file. ${name_of} gives the name of the file
 * that holds an object, or NULL. The text is malloc'd.
 */
struct document_write_opts {
    const char *kind;
    const char *object; /* hex */
    const char *audience;
    const char *(*name_of)(void *ctx, const char *object);
    void *ctx;
};
char *document_write(const json_t *content, const struct document_write_opts *opts);

/* A file name's stem from a title: lower-case letters, digits and dashes, never empty. */
void document_slug(char *out, size_t size, const char *title);

#endif
