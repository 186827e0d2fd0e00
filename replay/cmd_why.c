/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_why.c: the view --why: the story of a process in sentences: what it is, who started it and by which steps, where it ran,
 * how it ended, and what of that is certain. Three parents are kept apart: creator, kernel parent, the image before.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/command.h"
#include "base/text.h"
#include "replay/answer.h"
#include "replay/lineage_views.h"

struct story {
	struct pr_answer *a;
	struct pr_link self; /* the image that is asked about */
	struct pr_link first; /* the process's first identity that the trace has; the same where it is the only one */
	struct pr_link creator; /* of the process; where has_creator */
	bool has_creator;
	uint64_t images; /* how many images the process had up to this one */
	uint64_t guesses; /* links upward that are not observed */
	bool circle; /* it is among its own ancestors */
	struct pr_buf text; /* sentences, each ended by '\n' */
	const struct pr_style *style; /* of them; NULL: plain */
	struct pr_errinfo *ei;
};

static void put_time(struct story *s, uint64_t ktime)
{
	size_t at = s->text.len;

	pr_timeline_show(&s->a->lineage.timeline, &s->text, ktime);
	pr_paint(&s->text, s->style, PR_ROLE_MINOR, at);
}

/* "30 (/usr/bin/make -j2)"; without arguments: "30 (/usr/bin/make)"; "1 (unknown: systemd)" */
static int put_process(struct story *s, const struct pr_link *l, bool arguments)
{
	size_t at = s->text.len;
	struct pr_process_view v;
	int err = pr_answer_load(s->a, l, 0, &v, s->ei);

	if (err)
		return err;
	pr_buf_u64_dec(&s->text, l->proc.key.pid);
	pr_paint(&s->text, s->style, PR_ROLE_PID, at);
	pr_buf_str(&s->text, v.image && v.unknown ? " " : " (");
	if (!l->known)
		pr_paint_str(&s->text, s->style, PR_ROLE_DOUBT, "of which the trace has no frame");
	else if (arguments)
		pr_render_command(&s->a->renderer, &s->text, &v);
	else
		pr_render_program(&s->a->renderer, &s->text, &v);
	if (!v.image || !v.unknown) /* else they are there */
		pr_buf_u8(&s->text, ')');
	pr_answer_unload(&v);
	return PR_OK;
}

/* Why its executable is not known, and what the kernel called it. */
static void tell_unknown(struct story *s, const struct pr_process_view *v)
{
	static const char *const why[] = {[PR_UNREADABLE] = "What it runs could not be read when it was recorded",
		[PR_LOST] = "The data that says what it runs was lost",
		[PR_MALFORMED] = "The frame that should say what it runs is malformed",
		[PR_EMPTY] = "The frame that says what it runs has an empty name"};

	if (!v->unknown)
		return;
	pr_buf_str(&s->text, why[v->unknown]);
	if (v->comm.n) {
		pr_buf_str(&s->text, "; the kernel's name for it was ");
		pr_text_escape(&s->text, v->comm.p, v->comm.n);
	}
	pr_buf_str(&s->text, ".\n");
}

static int tell_self(struct story *s)
{
	struct pr_process_view v;
	struct pr_slice t;
	int err = pr_answer_load(s->a, &s->self, 0, &v, s->ei);

	if (err)
		return err;
	pr_buf_printf(&s->text, "Process %u ", s->self.proc.key.pid);
	if (!v.image) {
		pr_buf_str(&s->text, "is known by its number alone.\n");
		return PR_OK;
	}
	pr_buf_str(&s->text, "is ");
	pr_render_command(&s->a->renderer, &s->text, &v);
	pr_buf_printf(&s->text, ", run as uid %u", v.image->uid);
	t = pr_image_user(v.image);
	if (t.n) {
		pr_buf_str(&s->text, " (");
		pr_text_escape(&s->text, t.p, t.n);
		pr_buf_u8(&s->text, ')');
	}
	t = pr_image_cwd(v.image);
	if (t.n && !v.image->enomem) {
		pr_buf_str(&s->text, " in ");
		pr_text_escape(&s->text, t.p, t.n);
	}
	pr_buf_str(&s->text, ".\n");
	tell_unknown(s, &v);
	pr_answer_unload(&v);
	return PR_OK;
}

