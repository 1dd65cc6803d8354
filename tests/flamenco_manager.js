// Stands in for Flamenco's Manager: compiles a job as its documented interface says, and prints the tasks as JSON.
// Usage: node flamenco_manager.js SCRIPT < {"settings": {...}, "variables": {...}}
// With variables (name -> value) it is a worker too: it runs the commands of all tasks, each after those it needs.

"use strict";
const childProcess = require("child_process");
const fs = require("fs");
const vm = require("vm");

const TYPES = ["string", "int32", "float", "bool"];
const SUBTYPES = ["file_path", "dir_path", "file_name", "hashed_file_path"];
const KEYS = ["key", "type", "subtype", "choices", "propargs", "default", "eval", "evalInfo", "visible", "required",
    "editable", "label", "description"];
const COMMANDS = {
    "exec": { exe: "string", args: "object" },
    "blender-render": { exe: "string", exeArgs: "string", argsBefore: "object", blendfile: "string", args: "object" },
};

function fail(text) {
    console.error(text);
    process.exit(1);
}

function frames(range) {
    const found = [];
    range.split(",").forEach(function (part) {
        const ends = part.split("-").map(Number);
        for (let frame = ends[0]; frame <= ends[ends.length - 1]; frame++) { found.push(frame); }
    });
    return found;
}

function chunkText(chunk) {
    const parts = [];
    let start = 0;
    for (let at = 1; at <= chunk.length; at++) {
        if (at < chunk.length && chunk[at] === chunk[at - 1] + 1) { continue; }
        const run = chunk.slice(start, at);
        parts.push(run.length > 2 ? run[0] + "-" + run[run.length - 1] : run.join(","));
        start = at;
    }
    return parts.join(",");
}

let numbers = 0;
const context = {
    frameChunker: function (range, size) {
        const all = frames(range), chunks = [];
        for (let at = 0; at < all.length; at += size) { chunks.push(chunkText(all.slice(at, at + size))); }
        return chunks;
    },
    frameCount: function (range) { return frames(range).length; },
    print: function () {},
    author: {
        Task: function (name, type) {
            const task = { id: ++numbers, name: name, type: type, priority: 50, commands: [], needs: [] };
            task.addCommand = function (command) { task.commands.push(command); };
            task.addDependency = function (other) { task.needs.push(other.id); };
            return task;
        },
        Command: function (name, parameters) { return { name: name, parameters: parameters }; },
    },
};

const tasks = [];
const given = JSON.parse(fs.readFileSync(0, "utf-8"));
const job = {
    name: "film", priority: 50, metadata: {}, jobID: "1", created: new Date(), settings: given.settings,
    addTask: function (task) { tasks.push(JSON.parse(JSON.stringify(task))); },
};
const source = '"use strict";\n' + fs.readFileSync(process.argv[2], "utf-8") + "\n;[JOB_TYPE, compileJob]";
const found = vm.runInNewContext(source, context);

found[0].settings.forEach(function (setting) {
    Object.keys(setting).forEach(function (key) { if (!KEYS.includes(key)) { fail("unknown key " + key); } });
    if (!TYPES.includes(setting.type)) { fail("unknown type " + setting.type); }
    if (setting.subtype && !SUBTYPES.includes(setting.subtype)) { fail("unknown subtype " + setting.subtype); }
    if (setting.choices && setting.type !== "string") { fail("choices are for strings"); }
});
if (!found[0].label) { fail("no label"); }
try {
    found[1](job);
} catch (error) {
    fail(String(error.message));
}
const known = tasks.map(function (task) { return task.id; });
tasks.forEach(function (task) {
    if (!task.name || !task.type) { fail("a task without a name or a type"); }
    task.needs.forEach(function (id) { if (!known.includes(id)) { fail(task.name + " needs a task that is not there"); } });
    task.commands.forEach(function (command) {
        const fields = COMMANDS[command.name];
        if (!fields) { fail("unknown command " + command.name); }
        Object.keys(command.parameters).forEach(function (key) {
            if (typeof command.parameters[key] !== fields[key]) { fail(command.name + ": wrong " + key); }
        });
    });
});

function filled(text) {
    return text.replace(/\{(\w+)\}/g, function (whole, name) {
        return name in given.variables ? given.variables[name] : whole;
    });
}

// Returns the program and its arguments, as a worker starts them: without a shell.
function words(command) {
    const parameters = command.parameters, exe = filled(parameters.exe);
    if (command.name === "exec") { return [exe, parameters.args.map(filled)]; }
    const before = filled(parameters.exeArgs).split(" ").concat(parameters.argsBefore);
    return [exe, before.concat([parameters.blendfile], parameters.args)];
}

function runAll() {
    const done = [];
    while (done.length < tasks.length) {
        // The last that may start: the order among those does not matter.
        const task = tasks.filter(function (one) {
            return !done.includes(one.id) && one.needs.every(function (id) { return done.includes(id); });
        }).pop();
        if (!task) { fail("tasks wait for each other"); }
        task.commands.forEach(function (command) {
            const all = words(command), shell = process.platform === "win32";
            const ended = childProcess.spawnSync(all[0], all[1], { encoding: "utf-8", shell: shell });
            if (ended.status !== 0) { fail(task.name + " failed: " + ended.error + ended.stdout + ended.stderr); }
        });
        done.push(task.id);
    }
}

if (given.variables) { runAll(); }
console.log(JSON.stringify({ type: found[0], tasks: tasks }));
