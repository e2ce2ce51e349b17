#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "document/document.h"
#include "rp/limits.h"
#include "rpctl.h"

#define PATH_SIZE 4096
#define NAME_SIZE 192

static bool make_folder(const char *path)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST)
        return true;
    fprintf(stderr, "rpctl: %s: cannot be made: %s\n", path, strerror(errno));
    return false;
}

/* A file that has its name only once it is whole; an existing one is never replaced. */
struct output {
    FILE *file;
    char path[PATH_SIZE];
    char unfinished[PATH_SIZE + 16];
};

static bool open_output(struct output *out, const char *folder, const char *name)
{
    if (snprintf(out->path, sizeof out->path, "%s/%s", folder, name) >= (int)sizeof out->path) {
        fprintf(stderr, "rpctl: %s: the path is too long\n", folder);
        return false;
    }
    snprintf(out->unfinished, sizeof out->unfinished, "%s.unfinished", out->path);
    if (access(out->path, F_OK) == 0) {
        fprintf(stderr, "rpctl: %s is there already: export to a folder without it\n", out->path);
        return false;
    }
    (void)unlink(out->unfinished); /* of an export that did not come to its end */
    if ((out->file = fopen(out->unfinished, "wx")) != NULL)
        return true;
    fprintf(stderr, "rpctl: %s: cannot be made: %s\n", out->unfinished, strerror(errno));
    return false;
}

/* Closes it: under its name when all is ${well}, else it is gone. */
static bool close_output(struct output *out, bool well)
{
    bool ok = !ferror(out->file) && fflush(out->file) == 0 && fsync(fileno(out->file)) == 0;

    ok = fclose(out->file) == 0 && ok;
    ok = ok && (!well || rename(out->unfinished, out->path) == 0);
    if (!ok)
        fprintf(stderr, "rpctl: %s: cannot be written: %s\n", out->path, strerror(errno));
    if (!ok || !well)
        (void)unlink(out->unfinished);
    return ok && well;
}

/* NDJSON: one signed record a line */

struct lines {
    FILE *out;
    bool failed;
};

static void print_record(void *ctx, const json_t *value)
{
    struct lines *lines = ctx;

    if (!write_json(lines->out, value, true))
        lines->failed = true;
}

static int ask_export(const char *home, bool local, FILE *out)
{
    struct client *client = client_open(home);
    struct lines lines = {out, false};
    struct rp_writer w;
    json_t *done;
    int status;

    if (client == NULL)
        return EXIT_NOT_RUNNING;
    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_map(&w, 1);
    rp_writer_str(&w, "local");
    rp_writer_bool(&w, local);
    status = client_call(client, CONTROL_EXPORT, &w, print_record, &lines, &done);
    if (number_of(done, "held_back") > 0)
        fprintf(stderr, "rpctl: %" PRIu64 " records are not in it: consent does not cover this\n",
                number_of(done, "held_back"));
    json_decref(done);
    rp_writer_free(&w);
    client_close(client);
    return status == EXIT_DONE && lines.failed ? EXIT_FAILED : status;
}

static int export_ndjson(const char *home, bool local, const char *folder)
{
    static struct output out;
    int status;

    if (folder == NULL)
        return ask_export(home, local, stdout);
    if (!make_folder(folder) || !open_output(&out, folder, "commons.ndjson"))
        return EXIT_FAILED;
    status = ask_export(home, local, out.file);
    return close_output(&out, status == EXIT_DONE) || status != EXIT_DONE ? status : EXIT_FAILED;
}

int export_all(const char *home, const char *folder, const char *name)
{
    static struct output out;
    int status;

    if (!open_output(&out, folder, name))
        return EXIT_FAILED;
    status = ask_export(home, true, out.file);
    return close_output(&out, status == EXIT_DONE) || status != EXIT_DONE ? status : EXIT_FAILED;
}

/* Markdown: the current versions, a file each */

struct page {
    char object[2 * RP_ID_LEN + 1];
    char kind[RP_KIND_LEN_MAX + 1];
    char name[NAME_SIZE]; /* kind/slug.md */
    char *title;          /* to be printed */
};

struct pages {
    struct page *items;
    size_t n;
    size_t cap;
    json_t *by_object; /* object -> number of its page */
    json_t *taken;     /* name -> true */
    bool failed;
    size_t written;
    size_t left_out;
    const char *export; /* "commons" or "local", as the node takes it */
    const struct page *current;
    char link[NAME_SIZE + 8];
};

/* A name that no other page has. The one with the whole id is longer than any title makes. */
static void choose_name(struct pages *pages, struct page *page, const char *slug)
{
    static const int digits[] = {0, 8, 2 * RP_ID_LEN};

    for (size_t i = 0; i < sizeof digits / sizeof digits[0]; i++) {
        snprintf(page->name, sizeof page->name, "%s/%s%s%.*s.md", page->kind, slug,
                 digits[i] > 0 ? "-" : "", digits[i], page->object);
        if (json_object_get(pages->taken, page->name) == NULL)
            return;
    }
}

static bool make_room(struct pages *pages)
{
    size_t cap = pages->cap > 0 ? 2 * pages->cap : 256;
    struct page *items;

    if (pages->n < pages->cap)
        return true;
    if ((items = realloc(pages->items, cap * sizeof *items)) == NULL)
        return false;
    pages->items = items;
    pages->cap = cap;
    return true;
}

