/* SPDX-License-Identifier: Apache-2.0
 *
 * AWS Config delivers all of its items at once: when a rule is created, and with each evaluation of
 * it. Many copies of the program judge them in simulated time, against the bucket that Elastic Load
 * Balancing refills for all callers of an account and Region together. Each copy is a thread; one
 * at a time runs, until it sleeps, and time is what the next one to wake says.
 */
#include <pthread.h>

#include "../../src/app/app_internal.h"
#include "region_world.h"

#define BALANCERS      300
#define COPIES_MAX     100
#define BUCKET_TOKENS  40.0
#define BUCKET_RATE    10.0
#define LATENCY_MS     30
#define INVOCATION_MS  900000 /* the function's timeout */
#define LAMBDA_TRIES   3
#define LAMBDA_WAIT_MS 60000
#define OTHER_WAIT_MS  500 /* somebody else's calls: two a second */

struct delivery {
    str event;
    int tries;
    int64_t due_ms;
    bool is_open; /* waits in Lambda's queue */
};

struct crowd;

struct member {
    struct crowd *crowd;
    pthread_t thread;
    pthread_cond_t turn;
    int64_t wake_ms;
    bool has_ended;
    struct transport transport; /* of this copy, as are the clock and the guard */
    struct clock clock;
    struct log log;
    struct guard guard;
    struct arena process;
};

struct crowd {
    struct fake_transport fake; /* the services' time and memory; it carries no call */
    struct region *region;
    struct env env;
    const char *reserved;
    pthread_mutex_t lock;
    struct member members[COPIES_MAX + 1]; /* the last one is the other caller */
    size_t count;
    struct member *running; /* NULL: all have ended */
    struct delivery deliveries[BALANCERS];
    size_t handled;
    size_t dead; /* in the dead-letter queue */
    double tokens;
    int64_t tokens_at_ms;
    size_t throttled;
    size_t other_calls;
    size_t other_throttled;
};

/* ---- time ---- */

static void give_turn(struct crowd *crowd) {
    struct member *next = NULL;
    for (size_t i = 0; i < crowd->count; i++) {
        struct member *member = &crowd->members[i];
        if (!member->has_ended && (next == NULL || member->wake_ms < next->wake_ms)) {
            next = member;
        }
    }
    crowd->running = next;
    if (next != NULL) {
        crowd->fake.now_ms =
            next->wake_ms > crowd->fake.now_ms ? next->wake_ms : crowd->fake.now_ms;
        (void)pthread_cond_signal(&next->turn);
    }
}

static void await_turn(struct member *member) {
    while (member->crowd->running != member) {
        (void)pthread_cond_wait(&member->turn, &member->crowd->lock);
    }
}

static void sleep_until(struct member *member, int64_t wake_ms) {
    member->wake_ms = wake_ms;
    give_turn(member->crowd);
    await_turn(member);
}

static int64_t crowd_now_ms(const struct clock *clock) {
    return ((const struct member *)clock->context)->crowd->fake.now_ms;
}

static int64_t crowd_monotonic_us(const struct clock *clock) {
    return crowd_now_ms(clock) * 1000;
}

static void crowd_sleep_ms(const struct clock *clock, int64_t ms) {
    sleep_until(clock->context, crowd_now_ms(clock) + ms);
}

/* ---- AWS ---- */

static bool bucket_is_empty(struct crowd *crowd) {
    int64_t now_ms = crowd->fake.now_ms;
    crowd->tokens += (double)(now_ms - crowd->tokens_at_ms) / 1000.0 * BUCKET_RATE;
    crowd->tokens = crowd->tokens > BUCKET_TOKENS ? BUCKET_TOKENS : crowd->tokens;
    crowd->tokens_at_ms = now_ms;
    if (crowd->tokens < 1) {
        return true;
    }
    crowd->tokens -= 1;
    return false;
}

static void serve(struct crowd *crowd, const struct http_request *request, struct arena *arena,
                  struct http_response *response) {
    bool is_elb = str_contains(request->url, STR("//elasticloadbalancing."));
    struct fake_answer answer;
    if (is_elb && bucket_is_empty(crowd)) {
        crowd->throttled++;
        answer = region_refuse(TROUBLE_XML("Throttling"));
    } else {
        answer = region_respond(crowd->region, request);
    }
    fake_fill_response(&answer, arena, response);
}

/* Whatever is in flight lands together: the calls of one load balancer are as good as
 * simultaneous. */
