/* SPDX-License-Identifier: Apache-2.0
 *
 * Amazon's five root certificates (Amazon Root CA 1 to 4, Starfield Services Root Certificate
 * Authority - G2), to which every AWS endpoint of the aws partition chains. The build writes the
 * definition from Debian's ca-certificates (.ci/roots.sh).
 */
#ifndef NET_AMAZON_ROOTS_H
#define NET_AMAZON_ROOTS_H

#define AMAZON_ROOT_COUNT 5

struct amazon_root {
    const unsigned char *der;
    unsigned long der_len;
    const char *name; /* "Amazon_Root_CA_1", for messages */
};

extern const struct amazon_root amazon_roots[AMAZON_ROOT_COUNT];

#endif
