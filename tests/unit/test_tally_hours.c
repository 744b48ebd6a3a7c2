/* SPDX-License-Identifier: Apache-2.0
 *
 * Of what evidence consists: protocol, outcome, sender and networks of the lines of one file.
 */
#include <math.h>
#include <stdio.h>

#include "access_log_world.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/random.h"
#include "traffic/tally_internal.h"

#define BROWSER                                                                                    \
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "            \
    "Chrome/126.0.0.0 Safari/537.36"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct sent {
    const char *type;
    const char *time;     /* "08:01" */
    const char *client;   /* "203.0.113.9:51002" */
    const char *statuses; /* of load balancer and target: "200 200" */
    const char *agent;
    const char *class; /* "-", "Acceptable" */
    const char *reason;
};
/* What is left out is usual. */
#define SENT(...)                                                                                  \
    (struct sent) {                                                                                \
        __VA_ARGS__                                                                                \
    }

static struct arena arena;
static struct buf text;

static int begin(void **state) {
    (void)state;
    buf_init(&text, &arena, (size_t)1 << 26);
    return 0;
}

static int end(void **state) {
    (void)state;
    arena_clean_up(&arena);
    return 0;
}

static const char * or (const char *text_or_null, const char *usual) {
    return text_or_null != NULL ? text_or_null : usual;
}

static void add(struct sent line) {
    const char *time = or (line.time, "08:01");
    buf_printf(&text,
               "%s 2026-11-23T%s:00.000000Z app/shop/0123456789abcdef %s 10.0.0.1:80 0.001 0.002 "
               "0.000 %s 300 512 \"GET https://shop.example:443/ HTTP/1.1\" \"%s\" "
               "ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:tg \"Root=1-5\" \"shop.example\" \"-\" "
               "0 2026-11-23T%s:00.000000Z \"forward\" \"-\" \"-\" \"10.0.0.1:80\" \"200\" \"%s\" "
               "\"%s\" TID_1\n",
               or (line.type, "https"), time, or (line.client, "203.0.113.9:51002"),
               or (line.statuses, "200 200"), or (line.agent, "curl/8.1"), time,
               or (line.class, "-"), or (line.reason, "-"));
}

static const struct tally_hours *hours(void) {
    struct tally_options options = {.counts_only = true, .has_hours = true};
    random_bytes(&options.hash_key, sizeof options.hash_key);
    struct tally *tally = tally_new(&arena, &options);
    struct tally_result result;
    assert_int_equal(buf_status(&text), STATUS_OK);
    tally_add_lines(tally, buf_str(&text));
    tally_finish(tally, &result);
    assert_non_null(result.hours);
    return result.hours;
}

static const struct tally_hour *only_hour(void) {
    const struct tally_hours *found = hours();
    assert_int_equal(found->count, 1);
    return &found->hours[0];
}

/* ---- D1 ---- */

static void d1_only_http1_lines_are_evidence(void **state) {
    (void)state;
    static const char *const TYPES[] = {"http", "https", "h2", "grpcs", "ws", "wss", "h3", "-"};
    for (size_t i = 0; i < COUNT(TYPES); i++) {
        add(SENT(.type = TYPES[i]));
    }
    const struct tally_hour *hour = only_hour();
    assert_int_equal(hour->counts.requests, 8);
    assert_int_equal(hour->http1, 2);
    assert_int_equal(hour->http1_lines, 2);
    assert_int_equal(hour->http2, 6);
    assert_int_equal(hour->synthetic, 0);
}

