/* Loaded before libc by the gateway under test: what a machine does in its bad hours, when the test says so.
   The test and the process share one page: eight numbers, all 0 while everything is well. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct {
    _Atomic int64_t clock_ms;    /* the system's time is wrong by so much */
    _Atomic int64_t disk_full;   /* no byte more for any file */
    _Atomic int64_t names;       /* 1: no name is found; 2: nobody answers */
    _Atomic int64_t writes_left; /* the process dies instead of the last of so many writes to the store */
    _Atomic int64_t no_random;   /* the system has no random bytes */
    _Atomic int64_t sync_ms;     /* the disk takes so long to keep what was written to the store */
    _Atomic int64_t syncs;       /* counted here: so often it was asked to */
    _Atomic int64_t room;        /* when not 0: files grow by so many bytes less one, and no more */
} *faults;

static long (*system_call)(long, ...);

__attribute__((constructor)) static void begin(void) {
    system_call = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    const char *path = getenv("FAULTS");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (page != MAP_FAILED) faults = page;
    close(file);
}

static int without_random(void) {
    if (!faults || !faults->no_random) return 0;
    errno = EIO;
    return 1;
}

/* Cryptography asks in this way. */
long syscall(long number, ...) {
    if (number == SYS_getrandom && without_random()) return -1;
    if (!system_call) system_call = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    va_list list;
    va_start(list, number);
    long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long);
    long d = va_arg(list, long), e = va_arg(list, long), f = va_arg(list, long);
    va_end(list);
    return system_call(number, a, b, c, d, e, f);
}

ssize_t getrandom(void *bytes, size_t count, unsigned int flags) {
    return without_random() ? -1 : system_call(SYS_getrandom, bytes, count, flags);
}

int clock_gettime(clockid_t which, struct timespec *now) {
    if (syscall(SYS_clock_gettime, which, now) != 0) return -1;
    if (faults && which == CLOCK_REALTIME) {
        int64_t ahead = faults->clock_ms;
        now->tv_sec += ahead / 1000;
    }
    return 0;
}

static int is_store(int file) {
    char link[64], name[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, name, sizeof name - 1);
    if (length < 0) return 0;
    name[length] = 0;
    return strstr(name, "authgate.db") != NULL;
}

/* Whether a write to this file is to fail; does not return when the process is to die. */
static int refused(int file) {
    struct stat about;
    if (!faults || (!faults->disk_full && !faults->writes_left)) return 0;
    if (fstat(file, &about) != 0 || !S_ISREG(about.st_mode)) return 0;
    if (faults->writes_left && is_store(file) && atomic_fetch_sub(&faults->writes_left, 1) == 1) {
        kill(getpid(), SIGKILL);
        for (;;) pause();
    }
    if (!faults->disk_full) return 0;
    errno = ENOSPC;
    return 1;
}

/* Whether the disk has no room for what would make the file longer. */
static int too_long(int file, off64_t end) {
    struct stat about;
    if (!faults || !faults->room || fstat(file, &about) != 0 || !S_ISREG(about.st_mode)) return 0;
    int64_t more = end - about.st_size;
    if (more <= 0) return 0;
    if (faults->room > more) {
        faults->room -= more;
        return 0;
    }
    errno = ENOSPC;
    return 1;
}

ssize_t write(int file, const void *bytes, size_t count) {
    return refused(file) ? -1 : syscall(SYS_write, file, bytes, count);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) {
    return refused(file) || too_long(file, at + (off64_t)count) ? -1 : syscall(SYS_pwrite64, file, bytes, count, at);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) { return pwrite64(file, bytes, count, at); }

int fallocate(int file, int mode, off_t at, off_t length) {
    return refused(file) || too_long(file, at + length) ? -1 : (int)syscall(SYS_fallocate, file, mode, at, length);
}

static void slowly(int file) {
    if (!faults || !faults->sync_ms || !is_store(file)) return;
    atomic_fetch_add(&faults->syncs, 1);
    usleep((useconds_t)faults->sync_ms * 1000);
}

int fsync(int file) {
    slowly(file);
    return (int)syscall(SYS_fsync, file);
}

int fdatasync(int file) {
    slowly(file);
    return (int)syscall(SYS_fdatasync, file);
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    if (!real) real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (!name || !strstr(name, ".test")) return real(name, service, hints, found);
    while (faults && faults->names == 2) usleep(5000);
    if (faults && faults->names) return EAI_AGAIN;
    return real("127.0.0.1", service, hints, found);
}