static enum status crowd_send_all(struct transport *transport, const struct http_batch *batch,
                                  struct arena *arena, struct error *error) {
    struct member *member =
        (struct member *)((char *)transport - offsetof(struct member, transport));
    struct fake_flight flights[8];
    size_t count = 0;
    (void)error;
    for (;;) {
        struct http_request request = {.timeout_ms = 0};
        void *tag = NULL;
        int64_t wait_ms = LATENCY_MS;
        enum http_batch_step step = count == batch->in_flight_max
                                        ? HTTP_BATCH_WAIT
                                        : batch->next(batch->context, &request, &tag, &wait_ms);
        if (step == HTTP_BATCH_SEND) {
            flights[count] = (struct fake_flight){.tag = tag};
            serve(member->crowd, &request, arena, &flights[count++].response);
            continue;
        }
        if (step == HTTP_BATCH_DONE && count == 0) {
            return STATUS_OK;
        }
        crowd_sleep_ms(&member->clock, count > 0 ? LATENCY_MS : wait_ms);
        for (size_t i = 0; i < count; i++) {
            batch->completed(batch->context, flights[i].tag, STATUS_OK, &flights[i].response, NULL);
        }
        count = 0;
    }
}

static enum status crowd_send(struct transport *transport, const struct http_request *request,
                              struct arena *arena, struct http_response *response,
                              struct error *error) {
    struct member *member =
        (struct member *)((char *)transport - offsetof(struct member, transport));
    (void)error;
    serve(member->crowd, request, arena, response);
    crowd_sleep_ms(&member->clock, LATENCY_MS);
    return STATUS_OK;
}

/* ---- Lambda ---- */

static str crowd_variable(const struct env *env, const char *name) {
    const struct crowd *crowd = env->context;
    const char *const pairs[][2] = {{"AWS_REGION", "eu-west-1"},
                                    {"AWS_ACCESS_KEY_ID", FIXTURE_KEY_ID},
                                    {"AWS_SECRET_ACCESS_KEY", FIXTURE_SECRET},
                                    {"RESERVED_CONCURRENCY", crowd->reserved}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (strcmp(pairs[i][0], name) == 0) {
            return str_from_cstr(pairs[i][1]);
        }
    }
    return STR_EMPTY;
}

static void swallow(void *context, str line) {
    (void)context;
    (void)line;
}

/* The delivery that waits longest. */
static struct delivery *next_delivery(struct crowd *crowd) {
    struct delivery *next = NULL;
    for (size_t i = 0; i < BALANCERS; i++) {
        struct delivery *each = &crowd->deliveries[i];
        if (each->is_open && (next == NULL || each->due_ms < next->due_ms)) {
            next = each;
        }
    }
    return next;
}

static void invoke(struct member *member, struct delivery *delivery) {
    struct crowd *crowd = member->crowd;
    struct arena arena = {0};
    struct app_reply reply;
    delivery->is_open = false;
    delivery->tries++;
    app_handle(&member->guard, delivery->event, crowd->fake.now_ms + INVOCATION_MS, &arena, &reply);
    arena_clean_up(&arena);
    if (reply.is_error && delivery->tries < LAMBDA_TRIES) {
        delivery->is_open = true;
        delivery->due_ms = crowd->fake.now_ms + delivery->tries * LAMBDA_WAIT_MS;
        return;
    }
    crowd->handled++;
    crowd->dead += reply.is_error ? 1 : 0;
}

static void *run_copy(void *context) {
    struct member *member = context;
    struct crowd *crowd = member->crowd;
    (void)pthread_mutex_lock(&crowd->lock);
    await_turn(member);
    while (crowd->handled < BALANCERS) {
        struct delivery *next = next_delivery(crowd);
        int64_t now_ms = crowd->fake.now_ms;
        if (next != NULL && next->due_ms <= now_ms) {
            invoke(member, next);
        } else {
            sleep_until(member, now_ms + 1000);
        }
    }
    member->has_ended = true;
    give_turn(crowd);
    (void)pthread_mutex_unlock(&crowd->lock);
    return NULL;
}

static void *run_other_caller(void *context) {
    struct member *member = context;
    struct crowd *crowd = member->crowd;
    (void)pthread_mutex_lock(&crowd->lock);
    await_turn(member);
    while (crowd->handled < BALANCERS) {
        crowd->other_calls++;
        crowd->other_throttled += bucket_is_empty(crowd) ? 1 : 0;
        sleep_until(member, crowd->fake.now_ms + OTHER_WAIT_MS);
    }
    member->has_ended = true;
    give_turn(crowd);
    (void)pthread_mutex_unlock(&crowd->lock);
    return NULL;
}

static void start_copy(struct crowd *crowd, struct member *member) {
    *member = (struct member){
        .crowd = crowd,
        .wake_ms = crowd->fake.now_ms,
        .transport = {.send = crowd_send, .send_all = crowd_send_all},
        .clock = {.now_ms = crowd_now_ms,
                  .monotonic_us = crowd_monotonic_us,
                  .sleep_ms = crowd_sleep_ms,
                  .context = member},
    };
    member->log = (struct log){.clock = &member->clock, .write = swallow};
    member->guard = (struct guard){
        .env = &crowd->env,
        .clock = &member->clock,
        .log = &member->log,
        .function_arn = STR("arn:aws:lambda:eu-west-1:111122223333:function:desync-guard")};
    struct error error = {0};
    assert_int_equal(pthread_cond_init(&member->turn, NULL), 0);
    assert_int_equal(
        guard_settings_parse(&crowd->env, &member->process, &member->guard.settings, &error),
        STATUS_OK);
    assert_int_equal(app_connect(&member->guard, &member->transport, &member->process, &error),
                     STATUS_OK);
    member->guard.home.random_state ^= (uint64_t)(member - crowd->members) << 32;
    member->guard.aws.random_state = member->guard.home.random_state;
}