static void d1_health_checks_and_monitors_are_counted_apart(void **state) {
    (void)state;
    static const char *const AGENTS[] = {
        "ELB-HealthChecker/2.0",
        "Amazon-Route53-Health-Check-Service (ref 1; report http://amzn.to/1vsZADi)",
        BROWSER " CloudWatchSynthetics/arn:aws:synthetics:eu-west-1:123456789012:canary:shop",
        "kube-probe/1.29",
        "GoogleHC/1.0",
        "GoogleStackdriverMonitoring-UptimeChecks(https://cloud.google.com/monitoring)",
        "Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)",
        "Mozilla/5.0 (compatible; PingdomPageSpeed/1.0; http://www.pingdom.com/)",
        "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
        BROWSER " StatusCake",
        "Datadog/Synthetics",
        BROWSER " DatadogSynthetics",
        "Mozilla/5.0 (compatible; Site24x7/1.0; http://www.site24x7.com)",
        "Better Uptime Bot " BROWSER,
    };
    for (size_t i = 0; i < COUNT(AGENTS); i++) {
        add(SENT(.agent = AGENTS[i]));
    }
    const struct tally_hours *found = hours();
    assert_int_equal(found->hours[0].synthetic, COUNT(AGENTS));
    assert_int_equal(found->hours[0].http1, 0);
    assert_int_equal(found->hours[0].http1_lines, 0);
    assert_true(client_sketch_count(&found->clients) < 0.5);
}

static void d1_clients_that_resemble_monitors_are_evidence(void **state) {
    (void)state;
    static const char *const AGENTS[] = {
        BROWSER, "-", "", "curl/8.1", "ELB-Health", "MyStatusCake", "kube-", "Prober-UptimeRobotX"};
    for (size_t i = 0; i < COUNT(AGENTS); i++) {
        add(SENT(.agent = AGENTS[i]));
    }
    assert_int_equal(only_hour()->http1, COUNT(AGENTS));
}

static void d1_lines_of_an_unknown_class_are_no_evidence(void **state) {
    (void)state;
    add(SENT(.class = "Marvellous"));
    add(SENT(.class = "-"));
    assert_int_equal(only_hour()->http1, 1);
    assert_int_equal(only_hour()->counts.unfamiliar, 1);
}

/* ---- D2 ---- */

static void d2_blocked_requests_count_when_they_were_served_or_that_cannot_be_told(void **state) {
    (void)state;
    static const struct {
        const char *statuses;
        bool is_served;
    } ROWS[] = {
        {"200 200", true},  {"301 -", true},    {"304 304", true}, {"502 200", true},
        {"- -", true},      {"460 -", true},    {"101 101", true}, {"- 404", true},
        {"abc -", true},    {"20 -", true},     {"400 -", false},  {"404 404", false},
        {"403 -", false},   {"500 500", false}, {"503 -", false},  {"504 -", false},
        {"400 abc", false},
    };
    for (size_t i = 0; i < COUNT(ROWS); i++) {
        for (size_t class = 0; class < 3; class ++) {
            static const char *const CLASSES[] = {"Acceptable", "Ambiguous", "Severe"};
            (void)begin(NULL);
            add(SENT(.statuses = ROWS[i].statuses, .class = CLASSES[class]));
            const struct tally_hour *hour = only_hour();
            bool is_severe = class == 2;
            bool is_served = ROWS[i].is_served;
            if (hour->blocked_served != (!is_severe && is_served ? 1 : 0) ||
                hour->unserved != (!is_severe && !is_served ? 1 : 0) ||
                hour->severe_served != (is_severe && is_served ? 1 : 0) ||
                hour->severe_unserved != (is_severe && !is_served ? 1 : 0) ||
                hour->http1 != (is_served ? 1 : 0) || hour->http1_lines != 1) {
                fail_msg("%s %s", ROWS[i].statuses, CLASSES[class]);
            }
        }
    }
}

/* An event is always part of the requests that it is a share of. */
static void d2_a_served_request_counts_whoever_sent_it(void **state) {
    (void)state;
    add(SENT(.type = "h2", .class = "Acceptable", .reason = "SpaceInUri"));
    add(SENT(.agent = "ELB-HealthChecker/2.0", .class = "Ambiguous"));
    const struct tally_hour *hour = only_hour();
    assert_int_equal(hour->blocked_served, 2);
    assert_int_equal(hour->http1, 2);
    assert_int_equal(hour->http2, 1);
    assert_int_equal(hour->synthetic, 1);
}

static void d2_unserved_compliant_requests_are_no_evidence(void **state) {
    (void)state;
    add(SENT(.statuses = "404 404"));
    add(SENT(.statuses = "503 -"));
    add(SENT(.statuses = "200 200"));
    assert_int_equal(only_hour()->http1, 1);
    assert_int_equal(only_hour()->http1_lines, 3);
    assert_int_equal(only_hour()->unserved, 0);
}

