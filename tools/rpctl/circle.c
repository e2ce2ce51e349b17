#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rp/circle.h"
#include "rp/limits.h"
#include "rp/text.h"
#include "rpctl.h"

/* Who is to be in a circle, or not in it any more. */
struct members {
    const char *in[RP_CIRCLE_MEMBERS_MAX];
    uint32_t in_n;
    const char *out[RP_CIRCLE_MEMBERS_MAX];
    uint32_t out_n;
    bool json;
};

/* Reads the options behind the word for what to do; the operands begin at optind. */
static int read_members(const struct command_args *args, struct members *out)
{
    static const struct option options[] = {{"member", required_argument, NULL, OPTION('m')},
                                            {"without", required_argument, NULL, OPTION('w')},
                                            {"json", no_argument, NULL, OPTION('j')},
                                            {NULL, 0, NULL, 0}};
    int option;

    *out = (struct members){.json = false};
    opterr = 0;
    while ((option = getopt_long(args->argc, args->argv, "", options, NULL)) != -1) {
        if (option == '?')
            return option_error(args);
        if (out->in_n == RP_CIRCLE_MEMBERS_MAX || out->out_n == RP_CIRCLE_MEMBERS_MAX)
            return usage_error(args, "more than %d members", RP_CIRCLE_MEMBERS_MAX);
        if (option == OPTION('m'))
            out->in[out->in_n++] = optarg;
        if (option == OPTION('w'))
            out->out[out->out_n++] = optarg;
        out->json |= option == OPTION('j');
    }
    return EXIT_DONE;
}

static const char *member_state(const json_t *member)
{
    if (json_is_true(json_object_get(member, "self")))
        return "this node";
    if (!json_is_true(json_object_get(member, "linked")))
        return "no link: reached through other members, if at all";
    return json_is_true(json_object_get(member, "accepted")) ? "in it" : "has not accepted it yet";
}

static void print_circle(const json_t *circle)
{
    const json_t *member;
    size_t i;

    printf("%.8s  ", text_of(circle, "id"));
    print_field(circle, "name");
    printf("  (%s, %" JSON_INTEGER_FORMAT " records)\n", text_of(circle, "state"),
           json_integer_value(json_object_get(circle, "records")));
    json_array_foreach(json_object_get(circle, "members"), i, member)
    {
        printf("    ");
        print_field(member, "name");
        printf("  %s", member_state(member));
        if (!json_is_true(json_object_get(member, "linked")) &&
            json_is_string(json_object_get(member, "why"))) {
            fputs(" (", stdout);
            print_field(member, "why");
            putchar(')');
        }
        putchar('\n');
    }
}

static int list(const struct command_args *args, bool json)
{
    const json_t *circles;
    const json_t *circle;
    struct rp_writer w;
    json_t *answer;
    size_t i;
    int result;

    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_map(&w, 0);
    result = client_ask(args->home, CONTROL_CIRCLES, &w, &answer);
    rp_writer_free(&w);
    circles = json_object_get(answer, "circles");
    if (result == EXIT_DONE && json) {
        print_json(answer, false);
    } else if (result == EXIT_DONE) {
        json_array_foreach(circles, i, circle) print_circle(circle);
        if (json_array_size(circles) == 0)
            puts("no circles: make one with  rpctl circle create NAME --member ORG");
    }
    json_decref(answer);
    return result;
}

/* Makes a circle; its id goes to ${id}. */
static int create(const char *home, const char *name, const char *const *members, uint32_t n,
                  char id[static 2 * RP_ID_LEN + 1])
{
    struct rp_writer w;
    json_t *answer;
    int result;

    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_map(&w, 2);
    rp_writer_str(&w, "members");
    rp_writer_array(&w, n);
    for (uint32_t i = 0; i < n; i++)
        rp_writer_str(&w, members[i]);
    rp_writer_str(&w, "name");
    rp_writer_str(&w, name);
    result = client_ask(home, CONTROL_CIRCLE_CREATE, &w, &answer);
    rp_writer_free(&w);
    if (result == EXIT_DONE)
        snprintf(id, 2 * RP_ID_LEN + 1, "%s", text_of(answer, "id"));
    json_decref(answer);
    return result;
}

static int decide(const char *home, const char *circle, bool accept)
{
    struct rp_writer w;
    json_t *answer;
    int result;

    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_map(&w, 2);
    rp_writer_str(&w, "accept");
    rp_writer_bool(&w, accept);
    rp_writer_str(&w, "circle");
    rp_writer_str(&w, circle);
    result = client_ask(home, CONTROL_CIRCLE_DECIDE, &w, &answer);
    rp_writer_free(&w);
    if (result == EXIT_DONE)
        printf("%s\n", accept ? "accepted: what its members say in it comes now"
                              : "left: nothing is exchanged in it any more");
    json_decref(answer);
    return result;
}

