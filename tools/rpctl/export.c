#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "document/document.h"
#include "rp/limits.h"
#include "rpctl.h"

#define PATH_SIZE 4096
#define NAME_SIZE 128

static bool make_folder(const char *path)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST)
        return true;
    fprintf(stderr, "rpctl: %s: cannot be made: %s\n", path, strerror(errno));
    return false;
}

/* NDJSON: one signed record a line */

static void print_record(void *ctx, const json_t *value)
{
    FILE *out = ctx;

    json_dumpf(value, out, JSON_COMPACT | JSON_SORT_KEYS);
    fputc('\n', out);
}

static int ask_export(const char *home, bool local, void (*item)(void *ctx, const json_t *value),
                      void *ctx)
{
    struct client *client = client_open(home);
    struct rp_writer w;
    json_t *done;
    int status;

    if (client == NULL)
        return EXIT_NOT_RUNNING;
    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_map(&w, 1);
    rp_writer_str(&w, "local");
    rp_writer_bool(&w, local);
    status = client_call(client, CONTROL_EXPORT, &w, item, ctx, &done);
    if (status == EXIT_DONE && number_of(done, "held_back") > 0)
        fprintf(stderr, "rpctl: %llu records are not in it: their consent does not cover this\n",
                (unsigned long long)number_of(done, "held_back"));
    json_decref(done);
    rp_writer_free(&w);
    client_close(client);
    return status;
}

static int export_ndjson(const char *home, bool local, const char *folder)
{
    char path[PATH_SIZE];
    FILE *out = stdout;
    int status;

    if (folder != NULL) {
        if (!make_folder(folder) ||
            snprintf(path, sizeof path, "%s/commons.ndjson", folder) >= (int)sizeof path)
            return EXIT_FAILED;
        if ((out = fopen(path, "wx")) == NULL) {
            fprintf(stderr, "rpctl: %s: cannot be made: %s\n", path, strerror(errno));
            return EXIT_FAILED;
        }
    }
    status = ask_export(home, local, print_record, out);
    if (folder != NULL && (fclose(out) != 0 && status == EXIT_DONE)) {
        fprintf(stderr, "rpctl: %s: cannot be written: %s\n", path, strerror(errno));
        status = EXIT_FAILED;
    }
    return status;
}

/* Markdown: the current versions, a file each */

struct page {
    char object[2 * RP_ID_LEN + 1];
    char kind[RP_KIND_LEN_MAX + 1];
    char name[NAME_SIZE]; /* kind/slug.md */
};

struct pages {
    struct page *items;
    size_t n;
    bool failed;
    const struct page *current;
    char link[NAME_SIZE + 8];
};

static const struct page *find_name(const struct pages *pages, const char *name)
{
    for (size_t i = 0; i < pages->n; i++) {
        if (strcmp(pages->items[i].name, name) == 0)
            return &pages->items[i];
    }
    return NULL;
}

static void note_page(void *ctx, const json_t *item)
{
    struct pages *pages = ctx;
    struct page *items = realloc(pages->items, (pages->n + 1) * sizeof *items);
    const char *title = text_of(item, "title");
    char slug[64];
    struct page page;

    if (items == NULL) {
        pages->failed = true;
        return;
    }
    pages->items = items;
    document_slug(slug, sizeof slug, title[0] != '\0' ? title : text_of(item, "object"));
    snprintf(page.object, sizeof page.object, "%s", text_of(item, "object"));
    snprintf(page.kind, sizeof page.kind, "%s", text_of(item, "kind"));
    snprintf(page.name, sizeof page.name, "%s/%s.md", page.kind, slug);
    for (size_t i = 0; i < pages->n; i++) {
        if (strcmp(pages->items[i].object, page.object) == 0)
            return; /* another current version: shown with the first */
    }
    if (find_name(pages, page.name) != NULL) /* two of one title */
        snprintf(page.name, sizeof page.name, "%s/%s-%.8s.md", page.kind, slug, page.object);
    pages->items[pages->n++] = page;
}

