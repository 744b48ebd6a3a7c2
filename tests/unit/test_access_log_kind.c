/* SPDX-License-Identifier: Apache-2.0
 *
 * What is not an access log of an Application Load Balancer is refused by name, line or object.
 */
#include "access_log_world.h"

static const struct {
    const char *name;
    const char *line;
    enum access_log_kind kind;
} kinds[] = {
    {"nothing", "", ACCESS_LOG_UNPARSED},
    {"one quote", "\"", ACCESS_LOG_UNPARSED},
    {"prose",
     "the quick brown fox jumps over the lazy dog, again and again and again and again, "
     "until there are more than eighteen words",
     ACCESS_LOG_UNPARSED},
    {"cut within the first fields", "http 2026-11-22T10:11:12.3Z app/a/b 192.0.2.1:1 - 0.0 0.0 0.0",
     ACCESS_LOG_UNPARSED},
    {"cut within the user agent", HEAD("192.0.2.1:1") REQUEST "\"Mozilla", ACCESS_LOG_UNPARSED},
    {"cut within field 29", TO_27 "\"Severe\" \"Bad", ACCESS_LOG_UNPARSED},
    {"17 fields", HEAD("192.0.2.1:1") REQUEST "\"c\" - - arn", ACCESS_LOG_UNPARSED},
    {"bare quotes in the request shift the fields",
     HEAD("192.0.2.1:1") "\"GET /?a=\"b c\" HTTP/1.1\" \"c\"" MIDDLE "\"-\"" CERT,
     ACCESS_LOG_UNPARSED},
    {"combined log format",
     "192.0.2.1 - - [22/Nov/2026:10:11:12 +0000] \"GET / HTTP/1.1\" 200 2 \"-\" \"curl\"",
     ACCESS_LOG_UNPARSED},
    {"Network",
     "tls 2.0 2026-11-22T10:11:12 net/my-nlb/c6e77e28c25b2234 g3d4b5e8bb8464cd 192.0.2.1:51341 "
     "10.0.0.1:443 5 2 98 246 - arn:aws:acm:us-east-2:123456789012:certificate/2a10 - "
     "ECDHE-RSA-AES128-SHA tlsv12 - my-nlb.example.com h2 h2 \"h2\",\"http/1.1\" "
     "2026-11-22T10:11:10",
     ACCESS_LOG_NETWORK},
    {"Network of old, cut short",
     "tls 1.0 2018-12-20T02:59:40 net/my-nlb/c6e77e28c25b2234 g3d4b5e8", ACCESS_LOG_NETWORK},
    {"vended JSON",
     "{\"type\": \"https\", \"elb\": \"app/a/50dc6c495c0c9188\", \"classification\": \"-\"}",
     ACCESS_LOG_VENDED},
    {"vended JSON of other members", " {\"loadBalancer\":\"app/a/50dc6c495c0c9188\",\"at\":1} ",
     ACCESS_LOG_VENDED},
    {"vended JSON, cut short", "{\"elb\":\"app/a/50dc6c495c0c9188", ACCESS_LOG_UNPARSED},
    {"JSON", "{\"type\":\"https\",\"time\":\"2026-11-22T10:11:12Z\"}", ACCESS_LOG_UNPARSED},
    {"header of the W3C format", "#Fields: type time elb client_ip", ACCESS_LOG_UNPARSED},
    {"Classic",
     "2026-11-22T10:11:12.345678Z my-lb 192.0.2.1:2817 10.0.0.1:80 0.000073 0.001 0.000 "
     "200 200 0 29 \"GET http://www.example.com:80/ HTTP/1.1\" \"curl/7\" - -",
     ACCESS_LOG_CLASSIC},
    {"Classic of old",
     "2014-02-15T23:39:43.945958Z my-lb 192.0.2.1:2817 10.0.0.1:80 0.000073 0.001 "
     "0.000 200 200 0 29 \"GET http://www.example.com:80/ HTTP/1.1\"",
     ACCESS_LOG_CLASSIC},
    {"Classic, TCP",
     "2026-11-22T10:11:12.345678Z my-lb 192.0.2.1:2817 10.0.0.1:80 0.001069 "
     "0.000028 0.000041 - - 82 305 \"- - - \" \"-\" - -",
     ACCESS_LOG_CLASSIC},
    {"connection",
     "2026-11-22T10:11:12.345678Z 192.0.2.1 36280 443 TLSv1.2 ECDHE-RSA-AES128 4.036 "
     "\"CN=a.example,O=e\" NotBefore=1;NotAfter=2 FEF2 Success TID_3180",
     ACCESS_LOG_CONNECTION},
    {"connection that failed",
     "2026-11-22T10:11:12.345678Z 192.0.2.1 36280 443 - - - - - - "
     "Failed:ClientCertNone TID_3180 x25519",
     ACCESS_LOG_CONNECTION},
    {"health check",
     "http 2026-11-22T10:11:12.345678Z 0.019584011 10.0.0.1:80 my-targets PASS 200 -",
     ACCESS_LOG_HEALTH},
    {"health check that failed",
     "tcp 2026-11-22T10:11:12.345678Z - 10.0.0.1:80 my-targets FAIL - "
     "TargetError",
     ACCESS_LOG_HEALTH},
    {"test file",
     "Enable AccessLog for ELB: app/my-alb/959dfdbaed241613 at 2026-11-20T09:55:52.806Z",
     ACCESS_LOG_TEST_FILE},
    {"test file for connections", "Enable ConnectionLog for ELB: app/a/959dfdbaed241613 at x",
     ACCESS_LOG_TEST_FILE},
};

