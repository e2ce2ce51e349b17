#ifndef FUZZ_FILE_H
#define FUZZ_FILE_H

#include "fuzz.h"
#include "rp/kind.h"

/* A Markdown file and the content that it says. */
struct fuzz_file {
    const struct rp_kind *kind;
    struct rp_writer content;
};

/* ${kind}: when the file does not say; NULL for pattern. On an error nothing is to be freed. */
int fuzz_file_read(struct fuzz_file *file, struct rp_slice text, const struct rp_kind *kind,
                   bool lenient);
void fuzz_file_free(struct fuzz_file *file);

/* Whether the content keeps the rules of its kind for being kept. */
bool fuzz_file_holds(const struct fuzz_file *file);

/* The content as a file again, for free(). */
char *fuzz_file_write(const struct fuzz_file *file);

#endif
