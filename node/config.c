#include "config.h"

#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rp/err.h"

const struct config config_default = {
    .listen = "0.0.0.0:7433",
    .web = "off",
    .web_names = "",
    .advertise = "",
    .language = "en",
    .trust_depth = 8,
    .check_seconds = 60,
    .store_mib = 65536,
    .free_mib = 256,
    .quota_mib = 4096,
    .ballast_mib = 256,
    .erase_seconds = 30,
    .vouch = true,
};

const char config_text[] =
    "# Settings of this node. A line without # counts; here all stand at their defaults.\n"
    "\n"
    "[node]\n"
    "# Where other nodes call us: HOST:PORT. Port 0 takes any free one.\n"
    "#listen = 0.0.0.0:7433\n"
    "\n"
    "# What we tell others to call, when that is not the same, such as a name or a router's\n"
    "# address: HOST:PORT.\n"
    "#advertise =\n"
    "\n"
    "# Where the library is read in a browser: HOST:PORT, or off.\n"
    "#web = off\n"
    "\n"
    "# Names by which browsers reach it there, besides IP numbers and localhost.\n"
    "#web_names =\n"
    "\n"
    "# The language of what is published without saying which (BCP 47).\n"
    "#language = en\n"
    "\n"
    "[trust]\n"
    "# How many vouches away an organisation may be whose records we take.\n"
    "#depth = 8\n"
    "\n"
    "# Whether an invite, made or used, also vouches for the other organisation.\n"
    "#vouch = yes\n"
    "\n"
    "[sync]\n"
    "# How often a live link is compared, in seconds, about.\n"
    "#check = 60\n"
    "\n"
    "[store]\n"
    "# The most the store may take, in MiB; address space of that size is set aside.\n"
    "#size = 65536\n"
    "\n"
    "# With less free disk than this, in MiB, nothing more is taken in.\n"
    "#free = 256\n"
    "\n"
    "# What all organisations that are reached through one peer may store together, in MiB, each its\n"
    "# fair share; 0: no bound. What goes beyond that is held back, shown in status, and fetched\n"
    "# when there is room.\n"
    "#quota = 4096\n"
    "\n"
    "# Seconds after a withdrawal in which the store's file is written anew, so that nothing of the\n"
    "# text is left in it; sixty times as long when it is larger than 256 MiB.\n"
    "#erase = 30\n"
    "\n"
    "# Room on the disk, in MiB, that a file named ballast keeps for withdrawals, so that they are\n"
    "# carried out on a full disk, too: a quarter more than the store takes, and at most this.\n"
    "#ballast = 256\n";

struct parse {
    struct config *config;
    struct why *why;
    const char *path;
};

static bool copy(char *out, size_t size, const char *value)
{
    if (strlen(value) >= size)
        return false;
    memcpy(out, value, strlen(value) + 1);
    return true;
}

static bool number(uint64_t *out, const char *value, uint64_t min, uint64_t max)
{
    char *end;
    unsigned long long n = strtoull(value, &end, 10);

    if (value[0] < '0' || value[0] > '9' || *end != '\0' || n < min || n > max)
        return false;
    *out = n;
    return true;
}

static bool number32(uint32_t *out, const char *value, uint32_t min, uint32_t max)
{
    uint64_t n;

    if (!number(&n, value, min, max))
        return false;
    *out = (uint32_t)n;
    return true;
}

static bool yes_or_no(bool *out, const char *value)
{
    *out = strcmp(value, "yes") == 0;
    return *out || strcmp(value, "no") == 0;
}

static bool is(const char *section, const char *name, const char *wanted)
{
    size_t n = strlen(section);

    return strncmp(wanted, section, n) == 0 && wanted[n] == '.' &&
           strcmp(wanted + n + 1, name) == 0;
}

/* One line of the file; 0 when it cannot be taken. */
static int take(void *user, const char *section, const char *name, const char *value)
{
    struct parse *parse = user;
    struct config *c = parse->config;
    bool ok;

    if (parse->why->text[0] != '\0')
        return 1; /* the first problem is the one that is told */
    if (is(section, name, "node.listen"))
        ok = copy(c->listen, sizeof c->listen, value);
    else if (is(section, name, "node.advertise"))
        ok = copy(c->advertise, sizeof c->advertise, value);
    else if (is(section, name, "node.web"))
        ok = copy(c->web, sizeof c->web, value);
    else if (is(section, name, "node.web_names"))
        ok = copy(c->web_names, sizeof c->web_names, value);
    else if (is(section, name, "node.language"))
        ok = copy(c->language, sizeof c->language, value);
    else if (is(section, name, "trust.depth"))
        ok = number32(&c->trust_depth, value, 0, 64);
    else if (is(section, name, "trust.vouch"))
        ok = yes_or_no(&c->vouch, value);
    else if (is(section, name, "sync.check"))
        ok = number32(&c->check_seconds, value, 1, 86400);
    else if (is(section, name, "store.size"))
        ok = number(&c->store_mib, value, 16, UINT64_C(1) << 24);
    else if (is(section, name, "store.quota"))
        ok = number(&c->quota_mib, value, 0, UINT64_C(1) << 24);
    else if (is(section, name, "store.free"))
        ok = number(&c->free_mib, value, 0, UINT64_C(1) << 24);
    else if (is(section, name, "store.ballast"))
        ok = number(&c->ballast_mib, value, 0, UINT64_C(1) << 24);
    else if (is(section, name, "store.erase"))
        ok = number32(&c->erase_seconds, value, 0, 50);
    else {
        snprintf(parse->why->text, sizeof parse->why->text, "%s: there is no setting %s in [%s]",
                 parse->path, name, section);
        return 0;
    }
    if (!ok)
        snprintf(parse->why->text, sizeof parse->why->text,
                 "%s: %s = %s is not a value it can have", parse->path, name, value);
    return ok;
}

int config_read(struct config *config, const char *home, struct why *why)
{
    char path[HOME_PATH_MAX];
    struct parse parse = {config, why, path};
    int line;

    if (snprintf(path, sizeof path, "%s/rpnode.conf", home) >= (int)sizeof path)
        return RP_ERR_LIMIT;
    why->text[0] = '\0';
    line = ini_parse(path, take, &parse);
    if (line == -1)
        return RP_OK;
    if (line > 0) {
        size_t n = strlen(why->text);

        if (n == 0)
            n = (size_t)snprintf(why->text, sizeof why->text, "%s: not a setting", path);
        snprintf(why->text + n, sizeof why->text - n, " (line %d)", line);
        return RP_ERR_ARGUMENT;
    }
    return line == 0 ? RP_OK : RP_ERR_NOMEM;
}
