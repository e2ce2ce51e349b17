#include "node.h"

#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "ballast.h"
#include "clock.h"
#include "control/server.h"
#include "core/core.h"
#include "erasure.h"
#include "ingest/ingest.h"
#include "log.h"
#include "net/address.h"
#include "net/net.h"
#include "rp/err.h"
#include "rp/identity.h"
#include "rp/rand.h"
#include "store/kv_lmdb.h"
#include "view/view.h"
#include "web/server.h"
#include "witness.h"

#define SOFTWARE "rpnode " RPNODE_VERSION
#define MIB (UINT64_C(1) << 20)
#define TICK_MAX_MS 60000
#define BALLAST_STEP (4 * MIB)
#define SCRUB_MS 250 /* a million records in about four hours */

struct node {
    const struct node_opts *opts;
    struct home_keys keys;
    struct kv *kv;
    struct core *core;
    uv_loop_t loop;
    struct ingest *ingest;
    struct erasure *erasure;
    struct net *net;
    struct control *control;
    struct web *web; /* NULL: off */
    uv_timer_t timer;
    uv_idle_t at_once; /* instead of the timer */
    uv_signal_t on_int;
    uv_signal_t on_term;
    uint64_t started_ms;
    uint64_t ballast_at; /* when it is looked after next */
    char listen[ADDRESS_TEXT_MAX];
    char web_at[ADDRESS_TEXT_MAX];
    bool settling;
    bool written; /* something was, since the erasure has looked */
    bool stopping;
    bool draining;     /* what was taken in is being written, and nothing more is taken in */
    bool store_full;   /* the last write of content found no room */
    bool failed;       /* it ends because the store does not work any more */
    bool by_our_count; /* as find_room counts it; else the system said so */
};

static int64_t calendar_ahead(void)
{
    return (int64_t)clock_calendar() - (int64_t)clock_steady();
}

/* What there is room to write. Any thread. */
static enum room find_room(void *ctx)
{
    const struct node *node = ctx;
    uint64_t size = node->opts->config->store_mib * MIB;
    uint64_t keep_free = node->opts->config->free_mib * MIB;
    uint64_t used = kv_lmdb_bytes(node->kv);
    uint64_t free_bytes = ballast_disk_free();

    if (used > size / 100 * 97 || free_bytes < keep_free / 4)
        return ROOM_FOR_WITHDRAWALS; /* until the system says that there is none */
    return used > size / 10 * 9 || free_bytes < keep_free ? ROOM_FOR_CONTROL : ROOM_FOR_ALL;
}

/* Work in the writer between transactions. */
static bool work(void *ctx)
{
    struct node *node = ctx;

    return erasure_work(node->erasure);
}

static void wake_writer(void *ctx)
{
    struct node *node = ctx;

    ingest_work(node->ingest);
}

static bool swapping(void *ctx)
{
    (void)ctx;
    return witness_open(".", true) == RP_OK;
}

/* Bytes that a second file may have. In the writer. */
static uint64_t disk_room(void *ctx, uint64_t wanted)
{
    (void)ctx;
    if (ballast_disk_free() < wanted)
        (void)ballast_release();
    return ballast_disk_free();
}

static bool make_room(void *ctx)
{
    (void)ctx;
    return ballast_release();
}

/* As much as it takes to write the store anew, while there is plenty. */
static void keep_ballast(const struct node *node)
{
    const struct config *config = node->opts->config;
    uint64_t most = config->ballast_mib * MIB;
    uint64_t bytes = (kv_lmdb_bytes(node->kv) / 4 * 5 / BALLAST_STEP + 2) * BALLAST_STEP;

    ballast_keep(bytes < most ? bytes : most, config->free_mib * MIB);
}

/* Says once that there is no room, and once that there is again. */
static void note_room(struct node *node, bool room)
{
    if (room == !node->store_full)
        return;
    node->store_full = !room;
    core_set_full(node->core, !room, clock_steady());
    if (room)
        log_line(LOG_INFO, "there is room in the store again");
    else
        log_line(LOG_ERROR, "no room to store anything: free some disk space. Reading goes on");
}

/* What the core asks for */

