#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rp/limits.h"
#include "rpctl.h"

static void empty_map(struct rp_writer *w)
{
    rp_writer_init(w, RP_FRAME_MAX);
    rp_writer_map(w, 0);
}

static bool is_in_sync(const json_t *peer)
{
    return strcmp(text_of(peer, "state"), "in sync") == 0;
}

/* "4 of 6 peers in sync, 14 to receive, 4 to send" */
static void print_sync(const json_t *status)
{
    const json_t *peers = json_object_get(status, "peers");
    const char *health = text_of(status, "health");
    uint64_t receive = 0;
    uint64_t send = 0;
    size_t in_sync = 0;
    const json_t *peer;
    size_t i;

    json_array_foreach(peers, i, peer)
    {
        in_sync += is_in_sync(peer);
        receive += number_of(peer, "recv_pending");
        send += number_of(peer, "send_pending");
    }
    printf("Sync    ");
    if (strcmp(health, "failing") == 0)
        printf("FAILING: no room to store anything; ");
    else if (strcmp(health, "degraded") == 0)
        printf("DEGRADED: ");
    if (json_array_size(peers) == 0) {
        printf("no peers yet (rpctl invite, rpctl join)\n");
        return;
    }
    printf("%zu of %zu peer%s in sync", in_sync, json_array_size(peers),
           json_array_size(peers) == 1 ? "" : "s");
    if (receive > 0 || send > 0)
        printf(", %" PRIu64 " to receive, %" PRIu64 " to send", receive, send);
    printf("\n");
}

static void print_store(const json_t *status)
{
    const json_t *kinds = json_object_get(status, "by_kind");
    const char *separator = " (";
    const char *kind;
    json_t *count;
    char bytes[32];

    printf("Store   %" PRIu64 " records", number_of(status, "records"));
    json_object_foreach((json_t *)(uintptr_t)kinds, kind, count)
    {
        printf("%s%lld %s", separator, (long long)json_integer_value(count), kind);
        separator = ", ";
    }
    format_bytes(bytes, sizeof bytes, number_of(status, "store_bytes"));
    printf("%s, %s\n", json_object_size(kinds) > 0 ? ")" : "", bytes);
}

static void print_count(const json_t *peer, const char *key, int width)
{
    const json_t *value = json_object_get(peer, key);

    if (json_is_integer(value))
        printf("  %*lld", width, (long long)json_integer_value(value));
    else
        printf("  %*s", width, "?");
}