/* ---- hours and five minutes ---- */

static void lines_are_counted_in_their_hour_and_five_minutes(void **state) {
    (void)state;
    add(SENT(.time = "08:59"));
    add(SENT(.time = "09:00", .class = "Acceptable", .statuses = "400 -"));
    add(SENT(.time = "08:04", .class = "Acceptable"));
    const struct tally_hours *found = hours();
    assert_int_equal(found->count, 2);
    assert_int_equal(found->hours[0].hour % 24, 8);
    assert_int_equal(found->hours[0].slots[11].http1_lines, 1);
    assert_int_equal(found->hours[0].slots[0].blocked_served, 1);
    assert_int_equal(found->hours[0].newest_ms % MS_PER_DAY, (8 * 60 + 59) * 60 * MS_PER_SECOND);
    assert_int_equal(found->hours[1].hour % 24, 9);
    assert_int_equal(found->hours[1].slots[0].unserved, 1);
    assert_int_equal(found->hours[1].slots[0].http1_lines, 1);
}

/* ---- clients ---- */

/* Of each number many different ones. A few are counted exactly, of more the error has a standard
 * deviation of 6.5 % at most, so that in nearly all of them it is below 20 %. */
static void d3_networks_are_counted_to_twenty_percent(void **state) {
    (void)state;
    static const unsigned COUNTS[] = {1, 2, 5, 10, 20, 50, 100, 200, 400, 700, 1000, 3000, 10000};
    enum { RUNS = 100 };
    unsigned next = 0;
    for (size_t i = 0; i < COUNT(COUNTS); i++) {
        double squares = 0;
        unsigned outside = 0;
        for (unsigned run = 0; run < RUNS; run++) {
            struct client_sketch sketch = {.hash_count = 0};
            for (unsigned n = 0; n < COUNTS[i]; n++, next++) {
                uint64_t hash = 0;
                char address[64];
                (void)snprintf(address, sizeof address,
                               run % 2 == 0 ? "%u.%u.%u.7" : "2001:%x:%x%02x::7",
                               1 + next / 65536 % 200, next / 256 % 256, next % 256);
                assert_true(client_network_hash(str_from_cstr(address), &hash));
                client_sketch_add(&sketch, hash);
            }
            double error = client_sketch_count(&sketch) / COUNTS[i] - 1;
            squares += error * error;
            outside += fabs(error) > 0.2 ? 1 : 0;
        }
        bool is_exact = COUNTS[i] <= CLIENT_HASHES_MAX;
        if (sqrt(squares / RUNS) > (is_exact ? 0.001 : 0.07) || outside > RUNS / 50) {
            fail_msg("%u networks: %f, %u outside", COUNTS[i], sqrt(squares / RUNS), outside);
        }
    }
}

static void d3_addresses_of_one_network_are_one_client(void **state) {
    (void)state;
    for (int i = 1; i < 250; i++) {
        char client[64];
        (void)snprintf(client, sizeof client, "203.0.113.%d:%d", i, 1024 + i);
        add(SENT(.client = client));
        (void)snprintf(client, sizeof client, "2001:db8:1:%x:0:0:0:%x:4711", i, i);
        add(SENT(.client = client));
    }
    add(SENT(.client = "-"));
    add(SENT(.client = "unix:socket"));
    double found = client_sketch_count(&hours()->clients);
    assert_true(found > 1.9 && found < 2.1);
}

static void d3_only_clients_that_were_served_over_http1_count(void **state) {
    (void)state;
    add(SENT(.client = "198.51.100.1:1", .type = "h2"));
    add(SENT(.client = "198.51.101.1:1", .statuses = "404 -"));
    add(SENT(.client = "198.51.102.1:1", .agent = "kube-probe/1.29"));
    add(SENT(.client = "198.51.103.1:1", .class = "Marvellous"));
    assert_true(client_sketch_count(&hours()->clients) < 0.5);
}

