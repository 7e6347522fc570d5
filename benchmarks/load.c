/* A load that one core of C makes: every connection keeps a number of messages in flight.

     load websocket PORT CONNECTIONS SIZE IN_FLIGHT SECONDS   masked binary frames, echoed
     load bytes     PORT CONNECTIONS SIZE IN_FLIGHT SECONDS   the same bytes, no WebSocket
     load server                                              the least an echo server can do

   The first two print messages per second, and fail on a reply that is not what was sent. The
   server prints its port. */

#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, BUFFER = 1 << 18 };
static const double WARM_UP = 0.5;
static const unsigned char MASK[4] = {0x37, 0xfa, 0x21, 0x3d};

struct connection {
    int fd;
    size_t unsent; /* bytes of frames that are due */
    size_t at;     /* place in the frame that is being sent */
    size_t seen;   /* place in the reply that is being received */
};

static unsigned char buffer[BUFFER];
static unsigned char *frames, *reply; /* `in_flight` frames in a row; one reply */
static size_t frame_size, reply_size, in_flight;
static long replies, waiting; /* replies seen; those to come, once `ending` */
static int ending;

static void die(const char *format, ...) {
    va_list rest;
    va_start(rest, format);
    vfprintf(stderr, format, rest);
    va_end(rest);
    fprintf(stderr, errno ? ": %s\n" : "\n", strerror(errno));
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static struct sockaddr_in loopback(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static void no_delay(int fd) {
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
}

static void watch(int epoll, int fd, int what, struct connection *c) {
    struct epoll_event event = {.events = what, .data.ptr = c};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) die("epoll_ctl");
}

/* Writes a frame's header [RFC 6455 5.2] and gives its length. */
static size_t header(unsigned char *out, size_t size, int masked) {
    unsigned char bit = masked ? 0x80 : 0;
    size_t length = size < 126 ? 2 : size < 65536 ? 4 : 10;
    out[0] = 0x82;
    out[1] = bit | (length == 2 ? size : length == 4 ? 126 : 127);
    for (size_t i = length; i > 2; i--, size >>= 8) out[i - 1] = size & 0xff;
    if (masked) memcpy(out + length, MASK, 4);
    return length + (masked ? 4 : 0);
}

static void make_frames(size_t size, int websocket) {
    unsigned char *frame = malloc(size + 14);
    size_t start = header(frame, size, 1);
    frame_size = start + size;
    for (size_t i = 0; i < size; i++) frame[start + i] = (unsigned char)(i * 7) ^ MASK[i % 4];
    frames = malloc(frame_size * in_flight);
    for (size_t i = 0; i < in_flight; i++) memcpy(frames + i * frame_size, frame, frame_size);
    if (!websocket) {
        reply = frame;
        reply_size = frame_size;
        return;
    }
    reply = malloc(size + 14);
    start = header(reply, size, 0);
    reply_size = start + size;
    for (size_t i = 0; i < size; i++) reply[start + i] = (unsigned char)(i * 7);
}

static void upgrade(int fd) {
    static const char request[] =
        "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    char head[4096];
    size_t got = 0;
    if (send(fd, request, sizeof request - 1, 0) < 0) die("send");
    while (got < 4 || memcmp(head + got - 4, "\r\n\r\n", 4))
        if (got == sizeof head || recv(fd, head + got++, 1, 0) != 1) die("no answer to the upgrade");
    if (memcmp(head, "HTTP/1.1 101", 12)) die("the server answered %.12s", head);
}

static void send_due(struct connection *c) {
    while (c->unsent) {
        size_t room = in_flight * frame_size - c->at;
        size_t part = c->unsent < room ? c->unsent : room;
        ssize_t sent = send(c->fd, frames + c->at, part, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) return;
        if (sent < 0) die("send");
        c->unsent -= sent;
        c->at = (c->at + sent) % frame_size;
    }
}

static void receive(struct connection *c) {
    ssize_t got;
    do {
        got = recv(c->fd, buffer, BUFFER, MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) die("the server closed the connection");
        for (ssize_t at = 0; at < got;) {
            size_t rest = reply_size - c->seen, here = got - at;
            size_t part = rest < here ? rest : here;
            if (memcmp(buffer + at, reply + c->seen, part)) die("a reply is not what was sent");
            at += part;
            c->seen += part;
            if (c->seen == reply_size) {
                c->seen = 0;
                replies++;
                if (ending)
                    waiting--;
                else
                    c->unsent += frame_size;
            }
        }
    } while (got == BUFFER);
}

static struct connection *open_connection(int port, int websocket) {
    struct sockaddr_in address = loopback(port);
    struct connection *c = calloc(1, sizeof *c);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0) die("connect");
    no_delay(c->fd);
    if (websocket) upgrade(c->fd);
    c->unsent = in_flight * frame_size;
    return c;
}

