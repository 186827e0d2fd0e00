-- SPDX-License-Identifier: BSD-2-Clause
--
-- trace.seg.idx: what a trace holds, by process. Derived from the segment and rebuilt from it at will (`procrec reindex`).
--
-- The tables are compact; the views below them are for people and do not change with the tables' layout.
-- kt, pd, okt, nkt, node are relative to meta 'base' (ktime of the first frame, CLOCK_BOOTTIME ns); the views give whole ktimes.
-- seq: number of a frame in the trace, as everywhere.

PRAGMA application_id = 1886544739; -- "prcc"
PRAGMA user_version = 2;

-- What this index belongs to. `complete` is written last: without it the index is not one.
CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;

-- One row per identity (pid, ktime), that is per process image. A process that was cloned and then execed has one row, its image:
-- the short time between is in `pre`, unless it needs a row of its own (it was not that short, or frames are missing or disagree). A parent's key
-- may be that of a row, or the one that a row's `pre` leads to.
CREATE TABLE image(
	pid INTEGER NOT NULL,
	kt INTEGER NOT NULL, -- ktime - base
	ppid INTEGER, -- the parent key's pid; NULL: no frame tells
	pd INTEGER, -- kt minus the parent key's ktime (relative to base as well)
	bits INTEGER NOT NULL, -- 0-1 start: 0 not seen, 1 clone, 2 exec, 3 snapshot; 2: first exec after a clone;
		-- 3: the parent is inferred; 4-5 end: 0 not seen, 1 exit, 2 replaced by an exec; 6: frames disagree;
		-- 7: a start frame was emitted before, or long after, kt; 8: only frames that repeat state tell of it
	status INTEGER, -- wait status, when the end is an exit
	dur INTEGER, -- from kt to the end
	seq INTEGER, -- of the frame that tells most: execve, else clone; NULL: none
	eseq INTEGER, -- end frame's seq, minus seq (as it is where seq is NULL)
	lead INTEGER, -- how many frames before seq must be read as well, for its details
	pre INTEGER, -- kt minus the ktime of the identity that was cloned and became this image by its first exec
	cseq INTEGER, -- seq minus that of the clone frame; of this identity itself where pre is NULL
	PRIMARY KEY(pid, kt)
) WITHOUT ROWID;

-- Images that may live longer than half a second, under the moment between their start and end that divides by the largest power
-- of two (a backbone tree over time): who lived at T stands under one of 64 nodes. node 0: the end was not seen; the lowest: nor anything but
-- repeated state.
CREATE TABLE long(node INTEGER NOT NULL, pid INTEGER NOT NULL, kt INTEGER NOT NULL, PRIMARY KEY(node, pid, kt)) WITHOUT ROWID;

CREATE TABLE block(
	number INTEGER PRIMARY KEY,
	offset INTEGER NOT NULL, -- of its descriptor in the file
	first_seq INTEGER NOT NULL,
	frames INTEGER NOT NULL,
	kmin INTEGER, -- ktimes of its frames; NULL: it has none
	kmax INTEGER
);

CREATE TABLE gap(
	id INTEGER PRIMARY KEY,
	kind INTEGER NOT NULL, -- 0 lost before the ring was read, 1 damage of the file, 2 counted by the recorder
	before_seq INTEGER NOT NULL,
	cpu INTEGER,
	stream INTEGER,
	count INTEGER, -- NULL: not known
	kfrom INTEGER, -- ktime; NULL: open
	kto INTEGER,
	reason INTEGER
);

CREATE TABLE clock(id INTEGER PRIMARY KEY, seq INTEGER NOT NULL, ktime INTEGER NOT NULL, realtime INTEGER NOT NULL);
CREATE TABLE name(id INTEGER PRIMARY KEY, seq INTEGER NOT NULL, uid INTEGER, name BLOB NOT NULL); -- uid NULL: the host's
CREATE TABLE reparent(
	pid INTEGER NOT NULL, kt INTEGER NOT NULL, seq INTEGER NOT NULL, opid INTEGER, okt INTEGER, npid INTEGER, nkt INTEGER,
	PRIMARY KEY(pid, kt, seq)
) WITHOUT ROWID;

