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

/* "special data, child" */
static const char *why(const json_t *item)
{
    bool child = json_is_true(json_object_get(item, "child"));

    if (!json_is_true(json_object_get(item, "special_data")))
        return "child";
    return child ? "special data, child" : "special data";
}

static void print_line(const json_t *item)
{
    char ago[32];

    format_ago(ago, sizeof ago, text_of(item, "at"));
    printf("%.12s  %s  %s, by ", text_of(item, "object"), why(item), ago);
    print_field(item, "by");
    printf("  %s  ", text_of(item, "audience"));
    print_field(item, "title");
    printf("\n");
}

static void print_item(void *ctx, const json_t *item)
{
    struct listing *listing = ctx;

    listing->n++;
    if (listing->json)
        print_json(item, true);
    else
        print_line(item);
}

static int list_reviews(const struct command_args *args, bool json)
{
    struct listing listing = {.json = json};
    int result = client_list(args->home, CONTROL_REVIEWS, print_item, &listing);

    if (result == EXIT_DONE && !json && listing.n == 0)
        printf("nothing waits for a second person\n");
    return result;
}

struct decision {
    const char *word;
    const char *as;
    const char *because;
};

static void print_answer(const json_t *answer, const struct decision *decision)
{
    if (strcmp(decision->word, "confirm") == 0) {
        printf("%s\n", text_of(answer, "object"));
    } else if (strcmp(decision->word, "refuse") == 0) {
        printf("refused and deleted here; the reason is in  rpctl audit\n");
    } else {
        print_line(answer);
        printf("\n");
        print_content(json_object_get(answer, "content"));
        printf("\nRead it as somebody would who knows the people in it. Then, if you have not "
               "published it\nyourself:  rpctl review %.12s --confirm --as YOUR-NAME, or "
               "--refuse --because TEXT\n",
               text_of(answer, "object"));
    }
}

static int decide(const struct command_args *args, const struct decision *decision, bool json)
{
    struct rp_writer w;
    json_t *answer;
    int result;

    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_map(&w, 4);
    rp_writer_str(&w, "as");
    rp_writer_str(&w, decision->as);
    rp_writer_str(&w, "because");
    rp_writer_str(&w, decision->because);
    rp_writer_str(&w, "decision");
    rp_writer_str(&w, decision->word);
    rp_writer_str(&w, "id");
    rp_writer_str(&w, args->argv[optind]);
    result = client_ask(args->home, CONTROL_REVIEW, &w, &answer);
    rp_writer_free(&w);
    if (result == EXIT_DONE && json)
        print_json(answer, false);
    else if (result == EXIT_DONE)
        print_answer(answer, decision);
    json_decref(answer);
    return result;
}

int command_review(const struct command_args *args)
{
    static const struct option options[] = {{"as", required_argument, NULL, OPTION('a')},
                                            {"because", required_argument, NULL, OPTION('b')},
                                            {"confirm", no_argument, NULL, OPTION('c')},
                                            {"json", no_argument, NULL, OPTION('j')},
                                            {"refuse", no_argument, NULL, OPTION('r')},
                                            {NULL, 0, NULL, 0}};
    struct decision decision = {"", "", ""};
    bool json = false;
    int option;

    opterr = 0;
    while ((option = getopt_long(args->argc, args->argv, "", options, NULL)) != -1) {
        if (option == '?')
            return option_error(args);
        if (option == OPTION('a'))
            decision.as = optarg;
        if (option == OPTION('b'))
            decision.because = optarg;
        if ((option == OPTION('c') || option == OPTION('r')) && decision.word[0] != '\0')
            return usage_error(args, "either --confirm or --refuse, once");
        if (option == OPTION('c') || option == OPTION('r'))
            decision.word = option == OPTION('c') ? "confirm" : "refuse";
        json |= option == OPTION('j');
    }
    if (args->argc - optind > 1)
        return usage_error(args, "%s: not expected", args->argv[optind + 1]);
    if (optind == args->argc && decision.word[0] != '\0')
        return usage_error(args, "which one? Give its id: see  rpctl review");
    if (strcmp(decision.word, "refuse") == 0 && decision.because[0] == '\0')
        return usage_error(args, "say why, for whoever published it: --because TEXT");
    return optind == args->argc ? list_reviews(args, json) : decide(args, &decision, json);
}
