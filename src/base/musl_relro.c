/* SPDX-License-Identifier: Apache-2.0
 *
 * The static binary only: makes the tables of pointers that are constant after start read-only.
 * The linker marks them (-z relro), but musl leaves the protecting to the dynamic loader, which a
 * static program does not have.
 */
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>

/* Where the program was loaded: 0 unless position-independent. */
static uintptr_t load_address(const ElfW(Phdr) * headers, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (headers[i].p_type == PT_PHDR) {
            return (uintptr_t)headers - headers[i].p_vaddr;
        }
    }
    return 0;
}

/* A refusal is not reported: the program is then as safe as without this file. The end is rounded
 * down: what follows in its page is ordinary data and must stay writable. */
__attribute__((constructor(101))) static void protect_relro(void) {
    const ElfW(Phdr) *headers = (const ElfW(Phdr) *)getauxval(AT_PHDR);
    size_t count = getauxval(AT_PHNUM);
    uintptr_t page_mask = ~(uintptr_t)(getauxval(AT_PAGESZ) - 1);
    if (headers == NULL) {
        return;
    }
    uintptr_t base = load_address(headers, count);
    for (size_t i = 0; i < count; i++) {
        if (headers[i].p_type != PT_GNU_RELRO) {
            continue;
        }
        uintptr_t start = (base + headers[i].p_vaddr) & page_mask;
        uintptr_t end = (base + headers[i].p_vaddr + headers[i].p_memsz) & page_mask;
        (void)mprotect((void *)start, end - start, PROT_READ);
    }
}
