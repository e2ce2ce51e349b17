#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rp/limits.h"
#include "rpctl.h"

struct listing {
    bool json;
    unsigned n;
};

static void print_item(void *ctx, const json_t *item)
{
    struct listing *listing = ctx;
    const char *object = text_of(item, "object");
    const char *state = text_of(item, "state");
    char command[100];

    listing->n++;
    snprintf(command, sizeof command, "rpctl withdraw %.12s", object);
    if (listing->json) {
        json_t *copy = json_copy((json_t *)(uintptr_t)item);

        if (strcmp(state, "holds") != 0)
            json_object_set_new(copy, "withdraw", json_string(command));
        print_json(copy, true);
        json_decref(copy);
        return;
    }
    printf("%s  %-11s  %.12s  %-7s  ",
           text_of(item, "review_on")[0] != '\0' ? text_of(item, "review_on") : "no date   ", state,
           object, text_of(item, "audience"));
    print_field(item, "title");
    printf("\n");
    if (strcmp(state, "holds") == 0)
        return;
    printf("    asked again: rpctl consent renew %.12s --given-on YYYY-MM --review-on YYYY-MM-DD\n"
           "    or not:      %s\n",
           object, command);
}

static int list_consent(const struct command_args *args, bool all, bool json)
{
    struct listing listing = {.json = json};
    struct client *client = client_open(args->home);
    struct rp_writer w;
    int result;

    if (client == NULL)
        return EXIT_NOT_RUNNING;
    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_map(&w, 1);
    rp_writer_str(&w, "all");
    rp_writer_bool(&w, all);
    result = client_call(client, CONTROL_CONSENT, &w, print_item, &listing, NULL);
    rp_writer_free(&w);
    client_close(client);
    if (result == EXIT_DONE && !json && listing.n == 0)
        printf(all ? "no story of ours names a day on which consent is to be asked again\n"
                   : "no consent of ours runs out within 30 days\n");
    return result;
}

static int renew(const struct command_args *args, const char *given_on, const char *review_on,
                 const char *as)
{
    const char *id = args->argv[optind + 1];
    struct rp_writer w;
    json_t *answer;
    int result;

    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_map(&w, 4);
    rp_writer_str(&w, "as");
    rp_writer_str(&w, as);
    rp_writer_str(&w, "given_on");
    rp_writer_str(&w, given_on);
    rp_writer_str(&w, "id");
    rp_writer_str(&w, id);
    rp_writer_str(&w, "review_on");
    rp_writer_str(&w, review_on);
    result = client_ask(args->home, CONTROL_RENEW, &w, &answer);
    rp_writer_free(&w);
    if (result == EXIT_DONE && strcmp(text_of(answer, "state"), "waits for review") == 0)
        printf("not published yet: somebody else has to confirm it: see  rpctl review\n");
    else if (result == EXIT_DONE)
        printf("renewed until %s, as a new version. Write both dates into its file, too: published "
               "again\nas it is, that would bring the old ones back\n",
               review_on);
    json_decref(answer);
    return result;
}

int command_consent(const struct command_args *args)
{
    static const struct option options[] = {{"all", no_argument, NULL, OPTION('a')},
                                            {"as", required_argument, NULL, OPTION('w')},
                                            {"given-on", required_argument, NULL, OPTION('g')},
                                            {"json", no_argument, NULL, OPTION('j')},
                                            {"review-on", required_argument, NULL, OPTION('r')},
                                            {NULL, 0, NULL, 0}};
    const char *given_on = NULL;
    const char *review_on = NULL;
    const char *as = "";
    bool all = false;
    bool json = false;
    int option;

    opterr = 0;
    while ((option = getopt_long(args->argc, args->argv, "", options, NULL)) != -1) {
        if (option == '?')
            return option_error(args);
        if (option == OPTION('g'))
            given_on = optarg;
        if (option == OPTION('r'))
            review_on = optarg;
        if (option == OPTION('w'))
            as = optarg;
        all |= option == OPTION('a');
        json |= option == OPTION('j');
    }
    if (optind == args->argc && given_on == NULL && review_on == NULL)
        return list_consent(args, all, json);
    if (optind == args->argc || strcmp(args->argv[optind], "renew") != 0)
        return usage_error(args, "%s: not expected",
                           optind < args->argc ? args->argv[optind] : "a date without  renew");
    if (args->argc - optind != 2)
        return usage_error(args, "renew: the id of one story is needed");
    if (given_on == NULL || review_on == NULL)
        return usage_error(args, "renew: when was consent given again, and until when does it "
                                 "hold? --given-on, --review-on");
    return renew(args, given_on, review_on, as);
}
