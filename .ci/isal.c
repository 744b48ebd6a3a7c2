/* SPDX-License-Identifier: Apache-2.0
 *
 * What of ISA-L unpacks gzip, without what packs: .ci/deps.sh builds this with it, in place of
 * ISA-L's own choice of code for the processor, which goes through pointers that can be written.
 * With ISAL_PLAIN_C, for the fuzzers, all of it is C that the compiler can instrument.
 */
#include <igzip_checksums.h>
#include <igzip_lib.h>
#include <stdlib.h>

int decode_huffman_code_block_stateless(struct inflate_state *state, uint8_t *start);
int decode_huffman_code_block_stateless_base(struct inflate_state *state, uint8_t *start);
uint32_t crc32_gzip_refl(uint32_t crc, const unsigned char *bytes, uint64_t count);
uint32_t crc32_gzip_refl_base(uint32_t crc, const unsigned char *bytes, uint64_t count);

#if defined(ISAL_PLAIN_C)
#define DECODE decode_huffman_code_block_stateless_base
#define CRC32  crc32_gzip_refl_base
#elif defined(__x86_64__)
int decode_huffman_code_block_stateless_01(struct inflate_state *state, uint8_t *start);
int decode_huffman_code_block_stateless_04(struct inflate_state *state, uint8_t *start);
uint32_t crc32_gzip_refl_by8(uint32_t crc, const unsigned char *bytes, uint64_t count);
#define HAS(feature) __builtin_cpu_supports(feature)
#define DECODE                                                                                     \
    (HAS("avx2") && HAS("bmi2") ? decode_huffman_code_block_stateless_04                           \
     : HAS("sse4.2")            ? decode_huffman_code_block_stateless_01                           \
                                : decode_huffman_code_block_stateless_base)
#define CRC32 (HAS("sse4.1") && HAS("pclmul") ? crc32_gzip_refl_by8 : crc32_gzip_refl_base)
#else /* arm64 as .ci/deps.sh has it: with CRC instructions */
int decode_huffman_code_block_stateless_aarch64(struct inflate_state *state, uint8_t *start);
uint32_t crc32_gzip_refl_crc_ext(uint32_t crc, const unsigned char *bytes, uint64_t count);
#define DECODE decode_huffman_code_block_stateless_aarch64
#define CRC32  crc32_gzip_refl_crc_ext
#endif

int decode_huffman_code_block_stateless(struct inflate_state *state, uint8_t *start) {
    return DECODE(state, start);
}

uint32_t crc32_gzip_refl(uint32_t crc, const unsigned char *bytes, uint64_t count) {
    return CRC32(crc, bytes, count);
}

void isal_gzip_header_init(struct isal_gzip_header *header) {
    *header = (struct isal_gzip_header){0};
}

/* Of zlib's format, which nothing here reads. */
uint32_t isal_adler32_bam1(uint32_t sum, const unsigned char *bytes, uint64_t count) {
    (void)sum;
    (void)bytes;
    (void)count;
    abort();
}
