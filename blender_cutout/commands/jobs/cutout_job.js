// SPDX-License-Identifier: GPL-3.0-or-later
//
// Flamenco 3 job type of Blender Cutout: propagates the masks of a job file in parts at the same time, then makes its
// edges, exports and composites, then renders a .blend that shows them. Goes into the folder `scripts` beside the Manager.
//
// {cutout} is a variable of flamenco-manager.yaml: the command `cutout` on the workers.

const JOB_TYPE = {
    label: "Blender Cutout",
    description: "Propagate the masks of a Blender Cutout job file, and render the composite",
    settings: [
        {
            key: "job_file", type: "string", subtype: "file_path", required: true,
            description: "Job file (NAME.job.json) on storage that all workers share",
        },
        {
            key: "parts", type: "int32", default: 4, propargs: { min: 1, max: 256 },
            description: "How many workers share the masks; more than keyframes are no use",
        },
        {
            key: "device", type: "string", choices: ["auto", "cpu", "cuda", "mps"], default: "auto",
            description: "Device of the networks",
        },
        {
            key: "blendfile", type: "string", subtype: "file_path", required: false,
            eval: "bpy.data.filepath", evalInfo: { showLinkButton: true, description: "The open file" },
            description: "File to render when the masks are done; empty = none",
        },
        {
            key: "frames", type: "string", required: false,
            eval: "f'{C.scene.frame_start}-{C.scene.frame_end}'",
            evalInfo: { showLinkButton: true, description: "Scene frame range" },
            description: "Frames to render, for instance 1-100",
        },
        {
            key: "chunk_size", type: "int32", default: 20, propargs: { min: 1 },
            description: "Frames that one task renders",
        },
        {
            key: "render_output_path", type: "string", subtype: "file_path", required: false,
            description: "Where the rendered frames go, with ######; empty = as in the file",
        },
    ],
};

function compileJob(job) {
    const settings = job.settings;
    if (!settings.job_file) {
        throw new Error("Give the job file that Blender Cutout exported.");
    }
    const masks = [];
    const edges = [];
    const parts = Math.max(1, settings.parts || 1);
    for (let number = 1; number <= parts; number++) {
        masks.push(cutoutTask(settings, "masks", "propagate", number, parts));
    }
    // Added before the tasks that need them: addTask copies.
    masks.forEach(function (task) { job.addTask(task); });
    for (let number = 1; number <= parts; number++) {
        const task = cutoutTask(settings, "edges", "edges", number, parts);
        masks.forEach(function (one) { task.addDependency(one); });
        job.addTask(task);
        edges.push(task);
    }
    const join = cutoutTask(settings, "join", "", 1, 1);
    edges.forEach(function (one) { join.addDependency(one); });
    job.addTask(join);
    if (settings.blendfile && settings.frames) {
        frameChunker(settings.frames, settings.chunk_size || 20).forEach(function (chunk) {
            const task = renderTask(settings, chunk);
            task.addDependency(join);
            job.addTask(task);
        });
    }
}

// Returns a task that does part `number` of `parts` of a step; "" = whatever is left of the whole job.
function cutoutTask(settings, name, step, number, parts) {
    const task = author.Task(parts > 1 ? name + "-" + number : name, "misc");
    const args = ["job", "run", settings.job_file, "--device", settings.device || "auto"];
    if (step) {
        args.push("--step", step, "--part", number + "/" + parts);
    }
    task.addCommand(author.Command("exec", { exe: "{cutout}", args: args }));
    return task;
}

function renderTask(settings, chunk) {
    const task = author.Task("render-" + chunk, "blender");
    const output = settings.render_output_path ? ["--render-output", settings.render_output_path] : [];
    task.addCommand(author.Command("blender-render", {
        exe: "{blender}",
        exeArgs: "{blenderArgs}",
        argsBefore: [],
        blendfile: settings.blendfile,
        args: output.concat(["--render-frame", chunk.replace(/-/g, "..")]),
    }));
    return task;
}
