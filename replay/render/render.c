/* SPDX-License-Identifier: BSD-2-Clause */
/* render.c: what text and JSON have in common. */
#include "replay/render/render.h"

#include <string.h>

#include "replay/decode/text.h"

void pr_renderer_init(struct pr_renderer *r, const struct pr_timeline *timeline)
{
	memset(r, 0, sizeof(*r));
	r->timeline = timeline;
	r->zone = timeline ? timeline->zone : NULL;
}

void pr_renderer_release(struct pr_renderer *r)
{
	pr_buf_release(&r->scratch);
	for (size_t i = 0; i < PR_RENDER_CAPS; i++)
		pr_buf_release(&r->caps[i].text);
}

struct pr_slice pr_render_caps(struct pr_renderer *r, uint64_t bits)
{
	struct pr_caps_text *c = &r->caps[(bits * 0x9e3779b97f4a7c15u) >> 58];

	_Static_assert(PR_RENDER_CAPS == 1 << (64 - 58), "PR_RENDER_CAPS");
	if (!c->known || c->bits != bits) {
		pr_buf_clear(&c->text);
		pr_text_caps(&c->text, bits);
		c->known = true;
		c->bits = bits;
	}
	return (struct pr_slice){c->text.data, c->text.len};
}

void pr_event_line_make(struct pr_event_line *e, const struct pr_event_view *v, const struct pr_timeline *tl)
{
	const struct pr_event *ev = v->applied->event;

	*e = (struct pr_event_line){.entry = v->entry, .parent = v->parent, .seq = v->applied->seq, .id = v->applied->id, .ktime = ev->ktime, .op = ev->op};
	e->has_time = pr_timeline_real(tl, ev->ktime, &e->time);
	if (ev->op == PR_OP_EXIT)
		e->status = ev->exit.status;
	if (ev->op == PR_OP_EXECVE)
		e->alive = ev->execve.flags & PR_EXEC_PROCFS;
}

void pr_render_status(struct pr_buf *b, uint32_t status)
{
	unsigned sig = pr_status_signal(status);
	const char *name = pr_signal_name(sig);

	if (!sig) {
		pr_buf_append(b, "code ", 5);
		pr_buf_u64_dec(b, pr_status_code(status));
	} else {
		pr_buf_append(b, "signal ", 7);
		pr_buf_u64_dec(b, sig);
		if (name) {
			pr_buf_append(b, " (", 2);
			pr_buf_str(b, name);
			pr_buf_u8(b, ')');
		}
	}
	if (pr_status_core(status))
		pr_buf_str(b, ", core dumped");
}

void pr_render_padded(struct pr_buf *b, uint64_t v, unsigned width)
{
	size_t at = b->len, n;

	pr_buf_u64_dec(b, v);
	n = b->len - at;
	if (n >= width || !pr_buf_grow(b, width - n))
		return;
	memmove(b->data + at + width - n, b->data + at, n);
	memset(b->data + at, ' ', width - n);
}

const char *pr_stream_name(uint8_t stream)
{
	static const char *const names[] = {"user", "exec", "clone", "exit", "data", "fail"};

	return stream < sizeof(names) / sizeof(names[0]) ? names[stream] : "unknown";
}

const char *pr_loss_name(uint32_t reason)
{
	static const char *const names[] = {"unknown", "recursion", "map_full", "disk", "queue", "damage", "before", "retention"};

	return names[reason < sizeof(names) / sizeof(names[0]) ? reason : 0];
}