/* The circles of this node, as JSON; NULL with the reason said. */
static json_t *fetch_circles(const char *home, int *result)
{
    struct rp_writer w;
    json_t *answer;

    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_map(&w, 0);
    *result = client_ask(home, CONTROL_CIRCLES, &w, &answer);
    rp_writer_free(&w);
    return answer;
}

/* The one that was accepted and is called ${text}. */
static const json_t *find(const json_t *answer, const char *text)
{
    const json_t *found = NULL;
    const json_t *circle;
    size_t i;

    json_array_foreach(json_object_get(answer, "circles"), i, circle)
    {
        bool called =
            strcmp(text_of(circle, "name"), text) == 0 ||
            (strlen(text) >= 4 && strncmp(text_of(circle, "id"), text, strlen(text)) == 0);

        if (!called || strcmp(text_of(circle, "state"), "accepted") != 0)
            continue;
        if (found != NULL) {
            complain("rpctl: several circles are called %s: give the id", text);
            return NULL;
        }
        found = circle;
    }
    if (found == NULL)
        complain("rpctl: no circle that we have accepted is called %s: see  rpctl circle list",
                 text);
    return found;
}

static bool is_named(const json_t *member, const char *const *names, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (strcmp(text_of(member, "name"), names[i]) == 0 ||
            strcmp(text_of(member, "organisation"), names[i]) == 0)
            return true;
    }
    return false;
}

static void print_story(void *ctx, const json_t *item)
{
    size_t *n = ctx;

    if ((*n)++ == 0)
        puts("Stories of the old circle. Whoever told them agreed to its members, not to the new "
             "ones:\nask again before you publish one in the new circle.");
    printf("  %.12s  ", text_of(item, "object"));
    print_field(item, "title");
    printf("  (");
    print_field(item, "author_name");
    printf(")\n");
}

/* Says which stories need to be asked for again. */
static int list_stories(const char *home, const char *circle)
{
    const struct client_listing stories = {.circle = circle, .kind = "story"};
    struct client *client = client_open(home);
    size_t n = 0;
    int result;

    if (client == NULL)
        return EXIT_NOT_RUNNING;
    result = client_list_objects(client, &stories, print_story, &n);
    client_close(client);
    return result;
}

/* A new circle in place of ${circle}: its members, more and fewer. */
static int renew_as(const struct command_args *args, const json_t *circle,
                    const struct members *changes)
{
    const char *members[RP_CIRCLE_MEMBERS_MAX];
    char id[2 * RP_ID_LEN + 1];
    const json_t *member;
    uint32_t n = 0;
    size_t i;
    int result;

    json_array_foreach(json_object_get(circle, "members"), i, member)
    {
        if (!json_is_true(json_object_get(member, "self")) &&
            !is_named(member, changes->out, changes->out_n))
            members[n++] = text_of(member, "organisation");
    }
    for (uint32_t k = 0; k < changes->in_n; k++) {
        if (n == RP_CIRCLE_MEMBERS_MAX)
            return usage_error(args, "more than %d members", RP_CIRCLE_MEMBERS_MAX);
        members[n++] = changes->in[k];
    }
    if ((result = create(args->home, text_of(circle, "name"), members, n, id)) != EXIT_DONE)
        return result;
    printf("%s\n", id);
    return list_stories(args->home, text_of(circle, "id"));
}

static int renew(const struct command_args *args, const char *text, const struct members *changes)
{
    const json_t *circle;
    int result;
    json_t *answer = fetch_circles(args->home, &result);

    if (result == EXIT_DONE) {
        circle = find(answer, text);
        result = circle != NULL ? renew_as(args, circle, changes) : EXIT_FAILED;
    }
    json_decref(answer);
    return result;
}

int command_circle(const struct command_args *args)
{
    const char *what = args->argc > 1 ? args->argv[1] : "";
    struct command_args rest = {args->home, args->argc - 1, args->argv + 1};
    struct members members;
    char id[2 * RP_ID_LEN + 1];
    bool lists = strcmp(what, "list") == 0;
    int result;

    if (args->argc < 2)
        return usage_error(args, "create, list, accept, leave or renew?");
    rest.argv[0] = args->argv[0]; /* by which usage is said */
    if ((result = read_members(&rest, &members)) != EXIT_DONE)
        return result;
    if (rest.argc - optind != (lists ? 0 : 1))
        return usage_error(args, lists ? "%s: not expected" : "which circle?",
                           lists ? rest.argv[optind] : "");
    if (lists)
        return list(&rest, members.json);
    if (strcmp(what, "accept") == 0 || strcmp(what, "leave") == 0)
        return decide(rest.home, rest.argv[optind], what[0] == 'a');
    if (strcmp(what, "renew") == 0)
        return renew(&rest, rest.argv[optind], &members);
    if (strcmp(what, "create") != 0)
        return usage_error(args, "%s: create, list, accept, leave or renew?", what);
    if (members.in_n == 0)
        return usage_error(args, "a circle of whom? --member ORG, several times for several");
    result = create(rest.home, rest.argv[optind], members.in, members.in_n, id);
    if (result == EXIT_DONE)
        puts(id);
    return result;
}

