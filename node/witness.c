#define _GNU_SOURCE /* statx */
#include "witness.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rp/canonical.h"
#include "rp/err.h"
#include "rp/reader.h"
#include "rp/writer.h"

#define VERSION 1
#define FILE_MAX 256
#define FILES_MAX 2
#define NANOS UINT64_C(1000000000)

/* What the file system knows of a file. */
struct known {
    uint64_t inode;
    uint64_t born;    /* ns since 1970; 0: it does not say */
    uint64_t changed; /* ns: anything of it; no copy can have it set */
};

struct witness {
    bool closed;
    uint64_t changed; /* of the file when it was closed */
    uint32_t n;
    struct known file[FILES_MAX]; /* any of these is it */
};

static bool path_of(char out[static HOME_PATH_MAX], const char *home, const char *name)
{
    return snprintf(out, HOME_PATH_MAX, "%s/store/%s", home, name) < HOME_PATH_MAX;
}

static bool look(const char *home, const char *name, struct known *out)
{
    char path[HOME_PATH_MAX];
    struct statx st;

    if (!path_of(path, home, name) ||
        statx(AT_FDCWD, path, 0, STATX_INO | STATX_CTIME | STATX_BTIME, &st) != 0)
        return false;
    *out = (struct known){
        .inode = st.stx_ino,
        .born = (st.stx_mask & STATX_BTIME) != 0
                    ? (uint64_t)st.stx_btime.tv_sec * NANOS + st.stx_btime.tv_nsec
                    : 0,
        .changed = (uint64_t)st.stx_ctime.tv_sec * NANOS + st.stx_ctime.tv_nsec,
    };
    return true;
}

static bool read_witness(const char *home, struct witness *out)
{
    char path[HOME_PATH_MAX];
    uint8_t bytes[FILE_MAX];
    struct rp_reader r;
    ssize_t n = -1;
    int fd;

    *out = (struct witness){.n = 0};
    if (!path_of(path, home, "witness") || (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
        return false;
    n = read(fd, bytes, sizeof bytes);
    close(fd);
    if (n <= 0 || rp_canonical_check(bytes, (size_t)n) != RP_OK)
        return false;
    rp_reader_init(&r, (struct rp_slice){bytes, (size_t)n});
    if (rp_reader_array(&r) != 4 || rp_reader_uint(&r) != VERSION)
        rp_reader_fail(&r);
    out->closed = rp_reader_bool(&r);
    out->changed = rp_reader_uint(&r);
    out->n = rp_reader_array(&r);
    if (out->n > FILES_MAX)
        rp_reader_fail(&r);
    for (uint32_t i = 0; i < out->n && r.err == RP_OK; i++) {
        if (rp_reader_array(&r) != 2)
            rp_reader_fail(&r);
        out->file[i].inode = rp_reader_uint(&r);
        out->file[i].born = rp_reader_uint(&r);
    }
    return rp_reader_end(&r) == RP_OK;
}

bool witness_is_copy(const char *home)
{
    struct witness witness;
    struct known now;

    if (!read_witness(home, &witness) || !look(home, "data.mdb", &now))
        return true;
    if (witness.closed && witness.changed != now.changed)
        return true;
    for (uint32_t i = 0; i < witness.n; i++) {
        if (witness.file[i].inode == now.inode && witness.file[i].born == now.born)
            return false;
    }
    return true;
}

/* Makes sure that the names in the store's folder are on disk. */
static void sync_folder(const char *home)
{
    char path[HOME_PATH_MAX];
    int fd;

    if (!path_of(path, home, ".") || (fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        return;
    (void)fsync(fd);
    close(fd);
}

/* Puts ${bytes} in the place of the witness, whole or not at all. */
static int replace(const char *home, struct rp_slice bytes)
{
    char unfinished[HOME_PATH_MAX];
    char path[HOME_PATH_MAX];
    bool ok;
    int fd;

    if (!path_of(unfinished, home, "witness.new") || !path_of(path, home, "witness"))
        return RP_ERR_LIMIT;
    if ((fd = open(unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) < 0)
        return RP_ERR_IO;
    ok = write(fd, bytes.data, bytes.len) == (ssize_t)bytes.len && fsync(fd) == 0;
    close(fd);
    if (!ok || rename(unfinished, path) != 0) {
        (void)unlink(unfinished);
        return RP_ERR_IO;
    }
    sync_folder(home);
    return RP_OK;
}

static int write_witness(const char *home, const struct witness *witness)
{
    struct rp_writer w;
    int err;

    rp_writer_init(&w, FILE_MAX);
    rp_writer_array(&w, 4);
    rp_writer_uint(&w, VERSION);
    rp_writer_bool(&w, witness->closed);
    rp_writer_uint(&w, witness->changed);
    rp_writer_array(&w, witness->n);
    for (uint32_t i = 0; i < witness->n; i++) {
        rp_writer_array(&w, 2);
        rp_writer_uint(&w, witness->file[i].inode);
        rp_writer_uint(&w, witness->file[i].born);
    }
    err = w.err == RP_OK ? replace(home, rp_writer_slice(&w)) : w.err;
    rp_writer_free(&w);
    return err;
}

int witness_open(const char *home, bool swap)
{
    struct witness witness = {.n = swap ? 2 : 1};

    if (!look(home, "data.mdb", &witness.file[0]) ||
        (swap && !look(home, "data.new", &witness.file[1])))
        return RP_ERR_IO;
    return write_witness(home, &witness);
}

int witness_close(const char *home)
{
    struct witness witness = {.closed = true, .n = 1};

    if (!look(home, "data.mdb", &witness.file[0]))
        return RP_ERR_IO;
    witness.changed = witness.file[0].changed;
    return write_witness(home, &witness);
}