/* How the current page calls the file of ${object}: all pages are one folder down. */
static const char *name_of(void *ctx, const char *object)
{
    struct pages *pages = ctx;

    for (size_t i = 0; i < pages->n; i++) {
        const struct page *page = &pages->items[i];

        if (strcmp(page->object, object) != 0)
            continue;
        if (strcmp(page->kind, pages->current->kind) == 0)
            snprintf(pages->link, sizeof pages->link, "%s", strchr(page->name, '/') + 1);
        else
            snprintf(pages->link, sizeof pages->link, "../%s", page->name);
        return pages->link;
    }
    return NULL;
}

static bool write_page(const char *folder, const struct page *page, const char *text)
{
    char path[PATH_SIZE];
    FILE *out;
    bool ok;

    if (snprintf(path, sizeof path, "%s/%s", folder, page->kind) >= (int)sizeof path ||
        !make_folder(path) ||
        snprintf(path, sizeof path, "%s/%s", folder, page->name) >= (int)sizeof path)
        return false;
    out = fopen(path, "wx");
    ok = out != NULL && fputs(text, out) >= 0;
    if (out != NULL)
        ok = fclose(out) == 0 && ok;
    if (!ok)
        fprintf(stderr, "rpctl: %s: cannot be written: %s\n", path, strerror(errno));
    return ok;
}

/* The page of one object, from what show gives. */
static bool export_page(struct pages *pages, const char *folder, const json_t *object)
{
    const json_t *version = json_array_get(json_object_get(object, "versions"), 0);
    struct document_write_opts opts = {
        .kind = text_of(version, "kind"),
        .object = text_of(object, "object"),
        .audience = text_of(object, "audience"),
        .name_of = name_of,
        .ctx = pages,
    };
    char *text = document_write(json_object_get(version, "content"), &opts);
    bool ok = text == NULL || write_page(folder, pages->current, text);

    free(text); /* NULL: a kind that this version does not know stays out of a Markdown export */
    return ok;
}

static int export_pages(struct client *client, struct pages *pages, const char *folder)
{
    int status = EXIT_DONE;

    for (size_t i = 0; i < pages->n && status == EXIT_DONE; i++) {
        json_t *object;

        pages->current = &pages->items[i];
        status = client_show(client, pages->current->object, &object);
        if (status == EXIT_DONE && !export_page(pages, folder, object))
            status = EXIT_FAILED;
        json_decref(object);
    }
    return status;
}

static int export_markdown(const char *home, bool local, const char *folder)
{
    struct client *client;
    struct pages pages = {0};
    struct rp_writer w;
    int status;

    if (!make_folder(folder))
        return EXIT_FAILED;
    if ((client = client_open(home)) == NULL)
        return EXIT_NOT_RUNNING;
    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_map(&w, 1);
    rp_writer_str(&w, "export");
    rp_writer_str(&w, local ? "local" : "commons");
    status = client_call(client, CONTROL_LIST, &w, note_page, &pages, NULL);
    rp_writer_free(&w);
    if (status == EXIT_DONE)
        status = pages.failed ? EXIT_FAILED : export_pages(client, &pages, folder);
    if (status == EXIT_DONE)
        printf("%zu files in %s\n", pages.n, folder);
    client_close(client);
    free(pages.items);
    return status;
}

int command_export(const struct command_args *args)
{
    static const struct option options[] = {{"format", required_argument, NULL, 'f'},
                                            {"local", no_argument, NULL, 'l'},
                                            {NULL, 0, NULL, 0}};
    const char *format = "ndjson";
    const char *folder = NULL;
    bool local = false;
    int option;

    opterr = 0;
    while ((option = getopt_long(args->argc, args->argv, "", options, NULL)) != -1) {
        if (option == '?')
            return usage_error(args, "%s: unknown, or its value is missing",
                               args->argv[optind - 1]);
        if (option == 'f')
            format = optarg;
        local |= option == 'l';
    }
    if (optind < args->argc)
        folder = args->argv[optind++];
    if (optind < args->argc)
        return usage_error(args, "%s: not expected", args->argv[optind]);
    if (strcmp(format, "ndjson") == 0)
        return export_ndjson(args->home, local, folder);
    if (strcmp(format, "markdown") != 0)
        return usage_error(args, "%s: a format is ndjson or markdown", format);
    if (folder == NULL)
        return usage_error(args, "a Markdown export needs a folder to go to");
    return export_markdown(args->home, local, folder);
}
