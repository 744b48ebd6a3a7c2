/* SPDX-License-Identifier: Apache-2.0
 *
 * Alerts on load balancers whose names, tags and writers want to harm: no line of the body and no
 * word of a command may come from them.
 */
#include "judging.h"

#include "report/alert.h"

#define SHOP                                                                                       \
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop/0123456789abcdef"
#define EMOJI "\xF0\x9F\x98\x80"

static str repeat(const char *text, size_t count) {
    size_t len = strlen(text);
    char *copy = arena_alloc(&arena, len * count + 1);
    for (size_t i = 0; i < count; i++) {
        memcpy(copy + i * len, text, len);
    }
    return (str){copy, len * count};
}

static struct evaluation weak(void) {
    return (struct evaluation){.resource_id = STR(SHOP),
                               .compliance = NON_COMPLIANT,
                               .mode = MODE_MONITOR,
                               .required_mode = MODE_STRICTEST,
                               .required_because = STR("minimum"),
                               .exception_until = STR("2026-12-01"),
                               .owner = STR("team-a")};
}

static void add(struct evaluation *evaluation, enum finding_id id, str subject, str message) {
    evaluation->findings[evaluation->finding_count++] = (struct finding){.id = id,
                                                                         .severity = SEVERITY_HIGH,
                                                                         .is_failing = true,
                                                                         .subject = subject,
                                                                         .message = message};
}

static struct alert_text render(enum alert_kind kind, const struct evaluation *evaluation,
                                const struct writer *writer) {
    struct alert alert = {.kind = kind,
                          .evaluation = evaluation,
                          .since_ms = NOW_MS - MS_PER_DAY,
                          .now_ms = NOW_MS,
                          .writer = *writer,
                          .corrections = 3};
    struct alert_text text;
    alert_render(&arena, &alert, &text);
    return text;
}

static void assert_subject(const char *name, str subject) {
    bool is_fine = subject.len > 0 && subject.len < 100;
    for (size_t i = 0; i < subject.len; i++) {
        is_fine = is_fine && subject.ptr[i] >= ' ' && subject.ptr[i] <= '~';
    }
    if (!is_fine) {
        fail_msg("%s: subject %s", name, str_to_cstr(&arena, str_copy(&arena, subject)));
    }
}

static void assert_fits(const char *name, const struct alert_text *text) {
    assert_subject(name, text->subject);
    bool is_fine = text->body.len > 0 && text->body.len <= ALERT_BODY_BYTES_MAX &&
                   str_utf8_valid_prefix(text->body) == text->body.len &&
                   str_ends_with(text->body, STR("\n"));
    for (size_t i = 0; i < text->body.len; i++) {
        unsigned char c = (unsigned char)text->body.ptr[i];
        is_fine = is_fine && (c >= ' ' || c == '\n') && c != 0x7F;
    }
    for (size_t i = 0; i < ALERT_ATTRIBUTE_COUNT; i++) {
        str value = text->attributes[i].value;
        size_t characters = str_utf8_count(value);
        is_fine = is_fine && characters >= 1 && characters <= ALERT_ATTRIBUTE_CHARACTERS_MAX &&
                  !str_contains(value, STR("\n"));
    }
    if (!is_fine) {
        fail_msg("%s: %zu bytes", name, text->body.len);
    }
}

/* How many lines of the body begin like that. */
static size_t count_lines(str body, const char *beginning) {
    size_t count = 0;
    for (str rest = body; rest.ptr != NULL;) {
        count += str_starts_with(str_split(&rest, '\n'), str_from_cstr(beginning));
    }
    return count;
}

