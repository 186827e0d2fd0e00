/* SPDX-License-Identifier: BSD-2-Clause */
#include "recorder/session.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "recorder/child.h"
#include "recorder/intake.h"
#include "recorder/keyframe.h"
#include "recorder/resume.h"
#include "recorder/rights.h"

#define WAIT_MIN_MS 100 /* between two looks at the ring while something happens */
#define WAIT_MAX_MS 800 /* on an idle machine */
#define PRIORITY (-10) /* nice value */
#define NS_PER_MS 1000000u

struct session {
	const struct pr_session_options *opt;
	struct pr_session_result *out;
	struct pr_capture *cap;
	struct pr_spool *spool;
	struct pr_intake intake;
	struct pr_child child;
	sigset_t old_mask;
	struct pr_resume known; /* with out->resumed */
	struct pr_redact_label redacted; /* empty: nothing is taken out */
	int proc_fd, signal_fd, epoll_fd;
	bool looped; /* the loop was reached */
	bool ending; /* the loop is to end */
	bool freeze; /* what the ring holds now is to be frozen with all before it */
	uint64_t frozen, refused; /* told of */
	bool gone; /* told of */
	uint64_t start_ns, synced_ns, status_ns;
	int wait_ms;
	char reason[64];
};

/* ---- setting up -------------------------------------------------------------------------------------------------- */

static int block_signals(struct session *s, struct pr_errinfo *ei)
{
	static const int handled[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD, SIGUSR1};
	sigset_t mask;

	signal(SIGCHLD, SIG_DFL); /* were it ignored, nobody could learn CMD's status */
	sigemptyset(&mask);
	for (size_t i = 0; i < sizeof(handled) / sizeof(handled[0]); i++)
		sigaddset(&mask, handled[i]);
	sigprocmask(SIG_BLOCK, &mask, &s->old_mask);
	s->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signal_fd < 0 ? pr_fail_errno(ei, "cannot open a signalfd") : PR_OK;
}

static int watch(struct session *s, int fd, struct pr_errinfo *ei)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &ev) ? pr_fail_errno(ei, "cannot watch a descriptor") : PR_OK;
}

/* What is gone on with must be redacted alike: else secrets come in, or a trace says of itself what is not so. */
static int check_redaction(const struct session *s, struct pr_errinfo *ei)
{
	const struct pr_redact_label *was = &s->known.redacted, *now = &s->redacted;
	const char *path = s->opt->spool.path;

	if (!s->known.has_recorder || (!strcmp(was->rules, now->rules) && !strcmp(was->key_id, now->key_id)))
		return PR_OK;
	if (!*was->rules)
		return pr_fail(ei, PR_EBUSY, "%s is not redacted: go on with it without --redact", path);
	if (!*now->rules)
		return pr_fail(ei, PR_EBUSY, "%s is redacted: go on with it with the same --redact and --redact-key", path);
	return pr_fail(ei, PR_EBUSY, "%s is redacted %s: go on with the same --redact and --redact-key", path,
		strcmp(was->key_id, now->key_id) ? "with another key" : "by other rules");
}

/* The pinned ring and the trace belong together: one without the other is nothing to go on with. */
static int open_capture(struct session *s, struct pr_errinfo *ei)
{
	const char *pins = s->opt->capture.pin_dir, *path = s->opt->spool.path;
	bool pinned = pins && pr_capture_is_pinned(pins), there = !access(path, F_OK);
	int err;

	if (!s->opt->resume || (!pinned && !there))
		return pr_capture_open(&s->opt->capture, &s->cap, ei);
	if (!pinned)
		return pr_fail(ei, PR_EBUSY, "%s exists, but %s holds no recording that goes on with it; choose another name", path, pins);
	if (!there)
		return pr_fail(ei, PR_EBUSY, "%s holds a recording that was cut off, but %s is not where it went; give the right name, or end it "
			"with 'procrec stop'", pins, path);
	err = pr_resume_scan(&s->known, path, ei);
	if (!err)
		err = check_redaction(s, ei);
	if (err)
		return err;
	s->out->resumed = true;
	return pr_capture_resume(pins, &s->cap, ei);
}

static int open_spool(struct session *s, struct pr_errinfo *ei)
{
	struct pr_spool_options opt = s->opt->spool;
	int err;

	if (s->out->resumed)
		opt.resume = &s->known.end;
	if (s->out->resumed && opt.redact)
		opt.known = &s->known;
	err = pr_spool_open(&s->spool, &opt, ei);
	if (err)
		return err;
	pr_intake_init(&s->intake, s->cap, s->spool, s->out->resumed ? &s->known : NULL);
	s->intake.hold = s->opt->resume;
	s->intake.pass_known = opt.known != NULL;
	return PR_OK;
}

