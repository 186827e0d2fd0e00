// SPDX-License-Identifier: BSD-2-Clause
// catapult.cjs FOLDER FILE...: what the importer of catapult (the code of chrome://tracing) makes of Trace Event JSON, one JSON line a file.
// FOLDER holds it, as npm's lighthouse 1.6.5 has it, and gl-matrix.
"use strict";
const fs = require("fs"), path = require("path");
const [folder, ...files] = process.argv.slice(2), home = path.join(folder, "package", "lighthouse-core");

global.window = global;
Object.assign(global, require(path.resolve(folder, "node_modules", "gl-matrix")));
global.JSZip = {};
global.HTMLImportsLoader = {hrefToAbsolutePath: () => path.resolve(home, "lib", "empty-stub.js")}; // what it needs of pages
require(path.resolve(home, "third_party", "traceviewer-js"));

function answer(file) {
	const model = new tr.Model(), options = new tr.importer.ImportOptions();
	options.showImportWarnings = options.pruneEmptyContainers = options.shiftWorldToZero = false;
	new tr.importer.Import(model, options).importTraces([fs.readFileSync(file, "utf8")]);
	const tracks = [];
	for (const p of model.getAllProcesses())
		for (const t of Object.values(p.threads))
			tracks.push({track: p.pid, process: p.name, thread: t.name, slices: t.sliceGroup.slices.map(s => ({name: s.title, exec_id: s.args.exec_id}))});
	return {warnings: model.importWarnings.map(w => w.message), tracks,
		instants: model.instantEvents.length,
		flows: model.flowEvents.map(f => ({id: f.id, from: f.startSlice.args.exec_id, to: f.endSlice.args}))};
}

for (const file of files)
	console.log(JSON.stringify(answer(file)));