static void submit(void *ctx, struct submission *submission)
{
    struct node *node = ctx;

    if (node->draining) /* whoever waits for it sees the connection close */
        core_submission_free(submission);
    else
        ingest_record(node->ingest, submission);
}

static void carry_out(struct node *node, struct core_effect *effect)
{
    switch (effect->type) {
    case CORE_DIAL:
        if (!node->stopping)
            net_dial(node->net, effect->org, effect->address);
        break;
    case CORE_SUBMIT:
        submit(node, &effect->submission);
        break;
    case CORE_STORE:
        if (node->draining) /* it is kept until the core goes, too */
            core_stored(node->core, effect->change, RP_ERR_STATE, clock_steady());
        else
            ingest_change(node->ingest, effect->change);
        break;
    case CORE_CLOSE:
        net_close(effect->link);
        break;
    case CORE_WAKE:
        net_wake(effect->link);
        break;
    }
}

static void tick(uv_timer_t *timer);
static void tick_at_once(uv_idle_t *idle);

static void set_timer(struct node *node)
{
    uint64_t now = clock_steady();
    uint64_t at = core_deadline(node->core);
    uint64_t control_at = control_deadline(node->control);
    uint64_t erasure_at = erasure_deadline(node->erasure);
    uint64_t wait = TICK_MAX_MS;

    if (control_at < at)
        at = control_at;
    if (erasure_at < at)
        at = erasure_at;
    if (at <= now) { /* in the next turn: a timer without a wait would come before all sockets */
        uv_timer_stop(&node->timer);
        uv_idle_start(&node->at_once, tick_at_once);
        return;
    }
    if (at < now + wait)
        wait = at - now;
    uv_idle_stop(&node->at_once);
    uv_timer_start(&node->timer, tick, wait, 0);
}

/* Does everything that follows from what just happened. */
static void settle(void *ctx)
{
    struct node *node = ctx;
    struct core_effect effect;

    if (node->settling || node->ingest == NULL) /* the outer call goes on */
        return;
    node->settling = true;
    while (core_next_effect(node->core, &effect))
        carry_out(node, &effect);
    if (!node->stopping)
        control_tick(node->control, clock_steady()); /* what it asks for waits for the next turn */
    ingest_flush(node->ingest);
    if (erasure_look(node->erasure, node->written, clock_steady(), clock_calendar()))
        core_erased(node->core, clock_steady());
    node->written = false;
    node->settling = false;
    if (!node->stopping)
        set_timer(node);
}

static void do_what_is_due(struct node *node)
{
    const char *why;
    uint64_t since;

    if (node->store_full && node->by_our_count && find_room(node) == ROOM_FOR_ALL)
        note_room(node, true);
    if (clock_steady() >= node->ballast_at) {
        node->ballast_at = clock_steady() + TICK_MAX_MS;
        if (!erasure_is_due(node->erasure, &since, &why))
            keep_ballast(node);
    }
    core_set_calendar(node->core, calendar_ahead());
    core_tick(node->core, clock_steady());
    erasure_tick(node->erasure, clock_steady());
    settle(node);
}

static void tick(uv_timer_t *timer)
{
    do_what_is_due(timer->data);
}

static void tick_at_once(uv_idle_t *idle)
{
    do_what_is_due(idle->data);
}

static void begin_to_stop(struct node *node);

/* The disk failed in the one place where LMDB cannot go on: what starts us again opens it anew. */
static void end_if_failed(struct node *node)
{
    if (node->stopping || !kv_lmdb_has_failed(node->kv))
        return;
    log_line(LOG_ERROR, "the disk failed while the store was being written: the node ends. Nothing "
                        "that was acknowledged is lost; start it again");
    node->failed = true;
    begin_to_stop(node);
}

/* What ingest tells */

