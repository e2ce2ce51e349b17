#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "rp/limits.h"
#include "rpctl.h"

/* The nodes of the federation, by what they last said of themselves. */

static void print_states(const json_t *node)
{
    const json_t *word;
    size_t i;

    json_array_foreach(json_object_get(node, "state"), i, word)
        printf("%s%s", i > 0 ? ", " : "; ", json_string_value(word));
}

/* "records of 12 here 11: somebody withholds some" */
static void print_records(const json_t *node)
{
    const json_t *content = json_object_get(node, "content");
    const json_t *control = json_object_get(node, "control");
    uint64_t count = number_of(content, "count") + number_of(control, "count");
    uint64_t held = number_of(content, "held") + number_of(control, "held");
    const char *records = text_of(node, "records");

    printf("%" PRIu64 " own record%s", count, count == 1 ? "" : "s");
    if (strcmp(records, "coming") == 0)
        printf(", %" PRIu64 " here", held);
    else if (strcmp(records, "withheld") == 0)
        printf(", but %" PRIu64 " here: somebody WITHHOLDS what is missing", held);
}

/* The node's name, and its organisation's when that is another. */
void print_node_name(const json_t *node)
{
    print_field(node, "organisation_name");
    if (strcmp(text_of(node, "name"), text_of(node, "organisation_name")) != 0) {
        printf(" (");
        print_field(node, "name");
        printf(")");
    }
}

static void print_node(const json_t *node)
{
    char ago[32];

    format_ago(ago, sizeof ago, text_of(node, "seen"));
    printf("  ");
    print_node_name(node);
    if (json_is_true(json_object_get(node, "self")))
        printf(", this node");
    printf("; said %s: ", ago);
    print_records(node);
    print_states(node);
    printf("\n");
}

void print_federation(const json_t *status)
{
    const json_t *nodes = json_object_get(status, "federation");
    uint64_t n = number_of(status, "federation_nodes");
    const json_t *node;
    size_t i;

    if (n < 2)
        return;
    printf("Nodes   %" PRIu64 " are known: see  rpctl nodes\n", n);
    json_array_foreach(nodes, i, node)
    {
        if (strcmp(text_of(node, "records"), "withheld") == 0 ||
            json_array_size(json_object_get(node, "state")) > 0)
            print_node(node);
    }
}

static void print_item(void *ctx, const json_t *node)
{
    const bool *json = ctx;
    const json_t *address;
    size_t i;

    if (*json) {
        print_json(node, true);
        return;
    }
    print_node(node);
    printf("      ");
    print_field(node, "software");
    json_array_foreach(json_object_get(node, "addresses"), i, address)
    {
        printf("%s", i > 0 ? ", " : " at ");
        print_text(stdout, json_string_value(address), json_string_length(address), false);
    }
    printf("\n");
}

int command_nodes(const struct command_args *args)
{
    bool json;
    int result = read_operands(args, 0, 0, "", &json);

    return result == EXIT_DONE ? client_list(args->home, CONTROL_NODES, print_item, &json) : result;
}
