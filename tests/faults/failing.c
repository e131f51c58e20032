/* Makes the Nth call that writes below a folder fail, as a full or broken disk does. Loaded with LD_PRELOAD; armed by
   churnml_fail(n, error, sticky, prefix). With sticky, every later call fails as well. Whatever library makes the call:
   Python's own, Arrow's, or another's. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int fail_at, fail_with, fail_sticky, calls;
static char folder[PATH_MAX];

void churnml_fail(int n, int error, int sticky, const char *prefix) {
    fail_at = n; fail_with = error; fail_sticky = sticky; calls = 0;
    snprintf(folder, sizeof folder, "%s", prefix);
}
int churnml_calls(void) { return calls; }

static int fails(const char *path) {
    if (!folder[0] || strncmp(path, folder, strlen(folder)) != 0) return 0;
    calls++;
    if (fail_at && (calls == fail_at || (fail_sticky && calls > fail_at))) { errno = fail_with; return 1; }
    return 0;
}
static int fd_fails(int fd) {
    char link[64], path[PATH_MAX];
    if (!folder[0]) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return fails(path);
}
#define REAL(name) static __typeof__(name) *real; if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

ssize_t write(int fd, const void *data, size_t size) { REAL(write); return fd_fails(fd) ? -1 : real(fd, data, size); }
ssize_t writev(int fd, const struct iovec *v, int n) { REAL(writev); return fd_fails(fd) ? -1 : real(fd, v, n); }
ssize_t pwrite(int fd, const void *d, size_t n, off_t o) { REAL(pwrite); return fd_fails(fd) ? -1 : real(fd, d, n, o); }
ssize_t pwrite64(int fd, const void *d, size_t n, off64_t o) { REAL(pwrite64); return fd_fails(fd) ? -1 : real(fd, d, n, o); }
ssize_t sendfile(int out, int in, off_t *o, size_t n);
ssize_t sendfile64(int out, int in, off64_t *o, size_t n);
ssize_t sendfile(int out, int in, off_t *o, size_t n) { REAL(sendfile); return fd_fails(out) ? -1 : real(out, in, o, n); }
ssize_t sendfile64(int out, int in, off64_t *o, size_t n) { REAL(sendfile64); return fd_fails(out) ? -1 : real(out, in, o, n); }
int fsync(int fd) { REAL(fsync); return fd_fails(fd) ? -1 : real(fd); }
int fdatasync(int fd) { REAL(fdatasync); return fd_fails(fd) ? -1 : real(fd); }
int rename(const char *a, const char *b) { REAL(rename); return fails(b) ? -1 : real(a, b); }
int renameat(int f, const char *a, int g, const char *b) { REAL(renameat); return fails(b) ? -1 : real(f, a, g, b); }
int mkdir(const char *path, mode_t mode) { REAL(mkdir); return fails(path) ? -1 : real(path, mode); }
int open(const char *path, int flags, ...) {
    REAL(open);
    va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest);
    return (flags & O_CREAT) && fails(path) ? -1 : real(path, flags, mode);
}
int open64(const char *path, int flags, ...) {
    REAL(open64);
    va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest);
    return (flags & O_CREAT) && fails(path) ? -1 : real(path, flags, mode);
}
