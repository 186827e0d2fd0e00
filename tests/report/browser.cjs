// SPDX-License-Identifier: BSD-2-Clause
// browser.cjs FOLDER: the pages in FOLDER as a person uses them. Screenshots are left beside them.
"use strict";
const path = require("path"), fs = require("fs");
const {chromium} = require("playwright-core");
const dir = process.argv[2];
let passed = 0, failed = 0;
const check = (name, ok, got) => {
	if (ok) { passed++; return; }
	failed++;
	console.log(`FAILED ${name}: ${got === undefined ? ok : JSON.stringify(got)}`);
};

const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
	"--allow-file-access-from-files", "--use-gl=swiftshader", "--enable-unsafe-swiftshader"];
let browser;

async function open(name, options = {}) {
	const context = await browser.newContext({viewport: {width: 1440, height: 900}, ...options}), p = await context.newPage();
	const trouble = [];
	p.on("pageerror", e => trouble.push(e.message));
	p.on("console", m => { if (m.type() === "error") trouble.push(m.text()); });
	p.on("dialog", d => { trouble.push("dialog " + d.message()); d.dismiss(); });
	p.on("request", r => { if (!r.url().startsWith("file:") || !r.url().endsWith(".html")) trouble.push("request " + r.url()); });
	const at = Date.now();
	await p.goto("file://" + path.join(dir, name + ".html"));
	await p.waitForSelector("html[data-ready]", {timeout: 60000});
	return {p, trouble, ms: Date.now() - at, view: () => p.evaluate(() => procrec.view), close: () => context.close(),
		shot: as => p.screenshot({path: path.join(dir, (as || name) + ".png")})};
}
const settle = p => p.waitForTimeout(160);
const text = (p, sel) => p.evaluate(s => document.querySelector(s).innerText, sel);

async function loadAndMove() {
	const t = await open("own-frames"), {p} = t;
	check("load.title", await text(p, "#title") === "make", await text(p, "#title"));
	check("load.where", (await text(p, "#where")).includes("build-17"), await text(p, "#where"));
	check("load.stats", (await text(p, "#stats")).replace(/\s+/g, " ").includes("processes 6 "), await text(p, "#stats"));
	const v0 = await t.view();
	await p.keyboard.press("w");
	await settle(p);
	const v1 = await t.view();
	check("zoom.key", v1.t1 - v1.t0 < (v0.t1 - v0.t0) * .8, v1);
	await p.mouse.move(700, 260);
	await p.keyboard.down("Control");
	await p.mouse.wheel(0, -240);
	await p.keyboard.up("Control");
	await settle(p);
	const v2 = await t.view();
	check("zoom.wheel", v2.t1 - v2.t0 < (v1.t1 - v1.t0) * .8, v2);
	await p.mouse.down();
	await p.mouse.move(500, 262, {steps: 4});
	await p.mouse.up();
	await settle(p);
	const v3 = await t.view();
	check("pan.drag", v3.t0 > v2.t0 && Math.abs(v3.t1 - v3.t0 - (v2.t1 - v2.t0)) < 1000, [v2, v3]);
	await p.keyboard.press("0");
	await settle(p);
	check("zoom.fit", (await t.view()).t1 - (await t.view()).t0 === v0.t1 - v0.t0);
	const box = await p.locator("#timeline").boundingBox();
	await p.mouse.click(box.x + box.width * .8, box.y + 26 + 6 + 2 * 19 + 8);
	await settle(p);
	check("click.canvas", (await text(p, "#side h2")) === "make", await text(p, "#side h2"));
	await p.keyboard.press("ArrowDown");
	await settle(p);
	check("key.down", (await text(p, "#side h2")) === "gen.sh", await text(p, "#side h2"));
	check("details.argv", (await text(p, "#side .argv")).replace(/\s+/g, " ").trim() === "./gen.sh a b", await text(p, "#side .argv"));
	check("details.exit", (await text(p, "#side .chips")).includes("exit 3"));
	const id = Buffer.from((await p.evaluate(() => [...document.querySelectorAll("#side .facts dd")].pop().innerText)), "base64").toString();
	check("details.exec_id", id === "build-17:2100001000:201", id);
	await p.click("#side .chain li:first-child button");
	await settle(p);
	check("click.ancestor", (await text(p, "#side h2")) === "systemd", await text(p, "#side h2"));
	await p.keyboard.press("Escape");
	await settle(p);
	check("key.escape", (await t.view()).selected === -1);
	check("load.quiet", !t.trouble.length, t.trouble);
	await t.close();
}

