/* Servers that do as little as can be: they show what the load can do, and serve the clients. */

#include "common.h"
#include "transport.h"
#include "wire.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef WITH_OPENSSL
#include <openssl/evp.h>
#endif

enum { INPUT = 1 << 16 };

struct guest {
    struct transport transport;
    int upgraded, place;
    size_t got;
    unsigned char *input; /* of WebSockets: what has come and is not a whole frame yet */
};

static struct guest *guests[1 << 15];
static int guest_count, everyone; /* 1: a message goes to all */

static void leave(struct guest *guest) {
    guests[guest->place] = guests[--guest_count];
    guests[guest->place]->place = guest->place;
    transport_close(&guest->transport);
    free(guest->input);
    free(guest);
}

/* Sends all of it, and waits where it has to: these servers do nothing else meanwhile. */
static void send_whole(struct guest *guest, const unsigned char *data, size_t size) {
    while (size) {
        ssize_t sent = transport_send(&guest->transport, data, size);
        if (sent < 0 && errno == EAGAIN)
            poll(&(struct pollfd){guest->transport.fd, POLLOUT, 0}, 1, -1);
        else if (sent < 0)
            return; /* who is gone is noticed when reading */
        else {
            data += sent;
            size -= sent;
        }
    }
}

#ifdef WITH_OPENSSL
/* Answers the upgrade [RFC 6455 4.2.2]. */
static void upgrade(struct guest *guest) {
    static const char name[] = "sec-websocket-key:", magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char digest[EVP_MAX_MD_SIZE], accept[64];
    char text[128], answer[256];
    guest->input[guest->got < INPUT ? guest->got : INPUT - 1] = 0;
    if (!strstr((char *)guest->input, "\r\n\r\n")) return;
    char *key = strcasestr((char *)guest->input, name);
    if (!key) die("no key in the upgrade");
    key += sizeof name - 1;
    key += strspn(key, " ");
    snprintf(text, sizeof text, "%.24s%s", key, magic);
    EVP_Digest(text, strlen(text), digest, NULL, EVP_sha1(), NULL);
    EVP_EncodeBlock(accept, digest, 20);
    snprintf(answer, sizeof answer,
             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Accept: %s\r\n\r\n", accept);
    send_whole(guest, (unsigned char *)answer, strlen(answer));
    guest->upgraded = 1;
    guest->got = 0;
}
#else
static void upgrade(struct guest *guest) {
    (void)guest;
    die("WebSocket: compiled without OpenSSL");
}
#endif

/* Unmasks a frame where it stands and sends it back; 0 after a Close. */
static int reply(struct guest *guest, const struct head *head, unsigned char *payload) {
    unsigned char out[HEAD + INPUT];
    const unsigned char *mask = head->bytes + head->size - 4;
    size_t size = head_write(out, head->bytes[0], head->payload);
    for (size_t i = 0; i < head->payload; i++) out[size + i] = payload[i] ^ mask[i % 4];
    size += head->payload;
    int closes = (head->bytes[0] & 15) == 8;
    for (int i = 0; everyone && !closes && i < guest_count; i++)
        if (guests[i]->upgraded) send_whole(guests[i], out, size);
    if (!everyone || closes) send_whole(guest, out, size);
    return !closes;
}

static int talk(struct guest *guest) {
    size_t at = 0;
    if (!guest->upgraded) upgrade(guest);
    while (guest->upgraded) {
        struct head head = {0};
        size_t start = at + head_take(&head, guest->input + at, guest->got - at);
        if (!head_whole(&head) || guest->got - start < head.payload) break;
        if (!reply(guest, &head, guest->input + start)) return 0;
        at = start + head.payload;
    }
    memmove(guest->input, guest->input + at, guest->got - at);
    guest->got -= at;
    return 1;
}

/* 0: it has gone. */
static int listen_to(struct guest *guest, int websocket) {
    unsigned char *into = websocket ? guest->input + guest->got : buffer;
    ssize_t got;
    if (!transport_ready(&guest->transport)) return 1;
    while ((got = transport_receive(&guest->transport, into,
                                    websocket ? INPUT - guest->got : BUFFER)) > 0) {
        if (!websocket) {
            send_whole(guest, buffer, got);
        } else {
            guest->got += got;
            if (!talk(guest)) return 0;
            into = guest->input + guest->got;
        }
        if (!guest->transport.tls) return 1;
    }
    return got < 0 && errno == EAGAIN;
}

static void welcome(int epoll, int listener, int websocket) {
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct guest *guest = calloc(1, sizeof *guest);
        no_delay(fd);
        guest->transport = transport_on(fd, SERVER);
        guest->place = guest_count;
        if (websocket) guest->input = malloc(INPUT);
        guests[guest_count++] = guest;
        watch(epoll, fd, EPOLLIN, guest);
    }
}

void serve(const char *what) {
    int websocket = strcmp(what, "bytes");
    struct sockaddr_in address = loopback(0);
    struct epoll_event events[EVENTS];
    int epoll = epoll_create1(0), listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    everyone = !strcmp(what, "broadcast");
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) die("bind");
    if (listen(listener, 1024) < 0) die("listen");
    getsockname(listener, (struct sockaddr *)&address, &(socklen_t){sizeof address});
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    watch(epoll, listener, EPOLLIN, NULL);
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            struct guest *guest = events[i].data.ptr;
            if (!guest)
                welcome(epoll, listener, websocket);
            else if (!listen_to(guest, websocket))
                leave(guest);
        }
    }
}
