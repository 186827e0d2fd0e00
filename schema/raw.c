/* SPDX-License-Identifier: BSD-2-Clause */
#include "schema/raw.h"

#include <errno.h>
#include <sodium/crypto_hash_sha256.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "schema/boot.h"
#include "schema/build.h"

#define READ_CHUNK (1u << 20)

struct packer {
	int fd;
	const char *name;
	struct pr_seg_writer *w;
	struct pr_buf in; /* bytes not packed yet, from `used` on */
	size_t used;
	bool eof;
	struct pr_envelope env;
	struct pr_buf out; /* envelopes on their way to the writer */
	struct pr_raw_result *res;
	const struct pr_meter *meter;
	uint64_t total; /* bytes of the input; 0: not known */
	uint8_t boot[PR_SEG_UUID]; /* of the last HOST frame; 0: none yet */
};

/* Tries to have `want` unpacked bytes at hand; fewer only at the end of the input. */
static int fill(struct packer *p, size_t want, struct pr_errinfo *ei)
{
	while (!p->eof && p->in.len - p->used < want) {
		uint8_t *room;
		ssize_t k;

		if (p->used) {
			memmove(p->in.data, p->in.data + p->used, p->in.len - p->used);
			p->in.len -= p->used;
			p->used = 0;
		}
		room = pr_buf_grow(&p->in, READ_CHUNK);
		if (!room)
			return pr_fail(ei, PR_ENOMEM, "out of memory for the frames");
		p->in.len -= READ_CHUNK;
		k = read(p->fd, room, READ_CHUNK);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return pr_fail_errno(ei, "%s: cannot read", p->name);
		p->in.len += (size_t)k;
		p->eof = k == 0;
	}
	return PR_OK;
}

static int drain(struct packer *p, struct pr_errinfo *ei)
{
	int err;

	if (pr_buf_failed(&p->out))
		return pr_fail(ei, PR_ENOMEM, "out of memory for the frames");
	err = pr_seg_writer_append(p->w, p->out.data, p->out.len, ei);
	pr_buf_clear(&p->out);
	pr_meter_at(p->meter, p->res->bytes, p->total);
	return err;
}

/* Packs n bytes under the next envelope. */
static int put(struct packer *p, uint8_t flags, size_t n, struct pr_errinfo *ei)
{
	pr_buf_u16(&p->out, PR_CPU_NONE);
	pr_buf_u8(&p->out, PR_STREAM_USER);
	pr_buf_u8(&p->out, flags);
	pr_buf_u32(&p->out, (uint32_t)n);
	pr_buf_u64(&p->out, p->env.seq++);
	pr_buf_append(&p->out, p->in.data + p->used, n);
	p->used += n;
	p->res->bytes += n;
	return p->out.len >= READ_CHUNK || pr_buf_failed(&p->out) ? drain(p, ei) : PR_OK;
}

static int put_unframed(struct packer *p, struct pr_errinfo *ei)
{
	uint8_t flags = PR_ENV_RAW;
	int err = PR_OK;

	p->res->unframed_at = p->res->bytes;
	while (!err) {
		size_t n;

		err = fill(p, PR_RAW_CHUNK, ei);
		n = p->in.len - p->used;
		if (err || !n)
			break;
		err = put(p, flags, n < PR_RAW_CHUNK ? n : PR_RAW_CHUNK, ei);
		flags |= PR_ENV_CONT;
	}
	p->res->unframed = p->res->bytes - p->res->unframed_at;
	return err;
}

static int pack(struct packer *p, struct pr_errinfo *ei)
{
	int err;

	for (;;) {
		size_t left, size;

		err = fill(p, PR_COMMON_SIZE, ei);
		left = p->in.len - p->used;
		if (err || !left)
			return err;
		p->res->claimed = 0;
		if (left < PR_COMMON_SIZE)
			break;
		size = p->res->claimed = pr_get_u32(p->in.data + p->used + 4);
		if (size < PR_COMMON_SIZE || size > PR_FRAME_MAX)
			break;
		err = fill(p, size, ei);
		if (err)
			return err;
		if (p->in.len - p->used < size)
			break;
		p->res->mixed |= pr_boot_id_changes(p->boot, p->in.data + p->used, size);
		err = put(p, 0, size, ei);
		if (err)
			return err;
		p->res->frames++;
	}
	return put_unframed(p, ei);
}

int pr_raw_read_head(int fd, const char *name, struct pr_buf *out, struct pr_errinfo *ei)
{
	struct packer p = {.fd = fd, .name = name, .in = *out};
	int err = fill(&p, PR_RAW_HEAD, ei);

	*out = p.in;
	return err;
}

void pr_raw_boot_id(const struct pr_buf *head, uint8_t out[PR_SEG_UUID])
{
	size_t n = head->len < PR_RAW_HEAD ? head->len : PR_RAW_HEAD;

	memset(out, 0, PR_SEG_UUID);
	for (size_t at = 0; n - at >= PR_COMMON_SIZE;) {
		uint32_t size = pr_get_u32(head->data + at + 4);

		if (size < PR_COMMON_SIZE || size > n - at || pr_boot_id_of_frame(head->data + at, size, out))
			return;
		at += size;
	}
}

int pr_raw_pack(int fd, const char *name, struct pr_buf *head, struct pr_seg_writer *w, const struct pr_meter *meter, struct pr_raw_result *out,
	struct pr_errinfo *ei)
{
	struct packer p = {.fd = fd, .name = name, .w = w, .res = out, .meter = meter};
	struct stat st;
	int err;

	if (!fstat(fd, &st) && S_ISREG(st.st_mode))
		p.total = (uint64_t)st.st_size;

	*out = (struct pr_raw_result){0};
	if (head) {
		p.in = *head;
		*head = PR_BUF_INIT;
	}
	err = pack(&p, ei);
	if (!err)
		err = drain(&p, ei);
	pr_buf_release(&p.in);
	pr_buf_release(&p.out);
	return err;
}

void pr_raw_options(struct pr_seg_options *opt, const void *names, size_t n)
{
	uint8_t hash[crypto_hash_sha256_BYTES];

	*opt = (struct pr_seg_options){.header.kind = PR_SEG_PACKED, .level = PR_RAW_LEVEL};
	crypto_hash_sha256(hash, names, n);
	memcpy(opt->header.uuid, hash, PR_SEG_UUID);
	memcpy(opt->header.recording, hash, PR_SEG_UUID);
}

void pr_raw_put_host(struct pr_buf *b, const char *hostname)
{
	const struct pr_envelope meta = {.cpu = PR_CPU_NONE, .stream = PR_STREAM_USER, .flags = PR_ENV_META};
	size_t at = pr_enveloped_begin(b, &meta, PR_OP_HOST, 0);

	pr_put_item(b, PR_ITEM_HOSTNAME, hostname, strlen(hostname));
	pr_enveloped_end(b, at);
}

void pr_raw_put_user(struct pr_buf *b, uint32_t uid, const char *name)
{
	const struct pr_envelope meta = {.cpu = PR_CPU_NONE, .stream = PR_STREAM_USER, .flags = PR_ENV_META};
	size_t at = pr_enveloped_begin(b, &meta, PR_OP_USER_NAME, 0);

	pr_buf_u32(b, uid);
	pr_buf_u32(b, 0);
	pr_buf_str(b, name);
	pr_enveloped_end(b, at);
}