static void reported(void *ctx, struct intake *intake)
{
    struct node *node = ctx;
    struct outcome outcome = {
        .err = intake->err,
        .tag = intake->is_change        ? intake->change->tag
               : intake->submission.act ? intake->submission.act
                                        : intake->submission.tag,
    };

    node->written |= intake->err == RP_OK;
    if (intake->err == RP_ERR_FULL) {
        node->by_our_count = find_room(node) != ROOM_FOR_ALL;
        note_room(node, false);
    } else if (intake->err == RP_OK && !intake->is_change &&
               intake->opened.record.set == RP_SET_CONTENT) {
        note_room(node, true);
    }
    if (!intake->is_change && outcome.tag != 0 && !node->stopping) {
        memcpy(outcome.id, intake->opened.record.id, RP_ID_LEN);
        memcpy(outcome.object, intake->opened.record.object, RP_ID_LEN);
    }
    if (intake->is_change && intake->err == RP_OK && intake->change->was_damaged)
        log_line(LOG_ERROR,
                 "a record in the store was damaged: is the disk failing? It was removed, "
                 "and is fetched again from whoever has it");
    intake_report(node->core, intake, clock_steady());
    if (outcome.tag != 0 && !node->stopping)
        control_outcome(node->control, &outcome);
    if (outcome.err == RP_ERR_FULL || outcome.err == RP_ERR_IO)
        end_if_failed(node);
}

/* What control asks */

static void fill_source(void *ctx, struct view_source *source)
{
    struct node *node = ctx;

    *source = (struct view_source){
        .kv = node->kv,
        .core = node->core,
        .self = &node->keys.self,
        .software = SOFTWARE,
        .listen = node->listen,
        .web = node->web_at,
        .started_ms = node->started_ms,
        .now_ms = clock_calendar(),
        .steady_ms = clock_steady(),
        .store_bytes = kv_lmdb_bytes(node->kv),
        .store_max_bytes = node->opts->config->store_mib * MIB,
        .store_full = node->store_full,
    };
    source->erasing = erasure_is_due(node->erasure, &source->erasing_since, &source->erasing_why);
}

/* A control_opts.reload_keys. What others borrowed of the old keys is in self, which stays where it
 * is; links have copies. */
static int reload_keys(void *ctx, struct rp_slice passphrase, char *why_text, size_t why_len)
{
    static struct home_passphrase given;
    static struct why why;
    struct node *node = ctx;
    struct home_keys fresh;
    struct home_keys old = node->keys;
    int err;

    given.len = passphrase.len < sizeof given.text ? passphrase.len : 0;
    if (given.len > 0)
        memcpy(given.text, passphrase.data, given.len);
    err = home_load(".", given.len > 0 ? &given : NULL, &fresh, &why);
    sodium_memzero(&given, sizeof given);
    if (err == RP_OK && (memcmp(fresh.self.identity.org, old.self.identity.org, RP_ID_LEN) != 0 ||
                         memcmp(fresh.self.noise.public, old.self.noise.public, RP_KEY_LEN) != 0)) {
        home_keys_free(&fresh);
        snprintf(why.text, sizeof why.text, "these are the keys of another node: start it anew");
        err = RP_ERR_KEY;
    }
    if (err != RP_OK) {
        snprintf(why_text, why_len, "%s", why.text);
        return err;
    }
    node->keys = fresh;
    sodium_memzero(&fresh, sizeof fresh);
    home_keys_free(&old);
    core_rekeyed(node->core, clock_steady());
    log_line(LOG_INFO, "the keys were read again");
    return RP_OK;
}

/* Stopping: no new calls, then everything that was taken in is written, then the rest. */

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void control_stopped(void *ctx)
{
    struct node *node = ctx;

    uv_walk(&node->loop, close_handle, NULL);
}

static void ingest_stopped(void *ctx)
{
    struct node *node = ctx;

    node->ingest = NULL;
    control_stop(node->control, control_stopped, node);
}

static void net_stopped(void *ctx)
{
    struct node *node = ctx;

    settle(node);
    node->draining = true;
    erasure_finish(node->erasure);
    ingest_stop(node->ingest, ingest_stopped, node);
}

static void begin_to_stop(struct node *node)
{
    node->stopping = true;
    uv_timer_stop(&node->timer);
    uv_idle_stop(&node->at_once);
    web_stop(node->web);
    core_stop(node->core);
    net_stop(node->net, net_stopped, node);
}

static void stop(uv_signal_t *handle, int number)
{
    struct node *node = handle->data;

    if (node->stopping)
        return;
    log_line(LOG_INFO, "stopping (%s)", number == SIGINT ? "SIGINT" : "SIGTERM");
    begin_to_stop(node);
}

/* Starting */