static int open_all(struct session *s, struct pr_errinfo *ei)
{
	const struct pr_session_options *opt = s->opt;
	int err = block_signals(s, ei);

	/* First of all, while nothing is dropped or opened: CMD is to run as if it had been started by the caller's shell. */
	if (!err && opt->command)
		err = pr_child_hold(&s->child, opt->command, &s->old_mask, ei);
	/* Who empties the ring must get a turn in time on a machine that is busy beyond its means. It needs little. */
	setpriority(PRIO_PROCESS, 0, PRIORITY);
	if (!err)
		err = pr_rights_no_new_privs(ei);
	if (!err)
		err = pr_procfs_open("/proc", &s->proc_fd, ei);
	if (!err)
		err = open_capture(s, ei);
	if (!err)
		err = open_spool(s, ei);
	if (err)
		return err;
	s->out->started = true;
	if (opt->on_open)
		opt->on_open(opt->arg);
	s->out->flavour = pr_capture_flavour(s->cap);
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll_fd < 0)
		return pr_fail_errno(ei, "cannot open an epoll descriptor");
	err = watch(s, s->signal_fd, ei);
	if (!err && !opt->read_delay_ns)
		err = watch(s, pr_capture_fd(s->cap), ei);
	return err;
}

static int put_keyframe(void *arg, const void *p, size_t n, struct pr_errinfo *ei)
{
	return pr_spool_put(((struct session *)arg)->spool, p, n, true, ei);
}

/* From attaching on the ring fills; it is not read before the keyframe is written, so that the trace begins with it. */
static int attach(struct session *s, struct pr_errinfo *ei)
{
	const struct pr_session_options *opt = s->opt;
	struct pr_keyframe_job job = {
		.cap = s->cap,
		.frames = &s->intake.frames,
		.users = &s->intake.users,
		.proc_fd = s->proc_fd,
		.about = {opt->argv, opt->options_text, opt->spool.redact ? &s->redacted : NULL, (uint32_t)s->child.pid, opt->capture.only_tree},
		.put = put_keyframe,
		.arg = s,
	};
	enum pr_snapshot_mode mode = s->out->resumed ? PR_SNAPSHOT_AGAIN : PR_SNAPSHOT_NEW;
	int err = s->out->resumed ? PR_OK : pr_capture_attach(s->cap, ei);

	s->start_ns = s->synced_ns = s->status_ns = pr_boottime_ns();
	s->intake.loss_since_ns = s->intake.clock_ns = s->start_ns;
	if (!err && opt->capture.only_tree)
		err = pr_capture_track(s->cap, (uint32_t)s->child.pid, ei);
	/* One that was killed in its keyframe may have claimed processes that it could not write any more: these are told again. */
	if (!err && s->out->resumed && s->known.has_keyframe) {
		pr_keyframe_recorder(&s->intake.frames, pr_frames_clock(&s->intake.frames), &job.about, NULL);
		return pr_intake_put_frames(&s->intake, ei);
	}
	if (!err)
		err = pr_keyframe_write(&job, mode, ei);
	s->intake.stats.processes = job.processes;
	if (!err && s->child.pid)
		err = pr_capture_vouch(s->cap, (uint32_t)s->child.pid, ei);
	return err;
}

/* Old kernels want CAP_BPF for each look at a counter: it is kept only where it turns out to be needed. */
static int drop_rights(struct session *s, struct pr_errinfo *ei)
{
	unsigned keep = s->child.pid ? PR_RIGHTS_KEEP_KILL : 0;
	struct pr_capture_counters c;
	int err = pr_rights_suspend(keep, ei);

	if (err)
		return err;
	if (pr_capture_counters(s->cap, &c, NULL)) {
		keep |= PR_RIGHTS_KEEP_BPF;
		err = pr_rights_restore(ei);
	}
	return err ? err : pr_rights_drop(keep, ei);
}

/* ---- the loop ---------------------------------------------------------------------------------------------------- */

