/* A load that one core of C makes, and the fastest servers that are easy to write.

     load echo        every connection keeps messages in flight; prints messages per second
     load broadcast   the first connection sends, all receive; prints deliveries per second
     load handshakes  connects, upgrades, closes, again and again; prints handshakes per second
     load hold        opens as many connections as each line of its input says, and prints the
                      number when they are open; each has sent a frame and seen the reply
     load serve-bytes, serve-echo, serve-broadcast
                      prints its port; sends back bytes, or messages, or messages to everyone

   Options are NAME=VALUE: port, connections (handshakes: at a time), in_flight, jammed (more
   connections that never read), seconds, warm_up, tls=1, certificate (of a server), and files:
   request (the HTTP upgrade; without it the load talks bytes), frames (sent in turn), replies
   (in the same order; with exact=0 only their first bytes count: compression makes the rest).

   It fails, with a line on stderr, when a reply is not what it should be, and when nothing at
   all has come for a while. */

#include "common.h"

#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct options options = {.connections = 1, .in_flight = 1, .exact = 1, .seconds = 1};
unsigned char buffer[BUFFER];

void die(const char *format, ...) {
    va_list rest;
    int error = errno;
    va_start(rest, format);
    vfprintf(stderr, format, rest);
    va_end(rest);
    fprintf(stderr, error ? ": %s\n" : "\n", strerror(error));
    exit(1);
}

double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

struct sockaddr_in loopback(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

void no_delay(int fd) {
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
}

void watch(int epoll, int fd, int what, void *who) {
    struct epoll_event event = {.events = what, .data.ptr = who};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) die("epoll_ctl");
}

static void read_option(const char *argument) {
    const struct {
        const char *name;
        int *number;
        double *seconds;
        const char **text;
    } known[] = {
        {"port", .number = &options.port},
        {"connections", .number = &options.connections},
        {"in_flight", .number = &options.in_flight},
        {"jammed", .number = &options.jammed},
        {"tls", .number = &options.tls},
        {"exact", .number = &options.exact},
        {"seconds", .seconds = &options.seconds},
        {"warm_up", .seconds = &options.warm_up},
        {"request", .text = &options.request},
        {"frames", .text = &options.frames},
        {"replies", .text = &options.replies},
        {"certificate", .text = &options.certificate},
    };
    const char *value = strchr(argument, '=');
    size_t length = value ? (size_t)(value - argument) : 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strlen(known[i].name) != length || strncmp(known[i].name, argument, length)) continue;
        if (known[i].number) *known[i].number = atoi(value + 1);
        if (known[i].seconds) *known[i].seconds = atof(value + 1);
        if (known[i].text) *known[i].text = value + 1;
        return;
    }
    die("load: unknown option %s", argument);
}

int main(int argc, char **argv) {
    const char *mode = argc > 1 ? argv[1] : "";
    errno = 0;
    signal(SIGPIPE, SIG_IGN);
    for (int i = 2; i < argc; i++) read_option(argv[i]);
    if (!strcmp(mode, "echo"))
        echo();
    else if (!strcmp(mode, "broadcast"))
        broadcast();
    else if (!strcmp(mode, "handshakes"))
        handshakes();
    else if (!strcmp(mode, "hold"))
        hold();
    else if (!strncmp(mode, "serve-", 6))
        serve(mode + 6);
    else
        die("load: unknown mode %s", mode);
}
