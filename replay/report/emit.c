/* SPDX-License-Identifier: BSD-2-Clause */
/* emit.c: the page. */
#include <sodium.h>

#include "base/json.h"
#include "base/text.h"
#include "replay/render/render.h"
#include "replay/report/page.h"
#include "replay/report/report.h"

struct emit {
	struct pr_report *r;
	struct pr_out *out;
	struct pr_buf part; /* of the JSON, not yet made safe for HTML */
	struct pr_json j;
	uint64_t start;
};

/*
 * JSON needs no <, > or & outside of strings, and in strings they can be written as \uNNNN: so nothing in it can look like the
 * end of the element that it stands in. (U+2028 and U+2029 are written so by the JSON writer itself.)
 */
static void flush_json(struct emit *e)
{
	struct pr_buf *b = &e->out->buf;
	const uint8_t *p = e->part.data;
	size_t start = 0;

	for (size_t i = 0; i < e->part.len; i++) {
		if (p[i] != '<' && p[i] != '>' && p[i] != '&')
			continue;
		pr_buf_append(b, p + start, i - start);
		pr_buf_printf(b, "\\u%04x", p[i]);
		start = i + 1;
	}
	pr_buf_append(b, p + start, e->part.len - start);
	b->failed |= e->part.failed;
	pr_buf_clear(&e->part);
	pr_out_check(e->out);
}

static void flush_some(struct emit *e)
{
	if (e->part.len > 64u << 10)
		flush_json(e);
}

/* ns from the start of the trace; negative before it. */
static int64_t since_start(const struct emit *e, uint64_t ktime)
{
	return (int64_t)(ktime - e->start);
}

/* ---- columns -------------------------------------------------------------------------------------------------------- */

enum life_column { PID, UP, PPID, BEGIN, DUR, END, STATUS, CERTAINTY, FLAGS };

static int64_t life_value(const struct emit *e, const struct pr_report_life *l, enum life_column c)
{
	switch (c) {
	case PID:
		return l->first.pid;
	case UP:
		return l->up == UINT32_MAX ? -1 : (int64_t)l->up;
	case PPID:
		return l->ppid;
	case BEGIN: /* from that of the one before */
		return since_start(e, l->first.ktime) - (l > e->r->lives ? since_start(e, l[-1].first.ktime) : 0);
	case DUR:
		return (int64_t)(l->end - l->first.ktime);
	case END:
		return l->end_kind;
	case STATUS:
		return l->status;
	case CERTAINTY:
		return l->certainty;
	default:
		return l->flags;
	}
}

enum image_column { IMAGE_OF, IMAGE_FROM, IMAGE_KTIME, IMAGE_HOW, IMAGE_BUSY, IMAGE_BINARY, IMAGE_ARGV, IMAGE_CWD, IMAGE_USER };

static int64_t or_none(uint32_t v)
{
	return v == UINT32_MAX ? -1 : (int64_t)v;
}

static int64_t image_value(const struct emit *e, const struct pr_report_image *im, enum image_column c)
{
	switch (c) {
	case IMAGE_OF:
		return (int64_t)im->serial;
	case IMAGE_FROM: /* from that of its life */
		return (int64_t)(im->from - e->r->lives[im->serial].first.ktime);
	case IMAGE_KTIME: /* from IMAGE_FROM */
		return (int64_t)(im->ktime - im->from);
	case IMAGE_HOW:
		return im->how;
	case IMAGE_BUSY:
		return (int64_t)im->busy_ns;
	case IMAGE_BINARY:
		return or_none(im->binary);
	case IMAGE_ARGV:
		return or_none(im->argv);
	case IMAGE_CWD:
		return or_none(im->cwd);
	default:
		return or_none(im->user);
	}
}

static void put_columns(struct emit *e)
{
	static const char *const lives[] = {"pid", "up", "ppid", "begin", "dur", "end", "status", "certainty", "flags"};
	static const char *const images[] = {"imageOf", "imageFrom", "imageKtime", "imageHow", "imageBusy", "imageBinary", "imageArgv", "imageCwd", "imageUser"};
	const struct pr_report *r = e->r;

	for (unsigned c = 0; c < sizeof(lives) / sizeof(lives[0]); c++) {
		pr_json_array(&e->j, lives[c]);
		for (size_t i = 0; i < r->n_lives; i++) {
			pr_json_s64(&e->j, NULL, life_value(e, &r->lives[i], c));
			flush_some(e);
		}
		pr_json_array_end(&e->j);
	}
	for (unsigned c = 0; c < sizeof(images) / sizeof(images[0]); c++) {
		pr_json_array(&e->j, images[c]);
		for (size_t i = 0; i < r->n_images; i++) {
			pr_json_s64(&e->j, NULL, image_value(e, &r->images[i], c));
			flush_some(e);
		}
		pr_json_array_end(&e->j);
	}
}

