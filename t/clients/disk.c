
/*
 * A disk that is the test's, for nginx with LD_PRELOAD: in the folder DISK it
 * holds up what is written as long as DISK.hang is there, or DISK.hang-CALL of
 * that call, which it says by making DISK.held; it has no space while DISK.fail
 * is there; and it keeps, in DISK.kept, what would be there after a loss of
 * power at this moment, if the disk had lost all that nobody waited for.  That
 * is a file BIRTH for each file's content when it was synced last, and names,
 * a line "BIRTH NAME" for each name when the folder was synced last.
 */


#define _GNU_SOURCE

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>


static char  *folder_of_disk;


/* nginx has another environment later */

__attribute__((constructor)) static void
begin(void)
{
    if (getenv("DISK")) {
        folder_of_disk = strdup(getenv("DISK"));
    }
}


static const char *
disk(void)
{
    return folder_of_disk;
}


/* 1: the descriptor is the folder's, or of a file in it */

static int
ours(int fd, int *folder)
{
    char     link[64], path[PATH_MAX];
    size_t   len;
    ssize_t  n;

    if (disk() == NULL) {
        return 0;
    }

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);

    if (n <= 0) {
        return 0;
    }

    path[n] = '\0';
    len = strlen(disk());

    if (strncmp(path, disk(), len) != 0) {
        return 0;
    }

    *folder = path[len] == '\0';

    return *folder || path[len] == '/';
}


static int
there(const char *suffix)
{
    char  path[PATH_MAX];

    snprintf(path, sizeof(path), "%s.%s", disk(), suffix);

    return access(path, F_OK) == 0;
}


static void
hold(const char *call)
{
    char  path[PATH_MAX], one[32];

    snprintf(one, sizeof(one), "hang-%s", call);

    while (there("hang") || there(one)) {

        if (there(one) && !there("held")) {
            snprintf(path, sizeof(path), "%s.held", disk());
            close(open(path, O_WRONLY|O_CREAT|O_CLOEXEC, 0600));
        }

        usleep(5000);
    }
}


/* 0 or -1 and errno, before anything is done; or 1: it is not ours */

static int
wait_for_disk(int fd, int *folder, const char *call)
{
    if (!ours(fd, folder)) {
        return 1;
    }

    hold(call);

    if (there("fail")) {
        errno = ENOSPC;
        return -1;
    }

    return 0;
}


/* numbers of files are used again: the time of their birth is not */

static int
birth(int fd, int at, const char *name, char *text, size_t size)
{
    struct statx  st;

    if (statx(fd, name, at, STATX_INO|STATX_BTIME, &st) == -1) {
        return -1;
    }

    snprintf(text, size, "%llu-%lld-%u", (unsigned long long) st.stx_ino,
             (long long) st.stx_btime.tv_sec, st.stx_btime.tv_nsec);

    return 0;
}


static void
keep_file(int fd)
{
    int      in, out;
    char     path[PATH_MAX], temp[PATH_MAX + 8], link[64], text[64];
    char     buf[65536];
    ssize_t  n;

    if (birth(fd, AT_EMPTY_PATH, "", text, sizeof(text)) == -1) {
        return;
    }

    snprintf(path, sizeof(path), "%s.kept/%s", disk(), text);
    snprintf(temp, sizeof(temp), "%s.%d", path, (int) gettid());
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);

    in = open(link, O_RDONLY|O_CLOEXEC);
    out = open(temp, O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, 0600);

    while ((n = read(in, buf, sizeof(buf))) > 0
           && pwrite(out, buf, n, lseek(out, 0, SEEK_END)) == n)
    {
        /* void */
    }

    close(in);
    close(out);
    rename(temp, path);
}


static void
keep_names(void)
{
    DIR            *dir;
    FILE           *f;
    char            path[PATH_MAX], temp[PATH_MAX + 32], text[64];
    struct dirent  *entry;

    snprintf(path, sizeof(path), "%s.kept/names", disk());
    snprintf(temp, sizeof(temp), "%s.%d", path, (int) gettid());

    dir = opendir(disk());
    f = fopen(temp, "we");

    while (dir && f && (entry = readdir(dir))) {
        if (entry->d_name[0] != '.'
            && birth(dirfd(dir), AT_SYMLINK_NOFOLLOW, entry->d_name, text,
                     sizeof(text))
               == 0)
        {
            fprintf(f, "%s %s\n", text, entry->d_name);
        }
    }

    if (dir) {
        closedir(dir);
    }

    if (f) {
        fclose(f);
        rename(temp, path);
    }
}


ssize_t
write(int fd, const void *buf, size_t size)
{
    int                folder;
    static ssize_t   (*next)(int fd, const void *buf, size_t size);

    if (next == NULL) {
        next = dlsym(RTLD_NEXT, "write");
    }

    return wait_for_disk(fd, &folder, "write") == -1 ? -1
                                                      : next(fd, buf, size);
}


ssize_t
writev(int fd, const struct iovec *iov, int n)
{
    int                folder;
    static ssize_t   (*next)(int fd, const struct iovec *iov, int n);

    if (next == NULL) {
        next = dlsym(RTLD_NEXT, "writev");
    }

    return wait_for_disk(fd, &folder, "writev") == -1 ? -1
                                                       : next(fd, iov, n);
}


static int
sync_and_keep(int fd, int (*next)(int fd), const char *call)
{
    int  folder;

    switch (wait_for_disk(fd, &folder, call)) {

    case -1:
        return -1;

    case 0:
        if (folder) {
            keep_names();

        } else {
            keep_file(fd);
        }

        break;
    }

    return next(fd);
}


int
fdatasync(int fd)
{
    static int  (*next)(int fd);

    if (next == NULL) {
        next = dlsym(RTLD_NEXT, "fdatasync");
    }

    return sync_and_keep(fd, next, "fdatasync");
}


int
fsync(int fd)
{
    static int  (*next)(int fd);

    if (next == NULL) {
        next = dlsym(RTLD_NEXT, "fsync");
    }

    return sync_and_keep(fd, next, "fsync");
}


int
rename(const char *from, const char *to)
{
    static int  (*next)(const char *from, const char *to);

    if (next == NULL) {
        next = dlsym(RTLD_NEXT, "rename");
    }

    if (disk() && strncmp(from, disk(), strlen(disk())) == 0
        && from[strlen(disk())] == '/')
    {
        hold("rename");
    }

    return next(from, to);
}
