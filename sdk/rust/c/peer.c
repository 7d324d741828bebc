/* The service by which a plugin is judged (conformance/peer/peer.proto), in C, on
 * one thread: nothing here ever waits but in ddc_next. So each call is a small
 * state machine, moved on by frames, by time, and by room to send. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ddc.h"

enum { CALL = 1, MESSAGE, END, CANCEL, CREDIT, HEADER, REPLY };
enum { METHOD = 1, METADATA = 2, STATUS = 8, HAS_MESSAGE = 16, UNARY = 32 };
enum { INTERNAL = 13, UNIMPLEMENTED = 12, DEADLINE_EXCEEDED = 4, INVALID = 3 };
enum { METHODS = 1024, WINDOW = 1 << 20, COST = 64, QUEUED = 4 << 20 };

enum kind { NONE, ECHO, CHAT, COLLECT, COUNT };
static const char *const names[] = { [ECHO] = "Echo", [CHAT] = "Chat", [COLLECT] = "Collect", [COUNT] = "Count" };

struct bytes {
	uint8_t *at;
	size_t n;
};

struct message {
	struct message *next;
	struct bytes bytes;
};

struct call {
	struct call *next;
	uint32_t id;
	enum kind kind;
	uint64_t deadline, due; /* microseconds, 0 is none */
	struct message *first, **last;
	bool ended;          /* the client sends no more */
	int64_t credit;      /* that is left for sending */
	int64_t room, owed;  /* the client's credit, and what it is due */
	uint64_t total;      /* of COLLECT, bytes; of COUNT, answers so far */
};

struct work {
	struct bytes body;
	uint64_t code, hold, number, die;
};

static ddc_link *hub;
static struct call *calls;
static enum kind methods[METHODS + 1];
static bool named[METHODS + 1];

static void fail(const char *why)
{
	fprintf(stderr, "%s\n", why);
	exit(1);
}

static void *allocated(size_t n)
{
	void *p = calloc(1, n ? n : 1);
	if (!p)
		fail("out of memory");
	return p;
}

static uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
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

static bool read_work(struct bytes b, struct work *w)
{
	*w = (struct work){ 0 };
	while (b.n > 0) {
		uint64_t key, *number;
		if (!varint(&b, &key))
			return false;
		switch (key) {
		case 0x0a:
			if (!section(&b, &w->body))
				return false;
			continue;
		case 0x10: number = &w->code; break;
		case 0x18: number = &w->hold; break;
		case 0x20: number = &w->number; break;
		case 0x28: number = &w->die; break;
		default: return false;
		}
		if (!varint(&b, number))
			return false;
	}
	return true;
}

static void post(uint32_t stream, uint8_t op, uint8_t flags, uint64_t arg, const uint8_t *at, size_t n)
{
	ddc_frame f = { .op = op, .flags = flags, .stream = stream, .arg = arg, .payload = at, .length = n };
	if (ddc_send(hub, &f) == DDC_FAILED)
		fail(ddc_error(hub));
}

/* Removes a call. */
static void forget(struct call *c)
{
	for (struct call **p = &calls; *p; p = &(*p)->next)
		if (*p == c) {
			*p = c->next;
			break;
		}
	while (c->first) {
		struct message *m = c->first;
		c->first = m->next;
		free(m->bytes.at);
		free(m);
	}
	free(c);
}

/* Ends a call with a status. */
static void refuse(struct call *c, uint64_t code, const uint8_t *text, size_t n)
{
	uint8_t *payload = allocated(n + 40), inner[24];
	size_t head = 0, at;
	inner[head++] = 0x08;
	head += put_varint(inner + head, code);
	inner[head++] = 0x12;
	head += put_varint(inner + head, n);
	at = put_varint(payload, head + n);
	memcpy(payload + at, inner, head);
	memcpy(payload + at + head, text, n);
	post(c->id, REPLY, n ? STATUS : 0, code, payload, n ? at + head + n : 0);
	free(payload);
	forget(c);
}

static void refuse_text(struct call *c, uint64_t code, const char *text)
{
	refuse(c, code, (const uint8_t *)text, strlen(text));
}

/* Sends the answer to a message: its body inverted. */
static void answer(const struct call *c, uint8_t op, struct bytes body)
{
	uint8_t *payload = allocated(body.n + 12);
	size_t at = 0;
	if (body.n > 0) {
		payload[at++] = 0x0a;
		at += put_varint(payload + at, body.n);
	}
	for (size_t i = 0; i < body.n; i++)
		payload[at + i] = (uint8_t)~body.at[i];
	post(c->id, op, op == REPLY ? HAS_MESSAGE : 0, 0, payload, at + body.n);
	free(payload);
}

/* Takes the first message, and grants its credit back, half a window at a time. */
static void consumed(struct call *c)
{
	struct message *m = c->first;
	c->owed += (int64_t)m->bytes.n + COST;
	c->first = m->next;
	if (!c->first)
		c->last = &c->first;
	free(m->bytes.at);
	free(m);
	c->due = 0;
	if (c->owed >= WINDOW / 2 && !c->ended) {
		post(c->id, CREDIT, 0, (uint64_t)c->owed, NULL, 0);
		c->room += c->owed;
		c->owed = 0;
	}
}

