/* A plugin for sites in C: it says in the head of each page who has worked on it.
 * It reads and answers calls itself, as section 4 of docs/PROTOCOL.md says.
 *
 *     cargo build --release --manifest-path sdk/rust/Cargo.toml
 *     cc -I sdk/rust/include -o note examples/plugin-c/note.c sdk/rust/target/release/libddc_plugin.a -lpthread -ldl -lm
 *
 * A site names it so, and ddc build --allow note runs it:
 *
 *     plugin "note" {
 *         command "note"
 *         stage "html"
 *     }
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ddc.h"

enum { CALL = 1, REPLY = 7 };
enum { METHOD = 1, METADATA = 2, HAS_MESSAGE = 16, UNARY = 32 };
enum { INVALID = 3, UNIMPLEMENTED = 12 };
enum { METHODS = 1024 };

struct bytes {
	const uint8_t *at;
	size_t n;
};

static ddc_link *host;
static bool html[METHODS + 1]; /* which ids stand for Html */

static void fail(const char *why)
{
	fprintf(stderr, "%s\n", why);
	exit(1);
}

static bool varint(struct bytes *b, uint64_t *value)
{
	*value = 0;
	for (int shift = 0; shift < 64 && b->n > 0; shift += 7) {
		uint8_t byte = *b->at++;
		b->n--;
		*value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return true;
	}
	return false;
}

static size_t put_varint(uint8_t *to, uint64_t n)
{
	size_t at = 0;
	for (; n >= 0x80; n >>= 7)
		to[at++] = (uint8_t)n | 0x80;
	to[at++] = (uint8_t)n;
	return at;
}

/* Takes what has its length before it. */
static bool section(struct bytes *b, struct bytes *content)
{
	uint64_t n;
	if (!varint(b, &n) || n > b->n)
		return false;
	*content = (struct bytes){ b->at, n };
	b->at += n;
	b->n -= n;
	return true;
}

/* Finds the html of an HtmlRequest (proto/ddc_site_v1.proto): its second field.
 * All of its fields have their length before them. */
static bool page_of(struct bytes request, struct bytes *page)
{
	*page = (struct bytes){ 0 };
	while (request.n > 0) {
		uint64_t key;
		struct bytes field;
		if (!varint(&request, &key) || (key & 7) != 2 || !section(&request, &field))
			return false;
		if (key >> 3 == 2)
			*page = field;
	}
	return true;
}

static void reply(uint32_t stream, uint8_t flags, uint64_t code, const uint8_t *message, size_t n)
{
	ddc_frame f = { .op = REPLY, .flags = flags, .stream = stream, .arg = code, .payload = message, .length = n };
	if (ddc_send(host, &f) == DDC_FAILED)
		fail(ddc_error(host));
}

/* Answers with the page and a meta element at the end of its head. A page that has
 * no head stays as it is: the answer has no field. */
static void note(uint32_t stream, struct bytes page)
{
	static const char end[] = "</head>", format[] = "<meta name=\"%s\" content=\"0.1.0\">";
	char meta[200];
	size_t before, n, at = 0;
	uint8_t *answer;
	for (before = 0; before + sizeof end - 1 <= page.n; before++)
		if (!memcmp(page.at + before, end, sizeof end - 1))
			break;
	if (before + sizeof end - 1 > page.n) {
		reply(stream, HAS_MESSAGE, 0, NULL, 0);
		return;
	}
	n = (size_t)snprintf(meta, sizeof meta, format, ddc_name(host));
	if (n >= sizeof meta)
		fail("the name is too long");
	if (!(answer = malloc(page.n + n + 11)))
		fail("out of memory");
	answer[at++] = 0x0a; /* field 1, with its length */
	at += put_varint(answer + at, page.n + n);
	memcpy(answer + at, page.at, before);
	memcpy(answer + at + before, meta, n);
	memcpy(answer + at + before + n, page.at + before, page.n - before);
	reply(stream, HAS_MESSAGE, 0, answer, at + page.n + n);
	free(answer);
}

static void called(const ddc_frame *f)
{
	static const char name[] = "/ddc.site.v1.SitePlugin/Html";
	struct bytes b = { f->payload, f->length }, method, unread, page;
	uint64_t id = f->arg >> 48;
	if (id > METHODS)
		fail("method id out of range");
	if (f->flags & METHOD) {
		if (!section(&b, &method))
			fail("the frame is shorter than it says");
		html[id] = method.n == sizeof name - 1 && !memcmp(method.at, name, method.n);
	}
	if (f->flags & METADATA && !section(&b, &unread))
		fail("the frame is shorter than it says");
	if (!html[id] || !(f->flags & UNARY))
		reply(f->stream, 0, UNIMPLEMENTED, NULL, 0);
	else if (!page_of(b, &page))
		reply(f->stream, 0, INVALID, NULL, 0);
	else
		note(f->stream, page);
}

int main(void)
{
	char error[256];
	ddc_frame f;
	if (!(host = ddc_attach(error, sizeof error)))
		fail(error);
	for (;;) {
		switch (ddc_next(host, &f, -1)) {
		case DDC_FRAME:
			if (f.op == CALL) /* a call that is cancelled is answered already */
				called(&f);
			break;
		case DDC_NOTHING: break;
		case DDC_CLOSED: ddc_close(host); return 0;
		default: fail(ddc_error(host));
		}
	}
}
