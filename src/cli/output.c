/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a document goes: standard output, or a file that --output names. A file is replaced at once
 * or not at all: the document goes into a temporary file in the same folder, which is made before
 * the work begins, so that a path that cannot be written costs no work, and renamed at the end.
 * Devices, pipes and descriptors that were handed to us are written directly.
 *
 *   output_open                         output_write                    output_discard
 *   path is "-" or absent               print_document                  nothing
 *   a device, pipe or /dev/fd/N         write_all, close                close
 *   a file, or nothing yet              write_all, fsync, close,        close, unlink
 *     .desync-guard-<pid>-<n>.tmp       rename over the target          the temporary file
 *     in the same folder
 *
 * In the same folder, because a rename must not cross file systems. The permissions of the file
 * that is replaced are kept: a report may be readable by fewer people than the umask allows.
 */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli_internal.h"

#define LINKS_MAX       40 /* as Linux follows */
#define LINK_BYTES_MAX  4096
#define TEMPORARIES_MAX 1000

/* --- signals -------------------------------------------------------------------------------- */

static const int ENDING_SIGNALS[] = {SIGINT, SIGTERM, SIGHUP};

/* The file that a signal handler removes, while has_file_to_remove. */
static char file_to_remove[LINK_BYTES_MAX];
static volatile sig_atomic_t has_file_to_remove;

/* unlink and raise may be called in a signal handler; file_to_remove is written before the flag. */
static void remove_and_end(int signal_number) {
    if (has_file_to_remove) {
        (void)unlink(file_to_remove);
    }
    (void)raise(signal_number); /* SA_RESETHAND: by now it ends the process */
}