-- What joins the indexes of the segments of a directory into one (FORMAT.md, 2.8). Own frames: those that do not repeat state.
--
-- Facts that the rows of `image` don't tell: of all frames (own 0), of own frames (own 1; x, c and e 0: they tell nothing).
CREATE TABLE fact(
	own INTEGER NOT NULL, pid INTEGER NOT NULL, kt INTEGER NOT NULL,
	x INTEGER NOT NULL, xppid INTEGER NOT NULL, xpkt INTEGER NOT NULL, xseq INTEGER NOT NULL, xlead INTEGER NOT NULL, -- execve frame
	c INTEGER NOT NULL, cppid INTEGER NOT NULL, cpkt INTEGER NOT NULL, cseq INTEGER NOT NULL, -- clone frame
	e INTEGER NOT NULL, ekt INTEGER NOT NULL, eseq INTEGER NOT NULL, estatus INTEGER NOT NULL, -- end
	pre INTEGER NOT NULL, flags INTEGER NOT NULL, -- 0 first exec; 1, 2 parent inferred, of execve and clone; 3 frames disagree; 4 as bit 7 above
	PRIMARY KEY(own, pid, kt)
) WITHOUT ROWID;
-- Keys that own frames name and that are older than the first of them: role 0 as a process, 1 as a parent.
CREATE TABLE old(role INTEGER NOT NULL, pid INTEGER NOT NULL, kt INTEGER NOT NULL, PRIMARY KEY(role, pid, kt)) WITHOUT ROWID;
-- How sequence numbers went: kind 0-2 a gap as above, not before the first number of a stream; 3 first number of a stream; 4 damage;
-- 5 at the end; 6, 7 repeated state. stream: cpu * 256 + stream.
CREATE TABLE step(
	id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, seq INTEGER NOT NULL, stream INTEGER NOT NULL, count INTEGER NOT NULL,
	kfrom INTEGER NOT NULL, kto INTEGER NOT NULL, reason INTEGER NOT NULL
);
-- Ids and keys of frames that may belong to an execve frame in another segment: kind as enum pr_lead_kind.
CREATE TABLE lead(kind INTEGER NOT NULL, pid INTEGER NOT NULL, time INTEGER NOT NULL, PRIMARY KEY(kind, pid, time)) WITHOUT ROWID;

CREATE INDEX block_seq ON block(first_seq);
CREATE INDEX block_time ON block(kmin, kmax);
CREATE INDEX name_uid ON name(uid, seq);

CREATE VIEW base(ktime, offset) AS SELECT
	(SELECT value FROM meta WHERE name = 'base'),
	(SELECT value FROM meta WHERE name = 'base') + (SELECT realtime - ktime FROM clock ORDER BY id LIMIT 1);

-- One row per process image. started, ended: ns since 1970 UTC by the first clock reading; NULL: there is none.
CREATE VIEW processes AS SELECT
	pid, kt + b.ktime AS ktime, ppid, kt - pd + b.ktime AS pktime,
	CASE bits & 7 WHEN 0 THEN NULL WHEN 1 THEN 'clone' WHEN 2 THEN 'exec' WHEN 3 THEN 'snapshot' WHEN 6 THEN 'clone+exec' ELSE 'snapshot' END AS how,
	CASE WHEN ppid IS NULL THEN 'unknown' WHEN bits & 8 THEN 'inferred' WHEN bits & 3 = 3 THEN 'snapshot' ELSE 'observed' END AS certainty,
	kt - pre + b.ktime AS cloned_ktime,
	kt + dur + b.ktime AS end_ktime,
	CASE bits >> 4 & 3 WHEN 1 THEN 'exit' WHEN 2 THEN 'exec' END AS ended_by,
	CASE WHEN bits >> 4 & 3 = 1 THEN status >> 8 & 255 END AS exit_code,
	CASE WHEN bits >> 4 & 3 = 1 THEN status & 127 END AS exit_signal,
	CASE WHEN bits >> 4 & 3 = 1 THEN status >> 7 & 1 END AS exit_core,
	status,
	dur AS duration,
	kt + b.offset AS started, kt + dur + b.offset AS ended,
	seq, seq - cseq AS clone_seq, coalesce(seq, 0) + eseq AS end_seq,
	bits >> 6 & 1 AS conflict
	FROM image, base AS b;

CREATE VIEW execs AS SELECT pid, ktime, ppid, pktime, how, certainty, cloned_ktime, started, seq FROM processes
	WHERE how IN ('exec', 'clone+exec');

CREATE VIEW exits AS SELECT pid, ktime, end_ktime, exit_code, exit_signal, exit_core, status, duration, ended, end_seq FROM processes
	WHERE ended_by = 'exit';

CREATE VIEW gaps AS SELECT
	CASE kind WHEN 0 THEN 'lost' WHEN 1 THEN 'damage' ELSE 'counted' END AS kind, before_seq, cpu,
	CASE stream WHEN 0 THEN 'user' WHEN 1 THEN 'exec' WHEN 2 THEN 'clone' WHEN 3 THEN 'exit' WHEN 4 THEN 'data' WHEN 5 THEN 'exec_fail' ELSE stream END AS stream,
	count AS frames, kfrom AS ktime_from, kto AS ktime_to, reason FROM gap;

CREATE VIEW blocks AS SELECT number, "offset", first_seq, frames, kmin AS ktime_min, kmax AS ktime_max FROM block;

-- late: made when all rows are in, which is faster and leaves no room unused.
CREATE INDEX children ON image(ppid, (kt - pd) >> 30);
CREATE INDEX fact_x ON fact(xppid, xpkt);
CREATE INDEX fact_c ON fact(cppid, cpkt);
