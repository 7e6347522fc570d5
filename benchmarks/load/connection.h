/* A client's connection, from the first packet to the last. Nothing here waits. */

#ifndef CONNECTION_H
#define CONNECTION_H

#include "transport.h"
#include "wire.h"

enum state { OPENING, OPEN, CLOSING, GONE };

struct connection {
    struct transport transport;
    enum state state;
    char *answer; /* to the upgrade, while it is being read */
    size_t answered;
    int asked;
    /* sending: bytes that are due, where in the row of frames, and which frame falls due next */
    size_t unsent, at, due;
    /* receiving: a frame's header, what is left of its payload, and which reply it is */
    struct head head;
    uint64_t left;
    size_t reply;
};

void connection_start(struct connection *c, int epoll, int jammed);
void connection_advance(struct connection *c); /* until it is OPEN; call it on every event */
void connection_say_goodbye(struct connection *c);
void connection_discard(struct connection *c); /* what comes while CLOSING, until it is GONE */

#endif
