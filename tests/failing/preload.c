/* The names of the calls are those of the C library, whose types and attributes they keep. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "calls.h"

static struct calls own;
struct calls *calls = &own;

/* The C library's ${name}, looked up once. */
#define REAL(name, result, ...)                                                                    \
    static result (*real)(__VA_ARGS__);                                                            \
    if (real == NULL)                                                                              \
    *(void **)&real = dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("FAILING_CALLS");
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *shared;

    if (fd < 0)
        return;
    shared = mmap(NULL, sizeof *calls, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (shared != MAP_FAILED)
        calls = shared;
}

/* Whether ${fd} is of the kind that is to fail. */
static bool is_kind(int fd)
{
    int error = errno;
    struct stat st;
    bool socket;

    if (calls->kind == CALLS_ANY)
        return true;
    socket = fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
    errno = error;
    return calls->kind == CALLS_SOCKETS ? socket : !socket && S_ISREG(st.st_mode);
}

/* Whether this call is one that fails. */
static bool fails(const char *name, int fd)
{
    uint32_t n;

    if (calls->name[0] == '\0' || strcmp(calls->name, name) != 0 || !is_kind(fd))
        return false;
    n = __atomic_add_fetch(&calls->counted, 1, __ATOMIC_SEQ_CST);
    if (n < calls->first || (calls->times > 0 && n >= calls->first + calls->times))
        return false;
    __atomic_add_fetch(&calls->failed, 1, __ATOMIC_SEQ_CST);
    errno = (int)calls->error;
    return true;
}

/* How much a write that fails writes: nothing, or, when it is to be short, half. */
static bool is_short(size_t *len)
{
    if (calls->error != 0)
        return false;
    *len = *len / 2;
    return *len > 0;
}

ssize_t read(int fd, void *data, size_t len)
{
    REAL(read, ssize_t, int, void *, size_t);
    return fails("read", fd) ? -1 : real(fd, data, len);
}

ssize_t write(int fd, const void *data, size_t len)
{
    REAL(write, ssize_t, int, const void *, size_t);
    return fails("write", fd) && !is_short(&len) ? -1 : real(fd, data, len);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    REAL(pwrite, ssize_t, int, const void *, size_t, off_t);
    return fails("pwrite", fd) && !is_short(&len) ? -1 : real(fd, data, len, at);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
{
    REAL(pwrite64, ssize_t, int, const void *, size_t, off64_t);
    return fails("pwrite", fd) && !is_short(&len) ? -1 : real(fd, data, len, at);
}

ssize_t pread(int fd, void *data, size_t len, off_t at)
{
    REAL(pread, ssize_t, int, void *, size_t, off_t);
    return fails("pread", fd) ? -1 : real(fd, data, len, at);
}

ssize_t pread64(int fd, void *data, size_t len, off64_t at)
{
    REAL(pread64, ssize_t, int, void *, size_t, off64_t);
    return fails("pread", fd) ? -1 : real(fd, data, len, at);
}

ssize_t writev(int fd, const struct iovec *parts, int n)
{
    REAL(writev, ssize_t, int, const struct iovec *, int);
    return fails("writev", fd) ? -1 : real(fd, parts, n);
}

ssize_t pwritev(int fd, const struct iovec *parts, int n, off_t at)
{
    REAL(pwritev, ssize_t, int, const struct iovec *, int, off_t);
    return fails("pwritev", fd) ? -1 : real(fd, parts, n, at);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    REAL(sendmsg, ssize_t, int, const struct msghdr *, int);
    return fails("sendmsg", fd) ? -1 : real(fd, message, flags);
}

int fsync(int fd)
{
    REAL(fsync, int, int);
    return fails("fsync", fd) ? -1 : real(fd);
}

int fdatasync(int fd)
{
    REAL(fdatasync, int, int);
    return fails("fdatasync", fd) ? -1 : real(fd);
}

int ftruncate(int fd, off_t len)
{
    REAL(ftruncate, int, int, off_t);
    return fails("ftruncate", fd) ? -1 : real(fd, len);
}

int ftruncate64(int fd, off64_t len)
{
    REAL(ftruncate64, int, int, off64_t);
    return fails("ftruncate", fd) ? -1 : real(fd, len);
}

/* Of files alone: what is mapped of memory is an allocation. */
void *mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
    REAL(mmap, void *, void *, size_t, int, int, int, off_t);
    return fd >= 0 && fails("mmap", fd) ? MAP_FAILED : real(at, len, protection, flags, fd, offset);
}