/* ---- strings -------------------------------------------------------------------------------------------------------- */

static void put_words(struct emit *e)
{
	const struct pr_words *w = &e->r->words;
	struct pr_buf wrong = PR_BUF_INIT;
	char key[16];
	size_t n;

	pr_json_array(&e->j, "words");
	for (uint32_t i = 0; i < pr_words_count(w); i++) {
		const uint8_t *p = pr_words_get(w, i, &n);

		if (!pr_json_bytes_element(&e->j, p, n))
			pr_buf_u32(&wrong, i);
		flush_some(e);
	}
	pr_json_array_end(&e->j);
	pr_json_object(&e->j, "wordsB64");
	for (size_t k = 0; k + 4 <= wrong.len; k += 4) {
		const uint8_t *p = pr_words_get(w, pr_get_u32(wrong.data + k), &n);

		snprintf(key, sizeof(key), "%u", pr_get_u32(wrong.data + k));
		pr_json_key(&e->j, key);
		pr_buf_u8(&e->part, '"');
		pr_base64(&e->part, p, n);
		pr_buf_u8(&e->part, '"');
		flush_some(e);
	}
	pr_json_object_end(&e->j);
	e->part.failed |= wrong.failed;
	pr_buf_release(&wrong);
}

static void put_lists(struct emit *e)
{
	size_t n;

	pr_json_array(&e->j, "argv");
	for (uint32_t i = 0; i < pr_words_count(&e->r->lists); i++) {
		const uint8_t *p = pr_words_get(&e->r->lists, i, &n);

		pr_json_array(&e->j, NULL);
		for (size_t k = 0; k + 4 <= n; k += 4)
			pr_json_s64(&e->j, NULL, or_none(pr_get_u32(p + k)));
		pr_json_array_end(&e->j);
		flush_some(e);
	}
	pr_json_array_end(&e->j);
	pr_json_array(&e->j, "users");
	for (uint32_t i = 0; i < pr_words_count(&e->r->users); i++) {
		const uint8_t *p = pr_words_get(&e->r->users, i, &n);

		pr_json_array(&e->j, NULL);
		pr_json_u64(&e->j, NULL, pr_get_u32(p));
		pr_json_bytes_element(&e->j, p + 4, n - 4);
		pr_json_array_end(&e->j);
		flush_some(e);
	}
	pr_json_array_end(&e->j);
}

static void put_gaps(struct emit *e)
{
	pr_json_array(&e->j, "gaps");
	for (size_t i = 0; i < e->r->n_gaps; i++) {
		const struct pr_gap *g = &e->r->gaps[i];

		pr_json_array(&e->j, NULL);
		if (g->ktime_from)
			pr_json_s64(&e->j, NULL, since_start(e, g->ktime_from));
		else
			pr_json_null(&e->j, NULL);
		if (g->ktime_to != UINT64_MAX)
			pr_json_s64(&e->j, NULL, since_start(e, g->ktime_to));
		else
			pr_json_null(&e->j, NULL);
		pr_json_u64(&e->j, NULL, g->count);
		pr_json_str(&e->j, NULL, g->kind == PR_GAP_DAMAGE ? "the file is damaged" : pr_stream_name(g->stream));
		pr_json_array_end(&e->j);
		flush_some(e);
	}
	pr_json_array_end(&e->j);
}

static void put_command(struct emit *e)
{
	const struct pr_buf *c = &e->r->command;

	pr_json_array(&e->j, "command");
	for (size_t i = 0; i < c->len;) {
		const uint8_t *nul = memchr(c->data + i, 0, c->len - i);
		size_t n = nul ? (size_t)(nul - c->data) - i : c->len - i;

		pr_json_bytes_element(&e->j, c->data + i, n);
		i += n + 1;
	}
	pr_json_array_end(&e->j);
}

static void put_string(struct emit *e, const char *key, struct pr_slice s)
{
	pr_json_key(&e->j, key);
	e->j.comma = false;
	pr_json_bytes_element(&e->j, s.p ? s.p : (const uint8_t *)"", s.n);
}