/* The terminal sends its signals to the whole foreground group: CMD has got those already. */
static void on_signal(struct session *s, const struct signalfd_siginfo *si)
{
	int sig = (int)si->ssi_signo;

	if (sig == SIGCHLD) {
		if (!s->child.pid && s->opt->is_wanted && !s->opt->is_wanted(s->opt->arg)) {
			s->ending = true;
			snprintf(s->reason, sizeof(s->reason), "nobody reads what is printed");
		}
		return;
	}
	if (sig == SIGUSR1) {
		s->freeze = s->opt->spool.rotate; /* else there is nothing to freeze; it is no reason to end */
		return;
	}
	s->out->end_signal = sig;
	if (!s->child.pid) {
		s->ending = true;
		snprintf(s->reason, sizeof(s->reason), "signal %d", sig);
	} else if (si->ssi_code != SI_KERNEL && !s->child.done) {
		kill(s->child.pid, sig);
	}
}

static void read_signals(struct session *s)
{
	struct signalfd_siginfo si;

	while (read(s->signal_fd, &si, sizeof(si)) == sizeof(si))
		on_signal(s, &si);
	if (pr_child_poll(&s->child)) {
		s->ending = true;
		snprintf(s->reason, sizeof(s->reason), "command exited");
	}
}

static int sleep_until_something(struct session *s, struct pr_errinfo *ei)
{
	struct epoll_event ev[4];
	int timeout = s->wait_ms;

	if (s->opt->read_delay_ns)
		timeout = (int)(s->opt->read_delay_ns / NS_PER_MS);
	if (epoll_wait(s->epoll_fd, ev, 4, timeout) < 0 && errno != EINTR)
		return pr_fail_errno(ei, "cannot wait for events");
	read_signals(s);
	return PR_OK;
}

static void tell_status(struct session *s, uint64_t now)
{
	const struct pr_session_options *opt = s->opt;

	if (!opt->status_ns || now - s->status_ns < opt->status_ns)
		return;
	s->status_ns = now;
	pr_intake_stats(&s->intake, now - s->start_ns, &s->out->stats);
	opt->on_status(opt->arg, &s->out->stats);
}

static void tell_trouble(struct session *s)
{
	struct pr_errinfo why;
	bool stuck;

	while (pr_spool_trouble(s->spool, &why, &stuck))
		if (s->opt->on_trouble)
			s->opt->on_trouble(s->opt->arg, *why.msg ? why.msg : NULL, stuck);
}

static void tell_gone(struct session *s)
{
	struct pr_spool_state st;

	if (s->gone || !s->opt->on_gone)
		return;
	pr_spool_get_state(s->spool, &st);
	if (!st.sink.gone.files)
		return;
	s->opt->on_gone(s->opt->arg, &st.sink.gone);
	s->gone = true;
}

static void tell_freezes(struct session *s)
{
	struct pr_spool_state st;
	const struct pr_freezer_state *z = &st.sink.frozen;

	if (!s->opt->spool.rotate || !s->opt->on_freeze)
		return;
	pr_spool_get_state(s->spool, &st);
	if (z->n > s->frozen)
		s->opt->on_freeze(s->opt->arg, z, false);
	if (z->refused > s->refused)
		s->opt->on_freeze(s->opt->arg, z, true);
	s->frozen = z->n;
	s->refused = z->refused;
}

/* One round of the loop: what is in the ring goes to the spool; syncs and status when they are due. */
static int round_once(struct session *s, struct pr_errinfo *ei)
{
	uint64_t now = pr_boottime_ns();
	bool got = false;
	int err = pr_intake_read(&s->intake, now, &got, ei);

	if (got)
		s->wait_ms = WAIT_MIN_MS;
	else if (s->wait_ms < WAIT_MAX_MS)
		s->wait_ms *= 2;
	if (!err && s->freeze)
		pr_spool_freeze(s->spool);
	if (!err && (s->freeze || now - s->synced_ns >= s->opt->sync_ns) && pr_spool_pending(s->spool)) {
		s->freeze = false;
		s->synced_ns = now;
		err = pr_intake_losses(&s->intake, now, ei);
		if (!err)
			err = pr_intake_tick(&s->intake, ei);
	}
	pr_intake_release_ring(&s->intake);
	tell_gone(s);
	tell_trouble(s);
	tell_freezes(s);
	tell_status(s, now);
	return err;
}

/*
 * Nothing can be written any more, but CMD is not ours to end. The programs stay attached: the ring is full soon, and the kernel counts all
 * that comes.
 */
static void wait_for_command(struct session *s)
{
	struct epoll_event ev;

	epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, pr_capture_fd(s->cap), NULL);
	while (s->child.pid && !s->ending) {
		epoll_wait(s->epoll_fd, &ev, 1, -1);
		read_signals(s);
	}
}

