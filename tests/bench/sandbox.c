/* SPDX-License-Identifier: Apache-2.0
 *
 * sandbox ROUNDS [EVENT_FILE] < VARIANTS: starts functions as Lambda does, is their Runtime API,
 * and prints when what happened. Spawner, server and watch are one C process, so that what is timed
 * is the function. The rounds go over all variants in turn: a slow moment of the machine meets all.
 *
 * A variant is one line of tab-separated fields: its name, how many events it is given, its whole
 * environment as NAME=value, the program (the first field without '='), its arguments;
 * AWS_LAMBDA_RUNTIME_API is added. Each run prints one JSON line:
 *   {"name":"..","next_us":..,"next_kb":..,"next_wait_us":..,"events_us":[..],"first_cpu_us":..,
 *    "end_cpu_us":..,"end_kb":..,"end_wait_us":..}
 * next_us: from just before the spawn to the first byte of the first GET .../next; next_kb: peak
 * memory (VmHWM) then; events_us: from just before an event is sent to the last byte of what is
 * posted for it; the cpu_us: processor time of all threads since the start, once the first event
 * was posted and at the end; end_kb: peak memory at the GET .../next after the last event, which is
 * the end. The waits are how
 * long, up to then, function and sandbox were ready to run but had no processor: the mark that
 * others left on this run.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define VARIANTS_MAX    32
#define FIELDS_MAX      64
#define EVENTS_MAX      1000
#define CONNECTIONS_MAX 4
#define REQUEST_BYTES   65536
#define EVENT_BYTES_MAX 262144
/* A whole run, the slowest of which is a Python start under a tracer. */
#define RUN_MS_MAX 60000

struct variant {
    char *name;
    size_t event_count;
    char *environment[FIELDS_MAX + 2]; /* the first place is AWS_LAMBDA_RUNTIME_API's */
    char *command[FIELDS_MAX + 1];
};

struct connection {
    int fd; /* -1: free */
    size_t len;
    char bytes[REQUEST_BYTES + 1];
};

struct run {
    const struct variant *variant;
    int listener;
    pid_t pid;
    int64_t start_us;
    int64_t received_us; /* when the last bytes came in */
    bool has_asked;
    bool is_over;
    int64_t next_us;
    long next_kb;
    int64_t next_wait_us;
    int64_t start_wait_us; /* the sandbox's own, before the start */
    size_t sent_count;
    size_t posted_count;
    int64_t event_start_us;
    int64_t events_us[EVENTS_MAX];
    int64_t first_cpu_us;
    struct connection connections[CONNECTIONS_MAX];
};

static char event[EVENT_BYTES_MAX];
static size_t event_len;

static void fail(const char *what) {
    (void)fprintf(stderr, "sandbox: %s: %s\n", what, errno ? strerror(errno) : "not as expected");
    exit(EXIT_FAILURE);
}

static void must(bool condition, const char *what) {
    if (!condition) {
        fail(what);
    }
}

static int64_t now_us(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static long peak_memory_kb(pid_t pid) {
    char path[64];
    char line[256];
    long kb = 0;
    (void)snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
    FILE *file = fopen(path, "r");
    must(file != NULL, path);
    while (kb == 0 && fgets(line, sizeof(line), file) != NULL) {
        (void)sscanf(line, "VmHWM: %ld", &kb);
    }
    (void)fclose(file);
    return kb;
}

/* Ready to run, but waiting for a processor; 0 where the kernel does not count it. */
static int64_t wait_us(const char *process) {
    char path[64];
    long long run_ns = 0;
    long long wait_ns = 0;
    (void)snprintf(path, sizeof(path), "/proc/%s/schedstat", process);
    FILE *file = fopen(path, "r");
    if (file == NULL || fscanf(file, "%lld %lld", &run_ns, &wait_ns) != 2) {
        wait_ns = 0;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return wait_ns / 1000;
}

static int64_t cpu_us(pid_t pid) {
    clockid_t clock;
    struct timespec used;
    must(clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &used) == 0,
         "processor time");
    return (int64_t)used.tv_sec * 1000000 + used.tv_nsec / 1000;
}

/* The variants */

static void parse_variant(char *line, struct variant *variant) {
    size_t variable_count = 1;
    size_t word_count = 0;
    line[strcspn(line, "\n")] = '\0';
    char *rest = NULL;
    variant->name = strtok_r(line, "\t", &rest);
    char *count = strtok_r(NULL, "\t", &rest);
    must(count != NULL, "a variant without a count of events");
    variant->event_count = strtoul(count, NULL, 10);
    must(variant->event_count <= EVENTS_MAX, "too many events");
    for (char *field; (field = strtok_r(NULL, "\t", &rest)) != NULL;) {
        bool is_variable = word_count == 0 && strchr(field, '=') != NULL;
        must(variable_count < FIELDS_MAX && word_count < FIELDS_MAX, "too many fields");
        if (is_variable) {
            variant->environment[variable_count++] = field;
        } else {
            variant->command[word_count++] = field;
        }
    }
    must(word_count > 0, "a variant without a program");
}

static size_t read_variants(struct variant variants[static VARIANTS_MAX]) {
    size_t count = 0;
    size_t size = 0;
    for (char *line = NULL; getline(&line, &size, stdin) > 0; line = NULL, size = 0) {
        must(count < VARIANTS_MAX, "too many variants");
        parse_variant(line, &variants[count++]); /* keeps the line */
    }
    return count;
}

static void read_event(const char *path) {
    FILE *file = fopen(path, "r");
    must(file != NULL, path);
    event_len = fread(event, 1, sizeof(event), file);
    must(event_len > 0 && event_len < sizeof(event), path);
    (void)fclose(file);
}

/* The process */

static void spawn(struct run *run, char *runtime_api) {
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    struct variant variant = *run->variant;
    variant.environment[0] = runtime_api;
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    (void)posix_spawn_file_actions_init(&actions);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        (void)posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
    }
    run->start_wait_us = wait_us("self");
    run->start_us = now_us();
    errno = posix_spawn(&run->pid, variant.command[0], &actions, &attributes, variant.command,
                        variant.environment);
    must(errno == 0, variant.command[0]);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
}

