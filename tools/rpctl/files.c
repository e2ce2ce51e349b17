#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "rp/err.h"
#include "rp/limits.h"
#include "rp/text.h"

#define IN_FLIGHT 64 /* publish requests sent before the first answer is read */
#define DEPTH_MAX 32 /* folders inside one another */

static bool has_suffix(const char *name, const char *suffix)
{
    size_t n = strlen(name);
    size_t m = strlen(suffix);

    return n >= m && strcasecmp(name + n - m, suffix) == 0;
}

bool files_is_markdown(const char *name)
{
    return has_suffix(name, ".md") || has_suffix(name, ".markdown");
}

static char *join_path(const char *folder, const char *name)
{
    size_t len = strlen(folder) + 1 + strlen(name) + 1;
    char *path = malloc(len);

    if (path != NULL)
        snprintf(path, len, "%s%s%s", folder, has_suffix(folder, "/") ? "" : "/", name);
    return path;
}

bool files_add(struct files *files, const char *folder, const char *name)
{
    struct file file = {.path = strcmp(folder, ".") == 0 ? strdup(name) : join_path(folder, name),
                        .name = strdup(name)};

    if (files->n == files->cap) {
        size_t cap = files->cap > 0 ? 2 * files->cap : 64;
        struct file *items = realloc(files->items, cap * sizeof *items);

        if (items == NULL) {
            free(file.path);
            free(file.name);
            return false;
        }
        files->items = items;
        files->cap = cap;
    }
    files->items[files->n++] = file;
    return file.path != NULL && file.name != NULL;
}

