#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "files.h"
#include "rp/err.h"
#include "rp/limits.h"
#include "rp/text.h"
#include "teller.h"

static void print_object(const struct file *file)
{
    char hex[2 * RP_ID_LEN + 1];

    rp_text_hex(hex, file->object, RP_ID_LEN);
    puts(hex);
    if (strcmp(file->state, "waits for review") == 0)
        complain("%s: not published yet: somebody else reads it first, with  rpctl review %.12s",
                 file->path, hex);
}

static bool is_audience(const char *text)
{
    return strcmp(text, "local") == 0 || strcmp(text, "commons") == 0 ||
           strncmp(text, "circle:", 7) == 0;
}

/* A file's folder and name. */
static bool add_file(struct files *files, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder;
    bool ok;

    if (slash == NULL)
        return files_add(files, ".", path);
    folder = strndup(path, slash == path ? 1 : (size_t)(slash - path));
    ok = folder != NULL && files_add(files, folder, slash + 1);
    free(folder);
    return ok;
}

/* Publishes the one file with a code for its teller, and shows the code when that is done. */
static int publish_with_code(struct files *files, const char *home, struct files_opts *opts)
{
    struct teller_code code;
    int status;

    teller_code_new(&code);
    opts->teller = code.teller;
    status = files_publish(files, home, opts);
    if (status == EXIT_DONE && !opts->dry_run && files->n == 1 &&
        !teller_code_print(&code, files->items[0].document.fields)) {
        complain("rpctl: the code could not be shown, and nothing else has it: withdraw the story "
                 "and publish it again with --new --teller-code");
        status = EXIT_FAILED;
    }
    teller_code_wipe(&code);
    return status;
}

int command_publish(const struct command_args *args)
{
    static const struct option options[] = {{"audience", required_argument, NULL, OPTION('a')},
                                            {"new", no_argument, NULL, OPTION('n')},
                                            {"dry-run", no_argument, NULL, OPTION('d')},
                                            {"teller-code", no_argument, NULL, OPTION('t')},
                                            {"as", required_argument, NULL, OPTION('w')},
                                            {NULL, 0, NULL, 0}};
    struct files_opts opts = {.kind = rp_kind_find(rp_bytes_str("pattern")),
                              .published = print_object};
    struct files files = {0};
    bool with_code = false;
    int option;
    int status;

    opterr = 0;
    while ((option = getopt_long(args->argc, args->argv, "", options, NULL)) != -1) {
        if (option == '?')
            return option_error(args);
        if (option == OPTION('a'))
            opts.audience = optarg;
        opts.fresh |= option == OPTION('n');
        opts.dry_run |= option == OPTION('d');
        with_code |= option == OPTION('t');
        if (option == OPTION('w'))
            opts.as = optarg;
    }
    if (opts.audience != NULL && !is_audience(opts.audience))
        return usage_error(args, "%s: an audience is local, commons or circle:NAME", opts.audience);
    if (optind == args->argc)
        return usage_error(args, "which files?");
    if (with_code && optind + 1 != args->argc)
        return usage_error(args, "--teller-code: one story at a time, each has a code of its own");
    for (int i = optind; i < args->argc; i++) {
        if (!add_file(&files, args->argv[i]))
            return EXIT_FAILED;
    }
    status = with_code ? publish_with_code(&files, args->home, &opts)
                       : files_publish(&files, args->home, &opts);
    if (opts.dry_run && status != EXIT_NOT_RUNNING) {
        int told = files_tell_audience(&files, args->home);

        status = status == EXIT_DONE ? told : status;
    }
    files_free(&files);
    return status;
}

/* Importing */

static struct {
    size_t new;
    size_t changed;
    size_t unchanged;
} counts;

static void count_file(const struct file *file)
{
    if (strcmp(file->state, "unchanged") == 0)
        counts.unchanged++;
    else if (strcmp(file->state, "changed") == 0 || strcmp(file->state, "would change") == 0)
        counts.changed++;
    else
        counts.new ++;
}

