/* What all parts of the load share. */

#ifndef COMMON_H
#define COMMON_H

#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

enum { EVENTS = 256, BUFFER = 1 << 18 };

/* What the command line says; Python, which calls this program, sees to it that it makes sense. */
struct options {
    int port, connections, in_flight, jammed, tls, exact;
    double seconds, warm_up;
    const char *request, *frames, *replies, *certificate;
};

extern struct options options;
extern unsigned char buffer[BUFFER];

void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
double now(void);
struct sockaddr_in loopback(int port);
void no_delay(int fd);
void watch(int epoll, int fd, int what, void *who);

/* The modes; see main.c. */
void echo(void);
void broadcast(void);
void handshakes(void);
void hold(void);
void serve(const char *what);

#endif