/* Ends as a good peer does, so that the server has nothing to complain of. */
static void close_connection(struct connection *c, int websocket) {
    static const unsigned char close_frame[] = {0x88, 0x82, 0, 0, 0, 0, 1000 >> 8, 1000 & 0xff};
    struct timeval patience = {.tv_sec = 2};
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (websocket) send(c->fd, close_frame, sizeof close_frame, MSG_NOSIGNAL);
    shutdown(c->fd, SHUT_WR);
    while (recv(c->fd, buffer, BUFFER, 0) > 0) {}
    close(c->fd);
}

/* One turn of the loop. It never sleeps: waking up would cost more than looking again. */
static void turn(int epoll) {
    struct epoll_event events[EVENTS];
    int count = epoll_wait(epoll, events, EVENTS, 0);
    for (int i = 0; i < count; i++) {
        if (events[i].events & EPOLLIN) receive(events[i].data.ptr);
        send_due(events[i].data.ptr);
    }
}

static void load(int port, int connections, double seconds, int websocket) {
    struct connection **all = calloc(connections, sizeof *all);
    int epoll = epoll_create1(0);
    for (int i = 0; i < connections; i++) {
        all[i] = open_connection(port, websocket);
        watch(epoll, all[i]->fd, EPOLLIN | EPOLLOUT | EPOLLET, all[i]);
    }
    double start, end, t;
    for (start = now(); now() < start + WARM_UP;) turn(epoll);
    long before = replies;
    for (start = now(); (t = now()) < start + seconds;) turn(epoll);
    printf("%.0f\n", (replies - before) / (t - start));
    ending = 1;
    waiting = connections * in_flight;
    for (end = now() + 5; waiting && now() < end;) turn(epoll);
    for (int i = 0; i < connections; i++) close_connection(all[i], websocket);
}

static void serve(void) {
    struct sockaddr_in address = loopback(0);
    struct epoll_event events[EVENTS];
    socklen_t length = sizeof address;
    int epoll = epoll_create1(0), listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) die("bind");
    if (listen(listener, 1024) < 0) die("listen");
    getsockname(listener, (struct sockaddr *)&address, &length);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    watch(epoll, listener, EPOLLIN, NULL);
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            struct connection *c = events[i].data.ptr;
            if (!c) {
                c = calloc(1, sizeof *c);
                c->fd = accept(listener, NULL, NULL);
                no_delay(c->fd);
                watch(epoll, c->fd, EPOLLIN, c);
                continue;
            }
            ssize_t got = recv(c->fd, buffer, BUFFER, 0);
            if (got <= 0 || send(c->fd, buffer, got, MSG_NOSIGNAL) != got) {
                close(c->fd);
                free(c);
            }
        }
    }
}

int main(int argc, char **argv) {
    if (argc == 2 && !strcmp(argv[1], "server")) serve();
    if (argc != 7) die("usage: load websocket|bytes PORT CONNECTIONS SIZE IN_FLIGHT SECONDS");
    int websocket = !strcmp(argv[1], "websocket");
    in_flight = atoi(argv[5]);
    make_frames(atoi(argv[4]), websocket);
    load(atoi(argv[2]), atoi(argv[3]), atof(argv[6]), websocket);
}
