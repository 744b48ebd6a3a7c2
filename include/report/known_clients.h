/* SPDX-License-Identifier: Apache-2.0
 *
 * Why a client's requests are classified as they are, and what to do about it: a small table of
 * clients whose makers know of it, and for each reason what it commonly comes from. Pure.
 */
#ifndef REPORT_KNOWN_CLIENTS_H
#define REPORT_KNOWN_CLIENTS_H

#include "base/str.h"

struct client_advice {
    const char *cause; /* likely, never proven: a user agent can say anything */
    const char *fix;
};

/* Both as logged. Static text; there is always some. `user_agent` empty or "-" means that none was
 * sent. */
struct client_advice client_advice_for(str reason, str user_agent);

#endif
