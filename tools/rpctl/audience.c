#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "rp/limits.h"

/* What publish --dry-run tells: what would become of each file, and who could then read it. */

static void collect(void *ctx, const json_t *reader)
{
    json_array_append(ctx, (json_t *)(uintptr_t)reader);
}

static void print_readers(const json_t *readers)
{
    const json_t *reader;
    size_t i;

    json_array_foreach(readers, i, reader)
    {
        printf("    ");
        print_field(reader, "name");
        printf(" (%s)%s\n", text_of(reader, "organisation"),
               json_is_true(json_object_get(reader, "peer")) ? ", a peer" : "");
    }
}

static void print_audience(const char *audience, const json_t *readers, bool later)
{
    char *name = visible_text(audience, strlen(audience), false);
    size_t n = json_array_size(readers);

    if (strcmp(audience, "local") == 0) {
        printf("local: it stays on this node. No other organisation can read it\n");
    } else if (n == 0) {
        printf("%s: nobody else for now\n", name);
    } else {
        printf("%s: %zu other organisation%s can read it:\n", name, n, n == 1 ? "" : "s");
        print_readers(readers);
    }
    if (later)
        printf("    and every organisation that joins later, or that one of them trusts; and on\n"
               "    their public pages, anybody\n");
    free(name);
}

static int tell_audience(struct client *client, const char *audience)
{
    json_t *readers = json_array();
    struct rp_writer w;
    json_t *done;
    int status;

    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_map(&w, 1);
    rp_writer_str(&w, "audience");
    rp_writer_str(&w, audience);
    status = client_call(client, CONTROL_AUDIENCE, &w, collect, readers, &done);
    rp_writer_free(&w);
    if (status == EXIT_DONE)
        print_audience(audience, readers, json_is_true(json_object_get(done, "later")));
    json_decref(done);
    json_decref(readers);
    return status;
}

/* "tea.md: would be new, for the commons"; of what stays here, what it lacks for the commons. */
static void tell_file(const struct file *file)
{
    const json_t *problem;
    char *path = visible_text(file->path, strlen(file->path), false);
    char *audience = visible_text(file->audience, strlen(file->audience), false);
    size_t i;

    printf("%s: %s, for %s%s\n", path, file->state,
           strcmp(file->audience, "commons") == 0 ? "the " : "", audience);
    if (json_array_size(file->lacks) > 0)
        printf("    for the commons its consent would lack:\n");
    json_array_foreach(file->lacks, i, problem)
    {
        printf("        ");
        print_field(problem, "field");
        printf(": ");
        print_field(problem, "reason");
        printf("\n");
    }
    free(path);
    free(audience);
}

int files_tell_audience(const struct files *files, const char *home)
{
    struct client *client = client_open(home);
    int status = EXIT_DONE;

    if (client == NULL)
        return EXIT_NOT_RUNNING;
    printf("\ndry run, nothing was stored or sent\n\n");
    for (size_t i = 0; i < files->n; i++) {
        if (files->items[i].state[0] != '\0')
            tell_file(&files->items[i]);
    }
    for (size_t i = 0; i < files->n && status == EXIT_DONE; i++) {
        const char *audience = files->items[i].audience;
        bool told = audience == NULL;

        for (size_t k = 0; k < i && !told; k++)
            told =
                files->items[k].audience != NULL && strcmp(files->items[k].audience, audience) == 0;
        if (!told) {
            printf("\n");
            status = tell_audience(client, audience);
        }
    }
    client_close(client);
    return status;
}
