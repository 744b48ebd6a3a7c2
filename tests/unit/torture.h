/* SPDX-License-Identifier: Apache-2.0
 *
 * One AWS call under every trouble of the fixture's table, once, twice, ... until it gives up: it
 * must end in the right status after the right number of attempts, and say nothing secret.
 */
#ifndef TORTURE_H
#define TORTURE_H

#include "aws_fixture.h"

struct torture {
    enum status (*call)(struct aws_fixture *fixture);
    str good;          /* body of a good answer */
    const char *names; /* every message must begin so: "sts AssumeRole: " */
    int attempts_max;
};

static inline bool torture_one(const struct torture *torture, const struct trouble *trouble,
                               int failures) {
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    if (failures > 0) {
        struct fake_answer answer = trouble->answer;
        answer.times = failures;
        fake_answer(&fixture.fake, answer);
    }
    fake_answer(&fixture.fake, (struct fake_answer){.http_status = 200, .body = torture->good});
    int attempts_max = trouble->is_repeated ? torture->attempts_max : 1;
    bool recovers = failures < attempts_max;
    size_t attempts = (size_t)(recovers ? failures + 1 : attempts_max);
    enum status status = torture->call(&fixture);
    str message = fixture.error.message;
    bool is_good = status == (recovers ? STATUS_OK : trouble->status) &&
                   fixture.fake.request_count == attempts && fixture.error.status == status &&
                   !holds_secret(message) &&
                   (recovers || str_starts_with(message, str_from_cstr(torture->names)));
    if (!is_good) {
        print_error("%s, %d times: %s after %zu attempts: %" STR_FMT "\n", trouble->name, failures,
                    status_name(status), fixture.fake.request_count, STR_ARG(message));
    }
    fixture_end(&fixture);
    return is_good;
}

static inline void torture_all(const struct torture *torture) {
    bool is_good = true;
    for (size_t i = 0; i < TROUBLE_COUNT; i++) {
        for (int failures = 0; failures <= torture->attempts_max + 1; failures++) {
            is_good &= torture_one(torture, &TROUBLES[i], failures);
        }
    }
    assert_true(is_good);
}

/* A fixture that is cleaned up even when the test is skipped half-way. */
static inline int fixture_setup(void **state) {
    static struct aws_fixture fixture;
    fixture_begin(&fixture);
    *state = &fixture;
    return 0;
}

static inline int fixture_teardown(void **state) {
    fixture_end(*state);
    return 0;
}

/* Each of these 200 answers must be unreadable, and nothing else. */
static inline void refuse_bodies(enum status (*call)(struct aws_fixture *fixture),
                                 const char *const *bodies, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        fixture.client.attempts_max = 1;
        fake_answer(&fixture.fake,
                    (struct fake_answer){.http_status = 200, .body = str_from_cstr(bodies[i])});
        enum status status = call(&fixture);
        if (status != STATUS_INCOMPLETE || holds_secret(fixture.error.message)) {
            fail_msg("%s: %s: %.*s", bodies[i], status_name(status), (int)fixture.error.message.len,
                     fixture.error.message.ptr);
        }
        fixture_end(&fixture);
    }
}

#endif
