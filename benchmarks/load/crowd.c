#include "crowd.h"

#include "common.h"

#include <stdlib.h>

enum { AT_A_TIME = 64 }; /* that are being opened */
static const double PATIENCE = 8, GOODBYE = 5; /* seconds */

void crowd_make(struct crowd *crowd, int room) {
    *crowd = (struct crowd){.epoll = epoll_create1(0), .last_progress = now()};
    crowd->all = calloc(room, sizeof *crowd->all);
    if (options.frames) crowd->frames = frames_read(options.frames);
    if (options.replies) crowd->expected = frames_read(options.replies);
}

static void send_due(struct crowd *crowd, struct connection *c) {
    const struct frames *frames = &crowd->frames;
    while (c->unsent) {
        size_t room = frames->size - c->at;
        size_t part = c->unsent < room ? c->unsent : room;
        ssize_t sent = transport_send(&c->transport, frames->bytes + c->at, part);
        if (sent < 0 && errno == EAGAIN) return;
        if (sent < 0) die("send");
        c->unsent -= sent;
        c->at = (c->at + sent) % frames->size;
    }
}

static void fall_due(struct crowd *crowd, struct connection *c) {
    c->unsent += crowd->frames.each[c->due].end - crowd->frames.each[c->due].start;
    c->due = (c->due + 1) % crowd->frames.count;
}

void crowd_send(struct crowd *crowd, struct connection *c, int frames) {
    while (frames--) fall_due(crowd, c);
    send_due(crowd, c);
}

static int is_control(const struct connection *c) {
    return options.request && c->head.bytes[0] & 8;
}

static void check_head(struct crowd *crowd, struct connection *c) {
    const struct frames *expected = &crowd->expected;
    errno = 0;
    if (is_control(c)) {
        if ((c->head.bytes[0] & 15) == 8) die("the server closed the WebSocket");
        return; /* a ping: no measurement lasts long enough to miss its pong */
    }
    if (!expected->count) die("a message came that nobody asked for");
    size_t start = expected->each[c->reply].start;
    size_t size = expected->each[c->reply].payload - start;
    if (options.exact ? c->head.size != size || memcmp(c->head.bytes, expected->bytes + start, size)
                      : c->head.bytes[0] != expected->bytes[start])
        die("a reply's header is not what it should be");
}

static void check_payload(struct crowd *crowd, struct connection *c, const unsigned char *data,
                          size_t size) {
    const unsigned char *end = crowd->expected.bytes + crowd->expected.each[c->reply].end;
    errno = 0;
    if (memcmp(data, end - c->left, size)) die("a reply is not what was sent");
}

static void end_frame(struct crowd *crowd, struct connection *c) {
    int counts = !is_control(c);
    c->head.got = 0;
    if (!counts) return;
    c->reply = (c->reply + 1) % crowd->expected.count;
    crowd->replies++;
    if (crowd->keeps_going) fall_due(crowd, c);
}

static void take(struct crowd *crowd, struct connection *c, const unsigned char *data, size_t size) {
    while (size) {
        size_t part;
        if (!head_whole(&c->head)) {
            part = head_take(&c->head, data, size);
            if (!head_whole(&c->head)) return;
            check_head(crowd, c);
            c->left = c->head.payload;
        } else {
            part = c->left < size ? c->left : size;
            if (options.exact && !is_control(c)) check_payload(crowd, c, data, part);
            c->left -= part;
        }
        data += part;
        size -= part;
        if (!c->left) end_frame(crowd, c);
    }
}

static void receive(struct crowd *crowd, struct connection *c) {
    ssize_t got;
    do {
        got = transport_receive(&c->transport, buffer, BUFFER);
        if (got < 0 && errno == EAGAIN) return;
        if (got == 0) errno = 0;
        if (got <= 0) die("the server closed the connection");
        take(crowd, c, buffer, got);
    } while (got == BUFFER || c->transport.tls);
}

static void step(struct crowd *crowd, struct connection *c, int events) {
    if (c->state == OPENING) {
        connection_advance(c);
        crowd->open += c->state == OPEN;
    } else if (c->state == OPEN) {
        if (events & EPOLLIN) receive(crowd, c);
        send_due(crowd, c);
    } else if (c->state == CLOSING) {
        connection_discard(c);
        crowd->gone += c->state == GONE;
    }
}

void crowd_turn(struct crowd *crowd) {
    struct epoll_event events[EVENTS];
    int count = epoll_wait(crowd->epoll, events, EVENTS, 0);
    for (int i = 0; i < count; i++) step(crowd, events[i].data.ptr, events[i].events);
    long progress = crowd->replies + crowd->open + crowd->gone;
    if (progress != crowd->progress) {
        crowd->progress = progress;
        crowd->last_progress = now();
    } else if (now() > crowd->last_progress + PATIENCE) {
        errno = 0;
        die("nothing has come for %.0f seconds", PATIENCE);
    }
}

void crowd_open(struct crowd *crowd, int number, int jammed) {
    int before = crowd->started;
    crowd->last_progress = now(); /* it may have rested */
    while (crowd->open < number) {
        while (crowd->started < number && crowd->started - crowd->open < AT_A_TIME)
            connection_start(&crowd->all[crowd->started++], crowd->epoll, jammed);
        crowd_turn(crowd);
    }
    for (int i = before; jammed && i < number; i++)
        epoll_ctl(crowd->epoll, EPOLL_CTL_DEL, crowd->all[i].transport.fd, NULL);
    crowd->jammed += jammed ? number - before : 0;
}

void crowd_wait(struct crowd *crowd, long replies) {
    while (crowd->replies < replies) crowd_turn(crowd);
}

void crowd_close(struct crowd *crowd) {
    double end = now() + GOODBYE;
    int leaving = crowd->started - crowd->jammed;
    for (int i = 0; i < leaving; i++) {
        connection_say_goodbye(&crowd->all[i]);
        crowd->gone += crowd->all[i].state == GONE;
    }
    while (crowd->gone < leaving && now() < end) crowd_turn(crowd);
}