/* An item from days ago: mode and tags are read live. */
static str stale_event(struct crowd *crowd, str arn) {
    struct arena *arena = &crowd->fake.arena;
    struct buf event;
    buf_init(&event, arena, 1 << 12);
    buf_append(&event, STR("{\"invokingEvent\":"));
    json_append_quoted(
        &event,
        str_format(arena,
                   "{\"messageType\":\"ConfigurationItemChangeNotification\",\"configurationItem\":"
                   "{\"resourceType\":\"" LOAD_BALANCER_RESOURCE_TYPE
                   "\",\"resourceId\":\"%" STR_FMT
                   "\",\"configurationItemStatus\":\"OK\",\"configuration\":{\"type\":"
                   "\"application\"},\"configurationItemCaptureTime\":\"2026-11-19T08:00:00Z\"}}",
                   STR_ARG(arn)));
    buf_printf(&event, ",\"resultToken\":\"token\",\"accountId\":\"111122223333\"}");
    return buf_str(&event);
}

static void crowd_begin(struct crowd *crowd, size_t copies, const char *reserved) {
    *crowd = (struct crowd){.count = copies + 1, .reserved = reserved, .tokens = BUCKET_TOKENS};
    fake_init(&crowd->fake);
    crowd->tokens_at_ms = crowd->fake.now_ms;
    crowd->env = (struct env){.get = crowd_variable, .context = crowd};
    crowd->region = region_begin(&crowd->fake);
    region_add_many(crowd->region, BALANCERS);
    for (size_t i = 0; i < BALANCERS; i++) {
        crowd->deliveries[i] =
            (struct delivery){.event = stale_event(crowd, crowd->region->members[i].arn),
                              .due_ms = crowd->fake.now_ms,
                              .is_open = true};
    }
    assert_int_equal(pthread_mutex_init(&crowd->lock, NULL), 0);
    for (size_t i = 0; i < crowd->count; i++) {
        start_copy(crowd, &crowd->members[i]);
    }
}

/* Until every delivery is handled or dead. */
static void crowd_run(struct crowd *crowd) {
    for (size_t i = 0; i < crowd->count; i++) {
        void *(*run)(void *) = i + 1 == crowd->count ? run_other_caller : run_copy;
        assert_int_equal(pthread_create(&crowd->members[i].thread, NULL, run, &crowd->members[i]),
                         0);
    }
    (void)pthread_mutex_lock(&crowd->lock);
    give_turn(crowd);
    (void)pthread_mutex_unlock(&crowd->lock);
    for (size_t i = 0; i < crowd->count; i++) {
        (void)pthread_join(crowd->members[i].thread, NULL);
    }
    print_message("%zu copies: %.1f s, %zu of our calls throttled, %zu of %zu of the other's\n",
                  crowd->count - 1, (double)(crowd->fake.now_ms - FAKE_NOW_MS) / 1000.0,
                  crowd->throttled, crowd->other_throttled, crowd->other_calls);
}

static void every_verdict_was_reported(const struct crowd *crowd) {
    assert_int_equal(crowd->dead, 0);
    assert_int_equal(crowd->region->reported_count, BALANCERS);
    for (size_t i = 0; i < BALANCERS; i++) {
        const struct region_member *member = &crowd->region->members[i];
        const struct region_report *report = region_report_of(crowd->region, member->arn);
        assert_non_null(report);
        assert_str(report->compliance,
                   strcmp(member->mode, "monitor") == 0 ? "NON_COMPLIANT" : "COMPLIANT");
    }
}

static void crowd_end(struct crowd *crowd) {
    for (size_t i = 0; i < crowd->count; i++) {
        (void)pthread_cond_destroy(&crowd->members[i].turn);
        arena_clean_up(&crowd->members[i].process);
    }
    (void)pthread_mutex_destroy(&crowd->lock);
    fake_clean_up(&crowd->fake);
}

static void f1_a_hundred_copies_report_every_verdict_of_three_hundred_stale_items(void **state) {
    (void)state;
    static struct crowd crowd;
    crowd_begin(&crowd, 100, "");
    crowd_run(&crowd);
    every_verdict_was_reported(&crowd);
    crowd_end(&crowd);
}

static void f1_five_reserved_copies_leave_others_their_calls(void **state) {
    (void)state;
    static struct crowd crowd;
    crowd_begin(&crowd, 5, "5");
    crowd_run(&crowd);
    every_verdict_was_reported(&crowd);
    assert_true(crowd.other_calls > 100);
    assert_true(crowd.other_throttled * 20 <= crowd.other_calls);
    crowd_end(&crowd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(f1_a_hundred_copies_report_every_verdict_of_three_hundred_stale_items),
        cmocka_unit_test(f1_five_reserved_copies_leave_others_their_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