static void line_of_another_log_type_is_refused_by_its_type(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct access_log_record record;
        print_message("%s\n", kinds[i].name);
        assert_int_equal(access_log_parse(str_from_cstr(kinds[i].line), &record), kinds[i].kind);
    }
}

static void every_kind_and_class_has_a_name_of_its_own(void **state) {
    (void)state;
    for (int i = 0; i < ACCESS_LOG_KIND_COUNT; i++) {
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(access_log_kind_name((enum access_log_kind)i),
                                    access_log_kind_name((enum access_log_kind)j));
        }
    }
    assert_string_equal(traffic_class_name(CLASS_COMPLIANT), "Compliant");
    assert_string_equal(traffic_class_name(CLASS_ACCEPTABLE), "Acceptable");
    assert_string_equal(traffic_class_name(CLASS_AMBIGUOUS), "Ambiguous");
    assert_string_equal(traffic_class_name(CLASS_SEVERE), "Severe");
    assert_string_equal(traffic_class_name(CLASS_UNKNOWN), "Unknown");
}

#define PREFIX "logs/AWSLogs/123456789012/elasticloadbalancing/us-east-2/2026/11/22/"
#define STEM   "123456789012_elasticloadbalancing_us-east-2_"
#define TAIL   "_20261122T2340Z_192.0.2.1_20sg8hgm.log"
#define OWN    "app.my-alb.1234567890abcdef"

static const struct {
    const char *name;
    const char *key;
    enum access_log_kind kind;
    bool is_compressed;
} keys[] = {
    {"as delivered", PREFIX STEM OWN TAIL ".gz", ACCESS_LOG_LINE, true},
    {"of an organization's trail", "AWSLogs/o-1/123456789012/x/" STEM OWN TAIL ".gz",
     ACCESS_LOG_LINE, true},
    {"without folders", STEM OWN TAIL ".gz", ACCESS_LOG_LINE, true},
    {"unpacked", PREFIX STEM OWN TAIL, ACCESS_LOG_LINE, false},
    {"Classic", PREFIX STEM "my-loadbalancer" TAIL, ACCESS_LOG_CLASSIC, false},
    {"connection", PREFIX "conn_log." STEM OWN TAIL ".gz", ACCESS_LOG_CONNECTION, true},
    {"connection, otherwise joined", PREFIX "conn_log_" STEM OWN TAIL ".gz", ACCESS_LOG_CONNECTION,
     true},
    {"health check", PREFIX "health_check_log_" STEM OWN TAIL ".gz", ACCESS_LOG_HEALTH, true},
    {"test file", "logs/AWSLogs/123456789012/ELBAccessLogTestFile", ACCESS_LOG_TEST_FILE, false},
    {"Network Load Balancer", PREFIX STEM "net.my-nlb.1234567890abcdef" TAIL ".gz",
     ACCESS_LOG_NETWORK, true},
    {"Network Load Balancer, unpacked",
     STEM "net.my-nlb.1234567890abcdef_20261122T2340Z_20sg8hgm.log", ACCESS_LOG_NETWORK, false},
    {"vended, in a folder of its type",
     "AWSLogs/123456789012/ALB_ACCESS_LOGS/2026/11/22/23/0b1c.json.gz", ACCESS_LOG_VENDED, true},
    {"vended, named like the text", PREFIX STEM OWN "_x.json.log", ACCESS_LOG_VENDED, false},
    {"vended of a Network Load Balancer", "NLB_ACCESS_LOGS/x.json", ACCESS_LOG_VENDED, false},
    {"JSON of nobody's", "2026/11/22/x.json.log.gz", ACCESS_LOG_UNPARSED, true},
    {"CloudTrail",
     "AWSLogs/123456789012/CloudTrail/us-east-2/2026/11/22/"
     "123456789012_CloudTrail_us-east-2_20261122T2340Z_x.json.gz",
     ACCESS_LOG_UNPARSED, true},
    {"account of 11 digits", "12345678901_elasticloadbalancing_us-east-2_" OWN TAIL ".gz",
     ACCESS_LOG_UNPARSED, true},
    {"id of 15 letters", STEM "app.my-alb.1234567890abcde" TAIL ".gz", ACCESS_LOG_UNPARSED, true},
    {"no name", STEM "app..1234567890abcdef" TAIL ".gz", ACCESS_LOG_UNPARSED, true},
    {"no region", "123456789012_elasticloadbalancing__" OWN TAIL ".gz", ACCESS_LOG_UNPARSED, true},
    {"nothing behind the id", STEM OWN ".log.gz", ACCESS_LOG_UNPARSED, true},
    {"another ending", PREFIX STEM OWN "_x.parquet", ACCESS_LOG_UNPARSED, false},
    {"a folder", PREFIX, ACCESS_LOG_UNPARSED, false},
    {"nothing", "", ACCESS_LOG_UNPARSED, false},
};

static void object_type_is_read_from_its_key(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(keys); i++) {
        struct access_log_key key = access_log_key_parse(str_from_cstr(keys[i].key));
        bool is_own = keys[i].kind == ACCESS_LOG_LINE;
        print_message("%s\n", keys[i].name);
        assert_int_equal(key.kind, keys[i].kind);
        assert_int_equal(key.is_compressed, keys[i].is_compressed);
        assert_str(key.account_id, is_own ? "123456789012" : "");
        assert_str(key.region, is_own ? "us-east-2" : "");
        assert_str(key.name, is_own ? "my-alb" : "");
        assert_str(key.id, is_own ? "1234567890abcdef" : "");
    }
}

#define TEST(name) cmocka_unit_test(name)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(line_of_another_log_type_is_refused_by_its_type),
        TEST(every_kind_and_class_has_a_name_of_its_own),
        TEST(object_type_is_read_from_its_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
