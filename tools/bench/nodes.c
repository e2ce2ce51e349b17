#include "nodes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "rp/err.h"
#include "rp/writer.h"

#define WAIT_S 60.0

void bench_pause(double seconds)
{
    struct timespec time = {.tv_sec = (time_t)seconds};

    time.tv_nsec = (long)((seconds - (double)time.tv_sec) * 1e9);
    (void)nanosleep(&time, NULL);
}

/* A program that was built with this one. */
static void program_path(char *out, size_t size, const char *name)
{
    char self[4096] = {0};
    char *slash;

    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0 ||
        (slash = strrchr(self, '/')) == NULL)
        bench_fail("this program does not know where it is");
    *slash = '\0';
    if ((size_t)snprintf(out, size, "%s/%s", self, name) >= size)
        bench_fail("the path of %s is too long", name);
}

/* Begins a program with these arguments after its name; its output goes to ${out}, and what it says
 * about itself to ${log} (-1: where ours goes). */
static pid_t spawn(const char *name, char *const *args, int out, int log)
{
    char path[4200];
    pid_t pid;

    program_path(path, sizeof path, name);
    if ((pid = fork()) < 0)
        bench_fail("no process can be had: %s", strerror(errno));
    if (pid == 0) {
        /* A bench that fails leaves nothing running, and nothing held. */
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (dup2(out, 1) >= 0 && (log < 0 || dup2(log, 2) >= 0))
            execv(path, args);
        _exit(127);
    }
    return pid;
}

/* Runs rpctl on a node's home; what it prints, without its last line end, goes to ${out}. */
static void rpctl(const struct node *node, char *const *words, char *out, size_t size)
{
    char *args[16] = {"rpctl", "--home", (char *)(uintptr_t)node->home};
    size_t len = 0;
    int ends[2];
    int status;
    ssize_t n;
    pid_t pid;

    for (size_t i = 0; words[i] != NULL && i < 12; i++)
        args[3 + i] = words[i];
    if (pipe(ends) != 0)
        bench_fail("no pipe can be had");
    pid = spawn("tools/rpctl", args, ends[1], -1);
    close(ends[1]);
    while (len + 1 < size && (n = read(ends[0], out + len, size - 1 - len)) > 0)
        len += (size_t)n;
    close(ends[0]);
    out[len] = '\0';
    out[strcspn(out, "\n")] = '\0';
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        bench_fail("rpctl %s failed in %s", words[0], node->home);
}

void node_init(struct node *node, const char *folder, const char *name)
{
    char *words[] = {"init", "--name", (char *)(uintptr_t)name, "--no-confirm", NULL};
    static char out[8192];
    struct why why;

    *node = (struct node){.pid = 0};
    if (snprintf(node->home, sizeof node->home, "%s/%s", folder, name) >= (int)sizeof node->home)
        bench_fail("the path of a home is too long");
    rpctl(node, words, out, sizeof out);
    if (home_load(node->home, NULL, &node->keys, &why) != RP_OK)
        bench_fail("%s", why.text);
}

void node_start(struct node *node)
{
    char *args[] = {"rpnode", "--home", node->home, "--listen", "127.0.0.1:0", NULL, NULL, NULL};
    double end = bench_wall() + WAIT_S;
    char path[400];
    int log;

    if (node->web) {
        args[5] = "--web";
        args[6] = "127.0.0.1:0";
    }
    snprintf(path, sizeof path, "%s.log", node->home);
    log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    node->pid = spawn("node/rpnode", args, log, log);
    close(log);
    while (!client_can_open(node->home)) {
        if (bench_wall() > end || waitpid(node->pid, NULL, WNOHANG) != 0)
            bench_fail("the node in %s does not start", node->home);
        bench_pause(0.005);
    }
    if ((node->client = client_open(node->home)) == NULL)
        bench_fail("the node in %s does not answer", node->home);
}

void node_halt(struct node *node)
{
    int status;

    if (node->client != NULL)
        client_close(node->client);
    node->client = NULL;
    if (node->pid > 0 && (kill(node->pid, SIGTERM) != 0 ||
                          waitpid(node->pid, &status, 0) != node->pid || status != 0))
        bench_fail("the node in %s has not stopped cleanly", node->home);
    node->pid = 0;
}

static void signal_node(const struct node *node, int number)
{
    if (kill(node->pid, number) != 0)
        bench_fail("the node in %s has ended", node->home);
}

void node_hold(const struct node *node)
{
    signal_node(node, SIGSTOP);
}

void node_go_on(const struct node *node)
{
    signal_node(node, SIGCONT);
}

void node_stop(struct node *node)
{
    node_halt(node);
    home_keys_free(&node->keys);
    rp_codecs_free(node->codecs);
}

