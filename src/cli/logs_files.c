/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "logs_internal.h"

/* Deeper than AWS's keys by far; below it would be a loop. */
#define DEPTH_MAX 64

/* Room for one more. */
static void *grow(struct arena *arena, void *items, size_t count, size_t *capacity, size_t size) {
    if (count < *capacity) {
        return items;
    }
    size_t old = *capacity;
    *capacity = old == 0 ? 64 : 2 * old;
    return arena_realloc(arena, items, old * size, *capacity * size);
}

void note_add(struct note_list *list, struct arena *arena, const char *path, const char *format,
              ...) {
    va_list arguments;
    va_start(arguments, format);
    str why = str_format_va(arena, format, arguments);
    va_end(arguments);
    list->notes = grow(arena, list->notes, list->count, &list->capacity, sizeof(*list->notes));
    list->notes[list->count++] = (struct traffic_note){str_from_cstr(path), why};
}

static void add_file(struct log_files *files, struct log_file file) {
    files->files =
        grow(files->arena, files->files, files->count, &files->capacity, sizeof(*files->files));
    files->files[files->count++] = file;
}

static void skip(struct log_files *files, const char *path, const char *why) {
    note_add(&files->skipped, files->arena, path, "%s", why);
}

static void fail(struct log_files *files, const char *path) {
    note_add(&files->errors, files->arena, path, "%s", strerror(errno));
}

/* Whether the name says that it is something else than an access log. A foreign name says nothing:
 * the lines will tell. */
static bool is_refused_by_name(struct log_files *files, const char *path) {
    enum access_log_kind kind = access_log_key_parse(str_from_cstr(path)).kind;
    if (kind == ACCESS_LOG_LINE || kind == ACCESS_LOG_UNPARSED) {
        return false;
    }
    skip(files, path, access_log_kind_name(kind));
    return true;
}

static void add_path(struct log_files *files, const char *path, unsigned depth);

struct name_list {
    const char **names;
    size_t count;
    size_t capacity;
};

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Closed before anything below is opened, so that depth costs no descriptors. */
static bool list_names(struct log_files *files, const char *path, struct name_list *list) {
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return false;
    }
    const struct dirent *entry;
    errno = 0;
    while ((entry = readdir(folder)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        list->names =
            grow(files->arena, list->names, list->count, &list->capacity, sizeof(*list->names));
        list->names[list->count++] = str_copy(files->arena, str_from_cstr(entry->d_name)).ptr;
        errno = 0;
    }
    bool is_whole = errno == 0;
    (void)closedir(folder);
    if (list->count > 0) {
        qsort(list->names, list->count, sizeof(*list->names), compare_names);
    }
    return is_whole;
}

static void add_entry(struct log_files *files, const char *folder, const char *name,
                      unsigned depth) {
    const char *separator = folder[strlen(folder) - 1] == '/' ? "" : "/";
    const char *path = str_format(files->arena, "%s%s%s", folder, separator, name).ptr;
    struct stat about;
    if (name[0] == '.') {
        skip(files, path, "hidden");
    } else if (lstat(path, &about) != 0) {
        fail(files, path);
    } else if (S_ISLNK(about.st_mode)) {
        skip(files, path, "a link: what it names may be counted already");
    } else if (!S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode)) {
        skip(files, path, "not a file");
    } else {
        add_path(files, path, depth);
    }
}

static void add_folder(struct log_files *files, const char *path, unsigned depth) {
    struct name_list list = {0};
    if (depth > DEPTH_MAX) {
        note_add(&files->errors, files->arena, path, "more than %d folders deep", DEPTH_MAX);
        return;
    }
    if (!list_names(files, path, &list)) {
        fail(files, path);
    }
    for (size_t i = 0; i < list.count; i++) {
        add_entry(files, path, list.names[i], depth + 1);
    }
}

static void add_path(struct log_files *files, const char *path, unsigned depth) {
    struct stat about;
    if (stat(path, &about) != 0) {
        fail(files, path);
    } else if (S_ISDIR(about.st_mode)) {
        add_folder(files, path, depth);
    } else if (!is_refused_by_name(files, path)) {
        bool is_stream = !S_ISREG(about.st_mode);
        add_file(files,
                 (struct log_file){path, is_stream ? 0 : (uint64_t)about.st_size, is_stream});
    }
}

void log_files_add(struct log_files *files, const char *path) {
    ASSERT(files->arena != NULL && path[0] != '\0');
    if (strcmp(path, "-") == 0) {
        add_file(files, (struct log_file){path, 0, true});
    } else {
        add_path(files, path, 0);
    }
}