static void note_page(void *ctx, const json_t *item)
{
    struct pages *pages = ctx;
    const json_t *title = json_object_get(item, "title");
    char slug[64];
    struct page page;

    if (json_object_get(pages->by_object, text_of(item, "object")) != NULL)
        return; /* another current version: one of them is the page */
    if (!make_room(pages)) {
        pages->failed = true;
        return;
    }
    document_slug(slug, sizeof slug,
                  json_string_length(title) > 0 ? json_string_value(title)
                                                : text_of(item, "object"));
    snprintf(page.object, sizeof page.object, "%s", text_of(item, "object"));
    snprintf(page.kind, sizeof page.kind, "%s", text_of(item, "kind"));
    page.title = visible_text(text_of(item, "title"), strlen(text_of(item, "title")), false);
    choose_name(pages, &page, slug);
    json_object_set_new(pages->taken, page.name, json_true());
    json_object_set_new(pages->by_object, page.object, json_integer((json_int_t)pages->n));
    pages->items[pages->n++] = page;
}

/* How the current page calls the file of ${object}: all pages are one folder down. */
static const char *name_of(void *ctx, const char *object)
{
    struct pages *pages = ctx;
    const json_t *number = json_object_get(pages->by_object, object);
    const struct page *page;

    if (number == NULL)
        return NULL;
    page = &pages->items[json_integer_value(number)];
    if (strcmp(page->kind, pages->current->kind) == 0)
        snprintf(pages->link, sizeof pages->link, "%s", strchr(page->name, '/') + 1);
    else
        snprintf(pages->link, sizeof pages->link, "../%s", page->name);
    return pages->link;
}

static bool write_page(const char *folder, const struct page *page, const char *text)
{
    static struct output out;
    char path[PATH_SIZE];

    if (snprintf(path, sizeof path, "%s/%s", folder, page->kind) >= (int)sizeof path ||
        !make_folder(path) || !open_output(&out, folder, page->name))
        return false;
    fputs(text, out.file);
    return close_output(&out, true);
}

/* The version to be written of what show gives: the newest of the current ones; NULL: none. */
static const json_t *current_version(const json_t *object)
{
    const json_t *version;
    size_t i;

    json_array_foreach(json_object_get(object, "versions"), i, version)
    {
        if (json_is_true(json_object_get(version, "current")))
            return version;
    }
    return NULL;
}

static void leave_out(struct pages *pages, const char *why)
{
    const struct page *page = pages->current;

    fprintf(stderr, "rpctl: %.12s (%s, %s) is left out: %s\n", page->object, page->kind,
            page->title, why);
    pages->left_out++;
}

/* The page of one object, from what show gives. False when the disk does not take it. */
static bool export_page(struct pages *pages, const char *folder, const json_t *object)
{
    const json_t *version = current_version(object);
    struct document_write_opts opts = {
        .kind = text_of(version, "kind"),
        .object = text_of(object, "object"),
        .audience = text_of(object, "audience"),
        .name_of = name_of,
        .ctx = pages,
    };
    const struct rp_kind *kind = rp_kind_find(rp_bytes_str(opts.kind));
    char *text;
    bool ok;

    if (version == NULL || kind == NULL || !kind->authored) {
        leave_out(pages, version == NULL ? "it has changed meanwhile: export again"
                                         : "this rpctl does not know its kind");
        return true;
    }
    if ((text = document_write(json_object_get(version, "content"), &opts)) == NULL) {
        leave_out(pages, "out of memory");
        return true;
    }
    ok = write_page(folder, pages->current, text);
    pages->written += ok;
    free(text);
    return ok;
}

static int export_pages(struct client *client, struct pages *pages, const char *folder)
{
    for (size_t i = 0; i < pages->n; i++) {
        json_t *object;
        bool ok;

        pages->current = &pages->items[i];
        (void)client_show(client, pages->current->object, pages->export, &object);
        if (object == NULL) { /* the reason was said */
            leave_out(pages, "the node does not show it");
            continue;
        }
        ok = export_page(pages, folder, object);
        json_decref(object);
        if (!ok)
            return EXIT_FAILED;
    }
    return pages->left_out > 0 ? EXIT_FAILED : EXIT_DONE;
}

static int list_pages(struct client *client, struct pages *pages)
{
    const struct client_listing listing = {.export = pages->export};
    int status = client_list_objects(client, &listing, note_page, pages);

    if (status == EXIT_DONE && pages->failed) {
        fputs("rpctl: out of memory\n", stderr);
        status = EXIT_FAILED;
    }
    return status;
}

static int export_markdown(const char *home, bool local, const char *folder)
{
    static struct pages pages;
    struct client *client;
    int status;

    pages = (struct pages){
        .by_object = json_object(), .taken = json_object(), .export = local ? "local" : "commons"};
    if (!make_folder(folder))
        return EXIT_FAILED;
    if ((client = client_open(home)) == NULL)
        return EXIT_NOT_RUNNING;
    status = list_pages(client, &pages);
    if (status == EXIT_DONE)
        status = export_pages(client, &pages, folder);
    printf("%zu files in %s%s\n", pages.written, folder, pages.left_out > 0 ? ", not all" : "");
    client_close(client);
    for (size_t i = 0; i < pages.n; i++)
        free(pages.items[i].title);
    free(pages.items);
    json_decref(pages.by_object);
    json_decref(pages.taken);
    return status;
}

int command_export(const struct command_args *args)
{
    static const struct option options[] = {{"format", required_argument, NULL, OPTION('f')},
                                            {"local", no_argument, NULL, OPTION('l')},
                                            {NULL, 0, NULL, 0}};
    const char *format = "ndjson";
    const char *folder = NULL;
    bool local = false;
    int option;

    opterr = 0;
    while ((option = getopt_long(args->argc, args->argv, "", options, NULL)) != -1) {
        if (option == '?')
            return option_error(args);
        if (option == OPTION('f'))
            format = optarg;
        local |= option == OPTION('l');
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