/* Where there are several, pids and times say little without it. */
static void tell_boot(struct story *s)
{
	if (s->a->boots.n < 2)
		return;
	pr_buf_str(&s->text, "It belongs to boot ");
	pr_answer_put_boot(s->a, &s->text);
	pr_buf_printf(&s->text, ", number %zu of the %zu that were recorded.\n", s->a->boot + 1, s->a->boots.n);
}

/* Goes back over the images of the process; then to its creator. */
static int find_first(struct story *s)
{
	struct pr_link at = s->self;
	int err = PR_OK;

	s->first = s->self;
	s->images = 1;
	pr_answer_first_time(s->a, s->self.proc.key);
	while (!err && at.has_parent && at.parent.pid == s->self.proc.key.pid && s->images < UINT32_MAX) {
		err = pr_lineage_up(&s->a->lineage, &at, s->a->at, &at, s->ei);
		if (!err) {
			if (!pr_answer_first_time(s->a, at.proc.key)) {
				s->circle = s->a->doubtful = true;
				return PR_OK;
			}
			s->guesses += at.certainty == PR_CERTAIN_INFERRED || at.certainty == PR_CERTAIN_UNKNOWN;
			s->first = at;
			s->images++;
		}
	}
	if (!err)
		err = pr_lineage_up(&s->a->lineage, &s->first, s->a->at, &s->creator, s->ei);
	s->has_creator = !err;
	return err == PR_END ? PR_OK : err;
}

static int tell_images(struct story *s)
{
	struct pr_link at = s->self;
	int err = PR_OK;

	if (s->images == 1)
		return PR_OK;
	pr_buf_str(&s->text, "It became that by execve at ");
	put_time(s, s->self.proc.key.ktime);
	pr_buf_str(&s->text, "; before, the same process was");
	for (uint64_t i = 1; !err && i < s->images && i < 20; i++) {
		err = pr_lineage_up(&s->a->lineage, &at, s->a->at, &at, s->ei);
		pr_buf_str(&s->text, i > 1 ? ", before that " : " ");
		if (!err)
			err = put_process(s, &at, true);
	}
	if (s->images > 20)
		pr_buf_printf(&s->text, ", and %llu more", (unsigned long long)(s->images - 20));
	pr_buf_str(&s->text, ".\n");
	return err;
}

static int tell_creator(struct story *s)
{
	const struct pr_proc *p = &s->first.proc;
	uint64_t born = p->has_pre ? p->pre_ktime : p->key.ktime;
	int err = PR_OK;

	if (p->start == PR_START_SNAPSHOT) {
		pr_buf_str(&s->text, "It was there before the recording began; it had started at ");
		put_time(s, born);
	} else {
		bool later = p->start == PR_START_EXEC && !p->has_pre; /* its clone was not seen */

		pr_buf_str(&s->text, !s->first.known ? "It began at " : later ? "It was created before " : "It was created at ");
		put_time(s, born);
	}
	if (s->has_creator) {
		pr_buf_str(&s->text, p->start == PR_START_SNAPSHOT ? ", and its parent was then " : " by ");
		err = put_process(s, &s->creator, true);
	} else {
		pr_buf_str(&s->text, s->first.certainty == PR_CERTAIN_UNKNOWN ? "; no frame tells by whom" : "; it has no parent");
	}
	if (!err && p->has_pre) {
		pr_buf_str(&s->text, ", and ");
		pr_render_duration(&s->text, (int64_t)(p->key.ktime - p->pre_ktime));
		pr_buf_str(&s->text, " later it ran its first program");
	} else if (p->start == PR_START_CLONE && s->images == 1) {
		pr_buf_str(&s->text, ", and has run no other program than its creator's");
	}
	pr_buf_str(&s->text, ".\n");
	return err;
}