/* As the items of hours do it: words, united, in any order. */
static void d3_sketches_of_files_fit_together(void **state) {
    (void)state;
    struct client_sketch whole = {.hash_count = 0};
    struct client_sketch parts[3] = {{.hash_count = 0}};
    struct client_sketch united = {.hash_count = 0};
    for (uint64_t i = 0; i < 900; i++) {
        uint64_t hash = 0;
        char address[32];
        (void)snprintf(address, sizeof address, "10.%u.%u.9", (unsigned)(i / 250),
                       (unsigned)(i % 250));
        assert_true(client_network_hash(str_from_cstr(address), &hash));
        client_sketch_add(&whole, hash);
        client_sketch_add(&parts[i % 3], hash);
        client_sketch_add(&parts[i * 7 % 3], hash);
        if (i + 1 == CLIENT_HASHES_WRITTEN) { /* few, in words of another kind */
            for (size_t part = 0; part < 3; part++) {
                client_sketch_add_words(&united, client_sketch_format(&parts[part], &arena));
            }
            assert_memory_equal(&united, &whole, sizeof whole);
        }
    }
    for (size_t i = 3; i-- > 0;) {
        str words = client_sketch_format(&parts[i], &arena);
        assert_true(words.len <= CLIENT_REGISTERS * 3);
        client_sketch_add_words(&united, words);
    }
    assert_memory_equal(&united, &whole, sizeof whole);
    client_sketch_add_words(&united, STR("A AAA !! é  AB~ AAAAA AA"));
    assert_memory_equal(&united, &whole, sizeof whole);
    client_sketch_merge(&parts[0], &parts[1]);
    client_sketch_merge(&parts[0], &parts[2]);
    assert_memory_equal(&parts[0], &whole, sizeof whole);
}

/* Written into the table today, read by a later version: it must be the same hash for ever. */
static void d3_the_hash_of_a_network_never_changes(void **state) {
    (void)state;
    uint64_t hash = 0;
    struct client_sketch sketch = {.hash_count = 0};
    assert_true(client_network_hash(STR("203.0.113.77"), &hash));
    client_sketch_add(&sketch, hash);
    assert_true(client_network_hash(STR("2001:db8:1::7"), &hash));
    client_sketch_add(&sketch, hash);
    assert_str(client_sketch_format(&sketch, &arena), "q5xj -BDZ");
}

/* ---- E6 ---- */

static void e6_blocked_requests_of_networks_that_are_served_are_told(void **state) {
    (void)state;
    add(SENT(.client = "203.0.113.9:1", .statuses = "400 -", .class = "Acceptable",
             .reason = "SpaceInUri"));
    add(SENT(.client = "203.0.113.8:1", .statuses = "400 -", .class = "Ambiguous",
             .reason = "UndefinedContentLengthSemantics"));
    add(SENT(.client = "203.0.113.8:1", .statuses = "400 -", .class = "Ambiguous",
             .reason = "UndefinedContentLengthSemantics"));
    add(SENT(.client = "203.0.113.7:1", .type = "h2")); /* served, behind them */
    add(SENT(.client = "198.51.100.1:1", .statuses = "400 -", .class = "Severe",
             .reason = "BadHeader")); /* a scanner */
    add(SENT(.client = "203.0.113.9:1", .statuses = "400 400", .class = "Acceptable"));
    add(SENT(.client = "203.0.113.9:1", .statuses = "400 -"));
    const struct tally_hour *hour = only_hour();
    assert_int_equal(hour->blocked_clients, 3);
    assert_str(hour->blocked_reason, "UndefinedContentLengthSemantics");
    assert_int_equal(hour->unserved, 4);
}

static void e6_reasons_are_names_and_few(void **state) {
    (void)state;
    add(SENT(.client = "203.0.113.9:1"));
    for (int i = 0; i < 100; i++) {
        char reason[64];
        (void)snprintf(reason, sizeof reason, "Reason%d", i);
        add(SENT(.statuses = "400 -", .class = "Severe", .reason = reason));
    }
    for (int i = 0; i < 200; i++) {
        add(SENT(.statuses = "400 -", .class = "Severe", .reason = "two words"));
    }
    assert_int_equal(only_hour()->blocked_clients, 300);
    (void)begin(NULL);
    add(SENT(.client = "203.0.113.9:1"));
    add(SENT(.statuses = "400 -", .class = "Severe", .reason = "<b>"));
    assert_str(only_hour()->blocked_reason, "other");
}