/* Tells others where to call: the setting, or where we listen, the host left out when it is any. */
static void set_addresses(struct node *node)
{
    const char *advertise = node->opts->config->advertise;
    const char *address = advertise[0] != '\0' ? advertise : node->listen;
    struct address parsed;
    char port_only[16];

    if (address_parse(&parsed, address) &&
        (strcmp(parsed.host, "0.0.0.0") == 0 || strcmp(parsed.host, "::") == 0)) {
        snprintf(port_only, sizeof port_only, ":%u", parsed.port);
        address = port_only;
    }
    core_set_addresses(node->core, &address, 1);
}

static bool is_empty(struct kv *kv)
{
    struct kv_txn *txn;
    struct kv_iter it;
    bool empty;
    int err;

    if ((txn = kv_begin(kv, false, &err)) == NULL)
        return false;
    kv_first(&it, txn, KV_LOG, (struct rp_slice){NULL, 0});
    empty = !it.found && kv_err(txn) == RP_OK;
    kv_stop(&it);
    kv_abort(txn);
    return empty;
}

/* Notes in the store that it was restored, before anything forgets that it is a copy. */
static int note_restored(struct node *node, bool is_copy, struct why *why)
{
    struct restored restored = {node->opts->restored ? RESTORED_DECLARED : RESTORED_COPIED,
                                clock_calendar()};
    struct kv_txn *txn;
    int err = RP_OK;

    if (node->opts->restored || (is_copy && !is_empty(node->kv))) {
        log_line(LOG_INFO,
                 "%s: no story is shown or served until withdrawals were compared with a "
                 "peer, or you say  rpctl restored --trust-it",
                 node->opts->restored ? "restored from a backup"
                                      : "the store's file is a copy, as of a backup");
        if ((txn = kv_begin(node->kv, true, &err)) != NULL) {
            restored_write(txn, &restored);
            err = kv_commit(txn);
        }
    }
    if (err == RP_OK)
        err = witness_open(".", false);
    if (err != RP_OK)
        snprintf(why->text, sizeof why->text, "the store cannot be written: %s", rp_err_text(err));
    return err;
}

static int open_node(struct node *node, struct why *why)
{
    const struct config *config = node->opts->config;
    uint8_t seed[RP_RAND_SEED_LEN];
    struct core_opts core = {
        .self = &node->keys.self,
        .seed = seed,
        .software = SOFTWARE,
        .trust_depth = config->trust_depth,
        .quota = config->quota_mib * MIB,
        .check_ms = config->check_seconds * 1000,
        .scrub_ms = SCRUB_MS,
        .vouch = config->vouch,
    };
    bool is_copy;
    int err;

    err = home_load(".", node->opts->passphrase, &node->keys, why);
    if (node->opts->passphrase != NULL)
        sodium_memzero(node->opts->passphrase, sizeof *node->opts->passphrase);
    if (err != RP_OK || (err = home_lock(".", why)) != RP_OK)
        return err;
    if (node->opts->new_store &&
        (err = home_create_store(".", config->store_mib * MIB, why)) != RP_OK)
        return err;
    is_copy = witness_is_copy(".");
    node->kv = home_open_store(".", config->store_mib * MIB, why);
    if (node->kv == NULL)
        return RP_ERR_CORRUPT;
    if ((err = note_restored(node, is_copy, why)) != RP_OK)
        return err;
    home_random(seed, sizeof seed);
    core.kv = node->kv;
    core.calendar_ahead = calendar_ahead();
    node->core = core_new(&core, clock_steady(), &err);
    if (node->core == NULL)
        snprintf(why->text, sizeof why->text, "the store cannot be used: %s", rp_err_text(err));
    return err;
}

static int start_web(struct node *node, struct why *why)
{
    const struct config *config = node->opts->config;
    struct web_opts opts = {&node->loop, config->web_names, fill_source, node};

    snprintf(node->web_at, sizeof node->web_at, "off");
    if (strcmp(config->web, "off") == 0)
        return RP_OK;
    node->web =
        web_new(&opts, config->web, node->web_at, sizeof node->web_at, why->text, sizeof why->text);
    return node->web != NULL ? RP_OK : RP_ERR_IO;
}