static int tell_creator_end(struct story *s)
{
	const struct pr_proc *c = &s->creator.proc;

	if (!s->has_creator || !s->creator.known || c->end != PR_ENDED_EXIT)
		return PR_OK;
	pr_buf_str(&s->text, "Its creator ended at ");
	put_time(s, c->end_ktime);
	pr_buf_str(&s->text, " (");
	pr_render_status(&s->text, c->status);
	pr_buf_str(&s->text, s->self.proc.end && s->self.proc.end_ktime <= c->end_ktime ? "), after it.\n" : "), before it did.\n");
	return PR_OK;
}

/* ---- where it ran ------------------------------------------------------------------------------------------------------- */

/* The unit is the last part of the cgroup path that systemd names so. */
static struct pr_slice unit_of(struct pr_slice path)
{
	static const char *const ends[] = {".service", ".scope"};
	size_t to = path.n;

	while (to) {
		size_t from = to;

		while (from && path.p[from - 1] != '/')
			from--;
		for (size_t i = 0; i < 2; i++)
			if (to - from > strlen(ends[i]) && !memcmp(path.p + to - strlen(ends[i]), ends[i], strlen(ends[i])))
				return (struct pr_slice){path.p + from, to - from};
		to = from ? from - 1 : 0;
	}
	return (struct pr_slice){NULL, 0};
}

static void put_item(struct story *s, const char *label, struct pr_slice t)
{
	if (!t.n)
		return;
	pr_buf_str(&s->text, label);
	pr_text_escape(&s->text, t.p, t.n);
}

static struct pr_slice item_of(const struct pr_own *o, uint16_t type)
{
	struct pr_slice left = o->items;
	struct pr_own_item it;

	while (pr_own_item_next(&left, &it))
		if (it.type == type && !it.is_desc)
			return it.bytes;
	return (struct pr_slice){NULL, 0};
}

static int tell_place(struct story *s)
{
	struct pr_slice cgroup;
	struct pr_own o;
	int err = pr_details_info(&s->a->lineage.details, &s->self.proc, &o, s->ei);

	if (err)
		return err == PR_ENOENT ? PR_OK : err;
	pr_buf_printf(&s->text, "It was in session %u, process group %u", o.sid, o.pgid);
	if (s->self.proc.start != PR_START_CLONE && o.tty)
		pr_buf_printf(&s->text, ", terminal %u:%u", o.tty >> 20, o.tty & 0xfffff);
	put_item(s, " ", item_of(&o, PR_ITEM_TTY));
	cgroup = item_of(&o, PR_ITEM_CGROUP);
	put_item(s, ", unit ", unit_of(cgroup));
	put_item(s, ", cgroup ", cgroup);
	pr_buf_str(&s->text, ".\n");
	if (o.ppid != PR_UNKNOWN_U32 && o.ppid && (!s->has_creator || o.ppid != s->creator.proc.key.pid))
		pr_buf_printf(&s->text, "To the kernel its parent was %u at that moment.\n", o.ppid);
	return PR_OK;
}

static int put_reparent(void *ctx, const struct pr_index_reparent *r)
{
	struct story *s = ctx;
	struct pr_frame f;
	int err = pr_fetch_get(&s->a->lineage.frames, r->seq, &f, s->ei);

	if (err)
		return err == PR_ENOENT ? PR_OK : err;
	pr_buf_str(&s->text, "At ");
	put_time(s, f.ktime);
	pr_buf_printf(&s->text, " its kernel parent %u ended, and %u took its place; that changes nothing about who created it.\n", r->from.pid,
		r->to.pid);
	return PR_OK;
}

