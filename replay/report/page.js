"use strict";
(() => {
const $ = id => document.getElementById(id);
const D = JSON.parse($("data").textContent);
$("data").remove();

/* ---- data: columns as they come, by process in the order of their start -------------------------------------------- */

const N = D.pid.length, M = D.imageOf.length;
const sums = v => { let at = 0; return Float64Array.from(v, d => at += d); };
const pid = Uint32Array.from(D.pid), up = Int32Array.from(D.up), begin = sums(D.begin), dur = Float64Array.from(D.dur);
const endKind = Uint8Array.from(D.end), status = Uint32Array.from(D.status), certainty = Uint8Array.from(D.certainty), flags = Uint8Array.from(D.flags);
const imFrom = Float64Array.from(D.imageFrom, (d, i) => begin[D.imageOf[i]] + d), imBin = Uint32Array.from(D.imageBinary), imBusy = Float64Array.from(D.imageBusy), imHow = Uint8Array.from(D.imageHow);
const imArgs = D.imageArgv, imCwd = D.imageCwd, imUser = D.imageUser, words = D.words;
const SPAN = Math.max(D.span, 1);
const EXIT = 1, REUSED = 2, GAP = 1, LOST_EXEC = 2, IDLE = 4;
const HOW = ["its end alone", "its clone", "its exec", "the snapshot at the start"];
const CREATOR = ["observed", "as the snapshot at the start has it", "inferred, not observed", "not known"];

const firstImage = new Uint32Array(N + 1);
for (let i = 0, p = 0; i <= M; i++) {
	const owner = i < M ? D.imageOf[i] : N;
	while (p <= owner) firstImage[p++] = i;
}
const lastImage = p => firstImage[p + 1] - 1;
const endOf = p => begin[p] + dur[p];
const imageEnd = i => i + 1 < M && D.imageOf[i + 1] === D.imageOf[i] ? imFrom[i + 1] : endOf(D.imageOf[i]);

/* Children by start: they come behind their creators, and in order. */
const firstChild = new Int32Array(N).fill(-1), nextSibling = new Int32Array(N).fill(-1), lastChild = new Int32Array(N).fill(-1), nChildren = new Uint32Array(N);
const roots = [];
for (let p = 0; p < N; p++) {
	const u = up[p];
	if (u < 0) { roots.push(p); continue; }
	if (lastChild[u] < 0) firstChild[u] = p; else nextSibling[lastChild[u]] = p;
	lastChild[u] = p;
	nChildren[u]++;
}
const children = p => { const v = []; for (let c = firstChild[p]; c >= 0; c = nextSibling[c]) v.push(c); return v; };

/* ---- text ---------------------------------------------------------------------------------------------------------- */

/* What must not reach the eye raw: controls, bidirectional and invisible characters. They are shown as \xNN, \u{NNNN}. */
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\udb40[\udc00-\udfff]/gu;
const SHORT = {"\n": "\\n", "\t": "\\t", "\r": "\\r"};
const escapeChar = c => SHORT[c] || (c.codePointAt(0) < 128 ? "\\x" + c.charCodeAt(0).toString(16).padStart(2, "0") : "\\u{" + c.codePointAt(0).toString(16) + "}");
const plain = s => s.replace(UNSAFE, escapeChar);

/* Words that are not UTF-8 are shown byte by byte where they are not ASCII. */
const bytesOf = w => { const b = D.wordsB64[w]; return b === undefined ? null : Uint8Array.from(atob(b), c => c.charCodeAt(0)); };
const rawText = w => { const b = bytesOf(w); return b ? Array.from(b, c => c < 128 ? String.fromCharCode(c) : "\\x" + c.toString(16)).join("") : words[w]; };

const baseName = w => { const s = words[w], i = s.lastIndexOf("/"); return i >= 0 && i + 1 < s.length ? s.slice(i + 1) : s || "?"; };
const imageName = i => {
	const w = words[imBin[i]] ? imBin[i] : imArgs[i] >= 0 && D.argv[imArgs[i]][0] >= 0 ? D.argv[imArgs[i]][0] : -1;
	return w < 0 ? "?" : plain(baseName(w));
};
const nameOf = p => imageName(lastImage(p));
const argsOf = i => imArgs[i] < 0 ? [] : D.argv[imArgs[i]];
const quote = s => /[\s"'\\$`;|&<>()*?[\]{}#~]/.test(s) || !s ? "'" + s.replace(/'/g, "'\\''") + "'" : s;
const argText = i => argsOf(i).slice(1).map(w => quote(plain(rawText(w)))).join(" ");
const isForked = i => imHow[i] === 1;

function el(tag, cls, text) {
	const e = document.createElement(tag);
	if (cls) e.className = cls;
	if (text !== undefined) e.textContent = text;
	return e;
}
/* Exact text with its unsafe characters marked. */
function exact(parent, s) {
	let at = 0;
	for (const m of s.matchAll(UNSAFE)) {
		parent.append(s.slice(at, m.index), el("span", "esc", escapeChar(m[0])));
		at = m.index + m[0].length;
	}
	parent.append(s.slice(at));
	return parent;
}

/* ---- time ---------------------------------------------------------------------------------------------------------- */

const real0 = D.startReal === null ? null : BigInt(D.startReal);
const span = ns => {
	const a = Math.abs(ns);
	if (a < 1e3) return Math.round(ns) + " ns";
	if (a < 1e6) return +(ns / 1e3).toPrecision(3) + " µs";
	if (a < 1e9) return +(ns / 1e6).toPrecision(3) + " ms";
	if (a < 100e9) return +(ns / 1e9).toPrecision(3) + " s";
	const s = Math.round(ns / 1e9), h = Math.floor(s / 3600), m = Math.floor(s % 3600 / 60);
	return h >= 48 ? Math.floor(h / 24) + " d " + h % 24 + " h" : h ? h + " h " + m + " min" : m + " min " + s % 60 + " s";
};
const offset = ns => ns === 0 ? "0" : (ns < 0 ? "−" : "+") + span(Math.abs(ns));
function date(ns) {
	const t = real0 + BigInt(Math.round(ns)), ms = t / 1000000n - (t % 1000000n < 0n ? 1n : 0n);
	const d = new Date(Number(ms));
	return isNaN(d) ? t + " ns" : d.toISOString().replace("T", " ").slice(0, -1);
}
const clock = ns => real0 === null ? offset(ns) : date(ns).slice(11);
const count = n => n.toLocaleString("en-US");
const plural = (n, one, many) => count(n) + " " + (n === 1 ? one : many || one + "s");

const SIGNALS = {1: "HUP", 2: "INT", 3: "QUIT", 4: "ILL", 5: "TRAP", 6: "ABRT", 7: "BUS", 8: "FPE", 9: "KILL", 10: "USR1", 11: "SEGV", 12: "USR2", 13: "PIPE", 14: "ALRM", 15: "TERM", 24: "XCPU", 25: "XFSZ", 31: "SYS"};
const isFailed = p => endKind[p] === EXIT && status[p] !== 0;
function endText(p) {
	if (endKind[p] === REUSED) return "end not seen";
	if (endKind[p] !== EXIT) return flags[p] & GAP ? "end may be lost" : "lives on";
	const sig = status[p] & 127;
	if (!sig) return "exit " + (status[p] >> 8 & 255);
	return "SIG" + (SIGNALS[sig] || sig) + (status[p] & 128 ? ", core" : "");
}

function execId(p, i) {
	const kt = BigInt(D.startKtime) + BigInt(imFrom[i]) + BigInt(D.imageKtime[i]);
	return btoa(atob(D.hostB64) + ":" + kt + ":" + pid[p]);
}

/* ---- colours: the commands that took most time have one each ------------------------------------------------------- */

const HUES = [168, 212, 28, 265, 96, 338, 190, 48, 300, 128, 232, 12];
let totals = new Map(), ranked = [];
const imHue = new Int16Array(M);
function rank() {
	totals = new Map();
	for (let i = 0; i < M; i++) {
		const p = D.imageOf[i], name = imageName(i), t = totals.get(name) || {name, self: 0, n: 0, hue: -1};
		if (isShown(p) && !(flags[p] & IDLE) && !(onlyCommand && isAbove[p])) {
			t.self += Math.max(0, Math.min(imageEnd(i), SPAN) - Math.max(imFrom[i], 0) - imBusy[i]);
			t.n += isForked(i) && i < lastImage(p) ? 0 : 1;
		}
		totals.set(name, t);
	}
	ranked = [...totals.values()].sort((x, y) => y.self - x.self || (x.name < y.name ? -1 : 1));
	ranked.filter(t => t.self > 0).slice(0, HUES.length).forEach((t, k) => { t.hue = HUES[k]; });
	for (let i = 0; i < M; i++) imHue[i] = totals.get(imageName(i)).hue;
}
let dark = false, css = {};
const fill = (hue, forked) => hue < 0 ? (dark ? (forked ? "#2e322f" : "#424843") : (forked ? "#ecebe7" : "#d6d6d0"))
	: dark ? `hsl(${hue} ${forked ? 14 : 26}% ${forked ? 24 : 36}%)` : `hsl(${hue} ${forked ? 30 : 42}% ${forked ? 90 : 79}%)`;
const solid = hue => hue < 0 ? (dark ? "#6a716b" : "#a9aaa3") : dark ? `hsl(${hue} 34% 55%)` : `hsl(${hue} 38% 56%)`;

/* ---- rows: each process below its creator, subtrees packed where there is room -------------------------------------- */

let showIdle = false, nRows = 0, rowBars = [];
const row = new Int32Array(N);
const idleCount = flags.reduce((n, f) => n + (f & IDLE ? 1 : 0), 0);

/* The command that was recorded: what descends from it, and the way down to it. */
const inCommand = new Uint8Array(N), isAbove = new Uint8Array(N);
let root = -1;
for (let p = 0; p < N; p++) if (D.rootPid && pid[p] === D.rootPid && (root < 0 || dur[p] > dur[root])) root = p;
if (root >= 0) {
	inCommand[root] = 1;
	for (let p = root + 1; p < N; p++) if (up[p] >= 0 && inCommand[up[p]]) inCommand[p] = 1;
	for (let u = up[root]; u >= 0; u = up[u]) isAbove[u] = 1;
}
let onlyCommand = root >= 0;
const isShown = p => onlyCommand ? inCommand[p] || isAbove[p] : showIdle || !(flags[p] & IDLE);

/* Of a subtree that is higher than this, the rows below may fall on those of others: only crafted traces have such. */
const HEIGHT_MAX = 1000;
function place(kids, free, height, from, to, off) {
	let rows = 0, used = 0;
	if (kids.length === 1) { off[kids[0]] = 0; return height[kids[0]]; }
	for (const c of kids) {
		const h = Math.min(height[c], HEIGHT_MAX);
		let r = 0;
		for (let k = 0; k < h && r < 2000; ) {
			if (r + k < used && free[r + k] > from[c]) { r += k + 1; k = 0; } else k++;
		}
		for (let k = 0; k < h; k++) free[r + k] = to[c];
		used = Math.max(used, r + h);
		rows = Math.max(rows, r + height[c]);
		off[c] = r;
	}
	return rows;
}

function layout() {
	const height = new Int32Array(N), from = new Float64Array(N), to = new Float64Array(N), off = new Int32Array(N), free = [];
	for (let p = N - 1; p >= 0; p--) {
		from[p] = begin[p];
		to[p] = Math.max(endOf(p), begin[p] + SPAN / 4000);
		const kids = children(p).filter(isShown);
		height[p] = 1 + place(kids, free, height, from, to, off);
		for (const c of kids) to[p] = Math.max(to[p], to[c]);
	}
	nRows = place(roots.filter(isShown), free, height, from, to, off);
	rowBars = Array.from({length: nRows}, () => []);
	for (let p = 0; p < N; p++) {
		if (!isShown(p)) { row[p] = -1; continue; }
		row[p] = up[p] < 0 ? off[p] : row[up[p]] + 1 + off[p];
		rowBars[row[p]].push(p);
	}
}

/* ---- the state of the view ------------------------------------------------------------------------------------------ */

let texts = null;
let t0 = 0, t1 = SPAN, scrollY = 0, selected = -1, hovered = -1, matches = null, matchAt = -1;
const ROW = 19, AXIS = 26;
const stage = $("stage"), canvas = $("timeline"), overview = $("overview"), g = canvas.getContext("2d"), go = overview.getContext("2d");
let W = 0, H = 0, scheduled = false;
const frames = [];
window.procrec = {frames, get view() { return {t0, t1, selected, rows: nRows, matches: matches ? matches.length : null}; }};

function schedule() {
	if (scheduled) return;
	scheduled = true;
	requestAnimationFrame(() => {
		const at = performance.now();
		scheduled = false;
		draw();
		frames.push(performance.now() - at);
		if (frames.length > 2000) frames.shift();
	});
}
const X = t => (t - t0) / (t1 - t0) * W;
const T = x => t0 + x / W * (t1 - t0);
function setWindow(a, b) {
	const w = Math.min(Math.max(b - a, 200), SPAN * 1.04), lo = -SPAN * .02, hi = SPAN * 1.02;
	a = Math.min(Math.max(a, lo), hi - w);
	t0 = a;
	t1 = a + w;
	schedule();
}
function zoom(factor, x = W / 2) {
	const at = T(x), w = (t1 - t0) * factor;
	setWindow(at - x / W * w, at - x / W * w + w);
}
const maxScroll = () => Math.max(0, nRows * ROW + AXIS + 12 - H);
function setScroll(y) { scrollY = Math.min(Math.max(y, 0), maxScroll()); schedule(); }
function showProcess(p, closely) {
	if (row[p] < 0) {
		if (onlyCommand) $("machine").checked = true; else $("idle").checked = true;
		rescope();
		if (row[p] < 0) { $("idle").checked = true; rescope(); }
	}
	const a = Math.max(begin[p], 0), b = Math.max(endOf(p), a + 1000), w = t1 - t0;
	if (closely) setWindow(a - (b - a) * .15, b + (b - a) * .15);
	else if (b < t0 || a > t1) setWindow((a + b) / 2 - w / 2, (a + b) / 2 + w / 2);
	else if ((b - a) / w * W < 3) setWindow((a + b) / 2 - (b - a) * 20, (a + b) / 2 + (b - a) * 20);
	const y = row[p] * ROW + AXIS;
	if (y - scrollY < AXIS || y + ROW - scrollY > H) setScroll(y - H / 2);
	schedule();
}

/* ---- drawing -------------------------------------------------------------------------------------------------------- */

function fit(c, ctx) {
	const r = c.getBoundingClientRect(), k = window.devicePixelRatio || 1;
	if (c.width !== Math.round(r.width * k) || c.height !== Math.round(r.height * k)) {
		c.width = Math.round(r.width * k);
		c.height = Math.round(r.height * k);
	}
	ctx.setTransform(k, 0, 0, k, 0, 0);
	return r;
}

let hatch = null;
function makeHatch() {
	const c = document.createElement("canvas"), h = c.getContext("2d");
	c.width = c.height = 8;
	h.strokeStyle = css.bad;
	h.globalAlpha = .5;
	h.lineWidth = 1.2;
	h.beginPath();
	for (const d of [-8, 0, 8]) { h.moveTo(d, 8); h.lineTo(d + 8, 0); }
	h.stroke();
	hatch = g.createPattern(c, "repeat");
}

function gapSpan(gp) { return [gp[0] === null ? 0 : Math.max(gp[0], 0), gp[1] === null ? SPAN : Math.min(gp[1], SPAN)]; }

/* Gaps that overlap are one band. */
const bands = [];
for (const gp of D.gaps.slice().sort((x, y) => gapSpan(x)[0] - gapSpan(y)[0])) {
	const [a, b] = gapSpan(gp), last = bands[bands.length - 1];
	if (last && a <= last.b) { last.b = Math.max(last.b, b); last.n += gp[2]; } else bands.push({a, b, n: gp[2]});
}

function drawBands(ctx, x, w, top, h) {
	for (const {a, b} of bands) {
		const xa = Math.max(x(a), -4), xb = Math.min(Math.max(x(b), x(a) + 2), w + 4);
		if (xb < 0 || xa > w) continue;
		ctx.fillStyle = hatch;
		ctx.globalAlpha = .4;
		ctx.fillRect(xa, top, xb - xa, h);
		ctx.globalAlpha = 1;
		ctx.fillStyle = css.bad;
		ctx.fillRect(xa, top, Math.max(xb - xa, 2), 3);
	}
}

function labelBands() {
	let free = -1e9;
	g.font = "11px system-ui, sans-serif";
	for (const {a, b, n} of bands) {
		const xa = Math.max(X(a), 0), label = n ? plural(n, "frame") + " lost" : "frames lost", w = g.measureText(label).width;
		if (X(b) < 0 || X(a) > W || xa < free) continue;
		const at = Math.min(xa, W - w - 12);
		g.fillStyle = css.badSoft;
		g.fillRect(at, H - 20, w + 12, 20);
		g.fillStyle = css.bad;
		g.fillText(label, at + 6, H - 6);
		free = at + w + 20;
	}
}

/* With as many digits as neighbours need to differ. */
function axisLabel(t, step) {
	const [unit, name] = [[1e9, "s"], [1e6, "ms"], [1e3, "µs"], [1, "ns"]].find(u => Math.abs(t) >= u[0] || u[0] === 1);
	return (t < 0 ? "−" : "+") + (Math.abs(t) / unit).toFixed(Math.max(0, Math.ceil(Math.log10(unit / step) - 1e-9))) + " " + name;
}

function drawAxis() {
	const want = (t1 - t0) / Math.max(1, W / 120), p = Math.pow(10, Math.floor(Math.log10(want)));
	const step = p * ([1, 2, 5, 10].find(k => k * p >= want) || 10);
	g.fillStyle = css.panel;
	g.fillRect(0, 0, W, AXIS);
	g.font = "11px system-ui, sans-serif";
	for (let k = Math.ceil(t0 / step); k * step <= t1; k++) {
		const x = Math.round(X(k * step)) + .5;
		g.fillStyle = css.line;
		g.fillRect(x, AXIS - 5, 1, H);
		g.fillStyle = css.muted;
		g.fillText(k === 0 ? "0" : axisLabel(k * step, step), x + 4, 15);
	}
	g.fillStyle = css.line;
	g.fillRect(0, AXIS - 1, W, 1);
}

/* The first bar of the row that ends at t or later: bars of a row do not overlap. */
function firstBar(bars, t) {
	let lo = 0, hi = bars.length;
	while (lo < hi) {
		const mid = (lo + hi) >> 1;
		if (endOf(bars[mid]) < t) lo = mid + 1; else hi = mid;
	}
	return lo;
}

const NARROW = 44;
function drawBar(p, y, labels) {
	for (let i = firstImage[p]; i < firstImage[p + 1]; i++) {
		const a = Math.max(X(imFrom[i]), -2), b = Math.min(X(imageEnd(i)), W + 2);
		if (b < 0 || a > W || (b - a < .3 && i < lastImage(p))) continue;
		const w = Math.max(b - a - (b - a > 4 ? 1 : 0), 1);
		g.fillStyle = fill(imHue[i], isForked(i));
		g.fillRect(a, y, w, ROW - 3);
		if (w > NARROW) labels.push(i, a, w, y);
	}
	const x = X(endOf(p)), failed = isFailed(p), wide = x - X(begin[p]);
	if (failed && x >= 0 && x <= W + 3) {
		g.fillStyle = css.bad;
		g.fillRect(x - (wide > 6 ? 4 : 2), y, wide > 6 ? 3 : 2, ROW - 3);
	} else if (endKind[p] !== EXIT && flags[p] & GAP && wide > 6) {
		g.fillStyle = hatch;
		g.fillRect(Math.max(x - 14, X(begin[p])), y, Math.min(14, wide), ROW - 3);
	}
}

function drawLabels(labels) {
	g.font = "11px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace";
	const cw = 6.7;
	for (let k = 0; k < labels.length; k += 4) {
		const [i, a, w, y] = labels.slice(k, k + 4), x = Math.max(a, 0) + 5, room = Math.floor((a + w - x - 3) / cw);
		if (room < 3) continue;
		const name = imageName(i);
		g.fillStyle = css.text;
		g.fillText(name.length > room ? name.slice(0, room - 1) + "…" : name, x, y + 12);
		const left = room - name.length - 1;
		if (left < 8 || isForked(i)) continue;
		const args = argText(i).slice(0, left + 1);
		g.globalAlpha = .64;
		g.fillText(args.length > left ? args.slice(0, left - 1) + "…" : args, x + (name.length + 1) * cw, y + 12);
		g.globalAlpha = 1;
	}
}

let matched = null;
function draw() {
	const r = fit(canvas, g);
	W = r.width;
	H = r.height;
	g.clearRect(0, 0, W, H);
	drawAxis();
	g.save();
	g.beginPath();
	g.rect(0, AXIS, W, H - AXIS);
	g.clip();
	drawBands(g, X, W, AXIS, H - AXIS);
	const labels = [], first = Math.floor(scrollY / ROW), last = Math.min(nRows, Math.ceil((scrollY + H - AXIS) / ROW) + 1);
	for (let k = first; k < last; k++) {
		const bars = rowBars[k], y = k * ROW + AXIS + 6 - scrollY;
		let px = -1;
		for (let b = firstBar(bars, t0); b < bars.length && begin[bars[b]] <= t1; b++) {
			const p = bars[b], xe = X(endOf(p));
			/* What is hidden behind the pixel before is not drawn again, unless it matters. */
			if (xe < px + .7 && !isFailed(p) && p !== selected && !(matched && matched[p])) continue;
			g.globalAlpha = matched && !matched[p] ? .22 : 1;
			drawBar(p, y, labels);
			px = Math.max(px, xe);
		}
	}
	g.globalAlpha = 1;
	drawLabels(labels);
	drawLineage();
	countBeyond(first, last < nRows ? last - 1 : last);
	labelBands();
	g.restore();
	if (!N) emptyStage();
	drawOverview();
	$("window").textContent = t1 - t0 < SPAN * .999 ? span(t1 - t0) + " from " + clock(Math.max(t0, 0)) : "";
}

/* Rows that have something in this window, but lie above or below what is seen. */
const beyond = {up: -1, down: -1};
function countBeyond(first, last) {
	let above = 0, below = 0;
	beyond.up = beyond.down = -1;
	for (let k = 0; k < nRows; k++) {
		if (k >= first && k < last) { k = last - 1; continue; }
		const bars = rowBars[k], b = firstBar(bars, t0);
		if (b >= bars.length || begin[bars[b]] > t1) continue;
		if (k < first) { above++; beyond.up = k; } else { below++; if (beyond.down < 0) beyond.down = k; }
	}
	$("above").hidden = !above;
	$("below").hidden = !below;
	$("above").textContent = "↑ " + plural(above, "row");
	$("below").textContent = "↓ " + plural(below, "row");
}

function outline(p, color, width) {
	if (row[p] < 0) return;
	const a = Math.max(X(begin[p]), -4), b = Math.min(X(endOf(p)), W + 4), y = row[p] * ROW + AXIS + 6 - scrollY;
	g.strokeStyle = color;
	g.lineWidth = width;
	g.strokeRect(a - .5, y - .5, Math.max(b - a, 2), ROW - 2);
}

/* The way from the selected process up to the first of its ancestors. */
function drawLineage() {
	if (hovered >= 0) outline(hovered, css.muted, 1);
	if (selected < 0) return;
	g.strokeStyle = css.accent;
	g.lineWidth = 1.5;
	for (let p = selected; up[p] >= 0; p = up[p]) {
		const x = Math.round(X(begin[p])) + .5, ya = row[up[p]] * ROW + AXIS + 6 - scrollY + ROW - 3, yb = row[p] * ROW + AXIS + 6 - scrollY;
		if (row[p] < 0 || row[up[p]] < 0) break;
		if (yb < 0 || ya > H) continue;
		g.beginPath();
		g.moveTo(x, ya);
		g.lineTo(x, yb);
		g.stroke();
		outline(up[p], css.accent, 1);
	}
	outline(selected, css.accent, 2.5);
}

function emptyStage() {
	g.fillStyle = css.muted;
	g.font = "14px system-ui, sans-serif";
	g.textAlign = "center";
	g.fillText("No processes were recorded in this trace.", W / 2, H / 2);
	g.textAlign = "left";
}

/* How many processes lived at each moment, idle ones left out. */
let crowd = null, crowdMax = 1;
function countCrowd() {
	const B = 1200, v = new Int32Array(B + 1);
	for (let p = 0; p < N; p++) {
		if (flags[p] & IDLE || !isShown(p) || (onlyCommand && isAbove[p])) continue;
		v[Math.min(B, Math.max(0, Math.floor(begin[p] / SPAN * B)))]++;
		const e = Math.floor(endOf(p) / SPAN * B) + 1;
		if (e <= B) v[Math.max(e, 0)]--;
	}
	for (let k = 1; k <= B; k++) v[k] += v[k - 1];
	crowd = v;
	crowdMax = Math.max(1, ...v);
}

function drawOverview() {
	const r = fit(overview, go), w = r.width, h = r.height, x = t => t / SPAN * w;
	go.clearRect(0, 0, w, h);
	go.fillStyle = css.soft;
	go.beginPath();
	go.moveTo(0, h);
	for (let k = 0; k < crowd.length; k++) {
		const y = h - crowd[k] / crowdMax * (h - 18);
		go.lineTo(k / (crowd.length - 1) * w, y);
		go.lineTo((k + 1) / (crowd.length - 1) * w, y);
	}
	go.lineTo(w, h);
	go.fill();
	drawBands(go, x, w, 0, h);
	const a = Math.max(x(t0), 0), b = Math.min(x(t1), w);
	if (t1 - t0 < SPAN * .999) {
		go.fillStyle = css.bg;
		go.globalAlpha = .68;
		go.fillRect(0, 0, a, h);
		go.fillRect(b, 0, w - b, h);
		go.globalAlpha = 1;
		go.strokeStyle = css.accent;
		go.lineWidth = 1.5;
		go.strokeRect(a + .75, .75, Math.max(b - a - 1.5, 2), h - 1.5);
	}
	go.fillStyle = css.muted;
	go.font = "11px system-ui, sans-serif";
	go.fillText("processes at once, at most " + count(crowdMax), 12, 13);
}

/* ---- the tree below ------------------------------------------------------------------------------------------------- */

const LINE = 24, open = new Uint8Array(N), depthOf = new Uint16Array(N);
let shown = [];
for (let p = 0; p < N; p++) depthOf[p] = up[p] < 0 ? 0 : Math.min(depthOf[up[p]] + 1, 65535);
for (let p = 0; p < N; p++) if (N < 3000 || depthOf[p] < 3) open[p] = 1;

function rebuild() {
	shown = [];
	if (matches) {
		shown = matches;
	} else {
		const stack = roots.filter(isShown).reverse();
		while (stack.length) {
			const p = stack.pop();
			shown.push(p);
			if (!open[p] || !nChildren[p]) continue;
			const kids = children(p);
			for (let k = kids.length - 1; k >= 0; k--) if (isShown(kids[k])) stack.push(kids[k]);
		}
	}
	$("rows").style.height = Math.max(shown.length * LINE, 1) + "px";
	drawRows();
}

function makeRow(p, k) {
	const i = lastImage(p), e = el("div", "row" + (p === selected ? " on" : "")), name = el("span", "name");
	e.style.top = k * LINE + "px";
	e.dataset.p = p;
	e.setAttribute("role", "treeitem");
	e.setAttribute("aria-level", depthOf[p] + 1);
	e.setAttribute("aria-selected", p === selected);
	if (!matches) name.style.paddingLeft = Math.min(depthOf[p], 30) * 14 + "px";
	if (nChildren[p] && !matches) e.setAttribute("aria-expanded", !!open[p]);
	name.append(el("span", "fold", nChildren[p] && !matches ? (open[p] ? "▾" : "▸") : ""));
	const dot = el("span", "dot");
	dot.style.background = solid(imHue[i]);
	name.append(dot, imageName(i) + " ", el("i", "", isForked(i) ? "(fork)" : argText(i).slice(0, 300)));
	e.append(name, el("span", "num", pid[p]), el("span", "num", begin[p] < 0 ? "before" : offset(begin[p])), el("span", "num", span(endOf(p) - Math.max(begin[p], 0))),
		el("span", isFailed(p) ? "bad" : endKind[p] === EXIT ? "" : "muted", endText(p)), el("span", "muted", userOf(i)));
	return e;
}
const userOf = i => imUser[i] < 0 ? "" : plain(D.users[imUser[i]][1] || String(D.users[imUser[i]][0]));

function drawRows() {
	const s = $("scroll"), first = Math.max(0, Math.floor(s.scrollTop / LINE) - 4), last = Math.min(shown.length, first + Math.ceil(s.clientHeight / LINE) + 9);
	const list = [];
	for (let k = first; k < last; k++) list.push(makeRow(shown[k], k));
	if (!shown.length) list.push(el("div", "empty", matches ? "Nothing matches." : N ? "" : "Nothing to show."));
	$("rows").replaceChildren(...list);
}
let rowsScheduled = false;
$("scroll").addEventListener("scroll", () => {
	if (rowsScheduled) return;
	rowsScheduled = true;
	requestAnimationFrame(() => { rowsScheduled = false; drawRows(); });
});

function reveal(p) {
	if (!matches) {
		let changed = false;
		for (let u = up[p]; u >= 0; u = up[u]) if (!open[u]) { open[u] = 1; changed = true; }
		if (changed) rebuild();
	}
	const k = shown.indexOf(p), s = $("scroll");
	if (k >= 0 && (k * LINE < s.scrollTop || (k + 1) * LINE > s.scrollTop + s.clientHeight)) s.scrollTop = Math.round((k * LINE - s.clientHeight / 2) / LINE) * LINE;
	drawRows();
}

/* ---- the details ---------------------------------------------------------------------------------------------------- */

function fact(dl, name, value, cls) {
	dl.append(el("dt", "", name));
	const dd = el("dd", cls || "");
	dd.append(value);
	dl.append(dd);
}
function link(p, right) {
	const b = el("button"), s = el("span");
	const dot = el("span", "dot");
	dot.style.background = solid(imHue[lastImage(p)]);
	s.append(dot, nameOf(p) + " ", el("span", "muted", argText(lastImage(p)).slice(0, 120)));
	b.append(s, el("span", isFailed(p) ? "bad num" : "muted num", right));
	b.addEventListener("click", () => select(p, true));
	return b;
}
function argvList(i) {
	const ol = el("ol", "argv"), args = argsOf(i);
	args.forEach((w, k) => {
		const li = el("li"), s = el("span");
		li.dataset.n = k;
		if (w < 0) s.append(el("span", "muted", "(not recorded)")); else exact(s, rawText(w));
		if (w >= 0 && words[w] === "") s.append(el("span", "muted", "(empty)"));
		li.append(s);
		ol.append(li);
	});
	return ol;
}

function imageDetails(side, p, i, several) {
	side.append(el("h3", "", several ? (isForked(i) ? "Forked" : "Then ran") + " at " + clock(Math.max(imFrom[i], 0)) + ", for " + span(imageEnd(i) - imFrom[i]) : "Arguments"));
	if (several && isForked(i)) { side.append(el("p", "muted", "a copy of its creator, " + imageName(i))); return; }
	const path = el("p", "mono");
	exact(path, rawText(imBin[i]));
	if (imArgs[i] >= 0) side.append(several ? path : "", argvList(i)); else side.append(path);
}

function chips(side, p) {
	const c = el("div", "chips");
	c.append(el("span", "chip" + (isFailed(p) ? " fail" : endKind[p] === EXIT ? "" : " plain"), endText(p)));
	c.append(el("span", "chip plain", span(endOf(p) - Math.max(begin[p], 0))));
	if (certainty[p] === 2) c.append(el("span", "chip warn", "creator inferred"));
	if (certainty[p] === 3) c.append(el("span", "chip warn", "creator not known"));
	if (flags[p] & LOST_EXEC) c.append(el("span", "chip warn", "an exec is missing"));
	if (flags[p] & GAP) c.append(el("span", "chip warn", "its end may be in a gap"));
	side.append(c);
}

function facts(side, p) {
	const dl = el("dl", "facts"), i = lastImage(p);
	fact(dl, "PID", String(pid[p]), "num");
	fact(dl, "Started", begin[p] < 0 && imHow[firstImage[p]] === 3 ? "before the recording" + (real0 === null ? "" : ", " + date(begin[p])) : real0 === null ? offset(begin[p]) : date(begin[p]) + " UTC", "num");
	if (begin[p] >= 0 && real0 !== null) fact(dl, "", offset(begin[p]) + " from the start", "muted num");
	if (endKind[p] === EXIT) fact(dl, "Ended", real0 === null ? offset(endOf(p)) : date(endOf(p)) + " UTC", "num");
	fact(dl, "Binary", exact(el("span", "mono"), rawText(imBin[i])));
	if (imCwd[i] >= 0) fact(dl, "Directory", exact(el("span", "mono"), rawText(imCwd[i])));
	if (imUser[i] >= 0) fact(dl, "User", plain(D.users[imUser[i]][1] ? D.users[imUser[i]][1] + " (" + D.users[imUser[i]][0] + ")" : "uid " + D.users[imUser[i]][0]));
	fact(dl, "Known by", HOW[imHow[firstImage[p]]]);
	fact(dl, "Creator", CREATOR[certainty[p]]);
	fact(dl, "exec_id", execId(p, i), "mono");
	side.append(dl);
}

function details(p) {
	const side = $("side"), images = firstImage[p + 1] - firstImage[p], several = images > 1 && !(images === 2 && isForked(firstImage[p]));
	side.replaceChildren();
	side.append(el("h2", "name", nameOf(p)));
	if (isForked(lastImage(p))) side.append(el("p", "sub", "forked from its creator, ran no program of its own"));
	chips(side, p);
	for (let i = several ? firstImage[p] : lastImage(p); i < firstImage[p + 1]; i++) imageDetails(side, p, i, several);
	facts(side, p);
	const chain = [];
	for (let u = p; u >= 0; u = up[u]) chain.push(u);
	side.append(el("h3", "", "Ancestry"));
	const ol = el("ol", "chain");
	const top = chain[chain.length - 1], left = chain.length - 60;
	if (left > 0) chain.splice(50, left);
	chain.reverse().forEach((u, k) => {
		if (left > 0 && k === 10) ol.append(el("li", "muted", "⋮ " + count(left) + " more"));
		const li = el("li", u === p ? "me" : "");
		li.append(link(u, pid[u]));
		ol.append(li);
	});
	if (D.ppid[top] && up[top] < 0) side.append(el("p", "muted", "created by pid " + D.ppid[top] + ", which is not shown here"));
	side.append(ol);
	if (nChildren[p]) {
		side.append(el("h3", "", plural(nChildren[p], "child", "children")));
		const ul = el("ul", "links");
		for (const c of children(p).slice(0, 100)) { const li = el("li"); li.append(link(c, span(dur[c]))); ul.append(li); }
		side.append(ul);
		if (nChildren[p] > 100) side.append(el("p", "muted", "and " + count(nChildren[p] - 100) + " more: see the tree"));
	}
	side.scrollTop = 0;
}

/* Nothing is selected: what this recording was about. */
function summary() {
	const side = $("side");
	side.replaceChildren();
	if (!N) { side.append(el("div", "empty", "No processes.")); return; }
	const total = ranked.reduce((s, t) => s + t.self, 0) || 1, best = ranked[0].self || 1;
	side.append(el("h2", "", "Where the time went"), el("p", "sub", "Time of processes while none of their children lived"));
	const ul = el("ul", "links");
	for (const t of ranked.filter(x => x.self > 0).slice(0, 12)) {
		const li = el("li"), b = el("button"), s = el("span"), dot = el("span", "dot"), bar = el("div", "share"), f = el("span");
		dot.style.background = solid(t.hue);
		s.append(dot, t.name, el("span", "muted", " × " + count(t.n)));
		b.append(s, el("span", "num", span(t.self)), el("span", "num muted share100", (t.self / total * 100).toFixed(t.self / total < .0995 ? 1 : 0) + " %"));
		b.addEventListener("click", () => { $("search").value = t.name; search(); });
		f.style.width = t.self / best * 100 + "%";
		f.style.background = solid(t.hue);
		bar.append(f);
		li.append(b, bar);
		ul.append(li);
	}
	side.append(ul);
	const failedOnes = [];
	for (let p = 0; p < N; p++) if (isFailed(p) && isShown(p)) failedOnes.push(p);
	side.append(el("h3", "", failedOnes.length ? plural(failedOnes.length, "process", "processes") + " failed" : "Failures"));
	if (!failedOnes.length) side.append(el("p", "muted", "Every process that ended exited with 0."));
	const fl = el("ul", "links");
	for (const p of failedOnes.slice(0, 12)) { const li = el("li"); li.append(link(p, endText(p))); fl.append(li); }
	side.append(fl);
	if (failedOnes.length > 12) {
		const b = el("button", "", "Show all " + count(failedOnes.length));
		b.addEventListener("click", () => { $("search").value = "is:failed"; search(); });
		side.append(b);
	}
	if (D.gaps.length) gapList(side);
}

function gapList(side) {
	side.append(el("h3", "", plural(D.gaps.length, "gap")));
	const ul = el("ul", "links");
	for (const gp of D.gaps.slice(0, 30)) {
		const [a, b] = gapSpan(gp), li = el("li"), bt = el("button");
		bt.append(el("span", "", (gp[2] ? plural(gp[2], "frame") : "frames") + " lost: " + gp[3]), el("span", "muted num", offset(a)));
		bt.addEventListener("click", () => { const w = Math.max(b - a, SPAN / 200); setWindow(a - w, b + w); });
		li.append(bt);
		ul.append(li);
	}
	side.append(ul);
}

function select(p, move) {
	selected = p;
	if (p < 0) { summary(); drawRows(); schedule(); return; }
	details(p);
	if (move) showProcess(p, false);
	reveal(p);
	schedule();
}

/* ---- search --------------------------------------------------------------------------------------------------------- */

function haystack(p) {
	if (!texts) texts = new Array(N);
	if (texts[p] === undefined) {
		let s = String(pid[p]);
		for (let i = firstImage[p]; i < firstImage[p + 1]; i++) s += "\n" + rawText(imBin[i]) + " " + argsOf(i).map(w => w < 0 ? "" : rawText(w)).join(" ");
		texts[p] = s.toLowerCase();
	}
	return texts[p];
}
const PREDICATES = {
	"is:failed": isFailed, "is:open": p => endKind[p] !== EXIT, "is:fork": p => isForked(lastImage(p)), "is:inferred": p => certainty[p] >= 2,
};
function search() {
	const q = $("search").value.trim().toLowerCase(), terms = q.split(/\s+/).filter(Boolean);
	matchAt = -1;
	if (!terms.length) {
		matches = matched = null;
	} else {
		matches = [];
		matched = new Uint8Array(N);
		for (let p = 0; p < N; p++) {
			if (!isShown(p)) continue;
			if (!terms.every(t => PREDICATES[t] ? PREDICATES[t](p) : t.startsWith("pid:") ? String(pid[p]) === t.slice(4) : t.startsWith("user:") ? userOf(lastImage(p)).toLowerCase() === t.slice(5) : haystack(p).includes(t))) continue;
			matches.push(p);
			matched[p] = 1;
		}
	}
	$("found").textContent = matches ? (matches.length ? plural(matches.length, "match", "matches") : "no match") : "";
	$("prev").disabled = $("next").disabled = !matches || !matches.length;
	$("scroll").scrollTop = 0;
	rebuild();
	if (!matches && selected >= 0) reveal(selected);
	schedule();
}
function step(d) {
	if (!matches || !matches.length) return;
	matchAt = (matchAt + d + (matchAt < 0 && d < 0 ? 1 : 0) + matches.length) % matches.length;
	$("found").textContent = count(matchAt + 1) + " of " + count(matches.length);
	select(matches[matchAt], true);
}

/* ---- hands ---------------------------------------------------------------------------------------------------------- */

function at(x, y) {
	const k = Math.floor((y - AXIS - 4 + scrollY) / ROW), bars = rowBars[k];
	if (!bars || y < AXIS) return -1;
	const slack = (t1 - t0) / W * 2, t = T(x);
	for (let b = firstBar(bars, t - slack); b < bars.length && begin[bars[b]] <= t + slack; b++) return bars[b];
	return -1;
}
function tip(p, x, y) {
	const t = $("tip");
	t.hidden = p < 0;
	if (p < 0) return;
	const i = lastImage(p);
	t.replaceChildren(el("b", "", nameOf(p)), el("span", "muted", " · pid " + pid[p]), el("div", "cmd", isForked(i) ? "fork" : argText(i).slice(0, 400)),
		el("div", isFailed(p) ? "bad num" : "num", clock(Math.max(begin[p], 0)) + " · " + span(endOf(p) - Math.max(begin[p], 0)) + " · " + endText(p)));
	const r = t.getBoundingClientRect();
	t.style.left = Math.max(4, Math.min(x + 14, W - r.width - 6)) + "px";
	t.style.top = (y + 20 + r.height > H ? Math.max(0, y - r.height - 10) : y + 18) + "px";
}

let drag = null;
canvas.addEventListener("pointerdown", e => { drag = {x: e.offsetX, y: e.offsetY, t0, t1, s: scrollY, moved: false}; canvas.setPointerCapture(e.pointerId); });
canvas.addEventListener("pointermove", e => {
	if (drag) {
		const dx = e.offsetX - drag.x, dy = e.offsetY - drag.y;
		drag.moved = drag.moved || Math.hypot(dx, dy) > 4;
		if (!drag.moved) return;
		canvas.classList.add("drag");
		tip(-1);
		const d = dx / W * (drag.t1 - drag.t0);
		setWindow(drag.t0 - d, drag.t1 - d);
		setScroll(drag.s - dy);
		return;
	}
	const p = at(e.offsetX, e.offsetY);
	canvas.classList.toggle("over", p >= 0);
	tip(p, e.offsetX, e.offsetY);
	if (p !== hovered) { hovered = p; schedule(); }
});
canvas.addEventListener("pointerup", e => {
	const click = drag && !drag.moved;
	drag = null;
	canvas.classList.remove("drag");
	if (click) select(at(e.offsetX, e.offsetY), false);
});
canvas.addEventListener("pointerleave", () => { tip(-1); if (hovered >= 0) { hovered = -1; schedule(); } });
canvas.addEventListener("dblclick", e => { const p = at(e.offsetX, e.offsetY); if (p >= 0) showProcess(p, true); });
canvas.addEventListener("wheel", e => {
	e.preventDefault();
	tip(-1);
	const unit = e.deltaMode === 1 ? 16 : 1;
	if (e.ctrlKey || e.metaKey) zoom(Math.exp(e.deltaY * unit * .0022), e.offsetX);
	else if (e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY)) { const d = (e.deltaX || e.deltaY) * unit / W * (t1 - t0); setWindow(t0 + d, t1 + d); }
	else if (maxScroll()) setScroll(scrollY + e.deltaY * unit);
	else zoom(Math.exp(e.deltaY * unit * .0022), e.offsetX);
}, {passive: false});

let brush = null;
const overviewT = e => e.offsetX / overview.clientWidth * SPAN;
overview.addEventListener("pointerdown", e => {
	const t = overviewT(e), inside = t > t0 && t < t1 && t1 - t0 < SPAN * .9;
	brush = inside ? {move: t - t0} : {from: t};
	overview.setPointerCapture(e.pointerId);
});
overview.addEventListener("pointermove", e => {
	if (!brush) return;
	const t = overviewT(e);
	if (brush.move !== undefined) setWindow(t - brush.move, t - brush.move + (t1 - t0));
	else if (Math.abs(t - brush.from) > SPAN / 300) setWindow(Math.min(t, brush.from), Math.max(t, brush.from));
});
overview.addEventListener("pointerup", () => { brush = null; });

$("split").addEventListener("pointerdown", e => {
	const from = e.clientY, h = stage.getBoundingClientRect().height;
	$("split").setPointerCapture(e.pointerId);
	const move = ev => { stage.style.flex = "0 0 " + Math.max(90, h + ev.clientY - from) + "px"; schedule(); drawRows(); };
	$("split").addEventListener("pointermove", move);
	$("split").addEventListener("pointerup", () => $("split").removeEventListener("pointermove", move), {once: true});
});

$("rows").addEventListener("click", e => {
	const r = e.target.closest(".row");
	if (!r) return;
	const p = +r.dataset.p;
	if (e.target.classList.contains("fold") && nChildren[p]) { open[p] ^= 1; rebuild(); } else select(p, true);
});
$("rows").addEventListener("dblclick", e => { const r = e.target.closest(".row"); if (r) showProcess(+r.dataset.p, true); });

function rowStep(d) {
	const k = shown.indexOf(selected);
	if (shown.length) select(shown[Math.min(Math.max(k + d, 0), shown.length - 1)], true);
}
function foldKey(wantOpen) {
	if (selected < 0) return;
	if (nChildren[selected] && !!open[selected] !== wantOpen && !matches) { open[selected] = wantOpen ? 1 : 0; rebuild(); }
	else if (!wantOpen && up[selected] >= 0) select(up[selected], true);
	else if (wantOpen && firstChild[selected] >= 0) select(firstChild[selected], true);
}
function escapeKey() {
	if ($("search").value) { $("search").value = ""; search(); } else select(-1);
	$("search").blur();
}
const KEYS = {
	"/": () => $("search").focus(), w: () => zoom(.7), "+": () => zoom(.7), "=": () => zoom(.7), s: () => zoom(1 / .7), "-": () => zoom(1 / .7),
	a: () => setWindow(t0 - (t1 - t0) * .2, t1 - (t1 - t0) * .2), d: () => setWindow(t0 + (t1 - t0) * .2, t1 + (t1 - t0) * .2), 0: () => setWindow(0, SPAN),
	z: () => selected >= 0 && showProcess(selected, true), n: () => step(1), N: () => step(-1), t: () => setTheme(!dark), "?": () => $("keys").showModal(),
	ArrowUp: () => rowStep(-1), ArrowDown: () => rowStep(1), ArrowLeft: () => foldKey(false), ArrowRight: () => foldKey(true), Escape: escapeKey,
};
document.addEventListener("keydown", e => {
	const typing = e.target === $("search");
	if (e.ctrlKey || e.metaKey || e.altKey || $("keys").open) return;
	if (typing && e.key === "Enter") { step(e.shiftKey ? -1 : 1); return; }
	if (typing && e.key !== "Escape") return;
	const f = KEYS[e.key] || (e.key !== "N" && KEYS[e.key.toLowerCase()]);
	if (!f || (e.target.tagName === "BUTTON" && e.key.startsWith("Arrow"))) return;
	e.preventDefault();
	f();
});
let typed = 0;
$("search").addEventListener("input", () => { clearTimeout(typed); typed = setTimeout(search, 120); });
$("above").addEventListener("click", () => setScroll((beyond.up + 2) * ROW + AXIS - H));
$("below").addEventListener("click", () => setScroll((beyond.down - 1) * ROW));
$("prev").addEventListener("click", () => step(-1));
$("next").addEventListener("click", () => step(1));
$("zoomin").addEventListener("click", () => zoom(.6));
$("zoomout").addEventListener("click", () => zoom(1 / .6));
$("fit").addEventListener("click", () => { setWindow(0, SPAN); setScroll(0); });
$("theme").addEventListener("click", () => setTheme(!dark));
$("help").addEventListener("click", () => $("keys").showModal());
function rescope() {
	onlyCommand = root >= 0 && !$("machine").checked;
	showIdle = $("idle").checked;
	$("idlebox").hidden = onlyCommand || !idleCount;
	rank();
	layout();
	countCrowd();
	stats();
	search();
	if (selected >= 0) details(selected); else summary();
	setScroll(scrollY);
}
$("idle").addEventListener("change", rescope);
$("machine").addEventListener("change", rescope);

/* ---- light and dark ------------------------------------------------------------------------------------------------- */

function setTheme(d) {
	dark = d;
	document.documentElement.dataset.theme = d ? "dark" : "light";
	const v = getComputedStyle(document.documentElement), get = n => v.getPropertyValue(n).trim();
	css = {bg: get("--bg"), panel: get("--panel"), line: get("--line"), text: get("--text"), muted: get("--muted"), accent: get("--accent"), soft: get("--accent-soft"), bad: get("--bad"), badSoft: get("--bad-soft")};
	makeHatch();
	drawRows();
	if (selected >= 0) details(selected); else summary();
	schedule();
}

/* ---- the top -------------------------------------------------------------------------------------------------------- */

function stats() {
	let n = 0, failedN = 0, execs = 0, alive = 0;
	for (let p = 0; p < N; p++) {
		if (onlyCommand ? !inCommand[p] : 0) continue;
		n++;
		failedN += isFailed(p);
		alive += endKind[p] === 0;
		for (let i = firstImage[p]; i < firstImage[p + 1]; i++) execs += imHow[i] === 2;
	}
	$("stats").replaceChildren();
	for (const [value, name, bad] of [[n, n === 1 ? "process" : "processes"], [execs, "execs"], [failedN, "failed", failedN], [alive, "alive at the end"], [D.gaps.length, D.gaps.length === 1 ? "gap" : "gaps", D.gaps.length]]) {
		const d = el("div", bad ? "bad" : "");
		d.append(el("dt", "", name), el("dd", "", count(value)));
		$("stats").append(d);
	}
}

function head() {
	const own = D.command.indexOf("--"), ran = own >= 0 ? D.command.slice(own + 1) : [];
	const command = ran.length ? ran.map(s => quote(plain(s))).join(" ") : D.host ? "Processes of " + plain(D.host) : "Processes";
	$("title").textContent = command;
	$("title").title = command;
	const parts = [];
	if (D.host) parts.push(plain(D.host));
	if (D.system) parts.push(plain(D.system));
	if (real0 !== null) parts.push(date(0).slice(0, 19) + " UTC");
	parts.push("recorded " + span(D.span));
	if (real0 === null) parts.push("no clock was recorded: times count from the start");
	if (!D.sealed) parts.push("the recording was not closed");
	$("where").textContent = parts.join("  ·  ");
	document.title = command.slice(0, 80) + " · procrec";
	if (D.gaps.length) {
		const lost = D.gaps.reduce((n, gp) => n + (gp[2] || 0), 0);
		$("gapbanner").hidden = false;
		$("gapbanner").textContent = (lost ? plural(lost, "frame") + " " + (lost === 1 ? "is" : "are") : "Frames are") + " missing at " + plural(D.gaps.length, "place") + ": what happened there is not shown, and some ends are not known. The hatched bands say when.";
	}
	$("machinebox").hidden = root < 0;
	$("idletext").textContent = "Show " + count(idleCount) + " idle";
	$("idlebox").title = "Processes that lived all along and started nothing";
	$("prev").disabled = $("next").disabled = true;
}

head();
for (let u = root; u >= 0; u = up[u]) open[u] = 1;
rescope();
const media = window.matchMedia("(prefers-color-scheme: dark)");
setTheme(media.matches);
media.addEventListener("change", e => setTheme(e.matches));
new ResizeObserver(() => { setScroll(scrollY); schedule(); drawRows(); }).observe(document.querySelector(".left"));
if (D.view[0] !== null || D.view[1] !== null) setWindow(D.view[0] === null ? 0 : D.view[0], D.view[1] === null ? SPAN : D.view[1]);
if (root >= 0) { fit(canvas, g); H = canvas.getBoundingClientRect().height; setScroll((row[root] - 1.5) * ROW); $("scroll").scrollTop = Math.max(0, (shown.indexOf(root) - 1) * LINE); }
document.documentElement.dataset.ready = "1";
})();