/* Requests from many networks: memory stays bounded, and nothing is lost but detail. */
static void crowds_of_networks_are_bounded(void **state) {
    (void)state;
    for (unsigned i = 0; i < 40000; i++) {
        char client[64];
        (void)snprintf(client, sizeof client, "%u.%u.%u.9:1", 1 + i / 65536, i / 256 % 256,
                       i % 256);
        add(SENT(.client = client, .statuses = i % 2 == 0 ? "200 200" : "400 -",
                 .class = i % 2 == 0 ? "-" : "Severe", .reason = "BadHeader"));
    }
    const struct tally_hours *found = hours();
    double clients = client_sketch_count(&found->clients);
    assert_int_equal(found->hours[0].http1, 20000);
    assert_int_equal(found->hours[0].severe_unserved, 20000);
    assert_true(clients > 16000 && clients < 24000);
}

static void more_hours_than_a_file_has_are_told(void **state) {
    (void)state;
    for (int i = 0; i <= TALLY_HOURS_MAX; i++) {
        str day = date_format(&arena, 20000 + i);
        buf_printf(&text,
                   "http %" STR_FMT "T08:00:00.000000Z app/a/1 203.0.113.9:1 - 0 0 0 200 200 1 1 "
                   "\"GET http://a:80/ HTTP/1.1\" \"a\" - - - \"-\" \"-\" \"-\" 0 "
                   "2026-11-23T08:00:00.000000Z \"-\" \"-\" \"-\" \"-\" \"-\" \"-\" \"-\"\n",
                   STR_ARG(day));
        bool is_cut = hours()->is_cut;
        assert_int_equal(is_cut, i == TALLY_HOURS_MAX);
    }
}

/* Old lines go through the tokenizer: both ways read the same. */
static void old_lines_have_the_same_outcomes(void **state) {
    (void)state;
    add(SENT(.class = "Acceptable", .statuses = "400 -"));
    add(SENT(.type = "h2"));
    add(SENT(.agent = "kube-probe/1.29"));
    const struct tally_hour modern = *only_hour();
    str lines = str_copy(&arena, buf_str(&text));
    (void)begin(NULL);
    while (lines.len > 0) { /* two spaces are not today's layout */
        str line = str_split(&lines, '\n');
        str type = str_split(&line, ' ');
        buf_printf(&text, "%" STR_FMT "  %" STR_FMT "\n", STR_ARG(type), STR_ARG(line));
    }
    const struct tally_hour old = *only_hour();
    assert_int_equal(old.http1_lines, modern.http1_lines);
    assert_int_equal(old.unserved, modern.unserved);
    assert_int_equal(old.http2, modern.http2);
    assert_int_equal(old.synthetic, modern.synthetic);
    assert_int_equal(old.synthetic, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(d1_only_http1_lines_are_evidence),
        TEST(d1_health_checks_and_monitors_are_counted_apart),
        TEST(d1_clients_that_resemble_monitors_are_evidence),
        TEST(d1_lines_of_an_unknown_class_are_no_evidence),
        TEST(d2_blocked_requests_count_when_they_were_served_or_that_cannot_be_told),
        TEST(d2_a_served_request_counts_whoever_sent_it),
        TEST(d2_unserved_compliant_requests_are_no_evidence),
        TEST(lines_are_counted_in_their_hour_and_five_minutes),
        TEST(d3_networks_are_counted_to_twenty_percent),
        TEST(d3_addresses_of_one_network_are_one_client),
        TEST(d3_only_clients_that_were_served_over_http1_count),
        TEST(d3_sketches_of_files_fit_together),
        TEST(d3_the_hash_of_a_network_never_changes),
        TEST(e6_blocked_requests_of_networks_that_are_served_are_told),
        TEST(e6_reasons_are_names_and_few),
        TEST(crowds_of_networks_are_bounded),
        TEST(more_hours_than_a_file_has_are_told),
        TEST(old_lines_have_the_same_outcomes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
