#include "wire.h"

#include "common.h"

#include <stdio.h>
#include <stdlib.h>

int head_whole(const struct head *head) {
    return head->got >= 2 && head->got == head->size;
}

size_t head_take(struct head *head, const unsigned char *data, size_t size) {
    size_t taken = 0;
    while (taken < size && !head_whole(head)) {
        head->bytes[head->got++] = data[taken++];
        if (head->got != 2) continue;
        unsigned char length = head->bytes[1] & 127;
        head->payload = length < 126 ? length : 0;
        head->size = 2 + (length == 126 ? 2 : length == 127 ? 8 : 0);
        head->size += head->bytes[1] & 128 ? 4 : 0;
    }
    if (head_whole(head) && (head->bytes[1] & 127) > 125) {
        size_t end = (head->bytes[1] & 127) == 126 ? 4 : 10;
        head->payload = 0;
        for (size_t i = 2; i < end; i++) head->payload = head->payload << 8 | head->bytes[i];
    }
    return taken;
}

size_t head_write(unsigned char *out, unsigned char first, uint64_t payload) {
    size_t size = payload < 126 ? 2 : payload < 65536 ? 4 : 10;
    out[0] = first;
    out[1] = size == 2 ? payload : size == 4 ? 126 : 127;
    for (size_t i = size; i > 2; i--, payload >>= 8) out[i - 1] = payload & 0xff;
    return size;
}

unsigned char *read_whole(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END)) die("%s", path);
    *size = ftell(file);
    unsigned char *bytes = calloc(*size + 1, 1);
    rewind(file);
    if (fread(bytes, 1, *size, file) != *size) die("%s", path);
    fclose(file);
    return bytes;
}

struct frames frames_read(const char *path) {
    struct frames frames = {0};
    frames.bytes = read_whole(path, &frames.size);
    for (size_t at = 0; at < frames.size;) {
        struct head head = {0};
        size_t start = at;
        at += head_take(&head, frames.bytes + at, frames.size - at);
        frames.each = realloc(frames.each, (frames.count + 1) * sizeof *frames.each);
        frames.each[frames.count].start = start;
        frames.each[frames.count].payload = at;
        frames.each[frames.count++].end = at += head.payload;
        if (!head_whole(&head) || at > frames.size) die("%s: half a frame", path);
    }
    return frames;
}