static void print_counts(size_t refused, bool dry_run)
{
    printf("%s%zu new, %zu changed, %zu unchanged, %zu refused\n",
           dry_run ? "dry run, nothing was written: " : "", counts.new, counts.changed,
           counts.unchanged, refused);
}

static int import_folder(const struct command_args *args, const char *folder,
                         struct files_opts *opts)
{
    struct files files = {0};
    int status;

    opts->imported = true;
    opts->published = count_file;
    if (!files_add_folder(&files, folder))
        return EXIT_FAILED;
    if (files.n == 0) {
        fprintf(stderr, "rpctl: %s: there are no Markdown files (.md) in it\n", folder);
        return EXIT_FAILED;
    }
    status = files_publish(&files, args->home, opts);
    if (status != EXIT_NOT_RUNNING)
        print_counts(files.refused, opts->dry_run);
    files_free(&files);
    return status;
}

/* Exports: one signed record a line, taken in as it is. */

#define LINE_SIZE_MAX (2u << 20)
#define IN_FLIGHT 64

struct import {
    struct client *client;
    const char *path;
    const struct files_opts *opts;
    bool accept;
    size_t refused;
    size_t lines; /* that are not empty, so far */
    struct {
        uint64_t number;
        unsigned line;
    } waiting[IN_FLIGHT];
    size_t waiting_n;
};

static void refuse_line(struct import *import, unsigned line, const char *reason)
{
    complain("%s:%u: %s", import->path, line, reason);
    import->refused++;
}

static bool take_import_answer(struct import *import)
{
    struct reply reply;

    if (!client_next(import->client, &reply))
        return false;
    for (size_t i = 0; i < import->waiting_n; i++) {
        if (import->waiting[i].number != reply.number)
            continue;
        if (reply.type == REPLY_ERROR)
            refuse_line(import, import->waiting[i].line, text_of(reply.value, "text"));
        else if (strcmp(text_of(reply.value, "state"), "unchanged") == 0)
            counts.unchanged++;
        else
            counts.new ++;
        import->waiting[i] = import->waiting[--import->waiting_n];
        break;
    }
    json_decref(reply.value);
    return true;
}

/* Sends the record of one line. */
static bool import_line(struct import *import, const char *line, unsigned number)
{
    json_t *value = json_loads(line, 0, NULL);
    const char *record = text_of(value, "record");
    size_t len = 0;
    uint8_t *packed = record[0] != '\0' ? base64_decode(record, &len) : NULL;
    struct rp_writer w;
    bool ok = true;

    if (packed == NULL && import->lines == 1) { /* what begins so has no line that can be taken */
        complain("rpctl: %s: not an export: its first line has no record", import->path);
        ok = false;
    } else if (packed == NULL) {
        refuse_line(import, number, "not a line of an export: it has no record");
    } else {
        if (import->waiting_n == IN_FLIGHT)
            ok = take_import_answer(import);
        rp_writer_init(&w, RP_FRAME_MAX);
        rp_writer_map(&w, 2);
        rp_writer_str(&w, "accept");
        rp_writer_bool(&w, import->accept);
        rp_writer_str(&w, "record");
        rp_writer_bin(&w, packed, len);
        import->waiting[import->waiting_n].line = number;
        import->waiting[import->waiting_n].number =
            ok ? client_send(import->client, CONTROL_IMPORT, &w) : 0;
        ok = ok && import->waiting[import->waiting_n++].number != 0;
        rp_writer_free(&w);
    }
    free(packed);
    json_decref(value);
    return ok;
}

static int import_lines(struct import *import, FILE *in)
{
    char *line = malloc(LINE_SIZE_MAX);
    unsigned number = 0;
    bool ok = line != NULL;

    while (ok && fgets(line, LINE_SIZE_MAX, in) != NULL) {
        number++;
        if (strspn(line, " \t\r\n") == strlen(line))
            continue;
        import->lines++;
        ok = import_line(import, line, number);
    }
    while (ok && import->waiting_n > 0)
        ok = take_import_answer(import);
    free(line);
    if (!ok)
        return EXIT_FAILED;
    return import->refused > 0 ? EXIT_FAILED : EXIT_DONE;
}

