/* SPDX-License-Identifier: Apache-2.0
 *
 * The floor under every start: a static program that does nothing but ask the Runtime API for an
 * event, by raw socket. What it takes is the kernel's exec, libc's start and one TCP connection.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* "127.0.0.1:9001" */
static int connect_to(const char *runtime_api) {
    char host[16] = "";
    const char *colon = strchr(runtime_api, ':');
    if (colon == NULL || (size_t)(colon - runtime_api) >= sizeof(host)) {
        return -1;
    }
    memcpy(host, runtime_api, (size_t)(colon - runtime_api));
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_port = htons((unsigned short)strtoul(colon + 1, NULL, 10));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || inet_pton(AF_INET, host, &address.sin_addr) != 1 ||
        connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        return -1;
    }
    return fd;
}

int main(void) {
    static const char request[] = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n"
                                  "Host: 127.0.0.1\r\n\r\n";
    const char *runtime_api = getenv("AWS_LAMBDA_RUNTIME_API");
    int fd = runtime_api == NULL ? -1 : connect_to(runtime_api);
    char byte;
    if (fd < 0 || write(fd, request, sizeof(request) - 1) != (ssize_t)sizeof(request) - 1) {
        return EXIT_FAILURE;
    }
    return read(fd, &byte, 1) == 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
