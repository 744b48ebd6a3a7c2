/* SPDX-License-Identifier: Apache-2.0
 *
 * The guard as a Lambda function: what INIT does, and the handler the Runtime API loop is given.
 */
#ifndef LAMBDA_H
#define LAMBDA_H

#include "app/app.h"
#include "base/log_stream.h"

struct lambda {
    str runtime_api; /* host:port */
    const struct env *env;
    const struct clock *clock;
    struct log *log;
    struct log_stream *metrics; /* stdout: Lambda takes them from its lines */
    /* Makes `guard` able to call AWS; settings are parsed already. */
    enum status (*connect)(struct guard *guard, struct arena *arena, struct error *error);
};

/* Serves until the platform ends the sandbox; returns the exit code. INIT is part of it: a failure
 * there was logged and posted as an init error. Never 0. */
int lambda_serve(const struct lambda *lambda);

#endif