async function searching() {
	const t = await open("own-frames"), {p} = t;
	await p.keyboard.press("/");
	await p.keyboard.type("some/project");
	await p.waitForTimeout(300);
	check("search.count", (await t.view()).matches === 4, await t.view());
	await p.keyboard.press("Enter");
	await settle(p);
	check("search.first", (await text(p, "#found")) === "1 of 4", await text(p, "#found"));
	await p.keyboard.press("Shift+Enter");
	await settle(p);
	check("search.wraps", (await text(p, "#found")) === "4 of 4", await text(p, "#found"));
	await p.fill("#search", "is:failed");
	await p.waitForTimeout(300);
	check("search.failed", (await t.view()).matches === 3, await t.view());
	await p.fill("#search", "no such thing");
	await p.waitForTimeout(300);
	check("search.none", (await text(p, "#found")) === "no match");
	await t.close();
}

async function hostile() {
	const t = await open("hostile-page"), {p} = t;
	const seen = () => p.evaluate(() => ({pwned: window.pwned, imgs: document.querySelectorAll("img, svg, script[src], iframe").length, scripts: document.scripts.length, styles: document.querySelectorAll("style").length}));
	const first = await seen();
	check("hostile.load", first.pwned === undefined && first.imgs === 0 && first.scripts === 1 && first.styles === 1, first);
	check("hostile.title", (await text(p, "#title")).includes("<script>window.pwned=3"), await text(p, "#title"));
	const argv = {};
	for (const pid of [10, 11, 1]) {
		await p.fill("#search", "pid:" + pid);
		await p.waitForTimeout(250);
		await p.keyboard.press("Enter");
		await settle(p);
		argv[pid] = await p.evaluate(() => [...document.querySelectorAll("#side .argv span:not(.esc):not(.muted)")].map(e => e.textContent));
		await p.hover("#rows .row");
		await p.mouse.move(600, 230);
	}
	const want = ["</script><img src=x onerror=window.pwned=5>", "<!--<script>", "]]>", "&lt;b&gt;", "\"]}", "\\u{2028}\\u{2029}", "\\u{202e}gnp.exe", "\\xff\\xfe<", "(empty)",
		"javascript:window.pwned=6", "\\u003c", "${window.pwned=7}", "__proto__", "constructor"];
	check("hostile.argv", JSON.stringify(argv[10].slice(1)) === JSON.stringify(want), argv[10]);
	check("hostile.proto", argv[11][1] === "toString", argv[11]);
	await p.fill("#search", "");
	const last = await seen();
	check("hostile.after", last.pwned === undefined && last.imgs === 0 && last.scripts === 1, last);
	check("hostile.quiet", !t.trouble.length, t.trouble);
	const stopped = await p.evaluate(() => new Promise(done => {
		const seenPolicies = [];
		document.addEventListener("securitypolicyviolation", e => seenPolicies.push(e.effectiveDirective));
		const s = document.createElement("script");
		s.textContent = "window.pwned = 8";
		document.body.append(s);
		const i = new Image();
		i.src = "data:image/gif;base64,R0lGODlhAQABAAAAACw=";
		document.body.append(i);
		document.body.insertAdjacentHTML("beforeend", "<b onclick='window.pwned=9'>x</b>");
		document.body.lastChild.click();
		fetch("https://example.org/").catch(() => 0);
		setTimeout(() => done({pwned: window.pwned, seenPolicies}), 300);
	}));
	check("hostile.policy", stopped.pwned === undefined && ["script-src-elem", "script-src-attr", "img-src", "connect-src"].every(d => stopped.seenPolicies.includes(d)), stopped);
	await t.shot();
	await t.close();
	const u = await open("hostile-strings");
	check("hostile.strings", !u.trouble.length && (await u.p.evaluate(() => !/[\u0000-\u0008\u202a-\u202e\u2066-\u2069\u200b]/.test(document.body.innerText))), u.trouble);
	await u.close();
}