static void untrusted_text_cannot_begin_a_line(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *text;
    } rows[] = {
        {"newline", "x\nFORGED: y"},
        {"carriage return", "x\r\nFORGED: y\r"},
        {"vertical tab and form feed", "x\v\fFORGED: y"},
        {"next line", "x\xC2\x85"
                      "FORGED: y"},
        {"line separator", "x\xE2\x80\xA8"
                           "FORGED: y"},
        {"paragraph separator", "x\xE2\x80\xA9"
                                "FORGED: y"},
        {"escape sequence", "x\x1b[2K\x1b[1GFORGED: y"},
        {"direction override", "x\xE2\x80\xAE"
                               "FORGED: y"},
        {"no UTF-8", "x\xFF\xFE\nFORGED: y"},
        {"beginning", "\n\nFORGED: y"},
    };
    static const char *const removed[] = {"\xC2\x85", "\xE2\x80\xA8", "\xE2\x80\xA9",
                                          "\xE2\x80\xAE"};
    for (size_t i = 0; i < COUNT(rows); i++) {
        str hostile = str_from_cstr(rows[i].text);
        struct writer writer = {hostile, hostile, hostile};
        struct evaluation evaluation = weak();
        evaluation.owner = hostile;
        evaluation.required_because = hostile;
        evaluation.reason = hostile;
        evaluation.exception_until = hostile;
        add(&evaluation, FINDING_TAG_MISSING, hostile, hostile);
        for (int kind = ALERT_OPENED; kind <= ALERT_HELD; kind++) {
            struct alert_text text = render((enum alert_kind)kind, &evaluation, &writer);
            assert_fits(rows[i].name, &text);
            assert_contains(text.body, "FORGED: y");
            if (count_lines(text.body, "FORGED") != 0) {
                fail_msg("%s: %s", rows[i].name, str_to_cstr(&arena, text.body));
            }
            for (size_t k = 0; k < COUNT(removed); k++) {
                assert_false(str_contains(text.body, str_from_cstr(removed[k])));
            }
        }
    }
}

static void markup_in_untrusted_text_is_escaped(void **state) {
    (void)state;
    str hostile = STR("<!channel> <https://evil.example|Console> <script>alert(1)</script>");
    struct writer writer = {hostile, hostile, hostile};
    struct evaluation evaluation = weak();
    evaluation.owner = hostile;
    evaluation.required_because = hostile;
    add(&evaluation, FINDING_PROFILE_UNKNOWN, hostile, hostile);
    struct alert_text text = render(ALERT_FIGHT, &evaluation, &writer);
    assert_fits("markup", &text);
    assert_false(str_contains(text.body, STR("<")));
    assert_false(str_contains(text.body, STR(">")));
    assert_contains(text.body, "Owner: \xE2\x80\xB9!channel\xE2\x80\xBA ");
}

/* The words of one command line as a POSIX shell splits them; fails on what a shell would do more
 * than that for. */
static size_t shell_words(str line, str *words, size_t words_max) {
    size_t count = 0;
    struct buf word;
    buf_init(&word, &arena, line.len);
    bool is_quoted = false;
    bool is_open = false;
    for (size_t i = 0; i < line.len; i++) {
        char c = line.ptr[i];
        if (c == '\'') {
            is_quoted = !is_quoted;
            is_open = true;
        } else if (!is_quoted && c == ' ') {
            if (is_open) {
                assert_true(count < words_max);
                words[count++] = str_copy(&arena, buf_str(&word));
            }
            buf_clear(&word);
            is_open = false;
        } else if (!is_quoted && c == '\\') {
            i++;
            assert_true(i < line.len);
            buf_append_char(&word, line.ptr[i]);
            is_open = true;
        } else {
            if (!is_quoted && strchr("|&;<>()$`\"*?[]#~!{}\n\t", c) != NULL) {
                fail_msg("a shell acts on '%c' in: %s", c, str_to_cstr(&arena, line));
            }
            buf_append_char(&word, c);
            is_open = true;
        }
    }
    assert_false(is_quoted);
    if (is_open) {
        words[count++] = str_copy(&arena, buf_str(&word));
    }
    return count;
}

static str command_of(str body) {
    for (str rest = body; rest.ptr != NULL;) {
        str line = str_split(&rest, '\n');
        if (str_starts_with(line, STR("aws elbv2 "))) {
            return line;
        }
    }
    return STR_EMPTY;
}