void *mmap64(void *at, size_t len, int protection, int flags, int fd, off64_t offset)
{
    REAL(mmap64, void *, void *, size_t, int, int, int, off64_t);
    return fd >= 0 && fails("mmap", fd) ? MAP_FAILED : real(at, len, protection, flags, fd, offset);
}

/* The mode that an open with O_CREAT has after its flags. */
static mode_t mode_of(int flags, va_list args)
{
    return (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    REAL(open, int, const char *, int, ...);
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = mode_of(flags, args);
    va_end(args);
    return fails("open", -1) ? -1 : real(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    REAL(open64, int, const char *, int, ...);
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = mode_of(flags, args);
    va_end(args);
    return fails("open", -1) ? -1 : real(path, flags, mode);
}

/* A close that fails has closed: nothing may be done about it but to go on. */
int close(int fd)
{
    REAL(close, int, int);
    bool failed = fails("close", fd);
    int result = real(fd);

    if (failed)
        errno = (int)calls->error;
    return failed ? -1 : result;
}

int rename(const char *from, const char *to)
{
    REAL(rename, int, const char *, const char *);
    return fails("rename", -1) ? -1 : real(from, to);
}

int mkdir(const char *path, mode_t mode)
{
    REAL(mkdir, int, const char *, mode_t);
    return fails("mkdir", -1) ? -1 : real(path, mode);
}

int socket(int domain, int type, int protocol)
{
    REAL(socket, int, int, int, int);
    return fails("socket", -1) ? -1 : real(domain, type, protocol);
}

int bind(int fd, __CONST_SOCKADDR_ARG address, socklen_t len)
{
    REAL(bind, int, int, __CONST_SOCKADDR_ARG, socklen_t);
    return fails("bind", fd) ? -1 : real(fd, address, len);
}

int listen(int fd, int backlog)
{
    REAL(listen, int, int, int);
    return fails("listen", fd) ? -1 : real(fd, backlog);
}

int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t len)
{
    REAL(connect, int, int, __CONST_SOCKADDR_ARG, socklen_t);
    return fails("connect", fd) ? -1 : real(fd, address, len);
}

int accept4(int fd, __SOCKADDR_ARG address, socklen_t *len, int flags)
{
    REAL(accept4, int, int, __SOCKADDR_ARG, socklen_t *, int);
    return fails("accept4", fd) ? -1 : real(fd, address, len, flags);
}

int accept(int fd, __SOCKADDR_ARG address, socklen_t *len)
{
    REAL(accept, int, int, __SOCKADDR_ARG, socklen_t *);
    return fails("accept", fd) ? -1 : real(fd, address, len);
}

int epoll_pwait(int fd, struct epoll_event *events, int n, int timeout, const sigset_t *mask)
{
    REAL(epoll_pwait, int, int, struct epoll_event *, int, int, const sigset_t *);
    return fails("epoll_pwait", fd) ? -1 : real(fd, events, n, timeout, mask);
}

int epoll_wait(int fd, struct epoll_event *events, int n, int timeout)
{
    REAL(epoll_wait, int, int, struct epoll_event *, int, int);
    return fails("epoll_pwait", fd) ? -1 : real(fd, events, n, timeout);
}

int epoll_create1(int flags)
{
    REAL(epoll_create1, int, int);
    return fails("epoll_create1", -1) ? -1 : real(flags);
}

int eventfd(unsigned value, int flags)
{
    REAL(eventfd, int, unsigned, int);
    return fails("eventfd", -1) ? -1 : real(value, flags);
}