async function themes() {
	for (const scheme of ["light", "dark"]) {
		const t = await open("own-frames", {colorScheme: scheme}), {p} = t;
		const bg = () => p.evaluate(() => getComputedStyle(document.body).backgroundColor);
		check(`theme.${scheme}`, (await p.evaluate(() => document.documentElement.dataset.theme)) === scheme);
		const before = await bg();
		await p.keyboard.press("t");
		await settle(p);
		check(`theme.${scheme}.toggle`, (await bg()) !== before);
		await p.keyboard.press("t");
		await p.keyboard.press("ArrowDown");
		await settle(p);
		await t.shot("own-frames-" + scheme);
		await t.close();
	}
}

async function states() {
	let t = await open("empty");
	check("empty.text", (await text(t.p, "#side")).includes("No processes"), await text(t.p, "#side"));
	check("empty.quiet", !t.trouble.length, t.trouble);
	await t.shot();
	await t.close();
	t = await open("gaps");
	check("gaps.banner", /missing at \d+ place/.test(await text(t.p, "#gapbanner")), await text(t.p, "#gapbanner"));
	check("gaps.list", (await text(t.p, "#side")).includes("lost"), await text(t.p, "#side"));
	await t.shot();
	await t.close();
	t = await open("lineage", {viewport: {width: 600, height: 900}});
	check("narrow", await t.p.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
	check("noclock", (await text(t.p, "#where")).includes("no clock"), await text(t.p, "#where"));
	await t.shot();
	await t.close();
}

async function command() {
	const t = await open("command"), {p} = t;
	const stat = async () => (await text(p, "#stats")).replace(/\s+/g, " ");
	check("command.title", (await text(p, "#title")) === "make 'all targets'", await text(p, "#title"));
	check("command.stats", (await stat()).includes("processes 2 "), await stat());
	check("command.rows", (await text(p, "#rows")).includes("make") && !(await text(p, "#rows")).includes("crond"), await text(p, "#rows"));
	check("command.summary", (await text(p, "#side")).includes("2 processes failed".toUpperCase()) || (await text(p, "#side")).includes("2 processes failed"), await text(p, "#side"));
	await p.click("#machine");
	await settle(p);
	check("machine.rows", (await text(p, "#rows")).includes("logrotate") && !(await text(p, "#rows")).includes("idled"), await text(p, "#rows"));
	check("machine.stats", (await stat()).includes("processes 7 "), await stat());
	await p.click("#idle");
	await settle(p);
	check("idle.rows", (await text(p, "#rows")).includes("idled"), await text(p, "#rows"));
	const row = p.locator("#rows .row", {hasText: "make"}).first();
	await row.click();
	await p.keyboard.press("ArrowLeft");
	await settle(p);
	check("key.close", !(await text(p, "#rows")).includes("a.c"), await text(p, "#rows"));
	await p.keyboard.press("ArrowRight");
	await settle(p);
	check("key.open", (await text(p, "#rows")).includes("a.c"));
	await p.keyboard.press("ArrowRight");
	await settle(p);
	check("key.child", (await text(p, "#side h2")) === "cc", await text(p, "#side h2"));
	check("details.images", (await text(p, "#side .argv")).includes("-c"));
	const o = await p.locator("#overview").boundingBox();
	await p.mouse.move(o.x + o.width * .2, o.y + 20);
	await p.mouse.down();
	await p.mouse.move(o.x + o.width * .4, o.y + 20, {steps: 5});
	await p.mouse.up();
	await settle(p);
	const v = await t.view();
	check("overview.brush", Math.abs((v.t1 - v.t0) / 4e8 - .2) < .03, v);
	await p.keyboard.press("?");
	check("help.opens", await p.locator("#keys").isVisible());
	await p.keyboard.press("Escape");
	check("help.closes", !(await p.locator("#keys").isVisible()));
	check("command.quiet", !t.trouble.length, t.trouble);
	await t.shot();
	await t.close();
}

async function shapes() {
	for (const name of ["deep", "wide"]) {
		const t = await open(name), {p} = t;
		check(`${name}.load`, t.ms < 10000, t.ms);
		await p.fill("#search", "pid:30001");
		await p.waitForTimeout(1000);
		await p.keyboard.press("Enter");
		await p.waitForTimeout(1500);
		check(`${name}.details`, (await text(p, "#side .facts dd")) === "30001", await text(p, "#side .facts dd"));
		await p.evaluate(() => { procrec.frames.length = 0; });
		await p.keyboard.press("Escape");
		for (let k = 0; k < 12; k++) { await p.keyboard.press(k % 2 ? "a" : "s"); await p.waitForTimeout(40); }
		const f = await p.evaluate(() => procrec.frames.slice().sort((a, b) => a - b));
		check(`${name}.frames`, f.length > 5 && f[f.length >> 1] < 50, f);
		check(`${name}.quiet`, !t.trouble.length, t.trouble);
		await t.shot();
		await t.close();
	}
}

async function big() {
	const t = await open("big"), {p} = t;
	check("big.load", t.ms < 10000, t.ms);
	check("big.count", (await text(p, "#stats")).includes("100,350"), await text(p, "#stats"));
	await p.evaluate(() => { procrec.frames.length = 0; });
	const box = await p.locator("#timeline").boundingBox(), x = box.x + box.width / 2, y = box.y + 160;
	await p.mouse.move(x, y);
	for (let k = 0; k < 15; k++) { await p.mouse.wheel(0, 60); await p.waitForTimeout(20); }
	await p.keyboard.down("Control");
	for (let k = 0; k < 25; k++) { await p.mouse.wheel(0, -40); await p.waitForTimeout(20); }
	for (let k = 0; k < 25; k++) { await p.mouse.wheel(0, 40); await p.waitForTimeout(20); }
	await p.keyboard.up("Control");
	await p.mouse.down();
	for (let k = 0; k < 25; k++) { await p.mouse.move(x - k * 8, y - k * 4); await p.waitForTimeout(20); }
	await p.mouse.up();
	const f = await p.evaluate(() => procrec.frames.slice().sort((a, b) => a - b));
	const median = f[f.length >> 1], p95 = f[Math.floor(f.length * .95)];
	check("big.frames", f.length > 40 && median < 50, {frames: f.length, median, p95});
	const at = Date.now();
	await p.fill("#search", "file99999.c");
	await p.waitForFunction(() => procrec.view.matches === 1, null, {timeout: 15000}).catch(() => check("big.search", false, "nothing found"));
	const ms = Date.now() - at;
	await p.keyboard.press("Enter");
	await settle(p);
	check("big.search", ms < 5000 && (await text(p, "#side h2")) === "cc1", ms);
	console.log(`100,350 processes: ready in ${t.ms} ms, frame ${median.toFixed(1)} ms median, ${p95.toFixed(1)} ms at 95 %, ${f.length} frames; first search ${ms} ms; page ${(fs.statSync(path.join(dir, "big.html")).size / 1048576).toFixed(1)} MiB`);
	check("big.quiet", !t.trouble.length, t.trouble);
	await t.shot();
	await t.close();
}

/* A viewer of other people's reads the exports, and has nothing to say against them. */
async function consumers() {
	const index = path.join(dir, "..", "node_modules", "speedscope", "dist", "release", "index.html");
	for (const [file, kind] of [["consumer.perfetto", "Trace Event Format"], ["reuse.perfetto", "Trace Event Format"], ["consumer.folded", "collapsed stack"]]) {
		const context = await browser.newContext(), p = await context.newPage(), said = [];
		p.on("console", m => { if (!/WebGL|GL Driver/.test(m.text())) said.push(m.text()); });
		p.on("pageerror", e => said.push("Error: " + e.message));
		await p.goto("file://" + index);
		await p.locator("input[type=file]").setInputFiles(path.join(dir, file));
		await p.waitForFunction(name => document.title.includes(name), file, {timeout: 15000}).catch(() => said.push("Error: not opened"));
		check(`speedscope.${file}`, said.some(s => s.includes(kind)) && !said.some(s => /Tried to end|Error|was left open|warning/i.test(s)), said.map(s => s.slice(0, 200)));
		await context.close();
	}
}

(async () => {
	browser = await chromium.launch({executablePath: process.env.CHROMIUM || "/usr/bin/chromium", headless: true, args: ARGS});
	for (const part of [loadAndMove, searching, hostile, themes, states, command, shapes, consumers, big]) {
		try { await part(); } catch (e) { check(part.name, false, String(e.stack)); }
	}
	await browser.close();
	console.log(`report-browser: ${passed} passed, ${failed} failed`);
	process.exit(failed ? 1 : 0);
})();