static void command_names_exactly_the_load_balancer(void **state) {
    (void)state;
    static const char *const ids[] = {
        SHOP,
        "arn:x; rm -rf ~",
        "a'b",
        "''",
        "$(reboot) `reboot` ${HOME}",
        "a\"b\\c|d&e>f<g*?[h]#!",
        "--profile",
        "caf\xC3\xA9",
    };
    struct writer writer = {STR_EMPTY, STR_EMPTY, STR_EMPTY};
    for (size_t i = 0; i < COUNT(ids); i++) {
        struct evaluation evaluation = weak();
        evaluation.resource_id = str_from_cstr(ids[i]);
        struct alert alert = {.kind = ALERT_OPENED,
                              .evaluation = &evaluation,
                              .region = STR("eu-west-1'; reboot"),
                              .writer = writer};
        struct alert_text text;
        alert_render(&arena, &alert, &text);
        str words[16];
        size_t count = shell_words(command_of(text.body), words, COUNT(words));
        assert_int_equal(count, 9);
        assert_str(words[2], "modify-load-balancer-attributes");
        assert_str(words[3], "--region");
        assert_str(words[4], "eu-west-1'; reboot");
        assert_str(words[5], "--load-balancer-arn");
        assert_str(words[6], ids[i]);
        assert_str(words[7], "--attributes");
        assert_str(words[8], "Key=routing.http.desync_mitigation_mode,Value=strictest");
        assert_fits(ids[i], &text);
        assert_int_equal(str_contains(text.body, STR("Console: ")), i == 0);
    }
}

static void malformed_id_gets_no_command_and_no_link(void **state) {
    (void)state;
    const struct {
        const char *name;
        str id;
    } rows[] = {
        {"newline", STR("arn:a\naws elbv2 delete-load-balancer")},
        {"escape", STR("arn:\x1b[2K")},
        {"no UTF-8", STR("arn:\xFF")},
        {"empty", STR_EMPTY},
        {"long", repeat("a", 10240)},
        {"quotes only", repeat("'", 300)},
        {"ARN with more behind it", STR(SHOP "\n")},
    };
    struct writer writer = {STR_EMPTY, STR_EMPTY, STR_EMPTY};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct evaluation evaluation = weak();
        evaluation.resource_id = rows[i].id;
        add(&evaluation, FINDING_TAG_MISSING, STR("Owner"), STR("The tag Owner is missing."));
        struct alert_text text = render(ALERT_OPENED, &evaluation, &writer);
        assert_fits(rows[i].name, &text);
        if (!str_is_empty(command_of(text.body)) || str_contains(text.body, STR("https://"))) {
            fail_msg("%s: %s", rows[i].name, str_to_cstr(&arena, text.body));
        }
    }
}

static void tags_command_names_every_key_that_can_be_one(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *first;
        const char *second;
        const char *words; /* joined with a line end; NULL: no command */
    } rows[] = {
        {"plain", "Owner", "a:b/c@d-e+f_g.h",
         "Key=Owner,Value=<value>\nKey=a:b/c@d-e+f_g.h,Value=<value>"},
        {"blank", "Cost Center", "Owner",
         "[{\"Key\":\"Cost "
         "Center\",\"Value\":\"<value>\"},{\"Key\":\"Owner\",\"Value\":\"<value>\"}]"},
        {"equals sign and other scripts", "a=b", "Besitzer:\xC3\xA4",
         "[{\"Key\":\"a=b\",\"Value\":\"<value>\"},"
         "{\"Key\":\"Besitzer:\xC3\xA4\",\"Value\":\"<value>\"}]"},
        {"shell", "$(reboot);", "`reboot`", NULL},
        {"quotes", "it's", "\"a\"", NULL},
        {"some hostile", "a,Key=b", "Owner", "Key=Owner,Value=<value>"},
        {"newline", "a\nb", "Owner", "Key=Owner,Value=<value>"},
        {"no UTF-8", "\xFF", "", NULL},
    };
    struct writer writer = {STR_EMPTY, STR_EMPTY, STR_EMPTY};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct evaluation evaluation = weak();
        evaluation.mode = MODE_STRICTEST;
        add(&evaluation, FINDING_TAG_MISSING, str_from_cstr(rows[i].first), STR("m"));
        add(&evaluation, FINDING_TAG_VALUE_NOT_ALLOWED, str_from_cstr(rows[i].second), STR("m"));
        str command = command_of(render(ALERT_OPENED, &evaluation, &writer).body);
        if (rows[i].words == NULL) {
            assert_true(str_is_empty(command));
            continue;
        }
        str words[16];
        size_t count = shell_words(command, words, COUNT(words));
        assert_true(count > 8);
        assert_str(words[2], "add-tags");
        assert_str(words[6], SHOP);
        assert_str(words[7], "--tags");
        str tags = words[8];
        for (size_t k = 9; k < count; k++) {
            tags = str_format(&arena, "%" STR_FMT "\n%" STR_FMT, STR_ARG(tags), STR_ARG(words[k]));
        }
        if (!str_eq(tags, str_from_cstr(rows[i].words))) {
            fail_msg("%s: %s", rows[i].name, str_to_cstr(&arena, tags));
        }
    }
}