/* Moves a call on by one step. False: it waits, or is no more. */
static bool step(struct call *c)
{
	struct work w;
	uint8_t number[12] = { 0x20 };
	if (c->deadline && now() >= c->deadline)
		return refuse_text(c, DEADLINE_EXCEEDED, "context deadline exceeded"), false;
	if (ddc_queued(hub) > QUEUED)
		return false;
	if (!c->first) {
		if (!c->ended)
			return false;
		if (c->kind == COLLECT)
			post(c->id, REPLY, HAS_MESSAGE, 0, number, 1 + put_varint(number + 1, c->total));
		else
			post(c->id, REPLY, 0, 0, NULL, 0);
		return forget(c), false;
	}
	if (!read_work(c->first->bytes, &w))
		return refuse_text(c, INVALID, "this is no Work"), false;
	if (c->kind == COLLECT) {
		c->total += w.body.n;
		return consumed(c), true;
	}
	if (c->kind == COUNT && c->total == w.number)
		return consumed(c), true;
	if (w.die)
		exit(3);
	if (w.hold && !c->due)
		c->due = now() + w.hold;
	if (c->due > now())
		return false;
	if (w.code)
		return refuse(c, w.code, w.body.at, w.body.n), false;
	if (c->kind == ECHO)
		return answer(c, REPLY, w.body), forget(c), false;
	if (c->credit <= 0)
		return false;
	c->credit -= (int64_t)w.body.n + COST; /* the fields besides are few */
	answer(c, MESSAGE, w.body);
	c->due = 0;
	if (c->kind == COUNT)
		c->total++;
	else
		consumed(c);
	return true;
}

static struct call *find(uint32_t id)
{
	struct call *c = calls;
	while (c && c->id != id)
		c = c->next;
	return c;
}

static void received(struct call *c, struct bytes b)
{
	struct message *m = allocated(sizeof *m);
	if (c->room <= 0) {
		free(m);
		refuse_text(c, INTERNAL, "the peer sent more than its credit allows");
		return;
	}
	c->room -= (int64_t)b.n + COST;
	m->bytes = (struct bytes){ allocated(b.n), b.n };
	memcpy(m->bytes.at, b.at, b.n);
	*c->last = m;
	c->last = &m->next;
}

static enum kind kind_of(struct bytes name)
{
	static const char service[] = "/ddc.conformance.v1.Peer/";
	size_t n = sizeof service - 1;
	for (enum kind k = ECHO; k <= COUNT; k++)
		if (name.n == n + strlen(names[k]) && !memcmp(name.at, service, n) && !memcmp(name.at + n, names[k], name.n - n))
			return k;
	return NONE;
}

static void opened(const ddc_frame *f, struct bytes b)
{
	uint64_t id = f->arg >> 48, allowed = f->arg & ((UINT64_C(1) << 48) - 1);
	struct call *c = allocated(sizeof *c);
	struct bytes name, unread;
	if (id > METHODS)
		fail("method id out of range");
	if (f->flags & METHOD) {
		if (!section(&b, &name))
			fail("the frame is shorter than it says");
		methods[id] = kind_of(name);
		named[id] = true;
	}
	if (!named[id])
		fail("a method id stands for nothing");
	if (f->flags & METADATA && !section(&b, &unread))
		fail("the frame is shorter than it says");
	*c = (struct call){ .next = calls, .id = f->stream, .kind = methods[id], .last = &c->first,
		.deadline = allowed ? now() + allowed : 0, .credit = WINDOW, .room = WINDOW };
	calls = c;
	if (c->kind == NONE) {
		refuse_text(c, UNIMPLEMENTED, "unknown method");
	} else if (f->flags & UNARY) {
		c->ended = true;
		received(c, b);
	}
}

static void take(const ddc_frame *f)
{
	struct bytes b = { (uint8_t *)f->payload, f->length };
	struct call *c;
	if (f->op == CALL) {
		opened(f, b);
		return;
	}
	if (!(c = find(f->stream)))
		return; /* it ended here, and the host does not know yet */
	switch (f->op) {
	case MESSAGE: received(c, b); break;
	case END: c->ended = true; break;
	case CANCEL: forget(c); break;
	case CREDIT: c->credit += (int64_t)f->arg; break;
	default: fail("unknown operation");
	}
}

/* Moves every call on, and says when one is due next: in microseconds, -1 never. */
static int64_t advance(void)
{
	uint64_t next = UINT64_MAX, t;
	struct call *c, *following;
	for (c = calls; c; c = following) {
		uint32_t id = c->id;
		following = c->next;
		while (step(c))
			;
		if (!(c = find(id)))
			continue;
		if (c->deadline && c->deadline < next)
			next = c->deadline;
		if (c->due && c->due < next)
			next = c->due;
	}
	if (next == UINT64_MAX)
		return -1;
	t = now();
	return next > t ? (int64_t)(next - t) : 0;
}

int main(void)
{
	char error[256];
	ddc_frame f;
	if (!(hub = ddc_attach(error, sizeof error)))
		fail(error);
	for (;;) {
		switch (ddc_next(hub, &f, advance())) {
		case DDC_FRAME: take(&f); break;
		case DDC_NOTHING: break;
		case DDC_CLOSED: ddc_close(hub); return 0;
		default: fail(ddc_error(hub));
		}
	}
}
