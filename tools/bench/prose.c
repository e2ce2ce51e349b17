#include "prose.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench.h"
#include "rp/limits.h"
#include "rp/text.h"

#define FILE_MAX (64u << 10)
#define SENTENCE_MIN 40 /* headings and front matter are shorter, mostly */

static void add_piece(struct prose *prose, const char *text, size_t len)
{
    char **pieces = realloc(prose->pieces, (prose->n + 1) * sizeof *pieces);
    size_t *lens = realloc(prose->lens, (prose->n + 1) * sizeof *lens);
    char *copy = malloc(len + 1);

    if (pieces == NULL || lens == NULL || copy == NULL)
        bench_fail("out of memory");
    prose->pieces = pieces;
    prose->lens = lens;
    memcpy(copy, text, len);
    copy[len] = '\0';
    prose->pieces[prose->n] = copy;
    prose->lens[prose->n++] = len;
}

static void add_sentences(struct prose *prose, const char *text)
{
    while (*text != '\0') {
        size_t len = strcspn(text, ".?!\n");
        size_t end = text[len] != '\0' && text[len] != '\n' ? len + 1 : len;

        if (len >= SENTENCE_MIN && rp_text_is_utf8((struct rp_slice){(const uint8_t *)text, end}))
            add_piece(prose, text, end);
        text += end > 0 ? end : 1;
        text += strspn(text, " \n");
    }
}

static void add_file(struct prose *prose, const char *path)
{
    static char text[FILE_MAX + 1];
    FILE *in = fopen(path, "rb");
    size_t len = in != NULL ? fread(text, 1, FILE_MAX, in) : 0;

    if (in != NULL)
        fclose(in);
    text[len] = '\0';
    if (prose->size > 0)
        add_sentences(prose, text);
    else if (len > 0 && rp_text_is_utf8((struct rp_slice){(const uint8_t *)text, len}))
        add_piece(prose, text, len);
}

/* The Markdown files in a folder and the folders in it, always in the same order. */
static void add_folder(struct prose *prose, const char *folder)
{
    struct dirent **entries;
    int n = scandir(folder, &entries, NULL, alphasort);

    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name;
        const char *dot = strrchr(name, '.');
        size_t size = strlen(folder) + strlen(name) + 2;
        char *path = malloc(size);
        struct stat st;

        if (path == NULL)
            bench_fail("out of memory");
        snprintf(path, size, "%s/%s", folder, name);
        if (name[0] != '.' && lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
            add_folder(prose, path);
        else if (dot != NULL && strcmp(dot, ".md") == 0)
            add_file(prose, path);
        free(path);
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
}

void prose_open(struct prose *prose, size_t size, const char *folder)
{
    static const uint8_t seed[RP_RAND_SEED_LEN] = {7};

    *prose = (struct prose){.size = folder == NULL ? size : 0};
    rp_rand_init(&prose->rand, seed);
    add_folder(prose, folder != NULL ? folder : BENCH_PROSE);
    if (prose->n == 0)
        bench_fail("%s: no texts (.md) are in it", folder != NULL ? folder : BENCH_PROSE);
}

void prose_free(struct prose *prose)
{
    for (size_t i = 0; i < prose->n; i++)
        free(prose->pieces[i]);
    free(prose->pieces);
    free(prose->lens);
}

static void append(struct rp_bytes *out, const char *text, size_t len)
{
    uint8_t *data = realloc(out->data, out->len + len + 1);

    if (data == NULL)
        bench_fail("out of memory");
    memcpy(data + out->len, text, len);
    out->data = data;
    out->len += len;
}

void prose_text(struct prose *prose, uint64_t i, struct rp_bytes *out)
{
    out->len = 0;
    if (prose->size == 0) {
        append(out, prose->pieces[i % prose->n], prose->lens[i % prose->n]);
        return;
    }
    while (out->len < prose->size) {
        size_t piece = (size_t)rp_rand_below(&prose->rand, prose->n);

        append(out, prose->pieces[piece], prose->lens[piece]);
        append(out, " ", 1);
    }
    out->len = prose->size; /* and not in the middle of a character: */
    while (out->len > 0 && !rp_text_is_utf8((struct rp_slice){out->data, out->len}))
        out->len--;
}