static void tag_key_that_is_cut_or_too_long_is_left_out_of_the_command(void **state) {
    (void)state;
    const struct {
        const char *name;
        str key;
    } rows[] = {
        {"cut", str_format(&arena, "%" STR_FMT "\xE2\x80\xA6", STR_ARG(repeat("k", 63)))},
        {"long", repeat("k", 10240)},
        {"long, with blanks", repeat("k k", 100)},
        {"long emoji", repeat(EMOJI, 256)},
        {"only quotes", repeat("'", 200)},
    };
    struct writer writer = {STR_EMPTY, STR_EMPTY, STR_EMPTY};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct evaluation evaluation = weak();
        evaluation.mode = MODE_STRICTEST;
        add(&evaluation, FINDING_TAG_MISSING, rows[i].key, STR("m"));
        assert_true(str_is_empty(command_of(render(ALERT_OPENED, &evaluation, &writer).body)));
        add(&evaluation, FINDING_TAG_MISSING, STR("Cost Center"), STR("m"));
        str command = command_of(render(ALERT_OPENED, &evaluation, &writer).body);
        if (!str_ends_with(command, STR(" '[{\"Key\":\"Cost Center\",\"Value\":\"<value>\"}]'"))) {
            fail_msg("%s: %s", rows[i].name, str_to_cstr(&arena, command));
        }
    }
}

static void command_sets_all_attributes_at_once(void **state) {
    (void)state;
    struct writer writer = {STR_EMPTY, STR_EMPTY, STR_EMPTY};
    struct evaluation evaluation = weak();
    add(&evaluation, FINDING_HEADERS_NOT_DROPPED, STR_EMPTY, STR("m"));
    str body = render(ALERT_OPENED, &evaluation, &writer).body;
    assert_true(str_ends_with(
        command_of(body), STR(" --attributes "
                              "Key=routing.http.desync_mitigation_mode,Value=strictest "
                              "Key=routing.http.drop_invalid_header_fields.enabled,Value=true")));
    assert_contains(body, "\nstrictest refuses requests that defensive lets through: look into");
    evaluation.mode = MODE_STRICTEST;
    str command = command_of(render(ALERT_OPENED, &evaluation, &writer).body);
    assert_false(str_contains(command, STR("desync_mitigation_mode")));
    evaluation.findings[0].is_failing = false;
    assert_true(str_is_empty(command_of(render(ALERT_OPENED, &evaluation, &writer).body)));
}