static int tell_container(struct story *s)
{
	struct pr_event ev;
	struct pr_frame f;
	size_t n;
	int err;

	if (!s->self.proc.has_seq || s->self.proc.start < PR_START_EXEC)
		return PR_OK;
	err = pr_fetch_get(&s->a->lineage.frames, s->self.proc.seq, &f, s->ei);
	if (err || pr_decode(f.data, f.size, &ev, NULL) || ev.op != PR_OP_EXECVE)
		return err == PR_ENOENT ? PR_OK : err;
	n = strnlen((const char *)ev.execve.docker_id.p, ev.execve.docker_id.n);
	put_item(s, "It ran in container ", (struct pr_slice){ev.execve.docker_id.p, n});
	if (n)
		pr_buf_str(&s->text, ".\n");
	return PR_OK;
}

static void tell_end(struct story *s)
{
	const struct pr_proc *p = &s->self.proc;
	size_t at;

	if (p->end) {
		pr_buf_str(&s->text, p->end == PR_ENDED_EXIT ? "It ended at " : "Another program took its place by execve at ");
		put_time(s, p->end_ktime);
		pr_buf_str(&s->text, ", after ");
		pr_render_duration(&s->text, (int64_t)(p->end_ktime - p->key.ktime));
		if (p->end == PR_ENDED_EXIT) {
			pr_buf_str(&s->text, ": ");
			at = s->text.len;
			pr_render_status(&s->text, p->status);
			pr_paint(&s->text, s->style, pr_status_role(p->status), at);
		}
		pr_buf_str(&s->text, ".\n");
	} else if (s->self.gap) {
		at = s->text.len;
		pr_buf_str(&s->text, "Its end was not seen, but frames were lost while it ran: it may have ended.");
		pr_paint(&s->text, s->style, PR_ROLE_LOSS, at);
		pr_buf_u8(&s->text, '\n');
	} else {
		pr_buf_str(&s->text, s->a->has_at ? "It was running at that time.\n" : "It was still running when the recording ended.\n");
	}
}

/* ---- the way up --------------------------------------------------------------------------------------------------------- */

#define CHAIN_SHOWN 16 /* of a person's text: more is a line that nobody reads to its end */

static int tell_chain(struct story *s)
{
	struct pr_link at = s->first;
	uint64_t n = 0, shown = s->a->args->json ? UINT64_MAX : CHAIN_SHOWN;
	uint32_t last_pid = s->self.proc.key.pid;
	int err;

	while (!(err = pr_lineage_up(&s->a->lineage, &at, s->a->at, &at, s->ei))) {
		if (!pr_answer_first_time(s->a, at.proc.key)) {
			s->circle = s->a->doubtful = true;
			break;
		}
		s->guesses += at.certainty == PR_CERTAIN_INFERRED || at.certainty == PR_CERTAIN_UNKNOWN;
		if (at.proc.key.pid == last_pid)
			continue; /* an earlier image of one that is named already */
		last_pid = at.proc.key.pid;
		if (n++ >= shown)
			continue;
		pr_buf_str(&s->text, n > 1 ? ", " : "The way up: ");
		err = put_process(s, &at, false);
		if (err)
			break;
	}
	if (n > shown)
		pr_buf_printf(&s->text, ", and %llu more: --ancestry shows all", (unsigned long long)(n - shown));
	if (n)
		pr_buf_str(&s->text, ".\n");
	return err == PR_END ? PR_OK : err;
}

