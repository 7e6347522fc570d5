/* Many connections in one event loop. */

#ifndef CROWD_H
#define CROWD_H

#include "connection.h"

struct crowd {
    struct connection *all;
    int epoll, started, open, gone, jammed;
    long replies;    /* whole frames that came and are what they should be */
    long progress;   /* all that has happened, and when something last did */
    double last_progress;
    int keeps_going; /* each reply makes its connection's next frame due */
    struct frames frames, expected;
};

void crowd_make(struct crowd *crowd, int room);
/* Opens connections until `number` are open, some at a time. */
void crowd_open(struct crowd *crowd, int number, int jammed);
/* Makes the next frame of a connection due, and sends what can be sent. */
void crowd_send(struct crowd *crowd, struct connection *c, int frames);
/* One turn of the loop. It never sleeps: waking up would cost more than looking again. */
void crowd_turn(struct crowd *crowd);
/* Turns until `replies` have come altogether. */
void crowd_wait(struct crowd *crowd, long replies);
/* Says goodbye on every connection that reads, and gives the server a while to do the same. */
void crowd_close(struct crowd *crowd);

#endif
