#include "connection.h"

#include "common.h"

#include <stdlib.h>

enum { ANSWER = 4096, SOURCES = 200, SMALL = 4096 };

/* Each address has 28,000 ports, and a closed connection blocks its port for a minute. */
static void choose_source(int fd) {
    static int turn;
    struct sockaddr_in address = loopback(0);
    if (!turn) turn = getpid();
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + turn++ % SOURCES);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){1}, sizeof(int));
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) die("bind");
}

void connection_start(struct connection *c, int epoll, int jammed) {
    struct sockaddr_in address = loopback(options.port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0) die("socket");
    choose_source(fd);
    no_delay(fd);
    if (jammed) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){SMALL}, sizeof(int));
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)
        die("connect");
    *c = (struct connection){.transport = transport_on(fd, CLIENT)};
    watch(epoll, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, c);
}

static void ask(struct connection *c) {
    static unsigned char *request;
    static size_t size;
    if (!request) request = read_whole(options.request, &size);
    ssize_t sent = transport_send(&c->transport, request, size);
    if (sent < 0 && errno == EAGAIN) return; /* still connecting */
    if (sent != (ssize_t)size) die("the upgrade could not be sent");
    c->asked = 1;
    c->answer = calloc(1, ANSWER + 1);
}

static void read_answer(struct connection *c) {
    ssize_t got = transport_receive(&c->transport, c->answer + c->answered, ANSWER - c->answered);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) die("the server closed the connection instead of answering the upgrade");
    c->answered += got;
    char *end = strstr(c->answer, "\r\n\r\n");
    if (!end && c->answered < ANSWER) return;
    errno = 0;
    if (strncmp(c->answer, "HTTP/1.1 101", 12)) die("the server answered %.12s", c->answer);
    if (!end || end + 4 != c->answer + c->answered) die("more than an answer to the upgrade");
    free(c->answer);
    c->answer = NULL;
    c->state = OPEN;
}

static int is_connected(int fd) {
    int error = 0;
    struct sockaddr_in peer;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &(socklen_t){sizeof error});
    if ((errno = error)) die("connect");
    return !getpeername(fd, (struct sockaddr *)&peer, &(socklen_t){sizeof peer});
}

void connection_advance(struct connection *c) {
    if (!c->asked && (!is_connected(c->transport.fd) || !transport_ready(&c->transport))) return;
    if (!options.request) {
        c->state = OPEN;
        return;
    }
    if (!c->asked) ask(c);
    if (c->asked) read_answer(c);
}

void connection_say_goodbye(struct connection *c) {
    static const unsigned char frame[] = {0x88, 0x82, 0, 0, 0, 0, 1000 >> 8, 1000 & 0xff};
    if (options.request)
        transport_send(&c->transport, frame, sizeof frame);
    else
        shutdown(c->transport.fd, SHUT_WR);
    c->state = CLOSING;
    connection_discard(c);
}

void connection_discard(struct connection *c) {
    ssize_t got;
    while ((got = transport_receive(&c->transport, buffer, BUFFER)) > 0) {}
    if (got < 0 && errno == EAGAIN) return;
    transport_close(&c->transport);
    c->state = GONE;
}
