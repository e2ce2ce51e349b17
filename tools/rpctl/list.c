#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rp/kind.h"
#include "rp/limits.h"
#include "rpctl.h"

static void print_item(void *ctx, const json_t *item)
{
    const bool *json = ctx;

    if (*json) {
        print_json(item, true);
        return;
    }
    printf("%.12s  %-10s  %-7s  ", text_of(item, "object"), text_of(item, "kind"),
           text_of(item, "audience"));
    print_field(item, "title");
    printf("  (");
    print_field(item, "author_name");
    printf(")\n");
}

int command_list(const struct command_args *args)
{
    static const struct option options[] = {{"kind", required_argument, NULL, OPTION('k')},
                                            {"author", required_argument, NULL, OPTION('a')},
                                            {"json", no_argument, NULL, OPTION('j')},
                                            {NULL, 0, NULL, 0}};
    struct client_listing listing = {.author = NULL};
    struct client *client;
    bool json = false;
    int option;
    int result;

    opterr = 0;
    while ((option = getopt_long(args->argc, args->argv, "", options, NULL)) != -1) {
        if (option == '?')
            return option_error(args);
        if (option == OPTION('k'))
            listing.kind = optarg;
        if (option == OPTION('a'))
            listing.author = optarg;
        json |= option == OPTION('j');
    }
    if (optind < args->argc)
        return usage_error(args, "%s: not expected", args->argv[optind]);
    if (listing.kind != NULL && listing.kind[0] != '\0' &&
        rp_kind_find(rp_bytes_str(listing.kind)) == NULL)
        return usage_error(args, "%s: there is no such kind", listing.kind);
    if ((client = client_open(args->home)) == NULL)
        return EXIT_NOT_RUNNING;
    result = client_list_objects(client, &listing, print_item, &json);
    client_close(client);
    return result;
}

static void print_value(const char *name, size_t name_len, const json_t *value, int depth);

static void print_block(const json_t *map, int depth)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)map, key, value)
        print_value(key, strlen(key), value, depth);
}

/* Fields that are text of several lines in some kind; others are one line, whatever they hold. */
static bool is_running(const char *name)
{
    for (const struct rp_kind *kind = rp_kind_table; kind->name != NULL; kind++) {
        const struct rp_field *field =
            kind->authored ? rp_kind_field(kind, rp_bytes_str(name)) : NULL;

        if (field != NULL && field->type == RP_FIELD_MD)
            return true;
    }
    return false;
}

/* A field: short ones on one line, running text under its name. */
static void print_value(const char *name, size_t name_len, const json_t *value, int depth)
{
    const char *text = json_string_value(value);
    size_t len = json_string_length(value);
    const json_t *entry;
    size_t i;

    printf("%*s", 2 * depth, "");
    print_text(stdout, name, name_len, false);
    if (text != NULL && depth == 0 && is_running(name) &&
        (memchr(text, '\n', len) != NULL || len > 200)) {
        printf(":\n\n");
        print_text(stdout, text, len, true);
        printf("\n\n");
    } else if (text != NULL) {
        printf(": ");
        print_text(stdout, text, len, false);
        printf("\n");
    } else if (json_is_object(value)) {
        printf(":\n");
        print_block(value, depth + 1);
    } else if (json_is_array(value)) {
        printf(":\n");
        json_array_foreach(value, i, entry) print_value("-", 1, entry, depth + 1);
    } else {
        printf(": ");
        print_json(value, true);
    }
}

void print_content(const json_t *content)
{
    print_block(content, 0);
}

static void print_links(const json_t *object)
{
    const json_t *links = json_object_get(object, "referred_to_by");
    const json_t *link;
    size_t i;

    if (json_array_size(links) > 0)
        printf("\nreferred to by:\n");
    json_array_foreach(links, i, link)
    {
        printf("  %.12s  %s  ", text_of(link, "object"), text_of(link, "kind"));
        print_field(link, "title");
        printf("\n");
    }
    if (json_is_true(json_object_get(object, "referred_to_by_more")))
        printf("  and others\n");
}

static void print_object(const json_t *object)
{
    const json_t *versions = json_object_get(object, "versions");
    const json_t *version;
    size_t current = 0;
    size_t i;

    printf("object %s\nby ", text_of(object, "object"));
    print_field(object, "author_name");
    printf(" (%s), %s, %zu version%s\n", text_of(object, "author"), text_of(object, "audience"),
           json_array_size(versions), json_array_size(versions) == 1 ? "" : "s");
    json_array_foreach(versions, i, version)
    {
        if (!json_is_true(json_object_get(version, "current")))
            continue;
        if (current++ > 0)
            printf("\n-- another current version: both stand side by side --\n");
        printf("%s %s, made %s\n\n", text_of(version, "kind"), text_of(version, "id"),
               text_of(version, "made"));
        print_block(json_object_get(version, "content"), 0);
    }
    print_links(object);
}

int command_show(const struct command_args *args)
{
    struct client *client;
    json_t *object;
    bool json;
    int result = read_operands(args, 1, 1, "the id of an object is needed", &json);

    if (result != EXIT_DONE)
        return result;
    if ((client = client_open(args->home)) == NULL)
        return EXIT_NOT_RUNNING;
    result = client_show(client, args->argv[optind], NULL, &object);
    client_close(client);
    if (object == NULL)
        return result;
    if (json)
        print_json(object, false);
    else
        print_object(object);
    json_decref(object);
    return result;
}

int command_diff(const struct command_args *args)
{
    uint64_t theirs;
    uint64_t ours;
    struct rp_writer w;
    json_t *diff;
    bool json;
    int result = read_operands(args, 1, 1, "which peer? Give its name or id", &json);

    if (result != EXIT_DONE)
        return result;
    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_map(&w, 1);
    rp_writer_str(&w, "peer");
    rp_writer_str(&w, args->argv[optind]);
    result = client_ask(args->home, CONTROL_DIFF, &w, &diff);
    rp_writer_free(&w);
    if (result != EXIT_DONE)
        return result == EXIT_FAILED ? 2 : result; /* as diff(1): 0 same, 1 different, 2 trouble */
    theirs = number_of(diff, "they_have");
    ours = number_of(diff, "we_have");
    if (json) {
        print_json(diff, false);
    } else {
        print_field(diff, "name");
        printf(", compared just now\n  %6" PRIu64 "  they have, we lack\n  %6" PRIu64
               "  we have, they lack\n  %6" PRIu64 "  held back\n  %6" PRIu64 "  refused by us\n",
               theirs, ours, number_of(diff, "held_back"), number_of(diff, "refused"));
    }
    json_decref(diff);
    return theirs > 0 || ours > 0 ? 1 : 0;
}