static int64_t run_wait_us(const struct run *run) {
    char process[24];
    (void)snprintf(process, sizeof(process), "%ld", (long)run->pid);
    return wait_us(process) + wait_us("self") - run->start_wait_us;
}

static void end_process(struct run *run) {
    (void)kill(-run->pid, SIGKILL);
    must(waitpid(run->pid, NULL, 0) == run->pid, "waitpid");
}

/* The Runtime API */

static void send_all(int fd, const char *bytes, size_t len) {
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
        must(sent > 0, "send");
        bytes += sent;
        len -= (size_t)sent;
    }
}

static void send_event(struct run *run, int fd) {
    static char answer[EVENT_BYTES_MAX + 1024];
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    int head = snprintf(answer, sizeof(answer),
                        "HTTP/1.1 200 OK\r\n"
                        "Content-Type: application/json\r\n"
                        "Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-%012zu\r\n"
                        "Lambda-Runtime-Deadline-Ms: %lld\r\n"
                        "Lambda-Runtime-Invoked-Function-Arn: "
                        "arn:aws:lambda:eu-west-1:123456789012:function:desync-guard\r\n"
                        "Content-Length: %zu\r\n\r\n",
                        run->sent_count, (long long)(now.tv_sec + 60) * 1000, event_len);
    memcpy(answer + head, event, event_len);
    run->sent_count++;
    run->event_start_us = now_us();
    send_all(fd, answer, (size_t)head + event_len);
}

static void answer_next(struct run *run, int fd) {
    if (run->sent_count < run->variant->event_count) {
        send_event(run, fd);
    } else {
        run->is_over = true;
    }
}

static void answer_post(struct run *run, int fd, const char *head, const char *body) {
    static const char accepted[] = "HTTP/1.1 202 Accepted\r\n"
                                   "Content-Type: application/json\r\n"
                                   "Content-Length: 16\r\n\r\n"
                                   "{\"status\":\"OK\"}\n";
    const char *path_end = strstr(head, " HTTP/1.1");
    bool is_success = path_end != NULL && path_end - head > 9 &&
                      memcmp(path_end - 9, "/response", 9) == 0 && run->posted_count < EVENTS_MAX;
    if (!is_success) {
        errno = 0;
        (void)fprintf(stderr, "%s posted: %.*s\n%s\n", run->variant->name, 80, head, body);
        end_process(run);
        fail("a function did not succeed");
    }
    run->events_us[run->posted_count++] = run->received_us - run->event_start_us;
    run->first_cpu_us = run->posted_count == 1 ? cpu_us(run->pid) : run->first_cpu_us;
    send_all(fd, accepted, sizeof(accepted) - 1);
}

static const char *header(const char *head, const char *body, const char *name) {
    const char *found = strcasestr(head, name);
    return found != NULL && found < body ? found + strlen(name) : NULL;
}

/* Trailers, which nobody sends, aside. */
static bool has_last_chunk(const char *body, size_t len) {
    static const char last[] = "0\r\n\r\n";
    size_t last_len = sizeof(last) - 1;
    return len >= last_len && memcmp(body + len - last_len, last, last_len) == 0 &&
           (len == last_len || body[len - last_len - 1] == '\n');
}

static bool is_whole(const struct connection *connection, const char *body) {
    const char *length = header(connection->bytes, body, "\r\nContent-Length:");
    size_t got = connection->len - (size_t)(body - connection->bytes);
    if (header(connection->bytes, body, "\r\nTransfer-Encoding: chunked") != NULL) {
        return has_last_chunk(body, got);
    }
    return got >= (length != NULL ? strtoul(length, NULL, 10) : 0);
}

