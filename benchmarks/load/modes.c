/* What the load does, mode by mode; main.c says what each is for. */

#include "common.h"
#include "crowd.h"

#include <stdio.h>
#include <stdlib.h>

/* Turns for so long, and until anything has come at all. */
static void turn(struct crowd *crowd, double seconds, void (*each_turn)(struct crowd *)) {
    long before = crowd->replies;
    for (double end = now() + seconds; now() < end || crowd->replies == before;) {
        crowd_turn(crowd);
        if (each_turn) each_turn(crowd);
    }
}

/* Lets it warm up, and prints what then comes in a second. */
static void measure(struct crowd *crowd, void (*each_turn)(struct crowd *)) {
    turn(crowd, options.warm_up, each_turn);
    long before = crowd->replies;
    double start = now();
    turn(crowd, options.seconds, each_turn);
    printf("%.0f\n", (crowd->replies - before) / (now() - start));
}

void echo(void) {
    struct crowd crowd;
    crowd_make(&crowd, options.connections);
    crowd_open(&crowd, options.connections, 0);
    crowd.keeps_going = 1;
    for (int i = 0; i < options.connections; i++)
        crowd_send(&crowd, &crowd.all[i], options.in_flight);
    measure(&crowd, NULL);
    crowd.keeps_going = 0;
    crowd_close(&crowd);
}

/* A message is sent for each that everyone has, so that the server has some on their way. */
static void trigger(struct crowd *crowd) {
    static long sent;
    long due = options.in_flight + crowd->replies / options.connections - sent;
    if (due <= 0) return;
    sent += due;
    crowd_send(crowd, &crowd->all[0], due);
}

void broadcast(void) {
    struct crowd crowd;
    crowd_make(&crowd, options.connections + options.jammed);
    crowd_open(&crowd, options.connections, 0);
    crowd_open(&crowd, options.connections + options.jammed, 1);
    trigger(&crowd);
    measure(&crowd, trigger);
    crowd_close(&crowd);
}

/* Says goodbye on what is open, and starts anew, as long as `goes_on`, what has gone. Gives how
   many are neither. */
static int come_and_go(struct crowd *crowd, int goes_on) {
    int busy = 0;
    crowd_turn(crowd);
    for (int i = 0; i < options.connections; i++) {
        struct connection *c = &crowd->all[i];
        if (c->state == OPEN) connection_say_goodbye(c);
        if (c->state == GONE && goes_on) connection_start(c, crowd->epoll, 0);
        busy += c->state != GONE;
    }
    return busy;
}

void handshakes(void) {
    struct crowd crowd;
    double t, start;
    crowd_make(&crowd, options.connections);
    for (int i = 0; i < options.connections; i++) connection_start(&crowd.all[i], crowd.epoll, 0);
    for (start = now(); now() < start + options.warm_up;) come_and_go(&crowd, 1);
    int before = crowd.open;
    for (start = now(); (t = now()) < start + options.seconds;) come_and_go(&crowd, 1);
    printf("%.0f\n", (crowd.open - before) / (t - start));
    while (come_and_go(&crowd, 0)) {}
}

void hold(void) {
    struct crowd crowd;
    char line[32];
    crowd_make(&crowd, options.connections);
    while (fgets(line, sizeof line, stdin)) {
        int before = crowd.open, number = atoi(line);
        crowd_open(&crowd, number, 0);
        for (int i = before; options.frames && i < number; i++) crowd_send(&crowd, &crowd.all[i], 1);
        if (options.frames) crowd_wait(&crowd, number);
        printf("%d\n", number);
        fflush(stdout);
    }
}