void node_trust_store(struct node *node)
{
    char *words[] = {"restored", "--trust-it", NULL};
    char out[2048];

    rpctl(node, words, out, sizeof out);
}

void node_join(struct node *guest, const struct node *host)
{
    char *invite[] = {"invite", NULL};
    char *join[] = {"join", NULL, NULL};
    char token[2048];
    char out[2048];

    rpctl(host, invite, token, sizeof token);
    join[1] = token;
    rpctl(guest, join, out, sizeof out);
}

void node_block(const struct node *node, const struct node *other)
{
    char *words[] = {"block", NULL, "--because", "it is measured alone", NULL};
    char id[RP_ORG_TEXT_LEN + 1];
    char out[2048];

    rp_identity_text(id, other->keys.self.identity.org);
    words[1] = id;
    rpctl(node, words, out, sizeof out);
}

void node_publish(struct node *node, const struct rp_bytes *packed)
{
    struct rp_writer w;

    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_map(&w, 2);
    rp_writer_str(&w, "accept");
    rp_writer_bool(&w, false);
    rp_writer_str(&w, "record");
    rp_writer_bin(&w, packed->data, packed->len);
    if (client_call(node->client, CONTROL_IMPORT, &w, NULL, NULL, NULL) != EXIT_DONE)
        bench_fail("the node in %s does not take a record", node->home);
    rp_writer_free(&w);
}

void node_status(struct node *node, struct node_status *out)
{
    struct rp_writer w;
    json_t *status;
    json_t *peer;
    size_t i;

    *out = (struct node_status){.in_sync = true};
    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_map(&w, 0);
    if (client_call(node->client, CONTROL_STATUS, &w, NULL, NULL, &status) != EXIT_DONE)
        bench_fail("the node in %s does not say how it is", node->home);
    rp_writer_free(&w);
    out->content = number_of(status, "content_set");
    snprintf(out->web, sizeof out->web, "%s", text_of(status, "web"));
    json_array_foreach(json_object_get(status, "peers"), i, peer)
    {
        out->wire += number_of(peer, "bytes_in") + number_of(peer, "bytes_out");
        out->in_sync = out->in_sync && strcmp(text_of(peer, "state"), "in sync") == 0;
    }
    json_decref(status);
}

/* The number after ${name} in /proc/PID/status, in bytes. */
static uint64_t proc_bytes(const struct node *node, const char *name)
{
    char path[64];
    char line[256];
    uint64_t kib = 0;
    FILE *in;

    snprintf(path, sizeof path, "/proc/%d/status", (int)node->pid);
    if ((in = fopen(path, "r")) == NULL)
        bench_fail("the node in %s has ended", node->home);
    while (fgets(line, sizeof line, in) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0)
            kib = strtoull(line + strlen(name), NULL, 10);
    }
    fclose(in);
    return kib * 1024;
}

/* Time of the processor that the process has had, in user and system. */
static double proc_cpu(const struct node *node)
{
    char path[64];
    char text[1024] = {0};
    char *at;
    FILE *in;
    double ticks = 0;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)node->pid);
    if ((in = fopen(path, "r")) == NULL || fgets(text, sizeof text, in) == NULL ||
        (at = strrchr(text, ')')) == NULL)
        bench_fail("the node in %s has ended", node->home);
    fclose(in);
    for (int field = 2; field < 15 && at != NULL; field++) { /* 14 and 15 are what is wanted */
        at = strchr(at + 1, ' ');
        if (at != NULL && field >= 13)
            ticks += strtod(at, NULL);
    }
    return ticks / (double)sysconf(_SC_CLK_TCK);
}

void node_use(const struct node *node, struct node_use *out)
{
    *out = (struct node_use){.cpu = proc_cpu(node),
                             .anonymous = proc_bytes(node, "RssAnon:"),
                             .peak = proc_bytes(node, "VmHWM:")};
}

uint64_t node_store_bytes(const struct node *node)
{
    char path[400];
    struct stat st;

    snprintf(path, sizeof path, "%s/store/data.mdb", node->home);
    return stat(path, &st) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
}

void node_page(const char *at, const char *path)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    const char *port = strchr(at, ':');
    char text[16384];
    size_t len = 0;
    ssize_t n;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_port = htons((uint16_t)(port != NULL ? strtoul(port + 1, NULL, 10) : 0));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path,
             at);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        bench_fail("the pages at %s cannot be reached", at);
    memset(text, 0, sizeof text);
    while ((n = read(fd, text + (len < 16 ? len : 16), sizeof text - 17)) > 0)
        len += (size_t)n;
    close(fd);
    if (strncmp(text, "HTTP/1.1 200", 12) != 0)
        bench_fail("there is no page at %s%s", at, path);
}