/* The time that was selected: what the page shows first. */
static void put_view(struct emit *e)
{
	const struct pr_walk *w = &e->r->walk;

	pr_json_array(&e->j, "view");
	if (w->from)
		pr_json_s64(&e->j, NULL, since_start(e, w->from));
	else
		pr_json_null(&e->j, NULL);
	if (w->to != UINT64_MAX)
		pr_json_s64(&e->j, NULL, since_start(e, w->to));
	else
		pr_json_null(&e->j, NULL);
	pr_json_array_end(&e->j);
}

static void put_data(struct emit *e)
{
	const struct pr_walk *w = &e->r->walk;
	struct pr_slice host = pr_walk_host(w);
	struct pr_trace_state st;
	int64_t real;

	pr_trace_get_state(w->session.trace, &st);
	e->j = pr_json_make(&e->part);
	pr_json_object(&e->j, NULL);
	pr_json_str(&e->j, "madeBy", "procrec " PR_VERSION);
	put_string(e, "host", host);
	pr_json_key(&e->j, "hostB64"); /* its very bytes, which ids are made of */
	pr_buf_u8(&e->part, '"');
	pr_base64(&e->part, host.p, host.n);
	pr_buf_u8(&e->part, '"');
	put_string(e, "system", (struct pr_slice){e->r->system.data, e->r->system.len});
	put_command(e);
	pr_json_u64(&e->j, "rootPid", e->r->root_pid);
	pr_json_key(&e->j, "startKtime");
	pr_buf_printf(&e->part, "\"%llu\"", (unsigned long long)e->start);
	if (pr_timeline_real(&w->session.timeline, e->start, &real)) {
		pr_json_key(&e->j, "startReal");
		pr_buf_printf(&e->part, "\"%lld\"", (long long)real);
	} else {
		pr_json_null(&e->j, "startReal");
	}
	pr_json_u64(&e->j, "span", w->now_ktime > e->start ? w->now_ktime - e->start : 0);
	put_view(e);
	pr_json_bool(&e->j, "sealed", st.sealed);
	put_columns(e);
	put_words(e);
	put_lists(e);
	put_gaps(e);
	pr_json_object_end(&e->j);
	flush_json(e);
}

/* ---- the page around it --------------------------------------------------------------------------------------------- */

static void put_hash(struct pr_buf *b, const char *text)
{
	unsigned char hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(hash, (const unsigned char *)text, strlen(text));
	pr_buf_str(b, "'sha256-");
	pr_base64(b, hash, sizeof(hash));
	pr_buf_u8(b, '\'');
}

static void put_policy(struct emit *e)
{
	struct pr_buf *b = &e->out->buf;

	pr_buf_str(b, "default-src 'none'; base-uri 'none'; form-action 'none'; script-src ");
	put_hash(b, pr_page_js);
	pr_buf_str(b, "; style-src ");
	put_hash(b, pr_page_css);
}

static void put_title(struct emit *e)
{
	struct pr_buf b = PR_BUF_INIT, *out = &e->out->buf;
	struct pr_slice host = pr_walk_host(&e->r->walk);

	pr_text_escape(&b, host.p, host.n);
	for (size_t i = 0; i < b.len; i++) {
		if (b.data[i] == '<' || b.data[i] == '>' || b.data[i] == '&')
			pr_buf_printf(out, "&#%d;", b.data[i]);
		else
			pr_buf_u8(out, b.data[i]);
	}
	pr_buf_str(out, host.n ? " \xc2\xb7 procrec" : "procrec");
	pr_buf_release(&b);
}

static void put_css(struct emit *e)
{
	pr_buf_str(&e->out->buf, pr_page_css);
}

static void put_js(struct emit *e)
{
	pr_buf_str(&e->out->buf, pr_page_js);
}

int pr_report_emit(struct pr_report *r, struct pr_out *out)
{
	static const struct {
		const char *mark;
		void (*put)(struct emit *e);
	} parts[] = {{"@CSP@", put_policy}, {"@TITLE@", put_title}, {"@CSS@", put_css}, {"@DATA@", put_data}, {"@JS@", put_js}};
	struct emit e = {.r = r, .out = out, .start = r->walk.start_ktime == UINT64_MAX ? 0 : r->walk.start_ktime};
	const char *at = pr_page_html;
	int err;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const char *mark = strstr(at, parts[i].mark);

		pr_buf_append(&out->buf, at, (size_t)(mark - at));
		parts[i].put(&e);
		at = mark + strlen(parts[i].mark);
	}
	pr_buf_str(&out->buf, at);
	err = e.part.failed || out->buf.failed ? PR_ENOMEM : PR_OK;
	pr_buf_release(&e.part);
	return err;
}