/* A signal that is ignored (nohup) stays so. */
static void remove_on_signals(str temporary) {
    const struct sigaction ending = {.sa_handler = remove_and_end,
                                     .sa_flags = (int)SA_RESETHAND | SA_NODEFER};
    if (temporary.len >= sizeof file_to_remove) {
        return;
    }
    memcpy(file_to_remove, temporary.ptr, temporary.len);
    file_to_remove[temporary.len] = '\0';
    has_file_to_remove = 1;
    for (size_t i = 0; i < sizeof ENDING_SIGNALS / sizeof *ENDING_SIGNALS; i++) {
        struct sigaction before;
        if (sigaction(ENDING_SIGNALS[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL) {
            (void)sigaction(ENDING_SIGNALS[i], &ending, NULL);
        }
    }
}

/* --- what the path names -------------------------------------------------------------------- */

/* "/dev/stdout", "/dev/fd/5": a descriptor of ours, which may be in the middle of a file that
 * others write, too. -1: none. */
static int descriptor_of(str path) {
    static const char *const FOLDERS[] = {"/dev/fd/", "/proc/self/fd/"};
    int64_t number;
    if (str_eq(path, STR("/dev/stdout")) || str_eq(path, STR("/dev/stderr"))) {
        return str_ends_with(path, STR("out")) ? STDOUT_FILENO : STDERR_FILENO;
    }
    for (size_t i = 0; i < sizeof FOLDERS / sizeof *FOLDERS; i++) {
        str folder = str_from_cstr(FOLDERS[i]);
        if (str_starts_with(path, folder) &&
            str_parse_i64(str_slice(path, folder.len, path.len), &number) && number >= 0 &&
            number <= INT32_MAX) {
            return (int)number;
        }
    }
    return -1;
}

/* With the last slash; empty: the working folder. */
static str folder_of(str path) {
    size_t len = path.len;
    while (len > 0 && path.ptr[len - 1] != '/') {
        len--;
    }
    return str_slice(path, 0, len);
}

/* Follows the links that the last part of the path is, also to where nothing is yet: a rename would
 * replace the link. false: errno says why. */
static bool follow_links(struct arena *arena, str *path) {
    char link[LINK_BYTES_MAX];
    for (int i = 0; i < LINKS_MAX; i++) {
        if (descriptor_of(*path) >= 0) {
            return true;
        }
        ssize_t len = readlink(str_to_cstr(arena, *path), link, sizeof link);
        if (len < 0) {
            return errno == EINVAL || errno == ENOENT;
        }
        str named = str_copy(arena, (str){link, (size_t)len});
        str folder = str_starts_with(named, STR("/")) ? STR_EMPTY : folder_of(*path);
        *path = str_format(arena, "%" STR_FMT "%" STR_FMT, STR_ARG(folder), STR_ARG(named));
    }
    errno = ELOOP;
    return false;
}

static bool is_writable(int file) {
    int flags = fcntl(file, F_GETFL);
    if (flags >= 0 && (flags & O_ACCMODE) == O_RDONLY) {
        errno = EBADF;
        return false;
    }
    return flags >= 0;
}

/* --- the temporary file --------------------------------------------------------------------- */

/* As the file that it replaces: mode, and owner and group where we may give them. Where we may not,
 * the other group gets no access. */
static bool take_mode_of(int file, const struct stat *before) {
    struct stat made;
    mode_t mode = before->st_mode & 0777;
    if (fstat(file, &made) != 0) {
        return false;
    }
    bool is_same = made.st_uid == before->st_uid && made.st_gid == before->st_gid;
    if (!is_same && fchown(file, before->st_uid, before->st_gid) != 0 &&
        made.st_gid != before->st_gid && fchown(file, (uid_t)-1, before->st_gid) != 0) {
        mode &= (mode_t)~070;
    }
    return fchmod(file, mode) == 0;
}

/* `before` is NULL where there is no file yet: the permissions are those that open() gives. */
static bool make_temporary(struct output *output, struct arena *arena, const struct stat *before) {
    str folder = folder_of(str_from_cstr(output->target));
    errno = EEXIST;
    for (int i = 0; output->file < 0 && errno == EEXIST && i < TEMPORARIES_MAX; i++) {
        str name = str_format(arena, "%" STR_FMT ".desync-guard-%ld-%d.tmp", STR_ARG(folder),
                              (long)getpid(), i);
        output->temporary = name.ptr;
        output->file = open(name.ptr, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    }
    if (output->file < 0) {
        output->temporary = NULL;
        return false;
    }
    remove_on_signals(str_from_cstr(output->temporary));
    return before == NULL || take_mode_of(output->file, before);
}

/* false: errno says why. */
static bool open_target(struct output *output, struct arena *arena) {
    struct stat before;
    str path = str_from_cstr(output->path);
    if (!follow_links(arena, &path)) {
        return false;
    }
    output->target = str_to_cstr(arena, path);
    int descriptor = descriptor_of(path);
    if (descriptor >= 0) {
        output->file = is_writable(descriptor) ? fcntl(descriptor, F_DUPFD_CLOEXEC, 3) : -1;
        return output->file >= 0;
    }
    if (stat(output->target, &before) != 0) {
        bool names_folder = str_ends_with(path, STR("/"));
        errno = errno == ENOENT && names_folder ? EISDIR : errno;
        return errno == ENOENT && make_temporary(output, arena, NULL);
    }
    if (S_ISREG(before.st_mode)) {
        return faccessat(AT_FDCWD, output->target, W_OK, AT_EACCESS) == 0 &&
               make_temporary(output, arena, &before);
    }
    output->file = open(output->target, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    return output->file >= 0;
}

bool output_open(struct output *output, const char *path, struct arena *arena) {
    *output = (struct output){.path = path, .file = -1};
    if (path == NULL || strcmp(path, "-") == 0) {
        output->path = NULL;
        output->file = STDOUT_FILENO;
        if (!is_writable(STDOUT_FILENO)) {
            print_error("cannot write to standard output: %s", strerror(errno));
            return false;
        }
        return true;
    }
    if (open_target(output, arena)) {
        return true;
    }
    print_error("%s: %s", path, strerror(errno));
    output_discard(output);
    return false;
}

/* --- the end -------------------------------------------------------------------------------- */

static bool write_all(int file, str text) {
    for (size_t done = 0; done < text.len;) {
        ssize_t count = write(file, text.ptr + done, text.len - done);
        if (count > 0) {
            done += (size_t)count;
        } else if (count == 0 || errno != EINTR) {
            errno = count == 0 ? EIO : errno;
            return false;
        }
    }
    return true;
}

/* Pipes, devices and some file systems know no fsync and answer EINVAL. */
static bool close_written(struct output *output) {
    bool is_synced = fsync(output->file) == 0 || errno == EINVAL || errno == ENOTSUP;
    int problem = is_synced ? 0 : errno;
    if (close(output->file) != 0 && problem == 0) {
        problem = errno;
    }
    output->file = -1;
    errno = problem;
    return problem == 0;
}

static void sync_folder(const struct output *output, struct arena *arena) {
    str folder = folder_of(str_from_cstr(output->target));
    int file = open(folder.len == 0 ? "." : str_to_cstr(arena, folder), O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        (void)fsync(file); /* the rename is done; only a power cut could undo it */
        (void)close(file);
    }
}

/* Of files, the one case in which a reader can see half a document. */
static bool replace(struct output *output, str text, struct arena *arena) {
    if (rename(output->temporary, output->target) == 0) {
        output->temporary = NULL;
        has_file_to_remove = 0;
        sync_folder(output, arena);
        return true;
    }
    /* What cannot be replaced can be written over: a file that is mounted by itself, as into a
     * container, or another user's in a sticky folder. */
    struct output over = {.file = -1};
    if (errno == EBUSY || errno == EPERM || errno == EACCES) {
        over.file = open(output->target, O_WRONLY | O_TRUNC | O_CLOEXEC);
    }
    return over.file >= 0 && write_all(over.file, text) && close_written(&over);
}

bool output_write(struct output *output, const struct buf *document, struct arena *arena) {
    str text = buf_str(document);
    if (buf_status(document) != STATUS_OK) {
        print_error("the document is larger than %zu bytes", document->bytes_max);
        output_discard(output);
        return false;
    }
    if (output->path == NULL) {
        return output->is_table ? print_table(text) : print_document(text);
    }
    bool is_written = write_all(output->file, text) && close_written(output) &&
                      (output->temporary == NULL || replace(output, text, arena));
    if (!is_written) {
        print_error("%s: %s", output->path, strerror(errno));
    }
    output_discard(output);
    return is_written;
}

void output_discard(struct output *output) {
    if (output->path != NULL && output->file >= 0) {
        (void)close(output->file);
    }
    output->file = -1;
    if (output->temporary != NULL) {
        (void)unlink(output->temporary);
        output->temporary = NULL;
        has_file_to_remove = 0;
    }
}
