/* SPDX-License-Identifier: Apache-2.0
 *
 * How many networks of clients there are: /24 of IPv4, /48 of IPv6. No address is kept, only a
 * sketch of fixed size (HyperLogLog) that several files, hours and days can be merged into. Pure.
 *
 * The hash has no secret: sketches of every copy of the function must fit together for months, and
 * a key in the table would be read by the same people as the sketch. A client that knows the hash
 * gains nothing by it. Its networks are counted however it chooses them, and to be counted as ten
 * it needs ten networks: below a few hundred the count is the number of registers that are taken,
 * one a network at most. Registers only grow, so that nobody can hide another client.
 */
#ifndef TRAFFIC_CLIENTS_H
#define TRAFFIC_CLIENTS_H

#include "base/arena.h"
#include "base/str.h"

/* Standard error 1.04 / sqrt(256), 6.5 %: three of them are within 20 %. */
#define CLIENT_REGISTERS 256
/* A rank is kept in four bits, and the last one is "or more": for up to some 4 million networks. */
#define CLIENT_RANK_MAX 15
/* So many hashes are kept beside the registers, so that a few networks are counted exactly: of two,
 * one in 256 would share its register with the other for ever. */
#define CLIENT_HASHES_MAX 64

/* Zeroed: no client. Two of the same networks are equal, byte by byte. */
struct client_sketch {
    unsigned char ranks[CLIENT_REGISTERS]; /* 0: free */
    uint32_t hashes[CLIENT_HASHES_MAX];    /* of 24 bits, ascending */
    uint32_t hash_count;
    uint32_t is_many; /* 1: the registers alone count, and there are no hashes */
};

/* Of the network of an address, without its port. false: it is no address. */
bool client_network_hash(str address, uint64_t *hash_out);

void client_sketch_add(struct client_sketch *sketch, uint64_t hash);
void client_sketch_merge(struct client_sketch *into, const struct client_sketch *from);
/* Approximate. */
double client_sketch_count(const struct client_sketch *sketch);

/* Words with one space between: of up to CLIENT_HASHES_WRITTEN networks a word of four letters for
 * each hash, else one of two for each register that is taken. Sets of such words can be united: of
 * several words for one register the highest rank counts. */
#define CLIENT_HASHES_WRITTEN 12
str client_sketch_format(const struct client_sketch *sketch, struct arena *arena);
/* Adds the words. What is no such word is left out. */
void client_sketch_add_words(struct client_sketch *sketch, str words);

#endif
