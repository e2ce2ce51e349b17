#define _GNU_SOURCE /* fallocate: the emulation in posix_fallocate would write */
#include "ballast.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define BALLAST "store/ballast"

uint64_t ballast_disk_free(void)
{
    struct statvfs disk;

    return statvfs("store", &disk) == 0 ? (uint64_t)disk.f_bavail * disk.f_frsize : UINT64_MAX;
}

void ballast_keep(uint64_t bytes, uint64_t keep_free)
{
    uint64_t held = 0;
    struct stat st;
    int fd;

    if (stat(BALLAST, &st) == 0)
        held = (uint64_t)st.st_size;
    if (held >= bytes || ballast_disk_free() < keep_free + (bytes - held))
        return;
    if ((fd = open(BALLAST, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) < 0)
        return;
    if (fallocate(fd, 0, 0, (off_t)bytes) != 0 && held == 0)
        (void)unlink(BALLAST); /* not to be had on this disk */
    close(fd);
}

bool ballast_release(void)
{
    struct stat st;

    return stat(BALLAST, &st) == 0 && st.st_blocks > 0 && unlink(BALLAST) == 0;
}