static int import_export(const struct command_args *args, const char *path,
                         const struct files_opts *opts, bool only_accepted)
{
    struct import import = {.path = path, .opts = opts, .accept = !only_accepted};
    FILE *in = fopen(path, "rb");
    int status;

    if (in == NULL) {
        fprintf(stderr, "rpctl: %s: %s\n", path, strerror(errno));
        return EXIT_FAILED;
    }
    import.client = client_open(args->home);
    if (import.client == NULL) {
        fclose(in);
        return EXIT_NOT_RUNNING;
    }
    status = import_lines(&import, in);
    if (import.lines > 1 || status == EXIT_DONE || import.refused > 0)
        print_counts(import.refused, false);
    client_close(import.client);
    fclose(in);
    return status;
}

/* A folder that holds an export rather than Markdown: the file in it, or NULL. */
static char *export_in_folder(const char *folder)
{
    size_t size = strlen(folder) + sizeof "/commons.ndjson";
    char *path = malloc(size);
    struct stat st;

    if (path == NULL)
        return NULL;
    snprintf(path, size, "%s/commons.ndjson", folder);
    if (stat(path, &st) == 0)
        return path;
    free(path);
    return NULL;
}

static int import_any(const struct command_args *args, const char *path, struct files_opts *opts,
                      bool only_accepted)
{
    struct stat st;
    char *export;
    int status;

    if (stat(path, &st) != 0) {
        fprintf(stderr, "rpctl: %s: %s\n", path, strerror(errno));
        return EXIT_FAILED;
    }
    if (S_ISDIR(st.st_mode) && (export = export_in_folder(path)) != NULL) {
        status = import_export(args, export, opts, only_accepted);
        free(export);
        return status;
    }
    if (!S_ISDIR(st.st_mode) && files_is_markdown(path)) {
        complain("rpctl: %s: Markdown is imported by the folder: give that, or use  rpctl publish",
                 path);
        return EXIT_FAILED;
    }
    return S_ISDIR(st.st_mode) ? import_folder(args, path, opts)
                               : import_export(args, path, opts, only_accepted);
}

int command_import(const struct command_args *args)
{
    static const struct option options[] = {{"dry-run", no_argument, NULL, OPTION('d')},
                                            {"kind", required_argument, NULL, OPTION('k')},
                                            {"lang", required_argument, NULL, OPTION('g')},
                                            {"licence", required_argument, NULL, OPTION('l')},
                                            {"attribution", required_argument, NULL, OPTION('t')},
                                            {"audience", required_argument, NULL, OPTION('a')},
                                            {"source", required_argument, NULL, OPTION('s')},
                                            {"only-accepted", no_argument, NULL, OPTION('o')},
                                            {"verbose", no_argument, NULL, OPTION('v')},
                                            {NULL, 0, NULL, 0}};
    struct files_opts opts = {.kind = rp_kind_find(rp_bytes_str("pattern"))};
    bool only_accepted = false;
    int option;

    opterr = 0;
    while ((option = getopt_long(args->argc, args->argv, "", options, NULL)) != -1) {
        switch (option) {
        case OPTION('d'):
            opts.dry_run = true;
            break;
        case OPTION('k'):
            opts.kind = rp_kind_find(rp_bytes_str(optarg));
            if (opts.kind == NULL || !opts.kind->authored)
                return usage_error(args, "%s: there is no such kind", optarg);
            break;
        case OPTION('g'):
            opts.lang = optarg;
            break;
        case OPTION('l'):
            opts.licence = optarg;
            break;
        case OPTION('t'):
            opts.attribution = optarg;
            break;
        case OPTION('a'):
            if (!is_audience(optarg))
                return usage_error(args, "%s: an audience is local, commons or circle:NAME",
                                   optarg);
            opts.audience = optarg;
            break;
        case OPTION('s'):
            opts.source = optarg;
            break;
        case OPTION('o'):
            only_accepted = true;
            break;
        case OPTION('v'):
            opts.verbose = true;
            break;
        default:
            return option_error(args);
        }
    }
    if (optind + 1 != args->argc)
        return usage_error(args, "which folder, or which export?");
    return import_any(args, args->argv[optind], &opts, only_accepted);
}
