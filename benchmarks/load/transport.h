/* A connected socket, plain or TLS (OpenSSL, when compiled WITH_OPENSSL). */

#ifndef TRANSPORT_H
#define TRANSPORT_H

#include <sys/types.h>

struct transport {
    int fd;
    void *tls; /* NULL: plain */
};

enum role { CLIENT, SERVER };

/* Takes a non-blocking, connected (or connecting) socket; TLS if the options say so. */
struct transport transport_on(int fd, enum role role);
int transport_ready(struct transport *t); /* 0: the TLS handshake waits for the peer */
/* -1 with errno EAGAIN when it has to wait; receiving gives 0 at the end of the stream */
ssize_t transport_send(struct transport *t, const void *data, size_t size);
ssize_t transport_receive(struct transport *t, void *data, size_t size);
void transport_close(struct transport *t);

#endif
