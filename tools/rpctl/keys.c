#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "rpctl.h"

static void print_name(const json_t *organisation)
{
    print_field(organisation, "name");
    printf(" (%.12s...)", text_of(organisation, "organisation"));
}

static void print_rivals(const json_t *organisation)
{
    const json_t *rivals = json_object_get(organisation, "rivals");

    printf("\n! ");
    print_name(organisation);
    printf(
        ": two successions of one number, %.8s and %.8s. Neither is followed: its paper key was\n"
        "  used twice, perhaps by a thief. Ask its people, by another way than this.\n",
        json_string_value(json_array_get(rivals, 0)), json_string_value(json_array_get(rivals, 1)));
}

void print_organisations(const json_t *status)
{
    const char *own = text_of(status, "own_key");
    const json_t *organisation;
    size_t i;

    json_array_foreach(json_object_get(status, "organisations"), i, organisation)
    {
        uint64_t successions = number_of(organisation, "successions");
        uint64_t refused = number_of(organisation, "false_successions");

        if (successions > 0) {
            printf("Keys    ");
            print_name(organisation);
            printf(": key replaced%s\n", successions > 1 ? " more than once" : "");
        }
        if (strcmp(text_of(organisation, "keys"), "forked") == 0)
            print_rivals(organisation);
        if (refused > 0) {
            printf("\n! ");
            print_name(organisation);
            printf(": %" PRIu64
                   " false succession%s refused. Somebody has its key in use, and tries\n"
                   "  to take it over: tell its people, by another way than this.\n",
                   refused, refused == 1 ? "" : "s");
        }
    }
    if (strcmp(own, "revoked") == 0)
        printf("\n! This organisation has revoked this node: nobody links with it any more. See  "
               "rpctl\n  node list  at another node of it.\n");
    if (strcmp(own, "replaced") == 0)
        printf(
            "\n! The key of this node was replaced elsewhere: nobody links with it, and what it\n"
            "  publishes may not count. Give what  rpctl node request  says here to  rpctl node add\n"
            "  at the node that has the new key, and what that says to  rpctl node accept  here.\n");
}