static int start(struct node *node, struct why *why)
{
    struct ingest_opts ingest = {&node->loop, node->kv,  reported,  settle,
                                 node,        find_room, make_room, work};
    struct erasure_opts erasure = {
        node->kv, node->opts->config->erase_seconds * 1000, wake_writer, disk_room, swapping, node};
    struct net_opts net = {&node->loop, node->core, settle, node};
    struct control_opts control = {
        .loop = &node->loop,
        .core = node->core,
        .kv = node->kv,
        .self = &node->keys.self,
        .language = node->opts->config->language,
        .vouch = node->opts->config->vouch,
        .settle = settle,
        .fill = fill_source,
        .submit = submit,
        .random = home_random,
        .reload_keys = reload_keys,
        .ctx = node,
    };
    int err;

    uv_timer_init(&node->loop, &node->timer);
    uv_idle_init(&node->loop, &node->at_once);
    uv_signal_init(&node->loop, &node->on_int);
    uv_signal_init(&node->loop, &node->on_term);
    node->timer.data = node->at_once.data = node->on_int.data = node->on_term.data = node;
    uv_signal_start(&node->on_int, stop, SIGINT);
    uv_signal_start(&node->on_term, stop, SIGTERM);
    node->net = net_new(&net);
    node->control = control_new(&control);
    node->erasure = erasure_new(&erasure); /* before the writer, which works on it */
    node->ingest = node->erasure != NULL ? ingest_new(&ingest) : NULL;
    node->written = true; /* by an earlier run: it is looked for */
    if (node->net == NULL || node->control == NULL || node->ingest == NULL) {
        snprintf(why->text, sizeof why->text, "out of memory");
        return RP_ERR_NOMEM;
    }
    err = net_listen(node->net, node->opts->config->listen, node->listen, sizeof node->listen,
                     why->text, sizeof why->text);
    if (err == RP_OK)
        err = control_listen(node->control, HOME_SOCKET, why->text, sizeof why->text);
    if (err == RP_OK)
        err = start_web(node, why);
    if (err == RP_OK)
        set_addresses(node);
    return err;
}

static void say_started(const struct node *node)
{
    char org[RP_ORG_TEXT_LEN + 1];

    rp_identity_text(org, node->keys.self.identity.org);
    log_line(LOG_INFO, "%s: %s, organisation %s", SOFTWARE, node->keys.self.identity.name, org);
    log_line(LOG_INFO, "listening for peers at %s", node->listen);
    if (node->web != NULL)
        log_line(LOG_INFO, "the library is read at http://%s/", node->web_at);
}

int node_run(const struct node_opts *opts)
{
    struct node *node = calloc(1, sizeof *node);
    struct why why = {{0}};
    int status;
    int err;

    if (node == NULL)
        return EXIT_FAILURE;
    node->opts = opts;
    node->started_ms = clock_calendar();
    if (chdir(opts->home) != 0) {
        log_line(LOG_ERROR, "%s is not a home: make one with  rpctl --home '%s' init --name NAME",
                 opts->home, opts->home);
        err = RP_ERR_NOT_FOUND;
        goto err0;
    }
    if ((err = open_node(node, &why)) != RP_OK)
        goto err1;
    if ((status = uv_loop_init(&node->loop)) != 0) {
        snprintf(why.text, sizeof why.text, "cannot wait for anything: %s", uv_strerror(status));
        err = RP_ERR_IO;
        goto err1;
    }
    if ((err = start(node, &why)) != RP_OK) {
        /* what was begun ends with the process: nothing was taken in yet */
        log_line(LOG_ERROR, "%s", why.text);
        _exit(EXIT_FAILURE);
    }
    say_started(node);
    settle(node);
    uv_run(&node->loop, UV_RUN_DEFAULT);
    uv_loop_close(&node->loop);
    web_free(node->web);
    erasure_free(node->erasure);
    (void)unlink(HOME_SOCKET);
    log_line(LOG_INFO, "stopped");
    if (node->failed)
        err = RP_ERR_IO;
err1:
    if (why.text[0] != '\0')
        log_line(LOG_ERROR, "%s", why.text);
    core_free(node->core);
    kv_lmdb_close(node->kv);
    if (node->kv != NULL && err == RP_OK)
        (void)!witness_close("."); /* failing, it passes for a copy */
    home_keys_free(&node->keys);
err0:
    free(node);
    return err == RP_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
