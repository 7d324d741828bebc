/* Plugins for ddc in C, and in any language that calls C: frames in, frames out.
 *
 * docs/PROTOCOL.md says what the frames mean (section 4). These functions keep
 * the rest of it: descriptors and variables, doorbells of every strategy, rings,
 * slots, pieces. c/peer.c is a whole plugin.
 *
 *     cargo build --release --manifest-path sdk/rust/Cargo.toml
 *     cc -I sdk/rust/include mine.c sdk/rust/target/release/libddc_plugin.a -lpthread -ldl -lm
 *
 * One thread uses a link. It must call ddc_next (or ddc_poll) again soon: what
 * takes long is done elsewhere. A second thread, of the library's own, sleeps
 * until the host ends; the link ends then.
 */
#ifndef DDC_H
#define DDC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ddc_link ddc_link;

typedef struct {
	uint8_t op;
	uint8_t flags;
	uint32_t stream;
	uint64_t arg;
	const uint8_t *payload; /* may be NULL if length is 0 */
	size_t length;
} ddc_frame;

enum {
	DDC_FAILED = -1, /* the link is over: ddc_error says why. End with status 1 */
	DDC_CLOSED = 0,  /* the host is done. End with status 0 */
	DDC_FRAME = 1,
	DDC_NOTHING = 2, /* nothing has come in time, or frames that waited were sent */
};

/* Attaches to the host that started this process, by what was inherited; once a
 * process. It gives up starting programs if the host says so, and ignores SIGINT
 * and SIGUSR1. NULL: error, of size bytes, has a sentence that names the field.
 * Print it to standard error, and end with status 1. */
ddc_link *ddc_attach(char *error, size_t size);

/* The plugin's name. */
const char *ddc_name(const ddc_link *link);

/* Why the link is over. */
const char *ddc_error(const ddc_link *link);

/* Waits for a frame: for so many microseconds, or without an end if that is
 * negative. Frames that wait are sent meanwhile. The payload is the caller's
 * until the next call. Returns one of the above. */
int ddc_next(ddc_link *link, ddc_frame *frame, int64_t microseconds);

/* As ddc_next, but does not wait. */
int ddc_poll(ddc_link *link, ddc_frame *frame);

/* Sends a copy of a frame, at once or once there is room for it: it never waits.
 * DDC_FAILED: the link is over, or the payload has more than 2^30 bytes. */
int ddc_send(ddc_link *link, const ddc_frame *frame);

/* How many bytes of payloads wait to be sent. Who reads on only below a bound of
 * his own has bounded memory. */
size_t ddc_queued(const ddc_link *link);

/* For an event loop. The file can be read once the host has rung; -1 if the
 * strategy has none (futex). Before it sleeps, the loop calls ddc_sleep: 1 lets
 * it sleep, 0 says that something has come already. When it wakes, for whatever
 * reason, it calls ddc_woken, then ddc_poll until that has nothing. It never
 * reads the file, nor changes its flags. */
int ddc_file(const ddc_link *link);
int ddc_sleep(ddc_link *link);
int ddc_woken(ddc_link *link);

/* Closes the link after what has been sent, and frees it. What is still queued
 * is lost. */
void ddc_close(ddc_link *link);

#ifdef __cplusplus
}
#endif

#endif