static int skip_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Adds what is in ${folder}/${below}, sorted, so that every run goes the same way. */
static bool walk(struct files *files, const char *folder, const char *below, int depth)
{
    char *path = below[0] != '\0' ? join_path(folder, below) : strdup(folder);
    struct dirent **entries;
    bool ok = path != NULL;
    int n;

    if (!ok)
        return false;
    n = scandir(path, &entries, skip_hidden, alphasort);
    if (n < 0) {
        complain("%s: cannot be read: %s", path, strerror(errno));
        files->refused++;
    }
    for (int i = 0; i < n; i++) {
        char *name =
            below[0] != '\0' ? join_path(below, entries[i]->d_name) : strdup(entries[i]->d_name);
        char *full = name != NULL ? join_path(folder, name) : NULL;
        struct stat st;

        ok = ok && full != NULL;
        if (ok && stat(full, &st) == 0) {
            if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
                ok = walk(files, folder, name, depth + 1);
            else if (S_ISREG(st.st_mode) && files_is_markdown(name))
                ok = files_add(files, folder, name);
        }
        free(full);
        free(name);
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    free(path);
    return ok;
}

bool files_add_folder(struct files *files, const char *folder)
{
    return walk(files, folder, "", 0);
}

void files_free(struct files *files)
{
    for (size_t i = 0; i < files->n; i++) {
        document_free(&files->items[i].document);
        free(files->items[i].path);
        free(files->items[i].key);
        free(files->items[i].name);
        json_decref(files->items[i].lacks);
    }
    free(files->items);
}

/* Reading */

static void refuse(struct files *files, struct file *file, unsigned line, const char *reason)
{
    complain("%s:%u: %s", file->path, line > 0 ? line : 1, reason);
    file->usable = false;
    files->refused++;
}

static char *read_whole(const char *path, size_t *len)
{
    FILE *in = fopen(path, "rb");
    char *text = malloc(DOCUMENT_SIZE_MAX + 2);

    if (in == NULL || text == NULL) {
        free(text);
        if (in != NULL)
            fclose(in);
        return NULL;
    }
    *len = fread(text, 1, DOCUMENT_SIZE_MAX + 1, in);
    if (ferror(in)) {
        free(text);
        text = NULL;
    } else {
        text[*len] = '\0';
    }
    fclose(in);
    return text;
}

/* What objects follow from: the source's name, or where the file really is. */
static char *key_of(const struct file *file, const struct files_opts *opts)
{
    return opts->source != NULL ? join_path(opts->source, file->name) : realpath(file->path, NULL);
}

/*
 * The same object twice in one call would be written twice over the same version, and then stand
 * there as two: of several files with one ${name} in ${seen}, the first is taken.
 */
static void refuse_twin(struct files *files, struct file *file, json_t *seen, const char *name)
{
    size_t number = (size_t)(file - files->items);
    const json_t *other = json_object_get(seen, name);
    char reason[PATH_MAX + 100];

    if (other == NULL) {
        json_object_set_new(seen, name, json_integer((json_int_t)number));
        return;
    }
    snprintf(reason, sizeof reason, "it makes the same object as %s, which is given, too",
             files->items[json_integer_value(other)].path);
    refuse(files, file, 1, reason);
}

static void set_default(struct document *document, const char *name, const char *value)
{
    if (value != NULL && json_object_get(document->fields, name) == NULL &&
        rp_kind_field(document->kind, rp_bytes_str(name)) != NULL)
        json_object_set_new(document->fields, name, json_string(value));
}

static void read_file(struct files *files, struct file *file, const struct files_opts *opts,
                      json_t *seen)
{
    struct document_opts read = {.kind = opts->kind, .lenient = opts->imported};
    struct document_note problem;
    size_t len = 0;
    char *text = read_whole(file->path, &len);

    if (text == NULL || (file->key = key_of(file, opts)) == NULL) {
        refuse(files, file, 1, strerror(errno));
        free(text);
        return;
    }
    file->usable = true;
    if (strlen(file->key) > CONTROL_PATH_MAX || !rp_text_is_utf8(rp_bytes_str(file->key)) ||
        !rp_text_is_line(rp_bytes_str(file->key))) {
        refuse(files, file, 1,
               "its path is too long, or has a line end or another such character in it: rename "
               "it");
    } else if (document_read(&file->document, text, len, &read, &problem) != RP_OK) {
        refuse(files, file, problem.line, problem.text);
    } else if (file->document.is_draft) {
        refuse(files, file, 1, "a draft (draft: true): not published");
    } else {
        set_default(&file->document, "lang", opts->lang);
        set_default(&file->document, "licence", opts->licence);
        set_default(&file->document, "attribution", opts->attribution);
        file->audience = opts->audience != NULL                  ? opts->audience
                         : file->document.audience[0] != '\0'    ? file->document.audience
                         : file->document.kind->local_by_default ? "local"
                                                                 : "commons";
        refuse_twin(files, file, seen, file->key);
    }
    free(text);
}

/* Which objects the files make: asked of the node, which alone has the key that this takes. */

/* Copies base64 of exactly ${len} bytes. */
static bool take_bytes(uint8_t *out, size_t len, const json_t *value)
{
    const char *text = json_string_value(value);
    size_t n = 0;
    uint8_t *bytes = text != NULL ? base64_decode(text, &n) : NULL;
    bool ok = bytes != NULL && n == len;

    if (ok)
        memcpy(out, bytes, len);
    free(bytes);
    return ok;
}

static void take_targets(struct files *files, size_t from, size_t n, const json_t *answer)
{
    const json_t *targets = json_object_get(answer, "targets");

    for (size_t i = 0; i < n; i++) {
        struct file *file = &files->items[from + i];
        const json_t *target = json_array_get(targets, i);

        if (file->usable && (!take_bytes(file->object, RP_ID_LEN, json_array_get(target, 0)) ||
                             !take_bytes(file->seed, RP_SEED_LEN, json_array_get(target, 1))))
            refuse(files, file, 1, "the node cannot tell which object this is");
    }
}

static void write_teller(struct rp_writer *w, const struct files_opts *opts)
{
    rp_writer_str(w, "teller");
    rp_writer_bin(w, opts->teller, opts->teller != NULL ? RP_KEY_LEN : 0);
}

static void write_source(struct rp_writer *w, const struct file *file,
                         const struct files_opts *opts)
{
    rp_writer_map(w, 5);
    rp_writer_str(w, "audience");
    rp_writer_str(w, file->usable ? file->audience : "");
    rp_writer_str(w, "fresh");
    rp_writer_bool(w, opts->fresh);
    rp_writer_str(w, "object");
    rp_writer_str(w, file->document.object);
    rp_writer_str(w, "path");
    rp_writer_str(w, file->usable ? file->key : "");
    write_teller(w, opts);
}

static int ask_targets(struct files *files, struct client *client, const struct files_opts *opts)
{
    for (size_t from = 0; from < files->n;) {
        size_t n = files->n - from < CONTROL_FILES_MAX ? files->n - from : CONTROL_FILES_MAX;
        struct rp_writer w;
        json_t *answer;
        int status;

        rp_writer_init(&w, RP_FRAME_MAX);
        rp_writer_map(&w, 1);
        rp_writer_str(&w, "files");
        rp_writer_array(&w, (uint32_t)n);
        for (size_t i = 0; i < n; i++)
            write_source(&w, &files->items[from + i], opts);
        status = client_call(client, CONTROL_SOURCES, &w, NULL, NULL, &answer);
        rp_writer_free(&w);
        if (status == EXIT_DONE)
            take_targets(files, from, n, answer);
        json_decref(answer);
        if (status != EXIT_DONE)
            return status;
        from += n;
    }
    return EXIT_DONE;
}

/* Names of other files */

struct resolver {
    const struct files *files;
    const struct file *from;
};

/* Resolves "./a/../b" in ${path} in place. */
static void tidy_path(char *path)
{
    char *out = path;
    char *save = NULL;
    char *copy = strdup(path);

    if (copy == NULL)
        return;
    *out = '\0';
    for (char *part = strtok_r(copy, "/", &save); part != NULL; part = strtok_r(NULL, "/", &save)) {
        if (strcmp(part, ".") == 0)
            continue;
        if (strcmp(part, "..") == 0) {
            while (out > path && *--out != '/')
                ;
            *out = '\0';
            continue;
        }
        if (out > path)
            *out++ = '/';
        memcpy(out, part, strlen(part) + 1);
        out += strlen(part);
    }
    free(copy);
}

static const struct file *find_name(const struct files *files, const char *name)
{
    for (size_t i = 0; i < files->n; i++) {
        if (files->items[i].usable && strcmp(files->items[i].name, name) == 0)
            return &files->items[i];
    }
    return NULL;
}

/* The one file whose last part is ${name}, with or without ".md"; NULL when none or several are. */
static const struct file *find_stem(const struct files *files, const char *name)
{
    const struct file *found = NULL;
    size_t len = strlen(name);

    for (size_t i = 0; i < files->n; i++) {
        const char *slash = strrchr(files->items[i].name, '/');
        const char *last = slash != NULL ? slash + 1 : files->items[i].name;

        if (!files->items[i].usable || strncasecmp(last, name, len) != 0 ||
            (last[len] != '\0' && strcasecmp(last + len, ".md") != 0))
            continue;
        if (found != NULL)
            return NULL;
        found = &files->items[i];
    }
    return found;
}

static const struct file *find_file(const struct resolver *resolver, const char *name)
{
    const char *slash = strrchr(resolver->from->name, '/');
    size_t folder = slash != NULL && name[0] != '/' ? (size_t)(slash - resolver->from->name) : 0;
    const struct file *found;
    char path[PATH_MAX];
    const char *last;

    if (snprintf(path, sizeof path - 3, "%.*s/%s", (int)folder, resolver->from->name, name) >=
        (int)sizeof path - 3)
        return NULL;
    tidy_path(path);
    if ((found = find_name(resolver->files, path)) != NULL)
        return found;
    memcpy(path + strlen(path), ".md", sizeof ".md");
    if ((found = find_name(resolver->files, path)) != NULL)
        return found;
    tidy_path(path);
    path[strlen(path) - 3] = '\0';
    last = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
    return last[0] != '\0' ? find_stem(resolver->files, last) : NULL;
}

/* A document_resolve: ids as they are, else files. */
static bool resolve(void *ctx, const char *name, bool version, uint8_t id[static RP_ID_LEN])
{
    const struct resolver *resolver = ctx;
    const struct file *file;

    if (strncmp(name, "/o/", 3) == 0)
        name += 3;
    if (strlen(name) == 2 * RP_ID_LEN && rp_text_unhex(id, name, 2 * RP_ID_LEN))
        return true;
    file = find_file(resolver, name);
    if (file == NULL || (version && !file->has_version))
        return false;
    memcpy(id, version ? file->version : file->object, RP_ID_LEN);
    return true;
}

/* Publishing */

static bool send_file(struct files *files, struct file *file, struct client *client,
                      const struct files_opts *opts)
{
    struct resolver resolver = {files, file};
    struct document_pack_opts pack = {resolve, &resolver, opts->imported};
    struct document_note problem = {1, ""};
    struct rp_writer content;
    struct rp_writer w;

    rp_writer_init(&content, RP_BODY_MAX);
    if (document_pack(&file->document, &pack, &content, &problem) != RP_OK) {
        refuse(files, file, problem.line,
               problem.text[0] != '\0' ? problem.text : "longer than a record may be (256 KiB)");
        rp_writer_free(&content);
        return true;
    }
    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_map(&w, 8);
    rp_writer_str(&w, "as");
    rp_writer_str(&w, opts->as != NULL ? opts->as : "");
    rp_writer_str(&w, "audience");
    rp_writer_str(&w, file->audience);
    rp_writer_str(&w, "content");
    rp_writer_raw(&w, rp_writer_slice(&content));
    rp_writer_str(&w, "dry_run");
    rp_writer_bool(&w, opts->dry_run);
    rp_writer_str(&w, "imported");
    rp_writer_bool(&w, opts->imported);
    rp_writer_str(&w, "kind");
    rp_writer_str(&w, file->document.kind->name);
    rp_writer_str(&w, "seed");
    rp_writer_bin(&w, file->seed, RP_SEED_LEN);
    write_teller(&w, opts);
    file->number = client_send(client, CONTROL_PUBLISH, &w);
    rp_writer_free(&w);
    rp_writer_free(&content);
    return file->number != 0;
}

static void take_published(struct file *file, const json_t *value)
{
    const char *id = text_of(value, "id");
    const char *object = text_of(value, "object");

    snprintf(file->state, sizeof file->state, "%s", text_of(value, "state"));
    file->lacks = json_incref(json_object_get(value, "lacks"));
    (void)rp_text_unhex(file->object, object, strlen(object));
    file->has_version = rp_text_unhex(file->version, id, strlen(id)) &&
                        strcmp(file->state, "waits for review") != 0;
}

/* What to do about a field that is needed, where that is not plain. */
static const char *advice_on(const char *field)
{
    if (strcmp(field, "title") == 0)
        return " (give the text a heading, # Like this, or a title in its front matter)";
    if (strcmp(field, "licence") == 0)
        return " (say it in the file, or with --licence)";
    return strcmp(field, "attribution") == 0 ? " (say it in the file, or with --attribution)" : "";
}

static void take_refusal(struct files *files, struct file *file, const json_t *error)
{
    const char *field = text_of(error, "field");
    const char *text = text_of(error, "text");
    char reason[1200];

    snprintf(reason, sizeof reason, "%s%s%s%s", field, field[0] != '\0' ? ": " : "", text,
             advice_on(field));
    refuse(files, file, document_line(&file->document, field), reason);
}

static struct file *file_of_request(struct files *files, uint64_t number)
{
    for (size_t i = 0; i < files->n; i++) {
        if (files->items[i].number == number)
            return &files->items[i];
    }
    return NULL;
}

static bool take_answer(struct files *files, struct client *client)
{
    struct reply reply;
    struct file *file;

    if (!client_next(client, &reply))
        return false;
    file = file_of_request(files, reply.number);
    if (file != NULL && reply.type == REPLY_DONE)
        take_published(file, reply.value);
    else if (file != NULL)
        take_refusal(files, file, reply.value);
    json_decref(reply.value);
    return true;
}

/* One pass over the files; those that need others' versions come in the second. */
static int publish_pass(struct files *files, struct client *client, const struct files_opts *opts,
                        bool with_versions)
{
    size_t in_flight = 0;

    for (size_t i = 0; i < files->n; i++) {
        struct file *file = &files->items[i];

        if (!file->usable || file->document.refers_to_versions != with_versions)
            continue;
        if (in_flight == IN_FLIGHT) {
            if (!take_answer(files, client))
                return EXIT_FAILED;
            in_flight--;
        }
        if (!send_file(files, file, client, opts))
            return EXIT_FAILED;
        in_flight += file->number != 0;
    }
    while (in_flight-- > 0) {
        if (!take_answer(files, client))
            return EXIT_FAILED;
    }
    return EXIT_DONE;
}

static void say_notes(const struct files *files)
{
    for (size_t i = 0; i < files->n; i++) {
        const struct file *file = &files->items[i];

        for (unsigned n = 0; n < file->document.notes; n++)
            complain("%s:%u: note: %s", file->path, file->document.note[n].line,
                     file->document.note[n].text);
    }
}

int files_publish(struct files *files, const char *home, const struct files_opts *opts)
{
    struct client *client = client_open(home);
    json_t *seen;
    int status;

    if (client == NULL)
        return EXIT_NOT_RUNNING;
    seen = json_object();
    for (size_t i = 0; i < files->n; i++)
        read_file(files, &files->items[i], opts, seen);
    json_object_clear(seen);
    status = ask_targets(files, client, opts);
    for (size_t i = 0; i < files->n; i++) {
        char object[2 * RP_ID_LEN + 1];

        rp_text_hex(object, files->items[i].object, RP_ID_LEN);
        if (files->items[i].usable)
            refuse_twin(files, &files->items[i], seen, object);
    }
    json_decref(seen);
    if (status == EXIT_DONE)
        status = publish_pass(files, client, opts, false);
    if (status == EXIT_DONE)
        status = publish_pass(files, client, opts, true);
    client_close(client);
    for (size_t i = 0; i < files->n; i++) {
        if (files->items[i].state[0] != '\0')
            opts->published(&files->items[i]);
    }
    if (opts->verbose)
        say_notes(files);
    return status == EXIT_DONE && files->refused > 0 ? EXIT_FAILED : status;
}