/* A sentence about what is not certain: it must not be missed. */
static void put_doubt(struct story *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void put_doubt(struct story *s, const char *fmt, ...)
{
	size_t at = s->text.len;
	char sentence[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	pr_buf_str(&s->text, sentence);
	pr_paint(&s->text, s->style, PR_ROLE_DOUBT, at);
	pr_buf_u8(&s->text, '\n');
}

static void tell_certainty(struct story *s)
{
	bool self_guess = s->self.certainty == PR_CERTAIN_INFERRED || s->self.certainty == PR_CERTAIN_UNKNOWN;

	if (s->circle)
		put_doubt(s, "By its frames it is among its own ancestors: the trace is not an honest one.");
	if (s->self.proc.conflict)
		put_doubt(s, "Frames disagree about it: the trace is not an honest one, or was put together.");
	if (self_guess)
		put_doubt(s, "Who started it is %s.", s->self.certainty == PR_CERTAIN_INFERRED ? "inferred, not observed" : "not known");
	if (s->guesses)
		put_doubt(s, "Of the way up, %llu step%s not observed: --ancestry shows which.", (unsigned long long)s->guesses,
			s->guesses == 1 ? " was" : "s were");
	if (!self_guess && !s->guesses && !s->circle)
		pr_buf_str(&s->text, "Every step up to the processes that were there before the recording was observed.\n");
}

static void print(struct story *s)
{
	struct pr_buf *out = &s->a->out.buf;
	struct pr_json j = pr_json_make(out);
	const uint8_t *p = s->text.data, *end = p + s->text.len, *nl;

	if (!s->a->args->json) {
		pr_buf_append(out, s->text.data, s->text.len);
		return;
	}
	pr_json_object(&j, NULL);
	pr_json_str(&j, "type", "why");
	pr_json_u64(&j, "pid", s->self.proc.key.pid);
	pr_json_u64(&j, "ktime", s->self.proc.key.ktime);
	if (s->has_creator) {
		pr_json_object(&j, "creator");
		pr_json_u64(&j, "pid", s->creator.proc.key.pid);
		pr_json_u64(&j, "ktime", s->creator.proc.key.ktime);
		pr_json_object_end(&j);
	} else {
		pr_json_null(&j, "creator");
	}
	if (s->images > 1) {
		pr_json_object(&j, "predecessor");
		pr_json_u64(&j, "pid", s->self.parent.pid);
		pr_json_u64(&j, "ktime", s->self.parent.ktime);
		pr_json_object_end(&j);
	} else {
		pr_json_null(&j, "predecessor");
	}
	pr_render_boot_json(&j, pr_answer_boot(s->a)->first.boot_id);
	pr_json_str(&j, "certainty", pr_certainty_name(s->self.certainty));
	pr_json_u64(&j, "not_observed", s->guesses);
	pr_json_bool(&j, "gap", s->a->doubtful);
	pr_json_array(&j, "sentences");
	for (; p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		pr_json_bytes_element(&j, p, (size_t)(nl - p));
	}
	pr_json_array_end(&j);
	pr_json_object_end(&j);
	pr_json_newline(&j);
}

static int tell(struct story *s)
{
	struct pr_proc_key key = s->self.proc.key;
	int err = tell_self(s);

	tell_boot(s);
	err = err ? err : find_first(s);
	err = err ? err : tell_images(s);
	err = err ? err : tell_creator(s);
	err = err ? err : tell_creator_end(s);
	err = err ? err : tell_place(s);
	err = err ? err : pr_index_reparents(s->a->lineage.index, key, put_reparent, s, s->ei);
	err = err ? err : tell_container(s);
	if (err)
		return err;
	tell_end(s);
	err = tell_chain(s);
	tell_certainty(s);
	return err;
}

static int why(struct pr_answer *a, struct pr_errinfo *ei)
{
	struct story s = {.a = a, .text = PR_BUF_INIT, .style = a->args->json ? NULL : &a->args->term->style, .ei = ei};
	uint32_t pid;
	int err = pr_answer_pid("why", a->args->value, &pid, ei);

	if (!err)
		err = pr_answer_find_selected(a, pid, &s.self, ei);
	if (!err) {
		a->doubtful |= s.self.gap;
		err = tell(&s);
	}
	if (!err)
		print(&s);
	pr_buf_release(&s.text);
	return err;
}

int pr_view_why(struct pr_replay_args *args)
{
	return pr_answer_run(args, why);
}
