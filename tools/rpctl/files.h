#ifndef FILES_H
#define FILES_H

#include "document/document.h"
#include "rpctl.h"

/*
 * Markdown files on their way into the library: read, told which objects they make, their links to
 * each other resolved, and published. What publish and import have in common.
 */

struct file {
    char *path; /* as given or found, for people */
    char *key;  /* absolute: what the object follows from */
    char *name; /* below the folder: what other files call it */
    struct document document;
    bool usable; /* read without a problem, and not a draft */
    const char *audience;
    uint8_t object[RP_ID_LEN];
    uint8_t seed[RP_SEED_LEN];
    uint8_t version[RP_ID_LEN]; /* of its current version, once published */
    bool has_version;
    json_t *lacks;   /* of a dry run: what of its consent keeps it out of the commons */
    uint64_t number; /* of its request */
    char state[24];  /* new, changed, unchanged, waits for review, would be new, ... */
};

struct files {
    struct file *items;
    size_t n;
    size_t cap;
    size_t refused; /* told on standard error with file, line and reason */
};

struct files_opts {
    const struct rp_kind *kind; /* of files that do not say */
    bool imported;              /* lenient reading; licence and credit are the source's */
    bool fresh;                 /* new objects, whatever was published from there before */
    bool dry_run;
    bool verbose;         /* say what was left out */
    const char *audience; /* NULL: as the file says, or as its kind has it */
    const char *lang;     /* of files that do not say; NULL: the node's language */
    const char *licence;  /* the same; NULL: none */
    const char *attribution;
    const uint8_t *teller; /* RP_KEY_LEN: who gets a code for the one file; NULL: nobody */
    const char *as;        /* who publishes; NULL: the user who runs rpctl */
    const char *source;    /* name that stands for the folder; NULL: its absolute path */
    void (*published)(const struct file *file);
};

/* Adds a file; ${folder} is what ${name} is below. False when memory is short. */
bool files_add(struct files *files, const char *folder, const char *name);

/* Whether a file is one by its name. */
bool files_is_markdown(const char *name);

/* Adds all Markdown files below ${folder}. */
bool files_add_folder(struct files *files, const char *folder);

/* Does everything. Gives an exit status: EXIT_FAILED when a file was refused. */
int files_publish(struct files *files, const char *home, const struct files_opts *opts);
void files_free(struct files *files);

/* After a dry run: says what would become of each file, and who could read it then. */
int files_tell_audience(const struct files *files, const char *home);

#endif