/* Concerns */

/* The id of the circle of us and ${org} alone; made when there is none. */
static int circle_of_two(const char *home, const char *org, char id[static 2 * RP_ID_LEN + 1])
{
    const json_t *circle;
    size_t i;
    int result;
    json_t *answer = fetch_circles(home, &result);

    id[0] = '\0';
    json_array_foreach(json_object_get(answer, "circles"), i, circle)
    {
        const json_t *members = json_object_get(circle, "members");

        if (json_array_size(members) == 2 && strcmp(text_of(circle, "state"), "accepted") == 0 &&
            (strcmp(text_of(json_array_get(members, 0), "organisation"), org) == 0 ||
             strcmp(text_of(json_array_get(members, 1), "organisation"), org) == 0))
            snprintf(id, 2 * RP_ID_LEN + 1, "%s", text_of(circle, "id"));
    }
    json_decref(answer);
    if (result == EXIT_DONE && id[0] == '\0')
        result = create(home, "Between us", &org, 1, id);
    return result;
}

/* Whether ${org} is this node's own organisation. */
static int is_ours(const char *home, const char *org, bool *ours)
{
    struct rp_writer w;
    json_t *answer;
    int result;

    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_map(&w, 0);
    result = client_ask(home, CONTROL_STATUS, &w, &answer);
    rp_writer_free(&w);
    *ours = strcmp(text_of(answer, "organisation"), org) == 0;
    json_decref(answer);
    return result;
}

static void write_target(struct rp_writer *w, const json_t *object)
{
    const json_t *version = json_array_get(json_object_get(object, "versions"), 0);
    uint8_t id[RP_ID_LEN] = {0};

    rp_writer_str(w, "target");
    rp_writer_map(w, 2);
    (void)rp_text_unhex(id, text_of(object, "object"), 2 * RP_ID_LEN);
    rp_writer_str(w, "object");
    rp_writer_bin(w, id, sizeof id);
    (void)rp_text_unhex(id, text_of(version, "id"), 2 * RP_ID_LEN);
    rp_writer_str(w, "version");
    rp_writer_bin(w, id, sizeof id);
}

static int publish_concern(const char *home, const char *circle, const json_t *object,
                           const char *text)
{
    char audience[sizeof "circle:" + 2 * RP_ID_LEN];
    struct rp_writer w;
    json_t *answer;
    int result;

    snprintf(audience, sizeof audience, "circle:%s", circle);
    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_map(&w, 3);
    rp_writer_str(&w, "audience");
    rp_writer_str(&w, circle[0] != '\0' ? audience : "local");
    rp_writer_str(&w, "content");
    rp_writer_map(&w, 3);
    rp_writer_str(&w, "body");
    rp_writer_str(&w, text);
    write_target(&w, object);
    rp_writer_str(&w, "type");
    rp_writer_str(&w, "concern");
    rp_writer_str(&w, "kind");
    rp_writer_str(&w, "response");
    result = client_ask(home, CONTROL_PUBLISH, &w, &answer);
    rp_writer_free(&w);
    if (result == EXIT_DONE)
        printf("%s\n%s\n", text_of(answer, "object"),
               circle[0] != '\0' ? "its organisation reads it once it has accepted the circle of "
                                   "you two; nobody else does"
                                 : "kept here: it is about something of this organisation's own");
    json_decref(answer);
    return result;
}

int command_concern(const struct command_args *args)
{
    static const struct option options[] = {{"text", required_argument, NULL, OPTION('t')},
                                            {NULL, 0, NULL, 0}};
    char circle[2 * RP_ID_LEN + 1] = "";
    const char *text = NULL;
    struct client *client;
    json_t *object = NULL;
    bool ours;
    int option;
    int result;

    opterr = 0;
    while ((option = getopt_long(args->argc, args->argv, "", options, NULL)) != -1) {
        if (option == '?')
            return option_error(args);
        text = optarg;
    }
    if (args->argc - optind != 1)
        return usage_error(args, "about what? Give its id");
    if (text == NULL || text[0] == '\0')
        return usage_error(args, "--text: what is it that worries you?");
    if ((client = client_open(args->home)) == NULL)
        return EXIT_NOT_RUNNING;
    result = client_show(client, args->argv[optind], NULL, &object);
    client_close(client);
    if (result == EXIT_DONE)
        result = is_ours(args->home, text_of(object, "author"), &ours);
    if (result == EXIT_DONE && !ours)
        result = circle_of_two(args->home, text_of(object, "author"), circle);
    if (result == EXIT_DONE)
        result = publish_concern(args->home, circle, object, text);
    json_decref(object);
    return result;
}
