# SPDX-License-Identifier: BSD-2-Clause
"""procrec and its peers as recorders of the whole machine: how each is started, when it is ready, how it is ended."""

import os
import re
import shutil
import signal
import subprocess
import time

from common import Failed, clean_env, cpu_of, read

SCHED = ["sched:sched_process_exec", "sched:sched_process_fork", "sched:sched_process_exit"]
BPFTRACE = ('tracepoint:syscalls:sys_enter_execve { printf("exec %d %d ", pid, uid); join(args->argv); } '
            'tracepoint:sched:sched_process_exit { printf("exit %d %s\\n", pid, comm); }')
PACKAGES = {"perf": "linux-perf", "trace-cmd": "trace-cmd", "bpftrace": "bpftrace", "execsnoop": "libbpf-tools",
            "exitsnoop": "libbpf-tools", "auditd": "auditd", "sysdig": "sysdig", "forkstat": "forkstat", "strace": "strace"}


class Recorder:
    """A recorder that is started with `argv`. Its output is the file `out`, or what it prints where that is None."""

    keeps = ""
    ready = None  # what it prints on stderr when it records; else `delay` seconds after the start
    delay = 1.0
    end = signal.SIGINT
    share = 0.5  # of the load's processes: with less output than 20 bytes for each of these it did not record

    def __init__(self, name, argv, out=None, **kw):
        self.name, self.argv, self.out = name, argv, out
        for k, v in kw.items():
            setattr(self, k, v)

    def present(self):
        return shutil.which(self.argv[0]) is not None

    def start(self, work):
        self.text, self.errors = os.path.join(work, "peer.out"), os.path.join(work, "peer.err")
        if self.out and os.path.exists(self.out):
            os.unlink(self.out)
        with open(self.text, "wb") as o, open(self.errors, "wb") as e:
            self.p = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=o, stderr=e, env=clean_env())
        limit = time.monotonic() + (20 if self.ready else self.delay)
        while time.monotonic() < limit and self.p.poll() is None:
            if self.ready and self.ready in read(self.errors):
                break
            time.sleep(0.02)
        if self.p.poll() is not None or (self.ready and self.ready not in read(self.errors)):
            self.kill()
            raise Failed(self.why())
        self.cpu_before = cpu_of(self.p.pid)
        self.size_before = self.size()

    def why(self):
        lines = [line for line in (read(self.errors) + read(self.text)).splitlines() if line.strip()]
        return lines[0].strip()[:160] if lines else "it ended without a word"

    def size(self):
        path = self.out or self.text
        return os.path.getsize(path) if os.path.exists(path) else 0

    def stop(self):
        """CPU seconds from ready to its end, and bytes that it wrote."""
        self.p.send_signal(self.end)
        limit = time.monotonic() + 60
        while True:
            pid, status, usage = os.wait4(self.p.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > limit:
                self.p.kill()
            time.sleep(0.01)
        self.p.returncode = os.waitstatus_to_exitcode(status)
        self.after()
        return usage.ru_utime + usage.ru_stime - self.cpu_before, self.size()

    def after(self):
        pass

    def kill(self):
        if self.p.poll() is None:
            self.p.kill()
        self.p.wait()
        self.after()


class Auditd(Recorder):
    """auditd in the foreground with a configuration of its own; the rule is taken back at the end."""

    def start(self, work):
        for d in ("audit", "audit/plugins.d"):
            os.makedirs(os.path.join(work, d), exist_ok=True)
        conf = os.path.join(work, "audit")
        if re.search(r"^pid [1-9]", run_text("auditctl", "-s"), re.M):
            raise Failed("another auditd runs on this machine")
        self.out = os.path.join(conf, "audit.log")
        with open(os.path.join(conf, "auditd.conf"), "w", encoding="utf-8") as f:
            f.write(f"log_file = {self.out}\nlog_format = RAW\nflush = INCREMENTAL_ASYNC\nfreq = 50\nmax_log_file = 500\n"
                    f"num_logs = 2\nplugin_dir = {conf}/plugins.d\nspace_left = 75\nspace_left_action = IGNORE\nadmin_space_left = 50\n"
                    "admin_space_left_action = IGNORE\ndisk_full_action = IGNORE\ndisk_error_action = IGNORE\n")
        os.chmod(os.path.join(conf, "auditd.conf"), 0o640)
        self.argv = ["auditd", "-n", "-c", conf]
        super().start(work)
        run_text("auditctl", "-b", "8192")
        if "error" in run_text("auditctl", "-a", "always,exit", "-F", "arch=b64", "-S", "execve").lower():
            self.kill()
            raise Failed("auditctl could not set its rule")

    def after(self):
        run_text("auditctl", "-d", "always,exit", "-F", "arch=b64", "-S", "execve")
        run_text("auditctl", "-e", "0")


def run_text(*argv):
    p = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return p.stdout.decode("utf-8", "replace")


def procrec(bench, name="procrec", *options):
    trace = bench.path("bench.seg")
    return Recorder(name, [bench.procrec, "record", "--force", "-o", trace, *options], trace, ready="recording into",
                    keeps="all, with arguments, cwd, rights")


def peers(bench):
    events = [a for e in SCHED for a in ("-e", e)]
    perf, dat, scap = bench.path("perf.data"), bench.path("trace.dat"), bench.path("sysdig.scap")
    return [
        # -B: at its end perf would read the build ids of all that ran, 90 ms in all, which is no part of recording processes.
        Recorder("perf", ["perf", "record", "-q", "-B", "-a", *events, "-o", perf], perf, keeps="no arguments", delay=1.2),
        Recorder("trace-cmd", ["trace-cmd", "record", "-q", *events, "-o", dat], dat, keeps="no arguments", delay=1.5),
        Recorder("execsnoop", ["/usr/sbin/execsnoop"], keeps="execs alone", delay=1.5),
        Recorder("exitsnoop", ["/usr/sbin/exitsnoop"], keeps="exits alone", delay=1.5),
        Recorder("bpftrace", ["bpftrace", "-e", BPFTRACE], keeps="execs and exits, as text", delay=4),
        Recorder("forkstat", ["forkstat", "-e", "exec,fork,exit"], keeps="as text", delay=1),
        Auditd("auditd", ["auditd"], "", keeps="execs, with arguments", delay=1, end=signal.SIGTERM),
        Recorder("sysdig", ["sysdig", "-w", scap, "evt.type in (execve, clone, fork, vfork, procexit)"], scap, keeps="syscalls", delay=3),
    ]


def install():
    """Installs what is missing of the peers, as far as it can be had; says what can't."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    env = dict(clean_env(), DEBIAN_FRONTEND="noninteractive")
    have = run_text("dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n")
    missing = sorted(p for p in {*PACKAGES.values(), "valgrind"} if f"{p} installed\n" not in have)
    if missing:
        print(f"installing: {' '.join(missing)}", flush=True)
        opts = ["-o", "DPkg::Lock::Timeout=300"]
        subprocess.run(["apt-get", *opts, "update", "-qq"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        for p in missing:  # one by one: one that is not to be had keeps no other one out
            subprocess.run(["apt-get", *opts, "install", "-y", "--no-install-recommends", p], env=env, stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
