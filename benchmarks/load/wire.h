/* Frames as they stand on the wire [RFC 6455 5.2]. */

#ifndef WIRE_H
#define WIRE_H

#include <stddef.h>
#include <stdint.h>

enum { HEAD = 14 };

/* A frame's header, as far as it has come. */
struct head {
    unsigned char bytes[HEAD];
    size_t got, size; /* size is right from the second byte on */
    uint64_t payload; /* right once got == size */
};

/* Takes what belongs to the header and says how many bytes that was. */
size_t head_take(struct head *head, const unsigned char *data, size_t size);
int head_whole(const struct head *head);
/* Writes an unmasked header and says how long it is. */
size_t head_write(unsigned char *out, unsigned char first, uint64_t payload);

/* Frames in a row. */
struct frames {
    unsigned char *bytes;
    size_t size, count;
    struct {
        size_t start, payload, end;
    } *each;
};

struct frames frames_read(const char *path);
unsigned char *read_whole(const char *path, size_t *size);

#endif
