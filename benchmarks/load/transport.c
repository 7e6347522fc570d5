#include "transport.h"

#include "common.h"

#ifdef WITH_OPENSSL
#include <openssl/err.h>
#include <openssl/ssl.h>

static SSL_CTX *make_context(enum role role) {
    SSL_CTX *context = SSL_CTX_new(role == SERVER ? TLS_server_method() : TLS_client_method());
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    if (role == CLIENT) return context;
    if (SSL_CTX_use_certificate_chain_file(context, options.certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, options.certificate, SSL_FILETYPE_PEM) != 1)
        die("%s: no certificate and key", options.certificate);
    return context;
}

struct transport transport_on(int fd, enum role role) {
    static SSL_CTX *context;
    struct transport t = {.fd = fd};
    if (!options.tls) return t;
    if (!context) context = make_context(role);
    t.tls = SSL_new(context);
    SSL_set_fd(t.tls, fd);
    if (role == SERVER)
        SSL_set_accept_state(t.tls);
    else
        SSL_set_connect_state(t.tls);
    return t;
}

/* OpenSSL's way to say it, in the kernel's words. */
static ssize_t as_errno(struct transport *t, int result) {
    if (result > 0) return result;
    int error = SSL_get_error(t->tls, result);
    if (error == SSL_ERROR_ZERO_RETURN || (error == SSL_ERROR_SYSCALL && !errno)) return 0;
    if (error == SSL_ERROR_SYSCALL) return -1;
    errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : EPROTO;
    return -1;
}

int transport_ready(struct transport *t) {
    if (!t->tls || SSL_is_init_finished(t->tls)) return 1;
    ERR_clear_error();
    if (as_errno(t, SSL_do_handshake(t->tls)) == 1) return 1;
    if (errno != EAGAIN) die("TLS handshake");
    return 0;
}

ssize_t transport_send(struct transport *t, const void *data, size_t size) {
    if (!t->tls) return send(t->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    ERR_clear_error();
    return as_errno(t, SSL_write(t->tls, data, size));
}

ssize_t transport_receive(struct transport *t, void *data, size_t size) {
    if (!t->tls) return recv(t->fd, data, size, MSG_DONTWAIT);
    ERR_clear_error();
    errno = 0;
    return as_errno(t, SSL_read(t->tls, data, size));
}

void transport_close(struct transport *t) {
    if (t->tls) SSL_free(t->tls);
    close(t->fd);
}

#else

struct transport transport_on(int fd, enum role role) {
    (void)role;
    if (options.tls) die("TLS: compiled without OpenSSL");
    return (struct transport){.fd = fd};
}

int transport_ready(struct transport *t) {
    (void)t;
    return 1;
}

ssize_t transport_send(struct transport *t, const void *data, size_t size) {
    return send(t->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

ssize_t transport_receive(struct transport *t, void *data, size_t size) {
    return recv(t->fd, data, size, MSG_DONTWAIT);
}

void transport_close(struct transport *t) {
    close(t->fd);
}

#endif