/* Answers the request in `connection` when it is whole. */
static void answer(struct run *run, struct connection *connection) {
    connection->bytes[connection->len] = '\0';
    char *body = strstr(connection->bytes, "\r\n\r\n");
    if (body == NULL || !is_whole(connection, body + 4)) {
        return;
    }
    body += 4;
    connection->len = 0;
    if (memcmp(connection->bytes, "GET ", 4) == 0) {
        answer_next(run, connection->fd);
    } else {
        answer_post(run, connection->fd, connection->bytes, body);
    }
}

static void read_connection(struct run *run, struct connection *connection) {
    ssize_t got = recv(connection->fd, connection->bytes + connection->len,
                       REQUEST_BYTES - connection->len, 0);
    run->received_us = now_us();
    if (got <= 0) {
        (void)close(connection->fd);
        connection->fd = -1;
        return;
    }
    if (!run->has_asked) {
        run->has_asked = true;
        run->next_us = run->received_us - run->start_us;
        run->next_kb = peak_memory_kb(run->pid);
        run->next_wait_us = run_wait_us(run);
    }
    connection->len += (size_t)got;
    answer(run, connection);
}

static void accept_connection(struct run *run) {
    int on = 1;
    size_t i = 0;
    while (i < CONNECTIONS_MAX && run->connections[i].fd >= 0) {
        i++;
    }
    must(i < CONNECTIONS_MAX, "too many connections");
    run->connections[i].fd = accept(run->listener, NULL, NULL);
    run->connections[i].len = 0;
    must(run->connections[i].fd >= 0, "accept");
    (void)setsockopt(run->connections[i].fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* Until the function asks for an event and there is none left. */
static void serve(struct run *run) {
    while (!run->is_over) {
        struct pollfd polled[CONNECTIONS_MAX + 1] = {{run->listener, POLLIN, 0}};
        for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
            polled[i + 1] = (struct pollfd){run->connections[i].fd, POLLIN, 0};
        }
        int ready = poll(polled, CONNECTIONS_MAX + 1, RUN_MS_MAX);
        if (ready <= 0) {
            end_process(run);
            fail(run->variant->name);
        }
        for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
            if (polled[i + 1].revents != 0) {
                read_connection(run, &run->connections[i]);
            }
        }
        if (polled[0].revents != 0) {
            accept_connection(run);
        }
    }
}

static void print_run(const struct run *run) {
    (void)printf("{\"name\":\"%s\",\"next_us\":%lld,\"next_kb\":%ld,\"next_wait_us\":%lld,"
                 "\"events_us\":[",
                 run->variant->name, (long long)run->next_us, run->next_kb,
                 (long long)run->next_wait_us);
    for (size_t i = 0; i < run->posted_count; i++) {
        (void)printf("%s%lld", i == 0 ? "" : ",", (long long)run->events_us[i]);
    }
    (void)printf("],\"first_cpu_us\":%lld,\"end_cpu_us\":%lld,\"end_kb\":%ld,"
                 "\"end_wait_us\":%lld}\n",
                 (long long)run->first_cpu_us, (long long)cpu_us(run->pid),
                 peak_memory_kb(run->pid), (long long)run_wait_us(run));
}

static void run_variant(const struct variant *variant, int listener, char *runtime_api) {
    static struct run run;
    run = (struct run){.variant = variant, .listener = listener};
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        run.connections[i].fd = -1;
    }
    spawn(&run, runtime_api);
    serve(&run);
    print_run(&run);
    end_process(&run);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        if (run.connections[i].fd >= 0) {
            (void)close(run.connections[i].fd);
        }
    }
}

static int listen_on_loopback(char *runtime_api, size_t size) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0 && bind(fd, (struct sockaddr *)&address, len) == 0 && listen(fd, 16) == 0 &&
             getsockname(fd, (struct sockaddr *)&address, &len) == 0,
         "listen");
    (void)snprintf(runtime_api, size, "AWS_LAMBDA_RUNTIME_API=127.0.0.1:%d",
                   ntohs(address.sin_port));
    return fd;
}

int main(int argc, char **argv) {
    static struct variant variants[VARIANTS_MAX];
    char runtime_api[64];
    must(argc >= 2, "usage: sandbox ROUNDS [EVENT_FILE] < VARIANTS");
    unsigned long rounds = strtoul(argv[1], NULL, 10);
    if (argc > 2) {
        read_event(argv[2]);
    }
    size_t count = read_variants(variants);
    int listener = listen_on_loopback(runtime_api, sizeof(runtime_api));
    for (unsigned long round = 0; round < rounds; round++) {
        for (size_t i = 0; i < count; i++) {
            run_variant(&variants[(round + i) % count], listener, runtime_api);
        }
    }
    return EXIT_SUCCESS;
}