static int loop(struct session *s, struct pr_errinfo *ei)
{
	int err = PR_OK;

	s->wait_ms = WAIT_MIN_MS;
	while (!err && !s->ending) {
		err = sleep_until_something(s, ei);
		if (!err)
			err = round_once(s, ei);
	}
	if (err)
		wait_for_command(s);
	return err;
}

/* Nothing new comes; what is in the ring still belongs to the trace, and then the final figures. */
static int finish(struct session *s, struct pr_errinfo *ei)
{
	struct pr_frames *f = &s->intake.frames;
	int err = pr_capture_detach(s->cap, ei);
	uint64_t now = pr_boottime_ns();

	pr_spool_hurry(s->spool);
	if (!err)
		err = pr_intake_drain(&s->intake, now, ei);
	if (!err)
		err = pr_intake_final(&s->intake, now, ei);
	if (!err) {
		pr_keyframe_recorder(f, pr_frames_clock(f), NULL, s->reason);
		err = pr_intake_put_frames(&s->intake, ei);
	}
	if (!err)
		err = pr_spool_close(s->spool, ei);
	tell_trouble(s);
	tell_freezes(s);
	if (!err && s->opt->resume)
		err = pr_capture_unpin(s->opt->capture.pin_dir, ei);
	return err;
}

/*
 * After a failure: what was emitted and is in no block that was written, whether it was in the queue or still in the ring, is lost, and
 * what is told of as recorded are the frames in those blocks. One that is pinned has lost nothing: its ring holds all that.
 */
static void count_unwritten(struct session *s)
{
	struct pr_capture_counters c;
	struct pr_spool_state there;

	if (s->opt->resume)
		return;
	pr_capture_detach(s->cap, NULL);
	pr_spool_stop(s->spool);
	pr_spool_get_state(s->spool, &there);
	if (pr_capture_counters(s->cap, &c, NULL))
		s->out->uncounted = true;
	else
		pr_intake_unwritten(&s->intake, &c, &there.sink);
}

static void close_all(struct session *s)
{
	if (s->child.pid) {
		pr_child_dismiss(&s->child);
		s->out->cmd_status = pr_child_exit_status(&s->child);
		s->out->cmd_errno = s->child.exec_errno;
	}
	if (s->intake.spool)
		pr_intake_stats(&s->intake, pr_boottime_ns() - s->start_ns, &s->out->stats);
	pr_spool_free(s->spool);
	pr_intake_release(&s->intake);
	pr_resume_release(&s->known);
	pr_capture_close(s->cap);
	if (s->proc_fd >= 0)
		close(s->proc_fd);
	if (s->signal_fd >= 0)
		close(s->signal_fd);
	if (s->epoll_fd >= 0)
		close(s->epoll_fd);
}

static int record(struct session *s, struct pr_errinfo *ei)
{
	int err = attach(s, ei);

	if (!err)
		err = drop_rights(s, ei);
	if (!err && s->child.pid)
		err = pr_child_release(&s->child, ei);
	if (err)
		return err;
	s->out->ran = s->child.pid != 0;
	pr_intake_stats(&s->intake, 0, &s->out->stats);
	if (s->opt->on_start)
		s->opt->on_start(s->opt->arg, &s->out->stats);
	s->looped = true;
	err = loop(s, ei);
	if (!err)
		err = finish(s, ei);
	if (err)
		count_unwritten(s);
	return err;
}

int pr_session_run(const struct pr_session_options *opt, struct pr_session_result *out, struct pr_errinfo *ei)
{
	struct session s = {.opt = opt, .out = out, .proc_fd = -1, .signal_fd = -1, .epoll_fd = -1};
	int err;

	memset(out, 0, sizeof(*out));
	out->redacted = opt->spool.redact != NULL;
	if (out->redacted)
		pr_redact_label(opt->spool.redact, &s.redacted);
	s.child.go_fd = s.child.error_fd = -1;
	err = open_all(&s, ei);
	if (!err)
		err = record(&s, ei);
	/* What never came to record is not to be left running; what failed later may be worth going on with. */
	if (err && opt->resume && s.cap && !s.looped && !out->resumed)
		pr_capture_unpin(opt->capture.pin_dir, NULL);
	if (err && out->started && !s.looped && !out->resumed) {
		pr_spool_discard(s.spool); /* nothing was recorded: an empty trace would be in the way of the next try */
		out->started = false;
	}
	out->left_pinned = opt->resume && s.cap && pr_capture_is_pinned(opt->capture.pin_dir);
	close_all(&s);
	return err;
}