/* Characters of UTF-8 text: what it takes on the screen, for the scripts most names are in. */
static int width_of(const char *text)
{
    int width = 0;

    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

/* What to call a peer: its name or, before it has told one, the beginning of its id. Malloc'd. */
static char *name_of(const json_t *peer)
{
    const json_t *name = json_object_get(peer, "name");

    if (json_string_length(name) > 0)
        return visible_text(json_string_value(name), json_string_length(name), false);
    return visible_text(text_of(peer, "organisation"), 12, false);
}

static int name_width(const json_t *peer)
{
    char *name = name_of(peer);
    int width = width_of(name);

    free(name);
    return width;
}

static void print_peer(const json_t *peer, int width)
{
    const json_t *why = json_object_get(peer, "why");
    char *name = name_of(peer);
    char ago[32];

    format_ago(ago, sizeof ago, text_of(peer, "last_sync"));
    printf("%s%*s  %-7s  %-11s", name, width - width_of(name), "", text_of(peer, "state"), ago);
    print_count(peer, "recv_pending", 5);
    print_count(peer, "send_pending", 5);
    printf("  ");
    if (!is_in_sync(peer) || number_of(peer, "held_back") > 0)
        print_field(why, "text");
    printf("\n");
    free(name);
}

static void print_peers(const json_t *peers)
{
    int width = 4;
    const json_t *peer;
    size_t i;

    if (json_array_size(peers) == 0)
        return;
    json_array_foreach(peers, i, peer)
    {
        int wanted = name_width(peer);

        width = wanted > width ? wanted : width;
    }
    printf("\n%-*s  STATE    LAST SYNC     RECV   SEND  WHY\n", width, "PEER");
    json_array_foreach(peers, i, peer) print_peer(peer, width);
}

/* Of whom something waits, how much that is, and for what. */
static void print_held_back(const json_t *orgs)
{
    const json_t *org;
    size_t i;

    json_array_foreach(orgs, i, org)
    {
        uint64_t records = number_of(org, "records");
        uint64_t control = number_of(org, "control");
        char stored[32];
        char share[32];

        format_bytes(stored, sizeof stored, number_of(org, "stored"));
        format_bytes(share, sizeof share, number_of(org, "share"));
        if (records > 0) {
            printf("\n! %" PRIu64 " record%s of ", records, records == 1 ? "" : "s");
            print_field(org, "name");
            printf(" held back: it has %s", stored);
            if (json_is_integer(json_object_get(org, "share")))
                printf(", and its share is %s", share);
            printf(
                ".\n  There is more room with a larger quota in rpnode.conf, or when records of it "
                "go.\n");
        }
        if (control > 0) {
            printf("\n! %" PRIu64 " withdrawal%s of ", control, control == 1 ? "" : "s");
            print_field(org, "name");
            printf(", of what is not here, held back: 100 a day are taken.\n");
        }
    }
}

static void print_knocks(const json_t *knocks)
{
    const json_t *knock;
    size_t i;

    json_array_foreach(knocks, i, knock)
    {
        printf("\n! ");
        print_field(knock, "name");
        printf(" waits for approval.  Next: rpctl peer approve %s\n",
               text_of(knock, "organisation"));
    }
}

static void print_restored(const json_t *restored)
{
    char ago[32];

    if (!json_is_object(restored))
        return;
    format_ago(ago, sizeof ago, text_of(restored, "since"));
    printf(
        "! Restored from a backup (%s, noticed %s). Stories are withheld until withdrawals were\n"
        "  compared with a peer: %" PRIu64 " organisations are left. If nothing was withdrawn "
        "since:\n  rpctl restored --trust-it\n",
        text_of(restored, "how"), ago, number_of(restored, "awaited"));
}

static void print_erasing(const json_t *erasing)
{
    char ago[32];

    if (!json_is_object(erasing))
        return;
    format_ago(ago, sizeof ago, text_of(erasing, "since"));
    printf("Erasing what was withdrawn %s from the store's file", ago);
    if (text_of(erasing, "why")[0] != '\0')
        printf(": %s", text_of(erasing, "why"));
    printf("\n");
}

/* "2 stories' consent runs out within 30 days, of 1 it has run out: see  rpctl consent" */
static void print_consent(const json_t *due)
{
    const json_t *story;
    size_t over = 0;
    size_t i;

    json_array_foreach(due, i, story) over += strcmp(text_of(story, "state"), "runs out") != 0;
    if (i == 0)
        return;
    printf("Consent ");
    if (i > over)
        printf("runs out within 30 days for %zu of our stories%s", i - over, over > 0 ? ", " : "");
    if (over > 0)
        printf("has run out for %zu%s, now hidden everywhere", over,
               i > over ? "" : " of our stories");
    printf(": see  rpctl consent\n");
}

static void print_status(const json_t *status)
{
    char ago[32];

    format_ago(ago, sizeof ago, text_of(status, "started"));
    printf("%s   %s\n%s, started %s, listening at %s, web %s\n", text_of(status, "name"),
           text_of(status, "organisation"), text_of(status, "software"), ago,
           text_of(status, "listen"), text_of(status, "web"));
    print_sync(status);
    print_store(status);
    printf("Set     %" PRIu64 " in the commons, fingerprint %.16s\n",
           number_of(status, "content_set"), text_of(status, "fingerprint"));
    print_restored(json_object_get(status, "restored"));
    print_erasing(json_object_get(status, "erasing"));
    print_consent(json_object_get(status, "consent"));
    if (number_of(status, "review") > 0)
        printf("Review  %" PRIu64 " wait%s for a second person: see  rpctl review\n",
               number_of(status, "review"), number_of(status, "review") == 1 ? "s" : "");
    print_organisations(status);
    print_federation(status);
    print_peers(json_object_get(status, "peers"));
    print_held_back(json_object_get(status, "held_back"));
    print_knocks(json_object_get(status, "knocks"));
}

int command_status(const struct command_args *args)
{
    static const struct option options[] = {{"json", no_argument, NULL, OPTION('j')},
                                            {"check", no_argument, NULL, OPTION('c')},
                                            {NULL, 0, NULL, 0}};
    bool json = false;
    bool check = false;
    struct rp_writer w;
    json_t *status;
    int option;
    int result;

    opterr = 0;
    while ((option = getopt_long(args->argc, args->argv, "", options, NULL)) != -1) {
        if (option == '?')
            return option_error(args);
        json |= option == OPTION('j');
        check |= option == OPTION('c');
    }
    if (optind < args->argc)
        return usage_error(args, "%s: not expected", args->argv[optind]);
    empty_map(&w);
    result = client_ask(args->home, CONTROL_STATUS, &w, &status);
    rp_writer_free(&w);
    if (result != EXIT_DONE)
        return result;
    if (json)
        print_json(status, false);
    else
        print_status(status);
    if (check && strcmp(text_of(status, "health"), "failing") == 0)
        result = EXIT_BROKEN;
    else if (check && strcmp(text_of(status, "health"), "ok") != 0)
        result = EXIT_WARNING;
    json_decref(status);
    return result;
}

static void print_details(const json_t *peers)
{
    const json_t *peer;
    size_t i;

    json_array_foreach(peers, i, peer)
    {
        const char *link = text_of(peer, "link");
        char in[32];
        char out[32];
        char ago[32];
        char *name;

        format_bytes(in, sizeof in, number_of(peer, "bytes_in"));
        format_bytes(out, sizeof out, number_of(peer, "bytes_out"));
        format_ago(ago, sizeof ago, text_of(peer, "last_sync"));
        name = name_of(peer);
        printf("%s%s\n  organisation  %s\n  state         %s\n  last sync     %s\n",
               i > 0 ? "\n" : "", name, text_of(peer, "organisation"), text_of(peer, "state"), ago);
        free(name);
        if (!is_in_sync(peer) || number_of(peer, "held_back") > 0) {
            printf("  why           ");
            print_field(json_object_get(peer, "why"), "text");
            printf("\n");
        }
        printf("  address       ");
        print_field(peer, "address");
        printf("\n");
        if (link[0] != '\0')
            printf("  link          %s, %s in, %s out, its clock %+.1f s\n",
                   strcmp(link, "out") == 0 ? "called by us" : "called by them", in, out,
                   (double)json_integer_value(json_object_get(peer, "clock_ms")) / 1000);
    }
}

int command_peers(const struct command_args *args)
{
    struct rp_writer w;
    json_t *answer;
    bool json;
    int result = read_operands(args, 0, 0, "", &json);

    if (result != EXIT_DONE)
        return result;
    empty_map(&w);
    result = client_ask(args->home, CONTROL_PEERS, &w, &answer);
    rp_writer_free(&w);
    if (result != EXIT_DONE)
        return result;
    if (json)
        print_json(answer, false);
    else if (json_array_size(json_object_get(answer, "peers")) == 0)
        printf("no peers yet: rpctl invite, or rpctl join TOKEN\n");
    else
        print_details(json_object_get(answer, "peers"));
    json_decref(answer);
    return result;
}

int show_peer(const json_t *peers, const char *name)
{
    const json_t *peer;
    json_t *found = json_array();
    size_t i;
    int result = EXIT_DONE;

    json_array_foreach(peers, i, peer)
    {
        if (strcmp(text_of(peer, "name"), name) == 0 ||
            strcmp(text_of(peer, "organisation"), name) == 0)
            json_array_append(found, (json_t *)(uintptr_t)peer);
    }
    if (json_array_size(found) == 0) {
        complain("rpctl: no peer is called %s: see  rpctl peers", name);
        result = EXIT_FAILED;
    }
    print_details(found);
    json_decref(found);
    return result;
}
