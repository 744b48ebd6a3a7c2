/* SPDX-License-Identifier: Apache-2.0
 *
 * Sources: the issues and pull requests named in the texts, on GitHub; for the reasons AWS's user
 * guide ("Access logs for your Application Load Balancer") and the documentation of
 * aws/http-desync-guardian, where the guide says less.
 */
#include "report/known_clients.h"

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The first one that fits wins. `agent` is a part of the user agent; NULL: none was sent. The load
 * balancer logs one reason a request: the first of the highest class. A client's other faults show
 * when that one is mended. */
static const struct {
    const char *reason;
    const char *agent;
    struct client_advice advice;
} clients[] = {
    {"GetHeadZeroContentLength",
     "ReactorNetty",
     {"Reactor Netty (Spring WebClient) adds \"Content-Length: 0\" to GET and HEAD: reactor-netty "
      "issues 2900 and 3603",
      "Update reactor-netty to a release that has pull request 3664 (merged in March 2025)."}},
    {"GetHeadZeroContentLength",
     "Micronaut",
     {"Micronaut's HTTP client adds \"Content-Length: 0\" to GET: micronaut-core 10210 and 10211",
      "Update Micronaut to a release that came after December 2023 and look whether the header is "
      "gone."}},
    {"GetHeadZeroContentLength",
     "PowerShell/7",
     {"Invoke-RestMethod and Invoke-WebRequest add \"Content-Length: 0\" to GET: PowerShell issue "
      "15186",
      "Update PowerShell to a release that has pull request 16587 (merged in December 2021)."}},
    {"GetHeadZeroContentLength",
     "http.rb/",
     {"http.rb adds \"Content-Length: 0\" to GET: httprb/http issue 487",
      "Update the gem \"http\" to a release that has pull request 684 (of August 2021)."}},
    {"GetHeadZeroContentLength",
     NULL,
     {"No user agent, so perhaps a health check: HAProxy's sent \"Content-Length: 0\", haproxy "
      "issue 2026 (fixed)",
      "See what runs at that address. Update HAProxy, or set the check's headers by hand."}},
    {"UndefinedContentLengthSemantics",
     "Go-http-client",
     {"A Go program sends a body with GET or HEAD; terraform-provider-harbor sends the text "
      "\"null\": issue 467",
      "If it is Terraform: update the provider (pull request 472). Else send no body with GET."}},
};

/* For the two "Undefined" reasons the guide of 2020 to 2023 said the reverse ("there is no
 * Content-Length header"). SuspiciousTeClPresent was in no guide that was seen: it comes from pull
 * request 16 of http-desync-guardian, June 2026. */
static const struct {
    const char *reason;
    struct client_advice advice;
} reasons[] = {
    {"GetHeadZeroContentLength",
     {"GET or HEAD with \"Content-Length: 0\"",
      "Update the client's HTTP library, or have it leave the header out where there is no body."}},
    {"NonCompliantHeader",
     {"A header with a control character or one beyond ASCII",
      "Encode the value (percent or Base64) in the client."}},
    {"NonCompliantVersion",
     {"A request line with extra blanks, or a version that is not HTTP/1.0 or HTTP/1.1",
      "Often a hand-made client, a probe or an old monitor: have it send HTTP/1.1 after one "
      "blank."}},
    {"SpaceInUri",
     {"A blank in the URL that is not encoded",
      "Encode it as %20 where the URL is built; look for links and redirects with blanks, too."}},
    {"AmbiguousUri",
     {"A control character in the URL",
      "Encode the URL in the client; from unknown addresses it is mostly a scanner."}},
    {"BothTeClPresent",
     {"Transfer-Encoding and Content-Length together",
      "Have the client, or a proxy before the load balancer, send only one of them. It is also "
      "what "
      "request smuggling looks like."}},
    {"DuplicateContentLength",
     {"Content-Length twice, with the same value",
      "Set the header once: often both the code and its HTTP library do, or a proxy adds one."}},
    {"EmptyHeader",
     {"A header without a name, or a line of blanks among the headers",
      "Have the client leave out the header that it has no name for."}},
    {"SuspiciousHeader",
     {"A header that some servers read as Transfer-Encoding or Content-Length",
      "Rename it in the client (an underscore in the place of a dash is enough to be taken for "
      "it)."}},
    {"UndefinedContentLengthSemantics",
     {"GET or HEAD with a body",
      "Send no body with GET or HEAD; use POST where there must be one."}},
    {"UndefinedTransferEncodingSemantics",
     {"GET or HEAD with Transfer-Encoding, or Transfer-Encoding in HTTP/1.0",
      "Send no body with GET or HEAD; use POST, or HTTP/1.1."}},
    {"BadContentLength",
     {"Content-Length that is no number",
      "A broken client or an attack: repair the client; an attack is better blocked."}},
    {"BadHeader",
     {"A NUL or a carriage return within a header",
      "A broken client or an attack: repair the client; an attack is better blocked."}},
    {"BadMethod",
     {"A method that HTTP does not allow",
      "Mostly scanners and other protocols on this port: better blocked."}},
    {"BadTransferEncoding",
     {"An unknown Transfer-Encoding",
      "A broken client or an attack: repair the client; an attack is better blocked."}},
    {"BadUri", {"A NUL or a carriage return within the URL", "Mostly scanners: better blocked."}},
    {"BadVersion",
     {"A version that HTTP does not know",
      "Mostly scanners and other protocols on this port: better blocked."}},
    {"MultipleContentLength",
     {"Content-Length twice, with different values",
      "A broken client or an attack: repair the client; an attack is better blocked."}},
    {"MultipleTransferEncodingChunked",
     {"\"Transfer-Encoding: chunked\" more than once",
      "Often a proxy that adds its own: have it pass on one. Else an attack, better blocked."}},
    {"SuspiciousTeClPresent",
     {"Headers that some servers read as both Transfer-Encoding and Content-Length",
      "What request smuggling looks like: better blocked. Rename the headers if the client is "
      "yours."}},
};

static bool is_agent(str user_agent, const char *part) {
    bool is_none = str_is_empty(user_agent) || str_eq(user_agent, STR("-"));
    return part == NULL ? is_none : str_contains_ignore_case(user_agent, str_from_cstr(part));
}

/* A client that is known explains more than its reason does, so the clients are asked first. */
struct client_advice client_advice_for(str reason, str user_agent) {
    for (size_t i = 0; i < ARRAY_COUNT(clients); i++) {
        if (str_eq(reason, str_from_cstr(clients[i].reason)) &&
            is_agent(user_agent, clients[i].agent)) {
            return clients[i].advice;
        }
    }
    for (size_t i = 0; i < ARRAY_COUNT(reasons); i++) {
        if (str_eq(reason, str_from_cstr(reasons[i].reason))) {
            return reasons[i].advice;
        }
    }
    return (struct client_advice){
        "A reason that this version does not know",
        "Look it up in AWS's user guide, \"Classification reasons\", and at a request of that "
        "client."};
}
