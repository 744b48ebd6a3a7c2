/* SPDX-License-Identifier: Apache-2.0
 *
 * The main of a fuzz target without libFuzzer: runs it over the files it is given, one line each,
 * so that the last line names the one that broke it.
 */
#include "fuzz/fuzz.h"

#define FILE_BYTES_MAX ((size_t)4 << 20)

static bool replay(const char *path) {
    static uint8_t bytes[FILE_BYTES_MAX];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return false;
    }
    size_t size = fread(bytes, 1, sizeof(bytes), file);
    (void)fclose(file);
    (void)printf("%s\n", path);
    (void)fflush(stdout);
    /* As libFuzzer does: a copy of exactly that size. */
    uint8_t *copy = malloc(size > 0 ? size : 1);
    HOLD(copy != NULL);
    memcpy(copy, bytes, size);
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    return true;
}

int main(int count, char **paths) {
    bool is_read = true;
    for (int i = 1; i < count; i++) {
        is_read = replay(paths[i]) && is_read;
    }
    return is_read && count > 1 ? 0 : 1;
}