static void console_link_follows_the_partition(void **state) {
    (void)state;
    static const struct {
        const char *partition;
        const char *region;
        const char *host; /* NULL: none is known */
    } rows[] = {
        {"aws", "eu-west-1", "eu-west-1.console.aws.amazon.com"},
        {"aws-cn", "cn-north-1", "cn-north-1.console.amazonaws.cn"},
        {"aws-us-gov", "us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"},
        {"aws-iso", "us-iso-east-1", NULL},
        {"aws-eusc", "eusc-de-east-1", "eusc-de-east-1.console.amazonaws-eusc.eu"},
    };
    struct writer writer = {STR_EMPTY, STR_EMPTY, STR_EMPTY};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct evaluation evaluation = weak();
        evaluation.resource_id =
            str_format(&arena,
                       "arn:%s:elasticloadbalancing:%s:123456789012:loadbalancer/app/a/"
                       "0123456789abcdef",
                       rows[i].partition, rows[i].region);
        str body = render(ALERT_OPENED, &evaluation, &writer).body;
        if (rows[i].host == NULL) {
            assert_false(str_contains(body, STR("Console:")));
            continue;
        }
        str link = str_format(&arena,
                              "\nConsole: https://%s/ec2/home?region=%s"
                              "#LoadBalancer:loadBalancerArn=%" STR_FMT "\n",
                              rows[i].host, rows[i].region, STR_ARG(evaluation.resource_id));
        assert_true(str_ends_with(body, link));
    }
}

static void alert_with_every_value_at_its_longest_fits(void **state) {
    (void)state;
    static const char *const fills[] = {"a", "'", "<", EMOJI, "a ", "\xFF", "\"", "k,"};
    for (size_t i = 0; i < COUNT(fills); i++) {
        str lng = repeat(fills[i], 10240);
        str id = i % 2 == 0 ? lng : repeat(fills[i], 64);
        struct writer writer = {lng, lng, lng};
        struct evaluation evaluation = weak();
        evaluation.resource_id = id;
        evaluation.owner = lng;
        evaluation.required_because = lng;
        evaluation.reason = lng;
        for (size_t k = 0; k < FINDINGS_MAX; k++) {
            add(&evaluation, FINDING_TAG_MISSING, repeat(fills[i], 4 * (1 + k)), lng);
        }
        for (int kind = ALERT_OPENED; kind <= ALERT_HELD; kind++) {
            struct alert alert = {.kind = (enum alert_kind)kind,
                                  .evaluation = &evaluation,
                                  .account_id = lng,
                                  .region = id,
                                  .partition = lng,
                                  .since_ms = 1,
                                  .now_ms = INT64_MAX,
                                  .writer = writer,
                                  .corrections = INT32_MIN};
            struct alert_text text;
            alert_render(&arena, &alert, &text);
            assert_fits(fills[i], &text);
        }
    }
}

static void findings_beyond_the_limit_are_counted(void **state) {
    (void)state;
    struct writer writer = {STR_EMPTY, STR_EMPTY, STR_EMPTY};
    struct evaluation evaluation = weak();
    for (size_t i = 0; i < FINDINGS_MAX; i++) {
        add(&evaluation, FINDING_TAG_MISSING, STR("Owner"), repeat("word ", 100));
    }
    str body = render(ALERT_OPENED, &evaluation, &writer).body;
    size_t shown = count_lines(body, "- HIGH TAG_MISSING: word word");
    assert_true(shown > 5 && shown < FINDINGS_MAX);
    str more = str_format(&arena, "\n- and %zu more\n", FINDINGS_MAX - shown);
    assert_true(str_contains(body, more));
    assert_true(ALERT_BODY_BYTES_MAX - body.len < 600);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(untrusted_text_cannot_begin_a_line),
        cmocka_unit_test(markup_in_untrusted_text_is_escaped),
        cmocka_unit_test(command_names_exactly_the_load_balancer),
        cmocka_unit_test(malformed_id_gets_no_command_and_no_link),
        cmocka_unit_test(tags_command_names_every_key_that_can_be_one),
        cmocka_unit_test(tag_key_that_is_cut_or_too_long_is_left_out_of_the_command),
        cmocka_unit_test(command_sets_all_attributes_at_once),
        cmocka_unit_test(console_link_follows_the_partition),
        cmocka_unit_test(alert_with_every_value_at_its_longest_fits),
        cmocka_unit_test(findings_beyond_the_limit_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, judging_reset);
}
